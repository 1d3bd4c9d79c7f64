"""Model path: the Selic after each of the next eight COPOM meetings against what the DI curve prices.

Belongs here: table agents/monetary_path. Does not belong here: the rules (taylor.py), the view (monetary.py).

The inputs of the morning stay where they are, each of the three rules walks from today's Selic, and at each meeting the
median counts. gap = model rate - (priced rate - term premium): positive when policy will be tighter than priced.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date

import numpy as np
import polars as pl

from macro_fund.agents.model import in_force
from macro_fund.agents.monetary_inputs import economy_of, monetary_inputs
from macro_fund.agents.monetary_record import HORIZONS, priced
from macro_fund.agents.taylor import RULES, median_rule, rule_terms
from macro_fund.store.tables import TABLES

QUARTER_BD = 63.0
PREMIUM_MIN_MEETINGS = 40
PREMIA = tuple(f"term_premium_{h}" for h in HORIZONS)
PARAMETERS = (
    "neutral_rate",
    "neutral_fallback",
    "neutral_blind_months",
    "rho",
    "phi",
    "theta",
    "rule_rmse",
    "term_premium_meetings",
)
_TABLE = TABLES["agents/monetary_path"]


def prepared(
    observations: pl.DataFrame, model: pl.DataFrame, sessions: Sequence[date], max_age: Mapping[str, int]
) -> pl.DataFrame:
    """monetary_inputs with the parameters in force; knowledge_time is the later of both, of the inputs that are."""
    inputs = monetary_inputs(observations, list(sessions), max_age)
    frame = inputs.join(
        in_force(model, sessions, (*PARAMETERS, *PREMIA)), on="session", how="left", maintain_order="left"
    )
    return frame.with_columns(pl.max_horizontal("knowledge_time", "model_knowledge").alias("knowledge_time"))


def monetary_path(
    observations: pl.DataFrame,
    policy_path: pl.DataFrame,
    model: pl.DataFrame,
    sessions: Sequence[date],
    max_age: Mapping[str, int],
) -> pl.DataFrame:
    """Table agents/monetary_path for `sessions`; a session without a priced path, a model or an input has no rows.

    observations: silver/observations with full history up to the last session; policy_path: silver/policy_path of the
    sessions; model: agents/monetary_model up to the last session; max_age: calendar days by series id.
    """
    frame = prepared(observations, model, sessions, max_age)
    meetings = priced(policy_path, frame.select("session"))
    rows = meetings.join(frame, on="session", how="left", maintain_order="left")
    premium = pl.coalesce(
        pl.when(pl.col("horizon") == h).then(pl.col(name)) for h, name in zip(HORIZONS, PREMIA, strict=True)
    )
    enough = pl.col("term_premium_meetings") >= PREMIUM_MIN_MEETINGS
    rows = rows.with_columns(
        pl.when(enough).then(premium).otherwise(0.0).alias("term_premium"),
        (pl.col("effective_bd") * (1 / QUARTER_BD)).alias("quarters"),
    )
    economy, smoothed = economy_of(rows)
    terms = rule_terms(economy, rows["quarters"].cast(pl.Float64).to_numpy(), smoothed)
    rates, middle, chosen = median_rule(terms)
    rows = rows.with_columns(
        pl.Series("model_rate", chosen.sum(axis=0)).fill_nan(None),
        pl.Series("rule", np.array(RULES)[middle]),
        *(pl.Series(f"{name.lower()}_rate", rate).fill_nan(None) for name, rate in zip(RULES, rates, strict=True)),
        pl.col("implied_target").alias("implied_rate"),
        pl.col("selic_value").alias("policy_rate"),
    )
    gap = pl.col("model_rate") - (pl.col("implied_rate") - pl.col("term_premium"))
    rows = rows.with_columns(gap.alias("gap")).drop_nulls(["gap", "policy_rate"])
    return rows.select(pl.col(n).cast(t) for n, t in _TABLE.schema.items()).sort(_TABLE.sort)
