"""Rating migration: what the agencies did, what their outlooks said, and what followed such outlooks.

Belongs here: statistics on config/ratings.yaml's actions. Does not belong here: the logit (ordinal.py), the regressors,
when each was known, or what follows for a trade (sov_03.py).
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from macro_fund.settings import OUTLOOKS, RatingAction

Days = npt.NDArray[np.datetime64]
Signs = npt.NDArray[np.int64]

SMOOTHING = 1.0


def migrations(ratings: Sequence[RatingAction], starts: Days, ends: Days) -> Signs:
    """Sign of the notches that the agencies together moved on days in [start, end) of each pair: -1, 0, +1."""
    days, moves = [], []
    for agency in sorted({r.agency for r in ratings}):
        own = [r for r in ratings if r.agency == agency]
        for before, after in pairwise(own):
            days.append(after.announced)
            moves.append(after.notch - before.notch)
    order = np.argsort(np.array(days, dtype="datetime64[D]"), kind="stable")
    total = np.concatenate([[0], np.cumsum(np.array(moves, dtype=np.int64)[order])])
    sorted_days = np.array(days, dtype="datetime64[D]")[order]
    return np.sign(total[np.searchsorted(sorted_days, ends)] - total[np.searchsorted(sorted_days, starts)])


def outlook(ratings: Sequence[RatingAction], days: Days) -> Signs:
    """Sign of the sum of the agencies' outlooks announced before each day."""
    total = np.zeros(days.size, dtype=np.int64)
    for agency in {r.agency for r in ratings}:
        own = [r for r in ratings if r.agency == agency]
        at = np.searchsorted(np.array([r.announced for r in own], dtype="datetime64[D]"), days)
        total += np.array([0, *(OUTLOOKS[r.outlook] for r in own)])[at]
    return np.sign(total)


def outlook_prior(state: Signs, outcome: Signs, now: int) -> tuple[float, float]:
    """(P(up), P(down)) in past months with the outlook of now; one imagined month of each outcome beside them."""
    seen = outcome[state == now]
    total = seen.size + 3.0 * SMOOTHING
    return float((np.sum(seen > 0) + SMOOTHING) / total), float((np.sum(seen < 0) + SMOOTHING) / total)
