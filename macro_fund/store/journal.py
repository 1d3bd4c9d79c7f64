"""The hash-chained journal: one entry for every row that the ledger ever took.

Belongs here: writing entries, and holding the chain against the rows that it describes. Does not belong here: the hash
of an entry and what the chain alone can tell (`verify_journal.py`), what is recorded (`ledger.py`).

A changed, deleted or swapped entry breaks the chain at a place that `problems` names; a changed or deleted ledger row
no longer equals its entry's body. A column that is younger than an entry is not in its body, and must be null in its
row: only an entry that names a column lets it hold something. Somebody who rewrites every row and every entry after it
can only be caught by a head noted elsewhere, so `head` is printed for people to keep.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

import sqlalchemy as sa

from macro_fund.store.content import canonical_json
from macro_fund.store.ledger_tables import JOURNAL, KINDS, UtcTime
from macro_fund.store.verify_journal import GENESIS, Entry, Head, chain_problems, link

_BATCH = 2000  # rows fetched at once


def head(conn: sa.Connection) -> Head:
    """Number and hash of the last entry; (0, 64 zeros) for an empty journal."""
    last = conn.execute(sa.select(JOURNAL.c.seq, JOURNAL.c.hash).order_by(JOURNAL.c.seq.desc()).limit(1)).first()
    return Head(last.seq, last.hash) if last else Head(0, GENESIS)


def append(conn: sa.Connection, kind: str, records: Iterable[Mapping[str, Any]], at: datetime) -> None:
    """Chain one entry a record, in order, inside the caller's transaction (which holds the write lock)."""
    seq, prev = head(conn)
    moment = at.astimezone(UTC).isoformat()
    rows = []
    for record in records:
        ref, body = str(record[KINDS[kind][1]]), canonical_json(dict(record))
        digest = link(prev, moment, kind, ref, body)
        seq += 1
        rows.append({"seq": seq, "at": at, "kind": kind, "ref": ref, "body": body, "prev_hash": prev, "hash": digest})
        prev = digest
    if rows:
        conn.execute(sa.insert(JOURNAL), rows)


def entries(conn: sa.Connection) -> Iterator[Entry]:
    """Every entry in order."""
    for seq, at, *texts in _stored(conn, list(JOURNAL.c), JOURNAL.c.seq):
        yield Entry(seq, _iso(at), *map(str, texts))


def _stored(conn: sa.Connection, columns: Sequence[sa.Column[Any]], *order: sa.Column[Any]) -> sa.Result[Any]:
    """Rows as the database keeps them: what SQLite would never have taken as a time or a number is no error here, it is
    a value that the journal does not describe."""
    query = sa.select(*(sa.type_coerce(c, sa.String) for c in columns)).order_by(*order)
    return conn.execution_options(yield_per=_BATCH).execute(query)


@lru_cache(maxsize=4096)
def _iso(at: Any) -> str:
    """The UTC time as `canonical_json` writes it; SQLite gives text without a zone, Postgres a datetime."""
    if isinstance(at, datetime):
        return at.astimezone(UTC).isoformat()
    try:
        return datetime.fromisoformat(at).replace(tzinfo=UTC).isoformat()
    except (ValueError, TypeError):
        return str(at)


def _parsed(value: Any) -> Any:
    """What a JSON column holds; Postgres' driver has parsed it already."""
    try:
        return json.loads(value) if isinstance(value, str) else value
    except ValueError:
        return value


def export_lines(conn: sa.Connection) -> Iterator[str]:
    """The journal as JSON lines, an entry a line, as `verify_journal.py` reads them."""
    return (canonical_json(entry._asdict()) + "\n" for entry in entries(conn))


def problems(conn: sa.Connection, noted: Head | None = None) -> list[str]:
    """What is wrong with the journal and the rows it describes, each located in words; empty when all is well.

    `noted` is a head that was printed earlier.
    """
    read = list(entries(conn))
    numbered = [e for e in read if type(e.seq) is int]
    found = [f"a journal entry has the number {e.seq!r}: it was changed" for e in read if type(e.seq) is not int]
    return found + chain_problems(numbered, noted) + _row_problems(conn, numbered)


def _row_problems(conn: sa.Connection, read: Sequence[Entry]) -> list[str]:
    found: list[str] = []
    by_kind: dict[str, dict[str, Entry]] = {kind: {} for kind in KINDS}
    for entry in read:
        if entry.kind in by_kind:
            by_kind[entry.kind][entry.ref] = entry
        else:
            unknown = "a kind that this version does not know: it was inserted, or macro_fund must be upgraded"
            found.append(f"{entry.name} is of {unknown}")
    for kind, journalled in by_kind.items():
        found += _differences(conn, kind, journalled)
    return found


def _differences(conn: sa.Connection, kind: str, journalled: dict[str, Entry]) -> list[str]:
    """How the rows of a kind differ from the entries that describe them, which are used up."""
    table, id_column = KINDS[kind]
    changed: list[str] = []
    unknown: list[str] = []
    for ref, row in _rows(conn, table, id_column):
        entry = journalled.pop(ref, None)
        if entry is None:
            unknown.append(ref)
        elif not _describes(entry.body, row):
            changed.append(f"{table.name} row {ref} differs from journal entry {entry.seq}")
    gone = [f"{table.name} row {e.ref} was deleted: journal entry {e.seq} describes it" for e in journalled.values()]
    return changed + gone + [f"{table.name} row {ref} has no journal entry" for ref in sorted(unknown)]


def _describes(body: str, row: Mapping[str, Any]) -> bool:
    """Whether the entry's body was written of the row; a row with a value that has no canonical JSON has no entry."""
    try:
        if canonical_json(row) == body:
            return True
        named = json.loads(body)
        return canonical_json({k: v for k, v in row.items() if v is not None or k in named}) == body
    except (ValueError, TypeError):
        return False


def _rows(conn: sa.Connection, table: sa.Table, id_column: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Id and content of every row, as entries' bodies tell it."""
    columns = sorted(table.c, key=lambda c: c.name)  # as canonical JSON wants them
    names = [c.name for c in columns]
    place = names.index(id_column)
    convert: list[tuple[int, Callable[[Any], Any]]]
    convert = [(i, _iso) for i, c in enumerate(columns) if isinstance(c.type, UtcTime)]
    convert += [(i, _parsed) for i, c in enumerate(columns) if isinstance(c.type, sa.JSON)]
    for row in _stored(conn, columns):
        values = list(row)
        for i, change in convert:
            values[i] = None if values[i] is None else change(values[i])
        yield str(values[place]), dict(zip(names, values, strict=True))
