"""cupom_curve: formulas, the spot behind the clean curve, planted curves that come back, checks, basis."""

from __future__ import annotations

from datetime import date

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from macro_fund.curves import cupom
from macro_fund.curves.basis import with_basis
from macro_fund.curves.cupom_checks import cupom_arbitrage, cupom_repricing
from macro_fund.store.tables import TABLES
from macro_fund_tests.instruments import coupon_market as coupons
from macro_fund_tests.instruments import market

SESSION, DAY = date(2019, 5, 23), date(2019, 5, 22)
RATES = st.floats(-0.02, 0.2)


def of(reference: pl.DataFrame | None = None, keys: list[date] | None = None) -> pl.DataFrame:
    known = coupons.reference() if reference is None else reference
    return cupom.cupom_curve(coupons.settlements(), known, coupons.ptax(), keys or coupons.keys(), market.calendar())


@pytest.fixture(scope="module")
def curve() -> pl.DataFrame:
    return of()


def test_dirty_coupon_of_a_moved_spot_is_the_example() -> None:
    """PTAX 5.35, spot 5.40: a true coupon of 5.50% shows as 1.79% at 91 days and -10.42% at 21."""
    for days, expected in ((91, 0.0179), (21, -0.1042)):
        future = cupom.future_price(5.40, 0.055, 0.13, 60, days)
        assert float(cupom.clean_rate(5.40, future, 0.13, 60, days)) == pytest.approx(0.055, abs=1e-10)
        assert float(cupom.clean_rate(5.35, future, 0.13, 60, days)) == pytest.approx(expected, abs=5e-5)


@given(st.floats(1.0, 8.0), RATES, st.floats(0.01, 0.3), st.integers(1, 2000))
def test_future_and_coupon_are_inverse(spot: float, coupon: float, di: float, bdays: int) -> None:
    days = round(bdays * 1.45) + 1
    future = float(cupom.future_price(spot, coupon, di, bdays, days))
    assert float(cupom.clean_rate(spot, future, di, bdays, days)) == pytest.approx(coupon, abs=1e-10)


@given(RATES, RATES, st.integers(1, 500), st.integers(1, 3000))
def test_forward_coupon_links_two_coupons(near: float, far: float, first: int, more: int) -> None:
    forward = float(cupom.forward_coupon(near, first, far, first + more))
    both = (1 + near * first / 360) * (1 + forward * more / 360)
    assert both == pytest.approx(1 + far * (first + more) / 360, rel=1e-12)
    with pytest.raises(ValueError, match="far maturity"):
        cupom.forward_coupon(near, first, far, first)


def test_shape_is_the_tables_and_every_session_is_there(curve: pl.DataFrame) -> None:
    table = TABLES["silver/cupom_curve"]
    assert curve.schema == table.schema
    assert curve.equals(curve.sort(table.sort))
    assert not curve.select(table.sort).is_duplicated().any()
    assert curve.select(table.required).null_count().sum_horizontal().item() == 0
    assert curve["session"].unique().sort().to_list() == coupons.keys()


def test_planted_clean_curve_and_spot_come_back(curve: pl.DataFrame) -> None:
    built = cupom.build(coupons.settlements(), coupons.reference(), coupons.keys(), market.calendar())
    assert built is not None
    legs = built.quotes.filter(pl.col("bdays") >= cupom.FIRST_LEG_BD)
    growth = np.exp(built.clean.log_capitalisation(legs["curve"].to_numpy(), legs["bdays"].to_numpy()))
    ours, planted = (
        cupom.linear_rate(g, legs["days"]) for g in (growth, coupons.clean_growth(legs["days"].to_numpy()))
    )
    assert np.abs(ours - planted)[legs["days"].to_numpy() > 20].max() < 2e-5  # DDI rates have three decimals
    clean = curve.filter(pl.col("kind") == "clean", pl.col("tenor_cd") >= 90)
    tenor = clean["tenor_cd"].to_numpy()
    # Between contracts the forward is flat by business days, the planted coupon by calendar days: a weekend of it.
    assert np.abs(clean["rate"].to_numpy() - cupom.linear_rate(coupons.clean_growth(tenor), tenor)).max() < 9e-4
    spots = clean.join(coupons.spot().select("spot", curve_date="event_date"), on="curve_date", suffix="_true")
    assert (spots["spot"] / spots["spot_true"] - 1).abs().max() < 2e-6
    assert clean["spot_basis"].unique().to_list() == ["reference"]


