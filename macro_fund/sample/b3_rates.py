"""Rates behind B3's coupon futures and reference curves in the sample world.

Belongs here: from a session and a maturity to the DI rate, the dollar coupons and the IPCA coupons. Does not belong
here: which contracts or vertices exist (`settlements`, `reference_curves`).

Arguments: `at` positions of sessions in the grid's weekdays, `held` the sessions, `bdays` and `days` business and
calendar days to maturity (> 0). Rates in % a year: 252 basis for DI and IPCA coupons, linear 360 for dollar coupons.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from macro_fund.sample.catalogue import ptax_ask
from macro_fund.sample.noise import Days, Floats
from macro_fund.sample.paths_curves import di_rates
from macro_fund.sample.paths_macro import target, years_of
from macro_fund.sample.world import World

Ints = NDArray[np.int64]
# Expected inflation fades from the survey's 12 months to the target plus a premium, years.
PREMIUM, FADE_YEARS = 0.5, 2.0
MONTH_DAYS = 30.0


def di(world: World, at: Ints, bdays: Ints) -> Floats:
    """DI rate; a maturity of today has that of tomorrow."""
    return di_rates(world.curves.di[at], np.maximum(bdays, 1) / 252)


def fixing(world: World, held: Days) -> Floats:
    """PTAX of the bank day before each session, BRL per USD."""
    days, ask = ptax_ask(world)
    return ask[np.searchsorted(days, held) - 1]


def clean_growth(world: World, at: Ints, days: Ints) -> Floats:
    """1 + the clean dollar coupon to maturity: what a dollar earns onshore at today's spot."""
    return 1 + world.curves.coupon[at] / 100 * days / 360


def dirty_growth(world: World, at: Ints, held: Days, days: Ints) -> Floats:
    """The same at the PTAX of the day before, as DDI settles: the spot's move since then is in it."""
    return clean_growth(world, at, days) * fixing(world, held) / world.markets.prices["usdbrl"][at]


def linear(growth: Floats, days: Ints) -> Floats:
    """The linear 360 rate that makes this growth in so many days."""
    return (growth - 1) * 36_000 / days


def clean_ipca(world: World, at: Ints, held: Days, bdays: Ints) -> Floats:
    """Real rate: the DI rate over expected inflation."""
    soon = _expected(world, held)
    later = target(years_of(np.unique(held)))[np.unique(held, return_inverse=True)[1]] + PREMIUM
    x = np.maximum(bdays, 1) / 252 / FADE_YEARS
    inflation = later + (soon - later) * -np.expm1(-x) / x
    return 100 * ((1 + di(world, at, bdays) / 100) / (1 + inflation / 100) - 1)


def dirty_ipca(clean: Floats, world: World, held: Days, bdays: Ints) -> Floats:
    """The real rate on an index of the last 15th: the month's inflation since then is in it."""
    since = (held - held.astype("datetime64[M]").astype("datetime64[D]")).astype(np.int64) - 14
    accrued = np.where(since < 0, since + MONTH_DAYS, since) / MONTH_DAYS * _expected(world, held) / 1200
    years = np.maximum(bdays, 1) / 252
    return 100 * ((1 + clean / 100) * (1 + accrued) ** (1 / years) - 1)


def _expected(world: World, held: Days) -> Floats:
    """Inflation of the next 12 months as the market sees it on a day, %."""
    months = world.macro.months.astype(np.int64)
    return np.interp(held.astype(np.int64), months, world.macro.expected_12m)
