"""Monetary agent: three Taylor-type rules against the policy path that the DI curve prices.

Belongs here: the view, its drivers, status and confidence. Does not belong here: what is estimated (monetary_model.py),
the path (monetary_path.py), the rules (taylor.py), the inputs (monetary_inputs.py), the United States
(monetary_us.py). Model, estimation and what would falsify it: docs/agents/monetary.md.

Sign: state_score > 0 when the model's Selic is above the priced one (policy will be tighter than priced), which is bad
for receivers, so view_br_rates = -state_score.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from macro_fund.agents.as_known import require_sessions, rows_of
from macro_fund.agents.monetary_inputs import SERIES, economy_of, year_ahead
from macro_fund.agents.monetary_months import US_SERIES
from macro_fund.agents.monetary_path import prepared
from macro_fund.agents.monetary_record import SCORED, track_record
from macro_fund.agents.monetary_status import completeness, fatal, weak
from macro_fund.agents.monetary_us import us_view
from macro_fund.agents.report import (
    Driver,
    Input,
    Report,
    Risk,
    confidence,
    view_rows,
    with_status,
)
from macro_fund.agents.taylor import RULES, TERMS, median_rule, rule_terms
from macro_fund.features.known import require_ages

if TYPE_CHECKING:
    from macro_fund.time.sessions import Sessions

AGENT_ID = "monetary"
MODEL_VERSION = "monetary-2.1: estimated rules, filtered r*, path by meeting"
HORIZON_DAYS = 126
SCALE = 0.0075
# What a score of 1 (policy tighter than priced) says of other assets, relative to receiving rates; judgement.
SPILLOVER = {"br_rates": -1.0, "br_real": -0.5, "br_breakeven": -0.5, "brl": 0.5, "br_eq": -0.5}
_AGAINST = ("implied", "term_premium")
_INPUTS = [
    Input(series, pl.col(f"{prefix}_date"), pl.col(f"{prefix}_knowledge"))
    for series, prefix in (
        ("br_selic_target", "selic"),
        ("br_cdi_daily", "cdi"),
        ("br_inflation_target", "target"),
        ("br_ibc_br_sa", "gap"),
    )
]


def _near(path: pl.DataFrame, frame: pl.DataFrame) -> pl.DataFrame:
    """One row per session with a path: gap, _term (means over the next four meetings), agreement, path_low, path_high.

    A rule's terms at a meeting are rebuilt from the inputs; which rule was in the middle stands in the path. Means are
    added up meeting by meeting, so that a session's bits do not depend on how many others are computed with it.
    """
    rows = path.filter((pl.col("horizon") <= SCORED) & (pl.len().over("session") >= SCORED)).sort("session", "horizon")
    rows = rows.join(frame, on="session", how="inner", maintain_order="left")
    economy, smoothed = economy_of(rows)
    terms = rule_terms(economy, rows["quarters"].to_numpy(), smoothed)
    middle = rows["rule"].replace_strict(list(RULES), range(len(RULES)), return_dtype=pl.Int64).to_numpy()
    chosen = np.take_along_axis(terms, middle[None, None, :], axis=0)[0]
    net = rows["implied_rate"] - rows["term_premium"]
    columns = {
        **{f"_{name}": values for name, values in zip(TERMS, chosen, strict=True)},
        **{f"_{name}": rows[f"{name}_rate" if name == "implied" else name].to_numpy() for name in _AGAINST},
        **{f"_{rule}": (rows[f"{rule.lower()}_rate"] - net).to_numpy() for rule in RULES},
        "gap": rows["gap"].to_numpy(),
    }
    means = pl.DataFrame({"session": rows["session"].gather_every(SCORED), **{k: _mean(v) for k, v in columns.items()}})
    extremes = path.group_by("session", maintain_order=True).agg(
        pl.col("model_rate").min().alias("path_low"),
        pl.col("model_rate").max().alias("path_high"),
        pl.col("curve_date").max().alias("path_date"),
    )
    agreement = pl.sum_horizontal(*(pl.col(f"_{r}").sign() for r in RULES)).abs() * (1 / len(RULES))
    return means.with_columns(agreement.alias("agreement")).join(
        extremes, on="session", how="left", maintain_order="left"
    )


def _mean(values: np.ndarray) -> np.ndarray:
    """Means of each SCORED values in a row."""
    by_session = values.reshape(-1, SCORED)
    total = by_session[:, 0]
    for k in range(1, SCORED):
        total = total + by_session[:, k]
    return total / SCORED


def _scored(frame: pl.DataFrame) -> pl.DataFrame:
    """Adds state_score and contribution_* of each term: the same share of the score as the term has of the gap."""
    gap = frame["gap"].cast(pl.Float64).fill_null(float("nan")).to_numpy()
    score = np.tanh(gap / SCALE)
    tiny = np.abs(gap) < 1e-9
    slope = pl.Series("_slope", np.where(tiny, 1.0 / SCALE, score / np.where(tiny, 1.0, gap))).fill_nan(None)
    frame = frame.with_columns(slope, pl.Series("state_score", score).fill_nan(None))
    signs = {**dict.fromkeys(TERMS, 1.0), "implied": -1.0, "term_premium": 1.0}
    return frame.with_columns(
        (pl.col("_slope") * pl.col(f"_{name}") * sign).alias(f"contribution_{name}") for name, sign in signs.items()
    )


def _year(frame: pl.DataFrame) -> pl.DataFrame:
    """Adds taylor_rate (median rule in four quarters) and implied_rate (DI forward plus target less CDI)."""
    economy, smoothed = economy_of(frame)
    chosen = median_rule(rule_terms(economy, smoothed=smoothed))[2]
    return frame.with_columns(
        pl.Series("taylor_rate", chosen.sum(axis=0)).fill_nan(None),
        (pl.col("forward_252") + pl.col("basis")).alias("implied_rate"),
    )


def _driver_lines() -> list[Driver]:
    sources = {
        "neutral_real_rate": ("neutral_rate", "refit"),
        "expected_inflation": ("expectation_value", "expectation_date"),
        "inflation_gap": ("inflation_gap", "expectation_date"),
        "output_gap": ("output_gap", "gap_date"),
        "output_gap_change": ("gap_change", "gap_date"),
        "policy_rate": ("selic_value", "selic_date"),
        "implied": ("_implied", "path_date"),
        "term_premium": ("_term_premium", "refit"),
    }
    return [
        Driver(name, pl.col(value), "decimal", pl.col(f"contribution_{name}"), pl.col(day))
        for name, (value, day) in sources.items()
    ]


def _risk_lines() -> list[Risk]:
    """The first has the probability that a normal error of the record's size turns the sign of the gap."""
    turned = (-(pl.col("gap").abs()) / pl.col("rmse")).map_batches(_normal_cdf, return_dtype=pl.Float64)
    return [
        Risk("the committee does not follow the rules", "a decision against the sign of the gap", turned),
        Risk("expected inflation moves towards the target", "Focus 12 months moves by 0.5 point in four weeks"),
        Risk("r* is not where the filter has it", "the BCB publishes another neutral rate"),
    ]


