"""Small frames for the pms tests: real schemas, typed-in numbers, a real calendar."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import polars as pl

from macro_fund.pms.adapters import open_broker
from macro_fund.pms.approval import Desk
from macro_fund.pms.book import pnl, positions
from macro_fund.pms.evidence import Read
from macro_fund.pms.execution import Recorded, answered, executed, sent
from macro_fund.pms.marking import Market, book_marks
from macro_fund.pms.people import Actor, alone
from macro_fund.settings import Settings, default_settings
from macro_fund.store.lake import shape_problems
from macro_fund.store.ledger import Ledger
from macro_fund.store.ledger_notes import NOTE_SCHEMA
from macro_fund.store.ledger_orders import EVENT_SCHEMA
from macro_fund.store.table import UTC_TIME
from macro_fund.store.tables import TABLES
from macro_fund.time.calendars import load_calendar
from macro_fund.time.sessions import sessions

SETTINGS = default_settings()
TABLE = sessions()
ANBIMA = load_calendar("anbima")
CAPITAL = Decimal("100000000.00")
CDI = 0.00045513  # a bank day
KEYS = TABLE.keys(date(2025, 1, 6), date(2025, 3, 31))
INCEPTION = KEYS[0]
FIXED: dict[str, Any] = {"capital": CAPITAL, "inception": INCEPTION, "calendar": ANBIMA, "table": TABLE}


def utc(year: int, month: int, day: int, hour: int = 13, minute: int = 0) -> datetime:
    return datetime(year, month, day, hour, minute, tzinfo=UTC)


def frame(key: str, rows: Sequence[Mapping[str, Any]]) -> pl.DataFrame:
    return pl.DataFrame(list(rows), schema=TABLES[key].schema, orient="row")


def share(**parts: float) -> list[dict[str, Any]]:
    return [{"strategy_id": k.replace("_", "-"), "share": v} for k, v in parts.items()]


def proposal(**given: Any) -> dict[str, Any]:
    """A pms/trade_proposals row: receive 120 DI1F27 in the session of 10 February 2025."""
    return {
        "session": date(2025, 2, 10),
        "proposal_id": "ab12cd34ef56",
        "instrument": "DI1_2Y",
        "contract": "DI1F27",
        "quantity": 120,
        "screen_side": "SELL rate (receive) DI1F27",
        "position_before": 0,
        "position_after": 120,
        "entry_level": 0.14875,
        "stop_level": 0.1525,
        "target_level": 0.14,
        "horizon_days": 21,
        "conviction": 0.6,
        "expected_cost_brl": Decimal("871.95"),
        "dv01_before_brl": 0.0,
        "dv01_after_brl": 1525.5,
        "delta_before_brl": 0.0,
        "delta_after_brl": 0.0,
        "shares": share(RATES_01=0.75, CROSS_02=0.25),
        "gain_if": "you gain if rates FALL",
        "rationale": "open",
        "expires_at": utc(2025, 2, 10, 21),
        **given,
    }


def proposals(*rows: Mapping[str, Any]) -> pl.DataFrame:
    return frame("pms/trade_proposals", [proposal(**r) for r in rows] if rows else [proposal()])


def read_of(lake: Mapping[str, pl.DataFrame]) -> Read:
    """Lake tables given as frames; those that are not given are empty."""

    def read(key: str, upto: date | None) -> pl.DataFrame:
        rows = lake.get(key, TABLES[key].empty())
        return rows if upto is None else rows.filter(pl.col("session") <= upto)

    return read


def desk_of(
    ledger: Ledger,
    at: datetime,
    who: Actor | str = "Ana",
    lake: Mapping[str, pl.DataFrame] | None = None,
    settings: Settings = SETTINGS,
) -> Desk:
    """What a decision needs; a name alone is somebody in a sample fund without users."""
    return Desk(ledger, settings, read_of(lake or {}), alone(who) if isinstance(who, str) else who, at)


def notes(*rows: Mapping[str, Any]) -> pl.DataFrame:
    """`Ledger.notes` rows: lessons by Ana on proposal p0, unless told otherwise."""
    usual = {"note_id": "n0", "kind": "lesson", "about": "proposal", "subject": "p0", "proposal_id": "p0"}
    usual |= {"person": "Ana", "role": "pm", "text": "sized too late"}
    return pl.DataFrame([{**usual, **r} for r in rows], schema=NOTE_SCHEMA, orient="row")


def cube_of(
    f: pl.DataFrame, m: pl.DataFrame, sessions: Sequence[date], rates: pl.DataFrame | None = None
) -> pl.DataFrame:
    """pms/pnl of the sessions for a fund that starts at INCEPTION; without `rates` no cash earns anything."""
    out = pnl(f, m, cdi([]) if rates is None else rates, sessions, **FIXED)
    assert shape_problems(TABLES["pms/pnl"], out) == []
    return out


def until(last: date) -> list[date]:
    """The fund's sessions up to `last`."""
    return [k for k in KEYS if k <= last]


def mark(contract: str, trade_date: date, price: float, **given: Any) -> dict[str, Any]:
    """A silver/contract_marks row known in the session after the trade date."""
    root = contract[:3]
    return {
        "session": TABLE.offset(trade_date, 1),
        "trade_date": trade_date,
        "contract": contract,
        "root": root,
        "maturity": date(2027, 1, 4),
        "bdays": 479,
        "settle_price": price,
        "settle_rate": 0.14875 if root == "DI1" else None,
        "prev_trade_date": None,
        "correction": 1.0,
        "point_value_brl": 1.0 if root in ("DI1", "IND") else 50.0,
        "pnl_brl": None,
        "dv01_brl": 12.712564 if root == "DI1" else 0.0,
        "delta_brl": 0.0 if root == "DI1" else price * 50,
        "limit_locked": False,
        **given,
    }


