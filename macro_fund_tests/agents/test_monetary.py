"""Monetary agent: the number by hand, its signs, its silences, and that it never looks ahead."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from macro_fund.agents.monetary import monetary_view
from macro_fund.store.tables import TABLES
from macro_fund_tests.strategies.frames import MAX_AGE, World, observed, poisoned, table, world

N = 900


def view(w: World, sessions: list[date] | None = None, **frames: pl.DataFrame) -> pl.DataFrame:
    observations = frames.get("observations", w.observations)
    curve = frames.get("di_curve", w.panel.di_curve)
    return monetary_view(observations, curve, sessions or w.keys[-20:], table(), max_age=MAX_AGE)


def changed(observations: pl.DataFrame, series_id: str, since: date, add: float) -> pl.DataFrame:
    """`add` on every value of a series that became known since a session."""
    here = (pl.col("series_id") == series_id) & (pl.col("session") >= since)
    return observations.with_columns(pl.when(here).then(pl.col("value") + add).otherwise("value").alias("value"))


def without(observations: pl.DataFrame, since: date, *series: str) -> pl.DataFrame:
    """The series fall silent: nothing of them becomes known since a session."""
    return observations.filter(~(pl.col("series_id").is_in(series) & (pl.col("session") >= since)))


def last(frame: pl.DataFrame) -> dict[str, object]:
    return frame.row(-1, named=True)


def test_shape_and_a_view() -> None:
    found = view(world(N))
    assert found.schema == TABLES["agents/monetary_view"].schema
    assert found["status"].to_list() == ["ok"] * 20
    assert found["state_score"].is_between(-1, 1).all()
    assert found["confidence"].is_between(0, 1).all()


def test_the_number_by_hand() -> None:
    """The last session rebuilt with plain loops and statsmodels' filter."""
    hpfilter = pytest.importorskip("statsmodels.tsa.filters.hp_filter").hpfilter
    w = world(N)
    session = w.keys[-1]
    newest: dict[str, tuple[date, float]] = {}
    index: dict[date, float] = {}
    focus: list[tuple[date, date, float]] = []
    selic: dict[date, float] = {}
    for row in w.observations.filter(pl.col("session") <= session).iter_rows(named=True):
        newest[row["series_id"]] = max(newest.get(row["series_id"], (date.min, 0.0)), (row["event_date"], row["value"]))
        if row["series_id"] == "br_ibc_br_sa":
            index[row["event_date"]] = row["value"]
        if row["series_id"] == "br_focus_ipca_12m_smooth":
            focus.append((row["session"], row["event_date"], row["value"]))
        if row["series_id"] == "br_selic_target":
            selic[row["event_date"]] = row["value"]
    one_year = {r["session"]: r for r in w.panel.di_curve.filter(pl.col("tenor_bd") == 252).iter_rows(named=True)}
    months: dict[tuple[int, int], float] = {}
    for key in w.keys:
        expected = max((d, v) for s, d, v in focus if s <= key)[1]
        months[key.year, key.month] = (1 + one_year[key]["rate"]) / (1 + expected) - 1
    months.pop((session.year, session.month))
    neutral = float(np.asarray(hpfilter(np.array(list(months.values())), lamb=129600)[1])[-1])
    assert 0.025 < neutral < 0.075
    log_index = np.log([index[d] for d in sorted(index)])
    gap = float(log_index[-1] - np.asarray(hpfilter(log_index, lamb=129600)[1])[-1])
    before = float(log_index[-13] - np.asarray(hpfilter(log_index[:-12], lamb=129600)[1])[-1])
    pi, i = newest["br_focus_ipca_12m_smooth"][1], newest["br_selic_target"][1]
    cdi_day, cdi = newest["br_cdi_daily"]
    implied = one_year[session]["forward_21d"] + selic[cdi_day] - ((1 + cdi) ** 252 - 1)
    star = neutral + 0.045 + 1.5 * (pi - 0.045) + 0.5 * gap
    rules = [star, 0.6561 * i + 0.3439 * star, i + (pi - 0.045) + (gap - before)]
    found = last(view(w))
    assert found["neutral_rate"] == pytest.approx(neutral, abs=1e-9)
    assert found["output_gap"] == pytest.approx(gap, abs=1e-9)
    assert found["implied_rate"] == pytest.approx(implied, abs=1e-12)
    assert found["taylor_rate"] == pytest.approx(sorted(rules)[1], abs=1e-9)
    assert found["state_score"] == pytest.approx(np.tanh((sorted(rules)[1] - implied) / 0.0075), abs=1e-6)
    agreement = abs(sum(np.sign(r - implied) for r in rules)) / 3
    assert found["confidence"] == pytest.approx(0.5 + 0.5 * agreement, abs=1e-12)


