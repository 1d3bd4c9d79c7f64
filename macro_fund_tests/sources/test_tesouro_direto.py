"""Tesouro Direto: one file of everything, read at once; every refusal; the real history of the replay server."""

from __future__ import annotations

import hashlib
from datetime import UTC, date, datetime
from pathlib import Path

import polars as pl
import pytest

from macro_fund.settings import default_settings
from macro_fund.sources import tesouro_direto as td
from macro_fund.sources.http import Http, Parsed, Payload, ReplayUrlTransport, Request, SourceError
from macro_fund.sources.reconcile import facts
from macro_fund.store.tables import TABLES
from macro_fund_tests.realworld import FOLDER, RealWorld

SERIES = default_settings().series_of("tesouro_direto")
POLICY = default_settings().sources["tesouro_direto"]
IDS = tuple(s.id for s in SERIES)
HOST = "www.tesourotransparente.gov.br"
HEAD = (
    "Tipo Titulo;Data Vencimento;Data Base;Taxa Compra Manha;Taxa Venda Manha;PU Compra Manha;PU Venda Manha;"
    "PU Base Manha\n"
)
IPCA = "Tesouro IPCA+;15/05/2035;05/07/2019;3,60;3,72;1.850,10;1811,95;1811,95"
SELIC = "Tesouro Selic;01/03/2025;08/07/2021;-0,01;0,02;10800,00;10790,00;"


def body(*rows: str, head: str = HEAD) -> bytes:
    return (head + "".join(f"{r}\n" for r in rows)).encode("latin-1")


def answer(data: bytes, status: int = 200) -> Payload:
    request = Request("tesouro_direto", "GET", td.URL, "Tesouro Direto prices and rates", IDS)
    return Payload(request, status, data, datetime(2022, 1, 3, tzinfo=UTC), hashlib.sha256(data).hexdigest())


def read(*rows: str) -> Parsed:
    return td.parse(answer(body(*rows)), SERIES)


def test_one_request_for_everything() -> None:
    windows = {i: (date(2021, 1, 4), date(2021, 1, 8)) for i in IDS[:2]}
    (request,) = td.plan(SERIES, windows, POLICY)
    assert request.url == (
        "https://www.tesourotransparente.gov.br/ckan/dataset/df56aa42-484a-4a59-8184-7676580c81e3/resource/"
        "796d2059-14e9-44e3-80c9-2d9e30b405c1/download/precotaxatesourodireto.csv"
    )
    assert request.items == IDS[:2]
    assert td.plan(SERIES, {}, POLICY) == []


def test_every_title_of_the_file_is_a_series() -> None:
    assert {s.code for s in SERIES} == td.TITLES


def test_rates_become_decimals_and_an_empty_cell_is_no_value() -> None:
    parsed = read(IPCA, SELIC)
    table = TABLES["bronze/tesouro_direto"]
    assert parsed.rows.columns == facts(table)
    assert parsed.rows.schema == {c: table.schema[c] for c in parsed.rows.columns}
    ipca, selic = parsed.rows.rows()
    assert ipca[:4] == ("br_td_ipca", date(2019, 7, 5), "Tesouro IPCA+ 2035-05-15", date(2035, 5, 15))
    assert ipca[4:6] == pytest.approx((0.036, 0.0372), abs=1e-15)
    assert ipca[6:] == (1850.1, 1811.95, 1811.95)
    assert selic[4:6] == pytest.approx((-0.0001, 0.0002), abs=1e-15)
    assert selic[6:] == (10800.0, 10790.0, None)
    assert parsed.rejected.is_empty()


def test_order_and_line_ends_do_not_matter_and_repetitions_are_left_to_the_ingestion() -> None:
    data = body(SELIC, IPCA, SELIC).replace(b"\n", b"\r\n")
    parsed = td.parse(answer(data), SERIES)
    assert parsed.rows["series_id"].to_list() == ["br_td_selic", "br_td_ipca", "br_td_selic"]
    assert parsed.rows.unique().height == 2


def test_a_row_without_any_value_is_no_row() -> None:
    parsed = read("Tesouro Selic;01/03/2025;08/07/2021;;;;;", IPCA)
    assert parsed.rows.height == 1
    assert parsed.rejected.is_empty()


