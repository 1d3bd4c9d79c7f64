"""Performance numbers against the same computed by hand."""

from __future__ import annotations

import math
from datetime import date
from decimal import Decimal
from typing import Any

import numpy as np
import polars as pl
import pytest

from macro_fund.pms.performance import MIN_DAYS, PERIODS, disagreements, performance
from macro_fund.store.lake import shape_problems
from macro_fund.store.tables import TABLES
from macro_fund_tests.pms.builders import KEYS, TABLE, cube_of, fill, fills, frame, mark, marks, marks_of, until

CDI = 0.0004


def nav_of(returns: list[float], start: int = 0) -> pl.DataFrame:
    """pms/nav from the session KEYS[start], where 100 million arrive, with these daily returns to the cent."""
    rows: list[dict[str, Any]] = []
    level = Decimal("100000000.00")
    for k, r in enumerate([0.0, *returns]):
        session = KEYS[start + k]
        made = (level * Decimal(repr(r))).quantize(Decimal("0.01"))
        rows.append(
            {
                "session": session,
                "trade_date": TABLE.offset(session, -1),
                "opening_nav_brl": level,
                "pnl_brl": made,
                "nav_brl": level + made,
                "cdi_index": (1 + CDI) ** k,
                "fund_index": float((level + made) / Decimal(100000000)),
            }
        )
        level += made
    return frame("pms/nav", rows)


def record(
    nav: pl.DataFrame, f: pl.DataFrame | None = None, m: pl.DataFrame | None = None
) -> dict[str, dict[str, Any]]:
    """pms/performance of the last session, by period."""
    last = nav["session"].max()
    f, m = fills() if f is None else f, marks() if m is None else m
    out = performance(nav, f, m, cube_of(f, m, until(last)), [last])
    assert shape_problems(TABLES["pms/performance"], out) == []
    assert out["period"].to_list() == sorted(PERIODS)
    return {r["period"]: r for r in out.to_dicts()}


RETURNS = np.random.default_rng(5).normal(0.0006, 0.004, 45).round(6).tolist()


def test_ratios_by_hand() -> None:
    now = record(nav_of(RETURNS))["inception"]
    r = np.array(RETURNS)
    over = r - CDI
    assert now["n_days"] == 45
    assert now["fund_return"] == pytest.approx(np.prod(1 + r) - 1, abs=1e-8)
    assert now["cdi_return"] == pytest.approx((1 + CDI) ** 45 - 1, abs=1e-12)
    assert now["excess_return"] == pytest.approx(now["fund_return"] - now["cdi_return"], abs=1e-15)
    assert now["volatility"] == pytest.approx(np.std(r, ddof=1) * math.sqrt(252), rel=1e-6)
    assert now["sharpe"] == pytest.approx(over.mean() / over.std(ddof=1) * math.sqrt(252), rel=1e-5)
    below = math.sqrt((np.minimum(over, 0) ** 2).mean())
    assert now["sortino"] == pytest.approx(over.mean() / below * math.sqrt(252), rel=1e-5)
    wealth = np.cumprod([1.0, *(1 + r)])
    assert now["max_drawdown"] == pytest.approx(min(wealth / np.maximum.accumulate(wealth) - 1), abs=1e-8)


def test_a_drawdown_since_the_first_day_under_the_high() -> None:
    now = record(nav_of([0.01, -0.02, 0.005, 0.001]))["inception"]
    assert now["drawdown"] == pytest.approx(0.98 * 1.005 * 1.001 - 1, abs=1e-9)
    assert now["max_drawdown"] == pytest.approx(-0.02, abs=1e-9)
    assert now["drawdown_since"] == TABLE.offset(KEYS[2], -1)
    at_high = record(nav_of([-0.01, 0.02]))["inception"]
    assert (at_high["drawdown"], at_high["drawdown_since"]) == (0.0, None)
    from_the_start = record(nav_of([-0.01, 0.002]))["inception"]
    assert from_the_start["drawdown_since"] == TABLE.offset(KEYS[1], -1)


