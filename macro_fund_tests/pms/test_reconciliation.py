"""Reconciliation: every kind of break is found and told; what agrees says nothing."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from macro_fund.pms import reconciliation
from macro_fund.pms.adapters import open_broker
from macro_fund.pms.book import money, trading_pnl
from macro_fund.pms.broker import Statement
from macro_fund.pms.execution import Recorded
from macro_fund.store.lake import shape_problems
from macro_fund.store.tables import TABLES
from macro_fund_tests.pms.builders import SETTINGS, TABLE, held_at, mark, marks, marks_of, worked
from macro_fund_tests.pms.test_execution import MORNINGS, NEXT, T, order, with_broker

DAYS = TABLE.keys(T, TABLE.offset(T, 8))
PNLS = [None, 10.005, -3.333, 7.0, 0.015, -1.0, 2.675, 4.0, -2.5]
ROWS = marks(*marks_of("DI1F27", DAYS, PNLS))
DONE = worked(order(), ROWS, [NEXT])
CAPPED = worked(order(), ROWS, MORNINGS, with_broker(max_contracts_per_session=50))
MATURES = date(2027, 1, 4)


def made_by(fills: pl.DataFrame, rows: pl.DataFrame, session: date) -> Decimal:
    """What the book says that trading made by a session."""
    whole = fills.with_columns(shares=pl.lit(None))
    return money(sum(booked[-1] for booked in trading_pnl(whole, rows, session)))


def compared(done: Recorded, session: date = NEXT, **wrong: Any) -> list[str]:
    """Every break of a session's books, which are computed from the fills; `wrong` replaces a part of them."""
    known = pl.col("session") <= session
    held = held_at(done.fills, ROWS, [session])
    broker = open_broker(SETTINGS, TABLE, ROWS, wrong.get("told", done))
    fees = sum(done.fills.filter(known)["cost_brl"].to_list(), Decimal(0))
    books = wrong.get("recorded", done)
    rows = [
        *reconciliation.executions(
            Recorded(books.orders, books.events.filter(known), books.fills.filter(known)), session
        ),
        *reconciliation.positions(
            wrong.get("fills", done.fills).filter(known), wrong.get("held", held), TABLE.offset(session, -1), session
        ),
        *reconciliation.against(
            broker.statement(session),
            wrong.get("held", held),
            wrong.get("fees", fees),
            made_by(done.fills, ROWS, session) + wrong.get("beside", 0),
            session,
        ),
    ]
    frame = reconciliation.frame_of(rows)
    assert shape_problems(TABLES["pms/reconciliation"], frame) == []
    found = reconciliation.broken(frame)
    assert {s for s, _ in found} <= {session}
    assert [text for _, text in found] == frame.filter(pl.col("sentence") != "")["sentence"].to_list()
    return [text for _, text in found]


@pytest.mark.parametrize("session", MORNINGS)
def test_books_of_an_order_in_parts_agree_in_every_session(session: date) -> None:
    assert compared(CAPPED, session) == []


def test_what_is_compared_is_told() -> None:
    rows = reconciliation.executions(DONE, NEXT)
    assert [(r["kind"], r["ours"], r["theirs"]) for r in rows] == [
        ("execution", 120.0, 120.0), ("execution_price", 70000.0, 70000.0), ("order", 0.0, 0.0)
    ]  # fmt: skip


def fills_with(**columns: Any) -> pl.DataFrame:
    return DONE.fills.with_columns(**{k: pl.lit(v, dtype=DONE.fills.schema[k]) for k, v in columns.items()})


def with_fills(fills: pl.DataFrame) -> Recorded:
    return Recorded(DONE.orders, DONE.events, fills)


@pytest.mark.parametrize(
    ("recorded", "words"),
    [
        (with_fills(fills_with(quantity=121)), ["the fund filled +121, the broker reported +120 contracts",
                                               "+121 contracts are filled, +120 were ordered: +1 too many, not +0"]),
        (with_fills(fills_with(quantity=100)), ["the fund filled +100, the broker reported +120 contracts"]),
        (with_fills(fills_with(quantity=-120)), ["the fund filled -120, the broker reported +120 contracts",
                                                "-120 contracts are filled, +120 were ordered: +120 too many, not +0"]),
        (with_fills(fills_with(price=70000.01)), ["filled at 70,000.01, the broker reported 70,000.00"]),
        (with_fills(DONE.fills.clear()), ["the fund filled +0, the broker reported +120 contracts"]),
        (Recorded(DONE.orders.clear(), DONE.events, DONE.fills),
         ["+120 contracts are filled, +0 were ordered: +120 too many, not +0"]),
    ],
)  # fmt: skip
def test_a_fill_that_is_not_what_was_ordered_or_reported(recorded: Recorded, words: list[str]) -> None:
    assert compared(DONE, recorded=recorded) == [f"o1: {w}" for w in words]


