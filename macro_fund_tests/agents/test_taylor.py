"""Policy rules: the published numbers, and that the terms are the rule."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from macro_fund.agents.taylor import TERMS, Economy, median_rule, rule_terms, taylor_rate

small = st.floats(-0.2, 0.3, allow_nan=False)


def economy(**changes: float) -> Economy:
    base = {
        "neutral_rate": 0.045,
        "expected_inflation": 0.05,
        "inflation_target": 0.03,
        "output_gap": 0.01,
        "gap_change": 0.02,
        "selic_target": 0.12,
    }
    return Economy(**{k: np.array([v]) for k, v in {**base, **changes}.items()})


@pytest.mark.parametrize(("inflation", "gap", "rate"), [(2, 0, 4.0), (3, 1, 6.0), (1, -2, 1.5)])
def test_mc_taylor_1993(inflation: float, gap: float, rate: float) -> None:
    # Taylor (1993): r = p + 0.5 y + 0.5 (p - 2) + 2, in percent.
    assert taylor_rate(inflation, gap, neutral_rate=2.0, inflation_target=2.0) == pytest.approx(rate, abs=1e-12)


def test_the_three_rules_by_hand() -> None:
    rates = rule_terms(economy()).sum(axis=1)[:, 0]
    star = 0.045 + 0.03 + 1.5 * 0.02 + 0.5 * 0.01  # 11.0%
    assert rates[0] == pytest.approx(star, abs=1e-15)
    assert rates[1] == pytest.approx(0.6561 * 0.12 + 0.3439 * star, abs=1e-15)
    assert rates[2] == pytest.approx(0.12 + 0.02 + 0.02, abs=1e-15)


def test_smoothing_is_the_quarterly_walk() -> None:
    rate = 0.12
    for _ in range(4):
        rate = 0.9 * rate + 0.1 * 0.11
    assert rule_terms(economy()).sum(axis=1)[1, 0] == pytest.approx(rate, abs=1e-15)


def test_the_median_rule_brings_its_own_terms() -> None:
    rates, middle, terms = median_rule(rule_terms(economy()))
    assert terms.shape == (len(TERMS), 1)
    assert terms.sum() == sorted(rates[:, 0])[1]
    assert middle[0] == 1


@given(st.tuples(small, small, small, small, small, small))
@settings(max_examples=60, deadline=None)
def test_first_rule_is_the_taylor_rate(inputs: tuple[float, ...]) -> None:
    r, pi, target, gap, change, i = inputs
    terms = rule_terms(
        economy(
            neutral_rate=r,
            expected_inflation=pi,
            inflation_target=target,
            output_gap=gap,
            gap_change=change,
            selic_target=i,
        )
    )
    assert terms[0].sum() == pytest.approx(taylor_rate(pi, gap, r, target), abs=1e-12)


@pytest.mark.parametrize("name", ["neutral_rate", "expected_inflation", "output_gap", "selic_target", "gap_change"])
def test_no_rule_falls_when_an_input_rises(name: str) -> None:
    base = getattr(economy(), name)[0]
    before, after = (rule_terms(economy(**{name: v})).sum(axis=1)[:, 0] for v in (base, base + 0.01))
    assert (after >= before).all()
    assert (after > before).any()


def test_a_higher_target_is_easier_policy() -> None:
    before, after = (rule_terms(economy(inflation_target=v)).sum(axis=1)[:, 0] for v in (0.03, 0.04))
    assert (after < before).all()
