"""The ordered logit: planted odds, the library's optimum, symmetries, and samples without a maximum."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from macro_fund.strategies.ordinal import Signs, Vector, ordered_logit

SLOPES = np.array([1.5, -0.8])


def a_sample(seed: int, months: int, up: float = 2.0, down: float = -1.5) -> tuple[Vector, Signs]:
    """Regressors and outcomes of the model itself: latent x @ SLOPES + logistic, cut at `down` and `up`."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(months, 2))
    latent = x @ SLOPES + rng.logistic(size=months)
    return x, np.where(latent > up, 1, np.where(latent < down, -1, 0))


def by_the_library(x: Vector, outcome: Signs, now: Vector) -> dict[int, float]:
    """Odds by class of statsmodels' ordered model, whose optimiser is told to go on as far as its numbers carry."""
    from statsmodels.miscmodels.ordinal_model import OrderedModel

    classes, at = np.unique(outcome, return_inverse=True)
    mean, deviation = x.mean(axis=0), x.std(axis=0)
    model = OrderedModel(at, (x - mean) / deviation, distr="logit")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that its numerical slope cannot reach gtol
        fit = model.fit(method="bfgs", gtol=1e-9, maxiter=500, disp=0, skip_hessian=True)
    odds = model.predict(fit.params, ((now - mean) / deviation)[None, :])[0]
    return dict(zip(classes.tolist(), odds.tolist(), strict=True))


def test_it_finds_planted_odds() -> None:
    x, outcome = a_sample(8, 4000)
    now = np.array([1.0, 0.5])
    found = ordered_logit(x, outcome, now)
    centre = now @ SLOPES
    assert found is not None
    assert found[0] == pytest.approx(1 / (1 + np.exp(2.0 - centre)), abs=0.04)
    assert found[1] == pytest.approx(1 / (1 + np.exp(centre + 1.5)), abs=0.04)


@pytest.mark.parametrize(("seed", "up", "down"), [(1, 2.0, -1.5), (2, 0.3, 0.1), (3, 4.0, -4.0), (4, 1.0, -99.0)])
def test_it_ends_at_the_maximum_of_the_library(seed: int, up: float, down: float) -> None:
    """Also where the middle class is thin, the outer ones are rare, or one is missing."""
    x, outcome = a_sample(seed, 300, up, down)
    now = np.array([0.7, -0.4])
    theirs = by_the_library(x, outcome, now)
    assert ordered_logit(x, outcome, now) == pytest.approx((theirs[1], theirs.get(-1, 0.0)), abs=1e-6)


def test_one_regressor_of_two_values_is_a_table_of_frequencies() -> None:
    """With two classes and a regressor of two values the model has as many parameters as odds: it gives the shares."""
    x = np.repeat([0.0, 1.0], 40)[:, None]
    outcome = np.concatenate([np.repeat([0, 1], [30, 10]), np.repeat([0, 1], [12, 28])])
    assert ordered_logit(x, outcome, np.array([0.0])) == (pytest.approx(10 / 40, abs=1e-12), 0.0)
    assert ordered_logit(x, outcome, np.array([1.0])) == (pytest.approx(28 / 40, abs=1e-12), 0.0)


def test_rounding_stops_no_search() -> None:
    """Beside the maximum rounding decides whether the likelihood seems to rise, in about one sample of a hundred."""
    refused = [seed for seed in range(500) if ordered_logit(*a_sample(seed, 60), np.zeros(2)) is None]
    assert refused == []


@given(st.integers(0, 10_000), st.floats(0.1, 50.0), st.floats(-5.0, 5.0))
@settings(deadline=None, max_examples=40)
def test_units_do_not_matter_and_signs_turn(seed: int, scale: float, shift: float) -> None:
    x, outcome = a_sample(seed, 200)
    now = np.array([0.3, -0.2])
    found = ordered_logit(x, outcome, now)
    assert found is not None
    assert min(found) > 0.0
    assert sum(found) < 1.0
    assert ordered_logit(x * scale + shift, outcome, now * scale + shift) == pytest.approx(found, abs=1e-9)
    assert ordered_logit(-x, -outcome, -now) == pytest.approx(found[::-1], abs=1e-9)


def test_a_class_never_seen_has_no_odds_and_one_class_no_model() -> None:
    x, outcome = a_sample(9, 300, down=-99.0)
    found = ordered_logit(x, outcome, np.zeros(2))
    assert found is not None
    assert found[1] == 0.0
    assert ordered_logit(x, np.zeros(300, dtype=np.int64), np.zeros(2)) is None


@pytest.mark.parametrize("edge", [0.0, 0.5, 0.95])
def test_events_that_are_separated_perfectly_give_no_estimate(edge: float) -> None:
    x = np.linspace(-1, 1, 60)[:, None]
    assert ordered_logit(x, (x[:, 0] > edge).astype(np.int64), np.array([0.9])) is None
    far = np.where(x > edge, 1e3, -1e3) + x  # with a wide gap the slope stays small on its way
    assert ordered_logit(far, (x[:, 0] > edge).astype(np.int64), np.array([0.9])) is None


def test_events_that_all_but_two_months_separate_give_no_estimate() -> None:
    """A maximum exists, with a slope that no sample of this size can know."""
    x = np.linspace(-1, 1, 400)[:, None]
    outcome = (x[:, 0] > 0).astype(np.int64)
    outcome[[199, 200]] = outcome[[200, 199]]
    assert ordered_logit(x, outcome, np.array([0.0])) is None


def test_events_that_one_value_separates_give_no_estimate() -> None:
    """All upgrades in months of one value, which some months without an upgrade share: the slope has no end."""
    x = np.repeat([0.0, 1.0], 30)[:, None]
    outcome = np.concatenate([np.zeros(30), np.tile([0, 1], 15)]).astype(np.int64)
    assert ordered_logit(x, outcome, np.array([1.0])) is None


def test_a_regressor_that_is_constant_or_repeats_another_gives_no_estimate() -> None:
    x, outcome = a_sample(5, 200)
    assert ordered_logit(np.column_stack([x, np.ones(200)]), outcome, np.ones(3)) is None
    assert ordered_logit(np.column_stack([x, x[:, :1] * 2.0]), outcome, np.ones(3)) is None
