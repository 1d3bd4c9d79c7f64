"""Treasury series of the sample world: what the connector reads and when."""

from __future__ import annotations

import hashlib
from datetime import UTC, date, datetime

import polars as pl
import pytest

from macro_fund.sample import wire_stn
from macro_fund.sample.public import View, microseconds
from macro_fund.sample.wire import take_apart
from macro_fund.settings import default_settings
from macro_fund.sources import stn
from macro_fund.sources.http import Payload, Reply, Request
from macro_fund.time.publication import knowledge_times

SEED = 20100104
SERIES = default_settings().series_of("stn")
POLICY = default_settings().sources["stn"]
END = datetime(2030, 12, 31, tzinfo=UTC)


def read(now: datetime, poison: datetime | None = None) -> pl.DataFrame:
    """All rows that the connector reads at a moment; nothing may be rejected."""
    rows = []
    view = View(SEED, microseconds(now), microseconds(poison))
    for request in stn.plan(SERIES, {s.id: (s.start, date(2030, 12, 31)) for s in SERIES}, POLICY):
        reply = wire_stn.answer(view, take_apart(request))
        sha = hashlib.sha256(reply.body).hexdigest()
        parsed = stn.parse(Payload(request, reply.status, reply.body, now, sha), SERIES)
        assert parsed.rejected.is_empty()
        rows.append(parsed.rows)
    return pl.concat(rows)


def public(rows: pl.DataFrame, now: datetime) -> pl.DataFrame:
    """The rows that the publication rules make public by a moment."""
    parts = []
    for s in SERIES:
        own = rows.filter(pl.col("series_id") == s.id)
        parts.append(own.filter(knowledge_times(own["event_date"], s.publication, s.frequency) <= now))
    return pl.concat(parts)


def get(path: str) -> Reply:
    request = Request("stn", "GET", f"https://{wire_stn.HOST}{path}", "", ())
    return wire_stn.answer(View(SEED), take_apart(request))


@pytest.mark.parametrize("now", [datetime(2010, 1, 4, 11, tzinfo=UTC), datetime(2024, 9, 16, 12, tzinfo=UTC)])
def test_a_clock_shows_exactly_what_the_rules_make_public(now: datetime) -> None:
    expected = public(read(END), now)
    assert expected.height > 100
    assert read(now).equals(expected)


def test_every_series_is_inside_its_range_from_its_start() -> None:
    rows = read(END)
    for s in SERIES:
        own = rows.filter(pl.col("series_id") == s.id)
        assert own["value"].is_between(s.low, s.high).all(), s.id
        assert (own["event_date"][0] - s.start).days <= 5, s.id


def test_what_is_not_public_at_the_cut_is_garbage() -> None:
    now = datetime(2015, 6, 1, tzinfo=UTC)
    clean, poisoned = read(END), read(END, now)
    kept = public(clean, now)
    assert public(poisoned, now).equals(kept)
    same = clean["value"] == poisoned["value"]
    assert same.sum() == kept.height


def test_the_file() -> None:
    reply = get("/backend-series-temporais/rest/Public/SerieGrafico/Download/7986")
    lines = reply.body.decode("latin-1").split("\n")
    assert (lines[0], lines[1][:11], lines[-1]) == ("Data;Valor", "01/01/2004;", "")
    assert "," in lines[1]
    assert reply.headers["x-sample"] == "SAMPLE"


def test_an_unknown_id_is_a_page() -> None:
    assert get("/backend-series-temporais/rest/Public/SerieGrafico/Download/1").status == 404
