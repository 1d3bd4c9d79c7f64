"""What is new in the rows just read: refuse what cannot be right, drop what is known, date what is left.

Belongs here: the comparison of parsed rows with the rows already in the lake, as frames. Does not belong here: asking
providers (`ingest`), the shape of the lake's tables (`store.tables`), publication rules (`time.publication`).

Every refused row goes to quarantine with a reason in words. A row that stays wrong at the provider is refused, and
reported, by each run that reads it again.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Protocol

import polars as pl

from macro_fund.settings import Publication
from macro_fund.store.tables import QUARANTINE, UTC_TIME, Table
from macro_fund.time.publication import knowledge_times
from macro_fund.time.sessions import Sessions, assign_session

# A provider's number read twice is the same float; the tolerance covers a value that was printed with more digits.
SAME = 1e-9
# Three values that all moved by the same power of ten are a change of unit, not three revisions.
MIN_OVERLAP = 3
POWER_TOLERANCE = 0.01
RAW_CHARS = 500
_DATED = pl.Schema(
    {"stream": pl.String(), "event_date": pl.Date(), "knowledge_time": UTC_TIME, "knowledge_basis": pl.String()}
)


class Stream(Protocol):
    """What is asked as one series: `settings.Series`, or all settlements of B3."""

    @property
    def id(self) -> str: ...
    @property
    def frequency(self) -> str: ...
    @property
    def start(self) -> date: ...
    @property
    def publication(self) -> Publication: ...
    @property
    def revised(self) -> bool: ...
    @property
    def reread_days(self) -> int: ...
    @property
    def low(self) -> float: ...
    @property
    def high(self) -> float: ...


@dataclass(frozen=True)
class Shape:
    """How the rows of one bronze table are compared.

    key: column that with event_date identifies a fact. stream: column that holds the stream's id; None when the table
    has one stream only. unit: rows with the same value here share a unit. values: numbers of a fact, main one first.
    """

    table: Table
    key: str
    stream: str | None
    unit: str
    values: tuple[str, ...]

    @property
    def facts(self) -> list[str]:
        """Columns that a connector delivers."""
        made = {"session", "knowledge_time", "knowledge_basis", "late", "source", "fetched_at", "payload_sha256"}
        return [c for c in self.table.columns if c not in made]


@dataclass(frozen=True)
class Window:
    """The knowledge that the partitions `session_keys` (consecutive) hold: public in (lower, upper], both UTC.

    lower: as_of of the partition before the first key; None for the opening window, which takes all history.
    """

    session_keys: tuple[date, ...]
    lower: datetime | None
    upper: datetime


def reconcile(
    shape: Shape,
    streams: Sequence[Stream],
    asked: Mapping[str, tuple[date, date]],
    window: Window,
    *,
    known: pl.DataFrame,
    table: Sessions,
    rows: pl.DataFrame,
    rejected: pl.DataFrame,
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """(new rows, quarantine) of what was read.

    rows: shape.facts plus fetched_at, payload_sha256 and `payload` (a number for the answer they came in).
    rejected: item, event_date, raw, reason, as the connectors gave them. asked: event dates asked for, by stream.
    known: rows of the partitions before the window. New rows lack only the column `source`.
    """
    rules = _rules(streams, asked)
    stream = pl.col(shape.stream) if shape.stream else pl.lit(streams[0].id)
    rows = _public(_inside(rows.with_columns(stream.alias("stream")), rules), streams, window.upper)
    rows = _mark(rows, _last_known(shape, known, asked), shape)
    held = [_refused(rows, shape), _dated(rejected, shape, rules, streams, window.upper)]
    return _new(rows, window, table), _quarantine(held, window, table, shape.table.key)


def _rules(streams: Sequence[Stream], asked: Mapping[str, tuple[date, date]]) -> pl.DataFrame:
    """One row a stream asked for: its range, whether it is revised, and the event dates wanted."""
    return pl.DataFrame(
        [(s.id, s.low, s.high, s.revised, *asked[s.id]) for s in streams if s.id in asked],
        {
            "stream": pl.String,
            "low": pl.Float64,
            "high": pl.Float64,
            "revised": pl.Boolean,
            "first": pl.Date,
            "last": pl.Date,
        },
        orient="row",
    )


def _inside(rows: pl.DataFrame, rules: pl.DataFrame) -> pl.DataFrame:
    """Rows of the streams and event dates that were asked for: some providers answer with more."""
    joined = rows.join(rules, on="stream", how="inner", maintain_order="left")
    return joined.filter(pl.col("event_date").is_between("first", "last"))


def _public(rows: pl.DataFrame, streams: Sequence[Stream], upper: datetime) -> pl.DataFrame:
    """Rows that are public by `upper`, with knowledge_time and knowledge_basis by their stream's rule."""
    rules: dict[tuple[Publication, str], list[str]] = {}
    for s in streams:
        rules.setdefault((s.publication, s.frequency), []).append(s.id)
    parts = [pl.DataFrame(schema=_DATED)]
    for (rule, frequency), ids in rules.items():
        dates = rows.filter(pl.col("stream").is_in(ids)).select("stream", "event_date").unique()
        times = knowledge_times(dates["event_date"], rule, frequency)
        parts.append(dates.with_columns(times.alias("knowledge_time"), pl.lit(rule.basis).alias("knowledge_basis")))
    dated = rows.join(pl.concat(parts), on=["stream", "event_date"], how="left", maintain_order="left")
    return dated.filter(pl.col("knowledge_time") <= upper)


