"""Bronze: one asset a provider, append-only, each partition what became known in its window.

Belongs here: which connector fills which table, and the checks of arrival. Does not belong here: requests, parsing
and the rules of knowledge time (sources/).
"""

from __future__ import annotations

from datetime import date
from functools import partial
from types import ModuleType

import polars as pl

from macro_fund.orchestration.checks import (
    answered,
    fresh,
    in_time,
    no_jumps,
    no_quarantine,
    public_by_as_of,
    sessions_inside,
)
from macro_fund.orchestration.frames import to_pandas
from macro_fund.orchestration.node import Check, Node, Output
from macro_fund.orchestration.run import Run
from macro_fund.reports.figure import LINES
from macro_fund.reports.plots import newest_values
from macro_fund.settings import default_settings
from macro_fund.sources import (
    anbima_bonds,
    anbima_ettj,
    anbima_vna,
    b3_curves,
    b3_settlements,
    bcb_focus,
    bcb_focus_periods,
    bcb_ptax,
    bcb_sgs,
    cboe,
    cftc,
    copom,
    expectations,
    fomc,
    fred,
    ibge,
    ingest,
    ipeadata,
    licensed_prices,
    nyfed,
    stn,
    stn_debt,
    tesouro_direto,
    us_treasury,
    yahoo,
)
from macro_fund.store.tables import FAILURES, OBSERVATION, QUARANTINE, TABLES
from macro_fund.store.verdicts import side_table

SOURCES: tuple[ModuleType, ...] = (
    bcb_sgs,
    bcb_ptax,
    bcb_focus,
    bcb_focus_periods,
    ibge,
    stn,
    stn_debt,
    ipeadata,
    fred,
    us_treasury,
    nyfed,
    cboe,
    yahoo,
    licensed_prices,
    cftc,
    copom,
    fomc,
    anbima_vna,
    anbima_ettj,
    anbima_bonds,
    tesouro_direto,
    b3_curves,
    b3_settlements,
)
# Parameters of a fit: another optimum far away may fit as well, so they jump without a fault.
FITTED = ("anbima_ettj",)


def take_in(source: ModuleType, run: Run) -> Output:
    """Ask the provider for the window and add what is new to what the partition holds already."""
    lake, key = run.home.lake, run.table.key
    before = lake.read(key, only=[k for k in lake.keys(key, run.last) if k < run.keys[0]])
    kept = lake.read(key, only=run.keys)
    window = run.home.window(run.keys)
    series = run.home.settings.series_of(source.PROVIDER)
    # An opening that was interrupted before its file was written goes on with the answers that it had.
    http = run.home.http(window.upper, reuse=window.lower is None and not lake.path(key, run.keys[0]).exists())
    known = pl.concat([before, kept])
    got = ingest.ingest(source, series, window, known, run.home.sessions, http, unread=_unread(run))
    partition = pl.max_horizontal("session", pl.lit(run.home.inception))
    rows = got.rows.with_columns(pl.col("late") | partition.is_in(_reopened(run)))
    return Output(pl.concat([kept, rows]), side=((QUARANTINE, got.quarantine), (FAILURES, got.failures)))


def _unread(run: Run) -> set[str] | None:
    """Series of which an answer failed or was refused in an earlier partition; None for the opening, which asks all.

    A series without a single value is no failure here: its provider answered.
    """
    if run.keys[0] == run.home.inception:
        return None
    earlier = [k for k in run.home.lake.keys(run.table.key, run.last) if k < run.keys[0]]
    beside = [
        run.home.lake.read(side.key, only=earlier, table=side)
        for side in (side_table(t, run.table.key) for t in (FAILURES, QUARANTINE))
    ]
    failed = beside[0].filter(~pl.col("reason").str.contains(": no value of ", literal=True))["item"]
    return {i for items in failed for i in items.split(", ")} | {i.split(" ")[0] for i in beside[1]["item"]}


def _reopened(run: Run) -> list[date]:
    """Keys of the run that have a file and whose as_of has passed: what is added to them now comes late.

    The frozen clock of sample and replay stands at each key's own as_of, so nothing is late there.
    """
    home = run.home
    past = [k for k in run.keys if home.clock(home.sessions.as_of(k))() > home.sessions.as_of(k)]
    return [k for k in past if home.lake.path(run.table.key, k).exists()]


def _promises(name: str, run: Run, frame: pl.DataFrame) -> list[tuple[date, str]]:
    series = run.home.settings.series_of(name)
    rows = to_pandas(f"bronze_{name}", expectations.examined(frame, run.table, series))
    return expectations.broken(name, rows, frame["session"].to_list())


def _node(source: ModuleType) -> Node:
    name: str = source.PROVIDER
    table = TABLES[f"bronze/{name}"]
    catalogue = [s for s in default_settings().series_of(name) if s.ended is None]
    regular = [s for s in catalogue if s.frequency != "E"]
    moving = table.columns is OBSERVATION and name not in FITTED
    daily = [s.id for s in catalogue if s.frequency == "D"] if moving else []
    expected = "what config/expectations says of its rows (Great Expectations)"
    return Node(
        table.key,
        frozenset({"api", "parquet"}),
        (),
        partial(take_in, source),
        (
            Check("catalogue", expected, partial(_promises, name)),
            public_by_as_of(),
            sessions_inside(),
            *([fresh(catalogue)] if catalogue else []),
            *([in_time(regular)] if regular else []),
            answered(),
            no_quarantine(),
            *([no_jumps(daily)] if daily else []),
        ),
        plot=newest_values if table.columns is OBSERVATION and 0 < len(catalogue) <= LINES else None,
    )


NODES = tuple(_node(source) for source in SOURCES)
