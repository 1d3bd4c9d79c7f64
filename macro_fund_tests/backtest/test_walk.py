"""Walk-forward: what is chosen rests on the training window alone, and changing the choice is paid."""

from __future__ import annotations

import numpy as np
import pytest

from macro_fund.backtest.sharpe import annualised, sharpe
from macro_fund.backtest.walk import TooShort, walk
from macro_fund_tests.backtest.outcomes import CAPITAL, a_variant, an_outcome

YEAR = 252


def noise(n: int, seed: int, drift: float = 0.0) -> np.ndarray:
    return np.random.default_rng(seed).normal(drift, 0.01, n)


def test_the_best_of_the_training_window_is_tested() -> None:
    """The first variant is good until the sixth year ends, the second from then on: it is chosen a year too late."""
    n = 8 * YEAR
    turn = 6 * YEAR
    up, down = noise(n, 1, 0.003), noise(n, 2, -0.003)
    first = np.where(np.arange(n) < turn, up, down)
    second = np.where(np.arange(n) < turn, down, up)
    found = walk([an_outcome(first), an_outcome(second)], train_years=1, embargo=5)
    windows = {w.test[0]: w.chosen for w in found.windows}
    starts = sorted(windows)
    assert [windows[s] for s in starts] == [0] * 6 + [1]
    gap = 21 + 5
    assert found.returns.size == n - YEAR - gap
    np.testing.assert_allclose(found.returns[: 6 * YEAR], first[YEAR + gap :][: 6 * YEAR])
    np.testing.assert_allclose(found.returns[6 * YEAR :], second[YEAR + gap :][6 * YEAR :])
    assert found.annual_sharpe == pytest.approx(annualised(sharpe(found.returns)))


def test_training_ends_before_the_purge_and_the_embargo() -> None:
    o = an_outcome(noise(3 * YEAR, 3), a_variant(horizon=40))
    w = walk([o, an_outcome(noise(3 * YEAR, 4), a_variant(enter=0.6, horizon=10))], train_years=1).windows[0]
    days = o.sessions.tolist()
    assert days.index(w.test[0]) - days.index(w.train[1]) == 40 + 5 + 1


def test_the_test_years_do_not_move_the_choice() -> None:
    a, b = noise(3 * YEAR, 5), noise(3 * YEAR, 6)
    before = walk([an_outcome(a), an_outcome(b)], train_years=1).windows[0]
    last = YEAR + 26  # from here on it is tested
    c = b.copy()
    c[last:] += 0.1
    assert walk([an_outcome(a), an_outcome(c)], train_years=1).windows[0].chosen == before.chosen
    d = b.copy()
    d[: YEAR // 2] += 0.1
    assert walk([an_outcome(a), an_outcome(d)], train_years=1).windows[0].chosen == 1


def test_noise_has_no_ratio_out_of_sample_though_its_best_has_one() -> None:
    """Of 50 sets without skill the best shows above 0.5; what walk-forward earned is luck around 0, on average."""
    ratios, best = [], []
    for seed in range(12):
        sets = [an_outcome(noise(10 * YEAR, 100 * seed + k)) for k in range(50)]
        ratios.append(walk(sets).annual_sharpe)
        best.append(max(annualised(sharpe(o.returns)) for o in sets))
    assert np.mean(best) > 0.5
    assert abs(np.mean(ratios)) < 3 * 0.45 / np.sqrt(12)  # a ratio over 5 years has an error of 0.45


def test_overfitting_is_near_a_half_for_noise_and_nought_for_skill() -> None:
    sets = [noise(8 * YEAR, k) for k in range(20)]
    assert 0.2 < walk([an_outcome(x) for x in sets]).overfitting < 0.8
    sets[7] = sets[7] + 0.004
    assert walk([an_outcome(x) for x in sets]).overfitting < 0.01
    assert walk([an_outcome(sets[0])]).overfitting is None


def test_changing_the_choice_is_paid_by_instrument() -> None:
    n = 3 * YEAR
    rising, falling = noise(n, 8, 0.004), noise(n, 9, -0.004)
    a = np.where(np.arange(n) < YEAR, rising, falling)
    b = np.where(np.arange(n) < YEAR, falling, rising)
    price = np.full((n, 1), 20.0)
    held = {k: np.full((n, 1), v, dtype=np.int64) for k, v in (("a", 30), ("b", -70))}
    free = walk([an_outcome(a), an_outcome(b)], train_years=0.5, test_years=0.5)
    paid = walk(
        [an_outcome(a, held=held["a"], price=price), an_outcome(b, held=held["b"], price=price)],
        train_years=0.5,
        test_years=0.5,
    )
    moved = [k for k, w in enumerate(free.windows) if k == 0 or w.chosen != free.windows[k - 1].chosen]
    less = free.returns - paid.returns
    at = [k * YEAR // 2 for k in moved]
    assert paid.windows[0].chosen == 0
    assert np.flatnonzero(less > 1e-12).tolist() == at
    assert len(at) == 2
    np.testing.assert_allclose(less[at] * CAPITAL, [30 * 20.0, 100 * 20.0])


def test_a_set_without_a_record_is_never_chosen() -> None:
    still = np.zeros(3 * YEAR)
    found = walk([an_outcome(still), an_outcome(noise(3 * YEAR, 2, -0.005))], train_years=1)
    assert {w.chosen for w in found.windows} == {1}


def test_without_any_record_in_training_nothing_is_held() -> None:
    x = np.zeros(4 * YEAR)
    x[0] = 0.001  # the record begins here
    x[3 * YEAR :] = noise(YEAR, 1)
    found = walk([an_outcome(x)], train_years=1)
    assert [w.chosen for w in found.windows][1] is None
    assert found.windows[1].test_sharpe is None


def test_it_begins_with_the_first_record() -> None:
    late = np.concatenate([np.zeros(2 * YEAR), noise(3 * YEAR, 1)])
    o = an_outcome(late)
    assert walk([o], train_years=1).windows[0].train[0] == o.sessions[2 * YEAR].astype(object)


@pytest.mark.parametrize("years", [5, 0.05])
def test_a_short_history_says_what_to_change(years: float) -> None:
    x = noise(round(years * YEAR), 1) if years > 1 else np.zeros(100)
    with pytest.raises(TooShort, match="are too few to train 5 years, leave out 26 sessions and test"):
        walk([an_outcome(x)])
