"""Strategies together: how much of each a book of all of them holds, and what each contributed.

Belongs here: the allocation of risk between simulated strategies and its attribution. Does not belong here: the fund's
own targets (portfolio/).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from macro_fund.backtest.market import Vector
from macro_fund.backtest.sharpe import PERIODS

MIN_DAYS = 252
WINDOW = 504
MAX_SCALE = 5.0


@dataclass(frozen=True)
class Allocation:
    """weights: (session, strategy) multiple of the stand-alone strategy held over the session; contribution: BRL."""

    weights: Vector
    contribution: Vector

    @property
    def net(self) -> Vector:
        """(session,) P&L of the book."""
        return np.asarray(self.contribution.sum(axis=1))


def allocate(
    net: Vector, rebalance: npt.NDArray[np.bool_], capital_brl: float, vol_target: float, refused: Vector | None = None
) -> Allocation:
    """Equal risk between the strategies that have a record, scaled to the volatility target, from the past alone.

    net: (session, strategy) BRL of each strategy alone. On sessions of `rebalance` the weights are 1 / volatility of
    the last 504 sessions (252 at least, otherwise the strategy is not held) times what brings the sum to `vol_target`
    a year of the capital; the volatility of that sum is measured on the same sessions, which end the day before, and
    the multiple is at most 5. They hold from the next session on. refused: (strategy,) 1 leaves a strategy out.
    """
    steps, n = net.shape
    weights = np.zeros((steps, n))
    allowed = np.ones(n) if refused is None else 1.0 - np.asarray(refused, dtype=np.float64)
    current = np.zeros(n)
    for s in range(steps):
        weights[s] = current  # what was set before is paid today
        if rebalance[s]:
            current = _weights(net[max(0, s - WINDOW) : s], capital_brl * vol_target / np.sqrt(PERIODS), allowed)
    return Allocation(weights, weights * net)


def _weights(past: Vector, daily_risk: float, allowed: Vector) -> Vector:
    """Multiples of the strategies for a book with a deviation of `daily_risk` BRL on the sessions of `past`."""
    none = np.zeros(past.shape[1])
    if len(past) < MIN_DAYS:
        return none
    deviation = past.std(axis=0, ddof=1)
    record = (np.count_nonzero(past, axis=0) >= MIN_DAYS // 4) & (deviation > 0) & (allowed > 0)
    if not record.any():
        return none
    raw = np.where(record, daily_risk / np.where(record, deviation, 1.0), 0.0) / np.count_nonzero(record)
    together = (past * raw).sum(axis=1).std(ddof=1)
    return np.asarray(np.minimum(raw * daily_risk / together, MAX_SCALE) if together > 0 else none)
