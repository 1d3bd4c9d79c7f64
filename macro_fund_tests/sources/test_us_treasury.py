"""Treasury par curves: years, columns by name, cut files, and the real data of the replay server."""

from __future__ import annotations

import hashlib
from datetime import UTC, date, datetime

import polars as pl
import pytest

from macro_fund.settings import default_settings
from macro_fund.sources import us_treasury
from macro_fund.sources.http import Http, Parsed, Payload, ReplayUrlTransport, Request, SourceError
from macro_fund_tests.realworld import FOLDER, RealWorld

SERIES = default_settings().series_of("us_treasury")
POLICY = default_settings().sources["us_treasury"]
TEN = "us_par_10y"
# 1.5 Month came in 2025, 4 Mo in 2022; columns as the site writes them, newest day first.
HEADER = 'Date,"1 Mo","1.5 Month","2 Mo","3 Mo","4 Mo","6 Mo","1 Yr","10 Yr","30 Yr"\n'


def answer(
    body: str,
    year: int = 2019,
    status: int = 200,
    fetched: datetime | None = None,
    kind: str = us_treasury.NOMINAL,
) -> Payload:
    url = us_treasury.URL.format(kind=kind, year=year)
    request = Request("us_treasury", "GET", url, f"Treasury par curve {year}", tuple(s.id for s in SERIES))
    raw = body.encode()
    fetched = fetched or datetime(year + 1, 1, 15, tzinfo=UTC)
    return Payload(request, status, raw, fetched, hashlib.sha256(raw).hexdigest())


def test_one_request_a_year_for_all_series() -> None:
    windows = {"us_par_1mo": (date(2018, 12, 20), date(2019, 1, 3)), TEN: (date(2019, 1, 1), date(2019, 1, 3))}
    requests = us_treasury.plan(SERIES, windows, POLICY)
    assert [r.items for r in requests] == [("us_par_1mo",), ("us_par_1mo", TEN)]
    assert requests[1].url == (
        "https://home.treasury.gov/resource-center/data-chart-center/interest-rates/daily-treasury-rates.csv/2019/all"
        "?type=daily_treasury_yield_curve&field_tdr_date_value=2019&page&_format=csv"
    )
    assert us_treasury.plan(SERIES, {}, POLICY) == []


def test_the_real_curve_has_its_own_file() -> None:
    windows = {"us_real_par_10y": (date(2018, 12, 20), date(2019, 1, 3)), TEN: (date(2019, 1, 2), date(2019, 1, 3))}
    requests = us_treasury.plan(SERIES, windows, POLICY)
    assert [(r.label, r.items) for r in requests] == [
        ("Treasury par curve 2019", (TEN,)),
        ("Treasury real par curve 2018", ("us_real_par_10y",)),
        ("Treasury real par curve 2019", ("us_real_par_10y",)),
    ]
    assert requests[1].url == (
        "https://home.treasury.gov/resource-center/data-chart-center/interest-rates/daily-treasury-rates.csv/2018/all"
        "?type=daily_treasury_real_yield_curve&field_tdr_date_value=2018&page&_format=csv"
    )


def test_real_yields_do_not_mix_with_nominal_ones() -> None:
    body = 'Date,"5 YR","10 YR","30 YR"\n01/02/2019,0.99,,1.2\n'
    parsed = us_treasury.parse(answer(body, kind=us_treasury.REAL), SERIES)
    day = date(2019, 1, 2)
    assert sorted(parsed.rows.rows()) == [
        ("us_real_par_30y", day, pytest.approx(0.012, abs=1e-15)),
        ("us_real_par_5y", day, pytest.approx(0.0099, abs=1e-15)),
    ]
    assert parsed.rejected.is_empty()


def test_a_column_of_the_other_curve_is_unknown() -> None:
    parsed = us_treasury.parse(answer('Date,"5 YR","10 Yr"\n01/02/2019,0.99,2.66\n', kind=us_treasury.REAL), SERIES)
    assert parsed.rows["series_id"].to_list() == ["us_real_par_5y"]
    assert parsed.rejected["item"].to_list() == ["column 10 Yr"]


