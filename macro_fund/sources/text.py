"""Central banks' texts: a page becomes plain text, a document becomes one row.

Belongs here: what the connectors of texts share: HTML -> plain text, its fingerprint, the row of a DOCUMENT table and
whether a document should be there by now. Does not belong here: a provider's addresses or page structure (its module).

Plain text: one line a paragraph, heading, list item or table row, single spaces, no invisible characters and no
non-breaking hyphens. The same words on a page laid out anew give the same text: another fingerprint is a revision.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Mapping
from datetime import UTC, date, datetime, time
from typing import Any
from zoneinfo import ZoneInfo

import polars as pl
from lxml import etree, html

from macro_fund.settings import Series
from macro_fund.sources.decode import REJECTED
from macro_fund.sources.messages import Parsed, Payload
from macro_fund.time.publication import knowledge_times

UTC_TIME = pl.Datetime("us", "UTC")
DOCUMENTS = pl.Schema(
    {
        "series_id": pl.String(),
        "event_date": pl.Date(),
        "document": pl.String(),
        "title": pl.String(),
        "language": pl.String(),
        "url": pl.String(),
        "text": pl.String(),
        "text_sha256": pl.String(),
        "stated_time": UTC_TIME,
        "stated_basis": pl.String(),
    }
)
_BOXES = ("address", "article", "aside", "blockquote", "body", "caption", "div", "figure", "footer", "header", "main")
_PARTS = (
    "br",
    "dd",
    "dl",
    "dt",
    "hr",
    "li",
    "ol",
    "p",
    "pre",
    "section",
    "table",
    "tbody",
    "tfoot",
    "thead",
    "tr",
    "ul",
)
_LINES = frozenset((*_BOXES, *_PARTS, "h1", "h2", "h3", "h4", "h5", "h6"))
_CELLS = frozenset(("td", "th"))
_SILENT = frozenset(("head", "script", "style", "noscript", "template", "svg", "iframe", "button", "select"))
# Soft hyphen, zero-width spaces and joiners, direction marks, byte order mark: nobody sees them.
_INVISIBLE = (
    "\u00ad\u180e\u200b\u200c\u200d\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2060\u2061\u2062\u2063\u2064\ufeff"
)
_SAME = {**dict.fromkeys(map(ord, _INVISIBLE), ""), 0x2010: "-", 0x2011: "-"}


def tidy(text: str) -> str:
    """Text with composed accents, one space where there was any white space, and no invisible characters or blank
    lines."""
    visible = unicodedata.normalize("NFC", text).translate(_SAME)
    lines = (re.sub(r"\s+", " ", line).strip() for line in visible.split("\n"))
    return "\n".join(line for line in lines if line)


def parse_html(source: str) -> Any:
    """The lxml tree of a page or a piece of one."""
    return html.document_fromstring(f"<div>{source}</div>" if "<html" not in source[:2000].lower() else source)


def plain(node: Any) -> str:
    """The plain text of a tree, or of HTML source. Scripts, styles and controls are left out."""
    root = parse_html(node) if isinstance(node, str) else node
    pieces: list[str] = []
    walk = etree.iterwalk(root, events=("start", "end", "comment", "pi"))
    for event, part in walk:
        pieces.append("\n" if part.tag in _LINES else " " if part.tag in _CELLS else "")
        if event == "start" and part.tag in _SILENT:
            walk.skip_subtree()
        elif event == "start":
            pieces.append(_one_line(part.text))
        elif part is not root:
            pieces.append(_one_line(part.tail))
    return tidy("".join(pieces))


def _one_line(text: str | None) -> str:
    """A line break inside a paragraph's source is a space."""
    return re.sub(r"\s+", " ", text or "")


def fingerprint(text: str) -> str:
    """SHA-256 of the plain text."""
    return hashlib.sha256(text.encode()).hexdigest()


def instant(day: date, at: time, tz: str) -> datetime:
    """A local time of release in UTC."""
    return datetime.combine(day, at, ZoneInfo(tz)).astimezone(UTC)


def one_document(facts: Mapping[str, object], text: str, stated: datetime | None) -> Parsed:
    """The row of one document. facts: the other columns up to url; stated: when the provider says it was released."""
    row = {
        **facts,
        "text": text,
        "text_sha256": fingerprint(text),
        "stated_time": stated,
        "stated_basis": "calendar" if stated else None,
    }
    return Parsed(pl.DataFrame([row], DOCUMENTS), pl.DataFrame(schema=REJECTED))


def no_document(*refused: tuple[str, date | None, str, str]) -> Parsed:
    """No row; `refused`: (item, event date, raw, reason)."""
    return Parsed(pl.DataFrame(schema=DOCUMENTS), pl.DataFrame(list(refused), REJECTED, orient="row"))


def is_due(series: Series, event_date: date, payload: Payload) -> bool:
    """Whether the series' rule makes a document of this day public by the time of the answer."""
    known = knowledge_times(pl.Series([event_date], dtype=pl.Date), series.publication, series.frequency)
    return bool(known[0] <= payload.fetched_at)
