"""ANBIMA's bond file: addresses, a published file, every refusal, and the real data of the replay server."""

from __future__ import annotations

import hashlib
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

from macro_fund.settings import default_settings
from macro_fund.sources import anbima_bonds as bonds
from macro_fund.sources.http import Http, Parsed, Payload, ReplayUrlTransport, Request, SourceError
from macro_fund.sources.reconcile import facts
from macro_fund.store.tables import TABLES
from macro_fund_tests.realworld import FOLDER, RealWorld

SERIES = default_settings().series_of("anbima_bonds")
POLICY = default_settings().sources["anbima_bonds"]
IDS = tuple(s.id for s in SERIES)
DAY = date(2026, 2, 6)
HOST = "www.anbima.com.br"
# Rows of the file of 6 February 2026 as ANBIMA published it.
HEAD = (
    "ANBIMA - Associação Brasileira das Entidades dos Mercados Financeiro e de Capitais\r\n\r\n"
    "Titulo@Data Referencia@Codigo SELIC@Data Base/Emissao@Data Vencimento@Tx. Compra@Tx. Venda@Tx. Indicativas@PU"
    "@Desvio padrao@Interv. Ind. Inf. (D0)@Interv. Ind. Sup. (D0)@Interv. Ind. Inf. (D+1)@Interv. Ind. Sup. (D+1)"
    "@Criterio\r\n"
)
LTN = (
    "LTN@20260206@100000@20240105@20260401@14,7216@14,7071@14,714@980,58076@0@14,6727@14,9013@14,6667@14,9014@Calculado"
)
NTNC = (
    "NTN-C@20260206@770100@20000701@20310101@8,0572@7,9015@7,9787@7567,677952@0,03695697744419@7,4866@8,3932@7,4341"
    "@8,3414@Calculado"
)
LFT = (
    "LFT@20260206@210100@20000701@20260901@-0,0264@-0,0363@-0,0306@18349,926305@0,00109965028986@-0,0556@0,061"
    "@-0,0563@0,062@Calculado"
)
NTNB = (
    "NTN-B@20260206@760199@20000715@20260815@10,2723@10,2272@10,25@4635,285892@0@9,8545@10,7749@9,8543@10,7801"
    "@Calculado"
)
NTNF = (
    "NTN-F@20260206@950199@20160115@20270101@13,2971@13,2681@13,2834@985,267939@0,00380740377685@12,9922@13,6957"
    "@12,9691@13,6709@Calculado"
)
PAGE = b"<html><head><title>404 - File or directory not found.</title></head></html>"


def body(*rows: str, head: str = HEAD) -> bytes:
    return (head + "".join(f"{r}\r\n" for r in rows)).encode("latin-1")


def answer(data: bytes, status: int = 200, day: date = DAY, asked: datetime | None = None) -> Payload:
    request = Request("anbima_bonds", "GET", bonds.URL.format(day=day), f"ANBIMA bonds of {day}", IDS)
    asked = asked or datetime(2026, 2, 7, 1, tzinfo=UTC)
    return Payload(request, status, data, asked, hashlib.sha256(data).hexdigest())


def read(*rows: str) -> Parsed:
    return bonds.parse(answer(body(*rows)), SERIES)


def windows(start: date, end: date) -> dict[str, tuple[date, date]]:
    return dict.fromkeys(IDS, (start, end))


def test_only_the_newest_bank_days_of_the_window_are_asked() -> None:
    requests = bonds.plan(SERIES, windows(date(2010, 1, 4), date(2020, 3, 1)), POLICY)  # ends on a Sunday; Carnival
    assert [r.url[-12:-4] for r in requests] == [
        f"ms{d}" for d in ("200217", "200218", "200219", "200220", "200221", "200226", "200227", "200228")
    ]
    assert requests[0].url == "https://www.anbima.com.br/informacoes/merc-sec/arqs/ms200217.txt"
    assert all(r.items == IDS and r.method == "GET" for r in requests)


