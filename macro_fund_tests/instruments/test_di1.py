"""DI1 formulas against B3's published files, golden numbers, QuantLib and properties."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from decimal import ROUND_HALF_UP, Decimal

import numpy as np
import pytest
import QuantLib as ql  # noqa: N813
from hypothesis import given, settings
from hypothesis import strategies as st

from macro_fund.instruments import di1
from macro_fund.time.calendars import load_calendar
from macro_fund_tests.instruments.b3_published import DI1_PU

RATES = st.floats(0.001, 0.6)
DAYS = st.integers(1, 4000)


def test_golden_numbers() -> None:
    assert float(di1.round2(di1.pu(0.13, 756))) == 69305.02
    assert float(di1.dv01(0.13, 756)) == pytest.approx(18.3996, abs=5e-5)


def test_pu_is_b3s_to_the_cent() -> None:
    rate, bdays, price = (np.array(x) for x in zip(*DI1_PU, strict=True))
    np.testing.assert_array_equal(di1.round2(di1.pu(rate, bdays)), price)


def test_dv01_is_the_published_one() -> None:
    found = di1.dv01([0.1316, 0.14875, 0.14268], [20, 479, 2984], [99023.59, 76828.74, 20610.99])
    np.testing.assert_allclose(found, [0.6945046906473206, 12.712564195036014, 21.358586330881288], atol=1e-6)


def test_daily_settlement_is_the_published_variation() -> None:
    pa = [88093.23, 76828.74, 67340.77, 59073.95, 51708.56, 45218.18]
    corrected = [88082.94, 76708.33, 67062.0, 58703.86, 51296.6, 44768.67]
    np.testing.assert_array_equal(
        di1.daily_settlement(pa, corrected, 1.0), [10.29, 120.41, 278.77, 370.09, 411.96, 449.51]
    )


def test_corrected_pu_is_b3s_to_the_cent() -> None:
    # B3's file of 2020-03-12 (CDI 4.15%, published as 0.016137% a day); the untruncated factor misses most of them.
    before = [96713.04, 91520.32, 85118.12, 78712.67, 72639.18, 66464.61, 99760.54, 96033.17]
    published = [96728.64, 91535.08, 85131.85, 78725.37, 72650.9, 66475.33, 99776.63, 96048.66]
    fc = di1.correction_factor([0.00016137])
    assert float(fc) == 1.0001613
    np.testing.assert_array_equal(di1.round2(np.array(before) * fc), published)


def test_correction_over_a_day_on_which_only_banks_were_open() -> None:
    # B3 was shut on 2018-11-20: two bank days of CDI at 6.40% a year.
    assert float(di1.correction_factor([0.0002462, 0.0002462])) == pytest.approx(1.0002462**2, abs=1e-15)
    many = di1.correction_factor([[0.0002462, 0.0], [0.00016137, 0.00016137]])
    np.testing.assert_allclose(many, [1.0002462, 1.0001613**2], atol=1e-15)


def test_a_cdi_that_is_no_yearly_rate_is_used_as_it_is() -> None:
    assert float(di1.correction_factor([0.0004])) == 1.0004


def test_missing_cdi_is_not_guessed() -> None:
    assert np.isnan(di1.correction_factor([0.0004, np.nan]))
    assert np.isnan(di1.daily_settlement(90000.0, 89900.0, np.nan))


@pytest.mark.parametrize(("amount", "cents"), [(1.005, 1.01), (2.675, 2.68), (-1.005, -1.01), (0.1 + 0.2, 0.3), (0, 0)])
def test_round2_halves_go_away_from_zero(amount: float, cents: float) -> None:
    assert float(di1.round2(amount)) == cents


@given(st.decimals(-200000, 200000, places=5))
def test_round2_agrees_with_exact_arithmetic(amount: Decimal) -> None:
    exact = amount.copy_abs().quantize(Decimal("0.01"), ROUND_HALF_UP).copy_sign(amount)
    assert float(di1.round2(float(amount))) == float(exact)


@given(RATES, DAYS)
def test_rate_and_pu_are_inverses(rate: float, bdays: int) -> None:
    assert float(di1.rate_from_pu(di1.pu(rate, bdays), bdays)) == pytest.approx(rate, abs=1e-12)


@given(RATES, DAYS, st.floats(1e-5, 0.1))
def test_pu_falls_when_the_rate_rises(rate: float, bdays: int, rise: float) -> None:
    assert di1.pu(rate + rise, bdays) < di1.pu(rate, bdays)


@given(RATES, DAYS)
def test_dv01_is_the_gain_from_one_basis_point_less(rate: float, bdays: int) -> None:
    gain = di1.pu(rate - 5e-5, bdays) - di1.pu(rate + 5e-5, bdays)
    assert float(di1.dv01(rate, bdays)) == pytest.approx(float(gain), rel=2e-4)
    assert float(di1.dv01(rate, bdays)) > 0


@given(RATES, st.integers(2, 4000), st.floats(0.0001, 0.02))
def test_receiver_loses_when_rates_rise_and_earns_nothing_on_the_forward(rate: float, bdays: int, rise: float) -> None:
    overnight = (1 + rate) ** (1 / 252)
    before, unchanged = di1.pu(rate, bdays), di1.pu(rate, bdays - 1)
    assert abs(float(di1.daily_settlement(unchanged, before, overnight))) <= 0.02
    assert float(unchanged - before * overnight) == pytest.approx(0.0, abs=1e-8)
    assert di1.daily_settlement(di1.pu(rate + rise, bdays - 1), before, overnight) < 0.01


@settings(max_examples=30)
@given(RATES, st.sampled_from([date(2021, 1, 4), date(2022, 7, 1), date(2029, 1, 2)]))
def test_quantlib_discounts_the_same(rate: float, expiry: date) -> None:
    trade = date(2019, 3, 28)
    bdays = load_calendar("anbima").count(trade, expiry, known_on=trade)
    days = ql.Date(trade.day, trade.month, trade.year), ql.Date(expiry.day, expiry.month, expiry.year)
    # QuantLib's calendar has 20 November as a holiday from 2024 on, which nobody knew in 2019.
    unknown_then = sum(2024 <= y < expiry.year and date(y, 11, 20).weekday() < 5 for y in range(2019, 2030))
    count = ql.Brazil().businessDaysBetween(*days)
    assert bdays == count + unknown_then
    interest = ql.InterestRate(rate, ql.Business252(ql.Brazil()), ql.Compounded, ql.Annual)
    assert 1e5 * interest.discountFactor(*days) == pytest.approx(float(di1.pu(rate, count)), rel=1e-12)


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda: di1.pu(-1.0, 10), "above -100%"),
        (lambda: di1.pu(0.1, -1), "bdays >= 0"),
        (lambda: di1.rate_from_pu(0.0, 10), "PU above 0"),
        (lambda: di1.rate_from_pu(99000.0, 0), "drop expired"),
    ],
)
def test_bad_input_names_the_remedy(call: Callable[[], object], text: str) -> None:
    with pytest.raises(ValueError, match=text):
        call()


def test_previous_rate_of_b3s_file_is_restated_to_todays_day_count() -> None:
    # The file of 2025-02-03 gives the rates of the day before on the corrected PU: 230 days, not 231.
    rate, bdays = np.array([0.14916, 0.1497, 0.14789]), np.array([230, 479, 730])
    corrected = np.array([88082.94, 76708.33, 67062.0])
    assert (np.abs(di1.pu(rate, bdays) - corrected) <= 0.05 * di1.dv01(rate, bdays) + 0.005).all()
    assert abs(float(di1.pu(0.14916, 231)) - 88082.94) > 40


def test_carry_and_roll_are_the_example() -> None:
    """+1 DI1 at 13% with 756 days, CDI 14.9%, roll to 12.999%, then +20 bp: -4.59 + 1.84 - 366.40 = -369.15."""
    carry, roll = di1.carry_and_roll(0.13, 756, 0.12999, 1, 0.149)
    price, fc = float(di1.pu(0.13, 756)), 1.149 ** (1 / 252)
    assert float(carry) * price * fc == pytest.approx(-4.59, abs=0.006)
    assert float(roll) * price * fc == pytest.approx(1.84, abs=0.006)
    move = float(di1.pu(0.13199, 755) - di1.pu(0.12999, 755))
    assert move == pytest.approx(-366.40, abs=0.006)
    total = float(di1.pu(0.13199, 755)) - price * fc
    assert float(carry + roll) * price * fc + move == pytest.approx(total, abs=1e-9)
    with pytest.raises(ValueError, match="longer than the contract"):
        di1.carry_and_roll(0.13, 20, 0.13, 21, 0.14)


@given(RATES, st.integers(2, 4000), RATES, RATES, st.data())
def test_carry_roll_and_move_are_the_settlement(
    rate: float, bdays: int, rolled: float, cdi: float, data: st.DataObject
) -> None:
    horizon = data.draw(st.integers(1, bdays))
    carry, roll = di1.carry_and_roll(rate, bdays, rolled, horizon, cdi)
    before = float(di1.pu(rate, bdays)) * (1 + cdi) ** (horizon / 252)
    assert float(carry + roll) * before == pytest.approx(
        float(di1.pu(rolled, bdays - horizon)) - before, rel=1e-9, abs=1e-6
    )
    flat, none = di1.carry_and_roll(rate, bdays, rate, horizon, rate)
    assert abs(float(flat)) < 1e-9
    assert float(none) == 0.0
