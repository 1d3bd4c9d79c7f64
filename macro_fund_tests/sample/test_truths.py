"""The truths of the sample world's register are in the data that it publishes: sums, identities, relations, speeds."""

from __future__ import annotations

from datetime import UTC, date, datetime
from functools import cache

import numpy as np
import polars as pl
import pytest

from macro_fund.sample.catalogue import line_of
from macro_fund.sample.paths_external import COMMODITIES, monthly_mean
from macro_fund.sample.paths_policy import NEUTRAL_BR
from macro_fund.sample.transport import SampleTransport
from macro_fund.sample.wandering import wander
from macro_fund.sample.world import World, load_world
from macro_fund.settings import Series, default_settings
from macro_fund.sources import bcb_sgs, ipeadata
from macro_fund_tests.sample.asking import SEED, read

SEEDS = (SEED, 0, 1, 2, 3, 4)
SERIES: dict[str, Series] = {s.id: s for s in default_settings().series}
GROUPS = tuple(load_world(SEED).truth.prices.groups)
HALF_A_PRINT = 0.005


def printed(seed: int, series_id: str, months: np.ndarray | None = None) -> np.ndarray:
    """A series in the provider's unit, nan where it has no value; on the months since January 2004 unless told."""
    days, values = line_of(SERIES[series_id]).generator(load_world(seed))
    months = load_world(seed).truth.external.months if months is None else months
    out = np.full(months.size, np.nan)
    out[np.isin(months, days)] = values[np.isin(days, months)]
    return out


@pytest.mark.parametrize("seed", SEEDS)
def test_the_nine_groups_with_their_weights_are_the_headline_every_month(seed: int) -> None:
    truth = load_world(seed).truth.prices
    assert sum(truth.groups.values()) == pytest.approx(1.0)
    whole = sum(w * printed(seed, f"br_ipca_grp_{g}") for g, w in truth.groups.items())
    assert np.abs(whole - printed(seed, "br_ipca_mom")).max() < HALF_A_PRINT


@pytest.mark.parametrize("seed", SEEDS)
def test_free_and_administered_prices_are_the_headline_and_so_are_the_four_kinds(seed: int) -> None:
    truth = load_world(seed).truth.prices
    headline, administered = printed(seed, "br_ipca_mom"), printed(seed, "br_ipca_administered")
    both = truth.administered * administered + (1 - truth.administered) * printed(seed, "br_ipca_free")
    assert truth.administered == 0.26
    assert np.abs(both - headline).max() < HALF_A_PRINT
    kinds = sum(w * printed(seed, f"br_ipca_{k}") for k, w in truth.kinds.items())
    assert np.abs(kinds - headline).max() < HALF_A_PRINT


def test_weights_are_found_again_by_least_squares() -> None:
    parts = np.column_stack([printed(SEED, f"br_ipca_grp_{g}") for g in GROUPS])
    found, *_ = np.linalg.lstsq(parts, printed(SEED, "br_ipca_mom"), rcond=None)
    assert found == pytest.approx(list(load_world(SEED).truth.prices.groups.values()), abs=0.003)


def test_cores_and_diffusion_move_with_the_same_trend_and_groups_do_not_all_move_alike() -> None:
    def year(values: np.ndarray) -> np.ndarray:
        return np.convolve(values, np.ones(12) / 12, "valid")

    trend = year(printed(SEED, "br_ipca_core_ms"))
    for name in ("core_ex3", "core_dp", "core_p55", "core_exfe", "diffusion", "services"):
        assert np.corrcoef(year(printed(SEED, f"br_ipca_{name}")), trend)[0, 1] > 0.9, name
    parts = np.corrcoef([printed(SEED, f"br_ipca_grp_{g}") for g in GROUPS])
    assert np.abs(parts[np.triu_indices(len(GROUPS), 1)]).max() < 0.8