def test_a_month_starts_at_the_last_close_of_the_month_before() -> None:
    """KEYS start on 6 January 2025: 45 days reach into March; the session of 3 February describes 31 January."""
    nav = nav_of(RETURNS)
    first = nav.filter(pl.col("session") == date(2025, 2, 3))
    upto = record(nav.filter(pl.col("session") <= date(2025, 2, 3)))
    assert upto["mtd"]["fund_return"] == pytest.approx(first["fund_index"][0] - 1, abs=1e-12)
    now = record(nav.filter(pl.col("session") <= date(2025, 2, 11)))
    base, level = (nav.filter(pl.col("session") == s)["fund_index"][0] for s in (date(2025, 2, 3), date(2025, 2, 11)))
    assert now["mtd"]["fund_return"] == pytest.approx(level / base - 1, abs=1e-12)
    assert now["mtd"]["n_days"] == 6
    assert now["mtd"]["first_trade_date"] == date(2025, 2, 3)
    assert now["ytd"]["fund_return"] == now["inception"]["fund_return"]


def test_ratios_of_few_days_are_not_given() -> None:
    few, enough = (record(nav_of(RETURNS[:n]))["inception"] for n in (MIN_DAYS - 1, MIN_DAYS))
    assert [few[c] for c in ("volatility", "sharpe", "sortino")] == [None] * 3
    assert None not in [enough[c] for c in ("volatility", "sharpe", "sortino")]
    assert few["fund_return"] != 0


def test_the_inception_has_no_day() -> None:
    now = record(nav_of([]))["inception"]
    assert (now["n_days"], now["fund_return"], now["first_trade_date"]) == (0, 0.0, None)
    assert (now["closed_trips"], now["hit_rate"], now["turnover"]) == (0, None, 0.0)


def test_round_trips_and_turnover_by_hand() -> None:
    """One gain, one loss, one that is rolled and stays open: the roll is no trade that was won or lost."""
    days = [TABLE.offset(k, -1) for k in KEYS[1:12]]
    made = [None, 2.0, -1.0, 3.0, 1.0, -1.0, -1.0, 0.0, 0.0, 0.0, 0.0]
    m = marks(*(r for c in ("DI1F27", "DI1F28", "DI1F29") for r in marks_of(c, days, made)))
    quick = {"instrument": "DI1_1Y", "cost_brl": Decimal("0.50"), "price": 50000.0}
    f = fills(
        fill(days[0], "DI1F27", 100, fill_id="a", **quick),
        fill(days[1], "DI1F27", -100, fill_id="b", **quick),
        fill(days[4], "DI1F27", 100, fill_id="c", **quick),
        fill(days[5], "DI1F27", -100, fill_id="d", **quick),
        fill(days[2], "DI1F28", 10, fill_id="e", cost_brl=Decimal("0.00")),
        fill(days[6], "DI1F28", -10, fill_id="f", cost_brl=Decimal("0.00")),
        fill(days[6], "DI1F29", 10, fill_id="g", cost_brl=Decimal("0.00")),
    )
    nav = nav_of([0.0] * 11)
    now = record(nav, f, m)["inception"]
    assert (now["closed_trips"], now["hit_rate"]) == (2, 0.5)
    assert now["closed_pnl_brl"] == Decimal("200.00") - 1 + Decimal("-100.00") - 1
    assert now["open_pnl_brl"] == 10 * Decimal("2.00")  # 3 + 1 - 1 - 1
    notional = 400 * 50000.0 + 30 * 70000.0
    assert now["turnover"] == pytest.approx(notional / 1e8)


def test_a_day_of_the_dollar_is_worth_its_points() -> None:
    day = TABLE.offset(KEYS[3], -1)
    m = marks(mark("DOLG25", day, 6000.0))
    now = record(nav_of([0.0] * 5), fills(fill(day, "DOLG25", -20, price=6000.0)), m)["inception"]
    assert now["turnover"] == pytest.approx(20 * 6000 * 50 / 1e8)


def test_what_nav_and_pnl_do_not_say_is_told() -> None:
    nav = nav_of(RETURNS)
    cube = frame("pms/pnl", [])
    good = performance(nav, fills(), marks(), cube, [KEYS[30], KEYS[45]])
    assert disagreements(good, nav, cube) == []
    for column, words in (
        ("fund_return", "fund_return"),
        ("cdi_return", "cdi_return"),
        ("open_pnl_brl", "round trips made 0.01"),
    ):
        step = pl.lit(Decimal("0.01")) if good.schema[column] == pl.Decimal else pl.lit(1e-6)
        bad = good.with_columns((pl.col(column) + step).cast(good.schema[column]))
        told = disagreements(bad, nav, cube)
        assert {s for s, _ in told} == {KEYS[30], KEYS[45]}
        assert all(words in text for _, text in told)
