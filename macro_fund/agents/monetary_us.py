"""United States: the same rules with the effective fed funds rate, core CPI and the Chicago Fed's activity index.

Belongs here: the US score, one row per session. Does not belong here: Brazil (monetary.py), estimation
(monetary_model.py). Against the model's mean rate over the next four quarters stands the one-year Treasury yield: no
futures on the policy rate are in the lake. The model's rate is not below zero. Realised core inflation stands for the
expected one, and a year's bill has no premium taken out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date

import numpy as np
import polars as pl

from macro_fund.agents.as_known import Vintage, age_days, carry, newest_known, per_state
from macro_fund.agents.model import in_force
from macro_fund.agents.monetary_inputs import CURVE_MAX_AGE_DAYS, numbers
from macro_fund.agents.monetary_model import UNITED_STATES
from macro_fund.agents.monetary_months import CFNAI_UNIT, US_SERIES, US_TARGET
from macro_fund.agents.report import outside
from macro_fund.agents.taylor import QUARTERS, Economy, Smoothed, median_rule, rule_terms

TENOR_YEARS = 1.0
PARAMETERS = ("us_neutral_rate", "us_rho", "us_phi", "us_theta")
WEAK = "us_neutral_fallback"
COLUMNS = ("us_neutral_rate", "us_model_rate", "us_implied_rate", "us_score", "us_reason")
POLICY_RANGE = (0.0, 0.15)


def _core(known: Mapping[str, Vintage]) -> Mapping[str, float | None]:
    """Core CPI over twelve months in one vintage."""
    vintage = known["us_cpi_core"]
    months = vintage.periods.astype("datetime64[M]")
    before = np.flatnonzero(months == months[-1] - 12)
    return {"us_core": float(vintage.values[-1] / vintage.values[before[0]] - 1.0) if before.size else None}


def _activity(known: Mapping[str, Vintage]) -> Mapping[str, float | None]:
    """Mean of the newest three months, and its change on the three months of a year before, as gaps."""
    values = known["us_cfnai"].values * CFNAI_UNIT
    if values.size < 15:
        return {"us_gap": None, "us_gap_change": None}
    now, before = float(values[-3:].mean()), float(values[-15:-12].mean())
    return {"us_gap": now, "us_gap_change": now - before}


def _inputs(observations: pl.DataFrame, ust_curve: pl.DataFrame, grid: pl.DataFrame) -> pl.DataFrame:
    """grid with us_rate, us_core, us_gap, us_gap_change, bill and each one's age in calendar days."""
    last = grid["session"][-1]
    parts = {
        "us_rate": newest_known(observations, "us_effr", last).rename({"value": "us_rate"}),
        "us_core": per_state(observations, ["us_cpi_core"], last, _core, ["us_core"]),
        "us_gap": per_state(observations, ["us_cfnai"], last, _activity, ["us_gap", "us_gap_change"]),
    }
    frame = grid
    for name, states in parts.items():
        known = carry(states, grid).with_columns(age_days().alias(f"{name}_age"))
        known = known.rename({"knowledge_time": f"{name}_knowledge"}).drop("event_date")
        frame = frame.join(known, on="session", how="left", maintain_order="left")
    node = (
        ust_curve.filter((pl.col("tenor_years") == TENOR_YEARS) & (pl.col("session") <= last))
        .sort("session", "curve_date")
        .select("session", "curve_date", us_implied_rate="par_yield")
    )
    bill = carry(node, grid).with_columns(
        (pl.col("session") - pl.col("curve_date")).dt.total_days().alias("us_implied_rate_age")
    )
    return frame.join(bill.drop("curve_date"), on="session", how="left", maintain_order="left")


def _model_rate(frame: pl.DataFrame) -> pl.Series:
    """Mean over the next four quarters of the median rule, each not below zero."""
    inflation = numbers(frame, "us_core")
    economy = Economy(
        neutral_rate=numbers(frame, "us_neutral_rate"),
        expected_inflation=inflation,
        inflation_target=np.full(inflation.shape, US_TARGET),
        output_gap=numbers(frame, "us_gap"),
        gap_change=numbers(frame, "us_gap_change"),
        policy_rate=numbers(frame, "us_rate"),
    )
    smoothed = Smoothed(*(numbers(frame, name) for name in PARAMETERS[1:]))
    rates = [median_rule(rule_terms(economy, float(q), smoothed))[2].sum(axis=0) for q in range(1, QUARTERS + 1)]
    return pl.Series("us_model_rate", np.maximum(np.stack(rates), 0.0).mean(axis=0)).fill_nan(None)


def us_view(
    observations: pl.DataFrame,
    ust_curve: pl.DataFrame,
    model: pl.DataFrame,
    sessions: Sequence[date],
    max_age: Mapping[str, int],
    scale: float,
) -> pl.DataFrame:
    """session, COLUMNS, WEAK, us_knowledge: us_score = tanh((model - bill) / scale), null with the reason in us_reason.

    Plus = the Fed tighter than priced = bad for holders of Treasuries.
    """
    grid = pl.DataFrame({"session": list(sessions)}, schema={"session": pl.Date})
    frame = _inputs(observations, ust_curve, grid)
    frame = frame.join(in_force(model, sessions, (*PARAMETERS, WEAK)), on="session", how="left", maintain_order="left")
    frame = frame.with_columns(_model_rate(frame))
    ages = {"us_rate": max_age[US_SERIES[0]], "us_core": max_age[US_SERIES[1]], "us_gap": max_age[US_SERIES[2]]}
    limits = {**ages, "us_implied_rate": CURVE_MAX_AGE_DAYS}
    words = {"us_rate": "fed funds", "us_core": "core CPI", "us_gap": "CFNAI", "us_implied_rate": "one-year Treasury"}
    reasons = [
        *(pl.when(pl.col(c).is_null()).then(pl.lit(f"{w}: nothing known")) for c, w in words.items()),
        *(
            pl.when(pl.col(f"{c}_age") > n).then(pl.lit(f"{words[c]} is older than {n} days"))
            for c, n in limits.items()
        ),
        pl.when(pl.col("us_neutral_rate").is_null()).then(pl.lit("r*: too few months")),
        outside("us_neutral_rate", *UNITED_STATES.bounds, "r*").expr(),
        outside("us_model_rate", *POLICY_RANGE, "the model's rate").expr(),
    ]
    frame = frame.with_columns(pl.concat_str(reasons, separator="; ", ignore_nulls=True).alias("us_reason"))
    gap = pl.col("us_model_rate") - pl.col("us_implied_rate")
    score = pl.when(pl.col("us_reason") == "").then((gap * (1 / scale)).tanh())
    knowledge = pl.max_horizontal("us_rate_knowledge", "us_core_knowledge", "us_gap_knowledge", "model_knowledge")
    return frame.with_columns(score.alias("us_score"), knowledge.alias("us_knowledge")).select(
        "session", *COLUMNS, WEAK, "us_knowledge"
    )
