"""Calendar events of instruments: which are recorded, and which version of each counts.

Belongs here: their rules and queries, inside the caller's transaction. Does not belong here: the transaction and the
journal (`ledger.py`), the table (`ledger_tables.py`), release calendars (config/releases), booking: the fund holds
futures only, which pay no coupon, so an event tells and books nothing.

A correction is a new version of the event; the newest one that is known counts. An event that does not happen is
corrected to the kind `withdrawn`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from macro_fund.store.content import content_id
from macro_fund.store.ledger_open import LedgerError
from macro_fund.store.ledger_tables import CALENDAR_EVENTS
from macro_fund.store.ledger_words import meant

EVENT_KINDS = ("coupon", "redemption", "expiry", "first_notice", "rebalance", "withdrawn")


def next_event_version(
    conn: sa.Connection, row: Mapping[str, Any], at: datetime, corrects: str | None
) -> dict[str, Any]:
    """The event to record; LedgerError when refused.

    row: instrument, event_date, kind, amount, source, reason, person. corrects: id or unique prefix of an event that
    this is the next version of.
    """
    body: dict[str, Any] = {k: " ".join(v.split()) if isinstance(v, str) else v for k, v in row.items()}
    body["recorded_at"] = at
    name = f"{body['instrument']} {body['event_date']}"
    if not body["person"]:
        raise LedgerError(f"{name}: who records it? Give a person's name (--as NAME)")
    if body["kind"] not in EVENT_KINDS:
        raise LedgerError(f"{name}: kind {body['kind']!r} is unknown; allowed: {', '.join(EVENT_KINDS)}")
    if not body["instrument"] or not body["source"]:
        raise LedgerError(f"{name}: an event needs an instrument and the source that says so (--source TEXT)")
    if body["amount"] is not None and not math.isfinite(body["amount"]):
        raise LedgerError(f"{name}: the amount {body['amount']} is no number; leave it out where it is not known")
    if corrects is None and body["kind"] == "withdrawn":
        raise LedgerError(f"{name}: what is withdrawn must be an event that is there (--corrects ID)")
    if corrects is not None and not body["reason"]:
        raise LedgerError(f"{name}: a correction needs a reason (--reason TEXT)")
    event_id = content_id(body)
    before = None if corrects is None else _newest(conn, corrects)
    if before is None:
        return {"event_id": event_id, "event": event_id, "version": 1, **body}
    return {"event_id": event_id, "event": before["event"], "version": before["version"] + 1, **body}


def events_query(upto: datetime | None) -> sa.Select[Any]:
    """The newest version recorded up to and including `upto` (None: of all) of each event, by day."""
    table, newer = CALENDAR_EVENTS, CALENDAR_EVENTS.alias("newer")
    known, known_too = (sa.true() if upto is None else t.c.recorded_at <= upto for t in (table, newer))
    corrected = sa.exists().where(newer.c.event == table.c.event, newer.c.version > table.c.version, known_too)
    return sa.select(table).where(known, ~corrected).order_by(table.c.event_date, table.c.instrument, table.c.event_id)


def _newest(conn: sa.Connection, text: str) -> dict[str, Any]:
    events = {r["event"]: dict(r) for r in conn.execute(events_query(None)).mappings()}
    found = meant(text, events)
    if len(found) != 1:
        what = f"{text!r} fits {len(found)} events: type more digits" if found else f"no event {text!r}"
        raise LedgerError(f"{what}; `macro-fund events show` has every id")
    return events[found[0]]