def _last_known(shape: Shape, known: pl.DataFrame, asked: Mapping[str, tuple[date, date]]) -> pl.DataFrame:
    """The newest known version of each fact that may be read again: key, event_date, known_<value>, known_since."""
    first = min((start for start, _ in asked.values()), default=date.max)
    return (
        known.lazy()
        .filter(pl.col("event_date") >= first)
        .sort("knowledge_time", "session", maintain_order=True)
        .unique([shape.key, "event_date"], keep="last", maintain_order=True)
        .select(
            shape.key,
            "event_date",
            *(pl.col(v).alias(f"known_{v}") for v in shape.values),
            pl.col("knowledge_time").alias("known_since"),
        )
        .collect()
    )


def _mark(rows: pl.DataFrame, last: pl.DataFrame, shape: Shape) -> pl.DataFrame:
    """Rows without repetitions, with `differs` (null: not known yet) and `reason` (null: nothing wrong)."""
    fact = [shape.key, "event_date"]
    rows = rows.unique([*fact, *shape.values], keep="first", maintain_order=True)
    rows = rows.join(last, on=fact, how="left", maintain_order="left").with_columns(
        pl.when(pl.col("known_since").is_not_null())
        .then(pl.any_horizontal(_differs(v) for v in shape.values))
        .alias("differs")
    )
    main = pl.col(shape.values[0])
    outside = (main < pl.col("low")) | (main > pl.col("high"))
    versions = pl.len().over(fact)
    unit = _unit_reason(main, pl.col(f"known_{shape.values[0]}"), outside, ["payload", shape.unit])
    conflict = pl.when(versions > 1).then(pl.format("{} different values for one date", versions))
    out_of_range = pl.when(outside).then(pl.format("outside the range {} to {} of config/series", "low", "high"))
    changed = pl.when(pl.col("differs") & ~pl.col("revised")).then(
        pl.format(
            "differs from {} known since {} UTC, and the series is not revised",
            pl.col(f"known_{shape.values[0]}"),
            pl.col("known_since").dt.strftime("%Y-%m-%d %H:%M"),
        )
    )
    return rows.with_columns(pl.coalesce(conflict, unit, out_of_range, changed).alias("reason"))


def _differs(value: str) -> pl.Expr:
    new, old = pl.col(value), pl.col(f"known_{value}")
    near = (new - old).abs() <= SAME * pl.max_horizontal(new.abs(), old.abs())
    return ~(near.fill_null(False) | (new.is_null() & old.is_null()))


