"""Pass-through: planted values found, groups pooled, chains checked, refused when they disagree."""

from __future__ import annotations

from datetime import date
from functools import cache

import numpy as np
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from macro_fund.agents.inflation_inputs import GROUP_SERIES, GROUPS, HEADLINE
from macro_fund.agents.inflation_passthrough import (
    DOLLAR,
    Sampler,
    distributed_lag,
    inflation_passthrough,
    pooled_sampler,
    seed_of,
)
from macro_fund.store.tables import TABLES
from macro_fund_tests.agents.inflation_world import PASS_THROUGH, WEIGHTS, passing_through
from macro_fund_tests.strategies.frames import months, observed, table

REFIT = date(2017, 1, 2)


def drawn(value: float, shift: float = 0.0) -> Sampler:
    """A sampler that draws around `value`; `shift` moves every second chain away."""

    def sample(sums: np.ndarray, errors: np.ndarray, seed: int) -> tuple[dict[str, np.ndarray], int]:
        rng = np.random.default_rng(seed)
        apart = np.array([0.0, shift, 0.0, shift])[:, None]
        mu, tau = (value + apart + rng.normal(0, 0.01, (4, 500)) for _ in range(2))
        return {"theta": mu[..., None] + rng.normal(0, 0.005, (4, 500, len(sums))), "mu": mu, "tau": np.abs(tau)}, 0

    return sample


def observations(n: int = 156) -> pl.DataFrame:
    days = months(date(2004, 1, 1), date(2016, 12, 1))[:n]
    _, rates, dollar = passing_through(n=len(days))
    groups = dict(zip(GROUP_SERIES, rates.T, strict=True))
    series = {HEADLINE: (rates @ WEIGHTS, 41), DOLLAR: (dollar, 33), **{k: (v, 41) for k, v in groups.items()}}
    rows = pl.concat([observed(k, days, v, lag) for k, (v, lag) in series.items()])
    return rows.sort("session", "series_id", "event_date")


@cache
def sampler() -> Sampler:
    return pooled_sampler()


def test_least_squares_finds_the_sums() -> None:
    days, rates, dollar = passing_through(n=600)
    found = distributed_lag(rates[1:], np.diff(np.log(dollar)), days[1:])
    assert (np.abs(found.value - PASS_THROUGH) < 3.5 * found.std_error).all()
    assert (found.std_error < 0.03).all()
    assert found.n_obs == 600 - 12


def test_planted_values_are_inside_and_groups_are_pooled() -> None:
    rows = inflation_passthrough(observations(), [REFIT], table(), sampler())
    assert rows.schema == TABLES["agents/inflation_passthrough"].schema
    groups = rows.filter(pl.col("part").is_in(GROUPS)).sort(pl.col("part").replace_strict(GROUPS, range(len(GROUPS))))
    off = np.abs(groups["value"].to_numpy() - PASS_THROUGH) / groups["std_dev"].to_numpy()
    assert (off < 3.5).all(), off
    assert (off < 2.0).mean() > 0.6
    least, pooled = groups["ols_value"].to_numpy(), groups["value"].to_numpy()
    assert pooled.std() < least.std()
    assert (groups["std_dev"].to_numpy() < groups["ols_std_error"].to_numpy() * 1.02).all()
    whole = rows.row(by_predicate=pl.col("part") == "all", named=True)
    assert whole["value"] == pytest.approx(pooled @ WEIGHTS, abs=1e-6)
    assert whole["p05"] < PASS_THROUGH @ WEIGHTS < whole["p95"]
    assert rows["r_hat"].max() < 1.05
    assert rows["ess"].min() > 200
    assert rows["status"].unique().to_list() == ["ok"]


def test_the_same_session_draws_the_same() -> None:
    once, again = (inflation_passthrough(observations(), [REFIT], table(), sampler()) for _ in range(2))
    assert_frame_equal(once, again, check_exact=True)
    assert seed_of(REFIT) != seed_of(date(2016, 1, 4))


def test_refits_are_yearly_and_rest_on_their_past() -> None:
    sessions = table().keys(date(2015, 11, 2), date(2017, 1, 31))
    full = inflation_passthrough(observations(), sessions, table(), drawn(0.03))
    assert full["session"].unique().sort().to_list() == [date(2016, 1, 4), REFIT]
    known = observations().filter(pl.col("session") <= date(2016, 1, 4))
    alone = inflation_passthrough(known, [date(2016, 1, 4)], table(), drawn(0.03))
    assert_frame_equal(alone, full.filter(pl.col("session") == date(2016, 1, 4)), check_exact=True)
    assert inflation_passthrough(known, sessions[:20], table(), drawn(0.03)).is_empty()


def test_chains_that_disagree_are_refused() -> None:
    rows = inflation_passthrough(observations(), [REFIT], table(), drawn(0.03, shift=0.05))
    assert rows["status"].unique().to_list() == ["degraded"]
    assert "r_hat" in rows["reason"][0]


def test_too_little_and_nonsense_give_no_view() -> None:
    short = inflation_passthrough(observations(100), [REFIT], table(), drawn(0.03))
    assert short["status"].to_list() == ["no_view"]
    assert "96 needed" in short["reason"][0]
    noise = pl.Series(np.random.default_rng(1).normal(0, 0.01, observations().height))
    wild = observations().with_columns(
        pl.when(pl.col("series_id") == HEADLINE).then(pl.col("value") + noise).otherwise("value")
    )
    odd = inflation_passthrough(wild, [REFIT], table(), drawn(0.03))
    assert odd["status"].to_list() == ["no_view"]
    assert "add up" in odd["reason"][0]
