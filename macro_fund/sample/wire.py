"""What the wire formats share: the question taken apart and the answers' envelopes.

Belongs here: URL parts, dates in URLs, replies with the SAMPLE mark. Does not belong here: one provider's format.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import unquote, urlsplit

import numpy as np

from macro_fund.sample.grid import LAST
from macro_fund.sample.public import View
from macro_fund.sources.http import Reply, Request

MARK = "SAMPLE"
NOT_FOUND = "<!DOCTYPE html><html><head><title>404</title></head><body><h1>404 Not Found</h1></body></html>"
# Beyond every simulated day (inflation targets are set three years ahead).
FOREVER = LAST + np.timedelta64(4000, "D")
ALWAYS = np.datetime64("1900-01-01", "D")


@dataclass(frozen=True)
class Ask:
    """A request's address: host, decoded path, decoded parameters of query and form body (last one wins), raw query."""

    host: str
    path: str
    query: Mapping[str, str]
    raw_query: str


Handler = Callable[[View, Ask], Reply]
Day = np.datetime64


def take_apart(request: Request) -> Ask:
    """The address of a request; a '+' stays a plus, as the providers' own servers treat '$' and '@' literally."""
    parts = urlsplit(request.url)
    form = (request.body or b"").decode("latin-1")
    pairs = (piece.partition("=") for text in (parts.query, form) for piece in text.split("&") if piece)
    return Ask(parts.netloc, unquote(parts.path), {unquote(k): unquote(v) for k, _, v in pairs}, parts.query)


def reply(body: str | bytes, content_type: str, status: int = 200) -> Reply:
    """An answer with the SAMPLE header."""
    data = body.encode() if isinstance(body, str) else body
    return Reply(status, {"content-type": content_type, "x-sample": MARK}, data)


def json_reply(document: Any, status: int = 200) -> Reply:
    """A JSON answer without spaces, accents kept."""
    body = json.dumps(document, ensure_ascii=False, separators=(",", ":"))
    return reply(body, "application/json; charset=utf-8", status)


def not_found() -> Reply:
    """A web page with status 404."""
    return reply(NOT_FOUND, "text/html; charset=utf-8", 404)


def day(text: str, form: str) -> Day:
    """A day written in `form` (strptime); raises ValueError for anything else."""
    moment = datetime.strptime(text.strip().strip("'"), form).replace(tzinfo=UTC)
    return np.datetime64(moment.date(), "D")
