"""Real release days: when each number of a release was published, and when committees met, from config/releases.

Belongs here: the shape of those files, what makes one wrong, and their instants in UTC. Does not belong here: the days
themselves (config/releases/), which series follows which list (config/series/), the rule for periods that a list does
not have (`publication`).

Two shapes. A list of releases has `days`: event date of the observation (first day of the month or quarter, report day,
survey day) to release day, at the file's `time` or at an hour of its own ('2022-04-26 09:00'). A list of meetings
(<name>_meetings.yaml) has one entry a meeting, by its last day, with the releases of its statement and its minutes.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import polars as pl
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, InstanceOf, ValidationError, field_validator
from pydantic_core import InitErrorDetails, PydanticCustomError

from macro_fund.settings import CONFIG_DIR, SettingsError, parse_file
from macro_fund.time.zones import UTC_TIME, first_instant

STATEMENT, MINUTES = "statement", "minutes"
MEETINGS = "_meetings"
# A release that lies further from its event than this is a slip of the pen.
MAX_DELAY = dt.timedelta(days=200)
_NEAR = f"must be 0 to {MAX_DELAY.days} days after"
_CLOCK = re.compile(r"\d\d:\d\d")
_STAMP = re.compile(r"(\d{4}-\d\d-\d\d)(?: (\d\d:\d\d))?")


class Stamp(NamedTuple):
    """A release as written; at None: at the file's hour."""

    day: dt.date
    at: dt.time | None


class Hour(NamedTuple):
    """A release on the day of the meeting itself."""

    at: dt.time


def _clock(value: Any) -> dt.time:
    """'08:30', in quotes: without them YAML reads 18:30 as the number 1110."""
    if not isinstance(value, str) or not _CLOCK.fullmatch(value):
        raise ValueError("write the hour in quotes, as '08:30'")
    return dt.time.fromisoformat(value)


def _stamp(value: Any) -> Stamp:
    if isinstance(value, dt.date) and not isinstance(value, dt.datetime):
        return Stamp(value, None)
    found = _STAMP.fullmatch(value) if isinstance(value, str) else None
    if found is None:
        raise ValueError("write a day as 2013-10-22 or a day and an hour as '2013-10-22 15:30'")
    day, at = found.groups()
    return Stamp(dt.date.fromisoformat(day), _clock(at) if at else None)


def _moment(value: Any) -> Stamp | Hour:
    if isinstance(value, str) and _CLOCK.fullmatch(value):
        return Hour(_clock(value))
    return _stamp(value)


Clock = Annotated[dt.time, BeforeValidator(_clock)]
# The validators make tuples of what is written; InstanceOf keeps pydantic from reading those again.
Dated = Annotated[InstanceOf[Stamp], BeforeValidator(_stamp)]
Moment = Annotated[InstanceOf[Stamp] | InstanceOf[Hour], BeforeValidator(_moment)]


class _File(BaseModel):
    """What both shapes say: title, source of the days in words, usual hour and its time zone."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    title: str
    source: Annotated[str, Field(min_length=10)]
    time: Clock
    tz: str

    @field_validator("tz")
    @classmethod
    def _zone(cls, tz: str) -> str:
        first_instant(dt.datetime.combine(dt.date(2000, 1, 1), dt.time(0)), tz)
        return tz


class ReleaseFile(_File):
    """Content of config/releases/<name>.yaml: event date to release, both in order."""

    days: Annotated[dict[dt.date, Dated], Field(min_length=1)]

    @field_validator("days", mode="before")
    @classmethod
    def _text_keys(cls, days: Any) -> Any:
        """Event dates as they stand in the file, so that a message can name their line."""
        return {str(event): release for event, release in days.items()} if isinstance(days, dict) else days

    @field_validator("days")
    @classmethod
    def _plausible(cls, days: Mapping[dt.date, Stamp]) -> Mapping[dt.date, Stamp]:
        problems = []
        before, last = dt.date.min, dt.date.min
        for event, release in days.items():
            if event <= before:
                problems.append(((str(event),), f"{event} stands after {before}; keep the event dates in order"))
            elif release.day < last:
                text = f"released on {release.day}, before the release of {before} on {last}"
                problems.append(((str(event),), text))
            elif not _near(release.day, event):
                problems.append(((str(event),), f"released on {release.day}: {_NEAR} {event}"))
            before, last = event, release.day
        _refuse(cls, problems)
        return days


class MeetingEntry(BaseModel):
    """One meeting. statement: its hour ('10:00') or day and hour, where not the file's; minutes: null if none."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    date: dt.date
    number: int | None = None
    scheduled: bool = True
    statement: Moment | None = None
    minutes: Dated | None = None


