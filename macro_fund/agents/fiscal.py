"""Fiscal agent: the primary balance against the one that stabilises debt, the debt fan, and the slope of the DI curve.

Belongs here: the view, its drivers, status and confidence. Does not belong here: estimation (fiscal_model.py), inputs
(fiscal_inputs.py), arithmetic of debt (debt.py). Model and what would falsify it: docs/agents/fiscal.md.

Sign: state_score > 0 when public finances deteriorate.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import TYPE_CHECKING

import polars as pl

from macro_fund.agents.as_known import require_sessions
from macro_fund.agents.debt import nominal_growth, stabilising_primary
from macro_fund.agents.fiscal_inputs import AGED, SURVEYS, TARGET, fiscal_inputs
from macro_fund.agents.fiscal_model import AGENT_ID, IMPLIED, STATED
from macro_fund.agents.model import in_force
from macro_fund.agents.report import (
    Driver,
    Finding,
    Input,
    Report,
    Risk,
    confidence,
    finding,
    outside,
    view_rows,
    with_status,
)
from macro_fund.features.known import require_ages

if TYPE_CHECKING:
    from macro_fund.time.sessions import Sessions

MODEL_VERSION = "fiscal-1.0: VAR debt fan and stabilising primary"
HORIZON_DAYS = 126
GAP_SCALE = 0.02
WEIGHT_GAP, WEIGHT_FAN, WEIGHT_SLOPE = 0.5, 0.3, 0.2
FAN_YEAR = 5
DEBT_RANGE = (0.40, 1.50)
STABILISING_RANGE = (-0.02, 0.08)
# Twelve-month flows wait for the slowest of debt, prices and activity, six weeks to three months.
FLOW_MAX_AGE_DAYS = 150
# View on an asset = strength x score. The premium sits in long rates, credit and the currency; equities have earnings
# in nominal terms, and breakevens gain from the fear that inflation will pay the debt.
STRENGTHS = {"br_rates": -0.8, "br_real": -0.8, "br_credit": -0.8, "brl": -0.6, "br_eq": -0.5, "br_breakeven": 0.4}
PARAMETERS = ("trend_growth", "rmse_ratio")
# What a weak input is worth in data completeness.
STATED_WEIGHT, TARGET_WEIGHT = 0.5, 0.75


def with_score(frame: pl.DataFrame) -> pl.DataFrame:
    """Adds growth, stabilising_primary, primary_gap, term_gap, term_fan, term_slope, state_score (clipped), agreement.

    Needs debt_value, primary_value, interest_value, inflation_value, survey_growth, trend_growth, prob_up_10pp and
    slope_z; a missing slope counts nothing.
    """
    frame = frame.with_columns(pl.coalesce("survey_growth", "trend_growth").alias("growth"))
    columns = {n: frame[n].to_numpy() for n in ("debt_value", "interest_value", "growth", "inflation_value")}
    needed = stabilising_primary(
        columns["debt_value"],
        columns["interest_value"],
        nominal_growth(columns["growth"], columns["inflation_value"]),
    )
    frame = frame.with_columns(pl.Series("stabilising_primary", needed, dtype=pl.Float64).fill_nan(None))
    frame = frame.with_columns((pl.col("stabilising_primary") - pl.col("primary_value")).alias("primary_gap"))
    frame = frame.with_columns(
        (WEIGHT_GAP * (pl.col("primary_gap") * (1 / GAP_SCALE)).tanh()).alias("term_gap"),
        (WEIGHT_FAN * (2.0 * pl.col("prob_up_10pp") - 1.0)).alias("term_fan"),
        (WEIGHT_SLOPE * pl.col("slope_z").fill_null(0.0) / 2.0).alias("term_slope"),
    )
    terms = ("term_gap", "term_fan", "term_slope")
    signs = sum((pl.col(t).sign() for t in terms), pl.lit(0.0))
    total = pl.col("term_gap") + pl.col("term_fan") + pl.col("term_slope")
    return frame.with_columns(total.clip(-1.0, 1.0).alias("state_score"), (signs.abs() * (1 / 3)).alias("agreement"))


def _fatal(max_age: Mapping[str, int]) -> list[Finding]:
    debt_limit = max_age[AGED[0]]
    late = f"{{}} days old, {FLOW_MAX_AGE_DAYS} allowed"
    old_debt = f"gross debt is {{}} days old, {debt_limit} allowed"
    return [
        finding(pl.col("refit").is_null(), "no refit yet"),
        finding(pl.col("model_status") == "no_view", "{}", pl.col("model_reason")),
        finding(pl.col("debt_value").is_null(), "gross debt: nothing known"),
        finding(pl.col("debt_age") > debt_limit, old_debt, pl.col("debt_age")),
        finding(pl.col("primary_value").is_null(), "primary balance: not known, and not enough to imply it"),
        finding(pl.col("primary_age") > FLOW_MAX_AGE_DAYS, f"primary balance is {late}", pl.col("primary_age")),
        finding(pl.col("interest_value").is_null(), "implicit interest: not known, and not enough to state it"),
        finding(pl.col("interest_age") > FLOW_MAX_AGE_DAYS, f"implicit interest is {late}", pl.col("interest_age")),
        finding(pl.col("inflation_value").is_null(), "expected inflation: no fresh survey and no target"),
        outside("debt_value", *DEBT_RANGE, "gross debt on GDP"),
        outside("stabilising_primary", *STABILISING_RANGE, "stabilising primary balance on GDP"),
    ]


def _weak() -> list[Finding]:
    def unsaid(words: str) -> pl.Expr:
        """The fan's reason does not say it already."""
        return ~pl.col("model_reason").str.contains(words, literal=True)

    return [
        finding(pl.col("model_status") == "degraded", "fan: {}", pl.col("model_reason")),
        finding(~pl.col("primary_observed") & unsaid(IMPLIED), IMPLIED),
        finding(~pl.col("interest_observed") & unsaid(STATED), STATED),
        finding(pl.col("inflation_source") == TARGET, "inflation target stands for expected inflation: no fresh Focus"),
        finding(pl.col("survey_growth").is_null(), "trend growth stands for expected growth: no fresh Focus"),
        finding(pl.col("slope_z").is_null(), "no z of the DI slope"),
    ]


