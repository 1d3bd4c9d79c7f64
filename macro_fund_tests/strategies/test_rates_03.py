"""RATES-03: planted spreads, the stand-ins for the CDS, silences, neutral legs."""

from __future__ import annotations

import re

import numpy as np
import polars as pl
import pytest

from macro_fund.settings import default_settings
from macro_fund.strategies.rates_03 import signals
from macro_fund_tests.strategies.frames import World, world

PARAMS = default_settings().strategy("RATES-03")
W = world(900)
GRID = pl.DataFrame({"session": W.keys}, schema={"session": pl.Date})


def last(w: World) -> dict[str, dict[str, object]]:
    return {r["instrument"]: r for r in signals(w.panel, PARAMS, w.keys[-1:]).iter_rows(named=True)}


def level(series_id: str) -> np.ndarray:
    rows = W.panel.as_known.filter(pl.col("series_id") == series_id).select("session", "value")
    return GRID.join(rows, on="session", how="left")["value"].to_numpy()


def planted(extra: float) -> World:
    """DI at five years = Treasury + 2% + 1.5 x EMBI + 0.8 x inflation gap + noise, and `extra` in the last session."""
    us = W.panel.table("silver/us_real_curve")["breakeven"].to_numpy()
    ust = (1 + level("us_par_5y") / 2) ** 2 - 1
    noise = np.random.default_rng(5).normal(0, 0.001, len(W.keys))
    di = ust + 0.02 + 1.5e-4 * level("br_embi_brazil") + 0.8 * (level("br_focus_ipca_12m_smooth") - us) + noise
    di[-1] += extra
    five = pl.DataFrame({"session": W.keys, "di": di}, schema_overrides={"session": pl.Date})
    curve = W.panel.table("silver/di_curve").join(five, on="session", how="left", maintain_order="left")
    rate = pl.when(pl.col("tenor_bd") == 1260).then("di").otherwise("rate")
    return W.with_panel(di_curve=curve.with_columns(rate.alias("rate")).drop("di"))


@pytest.mark.parametrize("side", [1, -1])
def test_a_spread_too_wide_is_received(side: int) -> None:
    rows = last(planted(side * 0.01))
    assert list(rows) == ["DI1_5Y", "ZF"]
    assert {r["z"] for r in rows.values()} == {3.0 * side}
    assert {r["signal"] for r in rows.values()} == {float(side)}
    assert (rows["DI1_5Y"]["direction"], rows["ZF"]["direction"]) == (side, -side)
    assert sum(float(str(r["leg_weight"])) for r in rows.values()) == 0.0
    assert {r["trade"] for r in rows.values()} == {"5y_br_us"}


def test_credit_and_inflation_explain_their_part() -> None:
    # A spread as wide as its credit and inflation say is no signal: only noise is left.
    w = planted(0.0)
    row = last(w)["DI1_5Y"]
    assert abs(float(str(row["z"]))) < 3
    found = re.search(r"years (-?[\d.]+) bp, (-?[\d.]+) bp from fair", str(row["reason"]))
    assert found is not None
    newest = (pl.col("session") == W.keys[-1]) & (pl.col("tenor_bd") == 1260)
    di, half = w.panel.table("silver/di_curve").filter(newest)["rate"][0], level("us_par_5y")[-1] / 2
    assert float(found[1]) == round((di - ((1 + half) ** 2 - 1)) * 1e4)  # a par yield is paid twice a year
    assert abs(float(found[2])) < 35  # noise of 10 bp a day


def test_the_stand_ins_in_their_order() -> None:
    w = planted(0.0)

    def without(*ids: str) -> dict[str, object]:
        stale = pl.when(pl.col("series_id").is_in(ids)).then(True).otherwise("stale")
        return last(w.with_panel(as_known=w.panel.as_known.with_columns(stale.alias("stale"))))["DI1_5Y"]

    expected = {
        (): "EMBI+ Brazil",
        ("br_embi_brazil",): "emerging corporate spread",
        ("br_embi_brazil", "em_corp_oas"): "US high-yield spread",
    }
    for gone, words in expected.items():
        row = without(*gone)
        assert (row["status"], row["confidence"]) == ("degraded", 0.4)
        assert f"proxy: {words} for the sovereign CDS, stand-in of ZF" in str(row["reason"])
    none = without("br_embi_brazil", "em_corp_oas", "us_hy_oas")
    assert (none["status"], none["reason"]) == ("no_view", "every credit measure is missing or stale")
    assert without("br_focus_ipca_12m_smooth")["status"] == "degraded"
    both = without("br_focus_ipca_12m_smooth", "br_focus_ipca_12m")
    assert (both["status"], both["reason"]) == ("no_view", "Focus IPCA 12m is stale")


def test_three_years_before_a_view() -> None:
    rows = signals(W.panel, PARAMS, W.keys).filter(pl.col("instrument") == "ZF")
    first = rows.filter(pl.col("status") != "no_view")["session"][0]
    assert W.keys.index(first) >= 755
    early = rows.filter(pl.col("session") == W.keys[700])["reason"][0]
    assert early == "history too short for the regression or its z"
