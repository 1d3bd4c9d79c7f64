"""FX-05: a planted long-run relation is found and passes the gate, unrelated walks do not, sources, signs, silence."""

from __future__ import annotations

from datetime import date
from functools import cache

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from macro_fund.settings import default_settings
from macro_fund.strategies.fx_05 import COMMODITIES_BRL, SPOT, SPOT_MONTH, TERMS, cointegrated, signals
from macro_fund_tests.strategies.frames import World, as_known, months, observed, weekdays, world

PARAMS = default_settings().strategy("FX-05")
N = 1300
SERIES = (SPOT, "us_dollar_broad", "br_embi_brazil", "em_corp_oas", TERMS)


def replaced(w: World, parts: list[pl.DataFrame]) -> World:
    """The world in which these are the series that the strategy reads."""
    rows = pl.concat(parts).filter(pl.col("session") <= w.keys[-1])
    gone = pl.col("series_id").is_in([*SERIES, COMMODITIES_BRL, SPOT_MONTH])
    known = w.panel.as_known.filter(~gone)
    daily = rows.filter(pl.col("series_id").is_in([s for s in SERIES if s != TERMS]))
    both = pl.concat([known, as_known(daily, w.keys)]).sort("session", "series_id")
    others = w.panel.table("silver/observations").filter(~gone)
    return w.with_panel(as_known=both, observations=pl.concat([others, rows]))


@cache
def planted(last_jump: float = 0.0, *, related: bool = True) -> World:
    """ln USDBRL = 1 - 0.8 ln ToT + 0.5 ln dollar + 0.2 ln spread + a deviation that dies in days."""
    w = world(N)
    rng = np.random.default_rng(21)
    days, monthly = weekdays(date(2009, 1, 1), w.keys[-1]), months(date(2008, 12, 1), w.keys[-1])
    n, m = len(days), len(monthly)
    terms = np.cumsum(rng.normal(0, 0.03, m))
    at = np.searchsorted(np.array(monthly, dtype="datetime64[D]"), np.array(days, dtype="datetime64[D]"), "right") - 1
    dollar, spread = np.cumsum(rng.normal(0, 0.004, n)), np.cumsum(rng.normal(0, 0.01, n))
    gap = np.zeros(n)
    for k in range(1, n):
        gap[k] = 0.8 * gap[k - 1] + rng.normal(0, 0.01)
    gap[-3:] += last_jump
    log_spot = 1.0 - 0.8 * terms[at] + 0.5 * dollar + 0.2 * spread + gap
    if not related:
        log_spot = 1.0 + np.cumsum(rng.normal(0, 0.01, n))
    return replaced(
        w,
        [
            observed(SPOT, days, np.exp(log_spot), 1),
            observed("us_dollar_broad", days, 100.0 * np.exp(dollar), 4),
            observed("br_embi_brazil", days, 220.0 * np.exp(spread), 2),
            # Public on the last days of its own month, so that the plant has no lag of its own.
            observed(TERMS, monthly, 100.0 * np.exp(terms), 27),
        ],
    )


def last(w: World) -> dict[str, object]:
    return signals(w.panel, PARAMS, w.keys[-1:]).row(0, named=True)


def test_a_real_too_weak_for_its_terms_is_bought() -> None:
    row = last(planted(0.25))
    assert row["signal"] > 0.5
    assert row["direction"] == -1
    assert row["status"] == "degraded"
    assert "EMBI+ Brazil stands for the CDS" in row["reason"]
    assert "what terms of trade," in row["reason"]
    strong = last(planted(-0.25))
    assert strong["signal"] < -0.5
    assert strong["direction"] == 1


def test_the_residual_is_the_planted_gap() -> None:
    said = [float(last(planted(j))["reason"].split("USDBRL is ")[1].split("%")[0]) for j in (0.25, 0.0)]
    assert said[0] - said[1] == pytest.approx(25.0, abs=0.5)


def test_unrelated_walks_hold_no_position() -> None:
    rows = signals(planted(related=False).panel, PARAMS, planted(related=False).keys)
    viewed = rows.filter(pl.col("status") != "no_view")
    assert viewed.height > 0
    assert viewed["signal"].abs().max() > 0.5
    closed = viewed.filter(pl.col("reason").str.contains("no position: cointegration in"))
    assert closed["direction"].unique().to_list() == [0]
    assert closed.height > 0.9 * viewed.height


def test_two_windows_of_three_open_the_gate() -> None:
    rows = signals(planted().panel, PARAMS, planted().keys).filter(pl.col("status") != "no_view")
    closed = rows.filter(pl.col("reason").str.contains("no position"))
    # The first window alone is one: the gate stays shut until the second year.
    assert closed["session"].min() == rows["session"].min()
    assert "cointegration in 1 of the last 3" in closed["reason"][0]
    assert closed["session"].max() < date(rows["session"].min().year + 1, 1, 10)


def test_the_gate_test_tells_a_relation_from_none() -> None:
    rng = np.random.default_rng(5)
    related = unrelated = 0
    for _ in range(40):
        x = np.cumsum(rng.normal(size=(150, 3)), axis=0)
        related += cointegrated(np.column_stack([x @ [1.0, -0.5, 0.3] + rng.normal(size=150), x]))
        unrelated += cointegrated(np.cumsum(rng.normal(size=(150, 4)), axis=0))
    assert related >= 38
    # Two tests at 10%: their union rejects in a tenth to a fifth of unrelated systems.
    assert unrelated <= 12


@settings(max_examples=5)
@given(st.floats(0.1, 10.0))
def test_the_scale_of_an_index_does_not_matter(factor: float) -> None:
    w = planted(0.25)
    mine = pl.col("series_id") == TERMS
    value = pl.when(mine).then(pl.col("value") * factor).otherwise("value").alias("value")
    scaled = w.with_panel(observations=w.panel.table("silver/observations").with_columns(value))
    assert last(scaled)["z"] == pytest.approx(last(w)["z"], abs=1e-6)


def test_commodity_prices_stand_in_and_say_so() -> None:
    w = planted(0.25)
    observations = w.panel.table("silver/observations")
    terms = observations.filter(pl.col("series_id") == TERMS)
    others = observations.filter(pl.col("series_id") != TERMS)
    dollar = terms.with_columns(pl.lit(SPOT_MONTH).alias("series_id"), pl.lit(2.0).alias("value"))
    brl = terms.with_columns(pl.lit(COMMODITIES_BRL).alias("series_id"), pl.col("value") * 2.0)
    row = last(w.with_panel(observations=pl.concat([others, dollar, brl])))
    assert row["z"] == pytest.approx(last(w)["z"], abs=1e-9)
    assert "proxy: commodity prices in BRL on the month's USD" in row["reason"]


@pytest.mark.parametrize(
    ("series", "words"),
    [
        (TERMS, "terms of trade and what may stand for them"),
        ("br_embi_brazil", "credit spread is missing"),
        (SPOT, "USDBRL (PTAX) is missing"),
        ("us_dollar_broad", "broad dollar index is missing"),
    ],
)
def test_a_missing_input_is_no_view(series: str, words: str) -> None:
    w = planted()
    keep = pl.col("series_id") != series
    row = last(
        w.with_panel(
            as_known=w.panel.as_known.filter(keep), observations=w.panel.table("silver/observations").filter(keep)
        )
    )
    assert (row["status"], row["signal"], row["direction"]) == ("no_view", None, 0)
    assert words in row["reason"]
