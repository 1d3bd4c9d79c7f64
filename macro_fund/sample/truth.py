"""The register of what is planted in the sample world: what a model should find again, in one place.

Belongs here: parameters and latent paths, with their units. Does not belong here: the simulation (`paths_*`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from macro_fund.sample import paths_external, paths_fiscal, paths_markets, paths_prices
from macro_fund.sample.noise import Days, Floats


@dataclass(frozen=True)
class PriceTruth:
    """Shares of the basket, decimals: groups add up to 1, and so do kinds (administered and the three free ones).

    pass_through: of USDBRL to IPCA over twelve months; the headline does not hear the exchange rate.
    """

    groups: Mapping[str, float]
    kinds: Mapping[str, float]
    administered: float
    pass_through: float


@dataclass(frozen=True)
class ExternalTruth:
    """log REER = const + sum of beta x fundamental + gap. Months from January 2004.

    fundamentals: logs and decimals, by the names of beta; nan where not known. gap: log, + = the real is weak, AR(1) of
    gap_half_life months. basket: weight of others' log price of the dollar in log REER. current_account_response:
    change of a year's balance on GDP per unit of the gap.
    """

    months: Days
    beta: Mapping[str, float]
    const: float
    fundamentals: Mapping[str, Floats]
    gap: Floats
    gap_half_life: float
    basket: Mapping[str, float]
    commodity_elasticity: float
    current_account_response: float


@dataclass(frozen=True)
class FiscalTruth:
    """Decimals of GDP. The debt identity is d' = d (1 + i) / (1 + G) - pb + revaluation + stock_flow.

    months: from January 2003; revaluation, stock_flow: sums of twelve months, nan in the first twelve. stock_flow_sd:
    of a year's own residual around stock_flow_mean (yearly rate by month). reaction: yearly primary surplus per unit of
    debt above the typed path.
    """

    months: Days
    revaluation: Floats
    stock_flow: Floats
    stock_flow_mean: Floats
    stock_flow_sd: float
    foreign_share: float
    reaction: float


@dataclass(frozen=True)
class Truth:
    """What a model should find again.

    months, state, states, transition: the Markov chain of regimes. half_lives: business days, by factor. loadings: on
    (global risk, Brazil's own, own noise) and daily volatility, by asset. stress: planted shocks by day. rule: weights
    of the Selic rule and the share of the gap that a meeting closes. neutral_rates: decimals a year on each weekday of
    `weekdays`: `br_real`, `br_nominal`, `us_nominal`. prices, external, fiscal: see their classes.
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
    weekdays: Days
    neutral_rates: Mapping[str, Floats]
    prices: PriceTruth
    external: ExternalTruth
    fiscal: FiscalTruth


def price_truth() -> PriceTruth:
    """The basket."""
    groups = {name: weight / 100 for name, weight in paths_prices.GROUP_WEIGHTS.items()}
    return PriceTruth(groups, paths_prices.KINDS, paths_prices.ADMINISTERED_WEIGHT, 0.0)


def external_truth(external: paths_external.External) -> ExternalTruth:
    """The relation of the real exchange rate, from `paths_external`."""
    return ExternalTruth(
        months=external.months,
        beta=paths_external.BETA,
        const=paths_external.CONST,
        fundamentals=external.fundamentals,
        gap=external.gap,
        gap_half_life=paths_external.GAP_HALF_LIFE,
        basket=paths_external.BASKET,
        commodity_elasticity=paths_external.COMMODITY_ELASTICITY,
        current_account_response=paths_external.CURRENT_ACCOUNT_RESPONSE,
    )


def fiscal_truth(fiscal: paths_fiscal.Fiscal) -> FiscalTruth:
    """What moves the debt besides interest, growth and the primary balance, from `paths_fiscal`."""
    return FiscalTruth(
        months=fiscal.months,
        revaluation=fiscal.ratio_12m(fiscal.revaluation) / 100,
        stock_flow=fiscal.ratio_12m(fiscal.stock_flow) / 100,
        stock_flow_mean=paths_fiscal.stock_flow_mean(fiscal.months) / 100,
        stock_flow_sd=paths_fiscal.STOCK_FLOW_SD / 100,
        foreign_share=paths_fiscal.FOREIGN_SHARE,
        reaction=paths_fiscal.REACTION,
    )