def test_a_short_window_is_asked_day_by_day_and_none_without_a_window() -> None:
    requests = bonds.plan(SERIES, windows(date(2020, 2, 21), date(2020, 2, 26)), POLICY)
    assert [r.url[-12:-4] for r in requests] == ["ms200221", "ms200226"]
    assert bonds.plan(SERIES, {}, POLICY) == []
    assert bonds.plan(SERIES, windows(date(2020, 2, 22), date(2020, 2, 25)), POLICY) == []


def test_the_published_file() -> None:
    parsed = read(LTN, NTNC, LFT, NTNB, NTNF)
    assert parsed.rejected.is_empty()
    assert parsed.rows.columns == facts(TABLES["bronze/anbima_bonds"])
    assert parsed.rows.schema == {c: TABLES["bronze/anbima_bonds"].schema[c] for c in parsed.rows.columns}
    named = {r["series_id"]: r for r in parsed.rows.iter_rows(named=True)}
    ltn, lft = named["br_tpf_ltn"], named["br_tpf_lft"]
    assert ltn["bond"] == "LTN 100000 2026-04-01"
    assert (ltn["event_date"], ltn["maturity"], ltn["issue_date"]) == (DAY, date(2026, 4, 1), date(2024, 1, 5))
    rates = [ltn[c] for c in ("rate", "bid_rate", "ask_rate")]
    assert rates == pytest.approx([0.14714, 0.147216, 0.147071], abs=1e-15)
    assert (ltn["price"], ltn["deviation"]) == (980.58076, 0.0)
    assert lft["rate"] == pytest.approx(-0.000306, abs=1e-15)
    assert lft["deviation"] == 0.00109965028986
    assert named["br_tpf_ntnb"]["price"] == 4635.285892
    assert named["br_tpf_ntnf"]["bond"] == "NTN-F 950199 2027-01-01"
    assert named["br_tpf_ntnc"]["rate"] == pytest.approx(0.079787, abs=1e-15)


def test_every_rate_of_the_file_is_inside_its_series_range_and_no_other_unit_is() -> None:
    low_high = pl.DataFrame([(s.id, s.low, s.high) for s in SERIES], ["series_id", "low", "high"], orient="row")
    rows = read(LTN, NTNC, LFT, NTNB, NTNF).rows.join(low_high, on="series_id")
    for factor, inside in ((1.0, True), (100.0, False)):
        assert (rows["rate"] * factor).is_between(rows["low"], rows["high"]).to_list() == [inside] * 5


def test_dashes_are_no_value() -> None:
    cells = LTN.split("@")
    no_price = "@".join([*cells[:3], "--", cells[4], "--", "--", cells[7], "--", "--", *["--"] * 4, "Calculado"])
    no_rate = "@".join([*cells[:4], "20270101", "--", "--", "--", *["--"] * 6, "--"])
    parsed = read(no_price, no_rate)
    assert parsed.rejected.is_empty()
    (row,) = parsed.rows.rows()
    assert row[5:] == (pytest.approx(0.14714, abs=1e-15), None, None, None, None)
    assert row[4] is None


@pytest.mark.parametrize(
    ("column", "text", "reason"),
    [
        (7, "NaN", "Tx. Indicativas: not a number with a decimal comma: 'NaN'"),
        (7, "14.714", "Tx. Indicativas: not a number with a decimal comma: '14.714'"),
        (7, "1E400", "Tx. Indicativas: not a finite number: '1E400'"),
        (8, "n/d", "PU: not a number with a decimal comma: 'n/d'"),
        (5, "x", "Tx. Compra: not a number with a decimal comma: 'x'"),
        (9, "?", "Desvio padrao: not a number with a decimal comma: '?'"),
        (4, "20261332", "maturity not readable: '20261332'"),
        (3, "2024-01-05", "issue date not readable: '2024-01-05'"),
    ],
)
def test_an_unreadable_cell_rejects_its_row_only(column: int, text: str, reason: str) -> None:
    cells = LTN.split("@")
    cells[column] = text
    parsed = read("@".join(cells), LFT)
    assert parsed.rows["series_id"].to_list() == ["br_tpf_lft"]
    ((item, day, raw, why),) = parsed.rejected.rows()
    assert item.startswith("br_tpf_ltn LTN 100000 ")
    assert (day, raw, why) == (DAY, "@".join(cells), reason)


