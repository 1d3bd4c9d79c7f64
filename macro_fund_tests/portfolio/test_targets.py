"""Target contracts: hand-worked sizes, limits, integers, shares, missing prices, and the same bytes for any window."""

from __future__ import annotations

from decimal import Decimal

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import settings as limited
from hypothesis import strategies as st

from macro_fund.portfolio.aggregate import conviction
from macro_fund.portfolio.checks import shares_sum, signs_follow_score, within_limits
from macro_fund.portfolio.covariance import ewma_vol, shrunk_covariance
from macro_fund.portfolio.targets import targets
from macro_fund.store.tables import TABLES
from macro_fund_tests.portfolio.world import (
    NAMES,
    market,
    random_signals,
    sessions_of,
    settings,
    signal,
    signals_frame,
)

RETURNS = market(330)
DAYS = sessions_of(RETURNS)
LAST = DAYS[-1]
SETTINGS = settings()


def _settings(nav=None, limits=None, **fund):
    money = {"nav_brl": Decimal(nav)} if nav else {}
    return SETTINGS.model_copy(
        update={
            "fund": SETTINGS.fund.model_copy(update=money | fund),
            "limits": SETTINGS.limits.model_copy(update=limits or {}),
        }
    )


def _views(scores, day=LAST):
    rows = [signal(day, "S-01", name, value) for name, value in scores.items()]
    return conviction(signals_frame(rows), SETTINGS.instruments, [day])


def _targets(scores, using=SETTINGS, returns=RETURNS):
    frame = targets(_views(scores), returns, using, [LAST])
    return {row["instrument"]: row for row in frame.to_dicts()}


def _sigma(name):
    rows = RETURNS.filter(instrument=name)
    vol = ewma_vol(rows["shock"].to_numpy()[1:, None])[-1, 0]
    return vol * max(rows["dv01_brl"][-1], rows["delta_brl"][-1])


def test_long_brl_is_short_dol_sized_to_the_class_budget():
    row = _targets({"DOL_1M": 0.5})["DOL_1M"]
    asked = -0.5 * 100e6 * 0.10 * 0.3 / (np.sqrt(252) * _sigma("DOL_1M"))
    assert row["unrounded"] == pytest.approx(asked, rel=1e-12)
    assert row["target_contracts"] == int(asked) < 0
    assert row["delta_brl"] == row["target_contracts"] * row["price"] * 50 < 0
    assert row["sigma_brl"] == pytest.approx(_sigma("DOL_1M"), rel=1e-12)
    assert (row["dv01_brl"], row["binding_constraint"]) == (0.0, "risk_share")


def test_receiving_rates_is_long_pu_with_a_positive_dv01():
    row = _targets({"DI1_2Y": 0.4})["DI1_2Y"]
    assert row["target_contracts"] > 0
    assert row["dv01_brl"] > 0
    assert _targets({"DI1_2Y": -0.4})["DI1_2Y"]["target_contracts"] == -row["target_contracts"]


def test_instruments_of_a_class_share_its_budget_by_score():
    alone = _targets({"DI1_2Y": 0.4})
    both = _targets({"DI1_2Y": 0.4, "DI1_5Y": -0.2})
    assert both["DI1_2Y"]["unrounded"] == pytest.approx(alone["DI1_2Y"]["unrounded"] * 0.4 / 0.6)
    asked = -0.2 * (0.2 / 0.6) * 100e6 * 0.10 * 0.5 / (np.sqrt(252) * _sigma("DI1_5Y"))
    assert both["DI1_5Y"]["unrounded"] == pytest.approx(asked)


def test_a_flat_score_is_a_target_of_zero_not_a_missing_one():
    frame = conviction(signals_frame([signal(LAST, "S", "DOL_1M", 0.2, direction=0)]), SETTINGS.instruments, [LAST])
    row = targets(frame, RETURNS, SETTINGS, [LAST]).filter(instrument="DOL_1M").row(0, named=True)
    assert (row["target_contracts"], row["status"], row["binding_constraint"], row["shares"]) == (0, "ok", "none", [])


