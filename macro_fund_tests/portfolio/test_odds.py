"""The odds of a gain: outcomes that are known, hit rates by regime, correlations, k from the past only."""

from __future__ import annotations

from datetime import date

import numpy as np
import polars as pl
import pytest

from macro_fund.portfolio.odds import (
    HORIZON,
    K_MAX,
    Outcomes,
    evidence,
    fitted_k,
    month_starts,
    odds,
    outcomes,
    prior,
    regime_probabilities,
)
from macro_fund.portfolio.votes import Votes
from macro_fund.settings import default_settings
from macro_fund_tests.portfolio.evidence import regimes_frame, returns_frame
from macro_fund_tests.portfolio.world import weekdays

DOL = (default_settings().instrument("DOL_1M"),)
DAYS = weekdays(700)


def votes(signals: np.ndarray, edge: float = 0.3) -> Votes:
    """Votes of some strategies on one instrument: (session, strategy) signals, confidence 1; NaN: no view."""
    s = signals[:, None, :]
    view = np.isfinite(s)
    names = [f"S-{k}" for k in range(signals.shape[1])]
    return Votes(DAYS[: len(s)], ["DOL_1M"], names, np.nan_to_num(s), view * 1.0, view * edge, view)


def test_an_outcome_is_the_sign_of_the_21_settlements_after_the_decision():
    gains = np.full(60, -1.0)
    gains[1 : 1 + HORIZON] = 1.0  # the settlements after that of session 0
    found = outcomes(returns_frame(DAYS[:61], {"DOL_1M": gains}), DOL, DAYS[:61])
    # Session k has 21 - 2k in its sum: up until the tenth.
    assert found.up[:12, 0].tolist() == [1.0] * 11 + [0.0]
    # The settlement of session 21 is known on session 22.
    assert found.known[:3, 0].tolist() == [22, 23, 24]
    assert np.isnan(found.up[-HORIZON:, 0]).all()


def test_long_the_real_is_short_the_dollar():
    rising_dollar = returns_frame(DAYS[:60], {"DOL_1M": np.full(60, -1.0)})
    assert (rising_dollar["pnl_brl"] > 0).all()
    assert outcomes(rising_dollar, DOL, DAYS[:60]).up[0, 0] == 0.0


def test_corrections_and_latecomers_do_not_rewrite_outcomes():
    rng = np.random.default_rng(1)
    rows = returns_frame(DAYS[:80], {"DOL_1M": rng.standard_normal(80)})
    changed = rows.with_columns(session=pl.lit(DAYS[70]), pnl_brl=pl.col("pnl_brl") * -50).head(30)
    before, after = outcomes(rows, DOL, DAYS[:80]), outcomes(pl.concat([rows, changed]), DOL, DAYS[:80])
    assert np.array_equal(before.up, after.up, equal_nan=True)
    assert np.array_equal(before.known, after.known)


def test_hit_rates_are_shrunk_and_count_overlapping_outcomes_once_in_21():
    n = 400
    found = Outcomes(np.ones((n, 1)), (np.arange(n) + 22)[:, None])
    p = regime_probabilities(regimes_frame(DAYS[:n], (1.0, 0.0, 0.0, 0.0)), DAYS[:n])
    p0, count = prior(p, found)
    assert count[300, 0] == 279
    trials = 279 / 21
    assert p0[300, 0] == pytest.approx((10 + trials) / (20 + trials))
    # A regime that never was has the prior alone.
    elsewhere = p.copy()
    elsewhere[300] = [0.25, 0.75, 0.0, 0.0]
    mixed = prior(elsewhere, found)[0]
    assert mixed[300, 0] == pytest.approx(0.25 * p0[300, 0] + 0.75 * 0.5)


def test_below_252_outcomes_and_without_a_regime_the_odds_are_even():
    n = 400
    found = Outcomes(np.ones((n, 1)), (np.arange(n) + 22)[:, None])
    regimes = regimes_frame(DAYS[:n]).with_columns(
        status=pl.when(pl.col("session") == DAYS[350]).then(pl.lit("no_view")).otherwise("status")
    )
    p0, count = prior(regime_probabilities(regimes, DAYS[:n]), found)
    assert (count[272, 0], p0[272, 0]) == (251, 0.5)
    assert (count[273, 0], p0[273, 0] > 0.5) == (252, True)
    assert p0[350, 0] == 0.5


