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

import polars as pl

from macro_fund.settings import Publication, Series
from macro_fund.store.table import UTC_TIME, Table
from macro_fund.store.tables import QUARANTINE
from macro_fund.time.publication import knowledge
from macro_fund.time.sessions import Sessions, assign_session

# A provider's number read twice is the same float; the tolerance covers a value that was printed with more digits.
SAME = 1e-9
# Three values that all moved by the same power of ten are a change of unit, not three revisions.
MIN_OVERLAP = 3
POWER_TOLERANCE = 0.01
RAW_CHARS = 500
_DATED = pl.Schema(
    {"series_id": pl.String(), "event_date": pl.Date(), "knowledge_time": UTC_TIME, "knowledge_basis": pl.String()}
)


@dataclass(frozen=True)
class Window:
    """The knowledge that the partitions `session_keys` (consecutive) hold: public in (lower, upper], both UTC.

    lower: as_of of the partition before the first key; None for the opening window, which takes all history.
    """

    session_keys: tuple[date, ...]
    lower: datetime | None
    upper: datetime


def reconcile(
    table: Table,
    series: Sequence[Series],
    asked: Mapping[str, tuple[date, date]],
    window: Window,
    *,
    known: pl.DataFrame,
    sessions: Sessions,
    rows: pl.DataFrame,
    rejected: pl.DataFrame,
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """(new rows, quarantine) of what was read.

    rows: facts(table), stated_time and stated_basis (null where the provider does not say), fetched_at, payload_sha256
    and `payload` (a number for the answer they came in). rejected: item, event_date, raw, reason, as the connectors
    gave them. asked: event dates asked for, by series. known: rows of the partitions before the window. New rows lack
    only the column `source`.
    """
    rules = _rules(series, asked)
    rows = _public(_inside(rows, rules), series, window.upper)
    vintage = pl.col("knowledge_basis").eq("vintage")
    plain = _mark(rows.filter(~vintage), _last_known(table, known, asked), table, [*table.fact, "event_date"])
    dated = _mark(
        _unseen(rows.filter(vintage), known, table), table.empty(), table, [*table.fact, "event_date", "knowledge_time"]
    )
    read = pl.concat([plain, dated], how="diagonal")
    held = [_refused(read, table), _dated(rejected, rules, series, window.upper)]
    return _new(read, window, sessions), _quarantine(held, window, sessions, table.key)


def facts(table: Table) -> list[str]:
    """Columns that a connector delivers."""
    made = {"session", "knowledge_time", "knowledge_basis", "late", "source", "fetched_at", "payload_sha256"}
    return [c for c in table.columns if c not in made]


def _rules(series: Sequence[Series], asked: Mapping[str, tuple[date, date]]) -> pl.DataFrame:
    """One row a series asked for: its range, whether it is revised, and the event dates wanted."""
    return pl.DataFrame(
        [(s.id, s.low, s.high, s.revised, *asked[s.id]) for s in series if s.id in asked],
        {
            "series_id": pl.String,
            "low": pl.Float64,
            "high": pl.Float64,
            "revised": pl.Boolean,
            "first": pl.Date,
            "last": pl.Date,
        },
        orient="row",
    )


def _inside(rows: pl.DataFrame, rules: pl.DataFrame) -> pl.DataFrame:
    """Rows of the series and event dates that were asked for: some providers answer with more.

    A vintage may speak of any older date: only its last day is bounded.
    """
    joined = rows.join(rules, on="series_id", how="inner", maintain_order="left")
    inside = pl.col("event_date").is_between("first", "last")
    if "stated_basis" in rows.columns:
        inside |= pl.col("stated_basis").eq("vintage").fill_null(False) & (pl.col("event_date") <= pl.col("last"))
    return joined.filter(inside)


def _public(rows: pl.DataFrame, series: Sequence[Series], upper: datetime) -> pl.DataFrame:
    """Rows public by `upper`, with knowledge_time and knowledge_basis: as stated, else by their series' rule."""
    rules: dict[tuple[Publication, str], list[str]] = {}
    for s in series:
        rules.setdefault((s.publication, s.frequency), []).append(s.id)
    parts = [pl.DataFrame(schema=_DATED)]
    for (rule, frequency), ids in rules.items():
        dates = rows.filter(pl.col("series_id").is_in(ids)).select("series_id", "event_date").unique()
        parts.append(dates.hstack(knowledge(dates["event_date"], rule, frequency)))
    dated = rows.join(pl.concat(parts), on=["series_id", "event_date"], how="left", maintain_order="left")
    if "stated_time" in rows.columns:
        dated = dated.with_columns(
            pl.coalesce("stated_time", "knowledge_time").alias("knowledge_time"),
            pl.when(pl.col("stated_time").is_not_null())
            .then("stated_basis")
            .otherwise("knowledge_basis")
            .alias("knowledge_basis"),
        ).drop("stated_time", "stated_basis")
    return dated.filter(pl.col("knowledge_time") <= upper)


def _last_known(table: Table, known: pl.DataFrame, asked: Mapping[str, tuple[date, date]]) -> pl.DataFrame:
    """The newest known version of each fact that may be read again: fact, event_date, known_<value>, known_since."""
    first = min((start for start, _ in asked.values()), default=date.max)
    return (
        known.lazy()
        .filter(pl.col("event_date") >= first)
        .sort("knowledge_time", "session", maintain_order=True)
        .unique([*table.fact, "event_date"], keep="last", maintain_order=True)
        .collect()
    )


def _unseen(rows: pl.DataFrame, known: pl.DataFrame, table: Table) -> pl.DataFrame:
    """Vintages not known yet that say something else than the vintage before them, known or just read."""
    if rows.is_empty():
        return rows
    fact, values = [*table.fact, "event_date"], list(table.values)
    own = rows.with_columns(pl.lit(1, pl.Int8).alias("_read"))
    old = known.join(rows.select(fact).unique(), on=fact, how="semi")
    both = pl.concat(
        [old.select(*fact, "knowledge_time", *values, pl.lit(0, pl.Int8).alias("_read")), own], how="diagonal"
    )
    both = both.sort(*fact, "knowledge_time", "_read", maintain_order=True)
    same = pl.all_horizontal(pl.col(v).eq_missing(pl.col(v).shift(1).over(fact)) for v in values)
    first = pl.int_range(pl.len()).over(fact) == 0
    repeated = (pl.col("_read") == 0).any().over([*fact, "knowledge_time"])
    return both.filter((pl.col("_read") == 1) & (first | ~same) & ~repeated).select(rows.columns)


def _mark(rows: pl.DataFrame, last: pl.DataFrame, table: Table, fact: list[str]) -> pl.DataFrame:
    """Rows without repetitions, with `differs` (null: not known yet) and `reason` (null: nothing wrong)."""
    main = table.values[0]
    last = last.select(
        *table.fact,
        "event_date",
        *(pl.col(v).alias(f"known_{v}") for v in table.values),
        pl.col("knowledge_time").alias("known_since"),
    )
    rows = rows.unique([*fact, *table.values], keep="first", maintain_order=True)
    rows = rows.join(last, on=[*table.fact, "event_date"], how="left", maintain_order="left").with_columns(
        pl.when(pl.col("known_since").is_not_null())
        .then(pl.any_horizontal(_differs(v, table) for v in table.values))
        .alias("differs")
    )
    versions = pl.len().over(fact)
    conflict = pl.when(versions > 1).then(pl.format("{} different values for one date", versions))
    changed = pl.when(pl.col("differs") & ~pl.col("revised")).then(
        pl.format(
            "differs from {} known since {} UTC, and the series is not revised",
            pl.col(f"known_{main}"),
            pl.col("known_since").dt.strftime("%Y-%m-%d %H:%M"),
        )
    )
    return rows.with_columns(pl.coalesce(conflict, *_implausible(table), changed).alias("reason"))


def _implausible(table: Table) -> list[pl.Expr]:
    """Why a number cannot be right: another unit, or outside its series' range. Nothing for texts."""
    if not table.schema[table.values[0]].is_numeric():
        return []
    main = pl.col(table.values[0])
    outside = (main < pl.col("low")) | (main > pl.col("high"))
    unit = _unit_reason(main, pl.col(f"known_{table.values[0]}"), outside, ["payload", "series_id"])
    out_of_range = pl.when(outside).then(pl.format("outside the range {} to {} of config/series", "low", "high"))
    return [unit, out_of_range]


def _differs(value: str, table: Table) -> pl.Expr:
    new, old = pl.col(value), pl.col(f"known_{value}")
    if not table.schema[value].is_numeric():
        return new.ne_missing(old)
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


def _refused(rows: pl.DataFrame, table: Table) -> pl.DataFrame:
    said = [pl.format(f"{v}={{}}", pl.col(v).cast(pl.String).fill_null("none")) for v in table.values]
    return rows.filter(pl.col("reason").is_not_null()).select(
        pl.concat_str([pl.col(c).cast(pl.String) for c in table.fact], separator=" ").alias("item"),
        "event_date",
        pl.concat_str(said, separator=" ").alias("raw"),
        "reason",
        "knowledge_time",
    )


def _dated(rejected: pl.DataFrame, rules: pl.DataFrame, series: Sequence[Series], upper: datetime) -> pl.DataFrame:
    """The connectors' own rejections, with knowledge_time where they name a day; others keep a null."""
    rejected = rejected.with_columns(pl.col("item").str.split(" ").list.first().alias("series_id"))
    undated = pl.col("event_date").is_null() | ~pl.col("series_id").is_in(rules["series_id"].to_list())
    dated = _public(_inside(rejected.filter(~undated), rules), series, upper)
    columns = ["item", "event_date", "raw", "reason", "knowledge_time"]
    rest = rejected.filter(undated).with_columns(pl.lit(None, UTC_TIME).alias("knowledge_time"))
    return pl.concat([dated.select(columns), rest.select(columns)])


def _new(rows: pl.DataFrame, window: Window, sessions: Sessions) -> pl.DataFrame:
    """Facts not known yet, dated by rule, and revisions, dated by when we saw them."""
    good = rows.filter(pl.col("reason").is_null() & (pl.col("differs").is_null() | pl.col("differs")))
    revision = pl.col("differs").is_not_null()
    dated = good.with_columns(
        pl.when(revision).then("fetched_at").otherwise("knowledge_time").alias("knowledge_time"),
        pl.when(revision).then(pl.lit("observed")).otherwise("knowledge_basis").alias("knowledge_basis"),
    ).filter(pl.col("knowledge_time") <= window.upper)
    late = (pl.col("knowledge_time") <= window.lower) & ~revision if window.lower is not None else pl.lit(False)
    return _in_window(dated.with_columns(late.alias("late")), window, sessions)


def _in_window(rows: pl.DataFrame, window: Window, sessions: Sessions) -> pl.DataFrame:
    """`session` of each row: the one it became known in, or the window's first when that lies before the window."""
    rows = assign_session(rows, sessions)
    if window.lower is None:
        return rows
    return rows.with_columns(pl.max_horizontal("session", pl.lit(window.session_keys[0])))


def _quarantine(held: Iterable[pl.DataFrame], window: Window, sessions: Sessions, asset: str) -> pl.DataFrame:
    """The quarantine table. A row without a day belongs to the window's last session, in which it was seen."""
    rows = pl.concat(list(held)).with_columns(pl.col("raw").str.slice(0, RAW_CHARS), pl.lit(asset).alias("asset"))
    rows = _in_window(rows, window, sessions).with_columns(
        pl.when(pl.col("knowledge_time").is_null())
        .then(pl.lit(window.session_keys[-1]))
        .otherwise("session")
        .alias("session")
    )
    return rows.select(list(QUARANTINE.columns)).cast(pl.Schema(QUARANTINE.schema)).unique().sort(QUARANTINE.sort)
