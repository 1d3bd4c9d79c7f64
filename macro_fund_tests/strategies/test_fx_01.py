"""FX-01: the mix by hand, signs, and silence without an equilibrium."""

from __future__ import annotations

import polars as pl
import pytest

from macro_fund.settings import default_settings
from macro_fund.strategies.fx_01 import signals, value_carry
from macro_fund_tests.strategies.frames import World, world
from macro_fund_tests.strategies.fx_frames import fx_rows

PARAMS = default_settings().strategy("FX-01")
N = 300


def viewed(w: World, **changes: object) -> dict[str, object]:
    """The last row when the last session's FX view is changed."""
    here = pl.col("session") == w.keys[-1]
    view = fx_rows(w.keys).with_columns(
        pl.when(here).then(pl.lit(v)).otherwise(pl.col(c)).alias(c) for c, v in changes.items()
    )
    return signals(w.with_panel(fx_view=view).panel, PARAMS, w.keys[-1:]).row(0, named=True)


def test_the_mix_by_hand() -> None:
    frame = pl.DataFrame({"m": [0.6, 1.0, None], "c": [-0.2, 1.0, 0.5]})
    found = frame.select(value_carry(pl.col("m"), pl.col("c"))).to_series().to_list()
    assert found[0] == pytest.approx(0.2)
    assert found[1:] == [1.0, None]


@pytest.mark.parametrize(("side", "direction"), [(1.0, -1), (-1.0, 1)])
def test_a_real_too_weak_with_carry_is_long_brl_and_short_dol(side: float, direction: int) -> None:
    row = viewed(world(N), part_misalignment=0.9 * side, part_carry=0.7 * side)
    assert row["signal"] == pytest.approx(0.8 * side)
    assert row["z"] == pytest.approx(1.6 * side)
    assert row["direction"] == direction
    assert row["confidence"] == pytest.approx(0.7)


def test_carry_alone_is_no_view() -> None:
    row = viewed(world(N), part_misalignment=None, part_carry=0.9, status="degraded", reason="no cointegration at 10%")
    assert row["status"] == "no_view"
    assert row["signal"] is None
    assert "no equilibrium" in row["reason"]
    assert "no cointegration at 10%" in row["reason"]


def test_a_degraded_view_caps_confidence_and_says_why() -> None:
    row = viewed(world(N), part_misalignment=0.9, part_carry=0.5, status="degraded", reason="flow is CFTC alone")
    assert (row["status"], row["confidence"]) == ("degraded", 0.4)
    assert "flow is CFTC alone" in row["reason"]


def test_no_view_of_the_agent_is_no_view() -> None:
    row = viewed(world(N), status="no_view", reason="sanity: half-life", part_misalignment=0.9)
    assert (row["status"], row["signal"], row["direction"]) == ("no_view", None, 0)
    assert "sanity: half-life" in row["reason"]
