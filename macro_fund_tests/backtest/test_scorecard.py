"""The record at a date: from the past alone, with the verdict that its numbers ask for."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from macro_fund.backtest.scorecard import judged, scorecard

DAYS = pl.date_range(pl.date(2010, 1, 1), pl.date(2018, 1, 1), "1d", eager=True).to_list()
N = len(DAYS)


def card(net: np.ndarray, at: list[int], cost: float = 0.0) -> list[dict[str, object]]:
    matrix = net[:, None]
    return scorecard(["S"], DAYS, matrix + cost, matrix, at, 1e6).to_dicts()


def test_the_numbers_by_hand() -> None:
    net = np.zeros(N)
    net[10:14] = [1000.0, -3000.0, 1000.0, 2000.0]
    row = card(net, [14])[0]
    x = np.array([0.001, -0.003, 0.001, 0.002])
    assert row["n_days"] == 4
    assert row["sharpe"] == pytest.approx(x.mean() / x.std(ddof=1) * np.sqrt(252))
    assert row["drawdown"] == pytest.approx(-0.003)
    assert row["volatility"] == pytest.approx(x.std(ddof=1) * np.sqrt(252))


def test_a_record_rests_on_the_past_alone() -> None:
    net = np.random.default_rng(1).normal(300, 10_000, N)
    later = net.copy()
    later[2000:] = -1e6
    assert card(net, [1500, 2000]) == card(later, [1500, 2000])


def test_costs_are_between_the_two_ratios() -> None:
    row = card(np.random.default_rng(1).normal(300, 10_000, N), [2000], cost=200.0)[0]
    assert row["sharpe_gross"] > row["sharpe"]


def test_verdicts() -> None:
    assert judged(4.9, 1.0, 1.0) == "too short: 4.9 of 5 years"
    assert judged(5.0, -0.01, 0.4).startswith("falsified")
    assert judged(5.0, 0.02, 0.89).startswith("unproven")
    assert judged(5.0, 0.02, 0.90).startswith("stands")


def test_nothing_ever_held_is_no_record() -> None:
    row = card(np.zeros(N), [2000])[0]
    assert row["sharpe"] is None
    assert row["verdict"] == "no record: it never held a position"


def test_a_planted_edge_stands_and_noise_does_not() -> None:
    rng = np.random.default_rng(0)
    edge = rng.normal(0.1, 1.0, N)  # 1.6 a year
    assert card(edge * 1e4, [N - 1])[0]["verdict"].startswith("stands")
    verdicts = [card(rng.normal(0, 1e4, N), [N - 1])[0]["verdict"] for _ in range(100)]
    assert sum(v.startswith("stands") for v in verdicts) <= 20  # 10% at a bar of .90, before trials are counted
