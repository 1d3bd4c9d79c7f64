"""Targets and allocations: hand-worked sizes, limits, shares, missing inputs, and the same bytes for any window."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from macro_fund.portfolio import book_checks
from macro_fund.portfolio.checks import shares_sum, signs_follow_score, within_limits
from macro_fund.portfolio.covariance import ewma_vol
from macro_fund.store.tables import TABLES
from macro_fund_tests.portfolio.desk import OWNER, SETTINGS, records, steady, using, view, views, walk, wandering
from macro_fund_tests.portfolio.world import NAMES, market, sessions_of

RETURNS = market(400)
DAYS = sessions_of(RETURNS)
LAST = DAYS[-1]
GENEROUS = using(sizing={"kelly": 1.0, "benefit_over_cost": 1e-9})
SCORES = dict.fromkeys(NAMES, 0.6)


def _one(scores, by=GENEROUS, returns=RETURNS, **changes):
    """Rows of the newest session alone, by instrument: (allocations of the mandate's method, targets)."""
    asked, frame = walk(steady(scores, [LAST], **changes), returns, [LAST], by)
    chosen = asked.filter(method=by.fund.sizing.method)
    return tuple({r["instrument"]: r for r in f.to_dicts()} for f in (chosen, frame))


def _sigma(name):
    rows = RETURNS.filter(instrument=name)
    vol = ewma_vol(rows["shock"].to_numpy()[1:, None])[-1, 0]
    return vol * max(rows["dv01_brl"][-1], rows["delta_brl"][-1])


def test_a_view_alone_is_worked_by_hand():
    """Q = 0.3 sigma S, tilted by the conviction, less the cost over 21 sessions, over delta sigma^2: short DOL."""
    asked, found = _one({"DOL_1M": 0.5}, using(sizing={"kelly": 1.0, "benefit_over_cost": 0.0}))
    sigma, price = _sigma("DOL_1M"), RETURNS.filter(instrument="DOL_1M")["price"][-1]
    annual = sigma * np.sqrt(252) / (50 * price)
    mean = 0.8 * 0.3 * annual * 0.5
    cost = (0.5 * 50 + 5.4) / (50 * price) * 252 / 21
    weight = (mean - cost) / (3.0 * annual**2)
    row = asked["DOL_1M"]
    assert row["volatility"] == pytest.approx(annual, rel=1e-9)
    assert (row["view"], row["expected"]) == (pytest.approx(-0.3 * annual * 0.5), pytest.approx(-mean))
    assert row["weight"] == pytest.approx(-min(weight, 0.3, 0.03 / annual), rel=1e-5)
    target = found["DOL_1M"]
    assert target["unrounded"] == pytest.approx(row["weight"] * 100e6 / (50 * price))
    assert target["target_contracts"] == int(target["unrounded"]) < 0
    assert target["delta_brl"] == target["target_contracts"] * price * 50
    assert target["shares"] == [{"strategy_id": OWNER, "share": 1.0}]
    assert target["benefit_brl"] == pytest.approx(target["delta_brl"] * row["expected"] * 21 / 252)
    assert target["cost_brl"] == pytest.approx(-target["target_contracts"] * (0.5 * 50 + 5.4))
    assert target["held_sessions"] == 0


def test_receiving_rates_is_long_pu():
    up, down = (_one({"DI1_5Y": s})[1]["DI1_5Y"] for s in (0.6, -0.6))
    assert up["target_contracts"] == -down["target_contracts"] > 0
    assert up["dv01_brl"] > 0


def test_half_kelly_sizes_a_strategy_with_a_poor_record():
    """A Sharpe ratio of 0.1 over eight years is worth 0.05; half Kelly allows it 2.5% of volatility."""
    day = steady({"IND_2M": 1.0}, [LAST])
    asked, _ = walk(day, RETURNS, [LAST], edges=records([LAST], 0.1, 2016))
    row = asked.filter(method="black_litterman", instrument="IND_2M").row(0, named=True)
    cap = SETTINGS.fund.vol_target * SETTINGS.fund.risk_share["equity"]
    assert abs(row["weight"]) * row["volatility"] == pytest.approx(min(0.025, cap), rel=1e-6)
    none, _ = walk(day, RETURNS, [LAST], edges=records([LAST], -0.4))
    row = none.filter(method="black_litterman", instrument="IND_2M").row(0, named=True)
    assert (row["weight"], row["binding_constraint"]) == (0.0, "kelly")


@pytest.mark.parametrize(
    ("name", "limit", "measure"),
    [("DI1_5Y", "br_dv01", "dv01_brl"), ("DOL_1M", "fx_net", "delta_brl"), ("IND_2M", "equity_net", "delta_brl")],
)
def test_a_limit_binds_and_is_named(name, limit, measure):
    free = _one({name: 1.0})[1][name]
    cap = abs(free[measure]) * 0.437 / 100e6
    row = _one({name: 1.0}, using(limits={limit: cap}, sizing={"kelly": 1.0, "benefit_over_cost": 0.0}))[1][name]
    assert row["binding_constraint"] == limit
    assert 0 < abs(row[measure]) <= cap * 100e6


def test_below_the_band_nothing_is_held_and_it_is_said():
    asked, found = _one({"DOL_1M": 0.2})
    assert asked["DOL_1M"]["weight"] == 0
    assert asked["DOL_1M"]["reason"].startswith("score +0.20 is not in the band")
    assert (found["DOL_1M"]["target_contracts"], found["DOL_1M"]["status"]) == (0, "ok")


def test_a_score_that_only_the_prior_pushes_holds_nothing():
    rows = [view(LAST, "DOL_1M", 0.6, parts=[("prior", 0.6, 1.0)])]
    asked, frame = walk(views(rows), RETURNS, [LAST], GENEROUS)
    assert asked.filter(instrument="DOL_1M", method="black_litterman")["weight"].to_list() == [0.0]
    assert frame.filter(instrument="DOL_1M")["target_contracts"].to_list() == [0]
    assert "no strategy in position" in asked.filter(instrument="DOL_1M")["reason"][0]


def test_no_settlement_is_no_view_and_the_others_proceed():
    hole = RETURNS.filter(~((pl.col("session") == LAST) & (pl.col("instrument") == "DOL_1M")))
    dol = _one(SCORES, returns=hole)[1]["DOL_1M"]
    assert (dol["target_contracts"], dol["dv01_brl"], dol["unrounded"], dol["held_sessions"]) == (None,) * 4
    assert (dol["status"], dol["reason"]) == ("no_view", "no listed settlement for DOL_1M")
    others = _one(SCORES, returns=hole)[1]
    assert {r["status"] for n, r in others.items() if n != "DOL_1M"} == {"ok"}


def test_a_short_history_is_no_view_until_63_shocks():
    young = RETURNS.filter((pl.col("instrument") != "DI1_5Y") | (pl.col("session") > DAYS[-64]))
    assert _one(SCORES, returns=young)[1]["DI1_5Y"]["target_contracts"] is not None
    younger = RETURNS.filter((pl.col("instrument") != "DI1_5Y") | (pl.col("session") > DAYS[-63]))
    row = _one(SCORES, returns=younger)[1]["DI1_5Y"]
    assert row["target_contracts"] is None
    assert row["reason"] == "DI1_5Y has 62 of the 63 daily shocks that a volatility needs"


def test_without_a_record_the_previous_target_stands_and_says_why():
    days = DAYS[-3:]
    edges = records(days[:1])
    _, frame = walk(steady(SCORES, days), RETURNS, days, GENEROUS, edges)
    first, last = (frame.filter(session=d).sort("instrument") for d in (days[0], days[2]))
    assert last["target_contracts"].to_list() == first["target_contracts"].to_list()
    assert any(first["target_contracts"])
    assert set(last["status"]) == {"degraded"}
    assert set(last["binding_constraint"]) == {"previous"}
    assert "no record of strategies" in last["reason"][0]
    never, none = walk(steady(SCORES, days), RETURNS, days, GENEROUS, edges.clear())
    assert set(never["status"]) == {"no_view"}
    assert none["target_contracts"].null_count() == none.height


def test_min_hold_keeps_a_position_with_its_owners_and_a_turned_score_ends_it():
    days = DAYS[-4:]
    scores = {days[0]: 0.4, days[1]: 0.05, days[2]: 0.05, days[3]: -0.05}
    rows = [
        view(d, "IND_2M", s, parts=[(OWNER if k == 0 else "prior", s, 1.0)]) for k, (d, s) in enumerate(scores.items())
    ]
    wide = {"kelly": 1.0, "benefit_over_cost": 0.0, "class_share": 1.0, "strategy_share": 1.0}
    by = using(sizing=wide, risk_share=dict.fromkeys(("rates", "fx", "equity"), 1.0), limits={"equity_net": 1.0})
    frame = walk(views(rows), RETURNS, days, by)[1].filter(instrument="IND_2M")
    first, second, third, fourth = frame.to_dicts()
    assert first["target_contracts"] == second["target_contracts"] == third["target_contracts"] > 0
    assert [r["binding_constraint"] for r in (second, third)] == ["min_hold"] * 2
    assert [r["held_sessions"] for r in (first, second, third)] == [0, 1, 2]
    assert third["shares"] == [{"strategy_id": OWNER, "share": 1.0}]
    assert fourth["target_contracts"] == 0


def test_a_limit_cuts_a_position_that_would_be_kept():
    days = DAYS[-2:]
    before = walk(steady({"IND_2M": 0.9}, days[:1]), RETURNS, days[:1], GENEROUS)
    held = before[1].filter(instrument="IND_2M")["delta_brl"][0]
    tight = using(limits={"equity_net": held / 100e6 / 3}, sizing={"kelly": 1.0, "benefit_over_cost": 0.0})
    _, frame = walk(steady({"IND_2M": 0.9}, days), RETURNS, days[1:], tight, earlier=before, history=days)
    row = frame.filter(instrument="IND_2M").row(0, named=True)
    assert abs(row["delta_brl"]) <= held / 3
    assert row["binding_constraint"] == "equity_net"


WALK_DAYS = DAYS[-30:]
VIEWS = wandering(WALK_DAYS)
WHOLE = walk(VIEWS, RETURNS, WALK_DAYS)


def test_a_range_gives_the_bytes_of_its_sessions_one_by_one():
    earlier = tuple(TABLES[t].empty() for t in ("portfolio/allocations", "portfolio/targets"))
    for k, day in enumerate(WALK_DAYS):
        past, known = pl.col("session") <= day, WALK_DAYS[: k + 1]
        found = walk(
            VIEWS.filter(past), RETURNS.filter(past), [day], edges=records([day]), earlier=earlier, history=known
        )
        for one, whole in zip(found, WHOLE, strict=True):
            assert one.equals(whole.filter(session=day)), day
        earlier = tuple(pl.concat([e, f]) for e, f in zip(earlier, found, strict=True))
    assert WHOLE[1]["target_contracts"].fill_null(0).n_unique() > 20


def test_what_is_known_later_changes_nothing():
    after = pl.col("session") > WALK_DAYS[20]
    poisoned = RETURNS.with_columns(
        pl.when(after).then(pl.col(c) * -1e3).otherwise(c).alias(c) for c in ("price", "shock", "dv01_brl")
    )
    early = pl.col("session") <= WALK_DAYS[20]
    turned = VIEWS.with_columns(pl.when(after).then(-pl.col("score")).otherwise("score").alias("score"))
    found = walk(turned.filter(early), poisoned, WALK_DAYS[:21])
    for one, whole in zip(found, WHOLE, strict=True):
        assert one.equals(whole.filter(early))


def test_every_check_passes_and_can_fail():
    asked, frame = WHOLE
    held = pl.col("target_contracts").fill_null(0) != 0
    for found in (
        shares_sum(frame),
        signs_follow_score(frame, SETTINGS),
        within_limits(frame, SETTINGS),
        book_checks.targets_gross(frame, SETTINGS),
        book_checks.targets_within(frame, RETURNS, SETTINGS),
        book_checks.allocations_inside(asked, SETTINGS),
        book_checks.allocations_within(asked, RETURNS, SETTINGS),
    ):
        assert found.passed, found
    assert not signs_follow_score(frame.with_columns(score=-frame["score"]), SETTINGS).passed
    assert not within_limits(frame.with_columns(dv01_brl=frame["dv01_brl"] * 50), SETTINGS).passed
    assert not shares_sum(frame.with_columns(shares=frame["shares"].list.head(0))).passed
    loud = frame.with_columns(pl.col("dv01_brl", "delta_brl") * 50)
    assert not book_checks.targets_gross(loud.filter(held), SETTINGS).passed
    assert not book_checks.targets_within(loud, RETURNS, SETTINGS).passed
    heavy = asked.with_columns(pl.col("weight") * 50)
    assert not book_checks.allocations_inside(heavy, SETTINGS).passed
    assert not book_checks.allocations_within(heavy, RETURNS, SETTINGS).passed
    assert not book_checks.allocations_inside(asked.with_columns(-pl.col("weight")), SETTINGS).passed


@pytest.mark.parametrize("method", ["mean_risk", "risk_parity", "hrp"])
def test_another_method_sizes_the_book_inside_the_same_limits(method):
    by = using(sizing={"method": method})
    asked, frame = walk(steady({"DI1_5Y": 0.9, "DOL_1M": -0.8, "IND_2M": 0.7}, [LAST]), RETURNS, [LAST], by)
    assert within_limits(frame, by).passed
    assert book_checks.targets_within(frame, RETURNS, by).passed
    assert frame["target_contracts"].fill_null(0).abs().sum() > 0
    assert set(asked["method"]) == {"black_litterman", method} | set(asked["method"])


def test_a_missing_class_budget_is_an_error():
    with pytest.raises(ValueError, match="risk_share has no entry for equity"):
        _one(SCORES, using(risk_share={"rates": 0.5, "fx": 0.5}))
