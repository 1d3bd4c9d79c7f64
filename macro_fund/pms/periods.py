"""The periods that people read results by: the day, month, quarter and year to date, twelve months, since inception.

Belongs here: where a period starts. Does not belong here: what is summed over it.

A period is a set of trade dates: the session of 3 March that describes the close of 28 February belongs to February.
"""

from __future__ import annotations

from calendar import monthrange
from datetime import date, timedelta
from enum import StrEnum


class Period(StrEnum):
    """A period that ends at the last close."""

    day = "day"
    mtd = "mtd"
    qtd = "qtd"
    ytd = "ytd"
    year = "12m"
    inception = "inception"


def start_of(period: Period, last: date) -> date:
    """First calendar day of the period that ends on trade date `last`; `date.min` for the inception."""
    match period:
        case Period.day:
            return last
        case Period.mtd:
            return last.replace(day=1)
        case Period.qtd:
            return date(last.year, (last.month - 1) // 3 * 3 + 1, 1)
        case Period.ytd:
            return date(last.year, 1, 1)
        case Period.year:
            before = last.year - 1
            return date(before, last.month, min(last.day, monthrange(before, last.month)[1])) + timedelta(days=1)
        case Period.inception:
            return date.min
