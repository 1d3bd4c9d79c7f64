"""Hidden Markov chains: the forward recursion against the definition, hmmlearn, statsmodels and Hamilton's numbers."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from macro_fund.agents.hmm import Chain, estimate, filtered, forward, log_density, matched

CORNERS = np.array([[1.0, -1.0], [1.0, 1.0], [-1.0, 1.0], [-1.0, -1.0]])
# Growth of US real GNP, % a quarter, 1951:2 - 1984:4 (Hamilton 1989).
# fmt: off
GNP = np.array([
    2.59316421, 2.20217133, 0.45827562, 0.96874380, -0.24130757, 0.89647478, 2.05393219, 1.73353648, 0.93871289,
    -0.46477833, -0.80983406, -1.39763689, -0.39886093, 1.19184160, 1.45620048, 2.11808228, 1.08957863, 1.32390273,
    0.87296367, -0.19773273, 0.45420215, 0.07221876, 1.10303640, 0.82097489, -0.05795795, 0.58447772, -1.56192672,
    -2.05041027, 0.53637183, 2.33676839, 2.34014559, 1.23392630, 1.88696480, -0.45920792, 0.84940469, 1.70139849,
    -0.28756312, 0.09594627, -0.86080289, 1.03447127, 1.23685944, 1.42004502, 2.22410631, 1.30210173, 1.03517699,
    0.92534250, -0.16559951, 1.34443820, 1.37500131, 1.73222184, 0.71605635, 2.21032143, 0.85333031, 1.00238776,
    0.42725441, 2.14368343, 1.43789184, 1.57959926, 2.27469826, 1.95962656, 0.25992399, 1.01946914, 0.49016398,
    0.56363380, 0.59595460, 1.43082857, 0.56230122, 1.15388393, 1.68722844, 0.77438205, -0.09647045, 1.39600146,
    0.13646798, 0.55223715, -0.39944872, -0.61671102, -0.08722561, 1.21018350, -0.90729755, 2.64916158, -0.00806940,
    0.51111895, -0.00401437, 2.16821432, 1.92586732, 1.03504717, 1.85897219, 2.32004929, 0.25570789, -0.09855274,
    0.89073682, -0.55896485, 0.28350255, -1.31155407, -0.88278776, -1.97454941, 1.01275265, 1.68264723, 1.38271284,
    1.86073637, 0.44473770, 0.41449001, 0.99202275, 1.36283576, 1.59970522, 1.98845816, -0.25684232, 0.87786949,
    3.10956550, 0.85324478, 1.23337317, 0.00314302, -0.09433369, 0.89883322, -0.19036628, 0.99772376, -2.39120054,
    0.06649673, 1.26136017, 1.91637838, -0.33480290, 0.44207108, -1.40664911, -1.52129889, 0.29919869, -0.80197448,
    0.15204792, 0.98585027, 2.13034606, 1.34397924, 1.61550522, 2.70930099, 1.24461412, 0.50835466, 0.14802167,
])
# fmt: on


def chain(move: np.ndarray, means: np.ndarray, variances: np.ndarray, start: np.ndarray | None = None) -> Chain:
    k = len(move)
    first = np.full(k, 1.0 / k) if start is None else start
    return Chain(first, move, means, variances, np.full(k, 1.0 / k), 0.0, 0.0, 1, converged=True)


def sticky(k: int, stay: float) -> np.ndarray:
    move = np.full((k, k), (1.0 - stay) / (k - 1))
    np.fill_diagonal(move, stay)
    return move


def simulated(c: Chain, n: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """States and rows of `n` periods."""
    rng = np.random.default_rng(seed)
    state = np.zeros(n, dtype=int)
    for t in range(1, n):
        state[t] = rng.choice(len(c.move), p=c.move[state[t - 1]])
    return state, c.means[state] + rng.normal(size=(n, c.means.shape[1])) * np.sqrt(c.variances[state])


def smoothed(c: Chain, rows: np.ndarray) -> np.ndarray:
    """hmmlearn's probabilities, which use every row, with our parameters."""
    from hmmlearn.hmm import GaussianHMM

    model = GaussianHMM(len(c.move), covariance_type="diag")
    model.startprob_, model.transmat_, model.means_, model.covars_ = c.start, c.move, c.means, c.variances
    return np.asarray(model.predict_proba(rows))


