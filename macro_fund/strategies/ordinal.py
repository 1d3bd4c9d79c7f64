"""Ordered logit: the odds of falling, staying and rising, as a function of regressors.

Belongs here: its likelihood and the maximum of it. Does not belong here: what the outcomes and regressors are
(migration.py, sov_03.py).

P(class <= j) = F(cut_j - x @ slopes), F logistic (McCullagh 1980). F(u) - F(l) = F(u) F(-l) (1 - exp(l - u)): so the
log likelihood is a binary logit of each outcome against the cuts beside its class, and a term in their distance.
Every term is concave (Pratt 1981): Newton's steps end at the one maximum, wherever they start, to the last digits.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Vector = npt.NDArray[np.float64]
Signs = npt.NDArray[np.int64]

# A coefficient beyond this (per standard deviation) separates the events perfectly: no estimate.
LARGEST = 25.0
# Without a maximum each step goes on by about one unit of log odds, and the curvature shrinks by e: after so many it is
# still told from rounding. A maximum is reached in about eight; of 20,000 random samples none needed more than 16.
STEPS = 30
# Newton's steps square their size near the maximum: the one after such a step is below the last digit.
SMALLEST = 1e-8
# Beside the maximum the likelihood rises by less than its own rounding: a step that seems to lose so little is taken.
ROUNDING = 1e-12


@dataclass(frozen=True)
class _Likelihood:
    """Rows of `beside` (sides, parameters): signed distance of an outcome's index to a cut beside its class; of `gaps`
    (middle classes, parameters): distance of the two cuts around the class, in which `inside` outcomes lie.

    Parameters: slopes, then cuts in ascending order.
    """

    beside: Vector
    gaps: Vector
    inside: Vector

    def log(self, parameters: Vector) -> float:
        """-inf where cuts are not in ascending order."""
        from scipy.special import log_expit

        gaps = self.gaps @ parameters
        if not (gaps > 0).all():
            return -np.inf
        return float(log_expit(self.beside @ parameters).sum() + self.inside @ np.log(-np.expm1(-gaps)))

    def newton(self, parameters: Vector) -> Vector:
        """The step to the maximum of the parabola that touches the likelihood here."""
        from scipy.special import expit

        hit, gaps = expit(self.beside @ parameters), self.gaps @ parameters
        slope = self.beside.T @ (1.0 - hit) + self.gaps.T @ (self.inside / np.expm1(gaps))
        bend = (self.beside.T * (hit * (1.0 - hit))) @ self.beside
        bend += (self.gaps.T * (self.inside / (4.0 * np.sinh(gaps / 2.0) ** 2))) @ self.gaps
        return np.asarray(np.linalg.solve(bend, slope))


def ordered_logit(x: Vector, outcome: Signs, now: Vector) -> tuple[float, float] | None:
    """(P(up), P(down)) at `now` by an ordered logit of the outcomes (-1, 0, +1) on x (months, regressors).

    A class that never happened has probability 0: the model cannot know it. None where there is one class only, or the
    likelihood has no single maximum (the regressors separate the classes, or one of them is a sum of the others).
    """
    from scipy.special import expit

    classes, at = np.unique(outcome, return_inverse=True)
    mean, deviation = x.mean(axis=0), x.std(axis=0)
    if classes.size < 2 or not (deviation > 0).all():
        return None
    found = _maximum((x - mean) / deviation, at, classes.size - 1)
    if found is None:
        return None
    slopes, cuts = found[: x.shape[1]], found[x.shape[1] :]
    up_to = expit(cuts - ((now - mean) / deviation) @ slopes)
    odds = dict(zip(classes.tolist(), np.diff(up_to, prepend=0.0, append=1.0), strict=True))
    return float(odds.get(1, 0.0)), float(odds.get(-1, 0.0))


def _maximum(x: Vector, at: Signs, cuts: int) -> Vector | None:
    """Slopes and cuts of the largest likelihood; None where there is none. at: number of each outcome's class."""
    if np.linalg.matrix_rank(x) < x.shape[1]:
        return None
    likelihood = _likelihood(x, at, cuts)
    share = np.cumsum(np.bincount(at))[:-1] / at.size
    here = np.concatenate([np.zeros(x.shape[1]), np.log(share / (1.0 - share))])  # the maximum without regressors
    height = likelihood.log(here)
    for _ in range(STEPS):
        step = likelihood.newton(here)
        if np.abs(step).max() < SMALLEST:
            return here + step
        while (risen := likelihood.log(here + step)) < height - ROUNDING * abs(height):
            step /= 2.0
        here, height = here + step, risen
        if not (np.abs(here[: x.shape[1]]) < LARGEST).all():
            return None
    return None


def _likelihood(x: Vector, at: Signs, cuts: int) -> _Likelihood:
    number = np.arange(cuts)
    over, under = at[:, None] == number + 1, at[:, None] == number  # the outcome is the class over, under the cut
    row, cut = np.nonzero(over | under)
    sides = np.where(over[row, cut], 1.0, -1.0)
    beside = sides[:, None] * np.column_stack([x[row], -np.eye(cuts)[cut]])
    gaps = np.column_stack([np.zeros((cuts - 1, x.shape[1])), np.diff(np.eye(cuts), axis=0)])
    return _Likelihood(beside, gaps, np.bincount(at)[1:-1].astype(np.float64))
