"""CUPOM-01: the sign, one trade a maturity, the z by hand, what is missing."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import polars as pl
import pytest

from macro_fund.settings import default_settings
from macro_fund.strategies.cupom_01 import basis_path, signals
from macro_fund_tests.strategies.events_frames import coupons
from macro_fund_tests.strategies.frames import World, world

PARAMS = default_settings().strategy("CUPOM-01")
W = world(400)
KEYS = W.keys
N = len(KEYS)
NOISE = np.random.default_rng(6).normal(0, 5, (2, N))


def planted(six: float, twelve: float, keys: list = KEYS) -> World:
    """Basis around 90 bp, and as given in the last session."""
    basis = {180: 90 + NOISE[0], 360: 90 + NOISE[1]}
    basis[180][-1], basis[360][-1] = six, twelve
    return W.with_panel(cupom_curve=coupons(keys, basis, np.full(N, 2.0)))


def last(w: World) -> dict[str, dict[str, object]]:
    return {r["instrument"]: r for r in signals(w.panel, PARAMS, KEYS[-1:]).iter_rows(named=True)}


def test_a_wide_basis_is_received_and_a_narrow_one_paid_each_maturity_alone() -> None:
    rows = last(planted(130.0, 50.0))
    assert (rows["FRC_6M"]["direction"], rows["FRC_1Y"]["direction"]) == (1, -1)
    assert rows["FRC_6M"]["trade"] != rows["FRC_1Y"]["trade"]
    assert [rows[i]["leg_weight"] for i in ("FRC_6M", "FRC_1Y")] == [1.0, 1.0]
    assert "proxy: Treasury yields stand for SOFR" in rows["FRC_6M"]["reason"]
    assert rows["FRC_6M"]["status"] == "degraded"
    assert rows["FRC_6M"]["confidence"] == 0.4


def test_z_by_hand() -> None:
    w = planted(97.0, 90.0)
    values = (
        w.panel.table("silver/cupom_curve").filter(pl.col("tenor_cd") == 180).sort("session")["basis_bp"].to_numpy()
    )
    centre = np.median(values)
    expected = (97.0 - centre) / (1.4826 * np.median(np.abs(values - centre)))
    row = last(w)["FRC_6M"]
    assert row["z"] == pytest.approx(expected, abs=1e-12)
    assert row["signal"] == pytest.approx(expected / 2, abs=1e-12)


def test_only_the_clean_coupon_between_contracts_counts() -> None:
    curve = planted(130.0, 50.0).panel.table("silver/cupom_curve")
    whole = basis_path(curve, 180, KEYS[-1])
    others = pl.concat(
        [
            curve.with_columns(kind=pl.lit("dirty"), basis_bp=pl.lit(999.0)),
            curve.with_columns(curve_date=pl.col("curve_date") + timedelta(days=1), extrapolated=pl.lit(value=True)),
            curve.with_columns(session=pl.col("session") + timedelta(days=1)),  # the same day, known again
        ]
    )
    assert basis_path(pl.concat([curve, others]), 180, KEYS[-1]).equals(whole)


def test_what_is_missing_is_said() -> None:
    w = planted(130.0, 50.0)
    curve = w.panel.table("silver/cupom_curve")
    short = last(w.with_panel(cupom_curve=curve.filter(pl.col("session") > KEYS[-200])))["FRC_6M"]
    assert (short["status"], short["signal"], short["direction"]) == ("no_view", None, 0)
    assert "too short" in short["reason"]
    old = last(w.with_panel(cupom_curve=curve.filter(pl.col("session") < KEYS[-10])))["FRC_6M"]
    assert "stale" in old["reason"]
    no_rate = curve.with_columns(basis_bp=pl.lit(None, pl.Float64))
    assert "no clean coupon with a basis" in last(w.with_panel(cupom_curve=no_rate))["FRC_1Y"]["reason"]
