"""Synthetic tables that the strategies on events, inflation and the dollar coupon read, beside those of frames.py."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta

import numpy as np
import polars as pl

from macro_fund.agents.model import Estimate, model_frame, model_rows
from macro_fund.store.tables import TABLES
from macro_fund.time.releases import load_meetings

IPCA_LAG = 42  # days from the first of the month to its release
COPOM_EPOCH, COPOM_DAYS = date(2009, 12, 9), 45


def _wander(rng: np.random.Generator, n: int, step: float, pull: float = 0.02) -> np.ndarray:
    out, noise = np.zeros(n), rng.normal(0.0, step, n)
    for k in range(1, n):
        out[k] = (1.0 - pull) * out[k - 1] + noise[k]
    return out


def cast(key: str, frame: pl.DataFrame) -> pl.DataFrame:
    """The frame in the table's columns and order; those it lacks are null."""
    table = TABLES[key]
    columns = ((pl.col(n).cast(t) if n in frame.columns else pl.lit(None, t).alias(n)) for n, t in table.schema.items())
    return frame.select(columns).sort(table.sort)


def ipca_months(m: int, seed: int) -> np.ndarray:
    """Monthly IPCA from the first month of the world, with a season."""
    return 0.0045 + 0.0015 * np.cos(np.arange(m) * np.pi / 6) + np.random.default_rng([seed, 301]).normal(0, 8e-4, m)


def newest_month(session: date) -> date:
    return (session - timedelta(days=IPCA_LAG)).replace(day=1)


