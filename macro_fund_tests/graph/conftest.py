"""Funds that the graph tests share, each built once per run of pytest, whatever the number of workers.

Copy one before changing it.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from typing import Protocol

import pytest
from filelock import FileLock

from macro_fund.home import Home
from macro_fund_tests import realworld
from macro_fund_tests.graph import harness
from macro_fund_tests.graph.harness import INCEPTION
from macro_fund_tests.pictures import blank_pictures
from macro_fund_tests.realworld import RealWorld

MORE_SESSIONS = 4


class CopyHome(Protocol):
    """Copies a home into a folder of its own; without `raw` the archive stays behind."""

    def __call__(self, source: Home, /, *, raw: bool = True) -> Home: ...


BuiltOnce = Callable[[str, Callable[[Path], object]], Home]


@pytest.fixture(scope="module", autouse=True)
def _blank_pictures() -> Iterator[None]:
    """A fifth of a run is ink, and what is compared here are tables: reports/test_plots.py looks at the pictures.

    Ends with the module, since the same worker may draw next.
    """
    with blank_pictures():
        yield


@pytest.fixture(scope="session")
def built_once(tmp_path_factory: pytest.TempPathFactory) -> BuiltOnce:
    """Opens the fund of a name; the first worker that asks builds it in the folder given, the others wait for it."""
    own = tmp_path_factory.getbasetemp()
    shared = own.parent if "PYTEST_XDIST_WORKER" in os.environ else own

    def open_built(name: str, build: Callable[[Path], object]) -> Home:
        path, done = shared / name / "home", shared / name / "built"
        path.parent.mkdir(exist_ok=True)
        with FileLock(path.with_suffix(".lock")):
            if not done.exists():
                with blank_pictures():
                    build(path)
                done.touch()
        with harness.own_environment():
            return Home.open(path)

    return open_built


@pytest.fixture(scope="session")
def opened_home(built_once: BuiltOnce) -> Home:
    """A sample fund on its first morning: the opening partition, its pack, and approved proposals as orders."""

    def build(path: Path) -> None:
        harness.catch_up(harness.open_fund(path), [INCEPTION])

    return built_once("opened", build)


@pytest.fixture(scope="session")
def more_keys(opened_home: Home) -> list[date]:
    """The sessions that `running_home` has after the opening."""
    return opened_home.sessions.keys(INCEPTION, opened_home.sessions.offset(INCEPTION, MORE_SESSIONS))[1:]


@pytest.fixture(scope="session")
def running_home(opened_home: Home, built_once: BuiltOnce, more_keys: list[date]) -> Home:
    """The opened fund some sessions later, every proposal approved: with fills, positions and P&L."""

    def build(path: Path) -> None:
        harness.catch_up(harness.copy_home(opened_home, path), more_keys)

    return built_once("running", build)


@pytest.fixture(scope="session")
def copy_home(tmp_path_factory: pytest.TempPathFactory) -> CopyHome:
    """Copies a home into a folder of its own; cheap, because the lake's files are hard links."""

    def copy(source: Home, /, *, raw: bool = True) -> Home:
        return harness.copy_home(source, tmp_path_factory.mktemp("copy") / "home", raw=raw)

    return copy


@pytest.fixture(scope="module")
def server() -> Iterator[RealWorld]:
    """The real-data replay server of a module; where the data are not there its tests are skipped."""
    if reason := realworld.why_absent():
        pytest.skip(reason)
    process, world = realworld.start()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MACRO_FUND_REPLAY_URL", world.url)
        yield world
    realworld.stop(process)
