"""Rows added after its as_of to a session that was written before are late: they were not known that morning."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

from macro_fund.home import Home
from macro_fund.orchestration.bronze import take_in
from macro_fund.orchestration.run import Run
from macro_fund.sample.transport import SampleTransport
from macro_fund.sources import bcb_ptax
from macro_fund.sources.http import Reply, Request, Transport, TransportError
from macro_fund.store.tables import FAILURES, TABLES
from macro_fund_tests.graph import harness

TABLE = TABLES["bronze/bcb_ptax"]
INCEPTION = date(2024, 4, 1)
MORNING, NEXT = date(2024, 4, 2), date(2024, 4, 3)


class Down:
    """A provider that does not answer."""

    waits = False

    def send(self, request: Request, timeout_s: float) -> Reply:
        raise TransportError("connection refused")


@dataclass(frozen=True)
class Watched(Home):
    """A fund on the sample world whose clock runs, as a live one does: the instant at which it fetches is given."""

    moment: datetime | None = None
    down: bool = False

    def transport(self, as_of: datetime) -> Transport:
        return Down() if self.down else SampleTransport(self.settings.fund.sample_seed, now=self.moment)

    def clock(self, as_of: datetime) -> Callable[[], datetime]:
        return lambda: self.moment or as_of


@pytest.fixture
def fund(tmp_path: Path) -> Watched:
    """A fund with its opening partition, fetched on time."""
    home = harness.open_fund(tmp_path / "home", INCEPTION, date(2024, 3, 1))
    watched = Watched(home.path, home.settings)
    assert not fetch(at(watched, INCEPTION), INCEPTION)["late"].any()
    return watched


def at(fund: Watched, key: date, after: timedelta = timedelta(minutes=-20), *, down: bool = False) -> Watched:
    """The fund as it fetches some time after the as_of of `key`."""
    return replace(fund, moment=fund.sessions.as_of(key) + after, down=down)


def fetch(fund: Watched, *keys: date) -> pl.DataFrame:
    """Materialize bronze/bcb_ptax for the keys; its rows."""
    run = Run(fund, TABLE, keys)
    output = take_in(bcb_ptax, run)
    assert dict((t.key, r.height) for t, r in output.side)[FAILURES.key] == (len(keys) if fund.down else 0)
    for key, part in run.split(output.frame).items():
        fund.lake.write(TABLE, key, part)
    return output.frame


def test_a_key_that_is_run_again_days_later_gets_late_rows(fund: Watched) -> None:
    assert fetch(at(fund, MORNING, down=True), MORNING).is_empty()
    rows = fetch(at(fund, MORNING, timedelta(days=9)), MORNING)
    assert rows["event_date"].unique().to_list() == [date(2024, 4, 1)]
    assert rows["late"].all()
    assert rows["session"].unique().to_list() == [MORNING]


def test_a_key_that_is_run_again_before_its_as_of_is_on_time(fund: Watched) -> None:
    fetch(at(fund, MORNING, timedelta(minutes=-20), down=True), MORNING)
    rows = fetch(at(fund, MORNING, timedelta(minutes=-5)), MORNING)
    assert rows.height == 2
    assert not rows["late"].any()


def test_rows_that_were_there_keep_their_mark(fund: Watched) -> None:
    on_time = fetch(at(fund, MORNING), MORNING)
    assert on_time.height == 2
    assert fetch(at(fund, MORNING, timedelta(days=9)), MORNING).equals(on_time)


def test_a_key_that_is_run_for_the_first_time_is_not_reopened(fund: Watched) -> None:
    """A catch-up after days without a run: its first key holds what was public then, as a run in time would."""
    rows = fetch(at(fund, MORNING, timedelta(days=9)), MORNING)
    assert rows.height == 2
    assert not rows["late"].any()


def test_only_the_keys_that_were_written_are_reopened_in_a_range(fund: Watched) -> None:
    fetch(at(fund, MORNING, down=True), MORNING)
    rows = fetch(at(fund, NEXT, timedelta(days=9)), MORNING, NEXT)
    late = dict(rows.group_by("session").agg(pl.col("late").all()).rows())
    assert late == {MORNING: True, NEXT: False}


def test_the_opening_partition_is_reopened_as_a_whole(fund: Watched) -> None:
    whole = fund.lake.read(TABLE.key, only=[INCEPTION])
    fund.lake.write(TABLE, INCEPTION, whole.filter(pl.col("event_date") < date(2024, 3, 20)))
    rows = fetch(at(fund, INCEPTION, timedelta(days=9)), INCEPTION)
    assert (
        rows.drop("late", "fetched_at", "payload_sha256")
        .sort(pl.all())
        .equals(whole.drop("late", "fetched_at", "payload_sha256").sort(pl.all()))
    )
    assert rows.filter("late")["event_date"].min() == date(2024, 3, 20)
    assert rows.filter("late")["session"].min() == date(2024, 3, 21)


def test_replay_of_an_old_key_marks_nothing(fund: Watched) -> None:
    """A frozen clock stands at the as_of of each key, however many are run at once."""
    frozen = Home(fund.path, fund.settings)
    for key in (MORNING, NEXT):
        frozen.lake.write(TABLE, key, TABLE.empty())
    rows = take_in(bcb_ptax, Run(frozen, TABLE, (MORNING, NEXT))).frame
    assert rows.height == 4
    assert not rows["late"].any()
