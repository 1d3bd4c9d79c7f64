"""Fiscal view: the number by hand, its signs, its silences, and that it never looks ahead."""

from __future__ import annotations

from datetime import date

import numpy as np
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from macro_fund.agents.fiscal import STRENGTHS, fiscal_view, with_score
from macro_fund.agents.fiscal_history import INTEREST, PRIMARY
from macro_fund.agents.fiscal_model import fiscal_model, fiscal_path
from macro_fund.store.tables import TABLES
from macro_fund_tests.agents.fiscal_world import fitted, no_focus, slope, view, world
from macro_fund_tests.strategies.frames import MAX_AGE, observed, table


def last(frame: pl.DataFrame) -> dict[str, object]:
    return frame.row(-1, named=True)


def focus(keys: list[date], growth: float, primary: float = -0.01) -> pl.DataFrame:
    """silver/focus: growth of this year and the next three (the near years far away), primary of next year."""
    rows = [
        (k, "br_focus_gdp_annual", str(k.year + h), h, k, growth if h >= 2 else -0.05, "ok")
        for k in keys
        for h in range(4)
    ]
    rows += [(k, "br_focus_primary_annual", str(k.year + 1), 1, k, primary, "ok") for k in keys]
    schema = TABLES["silver/focus"].schema
    names = ("session", "feature_id", "reference", "horizon", "event_date", "value", "status")
    frame = pl.DataFrame(rows, schema={n: schema[n] for n in names}, orient="row")
    absent = [pl.lit(None, schema[n]).alias(n) for n in schema if n not in names]
    return frame.with_columns(absent).select(list(schema))


def test_shape_and_a_view() -> None:
    w = world()
    found = view(w.observations, w.keys[-20:])
    assert found.schema == TABLES["agents/fiscal_view"].schema
    assert set(found["status"]) == {"degraded"}
    assert found["state_score"].is_between(-1, 1).all()
    assert found["confidence"].is_between(0, 0.4).all()
    for asset, strength in STRENGTHS.items():
        assert (found[f"view_{asset}"] - strength * found["state_score"]).abs().max() < 1e-12
    assert found["view_us_rates"].null_count() == found["view_gold"].null_count() == 20


def test_the_number_by_hand() -> None:
    """The last session rebuilt with loops: newest debt, implied primary, stated interest, trend growth, the target."""
    w = world()
    session = w.keys[-1]
    model, path = fitted()
    rows = w.observations.filter(pl.col("session") <= session)
    newest = {s: rows.filter(pl.col("series_id") == s)["event_date"].max() for s in rows["series_id"].unique()}
    common = min(newest[s] for s in newest if s != "br_inflation_target")
    place = {d: k for k, d in enumerate(w.days)}
    debt, pb, i = w.debt[place[newest["br_dbgg_gdp"]]], w.primary[place[common]], w.interest[place[common]]
    refit = max(s for s in model["session"] if s <= session)
    named = dict(model.filter(pl.col("session") == refit).select("parameter", "value").rows())
    growth = (1 + named["trend_growth"]) * 1.045 - 1
    needed = debt * (i - growth) / (1 + growth)
    prob = path.filter((pl.col("session") == refit) & (pl.col("year_ahead") == 5))["prob_up_10pp"][0]
    gap, fan, market = 0.5 * np.tanh((needed - pb) / 0.02), 0.3 * (2 * prob - 1), 0.2 * 1.0 / 2
    found = last(view(w.observations, w.keys[-3:]))
    assert found["gross_debt"] == pytest.approx(debt, abs=1e-12)
    assert found["primary_12m"] == pytest.approx(pb, abs=1e-9)
    assert found["stabilising_primary"] == pytest.approx(needed, abs=1e-9)
    assert found["state_score"] == pytest.approx(gap + fan + market, abs=1e-6)
    assert found["primary_source"] == "implied"
    agreement = abs(np.sign(gap) + np.sign(fan) + np.sign(market)) / 3
    raw = (1 + 0.5 + 0.5 + 0.75 + 0.5 + 1) / 6 * (0.5 + 0.5 * agreement)
    assert found["confidence"] == pytest.approx(min(0.4, raw * np.clip(1.5 - named["rmse_ratio"], 0.2, 1)), abs=1e-9)


