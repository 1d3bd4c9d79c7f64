"""DI curves on B3's settlements of 2010-2021 against B3's own reference curve; skipped where the data are not there."""

from __future__ import annotations

from datetime import date

import numpy as np
import polars as pl
import pytest

from macro_fund.curves import checks
from macro_fund.curves.di import DiCurves, build
from macro_fund.curves.policy_path import policy_path
from macro_fund.instruments.contracts import maturities
from macro_fund.time.calendars import load_calendar
from macro_fund.time.releases import load_meetings
from macro_fund_tests.realworld import FOLDER

DATA = FOLDER / "data"
START, END = date(2010, 1, 4), date(2021, 12, 30)
CALENDAR = load_calendar("anbima")
RATE_BP, REFERENCE_BP = 0.05, 1.0

# Sessions on which a vertex between contracts is more than 1 bp from B3's PRE reference curve, and why.
EXCEPTIONS = {
    date(2019, 1, 16): "the reference file carries the curve of the next session",
    date(2019, 3, 13): "the reference file carries the curve of the next session",
    date(2019, 6, 14): "the reference file carries the curve of the next session",
    date(2019, 10, 28): "the reference file carries the curve of the next session",
    date(2019, 11, 21): "the reference file carries the curve of the next session",
    date(2021, 9, 10): "reference and settlement file differ on DI1J26, DI1N26 and DI1F28 (2.5, 4.3 and 4.0 bp)",
}

pytestmark = [
    pytest.mark.realworld,
    pytest.mark.skipif(not (DATA / "br_di1.parquet").is_file(), reason=f"no real settlements in {DATA}"),
]


def known_that_day(rows: pl.DataFrame) -> pl.DataFrame:
    """Every row known on its own day: here the arithmetic is judged, not what a session knows."""
    return rows.with_columns(session="event_date", knowledge_time=pl.col("event_date").cast(pl.Datetime("us", "UTC")))


def sgs(code: int) -> pl.DataFrame:
    rows = pl.read_parquet(DATA / "br_sgs.parquet").filter(pl.col("code") == code)
    return known_that_day(rows.select(event_date="date", value=pl.col("value") / 100))


def reference() -> pl.DataFrame:
    """B3's PRE curve, to a basis point: (date, biz_days, printed), decimals in whichever unit it is kept."""
    rows = pl.read_parquet(DATA / "br_curves.parquet").filter(pl.col("curve") == "PRE", pl.col("biz_days") >= 1)
    decimal = pl.when(pl.col("rate") < 0.5).then("rate").otherwise(pl.col("rate") / 100)
    return rows.select("date", "biz_days", printed=decimal)


@pytest.fixture(scope="module")
def settlements() -> pl.DataFrame:
    rows = pl.read_parquet(DATA / "br_di1.parquet").filter(pl.col("date").is_between(START, END))
    rows = known_that_day(rows.rename({"date": "event_date", "symbol": "contract", "price": "settle_price"}))
    return rows.with_columns(
        root=pl.lit("DI1"),
        settle_rate=(pl.col("tax") / 100).round(6),
        maturity=maturities(rows["contract"], rows["event_date"]),
    )


@pytest.fixture(scope="module")
def days(settlements: pl.DataFrame) -> list[date]:
    return settlements["event_date"].unique().sort().to_list()


@pytest.fixture(scope="module")
def built(settlements: pl.DataFrame, days: list[date]) -> DiCurves:
    return build(settlements, sgs(12), days, CALENDAR)


def test_rate_and_pu_agree_on_every_settlement(settlements: pl.DataFrame) -> None:
    bdays = CALENDAR.count_many(settlements["event_date"], settlements["maturity"], known_on=settlements["event_date"])
    live = settlements.with_columns(bdays=pl.Series(bdays)).filter(pl.col("bdays") > 0)
    implied = (1e5 / pl.col("settle_price")) ** (252 / pl.col("bdays")) - 1
    error_bp = live.select(((implied - pl.col("settle_rate")) * 1e4).abs()).to_series()
    assert live.height > 109_000
    assert error_bp.max() <= RATE_BP


def test_curves_build_on_every_session_and_reprice_every_contract(
    built: DiCurves, settlements: pl.DataFrame, days: list[date]
) -> None:
    assert built.days["session"].to_list() == days
    assert built.days["curve_date"].to_list() == days
    assert checks.di_repricing(settlements, sgs(12), days, CALENDAR).is_empty()


def test_first_settlements_are_the_only_contracts_left_out(built: DiCurves, settlements: pl.DataFrame) -> None:
    rows = settlements.join(
        built.quotes, left_on=["event_date", "contract"], right_on=["curve_date", "contract"], how="anti"
    )
    bdays = CALENDAR.count_many(rows["event_date"], rows["maturity"], known_on=rows["event_date"])
    left_out = rows.filter(pl.Series(bdays) > 0)
    first = settlements.group_by("contract").agg(first=pl.col("event_date").min())
    assert left_out.join(first, on="contract").filter(pl.col("event_date") != pl.col("first")).is_empty()
    assert 0 < left_out.height < 200


def test_curve_is_b3s_reference_within_a_basis_point(built: DiCurves) -> None:
    numbers = built.days.select("curve_date", "first_bdays", pl.col("curve").cast(pl.Int64).alias("number"))
    rows = reference().join(numbers, left_on="date", right_on="curve_date")
    number, bdays = rows["number"].to_numpy(), rows["biz_days"].to_numpy()
    rows = rows.with_columns(
        model=pl.Series(built.curves.rate(number, bdays)),
        last=pl.Series(built.curves.last_bdays(number)),
    )
    inside = rows.filter(pl.col("biz_days").is_between(pl.col("first_bdays"), pl.col("last")))
    worst = inside.group_by("date").agg(error=((pl.col("model") - pl.col("printed")) * 1e4).abs().max())
    beyond = worst.filter(pl.col("error") > REFERENCE_BP)["date"].to_list()
    assert worst.height == 744
    assert set(beyond) == set(EXCEPTIONS)
    assert len(beyond) / worst.height < 0.01


def test_five_of_the_exceptions_are_the_next_sessions_curve(built: DiCurves, days: list[date]) -> None:
    printed = reference().filter(pl.col("biz_days").is_between(30, 1500))
    number = dict(built.days.select("curve_date", "curve").rows())
    for day, why in EXCEPTIONS.items():
        if "next session" in why:
            rows = printed.filter(pl.col("date") == day)
            model = built.curves.rate(number[days[days.index(day) + 1]], rows["biz_days"].to_numpy())
            assert np.abs(model - rows["printed"].to_numpy()).max() < 1.1e-4


def test_path_on_the_day_of_a_decision_against_the_decision(built: DiCurves) -> None:
    """Implied target of the next meeting, from the settlement before the announcement: 95 decisions of 2010-2021."""
    meetings, targets = [m.date for m in load_meetings("copom_meetings")], sgs(432)
    path = policy_path(built, targets, meetings, CALENDAR).filter(pl.col("meeting") == pl.col("session"))
    after = path.with_columns(day=pl.col("session").dt.offset_by("5d")).join(
        targets.select("value", day="event_date"), on="day", how="inner"
    )
    error = (after["implied_target"] - after["value"]) * 1e4
    assert after.height >= 80
    assert abs(float(error.median())) < 3.0  # type: ignore[arg-type]
    # The widest are the surprises: August 2011 (a cut that nobody priced) and the hikes and holds of 2014 and 2018.
    surprised = after.filter(pl.Series(error.abs() > 20))["session"].to_list()
    assert date(2011, 8, 31) in surprised
    assert len(surprised) <= 6
