"""Margin, cost to close, and days to close that nobody knows without volumes."""

from __future__ import annotations

import polars as pl
import pytest

from macro_fund.instruments.contracts import load_specs
from macro_fund.pms.costs import trade_cost
from macro_fund.risk.liquidity import NO_VOLUME, liquidity
from macro_fund.risk.stress_checks import margins_recomputed
from macro_fund.store.tables import TABLES
from macro_fund_tests.portfolio.world import market, sessions_of
from macro_fund_tests.risk.factor_world import book, settings

RETURNS = market(70)
DAYS = sessions_of(RETURNS)
LAST = DAYS[-1]
POSITIONS = {"DI1_1Y": 0, "DI1_2Y": 1500, "DI1_5Y": -200, "DOL_1M": -60, "IND_2M": None}


def _liquidity(positions, days=(LAST,)):
    return liquidity(book(positions, list(days), RETURNS), RETURNS, settings(), load_specs(), list(days), trade_cost)


def _mark(name):
    return RETURNS.filter(session=LAST, instrument=name).row(0, named=True)


def test_margin_and_cost_of_a_rate_future():
    """150 bp of DV01 from two years on; half a basis point and BRL 0.91 a contract to trade."""
    row = _liquidity({"DI1_2Y": -1500}).row(0, named=True)
    dv01 = _mark("DI1_2Y")["dv01_brl"]
    assert row["margin_brl"] == pytest.approx(1500 * 150 * dv01)
    assert row["close_cost_brl"] == pytest.approx(1500 * (0.5 * dv01 + 0.91), abs=0.01)


def test_margin_and_cost_of_dollars():
    """11% of the notional; half a point of BRL 50 and BRL 5.40 a contract to trade."""
    row = _liquidity({"DOL_1M": -60}).row(0, named=True)
    assert row["margin_brl"] == pytest.approx(60 * 0.11 * _mark("DOL_1M")["delta_brl"])
    assert row["close_cost_brl"] == pytest.approx(60 * (0.5 * 50 + 5.4))


def test_days_to_close_are_not_guessed():
    row = _liquidity({"DOL_1M": -60}).row(0, named=True)
    assert (row["adv_contracts"], row["days"], row["status"], row["reason"]) == (None, None, "degraded", NO_VOLUME)


def test_nothing_held_is_closed_at_once_and_a_missing_target_has_no_number():
    flat, gone = (_liquidity(POSITIONS).filter(instrument=n).row(0, named=True) for n in ("DI1_1Y", "IND_2M"))
    assert (flat["days"], flat["margin_brl"], flat["close_cost_brl"], flat["status"]) == (0.0, 0.0, 0.0, "ok")
    assert (gone["contracts"], gone["margin_brl"], gone["status"]) == (None, None, "no_view")
    assert gone["reason"] == "no listed settlement for IND_2M"


def test_a_contract_that_did_not_settle_is_no_view():
    targets = book({"DI1_2Y": 5}, [LAST], RETURNS).with_columns(contract=pl.lit("DI1F99"))
    row = liquidity(targets, RETURNS, settings(), load_specs(), [LAST], trade_cost).row(0, named=True)
    assert (row["status"], row["reason"]) == ("no_view", "no settlement of DI1F99 in the session")


def test_a_range_gives_the_bytes_of_its_sessions_alone():
    days = DAYS[-6:]
    whole = _liquidity(POSITIONS, days)
    assert whole.schema == TABLES["risk/liquidity"].schema
    for day in days:
        past = RETURNS.filter(pl.col("session") <= day)
        alone = liquidity(book(POSITIONS, [day], RETURNS), past, settings(), load_specs(), [day], trade_cost)
        assert alone.equals(whole.filter(session=day))


def test_the_check_passes_and_can_fail():
    frame, targets = _liquidity(POSITIONS), book(POSITIONS, [LAST], RETURNS)
    rates = {root: spec.margin.value for root, spec in load_specs().items()}
    assert margins_recomputed(frame, targets, settings(), rates).passed
    for column in ("margin_brl", "close_cost_brl"):
        assert not margins_recomputed(frame.with_columns(pl.col(column) * 3), targets, settings(), rates).passed, column
