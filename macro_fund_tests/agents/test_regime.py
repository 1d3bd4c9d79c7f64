"""Regime agent: probabilities, signs, silences, and that it never looks ahead."""

from __future__ import annotations

from datetime import UTC, date, datetime

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from macro_fund.agents.as_known import Vintage
from macro_fund.agents.regime import QUADRANTS, VIEWS, probabilities, regime_view
from macro_fund.agents.regime_inputs import (
    acceleration_of_index,
    acceleration_of_rates,
    average_3m,
    growth_3m,
    last_z,
)
from macro_fund.store.tables import TABLES
from macro_fund_tests.strategies.frames import MAX_AGE, World, observed, poisoned, table, world

N = 700
P = [f"p_{name}" for name in QUADRANTS]


def view(w: World, sessions: list[date] | None = None, observations: pl.DataFrame | None = None) -> pl.DataFrame:
    rows = w.observations if observations is None else observations
    return regime_view(rows, sessions or w.keys[-20:], table(), max_age=MAX_AGE)


def last(frame: pl.DataFrame) -> dict[str, object]:
    return frame.row(-1, named=True)


def at(growth: float, inflation: float) -> dict[str, float]:
    frame = pl.DataFrame({"x": [growth], "y": [inflation]}, schema={"x": pl.Float64, "y": pl.Float64})
    return frame.select(**probabilities(pl.col("x"), pl.col("y"))).row(0, named=True)


def scaled(observations: pl.DataFrame, series: str, since: date, factor: float) -> pl.DataFrame:
    here = (pl.col("series_id") == series) & (pl.col("session") >= since)
    return observations.with_columns(pl.when(here).then(pl.col("value") * factor).otherwise("value").alias("value"))


def test_shape_and_a_view() -> None:
    found = view(world(N))
    assert found.schema == TABLES["agents/regime_view"].schema
    assert set(found["status"]) <= {"ok", "degraded"}
    assert found["state_score"].is_between(-1, 1).all()
    assert found["confidence"].is_between(0, 1).all()


@given(st.floats(-3, 3), st.floats(-3, 3))
@settings(max_examples=80, deadline=None)
def test_probabilities_sum_to_one_and_follow_the_quadrant(growth: float, inflation: float) -> None:
    p = at(growth, inflation)
    assert sum(p.values()) == pytest.approx(1.0, abs=1e-9)
    nearest = min(QUADRANTS, key=lambda r: (growth - QUADRANTS[r][0]) ** 2 + (inflation - QUADRANTS[r][1]) ** 2)
    assert p[nearest] >= max(p.values()) - 1e-12


def test_probabilities_are_the_softmax_of_distances() -> None:
    p = at(1.2, -0.4)
    weights = {r: np.exp(-0.5 * ((1.2 - x) ** 2 + (-0.4 - y) ** 2)) for r, (x, y) in QUADRANTS.items()}
    for regime, weight in weights.items():
        assert p[regime] == pytest.approx(weight / sum(weights.values()), abs=1e-12)
    assert p["goldilocks"] > 0.6


def test_rows_sum_to_one_and_views_are_their_mix() -> None:
    found = view(world(N), world(N).keys[-200:])
    assert np.abs(found.select(pl.sum_horizontal(P)).to_series().to_numpy() - 1.0).max() <= 1e-9
    for asset, signs in VIEWS.items():
        mix = found.select(P).to_numpy() @ np.array(signs, dtype=float)
        assert np.allclose(found[f"view_{asset}"].to_numpy(), mix, atol=1e-12)


@pytest.mark.parametrize(
    ("quadrant", "signs"),
    [
        ((3, -3), {"br_rates": 1, "brl": 1, "br_eq": 1, "us_rates": 1, "us_eq": 1, "gold": 0}),
        ((3, 3), {"br_rates": -1, "brl": 1, "br_eq": 1, "us_rates": -1, "us_eq": 1, "gold": 1}),
        ((-3, 3), {"br_rates": -1, "brl": -1, "br_eq": -1, "us_rates": -1, "us_eq": -1, "gold": 1}),
        ((-3, -3), {"br_rates": 1, "brl": -1, "br_eq": -1, "us_rates": 1, "us_eq": -1, "gold": 1}),
    ],
)
def test_signs_of_the_views_in_each_regime(quadrant: tuple[float, float], signs: dict[str, int]) -> None:
    p = at(*quadrant)
    for asset, sign in signs.items():
        view_of = sum(m * p[r] for r, m in zip(QUADRANTS, VIEWS[asset], strict=True))
        assert view_of == pytest.approx(sign, abs=0.02)


