"""Simulated factor moves and books on them, for tests of exposures, VaR and its record."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date

import numpy as np
import polars as pl

from macro_fund.instruments.di1 import dv01
from macro_fund.risk.exposures import MAPPED, exposures
from macro_fund.risk.var import value_at_risk
from macro_fund.store.tables import TABLES
from macro_fund_tests.portfolio.world import BDAYS, CONTRACTS, settings, targets_frame, weekdays

INSTRUMENTS = settings().instruments
VOL = np.array([4.0, 7.0, 9.0, 12.0, 13.0, 0.009, 0.014])
LOADING = np.array([0.5, 0.8, 0.9, 0.9, 0.85, 0.5, -0.4])
RATE = 0.12
DELTA = {"DOL_1M": 250_000.0, "IND_2M": 120_000.0}
UNIT_DV01 = {n: float(dv01(RATE, b)) for n, b in BDAYS.items() if n.startswith("DI1")}


def normal_moves(n: int, seed: int = 5) -> np.ndarray:
    """Moves (days x MAPPED) of one common and one own normal each."""
    rng = np.random.default_rng(seed)
    own = rng.standard_normal((n, len(MAPPED))) * np.sqrt(1 - LOADING**2)
    return VOL * (rng.standard_normal((n, 1)) * LOADING + own)


def shocks_frame(moves: np.ndarray) -> pl.DataFrame:
    """silver/factor_shocks: row k of `moves` is the k-th weekday's, known on the next weekday; NaN is no row."""
    days = weekdays(len(moves) + 1)
    frames = [
        pl.DataFrame(
            {"session": days[1:], "trade_date": days[:-1], "factor": [f] * len(moves), "level": [1.0] * len(moves),
             "shock": moves[:, k]}
        )
        for k, f in enumerate(MAPPED)
    ]  # fmt: skip
    table = TABLES["silver/factor_shocks"]
    return pl.concat(frames).filter(~pl.col("shock").is_nan()).select(list(table.schema)).sort(table.sort)


def sessions_of(shocks: pl.DataFrame, last: int) -> list[date]:
    return shocks["session"].unique().sort().to_list()[-last:]


def returns_frame(sessions: Sequence[date]) -> pl.DataFrame:
    """silver/instrument_returns that says how many business days each contract has."""
    rows = [
        {"session": s, "trade_date": s, "instrument": n, "contract": CONTRACTS[n], "next_contract": CONTRACTS[n],
         "price": 1.0, "rate": RATE, "bdays": b, "pnl_brl": None, "shock": None, "dv01_brl": 0.0, "delta_brl": 0.0}
        for s in sessions
        for n, b in BDAYS.items()
    ]  # fmt: skip
    return pl.DataFrame(rows, schema=TABLES["silver/instrument_returns"].schema)


def book(positions: Mapping[str, int | None], sessions: Sequence[date], **shares: object) -> pl.DataFrame:
    """The same target book on each session; None is a target without a view."""
    return targets_frame(
        [
            {
                "session": s,
                "instrument": name,
                "contract": CONTRACTS[name],
                "target_contracts": n,
                "rate": RATE if name in UNIT_DV01 else None,
                "dv01_brl": None if n is None else n * UNIT_DV01.get(name, 0.0),
                "delta_brl": None if n is None else n * DELTA.get(name, 0.0),
                "shares": shares.get(name, [{"strategy_id": "S-01", "share": 1.0}]) if n else [],
                "status": "no_view" if n is None else "ok",
                "reason": f"no listed settlement for {name}" if n is None else "",
            }
            for s in sessions
            for name, n in positions.items()
        ]
    )


def exposed(targets: pl.DataFrame, sessions: Sequence[date]) -> pl.DataFrame:
    return exposures(targets, returns_frame(sessions), INSTRUMENTS, sessions)


def var_of(targets: pl.DataFrame, shocks: pl.DataFrame, sessions: Sequence[date]) -> pl.DataFrame:
    returns = returns_frame(sessions)
    return value_at_risk(targets, exposed(targets, sessions), shocks, returns, INSTRUMENTS, sessions)
