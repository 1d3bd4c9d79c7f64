"""Orders and fills as assets: approvals go to the broker, its answers go into the ledger.

Belongs here: when the broker is asked, and moving rows between the ledger and the lake. Does not belong here: what is
recorded (pms/execution.py), what the broker does (pms/paper_broker.py), what the ledger allows (store/).
"""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal

import polars as pl

from macro_fund.home import Home
from macro_fund.orchestration.marks import BOOK_MARKS, MARKS
from macro_fund.orchestration.run import Run
from macro_fund.pms import execution, reconciliation
from macro_fund.pms.adapters import open_broker
from macro_fund.pms.broker import Broker
from macro_fund.pms.execution import Recorded
from macro_fund.pms.true_up import with_estimates
from macro_fund.store.tables import TABLES


def time_of(home: Home, moment: datetime) -> datetime:
    """When the ledger is written: now on live data, else the moment that is being replayed."""
    return home.clock(moment)()


def fills(run: Run) -> pl.DataFrame:
    """Executes what was ordered for the sessions before; in the ledger first, since it is the record."""
    home, ledger = run.home, run.home.ledger
    broker = _broker(home, run.read(MARKS))
    for key in run.fund_sessions:
        before = home.sessions.offset(key, -1)
        for session in _open(home, upto=before).orders["session"].unique().sort():
            _send(home, broker, session)  # what a run that died, or a version without events, left unsent
        events, rows = execution.executed(_open(home, upto=before), broker, key, home.sessions)
        ledger.record_fills(rows, time_of(home, home.sessions.as_of(key)), events)
    return run.output(ledger.fills(run.last))


def order(run: Run) -> pl.DataFrame:
    """Approvals of the session that have no order become orders and are sent; the table is every order of it."""
    home, ledger = run.home, run.home.ledger
    broker = _broker(home, TABLES[MARKS].empty())
    waiting = ledger.pending_approvals().filter(pl.col("session").is_in(list(run.keys)))
    for key in run.keys:
        approved = waiting.filter(pl.col("session") == key)
        if approved.height:
            at = time_of(home, max(approved["decided_at"].to_list()))
            ledger.record_orders(execution.orders_from(approved), at=at)
        _send(home, broker, key)
    return pl.concat([ledger.orders(session=key) for key in run.keys])


def reconcile(run: Run) -> pl.DataFrame:
    """The fund's books of each session against orders, the broker's reports and its statement, and the statements that
    people recorded since the session before."""
    home, ledger = run.home, run.home.ledger
    held, cube = run.read("pms/positions"), run.read("pms/pnl")
    traded, navs, marks = run.read("pms/fills"), run.read("pms/nav"), run.read(MARKS)
    booked = with_estimates(marks, run.read(BOOK_MARKS))
    rows = []
    for key in run.fund_sessions:
        close, known, here = home.sessions.offset(key, -1), pl.col("session") <= key, pl.col("session") == key
        recorded = Recorded.of(ledger, ledger.orders(upto=close), key)
        stated = open_broker(home.settings, home.sessions, marks, recorded).statement(key)
        fees, interest = (_total(cube.filter(known), component) for component in ("cost", "interest"))
        made = _sum(navs.filter(here)["nav_brl"]) - home.settings.fund.nav_brl - interest
        made -= reconciliation.open_estimates(traded, marks, booked, key)
        rows += reconciliation.executions(recorded, key)
        rows += reconciliation.positions(traded.filter(known), held.filter(here), close, key)
        rows += reconciliation.against(stated, held.filter(here), -fees, made, key)
        files = ledger.statements(home.sessions.as_of(close), home.sessions.as_of(key)).to_dicts()
        rows += reconciliation.statement_rows(files, held, navs, home.sessions, key)
    return reconciliation.frame_of(rows)


def not_working(run: Run, frame: pl.DataFrame) -> list[tuple[date, str]]:
    """Orders that the broker did not take, and those that it has not answered."""
    recorded = Recorded.of(run.home.ledger, run.home.ledger.orders())
    states = recorded.states()
    found = []
    for session, order_id in frame.select("session", "order_id").iter_rows():
        state = states.get(order_id)
        if state is None or state.state in ("new", "sent"):
            found.append((session, f"order {order_id} has no answer of the broker"))
        elif state.state == "rejected":
            found.append((session, f"order {order_id} was rejected: {state.reason}"))
    return found


def _total(cube: pl.DataFrame, component: str) -> Decimal:
    return _sum(cube.filter(pl.col("component") == component)["pnl_brl"])


def _sum(amounts: pl.Series) -> Decimal:
    total: Decimal = sum(amounts.to_list(), Decimal("0.00"))
    return total


def _send(home: Home, broker: Broker, session: date) -> None:
    """Sends the session's orders that are not sent, or not answered. `sent` is recorded before the broker is asked, so
    that an order is never sent by two runs that do not know of each other."""
    ledger = home.ledger
    states = _open(home, session=session).states()
    unsent = [i for i, s in states.items() if s.state in ("new", "sent")]
    if not unsent:
        return
    orders = ledger.orders(session=session).filter(pl.col("order_id").is_in(unsent))
    decided = ledger.proposals(session).join(orders, on="proposal_id", how="semi")["decided_at"]
    at = time_of(home, max(decided.to_list()))
    ledger.record_order_events(execution.sent(Recorded.of(ledger, orders)), at)
    ledger.record_order_events(execution.answered(Recorded.of(ledger, orders), broker), at)


def _open(home: Home, session: date | None = None, upto: date | None = None) -> Recorded:
    return Recorded.of(home.ledger, home.ledger.orders(session=session, upto=upto, still_open=True))


def _broker(home: Home, marks: pl.DataFrame) -> Broker:
    return open_broker(home.settings, home.sessions, marks, Recorded.of(home.ledger, home.ledger.orders()))
