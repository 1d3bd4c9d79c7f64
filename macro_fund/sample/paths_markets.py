"""Daily risk factors and prices of the sample world, on weekdays.

Belongs here: the common shocks (global risk, Brazil's own), volatility, currencies, equities, VIX, credit, the dollar.
Does not belong here: interest-rate curves (`paths_curves`), which read the same shocks.

Each log price is a hand-typed trend plus a slow mean-reverting deviation, so that levels stay where a reader expects
them. global risk > 0 is risk-off: USDBRL, USDMXN, VIX and spreads rise, equities fall.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from macro_fund.sample.noise import Days, Floats, ar1, fat, last_at, persistence, stream, trend
from macro_fund.sample.regimes import Regimes

# Planted stress days: (global risk, Brazil's own) in standard deviations, on top of the day's noise.
STRESS = {
    "2008-10-15": (5.0, 3.0),
    "2011-08-08": (5.0, 2.0),
    "2013-06-20": (3.0, 4.0),
    "2017-05-18": (0.0, 13.0),
    "2020-03-09": (6.0, 3.0),
    "2020-03-12": (6.0, 4.0),
    "2020-03-18": (4.0, 4.0),
    "2024-08-05": (4.0, 1.0),
    "2027-05-20": (3.0, 6.0),
}
# Mean of daily global risk by regime (standard deviations): risky assets earn in goldilocks and lose in bad times.
RISK_DRIFT = np.array([-0.05, -0.02, 0.05, 0.03])
VOLATILITY_HALF_LIFE = 45.0
DEVIATION_HALF_LIFE = 650.0


@dataclass(frozen=True)
class Asset:
    """Daily volatility and loadings on (global risk, Brazil's own, own noise); knots of the log trend."""

    sigma: float
    risk: float
    brazil: float
    own: float
    knots: dict[str, float]


ASSETS = {
    "usdbrl": Asset(0.0092, 0.48, 0.55, 0.68, {"2003-01-01": 3.0, "2007-06-01": 2.0, "2011-06-01": 1.7,
        "2016-01-01": 3.5, "2020-06-01": 5.1, "2026-01-01": 5.5, "2030-12-31": 5.9}),
    "ibov": Asset(0.0145, -0.50, -0.45, 0.74, {"2003-01-01": 16e3, "2008-01-01": 60e3, "2015-12-01": 50e3,
        "2020-01-01": 110e3, "2026-01-01": 155e3, "2030-12-31": 210e3}),
    "spx": Asset(0.0105, -0.82, 0.0, 0.57, {"2003-01-01": 1000, "2007-06-01": 1450, "2011-01-01": 1250,
        "2020-01-01": 3100, "2026-01-01": 6700, "2030-12-31": 8800}),
    "usdmxn": Asset(0.0070, 0.55, 0.0, 0.83, {"2003-01-01": 10.8, "2008-06-01": 11.5, "2014-06-01": 13.2,
        "2017-01-01": 19.0, "2026-01-01": 18.3, "2030-12-31": 19.5}),
    "dollar": Asset(0.0030, 0.45, 0.0, 0.89, {"2003-01-01": 120.0, "2011-06-01": 92.0, "2016-01-01": 114.0,
        "2026-01-01": 121.0, "2030-12-31": 117.0}),
}  # fmt: skip


@dataclass(frozen=True)
class Markets:
    """Aligned with the grid's weekdays. risk, brazil: shocks (about unit variance). prices: closes by asset name.

    vix in points, hy_oas in %.
    """

    risk: Floats
    brazil: Floats
    volatility: Floats
    prices: dict[str, Floats]
    vix: Floats
    hy_oas: Floats


def simulate(seed: int, weekdays: Days, regimes: Regimes) -> Markets:
    """Shocks first, then every price from them."""
    state = regimes.state[np.maximum(last_at(weekdays, regimes.months), 0)]
    stress = np.zeros((weekdays.size, 2))
    stress[np.searchsorted(weekdays, np.array(list(STRESS), dtype="datetime64[D]"))] = list(STRESS.values())
    rng = stream(seed, "risk")
    calm = fat(rng, weekdays.size)
    fear = 0.10 * (0.65 * (calm + 0.5 * stress[:, 0]) + 0.76 * rng.standard_normal(weekdays.size))
    log_vol = ar1(fear, persistence(VOLATILITY_HALF_LIFE))
    # A day's volatility is set by the days before it.
    volatility = np.clip(np.exp(np.concatenate([[0.0], log_vol[:-1]]) - 0.15), 0.45, 2.5)
    risk = volatility * calm + RISK_DRIFT[state] + stress[:, 0]
    brazil = np.sqrt(volatility) * fat(rng, weekdays.size) + stress[:, 1]
    prices = {
        name: trend(weekdays, asset.knots, log=True)
        * np.exp(_deviation(asset, risk, brazil, fat(stream(seed, f"asset {name}"), weekdays.size)))
        for name, asset in ASSETS.items()
    }
    jump = ar1(0.035 * risk, 0.9)
    vix = np.clip(15.5 * np.exp(0.62 * log_vol + jump), 9.0, 90.0)
    return Markets(risk, brazil, volatility, prices, vix, _credit(seed, weekdays, regimes, risk))


def _deviation(asset: Asset, risk: Floats, brazil: Floats, own: Floats) -> Floats:
    """Log deviation of an asset's price from its trend."""
    shock = asset.sigma * (asset.risk * risk + asset.brazil * brazil + asset.own * own)
    return ar1(shock, persistence(DEVIATION_HALF_LIFE))


def _credit(seed: int, weekdays: Days, regimes: Regimes, risk: Floats) -> Floats:
    """High-yield spread, %: wider with risk and weak American growth."""
    own = stream(seed, "credit").standard_normal(weekdays.size)
    deviation = ar1(0.011 * (0.8 * risk + 0.6 * own), persistence(180.0))
    growth = np.interp(weekdays.astype(np.int64), regimes.months.astype(np.int64), regimes.us_growth)
    return np.clip(4.3 * np.exp(deviation - 0.15 * growth), 2.2, 22.0)
