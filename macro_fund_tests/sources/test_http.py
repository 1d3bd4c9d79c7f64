"""The HTTP conversation: retries, Retry-After, pauses, budgets and messages. The transport plays the world."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from macro_fund.settings import Source
from macro_fund.sources.http import (
    Http,
    LiveTransport,
    Payload,
    ReplayUrlTransport,
    Reply,
    Request,
    SourceError,
    TransportError,
    retry_after_s,
)

NOW = datetime(2021, 6, 7, 11, 55, tzinfo=UTC)
ASK = Request("bcb_sgs", "GET", "https://api.bcb.gov.br/x?a='1'&$format=json", "SGS 433 2010..2012", ("br_ipca_mom",))
GOOD = Reply(200, {}, b"[]")
BROKEN_PAGE = (
    b"<html><head><title>Erro</title></head><body><h1>Requisi\xc3\xa7\xc3\xa3o inv\xc3\xa1lida!</h1></body></html>"
)


@dataclass
class World:
    """Answers from a script, and a clock that only our own pauses and its slowness move."""

    script: list[Reply | Exception]
    waits: bool = True
    slow_s: float = 0.0
    time_s: float = 0.0
    pauses: list[float] = field(default_factory=list)
    sent: list[tuple[Request, float]] = field(default_factory=list)

    def send(self, request: Request, timeout_s: float) -> Reply:
        self.sent.append((request, timeout_s))
        self.time_s += self.slow_s
        answer = self.script.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    def sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.time_s += seconds

    def http(self, **policy: float) -> Http:
        manners = Source.model_validate({"min_interval_s": 0, "timeout_s": 7, "attempts": 4, **policy})
        return Http(self, {"bcb_sgs": manners}, None, lambda: NOW, self.sleep, lambda: self.time_s)


def test_a_good_answer_is_stamped_and_addressed_by_its_content() -> None:
    world = World([Reply(200, {}, b"abc")])
    payload = world.http().fetch(ASK)
    assert (payload.status, payload.body, payload.fetched_at) == (200, b"abc", NOW)
    assert payload.sha256 == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    request, timeout = world.sent[0]
    assert request.url == ASK.url
    assert timeout == 7
    assert request.headers == (("User-Agent", "macro_fund"),)


@pytest.mark.parametrize(
    "first",
    [TransportError("no answer within 7 s"), *(Reply(s, {}, BROKEN_PAGE) for s in (202, 408, 429, 500, 502, 504))],
)
def test_what_may_pass_is_asked_again_with_growing_pauses(first: Reply | Exception) -> None:
    world = World([first, first, first, GOOD])
    assert world.http().fetch(ASK).status == 200
    assert len(world.sent) == 4
    assert all(2**i <= p <= 2**i + 1 for i, p in enumerate(world.pauses)), world.pauses


def test_after_the_last_attempt_the_error_says_everything() -> None:
    world = World([Reply(500, {}, BROKEN_PAGE)] * 3)
    with pytest.raises(SourceError) as caught:
        world.http(attempts=3).fetch(ASK)
    text = str(caught.value)
    assert len(world.sent) == 3
    for part in (
        "bcb_sgs",
        "SGS 433 2010..2012",
        "status 500",
        "Requisição inválida!",
        ASK.url,
        "run the session again",
    ):
        assert part in text
    assert "<" not in text
    assert "\n" not in text
    assert len(caught.value.body_head) <= 120


@pytest.mark.parametrize("status", [400, 403, 404, 406])
def test_final_statuses_are_left_to_the_connector(status: int) -> None:
    world = World([Reply(status, {}, b"no")])
    assert world.http().fetch(ASK).status == status
    assert not world.pauses


def test_retry_after_is_honoured() -> None:
    world = World([Reply(429, {"retry-after": "17"}, b""), GOOD])
    world.http().fetch(ASK)
    assert world.pauses == [17.0]


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("17", 17),
        ("9999", 60),
        ("Mon, 07 Jun 2021 11:55:20 GMT", 20),
        ("Mon, 07 Jun 2021 11:00:00 GMT", 0),
        ("soon", 0),
    ],
)
def test_retry_after_may_be_seconds_or_a_date(text: str, seconds: float) -> None:
    assert retry_after_s({"Retry-After": text}, NOW) == seconds
    assert retry_after_s({}, NOW) == 0


def test_a_check_that_finds_a_passing_fault_shares_the_attempts() -> None:
    seen: list[bytes] = []

    def check(payload: Payload) -> None:
        seen.append(payload.body)
        if payload.body != b"[]":
            raise SourceError(payload.request, "a web page instead of data", body=payload.body, transient=True)

    world = World([Reply(200, {}, BROKEN_PAGE), Reply(503, {}, b""), GOOD])
    assert world.http(attempts=3).fetch(ASK, check).body == b"[]"
    assert seen == [BROKEN_PAGE, b"[]"]
    with pytest.raises(SourceError, match="a web page instead of data"):
        World([Reply(200, {}, BROKEN_PAGE)] * 2).http(attempts=2).fetch(ASK, check)


def test_a_lasting_fault_is_not_asked_again() -> None:
    def check(payload: Payload) -> None:
        raise SourceError(payload.request, "unknown series")

    world = World([GOOD, GOOD])
    with pytest.raises(SourceError, match="unknown series"):
        world.http().fetch(ASK, check)
    assert len(world.sent) == 1


def test_requests_to_a_host_keep_their_distance() -> None:
    world = World([GOOD] * 3, slow_s=0.2)
    http = world.http(min_interval_s=0.5)
    http.fetch(ASK)
    world.time_s += 0.1
    http.fetch(ASK)
    world.time_s += 9.0
    http.fetch(ASK)
    assert world.pauses == [pytest.approx(0.4)]


def test_the_budget_counts_asking_and_waiting_and_stops_the_provider() -> None:
    world = World([TransportError("no answer")] * 9, slow_s=30.0)
    http = world.http(budget_s=100, attempts=3)
    with pytest.raises(SourceError, match="no answer"):
        http.fetch(ASK)
    with pytest.raises(SourceError, match="budget of 100 s for this provider is used up"):
        http.fetch(ASK)
    assert len(world.sent) == 4


def test_nobody_waits_for_a_world_that_needs_no_politeness() -> None:
    world = World([TransportError("x"), Reply(429, {"retry-after": "9"}, b""), GOOD, GOOD], waits=False, slow_s=999)
    http = world.http(min_interval_s=5, budget_s=1)
    http.fetch(ASK)
    http.fetch(ASK)
    assert not world.pauses


def test_every_answer_is_kept_also_the_bad_ones() -> None:
    kept: list[tuple[int, bytes]] = []

    class Shelf:
        def put(self, payload: Payload) -> None:
            kept.append((payload.status, payload.body))

    http = World([Reply(500, {}, b"no"), GOOD]).http()
    http.archive = Shelf()
    http.fetch(ASK)
    assert kept == [(500, b"no"), (200, b"[]")]


def test_a_provider_without_manners_is_a_configuration_error() -> None:
    with pytest.raises(ValueError, match=r"no policy for provider 'ibge'; add it to config/sources.yaml"):
        World([]).http().fetch(Request("ibge", "GET", "https://x.org/", "x", ()))


@pytest.fixture
def echo() -> Iterator[Callable[[], tuple[str, list[str]]]]:
    """A local server that keeps the raw request targets; /slow/ never answers in time."""
    seen: list[str] = []
    release = threading.Event()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            seen.append(self.path)
            if "/slow/" in self.path:
                release.wait(5)
            self.send_response(200)
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"ok")

        def log_message(self, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield lambda: (f"http://127.0.0.1:{server.server_port}", seen)
    release.set()
    server.shutdown()
    thread.join()
    server.server_close()


def test_the_address_is_sent_as_it_is_written(echo: Callable[[], tuple[str, list[str]]]) -> None:
    base, seen = echo()
    transport = ReplayUrlTransport(base)
    target = "olinda.bcb.gov.br/o(a=@a)?@a='01-02-2019'&$filter=Data%20ge%20'2019-01-02'&events=div%2Csplits&s=%5EBVSP"
    reply = transport.send(Request("bcb_ptax", "GET", f"https://{target}", "PTAX", ()), 5)
    assert (reply.status, reply.body, seen) == (200, b"ok", [f"/{target}"])
    transport.close()


def test_silence_and_refused_connections_are_worth_another_attempt(echo: Callable[[], tuple[str, list[str]]]) -> None:
    base, _ = echo()
    transport = ReplayUrlTransport(base)
    with pytest.raises(TransportError, match=r"no answer within 0.2 s"):
        transport.send(Request("x", "GET", "https://host/slow/", "x", ()), 0.2)
    transport.close()
    for dead, url in (
        (ReplayUrlTransport("http://127.0.0.1:9"), "https://host/"),
        (LiveTransport(), "https://127.0.0.1:9/"),
    ):
        with pytest.raises(TransportError, match="connection failed"):
            dead.send(Request("x", "GET", url, "x", ()), 0.5)
        dead.close()
