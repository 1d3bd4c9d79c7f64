"""Accounting of orders against published results of two simulators."""

from __future__ import annotations

import numpy as np
import pytest

from macro_fund.backtest.account import equity, order_costs, target_shares

A = [100.0, 101.0, 103.0, 102.0, 104.0, 105.0]
B = [50.0, 49.5, 50.5, 51.0, 50.0, 49.0]
PRICES = np.array([A, B]).T
TARGETS = {0: [0.6, -0.4], 3: [0.5, 0.4]}


def test_orders_with_slippage_and_fees() -> None:
    """vectorbt 1.2.0 from_orders, and by hand: 5 bp of slippage, 10 bp and one unit of fee."""
    price = np.array([[100.0], [102.0], [101.0], [105.0], [103.0], [106.0]])
    orders = np.array([[0.0], [100.0], [0.0], [0.0], [-100.0], [0.0]])
    cost = order_costs(price, orders, rate=0.001, fixed=1.0, slippage=0.0005)
    worth = equity(price, np.cumsum(orders, axis=0), cost, cash=20_000.0)
    expected = [20000.0, 19983.6949, 19883.6949, 20283.6949, 20067.25005, 20067.25005]
    assert worth == pytest.approx(expected, abs=1e-6)


def test_targets_long_and_short_with_a_fee() -> None:
    """vectorbt 1.2.0 with shared cash and a fee of 5 bp: sizes are of the worth before the fee."""
    _, worth = target_shares(PRICES, TARGETS, rate=0.0005, cash=100_000.0)
    expected = [99950.0, 100950.0, 101350.0, 100304.0175, 100500.782206, 100205.635147]
    assert worth == pytest.approx(expected, abs=1e-5)


def test_targets_without_a_fee() -> None:
    """vectorbt 1.2.0 and bt 1.4.1 agree when nothing costs."""
    held, worth = target_shares(PRICES, TARGETS, rate=0.0, cash=100_000.0)
    expected = [100000.0, 101000.0, 101400.0, 100400.0, 100596.862745, 100301.568627]
    assert worth == pytest.approx(expected, abs=1e-5)
    assert equity(PRICES, held, np.zeros(6), 100_000.0) == pytest.approx(worth)


def test_what_is_bought_at_a_bar_is_paid_from_the_next() -> None:
    held = np.array([[0.0], [1.0], [1.0], [0.0]])
    price = np.array([[1.0], [2.0], [4.0], [8.0]])
    assert equity(price, held, np.zeros(4), 0.0).tolist() == [0.0, 0.0, 2.0, 6.0]
