"""Synthetic frames in the shapes of the lake, for tests of agents and strategies.

A small world with seeded noise on the fund's real sessions: every daily value is known the morning after its day,
monthly values some weeks after the month. Tests plant their situation by changing a frame.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta
from functools import cache

import numpy as np
import polars as pl

from macro_fund.agents.as_known import carry, newest_known
from macro_fund.settings import default_settings
from macro_fund.store.tables import TABLES
from macro_fund.strategies.panel import Panel
from macro_fund.time.sessions import Sessions, assign_session, sessions
from macro_fund_tests.strategies.events_frames import IPCA_LAG, events_tables, ipca_months
from macro_fund_tests.strategies.fx_frames import fx_months, fx_series, fx_tables
from macro_fund_tests.strategies.rates_frames import rates_series, rates_tables

UTC_TIME = pl.Datetime("us", "UTC")
NODES = (1, 21, 63, 126, 252, 504, 756, 1260, 2520)
MAX_AGE: Mapping[str, int] = {s.id: s.max_age_days for s in default_settings().series}
START = date(2010, 1, 4)


def table() -> Sessions:
    return sessions()


def observed(series_id: str, days: list[date], values: np.ndarray, lag_days: int) -> pl.DataFrame:
    """Rows of silver/observations: known at 10:00 UTC (before the cut-off), `lag_days` after the event date."""
    frame = pl.DataFrame({"event_date": days, "value": values}, schema={"event_date": pl.Date, "value": pl.Float64})
    frame = frame.with_columns(
        (pl.col("event_date").cast(UTC_TIME) + timedelta(days=lag_days, hours=10)).alias("knowledge_time"),
        pl.lit(series_id).alias("series_id"),
        pl.lit("lag").alias("knowledge_basis"),
        pl.lit(False).alias("late"),
        pl.lit("test").alias("source"),
    )
    schema = TABLES["silver/observations"].schema
    return assign_session(frame, table()).select(pl.col(n).cast(t) for n, t in schema.items())


def months(first: date, last: date) -> list[date]:
    return pl.date_range(first.replace(day=1), last.replace(day=1), "1mo", eager=True).to_list()


def weekdays(first: date, last: date) -> list[date]:
    days = pl.date_range(first, last, "1d", eager=True)
    return days.filter(days.dt.weekday() <= 5).to_list()


def _walk(rng: np.random.Generator, n: int, start: float, step: float, pull: float = 0.02) -> np.ndarray:
    """A mean-reverting path of logs around `start`, in levels."""
    noise = rng.normal(0.0, step, n)
    out = np.zeros(n)
    for k in range(1, n):
        out[k] = (1.0 - pull) * out[k - 1] + noise[k]
    return start * np.exp(out)


def world_observations(last: date, seed: int) -> pl.DataFrame:
    """Every series that agents and strategies read, from before the first session to `last`."""
    rng = np.random.default_rng(seed)
    days, monthly = weekdays(date(2009, 1, 1), last), months(date(2004, 1, 1), last)
    selic = np.round(0.11 + 0.02 * np.sin(np.arange(len(days)) / 260.0), 4)
    n, m = len(days), len(monthly)
    daily = {
        "br_selic_target": (selic, 0),
        "br_cdi_daily": ((1.0 + selic - 0.001) ** (1 / 252) - 1.0, 1),
        "br_focus_ipca_12m_smooth": (0.05 + 0.004 * np.sin(np.arange(n) / 180.0), 3),
        "br_focus_ipca_12m": (0.051 + 0.004 * np.sin(np.arange(n) / 180.0), 3),
        "br_usdbrl_ptax_ask": (_walk(rng, n, 2.5, 0.008), 1),
        "us_dff": (np.full(n, 0.002) + np.abs(rng.normal(0, 1e-4, n)), 1),
        "us_vix": (_walk(rng, n, 20.0, 0.05), 1),
        "us_hy_oas": (_walk(rng, n, 0.05, 0.02), 1),
        "us_dollar_broad": (_walk(rng, n, 100.0, 0.004), 4),
        "us_spx": (_walk(rng, n, 1500.0, 0.01, 0.001), 1),
        "fx_usdmxn": (_walk(rng, n, 13.0, 0.006), 1),
    }
    trend = np.exp(0.0015 * np.arange(m))
    rates = {k: 0.004 + rng.normal(0, 0.0012, m) for k in ("br_ipca_core_ex0", "br_ipca_core_ms")}
    slow = {
        "br_ibc_br_sa": (_walk(rng, m, 120.0, 0.006) * trend, 78),
        "br_ipca_12m": (0.055 + 0.01 * np.sin(np.arange(m) / 14.0), 42),
        "br_ipca_mom": (ipca_months(m, seed), IPCA_LAG),
        **{k: (v, 42) for k, v in rates.items()},
        "us_cfnai": (rng.normal(0, 0.6, m), 56),
        "us_cpi_core": (_walk(rng, m, 220.0, 0.0004) * np.exp(0.0017 * np.arange(m)), 51),
    }
    years = [date(y, 1, 1) for y in range(2006, last.year + 3)]
    parts = [observed(k, days, v, lag) for k, (v, lag) in daily.items()]
    parts += [observed(k, days, v, lag) for k, (v, lag) in rates_series(n, seed).items()]
    parts += [observed(k, days, v, lag) for k, (v, lag) in fx_series(n, seed).items()]
    parts += [observed(k, monthly, v, lag) for k, (v, lag) in {**slow, **fx_months(m, seed)}.items()]
    parts.append(observed("br_inflation_target", years, np.full(len(years), 0.045), -900))
    rows = pl.concat(parts).filter(pl.col("session") <= last)
    return rows.sort("session", "series_id", "event_date", "knowledge_time")


def world_curve(keys: list[date], seed: int, front: float = 0.11, slope: float = 0.01) -> pl.DataFrame:
    """silver/di_curve: rate = front + slope x (1 - exp(-years)) + a level and a tilt that wander a little."""
    rng, more = np.random.default_rng(seed + 1), np.random.default_rng([seed, 107])
    level = np.cumsum(rng.normal(0, 2e-4, len(keys)))
    level -= np.linspace(0, level[-1], len(keys))
    tenor = np.array(NODES)
    tilt = np.cumsum(more.normal(0, 5e-5, len(keys)))
    tilt -= np.linspace(0, tilt[-1], len(keys))
    rate = front + slope * (1.0 - np.exp(-tenor / 252.0))[None, :] + level[:, None]
    rate = rate + tilt[:, None] * np.log1p(tenor / 252.0)[None, :]
    log_c = np.log1p(rate) * tenor / 252.0
    earlier = np.stack([np.interp(np.maximum(tenor - 21, 0), [0, *NODES], [0.0, *row]) for row in log_c])
    forward = np.where(tenor >= 21, np.expm1((log_c - earlier) * 252.0 / 21.0), np.nan)
    rows = pl.DataFrame(
        {
            "session": np.repeat(np.array(keys, dtype="datetime64[D]"), len(NODES)),
            "tenor_bd": np.tile(tenor, len(keys)),
            "rate": rate.ravel(),
            "forward_21d": pl.Series(forward.ravel()).fill_nan(None),
        }
    ).with_columns(
        pl.col("session").dt.offset_by("-1d").alias("curve_date"),
        pl.lit(30).alias("n_contracts"),
        pl.lit(False).alias("extrapolated"),
        pl.lit(1.0).alias("quality"),
    )
    return rows.select(pl.col(n).cast(t) for n, t in TABLES["silver/di_curve"].schema.items())


def world_returns(keys: list[date], seed: int) -> pl.DataFrame:
    """silver/leg_returns of every instrument of the config."""
    parts = []
    for number, instrument in enumerate(default_settings().instruments):
        rng = np.random.default_rng([seed, number])
        n = len(keys)
        rates = instrument.quoted_in_rates
        years = instrument.tenor_bd / 252.0
        shock = rng.normal(0.0, 8.0 if rates else 0.01, n)
        level = (
            0.12 + np.clip(np.cumsum(shock) * 1e-6, -0.01, 0.01) if rates else 2000.0 * np.exp(np.cumsum(shock) * 0.05)
        )
        pu = 1e5 / (1.0 + level) ** years
        dv01 = 1e-4 * years / (1.0 + level) * pu if rates else np.zeros(n)
        pnl = -dv01 * shock if rates else level * shock * instrument.point_value_brl
        parts.append(
            pl.DataFrame(
                {
                    "session": keys,
                    "trade_date": [k - timedelta(days=1) for k in keys],
                    "instrument": instrument.id,
                    "basis": "listed" if instrument.book else "proxy",
                    "level": level,
                    "shock": [None, *shock[1:]],
                    "pnl_brl": [None, *pnl[1:]],
                    "dv01_brl": dv01,
                    "delta_brl": np.zeros(n) if rates else level * instrument.point_value_brl,
                    "cost_brl": 0.5 * dv01 + 1.0 if rates else np.full(n, 30.0),
                    "margin_brl": 100.0 * dv01 if rates else level,
                    "rolled": False,
                    "limit_locked": False,
                }
            ).select(pl.col(c).cast(t) for c, t in TABLES["silver/leg_returns"].schema.items())
        )
    return pl.concat(parts).sort("session", "trade_date", "instrument")


def as_known(observations: pl.DataFrame, keys: list[date]) -> pl.DataFrame:
    """silver/as_known: newest value of each series at each session."""
    grid = pl.DataFrame({"session": keys}, schema={"session": pl.Date})
    parts = []
    for series_id in observations["series_id"].unique().sort().to_list():
        known = carry(newest_known(observations, series_id, keys[-1]), grid).drop_nulls("event_date")
        age = (pl.col("session") - pl.col("event_date")).dt.total_days()
        parts.append(
            known.with_columns(
                pl.lit(series_id).alias("series_id"),
                pl.lit("lag").alias("knowledge_basis"),
                age.alias("age_days"),
                (age > MAX_AGE[series_id]).alias("stale"),
            ).select(pl.col(n).cast(t) for n, t in TABLES["silver/as_known"].schema.items())
        )
    return pl.concat(parts).sort("session", "series_id")


def monetary_rows(keys: list[date], score: float = 0.0, status: str = "ok") -> pl.DataFrame:
    """The columns of agents/monetary_view that strategies read."""
    return pl.DataFrame(
        {
            "session": keys,
            "state_score": score,
            "confidence": 0.8,
            "status": status,
            "reason": "",
            "us_score": 0.6 * np.sin(np.arange(len(keys)) / 40.0),
            "us_reason": "",
        },
        schema_overrides={"session": pl.Date},
    )


@dataclass(frozen=True)
class World:
    """Sessions with the frames known on them."""

    keys: list[date]
    observations: pl.DataFrame
    panel: Panel

    def with_panel(self, **changes: pl.DataFrame) -> World:
        """The world with other tables, named by the last part of their key (as_known, monetary_view)."""
        keys = {key.split("/")[1]: key for key in self.panel.tables}
        tables = {**self.panel.tables, **{keys[name]: frame for name, frame in changes.items()}}
        return replace(self, panel=replace(self.panel, tables=tables))


@cache
def world(n: int = 900, seed: int = 7, front: float = 0.11, slope: float = 0.01) -> World:
    """The first `n` sessions of history."""
    keys = table().keys(START, date(2030, 12, 30))[:n]
    observations = world_observations(keys[-1], seed)
    rates, events = rates_tables(keys, seed), events_tables(keys, seed)
    tables = {
        "silver/as_known": as_known(observations, keys),
        "silver/di_curve": world_curve(keys, seed, front, slope),
        "silver/leg_returns": world_returns(keys, seed),
        "agents/monetary_view": monetary_rows(keys),
        **rates,
        **events,
        "silver/focus": pl.concat([rates["silver/focus"], events["silver/focus"]]).sort(TABLES["silver/focus"].sort),
        **fx_tables(keys, seed),
        "silver/observations": observations,
    }
    panel = Panel(tables, default_settings().instruments, default_settings().ratings, tuple(keys))
    return World(keys, observations, panel)


def poisoned(frame: pl.DataFrame, after: date) -> pl.DataFrame:
    """Every float of rows that became known after session `after` is NaN."""
    later = pl.col("session") > after
    floats = [n for n, t in frame.schema.items() if t == pl.Float64]
    return frame.with_columns(pl.when(later).then(float("nan")).otherwise(pl.col(n)).alias(n) for n in floats)