@pytest.mark.parametrize(
    ("name", "limit", "measure"),
    [("DI1_3Y", "br_dv01", "dv01_brl"), ("DOL_1M", "fx_net", "delta_brl"), ("IND_2M", "equity_net", "delta_brl")],
)
def test_a_class_limit_binds_and_is_named(name, limit, measure):
    free = _targets({name: 1.0})[name]
    cap = abs(free[measure]) * 0.437 / 100e6
    row = _targets({name: 1.0}, _settings(limits={limit: cap}))[name]
    assert row["binding_constraint"] == limit
    assert abs(row[measure]) <= cap * 100e6
    assert abs(row["target_contracts"]) == int(abs(free["target_contracts"]) * 0.437)


def test_the_contract_cap_binds_and_is_named():
    capped = SETTINGS.model_copy(
        update={"instruments": tuple(i.model_copy(update={"max_contracts": 7}) for i in SETTINGS.instruments)}
    )
    row = _targets({"IND_2M": 1.0}, capped)["IND_2M"]
    assert (row["target_contracts"], row["binding_constraint"]) == (7, "max_contracts")


def test_the_whole_fund_stays_inside_the_volatility_target():
    generous = _settings(
        vol_target=0.04,
        risk_share={"rates": 1.0, "fx": 1.0, "equity": 1.0},
        limits={"br_dv01": 1.0, "fx_net": 1.0, "equity_net": 1.0},
    )
    rows = _targets({"DI1_2Y": 1.0, "DOL_1M": 1.0, "IND_2M": 1.0}, generous)
    held = {n: r for n, r in rows.items() if r["target_contracts"]}
    assert {r["binding_constraint"] for r in held.values()} == {"vol_target"}
    wide = RETURNS.pivot(on="instrument", index="trade_date", values="shock").select(list(held)).drop_nulls().to_numpy()
    weights = np.array([r["sigma_brl"] * r["target_contracts"] for r in held.values()]) * [-1, 1, 1]
    sample = float(np.sqrt(252 * weights @ np.corrcoef(wide.T) @ weights))
    assert 0.9 * 0.04 * 100e6 < sample <= 1.1 * 0.04 * 100e6


def test_without_a_common_history_correlations_count_as_one():
    """DOL and IND have 70 shocks each, but share only 10 days: the fund's volatility is the sum of the two."""
    generous = _settings(
        vol_target=0.02,
        risk_share={"rates": 1.0, "fx": 1.0, "equity": 1.0},
        limits={"br_dv01": 1.0, "fx_net": 1.0, "equity_net": 1.0},
    )
    apart = RETURNS.with_columns(
        pl.when(
            ((pl.col("instrument") == "DOL_1M") & ~pl.col("session").is_between(DAYS[-130], DAYS[-60]))
            | ((pl.col("instrument") == "IND_2M") & (pl.col("session") < DAYS[-70]))
        )
        .then(None)
        .otherwise("shock")
        .alias("shock")
    )
    rows = _targets({"DOL_1M": 1.0, "IND_2M": 1.0}, generous, apart)
    alone = sum(abs(rows[n]["target_contracts"]) * rows[n]["sigma_brl"] for n in ("DOL_1M", "IND_2M"))
    assert 0.97 * 0.02 * 100e6 < np.sqrt(252) * alone <= 0.02 * 100e6


def test_less_than_one_contract_becomes_none_and_says_so():
    row = _targets({"DOL_1M": 0.5}, _settings(nav="50000.00"))["DOL_1M"]
    assert row["target_contracts"] == 0
    assert row["unrounded"] != 0
    assert row["binding_constraint"] == "integer"
    assert row["shares"] == [{"strategy_id": "S-01", "share": 1.0}]


