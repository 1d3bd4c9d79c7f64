"""The kill switch: whether it is thrown at a moment, and which throws and resets are refused.

Belongs here: its rules and its queries, inside the caller's transaction. Does not belong here: the transaction and the
journal (`ledger.py`), the table (`ledger_tables.py`), what a thrown switch does to proposals (`pms/gate.py`).

Two people: whoever throws it cannot be the one who resets it. Names are compared without case and spaces, which stops a
slip, not a forger: the ledger does not know who types.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal

import sqlalchemy as sa

from macro_fund.store.content import content_id
from macro_fund.store.ledger_open import LedgerError
from macro_fund.store.ledger_tables import SWITCH_EVENTS
from macro_fund.store.ledger_words import in_words, same_person

SwitchAction = Literal["throw", "reset"]


def newest(conn: sa.Connection, at: datetime | None = None) -> dict[str, Any] | None:
    """The last event recorded up to and including `at` (None: of all)."""
    query = sa.select(SWITCH_EVENTS).order_by(SWITCH_EVENTS.c.number.desc()).limit(1)
    if at is not None:
        query = query.where(SWITCH_EVENTS.c.recorded_at <= at)
    found = conn.execute(query).mappings().first()
    return None if found is None else {str(k): v for k, v in found.items()}


def next_event(conn: sa.Connection, action: SwitchAction, person: str, note: str, at: datetime) -> dict[str, Any]:
    """The event to record, or the one recorded already when exactly the same is sent again; LedgerError when refused.

    The id covers action, person, note and time.
    """
    body = {"action": action, "person": " ".join(person.split()), "note": note.strip(), "recorded_at": at}
    event_id = content_id(body)
    known = conn.execute(sa.select(SWITCH_EVENTS).where(SWITCH_EVENTS.c.event_id == event_id)).mappings().first()
    if known is not None:
        return dict(known)
    last = newest(conn)
    _check(action, body, last)
    return {"event_id": event_id, "number": (last["number"] if last else 0) + 1, **body}


def _check(action: SwitchAction, body: Mapping[str, Any], last: Mapping[str, Any] | None) -> None:
    if action not in ("throw", "reset"):
        raise LedgerError(f"kill switch: action {action!r} is unknown; allowed: throw, reset")
    if not body["person"]:
        raise LedgerError(f"kill switch: who asks for the {action}? Give a person's name (--as NAME)")
    if not body["note"]:
        raise LedgerError(f"kill switch: a {action} needs a note that says why (--note TEXT)")
    if last is not None and body["recorded_at"] <= last["recorded_at"]:
        raise LedgerError(
            f"kill switch: {body['recorded_at']} is not after the last {last['action']} at {_when(last)}; "
            "check the clock of this machine"
        )
    thrown = last is not None and last["action"] == "throw"
    if action == "throw" and thrown and last is not None:
        raise LedgerError(f"the kill switch is thrown already, by {last['person']} at {_when(last)}: {last['note']}")
    if action == "reset" and not thrown:
        raise LedgerError("the kill switch is not thrown: there is nothing to reset (`macro-fund switch show`)")
    if action == "reset" and last is not None and same_person(body["person"], last["person"]):
        raise LedgerError(
            f"the kill switch was thrown by {last['person']}; a second person has to reset it (--as ANOTHER NAME)"
        )


def check_thrown(conn: sa.Connection, proposal: sa.RowMapping, decision: Mapping[str, Any]) -> None:
    """Raise LedgerError when a trade is approved that adds risk while the switch is thrown."""
    if decision["action"] == "reject":
        return
    last = newest(conn, decision["recorded_at"])
    if last is None or last["action"] != "throw":
        return
    before = proposal["position_before"]
    after = before + (proposal["quantity"] if decision["quantity"] is None else decision["quantity"])
    if not reduces(before, after):
        raise LedgerError(
            f"proposal {proposal['proposal_id']}: the kill switch is thrown ({last['person']}, {_when(last)}: "
            f"{last['note']}); {before:+d} to {after:+d} contracts adds risk: reject it, or reset the switch first"
        )


def reduces(before: int, after: int) -> bool:
    """Whether a position becomes smaller and stays on its side (or flat)."""
    return abs(after) < abs(before) and before * after >= 0


def _when(event: Mapping[str, Any]) -> str:
    return in_words(event["recorded_at"])
