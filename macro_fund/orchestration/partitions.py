"""The one partitions definition: the fund's trading sessions.

Belongs here: SESSIONS and the guard on partition keys. Key T means "the morning of T". Weekends and B3 closures are
excluded. `end_offset=1` makes T itself a partition on T; together with exclusions it also lets Dagster show the next
session as a partition on weekends and holidays (dagster issue 33551), so the newest session is never asked of Dagster:
`check_keys` refuses a key that has not come, whoever asks for it.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, time, timedelta

import dagster as dg

from macro_fund.home import Home, latest_session
from macro_fund.time.clock import now
from macro_fund.time.sessions import sessions
from macro_fund.time.zones import SAO_PAULO

TIMEZONE = SAO_PAULO.key
FIRST, LAST = sessions().start, sessions().end


def closures(first: date, last: date) -> list[date]:
    """Weekdays between first and last on which there is no session."""
    table = sessions()
    days = (first + timedelta(n) for n in range((last - first).days + 1))
    return [d for d in days if d.weekday() < 5 and not table.is_session(d)]


SESSIONS = dg.DailyPartitionsDefinition(
    start_date=FIRST.isoformat(),
    timezone=TIMEZONE,
    end_offset=1,
    exclusions=["0 0 * * 0,6", *(datetime.combine(d, time()) for d in closures(FIRST, LAST))],
)


class UnknownPartition(ValueError):
    """A partition key that this fund does not have; the message says why and which keys there are."""


def check_keys(keys: Sequence[str], home: Home) -> list[date]:
    """The keys as dates, in order; raises UnknownPartition for a key before the fund opened, or that has not come."""
    days = sorted(date.fromisoformat(k) for k in keys)
    latest = latest_session(now())
    early = [d for d in days if d < home.inception]
    future = [d for d in days if d > latest]
    if early:
        raise UnknownPartition(
            f"partition {early[0]}: this fund opened on {home.inception}, whose partition holds all history before it; "
            f"materialize {home.inception} or a later session"
        )
    if future:
        raise UnknownPartition(
            f"partition {future[0]} has not come: its data are public at "
            f"{home.sessions.as_of(future[0]):%Y-%m-%d %H:%M} UTC; the latest session is {latest}"
        )
    return days
