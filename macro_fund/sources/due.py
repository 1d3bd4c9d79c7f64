"""Which observation should be there by now: the newest period that a series' rule and its calendar make public.

Belongs here: the expectation alone. Does not belong here: what is done when it is not met (the `in_time` check).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from functools import lru_cache

import polars as pl

from macro_fund.settings import Publication, Series
from macro_fund.time.calendars import load_calendar
from macro_fund.time.publication import knowledge_times

# A strike held the weekly survey of daily expectations back for four weeks (April 2022).
LOOK_BACK_DAYS = 40
# A government that shuts down holds weekly reports back for two months.
LOOK_BACK_WEEKS = 16
# Months in a period, and how many periods to look back for one that is public.
LOOK_BACK_PERIODS = {"M": (1, 14), "Q": (3, 6), "A": (12, 4)}

# A value of a market that an agency publishes needs both to be open.
_OPEN = {"us_federal": ("us_federal", "nyse")}


def overdue(series: Sequence[Series], newest: Mapping[str, date], as_of: datetime) -> dict[str, date]:
    """The period that is due, of each series that lacks it; newest: the newest event date known, by series.

    Events at no fixed distance are never due, nor is a period before a series' start. Few rules speak for many series.
    """
    rules = {s.id: (s.publication, s.frequency) for s in series if s.frequency != "E"}
    due = {rule: newest_due(*rule, as_of) for rule in set(rules.values())}
    found = {}
    for s in series:
        expected = due[rules[s.id]] if s.id in rules else None
        if expected is not None and expected >= s.start and newest.get(s.id, date.min) < expected:
            found[s.id] = expected
    return found


def stale(series: Series, newest: date | None, today: date) -> bool:
    """Whether the newest event date known (or, without one, the series' start) is older than its max_age_days."""
    return (today - (newest or series.start)).days > series.max_age_days


@lru_cache(maxsize=4096)  # many series and sources share a rule
def newest_due(rule: Publication, frequency: str, as_of: datetime) -> date | None:
    """The newest day or first day of a period that is public by `as_of`; None when none is near.

    Daily: business days of the rule's calendar (any day for a level in force). A foreign market may close on a day on
    which this calendar is open: then the expectation is a day too far, and the check that uses it only warns. Weekly:
    the newest day from which all of a week is public, so that any weekday of a survey fits, and a report that was held
    back is not missed.
    """
    periods = _periods(rule, frequency, as_of.date())
    times = knowledge_times(periods, rule, frequency)
    public = times <= as_of
    if frequency == "W":
        public = (public.cast(pl.Int32).rolling_sum(7) == 7).fill_null(False)
    newest = periods.filter(public).max()
    if not isinstance(newest, date):
        return None
    return newest - timedelta(days=6) if frequency == "W" else newest


def due_at(rule: Publication, frequency: str, as_of: pl.Series) -> pl.Series:
    """`newest_due` at each of many instants (UTC, ascending): dates, null where none is near."""
    if as_of.is_empty():
        return pl.Series("due", [], dtype=pl.Date)
    first, last = (x.date() for x in (as_of[0], as_of[-1]))
    periods = _periods(rule, frequency, last, first).sort()
    table = pl.DataFrame({"due": periods, "known": knowledge_times(periods, rule, frequency)})
    if frequency == "W":
        week = pl.col("known").to_physical().rolling_max(7).cast(table.schema["known"])
        table = table.with_columns(week, pl.col("due") - timedelta(days=6)).drop_nulls()
    table = table.sort("known", "due").with_columns(pl.col("due").cum_max())
    found = as_of.alias("known").cast(table.schema["known"]).to_frame().join_asof(table, on="known")
    return found["due"]


def _periods(rule: Publication, frequency: str, last: date, first: date | None = None) -> pl.Series:
    """Periods up to `last` that may be public at an instant of `first` (else `last`) or later."""
    first = first or last
    if frequency in LOOK_BACK_PERIODS:
        months, count = LOOK_BACK_PERIODS[frequency]
        ahead = 12 * (rule.n + 1) if rule.kind == "years_before" else 0
        count += 12 * (last.year - first.year + 1) // months if last > first else 0
        this = pl.Series([last]).dt.truncate(f"{months}mo")
        return pl.concat([this.dt.offset_by(f"{ahead - months * n}mo") for n in range(count)])
    back = 7 * LOOK_BACK_WEEKS if frequency == "W" else LOOK_BACK_DAYS
    days = pl.date_range(first - timedelta(days=back), last, eager=True)
    if rule.kind != "effective" and frequency == "D":
        for name in _OPEN.get(rule.calendar, (rule.calendar,)):
            days = days.filter(pl.Series(load_calendar(name).are_business_days(days)))
    return days
