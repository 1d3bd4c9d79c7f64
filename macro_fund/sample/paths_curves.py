"""Interest-rate curves of the sample world: DI (Brazil), Treasury par yields (US), clean dollar coupon.

Belongs here: curve factors and the function from a maturity to a rate. Does not belong here: listed contracts
(`settlements`) or files (`wire_*`).

DI forward (continuous, years h) = T + (M - T) e^(-h/2) + (s - M) e^(-h/0.35) + P (1 - e^(-h/4)) + C (h/1.5) e^(-h/1.5):
today's overnight rate s moves to the market's view M of policy, then to the neutral rate T, plus a term premium P and a
curvature C. All of them are mean reverting with planted half-lives.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from macro_fund.sample.grid import Grid
from macro_fund.sample.noise import Days, Floats, ar1, persistence, stream, trend
from macro_fund.sample.paths_markets import Markets
from macro_fund.sample.paths_policy import Policy

DECAYS = {"policy": 0.35, "neutral": 2.0, "premium": 4.0, "curvature": 1.5}
# Half-life in business days and daily noise in bp of each DI factor.
DI_NOISE = {"neutral": (500.0, 9.0), "view": (60.0, 12.0), "premium": (120.0, 11.0), "curvature": (40.0, 12.0)}
MEAN_PREMIUM = 0.6
CDI_BELOW_TARGET = 0.10
PAR_TENORS = {
    "1 Mo": 1 / 12, "1.5 Month": 0.125, "2 Mo": 1 / 6, "3 Mo": 0.25, "4 Mo": 1 / 3, "6 Mo": 0.5, "1 Yr": 1.0,
    "2 Yr": 2.0, "3 Yr": 3.0, "5 Yr": 5.0, "7 Yr": 7.0, "10 Yr": 10.0, "20 Yr": 20.0, "30 Yr": 30.0,
}  # fmt: skip
LONG_RUN_US = {"2003-01-01": 4.9, "2008-01-01": 4.6, "2012-06-01": 2.9, "2016-06-01": 2.4, "2020-08-01": 1.5,
               "2023-10-01": 4.5, "2030-12-31": 4.2}  # fmt: skip
NS_DECAY = 1.6


@dataclass(frozen=True)
class Curves:
    """Aligned with the grid's weekdays, all in % a year.

    di: columns overnight, view, neutral, premium, curvature (continuous). cdi: 252-basis overnight rate.
    us: Nelson-Siegel level, slope, curvature. coupon: clean dollar coupon, linear 360.
    """

    di: Floats
    cdi: Floats
    us: Floats
    coupon: Floats


def simulate(seed: int, grid: Grid, policy: Policy, markets: Markets) -> Curves:
    """All curve factors from policy, shocks and their own noise."""
    cdi = policy.selic - CDI_BELOW_TARGET
    return Curves(_di(seed, policy, markets, cdi), cdi, _us(seed, grid.weekdays, policy, markets),
                  _coupon(seed, policy, markets))  # fmt: skip


def _continuous(rate: Floats) -> Floats:
    return 100 * np.log1p(rate / 100)


def _di(seed: int, policy: Policy, markets: Markets, cdi: Floats) -> Floats:
    rng = stream(seed, "di")
    size = cdi.size

    def deviation(name: str, risk: float, brazil: float) -> Floats:
        half_life, bp = DI_NOISE[name]
        own = np.sqrt(1 - risk**2 - brazil**2) * markets.volatility**0.5 * rng.standard_normal(size)
        return ar1(bp / 100 * (risk * markets.risk + brazil * markets.brazil + own), persistence(half_life))

    view = np.clip(_continuous(policy.prescribed) + deviation("view", 0.25, 0.45), 1.8, 18.5)
    neutral = np.clip(_continuous(policy.neutral_nominal) + deviation("neutral", 0.35, 0.50), 3.0, 17.0)
    premium = np.clip(MEAN_PREMIUM + deviation("premium", 0.40, 0.50), -1.0, 4.0)
    curvature = np.clip(deviation("curvature", 0.0, 0.0), -1.2, 1.2)
    return np.column_stack([_continuous(cdi), view, neutral, premium, curvature])


def _mean_decay(x: Floats) -> Floats:
    """Average of e^(-u) over (0, x)."""
    mean: Floats = -np.expm1(-x) / x
    return mean


def di_rates(factors: Floats, years: Floats) -> Floats:
    """DI rate, % a year on 252, of each (row of `factors`, maturity in years > 0); shapes broadcast over rows."""
    overnight, view, neutral, premium, curvature = factors.T
    to_view, to_neutral = (_mean_decay(years / DECAYS[k]) for k in ("policy", "neutral"))
    hump = years / DECAYS["curvature"]
    average: Floats = (
        neutral
        + (view - neutral) * to_neutral
        + (overnight - view) * to_view
        + premium * (1 - _mean_decay(years / DECAYS["premium"]))
        + curvature * (_mean_decay(hump) - np.exp(-hump))
    )
    rates: Floats = 100.0 * np.expm1(average / 100.0)
    return np.clip(rates, 1.0, 25.0)


def _us(seed: int, weekdays: Days, policy: Policy, markets: Markets) -> Floats:
    """Nelson-Siegel factors; the short end is anchored at fed funds, safe-haven buying lowers the level."""
    rng = stream(seed, "treasury")
    level_noise, slope_noise, hump_noise = rng.standard_normal((3, weekdays.size))
    level = trend(weekdays, LONG_RUN_US) + ar1(0.05 * (-0.35 * markets.risk + 0.94 * level_noise), persistence(250.0))
    short = policy.fed_funds + ar1(0.015 * slope_noise, persistence(20.0))
    curvature = -0.8 + ar1(0.07 * (-0.2 * markets.risk + 0.98 * hump_noise), persistence(90.0))
    return np.column_stack([level, short - level, curvature])


def par_yields(factors: Floats, tenors: Floats) -> Floats:
    """Par yields, %, two decimals, at least 0.01: one row a day, one column a tenor in years."""
    x = tenors / NS_DECAY
    loading = _mean_decay(x)
    long_end = 0.25 * (1 - np.exp(-tenors / 15.0))
    values: Floats = factors @ np.vstack([np.ones_like(x), loading, loading - np.exp(-x)]) + long_end
    return np.maximum(values, 0.01).round(2)


def _coupon(seed: int, policy: Policy, markets: Markets) -> Floats:
    """Fed funds plus a spread of about 0.9 percentage points that widens with risk."""
    own = stream(seed, "coupon").standard_normal(markets.risk.size)
    spread = 0.9 + ar1(0.04 * (0.4 * markets.risk + 0.3 * markets.brazil + 0.87 * own), persistence(40.0))
    return policy.fed_funds + np.maximum(spread, 0.1)
