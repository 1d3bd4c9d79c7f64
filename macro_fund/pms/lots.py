"""Lots and virtual books: which strategy owns how much of a contract, and its cents.

Belongs here: FIFO lots whose strategy shares are frozen at the trade, and splitting whole cents without losing one.
Does not belong here: prices, days and P&L (`book.py`).

Shares are kept as whole parts of a billion, so that every split is integer arithmetic: exact, and the same anywhere.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

UNIT = 1_000_000_000
DISCRETIONARY = "DISCRETIONARY"
_TOLERANCE = 1e-6

K = TypeVar("K", str, tuple[str, str])
"""Who owns: a strategy, a lot, or (strategy, lot)."""

Weights = Mapping[str, int]


@dataclass(frozen=True)
class Lot(Generic[K]):
    """Contracts opened by one trade (signed), with the owners' shares in parts of `UNIT`, which sum to it."""

    quantity: int
    shares: Mapping[K, int]


def allocate(total: int, weights: Mapping[K, int]) -> dict[K, int]:
    """Split an integer in proportion to `weights` by largest remainder (ties by name); the parts sum to `total`.

    ValueError when the weights do not sum to a positive number.
    """
    whole = sum(weights.values())
    if whole <= 0:
        raise ValueError(f"cannot split {total} by weights {dict(weights)}: their sum must be positive")
    sign, size = (-1, -total) if total < 0 else (1, total)
    parts = {k: divmod(size * w, whole) for k, w in weights.items()}
    left = size - sum(q for q, _ in parts.values())
    extra = set(sorted(parts, key=lambda k: (-parts[k][1], k))[:left])
    return {k: sign * (q + (k in extra)) for k, (q, _) in parts.items()}


def freeze(shares: Iterable[Mapping[str, object]] | None) -> Weights:
    """Shares [{strategy_id, share}] in parts of `UNIT`; no shares at all means a discretionary trade.

    ValueError when they do not sum to 1.
    """
    given = {str(s["strategy_id"]): float(str(s["share"])) for s in shares or ()}
    if not given:
        return {DISCRETIONARY: UNIT}
    if abs(sum(given.values()) - 1.0) > _TOLERANCE:
        raise ValueError(f"strategy shares {given} sum to {sum(given.values()):.6f}; they must sum to 1")
    return allocate(UNIT, {k: round(v * UNIT * 1000) for k, v in given.items() if v})


def trade(lots: Sequence[Lot[K]], quantity: int, shares: Mapping[K, int]) -> tuple[list[Lot[K]], Mapping[K, int]]:
    """Lots after a trade of `quantity`, and who owns the trade (weights for its cost).

    Contracts of the other side are closed first in, first out, and belong to those who opened them; what is
    left of the trade opens a lot with `shares`.
    """
    kept, left = list(lots), quantity
    owners: dict[K, int] = {}
    while left and kept and kept[0].quantity * left < 0:
        first = kept[0]
        closed = min(abs(first.quantity), abs(left))
        _add(owners, first.shares, closed)
        remaining = first.quantity - closed * (1 if first.quantity > 0 else -1)
        kept[:1] = [Lot(remaining, first.shares)] if remaining else []
        left -= closed * (1 if left > 0 else -1)
    if left:
        kept.append(Lot(left, shares))
        _add(owners, shares, abs(left))
    return kept, owners


def open_lots(fills: Iterable[Mapping[str, Any]]) -> dict[tuple[str, str], list[Lot[str]]]:
    """Lots by (instrument, contract) after rows of pms/fills with `shares`, in the order of their trade dates."""
    found: dict[tuple[str, str], list[Lot[str]]] = {}
    for fill in sorted(fills, key=lambda f: (f["trade_date"], f["fill_id"])):
        key = fill["instrument"], fill["contract"]
        found[key], _ = trade(found.get(key, ()), fill["quantity"], freeze(fill["shares"]))
    return found


def quantity_of(lots: Sequence[Lot[K]]) -> int:
    return sum(lot.quantity for lot in lots)


def owners_of(lots: Sequence[Lot[K]]) -> Mapping[K, int]:
    """Who owns a position: the owners' parts of its lots, which all have one sign."""
    owners: dict[K, int] = {}
    for lot in lots:
        _add(owners, lot.shares, abs(lot.quantity))
    return owners


def _add(owners: dict[K, int], shares: Mapping[K, int], count: int) -> None:
    for owner, part in shares.items():
        owners[owner] = owners.get(owner, 0) + part * count
