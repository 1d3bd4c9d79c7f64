"""Tickers and maturities against dates that B3 published."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from macro_fund.instruments.contracts import (
    PRICED_ROOTS,
    ROOTS,
    Spec,
    at_term,
    contract_code,
    first_ddi,
    load_specs,
    maturities,
    maturity,
    point_values,
    split,
)
from macro_fund.settings import CONFIG_DIR, SettingsError, default_settings
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


def test_every_root_that_is_read_has_marks_and_a_specification() -> None:
    assert set(PRICED_ROOTS) == set(ROOTS) == set(load_specs())
    assert point_values(load_specs()) == {
        "DI1": 1.0, "DDI": 0.5, "DAP": 0.00025, "FRC": 0.5, "DOL": 50.0, "WDO": 10.0, "IND": 1.0, "WIN": 0.2,
    }  # fmt: skip


def test_specifications_agree_with_the_instruments_that_the_fund_trades() -> None:
    for i in (i for i in default_settings().instruments if i.root in ("DI1", "DOL", "IND")):
        spec = load_specs()[i.root]
        said = (i.point_value_brl, i.tick * (100 if i.spread_unit == "bp" else 1), i.half_spread, i.fee_brl)
        tick, half_spread = (float(at_term(b, i.tenor_bd)) for b in (spec.tick, spec.half_spread))
        assert said == (spec.point_value, tick, half_spread, spec.fee_brl), i.id
        assert i.spread_unit == spec.spread_unit


def test_a_table_by_term_holds_from_its_term_on() -> None:
    tick = load_specs()["DI1"].tick
    np.testing.assert_array_equal(at_term(tick, [0, 63, 64, 504, 505, 3000]), [0.2, 0.2, 0.5, 0.5, 1.0, 1.0])
    with pytest.raises(ValueError, match="expired"):
        at_term(tick, [-1])
    with pytest.raises(ValueError, match="starts at 0"):
        Spec.model_validate({**load_specs()["DI1"].model_dump(), "tick": {5: 1.0}})


def test_first_leg_of_a_frc_has_three_business_days_left() -> None:
    days = pl.Series([date(2021, 2, 23), date(2021, 2, 24), date(2021, 2, 25), date(2021, 12, 28), date(2021, 12, 30)])
    legs = first_ddi(days, load_calendar("anbima"))
    assert legs["contract"].to_list() == ["DDIH21", "DDIH21", "DDIJ21", "DDIF22", "DDIG22"]
    assert legs["maturity"].to_list()[3:] == [date(2022, 1, 3), date(2022, 2, 1)]


def test_a_wrong_file_of_specifications_is_named(tmp_path: Path) -> None:
    (tmp_path / "contracts.yaml").write_text("DI1: {title: x}\n")
    with pytest.raises(SettingsError, match="unit"):
        load_specs(tmp_path)
    text = (CONFIG_DIR / "contracts.yaml").read_text().replace("WIN:", "WIM:")
    other = tmp_path / "other"
    other.mkdir()
    (other / "contracts.yaml").write_text(text)
    with pytest.raises(SettingsError, match="needs exactly DI1"):
        load_specs(other)


def test_unknown_root_and_unequal_lengths_are_refused() -> None:
    with pytest.raises(ValueError, match="DCOF25"):
        contract_code("DCO", date(2025, 1, 2))
    with pytest.raises(ValueError, match="one day for each contract"):
        maturities(pl.Series(["DI1F27"]), pl.Series([date(2025, 1, 2)] * 2))
