"""What is planted in the sample world, found again by the agents' own models, as far as its length allows.

Regimes have their own module (test_regime_truth.py). How far is "as far": 26 years of months bound a half-life of 18
months from below, hardly from above (docs/agents/fx.md has the simulation).
"""

from __future__ import annotations

from datetime import date
from functools import cache

import numpy as np
import polars as pl
import pytest

from macro_fund.agents import beer
from macro_fund.agents.half_life import half_life
from macro_fund.agents.inflation_evaluation import coverage
from macro_fund.agents.inflation_inputs import SERIES as INFLATION
from macro_fund.agents.monetary_model import BRAZIL
from macro_fund.agents.neutral import fit_neutral
from macro_fund.sample.catalogue import line_of
from macro_fund.sample.world import load_world
from macro_fund.settings import default_settings
from macro_fund_tests.sample.test_truths import SEEDS, sources
from macro_fund_tests.strategies.frames import observed

CATALOGUE = {s.id: s for s in default_settings().series}
LAST = date(2026, 11, 19)
# Days from a period's date to its publication, where it is not the middle of the month after next.
LAGS = {"br_sidra_ipca15_mom_history": 25, "br_ibc_br_sa": 78, "br_inflation_target": -700, "br_focus_ipca_12m": 3}


def drawn(seed: int, series_id: str) -> tuple[np.ndarray, np.ndarray]:
    """Days and values (decimals where the catalogue says so) up to LAST."""
    days, values = line_of(CATALOGUE[series_id]).generator(load_world(seed))
    keep = days <= np.datetime64(LAST)
    return days[keep], values[keep] * CATALOGUE[series_id].scale


# FX


@pytest.mark.parametrize("seed", SEEDS)
def test_the_deviation_from_the_planted_equilibrium_is_found(seed: int) -> None:
    reer, fundamentals = sources(seed)
    x = np.column_stack(list(fundamentals.values()))[11:]
    found = reer[11:] - beer.dols(reer[11:], x).fair(x)
    assert np.corrcoef(found, load_world(seed).truth.external.gap[11:])[0, 1] > 0.9


def test_the_planted_half_life_is_found() -> None:
    """Inside the 90% interval in five worlds of six at least, and in the middle of what the six say."""
    found = []
    for seed in SEEDS:
        reer, fundamentals = sources(seed)
        y, x = reer[11:], np.column_stack(list(fundamentals.values()))[11:]
        relation = beer.dols(y, x)
        found.append(half_life(y, x, relation, beer.error_correction(y, x, relation)))
    planted = load_world(SEEDS[0]).truth.external.gap_half_life
    assert sum(f.low is not None and f.low < planted < (f.high or np.inf) for f in found) >= 5
    assert np.median([f.months or np.inf for f in found]) == pytest.approx(planted, abs=6.0)


# r*


def neutral(seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """By month from 2005: filtered r*, its standard error, the planted one; decimals."""
    days, selic = drawn(seed, "br_selic_target")
    asked, survey = drawn(seed, "br_focus_ipca_12m_smooth")
    ends = np.arange(np.datetime64("2004-02"), np.datetime64("2026-11")).astype("datetime64[D]")
    rate = selic[np.searchsorted(days, ends) - 1]
    expected = survey[np.searchsorted(asked, ends) - 1]
    fit = fit_neutral(100 * ((1 + rate) / (1 + expected) - 1), level_sd=BRAZIL.level_sd)
    truth = load_world(seed).truth
    planted = truth.neutral_rates["br_real"][np.searchsorted(truth.weekdays, ends) - 1]
    return fit.path[12:] / 100, fit.std_error[12:] / 100, planted[12:]


def test_the_neutral_rate_is_near_the_planted_one() -> None:
    """Without a published anchor: nearer than a constant that knows the mean of the truth, inside its own errors."""
    miss, naive, covered = [], [], []
    for seed in SEEDS:
        path, error, planted = neutral(seed)
        miss.append(np.sqrt(np.mean((path - planted) ** 2)))
        naive.append(planted.std())
        covered.append(np.mean(np.abs(path - planted) < 1.96 * error))
    assert np.mean(miss) < 0.8 * np.mean(naive)
    assert max(miss) < 0.015
    assert min(covered) > 0.75
    assert 0.85 < np.mean(covered) < 0.99


# fans


@cache
def economy(seed: int) -> pl.DataFrame:
    """silver/observations of the inflation agent's series."""
    parts = []
    for name in INFLATION:
        days, values = drawn(seed, name)
        if name.startswith("br_focus"):
            days, values = days[::21], values[::21]
        known = np.isfinite(values)
        at = [d.astype("datetime64[D]").item() for d in days[known]]
        parts.append(observed(name, at, values[known], 3 if name.startswith("br_focus") else LAGS.get(name, 41)))
    return pl.concat(parts).filter(pl.col("session") <= LAST)


@pytest.mark.parametrize("seed", SEEDS[:2])
def test_fans_hold_what_they_say(seed: int) -> None:
    """An 80% fan, from origins of 2010 on; overlapping years are about fourteen independent ones."""
    found = coverage(economy(seed), LAST, date(2010, 1, 1))
    assert found["months"].to_list() == [1, 3, 6, 12]
    assert found["n"].min() > 150
    assert found["share"].is_between(0.68, 0.92).all(), found["share"].to_list()
