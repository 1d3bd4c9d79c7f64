"""Monthly economies of the sample world: prices, activity and expectations of Brazil and the United States.

Belongs here: monthly series and the inflation target. Does not belong here: policy rates (`paths_policy`) and daily
prices (`paths_markets`). Units are the providers' own: % a month, % in 12 months, index points.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from macro_fund.sample.noise import Days, Floats, ar1, persistence, stream
from macro_fund.sample.regimes import Regimes

# Targets set by the National Monetary Council, % a year. Public facts; 2004 and earlier use the level of 2005.
TARGETS = {2019: 4.25, 2020: 4.0, 2021: 3.75, 2022: 3.5, 2023: 3.25}
TARGET_BEFORE, TARGET_AFTER = 4.5, 3.0
# Monthly pattern of the IPCA, percentage points, January to December; sums to zero.
SEASON = np.array([0.15, 0.18, 0.08, 0.06, -0.03, -0.17, -0.14, -0.17, -0.06, 0.0, 0.02, 0.08])
# 12-month inflation runs this much above target when the factor is zero; one unit of factor adds FACTOR_12M.
BIAS_12M, FACTOR_12M = 0.8, 2.4


@dataclass(frozen=True)
class Macro:
    """Monthly paths aligned with `months` (first days); what the providers would print, already rounded."""

    months: Days
    ipca: Floats
    ipca_12m: Floats
    core_ex0: Floats
    core_ms: Floats
    ibc_br: Floats
    expected_12m: Floats
    cfnai: Floats
    us_core_cpi: Floats


def target(years: np.ndarray) -> Floats:
    """Inflation target of each calendar year, % a year."""
    late = np.where(years >= 2024, TARGET_AFTER, TARGET_BEFORE)
    return np.array([TARGETS.get(int(y), float(level)) for y, level in zip(years, late, strict=True)])


def years_of(days: Days) -> np.ndarray:
    """Calendar year of each day."""
    return days.astype("datetime64[Y]").astype(np.int64) + 1970


def months_of(days: Days) -> np.ndarray:
    """Month of the year (1-12) of each day."""
    return days.astype("datetime64[M]").astype(np.int64) % 12 + 1


def twelve_months(monthly: Floats) -> Floats:
    """Product of the last 12 monthly changes in %, rounded as printed; NaN for the first 11 months."""
    growth = np.concatenate([[0.0], np.cumsum(np.log1p(monthly / 100))])
    out = np.full(monthly.size, np.nan)
    out[11:] = np.round(np.expm1(growth[12:] - growth[:-12]) * 100, 2)
    return out


def simulate(seed: int, regimes: Regimes) -> Macro:
    """Every monthly series of both countries."""
    months = regimes.months
    goal = target(years_of(months))
    ipca, core_ex0, core_ms = _prices(seed, regimes)
    expected = goal + 0.6 + 0.9 * regimes.inflation
    rng = stream(seed, "activity_us")
    cfnai = np.round(0.35 * regimes.us_growth + 0.22 * rng.standard_normal(months.size), 2)
    cpi = 195.0 * np.cumprod(1 + (0.19 + 0.10 * regimes.us_inflation + 0.06 * rng.standard_normal(months.size)) / 100)
    return Macro(
        months=months,
        ipca=ipca,
        ipca_12m=twelve_months(ipca),
        core_ex0=core_ex0,
        core_ms=core_ms,
        ibc_br=_activity(seed, regimes),
        expected_12m=expected,
        cfnai=cfnai,
        us_core_cpi=np.round(cpi, 3),
    )


def price_trend(regimes: Regimes) -> Floats:
    """What every part of the basket shares, % a month: the target, the bias and the regime."""
    trend: Floats = (target(years_of(regimes.months)) + BIAS_12M + FACTOR_12M * regimes.inflation) / 12
    return trend


def _prices(seed: int, regimes: Regimes) -> tuple[Floats, Floats, Floats]:
    """IPCA and two cores, % a month, two decimals. Cores carry less season and less noise."""
    rng = stream(seed, "prices")
    size = regimes.months.size
    trend = price_trend(regimes)
    season = SEASON[months_of(regimes.months) - 1]
    food = ar1(0.13 * rng.standard_normal(size), 0.4)
    ipca = trend + season + food
    core_ex0 = trend + 0.5 * season + 0.06 * rng.standard_normal(size)
    core_ms = trend + 0.2 * season + ar1(0.03 * rng.standard_normal(size), 0.5)
    return np.round(ipca, 2), np.round(core_ex0, 2), np.round(core_ms, 2)


def _activity(seed: int, regimes: Regimes) -> Floats:
    """IBC-Br, seasonally adjusted index: 1.5% a year of trend and a gap of a few percent that the regime drives."""
    rng = stream(seed, "activity_br")
    size = regimes.months.size
    gap = ar1(0.25 * regimes.growth, persistence(18.0))
    level = np.log(97.0) + np.arange(size) * 0.015 / 12 + gap / 100 + 0.003 * rng.standard_normal(size)
    return np.round(np.exp(level), 5)
