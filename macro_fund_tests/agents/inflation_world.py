"""An economy made for tests: prices follow a known Phillips curve, parts add up, every series is public on time."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from functools import cache

import numpy as np
import polars as pl

from macro_fund.agents import inflation_inputs as inputs
from macro_fund.agents.inflation_passthrough import DOLLAR
from macro_fund.features.ipca import CORES
from macro_fund_tests.strategies.frames import months, observed

FIRST, LAST = date(2004, 1, 1), date(2016, 6, 1)
A1, A2, A3, SLOPE = 0.30, 0.62, 0.08, 0.15
SHARE_FREE = 0.75
WEIGHTS = np.array([0.22, 0.15, 0.05, 0.06, 0.20, 0.04, 0.12, 0.11, 0.05])
PASS_THROUGH = np.array([0.12, 0.05, 0.10, 0.02, 0.06, 0.0, 0.03, 0.01, 0.0])


@dataclass(frozen=True)
class World:
    """silver/observations of every series that the agent reads, in decimals."""

    observations: pl.DataFrame
    headline: np.ndarray


def _survey(rng: np.random.Generator, n: int) -> np.ndarray:
    """12-month survey by month, 3.5% to 7%."""
    return 0.052 + 0.012 * np.sin(np.arange(n) / 9.0) + rng.normal(0, 0.0005, n)


def _free_prices(survey: np.ndarray, imported: np.ndarray, gap: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Monthly free prices: the curve by calendar quarter, an even month, a season, a little noise."""
    n = survey.size
    season = 0.002 * np.cos(2 * np.pi * np.arange(n) / 12)
    quarter = np.full(n // 3, 0.013)
    for t in range(1, quarter.size):
        at = 3 * (t - 1)
        known = np.nan_to_num(np.array([imported[at : at + 3].sum(), gap[at : at + 3].mean()]))
        expected = (1.0 + survey[at + 2]) ** 0.25 - 1.0
        quarter[t] = A1 * quarter[t - 1] + A2 * expected + A3 * known[0] + SLOPE * known[1] + rng.normal(0, 0.0008)
    monthly = np.expm1(np.repeat(np.log1p(quarter), 3) / 3.0)
    return monthly + season + rng.normal(0, 0.0001, n)


@cache
def world(seed: int = 11) -> World:
    rng = np.random.default_rng(seed)
    days = months(FIRST, LAST)
    n = len(days)
    activity = np.exp(0.002 * np.arange(n) + 0.02 * np.sin(np.arange(n) / 7.0) + np.cumsum(rng.normal(0, 0.003, n)))
    dollar = 2.0 * np.exp(np.cumsum(rng.normal(0, 0.035, n)))
    commodities = 100.0 * np.exp(np.cumsum(rng.normal(0.003, 0.03, n)))
    survey = _survey(rng, n)
    imported = np.diff(np.log(commodities), prepend=np.nan)
    free = _free_prices(survey, imported, inputs._gap(activity), rng)
    administered = 0.004 + rng.normal(0, 0.003, n)
    headline = SHARE_FREE * free + (1.0 - SHARE_FREE) * administered
    own = rng.normal(0, 0.002, (n, WEIGHTS.size))
    groups = headline[:, None] + own - (own @ WEIGHTS)[:, None]
    mid_month = 0.5 * (headline + np.concatenate([headline[:1], headline[:-1]])) + rng.normal(0, 0.0002, n)
    year = np.concatenate([np.full(11, 0.055), _year(headline)])
    prices = {
        inputs.HEADLINE: headline,
        inputs.FREE: free,
        inputs.ADMINISTERED: administered,
        inputs.YEAR: year,
        **dict(zip(inputs.GROUP_SERIES, groups.T, strict=True)),
        **{core: free + rng.normal(0, 0.0004, n) for core in CORES},
        "br_ipca_diffusion": 0.6 + 20.0 * (headline - headline.mean()),
    }
    parts = [observed(k, days, v, 41) for k, v in prices.items()]
    parts += [
        observed(inputs.MID_MONTH, days, mid_month, 25),
        observed(inputs.ACTIVITY, days, 100.0 * activity, 78),
        observed(inputs.IMPORTED, days, commodities, 40),
        observed(DOLLAR, days, dollar, 33),
        *(observed(inputs.SURVEYS[0], [d.replace(day=k) for d in days], survey, 3) for k in (10, 24)),
        observed(inputs.TARGET, [date(y, 1, 1) for y in range(2004, 2019)], np.full(15, 0.045), -700),
    ]
    rows = pl.concat(parts).sort("session", "series_id", "event_date", "knowledge_time")
    return World(rows, headline)


def _year(monthly: np.ndarray) -> np.ndarray:
    windows = np.lib.stride_tricks.sliding_window_view(np.log1p(monthly), 12)
    return np.expm1(windows.sum(axis=1))


def passing_through(seed: int = 3, n: int = 200) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(months, rates of nine groups, USDBRL): PASS_THROUGH of a change arrives over twelve months, most of it early."""
    rng = np.random.default_rng(seed)
    change = np.concatenate([[0.0], rng.normal(0, 0.035, n - 1)])
    profile = 0.75 ** np.arange(12)
    profile /= profile.sum()
    arrived = np.convolve(change, profile)[:n]
    noise = rng.normal(0, 0.002, (n, WEIGHTS.size))
    rates = 0.004 + arrived[:, None] * PASS_THROUGH[None, :] + noise
    return np.datetime64("2000-01", "M") + np.arange(n), rates, 2.0 * np.exp(np.cumsum(change))
