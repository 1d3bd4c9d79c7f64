"""What each strategy is worth: the Sharpe ratio of its own simulated record, shrunk to a prior.

    shrunk = (T SR + 8 x 0.3) / (T + 8),   weight = max(0, shrunk)

SR is the annual Sharpe ratio of the daily net P&L of research/backtest_daily, which is in excess of cash already, and T
the record's length in years: the prior of 0.3 has the weight of eight years. It is the posterior mean of a normal ratio
whose error after T years is 1 / sqrt(T) and whose prior has the variance 1 / 8 (docs/adr/0023).

Belongs here: the record known at a session and its shrinkage. Does not belong here: the model of all strategies
together (edges_model.py) or what weights are used for (aggregate.py).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
import numpy.typing as npt
import polars as pl

from macro_fund.backtest.sharpe import PERIODS
from macro_fund.portfolio.history import session_array
from macro_fund.store.tables import TABLES

Vector = npt.NDArray[np.float64]

TABLE = TABLES["portfolio/edges"]
PRIOR_SHARPE = 0.3
PRIOR_YEARS = 8.0
# Below a month the ratio of a mean to a deviation has tails so fat that no shrinkage by T tames it.
MIN_DAYS = 21
_STILL = 1e-12


@dataclass(frozen=True)
class Record:
    """A strategy's record as known at each session asked for. n: its days (0: none); sharpe: annual, NaN: none.

    The record starts on the first day with a P&L: before it the strategy held nothing. sharpe is NaN for fewer than
    two days and for P&L that never varies.
    """

    n: npt.NDArray[np.int64]
    sharpe: Vector


def record(daily: pl.DataFrame, strategy_id: str, days: npt.NDArray[np.datetime64]) -> Record:
    """The record of one strategy at each of `days` (sessions, ascending), from rows of that session or before.

    Sums run from the record's first day on, so that a session's number does not depend on the sessions beside it.
    """
    rows = daily.filter((pl.col("strategy_id") == strategy_id) & pl.col("net_brl").is_finite()).sort("session")
    net = rows["net_brl"].to_numpy()
    started = np.flatnonzero(net)
    first = int(started[0]) if started.size else net.size
    net = net[first:]
    known = np.searchsorted(rows["session"].to_numpy()[first:], days, side="right")
    # Deviations from the first day's P&L: the variance of numbers far from zero does not drown in their squares.
    origin = net[0] if net.size else 0.0
    total, squares = (np.concatenate([[0.0], np.cumsum(x)]) for x in (net - origin, (net - origin) ** 2))
    n = np.maximum(known, 1).astype(np.float64)
    with np.errstate(invalid="ignore", divide="ignore"):
        variance = (squares[known] - total[known] ** 2 / n) / (n - 1.0)
        moves = variance > _STILL * np.maximum(squares[known], origin**2) / n
        ratio = (origin + total[known] / n) / np.sqrt(np.where(moves, variance, np.nan)) * np.sqrt(PERIODS)
    return Record(known.astype(np.int64), np.where((known >= 2) & moves, ratio, np.nan))


def shrunk_sharpe(sharpe: Vector, years: Vector) -> Vector:
    """(T SR + 8 x 0.3) / (T + 8): annual Sharpe ratios, elementwise; NaN where SR is."""
    return np.asarray((years * sharpe + PRIOR_YEARS * PRIOR_SHARPE) / (years + PRIOR_YEARS))


def edges(
    daily: pl.DataFrame, model: pl.DataFrame, strategies: Sequence[str], sessions: Sequence[date]
) -> pl.DataFrame:
    """portfolio/edges: one row for each session and strategy of the book.

    daily: research/backtest_daily, model: portfolio/edges_model, both with all rows up to the last session (rows of
    later sessions are ignored). A strategy without a record, or with one of less than a month, has no weight: no_view.
    """
    days = session_array(sessions)
    parts = [_rows(record(daily, name, days), name, days) for name in sorted(strategies)]
    frame = pl.concat(parts) if parts else TABLE.empty().drop("hierarchical", "hierarchical_sd")
    frame = _with_model(frame.sort("session", "strategy_id"), model)
    return frame.select(pl.col(n).cast(t) for n, t in TABLE.schema.items()).sort(TABLE.sort)


def _rows(found: Record, name: str, days: npt.NDArray[np.datetime64]) -> pl.DataFrame:
    years = found.n / PERIODS
    sharpe = np.where(found.n >= MIN_DAYS, found.sharpe, np.nan)
    shrunk = shrunk_sharpe(sharpe, years)
    n = pl.col("n_days")
    reason = (
        pl.when(n == 0)
        .then(pl.format("{} has no simulated record", "strategy_id"))
        .when(n < MIN_DAYS)
        .then(pl.format(f"{{}} has a record of {{}} days, {MIN_DAYS} needed", "strategy_id", n))
        .when(pl.col("sharpe").is_null())
        .then(pl.format("the record of {} does not move", "strategy_id"))
        .when(pl.col("shrunk") <= 0)
        .then(pl.format("{} loses: its shrunk Sharpe ratio is {}", "strategy_id", pl.col("shrunk").round(2)))
        .otherwise(pl.lit(""))
    )
    frame = pl.DataFrame(
        {
            "session": pl.Series(days).cast(pl.Date),
            "strategy_id": [name] * len(days),
            "n_days": pl.Series(found.n).cast(pl.Int32),
            "sharpe": pl.Series(sharpe, dtype=pl.Float64).fill_nan(None),
            "shrunk": pl.Series(shrunk, dtype=pl.Float64).fill_nan(None),
            "weight": pl.Series(np.maximum(shrunk, 0.0), dtype=pl.Float64).fill_nan(None),
        }
    )
    status = pl.when(pl.col("weight").is_null()).then(pl.lit("no_view")).otherwise(pl.lit("ok"))
    return frame.with_columns(reason.alias("reason"), status.alias("status"))


def _with_model(frame: pl.DataFrame, model: pl.DataFrame) -> pl.DataFrame:
    """Adds hierarchical and hierarchical_sd of the newest refit; a row with a weight but without them is degraded."""
    refit = model.select(
        "session", "strategy_id", "mean", "sd", model_status="status", model_reason="reason", refit="session"
    )
    joined = frame.join_asof(
        refit.sort("session", "strategy_id"), on="session", by="strategy_id", check_sortedness=False
    )
    lacking = (pl.col("status") == "ok") & pl.col("mean").is_null()
    why = (
        pl.when(pl.col("refit").is_null())
        .then(pl.lit("no refit of the hierarchical model since its record began"))
        .otherwise(pl.col("model_reason"))
    )
    said = pl.concat_str(pl.col("reason"), why, separator="; ").str.strip_chars_start("; ")
    return joined.with_columns(
        pl.col("mean").alias("hierarchical"),
        pl.col("sd").alias("hierarchical_sd"),
        pl.when(lacking).then(said).otherwise("reason").alias("reason"),
        pl.when(lacking).then(pl.lit("degraded")).otherwise("status").alias("status"),
    )
