"""Release lists: what a wrong file says, what the lists must satisfy, and that no day is before the replay data's."""

from __future__ import annotations

import datetime as dt
import importlib.util
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from zoneinfo import ZoneInfo

import pandas as pd
import polars as pl
import pytest
from pandas.tseries.holiday import USFederalHolidayCalendar

from macro_fund.settings import CONFIG_DIR, Publication, SettingsError
from macro_fund.time.calendars import load_calendar
from macro_fund.time.publication import knowledge
from macro_fund.time.releases import load_meetings, release_times

D = dt.date
NY, SP = "America/New_York", "America/Sao_Paulo"
REPLAY = Path(__file__).resolve().parents[2] / "../shared/realworld"
NAMES = sorted(p.stem for p in (CONFIG_DIR / "releases").glob("*.yaml"))
DATA_END = dt.datetime(2022, 1, 1, tzinfo=dt.UTC)


# The files of the project


@pytest.mark.parametrize("name", [*NAMES, "copom_meetings.minutes", "fomc_meetings.minutes"])
def test_every_list_reads_in_order_and_once(name: str) -> None:
    times = release_times(name)
    assert times.schema == {"event_date": pl.Date(), "knowledge_time": pl.Datetime("us", "UTC")}
    assert times["event_date"].is_sorted()
    assert times["event_date"].is_unique().all()
    assert times["knowledge_time"].null_count() == 0


def test_the_names_that_series_refer_to() -> None:
    wanted = {"us_employment", "us_cpi", "us_gdp", "br_ipca", "cftc", "copom_meetings", "fomc_meetings"}
    assert wanted <= set(NAMES)


@pytest.mark.parametrize(("name", "first", "last"), [("us_employment", D(2009, 12, 1), D(2026, 11, 1))])
def test_no_month_is_missing(name: str, first: D, last: D) -> None:
    assert release_times(name)["event_date"].to_list() == pl.date_range(first, last, "1mo", eager=True).to_list()


def test_months_left_out_on_purpose() -> None:
    cpi = set(release_times("us_cpi").filter(pl.col("event_date") >= D(2016, 11, 1))["event_date"])
    months = set(pl.date_range(D(2016, 11, 1), D(2026, 11, 1), "1mo", eager=True))
    assert months - cpi == {D(2025, 10, 1)}  # never published
    gdp = set(release_times("us_gdp").filter(pl.col("event_date") >= D(2017, 1, 1))["event_date"])
    assert gdp == set(pl.date_range(D(2017, 1, 1), D(2026, 1, 1), "1q", eager=True))
    ipca = release_times("br_ipca")["event_date"].to_list()
    # the replay data serve months before 2022 by a lag, at times later than the real release
    assert ipca == pl.date_range(D(2022, 1, 1), D(2026, 11, 1), "1mo", eager=True).to_list()


def test_releases_are_on_working_days() -> None:
    offices = {"us_employment": "us_federal", "us_cpi": "us_federal", "us_gdp": "us_federal", "cftc": "us_federal"}
    offices |= {"br_ipca": "anbima", "br_focus": "anbima", "br_ibcbr": "anbima", "copom_meetings.minutes": "anbima"}
    for name, calendar in offices.items():
        zone = SP if calendar == "anbima" else NY
        days = release_times(name)["knowledge_time"].dt.convert_time_zone(zone).dt.date().to_list()
        closed = [d for d in days if not load_calendar(calendar).is_business_day(d)]
        assert closed == [], name


def test_copom_meets_on_working_wednesdays_and_numbers_follow() -> None:
    meetings = load_meetings("copom_meetings")
    assert [m.number for m in meetings] == list(range(104, 292))
    assert {m.date.weekday() for m in meetings} == {2}
    assert all(m.scheduled for m in meetings)
    assert {(m.minutes.date() - m.date).days for m in meetings if m.minutes} == {5, 6, 7, 8, 9}
    march = next(m for m in meetings if m.number == 229)
    assert (march.date, march.statement) == (D(2020, 3, 18), dt.datetime(2020, 3, 18, 21, 30, tzinfo=dt.UTC))


