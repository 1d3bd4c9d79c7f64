"""What strategies are worth and say together, as assets: inputs and checks, not the arithmetic (portfolio/)."""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from macro_fund.orchestration.checks import Problems, bounded, every_session, key_by_key, reasons_given, sessions_inside
from macro_fund.orchestration.node import Check, Node
from macro_fund.orchestration.run import Run
from macro_fund.portfolio import checks as portfolio_checks
from macro_fund.portfolio import edge_checks, edges_model
from macro_fund.portfolio.ageing import Input, discounts, input_of
from macro_fund.portfolio.aggregate import Evidence, conviction
from macro_fund.portfolio.edges import edges
from macro_fund.portfolio.odds import REGIMES as PROBABILITIES
from macro_fund.settings import Settings, default_settings
from macro_fund.strategies import registry
from macro_fund.strategies.registry import table_of

PYTHON = frozenset({"python", "parquet"})
BOOK_SIGNALS = tuple(table_of(s.id) for s in default_settings().strategies if s.book)
STRATEGIES = tuple(s.id for s in registry.all_strategies())
DAILY, MODEL, EDGES = "research/backtest_daily", edges_model.KEY, "portfolio/edges"
CURVE, PANEL = "silver/di_curve", "silver/as_known"
REGIMES, RETURNS = "agents/regime_view", "silver/instrument_returns"
# The curve is built from these settlements: it is due when they are.
CURVE_SOURCE = "b3_di1"
BASIS = (*BOOK_SIGNALS, EDGES, REGIMES, RETURNS, PANEL, CURVE)


def book_signals(run: Run) -> pl.DataFrame:
    """Signals of the strategies that move the fund's targets, on the instruments that it may hold."""
    held = pl.col("instrument").is_in([i.id for i in run.home.settings.book])
    return pl.concat([run.read(k, where=held) for k in BOOK_SIGNALS])


def _book(settings: Settings) -> list[str]:
    return [s.id for s in settings.strategies if s.book]


def _record(run: Run) -> pl.DataFrame:
    return run.read(DAILY, columns=["session", "strategy_id", "net_brl"])


def _model(run: Run) -> pl.DataFrame:
    return edges_model.edges_model(_record(run), STRATEGIES, run.sessions, run.home.sessions)


def _edges(run: Run) -> pl.DataFrame:
    return edges(_record(run), run.read(MODEL), _book(run.home.settings), run.sessions)


def inputs_of(settings: Settings) -> Mapping[str, list[Input]]:
    """The dated inputs of each strategy of the book: its series in the panel, and the DI curve where it reads that."""
    series = {s.id: s for s in settings.series}
    found = {}
    for name in _book(settings):
        strategy = registry.get(name)
        found[name] = [input_of(series[i]) for i in strategy.series if series[i].panel]
        if CURVE in strategy.inputs:
            found[name].append(input_of(series[CURVE_SOURCE], CURVE))
    return found


def _ages(run: Run) -> pl.DataFrame:
    """Discounts for late inputs, by session of the history and strategy."""
    inputs = inputs_of(run.home.settings)
    wanted = pl.col("series_id").is_in([i.id for items in inputs.values() for i in items])
    panel = run.read(PANEL, columns=["session", "series_id", "event_date"], where=wanted)
    curve = run.read(CURVE, columns=["session", "curve_date"])
    # An old curve ages the strategies that read it: rows of other instruments are as good as ever.
    run.old_curves = {}
    newest = curve.group_by("session", maintain_order=True).agg(pl.col("curve_date").max().alias("event_date"))
    known = pl.concat(
        [
            panel.select("session", pl.col("series_id").alias("item"), "event_date"),
            newest.select("session", pl.lit(CURVE).alias("item"), "event_date"),
        ]
    )
    return discounts(inputs, known, run.home.sessions.frame(), run.history)


def _conviction(run: Run) -> pl.DataFrame:
    evidence = Evidence(
        signals=book_signals(run),
        edges=run.read(EDGES),
        ages=_ages(run),
        regimes=run.read(REGIMES, columns=["session", "status", *PROBABILITIES]),
        returns=run.read(RETURNS, columns=["session", "trade_date", "instrument", "pnl_brl"]),
    )
    return conviction(evidence, run.home.settings.book, run.sessions, run.history)


def _sums(run: Run, frame: pl.DataFrame) -> Problems:
    return key_by_key(run, frame, lambda part, _: portfolio_checks.contributions_sum(part))


def _edges_again(run: Run, frame: pl.DataFrame) -> Problems:
    daily = _record(run)
    return key_by_key(run, frame, lambda part, _: edge_checks.edges_recomputed(part, daily))


def _model_again(run: Run, frame: pl.DataFrame) -> Problems:
    daily = _record(run)
    return key_by_key(run, frame, lambda part, _: edge_checks.model_recomputed(part, daily))


def _converged(run: Run, frame: pl.DataFrame) -> Problems:
    rows = edge_checks.model_converged(frame).rows()
    return [(s, f"{i}: r_hat {r}, not below {edges_model.R_HAT_LIMIT}, or numbers without it") for s, i, r in rows]


def _methods_again(run: Run, frame: pl.DataFrame) -> Problems:
    worth = run.read(EDGES)
    return key_by_key(run, frame, lambda part, days: edge_checks.conviction_recomputed(part, worth, days))


NODES = (
    Node(
        MODEL,
        PYTHON,
        (DAILY,),
        _model,
        (
            Check("converged", "chains of a refit agree, or it has no numbers", _converged),
            Check("recomputed", "posteriors are those of an integral over the spread", _model_again),
            sessions_inside(),
            reasons_given(),
        ),
        refused="degraded",
    ),
    Node(
        EDGES,
        PYTHON,
        (DAILY, MODEL),
        _edges,
        (
            Check("recomputed", "edges are those of the strategies' own P&L", _edges_again),
            every_session(),
            reasons_given(),
        ),
        refused="degraded",
    ),
    Node(
        "portfolio/conviction",
        PYTHON,
        BASIS,
        _conviction,
        (
            Check("contributions_sum", "signal x weight sums to the score", _sums),
            Check("recomputed", "methods, score and conviction follow from votes, edges and ranks", _methods_again),
            bounded(["score", "weighted", "rank", "bayesian"], -1.0, 1.0),
            every_session(),
            reasons_given(),
        ),
        refused="degraded",
    ),
)