def test_without_a_reference_the_first_forward_fixes_the_spot() -> None:
    found = of(coupons.reference().clear())
    clean = found.filter(pl.col("kind") == "clean")
    assert clean["spot_basis"].unique().to_list() == ["forward"]
    spots = clean.join(coupons.spot().select("spot", curve_date="event_date"), on="curve_date", suffix="_true")
    assert (spots["spot"] / spots["spot_true"] - 1).abs().max() < 2e-4  # the coupon of a month, not quite flat
    forwards = [c.filter(pl.col("kind") == "frc")["rate"] for c in (found, of())]
    assert (forwards[0] - forwards[1]).abs().max() < 1e-12


def test_dirty_curve_moves_with_the_spot_and_the_clean_one_does_not(curve: pl.DataFrame) -> None:
    wide = curve.filter(pl.col("tenor_cd") == 90).pivot("kind", index="session", values="rate")
    assert float(wide["dirty"].std()) > 20 * float(wide["clean"].std())
    year = curve.filter(pl.col("kind") == "clean", pl.col("tenor_cd") == 360, pl.col("session") == SESSION)
    assert year["forward_rate"].item() == pytest.approx(
        float(cupom.forward_coupon(*_nodes(curve, 180), *_nodes(curve, 360))), abs=1e-12
    )


def _nodes(curve: pl.DataFrame, tenor: int) -> tuple[float, int]:
    row = curve.filter(pl.col("kind") == "clean", pl.col("session") == SESSION, pl.col("tenor_cd") == tenor)
    return row["rate"].item(), tenor


def test_window_of_sessions_never_changes_a_row(curve: pl.DataFrame) -> None:
    for day in (coupons.keys()[5], SESSION, coupons.keys()[-1]):
        known = [market.known_at(f, day) for f in (coupons.settlements(), coupons.reference(), coupons.ptax())]
        assert cupom.cupom_curve(*known, [day], market.calendar()).equals(curve.filter(pl.col("session") == day))


def test_a_session_without_settlements_repeats_the_last_curve() -> None:
    rows = coupons.settlements().filter(pl.col("event_date") != DAY)
    found = cupom.cupom_curve(rows, coupons.reference(), coupons.ptax(), [SESSION], market.calendar())
    assert found["curve_date"].unique().to_list() == [date(2019, 5, 21)]
    assert found["quality"].unique().to_list() == [0.5]
    assert cupom.cupom_curve(rows.clear(), coupons.reference(), coupons.ptax(), [SESSION], market.calendar()).is_empty()
    with pytest.raises(ValueError, match="distinct calendar days"):
        cupom.cupom_curve(rows, coupons.reference(), coupons.ptax(), [SESSION], market.calendar(), (1, 30))


def test_a_late_reference_counts_from_its_session_on(curve: pl.DataFrame) -> None:
    late = coupons.reference().with_columns(
        session=pl.when(pl.col("event_date") == DAY).then(date(2019, 6, 3)).otherwise("session")
    )
    found = of(late)
    basis = dict(found.filter(pl.col("kind") == "clean").select("session", "spot_basis").rows())
    assert [s for s, b in basis.items() if b == "forward"] == [SESSION]
    assert found.filter(pl.col("session") != SESSION).equals(curve.filter(pl.col("session") != SESSION))


def repricing(curve: pl.DataFrame, rows: pl.DataFrame | None = None) -> pl.DataFrame:
    settled = coupons.settlements() if rows is None else rows
    return cupom_repricing(curve, settled, coupons.reference(), coupons.keys(), market.calendar())


