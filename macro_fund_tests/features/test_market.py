"""Market features: units, recursion against a loop, signs, staleness, and nothing from the future."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from macro_fund.features import market
from macro_fund_tests.features.builders import DAY, START, daily, days, di_curve, observed

N = 700
RNG = np.random.default_rng(3)
PRICE = 4000 * np.exp(np.cumsum(RNG.normal(scale=0.01, size=N)))
RATE = 0.02 + np.cumsum(RNG.normal(scale=4e-4, size=N))
DI = 0.11 + np.cumsum(RNG.normal(scale=8e-4, size=N))
OBSERVATIONS = pl.concat([daily("us_spx", PRICE), daily("us_par_10y", RATE)])
CURVE = di_curve({252: DI, 21: DI - 0.01})
AGES = {s: 7 for s in market.OBSERVED}
SESSIONS = days(N)


def features(observations: pl.DataFrame = OBSERVATIONS, sessions: list = SESSIONS) -> pl.DataFrame:
    return market.market_features(observations, CURVE, sessions, AGES)


@pytest.fixture(scope="module")
def whole() -> pl.DataFrame:
    return features()


def of(frame: pl.DataFrame, series_id: str) -> pl.DataFrame:
    return frame.filter(pl.col("series_id") == series_id)


def test_rates_change_in_bp_and_prices_in_log_returns(whole: pl.DataFrame) -> None:
    np.testing.assert_allclose(of(whole, "us_par_10y")["change"][1:], np.diff(RATE) * 1e4, rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(of(whole, "br_di_252")["change"][1:], np.diff(DI) * 1e4, rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(of(whole, "us_spx")["change"][1:], np.diff(np.log(PRICE)), rtol=1e-9, atol=1e-12)
    assert dict(whole.select("series_id", "kind").unique().rows()) == {
        "br_di_21": "rate",
        "br_di_252": "rate",
        "us_par_10y": "rate",
        "us_spx": "price",
    }


def test_ewma_is_the_recursion(whole: pl.DataFrame) -> None:
    rows = of(whole, "us_spx")
    variance = rows["change"][1] ** 2
    for change, vol in rows.select("change", "ewma_vol").rows()[2:]:
        variance = 0.94 * variance + 0.06 * change**2
        assert vol == pytest.approx(variance**0.5, rel=1e-12)


def test_z_and_momentum_stay_within_their_clips_and_come_with_history(whole: pl.DataFrame) -> None:
    assert whole["z"].abs().max() <= 3
    assert whole["z_change"].abs().max() <= 3
    assert whole["momentum"].abs().max() <= 2
    rows = of(whole, "us_spx")
    assert rows["z"].head(251).null_count() == 251
    assert rows["z"][251] is not None
    assert set(rows["status"].head(252)) == {"missing"}
    assert set(rows["status"].tail(N - 253)) == {"ok"}
    assert rows["reason"][100] == "not enough history or moves for z z_change momentum"


@given(st.sampled_from([-1.0, 1.0]), st.floats(1e-4, 5e-3))
@settings(max_examples=10)
def test_momentum_is_of_holding_the_asset(direction: float, drift: float) -> None:
    noise = np.random.default_rng(1).normal(scale=1e-4, size=300)
    moves = np.cumsum(direction * drift + noise)
    rows = pl.concat([daily("us_spx", 4000 * np.exp(moves)), daily("us_par_10y", 1 + moves)])
    frame = features(rows, days(300)[-1:])
    assert np.sign(of(frame, "us_spx")["momentum"][0]) == direction
    assert np.sign(of(frame, "us_par_10y")["momentum"][0]) == -direction


def test_a_session_alone_and_without_the_future_is_the_same(whole: pl.DataFrame) -> None:
    for k in (0, 1, 63, 251, 252, 253, 503, 504, 699):
        seen = OBSERVATIONS.filter(pl.col("session") <= SESSIONS[k])
        curve = CURVE.filter(pl.col("session") <= SESSIONS[k])
        alone = market.market_features(seen, curve, [SESSIONS[k]], AGES)
        assert alone.equals(whole.filter(pl.col("session") == SESSIONS[k])), k


def test_a_revision_changes_no_session(whole: pl.DataFrame) -> None:
    late = observed("us_spx", [1.0], [SESSIONS[300]], [SESSIONS[600]])
    assert features(pl.concat([OBSERVATIONS, late])).equals(whole)


def test_what_is_old_or_stands_still_is_not_ok() -> None:
    still = pl.concat(
        [daily("us_spx", [*PRICE[:400], *[PRICE[399]] * 3]), daily("us_par_10y", [*RATE[:400], *[RATE[399]] * 3])]
    )
    rows = features(still, days(403)[-2:])
    spx = of(rows, "us_spx")
    assert spx["status"].to_list() == ["ok", "stale"]
    assert spx["reason"][1] == "unchanged for 3 observations"
    assert spx.row(1, named=True)["vol_63d"] is None
    assert of(rows, "us_par_10y")["status"].to_list() == ["ok", "ok"]  # printed to 1 bp: may stand still
    later = START + timedelta(days=411)
    old = of(features(OBSERVATIONS.filter(pl.col("session") < days(401)[-1]), [later]), "us_spx")
    assert old["status"].to_list() == ["stale"]
    assert "older than 7 days" in old["reason"][0]
    assert old["value"][0] == PRICE[399]


def test_a_holiday_is_one_change() -> None:
    sessions = days(300)
    kept = [s for k, s in enumerate(sessions) if k % 5 != 4]  # two days arrive after each pause
    events = [s - DAY for s in sessions]
    arrive = [next(s for s in kept if s >= d) for d in sessions if d <= kept[-1]]
    rows = observed("us_spx", PRICE[: len(arrive)], events[: len(arrive)], arrive)
    dense = of(features(daily("us_spx", PRICE[: len(arrive)]), [kept[-1]]), "us_spx")
    sparse = of(features(rows, [kept[-1]]), "us_spx")
    assert sparse.equals(dense)


def test_wrong_arguments_are_named() -> None:
    with pytest.raises(ValueError, match="ascending"):
        features(sessions=[SESSIONS[1], SESSIONS[0]])
    with pytest.raises(ValueError, match="us_spx"):
        market.market_features(OBSERVATIONS, CURVE, SESSIONS[-1:], {"us_par_10y": 7})
    assert market.market_features(OBSERVATIONS.clear(), CURVE.clear(), SESSIONS[-1:], AGES).is_empty()
