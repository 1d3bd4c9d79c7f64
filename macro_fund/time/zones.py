"""Wall clocks: from local days and times to UTC instants, past daylight-saving changes.

Belongs here: the one rule for local times that do not exist or exist twice. Does not belong here: which local time a
thing happens at (`sessions`, `publication`).
"""

from __future__ import annotations

import datetime as dt
from functools import cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import polars as pl

UTC_TIME = pl.Datetime("us", "UTC")
SAO_PAULO = ZoneInfo("America/Sao_Paulo")
_MINUTE = dt.timedelta(minutes=1)


@cache
def _zone(tz: str) -> ZoneInfo:
    try:
        return ZoneInfo(tz)
    except (ZoneInfoNotFoundError, ValueError):
        raise ValueError(f"no time zone '{tz}'; give an IANA name such as America/Sao_Paulo") from None


def first_instant(local: dt.datetime, tz: str) -> dt.datetime:
    """The first UTC instant at which clocks in `tz` show `local` or, if they jump over it, something later."""
    zone = _zone(tz)
    found = local.replace(tzinfo=zone, fold=0).astimezone(dt.UTC)
    if found.astimezone(zone).replace(tzinfo=None) == local:
        return found
    while (found - _MINUTE).astimezone(zone).replace(tzinfo=None) >= local:
        found -= _MINUTE
    return found


def to_utc(days: pl.Series, at: dt.time, tz: str) -> pl.Series:
    """UTC instants (microseconds) of local time `at` on each of `days` (Date).

    A time that does not exist (midnight when Sao Paulo's summer time began) becomes the first instant after the gap,
    a time that exists twice the earlier one.
    """
    _zone(tz)
    local = days.to_frame("day").select(pl.col("day").dt.combine(at, time_unit="us")).to_series()
    utc = local.dt.replace_time_zone(tz, ambiguous="earliest", non_existent="null").dt.convert_time_zone("UTC")
    jumped = local.filter(utc.is_null() & local.is_not_null()).unique()
    if jumped.is_empty():
        return utc
    instants = pl.Series([first_instant(t, tz) for t in jumped.to_list()], dtype=UTC_TIME)
    return utc.fill_null(local.replace_strict(jumped, instants, default=None, return_dtype=UTC_TIME))
