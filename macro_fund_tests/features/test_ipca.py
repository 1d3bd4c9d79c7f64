"""IPCA analytics: compounding, seasonal adjustment by vintage, cores, and the published 12-month rates."""

from __future__ import annotations

from datetime import date

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from macro_fund.features import ipca
from macro_fund_tests.features.builders import DAY, group, month, observed
from macro_fund_tests.realworld import FOLDER

N = 90
SEASON = 0.002 * np.sin(2 * np.pi * np.arange(N) / 12)
RATES = 0.004 + SEASON + np.random.default_rng(4).normal(scale=0.001, size=N)
VALUES = {s: RATES + 0.0002 * k for k, s in enumerate(ipca.SERIES)}
OBSERVATIONS = group(VALUES)
AGES = {s: 90 for s in ipca.SERIES}
# Months in which the compounded printed rates differ from the published year by one in the last digit.
OFF = [date(2010, 11, 1), date(2012, 2, 1), date(2014, 5, 1), date(2018, 5, 1), date(2020, 2, 1)]
SGS = FOLDER / "data/br_sgs.parquet"


def at(session: date, observations: pl.DataFrame = OBSERVATIONS) -> dict[str, float]:
    rows = ipca.ipca_features(observations, [session], AGES)
    return dict(rows.select("feature_id", "value").rows())


def test_constant_months_compound_to_a_year() -> None:
    constant = np.full(80, 0.004)
    assert ipca.compound(constant, 12)[-1] == pytest.approx(1.004**12 - 1, rel=1e-12)
    np.testing.assert_allclose(ipca.pace_3m(constant), 1.004**12 - 1, rtol=1e-9)


@given(st.floats(-0.01, 0.02))
@settings(max_examples=20)
def test_pace_of_constant_months_is_their_year(m: float) -> None:
    np.testing.assert_allclose(ipca.pace_3m(np.full(72, m)), (1 + m) ** 12 - 1, rtol=1e-6, atol=1e-9)


def test_adjustment_takes_the_season_out() -> None:
    clean = ipca.seasonally_adjusted(0.004 + SEASON)
    assert np.abs(clean - 0.004).max() < 1e-5
    raw = ipca.compound(0.004 + SEASON, 3)
    assert np.ptp(raw) > 0.005
    with pytest.raises(ValueError, match="needs 60"):
        ipca.seasonally_adjusted(RATES[:59])


def test_cores_are_the_mean_of_five() -> None:
    assert tuple(f"br_ipca_core_{c}" for c in ("ex0", "ex3", "ms", "dp", "p55")) == ipca.CORES
    got = at(month(N + 2))
    mean = np.mean([VALUES[s] for s in ipca.CORES], axis=0)
    assert got["core_mean_mom"] == pytest.approx(mean[-1], rel=1e-12)
    assert got["core_mean_12m"] == pytest.approx(np.prod(1 + mean[-12:]) - 1, rel=1e-12)
    one_late = OBSERVATIONS.filter((pl.col("series_id") != ipca.CORES[2]) | (pl.col("event_date") < month(N - 1)))
    assert at(month(N + 2), one_late)["core_mean_mom"] == pytest.approx(mean[-2], rel=1e-12)


def test_each_vintage_is_refitted_and_old_sessions_stay() -> None:
    sessions = [month(80), month(85), month(N + 2)]
    before = ipca.ipca_features(OBSERVATIONS, sessions, AGES)
    planted = observed("br_ipca_mom", [0.03], [month(40)], [month(84)])
    after = ipca.ipca_features(pl.concat([OBSERVATIONS, planted]), sessions, AGES)
    old = pl.col("session") < month(84)
    assert after.filter(old).equals(before.filter(old))
    pace = pl.col("feature_id") == "ipca_3m_saar"
    assert (after.filter(~old & pace)["value"] != before.filter(~old & pace)["value"]).all()
    for s in sessions:
        seen = OBSERVATIONS.filter(pl.col("session") <= s)
        assert ipca.ipca_features(seen, [s], AGES).equals(before.filter(pl.col("session") == s))


def test_a_short_history_is_missing_what_is_adjusted() -> None:
    rows = ipca.ipca_features(OBSERVATIONS, [month(30)], AGES)
    missing = set(rows.filter(pl.col("status") == "missing")["feature_id"])
    assert missing == {f"{n}_3m_saar" for n in ("ipca", "core_mean", "free", "services")}
    assert set(rows.filter(pl.col("status") == "missing")["reason"]) == {"not enough history"}


