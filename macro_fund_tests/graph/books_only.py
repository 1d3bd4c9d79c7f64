"""A process for the crash tests: `python -m macro_fund_tests.graph.books_only HOME LAST_SESSION`.

Does what `macro-fund run --demo-pm --to LAST_SESSION` does on a fund whose market half is in the lake already, without
computing that half again. It is a program of its own so that it can be killed.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from datetime import date
from pathlib import Path

from macro_fund.cli import wanted_keys
from macro_fund.home import Home
from macro_fund.orchestration.operate import Operator, Report
from macro_fund_tests.graph import harness


class BooksOnly(Operator):
    """An Operator that takes the market half as done."""

    def run_job(self, name: str, keys: Sequence[date]) -> Report:
        if name == "market":
            return Report(name, tuple(keys), [], True)
        return super().run_job("books" if name == "morning" else name, keys)


def run_books(home: Home, last: date) -> None:
    """Every session up to `last` that has no pack yet, on the home's own Dagster storage."""
    with harness.operator(home, durable=True) as op:
        operator = BooksOnly(op.defs, home, op.instance, op.on_step)
        for report in operator.catch_up(wanted_keys(home, None, None, last), demo_pm=True):
            harness.succeeded(report)


if __name__ == "__main__":
    run_books(Home.open(Path(sys.argv[1])), date.fromisoformat(sys.argv[2]))