def test_repeated_rows_are_left_to_the_ingestion() -> None:
    assert read(LTN, LTN).rows.height == 2


def test_an_unknown_title_is_told_once_and_the_others_are_read() -> None:
    new = LTN.replace("LTN@", "NTN-X@")
    parsed = read(new, new, LFT)
    assert parsed.rows["series_id"].to_list() == ["br_tpf_lft"]
    ((item, _, _, reason),) = parsed.rejected.rows()
    assert item == "title NTN-X"
    assert "unknown title" in reason


def test_a_series_that_was_not_asked_is_left_out_without_a_word() -> None:
    only = [s for s in SERIES if s.id == "br_tpf_lft"]
    parsed = bonds.parse(answer(body(LTN, LFT)), only)
    assert parsed.rows["series_id"].to_list() == ["br_tpf_lft"]
    assert parsed.rejected.is_empty()


COLUMNS = HEAD.split("\r\n")[2]


@pytest.mark.parametrize(
    ("data", "status", "message", "transient"),
    [
        (PAGE, 200, "a web page instead of data", True),
        (b"", 200, "empty answer", True),
        (b"Forbidden", 403, "refused by the provider", False),
        (body(LTN, LFT)[:-1], 200, "cut file: its last line is not complete", True),
        (body(LTN, LFT)[:-60] + b"\r\n", 200, "cut file: line 4 is not complete", True),
        (body(), 200, "cut file: line 3 is not complete", True),
        (b"LTN@20260206\r\nx\r\n", 200, "the file does not start with 'ANBIMA -'", False),
        (body(LTN, head=HEAD.replace("@PU@", "@Preco@")), 200, "new: Preco; missing: PU", False),
        (body(LTN, head=HEAD.replace("@PU", "")), 200, "missing: PU", False),
        (body(LTN, head=HEAD.replace("Compra@Tx. Venda", "Venda@Tx. Compra")), 200, "in another order", False),
        (body(LTN.replace("20260206", "20260205")), 200, "the file of 2026-02-06 holds rows of 20260205", False),
    ],
)
def test_an_answer_that_is_not_the_file_is_refused(data: bytes, status: int, message: str, transient: bool) -> None:
    with pytest.raises(SourceError, match="anbima_bonds: ANBIMA bonds of 2026-02-06") as error:
        bonds.parse(answer(data, status), SERIES)
    assert message in str(error.value)
    assert error.value.transient is transient


def test_a_file_that_must_be_there_and_is_not() -> None:
    with pytest.raises(SourceError, match=r"no file yet for 2026-02-06.*five business days") as error:
        bonds.parse(answer(PAGE, 404), SERIES)
    assert not error.value.transient


@pytest.mark.parametrize(
    ("day", "asked"),
    [
        (DAY, datetime(2026, 2, 20, tzinfo=UTC)),  # gone from the page
        (date(2021, 12, 24), datetime(2021, 12, 27, 12, tzinfo=UTC)),  # the exchange was shut: never published
    ],
)
def test_a_file_that_need_not_be_there_is_no_rows(day: date, asked: datetime) -> None:
    parsed = bonds.parse(answer(PAGE, 404, day, asked), SERIES)
    assert parsed.rows.is_empty()
    assert parsed.rejected.is_empty()


# ---------------------------------------------------------------- real data


def replay(world: RealWorld, now: datetime, timeout_s: float = 30.0) -> Http:
    world.set_now(now)
    policy = POLICY.model_copy(update={"attempts": 1, "timeout_s": timeout_s})
    return Http(ReplayUrlTransport(world.url), {"anbima_bonds": policy}, None, lambda: now)


def ask(world: RealWorld, end: date, now: datetime, timeout_s: float = 30.0) -> Parsed:
    http = replay(world, now, timeout_s)
    requests = bonds.plan(SERIES, windows(date(2007, 1, 2), end), POLICY)
    parts = [bonds.parse(http.fetch(r), SERIES) for r in requests]
    return Parsed(pl.concat([p.rows for p in parts]), pl.concat([p.rejected for p in parts]))


