"""A record, the count of trials behind it, and what may be said of it."""

from __future__ import annotations

from datetime import date

import numpy as np
import polars as pl
import pytest

from macro_fund.backtest import judge
from macro_fund.backtest.sharpe import deflated_sharpe_of, sharpes
from macro_fund_tests.backtest.outcomes import CAPITAL, a_variant, an_outcome

YEAR = 252


def noise(n: int, seed: int, drift: float = 0.0) -> np.ndarray:
    return np.random.default_rng(seed).normal(drift, 0.01, n)


def ledger_of(outcomes: list) -> pl.DataFrame:
    rows = [judge.trial(o, "code", "inputs") for o in outcomes]
    return pl.DataFrame({"sharpe": [r["sharpe"] for r in rows]}, schema={"sharpe": pl.Float64})


def test_the_record_starts_with_the_first_pnl() -> None:
    x = noise(3 * YEAR, 1, 0.001)
    late = judge.record(an_outcome(np.concatenate([np.zeros(400), x])))
    alone = judge.record(an_outcome(x))
    assert late == alone
    assert alone.n_days == 3 * YEAR
    assert alone.annual_sharpe == pytest.approx(x.mean() / x.std(ddof=1) * np.sqrt(252))


def test_costs_turnover_and_drawdown_by_hand() -> None:
    gross = np.array([0.0, 3.0, -2.0, 4.0]) * 1e6
    cost = np.array([5e5, 0.0, 0.0, 5e5])
    o = an_outcome(np.zeros(4), gross=gross, cost=cost, traded=np.array([1e7, 0.0, 0.0, 1e7]))
    r = judge.record(o)
    assert r.n_days == 4  # the day of the first cost counts
    assert r.cost_share == pytest.approx(0.2)
    assert r.turnover == pytest.approx(2e7 / CAPITAL / (4 / 252))
    assert r.drawdown == pytest.approx(-0.02)
    assert r.annual_return == pytest.approx(4e6 / CAPITAL / 4 * 252)


def test_what_never_held_has_no_ratio_and_says_so() -> None:
    r = judge.record(an_outcome(np.zeros(100)))
    assert (r.n_days, r.sharpe, r.psr, r.turnover, r.cost_share, r.annual_sharpe) == (0, None, None, 0.0, None, None)
    assert judge.deflated(r, judge.Tries(5, 0.01)) is None
    assert judge.verdict(r, judge.Tries(5, 0.01)) == "no record: it never held a position"


def test_every_trial_is_counted_and_those_without_a_ratio_too() -> None:
    tries = judge.Tries.of(pl.DataFrame({"sharpe": [0.02, None, 0.06, -0.01]}))
    assert tries.count == 4
    assert tries.variance == pytest.approx(np.var([0.02, 0.06, -0.01], ddof=1))
    assert judge.Tries.of(pl.DataFrame({"sharpe": [0.05]})) == judge.Tries(1, 0.0)


def test_the_deflated_ratio_is_that_of_the_statistics() -> None:
    outcomes = [an_outcome(noise(5 * YEAR, k)) for k in range(30)]
    trials = ledger_of(outcomes)
    x = np.stack([o.returns for o in outcomes], axis=1)
    found = judge.deflated(judge.record(outcomes[3]), judge.Tries.of(trials))
    assert found == pytest.approx(deflated_sharpe_of(x[:, 3], sharpes(x)))


def test_of_a_hundred_noise_variants_none_stands_and_a_planted_edge_does() -> None:
    outcomes = [an_outcome(noise(10 * YEAR, k)) for k in range(100)]
    tries = judge.Tries.of(ledger_of(outcomes))
    records = [judge.record(o) for o in outcomes]
    assert max(r.psr for r in records) > 0.95  # alone, the best of them looks good
    assert max(judge.deflated(r, tries) for r in records) < judge.SURE
    assert not any(judge.verdict(r, tries).startswith("stands") for r in records)
    skilled = an_outcome(noise(10 * YEAR, 1000, 0.002))  # a ratio of 3
    tries = judge.Tries.of(ledger_of([*outcomes, skilled]))
    assert judge.verdict(judge.record(skilled), tries) == "stands among 101 trials"


def test_verdicts() -> None:
    one = judge.Tries(1, 0.0)
    assert judge.verdict(judge.record(an_outcome(noise(YEAR, 1, 0.01))), one) == "too short: 1.0 of 5 years"
    lost = judge.record(an_outcome(noise(6 * YEAR, 1, -0.005)))
    assert judge.verdict(lost, one) == "falsified: no net gain over five years or more"
    sure = judge.record(an_outcome(noise(6 * YEAR, 1, 0.002)))
    assert judge.verdict(sure, one) == "stands among 1 trials"
    assert judge.verdict(sure, judge.Tries(1000, 0.01)) == "unproven: luck of 1000 trials"


def test_an_id_is_of_what_was_run_and_of_nothing_that_came_out() -> None:
    x = noise(300, 1)
    base = judge.trial(an_outcome(x), "code", "inputs")
    assert len(base["trial_id"]) == 64
    assert judge.trial(an_outcome(x * 2), "code", "inputs")["trial_id"] == base["trial_id"]
    others = [
        judge.trial(an_outcome(x, a_variant(enter=0.6)), "code", "inputs"),
        judge.trial(an_outcome(x, a_variant(horizon=42)), "code", "inputs"),
        judge.trial(an_outcome(x, a_variant(stop_u=1.0)), "code", "inputs"),
        judge.trial(an_outcome(x, a_variant().changed({"params.z_window": 252})), "code", "inputs"),
        judge.trial(an_outcome(x), "other code", "inputs"),
        judge.trial(an_outcome(x), "code", "other inputs"),
        judge.trial(an_outcome(x, first=date(2010, 1, 5)), "code", "inputs"),
        judge.trial(an_outcome(x, last=date(2020, 1, 5)), "code", "inputs"),
    ]
    assert len({base["trial_id"], *(o["trial_id"] for o in others)}) == 9


def test_bars_carry_their_level_and_what_was_found() -> None:
    needed = {
        "walk_forward_sharpe": 0.0,
        "walk_forward_years": 5.0,
        "deflated_sharpe": 0.9,
        "cost_stress": 2.0,
        "stressed_sharpe": 0.0,
    }
    bars = judge.bars(needed, 0.4, 5.2, None, -0.1)
    assert bars["walk-forward Sharpe"] == {"least": 0.0, "strict": True, "found": 0.4}
    assert bars["deflated Sharpe"] == {"least": 0.9, "strict": False, "found": None}
    assert bars["Sharpe at 2x costs"]["found"] == -0.1
