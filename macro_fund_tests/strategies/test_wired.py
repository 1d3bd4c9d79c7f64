"""Every input that a strategy declares moves its signals: wired, or dropped from the declaration."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from macro_fund.settings import Strategy, default_settings
from macro_fund.store.tables import TABLES
from macro_fund.strategies.registry import RegisteredStrategy, all_strategies
from macro_fund_tests.strategies import test_fx_04, test_sov_01, test_sov_02
from macro_fund_tests.strategies.frames import World, world
from macro_fund_tests.strategies.licensed_frames import quoted

W = world(900)
EDGES = [(s, key) for s in all_strategies() for key in s.inputs]


def scene(strategy: RegisteredStrategy) -> World:
    """A world in which the strategy speaks: with quotes of what only a licensed feed brings."""
    if strategy.id == "CUPOM-02":
        noise = np.random.default_rng(11).normal(0, 0.02, len(W.keys))
        return quoted(W, {"br_ndf_1m": 2.0 * np.exp(0.1 * np.sin(np.arange(len(W.keys)) / 30) + noise)})
    made = {"FX-04": (test_fx_04.N, test_fx_04.surface), "SOV-01": (test_sov_01.N, test_sov_01.curve)}
    made["SOV-02"] = (test_sov_02.N, test_sov_02.spreads)
    if strategy.id in made:
        days, quotes = made[strategy.id]
        return quoted(world(days), quotes())
    return W


def settings(strategy: RegisteredStrategy) -> Strategy:
    """As configured, but for the length of the first fit: this world has four years."""
    own = default_settings().strategy(strategy.id)
    return own.model_copy(update={"params": {**own.params, "fit_min": 250}}) if "fit_min" in own.params else own


def moved(key: str, frame: pl.DataFrame) -> pl.DataFrame:
    """Every number that is no part of the key moved by up to 2%, each row otherwise; texts and flags as they are."""
    step = 1 + ((pl.int_range(pl.len()) % 7) - 3) * 0.007
    key_columns = set(TABLES[key].sort)
    numbers = [n for n, t in frame.schema.items() if t.is_float() and n not in key_columns]
    whole = [n for n, t in frame.schema.items() if t.is_integer() and n not in key_columns]
    changed = [*(pl.col(n) * step for n in numbers), *(pl.col(n) + pl.col(n).sign() for n in whole)]
    return frame.with_columns(changed)


def hawkish(_: str, frame: pl.DataFrame) -> pl.DataFrame:
    return frame.with_columns(pl.lit(1.0).alias("state_score"))


# RATES-01 asks the monetary view one thing: does it speak against receiving?
OTHERWISE = {("RATES-01", "agents/monetary_view"): hawkish}


@pytest.mark.parametrize(("strategy", "key"), EDGES, ids=lambda x: x if isinstance(x, str) else x.id)
def test_an_input_moves_the_signals(strategy: RegisteredStrategy, key: str) -> None:
    params, found = settings(strategy), scene(strategy)
    tables = {k: found.panel.tables[k] for k in strategy.inputs}  # as in the graph: nothing else is there
    change = OTHERWISE.get((strategy.id, key), moved)
    as_it_is = replace(found.panel, tables=tables)
    other = replace(found.panel, tables={**tables, key: change(key, tables[key])})
    before = strategy.signals(as_it_is, params, found.keys)
    after = strategy.signals(other, params, found.keys)
    assert not before.equals(after), f"{strategy.id} says that it reads {key}, and is the same whatever it says"