def test_fomc_meets_eight_times_a_year_and_at_times_unscheduled() -> None:
    meetings = load_meetings("fomc_meetings")
    scheduled = [m.date.year for m in meetings if m.scheduled]
    assert {y: scheduled.count(y) for y in set(scheduled)} == {y: 7 if y == 2020 else 8 for y in range(2009, 2028)}
    unscheduled = [D(2010, 5, 9), D(2019, 10, 4), D(2020, 3, 3), D(2020, 3, 15), D(2020, 3, 23)]
    assert [m.date for m in meetings if not m.scheduled] == unscheduled
    hours = {m.statement.astimezone(ZoneInfo(NY)).time() for m in meetings if m.scheduled and m.date.year >= 2014}
    assert hours == {dt.time(14)}
    late = [m for m in meetings if m.scheduled and m.minutes and not 19 <= (m.minutes.date() - m.date).days <= 23]
    assert late == []


def test_federal_holidays_are_those_of_the_law() -> None:
    """pandas knows the law; the executive orders are ours alone."""
    ours = {d for d in load_calendar("us_federal").holidays(dt.date.max).astype(object)}
    law = {
        d.date() for d in USFederalHolidayCalendar().holidays(pd.Timestamp("2000-01-01"), pd.Timestamp("2035-12-31"))
    }
    assert law - ours == set()
    assert sorted(d.isoformat() for d in ours - law) == [
        *("2001-12-24", "2003-12-26", "2004-06-11", "2007-01-02", "2007-12-24", "2008-12-26", "2012-12-24"),
        *("2014-12-26", "2018-12-05", "2018-12-24", "2019-12-24", "2020-12-24", "2024-12-24", "2025-01-09"),
        *("2025-12-24", "2025-12-26"),
    ]


# Wrong files

HEAD = "title: A release\nsource: typed in from the schedule\ntime: '08:30'\ntz: America/New_York\n"
MEETING_HEAD = HEAD + "minutes_time: '14:00'\nmeetings:\n"


def _write(folder: Path, name: str, text: str) -> Path:
    path = folder / "releases" / f"{name}.yaml"
    path.parent.mkdir(exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("text", "line", "problem"),
    [
        (HEAD + "days:\n  2020-01-01: 2020-02-07\n  2020-01-01: 2020-02-08\n", 7, "'2020-01-01' is given twice"),
        (HEAD + "days:\n  2020-02-01: 2020-03-06\n  2020-01-01: 2020-02-07\n", 7, "keep the event dates in order"),
        (HEAD + "days:\n  2020-01-01: 2020-02-07\n  2020-02-01: 2020-02-06\n", 7, "before the release of 2020-01-01"),
        (HEAD + "days:\n  2020-01-01: 2019-12-07\n", 6, "must be 0 to 200 days after 2020-01-01"),
        (HEAD + "days:\n  2020-01-01: 2021-02-07\n", 6, "released on 2021-02-07: must be 0 to 200 days"),
        (HEAD + "days:\n  2020-01-01: 2020-02-30\n", 6, "is not a date"),
        (HEAD + "days:\n  2020-01-01: '2020-02-07 8:30'\n", 6, "a day and an hour as '2013-10-22 15:30'"),
        (HEAD + "days:\n  2020-01-01: '08:30'\n", 6, "write a day as 2013-10-22"),
        (HEAD + "days:\n  2020-01-01: '2020-02-07 25:30'\n", 6, "hour must be in 0..23"),
        (HEAD + "days:\n  2020-Q1: 2020-04-29\n", 6, "valid date"),
        (HEAD + "days:\n  2020-01-01: 7\n", 6, "write a day as 2013-10-22"),
        (HEAD + "days: {}\n", 5, "at least 1 item"),
        (HEAD.replace("'08:30'", "18:30") + "days:\n  2020-01-01: 2020-02-07\n", 3, "write the hour in quotes"),
        (
            HEAD.replace("New_York", "Nowhere") + "days:\n  2020-01-01: 2020-02-07\n",
            4,
            "no time zone 'America/Nowhere'",
        ),
        (HEAD.replace("source: ", "origin: ") + "days:\n  2020-01-01: 2020-02-07\n", 2, "origin: Extra inputs"),
        (HEAD + "meetings: []\ndays:\n  2020-01-01: 2020-02-07\n", 5, "meetings: Extra inputs are not permitted"),
    ],
)
def test_a_wrong_list_names_file_line_and_field(tmp_path: Path, text: str, line: int, problem: str) -> None:
    path = _write(tmp_path, "wrong", text)
    with pytest.raises(SettingsError) as error:
        release_times("wrong", tmp_path)
    assert f"{path}:{line}: " in str(error.value)
    assert problem in str(error.value)


