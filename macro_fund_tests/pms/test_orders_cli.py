"""Orders and brokers' statements on the command line: what is shown, what is cancelled, which files are refused."""

from __future__ import annotations

import json
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from macro_fund.pms import approval
from macro_fund.pms.execution import orders_from
from macro_fund.pms.statements import StatementError, read_statement
from macro_fund.store.ledger import LedgerError, open_ledger
from macro_fund_tests.pms.builders import TABLE, desk_of, frame, held_at, mark, marks, proposals, record_morning, utc
from macro_fund_tests.pms.test_cli import PID, Desk
from macro_fund_tests.pms.test_execution import with_broker

T, NEXT = date(2025, 2, 10), date(2025, 2, 11)
NOW = utc(2025, 2, 10)
MARKS = marks(mark("DI1F27", T, 76828.74))


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    """A fund with one order of today that is working."""
    made = Desk(open_ledger(f"sqlite:///{tmp_path / 'ledger.sqlite'}"), now=NOW)
    made.ledger.record_proposals(proposals(), NOW)
    approval.approve(desk_of(made.ledger, NOW), PID)
    made.ledger.record_orders(orders_from(made.ledger.pending_approvals()), NOW)
    record_morning(made.ledger, marks(), NEXT, NOW)  # nothing has settled yet
    return made


@pytest.fixture
def closed(desk: Desk) -> Desk:
    """The same in the next morning, with its book."""
    record_morning(desk.ledger, MARKS, NEXT, utc(2025, 2, 11))
    nav = {"session": NEXT, "trade_date": T, "opening_nav_brl": Decimal("100000000.00"), "pnl_brl": Decimal("-871.95"),
           "nav_brl": Decimal("99999128.05"), "cdi_index": 1.0, "fund_index": 0.9999912805}  # fmt: skip
    desk.now = utc(2025, 2, 11)
    desk.lake = {
        "pms/positions": held_at(desk.ledger.fills(), MARKS, [NEXT]),
        "pms/nav": frame("pms/nav", [nav]),
    }
    return desk


def test_a_working_order_and_then_a_filled_one(desk: Desk) -> None:
    said = desk.says("orders", "list")
    assert "SELL rate (receive) DI1F27" in said
    assert "+120 │ +0 │ +120 │ - │ - │ working │ -" in said
    record_morning(desk.ledger, MARKS, NEXT, utc(2025, 2, 11))
    assert "+120 │ +120 │ +0 │ 76,828.740 │ - │ filled │ -" in desk.says("orders", "list")
    (row,) = json.loads(desk.says("orders", "list", "--all", "--json"))
    assert (row["state"], row["filled"], row["remaining"]) == ("filled", 120, 0)


def test_without_orders(tmp_path: Path) -> None:
    empty = Desk(open_ledger(f"sqlite:///{tmp_path / 'empty.sqlite'}"))
    assert "No orders yet" in empty.says("orders", "list")
    assert empty.says("orders", "list", "--json") == "[]"


def test_a_cancel_is_journalled_with_its_reason_and_nothing_is_filled_after_it(desk: Desk) -> None:
    order_id = desk.ledger.orders()["order_id"].item()
    said = desk.says("orders", "cancel", order_id[:6], "--as", "Ana", "--note", "wrong month")
    assert said == f"cancelled {order_id}: +0 of +120 contracts were filled, nothing more from 2025-02-10 on."
    assert "cancelled │ wrong month" in desk.says("orders", "list")
    record_morning(desk.ledger, MARKS, NEXT, utc(2025, 2, 11))
    assert desk.ledger.fills().is_empty()
    last = desk.ledger.journal().row(-1, named=True)
    assert (last["kind"], json.loads(last["body"])["reason"]) == ("order_event", "wrong month")
    assert desk.ledger.verify_journal() == []


