"""Notes and lessons: what people write beside what they decided, and on what became of it.

Belongs here: who may write, on which sessions. Does not belong here: what a note can be about otherwise
(`store/ledger_notes.py`), when a trade counts as reviewed (`outcomes.py`), printing (`notes_cli.py`).
"""

from __future__ import annotations

from datetime import date
from typing import Any

from macro_fund.pms import approval
from macro_fund.pms.approval import Desk
from macro_fund.store.ledger import LedgerError
from macro_fund.store.ledger_notes import NoteKind, session_named
from macro_fund.time.sessions import sessions
from macro_fund.time.zones import SAO_PAULO


def note(desk: Desk, target: str, text: str, *, kind: NoteKind = "note") -> dict[str, Any]:
    """Record a note or a lesson and return it.

    target: id, or enough of its first digits, of a proposal, a decision or a trade's fill; or a session of the fund as
    YYYY-MM-DD. LedgerError, journalled, when a viewer writes, nothing is said, or there is nothing of that id.
    """
    with approval.journalled(desk, "note", target):
        role = approval.role_of(desk.actor, "note")
        if (day := session_named(target)) is not None:
            _known_session(desk, day)
        return desk.ledger.note(target, kind, desk.actor.name, role, text, desk.at)


def _known_session(desk: Desk, day: date) -> None:
    table, first, today = sessions(), desk.settings.fund.inception, desk.at.astimezone(SAO_PAULO).date()
    if not table.start <= day <= table.end or not table.is_session(day):
        raise LedgerError(f"{day} is no session: B3 is closed on it")
    if day > today or (first is not None and day < first):
        raise LedgerError(f"{day} is none of this fund's sessions: they run from {first or table.start} to {today}")
