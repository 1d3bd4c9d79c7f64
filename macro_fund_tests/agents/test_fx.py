"""FX agent: numbers by hand, signs, silences, the planted equilibrium, and that it never looks ahead."""

from __future__ import annotations

from datetime import date
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from macro_fund.agents.fx_inputs import flow_score
from macro_fund.agents.fx_model import PARAMETERS
from macro_fund.agents.fx_panel import CURRENT_ACCOUNT, EX_ANTE, GDP_USD, cumulated_balance, monthly_means, monthly_rows
from macro_fund.agents.fx_record import fx_cases, fx_record
from macro_fund.store.agent_tables import FX_PARTS
from macro_fund.store.tables import TABLES
from macro_fund_tests.agents.fx_world import BETA, HALF_LIFE, fx_world, market
from macro_fund_tests.strategies.frames import MAX_AGE, poisoned, table


def last(frame: pl.DataFrame) -> dict[str, Any]:
    return frame.row(-1, named=True)


def parameters(model: pl.DataFrame) -> dict[str, Any]:
    """The parameters of the newest refit."""
    return dict(model.filter(pl.col("session") == pl.col("session").max()).select("parameter", "value").rows())


def test_shapes() -> None:
    w = fx_world()
    view, model = w.view(), w.model(w.keys[-60:])
    assert view.schema == TABLES["agents/fx_view"].schema
    assert model.schema == TABLES["agents/fx_model"].schema
    assert view["status"].to_list() == ["degraded"] * 20
    assert view["confidence"].is_between(0, 0.4).all()
    firsts = [b for a, b in zip(w.keys, w.keys[1:], strict=False) if a.month != b.month]
    assert model["session"].unique().sort().to_list() == [s for s in firsts if s >= w.keys[-60]]
    assert model.group_by("session").len()["len"].to_list() == [len(PARAMETERS)] * 2


def test_the_planted_equilibrium_is_found() -> None:
    w = fx_world()
    found = parameters(w.model(w.keys[-60:]))
    assert found["used"] == 1.0
    assert found["spot_correlation"] > 0.8
    for name, truth in BETA.items():
        assert found[f"beta_{name}"] == pytest.approx(truth, abs=0.4)
    assert found["half_life_low"] < HALF_LIFE < (found["half_life_high"] or np.inf)
    assert found["source_real_rate_gap"] == 1.0
    assert found["beta_sovereign_spread"] is None


def test_misalignment_and_score_by_hand() -> None:
    w = fx_world()
    session = w.keys[-1]
    row, p = last(w.view()), parameters(w.model(w.keys[-60:]))
    known = w.observations.filter(pl.col("session") <= session)

    def newest(series: str) -> tuple[date, float]:
        return max(known.filter(pl.col("series_id") == series).select("event_date", "value").rows())

    month, reer = newest("br_reer_ipca")
    daily = known.filter(pl.col("series_id") == "br_usdbrl_ptax_ask")
    of_month = daily.filter(pl.col("event_date").dt.truncate("1mo") == month)["value"].mean()
    tips = known.filter(pl.col("series_id") == "us_real_par_5y").with_columns(m=pl.col("event_date").dt.truncate("1mo"))
    gaps = {}
    for m in (month, newest("br_ipca_12m")[0]):
        values = known.filter(pl.col("event_date") == m)
        selic, ipca = (
            values.filter(pl.col("series_id") == s)["value"] for s in ("br_selic_month_annualised", "br_ipca_12m")
        )
        if selic.len() and ipca.len():
            gaps[m] = (1 + selic[0]) / (1 + ipca[0]) - 1 - tips.filter(pl.col("m") == m)["value"].mean()
    fair = p["const"] + p["beta_terms_of_trade"] * np.log(newest("br_terms_of_trade")[1])
    fair += p["beta_real_rate_gap"] * gaps[max(gaps)]
    now = np.log(reer) + p["spot_slope"] * np.log(newest("br_usdbrl_ptax_ask")[1] / of_month)
    assert row["misalignment"] == pytest.approx(now - fair, abs=1e-9)
    assert row["part_misalignment"] == pytest.approx(np.clip((now - fair) / 0.15, -1, 1), abs=1e-9)
    weights = {"misalignment": 0.35, "carry": 0.25, "flow": 0.20, "momentum": 0.20}
    assert {k: row[f"weight_{k}"] for k in FX_PARTS} == pytest.approx(weights)
    assert row["state_score"] == pytest.approx(sum(weights[k] * row[f"part_{k}"] for k in FX_PARTS), abs=1e-12)
    assert row["view_brl"] == row["state_score"]
    signs = abs(sum(np.sign(row[f"part_{k}"]) for k in FX_PARTS)) / 4
    record = 0.5 if p["rmse_ratio"] is None else float(np.clip(1.5 - p["rmse_ratio"], 0.2, 1.0))
    assert row["confidence"] == pytest.approx(min((0.5 + 0.5 * signs) * record, 0.4))


