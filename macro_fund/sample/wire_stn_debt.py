"""Tesouro Nacional debt report: the page of the newest report and its annex, a zip with one workbook.

Belongs here: addresses, page, sheets and their headings. Does not belong here: the numbers (`catalogue`), or the host
of the page, which has other files too (`wire_tesouro`).

The same world gives the same bytes: the times that a workbook and a zip carry are fixed. What is issued and redeemed of
a security is spread over two headings, as the report does; the rows of other parts of a sheet repeat labels.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from io import BytesIO
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

import numpy as np

from macro_fund.sample.public import View, published
from macro_fund.sample.wire import ALWAYS, FOREVER, MARK, Ask, Day, not_found, reply
from macro_fund.sources.http import Reply

HOST = "thot-arquivos.tesouro.gov.br"
PAGE_PATH = "/publicacoes/relatorio-mensal-da-divida-rmd"
_PATH = re.compile(r"/publicacao-anexo/(\d+)")
_MONTHS = ("Jan", "Fev", "Mar", "Abr", "Mai", "Jun", "Jul", "Ago", "Set", "Out", "Nov", "Dez")
_SAVED = datetime(2010, 1, 4, 9, tzinfo=UTC).replace(tzinfo=None)  # a workbook has no zones
# The annex of January 1970 would have this number; each month has some more: the annex, then the text of the report.
_FIRST_NUMBER, _A_MONTH = 10_000, 10
# Share of a security's flow that is under the first heading; the rest is under the second.
_SHARE = 0.75
# Rows of sheet 2.1: label, and the series behind it.
_STOCK: Sequence[tuple[str, str]] = (
    ("DPF EM PODER DO PÚBLICO", "br_dpf_stock"),
    ("DPMFi", "br_dpmfi_stock"),
    ("Tesouro Nacional", "br_dpmfi_stock"),
    ("LFT", "br_dpmfi_lft_stock"),
    ("LTN", "br_dpmfi_ltn_stock"),
    ("NTN-B", "br_dpmfi_ntnb_stock"),
    ("NTN-B1", "br_dpmfi_ntnb1_stock"),
    ("NTN-C", "br_dpmfi_ntnc_stock"),
    ("NTN-F", "br_dpmfi_ntnf_stock"),
    ("Dívida Securitizada", "br_dpmfi_securitized_stock"),
    ("TDA", "br_dpmfi_tda_stock"),
    ("Demais", "br_dpmfi_other_stock"),
    ("Banco Central", ""),
    ("DPFe ²", "br_dpfe_stock"),
    ("Dívida Mobiliária", "br_dpfe_bonds_stock"),
    ("Global USD", "br_dpfe_bonds_stock"),
    ("Dívida Contratual", "br_dpfe_contracts_stock"),
    ("Organismos Multilaterais", "br_dpfe_contracts_stock"),
    ("DPMFi EM PODER DO BANCO CENTRAL", "br_dpmfi_bcb_stock"),
    ("LTN", "br_dpmfi_bcb_stock"),
)
_ISSUED = {
    "LFT": "br_dpmfi_lft_issuance",
    "LTN": "br_dpmfi_ltn_issuance",
    "NTN-B": "br_dpmfi_ntnb_issuance",
    "NTN-B1": "br_dpmfi_ntnb1_issuance",
    "NTN-F": "br_dpmfi_ntnf_issuance",
    "Demais": "br_dpmfi_other_issuance",
}
_REDEEMED = {
    "LFT": "br_dpmfi_lft_redemption",
    "LTN": "br_dpmfi_ltn_redemption",
    "NTN-B": "br_dpmfi_ntnb_redemption",
    "NTN-B1": "br_dpmfi_ntnb1_redemption",
    "NTN-C": "br_dpmfi_ntnc_redemption",
    "NTN-F": "br_dpmfi_ntnf_redemption",
    "Demais": "br_dpmfi_other_redemption",
}

Cells = list[float | None]
Line = tuple[str, Cells]


def answer(view: View, ask: Ask) -> Reply:
    """The annex of a month that is public; a web page with 404 for any other address."""
    found, newest = _PATH.fullmatch(ask.path), _newest(view)
    months = (int(found[1]) - _FIRST_NUMBER) / _A_MONTH if found else -1.0
    if newest is None or not 0 <= months <= newest.astype("datetime64[M]").astype(int) or months % 1:
        return not_found()
    month = np.datetime64(int(months), "M").astype("datetime64[D]")
    return reply(_annex(view.seed, view.poison_after, month), "application/zip")


def page(view: View) -> Reply:
    """The page of the newest report: the annex, and the text of the report with a higher number."""
    newest = _newest(view)
    if newest is None:
        return not_found()
    number = _FIRST_NUMBER + _A_MONTH * int(newest.astype("datetime64[M]").astype(int))
    name = f"RMD_{_label(newest).replace('/', '_')}"
    links = "".join(
        f'<li><a href="https://{HOST}/publicacao-anexo/{n}" title="{title}">{title}</a></li>'
        for n, title in ((number, f"Anexo {name}.zip"), (number + 1, f"{name}.pdf"))
    )
    title = f"Relatório Mensal da Dívida - {_label(newest)} ({MARK})"
    head = f"<head><title>{title}</title></head>"
    return reply(f"<!DOCTYPE html><html>{head}<body><ul>{links}</ul></body></html>\n", "text/html; charset=utf-8")


def _newest(view: View) -> Day | None:
    days, _ = view.select(published(view.seed, "br_dpf_stock"), ALWAYS, FOREVER)
    newest: Day | None = days[-1] if days.size else None
    return newest


def _label(month: Day) -> str:
    """'Nov/06'."""
    text = str(month)
    return f"{_MONTHS[int(text[5:7]) - 1]}/{text[2:4]}"


@lru_cache(maxsize=8)
def _annex(seed: int, poison_after: int | None, month: Day) -> bytes:
    """The zip of a month's report; what it holds depends on nothing else."""
    view = View(seed, None, poison_after)
    months, _ = view.select(published(seed, "br_dpf_stock"), ALWAYS, month)

    def cells(series_id: str) -> Cells:
        if not series_id:
            return [None] * months.size
        days, values = view.select(published(seed, series_id), ALWAYS, month)
        of = dict(zip(days.tolist(), values.tolist(), strict=True))
        return [of.get(m) for m in months.tolist()]

    sheets = {
        "1.3": ("Emissões e resgates da DPMFi", "R$ milhões", list(_flows(cells))),
        "2.1": ("Estoque da DPF", "R$ bilhões", [(label, cells(s)) for label, s in _STOCK]),
    }
    book = _workbook([_label(m) for m in months], sheets)
    return _packed({f"Anexo_RMD_{_label(month).replace('/', '_')}.xlsx": book})


