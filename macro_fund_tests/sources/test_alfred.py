"""ALFRED vintages: which windows are asked, how a seam is joined, refusals, pages, and the replay server."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, date, datetime, timedelta
from typing import Any

import polars as pl
import pytest

from macro_fund.settings import Publication, Series, default_settings
from macro_fund.sources import alfred, fred
from macro_fund.sources.http import Http, Manners, Parsed, Payload, ReplayUrlTransport, Request, SourceError
from macro_fund.sources.secrets import FRED_API_KEY
from macro_fund_tests.realworld import RealWorld

KEY = "0123456789abcdef0123456789abcdef"
RULE = Publication(kind="after_period", n=20, at="08:30:00", tz="America/New_York", calendar="nyse")  # type: ignore[arg-type]
GDP = Series(
    id="us_gdp",
    source="fred",
    code="GDP",
    title="Gross domestic product",
    unit="USD bn",
    frequency="Q",
    start=date(2004, 1, 1),
    publication=RULE,
    revised=True,
    reread_days=400,
    max_age_days=200,
    low=1000,
    high=100_000,
    licence="FRED",
)
KEYED = Manners(min_interval_s=0, slice_days=36_500, keyed=True)


def row(day: str, since: str, until: str, value: str) -> dict[str, str]:
    return {"realtime_start": since, "realtime_end": until, "date": day, "value": value}


def clipped(rows: list[dict[str, str]], since: str, until: str) -> list[dict[str, str]]:
    """What the provider shows of its periods in a window: those that touch it, cut at its ends."""
    return [
        {**r, "realtime_start": max(r["realtime_start"], since), "realtime_end": min(r["realtime_end"], until)}
        for r in rows
        if r["realtime_start"] <= until and r["realtime_end"] >= since
    ]


def answer(request: Request, rows: list[dict[str, str]], **changes: Any) -> Payload:
    asked = dict(p.split("=", 1) for p in request.url.split("?")[1].split("&"))
    window = {k: asked[k] for k in ("realtime_start", "realtime_end", "observation_start", "observation_end")}
    document = {**window, "units": "lin", "output_type": 1, "file_type": "json", "count": len(rows), "offset": 0,
                "limit": 100_000, "observations": rows} | changes  # fmt: skip
    return raw(request, json.dumps(document))


def raw(request: Request, body: str, status: int = 200) -> Payload:
    data = body.encode()
    return Payload(request, status, data, datetime(2024, 7, 1, tzinfo=UTC), hashlib.sha256(data).hexdigest())


def asked(window: tuple[date, date], series: Series = GDP, slice_days: int = 36_500) -> list[Request]:
    return fred.plan([series], {series.id: window}, KEYED.model_copy(update={"slice_days": slice_days}))


def window_of(request: Request) -> tuple[str, str]:
    parts = dict(p.split("=", 1) for p in request.url.split("?")[1].split("&"))
    return parts["realtime_start"], parts["realtime_end"]


def opening() -> list[Request]:
    return asked((date(2004, 1, 1), date(2026, 6, 30)))


def test_the_history_is_asked_in_windows_that_overlap_by_a_day() -> None:
    requests = opening()
    assert [window_of(r) for r in requests] == [("2004-01-01", "2023-12-31"), ("2023-12-31", "9999-12-31")]
    assert requests[0].url == (
        "https://api.stlouisfed.org/fred/series/observations?series_id=GDP"
        "&realtime_start=2004-01-01&realtime_end=2023-12-31&observation_start=2004-01-01&observation_end=2026-06-30"
        "&output_type=1&sort_order=asc&limit=100000&offset=0&file_type=json&api_key={FRED_API_KEY}"
    )
    assert {(r.provider, r.items, r.secrets) for r in requests} == {("fred", ("us_gdp",), (FRED_API_KEY,))}


@pytest.mark.parametrize(("frequency", "years"), [("W", 10), ("M", 20), ("Q", 20), ("A", 20)])
def test_a_window_is_as_long_as_the_frequency_allows(frequency: str, years: int) -> None:
    series = GDP.model_copy(update={"frequency": frequency})
    (_, until), (since, _) = (window_of(r) for r in asked((GDP.start, date(2025, 1, 1)), series)[:2])
    assert until == since
    assert abs((date.fromisoformat(until) - GDP.start).days - 365.25 * years) < 2


def test_slice_days_shortens_the_windows() -> None:
    windows = [window_of(r) for r in asked((GDP.start, date(2010, 1, 1)), slice_days=1461)]
    assert windows == [("2004-01-01", "2007-12-31"), ("2007-12-31", "9999-12-31")]


def test_a_morning_asks_for_the_newest_vintages_of_all_event_dates() -> None:
    end = date(2024, 7, 1)
    (fresh,) = asked((end - timedelta(days=20 + GDP.reread_days), end))
    assert window_of(fresh) == ("2024-06-01", "9999-12-31")
    assert "&observation_start=2004-01-01&observation_end=2024-07-01&" in fresh.url
    # After a pause of the fund the newest event date known, 1 January, is further away than 30 days.
    (pause,) = asked((date(2024, 1, 1) - timedelta(days=GDP.reread_days), end))
    assert window_of(pause) == ("2024-01-01", "9999-12-31")


def test_a_young_series_is_asked_whole() -> None:
    series = GDP.model_copy(update={"start": date(2024, 6, 20), "reread_days": 2})
    (request,) = asked((date(2024, 6, 25), date(2024, 7, 1)), series)
    assert window_of(request) == ("2024-06-20", "9999-12-31")


def test_vintages_need_a_key_a_revised_series_and_no_daily_one() -> None:
    window = (GDP.start, date(2005, 1, 1))
    daily = GDP.model_copy(update={"frequency": "D"})
    final = GDP.model_copy(update={"revised": False})
    for series, policy in ((GDP, KEYED.model_copy(update={"keyed": False})), (daily, KEYED), (final, KEYED)):
        (request,) = fred.plan([series], {series.id: window}, policy)
        assert request.url.startswith("https://fred.stlouisfed.org/graph/fredgraph.csv?id=GDP&")
        assert not request.secrets
    (graph,) = fred.plan([GDP], {GDP.id: window}, default_settings().sources["fred"])
    assert graph.url.startswith("https://fred.stlouisfed.org/graph/")


PERIODS = [
    row("2023-04-01", "2023-07-27", "2023-09-27", "26835.0"),
    row("2023-04-01", "2023-09-28", "9999-12-31", "27063.0"),
    row("2023-07-01", "2023-10-26", "2023-12-30", "27623.5"),
    row("2023-07-01", "2023-12-31", "9999-12-31", "27610.1"),  # revised on the very day of the seam
    row("2023-10-01", "2024-01-25", "2024-02-27", "27938.8"),
    row("2023-10-01", "2024-02-28", "9999-12-31", "27944.6"),
]
TOLD = [
    (date(2023, 4, 1), 26835.0, datetime(2023, 7, 27, 12, 30, tzinfo=UTC)),
    (date(2023, 4, 1), 27063.0, datetime(2023, 9, 28, 12, 30, tzinfo=UTC)),
    (date(2023, 7, 1), 27623.5, datetime(2023, 10, 26, 12, 30, tzinfo=UTC)),
    (date(2023, 7, 1), 27610.1, datetime(2023, 12, 31, 13, 30, tzinfo=UTC)),
    (date(2023, 10, 1), 27938.8, datetime(2024, 1, 25, 13, 30, tzinfo=UTC)),
    (date(2023, 10, 1), 27944.6, datetime(2024, 2, 28, 13, 30, tzinfo=UTC)),
]


def read(requests: list[Request], periods: list[dict[str, str]] = PERIODS) -> pl.DataFrame:
    parts = [fred.parse(answer(r, clipped(periods, *window_of(r))), [GDP]) for r in requests]
    assert all(p.rejected.is_empty() for p in parts)
    return pl.concat([p.rows for p in parts])


def told(rows: pl.DataFrame) -> list[tuple[Any, ...]]:
    assert set(rows["series_id"]) == {"us_gdp"}
    assert set(rows["stated_basis"]) == {"vintage"}
    return rows.sort("event_date", "stated_time").select("event_date", "value", "stated_time").rows()


def test_two_windows_tell_each_vintage_once_and_invent_none_at_the_seam() -> None:
    requests = opening()
    seen = clipped(PERIODS, *window_of(requests[1]))
    assert [r["realtime_start"] for r in seen][:2] == ["2023-12-31", "2023-12-31"]  # one continues, one is new
    assert told(read(requests)) == TOLD


@pytest.mark.parametrize("slice_days", [1, 2, 7, 31, 400])
def test_any_cut_tells_the_same(slice_days: int) -> None:
    series = GDP.model_copy(update={"start": date(2023, 4, 1)})
    requests = asked((series.start, date(2024, 3, 31)), series, slice_days)
    assert len(requests) == -(-366 // slice_days)
    assert told(read(requests)) == TOLD


def test_a_morning_tells_what_is_new_since_its_window() -> None:
    (request,) = asked((date(2024, 3, 1) - timedelta(days=10 + GDP.reread_days), date(2024, 3, 1)))
    assert window_of(request)[0] == "2024-01-31"
    assert told(read([request])) == TOLD[-1:]


def test_what_was_known_when_the_series_starts_counts_from_there() -> None:
    periods = [
        row("2004-04-01", "2003-12-01", "2004-02-09", "12000"),
        row("2004-04-01", "2004-02-10", "9999-12-31", "1"),
    ]
    rows = read(opening(), periods)
    assert rows["stated_time"].to_list() == [
        datetime(2004, 1, 1, 13, 30, tzinfo=UTC),
        datetime(2004, 2, 10, 13, 30, tzinfo=UTC),
    ]


def test_an_equal_neighbour_is_no_vintage() -> None:
    periods = [
        row("2023-04-01", "2023-07-27", "2023-08-29", "26835.0"),
        row("2023-04-01", "2023-08-30", "2023-09-27", "26835.0"),
        row("2023-04-01", "2023-09-28", "9999-12-31", "27063.0"),
        row("2023-07-01", "2023-10-26", "9999-12-31", "27063.0"),
    ]
    other = (date(2023, 7, 1), 27063.0, datetime(2023, 10, 26, 12, 30, tzinfo=UTC))
    assert told(read(opening()[:1], periods)) == [*TOLD[:2], other]


def test_missing_values_are_dropped_and_texts_are_rejected() -> None:
    rows = [
        row("2023-01-01", "2023-04-27", "9999-12-31", "."),
        row("2023-04-01", "2023-07-27", "9999-12-31", "NaN"),
        row("2023-07-01", "2023-10-26", "9999-12-31", "n/a"),
        row("2023-10-01", "26/01/2024", "9999-12-31", "27938.8"),
        row("01/2024", "2024-04-25", "9999-12-31", "28000"),
    ]
    parsed = fred.parse(answer(opening()[0], rows), [GDP])
    assert parsed.rows.is_empty()
    assert parsed.rejected.rows() == [
        ("us_gdp", date(2023, 4, 1), "NaN", "not a finite number: 'NaN'"),
        ("us_gdp", date(2023, 7, 1), "n/a", "not a number: 'n/a'"),
        ("us_gdp", date(2023, 10, 1), "27938.8", "day or vintage not readable"),
        ("us_gdp", None, "28000", "day or vintage not readable"),
    ]


def test_values_are_scaled() -> None:
    one = GDP.model_copy(update={"scale": 0.01})
    parsed = fred.parse(answer(opening()[0], [row("2023-04-01", "2023-07-27", "9999-12-31", "3.5")]), [one])
    assert parsed.rows["value"].to_list() == pytest.approx([0.035], abs=1e-15)


def test_a_long_answer_is_followed_page_by_page(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(alfred, "LIMIT", 2)
    (first,) = asked((GDP.start, date(2024, 6, 30)), slice_days=36_500)[-1:]
    rows = clipped(PERIODS, "2023-01-01", "9999-12-31")[:5]
    parsed = fred.parse(answer(first, rows[:2], count=5), [GDP])
    assert [(i, d) for i, d, _ in parsed.follow] == [("us_gdp", date(2024, 6, 30))] * 2
    urls = [r.url for _, _, r in parsed.follow]
    assert urls == [first.url.replace("&offset=0&", f"&offset={n}&") for n in (2, 4)]
    last = parsed.follow[1][2]
    assert not fred.parse(answer(last, rows[4:], count=5), [GDP]).follow
    with pytest.raises(SourceError, match="cut: 0 observations where 1 are announced"):
        fred.parse(answer(last, [], count=5), [GDP])


DOCS = "Read https://fred.stlouisfed.org/docs/api/api_key.html for more information."
MANY = (
    "Bad Request.  There are 2004 vintage dates in the specified real-time period: 1776-07-04 to 9999-12-31.  "
    "This exceeds the maximum number of vintage dates allowed (2000)."
)


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (
            f"Bad Request.  The value for variable api_key is not registered.  {DOCS}",
            "the key is refused.*set the environment variable FRED_API_KEY, or write it to <home>/secrets/FRED_API_KEY",
        ),
        ("Bad Request.  The series does not exist.", "FRED has no series GDP.*correct config/series/fred.yaml"),
        (MANY, "too many vintages.*2004 vintage dates.*lower slice_days of fred in config/sources.yaml"),
        ("Bad Request.  Variable units is not one of", "the provider says: Bad Request.  Variable units"),
    ],
)
def test_a_refusal_says_what_to_do(words: str, reason: str) -> None:
    body = json.dumps({"error_code": 400, "error_message": words})
    with pytest.raises(SourceError, match=reason) as error:
        fred.parse(raw(opening()[0], body, 400), [GDP])
    assert not error.value.transient


@pytest.mark.parametrize(
    ("body", "reason", "transient"),
    [
        ("", "empty answer", True),
        ("<html><body>Sorry</body></html>", "a web page instead of data", True),
        ('{"realtime_start": "2004-01-01", "observations": [', "not complete JSON", True),
        ("[]", "no count and list of observations", False),
        ('{"count": 1}', "no count and list of observations", False),
        ('{"count": 1, "observations": [{"date": "2023-04-01", "value": "1"}]}', "the provider changed", False),
    ],
)
def test_what_is_not_an_answer_is_refused(body: str, reason: str, transient: bool) -> None:
    with pytest.raises(SourceError, match=reason) as error:
        fred.parse(raw(opening()[0], body), [GDP])
    assert error.value.transient is transient


def test_the_answer_to_another_question_is_refused() -> None:
    request = opening()[1]
    with pytest.raises(SourceError, match="realtime_start '2026-01-01', not 2023-12-31"):
        fred.parse(answer(request, PERIODS, realtime_start="2026-01-01"), [GDP])


def test_an_answer_with_fewer_rows_than_announced_is_cut() -> None:
    with pytest.raises(SourceError, match="cut: 6 observations where 9 are announced") as error:
        fred.parse(answer(opening()[0], PERIODS, count=9), [GDP])
    assert error.value.transient


def replay(world: RealWorld, key: str = KEY) -> Http:
    policies = {"fred": default_settings().sources["fred"].model_copy(update={"attempts": 1})}
    secrets = {FRED_API_KEY: key}
    return Http(
        ReplayUrlTransport(world.url), policies, None, lambda: datetime(2022, 1, 1, tzinfo=UTC), secrets=secrets
    )


CORE = next(s for s in default_settings().series_of("fred") if s.id == "us_cpi_core")


def fetch(http: Http, series: Series, window: tuple[date, date]) -> list[Parsed]:
    requests = fred.plan([series], {series.id: window}, http.policy("fred"))
    assert all(r.url.startswith(alfred.HOST) for r in requests)
    return [fred.parse(http.fetch(r), [series]) for r in requests]


@pytest.mark.realworld
def test_real_vintages_are_the_values_of_the_graph_file_at_their_release(realworld: RealWorld) -> None:
    realworld.set_now(datetime(2019, 7, 1, tzinfo=UTC))
    http = replay(realworld)
    window = (CORE.start, date(2019, 7, 1))
    rows = pl.concat([p.rows for p in fetch(http, CORE, window)])
    (graph,) = fred.plan([CORE], {CORE.id: window}, default_settings().sources["fred"])
    final = fred.parse(http.fetch(graph), [CORE]).rows
    assert rows.sort("event_date").select("series_id", "event_date", "value").equals(final.sort("event_date"))
    assert rows.height == 12 * 15 + 5  # January 2004 to May 2019
    times = dict(rows.select("event_date", "stated_time").rows())
    assert times[date(2019, 5, 1)] == datetime(2019, 6, 12, 12, 30, tzinfo=UTC)  # the real release day
    assert max(times.values()) <= datetime(2019, 7, 1, tzinfo=UTC)


@pytest.mark.realworld
def test_a_real_morning_tells_the_new_months_only(realworld: RealWorld) -> None:
    realworld.set_now(datetime(2019, 7, 12, tzinfo=UTC))
    first = date(2019, 4, 1) - timedelta(days=CORE.reread_days)
    (parsed,) = fetch(replay(realworld), CORE, (first, date(2019, 7, 12)))
    assert parsed.rows["event_date"].to_list() == [
        date(2019, 3, 1),
        date(2019, 4, 1),
        date(2019, 5, 1),
        date(2019, 6, 1),
    ]


@pytest.mark.realworld
def test_real_windows_join_without_a_false_vintage(realworld: RealWorld) -> None:
    realworld.set_now(datetime(2019, 7, 1, tzinfo=UTC))
    http = replay(realworld)
    whole = pl.concat([p.rows for p in fetch(http, CORE, (CORE.start, date(2019, 7, 1)))])
    requests = alfred.plan(CORE, (CORE.start, date(2019, 7, 1)), 1000)
    parts = pl.concat([fred.parse(http.fetch(r), [CORE]).rows for r in requests])
    assert len(requests) == 6
    assert parts.sort("event_date").equals(whole.sort("event_date"))


@pytest.mark.realworld
def test_real_refusals(realworld: RealWorld) -> None:
    window = (CORE.start, date(2019, 7, 1))
    with pytest.raises(SourceError, match="the key is refused") as error:
        fetch(replay(realworld, "NOT-A-REGISTERED-KEY"), CORE, window)
    assert "NOT-A-REGISTERED-KEY" not in str(error.value)
    unknown = CORE.model_copy(update={"code": "GOLDAMGBD228NLBX"})
    with pytest.raises(SourceError, match="FRED has no series GOLDAMGBD228NLBX"):
        fetch(replay(realworld), unknown, window)
    daily = CORE.model_copy(update={"code": "VIXCLS", "start": date(1990, 1, 1)})
    realworld.set_now(datetime(2021, 7, 1, tzinfo=UTC))
    with pytest.raises(SourceError, match=r"too many vintages.*lower slice_days"):
        fetch(replay(realworld), daily, (daily.start, date(2021, 7, 1)))


@pytest.mark.realworld
@pytest.mark.parametrize(
    ("kind", "reason"), [("http429", "slow down"), ("truncated", "not complete JSON"), ("empty", "empty answer")]
)
def test_real_faults(realworld: RealWorld, kind: str, reason: str) -> None:
    realworld.fault("api.stlouisfed.org", kind)
    with pytest.raises(SourceError, match=rf"FRED CPILFESL vintages.*{reason}"):
        fetch(replay(realworld), CORE, (CORE.start, date(2019, 7, 1)))
