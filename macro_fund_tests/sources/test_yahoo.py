"""Yahoo charts: what may be believed, cents, exchange days, unfinished bars, the sample world and the real data."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, date, datetime
from typing import Any

import polars as pl
import pytest

from macro_fund.sample.public import published
from macro_fund.sample.transport import SampleTransport
from macro_fund.sample.wire_yahoo import LISTINGS
from macro_fund.settings import default_settings
from macro_fund.sources import yahoo
from macro_fund.sources.http import Http, Parsed, Payload, ReplayUrlTransport, Request, SourceError
from macro_fund.time.publication import knowledge_times
from macro_fund_tests.realworld import FOLDER, RealWorld

SERIES = default_settings().series_of("yahoo")
BY_ID = {s.id: s for s in SERIES}
POLICY = default_settings().sources["yahoo"]
SEED = 20100104
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
    code = BY_ID[series_id].code
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


def corn(currency: str) -> dict[str, Any]:
    return chart(symbol="ZC=F", currency=currency, close=[373.75, None, 356.5])


def test_cents_become_the_currency_that_the_unit_names() -> None:
    parsed = yahoo.parse(answer(corn("USX"), "cmd_corn_fut"), SERIES)
    assert parsed.rows.rows() == [
        ("cmd_corn_fut", date(2019, 3, 27), 3.7375),
        ("cmd_corn_fut", date(2019, 3, 29), 3.565),
    ]
    assert parsed.rejected.is_empty()


def test_a_price_in_the_whole_currency_stays() -> None:
    parsed = yahoo.parse(answer(corn("USD"), "cmd_corn_fut"), SERIES)
    assert parsed.rows["value"].to_list() == [373.75, 356.5]


@pytest.mark.parametrize(
    ("currency", "unit"), [("GBp", "GBP per share"), ("GBX", "GBP per share"), ("ZAc", "ZAR per share")]
)
def test_the_hundredths_of_other_currencies_are_known(currency: str, unit: str) -> None:
    one = BY_ID["us_spx"].model_copy(update={"unit": unit})
    parsed = yahoo.parse(answer(chart(currency=currency)), [one])
    assert parsed.rows["value"].to_list() == [28.0537, 28.1544, 28.344]


@pytest.mark.parametrize("currency", ["EUR", "GBX", "BRL", "None"])
def test_a_price_in_neither_the_currency_nor_its_cents_is_refused(currency: str) -> None:
    with pytest.raises(SourceError, match=f"prices in '{currency}' where cmd_corn_fut is 'USD per bushel'"):
        yahoo.parse(answer(corn(currency), "cmd_corn_fut"), SERIES)


def test_what_is_rejected_is_shown_as_it_was_quoted() -> None:
    body = chart(symbol="ZC=F", currency="USX", close=[373.75, float("nan"), 356.5])
    parsed = yahoo.parse(answer(json.dumps(body).encode(), "cmd_corn_fut"), SERIES)
    assert parsed.rejected.rows() == [("cmd_corn_fut", date(2019, 3, 28), "NaN", "not a finite number: 'NaN'")]


def test_a_rate_in_another_currency_is_refused() -> None:
    body = chart(symbol="MXN=X", currency="USD", exchangeTimezoneName="Europe/London")
    with pytest.raises(SourceError, match="prices in 'USD' where fx_usdmxn is 'MXN per USD'"):
        yahoo.parse(answer(body, "fx_usdmxn"), SERIES)


# ---------------------------------------------------------------- the sample world

WINDOW = (date(2019, 1, 2), date(2020, 3, 31))


def sampled(now: datetime | None) -> pl.DataFrame:
    """All series of WINDOW as the connector reads them from the sample world."""
    transport = SampleTransport(SEED, now=now)
    fetched = now or datetime(2031, 12, 31, tzinfo=UTC)
    parts = []
    for request in yahoo.plan(SERIES, {s.id: WINDOW for s in SERIES}, POLICY):
        reply = transport.send(request, 30.0)
        payload = Payload(request, reply.status, reply.body, fetched, hashlib.sha256(reply.body).hexdigest())
        parts.append(yahoo.parse(payload, SERIES))
    assert all(p.rejected.is_empty() for p in parts)
    rows = pl.concat([p.rows for p in parts]).filter(pl.col("event_date").is_between(*WINDOW))
    return rows.sort("series_id", "event_date")


def test_the_sample_world_answers_for_every_series_in_its_range() -> None:
    rows = sampled(None)
    for one in SERIES:
        own = rows.filter(pl.col("series_id") == one.id)
        assert own.height > 290, one.id
        assert own["value"].is_between(one.low, one.high).all(), one.id
        item = published(SEED, one.id)
        path = pl.DataFrame({"event_date": pl.Series(item.days, dtype=pl.Date), "path": item.values})
        both = own.join(path, on="event_date")
        assert both.height == own.height
        assert ((both["value"] - both["path"]).abs() <= 1e-3 * both["path"].abs()).all(), one.id


def test_the_sample_world_quotes_what_chicago_and_ice_quote_in_cents() -> None:
    cents = {i for i, listing in LISTINGS.items() if listing.currency == "USX"}
    assert cents == {"cmd_corn_fut", "cmd_soy_fut", "cmd_coffee_fut", "cmd_sugar_fut"}
    assert set(LISTINGS) == set(BY_ID)
    (request,) = yahoo.plan(SERIES, {"cmd_corn_fut": WINDOW}, POLICY)
    (result,) = json.loads(SampleTransport(SEED).send(request, 30.0).body)["chart"]["result"]
    dollars = sampled(None).filter(pl.col("series_id") == "cmd_corn_fut")["value"].to_list()
    quoted = [c for c in result["indicators"]["quote"][0]["close"] if c is not None]
    assert quoted[: len(dollars)] == pytest.approx([100 * d for d in dollars], rel=1e-12)


@pytest.mark.parametrize(
    "now",
    [datetime(2020, 3, 13, 10, 55, tzinfo=UTC), datetime(2020, 3, 13, 22, 0, tzinfo=UTC)],
)
def test_the_sample_world_shows_what_is_public_and_nothing_later(now: datetime) -> None:
    whole = sampled(None)
    public = []
    for one in SERIES:
        own = whole.filter(pl.col("series_id") == one.id)
        known = knowledge_times(own["event_date"], one.publication, one.frequency)
        public.append(own.filter(known <= now))
    assert sampled(now).equals(pl.concat(public).sort("series_id", "event_date"))


# ---------------------------------------------------------------- the real data


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
    ("series_id", "days", "close"),
    [
        ("us_spx", 21, 2815.439941),
        ("br_ibov", 19, 94389.0),
        ("fx_usdmxn", 21, 19.36385),
        ("cmd_corn_fut", 21, 3.74),
    ],
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
def test_cents_are_not_index_points(realworld: RealWorld) -> None:
    points = SERIES[0].model_copy(update={"code": "ZC=F"})
    (request,) = yahoo.plan([points], {points.id: MARCH}, POLICY)
    payload = replay(realworld).fetch(request)
    with pytest.raises(SourceError, match="prices in 'USX', which is not a whole currency unit"):
        yahoo.parse(payload, [points])


def stored() -> pl.DataFrame:
    """Real closes of the catalogue's symbols as stored with the replay server, in whole currency units."""
    data = FOLDER / "data"
    meta = pl.read_parquet(data / "mkt_yahoo_meta.parquet").select("ticker", "currency")
    names = pl.DataFrame({"ticker": [s.code for s in SERIES], "series_id": [s.id for s in SERIES]})
    closes = pl.read_parquet(data / "mkt_yahoo_daily.parquet").join(meta, on="ticker").join(names, on="ticker")
    whole = pl.col("close") / pl.when(pl.col("currency") == "USX").then(100).otherwise(1)
    return closes.drop_nulls("close").select("series_id", event_date="date", value=whole)


