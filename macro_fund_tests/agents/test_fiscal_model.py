"""Fiscal history and refits: the planted balance recovered, the record of forecasts, nothing from the future."""

from __future__ import annotations

from datetime import date

import numpy as np
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from macro_fund.agents.fiscal_fan import YEARS
from macro_fund.agents.fiscal_history import (
    INTEREST,
    PRIMARY,
    SERIES,
    STATED_FOREIGN_SHARE,
    VARIABLES,
    History,
    history,
    trailing_mean,
)
from macro_fund.agents.fiscal_model import (
    MIN_FORECASTS,
    MIN_STEPS,
    fiscal_model,
    fiscal_path,
    past_forecasts,
    refits,
)
from macro_fund.agents.model import refit_sessions
from macro_fund.features.known import states
from macro_fund.store.tables import TABLES
from macro_fund_tests.agents.fiscal_world import fitted, world
from macro_fund_tests.strategies.frames import observed, table

ALL = {d: k for k, d in enumerate(world().days)}


def known(observations: pl.DataFrame, session: date) -> History:
    return history(list(states(observations, SERIES, [session]))[-1])


def at(past: History) -> np.ndarray:
    return np.array([ALL[m] for m in past.months.astype("datetime64[D]").tolist()])


def test_the_identity_gives_back_the_planted_primary() -> None:
    w = world()
    past = known(w.observations, w.keys[-1])
    rows = at(past)
    assert past.months.size > 90
    assert not any((past.primary_observed, past.interest_observed, past.share_observed))
    assert past.foreign_share == STATED_FOREIGN_SHARE
    assert past.values[:, VARIABLES.index("primary")] == pytest.approx(w.primary[rows], abs=1e-9)
    assert past.values[:, VARIABLES.index("growth")] == pytest.approx(w.growth[rows], abs=1e-9)
    assert past.interest == pytest.approx(w.interest[rows], abs=1e-9)
    assert past.debt == pytest.approx(w.debt[rows], abs=1e-12)
    assert (past.adjustment == 0).all()


def test_a_published_primary_is_used_and_the_rest_is_adjustment() -> None:
    """Published with the sign of a deficit, one point of GDP better than what debt did: the point is adjustment."""
    w = world()
    published = observed(PRIMARY, w.days[35:], -(w.primary[35:] + 0.01), 60)
    past = known(pl.concat([w.observations, published]), w.keys[-1])
    assert past.primary_observed
    assert past.values[:, 2] == pytest.approx(w.primary[at(past)] + 0.01, abs=1e-9)
    assert past.adjustment == pytest.approx(0.01, abs=1e-9)


def test_a_primary_that_fell_silent_is_not_used() -> None:
    w = world()
    published = observed(PRIMARY, w.days[35:-20], -w.primary[35:-20], 60)
    assert not known(pl.concat([w.observations, published]), w.keys[-1]).primary_observed


def test_a_published_interest_bill_is_put_on_the_debt_before_it() -> None:
    w = world()
    bill = observed(INTEREST, w.days, np.full(len(w.days), 0.06), 60)
    past = known(pl.concat([w.observations, bill]), w.keys[-1])
    assert past.interest_observed
    planted = np.isfinite(w.growth[at(past)])
    rows = at(past)[planted]
    prices = np.cumprod(1.0 + w.observations.filter(pl.col("series_id") == "br_ipca_mom").sort("event_date")["value"])
    mean = trailing_mean(prices, 12)
    nominal = (1 + w.growth[rows]) * mean[rows] / mean[rows - 12]
    assert past.interest[planted] == pytest.approx(0.06 * nominal / w.debt[rows - 12], abs=1e-9)


def test_the_share_of_foreign_debt_is_read_where_it_is_known() -> None:
    w = world(foreign_share=0.25)
    n = len(w.days)
    stocks = [observed("br_dpfe_stock", w.days, np.full(n, 250.0), 60)]
    stocks.append(observed("br_dpf_stock", w.days, np.full(n, 1000.0), 60))
    past = known(pl.concat([w.observations, *stocks]), w.keys[-1])
    assert (past.foreign_share, past.share_observed) == (0.25, True)
    assert past.values[:, 2] == pytest.approx(w.primary[at(past)], abs=1e-9)


def test_steps_are_every_third_month_back_from_the_newest() -> None:
    w = world()
    past = known(w.observations, w.keys[-1])
    steps = past.steps()
    assert steps.months[-1] == past.months[-1]
    assert set(np.diff(steps.months).astype(int)) == {3}
    assert steps.months[0] - past.months[0] < np.timedelta64(3, "M")
    assert (steps.values[-2] == past.values[-4]).all()


