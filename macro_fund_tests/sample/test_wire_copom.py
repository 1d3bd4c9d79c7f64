"""Simulated COPOM texts: the provider's shapes, release times, the planted signal, nothing that is not public."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import numpy as np
import polars as pl
import pytest

from macro_fund.sample import texts, wire_copom
from macro_fund.settings import default_settings
from macro_fund.sources import copom
from macro_fund.sources.http import Request
from macro_fund.time.calendars import load_calendar
from macro_fund_tests.sample.libraries import SEED, Shelf, correlation_out_of_sample, library, sentences
from macro_fund_tests.sources.reading import read_texts

SERIES = default_settings().series_of("copom")
HOSTS = {wire_copom.HOST: wire_copom.answer}
API = "https://www.bcb.gov.br/api/servico/sitebcb/copom"
NOW = datetime(2022, 12, 20, 12, tzinfo=UTC)
SAO_PAULO = ZoneInfo("America/Sao_Paulo")


@pytest.fixture(scope="module")
def rows() -> pl.DataFrame:
    return library(copom, wire_copom, NOW).documents(SERIES)


def body(path: str, now: datetime | None = NOW) -> object:
    request = Request("copom", "GET", f"{API}/{path}", "x", ())
    return json.loads(Shelf(HOSTS, now).send(request, 1.0).body)


def test_a_whole_history_is_read_without_a_complaint() -> None:
    got = library(copom, wire_copom, NOW)
    assert got.failed == []
    assert got.refused == []
    counts = got.documents(SERIES).group_by("series_id").len().rows()
    assert dict(counts) == {"br_copom_statements": 144, "br_copom_minutes": 144}


def test_lists_have_the_two_spellings_and_their_limits() -> None:
    statements = body("comunicados?quantidade=2&filtro=")
    assert isinstance(statements, dict)
    assert [list(r) for r in statements["conteudo"]] == [["nro_reuniao", "dataReferencia", "titulo"]] * 2
    minutes = body("atas?quantidade=1")
    assert isinstance(minutes, dict)
    assert list(minutes["conteudo"][0]) == ["nroReuniao", "dataReferencia", "dataPublicacao", "titulo"]
    assert len(body("atas?quantidade=1000&filtro=janeiro,%202015")["conteudo"]) == 1  # type: ignore[index]
    assert body("atas_detalhes?nro_reuniao=9999") == {"conteudo": []}
    assert Shelf(HOSTS, NOW).send(Request("copom", "GET", f"{API}/rpm", "x", ()), 1.0).status == 404


def test_texts_carry_the_mark_and_have_enough_to_read(rows: pl.DataFrame) -> None:
    assert rows["title"].str.contains("SAMPLE").all()
    for name, least in (("br_copom_statements", 9), ("br_copom_minutes", 18)):
        own = rows.filter(pl.col("series_id") == name)
        assert min(sentences(own)) >= least
        assert own["text"].n_unique() == own.height
    assert not rows["text"].str.contains(r"\{|\u00a0|\u200b|<|  ").any()


def test_release_times(rows: pl.DataFrame) -> None:
    calendar = load_calendar("anbima")
    for name, day, known in rows.select("series_id", "event_date", "known").rows():
        local = known.astimezone(SAO_PAULO)
        gap = (local.date() - day).days
        if name == "br_copom_statements":
            assert (gap, local.hour, local.minute) == (0, 18, 30)
        else:
            assert 6 <= gap <= 9
            assert (local.hour, local.minute) == (8, 0)
            assert calendar.is_business_day(local.date())


@pytest.mark.parametrize("text", ["2010-01-04T11:55", "2018-05-22T10:59", "2018-05-22T11:01"])
def test_nothing_later_is_served(rows: pl.DataFrame, text: str) -> None:
    now = datetime.fromisoformat(text).replace(tzinfo=UTC)
    early = library(copom, wire_copom, now).documents(SERIES)
    assert early.equals(rows.filter(pl.col("known") <= now))
    assert early.height > 0


def test_what_nobody_may_read_yet_is_poisoned(rows: pl.DataFrame) -> None:
    cut = datetime(2018, 5, 21, 12, tzinfo=UTC)
    ahead = read_texts(copom, Shelf(HOSTS, None, cut), NOW, date(2018, 1, 1)).documents(SERIES)
    poisoned = ahead["text"].str.contains("POISON")
    assert poisoned.to_list() == (ahead["known"] > cut).to_list()
    assert 0 < poisoned.sum() < ahead.height
    clean = rows.join(ahead.filter(~poisoned), on=["series_id", "document"], how="semi")
    assert clean["text_sha256"].to_list() == ahead.filter(~poisoned)["text_sha256"].to_list()


def test_the_text_says_what_was_decided(rows: pl.DataFrame) -> None:
    held = texts.meetings(SEED, "copom")
    by_day = dict(zip(held.days.astype(date), range(held.days.size), strict=True))
    verbs = set()
    for text, title, day in (
        rows.filter(pl.col("series_id") == "br_copom_statements").select("text", "title", "event_date").rows()
    ):
        k = by_day[day]
        rate = f"{held.rate[k]:.2f}".replace(".", ",")
        verb = ("reduzir", "manter", "elevar")[int(np.sign(held.move[k])) + 1]
        assert f"{rate}% a.a." in title
        assert f"{verb} a taxa Selic" in text
        assert f"{rate}% a.a." in text
        verbs.add(verb)
    assert verbs == {"reduzir", "manter", "elevar"}


@pytest.mark.parametrize("name", ["br_copom_statements", "br_copom_minutes"])
def test_words_forecast_the_next_decision_but_not_perfectly(name: str) -> None:
    held = texts.meetings(SEED, "copom")
    everything = library(copom, wire_copom, datetime(2030, 12, 31, tzinfo=UTC)).documents(SERIES)
    own = everything.filter(pl.col("series_id") == name)
    at = np.searchsorted(held.days, own["event_date"].to_numpy())
    coming = np.append(held.move, 0.0)[at + 1]
    assert 0.3 < correlation_out_of_sample(own["text"].to_list(), coming.tolist()) < 0.95


def test_the_same_seed_says_the_same_and_another_does_not(rows: pl.DataFrame) -> None:
    texts.compose.cache_clear()
    again = library(copom, wire_copom, NOW).documents(SERIES)
    assert again.equals(rows)
    other = library(copom, wire_copom, NOW, seed=7).documents(SERIES)
    assert other.join(rows, on="text_sha256", how="semi").is_empty()
