"""Retail real curve: interpolation by hand, what is out of reach, planted curves, windows and knowledge."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from macro_fund.curves.retail_real import NODES, interpolated, retail_real_curve
from macro_fund.curves.retail_real_checks import breakeven_not_of_rates, not_between_bonds
from macro_fund.store.tables import TABLES
from macro_fund.time.calendars import load_calendar

CALENDAR = load_calendar("anbima")
DAYS = CALENDAR.offset_many([date(2019, 3, 11)] * 12, list(range(12))).tolist()
MATURITIES = [date(2020, 5, 15), date(2024, 8, 15), date(2035, 5, 15)]


def known_two_days_later(day: date) -> date:
    return CALENDAR.offset(day, 2)


def bonds(rates: list[float], maturities: list[date] | None = None, spread: float = 0.0012) -> pl.DataFrame:
    """bronze/tesouro_direto rows of DAYS, the same mid rates on each, and a bond with coupons that must not count."""
    pairs = list(zip(maturities or MATURITIES, rates, strict=True))
    rows = [("br_td_ipca", d, m, r) for d in DAYS for m, r in pairs]
    rows += [("br_td_ipca_juros", d, date(2022, 8, 15), 0.5) for d in DAYS]
    frame = pl.DataFrame(rows, schema=["series_id", "event_date", "maturity", "mid"], orient="row")
    return frame.with_columns(
        session=pl.col("event_date").map_elements(known_two_days_later, return_dtype=pl.Date),
        bond=pl.format("{} {}", "series_id", "maturity"),
        buy_rate=pl.col("mid") - spread / 2,
        sell_rate=pl.col("mid") + spread / 2,
        knowledge_time=pl.col("event_date").cast(pl.Datetime("us", "UTC")).dt.offset_by("1d"),
    )


def di(rate: float = 0.08) -> pl.DataFrame:
    """silver/di_curve rows: each day known the session after, flat."""
    rows = [(CALENDAR.offset(d, 1), d, n, rate, False) for d in DAYS for n in NODES]
    return pl.DataFrame(rows, schema=["session", "curve_date", "tenor_bd", "rate", "extrapolated"], orient="row").cast(
        {"tenor_bd": pl.Int32}
    )


SESSIONS = [CALENDAR.offset(d, 2) for d in DAYS]


def test_by_hand() -> None:
    """Rates on a line between bonds, flat for half a year outside them, nothing further."""
    found = retail_real_curve(bonds([0.02, 0.04, 0.045]), di(), SESSIONS, CALENDAR).filter(session=SESSIONS[0])
    assert found.schema == TABLES["silver/retail_real_curve"].schema
    at = [CALENDAR.count(DAYS[0], m) for m in MATURITIES]
    assert at[0] - 126 < 252 < at[0] < 504 < at[1] < 2520 < at[2]
    by_hand = {
        252: 0.02,
        504: 0.02 + 0.02 * (504 - at[0]) / (at[1] - at[0]),
        756: 0.02 + 0.02 * (756 - at[0]) / (at[1] - at[0]),
        1260: 0.02 + 0.02 * (1260 - at[0]) / (at[1] - at[0]),
        2520: 0.04 + 0.005 * (2520 - at[1]) / (at[2] - at[1]),
    }
    assert dict(found.select("tenor_bd", "real_rate").rows()) == pytest.approx(by_hand, abs=1e-15)
    np.testing.assert_allclose(found["breakeven"], 1.08 / (1 + found["real_rate"].to_numpy()) - 1, atol=1e-15)
    assert found["status"].to_list() == ["ok"] * 5
    assert found["curve_date"].unique().to_list() == [DAYS[0]]
    assert found["n_bonds"].unique().to_list() == [3]


def test_out_of_reach_there_is_no_rate_and_the_reason_is_said() -> None:
    """The shortest bond is 5.4 years off: nothing up to three years; five years are within half a year of it."""
    found = retail_real_curve(bonds([0.04, 0.045], MATURITIES[1:]), di(), SESSIONS[:1], CALENDAR)
    assert found["real_rate"].is_null().to_list() == [True, True, True, False, False]
    assert found["status"].to_list() == ["no_view"] * 3 + ["ok"] * 2
    assert found["reason"].str.contains("half a year").to_list() == [True] * 3 + [False] * 2
    assert found.filter(pl.col("real_rate").is_null())["breakeven"].null_count() == 3


def test_a_bond_in_its_last_half_year_does_not_count() -> None:
    short = bonds([-0.09, 0.04, 0.045], [date(2019, 8, 15), *MATURITIES[1:]])
    without = bonds([0.04, 0.045], MATURITIES[1:])
    found, plain = (retail_real_curve(b, di(), SESSIONS, CALENDAR) for b in (short, without))
    assert_frame_equal(found, plain)


def test_without_a_nominal_rate_there_is_no_breakeven() -> None:
    late = di().filter(pl.col("curve_date") != DAYS[3])
    found = retail_real_curve(bonds([0.02, 0.04, 0.045]), late, SESSIONS, CALENDAR).filter(session=SESSIONS[3])
    assert found["breakeven"].null_count() == 5
    assert found["status"].unique().to_list() == ["degraded"]
    assert found["reason"][0] == f"no DI rate of {DAYS[3]} is known"
    assert found["real_rate"].null_count() == 0


def test_what_is_unknown_or_old_gives_no_number() -> None:
    later = [SESSIONS[0] - timedelta(days=2), SESSIONS[-1] + timedelta(days=30)]
    found = retail_real_curve(bonds([0.02, 0.04, 0.045]), di(), later, CALENDAR)
    assert found["status"].unique().to_list() == ["no_view"]
    assert found.select("real_rate", "nominal_rate", "breakeven").null_count().row(0) == (10, 10, 10)
    words = found["reason"].unique(maintain_order=True).to_list()
    assert words == [
        "no rates of Tesouro IPCA+ without coupons are known",
        f"the newest rates of Tesouro IPCA+ are of {DAYS[-1]}",
    ]


def test_any_window_gives_the_same_rows_and_nothing_comes_early() -> None:
    rng = np.random.default_rng(4)
    rows = bonds([0.02, 0.04, 0.045])
    rows = rows.with_columns(sell_rate=pl.col("sell_rate") + pl.Series(rng.normal(0, 0.001, rows.height)))
    whole = retail_real_curve(rows, di(), SESSIONS, CALENDAR)
    for at in (0, 5, 11):
        session = SESSIONS[at]
        then = rows.filter(pl.col("session") <= session), di().filter(pl.col("session") <= session)
        alone = retail_real_curve(*then, [session], CALENDAR)
        assert_frame_equal(alone, whole.filter(session=session), abs_tol=0.0, rel_tol=0.0)


@given(
    st.lists(st.integers(130, 7000), min_size=1, max_size=6, unique=True),
    st.lists(st.floats(-0.02, 0.12), min_size=6, max_size=6),
)
def test_rates_lie_between_their_neighbours_and_bonds_come_back(at: list[int], rates: list[float]) -> None:
    day = date(2019, 3, 11)
    quotes = pl.DataFrame({"bdays": at, "rate": rates[: len(at)]}, schema={"bdays": pl.Int32, "rate": pl.Float64})
    quotes = quotes.with_columns(pl.lit(day).alias("curve_date"), pl.lit(day).alias("version"))
    tenors = sorted({*NODES, *at})
    found = dict(interpolated(quotes, tenors).select("tenor_bd", "real_rate").rows())
    for bdays, rate in quotes.select("bdays", "rate").rows():
        assert found[bdays] == pytest.approx(rate, abs=1e-15)
    assert set(found) == {t for t in tenors if min(at) - 126 <= t <= max(at) + 126}
    for tenor, rate in found.items():
        near = [r for b, r in zip(at, rates, strict=False) if b == max((x for x in at if x <= tenor), default=min(at))]
        far = [r for b, r in zip(at, rates, strict=False) if b == min((x for x in at if x >= tenor), default=max(at))]
        assert min(near + far) - 1e-12 <= rate <= max(near + far) + 1e-12


def test_bad_tenors_are_refused() -> None:
    for tenors in ((0, 252), (252, 252)):
        with pytest.raises(ValueError, match="distinct"):
            retail_real_curve(bonds([0.02, 0.04, 0.045]), di(), SESSIONS, CALENDAR, tenors)


def test_checks_are_silent_on_the_curve_and_speak_on_another() -> None:
    rows = bonds([0.02, 0.04, 0.045])
    found = retail_real_curve(rows, di(), SESSIONS, CALENDAR)
    assert not_between_bonds(found, rows, CALENDAR).is_empty()
    assert breakeven_not_of_rates(found).is_empty()
    moved = found.with_columns(pl.col("real_rate") + 1e-9)
    assert not_between_bonds(moved, rows, CALENDAR).height == found.height
    assert breakeven_not_of_rates(moved).height == found.height
    lost = found.with_columns(pl.lit(None, pl.Float64).alias("breakeven"))
    assert breakeven_not_of_rates(lost).height == found.height
