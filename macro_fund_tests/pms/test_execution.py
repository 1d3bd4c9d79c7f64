"""Paper execution: orders from decisions, fills at settlements, caps, limits, rejects, expiry; approval."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any, get_args

import hypothesis
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from macro_fund.mandate import BrokerRules
from macro_fund.pms import approval
from macro_fund.pms.adapters import ADAPTERS
from macro_fund.pms.broker import contracts, on_screen
from macro_fund.pms.execution import orders_from, reported, standing
from macro_fund.pms.paper_broker import MAX_WORKING
from macro_fund.settings import Settings
from macro_fund.store.content import content_id
from macro_fund.store.lake import shape_problems
from macro_fund.store.ledger import Ledger, LedgerError, open_ledger
from macro_fund.store.order_states import ENDS
from macro_fund.store.tables import TABLES
from macro_fund_tests.pms.builders import (
    SETTINGS,
    TABLE,
    desk_of,
    frame,
    mark,
    marks,
    proposals,
    record_morning,
    utc,
    worked,
)

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
    """State and reason after the mornings of every session up to `upto`."""
    return standing(worked(orders, rows, TABLE.keys(NEXT, upto))).select("state", "reason").row(0)


def fills_of(
    orders: pl.DataFrame, rows: pl.DataFrame, sessions: Sequence[date], settings: Settings = SETTINGS
) -> pl.DataFrame:
    return worked(orders, rows, sessions, settings).fills


def with_broker(**rules: Any) -> Settings:
    """The settings with other rules of the paper broker."""
    broker = SETTINGS.fund.broker.model_copy(update=rules)
    return SETTINGS.model_copy(update={"fund": SETTINGS.fund.model_copy(update={"broker": broker})})


SETTLED = marks(mark("DI1F27", T, 76828.74))


def test_an_order_is_filled_at_the_settlement_of_its_session_in_the_next_partition() -> None:
    out = fills_of(order(), SETTLED, [NEXT])
    assert shape_problems(TABLES["pms/fills"], out) == []
    f = out.row(0, named=True)
    assert (f["session"], f["trade_date"], f["quantity"], f["price"]) == (NEXT, T, 120, 76828.74)
    assert f["cost_brl"] == Decimal("871.95")
    assert f["fill_id"] == content_id({"order_id": "o1", "trade_date": T})  # as it always was
    assert fills_of(order(), SETTLED, [T]).is_empty()


def test_events_tell_the_whole_way() -> None:
    done = worked(order(), SETTLED, [NEXT, TABLE.offset(T, 2)])
    columns = ("number", "kind", "session", "trade_date", "quantity", "price", "fees_brl")
    assert done.events.select(columns).rows() == [
        (1, "sent", T, None, None, None, None),
        (2, "working", T, None, None, None, None),
        (3, "filled", NEXT, T, 120, 76828.74, Decimal("871.95")),
    ]
    assert standing(done).select("state", "filled", "remaining", "average_price").row(0) == ("filled", 120, 0, 76828.74)
    assert reported(done).select("order_id", "contract", "quantity", "fees_brl").rows() == [
        ("o1", "DI1F27", 120, Decimal("871.95"))
    ]


def test_a_settlement_at_the_days_price_limit_fills_nothing() -> None:
    locked = marks(mark("DI1F27", T, 76828.74, limit_locked=True))
    assert fills_of(order(), locked, [NEXT]).is_empty()
    state, reason = outcome(order(), locked)
    assert state == "expired"
    assert "DI1F27 settled at its price limit" in reason


def test_another_days_or_contracts_settlement_fills_nothing() -> None:
    rows = marks(
        mark("DI1F27", TABLE.offset(T, -1), 1.0), mark("DI1F28", T, 1.0), mark("DI1F27", NEXT, 1.0, session=NEXT)
    )
    assert outcome(order(), rows) == ("working", "")
    assert fills_of(order(), rows, [NEXT]).is_empty()


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
    out = fills_of(order(), late, TABLE.keys(NEXT, TABLE.offset(T, 9)))
    assert out["session"].to_list() == [known] * count


@pytest.mark.parametrize(("first", "count"), [(2, 1), (MAX_WORKING, 1), (MAX_WORKING + 1, 0)])
def test_what_no_session_executed_in_time_is_executed_late_or_not_at_all(first: int, count: int) -> None:
    """The order came after the partition that knows the settlement had been run."""
    late = worked(order(), SETTLED, [TABLE.offset(T, first)])
    assert late.fills["session"].to_list() == [TABLE.offset(T, first)] * count
    if not count:
        assert standing(late)["reason"].item() == "no session until 2025-02-17 executed DI1F27 of 2025-02-10"


def test_a_corrected_settlement_does_not_change_a_fill() -> None:
    rows = marks(mark("DI1F27", T, 76828.74), mark("DI1F27", T, 70000.0, session=TABLE.offset(T, 2)))
    assert fills_of(order(), rows, TABLE.keys(NEXT, TABLE.offset(T, 5)))["price"].to_list() == [76828.74]


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
    assert fills_of(given, marks(row), [NEXT])["quantity"].to_list() == [quantity] * filled
    if not filled and is_rate and quantity > 0:
        assert reason == "settled at 14.8750%, the limit wanted at or above 14.9000%"


def test_fills_of_a_window_are_those_of_each_partition() -> None:
    days = TABLE.keys(T, TABLE.offset(T, 6))
    rows = marks(*(mark("DI1F27", d, 70000.0 + i) for i, d in enumerate(days)))
    orders = pl.concat([order(session=d, order_id=f"o{d}") for d in days])
    window = [TABLE.offset(d, 1) for d in days]
    alone = pl.concat([fills_of(orders, rows, [s]) for s in window[:MAX_WORKING]])
    assert alone.height > len(days)  # a partition alone also executes what the ones before it left
    assert fills_of(orders, rows, window)["session"].to_list() == window


# partial fills


def days_of(count: int, **given: Any) -> pl.DataFrame:
    """Settlements of DI1F27 on so many days from T."""
    days = TABLE.keys(T, TABLE.offset(T, count - 1))
    return marks(*(mark("DI1F27", d, 70000.0 + i, **given) for i, d in enumerate(days)))


MORNINGS = TABLE.keys(NEXT, TABLE.offset(T, 9))


def test_a_cap_spreads_an_order_over_sessions_each_at_its_own_settlement() -> None:
    done = worked(order(), days_of(9), MORNINGS, with_broker(max_contracts_per_session=50))
    assert done.fills.select("trade_date", "quantity", "price").rows() == [
        (TABLE.offset(T, i), count, 70000.0 + i) for i, count in enumerate([50, 50, 20])
    ]
    assert done.events["kind"].to_list()[2:] == ["partially_filled", "partially_filled", "filled"]
    assert done.fills["fill_id"].is_unique().all()
    assert done.fills["cost_brl"].to_list() == [Decimal("363.31"), Decimal("363.31"), Decimal("145.33")]
    row = standing(done).row(0, named=True)
    assert row["average_price"] == pytest.approx((50 * 70000 + 50 * 70001 + 20 * 70002) / 120)


def test_after_five_sessions_the_rest_of_a_capped_order_expires() -> None:
    done = worked(order(), days_of(9), MORNINGS, with_broker(max_contracts_per_session=10))
    assert done.fills["quantity"].to_list() == [10] * MAX_WORKING
    assert standing(done).select("state", "filled", "remaining", "reason").row(0) == (
        "expired", 50, 0, "70 contracts are left after 5 sessions of at most 10 each"
    )  # fmt: skip


def test_the_rest_of_a_capped_order_respects_its_limit_and_expires_beyond_it() -> None:
    moved_away = pl.concat([days_of(1), marks(mark("DI1F27", NEXT, 70001.0, settle_rate=0.14))])
    given = order(limit_level=0.1480)
    done = worked(given, moved_away, MORNINGS, with_broker(max_contracts_per_session=50))
    assert standing(done).select("state", "filled", "reason").row(0) == (
        "expired", 50, "settled at 14.0000%, the limit wanted at or above 14.8000%"
    )  # fmt: skip


def test_a_paid_order_is_spread_with_its_own_sign() -> None:
    done = worked(order(quantity=-120), days_of(9), MORNINGS, with_broker(max_contracts_per_session=100))
    assert done.fills["quantity"].to_list() == [-100, -20]
    assert done.fills["cost_brl"].min() > 0


def test_a_late_settlement_holds_up_the_days_after_it() -> None:
    late = pl.concat([marks(mark("DI1F27", T, 70000.0, session=TABLE.offset(T, 3))), days_of(9).slice(1)])
    done = worked(order(), late, MORNINGS, with_broker(max_contracts_per_session=100))
    assert done.fills.select("session", "trade_date", "quantity").rows() == [
        (TABLE.offset(T, 3), T, 100), (TABLE.offset(T, 3), NEXT, 20)
    ]  # fmt: skip


def test_the_rest_of_an_order_does_not_outlive_its_contract() -> None:
    last = date(2025, 2, 28)
    given = order(session=last, contract="DOLH25", instrument="DOL_1M", quantity=10)
    mornings = TABLE.keys(TABLE.offset(last, 1), TABLE.offset(last, 3))
    done = worked(given, marks(mark("DOLH25", last, 5800.0)), mornings, with_broker(max_contracts_per_session=4))
    assert standing(done).select("state", "filled", "reason").row(0) == (
        "expired", 4, "6 contracts are left and DOLH25 ends on 2025-03-05"
    )  # fmt: skip


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"contract": "DI1F24"}, "DI1F24 ended on 2024-01-02 and is not listed on 2025-02-10"),
        ({"contract": "XYZ"}, "contract unknown: 'XYZ' is not a contract of"),
        ({"contract": "DOLH25"}, "contract unknown: DOLH25 is no contract of DI1_2Y (DI1)"),
        ({"instrument": "GONE"}, "instrument GONE is unknown"),
        ({"quantity": 0}, "0 contracts: there is nothing to trade"),
        ({}, "the broker takes no order without a limit"),
    ],
)
def test_what_the_broker_cannot_take_is_rejected_with_the_reason_and_stops_nothing(
    given: dict[str, Any], words: str
) -> None:
    both = pl.concat([order(**given), order(order_id="o2", limit_level=0.10)])
    done = worked(both, days_of(9), MORNINGS, with_broker(require_limit=True))
    states = {r["order_id"]: r for r in standing(done).iter_rows(named=True)}
    assert states["o1"]["state"] == "rejected"
    assert words in states["o1"]["reason"]
    assert states["o2"]["state"] == "filled"
    assert done.fills["order_id"].to_list() == ["o2"]


@given(
    quantity=st.integers(-300, 300).filter(bool),
    cap=st.one_of(st.none(), st.integers(1, 120)),
    known=st.lists(st.one_of(st.none(), st.integers(1, 7)), min_size=9, max_size=9),
    locked=st.sets(st.integers(0, 8)),
    gap=st.integers(0, 3),
)
@hypothesis.settings(max_examples=60, deadline=None)
def test_whatever_the_market_does_filled_and_remaining_make_the_order(
    quantity: int, cap: int | None, known: list[int | None], locked: set[int], gap: int
) -> None:
    """Settlements late, missing or locked, mornings that are not run: asked again nothing changes, and it ends."""
    days = TABLE.keys(T, TABLE.offset(T, 8))
    rows = marks(
        *(
            mark("DI1F27", d, 70000.0 + i, session=TABLE.offset(d, late), limit_locked=i in locked)
            for i, (d, late) in enumerate(zip(days, known, strict=True))
            if late is not None
        )
    )
    mornings = TABLE.keys(TABLE.offset(NEXT, gap), TABLE.offset(T, 14))
    rules = with_broker(max_contracts_per_session=cap)
    done, again = (worked(order(quantity=quantity), rows, days, rules) for days in (mornings, mornings + mornings[-3:]))
    assert done.events.equals(again.events)
    state = done.states()["o1"]
    assert state.state in ENDS
    assert done.fills["quantity"].sum() == state.filled
    assert abs(state.filled) <= abs(quantity)
    assert (state.state == "filled") == (state.filled == quantity)
    assert all(abs(q) <= (cap or abs(quantity)) for q in done.fills["quantity"])
    for trade_date, session in done.fills.select("trade_date", "session").iter_rows():
        assert trade_date < session <= TABLE.offset(trade_date, MAX_WORKING)


# the screen


@given(root=st.sampled_from(["DI1", "DOL", "IND"]), quantity=st.integers(-500, 500).filter(bool))
def test_contracts_come_back_from_the_screen_as_they_went(root: str, quantity: int) -> None:
    side, lots = on_screen(root, quantity)
    assert contracts(root, side, lots) == quantity
    assert (side == "SELL") == ((quantity > 0) == (root == "DI1"))


def test_the_adapters_are_those_that_the_settings_allow() -> None:
    assert set(ADAPTERS) == set(get_args(BrokerRules.model_fields["adapter"].annotation))
    with pytest.raises(ValueError, match="adapter"):
        BrokerRules.model_validate({"adapter": "carrier pigeon"})


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
    for _ in range(2):
        record_morning(ledger, SETTLED, NEXT, NOW)
    out = fills_of(orders, SETTLED, [NEXT])
    assert ledger.fills().select(out.columns).equals(out)
    assert ledger.order_events()["kind"].to_list() == ["sent", "working", "filled"]
    assert ledger.order_state(orders["order_id"].item()[:6]).state == "filled"
    assert ledger.orders(still_open=True).is_empty()
    assert ledger.verify_journal() == []


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
