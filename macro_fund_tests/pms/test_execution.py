"""Paper execution: orders from decisions, fills at the settlement of the order's session, limits, expiry; approval."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from macro_fund.pms import approval
from macro_fund.pms.execution import MAX_WORKING, orders_from, outcomes, paper_fills
from macro_fund.store.lake import shape_problems
from macro_fund.store.ledger import Ledger, LedgerError, open_ledger
from macro_fund.store.tables import TABLES
from macro_fund_tests.pms.builders import SETTINGS, TABLE, desk_of, frame, mark, marks, proposals, utc

T = date(2025, 2, 10)
NEXT = TABLE.offset(T, 1)
NOW = utc(2025, 2, 10)
PID = "ab12cd34ef56"


def order(**given: Any) -> pl.DataFrame:
    row = {
        "session": T,
        "order_id": "o1",
        "proposal_id": PID,
        "instrument": "DI1_2Y",
        "contract": "DI1F27",
        "quantity": 120,
        "limit_level": None,
        "approved_by": "Ana",
    }
    return frame("pms/orders", [{**row, **given}])


def outcome(orders: pl.DataFrame, rows: pl.DataFrame, upto: date = NEXT) -> tuple[str, str]:
    return outcomes(orders, rows, SETTINGS, upto, TABLE).select("state", "reason").row(0)


SETTLED = marks(mark("DI1F27", T, 76828.74))


def test_an_order_is_filled_at_the_settlement_of_its_session_in_the_next_partition() -> None:
    out = paper_fills(order(), SETTLED, SETTINGS, [NEXT], TABLE)
    assert shape_problems(TABLES["pms/fills"], out) == []
    f = out.row(0, named=True)
    assert (f["session"], f["trade_date"], f["quantity"], f["price"]) == (NEXT, T, 120, 76828.74)
    assert f["cost_brl"] == Decimal("871.95")
    assert paper_fills(order(), SETTLED, SETTINGS, [T], TABLE).is_empty()
    assert paper_fills(order(), SETTLED, SETTINGS, [TABLE.offset(T, 2)], TABLE).is_empty()


def test_a_settlement_at_the_days_price_limit_fills_nothing() -> None:
    locked = marks(mark("DI1F27", T, 76828.74, limit_locked=True))
    assert paper_fills(order(), locked, SETTINGS, [NEXT], TABLE).is_empty()
    state, reason = outcome(order(), locked)
    assert state == "expired"
    assert "DI1F27 settled at its price limit" in reason


def test_another_days_or_contracts_settlement_fills_nothing() -> None:
    rows = marks(
        mark("DI1F27", TABLE.offset(T, -1), 1.0), mark("DI1F28", T, 1.0), mark("DI1F27", NEXT, 1.0, session=NEXT)
    )
    assert outcome(order(), rows) == ("working", "waiting for the settlement of DI1F27 on 2025-02-10")
    assert paper_fills(order(), rows, SETTINGS, [NEXT], TABLE).is_empty()


def test_an_order_without_a_settlement_works_for_five_sessions_and_expires_with_the_reason() -> None:
    last = TABLE.offset(T, MAX_WORKING)
    nothing = marks()
    assert outcome(order(), nothing, last)[0] == "working"
    assert outcome(order(), nothing, TABLE.offset(last, 1)) == (
        "expired",
        "no settlement of DI1F27 on 2025-02-10 arrived within 5 sessions",
    )


@pytest.mark.parametrize(("delay", "count"), [(1, 1), (3, 1), (MAX_WORKING, 1), (MAX_WORKING + 1, 0)])
def test_a_late_settlement_fills_in_the_session_that_knows_it(delay: int, count: int) -> None:
    known = TABLE.offset(T, delay)
    late = marks(mark("DI1F27", T, 76828.74, session=known))
    window = TABLE.keys(NEXT, TABLE.offset(T, 9))
    out = paper_fills(order(), late, SETTINGS, window, TABLE)
    assert out["session"].to_list() == [known] * count


def test_a_corrected_settlement_does_not_change_a_fill() -> None:
    rows = marks(mark("DI1F27", T, 76828.74), mark("DI1F27", T, 70000.0, session=TABLE.offset(T, 2)))
    window = TABLE.keys(NEXT, TABLE.offset(T, 5))
    assert paper_fills(order(), rows, SETTINGS, window, TABLE)["price"].to_list() == [76828.74]


@pytest.mark.parametrize(
    ("contract", "quantity", "limit", "settled", "filled"),
    [
        ("DI1F27", 120, 0.1487, 0.14875, True),  # receive: the rate must be at or above
        ("DI1F27", 120, 0.14875, 0.14875, True),
        ("DI1F27", 120, 0.1490, 0.14875, False),
        ("DI1F27", -120, 0.1490, 0.14875, True),  # pay: at or below
        ("DI1F27", -120, 0.1487, 0.14875, False),
        ("DOLH25", 10, 5800.0, 5799.5, True),  # buy: at or below
        ("DOLH25", 10, 5799.0, 5799.5, False),
        ("DOLH25", -10, 5799.0, 5799.5, True),
        ("DOLH25", -10, 5800.0, 5799.5, False),
    ],
)
def test_limits(contract: str, quantity: int, limit: float, settled: float, filled: bool) -> None:
    is_rate = contract.startswith("DI1")
    row = mark(contract, T, 76828.74 if is_rate else settled, settle_rate=settled if is_rate else None)
    instrument = "DI1_2Y" if is_rate else "DOL_1M"
    given = order(contract=contract, quantity=quantity, limit_level=limit, instrument=instrument)
    state, reason = outcome(given, marks(row))
    assert state == ("filled" if filled else "expired")
    assert paper_fills(given, marks(row), SETTINGS, [NEXT], TABLE).height == filled
    if not filled and is_rate and quantity > 0:
        assert reason == "settled at 14.8750%, the limit wanted at or above 14.9000%"


def test_fills_of_a_window_are_those_of_each_partition() -> None:
    days = TABLE.keys(T, TABLE.offset(T, 6))
    rows = marks(*(mark("DI1F27", d, 70000.0 + i) for i, d in enumerate(days)))
    orders = pl.concat([order(session=d, order_id=f"o{d}") for d in days])
    window = [TABLE.offset(d, 1) for d in days]
    alone = pl.concat([paper_fills(orders, rows, SETTINGS, [s], TABLE) for s in window])
    assert alone.height == len(days)
    assert paper_fills(orders, rows, SETTINGS, window, TABLE).equals(alone)


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    opened = open_ledger(f"sqlite:///{tmp_path / 'ledger.sqlite'}")
    opened.record_proposals(proposals(), NOW)
    yield opened
    opened.close()


def test_an_approval_becomes_one_order_and_one_fill(ledger: Ledger) -> None:
    approval.approve(desk_of(ledger, NOW), PID)
    orders = orders_from(ledger.pending_approvals())
    assert shape_problems(TABLES["pms/orders"], orders) == []
    assert orders.equals(orders_from(ledger.pending_approvals()))
    ledger.record_orders(orders, NOW)
    out = paper_fills(ledger.orders(upto=T), SETTLED, SETTINGS, [NEXT], TABLE)
    assert [ledger.record_fills(out, NOW), ledger.record_fills(out, NOW)] == [1, 0]
    assert ledger.fills().select(out.columns).equals(out)


def test_a_rejection_becomes_no_order(ledger: Ledger) -> None:
    approval.reject(desk_of(ledger, NOW), PID, note="IPCA tomorrow")
    assert orders_from(ledger.pending_approvals()).is_empty()


def test_a_modification_trades_the_modified_quantity(ledger: Ledger) -> None:
    approval.modify(desk_of(ledger, NOW), PID, quantity=60, limit_level=0.148)
    assert orders_from(ledger.pending_approvals()).select("quantity", "limit_level").row(0) == (60, 0.148)


def test_a_position_beyond_the_instruments_maximum_is_refused(ledger: Ledger) -> None:
    with pytest.raises(LedgerError, match=r"makes a position of \+100001 contracts, the most for DI1_2Y is 100000"):
        approval.modify(desk_of(ledger, NOW), PID, quantity=100_001)


def test_a_limit_in_percent_is_taken_for_the_slip_it_is(ledger: Ledger) -> None:
    with pytest.raises(LedgerError, match=r"limit 14.9 is more than 25% away .*DI1 limits are rates as decimals"):
        approval.approve(desk_of(ledger, NOW), PID, limit_level=14.9)
    assert ledger.proposal(PID)["status"] == "proposed"
