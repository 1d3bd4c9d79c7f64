"""Synthetic tables that the strategies on rates read, beside those of frames.py: paths of policy, Focus, US curves."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import polars as pl

from macro_fund.store.tables import TABLES
from macro_fund_tests.strategies.events_frames import next_copom

MEETINGS, MEETING_BD = 12, 30


def _wander(rng: np.random.Generator, n: int, step: float, pull: float = 0.01) -> np.ndarray:
    out, noise = np.zeros(n), rng.normal(0.0, step, n)
    for k in range(1, n):
        out[k] = (1.0 - pull) * out[k - 1] + noise[k]
    return out


def _cast(key: str, frame: pl.DataFrame) -> pl.DataFrame:
    """The frame in the table's columns; those it lacks are null."""
    schema = TABLES[key].schema
    return frame.select(
        (pl.col(n).cast(t) if n in frame.columns else pl.lit(None, t).alias(n)) for n, t in schema.items()
    )


def rates_series(n: int, seed: int) -> dict[str, tuple[np.ndarray, int]]:
    """Daily series with their lag in days."""
    rng = np.random.default_rng([seed, 101])
    return {
        "br_embi_brazil": (220.0 * np.exp(_wander(rng, n, 0.02)), 2),
        "em_corp_oas": (0.04 * np.exp(_wander(rng, n, 0.02)), 2),
        "us_par_5y": (0.02 + _wander(rng, n, 4e-4), 1),
    }


def policy_rows(keys: list[date], seed: int) -> pl.DataFrame:
    """silver/policy_path: twelve meetings, a month and a half apart, around a target that wanders."""
    rng = np.random.default_rng([seed, 102])
    base, drift = 0.11 + _wander(rng, len(keys), 3e-4), _wander(rng, len(keys), 4e-5)
    ahead = np.arange(1, MEETINGS + 1)
    session = np.repeat(np.array(keys, dtype="datetime64[D]"), MEETINGS)
    step = np.tile(ahead, len(keys))
    frame = pl.DataFrame(
        {
            "session": session,
            "curve_date": session - 1,
            "meeting": session + 43 * step,
            "announced": step <= 8,
            "effective_bd": step * MEETING_BD,
            "implied_target": (base[:, None] + drift[:, None] * ahead).ravel(),
        }
    )
    return _cast("silver/policy_path", frame)


def path_rows(keys: list[date], seed: int, gap: float | None = None, premium: float = 0.002) -> pl.DataFrame:
    """agents/monetary_path of eight meetings; gap: model less (priced less premium) a year ahead, else it wanders."""
    rng = np.random.default_rng([seed, 103])
    off = _wander(rng, len(keys), 1e-3) if gap is None else np.full(len(keys), gap)
    rows = policy_rows(keys, seed).with_columns(
        horizon=pl.int_range(1, pl.len() + 1).over("session"),
        gap=pl.Series(np.repeat(off, MEETINGS)),
    )
    rows = rows.filter(pl.col("horizon") <= 8).with_columns(
        quarters=pl.col("effective_bd") / 63,
        implied_rate="implied_target",
        term_premium=pl.lit(premium),
        model_rate=pl.col("implied_target") - premium + pl.col("gap"),
        meeting=next_copom(pl.col("session"), pl.col("horizon")),
        policy_rate=pl.lit(0.11),
        t1_rate=pl.lit(0.13),
        t2_rate=0.11 + 0.001 * pl.col("horizon"),
        t3_rate=0.11 + 0.0005 * pl.col("horizon"),
    )
    return _cast("agents/monetary_path", rows)


def fiscal_rows(keys: list[date], seed: int, status: str = "ok") -> pl.DataFrame:
    """The columns of agents/fiscal_view that strategies on rates read."""
    score = np.clip(_wander(np.random.default_rng([seed, 104]), len(keys), 0.03), -1, 1)
    score = score if status != "no_view" else np.full(len(keys), None)
    frame = pl.DataFrame(
        {"session": keys, "state_score": score, "confidence": 0.8, "status": status, "reason": ""},
        schema_overrides={"session": pl.Date, "state_score": pl.Float64},
    )
    return frame


def focus_rows(keys: list[date], seed: int) -> pl.DataFrame:
    """silver/focus: Selic at the end of this year and of the next three."""
    rng = np.random.default_rng([seed, 105])
    common, tilt = 0.10 + _wander(rng, len(keys), 2e-4), _wander(rng, len(keys), 1e-4)
    parts = [
        pl.DataFrame(
            {
                "session": keys,
                "feature_id": "br_focus_selic_annual",
                "reference": [str(k.year + ahead) for k in keys],
                "horizon": ahead,
                "event_date": [k - timedelta(days=3) for k in keys],
                "value": common + tilt * ahead,
                "status": "ok",
                "reason": "",
            }
        )
        for ahead in range(4)
    ]
    return _cast("silver/focus", pl.concat(parts)).sort("session", "reference")


def us_real_rows(keys: list[date], seed: int) -> pl.DataFrame:
    """silver/us_real_curve: the five-year breakeven."""
    level = 0.02 + _wander(np.random.default_rng([seed, 106]), len(keys), 2e-4)
    frame = pl.DataFrame(
        {"session": keys, "curve_date": [k - timedelta(days=1) for k in keys], "tenor_years": 5.0, "breakeven": level}
    )
    return _cast("silver/us_real_curve", frame)


def rates_tables(keys: list[date], seed: int) -> dict[str, pl.DataFrame]:
    """Tables by key."""
    return {
        "silver/policy_path": policy_rows(keys, seed),
        "silver/focus": focus_rows(keys, seed),
        "silver/us_real_curve": us_real_rows(keys, seed),
        "agents/monetary_path": path_rows(keys, seed),
        "agents/fiscal_view": fiscal_rows(keys, seed),
    }
