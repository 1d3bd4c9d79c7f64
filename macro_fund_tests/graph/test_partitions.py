"""Partition keys: the fund's sessions, nothing from the future, and what the schedule asks for."""

from __future__ import annotations

from datetime import date, datetime
from zoneinfo import ZoneInfo

import dagster as dg
import pytest
from dagster._core.definitions.partitions.context import partition_loading_context

from macro_fund.home import Home
from macro_fund.orchestration import partitions
from macro_fund.orchestration.partitions import FIRST, LAST, SESSIONS, TIMEZONE, UnknownPartition, check_keys, closures
from macro_fund.orchestration.resources import FundResource
from macro_fund.orchestration.schedules import morning
from macro_fund.time.sessions import sessions
from macro_fund_tests.graph import harness
from macro_fund_tests.graph.conftest import CopyHome
from macro_fund_tests.graph.harness import INCEPTION

SAO_PAULO = ZoneInfo(TIMEZONE)
GOOD_FRIDAY, SATURDAY = date(2024, 3, 29), date(2024, 4, 6)
FRIDAY, MONDAY = date(2024, 4, 5), date(2024, 4, 8)


def at(day: date, hour: int, minute: int = 0) -> datetime:
    return datetime(day.year, day.month, day.day, hour, minute, tzinfo=SAO_PAULO)


def last_of_dagster(now: datetime) -> date:
    with partition_loading_context(effective_dt=now):
        key = SESSIONS.get_last_partition_key()
    assert key is not None
    return date.fromisoformat(key)


def test_keys_are_the_sessions():
    with partition_loading_context(effective_dt=at(LAST, 12)):
        keys = [date.fromisoformat(k) for k in SESSIONS.get_partition_keys()]
    assert keys == sessions().keys(FIRST, LAST)
    assert keys[0] == date(2010, 1, 4)


def test_closures_are_weekdays_without_a_session():
    found = closures(date(2024, 1, 1), date(2024, 12, 31))
    # B3, 2024: New Year, Carnival (2), Good Friday, Labour Day, Corpus Christi, 15 and 20 November, 24, 25, 31 December
    assert found == [
        date(2024, m, d)
        for m, d in (
            (1, 1),
            (2, 12),
            (2, 13),
            (3, 29),
            (5, 1),
            (5, 30),
            (11, 15),
            (11, 20),
            (12, 24),
            (12, 25),
            (12, 31),
        )
    ]


def test_a_session_is_a_partition_on_its_own_morning():
    assert last_of_dagster(at(FRIDAY, 8, 35)) == FRIDAY
    assert last_of_dagster(at(MONDAY, 0, 1)) == MONDAY


@pytest.mark.parametrize(("day", "shown"), [(SATURDAY, MONDAY), (GOOD_FRIDAY, date(2024, 4, 1))])
def test_dagster_shows_a_future_partition_on_days_without_a_session(day: date, shown: date):
    """Dagster issue 33551: end_offset with exclusions. When this fails, it is mended; `check_keys` stays needed."""
    assert last_of_dagster(at(day, 12)) == shown


def clock(monkeypatch: pytest.MonkeyPatch, moment: datetime) -> None:
    monkeypatch.setattr(partitions, "now", lambda: moment)


@pytest.mark.parametrize(
    ("moment", "newest"),
    [
        (at(SATURDAY, 12), FRIDAY),
        (at(MONDAY, 8, 34), FRIDAY),
        (at(MONDAY, 8, 35), MONDAY),
        (at(MONDAY, 18), MONDAY),
    ],
)
def test_the_guard_lets_a_session_in_from_the_schedule_on(
    opened_home: Home, monkeypatch: pytest.MonkeyPatch, moment: datetime, newest: date
):
    clock(monkeypatch, moment)
    assert check_keys([newest.isoformat()], opened_home) == [newest]
    after = opened_home.sessions.offset(newest, 1)
    with pytest.raises(UnknownPartition) as caught:
        check_keys([newest.isoformat(), after.isoformat()], opened_home)
    text = str(caught.value)
    assert text == (
        f"partition {after} has not come: its data are public at {after} 11:55 UTC; the latest session is {newest}"
    )


