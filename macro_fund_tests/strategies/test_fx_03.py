"""FX-03: the rule that turns an extreme flow, the sum over days that come at once, and what is missing."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from macro_fund.settings import default_settings
from macro_fund.strategies.fx_03 import signals
from macro_fund_tests.strategies.frames import World, world
from macro_fund_tests.strategies.fx_frames import positioning_rows

PARAMS = default_settings().strategy("FX-03")
N = 500


def with_flow(z: list[float]) -> pl.DataFrame:
    """Signals of the last weeks when CFTC positions alone speak, with this z week by week."""
    w = world(N)
    held = positioning_rows(w.keys, 7)
    start = held.height - len(z)
    path = pl.Series([0.0] * start + z)
    observations = w.panel.table("silver/observations").filter(pl.col("series_id") != "br_fx_flow_total")
    panel = w.with_panel(positioning=held.with_columns(path.alias("z")), observations=observations).panel
    rows = signals(panel, PARAMS, w.keys)
    return rows.filter(pl.col("session").is_in(held["session"].tail(len(z)).to_list()))


def test_an_extreme_is_read_against_until_it_is_below_the_re_arming_level() -> None:
    rows = with_flow([1.6, 2.0, 2.4, 1.8, 1.6, 1.4, 1.8])
    # |F| <= 2: F / 2; beyond it -(|F| - 1.5), kept at 1.8 and 1.6; below 1.5 the ordinary reading is armed again.
    assert rows["signal"].to_list() == pytest.approx([0.8, 1.0, -0.9, -0.3, -0.1, 0.7, 0.9])
    # Long BRL is short DOL; 0.3 and 0.1 against are inside the bands: -0.9 entered, -0.1 is out.
    assert rows["direction"].to_list() == [-1, -1, 1, 1, 0, -1, -1]
    assert "read against" in rows["reason"][2]


def test_the_far_end_is_full_and_never_beyond() -> None:
    rows = with_flow([-2.2, -3.0])
    assert rows["signal"].to_list() == pytest.approx([0.7, 1.0])
    assert rows["direction"].to_list() == [-1, -1]


def test_the_state_is_walked_from_the_start() -> None:
    w = world(N)
    rows = signals(w.panel, PARAMS, w.keys)
    assert rows.tail(1).equals(signals(w.panel, PARAMS, w.keys[-1:]))


def flow_of(w: World, observations: pl.DataFrame) -> dict[str, object]:
    panel = w.with_panel(observations=observations, positioning=positioning_rows(w.keys, 7).clear()).panel
    return signals(panel, PARAMS, w.keys[-1:]).row(0, named=True)


def test_the_sum_runs_over_every_day_though_a_week_comes_at_once() -> None:
    w = world(N)
    observations = w.panel.table("silver/observations")
    mine = pl.col("series_id") == "br_fx_flow_total"
    daily = observations.filter(mine).sort("event_date")
    # All of the last five sessions' days become known in the last session.
    late = pl.col("session") >= w.keys[-5]
    batched = daily.with_columns(pl.when(late).then(pl.lit(w.keys[-1])).otherwise("session").alias("session"))
    path = batched["value"].rolling_sum(20).drop_nulls().to_numpy()[-504:]
    centre = np.median(path)
    z = np.clip((path[-1] - centre) / (1.4826 * np.median(np.abs(path - centre))), -3, 3)
    assert flow_of(w, batched)["z"] == pytest.approx(z, abs=1e-9)


def test_one_part_is_degraded_and_none_is_no_view() -> None:
    w = world(N)
    alone = flow_of(w, w.panel.table("silver/observations"))
    assert alone["status"] == "degraded"
    assert "CFTC positions in BRL" in alone["reason"]
    assert alone["confidence"] == pytest.approx(1 / 3)
    both = signals(w.panel, PARAMS, w.keys[-1:]).row(0, named=True)
    assert (both["status"], both["confidence"]) == ("ok", pytest.approx(2 / 3))
    none = flow_of(w, w.panel.table("silver/observations").filter(pl.col("series_id") != "br_fx_flow_total"))
    assert (none["status"], none["signal"], none["direction"]) == ("no_view", None, 0)
    assert "contracted flow" in none["reason"]


def test_old_positions_are_no_part() -> None:
    w = world(N)
    held = positioning_rows(w.keys, 7).filter(pl.col("session") <= w.keys[-40])
    row = signals(w.with_panel(positioning=held).panel, PARAMS, w.keys[-1:]).row(0, named=True)
    assert row["status"] == "degraded"
