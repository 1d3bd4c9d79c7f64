"""When a target is worth a trade: from asked contracts and those held to the contracts that stand.

Belongs here: the rules that keep a position (no benefit, too small a change, held too short), one instrument at a time.
Does not belong here: what is asked (allocations), limits and neutrality of whole books (problem).
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from macro_fund.mandate import Sizing


@dataclass(frozen=True)
class Ask:
    """One instrument of one session. side: sign of the contract that the score asks for (of its sign, not its size).

    asked: whole contracts (signed) and what sized them. held: contracts before; age: sessions since that side was
    opened. gain_each: expected gain in BRL over the horizon of +1 contract. cost_each: of trading one.
    """

    asked: float
    binding: str
    held: float
    age: int
    side: float
    gain_each: float
    cost_each: float


def stands(ask: Ask, rules: Sizing) -> tuple[float, str]:
    """(contracts that stand, what decided).

    Risk is added only for an expected gain above `benefit_over_cost` times the cost; taking risk off is never refused
    for that. A position is changed by more than `min_change` of itself or not at all, and is not reduced before
    `min_hold` sessions, unless the score has turned against it, which is its stop. Limits come after, and cut
    whatever stands here.
    """
    held, asked = ask.held, ask.asked
    if held and ask.side * held < 0:
        held = 0.0  # stopped: what is asked opens a position of its own
    change = asked - held
    adds = abs(asked) > abs(held)
    if change == 0:
        return asked, ask.binding
    if adds and rules.benefit_over_cost and change * ask.gain_each <= rules.benefit_over_cost * cost(ask, change):
        return held, "benefit"
    if not adds and ask.age < rules.min_hold:
        return held, "min_hold"
    if held * asked > 0 and Decimal(abs(change)) <= Decimal(repr(rules.min_change)) * Decimal(abs(held)):
        return held, "min_change"
    return asked, ask.binding


def cost(ask: Ask, change: float) -> float:
    return abs(change) * ask.cost_each


def age(before: int, held: float, contracts: float, elapsed: int) -> int:
    """Sessions since the side was opened: 0 when flat, and in the session that opens it."""
    return before + elapsed if contracts * held > 0 else 0
