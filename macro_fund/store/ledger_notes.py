"""Notes and lessons: what a person wrote about something that the ledger knows.

Belongs here: what a note can be about, which notes are refused, reading them back, inside the caller's transaction.
Does not belong here: the transaction and the journal (`ledger.py`), the table (`ledger_tables.py`), who may write
(`pms/notes.py`), when a trade counts as reviewed (`pms/outcomes.py`).

A note on a decision or on a fill is also one on the proposal that it belongs to, so that all that was written about a
trade is found by its proposal. Nothing refers to a note: a wrong one is followed by another.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Any, Literal, NamedTuple

import polars as pl
import sqlalchemy as sa

from macro_fund.store.content import content_id
from macro_fund.store.ledger_open import LedgerError
from macro_fund.store.ledger_tables import DECISIONS, FILLS, NOTES, ORDERS, PROPOSALS
from macro_fund.store.ledger_words import meant
from macro_fund.store.table import UTC_TIME

NoteKind = Literal["note", "lesson"]

NOTE_SCHEMA: dict[str, Any] = {
    **dict.fromkeys(("note_id", "kind", "about", "subject", "proposal_id", "person", "role", "text"), pl.String),
    "recorded_at": UTC_TIME,
}


class Subject(NamedTuple):
    """What a note is about: `about` is proposal, decision, trade (a fill that opened a lot) or session."""

    about: str
    subject: str
    proposal_id: str | None


def session_named(target: str) -> date | None:
    """The day that `target` names as YYYY-MM-DD, else None; eight digits are the beginning of an id."""
    text = target.strip()
    try:
        return date.fromisoformat(text) if text[4:5] == "-" else None
    except ValueError:
        return None


def subject_of(conn: sa.Connection, target: str) -> Subject:
    """The session (YYYY-MM-DD), proposal, decision or fill with this id or unique prefix; LedgerError: none, several.

    An id that is the whole of `target` wins over those that only begin with it.
    """
    if (day := session_named(target)) is not None:
        return Subject("session", day.isoformat(), None)
    queries = (
        ("proposal", sa.select(PROPOSALS.c.proposal_id, PROPOSALS.c.proposal_id)),
        ("decision", sa.select(DECISIONS.c.decision_id, DECISIONS.c.proposal_id)),
        ("trade", sa.select(FILLS.c.fill_id, ORDERS.c.proposal_id).select_from(FILLS.join(ORDERS))),
    )
    known = [Subject(about, *row) for about, query in queries for row in conn.execute(query)]
    ids = set(meant(target, (s.subject for s in known)))
    found = [s for s in known if s.subject in ids]
    if len(found) > 1:
        fits = ", ".join(f"{s.about} {s.subject}" for s in found[:5])
        raise LedgerError(f"{target!r} fits {len(found)} things: {fits}; type more digits")
    if not found:
        raise LedgerError(
            f"nothing has the id {target!r}: a note is about a proposal, a decision, a trade (`macro-fund outcomes`) "
            "or a session (YYYY-MM-DD)"
        )
    return found[0]


def new_note(
    conn: sa.Connection, target: str, kind: NoteKind, person: str, role: str, text: str, at: datetime
) -> dict[str, Any]:
    """The row to record; LedgerError when nobody writes, nothing is said, or there is nothing of that id."""
    body: dict[str, Any] = {
        "kind": kind,
        "person": " ".join(person.split()),
        "role": role,
        "text": " ".join(text.split()),
    }
    if not body["person"]:
        raise LedgerError(f"who writes the {kind}? Give a person's name (--as NAME)")
    if not body["text"]:
        raise LedgerError(f'a {kind} needs words: macro-fund note {target or "TARGET"} "what happened, and why"')
    body |= {**subject_of(conn, target)._asdict(), "recorded_at": at}
    return {"note_id": content_id(body), **body}


def notes_query(upto: datetime | None) -> sa.Select[Any]:
    """Notes recorded up to and including `upto` (None: all), oldest first."""
    query = sa.select(NOTES).order_by(NOTES.c.recorded_at, NOTES.c.note_id)
    return query if upto is None else query.where(NOTES.c.recorded_at <= upto)
