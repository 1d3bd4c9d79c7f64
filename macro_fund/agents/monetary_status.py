"""When the monetary agent has no view, when a weak one, and how complete its data are.

Belongs here: findings over the view's frame and completeness. Does not belong here: the numbers (monetary.py).
"""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from macro_fund.agents.monetary_inputs import CURVE_MAX_AGE_DAYS
from macro_fund.agents.monetary_model import BRAZIL, NEUTRAL_MIN_MONTHS, RULE_MIN_QUARTERS
from macro_fund.agents.monetary_path import PREMIUM_MIN_MEETINGS
from macro_fund.agents.monetary_record import SCORED
from macro_fund.agents.monetary_us import WEAK as US_WEAK
from macro_fund.agents.report import Finding, finding, outside

POLICY_RANGE = (0.02, 0.25)
INFLATION_RANGE = (0.0, 0.15)
BASIS_LIMIT = 0.01
# A filter without a new real rate for a quarter says what it said then.
BLIND_MONTHS = 3


def _aged(age: str, limit: int, what: str) -> list[Finding]:
    """Findings for an input that is unknown or older than `limit` calendar days."""
    return [
        finding(pl.col(age).is_null(), f"{what}: nothing known"),
        finding(pl.col(age) > limit, f"{what} is {{}} days old, {limit} allowed", pl.col(age)),
    ]


def fatal(max_age: Mapping[str, int]) -> list[Finding]:
    """Missing essentials and breaches of sanity ranges: no view."""
    return [
        *_aged("selic_age", max_age["br_selic_target"], "Selic target"),
        *_aged("cdi_age", max_age["br_cdi_daily"], "CDI"),
        *_aged("curve_age", CURVE_MAX_AGE_DAYS, "DI curve"),
        finding(pl.col("basis").is_null() & pl.col("cdi_age").is_not_null(), "Selic target of the CDI's day unknown"),
        finding(pl.col("expectation_value").is_null(), "expected inflation: every source is missing or stale"),
        finding(pl.col("target_value").is_null(), "inflation target of {} unknown", pl.col("horizon_year")),
        finding(pl.col("output_gap").is_null(), "IBC-Br: too few months known for an output gap"),
        finding(pl.col("refit").is_null(), "nothing estimated yet: the first refit is due at the start of a month"),
        finding(
            pl.col("neutral_rate").is_null() & pl.col("refit").is_not_null(),
            f"neutral rate: fewer than {NEUTRAL_MIN_MONTHS} months of real rates known",
        ),
        finding(pl.col("gap").is_null(), f"policy path: the next {SCORED} meetings are not priced or not modelled"),
        finding(pl.col("path_age") > CURVE_MAX_AGE_DAYS, "policy path is {} days old", pl.col("path_age")),
        outside("basis", -BASIS_LIMIT, BASIS_LIMIT, "Selic target less CDI"),
        outside("expectation_value", *INFLATION_RANGE, "expected inflation"),
        outside("neutral_rate", *BRAZIL.bounds, "r*"),
        outside("implied_rate", *POLICY_RANGE, "priced Selic in a year"),
        outside("path_low", *POLICY_RANGE, "lowest Selic of the model's path"),
        outside("path_high", *POLICY_RANGE, "highest Selic of the model's path"),
    ]


def weak(max_age: Mapping[str, int]) -> list[Finding]:
    """What makes a view degraded."""
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
        finding(pl.col("neutral_fallback") > 0, "r* is the one-sided trend of real rates: the filter's left its range"),
        finding(
            (pl.col(US_WEAK) > 0) & pl.col("us_score").is_not_null(),
            "United States: r* is the one-sided trend of real rates: the filter's left its range",
        ),
        finding(
            pl.col("neutral_blind_months") > BLIND_MONTHS,
            "r* has seen no ex-ante real rate for {} months",
            pl.col("neutral_blind_months").cast(pl.Int64),
        ),
        finding(
            pl.col("rule_rmse").is_null(),
            f"the smoothed rule has its stated parameters: fewer than {RULE_MIN_QUARTERS} quarters known",
        ),
        finding(
            pl.col("term_premium_meetings") < PREMIUM_MIN_MEETINGS,
            f"no term premium taken out: {{}} decisions known, {PREMIUM_MIN_MEETINGS} needed",
            pl.col("term_premium_meetings").cast(pl.Int64),
        ),
    ]


def completeness(max_age: Mapping[str, int]) -> pl.Expr:
    """Mean weight of eight inputs; Selic and the priced path are 1 whenever there is a view at all."""
    half = [
        pl.col("target_date").dt.year() == pl.col("horizon_year"),
        pl.col("gap_age") <= max_age["br_ibc_br_sa"],
        (pl.col("neutral_fallback") == 0) & (pl.col("neutral_blind_months") <= BLIND_MONTHS),
        pl.col("rule_rmse").is_not_null(),
        pl.col("term_premium_meetings") >= PREMIUM_MIN_MEETINGS,
    ]
    soft = [pl.when(good).then(1.0).otherwise(0.5) for good in half]
    return (2.0 + pl.col("expectation_weight") + pl.sum_horizontal(soft)) / 8.0