def test_contributions_sum_to_the_score() -> None:
    w = world()
    found = view(w.observations, w.keys[-200:])
    sums = found.select(pl.col("drivers").list.eval(pl.element().struct.field("contribution").sum()).list.first())
    assert np.abs(sums.to_series().clip(-1, 1).to_numpy() - found["state_score"].to_numpy()).max() < 1e-12
    names = found["drivers"][0].struct.field("name").to_list()
    assert names[:3] == ["primary_gap", "prob_debt_up_10pp_5y", "di_slope_10y_2y"]


def numbers(**changed: float | None) -> dict[str, object]:
    base = {
        "debt_value": 0.785,
        "interest_value": 0.11,
        "inflation_value": 0.045,
        "survey_growth": 0.02,
        "trend_growth": 0.0,
        "primary_value": 0.0,
        "prob_up_10pp": 0.5,
        "slope_z": 0.0,
    }
    return last(with_score(pl.DataFrame({**base, **changed}, schema=dict.fromkeys(base, pl.Float64))))


def test_the_published_check_and_the_score_s_parts() -> None:
    found = numbers()
    assert found["stabilising_primary"] == pytest.approx(0.0325, abs=5e-5)
    assert found["state_score"] == pytest.approx(0.5 * np.tanh(found["stabilising_primary"] / 0.02), abs=1e-12)
    still = found["stabilising_primary"]
    assert numbers(primary_value=still)["state_score"] == pytest.approx(0.0, abs=1e-12)
    assert numbers(primary_value=still, prob_up_10pp=1.0)["state_score"] == pytest.approx(0.3)
    assert numbers(primary_value=still, slope_z=3.0)["state_score"] == pytest.approx(0.3)
    assert numbers(primary_value=still, slope_z=None)["state_score"] == pytest.approx(0.0)
    assert numbers(primary_value=-0.2, prob_up_10pp=1.0, slope_z=3.0)["state_score"] == 1.0


@pytest.mark.parametrize(
    ("name", "by", "worse"),
    [
        ("debt_value", 0.1, True),
        ("interest_value", 0.01, True),
        ("inflation_value", 0.01, False),
        ("survey_growth", 0.01, False),
        ("primary_value", 0.01, False),
        ("prob_up_10pp", 0.1, True),
        ("slope_z", 0.5, True),
    ],
)
def test_signs(name: str, by: float, worse: bool) -> None:
    base = numbers()
    moved = numbers(**{name: float(str(base[name])) + by})
    assert (moved["state_score"] > base["state_score"]) == worse


def test_deterioration_is_bad_for_all_but_breakevens() -> None:
    w = world()
    calm, steep = (last(view(w.observations, w.keys[-2:], macro=slope(w.keys[-2:], z))) for z in (-2.0, 3.0))
    assert steep["state_score"] > calm["state_score"]
    for asset in ("br_rates", "br_real", "brl", "br_credit", "br_eq"):
        assert steep[f"view_{asset}"] < calm[f"view_{asset}"]
    assert steep["view_br_breakeven"] > calm["view_br_breakeven"]


def test_focus_growth_replaces_the_trend_and_its_far_years_count() -> None:
    w = world()
    keys = w.keys[-2:]
    found = last(view(w.observations, keys, focus=focus(keys, 0.031)))
    assert found["growth"] == pytest.approx(0.031)
    assert "trend growth" not in str(found["reason"])
    assert "trend growth" in str(last(view(w.observations, keys))["reason"])
    informed = {d["name"]: d for d in found["drivers"]}["focus_primary_next_year"]
    assert (informed["value"], informed["contribution"]) == (-0.01, 0.0)


