"""Business calendars with vintages, read from config/calendars/<name>.yaml.

Belongs here: which days are business days, and counting and moving by them, with the holiday list as it was known on a
given day. Does not belong here: the fund's sessions (`sessions`), publication rules (`publication`), the holidays
themselves (config/calendars/).

Saturdays and Sundays are always closed. A holiday counts only for a `known_on` inside its vintage: a price of 2022 was
made with the holiday list of 2022, so counting its days with a later list would move the price.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import Any, cast

import numpy as np
import polars as pl
from numpy.typing import ArrayLike, NDArray
from pydantic import BaseModel, ConfigDict, ValidationError, field_validator, model_validator
from pydantic_core import InitErrorDetails, PydanticCustomError

from macro_fund.settings import CONFIG_DIR, SettingsError, parse_file

Days = NDArray[np.datetime64]
DayLike = ArrayLike | pl.Series | dt.date | Sequence[dt.date]

# The list with everything we know now: what really happened, for days in the past.
FINAL = dt.date.max


class CalendarRangeError(ValueError):
    """A day lies outside the years that a calendar file covers."""


class Holiday(BaseModel):
    """A weekday without business. It is on the list as known on day k if known_from <= k < known_until."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    date: dt.date
    name: str
    known_from: dt.date | None = None
    known_until: dt.date | None = None

    @model_validator(mode="after")
    def _vintage(self) -> Holiday:
        for field, day in (("known_from", self.known_from), ("known_until", self.known_until)):
            if day is not None and day > self.date:
                raise ValueError(f"{field} {day} must not be after the holiday {self.date} itself")
        if self.known_from and self.known_until and self.known_from >= self.known_until:
            raise ValueError(f"known_from {self.known_from} must be before known_until {self.known_until}")
        return self

    def known(self, day: dt.date) -> bool:
        return (self.known_from or dt.date.min) <= day and (self.known_until is None or day < self.known_until)


