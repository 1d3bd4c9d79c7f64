"""What a session may know of past settlements: late, missing, corrected and frozen ones."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from macro_fund.portfolio.history import known_shocks, latest_marks
from macro_fund_tests.portfolio.world import NAMES, market, sessions_of

RETURNS = market(80)
DAYS = sessions_of(RETURNS)


def _known(returns, day):
    """Shocks that `day` may use, by trade date."""
    epoch = known_shocks(returns, NAMES, [day])[0]
    return epoch.trade_dates[: epoch.known[0]], epoch.shocks[: epoch.known[0]]


def _moved(day, instrument, by):
    """The market with one instrument's settlement known `by` sessions later than it was."""
    where = (pl.col("session") == day) & (pl.col("instrument") == instrument)
    return RETURNS.with_columns(
        pl.when(where).then(pl.lit(DAYS[DAYS.index(day) + by])).otherwise("session").alias("session")
    )


def test_a_session_sees_the_settlements_up_to_the_day_before():
    dates, shocks = _known(RETURNS, DAYS[40])
    assert len(dates) == 41
    assert dates[-1] == np.datetime64(RETURNS.filter(session=DAYS[40])["trade_date"][0])
    assert np.isnan(shocks[0]).all()
    assert not np.isnan(shocks[1:]).any()


def test_a_late_settlement_is_unseen_before_it_came_and_seen_after():
    late = _moved(DAYS[30], "DOL_1M", 3)
    column = NAMES.index("DOL_1M")
    assert np.isnan(_known(late, DAYS[32])[1][30, column])
    on_time = _known(RETURNS, DAYS[33])[1]
    np.testing.assert_array_equal(_known(late, DAYS[33])[1], on_time)


@pytest.mark.parametrize("by", [1, 3])
def test_a_range_over_a_late_settlement_equals_each_session_alone(by):
    late = _moved(DAYS[30], "DOL_1M", by)
    for epoch in known_shocks(late, NAMES, DAYS):
        for position, window in epoch.windows(50):
            _, alone = _known(late.filter(pl.col("session") <= DAYS[position]), DAYS[position])
            np.testing.assert_array_equal(window, alone[-50:])


def test_a_correction_counts_from_the_session_that_brought_it():
    row = RETURNS.filter((pl.col("session") == DAYS[30]) & (pl.col("instrument") == "IND_2M"))
    corrected = pl.concat([RETURNS, row.with_columns(session=pl.lit(DAYS[35]), shock=pl.lit(0.5))])
    column = NAMES.index("IND_2M")
    assert _known(corrected, DAYS[34])[1][30, column] == row["shock"][0]
    assert _known(corrected, DAYS[35])[1][30, column] == 0.5


def test_marks_are_of_the_newest_trade_date_only():
    marks = latest_marks(RETURNS, DAYS[-3:])
    assert len(marks) == 3 * len(NAMES)
    late = latest_marks(_moved(DAYS[30], "DOL_1M", 3), DAYS[30:34])
    dol = late.filter(instrument="DOL_1M")["session"].to_list()
    assert dol == [DAYS[31], DAYS[32], DAYS[33]]
    on_time = RETURNS.filter((pl.col("session") == DAYS[33]) & (pl.col("instrument") == "DOL_1M"))["price"][0]
    assert late.filter((pl.col("session") == DAYS[33]) & (pl.col("instrument") == "DOL_1M"))["price"][0] == on_time


def test_a_session_without_any_settlement_has_no_marks():
    assert latest_marks(RETURNS.filter(pl.col("session") != DAYS[50]), [DAYS[50]]).is_empty()


@pytest.mark.parametrize("column", ["price", "dv01_brl"])
def test_a_mark_without_price_or_exposure_is_no_mark(column):
    broken = RETURNS.with_columns(
        pl.when((pl.col("session") == DAYS[-1]) & (pl.col("instrument") == "DOL_1M"))
        .then(float("nan"))
        .otherwise(column)
        .alias(column)
    )
    assert "DOL_1M" not in latest_marks(broken, DAYS[-1:])["instrument"].to_list()


def test_three_sessions_without_a_change_are_frozen_two_are_not():
    price = RETURNS.filter((pl.col("session") == DAYS[60]) & (pl.col("instrument") == "DOL_1M"))["price"][0]
    stuck = RETURNS.with_columns(
        pl.when(pl.col("session").is_between(DAYS[60], DAYS[63]) & (pl.col("instrument") == "DOL_1M"))
        .then(price)
        .otherwise("price")
        .alias("price")
    )
    marks = latest_marks(stuck, DAYS[60:65]).filter(instrument="DOL_1M")
    assert marks["frozen"].to_list() == [False, False, False, True, False]


@pytest.mark.parametrize("sessions", [[], [DAYS[1], DAYS[0]], [DAYS[0], DAYS[0]]])
def test_sessions_must_be_ascending(sessions):
    with pytest.raises(ValueError, match="ascending"):
        known_shocks(RETURNS, NAMES, sessions)
