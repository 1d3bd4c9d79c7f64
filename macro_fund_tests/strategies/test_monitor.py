"""Signal monitor: each kind of event planted by hand, its bar, its silence, and the same rows in any window."""

from __future__ import annotations

from datetime import date

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from macro_fund.settings import default_settings
from macro_fund.store.tables import TABLES
from macro_fund.strategies.monitor import LOOK_BACK, TABLE, monitor
from macro_fund_tests.strategies.frames import table

SCHEMA = TABLES["signals/fx_02"].schema
INSTRUMENTS = default_settings().instruments
DAYS = table().keys(date(2020, 1, 2), date(2020, 12, 30))[:90]


def row(strategy: str, day: int, instrument: str = "DOL_1M", **more: object) -> dict[str, object]:
    """One leg: flat, z 0, with a view, unless told."""
    base = {
        "session": DAYS[day],
        "strategy_id": strategy,
        "trade": instrument,
        "instrument": instrument,
        "signal": 0.0,
        "z": 0.0,
        "direction": 0,
        "strength": 0.0,
        "leg_weight": 1.0,
        "horizon_days": 21,
        "confidence": 0.8,
        "status": "ok",
        "reason": "",
    }
    return {**base, **more}


def held(strategy: str, day: int, side: float, instrument: str = "DOL_1M", **more: object) -> dict[str, object]:
    """Long (+) or short (-) the asset at the strength |side|: long BRL is short DOL."""
    sign = {i.id: i.asset_sign for i in INSTRUMENTS}[instrument]
    more = {"direction": (1 if side > 0 else -1) * sign, "strength": abs(side), "signal": side, **more}
    return row(strategy, day, instrument, **more)


def events(rows: list[dict[str, object]], day: int = 40) -> list[dict[str, object]]:
    frame = pl.DataFrame(rows, schema=SCHEMA)
    found = monitor(frame, INSTRUMENTS, [DAYS[day]])
    assert found.schema == TABLES[TABLE].schema
    return list(found.filter(pl.col("kind") != "summary").iter_rows(named=True))


def test_a_flip_is_a_turn_not_an_entry() -> None:
    assert events([held("FX-01", 39, 0.6), row("FX-01", 40)]) == []
    assert events([row("FX-01", 39), held("FX-01", 40, 0.6)]) == []
    (flip,) = events([held("FX-01", 39, 0.6), held("FX-01", 40, -0.5)])
    assert (flip["kind"], flip["strategies"], flip["before"], flip["value"]) == ("flip", "FX-01", -1.0, 1.0)
    assert flip["text"] == "FX-01 turns DOL_1M from short to long"


def test_a_session_without_a_view_does_not_hide_a_flip() -> None:
    silent = row("FX-01", 39, status="no_view", signal=None, z=None, confidence=None)
    (flip,) = events([held("FX-01", 38, 0.6), silent, held("FX-01", 40, -0.5)])
    assert flip["kind"] == "flip"


@pytest.mark.parametrize(("z", "found"), [(1.5, 0), (1.51, 1), (-1.6, 1)])
def test_a_surge_is_beyond_a_move_and_a_half_in_five_sessions(z: float, found: int) -> None:
    rows = [row("FX-01", d, z=0.0) for d in range(35, 40)] + [row("FX-01", 40, z=z)]
    surges = events(rows)
    assert len(surges) == found
    if found:
        assert (surges[0]["kind"], surges[0]["value"], surges[0]["before"]) == ("surge", z, 0.0)
    # The same move over six sessions is none.
    rows[0]["z"] = z
    assert events(rows) == []


def test_a_surge_needs_both_ends_and_is_told_once_a_trade() -> None:
    start = [row("R", d, i, trade="2s5s", z=0.0) for d in range(35, 40) for i in ("DI1_2Y", "DI1_5Y")]
    end = [row("R", 40, i, trade="2s5s", z=2.0) for i in ("DI1_2Y", "DI1_5Y")]
    assert [e["subject"] for e in events(start + end)] == ["2s5s"]
    assert events([{**r, "z": None} for r in start] + end) == []