def test_carry_is_covered_interest_by_hand() -> None:
    """F / S over a quarter: (1 + DI)^(63/252) on 1 + coupon x 90/360; times 4 a year; on realised volatility."""
    w = fx_world()
    row, session = last(w.view()), w.keys[-1]
    di = w.frames["di_curve"].filter((pl.col("session") == session) & (pl.col("tenor_bd") == 63))["rate"][0]
    coupon = w.frames["cupom_curve"].filter(pl.col("session") == session)["rate"][0]
    spot = w.frames["market"].filter((pl.col("session") == session) & (pl.col("series_id") == "br_usdbrl_ptax_ask"))
    carry = 4 * np.log((1 + di) ** 0.25 / (1 + coupon / 4))
    assert row["carry"] == pytest.approx(carry, abs=1e-12)
    assert row["carry_to_risk"] == pytest.approx(carry / (spot["vol_63d"][0] * np.sqrt(252)), abs=1e-12)
    without = last(w.with_rows(cupom_curve=w.frames["cupom_curve"].head(0)).view())
    us = w.frames["market"].filter((pl.col("session") == session) & (pl.col("series_id") == "us_par_3mo"))["value"][0]
    assert without["carry"] == pytest.approx(np.log(1 + di) - 2 * np.log(1 + us / 2), abs=1e-12)
    assert "3-month Treasury" in without["reason"]


def test_contributions_sum_and_views() -> None:
    w = fx_world()
    view = w.view(w.keys[-200:])
    sums = view.select(pl.col("drivers").list.eval(pl.element().struct.field("contribution")).list.sum()).to_series()
    assert (sums - view["state_score"]).abs().max() < 1e-9
    others = [c for c in view.columns if c.startswith("view_") and c != "view_brl"]
    assert view.select(others).null_count().row(0) == (200,) * len(others)


def test_signs() -> None:
    """A stronger real exchange rate speaks against the real; dollars coming in and dearer DI speak for it."""
    w = fx_world()
    model, since = w.model(w.keys[-60:]), w.keys[-3]
    base = last(w.view(model=model))
    strong = last(w.changed("br_reer_ipca", pl.col("value") * 0.8, since=w.keys[-40]).view(model=model))
    assert strong["misalignment"] == pytest.approx(base["misalignment"] + np.log(0.8), abs=1e-9)
    assert strong["state_score"] < base["state_score"]
    dear = last(w.changed("br_terms_of_trade", pl.col("value") * 1.05, since=w.keys[-60]).view(model=model))
    assert dear["fair_reer"] < base["fair_reer"]
    assert dear["misalignment"] > base["misalignment"]
    inflow = last(w.changed("br_fx_flow_total", pl.col("value") + 150.0, since=since).view(model=model))
    assert inflow["part_flow"] > base["part_flow"]
    later = pl.col("session") >= since
    curve = w.frames["di_curve"].with_columns(
        pl.when(later).then(pl.col("rate") + 0.02).otherwise("rate").alias("rate")
    )
    richer = last(w.with_rows(di_curve=curve).view(model=model))
    assert richer["carry"] > base["carry"]
    assert richer["part_carry"] > base["part_carry"]
    up = w.changed("br_usdbrl_ptax_ask", pl.col("value") * 1.04, since=since)
    jump = last(up.with_rows(market=market(up.observations, curve, w.keys)).view(model=model))
    assert jump["part_momentum"] < base["part_momentum"]
    assert jump["misalignment"] > base["misalignment"]


def test_any_window_gives_the_same_rows() -> None:
    w = fx_world()
    model = w.model()
    together = w.view(w.keys[-300:], model=model)
    for session in (w.keys[-300], w.keys[-121], w.keys[-1]):
        alone = w.view([session], model=model)
        assert_frame_equal(alone, together.filter(pl.col("session") == session), check_exact=True)
    refits = model["session"].unique().sort().to_list()
    for session in (refits[-1], refits[-20], refits[-50]):
        assert_frame_equal(w.model([session]), model.filter(pl.col("session") == session), check_exact=True)


def test_later_rows_do_not_exist() -> None:
    """Sessions and refits drawn at random equal a run in a world that ends with them."""
    w = fx_world()
    model = w.model()
    view = w.view(w.keys, model=model)
    rng = np.random.default_rng(2)
    for session in sorted(rng.choice(np.array(w.keys[300:], dtype="datetime64[D]"), 12, replace=False).tolist()):
        short = w.until(session)
        expected = view.filter(pl.col("session") == session)
        known = model.filter(pl.col("session") <= session)
        assert_frame_equal(short.view([session], model=known), expected, check_exact=True)
    for refit in model["session"].unique().sort().to_list()[-60::12]:
        expected = model.filter(pl.col("session") == refit)
        assert_frame_equal(w.until(refit).model([refit]), expected, check_exact=True)


