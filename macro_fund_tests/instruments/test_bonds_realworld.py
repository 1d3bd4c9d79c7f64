"""Government bonds on ANBIMA's own prices of 2020-2021 and the Selic; skipped where the data are not there.

Every PU that ANBIMA gave is asked, from its indicative rate. What does not come out to the sixth decimal is listed with
its reason in EXCEPTIONS.
"""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import numpy as np
import polars as pl
import pytest

from macro_fund.instruments import bonds
from macro_fund.instruments.bond_marks import TITLE_OF, bond_marks, differs_from_anbima, not_from_its_rate
from macro_fund.instruments.bonds import schedule
from macro_fund.instruments.decimals import Ints, present_units, units
from macro_fund.time.publication import knowledge_times
from macro_fund.time.sessions import assign_session
from macro_fund_tests.instruments import market
from macro_fund_tests.realworld import FOLDER

DATA = FOLDER / "data"
CALENDAR = market.calendar()
START = date(2010, 1, 4)
# ANBIMA priced the 13 NTN-B of that day with its new projection of the month (1.23%, after the IPCA-15 of the 24th),
# while the nominal value that it published is still on the old one (0.99%).
OLD_VNA = date(2021, 9, 27)
EXCEPTIONS = {("NTN-B", OLD_VNA): 13}

pytestmark = [
    pytest.mark.realworld,
    pytest.mark.skipif(not (DATA / "br_tpf.parquet").is_file(), reason=f"no real bond prices in {DATA}"),
]


def _known(rows: pl.DataFrame) -> pl.DataFrame:
    known = knowledge_times(rows["event_date"], market.SETTLEMENT_RULE, "D")
    return assign_session(rows.with_columns(knowledge_time=known), market.table())


@pytest.fixture(scope="module")
def quotes() -> pl.DataFrame:
    rows = pl.read_parquet(DATA / "br_tpf.parquet").filter((pl.col("date") >= START) & (pl.col("titulo") != "NTN-C"))
    named = {title: series for series, title in TITLE_OF.items()}
    return _known(
        rows.select(
            series_id=pl.col("titulo").replace_strict(named),
            event_date="date",
            bond=pl.format("{} {}", "titulo", "venc"),
            maturity="venc",
            rate=pl.col("taxa") * 0.01,
            price="pu",
        )
    )


@pytest.fixture(scope="module")
def published() -> pl.DataFrame:
    """ANBIMA's NTN-B nominal values: date, vna and the month's index change behind it, percent."""
    return pl.read_parquet(DATA / "br_vna.parquet").filter(pl.col("date") >= START).select("date", "vna", "infl")


@pytest.fixture(scope="module")
def marks(quotes: pl.DataFrame, published: pl.DataFrame) -> pl.DataFrame:
    vna = _known(published.select(series_id=pl.lit("br_vna_ntnb"), event_date="date", value="vna"))
    return bond_marks(quotes, vna, market.keys(date(2010, 1, 5), date(2022, 1, 3)), CALENDAR)


def test_every_pu_of_anbima_to_the_sixth_decimal(marks: pl.DataFrame) -> None:
    asked = marks.drop_nulls("anbima_pu_brl").filter(pl.col("title") != "LFT")
    assert dict(asked.group_by("title").len().iter_rows()) == {"LTN": 4947, "NTN-F": 2723, "NTN-B": 6939}
    wrong = asked.filter(pl.col("error_brl") != 0)
    found = wrong.group_by("title", "trade_date").len().rows()
    assert {(title, day): n for title, day, n in found} == EXCEPTIONS
    assert differs_from_anbima(marks).height == sum(EXCEPTIONS.values())
    assert not_from_its_rate(marks, CALENDAR).is_empty()


def test_the_exceptions_are_exact_on_the_projection_that_anbima_used(marks: pl.DataFrame) -> None:
    day = marks.filter((pl.col("trade_date") == OLD_VNA) & (pl.col("title") == "NTN-B"))
    used = bonds.vna_projected(3639.277353, 0.0123, 8, 21).item()
    found = bonds.pu(schedule("NTN-B", OLD_VNA, day["maturity"], CALENDAR), day["rate"].to_numpy(), used)
    assert found.tolist() == day["anbima_pu_brl"].to_list()


