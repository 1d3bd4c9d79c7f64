"""What ledgers hold in tests, and what somebody with a database prompt, an old version or a kill does to them."""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections.abc import Callable
from copy import deepcopy
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import polars as pl
import sqlalchemy as sa

from macro_fund.pms.execution import orders_from
from macro_fund.store import ledger_open
from macro_fund.store.ledger import Ledger, open_ledger
from macro_fund.store.ledger_orders import event_of
from macro_fund_tests.pms.builders import frame, proposals, utc

NOW, LATER = utc(2025, 2, 10), utc(2025, 2, 10, 14)
PID, OTHER = "ab12cd34ef56", "ff00ff00ff00"
BARS = {
    "walk-forward Sharpe": {"least": 0.0, "strict": True, "found": 0.4},
    "walk-forward years": {"least": 5.0, "strict": False, "found": 5.0},
    "deflated Sharpe": {"least": 0.9, "strict": False, "found": 0.93},
}


def fill_of(order: dict[str, Any], **given: Any) -> pl.DataFrame:
    row = {
        "session": date(2025, 2, 11),
        "trade_date": date(2025, 2, 10),
        "fill_id": "f1",
        "order_id": order["order_id"],
        "contract": order["contract"],
        "instrument": order["instrument"],
        "quantity": order["quantity"],
        "price": 76828.74,
        "cost_brl": Decimal("871.95"),
    }
    return frame("pms/fills", [{**row, **given}])


def trial(number: int = 1, **given: Any) -> dict[str, Any]:
    row = {
        "trial_id": f"{number:064x}",
        "strategy_id": "FX-02",
        "code": "c" * 64,
        "params": {"enter": 0.3, "instruments": ["DOL_1M"], "params": {"z_window": 504, "kind": "x"}},
        "rules": {"stop_u": 1.5, "patience": 5},
        "first_session": date(2010, 1, 4),
        "last_session": date(2021, 12, 28),
        "inputs": "i" * 64,
        "n_days": 2651,
        "sharpe": 0.05107595153113473,
        "skew": 0.8312652121015349,
        "kurt": 36.90894509343126,
        "annual_return": 0.019537198295995362,
        "turnover": -0.0,
    }
    return {**row, **given}


def promotion(**given: Any) -> dict[str, Any]:
    row = {"strategy_id": "FX-02", "trial_id": trial()["trial_id"], "trials": 1, "bars": deepcopy(BARS), "grid": {}}
    return {**row, "person": "Ana", **given}


def statement_row(**given: Any) -> dict[str, Any]:
    row = {"row_id": "s1", "digest": "d" * 64, "line": 2, "day": date(2025, 2, 10), "contract": "DI1F27"}
    return {**row, "quantity": 120, "price": 76828.74, "cash_brl": None, **given}


def full_story(ledger: Ledger) -> None:
    """Journal entries 1, 2: proposals; 3: decision; 4: order; 5: fill."""
    ledger.record_proposals(proposals({}, {"proposal_id": OTHER, "contract": "DI1F28"}), NOW)
    ledger.decide(PID, "approve", "Ana", "carry", NOW)
    orders = orders_from(ledger.pending_approvals())
    ledger.record_orders(orders, NOW)
    ledger.record_fills(fill_of(orders.row(0, named=True)), NOW)


def every_kind(ledger: Ledger) -> None:
    """A row in each table: the full story, then entries 6: trial; 7: promotion; 8: throw of the switch; 9: refusal;
    10: proposal; 11: decision; 12: its review; 13: confirmation; then a refusal, an order, its first event, a row of a
    broker's statement, an override, its confirmation, a calendar event and a note."""
    full_story(ledger)
    ledger.record_trials([trial()], NOW)
    ledger.promote(promotion(), NOW)
    ledger.switch("throw", "Ana", "data", NOW)
    ledger.switch("reset", "Bia", "well again", LATER)
    review = {"role": "pm", "shown": "", "checks": [], "second": "a large order"}
    moment = LATER + timedelta(minutes=1)
    ledger.decide(OTHER, "approve", "Ana", "", moment, review=review)
    ledger.confirm(OTHER, "Bia", "", moment)
    ledger.refuse("approve", OTHER, "Cai", "a viewer does not decide", moment)
    order = orders_from(ledger.pending_approvals())
    ledger.record_orders(order, moment)
    state = ledger.order_state(order["order_id"].item())
    ledger.record_order_events([event_of(state, "sent", order["session"].item())], moment)
    ledger.record_statement([statement_row()], "Cai", moment)
    given = ledger.override(override(), moment)
    ledger.override_step(given["override_id"], "confirm", "Bia", "", moment)
    ledger.record_event(event(), moment)
    ledger.note("f1", "lesson", "Ana", "pm", "carry was less than it cost", moment)


def override(**given: Any) -> dict[str, Any]:
    row = {"contract": "DI1F27", "trade_date": date(2025, 2, 10), "level": 0.149, "reason": "no file"}
    return {**row, "person": "Ana", "shown": "0.14875 settled on 2025-02-07", **given}


def event(**given: Any) -> dict[str, Any]:
    row = {"instrument": "NTN-F 2035", "event_date": date(2025, 7, 1), "kind": "coupon", "amount": 48.808848}
    return {**row, "source": "Tesouro Nacional", "reason": "", "person": "Davi", **given}


def run_sql(url: str, *statements: str | sa.Executable, unlocked: bool = False) -> None:
    """What somebody with the database can run at its prompt; unlocked: after switching the triggers off."""
    engine = sa.create_engine(url, poolclass=sa.NullPool)
    with engine.begin() as conn:
        if unlocked and conn.dialect.name == "sqlite":
            for name in conn.scalars(sa.text("SELECT name FROM sqlite_master WHERE type = 'trigger'")).all():
                conn.execute(sa.text(f"DROP TRIGGER {name}"))
        elif unlocked:
            for table in sa.inspect(conn).get_table_names():
                conn.execute(sa.text(f"ALTER TABLE {table} DISABLE TRIGGER ALL"))
        for s in statements:
            conn.execute(sa.text(s) if isinstance(s, str) else s)


def ledger_at(url: str, revision: str) -> Ledger:
    """A ledger as an earlier version left it."""
    from alembic import command
    from alembic.config import Config

    engine = ledger_open.engine_for(url)
    config = Config()
    config.set_main_option("script_location", str(ledger_open._MIGRATIONS))
    with engine.connect() as conn, conn.begin():
        config.attributes["connection"] = conn
        command.upgrade(config, revision)
    return Ledger(engine)


def start(work: Callable[..., object], *arguments: Any) -> Any:
    """Another process that does the work on a connection of its own. Polars' threads do not survive the fork: the work
    must not make frames."""
    process = multiprocessing.get_context("fork").Process(target=work, args=arguments, daemon=True)
    process.start()
    return process


def killed_after(url: str, statement: str, work: Callable[[Ledger], object]) -> None:
    """Do the work in a process that dies right after it ran the statement, before the commit."""

    def run() -> None:
        ledger = open_ledger(url)

        def die(conn: object, cursor: object, executed: str, *rest: object) -> None:
            if executed.startswith(statement):
                os.kill(os.getpid(), signal.SIGKILL)

        sa.event.listen(ledger._engine, "after_cursor_execute", die)
        work(ledger)

    process = start(run)
    process.join(60)
    assert process.exitcode == -signal.SIGKILL
