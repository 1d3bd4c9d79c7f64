"""Monetary agent: three Taylor-type rules against the policy rate that the DI curve implies twelve months ahead.

Belongs here: the view, its drivers, status and confidence. Does not belong here: the rules (taylor.py) and their inputs
(monetary_inputs.py). Model, estimation and what would falsify it: docs/agents.md.

Sign: state_score > 0 when the model's policy rate is above the implied one (policy will be tighter than priced), which
is bad for receivers, so view_br_rates = -state_score.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from macro_fund.agents.as_known import require_ages, require_sessions
from macro_fund.agents.monetary_inputs import CURVE_MAX_AGE_DAYS, NEUTRAL_MIN_MONTHS, SERIES, monetary_inputs
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
from macro_fund.agents.taylor import TERMS, Economy, median_rule, rule_terms

if TYPE_CHECKING:
    from macro_fund.time.sessions import Sessions

AGENT_ID = "monetary"
MODEL_VERSION = "monetary-1.0: median of three rules"
HORIZON_DAYS = 252
SCALE = 0.0075
NEUTRAL_BOUNDS = (0.025, 0.075)
POLICY_RANGE = (0.02, 0.25)
INFLATION_RANGE = (0.0, 0.15)
BASIS_LIMIT = 0.01
_INPUTS = [
    Input(series, pl.col(f"{prefix}_date"), pl.col(f"{prefix}_knowledge"))
    for series, prefix in (
        ("br_selic_target", "selic"),
        ("br_cdi_daily", "cdi"),
        ("br_inflation_target", "target"),
        ("br_ibc_br_sa", "gap"),
    )
]


def _with_rules(frame: pl.DataFrame) -> pl.DataFrame:
    """Adds neutral_rate (bounded), implied_rate, taylor_rate, gap, state_score, agreement and term_* of the gap."""
    low, high = NEUTRAL_BOUNDS
    frame = frame.with_columns(
        pl.col("neutral_raw").clip(low, high).alias("neutral_rate"),
        (pl.col("forward_252") + pl.col("basis")).alias("implied_rate"),
    )

    def column(name: str) -> np.ndarray:
        return frame[name].cast(pl.Float64).fill_null(float("nan")).to_numpy()

    economy = Economy(
        neutral_rate=column("neutral_rate"),
        expected_inflation=column("expectation_value"),
        inflation_target=column("target_value"),
        output_gap=column("output_gap"),
        gap_change=column("gap_change"),
        selic_target=column("selic_value"),
    )
    implied = column("implied_rate")
    rates, _, terms = median_rule(rule_terms(economy))
    taylor = terms.sum(axis=0)
    gap = taylor - implied
    score = np.tanh(gap / SCALE)
    # The score is a bent line through zero: each term of the gap gets the same share of it as it has of the gap.
    tiny = np.abs(gap) < 1e-9
    slope = np.where(tiny, 1.0 / SCALE, score / np.where(tiny, 1.0, gap))
    new = {
        "taylor_rate": taylor,
        "gap": gap,
        "state_score": score,
        "agreement": np.abs(np.sign(rates - implied).sum(axis=0)) / 3.0,
        **{f"term_{name}": slope * term for name, term in zip(TERMS, terms, strict=True)},
        "term_implied": -slope * implied,
    }
    return frame.with_columns(pl.Series(name, values).fill_nan(None) for name, values in new.items())


def _aged(age: str, limit: int, what: str) -> list[Finding]:
    """Findings for an input that is unknown or older than `limit` calendar days."""
    return [
        finding(pl.col(age).is_null(), f"{what}: nothing known"),
        finding(pl.col(age) > limit, f"{what} is {{}} days old, {limit} allowed", pl.col(age)),
    ]


def _percent(name: str) -> pl.Expr:
    return (pl.col(name) * 100).round(2)


def _fatal(max_age: Mapping[str, int]) -> list[Finding]:
    """Missing essentials and breaches of sanity ranges: no view."""
    low, high = POLICY_RANGE
    pi_low, pi_high = INFLATION_RANGE
    outside = "{} is {}%, outside {}..{}%: sanity breach"

    def range_of(name: str, what: str, lowest: float, highest: float) -> Finding:
        breach = ~pl.col(name).is_between(lowest, highest)
        return finding(breach, outside.format(what, "{}", lowest * 100, highest * 100), _percent(name))

    return [
        *_aged("selic_age", max_age["br_selic_target"], "Selic target"),
        *_aged("cdi_age", max_age["br_cdi_daily"], "CDI"),
        *_aged("curve_age", CURVE_MAX_AGE_DAYS, "DI curve"),
        finding(pl.col("forward_252").is_null() & pl.col("curve_age").is_not_null(), "DI curve has no 252-day forward"),
        finding(pl.col("basis").is_null() & pl.col("cdi_age").is_not_null(), "Selic target of the CDI's day unknown"),
        finding(pl.col("expectation_value").is_null(), "expected inflation: every source is missing or stale"),
        finding(pl.col("target_value").is_null(), "inflation target of {} unknown", pl.col("horizon_year")),
        finding(pl.col("output_gap").is_null(), "IBC-Br: too few months known for an output gap"),
        finding(pl.col("neutral_raw").is_null(), f"neutral rate: fewer than {NEUTRAL_MIN_MONTHS} month-ends known"),
        finding(pl.col("basis").abs() > BASIS_LIMIT, "Selic target less CDI is {}%: sanity breach", _percent("basis")),
        range_of("expectation_value", "expected inflation", pi_low, pi_high),
        range_of("implied_rate", "implied policy rate", low, high),
        range_of("taylor_rate", "rule's policy rate", low, high),
    ]


def _weak(max_age: Mapping[str, int]) -> list[Finding]:
    """What makes a view degraded."""
    low, high = NEUTRAL_BOUNDS
    gap_limit = max_age["br_ibc_br_sa"]
    return [
        finding(pl.col("expectation_weight") == 0.0, "expected inflation is realised 12-month IPCA: no fresh Focus"),
        finding(
            pl.col("target_date").dt.year() != pl.col("horizon_year"),
            "inflation target of {} used for {}",
            pl.col("target_date").dt.year(),
            pl.col("horizon_year"),
        ),
        finding(pl.col("gap_age") > gap_limit, f"IBC-Br is {{}} days old, {gap_limit} allowed", pl.col("gap_age")),
        finding(
            ~pl.col("neutral_raw").is_between(low, high),
            f"sanity: filtered neutral rate {{}}% is held at its bound ({low * 100}..{high * 100}%)",
            _percent("neutral_raw"),
        ),
    ]


def _completeness(max_age: Mapping[str, int]) -> pl.Expr:
    """Mean weight of the six inputs; Selic, CDI and the curve are 1 whenever there is a view at all."""
    low, high = NEUTRAL_BOUNDS
    half = [
        pl.col("target_date").dt.year() == pl.col("horizon_year"),
        pl.col("gap_age") <= max_age["br_ibc_br_sa"],
        pl.col("neutral_raw").is_between(low, high),
    ]
    soft = [pl.when(good).then(1.0).otherwise(0.5) for good in half]
    return (2.0 + pl.col("expectation_weight") + pl.sum_horizontal(soft)) / 6.0


def _driver_lines() -> list[Driver]:
    sources = {
        "neutral_real_rate": ("neutral_rate", "neutral_date"),
        "expected_inflation": ("expectation_value", "expectation_date"),
        "inflation_gap": ("inflation_gap", "expectation_date"),
        "output_gap": ("output_gap", "gap_date"),
        "output_gap_change": ("gap_change", "gap_date"),
        "selic_target": ("selic_value", "selic_date"),
        "implied": ("implied_rate", "curve_date"),
    }
    return [
        Driver(name, pl.col(value), "decimal", pl.col(f"term_{name}"), pl.col(day))
        for name, (value, day) in sources.items()
    ]


def monetary_view(
    observations: pl.DataFrame,
    di_curve: pl.DataFrame,
    sessions: list[date],
    table: Sessions,
    *,
    max_age: Mapping[str, int],
) -> pl.DataFrame:
    """Table agents/monetary_view for `sessions`.

    observations: silver/observations with full history up to the last session; di_curve: silver/di_curve likewise;
    table: the fund's sessions, every one of `sessions` must be among them; max_age: calendar days by series id
    (max_age_days of config/series) after which a value counts as stale.
    Raises ValueError when max_age lacks a series or a day is not a session.
    """
    require_ages(max_age, SERIES)
    require_sessions(sessions, table)
    frame = _with_rules(monetary_inputs(observations, di_curve, sessions, max_age))
    frame = with_status(frame, _fatal(max_age), _weak(max_age))
    viewed = pl.col("status") != "no_view"
    frame = frame.with_columns(
        pl.lit(AGENT_ID).alias("agent_id"),
        pl.lit(MODEL_VERSION).alias("model_version"),
        pl.lit(HORIZON_DAYS).alias("horizon_days"),
        (pl.col("expectation_value") - pl.col("target_value")).alias("inflation_gap"),
        pl.when(viewed).then("state_score").alias("state_score"),
        confidence(_completeness(max_age), pl.col("agreement")).alias("confidence"),
    )
    frame = frame.with_columns(
        (-pl.col("state_score")).alias("view_br_rates"),
        drivers(_driver_lines()).alias("drivers"),
        risks([]).alias("risks"),
        input_vintages(_INPUTS).alias("input_vintages"),
    )
    return conform(frame, f"agents/{AGENT_ID}_view")
