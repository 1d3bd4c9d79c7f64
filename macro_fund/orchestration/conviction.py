"""What strategies are worth and say together, as assets: inputs and checks, not the arithmetic (portfolio/)."""

from __future__ import annotations

from datetime import date

import polars as pl

from macro_fund.orchestration.checks import bounded, every_session, key_by_key, reasons_given
from macro_fund.orchestration.node import Check, Node
from macro_fund.orchestration.run import Run
from macro_fund.portfolio import checks as portfolio_checks
from macro_fund.portfolio.aggregate import conviction
from macro_fund.settings import default_settings
from macro_fund.strategies.registry import table_of

PYTHON = frozenset({"python", "parquet"})
BOOK_SIGNALS = tuple(table_of(s.id) for s in default_settings().strategies if s.book)


def book_signals(run: Run) -> pl.DataFrame:
    """Signals of the strategies that move the fund's targets, on the instruments that it may hold."""
    held = pl.col("instrument").is_in([i.id for i in run.home.settings.book])
    return pl.concat([run.read(k, where=held) for k in BOOK_SIGNALS])


def _conviction(run: Run) -> pl.DataFrame:
    return conviction(book_signals(run), run.home.settings.book, run.sessions)


def _sums(run: Run, frame: pl.DataFrame) -> list[tuple[date, str]]:
    return key_by_key(run, frame, lambda part, _: portfolio_checks.contributions_sum(part))


NODES = (
    Node(
        "portfolio/conviction",
        PYTHON,
        BOOK_SIGNALS,
        _conviction,
        (
            Check("contributions_sum", "signal x weight sums to the score", _sums),
            bounded(["score"], -1.0, 1.0),
            every_session(),
            reasons_given(),
        ),
        refused="degraded",
    ),
)
