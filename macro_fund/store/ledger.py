"""The ledger: what people decided and what was traded, append-only, in SQLite or Postgres.

Belongs here: transactions that record proposals, decisions, confirmations, refusals, orders with their events, fills,
brokers' statements, backtest trials, promotions, the kill switch, overrides, calendar events and notes, each with its
journal entry, and reading them back as frames. Does not belong here: what to propose or how an order is executed
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
from pathlib import Path
from typing import Any, Literal

import polars as pl
import sqlalchemy as sa

from macro_fund.store import journal
from macro_fund.store.content import canonical_json, content_id
from macro_fund.store.lake import write_file_atomically
from macro_fund.store.ledger_events import events_query, next_event_version
from macro_fund.store.ledger_marks import OVERRIDE_QUERY, OverrideStep, find_override, next_override, next_step
from macro_fund.store.ledger_notes import NOTE_SCHEMA, NoteKind, new_note, notes_query
from macro_fund.store.ledger_open import LedgerError, engine_for, upgrade_to_head
from macro_fund.store.ledger_orders import (
    EVENT_SCHEMA,
    OPEN,
    STATEMENT_SCHEMA,
    cancel_of,
    check_events,
    check_fills,
    order_like,
    standing,
    statement_of,
)
from macro_fund.store.ledger_rules import (
    CLEARED,
    PROPOSAL_QUERY,
    STATUSES,
    check_confirmation,
    check_decision,
    check_orders,
    check_promotion,
    find,
    status_of,
)
from macro_fund.store.ledger_switch import SwitchAction, newest, next_event
from macro_fund.store.ledger_tables import (
    BROKER_STATEMENTS,
    CALENDAR_EVENTS,
    CENT,
    FILLS,
    JOURNAL,
    KINDS,
    ORDER_EVENTS,
    ORDERS,
    OVERRIDES,
    PROMOTIONS,
    PROPOSALS,
    REFUSALS,
    SWITCH_EVENTS,
    TRIALS,
    Money,
    UtcTime,
)
from macro_fund.store.order_states import OrderState
from macro_fund.store.table import UTC_TIME
from macro_fund.store.tables import TABLES
from macro_fund.store.verify_journal import Head

__all__ = ["Action", "Ledger", "LedgerError", "open_ledger"]

Action = Literal["approve", "reject", "modify"]

_SHARES = TABLES["pms/trade_proposals"].schema["shares"]
_PROPOSAL_SCHEMA = {
    **TABLES["pms/trade_proposals"].schema,
    "status": pl.String,
    "decision_id": pl.String,
    "decided_by": pl.String,
    "decided_at": UTC_TIME,
    "note": pl.String,
    "decided_quantity": pl.Int64,
    "limit_level": pl.Float64,
    "recorded_at": UTC_TIME,
    "second": pl.String,
    "confirmed_by": pl.String,
    "confirmed_at": UTC_TIME,
}
_REFUSAL_SCHEMA = {
    **dict.fromkeys(("refusal_id", "action", "subject", "person", "reason", "shown"), pl.String),
    "recorded_at": UTC_TIME,
}
_FILL_SCHEMA = {**TABLES["pms/fills"].schema, "proposal_id": pl.String, "shares": _SHARES}
_PENDING_SCHEMA = {**TABLES["pms/orders"].schema, "decision_id": pl.String, "decided_at": UTC_TIME}
_JOURNAL_SCHEMA = {
    "seq": pl.Int64,
    "at": UTC_TIME,
    "kind": pl.String,
    "ref": pl.String,
    "body": pl.String,
    "prev_hash": pl.String,
    "hash": pl.String,
}
_TRIAL_SCHEMA = {
    "trial_id": pl.String,
    "strategy_id": pl.String,
    "code": pl.String,
    "params": pl.String,
    "rules": pl.String,
    "first_session": pl.Date,
    "last_session": pl.Date,
    "inputs": pl.String,
    "n_days": pl.Int64,
    **dict.fromkeys(("sharpe", "skew", "kurt", "annual_return", "turnover"), pl.Float64),
    "recorded_at": UTC_TIME,
}
_PROMOTION_SCHEMA = {
    "promotion_id": pl.String,
    "strategy_id": pl.String,
    "trial_id": pl.String,
    "trials": pl.Int64,
    "bars": pl.String,
    "grid": pl.String,
    "person": pl.String,
    "recorded_at": UTC_TIME,
}
_SWITCH_SCHEMA = {
    "event_id": pl.String,
    "number": pl.Int64,
    "action": pl.String,
    "person": pl.String,
    "note": pl.String,
    "recorded_at": UTC_TIME,
}

_OVERRIDE_SCHEMA = {
    "override_id": pl.String,
    "contract": pl.String,
    "trade_date": pl.Date,
    "level": pl.Float64,
    "reason": pl.String,
    "person": pl.String,
    "recorded_at": UTC_TIME,
    "confirmed_by": pl.String,
    "confirmed_at": UTC_TIME,
    "revoked_by": pl.String,
    "revoked_at": UTC_TIME,
    "revoked_why": pl.String,
}

_EVENT_SCHEMA = {
    **dict.fromkeys(("event_id", "event"), pl.String),
    "version": pl.Int64,
    "instrument": pl.String,
    "event_date": pl.Date,
    "kind": pl.String,
    "amount": pl.Float64,
    **dict.fromkeys(("source", "reason", "person"), pl.String),
    "recorded_at": UTC_TIME,
}


def open_ledger(url: str) -> Ledger:
    """Open (and create or upgrade) the ledger at a SQLAlchemy URL of SQLite or Postgres; LedgerError when it cannot."""
    engine = engine_for(url)
    upgrade_to_head(engine)
    return Ledger(engine)


class Ledger:
    """An open ledger. Frames come back in the column order of the lake's pms tables, with what the ledger adds."""

    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine

    def close(self) -> None:
        """Give the database's connections back."""
        self._engine.dispose()

    @contextmanager
    def _read(self) -> Iterator[sa.Connection]:
        """One snapshot for all queries: what others record meanwhile is not seen. SQLite's reads always are one."""
        with _clear_errors(self._engine), self._engine.connect() as conn:
            if conn.dialect.name == "postgresql":
                conn.execution_options(isolation_level="REPEATABLE READ")
            yield conn

    @contextmanager
    def _write(self) -> Iterator[sa.Connection]:
        """One transaction that holds the ledger's write lock, so that the journal has one chain."""
        with _clear_errors(self._engine), self._engine.connect() as conn:
            conn.execution_options(ledger_write=True)
            with conn.begin():
                if conn.dialect.name == "postgresql":
                    conn.execute(sa.text("LOCK TABLE journal IN EXCLUSIVE MODE"))
                yield conn

    # recording

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

    # reading

    def events(self, upto: datetime | None = None) -> pl.DataFrame:
        """The version of each calendar event that was known at `upto` (None: now), by day."""
        return self._frame_of(events_query(upto), _EVENT_SCHEMA)

    def overrides(self) -> pl.DataFrame:
        """Every override with who confirmed and who revoked it, and when; oldest first."""
        return self._frame_of(OVERRIDE_QUERY, _OVERRIDE_SCHEMA)

    def find_override(self, override_id: str) -> dict[str, Any]:
        """One override by id or unique prefix, with what became of it; LedgerError when there is none."""
        with self._read() as conn:
            return find_override(conn, override_id)

    def thrown(self, at: datetime | None = None) -> dict[str, Any] | None:
        """The event that threw the kill switch if it is thrown at `at` (None: now), else None."""
        with self._read() as conn:
            last = newest(conn, at)
        return last if last is not None and last["action"] == "throw" else None

    def switch_events(self, upto: datetime | None = None) -> pl.DataFrame:
        """Throws and resets recorded up to and including `upto`, oldest first."""
        query = sa.select(SWITCH_EVENTS).order_by(SWITCH_EVENTS.c.number)
        query = query if upto is None else query.where(SWITCH_EVENTS.c.recorded_at <= upto)
        return self._frame_of(query, _SWITCH_SCHEMA)

    def proposals(
        self, session: date | None = None, status: str | None = None, at: datetime | None = None
    ) -> pl.DataFrame:
        """Proposals with their status at `at` (without a time nothing has expired), newest session first."""
        if status is not None and status not in STATUSES:
            raise LedgerError(f"status {status!r} is unknown; allowed: {', '.join(STATUSES)}")
        query = PROPOSAL_QUERY.order_by(
            PROPOSALS.c.session.desc(), PROPOSALS.c.instrument, PROPOSALS.c.contract, PROPOSALS.c.proposal_id
        )
        if session is not None:
            query = query.where(PROPOSALS.c.session == session)
        with self._read() as conn:
            rows = [{**r, "status": status_of(r, at)} for r in conn.execute(query).mappings()]
        return _frame([r for r in rows if status in (None, r["status"])], _PROPOSAL_SCHEMA)

    def proposal(self, proposal_id: str, at: datetime | None = None) -> dict[str, Any]:
        """One proposal by id or unique prefix, with its status and decision; LedgerError when there is none."""
        with self._read() as conn:
            row = find(conn, proposal_id)
        return _frame([{**row, "status": status_of(row, at)}], _PROPOSAL_SCHEMA).row(0, named=True)

    def pending_approvals(self) -> pl.DataFrame:
        """Approvals that wait for nobody and have no order: pms/orders columns (order_id null), decision."""
        query = (
            PROPOSAL_QUERY.outerjoin(ORDERS, ORDERS.c.proposal_id == PROPOSALS.c.proposal_id)
            .where(CLEARED, ORDERS.c.order_id.is_(None))
            .order_by(PROPOSALS.c.session, PROPOSALS.c.proposal_id)
        )
        with self._read() as conn:
            rows = [dict(r) for r in conn.execute(query).mappings()]
        for r in rows:
            r.update(order_id=None, approved_by=r["decided_by"])
            r["quantity"] = r["quantity"] if r["decided_quantity"] is None else r["decided_quantity"]
        return _frame(rows, _PENDING_SCHEMA)

    def orders(self, session: date | None = None, upto: date | None = None, still_open: bool = False) -> pl.DataFrame:
        """Orders (pms/orders columns) of one session, or of all sessions up to `upto`; optionally those that may still
        trade: no event has ended them."""
        query = sa.select(ORDERS).order_by(ORDERS.c.session, ORDERS.c.order_id)
        if session is not None:
            query = query.where(ORDERS.c.session == session)
        if upto is not None:
            query = query.where(ORDERS.c.session <= upto)
        if still_open:
            query = query.where(OPEN)
        return self._frame_of(query, dict(TABLES["pms/orders"].schema))

    def order_events(self, upto: date | None = None) -> pl.DataFrame:
        """Events of orders of sessions <= `upto` (None: all), in their order: columns of `EVENT_SCHEMA`."""
        query = sa.select(ORDER_EVENTS).order_by(ORDER_EVENTS.c.session, ORDER_EVENTS.c.order_id, ORDER_EVENTS.c.number)
        return self._frame_of(query if upto is None else query.where(ORDER_EVENTS.c.session <= upto), EVENT_SCHEMA)

    def statements(self, after: datetime, upto: datetime) -> pl.DataFrame:
        """Rows of brokers' statements recorded after one moment and up to another: columns of `STATEMENT_SCHEMA`."""
        rows, when = BROKER_STATEMENTS, BROKER_STATEMENTS.c.recorded_at
        query = sa.select(rows).where(when > after, when <= upto).order_by(when, rows.c.digest, rows.c.line)
        return self._frame_of(query, STATEMENT_SCHEMA)

    def order_state(self, order_id: str) -> OrderState:
        """The state of one order, by id or unique prefix; LedgerError when there is none."""
        with self._read() as conn:
            return standing(conn, order_like(conn, order_id))

    def fills(self, upto: date | None = None) -> pl.DataFrame:
        """Fills of partitions <= `upto`: pms/fills columns, and proposal_id and strategy shares frozen at the trade."""
        query = (
            sa.select(FILLS, ORDERS.c.proposal_id, PROPOSALS.c.shares)
            .select_from(FILLS.join(ORDERS).join(PROPOSALS))
            .order_by(FILLS.c.session, FILLS.c.fill_id)
        )
        return self._frame_of(query if upto is None else query.where(FILLS.c.session <= upto), _FILL_SCHEMA)

    def refusals(self) -> pl.DataFrame:
        """Everything that was asked for and refused, oldest first."""
        return self._frame_of(
            sa.select(REFUSALS).order_by(REFUSALS.c.recorded_at, REFUSALS.c.refusal_id), _REFUSAL_SCHEMA
        )

    def notes(self, upto: datetime | None = None) -> pl.DataFrame:
        """Notes and lessons recorded up to and including `upto`, oldest first."""
        return self._frame_of(notes_query(upto), NOTE_SCHEMA)

    def trials(self) -> pl.DataFrame:
        """Every backtest that was ever run, oldest first; params and rules as JSON text."""
        query = sa.select(TRIALS).order_by(TRIALS.c.recorded_at, TRIALS.c.strategy_id, TRIALS.c.trial_id)
        return self._frame_of(query, _TRIAL_SCHEMA)

    def promotions(self) -> pl.DataFrame:
        """Every promotion, oldest first; bars and grid as JSON text."""
        return self._frame_of(sa.select(PROMOTIONS).order_by(PROMOTIONS.c.recorded_at), _PROMOTION_SCHEMA)

    def journal(self) -> pl.DataFrame:
        """Every journal entry in order: seq, at, kind, ref, body (JSON), prev_hash, hash."""
        return self._frame_of(sa.select(JOURNAL).order_by(JOURNAL.c.seq), _JOURNAL_SCHEMA)

    def journal_head(self) -> Head:
        """Number and hash of the last journal entry: note it elsewhere to prove later that nothing was rewritten."""
        with self._read() as conn:
            return journal.head(conn)

    def verify_journal(self, noted: Head | None = None) -> list[str]:
        """Problems of the journal and of the rows it describes, each located in words; empty when all is well.

        `noted` is a head that was printed earlier: with it a journal that was cut off or rewritten is found, too.
        """
        with self._read() as conn:
            return journal.problems(conn, noted)

    def export_journal(self, path: Path) -> Head:
        """Write the journal as JSON lines for `verify_journal.py`, whole or not at all; the same journal gives the same
        bytes. Returns the head of what was written; LedgerError when there is nothing to write or no place for it."""
        with self._read() as conn:
            head, lines = journal.head(conn), "".join(journal.export_lines(conn))
        if not lines:
            raise LedgerError("the journal is empty, so nothing was written: it starts with the first proposals")
        try:
            write_file_atomically(path, lines.encode())
        except OSError as error:
            raise LedgerError(f"{path} cannot be written: {error.strerror}; choose another place") from error
        return head

    def _frame_of(self, query: sa.Select[Any], schema: Mapping[str, Any]) -> pl.DataFrame:
        with self._read() as conn:
            return _frame([dict(r) for r in conn.execute(query).mappings()], schema)


@contextmanager
def _clear_errors(engine: sa.Engine) -> Iterator[None]:
    try:
        yield
    except sa.exc.OperationalError as error:
        where = engine.url.render_as_string(hide_password=True)
        raise LedgerError(f"{where}: {error.orig}; check that the database runs, is free and may be written") from error


def _frame(rows: Sequence[Mapping[str, Any]], schema: Mapping[str, Any]) -> pl.DataFrame:
    kept = [{c: canonical_json(r[c]) if isinstance(r[c], dict) else r[c] for c in schema} for r in rows]
    return pl.DataFrame(kept, schema=schema, orient="row")


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
