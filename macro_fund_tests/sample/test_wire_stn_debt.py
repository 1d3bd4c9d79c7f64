"""The debt report of the sample world: what the connector reads and when, sums, and the same bytes each time."""

from __future__ import annotations

import hashlib
import time
from datetime import UTC, date, datetime

import numpy as np
import polars as pl
import pytest

from macro_fund.sample import wire_stn_debt
from macro_fund.sample.catalogue import PARTS, PARTS_DECIMALS
from macro_fund.sample.public import published
from macro_fund.sample.transport import SampleTransport
from macro_fund.settings import default_settings
from macro_fund.sources import stn_debt
from macro_fund.sources.http import Payload, Reply, Request
from macro_fund.time.publication import knowledge_times

SEED = 20100104
SERIES = default_settings().series_of("stn_debt")
POLICY = default_settings().sources["stn_debt"]
END = datetime(2030, 12, 31, tzinfo=UTC)


def get(url: str, now: datetime | None = END, poison: datetime | None = None) -> Reply:
    return SampleTransport(SEED, now, poison).send(Request("stn_debt", "GET", url, "", ()), 1)


def annex(now: datetime, poison: datetime | None = None) -> Payload:
    """The answer to the question that the page leads to."""
    (request,) = stn_debt.plan(SERIES, {s.id: (s.start, date(2030, 12, 31)) for s in SERIES}, POLICY)
    page = get(request.url, now, poison)
    ((_, _, following),) = stn_debt.parse(Payload(request, page.status, page.body, now, ""), SERIES).follow
    reply = get(following.url, now, poison)
    return Payload(following, reply.status, reply.body, now, hashlib.sha256(reply.body).hexdigest())


def read(now: datetime, poison: datetime | None = None) -> pl.DataFrame:
    """All rows that the connector reads at a moment. What is rejected is a series that has not begun."""
    parsed = stn_debt.parse(annex(now, poison), SERIES)
    young = {s.id for s in SERIES if s.start > now.date()}
    assert set(parsed.rejected["item"]) == young
    return parsed.rows.sort("series_id", "event_date")


def expected(now: datetime) -> pl.DataFrame:
    """The series of the catalogue as far as their rules make them public."""
    parts = []
    for s in SERIES:
        item = published(SEED, s.id)
        own = pl.DataFrame({"series_id": s.id, "event_date": item.days, "value": item.values})
        parts.append(own.filter(knowledge_times(own["event_date"], s.publication, s.frequency) <= now))
    return pl.concat(parts).sort("series_id", "event_date")


@pytest.mark.parametrize("now", [datetime(2010, 1, 4, 11, tzinfo=UTC), datetime(2024, 9, 16, 12, tzinfo=UTC)])
def test_a_clock_shows_exactly_what_the_rules_make_public(now: datetime) -> None:
    rows = read(now)
    assert rows.height > 1000 or now.year == 2010
    assert rows.equals(expected(now))


def test_every_series_is_inside_its_range_from_its_start() -> None:
    rows = read(END)
    for s in SERIES:
        own = rows.filter(pl.col("series_id") == s.id)
        assert own["value"].is_between(s.low, s.high).all(), s.id
        assert own["event_date"][0] == s.start, s.id


def test_totals_add_up() -> None:
    wide = read(END).pivot("series_id", index="event_date", values="value").fill_null(0.0)
    for total, parts in PARTS.items():
        error = (wide[total] - wide.select(pl.sum_horizontal(parts)).to_series()).abs().max()
        assert error < 10.0**-PARTS_DECIMALS, total


def test_what_is_not_public_at_the_cut_is_garbage() -> None:
    now = datetime(2015, 6, 1, tzinfo=UTC)
    clean, poisoned = read(END), read(END, now)
    same = clean["value"] == poisoned["value"]
    assert clean.filter(same).equals(expected(now))


def test_the_same_world_gives_the_same_bytes_at_another_time() -> None:
    now = datetime(2012, 6, 1, tzinfo=UTC)
    first = annex(now)
    wire_stn_debt._annex.cache_clear()
    time.sleep(2.1)  # a zip counts every second second
    assert annex(now).sha256 == first.sha256


@pytest.mark.parametrize("number", ["1", "16771", "16772", "99999990", "x"])
def test_an_annex_that_is_not_public_is_a_page(number: str) -> None:
    url = f"https://{wire_stn_debt.HOST}/publicacao-anexo/{number}"
    assert get(url, datetime(2026, 9, 1, tzinfo=UTC)).status == 404


def test_an_older_annex_ends_with_its_month() -> None:
    now = datetime(2026, 9, 1, tzinfo=UTC)
    number = 10_000 + 10 * int(np.datetime64("2010-05", "M").astype(int))
    request = Request("stn_debt", "GET", stn_debt.ANNEX.format(number=number), "", tuple(s.id for s in SERIES))
    reply = get(request.url, now)
    rows = stn_debt.parse(Payload(request, reply.status, reply.body, now, ""), SERIES).rows
    assert rows["event_date"].max() == date(2010, 5, 1)


def test_before_the_first_report_there_is_no_page() -> None:
    assert get(stn_debt.PAGE, datetime(2006, 11, 15, tzinfo=UTC)).status == 404
