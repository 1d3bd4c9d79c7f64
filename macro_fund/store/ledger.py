"""The ledger: what people decided and what was traded, append-only, in SQLite or Postgres.

Belongs here: transactions that record proposals, decisions, confirmations, refusals, orders with their events, fills,
brokers' statements, backtest trials, promotions, the kill switch, overrides, calendar events and notes, each with its
journal entry. Does not belong here: reading them back (`ledger_reads.py`), what to propose or how an order is executed
(`pms/`), columns (`ledger_tables.py`), the hash chain (`journal.py`), what is allowed (`ledger_rules.py`,
`ledger_switch.py`, `ledger_orders.py`, `ledger_marks.py`, `ledger_events.py`, `ledger_notes.py`), how a database is
opened (`ledger_open.py`).

Every method is one transaction, so a process killed at any point leaves all of it or nothing. Recording the same
content again changes nothing. Other content under a known id is refused for orders and fills; of a proposal, whose id
covers the trade itself, the words that people saw first stay, of a trial the numbers. Times come from the caller, in
UTC.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Literal

import polars as pl
import sqlalchemy as sa

from macro_fund.store import journal
from macro_fund.store.content import canonical_json, content_id
from macro_fund.store.ledger_events import next_event_version
from macro_fund.store.ledger_marks import OverrideStep, next_override, next_step
from macro_fund.store.ledger_notes import NoteKind, new_note
from macro_fund.store.ledger_open import LedgerError, engine_for, upgrade_to_head
from macro_fund.store.ledger_orders import (
    cancel_of,
    check_events,
    check_fills,
    statement_of,
)
from macro_fund.store.ledger_reads import LedgerReads, clear_errors
from macro_fund.store.ledger_rules import (
    check_confirmation,
    check_decision,
    check_orders,
    check_promotion,
    find,
)
from macro_fund.store.ledger_switch import SwitchAction, next_event
from macro_fund.store.ledger_tables import (
    BROKER_STATEMENTS,
    CALENDAR_EVENTS,
    CENT,
    KINDS,
    ORDER_EVENTS,
    OVERRIDES,
    TRIALS,
    Money,
    UtcTime,
)

__all__ = ["Action", "Ledger", "LedgerError", "open_ledger"]

Action = Literal["approve", "reject", "modify"]


def open_ledger(url: str) -> Ledger:
    """Open (and create or upgrade) the ledger at a SQLAlchemy URL of SQLite or Postgres; LedgerError when it cannot."""
    engine = engine_for(url)
    upgrade_to_head(engine)
    return Ledger(engine)


class Ledger(LedgerReads):
    """An open ledger: what may be recorded in it, and all that can be read (`LedgerReads`)."""

    @contextmanager
    def _write(self) -> Iterator[sa.Connection]:
        """One transaction that holds the ledger's write lock, so that the journal has one chain."""
        with clear_errors(self._engine), self._engine.connect() as conn:
            conn.execution_options(ledger_write=True)
            with conn.begin():
                if conn.dialect.name == "postgresql":
                    conn.execute(sa.text("LOCK TABLE journal IN EXCLUSIVE MODE"))
                yield conn

    def record_proposals(self, rows: pl.DataFrame, at: datetime) -> int:
        """Record pms/trade_proposals rows; returns how many were new."""
        return self._record("proposal", rows, at)

    def record_orders(self, rows: pl.DataFrame, at: datetime) -> int:
        """Record pms/orders rows; returns how many were new."""
        return self._record("order", rows, at)

    def record_fills(self, rows: pl.DataFrame, at: datetime, events: Sequence[Mapping[str, Any]] = ()) -> int:
        """Record pms/fills rows and the order events (`ledger_orders.event_of`) that report them, in one transaction;
        returns how many fills were new. LedgerError for an event or a fill that its order cannot have."""
        records = self._rows_of("fill", rows, at)
        with self._write() as conn:
            _append_events(conn, events, at)
            check_fills(conn, records)
            return _append(conn, "fill", records, at)

    def record_order_events(self, rows: Sequence[Mapping[str, Any]], at: datetime) -> int:
        """Record order events without fills (`ledger_orders.event_of`); returns how many were new. LedgerError for a
        move that the order's state does not allow."""
        with self._write() as conn:
            return _append_events(conn, rows, at)

    def cancel_order(self, order_id: str, person: str, reason: str, session: date, at: datetime) -> dict[str, Any]:
        """Record that a person cancels what is left of an order from trade date `session` on, and return the event."""
        with self._write() as conn:
            event = cancel_of(conn, order_id, person, reason, session, at)
            _append(conn, "order_event", [event], at)
            return event

    def record_statement(self, rows: Sequence[Mapping[str, Any]], person: str, at: datetime) -> None:
        """Record a broker's statement (`pms/statements.py`), once a file."""
        with self._write() as conn:
            _append(conn, "statement", [_tidy(BROKER_STATEMENTS, r) for r in statement_of(conn, rows, person, at)], at)

    def _record(self, kind: str, rows: pl.DataFrame, at: datetime) -> int:
        records = self._rows_of(kind, rows, at)
        with self._write() as conn:
            if kind == "order":
                check_orders(conn, records)
            return _append(conn, kind, records, at)

    def _rows_of(self, kind: str, rows: pl.DataFrame, at: datetime) -> list[dict[str, Any]]:
        table = KINDS[kind][0]
        wanted = [c.name for c in table.columns if c.name != "recorded_at"]
        missing = [c for c in wanted if c not in rows.columns]
        if missing:
            raise LedgerError(f"{table.name}: columns {', '.join(missing)} are missing; pass rows of the pms table")
        return [_tidy(table, {**row, "recorded_at": at}) for row in rows.select(wanted).to_dicts()]

    def decide(
        self,
        proposal_id: str,
        action: Action,
        person: str,
        note: str,
        at: datetime,
        *,
        quantity: int | None = None,
        limit_level: float | None = None,
        review: Mapping[str, Any] | None = None,
        dry: bool = False,
    ) -> dict[str, Any]:
        """Record a person's decision on a proposal (id or unique prefix) and return it as a dict.

        `quantity` is signed and only for modify; `limit_level` is a rate (decimal) for DI1, else a price. `review` is
        what the decision rests on (columns of `reviews`), recorded with it; an approval whose review has `second` waits
        for a confirmation. A retry with exactly the same content is accepted; LedgerError says why any other decision
        is refused. `dry`: only say whether it would be.
        """
        with self._write() as conn:
            proposal = find(conn, proposal_id)
            body = {
                "proposal_id": proposal["proposal_id"],
                "action": action,
                "person": person.strip(),
                "note": note.strip(),
                "quantity": quantity,
                "limit_level": limit_level,
                "recorded_at": at,
            }
            decision = {"decision_id": content_id(body), **body}
            if proposal["decision_id"] != decision["decision_id"]:
                check_decision(conn, proposal, decision)
                if dry:
                    return decision
                _append(conn, "decision", [decision], at)
                if review is not None:
                    record = {"decision_id": decision["decision_id"], **review, "recorded_at": at}
                    _append(conn, "review", [record], at)
            return decision

    def confirm(self, proposal_id: str, person: str, note: str, at: datetime, *, shown: str = "") -> dict[str, Any]:
        """Record a second person's confirmation of an approval and return it; LedgerError says why it is refused."""
        with self._write() as conn:
            proposal = find(conn, proposal_id)
            check_confirmation(conn, proposal, person.strip(), at)
            body = {"decision_id": proposal["decision_id"], "person": person.strip(), "note": note.strip()}
            record = {"confirmation_id": content_id({**body, "at": at}), **body, "shown": shown, "recorded_at": at}
            _append(conn, "confirmation", [record], at)
            return record

    def refuse(self, action: str, subject: str, person: str, reason: str, at: datetime, *, shown: str = "") -> None:
        """Record that a person asked for something and why it was refused; it changes nothing else."""
        body = {"action": action, "subject": subject[:128], "person": person[:128], "reason": reason, "shown": shown}
        record = {"refusal_id": content_id({**body, "at": at}), **body, "recorded_at": at}
        with self._write() as conn:
            _append(conn, "refusal", [record], at)

    def record_trials(self, rows: Sequence[Mapping[str, Any]], at: datetime) -> int:
        """Record backtests (columns of `trials` without recorded_at); returns how many were not known before."""
        with self._write() as conn:
            return _append(conn, "trial", [_tidy(TRIALS, {**r, "recorded_at": at}) for r in rows], at)

    def promote(self, row: Mapping[str, Any], at: datetime) -> dict[str, Any]:
        """Record that a strategy's trial met every bar (columns of `promotions` without id and time), and return it.

        LedgerError when a bar is not met, or when a trial was recorded since the bars were measured.
        """
        with self._write() as conn:
            check_promotion(conn, row)
            record = {"promotion_id": content_id(dict(row), 64), **row, "recorded_at": at}
            _append(conn, "promotion", [record], at)
            return record

    def switch(self, action: SwitchAction, person: str, note: str, at: datetime) -> dict[str, Any]:
        """Record a throw or a reset of the kill switch and return it; LedgerError says why it is refused.

        A throw needs a reason, a reset a note and another person than the one who threw it. A retry with exactly the
        same content is accepted.
        """
        with self._write() as conn:
            event = next_event(conn, action, person, note, at)
            _append(conn, "switch", [event], event["recorded_at"])
            return event

    def override(self, row: Mapping[str, Any], at: datetime) -> dict[str, Any]:
        """Record a level in place of a settlement (columns of `mark_overrides` without id and time) and return it.

        It counts once another person confirmed it; LedgerError says why it is refused.
        """
        with self._write() as conn:
            record = _tidy(OVERRIDES, next_override(conn, row, at))
            _append(conn, "override", [record], at)
            return record

    def override_step(
        self, override_id: str, action: OverrideStep, person: str, note: str, at: datetime
    ) -> dict[str, Any]:
        """Record the confirmation or the revocation of an override (id or unique prefix) and return it."""
        with self._write() as conn:
            record = next_step(conn, override_id, action, person, note, at)
            _append(conn, "override_step", [record], at)
            return record

    def record_event(self, row: Mapping[str, Any], at: datetime, corrects: str | None = None) -> dict[str, Any]:
        """Record a calendar event, or the next version of one, and return it; see `ledger_events.py`."""
        with self._write() as conn:
            record = _tidy(CALENDAR_EVENTS, next_event_version(conn, row, at, corrects))
            _append(conn, "calendar_event", [record], at)
            return record

    def note(self, target: str, kind: NoteKind, person: str, role: str, text: str, at: datetime) -> dict[str, Any]:
        """Record what a person wrote about a proposal, decision, trade or session (`ledger_notes.subject_of`) and
        return it; LedgerError says why it is refused. A retry with exactly the same content is accepted."""
        with self._write() as conn:
            record = new_note(conn, target, kind, person, role, text, at)
            _append(conn, "note", [record], at)
            return record


