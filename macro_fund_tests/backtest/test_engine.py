"""The simulation: what is known when, fills, stops, costs; and that nothing is paid from the future."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from macro_fund.backtest.account import settled
from macro_fund.backtest.engine import Result, simulate
from macro_fund_tests.backtest.simulated import a_market, a_trade, rules


def held(result: Result) -> list[int]:
    return result.contracts[:, 0, 0].tolist()


def test_a_signal_is_filled_at_its_own_session_and_paid_from_the_next() -> None:
    result = simulate(a_market([100.0, 7.0, 5.0, -3.0, 50.0]), a_trade([0, 1, 1, 0, 0]), rules())
    assert held(result) == [0, 10, 10, 0, 0]
    assert result.gross[:, 0].tolist() == [0.0, 0.0, 50.0, -30.0, 0.0]
    assert result.cost[:, 0].tolist() == [0.0, 10.0, 0.0, 10.0, 0.0]
    trade = result.closed.row(0, named=True)
    assert (trade["gross_brl"], trade["cost_brl"], trade["sessions"], trade["exit"]) == (20.0, 20.0, 2, "signal")


def test_a_short_position_gains_when_the_price_falls() -> None:
    result = simulate(a_market([0.0, 0.0, -4.0]), a_trade([-1, -1, -1]), rules())
    assert held(result) == [-10, -10, -10]
    assert result.gross[2, 0] == 40.0


def test_an_asset_that_is_held_by_selling_the_contract() -> None:
    trade = a_trade([1, 1], sign=np.array([[-1.0]]))
    assert held(simulate(a_market([0.0, 0.0]), trade, rules())) == [-10, -10]


def test_a_stop_is_felt_at_the_next_settlement_and_blocks_the_signal() -> None:
    # u = 10 contracts x sqrt(100) = 100; the loss passes 150 on day 3, is seen the next morning and filled on day 4.
    pnl = [0.0, -8.0, -7.0, -1.0, -9.0, -1.0, -1.0, 0.0, 0.0]
    position = [1, 1, 1, 1, 1, 1, 0, 1, 1]
    result = simulate(a_market(pnl), a_trade(position), rules())
    assert held(result) == [10, 10, 10, 10, 0, 0, 0, 10, 10]
    trade = result.closed.row(0, named=True)
    assert trade["exit"] == "stop"
    assert trade["gross_brl"] == -250.0  # the gap of day 4 is paid, not the level of the stop


def test_a_target_and_a_time_stop() -> None:
    won = simulate(a_market([0.0, 26.0, 1.0, 0.0]), a_trade([1] * 4), rules())
    assert won.closed.row(0, named=True)["exit"] == "target"
    assert held(won) == [10, 10, 0, 0]
    late = simulate(a_market([0.0] * 8), a_trade([1] * 8, horizon=4), rules())
    assert late.closed.row(0, named=True)["exit"] == "time"
    assert held(late) == [10] * 6 + [0, 0]


def test_a_reversal_closes_one_trade_and_opens_the_other() -> None:
    result = simulate(a_market([0.0, 1.0, 1.0, 1.0]), a_trade([1, -1, -1, 0]), rules())
    assert held(result) == [10, -10, -10, 0]
    assert result.cost[:, 0].tolist() == [10.0, 20.0, 0.0, 10.0]
    first, second = result.closed.rows(named=True)
    assert (first["direction"], first["gross_brl"], first["cost_brl"]) == (1, 10.0, 20.0)
    assert (second["direction"], second["gross_brl"], second["cost_brl"]) == (-1, -20.0, 20.0)


def test_nothing_is_filled_on_a_day_that_was_locked_at_its_limit() -> None:
    free = np.array([[True], [False], [True], [True]])
    result = simulate(a_market([0.0, -5.0, -5.0, -5.0], open=free), a_trade([1, 0, 0, 0]), rules())
    assert held(result) == [10, 10, 0, 0]
    assert result.gross[:, 0].tolist() == [0.0, -50.0, -50.0, 0.0]
    late = simulate(a_market([0.0] * 4, open=free), a_trade([0, 1, 1, 1]), rules())
    assert held(late) == [0, 0, 10, 10]


def test_a_leg_that_nobody_prices_any_more_is_given_up_and_the_trade_with_it() -> None:
    two = a_trade(
        [1] * 4, instrument=np.array([[0, 1]]), sign=np.array([[1.0, 1.0]]), weight=np.tile([1.0, -0.5], (4, 1, 1))
    )
    free = np.array([[True, True], [True, False], [True, False], [True, False]])
    dead = np.array([[False, False], [False, False], [False, True], [False, True]])
    result = simulate(a_market(np.zeros((4, 2)), open=free, dead=dead), two, rules())
    assert result.contracts[:, 0].tolist() == [[10, -5], [10, -5], [0, 0], [0, 0]]
    assert result.closed.row(0, named=True)["exit"] == "no_price"
    assert result.cost[2, 0] == 15.0


def test_a_roll_costs_a_round_trip() -> None:
    rolled = np.array([[False], [True], [False]])
    result = simulate(a_market([0.0] * 3, rolled=rolled), a_trade([1, 1, 1]), rules())
    assert result.cost[:, 0].tolist() == [10.0, 20.0, 0.0]


def test_a_position_is_kept_while_the_wanted_size_moves_little() -> None:
    strength = np.array([[1.0], [0.85], [1.19], [1.21], [0.5]])
    result = simulate(a_market([0.0] * 5), a_trade([1] * 5, strength=strength), rules())
    assert held(result) == [10, 10, 10, 12, 5]


def test_without_a_view_a_position_is_kept_for_a_week_and_then_closed() -> None:
    view = np.array([[True]] + [[False]] * 8)
    result = simulate(a_market([0.0] * 9), a_trade([1] + [0] * 8, view=view), rules())
    assert held(result) == [10] * 6 + [0] * 3
    assert result.closed.row(0, named=True)["exit"] == "no_view"


def test_margin_caps_the_size() -> None:
    asked = rules()
    capped = replace(asked, margin_cap=40.0 / asked.capital_brl)
    assert held(simulate(a_market([0.0, 0.0]), a_trade([1, 1]), capped)) == [4, 4]


def test_a_trade_with_an_unknown_weight_or_price_is_not_opened() -> None:
    unknown = a_trade([1, 1], weight=np.full((2, 1, 1), np.nan))
    assert held(simulate(a_market([0.0, 0.0]), unknown, rules())) == [0, 0]
    unpriced = a_market([0.0, 0.0], known_unit=np.array([[np.nan], [1.0]]))
    assert held(simulate(unpriced, a_trade([1, 1]), rules())) == [0, 10]


def test_both_legs_are_filled_or_none() -> None:
    two = a_trade(
        [1, 1, 1],
        instrument=np.array([[0, 1]]),
        sign=np.array([[1.0, 1.0]]),
        weight=np.tile(np.array([1.0, -0.5]), (3, 1, 1)),
    )
    free = np.array([[True, False], [True, True], [True, True]])
    result = simulate(a_market(np.zeros((3, 2)), open=free), two, rules())
    assert result.contracts[:, 0].tolist() == [[0, 0], [10, -5], [10, -5]]


def test_twice_the_costs_cost_twice() -> None:
    base = rules()
    one, two = (
        simulate(a_market([0.0] * 4), a_trade([1, 1, -1, 0]), r) for r in (base, replace(base, cost_factor=2.0))
    )
    assert two.cost.sum() == 2 * one.cost.sum()
    assert np.array_equal(one.contracts, two.contracts)


days = st.integers(6, 40)


@st.composite
def worlds(draw: st.DrawFn) -> tuple:
    n = draw(days)
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    free = rng.random((n, 1)) > 0.15
    market = a_market(rng.normal(0, 6, n), open=free, rolled=rng.random((n, 1)) > 0.9)
    side = rng.integers(-1, 2, n)
    trade = a_trade(
        side,
        horizon=draw(st.integers(2, 12)),
        strength=np.abs(side[:, None]) * rng.uniform(0.3, 1.0, (n, 1)),
        view=rng.random((n, 1)) > 0.1,
    )
    return market, trade


@given(worlds())
@settings(max_examples=120)
def test_the_account_agrees_and_every_real_is_in_a_trade(world: tuple) -> None:
    market, trade = world
    result = simulate(market, trade, rules())
    positions = result.contracts[:, 0]
    assert settled(market.pnl, positions, result.cost[:, 0]) == pytest.approx(result.net[:, 0], abs=1e-9)
    assert (result.cost >= 0).all()
    before = np.vstack([np.zeros_like(positions[:1]), positions[:-1]])
    assert ((positions == before) | market.open).all()
    if positions[-1, 0] == 0:
        assert result.closed["gross_brl"].sum() == pytest.approx(result.gross.sum(), abs=1e-9)
        assert result.closed["cost_brl"].sum() == pytest.approx(result.cost.sum(), abs=1e-9)


@given(worlds(), st.integers(1, 5))
@settings(max_examples=80)
def test_the_future_changes_nothing_before_it(world: tuple, back: int) -> None:
    market, trade = world
    n = market.sessions.size - back
    other = replace(market, pnl=market.pnl.copy(), cost=market.cost.copy())
    other.pnl[n:], other.cost[n:] = 1e6, 77.0
    turned = replace(trade, position=trade.position.copy())
    turned.position[n:] *= -1
    one, two = simulate(market, trade, rules()), simulate(other, turned, rules())
    assert np.array_equal(one.contracts[:n], two.contracts[:n])
    assert np.array_equal(one.net[:n], two.net[:n])