@pytest.mark.parametrize(
    ("cell", "text", "reason"),
    [
        (1, "2035-05-15", "Data Vencimento not readable: '2035-05-15'"),
        (2, "31/02/2019", "Data Base not readable: '31/02/2019'"),
        (3, "NaN", "Taxa Compra Manha: not a number with a decimal comma: 'NaN'"),
        (4, "3.72", "Taxa Venda Manha: not a number with a decimal comma: '3.72'"),
        (5, "1.850", "PU Compra Manha: not a number with a decimal comma: '1.850'"),
        (6, "1,811,95", "PU Venda Manha: not a number with a decimal comma: '1,811,95'"),
        (7, "--", "PU Base Manha: not a number with a decimal comma: '--'"),
    ],
)
def test_an_unreadable_cell_rejects_its_row_only(cell: int, text: str, reason: str) -> None:
    cells = IPCA.split(";")
    cells[cell] = text
    parsed = read(";".join(cells), SELIC)
    assert parsed.rows["series_id"].to_list() == ["br_td_selic"]
    bond = "Tesouro IPCA+" if cell == 1 else "Tesouro IPCA+ 2035-05-15"
    day = None if cell == 2 else date(2019, 7, 5)
    assert parsed.rejected.rows() == [(f"br_td_ipca {bond}", day, ";".join(cells), reason)]


def test_an_unknown_title_is_told_once() -> None:
    new = IPCA.replace("Tesouro IPCA+", "Tesouro Reserva")
    parsed = read(new, new, SELIC)
    assert parsed.rows["series_id"].to_list() == ["br_td_selic"]
    ((item, day, raw, reason),) = parsed.rejected.rows()
    assert (item, day, raw) == ("title Tesouro Reserva", None, new)
    assert "unknown title" in reason


def test_a_series_that_was_not_asked_is_left_out_without_a_word() -> None:
    only = [s for s in SERIES if s.id == "br_td_selic"]
    parsed = td.parse(answer(body(IPCA, SELIC)), only)
    assert parsed.rows["series_id"].to_list() == ["br_td_selic"]
    assert parsed.rejected.is_empty()


@pytest.mark.parametrize(
    ("data", "status", "message", "transient"),
    [
        (b"<html>error</html>", 200, "a web page instead of data", True),
        (b"", 200, "empty answer", True),
        (b"gone", 404, "refused by the provider", False),
        (body(IPCA, SELIC)[:-4], 200, "cut file: its last line is not complete", True),
        (body(IPCA, SELIC[:40]), 200, "does not have 8 cells", True),
        (body(IPCA + ";1"), 200, "does not have 8 cells", True),
        (body(), 200, "does not have 8 cells", True),
        (body(IPCA, head=HEAD.replace("PU Base", "PU Fim")), 200, "new: PU Fim Manha; missing: PU Base Manha", False),
        (body(IPCA, head=HEAD.replace(";PU Base Manha", "")), 200, "missing: PU Base Manha", False),
    ],
)
def test_an_answer_that_is_not_the_file_is_refused(data: bytes, status: int, message: str, transient: bool) -> None:
    with pytest.raises(SourceError, match="tesouro_direto: Tesouro Direto prices and rates") as error:
        td.parse(answer(data, status), SERIES)
    assert message in str(error.value)
    assert error.value.transient is transient


# ---------------------------------------------------------------- real data


def ask(world: RealWorld, now: datetime, timeout_s: float = 60.0) -> Parsed:
    world.set_now(now)
    policy = POLICY.model_copy(update={"attempts": 1, "timeout_s": timeout_s})
    http = Http(ReplayUrlTransport(world.url), {"tesouro_direto": policy}, None, lambda: now)
    (request,) = td.plan(SERIES, {s.id: (s.start, date(2022, 1, 1)) for s in SERIES}, POLICY)
    return td.parse(http.fetch(request), SERIES)


