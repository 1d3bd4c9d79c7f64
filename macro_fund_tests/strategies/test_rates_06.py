"""RATES-06: moves by hand, the sign, sessions around COPOM meetings, neutrality, what is missing."""

from __future__ import annotations

from datetime import date, timedelta

import polars as pl
import pytest

from macro_fund.settings import default_settings
from macro_fund.strategies.rates_06 import moves, signals
from macro_fund_tests.strategies.events_frames import cast
from macro_fund_tests.strategies.frames import World, monetary_rows, world

PARAMS = default_settings().strategy("RATES-06")
W = world(300)
# COPOM of Wednesday 2 March 2011, and the six sessions up to it.
MEETING, NEXT = date(2011, 3, 2), date(2011, 4, 20)
INSIDE = [date(2011, 2, d) for d in (23, 24, 25, 28)] + [date(2011, 3, 1)]
POLICY = 0.1125


def path(implied: float, t1: float, step2: float, step3: float, premium: float = 0.0) -> pl.DataFrame:
    """agents/monetary_path around the meeting: moves of the next meeting (decimals) and of each rule a meeting."""
    keys = [s for s in W.keys if date(2011, 1, 24) <= s <= date(2011, 3, 10)]
    rows = []
    for s in keys:
        first = (MEETING if s <= date(2011, 3, 3) else NEXT) - s
        for h in (1, 2):
            done = max(first.days, 1) / 45 * 0.2 + (h - 1)
            rows.append(
                {
                    "session": s,
                    "meeting": s + first + timedelta(days=45 * (h - 1)),
                    "horizon": h,
                    "curve_date": s - timedelta(days=1),
                    "policy_rate": POLICY,
                    "implied_rate": POLICY + implied * h,
                    "term_premium": premium,
                    "t1_rate": POLICY + t1,
                    "t2_rate": POLICY + step2 * done,
                    "t3_rate": POLICY + step3 * done,
                }
            )
    return cast("agents/monetary_path", pl.DataFrame(rows))


def rows_of(w: World, frame: pl.DataFrame) -> dict[tuple[date, str], dict[str, object]]:
    rows = signals(w.with_panel(monetary_path=frame).panel, PARAMS, W.keys)
    return {(r["session"], r["instrument"]): r for r in rows.iter_rows(named=True)}


def test_a_decision_is_what_the_rules_move_between_two_meetings() -> None:
    # The day before, the smoothed rule's own path has hardly moved; a decision makes up for the whole interval.
    frame = path(implied=0.0050, t1=0.04, step2=0.0030, step3=0.0020, premium=0.0005)
    row = moves(frame).filter(pl.col("session") == date(2011, 3, 1)).row(0, named=True)
    near = frame.filter((pl.col("session") == date(2011, 3, 1)) & (pl.col("horizon") == 1)).row(0, named=True)
    assert near["t2_rate"] - POLICY < 2e-5
    assert row["model_move"] == pytest.approx(0.0030, abs=1e-12)
    assert row["implied_move"] == pytest.approx(0.0045, abs=1e-12)
    assert row["event"] == MEETING
    # The rule that moves at once can be the one in the middle.
    row = moves(path(0.005, t1=0.0025, step2=0.0030, step3=0.0020)).row(0, named=True)
    assert row["model_move"] == pytest.approx(0.0025, abs=1e-12)


def test_too_much_priced_receives_the_near_contract_until_the_decision_is_known() -> None:
    rows = rows_of(W, path(implied=0.0075, t1=0.04, step2=0.0050, step3=0.0020))
    held = sorted({s for (s, i), r in rows.items() if r["direction"] != 0})
    assert held == [*INSIDE, MEETING]
    for s in held:
        near, far = rows[s, "DI1_3M"], rows[s, "DI1_6M"]
        assert (near["direction"], far["direction"]) == (1, -1)
        assert near["leg_weight"] + far["leg_weight"] == 0  # equal DV01: neutral to a parallel move
        assert near["trade"] == far["trade"]
    assert rows[INSIDE[0], "DI1_3M"]["z"] == pytest.approx((0.0075 - 0.0050) / 0.0015)
    assert rows[INSIDE[0], "DI1_3M"]["signal"] == 1.0
    after = rows[date(2011, 3, 3), "DI1_3M"]
    assert (after["direction"], after["strength"]) == (0, 0.0)


def test_too_little_priced_pays_the_near_contract() -> None:
    rows = rows_of(W, path(implied=0.0025, t1=0.04, step2=0.0050, step3=0.0020))
    assert [rows[INSIDE[2], i]["direction"] for i in ("DI1_3M", "DI1_6M")] == [-1, 1]


def test_a_gap_of_the_last_morning_is_not_traded() -> None:
    quiet, loud = (path(x, t1=0.04, step2=0.0050, step3=0.0020) for x in (0.0052, 0.0090))
    late = pl.concat([quiet.filter(pl.col("session") < MEETING), loud.filter(pl.col("session") >= MEETING)])
    rows = rows_of(W, late)
    assert rows[MEETING, "DI1_3M"]["signal"] == 1.0
    assert not any(r["direction"] for r in rows.values())


def test_what_is_missing_is_said() -> None:
    frame = path(implied=0.0075, t1=0.04, step2=0.0050, step3=0.0020)
    weak = rows_of(W.with_panel(monetary_view=monetary_rows(W.keys, status="degraded")), frame)[MEETING, "DI1_3M"]
    assert (weak["status"], weak["confidence"]) == ("degraded", 0.4)
    none = rows_of(W.with_panel(monetary_view=monetary_rows(W.keys, status="no_view")), frame)[MEETING, "DI1_3M"]
    assert (none["status"], none["signal"], none["direction"]) == ("no_view", None, 0)
    one = rows_of(W, frame.filter(pl.col("horizon") == 1))[MEETING, "DI1_3M"]
    assert one["status"] == "no_view"
    assert "no second meeting" in one["reason"]
    gone = rows_of(W, frame)[date(2010, 6, 1), "DI1_3M"]
    assert "no meeting on the monetary agent's path" in gone["reason"]
    old = rows_of(W, frame.with_columns(curve_date=pl.col("session") - timedelta(days=8)))[MEETING, "DI1_3M"]
    assert "older than a week" in old["reason"]
