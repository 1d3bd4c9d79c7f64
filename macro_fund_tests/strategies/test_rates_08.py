"""RATES-08: trends by hand, rolls that must not be stitched, stand-ins, silences."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from macro_fund.settings import default_settings
from macro_fund.strategies.rates_08 import excess_returns, signals
from macro_fund_tests.strategies.frames import World, world

PARAMS = default_settings().strategy("RATES-08")
W = world(400)


def last(w: World) -> dict[str, dict[str, object]]:
    return {r["instrument"]: r for r in signals(w.panel, PARAMS, w.keys[-1:]).iter_rows(named=True)}


def with_rows(instrument: str, **columns: pl.Expr) -> World:
    own = pl.col("instrument") == instrument
    rows = W.panel.table("silver/leg_returns")
    return W.with_panel(
        leg_returns=rows.with_columns(pl.when(own).then(v).otherwise(pl.col(n)).alias(n) for n, v in columns.items())
    )


def test_momentum_by_hand() -> None:
    rows = W.panel.table("silver/leg_returns").filter(pl.col("instrument") == "DI1_2Y")
    bp = (rows["pnl_brl"].to_numpy()[1:] / rows["dv01_brl"].to_numpy()[:-1]).astype(float)
    sigma = np.std(bp[-63:], ddof=1)
    mean = np.mean([bp[-d:].sum() / (sigma * np.sqrt(d)) for d in (21, 63, 126, 252)])
    row = last(W)["DI1_2Y"]
    assert row["z"] == pytest.approx(np.clip(mean, -2, 2), abs=1e-9)
    assert row["signal"] == pytest.approx(np.clip(mean, -2, 2) / 2, abs=1e-9)


@pytest.mark.parametrize("side", [1, -1])
@pytest.mark.parametrize("instrument", ["DI1_2Y", "DI1_5Y", "ZN"])
def test_what_paid_is_held(instrument: str, side: int) -> None:
    drift = pl.col("pnl_brl") + side * 3.0 * pl.col("dv01_brl")  # 3 bp a day against 8 of noise
    rows = last(with_rows(instrument, pnl_brl=drift))
    assert rows[instrument]["direction"] == side
    assert float(str(rows[instrument]["signal"])) * side > 0.5
    assert rows[instrument]["trade"] == instrument


def test_a_roll_is_no_return() -> None:
    # The next contract yields 2% more and has twice the DV01: only what was held and paid counts.
    rows = pl.DataFrame(
        {
            "level": [0.10, 0.10, 0.12, 0.12],
            "pnl_brl": [None, -10.0, -10.0, -20.0],
            "dv01_brl": [10.0, 10.0, 20.0, 20.0],
            "rolled": [False, False, True, False],
        }
    )
    assert excess_returns(rows).to_list() == [None, -1.0, -1.0, -1.0]
    jumped = with_rows(
        "DI1_5Y", level=pl.col("level") + pl.when(pl.col("session") > W.keys[300]).then(0.02).otherwise(0.0)
    )
    assert last(jumped)["DI1_5Y"]["signal"] == last(W)["DI1_5Y"]["signal"]


def test_no_risk_no_return() -> None:
    rows = pl.DataFrame(
        {"pnl_brl": [1.0, 2.0, 3.0], "dv01_brl": [0.0, None, 5.0]}, schema_overrides={"dv01_brl": pl.Float64}
    )
    assert excess_returns(rows).to_list() == [None, None, None]


def test_a_stand_in_is_named() -> None:
    rows = last(W)
    assert (rows["ZN"]["status"], rows["ZN"]["confidence"]) == ("degraded", 0.4)
    assert "proxy: stand-in of ZN" in str(rows["ZN"]["reason"])
    assert (rows["DI1_2Y"]["status"], rows["DI1_2Y"]["confidence"]) == ("ok", 1.0)


def test_silences() -> None:
    early = signals(W.panel, PARAMS, W.keys[:200])
    assert early["status"].unique().to_list() == ["no_view"]
    assert set(early["reason"][-3:]) == {"history too short for the momentum of 252 days"}
    gone = W.panel.table("silver/leg_returns").filter(
        (pl.col("instrument") != "DI1_5Y") | (pl.col("session") < W.keys[-15])
    )
    row = last(W.with_panel(leg_returns=gone))["DI1_5Y"]
    assert (row["status"], row["signal"]) == ("no_view", None)
    assert "DI1_5Y has no price of the last week" in str(row["reason"])