def test_a_fill_from_before_events_has_nothing_to_be_compared_with() -> None:
    before = Recorded(DONE.orders, DONE.events.clear(), DONE.fills)
    assert compared(DONE, recorded=before, told=before) == []


def test_lots_that_are_not_the_position() -> None:
    twice = pl.concat([DONE.fills, fills_with(fill_id="f2", quantity=5)])
    assert compared(DONE, fills=twice) == ["DI1F27: open lots hold +125, the position is +120 contracts"]


def test_a_position_that_the_broker_does_not_have() -> None:
    lost = Recorded(DONE.orders, DONE.events.filter(pl.col("kind") != "filled"), DONE.fills)
    assert compared(DONE, told=lost) == [
        "the P&L has BRL 871.95 of fees, the broker charged 0.00",
        "DI1F27: the book holds +120, the broker +0 contracts",
        "trading made BRL -871.95 of the NAV, the broker settled 0.00 less fees",
    ]


def test_a_nav_that_holds_a_cent_more_than_was_settled() -> None:
    last = MORNINGS[-1]
    assert made_by(CAPPED.fills, ROWS, last) == Decimal("-871.95") + sum(
        (Decimal(n) * Decimal(made) for n, made in [(50, "10.00"), (100, "-3.33"), *((120, m) for m in
         ("7.00", "0.02", "-1.00", "2.68", "4.00", "-2.50"))]), Decimal(0)
    )  # fmt: skip
    (said,) = compared(CAPPED, last, beside=Decimal("0.01"))
    assert said.startswith("trading made BRL ")


def test_fees_that_differ_by_a_cent() -> None:
    assert compared(DONE, fees=Decimal("871.94")) == ["the P&L has BRL 871.94 of fees, the broker charged 871.95"]


def test_a_contract_that_only_the_broker_has() -> None:
    stated = Statement({"DOLH25": -3}, Decimal(0), Decimal(0))
    held = held_at(DONE.fills, ROWS, [NEXT])
    rows = reconciliation.against(stated, held, Decimal(0), Decimal(0), NEXT)
    assert [text for _, text in reconciliation.broken(reconciliation.frame_of(rows))] == [
        "DI1F27: the book holds +120, the broker +0 contracts",
        "DOLH25: the book holds +0, the broker -3 contracts",
    ]


def test_a_contract_that_has_ended_is_held_by_nobody() -> None:
    day = date(2026, 12, 30)
    done = worked(order(session=day, contract="DI1F27"), marks(mark("DI1F27", day, 99990.0)), [TABLE.offset(day, 1)])
    after = TABLE.offset(MATURES, 1)
    statement = open_broker(SETTINGS, TABLE, marks(), done).statement
    assert statement(TABLE.offset(day, 1)).positions == {"DI1F27": 120}
    assert statement(after).positions == {}
    held = TABLES["pms/positions"].empty()
    assert reconciliation.positions(done.fills, held, MATURES, after) == []


@given(
    quantities=st.lists(st.integers(-90, 90).filter(bool), min_size=1, max_size=5),
    cap=st.one_of(st.none(), st.integers(5, 60)),
    late=st.integers(0, 8),
    delay=st.integers(1, 3),
    corrected=st.integers(1, 8),
    morning=st.sampled_from(MORNINGS),
)
@settings(max_examples=25, deadline=None)
def test_books_made_of_any_orders_agree_with_the_broker(
    quantities: list[int], cap: int | None, late: int, delay: int, corrected: int, morning: date
) -> None:
    """In two contracts, with a settlement that comes late and one that is corrected two sessions after."""
    orders = pl.concat(
        [
            order(session=TABLE.offset(T, i % 3), order_id=f"o{i}", quantity=q, contract=f"DI1F{27 + i % 2}")
            for i, q in enumerate(quantities)
        ]
    )
    settled = [r for c in ("DI1F27", "DI1F28") for r in marks_of(c, DAYS, PNLS)]
    settled[late]["session"] = TABLE.offset(DAYS[late], delay)
    again = {**settled[corrected], "session": TABLE.offset(settled[corrected]["session"], 2), "pnl_brl": 99.995}
    rows = marks(*settled, again)
    done = worked(orders, rows, TABLE.keys(NEXT, morning), with_broker(max_contracts_per_session=cap))
    held = held_at(done.fills, rows, [morning])
    stated = open_broker(SETTINGS, TABLE, rows, done).statement(morning)
    fees = sum(done.fills["cost_brl"].to_list(), Decimal(0))
    found = [
        *reconciliation.executions(done, morning),
        *reconciliation.positions(done.fills, held, TABLE.offset(morning, -1), morning),
        *reconciliation.against(stated, held, fees, made_by(done.fills, rows, morning), morning),
    ]
    assert reconciliation.broken(reconciliation.frame_of(found)) == []