def test_the_rest_of_an_order_in_parts_can_be_cancelled(desk: Desk) -> None:
    record_morning(desk.ledger, MARKS, NEXT, utc(2025, 2, 11), with_broker(max_contracts_per_session=50))
    order_id = desk.ledger.orders()["order_id"].item()
    desk.now = utc(2025, 2, 11, 20)
    said = desk.says("orders", "cancel", order_id, "--as", "Ana", "--note", "enough")
    assert said == f"cancelled {order_id}: +50 of +120 contracts were filled, nothing more from 2025-02-11 on."
    desk.now = utc(2025, 2, 11, 21)
    said = desk.fails("orders", "cancel", order_id, "--as", "Ana", "--note", "again")
    assert "it is cancelled and cannot become cancelled; from here: nothing: it has ended" in said


@pytest.mark.parametrize(
    ("arguments", "at", "words"),
    [
        (("--as", "Ana"), NOW, "a cancel needs a note that says why"),
        (("--note", "x"), NOW, "name"),
        (("--as", "Ana", "--note", "x"), utc(2025, 2, 10, 21), "was in the market on 2025-02-10: what became of it"),
    ],
)
def test_a_cancel_that_is_refused_is_a_refusal_in_the_journal(
    desk: Desk, arguments: tuple[str, ...], at: datetime, words: str
) -> None:
    desk.now = at
    order_id = desk.ledger.orders()["order_id"].item()
    said = desk.fails("orders", "cancel", order_id, *arguments)
    assert words in said
    refusal = desk.ledger.refusals().row(-1, named=True)
    assert (refusal["action"], refusal["subject"]) == ("cancel", order_id)
    assert desk.ledger.order_state(order_id).state == "working"


def test_no_second_trade_while_an_order_of_a_session_before_still_works(desk: Desk) -> None:
    """The settlement is late, so the target is proposed again: approved twice it would be held twice."""
    again = {"session": NEXT, "proposal_id": "ee", "expires_at": utc(2025, 2, 11, 21)}
    desk.ledger.record_proposals(proposals(again), utc(2025, 2, 11))
    morning = desk_of(desk.ledger, utc(2025, 2, 11))
    with pytest.raises(LedgerError, match=r"still works on \+120 DI1F27: wait for it, or cancel it first"):
        approval.approve(morning, "ee")
    other_side = {**again, "proposal_id": "dd", "quantity": -60, "position_before": 0, "position_after": -60}
    told = {"screen_side": "BUY rate (pay) DI1F27", "gain_if": "you gain if rates RISE"}
    desk.ledger.record_proposals(proposals(other_side | told), utc(2025, 2, 11))
    assert approval.approve(morning, "dd").decision["action"] == "approve"


# statements

HEADER = "date,contract,quantity,price,cash\n"
GOOD = HEADER + "2025-02-10,DI1F27,120,76828.74,\n2025-02-10,,,,99999128.05\n"


def file_of(tmp_path: Path, text: str | bytes) -> Path:
    path = tmp_path / "statement.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def test_a_statement_that_agrees(closed: Desk, tmp_path: Path) -> None:
    path = str(file_of(tmp_path, "\ufeff" + GOOD))
    said = closed.says("broker", "statement", path, "--as", "Cai")
    assert "all agree." in said
    assert "recorded 2 rows of the statement" in said
    kept = closed.ledger.statements(utc(2025, 2, 10), utc(2025, 2, 12))
    assert kept.select("contract", "quantity", "cash_brl", "person").rows() == [
        ("DI1F27", 120, None, "Cai"), ("", None, Decimal("99999128.05"), "Cai")
    ]  # fmt: skip
    assert closed.ledger.verify_journal() == []
    assert "this statement was recorded by Cai on 2025-02-11 already" in closed.fails(
        "broker", "statement", path, "--as", "Bia"
    )


