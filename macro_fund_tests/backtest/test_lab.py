"""Variants: settings by name, together the same as alone, the same as the pro-forma record."""

from __future__ import annotations

import re
from functools import cache

import numpy as np
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from macro_fund.backtest import lab, record
from macro_fund.backtest.engine import Rules
from macro_fund.backtest.lab import Asked, Outcome, Variant, at_costs, grid, run, run_together
from macro_fund.settings import default_settings
from macro_fund.strategies import registry
from macro_fund_tests.backtest.outcomes import a_variant
from macro_fund_tests.strategies.frames import World, world

FX = registry.get("FX-02")


@cache
def a_world() -> World:
    return world(900)


@cache
def base() -> Variant:
    return Variant(default_settings().strategy("FX-02"), Rules())


@cache
def results(*names: str) -> list[Outcome]:
    options = {
        "as it is": base(),
        "early": base().changed({"enter": 0.15}),
        "tight": base().changed({"rules.stop_u": 0.5}),
    }
    return run(FX, [options[n] for n in names], a_world().panel, a_world().keys)


def same(a: Outcome, b: Outcome) -> None:
    for name in ("gross", "cost", "margin", "held", "traded", "price", "sessions"):
        np.testing.assert_array_equal(getattr(a, name), getattr(b, name), err_msg=name)
    assert_frame_equal(a.closed, b.closed)


def test_variants_together_are_what_each_is_alone() -> None:
    together = results("as it is", "early", "tight")
    for one, name in zip(together, ("as it is", "early", "tight"), strict=True):
        same(one, results(name)[0])
    assert len({o.gross.tobytes() for o in together}) == 3


def test_strategies_together_are_what_each_is_alone() -> None:
    """With other instruments, numbers of legs, and rules: each keeps its own columns, P&L and trades."""
    w = a_world()
    ids = ("CROSS-02", "FX-02", "RATES-07", "RATES-01")
    asked = [Asked(registry.get(i), sets(i), w.panel) for i in ids]
    together = run_together(asked, w.keys)
    for one, outcomes in zip(asked, together, strict=True):
        alone = run(one.strategy, one.variants, w.panel, w.keys)
        for a, b in zip(outcomes, alone, strict=True):
            same(a, b)
            assert (a.variant, a.instruments, a.first, a.last) == (b.variant, b.instruments, b.first, b.last)
    assert len({len(o.instruments) for outcomes in together for o in outcomes}) > 1
    assert sum(np.any(o.held != 0) for outcomes in together for o in outcomes) >= 6


def sets(strategy_id: str) -> list[Variant]:
    own = Variant(default_settings().strategy(strategy_id), Rules())
    return [own, own.changed({"rules.stop_u": 0.5}), own.changed({"enter": own.strategy.enter * 0.9})]


def test_strategies_together_are_paid_from_one_table() -> None:
    w = a_world()
    legs = w.panel.table("silver/leg_returns")
    other = w.with_panel(leg_returns=legs.with_columns(pl.col("pnl_brl") * 2.0))
    with pytest.raises(ValueError, match="are paid from one silver/leg_returns"):
        run_together([Asked(FX, [base()], w.panel), Asked(FX, [base()], other.panel)], w.keys)


def test_one_strategy_asked_twice_is_two_results() -> None:
    w = a_world()
    early = base().changed({"enter": 0.15})
    first, second = run_together([Asked(FX, [base()], w.panel), Asked(FX, [early], w.panel)], w.keys)
    same(first[0], results("as it is")[0])
    same(second[0], results("early")[0])


def test_the_lab_gives_the_pro_forma_record() -> None:
    """The configured variant over the whole history is what the graph's tables of simulated strategies hold."""
    w, settings = a_world(), default_settings()
    legs = w.panel.table("silver/leg_returns")
    names = set(base().strategy.instruments)
    instruments = [i for i in settings.instruments if i.id in names]
    signals = FX.signals(w.panel, base().strategy, w.keys)
    paid, result = record.simulated(signals, legs, instruments, w.keys)
    daily = record.daily(record.positions(result, paid), ["FX-02"], legs, instruments, w.keys)
    one = results("as it is")[0]
    assert daily["trade_date"].to_list() == one.sessions.tolist()
    np.testing.assert_allclose(daily["net_brl"].to_numpy(), one.gross - one.cost, atol=0.005)
    np.testing.assert_allclose(daily["margin_brl"].to_numpy(), one.margin)
    assert np.count_nonzero(one.held) > 50


def test_the_last_session_does_not_know_its_own_settlement() -> None:
    one = results("as it is")[0]
    assert (one.first, one.last) == (a_world().keys[0], a_world().keys[-1])
    assert one.sessions[-1].astype(object) == a_world().keys[-2]