def test_sound_curves_pass(curve: pl.DataFrame) -> None:
    assert cupom_arbitrage(curve).is_empty()
    assert repricing(curve).is_empty()


@pytest.mark.parametrize(
    ("column", "value", "where", "reason"),
    [
        ("rate", -13.0, pl.col("tenor_cd") == 30, "no positive discount factor"),
        ("rate", 0.001, (pl.col("kind") == "clean") & (pl.col("tenor_cd") == 720), "does not fall"),
        ("forward_rate", 0.5, pl.col("kind") == "dirty", "where the coupons give"),
    ],
)
def test_arbitrage_is_named(curve: pl.DataFrame, column: str, value: float, where: pl.Expr, reason: str) -> None:
    spoilt = curve.with_columns(pl.when(where).then(value).otherwise(column).alias(column))
    assert cupom_arbitrage(spoilt)["reason"].str.contains(reason).any()


def test_a_contract_that_does_not_reprice_is_named(curve: pl.DataFrame) -> None:
    rows = coupons.settlements()
    for root, column, factor in (("DDI", "settle_price", 1.0002), ("FRC", "settle_rate", 1.02)):
        hit = (pl.col("root") == root) & (pl.col("event_date") == DAY)
        wrong = rows.with_columns(pl.when(hit).then(pl.col(column) * factor).otherwise(column).alias(column))
        assert (repricing(curve, wrong)["session"] == SESSION).any()
    moved = curve.with_columns(pl.col("rate") + 1e-6)
    assert repricing(moved)["reason"].str.contains("is not the curve's").any()


def test_basis_is_over_treasuries_and_sofr_below_90_days(curve: pl.DataFrame) -> None:
    ust = pl.DataFrame(
        {
            "session": [SESSION] * 3,
            "curve_date": [DAY] * 3,
            "tenor_years": [0.25, 1.0, 2.0],
            "zero_rate": [0.020, 0.024, 0.026],
        }
    )
    sofr = pl.DataFrame({"session": [SESSION], "event_date": [date(2019, 5, 21)], "value": [0.0238]})
    found = with_basis(curve, ust, sofr).filter(pl.col("session") == SESSION)
    clean = {
        t: (r, b) for t, r, b in found.filter(pl.col("kind") == "clean").select("tenor_cd", "rate", "basis_bp").rows()
    }
    assert (
        found.filter(pl.col("kind") != "clean")["basis_bp"].null_count()
        == found.filter(pl.col("kind") != "clean").height
    )
    assert clean[30][1] == pytest.approx((clean[30][0] - 0.0238) * 1e4)
    for tenor, zero in ((90, 0.020), (360, 0.020 + 0.004 * (360 / 365 - 0.25) / 0.75)):
        dollar = (np.exp(zero * tenor / 365) - 1) * 360 / tenor
        assert clean[tenor][1] == pytest.approx((clean[tenor][0] - dollar) * 1e4, abs=1e-6)
    others = with_basis(curve, ust, sofr).filter(pl.col("session") < SESSION)
    assert others["basis_bp"].null_count() == others.height
    old = ust.with_columns(curve_date=pl.lit(date(2019, 5, 1)))
    assert with_basis(curve, old, sofr.clear())["basis_bp"].null_count() == curve.height


def test_no_settlements_give_no_rows_and_no_problems(curve: pl.DataFrame) -> None:
    none = coupons.settlements().clear()
    empty = cupom.cupom_curve(none, coupons.reference(), coupons.ptax(), coupons.keys(), market.calendar())
    assert empty.equals(TABLES["silver/cupom_curve"].empty())
    ust = TABLES["silver/ust_curve"].empty()
    assert with_basis(empty, ust, coupons.ptax().clear()).equals(empty)
    assert with_basis(curve, ust, coupons.ptax().clear()).equals(curve)
    assert cupom_arbitrage(empty).is_empty()
    assert repricing(empty, none).is_empty()
