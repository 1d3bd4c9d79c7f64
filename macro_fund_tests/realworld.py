"""The real-data replay server in tests: found next to the checkout, started on a free port, stopped afterwards.

Use the fixture (`from macro_fund_tests.realworld import realworld`): it is skipped with a message where the data are
not there, and starts each test with the server's clock, faults and counters as after a start.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

import httpx
import pytest

REPO = Path(__file__).resolve().parents[1]
FOLDER = (REPO / "../shared/realworld").resolve()
START_S = 60.0
_WORLD = pytest.StashKey["RealWorld"]()


@dataclass(frozen=True)
class RealWorld:
    """A running server. `url` is the base of ReplayUrlTransport."""

    url: str

    def set_now(self, moment: datetime) -> None:
        """Set the server's clock (an aware datetime)."""
        self._post("/_now", t=moment.isoformat())

    def fault(self, host: str, kind: str, count: int = 1, *, after: int = 0, hold: float | None = None) -> None:
        """After `after` good answers the next `count` answers of `host` fail; `hold` seconds for timeouts."""
        self._post("/_fault", host=host, kind=kind, count=count, after=after, **({"hold": hold} if hold else {}))

    def reset(self) -> None:
        """Clock, faults, options and counters as after a start."""
        self._post("/_reset")
        self._post("/_now", t="default")

    def stats(self) -> dict[str, Any]:
        """Requests by host and path, status codes, faults served and pending."""
        answer: dict[str, Any] = httpx.get(f"{self.url}/_stats", trust_env=False).raise_for_status().json()
        return answer

    def _post(self, path: str, **query: object) -> None:
        params = {k: str(v) for k, v in query.items()}
        httpx.post(f"{self.url}{path}", params=params, trust_env=False).raise_for_status()


@cache
def why_absent() -> str:
    """Why the server cannot run here; empty when it can."""
    return "" if (FOLDER / "serve.py").is_file() else f"no real-data replay server at {FOLDER}"


def free_port() -> int:
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return int(s.getsockname()[1])


def start() -> tuple[subprocess.Popen[bytes], RealWorld]:
    """Start the server; RuntimeError with its own words when it does not answer."""
    port = free_port()
    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}
    process = subprocess.Popen(
        [sys.executable, "serve.py", "--port", str(port)],
        cwd=FOLDER,
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )
    world = RealWorld(f"http://127.0.0.1:{port}")
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline and process.poll() is None:
        try:
            world.stats()
        except httpx.HTTPError:
            time.sleep(0.1)
        else:
            return process, world
    process.kill()
    words = process.communicate()[1].decode(errors="replace")[-500:]
    raise RuntimeError(f"the replay server did not answer on port {port}: {words}")


@pytest.fixture
def realworld(request: pytest.FixtureRequest) -> RealWorld:
    """The server of this test run, in its initial state."""
    if reason := why_absent():
        pytest.skip(reason)
    if _WORLD not in request.config.stash:
        process, world = start()
        request.config.stash[_WORLD] = world
        request.config.add_cleanup(lambda: stop(process))
    world = request.config.stash[_WORLD]
    world.reset()
    return world


def stop(process: subprocess.Popen[bytes]) -> None:
    """End the server, also when it still holds connections that it was told to keep waiting."""
    process.terminate()
    try:
        process.communicate(timeout=10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()