class MeetingFile(_File):
    """Content of config/releases/<name>_meetings.yaml, by the meeting's last day, in order."""

    minutes_time: Clock
    meetings: Annotated[tuple[MeetingEntry, ...], Field(min_length=1)]

    @field_validator("meetings")
    @classmethod
    def _in_order(cls, meetings: tuple[MeetingEntry, ...]) -> tuple[MeetingEntry, ...]:
        problems: list[tuple[tuple[int | str, ...], str]] = []
        for i, (one, two) in enumerate(pairwise(meetings), start=1):
            if two.date <= one.date:
                problems.append(((i, "date"), f"{two.date} stands after {one.date}; keep the meetings in order"))
            if one.number is not None and two.number != one.number + 1:
                problems.append(((i, "number"), f"{two.number} follows {one.number}"))
        for i, meeting in enumerate(meetings):
            for field, stamp in ((STATEMENT, meeting.statement), (MINUTES, meeting.minutes)):
                if isinstance(stamp, Stamp) and not _near(stamp.day, meeting.date):
                    problems.append(((i, field), f"{stamp.day}: {_NEAR} the meeting of {meeting.date}"))
        _refuse(cls, problems)
        return meetings


def _near(release: dt.date, event: dt.date) -> bool:
    return dt.timedelta() <= release - event <= MAX_DELAY


def _refuse(cls: type[BaseModel], problems: Iterable[tuple[tuple[int | str, ...], str]]) -> None:
    """Raise one validation error that points at each problem's own place in the file."""
    errors: list[InitErrorDetails] = []
    for place, text in problems:
        error = PydanticCustomError("release", "{text}", {"text": text})
        errors.append({"type": error, "loc": place, "input": str(place[-1])})
    if errors:
        raise ValidationError.from_exception_data(cls.__name__, errors)


@dataclass(frozen=True)
class Meeting:
    """A meeting by its last day. Times are UTC; minutes None: not announced, or it has none of its own."""

    date: dt.date
    number: int | None
    scheduled: bool
    statement: dt.datetime
    minutes: dt.datetime | None


@cache
def load_meetings(name: str, config_dir: Path = CONFIG_DIR) -> tuple[Meeting, ...]:
    """The meetings of config_dir/releases/<name>.yaml; raises SettingsError naming file, line and field."""
    file: MeetingFile = parse_file(_path(name, config_dir), MeetingFile)
    return tuple(
        Meeting(
            m.date,
            m.number,
            m.scheduled,
            _instant(m.statement, m.date, file.time, file.tz),
            _instant(m.minutes, m.date, file.minutes_time, file.tz) if m.minutes else None,
        )
        for m in file.meetings
    )


@cache
def release_times(name: str, config_dir: Path = CONFIG_DIR) -> pl.DataFrame:
    """event_date (Date, unique, in order) and knowledge_time (UTC) of a list.

    name: 'us_cpi', or of meetings 'fomc_meetings' (their statements) and 'fomc_meetings.minutes'. Raises SettingsError
    for an unknown name or a wrong file.
    """
    stem, _, part = name.partition(".")
    times: dict[dt.date, dt.datetime]
    if stem.endswith(MEETINGS) and part in ("", STATEMENT, MINUTES):
        found = {m.date: m.minutes if part == MINUTES else m.statement for m in load_meetings(stem, config_dir)}
        times = {day: time for day, time in found.items() if time is not None}
    else:
        file: ReleaseFile = parse_file(_path(name, config_dir), ReleaseFile)
        times = {event: _instant(stamp, event, file.time, file.tz) for event, stamp in file.days.items()}
    columns = {"event_date": list(times), "knowledge_time": list(times.values())}
    return pl.DataFrame(columns, schema={"event_date": pl.Date(), "knowledge_time": UTC_TIME})


def _instant(written: Stamp | Hour | None, day: dt.date, at: dt.time, tz: str) -> dt.datetime:
    """The UTC instant of a release; day and at hold where nothing else is written."""
    if written is not None:
        at = written.at or at
        day = written.day if isinstance(written, Stamp) else day
    return first_instant(dt.datetime.combine(day, at), tz)


def _path(name: str, config_dir: Path) -> Path:
    path = config_dir / "releases" / f"{name}.yaml"
    if not path.is_file():
        names = ", ".join(sorted(p.stem for p in path.parent.glob("*.yaml"))) or f"none in {path.parent}"
        raise SettingsError(
            f"no release list '{name}'; allowed: {names}, and of meetings also <name>.{MINUTES} or <name>.{STATEMENT}"
        )
    return path