def _tidy(table: sa.Table, row: dict[str, Any]) -> dict[str, Any]:
    """The row as the database will give it back, so that its journal body can be compared with it later."""
    for column in table.columns:
        value = row[column.name]
        if isinstance(value, float):
            row[column.name] = value + 0.0  # -0.0 does not come back from every database
        if isinstance(column.type, Money) and value is not None:
            cents = Decimal(value).quantize(CENT)
            if cents != value:
                raise LedgerError(f"{table.name}.{column.name} is {value}; round it to cents first")
            row[column.name] = cents
        if isinstance(column.type, UtcTime) and value is not None and value.tzinfo is None:
            raise LedgerError(f"{table.name}.{column.name} {value} has no time zone; pass UTC times")
    return row


def _append(conn: sa.Connection, kind: str, records: list[dict[str, Any]], at: datetime) -> int:
    """Insert the records whose id is new, with a journal entry each; refuse another order or fill under a known id."""
    table, key = KINDS[kind]
    known: dict[str, Mapping[str, Any]] = {}
    for chunk in (records[i : i + 500] for i in range(0, len(records), 500)):
        query = sa.select(table).where(table.c[key].in_([r[key] for r in chunk]))
        known |= {r[key]: r for r in conn.execute(query).mappings()}
    fresh = []
    for record in records:
        if record[key] not in known:
            fresh.append(record)
            known[record[key]] = record
        elif kind not in ("proposal", "trial") and _content(known[record[key]]) != _content(record):
            raise LedgerError(
                f"{table.name} row {record[key]} is in the ledger with other content; the ledger never changes a row: "
                "find out which input differs from when it was recorded"
            )
    if fresh:
        try:
            conn.execute(sa.insert(table), fresh)
        except sa.exc.IntegrityError as error:
            raise LedgerError(f"{table.name}: row refused: {error.orig}; record what it refers to first") from error
        journal.append(conn, kind, fresh, at)
    return len(fresh)


def _append_events(conn: sa.Connection, events: Sequence[Mapping[str, Any]], at: datetime) -> int:
    check_events(conn, events)
    return _append(conn, "order_event", [_tidy(ORDER_EVENTS, {**e, "recorded_at": at}) for e in events], at)


def _content(record: Mapping[str, Any]) -> str:
    return canonical_json({k: v for k, v in record.items() if k != "recorded_at"})
