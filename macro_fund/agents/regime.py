"""Regime agent: probabilities of four growth-inflation quadrants, and the state of financial conditions.

Belongs here: probabilities, views, drivers, status. Does not belong here: how the axes are measured (regime_inputs.py).
The regime is by rule, not estimated: a fixed softmax of distances to four corners. docs/agents.md says what that costs.

Sign: state_score > 0 is risk appetite (easy financial conditions).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import TYPE_CHECKING

import polars as pl

from macro_fund.agents.as_known import require_ages, require_sessions
from macro_fund.agents.regime_inputs import AXES, COMPONENTS, SERIES, regime_inputs
from macro_fund.agents.report import (
    Driver,
    Finding,
    Input,
    confidence,
    conform,
    drivers,
    finding,
    input_vintages,
    risks,
    with_status,
)

if TYPE_CHECKING:
    from macro_fund.time.sessions import Sessions

AGENT_ID = "regime"
MODEL_VERSION = "regime-1.0: quadrants by rule"
HORIZON_DAYS = 63
SOFTMAX_SCALE = 0.5
MAX_DAILY_CHANGE = 0.5
MIN_STRESS = 2

QUADRANTS = {"goldilocks": (1, -1), "reflation": (1, 1), "stagflation": (-1, 1), "deflation": (-1, -1)}
"""(sign of growth, sign of inflation) of each regime's centre."""

VIEWS = {
    "br_rates": (1, -1, -1, 1),
    "brl": (1, 1, -1, -1),
    "br_eq": (1, 1, -1, -1),
    "us_rates": (1, -1, -1, 1),
    "us_eq": (1, 1, -1, -1),
    "gold": (0, 1, 1, 1),
}
"""Sign of the expected excess return of holding each asset, by regime in the order of QUADRANTS."""


def _live(name: str, value: pl.Expr) -> pl.Expr:
    return pl.when(pl.col(f"{name}_live")).then(value)


def _names(axis: str) -> list[str]:
    return [c.name for c in COMPONENTS if c.axis == axis]


def probabilities(growth: pl.Expr, inflation: pl.Expr) -> dict[str, pl.Expr]:
    """Softmax over the quadrants of -0.5 x squared distance to the centres (+-1, +-1); the four sum to 1.

    The squares of growth and inflation are common to the four and cancel, so only the cross terms are exponentiated:
    no overflow for |z| <= 3.
    """
    weights = {name: (2.0 * SOFTMAX_SCALE * (x * growth + y * inflation)).exp() for name, (x, y) in QUADRANTS.items()}
    total = pl.sum_horizontal(weights.values())
    return {name: weight / total for name, weight in weights.items()}


def _with_axes(frame: pl.DataFrame) -> pl.DataFrame:
    """Adds {axis}_z (mean of live components), {axis}_n, {axis}_agreement (|mean sign|), p_*, the biggest change."""
    for axis in AXES:
        z = [_live(n, pl.col(f"{n}_z")) for n in _names(axis)]
        frame = frame.with_columns(
            pl.mean_horizontal(z).alias(f"{axis}_z"),
            pl.sum_horizontal(pl.col(f"{n}_live").cast(pl.Int32) for n in _names(axis)).alias(f"{axis}_n"),
            pl.mean_horizontal(v.sign() for v in z).abs().alias(f"{axis}_agreement"),
        )
    p = probabilities(pl.col("growth_z"), pl.col("inflation_z"))
    frame = frame.with_columns(expr.alias(f"p_{name}") for name, expr in p.items())
    change = pl.max_horizontal(pl.col(f"p_{name}").diff().abs() for name in QUADRANTS)
    return frame.with_columns(change.alias("change"))


def _fatal() -> list[Finding]:
    return [
        finding(pl.col("growth_n") == 0, "growth: IBC-Br and CFNAI are both missing, short or stale"),
        finding(pl.col("inflation_n") == 0, "inflation: Brazilian and US cores are both missing, short or stale"),
        finding(
            pl.col("stress_n") < MIN_STRESS,
            f"financial conditions: {{}} of 3 measures, {MIN_STRESS} needed",
            pl.col("stress_n"),
        ),
    ]


