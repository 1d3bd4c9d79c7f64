"""Every registered strategy: shape, any window the same rows, and no look ahead."""

from __future__ import annotations

from dataclasses import replace

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from macro_fund.settings import default_settings
from macro_fund.store.tables import TABLES
from macro_fund.strategies.panel import Panel
from macro_fund.strategies.registry import RegisteredStrategy, all_strategies
from macro_fund_tests.strategies.frames import poisoned, world

W = world(900)
every = pytest.mark.parametrize("strategy", all_strategies(), ids=lambda s: s.id)


def params(strategy: RegisteredStrategy):
    return default_settings().strategy(strategy.id)


def mapped(panel: Panel, change) -> Panel:
    return replace(panel, tables={k: change(f) if not f.is_empty() else f for k, f in panel.tables.items()})


@every
def test_shape(strategy: RegisteredStrategy) -> None:
    rows = strategy.signals(W.panel, params(strategy), W.keys)
    table = TABLES[strategy.table]
    assert rows.schema == table.schema
    assert rows.select(table.sort).is_duplicated().sum() == 0
    assert set(rows["instrument"]) == set(params(strategy).instruments)
    assert rows.group_by("session").len()["len"].n_unique() == 1
    assert rows["session"].n_unique() == len(W.keys)
    assert rows.select(pl.col(table.required).null_count()).sum_horizontal().item() == 0
    seen = rows.filter(pl.col("status") != "no_view")
    assert (seen.height > 0) == (not strategy.licensed)
    assert seen["signal"].is_between(-1, 1).all()
    assert seen["confidence"].is_between(0, 1).all()
    assert (rows["reason"] != "").all()


@every
def test_any_window_gives_the_same_rows(strategy: RegisteredStrategy) -> None:
    window = W.keys[-80:]
    together = strategy.signals(W.panel, params(strategy), window)
    assert_frame_equal(
        strategy.signals(W.panel, params(strategy), W.keys).filter(pl.col("session").is_in(window)),
        together,
        check_exact=True,
    )
    for session in (window[0], window[41], window[-1]):
        alone = together.filter(pl.col("session") == session)
        assert_frame_equal(strategy.signals(W.panel, params(strategy), [session]), alone, check_exact=True)
        cut = mapped(W.panel, lambda f, s=session: f.filter(pl.col("session") <= s))
        assert_frame_equal(strategy.signals(cut, params(strategy), [session]), alone, check_exact=True)


@every
def test_poison_after_the_session_changes_nothing(strategy: RegisteredStrategy) -> None:
    window = W.keys[-80:-40]
    poison = mapped(W.panel, lambda f: poisoned(f, window[-1]))
    assert_frame_equal(
        strategy.signals(poison, params(strategy), window),
        strategy.signals(W.panel, params(strategy), window),
        check_exact=True,
    )


@every
def test_no_data_gives_no_view(strategy: RegisteredStrategy) -> None:
    nothing = mapped(W.panel, lambda f: f.clear())
    rows = strategy.signals(nothing, params(strategy), W.keys[-2:])
    assert rows["status"].unique().to_list() == ["no_view"]
    assert rows["signal"].null_count() == rows.height