def test_published_fiscal_numbers_are_observed_and_count_more() -> None:
    w = world()
    keys = w.keys[-2:]
    bill = np.where(np.isfinite(w.interest), w.interest * w.debt, 0.06)
    more = [observed(PRIMARY, w.days[35:], -w.primary[35:], 60), observed(INTEREST, w.days, bill, 60)]
    for series, value in (("br_dpfe_stock", 100.0), ("br_dpf_stock", 1000.0)):
        more.append(observed(series, w.days, np.full(len(w.days), value), 60))
    days = [k for k in w.keys if k.year >= 2012]
    survey = observed("br_focus_ipca_12m_smooth", w.keys, np.full(len(w.keys), 0.05), 1)
    rows = pl.concat([w.observations, *more, survey])
    model = fiscal_model(rows, days, days, table())
    path = fiscal_path(rows, model, days, table())
    found = last(view(rows, keys, focus=focus(keys, 0.03), fit=(model, path)))
    assert found["primary_source"] == "observed"
    assert found["inflation"] == 0.05
    assert "implied" not in str(found["reason"])
    assert "stated" not in str(found["reason"])
    listed = {i["series_id"] for i in found["input_vintages"]}
    assert {PRIMARY, INTEREST, "br_dbgg_gdp", "br_focus_ipca_12m_smooth", "br_focus_gdp_annual"} <= listed
    assert found["status"] in ("ok", "degraded")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ((pl.col("series_id") == "br_dbgg_gdp", pl.col("value") * 3), "gross debt on GDP"),
        ((pl.col("series_id") == "br_selic_month_annualised", pl.col("value") + 0.3), "stabilising primary"),
        ((pl.col("series_id") == "br_dbgg_gdp", pl.lit(float("nan"))), "nothing known"),
    ],
)
def test_out_of_range_or_missing_gives_no_view(change: tuple[pl.Expr, pl.Expr], words: str) -> None:
    w = world()
    where, value = change
    spoilt = w.observations.with_columns(value=pl.when(where).then(value).otherwise("value"))
    found = last(view(spoilt, w.keys[-2:]))
    assert found["status"] == "no_view"
    assert words in str(found["reason"])
    assert [found[c] for c in ("state_score", "confidence", "view_brl")] == [None] * 3
    assert found["drivers"] == []
    if words != "nothing known":
        assert any(words in flag for flag in found["sanity_flags"])


def test_old_debt_gives_no_view_and_an_old_curve_degrades() -> None:
    w = world()
    silent = (pl.col("series_id") == "br_dbgg_gdp") & (pl.col("session") > w.keys[-150])
    found = last(view(w.observations.filter(~silent), w.keys[-2:]))
    assert found["status"] == "no_view"
    assert "days old" in str(found["reason"])
    flat = last(view(w.observations, w.keys[-2:], macro=slope(w.keys[-2:]).clear()))
    assert flat["status"] == "degraded"
    assert "no z of the DI slope" in str(flat["reason"])


def test_before_the_first_refit_there_is_no_view() -> None:
    w = world()
    model, path = fitted()
    late = pl.col("session") > w.keys[200]
    found = last(view(w.observations, w.keys[100:102], fit=(model.filter(late), path.filter(late))))
    assert (found["status"], found["reason"]) == ("no_view", "no refit yet")


def test_any_window_and_later_rows_change_nothing() -> None:
    """24 random past sessions: alone, and as if what came later did not exist or was poisoned."""
    w = world()
    model, path = fitted()
    together = view(w.observations, w.keys)
    for k in np.random.default_rng(3).choice(len(w.keys), 24, replace=False):
        day = w.keys[int(k)]
        before = pl.col("session") <= day
        later = w.observations.filter(~before).with_columns(value=pl.lit(float("nan")))
        for rows in (w.observations.filter(before), pl.concat([w.observations.filter(before), later])):
            alone = view(rows, [day], fit=(model.filter(before), path.filter(before)))
            assert_frame_equal(alone, together.filter(pl.col("session") == day), check_exact=True)


def test_wrong_calls_are_told() -> None:
    w = world()
    model, path = fitted()
    calls = (w.observations, no_focus(), slope(w.keys[-1:]), model, path)
    with pytest.raises(ValueError, match="max_age lacks"):
        fiscal_view(*calls, w.keys[-1:], table(), max_age={})
    with pytest.raises(ValueError, match="not a trading session"):
        fiscal_view(*calls, [date(2012, 12, 25)], table(), max_age=MAX_AGE)