@pytest.mark.parametrize(
    ("entries", "line", "problem"),
    [
        ("  - {date: 2020-01-29}\n  - {date: 2020-01-28}\n", 8, "keep the meetings in order"),
        ("  - {date: 2020-01-29, number: 1}\n  - {date: 2020-03-18, number: 3}\n", 8, "3 follows 1"),
        ("  - {date: 2020-01-29, minutes: 2020-01-28}\n", 7, "must be 0 to 200 days after the meeting"),
        ("  - {date: 2020-01-29, statement: '2021-01-29 14:00'}\n", 7, "must be 0 to 200 days after the meeting"),
        ("  - {date: 2020-01-29, statement: 14}\n", 7, "write a day as"),
        ("  - {date: 2020-01-29, minutes: '14:00'}\n", 7, "write a day as"),
        ("  - {date: 2020-01-29, schedule: true}\n", 7, "schedule: Extra inputs"),
    ],
)
def test_wrong_meetings_name_file_line_and_field(tmp_path: Path, entries: str, line: int, problem: str) -> None:
    path = _write(tmp_path, "x_meetings", MEETING_HEAD + entries)
    with pytest.raises(SettingsError) as error:
        load_meetings("x_meetings", tmp_path)
    assert f"{path}:{line}: " in str(error.value)
    assert problem in str(error.value)


def test_hours_of_their_own(tmp_path: Path) -> None:
    _write(tmp_path, "one", HEAD + "days:\n  2020-01-01: 2020-02-07\n  2020-02-01: '2020-03-09 16:00'\n")
    found = [f"{t:%Y-%m-%d %H:%M}" for t in release_times("one", tmp_path)["knowledge_time"]]
    assert found == ["2020-02-07 13:30", "2020-03-09 20:00"]
    entries = (
        "  - {date: 2020-03-03, scheduled: false, statement: '10:00'}\n  - {date: 2020-04-29, minutes: 2020-05-20}\n"
    )
    _write(tmp_path, "a_meetings", MEETING_HEAD + entries)
    one, two = load_meetings("a_meetings", tmp_path)
    assert (one.statement.hour, one.minutes, one.scheduled) == (15, None, False)
    assert (two.statement.hour, two.minutes) == (12, dt.datetime(2020, 5, 20, 18, tzinfo=dt.UTC))
    assert release_times("a_meetings.minutes", tmp_path)["event_date"].to_list() == [D(2020, 4, 29)]
    assert release_times("a_meetings", tmp_path).equals(release_times("a_meetings.statement", tmp_path))


@pytest.mark.parametrize("name", ["us_cip", "us_cpi.minutes", "fomc_meetings.votes", ""])
def test_an_unknown_name_says_what_there_is(name: str) -> None:
    with pytest.raises(SettingsError, match=f"no release list '{name}'; allowed: br_focus, .*fomc_meetings"):
        release_times(name)


# Never before the replay data


