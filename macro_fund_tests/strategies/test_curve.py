"""What a DI1 is from its rate and DV01, and nodes of the newest curve."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from macro_fund.strategies.curve import contract_value, contract_years, node_rates, years_to_maturity
from macro_fund_tests.strategies.frames import world


def test_a_published_contract() -> None:
    # DI1 at 13% with 756 days: PU 69,305.02, DV01 18.3996.
    rate, dv01 = np.array([0.13]), np.array([18.3996])
    assert years_to_maturity(rate, dv01)[0] == pytest.approx(3.0, abs=5e-5)
    assert contract_value(rate, dv01)[0] == pytest.approx(69305.02, abs=0.5)


@given(st.floats(0.015, 0.3), st.integers(1, 2520))
@settings(max_examples=200)
def test_the_contract_behind_a_dv01_comes_back(rate: float, days: int) -> None:
    years = days / 252
    if years > 0.98 / np.log1p(rate):
        return  # beyond the peak of the DV01 two contracts share one
    pu = 1e5 / (1 + rate) ** years
    dv01 = 1e-4 * years / (1 + rate) * pu
    assert years_to_maturity(np.array([rate]), np.array([dv01]))[0] == pytest.approx(years, rel=1e-6)
    assert contract_value(np.array([rate]), np.array([dv01]))[0] == pytest.approx(pu, rel=1e-6)


@pytest.mark.parametrize(("rate", "dv01"), [(0.13, 0.0), (0.13, np.nan), (np.nan, 18.0), (0.13, 90.0), (-0.01, 5.0)])
def test_no_contract_has_it(rate: float, dv01: float) -> None:
    assert np.isnan(years_to_maturity(np.array([rate]), np.array([dv01]))[0])
    assert np.isnan(contract_value(np.array([rate]), np.array([dv01]))[0])


def test_nodes_are_of_the_newest_curve_and_observed() -> None:
    w = world(30)
    grid, last = w.panel.grid(w.keys), w.keys[-1]
    curve = w.panel.table("silver/di_curve")
    rate = curve.filter((pl.col("session") == last) & (pl.col("tenor_bd") == 504))["rate"][0]
    assert node_rates(w.panel, grid, [504])["di_504"][-1] == rate
    older = curve.filter(pl.col("session") == last).with_columns(
        pl.col("curve_date").dt.offset_by("-2d"), pl.col("rate") + 0.01
    )
    both = w.with_panel(di_curve=pl.concat([curve, older])).panel
    assert node_rates(both, grid, [504]).equals(node_rates(w.panel, grid, [504]))
    guessed = w.with_panel(di_curve=curve.with_columns((pl.col("tenor_bd") > 756).alias("extrapolated"))).panel
    assert node_rates(guessed, grid, [756, 1260]).row(-1)[2:] == (node_rates(w.panel, grid, [756])["di_756"][-1], None)
    old = w.with_panel(di_curve=curve.with_columns(pl.col("curve_date").dt.offset_by("-8d"))).panel
    assert node_rates(old, grid, [504])["di_504"].null_count() == grid.height


def test_a_contract_of_last_week_is_no_contract() -> None:
    w = world(30)
    grid = w.panel.grid(w.keys)
    known = contract_years(w.panel, "DI1_2Y", grid)
    assert known["years"].to_numpy() == pytest.approx(np.full(grid.height, 2.0), abs=1e-9)
    rows = w.panel.table("silver/leg_returns").filter(pl.col("session") <= w.keys[-10])
    late = contract_years(w.with_panel(leg_returns=rows).panel, "DI1_2Y", grid)
    age = np.array([(k - (w.keys[-10] - timedelta(days=1))).days for k in w.keys[-10:]])
    assert late["years"].is_null().to_list()[-10:] == (age > 7).tolist()
    assert isinstance(w.keys[-1], date)