@cache
def sources(seed: int) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """log REER and its fundamentals as a model computes them from printed series."""
    world = load_world(seed)
    months = world.truth.external.months
    names = ("br_ibc_br_sa", "us_ip", "br_bop_current_account", "br_gdp_monthly_usd", "br_terms_of_trade")
    ibc, us, account, gdp, terms = (printed(seed, n, months) for n in names)
    year = np.concatenate([np.full(11, np.nan), np.convolve(gdp, np.ones(12), "valid")])
    abroad = monthly_mean(*wander(seed, world.grid, SERIES["us_real_par_5y"])) / 100
    at_home = world.truth.external.fundamentals["real_rate_gap"] + abroad
    assert at_home.min() > -0.03
    assert at_home.max() < 0.15
    return np.log(printed(seed, "br_reer_ipca", months)), {
        "terms_of_trade": np.log(terms),
        "productivity": np.log(ibc / us),
        "foreign_assets": np.concatenate([np.full(11, np.nan), np.cumsum((account / year)[11:])]),
        "real_rate_gap": at_home - abroad,
    }


@pytest.mark.parametrize("seed", SEEDS)
def test_the_real_exchange_rate_is_the_planted_relation_and_its_gap(seed: int) -> None:
    truth = load_world(seed).truth.external
    reer, fundamentals = sources(seed)
    fair = truth.const + sum(truth.beta[n] * v for n, v in fundamentals.items())
    assert truth.beta["sovereign_spread"] == 0.0
    assert np.abs(reer - fair - truth.gap)[11:].max() < 5e-4  # what prints of two decimals leave


@pytest.mark.parametrize("seed", SEEDS)
def test_the_real_exchange_rate_moves_with_the_dollar(seed: int) -> None:
    dollar = np.diff(np.log(printed(seed, "br_usdbrl_month_avg")))
    assert np.corrcoef(np.diff(sources(seed)[0]), dollar)[0, 1] > 0.9


def test_the_gap_closes_with_the_planted_half_life() -> None:
    """One world has six half-lives of independent data: six worlds together say it, to a third."""
    cross, square = 0.0, 0.0
    for seed in SEEDS:
        truth = load_world(seed).truth.external
        reer, fundamentals = sources(seed)
        gap = (reer - truth.const - sum(truth.beta[n] * v for n, v in fundamentals.items()))[11:]
        cross, square = cross + gap[1:] @ gap[:-1], square + gap[:-1] @ gap[:-1]
    assert truth.gap_half_life == 18.0
    assert np.log(0.5) / np.log(cross / square) == pytest.approx(truth.gap_half_life, rel=0.33)


@pytest.mark.parametrize("seed", SEEDS)
def test_the_exchange_rate_corrects_the_gap(seed: int) -> None:
    """Changes of the rate on last month's gap and on its own last change: below zero."""
    gap, moves = load_world(seed).truth.external.gap, np.diff(sources(seed)[0])
    design = np.column_stack([np.ones(moves.size - 1), gap[1:-1], moves[:-1]])
    found, *_ = np.linalg.lstsq(design, moves[1:], rcond=None)
    assert found[1] < -0.01


def test_the_coefficient_of_the_terms_of_trade_is_found_by_dynamic_least_squares() -> None:
    from macro_fund.agents.beer import dols, trace_test

    found = []
    for seed in SEEDS:
        reer, fundamentals = sources(seed)
        x = np.column_stack(list(fundamentals.values()))[11:]
        found.append(dols(reer[11:], x, robust=False).beta[0])
        assert trace_test(np.column_stack([reer[11:], x])).rank >= 1
    assert np.mean(found) == pytest.approx(load_world(SEED).truth.external.beta["terms_of_trade"], abs=0.15)


def test_a_weak_real_improves_the_current_account() -> None:
    cross, square = 0.0, 0.0
    for seed in SEEDS:
        truth = load_world(seed).truth.external
        account, gdp = printed(seed, "br_bop_current_account"), printed(seed, "br_gdp_monthly_usd")
        flow = 12 * account[12:] / np.convolve(gdp, np.ones(12), "valid")[1:]
        gap = truth.gap[11:-1] - truth.gap[11:-1].mean()
        cross, square = cross + gap @ (flow - flow.mean()), square + gap @ gap
    assert cross / square == pytest.approx(truth.current_account_response, abs=0.02)


def test_commodity_prices_follow_the_terms_of_trade_and_the_dollar() -> None:
    dollars = {k: np.log(printed(SEED, f"br_icbr_{k}_usd")) for k in (*COMMODITIES, "all")}
    reais = {k: np.log(printed(SEED, f"br_icbr_{k}_brl")) for k in (*COMMODITIES, "all")}
    rate = np.log(printed(SEED, "br_usdbrl_month_avg"))
    for k, values in dollars.items():
        assert np.std(reais[k] - values - rate) < 1e-3, k
    weighted = sum(w * dollars[k] for k, (w, _) in COMMODITIES.items())
    assert np.abs(weighted - dollars["all"]).max() < 1e-3
    slope = np.polyfit(np.log(printed(SEED, "br_terms_of_trade")), dollars["all"], 1)[0]
    assert slope == pytest.approx(load_world(SEED).truth.external.commodity_elasticity, abs=0.3)