def test_poison_after_the_session_changes_nothing() -> None:
    w, cut = fx_world(), fx_world().keys[-30]
    window = w.keys[-50:-29]
    later = pl.col("session") > cut
    spoilt = w.with_rows(di_curve=poisoned(w.frames["di_curve"], cut))
    spoilt = spoilt.changed("br_reer_ipca", pl.lit(float("nan")), since=w.keys[-29])
    spoilt = spoilt.with_rows(
        positioning=w.frames["positioning"].with_columns(pl.when(later).then(float("nan")).otherwise("z").alias("z"))
    )
    assert_frame_equal(spoilt.view(window), w.view(window), check_exact=True)


def test_a_real_exchange_rate_of_the_other_sign_is_not_used() -> None:
    """The BIS index rises on appreciation: taken by mistake it must not turn the view round."""
    w = fx_world().changed("br_reer_ipca", 10000.0 / pl.col("value"))
    assert parameters(w.model(w.keys[-60:]))["used"] == 0.0
    row = last(w.view())
    assert row["weight_misalignment"] == 0.0
    assert any("correlation of the real exchange rate with USDBRL" in f for f in row["sanity_flags"])
    assert row["weight_carry"] == pytest.approx(0.25 / 0.65)
    assert sum(row[f"weight_{k}"] for k in FX_PARTS) == pytest.approx(1.0)


def test_missing_parts_are_left_out_not_zero() -> None:
    w = fx_world()
    flowless = w.without("br_fx_flow_total").with_rows(positioning=w.frames["positioning"].head(0))
    row = last(flowless.view())
    assert row["part_flow"] is None
    assert row["weight_flow"] == 0.0
    assert row["weight_misalignment"] == pytest.approx(0.35 / 0.8)
    assert "flow: contracted flow and CFTC positions are missing" in row["reason"]
    one = last(w.without("br_fx_flow_total").view())
    assert "flow is CFTC positions alone" in one["reason"]
    gone = last(w.without("br_reer_ipca").view())
    assert gone["misalignment"] is None
    assert gone["weight_misalignment"] == 0.0


def test_no_market_gives_no_view() -> None:
    w = fx_world()
    row = last(w.with_rows(market=w.frames["market"].head(0)).view())
    assert row["status"] == "no_view"
    assert "45% needed" in row["reason"]
    assert row["state_score"] is None
    assert row["view_brl"] is None
    assert row["drivers"] == []


@pytest.mark.parametrize(
    ("spoilt", "words"),
    [
        (fx_world().changed("br_reer_ipca", pl.col("value") * 1.6, since=fx_world().keys[-20]), "misalignment is"),
        (
            fx_world().with_rows(di_curve=fx_world().frames["di_curve"].with_columns(pl.col("rate") + 0.6)),
            "carry to risk is",
        ),
    ],
)
def test_sanity_breaches_give_no_view(spoilt: Any, words: str) -> None:
    row = last(spoilt.view(model=fx_world().model(fx_world().keys[-60:])))
    assert row["status"] == "no_view"
    assert any(words in flag for flag in row["sanity_flags"])
    assert row["state_score"] is None
    assert row["confidence"] is None


def test_a_half_life_outside_its_range_gives_no_view() -> None:
    w = fx_world()
    model = w.model(w.keys[-60:])
    slow = pl.when(pl.col("parameter") == "half_life").then(61.0).otherwise("value").alias("value")
    row = last(w.view(model=model.with_columns(slow)))
    assert row["status"] == "no_view"
    assert "half-life of a misalignment is 61" in row["reason"]


def test_too_few_months_are_no_model() -> None:
    w = fx_world()
    early = w.model(w.keys[:200])
    assert set(early["status"]) == {"no_view"}
    assert "fewer than 120 months" in early["reason"][0]
    assert early.filter(pl.col("parameter") != "used")["value"].null_count() == early.height - 10


def test_a_stale_fundamental_takes_the_equilibrium_out() -> None:
    w = fx_world()
    model = w.model(w.keys[-60:])
    row = last(w.without("br_terms_of_trade", since=w.keys[-200]).view(model=model))
    assert row["weight_misalignment"] == 0.0
    assert "is stale or unknown" in row["reason"]


