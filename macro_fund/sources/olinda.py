"""Banco Central do Brasil, Olinda: what its OData services (PTAX, Focus) share.

Belongs here: the envelope of an Olinda answer. Does not belong here: the fields of one service (its own module).
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from macro_fund.sources.decode import fail, json_of, require_status
from macro_fund.sources.http import Payload

HOST = "https://olinda.bcb.gov.br/olinda/servico"


def records(payload: Payload, fields: Collection[str]) -> list[dict[str, Any]]:
    """The entries of `value`, each with at least `fields`; an empty list is a window without data.

    Raises SourceError for another status, a web page, a cut or empty body, or another shape.
    """
    require_status(payload)
    document = json_of(payload)
    found = document.get("value") if isinstance(document, dict) else None
    if not isinstance(found, list):
        raise fail(payload, "no list named 'value' in the answer")
    lacking = sorted({f for r in found for f in fields if not isinstance(r, dict) or f not in r})
    if lacking:
        raise fail(payload, f"entries without {', '.join(lacking)}: the provider changed its fields")
    return found
