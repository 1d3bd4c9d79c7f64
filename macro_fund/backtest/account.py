"""Accounting of given orders: what an account is worth when orders are filled at a bar's price with costs.

Belongs here: the identity that every simulation must satisfy, written a second time and simply. Does not belong here:
when to trade (engine.py).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

Vector = npt.NDArray[np.float64]


def settled(paid: npt.ArrayLike, held: npt.ArrayLike, cost: npt.ArrayLike) -> Vector:
    """(T,) net P&L of each bar: what was held after the bar before times what +1 is paid now, less the bar's costs.

    paid, held: (T, N), held after the bar's fills; cost: (T,). Nothing is held before the first bar.
    """
    position = np.asarray(held, dtype=np.float64)
    before = np.vstack([np.zeros_like(position[:1]), position[:-1]])
    return np.asarray((before * np.asarray(paid, dtype=np.float64)).sum(axis=1) - np.asarray(cost, dtype=np.float64))


def equity(price: npt.ArrayLike, held: npt.ArrayLike, cost: npt.ArrayLike, cash: float) -> Vector:
    """(T,) worth of an account that starts with `cash`: prices (T, N), positions after each bar's fills (T, N)."""
    prices = np.asarray(price, dtype=np.float64)
    moves = np.vstack([np.zeros_like(prices[:1]), np.diff(prices, axis=0)])
    return np.asarray(cash + np.cumsum(settled(moves, held, cost)))


def order_costs(price: npt.ArrayLike, orders: npt.ArrayLike, rate: float, fixed: float, slippage: float) -> Vector:
    """(T,) cost of orders (T, N): slippage on the price, `rate` of the money that changes hands, `fixed` an order."""
    prices, asked = np.asarray(price, dtype=np.float64), np.asarray(orders, dtype=np.float64)
    slipped = np.abs(asked) * prices * slippage
    money = np.abs(asked) * prices * (1.0 + np.sign(asked) * slippage)
    return np.asarray((slipped + money * rate + fixed * (asked != 0)).sum(axis=1))


def target_shares(
    price: npt.ArrayLike, targets: Mapping[int, Sequence[float]], rate: float, cash: float
) -> tuple[Vector, Vector]:
    """(positions (T, N), worth (T,)) when bars in `targets` rebalance to shares of the worth before that bar's costs.

    A negative share is a short position; between two rebalancings nothing is traded.
    """
    prices = np.asarray(price, dtype=np.float64)
    held, worth = np.zeros_like(prices), np.zeros(len(prices))
    position, value = np.zeros(prices.shape[1]), cash
    for t in range(len(prices)):
        value += float(position @ (prices[t] - prices[t - 1])) if t else 0.0
        if t in targets:
            wanted = value * np.asarray(targets[t], dtype=np.float64) / prices[t]
            value -= rate * float(np.abs(wanted - position) @ prices[t])
            position = wanted
        held[t], worth[t] = position, value
    return held, worth