def test_the_future_changes_nothing_before_it() -> None:
    w = a_world()
    short = run(FX, [base()], w.panel, w.keys[:-120])[0]
    n = short.gross.size
    whole = results("as it is")[0]
    for name in ("gross", "cost", "margin"):
        np.testing.assert_array_equal(getattr(short, name), getattr(whole, name)[:n])


def test_a_later_start_begins_without_a_position_but_knows_the_history() -> None:
    w = a_world()
    late = run(FX, [base()], w.panel, w.keys[-300:])[0]
    assert late.gross[0] == 0
    assert late.start < 200  # no year of waiting for the first z


def test_every_real_of_the_days_is_in_a_trade_or_an_open_one() -> None:
    one = results("early")[0]
    days = pl.Series(one.sessions).cast(pl.Date)
    inside = np.zeros(days.len(), dtype=bool)
    for opened, closed in one.closed.select("opened", "closed").rows():
        inside |= ((days > opened) & (days <= closed)).to_numpy()
    last = one.closed["closed"].max()
    open_now = (days > last).to_numpy()
    assert one.gross[~inside & ~open_now].sum() == 0
    assert one.gross[inside].sum() == pytest.approx(one.closed["gross_brl"].sum())


def test_settings_are_changed_by_name() -> None:
    v = a_variant().changed({"enter": "0.7", "params.z_window": "252", "rules.stop_u": "1e1", "rules.patience": 3})
    assert (v.strategy.enter, v.strategy.params["z_window"], v.rules.stop_u, v.rules.patience) == (0.7, 252, 10.0, 3)
    assert v.strategy.params["name"] == "level"
    assert v != a_variant()
    assert a_variant().changed({}) == a_variant()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"entr": 1}, "X-01 has no setting 'entr'; there are enter, exit, horizon_days, instruments, params.z_window"),
        ({"params.window": 1}, "has no setting 'params.window'"),
        ({"id": "Y"}, "has no setting 'id'"),
        ({"enter": "often"}, "enter: Input should be a valid number"),
        ({"exit": 0.6}, "X-01: exit 0.6 must be below enter 0.5; change --set or --grid"),
        ({"horizon_days": 0}, "horizon_days: Input should be greater than 0"),
        ({"params.z_window": "long"}, "params.z_window must be a number like 504, got 'long'"),
        ({"rules.stop_u": "-1"}, "rules.stop_u must be a number of 0 or more"),
        ({"rules.stop_u": "nan"}, "rules.stop_u must be a number of 0 or more"),
        ({"rules.capital_brl": 0}, "rules.capital_brl must be above 0"),
        ({"rules.patience": 1.5}, "rules.patience must be a whole number"),
    ],
)
def test_a_wrong_setting_is_refused(changes: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=re.escape(message)):
        a_variant().changed(changes)


def test_a_grid_is_every_combination_once() -> None:
    sets = grid(a_variant(), {"enter": [0.3, 0.5, "0.50"], "rules.stop_u": [1, 2]})
    assert [(v.strategy.enter, v.rules.stop_u) for v in sets] == [(0.3, 1), (0.3, 2), (0.5, 1), (0.5, 2)]
    assert grid(a_variant(), {}) == [a_variant()]
    assert len(grid(a_variant(), {"exit": [0.6], "enter": [0.8]})) == 1  # only the whole set has to make sense
    with pytest.raises(ValueError, match="enter has no values"):
        grid(a_variant(), {"enter": []})


def test_more_costs_change_nothing_but_costs() -> None:
    twice = run(FX, [at_costs(base(), 2.0)], a_world().panel, a_world().keys)[0]
    once = results("as it is")[0]
    np.testing.assert_allclose(twice.cost, 2 * once.cost)
    np.testing.assert_array_equal(twice.gross, once.gross)


def test_one_session_is_no_backtest() -> None:
    with pytest.raises(ValueError, match="at least 2 sessions"):
        run(FX, [base()], a_world().panel, a_world().keys[:1])


def test_progress_is_told() -> None:
    told: list[tuple[int, int]] = []
    run(
        FX,
        [base(), base().changed({"enter": 0.4})],
        a_world().panel,
        a_world().keys[-50:],
        lambda a, b: told.append((a, b)),
    )
    assert told == [(1, 2), (2, 2)]


def test_the_capital_scales_money_and_not_returns() -> None:
    large = run(FX, [base().changed({"rules.capital_brl": 1e9})], a_world().panel, a_world().keys)[0]
    once = results("as it is")[0]
    assert large.gross.sum() == pytest.approx(10 * once.gross.sum(), rel=0.05)
    assert large.returns.sum() == pytest.approx(once.returns.sum(), rel=0.05)


def test_columns_are_those_of_the_signal_tables() -> None:
    from macro_fund.store.tables import TABLES

    assert set(lab.COLUMNS) <= set(TABLES["signals/fx_02"].schema)