def fiscal(seed: int, series_id: str) -> np.ndarray:
    return printed(seed, series_id, load_world(seed).truth.fiscal.months) / 100


@pytest.mark.parametrize("seed", SEEDS)
def test_the_debt_identity_holds_with_the_planted_residual(seed: int) -> None:
    """d' = d (1 + i) / (1 + G) - pb + revaluation + stock-flow, all from printed ratios of GDP."""
    truth = load_world(seed).truth.fiscal
    debt, surplus = fiscal(seed, "br_dbgg_gdp"), -fiscal(seed, "br_primary_balance_12m_gdp")
    gdp = printed(seed, "br_gdp_12m_brl", truth.months)
    growth = gdp[12:] / gdp[:-12] - 1
    bill = fiscal(seed, "br_interest_12m_gdp")[12:]
    rate = bill * (1 + growth) / debt[:-12]
    implied = debt[12:] - (debt[:-12] * (1 + rate) / (1 + growth) - surplus[12:])
    planted = (truth.revaluation + truth.stock_flow)[12:]
    known = np.isfinite(implied)
    assert known.sum() > 270
    assert np.abs(implied - planted)[known].max() < 2.5e-4  # four ratios of two decimals


def test_growth_of_gdp_is_that_of_activity_and_prices() -> None:
    months = load_world(SEED).truth.fiscal.months
    gdp, activity = printed(SEED, "br_gdp_12m_brl", months), printed(SEED, "br_ibc_br_sa", months)
    prices = np.cumprod(1 + np.nan_to_num(printed(SEED, "br_ipca_mom", months)) / 100)

    def growth(level: np.ndarray) -> np.ndarray:
        mean = np.convolve(level[1:], np.ones(12) / 12, "valid")
        return mean[12:] / mean[:-12] - 1

    nominal = (1 + growth(activity)) * (1 + growth(prices)) - 1
    assert np.abs(gdp[24:] / gdp[12:-12] - 1 - nominal).max() < 0.005


def test_the_stock_flow_residual_has_the_planted_spread() -> None:
    """Non-overlapping years of six worlds: 156 draws, a standard error of 6%."""
    spread = []
    for seed in SEEDS:
        truth = load_world(seed).truth.fiscal
        mean = np.convolve(truth.stock_flow_mean, np.ones(12) / 12)[: truth.months.size]
        spread += (truth.stock_flow - mean)[24::12].tolist()
    assert np.std(spread) == pytest.approx(truth.stock_flow_sd, rel=0.25)


def test_public_finances_look_like_the_public_facts() -> None:
    months = load_world(SEED).truth.fiscal.months

    def at(series_id: str, day: str) -> float:
        return float(fiscal(SEED, series_id)[np.searchsorted(months, np.datetime64(day))])

    assert at("br_dbgg_gdp", "2010-12-01") == pytest.approx(0.51, abs=0.03)
    assert at("br_dbgg_gdp", "2020-12-01") == pytest.approx(0.87, abs=0.03)
    for year in (2022, 2023, 2024, 2025):
        assert 0.71 < at("br_dbgg_gdp", f"{year}-12-01") < 0.80
    assert 0.33 < at("br_dlsp_gdp", "2010-12-01") < 0.42
    assert -at("br_primary_balance_12m_gdp", "2011-12-01") == pytest.approx(0.03, abs=0.01)
    for year in range(2015, 2022):
        assert at("br_primary_balance_12m_gdp", f"{year}-12-01") > 0.003
    assert -at("br_primary_balance_12m_gdp", "2024-12-01") == pytest.approx(0.0, abs=0.012)


