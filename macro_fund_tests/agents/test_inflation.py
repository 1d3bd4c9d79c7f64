"""Inflation agent: its tables on a planted economy, signs, silences, windows, and that it never looks ahead."""

from __future__ import annotations

from datetime import date, timedelta
from functools import cache

import numpy as np
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from macro_fund.agents import inflation_inputs as inputs
from macro_fund.agents.evaluate import rmse
from macro_fund.agents.inflation import VIEWS, inflation_view
from macro_fund.agents.inflation_evaluation import coverage, evaluation, nowcast_evaluation
from macro_fund.agents.inflation_model import PARAMETERS, inflation_model
from macro_fund.agents.inflation_passthrough import inflation_passthrough
from macro_fund.agents.inflation_path import NO_SURVEY, inflation_path
from macro_fund.agents.inflation_view_inputs import Tables
from macro_fund.features.ipca import ipca_features
from macro_fund.settings import default_settings
from macro_fund.store.tables import TABLES
from macro_fund_tests.agents.inflation_world import world
from macro_fund_tests.agents.test_inflation_passthrough import drawn
from macro_fund_tests.realworld import FOLDER
from macro_fund_tests.strategies.frames import MAX_AGE, observed, table

OBSERVATIONS = world().observations
SESSIONS = table().keys(date(2016, 1, 5), date(2016, 5, 31))
SGS, SIDRA = FOLDER / "data/br_sgs.parquet", FOLDER / "data/br_sidra.parquet"


def surprises(sessions: list[date], z: float = 0.5) -> pl.DataFrame:
    """silver/focus rows of ipca_surprise: one month after the other, the newest at each session."""
    rows = [(s, date(s.year - (s.month == 1), (s.month - 2) % 12 + 1, 1), z) for s in sessions]
    frame = pl.DataFrame(rows, schema={"session": pl.Date, "event_date": pl.Date, "z": pl.Float64}, orient="row")
    return frame.with_columns(
        pl.lit("ipca_surprise").alias("feature_id"),
        (pl.col("z") * 0.0012).alias("value"),
        pl.lit("ok").alias("status"),
        pl.col("session").cast(pl.Datetime("us", "UTC")).alias("knowledge_time"),
    )


def built(observations: pl.DataFrame, sessions: list[date], **changed: pl.DataFrame) -> Tables:
    """The agent's tables for `sessions`, refits from three months before, as a lake would hold them."""
    refits = table().keys(sessions[0] - timedelta(days=40), sessions[-1])
    model = inflation_model(observations, refits, table())
    ready = {
        "path": inflation_path(observations, model, sessions),
        "model": model,
        "passthrough": inflation_passthrough(observations, refits, table(), drawn(0.04)),
        "ipca": _diffusion(observations, sessions),
        "focus": surprises(table().keys(sessions[0] - timedelta(days=150), sessions[-1])),
        "ettj": TABLES["silver/ettj"].empty(),
        "retail": TABLES["silver/retail_real_curve"].empty(),
        "observations": observations,
    }
    return Tables(**(ready | changed))


def _diffusion(observations: pl.DataFrame, sessions: list[date]) -> pl.DataFrame:
    ages = dict.fromkeys(MAX_AGE, 90)
    return ipca_features(observations, sessions, ages).filter(pl.col("feature_id") == "diffusion_share")


@cache
def base() -> Tables:
    return built(OBSERVATIONS, SESSIONS)


def view(tables: Tables, sessions: list[date] | None = None) -> pl.DataFrame:
    return inflation_view(tables, sessions or SESSIONS, table(), max_age=MAX_AGE)


def replaced(tables: Tables, **frames: pl.DataFrame) -> Tables:
    return Tables(**({n: getattr(tables, n) for n in Tables.__dataclass_fields__} | frames))


def test_shapes_and_a_view() -> None:
    tables, found = base(), view(base())
    assert tables.model.schema == TABLES["agents/inflation_model"].schema
    assert tables.path.schema == TABLES["agents/inflation_path"].schema
    assert found.schema == TABLES["agents/inflation_view"].schema
    assert found["status"].unique().to_list() == ["ok"], found["reason"].unique().to_list()
    assert found["state_score"].is_between(-1, 1).all()
    assert found["confidence"].is_between(0, 1).all()
    refit = tables.model.filter(pl.col("session") == pl.col("session").max())
    assert set(refit["parameter"]) == set(PARAMETERS)
    assert tables.path.group_by("session").len()["len"].unique().to_list() == [12]


