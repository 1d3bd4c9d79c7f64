"""The audit of a strategy: a planted leak is named, the order of signals matters where there is an edge."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import numpy as np
import polars as pl
import pytest

from macro_fund.backtest import audit as attacks
from macro_fund.backtest import lab
from macro_fund.backtest.audit import Replayed, audit, neighbours, premium, probes, read_ahead, replayed
from macro_fund.backtest.engine import Rules
from macro_fund.backtest.lab import Outcome, Variant
from macro_fund.backtest.sharpe import annualised, sharpe
from macro_fund.settings import default_settings
from macro_fund.strategies.panel import Panel
from macro_fund.strategies.registry import RegisteredStrategy, get
from macro_fund_tests.backtest.simulated import a_market, a_trade, rules
from macro_fund_tests.strategies.frames import world

W = world(900)
FX = get("FX-02")
FEW = 9
VARIANT = Variant(default_settings().strategy("FX-02"), Rules())


@pytest.fixture(autouse=True)
def _few_shuffles(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each shuffle is a whole simulation; what many of them say is in test_robustness."""
    monkeypatch.setattr(attacks, "SHUFFLES", FEW)


def base(strategy: RegisteredStrategy = FX) -> Outcome:
    return lab.run(strategy, [VARIANT], W.panel, W.keys)[0]


def tomorrow(panel: Panel, params, sessions: list[date]) -> pl.DataFrame:
    """FX-02 on a panel whose exchange rate is tomorrow's."""
    dollar = pl.col("series_id") == "br_usdbrl_ptax_ask"
    ahead = pl.coalesce(pl.col("value").shift(-1).over("series_id"), "value")
    known = panel.as_known.sort("series_id", "session").with_columns(
        pl.when(dollar).then(ahead).otherwise("value").alias("value")
    )
    tables = {**panel.tables, "silver/as_known": known.sort("session", "series_id")}
    return FX.signals(replace(panel, tables=tables), params, sessions)


def test_probes_are_sessions_and_end_with_the_last() -> None:
    found = probes(W.keys, 5)
    assert len(found) == 5
    assert found[-1] == W.keys[-1]
    assert set(found) <= set(W.keys)


def test_a_strategy_that_reads_tomorrow_is_named() -> None:
    assert read_ahead(FX, VARIANT, W.panel, W.keys, 3) == []
    words = read_ahead(replace(FX, signals=tomorrow), VARIANT, W.panel, W.keys, 3)
    assert any(w.startswith("FX-02 DOL_1M: signal of ") for w in words)


def test_signals_in_their_own_order_are_the_backtest() -> None:
    again = replayed(FX, VARIANT, W.panel, W.keys)
    assert again(again.rows) == pytest.approx(annualised(sharpe(np.append(base().returns, 0.0))), rel=0.02)


def timed(edge: float, seed: int = 5) -> Replayed:
    """A market of noise and signals that know the sign of a slow drift under it."""
    rng = np.random.default_rng(seed)
    drift = np.sign(np.sin(np.arange(1500) / 40.0))
    trade = a_trade(drift.astype(int), horizon=400)
    return Replayed(a_market(rng.normal(0, 1, 1500) + edge * drift), trade, rules(time_horizons=9.0, stop_u=99.0))


def test_an_edge_in_the_timing_does_not_survive_a_shuffle_and_noise_does() -> None:
    from macro_fund.backtest.robustness import shuffle_test

    real, none = timed(0.25), timed(0.0)
    assert shuffle_test(real, real.rows, seed=1, reps=19).p_value <= 0.05
    assert shuffle_test(none, none.rows, seed=1, reps=19).p_value > 0.05


def test_a_row_without_a_signal_is_flat() -> None:
    again = timed(0.25)
    assert again(np.full(1500, np.nan)) == 0.0


def test_neighbours_are_a_quarter_away_in_one_setting_each() -> None:
    found = dict(neighbours(VARIANT))
    assert found["enter x 1.25"].strategy.enter == pytest.approx(0.375)
    assert found["params.z_window x 0.75"].strategy.params["z_window"] == 378
    assert all(v.rules == VARIANT.rules for v in found.values())
    tight = Variant(VARIANT.strategy.model_copy(update={"exit": 0.29}), Rules())
    assert "exit x 1.25" not in dict(neighbours(tight))  # above enter: nobody can have it


def test_revised_data_change_nothing_where_nothing_was_revised() -> None:
    none = premium(FX, VARIANT, W.panel, W.observations, base())
    assert none is not None
    assert none.premium == 0.0
    later = W.observations.filter(pl.col("series_id") == "br_usdbrl_ptax_ask").with_columns(
        pl.col("knowledge_time").dt.offset_by("90d"), value=pl.col("value") * (1 + (pl.int_range(pl.len()) % 7) / 100)
    )
    revised = premium(FX, VARIANT, W.panel, pl.concat([W.observations, later]), base())
    assert revised is not None
    assert revised.final != revised.as_known


def test_a_strategy_that_reads_no_series_is_audited_on_the_tables_that_it_declares() -> None:
    """RATES-08 stands on returns alone, and its panel holds nothing else."""
    rates = get("RATES-08")
    variant = Variant(default_settings().strategy("RATES-08"), Rules())
    panel = replace(W.panel, tables={k: v for k, v in W.panel.tables.items() if k in rates.inputs})
    outcome = lab.run(rates, [variant], panel, W.keys)[0]
    done = audit(rates, outcome, panel, W.observations, [], seed=3, count=1)
    assert outcome.start < outcome.gross.size, "it traded"
    assert done.premium is None
    assert done.shift is not None


def test_the_whole_audit() -> None:
    near = neighbours(VARIANT)[:2]
    outcomes = lab.run(FX, [v for _, v in near], W.panel, W.keys)
    tried = [(name, o) for (name, _), o in zip(near, outcomes, strict=True)]
    done = audit(FX, base(), W.panel, W.observations, tried, seed=3, count=2)
    assert done.leaks == []
    assert done.costs[0.0] > done.costs[1.0] > done.costs[2.0]
    assert done.settings is not None
    assert done.settings.tried == 3
    assert done.shift is not None
    assert done.shift.base == pytest.approx(done.costs[1.0], abs=0.05)
    assert done.shuffle is not None
    assert done.shuffle.shuffled.size == FEW


def test_costs_are_multiples_of_the_published_ones_whatever_the_variant_pays() -> None:
    dear = lab.run(FX, [VARIANT.changed({"rules.cost_factor": 2.0})], W.panel, W.keys)[0]
    done = audit(FX, dear, W.panel, W.observations, [], seed=3, count=1)
    assert done.costs[2.0] == pytest.approx(annualised(sharpe(dear.returns)), rel=1e-12)


def test_a_strategy_that_never_trades_has_nothing_to_attack() -> None:
    silent = replace(FX, signals=lambda p, q, s: FX.signals(p, q, s).with_columns(strength=pl.lit(0.0)))
    done = audit(silent, base(silent), W.panel, W.observations, [], seed=3, count=1)
    assert done.premium is done.shift is done.shuffle is done.settings is None
    assert done.costs == {}
