"""RATES-01: carry and roll by hand, planted curves, gate, choice of tenor, silences."""

from __future__ import annotations

from datetime import date

import numpy as np
import polars as pl
import pytest

from macro_fund.settings import default_settings
from macro_fund.strategies.rates_01 import carry_roll, signals
from macro_fund_tests.strategies.frames import World, monetary_rows, world

PARAMS = default_settings().strategy("RATES-01")
TENORS = {"DI1_1Y": 252, "DI1_2Y": 504, "DI1_3Y": 756, "DI1_5Y": 1260}
N = 300


def last(w: World, sessions: list[date] | None = None) -> dict[str, dict[str, object]]:
    rows = signals(w.panel, PARAMS, sessions or w.keys[-1:])
    return {r["instrument"]: r for r in rows.filter(pl.col("session") == rows["session"][-1]).iter_rows(named=True)}


def chosen(rows: dict[str, dict[str, object]]) -> dict[str, object]:
    return next(r for r in rows.values() if not str(r["reason"]).startswith("not the best tenor"))


def nodes(*points: tuple[int, float]) -> pl.DataFrame:
    return pl.DataFrame({"row": 0, "tenor_bd": [p[0] for p in points], "rate": [p[1] for p in points]})


def test_carry_and_roll_by_hand() -> None:
    # PU(504) = 1e5 / 1.13^2, PU(483) on the flat forward between 252 (12%) and 504 (13%).
    c252, c504 = 1.12, 1.13**2
    c483 = c252 * (c504 / c252) ** ((483 - 252) / 252)
    expected = (1e5 / c483) / ((1e5 / c504) * 1.11 ** (21 / 252)) - 1
    found = carry_roll(nodes((252, 0.12), (504, 0.13)), [504], 21, np.array([0.11]))
    assert found[0, 0] == pytest.approx(expected, abs=1e-14)
    assert expected > 0


def test_a_flat_curve_at_the_cdi_has_no_carry() -> None:
    flat = nodes((1, 0.11), (252, 0.11), (1260, 0.11))
    assert np.abs(carry_roll(flat, [252, 504, 1260], 21, np.array([0.11]))).max() < 1e-14


def test_no_carry_beyond_the_last_node_or_without_cash_or_curve() -> None:
    assert np.isnan(carry_roll(nodes((252, 0.12)), [504], 21, np.array([0.11]))).all()
    assert np.isnan(carry_roll(nodes((252, 0.12)), [252], 21, np.array([np.nan]))).all()
    empty = nodes((252, 0.12)).clear()
    assert carry_roll(empty, [252], 21, np.array([0.11])).shape == (1, 1)
    with pytest.raises(ValueError, match="longer than the horizon of 21"):
        carry_roll(nodes((252, 0.12)), [21], 21, np.array([0.11]))


def test_the_signal_by_hand() -> None:
    w = world(N)
    rows = last(w)
    cdi = w.panel.as_known.filter(pl.col("series_id") == "br_cdi_daily").sort("session")["value"][-1]
    curve = w.panel.table("silver/di_curve").filter(pl.col("session") == w.keys[-1])
    ratio = {}
    for name, n in TENORS.items():
        ends = np.interp([n - 21, n], curve["tenor_bd"], np.log1p(curve["rate"]) * curve["tenor_bd"] / 252)
        earned = np.exp(ends[1] - ends[0]) / (1 + cdi) ** 21 - 1
        held = w.panel.table("silver/leg_returns").filter(pl.col("instrument") == name)
        value = 1e5 / (1 + held["level"].to_numpy()) ** (n / 252)  # the world holds each tenor to the day
        daily = held["pnl_brl"].to_numpy()[1:] / value[:-1]
        ratio[name] = earned / (np.std(daily[-63:], ddof=1) * np.sqrt(21))
        assert rows[name]["z"] == pytest.approx(ratio[name], abs=1e-10)
    best = max(ratio, key=lambda k: abs(ratio[k]))
    assert rows[best]["signal"] == pytest.approx(np.tanh(ratio[best]), abs=1e-10)
    assert chosen(rows)["instrument"] == best


