"""The licensed price feed: off without its secrets, its question, its CSV and what is refused."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from macro_fund.sample import wire_licensed
from macro_fund.sample.public import View, microseconds, series_by_code
from macro_fund.sample.wire import take_apart
from macro_fund.settings import CONFIG_DIR, Series, default_settings, parse_file
from macro_fund.sources import licensed_prices, secrets
from macro_fund.sources.http import Http, Payload, Reply, Request, SourceError
from macro_fund.sources.ingest import Window, ingest
from macro_fund.store.archive import Archive
from macro_fund.store.tables import TABLES
from macro_fund.time.sessions import sessions

NOW = datetime(2024, 7, 1, 12, tzinfo=UTC)
TOKEN = "token/of-the-vendor+0001"
GOLD = Series.model_validate(
    {
        "id": "lic_gold", "source": "licensed_prices", "code": "XAU=", "title": "Gold", "unit": "USD per ounce",
        "frequency": "D", "publication": {"kind": "same_day", "at": "18:00:00"}, "max_age_days": 7, "low": 100,
        "high": 10_000, "licence": "vendor",
    }
)  # fmt: skip
DOLLAR = GOLD.model_copy(update={"id": "lic_usdbrl", "code": "USDBRL", "unit": "BRL", "low": 0.5, "high": 20})
SERIES = [GOLD, DOLLAR]
WINDOWS = {"lic_gold": (date(2024, 6, 3), date(2024, 6, 28)), "lic_usdbrl": (date(2024, 6, 10), date(2024, 6, 28))}
GIVEN = {
    "LICENSED_PRICES_URL": "https://vendor.example/daily.csv?codes={codes}&from={start}&to={end}",
    "LICENSED_PRICES_TOKEN": TOKEN,
}
HEADER = "series_id,date,close,currency\n"


@dataclass
class Feed:
    """Answers as one line of text, and remembers what went over the wire."""

    body: str = HEADER
    status: int = 200
    waits: bool = False

    def __post_init__(self) -> None:
        self.sent: list[Request] = []

    def send(self, request: Request, timeout_s: float) -> Reply:
        self.sent.append(request)
        return Reply(self.status, {}, self.body.encode())


def client(feed: object, given: dict[str, str] | None = None, archive: Archive | None = None) -> Http:
    given = GIVEN if given is None else given
    return Http(feed, default_settings().sources, archive, lambda: NOW, secrets=given)  # type: ignore[arg-type]


def payload(body: str, status: int = 200) -> Payload:
    (request,) = licensed_prices.plan(SERIES, WINDOWS, client(Feed()).policy("licensed_prices"))
    return Payload(request, status, body.encode(), NOW, "0" * 64)


def test_no_series_are_listed_and_the_file_is_valid() -> None:
    assert parse_file(CONFIG_DIR / "series/licensed_prices.yaml", list[Series]) == []


@pytest.mark.parametrize("lacking", sorted(GIVEN))
def test_nothing_is_asked_without_both_secrets(lacking: str) -> None:
    feed = Feed()
    http = client(feed, {k: v for k, v in GIVEN.items() if k != lacking})
    assert licensed_prices.plan(SERIES, WINDOWS, http.policy("licensed_prices")) == []
    assert licensed_prices.plan(SERIES, WINDOWS, default_settings().sources["licensed_prices"]) == []
    table, sessions_ = TABLES["bronze/licensed_prices"], sessions()
    window = Window((date(2024, 6, 28),), None, sessions_.as_of(date(2024, 6, 28)))
    got = ingest(licensed_prices, SERIES, window, table.empty(), sessions_, http)
    assert got.rows.is_empty()
    assert got.failures.is_empty()
    assert not feed.sent


def test_one_question_for_all_codes_with_the_token_in_the_header_only(tmp_path: Path) -> None:
    feed, archive = Feed(), Archive(tmp_path)
    http = client(feed, archive=archive)
    (request,) = licensed_prices.plan(SERIES, WINDOWS, http.policy("licensed_prices"))
    assert request.url == "https://vendor.example/daily.csv?codes=XAU%3D,USDBRL&from=2024-06-03&to=2024-06-28"
    assert request.items == ("lic_gold", "lic_usdbrl")
    http.fetch(request)
    assert feed.sent[0].opened()[1]["Authorization"] == f"Bearer {TOKEN}"
    archive.close()
    assert not [p for p in tmp_path.rglob("*") if p.is_file() and TOKEN.encode() in p.read_bytes()]
    assert TOKEN not in f"{request!r} {feed.sent!r} {http!r}"


def test_a_token_in_the_address_is_not_kept() -> None:
    url = GIVEN["LICENSED_PRICES_URL"] + "&key={LICENSED_PRICES_TOKEN}"
    feed = Feed()
    http = client(feed, {**GIVEN, "LICENSED_PRICES_URL": url})
    (request,) = licensed_prices.plan(SERIES, WINDOWS, http.policy("licensed_prices"))
    assert request.url.endswith("&key={LICENSED_PRICES_TOKEN}")
    http.fetch(request)
    assert feed.sent[0].opened()[0].endswith("&key=token%2Fof-the-vendor%2B0001")


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("http://vendor.example/?c={codes}&a={start}&b={end}", "does not start with https://"),
        ("https://vendor.example/?c={codes}", "has no {start}, {end}"),
    ],
)
def test_an_address_that_cannot_be_asked_is_refused(url: str, reason: str) -> None:
    policy = client(Feed(), {**GIVEN, "LICENSED_PRICES_URL": url}).policy("licensed_prices")
    with pytest.raises(ValueError, match=f"LICENSED_PRICES_URL {reason}"):
        licensed_prices.plan(SERIES, WINDOWS, policy)


def test_closes_become_rows_and_the_rest_is_rejected() -> None:
    body = HEADER + (
        "XAU=,2024-06-03,2350.25,USD\nUSDBRL,2024-06-10,5.3512,BRL\nXAU=,2024-06-04,n/a,USD\n"
        "XAU=,2024-06-05,2210.5,EUR\nUSDBRL,10/06/2024,5.35,BRL\n"
    )
    parsed = licensed_prices.parse(payload(body), SERIES)
    assert parsed.rows.rows() == [("lic_gold", date(2024, 6, 3), 2350.25), ("lic_usdbrl", date(2024, 6, 10), 5.3512)]
    assert parsed.rejected.rows() == [
        ("lic_gold", date(2024, 6, 4), "n/a", "not a number: 'n/a'"),
        ("lic_usdbrl", None, "5.35", "day not readable"),
        ("lic_gold", date(2024, 6, 5), "2210.5 EUR", "currency 'EUR' where USD is expected"),
    ]


@pytest.mark.parametrize(
    ("body", "status", "reason"),
    [
        ("no", 401, "the token is refused.*LICENSED_PRICES_TOKEN"),
        ("no", 403, "the token is refused"),
        ("no", 404, "refused by the provider"),
        ("<html>login</html>", 200, "a web page instead of data"),
        ("", 200, "empty answer"),
        ("code,day,price\n", 200, "columns 'code, day, price' where 'series_id, date, close, currency'"),
        (HEADER + "XAU=,2024-06-03,2350", 200, "cut file"),
        (HEADER + "XPT=,2024-06-03,2350,USD\n", 200, "series 'XPT=' in the answer"),
    ],
)
def test_what_is_not_the_feed_is_refused(body: str, status: int, reason: str) -> None:
    with pytest.raises(SourceError, match=reason):
        licensed_prices.parse(payload(body, status), SERIES)


def test_the_sample_feed_shows_what_is_public(monkeypatch: pytest.MonkeyPatch) -> None:
    spx = next(s for s in default_settings().series if s.id == "us_spx")
    one = spx.model_copy(update={"source": "licensed_prices", "code": "SPX", "unit": "USD"})
    monkeypatch.setitem(series_by_code(), ("licensed_prices", "SPX"), one)

    class World:
        waits = False

        def send(self, request: Request, timeout_s: float) -> Reply:
            return wire_licensed.answer(View(20100104, microseconds(NOW)), take_apart(request))

    http = client(World(), dict(secrets.SAMPLE))
    (request,) = licensed_prices.plan(
        [one], {one.id: (date(2024, 6, 24), date(2024, 7, 5))}, http.policy("licensed_prices")
    )
    parsed = licensed_prices.parse(http.fetch(request), [one])
    assert parsed.rejected.is_empty() or set(parsed.rejected["reason"]) == {"no value"}
    assert parsed.rows["event_date"].max() == date(2024, 6, 28)  # the close of 1 July is not public at noon
    assert parsed.rows["value"].is_between(one.low, one.high).all()
