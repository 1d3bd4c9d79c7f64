"""RATES-07: the slope of the DI curve from two to five years reverts to its fair slope.

Belongs here: the measure and the hedge ratio of the legs. Does not belong here: hysteresis and levels (rows.py). Claim,
data and what falsifies it: docs/strategies.md.
"""

from __future__ import annotations

from datetime import date

import numpy as np
import polars as pl

from macro_fund.settings import Strategy
from macro_fund.strategies.curve import TO_BP, node_rates
from macro_fund.strategies.fair import monthly_component, residual_z
from macro_fund.strategies.judge import half_z, judged
from macro_fund.strategies.panel import Panel
from macro_fund.strategies.policy import priced_in_a_year
from macro_fund.strategies.refit import Vector
from macro_fund.strategies.registry import register
from macro_fund.strategies.rows import Leg, fill_share, parameter, states_reason, table_rows, trade_rows

VIEW = "agents/fiscal_view"
SHORT_BD, LONG_BD = 504, 1260
TENORS = [252, SHORT_BD, 756, LONG_BD]


def hedge_ratio(panel: Panel, params: Strategy, base: pl.DataFrame) -> Vector:
    """Weight of the short leg per unit of the long one, in DV01: minus the long rate's move per bp of the short one in
    the first principal component of the curve's daily changes, so that the component moves the trade by nothing."""
    rates = base.select([f"di_{n}" for n in TENORS]).fill_null(float("nan")).to_numpy()
    changes = np.full(rates.shape, np.nan)
    changes[1:] = np.diff(rates, axis=0) * TO_BP
    window, minimum = int(parameter(params, "pca_window")), int(parameter(params, "pca_min"))
    loadings = monthly_component(base["session"], changes, window, minimum)
    short, long = loadings[:, TENORS.index(SHORT_BD)], loadings[:, TENORS.index(LONG_BD)]
    return np.asarray(-long / np.where(short > 0, short, np.nan))


def _inputs(panel: Panel, grid: pl.DataFrame) -> pl.DataFrame:
    frame = grid.join(node_rates(panel, grid, TENORS), on="session", how="left", maintain_order="left")
    frame = frame.join(priced_in_a_year(panel, grid), on="session", how="left", maintain_order="left")
    frame = frame.join(panel.level("br_selic_target", grid, "selic"), on="session", how="left", maintain_order="left")
    frame = frame.join(
        panel.view(VIEW, ["state_score", "confidence"], grid, "fiscal"), on="session", how="left", maintain_order="left"
    )
    known = (pl.col("selic_state") == "ok") & pl.col("priced").is_finite()
    slope = (pl.col(f"di_{LONG_BD}") - pl.col(f"di_{SHORT_BD}")) * TO_BP
    score = pl.when(pl.col("fiscal_status") != "no_view").then("fiscal_state_score")
    words = pl.when(pl.col("slope").is_null()).then(pl.lit("missing or does not reach 5 years")).otherwise(pl.lit("ok"))
    return frame.with_columns(
        slope.alias("slope"),
        pl.when(known).then((pl.col("priced") - pl.col("selic")) * TO_BP).alias("expected"),
        score.alias("score"),
    ).with_columns(
        words.alias("curve_state"),
        pl.when(pl.col("priced").is_null()).then(pl.lit("missing")).otherwise(pl.lit("ok")).alias("path_state"),
        pl.when(pl.col("score").is_null()).then(pl.lit("no_view")).otherwise(pl.lit("ok")).alias("score_state"),
    )


def _frame(panel: Panel, params: Strategy, grid: pl.DataFrame) -> pl.DataFrame:
    frame = _inputs(panel, grid)
    slope, expected, score = (frame[c].fill_null(float("nan")).to_numpy() for c in ("slope", "expected", "score"))
    x = np.column_stack([expected, score])
    fit_min, window = int(parameter(params, "fit_min")), int(parameter(params, "z_window"))
    beta, residual, z = residual_z(
        frame["session"], slope, x, minimum=fit_min, window=window, min_obs=int(parameter(params, "z_min"))
    )
    hedge = hedge_ratio(panel, params, frame)
    z = np.where(np.isfinite(hedge), z, np.nan)
    columns = {"z": z, "residual": residual, "hedge": hedge, "b_selic": beta[:, 1], "b_fiscal": beta[:, 2]}
    frame = frame.with_columns(
        *(pl.Series(name, values).fill_nan(None) for name, values in columns.items()),
        pl.Series("seen", np.cumsum(np.isfinite(slope) & np.isfinite(x).all(axis=1))),
    ).with_columns(half_z(pl.col("z")).alias("s"))
    missing = states_reason(
        [("curve", "DI curve"), ("selic", "Selic target"), ("path", "priced policy path"), ("score", "fiscal view")]
    )
    words = pl.format(
        "2s5s {} bp, {} bp from fair (priced Selic change {} bp, fiscal score {}); {} of 2 years against 1 of 5",
        *(pl.col(c).round(d) for c, d in (("slope", 0), ("residual", 0), ("expected", 0), ("score", 2))),
        (-pl.col("hedge")).round(2),
    )
    weak = pl.when(pl.col("fiscal_status") == "degraded").then(pl.lit("fiscal view is degraded"))
    confidence = fill_share(pl.col("seen"), fit_min + window) * pl.col("fiscal_confidence").fill_null(0.0)
    return judged(
        frame, params, words=words, missing=missing, weak=weak, confidence=confidence,
        short="history too short for the regression, its z or the hedge ratio",
    )  # fmt: skip


@register(
    "RATES-07",
    hypothesis="The slope from two to five years reverts to what the priced cycle and fiscal risk say.",
    falsified_by="the residual's half-life is above 126 days, or net Sharpe <= 0 over 5 years",
    inputs=("silver/as_known", "silver/leg_returns", "silver/di_curve", "silver/policy_path", VIEW),
    series=("br_selic_target",),
)
def signals(panel: Panel, params: Strategy, sessions: list[date]) -> pl.DataFrame:
    """Table signals/rates_07: receive five years / pay two, neutral to the curve's first component; > 0 too steep."""
    grid = panel.grid(sessions)
    frame = _frame(panel, params, grid)
    long, short = params.instruments
    legs = [Leg(long), Leg(short, "hedge")]
    return table_rows([trade_rows(frame, panel, params, legs, trade="2s5s")], params, sessions)
