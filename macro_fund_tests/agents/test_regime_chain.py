"""The regime's chain: what a refit stores, why it is refused, and that only the past enters, bit by bit."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from functools import cache

import numpy as np
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from macro_fund.agents.as_known import Vintage
from macro_fund.agents.hmm import Chain, filtered
from macro_fund.agents.regime import P, regime_view
from macro_fund.agents.regime_axes import Known, axes_matrix, measured, month_of
from macro_fund.agents.regime_chain import (
    CORNERS,
    QUADRANTS,
    chain_probabilities,
    frozen,
    objections,
    regime_model,
    seeds_of,
)
from macro_fund.agents.regime_inputs import COMPONENTS, MACRO, MARKET
from macro_fund.store.tables import TABLES
from macro_fund_tests.strategies.frames import MAX_AGE, observed, poisoned, table, world

N = 1560  # to the spring of 2016: a good year beyond 120 months of both axes


def model(observations: pl.DataFrame, sessions: list[date]) -> pl.DataFrame:
    return regime_model(observations, sessions, table(), max_age=MAX_AGE)


@cache
def refits() -> pl.DataFrame:
    """The refits of the last twelve months of the world."""
    w = world(N)
    return model(w.observations, w.keys[-250:])


@cache
def in_use() -> pl.DataFrame:
    """The same refits as if none had been refused."""
    found = refits().filter(pl.col("status") != "no_view")
    return found.with_columns(pl.lit("ok").alias("status"), pl.lit("").alias("reason"))


def of(frame: pl.DataFrame, session: date) -> dict[str, float | None]:
    return dict(frame.filter(pl.col("session") == session).select("parameter", "value").rows())


def test_one_refit_a_month_with_everything_a_session_needs():
    found = refits()
    assert found.schema == TABLES["agents/regime_model"].schema
    days = found["session"].unique().sort().to_list()
    assert len({(d.year, d.month) for d in days}) == len(days) == 12
    for day in days:
        assert (table().offset(day, -1).month) != day.month
        fit = frozen(of(found, day))
        assert fit.chain.move.sum(axis=1) == pytest.approx(np.ones(4), abs=1e-9)
        assert fit.chain.start.sum() == pytest.approx(1.0, abs=1e-9)
        assert fit.chain.shares.sum() == pytest.approx(1.0, abs=1e-9)
        assert set(fit.scales) == {c.name for c in COMPONENTS}
    assert (found["knowledge_time"] <= found["session"].cast(pl.Datetime("us", "UTC")).dt.offset_by("12h")).all()
    assert found["n_obs"].max() >= 120


def test_too_short_a_history_is_no_refit():
    w = world(700)
    found = model(w.observations, w.keys[-22:])
    assert set(found["status"]) == {"no_view"}
    assert found["reason"].str.contains("120 months").all()
    assert found["value"].null_count() == found.height


def test_a_refit_is_the_same_alone_in_a_range_and_without_the_future():
    w = world(N)
    for day in refits()["session"].unique().sort().to_list()[::4]:
        alone = refits().filter(pl.col("session") == day)
        assert_frame_equal(model(w.observations, [day]), alone, check_exact=True)
        assert_frame_equal(model(w.observations.filter(pl.col("session") <= day), [day]), alone, check_exact=True)
        assert_frame_equal(model(poisoned(w.observations, day), [day]), alone, check_exact=True)


def test_the_first_session_of_all_is_a_refit_and_an_ordinary_one_is_not():
    w = world(700)
    assert model(w.observations, w.keys[:1])["session"].to_list() == w.keys[:1]
    assert model(w.observations, w.keys[1:3]).is_empty()


def test_seeds_are_of_the_session():
    assert seeds_of(date(2015, 3, 2)) == seeds_of(date(2015, 3, 2))
    assert not set(seeds_of(date(2015, 3, 2))) & set(seeds_of(date(2015, 4, 1)))


@pytest.mark.parametrize("gone", ["us_cfnai", "us_cpi_core"])
def test_a_component_that_is_stale_or_absent_is_not_in_the_refit(gone: str):
    w = world(N)
    day = refits()["session"].max()
    absent = w.observations.filter(pl.col("series_id") != gone)
    stale = w.observations.filter((pl.col("series_id") != gone) | (pl.col("event_date") < date(2015, 1, 1)))
    name = next(c.name for c in COMPONENTS if gone in c.series)
    for rows in (absent, stale):
        names = set(of(model(rows, [day]), day))
        assert f"scale_{name}" not in names
        assert "mean_growth_reflation" in names


def accepted() -> tuple[Chain, Chain]:
    """A chain that nothing speaks against, and a simpler one that is worse."""
    c = Chain(np.full(4, 0.25), np.eye(4), CORNERS, np.ones((4, 2)), np.full(4, 0.25), -100.0, 300.0, 20, True)
    return c, replace(c, bic=310.0)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"converged": False, "iterations": 300}, "no convergence in 300 steps"),
        ({"shares": np.array([0.5, 0.3, 0.16, 0.04])}, "below 5% of the sample (deflation 4.0%)"),
        ({"means": CORNERS * np.array([[1, 1], [1, 1], [-1, 1], [1, 1]])}, "two states in one quadrant (3 of 4"),
        ({"bic": 310.0}, "BIC 310.0 is worse than with 2 states"),
    ],
)
def test_why_a_chain_is_not_used(change: dict[str, object], words: str):
    good, simpler = accepted()
    assert objections(good, simpler) == []
    (why,) = objections(replace(good, **change), simpler)  # type: ignore[arg-type]
    assert words in why


def test_probabilities_are_the_recursion_over_the_vintage_of_the_morning():
    w = world(N)
    day = w.keys[-7]
    found = chain_probabilities(w.observations, in_use(), [day]).row(0, named=True)
    refit = max(d for d in in_use()["session"].unique() if d <= day)
    fit = frozen(of(in_use(), refit))
    known = Known(w.observations.filter(pl.col("session") <= day), day)
    first, rows = axes_matrix(known, day, fit.scales)
    assert np.isfinite(rows[:-2]).all()
    ahead = month_of(day) - (first + len(rows) - 1)
    assert ahead >= 1, "the newest month published is not this one"
    p = filtered(rows, fit.chain)[-1] @ np.linalg.matrix_power(fit.chain.move, ahead)
    assert [found[n] for n in P] == pytest.approx(p, abs=1e-12)
    assert 0.0 < found["p_leave"] < 1.0


def conditions(keys: list[date]) -> list[pl.DataFrame]:
    """silver/macro and silver/market_features with calm markets."""
    frames = []
    for key, column, names in (
        ("silver/macro", "feature_id", MACRO),
        ("silver/market_features", "series_id", MARKET),
    ):
        schema = TABLES[key].schema
        grid = pl.DataFrame({"session": keys}).join(pl.DataFrame({column: list(names)}), how="cross")
        full = grid.with_columns(z=pl.lit(0.0), value=pl.lit(0.0), status=pl.lit("ok"), event_date=pl.col("session"))
        absent = [pl.lit(None, t).alias(n) for n, t in schema.items() if n not in full.columns]
        frames.append(full.with_columns(absent).select(pl.col(n).cast(t) for n, t in schema.items()))
    return frames


def view(observations: pl.DataFrame, sessions: list[date], used: pl.DataFrame) -> pl.DataFrame:
    return regime_view(observations, *conditions(world(N).keys), used, sessions, table(), max_age=MAX_AGE)


def test_the_view_uses_the_chain_from_its_refit_on():
    w = world(N)
    start = in_use()["session"].min()
    found = view(w.observations, w.keys[-270:], in_use())
    before, after = (found.filter(test) for test in (pl.col("session") < start, pl.col("session") >= start))
    assert set(before["method"]) == {"rule"}
    assert set(after["method"]) == {"chain"}
    assert set(before["status"]) == {"degraded"}
    calm = after.filter(pl.col("reason") == "")
    assert calm.height > 0.8 * after.height
    assert set(calm["status"]) == {"ok"}
    total = found.select(pl.sum_horizontal(P)).to_series()
    assert (total - 1.0).abs().max() <= 1e-9
    leave = after["risks"].list.get(0).struct.field("prob")
    assert leave.is_between(0, 1).all()
    assert before["risks"].list.get(0).struct.field("prob").null_count() == before.height


def test_the_view_at_random_mornings_is_one_without_later_rows():
    w = world(N)
    window = w.keys[-250:]
    together = view(w.observations, window, in_use())
    for n, k in enumerate(np.random.default_rng(5).choice(len(window), 24, replace=False)):
        day = window[int(k)]
        alone = together.filter(pl.col("session") == day)
        past = in_use().filter(pl.col("session") <= day)
        seen = w.observations.filter(pl.col("session") <= day)
        assert_frame_equal(view(seen, [day], past), alone, check_exact=True)
        if n < 4:
            assert_frame_equal(view(poisoned(w.observations, day), [day], in_use()), alone, check_exact=True)


def test_a_jump_of_more_than_a_half_is_flagged():
    w = world(N)
    found = view(w.observations, w.keys[-250:], in_use())
    moved = found.with_columns(change=pl.max_horizontal(pl.col(p).diff().abs() for p in P)).slice(1)
    jumped = moved.filter(pl.col("change") > 0.5)
    assert jumped.height, "the world has a jump to speak of"
    assert jumped["sanity_flags"].list.len().min() == 1
    assert set(jumped["status"]) == {"degraded"}
    assert moved.filter(pl.col("change") <= 0.5)["sanity_flags"].list.len().max() == 0


def test_months_before_a_hole_do_not_count():
    component = next(c for c in COMPONENTS if c.name == "cfnai")
    periods = np.array(["2010-01", "2010-02", "2010-04", "2010-05", "2010-06", "2010-07"], dtype="datetime64[M]")
    vintage = Vintage(
        date(2011, 1, 3), periods.astype("datetime64[D]"), np.arange(6.0), datetime(2011, 1, 1, tzinfo=UTC)
    )
    months, path = measured(component, {"us_cfnai": vintage})
    assert path.tolist() == [3.0, 4.0]
    assert months.astype("datetime64[M]").astype(str).tolist() == ["2010-06", "2010-07"]


def test_an_axis_waits_for_all_its_components():
    w = world(N)
    day = in_use()["session"].max()
    fit = frozen(of(in_use(), day))
    seen = w.observations.filter(pl.col("session") <= day)
    _, rows = axes_matrix(Known(seen, day), day, fit.scales)
    newest = seen.filter(pl.col("series_id") == "us_cfnai")["event_date"].max()
    late = observed("us_cfnai", [newest], np.array([float("nan")]), 0)
    fewer = pl.concat([seen.filter((pl.col("series_id") != "us_cfnai") | (pl.col("event_date") < newest)), late])
    _, with_less = axes_matrix(Known(fewer, day), day, fit.scales)
    assert np.isfinite(with_less[:, 0]).sum() <= np.isfinite(rows[:, 0]).sum()
    assert np.array_equal(with_less[:-3], rows[: len(with_less) - 3])


def test_a_parameter_that_is_missing_is_an_error():
    values = of(in_use(), in_use()["session"].max())
    values.pop(f"start_{next(iter(QUADRANTS))}")
    with pytest.raises(KeyError, match="start_goldilocks"):
        frozen(values)


def test_a_refused_refit_leaves_its_month_to_the_rule():
    w = world(N)
    day = in_use()["session"].max()
    why = "two states in one quadrant (3 of 4 taken)"
    refused = in_use().with_columns(
        pl.when(pl.col("session") == day).then(pl.lit("degraded")).otherwise("status").alias("status"),
        pl.when(pl.col("session") == day).then(pl.lit(why)).otherwise("reason").alias("reason"),
    )
    found = view(w.observations, [d for d in w.keys[-60:] if d >= table().offset(day, -3)], refused)
    before, after = (found.filter(test) for test in (pl.col("session") < day, pl.col("session") >= day))
    assert set(before["method"]) == {"chain"}
    assert set(after["method"]) == {"rule"}
    assert after["reason"].str.contains(f"regime by rule: {why}", literal=True).all()
    assert after["confidence"].max() <= 0.4