def test_contributions_sum_to_the_score_before_clipping() -> None:
    found = view(world(N), world(N).keys[-200:])
    sums = found.select(pl.col("drivers").list.eval(pl.element().struct.field("contribution").sum()).list.first())
    raw = sums.to_series().to_numpy()
    assert np.abs(raw + found["stress_z"].to_numpy() / 2.0).max() < 1e-12
    assert np.abs(np.clip(raw, -1, 1) - found["state_score"].to_numpy()).max() < 1e-12


@pytest.mark.parametrize(("series", "factor"), [("us_vix", 1.5), ("us_hy_oas", 1.3), ("us_dollar_broad", 1.04)])
def test_stress_lowers_the_score(series: str, factor: float) -> None:
    w = world(N)
    moved = last(view(w, observations=scaled(w.observations, series, w.keys[-4], factor)))
    assert moved["state_score"] < last(view(w))["state_score"]
    assert moved["stress_z"] > last(view(w))["stress_z"]


def test_strong_growth_and_low_core_inflation_are_goldilocks() -> None:
    w = world(N)
    since = w.keys[-90]
    rows = scaled(w.observations, "br_ibc_br_sa", since, 1.06)
    boom = pl.when((pl.col("series_id") == "us_cfnai") & (pl.col("session") >= since)).then(1.5)
    slump = pl.when(pl.col("series_id").str.starts_with("br_ipca_core") & (pl.col("session") >= since)).then(0.0005)
    rows = rows.with_columns(pl.coalesce(boom, slump, pl.col("value")).alias("value"))
    found, base = last(view(w, observations=rows)), last(view(w))
    assert found["growth_z"] > base["growth_z"]
    assert found["p_goldilocks"] == max(found[p] for p in P)
    assert found["view_br_eq"] > base["view_br_eq"]


def known(values: np.ndarray, first: date = date(2010, 1, 1), name: str = "x") -> dict[str, Vintage]:
    periods = np.datetime64(first, "M") + np.arange(len(values))
    return {name: Vintage(first, periods.astype("datetime64[D]"), values, datetime(2012, 1, 1, tzinfo=UTC))}


def test_measures_by_hand() -> None:
    index = np.array([100.0, 101.0, 102.0, 104.0, 105.0, 103.0])
    assert growth_3m(known(index))[-1] == pytest.approx((104 + 105 + 103) / (100 + 101 + 102) - 1)
    assert average_3m(known(index))[-1] == pytest.approx(104.0)
    rates = np.array([0.004] * 9 + [0.01, 0.012, 0.008])
    quick, year = (1.01 * 1.012 * 1.008) ** 4 - 1, 1.004**9 * 1.01 * 1.012 * 1.008 - 1
    assert acceleration_of_rates(known(rates)) == pytest.approx([quick - year])
    level = np.cumprod(np.concatenate([[100.0], 1.0 + rates]))
    assert acceleration_of_index(known(level)) == pytest.approx([quick - year])
    assert acceleration_of_rates(known(rates[:11])).size == 0
    assert growth_3m(known(index[:5])).size == 0


def test_two_cores_meet_on_the_months_that_both_have() -> None:
    rates = np.linspace(0.002, 0.012, 13)
    both = {**known(rates[:12], name="a"), **known(rates[1:], date(2010, 2, 1), name="b")}
    assert acceleration_of_rates(both).size == 0
    longer = {**known(rates, name="a"), **known(rates[1:], date(2010, 2, 1), name="b")}
    assert acceleration_of_rates(longer) == pytest.approx(acceleration_of_rates(known(rates[1:])))


