"""The hash-chained journal: one entry for every row that the ledger ever took.

Belongs here: how an entry is chained and how tampering is found. Does not belong here: what is recorded (`ledger.py`).

hash(n) = SHA-256(hash(n-1) + canonical JSON of entry n). A changed, deleted or swapped entry breaks the chain at a
place that `problems` names; a changed or deleted ledger row no longer equals its entry's body. Somebody who rewrites
every row and every entry after it can only be caught by a head hash noted elsewhere, so `head` is printed for people
to keep.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from macro_fund.store.content import canonical_json
from macro_fund.store.ledger_tables import JOURNAL, KINDS

GENESIS = "0" * 64


def _hash(prev_hash: str, at: datetime, kind: str, ref: str, body: str) -> str:
    text = canonical_json({"at": at, "kind": kind, "ref": ref, "body": body})
    return hashlib.sha256((prev_hash + text).encode()).hexdigest()


def head(conn: sa.Connection) -> tuple[int, str]:
    """Number and hash of the last entry; (0, 64 zeros) for an empty journal."""
    last = conn.execute(sa.select(JOURNAL.c.seq, JOURNAL.c.hash).order_by(JOURNAL.c.seq.desc()).limit(1)).first()
    return (last.seq, last.hash) if last else (0, GENESIS)


def append(conn: sa.Connection, kind: str, records: Iterable[Mapping[str, Any]], at: datetime) -> None:
    """Chain one entry a record, in order, inside the caller's transaction (which holds the write lock)."""
    seq, prev = head(conn)
    entries = []
    for record in records:
        ref, body = str(record[KINDS[kind][1]]), canonical_json(dict(record))
        link = _hash(prev, at, kind, ref, body)
        seq += 1
        entries.append({"seq": seq, "at": at, "kind": kind, "ref": ref, "body": body, "prev_hash": prev, "hash": link})
        prev = link
    if entries:
        conn.execute(sa.insert(JOURNAL), entries)


def problems(conn: sa.Connection) -> list[str]:
    """What is wrong with the journal and the rows it describes, each located in words; empty when all is well."""
    entries = conn.execute(sa.select(JOURNAL).order_by(JOURNAL.c.seq)).all()
    return _chain_problems(entries) + _row_problems(conn, entries)


def _chain_problems(entries: Sequence[Any]) -> list[str]:
    found: list[str] = []
    written_as = {e.hash: e.seq for e in entries}
    expected, prev = 1, GENESIS
    for e in entries:
        name = f"journal entry {e.seq} ({e.kind} {e.ref})"
        missing = e.seq - expected
        if missing > 0:
            gap = f"entry {expected} is" if missing == 1 else f"entries {expected} to {e.seq - 1} are"
            found.append(f"journal {gap} missing: deleted before {name}")
        if _hash(e.prev_hash, e.at, e.kind, e.ref, e.body) != e.hash:
            found.append(f"{name}: its content was changed after it was written")
        elif e.prev_hash != prev and missing <= 0:
            after = written_as.get(e.prev_hash, 0 if e.prev_hash == GENESIS else None)
            if after is None:
                found.append(f"{name} does not follow entry {e.seq - 1}: one was rewritten, or one between was deleted")
            else:
                found.append(f"{name} is out of order: it was written after entry {after}, not {e.seq - 1}")
        expected, prev = e.seq + 1, e.hash
    return found


def _row_problems(conn: sa.Connection, entries: Sequence[Any]) -> list[str]:
    found: list[str] = []
    for kind, (table, id_column) in KINDS.items():
        rows = {str(r[id_column]): canonical_json(dict(r)) for r in conn.execute(sa.select(table)).mappings()}
        journalled = {e.ref: e for e in entries if e.kind == kind}
        for ref, entry in journalled.items():
            if ref not in rows:
                found.append(f"{table.name} row {ref} was deleted: journal entry {entry.seq} describes it")
            elif rows[ref] != entry.body:
                found.append(f"{table.name} row {ref} differs from journal entry {entry.seq}")
        found += [f"{table.name} row {ref} has no journal entry" for ref in sorted(rows.keys() - journalled.keys())]
    return found
