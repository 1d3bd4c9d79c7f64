"""INF-02: days of release, the scale of surprises, the sign, sessions around a release, what is missing."""

from __future__ import annotations

from datetime import date

import numpy as np
import polars as pl
import pytest

from macro_fund.settings import default_settings
from macro_fund.strategies.inf_02 import RELEASE, release_days, signals, surprise_scale
from macro_fund_tests.strategies.events_frames import monthly_focus, path_of
from macro_fund_tests.strategies.frames import World, world

PARAMS = default_settings().strategy("INF-02")
W = world(320)
KEYS = W.keys
N = len(KEYS)
SURPRISES = np.tile([0.001, -0.001], 150)
# IPCA of January 2011 by the rule of the catalogue: 11 days after the end of the month.
RELEASED = date(2011, 2, 11)
HELD = [date(2011, 2, 8), date(2011, 2, 9), date(2011, 2, 10), RELEASED]


def planted(nowcast: float, median: float, status: str = "ok", surprises: np.ndarray = SURPRISES) -> World:
    path = path_of(KEYS, np.full(N, 0.0), status).with_columns(
        rate=pl.when(pl.col("months_ahead") == 1).then(nowcast).otherwise(0.004)
    )
    other = W.panel.table("silver/focus").filter(pl.col("feature_id") == "br_focus_selic_annual")
    focus = monthly_focus(KEYS, np.full(N, median), surprises)
    return W.with_panel(inflation_path=path, focus=pl.concat([other, focus]).sort("session", "feature_id", "reference"))


def rows_of(w: World, instrument: str = "DAP_2Y") -> dict[date, dict[str, object]]:
    rows = signals(w.panel, PARAMS, w.keys).filter(pl.col("instrument") == instrument)
    return {r["session"]: r for r in rows.iter_rows(named=True)}


def test_days_of_release() -> None:
    months = pl.Series([date(2011, 1, 1), date(2022, 1, 1), date(2026, 10, 1)])
    # The last two are announced days; the first is the rule's.
    assert release_days(months).to_list() == [RELEASED, date(2022, 2, 9), date(2026, 11, 12)]
    catalogue = next(s for s in default_settings().series if s.id == "br_ipca_mom")
    assert catalogue.publication == RELEASE


def test_the_scale_is_the_deviation_of_the_last_surprises() -> None:
    values = np.random.default_rng(2).normal(0, 0.001, 300)
    focus = monthly_focus(KEYS, np.full(N, 0.004), values)
    scale = surprise_scale(focus, 6, 4)
    known = focus.filter(pl.col("feature_id") == "ipca_surprise").unique("event_date", maintain_order=True)
    assert scale.height == known["event_date"].n_unique()
    assert scale["sd"].null_count() == 3
    newest = known.sort("event_date")["value"].to_numpy()[-6:]
    assert scale["sd"][-1] == pytest.approx(newest.std(ddof=1), abs=1e-15)


def test_a_nowcast_above_focus_is_long_breakeven_from_three_days_before_to_the_release() -> None:
    w = planted(nowcast=0.0058, median=0.0050)
    real, nominal = rows_of(w), rows_of(w, "DI1_2Y")
    held = [s for s, r in real.items() if r["direction"] != 0 and s.year == 2011 and s.month == 2]
    assert held == HELD
    assert [nominal[s]["direction"] for s in held] == [-1] * 4
    assert [real[s]["direction"] for s in held] == [1] * 4
    assert all(real[s]["leg_weight"] + nominal[s]["leg_weight"] == 0 for s in held)
    # Fourteen surprises are known, November 2009 to December 2010: seven of each sign.
    expected = 0.0008 / (0.001 * np.sqrt(14 / 13))
    assert real[HELD[0]]["z"] == pytest.approx(expected, rel=0.01)
    assert real[HELD[0]]["signal"] == pytest.approx(min(expected, 1.0), rel=0.01)


def test_a_nowcast_below_focus_is_short_breakeven() -> None:
    w = planted(nowcast=0.0030, median=0.0050)
    assert [rows_of(w, i)[HELD[0]]["direction"] for i in ("DAP_2Y", "DI1_2Y")] == [-1, 1]


def test_an_agreement_is_not_traded() -> None:
    assert not any(r["direction"] for r in rows_of(planted(0.0052, 0.0050)).values())


def test_what_is_missing_is_said() -> None:
    w = planted(0.0065, 0.0050)
    stale = w.panel.table("silver/focus").with_columns(status=pl.lit("stale"))
    row = rows_of(w.with_panel(focus=stale))[HELD[0]]
    assert (row["status"], row["direction"]) == ("no_view", 0)
    assert "stale" in row["reason"]
    none = w.panel.table("silver/focus").filter(pl.col("feature_id") != "br_focus_ipca_month")
    assert "Focus has no median for 2011-01" in rows_of(w.with_panel(focus=none))[HELD[0]]["reason"]
    early = rows_of(w)[KEYS[5]]
    assert "too few surprises" in early["reason"]
    gone = w.panel.table("agents/inflation_path").filter(pl.col("session") > HELD[-1])
    assert "no nowcast" in rows_of(w.with_panel(inflation_path=gone))[HELD[0]]["reason"]
    weak = rows_of(planted(0.0065, 0.0050, status="degraded"))[HELD[0]]
    assert (weak["status"], weak["direction"]) == ("degraded", 1)
    assert weak["confidence"] <= 0.4