@pytest.mark.parametrize(("short", "found"), [(-0.51, 1), (-0.5, 0), (0.9, 0)])
def test_two_strong_strategies_on_opposite_sides_diverge(short: float, found: int) -> None:
    seen = events([held("FX-01", 40, 0.8), held("FX-03", 40, short)])
    assert len(seen) == found
    if found:
        assert (seen[0]["kind"], seen[0]["subject"], seen[0]["strategies"]) == ("divergence", "brl", "FX-01, FX-03")
        assert (seen[0]["value"], seen[0]["before"]) == (0.8, short)


def test_assets_do_not_diverge_with_each_other_and_neutral_legs_hold_nothing() -> None:
    assert events([held("FX-01", 40, 0.8), held("CROSS-02", 40, -0.8, "IND_2M")]) == []
    steepener = [
        held("FISC-01", 40, -0.9, "DI1_5Y", trade="steepener"),
        held("FISC-01", 40, 0.9, "DI1_1Y", trade="steepener"),
    ]
    assert events([*steepener, held("RATES-02", 40, 0.9, "DI1_2Y")]) == []


def test_four_strategies_on_one_side_crowd() -> None:
    four = [held(f"S-{k}", 40, 0.4) for k in range(4)]
    (crowd,) = events(four)
    assert (crowd["kind"], crowd["subject"], crowd["value"]) == ("crowding", "brl", 1.0)
    assert crowd["strategies"] == "S-0, S-1, S-2, S-3"
    assert "100.0% of the strength of 4 strategies is long" in crowd["text"]
    assert events(four[:3]) == []
    # 1.6 of 2.0 is 80%, not more.
    assert events([*four, held("S-9", 40, -0.4)]) == []
    (still,) = events([*four, held("S-9", 40, -0.3)])
    assert still["value"] == pytest.approx(1.6 / 1.9)
    (short,) = events([held(f"S-{k}", 40, -0.4) for k in range(4)])
    assert "is short" in short["text"]


def test_the_summary_counts() -> None:
    rows = [
        held("FX-01", 39, 0.8),
        held("FX-01", 40, -0.8),
        held("FX-03", 40, 0.8),
        row("FX-04", 40, status="no_view", signal=None, z=None, confidence=None),
    ]
    found = monitor(pl.DataFrame(rows, schema=SCHEMA), INSTRUMENTS, [DAYS[40]])
    said = found.filter(pl.col("kind") == "summary").row(0, named=True)
    assert said["value"] == 2.0 == found.height - 1
    assert said["text"] == (
        "2 of 3 strategies have a view and 2 a position; flips 1, surges 0, divergences 1, crowded assets 0"
    )


def test_a_session_without_rows_has_a_summary_too() -> None:
    found = monitor(pl.DataFrame([], schema=SCHEMA), INSTRUMENTS, DAYS[:2])
    assert found["kind"].to_list() == ["summary", "summary"]
    with pytest.raises(ValueError, match="give at least one"):
        monitor(pl.DataFrame([], schema=SCHEMA), INSTRUMENTS, [])


@settings(max_examples=15)
@given(st.integers(0, 2**31), st.integers(LOOK_BACK + 1, 80))
def test_any_window_gives_the_same_rows(seed: int, at: int) -> None:
    rng = np.random.default_rng(seed)
    rows = []
    for strategy in ("A", "B", "C", "D", "E"):
        for day in range(len(DAYS)):
            side = float(rng.choice([-0.9, -0.4, 0.0, 0.4, 0.9]))
            z = float(rng.normal())
            if rng.random() < 0.1:
                rows.append(row(strategy, day, status="no_view", signal=None, z=None, confidence=None))
            else:
                rows.append(held(strategy, day, side, z=z) if side else row(strategy, day, z=z))
    frame = pl.DataFrame(rows, schema=SCHEMA)
    whole = monitor(frame, INSTRUMENTS, DAYS)
    alone = monitor(frame.filter(pl.col("session") <= DAYS[at]), INSTRUMENTS, [DAYS[at]])
    recent = monitor(frame.filter(pl.col("session") >= DAYS[at - LOOK_BACK]), INSTRUMENTS, DAYS[at : at + 5])
    assert_frame_equal(whole.filter(pl.col("session") == DAYS[at]), alone, check_exact=True)
    assert_frame_equal(whole.filter(pl.col("session").is_in(DAYS[at : at + 5])), recent, check_exact=True)
