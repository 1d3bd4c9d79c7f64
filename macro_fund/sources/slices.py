"""Cutting a window of days into the pieces that a provider accepts.

Belongs here: calendar arithmetic on request windows. Does not belong here: which window is needed (`ingest`).
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta

Days = tuple[date, date]


def by_days(window: Days, days: int) -> Iterator[Days]:
    """Consecutive pieces of at most `days` days that cover the window (both ends included)."""
    start, end = window
    while start <= end:
        stop = min(end, start + timedelta(days=days - 1))
        yield start, stop
        start = stop + timedelta(days=1)


def by_years(window: Days) -> Iterator[Days]:
    """The window cut at each 1 January."""
    start, end = window
    while start <= end:
        stop = min(end, date(start.year, 12, 31))
        yield start, stop
        start = stop + timedelta(days=1)


def hull(windows: list[Days]) -> Days:
    """The smallest window that holds them all."""
    return min(w[0] for w in windows), max(w[1] for w in windows)
