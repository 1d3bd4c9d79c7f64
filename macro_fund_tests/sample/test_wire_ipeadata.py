"""Ipeadata of the sample world: what the connector reads and when."""

from __future__ import annotations

import hashlib
from datetime import UTC, date, datetime

import polars as pl
import pytest

from macro_fund.sample import wire_ipeadata
from macro_fund.sample.public import View, microseconds
from macro_fund.sample.wire import take_apart
from macro_fund.settings import default_settings
from macro_fund.sources import ipeadata
from macro_fund.sources.http import Payload, Reply, Request
from macro_fund.time.publication import knowledge_times

SEED = 20100104
SERIES = default_settings().series_of("ipeadata")
POLICY = default_settings().sources["ipeadata"]
END = datetime(2030, 12, 31, tzinfo=UTC)


def read(now: datetime, poison: datetime | None = None) -> pl.DataFrame:
    """All rows that the connector reads at a moment; nothing may be rejected."""
    rows = []
    view = View(SEED, microseconds(now), microseconds(poison))
    for request in ipeadata.plan(SERIES, {s.id: (s.start, date(2030, 12, 31)) for s in SERIES}, POLICY):
        reply = wire_ipeadata.answer(view, take_apart(request))
        sha = hashlib.sha256(reply.body).hexdigest()
        parsed = ipeadata.parse(Payload(request, reply.status, reply.body, now, sha), SERIES)
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
    request = Request("ipeadata", "GET", f"https://{wire_ipeadata.HOST}{path}", "", ())
    return wire_ipeadata.answer(View(SEED), take_apart(request))


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


def test_dates_carry_the_offset_of_their_season() -> None:
    body = get("/api/odata4/ValoresSerie(SERCODIGO='FUNCEX12_TTR12')").body.decode()
    assert '"VALDATA":"2010-01-01T00:00:00-02:00"' in body
    assert '"VALDATA":"2024-01-01T00:00:00-03:00"' in body


def test_a_discontinued_series_ends() -> None:
    embi = read(END).filter(pl.col("series_id") == "br_embi_brazil")["event_date"]
    assert embi.max() == date(2024, 7, 30)


def test_an_unknown_code_is_an_empty_list_and_another_path_a_page() -> None:
    assert get("/api/odata4/ValoresSerie(SERCODIGO='X')").body.endswith(b'"value":[]}')
    assert get("/api/odata4/Metadados('X')").status == 404
