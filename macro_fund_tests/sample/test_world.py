"""The simulated world: inside the catalogue's bounds, consistent across series, and with the planted truth in it."""

from __future__ import annotations

from datetime import UTC, datetime
from importlib import import_module

import numpy as np
import pytest

from macro_fund.sample.catalogue import SERIES, cdi, inflation_target, line_of, ptax_ask, ptax_bid, selic_target
from macro_fund.sample.paths_curves import di_rates, par_yields
from macro_fund.sample.paths_macro import SEASON
from macro_fund.sample.regimes import GROWTH_SIGN, INFLATION_SIGN
from macro_fund.sample.transport import SampleTransport
from macro_fund.sample.world import World, load_world
from macro_fund.settings import default_settings
from macro_fund_tests.sample.asking import SEED, newest


@pytest.fixture(scope="module")
def world() -> World:
    return load_world(SEED)


@pytest.mark.parametrize("source", sorted({s.source for s in default_settings().series}))
def test_every_series_of_the_catalogue_is_simulated(source: str) -> None:
    """Each has a value, in its range and not stale, on one evening: by its path (line_of) or by its own wire."""
    now = datetime(2026, 11, 12, 23, 30, tzinfo=UTC)
    rows = newest(SampleTransport(SEED, now=now), import_module(f"macro_fund.sources.{source}"), now)
    found = {str(i[0]): own["value"] for i, own in rows.group_by("series_id")}
    series = default_settings().series_of(source)
    assert set(found) == {s.id for s in series}
    if rows.schema["value"].is_numeric():
        outside = [s.id for s in series if not found[s.id].is_between(s.low, s.high).all()]
        assert outside == []


def test_no_path_is_left_over() -> None:
    assert set(SERIES) <= {s.id for s in default_settings().series}


@pytest.mark.parametrize("seed", [SEED, 0, 1, 2, 3, 4])
def test_all_values_lie_inside_the_bounds_of_the_catalogue(seed: int) -> None:
    outside = {}
    for s in default_settings().series:
        if s.frequency == "E":
            continue  # texts
        days, values = line_of(s).generator(load_world(seed))
        stored = values * s.scale
        assert np.isfinite(stored).mean() > 0.9, s.id
        assert (np.diff(days) > np.timedelta64(0)).all(), s.id
        if np.nanmin(stored) < s.low or np.nanmax(stored) > s.high:
            outside[s.id] = (np.nanmin(stored), np.nanmax(stored), s.low, s.high)
    assert not outside


def test_a_negative_seed_is_refused_with_the_remedy() -> None:
    with pytest.raises(ValueError, match="seed -1 is negative; give a whole number"):
        load_world(-1)


def test_seeds_differ() -> None:
    assert not np.array_equal(load_world(1).markets.prices["usdbrl"], load_world(2).markets.prices["usdbrl"])


def test_twelve_month_inflation_is_the_product_of_the_monthly_prints(world: World) -> None:
    monthly = world.macro.ipca
    at = int(np.searchsorted(world.macro.months, np.datetime64("2015-06-01")))
    product = np.prod(1 + monthly[at - 11 : at + 1] / 100)
    assert world.macro.ipca_12m[at] == pytest.approx(100 * (product - 1), abs=0.005)
    assert world.macro.months[11] == np.datetime64("2003-12-01")
    assert np.isnan(world.macro.ipca_12m[:11]).all()
    assert np.isfinite(world.macro.ipca_12m[11:]).all()


def test_seasonal_pattern_moves_months_not_years() -> None:
    assert pytest.approx(0.0, abs=1e-12) == SEASON.sum()


def test_inflation_targets_are_the_public_ones(world: World) -> None:
    days, values = inflation_target(world)
    by_year = dict(zip((days.astype("datetime64[Y]").astype(int) + 1970).tolist(), values.tolist(), strict=True))
    facts = {2005: 4.5, 2018: 4.5, 2019: 4.25, 2020: 4.0, 2021: 3.75, 2022: 3.5, 2023: 3.25, 2024: 3.0, 2030: 3.0}
    assert {y: by_year[y] for y in facts} == facts


def test_selic_moves_in_quarter_points_eight_times_a_year_the_day_after_a_wednesday(world: World) -> None:
    days, rate = selic_target(world)
    assert ((rate * 4) % 1 == 0).all()
    assert rate.min() >= 2
    assert rate.max() <= 20
    years = world.policy.copom.astype("datetime64[Y]")
    assert set(np.unique(years, return_counts=True)[1].tolist()) == {8}
    moved = days[1:][np.diff(rate) != 0]
    assert moved.size > 60
    weekday = (moved.astype(np.int64) + 3) % 7
    assert (weekday == 3).all()
    assert np.isin(moved - 1, world.policy.copom).all()


def test_no_copom_on_a_bank_holiday(world: World) -> None:
    inside = world.policy.copom[world.policy.copom >= np.datetime64("2004-01-01")]
    assert np.isin(inside, world.grid.anbima).all()


def test_cdi_runs_ten_basis_points_below_the_target_of_the_same_day(world: World) -> None:
    days, daily = cdi(world)
    target_days, target = selic_target(world)
    in_force = target[np.searchsorted(target_days, days)]
    yearly = 100 * ((1 + daily / 100) ** 252 - 1)
    assert np.abs(yearly - (in_force - 0.10)).max() < 2e-4  # six decimals of a daily rate


def test_ptax_bid_is_six_ten_thousandths_below_the_ask(world: World) -> None:
    assert np.allclose(ptax_ask(world)[1] - ptax_bid(world)[1], 0.0006, atol=1e-9)


