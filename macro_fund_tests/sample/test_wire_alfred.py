"""The sample world's vintages: served when public, revised as on FRED, and read into the same rows by any window."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

import polars as pl
import pytest

from macro_fund.sample import wire_alfred
from macro_fund.sample.public import View, microseconds, published
from macro_fund.sample.wire import take_apart
from macro_fund.settings import default_settings
from macro_fund.sources import fred
from macro_fund.sources.alfred import has_vintages
from macro_fund.sources.http import Http, Payload, Reply, Request, SourceError
from macro_fund.sources.ingest import Window, ingest
from macro_fund.sources.secrets import SAMPLE
from macro_fund.store.tables import PROVENANCE, TABLES
from macro_fund.time.sessions import sessions

SEED = 20100104
TABLE = sessions()
SERIES = [s for s in default_settings().series_of("fred") if s.id in ("us_cfnai", "us_cpi_core")]


@dataclass(frozen=True)
class Api:
    """The sample API alone."""

    now: datetime | None
    poison_after: datetime | None = None
    waits: bool = False

    def send(self, request: Request, timeout_s: float) -> Reply:
        view = View(SEED, microseconds(self.now), microseconds(self.poison_after))
        return wire_alfred.answer(view, take_apart(request))


def http(api: Api, now: datetime) -> Http:
    return Http(api, default_settings().sources, None, lambda: now, secrets=SAMPLE)


def read(api: Api, window: tuple[date, date]) -> pl.DataFrame:
    client = http(api, datetime(2031, 1, 1, tzinfo=UTC))
    parts = []
    for request in fred.plan(SERIES, {s.id: window for s in SERIES}, client.policy("fred")):
        payload = client.fetch(request)
        parsed = fred.parse(payload, SERIES)
        assert parsed.rejected.is_empty()
        parts.append(parsed.rows)
    return pl.concat(parts).sort("series_id", "event_date", "stated_time")


WHOLE = (date(2004, 1, 1), date(2030, 12, 31))


@pytest.mark.parametrize("now", [datetime(2012, 3, 14, 15, tzinfo=UTC), datetime(2025, 6, 30, tzinfo=UTC)])
def test_the_clock_hides_what_is_not_public(now: datetime) -> None:
    everything, shown = read(Api(None), WHOLE), read(Api(now), WHOLE)
    assert shown.height > 100
    assert shown.equals(everything.filter(pl.col("stated_time") <= now))


def test_values_after_the_poison_are_garbage_and_none_before() -> None:
    now = datetime(2015, 6, 30, tzinfo=UTC)
    clean, poisoned = read(Api(None), WHOLE), read(Api(None, poison_after=now), WHOLE)
    before = pl.col("stated_time") <= now
    assert poisoned.filter(before).equals(clean.filter(before))
    fact = ["series_id", "event_date", "stated_time", "value"]
    assert poisoned.filter(~before).join(clean, on=fact, how="semi").is_empty()


def test_a_first_release_is_public_when_the_rule_says_and_is_revised_to_the_final_value() -> None:
    rows = read(Api(None), WHOLE).filter(pl.col("series_id") == "us_cfnai")
    item = published(SEED, "us_cfnai")
    first = rows.unique(["event_date"], keep="first", maintain_order=True)
    last = rows.unique(["event_date"], keep="last", maintain_order=True)
    shown = slice(12, 12 * 27 - 2)  # the path begins in 2003; the last two months have no final value yet
    assert item.days[shown].tolist() == first["event_date"].to_list()[: 26 * 12 - 2]
    assert first["stated_time"].to_physical().to_list()[: 26 * 12 - 2] == item.known[shown].tolist()
    assert last["value"].to_list()[: 26 * 12 - 2] == item.values[shown].tolist()
    versions = rows.group_by("event_date").len()["len"]
    assert versions.max() == 3
    assert versions.mean() > 2.5
    error = (first["value"] - last["value"]).abs()
    assert 0 < error.mean() < published(SEED, "us_cfnai").values.std()


def test_every_series_with_vintages_answers_and_stays_in_its_range() -> None:
    end = date(2024, 6, 28)
    client = http(Api(datetime(2024, 6, 28, tzinfo=UTC)), datetime(2024, 6, 28, tzinfo=UTC))
    for series in (s for s in default_settings().series_of("fred") if has_vintages(s) and s.start < end):
        requests = fred.plan([series], {series.id: (series.start, end)}, client.policy("fred"))
        rows = pl.concat([fred.parse(client.fetch(r), [series]).rows for r in requests])
        assert rows.height > 10, series.id
        assert rows["value"].is_between(series.low, series.high).all(), series.id
        assert not rows.select("event_date", "stated_time").is_duplicated().any(), series.id


def ask(**changes: str) -> Reply:
    query = {"series_id": "CFNAI", "api_key": "a" * 32, "file_type": "json", "output_type": "1"} | changes
    url = "https://api.stlouisfed.org/fred/series/observations?" + "&".join(f"{k}={v}" for k, v in query.items())
    return Api(datetime(2024, 6, 28, tzinfo=UTC)).send(Request("fred", "GET", url, "a test's question", ()), 30)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"api_key": ""}, "Variable api_key has not been set."),
        ({"api_key": "UPPER"}, "The value for variable api_key is not registered."),
        ({"series_id": "NOSUCH"}, "The series does not exist."),
        ({"realtime_start": "2020-1-1"}, "Variable realtime_start is not a valid date."),
        ({"realtime_start": "2021-01-01", "realtime_end": "2020-01-01"}, "can not be after variable realtime_end"),
        ({"limit": "many"}, "Variable limit is not an integer."),
        ({"series_id": "VIXCLS"}, "vintages of revised series only"),
    ],
)
def test_refusals_are_400_in_the_providers_words(changes: dict[str, str], words: str) -> None:
    reply = ask(**changes)
    assert reply.status == 400
    assert words in reply.body.decode()
    request = Request("fred", "GET", "https://api.stlouisfed.org/fred/x", "FRED", ("us_cfnai",))
    with pytest.raises(SourceError):
        fred.parse(Payload(request, 400, reply.body, datetime(2024, 6, 28, tzinfo=UTC), ""), SERIES)


def test_another_address_is_404() -> None:
    request = Request("fred", "GET", "https://api.stlouisfed.org/fred/releases", "FRED", ())
    assert Api(None).send(request, 30).status == 404


def run(keys: list[date], known: pl.DataFrame | None) -> pl.DataFrame:
    """One ingestion of partitions; without `known` the opening one."""
    lower = None if known is None else TABLE.as_of(TABLE.offset(keys[0], -1))
    window = Window(tuple(keys), lower, TABLE.as_of(keys[-1]))
    empty = TABLES["bronze/fred"].empty()
    got = ingest(fred, SERIES, window, empty if known is None else known, TABLE, http(Api(window.upper), window.upper))
    assert got.failures.is_empty()
    assert got.quarantine.is_empty()
    return got.rows


def test_day_by_day_and_at_once_give_the_same_vintages() -> None:
    keys = TABLE.keys(date(2024, 1, 2), date(2024, 2, 29))
    whole = run(keys, None)
    known = run(keys[:1], None)
    for key in keys[1:]:
        known = pl.concat([known, run([key], known)])
    order = ["session", "series_id", "event_date", "knowledge_time"]
    assert known.drop(PROVENANCE).sort(order).equals(whole.drop(PROVENANCE).sort(order))
    assert set(known["knowledge_basis"]) == {"vintage"}
    assert not known["late"].any()
    assert known.filter(pl.col("session") > keys[0]).height >= 8


def test_vintages_of_a_pause_are_not_lost() -> None:
    keys = TABLE.keys(date(2023, 6, 1), date(2024, 2, 29))
    order = ["session", "series_id", "event_date", "knowledge_time"]
    opened = run(keys[:1], None)
    after = run(keys[1:], opened)
    whole = run(keys, None)
    assert pl.concat([opened, after]).drop(PROVENANCE).sort(order).equals(whole.drop(PROVENANCE).sort(order))
    last = after["knowledge_time"].max()
    first = after["knowledge_time"].min()
    assert isinstance(first, datetime)
    assert isinstance(last, datetime)
    assert last - first > timedelta(days=200)
