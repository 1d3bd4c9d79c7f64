"""Credit default swap against Markit's published values, QuantLib's maturities, golden numbers and properties."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from itertools import product

import numpy as np
import pytest
import QuantLib as ql  # noqa: N813
from hypothesis import given, settings
from hypothesis import strategies as st

from macro_fund.instruments import cds

# Markit's calculator, trade date 2009-05-21, 10 million, coupon 100 bp: what the buyer of protection receives, by
# maturity (20 June), quoted spread (10 and 1000 bp) and recovery (20% and 40%).
MARKIT = [
    97798.29358, 97776.11889, -914971.5977, -894985.6298, 186921.3594, 186839.8148, -1646623.672, -1579803.626,
    274298.9203, 274122.4725, -2279730.93, -2147972.527, 592420.2297, 591571.2294, -3993550.206, -3545843.418,
    797501.1422, 795915.9787, -4702034.688, -4042340.999,
]  # fmt: skip
CASES = list(product((2010, 2011, 2012, 2016, 2019), (0.001, 0.1), (0.2, 0.4)))
# The ISDA dollar curve of that day: days and discount factors bootstrapped from its deposits and swaps.
DAYS = [35, 67, 96, 188, 280, 369, 734, 1100, 1467, 1831, 2195, 2561, 2926, 3291, 3658, 4387, 5485, 7309, 9135, 10961]
FACTORS = [
    0.999700542908, 0.9989998638, 0.99813863466, 0.993661563289, 0.989346782989, 0.984505965231, 0.976537641153,
    0.950280936432, 0.918234454865, 0.883984999415, 0.849096816767, 0.81390013668, 0.779981091995, 0.74726201632,
    0.714896077851, 0.653176723509, 0.570535743309, 0.466943901969, 0.384826089871, 0.31408494809,
]  # fmt: skip
CURVE = ([d / 365 for d in DAYS], FACTORS)
FLAT = ([1.0, 5.0, 10.0], np.exp(-0.04 * np.array([1.0, 5.0, 10.0])).tolist())
TRADE, MATURITY = date(2021, 3, 22), date(2026, 6, 20)
SPREADS = st.floats(0.0005, 0.08)


@pytest.mark.parametrize(("case", "value"), list(zip(CASES, MARKIT, strict=True)))
def test_upfront_is_markits(case: tuple[int, float, float], value: float) -> None:
    year, spread, recovery = case
    price = cds.isda(date(2009, 5, 21), date(year, 6, 20), spread, CURVE, recovery)
    assert price.upfront * 1e7 == pytest.approx(-value, abs=0.01)
    assert price.accrued * 1e7 == pytest.approx(17_500.0)


def test_golden_numbers_of_the_flat_approximation() -> None:
    annuity = cds.flat_annuity(0.015, 5, 0.25, 0.04)
    assert float(annuity) == pytest.approx(4.287, abs=5e-4)
    assert float(cds.upfront(0.015, annuity)) == pytest.approx(0.02144, abs=5e-6)


def test_approximation_is_near_the_standard_model() -> None:
    price = cds.isda(TRADE, MATURITY, 0.02, FLAT)
    assert price.annuity == pytest.approx(float(cds.flat_annuity(0.02, 5.25)), rel=0.03)
    assert price.upfront == pytest.approx((0.02 - 0.01) * price.annuity, rel=0.02)
    assert price.cs01 == pytest.approx(float(cds.cs01(price.annuity, 1.0)), rel=0.04)


@pytest.mark.parametrize("years", [1, 5, 10])
def test_maturities_are_quantlibs_on_every_day(years: int) -> None:
    days = np.arange("2010-01-01", "2022-01-01", dtype="datetime64[D]")
    tenor = ql.Period(years, ql.Years)
    rules = np.where(days >= cds.SEMIANNUAL_ROLL, ql.DateGeneration.CDS2015, ql.DateGeneration.CDS)
    first = ql.Date(1, 1, 2010)
    expected = [ql.cdsMaturity(first + i, tenor, int(rule)).ISO() for i, rule in enumerate(rules)]
    assert cds.maturities(days, years).astype(str).tolist() == expected


@pytest.mark.parametrize(
    ("trade", "maturity"),
    [
        (date(2010, 3, 19), date(2015, 3, 20)),
        (date(2010, 3, 20), date(2015, 6, 20)),
        (date(2021, 3, 19), date(2025, 12, 20)),
        (date(2021, 3, 22), date(2026, 6, 20)),
        (date(2021, 12, 20), date(2026, 12, 20)),
    ],
)
def test_roll_days(trade: date, maturity: date) -> None:
    assert cds.maturities(trade, 5).item() == maturity


def test_a_call_leaves_quantlibs_day_as_it_was() -> None:
    ql.Settings.instance().evaluationDate = ql.Date(3, 1, 2020)
    cds.isda(TRADE, MATURITY, 0.02, FLAT)
    assert ql.Settings.instance().evaluationDate == ql.Date(3, 1, 2020)


@settings(max_examples=25)
@given(SPREADS, st.floats(0.0, 0.6))
def test_swap_at_its_coupon_is_worth_nothing_and_the_buyer_pays_more_for_wider_spreads(
    spread: float, recovery: float
) -> None:
    assert cds.isda(TRADE, MATURITY, spread, FLAT, recovery, coupon=spread).upfront == pytest.approx(0.0, abs=1e-9)
    price = cds.isda(TRADE, MATURITY, spread, FLAT, recovery)
    assert np.sign(round(price.upfront, 9)) == np.sign(round(spread - cds.COUPON, 9))
    assert price.cs01 > 0
    assert price.annuity > 0


@given(SPREADS, st.floats(0.1, 10.0), st.floats(0.0, 0.6), st.floats(-0.01, 0.15), st.floats(1e-4, 0.02))
def test_annuity_falls_with_the_spread_and_upfront_rises(
    spread: float, years: float, recovery: float, rate: float, rise: float
) -> None:
    near, far = cds.flat_annuity(np.array([spread, spread + rise]), years, recovery, rate)
    assert near > far > 0
    assert float(cds.upfront(spread, near, spread)) == 0.0
    assert cds.flat_annuity(spread, years + 0.25, recovery, rate) > near


@given(SPREADS, SPREADS, st.floats(-1e7, 1e7).filter(lambda n: abs(n) > 1))
def test_seller_of_protection_loses_when_the_spread_widens(before: float, after: float, notional: float) -> None:
    up = [cds.upfront(s, cds.flat_annuity(s, 5)) for s in (before, after)]
    pnl = float(cds.daily_pnl(notional, up[1], up[0], 0))
    # U(s) rises where the gap grows faster than the annuity falls: up to some 30%.
    assert np.sign(pnl) == np.sign(notional) * np.sign(before - after) or before == pytest.approx(after, abs=1e-12)
    assert np.sign(cds.cs01(4.3, notional)) == np.sign(notional)


def test_daily_pnl_by_hand() -> None:
    # Ten million sold, the spread widens by 10 bp over a weekend: about -43,000 and three days of premium.
    assert float(cds.daily_pnl(1e7, 0.0257, 0.0214, 3)) == pytest.approx(1e7 * (-0.0043 + 0.01 * 3 / 360))


@given(SPREADS, SPREADS, SPREADS, st.integers(1, 180))
def test_carry_roll_and_move_are_the_pnl(before: float, rolled: float, after: float, days: int) -> None:
    years = 5.0, 5.0 - days / 360
    spans = ((before, years[0]), (before, years[1]), (rolled, years[1]), (after, years[1]))
    ups = [cds.upfront(s, cds.flat_annuity(s, t)) for s, t in spans]
    parts = cds.attribution(ups, days)
    assert float(parts.total) == pytest.approx(float(cds.daily_pnl(1.0, ups[3], ups[0], days)), abs=1e-14)
    assert float(parts.roll) == pytest.approx(float(ups[1] - ups[2]), abs=1e-15)


def test_carry_and_roll_of_a_par_swap_are_the_spread_and_the_slope() -> None:
    days, coupon = 90, 0.02
    years = 5.0 - days / 360
    spans = ((0.02, 5.0), (0.02, years), (0.0195, years), (0.021, years))
    parts = cds.attribution([cds.upfront(s, cds.flat_annuity(s, t), coupon) for s, t in spans], days, coupon)
    quick = cds.carry_roll(0.02, 0.0195, cds.flat_annuity(0.0195, years), days)
    assert float(parts.carry) == pytest.approx(0.02 * days / 360, abs=1e-15)
    assert float(parts.carry + parts.roll) == pytest.approx(float(quick), abs=1e-15)
    assert float(parts.roll) > 0 > float(parts.move)


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda: cds.isda(TRADE, TRADE, 0.02, FLAT), "a weekday before the maturity"),
        (lambda: cds.isda(date(2021, 3, 20), MATURITY, 0.02, FLAT), "a weekday before the maturity"),
        (lambda: cds.isda(TRADE, MATURITY, 0.0, FLAT), "a decimal above 1 bp"),
        (lambda: cds.isda(TRADE, MATURITY, 0.02, FLAT, 1.0), r"recovery in \[0, 1\)"),
        (lambda: cds.isda(TRADE, MATURITY, 0.02, ([5.0, 1.0], [0.8, 0.9])), "ascending years"),
        (lambda: cds.flat_annuity(0.02, 0.0), "drop matured swaps"),
        (lambda: cds.flat_annuity(0.02, 5, 1.0), r"recovery in \[0, 1\)"),
    ],
)
def test_bad_input_names_the_remedy(call: Callable[[], object], text: str) -> None:
    with pytest.raises(ValueError, match=text):
        call()
