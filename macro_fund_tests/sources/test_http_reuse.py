"""What the archive holds since the window's end is not asked again; anything else is."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from polars.testing import assert_frame_equal

from macro_fund.sample.transport import SampleTransport
from macro_fund.settings import Source, default_settings
from macro_fund.sources import us_treasury
from macro_fund.sources.http import FINAL_AFTER, Http, Payload, Reply, Request, SourceError, Transport
from macro_fund.sources.ingest import Ingested, Window, ingest
from macro_fund.store.archive import Archive
from macro_fund.store.tables import PROVENANCE, TABLES
from macro_fund.time.sessions import sessions
from macro_fund_tests.sample.asking import SEED

SINCE = datetime(2021, 6, 7, 11, 55, tzinfo=UTC)
ASK = Request("bcb_sgs", "GET", "https://api.bcb.gov.br/x?a=1", "SGS 433", ("br_ipca_mom",))
POST = replace(ASK, method="POST", body=b"{}")
MANNERS = {name: Source(min_interval_s=0, attempts=3) for name in ("bcb_sgs", "us_treasury")}


@dataclass
class Counting:
    """Counts the questions and passes them on; the process is killed at question number `dies_at`."""

    answers: Transport | Iterator[Reply]
    dies_at: int = 10**6
    waits: bool = False
    asked: list[Request] = field(default_factory=list)

    def send(self, request: Request, timeout_s: float) -> Reply:
        self.asked.append(request)
        if len(self.asked) == self.dies_at:
            raise KeyboardInterrupt
        return next(self.answers) if isinstance(self.answers, Iterator) else self.answers.send(request, timeout_s)


@pytest.fixture
def archive(tmp_path: Path) -> Iterator[Archive]:
    kept = Archive(tmp_path / "raw")
    yield kept
    kept.close()


def _replies(*bodies: bytes, status: int = 200) -> Iterator[Reply]:
    return iter([Reply(status, {}, body) for body in bodies])


def _keep(archive: Archive, body: bytes, after: timedelta, request: Request = ASK, status: int = 200) -> None:
    """The archive gets an answer that came so long after SINCE."""
    http = Http(Counting(_replies(body, status=status)), MANNERS, archive, lambda: SINCE + after)
    http.fetch(request)


def _http(archive: Archive, transport: Counting, since: datetime | None = SINCE) -> Http:
    later = SINCE + timedelta(days=30)
    return Http(transport, MANNERS, archive, lambda: later, reuse_since=since)


def _readable(payload: Payload) -> None:
    if payload.body.startswith(b"<"):
        raise SourceError(payload.request, "a page, no data", transient=True)


@pytest.mark.parametrize("after", [timedelta(0), timedelta(microseconds=1), timedelta(days=3)])
def test_an_answer_since_then_is_not_asked_again(archive: Archive, after: timedelta) -> None:
    _keep(archive, b"kept", after)
    http = _http(archive, transport := Counting(_replies(b"new")))
    payload = http.fetch(ASK, _readable)
    assert (payload.body, payload.status, payload.fetched_at) == (b"kept", 200, SINCE + after)
    assert payload.sha256 == archive.first_after(ASK, SINCE - timedelta(days=1)).sha256  # type: ignore[union-attr]
    assert (len(transport.asked), http.sent, http.reused, archive.count()) == (0, 0, 1, 1)


def test_an_older_answer_is_asked_again(archive: Archive) -> None:
    _keep(archive, b"kept", timedelta(microseconds=-1))
    http = _http(archive, transport := Counting(_replies(b"new")))
    assert http.fetch(ASK).body == b"new"
    assert (len(transport.asked), http.sent, http.reused, archive.count()) == (1, 1, 0, 2)


@pytest.mark.parametrize("status", [204, 400, 404])
def test_an_answer_without_data_is_asked_again(archive: Archive, status: int) -> None:
    _keep(archive, b"kept", timedelta(1), status=status)
    http = _http(archive, Counting(_replies(b"new")))
    assert http.fetch(ASK).body == b"new"
    assert (http.sent, http.reused) == (1, 0)


def test_an_answer_that_cannot_be_read_is_asked_again(archive: Archive) -> None:
    _keep(archive, b"<html>", timedelta(1))
    http = _http(archive, Counting(_replies(b"new")))
    assert http.fetch(ASK, _readable).body == b"new"
    assert (http.sent, http.reused) == (1, 0)


def test_the_good_answer_behind_broken_ones_is_found(archive: Archive) -> None:
    for hours, (body, status) in enumerate([(b"<html>", 200), (b"no", 404), (b"good", 200), (b"newest", 200)]):
        _keep(archive, body, timedelta(hours=hours), status=status)
    http = _http(archive, transport := Counting(_replies()))
    assert http.fetch(ASK, _readable).body == b"good"
    assert (len(transport.asked), http.reused) == (0, 1)


def test_a_failure_of_our_own_check_is_not_hidden(archive: Archive) -> None:
    _keep(archive, b"kept", timedelta(1))

    def wrong(payload: Payload) -> None:
        raise KeyError("a defect of the connector")

    with pytest.raises(KeyError):
        _http(archive, Counting(_replies(b"new"))).fetch(ASK, wrong)


@pytest.mark.parametrize(
    "other",
    [
        replace(ASK, url=f"{ASK.url}&b=2"),
        POST,
        replace(POST, body=b'{"page": 2}'),
        replace(POST, method="GET"),
    ],
)
def test_another_question_is_asked(archive: Archive, other: Request) -> None:
    _keep(archive, b"kept", timedelta(1), replace(POST, body=b'{"page": 1}'))
    _keep(archive, b"kept", timedelta(1), ASK)
    http = _http(archive, transport := Counting(_replies(b"new")))
    assert http.fetch(other).body == b"new"
    assert (len(transport.asked), http.reused) == (1, 0)


def test_the_same_body_is_not_asked_again(archive: Archive) -> None:
    _keep(archive, b"kept", timedelta(1), POST)
    assert _http(archive, Counting(_replies())).fetch(POST).body == b"kept"


def test_without_a_moment_or_an_archive_everything_is_asked(archive: Archive) -> None:
    _keep(archive, b"kept", timedelta(1))
    assert _http(archive, Counting(_replies(b"new")), since=None).fetch(ASK).body == b"new"
    alone = Http(Counting(_replies(b"new")), MANNERS, None, lambda: SINCE, reuse_since=SINCE)
    assert alone.fetch(ASK).body == b"new"


@pytest.mark.parametrize(("after", "reused"), [(timedelta(microseconds=-1), 0), (timedelta(0), 1), (timedelta(400), 1)])
@pytest.mark.parametrize("since", [None, SINCE + timedelta(days=900)])
def test_a_days_file_is_final_after_a_while(
    archive: Archive, after: timedelta, reused: int, since: datetime | None
) -> None:
    midnight = datetime(SINCE.year, SINCE.month, SINCE.day, tzinfo=UTC)
    file = replace(ASK, day=SINCE.date())
    _keep(archive, b"kept", midnight + FINAL_AFTER + after - SINCE, file)
    http = _http(archive, Counting(_replies(b"new")), since)
    assert http.fetch(file).body == (b"kept" if reused else b"new")
    assert (http.sent, http.reused) == (1 - reused, reused)


def test_a_days_file_of_the_window_that_opens_is_not_asked_again(archive: Archive) -> None:
    file = replace(ASK, day=SINCE.date())
    _keep(archive, b"kept", timedelta(hours=1), file)
    assert _http(archive, Counting(_replies())).fetch(file).body == b"kept"


def test_each_attempt_is_counted(archive: Archive) -> None:
    http = _http(archive, Counting(iter([Reply(503, {}, b""), Reply(503, {}, b""), Reply(200, {}, b"x")])))
    http.fetch(ASK)
    assert (http.sent, http.reused) == (3, 0)


TABLE = sessions()
KEY = date(2021, 6, 7)
CURVES = [
    s.model_copy(update={"start": date(2019, 1, 2)})
    for s in default_settings().series_of("us_treasury")
    if s.start <= date(2019, 1, 2)
]


def _open(archive: Archive, transport: Counting, first_ask: datetime) -> tuple[Ingested, Http]:
    """The opening window taken in, by a clock that moves a minute a question from `first_ask` on."""
    minutes = itertools.count()
    http = Http(
        transport, MANNERS, archive, lambda: first_ask + timedelta(minutes=next(minutes)), reuse_since=TABLE.as_of(KEY)
    )
    window = Window((KEY,), None, TABLE.as_of(KEY))
    return ingest(us_treasury, CURVES, window, TABLES["bronze/us_treasury"].empty(), TABLE, http), http


def test_an_opening_that_was_killed_goes_on_without_asking_again(archive: Archive, tmp_path: Path) -> None:
    first = TABLE.as_of(KEY) + timedelta(hours=1)
    killed = Counting(SampleTransport(SEED, TABLE.as_of(KEY)), dies_at=4)
    with pytest.raises(KeyboardInterrupt):
        _open(archive, killed, first)
    rest = Counting(SampleTransport(SEED, TABLE.as_of(KEY)))
    got, http = _open(archive, rest, first + timedelta(days=1))
    assert (http.reused, http.sent) == (3, len(rest.asked))
    assert not {r.url for r in rest.asked} & {r.url for r in killed.asked[:3]}

    whole = Archive(tmp_path / "whole")
    at_once, plain = _open(whole, Counting(SampleTransport(SEED, TABLE.as_of(KEY))), first)
    whole.close()
    assert plain.sent == http.sent + http.reused > 4
    assert got.failures.is_empty()
    assert got.rows.height > 5_000
    assert_frame_equal(got.rows.drop(PROVENANCE), at_once.rows.drop(PROVENANCE))

    again, none = _open(archive, Counting(_replies()), first + timedelta(days=2))
    assert (none.sent, none.reused) == (0, plain.sent)
    assert_frame_equal(again.rows, got.rows)
