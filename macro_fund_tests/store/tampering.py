"""Everything that somebody can do to the journal of the full story, and the table of what is said about it.

python -m macro_fund_tests.store.tampering     prints the table of docs/runbooks/journal.md
"""

from __future__ import annotations

import hashlib
import json
import tempfile
from collections.abc import Callable
from copy import deepcopy
from datetime import timedelta
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from macro_fund.store.content import canonical_json
from macro_fund.store.ledger import open_ledger
from macro_fund.store.ledger_tables import FILLS, JOURNAL, PROPOSALS
from macro_fund.store.verify_journal import Head, file_problems
from macro_fund_tests.store.stories import NOW, full_story, run_sql

Row = dict[str, Any]


def digest_of(entry: Row) -> str:
    """An entry's hash as docs/runbooks/journal.md describes it."""
    text = canonical_json({k: entry[k] for k in ("at", "kind", "ref", "body")})
    return hashlib.sha256((entry["prev_hash"] + text).encode()).hexdigest()


def with_hash(entry: Row, **changed: Any) -> Row:
    """The entry changed by somebody who knows how hashes are made."""
    made = {**entry, **changed}
    return {**made, "hash": digest_of(made)}


def chained(entries: list[Row]) -> list[Row]:
    """The entries numbered and chained anew: what only a head noted elsewhere shows."""
    made, prev = [], "0" * 64
    for seq, entry in enumerate(entries, start=1):
        made.append(with_hash(entry, seq=seq, prev_hash=prev))
        prev = made[-1]["hash"]
    return made


def other_person(entry: Row) -> Row:
    return {**entry, "body": entry["body"].replace('"Ana"', '"Bia"')}


def journal_of(url: str) -> list[Row]:
    ledger = open_ledger(url)
    rows = list(ledger.journal().iter_rows(named=True))
    ledger.close()
    return rows


def _replaced(url: str, change: Callable[[list[Row]], list[Row]]) -> list[str | sa.Executable]:
    return [sa.delete(JOURNAL), sa.insert(JOURNAL).values(change(journal_of(url)))]


_REQUIRED = ", ".join(c.name for c in PROPOSALS.columns if not c.nullable and not c.primary_key)


def _inserted(rows: list[Row]) -> list[Row]:
    forged = with_hash(rows[1], seq=3, ref="f" * 12, prev_hash=rows[1]["hash"])
    return [*rows[:2], forged, *({**r, "seq": r["seq"] + 1} for r in rows[2:])]


def _swapped(rows: list[Row]) -> list[Row]:
    return [rows[0], {**rows[2], "seq": 2}, {**rows[1], "seq": 3}, *rows[3:]]


def _renumbered(rows: list[Row]) -> list[Row]:
    return [rows[0], *({**r, "seq": r["seq"] - 1} for r in rows[2:])]


# In words: what is run with the triggers switched off. `head`: the head of the untouched journal was noted.
DATABASE: dict[str, Callable[[str], list[str | sa.Executable]]] = {
    "An entry's body is changed": lambda url: [
        "UPDATE journal SET body = replace(body, '120', '121') WHERE seq = 1"
    ],
    "An entry's time is changed": lambda url: [
        sa.update(JOURNAL).where(JOURNAL.c.seq == 3).values(at=NOW - timedelta(days=1))
    ],
    "An entry is deleted": lambda url: ["DELETE FROM journal WHERE seq = 2"],
    "Two entries are deleted": lambda url: ["DELETE FROM journal WHERE seq IN (2, 3)"],
    "The first entry is deleted": lambda url: ["DELETE FROM journal WHERE seq = 1"],
    "The last entry is deleted": lambda url: ["DELETE FROM journal WHERE seq = 5"],
    "An entry is deleted and the others numbered anew": lambda url: _replaced(url, _renumbered),
    "Two entries change places": lambda url: _replaced(url, _swapped),
    "A forged entry is inserted, the others numbered anew": lambda url: _replaced(url, _inserted),
    "A forged entry is appended": lambda url: [
        sa.insert(JOURNAL).values(
            with_hash(journal_of(url)[4], seq=6, kind="rumour", ref="n1", prev_hash=journal_of(url)[4]["hash"])
        )
    ],
    "An entry is appended a second time": lambda url: [
        sa.insert(JOURNAL).values(with_hash(journal_of(url)[4], seq=6, prev_hash=journal_of(url)[4]["hash"]))
    ],
    "An entry is rewritten with a hash that fits it": lambda url: _replaced(
        url, lambda rows: [*rows[:2], with_hash(other_person(rows[2])), *rows[3:]]
    ),
    "A row is changed": lambda url: ["UPDATE fills SET quantity = 121"],
    "A row's money is changed": lambda url: ["UPDATE fills SET cost_brl = '0.01'"],
    "A row's time is changed": lambda url: [sa.update(FILLS).values(recorded_at=NOW + timedelta(seconds=1))],
    "A row is deleted": lambda url: ["DELETE FROM fills"],
    "A row is added without an entry": lambda url: [
        f"INSERT INTO proposals (proposal_id, {_REQUIRED}) SELECT 'forged', {_REQUIRED} FROM proposals "
        "WHERE proposal_id = 'ab12cd34ef56'"
    ],
    "The last row and its entry are deleted; the head was noted": lambda url: [
        "DELETE FROM fills", "DELETE FROM journal WHERE seq = 5",
    ],
    "A row, its entry and every hash after it are rewritten; the head was noted": lambda url: [
        "UPDATE decisions SET person = 'Bia'",
        *_replaced(url, lambda rows: chained([*rows[:2], other_person(rows[2]), *rows[3:]])),
    ],
}  # fmt: skip