def test_columns_are_found_by_name_and_blanks_are_absent() -> None:
    body = (
        HEADER
        + "01/03/2025,4.4,,4.36,4.34,4.32,4.25,4.17,4.6,N/A\n01/02/2025,4.45,,4.36,4.36,4.31,4.25,4.17,4.57,4.79\n"
    )
    parsed = us_treasury.parse(answer(body, 2025), SERIES)
    got = {(i, d): v for i, d, v in parsed.rows.rows()}
    assert got[(TEN, date(2025, 1, 3))] == pytest.approx(0.046, abs=1e-15)
    assert got[("us_par_1mo", date(2025, 1, 2))] == pytest.approx(0.0445, abs=1e-15)
    assert got[("us_par_6mo", date(2025, 1, 2))] == pytest.approx(0.0425, abs=1e-15)
    assert ("us_par_30y", date(2025, 1, 3)) not in got
    assert got[("us_par_2mo", date(2025, 1, 2))] == pytest.approx(0.0436, abs=1e-15)
    assert len(got) == 15
    assert parsed.rejected.is_empty()


def test_an_unknown_column_is_reported_and_the_others_are_read() -> None:
    body = 'Date,"1 Mo","2.5 Month","10 Yr"\n01/02/2019,2.4,2.41,2.66\n'
    parsed = us_treasury.parse(answer(body), SERIES)
    assert sorted(parsed.rows["series_id"]) == ["us_par_10y", "us_par_1mo"]
    ((item, day, raw, reason),) = parsed.rejected.rows()
    assert (item, day, raw) == ("column 2.5 Month", None, "2.5 Month")
    assert "unknown column '2.5 Month'" in reason


def test_text_and_bad_days_are_rejected() -> None:
    body = 'Date,"1 Mo","10 Yr"\n01/03/2019,2.41,NaN\n2019-01-02,2.4,2.66\n01/02/2019,2.4,2.66\n'
    parsed = us_treasury.parse(answer(body), SERIES)
    assert parsed.rows.height == 3
    assert parsed.rejected.rows() == [
        (TEN, date(2019, 1, 3), "NaN", "not a finite number: 'NaN'"),
        ("Treasury par curve 2019", None, "2019-01-02,2.4,2.66", "day not readable as MM/DD/YYYY"),
    ]


@pytest.mark.parametrize(
    ("body", "status", "message"),
    [
        ("<html><body>moved</body></html>", 200, "a web page instead of data"),
        ("<html></html>", 404, "refused by the provider"),
        ("", 200, "empty answer"),
        ("Day,10 Yr\n01/02/2019,2.66\n", 200, "'Day, 10 Yr'"),
        ('Date,"10 Yr","10 Yr"\n01/02/2019,2.66,2.66\n', 200, "a tenor has two columns"),
        ('Date,"10 Yr"\n07/03/2019,1.96\n07/02/2019,1.98\n', 200, "cut file: it stops at 2019-07-02"),
        ('Date,"1 Mo","10 Yr"\n01/03/2019,2.41,2.56\n01/02/20', 200, "cut file: line 3"),
        ('Date,"10 Yr"\n12/31/2018,2.69\n', 200, "days of 2018 in the file of 2019"),
        ('Date,"1 Mo","10 Yr"\n01/02/2019,2.4,266\n', 200, "1 of 1 values of 10 Yr are out of range"),
        ("Date,\n", 200, "no curve in the file of 2019"),
    ],
)
def test_an_answer_that_is_not_a_whole_year_is_refused(body: str, status: int, message: str) -> None:
    with pytest.raises(SourceError) as error:
        us_treasury.parse(answer(body, status=status), SERIES)
    assert message in str(error.value)


def test_a_year_that_has_just_begun_may_be_empty() -> None:
    payload = answer("Date,\n", fetched=datetime(2019, 1, 2, 14, tzinfo=UTC))
    assert us_treasury.parse(payload, SERIES).rows.is_empty()


def replay(world: RealWorld, **policy: float) -> Http:
    """One attempt a request and no archive; the clock stands after the data."""
    policies = {k: v.model_copy(update={"attempts": 1, **policy}) for k, v in default_settings().sources.items()}
    return Http(ReplayUrlTransport(world.url), policies, None, lambda: datetime(2022, 1, 1, tzinfo=UTC))


def ask(world: RealWorld, year: int, **policy: float) -> Parsed:
    window = (date(year, 3, 1), date(year, 3, 29))
    (request,) = us_treasury.plan(SERIES, {s.id: window for s in SERIES if "real" not in s.id}, POLICY)
    return us_treasury.parse(replay(world, **policy).fetch(request), SERIES)


HOST = "home.treasury.gov"


