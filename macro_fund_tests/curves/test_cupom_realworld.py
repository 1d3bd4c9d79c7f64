"""Clean dollar coupon against B3's own reference curve (DOC) on 80 sessions of 2021, printed there to a basis point."""

from __future__ import annotations

from datetime import date

import numpy as np
import polars as pl
import pytest

from macro_fund.curves import cupom
from macro_fund.curves.cupom_checks import cupom_arbitrage, cupom_repricing
from macro_fund_tests.instruments import b3_files, market

KEYS = market.keys(date(2021, 1, 5), date(2022, 1, 3))
NEAR, FAR = 60, 1461
# Sessions whose own spot, from the first forward, leaves a vertex of 360 days or more beyond 5 bp of DOC. In December
# dollars over the turn of the year cost 2 to 7% a year in the first weeks, which no later forward shows.
TURN_OF_THE_YEAR = {date(2021, 11, 29), date(2021, 12, 3), date(2021, 12, 6), date(2021, 12, 10), date(2021, 12, 13),
                    date(2021, 12, 17), date(2021, 12, 20), date(2021, 12, 27)}  # fmt: skip
pytestmark = [pytest.mark.realworld, pytest.mark.skipif(bool(b3_files.ABSENT), reason=b3_files.ABSENT)]


@pytest.fixture(scope="module")
def settlements() -> pl.DataFrame:
    return b3_files.settlements()


@pytest.fixture(scope="module")
def doc() -> pl.DataFrame:
    return b3_files.doc()


def errors(settlements: pl.DataFrame, reference: pl.DataFrame, doc: pl.DataFrame) -> pl.DataFrame:
    """(curve_date, calendar_days, error in bp) of the clean curve at every vertex of DOC from 60 days to 4 years."""
    built = cupom.build(settlements, reference, KEYS, market.calendar())
    assert built is not None
    days = built.days.unique("curve_date", keep="first", maintain_order=True).select("curve_date", "curve")
    rows = days.join(doc, left_on="curve_date", right_on="event_date")
    rows = rows.filter(pl.col("calendar_days").is_between(NEAR, FAR))
    growth = np.exp(built.clean.log_capitalisation(rows["curve"].to_numpy(), rows["business_days"].to_numpy()))
    ours = cupom.linear_rate(growth, rows["calendar_days"].to_numpy())
    return rows.select("curve_date", "calendar_days", error=(pl.Series(ours) - pl.col("rate")) * 1e4)


def test_with_the_spot_fixed_every_vertex_is_docs_to_its_printed_basis_point(
    settlements: pl.DataFrame, doc: pl.DataFrame
) -> None:
    found = errors(settlements, doc, doc)
    size = found["error"].abs()
    assert (found["curve_date"].n_unique(), found.height) == (80, 10_814)
    assert size.mean() < 0.30  # printing alone gives 0.25
    assert float((size <= 0.51).mean()) > 0.83
    # Two vertices: printed rates of up to half a bp each way, and a spot from rates that are printed so too.
    beyond = found.filter(size > 1.0)
    assert set(beyond["curve_date"]) == {date(2021, 2, 22), date(2021, 11, 16)}
    assert beyond.height == 2
    assert size.max() < 1.06


def test_one_vertex_is_enough_to_fix_the_spot(settlements: pl.DataFrame, doc: pl.DataFrame) -> None:
    """Only the first vertex of 60 days or more: its own printing (half a bp) is in all the others."""
    first = doc.filter(pl.col("calendar_days") >= NEAR).sort("event_date", "calendar_days")
    found = errors(settlements, first.unique("event_date", keep="first", maintain_order=True), doc)
    size = found["error"].abs()
    assert size.mean() < 0.31
    assert float((size <= 1.0).mean()) > 0.99
    assert size.max() < 1.5


def test_own_spot_is_right_to_hundredths_of_a_percent(settlements: pl.DataFrame, doc: pl.DataFrame) -> None:
    """Spot from the first forward: what the first weeks really cost is not quoted, and 1 bp of spot is 6 bp at 60 days.

    So 5 bp hold at a year and beyond on every session but those over the turn of the year, and at 180 days on four
    fifths of the others; at 60 days on a quarter. Errors of one session are one number: the spot's.
    """
    found = errors(settlements, doc.clear(), doc).with_columns(pl.col("error").abs())
    usual = ~pl.col("curve_date").is_in(sorted(TURN_OF_THE_YEAR))
    assert found.filter(usual, pl.col("calendar_days") >= 360)["error"].max() < 5.0
    beyond = found.filter(pl.col("calendar_days") >= 360, pl.col("error") > 5.0)
    assert set(beyond["curve_date"]) <= TURN_OF_THE_YEAR
    assert found["error"].median() < 1.5
    by_day = found.group_by("curve_date").agg(
        whole=pl.col("error").max() <= 5, half=pl.col("error").filter(pl.col("calendar_days") >= 180).max() <= 5
    )
    assert by_day["whole"].sum() >= 21
    assert by_day["half"].sum() >= 68
    spot = found.with_columns(k=pl.col("error") * pl.col("calendar_days") / 360)
    assert (
        float(
            spot.filter(pl.col("calendar_days") < 200)
            .group_by("curve_date")
            .agg(pl.col("k").max() - pl.col("k").min())["k"]
            .median()
        )
        < 0.5
    )


def test_every_contract_reprices_and_no_curve_has_arbitrage(settlements: pl.DataFrame, doc: pl.DataFrame) -> None:
    ptax = b3_files.ptax()
    curve = cupom.cupom_curve(settlements, doc, ptax, KEYS, market.calendar())
    assert curve["session"].n_unique() == len(KEYS)
    assert cupom_arbitrage(curve).is_empty()
    assert cupom_repricing(curve, settlements, doc, KEYS, market.calendar()).is_empty()
    # The spot behind the curve is the one that trades: within 2% of the fixings around it.
    spots = curve.filter(pl.col("kind") == "clean").unique("curve_date").select("curve_date", "spot")
    both = spots.join(ptax.select(curve_date="event_date", fixing="value"), on="curve_date")
    assert (both["spot"] / both["fixing"] - 1).abs().max() < 0.02
