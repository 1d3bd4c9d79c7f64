"""The raw archive: every payload that a provider sent, compressed and addressed by its content, and replay from it.

Belongs here: keeping payloads, finding them again, proving that they are whole. Does not belong here: asking providers
(`sources.http`) or reading what a payload says (the connectors).

Layout: `<root>/ab/<sha256>.zst` (body, zstandard) and `<root>/index.sqlite` (who was asked what, when, and the sha256
of the answer). A body is written to a temporary name and renamed before its index row is committed, so a process that
is killed leaves whole bodies only, and never an index row without its body. The same body is stored once.
"""

from __future__ import annotations

import hashlib
import os
import sqlite3
import threading
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import zstandard

from macro_fund.sources.http import Payload, Reply, Request, SourceError

INDEX = "index.sqlite"
LEVEL = 3
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SCHEMA = """
CREATE TABLE IF NOT EXISTS answers (
    id INTEGER PRIMARY KEY,
    provider TEXT NOT NULL,
    method TEXT NOT NULL,
    url TEXT NOT NULL,
    asked_sha256 TEXT NOT NULL,
    label TEXT NOT NULL,
    status INTEGER NOT NULL,
    fetched_at INTEGER NOT NULL,
    sha256 TEXT NOT NULL,
    UNIQUE (url, method, asked_sha256, fetched_at, status, sha256)
) STRICT;
"""
_MATCH = "FROM answers WHERE url = ? AND method = ? AND asked_sha256 = ?"


class ArchiveError(ValueError):
    """The archive is missing or damaged; the message names the file and the remedy."""


@dataclass(frozen=True)
class Answer:
    """One archived answer. `fetched_at` in UTC; `sha256` is of the body."""

    status: int
    fetched_at: datetime
    sha256: str
    body: bytes


def _asked(body: bytes | None) -> str:
    """Address of a request's body; empty for a request without one."""
    return "" if body is None else hashlib.sha256(body).hexdigest()


def _micros(moment: datetime) -> int:
    return (moment.astimezone(UTC) - _EPOCH) // timedelta(microseconds=1)


