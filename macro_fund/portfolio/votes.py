"""Signals as votes: who has a view of which instrument, how strong, how sure, and what the strategy is worth.

Belongs here: which signals count, why the others do not, and dense arrays of those that do. Does not belong here: how
votes become a score (aggregate.py) or a probability (odds.py).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
import numpy.typing as npt
import polars as pl

from macro_fund.portfolio.history import session_array
from macro_fund.settings import Instrument

Vector = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

NO_VOTE = 1e-12
"""Edge times confidence up to which there is no vote: what rounding leaves of nothing."""


@dataclass(frozen=True)
class Votes:
    """Dense votes, axes (session, instrument, strategy); zero where there is no view.

    signal: [-1, 1] in the sense of the asset, 0 for a strategy that is flat. confidence: after ageing, (0, 1]. edge:
    the strategy's weight, >= 0. view: it has a view. A strategy whose edge is 0 has a view and no vote.
    """

    sessions: Sequence[date]
    instruments: Sequence[str]
    strategies: Sequence[str]
    signal: Vector
    confidence: Vector
    edge: Vector
    view: Bools

    @property
    def voting(self) -> Bools:
        return np.asarray(self.view & (self.weight > NO_VOTE))

    @property
    def weight(self) -> Vector:
        """w c: edge times confidence."""
        return np.asarray(self.edge * self.confidence)


def total(values: Vector) -> Vector:
    """Sum over the last axis, one after the other: the same bytes whichever strategies are silent."""
    out = np.zeros(values.shape[:-1])
    for k in range(values.shape[-1]):
        out = out + values[..., k]
    return out


def usable(
    signals: pl.DataFrame,
    edges: pl.DataFrame,
    ages: pl.DataFrame,
    instruments: Sequence[Instrument],
    sessions: Sequence[date],
) -> pl.DataFrame:
    """Signals of the sessions with cell (number of the session and instrument), confidence after ageing, edge, `view`
    and, where something is to be said, `note`.

    signals: rows of signals/*; edges: portfolio/edges; ages: ageing.discounts. ValueError: an instrument that the
    config does not have, or a strategy that speaks twice.
    """
    days = session_array(sessions)
    rows = signals.filter(pl.col("session").is_in(pl.Series(days).cast(pl.Date).implode())).sort(
        "session", "instrument", "strategy_id"
    )
    sign = {i.id: i.asset_sign for i in instruments}
    _refuse(rows, sign)
    position = {name: k for k, name in enumerate(sorted(sign))}
    place = np.array([position[name] for name in rows["instrument"].to_list()], dtype=np.int64)
    cell = np.searchsorted(days, rows["session"].to_numpy()) * len(position) + place
    keys = ["session", "strategy_id"]
    worth = edges.select(*keys, edge="weight", edge_reason="reason")
    joined = (
        rows.join(worth, on=keys, how="left", maintain_order="left")
        .join(ages.select(*keys, "discount", "late"), on=keys, how="left", maintain_order="left")
        .with_columns(pl.Series("cell", cell, dtype=pl.Int64))
        .with_columns(pl.col("confidence") * pl.col("discount").fill_null(1.0))
    )
    return _noted(joined, sign)


def _refuse(rows: pl.DataFrame, sign: Mapping[str, int]) -> None:
    unknown = sorted(set(rows["instrument"].to_list()) - set(sign))
    if unknown:
        raise ValueError(f"signals name instruments that the config lacks: {', '.join(unknown)}; add or rename them")
    twice = rows.filter(pl.struct("session", "instrument", "strategy_id").is_duplicated())
    if len(twice):
        first = twice.row(0, named=True)
        raise ValueError(
            f"{first['strategy_id']} signals {first['instrument']} twice on {first['session']}; keep one row"
        )


def _noted(rows: pl.DataFrame, sign: Mapping[str, int]) -> pl.DataFrame:
    """Adds `view`, and `note`: why there is none, or what is weak about it."""
    present = pl.col("signal").is_finite().fill_null(False) & (pl.col("confidence") > 0).fill_null(False)
    contradicts = (
        pl.col("direction").cast(pl.Float64)
        * pl.col("instrument").replace_strict(sign, return_dtype=pl.Float64)
        * pl.col("signal")
        < 0
    ).fill_null(False)
    spoken = pl.col("status") != "no_view"
    worthy = pl.col("edge").is_not_null()
    late = pl.when(pl.col("late").fill_null("") != "").then(
        pl.format("{} aged x{}: {}", "strategy_id", pl.col("discount").round(2), "late")
    )
    weak = pl.when(pl.col("status") == "degraded").then(pl.format("{} degraded: {}", "strategy_id", "reason"))
    unknown = pl.coalesce("edge_reason", pl.lit("its worth is unknown"))
    return rows.with_columns(
        (spoken & present & ~contradicts & worthy).alias("view"),
        pl.when(~spoken)
        .then(pl.format("no view of {}: {}", "strategy_id", "reason"))
        .when(pl.col("discount") == 0)
        .then(pl.format("no view of {}: {}", "strategy_id", "late"))
        .when(~present)
        .then(pl.format("no view of {}: signal or confidence missing", "strategy_id"))
        .when(contradicts)
        .then(pl.format("{} left out: its direction contradicts its signal", "strategy_id"))
        .when(~worthy)
        .then(pl.format("no view of {}: {}", "strategy_id", unknown))
        .otherwise(pl.concat_str(weak, late, separator="; ", ignore_nulls=True))
        .replace("", None)
        .alias("note"),
    )


def votes(rows: pl.DataFrame, instruments: Sequence[str], sessions: Sequence[date]) -> Votes:
    """The rows of `usable` as arrays; instruments in name order."""
    strategies = rows["strategy_id"].unique().sort().to_list()
    shape = (len(sessions) * len(instruments), len(strategies))
    seen = rows.filter("view")
    column = np.searchsorted(np.array(strategies, dtype=str), seen["strategy_id"].to_numpy().astype(str))
    at = (seen["cell"].to_numpy(), column)
    signal, confidence, edge = np.zeros(shape), np.zeros(shape), np.zeros(shape)
    view = np.zeros(shape, dtype=bool)
    signal[at] = np.where(seen["direction"].to_numpy() != 0, seen["signal"].to_numpy(), 0.0)
    confidence[at], edge[at], view[at] = seen["confidence"].to_numpy(), seen["edge"].to_numpy(), True
    dense = (len(sessions), len(instruments), len(strategies))
    s, c, w = (x.reshape(dense) for x in (signal, confidence, edge))
    return Votes(sessions, instruments, strategies, s, c, w, view.reshape(dense))
