"""What every test runs under: no property is judged by how long a busy machine took for it; long files come first; no
expression is divided by a number."""

from __future__ import annotations

import math
import sys
from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pytest
from hypothesis import settings

import macro_fund

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
    "graph/test_past_sessions.py",
    "graph/test_checks_can_fail.py",
    "graph/test_silver_features.py",
    "graph/test_verdict_gate.py",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    place = {HERE / name: i for i, name in enumerate(LONGEST)}
    items.sort(key=lambda item: place.get(item.path, len(LONGEST)))


PACKAGE = Path(macro_fund.__file__).resolve().parent
DRAWING = PACKAGE / "reports"


@pytest.fixture(scope="session", autouse=True)
def _no_division_by_a_number() -> Iterator[None]:
    """polars divides one row by a number, and many rows by multiplying with its inverse: the last bit of a session then
    depends on how many are computed with it (docs/adr/0040). Code of the package, pictures apart, multiplies itself."""
    plain = {cls: cls.__truediv__ for cls in (pl.Expr, pl.Series)}
    for cls, divide in plain.items():
        cls.__truediv__ = _guarded(divide)
    yield
    for cls, divide in plain.items():
        cls.__truediv__ = divide


def _guarded(divide):
    def divided(self, other):
        if isinstance(other, int | float) and abs(math.frexp(other)[0]) not in (0.0, 0.5):
            caller = Path(sys._getframe(1).f_code.co_filename).resolve()
            if PACKAGE in caller.parents and DRAWING not in caller.parents:
                line = sys._getframe(1).f_lineno
                raise AssertionError(f"{caller}:{line} divides an expression by {other}: write `* (1 / {other})`")
        return divide(self, other)

    return divided
