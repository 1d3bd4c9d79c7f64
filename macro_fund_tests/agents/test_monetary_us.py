"""United States: signs, the floor at zero, and null with the reason where data or sanity fail."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

import numpy as np
import polars as pl
import pytest

from macro_fund.agents.monetary import monetary_view
from macro_fund.agents.monetary_model import UNITED_STATES, _refit, monetary_model
from macro_fund.agents.monetary_months import Panel
from macro_fund.agents.monetary_path import monetary_path
from macro_fund.agents.monetary_us import us_view
from macro_fund_tests.agents.monetary_world import Frames, frames, told
from macro_fund_tests.strategies.frames import MAX_AGE, table


def view(f: Frames, model: pl.DataFrame | None = None, sessions: list[date] | None = None) -> dict[str, Any]:
    model = told().model if model is None else model
    found = us_view(f.observations, f.ust_curve, model, sessions or f.keys[-3:], MAX_AGE, 0.0075)
    return found.row(-1, named=True)


def with_bill(rate: float) -> Frames:
    return replace(frames(), ust_curve=frames().ust_curve.with_columns(par_yield=pl.lit(rate)))


def test_a_view_and_its_sign() -> None:
    found = view(frames())
    assert found["us_reason"] == ""
    gap = found["us_model_rate"] - found["us_implied_rate"]
    assert found["us_score"] == pytest.approx(np.tanh(gap / 0.0075), abs=1e-12)
    assert view(with_bill(0.04))["us_score"] < found["us_score"]
    row = told().view.row(-1, named=True)
    assert row["view_us_rates"] == -row["us_score"]
    assert row["us_score"] == found["us_score"]


def test_the_number_by_hand() -> None:
    f = frames()
    refit = told().model.filter(pl.col("session") == told().model["session"].max())
    p = {k.removeprefix("us_"): v for k, v in refit.select("parameter", "value").rows() if k.startswith("us_")}
    rows = {
        s: f.observations.filter(pl.col("series_id") == s).sort("event_date")["value"].to_list()
        for s in ("us_effr", "us_cpi_core", "us_cfnai")
    }
    rate, core = rows["us_effr"][-1], rows["us_cpi_core"][-1] / rows["us_cpi_core"][-13] - 1
    cfnai = np.array(rows["us_cfnai"]) / 100
    gap, change = cfnai[-3:].mean(), cfnai[-3:].mean() - cfnai[-15:-12].mean()
    path = []
    for n in range(1, 5):
        t1 = p["neutral_rate"] + 0.02 + 1.5 * (core - 0.02) + 0.5 * gap
        own = p["neutral_rate"] + 0.02 + p["phi"] * (core - 0.02) + p["theta"] * gap
        t2 = p["rho"] ** n * rate + (1 - p["rho"] ** n) * own
        t3 = rate + n * 0.25 * (core - 0.02) + n * 0.25 * change
        path.append(max(sorted([t1, t2, t3])[1], 0.0))
    assert view(f)["us_model_rate"] == pytest.approx(np.mean(path), abs=1e-12)


def test_without_core_inflation_or_activity_the_reason_is_given_and_brazil_stands() -> None:
    f = frames()
    bare = f.observations.filter(~pl.col("series_id").is_in(["us_cpi_core", "us_cfnai"]))
    refit = told().model["session"].max()
    model = monetary_model(bare, f.policy_path, [refit], table())
    rows = {r["parameter"]: r for r in model.iter_rows(named=True)}
    assert rows["us_neutral_rate"]["value"] is None
    assert rows["us_neutral_rate"]["status"] == "no_view"
    assert rows["neutral_rate"]["value"] is not None
    found = view(replace(f, observations=bare), model)
    assert found["us_score"] is None
    assert "core CPI: nothing known; CFNAI: nothing known" in found["us_reason"]


@pytest.mark.parametrize(("value", "ok"), [(-0.006, False), (0.01, True), (0.026, False)])
def test_the_range_of_r_star(value: float, ok: bool) -> None:
    here = pl.col("parameter") == "us_neutral_rate"
    model = told().model.with_columns(pl.when(here).then(value).otherwise("value").alias("value"))
    found = view(frames(), model)
    assert (found["us_score"] is not None) == ok
    assert ("sanity: r* is" in found["us_reason"]) != ok


def test_an_old_bill_gives_no_view() -> None:
    old = frames().ust_curve.with_columns(pl.col("curve_date").dt.offset_by("-10d"))
    found = view(replace(frames(), ust_curve=old))
    assert found["us_score"] is None
    assert "one-year Treasury is older than 7 days" in found["us_reason"]


@pytest.mark.parametrize(
    ("before", "after", "fallback", "words"),
    [
        (0.01, 0.01, 0.0, ""),
        (-0.02, 0.0, 1.0, "outside its range: one-sided trend instead"),
        (-0.03, -0.03, 0.0, "outside its range, and so is the one-sided trend"),
    ],
)
def test_the_trend_takes_the_filters_place_only_inside_the_range(
    before: float, after: float, fallback: float, words: str
) -> None:
    """Seven years at one real rate and five at another."""
    f = frames()
    months = np.arange(np.datetime64("2012-01"), np.datetime64("2024-01"))
    real = np.where(np.arange(144) < 84, before, after) + 0.002 * np.random.default_rng(0).standard_normal(144)
    none = np.full(144, np.nan)
    last = f.observations["knowledge_time"].max()
    panel = Panel(months, real, real, real, real, real, none, none, date(2024, 1, 1), last)
    rows = {r["parameter"]: r for r in _refit(f.keys[-1], panel, UNITED_STATES, ())}
    assert rows["us_neutral_fallback"]["value"] == fallback
    assert words in rows["us_neutral_rate"]["reason"]
    low, high = UNITED_STATES.bounds
    assert (low <= rows["us_neutral_rate"]["value"] <= high) == (fallback == 1.0 or not words)


def test_a_trend_in_the_filters_place_degrades_and_is_told() -> None:
    f, here = frames(), pl.col("parameter") == "us_neutral_fallback"
    model = told().model.with_columns(pl.when(here).then(1.0).otherwise("value").alias("value"))
    sessions = f.keys[-2:]
    path = monetary_path(f.observations, f.policy_path, model, sessions, MAX_AGE)
    found = monetary_view(f.observations, f.di_curve, f.ust_curve, model, path, sessions, table(), max_age=MAX_AGE)
    row = found.row(-1, named=True)
    assert row["us_score"] is not None
    assert row["status"] == "degraded"
    assert "United States: r* is the one-sided trend" in row["reason"]
