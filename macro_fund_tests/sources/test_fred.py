"""FRED graph files: addresses, both headers, missing values, refusals, and the real data of the replay server."""

from __future__ import annotations

import hashlib
from datetime import UTC, date, datetime

import polars as pl
import pytest

from macro_fund.settings import Series, default_settings
from macro_fund.sources import fred
from macro_fund.sources.http import Http, Parsed, Payload, ReplayUrlTransport, Request, SourceError
from macro_fund_tests.realworld import RealWorld

SERIES = default_settings().series_of("fred")
POLICY = default_settings().sources["fred"]
VIX = next(s for s in SERIES if s.id == "us_vix")
DFF = next(s for s in SERIES if s.id == "us_dff")
PAGE = b"<!DOCTYPE html><html><body><h1>404 - Page Not Found</h1></body></html>"


def answer(body: bytes, one: Series = VIX, status: int = 200) -> Payload:
    url = fred.URL.format(code=one.code, start="2019-03-25", end="2019-03-29")
    request = Request("fred", "GET", url, f"FRED {one.code} 2019-03-25..2019-03-29", (one.id,))
    return Payload(request, status, body, datetime(2019, 4, 1, tzinfo=UTC), hashlib.sha256(body).hexdigest())


def test_one_request_a_series_and_slice() -> None:
    windows = {"us_vix": (date(2019, 3, 25), date(2019, 3, 29)), "us_dff": (date(2019, 1, 1), date(2019, 1, 12))}
    requests = fred.plan(SERIES, windows, POLICY.model_copy(update={"slice_days": 10}))
    assert [r.url for r in requests] == [
        "https://fred.stlouisfed.org/graph/fredgraph.csv?id=DFF&cosd=2019-01-01&coed=2019-01-10",
        "https://fred.stlouisfed.org/graph/fredgraph.csv?id=DFF&cosd=2019-01-11&coed=2019-01-12",
        "https://fred.stlouisfed.org/graph/fredgraph.csv?id=VIXCLS&cosd=2019-03-25&coed=2019-03-29",
    ]
    assert [r.items for r in requests] == [("us_dff",), ("us_dff",), ("us_vix",)]


@pytest.mark.parametrize("header", ["observation_date", "DATE"])
def test_values_and_both_headers(header: str) -> None:
    body = f"{header},VIXCLS\n2019-03-27,15.15\n2019-03-28,14.43\n".encode()
    parsed = fred.parse(answer(body), SERIES)
    assert parsed.rows.rows() == [("us_vix", date(2019, 3, 27), 15.15), ("us_vix", date(2019, 3, 28), 14.43)]
    assert parsed.rejected.is_empty()


def test_percent_becomes_decimal() -> None:
    parsed = fred.parse(answer(b"observation_date,DFF\n2019-03-28,2.41\n", DFF), SERIES)
    assert parsed.rows["value"].to_list() == pytest.approx([0.0241], abs=1e-15)


def test_a_missing_value_is_no_row_and_no_rejection() -> None:
    parsed = fred.parse(answer(b"observation_date,VIXCLS\n2019-03-27,\n2019-03-28,.\n2019-03-29,13.71\n"), SERIES)
    assert parsed.rows["event_date"].to_list() == [date(2019, 3, 29)]
    assert parsed.rejected.is_empty()


def test_text_and_bad_days_are_rejected_with_the_reason() -> None:
    body = b"observation_date,VIXCLS\n2019-03-27,NaN\n2019-03-28,n/a\n28/03/2019,14.43\n"
    parsed = fred.parse(answer(body), SERIES)
    assert parsed.rows.is_empty()
    assert parsed.rejected.select("item", "event_date", "raw").rows() == [
        ("us_vix", date(2019, 3, 27), "NaN"),
        ("us_vix", date(2019, 3, 28), "n/a"),
        ("us_vix", None, "14.43"),
    ]
    assert parsed.rejected["reason"].to_list() == [
        "not a finite number: 'NaN'",
        "not a number: 'n/a'",
        "day not readable",
    ]


def test_a_window_without_observations_is_empty() -> None:
    assert fred.parse(answer(b"observation_date,VIXCLS\n"), SERIES).rows.is_empty()


