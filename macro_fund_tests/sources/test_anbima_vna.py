"""ANBIMA's VNA form: questions, its text, every refusal, and the real data of the replay server."""

from __future__ import annotations

import hashlib
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

from macro_fund.settings import default_settings
from macro_fund.sources import anbima_vna as vna
from macro_fund.sources.http import Http, Parsed, Payload, ReplayUrlTransport, Request, SourceError
from macro_fund_tests.realworld import FOLDER, RealWorld

SERIES = default_settings().series_of("anbima_vna")
POLICY = default_settings().sources["anbima_vna"]
IDS = tuple(s.id for s in SERIES)
DAY = date(2025, 12, 26)
HOST = "www.anbima.com.br"
HEAD = (
    "ANBIMA - Associação Brasileira das Entidades dos Mercados Financeiro e de Capitais\r\n\r\n"
    "Valor Nominal Atualizado\r\n\r\nData de Referência: 26/12/2025\r\n\r\n\r\n"
    "Titulo;Código Selic;VNA;Índice;Ref;Válido a partir de\r\n"
)
NTNB = "NTN-B;760199;4.578,950958;0,34;P;24/12/2025"
NTNC = "NTN-C;770100;6.250,123456;0,05;P;24/12/2025"
LFT = "LFT;210100;18.100,000001;;;"
NO_DATA = "Não há dados disponíveis para 26/12/2025\r\n".encode("latin-1")


def body(*rows: str, head: str = HEAD) -> bytes:
    return (head + "".join(f"{r}\r\n" for r in rows)).encode("latin-1")


def answer(data: bytes, status: int = 200, day: date = DAY) -> Payload:
    form = vna.BODY.format(day=day).encode()
    request = Request("anbima_vna", "POST", vna.URL, f"ANBIMA VNA of {day}", IDS, body=form)
    return Payload(request, status, data, datetime(2025, 12, 29, tzinfo=UTC), hashlib.sha256(data).hexdigest())


def windows(start: date, end: date) -> dict[str, tuple[date, date]]:
    return dict.fromkeys(IDS, (start, end))


def test_one_form_a_bank_day_serves_both_titles() -> None:
    requests = vna.plan(SERIES, windows(date(2025, 12, 24), date(2025, 12, 29)), POLICY)
    assert [r.body for r in requests] == [
        f"Data={d}&escolha=2&Idioma=PT&saida=txt".encode() for d in ("24122025", "26122025", "29122025")
    ]
    (one, *_) = requests
    assert (one.method, one.url) == ("POST", "https://www.anbima.com.br/informacoes/vna/vna-down.asp")
    assert one.headers == (("Content-Type", "application/x-www-form-urlencoded"),)
    assert one.items == ("br_vna_ntnb", "br_vna_ntnc")
    assert vna.plan(SERIES, {}, POLICY) == []


def test_windows_of_different_length_are_asked_once() -> None:
    both = {IDS[0]: (date(2025, 12, 29), date(2025, 12, 30)), IDS[1]: (date(2025, 12, 26), date(2025, 12, 29))}
    assert [r.label[-10:] for r in vna.plan(SERIES, both, POLICY)] == ["2025-12-26", "2025-12-29", "2025-12-30"]


def test_values_in_reais() -> None:
    parsed = vna.parse(answer(body(NTNB, NTNC, LFT)), SERIES)
    assert parsed.rows.rows() == [("br_vna_ntnb", DAY, 4578.950958), ("br_vna_ntnc", DAY, 6250.123456)]
    assert parsed.rejected.is_empty()


def test_unreadable_values_and_unknown_titles_are_rejected() -> None:
    nan, new = NTNB.replace("4.578,950958", "NaN"), NTNC.replace("NTN-C", "NTN-X")
    parsed = vna.parse(answer(body(nan, new, LFT)), SERIES)
    assert parsed.rows.is_empty()
    assert parsed.rejected["item"].to_list() == ["br_vna_ntnb", "title NTN-X"]
    assert parsed.rejected["raw"].to_list() == [nan, new]
    assert parsed.rejected["reason"][0] == "not a number with a decimal comma: 'NaN'"
    assert "unknown title" in parsed.rejected["reason"][1]


def test_dashes_are_no_value_and_repetitions_are_left_to_the_ingestion() -> None:
    parsed = vna.parse(answer(body(NTNB, NTNB, NTNC.replace("6.250,123456", "--"))), SERIES)
    assert parsed.rows["series_id"].to_list() == ["br_vna_ntnb"] * 2
    assert parsed.rejected.is_empty()


def test_a_decimal_point_is_not_guessed_at() -> None:
    parsed = vna.parse(answer(body(NTNB.replace("4.578,950958", "4578.950958"))), SERIES)
    assert parsed.rejected["reason"].to_list() == ["not a number with a decimal comma: '4578.950958'"]


