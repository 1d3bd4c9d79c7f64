"""What ANBIMA's public pages share: bank days, Brazilian numbers, and how long a day stays on the page.

Belongs here: rules that hold for the bond file, the VNA form and the curve form. Does not belong here: the format of
one of them (`anbima_bonds`, `anbima_vna`, `anbima_ettj`).
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Sequence
from datetime import date, timedelta

from macro_fund.settings import Series
from macro_fund.sources.messages import Payload
from macro_fund.sources.slices import Days
from macro_fund.time.calendars import load_calendar
from macro_fund.time.zones import SAO_PAULO

SITE = "https://www.anbima.com.br/informacoes"
FORM = (("Content-Type", "application/x-www-form-urlencoded"),)
MISSING = ("", "--")
# Bonds and curves of the last five business days are on the page. Days on which ANBIMA did not publish stretch that to
# a week and a half of bank days, so a few more are asked; beyond them a day is gone for good.
KEPT_DAYS = 5
ASKED_DAYS = 8
# Decimals after a comma, perhaps points between thousands or an exponent: '4.578,950958', '-8,6E-03'. A point is never
# a decimal sign, so '14.714' is no number here; of a count ('1.008') it parts the thousands.
_NUMBER = re.compile(r"-?(\d{1,3}(\.\d{3})+,\d+|\d+(,\d+)?)(E[+-]?\d+)?", re.IGNORECASE)
_COUNT = re.compile(r"\d{1,3}(\.\d{3})+|\d+")


def bank_days(window: Days) -> list[date]:
    """Business days of the ANBIMA calendar in a window, both ends included, as they really were."""
    calendar = load_calendar("anbima")
    days = (window[0] + timedelta(days=i) for i in range((window[1] - window[0]).days + 1))
    return [d for d in days if calendar.is_business_day(d)]


def newest_bank_days(window: Days) -> list[date]:
    """The bank days of a window among the ASKED_DAYS newest up to its end."""
    first = load_calendar("anbima").offset(window[1] + timedelta(days=1), -ASKED_DAYS)
    return bank_days((max(window[0], first), window[1]))


def published_on(day: date) -> bool:
    """Whether ANBIMA publishes for a bank day: it does not when the exchange is shut (24 and 31 December)."""
    return load_calendar("b3").is_business_day(day)


def still_kept(payload: Payload, day: date) -> bool:
    """Whether `day` must be on the page: published, and among the last KEPT_DAYS bank days when we asked."""
    asked_on = payload.fetched_at.astimezone(SAO_PAULO).date()
    return published_on(day) and load_calendar("anbima").count(day, asked_on) < KEPT_DAYS


def wanted(payload: Payload, series: Sequence[Series]) -> dict[str, Series]:
    """The series that depend on an answer, by the provider's code."""
    return {s.code: s for s in series if s.id in payload.request.items}


def number(text: str) -> tuple[float | None, str]:
    """(number, '') or (None, why not) of one value written the Brazilian way."""
    raw = text.strip()
    if not raw:
        return None, "no value"
    if _NUMBER.fullmatch(raw) is None:
        return None, f"not a number with a decimal comma: {raw[:40]!r}"
    value = float(raw.replace(".", "").replace(",", "."))
    return (value, "") if math.isfinite(value) else (None, f"not a finite number: {raw[:40]!r}")


def count(text: str) -> int | None:
    """A whole number such as '1.008', None when it is not one."""
    raw = text.strip()
    return int(raw.replace(".", "")) if _COUNT.fullmatch(raw) else None


def optional_number(text: str) -> tuple[float | None, str]:
    """`number`, where '--' and an empty cell are no value and no fault."""
    return (None, "") if text.strip() in MISSING else number(text)


def compact_day(text: str) -> date | None:
    """The day of 'YYYYMMDD', None when it is not one."""
    raw = text.strip()
    try:
        return date(int(raw[:4]), int(raw[4:6]), int(raw[6:])) if len(raw) == 8 and raw.isdigit() else None
    except ValueError:
        return None


def slashed_day(text: str) -> date | None:
    """The day of 'DD/MM/YYYY', None when it is not one."""
    try:
        day, month, year = text.strip().split("/")
        return date(int(year), int(month), int(day))
    except ValueError:
        return None


def plain(text: str) -> str:
    """Lower case without accents and outer blanks, to compare headers."""
    letters = unicodedata.normalize("NFKD", text.strip())
    return "".join(c for c in letters if not unicodedata.combining(c)).lower()