def month_after(month: date, k: int) -> date:
    total = month.year * 12 + month.month - 1 + k
    return date(total // 12, total % 12 + 1, 1)


def path_of(keys: Sequence[date], rate: np.ndarray, status: str = "ok") -> pl.DataFrame:
    """agents/inflation_path: `rate` (sessions) in every one of the twelve months ahead."""
    rows = [
        {
            "session": s,
            "month": month_after(newest_month(s), k),
            "months_ahead": k,
            "rate": r + 0.001 * np.cos(month_after(newest_month(s), k).month * np.pi / 6),
            "newest_month": newest_month(s),
            "status": status,
            "reason": "" if status == "ok" else "a part is weak",
        }
        for s, r in zip(keys, rate.tolist(), strict=True)
        for k in range(1, 13)
    ]
    return cast("agents/inflation_path", pl.DataFrame(rows))


def monthly_focus(keys: Sequence[date], median: np.ndarray, surprises: np.ndarray) -> pl.DataFrame:
    """silver/focus: the median of the next month to be released, and the newest surprise (one a month, from 2006)."""
    first = date(2006, 1, 1)
    number = [(newest_month(s).year - first.year) * 12 + newest_month(s).month - 1 for s in keys]
    survey = pl.DataFrame(
        {
            "session": keys,
            "feature_id": "br_focus_ipca_month",
            "reference": [month_after(newest_month(s), 1).strftime("%Y-%m") for s in keys],
            "event_date": [s - timedelta(days=3) for s in keys],
            "value": median,
            "status": "ok",
        }
    )
    known = pl.DataFrame(
        {
            "session": keys,
            "feature_id": "ipca_surprise",
            "reference": [newest_month(s).strftime("%Y-%m") for s in keys],
            "event_date": [newest_month(s) for s in keys],
            "value": surprises[number],
            "status": "ok",
        }
    )
    return cast("silver/focus", pl.concat([survey, known]))


def view_of(keys: Sequence[date], pi12: np.ndarray, status: str = "ok") -> pl.DataFrame:
    """The columns of agents/inflation_view that strategies read."""
    frame = pl.DataFrame({"session": keys, "pi12_model": pi12, "confidence": 0.7, "status": status})
    return frame.with_columns(reason=pl.lit("" if status == "ok" else "a part is weak"))


def model_of(keys: Sequence[date], memory: float = 0.4, rmse: float = 0.012) -> pl.DataFrame:
    """agents/inflation_model of one refit, on the first session."""
    estimates = [Estimate("backward_weight", memory), Estimate("rmse_12m", rmse)]
    return model_frame(model_rows(keys[0], estimates, data_to=None, knowledge_time=None))


def breakevens_of(
    key: str, keys: Sequence[date], breakeven: dict[int, np.ndarray], age: int = 1, **more: object
) -> pl.DataFrame:
    """silver/real_curve or silver/retail_real_curve with the breakeven of each tenor."""
    parts = [
        pl.DataFrame(
            {
                "session": keys,
                "curve_date": [s - timedelta(days=age) for s in keys],
                "tenor_bd": tenor,
                "breakeven": value,
                "status": "ok",
                "extrapolated": False,
                "nominal_extrapolated": False,
            }
        ).with_columns(**{k: pl.lit(v) for k, v in more.items()})
        for tenor, value in breakeven.items()
    ]
    return cast(key, pl.concat(parts))


def coupons(keys: Sequence[date], basis: dict[int, np.ndarray], spot: np.ndarray) -> pl.DataFrame:
    """silver/cupom_curve, clean: basis (bp) by tenor over a dollar rate of 1%."""
    parts = [
        pl.DataFrame(
            {
                "session": keys,
                "curve_date": [s - timedelta(days=1) for s in keys],
                "kind": "clean",
                "tenor_cd": tenor,
                "rate": 0.01 + value * 1e-4,
                "basis_bp": value,
                "spot": spot,
                "spot_basis": "reference",
                "n_contracts": 10,
                "extrapolated": False,
                "quality": 1.0,
            }
        )
        for tenor, value in basis.items()
    ]
    return cast("silver/cupom_curve", pl.concat(parts))


def texts(keys: Sequence[date], changes: Sequence[float], n_scored: int = 9) -> pl.DataFrame:
    """agents/policy_text: the statement of each scheduled FOMC meeting, known on the session after it."""
    meetings = [m for m in load_meetings("fomc_meetings") if m.scheduled and keys[0] <= m.date < keys[-1]]
    rows = [
        {
            "session": min(s for s in keys if s > m.date),
            "series_id": "us_fomc_statements",
            "event_date": m.date,
            "document": f"{m.date}",
            "knowledge_time": m.statement,
            "text_sha256": f"{m.date}",
            "change": changes[k % len(changes)],
            "n_scored": n_scored,
            "status": "ok",
        }
        for k, m in enumerate(meetings)
    ]
    return cast("agents/policy_text", pl.DataFrame(rows))


def next_copom(session: pl.Expr, horizon: pl.Expr) -> pl.Expr:
    """Day of the horizon-th COPOM meeting of a made-up calendar: every 45 days."""
    gone = (session - pl.lit(COPOM_EPOCH)).dt.total_days()
    number = (gone + COPOM_DAYS - 1) // COPOM_DAYS + horizon - 1
    return pl.lit(COPOM_EPOCH) + pl.duration(days=number * COPOM_DAYS)


def events_tables(keys: list[date], seed: int) -> dict[str, pl.DataFrame]:
    """Tables by key; silver/focus holds the monthly survey and the surprises alone."""
    n, rng = len(keys), np.random.default_rng([seed, 302])
    half = keys[n // 2 :]
    level = 0.05 + _wander(rng, n, 4e-4)
    return {
        "silver/focus": monthly_focus(keys, 0.0045 + _wander(rng, n, 3e-4), rng.normal(0, 0.001, 300)),
        "agents/inflation_path": path_of(keys, 0.0045 + _wander(rng, n, 3e-4)),
        "agents/inflation_view": view_of(keys, 0.05 + _wander(rng, n, 2e-3)),
        "agents/inflation_model": model_of(keys),
        "silver/real_curve": breakevens_of(
            "silver/real_curve", half, {504: level[n // 2 :], 1260: level[n // 2 :] + 0.002}
        ),
        "silver/retail_real_curve": breakevens_of("silver/retail_real_curve", keys, {504: level, 756: level}),
        "silver/cupom_curve": coupons(
            keys,
            {30: 80 + _wander(rng, n, 4.0), 180: 90 + _wander(rng, n, 3.0), 360: 95 + _wander(rng, n, 3.0)},
            2.0 + _wander(rng, n, 0.01),
        ),
        "agents/policy_text": texts(keys, rng.normal(0, 0.4, 40).tolist()),
    }