@pytest.mark.parametrize(
    ("data", "status", "message", "transient"),
    [
        (b"<html>error</html>", 200, "a web page instead of data", True),
        (b"", 200, "empty answer", True),
        (b"Forbidden", 403, "refused by the provider", False),
        (NO_DATA, 200, "no VNA yet for 2025-12-26", False),
        (body(NTNB)[:-1], 200, "cut answer: its last line", True),
        (body(NTNB, "NTN-C;770100;6.2"), 200, "cut answer: a row of the table", True),
        (body(), 200, "cut answer: a row of the table", True),
        (b"something else\r\n", 200, "no table of titulo", False),
        (body(NTNB, head=HEAD.replace(";VNA;", ";Valor;")), 200, "columns titulo, codigo selic, valor", False),
        (body(NTNB, head=HEAD.replace("26/12", "24/12")), 200, "of 2025-12-24 where 2025-12-26 was asked", False),
        (body(NTNB, head=HEAD.replace("26/12/2025", "")), 200, "of no day where 2025-12-26 was asked", False),
    ],
)
def test_an_answer_that_is_not_the_table_is_refused(data: bytes, status: int, message: str, transient: bool) -> None:
    with pytest.raises(SourceError, match="anbima_vna: ANBIMA VNA of 2025-12-26") as error:
        vna.parse(answer(data, status), SERIES)
    assert message in str(error.value)
    assert error.value.transient is transient


def test_a_bank_day_without_exchange_has_no_vna() -> None:
    parsed = vna.parse(answer(NO_DATA, day=date(2025, 12, 24)), SERIES)
    assert parsed.rows.is_empty()
    assert parsed.rejected.is_empty()


def test_another_unit_is_out_of_range() -> None:
    parsed = vna.parse(answer(body(NTNB.replace("4.578,950958", "457.895,0958"))), SERIES)
    assert parsed.rows["value"].item() > SERIES[0].high


# ---------------------------------------------------------------- real data


def ask(world: RealWorld, start: date, end: date, now: datetime, timeout_s: float = 30.0) -> Parsed:
    world.set_now(now)
    policy = POLICY.model_copy(update={"attempts": 1, "timeout_s": timeout_s})
    http = Http(ReplayUrlTransport(world.url), {"anbima_vna": policy}, None, lambda: now)
    parts = [vna.parse(http.fetch(r), SERIES) for r in vna.plan(SERIES, windows(start, end), POLICY)]
    return Parsed(pl.concat([p.rows for p in parts]), pl.concat([p.rejected for p in parts]))


END = datetime(2022, 1, 1, tzinfo=UTC)


@pytest.mark.realworld
@pytest.mark.parametrize("year", [2005, 2012, 2021])
def test_real_values_value_for_value(realworld: RealWorld, year: int) -> None:
    parsed = ask(realworld, date(year, 1, 1), date(year, 12, 31), END)
    truth = pl.read_parquet(Path(FOLDER) / "data" / "br_vna.parquet").filter(pl.col("date").dt.year() == year)
    assert parsed.rows["event_date"].to_list() == truth["date"].to_list()
    assert parsed.rows["value"].to_list() == truth["vna"].to_list()
    assert set(parsed.rows["series_id"]) == {"br_vna_ntnb"}
    assert parsed.rejected.is_empty()
    (one,) = [s for s in SERIES if s.id == "br_vna_ntnb"]
    assert truth["vna"].is_between(one.low, one.high).all()
    assert not (truth["vna"] / 100).is_between(one.low, one.high).any()


@pytest.mark.realworld
def test_a_value_is_there_from_eight_in_the_evening(realworld: RealWorld) -> None:
    day = date(2021, 6, 7)
    evening = datetime(2021, 6, 7, 23, tzinfo=UTC)
    with pytest.raises(SourceError, match="no VNA yet for 2021-06-07"):
        ask(realworld, day, day, evening - timedelta(minutes=1))
    assert ask(realworld, day, day, evening).rows["event_date"].to_list() == [day]


@pytest.mark.realworld
@pytest.mark.parametrize(
    ("kind", "message"),
    [
        ("timeout", "no answer within 0.3 s"),
        ("http429", "the provider asks to slow down"),
        ("http500", "the provider failed"),
        ("http406", "refused by the provider"),
        ("html200", "a web page instead of data"),
        ("truncated", "cut answer"),
        ("empty", "empty answer"),
        ("stale", "cut answer"),
    ],
)
def test_a_fault_that_leaves_no_data_is_told(realworld: RealWorld, kind: str, message: str) -> None:
    realworld.fault(HOST, kind, hold=0.6 if kind == "timeout" else None)
    with pytest.raises(SourceError, match="anbima_vna: ANBIMA VNA of 2021-06-07") as error:
        ask(realworld, date(2021, 6, 7), date(2021, 6, 7), END, 0.3 if kind == "timeout" else 30.0)
    assert message in str(error.value)
