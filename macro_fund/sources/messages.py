"""What is said between us and a provider: questions, answers, parsed rows and what went wrong.

Belongs here: the plain types that transports, connectors and ingestion exchange. Does not belong here: sending
(`http`), keeping (`store.archive`) or reading (`decode`, the connectors).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Literal
from urllib.parse import quote

import polars as pl

HEAD_CHARS = 120
RETRY_LATER = "run the session again later; what is missing is asked again"


@dataclass(frozen=True)
class Request:
    """One question to a provider. `url` is the literal https://HOST/PATH?QUERY that is sent ('$' literal, space %20).

    `label` says in words what it is for, `items` which series ids or contract roots depend on the answer. `secrets`
    names what the provider wants to know of us: '{NAME}' in the address or a header stands for it. `values` holds the
    secrets themselves, only in the copy that `Http` hands to the transport: they are never printed, kept or compared.
    `day`: the one day that the answer is about, where a file of a day never changes once it is some weeks old.
    """

    provider: str
    method: Literal["GET", "POST"]
    url: str
    label: str
    items: tuple[str, ...]
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes | None = None
    secrets: tuple[str, ...] = ()
    day: date | None = None
    values: Mapping[str, str] = field(default_factory=dict, repr=False, compare=False)

    def opened(self) -> tuple[str, dict[str, str]]:
        """Address and headers as they go over the wire, secrets in their places."""
        url, headers = self.url, dict(self.headers)
        for name, value in self.values.items():
            url = url.replace(f"{{{name}}}", quote(value, safe=""))
            headers = {k: v.replace(f"{{{name}}}", value) for k, v in headers.items()}
        return url, headers


@dataclass(frozen=True)
class Reply:
    """What came back over the wire, decompressed."""

    status: int
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True)
class Payload:
    """An answer with its evidence: `sha256` is of the body and is its address in the raw archive."""

    request: Request
    status: int
    body: bytes
    fetched_at: datetime
    sha256: str


@dataclass(frozen=True)
class Parsed:
    """What a connector read in one payload.

    rows: the facts of the source's bronze table: `fact` columns (series_id first), event_date, `values` and the other
    columns that describe the fact. Where the provider itself says when a row became public, also stated_time (UTC,
    null where it does not say) and stated_basis ('vintage' or 'calendar'); then a fact may have several vintages.
    rejected: item, event_date (nullable), raw, reason; item is the series id, or the series id, a space and the fact.
    follow: documents that a list names, as (series id, event date, request): those of the window are asked.
    """

    rows: pl.DataFrame
    rejected: pl.DataFrame
    follow: tuple[tuple[str, date, Request], ...] = ()


class TransportError(Exception):
    """No answer: timeout, refused or broken connection. Worth another attempt."""


def body_head(body: bytes) -> str:
    """First 120 characters of a body in one line, tags stripped, for error messages."""
    text = body[:4000].decode("utf-8", errors="replace")
    text = re.sub(r"(?is)<(script|style)\b.*?</\1>|<[^>]*>", " ", text)
    text = re.sub(r"\s+", " ", "".join(c if c.isprintable() else " " for c in text)).strip()
    return text[:HEAD_CHARS]


class SourceError(Exception):
    """A provider did not give what was asked. The message names provider, request, status, body head and remedy.

    `transient` True: the same question may succeed on the next attempt (HTML instead of data, truncated body).
    """

    def __init__(
        self,
        request: Request,
        reason: str,
        *,
        status: int | None = None,
        body: bytes = b"",
        remedy: str = RETRY_LATER,
        transient: bool = False,
        retry_after_s: float = 0.0,
    ) -> None:
        self.provider = request.provider
        self.request = request
        self.reason = reason
        self.status = status
        self.body_head = body_head(body)
        self.remedy = remedy
        self.transient = transient
        self.retry_after_s = retry_after_s
        answer = [f"status {status}"] if status is not None else []
        answer += [f"body starts {self.body_head!r}"] if self.body_head else []
        tail = f" ({', '.join(answer)})" if answer else ""
        super().__init__(f"{self.provider}: {request.label}: {reason}{tail}; {request.method} {request.url}; {remedy}")
