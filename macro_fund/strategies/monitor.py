"""Signal monitor: what changed in the signals, and where strategies disagree or crowd, one row per event.

Belongs here: the four kinds of event and the summary, from all signals' rows. Does not belong here: any signal, or what
follows for the portfolio (portfolio/).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import polars as pl

from macro_fund.settings import Instrument
from macro_fund.store.tables import TABLES

TABLE = "signals/monitor"
SURGE_SESSIONS, SURGE_Z = 5, 1.5
DIVERGENCE_STRENGTH = 0.5
CROWDED_SHARE, CROWDED_LEAST = 0.8, 4
# A strategy without a view in one session is compared with its last view, of so many sessions ago at most.
LOOK_BACK = 30
KINDS = ("flip", "surge", "divergence", "crowding")
COLUMNS = ("session", "kind", "subject", "strategies", "value", "before", "text")


def _recent(rows: pl.DataFrame, sessions: Sequence[date]) -> pl.DataFrame:
    """Rows of the sessions and of the LOOK_BACK ones before them, with `number`, the session's place."""
    known = rows.select("session").unique().sort("session")
    first = known.filter(pl.col("session") < sessions[0]).tail(LOOK_BACK)
    keep = known.filter(pl.col("session").is_between(first["session"].min() or sessions[0], sessions[-1]))
    return rows.join(keep.with_row_index("number"), on="session", how="inner", maintain_order="left")


def sides(rows: pl.DataFrame, instruments: Sequence[Instrument]) -> pl.DataFrame:
    """session, asset, strategy_id, side in [-1, 1] of each strategy that holds the asset; + = long the asset.

    side: sum over its legs of strength x direction in the asset's sense x |leg_weight|, clipped. Legs of one asset that
    are neutral together (a steepener) hold nothing of it.
    """
    of = pl.DataFrame(
        {
            "instrument": [i.id for i in instruments],
            "asset": [i.asset for i in instruments],
            "sign": [float(i.asset_sign) for i in instruments],
        },
        schema={"instrument": pl.String, "asset": pl.String, "sign": pl.Float64},
    )
    held = rows.filter(pl.col("direction") != 0).join(of, on="instrument", how="inner", maintain_order="left")
    side = pl.col("strength") * pl.col("direction") * pl.col("sign") * pl.col("leg_weight").abs().fill_null(1.0)
    total = held.group_by("session", "asset", "strategy_id", maintain_order=True).agg(
        side.sort_by("trade", "instrument").sum().alias("side")
    )
    return total.with_columns(pl.col("side").clip(-1.0, 1.0)).filter(pl.col("side").abs() > 1e-12)


def flips(rows: pl.DataFrame) -> pl.DataFrame:
    """A leg whose direction is the opposite of that of the last session in which its strategy had a view."""
    key = ["strategy_id", "trade", "instrument"]
    seen = rows.filter(pl.col("status") != "no_view").sort(*key, "session")
    value = pl.col("direction").cast(pl.Float64)
    gap = (pl.col("number").cast(pl.Int64) - pl.col("number").cast(pl.Int64).shift(1).over(key)).alias("gap")
    found = seen.with_columns(value.shift(1).over(key).alias("before"), value.alias("value"), gap)
    return found.filter((pl.col("value") * pl.col("before") < 0) & (pl.col("gap") <= LOOK_BACK)).select(
        "session",
        pl.lit("flip").alias("kind"),
        pl.format("{} {}", "trade", "instrument").alias("subject"),
        pl.col("strategy_id").alias("strategies"),
        "value",
        "before",
        pl.format("{} turns {} from {} to {}", "strategy_id", "instrument", _side("before"), _side("value")).alias(
            "text"
        ),
    )


def _whole(frame: pl.DataFrame) -> pl.DataFrame:
    """The frame in memory of its own: polars 2.1 panics when it formats rounded numbers of a filtered frame."""
    return frame.rechunk()


def _side(column: str) -> pl.Expr:
    return pl.when(pl.col(column) > 0).then(pl.lit("long")).otherwise(pl.lit("short"))


def surges(rows: pl.DataFrame) -> pl.DataFrame:
    """A trade whose z moved by more than 1.5 over five sessions; both ends must be known."""
    key = ["strategy_id", "trade"]
    z = rows.unique(["number", *key], keep="first", maintain_order=True).select("session", "number", *key, "z")
    then = z.select((pl.col("number") + SURGE_SESSIONS).alias("number"), *key, pl.col("z").alias("before"))
    both = z.join(then, on=["number", *key], how="inner", maintain_order="left").drop_nulls(["z", "before"])
    moved = _whole(both.filter((pl.col("z") - pl.col("before")).abs() > SURGE_Z))
    return moved.select(
        "session",
        pl.lit("surge").alias("kind"),
        pl.col("trade").alias("subject"),
        pl.col("strategy_id").alias("strategies"),
        pl.col("z").alias("value"),
        "before",
        pl.format(
            f"{{}} {{}}: z from {{}} to {{}} in {SURGE_SESSIONS} sessions",
            "strategy_id",
            "trade",
            pl.col("before").round(2),
            pl.col("z").round(2),
        ).alias("text"),
    )


