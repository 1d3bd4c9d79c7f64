"""Inputs of the monetary agent, one row per session: what was known that morning, and how old it was.

Belongs here: choosing, ageing and joining the inputs, the output gap of each IBC-Br vintage. Does not belong here: what
is estimated (monetary_model.py), the rules (taylor.py), the view (monetary.py). Rates, inflation and gaps are decimals.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

import numpy as np
import numpy.typing as npt
import polars as pl

from macro_fund.agents.as_known import Vintage, age_days, carry, knowledge_path, newest_known, per_state, rows_of
from macro_fund.agents.taylor import Economy, Smoothed
from macro_fund.agents.trend import trend_end

CURVE_MAX_AGE_DAYS = 7
HORIZON_BD = 252
GAP_MIN_MONTHS = 60

# Expected inflation, best source first, with its weight in data completeness.
EXPECTATIONS = (("br_focus_ipca_12m_smooth", 1.0), ("br_focus_ipca_12m", 0.5), ("br_ipca_12m", 0.0))
SERIES = (
    "br_selic_target",
    "br_cdi_daily",
    "br_ibc_br_sa",
    "br_inflation_target",
    *(series for series, _ in EXPECTATIONS),
)


def _level(observations: pl.DataFrame, series_id: str, grid: pl.DataFrame, prefix: str) -> pl.DataFrame:
    """grid with {prefix}_value, _date, _age and _knowledge of the series' newest value."""
    known = carry(newest_known(observations, series_id, grid["session"][-1]), grid)
    return known.select(
        "session",
        pl.col("value").alias(f"{prefix}_value"),
        pl.col("event_date").alias(f"{prefix}_date"),
        age_days().alias(f"{prefix}_age"),
        pl.col("knowledge_time").alias(f"{prefix}_knowledge"),
    )


def year_ahead(di_curve: pl.DataFrame, grid: pl.DataFrame) -> pl.DataFrame:
    """The 252-business-day node of the newest curve: grid with forward_252, curve_date, curve_age."""
    node = (
        di_curve.filter((pl.col("tenor_bd") == HORIZON_BD) & (pl.col("session") <= grid["session"][-1]))
        .sort("session", "curve_date")
        .select("session", "curve_date", pl.col("forward_21d").alias("forward_252"))
    )
    age = (pl.col("session") - pl.col("curve_date")).dt.total_days()
    return carry(node, grid).with_columns(age.alias("curve_age"))


def _basis(observations: pl.DataFrame, grid: pl.DataFrame) -> pl.DataFrame:
    """Selic target less annualised CDI of the newest CDI day: basis, cdi_date, cdi_age, cdi_knowledge.

    The target is the one known on the CDI's own day: on the morning after a COPOM decision the newest target is already
    the new one, while the newest CDI still accrued at the old.
    """
    last = grid["session"][-1]
    target = newest_known(observations, "br_selic_target", last).select("session", target="value")
    cdi = knowledge_path(observations, "br_cdi_daily", last)
    joined = cdi.join_asof(target, left_on="event_date", right_on="session", strategy="backward")
    states = joined.select(
        "session",
        "event_date",
        (pl.col("target") - ((1.0 + pl.col("value")) ** 252 - 1.0)).alias("basis"),
        pl.col("knowledge_time").alias("cdi_knowledge"),
    )
    known = carry(states, grid).with_columns(age_days().alias("cdi_age"))
    return known.rename({"event_date": "cdi_date"})


def _expected_inflation(observations: pl.DataFrame, grid: pl.DataFrame, max_age: Mapping[str, int]) -> pl.DataFrame:
    """The best fresh source: expectation_value, _date, _knowledge, _source (series id), _weight; null if all stale."""
    frame = grid
    for k, (series_id, _) in enumerate(EXPECTATIONS):
        frame = frame.join(_level(observations, series_id, grid, f"e{k}"), on="session", how="left")
    fresh = [pl.col(f"e{k}_age") <= max_age[s] for k, (s, _) in enumerate(EXPECTATIONS)]

    def choose(values: list[pl.Expr]) -> pl.Expr:
        return pl.coalesce([pl.when(ok).then(v) for ok, v in zip(fresh, values, strict=True)])

    n = range(len(EXPECTATIONS))
    return frame.select(
        "session",
        *(choose([pl.col(f"e{k}_{c}") for k in n]).alias(f"expectation_{c}") for c in ("value", "date", "knowledge")),
        choose([pl.lit(s) for s, _ in EXPECTATIONS]).alias("expectation_source"),
        choose([pl.lit(w) for _, w in EXPECTATIONS]).alias("expectation_weight"),
    )


