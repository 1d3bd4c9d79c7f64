"""Scores and convictions: hand-worked numbers, crowding, views that are missing, and the same bytes for any window."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import settings as limited
from hypothesis import strategies as st

from macro_fund.portfolio.aggregate import conviction
from macro_fund.portfolio.checks import contributions_sum
from macro_fund.store.tables import TABLES
from macro_fund_tests.portfolio.world import (
    market,
    random_signals,
    sessions_of,
    settings,
    signal,
    signals_frame,
)

DAY = date(2024, 5, 6)
INSTRUMENTS = settings().instruments


def _row(rows, instrument="DOL_1M"):
    frame = conviction(signals_frame(rows), INSTRUMENTS, [DAY])
    return frame.filter(instrument=instrument).row(0, named=True)


def test_score_is_the_confidence_weighted_mean_in_the_sense_of_the_asset():
    row = _row(
        [
            signal(DAY, "FX-02", "DOL_1M", 0.6, confidence=0.5),
            signal(DAY, "CROSS-02", "DOL_1M", -0.2, confidence=1.0),
        ]
    )
    assert row["score"] == pytest.approx((0.5 * 0.6 - 1.0 * 0.2) / 1.5, abs=1e-15)
    assert row["agreement"] == pytest.approx(1.0 / 1.5)
    assert row["conviction"] == pytest.approx(0.5 * 0.1 / 1.5 + 0.3 * 0.75 + 0.2 * (1 / 1.5) / 0.8)
    assert [c["strategy_id"] for c in row["contributions"]] == ["CROSS-02", "FX-02"]
    assert row["status"] == "ok"


def test_a_flat_strategy_is_a_view_of_zero_and_dilutes_the_others():
    row = _row([signal(DAY, "FX-02", "DOL_1M", 0.6), signal(DAY, "CROSS-02", "DOL_1M", 0.2, direction=0)])
    assert row["score"] == pytest.approx(0.3)
    assert row["n_signals"] == 2
    assert row["reason"] == "1 of 2 strategies in position"


def test_all_flat_is_a_score_of_zero_with_a_view():
    row = _row([signal(DAY, "FX-02", "DOL_1M", 0.2, direction=0)])
    assert (row["score"], row["status"], row["agreement"]) == (0.0, "ok", None)


@pytest.mark.parametrize(("n", "factor"), [(3, 1.0), (4, 0.5), (6, 0.5)])
def test_crowding_halves_a_unanimous_score_of_four_or_more(n, factor):
    row = _row([signal(DAY, f"S-{k:02d}", "IND_2M", 0.8) for k in range(n)], "IND_2M")
    assert row["score"] == pytest.approx(0.8 * factor)
    assert sum(c["signal"] * c["weight"] for c in row["contributions"]) == pytest.approx(row["score"], abs=1e-12)


def test_crowding_starts_above_four_fifths():
    rows = [signal(DAY, f"S-{k}", "IND_2M", 0.5, confidence=1.0) for k in range(9)]
    rows.append(signal(DAY, "S-9", "IND_2M", -0.5, confidence=1.0))
    assert _row(rows, "IND_2M")["score"] == pytest.approx(0.4 * (1 - 0.5 * 0.1 / 0.2))
    evenly = [signal(DAY, f"S-{k}", "IND_2M", 0.5 if k else -0.5, confidence=1.0) for k in range(5)]
    assert _row(evenly, "IND_2M")["score"] == pytest.approx(0.3)


def test_a_missing_view_is_excluded_and_named_not_counted_as_zero():
    silent = signal(DAY, "CROSS-02", "DOL_1M", None, status="no_view", reason="VIX stale", confidence=None)
    row = _row([signal(DAY, "FX-02", "DOL_1M", 0.6), silent])
    assert row["score"] == pytest.approx(0.6)
    assert (row["status"], row["n_signals"]) == ("degraded", 1)
    assert "no view of CROSS-02: VIX stale" in row["reason"]


def test_nobody_with_a_view_is_no_view_with_the_reasons():
    silent = signal(DAY, "FX-02", "DOL_1M", None, status="no_view", reason="curve missing", confidence=None)
    row = _row([silent])
    assert (row["score"], row["conviction"], row["status"]) == (None, None, "no_view")
    assert row["reason"] == "no view of FX-02: curve missing"
    assert row["contributions"] == []


def test_an_instrument_that_no_strategy_signals_is_no_view():
    row = _row([signal(DAY, "FX-02", "DOL_1M", 0.6)], "IND_2M")
    assert (row["status"], row["reason"]) == ("no_view", "no strategy signals IND_2M")


def test_a_direction_against_its_signal_is_left_out():
    row = _row([signal(DAY, "FX-02", "DOL_1M", 0.6, direction=1)])
    assert row["status"] == "no_view"
    assert "direction contradicts" in row["reason"]


def test_a_degraded_signal_degrades_the_row():
    row = _row([signal(DAY, "FX-02", "DOL_1M", 0.6, status="degraded", reason="PTAX old")])
    assert (row["score"], row["status"]) == (0.6, "degraded")
    assert "FX-02 degraded: PTAX old" in row["reason"]


@pytest.mark.parametrize("value", [float("nan"), None])
def test_a_signal_without_a_number_has_no_view(value):
    assert _row([signal(DAY, "FX-02", "DOL_1M", 0.6) | {"signal": value}])["status"] == "no_view"


def test_bad_input_is_named():
    with pytest.raises(ValueError, match="NTNB_10Y"):
        _row([signal(DAY, "X", "NTNB_10Y", 0.1)])
    with pytest.raises(ValueError, match="FX-02 signals DOL_1M twice on 2024-05-06"):
        _row([signal(DAY, "FX-02", "DOL_1M", 0.1), signal(DAY, "FX-02", "DOL_1M", 0.2)])


def test_every_session_and_instrument_has_a_row_of_the_declared_shape():
    days = sessions_of(market(40))
    frame = conviction(random_signals(days), INSTRUMENTS, days)
    assert frame.schema == TABLES["portfolio/conviction"].schema
    assert len(frame) == len(days) * len(INSTRUMENTS)


def test_a_range_gives_the_bytes_of_its_sessions_alone():
    days = sessions_of(market(60))
    signals = random_signals(days).sample(fraction=0.8, seed=1)
    whole = conviction(signals, INSTRUMENTS, days)
    for day in days[::7]:
        known = signals.filter(session=day)
        assert conviction(known, INSTRUMENTS, [day]).equals(whole.filter(session=day))


@limited(max_examples=60)
@given(
    st.lists(
        st.tuples(st.floats(-1, 1, allow_subnormal=False), st.floats(0.01, 1), st.booleans()), min_size=1, max_size=9
    )
)
def test_contributions_sum_bounds_hold_and_order_does_not_matter(votes):
    rows = [
        signal(DAY, f"S-{k}", "IND_2M", s, confidence=c, **({"direction": 0} if out else {}))
        for k, (s, c, out) in enumerate(votes)
    ]
    frame = conviction(signals_frame(rows), INSTRUMENTS, [DAY])
    assert contributions_sum(frame).passed
    row = frame.filter(instrument="IND_2M").row(0, named=True)
    assert abs(row["score"]) <= 1 + 1e-12
    assert 0 <= row["conviction"] <= 1 + 1e-12
    assert conviction(signals_frame(rows).reverse(), INSTRUMENTS, [DAY]).equals(frame)


def test_the_sum_check_can_fail():
    frame = conviction(signals_frame([signal(DAY, "FX-02", "DOL_1M", 0.6)]), INSTRUMENTS, [DAY])
    assert contributions_sum(frame).passed
    assert not contributions_sum(frame.with_columns(score=frame["score"] + 1e-6)).passed
