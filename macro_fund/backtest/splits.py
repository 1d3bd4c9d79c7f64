"""Which sessions train and which test: walk-forward windows and combinatorial purged cross-validation.

Belongs here: arithmetic on the numbers of sessions 0 .. n-1. Does not belong here: dates, models, returns. A label made
at session t with horizon H is known after session t + H; sessions whose labels overlap a test's may not train.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from macro_fund.backtest.arrays import Array, Index, series

YEAR = 252
EMBARGO = 5


@dataclass(frozen=True)
class Split:
    """Sorted numbers of the sessions that train and of those that test."""

    train: Index
    test: Index


@dataclass(frozen=True)
class Combinatorial:
    """splits: one for each choice of test groups; group_of: (n,) the group of each session.

    tested: (splits, k) the groups that each split tests. paths: (paths, groups) number of the split that tests this
    group on this path; every (split, group tested) pair is on exactly one path.
    """

    splits: list[Split]
    group_of: Index
    tested: Index
    paths: Index

    def path_returns(self, results: Sequence[Array]) -> Array:
        """(paths, n) returns out of sample, one whole history a path.

        results[i]: returns of splits[i].test, in its order. Raises ValueError for a wrong number or length.
        """
        if len(results) != len(self.splits):
            raise ValueError(f"{len(results)} results for {len(self.splits)} splits; give one each, in order")
        found = np.full((len(self.splits), self.group_of.size), np.nan)
        for row, split, result in zip(found, self.splits, results, strict=True):
            values = series(result, "a split's result", least=1)
            if values.size != split.test.size:
                raise ValueError(f"a result has {values.size} returns for {split.test.size} test sessions")
            row[split.test] = values
        return found[self.paths[:, self.group_of], np.arange(self.group_of.size)]


def walk_forward(
    n: int, horizon: int, *, train_years: float = 5, test_years: float = 1, embargo: int = EMBARGO, rolling: bool = True
) -> list[Split]:
    """Train, leave out `horizon` + `embargo` sessions, test; then move on by the length of the test.

    Every session from the first test on is tested once, the last window as far as the data go. rolling: the training
    window keeps its length; otherwise it starts at 0 and grows. Empty when n is too short for one test session. A year
    is 252 sessions. Raises ValueError for lengths that make no sense.
    """
    train, test = round(train_years * YEAR), round(test_years * YEAR)
    if train < 1 or test < 1:
        raise ValueError(f"train and test need at least one session, got {train_years} and {test_years} years")
    _check_gaps(n, horizon, embargo)
    gap = horizon + embargo
    return [
        Split(
            train=np.arange(start - gap - train if rolling else 0, start - gap, dtype=np.int64),
            test=np.arange(start, min(start + test, n), dtype=np.int64),
        )
        for start in range(train + gap, n, test)
    ]


def combinatorial(n: int, groups: int, tests: int, horizon: int, embargo: int = EMBARGO) -> Combinatorial:
    """Combinatorial purged cross-validation: all C(groups, tests) choices of test groups among consecutive sessions.

    They form tests * C(groups, tests) / groups paths, each a whole history out of sample (Lopez de Prado 2018, ch. 12).
    A training session is dropped when a test session is less than or exactly `horizon` ahead of it (purge), or at most
    horizon + embargo behind it: the test's own label ends only then. Raises ValueError for groups that are empty, tests
    outside 1 .. groups - 1, or gaps that leave a split nothing to train on.
    """
    _check_gaps(n, horizon, embargo)
    if not 1 <= tests < groups <= n:
        raise ValueError(f"need 1 <= tests < groups <= sessions, got {tests}, {groups} and {n}")
    group_of = np.empty(n, dtype=np.int64)
    for number, members in enumerate(np.array_split(np.arange(n), groups)):
        group_of[members] = number
    tested = np.array(list(combinations(range(groups), tests)), dtype=np.int64)
    splits = [_purged(np.isin(group_of, choice), horizon, embargo) for choice in tested]
    paths = np.empty((math.comb(groups - 1, tests - 1), groups), dtype=np.int64)
    for group in range(groups):
        paths[:, group] = np.flatnonzero((tested == group).any(axis=1))
    return Combinatorial(splits, group_of, tested, paths)


def _purged(in_test: np.ndarray, horizon: int, embargo: int) -> Split:
    test = np.flatnonzero(in_test)
    # Counts of test sessions in [t - horizon - embargo, t + horizon] as a difference of cumulative counts.
    total = np.concatenate([[0], np.cumsum(in_test)])
    t = np.arange(in_test.size)
    low = np.maximum(t - horizon - embargo, 0)
    high = np.minimum(t + horizon, in_test.size - 1)
    train = np.flatnonzero(total[high + 1] == total[low])
    if not train.size:
        raise ValueError(
            f"horizon {horizon} and embargo {embargo} leave nothing to train on; take fewer groups or more sessions"
        )
    return Split(train.astype(np.int64), test.astype(np.int64))


def _check_gaps(n: int, horizon: int, embargo: int) -> None:
    if n < 1 or horizon < 0 or embargo < 0:
        raise ValueError(f"sessions must be above 0, horizon and embargo 0 or more, got {n}, {horizon}, {embargo}")
