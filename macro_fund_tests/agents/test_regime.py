"""Regime agent: probabilities by the rule and by the chain, signs, silences, and that it never looks ahead."""

from __future__ import annotations

from datetime import UTC, date, datetime
from functools import cache

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from macro_fund.agents.as_known import Vintage
from macro_fund.agents.regime import VIEWS, P, regime_view, rule
from macro_fund.agents.regime_chain import QUADRANTS, regime_model
from macro_fund.agents.regime_inputs import (
    CONDITIONS,
    MACRO,
    MARKET,
    acceleration_of_index,
    acceleration_of_rates,
    average_3m,
    growth_3m,
    last_z,
)
from macro_fund.store.tables import TABLES
from macro_fund_tests.strategies.frames import MAX_AGE, World, observed, poisoned, table, world

N = 700
WINDOW = 60


@cache
def conditions(n: int = N) -> tuple[pl.DataFrame, pl.DataFrame]:
    """silver/macro and silver/market_features: seeded z of every component, and their mean as `fci`."""
    keys = world(n).keys
    rng = np.random.default_rng(n)
    walks = {c: np.clip(np.cumsum(rng.normal(0, 0.15, len(keys))), -3, 3) for c in (*CONDITIONS, "fx_dxy")}
    fci = np.mean([sign * walks[c] for c, sign in CONDITIONS.items()], axis=0)

    def part(table: str, column: str, name: str, z: np.ndarray) -> pl.DataFrame:
        day = pl.Series("event_date", keys, dtype=pl.Date).dt.offset_by("-1d")
        frame = pl.DataFrame({"session": keys, column: name, "event_date": day, "value": z, "z": z})
        frame = frame.with_columns(
            pl.lit("ok").alias("status"),
            pl.lit("").alias("reason"),
            pl.col("event_date").cast(pl.Datetime("us", "UTC")).dt.offset_by("22h").alias("knowledge_time"),
        )
        schema = TABLES[table].schema
        absent = [pl.lit(None, t).alias(n) for n, t in schema.items() if n not in frame.columns]
        return frame.with_columns(absent).select(pl.col(n).cast(t) for n, t in schema.items())

    macro = [part("silver/macro", "feature_id", c, fci if c == "fci" else walks[c]) for c in MACRO]
    market = [part("silver/market_features", "series_id", c, walks[c]) for c in MARKET]
    return pl.concat(macro), pl.concat(market)


def view(
    w: World,
    sessions: list[date] | None = None,
    observations: pl.DataFrame | None = None,
    *,
    macro: pl.DataFrame | None = None,
    market: pl.DataFrame | None = None,
    model: pl.DataFrame | None = None,
) -> pl.DataFrame:
    """The view; without a model every regime is by the rule."""
    return regime_view(
        w.observations if observations is None else observations,
        conditions()[0] if macro is None else macro,
        conditions()[1] if market is None else market,
        TABLES["agents/regime_model"].empty() if model is None else model,
        sessions or w.keys[-20:],
        table(),
        max_age=MAX_AGE,
    )


def last(frame: pl.DataFrame) -> dict[str, object]:
    return frame.row(-1, named=True)


def at(growth: float, inflation: float) -> dict[str, float]:
    frame = pl.DataFrame({"x": [growth], "y": [inflation]}, schema={"x": pl.Float64, "y": pl.Float64})
    return frame.select(**rule(pl.col("x"), pl.col("y"))).row(0, named=True)


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
@settings(max_examples=80)
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
        ((3, -3), {"br_rates": 1, "brl": 1, "br_eq": 1, "br_real": 1, "br_breakeven": -1, "br_credit": 1, "gold": 0}),
        ((3, 3), {"br_rates": -1, "brl": 1, "us_eq": 1, "br_real": 0, "br_breakeven": 1, "br_credit": 1, "gold": 1}),
        (
            (-3, 3),
            {"us_rates": -1, "brl": -1, "br_real": -1, "br_breakeven": 1, "br_credit": -1, "gold": 1},
        ),
        (
            (-3, -3),
            {"us_rates": 1, "brl": -1, "br_real": 1, "br_breakeven": -1, "br_credit": -1, "gold": 1},
        ),
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
    assert np.abs(raw + found["fci_z"].to_numpy() / 2.0).max() < 1e-12
    assert np.abs(np.clip(raw, -1, 1) - found["state_score"].to_numpy()).max() < 1e-12


