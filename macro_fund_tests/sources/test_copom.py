"""COPOM texts: lists in both spellings, details, refusals, and the real minutes of the replay server."""

from __future__ import annotations

import hashlib
import json
import re
from datetime import UTC, date, datetime
from typing import Any

import polars as pl
import pytest

from macro_fund.settings import default_settings
from macro_fund.sources import copom
from macro_fund.sources.http import Parsed, Payload, ReplayUrlTransport, Request, SourceError
from macro_fund.sources.text import tidy
from macro_fund.time.publication import knowledge_times
from macro_fund_tests.realworld import FOLDER, RealWorld, realworld
from macro_fund_tests.sources.reading import read_texts

__all__ = ["realworld"]

SERIES = default_settings().series_of("copom")
POLICY = default_settings().sources["copom"]
MINUTES = next(s for s in SERIES if s.id == "br_copom_minutes")
API = "https://www.bcb.gov.br/api/servico/sitebcb/copom"
HOST = "www.bcb.gov.br"
AFTER = datetime(2021, 12, 30, 12, tzinfo=UTC)
STATEMENT_LIST = {
    "conteudo": [
        {"nro_reuniao": 243, "dataReferencia": "2021-12-08", "titulo": "243\u00aa reuni\u00e3o"},
        {"nro_reuniao": 242, "dataReferencia": "2021-10-27", "titulo": "242\u00aa reuni\u00e3o"},
    ]
}
MINUTES_LIST = {
    "conteudo": [
        {
            "nroReuniao": 243,
            "dataReferencia": "2021-12-08T00:00:00",
            "dataPublicacao": "2021-12-14T00:00:00",
            "titulo": "243\u00aa Reuni\u00e3o - 7-8 dezembro, 2021",
        }
    ]
}
STATEMENT = {
    "nro_reuniao": 243,
    "dataReferencia": "2021-12-08",
    "titulo": "Copom eleva a taxa Selic para  9,25% a.a.",
    "textoComunicado": '<div class="ExternalClass1"><p>O Copom decidiu&#58; 9,25%&#160;a.a.\u200b</p><p><br></p></div>',
}
MINUTE = {
    "nroReuniao": 243,
    "dataReferencia": "2021-12-08",
    "dataPublicacao": "2021-12-14",
    "titulo": "243\u00aa Reuni\u00e3o - 7-8 dezembro, 2021",
    "urlPdfAta": "https://www.bcb.gov.br/content/copom/atascopom/Copom243-not20211208243.pdf",
    "textoAta": '<div id="ata"><h3 class="secao">A) Cen\u00e1rio</h3><p class="p">1. As <i>x</i>.</p></div>',
}


def plan() -> dict[str, Request]:
    windows = {s.id: (date(2021, 12, 1), date(2021, 12, 30)) for s in SERIES}
    return {r.items[0]: r for r in copom.plan(SERIES, windows, POLICY)}


def answer(request: Request, body: object, status: int = 200, at: datetime = AFTER) -> Payload:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Payload(request, status, data, at, hashlib.sha256(data).hexdigest())


def listed(series_id: str, body: object) -> Parsed:
    return copom.parse(answer(plan()[series_id], body), SERIES)


def details(series_id: str) -> Request:
    body = STATEMENT_LIST if series_id == "br_copom_statements" else MINUTES_LIST
    return listed(series_id, body).follow[0][2]


def read(series_id: str, row: dict[str, Any], at: datetime = AFTER) -> Parsed:
    return copom.parse(answer(details(series_id), {"conteudo": [row]}, at=at), SERIES)


def test_one_list_a_kind_with_the_headers_of_a_browser() -> None:
    asked = plan()
    assert {i: r.url for i, r in asked.items()} == {
        "br_copom_statements": f"{API}/comunicados?quantidade=1000&filtro=",
        "br_copom_minutes": f"{API}/atas?quantidade=1000&filtro=",
    }
    assert all({name for name, _ in r.headers} == {"Accept", "Referer"} for r in asked.values())
    only = copom.plan(SERIES, {"br_copom_minutes": (date(2021, 1, 1), date(2021, 2, 1))}, POLICY)
    assert [r.items for r in only] == [("br_copom_minutes",)]