def _completeness() -> pl.Expr:
    """Mean weight of six inputs; debt is 1 whenever there is a view."""
    parts = [
        pl.when(pl.col("primary_observed")).then(1.0).otherwise(STATED_WEIGHT),
        pl.when(pl.col("interest_observed")).then(1.0).otherwise(STATED_WEIGHT),
        pl.when(pl.col("inflation_source").is_in(list(SURVEYS))).then(1.0).otherwise(TARGET_WEIGHT),
        pl.when(pl.col("survey_growth").is_not_null()).then(1.0).otherwise(STATED_WEIGHT),
        pl.when(pl.col("slope_z").is_not_null()).then(1.0).otherwise(0.0),
    ]
    return (1.0 + pl.sum_horizontal(parts)) * (1 / 6)


def _lines() -> list[Driver]:
    """The three terms, then what they are made of with contribution zero."""
    none, ratio, rate = pl.lit(0.0), "decimal of GDP", "decimal a year"
    slope_z = pl.col("slope_z")
    return [
        Driver("primary_gap", pl.col("primary_gap"), ratio, pl.col("term_gap"), pl.col("primary_date")),
        Driver("prob_debt_up_10pp_5y", pl.col("prob_up_10pp"), "probability", pl.col("term_fan"), pl.col("data_to")),
        Driver("di_slope_10y_2y", pl.col("slope"), "decimal", pl.col("term_slope"), pl.col("slope_date"), z=slope_z),
        Driver("gross_debt", pl.col("debt_value"), ratio, none, pl.col("debt_date")),
        Driver("primary_12m", pl.col("primary_value"), ratio, none, pl.col("primary_date")),
        Driver("stabilising_primary", pl.col("stabilising_primary"), ratio, none, pl.col("debt_date")),
        Driver("implicit_rate", pl.col("interest_value"), rate, none, pl.col("interest_date")),
        Driver("growth", pl.col("growth"), rate, none, pl.coalesce("survey_growth_date", "data_to")),
        Driver("inflation", pl.col("inflation_value"), rate, none, pl.col("inflation_date")),
        Driver("focus_primary_next_year", pl.col("survey_primary"), ratio, none, pl.col("survey_primary_date")),
    ]


