"""Real curves from NTN-B: definitions, planted curves, what each session knows, and checks that fail when spoilt."""

from __future__ import annotations

from datetime import date
from functools import cache

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from macro_fund.curves.di import di_curve
from macro_fund.curves.real import NODES, bootstrap, breakeven, build, discount_factors, real_curve, repriced
from macro_fund.curves.real_checks import real_arbitrage, real_repricing
from macro_fund.instruments.bonds import Schedule, price, rate_from_pu, schedule
from macro_fund.store.tables import TABLES
from macro_fund.time.publication import knowledge_times
from macro_fund.time.sessions import assign_session
from macro_fund_tests.instruments import market

CALENDAR = market.calendar()
MATURITIES = [date(y, 8 if y % 2 == 0 else 5, 15) for y in (2019, 2020, 2021, 2022, 2023, 2024, 2026, 2030, 2035, 2045, 2050)]  # fmt: skip # noqa: E501
FIRST, LAST = date(2019, 3, 11), date(2019, 3, 22)


def ladder(settle: date = FIRST, maturities: list[date] | None = None) -> Schedule:
    return schedule("NTN-B", settle, np.array(maturities or MATURITIES, "M8[D]"), CALENDAR)


@cache
def quotes() -> pl.DataFrame:
    """bronze/anbima_bonds rows of two weeks: yields that rise with the maturity and move by the day, and an LTN."""
    days = [d for d in pl.date_range(FIRST, LAST, eager=True) if CALENDAR.is_business_day(d)]
    rows = [
        ("br_tpf_ntnb", d, f"NTN-B 760199 {m}", m, round(0.025 + 0.02 * (1 - np.exp(-i / 4)) + 1e-4 * j, 6))
        for j, d in enumerate(days)
        for i, m in enumerate(MATURITIES)
    ]
    rows += [("br_tpf_ltn", d, "LTN 100000 2021-01-01", date(2021, 1, 1), 0.07) for d in days]
    frame = pl.DataFrame(rows, ["series_id", "event_date", "bond", "maturity", "rate"], orient="row")
    known = knowledge_times(frame["event_date"], market.SETTLEMENT_RULE, "D")
    return assign_session(frame.with_columns(knowledge_time=known), market.table())


def sessions() -> list[date]:
    return market.keys(date(2019, 3, 8), date(2019, 3, 27))


@cache
def settlements() -> pl.DataFrame:
    return market.settlements().filter(pl.col("event_date").is_between(date(2019, 2, 20), LAST))


def table(rows: pl.DataFrame | None = None, settled: pl.DataFrame | None = None) -> pl.DataFrame:
    rows, settled = quotes() if rows is None else rows, settlements() if settled is None else settled
    return real_curve(rows, settled, sessions(), CALENDAR)


# Definitions


def test_breakeven_is_fishers() -> None:
    assert breakeven(0.135, 0.075).item() == pytest.approx(0.0558, abs=1e-4)
    with pytest.raises(ValueError, match="above -100%"):
        breakeven(0.1, -1.0)


def test_flat_yields_are_flat_zeros() -> None:
    bonds = ladder()
    zero = bootstrap(np.zeros(len(MATURITIES), int), bonds, np.full(len(MATURITIES), 0.045))
    np.testing.assert_allclose(zero.rate(0, np.arange(1, 8000, 37)), 0.045, rtol=1e-10)


def test_planted_zeros_come_back_where_every_coupon_date_is_quoted() -> None:
    """A bond at each half year: then no yield is interpolated and the planted discount factors return exactly."""
    ends = [date(y, m, 15) for y in range(2019, 2031) for m in (5, 11)]
    bonds = ladder(maturities=ends)
    planted = np.exp(-(0.03 + 0.02 * bonds.bdays / 3000) * bonds.bdays / 252)
    yields = rate_from_pu(bonds, bonds.total(bonds.amount * planted), 100.0)
    zero = bootstrap(np.zeros(len(ends), int), bonds, yields)
    np.testing.assert_allclose(-zero.log_capitalisation(0, bonds.bdays), np.log(planted), atol=1e-12)


