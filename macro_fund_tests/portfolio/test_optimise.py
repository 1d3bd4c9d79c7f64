"""The optimisers: published books, the same answer by another route, limits that hold and are named."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as limited
from hypothesis import strategies as st

from macro_fund.portfolio import alternatives
from macro_fund.portfolio.optimise import METHODS, allocate
from macro_fund.portfolio.problem import Budget, Cap, Problem, fit, fit_whole, no_hedge_lost, uses

FREE = 1e6
CORRELATION = np.array([[1.0, 0.6, -0.3, 0.2], [0.6, 1.0, -0.2, 0.1], [-0.3, -0.2, 1.0, 0.0], [0.2, 0.1, 0.0, 1.0]])
VOL = np.array([0.02, 0.05, 0.15, 0.22])
# Sample covariance (1e-4) of the first eight EDHEC hedge fund indices, 152 months from January 1997.
EDHEC = np.zeros((8, 8))
EDHEC[np.triu_indices(8)] = [
    *(4.0189774, -0.3435845, 2.6234431, 4.289753, 0.8918852, 2.5862511, 2.195643, 1.2876958),
    *(6.3156214, -0.371291, -0.1014455, 0.3986817, -0.2347764, -0.0213239, 2.0465209),
    *(3.3664582, 5.6806534, 0.9704072, 3.1117145, 1.6869457, 1.7249188),
    *(14.8775561, 1.7224193, 5.9013426, 2.8472333, 4.4887201),
    *(0.8110476, 1.0438987, 0.5407124, 0.8517305),
    *(3.3673989, 1.511001, 1.9351347),
    *(2.0082559, 1.0629543),
    2.8966758,
]
EDHEC = EDHEC + np.triu(EDHEC, 1).T


def problem(**changes):
    n = 4
    base = Problem(
        names=("A", "B", "C", "D"),
        side=np.array([1.0, 1.0, -1.0, 1.0]),
        expected=np.array([0.002, 0.006, -0.02, 0.03]),
        volatility=VOL,
        correlation=CORRELATION,
        cost=np.zeros(n),
        previous=np.zeros(n),
        upper={"max_contracts": np.full(n, FREE)},
        budgets=(Budget("vol_target", np.ones(n), 0.1),),
        caps=(Cap("gross_leverage", np.ones(n), FREE),),
        risk_aversion=3.0,
    )
    return replace(base, **changes)


def test_equal_risk_of_maillard_roncalli_and_teiletche():
    """Their 2010 example of four assets: 38.4, 19.2, 24.3 and 18.2 percent."""
    correlation = np.array([[1, 0.8, 0, 0], [0.8, 1, 0, 0], [0, 0, 1, -0.5], [0, 0, -0.5, 1]])
    vol = np.array([0.1, 0.2, 0.3, 0.4])
    found = alternatives.risk_parity(correlation * np.outer(vol, vol)) * 100
    np.testing.assert_allclose(found, [38.4, 19.2, 24.3, 18.2], atol=0.051)


def test_hedge_fund_indices():
    """Risk parity of skfolio, minimum variance of PyPortfolioOpt, and HRP of skfolio, all on the same covariance.

    Lopez de Prado's own leaf order gives the fifth index 0.500 in HRP; the libraries' optimal order 0.386.
    """
    parity = [0.10401, 0.15561, 0.10185, 0.05062, 0.23016, 0.09959, 0.15027, 0.1079]
    np.testing.assert_allclose(alternatives.risk_parity(EDHEC), parity, atol=3e-5)
    tree = [0.06015, 0.06581, 0.07181, 0.01865, 0.38609, 0.08241, 0.20697, 0.1081]
    np.testing.assert_allclose(alternatives.hrp(EDHEC), tree, atol=6e-6)
    least = [-0.14806, 0.04453, 0.02103, -0.1091, 0.77895, 0.08025, 0.33611, -0.00372]
    np.testing.assert_allclose(alternatives.minimum_variance(EDHEC), least, atol=6e-6)


def test_the_interface_gives_the_librarys_books_on_the_side_of_the_view():
    """Through `allocate`: on the instruments times their sides, at the volatility target."""
    base = problem()
    side = base.side
    signed = base.covariance * np.outer(side, side)
    for method, weigh in (("risk_parity", alternatives.risk_parity), ("hrp", alternatives.hrp)):
        found = allocate(method, base)
        raw = weigh(signed) * side
        np.testing.assert_allclose(found.weights, raw * 0.1 / base.book_volatility(raw), rtol=1e-9)
        assert found.binding == ("vol_target",) * 4
    contribution = (
        signed @ np.abs(allocate("risk_parity", base).weights) * np.abs(allocate("risk_parity", base).weights)
    )
    np.testing.assert_allclose(contribution, contribution.mean(), rtol=2e-3)


def test_the_mean_risk_book_is_the_best_ratio_that_scipy_finds():
    from scipy.optimize import minimize

    base = problem()
    side, mean = base.side, base.expected
    signed = base.covariance * np.outer(side, side)

    def minus_ratio(w):
        return -(w @ (side * mean)) / np.sqrt(w @ signed @ w)

    start = np.full(4, 0.25)
    rules = ({"type": "eq", "fun": lambda w: w.sum() - 1},)
    best = minimize(minus_ratio, start, bounds=[(0, 1)] * 4, constraints=rules, tol=1e-12)
    found = allocate("mean_risk", base).weights
    assert -minus_ratio(np.abs(found)) == pytest.approx(-best.fun, rel=1e-4)
    assert base.book_volatility(found) == pytest.approx(0.1)


def _scipy(base):
    """The programme by a general solver, in exposures."""
    from scipy.optimize import minimize

    side, on = base.side, base.side != 0
    scale = np.where(on, base.target / base.volatility, 0.0)

    def loss(x):
        w = side * x[:4] * scale
        gain = w @ base.expected - base.risk_aversion / 2 * w @ base.covariance @ w
        return -(gain - base.cost @ (x[4:] * scale)) * 100

    held = side * base.previous / np.where(on, scale, 1.0)
    ceiling, _ = base.ceiling()
    limits = [{"type": "ineq", "fun": lambda x, s=s: x[4:] - s * (x[:4] - held)} for s in (1, -1)]
    for b in base.budgets:
        limits.append(
            {
                "type": "ineq",
                "fun": lambda x, b=b: b.limit**2 - base.book_volatility(side * x[:4] * scale, b.scale) ** 2,
            }
        )
    for c in base.caps:
        limits.append({"type": "ineq", "fun": lambda x, c=c: 1 - c.unit @ (x[:4] * scale) / c.limit})
    bounds = [(0, u) for u in np.minimum(ceiling * base.volatility / base.target, 100)] + [(0, None)] * 4
    found = minimize(loss, np.full(8, 0.05), bounds=bounds, constraints=limits, method="SLSQP", tol=1e-13)
    return side * found.x[:4] * scale, -found.fun


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"cost": np.array([0.001, 0.002, 0.004, 0.004])},
        {"cost": np.full(4, 0.004), "previous": np.array([0.0, 0.4, -0.2, 0.3])},
        {"budgets": (Budget("vol_target", np.ones(4), 0.03), Budget("risk_share", np.array([1.0, 1, 0, 0]), 0.01))},
        {"caps": (Cap("gross_leverage", np.ones(4), 0.5), Cap("fx_net", np.array([0.0, 0, 1, 0]), 0.05))},
        {"upper": {"kelly": np.array([FREE, 0.1, FREE, 0.01]), "max_contracts": np.full(4, 0.2)}},
    ],
)
def test_the_programme_agrees_with_a_general_solver(changes):
    base = problem(**changes)
    other, best = _scipy(base)
    found = allocate("black_litterman", base)
    assert found.status == "ok"
    np.testing.assert_allclose(found.weights * VOL, other * VOL, atol=3e-5)
    w = found.weights
    gain = w @ base.expected - 1.5 * w @ base.covariance @ w - base.cost @ np.abs(w - base.previous)
    assert gain * 100 >= best - 1e-5


def test_without_limits_and_costs_it_is_mean_over_risk():
    alone = problem(side=np.array([0.0, 0, 0, 1]), budgets=(Budget("vol_target", np.ones(4), 0.1),))
    found = allocate("black_litterman", alone)
    np.testing.assert_allclose(found.weights, [0, 0, 0, 0.03 / (3 * 0.22**2)], rtol=1e-6)
    assert found.binding == ("none", "none", "none", "view")


@pytest.mark.parametrize(
    ("changes", "name"),
    [
        ({"budgets": (Budget("vol_target", np.ones(4), 0.02),)}, "vol_target"),
        ({"caps": (Cap("fx_net", np.array([0.0, 0, 0, 1]), 0.01),)}, "fx_net"),
        ({"upper": {"kelly": np.full(4, 0.01), "max_contracts": np.full(4, FREE)}}, "kelly"),
        ({"cost": np.full(4, 0.5), "previous": np.array([0.1, 0.1, -0.1, 0.1])}, "cost"),
        (
            {"budgets": (Budget("vol_target", np.ones(4), 0.1), Budget("strategy_share", np.ones(4) / 2, 0.005))},
            "strategy_share",
        ),
    ],
)
def test_what_sizes_a_position_is_named(changes, name):
    assert allocate("black_litterman", problem(**changes)).binding[3] == name


@limited(max_examples=20)
@given(
    mean=st.lists(st.floats(-0.1, 0.1), min_size=4, max_size=4),
    side=st.lists(st.sampled_from([-1.0, 0.0, 1.0]), min_size=4, max_size=4),
    previous=st.lists(st.floats(-2, 2), min_size=4, max_size=4),
    cost=st.floats(0, 0.1),
    cap=st.floats(0.0, 3),
    share=st.floats(0.001, 0.1),
    kelly=st.floats(0, 1),
    aversion=st.floats(0.1, 50),
)
def test_limits_hold_whatever_is_asked(mean, side, previous, cost, cap, share, kelly, aversion):
    base = problem(
        expected=np.array(mean),
        side=np.array(side),
        previous=np.array(previous),
        cost=np.full(4, cost),
        upper={"max_contracts": np.full(4, FREE), "kelly": np.full(4, kelly)},
        caps=(Cap("gross_leverage", np.ones(4), cap),),
        budgets=(Budget("vol_target", np.ones(4), 0.1), Budget("risk_share", np.array([1.0, 1, 0, 0]), share)),
        risk_aversion=aversion,
    )
    found = allocate("black_litterman", base)
    assert found.status == "ok", found.reason
    assert np.all(found.weights * base.side >= 0)
    assert np.all(found.weights[base.side == 0] == 0)
    assert np.all(np.abs(found.weights) <= base.ceiling()[0] * (1 + 1e-12))
    assert all(use <= 1 + 1e-12 for _, use, _ in uses(base, found.weights))


@pytest.mark.parametrize("method", METHODS)
def test_a_number_that_is_missing_leaves_the_previous_weights(method):
    before = np.array([0.1, 0.2, -0.3, 0.4])
    found = allocate(method, problem(previous=before, expected=np.array([np.nan, 0, 0, 0])))
    np.testing.assert_array_equal(found.weights, before)
    assert (found.status, set(found.binding)) == ("degraded", {"previous"})
    assert found.reason == "expected of the optimiser's input is not a number"


def test_a_method_that_finds_nothing_leaves_the_previous_weights():
    before = np.array([0.1, 0.2, -0.3, 0.4])
    found = allocate("mean_risk", problem(previous=before, expected=-problem().expected))
    assert (found.status, found.reason) == ("degraded", "mean-risk: no instrument is expected to gain")
    np.testing.assert_array_equal(found.weights, before)


def test_a_solver_that_fails_leaves_the_previous_weights(monkeypatch):
    import cvxpy as cp

    def broken(*args, **kwargs):
        raise cp.SolverError("no answer")

    monkeypatch.setattr(cp.Problem, "solve", broken)
    found = allocate("black_litterman", problem(previous=np.full(4, 0.25)))
    assert (found.status, found.reason) == ("degraded", "the optimiser failed: no answer")
    np.testing.assert_array_equal(found.weights, np.full(4, 0.25))


@pytest.mark.parametrize("method", METHODS)
def test_the_answer_does_not_depend_on_what_was_solved_before(method):
    first = allocate(method, problem()).weights
    for other in (0.001, 0.05):
        allocate(method, problem(expected=np.array([other, 0.1, -0.2, 0.0]), cost=np.full(4, other)))
    assert allocate(method, problem()).weights.tobytes() == first.tobytes()


def test_a_book_is_cut_into_its_limits_and_they_are_named():
    tight = problem(caps=(Cap("margin", np.ones(4), FREE), Cap("fx_net", np.array([0.0, 0, 1, 0]), 0.1)))
    weights, cut = fit(tight, np.array([0.1, 0.1, -0.5, 0.1]))
    np.testing.assert_allclose(weights, [0.1, 0.1, -0.1, 0.1], rtol=1e-8)
    assert cut == {2: "fx_net"}


def test_whole_contracts_are_measured_again():
    """25.2 contracts against 2.8 of nine times the risk net to nothing; 25 against 2 do not, and must shrink."""
    pair = replace(
        problem(),
        names=("A", "B"),
        side=np.array([1.0, -1.0]),
        volatility=np.array([0.01, 0.09]),
        correlation=np.ones((2, 2)),
        upper={"max_contracts": np.full(2, FREE)},
        budgets=(Budget("vol_target", np.ones(2), 0.05),),
        caps=(Cap("margin", np.ones(2), FREE),),
    )
    unit = np.ones(2)
    whole, cut = fit_whole(pair, np.array([25.2, -2.8]), unit)
    assert pair.book_volatility(np.array([25.0, -2.0])) > 0.05
    assert pair.book_volatility(whole) <= 0.05
    assert set(cut.values()) == {"vol_target"}


def test_a_truncated_hedge_is_made_good():
    """The same pair in DV01: 25 against 18 is a net of 7 that nobody asked for."""
    risk = np.array([1.0, 9.0])
    kept = no_hedge_lost(np.array([25.2, -2.8]), np.array([25.2, -2.8]), risk, 0.0)
    np.testing.assert_array_equal(kept, [25.0, -2.0])
    lost = no_hedge_lost(np.array([25.2, -0.9]), np.array([8.1, -0.9]), risk, 0.0)
    assert abs(lost @ risk) <= 1.0


@given(
    st.lists(st.floats(-300, 300), min_size=3, max_size=3),
    st.lists(st.floats(0.5, 30), min_size=3, max_size=3),
)
def test_legs_stay_neutral_within_one_contract(legs, unit):
    """A third leg makes the book neutral; whole contracts keep it so within one contract, and only ever shrink."""
    risk = np.array(unit)
    asked = np.array(legs)
    asked[2] = -(asked[0] * risk[0] + asked[1] * risk[1]) / risk[2]
    whole = no_hedge_lost(asked, asked, risk, 0.0)
    assert np.all(np.abs(whole) <= np.abs(asked) + 1e-9)
    assert np.all(whole * asked >= 0)
    held = whole != 0
    assert not held.any() or abs(whole @ risk) <= risk[held].max() * (1 + 1e-9) + 1e-6
