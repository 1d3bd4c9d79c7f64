"""Treasury futures against CME's published conversion factors and dates, a worked delivery and properties."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from macro_fund.instruments import ust, ust_futures
from macro_fund.instruments.global_futures import SPECS, daily_pnl_usd, expiry, held, roll_date

KNOWN = date(2024, 1, 2)
SETTLE, DELIVERED = date(2017, 10, 11), date(2017, 12, 29)


# CME, "Calculating U.S. Treasury Futures Conversion Factors": the four examples of the December 2008 contracts; and the
# cheapest bond of the December 2017 ten-year contract in "Understanding Treasury Futures".
@pytest.mark.parametrize(
    ("contract", "coupon", "maturity", "factor"),
    [
        ("ZTZ08", 0.015, date(2010, 10, 31), 0.9229),
        ("ZFZ08", 0.0275, date(2013, 10, 31), 0.8653),
        ("ZNZ08", 0.0375, date(2018, 11, 15), 0.8357),
        ("ZBZ08", 0.045, date(2038, 5, 15), 0.7943),
        ("ZNZ17", 0.02375, date(2024, 8, 15), 0.8072),
    ],
)
def test_conversion_factor_is_the_published_one(contract: str, coupon: float, maturity: date, factor: float) -> None:
    assert float(ust_futures.conversion_factor(contract, coupon, maturity)) == factor


@given(st.sampled_from(ust_futures.ROOTS), st.integers(24, 360))
def test_a_six_percent_bond_has_factor_one(root: str, months: int) -> None:
    maturity = (np.datetime64("2018-03", "M") + months).astype("datetime64[D]")
    whole = months // 3 * 3 % 6 == 0 if root in ("ZN", "ZB") else months % 6 == 0
    found = float(ust_futures.conversion_factor(f"{root}H18", 0.06, maturity))
    assert found == 1.0 if whole else found == pytest.approx(1.0, abs=2e-4)


@given(st.floats(0.0, 0.1), st.integers(6, 360))
def test_factor_is_near_the_price_at_six_percent(coupon: float, quarters: int) -> None:
    months = quarters // 3 * 3
    bought = np.datetime64("2018-03", "M")
    end = (bought + months).astype("datetime64[D]")
    price = ust.clean_price(coupon, 0.06, bought.astype("datetime64[D]"), end) / 100
    assert float(ust_futures.conversion_factor("ZBH18", coupon, end)) == pytest.approx(float(price), abs=6e-4)


def test_implied_repo_of_a_worked_delivery() -> None:
    # Ten-year contract at 125-085 on 10 October 2017: 1.7837% with delivery on the last day.
    futures = ust_futures.parse_price("125-085")
    assert futures == 125.265625
    found = ust_futures.implied_repo(futures, 0.8072, 0.02375, date(2024, 8, 15), 101.2266, SETTLE, DELIVERED)
    assert float(found) == pytest.approx(0.01783695, abs=5e-9)


def test_a_coupon_before_delivery_earns_the_repo() -> None:
    maturity, bought, sold = date(2027, 2, 15), date(2020, 1, 15), date(2020, 3, 31)
    price = 104.0 + float(ust.accrued(0.025, bought, maturity))
    repo = float(ust_futures.implied_repo(120.0, 0.87, 0.025, maturity, 104.0, bought, sold))
    invoice = 120.0 * 0.87 + float(ust.accrued(0.025, sold, maturity))
    owed = price * (1 + repo * (sold - bought).days / 360) - 1.25 * (1 + repo * (sold - date(2020, 2, 15)).days / 360)
    assert invoice == pytest.approx(owed, abs=1e-12)


def basket() -> pl.DataFrame:
    """Bonds that the ten-year contract of December 2017 takes, all yielding 2.2%."""
    bonds = [
        (0.02375, date(2024, 8, 15)),
        (0.02125, date(2024, 11, 30)),
        (0.0225, date(2025, 11, 15)),
        (0.02, date(2026, 11, 15)),
    ]
    rows = pl.DataFrame(bonds, schema={"coupon": pl.Float64, "maturity": pl.Date}, orient="row")
    clean = ust.clean_price(rows["coupon"].to_numpy(), 0.022, SETTLE, rows["maturity"].to_numpy())
    return rows.with_columns(clean_price=pl.Series(clean))


def test_cheapest_to_deliver_below_six_percent_is_the_shortest() -> None:
    ranked = ust_futures.deliverables("ZNZ17", 125.0, SETTLE, basket())
    assert ranked["maturity"].to_list() == sorted(basket()["maturity"].to_list())
    first = ranked.row(0, named=True)
    risk = ust.dv01(first["coupon"], first["yield"], SETTLE, first["maturity"])
    assert first["conversion_factor"] == 0.8072
    assert first["yield"] == pytest.approx(0.022, abs=1e-12)
    assert first["dv01_usd"] == pytest.approx(float(risk) / 0.8072 * 1000, rel=1e-12)
    assert first["gross_basis"] == pytest.approx(first["clean_price"] - 125.0 * 0.8072, abs=1e-12)
    given_day = ust_futures.deliverables("ZNZ17", 125.0, SETTLE, basket(), DELIVERED)
    assert given_day.equals(ranked)


def test_dv01_of_the_contract_is_what_its_price_does() -> None:
    """A futures price that keeps the cheapest bond's basis moves by DV01 / factor."""
    ranked = ust_futures.deliverables("ZNZ17", 125.0, SETTLE, basket()).row(0, named=True)
    bond = (ranked["coupon"], SETTLE, ranked["maturity"])
    up, down = (ust.clean_price(bond[0], ranked["yield"] + h, *bond[1:]) / 0.8072 for h in (5e-5, -5e-5))
    assert float(daily_pnl_usd("ZN", down, up)) == pytest.approx(ranked["dv01_usd"], rel=1e-6)


