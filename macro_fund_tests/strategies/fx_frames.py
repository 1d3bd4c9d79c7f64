"""Synthetic tables that the strategies on the real, on credit and on regimes read, beside those of frames.py."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import polars as pl

from macro_fund.store.tables import TABLES

TRADERS = ("us_cot_tff_brl", "leveraged")


def _walk(rng: np.random.Generator, n: int, step: float, pull: float = 0.02) -> np.ndarray:
    out, noise = np.zeros(n), rng.normal(0.0, step, n)
    for k in range(1, n):
        out[k] = (1.0 - pull) * out[k - 1] + noise[k]
    return out


def fx_series(n: int, seed: int) -> dict[str, tuple[np.ndarray, int]]:
    """Daily series with their lag in days. Contracted flow comes a day late here, not by weeks."""
    rng = np.random.default_rng([seed, 201])
    return {"br_fx_flow_total": (rng.normal(50.0, 400.0, n), 1)}


def fx_months(m: int, seed: int) -> dict[str, tuple[np.ndarray, int]]:
    """Monthly series with their lag in days from the month's first day."""
    rng = np.random.default_rng([seed, 202])
    return {
        "br_terms_of_trade": (100.0 * np.exp(_walk(rng, m, 0.02)), 82),
        "br_dbgg_gdp": (0.55 + _walk(rng, m, 0.004, 0.01), 60),
    }


def positioning_rows(keys: list[date], seed: int) -> pl.DataFrame:
    """silver/positioning: leveraged funds' position in the real, on Tuesdays, known six days later."""
    rng = np.random.default_rng([seed, 203])
    mondays = [k for k in keys if k.weekday() == 0]
    value = _walk(rng, len(mondays), 0.05, 0.05)
    frame = pl.DataFrame(
        {
            "session": mondays,
            "series_id": TRADERS[0],
            "category": TRADERS[1],
            "event_date": [k - timedelta(days=6) for k in mondays],
            "net_contracts": (value * 1e4).astype(int),
            "value": value,
            "z": np.clip(value / 0.15, -3, 3),
            "status": "ok",
            "reason": "",
        }
    )
    frame = frame.with_columns(
        (pl.col("session").cast(pl.Datetime("us", "UTC")) - timedelta(hours=4)).alias("knowledge_time")
    )
    schema = TABLES["silver/positioning"].schema
    return frame.select(
        (pl.col(c).cast(t) if c in frame.columns else pl.lit(None, t).alias(c)) for c, t in schema.items()
    )


def fx_rows(keys: list[date], misalignment: float | None = 0.06, carry: float | None = 0.5) -> pl.DataFrame:
    """The columns of agents/fx_view that strategies read; null parts where the agent gives them no weight."""
    k = np.arange(len(keys))
    gap = None if misalignment is None else misalignment * np.sin(k / 60.0)
    part = None if gap is None else np.clip(gap / 0.15, -1.0, 1.0)
    return pl.DataFrame(
        {
            "session": keys,
            "misalignment": gap,
            "part_misalignment": part,
            "part_carry": None if carry is None else carry * np.cos(k / 90.0),
            "confidence": 0.7,
            "status": "ok",
            "reason": "",
        },
        schema_overrides={
            "session": pl.Date,
            "misalignment": pl.Float64,
            "part_misalignment": pl.Float64,
            "part_carry": pl.Float64,
        },
    )


def regime_rows(keys: list[date], seed: int) -> pl.DataFrame:
    """The columns of agents/regime_view that strategies read: odds that wander."""
    rng = np.random.default_rng([seed, 204])
    score = np.exp(np.stack([_walk(rng, len(keys), 0.3, 0.02) for _ in range(4)], axis=1))
    odds = score / score.sum(axis=1, keepdims=True)
    names = ("p_goldilocks", "p_reflation", "p_stagflation", "p_deflation")
    return pl.DataFrame(
        {
            "session": keys,
            **{n: odds[:, k] for k, n in enumerate(names)},
            "confidence": 0.6,
            "status": "ok",
            "reason": "",
        },
        schema_overrides={"session": pl.Date},
    )


def fx_tables(keys: list[date], seed: int) -> dict[str, pl.DataFrame]:
    """Tables by key."""
    return {
        "silver/positioning": positioning_rows(keys, seed),
        "agents/fx_view": fx_rows(keys),
        "agents/regime_view": regime_rows(keys, seed),
    }
