"""Stress scenarios on the target book by full revaluation.

Belongs here: what a scenario's shocks do to each target position. Does not belong here: the scenarios' numbers
(config/scenarios.yaml) or limits (limits.py).

DI1: contracts x (PU(rate + shock) - PU(rate)) with the contract's own rate and business days, so convexity counts. The
shock is interpolated linearly between the scenario's tenors and flat outside them. DOL, IND: delta x (exp(return) - 1).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import numpy as np
import polars as pl

from macro_fund.instruments.di1 import pu
from macro_fund.portfolio.history import latest_marks
from macro_fund.settings import Scenario
from macro_fund.store.tables import TABLES

TABLE = TABLES["risk/stress"]
RATES_ROOT = "DI1"
ROOT_LENGTH = 3
BP = 1e-4


def rate_shock(scenario: Scenario, bdays: np.ndarray) -> np.ndarray:
    """Shock in bp at each number of business days: linear between the scenario's tenors, flat outside."""
    tenors = sorted(scenario.rates_bp)
    if not tenors:
        return np.full(len(bdays), np.nan)
    return np.interp(bdays, tenors, [scenario.rates_bp[t] for t in tenors])


def di1_revaluation(rate: np.ndarray, bdays: np.ndarray, shock_bp: np.ndarray) -> np.ndarray:
    """BRL gained by +1 DI1 contract (BRL 1 a point of PU) when its rate moves by `shock_bp` at once."""
    return pu(rate + shock_bp * BP, bdays) - pu(rate, bdays)


def stress(
    targets: pl.DataFrame, instrument_returns: pl.DataFrame, scenarios: Sequence[Scenario], sessions: Sequence[date]
) -> pl.DataFrame:
    """risk/stress: one row for each session, scenario and target. A zero target loses 0; a missing one is no_view."""
    if not scenarios:
        raise ValueError("no stress scenarios: config/scenarios.yaml must hold at least one")
    marks = latest_marks(instrument_returns, sessions).select("session", "instrument", "contract", "bdays")
    book = (
        targets.filter(pl.col("session").is_in(list(sessions)))
        .select("session", "instrument", "contract", "target_contracts", "rate", "delta_brl", "reason")
        .join(marks, on=["session", "instrument", "contract"], how="left", maintain_order="left")
    )
    frames = [_one(book, scenario) for scenario in sorted(scenarios, key=lambda s: s.id)]
    return pl.concat(frames).select(pl.col(n).cast(t) for n, t in TABLE.schema.items()).sort(TABLE.sort)


def _one(book: pl.DataFrame, scenario: Scenario) -> pl.DataFrame:
    root = pl.col("contract").str.head(ROOT_LENGTH)
    bdays = book["bdays"].cast(pl.Float64).fill_null(np.nan).to_numpy()
    rate = book["rate"].fill_null(np.nan).to_numpy()
    bp = rate_shock(scenario, bdays)
    of_rates = book.select((root == RATES_ROOT).fill_null(False)).to_series().to_numpy()
    usable = of_rates & np.isfinite(bp) & np.isfinite(rate)
    unit = np.full(len(book), np.nan)
    unit[usable] = di1_revaluation(rate[usable], bdays[usable], bp[usable])
    returns = root.replace_strict(
        [str(k) for k in scenario.returns], list(scenario.returns.values()), default=None, return_dtype=pl.Float64
    )
    shocked = book.with_columns(
        pl.lit(scenario.id).alias("scenario"),
        pl.Series("unit", unit).fill_nan(None),
        pl.when(pl.Series(of_rates)).then(pl.Series(bp).fill_nan(None)).otherwise(returns).alias("shock"),
    )
    revalued = (
        pl.when(pl.Series(of_rates))
        .then(pl.col("target_contracts") * pl.col("unit"))
        .otherwise(pl.col("delta_brl") * (pl.col("shock").exp() - 1))
    )
    nothing = pl.col("target_contracts") == 0
    return (
        shocked.with_columns(pl.when(nothing).then(0.0).otherwise(revalued).alias("pnl_brl"))
        .with_columns(
            pl.when(pl.col("target_contracts").is_null())
            .then("reason")
            .when(pl.col("pnl_brl").is_null() & pl.col("shock").is_null())
            .then(pl.format("scenario {} has no shock for {}", "scenario", "instrument"))
            .when(pl.col("pnl_brl").is_null())
            .then(pl.format("no settlement rate of {} to revalue", "instrument"))
            .alias("why_not")
        )
        .with_columns(
            pl.when(pl.col("why_not").is_null()).then("pnl_brl").alias("pnl_brl"),
            pl.when(pl.col("why_not").is_null()).then(pl.lit("ok")).otherwise(pl.lit("no_view")).alias("status"),
            pl.coalesce(
                "why_not", pl.when(nothing).then(pl.lit("no position")).otherwise(pl.lit("full revaluation"))
            ).alias("reason"),
        )
    )