def test_di_curve_is_sensible_everywhere(world: World) -> None:
    years = np.array([1 / 252, 0.25, 0.5, 1, 2, 3, 5, 7, 10.0])
    curve = np.array([di_rates(world.curves.di, np.full(world.grid.weekdays.size, y)) for y in years]) / 100
    assert curve.min() > 0.01
    assert curve.max() < 0.25
    growth = np.log1p(curve) * years[:, None]
    forwards = np.diff(growth, axis=0) / np.diff(years)[:, None]
    assert forwards.min() > 0.005
    assert np.abs(100 * curve[0] - world.curves.cdi).max() < 0.15
    daily_bp = np.diff(curve, axis=1).std(axis=1) * 1e4
    assert 5 < daily_bp[3] < 15  # one year
    assert 8 < daily_bp[6] < 22  # five years


def test_di_rate_of_a_flat_curve_is_that_rate() -> None:
    flat = 100 * np.log1p(0.12)
    factors = np.array([[flat, flat, flat, 0.0, 0.0]] * 3)
    assert di_rates(factors, np.array([0.1, 1.0, 10.0])) == pytest.approx([12.0, 12.0, 12.0])


def test_par_curve_starts_at_the_short_rate_and_never_falls_below_a_basis_point() -> None:
    curve = par_yields(np.array([[4.0, -3.0, 0.0], [1.0, -2.0, 0.0]]), np.array([1 / 12, 10.0, 30.0]))
    assert curve[0, 0] == pytest.approx(1.08, abs=0.02)
    assert curve[0, 2] > curve[0, 1] > curve[0, 0]
    assert curve.min() == 0.01


def _returns(world: World, name: str) -> np.ndarray:
    return np.diff(np.log(world.markets.prices[name]))


def test_volatilities_and_correlations_look_like_the_markets_they_stand_for(world: World) -> None:
    yearly = {n: _returns(world, n).std() * np.sqrt(252) for n in ("usdbrl", "ibov", "spx")}
    assert 0.12 < yearly["usdbrl"] < 0.22
    assert 0.18 < yearly["ibov"] < 0.33
    assert 0.12 < yearly["spx"] < 0.26
    five_years = di_rates(world.curves.di, np.full(world.grid.weekdays.size, 5.0))
    pairs = {
        "usdbrl/ibov": np.corrcoef(_returns(world, "usdbrl"), _returns(world, "ibov"))[0, 1],
        "usdbrl/di": np.corrcoef(_returns(world, "usdbrl"), np.diff(five_years))[0, 1],
        "spx/vix": np.corrcoef(_returns(world, "spx"), np.diff(world.markets.vix))[0, 1],
    }
    assert pairs["usdbrl/ibov"] < -0.35
    assert pairs["usdbrl/di"] > 0.35
    assert pairs["spx/vix"] < -0.5


def test_planted_loadings_are_found_by_regression(world: World) -> None:
    for name, asset in world.truth.loadings.items():
        factors = np.column_stack(
            [world.markets.risk[1:], world.markets.brazil[1:], np.ones(world.markets.risk.size - 1)]
        )
        found = np.linalg.lstsq(factors, _returns(world, name), rcond=None)[0]
        assert found[:2] == pytest.approx(
            [asset.sigma * asset.risk, asset.sigma * asset.brazil], abs=asset.sigma * 0.06
        )


def test_planted_half_lives_are_found_by_autoregression(world: World) -> None:
    curvature = world.curves.di[:, 4]
    slope = np.polyfit(curvature[:-1], curvature[1:], 1)[0]
    assert -np.log(2) / np.log(slope) == pytest.approx(world.truth.half_lives["di_curvature"], rel=0.35)


def test_planted_policy_rule_is_found_by_regression(world: World) -> None:
    rule = world.policy.prescribed[np.searchsorted(world.grid.weekdays, world.policy.copom)]
    before = np.concatenate([[world.policy.selic_decided[0]], world.policy.selic_decided[:-1]])
    speed = np.polyfit((rule - before)[1:], (world.policy.selic_decided - before)[1:], 1)[0]
    assert speed == pytest.approx(world.truth.rule["speed"], abs=0.05)


def test_regimes_follow_the_planted_chain_and_drive_growth_and_inflation(world: World) -> None:
    truth = world.truth
    assert truth.transition.sum(axis=1) == pytest.approx([1, 1, 1, 1])
    stays = (np.diff(truth.state) == 0).mean()
    assert stays == pytest.approx(0.93, abs=0.04)
    assert set(truth.state.tolist()) == {0, 1, 2, 3}
    growth_up = GROWTH_SIGN[truth.state] > 0
    inflation_up = INFLATION_SIGN[truth.state] > 0
    assert world.regimes.growth[growth_up].mean() > world.regimes.growth[~growth_up].mean() + 0.8
    assert world.macro.core_ex0[inflation_up].mean() > world.macro.core_ex0[~inflation_up].mean() + 0.1
    assert world.macro.cfnai[growth_up].mean() > world.macro.cfnai[~growth_up].mean() + 0.2


def test_planted_stress_day_of_may_2017_hurts_every_brazilian_asset(world: World) -> None:
    assert world.truth.stress["2017-05-18"] == (0.0, 13.0)
    at = int(np.searchsorted(world.grid.weekdays, np.datetime64("2017-05-18")))
    two_years = di_rates(world.curves.di[at - 1 : at + 1], np.array([2.0, 2.0]))
    assert 60 < 100 * (two_years[1] - two_years[0]) < 180
    assert _returns(world, "usdbrl")[at - 1] > 0.04
    assert _returns(world, "ibov")[at - 1] < -0.05
