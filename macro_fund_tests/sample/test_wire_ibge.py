"""IBGE of the sample world: what the connector reads, when, and how refusals look."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, date, datetime
from typing import Any

import polars as pl
import pytest

from macro_fund.sample import wire_ibge
from macro_fund.sample.public import View, microseconds, published
from macro_fund.sample.wire import take_apart
from macro_fund.settings import Series, default_settings
from macro_fund.sources import ibge
from macro_fund.sources.http import Payload, Reply, Request
from macro_fund.time.publication import knowledge_times

SEED = 20100104
SERIES = default_settings().series_of("ibge")
ROOT = f"https://{wire_ibge.HOST}/api/v3/agregados"


def read(now: datetime | None, first: date, last: date, series: tuple[Series, ...] = SERIES) -> pl.DataFrame:
    """All rows that the connector reads; nothing may be rejected."""
    view = View(SEED, microseconds(now))
    windows = {s.id: (max(s.start, first), last) for s in series if s.start <= last}
    rows = []
    for request in ibge.plan(series, windows, default_settings().sources["ibge"]):
        reply = wire_ibge.answer(view, take_apart(request))
        fetched = now or datetime(2031, 1, 1, tzinfo=UTC)
        sha = hashlib.sha256(reply.body).hexdigest()
        parsed = ibge.parse(Payload(request, reply.status, reply.body, fetched, sha), series)
        assert parsed.rejected.is_empty()
        rows.append(parsed.rows)
    return pl.concat(rows)


def get(path: str, now: datetime | None = None) -> Reply:
    return wire_ibge.answer(View(SEED, microseconds(now)), take_apart(Request("ibge", "GET", ROOT + path, "", ())))


def document(reply: Reply) -> Any:
    return json.loads(reply.body)


@pytest.mark.parametrize("now", [datetime(2010, 1, 4, 11, tzinfo=UTC), datetime(2020, 3, 16, 12, tzinfo=UTC)])
def test_a_clock_shows_exactly_what_the_rules_make_public(now: datetime) -> None:
    window = (date(now.year - 1, 1, 1), date(now.year, 12, 31))
    everything = read(None, *window)
    parts = []
    for s in SERIES:
        own = everything.filter(pl.col("series_id") == s.id)
        parts.append(own.filter(knowledge_times(own["event_date"], s.publication, s.frequency) <= now))
    expected = pl.concat(parts).sort("series_id", "event_date")
    assert expected.height > 0
    assert read(now, *window).sort("series_id", "event_date").equals(expected)


def test_every_series_is_inside_its_range_from_its_start() -> None:
    rows = read(None, date(2004, 1, 1), date(2027, 6, 30))
    found = rows.group_by("series_id").agg(
        low=pl.col("value").min(), high=pl.col("value").max(), first=pl.col("event_date").min(), n=pl.len()
    )
    by_id = {r["series_id"]: r for r in found.to_dicts()}
    for s in SERIES:
        got = by_id[s.id]
        assert s.low <= got["low"] <= got["high"] <= s.high, s.id
        assert got["first"] == s.start, s.id
    assert by_id["br_sidra_ipca_mom_food_beverages"]["n"] == (2027 - 2012) * 12 + 6


def test_the_headline_is_the_worlds_inflation_and_the_weights_add_up() -> None:
    rows = read(None, date(2024, 1, 1), date(2024, 12, 31))
    values = {(i, d): v for i, d, v in rows.rows()}
    for ours, sgs in (("br_sidra_ipca_mom", "br_ipca_mom"), ("br_sidra_ipca_12m", "br_ipca_12m")):
        path = published(SEED, sgs)
        known = dict(zip(path.days.tolist(), path.values.tolist(), strict=True))
        assert values[ours, date(2024, 7, 1)] == pytest.approx(known[date(2024, 7, 1)] / 100, abs=1e-12)
    year = 1.0
    for month in range(1, 7):
        year *= 1 + values["br_sidra_ipca_mom", date(2024, month, 1)]
    assert values["br_sidra_ipca_ytd", date(2024, 6, 1)] == pytest.approx(year - 1, abs=6e-5)
    for digits in (1, 2, 4, 7):
        level = [s.id for s in SERIES if s.code.startswith(("7060/66", "1419|7060/66")) and _digits(s) == digits]
        assert sum(values[i, date(2024, 7, 1)] for i in level) == pytest.approx(1.0, abs=0.001)


def _digits(series: Series) -> int:
    number = series.title.split(" | ")[1].split(".")[0]
    return len(number) if number.isdigit() else 0


def test_what_another_series_has_and_this_one_not_is_not_available() -> None:
    url = "/8688/periodos/201101-201103/variaveis/11623?localidades=N1[all]&classificacao=11046[56726]|12355[107071]"
    (block,) = document(get(url))
    assert list(block["resultados"][0]["series"][0]["serie"]) == ["201102", "201103"]
    (block,) = document(get("/6320/periodos/201512/variaveis/4090?localidades=N1[all]&classificacao=11913[all]"))
    assert len(block["resultados"]) == 12
    (block,) = document(get("/6320/periodos/201511-201512/variaveis/4090?localidades=N1[all]&classificacao=11913[all]"))
    series = {k: r["series"][0]["serie"] for r in block["resultados"] for k in r["classificacoes"][0]["categoria"]}
    assert series["45934"]["201511"] == "..."
    assert series["31722"]["201511"] != "..."


def test_a_table_ends_where_the_next_begins() -> None:
    old = get("/1419/periodos/201901-202106/variaveis/63?localidades=N1[all]&classificacao=315[7170]")
    new = get("/7060/periodos/201901-202106/variaveis/63?localidades=N1[all]&classificacao=315[7170]")
    last, first = (list(document(r)[0]["resultados"][0]["series"][0]["serie"]) for r in (old, new))
    assert (last[-1], first[0]) == ("201912", "202001")


@pytest.mark.parametrize(
    ("path", "status", "words"),
    [
        ("/1737/periodos/202001/variaveis/63", 400, "localidades"),
        ("/1/periodos/202001/variaveis/63?localidades=N1[all]", 400, "inexistente"),
        ("/7060/periodos/202001/variaveis/63?localidades=N1[all]&classificacao=315[1]", 400, "inválido"),
        ("/7060/periodos/200001-209912/variaveis/63?localidades=N1[all]&classificacao=315[all]", 400, "limite: 50000"),
        ("/7060/metadados", 404, "não encontrado"),
    ],
)
def test_refusals(path: str, status: int, words: str) -> None:
    reply = get(path)
    assert (reply.status, reply.headers["x-sample"]) == (status, "SAMPLE")
    assert words in document(reply)["message"]


def test_periods_not_public_yet_are_an_empty_list() -> None:
    now = datetime(2020, 1, 5, tzinfo=UTC)
    assert document(get("/1737/periodos/202003/variaveis/63?localidades=N1[all]", now)) == []