@pytest.mark.realworld
@pytest.mark.skipif(not SGS.is_file(), reason=f"no real series in {SGS.parent}")
def test_twelve_months_are_those_that_were_published() -> None:
    rows = pl.read_parquet(SGS).sort("date")
    published = rows.filter(pl.col("code") == 13522).select("date", "value")
    months = rows.filter((pl.col("code") == 433) & (pl.col("date") >= date(2003, 1, 1)))
    ours = pl.DataFrame(
        {"date": months["date"][11:], "ours": ipca.compound(months["value"].to_numpy() / 100, 12) * 100}
    )
    both = ours.filter(pl.col("date") >= date(2009, 1, 1)).join(published, on="date")
    assert both.height == 156
    off = both.filter((pl.col("ours").round(2) - pl.col("value")).abs() > 0.001)
    # The statistics office compounds its index numbers, which have more digits than the printed months.
    assert off["date"].to_list() == OFF
    assert (both["ours"] - both["value"]).abs().max() < 0.0101


@pytest.mark.realworld
@pytest.mark.skipif(not SGS.is_file(), reason=f"no real series in {SGS.parent}")
def test_real_cores_and_pace_of_2021() -> None:
    codes = dict(zip(ipca.CORES, (11427, 27839, 4466, 16122, 28750), strict=True)) | {
        "br_ipca_mom": 433,
        "br_ipca_free": 11428,
        "br_ipca_services": 10844,
        "br_ipca_administered": 4449,
        "br_ipca_diffusion": 21379,
    }
    rows = pl.read_parquet(SGS).filter(
        pl.col("code").is_in(list(codes.values())) & (pl.col("date") >= date(2004, 1, 1))
    )
    names = {v: k for k, v in codes.items()}
    known = rows.select(
        pl.from_epoch("pub").dt.date().add(DAY).alias("session"),
        pl.col("code").replace_strict(names).alias("series_id"),
        pl.col("date").alias("event_date"),
        pl.col("value") / 100,
        pl.from_epoch("pub").cast(pl.Datetime("us", "UTC")).alias("knowledge_time"),
    )
    got = at(date(2022, 1, 20), known)
    assert got["ipca_12m"] == pytest.approx(0.1006, abs=1e-4)  # December 2021: 10.06%
    assert 0.06 < got["core_mean_12m"] < 0.08
    assert got["administered_12m"] == pytest.approx(0.169, abs=2e-3)  # 16.9%
    assert 0.05 < got["ipca_3m_saar"] < 0.16


def test_twelve_months_are_compounded_not_added() -> None:
    """mc_accumulate_12m: twelve months of 0.5% are 6.16778118644995%."""
    assert ipca.compound(np.full(12, 0.005), 12)[-1] * 100 == pytest.approx(6.16778118644995, abs=1e-9)


def test_diffusion_and_trimmed_mean_by_hand() -> None:
    """BCB's definitions: what is unchanged did not rise; a fifth of the weight is cut off at each end."""
    assert ipca.diffusion(np.array([0.5, -0.2, 0.0, 1.1, 0.3, -0.1, 0.0, 0.2])) == 0.5
    changes, weights = np.array([-1.0, 0.0, 0.5, 1.0, 4.0]), np.array([10.0, 30.0, 30.0, 20.0, 10.0])
    assert ipca.trimmed_mean(changes, weights) == pytest.approx(0.4166666666666667, abs=1e-12)
    assert ipca.trimmed_mean(changes, weights, 0.0) == pytest.approx(float(changes @ weights) / 100.0)


@given(st.lists(st.tuples(st.floats(-0.5, 0.5), st.floats(0.01, 1.0)), min_size=3, max_size=20), st.floats(0.0, 0.45))
def test_a_trimmed_mean_lies_inside_hears_no_order_and_no_outlier(
    items: list[tuple[float, float]], trim: float
) -> None:
    changes, weights = (np.array(x) for x in zip(*items, strict=True))
    found = ipca.trimmed_mean(changes, weights, trim)
    assert changes.min() - 1e-12 <= found <= changes.max() + 1e-12
    assert ipca.trimmed_mean(changes[::-1], weights[::-1], trim) == pytest.approx(found, abs=1e-9)
    top = changes.argmax()
    if trim > weights[top] / weights.sum() + 1e-9:
        wild = changes.copy()
        wild[top] += 1000.0
        assert ipca.trimmed_mean(wild, weights, trim) == pytest.approx(found, abs=1e-9)


def test_bad_baskets_are_refused() -> None:
    one = np.ones(3)
    with pytest.raises(ValueError, match="at least one item"):
        ipca.diffusion(one[:0])
    for weights, trim in ((-one, 0.2), (0 * one, 0.2), (one[:2], 0.2), (one, 0.5)):
        with pytest.raises(ValueError, match="trimmed mean"):
            ipca.trimmed_mean(one, weights, trim)
