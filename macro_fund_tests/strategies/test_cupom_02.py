"""CUPOM-02: covered parity, the gap by hand, the sign, the licensed feed, on made-up NDF."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from macro_fund.settings import default_settings
from macro_fund.store.tables import TABLES
from macro_fund.strategies.cupom_02 import NDF, _onshore, implied_gap, onshore_forward, signals
from macro_fund_tests.strategies.frames import World, world

PARAMS = default_settings().strategy("CUPOM-02")
W = world(400)
KEYS = W.keys
NOISE = np.random.default_rng(9).normal(0, 2, len(KEYS))


def fed(gap_bp: np.ndarray, stale: bool = False) -> World:
    """The world with an NDF that implies `gap_bp` a year more than the onshore forward of the same day."""
    onshore = _onshore(W.panel, W.panel.grid(KEYS))
    assert onshore.height == len(KEYS)
    rows = onshore.select(
        "session",
        pl.lit(NDF).alias("series_id"),
        pl.col("day").alias("event_date"),
        (pl.col("forward") * (pl.Series(gap_bp) * 1e-4 / 12).exp()).alias("value"),
        pl.lit(datetime(2010, 1, 1, tzinfo=UTC)).alias("knowledge_time"),
        pl.lit("lag").alias("knowledge_basis"),
        pl.lit(1).alias("age_days"),
        pl.lit(stale).alias("stale"),
    ).select(pl.col(n).cast(t) for n, t in TABLES["silver/as_known"].schema.items())
    return W.with_panel(as_known=pl.concat([W.panel.as_known, rows]).sort("session", "series_id"))


def last(w: World) -> dict[str, object]:
    return signals(w.panel, PARAMS, KEYS[-1:]).row(0, named=True)


def one(expr: pl.Expr) -> float:
    return float(pl.select(expr).item())


def test_gap_by_hand() -> None:
    forward = one(onshore_forward(pl.lit(5.0), pl.lit(0.13), pl.lit(0.06)))
    assert forward == pytest.approx(5.0 * 1.13 ** (21 / 252) / (1 + 0.06 * 30 / 360), abs=1e-14)
    # A tenth of a percent of price in a month is 120 bp a year, nearly.
    assert one(implied_gap(pl.lit(forward * 1.001), pl.lit(forward))) == pytest.approx(120 - 0.06, abs=1e-3)


@given(st.floats(1, 8), st.floats(0.02, 0.3), st.floats(0, 0.1), st.floats(0, 0.06), st.floats(0.98, 1.02))
@settings(max_examples=100)
def test_the_gap_is_that_of_two_implied_yields(
    spot: float, di: float, coupon: float, dollar: float, rich: float
) -> None:
    onshore = one(onshore_forward(pl.lit(spot), pl.lit(di), pl.lit(coupon)))
    ndf = onshore * rich
    offshore_yield, onshore_yield = (np.log(f / spot) * 12 + np.log(1 + dollar / 12) * 12 for f in (ndf, onshore))
    gap = one(implied_gap(pl.lit(ndf), pl.lit(onshore)))
    assert gap == pytest.approx((offshore_yield - onshore_yield) * 1e4, abs=1e-6)


def test_a_dear_ndf_buys_the_dollar_onshore_and_a_cheap_one_sells_it() -> None:
    gap = 30 + NOISE
    gap[-1] = 60.0
    row = last(fed(gap))
    assert row["signal"] < -0.5
    assert (row["instrument"], row["direction"]) == ("DOL_1M", 1)  # long dollars
    assert (row["status"], row["confidence"]) == ("degraded", 0.4)
    assert "no NDF is traded" in row["reason"]
    gap[-1] = 0.0
    row = last(fed(gap))
    assert row["signal"] > 0.5
    assert row["direction"] == -1


def test_z_by_hand() -> None:
    gap = 30 + NOISE
    centre = np.median(gap)
    expected = -(gap[-1] - centre) / (1.4826 * np.median(np.abs(gap - centre)))
    assert last(fed(gap))["z"] == pytest.approx(expected, abs=1e-6)


def test_without_the_feed_there_is_no_view() -> None:
    row = last(W)
    assert (row["status"], row["signal"], row["direction"]) == ("no_view", None, 0)
    assert row["reason"] == "needs br_ndf_1m: config/series/licensed_prices.yaml"
    assert last(fed(30 + NOISE, stale=True))["reason"] == "NDF is stale"


def test_days_are_matched() -> None:
    w = fed(30 + NOISE)
    moved = w.panel.table("silver/cupom_curve").with_columns(curve_date=pl.col("curve_date") - timedelta(days=400))
    assert "no onshore forward" in last(w.with_panel(cupom_curve=moved))["reason"]
