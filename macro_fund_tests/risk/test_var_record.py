"""The VaR record: published test values, which outcome meets which VaR, counts, late outcomes, any window."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from macro_fund.reports.plots_risk import exposures_picture, record_picture, shocks_picture, var_picture
from macro_fund.risk.coverage import christoffersen_p, independence_ratio, kupiec_p, kupiec_ratio
from macro_fund.risk.record import recounted, var_record
from macro_fund.store.tables import TABLES
from macro_fund_tests.portfolio.world import weekdays
from macro_fund_tests.risk.factors_world import book, returns_frame

DAYS = weekdays(90)
KEY = {"method": "historical", "level": 0.95}


def test_published_ratios():
    """Jorion, Value at Risk: J.P. Morgan's 20 exceptions in 252 days of 1998 at 95%, and chapter 6, question 10."""
    assert kupiec_ratio(252, 20, 0.95) == pytest.approx(3.91, abs=0.005)
    assert kupiec_ratio(252, 6, 0.99) == pytest.approx(3.498, abs=0.001)
    assert kupiec_p(252, 20, 0.95) == pytest.approx(0.048, abs=5e-4)


def test_as_many_as_expected_is_no_evidence_and_none_at_all_is():
    assert kupiec_ratio(100, 5, 0.95) == pytest.approx(0.0, abs=1e-12)
    assert kupiec_ratio(100, 0, 0.95) == pytest.approx(-200 * np.log(0.95))


def test_exceptions_in_a_row_fail_where_the_same_number_spread_out_does_not():
    together, apart = np.zeros(250, dtype=bool), np.zeros(250, dtype=bool)
    together[100:112], apart[5::20] = True, True
    assert christoffersen_p(together, 0.95)[-1] < 1e-6
    assert christoffersen_p(apart, 0.95)[-1] > 0.2


@given(st.lists(st.booleans(), min_size=2, max_size=60))
def test_independence_against_counts_by_hand(hits):
    n = np.zeros((2, 2))
    for a, b in pairwise(hits):
        n[int(a), int(b)] += 1

    def lik(counts, p):
        return sum(c * np.log(q) for c, q in zip(counts, (1 - p, p), strict=True) if c)

    rows = [lik(r, r[1] / r.sum()) for r in n if r.sum()]
    by_hand = 2 * (sum(rows) - lik(n.sum(axis=0), n[:, 1].sum() / n.sum()))
    assert independence_ratio(n.ravel()) == pytest.approx(max(by_hand, 0.0), abs=1e-9)


def world(pnl, var_brl=100.0):
    """A book of 2 IND held each day; +1 contract makes pnl[k] on day k, known on day k + 1."""
    returns = returns_frame(DAYS).filter(instrument="IND_2M")
    known = returns.with_columns(
        session=pl.Series([*DAYS[1:], DAYS[-1]]), pnl_brl=pl.Series(pnl, dtype=pl.Float64)
    ).head(len(DAYS) - 1)
    var = pl.DataFrame(
        [{"session": d, "method": m, "level": v, "scope": "total", "item": "total", "var_brl": var_brl}
         for d in DAYS for m in ("historical", "parametric") for v in (0.95, 0.99)]
    )  # fmt: skip
    return var, book({"IND_2M": 2, "DOL_1M": 0}, DAYS), known


RNG = np.random.default_rng(4)
PNL = RNG.standard_normal(len(DAYS)) * 35
PNL[10], PNL[11] = -50.0, -50.001


def record(world_, sessions=DAYS):
    return var_record(*world_, [d for d in DAYS if d <= sessions[-1]], sessions)


def test_each_session_knows_what_the_book_of_the_one_before_made():
    out = record(world(PNL))
    assert out.schema == TABLES["risk/var_record"].schema
    mine = out.filter(**KEY).sort("trade_date")
    assert mine["trade_date"].to_list() == DAYS[:-1]
    assert mine["session"].to_list() == DAYS[1:]
    np.testing.assert_allclose(mine["pnl_brl"], 2 * PNL[:-1])
    assert mine["exceeded"][10:12].to_list() == [False, True]  # a loss of VaR itself is no exception
    assert mine["exceptions"][-1] == int((2 * PNL[:-1] < -100).sum())
    assert mine["kupiec_p"].null_count() == mine["christoffersen_p"].null_count() == 59
    hits = 2 * PNL[:-1] < -100
    assert mine["christoffersen_p"][-1] == pytest.approx(christoffersen_p(hits, 0.95)[-1])
    assert recounted(out) == []


def test_a_book_of_nothing_does_not_count():
    var, targets, returns = world(PNL)
    flat = pl.col("session").is_in(DAYS[20:30])
    targets = targets.with_columns(target_contracts=pl.when(flat).then(0).otherwise("target_contracts").cast(pl.Int64))
    var = var.with_columns(var_brl=pl.when(flat).then(0.0).otherwise("var_brl"))
    out = record((var, targets, returns)).filter(**KEY).sort("trade_date")
    assert out["n_days"].to_list()[19:31] == [20] * 11 + [21]
    assert out["pnl_brl"].to_list()[20:30] == [0.0] * 10
    assert recounted(out) == []


def test_without_a_var_or_an_outcome_nothing_is_exceeded_and_a_late_outcome_counts_when_it_comes():
    var, targets, returns = world(PNL)
    var = var.with_columns(var_brl=pl.when(pl.col("session") == DAYS[5]).then(None).otherwise("var_brl"))
    late = pl.col("trade_date") == DAYS[11]
    returns = returns.with_columns(session=pl.when(late).then(pl.lit(DAYS[15])).otherwise("session"))
    out = record((var, targets, returns)).filter(**KEY)
    assert out.filter(trade_date=DAYS[5])["exceeded"].to_list() == [None]
    two = out.filter(trade_date=DAYS[11]).sort("session")
    assert two["session"].to_list() == [DAYS[12], DAYS[15]]
    assert two["pnl_brl"].to_list() == [None, pytest.approx(2 * PNL[11])]
    assert two["exceeded"].to_list() == [None, True]
    assert out["n_days"].max() == len(DAYS) - 2
    assert recounted(out) == []


def test_a_range_gives_the_rows_of_its_sessions_and_later_rows_change_nothing():
    var, targets, returns = world(PNL)
    late = pl.col("trade_date") == DAYS[70]
    returns = returns.with_columns(session=pl.when(late).then(pl.lit(DAYS[75])).otherwise("session"))
    whole = record((var, targets, returns))
    for day in DAYS[66:80]:
        past = pl.col("session") <= day
        alone = record(tuple(f.filter(past) for f in (var, targets, returns)), [day])
        assert alone.equals(whole.filter(session=day))


def test_the_recount_sees_a_wrong_count_and_a_wrong_flag():
    out = record(world(PNL))
    assert recounted(out.with_columns(pl.col("exceptions") + 1))
    assert recounted(out.with_columns(~pl.col("exceeded")))
    assert recounted(out.with_columns(pl.col("var_brl") * 0.5))


@pytest.mark.parametrize(
    ("draw", "key"),
    [
        (var_picture, "risk/var"),
        (record_picture, "risk/var_record"),
        (exposures_picture, "risk/exposures"),
        (shocks_picture, "silver/factor_shocks"),
    ],
)
def test_a_picture_of_nothing_is_a_picture(draw, key):
    assert draw(TABLES[key].empty()).startswith(b"\x89PNG")


def test_the_record_is_drawn():
    full = record_picture(record(world(PNL)))
    assert full.startswith(b"\x89PNG")
    assert full != record_picture(record(world(-PNL)))
