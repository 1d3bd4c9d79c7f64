"""A fund of three years for the tests of its books: a market with late and corrected settlements, and many trades.

Belongs here: what is traded and what goes wrong with the data. Does not belong here: any expectation. Marks are made by
`instruments/marks.py` from the market's settlements, so what comes late or again reaches the books as in a real fund.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import cached_property
from typing import Any

import numpy as np
import polars as pl

from macro_fund.instruments.di1 import pu, round2
from macro_fund.pms import book
from macro_fund.pms.explain import explain
from macro_fund_tests.instruments import market
from macro_fund_tests.pms.builders import ANBIMA, CAPITAL, FILL_SCHEMA, TABLE

END = date(2020, 12, 30)
INCEPTION = date(2018, 1, 15)
SESSIONS = TABLE.keys(INCEPTION, END)
REAL_START, REAL_SPAN = date(2018, 12, 3), (date(2019, 1, 3), date(2021, 12, 30))
HOLDS = {"DI1_2Y": ("DI1", 504, 4000), "DI1_5Y": ("DI1", 1260, 1200), "DOL_1M": ("DOL", 21, 250)}
"""Of each instrument its root, tenor in business days and the most contracts that it holds."""

LATE, CORRECTED = 60, 40
_STRATEGIES = ("RATES-01", "FX-02", "CROSS-02")


@dataclass(frozen=True)
class Fund:
    """A fund's fills and what its market said; the books are computed from them."""

    marks: pl.DataFrame
    cdi: pl.DataFrame
    fills: pl.DataFrame
    sessions: list[date]

    @property
    def _accounts(self) -> dict[str, Any]:
        return {"capital": CAPITAL, "inception": self.sessions[0], "calendar": ANBIMA, "table": TABLE}

    @cached_property
    def cube(self) -> pl.DataFrame:
        return book.pnl(self.fills, self.marks, self.cdi, self.sessions, **self._accounts)

    @cached_property
    def nav(self) -> pl.DataFrame:
        return book.nav(self.cube, self.cdi, self.sessions, **self._accounts)

    @cached_property
    def explained(self) -> pl.DataFrame:
        return explain(self.fills, self.marks, self.cube, self.sessions, self.marks)


def simulated(seed: int = 3) -> Fund:
    """The fund on the made market: some settlements are late, some corrected, one CDI is late."""
    rng = np.random.default_rng(seed)
    rows = _spoilt(market.settlements(end=END), rng)
    cdi = market.cdi(800)
    cdi = cdi.with_columns(
        session=pl.when(pl.col("event_date") == SESSIONS[300]).then(SESSIONS[306]).otherwise("session")
    )
    marks = market.marks_of(rows, cdi, market.keys(market.START, END))
    return Fund(marks, cdi, trades(marks, SESSIONS, rng), SESSIONS)


def _spoilt(rows: pl.DataFrame, rng: np.random.Generator) -> pl.DataFrame:
    """Whole days of a root that come one to four sessions late, and contracts whose settlement comes again changed."""
    days = rows.select("root", "event_date").unique(maintain_order=True)
    late = days[rng.choice(days.height, LATE, replace=False).tolist()]
    late = late.with_columns(by=pl.Series(rng.integers(1, 5, LATE)))
    rows = rows.join(late, on=["root", "event_date"], how="left", maintain_order="left")
    known = [s if b is None else TABLE.offset(s, b) for s, b in rows.select("session", "by").iter_rows()]
    rows = rows.with_columns(pl.Series("session", known)).drop("by")
    again = rows[rng.choice(rows.height, CORRECTED * 10, replace=False).tolist()]
    again = again.with_columns(
        session=pl.Series([TABLE.offset(s, 3) for s in again["session"]]), settle_rate=pl.col("settle_rate") + 0.0002
    )
    left = market.calendar().count_many(again["event_date"], again["maturity"], known_on=again["event_date"])
    prices = round2(pu(again["settle_rate"].fill_null(0.0).to_numpy(), left))
    is_rate = pl.col("settle_rate").is_not_null()
    price = pl.when(is_rate).then(pl.Series(prices)).otherwise((pl.col("settle_price") * 1.0004).round(2))
    changed = again.with_columns(settle_price=price)
    return pl.concat([rows, changed]).filter(pl.col("session") <= END)


def trades(marks: pl.DataFrame, sessions: list[date], rng: np.random.Generator) -> pl.DataFrame:
    """Fills with shares: random targets, partly closed, turned, rolled on the way, sometimes left to expire."""
    listed = {k[0]: part for k, part in marks.sort("session").partition_by("trade_date", as_dict=True).items()}
    held: dict[str, dict[str, int]] = {i: {} for i in HOLDS}
    rows: list[dict[str, Any]] = []
    for session in sessions[1:]:
        day = TABLE.offset(session, -1)
        quotes = {r["contract"]: r for r in listed.get(day, marks.clear()).sort("session").iter_rows(named=True)}
        for instrument, (root, tenor, most) in HOLDS.items():
            own = held[instrument]
            for gone in [c for c in own if c not in quotes or quotes[c]["bdays"] <= 0]:
                del own[gone]
            choice = [q for q in quotes.values() if q["root"] == root and q["bdays"] > 3]
            if not choice:
                continue
            wanted = min(choice, key=lambda q: abs(q["bdays"] - tenor))["contract"]
            rolls = bool(own) and wanted not in own and rng.random() < 0.9
            if not rolls and rng.random() > 0.15:
                continue
            goal = int(rng.integers(-most, most + 1)) if rng.random() < 0.8 else 0
            if rolls and rng.random() < 0.8:
                goal = sum(own.values())
            for contract in sorted({*own, wanted}):
                change = (goal if contract == wanted else 0) - own.get(contract, 0)
                if change and (contract == wanted or rolls):
                    rows.append(_fill(quotes[contract], instrument, change, len(rows), rng))
                    own[contract] = own.get(contract, 0) + change
            held[instrument] = {c: q for c, q in own.items() if q}
    return pl.DataFrame(rows, schema=FILL_SCHEMA, orient="row").sort("session", "fill_id")


def _fill(quote: dict[str, Any], instrument: str, change: int, number: int, rng: np.random.Generator) -> dict[str, Any]:
    """A fill in the session that first knows its settlement."""
    cut = round(float(rng.uniform(0.1, 0.9)), 3)
    first, second = rng.choice(_STRATEGIES, 2, replace=False).tolist()
    return {
        "session": quote["session"],
        "trade_date": quote["trade_date"],
        "fill_id": f"fill{number:05d}",
        "order_id": f"order{number:05d}",
        "contract": quote["contract"],
        "instrument": instrument,
        "quantity": change,
        "price": quote["settle_price"],
        "cost_brl": Decimal(abs(change) * 107).scaleb(-2),
        "shares": [{"strategy_id": first, "share": cut}, {"strategy_id": second, "share": 1 - cut}],
    }
