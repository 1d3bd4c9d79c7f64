"""Which strategy gave how much of a score: rows whose signal x weight sums to it.

Of the weighted third a strategy has w c s / sum(w c). The other two thirds, rank and odds, are no sums over
strategies: they go to the strategies on their side, in proportion to w c |s|, so that none is credited with what it
spoke against. Where no strategy is on that side (all flat, or all against it), a row `prior` has the part, with weight
1: what the rank among instruments and the hit rates of regimes say without any signal.

Belongs here: the division of a score. Does not belong here: the score (methods.py), the shares of a target in it
(targets.py).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import polars as pl

from macro_fund.portfolio.methods import METHODS, Scores
from macro_fund.portfolio.votes import Vector, Votes, total

PRIOR = "prior"
# A side whose pull is a rounding error of the weights cannot carry a share of the score.
_PULL = 1e-9


def contributions(cast: Votes, scores: Scores, first: int) -> pl.DataFrame:
    """cell, contributions: strategies with a view in name order, then `prior` where it has a part."""
    now = slice(first, None)
    signal, confidence, view = cast.signal[now], cast.confidence[now], cast.view[now]
    crowding, rest = (x[now][:, :, None] for x in (scores.crowding, (scores.rank + scores.bayesian) / METHODS))
    rest = np.nan_to_num(rest)
    weight = cast.weight[now]
    everyone = total(weight)[:, :, None]
    own = np.divide(weight, METHODS * everyone, out=np.zeros_like(weight), where=everyone > 0)
    side = np.where(signal * rest > 0, weight, 0.0)
    pull = total(side * np.abs(signal))[:, :, None]
    carried = pull > _PULL * everyone
    share = np.divide(side * np.abs(rest), pull, out=np.zeros_like(side), where=carried)
    weights = (own + share) * np.nan_to_num(crowding)
    s, i, k = np.nonzero(view)
    parts = _parts(s * view.shape[1] + i, np.array(cast.strategies, dtype=object)[k].tolist(), signal[s, i, k])
    parts = parts.with_columns(
        pl.Series("confidence", confidence[s, i, k]), pl.Series("weight", weights[s, i, k], dtype=pl.Float64)
    )
    alone_s, alone_i = np.nonzero(((rest != 0) & ~carried)[:, :, 0])
    remainder = (rest * np.nan_to_num(crowding))[alone_s, alone_i, 0]
    prior = _parts(alone_s * view.shape[1] + alone_i, [PRIOR] * len(alone_s), remainder).with_columns(
        pl.lit(None, dtype=pl.Float64).alias("confidence"), pl.lit(1.0).alias("weight")
    )
    return (
        pl.concat([parts, prior])
        .with_columns(pl.col("cell") + first * view.shape[1])
        .sort("cell", maintain_order=True)
        .group_by("cell", maintain_order=True)
        .agg(pl.struct("strategy_id", "signal", "confidence", "weight").alias("contributions"))
    )


def _parts(cell: npt.NDArray[np.int64], who: list[str], signal: Vector) -> pl.DataFrame:
    schema = {"cell": pl.Int64, "strategy_id": pl.String, "signal": pl.Float64}
    return pl.DataFrame({"cell": cell, "strategy_id": who, "signal": signal}, schema=schema)
