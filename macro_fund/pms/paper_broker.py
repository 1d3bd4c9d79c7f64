"""The broker on paper: every order trades at the official settlement of its session, plus half a spread and fees.

Belongs here: what the paper broker takes, fills, expires and states. Does not belong here: the interface (`broker.py`),
what is recorded (`execution.py`), cost formulas (`costs.py`).

An order is good for its session. What the cap on contracts leaves of it works on in the next session, at that session's
settlement, for `MAX_WORKING` sessions in all. A settlement beyond the limit, or at the day's price limit, where nobody
could trade, ends it. A settlement that comes late is waited for `MAX_WORKING` sessions; the first one known counts,
whatever corrects it.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import ROUND_HALF_EVEN, Decimal
from typing import TYPE_CHECKING, Any

import polars as pl

from macro_fund.instruments.contracts import maturity, split
from macro_fund.pms.broker import Answer, Report, ScreenOrder, Statement
from macro_fund.pms.costs import CENT, instruments_by_id, known_instrument, trade_cost
from macro_fund.pms.settlements import known_marks, level_of, newest_versions
from macro_fund.settings import Settings

if TYPE_CHECKING:
    from macro_fund.time.sessions import Sessions

MAX_WORKING = 5  # sessions that an order waits for a late settlement, and in which it may be filled

Row = Mapping[str, Any]


@dataclass(frozen=True)
class PaperBroker:
    """marks: silver/contract_marks, all history. told: the fills that it reported before (`execution.reported`)."""

    settings: Settings
    table: Sessions
    marks: pl.DataFrame
    told: pl.DataFrame

    def submit(self, orders: Sequence[ScreenOrder]) -> list[Answer]:
        """Takes an order unless it has no lots, no limit where one is demanded, or no such contract to trade."""
        reasons = [(order.order_id, self._why_not(order)) for order in orders]
        return [Answer(order_id, not reason, reason) for order_id, reason in reasons]

    def report(self, orders: Sequence[ScreenOrder], session: date) -> list[Report]:
        """Fills and expiries known in the morning of `session`."""
        known: dict[str, list[Row]] = {}
        wanted = (o.contract for o in orders)
        for mark in known_marks(self.marks, wanted, session).iter_rows(named=True):
            known.setdefault(mark["contract"], []).append(mark)
        return [r for o in orders for r in self._days(o, known.get(o.contract, ()), session)]

    def statement(self, session: date) -> Statement:
        """Sums of what it reported, less contracts that have ended by the last close, and their daily settlements."""
        close = self.table.offset(session, -1)
        rows = self.told.filter(pl.col("session") <= session)
        held: dict[str, int] = {}
        for contract, quantity in rows.select("contract", "quantity").iter_rows():
            held[contract] = held.get(contract, 0) + quantity
        alive = {c: q for c, q in sorted(held.items()) if q and maturity(c, close) > close}
        fees: Decimal = sum(rows["fees_brl"].to_list(), Decimal("0.00"))
        return Statement(alive, fees, self._settled(rows, session))

    def _settled(self, rows: pl.DataFrame, session: date) -> Decimal:
        """Contracts held at each settlement x what one contract made until the next, to the cent, as known by now."""
        total = Decimal("0.00")
        for (contract,), fills in rows.sort("trade_date").partition_by("contract", as_dict=True).items():
            days, held = fills["trade_date"].to_list(), fills["quantity"].cum_sum().to_list()
            marks = newest_versions(known_marks(self.marks, [str(contract)], session))
            columns = marks.select("prev_trade_date", "pnl_brl").drop_nulls()
            for before, made in columns.iter_rows():
                at = bisect_right(days, before)
                total += (held[at - 1] if at else 0) * Decimal(repr(made)).quantize(CENT, ROUND_HALF_EVEN)
        return total

    def _why_not(self, order: ScreenOrder) -> str:
        instrument = instruments_by_id(self.settings).get(order.instrument)
        if order.lots <= 0:
            return f"{order.lots} contracts: there is nothing to trade"
        if instrument is None:
            return f"instrument {order.instrument} is unknown: it is not in config/instruments.yaml"
        try:
            root, *_ = split(order.contract)
        except ValueError as error:
            return f"contract unknown: {error}"
        if root != instrument.root:
            return f"contract unknown: {order.contract} is no contract of {order.instrument} ({instrument.root})"
        ends = maturity(order.contract, order.session)
        if ends <= order.session:
            return f"{order.contract} ended on {ends} and is not listed on {order.session}"
        if order.limit is None and self.settings.fund.broker.require_limit:
            return "the broker takes no order without a limit (broker.require_limit in fund.yaml)"
        return ""

    def _days(self, order: ScreenOrder, marks: Sequence[Row], session: date) -> Iterator[Report]:
        """A report a trade date, from the first that is not told yet, until a settlement is missing or nothing left."""
        left, day = order.lots, order.next_day
        while left and day < session:
            mark, reason = self._settlement(order, marks, day, session)
            reason = reason or (_missed(order, mark) if mark else "") or self._too_late(order, day, session)
            if reason:
                yield Report(order.order_id, day, 0, reason=reason)
                return
            if mark is None:
                return
            taken = min(left, self.settings.fund.broker.max_contracts_per_session or left)
            yield Report(order.order_id, day, taken, mark["settle_price"], self._fees(order, taken, mark))
            left -= taken
            day, reason = self._next(order, day, left)
            if left and reason:
                yield Report(order.order_id, day, 0, reason=reason)
                return

    def _settlement(self, order: ScreenOrder, marks: Iterable[Row], day: date, session: date) -> tuple[Row | None, str]:
        """(first settlement of the day known, why there will be none); neither while it may still come."""
        deadline = self.table.offset(day, MAX_WORKING)
        mark = next((m for m in marks if m["trade_date"] == day and m["session"] <= min(session, deadline)), None)
        if mark is None and session > deadline:
            return None, f"no settlement of {order.contract} on {day} arrived within {MAX_WORKING} sessions"
        return mark, ""

    def _too_late(self, order: ScreenOrder, day: date, session: date) -> str:
        """A price of last month is no price of today: what no run executed in time is not executed at all."""
        deadline = self.table.offset(day, MAX_WORKING)
        return f"no session until {deadline} executed {order.contract} of {day}" if session > deadline else ""

    def _next(self, order: ScreenOrder, day: date, left: int) -> tuple[date, str]:
        """(the next trade date, why the rest cannot work on)."""
        following, cap = self.table.offset(day, 1), self.settings.fund.broker.max_contracts_per_session
        if following >= self.table.offset(order.session, MAX_WORKING):
            return day, f"{left} contracts are left after {MAX_WORKING} sessions of at most {cap} each"
        ends = maturity(order.contract, following)
        if ends <= following:
            return day, f"{left} contracts are left and {order.contract} ends on {ends}"
        return following, ""

    def _fees(self, order: ScreenOrder, lots: int, mark: Row) -> Decimal:
        instrument = known_instrument(instruments_by_id(self.settings), order.instrument)
        return trade_cost(instrument, lots, mark["dv01_brl"])


def _missed(order: ScreenOrder, mark: Row) -> str:
    """Why the order does not trade at this settlement: locked at the day's limit, or beyond its own; else empty."""
    if mark["limit_locked"]:
        return f"{order.contract} settled at its price limit: no free price to be filled at"
    level = level_of(mark)
    if order.limit is None or (level <= order.limit if order.side == "BUY" else level >= order.limit):
        return ""
    side = "at or below" if order.side == "BUY" else "at or above"
    rate = mark["settle_rate"] is not None
    shown = [f"{v:.4%}" if rate else f"{v:,.3f}" for v in (level, order.limit)]
    return f"settled at {shown[0]}, the limit wanted {side} {shown[1]}"
