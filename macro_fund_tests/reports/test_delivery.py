"""Delivery: what reaches a service that listens, and what is said of one that does not."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread

import pytest

from macro_fund.reports.delivery import VARIABLE, addresses, deliver


@dataclass
class Listener:
    """A service on this machine; `answer` is the status that it gives."""

    port: int = 0
    answer: int = 200
    got: list[dict[str, object]] = field(default_factory=list)

    @property
    def address(self) -> str:
        return f"json://user:secret-of-somebody@127.0.0.1:{self.port}/desk"


@pytest.fixture
def listener() -> Iterator[Listener]:
    heard = Listener()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            heard.got.append(json.loads(body))
            self.send_response(heard.answer)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            """Quiet."""

    server = HTTPServer(("127.0.0.1", 0), Handler)
    heard.port = server.server_port
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield heard
    server.shutdown()
    server.server_close()
    thread.join()


def test_nothing_is_sent_by_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)
    assert addresses() == []
    monkeypatch.setenv(VARIABLE, " json://a  json://b\n")
    assert addresses() == ["json://a", "json://b"]


def test_a_service_gets_title_text_and_file(listener: Listener, tmp_path: Path) -> None:
    file = tmp_path / "morning_pack.pdf"
    file.write_bytes(b"%PDF-1.4 paper")
    assert deliver([listener.address], "Fund: morning", "- Decide", [file]) == []
    (message,) = listener.got
    assert (message["title"], message["message"]) == ("Fund: morning", "- Decide")
    (attachment,) = message["attachments"]
    assert attachment["filename"] == "morning_pack.pdf"


def test_each_failure_is_told_without_its_secrets(listener: Listener, tmp_path: Path) -> None:
    listener.answer = 500
    failed = deliver(["nonsense", "unheard://x", listener.address], "t", "b", [])
    assert [line.partition(":")[0] for line in failed] == ["nonsense", "unheard", "json"]
    assert "secret-of-somebody" not in " ".join(failed)
    assert "127.0.0.1" not in " ".join(failed)