class CalendarFile(BaseModel):
    """Content of config/calendars/<name>.yaml: holidays for every year from first_day to last_day."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    first_day: dt.date
    last_day: dt.date
    holidays: tuple[Holiday, ...]

    @field_validator("holidays", mode="after")
    @classmethod
    def _once(cls, holidays: tuple[Holiday, ...]) -> tuple[Holiday, ...]:
        seen: dict[dt.date, str] = {}
        errors: list[InitErrorDetails] = []
        for i, h in enumerate(holidays):
            if h.date in seen:
                message = f"{h.date} is listed twice (first as '{seen[h.date]}'); keep one"
                error = PydanticCustomError("duplicate_date", "{message}", {"message": message})
                errors.append({"type": error, "loc": (i, "date"), "input": h.date.isoformat()})
            seen.setdefault(h.date, h.name)
        if errors:
            raise ValidationError.from_exception_data(cls.__name__, errors)
        return holidays

    @model_validator(mode="after")
    def _complete(self) -> CalendarFile:
        if self.first_day >= self.last_day:
            raise ValueError(f"first_day {self.first_day} must be before last_day {self.last_day}")
        outside = [str(h.date) for h in self.holidays if not self.first_day <= h.date <= self.last_day]
        if outside:
            raise ValueError(f"holidays outside {self.first_day}..{self.last_day}: {', '.join(outside[:5])}")
        years = {h.date.year for h in self.holidays}
        missing = [str(y) for y in range(self.first_day.year, self.last_day.year + 1) if y not in years]
        if missing:
            raise ValueError(f"holidays: no holiday in {', '.join(missing)}; add them, or move first_day or last_day")
        return self


def _as_days(values: DayLike) -> Days:
    """Dates as datetime64[D]; a null is an error, because numpy would count it as a day."""
    days = np.asarray(values, dtype="datetime64[D]")
    if np.isnat(days).any():
        raise ValueError("a date is null; drop rows without a date before asking a calendar")
    return days


class BusinessCalendar:
    """Business days of one place, with the holiday list as it was known on any day."""

    def __init__(self, name: str, first_day: dt.date, last_day: dt.date, holidays: Sequence[Holiday]) -> None:
        self.name, self.first_day, self.last_day = name, first_day, last_day
        cuts: list[dt.date] = sorted({d for h in holidays for d in (h.known_from, h.known_until) if d is not None})
        self._cuts = np.array(cuts, dtype="datetime64[D]")
        lists = [sorted(h.date for h in holidays if h.known(day)) for day in (dt.date.min, *cuts)]
        self._holidays = [np.array(days, dtype="datetime64[D]") for days in lists]
        self._calendars = [np.busdaycalendar(holidays=days) for days in self._holidays]

    def __repr__(self) -> str:
        return f"BusinessCalendar({self.name!r}, {self.first_day}..{self.last_day}, {len(self._calendars)} vintages)"

    def holidays(self, known_on: dt.date) -> Days:
        """The holidays (weekend ones too where the file lists them) as the list was known on `known_on`, sorted."""
        return self._holidays[int(self._vintage(_as_days(known_on)))].copy()

    def is_business_day(self, d: dt.date, known_on: dt.date | None = None) -> bool:
        """Whether `d` is open, as known on `known_on` (default: on `d`, which is what really happened)."""
        return bool(self.are_business_days(d, known_on))

    def are_business_days(self, days: DayLike, known_on: DayLike | None = None) -> NDArray[np.bool_]:
        """`is_business_day` for arrays of dates; known_on: default each day."""
        day, known = np.broadcast_arrays(*(_as_days(x) for x in (days, days if known_on is None else known_on)))
        self._check(day)
        return self._by_vintage(known, lambda c, at: np.is_busday(day[at], busdaycal=c), np.bool_)

    def count(self, start: dt.date, end: dt.date, known_on: dt.date | None = None) -> int:
        """Business days in [start, end), minus those in [end, start) if end is earlier. known_on: default `start`."""
        return int(self.count_many(start, end, known_on))

    def count_many(self, starts: DayLike, ends: DayLike, known_on: DayLike | None = None) -> NDArray[np.int32]:
        """`count` for arrays of dates (numpy, polars or one date against many); known_on: default each start."""
        given = (starts, ends, starts if known_on is None else known_on)
        start, end, known = np.broadcast_arrays(*(_as_days(x) for x in given))
        low, high = np.minimum(start, end), np.maximum(start, end)
        self._check(low, high - (high > low))  # the later day is not counted, so it may be the day after last_day
        found = self._by_vintage(known, lambda c, at: np.busday_count(low[at], high[at], busdaycal=c), np.int32)
        return np.asarray(np.where(end < start, -found, found), dtype=np.int32)

    def offset(self, d: dt.date, n: int, known_on: dt.date | None = None) -> dt.date:
        """The n-th business day after `d` (n < 0: before); a closed `d` first moves forward. known_on: default `d`."""
        return _one(self.offset_many(d, n, known_on))

    def offset_many(self, days: DayLike, n: ArrayLike, known_on: DayLike | None = None) -> Days:
        """`offset` for arrays of dates; `n` is one number or one a date; known_on: default each day."""
        day, known = (_as_days(x) for x in (days, days if known_on is None else known_on))
        day, steps, known = np.broadcast_arrays(day, np.asarray(n, dtype=np.int64), known)
        self._check(day)

        def move(calendar: np.busdaycalendar, at: NDArray[np.bool_]) -> Days:
            return np.busday_offset(day[at], steps[at], roll="forward", busdaycal=calendar)

        moved = self._by_vintage(known, move, "datetime64[D]")
        self._check(moved)
        return moved

    def roll_forward(self, d: dt.date) -> dt.date:
        """`d` if it is open, else the next business day, as known on `d`."""
        return self.offset(d, 0)

    def _vintage(self, known: Days) -> NDArray[np.intp]:
        return np.searchsorted(self._cuts, known, side="right")

    def _by_vintage(self, known: Days, function: Callable[..., NDArray[Any]], dtype: Any) -> NDArray[Any]:
        """function(calendar, mask of its rows) for each vintage that occurs in `known`, put together."""
        which = self._vintage(known)
        result = np.empty(known.shape, dtype=dtype)
        for vintage in np.unique(which):
            at = which == vintage
            result[at] = function(self._calendars[vintage], at)
        return result

    def _check(self, *groups: Days) -> None:
        first, last = np.datetime64(self.first_day, "D"), np.datetime64(self.last_day, "D")
        for days in groups:
            outside = days[(days < first) | (days > last)]
            if outside.size:
                raise CalendarRangeError(
                    f"calendar {self.name}: {outside.flat[0]} is outside {self.first_day}..{self.last_day}; "
                    f"add the years to config/calendars/{self.name}.yaml or ask for days that it covers"
                )


def _one(day: Days) -> dt.date:
    return cast(dt.date, day[()].item())


@cache
def load_calendar(name: str, config_dir: Path = CONFIG_DIR) -> BusinessCalendar:
    """The calendar of config_dir/calendars/<name>.yaml; raises SettingsError naming file, line and field."""
    path = config_dir / "calendars" / f"{name}.yaml"
    if not path.is_file():
        names = ", ".join(sorted(p.stem for p in path.parent.glob("*.yaml"))) or f"none in {path.parent}"
        raise SettingsError(f"no calendar '{name}'; allowed: {names}")
    content: CalendarFile = parse_file(path, CalendarFile)
    return BusinessCalendar(name, content.first_day, content.last_day, content.holidays)