def _weak() -> list[Finding]:
    found = []
    for c in COMPONENTS:
        dead, age, limit = (~pl.col(f"{c.name}_live"), pl.col(f"{c.name}_age"), pl.col(f"{c.name}_limit"))
        found += [
            finding(dead & (age > limit), f"{c.name} is {{}} days old, {{}} allowed", age, limit),
            finding(dead & (age <= limit), f"{c.name}: history too short to standardise"),
            finding(dead & age.is_null(), f"{c.name}: nothing known"),
        ]
    jump = pl.col("change") > MAX_DAILY_CHANGE
    return [*found, finding(jump, "sanity: a probability moved by {} in one session", pl.col("change").round(2))]


def _driver_lines() -> list[Driver]:
    """Stress components carry the score; growth and inflation stand behind the probabilities and contribute 0."""
    lines = []
    for c in COMPONENTS:
        share = -pl.col(f"{c.name}_z") / (2.0 * pl.col("stress_n")) if c.axis == "stress" else pl.lit(0.0)
        contribution = pl.when(pl.col(f"{c.name}_live")).then(share).otherwise(0.0)
        lines.append(Driver(c.name, pl.col(f"{c.name}_value"), c.unit, contribution, pl.col(f"{c.name}_date")))
    return lines


def _grid(observations: pl.DataFrame, sessions: Sequence[date], table: Sessions) -> pl.DataFrame:
    """All sessions from the first observation on: the change of a probability needs the session before."""
    first = min([*observations.select(pl.col("session").min()).to_series().drop_nulls().to_list(), sessions[0]])
    return pl.DataFrame({"session": table.keys(first, sessions[-1])}, schema={"session": pl.Date})


def regime_view(
    observations: pl.DataFrame, sessions: list[date], table: Sessions, *, max_age: Mapping[str, int]
) -> pl.DataFrame:
    """Table agents/regime_view for `sessions`.

    observations: silver/observations with full history up to the last session; table: the fund's sessions;
    max_age: calendar days by series id (max_age_days of config/series) after which a value counts as stale.
    Raises ValueError when max_age lacks a series or a day is not a session.
    """
    require_ages(max_age, SERIES)
    require_sessions(sessions, table)
    frame = _with_axes(regime_inputs(observations, _grid(observations, sessions, table), max_age))
    frame = with_status(frame, _fatal(), _weak())
    viewed = pl.col("status") != "no_view"
    agreement = pl.mean_horizontal(pl.col(f"{axis}_agreement") for axis in AXES)
    completeness = pl.mean_horizontal(pl.col(f"{c.name}_live").cast(pl.Float64) for c in COMPONENTS)
    views = {
        a: pl.sum_horizontal(m * pl.col(f"p_{r}") for r, m in zip(QUADRANTS, row, strict=True))
        for a, row in VIEWS.items()
    }
    frame = frame.with_columns(
        pl.lit(AGENT_ID).alias("agent_id"),
        pl.lit(MODEL_VERSION).alias("model_version"),
        pl.lit(HORIZON_DAYS).alias("horizon_days"),
        pl.when(viewed).then((-pl.col("stress_z") / 2.0).clip(-1.0, 1.0)).alias("state_score"),
        confidence(completeness, agreement).alias("confidence"),
        pl.max_horizontal(_live(c.name, pl.col(f"{c.name}_knowledge")) for c in COMPONENTS).alias("knowledge_time"),
        drivers(_driver_lines()).alias("drivers"),
        risks([]).alias("risks"),
        input_vintages(
            [Input(c.series[0], pl.col(f"{c.name}_date"), pl.col(f"{c.name}_knowledge")) for c in COMPONENTS]
        ).alias("input_vintages"),
        *(pl.when(viewed).then(view).alias(f"view_{asset}") for asset, view in views.items()),
    )
    return conform(frame.filter(pl.col("session").is_in(sessions)), f"agents/{AGENT_ID}_view")
