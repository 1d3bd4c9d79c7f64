"""What every test runs under: no property is judged by how long a busy machine took for it; long files come first."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import settings

settings.register_profile("macro_fund", deadline=None)
settings.load_profile("macro_fund")

HERE = Path(__file__).resolve().parent
# The files that take a minute and more of a core, longest first: started last, one of them would end alone on its
# worker. The first builds the shared funds, those next to it need none; `make test` keeps this order.
LONGEST = (
    "graph/test_wired.py",
    "graph/test_realworld.py",
    "graph/test_three_clocks.py",
    "graph/test_faults.py",
    "graph/test_crash.py",
    "graph/test_range_equals_days.py",
    "graph/test_point_in_time.py",
    "graph/test_checks_can_fail.py",
    "graph/test_silver_features.py",
    "graph/test_verdict_gate.py",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    place = {HERE / name: i for i, name in enumerate(LONGEST)}
    items.sort(key=lambda item: place.get(item.path, len(LONGEST)))
