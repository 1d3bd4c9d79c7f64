"""Secrets: where they are found, what is refused, and that nothing that is printed or kept holds one."""

from __future__ import annotations

import logging
import sqlite3
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from macro_fund.settings import SettingsError, default_settings
from macro_fund.sources import secrets
from macro_fund.sources.http import Http, ReplayUrlTransport, Reply, Request, SourceError, TransportError
from macro_fund.store.archive import INDEX, Archive, ReplayArchiveTransport

KEY = "0123456789abcdef0123456789abcdef"
NAME = secrets.FRED_API_KEY
NOW = datetime(2024, 7, 1, 12, tzinfo=UTC)
ASK = Request(
    "fred",
    "GET",
    f"https://api.stlouisfed.org/fred/series/observations?series_id=GDP&api_key={{{NAME}}}",
    "FRED GDP",
    ("us_gdp",),
    headers=(("Authorization", f"Bearer {{{NAME}}}"),),
    secrets=(NAME,),
)


@pytest.fixture(autouse=True)
def _clean(monkeypatch: pytest.MonkeyPatch) -> None:
    for wanted in secrets.WANTED.values():
        for name in wanted:
            monkeypatch.delenv(name, raising=False)


def write(folder: Path, text: str, mode: int = 0o600) -> Path:
    folder.mkdir(exist_ok=True)
    path = folder / NAME
    path.write_text(text)
    path.chmod(mode)
    return path


def test_the_environment_comes_before_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert secrets.find(NAME, tmp_path) is None
    write(tmp_path, f"{KEY}\n")
    assert secrets.find(NAME, tmp_path) == KEY
    assert secrets.collect(tmp_path) == {NAME: KEY}
    monkeypatch.setenv(NAME, "another-key-of-32-characters-000")
    assert secrets.find(NAME, tmp_path) == "another-key-of-32-characters-000"


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o644])
def test_a_file_that_others_may_read_is_refused_with_the_remedy(tmp_path: Path, mode: int) -> None:
    path = write(tmp_path, KEY, mode)
    with pytest.raises(
        SettingsError, match=rf"others may read this secret \({mode:o}\); run: chmod 600 {path}"
    ) as error:
        secrets.find(NAME, tmp_path)
    assert KEY not in str(error.value)


@pytest.mark.parametrize("text", ["", "short", "two words of text", f"{KEY}\n{KEY}", "chave-não-ascii-0000"])
def test_a_text_that_is_no_secret_is_refused_unseen(tmp_path: Path, text: str) -> None:
    write(tmp_path, text)
    with pytest.raises(SettingsError, match="a secret is one word of 8 or more plain characters") as error:
        secrets.find(NAME, tmp_path)
    assert not text or text not in str(error.value)


def test_a_secret_is_not_printed_but_can_be_put_in_place() -> None:
    secret = secrets.Secret(KEY)
    assert f"{secret} {secret!r} {secret!s} {secret:>40}" == "<secret> <secret> <secret> <secret>"
    assert f"{[secret]} { ({'a': secret}) }" == "[<secret>] {'a': <secret>}"
    assert "X".replace("X", secret) == KEY


class Echo:
    """A provider that repeats what it was told, or fails with it."""

    waits = False

    def __init__(self, error: bool = False) -> None:
        self.sent: list[Request] = []
        self.error = error

    def send(self, request: Request, timeout_s: float) -> Reply:
        self.sent.append(request)
        url, headers = request.opened()
        if self.error:
            raise TransportError(f"connection failed: {url} {headers}")
        return Reply(500, {}, f"no answer for {url} and {headers}".encode() + b" \xff\x00")


def client(transport: object, archive: Archive | None = None, **values: str) -> Http:
    policies = {"fred": default_settings().sources["fred"].model_copy(update={"attempts": 2})}
    return Http(transport, policies, archive, lambda: NOW, secrets=values)  # type: ignore[arg-type]


def test_only_the_transport_sees_the_secret(tmp_path: Path) -> None:
    echo, archive = Echo(), Archive(tmp_path)
    http = client(echo, archive, FRED_API_KEY=KEY)
    with pytest.raises(SourceError) as error:
        http.fetch(ASK)
    url, headers = echo.sent[0].opened()
    assert url.endswith(f"&api_key={KEY}")
    assert headers["Authorization"] == f"Bearer {KEY}"
    told = [str(error.value), repr(error.value), repr(error.value.request), repr(echo.sent[0]), repr(http), repr(ASK)]
    assert not [t for t in told if KEY in t]
    assert "no answer for https://api.stlouisfed.org/" in told[0]
    assert f"&api_key={{{NAME}}}" in told[0]
    archive.close()
    kept = [p for p in tmp_path.rglob("*") if p.is_file()]
    assert not [p for p in kept if KEY.encode() in p.read_bytes()]
    whole = Archive(tmp_path, read_only=True)
    ((url, address),) = sqlite3.connect(tmp_path / INDEX).execute("SELECT url, sha256 FROM answers").fetchall()
    assert url == ASK.url
    assert KEY.encode() not in whole.body(address)
    assert whole.body(address).endswith(b" \xff\x00")
    assert not whole.problems()


def test_a_connection_error_is_told_without_the_secret() -> None:
    with pytest.raises(SourceError, match="connection failed") as error:
        client(Echo(error=True), FRED_API_KEY=KEY).fetch(ASK)
    assert KEY not in str(error.value)
    assert "{FRED_API_KEY}" in str(error.value)


def test_a_question_without_its_secret_is_not_asked() -> None:
    echo = Echo()
    with pytest.raises(SourceError, match=r"not asked: there is no FRED_API_KEY.*write it to <home>/secrets/"):
        client(echo).fetch(ASK)
    assert not echo.sent


def test_an_archive_replays_what_was_asked_with_a_secret(tmp_path: Path) -> None:
    class Good:
        waits = False

        def send(self, request: Request, timeout_s: float) -> Reply:
            return Reply(200, {}, b"{}")

    archive = Archive(tmp_path)
    client(Good(), archive, FRED_API_KEY=KEY).fetch(ASK)
    replay = client(ReplayArchiveTransport(archive, NOW), FRED_API_KEY="any-other-key-00")
    assert replay.fetch(ASK).body == b"{}"


def test_the_client_says_who_has_its_secrets() -> None:
    sources = default_settings().sources
    without = Http(Echo(), sources, None, lambda: NOW)
    assert [p for p in sources if without.policy(p).keyed] == []
    sample = Http(Echo(), sources, None, lambda: NOW, secrets=secrets.SAMPLE)
    assert [p for p in sources if sample.policy(p).keyed] == sorted(secrets.WANTED)
    assert sample.policy("licensed_prices").address.startswith("https://licensed-prices.example/")
    half = Http(Echo(), sources, None, lambda: NOW, secrets={secrets.LICENSED_PRICES_TOKEN: KEY})
    assert not half.policy("licensed_prices").keyed


@pytest.fixture
def server() -> Iterator[str]:
    class Ok(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"asked " + self.path.encode())

        def log_message(self, *_: object) -> None:
            return

    running = ThreadingHTTPServer(("127.0.0.1", 0), Ok)
    thread = threading.Thread(target=running.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{running.server_port}"
    running.shutdown()
    running.server_close()


def test_no_log_holds_the_secret(server: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    transport = ReplayUrlTransport(server)
    payload = client(transport, FRED_API_KEY=KEY).fetch(ASK)
    transport.close()
    assert payload.body.endswith(b"&api_key={FRED_API_KEY}")
    assert KEY not in caplog.text
