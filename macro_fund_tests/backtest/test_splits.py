"""Splits of a history: nothing that overlaps a test trains, everything is tested as often, published paths."""

from __future__ import annotations

from math import comb

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from macro_fund.backtest.splits import Combinatorial, combinatorial, walk_forward


def test_published_paths() -> None:
    """Lopez de Prado (2018), figures 12.1 and 12.2: 6 groups, 2 tested; 15 splits; paths 1 and 2."""
    found = combinatorial(60, groups=6, tests=2, horizon=0, embargo=0)
    assert len(found.splits) == 15
    assert found.paths.shape == (5, 6)
    np.testing.assert_array_equal(found.paths[0] + 1, [1, 1, 2, 3, 4, 5])
    np.testing.assert_array_equal(found.paths[1] + 1, [2, 6, 6, 7, 8, 9])


def test_one_test_group_is_ordinary_cross_validation() -> None:
    found = combinatorial(50, groups=5, tests=1, horizon=0, embargo=0)
    np.testing.assert_array_equal(found.paths, [[0, 1, 2, 3, 4]])
    np.testing.assert_array_equal(np.concatenate([s.test for s in found.splits]), np.arange(50))


@st.composite
def cases(draw: st.DrawFn) -> tuple[Combinatorial, int, int, int, int, int]:
    groups = draw(st.integers(2, 7))
    tests = draw(st.integers(1, groups - 1))
    n, horizon, embargo = draw(st.integers(groups, 200)), draw(st.integers(0, 12)), draw(st.integers(0, 8))
    try:
        found = combinatorial(n, groups, tests, horizon, embargo)
    except ValueError as error:
        assert "nothing to train on" in str(error)  # noqa: PT017
        assume(False)
    return found, n, groups, tests, horizon, embargo


@given(cases())
def test_training_keeps_its_distance_and_loses_nothing_else(
    case: tuple[Combinatorial, int, int, int, int, int],
) -> None:
    found, n, _, _, horizon, embargo = case
    for split in found.splits:
        ahead = split.test[None, :] - np.arange(n)[:, None]
        near = ((ahead >= -horizon - embargo) & (ahead <= horizon)).any(axis=1)
        np.testing.assert_array_equal(split.train, np.flatnonzero(~near))


@given(cases())
def test_every_session_is_tested_as_often_and_paths_are_whole(
    case: tuple[Combinatorial, int, int, int, int, int],
) -> None:
    found, n, groups, tests, _, _ = case
    assert len(found.splits) == comb(groups, tests)
    counts = np.bincount(np.concatenate([s.test for s in found.splits]), minlength=n)
    assert set(counts) == {comb(groups - 1, tests - 1)}
    assert found.paths.shape == (tests * comb(groups, tests) // groups, groups)
    # Each (split, group it tests) once.
    used = {(int(s), g) for path in found.paths for g, s in enumerate(path)}
    assert used == {(i, int(g)) for i, choice in enumerate(found.tested) for g in choice}
    assert len(used) == found.paths.size
    sizes = np.bincount(found.group_of)
    assert sizes.max() - sizes.min() <= 1


@given(cases())
def test_path_returns_come_from_the_split_that_tested_the_session(
    case: tuple[Combinatorial, int, int, int, int, int],
) -> None:
    found, n, *_ = case
    own_number = found.path_returns([np.full(s.test.size, float(i)) for i, s in enumerate(found.splits)])
    np.testing.assert_array_equal(own_number, found.paths[:, found.group_of])
    truth = np.random.default_rng(0).standard_normal(n)
    same = found.path_returns([truth[s.test] for s in found.splits])
    np.testing.assert_array_equal(same, np.broadcast_to(truth, same.shape))


def test_a_label_that_looks_ahead_is_caught_by_the_purge() -> None:
    """Nearest-neighbour memory on noise: labels that overlap are copied without the purge, worthless with it."""
    rng = np.random.default_rng(4)
    n, horizon = 600, 20
    moves = rng.standard_normal(n + horizon)
    label = np.array([moves[t + 1 : t + 1 + horizon].sum() for t in range(n)])

    def skill(gap: int) -> float:
        scores = []
        for split in combinatorial(n, 10, 2, gap, embargo=0).splits:
            nearest = split.train[np.abs(split.train[None, :] - split.test[:, None]).argmin(axis=1)]
            scores.append(np.mean(label[nearest] * label[split.test]) / horizon)
        return float(np.mean(scores))

    assert skill(0) > 0.2
    assert abs(skill(horizon)) < 0.12


@given(
    st.integers(1, 6000), st.integers(0, 126), st.integers(0, 10), st.integers(1, 6), st.integers(1, 3), st.booleans()
)
def test_walk_forward(n: int, horizon: int, embargo: int, train: int, test: int, rolling: bool) -> None:
    found = walk_forward(n, horizon, train_years=train, test_years=test, embargo=embargo, rolling=rolling)
    first = 252 * train + horizon + embargo
    tested = np.concatenate([s.test for s in found]) if found else np.array([], dtype=int)
    np.testing.assert_array_equal(tested, np.arange(first, max(n, first)))
    for i, split in enumerate(found):
        assert split.test[0] - split.train[-1] == horizon + embargo + 1
        np.testing.assert_array_equal(np.diff(split.train), 1)
        assert split.train.size == 252 * (train + (0 if rolling else i * test))
        assert split.test.size == 252 * test or i == len(found) - 1


def test_house_windows() -> None:
    """Sixteen years, five to train and one to test, a label of 63 sessions and five of embargo."""
    found = walk_forward(16 * 252, horizon=63)
    assert len(found) == 11
    assert (found[0].train[0], found[0].train[-1], found[0].test[0]) == (0, 1259, 1328)
    assert walk_forward(1300, horizon=63) == []


def test_refuses() -> None:
    with pytest.raises(ValueError, match="tests < groups"):
        combinatorial(100, 5, 5, 1)
    with pytest.raises(ValueError, match="tests < groups"):
        combinatorial(3, 5, 2, 1)
    with pytest.raises(ValueError, match="nothing to train on"):
        combinatorial(30, 5, 2, horizon=30)
    with pytest.raises(ValueError, match="0 or more"):
        walk_forward(1000, horizon=-1)
    with pytest.raises(ValueError, match="at least one session"):
        walk_forward(1000, horizon=1, test_years=0)
    found = combinatorial(30, 3, 1, 0, 0)
    with pytest.raises(ValueError, match="results for 3 splits"):
        found.path_returns([])
    with pytest.raises(ValueError, match="test sessions"):
        found.path_returns([np.zeros(9)] * 3)
