"""Canonical JSON and content ids: the same facts give the same id on any machine.

Belongs here: how a record is written down for hashing. Does not belong here: which records exist (`ledger_tables.py`).
"""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any


def _encode(value: Any) -> str:
    if isinstance(value, datetime):
        if value.tzinfo is None:
            raise ValueError(f"time {value} has no time zone; pass UTC times")
        return (value if value.tzinfo is UTC else value.astimezone(UTC)).isoformat()
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Decimal):
        return format(value, "f")
    raise ValueError(f"{type(value).__name__} {value!r} has no canonical form; use numbers, text, dates or lists")


# Made once: a ledger of years is written down row by row when it is verified.
_ENCODER = json.JSONEncoder(
    sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False, check_circular=False, default=_encode
)


def canonical_json(value: Any) -> str:
    """One text for one content: sorted keys, no spaces, shortest round-trip floats, UTC times, decimals as text.

    Raises ValueError on NaN, on times without a zone and on types without a canonical form.
    """
    return _ENCODER.encode(value)


def content_id(value: Any, length: int = 12) -> str:
    """First `length` hex digits of the SHA-256 of the canonical JSON."""
    return hashlib.sha256(canonical_json(value).encode()).hexdigest()[:length]
