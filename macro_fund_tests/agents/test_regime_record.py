"""The record of the regime: returns after each month's first session, by hand and where a difference was planted."""

from __future__ import annotations

from datetime import date

import numpy as np
import polars as pl
import pytest

from macro_fund.agents.regime import VIEWS, P
from macro_fund.agents.regime_chain import QUADRANTS
from macro_fund.agents.regime_record import (
    by_year,
    labelled,
    returns_after,
    returns_by_regime,
    views_against_returns,
)
from macro_fund_tests.strategies.frames import observed, table, weekdays, world_curve

DAYS = table().keys(date(2010, 1, 4), date(2019, 12, 30))
MONTHS = [b for a, b in zip([date.min, *DAYS], DAYS, strict=False) if a.month != b.month or a == date.min]


def view(state: np.ndarray) -> pl.DataFrame:
    """Certain regimes, one each month."""
    p = {name: (state == k).astype(float) for k, name in enumerate(P)}
    views = {f"view_{a}": np.array(signs, dtype=float)[state] for a, signs in VIEWS.items()}
    same = dict.fromkeys(("state_score", "growth_z", "inflation_z", "stress_z"), 0.5)
    frame = pl.DataFrame({"session": MONTHS, **p, **views}, schema_overrides={"session": pl.Date})
    return frame.with_columns(pl.lit(v).alias(k) for k, v in same.items()).with_columns(method=pl.lit("chain"))


def test_returns_by_hand():
    days = weekdays(date(2009, 12, 1), date(2010, 4, 30))
    n = np.arange(len(days))
    rows = pl.concat(
        [
            observed("br_ibov", days, 1000.0 * np.exp(0.001 * n), 1),
            observed("br_usdbrl_ptax_ask", days, 2.0 * np.exp(0.0005 * n), 1),
            observed("br_cdi_daily", days, np.full(len(days), 0.0004), 1),
        ]
    )
    keys = [d for d in DAYS if d < date(2010, 4, 1)]
    curve = world_curve(keys, 1)
    found = returns_after(rows, curve, keys)
    firsts = [d for d in MONTHS if d < date(2010, 4, 1)]
    assert sorted(found["session"].unique()) == firsts[:-1]
    known = [int(np.searchsorted(np.array(days, dtype="datetime64[D]"), np.datetime64(d))) - 1 for d in firsts]
    moved = float(known[1] - known[0])
    first = found.filter(pl.col("session") == firsts[0])
    of = dict(first.select("asset", "excess").rows())
    assert of["brl"] == pytest.approx(-0.0005 * moved, abs=1e-12)
    assert of["br_eq"] == pytest.approx(0.001 * moved - moved * np.log1p(0.0004), abs=1e-12), "each day of cash once"
    two_years = {d: curve.filter((pl.col("session") == d) & (pl.col("tenor_bd") == 504))["rate"][0] for d in firsts[:2]}
    gross = of["br_rates"] + moved * np.log1p(0.0004)
    rough = np.log1p(two_years[firsts[0]]) * 2 - np.log1p(two_years[firsts[1]]) * 483 / 252
    assert gross == pytest.approx(rough, abs=2e-3)


def test_a_planted_difference_is_found_and_none_is_not():
    rng = np.random.default_rng(2)
    state = rng.integers(0, 4, len(MONTHS))
    noise = rng.normal(0.0, 0.04, len(MONTHS))
    signs = np.array(VIEWS["br_eq"])[state]
    for effect, significant in ((0.04, True), (0.0, False)):
        returns = pl.DataFrame({"session": MONTHS, "asset": "br_eq", "excess": effect * signs + noise})
        found = returns_by_regime(view(state), returns)
        assert found["regime"].to_list() == list(QUADRANTS)
        assert found["n"].sum() == len(MONTHS)
        assert (found["p_value"][0] < 0.01) == significant
        record = views_against_returns(view(state), returns).row(0, named=True)
        assert (record["t"] > 3.0) == significant
        assert record["n"] == len(MONTHS)


def test_labels_and_years():
    state = np.arange(len(MONTHS)) % 4
    assert labelled(view(state))["regime"].to_list()[:4] == list(QUADRANTS)
    years = by_year(view(np.zeros(len(MONTHS), dtype=int)))
    assert years["year"].to_list() == list(range(2010, 2020))
    assert years["p_goldilocks"].to_list() == [1.0] * 10
    assert years["chain"].to_list() == [1.0] * 10
