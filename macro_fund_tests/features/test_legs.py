"""What strategies trade: stand-ins by hand, and settlements before stand-ins."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest

from macro_fund.features.legs import leg_returns
from macro_fund.features.proxies import Known, proxy_returns
from macro_fund.instruments.contracts import load_specs
from macro_fund.settings import default_settings
from macro_fund.store.tables import TABLES
from macro_fund.time.calendars import load_calendar

SETTINGS = default_settings()
# Four exchange days and, on the fifth row, one day that was closed for all: Thursday 30 March 2017 to Wednesday.
DAYS = [date(2017, 3, 30), date(2017, 3, 31), date(2017, 4, 3), date(2017, 4, 4), date(2017, 4, 5)]
SESSIONS = [d + timedelta(days=1) if d.weekday() < 4 else d + timedelta(days=3) for d in DAYS]
CDI, FED = 0.0005, 0.01
SCHEMA = TABLES["silver/as_known"].schema


def known_series(**values: list[float] | float) -> pl.DataFrame:
    parts = []
    for series, given in values.items():
        path = given if isinstance(given, list) else [given] * len(DAYS)
        parts.append(
            pl.DataFrame(
                {"session": SESSIONS, "series_id": series, "event_date": DAYS, "value": path, "stale": False},
                schema_overrides={"value": pl.Float64},
            )
        )
    return pl.concat(parts).sort("session", "series_id")


def ust(rates: dict[float, list[float]]) -> pl.DataFrame:
    rows = [(s, d, t, r[k]) for t, r in rates.items() for k, (s, d) in enumerate(zip(SESSIONS, DAYS, strict=True))]
    schema = {"session": pl.Date, "curve_date": pl.Date, "tenor_years": pl.Float64, "par_yield": pl.Float64}
    return pl.DataFrame(rows, schema=schema, orient="row")


def real(rates: dict[int, list[float | None]]) -> pl.DataFrame:
    rows = [(s, d, t, r[k]) for t, r in rates.items() for k, (s, d) in enumerate(zip(SESSIONS, DAYS, strict=True))]
    schema = {"session": pl.Date, "curve_date": pl.Date, "tenor_bd": pl.Int32, "real_rate": pl.Float64}
    return pl.DataFrame(rows, schema=schema, orient="row")


def known(as_known: pl.DataFrame, curve: pl.DataFrame | None = None, linkers: pl.DataFrame | None = None) -> Known:
    return Known(
        as_known,
        ust({}) if curve is None else curve,
        real({}) if linkers is None else linkers,
        load_calendar("anbima"),
        load_calendar("b3"),
    )


def stand_in(name: str, bundle: Known) -> pl.DataFrame:
    return proxy_returns(SETTINGS.instrument(name), bundle)


BASE = {"br_cdi_daily": CDI, "us_dff": FED, "br_usdbrl_ptax_ask": 3.2}


def test_a_dollar_that_stands_still_loses_the_differential() -> None:
    rows = stand_in("DOL_1M", known(known_series(**BASE)))
    forward = 3200.0 * (1 + CDI) / (1 + FED * 1 / 360)
    over_weekend = 3200.0 * (1 + CDI) / (1 + FED * 3 / 360)  # one business day, three calendar days
    day, weekend = 50 * (3200 - forward), 50 * (3200 - over_weekend)
    assert rows["pnl_brl"].to_list() == pytest.approx([None, day, weekend, day, day])
    assert (rows["pnl_brl"].drop_nulls() < 0).all()
    assert rows["shock"][1] == pytest.approx(-np.log(forward / 3200.0))
    assert rows["delta_brl"].to_list() == [160_000.0] * 5
    assert rows["level"].to_list() == [3200.0] * 5


def test_an_index_that_earns_the_cdi_makes_nothing() -> None:
    path = [60_000.0 * (1 + CDI) ** k for k in range(5)]
    rows = stand_in("IND_2M", known(known_series(**BASE, br_ibov=path)))
    assert rows["pnl_brl"].drop_nulls().abs().max() < 1e-6


def test_a_foreign_index_is_paid_in_reais_of_the_day_and_owes_fed_funds() -> None:
    rates = {**BASE, "br_usdbrl_ptax_ask": [3.0, 3.1, 3.2, 3.3, 3.4]}
    rows = stand_in("ES", known(known_series(**rates, us_spx=[2000.0, 2010.0, 2010.0, 2000.0, 2020.0])))
    expected = 50 * 3.1 * (2010.0 - 2000.0 * (1 + FED / 360))
    assert rows["pnl_brl"][1] == pytest.approx(expected)
    assert rows["pnl_brl"][3] < 0 < rows["pnl_brl"][4]


def test_a_flat_dollar_future_makes_nothing_when_the_real_falls() -> None:
    """A dollar future's P&L is unfunded: with a flat dollar price and no interest, the exchange rate pays nothing."""
    rates = {**BASE, "us_dff": 0.0, "br_usdbrl_ptax_ask": [3.0, 3.3, 3.6, 3.9, 4.2]}
    rows = stand_in("GC", known(known_series(**rates, cmd_gold_fut=1250.0)))
    assert rows["pnl_brl"].drop_nulls().to_list() == [0.0] * 4


