"""Policy rules: the rate twelve months ahead that three Taylor-type rules give, term by term.

Belongs here: the rules and their stated parameters. Does not belong here: where the inputs come from (monetary.py).
Every rule is linear in its inputs, so it is kept as named terms that sum to the rate: that is what makes a view
explainable. Rates, inflation and gaps are decimals.

Sources: Taylor (1993) for T1; Clarida, Gali and Gertler (2000) for partial adjustment (T2); Orphanides (2003) for the
first-difference rule (T3), with half his response because the impulse is held for four quarters.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Vector = npt.NDArray[np.float64]

PHI = 1.5
THETA = 0.5
RHO_QUARTER = 0.9
DIFFERENCE_INFLATION = 0.25
DIFFERENCE_GAP = 0.25
QUARTERS = 4

TERMS = ("neutral_real_rate", "expected_inflation", "inflation_gap", "output_gap", "output_gap_change", "selic_target")


@dataclass(frozen=True)
class Economy:
    """Inputs of the rules, one value per session, decimals: `gap_change` is the output gap less that of 12 months
    before."""

    neutral_rate: Vector
    expected_inflation: Vector
    inflation_target: Vector
    output_gap: Vector
    gap_change: Vector
    selic_target: Vector


def taylor_rate(
    expected_inflation: Vector | float,
    output_gap: Vector | float,
    neutral_rate: Vector | float,
    inflation_target: Vector | float,
    *,
    phi: float = PHI,
    theta: float = THETA,
) -> Vector | float:
    """i* = r* + target + phi (E pi - target) + theta gap; all in one unit (decimals, or percent throughout)."""
    return neutral_rate + inflation_target + phi * (expected_inflation - inflation_target) + theta * output_gap


def rule_terms(economy: Economy) -> Vector:
    """Terms of the three rules: array (3 rules, len(TERMS), sessions); the sum over axis 1 is the rate in 12 months.

    T1: i*, written r* + E pi + (phi - 1)(E pi - target) + theta gap.
    T2: i moves a share 1 - rho of the way to i* each quarter, four quarters: rho^4 of the Selic target remains.
    T3: each quarter i moves by kappa_pi (E pi - target) + kappa_y (12-month change of the gap), four quarters.
    """
    inflation_gap = economy.expected_inflation - economy.inflation_target
    zero = np.zeros_like(inflation_gap)
    t1 = np.stack(
        [
            economy.neutral_rate,
            economy.expected_inflation,
            (PHI - 1.0) * inflation_gap,
            THETA * economy.output_gap,
            zero,
            zero,
        ]
    )
    remains = RHO_QUARTER**QUARTERS
    t2 = (1.0 - remains) * t1
    t2[5] = remains * economy.selic_target
    t3 = np.stack(
        [
            zero,
            zero,
            QUARTERS * DIFFERENCE_INFLATION * inflation_gap,
            zero,
            QUARTERS * DIFFERENCE_GAP * economy.gap_change,
            economy.selic_target,
        ]
    )
    return np.stack([t1, t2, t3])


def median_rule(terms: Vector) -> tuple[Vector, Vector, Vector]:
    """(rates of the three rules (3, n), index of the median rule (n), terms of the median rule (len(TERMS), n))."""
    rates = terms.sum(axis=1)
    middle = np.argsort(rates, axis=0, kind="stable")[1]
    return rates, middle, np.take_along_axis(terms, middle[None, None, :], axis=0)[0]
