"""The sample world: every simulated path of one seed, and the truth that was planted in it.

Belongs here: putting the blocks together. Does not belong here: a block's own numbers (`regimes`, `paths_*`), which
series a provider serves (`catalogue`) or its formats (`wire_*`). The world does not know what day it is.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, cached_property

import numpy as np

from macro_fund.sample import paths_curves, paths_macro, paths_markets, paths_policy, regimes
from macro_fund.sample.grid import Grid, grid
from macro_fund.sample.noise import Days


@dataclass(frozen=True)
class Truth:
    """What a model should find again.

    months, state, states, transition: the Markov chain of regimes. half_lives: business days, by factor. loadings: on
    (global risk, Brazil's own, own noise) and daily volatility, by asset. stress: planted shocks by day. rule: weights
    of the Selic rule and the share of the gap that a meeting closes.
    """

    months: Days
    state: np.ndarray
    states: tuple[str, ...]
    transition: np.ndarray
    half_lives: Mapping[str, float]
    loadings: Mapping[str, paths_markets.Asset]
    risk_drift: np.ndarray
    stress: Mapping[str, tuple[float, float]]
    rule: Mapping[str, float]


@dataclass(frozen=True)
class World:
    """One seed's simulated history and future, from 2004 to 2030."""

    seed: int
    grid: Grid
    regimes: regimes.Regimes
    macro: paths_macro.Macro
    policy: paths_policy.Policy
    markets: paths_markets.Markets
    curves: paths_curves.Curves

    @cached_property
    def truth(self) -> Truth:
        """The planted parameters."""
        half_lives = {f"di_{name}": half_life for name, (half_life, _) in paths_curves.DI_NOISE.items()}
        half_lives["price_deviation"] = paths_markets.DEVIATION_HALF_LIFE
        half_lives["volatility"] = paths_markets.VOLATILITY_HALF_LIFE
        return Truth(
            months=self.regimes.months,
            state=self.regimes.state,
            states=regimes.STATES,
            transition=regimes.TRANSITION,
            half_lives=half_lives,
            loadings=paths_markets.ASSETS,
            risk_drift=paths_markets.RISK_DRIFT,
            stress=paths_markets.STRESS,
            rule={
                "inflation_weight": paths_policy.INFLATION_WEIGHT,
                "growth_weight": paths_policy.GROWTH_WEIGHT,
                "speed": paths_policy.SPEED,
                "committee_noise": paths_policy.COMMITTEE_NOISE,
            },
        )


@cache
def load_world(seed: int) -> World:
    """The world of a seed, simulated once in a process (well under a second)."""
    days = grid()
    states = regimes.simulate(seed, days.months)
    macro = paths_macro.simulate(seed, states)
    policy = paths_policy.simulate(seed, days, states, macro)
    markets = paths_markets.simulate(seed, days.weekdays, states)
    return World(seed, days, states, macro, policy, markets, paths_curves.simulate(seed, days, policy, markets))
