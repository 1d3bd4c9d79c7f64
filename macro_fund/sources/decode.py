"""What the connectors share when they read a body: refuse what is not data, then turn text into numbers.

Belongs here: checks of a payload that hold for any provider, and text -> typed columns with a reason for every row
that is refused. Does not belong here: a provider's own format (its module), or whether a value is new (`ingest`).

HTML, empty and cut bodies are transient errors: the providers answer such things for minutes and then recover, so
`Http.fetch` asks again before giving up.
"""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Collection, Iterable, Sequence
from datetime import date
from typing import Any

import polars as pl

from macro_fund.settings import Series
from macro_fund.sources.http import RETRY_LATER, Parsed, Payload, SourceError

ROWS = pl.Schema({"series_id": pl.String, "event_date": pl.Date, "value": pl.Float64})
REJECTED = pl.Schema({"item": pl.String, "event_date": pl.Date, "raw": pl.String, "reason": pl.String})
RAW_CHARS = 500


def fail(payload: Payload, reason: str, *, remedy: str = RETRY_LATER, transient: bool = False) -> SourceError:
    """A SourceError about this payload, ready to raise."""
    return SourceError(
        payload.request, reason, status=payload.status, body=payload.body, remedy=remedy, transient=transient
    )


def require_status(payload: Payload, *allowed: int) -> None:
    """Refuse a status other than `allowed` (default 200)."""
    if payload.status not in (allowed or (200,)):
        raise fail(payload, "refused by the provider", remedy="check the series code and the address in config/series")


def reject_html(payload: Payload) -> None:
    """Refuse an empty body, or a page (HTML, XML error) where data was asked. Not for providers that answer XML."""
    start = payload.body[:300].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if not start:
        raise fail(payload, "empty answer", transient=True)
    if start.startswith(b"<"):
        raise fail(payload, "a web page instead of data", transient=True)


def text_of(payload: Payload, encoding: str = "utf-8") -> str:
    """The body as text without a byte order mark; refuses HTML, empty bodies and other encodings."""
    reject_html(payload)
    try:
        return payload.body.decode(encoding).removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        raise fail(payload, f"not {encoding} text: {error.reason} at byte {error.start}", transient=True) from None


def json_of(payload: Payload) -> Any:
    """The body as JSON; refuses HTML, empty and cut bodies. NaN and Infinity come as text."""
    text = text_of(payload)
    try:
        return json.loads(text, parse_constant=str)
    except json.JSONDecodeError as error:
        raise fail(payload, f"not complete JSON: {error.msg} at character {error.pos}", transient=True) from None


def csv_lines(payload: Payload, header: Sequence[str], *, ends_with_newline: bool = True) -> list[list[str]]:
    """Rows of a comma-separated file below its header; blank lines dropped.

    `header`: the names that the first columns must have (case ignored). A last line without its newline, or a row
    with another number of cells than the header, is a cut file.
    """
    text = text_of(payload)
    lines = [r for r in csv.reader(io.StringIO(text)) if any(c.strip() for c in r)]
    got = [c.strip() for c in lines[0]] if lines else []
    if [c.lower() for c in got[: len(header)]] != [h.lower() for h in header]:
        raise fail(payload, f"columns {', '.join(got)!r:.80} where {', '.join(header)!r} is expected")
    cut = [i for i, row in enumerate(lines, start=1) if len(row) != len(got)]
    if cut or (ends_with_newline and not text.endswith("\n")):
        raise fail(payload, f"cut file: line {cut[0] if cut else len(lines)} is not complete", transient=True)
    return lines[1:]


def number_or_reason(text: object) -> tuple[float | None, str]:
    """(number, '') or (None, why not) of one value written with a decimal point."""
    raw = "" if text is None else str(text).strip()
    if not raw:
        return None, "no value"
    try:
        number = float(raw)
    except ValueError:
        return None, f"not a number: {raw[:40]!r}"
    return (number, "") if math.isfinite(number) else (None, f"not a finite number: {raw[:40]!r}")


def iso_or_none(text: object) -> date | None:
    """The day of 'YYYY-MM-DD...' text, None when it is not one."""
    try:
        return date.fromisoformat(str(text).strip()[:10])
    except ValueError:
        return None


def observations(
    triples: Iterable[tuple[str, date | None, object]], series: Collection[Series], missing: Collection[str] = ()
) -> Parsed:
    """Typed rows of (series id, day or None, value as received); value = number x the series' scale.

    `missing`: texts by which the provider says that there is no value (dropped silently, e.g. '.' for a holiday).
    Everything else that is not a finite number, or has no readable day, is rejected with its reason.
    """
    scale = {s.id: s.scale for s in series}
    rows: list[tuple[str, date, float]] = []
    rejected: list[tuple[str, date | None, str, str]] = []
    for series_id, day, raw in triples:
        text = "" if raw is None else str(raw).strip()
        if text in missing:
            continue
        number, reason = number_or_reason(raw)
        if day is None:
            reason = "day not readable"
        if number is None or day is None:
            rejected.append((series_id, day, text[:RAW_CHARS], reason))
        else:
            rows.append((series_id, day, number * scale[series_id]))
    return Parsed(pl.DataFrame(rows, ROWS, orient="row"), pl.DataFrame(rejected, REJECTED, orient="row"))
