"""Reading the ledger back as frames.

Belongs here: queries of whole tables and of single rows, and their columns: those of the lake's pms tables with what
the ledger adds. Does not belong here: what is recorded and refused (`ledger.py` and its neighbours).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date, datetime
from pathlib import Path
from typing import Any

import polars as pl
import sqlalchemy as sa

from macro_fund.store import journal
from macro_fund.store.content import canonical_json
from macro_fund.store.lake import write_file_atomically
from macro_fund.store.ledger_events import events_query
from macro_fund.store.ledger_marks import OVERRIDE_QUERY, find_override
from macro_fund.store.ledger_notes import NOTE_SCHEMA, notes_query
from macro_fund.store.ledger_open import LedgerError
from macro_fund.store.ledger_orders import EVENT_SCHEMA, OPEN, STATEMENT_SCHEMA, order_like, standing
from macro_fund.store.ledger_rules import CLEARED, PROPOSAL_QUERY, STATUSES, find, status_of
from macro_fund.store.ledger_switch import newest
from macro_fund.store.ledger_tables import (
    BROKER_STATEMENTS,
    FILLS,
    JOURNAL,
    ORDER_EVENTS,
    ORDERS,
    PROMOTIONS,
    PROPOSALS,
    REFUSALS,
    SWITCH_EVENTS,
    TRIALS,
)
from macro_fund.store.order_states import OrderState
from macro_fund.store.table import UTC_TIME
from macro_fund.store.tables import TABLES
from macro_fund.store.verify_journal import Head

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


class LedgerReads:
    """An open ledger as readers see it. Frames come back in the column order of the lake's pms tables, with what the
    ledger adds."""

    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine

    def close(self) -> None:
        """Give the database's connections back."""
        self._engine.dispose()

    @contextmanager
    def _read(self) -> Iterator[sa.Connection]:
        """One snapshot for all queries: what others record meanwhile is not seen. SQLite's reads always are one."""
        with clear_errors(self._engine), self._engine.connect() as conn:
            if conn.dialect.name == "postgresql":
                conn.execution_options(isolation_level="REPEATABLE READ")
            yield conn

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
def clear_errors(engine: sa.Engine) -> Iterator[None]:
    try:
        yield
    except sa.exc.OperationalError as error:
        where = engine.url.render_as_string(hide_password=True)
        raise LedgerError(f"{where}: {error.orig}; check that the database runs, is free and may be written") from error


def _frame(rows: Sequence[Mapping[str, Any]], schema: Mapping[str, Any]) -> pl.DataFrame:
    kept = [{c: canonical_json(r[c]) if isinstance(r[c], dict) else r[c] for c in schema} for r in rows]
    return pl.DataFrame(kept, schema=schema, orient="row")
