"""CROSS-01: priors, shrunk Sharpe ratios that look back only, the month's decision, signs."""

from __future__ import annotations

from datetime import date

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from macro_fund.settings import default_settings
from macro_fund.strategies.cross_01 import _sharpe, allocation, conditional_sharpe, rebalanced, signals
from macro_fund_tests.strategies.frames import World, world
from macro_fund_tests.strategies.fx_frames import regime_rows

PARAMS = default_settings().strategy("CROSS-01")
N = 320
# The table of the design: goldilocks, reflation, stagflation, deflation.
SIGNS = {
    "DI1_2Y": "+--+",
    "DOL_1M": "++--",
    "IND_2M": "++--",
    "ES": "++--",
    "ZN": "+--+",
    "GC": "0+++",
    "DAP_2Y": "+0-+",
}
REGIMES = ("p_goldilocks", "p_reflation", "p_stagflation", "p_deflation")


def certain(w: World, regime: int, **more: object) -> pl.DataFrame:
    """The regime view that is sure of one regime throughout."""
    odds = {name: pl.lit(1.0 if k == regime else 0.0) for k, name in enumerate(REGIMES)}
    return regime_rows(w.keys, 7).with_columns(**odds, **{k: pl.lit(v) for k, v in more.items()})


@pytest.mark.parametrize("regime", range(4))
def test_a_sure_regime_holds_what_it_favours(regime: int) -> None:
    w = world(N)
    # Without returns there is only the prior, at half weight.
    panel = w.with_panel(regime_view=certain(w, regime), leg_returns=w.panel.table("silver/leg_returns").clear()).panel
    rows = {r["instrument"]: r for r in signals(panel, PARAMS, w.keys[-1:]).iter_rows(named=True)}
    for instrument, signs in SIGNS.items():
        prior = {"+": 1, "-": -1, "0": 0}[signs[regime]]
        assert rows[instrument]["signal"] == pytest.approx(0.5 * prior)
        assert rows[instrument]["direction"] == prior * (-1 if instrument == "DOL_1M" else 1)
        assert rows[instrument]["trade"] == instrument


def test_sharpe_by_hand() -> None:
    gain = np.array([0.01, -0.02, 0.03, 0.005])
    odds = np.array([[1, 0], [0.5, 0.5], [0, 1], [0.25, 0.75]])
    found = conditional_sharpe(gain, odds, 8.0)[-1]
    for k in range(2):
        w = odds[:, k]
        mean = np.average(gain, weights=w)
        ratio = mean / np.sqrt(np.average((gain - mean) ** 2, weights=w)) * np.sqrt(252)
        years = w.sum() / 252
        assert found[k] == pytest.approx(ratio * years / (years + 8.0))


def test_a_planted_premium_is_found_in_its_regime_alone() -> None:
    rng = np.random.default_rng(3)
    regime = (np.arange(2520) // 60) % 2
    gain = rng.normal(0.0, 1.0, 2520) + np.where(regime == 0, 0.15, -0.15)
    odds = np.stack([1.0 - regime, 1.0 * regime], axis=1)
    last = conditional_sharpe(gain, odds, 8.0)[-1]
    assert last[0] > 0.5
    assert last[1] < -0.5


@settings(max_examples=15)
@given(st.integers(5, 60), st.integers(0, 2**31))
def test_sharpe_never_looks_ahead_and_is_bounded(n: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    gain, odds = rng.normal(size=n), rng.dirichlet(np.ones(4), n)
    whole, part = conditional_sharpe(gain, odds, 8.0), conditional_sharpe(gain[:-2], odds[:-2], 8.0)
    assert np.array_equal(whole[:-2], part)
    assert (np.abs(whole) <= 1).all()


def test_allocation_by_hand() -> None:
    odds, sharpe = np.array([[0.5, 0.3, 0.2, 0.0]]), np.array([[0.2, -0.4, 0.0, 1.0]])
    prior = np.array([1.0, -1.0, -1.0, 1.0])
    assert allocation(odds, prior, sharpe)[0] == pytest.approx(0.5 * 0.6 + 0.3 * -0.7 + 0.2 * -0.5)


def test_the_month_keeps_its_first_known_value() -> None:
    days = pl.Series([date(2020, 1, 30), date(2020, 1, 31), date(2020, 2, 3), date(2020, 2, 4), date(2020, 2, 5)])
    found = rebalanced(days, np.array([1.0, 2.0, np.nan, 3.0, 4.0]))
    assert np.array_equal(found, [1.0, 1.0, np.nan, 3.0, 3.0], equal_nan=True)


def test_a_days_return_is_weighted_by_odds_known_before_it() -> None:
    w = world(N)
    odds = w.panel.table("agents/regime_view").select("session", *REGIMES)

    def at_the_end(changed: date) -> np.ndarray:
        here = pl.col("session") == changed
        turned = odds.with_columns(
            pl.when(here).then(pl.lit(1.0 if k == 2 else 0.0)).otherwise(pl.col(n)).alias(n)
            for k, n in enumerate(REGIMES)
        )
        return _sharpe(w.panel, "ES", turned, 8.0)[-1]

    untouched = _sharpe(w.panel, "ES", odds, 8.0)[-1]
    # The newest return is of the calendar day before the last session: last morning's odds came after it.
    assert np.array_equal(at_the_end(w.keys[-1]), untouched)
    assert not np.array_equal(at_the_end(w.keys[-2]), untouched)


def test_a_view_lost_is_flat_and_a_degraded_one_says_so() -> None:
    w = world(N)
    lost = signals(w.with_panel(regime_view=certain(w, 0, status="no_view")).panel, PARAMS, w.keys[-1:])
    assert lost["status"].unique().to_list() == ["no_view"]
    assert lost["reason"].unique().to_list() == ["regime view has no view"]
    weak = signals(w.with_panel(regime_view=certain(w, 0, status="degraded")).panel, PARAMS, w.keys[-1:])
    assert weak["status"].unique().to_list() == ["degraded"]
    assert weak["confidence"].max() <= 0.4
