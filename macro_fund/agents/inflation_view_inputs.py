"""What the inflation view compares, one row per session: the model's 12 months, what is priced, cores, diffusion,
surprises.

Belongs here: choosing, ageing and joining. Does not belong here: the score (inflation.py) and forecasts
(inflation_path.py). Decimals throughout.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
import polars as pl

from macro_fund.agents.as_known import carry
from macro_fund.agents.inflation_inputs import SURVEYS, TARGET, surveys
from macro_fund.agents.inflation_passthrough import ALL
from macro_fund.agents.model import in_force
from macro_fund.features.ipca import CORES, pace_3m
from macro_fund.features.known import Monthly, Months, State, Vector, monthly_features

BREAKEVEN_BD = 252
# The shorter, the nearer to the twelve months in question; beyond five years a breakeven is the target and a premium.
RETAIL_MAX_BD = 1260
CURVE_MAX_AGE_DAYS = 7
SURPRISES = 3
CLIP = 3.0
PASSTHROUGH_MAX_DAYS = 400


@dataclass(frozen=True)
class Tables:
    """What the view reads, each with full history up to the last session.

    path, model, passthrough: the agents/inflation_* tables; ipca, focus: silver features; ettj: ANBIMA's curve; retail:
    silver/retail_real_curve; observations: silver/observations of the cores, the target and the 12-month surveys.
    """

    path: pl.DataFrame
    model: pl.DataFrame
    passthrough: pl.DataFrame
    ipca: pl.DataFrame
    focus: pl.DataFrame
    ettj: pl.DataFrame
    retail: pl.DataFrame
    observations: pl.DataFrame


OBSERVED = (*CORES, TARGET, *SURVEYS)


def core_gap(state: State) -> tuple[Months, Vector]:
    """Three-month annualised pace of the mean core less the target of the month's year, in one vintage."""
    months, columns = state.common(*CORES)
    pace = pace_3m(np.mean(columns, axis=0))
    months = months[months.size - pace.size :]
    known = np.flatnonzero(np.isfinite(state.values[TARGET]))
    if not pace.size or not known.size:
        return months[:0], pace[:0]
    years = state.months[known].astype("datetime64[Y]")
    place = np.clip(np.searchsorted(years, months.astype("datetime64[Y]"), side="right") - 1, 0, None)
    return months, pace - state.values[TARGET][known][place]


def view_inputs(tables: Tables, sessions: Sequence[date], max_age: Mapping[str, int]) -> pl.DataFrame:
    """One row per session with {name}, {name}_z, {name}_date and {name}_known of every term; null where there is none.

    A stale term is null. Raises ValueError when max_age lacks a series.
    """
    grid = pl.DataFrame({"session": list(sessions)}, schema={"session": pl.Date})
    parts = [
        _model_year(tables.path, grid),
        in_force(tables.model, sessions, ("rmse_12m", "rmse_ratio", "rmse_ratio_focus", "gap")),
        _pass_through(tables.passthrough, grid),
        _survey(tables.observations, grid, min(max_age[s] for s in SURVEYS)),
        _breakeven(tables.ettj, grid),
        _retail(tables.retail, grid),
        _feature(_core_features(tables.observations, sessions, max_age), "core_gap", "core_gap"),
        _feature(tables.ipca, "diffusion_share", "diffusion"),
        _surprises(tables.focus, grid),
    ]
    for part in parts:
        grid = grid.join(part, on="session", how="left", maintain_order="left")
    asked = pl.mean_horizontal("focus_12m", "breakeven_1y")
    return grid.with_columns(pl.coalesce(asked, "breakeven_retail").alias("pi12_priced"))


def _model_year(path: pl.DataFrame, grid: pl.DataFrame) -> pl.DataFrame:
    """The year that the twelve months make."""
    year = ((pl.col("rate") + 1.0).product() - 1.0).alias("pi12_model")
    rows = path.filter(pl.col("session").is_in(grid["session"].implode())).sort("session", "month")
    return rows.group_by("session", maintain_order=True).agg(
        year,
        pl.col("newest_month").first().alias("pi12_model_date"),
        pl.col("knowledge_time").max().alias("pi12_model_known"),
        pl.col("status").first().alias("path_status"),
        pl.col("reason").first().alias("path_reason"),
    )


def _pass_through(passthrough: pl.DataFrame, grid: pl.DataFrame) -> pl.DataFrame:
    rows = passthrough.filter(pl.col("part") == ALL).select(
        "session",
        pl.col("session").alias("pass_through_refit"),
        pl.col("value").alias("pass_through_12m"),
        pl.col("p05").alias("pass_through_low"),
        pl.col("p95").alias("pass_through_high"),
        pl.col("status").alias("pass_through_status"),
        pl.col("reason").alias("pass_through_reason"),
        pl.col("data_to").alias("pass_through_date"),
        pl.col("knowledge_time").alias("pass_through_known"),
    )
    return carry(rows, grid)


