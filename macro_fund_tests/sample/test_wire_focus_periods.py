"""The sample world's Focus expectations by period: read by the connector, hidden until Monday, in the world's terms."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime

import numpy as np
import polars as pl
import pytest

from macro_fund.sample.transport import SampleTransport
from macro_fund.sample.world import load_world
from macro_fund.settings import default_settings
from macro_fund.sources import bcb_focus_periods as focus
from macro_fund.sources.http import Http, Request
from macro_fund.time.publication import knowledge_times

SEED = 20100104
SERIES = default_settings().series_of("bcb_focus_periods")
END = datetime(2031, 1, 1, tzinfo=UTC)


def read(transport: SampleTransport, first: date, last: date) -> pl.DataFrame:
    http = Http(transport, default_settings().sources, None, lambda: END)
    parts = []
    for request in focus.plan(SERIES, {s.id: (first, last) for s in SERIES}, http.policy("bcb_focus_periods")):
        parsed = focus.parse(http.fetch(request), SERIES)
        assert parsed.rejected.is_empty()
        parts.append(parsed.rows)
    rows = pl.concat(parts)
    one = SERIES[0]
    times = knowledge_times(rows["event_date"], one.publication, "D")
    return rows.with_columns(times.alias("known")).sort("series_id", "event_date", "reference")


def test_every_series_has_plausible_expectations_of_every_period_ahead() -> None:
    rows = read(SampleTransport(SEED), date(2024, 1, 1), date(2024, 12, 31))
    ahead = {"annual": 5, "monthly": 12, "quarterly": 8, "selic": 12}
    for s in SERIES:
        own = rows.filter(pl.col("series_id") == s.id)
        per_day = own.group_by("event_date").len()["len"]
        assert per_day.to_list() == [ahead[s.code.split(":")[0].removeprefix("top5_")]] * 52, s.id
        assert own["median"].is_between(s.low, s.high).all(), s.id
        assert own.select("event_date", "reference").is_duplicated().sum() == 0
        assert own["respondents"].is_null().all() == s.code.startswith("top5"), s.id
    first = rows.filter(pl.col("series_id") == "br_focus_selic_meeting")["reference"].to_list()[:3]
    assert first == ["2024-R1", "2024-R2", "2024-R3"]


@pytest.mark.parametrize("now", [datetime(2013, 6, 10, 11, 29, tzinfo=UTC), datetime(2013, 6, 10, 11, 30, tzinfo=UTC)])
def test_a_week_is_hidden_until_its_monday(now: datetime) -> None:
    window = (date(2013, 5, 1), date(2013, 7, 31))
    everything, shown = read(SampleTransport(SEED), *window), read(SampleTransport(SEED, now), *window)
    assert shown.equals(everything.filter(pl.col("known") <= now))
    assert shown["event_date"].max() == (date(2013, 6, 7) if now.minute == 30 else date(2013, 5, 31))


def test_poison_spoils_what_is_known_later_and_nothing_else() -> None:
    now, window = datetime(2013, 6, 10, 12, tzinfo=UTC), (date(2013, 5, 1), date(2013, 7, 31))
    clean, spoiled = read(SampleTransport(SEED), *window), read(SampleTransport(SEED, None, now), *window)
    before = pl.col("known") <= now
    assert spoiled.filter(before).equals(clean.filter(before))
    after = spoiled.filter(~before)["median"].to_numpy()
    assert np.all(after != clean.filter(~before)["median"].to_numpy())
    assert np.allclose(np.abs(after), 1000 * np.abs(clean.filter(~before)["median"].to_numpy()), rtol=1e-3, atol=1e-3)


def test_the_selic_of_the_next_meeting_is_near_the_one_in_force() -> None:
    world = load_world(SEED)
    rows = read(SampleTransport(SEED), date(2015, 1, 1), date(2019, 12, 31))
    meeting = rows.filter(pl.col("series_id") == "br_focus_selic_meeting")
    nearest = meeting.unique(["event_date"], keep="first", maintain_order=True)
    days = nearest["event_date"].to_numpy().astype("datetime64[D]")
    in_force = world.policy.selic[world.grid.at(days)] / 100
    gap = np.abs(nearest["median"].to_numpy() - in_force)
    assert gap.mean() < 0.005
    far = meeting.unique(["event_date"], keep="last", maintain_order=True)["median"].to_numpy()
    assert np.abs(far - in_force).mean() > gap.mean()


BASE = "https://olinda.bcb.gov.br/olinda/servico/Expectativas/versao/v1/odata/"


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("ExpectativasMercadoAnuais?$filter=NoSuch%20eq%20'x'", 400),
        ("ExpectativasMercadoTop5Selic?$filter=Indicador%20eq%20'Selic'", 400),  # its field is in lower case
        ("ExpectativasMercadoTop5Anuais?$filter=baseCalculo%20eq%200", 400),
        ("ExpectativasMercadoAnuais?$orderby=NoSuch", 400),
        ("ExpectativasMercadoMensais?$top=1", 404),  # the provider's name is singular
    ],
)
def test_refusals(path: str, status: int) -> None:
    transport = SampleTransport(SEED, datetime(2010, 3, 1, tzinfo=UTC))
    assert transport.send(Request("any", "GET", BASE + path, "a test's question", ()), 30).status == status


def test_both_bases_are_there_and_the_options_count() -> None:
    transport = SampleTransport(SEED, datetime(2010, 3, 1, 12, tzinfo=UTC))
    ask = BASE + "ExpectativasMercadoSelic?$filter=Data%20ge%20'2010-02-01'&$orderby=Data%20desc&$top=30"
    rows = json.loads(transport.send(Request("any", "GET", ask, "a test's question", ()), 30).body)["value"]
    assert len(rows) == 30
    assert {r["baseCalculo"] for r in rows} == {0, 1}
    assert rows[0]["Data"] == "2010-02-26"
    assert list(rows[0])[:3] == ["Indicador", "Data", "Reuniao"]