def test_forward_is_the_sum_over_all_paths():
    rng = np.random.default_rng(1)
    density, start = rng.normal(size=(5, 3)), np.array([0.5, 0.3, 0.2])
    move = rng.dirichlet(np.ones(3), 3)
    for t in range(1, 6):
        weight = np.zeros(3)
        for path in itertools.product(range(3), repeat=t):
            steps = np.prod([move[a, b] for a, b in itertools.pairwise(path)])
            weight[path[-1]] += start[path[0]] * steps * np.exp(sum(density[i, s] for i, s in enumerate(path)))
        log_p, likelihood = forward(density[:t], start, move)
        assert np.exp(log_p[-1]) == pytest.approx(weight / weight.sum(), abs=1e-12)
        assert likelihood == pytest.approx(np.log(weight.sum()), abs=1e-12)


def test_forward_agrees_with_hmmlearn():
    """Its likelihood, and its smoothed probability of the last period, which has no later one to look at."""
    rng = np.random.default_rng(3)
    c = chain(sticky(4, 0.9), 1.2 * CORNERS, np.full((4, 2), 0.4))
    _, rows = simulated(c, 200, 4)
    found = estimate(rows, 4, [int(s) for s in rng.integers(0, 1000, 3)])
    _, likelihood = forward(log_density(rows, found.means, found.variances), found.start, found.move)
    assert likelihood == pytest.approx(found.log_likelihood, abs=1e-8)
    ours, theirs = filtered(rows, found), smoothed(found, rows)
    assert ours[-1] == pytest.approx(theirs[-1], abs=1e-10)
    assert np.abs(ours[:-1] - theirs[:-1]).max() > 0.1


def test_forward_agrees_with_statsmodels_on_two_states():
    from statsmodels.tsa.regime_switching.markov_regression import MarkovRegression

    model = MarkovRegression(GNP, k_regimes=2, switching_variance=True)
    parameters = np.array([0.75, 0.10, -0.3, 1.1, 0.8, 0.6])  # p00, p10, means, variances
    theirs = model.smooth(parameters)
    move = np.array([[0.75, 0.25], [0.10, 0.90]])
    start = np.array([0.10, 0.25]) / 0.35  # the chain's own long-run shares, where statsmodels starts
    c = chain(move, np.array([[-0.3], [1.1]]), np.array([[0.8], [0.6]]), start)
    assert filtered(GNP[:, None], c) == pytest.approx(np.asarray(theirs.filtered_marginal_probabilities), abs=1e-9)
    _, likelihood = forward(log_density(GNP[:, None], c.means, c.variances), start, move)
    assert likelihood == pytest.approx(float(theirs.llf), abs=1e-8)


def test_hamilton_s_published_likelihood():
    """ts_hamilton_gnp: AR(4) around a switching mean is a chain of the 2^5 last states; our recursion gives -181.26339.

    Estimated by statsmodels; mu0 -0.3588, mu1 1.1635, p00 0.7547, p11 0.9041.
    """
    from statsmodels.tsa.regime_switching.markov_autoregression import MarkovAutoregression

    model = MarkovAutoregression(GNP, k_regimes=2, order=4, switching_ar=False)
    start = np.array([0.754673, 0.095915, -0.358811, 1.163517, 0.591366, 0.013486, -0.057521, -0.246983, -0.212923])
    fit = model.fit(start_params=start, disp=False)
    p00, p10, mu0, mu1, variance, *ar = fit.params
    assert (mu0, mu1) == pytest.approx((-0.3588, 1.1635), abs=2e-4)
    assert (p00, 1.0 - p10) == pytest.approx((0.7547, 0.9041), abs=2e-4)
    assert fit.llf == pytest.approx(-181.26339, abs=1e-4)

    move, mu = np.array([[p00, 1.0 - p00], [p10, 1.0 - p10]]), np.array([mu0, mu1])
    shares = np.array([p10, 1.0 - p00]) / (p10 + 1.0 - p00)
    histories = list(itertools.product((0, 1), repeat=5))  # oldest first, the last is now
    wide = np.array([[move[a[-1], b[-1]] * (a[1:] == b[:-1]) for b in histories] for a in histories])
    first = np.array([shares[h[0]] * np.prod([move[a, b] for a, b in itertools.pairwise(h)]) for h in histories])
    deviation = np.array([[GNP[t - 4 : t + 1] - mu[list(h)] for h in histories] for t in range(4, GNP.size)])
    error = deviation[:, :, 4] - deviation[:, :, 3::-1] @ np.array(ar)
    density = -0.5 * (np.log(2 * np.pi * variance) + error**2 / variance)
    log_p, likelihood = forward(density, first, wide)
    assert likelihood == pytest.approx(-181.26339, abs=1e-4)
    recession = np.exp(log_p)[:, [h[-1] == 0 for h in histories]].sum(axis=1)
    assert recession == pytest.approx(np.asarray(fit.filtered_marginal_probabilities)[:, 0], abs=1e-8)


