"""The sample world: every simulated path of one seed; `World.truth` is what was planted in it.

Belongs here: putting the blocks together. Does not belong here: a block's own numbers (`regimes`, `paths_*`), which
series a provider serves (`catalogue`) or its formats (`wire_*`). The world does not know what day it is.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, cached_property

from macro_fund.sample import (
    paths_curves,
    paths_external,
    paths_fiscal,
    paths_macro,
    paths_markets,
    paths_output,
    paths_policy,
    paths_prices,
    regimes,
)
from macro_fund.sample.grid import Grid, grid
from macro_fund.sample.noise import Days, Floats
from macro_fund.sample.truth import Truth, external_truth, fiscal_truth, price_truth


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
    def prices(self) -> paths_prices.Prices:
        """The parts of the IPCA."""
        return paths_prices.simulate(self.seed, self.regimes, self.macro)

    @cached_property
    def external(self) -> paths_external.External:
        """The real exchange rate and its fundamentals."""
        return paths_external.simulate(self.seed, self.grid, self.regimes, self.macro, self.markets, self.curves)

    @cached_property
    def fiscal(self) -> paths_fiscal.Fiscal:
        """Public finances."""
        return paths_fiscal.simulate(self.seed, self.grid, self.macro, self.external, self.policy.selic)

    @cached_property
    def surveyed(self) -> Mapping[str, tuple[Days, Floats]]:
        """What surveys ask about, by month, %: growth of twelve months on those before, administered prices of twelve
        months, and balances (+ = surplus) and net debt on GDP."""
        macro, fiscal, year = self.macro, self.fiscal, slice(12, None)
        level = paths_output.trailing_year(macro.ibc_br)
        administered = paths_macro.twelve_months(self.prices.kinds["administered"])
        balances = {
            "primary": fiscal.ratio_12m(fiscal.primary),
            "nominal": fiscal.ratio_12m(fiscal.primary - fiscal.interest),
            "net_debt": fiscal.net_debt_gdp,
        }
        return {
            "growth": (macro.months[year], 100 * (level[12:] / level[:-12] - 1)),
            "administered": (macro.months[year], administered[year]),
            **{name: (fiscal.months[year], values[year]) for name, values in balances.items()},
        }

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
            weekdays=self.grid.weekdays,
            neutral_rates=paths_policy.neutral_rates(self.grid.weekdays),
            prices=price_truth(),
            external=external_truth(self.external),
            fiscal=fiscal_truth(self.fiscal),
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