def test_contributions_sum_to_the_score() -> None:
    found = view(world(N), world(N).keys[-100:])
    sums = found.select(pl.col("drivers").list.eval(pl.element().struct.field("contribution").sum()).list.first())
    assert np.abs(sums.to_series().to_numpy() - found["state_score"].to_numpy()).max() < 1e-9


@pytest.mark.parametrize(
    ("series", "add", "tighter"),
    [
        ("br_focus_ipca_12m_smooth", 0.004, True),
        ("br_selic_target", 0.004, None),
        ("br_inflation_target", 0.004, False),
    ],
)
def test_signs(series: str, add: float, tighter: bool | None) -> None:
    """Higher expected inflation: rule up, score up, receivers lose. A higher target: the other way."""
    w = world(N)
    since = w.keys[-5] if series != "br_inflation_target" else date.min
    base, moved = last(view(w)), last(view(w, observations=changed(w.observations, series, since, add)))
    if tighter is None:
        assert moved["taylor_rate"] > base["taylor_rate"]
        return
    assert (moved["taylor_rate"] > base["taylor_rate"]) == tighter
    assert (moved["state_score"] > base["state_score"]) == tighter
    assert (moved["view_br_rates"] < base["view_br_rates"]) == tighter
    assert moved["view_br_rates"] == -moved["state_score"]


def test_a_curve_that_prices_more_hikes_is_good_for_receivers() -> None:
    w = world(N)
    late = pl.col("session") >= w.keys[-5]
    dearer = pl.when(late).then(pl.col("forward_21d") + 0.01).otherwise("forward_21d").alias("forward_21d")
    base, moved = last(view(w)), last(view(w, di_curve=w.panel.di_curve.with_columns(dearer)))
    assert moved["implied_rate"] == pytest.approx(base["implied_rate"] + 0.01, abs=1e-12)
    assert moved["state_score"] < base["state_score"]
    assert moved["view_br_rates"] > base["view_br_rates"]


def test_implied_rate_is_not_moved_by_the_target_of_the_day_after_a_decision() -> None:
    """The target in force today is new; the newest CDI still accrued at the old one: their difference is no basis."""
    w = world(N)
    decided = changed(w.observations, "br_selic_target", w.keys[-1], 0.005)
    base, moved = last(view(w)), last(view(w, observations=decided))
    assert moved["taylor_rate"] != base["taylor_rate"]
    assert moved["implied_rate"] == base["implied_rate"]


def test_any_window_gives_the_same_rows() -> None:
    w = world(N)
    together = view(w, w.keys[-60:])
    for session in (w.keys[-60], w.keys[-33], w.keys[-1]):
        assert_frame_equal(view(w, [session]), together.filter(pl.col("session") == session), check_exact=True)
        known = {
            "observations": w.observations.filter(pl.col("session") <= session),
            "di_curve": w.panel.di_curve.filter(pl.col("session") <= session),
        }
        assert_frame_equal(view(w, [session], **known), together.filter(pl.col("session") == session), check_exact=True)


def test_poison_after_the_session_changes_nothing() -> None:
    w = world(N)
    cut = w.keys[-30]
    poison = {"observations": poisoned(w.observations, cut), "di_curve": poisoned(w.panel.di_curve, cut)}
    window = w.keys[-60:-29]
    assert window[-1] == cut
    assert_frame_equal(view(w, window, **poison), view(w, window), check_exact=True)


def test_a_revision_changes_no_earlier_session() -> None:
    w = world(N)
    known = w.keys[-10]
    seen = w.observations.filter((pl.col("series_id") == "br_ibc_br_sa") & (pl.col("session") < known))
    period = seen["event_date"].max()
    revision = observed("br_ibc_br_sa", [period], np.array([140.0]), (known - period).days)
    assert revision["session"].to_list() == [known]
    window = w.keys[-20:]
    before, after = view(w, window), view(w, window, observations=pl.concat([w.observations, revision]))
    assert_frame_equal(after.head(10), before.head(10), check_exact=True)
    assert (after["output_gap"].tail(10) != before["output_gap"].tail(10)).all()


