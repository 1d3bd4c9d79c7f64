"""The parts of the IPCA, which add up to the world's headline month by month.

Belongs here: aggregates by kind of price (administered, services, industrial goods, food at home), the nine groups made
of them, cores, diffusion, INPC and the mid-month index. Does not belong here: the headline and the two cores that
models of the regime read (`paths_macro`), IBGE's deeper levels (`paths_ibge`).

Everything is % a month with two decimals, so a sum with weights gives the headline back to about 0.01 point.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from macro_fund.sample.noise import Floats, ar1, stream
from macro_fund.sample.paths_macro import SEASON, Macro, months_of, price_trend
from macro_fund.sample.regimes import Regimes

# Share of the basket of each kind of price: what is not administered is free.
KINDS = {"administered": 0.26, "services": 0.36, "industrial_goods": 0.23, "food_at_home": 0.15}
ADMINISTERED_WEIGHT = KINDS["administered"]
# What each group is made of, in percent of the whole basket, in the order of KINDS; IBGE's order of groups.
COMPOSITION = {
    "food_beverages": (0.0, 6.6, 0.0, 15.0),
    "housing": (8.0, 6.3, 1.0, 0.0),
    "household_articles": (0.0, 0.3, 3.5, 0.0),
    "apparel": (0.0, 0.0, 4.7, 0.0),
    "transport": (9.0, 4.1, 7.5, 0.0),
    "health_personal_care": (7.0, 2.9, 3.5, 0.0),
    "personal_expenses": (1.0, 7.7, 1.5, 0.0),
    "education": (0.0, 5.5, 0.4, 0.0),
    "communication": (1.0, 2.6, 0.9, 0.0),
}
GROUP_WEIGHTS = {name: round(sum(parts), 1) for name, parts in COMPOSITION.items()}
# A kind before it is made to add up: share of the headline's season, standard deviation and memory of its own noise,
# and how much of what is missing to the headline it takes (food takes most of it, administered prices none).
_KIND = {
    "administered": (0.5, 0.28, 0.3, 0.0),
    "services": (0.4, 0.06, 0.3, 0.15),
    "industrial_goods": (0.6, 0.09, 0.4, 0.5),
    "food_at_home": (2.0, 0.20, 0.4, 2.0),
}
# Own monthly noise of a group, and a pattern of the year of its own: (month of the peak, height in points).
_GROUP_NOISE = {"food_beverages": 0.08, "transport": 0.25, "apparel": 0.25, "communication": 0.20}
_OTHER_GROUP_NOISE = 0.15
_GROUP_PEAK = {"education": (2, 3.0), "apparel": (5, 0.7), "health_personal_care": (4, 0.5)}
# Cores besides those of `paths_macro`: share of the season and own noise.
_CORES = {
    "core_ma": (0.3, 0.04), "core_ex1": (0.4, 0.05), "core_ex2": (0.3, 0.05), "core_ex3": (0.25, 0.05),
    "core_dp": (0.4, 0.04), "core_p55": (0.35, 0.04), "core_exfe": (0.3, 0.05), "core_ex3_services": (0.4, 0.07),
    "core_ex3_industrial": (0.2, 0.09),
}  # fmt: skip
# Diffusion, % of items: its middle, at DIFFUSION_TREND % a month, points per point of trend, of season, and its noise.
DIFFUSION_MIDDLE, DIFFUSION_TREND, DIFFUSION_SLOPE = 62.0, 0.44, 28.0
_DIFFUSION_SEASON, _DIFFUSION_NOISE = 12.0, 2.5


@dataclass(frozen=True)
class Prices:
    """Aligned with the world's months; % a month by name, two decimals. diffusion: % of items.

    kinds: keys of KINDS; groups: keys of GROUP_WEIGHTS; others: cores, free, tradables and so on.
    """

    kinds: Mapping[str, Floats]
    groups: Mapping[str, Floats]
    others: Mapping[str, Floats]
    diffusion: Floats


def mid_month(monthly: Floats) -> Floats:
    """A mid-month index: half of the month before, half of its own."""
    out: Floats = np.round((monthly + np.concatenate([monthly[:1], monthly[:-1]])) / 2, 2) + 0.0
    return out


def simulate(seed: int, regimes: Regimes, macro: Macro) -> Prices:
    """Kinds of prices first, then the groups that they make."""
    season, trend = SEASON[months_of(regimes.months) - 1], price_trend(regimes)
    kinds = _kinds(seed, macro.ipca, trend, season)
    groups = _groups(seed, kinds, months_of(regimes.months))
    rng = stream(seed, "diffusion")
    diffusion = DIFFUSION_MIDDLE + DIFFUSION_SLOPE * (trend - DIFFUSION_TREND) + _DIFFUSION_SEASON * season
    diffusion = np.clip(diffusion + _DIFFUSION_NOISE * rng.standard_normal(trend.size), 30.0, 95.0)
    return Prices(
        {k: _printed(v) for k, v in kinds.items()},
        {k: _printed(v) for k, v in groups.items()},
        {k: _printed(v) for k, v in _others(seed, macro.ipca, kinds, trend, season).items()},
        np.round(diffusion, 2),
    )


def _printed(values: Floats) -> Floats:
    out: Floats = np.round(values, 2) + 0.0
    return out


def _kinds(seed: int, headline: Floats, trend: Floats, season: Floats) -> dict[str, Floats]:
    """The four kinds, which add up to the headline exactly (administered as printed)."""
    rng = stream(seed, "kinds of prices")
    own = {
        k: trend + share * season + ar1(noise * rng.standard_normal(trend.size), memory)
        for k, (share, noise, memory, _) in _KIND.items()
    }
    own["administered"] = _printed(own["administered"])
    missing = headline - sum(KINDS[k] * own[k] for k in KINDS)
    taken = sum(KINDS[k] * _KIND[k][3] for k in KINDS)
    return {k: own[k] + _KIND[k][3] / taken * missing for k in KINDS}


def _groups(seed: int, kinds: Mapping[str, Floats], month: np.ndarray) -> dict[str, Floats]:
    """The nine groups: what they are made of and what is their own, which cancels in the basket."""
    rng = stream(seed, "groups of prices")
    own = {}
    for name in COMPOSITION:
        noise = _GROUP_NOISE.get(name, _OTHER_GROUP_NOISE) * np.clip(rng.standard_normal(month.size), -4, 4)
        peak, height = _GROUP_PEAK.get(name, (1, 0.0))
        own[name] = noise + height * ((month == peak) - 1 / 12)
    common = sum(GROUP_WEIGHTS[n] * v for n, v in own.items()) / sum(GROUP_WEIGHTS.values())
    made = np.column_stack(list(kinds.values()))
    return {n: made @ np.array(parts) / GROUP_WEIGHTS[n] + own[n] - common for n, parts in COMPOSITION.items()}


def _others(
    seed: int, headline: Floats, kinds: Mapping[str, Floats], trend: Floats, season: Floats
) -> dict[str, Floats]:
    """Free prices, tradables and the like from the kinds; cores from the trend."""
    rng = stream(seed, "other prices")

    def noise(size: float) -> Floats:
        return size * np.clip(rng.standard_normal(trend.size), -4, 4)

    goods, food = kinds["industrial_goods"], kinds["food_at_home"]
    w_goods, w_food, w_services = (KINDS[k] for k in ("industrial_goods", "food_at_home", "services"))
    free = (headline - ADMINISTERED_WEIGHT * kinds["administered"]) / (1 - ADMINISTERED_WEIGHT)
    tradables = (w_goods * goods + w_food * food) / (w_goods + w_food) + noise(0.03)
    traded = (w_goods + w_food) * tradables
    found = {
        "free": free,
        "tradables": tradables,
        "nontradables": ((1 - ADMINISTERED_WEIGHT) * free - traded) / w_services,
        "nondurables": 0.3 * goods + 0.7 * food + noise(0.05),
        "semidurables": goods + noise(0.12),
        "durables": goods + noise(0.12),
        "inpc": headline + noise(0.04),
    }
    cores = {k: trend + share * season + noise(sd) for k, (share, sd) in _CORES.items()}
    return found | cores