@pytest.mark.parametrize(("name", "sign"), sorted(CONDITIONS.items()))
def test_each_part_of_the_conditions_pulls_its_way(name: str, sign: float) -> None:
    found = last(view(world(N)))
    line = next(d for d in found["drivers"] if d["name"] == name)
    assert line["contribution"] == pytest.approx(-sign * line["z"] / (2 * len(CONDITIONS)), abs=1e-12)


def test_tight_conditions_lower_the_score() -> None:
    w, (macro, market) = world(N), conditions()
    tight = macro.with_columns(pl.when(pl.col("feature_id") == "fci").then(pl.col("z") + 0.4).otherwise("z").alias("z"))
    moved, base = last(view(w, macro=tight)), last(view(w))
    assert moved["state_score"] == pytest.approx(base["state_score"] - 0.2, abs=1e-12)
    assert moved["stress_z"] == pytest.approx(base["stress_z"] + 0.4 / 3, abs=1e-12)
    louder = market.with_columns(pl.when(pl.col("series_id") == "us_vix").then(2.9).otherwise("z").alias("z"))
    assert last(view(w, market=louder))["stress_z"] > base["stress_z"]


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


def spoilt(frame: pl.DataFrame, column: str, name: str) -> pl.DataFrame:
    """The row's status is stale."""
    return frame.with_columns(pl.when(pl.col(column) == name).then(pl.lit("stale")).otherwise("status").alias("status"))


def test_one_silent_component_degrades() -> None:
    w = world(N)
    found = last(view(w, market=spoilt(conditions()[1], "series_id", "fx_dxy")))
    assert found["status"] == "degraded"
    assert "fx_dxy: stale" in found["reason"]
    assert found["confidence"] <= 0.4
    silent = w.observations.filter(~((pl.col("series_id") == "us_cfnai") & (pl.col("session") > w.keys[-120])))
    assert "cfnai is " in last(view(w, observations=silent))["reason"]


def test_no_conditions_no_view() -> None:
    found = last(view(world(N), macro=spoilt(conditions()[0], "feature_id", "fci")))
    assert (found["status"], found["state_score"]) == ("no_view", None)
    assert "financial conditions: stale" in found["reason"]


@pytest.mark.parametrize(
    ("gone", "words"),
    [
        (("br_ibc_br_sa", "us_cfnai"), "growth: IBC-Br and CFNAI"),
        (("br_ipca_core_ms", "us_cpi_core"), "inflation: Brazilian and US cores"),
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
    nothing = [frame.head(0) for frame in conditions()]
    found = view(w, w.keys[:3], w.observations.head(0), macro=nothing[0], market=nothing[1])
    assert found["status"].to_list() == ["no_view"] * 3


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
    less = {k: v for k, v in MAX_AGE.items() if k != "us_cfnai"}
    empty = TABLES["agents/regime_model"].empty()
    with pytest.raises(ValueError, match="max_age lacks us_cfnai"):
        regime_view(w.observations, *conditions(), empty, w.keys[-1:], table(), max_age=less)
    with pytest.raises(ValueError, match="is not a trading session"):
        view(w, [date(2012, 1, 1)])


def test_without_a_refit_the_rule_stands_in_and_says_so() -> None:
    found = view(world(N))
    assert set(found["method"]) == {"rule"}
    assert set(found["status"]) == {"degraded"}
    assert found["reason"].str.contains("regime by rule: no refit yet").all()


def test_a_refit_that_is_refused_gives_its_reason() -> None:
    w = world(N)
    model = regime_model(w.observations, w.keys[-40:], table(), max_age=MAX_AGE)
    found = last(view(w, model=model))
    assert found["method"] == "rule"
    assert "months" in found["reason"]
