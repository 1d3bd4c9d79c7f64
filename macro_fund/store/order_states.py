"""What an order may become: its states, the moves between them, and the state that its events lead to.

Belongs here: the moves as data, and one pure step from a state and an event to the next state. Does not belong here:
rows and transactions (`ledger_orders.py`), what a broker answers (`pms/broker.py`, `pms/paper_broker.py`).

An event's kind is the state that it leads to. Contracts are signed as everywhere, + = long the contract.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from macro_fund.store.ledger_open import LedgerError

MOVES: dict[str, tuple[str, ...]] = {
    "new": ("sent", "cancelled"),
    "sent": ("working", "rejected"),
    "working": ("partially_filled", "filled", "cancelled", "expired"),
    "partially_filled": ("partially_filled", "filled", "cancelled", "expired"),
    "filled": (),
    "rejected": (),
    "cancelled": (),
    "expired": (),
}
ENDS = tuple(state for state, moves in MOVES.items() if not moves)
FILLED = ("partially_filled", "filled")
_TOLD = ("rejected", "cancelled", "expired")

Row = Mapping[str, Any]


@dataclass(frozen=True)
class OrderState:
    """Where an order stands. filled: contracts, signed. value: sum of contracts x price of its fills, signed.

    events: how many led here. reason: of the last move, empty for most. traded: trade date of the last fill.
    """

    order_id: str
    ordered: int
    state: str = "new"
    filled: int = 0
    value: float = 0.0
    events: int = 0
    reason: str = ""
    traded: date | None = None

    @property
    def remaining(self) -> int:
        """Contracts that may still be filled, signed; 0 after an end."""
        return 0 if self.state in ENDS else self.ordered - self.filled

    @property
    def average_price(self) -> float | None:
        return self.value / self.filled if self.filled else None


def moved(before: OrderState, event: Row) -> OrderState:
    """The state after `event` (columns of order_events); LedgerError says in a sentence why it cannot be.

    Events come in the order of their `number`, which counts from 1 without a gap.
    """
    kind, count = event["kind"], event["quantity"]
    if kind not in MOVES:
        raise _refused(before, f"{kind!r} is no state of an order; use one of {', '.join(MOVES)}")
    if kind not in MOVES[before.state]:
        allowed = ", ".join(MOVES[before.state]) or "nothing: it has ended"
        raise _refused(before, f"it is {before.state} and cannot become {kind}; from here: {allowed}")
    if event["number"] != before.events + 1:
        raise _refused(before, f"event {event['number']} cannot follow event {before.events}: read the order again")
    if kind in _TOLD and not event["reason"].strip():
        raise _refused(before, f"{kind} needs a reason")
    if kind == "cancelled" and not event["person"].strip():
        raise _refused(before, "a cancel needs a person's name")
    after = replace(before, state=kind, events=event["number"], reason=event["reason"])
    return _with_fill(before, after, event) if kind in FILLED else _without_fill(after, count)


def state_of(order: Row, events: Iterable[Row], fills: Iterable[Row] = ()) -> OrderState:
    """The state of one order (columns of orders) after its events, which may come in any order.

    An order that was filled before events were kept (revision 0007) has none: its `fills` alone say what became of it.
    """
    state = OrderState(order["order_id"], order["quantity"])
    told = sorted(events, key=lambda e: e["number"])
    for event in told:
        state = moved(state, event)
    if not told:
        for fill in fills:
            value = state.value + fill["quantity"] * fill["price"]
            state = replace(state, filled=state.filled + fill["quantity"], value=value, traded=fill["trade_date"])
        if state.filled:
            state = replace(state, state="filled" if state.filled == state.ordered else "partially_filled")
    return state


def _with_fill(before: OrderState, after: OrderState, event: Row) -> OrderState:
    count, price, day = event["quantity"], event["price"], event["trade_date"]
    if not count or price is None or day is None:
        raise _refused(before, "a fill needs contracts, a price and a trade date")
    left = before.ordered - before.filled
    if count * left <= 0 or abs(count) > abs(left):
        raise _refused(before, f"{count:+d} contracts cannot be filled, {left:+d} are left of {before.ordered:+d}")
    if before.traded is not None and day <= before.traded:
        raise _refused(before, f"its fill of {day} does not come after that of {before.traded}")
    if (event["kind"] == "filled") != (count == left):
        raise _refused(before, f"{count:+d} of {left:+d} contracts is not {event['kind']}")
    return replace(after, filled=before.filled + count, value=before.value + count * price, traded=day)


def _without_fill(after: OrderState, count: int | None) -> OrderState:
    if count is not None:
        raise _refused(after, f"{after.state} brings no contracts, this event brings {count:+d}")
    return after


def _refused(state: OrderState, words: str) -> LedgerError:
    return LedgerError(f"order {state.order_id}: {words}")