@pytest.mark.realworld
def test_real_values(realworld: RealWorld) -> None:
    parsed = ask(realworld, 2019)
    day = {s: v for s, d, v in parsed.rows.rows() if d == date(2019, 3, 28)}
    assert day == pytest.approx(
        {
            "us_par_1mo": 0.0244,
            "us_par_2mo": 0.0245,
            "us_par_3mo": 0.0243,
            "us_par_6mo": 0.0244,
            "us_par_1y": 0.0240,
            "us_par_2y": 0.0223,
            "us_par_3y": 0.0218,
            "us_par_5y": 0.0220,
            "us_par_7y": 0.0229,
            "us_par_10y": 0.0239,
            "us_par_20y": 0.0262,
            "us_par_30y": 0.0281,
        },
        abs=1e-12,
    )
    assert parsed.rows["event_date"].n_unique() == 250
    assert parsed.rejected.is_empty()


@pytest.mark.realworld
@pytest.mark.parametrize(("kind", "file", "first"), [("real", "real", 2003), ("nominal", "par", 1990)])
def test_every_real_value_day_by_day(realworld: RealWorld, kind: str, file: str, first: int) -> None:
    series = [s for s in SERIES if s.code.startswith("real:") == (kind == "real")]
    requests = us_treasury.plan(series, {s.id: (date(first, 1, 1), date(2021, 12, 31)) for s in series}, POLICY)
    http = replay(realworld)
    parts = [us_treasury.parse(http.fetch(r), SERIES) for r in requests]
    assert pl.concat([p.rejected for p in parts]).is_empty()
    stored = pl.read_parquet(FOLDER / f"data/us_treasury_{file}.parquet").sort("date")
    rows = pl.concat([p.rows for p in parts]).sort("event_date")
    found = 0
    for s in series:
        number, unit = s.code.removeprefix("real:").split()
        column = f"{unit[0].lower()}{number}"
        got = rows.filter(pl.col("series_id") == s.id)
        if column not in stored.columns:  # tenors that came after the data end
            assert got.is_empty()
            continue
        real = stored.drop_nulls(column)
        assert got["event_date"].to_list() == real["date"].to_list()
        assert got["value"].to_list() == pytest.approx((real[column] * 0.01).to_list(), abs=1e-12)
        inside = got["value"].is_between(s.low, s.high)
        assert inside.all()
        found += got.height
    assert found == rows.height > 17_000


@pytest.mark.realworld
@pytest.mark.parametrize(("hour", "newest"), [("18:29", date(2020, 3, 13)), ("18:30", date(2020, 3, 16))])
def test_the_server_shows_a_real_curve_when_our_rule_says_so(realworld: RealWorld, hour: str, newest: date) -> None:
    realworld.set_now(datetime.fromisoformat(f"2020-03-16T{hour}:00-04:00"))
    series = [s for s in SERIES if s.code.startswith("real:")]
    (request,) = us_treasury.plan(series, {s.id: (date(2020, 3, 1), date(2020, 3, 31)) for s in series}, POLICY)
    assert us_treasury.parse(replay(realworld).fetch(request), series).rows["event_date"].max() == newest


@pytest.mark.realworld
def test_a_year_without_the_30_year_bond_has_no_such_rows(realworld: RealWorld) -> None:
    rows = ask(realworld, 2004).rows
    assert rows.filter(pl.col("series_id") == "us_par_30y").is_empty()
    assert rows.filter(pl.col("series_id") == TEN).height == 250


@pytest.mark.realworld
@pytest.mark.parametrize(
    ("kind", "message"),
    [
        ("timeout", "no answer within 0.3 s"),
        ("http429", "the provider asks to slow down"),
        ("http500", "the provider failed"),
        ("http406", "refused by the provider"),
        ("html200", "a web page instead of data"),
        ("truncated", "cut file"),
        ("empty", "empty answer"),
        ("stale", "cut file: it stops at 2019-01-09"),
        ("wrong_unit", "are out of range: another unit?"),
    ],
)
def test_a_fault_that_leaves_no_data_names_file_and_cause(realworld: RealWorld, kind: str, message: str) -> None:
    realworld.fault(HOST, kind, hold=0.6 if kind == "timeout" else None)
    with pytest.raises(SourceError, match="us_treasury: Treasury par curve 2019") as error:
        ask(realworld, 2019, timeout_s=0.3 if kind == "timeout" else 30)
    assert message in str(error.value)


@pytest.mark.realworld
@pytest.mark.parametrize(("kind", "missing"), [("duplicate_rows", 0), ("nan_text", 2)])
def test_a_fault_in_the_data_leaves_only_right_rows(realworld: RealWorld, kind: str, missing: int) -> None:
    clean = ask(realworld, 2019).rows
    realworld.fault(HOST, kind)
    parsed = ask(realworld, 2019)
    rows = parsed.rows.unique(maintain_order=True)
    assert rows.height == clean.height - missing
    assert rows.join(clean, on=clean.columns, how="anti").is_empty()
    assert parsed.rejected.height == missing