def test_a_real_bond_earns_its_real_rate_and_inflation_less_the_cdi() -> None:
    r, index = 0.06, 1.0003
    linkers = real({504: [r] * 5, 252: [r] * 5})
    vna = [3000.0 * index**k for k in range(5)]
    rows = stand_in("DAP_2Y", known(known_series(**BASE, br_vna_ntnb=vna), linkers=linkers))
    pu = 100_000.0 * (1 + r) ** -2
    one_day = pu * ((1 + r) ** (1 / 252) * index / (1 + CDI) - 1)
    assert rows["pnl_brl"].drop_nulls().to_list() == pytest.approx([one_day] * 4)
    assert rows["shock"].drop_nulls().to_list() == pytest.approx([0.0] * 4)
    assert rows["dv01_brl"][0] == pytest.approx(pu * 2 / (1 + r) * 1e-4)


def test_a_rising_real_rate_costs_its_dv01_and_a_slope_rolls_down() -> None:
    rates = {504: [0.06, 0.061, 0.061, 0.061, 0.061], 252: [0.06, 0.061, 0.056, 0.056, 0.056]}
    rows = stand_in("DAP_2Y", known(known_series(**BASE, br_vna_ntnb=3000.0), linkers=real(rates)))
    assert rows["shock"][1] == pytest.approx(10.0)
    carry = 100_000 / 1.06**2 * (1.06 ** (1 / 252) / (1 + CDI) - 1)
    assert rows["pnl_brl"][1] == pytest.approx(carry - 10 * rows["dv01_brl"][0], rel=0.01)
    assert rows["shock"][3] == pytest.approx(-0.005 / 252 * 1e4)  # one day down a slope of 50 bp a year


def test_a_treasury_earns_its_coupon_less_fed_funds() -> None:
    curve = ust({5.0: [0.03] * 5, 3.0: [0.03] * 5})
    rows = stand_in("ZF", known(known_series(**BASE), curve))
    day = 100_000 * 3.2 * (0.03 / 365.25 - FED / 360)
    assert rows["pnl_brl"].to_list()[1] == pytest.approx(day, rel=0.03)
    assert rows["pnl_brl"].to_list()[2] == pytest.approx(3 * day, rel=0.03)
    assert rows["shock"].drop_nulls().to_list() == pytest.approx([0.0] * 4)
    assert rows["dv01_brl"][0] == pytest.approx(100_000 * 3.2 * 4.6e-4, rel=0.01)
    path = [0.03, 0.031, 0.031, 0.031, 0.031]
    risen = stand_in("ZF", known(known_series(**BASE), ust({5.0: path, 3.0: path})))
    assert risen["pnl_brl"][1] - day == pytest.approx(-10 * rows["dv01_brl"][0], rel=0.01)


