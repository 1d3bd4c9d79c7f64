"""Overrides of marks: which are recorded, and which refused.

Belongs here: their rules and queries, inside the caller's transaction. Does not belong here: the transaction and the
journal (`ledger.py`), the tables (`ledger_tables.py`), whether a level or a contract makes sense (`pms/overrides.py`),
what an override does to the book (`pms/marking.py`).

An override is a row; its confirmation by a second person and its revocation are rows that refer to it, at most one of
each. It counts while it has the first and not the second. At most one that is not revoked may be there for a contract
and day: another level is another override, after the revocation of the one before.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal

import sqlalchemy as sa

from macro_fund.store.content import content_id
from macro_fund.store.ledger_open import LedgerError
from macro_fund.store.ledger_tables import OVERRIDE_STEPS, OVERRIDES
from macro_fund.store.ledger_words import in_words, meant, same_person

OverrideStep = Literal["confirm", "revoke"]

_CONFIRMED, _REVOKED = (OVERRIDE_STEPS.alias(n) for n in ("confirmed", "revoked"))


def _of(step: sa.FromClause, action: OverrideStep) -> sa.ColumnElement[bool]:
    return sa.and_(step.c.override_id == OVERRIDES.c.override_id, step.c.action == action)


# An override with what became of it; null where nothing did.
OVERRIDE_QUERY = (
    sa.select(
        OVERRIDES,
        _CONFIRMED.c.person.label("confirmed_by"),
        _CONFIRMED.c.recorded_at.label("confirmed_at"),
        _REVOKED.c.person.label("revoked_by"),
        _REVOKED.c.recorded_at.label("revoked_at"),
        _REVOKED.c.note.label("revoked_why"),
    )
    .select_from(
        OVERRIDES.outerjoin(_CONFIRMED, _of(_CONFIRMED, "confirm")).outerjoin(_REVOKED, _of(_REVOKED, "revoke"))
    )
    .order_by(OVERRIDES.c.recorded_at, OVERRIDES.c.override_id)
)


def find_override(conn: sa.Connection, text: str) -> dict[str, Any]:
    """The override with this id or unique prefix, with what became of it; LedgerError when there is none or several."""
    rows = {r["override_id"]: dict(r) for r in conn.execute(OVERRIDE_QUERY).mappings()}
    found = meant(text, rows)
    if len(found) > 1:
        raise LedgerError(f"{text!r} fits {len(found)} overrides: type more digits (`macro-fund marks`)")
    if not found:
        raise LedgerError(f"no override {text!r}: `macro-fund marks` shows every id")
    return rows[found[0]]


def next_override(conn: sa.Connection, row: Mapping[str, Any], at: datetime) -> dict[str, Any]:
    """The override to record (`row`: contract, trade_date, level, reason, person, shown); LedgerError when refused."""
    body = {**row, "reason": row["reason"].strip(), "person": " ".join(row["person"].split()), "recorded_at": at}
    name = f"{body['contract']} {body['trade_date']}"
    if not body["person"]:
        raise LedgerError(f"{name}: who overrides? Give a person's name (--as NAME)")
    if not body["reason"]:
        raise LedgerError(f"{name}: an override needs a reason that others can check (--reason TEXT)")
    for other in conn.execute(OVERRIDE_QUERY).mappings():
        if (other["contract"], other["trade_date"]) == (body["contract"], body["trade_date"]) and not other[
            "revoked_by"
        ]:
            raise LedgerError(
                f"{name} is overridden already, at {other['level']:g} by {other['person']} "
                f"({in_words(other['recorded_at'])}): to give another level, first `macro-fund marks revoke "
                f"{other['override_id']}`"
            )
    return {"override_id": content_id(body), **body}


def next_step(
    conn: sa.Connection, text: str, action: OverrideStep, person: str, note: str, at: datetime
) -> dict[str, Any]:
    """The confirmation or revocation to record; LedgerError when refused."""
    override = find_override(conn, text)
    person, note, oid = " ".join(person.split()), note.strip(), override["override_id"]
    if not person:
        raise LedgerError(f"override {oid}: who asks to {action} it? Give a person's name (--as NAME)")
    if override["revoked_by"]:
        raise LedgerError(
            f"override {oid} was revoked by {override['revoked_by']} ({override['revoked_why']}): give a new one"
        )
    if action == "confirm" and override["confirmed_by"]:
        raise LedgerError(f"override {oid} was confirmed by {override['confirmed_by']} already")
    if action == "confirm" and same_person(person, override["person"]):
        raise LedgerError(f"override {oid} was given by {override['person']}: another person has to confirm it")
    if action == "revoke" and not note:
        raise LedgerError(f"override {oid}: a revocation needs a reason (--reason TEXT)")
    if at < (override["confirmed_at"] or override["recorded_at"]):
        raise LedgerError(f"override {oid}: {at} is before what it follows; check the clock of this machine")
    body = {"override_id": oid, "action": action, "person": person, "note": note, "recorded_at": at}
    return {"step_id": content_id(body), **body}
