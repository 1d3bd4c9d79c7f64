"""FX-02: the number by hand, signs and silences."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from macro_fund.settings import default_settings
from macro_fund.strategies.fx_02 import SPOT, combined, signals
from macro_fund_tests.strategies.frames import World, world

PARAMS = default_settings().strategy("FX-02")
N = 700


def last(w: World) -> dict[str, object]:
    rows = signals(w.panel, PARAMS, w.keys[-1:])
    assert rows.height == 1
    return rows.row(0, named=True)


def mix(z: float | None, mom: float | None) -> float | None:
    frame = pl.DataFrame({"z": [z], "m": [mom]}, schema={"z": pl.Float64, "m": pl.Float64})
    return frame.select(combined(pl.col("z"), pl.col("m"))).item()


def trending(w: World, drift: float) -> World:
    """USDBRL moves by `drift` a session over the last year, with the noise that it has."""
    known = w.panel.as_known
    start = w.keys[-260]
    ramp = pl.DataFrame({"session": w.keys[-260:], "k": range(260)})
    path = known.join(ramp, on="session", how="left", maintain_order="left").with_columns(
        pl.when((pl.col("series_id") == SPOT) & (pl.col("session") >= start))
        .then(pl.col("value") * (drift * pl.col("k")).exp())
        .otherwise("value")
        .alias("value")
    )
    return w.with_panel(as_known=path.drop("k"))


def test_combination_by_hand() -> None:
    assert mix(1.0, 1.0) == pytest.approx(0.5 * np.tanh(1.0) + 0.25)
    assert mix(1.0, -0.4) == pytest.approx((0.5 * np.tanh(1.0) - 0.1) / 2)
    assert mix(3.0, 2.0) <= 1.0
    assert mix(None, 1.0) is None
    assert mix(1.0, None) is None


def test_the_number_by_hand() -> None:
    w = world(N)
    found = last(w)
    spot = w.panel.as_known.filter(pl.col("series_id") == SPOT).sort("session").unique("event_date", keep="first")
    spot = spot.sort("session")
    rates = {
        k: dict(w.panel.as_known.filter(pl.col("series_id") == k).select("session", "value").iter_rows())
        for k in ("br_selic_target", "us_dff")
    }
    diff = np.array([rates["br_selic_target"][s] - rates["us_dff"][s] for s in spot["session"]])
    change = np.diff(np.log(spot["value"].to_numpy()))
    vol = np.array([np.std(change[k - 63 : k], ddof=1) for k in range(63, len(change) + 1)]) * np.sqrt(252)
    carry = (diff[63:] / vol)[-504:]
    scale = 1.4826 * np.median(np.abs(carry - np.median(carry)))
    z = np.clip((carry[-1] - np.median(carry)) / scale, -3, 3)
    excess = diff[:-1] / 252 - change
    sigma = np.std(excess[-63:], ddof=1)
    mom = np.clip(np.mean([excess[-d:].sum() / (sigma * np.sqrt(d)) for d in (21, 63, 126, 252)]), -2, 2)
    s = 0.5 * np.tanh(z) + 0.25 * mom
    assert found["z"] == pytest.approx(z, abs=1e-9)
    assert found["signal"] == pytest.approx(s / 2 if z * mom < 0 else s, abs=1e-9)


def test_a_falling_dollar_is_long_brl_and_short_dol() -> None:
    down, up = last(trending(world(N), -0.004)), last(trending(world(N), 0.004))
    assert down["signal"] > up["signal"]
    assert "momentum 2.0" in down["reason"]
    assert "momentum -2.0" in up["reason"]


def test_direction_is_of_the_dol_quantity() -> None:
    rows = signals(world(N).panel, PARAMS, world(N).keys)
    held = rows.filter(pl.col("direction") != 0)
    assert held.height > 0
    assert (held["signal"].sign() * held["direction"] == -1).all()
    assert (held["strength"] == held["signal"].abs()).all()
    long_brl = held.filter(pl.col("signal") > 0)
    assert (long_brl["target_level"] < long_brl["entry_level"]).all()


@pytest.mark.parametrize(
    ("series", "words"), [("br_selic_target", "Selic target"), ("us_dff", "fed funds rate"), (SPOT, "USDBRL (PTAX)")]
)
def test_a_stale_or_missing_input_gives_no_view(series: str, words: str) -> None:
    w = world(N)
    here = (pl.col("series_id") == series) & (pl.col("session") == w.keys[-1])
    stale = w.panel.as_known.with_columns(pl.when(here).then(True).otherwise("stale").alias("stale"))
    gone = w.panel.as_known.filter(~here)
    for known, state in ((stale, "stale"), (gone, "missing")):
        found = last(w.with_panel(as_known=known))
        assert (found["status"], found["reason"]) == ("no_view", f"{words} is {state}")
        assert found["signal"] is None
        assert found["z"] is None
        assert found["confidence"] is None
        assert found["direction"] == 0


def test_short_history_gives_no_view() -> None:
    w = world(200)
    found = last(w)
    assert found["status"] == "no_view"
    assert "history too short" in found["reason"]


def test_confidence_is_the_filled_share_of_the_window() -> None:
    rows = signals(world(N).panel, PARAMS, world(N).keys).filter(pl.col("status") == "ok")
    assert rows["confidence"].is_between(0.5, 1.0).all()
    assert rows["confidence"][0] < rows["confidence"][-1] == 1.0