def test_yield_of_each_pu_is_the_quoted_rate(marks: pl.DataFrame) -> None:
    """Within what the cut of the quote is worth: a hundred-millionth of the VNA's price, in rate."""
    for title in ("LTN", "NTN-F", "NTN-B"):
        rows = marks.filter((pl.col("title") == title) & (pl.col("trade_date") >= date(2021, 1, 1)))
        nominal = rows["vna_brl"].to_numpy() if title == "NTN-B" else None
        flows = schedule(title, rows["trade_date"], rows["maturity"], CALENDAR)
        error = bonds.rate_from_pu(flows, rows["pu_brl"].to_numpy(), nominal) - rows["rate"].to_numpy()
        step = (2e-6 if nominal is None else 1.1e-6 * nominal) / rows["dv01_brl"].to_numpy() * 1e-4
        assert np.all((error > -0.1 * step) & (error < step))


def test_nominal_values_follow_from_the_index_change(published: pl.DataFrame) -> None:
    """Days whose change has two decimals, as published (others are shown by the file as the ratio of rounded values).

    In the month from 2011-07-15 the published values rest on one that is a millionth above that of the 15th.
    """
    days = published["date"].to_numpy()
    month = (days - np.timedelta64(14, "D")).astype("datetime64[M]")
    start, end = (m.astype("datetime64[D]") + 14 for m in (month, month + 1))
    rows = published.with_columns(
        start=pl.Series(start),
        passed=pl.Series(CALENDAR.count_many(start, days, known_on=days)),
        period=pl.Series(CALENDAR.count_many(start, end, known_on=days)),
    )
    first = rows.filter(pl.col("passed") == 0).select("start", base="vna")
    shown = (pl.col("infl") * 100 - (pl.col("infl") * 100).round()).abs() < 1e-9
    rows = rows.join(first, on="start", how="inner").filter(shown)
    change, passed, period = (rows[c].to_numpy() for c in ("infl", "passed", "period"))
    found = pl.Series(bonds.vna_projected(rows["base"].to_numpy(), change / 100, passed, period))
    wrong = rows.filter((found - rows["vna"]).abs() > 5e-7)
    assert rows.height > 2_300
    assert set(wrong["start"]) <= {date(2011, 7, 15)}
    assert wrong.height == 14


def _solved_vna(rows: pl.DataFrame) -> pl.DataFrame:
    """(date, low, high): the millionths of VNA that give every LFT price of the day."""
    bdays = CALENDAR.count_many(rows["event_date"], rows["maturity"], known_on=rows["event_date"])
    quoted: Ints = present_units(Decimal(100), units(rows["rate"].to_numpy(), 6, "rate"), bdays, 4, cut=True)
    price = units(rows["price"].to_numpy(), 6, "PU") * 10**6
    low, high = -(-price // quoted), -(-(price + 10**6) // quoted) - 1
    span = rows.select(date="event_date").with_columns(low=pl.Series(low), high=pl.Series(high))
    return span.group_by("date").agg(pl.col("low").max(), pl.col("high").min()).sort("date")


def test_lft_prices_follow_from_the_selic_alone(quotes: pl.DataFrame) -> None:
    """The nominal value carried from 1,000 in July 2000 by twenty years of Selic prices every LFT.

    On 2021-06-30 ours is a millionth above the one that ANBIMA's prices need.
    """
    selic = pl.read_parquet(DATA / "br_sgs.parquet").filter(
        (pl.col("code") == 1178) & (pl.col("date") >= date(2000, 7, 3))
    )
    selic = selic.sort("date")
    carried = bonds.vna_selic(1000.0, (selic["value"] / 100).to_numpy()[:-1])
    ours = pl.DataFrame({"date": selic["date"][1:], "vna": carried})
    rows = quotes.filter(pl.col("series_id") == "br_tpf_lft").drop_nulls("price")
    assert rows.height == 6173
    solved = _solved_vna(rows)
    assert (solved["low"] == solved["high"]).all()  # one VNA of six decimals fits all LFT of a day
    gap = solved.join(ours, on="date").with_columns(gap=(pl.col("vna") * 1e6).round().cast(pl.Int64) - pl.col("low"))
    assert gap.height == solved.height == 496
    assert gap.filter(pl.col("gap") != 0).select("date", "gap").rows() == [(date(2021, 6, 30), 1)]
    priced = rows.join(ours, left_on="event_date", right_on="date")
    flows = schedule("LFT", priced["event_date"], priced["maturity"], CALENDAR)
    found = bonds.pu(flows, priced["rate"].to_numpy(), priced["vna"].to_numpy())
    wrong = priced.filter(pl.Series(found) != priced["price"])
    assert set(wrong["event_date"]) == {date(2021, 6, 30)}
    assert (pl.Series(found) - priced["price"]).abs().max() < 1.5e-6
