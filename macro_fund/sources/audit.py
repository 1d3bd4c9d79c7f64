"""How far the data can be believed: sources held against each other, revisions, and a score a source and session.

Belongs here: comparisons of rows that are in the lake, as frames. Does not belong here: refusing rows (`reconcile`),
the suites of config/expectations, or how a page looks (reports/).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from functools import cache
from pathlib import Path

import numpy as np
import polars as pl
from pydantic import BaseModel, ConfigDict

from macro_fund.settings import CONFIG_DIR, Series, parse_file
from macro_fund.sources.due import overdue, stale
from macro_fund.time.calendars import load_calendar

DI_PAIR = "di1_b3_curve"
# A million values: only the columns that a score needs are read.
ARRIVAL_COLUMNS = ("session", "series_id", "event_date", "knowledge_basis", "late")


class Pair(BaseModel):
    """Two series that say the same thing. A difference above `tolerance` (their stored unit) is a disagreement."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    id: str
    words: str
    left: str
    right: str
    tolerance: float


@cache
def pairs(path: Path = CONFIG_DIR / "cross_source.yaml") -> tuple[Pair, ...]:
    """The comparisons of config/cross_source.yaml; SettingsError names file and line of what is wrong."""
    found: tuple[Pair, ...] = parse_file(path, tuple[Pair, ...])
    return found


def compared(observations: pl.DataFrame, wanted: Sequence[Pair]) -> pl.DataFrame:
    """session, pair, event_date, item, left, right, difference, tolerance, agrees: one row a pair and common day.

    observations: session, series_id, event_date, knowledge_time, value. The first vintage of each side is compared, in
    the session in which the second of them became known.
    """
    first = observations.sort("session", "knowledge_time").unique(["series_id", "event_date"], keep="first")
    parts = []
    for pair in wanted:
        left = first.filter(pl.col("series_id") == pair.left).select("event_date", "session", left="value")
        right = first.filter(pl.col("series_id") == pair.right).select("event_date", "session", right="value")
        both = left.join(right, on="event_date", suffix="_right").with_columns(
            pl.max_horizontal("session", "session_right").alias("session")
        )
        parts.append(_judged(both.with_columns(item=pl.lit(pair.right)), pair.id, pair.tolerance))
    return pl.concat(parts)


def _judged(both: pl.DataFrame, pair: str, tolerance: float) -> pl.DataFrame:
    difference = pl.col("left") - pl.col("right")
    return both.select(
        "session",
        pl.lit(pair).alias("pair"),
        "event_date",
        "item",
        "left",
        "right",
        difference.alias("difference"),
        pl.lit(tolerance).alias("tolerance"),
        (difference.abs() <= tolerance).alias("agrees"),
    )


def di_against_curve(settlements: pl.DataFrame, curve: pl.DataFrame, tolerance: float) -> pl.DataFrame:
    """B3's DI1 settlement rates against B3's reference curve PRE at the same business days: the day's worst contract.

    settlements: rows of DI1; curve: rows of PRE. The first vintage of each is compared; of a day whose contracts became
    known in several sessions, each session has its own worst. Both are the exchange's, computed and published apart;
    the series of DI swaps that the central bank used to copy stopped in September 2019.
    """
    settlements = settlements.sort("session", maintain_order=True).unique(
        ["event_date", "contract"], keep="first", maintain_order=True
    )
    calendar = load_calendar("anbima")
    days = settlements["event_date"].to_numpy().astype("datetime64[D]")
    ends = settlements["maturity"].to_numpy().astype("datetime64[D]")
    left = settlements.select("event_date", "session", item="contract", left="settle_rate").with_columns(
        business_days=pl.Series(calendar.count_many(days, ends, known_on=days).astype(np.int32), dtype=pl.Int32)
    )
    right = (
        curve.sort("session", maintain_order=True)
        .select("event_date", "business_days", session_right="session", right="rate")
        .unique(["event_date", "business_days"], keep="first", maintain_order=True)
    )
    both = left.join(right, on=["event_date", "business_days"]).with_columns(
        pl.max_horizontal("session", "session_right").alias("session")
    )
    worst = both.sort("event_date", (pl.col("left") - pl.col("right")).abs(), "item", descending=[False, True, False])
    worst = worst.unique(["event_date", "session"], keep="first", maintain_order=True)
    return _judged(worst, DI_PAIR, tolerance)