def text_of(entries: list[Row]) -> str:
    return "".join(canonical_json(e) + "\n" for e in entries)


# What is done to the exported file: from its entries to its new text.
FILE: dict[str, Callable[[list[Row]], str]] = {
    "A character of an entry is changed": lambda e: text_of(e).replace('"ref":"f1"', '"ref":"f2"'),
    "A line is deleted": lambda e: text_of([*e[:2], *e[3:]]),
    "Two lines change places": lambda e: text_of([e[0], e[2], e[1], *e[3:]]),
    "A line is there twice": lambda e: text_of([*e[:3], e[2], *e[3:]]),
    "A forged entry takes a number that is taken": lambda e: text_of([*e[:3], with_hash(other_person(e[2])), *e[3:]]),
    "The last lines are deleted; the head was noted": lambda e: text_of(e[:3]),
    "An entry and every hash after it are rewritten; the head was noted": lambda e: text_of(
        chained([*e[:2], other_person(e[2]), *e[3:]])
    ),
    "The file is cut off in a line": lambda e: text_of(e)[:-40],
    "A line is made unreadable": lambda e: text_of(e).replace('"seq":2', '"seq":"2"'),
    "The file is emptied": lambda e: "",
}


def said_of_database(url: str, name: str) -> list[str]:
    """What `journal verify` says about a new ledger at `url` after the full story and the tampering."""
    ledger = open_ledger(url)
    full_story(ledger)
    noted = ledger.journal_head()
    assert ledger.verify_journal(noted) == []
    run_sql(url, *DATABASE[name](url), unlocked=True)
    said = ledger.verify_journal(noted if "noted" in name else None)
    ledger.close()
    return said


def exported(url: str, folder: Path) -> tuple[Path, Head]:
    """The full story's journal as a file, and its head."""
    ledger = open_ledger(url)
    full_story(ledger)
    head = ledger.export_journal(folder / "journal.jsonl")
    ledger.close()
    return folder / "journal.jsonl", head


def said_of_file(file: Path, head: Head, name: str) -> list[str]:
    """What the verifier says about a copy of an exported file after the tampering."""
    entries = [json.loads(line) for line in file.read_text().splitlines()]
    changed = file.with_name("changed.jsonl")
    changed.write_text(FILE[name](deepcopy(entries)))
    return [p.replace(f"{changed.parent}/", "") for p in file_problems(changed, head if "noted" in name else None)[0]]


def table_line(name: str, said: list[str]) -> str:
    return f"| {name} | {'<br>'.join(said)} |"


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        file, head = exported(f"sqlite:///{folder}/story.sqlite", Path(folder))
        lines = ["| in the database | `macro-fund journal verify` says |", "| --- | --- |"]
        lines += [table_line(n, said_of_database(f"sqlite:///{folder}/{i}.sqlite", n)) for i, n in enumerate(DATABASE)]
        lines += ["", "| in an exported file | `verify_journal.py` says |", "| --- | --- |"]
        lines += [table_line(n, said_of_file(file, head, n)) for n in FILE]
    print("\n".join(lines))  # noqa: T201


if __name__ == "__main__":
    main()
