"""A broker's statement as a file: what it must look like, and the rows that the ledger keeps of it.

Belongs here: reading and refusing. Does not belong here: comparing (`reconciliation.py`), recording
(`store/ledger.py`).

CSV with the columns date, contract, quantity, price, cash. A row is a position (contract, quantity signed with + = long
the price, and the price it is marked at; no cash), or the cash after a close in BRL (no contract). A day without
positions has its cash alone.
"""

from __future__ import annotations

import csv
import hashlib
from collections.abc import Iterator, Mapping
from datetime import date
from decimal import Decimal, InvalidOperation
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Any

from macro_fund.store.content import content_id

if TYPE_CHECKING:
    from macro_fund.time.sessions import Sessions

COLUMNS = ("date", "contract", "quantity", "price", "cash")

Row = Mapping[str, str]


class StatementError(ValueError):
    """The file is no statement; the message names the file, the line and what is wrong with it."""


def read_statement(path: Path, table: Sessions) -> list[dict[str, Any]]:
    """Rows of broker_statements (without person and time) of a file; StatementError for anything but a good one."""
    try:
        content = path.read_bytes()
        text = content.decode("utf-8-sig")
    except OSError as error:
        raise StatementError(f"{path} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError:
        raise StatementError(f"{path} is no text in UTF-8: save it as CSV") from None
    digest = hashlib.sha256(content).hexdigest()
    rows = []
    seen: dict[tuple[date, str], int] = {}
    for line, row in _lines(path, text):
        parsed = _parsed(path, line, row, table)
        key = parsed["day"], parsed["contract"]
        if key in seen:
            what = key[1] or "the cash"
            raise StatementError(f"{path}, line {line}: {what} of {key[0]} is in line {seen[key]} already")
        seen[key] = line
        rows.append({"row_id": content_id({"digest": digest, "line": line}), "digest": digest, "line": line, **parsed})
    if not rows:
        raise StatementError(f"{path} has no rows below its header: a day without positions has a row with its cash")
    return rows


def _lines(path: Path, text: str) -> Iterator[tuple[int, Row]]:
    """(line, cells by column) of each row that is not blank."""
    reader = csv.reader(text.splitlines(), strict=True)
    try:
        header = tuple(name.strip().lower() for name in next(reader, []))
        if sorted(header) != sorted(COLUMNS):
            raise StatementError(
                f"{path}: the first line must name the columns {','.join(COLUMNS)}, it is {','.join(header)!r}"
            )
        for cells in reader:
            if not any(cell.strip() for cell in cells):
                continue
            if len(cells) != len(header):
                raise StatementError(f"{path}, line {reader.line_num}: {len(cells)} cells, expected {len(header)}")
            yield reader.line_num, dict(zip(header, (cell.strip() for cell in cells), strict=True))
    except csv.Error as error:
        raise StatementError(f"{path}, line {reader.line_num}: {error}") from error


def _parsed(path: Path, line: int, row: Row, table: Sessions) -> dict[str, Any]:
    def wrong(words: str) -> StatementError:
        return StatementError(f"{path}, line {line}: {words}")

    try:
        day = date.fromisoformat(row["date"])
    except ValueError:
        raise wrong(f"date {row['date']!r} is no day, write YYYY-MM-DD") from None
    if not table.is_session(day):
        raise wrong(f"{day} is no trading day of B3")
    contract, position = row["contract"], (row["quantity"], row["price"])
    if not contract:
        if any(position) or not row["cash"]:
            raise wrong("a row without a contract is the day's cash: give cash, and no quantity or price")
        return {"day": day, "contract": "", "quantity": None, "price": None, "cash_brl": _money(row["cash"], wrong)}
    if not all(position) or row["cash"]:
        raise wrong(f"{contract} needs quantity and price, and no cash: cash has a row without a contract")
    quantity, price = _number(row["quantity"], int), _number(row["price"], float)
    if quantity is None:
        raise wrong(f"quantity {row['quantity']!r} is no whole number")
    if price is None or not isfinite(price) or price <= 0:
        raise wrong(f"price {row['price']!r} is no number above 0 (decimal point, no thousands)")
    return {"day": day, "contract": contract, "quantity": quantity, "price": price, "cash_brl": None}


def _number(text: str, kind: Any) -> Any:
    try:
        return kind(text)
    except ValueError:
        return None


def _money(text: str, wrong: Any) -> Decimal:
    try:
        amount = Decimal(text)
        if amount.is_finite() and amount == amount.quantize(Decimal("0.01")):
            return amount.quantize(Decimal("0.01"))
    except InvalidOperation:
        pass
    raise wrong(f"cash {text!r} is no amount in BRL to the cent (decimal point, no thousands)")