@pytest.mark.parametrize(("slope", "side"), [(0.06, 1), (-0.06, -1)])
def test_a_steep_curve_is_received_an_inverted_one_paid(slope: float, side: int) -> None:
    w = world(N, slope=slope)
    rows = last(w)
    best = chosen(rows)
    assert np.sign(best["signal"]) == side
    assert best["direction"] == side
    assert best["strength"] == abs(best["signal"])
    assert (best["target_level"] < best["entry_level"] < best["stop_level"]) == (side == 1)
    others = [r for r in rows.values() if r is not best]
    assert [r["direction"] for r in others] == [0, 0, 0]
    assert [r["signal"] for r in others] == [0.0, 0.0, 0.0]
    assert all(f"{best['instrument']} has the larger" in r["reason"] for r in others)


def test_the_gate_stops_receiving_into_hikes_and_not_paying() -> None:
    steep = world(N, slope=0.06)
    hawkish = monetary_rows(steep.keys, score=0.6)
    gated = chosen(last(steep.with_panel(monetary_view=hawkish)))
    assert (gated["signal"], gated["direction"], gated["status"]) == (0.0, 0, "ok")
    assert "gated: monetary score 0.6 above 0.5" in gated["reason"]
    mild = chosen(last(steep.with_panel(monetary_view=monetary_rows(steep.keys, score=0.5))))
    assert mild["direction"] == 1
    inverted = world(N, slope=-0.06)
    assert chosen(last(inverted.with_panel(monetary_view=hawkish)))["direction"] == -1


def test_confidence_follows_the_monetary_view() -> None:
    w = world(N, slope=0.06)
    found = {}
    for status in ("ok", "degraded", "no_view"):
        view = monetary_rows(w.keys, score=0.0, status=status)
        found[status] = chosen(last(w.with_panel(monetary_view=view)))
    assert [found[s]["confidence"] for s in ("ok", "degraded", "no_view")] == [1.0, 0.7, 0.4]
    assert [found[s]["status"] for s in ("ok", "degraded", "no_view")] == ["ok", "ok", "degraded"]
    absent = chosen(last(w.with_panel(monetary_view=monetary_rows(w.keys[:5]))))
    assert absent["status"] == "degraded"
    assert "monetary view is no_view" in absent["reason"]


def test_no_cash_rate_gives_no_view() -> None:
    w = world(N)
    stale = w.panel.as_known.with_columns(
        pl.when(pl.col("series_id") == "br_cdi_daily").then(True).otherwise("stale").alias("stale")
    )
    rows = last(w.with_panel(as_known=stale))
    assert len(rows) == 4
    for row in rows.values():
        assert (row["status"], row["reason"], row["signal"], row["direction"]) == ("no_view", "CDI is stale", None, 0)
        assert row["z"] is None
        assert row["confidence"] is None
        assert row["stop_level"] is None


def test_no_curve_gives_no_view() -> None:
    w = world(N)
    rows = last(w.with_panel(di_curve=w.panel.table("silver/di_curve").filter(pl.col("session") < w.keys[-1])))
    assert {r["status"] for r in rows.values()} == {"no_view"}
    assert "DI curve is missing" in rows["DI1_1Y"]["reason"]


def test_the_newest_curve_of_a_session_counts() -> None:
    w = world(N)
    old = (
        w.panel.table("silver/di_curve")
        .filter(pl.col("session") == w.keys[-1])
        .with_columns(pl.col("curve_date").dt.offset_by("-2d"), pl.col("rate") + 0.02)
    )
    both = pl.concat([w.panel.table("silver/di_curve"), old]).sort("session", "curve_date", "tenor_bd")
    assert last(w.with_panel(di_curve=both)) == last(w)


def test_a_tenor_beyond_the_last_contract_is_left_out() -> None:
    w = world(N)
    short = w.panel.table("silver/di_curve").with_columns((pl.col("tenor_bd") > 756).alias("extrapolated"))
    rows = last(w.with_panel(di_curve=short))
    assert rows["DI1_5Y"]["z"] is None
    assert rows["DI1_3Y"]["z"] == last(w)["DI1_3Y"]["z"]
    assert chosen(rows)["confidence"] == 0.75


def test_no_volatility_gives_no_view_then_a_tenor_less() -> None:
    w = world(N)
    none = last(w.with_panel(leg_returns=w.panel.table("silver/leg_returns").clear()))
    assert {r["reason"] for r in none.values()} == {"no tenor has both a curve and a volatility"}
    without = w.panel.table("silver/leg_returns").filter(pl.col("instrument") != "DI1_1Y")
    rows = last(w.with_panel(leg_returns=without))
    assert rows["DI1_1Y"]["z"] is None
    assert rows["DI1_1Y"]["signal"] == 0.0
    assert chosen(rows)["instrument"] != "DI1_1Y"
    assert chosen(rows)["confidence"] == 0.75
