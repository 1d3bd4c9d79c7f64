"""When a change is worth a trade: gain against cost, the smallest change, the shortest time held, and the stop."""

from __future__ import annotations

import pytest

from macro_fund.mandate import Sizing
from macro_fund.portfolio.trading import Ask, age, stands

RULES = Sizing()


def ask(asked, held, **changes):
    rest = {"binding": "view", "age": 9, "side": 1.0, "gain_each": 30.0, "cost_each": 10.0}
    return Ask(asked=float(asked), held=float(held), **(rest | changes))


@pytest.mark.parametrize(
    ("given", "stood", "why"),
    [
        (ask(100, 0), 100, "view"),
        (ask(100, 0, gain_each=20.0), 0, "benefit"),
        (ask(130, 100, gain_each=20.0), 100, "benefit"),
        (ask(120, 100), 100, "min_change"),
        (ask(121, 100), 121, "view"),
        (ask(80, 100), 100, "min_change"),
        (ask(79, 100), 79, "view"),
        (ask(50, 100, gain_each=-50.0), 50, "view"),
        (ask(50, 100, age=4), 100, "min_hold"),
        (ask(0, 100, age=4), 100, "min_hold"),
        (ask(0, 100, age=5), 0, "view"),
        (ask(0, 100, age=1, side=-1.0), 0, "view"),
        (ask(-50, 100, age=1, side=-1.0, gain_each=-30.0), -50, "view"),
        (ask(-50, 100, age=1, side=-1.0, gain_each=-1.0), 0, "benefit"),
        (ask(-100, 0, side=-1.0, gain_each=-30.0), -100, "view"),
        (ask(100, 100), 100, "view"),
    ],
)
def test_what_stands(given, stood, why):
    assert stands(given, RULES) == (stood, why)


def test_a_mandate_may_ask_for_no_benefit():
    free = RULES.model_copy(update={"benefit_over_cost": 0.0})
    assert stands(ask(100, 0, gain_each=-5.0), free) == (100, "view")


@pytest.mark.parametrize(("held", "contracts", "found"), [(5, 3, 8), (5, 0, 0), (5, -2, 0), (0, 4, 0)])
def test_a_side_ages_until_it_is_left(held, contracts, found):
    assert age(7, held, contracts, 1) == found