@pytest.fixture(scope="module")
def replay() -> ModuleType:
    path = REPLAY / "providers/us.py"
    if not path.is_file():
        pytest.skip(f"no replay data at {path}")
    spec = importlib.util.spec_from_file_location("replay_us", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["replay_us"] = module
    written, sys.dont_write_bytecode = sys.dont_write_bytecode, True
    spec.loader.exec_module(module)
    sys.dont_write_bytecode = written
    return module


def _rule(kind: str, n: int, at: str, release: str) -> Publication:
    fields = {"kind": kind, "n": n, "at": at, "tz": NY, "calendar": "us_federal", "release": release}
    return Publication.model_validate(fields)


def _compare(
    events: list[D], rule: Publication, frequency: str, served: Callable[[D], dt.datetime]
) -> tuple[set[D], set[D]]:
    """Events that are dated before they are served, and those that are dated later."""
    times = knowledge(pl.Series(events, dtype=pl.Date), rule, frequency)["knowledge_time"]
    pairs = [(e, t, served(e)) for e, t in zip(events, times, strict=True) if served(e) < DATA_END]
    return {e for e, t, s in pairs if t < s}, {e for e, t, s in pairs if t > s}


def test_positions_are_never_early_and_late_only_when_offices_were_closed(replay: ModuleType) -> None:
    """The replay's federal holidays are not moved from a Saturday to Friday, and know few executive orders."""
    seen = {d for f in ("tff", "legacy") for d in pl.read_parquet(REPLAY / f"data/us_cot_{f}.parquet")["date"].unique()}
    tuesdays = set(pl.date_range(D(2010, 1, 5), D(2021, 12, 28), "1w", eager=True))
    early, late = _compare(sorted(seen | tuesdays), _rule("business_days", 3, "15:30", "cftc"), "W", replay.cot_release)
    assert early == set()
    assert not late & {d for d in replay._COT_RELEASE if d in seen}
    closed = load_calendar("us_federal")
    for day in late & seen:
        week = [day + dt.timedelta(days=n) for n in (1, 2, 3)]
        assert any(replay.is_bd(d) and not closed.is_business_day(d) for d in week), day
    assert len(late & seen) == 13


def test_employment_is_on_the_day_of_the_replay(replay: ModuleType) -> None:
    months = pl.date_range(D(2010, 1, 1), D(2021, 12, 1), "1mo", eager=True).to_list()
    rule = _rule("after_period", 10, "08:30", "us_employment")
    assert _compare(months, rule, "M", lambda d: replay.published("NFP@08:30", d, "M")) == (set(), set())


@pytest.mark.parametrize(("kind", "name", "step", "lag"), [("CPI", "us_cpi", "M", 20), ("GDP", "us_gdp", "Q", 30)])
def test_cpi_and_gdp_are_on_the_recorded_day_and_else_never_early(
    replay: ModuleType, kind: str, name: str, step: str, lag: int
) -> None:
    path = REPLAY / "data/us_release_dates.parquet"
    recorded = replay._releases(((str(path), path.stat().st_mtime_ns),))
    every = "1mo" if step == "M" else "1q"
    periods = pl.date_range(D(2010, 1, 1), D(2021, 12, 1), every, eager=True).to_list()
    early, late = _compare(
        periods,
        _rule("after_period", lag, "08:30", name),
        step,
        lambda d: replay.published(f"{kind}@08:30", d, step, recorded),
    )
    assert early == set()
    assert not late & {ref for what, ref in [*recorded, *replay._ANNOUNCED] if what == kind}


def test_fomc_statements_and_minutes_are_on_the_day_of_the_replay(replay: ModuleType) -> None:
    documents = pl.read_parquet(REPLAY / "data/us_fomc_docs.parquet").filter(pl.col("date") >= D(2009, 1, 1))
    meetings = {m.date: m for m in load_meetings("fomc_meetings")}
    for row in documents.select("date", "release", "type").iter_rows(named=True):
        meeting = meetings[row["date"]]
        ours = meeting.minutes if row["type"] == "Minutes" else meeting.statement
        assert ours == replay.fed_release(row), row
    assert documents.height > 120


def test_copom_minutes_are_never_before_the_replay() -> None:
    path = REPLAY / "data/br_copom.parquet"
    if not path.is_file():
        pytest.skip(f"no replay data at {path}")
    rows = pl.read_parquet(path).filter(pl.col("nro") >= 104).select("nro", "end", "date", "pub")
    meetings = {m.number: m for m in load_meetings("copom_meetings")}
    assert rows.height == 140
    for number, end, day, served in rows.iter_rows():
        meeting = meetings[number]
        assert meeting.date == end
        assert meeting.minutes is not None
        assert meeting.minutes.timestamp() >= served
        # the BCB's own list has the minutes of meeting 122 a day later
        assert meeting.minutes.date() == (D(2006, 10, 26) if number == 122 else day)