def test_flow_is_read_against_once_extreme_until_it_is_ordinary() -> None:
    path = [0.0, 1.0, 2.0, 2.5, 1.8, 1.5, 1.4, -2.2, -1.6, None, -1.6, -1.0, 5.0]
    expected = [0.0, 0.5, 1.0, -1.0, -0.3, 0.0, 0.7, 0.7, 0.1, None, 0.1, -0.5, -1.0]
    assert flow_score(path) == pytest.approx(expected)


@given(st.lists(st.one_of(st.none(), st.floats(-6, 6)), max_size=60))
def test_flow_score_stays_in_range_and_mirrors(path: list[float | None]) -> None:
    found = flow_score(path)
    assert all(s is None or -1.0 <= s <= 1.0 for s in found)
    mirrored = flow_score([None if f is None else -f for f in path])
    assert mirrored == [None if s is None else pytest.approx(-s) for s in found]
    assert flow_score(path[: len(path) // 2]) == found[: len(path) // 2]


def test_a_month_is_known_when_the_next_has_begun() -> None:
    path = pl.DataFrame(
        {
            "session": [date(2020, 1, 30), date(2020, 1, 31), date(2020, 2, 4), date(2020, 2, 28), date(2020, 3, 2)],
            "event_date": [
                date(2020, 1, 29),
                date(2020, 1, 30),
                date(2020, 2, 3),
                date(2020, 2, 27),
                date(2020, 2, 28),
            ],
            "value": [1.0, 3.0, 5.0, 7.0, 9.0],
            "knowledge_time": pl.Series([date(2020, 1, 30)] * 5).cast(pl.Datetime("us", "UTC")),
        }
    )
    found = monthly_means(path, "x")
    assert found.select("session", "event_date", "value").rows() == [(date(2020, 2, 4), date(2020, 1, 1), 2.0)]


def test_foreign_assets_by_hand() -> None:
    gdp, balance = np.full(15, 100.0), np.full(15, -12.0)
    balance[13] = 24.0
    found = cumulated_balance({CURRENT_ACCOUNT: balance, GDP_USD: gdp})
    assert np.isnan(found[:11]).all()
    assert found[11:] == pytest.approx([-0.01, -0.02, 0.0, -0.01])


def test_record_pairs_what_was_said_with_what_followed() -> None:
    w = fx_world()
    model = w.model()
    view = w.view(w.keys, model=model)
    spot = w.frames["market"].filter(pl.col("series_id") == "br_usdbrl_ptax_ask").select("session", "value")
    cases = fx_cases(view, model, spot, 6)
    assert cases["session"].to_list() == [b for a, b in zip(w.keys, w.keys[1:], strict=False) if a.month != b.month]
    row = cases.filter(pl.col("session") == date(2016, 3, 1)).row(0, named=True)
    later = table().offset(date(2016, 3, 1), 126)
    prices = dict(spot.rows())
    assert row["change"] == pytest.approx(np.log(prices[later] / prices[date(2016, 3, 1)]), abs=1e-12)
    assert row["brl_return"] == pytest.approx(row["forward"] - row["change"], abs=1e-12)
    record = fx_record(view, model, spot)
    assert set(record.forecasts["benchmark"]) == {"random_walk", "forward"}
    link = record.links.filter((pl.col("link") == "misalignment and appreciation") & (pl.col("months") == 12))
    assert link["correlation"][0] > 0.2


def test_errors_say_what_is_missing() -> None:
    from macro_fund.agents.fx import fx_view

    w = fx_world()
    with pytest.raises(ValueError, match="max_age lacks"):
        fx_view(w.observations, w.frames, w.model(w.keys[-60:]), w.keys[-1:], table(), max_age={})


def test_the_ex_ante_rate_of_a_month_moves_with_the_di_curve() -> None:
    """It enters the equilibrium once it has 120 months, which no young fund has: here its months are looked at."""
    w = fx_world()
    curve = w.frames["di_curve"]
    survey = curve.filter(pl.col("tenor_bd") == 252).select(
        pl.lit("br_focus_ipca_12m_smooth").alias("series_id"),
        "session",
        pl.col("curve_date").alias("event_date"),
        pl.lit(0.05).alias("value"),
        pl.lit(w.observations["knowledge_time"].min()).alias("knowledge_time"),
    )
    seen = pl.concat([w.observations.select(survey.columns), survey])

    def rates(rows: pl.DataFrame) -> pl.DataFrame:
        found = monthly_rows(seen, rows, w.keys[-1], MAX_AGE)
        return found.filter(pl.col("series_id") == EX_ANTE).sort("event_date")

    base, higher = rates(curve), rates(curve.with_columns(pl.col("rate") + 0.01))
    assert base.height > 80
    assert ((higher["value"] - base["value"]) - 0.01 / 1.05).abs().max() < 1e-12
