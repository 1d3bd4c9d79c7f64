"""What became of each trade: lots from their opening to their close, and round trips that go on through rolls.

Belongs here: which lot a fill opened and closed, which lots are one position. Does not belong here:
strategies' shares of lots (`lots.py`), the book's P&L (`book.py`), ratios (`performance.py`).

A lot is what one fill opened, in one contract; it is closed first in, first out, or ends at the contract's maturity.
A lot that opens on the day that lots of another contract of the same instrument and side close is their roll, and all
of them are one round trip: a roll is not a trade that was won or lost. A trip is closed when each of its lots is.

P&L is the book's cube by lot: settlements held, the lot's own cost, and the cost of closing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import polars as pl

from macro_fund.pms.lots import UNIT, Lot, trade
from macro_fund.store.table import MONEY

LOT_SCHEMA: dict[str, Any] = {
    "lot_id": pl.String,
    "trip_id": pl.String,
    "contract": pl.String,
    "instrument": pl.String,
    "quantity": pl.Int64,
    "opened": pl.Date,
    "closed": pl.Date,
    "ended": pl.String,
}


@dataclass
class _Held:
    """A lot on its way: contracts that are left, and how the last of them went."""

    lot_id: str
    contract: str
    instrument: str
    quantity: int
    opened: date
    left: int = 0
    closed: date | None = None
    ended: str = "open"
    rolled: list[str] = field(default_factory=list)


def lot_pnl(cube: pl.DataFrame) -> pl.DataFrame:
    """P&L of each lot in the session that books it: session, lot_id (the fill's), pnl_brl. cube: pms/pnl."""
    trading = cube.filter(pl.col("component") != "interest")
    return trading.group_by("session", "lot_id", maintain_order=True).agg(pl.col("pnl_brl").sum())


def lots(fills: pl.DataFrame, maturities: Mapping[str, date], last: date) -> pl.DataFrame:
    """Every lot that `fills` opened, as after the close of trade date `last`: columns of `LOT_SCHEMA`, by opening.

    fills: pms/fills known by then. maturities: by contract; a contract without one does not end. quantity: contracts
    opened, signed. closed: trade date, null while something is left. ended: open, trade, roll or maturity.

    A fill that only closed has a lot of 0 contracts, closed at once, in the trip of the first lot that it closed: when
    a fill before it was recorded late, the book had charged it for contracts that it did not open.
    """
    found: dict[str, _Held] = {}
    closings: list[tuple[date, _Held]] = []
    keys = ["contract", "instrument"]
    parts = fills.sort(*keys, "trade_date", "fill_id").partition_by(keys, maintain_order=True)
    for part in parts:
        closings += _one_contract(part, found, maturities.get(part["contract"][0]), last)
    _link_rolls(found, closings)
    trips = _trips(found)
    rows = [
        (h.lot_id, trips[h.lot_id], h.contract, h.instrument, h.quantity, h.opened, h.closed, h.ended)
        for h in sorted(found.values(), key=lambda h: (h.opened, h.instrument, h.contract, h.lot_id))
    ]
    return pl.DataFrame(rows, schema=LOT_SCHEMA, orient="row")


def round_trips(lots: pl.DataFrame, pnl: pl.DataFrame) -> pl.DataFrame:
    """Trips of `lots` with what `pnl` (`lot_pnl`) says they made: trip_id, instrument, opened, closed, pnl_brl.

    closed is null while a lot is open. Lots without P&L yet have made 0.
    """
    made = pnl.group_by("lot_id", maintain_order=True).agg(pl.col("pnl_brl").sum())
    rows = lots.join(made, on="lot_id", how="left", maintain_order="left")
    closed = pl.when(pl.col("closed").is_not_null().all()).then(pl.col("closed").max())
    return (
        rows.group_by("trip_id", "instrument", maintain_order=True)
        .agg(pl.col("opened").min(), closed.alias("closed"), pl.col("pnl_brl").sum().cast(MONEY))
        .sort("opened", "trip_id")
    )


def _one_contract(
    fills: pl.DataFrame, found: dict[str, _Held], maturity: date | None, last: date
) -> list[tuple[date, _Held]]:
    """Adds the lots of one contract of one instrument to `found`; gives (trade date, lot) for each part that closed."""
    closings: list[tuple[date, _Held]] = []
    book: list[Lot[str]] = []
    columns = ("fill_id", "contract", "instrument", "quantity", "trade_date")
    for fill_id, contract, instrument, quantity, day in fills.select(columns).rows():
        book, owners = trade(book, quantity, {fill_id: UNIT})
        for owner, parts in owners.items():
            count = parts // UNIT
            if owner == fill_id:
                sign = 1 if quantity > 0 else -1
                found[owner] = _Held(owner, contract, instrument, sign * count, day, left=count)
                continue
            held = found[owner]
            if fill_id not in owners and fill_id not in found:
                found[fill_id] = _Held(fill_id, contract, instrument, 0, day, 0, day, "trade", [owner])
            held.left -= count
            closings.append((day, held))
            if held.left == 0:
                held.closed, held.ended = day, "trade"
    if maturity is not None and maturity <= last:
        for lot in book:
            held = found[next(iter(lot.shares))]
            held.left, held.closed, held.ended = 0, maturity, "maturity"
            closings.append((maturity, held))
    return closings


def _link_rolls(found: Mapping[str, _Held], closings: list[tuple[date, _Held]]) -> None:
    """Notes on each lot the lots that it rolls, and on those that they ended by a roll."""
    on: dict[tuple[date, str, bool], list[_Held]] = {}
    for day, held in closings:
        on.setdefault((day, held.instrument, held.quantity > 0), []).append(held)
    for held in [h for h in found.values() if h.quantity]:
        for old in on.get((held.opened, held.instrument, held.quantity > 0), ()):
            if old.contract != held.contract:
                held.rolled.append(old.lot_id)
                if old.closed == held.opened:
                    old.ended = "roll"


def _trips(found: Mapping[str, _Held]) -> dict[str, str]:
    """Trip of each lot: the id of the earliest lot that rolls connect it with."""
    first = {i: i for i in found}

    def root(i: str) -> str:
        while first[i] != i:
            i = first[i]
        return i

    for held in found.values():
        for old in held.rolled:
            a, b = sorted((root(held.lot_id), root(old)), key=lambda i: (found[i].opened, i))
            first[b] = a
    return {i: root(i) for i in found}