def stored() -> pl.DataFrame:
    return (
        pl.read_parquet(Path(FOLDER) / "data" / "br_td.parquet")
        .join(pl.DataFrame({"tipo": [s.code for s in SERIES], "series_id": IDS}), on="tipo")
        .select(
            "series_id",
            pl.col("date").alias("event_date"),
            pl.col("venc").alias("maturity"),
            *((pl.col(c) * 0.01).alias(n) for c, n in (("tc", "buy_rate"), ("tv", "sell_rate"))),
            *(pl.col(c).alias(n) for c, n in (("pc", "buy_price"), ("pv", "sell_price"), ("pb", "base_price"))),
        )
        .sort("series_id", "event_date", "maturity")
    )


def in_order(rows: pl.DataFrame) -> pl.DataFrame:
    return rows.drop("bond").sort("series_id", "event_date", "maturity")


@pytest.mark.realworld
def test_the_real_history_value_for_value(realworld: RealWorld) -> None:
    parsed = ask(realworld, datetime(2022, 1, 3, 12, tzinfo=UTC))
    assert parsed.rejected.is_empty()
    truth = stored()
    assert truth.height == 114_960
    assert in_order(parsed.rows).equals(truth)
    for s in SERIES:
        rates = truth.filter(pl.col("series_id") == s.id)["buy_rate"]
        if len(rates):
            assert rates.is_between(s.low, s.high).all(), s.id
            assert (rates.filter(rates != 0) * 100).is_between(s.low, s.high).mean() < 0.1 or s.id == "br_td_selic"


@pytest.mark.realworld
def test_a_morning_is_there_from_the_next_one(realworld: RealWorld) -> None:
    friday = date(2018, 6, 8)
    before, after = datetime(2018, 6, 11, 11, 59, tzinfo=UTC), datetime(2018, 6, 11, 12, 0, tzinfo=UTC)
    assert ask(realworld, before).rows["event_date"].max() == date(2018, 6, 7)
    rows = ask(realworld, after).rows
    assert rows["event_date"].max() == friday
    assert in_order(rows).equals(stored().filter(pl.col("event_date") <= friday))


@pytest.mark.realworld
@pytest.mark.parametrize(
    ("kind", "message"),
    [
        ("timeout", "no answer within 0.3 s"),
        ("http429", "the provider asks to slow down"),
        ("http500", "the provider failed"),
        ("http406", "refused by the provider"),
        ("html200", "a web page instead of data"),
        ("truncated", "cut file"),
        ("empty", "empty answer"),
    ],
)
def test_a_fault_that_leaves_no_data_is_told(realworld: RealWorld, kind: str, message: str) -> None:
    realworld.fault(HOST, kind, hold=0.6 if kind == "timeout" else None)
    with pytest.raises(SourceError, match="tesouro_direto: Tesouro Direto") as error:
        ask(realworld, datetime(2003, 1, 2, tzinfo=UTC), 0.3 if kind == "timeout" else 60.0)
    assert message in str(error.value)


@pytest.mark.realworld
@pytest.mark.parametrize(
    ("kind", "missing", "rejected"), [("stale", 5, 0), ("duplicate_rows", 0, 0), ("nan_text", 2, 2)]
)
def test_a_fault_in_the_data_leaves_only_right_rows(
    realworld: RealWorld, kind: str, missing: int, rejected: int
) -> None:
    now = datetime(2005, 1, 3, tzinfo=UTC)
    clean = ask(realworld, now).rows
    realworld.fault(HOST, kind)
    parsed = ask(realworld, now)
    assert parsed.rows.unique(maintain_order=True).height == clean.height - missing
    assert parsed.rows.join(clean, on=["series_id", "event_date", "bond"], how="anti").is_empty()
    assert parsed.rejected.height == rejected


@pytest.mark.realworld
def test_another_unit_is_out_of_range(realworld: RealWorld) -> None:
    realworld.fault(HOST, "wrong_unit")
    rows = ask(realworld, datetime(2005, 1, 3, tzinfo=UTC)).rows.filter(pl.col("series_id") != "br_td_selic")
    ranges = pl.DataFrame([(s.id, s.low, s.high) for s in SERIES], ["series_id", "low", "high"], orient="row")
    found = rows.join(ranges, on="series_id")
    assert found["buy_rate"].is_between(found["low"], found["high"]).mean() < 0.01