@pytest.mark.realworld
def test_every_real_close_comes_through_and_none_before_its_time(realworld: RealWorld) -> None:
    clock = datetime(2021, 6, 9, 10, 55, tzinfo=UTC)
    realworld.set_now(clock)
    window = (date(2018, 1, 2), date(2021, 12, 31))
    http = Http(
        ReplayUrlTransport(realworld.url), {"yahoo": POLICY.model_copy(update={"attempts": 1})}, None, lambda: clock
    )
    real = stored().filter(pl.col("event_date").is_between(*window))
    seen = 0
    for one in SERIES:
        (request,) = yahoo.plan(SERIES, {one.id: window}, POLICY)
        own = real.filter(pl.col("series_id") == one.id)
        if own.is_empty():
            with pytest.raises(SourceError, match="unavailable"):
                yahoo.parse(http.fetch(request), SERIES)
            continue
        rows = yahoo.parse(http.fetch(request), SERIES).rows.filter(pl.col("event_date").is_between(*window))
        public = own.filter(knowledge_times(own["event_date"], one.publication, one.frequency) <= clock)
        assert rows.sort("event_date").equals(public.sort("event_date")), one.id
        seen += rows.height
    assert seen > 18_000


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
    real = stored().filter(pl.col("event_date").is_between(*MARCH))
    served = [s for s in SERIES if s.id in real["series_id"].unique()]
    assert len(served) > 20
    for one in served:
        realworld.fault(HOST, "wrong_unit")
        rows = ask(realworld, one.id, MARCH).rows
        assert rows.height > 15
        assert rows.filter(pl.col("value").is_between(one.low, one.high)).is_empty(), one.id
