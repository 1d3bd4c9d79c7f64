"""Which observation should be there by now: a daily series' newest day that its rule and its calendar make public.

Belongs here: the expectation alone. Does not belong here: what is done when it is not met (the `in_time` check).
"""

from __future__ import annotations

from datetime import date, datetime, timedelta

import polars as pl

from macro_fund.settings import Publication
from macro_fund.time.calendars import BusinessCalendar
from macro_fund.time.publication import knowledge_times

LOOK_BACK_DAYS = 20


def newest_due(rule: Publication, as_of: datetime, calendar: BusinessCalendar) -> date | None:
    """The newest business day (any day for a level in force) that is public by `as_of`; None when none is near.

    calendar: of the rule. A foreign market may close on a day on which this calendar is open: then the expectation is
    a day too far, and the check that uses it only warns.
    """
    last = as_of.date()
    days = [last - timedelta(days=n) for n in range(LOOK_BACK_DAYS, -1, -1)]
    if rule.kind != "effective":
        days = [d for d in days if calendar.is_business_day(d)]
    times = knowledge_times(pl.Series(days, dtype=pl.Date), rule, "D")
    public = [d for d, t in zip(days, times, strict=True) if t <= as_of]
    return max(public, default=None)
