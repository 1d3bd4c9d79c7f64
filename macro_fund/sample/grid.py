"""The days on which the sample world lives.

Belongs here: the simulation grid (every weekday, every month) and the days on which each market publishes. Does not
belong here: what happens on those days.

Markets are simulated on weekdays and read on each market's own open days, so a closed day's move is in the next one.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from functools import cache

import numpy as np

from macro_fund.sample.noise import Days
from macro_fund.time.calendars import load_calendar

FIRST = np.datetime64("2004-01-01", "D")
LAST = np.datetime64("2030-12-31", "D")
_BURN_IN = np.datetime64("2003-01-01", "D")


@dataclass(frozen=True)
class Grid:
    """weekdays, months: simulation steps, burn-in year included. The rest: publication days from FIRST to LAST."""

    weekdays: Days
    months: Days
    every_day: Days
    anbima: Days
    b3: Days
    nyse: Days

    def at(self, days: Days) -> np.ndarray:
        """Positions of `days` in `weekdays`; a weekend day gets the Friday before."""
        return np.searchsorted(self.weekdays, days, side="right") - 1

    @property
    def us_weekdays(self) -> Days:
        """Weekdays from FIRST on: rows of a five-day American file, holidays among them."""
        return self.weekdays[self.weekdays >= FIRST]


def _open_days(name: str, weekdays: Days) -> Days:
    calendar = load_calendar(name)
    span = weekdays[weekdays >= FIRST]
    following = calendar.offset_many(span, 0, known_on=span)
    return span[following.astype("datetime64[D]") == span]


@cache
def grid() -> Grid:
    """The one grid of every sample world."""
    every = np.arange(_BURN_IN, LAST + 1)
    weekdays = every[np.is_busday(every)]
    months = np.arange("2003-01", "2031-01", dtype="datetime64[M]").astype("datetime64[D]")
    names = ("anbima", "b3", "nyse")
    return Grid(weekdays, months, every[every >= FIRST], *(_open_days(n, weekdays) for n in names))


def to_date(day: np.datetime64) -> date:
    """A numpy day as a date."""
    return day.astype("datetime64[D]").astype(date)