def test_a_list_names_each_document_once_in_either_spelling() -> None:
    statements = listed("br_copom_statements", {"conteudo": STATEMENT_LIST["conteudo"] * 2})
    assert [(i, d, r.url, r.items) for i, d, r in statements.follow] == [
        (
            "br_copom_statements",
            date(2021, 12, 8),
            f"{API}/comunicados_detalhes?nro_reuniao=243",
            ("br_copom_statements",),
        ),
        (
            "br_copom_statements",
            date(2021, 10, 27),
            f"{API}/comunicados_detalhes?nro_reuniao=242",
            ("br_copom_statements",),
        ),
    ]
    assert statements.rows.is_empty()
    (minutes,) = listed("br_copom_minutes", MINUTES_LIST).follow
    assert (minutes[1], minutes[2].url) == (date(2021, 12, 8), f"{API}/atas_detalhes?nro_reuniao=243")


def test_an_empty_list_is_nothing_and_no_failure() -> None:
    parsed = listed("br_copom_statements", {"conteudo": []})
    assert parsed.rows.is_empty()
    assert parsed.rejected.is_empty()
    assert parsed.follow == ()


def test_an_unreadable_row_of_a_list_is_rejected_and_the_rest_is_read() -> None:
    rows = [*STATEMENT_LIST["conteudo"], {"nro_reuniao": "NaN", "dataReferencia": "2021-09-22", "titulo": "x"}]
    parsed = listed("br_copom_statements", {"conteudo": rows})
    assert len(parsed.follow) == 2
    assert parsed.rejected.select("item", "event_date").rows() == [("br_copom_statements", date(2021, 9, 22))]
    with pytest.raises(SourceError, match="keys: numero, dia"):
        listed("br_copom_statements", {"conteudo": [{"numero": 1, "dia": "2021-09-22"}]})


def test_a_statement_is_one_row_dated_by_its_rule() -> None:
    parsed = read("br_copom_statements", STATEMENT)
    row = parsed.rows.row(0, named=True)
    assert row["text"] == "O Copom decidiu: 9,25% a.a."
    assert row["title"] == "Copom eleva a taxa Selic para 9,25% a.a."
    assert (row["event_date"], row["document"], row["language"]) == (date(2021, 12, 8), "243", "pt")
    assert row["text_sha256"] == hashlib.sha256(row["text"].encode()).hexdigest()
    assert (row["stated_time"], row["stated_basis"]) == (None, None)
    assert row["url"].endswith("comunicados_detalhes?nro_reuniao=243")


def test_minutes_are_known_at_their_release() -> None:
    row = read("br_copom_minutes", MINUTE).rows.row(0, named=True)
    assert row["text"] == "A) Cen\u00e1rio\n1. As x."
    assert row["event_date"] == date(2021, 12, 8)
    assert (row["stated_time"], row["stated_basis"]) == (datetime(2021, 12, 14, 11, tzinfo=UTC), "calendar")


def test_minutes_without_text_are_rejected_with_the_pdf() -> None:
    parsed = read("br_copom_minutes", {**MINUTE, "textoAta": None})
    assert parsed.rows.is_empty()
    ((item, day, raw, reason),) = parsed.rejected.rows()
    assert (item, day, raw) == ("br_copom_minutes 243", date(2021, 12, 8), f"PDF: {MINUTE['urlPdfAta']}")
    assert "no text in textoAta" in reason


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({**MINUTE, "nroReuniao": 242}, "meeting 242 of 2021-12-08 where meeting 243 of 2021-12-08 was asked"),
        ({**MINUTE, "dataReferencia": "2021-10-27"}, "meeting 243 of 2021-10-27 where"),
        ({k: v for k, v in MINUTE.items() if k != "textoAta"}, "no textoAta in the answer; keys: nroReuniao"),
        ({**MINUTE, "dataPublicacao": "NaN"}, "release day 'NaN' of a meeting of 2021-12-08"),
        ({**MINUTE, "dataPublicacao": "2021-12-01"}, "release day '2021-12-01'"),
    ],
)
def test_another_document_than_asked_is_refused(row: dict[str, Any], message: str) -> None:
    with pytest.raises(SourceError, match=message) as caught:
        read("br_copom_minutes", row)
    assert not caught.value.transient


@pytest.mark.parametrize(("status", "body"), [(200, {"conteudo": []}), (404, b"<html>404</html>")])
def test_a_text_that_is_not_there_is_a_failure_only_when_due(status: int, body: object) -> None:
    early = datetime(2021, 12, 14, 10, tzinfo=UTC)
    parsed = copom.parse(answer(details("br_copom_minutes"), body, status, early), SERIES)
    assert parsed.rows.is_empty()
    assert parsed.rejected.is_empty()
    with pytest.raises(SourceError, match="no text of meeting 243 of 2021-12-08, though it is due"):
        copom.parse(answer(details("br_copom_minutes"), body, status), SERIES)