@pytest.mark.parametrize(
    ("silent", "words"),
    [
        (("br_selic_target",), "Selic target is 18 days old, 7 allowed"),
        (("br_cdi_daily",), "CDI is 19 days old"),
        (("br_focus_ipca_12m_smooth", "br_focus_ipca_12m", "br_ipca_12m"), "expected inflation: every source"),
    ],
)
def test_a_silent_essential_series_gives_no_view(silent: tuple[str, ...], words: str) -> None:
    w = world(N)
    back = 12 if len(silent) == 1 else 120
    found = last(view(w, observations=without(w.observations, w.keys[-back], *silent)))
    assert found["status"] == "no_view"
    assert words in found["reason"]
    assert found["state_score"] is None
    assert found["confidence"] is None
    assert found["view_br_rates"] is None
    assert found["drivers"] == []


def test_a_stale_curve_and_no_curve_give_no_view() -> None:
    w = world(N)
    curve = w.panel.di_curve
    stale = last(view(w, di_curve=curve.filter(pl.col("session") < w.keys[-12])))
    assert stale["status"] == "no_view"
    assert "DI curve is" in stale["reason"]
    none = last(view(w, di_curve=curve.head(0)))
    assert none["status"] == "no_view"
    assert "DI curve: nothing known" in none["reason"]


def test_no_data_at_all_gives_no_view() -> None:
    w = world(N)
    found = view(w, observations=w.observations.head(0))
    assert found["status"].to_list() == ["no_view"] * 20
    assert "inflation target of 2014 unknown" in found["reason"][0]


def test_short_history_of_real_rates_gives_no_view() -> None:
    w = world(N)
    found = view(w, w.keys[500:501])
    assert found["status"].to_list() == ["no_view"]
    assert "fewer than 36 month-ends" in found["reason"][0]


def test_fallbacks_of_expected_inflation() -> None:
    w = world(N)
    since = w.keys[-60]
    plain = last(view(w, observations=without(w.observations, since, "br_focus_ipca_12m_smooth")))
    assert plain["status"] == "ok"
    assert plain["confidence"] < last(view(w))["confidence"]
    silent = without(w.observations, since, "br_focus_ipca_12m_smooth", "br_focus_ipca_12m")
    realised = last(view(w, observations=silent))
    assert realised["status"] == "degraded"
    assert "realised 12-month IPCA" in realised["reason"]
    assert realised["confidence"] <= 0.4


def test_bound_of_the_neutral_rate_is_told() -> None:
    w = world(N)
    low = w.panel.di_curve.with_columns(pl.col("rate") - 0.05)
    found = last(view(w, di_curve=low))
    assert found["status"] == "degraded"
    assert found["neutral_rate"] == 0.025
    assert "held at its bound" in found["reason"]


def test_target_of_the_year_before_is_told() -> None:
    w = world(N)
    short = w.observations.filter(
        ~((pl.col("series_id") == "br_inflation_target") & (pl.col("event_date") >= date(2014, 1, 1)))
    )
    found = last(view(w, observations=short))
    assert found["status"] == "degraded"
    assert "inflation target of 2013 used for 2014" in found["reason"]


@pytest.mark.parametrize(
    ("series", "add", "words"),
    [
        ("br_focus_ipca_12m_smooth", 0.2, "expected inflation is"),
        ("br_cdi_daily", 0.001, "Selic target less CDI is"),
        ("br_selic_target", 4.0, "rule's policy rate is"),
    ],
)
def test_a_sanity_breach_gives_no_view(series: str, add: float, words: str) -> None:
    w = world(N)
    found = last(view(w, observations=changed(w.observations, series, w.keys[-5], add)))
    assert found["status"] == "no_view"
    assert words in found["reason"]
    assert "sanity breach" in found["reason"]


def test_knowledge_time_is_within_the_session() -> None:
    found = view(world(N))
    limits = [table().as_of(s) for s in found["session"]]
    assert all(k <= limit for k, limit in zip(found["knowledge_time"], limits, strict=True))


def test_bad_arguments() -> None:
    w = world(N)
    ages = {k: v for k, v in MAX_AGE.items() if k != "br_cdi_daily"}
    with pytest.raises(ValueError, match="max_age lacks br_cdi_daily"):
        monetary_view(w.observations, w.panel.di_curve, w.keys[-1:], table(), max_age=ages)
    saturday = next(d for d in (w.keys[-1] - timedelta(days=k) for k in range(7)) if d.weekday() == 5)
    with pytest.raises(ValueError, match="is not a trading session"):
        view(w, [saturday])