def test_the_score_by_hand() -> None:
    row = view(base()).row(-1, named=True)
    months = base().path.filter(pl.col("session") == SESSIONS[-1])["rate"].to_numpy()
    year = float(np.prod(1.0 + months) - 1.0)
    z = {d["name"]: d["z"] for d in row["drivers"]}
    assert row["pi12_model"] == pytest.approx(year, rel=1e-12)
    assert row["pi12_priced"] == row["focus_12m"]
    assert z["surprise_3m"] == pytest.approx(3 * 0.5 / 3**0.5)
    expected = 0.5 * np.tanh((year - row["focus_12m"]) / 0.01)
    expected += 0.1 * z["core_gap"] + 0.075 * z["diffusion"] + 0.075 * z["surprise_3m"]
    assert row["state_score"] == pytest.approx(np.clip(expected, -1, 1), abs=1e-9)
    assert sum(d["contribution"] for d in row["drivers"]) == pytest.approx(expected, abs=1e-9)
    assert {a: row[f"view_{a}"] for a in VIEWS} == pytest.approx({a: f * row["state_score"] for a, f in VIEWS.items()})
    assert row["risks"][0]["prob"] <= 0.5


def test_three_surprises_are_of_three_months_in_a_row() -> None:
    """A month without a survey has no surprise, and older ones do not take its place."""
    month = base().focus["event_date"].unique().sort()[-2]
    holed = replaced(base(), focus=base().focus.filter(pl.col("event_date") != month))
    row = view(holed).row(-1, named=True)
    assert row["surprise_3m"] is None
    assert "IPCA surprises: nothing fresh" in row["reason"]


def test_a_breakeven_is_half_of_what_is_priced() -> None:
    curve = pl.DataFrame(
        {
            "session": SESSIONS,
            "curve_date": [s - timedelta(days=1) for s in SESSIONS],
            "tenor_bd": [252] * len(SESSIONS),
            "nominal_rate": [0.14] * len(SESSIONS),
            "real_rate": [0.06] * len(SESSIONS),
            "breakeven": [0.09] * len(SESSIONS),
        }
    ).cast(dict(TABLES["silver/ettj"].schema))
    plain, dearer = view(base()), view(replaced(base(), ettj=curve))
    np.testing.assert_allclose(dearer["pi12_priced"], (plain["focus_12m"] + 0.09) / 2)
    assert (dearer["state_score"] < plain["state_score"]).all()
    assert (dearer["view_br_rates"] > plain["view_br_rates"]).all()
    assert (dearer["confidence"] > plain["confidence"]).any()


def test_signs_of_the_path() -> None:
    """A month that came out higher: a higher path, a higher score, receivers of nominal rates lose."""
    newest = OBSERVATIONS.filter((pl.col("series_id") == inputs.HEADLINE) & (pl.col("session") <= SESSIONS[-1]))
    month = newest["event_date"].max()
    there = (pl.col("event_date") == month) & pl.col("series_id").is_in(inputs.PRICES)
    following = (pl.col("event_date") > month) & (pl.col("series_id") == inputs.MID_MONTH)
    bump = pl.when(there | following).then(0.004).otherwise(0.0)
    moved = OBSERVATIONS.with_columns(pl.col("value") + bump)
    path = inflation_path(moved, base().model, SESSIONS[-5:])
    plain, higher = view(base(), SESSIONS[-5:]), view(replaced(base(), path=path), SESSIONS[-5:])
    assert (higher["pi12_model"] > plain["pi12_model"]).all()
    assert (higher["state_score"] > plain["state_score"]).all()
    assert (higher["view_br_breakeven"] > plain["view_br_breakeven"]).all()
    assert (higher["view_br_rates"] < plain["view_br_rates"]).all()


