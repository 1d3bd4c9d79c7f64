"""Policy rates of the sample world: COPOM and FOMC meetings and what they decide.

Belongs here: meeting days, the planted Taylor rules and the rates in force. Does not belong here: market rates.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from macro_fund.sample.grid import Grid
from macro_fund.sample.noise import Days, Floats, last_at, nearest_weekday, stream, trend
from macro_fund.sample.paths_macro import Macro, target, years_of
from macro_fund.sample.regimes import Regimes

WEDNESDAY = 2
COPOM_NEAR = ((1, 25), (3, 18), (5, 4), (6, 19), (8, 2), (9, 20), (11, 5), (12, 12))
FOMC_NEAR = ((1, 30), (3, 18), (5, 1), (6, 15), (7, 29), (9, 17), (11, 5), (12, 13))
# Neutral real rates (Brazil) and neutral nominal rates (US), % a year: rough public history, then a guess.
NEUTRAL_BR = {
    "2003-01-01": 9.0, "2011-01-01": 5.5, "2016-01-01": 6.0, "2020-06-01": 1.5, "2022-06-01": 5.5,
    "2026-01-01": 6.5, "2030-12-31": 4.5,
}  # fmt: skip
NEUTRAL_US = {
    "2003-01-01": 1.3, "2007-01-01": 5.0, "2009-03-01": -0.5, "2015-01-01": -0.2, "2019-01-01": 2.4,
    "2020-06-01": -0.8, "2021-10-01": -0.3, "2023-07-01": 5.2, "2026-01-01": 3.8, "2030-12-31": 3.2,
}  # fmt: skip
# What the market expects of inflation in the long run, above the target.
EXPECTED_ABOVE_TARGET = 0.6
# Prescribed Selic = neutral real + expected + INFLATION_WEIGHT x (expected - target) + GROWTH_WEIGHT x growth factor.
INFLATION_WEIGHT, GROWTH_WEIGHT = 0.8, 0.6
# Share of the gap closed at a meeting, noise of the committee (percentage points), largest move, range.
SPEED, COMMITTEE_NOISE, LARGEST_MOVE = 0.30, 0.15, 1.5
SELIC_RANGE = (2.0, 20.0)
# A committee and the market see the economy of two months ago (publication lags).
LAG_MONTHS = 2


@dataclass(frozen=True)
class Policy:
    """Rates in % a year. A decision of meeting day m is in force from the day after m.

    prescribed: the rule's Selic on each weekday. selic, fed_funds (middle of the range): in force on each weekday.
    """

    copom: Days
    selic_decided: Floats
    fomc: Days
    fed_decided: Floats
    prescribed: Floats
    neutral_nominal: Floats
    selic: Floats
    fed_funds: Floats


def meetings(near: tuple[tuple[int, int], ...], first: int, last: int, open_days: Days) -> Days:
    """Wednesdays nearest to the given (month, day) of each year, a week later where the market is shut."""
    days = [nearest_weekday(y, m, d, WEDNESDAY) for y in range(first, last + 1) for m, d in near]
    closed = set(days) - set(open_days) if open_days.size else set()
    lo = open_days[0]
    return np.array([d + 7 if d in closed and d >= lo else d for d in days], dtype="datetime64[D]")


def neutral_rates(days: Days) -> dict[str, Floats]:
    """Neutral rates on each day, decimals a year: `br_real` (r*), `br_nominal` (with inflation), `us_nominal`."""
    real = trend(days, NEUTRAL_BR)
    nominal = real + target(years_of(days)) + EXPECTED_ABOVE_TARGET
    return {"br_real": real / 100, "br_nominal": nominal / 100, "us_nominal": trend(days, NEUTRAL_US) / 100}


def in_force(days: Days, decided_on: Days, decided: Floats) -> Floats:
    """Rate in force on each day; before the first decision takes effect, the first decision."""
    return decided[np.maximum(last_at(days, decided_on + 1), 0)]


def simulate(seed: int, grid: Grid, regimes: Regimes, macro: Macro) -> Policy:
    """Both central banks over the whole grid, the burn-in year included."""
    first, last = int(years_of(grid.weekdays[:1])[0]), int(years_of(grid.weekdays[-1:])[0])
    copom = meetings(COPOM_NEAR, first, last, grid.anbima)
    fomc = meetings(FOMC_NEAR, first, last, grid.nyse)
    rng = stream(seed, "policy")
    rule_days, rule = _prescription(grid, regimes, macro)
    selic = _decide(rule[np.searchsorted(rule_days, copom)], 16.5, rng.standard_normal(copom.size) * COMMITTEE_NOISE)
    seen = last_at(fomc, macro.months) - LAG_MONTHS
    shadow = trend(fomc, NEUTRAL_US) + 0.5 * (regimes.us_growth + regimes.us_inflation)[np.maximum(seen, 0)]
    fed = _decide_fed(shadow, 1.125, rng.standard_normal(fomc.size) * 0.05)
    goal = target(years_of(grid.weekdays))
    return Policy(
        copom, selic, fomc, fed, rule, trend(grid.weekdays, NEUTRAL_BR) + goal + EXPECTED_ABOVE_TARGET,
        in_force(grid.weekdays, copom, selic), in_force(grid.weekdays, fomc, fed),
    )  # fmt: skip


def _prescription(grid: Grid, regimes: Regimes, macro: Macro) -> tuple[Days, Floats]:
    """The rule's Selic on each weekday from the month seen then; new information arrives evenly within a month."""
    goal = target(years_of(macro.months))
    monthly = (1 + INFLATION_WEIGHT) * macro.expected_12m - INFLATION_WEIGHT * goal + GROWTH_WEIGHT * regimes.growth
    seen_from = (macro.months.astype("datetime64[M]") + LAG_MONTHS).astype("datetime64[D]").astype(np.int64)
    line = np.interp(grid.weekdays.astype(np.int64), seen_from, monthly) + trend(grid.weekdays, NEUTRAL_BR)
    return grid.weekdays, np.clip(line, *SELIC_RANGE)


def _decide(rule: Floats, start: float, noise: Floats) -> Floats:
    """Selic after each meeting: part of the way to the rule, in steps of 25 bp, within SELIC_RANGE."""
    rate, out = start, np.empty(rule.size)
    for k in range(rule.size):
        move = np.clip(SPEED * (rule[k] - rate) + noise[k], -LARGEST_MOVE, LARGEST_MOVE)
        rate = float(np.clip(rate + np.round(move * 4) / 4, *SELIC_RANGE))
        out[k] = rate
    return out


def _decide_fed(shadow: Floats, start: float, noise: Floats) -> Floats:
    """Middle of the fed funds range after each meeting: never below 0.125, at most 75 bp a meeting."""
    rate, out = start, np.empty(shadow.size)
    for k in range(shadow.size):
        move = np.clip(0.5 * (max(shadow[k], 0.125) - rate) + noise[k], -0.75, 0.75)
        rate = max(rate + float(np.round(move * 4) / 4), 0.125)
        out[k] = rate
    return out