def test_the_guard_refuses_a_key_before_the_fund_opened(opened_home: Home):
    with pytest.raises(UnknownPartition) as caught:
        check_keys(["2024-03-28", INCEPTION.isoformat()], opened_home)
    assert str(caught.value) == (
        "partition 2024-03-28: this fund opened on 2024-04-01, whose partition holds all history before it; "
        "materialize 2024-04-01 or a later session"
    )


def test_the_guard_gives_the_keys_in_order(opened_home: Home):
    assert check_keys(["2024-04-03", "2024-04-02"], opened_home) == [date(2024, 4, 2), date(2024, 4, 3)]


def test_a_run_of_a_future_key_writes_nothing_and_says_why(
    opened_home: Home, copy_home: CopyHome, monkeypatch: pytest.MonkeyPatch
):
    home = copy_home(opened_home)
    clock(monkeypatch, at(INCEPTION, 12))
    report = harness.run_assets(home, ["silver/ust_curve"], date(2024, 4, 2))
    assert not report.success
    assert any("partition 2024-04-02 has not come" in s.error for s in report.steps)
    assert home.lake.keys("silver/ust_curve") == [INCEPTION]


@pytest.mark.parametrize("key", [GOOD_FRIDAY.isoformat(), SATURDAY.isoformat()])
def test_dagster_itself_refuses_a_day_that_is_no_session(key: str):
    with pytest.raises(dg.DagsterUnknownPartitionError, match=key):
        harness.graph().resolve_job_def("morning").execute_in_process(
            partition_key=key, instance=dg.DagsterInstance.ephemeral()
        )


# the schedule


def tick(home: Home, moment: datetime) -> dg.RunRequest | dg.SkipReason:
    with dg.build_schedule_context(
        scheduled_execution_time=moment, resources={"fund": FundResource(path=str(home.path))}
    ) as context:
        found = morning(context)
    assert isinstance(found, (dg.RunRequest, dg.SkipReason))
    return found


@pytest.mark.parametrize("day", [INCEPTION, FRIDAY, MONDAY, date(2030, 12, 27)])
def test_the_schedule_asks_for_the_session_of_its_day(opened_home: Home, day: date):
    asked = tick(opened_home, at(day, 8, 35))
    assert isinstance(asked, dg.RunRequest)
    assert (asked.partition_key, asked.run_key) == (day.isoformat(), f"morning-{day}")


def test_what_the_schedule_asks_for_is_let_in(opened_home: Home, monkeypatch: pytest.MonkeyPatch):
    asked = tick(opened_home, at(MONDAY, 8, 35))
    assert isinstance(asked, dg.RunRequest)
    clock(monkeypatch, at(MONDAY, 8, 35))
    assert check_keys([str(asked.partition_key)], opened_home) == [MONDAY]


@pytest.mark.parametrize(
    ("day", "why"),
    [
        (GOOD_FRIDAY, "2024-03-29 is not a B3 session"),
        (SATURDAY, "2024-04-06 is not a B3 session"),
        (date(2024, 5, 1), "2024-05-01 is not a B3 session"),
        (date(2024, 3, 28), "2024-03-28 is before this fund's inception 2024-04-01"),
    ],
)
def test_the_schedule_skips_other_days_and_says_why(opened_home: Home, day: date, why: str):
    skipped = tick(opened_home, at(day, 8, 35))
    assert isinstance(skipped, dg.SkipReason)
    assert skipped.skip_message == why


def test_the_schedule_ticks_on_the_morning_of_every_session():
    """08:35 in Sao Paulo on weekdays, also while Brazil still had summer time; every session is a weekday."""
    assert (morning.cron_schedule, morning.execution_timezone) == ("35 8 * * 1-5", TIMEZONE)
    assert {d.weekday() for d in sessions().keys(FIRST, LAST)} == {0, 1, 2, 3, 4}
