"""Signals of all strategies combined into one score and conviction an instrument.

Belongs here: the weights of strategies, crowding, conviction. Does not belong here: position sizes (targets) or
hysteresis (strategies: a signal counts when its strategy is in position).

Per session and instrument, over the strategies i with a view (status not no_view, signal and confidence present,
confidence > 0):

    s_i = signal if the strategy is in position (direction != 0), else 0: flat is a view, and it dilutes the others
    S   = sum(w_i c_i s_i) / sum(w_i c_i) x crowding          c = confidence, w = prior weight, equal for all
    A   = confidence share of the majority side among |s| > 0.1
    crowding = 1 - 0.5 (A - 0.8) / 0.2 when A > 0.8 and at least four strategies have |s| > 0.1, else 1
    conviction = 0.5 |S| + 0.3 mean(c) + 0.2 min(A, 0.8) / 0.8

S is in the sense of the asset: + = hold it (receive rates, long BRL, long equity). Weights are equal because an
out-of-sample Sharpe ratio of each strategy is needed to tell them apart. The staleness of inputs is already in the
confidence that each strategy states.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
import polars as pl

from macro_fund.portfolio.history import session_array
from macro_fund.settings import Instrument
from macro_fund.store.tables import TABLES

TABLE = TABLES["portfolio/conviction"]
PRIOR_WEIGHT = 1.0
OPINION = 0.1
CROWD_SIZE = 4
CROWDED = 0.8


@dataclass(frozen=True)
class _Votes:
    """Dense views, axes (session, instrument, strategy): in-position signal, weight x confidence, has a view."""

    signal: np.ndarray
    weight: np.ndarray
    view: np.ndarray


def conviction(signals: pl.DataFrame, instruments: Sequence[Instrument], sessions: Sequence[date]) -> pl.DataFrame:
    """portfolio/conviction: one row for each session and instrument.

    `signals`: rows of all signals/* tables. A strategy whose direction contradicts its signal is left out with a
    reason. ValueError: an instrument that the config does not have, or a strategy that speaks twice.
    """
    names = sorted(i.id for i in instruments)
    rows = _usable(signals, instruments, session_array(sessions))
    strategies = rows["strategy_id"].unique().sort().to_list()
    votes = _votes(rows, names, strategies, len(sessions))
    score, agreement, mean_confidence, crowding = _combine(votes)
    value = 0.5 * np.abs(score) + 0.3 * mean_confidence + 0.2 * np.minimum(np.nan_to_num(agreement), CROWDED) / CROWDED
    grid = pl.DataFrame(
        {
            "cell": np.arange(len(sessions) * len(names)),
            "session": pl.Series(np.repeat(session_array(sessions), len(names))).cast(pl.Date),
            "instrument": names * len(sessions),
            "score": score.ravel(),
            "agreement": agreement.ravel(),
            "conviction": value.ravel(),
            "n_signals": votes.view.sum(axis=2, dtype=np.int32).ravel(),
        }
    ).with_columns(pl.col("score", "agreement", "conviction").fill_nan(None))
    joined = grid.join(_reasons(rows), on="cell", how="left", maintain_order="left").join(
        _contributions(votes, crowding, strategies), on="cell", how="left", maintain_order="left"
    )
    return _with_status(joined).select(pl.col(n).cast(t) for n, t in TABLE.schema.items()).sort(TABLE.sort)


def _usable(signals: pl.DataFrame, instruments: Sequence[Instrument], days: np.ndarray) -> pl.DataFrame:
    """Signals of the sessions with cell numbers, `view` and, where something is wrong, `note` in words."""
    rows = signals.filter(pl.col("session").is_in(pl.Series(days).cast(pl.Date).implode())).sort(
        "session", "instrument", "strategy_id"
    )
    sign = {i.id: i.asset_sign for i in instruments}
    unknown = sorted(set(rows["instrument"].to_list()) - set(sign))
    if unknown:
        raise ValueError(f"signals name instruments that the config lacks: {', '.join(unknown)}; add or rename them")
    twice = rows.filter(pl.struct("session", "instrument", "strategy_id").is_duplicated())
    if len(twice):
        first = twice.row(0, named=True)
        raise ValueError(
            f"{first['strategy_id']} signals {first['instrument']} twice on {first['session']}; keep one row"
        )
    position = {name: k for k, name in enumerate(sorted(sign))}
    cell = np.searchsorted(days, rows["session"].to_numpy()) * len(position) + np.array(
        [position[name] for name in rows["instrument"].to_list()], dtype=np.int64
    )
    present = pl.col("signal").is_finite().fill_null(False) & (pl.col("confidence") > 0).fill_null(False)
    contradicts = (
        pl.col("direction").cast(pl.Float64)
        * pl.col("instrument").replace_strict(sign, return_dtype=pl.Float64)
        * pl.col("signal")
        < 0
    ).fill_null(False)
    spoken = pl.col("status") != "no_view"
    return rows.with_columns(
        pl.Series("cell", cell),
        (spoken & present & ~contradicts).alias("view"),
        pl.when(~spoken)
        .then(pl.format("no view of {}: {}", "strategy_id", "reason"))
        .when(~present)
        .then(pl.format("no view of {}: signal or confidence missing", "strategy_id"))
        .when(contradicts)
        .then(pl.format("{} left out: its direction contradicts its signal", "strategy_id"))
        .when(pl.col("status") == "degraded")
        .then(pl.format("{} degraded: {}", "strategy_id", "reason"))
        .alias("note"),
    )


def _votes(rows: pl.DataFrame, names: Sequence[str], strategies: Sequence[str], n_sessions: int) -> _Votes:
    shape = (n_sessions * len(names), len(strategies))
    seen = rows.filter("view")
    at = (seen["cell"].to_numpy(), np.searchsorted(np.array(strategies, dtype=str), seen["strategy_id"].to_numpy()))
    signal, weight, view = np.zeros(shape), np.zeros(shape), np.zeros(shape, dtype=bool)
    signal[at] = np.where(seen["direction"].to_numpy() != 0, seen["signal"].to_numpy(), 0.0)
    weight[at] = PRIOR_WEIGHT * seen["confidence"].to_numpy()
    view[at] = True
    dense = (n_sessions, len(names), len(strategies))
    return _Votes(signal.reshape(dense), weight.reshape(dense), view.reshape(dense))


def _total(values: np.ndarray) -> np.ndarray:
    """Sum over strategies, one after the other: the same bytes whichever strategies are silent."""
    total = np.zeros(values.shape[:2])
    for k in range(values.shape[2]):
        total = total + values[:, :, k]
    return total


def _combine(votes: _Votes) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Score, agreement, mean confidence and crowding factor, axes (session, instrument); NaN where there is none."""
    weight = _total(votes.weight)
    n = _total(votes.view.astype(np.float64))
    opinion = np.abs(votes.signal) > OPINION
    up = _total(np.where(opinion & (votes.signal > 0), votes.weight, 0.0))
    down = _total(np.where(opinion & (votes.signal < 0), votes.weight, 0.0))
    with np.errstate(invalid="ignore", divide="ignore"):
        raw = _total(votes.weight * votes.signal) / weight
        agreement = np.maximum(up, down) / (up + down)
        mean_confidence = weight / PRIOR_WEIGHT / n
    crowded = (_total(opinion.astype(np.float64)) >= CROWD_SIZE) & (agreement > CROWDED)
    crowding = np.where(crowded, 1 - 0.5 * (agreement - CROWDED) / (1 - CROWDED), 1.0)
    return raw * crowding, agreement, mean_confidence, crowding


def _contributions(votes: _Votes, crowding: np.ndarray, strategies: Sequence[str]) -> pl.DataFrame:
    """cell, contributions: strategies with a view in name order; signal x weight sums to the score."""
    total = _total(votes.weight)[:, :, None]
    share = np.divide(votes.weight, total, out=np.zeros_like(votes.weight), where=total > 0) * crowding[:, :, None]
    s, i, k = np.nonzero(votes.view)
    return (
        pl.DataFrame(
            {
                "cell": s * votes.view.shape[1] + i,
                "strategy_id": np.array(strategies, dtype=object)[k].tolist(),
                "signal": votes.signal[s, i, k],
                "weight": share[s, i, k],
            },
            schema={"cell": pl.Int64, "strategy_id": pl.String, "signal": pl.Float64, "weight": pl.Float64},
        )
        .group_by("cell", maintain_order=True)
        .agg(pl.struct("strategy_id", "signal", "weight").alias("contributions"))
    )


def _reasons(rows: pl.DataFrame) -> pl.DataFrame:
    """cell, notes (joined in strategy order), in_position (how many strategies hold the instrument)."""
    return rows.group_by("cell", maintain_order=True).agg(
        pl.col("note").drop_nulls().str.join("; ").alias("notes"),
        (pl.col("view") & (pl.col("direction") != 0)).sum().alias("in_position"),
    )


def _with_status(joined: pl.DataFrame) -> pl.DataFrame:
    silent = pl.col("n_signals") == 0
    noted = pl.col("notes").fill_null("") != ""
    summary = pl.format("{} of {} strategies in position", pl.col("in_position").fill_null(0), "n_signals")
    return joined.with_columns(
        pl.when(silent)
        .then(pl.lit("no_view"))
        .when(noted)
        .then(pl.lit("degraded"))
        .otherwise(pl.lit("ok"))
        .alias("status"),
        pl.when(pl.col("notes").is_null())
        .then(pl.format("no strategy signals {}", "instrument"))
        .when(silent)
        .then("notes")
        .when(noted)
        .then(pl.concat_str(summary, "notes", separator="; "))
        .otherwise(summary)
        .alias("reason"),
        pl.when(silent).then(None).otherwise("conviction").alias("conviction"),
        pl.col("contributions").fill_null(pl.lit([], dtype=TABLE.schema["contributions"])),
    )