def revisions(observations: pl.DataFrame) -> pl.DataFrame:
    """Each vintage that says something else than the one before: what changed, by how much, since when.

    A vintage that arrives after a newer one changes nothing that stood, so it is none of these.
    Columns: session, series_id, event_date, knowledge_time, knowledge_basis, previous_known, previous_value, value,
    change, and relative (change over the previous value; null when that is 0).
    """
    fact = ["series_id", "event_date"]
    repeated = observations.filter(pl.struct(fact).is_duplicated()).sort(*fact, "session", "knowledge_time")
    newest = pl.col("knowledge_time").cum_max().shift(1).over(fact)
    stood = repeated.filter(newest.is_null() | (pl.col("knowledge_time") > newest))
    rows = stood.with_columns(
        pl.col("knowledge_time").shift(1).over(fact).alias("previous_known"),
        pl.col("value").shift(1).over(fact).alias("previous_value"),
    ).filter(pl.col("value") != pl.col("previous_value"))
    change = pl.col("value") - pl.col("previous_value")
    return rows.with_columns(
        change.alias("change"),
        pl.when(pl.col("previous_value") != 0).then(change / pl.col("previous_value").abs()).alias("relative"),
    )


def arrivals(
    rows: pl.DataFrame,
    series: Sequence[Series],
    keys: Mapping[date, tuple[datetime, Sequence[date]]],
    quarantine: pl.DataFrame,
    failures: pl.DataFrame,
) -> pl.DataFrame:
    """One row a key: how complete a source was that morning.

    rows: ARRIVAL_COLUMNS of its bronze table. keys: as_of and sessions of each key. quarantine, failures: the tables
    beside the asset. A series is missing when its newest period is overdue or older than its maximum age, when a
    request for it failed, or when a row of it was refused. score: the share of its series that is not missing. A series
    that has ended is not counted; one that starts later lacks nothing yet.
    """
    current = [s for s in series if s.ended is None]
    found = []
    for key, (as_of, sessions) in keys.items():
        known = rows.filter(pl.col("session") <= key)
        newest = dict(known.group_by("series_id", maintain_order=True).agg(pl.col("event_date").max()).rows())
        late = set(overdue(current, newest, as_of))
        old = {s.id for s in current if stale(s, newest.get(s.id), key)}
        refused = quarantine.filter(pl.col("session").is_in(sessions))
        failed = failures.filter(pl.col("session").is_in(sessions))
        wrong = {i.split(" ")[0] for i in refused["item"]} | {i for items in failed["item"] for i in items.split(", ")}
        new = known.filter(pl.col("session").is_in(sessions))
        missing = (late | old | wrong) & {s.id for s in current}
        found.append(
            (
                key,
                len(current),
                len(late),
                len(old),
                failed.height,
                refused.height,
                new.height,
                int(new["late"].sum()),
                new.filter(pl.col("knowledge_basis") == "lag").height,
                1.0 - len(missing) / len(current) if current else None,
                ", ".join(sorted(missing)),
            )
        )
    return pl.DataFrame(found, _ARRIVALS, orient="row")


_ARRIVALS = pl.Schema(
    {
        "session": pl.Date,
        "series": pl.Int32,
        "overdue": pl.Int32,
        "stale": pl.Int32,
        "failed_requests": pl.Int32,
        "refused_rows": pl.Int32,
        "new_rows": pl.Int32,
        "late_rows": pl.Int32,
        "lag_rows": pl.Int32,
        "score": pl.Float64,
        "missing": pl.String,
    }
)


def named(compared: pl.DataFrame) -> pl.DataFrame:
    """The comparisons with the series of both sides: columns series_left and series_right."""
    schema = ["pair", "series_left", "series_right"]
    sides = pl.DataFrame([(p.id, p.left, p.right) for p in pairs()], schema, orient="row")
    return compared.join(sides, on="pair", how="left", maintain_order="left")


def with_findings(
    scored: pl.DataFrame,
    series: Sequence[Series],
    keys: Mapping[date, tuple[datetime, Sequence[date]]],
    revised: pl.DataFrame,
    compared: pl.DataFrame,
) -> pl.DataFrame:
    """`scored` (rows of `arrivals`) with the source's revised_rows and disagreements of each key.

    revised: rows of `revisions`. compared: rows of `named`.
    """
    ids = [s.id for s in series]
    changed = revised.filter(pl.col("series_id").is_in(ids))
    apart = compared.filter(~pl.col("agrees"), pl.col("series_left").is_in(ids) | pl.col("series_right").is_in(ids))
    counts = [
        (key, *(f.filter(pl.col("session").is_in(sessions)).height for f in (changed, apart)))
        for key, (_, sessions) in keys.items()
    ]
    schema = {"session": pl.Date, "revised_rows": pl.Int32, "disagreements": pl.Int32}
    return scored.join(pl.DataFrame(counts, schema, orient="row"), on="session", how="left", maintain_order="left")
