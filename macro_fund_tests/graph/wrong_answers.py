"""Answers that can be read and are wrong: every number of a provider's answer edited, in its own notation.

Belongs here: where the numbers and the rows of each provider's answers stand. Does not belong here: which faults there
are and what must come of them (`faults`, `test_faults`).

An edit takes a number and gives what stands in its place; `again` keeps the rows as they are and adds the edited ones.
Texts of central banks have no numbers that are read: they are left as they are.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from decimal import Decimal
from io import BytesIO
from typing import Any
from zipfile import ZIP_DEFLATED, ZipFile

from macro_fund.sources.http import Reply, Request

Edit = Callable[[Decimal], Decimal | str]
Fault = Callable[[Request, Reply], Reply]
Editor = Callable[[bytes, Edit, bool], bytes]

_POINT, _COMMA = re.compile(r"-?\d+(\.\d+)?"), re.compile(r"-?\d[\d.]*(,\d+)?(E[+-]?\d+)?")


def times_100(number: Decimal) -> Decimal:
    return number * 100


def not_a_number(number: Decimal) -> str:
    return "NaN"


def another(number: Decimal) -> Decimal:
    """About 1% more, with the same decimals, and never the same."""
    tick = Decimal(1).scaleb(min(0, int(number.as_tuple().exponent)))
    return number + max(tick, (abs(number) / 100).quantize(tick))


def wrong(edit: Edit, *, again: bool = False) -> Fault:
    """The fault that edits each answer of a provider whose numbers we know; others pass."""

    def fault(request: Request, reply: Reply) -> Reply:
        editor = EDITORS.get(request.provider)
        return replace(reply, body=editor(reply.body, edit, again)) if editor and reply.status == 200 else reply

    return fault


def _written(value: object, edit: Edit) -> Any:
    """A JSON value edited: a text stays a text, a number a number unless the edit gives none; others stay."""
    if isinstance(value, bool) or not (isinstance(value, int | float) or _POINT.fullmatch(str(value))):
        return value
    new = edit(Decimal(str(value)))
    if isinstance(value, str) or isinstance(new, str):
        return format(new, "f") if isinstance(new, Decimal) else new
    return int(new) if isinstance(value, int) and new == int(new) else float(new)


def _rows(fields: str, where: str = "") -> Editor:
    """JSON rows, at the top or under the name `where`. fields: pattern of the names of their numbers."""

    def editor(body: bytes, edit: Edit, again: bool) -> bytes:
        document = json.loads(body)
        rows = document[where] if where else document
        new = [{k: _written(v, edit) if re.fullmatch(fields, k) else v for k, v in r.items()} for r in rows]
        rows[:] = rows + new if again else new
        if where and "count" in document:
            document["count"] = len(rows)
        return json.dumps(document, ensure_ascii=False).encode()

    return editor


def _table(separator: str, cells: slice, *, comma: bool = False, encoding: str = "utf-8") -> Editor:
    """Lines of text: the numbers among their `cells`. A line that comes again follows its first version."""
    pattern = _COMMA if comma else _POINT

    def number(cell: str, edit: Edit) -> str:
        text = cell.strip()
        if not pattern.fullmatch(text) or (comma and separator == ";" and cells.start == 0 and "," not in text):
            return cell
        new = edit(Decimal(text.replace(".", "").replace(",", ".") if comma else text))
        return new if isinstance(new, str) else format(new, "f").replace(".", "," if comma else ".")

    def editor(body: bytes, edit: Edit, again: bool) -> bytes:
        ends = b"\r\n" if b"\r\n" in body else b"\n"
        lines = body.decode(encoding).split(ends.decode())
        kept: list[str] = []
        for line in lines:
            parts = line.split(separator)
            parts[cells] = [number(c, edit) for c in parts[cells]]
            changed = separator.join(parts)
            kept += [line, changed] if again and changed != line else [changed]
        return ends.decode().join(kept).encode(encoding)

    return editor


def _fred(body: bytes, edit: Edit, again: bool) -> bytes:
    """Vintages as JSON, a graph file as CSV."""
    chosen = _rows("value", "observations") if body.startswith(b"{") else _table(",", slice(1, None))
    return chosen(body, edit, again)


def _yahoo(body: bytes, edit: Edit, again: bool) -> bytes:
    document = json.loads(body)
    for result in document["chart"]["result"] or []:
        old = result.get("timestamp", [])
        result["timestamp"] = old * (2 if again else 1)
        for columns in (c for block in result["indicators"].values() for c in block):
            for name, values in columns.items():
                new = values if name == "volume" else [_written(v, edit) for v in values]
                columns[name] = values + new if again else new
    return json.dumps(document).encode()


def _ibge(body: bytes, edit: Edit, again: bool) -> bytes:
    """A series is an object by period, so that only a whole result can come twice."""
    document = json.loads(body)
    for block in document:
        old = json.loads(json.dumps(block["resultados"]))
        for result in block["resultados"]:
            for series in result["series"]:
                series["serie"] = {k: _written(v, edit) for k, v in series["serie"].items()}
        block["resultados"] = old + block["resultados"] if again else block["resultados"]
    return json.dumps(document, ensure_ascii=False).encode()


def _repacked(body: bytes, change: Callable[[bytes], bytes]) -> bytes:
    """The zip (after whatever stands before it) with its last member changed, if it has any."""
    head = body.find(b"PK\x03\x04")
    if head < 0:
        return body
    out = BytesIO()
    with ZipFile(BytesIO(body[head:])) as old, ZipFile(out, "w", ZIP_DEFLATED) as new:
        for name in old.namelist():
            new.writestr(name, change(old.read(name)))
    return body[:head] + out.getvalue()


def _curves(body: bytes, edit: Edit, again: bool) -> bytes:
    """Rates of the fixed-width lines, units of 1e-7 percent."""

    def line(text: str) -> str:
        new = edit(Decimal(text[52:66]))
        return f"{text[:52]}{new if isinstance(new, str) else f'{int(new):014d}':>14}{text[66:]}"

    def change(inner: bytes) -> bytes:
        lines = inner.decode("latin-1").splitlines()
        new = [line(text) for text in lines]
        return ("\r\n".join(lines + new if again else new) + "\r\n").encode("latin-1")

    return _repacked(body, lambda program: _repacked(program, change))


def _settlements(body: bytes, edit: Edit, again: bool) -> bytes:
    """Prices and rates of the XML; a group of a contract is repeated as a whole."""

    def group(text: str) -> str:
        return re.sub(
            r"(<(?:AdjstdQt|AdjstdQtTax)\b[^>]*>)(-?[\d.]+)(<)", lambda m: f"{m[1]}{edit(Decimal(m[2]))}{m[3]}", text
        )

    def change(xml: bytes) -> bytes:
        both = re.sub(
            r"<BizGrp>.*?</BizGrp>", lambda m: (m[0] if again else "") + group(m[0]), xml.decode(), flags=re.DOTALL
        )
        return both.encode()

    return _repacked(body, lambda packed: _repacked(packed, change))


def _debt(body: bytes, edit: Edit, again: bool) -> bytes:
    """Numbers of every sheet of the workbook in the zip; the page that leads to it has none."""
    return _repacked(body, lambda book: _sheets(book, edit, again))


def _sheets(book: bytes, edit: Edit, again: bool) -> bytes:
    from openpyxl import Workbook, load_workbook

    out, new = BytesIO(), Workbook(write_only=True)
    for old in load_workbook(BytesIO(book), read_only=True).worksheets:
        sheet = new.create_sheet(old.title)
        for row in old.iter_rows(values_only=True):
            changed = [_written(c, edit) if isinstance(c, float | int) else c for c in row]
            for line in [list(row), changed] if again and changed != list(row) else [changed]:
                sheet.append(line)
    new.save(out)
    return out.getvalue()


_FORECAST = "(?i)mediana|media|desviopadrao|minimo|maximo"
EDITORS: Mapping[str, Editor] = {
    "bcb_sgs": _rows("valor"),
    "bcb_ptax": _rows("cotacao.*", "value"),
    "bcb_focus": _rows(_FORECAST, "value"),
    "bcb_focus_periods": _rows(_FORECAST, "value"),
    "ibge": _ibge,
    "stn": _table(";", slice(1, 2), comma=True, encoding="latin-1"),
    "stn_debt": _debt,
    "ipeadata": _rows("VALVALOR", "value"),
    "fred": _fred,
    "us_treasury": _table(",", slice(1, None)),
    "nyfed": _rows("percentRate|volumeInBillions|targetRate(From|To)", "refRates"),
    "cboe": _table(",", slice(1, None)),
    "yahoo": _yahoo,
    "cftc": _rows(r".*_po\w*tions_.*|open_interest_all"),
    "anbima_vna": _table(";", slice(2, 3), comma=True, encoding="latin-1"),
    "anbima_ettj": _table(";", slice(0, None), comma=True, encoding="latin-1"),
    "anbima_bonds": _table("@", slice(5, 10), comma=True, encoding="latin-1"),
    "tesouro_direto": _table(";", slice(3, None), comma=True, encoding="latin-1"),
    "b3_curves": _curves,
    "b3_settlements": _settlements,
}
