"""Order events: the machine by itself under any sequence, and in the ledger on both databases; the upgrade of fills."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import polars as pl
import pytest
import sqlalchemy as sa
from hypothesis import given, settings
from hypothesis import strategies as st

from macro_fund.pms.execution import orders_from
from macro_fund.store import journal
from macro_fund.store.ledger import Ledger, LedgerError, open_ledger
from macro_fund.store.ledger_orders import event_of
from macro_fund.store.ledger_tables import FILLS
from macro_fund.store.order_states import ENDS, FILLED, MOVES, OrderState, moved, state_of
from macro_fund_tests.pms.builders import proposals, utc
from macro_fund_tests.store.old_ledger import propose_without_fields
from macro_fund_tests.store.stories import NOW, PID, fill_of, full_story, ledger_at, run_sql

T = date(2025, 2, 10)
NEW = OrderState("o1", 120)


def event(state: OrderState, kind: str, count: int | None = None, day: int = 0, **given: Any) -> dict[str, Any]:
    traded = kind in FILLED
    row: dict[str, Any] = {"reason": "" if traded else "why", "person": "Ana", "quantity": count}
    row |= {"price": 70000.0, "trade_date": T + timedelta(days=day)} if traded else {}
    return event_of(state, kind, T, **row | given)


def walk(*steps: tuple[str, int | None]) -> OrderState:
    state = NEW
    for day, (kind, count) in enumerate(steps):
        state = moved(state, event(state, kind, count, day))
    return state


WORKING = (("sent", None), ("working", None))


def test_from_new_to_filled_in_two_parts() -> None:
    half = walk(*WORKING, ("partially_filled", 50))
    assert (half.state, half.filled, half.remaining, half.events) == ("partially_filled", 50, 70, 3)
    whole = moved(half, event(half, "filled", 70, 9, price=71000.0))
    assert (whole.state, whole.filled, whole.remaining) == ("filled", 120, 0)
    assert whole.average_price == pytest.approx((50 * 70000 + 70 * 71000) / 120)
    assert NEW.average_price is None


@pytest.mark.parametrize("end", ["cancelled", "expired"])
def test_what_is_left_at_an_end_is_not_filled_any_more(end: str) -> None:
    ended = walk(*WORKING, ("partially_filled", 50), (end, None))
    assert (ended.state, ended.filled, ended.remaining, ended.reason) == (end, 50, 0, "why")
    with pytest.raises(LedgerError, match=f"it is {end} and cannot become filled; from here: nothing: it has ended"):
        moved(ended, event(ended, "filled", 70, 9))


@pytest.mark.parametrize(
    ("steps", "wrong", "words"),
    [
        ((), {"kind": "filled", "count": 120}, "it is new and cannot become filled; from here: sent, cancelled"),
        ((), {"kind": "lost"}, "'lost' is no state of an order; use one of new, sent"),
        (WORKING, {"kind": "filled", "count": 121}, r"\+121 contracts cannot be filled, \+120 are left of \+120"),
        (WORKING, {"kind": "filled", "count": -120}, r"-120 contracts cannot be filled"),
        (WORKING, {"kind": "filled", "count": 50}, r"\+50 of \+120 contracts is not filled"),
        (WORKING, {"kind": "partially_filled", "count": 120}, r"\+120 of \+120 contracts is not partially_filled"),
        (WORKING, {"kind": "filled"}, "a fill needs contracts, a price and a trade date"),
        (WORKING, {"kind": "filled", "count": 120, "price": None}, "a fill needs contracts, a price"),
        (WORKING, {"kind": "expired", "reason": " "}, "expired needs a reason"),
        (WORKING, {"kind": "cancelled", "person": ""}, "a cancel needs a person's name"),
        (WORKING, {"kind": "expired", "count": 3}, r"expired brings no contracts, this event brings \+3"),
        (
            (*WORKING, ("partially_filled", 50)),
            {"kind": "filled", "count": 70, "day": 2},
            "its fill of 2025-02-12 does not come after that of 2025-02-12",
        ),
    ],
)
def test_an_impossible_move_is_refused_in_a_sentence(
    steps: tuple[tuple[str, int | None], ...], wrong: dict[str, Any], words: str
) -> None:
    state = walk(*steps)
    with pytest.raises(LedgerError, match=f"order o1: {words}"):
        moved(state, event(state, **wrong))


def test_events_are_numbered_without_a_gap() -> None:
    with pytest.raises(LedgerError, match="event 3 cannot follow event 1: read the order again"):
        moved(walk(("sent", None)), event(replace(NEW, events=2), "working"))


@given(
    ordered=st.integers(-200, 200).filter(bool),
    tried=st.lists(st.tuples(st.sampled_from(sorted(MOVES)), st.integers(-200, 200)), max_size=25),
    likely=st.booleans(),
)
@settings(max_examples=300, deadline=None)
def test_any_sequence_ends_in_a_legal_state_or_is_refused(
    ordered: int, tried: list[tuple[str, int]], likely: bool
) -> None:
    """filled + remaining = ordered until the end, nothing moves after it, and a replay in any order is the same."""
    state, taken = OrderState("o1", ordered), []
    if likely:
        tried = [("sent", 0), ("working", 0), *tried]
    for day, (kind, count) in enumerate(tried):
        tries = event(state, kind, count if kind in FILLED else None, day)
        try:
            after = moved(state, tries)
        except LedgerError:
            continue
        assert state.state not in ENDS
        assert after.state in MOVES[state.state]
        assert abs(after.filled) <= abs(ordered)
        assert after.filled * ordered >= 0
        assert after.state in ENDS or after.filled + after.remaining == ordered
        assert (after.state == "filled") == (after.filled == ordered)
        assert after.state not in ENDS or after.remaining == 0
        state, taken = after, [*taken, tries]
    again = state_of({"order_id": "o1", "quantity": ordered}, reversed(taken))
    assert again == state


def test_an_order_from_before_events_is_what_its_fill_says() -> None:
    order = {"order_id": "o1", "quantity": 120}
    assert state_of(order, ()).state == "new"
    filled = state_of(
        order, (), fill_of({"order_id": "o1", "contract": "X", "instrument": "Y", "quantity": 120}).rows(named=True)
    )
    assert (filled.state, filled.average_price, filled.traded) == ("filled", 76828.74, T)


# in the ledger


@pytest.fixture
def ordered(ledger: Ledger) -> tuple[Ledger, dict[str, Any]]:
    ledger.record_proposals(proposals(), NOW)
    ledger.decide(PID, "approve", "Ana", "", NOW)
    ledger.record_orders(orders_from(ledger.pending_approvals()), NOW)
    return ledger, ledger.orders().row(0, named=True)


def record(ledger: Ledger, order_id: str, *kinds: str) -> None:
    for kind in kinds:
        ledger.record_order_events([event_of(ledger.order_state(order_id), kind, T, reason="why")], NOW)


def fill_event(ledger: Ledger, order_id: str, kind: str, fill: pl.DataFrame) -> dict[str, Any]:
    row = fill.row(0, named=True)
    names = ("trade_date", "quantity", "price")
    fees = {"fees_brl": row["cost_brl"]}
    return event_of(ledger.order_state(order_id), kind, row["session"], **{n: row[n] for n in names}, **fees)


def test_an_order_with_two_fills_on_two_days(ordered: tuple[Ledger, dict[str, Any]]) -> None:
    ledger, order = ordered
    record(ledger, order["order_id"], "sent", "working")
    for number, (kind, count) in enumerate({"partially_filled": 50, "filled": 70}.items()):
        day = T + timedelta(days=number)
        fill = fill_of(order, fill_id=f"f{number}", quantity=count, trade_date=day, session=day + timedelta(days=1))
        told = fill_event(ledger, order["order_id"], kind, fill)
        assert [ledger.record_fills(fill, NOW, [told]), ledger.record_fills(fill, NOW, [told])] == [1, 0]
        assert ledger.orders(still_open=True).height == 1 - number
    state = ledger.order_state(order["order_id"])
    assert (state.state, state.filled, state.events) == ("filled", 120, 4)
    assert ledger.order_events()["kind"].to_list() == ["sent", "working", "partially_filled", "filled"]
    assert ledger.order_events(upto=T).height == 2
    assert ledger.fills()["quantity"].to_list() == [50, 70]
    assert ledger.journal()["kind"].to_list()[3:] == ["order_event"] * 3 + ["fill"] + ["order_event", "fill"]
    assert ledger.verify_journal() == []


def test_a_refused_event_leaves_no_fill_behind(ordered: tuple[Ledger, dict[str, Any]]) -> None:
    ledger, order = ordered
    fill = fill_of(order)
    with pytest.raises(LedgerError, match="it is new and cannot become filled"):
        ledger.record_fills(fill, NOW, [fill_event(ledger, order["order_id"], "filled", fill)])
    assert ledger.fills().is_empty()
    assert ledger.journal().height == 3


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"quantity": 121}, r"fills of \+121 contracts, but \+120 were ordered"),
        ({"quantity": -1}, r"fills of -1 contracts, but \+120 were ordered"),
        ({"contract": "DI1F28"}, "is of DI1F28, its order of DI1F27"),
    ],
)
def test_a_fill_that_the_order_cannot_have_is_refused(
    ordered: tuple[Ledger, dict[str, Any]], given: dict[str, Any], words: str
) -> None:
    ledger, order = ordered
    with pytest.raises(LedgerError, match=words):
        ledger.record_fills(fill_of(order, **given), NOW)
    ledger.record_fills(fill_of(order, quantity=100), NOW)
    with pytest.raises(LedgerError, match=r"fills of \+121 contracts"):
        ledger.record_fills(fill_of(order, fill_id="f2", quantity=21, trade_date=T + timedelta(days=1)), NOW)


def test_two_fills_of_a_day_are_refused(ordered: tuple[Ledger, dict[str, Any]]) -> None:
    ledger, order = ordered
    ledger.record_fills(fill_of(order, quantity=60), NOW)
    with pytest.raises((LedgerError, sa.exc.DBAPIError), match=r"(?i)replace|unique"):
        ledger.record_fills(fill_of(order, fill_id="f2", quantity=60), NOW)
    assert ledger.fills()["quantity"].to_list() == [60]


def test_a_cancel_needs_a_name_a_reason_and_something_left(ordered: tuple[Ledger, dict[str, Any]]) -> None:
    ledger, order = ordered
    record(ledger, order["order_id"], "sent", "working")
    with pytest.raises(LedgerError, match="a cancel needs a note that says why"):
        ledger.cancel_order(order["order_id"], "Ana", " ", T, NOW)
    with pytest.raises(LedgerError, match="a cancel needs a person's name"):
        ledger.cancel_order(order["order_id"], " ", "why", T, NOW)
    done = ledger.cancel_order(order["order_id"], "Ana", "wrong month", T, NOW)
    assert (done["kind"], done["person"], done["reason"], done["number"]) == ("cancelled", "Ana", "wrong month", 3)
    with pytest.raises(LedgerError, match="it is cancelled and cannot become cancelled"):
        ledger.cancel_order(order["order_id"], "Bia", "again", T, utc(2025, 2, 10, 15))
    assert ledger.orders(still_open=True).is_empty()
    assert ledger.verify_journal() == []


def test_orders_are_found_by_enough_digits(ordered: tuple[Ledger, dict[str, Any]]) -> None:
    ledger, order = ordered
    assert ledger.order_state(order["order_id"][:5].upper()).order_id == order["order_id"]
    with pytest.raises(LedgerError, match="no order 'zz': `macro-fund orders list --all` shows every id"):
        ledger.order_state("zz")


def test_a_changed_event_is_found(ordered: tuple[Ledger, dict[str, Any]], url: str) -> None:
    ledger, order = ordered
    record(ledger, order["order_id"], "sent", "working")
    run_sql(url, "UPDATE order_events SET reason = 'x' WHERE number = 2", unlocked=True)
    (problem,) = ledger.verify_journal()
    assert problem.startswith("order_events row")
    assert problem.endswith("differs from journal entry 5")


def test_fills_of_an_older_ledger_stay_as_they_are_and_their_orders_are_done(empty_url: str) -> None:
    """From revision 0006, where an order had one fill and no events, to now: same rows, same chain, still locked."""
    old = ledger_at(empty_url, "0006")
    propose_without_fields(old, NOW, {})
    old.decide(PID, "approve", "Ana", "", NOW)
    old.record_orders(orders_from(old.pending_approvals()), NOW)
    order = old.orders().row(0, named=True)
    rows = [{**r, "recorded_at": NOW} for r in fill_of(order).to_dicts()]
    with old._write() as conn:
        conn.execute(sa.insert(FILLS), rows)
        journal.append(conn, "fill", rows, NOW)
    before = old.fills().drop("shares"), old.journal()
    old.close()

    ledger = open_ledger(empty_url)
    assert ledger.fills().drop("shares").equals(before[0])
    assert ledger.journal().equals(before[1])
    assert ledger.verify_journal() == []
    assert ledger.orders(still_open=True).is_empty()
    assert ledger.order_state(order["order_id"]).state == "filled"
    for statement in ("UPDATE fills SET quantity = 1", "DELETE FROM fills"):
        with pytest.raises(sa.exc.DBAPIError, match="the ledger is append-only: fills takes no"):
            run_sql(empty_url, statement)
    ledger.close()


def test_the_full_story_has_an_order_that_is_done(ledger: Ledger) -> None:
    full_story(ledger)
    assert ledger.orders(still_open=True).is_empty()
