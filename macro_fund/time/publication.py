"""Publication: when the public could know a value, and how we know that.

Belongs here: one function a rule kind, from event dates to UTC instants, and which of rule and real release days holds.
Does not belong here: which series has which rule (config/series/), the release days (config/releases, `releases`), or
the session in which a fact is used (`sessions`).

Rules look at the business days that really happened, so a law that changes next year does not move last year's facts.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable

import polars as pl

from macro_fund.settings import Publication
from macro_fund.time.calendars import FINAL, load_calendar
from macro_fund.time.releases import release_times
from macro_fund.time.zones import to_utc

LISTED = "calendar"
_PERIODS = {"M": "1mo", "Q": "1q", "A": "1y"}


def knowledge(event_dates: pl.Series, rule: Publication, frequency: str) -> pl.DataFrame:
    """knowledge_time (UTC) and knowledge_basis of each event date (Date, no nulls), in the same order.

    A period that the list `rule.release` has is public at its real release, with basis 'calendar'; every other one at
    the instant that the rule says, with the rule's basis. `frequency` (D, W, M, Q, A, E) matters to `after_period`, and
    to lists: any day of a month, quarter or year stands for its period there. Raises ValueError for a null date,
    CalendarRangeError for a date outside the rule's calendar, SettingsError for an unknown or wrong list.
    """
    _check(event_dates)
    times = _rule_times(event_dates, rule, frequency)
    if rule.release is None:
        return pl.DataFrame({"knowledge_time": times}).with_columns(pl.lit(rule.basis).alias("knowledge_basis"))
    every = _PERIODS.get(frequency, "1d")
    listed = event_dates.dt.truncate(every).to_frame("event_date")
    listed = listed.join(release_times(rule.release), on="event_date", how="left", maintain_order="left")
    real = pl.col("knowledge_time")
    return listed.select(
        real.fill_null(times),
        pl.when(real.is_null()).then(pl.lit(rule.basis)).otherwise(pl.lit(LISTED)).alias("knowledge_basis"),
    )


def knowledge_times(event_dates: pl.Series, rule: Publication, frequency: str) -> pl.Series:
    """The knowledge_time of `knowledge` alone."""
    return knowledge(event_dates, rule, frequency)["knowledge_time"]


def _check(event_dates: pl.Series) -> None:
    if event_dates.dtype != pl.Date:
        raise ValueError(f"event dates are {event_dates.dtype}; give a series of dates (pl.Date)")
    if event_dates.null_count():
        raise ValueError(f"{event_dates.null_count()} event dates are null; drop rows without a date first")


def _rule_times(events: pl.Series, rule: Publication, frequency: str) -> pl.Series:
    days = _DAYS[rule.kind](events, rule, frequency)
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
