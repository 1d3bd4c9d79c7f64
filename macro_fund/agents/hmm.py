"""Gaussian hidden Markov chains: the best of several fits, and probabilities that know only the past.

Belongs here: estimation (hmmlearn, expectation-maximisation), the forward recursion, the matching of states to corners.
Does not belong here: which series, or what a state is called (regime_chain.py).

hmmlearn's `predict_proba` smooths: at month t it uses the months after t. A history made with it looks better than
anything that could have been known. `forward` conditions on the months up to t alone (Hamilton 1989; Rabiner 1989).
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from hmmlearn.hmm import GaussianHMM

Array = npt.NDArray[np.float64]

TOLERANCE = 1e-3
MOST_ITERATIONS = 300
STAY = 0.9  # transition to itself before the first step; where a chain starts, not what it ends with


@dataclass(frozen=True)
class Chain:
    """An estimated chain of k states on d columns.

    start: (k,), of the first row; move: (k, k), row = from; means, variances: (k, d); shares: (k,), of the sample by
    state; log_likelihood: natural, of the sample; bic: the smaller the better; converged: in fewer steps than allowed.
    """

    start: Array
    move: Array
    means: Array
    variances: Array
    shares: Array
    log_likelihood: float
    bic: float
    iterations: int
    converged: bool

    def ordered(self, order: Sequence[int]) -> Chain:
        """The same chain with state order[i] at place i."""
        o = list(order)
        return Chain(
            self.start[o],
            self.move[np.ix_(o, o)],
            self.means[o],
            self.variances[o],
            self.shares[o],
            self.log_likelihood,
            self.bic,
            self.iterations,
            self.converged,
        )


def estimate(rows: Array, states: int, seeds: Sequence[int]) -> Chain:
    """The chain of the highest likelihood among one fit per seed (diagonal covariances).

    rows: (n, d), finite, n > states. A seed draws the rows that the states' means start from. Raises ValueError when
    rows hold NaN.
    """
    if not np.isfinite(rows).all():
        raise ValueError("rows hold a value that is not finite; leave such rows out before estimating")
    with _quiet():
        models = [_fitted(rows, states, seed) for seed in seeds]
        likelihoods = [float(m.score(rows)) for m in models]
        best = models[int(np.argmax(likelihoods))]
        return Chain(
            start=np.asarray(best.startprob_),
            move=np.asarray(best.transmat_),
            means=np.asarray(best.means_),
            variances=np.diagonal(np.asarray(best.covars_), axis1=1, axis2=2).copy(),
            shares=np.asarray(best.predict_proba(rows)).mean(axis=0),
            log_likelihood=max(likelihoods),
            bic=float(best.bic(rows)),
            iterations=int(best.monitor_.iter),
            # hmmlearn's own flag is true also when it ran out of steps.
            converged=int(best.monitor_.iter) < MOST_ITERATIONS,
        )


def _fitted(rows: Array, states: int, seed: int) -> GaussianHMM:
    from hmmlearn.hmm import GaussianHMM

    model = GaussianHMM(
        states, covariance_type="diag", n_iter=MOST_ITERATIONS, tol=TOLERANCE, init_params="", implementation="scaling"
    )
    first = np.random.default_rng(seed).choice(len(rows), states, replace=False)
    model.startprob_ = np.full(states, 1.0 / states)
    model.transmat_ = np.full((states, states), (1.0 - STAY) / max(states - 1, 1))
    np.fill_diagonal(model.transmat_, STAY if states > 1 else 1.0)
    model.means_ = rows[first]
    model.covars_ = np.tile(rows.var(axis=0), (states, 1)) + model.covars_prior
    return model.fit(rows)


@contextmanager
def _quiet() -> Iterator[None]:
    """hmmlearn warns of likelihoods that fall by rounding and of states without a way out; `converged` and the shares
    tell what matters of that."""
    log = logging.getLogger("hmmlearn")
    level = log.level
    log.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        log.setLevel(level)


def log_density(rows: Array, means: Array, variances: Array) -> Array:
    """(n, k): log density of each row in each state. A NaN is not known: its column is integrated out, which with a
    diagonal covariance means left out of the sum; a row of NaN says nothing."""
    deviation = (rows[:, None, :] - means[None]) ** 2 / variances[None]
    terms = -0.5 * (np.log(2.0 * np.pi * variances)[None] + deviation)
    out: Array = np.where(np.isnan(rows)[:, None, :], 0.0, terms).sum(axis=2)
    return out


def forward(density: Array, start: Array, move: Array) -> tuple[Array, float]:
    """Filtered log probabilities (n, k) given the rows up to each, and the log likelihood of all.

    density: (n, k) log densities; start: of the state of the first row before it is seen; move: (k, k), row = from.
    """
    from scipy.special import logsumexp

    with np.errstate(divide="ignore"):
        log_start, log_move = np.log(start), np.log(move)
    joint = np.empty_like(density)
    for t, seen in enumerate(density):
        prior = log_start if t == 0 else np.logaddexp.reduce(joint[t - 1][:, None] + log_move, axis=0)
        joint[t] = prior + seen
    total = logsumexp(joint, axis=1, keepdims=True)
    return joint - total, float(total[-1, 0])


def filtered(rows: Array, chain: Chain) -> Array:
    """(n, k): probability of each state given the rows up to and including its own; NaN cells are not known."""
    log_p, _ = forward(log_density(rows, chain.means, chain.variances), chain.start, chain.move)
    p = np.exp(log_p)
    out: Array = p / p.sum(axis=1, keepdims=True)
    return out


def matched(means: Array, corners: Array) -> list[int]:
    """For each corner (row of signs) its state: the assignment with the largest sum of projections (Hungarian).

    When the states' means lie in different quadrants each gets its own; otherwise the assignment is the nearest one.
    """
    from scipy.optimize import linear_sum_assignment

    _, state = linear_sum_assignment(-(corners @ means.T))
    return [int(s) for s in state]