def _unit_reason(main: pl.Expr, old: pl.Expr, outside: pl.Expr, group: list[str]) -> pl.Expr:
    """Why one answer's rows of one unit are in another unit; null when they are not."""
    comparable = old.is_not_null() & ((main != 0) | (old != 0))
    power = (main / old).log10()
    whole = power.round()
    steady = (power - whole).abs() < POWER_TOLERANCE
    overlap = comparable.sum().over(group)
    shift = whole.filter(comparable & steady).first().over(group)
    together = (comparable & steady & (whole == shift)).sum().over(group) == overlap
    rescaled = (overlap >= MIN_OVERLAP) & together & (shift != 0)
    strange = outside.sum().over(group)
    count = pl.len().over(group)
    most = (count >= MIN_OVERLAP) & (strange * 2 > count)
    return (
        pl.when(rescaled)
        .then(pl.format("unit changed: {} values are all 1e{} times those known", overlap, shift.cast(pl.Int32)))
        .when(most)
        .then(pl.format("unit changed: {} of {} values are outside the range of config/series", strange, count))
    )


def _refused(rows: pl.DataFrame, shape: Shape) -> pl.DataFrame:
    numbers = [pl.format(f"{v}={{}}", pl.col(v).cast(pl.String).fill_null("none")) for v in shape.values]
    return rows.filter(pl.col("reason").is_not_null()).select(
        pl.col(shape.key).alias("item"),
        "event_date",
        pl.concat_str(numbers, separator=" ").alias("raw"),
        "reason",
        "knowledge_time",
    )


def _dated(
    rejected: pl.DataFrame, shape: Shape, rules: pl.DataFrame, streams: Sequence[Stream], upper: datetime
) -> pl.DataFrame:
    """The connectors' own rejections, with knowledge_time where they name a day; others keep a null."""
    stream = pl.col("item") if shape.stream else pl.lit(streams[0].id)
    rejected = rejected.with_columns(stream.alias("stream"))
    undated = pl.col("event_date").is_null() | ~pl.col("stream").is_in(rules["stream"].to_list())
    dated = _public(_inside(rejected.filter(~undated), rules), streams, upper)
    columns = ["item", "event_date", "raw", "reason", "knowledge_time"]
    rest = rejected.filter(undated).with_columns(pl.lit(None, UTC_TIME).alias("knowledge_time"))
    return pl.concat([dated.select(columns), rest.select(columns)])


def _new(rows: pl.DataFrame, window: Window, table: Sessions) -> pl.DataFrame:
    """Facts not known yet, dated by rule, and revisions, dated by when we saw them."""
    good = rows.filter(pl.col("reason").is_null() & (pl.col("differs").is_null() | pl.col("differs")))
    revision = pl.col("differs").is_not_null()
    dated = good.with_columns(
        pl.when(revision).then("fetched_at").otherwise("knowledge_time").alias("knowledge_time"),
        pl.when(revision).then(pl.lit("observed")).otherwise("knowledge_basis").alias("knowledge_basis"),
    ).filter(pl.col("knowledge_time") <= window.upper)
    late = (pl.col("knowledge_time") <= window.lower) & ~revision if window.lower is not None else pl.lit(False)
    return _in_window(dated.with_columns(late.alias("late")), window, table)


def _in_window(rows: pl.DataFrame, window: Window, table: Sessions) -> pl.DataFrame:
    """`session` of each row: the one it became known in, or the window's first when that lies before the window."""
    rows = assign_session(rows, table)
    if window.lower is None:
        return rows
    return rows.with_columns(pl.max_horizontal("session", pl.lit(window.session_keys[0])))


def _quarantine(held: Iterable[pl.DataFrame], window: Window, table: Sessions, asset: str) -> pl.DataFrame:
    """The quarantine table. A row without a day belongs to the window's last session, in which it was seen."""
    rows = pl.concat(list(held)).with_columns(pl.col("raw").str.slice(0, RAW_CHARS), pl.lit(asset).alias("asset"))
    rows = _in_window(rows, window, table).with_columns(
        pl.when(pl.col("knowledge_time").is_null())
        .then(pl.lit(window.session_keys[-1]))
        .otherwise("session")
        .alias("session")
    )
    return rows.select(list(QUARANTINE.columns)).cast(pl.Schema(QUARANTINE.schema)).unique().sort(QUARANTINE.sort)