def test_refit_rows_and_fan_rows() -> None:
    w = world()
    model, path = fitted()
    days = refit_sessions(w.keys, table())
    assert model["session"].unique().sort().to_list() == days
    assert path["session"].unique().sort().to_list() == days
    assert path.height == len(days) * YEARS
    for key, frame in (("agents/fiscal_model", model), ("agents/fiscal_path", path)):
        assert frame.schema == TABLES[key].schema
        assert frame.equals(frame.sort(TABLES[key].sort))
    assert (
        path["knowledge_time"]
        == model.group_by("session")
        .agg(pl.col("knowledge_time").max())
        .sort("session")
        .join(path.select("session"), on="session")["knowledge_time"]
    ).all()
    one = model.filter(pl.col("session") == days[-1])
    named = dict(one.select("parameter", "value").rows())
    assert named["start_debt"] == pytest.approx(w.debt[ALL[one["data_to"][0]]], abs=1e-12)
    assert named["forecast_1y"] == path.filter(pl.col("session") == days[-1])["deterministic"][0]
    assert one["status"].unique().to_list() == ["degraded"]
    assert "implied by the debt identity" in one["reason"][0]


def test_too_little_history_gives_no_fan_and_says_so() -> None:
    w = world()
    late = w.observations.filter(pl.col("event_date") >= date(2004, 6, 1))
    keys = w.keys[:300]
    model = fiscal_model(late, keys, keys, table())
    assert model["status"].unique().to_list() == ["no_view"]
    assert f"{MIN_STEPS} needed" in model["reason"][0]
    assert model["value"].null_count() == model.height
    assert fiscal_path(late, model, keys, table()).height == 0


def test_the_record_uses_outcomes_that_are_known() -> None:
    """The ratio rebuilt with loops from the model's own rows, and each outcome's month known at the refit."""
    w = world()
    model, _ = fitted()
    days = refit_sessions(w.keys, table())
    wide = model.pivot("parameter", index=["session", "data_to"], values="value").sort("session")
    last = wide.row(-1, named=True)
    seen: dict[date, tuple[float, float]] = {}
    for row in wide.iter_rows(named=True):
        seen.setdefault(row["data_to"], (row["forecast_1y"], row["start_debt"]))
    errors = []
    for data_to, (forecast, start) in seen.items():
        due = data_to.replace(year=data_to.year + 1)
        if due <= last["data_to"]:
            errors.append((w.debt[ALL[due]] - forecast, w.debt[ALL[due]] - start))
    own, naive = np.sqrt(np.mean(np.square(errors), axis=0))
    assert len(errors) >= MIN_FORECASTS
    assert last["rmse_ratio"] == pytest.approx(own / naive, rel=1e-9)
    *earlier, found = refits(w.observations, days)
    cases = past_forecasts(found, earlier, 1)
    assert cases["data_to"].max() <= last["data_to"].replace(year=last["data_to"].year - 1)
    assert model.filter(pl.col("session") == days[0], pl.col("parameter") == "rmse_ratio")["value"].to_list() == [None]


def test_any_window_gives_the_same_rows() -> None:
    w = world()
    model, path = fitted()
    days = refit_sessions(w.keys, table())
    for day in (days[0], days[13], days[-1]):
        window = [k for k in w.keys if day <= k][:5]
        alone = fiscal_model(w.observations, window, [k for k in w.keys if k <= window[-1]], table())
        assert_frame_equal(alone, model.filter(pl.col("session") == day), check_exact=True)
        fan = fiscal_path(w.observations, alone, window, table())
        assert_frame_equal(fan, path.filter(pl.col("session") == day), check_exact=True)
    between = [k for k in w.keys if k not in days][:10]
    assert fiscal_model(w.observations, between, between, table()).height == 0


def test_random_past_refits_know_nothing_later() -> None:
    """As if later rows did not exist, and with later rows poisoned."""
    w = world()
    model, path = fitted()
    days = refit_sessions(w.keys, table())
    for k in np.random.default_rng(2).choice(len(days), 6, replace=False):
        day = days[int(k)]
        past = [s for s in w.keys if s <= day]
        rest = w.observations.filter(pl.col("session") <= day)
        later = w.observations.filter(pl.col("session") > day).with_columns(value=pl.lit(float("nan")))
        for rows in (rest, pl.concat([rest, later])):
            alone = fiscal_model(rows, [day], past, table())
            assert_frame_equal(alone, model.filter(pl.col("session") == day), check_exact=True)
            fan = fiscal_path(rows, alone, [day], table())
            assert_frame_equal(fan, path.filter(pl.col("session") == day), check_exact=True)


def test_a_revision_counts_from_the_session_in_which_it_was_seen() -> None:
    w = world()
    model, _ = fitted()
    days = refit_sessions(w.keys, table())
    old = w.observations.filter((pl.col("series_id") == "br_dbgg_gdp") & (pl.col("event_date") == date(2009, 6, 1)))
    revised = old.with_columns(
        pl.col("value") + 0.02, session=pl.lit(days[20]), knowledge_time=pl.lit(days[20]).cast(pl.Datetime("us", "UTC"))
    )
    rows = pl.concat([w.observations, revised]).sort("session", "series_id", "event_date")
    moved = fiscal_model(rows, w.keys, w.keys, table())
    before = pl.col("session") < days[20]
    assert_frame_equal(moved.filter(before), model.filter(before), check_exact=True)
    name = (pl.col("parameter") == "const_primary") & (pl.col("session") == days[20])
    assert moved.filter(name)["value"][0] != model.filter(name)["value"][0]
