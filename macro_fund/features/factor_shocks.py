"""Daily moves of the risk factors, each in the session in which it became known.

Belongs here: which column of which silver table is a factor's level, and a level's move since the close before it. Does
not belong here: which factor a position rests on (risk/exposures.py).

A level is a close as the session knew it. A node of a curve has one level a curve day: the first that a session was
given; a curve that a later session repeats is no new close. A price takes its latest vintage. When a day arrives or is
corrected after a later one was known, that later one's move changes too, and is given again in the same session: of the
rows of a day the one of the latest session holds. Moves over days without a close accumulate in the next one.
"""

from __future__ import annotations

import math
from bisect import bisect_left, insort
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import polars as pl

from macro_fund.mandate import Factor
from macro_fund.store.tables import TABLES

TABLE = TABLES["silver/factor_shocks"]
BP = 1e4
OBSERVATIONS = "silver/observations"


@dataclass(frozen=True)
class Source:
    """Columns of a silver table: the item that a factor names, the day of the close, the level."""

    item: str
    day: str
    level: str
    only: pl.Expr | None = None

    def where(self, items: Iterable[str]) -> pl.Expr:
        """The rows of these items."""
        name, wanted = pl.col(self.item), list(items)
        number = self.item != "series_id"
        mine = name.cast(pl.Float64).is_in([float(i) for i in wanted]) if number else name.is_in(wanted)
        return mine if self.only is None else mine & self.only


SOURCES: Mapping[str, Source] = {
    "silver/di_curve": Source("tenor_bd", "curve_date", "rate"),
    "silver/real_curve": Source("tenor_bd", "curve_date", "real_rate"),
    "silver/cupom_curve": Source("tenor_cd", "curve_date", "rate", pl.col("kind") == "clean"),
    "silver/ust_curve": Source("tenor_years", "curve_date", "par_yield"),
    "silver/us_real_curve": Source("tenor_years", "curve_date", "par_yield"),
    OBSERVATIONS: Source("series_id", "event_date", "value"),
}


def source_of(factor: Factor) -> Source:
    """Where a factor's level is. ValueError: its table is not one that levels are read from."""
    if factor.table not in SOURCES:
        raise ValueError(f"factor {factor.id}: no levels are read from {factor.table}; use one of {sorted(SOURCES)}")
    return SOURCES[factor.table]


def items_of(factors: Iterable[Factor]) -> dict[str, list[str]]:
    """Items that the factors name, by table."""
    items: dict[str, list[str]] = {}
    for factor in factors:
        if factor.table:
            source_of(factor)
            items.setdefault(factor.table, []).append(factor.item)
    return items


def levels(factor: Factor, rows: pl.DataFrame) -> pl.DataFrame:
    """(session, trade_date, level) of a factor in the order in which sessions learned them.

    rows: the factor's silver table. Rates and spreads in bp. Of two vintages of a day in a session the later counts; of
    a curve's day only the first session that has it.
    """
    source = source_of(factor)
    scale = 1.0 if factor.kind == "log" else BP
    vintage = ["knowledge_time"] if factor.table == OBSERVATIONS else []
    known = (
        rows.filter(source.where([factor.item]), pl.col(source.level).is_finite())
        .select("session", *vintage, trade_date=source.day, level=pl.col(source.level) * scale)
        .sort("session", "trade_date", *vintage)
    )
    key = ["session", "trade_date"] if vintage else ["trade_date"]
    return known.unique(key, keep="last" if vintage else "first", maintain_order=True).select(
        "session", "trade_date", "level"
    )


def move(before: float | None, level: float, kind: str) -> float | None:
    """bp, or the log return; None on the first day, and of prices that are not positive."""
    if before is None:
        return None
    if kind != "log":
        return level - before
    return math.log(level / before) if level > 0 and before > 0 else None


def _moves(rows: Iterable[tuple[date, date, float]], kind: str) -> Iterator[tuple[date, date, float, float | None]]:
    """(session, trade_date, level, shock): each new level, and the next day's again when its close before changed."""
    days: list[date] = []
    known: dict[date, float] = {}
    again: dict[tuple[date, date], None] = {}
    session = date.min

    def told(day: date) -> tuple[date, date, float, float | None]:
        k = bisect_left(days, day)
        return session, day, known[day], move(known[days[k - 1]] if k else None, known[day], kind)

    for at, day, level in rows:
        if at != session:
            yield from (told(d) for _, d in again)
            session, again = at, {}
        if known.get(day) == level:
            continue
        if day not in known:
            insort(days, day)
        known[day] = level
        again[at, day] = None
        k = bisect_left(days, day) + 1
        if k < len(days):
            again[at, days[k]] = None
    yield from (told(d) for _, d in again)


def factor_shocks(
    factors: Sequence[Factor], tables: Mapping[str, pl.DataFrame], sessions: Sequence[date]
) -> pl.DataFrame:
    """silver/factor_shocks of the sessions.

    tables: by name the silver tables that the factors name, with full history up to the last session (a table that is
    not given has no rows). A factor without a source has no rows. Raises ValueError for a table of unknown shape.
    """
    inside = pl.col("session").is_between(sessions[0], sessions[-1])
    frames = []
    for factor in factors:
        if factor.table not in tables:
            continue
        known = levels(factor, tables[factor.table].filter(pl.col("session") <= sessions[-1]))
        rows = pl.DataFrame(
            list(_moves(known.iter_rows(), factor.kind)),
            schema={n: TABLE.schema[n] for n in ("session", "trade_date", "level", "shock")},
            orient="row",
        )
        frames.append(rows.filter(inside).with_columns(factor=pl.lit(factor.id)))
    if not frames:
        return TABLE.empty()
    return pl.concat(frames).select(list(TABLE.schema)).sort(TABLE.sort)


def missing_card(factors: Sequence[Factor], frame: pl.DataFrame) -> str:
    """Markdown: newest day of each factor, and why a factor has none."""
    newest = dict(frame.group_by("factor", maintain_order=True).agg(pl.col("trade_date").max()).rows())
    lines = [f"| {f.id} | {newest.get(f.id, f.none or 'no new close')} |" for f in factors]
    return "\n".join(["| factor | newest close |", "| --- | --- |", *lines])
