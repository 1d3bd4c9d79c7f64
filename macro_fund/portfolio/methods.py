"""Three ways from votes to a score, crowding and conviction, as arrays.

Over the strategies i that vote (a view, and an edge above 0: votes.py), with s_i the signal if the strategy is in
position and else 0 (flat is a view, and it dilutes the others), c_i its confidence after ageing, w_i its edge:

    weighted = sum(w c s) / sum(w c)
    rank     = normal score of the rank of `weighted` among the instruments (Blom 1958), over its maximum: [-1, 1]
    bayesian = 2 P(up) - 1                                                    (odds.py)
    score S  = mean of the three x crowding
    A        = share of confidence on the majority side among |s| > 0.1
    crowding = 1 - 0.5 (A - 0.8) / 0.2 when A > 0.8 and at least four strategies have |s| > 0.1, else 1
    conviction = 0.5 |S| + 0.3 mean(c) + 0.2 min(A, 0.8) / 0.8

S is in the sense of the asset: + = hold it (receive rates, long BRL, long equity). One instrument alone has no rank:
`rank` is then `weighted`.

Belongs here: the formulas. Does not belong here: P(up) (odds.py), the table (aggregate.py).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from macro_fund.portfolio.votes import Vector, Votes, total

OPINION = 0.1
CROWD_SIZE = 4
CROWDED = 0.8
METHODS = 3.0


@dataclass(frozen=True)
class Scores:
    """Axes (session, instrument); NaN where there is none."""

    score: Vector
    weighted: Vector
    rank: Vector
    bayesian: Vector
    crowding: Vector
    agreement: Vector
    conviction: Vector


def normal_scores(values: Vector) -> Vector:
    """Blom's normal scores of each row's finite values, (r - 3/8) / (n + 1/4), ties at their mean rank, over the score
    of rank n; a lone value is its own score. NaN stays NaN."""
    from scipy.special import ndtri

    there = np.isfinite(values)
    filled = np.where(there, values, np.inf)
    n = there.sum(axis=1, keepdims=True).astype(np.float64)
    below = (filled[:, None, :] < filled[:, :, None]).sum(axis=2)
    equal = (filled[:, None, :] == filled[:, :, None]).sum(axis=2)
    rank = below + (equal + 1.0) / 2.0
    with np.errstate(invalid="ignore", divide="ignore"):
        top = ndtri((n - 0.375) / (n + 0.25))
        scaled = np.where(n > 1, ndtri((np.minimum(rank, n) - 0.375) / (n + 0.25)) / top, values)
    return np.where(there, scaled, np.nan)


def combined(cast: Votes, p_up: Vector) -> Scores:
    """The three methods, crowding and conviction of the votes; p_up has axes (session, instrument).

    Where strategies have a view but none of them an edge, weighted and score are 0 and the other methods have nothing.
    """
    voting = cast.voting
    n = total(voting.astype(np.float64))
    pull, weight = total(cast.weight * cast.signal), total(cast.weight)
    opinion = voting & (np.abs(cast.signal) > OPINION)
    up, down = (total(np.where(opinion & (side * cast.signal > 0), cast.confidence, 0.0)) for side in (1, -1))
    with np.errstate(invalid="ignore", divide="ignore"):
        raw = np.where(n > 0, pull / weight, np.nan)
        agreement = np.where(up + down > 0, np.maximum(up, down) / (up + down), np.nan)
        confidence = np.where(n > 0, total(np.where(voting, cast.confidence, 0.0)) / np.maximum(n, 1.0), 0.0)
    rank, bayesian = normal_scores(raw), np.where(n > 0, 2.0 * p_up - 1.0, np.nan)
    crowded = (total(opinion.astype(np.float64)) >= CROWD_SIZE) & (agreement > CROWDED)
    crowding = np.where(crowded, 1 - 0.5 * (agreement - CROWDED) / (1 - CROWDED), 1.0)
    seen = cast.view.any(axis=2)
    weighted = np.where(n > 0, raw, np.where(seen, 0.0, np.nan))
    score = np.where(n > 0, (raw + rank + bayesian) / METHODS * crowding, weighted)
    value = 0.5 * np.abs(score) + 0.3 * confidence + 0.2 * np.minimum(np.nan_to_num(agreement), CROWDED) / CROWDED
    return Scores(score, weighted, rank, bayesian, np.where(seen, crowding, np.nan), agreement, value)
