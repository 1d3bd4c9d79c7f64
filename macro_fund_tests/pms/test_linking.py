"""Linked parts sum to the compounded return, whatever the days and parts."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from macro_fund.pms.linking import effects, linked

DAY = st.floats(-0.05, 0.05)


def test_the_oracle() -> None:
    """at_carino: three periods, two effects against a benchmark."""
    fund, benchmark = [0.083, 0.03, -0.02], [0.064, 0.035, -0.01]
    effects = [[-0.012, 0.031], [0.001, -0.006], [-0.004, -0.006]]
    out = linked(effects, fund, benchmark)
    assert out == pytest.approx([-0.015579810357658257, 0.018532410357658246], abs=1e-12)
    assert out.sum() == pytest.approx(0.0029526, abs=1e-12)


@given(
    effects=hnp.arrays(np.float64, st.tuples(st.integers(1, 60), st.integers(1, 6)), elements=st.floats(-0.02, 0.02)),
    benchmark=DAY,
    idle=st.booleans(),
)
def test_parts_sum_to_the_compounded_excess(effects: np.ndarray, benchmark: float, idle: bool) -> None:
    """With days on which nothing is made and a part that never makes anything."""
    if idle:
        effects[::2] = 0.0
        effects[:, 0] = 0.0
    for b in (0.0, benchmark, np.full(len(effects), benchmark)):
        fund = effects.sum(axis=1) + b
        out = linked(effects, fund, b)
        excess = np.prod(1 + fund) - np.prod(1 + np.broadcast_to(b, fund.shape))
        # 60 days of +10% compound to 300 times the NAV: rounding is a share of what it became.
        assert out.sum() == pytest.approx(excess, abs=1e-12, rel=1e-12)
        assert not idle or out[0] == 0.0


DAY_PARTS = hnp.arrays(np.float64, (20, 3), elements=st.floats(-0.02, 0.02))


@given(DAY_PARTS, st.randoms(use_true_random=False))
def test_the_order_of_days_and_parts_does_not_matter(effects: np.ndarray, random) -> None:
    days, parts = random.sample(range(20), 20), random.sample(range(3), 3)
    shuffled = effects[days][:, parts]
    again = linked(shuffled, shuffled.sum(axis=1))
    assert again == pytest.approx(linked(effects, effects.sum(axis=1))[parts], abs=1e-14, rel=1e-13)


def test_one_day_needs_no_linking() -> None:
    assert linked([[0.02, -0.005]], [0.015]) == pytest.approx([0.02, -0.005], abs=1e-16)


def test_a_return_that_comes_back_to_nothing_keeps_its_parts() -> None:
    """+10%, then -1/11: the sum is 0, but who made and who lost stays told."""
    out = linked([[0.1, 0.0], [0.0, -1 / 11]], [0.1, -1 / 11])
    assert out.sum() == pytest.approx(0.0, abs=1e-15)
    assert out[0] == pytest.approx(-out[1])
    assert out[0] == pytest.approx(np.log(1.1))  # the limit: both are worth their logarithm


@pytest.mark.parametrize(
    ("effects", "returns", "words"),
    [
        ([[0.01]], [0.02], "miss its return by -0.01"),
        ([[-1.0]], [-1.0], "lost the whole NAV"),
        ([0.01], [0.01], "must be"),
        ([[0.01], [0.01]], [0.01], "must be"),
    ],
)
def test_what_cannot_be_linked_is_refused(effects: list, returns: list[float], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        linked(effects, returns)


def test_bacons_example_of_one_period() -> None:
    """at_brinson_bacon: UK, Japan and US; 8.3% against 6.4%."""
    found = effects([0.4, 0.3, 0.3], [0.2, -0.05, 0.06], [0.4, 0.2, 0.4], [0.1, -0.04, 0.08])
    expected = [[0.0, -0.0104, -0.0016], [0.04, -0.002, -0.008], [0.0, -0.001, 0.002]]
    assert found == pytest.approx(np.array(expected), abs=1e-12)
    assert found.sum() == pytest.approx(0.083 - 0.064, abs=1e-12)
    # Its sums are the first period of the oracle above: allocation, and the rest.
    assert (found[0].sum(), found[1:].sum()) == pytest.approx((-0.012, 0.031), abs=1e-12)


WEIGHTS = hnp.arrays(np.float64, 4, elements=st.floats(0.05, 1.0)).map(lambda w: w / w.sum())
MADE = hnp.arrays(np.float64, 4, elements=st.floats(-0.3, 0.3))


@given(WEIGHTS, MADE, WEIGHTS, MADE)
def test_effects_sum_to_the_excess_and_the_benchmark_has_none(
    w: np.ndarray, r: np.ndarray, b: np.ndarray, p: np.ndarray
) -> None:
    assert effects(w, r, b, p).sum() == pytest.approx(w @ r - b @ p, abs=1e-12)
    assert np.abs(effects(b, p, b, p)).max() == 0.0


def test_what_is_no_whole_is_told() -> None:
    with pytest.raises(ValueError, match=r"weights sum to 0\.9, not to 1: cash is a segment too"):
        effects([0.5, 0.4], [0.1, 0.1], [0.5, 0.5], [0.1, 0.1])
    with pytest.raises(ValueError, match="one number a segment"):
        effects([0.5, 0.5], [0.1], [0.5, 0.5], [0.1, 0.1])