@pytest.mark.parametrize(
    ("body", "status", "message"),
    [
        (PAGE, 404, "FRED has no series VIXCLS"),
        (PAGE, 200, "a web page instead of data"),
        (b"Forbidden", 403, "refused by the provider"),
        (b"", 200, "empty answer"),
        (b"observation_date,VIXCLS\n2019-03-27,15.15\n2019-03-28,1", 200, "line 3 is not complete"),
        (b"observation_date,VIXCLS\n2019-03-27,15.15\n2019-03", 200, "line 3 is not complete"),
        (b"observation_date,DGS10\n2019-03-27,2.39\n", 200, "'observation_date, DGS10'"),
    ],
)
def test_an_answer_that_is_not_the_series_names_the_id(body: bytes, status: int, message: str) -> None:
    with pytest.raises(SourceError, match="VIXCLS") as error:
        fred.parse(answer(body, status=status), SERIES)
    assert message in str(error.value)


def replay(world: RealWorld, **policy: float) -> Http:
    """One attempt a request and no archive; the clock stands after the data."""
    policies = {k: v.model_copy(update={"attempts": 1, **policy}) for k, v in default_settings().sources.items()}
    return Http(ReplayUrlTransport(world.url), policies, None, lambda: datetime(2022, 1, 1, tzinfo=UTC))


def ask(world: RealWorld, one: Series, window: tuple[date, date], **policy: float) -> Parsed:
    (request,) = fred.plan(SERIES, {one.id: window}, POLICY)
    return fred.parse(replay(world, **policy).fetch(request), SERIES)


MARCH = (date(2019, 3, 1), date(2019, 3, 29))
HOST = "fred.stlouisfed.org"


@pytest.mark.realworld
def test_real_values(realworld: RealWorld) -> None:
    vix = dict(ask(realworld, VIX, MARCH).rows.select("event_date", "value").rows())
    assert len(vix) == 21
    assert vix[date(2019, 3, 28)] == 14.43
    fed = dict(ask(realworld, DFF, MARCH).rows.select("event_date", "value").rows())
    assert fed[date(2019, 3, 28)] == pytest.approx(0.0241, abs=1e-12)
    assert fed[date(2019, 3, 23)] == pytest.approx(0.0241, abs=1e-12)  # Saturday: the series is filled


@pytest.mark.realworld
def test_a_holiday_is_no_row(realworld: RealWorld) -> None:
    parsed = ask(realworld, VIX, (date(2019, 7, 3), date(2019, 7, 5)))
    assert parsed.rows["event_date"].to_list() == [date(2019, 7, 3), date(2019, 7, 5)]
    assert parsed.rejected.is_empty()


@pytest.mark.realworld
def test_an_unknown_id(realworld: RealWorld) -> None:
    unknown = VIX.model_copy(update={"code": "GOLDAMGBD228NLBX"})
    (request,) = fred.plan([unknown], {VIX.id: MARCH}, POLICY)
    payload = replay(realworld).fetch(request)
    with pytest.raises(SourceError, match="FRED has no series GOLDAMGBD228NLBX"):
        fred.parse(payload, [unknown])


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
    ],
)
def test_a_fault_that_leaves_no_data_names_series_and_cause(realworld: RealWorld, kind: str, message: str) -> None:
    realworld.fault(HOST, kind, hold=0.6 if kind == "timeout" else None)
    with pytest.raises(SourceError, match=r"fred: FRED VIXCLS 2019-03-01\.\.2019-03-29") as error:
        ask(realworld, VIX, MARCH, timeout_s=0.3 if kind == "timeout" else 30)
    assert message in str(error.value)


@pytest.mark.realworld
@pytest.mark.parametrize(
    ("kind", "missing", "rejected"), [("stale", 5, 0), ("duplicate_rows", 0, 0), ("nan_text", 2, 2)]
)
def test_a_fault_in_the_data_leaves_only_right_rows(
    realworld: RealWorld, kind: str, missing: int, rejected: int
) -> None:
    clean = ask(realworld, VIX, MARCH).rows
    realworld.fault(HOST, kind)
    parsed = ask(realworld, VIX, MARCH)
    assert parsed.rows.unique(maintain_order=True).equals(clean.head(clean.height - missing))
    assert parsed.rejected.height == rejected


@pytest.mark.realworld
def test_another_unit_is_out_of_the_range_of_the_series(realworld: RealWorld) -> None:
    realworld.fault(HOST, "wrong_unit")
    assert ask(realworld, VIX, MARCH).rows.filter(pl.col("value").is_between(VIX.low, VIX.high)).is_empty()
