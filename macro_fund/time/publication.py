"""Publication rules: when the public could know a value.

Belongs here: one function a rule kind, from event dates to UTC instants. Does not belong here: which series has which
rule (config/series/), or the session in which a fact is used (`sessions`).

Rules look at the business days that really happened, so a law that changes next year does not move last year's facts.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable

import polars as pl

from macro_fund.settings import Publication
from macro_fund.time.calendars import FINAL, load_calendar
from macro_fund.time.zones import to_utc

_PERIODS = {"M": "1mo", "Q": "1q", "A": "1y"}


def knowledge_times(event_dates: pl.Series, rule: Publication, frequency: str) -> pl.Series:
    """For each event date (Date, no nulls) the UTC instant at which `rule` says its value is public.

    `frequency` (D, W, M, Q, A) matters to `after_period` only. Raises ValueError for a null date, CalendarRangeError
    for a date outside the rule's calendar.
    """
    if event_dates.dtype != pl.Date:
        raise ValueError(f"event dates are {event_dates.dtype}; give a series of dates (pl.Date)")
    if event_dates.null_count():
        raise ValueError(f"{event_dates.null_count()} event dates are null; drop rows without a date first")
    days = _DAYS[rule.kind](event_dates, rule, frequency)
    at = dt.time(0) if rule.kind == "effective" else rule.at
    return to_utc(days, at, rule.tz).alias("knowledge_time")


def _on_event_day(events: pl.Series, rule: Publication, frequency: str) -> pl.Series:
    return events


def _business_days(events: pl.Series, rule: Publication, frequency: str) -> pl.Series:
    """The n-th business day strictly after the event (n = 0: the event day, moved forward to a business day).

    A value of a Saturday with n = 1 is public on Monday, like that of the Friday before.
    """
    if rule.n < 0:
        raise ValueError(f"business_days needs n >= 0, got {rule.n}")
    calendar = load_calendar(rule.calendar)
    if rule.n == 0:
        return _roll(events, rule)
    moved = calendar.offset_many(events + dt.timedelta(days=1), rule.n - 1, known_on=FINAL)
    return pl.Series(moved)


def _calendar_days(events: pl.Series, rule: Publication, frequency: str) -> pl.Series:
    return _roll(events + dt.timedelta(days=rule.n), rule)


def _after_period(events: pl.Series, rule: Publication, frequency: str) -> pl.Series:
    """n calendar days after the last day of the event's month, quarter or year, moved to a business day."""
    if frequency not in _PERIODS:
        raise ValueError(
            f"after_period needs frequency M, Q or A, got {frequency}; use calendar_days for a daily series"
        )
    every = _PERIODS[frequency]
    last = events.dt.truncate(every).dt.offset_by(every) - dt.timedelta(days=1)
    return _roll(last + dt.timedelta(days=rule.n), rule)


def _weekly_monday(events: pl.Series, rule: Publication, frequency: str) -> pl.Series:
    """The Monday after the event's week (Monday to Sunday), or the next business day."""
    return _roll(events.dt.truncate("1w") + dt.timedelta(days=7), rule)


def _years_before(events: pl.Series, rule: Publication, frequency: str) -> pl.Series:
    """1 July, n years before the event's year."""
    return events.dt.truncate("1y").dt.offset_by(f"{-rule.n}y").dt.offset_by("6mo")


def _roll(days: pl.Series, rule: Publication) -> pl.Series:
    return pl.Series(load_calendar(rule.calendar).offset_many(days, 0, known_on=FINAL))


_DAYS: dict[str, Callable[[pl.Series, Publication, str], pl.Series]] = {
    "same_day": _on_event_day,
    "effective": _on_event_day,
    "business_days": _business_days,
    "calendar_days": _calendar_days,
    "after_period": _after_period,
    "weekly_monday": _weekly_monday,
    "years_before": _years_before,
}
