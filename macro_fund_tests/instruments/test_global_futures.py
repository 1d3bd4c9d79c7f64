"""CME futures: published expiries, codes, rolls without gaps, currencies that CME quotes the other way round."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from macro_fund.instruments import global_futures as gf

KNOWN = date(2024, 1, 2)
PRICES = st.floats(1e-6, 1e5)
CURRENCIES = [root for root, spec in gf.SPECS.items() if spec.pair]
DAYS = np.arange("2010-01-04", "2022-01-01", dtype="datetime64[D]")


# Last trading days that the exchange published.
@pytest.mark.parametrize(
    ("contract", "last"),
    [
        ("ESZ24", date(2024, 12, 20)),
        ("ESM26", date(2026, 6, 18)),  # the third Friday is Juneteenth
        ("6EZ24", date(2024, 12, 16)),
        ("6MH20", date(2020, 3, 16)),
        ("6ZU21", date(2021, 9, 13)),
        ("CHPG25", date(2025, 1, 31)),
        ("GCZ24", date(2024, 12, 27)),
        ("CLK20", date(2020, 4, 21)),  # the 25th is a Saturday; the price had been below zero the day before
        ("CLF25", date(2024, 12, 19)),
        ("BZG16", date(2016, 1, 14)),
        ("BZH16", date(2016, 1, 29)),
        ("BZG25", date(2024, 12, 30)),
        ("BZV20", date(2020, 8, 28)),  # 31 August was a holiday in London only
        ("ZNM22", date(2022, 6, 21)),
        ("ZTM22", date(2022, 6, 30)),
    ],
)
def test_expiry(contract: str, last: date) -> None:
    assert gf.expiry(contract, KNOWN) == last
    assert gf.roll_date(contract, KNOWN) < last


@pytest.mark.parametrize("root", list(gf.SPECS))
def test_each_day_holds_one_contract_that_still_trades_and_never_goes_back(root: str) -> None:
    names = gf.held(root, DAYS)
    months = np.array([gf.delivery_month(n) for n in names])
    assert np.all(np.diff(months.astype(int)) >= 0)
    for name in names.unique():
        last = DAYS[(names == name).to_numpy()].max()
        assert last.item() <= gf.roll_date(name, last.item()) < gf.expiry(name, last.item())


@pytest.mark.parametrize(
    ("root", "day", "contract"),
    [
        ("ES", "2019-03-08", "ESH19"), ("ES", "2019-03-11", "ESM19"), ("6M", "2019-03-11", "6MH19"),
        ("6M", "2019-03-12", "6MM19"), ("GC", "2019-11-22", "GCZ19"), ("GC", "2019-11-26", "GCG20"),
        ("CL", "2020-04-09", "CLK20"), ("CL", "2020-04-13", "CLM20"), ("BZ", "2019-06-11", "BZQ19"),
        ("BZ", "2019-06-12", "BZU19"),
    ],
)  # fmt: skip
def test_contract_held(root: str, day: str, contract: str) -> None:
    assert gf.held(root, np.datetime64(day)).to_list() == [contract]


@given(st.sampled_from(list(gf.SPECS)), st.integers(2000, 2099), st.integers(0, 11))
def test_codes_are_read_back(root: str, year: int, number: int) -> None:
    months = gf.SPECS[root].months
    month = gf.MONTH_CODES.index(months[number % len(months)]) + 1
    assert gf.split(gf.contract_code(root, year, month)) == (root, year, month)


def test_daily_pnl_and_exposure() -> None:
    assert float(gf.daily_pnl_usd("ES", 3000.25, 3000.0)) == 12.5
    assert float(gf.daily_pnl_usd("ES", 3000.25, 3000.0, -4)) == -50.0
    assert float(gf.daily_pnl_usd("CL", -37.63, 18.27)) == pytest.approx(-55_900.0)
    assert float(gf.delta_usd("GC", 1500.0, 2)) == 300_000.0
    for root, value in {"ZT": 7.8125, "ZF": 7.8125, "ZN": 15.625, "ZB": 31.25, "ES": 12.5, "6E": 6.25, "6M": 5.0,
                        "6Z": 12.5, "CHP": 5.0, "GC": 10.0, "CL": 10.0, "BZ": 10.0}.items():  # fmt: skip
        assert float(gf.daily_pnl_usd(root, 100 + gf.SPECS[root].tick, 100.0)) == pytest.approx(value, rel=1e-6)


@given(PRICES, PRICES, st.floats(-1000, 1000), st.sampled_from(list(gf.SPECS)))
def test_long_gains_when_the_price_rises_and_sides_cancel(old: float, new: float, quantity: float, root: str) -> None:
    pnl = float(gf.daily_pnl_usd(root, new, old, quantity))
    assert pnl == -float(gf.daily_pnl_usd(root, old, new, quantity))
    assert pnl * (new - old) * quantity >= 0


def test_flat_price_makes_nothing_while_the_real_falls_and_cash_is_another_line() -> None:
    assert float(gf.pnl_brl(gf.daily_pnl_usd("ES", 3000.0, 3000.0, 10), 4.4)) == 0.0
    assert float(gf.pnl_brl(100.0, 4.4)) == pytest.approx(440.0)
    assert float(gf.cash_revaluation_brl(1000.0, 4.4, 4.0)) == pytest.approx(400.0)


@given(st.sampled_from(CURRENCIES), st.floats(1e-5, 1e5))
def test_pair_is_the_inverse_of_cmes_quote_and_back(root: str, price: float) -> None:
    pair = gf.pair_rate(root, price)
    assert float(gf.pair_rate(root, pair)) == pytest.approx(price, rel=1e-14)
    assert float(pair) == pytest.approx(price if root == "6E" else 1 / price, rel=1e-14)


@given(st.sampled_from(CURRENCIES), st.floats(1e-4, 1e4), st.floats(1.001, 2.0))
def test_long_the_contract_gains_when_the_pair_moves_its_way(root: str, pair: float, factor: float) -> None:
    before, after = gf.pair_rate(root, pair), gf.pair_rate(root, pair * factor)
    assert np.sign(gf.daily_pnl_usd(root, after, before)) == gf.pair_sign(root)


def test_a_peso_that_weakens_loses() -> None:
    before, after = gf.pair_rate("6M", 20.0), gf.pair_rate("6M", 25.0)
    assert float(before) == 0.05
    assert float(gf.daily_pnl_usd("6M", after, before)) == pytest.approx(-5000.0)
    assert gf.pair_sign("6M") == -1


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda: gf.split("ESF25"), "rolled through the months HMUZ"),
        (lambda: gf.split("ES25"), "expected root, month letter"),
        (lambda: gf.contract_code("ES", 2100, 3), "must be 2000 to 2099"),
        (lambda: gf.daily_pnl_usd("XX", 1.0, 1.0), "unknown futures root"),
        (lambda: gf.pair_rate("ES", 1.0), "no currency future"),
        (lambda: gf.pair_sign("CL"), "no currency future"),
        (lambda: gf.pair_rate("6M", 0.0), "USDMXN must be above 0"),
        (lambda: gf.pnl_brl(1.0, -5.0), "BRL per USD must be above 0"),
    ],
)
def test_bad_input_names_the_remedy(call: Callable[[], object], text: str) -> None:
    with pytest.raises(ValueError, match=text):
        call()
