"""Treasury debt report: the page and its link, the zip, rows by their headings, months, and what is no such book."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from io import BytesIO
from zipfile import ZipFile

import polars as pl
import pytest
from openpyxl import Workbook

from macro_fund.settings import default_settings
from macro_fund.sources import stn_debt
from macro_fund.sources.http import Parsed, Payload, Request, SourceError
from macro_fund.sources.stn_debt_sheets import HEADINGS, month_of
from macro_fund.time.publication import knowledge_times

SERIES = default_settings().series_of("stn_debt")
POLICY = default_settings().sources["stn_debt"]
LAST = date(2007, 2, 10)
NOVEMBER, DECEMBER, JANUARY = date(2006, 11, 1), date(2006, 12, 1), date(2007, 1, 1)
MONTHS = (None, "Nov/06", "Dez/06", "Jan/07")
LINK = '<a href="https://thot-arquivos.tesouro.gov.br/publicacao-anexo/{}" title="{}">Baixar</a>'
# Three months of the sheets as the Treasury writes them; the first column is the label.
STOCK: tuple[tuple[object, ...], ...] = (
    ("DPF EM PODER DO PÚBLICO", 1213.5, 1237.0, 1240.25),
    ("DPMFi", 1070.0, 1093.5, 1100.0),
    ("Tesouro Nacional", 1060.0, 1083.5, 1090.0),
    ("LFT", 400.5, 412.0, 420.0),
    ("LTN", 340.0, 346.98, 350.0),
    ("NTN-B", 150.0, 160.0, 165.0),
    ("NTN-B1", None, None, "-"),
    ("NTN-C", 60.0, 62.0, 63.0),
    ("NTN-F", 39.0, 41.0, 45.0),
    ("Dívida Securitizada", 20.0, 19.5, 19.0),
    ("TDA", 5.0, 5.0, 5.0),
    ("Demais", 12.0, 12.0, 12.0),
    ("Banco Central", 10.0, 10.0, 10.0),
    ("LFT", 10.0, 10.0, 10.0),
    ("DPFe ²", 143.5, 143.5, 140.25),
    ("Dívida  Mobiliária", 110.0, 110.0, 107.0),
    ("Global USD", 100.0, 100.0, 97.0),
    ("Demais", 10.0, 10.0, 10.0),
    ("Dívida Contratual", 33.5, 33.5, 33.25),
    ("DPMFi EM PODER DO BANCO CENTRAL", 290.0, 297.0, 300.0),
    ("LFT", 90.0, 97.0, 100.0),
    ("Fonte: Tesouro Nacional", None, None, None),
)
FLOWS: tuple[tuple[object, ...], ...] = (
    ("I - EMISSÕES", 30_000.0, 40_000.5, 50_000.0, 120_000.5),
    ("Vendas", 20_000.0, 30_000.0, 40_000.0, 90_000.0),
    ("LFT", 10_000.1, 12_000.0, 14_000, 36_000.1),
    ("LTN", 9_000.0, 9_000.0, 9_000.0, 27_000.0),
    ("NTN-B", 900.0, 800.0, 700.0, 2_400.0),
    ("NTN-B1", None, None, None, None),
    ("NTN-F", 100.0, None, 100.0, 200.0),
    ("Demais", 1.0, 1.0, 1.0, 3.0),
    ("Tesouro Direto 3", 200.0, 300.0, 400.0, 900.0),
    ("LFT", 100.2, None, 5.0, 105.2),
    ("LTN", None, None, None, None),
    ("Transferência de Carteira", 1.0, 1.0, 1.0, 3.0),
    ("II – RESGATES", 20_000.0, 21_000.0, 22_000.0, 63_000.0),
    ("Vencimentos", 10_000.0, 10_000.0, 10_000.0, 30_000.0),
    *((name, 1_000.0, 1_100.0, 1_200.0, 3_300.0) for name in ("LFT", "LTN", "NTN-B", "NTN-C", "NTN-F", "Demais")),
    ("NTN-B1", None, None, None, None),
    ("III - IMPACTO NA LIQUIDEZ (I - II)", 1.0, 1.0, 1.0, 3.0),
    ("OPERAÇÕES DO BANCO CENTRAL", 7.0, 7.0, 7.0, 21.0),
    ("LFT", 7_777.0, 7_777.0, 7_777.0, 23_331.0),
)


def book(sheets: Mapping[str, Sequence[Sequence[object]]]) -> bytes:
    """A workbook with the rows of each sheet as they are."""
    out, workbook = BytesIO(), Workbook()
    workbook.remove(workbook.worksheets[0])
    for name, rows in sheets.items():
        sheet = workbook.create_sheet(name)
        for row in rows:
            sheet.append(list(row))
    workbook.save(out)
    return out.getvalue()


def sheet(title: str, header: Sequence[object], rows: Sequence[Sequence[object]]) -> list[Sequence[object]]:
    return [(title,), ("R$",), (None,), (None,), header, *rows]


def report(
    stock: Sequence[Sequence[object]] = STOCK,
    flows: Sequence[Sequence[object]] = FLOWS,
    months: Sequence[object] = MONTHS,
) -> bytes:
    """The workbook of the report, other sheets and a total of the year included."""
    return book(
        {
            "Índice": [("Anexo",)],
            "1.3": sheet("Emissões e resgates, Nov/06", (*months, "2006"), flows),
            "2.1": sheet("Estoque da DPF", months, stock),
            "2.4": [("Composição", "Nov/06")],
        }
    )


def zipped(content: bytes, name: str = "Anexo RMD_Jan_07.xlsx", **others: bytes) -> bytes:
    out = BytesIO()
    with ZipFile(out, "w") as packed:
        packed.writestr(name, content)
        for other, body in others.items():
            packed.writestr(other.replace("_", "."), body)
    return out.getvalue()


def plan() -> Request:
    (request,) = stn_debt.plan(SERIES, {s.id: (s.start, LAST) for s in SERIES}, POLICY)
    return request


def answer(request: Request, body: bytes, status: int = 200) -> Payload:
    return Payload(request, status, body, datetime(2025, 2, 1, tzinfo=UTC), hashlib.sha256(body).hexdigest())


def page(*links: str, end: str = "</body></html>") -> Parsed:
    body = f"<!DOCTYPE html><html><body>Relatório {' '.join(links)} {end}".encode()
    return stn_debt.parse(answer(plan(), body), SERIES)


def read(body: bytes, status: int = 200) -> Parsed:
    annex = Request("stn_debt", "GET", stn_debt.ANNEX.format(number=29322), "debt report annex 29322", plan().items)
    return stn_debt.parse(answer(annex, body, status), SERIES)


def values(parsed: Parsed, series_id: str) -> dict[date, float]:
    own = parsed.rows.filter(pl.col("series_id") == series_id)
    return dict(own.select("event_date", "value").rows())


def refused(parsed: Parsed) -> list[tuple[str, date | None, str]]:
    """Rejected lines, without those of rows that are empty in the good report too."""
    return [r for r in parsed.rejected.select("item", "event_date", "reason").rows() if "no value in any" not in r[2]]


# ---------------------------------------------------------------- the page


def test_one_page_serves_all_series_whatever_their_windows() -> None:
    request = plan()
    assert request.url == "https://www.tesourotransparente.gov.br/publicacoes/relatorio-mensal-da-divida-rmd"
    assert request.items == tuple(s.id for s in SERIES)
    assert stn_debt.plan(SERIES, {}, POLICY) == []


def test_the_page_names_the_annex_and_not_the_text_of_the_report() -> None:
    parsed = page(
        LINK.format(29300, "Anexo RMD_Julho_26.zip"),
        LINK.format(29322, "Anexo RMD_Agosto_26.zip"),
        LINK.format(29323, "RMD_Agosto_26.pdf"),
    )
    ((series_id, day, request),) = parsed.follow
    assert (series_id, day) == (SERIES[0].id, LAST), "a day that is inside the window of the series"
    assert request.url == "https://thot-arquivos.tesouro.gov.br/publicacao-anexo/29322"
    assert request.items == plan().items
    assert parsed.rows.is_empty()


def test_without_names_the_first_link_is_the_annex() -> None:
    parsed = page(LINK.format(29322, ""), LINK.format(29323, ""))
    assert parsed.follow[0][2].url.endswith("/29322")


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"", "empty answer"),
        (b"<html><body><a href='x/publicacao-anexo/29322'>Anexo.zip</a>", "cut page: it has no end"),
        (b"<html><body>Maintenance</body></html>", "no link to an annex .publicacao-anexo. in the page"),
        (b"<html><a href='/publicacao-anexo/abc'>x.zip</a></html>", "no link to an annex"),
    ],
)
def test_a_page_without_its_annex_is_told(body: bytes, message: str) -> None:
    with pytest.raises(SourceError, match=message) as caught:
        stn_debt.parse(answer(plan(), body), SERIES)
    assert caught.value.transient
    assert str(caught.value).startswith("stn_debt: debt report page, up to 2007-02-10: ")


def test_a_refusal_is_told() -> None:
    with pytest.raises(SourceError, match=r"refused by the provider .status 404"):
        read(b"<html>404</html>", 404)
    with pytest.raises(SourceError, match=r"refused by the provider .status 403"):
        stn_debt.parse(answer(plan(), b"<html>403</html>", 403), SERIES)


# ---------------------------------------------------------------- the workbook


def test_stocks_are_found_by_headings_and_label_in_billions() -> None:
    parsed = read(zipped(report()))
    assert values(parsed, "br_dpf_stock") == {NOVEMBER: 1213.5, DECEMBER: 1237.0, JANUARY: 1240.25}
    assert values(parsed, "br_dpmfi_stock")[DECEMBER] == 1093.5
    assert values(parsed, "br_dpmfi_lft_stock")[NOVEMBER] == 400.5, "not what the Banco Central issued or holds"
    assert values(parsed, "br_dpmfi_other_stock")[NOVEMBER] == 12.0, "not other external debt"
    assert values(parsed, "br_dpfe_stock")[JANUARY] == 140.25, "the mark of a footnote is no part of a label"
    assert values(parsed, "br_dpfe_bonds_stock")[JANUARY] == 107.0
    assert values(parsed, "br_dpmfi_bcb_stock")[JANUARY] == 300.0
    assert values(parsed, "br_dpmfi_ntnb1_stock") == {}, "empty cells and dashes are no rows"


def test_flows_of_a_security_are_added_up_over_the_headings_in_millions() -> None:
    parsed = read(zipped(report()))
    assert values(parsed, "br_dpmfi_issuance") == {NOVEMBER: 30_000.0, DECEMBER: 40_000.5, JANUARY: 50_000.0}
    assert values(parsed, "br_dpmfi_lft_issuance") == {NOVEMBER: 10_100.3, DECEMBER: 12_000.0, JANUARY: 14_005.0}
    assert values(parsed, "br_dpmfi_ntnf_issuance") == {NOVEMBER: 100.0, JANUARY: 100.0}
    assert values(parsed, "br_dpmfi_redemption")[JANUARY] == 22_000.0
    assert values(parsed, "br_dpmfi_lft_redemption")[JANUARY] == 1_200.0, "not the Banco Central's operations"


def test_a_series_without_any_value_is_told_and_the_rest_is_read() -> None:
    parsed = read(zipped(report()))
    empty = {"br_dpmfi_ntnb1_stock", "br_dpmfi_ntnb1_issuance", "br_dpmfi_ntnb1_redemption"}
    assert set(parsed.rejected["item"]) == empty
    assert set(parsed.rows["series_id"]) == {s.id for s in SERIES} - empty
    assert "config/series/stn_debt.yaml" in parsed.rejected["reason"][0]


def test_nothing_depends_on_the_position_of_rows_and_columns() -> None:
    moved = book(
        {
            "2.1": [("x",)] * 9 + [(None, "2006", *MONTHS[:0:-1]), *[(r[0], 9e9, *r[:0:-1]) for r in STOCK]],
            "1.3": [(*MONTHS, None, "2006"), *[(*r[:4], None, r[4]) for r in FLOWS]],
        }
    )
    here, there = read(zipped(report())), read(zipped(moved))
    order = ["series_id", "event_date"]
    assert there.rows.sort(order).equals(here.rows.sort(order))
    assert refused(there) == []


@pytest.mark.parametrize(
    ("header", "month"),
    [
        ("Nov/06", NOVEMBER),
        (" nov/2006 ", NOVEMBER),
        ("Dez/99", date(1999, 12, 1)),
        (datetime(2006, 11, 30, tzinfo=UTC), NOVEMBER),
        ("Nox/06", None),
        ("2006", None),
        (2006, None),
        ("Nov/0", None),
        ("Nov-06", None),
        ("Jan-Nov/06", None),
        (None, None),
    ],
)
def test_a_month_is_known_by_its_label(header: object, month: date | None) -> None:
    assert month_of(header) == month


@pytest.mark.parametrize("cell", ["n.d.", "NaN", "#REF!", "1.213,50", "1213.5", True])
def test_a_cell_that_is_no_number_is_rejected_and_never_guessed(cell: object) -> None:
    parsed = read(zipped(report(stock=[("DPF em poder do público", 1.0, cell, 2.0), *STOCK[1:]])))
    assert values(parsed, "br_dpf_stock") == {NOVEMBER: 1.0, JANUARY: 2.0}
    (line,) = refused(parsed)
    assert line[:2] == ("br_dpf_stock", DECEMBER)
    assert line[2].startswith("sheet 2.1, row 'DPF em poder do público': not a number: ")


def test_one_bad_part_spoils_the_sum() -> None:
    flows = [(*r[:2], "n.d.", *r[3:]) if r[:2] == ("LFT", 100.2) else r for r in FLOWS]
    parsed = read(zipped(report(flows=flows)))
    assert values(parsed, "br_dpmfi_lft_issuance").keys() == {NOVEMBER, JANUARY}
    assert [r[:2] for r in refused(parsed)] == [("br_dpmfi_lft_issuance", DECEMBER)]


def test_a_row_twice_counts_once_and_with_two_values_never() -> None:
    again = read(zipped(report(stock=[r for r in STOCK for _ in range(2)], flows=[r for r in FLOWS for _ in range(2)])))
    assert again.rows.equals(read(zipped(report())).rows)
    parsed = read(zipped(report(stock=[*STOCK[:2], ("DPMFi", 1071.0, 1093.5, 1100.0), *STOCK[2:]])))
    assert values(parsed, "br_dpmfi_stock") == {DECEMBER: 1093.5, JANUARY: 1100.0}
    reason = "sheet 2.1, row 'DPF em poder do público > DPMFi': several values for one month"
    assert refused(parsed) == [("br_dpmfi_stock", NOVEMBER, reason)]


def test_a_label_that_is_gone_is_named_with_the_remedy() -> None:
    parsed = read(zipped(report(stock=[("TDAs", *r[1:]) if r[0] == "TDA" else r for r in STOCK])))
    ((item, day, reason),) = refused(parsed)
    assert (item, day) == ("br_dpmfi_tda_stock", None)
    assert "row 'DPF em poder do público > DPMFi > Tesouro Nacional > TDA': there is none" in reason
    assert reason.endswith("correct the code in config/series/stn_debt.yaml")


@pytest.mark.parametrize("header", [None, "Dzz/06", "12/06"])
def test_a_column_of_values_without_a_month_is_told(header: object) -> None:
    parsed = read(zipped(report(months=(None, "Nov/06", header, "Jan/07"))))
    assert values(parsed, "br_dpf_stock").keys() == {NOVEMBER, JANUARY}
    assert refused(parsed) == [
        ("br_dpf_stock", None, "sheet 2.1, column 3: a column of values without a month like 'Nov/06'"),
        ("br_dpmfi_issuance", None, "sheet 1.3, column 3: a column of values without a month like 'Nov/06'"),
    ]


def test_a_month_twice_with_two_values_is_left_to_the_comparison() -> None:
    """Two columns of one month give two rows: `reconcile` refuses both, and says so."""
    parsed = read(zipped(report(months=(None, "Nov/06", "Nov/06", "Jan/07"))))
    own = parsed.rows.filter((pl.col("series_id") == "br_dpf_stock") & (pl.col("event_date") == NOVEMBER))
    assert own["value"].to_list() == [1213.5, 1237.0]


NO_MONTHS = (None, "I", "II", "III")
TEXTS = [(r[0], *["n.d."] * (len(r) - 1)) for r in STOCK], [(r[0], *["n.d."] * (len(r) - 1)) for r in FLOWS]
WHOLE = zipped(report())


@pytest.mark.parametrize(
    ("body", "message", "transient"),
    [
        (b"<!DOCTYPE html><html>Manutencao</html>", "a web page instead of data", True),
        (b"", "empty answer", True),
        (WHOLE[: len(WHOLE) // 2], "not a whole zip: ", True),
        (WHOLE[:-4], "not a whole zip: ", True),
        (WHOLE[:200] + b"\0" * 200 + WHOLE[400:], "not a whole zip: ", True),
        (b"Relatorio", "not a whole zip: ", True),
        (zipped(b"text", "leia.txt"), "0 workbooks .* in the zip .* expected: leia.txt", False),
        (zipped(report(), "a.xlsx", b_xlsx=b"x"), "2 workbooks .* expected: a.xlsx, b.xlsx", False),
        (zipped(b"no workbook"), "not a readable workbook .xlsx.: ", True),
        (zipped(zipped(b"x", "x.xml")), "not a readable workbook .xlsx.: ", True),
        (zipped(book({"1.3": []})), "the workbook has no sheet 2.1; it has 1.3", False),
        (zipped(book({"Plan1": []})), "the workbook has no sheet 2.1 and 1.3; it has Plan1", False),
        (zipped(book({"1.3": [], "2.1": []})), "sheet 2.1 has no row of months like 'Nov/06'", False),
        (zipped(report(months=NO_MONTHS)), "sheet 2.1 has no row of months like 'Nov/06'", False),
        (zipped(report(*TEXTS)), "none of .* can be read: sheet .*: not a number: 'n.d.'", False),
        (zipped(report([], [])), "none of .* can be read: .* there is none", False),
    ],
)
def test_another_file_is_an_error(body: bytes, message: str, transient: bool) -> None:
    with pytest.raises(SourceError, match=message) as caught:
        read(body)
    assert caught.value.transient is transient
    assert str(caught.value).startswith("stn_debt: debt report annex 29322: ")
    assert str(caught.value).count("; ") >= 2, "says what was asked and what to do"


def test_a_sheet_that_states_a_wrong_size_is_read_whole() -> None:
    """Writers leave a size of one cell behind; who believes it reads one cell."""
    out = BytesIO()
    with ZipFile(BytesIO(report())) as old, ZipFile(out, "w") as new:
        for name in old.namelist():
            new.writestr(name, re.sub(rb'<dimension ref="[^"]*"', b'<dimension ref="A1"', old.read(name)))
    assert read(zipped(out.getvalue())).rows.equals(read(WHOLE).rows)


# ---------------------------------------------------------------- the catalogue


def test_every_code_is_of_a_sheet_and_its_headings() -> None:
    for s in SERIES:
        name, *steps = s.code.split(" > ")
        assert name in HEADINGS, s.id
        assert all(step == "*" or step.casefold() in HEADINGS[name] for step in steps[:-1]), s.id
        assert s.unit == {"2.1": "BRL bn", "1.3": "BRL mn"}[name]
        assert s.revised
        assert "publication lag not sourced" in s.notes


@pytest.mark.parametrize(
    ("month", "release"),
    [
        (date(2023, 1, 1), datetime(2023, 2, 28, 23, tzinfo=UTC)),
        (date(2023, 2, 1), datetime(2023, 3, 29, 23, tzinfo=UTC)),
        (date(2024, 7, 1), datetime(2024, 8, 31, 0, tzinfo=UTC)),  # in the evening of 30 August
        (date(2024, 8, 1), datetime(2024, 10, 1, 1, tzinfo=UTC)),  # in the evening of 30 September
        (date(2024, 9, 1), datetime(2024, 10, 31, 23, tzinfo=UTC)),
        (date(2026, 7, 1), datetime(2026, 8, 26, 23, tzinfo=UTC)),
        (date(2026, 8, 1), datetime(2026, 9, 28, 23, tzinfo=UTC)),
    ],
)
def test_the_rule_is_never_earlier_than_the_late_releases_that_we_know(month: date, release: datetime) -> None:
    """From news of the days; the hours are the latest that fit."""
    s = SERIES[0]
    assert knowledge_times(pl.Series([month], dtype=pl.Date), s.publication, s.frequency)[0] >= release
