"""VaR of the target book: parts that sum, missing targets, thin history, and the same bytes for any window."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import settings as limited
from hypothesis import strategies as st

from macro_fund.portfolio.aggregate import conviction
from macro_fund.portfolio.targets import targets
from macro_fund.risk.checks import components_sum, missing_is_not_zero, total_recomputed
from macro_fund.risk.var import scenario_pnl, value_at_risk
from macro_fund.store.tables import TABLES
from macro_fund_tests.portfolio.world import (
    NAMES,
    market,
    random_signals,
    sessions_of,
    settings,
    targets_frame,
)

RETURNS = market(900)
DAYS = sessions_of(RETURNS)
LAST = DAYS[-1]
SETTINGS = settings()
EMPTY_STRESS = TABLES["risk/stress"].empty()


def _book(positions, day=LAST, **shares):
    """A target book; None is a target without a view. Exposures from the market's own settlement of the day."""
    marks = {r["instrument"]: r for r in RETURNS.filter(session=day).to_dicts()}
    rows = []
    for name, contracts in positions.items():
        mark = marks[name]
        gone = contracts is None
        rows.append(
            {
                "session": day,
                "instrument": name,
                "contract": mark["next_contract"],
                "target_contracts": contracts,
                "rate": mark["rate"],
                "dv01_brl": None if gone else contracts * mark["dv01_brl"],
                "delta_brl": None if gone else contracts * mark["delta_brl"],
                "shares": shares.get(name, [{"strategy_id": "S-01", "share": 1.0}]) if contracts else [],
                "status": "no_view" if gone else "ok",
                "reason": f"no listed settlement for {name}" if gone else "",
            }
        )
    return targets_frame(rows)


def _var(positions, returns=RETURNS, day=LAST, **shares):
    return value_at_risk(_book(positions, day, **shares), returns, [day])


def _total(frame, method, level=0.95, column="var_brl"):
    return frame.filter(scope="total", method=method, level=level)[column][0]


BOOK = {"DI1_1Y": 0, "DI1_2Y": 1500, "DI1_3Y": 0, "DI1_5Y": -200, "DOL_1M": -60, "IND_2M": 90}


def test_one_position_is_z_sigma_and_the_sample_quantile():
    frame = _var({"IND_2M": 10})
    returns = RETURNS.filter(instrument="IND_2M")
    delta, shocks = 10 * returns["delta_brl"][-1], returns["shock"].to_numpy()[-756:]
    assert _total(frame, "parametric") == pytest.approx(1.6448536269514722 * delta * shocks.std(), rel=1e-9)
    exact = -np.quantile(delta * np.expm1(shocks), 0.01)
    assert _total(frame, "historical", 0.99) == pytest.approx(exact, rel=1e-9)
    assert frame["n_scenarios"].unique().to_list() == [756]


def test_a_receiver_loses_when_rates_rise_and_a_long_dollar_when_it_falls():
    shocks = np.array([[100.0, 0.1]])
    pnl = scenario_pnl(shocks, np.array([50.0, 0.0]), np.array([0.0, -1000.0]), linear=False)
    np.testing.assert_allclose(pnl, [[-5000.0, -1000 * np.expm1(0.1)]])
    np.testing.assert_allclose(
        scenario_pnl(shocks, np.array([-50.0, 0.0]), np.array([0.0, 1000.0]), True), [[5000, 100]]
    )


def test_parts_sum_to_the_total_for_instruments_and_strategies():
    split = [{"strategy_id": "A", "share": 0.3}, {"strategy_id": "B", "share": 0.7}]
    frame = _var(BOOK, DOL_1M=split)
    assert components_sum(frame).passed
    assert set(frame.filter(scope="strategy")["item"]) == {"A", "B", "S-01"}
    dol = frame.filter(scope="instrument", item="DOL_1M", method="parametric", level=0.95)["var_brl"][0]
    assert frame.filter(scope="strategy", item="A", method="parametric", level=0.95)["var_brl"][0] == pytest.approx(
        0.3 * dol
    )
    broken = frame.with_columns(
        pl.when(pl.col("item") == "DOL_1M").then(pl.col("var_brl") * 1.001).otherwise("var_brl").alias("var_brl")
    )
    assert not components_sum(broken).passed


def test_a_position_of_zero_does_not_touch_the_total():
    without = {n: c for n, c in BOOK.items() if c}
    a, b = _var(BOOK), _var(without)
    assert a.filter(scope="total").equals(b.filter(scope="total"))
    assert a.filter(scope="instrument", item="DI1_1Y")["var_brl"].to_list() == [0.0] * 4


def test_an_empty_book_has_no_risk_and_says_why():
    frame = _var(dict.fromkeys(NAMES, 0))
    totals = frame.filter(scope="total")
    assert totals["var_brl"].to_list() == [0.0] * 4
    assert set(totals["status"]) == {"ok"}
    assert set(totals["reason"]) == {"no positions"}


def test_an_empty_book_with_a_missing_target_is_degraded_not_clean():
    totals = _var({**dict.fromkeys(NAMES, 0), "DOL_1M": None}).filter(scope="total")
    assert set(totals["status"]) == {"degraded"}
    assert set(totals["reason"]) == {"no positions; without DOL_1M: no listed settlement for DOL_1M"}