def morning_after(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, 11, tzinfo=UTC) + timedelta(days=1)


@pytest.mark.realworld
@pytest.mark.parametrize(
    "end", [date(2007, 6, 5), date(2011, 12, 29), date(2015, 9, 11), date(2020, 3, 18), date(2021, 12, 30)]
)
def test_real_files_value_for_value(realworld: RealWorld, end: date) -> None:
    parsed = ask(realworld, end, morning_after(end))
    assert parsed.rejected.is_empty()
    truth = pl.read_parquet(Path(FOLDER) / "data" / "br_tpf.parquet")
    newest = truth["date"].unique().sort().filter(truth["date"].unique().sort() <= end).tail(4)
    got = parsed.rows.with_columns(pl.col("bond").str.split(" ").list.first().alias("titulo"))
    assert set(newest) <= set(got["event_date"])
    assert got["event_date"].max() == end
    stored = truth.filter(pl.col("date").is_in(got["event_date"].unique().to_list())).select(
        "date", "titulo", "venc", (pl.col("taxa") * 0.01).alias("rate"), pl.col("pu").alias("price")
    )
    read = got.select(pl.col("event_date").alias("date"), "titulo", pl.col("maturity").alias("venc"), "rate", "price")
    order = ["date", "titulo", "venc"]
    assert read.sort(order).equals(stored.sort(order))
    assert (got["price"].null_count() == got.height) == (end.year < 2020)


@pytest.mark.realworld
def test_a_file_is_there_from_eight_in_the_evening(realworld: RealWorld) -> None:
    day = date(2020, 3, 18)
    before, after = datetime(2020, 3, 18, 22, 59, tzinfo=UTC), datetime(2020, 3, 18, 23, 0, tzinfo=UTC)
    with pytest.raises(SourceError, match="no file yet for 2020-03-18"):
        ask(realworld, day, before)
    assert ask(realworld, day, after).rows["event_date"].max() == day


@pytest.mark.realworld
@pytest.mark.parametrize(
    ("kind", "message"),
    [
        ("timeout", "no answer within 0.3 s"),
        ("http429", "the provider asks to slow down"),
        ("http500", "the provider failed"),
        ("html200", "a web page instead of data"),
        ("truncated", "cut file"),
        ("empty", "empty answer"),
    ],
)
def test_a_fault_that_leaves_no_data_is_told(realworld: RealWorld, kind: str, message: str) -> None:
    end = date(2020, 3, 18)
    realworld.fault(HOST, kind, after=7, hold=0.6 if kind == "timeout" else None)
    with pytest.raises(SourceError) as error:
        ask(realworld, end, morning_after(end), timeout_s=0.3 if kind == "timeout" else 30.0)
    assert message in str(error.value)


@pytest.mark.realworld
@pytest.mark.parametrize(("kind", "missing", "rejected"), [("duplicate_rows", 0, 0), ("nan_text", 2, 2)])
def test_a_fault_in_the_data_leaves_only_right_rows(
    realworld: RealWorld, kind: str, missing: int, rejected: int
) -> None:
    end = date(2020, 3, 18)
    clean = ask(realworld, end, morning_after(end)).rows
    realworld.fault(HOST, kind, after=7)
    parsed = ask(realworld, end, morning_after(end))
    rows = parsed.rows.unique(maintain_order=True)
    assert rows.join(clean, on=["series_id", "event_date", "bond"], how="anti").is_empty()
    assert rows.height == clean.height - missing
    assert parsed.rejected.height == rejected


@pytest.mark.realworld
def test_another_unit_is_out_of_range(realworld: RealWorld) -> None:
    end = date(2020, 3, 18)
    realworld.fault(HOST, "wrong_unit", 100)
    rows = ask(realworld, end, morning_after(end)).rows
    for s in SERIES:
        own = rows.filter(pl.col("series_id") == s.id)["rate"]
        assert own.is_between(s.low, s.high).mean() < 0.5, s.id
