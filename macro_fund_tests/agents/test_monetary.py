"""Monetary agent: the number by hand, its signs, its silences, and that it never looks ahead."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import numpy as np
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from macro_fund.agents.monetary import SPILLOVER, monetary_view
from macro_fund.agents.monetary_model import monetary_model
from macro_fund.agents.monetary_path import monetary_path
from macro_fund.store.tables import TABLES
from macro_fund_tests.agents.monetary_world import Frames, frames, told
from macro_fund_tests.strategies.frames import MAX_AGE, observed, poisoned, table


def again(f: Frames, sessions: list[date] | None = None) -> pl.DataFrame:
    """The view of `sessions` (the last five) on changed frames, with the parameters and the record as they were."""
    sessions = sessions or f.keys[-5:]
    before = told().path.filter(pl.col("session") < sessions[0])
    path = monetary_path(f.observations, f.policy_path, told().model, sessions, MAX_AGE)
    record = pl.concat([before, path])
    return monetary_view(
        f.observations, f.di_curve, f.ust_curve, told().model, record, sessions, table(), max_age=MAX_AGE
    )


def changed(f: Frames, series_id: str, since: date, add: float) -> Frames:
    """`add` on every value of a series that became known since a session."""
    here = (pl.col("series_id") == series_id) & (pl.col("session") >= since)
    moved = pl.when(here).then(pl.col("value") + add).otherwise("value").alias("value")
    return replace(f, observations=f.observations.with_columns(moved))


def silent(f: Frames, since: date, *series: str) -> Frames:
    """Nothing of the series becomes known since a session."""
    return replace(
        f, observations=f.observations.filter(~(pl.col("series_id").is_in(series) & (pl.col("session") >= since)))
    )


def repriced(f: Frames, since: date, add: float) -> Frames:
    dearer = pl.when(pl.col("session") >= since).then(pl.col("implied_target") + add).otherwise("implied_target")
    return replace(f, policy_path=f.policy_path.with_columns(dearer.alias("implied_target")))


def last(frame: pl.DataFrame) -> dict[str, Any]:
    return frame.row(-1, named=True)


def base() -> dict[str, Any]:
    return last(told().view)


def test_shape_and_a_view() -> None:
    found = told()
    for name, frame in (("model", found.model), ("path", found.path), ("view", found.view)):
        assert frame.schema == TABLES[f"agents/monetary_{name}"].schema
    assert found.view["status"].to_list() == ["ok"] * 80
    assert found.view["state_score"].is_between(-1, 1).all()
    assert found.view["confidence"].is_between(0, 1).all()
    assert found.path.group_by("session").len()["len"].unique().to_list() == [8]


def test_the_number_by_hand() -> None:
    """The last session rebuilt with plain loops from the parameters in force."""
    f, found = frames(), told()
    session = f.keys[-1]
    refit = found.model.filter(pl.col("session") == found.model["session"].max())
    p = dict(refit.select("parameter", "value").rows())
    newest: dict[str, tuple[date, float]] = {}
    index: dict[date, float] = {}
    for row in f.observations.filter(pl.col("session") <= session).iter_rows(named=True):
        newest[row["series_id"]] = max(newest.get(row["series_id"], (date.min, 0.0)), (row["event_date"], row["value"]))
        if row["series_id"] == "br_ibc_br_sa":
            index[row["event_date"]] = row["value"]
    hpfilter = pytest.importorskip("statsmodels.tsa.filters.hp_filter").hpfilter
    log_index = np.log([index[d] for d in sorted(index)])
    gap = float(log_index[-1] - np.asarray(hpfilter(log_index, lamb=129600)[1])[-1])
    before = float(log_index[-13] - np.asarray(hpfilter(log_index[:-12], lamb=129600)[1])[-1])
    pi, i = newest["br_focus_ipca_12m_smooth"][1], newest["br_selic_target"][1]
    gaps = []
    priced = f.policy_path.filter(pl.col("session") == session).sort("meeting").head(4)
    for h, (bd, implied) in enumerate(priced.select("effective_bd", "implied_target").rows(), start=1):
        n = bd / 63
        t1 = p["neutral_rate"] + 0.045 + 1.5 * (pi - 0.045) + 0.5 * gap
        own = p["neutral_rate"] + 0.045 + p["phi"] * (pi - 0.045) + p["theta"] * gap
        t2 = p["rho"] ** n * i + (1 - p["rho"] ** n) * own
        t3 = i + n * 0.25 * (pi - 0.045) + n * 0.25 * (gap - before)
        gaps.append(sorted([t1, t2, t3])[1] - (implied - p[f"term_premium_{h}"]))
    assert base()["state_score"] == pytest.approx(np.tanh(np.mean(gaps) / 0.0075), abs=1e-9)
    assert base()["neutral_rate"] == p["neutral_rate"]
    assert base()["output_gap"] == pytest.approx(gap, abs=1e-12)


def test_contributions_sum_to_the_score() -> None:
    found = told().view
    sums = found.select(pl.col("drivers").list.eval(pl.element().struct.field("contribution").sum()).list.first())
    assert np.abs(sums.to_series().to_numpy() - found["state_score"].to_numpy()).max() < 1e-9


@pytest.mark.parametrize(
    ("series", "add", "tighter"),
    [
        ("br_focus_ipca_12m_smooth", 0.004, True),
        ("br_selic_target", 0.004, True),
        ("br_inflation_target", 0.004, False),
    ],
)
def test_signs(series: str, add: float, tighter: bool) -> None:
    """Higher expected inflation: rules up, score up, receivers lose. A higher target: the other way."""
    f = frames()
    since = f.keys[-5] if series != "br_inflation_target" else date.min
    moved = last(again(changed(f, series, since, add)))
    assert (moved["state_score"] > base()["state_score"]) == tighter
    assert (moved["taylor_rate"] - base()["taylor_rate"]) * (1 if tighter else -1) >= 0.0
    assert (moved["view_br_rates"] < base()["view_br_rates"]) == tighter
    for asset, weight in SPILLOVER.items():
        assert moved[f"view_{asset}"] == pytest.approx(weight * moved["state_score"], abs=1e-15)


def test_a_curve_that_prices_more_hikes_is_good_for_receivers() -> None:
    f = frames()
    moved = last(again(repriced(f, f.keys[-5], 0.005)))
    assert moved["state_score"] < base()["state_score"]
    assert moved["view_br_rates"] > base()["view_br_rates"]


def test_a_term_premium_is_taken_out_of_the_priced_path() -> None:
    """The path was priced 10 bp a meeting above an unchanged Selic, and the Selic did not rise on average."""
    rows = told().path.filter(pl.col("session") == frames().keys[-1]).sort("horizon")
    refit = told().model.filter(pl.col("session") == told().model["session"].max())
    stored = [refit.filter(pl.col("parameter") == f"term_premium_{h}")["value"].item() for h in range(1, 9)]
    assert rows["term_premium"].to_list() == stored
    early = told().path.filter(pl.col("session") == frames().keys[800])
    assert early["term_premium"].to_list() == [0.0] * 8


def test_any_window_gives_the_same_rows() -> None:
    """Alone, or with all that came later missing: the same bits in every table."""
    f, whole = frames(), told()
    refits = whole.model["session"].unique().sort().to_list()
    for session in (refits[-1], refits[-14]):
        known = f.cut(session)
        model = monetary_model(known.observations, known.policy_path, [session], table())
        assert_frame_equal(model, whole.model.filter(pl.col("session") == session), check_exact=True)
    for session in (f.keys[-1], f.keys[-37], f.keys[-80]):
        known = f.cut(session)
        model, path = (t.filter(pl.col("session") <= session) for t in (whole.model, whole.path))
        alone = monetary_path(known.observations, known.policy_path, model, [session], MAX_AGE)
        assert_frame_equal(alone, whole.path.filter(pl.col("session") == session), check_exact=True)
        view = monetary_view(
            known.observations, known.di_curve, known.ust_curve, model, path, [session], table(), max_age=MAX_AGE
        )
        assert_frame_equal(view, whole.view.filter(pl.col("session") == session), check_exact=True)


def test_poison_after_the_session_changes_nothing() -> None:
    f, whole = frames(), told()
    cut = f.keys[-30]
    names = ("observations", "policy_path", "di_curve", "ust_curve")
    bad = replace(f, **{n: poisoned(getattr(f, n), cut) for n in names})
    model = monetary_model(bad.observations, bad.policy_path, f.keys[-80:-29], table())
    assert model.height
    assert_frame_equal(model, whole.model.filter(pl.col("session").is_between(f.keys[-80], cut)), check_exact=True)
    window = f.keys[-60:-29]
    assert window[-1] == cut
    view = again(replace(bad, policy_path=bad.policy_path.filter(pl.col("session") <= cut)), window)
    assert_frame_equal(view, whole.view.filter(pl.col("session").is_in(window)), check_exact=True)


def test_a_revision_changes_no_earlier_session() -> None:
    f = frames()
    known = f.keys[-3]
    seen = f.observations.filter((pl.col("series_id") == "br_ibc_br_sa") & (pl.col("session") < known))
    period = seen["event_date"].max()
    revision = observed("br_ibc_br_sa", [period], np.array([300.0]), (known - period).days)
    assert revision["session"].to_list() == [known]
    after = again(replace(f, observations=pl.concat([f.observations, revision])))
    before = told().view.tail(5)
    assert_frame_equal(after.head(2), before.head(2), check_exact=True)
    assert (after["output_gap"].tail(3) != before["output_gap"].tail(3)).all()


@pytest.mark.parametrize(
    ("series", "words"),
    [
        (("br_selic_target",), "Selic target is"),
        (("br_cdi_daily",), "CDI is"),
        (("br_focus_ipca_12m_smooth", "br_focus_ipca_12m", "br_ipca_12m"), "expected inflation: every source"),
    ],
)
def test_a_silent_essential_series_gives_no_view(series: tuple[str, ...], words: str) -> None:
    f = frames()
    found = last(again(silent(f, f.keys[-12 if len(series) == 1 else -120], *series)))
    assert found["status"] == "no_view"
    assert words in found["reason"]
    for name in ("state_score", "confidence", "view_br_rates", "view_us_rates"):
        assert found[name] is None
    assert found["drivers"] == []


def test_a_stale_or_missing_path_or_curve_gives_no_view() -> None:
    f = frames()
    old = f.policy_path.filter(pl.col("session") < f.keys[-12])
    assert "policy path: the next 4 meetings" in last(again(replace(f, policy_path=old)))["reason"]
    late = pl.col("curve_date").dt.offset_by("-10d").alias("curve_date")
    stale = last(again(replace(f, policy_path=f.policy_path.with_columns(late))))
    assert stale["status"] == "no_view"
    assert "policy path is" in stale["reason"]
    none = last(again(replace(f, di_curve=f.di_curve.head(0))))
    assert none["status"] == "no_view"
    assert "DI curve: nothing known" in none["reason"]


def test_no_data_at_all_gives_no_view() -> None:
    f = frames()
    found = again(replace(f, observations=f.observations.head(0)))
    assert found["status"].to_list() == ["no_view"] * 5
    assert "Selic target: nothing known" in found["reason"][0]


def test_before_36_months_of_real_rates_there_is_no_view_and_the_model_says_so() -> None:
    f = frames()
    session = f.keys[400]
    found = monetary_view(
        f.observations, f.di_curve, f.ust_curve, told().model, told().path, [session], table(), max_age=MAX_AGE
    )
    assert found["status"].to_list() == ["no_view"]
    assert "fewer than 36 months" in found["reason"][0]
    refit = told().model.filter((pl.col("session") <= session) & (pl.col("parameter") == "neutral_rate"))
    assert refit["value"].null_count() == refit.height
    assert refit["status"].unique().to_list() == ["no_view"]


def test_fallbacks_of_expected_inflation() -> None:
    f = frames()
    since = f.keys[-60]
    plain = last(again(silent(f, since, "br_focus_ipca_12m_smooth")))
    assert plain["status"] == "ok"
    realised = last(again(silent(f, since, "br_focus_ipca_12m_smooth", "br_focus_ipca_12m")))
    assert realised["status"] == "degraded"
    assert "realised 12-month IPCA" in realised["reason"]
    assert realised["confidence"] <= 0.4


def test_months_without_a_survey_leave_r_star_and_are_told() -> None:
    f = frames()
    refits = told().model["session"].unique().sort().to_list()
    mute = silent(f, refits[-8], "br_focus_ipca_12m_smooth", "br_focus_ipca_12m")
    model = monetary_model(mute.observations, mute.policy_path, refits[-1:], table())
    rows = {r["parameter"]: r for r in model.iter_rows(named=True)}
    assert rows["neutral_blind_months"]["value"] >= 7
    path = monetary_path(mute.observations, mute.policy_path, model, f.keys[-5:], MAX_AGE)
    view = monetary_view(mute.observations, f.di_curve, f.ust_curve, model, path, f.keys[-5:], table(), max_age=MAX_AGE)
    assert "r* has seen no ex-ante real rate for" in last(view)["reason"]
    assert last(view)["status"] == "degraded"


@pytest.mark.parametrize(
    ("parameter", "value", "status", "words"),
    [
        ("neutral_rate", 0.02, "no_view", "sanity: r* is 2.0%, outside 2.5..7.5%"),
        ("neutral_rate", 0.08, "no_view", "sanity: r* is 8.0%"),
        ("neutral_rate", 0.024999, "no_view", "sanity: r* is 2.49%, outside 2.5..7.5%"),
        ("neutral_rate", 0.075001, "no_view", "sanity: r* is 7.51%, outside 2.5..7.5%"),
        ("neutral_fallback", 1.0, "degraded", "one-sided trend of real rates"),
        ("rule_rmse", None, "degraded", "stated parameters"),
        ("term_premium_meetings", 39.0, "degraded", "no term premium taken out: 39 decisions"),
    ],
)
def test_what_a_refit_says_reaches_the_status(parameter: str, value: float, status: str, words: str) -> None:
    f = frames()
    here = pl.col("parameter") == parameter
    model = told().model.with_columns(pl.when(here).then(pl.lit(value)).otherwise("value").alias("value"))
    sessions = f.keys[-2:]
    path = monetary_path(f.observations, f.policy_path, model, sessions, MAX_AGE)
    found = last(
        monetary_view(f.observations, f.di_curve, f.ust_curve, model, path, sessions, table(), max_age=MAX_AGE)
    )
    assert found["status"] == status
    assert words in found["reason"]
    assert ([w for w in found["sanity_flags"] if words in w] != []) == words.startswith("sanity")


@pytest.mark.parametrize(
    ("series", "add", "words"),
    [
        ("br_focus_ipca_12m_smooth", 0.2, "sanity: expected inflation is"),
        ("br_cdi_daily", 0.001, "sanity: Selic target less CDI is"),
        ("br_selic_target", 4.0, "sanity: highest Selic of the model's path is"),
    ],
)
def test_a_sanity_breach_gives_no_view(series: str, add: float, words: str) -> None:
    f = frames()
    found = last(again(changed(f, series, f.keys[-5], add)))
    assert found["status"] == "no_view"
    assert words in found["reason"]
    assert any(words in flag for flag in found["sanity_flags"])


def test_target_of_the_year_before_is_told() -> None:
    f = frames()
    short = f.observations.filter(
        ~((pl.col("series_id") == "br_inflation_target") & (pl.col("event_date") >= date(2017, 1, 1)))
    )
    found = last(again(replace(f, observations=short)))
    assert found["status"] == "degraded"
    assert "inflation target of 2016 used for 2017" in found["reason"]


def test_knowledge_time_is_within_the_session() -> None:
    limits = [table().as_of(s) for s in told().view["session"]]
    assert all(k <= limit for k, limit in zip(told().view["knowledge_time"], limits, strict=True))


def test_risks_carry_the_probability_that_the_sign_turns() -> None:
    risk = base()["risks"][0]
    assert 0.0 < risk["prob"] < 0.5


def test_bad_arguments() -> None:
    f, whole = frames(), told()
    rest = (f.observations, f.di_curve, f.ust_curve, whole.model, whole.path)
    ages = {k: v for k, v in MAX_AGE.items() if k != "br_cdi_daily"}
    with pytest.raises(ValueError, match="max_age lacks br_cdi_daily"):
        monetary_view(*rest, f.keys[-1:], table(), max_age=ages)
    saturday = next(d for d in (f.keys[-1] - timedelta(days=k) for k in range(7)) if d.weekday() == 5)
    with pytest.raises(ValueError, match="is not a trading session"):
        monetary_view(*rest, [saturday], table(), max_age=MAX_AGE)
