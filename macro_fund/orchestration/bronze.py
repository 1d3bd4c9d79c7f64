"""Bronze: one asset a provider, append-only, each partition what became known in its window.

Belongs here: which connector fills which table, and the checks of arrival. Does not belong here: requests, parsing
and the rules of knowledge time (sources/).
"""

from __future__ import annotations

from datetime import date
from functools import partial
from types import ModuleType

import polars as pl

from macro_fund.orchestration.checks import answered, fresh, in_time, no_quarantine, public_by_as_of, sessions_inside
from macro_fund.orchestration.node import Check, Node, Output
from macro_fund.orchestration.run import Run
from macro_fund.reports.plots import newest_values
from macro_fund.settings import default_settings
from macro_fund.sources import b3_settlements, bcb_focus, bcb_ptax, bcb_sgs, fred, ingest, us_treasury, yahoo
from macro_fund.sources.expectations import broken_promises
from macro_fund.store.tables import FAILURES, QUARANTINE

B3_MAX_AGE_DAYS = 7
ROOTS = ("DI1", "DOL", "IND")


def take_in(source: ModuleType, run: Run) -> Output:
    """Ask the provider for the window and add what is new to what the partition holds already."""
    lake, key = run.home.lake, run.table.key
    before = lake.read(key, only=[k for k in lake.keys(key, run.last) if k < run.keys[0]])
    kept = lake.read(key, only=run.keys)
    window = run.home.window(run.keys)
    series = run.home.settings.series_of(source.__name__.rsplit(".", 1)[-1])
    got = ingest.ingest(
        source, series, window, pl.concat([before, kept]), run.home.sessions, run.home.http(window.upper)
    )
    partition = pl.max_horizontal("session", pl.lit(run.home.inception))
    rows = got.rows.with_columns(pl.col("late") | partition.is_in(_reopened(run)))
    return Output(pl.concat([kept, rows]), side=((QUARANTINE, got.quarantine), (FAILURES, got.failures)))


def _reopened(run: Run) -> list[date]:
    """Keys of the run that have a file and whose as_of has passed: what is added to them now comes late.

    The frozen clock of sample and replay stands at each key's own as_of, so nothing is late there.
    """
    home = run.home
    past = [k for k in run.keys if home.clock(home.sessions.as_of(k))() > home.sessions.as_of(k)]
    return [k for k in past if home.lake.path(run.table.key, k).exists()]


def _promises(name: str, run: Run, frame: pl.DataFrame) -> list[tuple[date, str]]:
    return broken_promises(frame, run.home.settings.series_of(name))


def _series_node(source: ModuleType) -> Node:
    name = source.__name__.rsplit(".", 1)[-1]
    catalogue = default_settings().series_of(name)
    limits = {s.id: s.max_age_days for s in catalogue}
    rules = {s.id: s.publication for s in catalogue if s.frequency == "D" and s.publication.kind != "weekly_monday"}
    return Node(
        f"bronze/{name}",
        frozenset({"api", "parquet"}),
        (),
        partial(take_in, source),
        (
            Check("catalogue", "what config/series promises holds (Great Expectations)", partial(_promises, name)),
            public_by_as_of(),
            sessions_inside(),
            fresh(limits, "series_id"),
            *([in_time(rules, "series_id")] if rules else []),
            answered(),
            no_quarantine(),
        ),
        plot=newest_values,
    )


NODES = (
    *(_series_node(m) for m in (bcb_sgs, bcb_ptax, bcb_focus, fred, us_treasury, yahoo)),
    Node(
        "bronze/b3_settlements",
        frozenset({"api", "parquet"}),
        (),
        partial(take_in, b3_settlements),
        (
            public_by_as_of(),
            sessions_inside(),
            fresh(dict.fromkeys(ROOTS, B3_MAX_AGE_DAYS), "root"),
            in_time(dict.fromkeys(ROOTS, ingest.SETTLEMENTS.publication), "root"),
            answered(),
            no_quarantine(),
        ),
    ),
)
