"""SOV-02: the chained index of peers, the planted beta, signs, peers that come and go, never a position."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from macro_fund.settings import default_settings
from macro_fund.strategies.sov_02 import BRAZIL, PEERS, peer_index, signals
from macro_fund_tests.strategies.frames import world
from macro_fund_tests.strategies.licensed_frames import cut, quoted

PARAMS = (
    default_settings()
    .strategy("SOV-02")
    .model_copy(update={"params": {"fit_min": 250, "peers_min": 3, "z_window": 504, "z_min": 252}})
)
N = 650
BETA = 1.3


def spreads(seed: int = 13) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    common = np.cumsum(rng.normal(0, 0.015, N))
    peers = {p: 150.0 * np.exp(common + rng.normal(0, 0.004, N)) for p in PEERS}
    gap = np.zeros(N)
    for k in range(1, N):
        gap[k] = 0.9 * gap[k - 1] + rng.normal(0, 0.01)
    return {BRAZIL: 200.0 * np.exp(BETA * common + gap), **peers}


def last(quotes: dict[str, np.ndarray], **more: object) -> dict[str, object]:
    w = quoted(world(N), quotes, **more)
    return signals(w.panel, PARAMS, w.keys[-1:]).row(0, named=True)


def with_last(quotes: dict[str, np.ndarray], series: str, factor: float) -> dict[str, np.ndarray]:
    return {**quotes, series: np.append(quotes[series][:-1], quotes[series][-1] * factor)}


def test_the_index_is_chained_by_hand() -> None:
    path = pl.DataFrame({"a": [100.0, 110.0, 121.0, 121.0], "b": [50.0, 50.0, None, None], "c": [None, 10.0, 5.0, 5.0]})
    found = peer_index(path, ["a", "b", "c"], 1).to_list()
    first = np.log(1.1) / 2
    assert found[0] is None
    assert found[1] == pytest.approx(first)
    assert found[2] == pytest.approx(first + (np.log(1.1) + np.log(0.5)) / 2)
    assert found[3] == pytest.approx(found[2])


def test_a_peer_that_is_gone_degrades_and_its_last_level_stays_out() -> None:
    quotes = spreads()
    gone = quotes[PEERS[4]].copy()
    gone[-5:] = np.nan
    row = last({**quotes, PEERS[4]: gone})
    assert row["status"] == "degraded"
    assert "4 of 5 peers are quoted" in row["reason"]
    path = pl.DataFrame({p: v for p, v in {**quotes, PEERS[4]: gone}.items() if p != BRAZIL}).fill_nan(None)
    without = peer_index(path, list(PEERS), 3)
    four = peer_index(path, list(PEERS[:4]), 3)
    assert without.tail(5).diff().drop_nulls().to_list() == pytest.approx(four.tail(5).diff().drop_nulls().to_list())


def test_a_wide_brazil_is_sold_protection_and_nothing_is_traded() -> None:
    quotes = spreads()
    wide, tight = last(with_last(quotes, BRAZIL, 1.3)), last(with_last(quotes, BRAZIL, 0.75))
    assert (wide["signal"], tight["signal"]) == (1.0, -1.0)
    assert (wide["direction"], wide["strength"]) == (0, 0.0)
    assert "no CDS instrument is traded" in wide["reason"]


def test_the_planted_beta_is_found() -> None:
    reason = last(spreads())["reason"]
    beta = float(reason.split("beta ")[1].split(";")[0])
    assert beta == pytest.approx(BETA, abs=0.15)


def test_too_few_peers_is_no_view() -> None:
    row = last(spreads(), stale_last=PEERS[:3])
    assert row["status"] == "no_view"
    assert f"{PEERS[0]} is stale" in row["reason"]


def test_any_window_and_a_shorter_history_give_the_same_rows() -> None:
    w = quoted(world(N), spreads())
    window = w.keys[-30:]
    rows = signals(w.panel, PARAMS, w.keys).filter(pl.col("session").is_in(window))
    assert_frame_equal(rows, signals(w.panel, PARAMS, window), check_exact=True)
    assert_frame_equal(signals(cut(w, window[10]).panel, PARAMS, [window[10]]), rows[10:11], check_exact=True)


def test_without_the_feed_it_says_what_it_needs() -> None:
    w = world(N)
    row = signals(w.panel, PARAMS, w.keys[-1:]).row(0, named=True)
    assert (row["status"], row["direction"]) == ("no_view", 0)
    assert row["reason"] == f"needs {BRAZIL}, {', '.join(PEERS)}: config/series/licensed_prices.yaml"