@pytest.mark.parametrize("kind", ["list", "details"])
@pytest.mark.parametrize(
    ("body", "status", "message", "transient"),
    [
        (b"<!DOCTYPE html><html><body>Requisicao invalida</body></html>", 200, "a web page instead of data", True),
        (b"", 200, "empty answer", True),
        (b'{"conteudo":[{"nro_reun', 200, "not complete JSON", True),
        ({"dados": []}, 200, "no list under 'conteudo'", False),
        ([1, 2], 200, "no list under 'conteudo'", False),
        ({"message": "Servico indisponivel"}, 200, "the provider says: Servico indisponivel", False),
        (b"<html>bloqueado</html>", 400, "refused by the provider .status 400", False),
    ],
)
def test_what_is_not_data_is_refused(kind: str, body: object, status: int, message: str, transient: bool) -> None:
    request = plan()["br_copom_minutes"] if kind == "list" else details("br_copom_minutes")
    with pytest.raises(SourceError, match=message) as caught:
        copom.parse(answer(request, body, status), SERIES)
    assert caught.value.transient is transient
    assert str(caught.value).startswith("copom: COPOM ")


@pytest.fixture(scope="module")
def stored() -> pl.DataFrame:
    path = FOLDER / "data" / "br_copom.parquet"
    if not path.is_file():
        pytest.skip(f"no stored minutes at {path}")
    return pl.read_parquet(path).filter(pl.col("end") >= MINUTES.start).sort("end")


def test_the_rule_is_never_earlier_than_a_release(stored: pl.DataFrame) -> None:
    rule = knowledge_times(stored["end"], MINUTES.publication, MINUTES.frequency)
    real = stored.select(pl.from_epoch("pub").dt.replace_time_zone("UTC")).to_series()
    assert stored.height > 130
    assert (rule >= real).all()


@pytest.mark.parametrize("now", ["2015-09-10T11:55", "2018-05-21T11:55", "2021-12-30T11:55"])
def test_every_real_minute_arrives_whole_and_not_before_its_release(
    realworld: RealWorld, stored: pl.DataFrame, now: str
) -> None:
    moment = datetime.fromisoformat(now).replace(tzinfo=UTC)
    realworld.set_now(moment)
    transport = ReplayUrlTransport(realworld.url)
    try:
        library = read_texts(copom, transport, moment)
    finally:
        transport.close()
    got = library.documents(SERIES)
    wanted = stored.filter(pl.col("pub") <= int(moment.timestamp()))
    assert library.failed == []
    assert library.refused == []
    assert got["event_date"].to_list() == wanted["end"].to_list()
    assert got["document"].to_list() == [str(n) for n in wanted["nro"]]
    assert [int(t.timestamp()) for t in got["known"]] == wanted["pub"].to_list()
    assert set(got["stated_basis"]) == {"calendar"}
    one_space = [re.sub(r"\s+", " ", t) for t in got["text"]]
    assert one_space == [re.sub(r"\s+", " ", tidy(t)) for t in wanted["texto"]]


def test_minutes_of_the_morning_are_not_known_the_evening_before(realworld: RealWorld) -> None:
    transport = ReplayUrlTransport(realworld.url)
    try:
        for moment, last in (("2018-05-22T10:59", date(2018, 3, 21)), ("2018-05-22T11:00", date(2018, 5, 16))):
            now = datetime.fromisoformat(moment).replace(tzinfo=UTC)
            realworld.set_now(now)
            got = read_texts(copom, transport, now, date(2018, 1, 1)).documents(SERIES)
            assert got["event_date"].max() == last
    finally:
        transport.close()


FAULTS = {
    "html200": "a web page instead of data",
    "truncated": "not complete JSON",
    "empty": "empty answer",
    "http500": "the provider failed .status 500",
    "http429": "asks to slow down",
}


@pytest.mark.parametrize("kind", FAULTS)
def test_a_provider_that_fails_is_told_and_one_that_recovers_is_not(realworld: RealWorld, kind: str) -> None:
    now = datetime(2018, 5, 23, 12, tzinfo=UTC)
    realworld.set_now(now)
    transport = ReplayUrlTransport(realworld.url)
    try:
        realworld.fault(HOST, kind, 100)
        failed = read_texts(copom, transport, now, date(2018, 3, 1))
        assert failed.documents(SERIES).is_empty()
        assert [bool(re.search(FAULTS[kind], m)) for m in failed.failed] == [True, True]
        realworld.reset()
        realworld.set_now(now)
        realworld.fault(HOST, kind, 2)
        assert read_texts(copom, transport, now, date(2018, 3, 1), attempts=4).failed == []
    finally:
        transport.close()
