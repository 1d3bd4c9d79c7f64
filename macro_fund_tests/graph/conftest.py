"""Funds that the graph tests share, each built once per run of pytest. Copy one before changing it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date

import pytest

from macro_fund.home import Home
from macro_fund_tests.graph import harness
from macro_fund_tests.graph.harness import INCEPTION

MORE_SESSIONS = 4

CopyHome = Callable[[Home], Home]


@pytest.fixture(scope="session")
def opened_home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """A sample fund on its first morning: the opening partition, its pack, and approved proposals as orders."""
    home = harness.open_fund(tmp_path_factory.mktemp("opened") / "home")
    harness.catch_up(home, [INCEPTION])
    return home


@pytest.fixture(scope="session")
def more_keys(opened_home: Home) -> list[date]:
    """The sessions that `running_home` has after the opening."""
    return opened_home.sessions.keys(INCEPTION, opened_home.sessions.offset(INCEPTION, MORE_SESSIONS))[1:]


@pytest.fixture(scope="session")
def running_home(opened_home: Home, copy_home: CopyHome, more_keys: list[date]) -> Home:
    """The opened fund some sessions later, every proposal approved: with fills, positions and P&L."""
    home = copy_home(opened_home)
    harness.catch_up(home, more_keys)
    return home


@pytest.fixture(scope="session")
def copy_home(tmp_path_factory: pytest.TempPathFactory) -> CopyHome:
    """Copies a home into a folder of its own; cheap, because the lake's files are hard links."""
    return lambda source: harness.copy_home(source, tmp_path_factory.mktemp("copy") / "home")
