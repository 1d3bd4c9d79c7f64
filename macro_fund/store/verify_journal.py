"""Whether a chain of journal entries was tampered with, checked without the fund: this file runs alone.

    python verify_journal.py journal.jsonl [--head N:HASH]

Belongs here: the hash of an entry, and what can be told from the entries themselves. `journal.py` checks the database
with the same functions. Does not belong here: the rows that entries describe (`journal.py`), anything but the standard
library: an auditor copies this file and an export to another machine with Python 3.9 or newer.

A line of the file is one entry: seq, at, kind, ref, body, prev_hash, hash. The hash is the SHA-256 of the hash before
(64 zeros before entry 1) followed by the JSON of at, body, kind and ref in this order, without spaces, in ASCII.
Whoever rewrites every entry, or cuts off the last ones, leaves a chain that is sound: only a head noted elsewhere shows
it.

Exit code 0: intact; 1: tampered with, or not readable.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
from collections.abc import Collection, Iterable, Sequence
from itertools import groupby
from json.encoder import encode_basestring_ascii as quoted
from pathlib import Path
from typing import Any, NamedTuple

GENESIS = "0" * 64


class Entry(NamedTuple):
    """A journal entry as it is exported; `at` is its UTC time in ISO format, `body` the JSON of the row."""

    seq: int
    at: str
    kind: str
    ref: str
    body: str
    prev_hash: str
    hash: str

    @property
    def name(self) -> str:
        return f"journal entry {self.seq} ({self.kind} {self.ref})"


class Head(NamedTuple):
    """Number and hash of a journal's last entry."""

    seq: int
    hash: str

    def __str__(self) -> str:
        return f"{self.seq}:{self.hash}"


def link(prev_hash: str, at: str, kind: str, ref: str, body: str) -> str:
    """The hash of an entry: 64 hexadecimal digits."""
    text = f'{{"at":{quoted(at)},"body":{quoted(body)},"kind":{quoted(kind)},"ref":{quoted(ref)}}}'
    return hashlib.sha256((prev_hash + text).encode()).hexdigest()


def parse_head(text: str) -> Head:
    """A head noted as N:HASH; ValueError when it is not one."""
    seq, _, digest = text.strip().partition(":")
    sound = seq.isascii() and seq.isdigit() and len(digest) == 64 and set(digest) <= set("0123456789abcdef")
    if not sound:
        raise ValueError(f"the head {text!r} is not N:HASH; give the number and the 64 digits that `verify` printed")
    return Head(int(seq), digest)


def chain_problems(entries: Sequence[Entry], noted: Head | None = None, unread: Collection[int] = ()) -> list[str]:
    """What is wrong with entries in the order of their numbers, each located in words; empty when all is well.

    `noted` is a head that was printed earlier; `unread` are numbers of entries that are there but could not be read.
    """
    found: list[str] = []
    written_as = {e.hash: e.seq for e in entries}
    described: dict[tuple[str, str], int] = {}
    expected, before = 1, {GENESIS}
    for seq, group in groupby(entries, key=lambda e: e.seq):
        twins = list(group)
        if seq > expected and not _all_in(unread, expected, seq):
            found.append(_missing(expected, seq, twins[0]))
        if len(twins) > 1:
            found.append(f"{twins[0].name} is there {len(twins)} times: all but one were inserted")
        for e in twins:
            if link(e.prev_hash, e.at, e.kind, e.ref, e.body) != e.hash:
                found.append(f"{e.name}: its content was changed after it was written")
            elif seq == expected and e.prev_hash not in before and seq - 1 not in unread:
                found.append(_misplaced(e, written_as))
            earlier = described.setdefault((e.kind, e.ref), seq)
            if earlier != seq:
                found.append(f"{e.name} describes the same row as entry {earlier}: one of them was inserted")
        expected, before = seq + 1, {e.hash for e in twins}
    return found + _head_problems(entries, noted)


