"""Daily settlement and exposure of DOL and IND."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from macro_fund.instruments import di1, futures
from macro_fund.instruments.contracts import load_specs
from macro_fund_tests.instruments.b3_published import DOL_PRICE


def test_settlement_of_one_contract() -> None:
    assert float(futures.daily_settlement(5384.088, 5380.1, 50.0)) == 199.4
    assert float(futures.daily_settlement(119_000, 120_005, 1.0)) == -1005.0
    np.testing.assert_array_equal(futures.daily_settlement([5400.5, 99000], [5400.0, 100000], [50, 1]), [25.0, -1000.0])


def test_delta_is_fifty_thousand_dollars() -> None:
    assert float(futures.delta(5830.1, 50.0)) == pytest.approx(50_000 * 5.8301)


def test_published_dol_follows_from_the_same_files_di_and_ddi() -> None:
    spot, pu_di, pu_ddi, dol = (np.array(x) for x in zip(*DOL_PRICE, strict=True))
    np.testing.assert_allclose(futures.fair_value(spot, pu_di, pu_ddi), dol, atol=0.006)


@given(st.floats(1000, 9000), st.floats(1000, 9000))
def test_long_gains_when_the_price_rises_and_sides_cancel(old: float, new: float) -> None:
    pnl = float(futures.daily_settlement(new, old, 50.0))
    assert pnl == -float(futures.daily_settlement(old, new, 50.0))
    assert pnl == pytest.approx((new - old) * 50, abs=0.00501)


def test_minis_are_a_fifth() -> None:
    specs = load_specs()
    for whole, mini in (("DOL", "WDO"), ("IND", "WIN")):
        big, small = (futures.daily_settlement(5384.0, 5380.5, specs[r].point_value) for r in (whole, mini))
        assert float(big) == pytest.approx(5 * float(small), abs=1e-9)


def test_published_variation_of_dol() -> None:
    # B3's file of 2025-02-03: DOLF26 fell by 30.315 points of 50 reais.
    assert float(futures.daily_settlement(6469.685, 6500.0, 50.0)) == -1515.75


def test_carry_is_the_log_of_the_forward_premium_a_year() -> None:
    assert float(futures.carry(5200.0, 5000.0, 182.5)) == pytest.approx(2 * np.log(1.04))
    assert float(futures.carry(5000.0, 5000.0, 30)) == 0.0
    with pytest.raises(ValueError, match="at least one day"):
        futures.carry(5000.0, 5000.0, 0)


@given(st.floats(1000, 200_000), st.floats(0.01, 0.2), st.integers(1, 400))
def test_index_future_grows_at_di_and_loses_the_dividends(spot: float, rate: float, bdays: int) -> None:
    fair = float(futures.cash_and_carry(spot, rate, bdays))
    assert fair == pytest.approx(spot * di1.FACE_BRL / float(di1.pu(rate, bdays)))
    assert float(futures.cash_and_carry(spot, rate, bdays, 0.05)) < fair
    assert float(futures.cash_and_carry(spot, rate, bdays, rate)) == pytest.approx(spot)


def test_units_of_carry_are_those_of_the_contract() -> None:
    carry, _ = di1.carry_and_roll(0.13, 756, 0.13, 21, 0.10)
    units = futures.carry_units(carry, di1.pu(0.13, 756), 1.0, di1.dv01(0.13, 756), 12.0)
    assert float(units["brl"]) == pytest.approx(float(carry) * 69305.02, abs=0.01)
    assert float(units["bp"]) == pytest.approx(float(units["brl"]) / 18.3996, rel=1e-4)
    assert float(units["vol"]) == pytest.approx(float(units["bp"]) / 12)
    assert np.isnan(futures.carry_units(0.0, 100000.0, 1.0, 0.0, 12.0)["bp"])


@pytest.mark.parametrize(
    ("level", "tick", "expected"),
    [(5384.26, 0.5, 5384.5), (5384.25, 0.5, 5384.5), (-0.25, 0.5, -0.5), (119_003, 5, 119_005), (14.9012, 0.01, 14.9),
     (0.15, 0.1, 0.2), (13.0025, 0.005, 13.005)],
)  # fmt: skip
def test_rounding_to_the_tick(level: float, tick: float, expected: float) -> None:
    assert float(futures.round_to_tick(level, tick)) == expected


@given(st.floats(-1e5, 1e5), st.sampled_from([0.001, 0.005, 0.01, 0.5, 5.0]))
def test_a_rounded_level_stays_and_is_near(level: float, tick: float) -> None:
    once = float(futures.round_to_tick(level, tick))
    assert float(futures.round_to_tick(once, tick)) == once
    assert abs(once - level) <= tick / 2 + 1e-6
    with pytest.raises(ValueError, match="tick"):
        futures.round_to_tick(level, 0.0)


def test_margin_is_bp_of_dv01_or_a_share_of_the_notional() -> None:
    specs = load_specs()
    assert float(futures.margin_proxy(specs["DI1"], 756, 18.4, 0.0)) == pytest.approx(150 * 18.4)
    assert float(futures.margin_proxy(specs["DI1"], 252, 8.0, 0.0)) == pytest.approx(80 * 8.0)
    assert float(futures.margin_proxy(specs["DOL"], 21, 0.0, 270_000.0)) == pytest.approx(29_700)
    np.testing.assert_allclose(futures.margin_proxy(specs["DAP"], [200, 1000], [5.0, 9.0], 0.0), [400.0, 1350.0])
