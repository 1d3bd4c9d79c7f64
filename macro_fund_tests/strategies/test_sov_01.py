"""SOV-01: the residual slope by hand, its sign, the pair in stress, and never a position."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from macro_fund.settings import default_settings
from macro_fund.strategies.sov_01 import LONG, MIDDLE, SHORT, signals
from macro_fund_tests.strategies.frames import world
from macro_fund_tests.strategies.licensed_frames import cut, quoted

PARAMS = (
    default_settings()
    .strategy("SOV-01")
    .model_copy(update={"params": {"fit_min": 250, "stress_bp": 400, "z_window": 504, "z_min": 252}})
)
N = 650


def curve(level: float = 200.0, seed: int = 9) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    middle = level * np.exp(0.2 * np.sin(np.arange(N) / 50.0) + rng.normal(0, 0.01, N))
    slope = 400.0 - 55.0 * np.log(middle) + rng.normal(0, 4.0, N)
    return {SHORT: middle - 90.0 + rng.normal(0, 3.0, N), MIDDLE: middle, LONG: middle + slope}


def moved(quotes: dict[str, np.ndarray], series: str, by: float) -> dict[str, np.ndarray]:
    return {**quotes, series: np.append(quotes[series][:-1], quotes[series][-1] + by)}


def last(quotes: dict[str, np.ndarray], **more: object) -> dict[str, object]:
    w = quoted(world(N), quotes, **more)
    return signals(w.panel, PARAMS, w.keys[-1:]).row(0, named=True)


def test_the_number_by_hand() -> None:
    quotes = curve()
    keys = world(N).keys
    start = max(k for k in range(1, N) if keys[k].month != keys[k - 1].month)

    def residual(k: int) -> float:
        first = max(j for j in range(k + 1) if j == 0 or keys[j].month != keys[j - 1].month)
        x = np.column_stack([np.ones(first + 1), np.log(quotes[MIDDLE][: first + 1])])
        b = np.linalg.lstsq(x, (quotes[LONG] - quotes[MIDDLE])[: first + 1], rcond=None)[0]
        return float(quotes[LONG][k] - quotes[MIDDLE][k] - b[0] - b[1] * np.log(quotes[MIDDLE][k]))

    first_fit = next(k for k in range(249, N) if keys[k].month != keys[k - 1].month)
    path = np.array([residual(k) for k in range(first_fit, N)])
    assert start > first_fit
    centre = np.median(path)
    z = np.clip((path[-1] - centre) / (1.4826 * np.median(np.abs(path - centre))), -3, 3)
    row = last(quotes)
    assert row["z"] == pytest.approx(z, abs=1e-8)
    assert row["signal"] == pytest.approx(np.clip(z / 2, -1, 1), abs=1e-8)


def test_a_curve_too_steep_sells_the_long_end_and_nothing_is_traded() -> None:
    row = last(moved(curve(), LONG, 40.0))
    assert row["signal"] == 1.0
    assert (row["direction"], row["strength"]) == (0, 0.0)
    assert "no CDS instrument is traded" in row["reason"]
    assert last(moved(curve(), LONG, -40.0))["signal"] == -1.0


def test_in_stress_the_pair_is_the_short_one() -> None:
    quotes = curve(level=600.0)
    assert "5y-1y (stress)" in last(quotes)["reason"]
    assert last(moved(quotes, SHORT, -60.0))["signal"] == 1.0
    assert last(moved(quotes, LONG, 40.0))["z"] == last(quotes)["z"]


def test_a_long_end_that_stands_still_is_degraded() -> None:
    quotes = curve()
    still = quotes[LONG].copy()
    still[-20:] = still[-20]
    row = last({**quotes, LONG: still})
    assert row["status"] == "degraded"
    assert row["confidence"] <= 0.4
    assert "stood still" in row["reason"]


def test_any_window_and_a_shorter_history_give_the_same_rows() -> None:
    w = quoted(world(N), curve())
    window = w.keys[-30:]
    rows = signals(w.panel, PARAMS, w.keys).filter(pl.col("session").is_in(window))
    assert_frame_equal(rows, signals(w.panel, PARAMS, window), check_exact=True)
    assert_frame_equal(signals(cut(w, window[10]).panel, PARAMS, [window[10]]), rows[10:11], check_exact=True)


def test_without_the_feed_it_says_what_it_needs() -> None:
    w = world(N)
    row = signals(w.panel, PARAMS, w.keys[-1:]).row(0, named=True)
    assert (row["status"], row["direction"]) == ("no_view", 0)
    assert row["reason"] == f"needs {SHORT}, {MIDDLE}, {LONG}: config/series/licensed_prices.yaml"


def test_a_stale_quote_is_no_view() -> None:
    row = last(curve(), stale_last=(LONG,))
    assert (row["status"], row["reason"]) == ("no_view", f"{LONG} is stale")
