"""DDI, FRC and DAP: formulas of one contract against B3's files, and their properties."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from macro_fund.instruments import dap, ddi, di1, frc
from macro_fund_tests.instruments.b3_published import DAP_PU, DDI_PU, FRC_RATE

RATES = st.floats(-0.02, 0.3)
DAYS = st.integers(2, 5000)
PTAX = st.floats(1.0, 8.0)


def _columns(rows: list[tuple[float, ...]]) -> list[np.ndarray]:
    return [np.array(x) for x in zip(*rows, strict=True)]


def test_pu_of_ddi_is_b3s_to_the_cent() -> None:
    rate, days, price = _columns(DDI_PU)
    np.testing.assert_allclose(di1.round2(ddi.pu(rate, days)), price, atol=0.0051)
    assert (np.abs(ddi.rate_from_pu(price, days) - rate) * 1e5 <= 0.5 + 5e5 / price / days * 3.6).all()


def test_pu_of_dap_is_b3s_to_the_cent() -> None:
    rate, bdays, price = _columns(DAP_PU)
    np.testing.assert_allclose(di1.round2(di1.pu(rate, bdays)), price, atol=0.0051)


def test_frc_is_the_forward_of_two_ddi() -> None:
    near, near_days, far, far_days, published = _columns(FRC_RATE)
    found = frc.rate_from_ddi(near, near_days, far, far_days)
    np.testing.assert_allclose(found, published, atol=1e-5)
    np.testing.assert_allclose(frc.far_pu(found, near, near_days, far_days), far, rtol=1e-12)


def test_variation_is_the_published_one() -> None:
    # B3's file of 2025-02-03: points of DDI at half of PTAX 5.8301, points of DAP at 0.00025 of the index 7106.92.
    np.testing.assert_allclose(
        ddi.variation([-446.92, -502.24], ddi.point_value(5.8301)), [-1302.794146, -1464.054712], atol=5e-5
    )
    np.testing.assert_allclose(
        dap.variation([77.94, 110.62, -7.6, -14.9, 20.46], dap.point_value(7106.92)),
        [138.4783362, 196.5418726, -13.503148, -26.473277, 36.3518958], atol=2e-6,
    )  # fmt: skip


def test_index_of_the_vna_is_ibges() -> None:
    # 15 July 2026: VNA 4739.424756 at the index 7652.37.
    assert float(dap.ipca_index(4739.424756)) == 7652.37
    assert float(dap.restated_vna(4739.424756, 4700.0, 0.0)) == 4700.0
    assert float(dap.restated_vna(4739.424756, 4700.0, 1.0)) == pytest.approx(4739.424756)
    assert np.isnan(dap.ipca_index(np.nan))


def test_dv01_is_the_derivative() -> None:
    up, down = (ddi.pu(0.055 + s, 720) for s in (0.5e-4, -0.5e-4))
    assert float(ddi.dv01(0.055, 720, 5.4)) == pytest.approx(float(down - up) * 0.5 * 5.4, rel=1e-6)
    up, down = (di1.pu(0.075 + s, 2000) for s in (0.5e-4, -0.5e-4))
    assert float(dap.dv01(0.075, 2000, 7106.92)) == pytest.approx(float(down - up) * 0.00025 * 7106.92, rel=1e-6)
    near, far = 99000.0, [float(frc.far_pu(0.05 + s, 99000.0, 30, 750)) for s in (0.5e-4, -0.5e-4)]
    middle = float(frc.far_pu(0.05, near, 30, 750))
    assert float(frc.dv01(near, 30, middle, 750, 5.4)) == pytest.approx((far[1] - far[0]) * 0.5 * 5.4, rel=1e-6)


@given(RATES, DAYS)
def test_rate_and_pu_are_inverse_and_pu_falls_with_the_rate(rate: float, days: int) -> None:
    price = float(ddi.pu(rate, days))
    assert float(ddi.rate_from_pu(price, days)) == pytest.approx(rate, abs=1e-9)
    assert float(ddi.pu(rate + 1e-4, days)) < price
    assert float(ddi.dv01(rate, days, 5.0)) > 0


@given(st.floats(90_000, 101_000), st.floats(90_000, 101_000), PTAX, PTAX)
def test_ddi_alone_is_long_the_dollar_and_frc_is_not(near: float, far: float, before: float, after: float) -> None:
    """PTAX moves and nothing else does: PUs are carried by FC, so each leg makes its dollars and FRC nothing."""
    fc = float(ddi.correction_factor(1.0004, after, before))
    carried_near, carried_far = near / (after / before), far / (after / before)
    made = float(frc.daily_settlement(carried_near, carried_far, near, far, ddi.point_value(after)))
    assert made == pytest.approx(0.0, abs=1e-6)
    alone = float(ddi.daily_settlement(far, far, fc, ddi.point_value(after)))
    assert np.sign(alone) == np.sign(after - before * 1.0004) or abs(after / before - 1.0004) < 1e-6
    assert float(ddi.usd_delta(far)) == far / 2


@given(RATES, RATES, st.integers(3, 40), st.integers(60, 4000), st.floats(-0.002, 0.002))
def test_frc_gains_when_its_forward_falls_and_is_two_ddi(
    first: float, second: float, near_days: int, far_days: int, move: float
) -> None:
    near = float(ddi.pu(first / 10, near_days))
    far = float(frc.far_pu(second, near, near_days, far_days))
    after = float(frc.far_pu(second + move, near, near_days, far_days))
    value = float(ddi.point_value(5.0))
    made = float(frc.daily_settlement(near, after, near, far, value))
    h = float(frc.near_quantity(near, far))
    legs = [float(ddi.daily_settlement(p, q, 1.0, value)) for p, q in ((after, far), (near, near))]
    assert made == pytest.approx(legs[0] - h * legs[1], abs=0.02 * value)
    linear = -float(frc.dv01(near, near_days, far, far_days, 5.0)) * move * 1e4
    assert made == pytest.approx(linear, rel=0.05, abs=1e-6)


@given(RATES, DAYS, RATES, st.data())
def test_carry_and_roll_of_ddi_are_its_return(rate: float, days: int, rolled: float, data: st.DataObject) -> None:
    horizon = data.draw(st.integers(1, days))
    carry, roll = ddi.carry_and_roll(rate, days, rolled, horizon, 0.04)
    total = float(ddi.pu(rolled, days - horizon)) / float(ddi.pu(rate, days)) / (1 + 0.04 * horizon / 360) - 1
    assert float(carry + roll) == pytest.approx(total, abs=1e-12)


def test_bad_input_is_named() -> None:
    with pytest.raises(ValueError, match="days >= 0"):
        ddi.pu(0.05, -1)
    with pytest.raises(ValueError, match="1 \\+ r d/360 > 0"):
        ddi.pu(-40.0, 10)
    with pytest.raises(ValueError, match="PU above 0"):
        ddi.rate_from_pu(99_000.0, 0)
    with pytest.raises(ValueError, match="PTAX"):
        ddi.point_value(0.0)
    with pytest.raises(ValueError, match="index"):
        dap.point_value(-1.0)
    with pytest.raises(ValueError, match="far maturity"):
        frc.rate_from_ddi(99_000.0, 30, 98_000.0, 30)
    with pytest.raises(ValueError, match="longer than the contract"):
        ddi.carry_and_roll(0.05, 20, 0.05, 21, 0.05)
    assert np.isnan(ddi.daily_settlement(99_000.0, 98_000.0, np.nan, 2.7))
    assert np.isnan(ddi.correction_factor(1.0004, np.nan, 5.0))