def test_last_z_by_hand_and_its_silences() -> None:
    path = np.array([*np.arange(60.0), 31.0])
    centre, mad = np.median(path), np.median(np.abs(path - np.median(path)))
    assert last_z(path) == pytest.approx((31.0 - centre) / (1.4826 * mad))
    assert last_z(path[:59]) is None
    assert last_z(np.ones(80)) is None
    assert last_z(np.array([*np.arange(60.0), 1e9])) == 3.0
    assert last_z(np.array([*([1e6] * 200), *np.arange(120.0)])) == last_z(np.arange(120.0))


def test_any_window_gives_the_same_rows() -> None:
    w = world(N)
    together = view(w, w.keys[-60:])
    for session in (w.keys[-60], w.keys[-33], w.keys[-1]):
        alone = together.filter(pl.col("session") == session)
        assert_frame_equal(view(w, [session]), alone, check_exact=True)
        seen = w.observations.filter(pl.col("session") <= session)
        assert_frame_equal(view(w, [session], seen), alone, check_exact=True)


def test_poison_after_the_session_changes_nothing() -> None:
    w = world(N)
    window = w.keys[-60:-29]
    assert_frame_equal(view(w, window, poisoned(w.observations, window[-1])), view(w, window), check_exact=True)


def test_a_revision_changes_no_earlier_session() -> None:
    w = world(N)
    day = w.keys[-10]
    seen = w.observations.filter((pl.col("series_id") == "us_cpi_core") & (pl.col("session") < day))
    period = seen["event_date"].max()
    revision = observed(
        "us_cpi_core",
        [period],
        np.array([seen.filter(pl.col("event_date") == period)["value"][-1] * 1.001]),
        (day - period).days,
    )
    before, after = view(w), view(w, observations=pl.concat([w.observations, revision]))
    assert_frame_equal(after.head(10), before.head(10), check_exact=True)
    assert after["inflation_z"][10] > before["inflation_z"][10]


def test_one_silent_component_degrades() -> None:
    w = world(N)
    silent = w.observations.filter(~((pl.col("series_id") == "us_vix") & (pl.col("session") > w.keys[-30])))
    found = last(view(w, observations=silent))
    assert found["status"] == "degraded"
    assert "vix is 43 days old, 10 allowed" in found["reason"]
    assert found["confidence"] <= 0.4
    assert next(d for d in found["drivers"] if d["name"] == "vix")["contribution"] == 0.0


@pytest.mark.parametrize(
    ("gone", "words"),
    [
        (("br_ibc_br_sa", "us_cfnai"), "growth: IBC-Br and CFNAI"),
        (("br_ipca_core_ms", "us_cpi_core"), "inflation: Brazilian and US cores"),
        (("us_vix", "us_hy_oas"), "1 of 3 measures, 2 needed"),
    ],
)
def test_a_missing_axis_gives_no_view(gone: tuple[str, ...], words: str) -> None:
    w = world(N)
    found = last(view(w, observations=w.observations.filter(~pl.col("series_id").is_in(gone))))
    assert found["status"] == "no_view"
    assert words in found["reason"]
    assert found["state_score"] is None
    assert found["view_brl"] is None
    assert found["confidence"] is None


def test_no_data_at_all_gives_no_view() -> None:
    w = world(N)
    assert view(w, w.keys[:3], w.observations.head(0))["status"].to_list() == ["no_view"] * 3


def test_a_jump_of_a_probability_is_told() -> None:
    w = world(N)
    since = w.keys[-1]
    lag = (since - date(since.year, since.month, 1)).days
    shock = [
        observed(s, [date(since.year, since.month, 1)], np.array([v]), lag)
        for s, v in (("us_cfnai", -20.0), ("br_ibc_br_sa", 70.0), ("us_cpi_core", 400.0))
    ]
    found = last(view(w, observations=pl.concat([w.observations, *shock])))
    assert found["status"] == "degraded"
    assert "a probability moved by" in found["reason"]


def test_bad_arguments() -> None:
    w = world(N)
    with pytest.raises(ValueError, match="max_age lacks us_vix"):
        regime_view(w.observations, w.keys[-1:], table(), max_age={k: v for k, v in MAX_AGE.items() if k != "us_vix"})
    with pytest.raises(ValueError, match="is not a trading session"):
        view(w, [date(2012, 1, 1)])
