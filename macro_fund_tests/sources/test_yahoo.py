"""Yahoo charts: what of an answer may be believed, exchange days, unfinished bars, and the real data."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, date, datetime
from typing import Any

import polars as pl
import pytest

from macro_fund.settings import default_settings
from macro_fund.sources import yahoo
from macro_fund.sources.http import Http, Parsed, Payload, ReplayUrlTransport, Request, SourceError
from macro_fund_tests.realworld import RealWorld

SERIES = default_settings().series_of("yahoo")
POLICY = default_settings().sources["yahoo"]
SYMBOLS = {"us_spx": "^GSPC", "br_ibov": "^BVSP", "fx_usdmxn": "MXN=X"}
# 09:30 New York on 27, 28 and 29 March 2019 (daylight time, UTC-4).
NEW_YORK = [1553693400, 1553779800, 1553866200]
AFTER = datetime(2019, 4, 1, 12, tzinfo=UTC)


def chart(**change: Any) -> dict[str, Any]:
    """A chart of the S&P 500; keys of meta, or timestamp, close and adjclose, may be replaced."""
    meta = {
        "currency": "USD",
        "symbol": "^GSPC",
        "exchangeTimezoneName": "America/New_York",
        "gmtoffset": -18000,
        "dataGranularity": "1d",
        "currentTradingPeriod": {"regular": {"start": 1554125400, "end": 1554148800}},
    }
    meta |= {k: v for k, v in change.items() if k in meta}
    close = change.get("close", [2805.37, 2815.44, 2834.4])
    adjusted = change.get("adjclose", close)
    indicators = {"quote": [{"close": close}], "adjclose": [{"adjclose": adjusted}]}
    result = {"meta": meta, "timestamp": change.get("timestamp", NEW_YORK), "indicators": indicators}
    return {"chart": {"result": [result], "error": None}}


def answer(body: object, series_id: str = "us_spx", status: int = 200, fetched: datetime = AFTER) -> Payload:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    code = SYMBOLS[series_id]
    request = Request("yahoo", "GET", f"https://query1.finance.yahoo.com/{code}", f"Yahoo {code}", (series_id,))
    return Payload(request, status, raw, fetched, hashlib.sha256(raw).hexdigest())


def test_one_request_a_series_with_its_exchange_days() -> None:
    windows = {"us_spx": (date(2019, 3, 27), date(2019, 3, 29)), "fx_usdmxn": (date(2019, 3, 28), date(2019, 3, 28))}
    requests = yahoo.plan(SERIES, windows, POLICY)
    assert [r.url for r in requests] == [
        "https://query1.finance.yahoo.com/v8/finance/chart/%5EGSPC"
        "?period1=1553641200&period2=1553904000&interval=1d&events=div%2Csplits",
        "https://query1.finance.yahoo.com/v8/finance/chart/MXN%3DX"
        "?period1=1553727600&period2=1553817600&interval=1d&events=div%2Csplits",
    ]
    assert [r.items for r in requests] == [("us_spx",), ("fx_usdmxn",)]


def test_closes_by_exchange_day() -> None:
    parsed = yahoo.parse(answer(chart()), SERIES)
    assert parsed.rows.rows() == [
        ("us_spx", date(2019, 3, 27), 2805.37),
        ("us_spx", date(2019, 3, 28), 2815.44),
        ("us_spx", date(2019, 3, 29), 2834.4),
    ]
    assert parsed.rejected.is_empty()


def test_a_currency_bar_belongs_to_its_london_day_in_summer_and_winter() -> None:
    # 2019-01-16 00:00 is 00:00 UTC, 2019-07-17 00:00 London is 23:00 UTC of the 16th; gmtoffset is that of today.
    body = chart(
        symbol="MXN=X",
        currency="MXN",
        exchangeTimezoneName="Europe/London",
        gmtoffset=0,
        timestamp=[1547596800, 1563318000],
        close=[18.97, 19.04],
    )
    parsed = yahoo.parse(answer(body, "fx_usdmxn", fetched=datetime(2019, 12, 2, tzinfo=UTC)), SERIES)
    assert parsed.rows["event_date"].to_list() == [date(2019, 1, 16), date(2019, 7, 17)]


def test_a_null_close_is_no_row() -> None:
    parsed = yahoo.parse(answer(chart(close=[2805.37, None, 2834.4])), SERIES)
    assert parsed.rows["event_date"].to_list() == [date(2019, 3, 27), date(2019, 3, 29)]
    assert parsed.rejected.is_empty()


def test_adjusted_prices_are_never_used_and_say_so_once() -> None:
    parsed = yahoo.parse(answer(chart(close=[None, None, 2834.4], adjclose=[2805.0, 2815.0, 2834.4])), SERIES)
    assert parsed.rows["event_date"].to_list() == [date(2019, 3, 29)]
    ((item, day, raw, reason),) = parsed.rejected.rows()
    assert (item, day, raw) == ("us_spx", None, "2 closes are null")
    assert reason.startswith("only adjusted prices on 2 days 2019-03-27..2019-03-28")


@pytest.mark.parametrize(
    ("fetched", "last"),
    [
        (datetime(2019, 3, 29, 15, tzinfo=UTC), date(2019, 3, 28)),  # 11:00 in New York, trading
        (datetime(2019, 3, 29, 19, 59, tzinfo=UTC), date(2019, 3, 28)),
        (datetime(2019, 3, 29, 20, 0, tzinfo=UTC), date(2019, 3, 29)),  # 16:00, closed
        (datetime(2019, 3, 30, 3, 59, tzinfo=UTC), date(2019, 3, 29)),  # still the 29th in New York
        (datetime(2019, 3, 28, 11, 55, tzinfo=UTC), date(2019, 3, 27)),  # clock set back: later bars do not count
    ],
)
def test_the_unfinished_bar_is_left_out(fetched: datetime, last: date) -> None:
    body = chart(currentTradingPeriod={"regular": {"start": 1553866200, "end": 1553889600}})
    parsed = yahoo.parse(answer(body, fetched=fetched), SERIES)
    assert parsed.rows["event_date"].max() == last


def test_without_trading_hours_todays_bar_never_counts() -> None:
    body = chart(currentTradingPeriod=None)
    parsed = yahoo.parse(answer(body, fetched=datetime(2019, 3, 29, 23, tzinfo=UTC)), SERIES)
    assert parsed.rows["event_date"].max() == date(2019, 3, 28)


def test_text_in_place_of_a_close_is_rejected() -> None:
    parsed = yahoo.parse(answer(json.dumps(chart(close=[2805.37, 2815.44, float("nan")])).encode()), SERIES)
    assert parsed.rows.height == 2
    assert parsed.rejected.rows() == [("us_spx", date(2019, 3, 29), "NaN", "not a finite number: 'NaN'")]


NOT_FOUND = {
    "chart": {"result": None, "error": {"code": "Not Found", "description": "No data found, symbol may be delisted"}}
}


@pytest.mark.parametrize(
    ("body", "status", "message"),
    [
        (NOT_FOUND, 404, "unavailable: No data found, symbol may be delisted"),
        (NOT_FOUND, 200, "unavailable: No data found, symbol may be delisted"),
        ({"chart": {"result": [], "error": None}}, 200, "unavailable: no bars"),
        (chart(timestamp=[], close=[]), 200, "unavailable: no bars"),
        (b"Unprocessable", 422, "unavailable: no bars"),
        (b"Too Many Requests\r\n", 429, "unavailable: no bars"),
        (b"<html><body>Yahoo is part of the Yahoo family of brands</body></html>", 200, "a web page instead of data"),
        (b"", 200, "empty answer"),
        (b'{"chart":{"result":[{"meta":', 200, "not complete JSON"),
        ([1, 2], 200, "not a chart"),
        ({"finance": {}}, 200, "not a chart"),
        ({"chart": {"result": [{"timestamp": NEW_YORK, "meta": {}}]}}, 200, "the chart is of None"),
        (chart(symbol="^VIX"), 200, "the chart is of '^VIX', not of '^GSPC'"),
        (chart(dataGranularity="3mo"), 200, "bars of '3mo' where daily bars were asked"),
        (chart(currency="USX"), 200, "prices in 'USX', which is not a whole currency unit"),
        (chart(currency="GBp"), 200, "not a whole currency unit"),
        (chart(exchangeTimezoneName=None), 200, "unknown exchange time zone None"),
        (chart(close=[2805.37]), 200, "3 times, 1 closes"),
        (chart(close=None), 200, "a chart without closes"),
        (chart(timestamp=["a", "b", "c"]), 200, "not whole seconds"),
    ],
)
def test_whatever_is_not_the_daily_chart_is_refused(body: object, status: int, message: str) -> None:
    with pytest.raises(SourceError) as error:
        yahoo.parse(answer(body, status=status), SERIES)
    assert message in str(error.value)


def test_an_unavailable_symbol_is_never_called_delisted_by_us() -> None:
    with pytest.raises(SourceError, match="unavailable is not delisted"):
        yahoo.parse(answer(NOT_FOUND, status=404), SERIES)


def test_a_rate_in_another_currency_is_refused() -> None:
    body = chart(symbol="MXN=X", currency="USD", exchangeTimezoneName="Europe/London")
    with pytest.raises(SourceError, match="prices in 'USD' where fx_usdmxn is 'MXN per USD'"):
        yahoo.parse(answer(body, "fx_usdmxn"), SERIES)


def replay(world: RealWorld, **policy: float) -> Http:
    """One attempt a request and no archive; the clock stands after the data."""
    policies = {k: v.model_copy(update={"attempts": 1, **policy}) for k, v in default_settings().sources.items()}
    return Http(ReplayUrlTransport(world.url), policies, None, lambda: datetime(2022, 1, 1, tzinfo=UTC))


def ask(world: RealWorld, series_id: str, window: tuple[date, date], **policy: float) -> Parsed:
    (request,) = yahoo.plan(SERIES, {series_id: window}, POLICY)
    return yahoo.parse(replay(world, **policy).fetch(request), SERIES)


MARCH = (date(2019, 3, 1), date(2019, 3, 29))
HOST = "query1.finance.yahoo.com"


@pytest.mark.realworld
@pytest.mark.parametrize(
    ("series_id", "days", "close"), [("us_spx", 21, 2815.439941), ("br_ibov", 19, 94389.0), ("fx_usdmxn", 21, 19.36385)]
)
def test_real_values(realworld: RealWorld, series_id: str, days: int, close: float) -> None:
    parsed = ask(realworld, series_id, MARCH)
    got = dict(parsed.rows.select("event_date", "value").rows())
    assert (len(got), min(got), max(got)) == (days, date(2019, 3, 1), date(2019, 3, 29))
    assert got[date(2019, 3, 28)] == close
    assert parsed.rejected.is_empty()


@pytest.mark.realworld
def test_a_symbol_with_adjusted_prices_only_gives_no_rows(realworld: RealWorld) -> None:
    dollar = SERIES[0].model_copy(update={"code": "UUP", "unit": "USD per share"})
    (request,) = yahoo.plan([dollar], {dollar.id: MARCH}, POLICY)
    parsed = yahoo.parse(replay(realworld).fetch(request), [dollar])
    assert parsed.rows.is_empty()
    assert parsed.rejected["reason"].item().startswith("only adjusted prices on 21 days 2019-03-01..2019-03-29")


@pytest.mark.realworld
def test_cents_are_not_dollars(realworld: RealWorld) -> None:
    corn = SERIES[0].model_copy(update={"code": "ZC=F"})
    (request,) = yahoo.plan([corn], {corn.id: MARCH}, POLICY)
    payload = replay(realworld).fetch(request)
    with pytest.raises(SourceError, match="prices in 'USX', which is not a whole currency unit"):
        yahoo.parse(payload, [corn])


@pytest.mark.realworld
@pytest.mark.parametrize(
    ("kind", "message"),
    [
        ("timeout", "no answer within 0.3 s"),
        ("http429", "the provider asks to slow down"),
        ("http500", "the provider failed"),
        ("http406", "unavailable"),
        ("html200", "a web page instead of data"),
        ("truncated", "not complete JSON"),
        ("empty", "empty answer"),
    ],
)
def test_a_fault_that_leaves_no_data_names_symbol_and_cause(realworld: RealWorld, kind: str, message: str) -> None:
    realworld.fault(HOST, kind, hold=0.6 if kind == "timeout" else None)
    with pytest.raises(SourceError, match=r"yahoo: Yahoo \^GSPC 2019-03-01\.\.2019-03-29") as error:
        ask(realworld, "us_spx", MARCH, timeout_s=0.3 if kind == "timeout" else 30)
    assert message in str(error.value)


@pytest.mark.realworld
@pytest.mark.parametrize(
    ("kind", "missing", "rejected"), [("stale", 5, 0), ("duplicate_rows", 0, 0), ("nan_text", 1, 1)]
)
def test_a_fault_in_the_data_leaves_only_right_rows(
    realworld: RealWorld, kind: str, missing: int, rejected: int
) -> None:
    clean = ask(realworld, "us_spx", MARCH).rows
    realworld.fault(HOST, kind)
    parsed = ask(realworld, "us_spx", MARCH)
    assert parsed.rows.unique(maintain_order=True).equals(clean.head(clean.height - missing))
    assert parsed.rejected.height == rejected


@pytest.mark.realworld
def test_another_unit_is_out_of_the_range_of_the_series(realworld: RealWorld) -> None:
    for one in SERIES:
        realworld.fault(HOST, "wrong_unit")
        assert ask(realworld, one.id, MARCH).rows.filter(pl.col("value").is_between(one.low, one.high)).is_empty()
