"""RATES-04: expected Selic by hand, the sign, a forward's legs, silences."""

from __future__ import annotations

from datetime import date

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from macro_fund.settings import default_settings
from macro_fund.strategies.rates_04 import forward_weight, mean_expected, signals
from macro_fund_tests.strategies.frames import World, world

PARAMS = default_settings().strategy("RATES-04")
W = world(500)


def last(w: World) -> dict[tuple[str, str], dict[str, object]]:
    rows = signals(w.panel, PARAMS, w.keys[-1:])
    return {(r["trade"], r["instrument"]): r for r in rows.iter_rows(named=True)}


def test_expected_selic_by_hand() -> None:
    new_year, midsummer = pl.Series([date(2015, 1, 1)]), pl.Series([date(2015, 7, 2)])
    flat = np.full((1, 4), 0.12)
    assert mean_expected(flat, new_year, 1)[0] == pytest.approx(0.12, abs=1e-14)
    # 2015 ends at 14%, 2016 at 12%, 2017 at 10%, 2018 at 9%, in straight lines.
    path = np.array([[0.14, 0.12, 0.10, 0.09]])
    assert mean_expected(path, new_year, 1)[0] == pytest.approx(0.13, abs=1e-4)
    assert mean_expected(path, new_year, 2)[0] == pytest.approx(0.11, abs=1e-4)
    # From mid-2016 to mid-2017: 13% to 12% to 11%.
    assert mean_expected(path, midsummer, 1)[0] == pytest.approx(0.12, abs=1e-4)
    # From mid-2017 to mid-2018: half a year from 11% to 10%, half from 10% to 9.5%.
    assert mean_expected(path, midsummer, 2)[0] == pytest.approx(0.5 * (0.105 + 0.0975), abs=1e-4)
    assert np.isfinite(mean_expected(path, pl.Series([date(2016, 12, 31)]), 2)[0])
    with pytest.raises(ValueError, match="from 1 to 2 years ahead"):
        mean_expected(path, new_year, 3)


@given(st.floats(0.02, 0.2), st.floats(0.02, 0.2), st.integers(60, 700), st.integers(120, 400), st.floats(-3, 3))
@settings(max_examples=100)
def test_a_move_of_the_near_rate_at_an_unchanged_forward_is_neutral(
    near: float, forward: float, n1: int, gap: int, move_bp: float
) -> None:
    t1, t2 = n1 / 252, (n1 + gap) / 252

    def pus(rate: float) -> tuple[float, float]:
        first = (1 + rate) ** -t1
        return 1e5 * first, 1e5 * first * (1 + forward) ** -(t2 - t1)

    one, two = pus(near)
    far = (1e5 / two) ** (1 / t2) - 1
    dv01 = [1e-4 * t1 / (1 + near) * one, 1e-4 * t2 / (1 + far) * two]
    weight = float(forward_weight(*(np.array([v]) for v in (t1, t2, near, far)))[0])
    moved = pus(near + move_bp * 1e-4)
    # One unit of DV01 in the far leg, `weight` of it in the near one.
    gain = (moved[1] - two) / dv01[1] + weight * (moved[0] - one) / dv01[0]
    assert abs(gain) <= 2e-3 * move_bp**2 + 1e-7
    assert weight < 0


def test_the_near_leg_of_the_contracts_held() -> None:
    rows = last(W)
    level = {i: float(str(r["entry_level"])) for (_, i), r in rows.items()}
    near = -(1 / 2) * (1 + level["DI1_2Y"]) / (1 + level["DI1_1Y"])
    assert rows["1y1y", "DI1_1Y"]["leg_weight"] == pytest.approx(near, abs=1e-9)
    assert rows["2y1y", "DI1_2Y"]["leg_weight"] == pytest.approx(
        -(2 / 3) * (1 + level["DI1_3Y"]) / (1 + level["DI1_2Y"]), abs=1e-9
    )
    assert rows["1y1y", "DI1_2Y"]["leg_weight"] == rows["2y1y", "DI1_3Y"]["leg_weight"] == 1.0


@pytest.mark.parametrize("side", [1, -1])
def test_a_forward_that_pays_too_much_is_received(side: int) -> None:
    curve = W.panel.table("silver/di_curve")
    bent = (pl.col("session") == W.keys[-1]) & (pl.col("tenor_bd") == 504)
    moved = pl.when(bent).then(pl.col("rate") + side * 0.02).otherwise("rate")
    rows = last(W.with_panel(di_curve=curve.with_columns(moved.alias("rate"))))
    one, two = rows["1y1y", "DI1_2Y"], rows["1y1y", "DI1_1Y"]
    assert (one["z"], one["signal"]) == (3.0 * side, float(side))
    assert (one["direction"], two["direction"]) == (side, -side)
    # The two-year node is also where the next forward starts: it then pays too little.
    assert rows["2y1y", "DI1_3Y"]["signal"] == -float(side)
    assert (rows["2y1y", "DI1_3Y"]["direction"], rows["2y1y", "DI1_2Y"]["direction"]) == (-side, side)


def test_the_premium_by_hand() -> None:
    session = W.keys[-1]
    rate = dict(W.panel.table("silver/di_curve").filter(pl.col("session") == session).select("tenor_bd", "rate").rows())
    level = dict(W.panel.as_known.filter(pl.col("session") == session).select("series_id", "value").rows())
    year_ends = (pl.col("session") == session) & (pl.col("feature_id") == "br_focus_selic_annual")
    focus = W.panel.table("silver/focus").filter(year_ends).sort("reference")["value"].to_numpy()
    forward = (1 + rate[504]) ** 2 / (1 + rate[252]) - 1
    basis = level["br_selic_target"] - ((1 + level["br_cdi_daily"]) ** 252 - 1)
    day = session.timetuple().tm_yday / 366
    at = day + 1 + (np.arange(12) + 0.5) / 12
    expected = np.interp(at, [1, 2, 3, 4], focus).mean()
    words = f"premium {round((forward + basis - expected) * 1e4)}"
    assert words in str(last(W)["1y1y", "DI1_2Y"]["reason"])


def test_silences() -> None:
    focus = W.panel.table("silver/focus")
    stale = last(W.with_panel(focus=focus.with_columns(status=pl.lit("stale"))))
    assert {(r["status"], r["reason"]) for r in stale.values()} == {
        ("no_view", "Focus Selic at year ends is missing or stale")
    }
    curve = W.panel.table("silver/di_curve").with_columns((pl.col("tenor_bd") > 504).alias("extrapolated"))
    short = last(W.with_panel(di_curve=curve))
    assert short["1y1y", "DI1_2Y"]["status"] == "ok"
    assert (short["2y1y", "DI1_3Y"]["status"], short["2y1y", "DI1_3Y"]["reason"]) == (
        "no_view",
        "DI curve does not reach 3 years",
    )
    gone = W.panel.table("silver/leg_returns").filter(pl.col("instrument") != "DI1_1Y")
    unpriced = last(W.with_panel(leg_returns=gone))["1y1y", "DI1_2Y"]
    assert "has no price of every leg" in str(unpriced["reason"])