def _inflation_target(observations: pl.DataFrame, grid: pl.DataFrame) -> pl.DataFrame:
    """The target of the year that the 12-month horizon falls in, else the year before: target_value, target_date."""
    rows = rows_of(observations, "br_inflation_target", grid["session"][-1]).with_columns(
        pl.col("event_date").dt.year().alias("year")
    )
    frame = grid.with_columns(pl.col("session").dt.offset_by("12mo").dt.year().alias("horizon_year"))
    for suffix, shift in (("", 0), ("_before", 1)):
        frame = frame.with_columns((pl.col("horizon_year") - shift).alias("year")).join_asof(
            rows, on="session", by="year", strategy="backward", suffix=suffix or "_x", check_sortedness=False
        )
    return frame.select(
        "session",
        "horizon_year",
        pl.coalesce("value", "value_before").alias("target_value"),
        pl.coalesce("event_date", "event_date_before").alias("target_date"),
        pl.coalesce("knowledge_time", "knowledge_time_before").alias("target_knowledge"),
    )


def _gaps(known: Mapping[str, Vintage]) -> Mapping[str, float | None]:
    """Output gap at the newest month of one vintage, and its change on the gap twelve months before (same vintage)."""
    log_index = np.log(known["br_ibc_br_sa"].values)
    if len(log_index) < GAP_MIN_MONTHS:
        return {"output_gap": None, "gap_change": None}
    year_ago = log_index[:-12]
    gap = float(log_index[-1]) - trend_end(log_index)
    return {"output_gap": gap, "gap_change": gap - (float(year_ago[-1]) - trend_end(year_ago))}


def _output_gap(observations: pl.DataFrame, grid: pl.DataFrame) -> pl.DataFrame:
    """output_gap, gap_change (fractions of trend), gap_date, gap_age, gap_knowledge."""
    states = per_state(observations, ["br_ibc_br_sa"], grid["session"][-1], _gaps, ["output_gap", "gap_change"])
    known = carry(states, grid).with_columns(age_days().alias("gap_age"))
    return known.rename({"event_date": "gap_date", "knowledge_time": "gap_knowledge"})


def monetary_inputs(observations: pl.DataFrame, sessions: list[date], max_age: Mapping[str, int]) -> pl.DataFrame:
    """One row per session of `sessions` with every input but the curve: its date, age in calendar days, knowledge time.

    Columns: selic_*, cdi_*, basis, expectation_*, target_*, output_gap, gap_change, gap_* and knowledge_time (latest of
    the inputs).
    """
    grid = pl.DataFrame({"session": list(sessions)}, schema={"session": pl.Date})
    parts = [
        _level(observations, "br_selic_target", grid, "selic"),
        _basis(observations, grid),
        _expected_inflation(observations, grid, max_age),
        _inflation_target(observations, grid),
        _output_gap(observations, grid),
    ]
    frame = grid
    for part in parts:
        frame = frame.join(part, on="session", how="left", maintain_order="left")
    knowledge = [c for c in frame.columns if c.endswith("_knowledge")]
    return frame.with_columns(pl.max_horizontal(knowledge).alias("knowledge_time"))


def numbers(frame: pl.DataFrame, name: str) -> npt.NDArray[np.float64]:
    """A column as floats, null as NaN."""
    out: npt.NDArray[np.float64] = frame[name].cast(pl.Float64).fill_null(float("nan")).to_numpy()
    return out


def economy_of(frame: pl.DataFrame) -> tuple[Economy, Smoothed]:
    """The rules' inputs and T2's parameters from columns of monetary_inputs and of the model in force."""
    economy = Economy(
        neutral_rate=numbers(frame, "neutral_rate"),
        expected_inflation=numbers(frame, "expectation_value"),
        inflation_target=numbers(frame, "target_value"),
        output_gap=numbers(frame, "output_gap"),
        gap_change=numbers(frame, "gap_change"),
        policy_rate=numbers(frame, "selic_value"),
    )
    return economy, Smoothed(*(numbers(frame, name) for name in ("rho", "phi", "theta")))