def divergences(side: pl.DataFrame) -> pl.DataFrame:
    """Two strategies that hold opposite sides of an asset, each with more than half of full strength."""
    strong = side.filter(pl.col("side").abs() > DIVERGENCE_STRENGTH)
    long, short = strong.filter(pl.col("side") > 0), strong.filter(pl.col("side") < 0)
    pairs = _whole(long.join(short, on=["session", "asset"], how="inner", suffix="_short"))
    return pairs.select(
        "session",
        pl.lit("divergence").alias("kind"),
        pl.col("asset").alias("subject"),
        pl.format("{}, {}", "strategy_id", "strategy_id_short").alias("strategies"),
        pl.col("side").alias("value"),
        pl.col("side_short").alias("before"),
        pl.format(
            "{}: {} is long at {}, {} short at {}",
            "asset",
            "strategy_id",
            pl.col("side").round(2),
            "strategy_id_short",
            pl.col("side_short").abs().round(2),
        ).alias("text"),
    )


def crowding(side: pl.DataFrame) -> pl.DataFrame:
    """An asset of which four strategies or more hold a side, and more than 80% of their strength is on one."""
    size = pl.col("side").abs()
    by_asset = side.sort("session", "asset", "strategy_id").group_by("session", "asset", maintain_order=True)
    found = by_asset.agg(
        size.sum().alias("total"),
        size.filter(pl.col("side") > 0).sum().alias("long"),
        pl.len().alias("count"),
        pl.col("strategy_id").str.join(", ").alias("strategies"),
    ).with_columns(pl.max_horizontal(pl.col("long"), pl.col("total") - pl.col("long")).alias("most"))
    share = pl.col("most") / pl.col("total")
    crowded = found.with_columns(share.alias("value"), (pl.col("long") * 2.0 > pl.col("total")).alias("up")).filter(
        (pl.col("count") >= CROWDED_LEAST) & (pl.col("value") > CROWDED_SHARE)
    )
    return _whole(crowded).select(
        "session",
        pl.lit("crowding").alias("kind"),
        pl.col("asset").alias("subject"),
        "strategies",
        "value",
        pl.lit(None, pl.Float64).alias("before"),
        pl.format(
            "{}: {}% of the strength of {} strategies is {}",
            "asset",
            (pl.col("value") * 100).round(0),
            "count",
            pl.when("up").then(pl.lit("long")).otherwise(pl.lit("short")),
        ).alias("text"),
    )


def summary(rows: pl.DataFrame, events: pl.DataFrame, sessions: Sequence[date]) -> pl.DataFrame:
    """One row a session: how many strategies have a view and hold a position, and how many events of each kind."""
    days = pl.DataFrame({"session": list(sessions)}, schema={"session": pl.Date})
    viewed = pl.col("strategy_id").filter(pl.col("status") != "no_view").n_unique().alias("viewed")
    held = pl.col("strategy_id").filter(pl.col("direction") != 0).n_unique().alias("held")
    counts = rows.group_by("session", maintain_order=True).agg(
        viewed, held, pl.col("strategy_id").n_unique().alias("all")
    )
    frame = days.join(counts, on="session", how="left", maintain_order="left")
    for kind in KINDS:
        number = (
            events.filter(pl.col("kind") == kind).group_by("session", maintain_order=True).agg(pl.len().alias(kind))
        )
        frame = frame.join(number, on="session", how="left", maintain_order="left")
    frame = frame.with_columns(pl.exclude("session").fill_null(0))
    return frame.select(
        "session",
        pl.lit("summary").alias("kind"),
        pl.lit("all").alias("subject"),
        pl.lit("").alias("strategies"),
        pl.sum_horizontal(KINDS).cast(pl.Float64).alias("value"),
        pl.lit(None, pl.Float64).alias("before"),
        pl.format(
            "{} of {} strategies have a view and {} a position; flips {}, surges {}, divergences {}, crowded assets {}",
            "viewed",
            "all",
            "held",
            *KINDS,
        ).alias("text"),
    )


def monitor(rows: pl.DataFrame, instruments: Sequence[Instrument], sessions: Sequence[date]) -> pl.DataFrame:
    """Table signals/monitor for `sessions` (sorted): events of each, and one summary row a session.

    rows: all strategies' signal rows, full history or the last LOOK_BACK sessions before `sessions` at least.
    Raises ValueError when no session is asked for.
    """
    if not sessions:
        raise ValueError("no sessions asked for; give at least one")
    recent = _recent(rows.sort("session", "strategy_id", "trade", "instrument"), sessions)
    side = sides(recent, instruments)
    parts = [p.select(COLUMNS) for p in (flips(recent), surges(recent), divergences(side), crowding(side))]
    events = pl.concat(parts).filter(pl.col("session").is_in(list(sessions)))
    whole = pl.concat([events, summary(recent, events, sessions).select(COLUMNS)])
    table = TABLES[TABLE]
    return whole.select(pl.col(n).cast(t) for n, t in table.schema.items()).sort(table.sort)
