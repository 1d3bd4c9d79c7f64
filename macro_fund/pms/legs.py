"""Legs: the trades in one instrument that lead from what is held to a goal.

Belongs here: rolls, and the changes that are too small to trade. Does not belong here: the goal (`proposals.py`), which
trades limits and breakers let pass (`gate.py`), words and costs (`proposals.py`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

Row = Mapping[str, Any]


@dataclass(frozen=True)
class Leg:
    """One trade in one contract: contracts held before and after, the last settlement, risk of +1 contract.

    rolls_to: the contract whose opening this close belongs to, empty for any other trade.
    """

    contract: str
    before: int
    after: int
    level: float | None
    dv01_brl: float
    delta_brl: float
    note: str = ""
    rolls_to: str = ""

    @property
    def quantity(self) -> int:
        return self.after - self.before


def legs(target: Row, held: Sequence[Row], goal: int, min_change: float) -> Iterator[Leg]:
    """Trades in one instrument: positions in other contracts are closed, the target's contract goes to `goal`.

    A change of at most `min_change` of the position is not worth its cost and is left out, except to open, close, turn
    or roll.
    """
    contract = target["contract"]
    if goal and not contract:
        return  # no listed contract to hold: keep what there is
    here = next((p for p in held if p["contract"] == contract), None)
    others = [p for p in held if p["contract"] != contract]
    for p in others:
        if goal:
            yield replace(leg_of(p, 0, f"roll to {contract}"), rolls_to=contract)
        else:
            yield leg_of(p, 0, "close")
    before = here["quantity"] if here else 0
    if not _worth(before, goal, min_change, rolling=bool(others)):
        return
    if goal == 0 and here is not None:
        yield leg_of(here, 0, "close")
        return
    level = target["price"] if target["rate"] is None else target["rate"]
    note = "roll" if others else "" if before else "open"
    yield Leg(contract, before, goal, level, *unit_risk(target), note)


def _worth(before: int, after: int, min_change: float, rolling: bool) -> bool:
    change = abs(after - before)
    # As decimals: a fifth of 105 is 21, whatever 0.2 x 105 is in binary.
    small = before * after > 0 and change <= Decimal(repr(min_change)) * abs(before)
    return change > 0 and (rolling or not small)


def leg_of(position: Row, after: int, note: str) -> Leg:
    """The trade from a position to `after` contracts, at its mark and its own risk."""
    quantity = position["quantity"]
    level = position["mark_price"] if position["mark_rate"] is None else position["mark_rate"]
    unit = position["dv01_brl"] / quantity, position["delta_brl"] / quantity
    return Leg(position["contract"], quantity, after, level, *unit, note)


def unit_risk(target: Row) -> tuple[float, float]:
    """DV01 and delta of +1 contract, from the whole target's."""
    count, dv01, delta = target["target_contracts"], target["dv01_brl"], target["delta_brl"]
    if dv01 is None or delta is None:
        raise ValueError(
            f"portfolio/targets {target['session']} {target['instrument']}: {count} contracts without dv01_brl or "
            "delta_brl; the target must carry its risk"
        )
    return dv01 / count, delta / count