@pytest.mark.parametrize("seed", range(3))
def test_any_window_and_no_future(seed: int) -> None:
    """At random sessions: alone, and in a world without later rows, each table has the same rows bit by bit."""
    rng = np.random.default_rng(seed)
    for session in sorted(rng.choice(np.array(SESSIONS[5:]), 2, replace=False)):
        day = session.item() if hasattr(session, "item") else session
        here = pl.col("session") == day
        known = OBSERVATIONS.filter(pl.col("session") <= day)
        path = inflation_path(known, base().model.filter(pl.col("session") <= day), [day])
        assert_frame_equal(path, base().path.filter(here), check_exact=True)
        past = replaced(
            base(),
            path=path,
            model=base().model.filter(pl.col("session") <= day),
            focus=base().focus.filter(pl.col("session") <= day),
            ipca=base().ipca.filter(here),
            observations=known,
        )
        assert_frame_equal(view(past, [day]), view(base()).filter(here), check_exact=True)


def test_a_refit_depends_on_what_was_known() -> None:
    refit = base().model["session"].unique().sort()[-2]
    known = OBSERVATIONS.filter(pl.col("session") <= refit)
    alone = inflation_model(known, [refit], table())
    assert_frame_equal(alone, base().model.filter(pl.col("session") == refit), check_exact=True)


def test_without_history_no_view_with_the_reason() -> None:
    early = table().keys(date(2012, 3, 1), date(2012, 3, 30))
    model = inflation_model(OBSERVATIONS, early, table())
    assert model["status"].to_list() == ["no_view"]
    assert inflation_path(OBSERVATIONS, model, early).is_empty()
    tables = replaced(base(), model=model, path=TABLES["agents/inflation_path"].empty())
    found = view(tables, early)
    assert found["status"].unique().to_list() == ["no_view"]
    assert "40 needed" in found["reason"][0]
    assert found["state_score"].null_count() == found.height
    assert found["drivers"].list.len().to_list() == [0] * found.height


def test_without_a_survey_nothing_is_priced_and_the_path_says_so() -> None:
    silent = OBSERVATIONS.filter(
        ~(pl.col("series_id").is_in(inputs.SURVEYS) & (pl.col("session") >= date(2015, 12, 1)))
    )
    path = inflation_path(silent, base().model, SESSIONS[-3:])
    assert path["reason"].unique().to_list() == [NO_SURVEY]
    assert not path["expected_surveyed"].any()
    found = view(replaced(base(), path=path, observations=silent), SESSIONS[-3:])
    assert found["status"].unique().to_list() == ["no_view"]
    assert "priced" in found["reason"][0]
    assert found["pi12_model"].is_not_null().all()


def retail(values: dict[int, float | None], age: int = 2) -> pl.DataFrame:
    """silver/retail_real_curve of the last sessions: breakevens by tenor."""
    rows = [(s, n, s - timedelta(days=age), 0.05, v) for s in SESSIONS[-3:] for n, v in values.items()]
    names = ["session", "tenor_bd", "curve_date", "real_rate", "breakeven"]
    frame = pl.DataFrame(rows, schema=names, orient="row", infer_schema_length=None).with_columns(
        nominal_rate=0.05 + pl.col("breakeven"),
        n_bonds=3,
        status=pl.when(pl.col("breakeven").is_null()).then(pl.lit("no_view")).otherwise(pl.lit("ok")),
        reason=pl.lit(""),
    )
    table_ = TABLES["silver/retail_real_curve"]
    return frame.select(list(table_.schema)).cast(dict(table_.schema))


@pytest.mark.parametrize(
    ("values", "priced", "words"),
    [
        ({252: 0.061, 504: 0.055, 1260: 0.05}, 0.061, "retail breakeven of 1 years"),
        ({252: None, 504: 0.055, 1260: 0.05}, 0.055, "retail breakeven of 2 years"),
        ({252: None, 504: None, 1260: 0.05}, 0.05, "retail breakeven of 5 years"),
        ({252: None, 504: None, 1260: None, 2520: 0.05}, None, "no retail one"),
    ],
)
def test_the_shortest_retail_breakeven_stands_in(
    values: dict[int, float | None], priced: float | None, words: str
) -> None:
    surveys = pl.col("series_id").is_in(inputs.SURVEYS) & (pl.col("session") >= date(2015, 12, 1))
    silent = replaced(base(), observations=OBSERVATIONS.filter(~surveys), retail=retail(values))
    found = view(silent, SESSIONS[-3:])
    assert found["pi12_priced"].to_list() == [priced] * 3
    assert found["status"].unique().to_list() == ["no_view" if priced is None else "degraded"]
    assert found["reason"].str.contains(words, literal=True).all()
    if priced is not None:
        assert (found["confidence"] <= 0.4).all()
        assert found["state_score"].is_not_null().all()