def test_a_statement_that_does_not(closed: Desk, tmp_path: Path) -> None:
    text = HEADER + "2025-02-10,DI1F27,119,76828.75,\n2025-02-10,DOLH25,-3,5800,\n2025-02-10,,,,1.00\n"
    rows = json.loads(closed.says("broker", "statement", str(file_of(tmp_path, text)), "--as", "Cai", "--json"))
    assert [r["sentence"] for r in rows] == [
        "DI1F27: after 2025-02-10 the book holds +120, the statement says +119 contracts",
        "DOLH25: after 2025-02-10 the book holds +0, the statement says -3 contracts",
        "NAV after 2025-02-10 is BRL 99,999,128.05, the statement says 1.00 of cash",
        "DI1F27 is marked at 76,828.74 after 2025-02-10, the statement says 76,828.75",
    ]
    assert {r["session"] for r in rows} == {NEXT.isoformat()}


def test_a_statement_of_a_close_that_the_books_do_not_have(desk: Desk, tmp_path: Path) -> None:
    said = desk.fails("broker", "statement", str(file_of(tmp_path, GOOD)), "--as", "Cai")
    assert "the books have no close of 2025-02-10 yet: nothing was recorded" in said
    assert "statement" not in desk.ledger.journal()["kind"].to_list()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "the first line must name the columns date,contract,quantity,price,cash, it is ''"),
        ("day,contract,quantity,price,cash\n", "the first line must name the columns"),
        (HEADER, "has no rows below its header"),
        (HEADER + "2025-02-10,DI1F27,120\n", "line 2: 3 cells, expected 5"),
        (HEADER + "10/02/2025,DI1F27,120,1,\n", "line 2: date '10/02/2025' is no day, write YYYY-MM-DD"),
        (HEADER + "2025-02-09,DI1F27,120,1,\n", "line 2: 2025-02-09 is no trading day of B3"),
        (HEADER + "2025-02-10,DI1F27,1.5,1,\n", "line 2: quantity '1.5' is no whole number"),
        (HEADER + '2025-02-10,DI1F27,120,"76,828.74",\n', "line 2: price '76,828.74' is no number above 0"),
        (HEADER + "2025-02-10,DI1F27,120,nan,\n", "line 2: price 'nan' is no number above 0"),
        (HEADER + "2025-02-10,DI1F27,120,,\n", "line 2: DI1F27 needs quantity and price, and no cash"),
        (HEADER + "2025-02-10,DI1F27,120,1,5\n", "line 2: DI1F27 needs quantity and price, and no cash"),
        (HEADER + "2025-02-10,,120,,5\n", "line 2: a row without a contract is the day's cash"),
        (HEADER + "2025-02-10,,,,\n", "line 2: a row without a contract is the day's cash"),
        (HEADER + "2025-02-10,,,,1.001\n", "line 2: cash '1.001' is no amount in BRL to the cent"),
        (HEADER + "2025-02-10,,,,inf\n", "line 2: cash 'inf' is no amount"),
        (HEADER + "2025-02-10,,,,1\n\n2025-02-10,,,,2\n", "line 4: the cash of 2025-02-10 is in line 2 already"),
        (HEADER + "2025-02-10,X,1,1,\n2025-02-10,X,1,1,\n", "line 3: X of 2025-02-10 is in line 2 already"),
        (HEADER + '2025-02-10,"X,1,1,\n', "line 2: "),
        (b"\xff\xfe\x00", "is no text in UTF-8: save it as CSV"),
    ],
)
def test_a_bad_file_is_one_clear_message(desk: Desk, tmp_path: Path, text: str | bytes, words: str) -> None:
    path = file_of(tmp_path, text)
    with pytest.raises(StatementError) as refused:
        read_statement(path, TABLE)
    assert str(refused.value).startswith(str(path))
    assert words in str(refused.value)
    assert words in desk.fails("broker", "statement", str(path), "--as", "Cai")
    assert "statement" not in desk.ledger.journal()["kind"].to_list()


def test_a_file_that_is_not_there(desk: Desk, tmp_path: Path) -> None:
    assert "cannot be read: No such file" in desk.fails("broker", "statement", str(tmp_path / "x"), "--as", "Cai")
