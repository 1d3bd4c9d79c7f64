"""The opening window of every source asked ahead of the first run, into the raw archive.

Belongs here: which sources and windows, and what came of it. Does not belong here: asking (sources/), writing bronze
(the bronze assets, which find the answers in the archive).

An answer fetched after the window's end holds everything that was public by then, so it is not asked a second time: a
backfill that was interrupted goes on where it stopped, and the opening run reads what the backfill fetched.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import polars as pl

from macro_fund.home import Home
from macro_fund.orchestration.bronze import SOURCES
from macro_fund.reports.coverage import COLUMNS, coverage
from macro_fund.sources import ingest
from macro_fund.store.tables import TABLES

Tell = Callable[[str, int, int], None]


@dataclass(frozen=True)
class Filled:
    """What one source's backfill found. coverage: rows of reports.coverage. asked, kept: requests sent, and found in
    the archive; failed: requests that failed, with their reasons."""

    source: str
    coverage: pl.DataFrame
    asked: int
    kept: int
    failed: pl.DataFrame


def backfill(home: Home, only: Sequence[str], tell: Tell) -> Iterator[Filled]:
    """Fill the archive source by source; `only` names sources (empty: all). tell(label, done, planned) per request.

    Raises ValueError for an unknown source.
    """
    names = [s.PROVIDER for s in SOURCES]
    if unknown := sorted(set(only) - set(names)):
        raise ValueError(f"unknown source {', '.join(unknown)}; sources: {', '.join(names)}")
    window = home.window([home.inception])
    for source in SOURCES:
        if only and source.PROVIDER not in only:
            continue
        series = home.settings.series_of(source.PROVIDER)
        http = home.http(window.upper, reuse=True)
        empty = TABLES[ingest.bronze_key(source.PROVIDER)].empty()
        got = ingest.ingest(source, series, window, empty, home.sessions, http, tell)
        yield Filled(
            source.PROVIDER,
            coverage(got.rows.select(COLUMNS), series),
            http.sent,
            http.reused,
            got.failures.select("item", "reason").unique(maintain_order=True),
        )