def marks_of(contract: str, days: Sequence[date], pnls: Sequence[float | None], **given: Any) -> list[dict[str, Any]]:
    """Marks on consecutive days that carry these P&Ls of one contract (the first has none)."""
    rows, before, price = [], None, 70000.0
    for day, made in zip(days, pnls, strict=True):
        price += made or 0.0
        rows.append(mark(contract, day, price, prev_trade_date=before, pnl_brl=made if before else None, **given))
        before = day
    return rows


def marks(*rows: Mapping[str, Any]) -> pl.DataFrame:
    return frame("silver/contract_marks", rows).sort("session", "trade_date", "contract")


def fill(trade_date: date, contract: str, quantity: int, **given: Any) -> dict[str, Any]:
    return {
        "session": TABLE.offset(trade_date, 1),
        "trade_date": trade_date,
        "fill_id": f"{contract}{trade_date:%m%d}{quantity}",
        "order_id": f"o{contract}{trade_date:%m%d}",
        "contract": contract,
        "instrument": "DI1_2Y" if contract.startswith("DI1") else "DOL_1M",
        "quantity": quantity,
        "price": 70000.0,
        "cost_brl": Decimal("10.00"),
        "shares": share(RATES_01=1.0),
        **given,
    }


FILL_SCHEMA = {**TABLES["pms/fills"].schema, "shares": TABLES["pms/trade_proposals"].schema["shares"]}


def fills(*rows: Mapping[str, Any]) -> pl.DataFrame:
    return pl.DataFrame(list(rows), schema=FILL_SCHEMA, orient="row").sort("session", "fill_id")


NO_OVERRIDES = pl.DataFrame(
    schema={
        **dict.fromkeys(("contract", "person", "confirmed_by"), pl.String),
        "trade_date": pl.Date,
        "level": pl.Float64,
        **dict.fromkeys(("confirmed_at", "revoked_at"), UTC_TIME),
    }
)
POINTS = {"DI1": 1.0, "DOL": 50.0, "IND": 1.0}


def market(known_marks: pl.DataFrame, rates: pl.DataFrame | None = None) -> Market:
    """What marks rest on: without `rates` no CDI is known, so that nothing can be estimated."""
    return Market(known_marks, cdi([]) if rates is None else rates, ANBIMA, POINTS, TABLE)


def held_at(f: pl.DataFrame, m: pl.DataFrame, days: Sequence[date]) -> pl.DataFrame:
    """pms/positions at official settlements."""
    return positions(f, book_marks(f, NO_OVERRIDES, market(m), days), days, TABLE)


def cdi(days: Sequence[date], rate: float = CDI, known_after: int = 2) -> pl.DataFrame:
    """CDI rows: public the next bank day at 09:00, so the second session after the day is the first to know."""
    known = [TABLE.offset(TABLE.latest(utc(d.year, d.month, d.day, 23)), known_after) for d in days]
    rows = {"session": known, "event_date": list(days), "value": [rate] * len(days)}
    return pl.DataFrame(rows, schema={"session": pl.Date, "event_date": pl.Date, "value": pl.Float64})


def bank_days(start: date, end: date) -> list[date]:
    days = pl.date_range(start, end, eager=True).to_list()
    return [d for d in days if ANBIMA.is_business_day(d)]


def events_frame(rows: Sequence[Mapping[str, Any]]) -> pl.DataFrame:
    """Order events as `Ledger.order_events` gives them."""
    kept = [{c: r.get(c, utc(2025, 2, 10)) for c in EVENT_SCHEMA} for r in rows]
    return pl.DataFrame(kept, schema=EVENT_SCHEMA, orient="row")


def worked(
    orders: pl.DataFrame, market: pl.DataFrame, sessions: Sequence[date], settings: Settings = SETTINGS
) -> Recorded:
    """What is recorded of orders that are sent and then asked for in the morning of each of `sessions`."""
    so_far = Recorded(orders, events_frame([]), TABLES["pms/fills"].empty())
    broker = open_broker(settings, TABLE, market, so_far)
    for step in (sent, lambda r: answered(r, broker)):
        so_far = Recorded(orders, pl.concat([so_far.events, events_frame(step(so_far))]), so_far.fills)
    for session in sessions:
        events, rows = executed(so_far, broker, session, TABLE)
        so_far = Recorded(orders, pl.concat([so_far.events, events_frame(events)]), pl.concat([so_far.fills, rows]))
    return so_far


def record_morning(
    ledger: Ledger, market: pl.DataFrame, session: date, at: datetime, settings: Settings = SETTINGS
) -> None:
    """What the graph does with orders in the morning of a session: sends what is new, records what was executed."""

    def now() -> Recorded:
        return Recorded(ledger.orders(upto=TABLE.offset(session, -1)), ledger.order_events(), ledger.fills())

    broker = open_broker(settings, TABLE, market, now())
    ledger.record_order_events(sent(now()), at)
    ledger.record_order_events(answered(now(), broker), at)
    events, rows = executed(now(), broker, session, TABLE)
    ledger.record_fills(rows, at, events)
