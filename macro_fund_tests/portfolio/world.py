"""A small market for portfolio and risk tests: settlements of six instruments and signals of three strategies."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import polars as pl

from macro_fund.instruments.di1 import dv01, pu
from macro_fund.settings import Settings, default_settings
from macro_fund.store.tables import TABLES

BDAYS = {"DI1_1Y": 252, "DI1_2Y": 504, "DI1_3Y": 756, "DI1_5Y": 1260, "DOL_1M": 21, "IND_2M": 42}
CONTRACTS = {
    "DI1_1Y": "DI1F12",
    "DI1_2Y": "DI1F13",
    "DI1_3Y": "DI1F14",
    "DI1_5Y": "DI1F16",
    "DOL_1M": "DOLG11",
    "IND_2M": "INDG11",
}
NAMES = sorted(BDAYS)
VOL = np.array([7.0, 9.0, 10.0, 12.0, 0.009, 0.014])


def settings() -> Settings:
    return default_settings()


def weekdays(n: int, start: date = date(2010, 1, 4)) -> list[date]:
    days: list[date] = []
    day = start
    while len(days) < n:
        if day.weekday() < 5:
            days.append(day)
        day += timedelta(days=1)
    return days


def market(n: int, seed: int = 7) -> pl.DataFrame:
    """silver/instrument_returns of `n` trade dates; each becomes known on the next weekday."""
    rng = np.random.default_rng(seed)
    level = rng.standard_normal((n, 1))
    loading = np.array([0.8, 0.9, 0.9, 0.85, 0.5, -0.4])
    shocks = VOL * (level * loading + rng.standard_normal((n, 6)) * np.sqrt(1 - loading**2))
    days = weekdays(n + 1)
    frames = []
    for k, name in enumerate(NAMES):
        move, bdays = shocks[:, k], np.full(n, BDAYS[name])
        if name.startswith("DI1"):
            rate = 0.12 + np.cumsum(move) * 1e-6
            price, unit_dv01, unit_delta = pu(rate, bdays), dv01(rate, bdays), np.zeros(n)
        else:
            rate = np.full(n, np.nan)
            price = (5200.0 if name == "DOL_1M" else 110_000.0) * np.exp(np.cumsum(move) * 0.05)
            unit_dv01, unit_delta = np.zeros(n), price * (50.0 if name == "DOL_1M" else 1.0)
        frames.append(
            pl.DataFrame(
                {
                    "session": days[1:],
                    "trade_date": days[:-1],
                    "instrument": [name] * n,
                    "contract": [CONTRACTS[name]] * n,
                    "next_contract": [CONTRACTS[name]] * n,
                    "price": price,
                    "rate": pl.Series(rate).fill_nan(None),
                    "bdays": pl.Series(bdays).cast(pl.Int32),
                    "pnl_brl": np.zeros(n),
                    "shock": pl.Series([None, *move[1:].tolist()], dtype=pl.Float64),
                    "dv01_brl": unit_dv01,
                    "delta_brl": unit_delta,
                }
            )
        )
    table = TABLES["silver/instrument_returns"]
    return pl.concat(frames).select(pl.col(n).cast(t) for n, t in table.schema.items()).sort(table.sort)


def sessions_of(returns: pl.DataFrame, last: int | None = None) -> list[date]:
    """All sessions of a market, or only its newest ones."""
    days = returns["session"].unique().sort().to_list()
    return days if last is None else days[-last:]


def signal(session: date, strategy: str, instrument: str, value: float | None, **changes: object) -> dict[str, object]:
    """One signals row; direction follows the signal (short DOL for a positive one) unless given."""
    sign = {i.id: i.asset_sign for i in settings().instruments}.get(instrument, 1)
    row: dict[str, object] = {
        "session": session,
        "strategy_id": strategy,
        "instrument": instrument,
        "signal": value,
        "z": value,
        "direction": 0 if value is None else int(np.sign(value)) * sign,
        "strength": abs(value or 0.0),
        "entry_level": None,
        "stop_level": None,
        "target_level": None,
        "sigma_daily": None,
        "horizon_days": 21,
        "confidence": 0.6,
        "status": "ok",
        "reason": "",
    }
    return row | changes


def signals_frame(rows: list[dict[str, object]]) -> pl.DataFrame:
    return pl.DataFrame(rows, schema=TABLES["signals/rates_01"].schema).sort("session", "strategy_id", "instrument")


def random_signals(sessions: list[date], seed: int = 3) -> pl.DataFrame:
    """Three strategies as configured, in and out of position, with random confidence."""
    rng = np.random.default_rng(seed)
    rows = []
    for day in sessions:
        for strategy in settings().strategies:
            for name in strategy.instruments:
                value = float(np.round(rng.uniform(-1, 1), 6))
                out = rng.uniform() < 0.3
                rows.append(
                    signal(
                        day,
                        strategy.id,
                        name,
                        value,
                        confidence=float(rng.uniform(0.2, 1)),
                        **({"direction": 0} if out else {}),
                    )
                )
    return signals_frame(rows)


def targets_frame(rows: list[dict[str, object]]) -> pl.DataFrame:
    """portfolio/targets from partial rows; what is not given is empty or zero."""
    blank: dict[str, object] = {
        "contract": None,
        "target_contracts": 0,
        "unrounded": 0.0,
        "score": 0.5,
        "conviction": 0.5,
        "price": None,
        "rate": None,
        "sigma_brl": None,
        "dv01_brl": 0.0,
        "delta_brl": 0.0,
        "binding_constraint": "risk_share",
        "shares": [],
        "status": "ok",
        "reason": "",
    }
    table = TABLES["portfolio/targets"]
    return pl.DataFrame([blank | row for row in rows], schema=table.schema).sort(table.sort)
