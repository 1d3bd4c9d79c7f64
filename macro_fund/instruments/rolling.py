"""Which listed contract an instrument holds, day by day.

Belongs here: the choice of contract and its roll (dates, tenors, tickers only). Does not belong here: prices, P&L or
risk (marks.py).

A DI1 instrument of a year or more holds January or July contracts, the ones that trade on every date; the others hold
any month. The contract nearest the tenor is chosen at a settlement and kept until it is further than
max(63, tenor/4) business days from the tenor or has fewer than `roll_bd` left. The path starts at the first settlement,
so that the contract held today does not depend on where a calculation begins.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
import numpy.typing as npt
import polars as pl

from macro_fund.settings import Instrument

LIQUID_MONTHS = ("F", "N")
LIQUID_FROM_BD = 252
MIN_DRIFT_BD = 63
MAX_MISSING_DAYS = 5
PATH = pl.Schema(
    {
        "session": pl.Date,
        "trade_date": pl.Date,
        "instrument": pl.String,
        "contract": pl.String,
        "next_contract": pl.String,
        "opening": pl.Boolean,
    }
)

Ints = npt.NDArray[np.int64]


@dataclass
class _Holding:
    """The contract held, and the days on which it had no settlement."""

    contract: str | None = None
    missing: int = 0


def roll_path(marks: pl.DataFrame, instruments: Sequence[Instrument]) -> pl.DataFrame:
    """Contracts held by each instrument: (session, trade_date, instrument, contract, next_contract, opening).

    marks: silver/contract_marks rows, full history. `contract` is held over trade_date, `next_contract` from its
    settlement on; `opening` marks the first day and a restart, when nothing was held over the day. A day on which the
    held contract has no settlement has no row; after five such days, or with nothing left to hold, it starts again.
    """
    parts = [_path(marks.filter(pl.col("root") == i.root), i) for i in instruments]
    return pl.concat([pl.DataFrame(schema=PATH), *parts])


def nearest(bdays: Ints, tenor: int, minimum: int) -> int | None:
    """Position of the contract nearest to `tenor` with at least `minimum` business days; the shorter one of a tie."""
    allowed = np.flatnonzero(bdays >= max(minimum, 1))
    if not allowed.size:
        return None
    distance = np.abs(bdays[allowed] - tenor)
    return int(allowed[np.lexsort((bdays[allowed], distance))[0]])


def _path(marks: pl.DataFrame, instrument: Instrument) -> pl.DataFrame:
    """Walk through the settlement days in the order in which they became known."""
    if instrument.root == "DI1" and instrument.tenor_bd >= LIQUID_FROM_BD:
        marks = marks.filter(pl.col("contract").str.slice(3, 1).is_in(list(LIQUID_MONTHS)))
    first = marks.group_by("trade_date", maintain_order=True).agg(pl.col("session").min().alias("first"))
    listed = (
        marks.join(first, on="trade_date")
        .filter(pl.col("session") == pl.col("first"))
        .sort("session", "trade_date", "contract")
    )
    contracts, bdays = listed["contract"].to_list(), listed["bdays"].to_numpy().astype(np.int64)
    days = (
        listed.select("session", "trade_date")
        .with_row_index("at")
        .unique(["session", "trade_date"], keep="first", maintain_order=True)
    )
    ends = [*days["at"].to_list(), len(contracts)][1:]
    held, rows = _Holding(), []
    decided: list[tuple[date, str]] = []
    for session, trade_date, start, end in zip(days["session"], days["trade_date"], days["at"], ends, strict=True):
        names = contracts[start:end]
        if decided and trade_date < decided[-1][0]:
            late = _late(decided, trade_date, names)
            rows += [(session, trade_date, instrument.id, late, late, False)] if late else []
            continue
        before = held.contract
        after = _step(held, names, bdays[start:end], instrument)
        if after is not None:
            over = before if before is not None and before in names else None
            rows.append((session, trade_date, instrument.id, over or after, after, over is None))
            decided.append((trade_date, after))
    return pl.DataFrame(rows, schema=PATH, orient="row")


def _step(held: _Holding, names: list[str], bdays: Ints, instrument: Instrument) -> str | None:
    """The contract to hold from this settlement on, or None on a day that cannot mark the held one."""
    if held.contract in names:
        left = int(bdays[names.index(held.contract)])
        drift = abs(left - instrument.tenor_bd)
        if left >= instrument.roll_bd and drift <= max(MIN_DRIFT_BD, instrument.tenor_bd / 4):
            held.missing = 0
            return held.contract
    elif held.contract is not None and held.missing < MAX_MISSING_DAYS:
        held.missing += 1
        return None
    chosen = nearest(bdays, instrument.tenor_bd, instrument.roll_bd)
    if chosen is not None:
        held.contract, held.missing = names[chosen], 0
        return held.contract
    return held.contract if held.contract in names else None


def _late(decided: list[tuple[date, str]], trade_date: date, names: list[str]) -> str | None:
    """The contract held over a day whose settlements came after a later day's: no roll was decided on it."""
    before = [contract for day, contract in decided if day < trade_date]
    return before[-1] if before and before[-1] in names else None