class Archive:
    """A raw archive in a folder, made on first use. Safe for several threads and processes.

    `read_only` opens an existing archive and refuses to write; ArchiveError when there is none.
    """

    def __init__(self, root: Path, *, read_only: bool = False) -> None:
        self.root = root
        self.read_only = read_only
        self._lock = threading.Lock()
        self._compressor = zstandard.ZstdCompressor(level=LEVEL)
        self._index = self._open_index()

    def _open_index(self) -> sqlite3.Connection:
        path = self.root / INDEX
        if self.read_only:
            if not path.is_file():
                raise ArchiveError(f"{self.root} is not a raw archive (no {INDEX}); give the folder that holds {INDEX}")
            # A folder that we may not write to cannot hold the lock files of WAL: read the file as it is.
            mode = "mode=ro" if os.access(self.root, os.W_OK) else "immutable=1"
            return sqlite3.connect(f"{path.absolute().as_uri()}?{mode}", uri=True, timeout=60, check_same_thread=False)
        self.root.mkdir(parents=True, exist_ok=True)
        index = sqlite3.connect(path, timeout=60, check_same_thread=False, isolation_level=None)
        index.execute("PRAGMA journal_mode = WAL")
        index.execute("PRAGMA synchronous = NORMAL")
        index.execute(_SCHEMA)
        return index

    def close(self) -> None:
        self._index.close()

    def put(self, payload: Payload) -> None:
        """Keep one payload. Keeping the same one again changes nothing."""
        if self.read_only:
            raise ArchiveError(f"{self.root}: the archive was opened to be read only")
        request = payload.request
        with self._lock:
            self._write_body(payload.sha256, payload.body)
            self._index.execute(
                "INSERT OR IGNORE INTO answers (provider, method, url, asked_sha256, label, status, fetched_at, sha256)"
                " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    request.provider,
                    request.method,
                    request.url,
                    _asked(request.body),
                    request.label,
                    payload.status,
                    _micros(payload.fetched_at),
                    payload.sha256,
                ),
            )

    def _path(self, sha256: str) -> Path:
        return self.root / sha256[:2] / f"{sha256}.zst"

    def _write_body(self, sha256: str, body: bytes) -> None:
        path = self._path(sha256)
        if path.exists() and path.stat().st_size > 0:
            return
        draft = path.with_name(f".{sha256}.{os.getpid()}.{threading.get_ident()}.tmp")
        packed = self._compressor.compress(body)
        try:
            draft.write_bytes(packed)
        except FileNotFoundError:
            path.parent.mkdir(exist_ok=True)
            draft.write_bytes(packed)
        os.replace(draft, path)

    def body(self, sha256: str) -> bytes:
        """The body with this address; ArchiveError when it is missing or does not match its address."""
        path = self._path(sha256)
        try:
            body = zstandard.ZstdDecompressor().decompress(path.read_bytes())
        except FileNotFoundError:
            raise ArchiveError(f"{path}: missing from the raw archive; restore it from a backup") from None
        except zstandard.ZstdError as error:
            raise ArchiveError(f"{path}: damaged ({error}); restore it from a backup") from None
        if hashlib.sha256(body).hexdigest() != sha256:
            raise ArchiveError(f"{path}: the content does not match its address; restore it from a backup")
        return body

    def latest(self, request: Request, upto: datetime) -> Answer | None:
        """The newest answer to the same method, url and body fetched at or before `upto`; None when there is none."""
        return self._one("fetched_at <= ? ORDER BY fetched_at DESC, id DESC", request, upto)

    def first_after(self, request: Request, moment: datetime) -> Answer | None:
        """The oldest answer to the same question fetched after `moment`; None when there is none."""
        return self._one("fetched_at > ? ORDER BY fetched_at, id", request, moment)

    def _one(self, which: str, request: Request, moment: datetime) -> Answer | None:
        asked = (request.url, request.method, _asked(request.body), _micros(moment))
        with self._lock:
            row = self._index.execute(
                f"SELECT status, fetched_at, sha256 {_MATCH} AND {which} LIMIT 1", asked
            ).fetchone()
        if row is None:
            return None
        status, micros, sha256 = row
        return Answer(status, _EPOCH + timedelta(microseconds=micros), sha256, self.body(sha256))

    def count(self) -> int:
        """Number of answers kept."""
        with self._lock:
            return int(self._index.execute("SELECT count(*) FROM answers").fetchone()[0])

    def problems(self) -> list[str]:
        """One message for every indexed body that is missing or damaged; empty when the archive is whole."""
        with self._lock:
            addresses = [row[0] for row in self._index.execute("SELECT DISTINCT sha256 FROM answers ORDER BY sha256")]
        found = []
        for sha256 in addresses:
            try:
                self.body(sha256)
            except ArchiveError as error:
                found.append(str(error))
        return found


class ReplayArchiveTransport:
    """Answers from a raw archive what was answered last at or before `upto` (UTC), or first after it.

    A fund that opens asks for the past only on its first day: that answer is the evidence for every day before it. What
    became public after `upto` is not used, whatever the answer holds (ingest.py).
    """

    waits = False

    def __init__(self, archive: Archive, upto: datetime) -> None:
        self._archive = archive
        self._upto = upto

    def send(self, request: Request, timeout_s: float) -> Reply:
        """The archived reply (timeout_s is not needed); SourceError when the archive has none."""
        answer = self._archive.latest(request, self._upto) or self._archive.first_after(request, self._upto)
        if answer is None:
            raise SourceError(
                request,
                f"the raw archive {self._archive.root} holds no answer: this was never asked",
                remedy="replay a session that this archive recorded, or record it with source live",
            )
        return Reply(answer.status, {}, answer.body)
