"""RATES-05: the score by hand, sessions around FOMC meetings, the beta of the DI leg, what is missing."""

from __future__ import annotations

from datetime import date

import numpy as np
import polars as pl
import pytest

from macro_fund.settings import default_settings
from macro_fund.strategies.rates_05 import fomc_score, next_meetings, rolling_beta, signals
from macro_fund_tests.strategies.events_frames import texts
from macro_fund_tests.strategies.frames import World, monetary_rows, world

PARAMS = default_settings().strategy("RATES-05")
W = world(420)
# FOMC of Wednesday 22 June 2011.
BEFORE, MEETING, AFTER = date(2011, 6, 21), date(2011, 6, 22), date(2011, 6, 24)


def planted(policy: float | None, change: float, n_scored: int = 9) -> World:
    view = monetary_rows(W.keys).with_columns(
        us_score=pl.lit(policy, pl.Float64), us_reason=pl.lit("" if policy is not None else "r* outside its range")
    )
    return W.with_panel(monetary_view=view, policy_text=texts(W.keys, [change], n_scored))


def following(w: World, beta: float) -> World:
    """DI1_2Y moves beta times the Treasury future, with a little noise."""
    legs = w.panel.table("silver/leg_returns")
    own = legs.filter(pl.col("instrument") == "DI1_2Y").join(
        legs.filter(pl.col("instrument") == "ZF").select("trade_date", theirs="shock"), on="trade_date", how="left"
    )
    noise = np.random.default_rng(5).normal(0, 0.2, own.height)
    own = own.with_columns(shock=beta * pl.col("theirs") + pl.Series(noise)).drop("theirs")
    return w.with_panel(leg_returns=pl.concat([legs.filter(pl.col("instrument") != "DI1_2Y"), own]))


def rows_of(w: World, instrument: str) -> dict[date, dict[str, object]]:
    rows = signals(w.panel, PARAMS, w.keys).filter(pl.col("instrument") == instrument)
    return {r["session"]: r for r in rows.iter_rows(named=True)}


def test_score_by_hand() -> None:
    frame = pl.DataFrame({"policy": [0.5, -0.5, 0.0, 1.0], "change": [0.25, -0.25, 1.6, 2.0]})
    score = frame.select(fomc_score(pl.col("policy"), pl.col("change"))).to_series().to_list()
    assert score == pytest.approx([-0.4, 0.4, -0.4, -1.0])


def test_the_day_before_a_hawkish_meeting_pays_and_the_day_after_is_flat() -> None:
    rows = rows_of(following(planted(0.8, 0.5), 0.6), "ZF")
    held = {s: r["direction"] for s, r in rows.items() if r["direction"] != 0}
    assert held[BEFORE] == held[MEETING] == -1
    assert AFTER not in held
    assert date(2011, 6, 20) not in held
    assert rows[BEFORE]["signal"] == pytest.approx(-(0.6 * 0.8 + 0.4 * 0.5))
    assert rows[AFTER]["signal"] == pytest.approx(rows[BEFORE]["signal"])
    assert len([s for s in held if date(2011, 6, 1) <= s <= date(2011, 7, 15)]) == 2


def test_a_dovish_mispricing_receives() -> None:
    w = following(planted(-0.8, -0.5), 0.6)
    assert rows_of(w, "ZF")[BEFORE]["direction"] == 1
    assert rows_of(w, "DI1_2Y")[BEFORE]["direction"] == 1


def test_the_local_leg_has_half_the_beta() -> None:
    w = following(planted(0.8, 0.5), 0.6)
    us, here = rows_of(w, "ZF")[BEFORE], rows_of(w, "DI1_2Y")[BEFORE]
    assert here["signal"] == pytest.approx(us["signal"] * 0.5 * 0.6, rel=0.05)
    assert here["direction"] == -1
    assert here["trade"] != us["trade"]
    assert here["strength"] == abs(here["signal"])


def test_rates_that_move_against_the_future_are_left_alone() -> None:
    here = rows_of(following(planted(0.8, 0.5), -0.6), "DI1_2Y")[BEFORE]
    assert (here["direction"], here["strength"], here["signal"]) == (0, 0.0, 0.0)
    assert "half the beta of -0.6" in here["reason"]


def test_without_a_year_of_both_prices_the_local_leg_has_no_view() -> None:
    w = planted(0.8, 0.5)
    legs = w.panel.table("silver/leg_returns")
    short = legs.filter((pl.col("instrument") != "ZF") | (pl.col("session") > W.keys[-100]))
    here = rows_of(w.with_panel(leg_returns=short), "DI1_2Y")[W.keys[-1]]
    assert here["status"] == "no_view"
    assert "beta to the Treasury future is unknown" in here["reason"]


def test_rolling_beta_is_least_squares() -> None:
    rng = np.random.default_rng(3)
    x = rng.normal(0, 1, 40)
    y = 0.4 * x + rng.normal(0, 1, 40)
    beta = rolling_beta(y, x, 30)
    assert np.isnan(beta[:29]).all()
    assert beta[-1] == pytest.approx(np.polyfit(x[-30:], y[-30:], 1)[0], abs=1e-12)
    assert beta[29] == pytest.approx(np.polyfit(x[:30], y[:30], 1)[0], abs=1e-12)
    assert np.isnan(rolling_beta(y, np.ones(40), 30)).all()
    assert np.isnan(rolling_beta(y[:10], x[:10], 30)).all()


def test_unscheduled_meetings_are_no_events() -> None:
    # The meeting of Sunday 15 March 2020 was called that weekend, in place of the one of the 18th.
    grid = pl.DataFrame({"session": [date(2020, 2, 28), date(2020, 3, 13), date(2020, 3, 16)]})
    assert next_meetings(grid)["event"].to_list() == [date(2020, 4, 29)] * 3


def test_what_is_missing_is_said() -> None:
    row = rows_of(planted(None, 0.5), "ZF")[BEFORE]
    assert (row["status"], row["signal"]) == ("no_view", None)
    assert "r* outside its range" in row["reason"]
    old = planted(0.8, 0.5)
    gone = texts(W.keys, [0.5]).filter(pl.col("session") < date(2011, 2, 1))
    row = rows_of(old.with_panel(policy_text=gone), "ZF")[BEFORE]
    assert (row["status"], row["direction"]) == ("no_view", 0)
    assert "no FOMC text" in row["reason"]
    thin = rows_of(planted(0.8, 0.5, n_scored=2), "ZF")[BEFORE]
    assert (thin["status"], thin["confidence"]) == ("degraded", 0.4)


def test_a_version_that_comes_late_does_not_replace_newer_words() -> None:
    w = planted(0.8, 0.5)
    rows = w.panel.table("agents/policy_text").sort("session")
    late = rows.head(1).with_columns(session=pl.lit(BEFORE), change=pl.lit(-1.0), text_sha256=pl.lit("again"))
    again = w.with_panel(policy_text=pl.concat([rows, late]))
    assert rows_of(again, "ZF")[BEFORE]["signal"] == rows_of(w, "ZF")[BEFORE]["signal"]