def _survey(observations: pl.DataFrame, grid: pl.DataFrame, max_days: int) -> pl.DataFrame:
    rows = surveys(observations)
    newest = rows.filter(pl.col("event_date") >= pl.col("event_date").cum_max())
    return _fresh(carry(newest, grid), "focus_12m", max_days)


def _breakeven(ettj: pl.DataFrame, grid: pl.DataFrame) -> pl.DataFrame:
    node = ettj.filter((pl.col("tenor_bd") == BREAKEVEN_BD) & pl.col("breakeven").is_finite())
    rows = node.sort("session", "curve_date").select("session", event_date="curve_date", value="breakeven")
    known = carry(rows, grid).with_columns(pl.lit(None, pl.Datetime("us", "UTC")).alias("knowledge_time"))
    return _fresh(known, "breakeven_1y", CURVE_MAX_AGE_DAYS)


def _retail(retail: pl.DataFrame, grid: pl.DataFrame) -> pl.DataFrame:
    """breakeven_retail, its _bd, _date and _known: of the shortest tenor of the newest session that has one."""
    here = pl.col("breakeven").is_finite() & (pl.col("status") != "no_view") & (pl.col("tenor_bd") <= RETAIL_MAX_BD)
    rows = retail.filter(here).sort("session", "tenor_bd").unique("session", keep="first", maintain_order=True)
    rows = rows.select(
        "session",
        event_date="curve_date",
        value="breakeven",
        tenor=pl.col("tenor_bd").cast(pl.Float64),
        knowledge_time=pl.lit(None, pl.Datetime("us", "UTC")),
    )
    found = carry(rows, grid)
    fresh = _fresh(found, "breakeven_retail", CURVE_MAX_AGE_DAYS)
    tenor = pl.when(fresh["breakeven_retail"].is_not_null()).then(found["tenor"])
    return fresh.with_columns(tenor.alias("breakeven_retail_bd"))


def _fresh(rows: pl.DataFrame, name: str, max_days: int) -> pl.DataFrame:
    """session, {name}, {name}_date, {name}_known, all null when older than `max_days` calendar days."""
    age = (pl.col("session") - pl.col("event_date")).dt.total_days()
    columns = {"value": name, "event_date": f"{name}_date", "knowledge_time": f"{name}_known"}
    return rows.select("session", *(pl.when(age <= max_days).then(pl.col(c)).alias(n) for c, n in columns.items()))


def _core_features(observations: pl.DataFrame, sessions: Sequence[date], max_age: Mapping[str, int]) -> pl.DataFrame:
    return monthly_features(observations, [Monthly("core_gap", (*CORES, TARGET), core_gap)], sessions, max_age)


def _feature(features: pl.DataFrame, feature_id: str, name: str) -> pl.DataFrame:
    """A feature's row where it is ok: {name}, {name}_z, {name}_date, {name}_known."""
    rows = features.filter((pl.col("feature_id") == feature_id) & (pl.col("status") == "ok"))
    return rows.select(
        "session",
        pl.col("value").alias(name),
        pl.col("z").alias(f"{name}_z"),
        pl.col("event_date").alias(f"{name}_date"),
        pl.col("knowledge_time").alias(f"{name}_known"),
    )


def _surprises(focus: pl.DataFrame, grid: pl.DataFrame) -> pl.DataFrame:
    """Sum of the surprises of three months in a row; its z is the sum of their z over the root of three (they are
    unpredictable). Nothing where one of the three is missing."""
    rows = focus.filter(pl.col("feature_id") == "ipca_surprise")
    first = rows.sort("session").unique("event_date", keep="first", maintain_order=True).sort("event_date")
    if first.height:
        first = first.upsample("event_date", every="1mo", maintain_order=True)
    total = first.select(
        "event_date",
        pl.col("value").rolling_sum(SURPRISES).alias("surprise_3m"),
        (pl.col("z").rolling_sum(SURPRISES) * SURPRISES**-0.5).clip(-CLIP, CLIP).alias("surprise_3m_z"),
    )
    live = rows.filter(pl.col("status") == "ok").join(total, on="event_date", how="left")
    live = live.select(
        "session",
        "surprise_3m",
        "surprise_3m_z",
        pl.col("event_date").alias("surprise_3m_date"),
        pl.col("knowledge_time").alias("surprise_3m_known"),
    )
    return grid.join(live, on="session", how="left", maintain_order="left")
