"""What the fund asks of a broker, and the one place where contracts become what a screen trades.

Belongs here: the broker's interface, its words, the choice of an adapter. Does not belong here: an adapter
(`paper_broker.py`), what is recorded of its answers (`execution.py`).

The book counts contracts, + = long the price: a DI1 that is received is +. The screen trades the rate of a DI1, so the
same contract is sold there (quant design, section 0). Everything on this side of the interface is in contracts,
everything on a broker's side is in `Side` and lots; `on_screen` and `contracts` are the only way across.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any, Literal, Protocol

from macro_fund.instruments.contracts import split

Side = Literal["BUY", "SELL"]
Row = Mapping[str, Any]

_BY_RATE = ("DI1",)


@dataclass(frozen=True)
class ScreenOrder:
    """An order as keyed. lots: contracts without a sign, not yet filled. limit: rate (decimal) of a DI1, else price.

    session: first day on which it may trade; next_day: the first one of which the broker has not told yet.
    """

    order_id: str
    instrument: str
    contract: str
    side: Side
    lots: int
    limit: float | None
    session: date
    next_day: date


@dataclass(frozen=True)
class Answer:
    """Whether the broker takes an order, and why not."""

    order_id: str
    accepted: bool
    reason: str = ""


@dataclass(frozen=True)
class Report:
    """What one trade date did to an order: `lots` at `price` (a DI1's as PU, as the exchange books it), or, with 0
    lots, the order has expired for `reason`. fees_brl >= 0."""

    order_id: str
    trade_date: date
    lots: int
    price: float | None = None
    fees_brl: Decimal = Decimal("0.00")
    reason: str = ""


@dataclass(frozen=True)
class Statement:
    """What the broker says the fund has after a close: contracts (signed, + = long the price: exchanges turn rate
    trades into PU positions before they settle them); and since the fund began, all fees charged and all daily
    settlements paid (+) or asked for (-), in BRL."""

    positions: Mapping[str, int]
    fees_brl: Decimal
    settled_brl: Decimal


class Broker(Protocol):
    """An adapter. It answers from what was public in the session asked for, and the same when it is asked again."""

    def submit(self, orders: Sequence[ScreenOrder]) -> list[Answer]:
        """Send orders; an order_id that is known already is not sent twice, only answered. Never raises for an order
        that cannot be taken: it is rejected with the reason."""

    def report(self, orders: Sequence[ScreenOrder], session: date) -> list[Report]:
        """What became of working orders that the morning of `session` is the first to know, in order of days."""

    def statement(self, session: date) -> Statement:
        """Positions and fees after the close that `session` is the first to know, from the broker's own records."""


def by_rate(root: str) -> bool:
    """Whether the screen trades a rate."""
    return root in _BY_RATE


def on_screen(root: str, quantity: int) -> tuple[Side, int]:
    """(side, lots) of contracts to trade: + contracts of a DI1 are received, which sells the rate."""
    return ("BUY" if (quantity > 0) != by_rate(root) else "SELL"), abs(quantity)


def contracts(root: str, side: Side, lots: int) -> int:
    """Contracts (signed, + = long the price) of lots that were bought or sold on the screen."""
    return lots if (side == "BUY") != by_rate(root) else -lots


def screen_side(root: str, contract: str, quantity: int) -> str:
    """What to key, in words: SELL rate (receive) DI1F27, BUY DOLH25."""
    side, _ = on_screen(root, quantity)
    if not by_rate(root):
        return f"{side} {contract}"
    return f"{side} rate ({'receive' if side == 'SELL' else 'pay'}) {contract}"


def root_of(contract: str) -> str:
    """Root of a ticker; the ticker itself where it is none, which every broker rejects."""
    try:
        return split(contract)[0]
    except ValueError:
        return contract