def _all_in(numbers: Collection[int], first: int, end: int) -> bool:
    return end - first <= len(numbers) and all(n in numbers for n in range(first, end))


def _missing(expected: int, seq: int, after: Entry) -> str:
    gap = f"entry {expected} is" if seq == expected + 1 else f"entries {expected} to {seq - 1} are"
    return f"journal {gap} missing: deleted before {after.name}"


def _misplaced(entry: Entry, written_as: dict[str, int]) -> str:
    after = 0 if entry.prev_hash == GENESIS else written_as.get(entry.prev_hash)
    if after is None:
        return f"{entry.name} does not follow entry {entry.seq - 1}: one was rewritten, or one between was deleted"
    moved = f"{entry.name} is out of order: it was written after entry {after}, not {entry.seq - 1}"
    return moved if after > entry.seq else f"{moved}; what stands between was inserted or moved"


def _head_problems(entries: Sequence[Entry], noted: Head | None) -> list[str]:
    if noted is None or noted == (0, GENESIS):
        return []
    last = entries[-1].seq if entries else 0
    if last < noted.seq:
        return [f"the journal ends with entry {last}, but entry {noted.seq} was noted as its head: the end was cut off"]
    if any(e.seq == noted.seq and e.hash == noted.hash for e in reversed(entries)):
        return []
    return [f"journal entry {noted.seq} has another hash than the head that was noted: what is before was rewritten"]


def read_entries(lines: Iterable[str]) -> tuple[list[Entry], list[str], set[int]]:
    """Entries of an export in the order of their numbers, problems of its lines, numbers of lines without an entry."""
    entries: list[Entry] = []
    found: list[str] = []
    unread: set[int] = set()
    for number, line in enumerate(lines, start=1):
        try:
            entry = _entry(line)
        except ValueError as error:
            found.append(f"line {number} is not a journal entry: {error}")
            unread.add(number)
            continue
        if entries and entry.seq < entries[-1].seq:
            found.append(f"{entry.name} stands after entry {entries[-1].seq}: line {number} is out of order")
        entries.append(entry)
    return sorted(entries, key=lambda e: e.seq), found, unread


def _entry(line: str) -> Entry:
    try:
        record: Any = json.loads(line)
    except ValueError:
        raise ValueError("it is cut off or no JSON") from None
    if not isinstance(record, dict) or set(record) != set(Entry._fields):
        raise ValueError(f"it must have exactly {', '.join(Entry._fields)}")
    if type(record["seq"]) is not int or record["seq"] < 1:
        raise ValueError("its seq is not a whole number from 1")
    if not all(isinstance(record[name], str) for name in Entry._fields[1:]):
        raise ValueError("all but its seq must be text")
    return Entry(**record)


def file_problems(path: Path, noted: Head | None = None) -> tuple[list[str], Head]:
    """What is wrong with an exported journal, and the number and hash of its last entry."""
    try:
        with path.open(encoding="utf-8", newline="\n") as lines:
            entries, found, unread = read_entries(lines)
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        return [f"{path} cannot be read: {reason}"], Head(0, GENESIS)
    if not entries and not unread:
        return [f"{path} is empty: an export has a line for each entry; export the journal again"], Head(0, GENESIS)
    head = Head(entries[-1].seq, entries[-1].hash) if entries else Head(0, GENESIS)
    return found + chain_problems(entries, noted, unread), head


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="Verify an exported journal. Exit code 1 when it was tampered with.")
    parser.add_argument("file", type=Path, help="what `macro-fund journal export` wrote")
    parser.add_argument("--head", metavar="N:HASH", help="a head that was noted earlier")
    given = parser.parse_args(arguments)
    try:
        noted = None if given.head is None else parse_head(given.head)
    except ValueError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    problems, head = file_problems(given.file, noted)
    for problem in problems:
        print(f"error: {problem}", file=sys.stderr)
    if not problems:
        print(f"The journal is intact: {head.seq} entries, head {head}.")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
