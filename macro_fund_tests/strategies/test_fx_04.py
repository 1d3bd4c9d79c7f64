"""FX-04: HAR against a planted process and by hand, signs of the three measures, never a position."""

from __future__ import annotations

from datetime import date

import numpy as np
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from macro_fund.settings import default_settings
from macro_fund.strategies.fx_04 import FAR, NEAR, SKEW, har_forecast, signals
from macro_fund_tests.strategies.frames import World, world
from macro_fund_tests.strategies.licensed_frames import cut, quoted

# Shorter samples than in production: the synthetic world is short.
PARAMS = (
    default_settings().strategy("FX-04").model_copy(update={"params": {"fit_min": 250, "z_window": 504, "z_min": 252}})
)
N = 700


def surface(seed: int = 5) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    return {
        NEAR: 0.13 + 0.01 * np.sin(np.arange(N) / 23.0) + rng.normal(0, 0.002, N),
        FAR: 0.14 + 0.005 * np.sin(np.arange(N) / 40.0) + rng.normal(0, 0.001, N),
        SKEW: 0.015 + rng.normal(0, 0.002, N),
    }


def last(quotes: dict[str, np.ndarray], **more: object) -> dict[str, object]:
    w = quoted(world(N), quotes, **more)
    return signals(w.panel, PARAMS, w.keys[-1:]).row(0, named=True)


def days(n: int) -> pl.Series:
    return pl.date_range(date(2000, 1, 3), date(2030, 1, 1), "1d", eager=True).head(n)


def test_har_finds_persistent_variance() -> None:
    rng = np.random.default_rng(11)
    n = 2500
    log_vol = np.zeros(n)
    for k in range(1, n):
        log_vol[k] = 0.98 * log_vol[k - 1] + rng.normal(0, 0.15)
    sigma = 0.01 * np.exp(log_vol)
    returns = rng.normal(size=n) * sigma
    found = har_forecast(days(n), returns, 500)
    truth = np.array([np.mean(sigma[k + 1 : k + 22] ** 2) * 252 for k in range(n - 21)])
    tested = np.arange(1000, n - 21)
    past = np.array([np.mean(returns[: k + 1] ** 2) * 252 for k in tested])
    assert np.corrcoef(found[tested], truth[tested])[0, 1] > 0.5
    assert np.mean((found[tested] - truth[tested]) ** 2) < 0.8 * np.mean((past - truth[tested]) ** 2)


def test_har_by_hand() -> None:
    n = 400
    returns = np.random.default_rng(2).normal(0, 0.01, n)
    sessions = days(n)
    squared = returns**2 * 252
    start = max(k for k in range(n) if k == 0 or sessions[k].month != sessions[k - 1].month)
    rows = range(21, start + 1 - 21)
    x = np.array([[1, squared[k], squared[k - 4 : k + 1].mean(), squared[k - 21 : k + 1].mean()] for k in rows])
    y = np.array([squared[k + 1 : k + 22].mean() for k in rows])
    b = np.linalg.lstsq(x, y, rcond=None)[0]
    now = [1, squared[-1], squared[-5:].mean(), squared[-22:].mean()]
    assert har_forecast(sessions, returns, 100)[-1] == pytest.approx(max(float(np.dot(b, now)), 0.0), rel=1e-9)


def test_har_never_looks_ahead() -> None:
    returns = np.random.default_rng(4).normal(0, 0.01, 500)
    whole, part = har_forecast(days(500), returns, 100), har_forecast(days(430), returns[:430], 100)
    assert np.array_equal(whole[:430], part, equal_nan=True)


@pytest.mark.parametrize("series", [NEAR, SKEW])
def test_a_rich_surface_is_sold_and_never_traded(series: str) -> None:
    quotes = surface()
    base = last(quotes)
    rich = {**quotes, series: np.append(quotes[series][:-1], quotes[series][-1] * 1.5)}
    row = last(rich)
    assert row["z"] > base["z"]
    assert row["signal"] < base["signal"]
    assert row["direction"] == 0
    assert row["strength"] == 0
    assert row["status"] == "ok"
    assert "options are not approved" in row["reason"]


def test_a_dear_far_end_makes_the_near_one_cheap() -> None:
    quotes = surface()
    dear = {**quotes, FAR: np.append(quotes[FAR][:-1], quotes[FAR][-1] * 1.2)}
    assert last(dear)["z"] < last(quotes)["z"]


def test_direction_is_zero_on_every_session() -> None:
    w = quoted(world(N), surface())
    rows = signals(w.panel, PARAMS, w.keys)
    assert rows.filter(pl.col("status") == "ok").height > 50
    assert rows["direction"].unique().to_list() == [0]


def test_any_window_and_a_shorter_history_give_the_same_rows() -> None:
    w = quoted(world(N), surface())
    window = w.keys[-30:]
    rows = signals(w.panel, PARAMS, w.keys).filter(pl.col("session").is_in(window))
    assert_frame_equal(rows, signals(w.panel, PARAMS, window), check_exact=True)
    early = cut(w, window[10])
    assert_frame_equal(signals(early.panel, PARAMS, [window[10]]), rows[10:11], check_exact=True)


def test_without_the_feed_it_says_what_it_needs() -> None:
    w: World = world(N)
    row = signals(w.panel, PARAMS, w.keys[-1:]).row(0, named=True)
    assert row["status"] == "no_view"
    assert row["reason"] == f"needs {NEAR}, {FAR}, {SKEW}: config/series/licensed_prices.yaml"


def test_a_stale_quote_is_no_view() -> None:
    row = last(surface(), stale_last=(FAR,))
    assert (row["status"], row["reason"]) == ("no_view", f"{FAR} is stale")