SCORES = dict.fromkeys(NAMES, 0.5)


def test_no_settlement_is_no_view_and_the_others_proceed():
    hole = RETURNS.filter(~((pl.col("session") == LAST) & (pl.col("instrument") == "DOL_1M")))
    rows, whole = _targets(SCORES, returns=hole), _targets(SCORES)
    dol = rows.pop("DOL_1M")
    assert (dol["target_contracts"], dol["dv01_brl"], dol["delta_brl"], dol["unrounded"]) == (None,) * 4
    assert (dol["status"], dol["reason"]) == ("no_view", "no listed settlement for DOL_1M")
    assert rows == {n: r for n, r in whole.items() if n != "DOL_1M"}


def test_no_settlement_file_is_no_view_for_all():
    rows = _targets(SCORES, returns=RETURNS.filter(pl.col("session") != LAST))
    assert {r["status"] for r in rows.values()} == {"no_view"}


def test_a_frozen_price_is_no_view():
    price = RETURNS.filter((pl.col("session") == DAYS[-4]) & (pl.col("instrument") == "IND_2M"))["price"][0]
    stuck = RETURNS.with_columns(
        pl.when((pl.col("session") >= DAYS[-4]) & (pl.col("instrument") == "IND_2M"))
        .then(price)
        .otherwise("price")
        .alias("price")
    )
    row = _targets(SCORES, returns=stuck)["IND_2M"]
    assert row["target_contracts"] is None
    assert row["reason"] == "settlement of IND_2M unchanged for 3 sessions: frozen"


def test_a_short_history_is_no_view_until_63_shocks():
    young = RETURNS.filter((pl.col("instrument") != "DI1_5Y") | (pl.col("session") > DAYS[-64]))
    row = _targets(SCORES, returns=young)["DI1_5Y"]
    assert row["target_contracts"] is not None
    younger = RETURNS.filter((pl.col("instrument") != "DI1_5Y") | (pl.col("session") > DAYS[-63]))
    row = _targets(SCORES, returns=younger)["DI1_5Y"]
    assert row["target_contracts"] is None
    assert row["reason"] == "DI1_5Y has 62 of the 63 daily shocks that a volatility needs"


def test_a_missing_conviction_passes_its_reason_on():
    rows = _targets({"DOL_1M": 0.5})
    assert rows["IND_2M"]["status"] == "no_view"
    assert rows["IND_2M"]["reason"] == "no strategy signals IND_2M"
    bare = targets(_views(SCORES).filter(pl.col("instrument") != "IND_2M"), RETURNS, SETTINGS, [LAST])
    assert bare.filter(instrument="IND_2M")["reason"][0] == "no conviction row for IND_2M"


def test_shares_go_to_the_strategies_that_push_the_score():
    rows = [
        signal(LAST, "A", "DOL_1M", 0.8, confidence=0.5),
        signal(LAST, "B", "DOL_1M", -0.3, confidence=0.5),
        signal(LAST, "C", "DOL_1M", 0.4, confidence=0.5),
        signal(LAST, "D", "DOL_1M", 0.4, confidence=0.5, direction=0),
    ]
    frame = targets(conviction(signals_frame(rows), SETTINGS.instruments, [LAST]), RETURNS, SETTINGS, [LAST])
    shares = frame.filter(instrument="DOL_1M")["shares"][0].to_list()
    assert [s["strategy_id"] for s in shares] == ["A", "B", "C", "D"]
    assert [s["share"] for s in shares] == pytest.approx([2 / 3, 0, 1 / 3, 0])


def test_a_missing_class_budget_is_an_error():
    with pytest.raises(ValueError, match="risk_share has no entry for equity"):
        _targets(SCORES, _settings(risk_share={"rates": 0.5, "fx": 0.5}))


def _history():
    days = DAYS[-40:]
    views = conviction(random_signals(days), SETTINGS.instruments, days)
    return days, views, targets(views, RETURNS, SETTINGS, days)