@settings(max_examples=40)
@given(
    st.lists(st.floats(-0.01, 0.01), min_size=11, max_size=11),
    st.floats(-0.01, 0.08),
    st.sets(st.sampled_from(range(11)), max_size=7),
)
def test_every_bond_comes_back(steps: list[float], level: float, missing: set[int]) -> None:
    kept = [m for i, m in enumerate(MATURITIES) if i not in missing]
    bonds, rates = ladder(maturities=kept), level + np.cumsum(steps)[: len(kept)] / 3
    zero = bootstrap(np.zeros(len(kept), int), bonds, rates)
    discount = np.exp(-zero.log_capitalisation(0, bonds.bdays))
    assert np.all(discount > 0)
    np.testing.assert_allclose(rate_from_pu(bonds, bonds.total(bonds.amount * discount), 100.0), rates, atol=1e-10)


def test_one_bond_discounted_by_hand() -> None:
    years, log_yield = np.array([[0.5, 1.0]]), np.log1p([[0.04, 0.06]])
    found = discount_factors(years, log_yield, 0.03)[0]
    first = 1.04**-0.5
    assert found[0] == pytest.approx(first)
    second = (0.03 * 1.06**-0.5 + 1.03 / 1.06 - 0.03 * first) / 1.03
    assert found[1] == pytest.approx(second)


def test_curves_of_many_days_are_each_curve_alone() -> None:
    days = [FIRST, date(2019, 3, 18)]
    bonds = schedule(
        "NTN-B", np.repeat(np.array(days, "M8[D]"), 11), np.tile(np.array(MATURITIES, "M8[D]"), 2), CALENDAR
    )
    rates = np.concatenate([np.linspace(0.02, 0.05, 11), np.linspace(0.06, 0.03, 11)])
    together = bootstrap(np.repeat([0, 1], 11), bonds, rates)
    for i, day in enumerate(days):
        alone = bootstrap(np.zeros(11, int), ladder(day), rates[11 * i : 11 * i + 11])
        np.testing.assert_array_equal(alone.rate(0, np.array(NODES)), together.rate(i, np.array(NODES)))


def test_two_bonds_of_one_maturity_are_refused() -> None:
    with pytest.raises(ValueError, match="same business day"):
        bootstrap([0, 0], ladder(maturities=[MATURITIES[3]] * 2), [0.03, 0.04])


# The table


def test_each_session_has_the_newest_curve_it_knows() -> None:
    found = table()
    assert found.schema == TABLES["silver/real_curve"].schema
    assert found["session"].min() == date(2019, 3, 12)
    assert found.filter(pl.col("session") == date(2019, 3, 27))["curve_date"].unique().to_list() == [LAST]
    fresh = found.filter(pl.col("session") == date(2019, 3, 25))
    assert fresh["quality"].unique().to_list() == [1.0]
    assert fresh["extrapolated"].to_list() == [False] * 4
    di = di_curve(settlements(), market.cdi(), sessions(), CALENDAR, NODES)
    same = fresh.join(di, on=["session", "curve_date", "tenor_bd"])
    assert same["rate"].to_list() == fresh["nominal_rate"].to_list()
    implied = (1 + fresh["nominal_rate"]) / (1 + fresh["real_rate"]) - 1
    assert (fresh["breakeven"] - implied).abs().max() < 1e-15
    assert real_arbitrage(found).is_empty()
    assert real_repricing(found, quotes(), sessions(), CALENDAR).is_empty()


def test_a_session_alone_is_the_same() -> None:
    whole = table()
    for session in sessions():
        rows, settled = (market.known_at(x, session) for x in (quotes(), settlements()))
        alone = real_curve(rows, settled, [session], CALENDAR)
        assert alone.equals(whole.filter(pl.col("session") == session)), session


def test_without_bonds_there_is_no_row() -> None:
    assert table(quotes().clear()).is_empty()
    few = quotes().filter(pl.col("maturity").is_in(MATURITIES[:3]))
    assert table(few).is_empty()
    assert real_repricing(table().clear(), quotes().clear(), sessions(), CALENDAR).is_empty()


def test_beyond_the_last_bond_is_said() -> None:
    short = table(quotes().filter(pl.col("maturity") < date(2040, 1, 1)))
    assert short.filter(pl.col("extrapolated"))["tenor_bd"].unique().to_list() == [7560]
    built = build(quotes().filter(pl.col("maturity") < date(2040, 1, 1)), sessions(), CALENDAR)
    assert built is not None
    ends = int(built.curves.last_bdays(0))
    far = built.curves.forward(0, ends, 7560).item()
    assert far == pytest.approx(built.curves.forward(0, ends - 60, ends).item())