def test_over_a_long_gap_nothing_is_a_return() -> None:
    linkers = real({504: [0.06, None, None, None, 0.08], 252: [0.06, 0.06, 0.06, 0.06, 0.06]})
    later = pl.when(pl.col("curve_date") == DAYS[4]).then(pl.date(2017, 9, 1)).otherwise("curve_date")
    far = linkers.with_columns(later.alias("curve_date"))
    near = stand_in("DAP_2Y", known(known_series(**BASE, br_vna_ntnb=3000.0), linkers=linkers))
    assert near["shock"].to_list() == pytest.approx([None, 200.0 - 4 * 0.02 / 252 * 1e4])  # four days of roll-down
    rows = stand_in("DAP_2Y", known(known_series(**BASE, br_vna_ntnb=3000.0), linkers=far))
    assert rows["shock"].to_list() == rows["pnl_brl"].to_list() == [None, None]
    assert rows["level"].to_list() == [0.06, 0.08]


def test_an_instrument_without_a_stand_in_is_named() -> None:
    with pytest.raises(ValueError, match="DI1_2Y has no proxy"):
        stand_in("DI1_2Y", known(known_series(**BASE)))


def settlements(days: list[int], name: str = "DOL_1M") -> pl.DataFrame:
    return pl.DataFrame(
        {
            "session": [SESSIONS[k] for k in days],
            "trade_date": [DAYS[k] for k in days],
            "instrument": name,
            "contract": "DOLK17",
            "next_contract": ["DOLM17" if k == 3 else "DOLK17" for k in days],
            "price": 3210.0,
            "rate": None,
            "bdays": 20,
            "pnl_brl": [None if k == days[0] else 100.0 for k in days],
            "shock": [None if k == days[0] else 0.001 for k in days],
            "dv01_brl": 0.0,
            "delta_brl": 160_500.0,
        },
        schema=TABLES["silver/instrument_returns"].schema,
    )


def legs(listed: pl.DataFrame, sessions: list[date] = SESSIONS, locked: list[date] | None = None) -> pl.DataFrame:
    marks = pl.DataFrame(
        {
            "trade_date": locked or [],
            "contract": ["DOLK17"] * len(locked or []),
            "limit_locked": [True] * len(locked or []),
        },
        schema={"trade_date": pl.Date, "contract": pl.String, "limit_locked": pl.Boolean},
    )
    bundle = known(known_series(**BASE))
    return leg_returns(listed, marks, bundle, [SETTINGS.instrument("DOL_1M")], load_specs(), sessions)


def test_settlements_come_before_the_stand_in_and_gaps_are_filled() -> None:
    rows = legs(settlements([0, 1, 3, 4]))
    # Day 0 has no settlement before it, and neither has day 3: the stand-in pays those and the missing day 2.
    assert dict(zip(rows["trade_date"], rows["basis"], strict=True)) == {
        DAYS[0]: "proxy", DAYS[1]: "listed", DAYS[2]: "proxy", DAYS[3]: "proxy", DAYS[4]: "listed",
    }  # fmt: skip
    assert rows.filter(pl.col("basis") == "listed")["pnl_brl"].to_list() == [100.0, 100.0]


def test_each_row_says_what_it_costs_to_trade_and_to_hold() -> None:
    rows = legs(settlements([0, 1, 2, 3]), locked=[DAYS[2]])
    listed = rows.filter(pl.col("basis") == "listed").sort("trade_date")
    assert listed["cost_brl"].to_list() == [0.5 * 50 + 5.4] * 3
    assert listed["margin_brl"].to_list() == pytest.approx([0.11 * 160_500.0] * 3)
    assert listed["rolled"].to_list() == [False, False, True]
    assert listed["limit_locked"].to_list() == [False, True, False]


def test_any_window_gives_the_same_rows() -> None:
    whole = legs(settlements([0, 1, 3, 4]))
    apart = pl.concat([legs(settlements([0, 1, 3, 4]), [s]) for s in SESSIONS])
    assert whole.equals(apart.sort("session", "trade_date", "instrument"))


def test_a_stand_in_row_rests_on_nothing_later() -> None:
    later = known_series(**{**BASE, "br_usdbrl_ptax_ask": [3.2, 3.2, 3.2, 9.9, 9.9]})
    one = stand_in("DOL_1M", known(known_series(**BASE)))
    two = stand_in("DOL_1M", known(later))
    assert one.head(3).equals(two.head(3))
