"""Strategies' signals, one asset a strategy, and their monitor.

Belongs here: the panel and the checks. Does not belong here: the formulas (strategies/).
"""

from __future__ import annotations

from datetime import date
from functools import partial

import polars as pl

from macro_fund.orchestration.checks import bounded, every_session, reasons_given
from macro_fund.orchestration.node import Check, Node
from macro_fund.orchestration.run import Run
from macro_fund.reports.plots import signal_picture
from macro_fund.strategies import monitor, registry
from macro_fund.strategies.panel import Panel

PYTHON = frozenset({"python", "parquet"})
OBSERVATIONS = "silver/observations"


def _signals(strategy: registry.RegisteredStrategy, run: Run) -> pl.DataFrame:
    """The strategy on a panel of the tables that it declares (of observations, its series), so that none is read in
    secret."""
    tables = {key: run.observed(strategy.series) if key == OBSERVATIONS else run.read(key) for key in strategy.inputs}
    panel = Panel(tables, run.home.settings.instruments, run.home.settings.ratings, tuple(run.history))
    return strategy.signals(panel, run.home.settings.strategy(strategy.id), run.sessions)


def _direction_has_signal(run: Run, frame: pl.DataFrame) -> list[tuple[date, str]]:
    """A direction needs a signal, and strength exists exactly while there is a direction."""
    bad = frame.filter(
        ((pl.col("direction") != 0) & pl.col("signal").is_null())
        | ((pl.col("strength") > 0) != (pl.col("direction") != 0))
    )
    columns = bad.select("session", "instrument", "direction", "strength")
    return [(s, f"{i}: direction {d}, strength {x}: no signal behind it") for s, i, d, x in columns.rows()]


def _node(strategy: registry.RegisteredStrategy) -> Node:
    return Node(
        strategy.table,
        PYTHON,
        strategy.inputs,
        partial(_signals, strategy),
        (
            bounded(["signal"], -1.0, 1.0),
            Check("direction_has_signal", "a direction always has a signal behind it", _direction_has_signal),
            every_session(),
            reasons_given(),
        ),
        plot=signal_picture,
    )


NODES = tuple(_node(s) for s in registry.all_strategies())


def _monitor(run: Run) -> pl.DataFrame:
    """The monitor on every strategy's rows, those of its own sessions and the few before that it compares them with."""
    past = run.home.sessions.keys(run.home.settings.fund.history_start, run.sessions[0])
    before = past[-1 - monitor.LOOK_BACK :][0]
    rows = pl.concat([run.read(key, where=pl.col("session") >= before) for key in MONITOR.deps])
    return monitor.monitor(rows, run.home.settings.instruments, run.sessions)


def _events_counted(run: Run, frame: pl.DataFrame) -> list[tuple[date, str]]:
    """Each session has one summary, whose number is that of its events."""
    is_summary = pl.col("kind") == "summary"
    counts = frame.group_by("session", maintain_order=True).agg(
        is_summary.sum().alias("summaries"),
        (~is_summary).sum().cast(pl.Float64).alias("events"),
        pl.col("value").filter(is_summary).first().alias("said"),
    )
    bad = counts.filter((pl.col("summaries") != 1) | pl.col("events").ne_missing(pl.col("said"))).sort("session")
    return [
        (s, f"{n} summaries, {e:g} events, the summary says {v}")
        for s, n, e, v in bad.select("session", "summaries", "events", "said").rows()
    ]


def _events_hold(run: Run, frame: pl.DataFrame) -> list[tuple[date, str]]:
    """The numbers of each event are beyond the bar of its kind."""
    value, before = pl.col("value"), pl.col("before")
    holds = {
        "flip": value * before < 0,
        "surge": (value - before).abs() > monitor.SURGE_Z,
        "divergence": (value > monitor.DIVERGENCE_STRENGTH) & (before < -monitor.DIVERGENCE_STRENGTH),
        "crowding": value.is_between(monitor.CROWDED_SHARE, 1.0, closed="right"),
        "summary": value >= 0,
    }
    bad = frame.filter(
        ~pl.coalesce(pl.when(pl.col("kind") == k).then(e.fill_null(value=False)) for k, e in holds.items())
    )
    return [
        (s, f"{k} {x}: {v} after {b}")
        for s, k, x, v, b in bad.select("session", "kind", "subject", "value", "before").rows()
    ]


MONITOR = Node(
    monitor.TABLE,
    PYTHON,
    tuple(n.key for n in NODES),
    _monitor,
    (
        Check("events_counted", "one summary a session, which counts its events", _events_counted),
        Check("events_hold", "the numbers of each event are beyond the bar of its kind", _events_hold),
        every_session(),
    ),
)
