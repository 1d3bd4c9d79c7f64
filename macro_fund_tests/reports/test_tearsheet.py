"""The page of a backtest: self-contained, complete, and honest about what it does not know."""

from __future__ import annotations

import base64
import re
from dataclasses import replace
from datetime import date
from functools import cache

import numpy as np
import polars as pl
import pytest

from macro_fund.backtest import judge
from macro_fund.backtest.engine import TRADES
from macro_fund.reports.blocks import Number
from macro_fund.reports.tearsheet import Sheet, regime_rows, rolling_sharpe, tearsheet
from macro_fund.research.sheet import STATES, regimes
from macro_fund_tests.backtest.outcomes import CAPITAL, an_outcome

YEARS = 7
DAYS = YEARS * 252


def a_sheet(**changes: object) -> Sheet:
    x = np.random.default_rng(4).normal(0.0003, 0.005, DAYS)
    rows = [
        ("X-01", "DOL_1M", date(2011, 1, k), date(2011, 2, k), (-1) ** k, 20, 1e5 * k, 2e3, 3e5, "signal")
        for k in range(1, 26)
    ]
    held = np.repeat([[40], [-15]], DAYS // 2, axis=0)
    outcome = an_outcome(
        x,
        closed=pl.DataFrame(rows, schema=TRADES, orient="row"),
        held=held,
        margin=np.full(DAYS, 4e6),
        cost=np.full(DAYS, 100.0),
        gross=x * CAPITAL + 100.0,
    )
    given = {
        "outcome": outcome,
        "record": judge.record(outcome),
        "tries": judge.Tries(40, 0.0009),
        "trial_id": "ab" * 32,
        "hypothesis": "Trends <persist>.",
        "falsified_by": "net Sharpe <= 0",
        "cash": np.full(DAYS, 0.0004),
        "states": ["reflation" if k % 2 else "deflation" for k in range(DAYS)],
        "stress": {0.0: 1.0, 2.0: 0.5, 3.0: None},
        "proxy": 0.25,
        "lag": None,
        "watermark": "SAMPLE",
    }
    return Sheet(**{**given, **changes})


@cache
def page() -> str:
    return tearsheet(a_sheet())


def text(html: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", html))


def test_it_is_one_file() -> None:
    assert not re.findall(r"""(?:src|href)=["'](?!#|data:)""", page())
    assert "http" not in re.sub(r"base64,[^\"]+", "", page())


def test_it_says_what_was_claimed_on_what_basis_and_how_often_was_tried() -> None:
    said = text(page())
    for words in (
        "X-01: tearsheet",
        "2010-01-04 to",
        "Trends &lt;persist&gt;.",
        "Falsified by: net Sharpe &lt;= 0",
        "listed contract: 25% of the days",
        "known release: no row was read",
        "40 trials are in the ledger",
        "z_window 504",
        "stop_u 1.5",
        "unproven",
        "95% interval of the net Sharpe ratio, low",
        "counting 40 trials (DSR)",
    ):
        assert words in said, words


def test_a_loss_is_red_where_it_is_printed() -> None:
    tiny = Number("x", -1e-6, "percent", "backtest")
    assert (tiny.text, tiny.negative) == ("0.00%", False)
    assert Number("x", -1e-4, "percent", "backtest").negative
    assert not Number("x", None, "percent", "backtest").negative
    cells = re.findall(r'<td class="n( neg)?"[^>]*>([^<]*)</td>', page())
    assert {bool(red) for red, _ in cells} == {True, False}
    assert all(bool(red) == ("-" in printed) for red, printed in cells)


def test_the_largest_positions_are_told_by_side() -> None:
    """40 contracts long in the first half, 15 short in the second; and one side alone."""
    assert "DOL_1M 1,764 40 -15" in text(page())
    long_only = np.repeat([[40], [15]], DAYS // 2, axis=0)
    assert "DOL_1M 1,764 40 0" in text(
        tearsheet(replace(a_sheet(), outcome=replace(a_sheet().outcome, held=long_only)))
    )


def test_pictures_are_pngs() -> None:
    pictures = re.findall(r"base64,([^\"]+)", page())
    assert len(pictures) == 4
    assert all(base64.b64decode(p).startswith(b"\x89PNG") for p in pictures)


def test_the_same_input_gives_the_same_page() -> None:
    assert tearsheet(a_sheet()) == page()


def test_the_watermark_is_on_the_sample_and_not_on_the_market() -> None:
    assert page().count("SAMPLE") >= 2
    assert "SAMPLE" not in re.sub(r"base64,[^\"]+", "", tearsheet(a_sheet(watermark="")))


def test_best_and_worst_trades_share_none() -> None:
    few = a_sheet()
    shown = re.findall(r"2011-01-(\d\d)", text(page()))
    assert len(shown) == 20 == len(set(shown))
    assert {f"{k:02d}" for k in (*range(1, 11), *range(16, 26))} == set(shown)
    only = replace(few, outcome=replace(few.outcome, closed=few.outcome.closed.head(7)))
    assert len(re.findall(r"2011-01-(\d\d)", text(tearsheet(only)))) == 7
    none = replace(few, outcome=replace(few.outcome, closed=few.outcome.closed.clear()))
    assert "no trade was closed" in text(tearsheet(none))


def test_what_never_held_gets_a_page_that_says_so() -> None:
    still = an_outcome(np.zeros(300))
    sheet = a_sheet(outcome=still, record=judge.record(still), cash=np.zeros(300), states=[None] * 300)
    said = text(tearsheet(sheet))
    assert "no record: it never held a position" in said
    assert "It never held a position in these sessions" in said


def test_unknown_cdi_is_said() -> None:
    cash = np.full(DAYS, 0.0004)
    cash[:17] = np.nan
    assert "CDI is unknown on 17 sessions" in text(tearsheet(a_sheet(cash=cash)))


def test_a_promotion_is_in_the_head() -> None:
    assert "promoted by Ana, 2026-01-05 09:00" in text(tearsheet(a_sheet(promoted="by Ana, 2026-01-05 09:00")))


def test_regimes_split_the_days_and_keep_those_without_a_view() -> None:
    x = np.array([0.01, 0.02, -0.01, 0.03, 0.0, 0.05])
    rows = regime_rows(x, ["a", "b", "a", "b", None, "a"])
    assert [r[0] for r in rows] == ["a", "b", "no view"]
    assert [r[1].value for r in rows] == [3, 2, 1]
    a = np.array([0.01, -0.01, 0.05])
    assert rows[0][3].value == pytest.approx(a.mean() / a.std(ddof=1) * np.sqrt(252))
    assert rows[2][3].value is None
    assert regime_rows(x, [None] * 6) == []


def test_the_regime_is_the_one_known_that_morning() -> None:
    outcome = an_outcome(np.ones(4))
    days = [d.astype(object) for d in outcome.sessions]
    p = {f"p_{s}": [0.1, 0.1, 0.1, None] for s in STATES} | {"p_reflation": [0.7, 0.0, 0.7, None]}
    p["p_goldilocks"] = [0.1, 0.8, 0.1, None]
    views = pl.DataFrame({"session": days, "status": ["ok", "degraded", "no_view", "ok"], **p})
    assert regimes(views, outcome) == ["reflation", "goldilocks", None, None]
    assert regimes(views.head(1), outcome) == ["reflation", None, None, None]


def test_rolling_sharpe_against_each_window() -> None:
    x = np.random.default_rng(1).normal(0.001, 0.01, 40)
    x[10:25] = 0.0
    found = rolling_sharpe(x, 10)
    assert np.isnan(found[:9]).all()
    assert found[9] == pytest.approx(x[:10].mean() / x[:10].std(ddof=1) * np.sqrt(252))
    assert np.isnan(found[19:25]).all()
    assert np.isfinite(found[25:]).all()
