"""Inputs of the fiscal view, one row per session: what was known that morning and how old it was.

Belongs here: the newest of each fiscal number, expected growth and inflation with their fallbacks, the DI slope. Does
not belong here: the model (fiscal_model.py) and the view (fiscal.py). Decimals; balances are positive in surplus.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date

import numpy as np
import polars as pl

from macro_fund.agents.as_known import age_days, carry, newest_known, rows_of
from macro_fund.agents.fiscal_history import DEBT, PRIMARY, SERIES, History, history
from macro_fund.features.known import State, states

# Expected inflation, best source first: a survey of the next 12 months, else the target of the year they end in.
SURVEYS = ("br_focus_ipca_12m_smooth", "br_focus_ipca_12m")
TARGET = "br_inflation_target"
GROWTH_SURVEY, PRIMARY_SURVEY = "br_focus_gdp_annual", "br_focus_primary_annual"
FOCUS_FEATURES = (GROWTH_SURVEY, PRIMARY_SURVEY)
# Calendar years ahead whose growth stands for the medium term; the nearest years are the cycle.
GROWTH_HORIZON = 2
SLOPE = "di_slope_10y_2y"
OBSERVED = (*SERIES, *SURVEYS, TARGET)
AGED = (DEBT, *SURVEYS)

_LATEST = ("debt", "primary", "interest")


def _newest(state: State, past: History) -> dict[str, object]:
    """The newest of each number of one vintage, with its month; the flags of what stands behind it."""

    def of(months: np.ndarray, values: np.ndarray) -> tuple[date | None, float | None]:
        there = np.flatnonzero(np.isfinite(values))
        if not there.size:
            return None, None
        return months[there[-1]].astype("datetime64[D]").item(), float(values[there[-1]])

    observed, implied = -state.values[PRIMARY], past.values[:, 2]
    found = {
        "debt": of(state.months, state.values[DEBT]),
        "primary": of(state.months, observed) if past.primary_observed else of(past.months, implied),
        "interest": of(past.months, past.interest),
    }
    row: dict[str, object] = {"session": state.session, "known": state.knowledge_time}
    for name, (month, value) in found.items():
        row |= {f"{name}_date": month, f"{name}_value": value}
    return row | {
        "primary_observed": past.primary_observed,
        "interest_observed": past.interest_observed,
        "share_observed": past.share_observed,
    }


def fiscal_numbers(observations: pl.DataFrame, sessions: Sequence[date]) -> pl.DataFrame:
    """One row per change of information that matters to `sessions`: {debt, primary, interest}_value and _date, known
    (knowledge time), primary_observed, interest_observed, share_observed."""
    kinds: dict[str, pl.DataType | type[pl.DataType]] = {"session": pl.Date, "known": pl.Datetime("us", "UTC")}
    for name in _LATEST:
        kinds |= {f"{name}_date": pl.Date, f"{name}_value": pl.Float64}
    kinds |= dict.fromkeys(("primary_observed", "interest_observed", "share_observed"), pl.Boolean)
    seen = observations.filter(pl.col("series_id").is_in(list(SERIES)) & (pl.col("session") <= sessions[-1]))
    rows = [_newest(state, history(state)) for state in states(seen, SERIES, sessions)]
    return pl.DataFrame(rows, schema=kinds, orient="row")


def _survey(observations: pl.DataFrame, series_id: str, grid: pl.DataFrame, prefix: str) -> pl.DataFrame:
    known = carry(newest_known(observations, series_id, grid["session"][-1]), grid)
    return known.select(
        "session",
        pl.col("value").alias(f"{prefix}_value"),
        pl.col("event_date").alias(f"{prefix}_date"),
        age_days().alias(f"{prefix}_age"),
        pl.col("knowledge_time").alias(f"{prefix}_known"),
    )


def _target(observations: pl.DataFrame, grid: pl.DataFrame) -> pl.DataFrame:
    """Inflation target of the year in which the next 12 months end, else of the year before: target_value, _date."""
    rows = rows_of(observations, TARGET, grid["session"][-1]).with_columns(year=pl.col("event_date").dt.year())
    frame = grid.with_columns(_horizon=pl.col("session").dt.offset_by("12mo").dt.year())
    for name, shift in (("same", 0), ("before", 1)):
        part = rows.select(
            "session",
            "year",
            pl.col("value").alias(f"{name}_value"),
            pl.col("event_date").alias(f"{name}_date"),
            pl.col("knowledge_time").alias(f"{name}_known"),
        )
        frame = frame.with_columns(year=pl.col("_horizon") - shift).join_asof(
            part, on="session", by="year", strategy="backward", check_sortedness=False
        )
    return frame.select(
        "session", *(pl.coalesce(f"same_{c}", f"before_{c}").alias(f"target_{c}") for c in ("value", "date", "known"))
    )


def _inflation(observations: pl.DataFrame, grid: pl.DataFrame, max_age: Mapping[str, int]) -> pl.DataFrame:
    """inflation_value, _date, _known, _source: the best fresh survey, else the target."""
    frame = _target(observations, grid)
    for k, series_id in enumerate(SURVEYS):
        frame = frame.join(_survey(observations, series_id, grid, f"s{k}"), on="session", how="left")
    fresh = [pl.col(f"s{k}_age") <= max_age[s] for k, s in enumerate(SURVEYS)]

    def choose(kind: str) -> pl.Expr:
        surveys = [pl.when(ok).then(f"s{k}_{kind}") for k, ok in enumerate(fresh)]
        return pl.coalesce(*surveys, f"target_{kind}").alias(f"inflation_{kind}")

    names = [pl.when(ok).then(pl.lit(s)) for s, ok in zip(SURVEYS, fresh, strict=True)]
    source = pl.coalesce(*names, pl.when(pl.col("target_value").is_not_null()).then(pl.lit(TARGET)))
    return frame.select("session", choose("value"), choose("date"), choose("known"), source.alias("inflation_source"))


def _focus(focus: pl.DataFrame, grid: pl.DataFrame) -> pl.DataFrame:
    """survey_growth (mean of the farther calendar years), survey_primary (of next year), their dates and survey_known;
    null where there is no fresh survey."""
    fresh = focus.filter(pl.col("status") == "ok")
    growth = fresh.filter((pl.col("feature_id") == GROWTH_SURVEY) & (pl.col("horizon") >= GROWTH_HORIZON))
    primary = fresh.filter((pl.col("feature_id") == PRIMARY_SURVEY) & (pl.col("horizon") == 1))
    frame = grid
    for name, rows in (("growth", growth), ("primary", primary)):
        part = rows.group_by("session", maintain_order=True).agg(
            pl.col("value").sort_by("horizon").mean().alias(f"survey_{name}"),
            pl.col("event_date").max().alias(f"survey_{name}_date"),
            pl.col("knowledge_time").max().alias(f"survey_{name}_known"),
        )
        frame = frame.join(part, on="session", how="left", maintain_order="left")
    return frame


def _slope(macro: pl.DataFrame, grid: pl.DataFrame) -> pl.DataFrame:
    rows = macro.filter((pl.col("feature_id") == SLOPE) & (pl.col("status") == "ok"))
    part = rows.select("session", pl.col("value").alias("slope"), pl.col("z").alias("slope_z"), slope_date="event_date")
    return grid.join(part, on="session", how="left", maintain_order="left")


def fiscal_inputs(
    observations: pl.DataFrame,
    focus: pl.DataFrame,
    macro: pl.DataFrame,
    sessions: Sequence[date],
    max_age: Mapping[str, int],
) -> pl.DataFrame:
    """One row per session of `sessions` with every input of the view, its date and knowledge time.

    observations: silver/observations of OBSERVED with full history; focus: silver/focus and macro: silver/macro, rows
    of `sessions`; max_age: calendar days by series id, AGED among them.
    """
    grid = pl.DataFrame({"session": list(sessions)}, schema={"session": pl.Date})
    frame = carry(fiscal_numbers(observations, sessions), grid)
    parts = [_inflation(observations, grid, max_age), _focus(focus, grid), _slope(macro, grid)]
    for part in parts:
        frame = frame.join(part, on="session", how="left", maintain_order="left")
    ages = [
        (pl.col("session") - pl.col(f"{name}_date")).dt.total_days().alias(f"{name}_age")
        for name in ("debt", "primary", "interest")
    ]
    return frame.with_columns(ages)
