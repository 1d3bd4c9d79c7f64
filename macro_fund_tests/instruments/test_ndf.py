"""Non-deliverable forward: signs, settlement, exposure, fixing days."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from macro_fund.instruments import ndf
from macro_fund.time.calendars import load_calendar

RATES = st.floats(0.5, 20.0)
NOTIONALS = st.floats(-1e8, 1e8).filter(lambda n: abs(n) > 1.0)
FACTORS = st.floats(0.5, 1.0)


def test_by_hand() -> None:
    # A million dollars bought at 5.00: at a forward of 5.20 they are worth 0.20 / 5.20 of it, discounted.
    assert float(ndf.mtm_usd(1e6, 5.2, 5.0, 0.99)) == pytest.approx(1e6 * 0.2 / 5.2 * 0.99)
    assert float(ndf.settlement_usd(1e6, 5.0, 5.2)) == pytest.approx(38_461.538461538)
    np.testing.assert_allclose(ndf.settlement_usd(-1e6, 5.0, [5.2, 4.8]), [-38_461.538461538, 41_666.666666667])


@given(NOTIONALS, RATES, FACTORS)
def test_worth_nothing_at_the_forward(notional: float, rate: float, factor: float) -> None:
    assert float(ndf.mtm_usd(notional, rate, rate, factor)) == 0.0
    assert float(ndf.settlement_usd(notional, rate, rate)) == 0.0


@given(NOTIONALS, RATES, RATES, FACTORS)
def test_long_dollars_gains_when_the_dollar_rises(notional: float, rate: float, strike: float, factor: float) -> None:
    value = float(ndf.mtm_usd(notional, rate, strike, factor))
    assert np.sign(value) == np.sign(notional) * np.sign(rate - strike)
    assert value == -float(ndf.mtm_usd(-notional, rate, strike, factor))
    assert np.sign(ndf.delta_usd(notional, factor)) == np.sign(notional)


@given(NOTIONALS, RATES, RATES)
def test_value_on_the_fixing_day_is_the_settlement(notional: float, ptax: float, strike: float) -> None:
    value = float(ndf.mtm_usd(notional, ptax, strike, 1.0))
    assert value == pytest.approx(float(ndf.settlement_usd(notional, strike, ptax)), rel=1e-9, abs=1e-6)


@given(NOTIONALS, RATES, RATES, FACTORS, st.floats(1.0, 1.3))
def test_delta_is_what_a_move_of_the_spot_does_in_reais(
    notional: float, spot: float, strike: float, factor: float, premium: float
) -> None:
    def value_brl(rate: float) -> float:
        return float(ndf.mtm_usd(notional, rate * premium, strike, factor)) * rate

    move = 0.01
    gained = value_brl(spot + move) - value_brl(spot)
    assert gained == pytest.approx(float(ndf.delta_usd(notional, factor)) * move, rel=1e-5, abs=abs(notional) * 1e-8)


def test_fixing_is_two_days_on_which_both_are_open_before() -> None:
    calendars = load_calendar("anbima"), load_calendar("nyse")
    # Settlement on 2021-07-06: 5 July is a holiday in New York, so the 2nd and the 1st count.
    days = np.array(["2021-07-06", "2021-02-18", "2021-03-10"], dtype="datetime64[D]")
    found = ndf.fixing_dates(days, np.datetime64("2021-01-04"), *calendars)
    # Carnival and Presidents' Day: 15 and 16 February are closed in Brazil, 15 in New York.
    assert found.astype(str).tolist() == ["2021-07-01", "2021-02-12", "2021-03-08"]
    assert ndf.fixing_dates(date(2021, 3, 10), date(2021, 1, 4), *calendars).item() == date(2021, 3, 8)


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda: ndf.mtm_usd(1e6, 0.0, 5.0, 1.0), "rates above 0"),
        (lambda: ndf.settlement_usd(1e6, 5.0, float("nan")), "rates above 0"),
        (lambda: ndf.mtm_usd(1e6, 5.0, 5.0, 0.0), "discount factor"),
    ],
)
def test_bad_input_names_the_remedy(call: Callable[[], object], text: str) -> None:
    with pytest.raises(ValueError, match=text):
        call()
