"""Exposures: DV01 on two nodes, deltas, sums, and the same rows for any window."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from macro_fund.risk.exposures import RATE_NODES, exposures, node_weights, sums_to_targets
from macro_fund.store.tables import TABLES
from macro_fund_tests.portfolio.world import market, sessions_of, settings, targets_frame

RETURNS = market(40)
DAYS = sessions_of(RETURNS)
LAST = DAYS[-1]
INSTRUMENTS = settings().instruments


def book(positions, day=LAST, returns=RETURNS):
    marks = {r["instrument"]: r for r in returns.filter(session=day).to_dicts()}
    return targets_frame(
        [
            {
                "session": day,
                "instrument": name,
                "contract": marks[name]["next_contract"],
                "target_contracts": n,
                "rate": marks[name]["rate"],
                "dv01_brl": None if n is None else n * marks[name]["dv01_brl"],
                "delta_brl": None if n is None else n * marks[name]["delta_brl"],
                "shares": [{"strategy_id": "S", "share": 1.0}] if n else [],
                "status": "ok" if n is not None else "no_view",
                "reason": "" if n is not None else "nothing known",
            }
            for name, n in positions.items()
        ]
    )


def of(positions, returns=RETURNS):
    return exposures(book(positions, returns=returns), returns, INSTRUMENTS, [LAST])


def with_bdays(name, bdays):
    new = pl.when(pl.col("instrument") == name).then(pl.lit(bdays, pl.Int32)).otherwise("bdays")
    return RETURNS.with_columns(new.alias("bdays"))


def test_a_three_year_rate_is_two_thirds_of_two_years_and_a_third_of_five():
    """756 days: (1260 - 756) / (1260 - 504) = 2/3 on 504 days, 1/3 on 1260."""
    rows = of({"DI1_3Y": 30})
    total = 30 * RETURNS.filter(session=LAST, instrument="DI1_3Y")["dv01_brl"][0]
    assert rows["factor"].to_list() == ["di_1260", "di_504"]
    np.testing.assert_allclose(rows["dv01_brl"], [total / 3, 2 * total / 3], rtol=1e-12)
    assert rows["delta_brl"].to_list() == [0.0, 0.0]


@pytest.mark.parametrize(("bdays", "factor"), [(20, "di_63"), (63, "di_63"), (252, "di_252"), (9000, "di_2520")])
def test_on_a_node_and_outside_the_nodes_one_of_them_has_it_all(bdays, factor):
    assert of({"DI1_1Y": -7}, with_bdays("DI1_1Y", bdays))["factor"].to_list() == [factor]


def test_a_dollar_and_an_index_are_deltas_of_their_own_factor():
    rows = of({"DOL_1M": -60, "IND_2M": 90, "DI1_1Y": 0, "DI1_2Y": None})
    assert rows.select("instrument", "factor").rows() == [("DOL_1M", "usdbrl"), ("IND_2M", "ibov")]
    assert rows["delta_brl"][0] < 0 < rows["delta_brl"][1]
    assert rows["dv01_brl"].to_list() == [0.0, 0.0]


def test_an_empty_book_has_no_rows():
    assert of({"DOL_1M": 0}).equals(TABLES["risk/exposures"].empty())


def test_without_its_settlement_a_contract_keeps_the_days_last_known_and_then_its_tenor():
    late = with_bdays("DI1_1Y", 300).filter(~((pl.col("session") == LAST) & (pl.col("instrument") == "DI1_1Y")))
    rows = exposures(book({"DI1_1Y": 5}), late, INSTRUMENTS, [LAST])
    np.testing.assert_allclose(rows["dv01_brl"] / rows["dv01_brl"].sum(), [204 / 252, 48 / 252], rtol=1e-12)
    nothing = exposures(book({"DI1_1Y": 5}), RETURNS.clear(), INSTRUMENTS, [LAST])
    assert nothing["factor"].to_list() == ["di_252"]


def test_a_held_target_without_sensitivities_is_not_taken_for_one_without_risk():
    blind = book({"DI1_1Y": 5}).with_columns(dv01_brl=pl.lit(None, pl.Float64))
    with pytest.raises(ValueError, match="target in DI1_1Y without DV01 or delta"):
        exposures(blind, RETURNS, INSTRUMENTS, [LAST])


def test_a_root_without_a_factor_is_named():
    other = book({"DOL_1M": 5}).with_columns(instrument=pl.lit("GC"))
    with pytest.raises(ValueError, match="contracts of GC have no risk factor"):
        exposures(other, RETURNS, INSTRUMENTS, [LAST])
    with pytest.raises(ValueError, match="target in XX"):
        exposures(other.with_columns(instrument=pl.lit("XX")), RETURNS, INSTRUMENTS, [LAST])


@given(st.lists(st.floats(1, 12000), min_size=1, max_size=8))
def test_weights_are_positive_sum_to_one_and_keep_the_days_between_the_nodes(bdays):
    days = np.array(bdays)
    weights = node_weights(days)
    nodes = np.array(list(RATE_NODES.values()))
    assert (weights >= 0).all()
    assert ((weights > 0).sum(axis=1) <= 2).all()
    np.testing.assert_allclose(weights.sum(axis=1), 1.0, rtol=1e-14)
    np.testing.assert_allclose(weights @ nodes, np.clip(days, 63, 2520), rtol=1e-12)


@given(st.lists(st.integers(-500, 500), min_size=6, max_size=6))
def test_factors_sum_to_the_target(contracts):
    held = book(dict(zip(sorted(RETURNS["instrument"].unique()), contracts, strict=True)))
    frame = exposures(held, RETURNS, INSTRUMENTS, [LAST])
    assert sums_to_targets(frame, held) == []


def test_the_check_sees_another_sum_a_position_left_out_and_one_too_many():
    held = book({"DI1_3Y": 30, "IND_2M": 5})
    frame = exposures(held, RETURNS, INSTRUMENTS, [LAST])
    assert sums_to_targets(frame.with_columns(pl.col("dv01_brl") * (1 + 1e-8)), held)
    assert sums_to_targets(frame.filter(pl.col("instrument") != "IND_2M"), held)
    assert sums_to_targets(frame, held.filter(pl.col("instrument") != "IND_2M"))


def test_a_window_gives_the_rows_of_its_sessions_and_later_settlements_change_nothing():
    days = DAYS[-6:]
    held = pl.concat([book({"DI1_2Y": 5 * k, "DOL_1M": -k}, d) for k, d in enumerate(days)])
    later = with_bdays("DI1_2Y", 9).filter(session=LAST)
    returns = pl.concat([RETURNS.filter(pl.col("session") < LAST), later])
    whole = exposures(held, returns, INSTRUMENTS, days)
    for day in days[:-1]:
        past = pl.col("session") <= day
        assert exposures(held, RETURNS.filter(past), INSTRUMENTS, [day]).equals(whole.filter(session=day))
    assert whole.filter(session=LAST, instrument="DI1_2Y")["factor"].to_list() == ["di_63"]
