"""Reverse stress: the published closed form, brute force, the table, the sentence, the hedge."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from hypothesis import assume, given
from hypothesis import settings as limited
from hypothesis import strategies as st

from macro_fund.pms.costs import trade_cost
from macro_fund.risk.hedge import BookPnl, Candidate, best_hedge, joined
from macro_fund.risk.revalue import Positions
from macro_fund.risk.reverse import closed_form, factor_parts, most_plausible
from macro_fund.risk.reverse_table import NO_FACTOR, reverse_stress
from macro_fund.risk.stress_checks import Inputs, reverse_recomputed
from macro_fund.store.tables import TABLES
from macro_fund_tests.portfolio.world import CONTRACTS, market, sessions_of
from macro_fund_tests.risk.factor_world import book, exposures, factor_shocks, settings

RETURNS, SHOCKS = market(900), factor_shocks(900)
DAYS = sessions_of(RETURNS)
LAST = DAYS[-1]
FUND = settings()
BOOK = {"DI1_1Y": 0, "DI1_2Y": 1500, "DI1_5Y": 400, "DOL_1M": -60, "IND_2M": 90}
LOSS = 8e6


def _reverse(positions, days=(LAST,), shocks=SHOCKS, returns=RETURNS):
    targets = book(positions, list(days), RETURNS)
    return reverse_stress(targets, returns, exposures(targets), shocks, FUND, list(days), trade_cost)


def three_factors(contracts=2000.0, dollars=-15e6, shares=10e6) -> tuple[Positions, np.ndarray]:
    """A received DI1 of four years, short dollars, long shares; monthly covariance of its three factors."""
    nan = np.nan
    positions = Positions(
        names=["DI", "DOL", "IND"],
        factors=["di_1260", "usdbrl", "ibov"],
        contracts=np.array([contracts, -60.0, 90.0]),
        rate=np.array([0.13, nan, nan]),
        bdays=np.array([1008.0, nan, nan]),
        delta=np.array([0.0, dollars, shares]),
        dv01=np.array([contracts * 21.66, 0.0, 0.0]),
        di1=np.array([True, False, False]),
        share=np.eye(3),
    )
    vol = np.array([60.0, 0.045, 0.07])
    corr = np.array([[1, 0.5, -0.5], [0.5, 1, -0.4], [-0.5, -0.4, 1]])
    return positions, corr * np.outer(vol, vol)


def test_closed_form_of_three_assets():
    """Worked from the definition: x = -L S w / (w'S w), distance L / sigma."""
    vol = np.array([0.2, 0.1, 0.3])
    corr = np.array([[1, 0.3, -0.2], [0.3, 1, 0], [-0.2, 0, 1]])
    moves, distance = closed_form(np.array([0.5, 0.3, 0.2]), corr * np.outer(vol, vol), 0.25)
    np.testing.assert_allclose(moves, [-0.3489208633093526, -0.10791366906474822, -0.21582733812949642], atol=1e-12)
    assert distance == pytest.approx(2.1204723241999273, abs=1e-12)


@pytest.mark.parametrize(
    ("contracts", "dollars", "shares"),
    [(2000, -15e6, 10e6), (-2500, 12e6, -8e6), (3000, 8e6, 9e6), (350, 0.0, -2.16e6)],
)
def test_within_one_percent_of_brute_force(contracts, dollars, shares):
    """Every direction of a fine grid on the sphere, each walked until the loss is reached."""
    positions, cov = three_factors(contracts, dollars, shares)
    pnl, root = BookPnl(positions), np.linalg.cholesky(cov)
    weights = positions.linear.sum(axis=0)
    _, distance = most_plausible(pnl, cov, LOSS, closed_form(weights, cov, LOSS)[0])
    polar, round_ = np.meshgrid(np.linspace(0, np.pi, 61), np.linspace(0, 2 * np.pi, 121))
    unit = np.stack([np.sin(polar) * np.cos(round_), np.sin(polar) * np.sin(round_), np.cos(polar)], axis=-1)
    unit, low = unit.reshape(-1, 3), np.zeros(61 * 121)
    high = np.full(len(low), 30.0)

    def lost(length):
        return positions.pnl(positions.at((unit * length[:, None]) @ root.T)).sum(axis=1) <= -LOSS

    reached = lost(high)
    for _ in range(40):
        middle = (low + high) / 2
        over = lost(middle)
        low, high = np.where(over, low, middle), np.where(over, middle, high)
    assert distance == pytest.approx(high[reached].min(), rel=0.01)
    assert distance <= high[reached].min() * (1 + 1e-9)


def test_the_first_order_condition_holds_and_parts_sum_to_the_loss():
    positions, cov = three_factors()
    pnl = BookPnl(positions)
    moves, distance = most_plausible(pnl, cov, LOSS, closed_form(positions.linear.sum(axis=0), cov, LOSS)[0])
    assert pnl.value(moves) == pytest.approx(-LOSS, rel=1e-6)
    assert np.sqrt(moves @ np.linalg.solve(cov, moves)) == pytest.approx(distance, rel=1e-9)
    along = cov @ pnl.gradient(moves)
    np.testing.assert_allclose(moves / np.linalg.norm(moves), -along / np.linalg.norm(along), atol=1e-4)
    assert factor_parts(pnl, moves).sum() == pytest.approx(pnl.value(moves), rel=1e-9)


def test_convexity_puts_the_loss_of_a_receiver_further_away():
    positions, cov = three_factors(dollars=-1.0, shares=1.0)
    start, linear = closed_form(positions.linear.sum(axis=0), cov, LOSS)
    assert most_plausible(BookPnl(positions), cov, LOSS, start)[1] > linear * 1.01


def test_a_loss_that_no_move_gives_is_not_found():
    positions, cov = three_factors(contracts=1.0, dollars=1e5, shares=1e5)  # worth less than the loss
    assert (
        most_plausible(BookPnl(positions), cov, LOSS, closed_form(positions.linear.sum(axis=0), cov, LOSS)[0]) is None
    )


@pytest.mark.parametrize(("weights", "loss"), [(np.zeros(2), 1.0), (np.ones(2), 0.0)])
def test_no_variance_or_no_loss_is_refused(weights, loss):
    with pytest.raises(ValueError, match="variance and a loss"):
        closed_form(weights, np.eye(2), loss)


def _candidates() -> list[Candidate]:
    """One contract of each of the three factors."""
    by_id = {i.id: i for i in FUND.instruments}
    units = three_factors(1.0, 250_000.0, 110_000.0)[0]
    candidates = []
    for k, name in enumerate(("DI1_5Y", "DOL_1M", "IND_2M")):
        one = {c: getattr(units, c)[[k]] for c in ("rate", "bdays", "delta", "dv01", "di1", "share")}
        unit = Positions(names=[name], factors=units.factors, contracts=np.ones(1), **one)
        candidates.append(Candidate(by_id[name], name, unit, float(units.dv01[k]), 0.0, trade_cost))
    return candidates


@limited(max_examples=25)
@given(st.integers(-3000, 3000), st.floats(-20e6, 20e6), st.floats(-20e6, 20e6))
def test_the_hedge_raises_the_distance_and_never_oversteps(contracts, dollars, shares):
    positions, cov = three_factors(float(contracts), dollars, shares)
    weights = positions.linear.sum(axis=0)
    assume(weights @ cov @ weights > 1e8)
    found = most_plausible(BookPnl(positions), cov, LOSS, closed_form(weights, cov, LOSS)[0])
    assume(found is not None and found[1] < 25)  # further away no book is worth the loss
    by_id = {i.id: i for i in FUND.instruments}
    candidates = _candidates()
    hedge = best_hedge(positions, candidates, cov, LOSS, found[1])
    if hedge is None:  # only where convexity has moved the answer far from the linear one, by which trades are sized
        assert found[1] > 1.1 * closed_form(weights, cov, LOSS)[1]
        return
    each = next(c for c in candidates if c.contract == hedge.contract).unit
    after = joined(positions, each, hedge.contracts).linear.sum(axis=0)
    assert after @ cov @ after < weights @ cov @ weights
    # Past the smallest sigma the book's covariance with the trade would change its sign.
    pull = each.linear[0] @ cov
    assert (pull @ weights) * (pull @ after) >= -1e-6 * (pull @ weights) ** 2
    assert abs(hedge.contracts) <= by_id[hedge.contract].max_contracts
    assert hedge.cost > 0
    assert hedge.distance is None or hedge.distance > found[1]


def test_a_hedge_after_which_the_loss_is_out_of_reach_has_no_distance():
    """131 contracts are worth little more than the loss; without most of them nothing loses it."""
    positions, cov = three_factors(131.0, 0.0, 3.0)
    weights = positions.linear.sum(axis=0)
    found = most_plausible(BookPnl(positions), cov, LOSS, closed_form(weights, cov, LOSS)[0])
    hedge = best_hedge(positions, _candidates(), cov, LOSS, found[1])
    assert (hedge.contract, hedge.contracts, hedge.distance) == ("DI1_5Y", -131, None)


def test_the_table_loses_the_limit_and_says_so_in_words():
    frame = _reverse(BOOK)
    assert frame["factor"].to_list() == ["di_1260", "di_504", "ibov", "usdbrl"]
    row = frame.row(0, named=True)
    assert (row["loss_brl"], row["status"]) == (pytest.approx(LOSS), "ok")
    assert frame["pnl_brl"].sum() == pytest.approx(-LOSS, rel=1e-6)
    moves = dict(frame.select("factor", "move").rows())
    assert moves["di_504"] > 0 < moves["usdbrl"]
    assert row["distance_hedged"] > row["distance"]
    assert row["hedge"] in set(CONTRACTS.values())
    assert row["hedge_contracts"] != 0
    assert row["hedge_cost_brl"] > 0
    told = row["sentence"]
    assert told.startswith("The fund loses BRL 8.0 million in a month if the ")
    assert f"the 2-year DI rate rises {moves['di_504']:.0f} bp" in told
    assert told.endswith(f"(a move of {row['distance']:.1f} sigma).")


def test_the_price_of_shares_falls_in_words():
    told = _reverse({"IND_2M": 900})["sentence"][0]
    assert "if the Ibovespa falls " in told
    assert "%" in told


def test_a_single_position_is_hedged_by_closing_it():
    row = _reverse({"IND_2M": 900}).row(0, named=True)
    assert (row["hedge"], row["hedge_contracts"], row["distance_hedged"]) == ("INDG11", -900, None)
    assert row["reason"] == "with the hedge no move is found that loses it"


def test_an_empty_book_is_far_from_nothing():
    row = _reverse({"DI1_2Y": 0, "DOL_1M": 0}).row(0, named=True)
    assert (row["factor"], row["status"], row["reason"]) == (NO_FACTOR, "ok", "no positions")
    assert row["distance"] is row["distance_linear"] is row["move"] is None


def test_missing_targets_and_short_histories_are_told():
    partly = _reverse(BOOK | {"IND_2M": None}).row(0, named=True)
    assert (partly["status"], partly["reason"]) == ("degraded", "without IND_2M: no listed settlement for IND_2M")
    blind = _reverse({"IND_2M": None}).row(0, named=True)
    assert (blind["status"], blind["distance"]) == ("no_view", None)
    young = _reverse(BOOK, [DAYS[200]])
    assert set(young["status"]) == {"no_view"}
    assert "of the 252 days" in young["reason"][0]
    assert young["distance"].null_count() == young["move"].null_count() == len(young)


def test_a_loss_beyond_the_book_is_degraded_not_invented():
    row = _reverse({"IND_2M": 2}).row(0, named=True)
    assert (row["status"], row["distance"], row["move"]) == ("degraded", None, None)
    assert row["distance_linear"] > 0
    assert "BRL 8.0 million" in row["reason"]


def test_factors_that_only_a_hedge_needs_do_not_decide_the_distance():
    """Ibovespa closes of the last months only: no hedge with IND, the same distance as ever."""
    young = SHOCKS.filter((pl.col("factor") != "ibov") | (pl.col("trade_date") > DAYS[-100]))
    few = {k: v for k, v in BOOK.items() if k != "IND_2M"}
    with_ibov, without = (_reverse(few, shocks=s).row(0, named=True) for s in (SHOCKS, young))
    assert without["distance"] == pytest.approx(with_ibov["distance"], rel=0.02)
    assert not without["hedge"].startswith("IND")


def test_a_range_gives_the_bytes_of_its_sessions_alone():
    days = DAYS[-20::4]
    whole = _reverse(BOOK, days)
    assert whole.schema == TABLES["risk/reverse_stress"].schema
    for day in days:
        past = pl.col("session") <= day
        alone = _reverse(BOOK, [day], SHOCKS.filter(past), RETURNS.filter(past))
        assert alone.equals(whole.filter(session=day))


def test_the_check_passes_and_can_fail():
    targets = book(BOOK, [LAST], RETURNS)
    inputs, frame = Inputs(targets, RETURNS, exposures(targets), SHOCKS, LAST), _reverse(BOOK)
    assert reverse_recomputed(frame, inputs).passed
    for column, factor in (("move", 1.01), ("pnl_brl", 1.01), ("distance_linear", 3.0), ("distance_hedged", 0.1)):
        assert not reverse_recomputed(frame.with_columns(pl.col(column) * factor), inputs).passed, column
