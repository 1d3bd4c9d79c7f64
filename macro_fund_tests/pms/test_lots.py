"""Lots: exact splits, first in first out, shares frozen at the trade."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from macro_fund.pms.lots import UNIT, Lot, allocate, freeze, owners_of, quantity_of, trade


@pytest.mark.parametrize(
    ("total", "weights", "parts"),
    [
        (100, {"a": 1, "b": 1, "c": 1}, {"a": 34, "b": 33, "c": 33}),
        (-100, {"a": 1, "b": 1, "c": 1}, {"a": -34, "b": -33, "c": -33}),
        (1, {"a": 1, "b": 2}, {"a": 0, "b": 1}),
        (0, {"a": 3}, {"a": 0}),
        (10, {"a": 3, "b": -1}, {"a": 15, "b": -5}),
    ],
)
def test_largest_remainder(total: int, weights: dict[str, int], parts: dict[str, int]) -> None:
    assert allocate(total, weights) == parts


def test_weights_that_split_nothing_are_refused() -> None:
    with pytest.raises(ValueError, match="their sum must be positive"):
        allocate(5, {"a": 1, "b": -1})


@given(st.integers(-(10**12), 10**12), st.dictionaries(st.text(min_size=1), st.integers(1, 10**12), min_size=1))
def test_no_cent_is_lost_and_none_is_a_cent_off(total: int, weights: dict[str, int]) -> None:
    parts = allocate(total, weights)
    assert sum(parts.values()) == total
    whole = sum(weights.values())
    assert all(abs(part * whole - total * weights[k]) < whole for k, part in parts.items())


def test_shares_are_frozen_in_parts_that_sum() -> None:
    thirds = freeze([{"strategy_id": s, "share": 1 / 3} for s in "abc"])
    assert sum(thirds.values()) == UNIT
    assert max(thirds.values()) - min(thirds.values()) <= 1
    assert freeze([]) == freeze(None) == {"DISCRETIONARY": UNIT}
    assert freeze([{"strategy_id": "a", "share": 1.0}, {"strategy_id": "b", "share": 0.0}]) == {"a": UNIT}


@given(st.lists(st.integers(-50, 50).filter(bool), max_size=12))
def test_lots_add_up_and_have_one_sign(quantities: list[int]) -> None:
    lots: list[Lot] = []
    for i, q in enumerate(quantities):
        lots, owners = trade(lots, q, {f"s{i}": UNIT})
        assert sum(owners.values()) == abs(q) * UNIT
    assert quantity_of(lots) == sum(quantities)
    assert len({lot.quantity > 0 for lot in lots}) <= 1
    assert sum(owners_of(lots).values()) == abs(sum(quantities)) * UNIT