def test_a_range_gives_the_bytes_of_its_sessions_alone():
    days, views, whole = _history()
    assert whole.schema == TABLES["portfolio/targets"].schema
    for day in days[::9]:
        past = pl.col("session") <= day
        assert targets(views.filter(past), RETURNS.filter(past), SETTINGS, [day]).equals(whole.filter(session=day))


def test_what_is_known_later_changes_nothing():
    days, views, whole = _history()
    after = pl.col("session") > days[20]
    poisoned = RETURNS.with_columns(
        pl.when(after).then(pl.col(c) * -1e6).otherwise(c).alias(c) for c in ("price", "shock", "dv01_brl")
    )
    early = pl.col("session") <= days[20]
    assert targets(views, poisoned, SETTINGS, days).filter(early).equals(whole.filter(early))


@pytest.mark.parametrize("column", ["shock", "dv01_brl"])
def test_a_changed_input_moves_the_target(column):
    nudged = RETURNS.with_columns(
        pl.when((pl.col("session") == LAST) & (pl.col("instrument") == "DI1_2Y"))
        .then(pl.col(column) * 3 + 1)
        .otherwise(column)
        .alias(column)
    )
    assert _targets(SCORES, returns=nudged)["DI1_2Y"]["unrounded"] != _targets(SCORES)["DI1_2Y"]["unrounded"]


def test_the_table_checks_pass_and_can_fail():
    _, _, whole = _history()
    for check in (shares_sum(whole), signs_follow_score(whole, SETTINGS), within_limits(whole, SETTINGS)):
        assert check.passed, check
    assert not signs_follow_score(whole.with_columns(score=-whole["score"]), SETTINGS).passed
    assert not within_limits(whole.with_columns(dv01_brl=whole["dv01_brl"] * 50), SETTINGS).passed
    assert not within_limits(whole.with_columns(target_contracts=whole["target_contracts"] * 10**6), SETTINGS).passed
    disowned = whole.with_columns(shares=whole["shares"].list.head(0))
    assert not shares_sum(disowned).passed


SIDES = np.array([-1, -1, -1, -1, 1, 1])
SHOCKS = RETURNS.pivot(on="instrument", index="trade_date", values="shock").select(NAMES).drop_nulls().to_numpy()
CORRELATION = shrunk_covariance(SHOCKS / SHOCKS.std(axis=0))


@limited(max_examples=40)
@given(
    scores=st.lists(st.floats(-1, 1, allow_subnormal=False), min_size=6, max_size=6),
    nav=st.integers(10_000, 10**10),
    vol_target=st.floats(0.01, 0.5),
    share=st.floats(0.05, 1.0),
)
def test_limits_hold_and_truncation_adds_no_more_risk_than_it_cuts(scores, nav, vol_target, share):
    using = _settings(nav=f"{nav}.00", vol_target=vol_target, risk_share={"rates": share, "fx": share, "equity": share})
    frame = targets(_views(dict(zip(NAMES, scores, strict=True))), RETURNS, using, [LAST])
    assert within_limits(frame, using).passed
    assert signs_follow_score(frame, using).passed
    assert shares_sum(frame).passed
    assert (frame["target_contracts"].abs() <= frame["unrounded"].abs() + 1e-9).all()
    sigma = frame["sigma_brl"].to_numpy()
    weights = frame["target_contracts"].to_numpy() * sigma * SIDES
    # Cutting a fraction of a contract off a leg that hedges another may leave more risk, but not more than was cut.
    cut = (frame["unrounded"].abs() - frame["target_contracts"].abs()).clip(0, 1).to_numpy() @ sigma
    vol = np.sqrt(252 * max(weights @ CORRELATION @ weights, 0))
    assert vol <= vol_target * nav * (1 + 1e-9) + np.sqrt(252) * cut
