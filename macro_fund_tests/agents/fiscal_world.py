"""A small fiscal world for tests: monthly series whose debt obeys the identity with a primary balance that we chose."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from functools import cache

import numpy as np
import polars as pl

from macro_fund.agents.fiscal import fiscal_view
from macro_fund.agents.fiscal_model import fiscal_model, fiscal_path
from macro_fund.store.tables import TABLES
from macro_fund_tests.strategies.frames import MAX_AGE, months, observed, table

FIRST, LAST = date(2000, 1, 1), date(2012, 12, 1)
SHARE, FOREIGN_REAL = 0.10, 0.02


@dataclass(frozen=True)
class FiscalWorld:
    """primary: planted 12-month balance of each month of `days`, + = surplus; NaN in the first three years."""

    observations: pl.DataFrame
    days: list[date]
    primary: np.ndarray
    debt: np.ndarray
    interest: np.ndarray
    growth: np.ndarray
    keys: list[date]


def _year_on_year(level: list[float], t: int) -> float:
    return sum(level[t - 11 : t + 1]) / sum(level[t - 23 : t - 11]) - 1.0


@cache
def world(seed: int = 5, foreign_share: float = SHARE) -> FiscalWorld:
    """Twelve years of months, written with plain loops; no primary, interest or foreign debt is published."""
    rng = np.random.default_rng(seed)
    days = months(FIRST, LAST)
    n = len(days)
    selic = [0.11 + 0.03 * np.sin(t / 17.0) + 0.002 * rng.standard_normal() for t in range(n)]
    ipca = [0.0045 + 0.0015 * rng.standard_normal() for _ in range(n)]
    log_activity, log_reer, noise, gap = 0.0, 0.0, 0.0, 0.0
    activity, reer, prices = [], [], []
    for t in range(n):
        gap = 0.93 * gap + 0.006 * rng.standard_normal()
        log_activity = 0.0018 * t + gap
        log_reer = 0.96 * log_reer + 0.03 * rng.standard_normal()
        activity.append(100.0 * np.exp(log_activity))
        reer.append(100.0 * np.exp(log_reer))
        prices.append((prices[-1] if prices else 1.0) * (1.0 + ipca[t]))
    primary, growth, interest = np.full(n, np.nan), np.full(n, np.nan), np.full(n, np.nan)
    debt = [0.60 + 0.001 * t for t in range(35)]
    for t in range(35, n):
        noise = 0.9 * noise + 0.003 * rng.standard_normal()
        g, pi = _year_on_year(activity, t), _year_on_year(prices, t)
        i = 0.5 * sum(selic[t - 11 : t + 1]) / 12 + 0.5 * sum(selic[t - 35 : t + 1]) / 36
        real_change = reer[t] / reer[t - 12]
        owed = (1 - foreign_share) * (1 + i) / (1 + pi) + foreign_share * (1 + FOREIGN_REAL) * real_change
        primary[t] = 0.02 + 0.3 * (g - 0.02) + noise
        debt.append(debt[t - 12] * owed / (1 + g) - primary[t])
        growth[t], interest[t] = g, i
    series = {
        "br_dbgg_gdp": (np.array(debt), 60),
        "br_ibc_br_sa": (np.array(activity), 78),
        "br_ipca_mom": (np.array(ipca), 42),
        "br_selic_month_annualised": (np.array(selic), 34),
        "br_reer_ipca": (np.array(reer), 58),
    }
    years = [date(y, 1, 1) for y in range(2006, LAST.year + 3)]
    parts = [observed(k, days, v, lag) for k, (v, lag) in series.items()]
    parts.append(observed("br_inflation_target", years, np.full(len(years), 0.045), -900))
    rows = pl.concat(parts).sort("session", "series_id", "event_date")
    keys = [s for s in table().keys(date(2010, 1, 4), date(2012, 12, 28))]
    return FiscalWorld(rows, days, primary, np.array(debt), interest, growth, keys)


def no_focus() -> pl.DataFrame:
    return TABLES["silver/focus"].empty()


def slope(keys: list[date], z: float = 1.0) -> pl.DataFrame:
    """silver/macro rows of the DI slope."""
    schema = TABLES["silver/macro"].schema
    rows = pl.DataFrame({"session": keys}, schema={"session": pl.Date}).with_columns(
        feature_id=pl.lit("di_slope_10y_2y"),
        event_date=pl.col("session").dt.offset_by("-1d"),
        value=pl.lit(0.01),
        z=pl.lit(z),
        n_inputs=pl.lit(2),
        proxy=pl.lit(value=False),
        knowledge_time=pl.lit(None),
        status=pl.lit("ok"),
        reason=pl.lit(""),
    )
    return rows.select(pl.col(n).cast(t) for n, t in schema.items())


@cache
def fitted(seed: int = 5) -> tuple[pl.DataFrame, pl.DataFrame]:
    """agents/fiscal_model and agents/fiscal_path of the world's sessions."""
    w = world(seed)
    model = fiscal_model(w.observations, w.keys, w.keys, table())
    return model, fiscal_path(w.observations, model, w.keys, table())


def view(
    observations: pl.DataFrame,
    sessions: list[date],
    *,
    focus: pl.DataFrame | None = None,
    macro: pl.DataFrame | None = None,
    fit: tuple[pl.DataFrame, pl.DataFrame] | None = None,
) -> pl.DataFrame:
    model, path = fit or fitted()
    return fiscal_view(
        observations,
        no_focus() if focus is None else focus,
        slope(sessions) if macro is None else macro,
        model,
        path,
        sessions,
        table(),
        max_age=MAX_AGE,
    )
