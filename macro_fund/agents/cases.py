"""Bull and bear: for each asset the short case for and against from the agents' drivers, and a verdict.

Belongs here: weighing views that exist. Does not belong here: any model, any size.

The desk's score of an asset is the mean of the agents' views weighted by their confidence after the consistency rules.
The verdict is `inconclusive` unless the score is large enough, enough agents speak, and they mostly agree.
"""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from macro_fund.store.agent_tables import ARGUMENT
from macro_fund.store.tables import TABLES

DECISIVE = 0.15
AGREEMENT = 0.6
MIN_AGENTS = 2
_TABLE = TABLES["agents/cases"]


def strongest_driver(view: pl.DataFrame) -> pl.DataFrame:
    """session, agent_id, driver, value, unit: the driver that contributes most in the state score's direction."""
    rows = view.select("session", "agent_id", "state_score", "drivers").explode("drivers").unnest("drivers")
    rows = rows.drop_nulls(["contribution", "state_score"]).with_columns(
        pulls=pl.col("contribution") * pl.col("state_score").sign()
    )
    best = rows.sort("session", "pulls", "name", descending=[False, True, False]).unique(
        ["session", "agent_id"], keep="first", maintain_order=True
    )
    return best.select("session", "agent_id", pl.col("name").alias("driver"), "value", "unit")


def cases(final: pl.DataFrame, views: Mapping[str, pl.DataFrame]) -> pl.DataFrame:
    """Table agents/cases, one row per session and asset.

    final: agents/views; views: agents/*_view by agent id, for the drivers. weight = confidence x |view|; agreement is
    the share of the weight on the score's side.
    """
    drivers = pl.concat([strongest_driver(v) for v in views.values()])
    rows = final.join(drivers, on=["session", "agent_id"], how="left", maintain_order="left").with_columns(
        weight=pl.col("confidence") * pl.col("score").abs()
    )
    speaks = pl.col("score").is_not_null() & (pl.col("weight") > 0)
    argument = pl.struct(
        pl.col("agent_id").alias("agent"), pl.col("score").alias("view"), "weight", "driver", "value", "unit"
    ).cast(ARGUMENT)
    ordered = rows.sort("session", "asset", "weight", "agent_id", descending=[False, False, True, False])
    grouped = ordered.group_by("session", "asset", maintain_order=True).agg(
        argument.filter(speaks & (pl.col("score") > 0)).alias("bull"),
        argument.filter(speaks & (pl.col("score") < 0)).alias("bear"),
        pl.col("weight").filter(speaks & (pl.col("score") > 0)).sum().alias("_up"),
        pl.col("weight").filter(speaks & (pl.col("score") < 0)).sum().alias("_down"),
        pl.col("confidence").filter(pl.col("score").is_not_null()).sum().alias("_mass"),
        speaks.sum().cast(pl.Int32).alias("n_agents"),
        pl.col("knowledge_time").max().alias("knowledge_time"),
    )
    return _judged(grouped).select(list(_TABLE.schema)).cast(pl.Schema(_TABLE.schema)).sort(_TABLE.sort)


def _judged(grouped: pl.DataFrame) -> pl.DataFrame:
    """Adds score, agreement, verdict, status and reason."""
    total = pl.col("_up") + pl.col("_down")
    frame = grouped.with_columns(
        score=pl.when(pl.col("_mass") > 0).then((pl.col("_up") - pl.col("_down")) / pl.col("_mass")),
        agreement=pl.when(total > 0).then(pl.max_horizontal("_up", "_down") / total),
    )
    few = pl.col("n_agents") < MIN_AGENTS
    small = pl.col("score").abs() < DECISIVE
    split = pl.col("agreement") < AGREEMENT
    nobody = pl.col("n_agents") == 0
    verdict = (
        pl.when(few | small | split)
        .then(pl.lit("inconclusive"))
        .when(pl.col("score") > 0)
        .then(pl.lit("bull"))
        .otherwise(pl.lit("bear"))
    )
    why = (
        pl.when(nobody)
        .then(pl.lit("no agent has a view"))
        .when(few)
        .then(pl.lit("one agent alone has a view"))
        .when(split)
        .then(pl.format("agents disagree: {}% on the heavier side", (pl.col("agreement") * 100).round(0)))
        .when(small)
        .then(pl.format("score {} is below " + f"{DECISIVE}", pl.col("score").round(2)))
        .otherwise(pl.lit(""))
    )
    return frame.with_columns(
        verdict.alias("verdict"),
        pl.when(nobody).then(pl.lit("no_view")).otherwise(pl.lit("ok")).alias("status"),
        why.alias("reason"),
    )