_RISKS = [
    Risk(
        "Debt that jumps makes a score below zero wrong",
        "gross debt more than 10 points of GDP higher in five years",
        pl.col("prob_up_10pp"),
    ),
    Risk("A consolidation makes a score above zero wrong", "12-month primary balance above the stabilising one"),
    Risk(
        "Lower rates cure what a primary balance does not",
        "implicit interest below nominal growth: the stabilising primary turns negative",
    ),
]
_INPUTS = [
    Input("br_dbgg_gdp", pl.col("debt_date"), pl.col("known")),
    Input("br_primary_balance_12m_gdp", pl.when("primary_observed").then("primary_date"), pl.col("known")),
    Input("br_interest_12m_gdp", pl.when("interest_observed").then("interest_date"), pl.col("known")),
    *(
        Input(s, pl.when(pl.col("inflation_source") == s).then("inflation_date"), pl.col("inflation_known"))
        for s in (*SURVEYS, TARGET)
    ),
    Input("br_focus_gdp_annual", pl.col("survey_growth_date"), pl.col("survey_growth_known")),
    Input("br_focus_primary_annual", pl.col("survey_primary_date"), pl.col("survey_primary_known")),
]


def _with_fan(frame: pl.DataFrame, model: pl.DataFrame, path: pl.DataFrame) -> pl.DataFrame:
    """Adds the parameters in force, prob_up_10pp five years ahead and data_to of that refit."""
    sessions = frame["session"].to_list()
    fan = path.filter(pl.col("year_ahead") == FAN_YEAR)
    fan = fan.select(pl.col("session").alias("refit"), "prob_up_10pp", "data_to")
    parameters = in_force(model, sessions, PARAMETERS)
    return frame.join(parameters, on="session", how="left", maintain_order="left").join(
        fan, on="refit", how="left", maintain_order="left"
    )


def fiscal_view(
    observations: pl.DataFrame,
    focus: pl.DataFrame,
    macro: pl.DataFrame,
    model: pl.DataFrame,
    path: pl.DataFrame,
    sessions: Sequence[date],
    table: Sessions,
    *,
    max_age: Mapping[str, int],
) -> pl.DataFrame:
    """Table agents/fiscal_view for `sessions`.

    observations, focus, macro: silver tables, as in fiscal_inputs; model, path: agents/fiscal_model and fiscal_path
    with every refit up to the last session; table: the fund's sessions; max_age: calendar days by series id after which
    a value counts as stale. Raises ValueError when max_age lacks a series or a day is not a session.
    """
    require_ages(max_age, AGED)
    require_sessions(sessions, table)
    inputs = fiscal_inputs(observations, focus, macro, sessions, max_age)
    frame = with_score(_with_fan(inputs, model, path))
    frame = with_status(frame, _fatal(max_age), _weak())
    known = ["known", "inflation_known", "survey_growth_known", "survey_primary_known", "model_knowledge"]
    frame = frame.with_columns(
        pl.when("primary_observed").then(pl.lit("observed")).otherwise(pl.lit("implied")).alias("primary_source"),
        pl.col("debt_value").alias("gross_debt"),
        pl.col("primary_value").alias("primary_12m"),
        pl.col("interest_value").alias("implicit_rate"),
        pl.col("inflation_value").alias("inflation"),
    )
    report = Report(
        AGENT_ID,
        MODEL_VERSION,
        HORIZON_DAYS,
        score=pl.col("state_score"),
        confidence=confidence(_completeness(), pl.col("agreement"), pl.col("rmse_ratio")),
        knowledge_time=pl.max_horizontal(known),
        views={asset: pl.col("state_score") * s for asset, s in STRENGTHS.items()},
        drivers=_lines(),
        risks=_RISKS,
        inputs=_INPUTS,
    )
    return view_rows(frame, report)