def test_smoothing_flatters_two_states():
    """A toy of the design: about 90% of the months right with hindsight, about 82% at the time."""
    c = chain(sticky(2, 0.95), np.array([[0.0], [1.0]]), np.full((2, 1), 1.0))
    state, rows = simulated(c, 6000, 11)
    at_the_time = (filtered(rows, c).argmax(axis=1) == state).mean()
    hindsight = (smoothed(c, rows).argmax(axis=1) == state).mean()
    assert 0.78 < at_the_time < 0.88
    assert 0.85 < hindsight < 0.94
    assert hindsight - at_the_time > 0.03


def test_four_planted_states_are_found_and_filtered_is_below_smoothed():
    truth = chain(sticky(4, 0.93), 0.9 * CORNERS, np.full((4, 2), 0.5))
    state, rows = simulated(truth, 1200, 5)
    found = estimate(rows, 4, range(10))
    found = found.ordered(matched(found.means, CORNERS))
    assert found.converged
    assert np.abs(found.means - truth.means).max() < 0.25
    assert np.abs(found.variances - truth.variances).max() < 0.2
    assert np.abs(np.diag(found.move) - 0.93).max() < 0.05
    assert found.bic < estimate(rows, 2, range(10)).bic
    at_the_time = (filtered(rows, found).argmax(axis=1) == state).mean()
    hindsight = (smoothed(found, rows).argmax(axis=1) == state).mean()
    assert 0.75 < at_the_time < hindsight


def test_the_best_of_the_seeds_is_kept_and_seeds_decide_alone():
    _, rows = simulated(chain(sticky(4, 0.9), CORNERS, np.full((4, 2), 0.6)), 150, 8)
    single = [estimate(rows, 4, [s]).log_likelihood for s in range(6)]
    best = estimate(rows, 4, range(6))
    assert best.log_likelihood == max(single)
    assert min(single) < max(single) - 1.0
    again = estimate(rows, 4, range(6))
    assert np.array_equal(best.means, again.means)
    assert np.array_equal(best.move, again.move)


def test_missing_values_are_refused_by_the_estimation():
    rows = np.random.default_rng(0).normal(size=(50, 2))
    rows[3, 1] = np.nan
    with pytest.raises(ValueError, match="not finite"):
        estimate(rows, 2, [1])


def test_a_row_that_is_not_known_is_a_step_of_the_chain_and_half_a_row_counts_by_half():
    c = chain(sticky(4, 0.9), CORNERS, np.full((4, 2), 0.5))
    rows = np.array([[0.8, -0.6], [0.2, 0.4], [np.nan, np.nan]])
    p = filtered(rows, c)
    assert p[2] == pytest.approx(p[1] @ c.move, abs=1e-12)
    half = filtered(np.array([[0.8, np.nan]]), c)[0]
    assert half[0] == pytest.approx(half[1], abs=1e-12)
    assert half[0] > half[2]


@given(st.integers(0, 10_000), st.integers(2, 40), st.floats(0.3, 0.99))
@settings(max_examples=60)
def test_probabilities_sum_to_one_and_never_look_ahead(seed: int, n: int, stay: float):
    rng = np.random.default_rng(seed)
    c = chain(sticky(4, stay), rng.normal(size=(4, 2)), rng.uniform(0.05, 2.0, (4, 2)))
    rows = rng.normal(size=(n, 2)) * 2.0
    rows[rng.random((n, 2)) < 0.2] = np.nan
    p = filtered(rows, c)
    assert np.abs(p.sum(axis=1) - 1.0).max() <= 1e-9
    cut = int(rng.integers(1, n + 1))
    assert np.array_equal(filtered(rows[:cut], c), p[:cut])
    later = rows.copy()
    later[cut:] = 1e6
    assert np.array_equal(filtered(later, c)[:cut], p[:cut])


def test_no_underflow_where_the_likely_state_cannot_be_reached():
    c = chain(
        np.array([[1.0, 0.0], [0.0, 1.0]]), np.array([[0.0], [50.0]]), np.full((2, 1), 0.01), np.array([1.0, 0.0])
    )
    assert filtered(np.array([[0.0], [50.0]]), c)[-1].tolist() == [1.0, 0.0]


@given(st.permutations(range(4)), st.lists(st.floats(0.01, 3.0), min_size=8, max_size=8))
@settings(max_examples=60)
def test_states_in_different_quadrants_each_get_their_own(order: list[int], size: list[float]):
    means = (CORNERS * np.array(size).reshape(4, 2))[list(order)]
    state = matched(means, CORNERS)
    assert sorted(state) == [0, 1, 2, 3]
    assert np.array_equal(np.sign(means[state]), CORNERS)
