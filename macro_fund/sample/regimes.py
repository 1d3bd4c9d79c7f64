"""The planted state of the world: four growth and inflation regimes and the two latent factors that they drive.

Belongs here: the Markov chain and the factors that every other block reads. Does not belong here: a published series.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from macro_fund.sample.noise import Days, Floats, ar1, stream

STATES = ("goldilocks", "reflation", "stagflation", "deflation")
GROWTH_SIGN = np.array([1.0, 1.0, -1.0, -1.0])
INFLATION_SIGN = np.array([-1.0, 1.0, 1.0, -1.0])
# Rows: from. A state lasts 14 months on average and mostly moves to a neighbour quadrant.
TRANSITION = np.array(
    [
        [0.93, 0.04, 0.01, 0.02],
        [0.03, 0.93, 0.03, 0.01],
        [0.01, 0.02, 0.93, 0.04],
        [0.04, 0.01, 0.02, 0.93],
    ]
)
GROWTH_PHI, INFLATION_PHI = 0.80, 0.88


@dataclass(frozen=True)
class Regimes:
    """months: first days. state: index into STATES. growth, inflation: latent factors, about -1.5..1.5, no unit."""

    months: Days
    state: np.ndarray
    growth: Floats
    inflation: Floats
    us_growth: Floats
    us_inflation: Floats


def simulate(seed: int, months: Days) -> Regimes:
    """One path of the chain and the factors. The American factors share 60% of the common ones."""
    rng = stream(seed, "regimes")
    edges = TRANSITION.cumsum(axis=1)
    state = np.zeros(months.size, dtype=np.int64)
    draws = rng.random(months.size)
    for t in range(1, months.size):
        state[t] = min(int(np.searchsorted(edges[state[t - 1]], draws[t])), len(STATES) - 1)
    growth = _factor(rng, GROWTH_SIGN[state], GROWTH_PHI, 0.22)
    inflation = _factor(rng, INFLATION_SIGN[state], INFLATION_PHI, 0.14)
    us_growth = 0.6 * growth + ar1(0.25 * rng.standard_normal(months.size), 0.8)
    us_inflation = 0.6 * inflation + ar1(0.12 * rng.standard_normal(months.size), 0.9)
    return Regimes(months, state, growth, inflation, us_growth, us_inflation)


def _factor(rng: np.random.Generator, pull: Floats, phi: float, noise: float) -> Floats:
    """AR(1) around the sign of the regime."""
    return ar1((1 - phi) * pull + noise * rng.standard_normal(pull.size), phi)