def _normal_cdf(x: pl.Series) -> pl.Series:
    from scipy.special import ndtr

    return pl.Series(ndtr(x.cast(pl.Float64).fill_null(float("nan")).to_numpy())).fill_nan(None)


def monetary_view(
    observations: pl.DataFrame,
    di_curve: pl.DataFrame,
    ust_curve: pl.DataFrame,
    model: pl.DataFrame,
    path: pl.DataFrame,
    sessions: list[date],
    table: Sessions,
    *,
    max_age: Mapping[str, int],
) -> pl.DataFrame:
    """Table agents/monetary_view for `sessions`.

    observations, di_curve, ust_curve: the silver tables with full history up to the last session; model, path:
    agents/monetary_model and agents/monetary_path likewise (the path's history is the record that confidence rests on);
    table: the fund's sessions, every one of `sessions` must be among them; max_age: calendar days by series id
    (max_age_days of config/series) after which a value counts as stale.
    Raises ValueError when max_age lacks a series or a day is not a session.
    """
    require_ages(max_age, (*SERIES, *US_SERIES))
    require_sessions(sessions, table)
    last = sessions[-1]
    frame = prepared(observations, model.filter(pl.col("session") <= last), sessions, max_age)
    near = _near(path.filter(pl.col("session").is_in(sessions)), frame)
    selic = rows_of(observations, "br_selic_target", last)
    record = track_record(path.filter(pl.col("session") <= last), selic, frame.select("session"))
    abroad = us_view(observations, ust_curve, model.filter(pl.col("session") <= last), sessions, max_age, SCALE)
    for part in (near, record, abroad):
        frame = frame.join(part, on="session", how="left", maintain_order="left")
    curve = year_ahead(di_curve, frame.select("session"))
    frame = frame.join(curve, on="session", how="left", maintain_order="left")
    frame = _year(
        _scored(frame.with_columns((pl.col("session") - pl.col("path_date")).dt.total_days().alias("path_age")))
    )
    frame = with_status(frame, fatal(max_age), weak(max_age))
    frame = frame.with_columns((pl.col("expectation_value") - pl.col("target_value")).alias("inflation_gap"))
    return view_rows(frame, _report(max_age))


def _report(max_age: Mapping[str, int]) -> Report:
    # A view against the curve has to beat the curve, not only an unchanged Selic: the worse of the two counts.
    worse = pl.max_horizontal("rmse_ratio", "rmse_ratio_implied")
    home = {asset: pl.col("state_score") * weight for asset, weight in SPILLOVER.items()}
    return Report(
        AGENT_ID,
        MODEL_VERSION,
        HORIZON_DAYS,
        score=pl.col("state_score"),
        confidence=confidence(completeness(max_age), pl.col("agreement"), worse),
        knowledge_time=pl.max_horizontal("knowledge_time", "us_knowledge"),
        views={**home, "us_rates": -pl.col("us_score")},
        drivers=_driver_lines(),
        risks=_risk_lines(),
        inputs=_INPUTS,
    )
