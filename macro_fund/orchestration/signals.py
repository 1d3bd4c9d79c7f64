"""Strategies' signals: one asset a strategy. Belongs here: the panel and the checks, not the formulas (strategies/)."""

from __future__ import annotations

from datetime import date
from functools import partial

import polars as pl

from macro_fund.orchestration.checks import bounded, every_session, reasons_given
from macro_fund.orchestration.node import Check, Node
from macro_fund.orchestration.run import Run
from macro_fund.reports.plots import signal_picture
from macro_fund.store.tables import TABLES
from macro_fund.strategies import registry
from macro_fund.strategies.panel import Panel

PYTHON = frozenset({"python", "parquet"})
PANEL_TABLES = (
    "silver/as_known",
    "silver/di_curve",
    "silver/ust_curve",
    "silver/instrument_returns",
    "agents/monetary_view",
    "agents/regime_view",
)


def _signals(strategy: registry.RegisteredStrategy, run: Run) -> pl.DataFrame:
    """The strategy on a panel of the tables that it declares; the others are empty, so that none is read in secret."""
    frames = {k.split("/")[1]: run.read(k) if k in strategy.inputs else TABLES[k].empty() for k in PANEL_TABLES}
    panel = Panel(**frames, instruments=run.home.settings.instruments)
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