@pytest.mark.parametrize(
    ("root", "par", "usd"), [("ZT", 0.042, 38), ("ZF", 0.041, 43), ("ZN", 0.042, 65), ("ZB", 0.045, 130)]
)
def test_proxy_is_marked_and_near_the_market(root: str, par: float, usd: float) -> None:
    risk = ust_futures.proxy_risk(root, par)
    assert risk.basis == "proxy"
    assert float(risk.dv01_usd) == pytest.approx(usd, rel=0.12)
    assert 0.5 < float(risk.conversion_factor) < 1
    assert ust_futures.proxy_risk(root, [par, 0.01]).dv01_usd.shape == (2,)


@given(st.sampled_from(ust_futures.ROOTS), st.floats(-0.005, 0.0575), st.floats(1e-4, 0.002))
def test_proxy_risk_is_positive_and_falls_when_yields_rise(root: str, par: float, rise: float) -> None:
    low, high = ust_futures.proxy_risk(root, np.array([par, par + rise])).dv01_usd
    assert low > 0
    assert low > high * 0.999


def test_ctd_risk_says_what_it_rests_on() -> None:
    risk = ust_futures.ctd_risk("ZTH25", 0.0175, 0.97)
    assert (risk.basis, float(risk.dv01_usd)) == ("ctd", pytest.approx(0.0175 / 0.97 * 2000))


# First position, first delivery, last trading and last delivery days that CME published.
@pytest.mark.parametrize(
    ("contract", "position", "first", "trading", "last"),
    [
        ("ZNH21", date(2021, 2, 25), date(2021, 3, 1), date(2021, 3, 22), date(2021, 3, 31)),
        ("ZNZ24", date(2024, 11, 27), date(2024, 12, 2), date(2024, 12, 19), date(2024, 12, 31)),
        ("ZTZ24", date(2024, 11, 27), date(2024, 12, 2), date(2024, 12, 31), date(2025, 1, 6)),
        ("ZFH25", date(2025, 2, 27), date(2025, 3, 3), date(2025, 3, 31), date(2025, 4, 3)),
    ],
)
def test_delivery_dates(contract: str, position: date, first: date, trading: date, last: date) -> None:
    found = ust_futures.delivery(contract, KNOWN)
    assert (found.first_position, found.first_delivery, found.last_trading, found.last_delivery) == (
        position, first, trading, last,
    )  # fmt: skip
    assert expiry(contract, KNOWN) == trading
    assert roll_date(contract, KNOWN) < position


def test_position_is_moved_before_first_position_day() -> None:
    days = np.array(["2024-11-22", "2024-11-25"], dtype="datetime64[D]")
    assert held("ZN", days).to_list() == ["ZNZ24", "ZNH25"]


@pytest.mark.parametrize(
    ("text", "price"),
    [
        ("110-16", 110.5), ("110-160", 110.5), ("110'165", 110.515625), ("110-16.5", 110.515625), ("0-00", 0.0),
        ("110-16+", 110.515625), ("104-021", 104 + 2.125 / 32), ("104-022", 104 + 2.25 / 32), ("-0-01", -1 / 32),
        ("104-027", 104 + 2.75 / 32), ("104-028", 104 + 2.875 / 32),
    ],
)  # fmt: skip
def test_prices_in_32nds(text: str, price: float) -> None:
    assert ust_futures.parse_price(text) == price
    assert ust_futures.parse_price(ust_futures.format_price(price)) == price


@given(st.integers(0, 60_000), st.sampled_from(ust_futures.ROOTS))
def test_every_tick_is_written_and_read_back(ticks: int, root: str) -> None:
    price = ticks * SPECS[root].tick
    assert ust_futures.parse_price(ust_futures.format_price(price)) == price


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda: ust_futures.parse_price("110.5"), "not a price in 32nds"),
        (lambda: ust_futures.parse_price("110-32"), "not a price in 32nds"),
        (lambda: ust_futures.parse_price("110-164"), "not a price in 32nds"),
        (lambda: ust_futures.format_price(110.3), "multiple of 1/256"),
        (lambda: ust_futures.conversion_factor("ESZ25", 0.04, date(2030, 1, 1)), "no Treasury future"),
        (lambda: ust_futures.conversion_factor("ZNZ25", 0.04, date(2025, 12, 15)), "mature after the delivery month"),
        (lambda: ust_futures.proxy_risk("ZN", 0.06), "give a basket"),
        (lambda: ust_futures.proxy_risk("ES", 0.04), "no Treasury future"),
        (lambda: ust_futures.ctd_risk("ZNZ25", 0.06, 0.0), "conversion factor must be above 0"),
        (lambda: ust_futures.deliverables("ZNZ17", 125.0, SETTLE, basket().clear()), "use proxy_risk"),
        (
            lambda: ust_futures.implied_repo(120.0, 0.9, 0.02, date(2030, 1, 1), 99.0, DELIVERED, SETTLE),
            "bought before it is delivered",
        ),
        (
            lambda: ust_futures.implied_repo(120.0, 0.9, 0.02, date(2030, 1, 1), 99.0, SETTLE, date(2018, 12, 1)),
            "more than one coupon",
        ),
    ],
)
def test_bad_input_names_the_remedy(call: Callable[[], object], text: str) -> None:
    with pytest.raises(ValueError, match=text):
        call()