def test_a_retail_breakeven_is_not_asked_where_there_is_a_survey_nor_when_it_is_old() -> None:
    plain, with_retail = (view(replaced(base(), retail=r), SESSIONS[-3:]) for r in (base().retail, retail({252: 0.2})))
    assert with_retail["breakeven_retail"].to_list() == [0.2] * 3
    columns = ["pi12_priced", "state_score", "status", "reason"]
    assert_frame_equal(plain.select(columns), with_retail.select(columns))
    old = view(replaced(base(), retail=retail({252: 0.2}, age=8)), SESSIONS[-3:])
    assert old["breakeven_retail"].null_count() == 3
    assert old["breakeven_retail_bd"].null_count() == 3


def test_a_retail_breakeven_is_carried_over_a_day_without_one_and_is_an_input_where_it_is_used() -> None:
    """A holiday of Sao Paulo has prices of retail bonds and no DI curve to compare them with."""
    surveys = pl.col("series_id").is_in(inputs.SURVEYS) & (pl.col("session") >= date(2015, 12, 1))
    holed = retail({252: 0.2}).filter(pl.col("session") != SESSIONS[-1])
    silent = replaced(base(), observations=OBSERVATIONS.filter(~surveys), retail=holed)
    found = view(silent, SESSIONS[-2:])
    assert found["pi12_priced"].to_list() == [0.2] * 2
    assert "br_td_ipca" in {i["series_id"] for i in found["input_vintages"][-1]}
    surveyed = view(replaced(base(), retail=holed), SESSIONS[-2:])
    assert "br_td_ipca" not in {i["series_id"] for i in surveyed["input_vintages"][-1]}


def test_parts_that_do_not_add_up_are_not_used() -> None:
    food = pl.col("series_id") == inputs.GROUP_SERIES[0]
    noise = pl.Series(np.random.default_rng(5).normal(0, 0.02, OBSERVATIONS.height))
    spoilt = OBSERVATIONS.with_columns(
        pl.when(food | (pl.col("series_id") == inputs.FREE)).then(pl.col("value") + noise).otherwise("value")
    )
    model = inflation_model(spoilt, [date(2016, 2, 1)], table())
    assert model["status"].unique().to_list() == ["degraded"]
    assert "free and administered do not add up" in model["reason"][0]
    values = dict(model.select("parameter", "value").rows())
    assert values["curve_on_free"] == 0.0
    assert inflation_path(spoilt, model, [date(2016, 2, 2)]).height == 12


@pytest.mark.parametrize(
    ("table_name", "changes", "words"),
    [
        ("path", [pl.col("rate") + 0.02], "12-month IPCA of the model"),
        ("model", [pl.when(pl.col("parameter") == "gap").then(0.7).otherwise("value").alias("value")], "slope"),
        ("passthrough", [pl.lit(0.16).alias("p05"), pl.lit(0.24).alias("p95")], "pass-through is 16.0% to 24.0%"),
        ("passthrough", [pl.lit(-0.03).alias("p05"), pl.lit(-0.01).alias("p95")], "pass-through is -3.0% to -1.0%"),
    ],
)
def test_a_sanity_range_left_gives_no_view(table_name: str, changes: list[pl.Expr], words: str) -> None:
    spoilt = getattr(base(), table_name).with_columns(changes)
    found = view(replaced(base(), **{table_name: spoilt}))
    assert found["status"].unique().to_list() == ["no_view"]
    assert all(words in flags[0] for flags in found["sanity_flags"].to_list())