@pytest.mark.parametrize("seed", SEEDS)
def test_the_debt_stabilising_primary_stays_in_its_range(seed: int) -> None:
    """With the growth of trend and the inflation that the world expects, as a model would take them."""
    world = load_world(seed)
    months = world.truth.fiscal.months
    debt, gdp = fiscal(seed, "br_dbgg_gdp"), printed(seed, "br_gdp_12m_brl", months)
    realised = np.concatenate([np.full(12, np.nan), gdp[12:] / gdp[:-12] - 1])
    before = np.concatenate([np.full(12, np.nan), debt[:-12]])
    rate = fiscal(seed, "br_interest_12m_gdp") * (1 + realised) / before
    expected = 1.015 * (1 + world.macro.expected_12m[np.isin(world.macro.months, months)] / 100) - 1
    needed = (debt * (rate - expected) / (1 + expected))[months >= np.datetime64("2010-01-01")]
    assert needed.min() > -0.02
    assert needed.max() < 0.08


def test_nominal_is_primary_and_interest_and_flows_are_their_own_years() -> None:
    primary, interest, nominal = (
        fiscal(SEED, f"br_{n}_12m_gdp") for n in ("primary_balance", "interest", "nominal_balance")
    )
    assert np.nanmax(np.abs(primary + interest - nominal)) < 2e-4
    months = load_world(SEED).truth.fiscal.months
    monthly, gdp = (printed(SEED, n, months) for n in ("br_interest_monthly_umc", "br_gdp_12m_brl"))
    year = np.convolve(monthly[1:], np.ones(12), "valid") / gdp[12:]
    assert np.nanmax(np.abs(year - interest[12:])) < 1e-4


def test_surveys_of_growth_and_balances_are_near_what_they_ask_about() -> None:
    from macro_fund.sample.wire_focus_periods import forecasts

    for series_id, name in (("br_focus_gdp_annual", "growth"), ("br_focus_primary_annual", "primary")):
        days, _, values, _ = forecasts(SEED, series_id)
        months, path = load_world(SEED).surveyed[name]
        seen = path[np.searchsorted((months.astype("M8[M]") + 3).astype("M8[D]"), days, side="right") - 1]
        assert np.corrcoef(values[:, 0], seen)[0, 1] > 0.9, series_id


def test_neutral_rates_are_the_ones_that_the_rule_and_the_curve_use() -> None:
    world = load_world(SEED)
    truth = world.truth
    at = np.searchsorted(truth.weekdays, np.datetime64("2016-01-01"))
    assert truth.neutral_rates["br_real"][at] == pytest.approx(NEUTRAL_BR["2016-01-01"] / 100)
    assert 100 * truth.neutral_rates["br_nominal"] == pytest.approx(world.policy.neutral_nominal)
    gap = 100 * truth.neutral_rates["br_nominal"] - world.policy.prescribed
    assert abs(np.mean(gap)) < 1.5  # the rule is centred on them


def test_the_register_has_units_that_fit_the_world() -> None:
    world: World = load_world(SEED)
    truth = world.truth
    assert truth.external.months[0] == np.datetime64("2004-01-01")
    assert truth.external.gap.shape == truth.external.months.shape
    assert truth.fiscal.months.shape == truth.fiscal.stock_flow.shape
    assert {"price_deviation", "volatility", "di_view"} <= set(truth.half_lives)
    assert all(v.shape == truth.weekdays.shape for v in truth.neutral_rates.values())


@pytest.mark.parametrize("end", [datetime(2016, 3, 1, 11, tzinfo=UTC), datetime(2024, 4, 1, 11, tzinfo=UTC)])
def test_a_later_end_changes_no_earlier_value(end: datetime) -> None:
    """What is asked at `end` is what is asked ten years later, as far as it was public: all of SGS and Ipeadata."""
    later = end.replace(year=end.year + 4)
    for connector in (bcb_sgs, ipeadata):
        first, then = (
            read(SampleTransport(SEED, now=now), connector, date(2012, 1, 1), end.date()).rows for now in (end, later)
        )
        joined = first.join(then, on=["series_id", "event_date"], how="left", suffix="_then")
        assert first.height > 1000
        assert joined.filter(pl.col("value") != pl.col("value_then")).is_empty()
        assert joined["value_then"].null_count() == 0


def test_a_seed_gives_the_same_truths_again_and_another_one_does_not() -> None:
    first = load_world(7)
    gap, debt = first.external.gap.copy(), first.fiscal.debt.copy()
    load_world.cache_clear()
    again = load_world(7)
    assert again is not first
    assert np.array_equal(again.external.gap, gap)
    assert np.array_equal(again.fiscal.debt, debt)
    assert not np.array_equal(load_world(8).external.gap, gap)
