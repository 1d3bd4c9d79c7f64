"""Simulated strategies as assets. Belongs here: inputs and checks. Does not belong here: the simulation (backtest/)."""

from __future__ import annotations

import polars as pl

from macro_fund.backtest import record
from macro_fund.backtest.engine import Result, Rules
from macro_fund.backtest.market import DEAD_AFTER, Market
from macro_fund.backtest.scorecard import scorecard
from macro_fund.orchestration.checks import Problems, bounded, sessions_inside
from macro_fund.orchestration.node import Check, Node
from macro_fund.orchestration.run import Run
from macro_fund.reports.plots import backtest_picture, book_picture
from macro_fund.store.tables import TABLES
from macro_fund.strategies.refit import month_starts
from macro_fund.strategies.registry import all_strategies

PYTHON = frozenset({"python", "parquet"})
LEGS = "silver/leg_returns"
SIGNAL_KEYS = tuple(s.table for s in all_strategies())
POSITIONS, DAILY = record.POSITIONS.key, record.DAILY.key
STRATEGIES = tuple(s.id for s in all_strategies())
CENT = 0.005


def _simulated(run: Run) -> tuple[Market, Result]:
    signals = pl.concat([run.read(key) for key in SIGNAL_KEYS])
    return record.simulated(signals, run.read(LEGS), run.home.settings.instruments, run.history)


def _positions(run: Run) -> pl.DataFrame:
    market, result = _simulated(run)
    return run.output(record.positions(result, market))


def _trades(run: Run) -> pl.DataFrame:
    market, result = _simulated(run)
    return run.output(record.closed(result, market))


def _daily(run: Run) -> pl.DataFrame:
    instruments = run.home.settings.instruments
    return run.output(record.daily(run.read(POSITIONS), STRATEGIES, run.read(LEGS), instruments, run.history))


def _book(run: Run) -> pl.DataFrame:
    cdi = run.read("silver/as_known", where=pl.col("series_id") == "br_cdi_daily").select("session", "value")
    return run.output(record.book(run.read(DAILY), cdi, Rules().capital_brl))


def _scorecard(run: Run) -> pl.DataFrame:
    rows = run.read(DAILY)
    ids, sessions, net = record.net_matrix(rows)
    gross = record.net_matrix(rows, "gross_brl")[2]
    # The record before session T holds what T itself knows: the row of T is the settlement before it.
    wanted = set(run.sessions)
    at = [k for k in month_starts(pl.Series(sessions)).tolist() if sessions[k] in wanted]
    card = scorecard(ids, sessions, gross, net, at, Rules().capital_brl)
    return run.output(card.select(pl.col(n).cast(t) for n, t in TABLES["research/scorecard"].schema.items()))


def _same_as_simulated(run: Run, frame: pl.DataFrame) -> Problems:
    """The P&L that positions and settlements give is the one that the simulation booked."""
    market, result = _simulated(run)
    ids, gross = result.by_strategy(result.gross)
    booked = pl.concat(
        [
            pl.DataFrame({"trade_date": market.sessions, "booked": gross[:, k]}).with_columns(strategy_id=pl.lit(name))
            for k, name in enumerate(ids)
        ]
    ).with_columns(pl.col("trade_date").cast(pl.Date))
    rows = frame.join(booked, on=["trade_date", "strategy_id"], how="left")
    bad = rows.filter((pl.col("gross_brl") - pl.col("booked").fill_null(0.0)).abs() > CENT)
    columns = bad.select("session", "strategy_id", "gross_brl", "booked")
    return [(s, f"{i}: settlements give {g:.2f}, the simulation booked {b}") for s, i, g, b in columns.rows()]


def _net_adds_up(run: Run, frame: pl.DataFrame) -> Problems:
    net = (pl.col("gross_brl") - pl.col("cost_brl") - pl.col("net_brl")).abs() > CENT
    part = (pl.col("weight") * pl.col("net_brl") - pl.col("contribution_brl")).abs() > CENT
    bad = frame.filter(net | part | (pl.col("cost_brl") < 0))
    rows = bad.select("session", "strategy_id").rows()
    return [(s, f"{i}: gross, cost, net and contribution do not add up") for s, i in rows]


def _equity_adds_up(run: Run, frame: pl.DataFrame) -> Problems:
    """equity = equity before + interest + P&L, and P&L is the sum of the strategies' contributions."""
    whole = run.read_own(frame).sort("session")
    before = pl.col("equity_brl").shift(1).fill_null(Rules().capital_brl)
    parts = run.read(DAILY).group_by("session", maintain_order=True).agg(pl.col("contribution_brl").sum().alias("sum"))
    rows = whole.with_columns(
        gap=(pl.col("equity_brl") - before - pl.col("cash_brl").fill_null(0.0) - pl.col("net_brl")).abs()
    ).join(parts, on="session", how="left")
    bad = rows.filter((pl.col("gap") > CENT) | ((pl.col("net_brl") - pl.col("sum").fill_null(0.0)).abs() > CENT))
    inside = bad.filter(pl.col("session").is_in(frame["session"])).select("session", "equity_brl")
    return [(s, f"equity {e:.2f} is not what came before and was made") for s, e in inside.rows()]


def _held_is_settled(run: Run, frame: pl.DataFrame) -> Problems:
    """Nothing is traded at a settlement that was locked or did not take place; what died is given up a week later."""
    settled = run.read(LEGS).select("trade_date", "instrument", "limit_locked").unique().sort("trade_date")
    free = settled.filter(~pl.col("limit_locked"))
    traded = frame.filter(pl.col("traded") > 0).join(free, on=["trade_date", "instrument"], how="anti")
    last = settled.select("instrument", "trade_date", last="trade_date")
    aged = traded.sort("trade_date").join_asof(last, on="trade_date", by="instrument", check_sortedness=False)
    lately = pl.col("trade_date") - pl.col("last") <= pl.duration(days=DEAD_AFTER)
    bad = aged.filter((pl.col("contracts") != 0) | lately.fill_null(False))
    columns = bad.select("session", "instrument", "trade_date")
    return [(s, f"{i} traded on {d} without a free price") for s, i, d in columns.rows()]


NODES = (
    Node(
        POSITIONS,
        PYTHON,
        (*SIGNAL_KEYS, LEGS),
        _positions,
        (
            Check("free_price", "every fill is at a settlement with a free price", _held_is_settled),
            bounded(["cost_brl", "margin_brl"], 0.0, 1e9),
            sessions_inside(),
        ),
    ),
    Node(
        record.TRADES.key,
        PYTHON,
        (*SIGNAL_KEYS, LEGS),
        _trades,
        (bounded(["cost_brl", "u_brl"], 0.0, 1e9), sessions_inside()),
    ),
    Node(
        DAILY,
        PYTHON,
        (POSITIONS, LEGS),
        _daily,
        (
            Check("same_as_simulated", "settlements of the positions are the simulation's P&L", _same_as_simulated),
            Check("adds_up", "gross less cost is net, times weight the contribution", _net_adds_up),
            sessions_inside(),
        ),
        plot=backtest_picture,
    ),
    Node(
        record.BOOK.key,
        PYTHON,
        (DAILY, "silver/as_known"),
        _book,
        (Check("adds_up", "equity is capital, interest and P&L to the cent", _equity_adds_up), sessions_inside()),
        plot=book_picture,
    ),
    Node(
        "research/scorecard",
        PYTHON,
        (DAILY,),
        _scorecard,
        (bounded(["psr"], 0.0, 1.0), sessions_inside()),
    ),
)
