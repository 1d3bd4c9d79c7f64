"""Banco Central do Brasil, COPOM: statements (comunicados) and minutes (atas), as JSON with HTML inside.

Belongs here: the addresses of the lists and of one document, and how they are read. Does not belong here: publication
rules (config/series) or what the words mean (the agents).

One list names all meetings since number 48 (June 2000), newest first; the details of a meeting hold its text. The two
kinds spell their keys in two ways (nro_reuniao, nroReuniao). Minutes come with their release day, and are released at
08:00 (08:30 until 2016, in the same session); old ones may be a PDF only. The provider's firewall refuses questions
that do not look like a browser's.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from datetime import date, datetime, time
from typing import Any

from macro_fund.settings import Series, Source
from macro_fund.sources.decode import RAW_CHARS, fail, iso_or_none, json_of, require_status
from macro_fund.sources.messages import Parsed, Payload, Request
from macro_fund.sources.text import instant, is_due, no_document, one_document, plain, tidy
from macro_fund.time.zones import SAO_PAULO

PROVIDER = "copom"
ROOT = "https://www.bcb.gov.br/api/servico/sitebcb/copom"
# More than there will ever be: the whole list comes in one answer.
LIST = ROOT + "/{code}?quantidade=1000&filtro="
DETAILS = ROOT + "/{code}_detalhes?nro_reuniao={number}"
HEADERS = (("Accept", "application/json, text/plain, */*"), ("Referer", "https://www.bcb.gov.br/controleinflacao"))
TEXT_KEY = {"comunicados": "textoComunicado", "atas": "textoAta"}
RELEASE = time(8)
_MEETING = re.compile(r"meeting (\d+) of (\d{4}-\d\d-\d\d)$")


def plan(series: Sequence[Series], windows: Mapping[str, tuple[date, date]], policy: Source) -> list[Request]:
    """The list of each kind of text: it always holds every meeting (policy has nothing to slice)."""
    return [
        Request(PROVIDER, "GET", LIST.format(code=s.code), f"COPOM list of {s.code}", (s.id,), HEADERS)
        for s in series
        if s.id in windows
    ]


def parse(payload: Payload, series: Sequence[Series]) -> Parsed:
    """The documents that a list names (follow), or the row of one document.

    A document that is not there yet is no row. Raises SourceError for a refusal, a web page, a cut or empty body,
    another shape, another meeting than asked, or a text that is missing although it is due.
    """
    (series_id,) = payload.request.items
    (one,) = (s for s in series if s.id == series_id)
    asked = _MEETING.search(payload.request.label)
    if asked is None:
        require_status(payload)
        return _listed(payload, one)
    return _document(payload, one, int(asked[1]), date.fromisoformat(asked[2]))


def _rows(payload: Payload) -> list[dict[str, Any]]:
    """The list under 'conteudo'."""
    document = json_of(payload)
    rows = document.get("conteudo") if isinstance(document, dict) else None
    if not isinstance(rows, list) or not all(isinstance(r, dict) for r in rows):
        words = document.get("message") or document.get("erro") if isinstance(document, dict) else None
        raise fail(payload, f"the provider says: {str(words)[:200]}" if words else "no list under 'conteudo'")
    return rows


def _listed(payload: Payload, series: Series) -> Parsed:
    """Each meeting of a list once, as a question for its details."""
    follow: dict[int, tuple[str, date, Request]] = {}
    refused = []
    for row in _rows(payload):
        number, day = _number(row), iso_or_none(row.get("dataReferencia"))
        if number is None or day is None:
            raw = json.dumps(row, ensure_ascii=False)[:RAW_CHARS]
            refused.append((series.id, day, raw, "no meeting number or day (nro_reuniao, dataReferencia)"))
            continue
        url = DETAILS.format(code=series.code, number=number)
        label = f"COPOM {series.code}, meeting {number} of {day}"
        follow[number] = (series.id, day, Request(PROVIDER, "GET", url, label, (series.id,), HEADERS))
    if refused and not follow:
        raise fail(payload, f"no row with a meeting number and a day; keys: {', '.join(_rows(payload)[0])[:200]}")
    return Parsed(no_document().rows, no_document(*refused).rejected, tuple(follow.values()))


def _number(row: Mapping[str, Any]) -> int | None:
    """The meeting's number in either spelling."""
    text = str(row.get("nro_reuniao", row.get("nroReuniao", ""))).strip()
    return int(text) if text.isdigit() else None


def _document(payload: Payload, series: Series, number: int, day: date) -> Parsed:
    if payload.status != 404:
        require_status(payload)
    rows = [] if payload.status == 404 else _rows(payload)
    if not rows:
        if not is_due(series, day, payload):
            return no_document()
        raise fail(payload, f"no text of meeting {number} of {day}, though it is due", transient=True)
    if any(row != rows[0] for row in rows):
        raise fail(payload, f"{len(rows)} different texts of meeting {number} of {day}")
    row, key = rows[0], TEXT_KEY[series.code]
    if _number(row) != number or iso_or_none(row.get("dataReferencia")) != day:
        got = f"meeting {_number(row)} of {row.get('dataReferencia')}"
        raise fail(payload, f"{got} where meeting {number} of {day} was asked")
    if key not in row:
        raise fail(payload, f"no {key} in the answer; keys: {', '.join(row)[:200]}")
    text = plain(str(row[key])) if str(row[key] or "").strip() else ""
    if not text:
        where = row.get("urlPdfAta") or "none"
        return no_document((f"{series.id} {number}", day, f"PDF: {where}", f"no text in {key}, at most a PDF"))
    facts = {
        "series_id": series.id,
        "event_date": day,
        "document": str(number),
        "title": tidy(str(row.get("titulo") or series.title)),
        "language": "pt",
        "url": payload.request.url,
    }
    return one_document(facts, text, _stated(payload, row, day))


def _stated(payload: Payload, row: Mapping[str, Any], day: date) -> datetime | None:
    """The release of minutes as the provider says it; None for statements, which do not say it."""
    if not row.get("dataPublicacao"):
        return None
    released = iso_or_none(row["dataPublicacao"])
    if released is None or released < day:
        raise fail(payload, f"release day {row['dataPublicacao']!r:.40} of a meeting of {day}")
    return instant(released, RELEASE, SAO_PAULO.key)
