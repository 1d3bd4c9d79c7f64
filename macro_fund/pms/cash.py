"""Interest on the fund's cash: CDI, the fund's benchmark.

Belongs here: the CDI factor of each session. Does not belong here: trading P&L (`book.py`).

Convention: trade date t earns the CDI of every bank day from the previous session (inclusive) to t (exclusive), the
same days that carry yesterday's PU in a DI1 settlement, on the NAV at the previous close. Daily rates have eight
decimals, as published, so the factors are exact decimals. A rate that is not known yet defers its day (and the days
after it) to the session that knows it; a day still without a rate after `MAX_WAIT_DAYS` had no CDI.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

if TYPE_CHECKING:
    from macro_fund.time.calendars import BusinessCalendar
    from macro_fund.time.sessions import Sessions

MAX_WAIT_DAYS = 15
SERIES = "br_cdi_daily"
_EIGHT_PLACES = Decimal("0.00000001")


def cdi_factors(
    cdi_daily: pl.DataFrame, keys: Sequence[date], calendar: BusinessCalendar, table: Sessions
) -> dict[date, Decimal]:
    """Factor (1 + interest) that each session in `keys` adds; `keys` starts at the inception, which adds nothing.

    cdi_daily: rows (session, event_date, value = decimal a bank day), of the CDI alone or with series_id. The first
    value known of a day counts. calendar: bank days.
    """
    rates = _first_known(cdi_daily)
    factors = {keys[0]: Decimal(1)}
    accrued_to = table.offset(keys[0], -1)
    for session in keys[1:]:
        trade_date = table.offset(session, -1)
        factor = Decimal(1)
        for day in _bank_days(accrued_to, trade_date, calendar):
            known_in, rate = rates.get(day, (None, Decimal(0)))
            if known_in is not None and known_in <= session:
                factor *= 1 + rate
            elif (trade_date - day).days <= MAX_WAIT_DAYS:
                accrued_to = day
                break
        else:
            accrued_to = trade_date
        factors[session] = factor
    return factors


def _first_known(cdi_daily: pl.DataFrame) -> dict[date, tuple[date | None, Decimal]]:
    rows = cdi_daily.filter(pl.col("series_id") == SERIES) if "series_id" in cdi_daily.columns else cdi_daily
    order = [c for c in ("event_date", "session", "knowledge_time") if c in rows.columns]
    first = rows.sort(order).unique("event_date", keep="first", maintain_order=True)
    return {
        day: (session, Decimal(repr(value)).quantize(_EIGHT_PLACES))
        for day, session, value in first.select("event_date", "session", "value").iter_rows()
    }


def _bank_days(start: date, end: date, calendar: BusinessCalendar) -> list[date]:
    """Bank days in [start, end), under the calendar known at the end."""
    days = np.arange(np.datetime64(start), np.datetime64(end))
    if days.size == 0:
        return []
    is_open = calendar.count_many(days, days + np.timedelta64(1, "D"), known_on=np.full(days.shape, np.datetime64(end)))
    found: list[date] = days[is_open == 1].tolist()
    return found
