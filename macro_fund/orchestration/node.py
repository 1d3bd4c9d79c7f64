"""Node: what the skin needs to know of an asset. Stage modules list nodes; assets.py turns them into Dagster assets.

Belongs here: the two small types. Does not belong here: any particular asset.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Literal

import polars as pl

from macro_fund.home import Home
from macro_fund.orchestration.run import Run
from macro_fund.store.table import Table
from macro_fund.store.tables import TABLES


@dataclass(frozen=True)
class Check:
    """A check of meaning. `problems` gives (session, what is wrong) pairs; an empty list is a pass.

    `gate`: stages below leave out a partition that fails it. A check that only warns (a source is down, a series is
    stale) has gate False: what rests on it says `degraded` or `no_view` by itself.
    """

    name: str
    description: str
    problems: Callable[[Run, pl.DataFrame], list[tuple[date, str]]]
    gate: bool = True


@dataclass(frozen=True)
class Output:
    """What a computation gives: the asset's rows, and rows for the tables beside it."""

    frame: pl.DataFrame
    side: tuple[tuple[Table, pl.DataFrame], ...] = ()


@dataclass(frozen=True)
class Node:
    """One asset: its table, the tables it reads, its pure computation, its checks and how it is shown.

    `refused` says what a row (of a table with a status) becomes whose session's input was refused by a gate: no view,
    or degraded where the rest of the inputs carries it. `plot` draws the rows (with `plot_sessions` those of so many of
    the newest sessions, else all), `card` writes the newest in Markdown.
    """

    key: str
    kinds: frozenset[str]
    deps: tuple[str, ...]
    compute: Callable[[Run], Output | pl.DataFrame]
    checks: tuple[Check, ...]
    version: str = "1"
    refused: Literal["no_view", "degraded"] = "no_view"
    plot: Callable[[pl.DataFrame], bytes] | None = None
    plot_sessions: int | None = None
    card: Callable[[pl.DataFrame], str] | None = None
    stamp: Callable[[Home, date], Mapping[str, str]] | None = None

    @property
    def table(self) -> Table:
        return TABLES[self.key]

    @property
    def group(self) -> str:
        return self.table.layer
