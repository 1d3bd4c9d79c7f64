"""Treasury notes against a textbook bond, QuantLib and properties."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta

import numpy as np
import pytest
import QuantLib as ql  # noqa: N813
from hypothesis import given, settings
from hypothesis import strategies as st

from macro_fund.instruments import ust

COUPONS = st.floats(0.0, 0.12)
YIELDS = st.floats(-0.005, 0.15)
SETTLES = st.dates(date(2005, 1, 1), date(2030, 12, 31))
LIVES = st.integers(1, 11_000)
FABOZZI = {"coupon": 0.06, "ytm": 0.09, "settle": date(2019, 2, 15), "maturity": date(2044, 2, 15)}


def qdate(day: date) -> ql.Date:
    return ql.Date(day.day, day.month, day.year)


def quantlib(coupon: float, settle: date, maturity: date) -> tuple[ql.FixedRateBond, ql.DayCounter]:
    end = qdate(maturity)
    start = ql.NullCalendar().advance(end, ql.Period(-32, ql.Years))
    schedule = ql.Schedule(
        start, end, ql.Period(ql.Semiannual), ql.NullCalendar(), ql.Unadjusted, ql.Unadjusted,
        ql.DateGeneration.Backward, ql.Date.isEndOfMonth(end),
    )  # fmt: skip
    basis = ql.ActualActual(ql.ActualActual.ISMA, schedule)
    return ql.FixedRateBond(0, 100.0, schedule, [coupon], basis), basis


def test_textbook_bond() -> None:
    assert float(ust.clean_price(**FABOZZI)) == pytest.approx(70.357, abs=5e-5)
    assert float(ust.modified_duration(**FABOZZI)) == pytest.approx(10.62, abs=0.005)
    assert float(ust.convexity(**FABOZZI)) == pytest.approx(182.92, abs=0.02)
    assert float(ust.dv01(**FABOZZI)) == pytest.approx(0.0747018843, abs=2e-6)


@settings(max_examples=150)
@given(COUPONS, YIELDS, SETTLES, LIVES)
def test_quantlib_agrees(coupon: float, ytm: float, settle: date, life: int) -> None:
    maturity = settle + timedelta(days=life)
    bond, basis = quantlib(coupon, settle, maturity)
    left = int(ust.coupons(settle, maturity).left)
    rule = ql.Simple if left == 1 else ql.Compounded
    given_ = (coupon, ytm, settle, maturity)
    rate = ql.InterestRate(ytm, basis, rule, ql.Semiannual)
    on = qdate(settle)
    assert float(ust.accrued(coupon, settle, maturity)) == pytest.approx(bond.accruedAmount(on), abs=1e-10)
    expected = ql.BondFunctions.cleanPrice(bond, rate, on)
    assert float(ust.clean_price(*given_)) == pytest.approx(expected, abs=1e-8)
    if left > 1:
        duration = ql.BondFunctions.duration(bond, rate, ql.Duration.Modified, on)
        assert float(ust.modified_duration(*given_)) == pytest.approx(duration, rel=1e-9)
        assert float(ust.convexity(*given_)) == pytest.approx(ql.BondFunctions.convexity(bond, rate, on), rel=1e-9)


@pytest.mark.parametrize(
    ("settle", "maturity", "previous", "following", "left"),
    [
        (date(2021, 2, 28), date(2023, 2, 28), date(2021, 2, 28), date(2021, 8, 31), 4),
        (date(2021, 8, 30), date(2024, 2, 29), date(2021, 2, 28), date(2021, 8, 31), 6),
        (date(2021, 8, 31), date(2024, 2, 29), date(2021, 8, 31), date(2022, 2, 28), 5),
        (date(2020, 5, 1), date(2022, 4, 30), date(2020, 4, 30), date(2020, 10, 31), 4),
        (date(2017, 10, 11), date(2024, 8, 15), date(2017, 8, 15), date(2018, 2, 15), 14),
        (date(2024, 8, 14), date(2024, 8, 15), date(2024, 2, 15), date(2024, 8, 15), 1),
    ],
)
def test_coupon_dates(settle: date, maturity: date, previous: date, following: date, left: int) -> None:
    at = ust.coupons(settle, maturity)
    assert (at.previous.item(), at.next.item(), int(at.left)) == (previous, following, left)


def test_accrued_of_a_published_example() -> None:
    # 2-3/8% of 15 August 2024 at the delivery of the December 2017 contract.
    assert float(ust.accrued(0.02375, date(2017, 10, 11), date(2024, 8, 15))) == pytest.approx(0.367867, abs=5e-7)
    assert float(ust.accrued(0.02375, date(2017, 12, 29), date(2024, 8, 15))) == pytest.approx(0.877717, abs=5e-7)


@settings(max_examples=150)
@given(COUPONS, YIELDS, SETTLES, LIVES)
def test_price_and_yield_are_inverses(coupon: float, ytm: float, settle: date, life: int) -> None:
    bond = settle, settle + timedelta(days=life)
    price = ust.clean_price(coupon, ytm, *bond)
    found = ust.yield_from_price(coupon, price, *bond)
    assert float(ust.clean_price(coupon, found, *bond)) == pytest.approx(float(price), abs=1e-9)
    if life > 30:
        assert float(found) == pytest.approx(ytm, abs=1e-9)


@given(COUPONS, YIELDS, SETTLES, LIVES, st.floats(1e-5, 0.05))
def test_price_falls_when_the_yield_rises_and_is_convex(
    coupon: float, ytm: float, settle: date, life: int, rise: float
) -> None:
    low, middle, high = (
        float(ust.clean_price(coupon, ytm + k * rise, settle, settle + timedelta(days=life))) for k in (0, 1, 2)
    )
    assert low > middle > high
    assert low + high >= 2 * middle - 1e-9


@given(COUPONS, YIELDS, SETTLES, LIVES, st.floats(-1000, 1000).filter(lambda q: abs(q) > 1e-3))
def test_dv01_has_the_sign_of_the_quantity_and_is_the_slope(
    coupon: float, ytm: float, settle: date, life: int, quantity: float
) -> None:
    bond = settle, settle + timedelta(days=life)
    found = float(ust.dv01(coupon, ytm, *bond, quantity))
    assert np.sign(found) == np.sign(quantity)
    up, down = (ust.dirty_price(coupon, ytm + h, *bond) for h in (5e-5, -5e-5))
    assert found == pytest.approx(float(down - up) * quantity, rel=1e-5)


@settings(max_examples=100)
@given(COUPONS, st.tuples(YIELDS, YIELDS, YIELDS), SETTLES, st.integers(1, 700), st.floats(0.0, 0.1))
def test_carry_roll_and_move_are_the_return(
    coupon: float, yields: tuple[float, float, float], settle: date, days: int, repo: float
) -> None:
    end, maturity = settle + timedelta(days=days), settle + timedelta(days=4000)
    now, rolled, after = yields
    result = ust.excess_return(coupon, maturity, (settle, end), (now, after), repo, rolled)
    before, value = ust.dirty_price(coupon, now, settle, maturity), ust.dirty_price(coupon, after, end, maturity)
    paid, day = 0.0, settle
    while (day := ust.coupons(day, maturity).next.item()) <= end:
        paid += 50 * coupon * (1 + repo * (end - day).days / 360)
    expected = float(value + paid - before * (1 + repo * days / 360))
    assert float(result.total) == pytest.approx(expected, abs=1e-9)
    assert float(result.move) == pytest.approx(float(value - ust.dirty_price(coupon, rolled, end, maturity)), abs=1e-9)


def test_carry_is_the_yield_less_repo_and_roll_the_slope() -> None:
    day, maturity = date(2019, 3, 28), date(2029, 2, 15)
    result = ust.excess_return(0.02625, maturity, (day, date(2019, 6, 28)), (0.024, 0.024), 0.0245, 0.0236)
    price, risk = (f(0.02625, 0.024, day, maturity) for f in (ust.dirty_price, ust.dv01))
    assert float(result.move) == pytest.approx(-4 * float(risk), rel=0.03)
    assert float(result.roll) == pytest.approx(4 * float(risk), rel=0.03)
    assert float(result.carry) == pytest.approx(float(price) * (0.024 / 4 - 0.0245 * 92 / 360), abs=0.02)
    assert float(ust.carry_roll_bp(result, risk)) == pytest.approx(3.7, abs=0.5)
    none = ust.excess_return(0.02625, maturity, (day, day), (0.024, 0.024), 0.0245)
    assert float(none.total) == 0.0


def test_many_bonds_on_many_days_are_one_call() -> None:
    days = np.arange("2019-01-02", "2019-03-01", dtype="datetime64[D]")[:, None]
    ends, coupons = np.array(["2021-01-31", "2049-02-15"], dtype="datetime64[D]"), np.array([0.025, 0.03])
    prices = ust.clean_price(coupons, 0.026, days, ends)
    assert prices.shape == (58, 2)
    assert prices[7, 1] == pytest.approx(float(ust.clean_price(0.03, 0.026, date(2019, 1, 9), date(2049, 2, 15))))
    np.testing.assert_allclose(ust.yield_from_price(coupons, prices, days, ends), 0.026, atol=1e-12)


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda: ust.clean_price(0.02, 0.02, date(2024, 8, 15), date(2024, 8, 15)), "drop matured"),
        (lambda: ust.clean_price(0.02, -2.0, date(2020, 8, 15), date(2024, 8, 15)), "must be above -200%"),
        (lambda: ust.clean_price(0.02, float("nan"), date(2020, 8, 15), date(2024, 8, 15)), "must be above -200%"),
        (lambda: ust.yield_from_price(0.02, -1.0, date(2020, 8, 15), date(2024, 8, 15)), "dirty price above 0"),
        (lambda: ust.accrued(0.02, np.datetime64("NaT"), date(2024, 8, 15)), "a date is null"),
        (
            lambda: ust.excess_return(
                0.02, date(2024, 8, 15), (date(2020, 1, 2), date(2020, 1, 1)), (0.02, 0.02), 0.01
            ),
            "runs forward",
        ),
    ],
)
def test_bad_input_names_the_remedy(call: Callable[[], object], text: str) -> None:
    with pytest.raises(ValueError, match=text):
        call()
