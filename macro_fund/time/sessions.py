"""The fund's sessions: the mornings on which it decides, and what is known by then.

Belongs here: the list of sessions, their cut-off `as_of`, and the session in which a fact became known. Does not belong
here: Dagster partitions (orchestration/), when a value becomes public (`publication`).

Session T is the morning of a B3 trading day. Whatever was public by 08:55 Sao Paulo is known in T; the rest waits.
"""

from __future__ import annotations

import datetime as dt
from functools import cache
from typing import overload

import numpy as np
import polars as pl

from macro_fund.time.calendars import BusinessCalendar, load_calendar
from macro_fund.time.zones import SAO_PAULO, UTC_TIME, to_utc

AS_OF = dt.time(8, 55)
FIRST_SESSION = dt.date(2010, 1, 4)
LAST_SESSION = dt.date(2030, 12, 30)


class Sessions:
    """Trading sessions from `start` to `end` (inclusive) of a calendar, as each day really was."""

    def __init__(self, calendar: BusinessCalendar, start: dt.date, end: dt.date) -> None:
        if start > end:
            raise ValueError(f"sessions: start {start} is after end {end}")
        days = np.arange(np.datetime64(start, "D"), np.datetime64(end, "D") + 1)
        is_open = calendar.count_many(days, days + 1, known_on=days) == 1
        if not is_open.any():
            raise ValueError(f"sessions: calendar {calendar.name} has no business day in {start}..{end}")
        self.start, self.end = start, end
        self._days = days[is_open]
        as_of = to_utc(pl.Series("session", self._days), AS_OF, SAO_PAULO.key)
        self._as_of_us = as_of.to_physical().to_numpy()
        self._frame = pl.DataFrame({"session": self._days, "as_of": as_of}).with_columns(
            pl.col("session").shift(1).alias("prev_session")
        )

    def __repr__(self) -> str:
        return f"Sessions({self._days[0]}..{self._days[-1]}, {len(self._days)})"

    def __len__(self) -> int:
        return len(self._days)

    def keys(self, start: dt.date, end: dt.date) -> list[dt.date]:
        """Sessions in [start, end]; both must lie inside the table."""
        self._check(start)
        self._check(end)
        low, high = np.searchsorted(self._days, [np.datetime64(start), np.datetime64(end) + 1])
        found: list[dt.date] = self._days[low:high].tolist()
        return found

    def is_session(self, d: dt.date) -> bool:
        """Whether `d` is a session."""
        self._check(d)
        at = int(np.searchsorted(self._days, np.datetime64(d)))
        return at < len(self._days) and bool(self._days[at] == np.datetime64(d))

    def offset(self, d: dt.date, n: int) -> dt.date:
        """The n-th session after session `d` (n < 0: before)."""
        at = self._index(d) + n
        if not 0 <= at < len(self._days):
            raise ValueError(f"{n} sessions from {d} leaves the sessions {self._days[0]}..{self._days[-1]}")
        found: dt.date = self._days[at].item()
        return found

    def as_of(self, session: dt.date) -> dt.datetime:
        """The session's cut-off, 08:55 in Sao Paulo, in UTC."""
        return _instant(self._as_of_us[self._index(session)])

    def latest(self, now: dt.datetime) -> dt.date:
        """The newest session whose cut-off is at or before `now` (with a time zone)."""
        if now.tzinfo is None:
            raise ValueError(f"now {now} has no time zone; give an aware datetime, for example in UTC")
        at = int(np.searchsorted(self._as_of_us, _microseconds(now), side="right")) - 1
        if at < 0:
            raise ValueError(f"no session has begun by {now}; the first cut-off is {_instant(self._as_of_us[0])}")
        found: dt.date = self._days[at].item()
        return found

    @overload
    def session_of(self, knowledge_time: pl.Series) -> pl.Series: ...

    @overload
    def session_of(self, knowledge_time: pl.Expr) -> pl.Expr: ...

    def session_of(self, knowledge_time: pl.Series | pl.Expr) -> pl.Series | pl.Expr:
        """For each instant the first session with as_of >= it; for an expression, the expression of that.

        Known before the first session gives the first session; known after the last cut-off, or null, gives null.
        """
        if isinstance(knowledge_time, pl.Expr):
            return knowledge_time.map_batches(self._session_series, return_dtype=pl.Date, is_elementwise=True)
        return self._session_series(knowledge_time)

    def frame(self) -> pl.DataFrame:
        """Columns session (Date), as_of (UTC), prev_session (Date, null in the first row); one row a session."""
        return self._frame

    def _session_series(self, known: pl.Series) -> pl.Series:
        if not isinstance(known.dtype, pl.Datetime) or known.dtype.time_zone is None:
            raise ValueError(f"'{known.name}' is {known.dtype}; give instants with a time zone (Datetime in UTC)")
        instants = known.cast(UTC_TIME).to_frame("instant").with_row_index("row").sort("instant", maintain_order=True)
        table = self._frame.select("session", "as_of")
        joined = instants.join_asof(
            table, left_on="instant", right_on="as_of", strategy="forward", check_sortedness=False
        )
        return joined.sort("row")["session"].alias(known.name)

    def _check(self, d: dt.date) -> None:
        if not self.start <= d <= self.end:
            raise ValueError(f"{d} is outside the sessions {self.start}..{self.end}; ask for days inside")

    def _index(self, d: dt.date) -> int:
        if not self.is_session(d):
            raise ValueError(f"{d} ({d:%A}) is not a session; the sessions are the days on which B3 trades")
        return int(np.searchsorted(self._days, np.datetime64(d)))


def _microseconds(instant: dt.datetime) -> int:
    return (instant - dt.datetime(1970, 1, 1, tzinfo=dt.UTC)) // dt.timedelta(microseconds=1)


def _instant(microseconds: np.int64) -> dt.datetime:
    return dt.datetime(1970, 1, 1, tzinfo=dt.UTC) + dt.timedelta(microseconds=int(microseconds))


def assign_session(df: pl.DataFrame, table: Sessions, column: str = "knowledge_time") -> pl.DataFrame:
    """`df` with `session`: the first session whose cut-off is at or after `column` (row order is kept).

    Known before the first session gives the first session; known after the last cut-off gives null.
    """
    if column not in df.columns:
        raise ValueError(f"no column '{column}' to assign sessions by; columns: {', '.join(df.columns)}")
    return df.with_columns(table.session_of(df[column]).alias("session"))


@cache
def sessions() -> Sessions:
    """The fund's sessions, 2010-01-04 to 2030-12-30, from the B3 calendar."""
    return Sessions(load_calendar("b3"), FIRST_SESSION, LAST_SESSION)