def test_k_is_found_is_never_negative_and_is_bounded():
    rng = np.random.default_rng(8)
    x, offset = rng.uniform(-1, 1, 40_000), rng.normal(0, 0.3, 40_000)
    up = (rng.uniform(size=x.size) < 1 / (1 + np.exp(-(offset + 1.5 * x)))).astype(float)
    assert fitted_k(x, up, offset) == pytest.approx(1.5, abs=0.08)
    assert fitted_k(-x, up, offset) == 0.0
    assert fitted_k(x, (x > 0).astype(float), 0 * x) == K_MAX
    assert fitted_k(0 * x, up, offset) == 0.0


def test_k_is_that_of_another_package():
    import statsmodels.api as sm

    rng = np.random.default_rng(9)
    x, offset = rng.uniform(-1, 1, 500), rng.normal(0, 0.3, 500)
    up = (rng.uniform(size=x.size) < 1 / (1 + np.exp(-(offset + 0.8 * x)))).astype(float)
    other = sm.GLM(up, x[:, None], family=sm.families.Binomial(), offset=offset).fit()
    assert fitted_k(x, up, offset) == pytest.approx(other.params[0], abs=1e-6)


def test_two_strategies_that_say_the_same_count_as_one():
    rng = np.random.default_rng(3)
    one = rng.uniform(-1, 1, 400)
    refit = month_starts(DAYS[:400])
    same = evidence(votes(np.column_stack([one, one])), refit)
    alone = evidence(votes(one[:, None]), refit)
    assert same[-1, 0] == pytest.approx(alone[-1, 0])
    apart = evidence(votes(np.column_stack([one, rng.uniform(-1, 1, 400)])), refit)
    both = one[-1] + np.random.default_rng(3).uniform(-1, 1, 800)[-1]
    assert apart[-1, 0] == pytest.approx(both, rel=0.1)
    opposed = evidence(votes(np.column_stack([one, -0.5 * one])), refit)
    assert opposed[-1, 0] == pytest.approx(0.5 * one[-1]), "a negative correlation counts as none"
    short = evidence(votes(np.column_stack([one, -0.5 * one])[:100]), refit[:100])
    assert short[-1, 0] == pytest.approx(0.25 * one[99]), "too little to say that they are two"


def _world(seed: int = 6, n: int = 600) -> tuple[Votes, np.ndarray, Outcomes]:
    """A signal that is right: the 21 days after it gain with it."""
    rng = np.random.default_rng(seed)
    signal = np.clip(np.cumsum(rng.normal(0, 0.15, n)) % 2 - 1, -1, 1)
    gains = np.concatenate([[0.0], signal[:-1]]) + rng.normal(0, 1.0, n)
    found = outcomes(returns_frame(DAYS[:n], {"DOL_1M": gains}), DOL, DAYS[:n])
    return votes(signal[:, None]), regime_probabilities(regimes_frame(DAYS[:n]), DAYS[:n]), found


def test_odds_follow_a_signal_that_was_right_once_252_outcomes_are_known():
    cast, p, found = _world()
    chance = odds(cast, p, found)
    x = evidence(cast, month_starts(cast.sessions))
    assert (chance.k[:270] == 0).all()
    assert chance.k[-1, 0] > 0.3
    assert ((chance.p_up - chance.p_prior) * x >= -1e-12).all()
    assert (np.sign(chance.p_up - chance.p_prior) == np.sign(x))[-20:].all()


def test_k_is_frozen_within_a_month_and_rests_on_what_its_first_session_knew():
    cast, p, found = _world()
    chance = odds(cast, p, found)
    months = np.array(cast.sessions, dtype="datetime64[M]")
    for month in np.unique(months):
        assert np.ptp(chance.k[months == month, 0]) == 0
    assert len(np.unique(chance.k[:, 0])) > 8
    start = int(np.searchsorted(months, np.datetime64("2012-01")))
    poisoned = Outcomes(np.where(found.known <= start, found.up, 1 - found.up), found.known)
    end = start + int((months == months[start]).sum())
    assert np.array_equal(odds(cast, p, poisoned).k[start:end], chance.k[start:end])
    assert not np.array_equal(odds(cast, p, poisoned).k[end:], chance.k[end:])


def test_the_first_month_of_a_history_starts_where_it_does():
    sessions = [date(2010, 1, 14), date(2010, 1, 15), date(2010, 2, 1), date(2010, 2, 2)]
    assert month_starts(sessions).tolist() == [0, 0, 2, 2]
