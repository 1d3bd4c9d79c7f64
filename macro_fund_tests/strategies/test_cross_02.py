"""CROSS-02: the number by hand, the cut in a panic, signs and silences."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from macro_fund.settings import default_settings
from macro_fund.strategies.cross_02 import appetite_signal, signals
from macro_fund_tests.strategies.frames import World, world

PARAMS = default_settings().strategy("CROSS-02")
N = 700


def last(w: World) -> dict[str, dict[str, object]]:
    return {r["instrument"]: r for r in signals(w.panel, PARAMS, w.keys[-1:]).iter_rows(named=True)}


def scaled(w: World, series: str, factor: float, sessions: int = 1) -> World:
    here = (pl.col("series_id") == series) & (pl.col("session") >= w.keys[-sessions])
    value = pl.when(here).then(pl.col("value") * factor).otherwise("value").alias("value")
    return w.with_panel(as_known=w.panel.as_known.with_columns(value))


def values(w: World, series: str) -> np.ndarray:
    rows = w.panel.as_known.filter(pl.col("series_id") == series).sort("session")
    return rows.unique("event_date", keep="first").sort("session")["value"].to_numpy()


def robust(path: np.ndarray) -> float:
    window = path[-504:]
    centre = np.median(window)
    return float(np.clip((window[-1] - centre) / (1.4826 * np.median(np.abs(window - centre))), -3, 3))


def test_the_number_by_hand() -> None:
    w = world(N)
    mxn = np.diff(np.log(values(w, "fx_usdmxn")))
    vol = np.array([np.std(mxn[k - 63 : k], ddof=1) for k in range(63, len(mxn) + 1)])
    r = np.diff(np.log(values(w, "us_spx")))
    sigma = np.std(r[-63:], ddof=1)
    mom = np.clip(np.mean([r[-d:].sum() / (sigma * np.sqrt(d)) for d in (21, 63, 126, 252)]), -2, 2)
    rai = mom - np.mean([robust(values(w, "us_vix")), robust(values(w, "us_hy_oas")), robust(vol)])
    rows = last(w)
    for row in rows.values():
        assert row["z"] == pytest.approx(rai, abs=1e-9)
        assert row["signal"] == pytest.approx(-0.5 if rai < -1.5 else np.tanh(rai), abs=1e-9)


def test_the_short_is_cut_in_a_panic() -> None:
    frame = pl.DataFrame({"rai": [0.5, -1.5, -1.51, None]})
    found = frame.select(appetite_signal(pl.col("rai"), -1.5, -0.5)).to_series().to_list()
    assert found[0] == pytest.approx(np.tanh(0.5))
    assert found[1] == pytest.approx(np.tanh(-1.5))
    assert found[2:] == [-0.5, None]


@pytest.mark.parametrize(("series", "factor"), [("us_vix", 1.4), ("us_hy_oas", 1.2)])
def test_stress_lowers_appetite(series: str, factor: float) -> None:
    assert last(scaled(world(N), series, factor))["IND_2M"]["z"] < last(world(N))["IND_2M"]["z"]


def test_rising_equities_raise_appetite() -> None:
    assert last(scaled(world(N), "us_spx", 1.03, 30))["IND_2M"]["z"] > last(world(N))["IND_2M"]["z"]


def test_all_legs_hold_risk_on_the_same_side() -> None:
    rows = signals(world(N).panel, PARAMS, world(N).keys)
    held = rows.filter(pl.col("direction") != 0)
    sides = held.pivot(on="instrument", index="session", values="direction")
    assert sides.height > 0
    assert (sides["IND_2M"] == -sides["DOL_1M"]).all()
    assert (sides["IND_2M"] == sides["ES"]).all()
    index = held.filter(pl.col("instrument") == "IND_2M")
    assert (index["signal"].sign() == index["direction"]).all()


@pytest.mark.parametrize("series", ["us_vix", "us_hy_oas", "fx_usdmxn", "us_spx"])
def test_a_stale_or_missing_input_gives_no_view(series: str) -> None:
    w = world(N)
    here = (pl.col("series_id") == series) & (pl.col("session") == w.keys[-1])
    stale = w.panel.as_known.with_columns(pl.when(here).then(True).otherwise("stale").alias("stale"))
    for known, state in ((stale, "stale"), (w.panel.as_known.filter(~here), "missing")):
        for row in last(w.with_panel(as_known=known)).values():
            assert row["status"] == "no_view"
            assert row["reason"].endswith(f" is {state}")
            assert row["signal"] is None
            assert row["direction"] == 0


def test_an_unlisted_leg_keeps_its_signal() -> None:
    w = world(N)
    returns = w.panel.table("silver/leg_returns").filter(pl.col("instrument") != "IND_2M")
    rows = last(w.with_panel(leg_returns=returns))
    assert rows["IND_2M"]["signal"] == rows["DOL_1M"]["signal"]
    assert rows["IND_2M"]["entry_level"] is None
    assert rows["IND_2M"]["stop_level"] is None
    assert "IND_2M has no price this session" in rows["IND_2M"]["reason"]
    assert rows["DOL_1M"]["entry_level"] is not None
