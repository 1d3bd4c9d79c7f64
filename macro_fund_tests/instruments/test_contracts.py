"""Tickers and maturities against dates that B3 published."""

from __future__ import annotations

from datetime import date

import polars as pl
import pytest

from macro_fund.instruments.contracts import PRICED_ROOTS, ROOTS, contract_code, maturities, maturity, split
from macro_fund.time.calendars import load_calendar

PUBLISHED = {
    "DI1F19": date(2019, 1, 2),
    "DI1F21": date(2021, 1, 4),
    "DI1K20": date(2020, 5, 4),
    "DI1H25": date(2025, 3, 5),  # the 1st is a Saturday and carnival follows
    "DOLF21": date(2021, 1, 4),
    "DOLG25": date(2025, 2, 3),
    "INDG18": date(2018, 2, 14),
    "INDJ14": date(2014, 4, 16),
    "INDV21": date(2021, 10, 13),
    "INDV22": date(2022, 10, 13),  # Wednesday the 12th is a holiday
    "DDIF21": date(2021, 1, 4),
    "FRCF22": date(2022, 1, 3),
    "WDOG21": date(2021, 2, 1),
    "WING21": date(2021, 2, 17),
    "DAPJ21": date(2021, 4, 15),
    "DAPG21": date(2021, 2, 17),  # the 15th and 16th are carnival
    "DAPK21": date(2021, 5, 17),  # the 15th is a Saturday
    "DAPX21": date(2021, 11, 16),  # the 15th is a holiday
}


@pytest.mark.parametrize(("contract", "expected"), PUBLISHED.items())
def test_maturity_is_the_published_one(contract: str, expected: date) -> None:
    assert maturity(contract, date(expected.year - 1, 6, 1)) == expected


def test_vectorised_agrees_with_single_and_keeps_rows_in_place() -> None:
    names = [*PUBLISHED, *reversed(PUBLISHED)]
    known = [date(2013, 1, 2), date(2024, 1, 2)] * len(PUBLISHED)
    found = maturities(pl.Series(names), pl.Series(known))
    assert found.dtype == pl.Date
    assert found.to_list() == [maturity(n, k) for n, k in zip(names, known, strict=True)]
    assert maturities(pl.Series([], dtype=pl.String), pl.Series([], dtype=pl.Date)).len() == 0


@pytest.mark.parametrize("contract", PUBLISHED)
def test_code_is_the_inverse_of_maturity(contract: str) -> None:
    assert contract_code(contract[:3], PUBLISHED[contract]) == contract


def test_every_maturity_is_an_open_day_of_its_month() -> None:
    bank, exchange = load_calendar("anbima"), load_calendar("b3")
    for year in range(2010, 2031):
        for letter in "FGHJKMNQUVXZ":
            first = maturity(f"DI1{letter}{year % 100}", date(year, 1, 1))
            for root in ("DDI", "FRC", "DOL", "WDO"):
                assert first == maturity(f"{root}{letter}{year % 100}", date(year, 1, 1))
            real = maturity(f"DAP{letter}{year % 100}", date(year, 1, 1))
            assert bank.is_business_day(real, known_on=date(year, 1, 1))
            assert bank.count(date(year, real.month, 15), real, known_on=date(year, 1, 1)) == 0
            assert bank.is_business_day(first)
            assert bank.count(first.replace(day=1), first) == 0
        for letter in "GJMQVZ":
            expiry = maturity(f"IND{letter}{year % 100}", date(year, 1, 1))
            assert exchange.is_business_day(expiry, known_on=date(year, 1, 1))
            assert abs(expiry.day - 15) <= 5
            assert expiry == maturity(f"WIN{letter}{year % 100}", date(year, 1, 1))


@pytest.mark.parametrize("bad", ["", "DI1", "DI1A27", "DI1F2027", "di1f27", "DOLF7", "DCOF25", "DI1F27 ", "XDI1F27"])
def test_bad_ticker_says_what_is_expected(bad: str) -> None:
    with pytest.raises(ValueError, match="expected root, month letter"):
        split(bad)
    with pytest.raises(ValueError, match="expected root, month letter"):
        maturity(bad, date(2025, 1, 2))


def test_odd_month_index_future_is_refused() -> None:
    for contract in ("INDF25", "WINF25"):
        with pytest.raises(ValueError, match=f"{contract[:3]} is listed for even months"):
            maturity(contract, date(2025, 1, 2))


def test_roots_that_have_marks_are_among_those_that_are_read() -> None:
    assert PRICED_ROOTS == ("DI1", "DOL", "IND")
    assert set(PRICED_ROOTS) < set(ROOTS)


def test_unknown_root_and_unequal_lengths_are_refused() -> None:
    with pytest.raises(ValueError, match="DCOF25"):
        contract_code("DCO", date(2025, 1, 2))
    with pytest.raises(ValueError, match="one day for each contract"):
        maturities(pl.Series(["DI1F27"]), pl.Series([date(2025, 1, 2)] * 2))