def test_a_pass_through_that_may_be_zero_is_weak_not_wrong() -> None:
    noise = {"value": -0.008, "p05": -0.02, "p95": 0.004}
    spoilt = base().passthrough.with_columns(pl.lit(v).alias(k) for k, v in noise.items())
    found = view(replaced(base(), passthrough=spoilt))
    assert found["status"].unique().to_list() == ["degraded"]
    assert "pass-through of -0.8% is not told from a range of 0 to 15%" in found["reason"][0]


def test_weaker_inputs_degrade() -> None:
    found = view(replaced(base(), focus=base().focus.with_columns(pl.lit("stale").alias("status"))))
    assert found["status"].unique().to_list() == ["degraded"]
    assert "surprises" in found["reason"][0]
    assert (found["confidence"] <= 0.4).all()
    missing = found["drivers"].list.last().struct.field("contribution")
    assert missing.unique().to_list() == [0.0]


def test_a_made_world_is_forecast_better_than_by_walking() -> None:
    session = SESSIONS[-1]
    rows = evaluation(OBSERVATIONS, session)
    year = {r["benchmark"]: r for r in rows.filter(pl.col("months") == 12).iter_rows(named=True)}
    assert year["random_walk"]["ratio"] < 1.0
    assert year["focus"]["n"] > 40
    nowcast = nowcast_evaluation(OBSERVATIONS, session).row(0, named=True)
    assert nowcast["ratio"] < 0.6
    shares = coverage(OBSERVATIONS, session)
    assert shares.filter(pl.col("months") == 1)["share"].is_between(0.6, 0.95).all()
    with pytest.raises(ValueError, match="load silver/observations"):
        evaluation(OBSERVATIONS.clear(), session)
    assert rmse([1.0], [2.0]) == 1.0


def real_observations() -> pl.DataFrame:
    """silver/observations of the agent's series, from the published ones, with the catalogue's lags."""
    codes = {s.code: s.id for s in default_settings().series if s.source == "bcb_sgs" and s.id in inputs.SERIES}
    codes["7478"] = inputs.MID_MONTH
    rows = pl.read_parquet(SGS).filter(
        pl.col("code").cast(pl.String).is_in(list(codes)) & (pl.col("date") >= date(2004, 1, 1))
    )
    percent = ~pl.col("series_id").is_in([inputs.ACTIVITY, inputs.IMPORTED])
    rows = rows.select(
        pl.col("code").cast(pl.String).replace_strict(codes).alias("series_id"),
        pl.col("date").alias("event_date"),
        "value",
        pl.from_epoch("pub").cast(pl.Datetime("us", "UTC")).alias("knowledge_time"),
    ).with_columns(pl.when(percent).then(pl.col("value") / 100).otherwise("value").alias("value"))
    return rows.with_columns(pl.lit(date(2021, 12, 1)).alias("session"))


@pytest.mark.realworld
@pytest.mark.skipif(not SGS.is_file(), reason=f"no real series in {SGS.parent}")
def test_real_prices() -> None:
    """2009-2021: the year ahead beats walking, IPCA-15 halves the error of its month, the slope on the gap is not
    there, and no survey is behind it."""
    observations = real_observations()
    rows = evaluation(observations, date(2021, 12, 20))
    year = rows.filter((pl.col("months") == 12) & (pl.col("benchmark") == "random_walk")).row(0, named=True)
    assert year["n"] > 120
    assert 0.7 < year["ratio"] < 1.0
    assert nowcast_evaluation(observations, date(2021, 12, 20))["ratio"][0] < 0.65
    model = inflation_model(observations, [date(2021, 12, 1)], table())
    values = dict(model.select("parameter", "value").rows())
    assert values["gap"] == 0.0
    assert "held at 0" in model["reason"][0]
    assert 0.2 < values["persistence"] < 0.6
    assert 0.70 < values["share_free"] < 0.80
    assert values["identity_error_groups"] < 0.0005


def test_bad_questions() -> None:
    with pytest.raises(ValueError, match="not a trading session"):
        view(base(), [date(2016, 5, 29)])
    with pytest.raises(ValueError, match="max_age lacks"):
        inflation_view(base(), SESSIONS, table(), max_age={})
    assert observed(inputs.HEADLINE, [date(2010, 1, 1)], np.array([0.1]), 1).height == 1
