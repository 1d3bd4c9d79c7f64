"""The actual book before and after trades, as counts of contracts whose unit facts are known.

Belongs here: which contracts a session's books hold, how many of each, and which strategies own them. Does not belong
here: any measure of a book (`before_after.py`), which trades are proposed (`proposals.py`).

Books of a session, in this order: before any trade, after all of its proposals, then after each proposal alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from macro_fund.pms.costs import known_instrument
from macro_fund.pms.legs import unit_risk
from macro_fund.pms.lots import Lot, freeze, owners_of, quantity_of, trade
from macro_fund.settings import Instrument

BEFORE, ALL, ALONE = 0, 1, 2
"""Places of the books; those after one trade alone start at ALONE."""

Row = Mapping[str, Any]
Key = tuple[str, str]  # instrument, contract


class Line(NamedTuple):
    """A contract held for an instrument; of +1 contract: settlement price, rate (decimal; None: a price contract),
    business days to expiry, BRL gained for -1 bp and BRL of exposure."""

    instrument: Instrument
    contract: str
    price: float | None
    rate: float | None
    bdays: float
    dv01: float
    delta: float

    @property
    def name(self) -> str:
        """Unique in a book; starts with the contract."""
        return f"{self.contract} ({self.instrument.id})"

    @property
    def exposure(self) -> float | None:
        """BRL of one contract as sizing counts it (portfolio/inputs.py)."""
        if not self.instrument.quoted_in_rates:
            return abs(self.delta)
        return None if self.price is None else self.price * self.instrument.point_value_brl


@dataclass(frozen=True)
class Books:
    """`count`: contracts (books x lines). `trades`: of each proposal the line and the quantity. `owners`: of each book,
    by line, the strategies' parts of what is held (they sum to 1); None where nobody knows who owns it."""

    lines: tuple[Line, ...]
    count: np.ndarray
    trades: tuple[tuple[int, int], ...]
    owners: tuple[tuple[Mapping[str, float] | None, ...], ...]


def books(
    proposed: Sequence[Row],
    held: Sequence[Row],
    targets: Mapping[str, Row],
    bdays: Mapping[str, int],
    lots: Mapping[Key, Sequence[Lot]],
    instruments: Mapping[str, Instrument],
) -> Books:
    """Books of one session.

    proposed: pms/trade_proposals; held: pms/positions; targets: portfolio/targets by instrument; bdays: of the newest
    settlement known of each contract, of one without any its instrument's tenor counts; lots: open before the trades.
    """
    rows = {(p["instrument"], p["contract"]): p for p in held if p["quantity"]}
    keys = sorted(rows.keys() | {(p["instrument"], p["contract"]) for p in proposed})
    lines = []
    for name, contract in keys:
        instrument = known_instrument(instruments, name)
        facts = _held(rows[name, contract]) if (name, contract) in rows else _wanted(targets[name])
        lines.append(
            Line(instrument, contract, *facts[:2], float(bdays.get(contract, instrument.tenor_bd)), *facts[2:])
        )
    place = {key: k for k, key in enumerate(keys)}
    trades = tuple((place[p["instrument"], p["contract"]], p["quantity"]) for p in proposed)
    count = np.zeros((ALONE + len(proposed), len(keys)))
    count[:] = [rows[key]["quantity"] if key in rows else 0 for key in keys]
    for k, (line, quantity) in enumerate(trades):
        count[ALL, line] += quantity
        count[ALONE + k, line] += quantity
    return Books(tuple(lines), count, trades, _owners(proposed, keys, trades, count, lots))


def _held(position: Row) -> tuple[float | None, float | None, float, float]:
    quantity = position["quantity"]
    unit = (position[c] / quantity + 0.0 for c in ("dv01_brl", "delta_brl"))
    return position["mark_price"], position["mark_rate"], *unit


def _wanted(target: Row) -> tuple[float | None, float | None, float, float]:
    return target["price"], target["rate"], *unit_risk(target)


def _owners(
    proposed: Sequence[Row],
    keys: Sequence[Key],
    trades: Sequence[tuple[int, int]],
    count: np.ndarray,
    lots: Mapping[Key, Sequence[Lot]],
) -> tuple[tuple[Mapping[str, float] | None, ...], ...]:
    start = [list(lots.get(key, ())) for key in keys]
    known = [quantity_of(own) == held for own, held in zip(start, count[BEFORE], strict=True)]
    found = [[_parts(own) if ok else None for own, ok in zip(start, known, strict=True)] for _ in count]
    for k, (line, quantity) in enumerate(trades):
        if known[line]:
            after, _ = trade(start[line], quantity, freeze(proposed[k]["shares"]))
            found[ALL][line] = found[ALONE + k][line] = _parts(after)
    return tuple(tuple(parts) for parts in found)


def _parts(lots: Sequence[Lot]) -> dict[str, float]:
    owners = owners_of(lots)
    whole = sum(owners.values())
    return {k: v / whole for k, v in sorted(owners.items())}