def test_a_missing_target_has_no_number_and_marks_the_total():
    book = _book({**BOOK, "DOL_1M": None})
    frame = value_at_risk(book, RETURNS, [LAST])
    dol = frame.filter(scope="instrument", item="DOL_1M")
    assert dol["var_brl"].null_count() == dol["es_brl"].null_count() == 4
    assert set(dol["status"]) == {"no_view"}
    assert set(frame.filter(scope="total")["status"]) == {"degraded"}
    assert "DOL_1M" in frame.filter(scope="total")["reason"][0]
    assert components_sum(frame).passed
    assert missing_is_not_zero(frame, EMPTY_STRESS, book).passed
    filled = frame.with_columns(pl.col("var_brl").fill_null(0.0))
    assert not missing_is_not_zero(filled, EMPTY_STRESS, book).passed
    proud = frame.with_columns(pl.col("status").replace("degraded", "ok"))
    assert not missing_is_not_zero(proud, EMPTY_STRESS, book).passed


def test_no_view_at_all_has_no_number():
    frame = _var(dict.fromkeys(NAMES))
    assert frame["var_brl"].null_count() == len(frame)
    assert set(frame["status"]) == {"no_view"}
    nothing = value_at_risk(targets_frame([]), RETURNS, [LAST])
    assert (nothing["status"][0], nothing["reason"][0]) == ("no_view", "no target has a view")


def test_thin_history_is_no_view_until_252_days():
    for n, status in ((252, "ok"), (251, "no_view")):
        young = RETURNS.filter((pl.col("instrument") != "IND_2M") | (pl.col("session") >= DAYS[-n]))
        totals = _var(BOOK, young).filter(scope="total")
        assert set(totals["status"]) == {status}
        assert totals["n_scenarios"][0] == n
    assert totals["var_brl"].null_count() == 4
    assert totals["reason"][0] == "251 of the 252 days that a VaR needs; IND_2M has 251"
    assert set(_var({**BOOK, "IND_2M": 0}, young).filter(scope="total")["status"]) == {"ok"}


def test_an_instrument_that_never_moved_is_frozen_not_riskless():
    still = RETURNS.with_columns(pl.when(pl.col("instrument") == "DOL_1M").then(0.0).otherwise("shock").alias("shock"))
    totals = _var(BOOK, still).filter(scope="total")
    assert set(totals["status"]) == {"no_view"}
    assert "DOL_1M never moved" in totals["reason"][0]


def test_a_position_without_owners_is_an_error():
    with pytest.raises(ValueError, match="shares of IND_2M"):
        _var({"IND_2M": 5}, IND_2M=[{"strategy_id": "A", "share": 0.6}])
    with pytest.raises(ValueError, match="twice"):
        value_at_risk(pl.concat([_book(BOOK), _book(BOOK)]), RETURNS, [LAST])


def test_only_the_last_756_days_count():
    old = pl.col("session") < DAYS[-756]
    wild = RETURNS.with_columns(pl.when(old).then(pl.col("shock") * 50).otherwise("shock").alias("shock"))
    assert _var(BOOK, wild).equals(_var(BOOK))
    nudged = RETURNS.with_columns(
        pl.when(pl.col("session") == DAYS[-756]).then(pl.col("shock") * 50).otherwise("shock").alias("shock")
    )
    assert _total(_var(BOOK, nudged), "parametric") != _total(_var(BOOK), "parametric")


def _history():
    days = DAYS[-30:]
    views = conviction(random_signals(days), SETTINGS.instruments, days)
    hole = RETURNS.filter(~((pl.col("session") == days[12]) & (pl.col("instrument") == "DOL_1M")))
    return days, hole, targets(views, hole, SETTINGS, days)


def test_a_range_gives_the_bytes_of_its_sessions_alone():
    days, returns, book = _history()
    whole = value_at_risk(book, returns, days)
    assert whole.schema == TABLES["risk/var"].schema
    for day in days[::4]:
        past = pl.col("session") <= day
        assert value_at_risk(book.filter(past), returns.filter(past), [day]).equals(whole.filter(session=day))


def test_what_is_known_later_changes_nothing():
    days, returns, book = _history()
    poisoned = returns.with_columns(
        pl.when(pl.col("session") > days[15]).then(pl.col("shock") * -500).otherwise("shock").alias("shock")
    )
    early = pl.col("session") <= days[15]
    assert value_at_risk(book, poisoned, days).filter(early).equals(value_at_risk(book, returns, days).filter(early))


def test_totals_agree_with_the_books_own_daily_pnl_and_the_check_can_fail():
    days, returns, book = _history()
    frame = value_at_risk(book, returns, days)
    assert total_recomputed(frame, book, returns, days[-6:]).passed
    for method in ("historical", "parametric"):
        wrong = frame.with_columns(
            pl.when((pl.col("scope") == "total") & (pl.col("method") == method))
            .then(pl.col("var_brl") * 1.3)
            .otherwise("var_brl")
            .alias("var_brl")
        )
        assert not total_recomputed(wrong, book, returns, days[-6:]).passed
    assert not total_recomputed(frame, book.with_columns(dv01_brl=-book["dv01_brl"]), returns, days[-6:]).passed


@limited(max_examples=20)
@given(st.lists(st.integers(-300, 300), min_size=6, max_size=6).filter(any), st.integers(2, 9))
def test_var_is_homogeneous_and_its_parts_sum(contracts, scale):
    small = _var(dict(zip(NAMES, contracts, strict=True)))
    large = _var({n: scale * c for n, c in zip(NAMES, contracts, strict=True)})
    assert components_sum(small).passed
    for column in ("var_brl", "es_brl"):
        np.testing.assert_allclose(large[column], scale * small[column], rtol=1e-9, atol=1e-6)
    es, var = (small.filter(scope="total")[c].to_numpy() for c in ("es_brl", "var_brl"))
    assert np.all(es >= var)
    mirrored = _var({n: -c for n, c in zip(NAMES, contracts, strict=True)})
    assert _total(mirrored, "parametric") == pytest.approx(_total(small, "parametric"), rel=1e-12)