def _flows(cells: Callable[[str], Cells]) -> Iterator[Line]:
    """Rows of sheet 1.3: two parts with two headings each, and a part in which labels come back."""
    none = cells("")
    for title, total, headings, securities in (
        ("I - EMISSÕES", "br_dpmfi_issuance", ("Vendas", "Tesouro Direto ¹"), _ISSUED),
        ("II - RESGATES", "br_dpmfi_redemption", ("Vencimentos", "Compras"), _REDEEMED),
    ):
        yield title, cells(total)
        for second, heading in enumerate(headings):
            yield heading, none
            for label, series_id in securities.items():
                yield label, [_part(v, bool(second)) for v in cells(series_id)]
    yield "III - IMPACTO NA LIQUIDEZ (I - II)", none
    yield "LFT", cells("br_dpmfi_lft_issuance")


def _part(value: float | None, rest: bool) -> float | None:
    """What of a security's flow stands under the first heading, or the rest."""
    if value is None:
        return None
    first = round(_SHARE * value, 6)
    return round(value - first, 6) if rest else first


def _workbook(months: Sequence[str], sheets: Mapping[str, tuple[str, str, Sequence[Line]]]) -> bytes:
    """An xlsx. A sheet has title, unit, SAMPLE, an empty line, months and rows; 1.3 ends with a column of totals."""
    from openpyxl import Workbook
    from openpyxl.writer.excel import ExcelWriter

    book = Workbook(write_only=True)
    book.properties.created = book.properties.modified = _SAVED
    for name, (title, unit, lines) in sheets.items():
        sheet = book.create_sheet(name)
        for head in (f"Anexo {name} - {title}", unit, MARK, None):
            sheet.append([head])
        total = name == "1.3"
        sheet.append([None, *months, *(["Total"] if total else [])])
        for label, cells in lines:
            sheet.append([label, *cells, *([sum(c or 0.0 for c in cells)] if total else [])])
    out = BytesIO()
    with ZipFile(out, "w") as archive:
        ExcelWriter(book, archive).save()  # book.save() would write the time of now into it
    with ZipFile(out) as archive:
        return _packed({name: archive.read(name) for name in archive.namelist()})


def _packed(members: Mapping[str, bytes]) -> bytes:
    """A zip whose members carry a fixed time."""
    out = BytesIO()
    with ZipFile(out, "w") as archive:
        for name, content in members.items():
            archive.writestr(ZipInfo(name, _SAVED.timetuple()[:6]), content, ZIP_DEFLATED)
    return out.getvalue()
