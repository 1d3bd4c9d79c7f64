"""Probability of backtest overfitting: does the best in one half of the history stay above the median in the other?

Belongs here: combinatorially symmetric cross-validation of a panel of trials (Bailey, Borwein, Lopez de Prado and Zhu,
2017). Does not belong here: one strategy's Sharpe ratio (sharpe.py), splits that train models (splits.py).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import combinations
from typing import Literal

import numpy as np
import numpy.typing as npt

from macro_fund.backtest.arrays import Array, Index, panel

Metric = Literal["sharpe", "mean"]
CHUNK = 2_000_000
"""Splits times strategies that are scored at once: bounds the memory."""


@dataclass(frozen=True)
class Overfit:
    """pbo: share of splits whose in-sample best is at or below the median out of sample (logit <= 0).

    logits: (splits,) ln(w / (1 - w)), w the relative rank out of sample of the in-sample best; chosen: (splits,) its
    column; inside, outside: (splits,) its score in and out of sample; slope: of outside on inside (performance
    degradation), NaN where inside never varies; loss: share of splits in which the chosen one scored below 0 outside.
    """

    pbo: float
    logits: Array
    chosen: Index
    inside: Array
    outside: Array
    slope: float
    loss: float


def pbo(returns: npt.ArrayLike, blocks: int = 16, metric: Metric = "sharpe") -> Overfit:
    """Overfitting of choosing the best column of (T, N) daily net returns, over all C(blocks, blocks / 2) splits.

    Rows are cut into `blocks` runs of nearly equal length; each half of them is once the sample. Ties share their rank;
    among equals in sample the first column is chosen. A half in which a strategy earned exactly nothing every day has a
    ratio of 0. Raises ValueError for an odd number of blocks, fewer than 2 rows a block, fewer than 2 strategies, or a
    strategy that earned the same other return every day of a half.
    """
    x = panel(returns)
    if x.shape[1] < 2:
        raise ValueError("choosing needs at least 2 strategies")
    if blocks < 2 or blocks % 2 or x.shape[0] < 2 * blocks:
        raise ValueError(f"blocks must be even, 2 or more and at most half of the {x.shape[0]} rows, got {blocks}")
    inner = _halves(blocks)
    sums = _block_sums(x, blocks)
    step = max(1, CHUNK // x.shape[1])
    parts = [_split(inner[i : i + step], sums, metric) for i in range(0, len(inner), step)]
    twice_rank, chosen, inside, outside = (np.concatenate(p) for p in zip(*parts, strict=True))
    share = twice_rank / (2.0 * (x.shape[1] + 1))
    return Overfit(
        # Compared as whole numbers, so that a rank exactly at the median counts whatever the logarithm's rounding.
        pbo=float(np.mean(twice_rank <= x.shape[1] + 1)),
        logits=np.log(share / (1.0 - share)),
        chosen=chosen.astype(np.int64),
        inside=inside,
        outside=outside,
        slope=_slope(inside, outside),
        loss=float(np.mean(outside < 0)),
    )


def _halves(blocks: int) -> Array:
    """(splits, blocks) of 0 and 1: which blocks are in sample."""
    out = np.zeros((math.comb(blocks, blocks // 2), blocks))
    for row, members in zip(out, combinations(range(blocks), blocks // 2), strict=True):
        row[list(members)] = 1.0
    return out


def _block_sums(x: Array, blocks: int) -> tuple[Array, Array, Array]:
    """Days (blocks, 1), sum (blocks, N) and sum of squares (blocks, N) of each block."""
    starts = np.array([part[0] for part in np.array_split(np.arange(x.shape[0]), blocks)])
    days = np.diff(np.append(starts, x.shape[0])).astype(np.float64)[:, None]
    return days, np.add.reduceat(x, starts, axis=0), np.add.reduceat(x * x, starts, axis=0)


def _split(inner: Array, sums: tuple[Array, Array, Array], metric: Metric) -> tuple[Array, Array, Array, Array]:
    """Twice the rank outside of the chosen column (a whole number, ties shared), the column, its two scores."""
    score = _sharpe if metric == "sharpe" else _mean
    inside, outside = score(inner, sums), score(1.0 - inner, sums)
    chosen = inside.argmax(axis=1)
    rows = np.arange(len(inner))
    own = outside[rows, chosen]
    below = np.count_nonzero(outside < own[:, None], axis=1)
    equal = np.count_nonzero(outside == own[:, None], axis=1)
    return (2 * below + equal + 1).astype(np.float64), chosen.astype(np.float64), inside[rows, chosen], own


def _mean(members: Array, sums: tuple[Array, Array, Array]) -> Array:
    days, total, _ = sums
    return np.asarray((members @ total) / (members @ days))


def _sharpe(members: Array, sums: tuple[Array, Array, Array]) -> Array:
    days, total, squares = (members @ s for s in sums)
    mean = total / days
    variance = (squares - total * mean) / (days - 1)
    idle = squares == 0
    # A mean square of 1 with a variance of 1e-12 is rounding: all returns of that half are the same.
    if np.any(~idle & (variance <= 1e-12 * squares / days)):
        raise ValueError("a strategy earned the same return on every day of a half: its Sharpe ratio does not exist")
    return np.asarray(np.where(idle, 0.0, mean / np.sqrt(np.where(idle, 1.0, variance))))


def _slope(inside: Array, outside: Array) -> float:
    if np.ptp(inside) == 0:
        return math.nan
    centred = inside - inside.mean()
    return float(centred @ outside / (centred @ centred))