def test_the_breakeven_is_of_the_bonds_own_day() -> None:
    """Bonds that stop for two days: the DI curve of their day is used, not the newest."""
    stopped = table(quotes().filter(pl.col("event_date") <= date(2019, 3, 20)))
    late = stopped.filter(pl.col("session") == date(2019, 3, 25))
    assert late["curve_date"].unique().to_list() == [date(2019, 3, 20)]
    then = stopped.filter(pl.col("session") == date(2019, 3, 21))
    assert late["nominal_rate"].to_list() == then["nominal_rate"].to_list()
    assert late["quality"].max() < then["quality"].min()


def test_a_day_without_settlements_has_no_breakeven() -> None:
    day = date(2019, 3, 20)
    found = table(settled=settlements().filter(pl.col("event_date") != day))
    missing = found.filter(pl.col("curve_date") == day)
    assert missing.height == 4
    assert missing["nominal_rate"].null_count() == missing["breakeven"].null_count() == 4
    assert found.filter(pl.col("curve_date") != day)["breakeven"].null_count() == 0
    assert real_arbitrage(found).is_empty()


def test_a_corrected_yield_changes_the_session_that_learns_it() -> None:
    learnt = date(2019, 3, 26)
    fixed = quotes().filter((pl.col("event_date") == LAST) & (pl.col("maturity") == date(2026, 8, 15)))
    fixed = fixed.with_columns(rate=pl.col("rate") + 0.001, session=pl.lit(learnt))
    found, before = table(pl.concat([quotes(), fixed])), table()
    at = pl.col("session") < learnt
    assert found.filter(at).equals(before.filter(at))
    moved, old = (x.filter(pl.col("session") == learnt)["real_rate"].to_list() for x in (found, before))
    assert moved[2] > old[2]


@pytest.mark.parametrize("tenors", [(252,), (504, 504)])
def test_bad_tenors_are_refused(tenors: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="tenors must be distinct and above 252"):
        real_curve(quotes(), settlements(), sessions(), CALENDAR, tenors)


# Checks


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (pl.lit(-0.2).alias("real_rate"), "is not above"),
        (pl.lit(float("nan")).alias("real_rate"), "is not above"),
        (pl.lit(-0.2).alias("forward_252d"), "is not above"),
        (0.05 / (pl.col("tenor_bd").cast(pl.Float64) / 504) ** 2.0, "does not fall"),
        (pl.col("breakeven") + 1e-9, "where the rates give"),
        (pl.lit(None, pl.Float64).alias("nominal_rate"), "without a nominal rate"),
    ],
)
def test_arbitrage_is_seen(spoil: pl.Expr, words: str) -> None:
    name = "real_rate" if words == "does not fall" else spoil.meta.output_name()
    found = real_arbitrage(table().with_columns(spoil.alias(name)))
    assert found.height
    assert found["reason"].str.contains(words).any()


def test_negative_short_rates_are_no_arbitrage() -> None:
    rows = quotes().with_columns(rate=pl.when(pl.col("maturity") < date(2021, 1, 1)).then(-0.02).otherwise("rate"))
    assert real_arbitrage(table(rows)).is_empty()


def test_repricing_sees_a_stored_rate_that_is_not_the_curves() -> None:
    spoilt = table().with_columns(real_rate=pl.col("real_rate") + 1e-9)
    assert real_repricing(spoilt, quotes(), sessions(), CALENDAR).height == spoilt.height
    assert real_repricing(table(), quotes().clear(), sessions(), CALENDAR).height == spoilt.height


def test_repricing_sees_a_bond_that_does_not_come_back() -> None:
    built = build(quotes(), sessions(), CALENDAR)
    assert built is not None
    np.testing.assert_allclose(repriced(built), built.quotes["rate"].to_numpy(), atol=1e-12)
    number = built.quotes["curve"].to_numpy().astype(int)
    zeros = np.exp(-built.curves.log_capitalisation(number[built.bonds.row], built.bonds.bdays))
    value = built.bonds.total(built.bonds.amount * zeros)
    np.testing.assert_allclose(price(built.bonds, built.quotes["rate"].to_numpy(), 100.0), value, rtol=1e-12)
