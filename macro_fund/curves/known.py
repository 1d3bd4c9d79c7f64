"""What was known at a session: the newest quoted day, and the latest vintage of its quotes.

Belongs here: choosing rows of append-only tables by session, for many sessions at once. Does not belong here: what is
done with the rows. A row is known at a session if its own `session` is not later.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import numpy as np
import numpy.typing as npt
import polars as pl


def vintages(rows: pl.DataFrame, keys: Sequence[str]) -> pl.DataFrame:
    """One row per (keys, session), sorted by session: the last one by knowledge_time, where there is such a column."""
    order = ["session", *(["knowledge_time"] if "knowledge_time" in rows.columns else [])]
    return rows.sort(order, maintain_order=True).unique([*keys, "session"], keep="last", maintain_order=True)


def as_known(queries: pl.DataFrame, rows: pl.DataFrame, keys: Sequence[str]) -> pl.DataFrame:
    """`queries` (keys, session, ...) in their order, with the columns of the newest vintage known at their session.

    Columns are null where nothing was known.
    """
    numbered = queries.with_row_index("_query").sort("session", maintain_order=True)
    found = numbered.join_asof(
        vintages(rows, keys), on="session", by=list(keys), strategy="backward", check_sortedness=False
    )
    return found.sort("_query").drop("_query")


def walk_back(
    position: npt.NDArray[np.int64],
    floor: npt.NDArray[np.int64] | int,
    visible_from: npt.NDArray[np.datetime64],
    session: npt.NDArray[np.datetime64],
) -> npt.NDArray[np.int64]:
    """Move each position back along events sorted by date until the event was visible at the session.

    Positions that would fall below `floor` (the first event of the same item) become -1.
    """
    at = np.where(position < floor, -1, position)
    low = np.broadcast_to(floor, at.shape)
    moving = np.flatnonzero(at >= 0)
    while moving.size:
        moving = moving[visible_from[at[moving]] > session[moving]]
        at[moving] -= 1
        gone = at[moving] < low[moving]
        at[moving[gone]] = -1
        moving = moving[~gone]
    return at


def curve_days(quotes: pl.DataFrame, sessions: Sequence[date], item: str, minimum: int = 1) -> pl.DataFrame:
    """The newest day with at least `minimum` quoted items that each session knows: (session, curve_date, version).

    `version` is the session in which the newest quote of that day arrived. Sessions that know no such day are absent.
    """
    first = quotes.group_by("event_date", item, maintain_order=True).agg(pl.col("session").min())
    enough = first.group_by("event_date", maintain_order=True).agg(
        pl.col("session").sort().slice(minimum - 1, 1).first(), pl.len().alias("items")
    )
    newest = (
        enough.filter(pl.col("items") >= minimum)
        .sort("session", "event_date")
        .select("session", pl.col("event_date").cum_max().alias("curve_date"))
        .unique("session", keep="last", maintain_order=True)
    )
    versions = quotes.select("session", pl.col("event_date").alias("curve_date")).unique().sort("session")
    wanted = pl.DataFrame({"session": list(sessions)}, schema={"session": pl.Date}).sort("session")
    return (
        wanted.join_asof(newest, on="session", strategy="backward", check_sortedness=False)
        .drop_nulls("curve_date")
        .join_asof(
            versions.with_columns(version=pl.col("session")),
            on="session",
            by="curve_date",
            strategy="backward",
            check_sortedness=False,
        )
    )


def quotes_known(quotes: pl.DataFrame, days: pl.DataFrame, item: str) -> pl.DataFrame:
    """Latest quotes behind each (curve_date, version) of `days`, one row per item, sorted."""
    pairs = days.select("curve_date", "version").unique()
    rows = vintages(quotes, ["event_date", item])
    return (
        pairs.join(rows, left_on="curve_date", right_on="event_date", how="inner")
        .filter(pl.col("session") <= pl.col("version"))
        .sort("curve_date", "version", item, "session")
        .unique(["curve_date", "version", item], keep="last", maintain_order=True)
        .drop("session")
    )
