"""VaR of the target book: parts that sum, convexity, missing targets, thin history, the same bytes for any window."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import settings as limited
from hypothesis import strategies as st

from macro_fund.instruments.di1 import pu
from macro_fund.risk.checks import missing_is_not_zero
from macro_fund.risk.exposures import MAPPED, held_positions
from macro_fund.risk.methods import METHODS
from macro_fund.risk.positions import pair_pnl, positions
from macro_fund.risk.var import value_at_risk
from macro_fund.risk.var_checks import components_sum, total_recomputed
from macro_fund.store.tables import TABLES
from macro_fund_tests.portfolio.world import BDAYS, NAMES, targets_frame
from macro_fund_tests.risk.factors_world import (
    DELTA,
    INSTRUMENTS,
    RATE,
    UNIT_DV01,
    book,
    exposed,
    normal_moves,
    returns_frame,
    sessions_of,
    shocks_frame,
    var_of,
)

MOVES = normal_moves(900)
SHOCKS = shocks_frame(MOVES)
DAYS = sessions_of(SHOCKS, 60)
LAST = DAYS[-1]
BOOK = {"DI1_1Y": 0, "DI1_2Y": 1500, "DI1_3Y": 400, "DI1_5Y": -200, "DOL_1M": -60, "IND_2M": 90}
IBOV, USD = MAPPED.index("ibov"), MAPPED.index("usdbrl")


def var(positions_, shocks=SHOCKS, day=LAST, **shares):
    return var_of(book(positions_, [day], **shares), shocks, [day])


def total(frame, method, level=0.95, column="var_brl"):
    return frame.filter(scope="total", method=method, level=level)[column][0]


def held_pairs(positions_):
    target = book(positions_, [LAST])
    return positions(held_positions(target, returns_frame([LAST]), INSTRUMENTS, [LAST]), exposed(target, [LAST]))


def test_one_position_is_z_sigma_and_the_sample_quantile():
    frame = var({"IND_2M": 10})
    delta, x = 10 * DELTA["IND_2M"], MOVES[-756:, IBOV]
    assert total(frame, "parametric") == pytest.approx(1.6448536269514722 * delta * x.std(), rel=1e-9)
    assert total(frame, "historical", 0.99) == pytest.approx(-np.quantile(delta * np.expm1(x), 0.01), rel=1e-9)
    counts = dict(frame.group_by("method").agg(pl.col("n_scenarios").unique().first()).rows())
    assert counts == {m: 10_000 if m in ("monte_carlo", "t_copula") else 756 for m in METHODS}


def test_small_moves_are_linear_in_rates_and_exponential_in_prices():
    held = held_pairs({"DI1_2Y": 10, "DOL_1M": -2})
    pnl = pair_pnl(held, np.array([[40.0, 0.1]]))
    np.testing.assert_allclose(pnl, [[-40 * 10 * UNIT_DV01["DI1_2Y"], -2 * DELTA["DOL_1M"] * np.expm1(0.1)]])
    linear = pair_pnl(held, np.array([[400.0, 0.1]]), linear=True)
    np.testing.assert_allclose(linear, [[-400 * 10 * UNIT_DV01["DI1_2Y"], -2 * DELTA["DOL_1M"] * 0.1]])


@pytest.mark.parametrize("contracts", [7, -7])
def test_beyond_fifty_bp_a_rate_is_repriced_and_its_nodes_share_it(contracts):
    """A contract of 756 days rests 2/3 on 504 days and 1/3 on 1260: +60 and +30 bp are 50 bp of its own rate."""
    held = held_pairs({"DI1_3Y": contracts})
    pnl = pair_pnl(held, np.array([[60.0, 30.0], [-60.0, 120.0], [50.0, 50.0]]))
    exact = contracts * (pu(RATE + np.array([0.005, 0.0, 0.0]), 756) - pu(RATE, 756))
    linear = -contracts * UNIT_DV01["DI1_3Y"] * 50.0
    np.testing.assert_allclose(pnl.sum(axis=1), [exact[0], 0.0, linear], atol=1e-6)
    assert abs(exact[0] - linear) > 10
    np.testing.assert_allclose(pnl[0, 0] / pnl[0, 1], 10 / 40)  # 1260 days first


def test_a_receiver_loses_less_than_its_dv01_says():
    held = held_pairs({"DI1_3Y": 1})
    pnl = pair_pnl(held, np.array([[180.0, 180.0]]))
    linear = pair_pnl(held, np.array([[180.0, 180.0]]), linear=True)
    assert linear.sum() < pnl.sum() < 0


def test_parts_of_every_scope_sum_and_strategies_share_their_instruments():
    split = [{"strategy_id": "A", "share": 0.3}, {"strategy_id": "B", "share": 0.7}]
    frame = var(BOOK, DOL_1M=split)
    assert components_sum(frame).passed
    assert set(frame["scope"]) == {"total", "instrument", "strategy", "class", "factor"}
    assert set(frame.filter(scope="strategy")["item"]) == {"A", "B", "S-01"}
    for method in METHODS:
        part = frame.filter(method=method, level=0.99)
        dol = part.filter(scope="instrument", item="DOL_1M")["es_brl"][0]
        assert part.filter(scope="strategy", item="A")["es_brl"][0] == pytest.approx(0.3 * dol)
        assert part.filter(scope="class", item="fx")["es_brl"][0] == pytest.approx(dol)
        assert part.filter(scope="factor", item="usdbrl")["es_brl"][0] == pytest.approx(dol)
    for scope in ("instrument", "strategy", "class", "factor"):
        off = pl.when((pl.col("scope") == scope) & (pl.col("var_brl") != 0)).then(pl.col("var_brl") * (1 + 1e-6))
        assert not components_sum(frame.with_columns(off.otherwise("var_brl").alias("var_brl"))).passed


def test_marginal_is_the_derivative_of_the_parametric_var():
    frame = var(BOOK)
    rows = frame.filter(pl.col("marginal_brl").is_not_null())
    assert set(rows["method"]) == {"parametric"}
    assert set(rows["item"]) == {n for n, c in BOOK.items() if c}
    big = {n: 1000 * c for n, c in BOOK.items()}
    for name in ("DI1_3Y", "DOL_1M"):
        up, down = (total(var({**big, name: big[name] + d}), "parametric", 0.99) for d in (5, -5))
        told = rows.filter(item=name, level=0.99)["marginal_brl"][0]
        assert told == pytest.approx((up - down) / 10, rel=1e-5)


def test_on_normal_moves_all_methods_agree_within_the_noise_of_the_sample():
    frame = var(BOOK)
    for level in (0.95, 0.99):
        for column in ("var_brl", "es_brl"):
            base = total(frame, "parametric", level, column)
            for method in METHODS:
                assert total(frame, method, level, column) == pytest.approx(base, rel=0.2)


def test_filtered_follows_the_volatility_of_today():
    wild = MOVES.copy()
    wild[-15:] *= 4
    frame = var(BOOK, shocks_frame(wild))
    assert total(frame, "filtered") > 1.5 * total(frame, "historical")


def test_outside_its_domain_cornish_fisher_gives_the_parametric_number_and_says_so():
    jump = MOVES.copy()
    jump[-100] *= 12
    frame = var(BOOK, shocks_frame(jump))
    assert total(frame, "cornish_fisher") == total(frame, "parametric")
    assert "outside Cornish-Fisher's domain: parametric" in total(frame, "cornish_fisher", column="reason")
    assert total(var(BOOK), "cornish_fisher") != total(var(BOOK), "parametric")


def test_a_position_of_zero_does_not_touch_the_total():
    a, b = var(BOOK), var({n: c for n, c in BOOK.items() if c})
    assert a.filter(scope="total").equals(b.filter(scope="total"))
    assert set(a.filter(scope="instrument", item="DI1_1Y")["var_brl"]) == {0.0}


def test_an_empty_book_has_no_risk_and_says_why():
    totals = var(dict.fromkeys(NAMES, 0)).filter(scope="total")
    assert totals["var_brl"].to_list() == [0.0] * 12
    assert (set(totals["status"]), set(totals["reason"])) == ({"ok"}, {"no positions"})
    blind = var({**dict.fromkeys(NAMES, 0), "DOL_1M": None}).filter(scope="total")
    assert set(blind["reason"]) == {"no positions; without DOL_1M: no listed settlement for DOL_1M"}
    assert set(blind["status"]) == {"degraded"}


def test_a_missing_target_has_no_number_and_marks_the_total():
    target = book({**BOOK, "DOL_1M": None}, [LAST])
    frame = var_of(target, SHOCKS, [LAST])
    for scope, item in (("instrument", "DOL_1M"), ("class", "fx")):
        rows = frame.filter(scope=scope, item=item)
        assert rows["var_brl"].null_count() == rows["es_brl"].null_count() == len(rows) == 12
        assert set(rows["status"]) == {"no_view"}
    assert set(frame.filter(scope="total")["status"]) == {"degraded"}
    assert "DOL_1M" in frame.filter(scope="total")["reason"][0]
    assert components_sum(frame).passed
    assert missing_is_not_zero(frame, TABLES["risk/stress"].empty(), target).passed


def test_no_view_at_all_has_no_number():
    frame = var(dict.fromkeys(NAMES))
    assert frame["var_brl"].null_count() == len(frame)
    assert set(frame["status"]) == {"no_view"}
    nothing = value_at_risk(
        targets_frame([]), TABLES["risk/exposures"].empty(), SHOCKS, returns_frame([LAST]), INSTRUMENTS, [LAST]
    )
    assert (nothing["status"][0], nothing["reason"][0]) == ("no_view", "no target has a view")


def test_thin_history_is_no_view_until_252_days():
    for n, status in ((252, "ok"), (251, "no_view")):
        young = MOVES.copy()
        young[:-n, IBOV] = np.nan
        totals = var(BOOK, shocks_frame(young)).filter(scope="total")
        assert set(totals["status"]) == {status}
    assert totals["var_brl"].null_count() == 12
    assert totals["reason"][0] == "251 of the 252 days that a VaR needs; ibov has 251"
    assert set(var({**BOOK, "IND_2M": 0}, shocks_frame(young)).filter(scope="total")["status"]) == {"ok"}


def test_a_factor_that_never_moved_is_frozen_not_riskless():
    still = MOVES.copy()
    still[:, USD] = 0.0
    totals = var(BOOK, shocks_frame(still)).filter(scope="total")
    assert set(totals["reason"]) == {"usdbrl never moved in 756 days: frozen"}
    assert set(totals["status"]) == {"no_view"}


def test_targets_and_exposures_of_other_positions_are_refused():
    target = book({"IND_2M": 5}, [LAST])
    empty = TABLES["risk/exposures"].empty()
    with pytest.raises(ValueError, match="held in only one"):
        value_at_risk(target, empty, SHOCKS, returns_frame([LAST]), INSTRUMENTS, [LAST])
    with pytest.raises(ValueError, match="shares of IND_2M"):
        var({"IND_2M": 5}, IND_2M=[{"strategy_id": "A", "share": 0.6}])


def changing(days):
    """Books that change, pause and lose a target."""
    rng = np.random.default_rng(8)
    out = []
    for k, day in enumerate(days):
        held = {n: int(c) for n, c in zip(NAMES, rng.integers(-60, 60, len(NAMES)), strict=True)}
        if k % 7 == 3:
            held = dict.fromkeys(NAMES, 0)
        if k % 5 == 2:
            held["DOL_1M"] = None
        if k % 2:
            held["IND_2M"] = 0
        out.append(book(held, [day]))
    return pl.concat(out)


def late(shocks):
    """Rows of three weeks ago that arrive ten sessions late, one of them a correction."""
    days = sessions_of(shocks, 60)
    moved = (pl.col("session") == days[20]) & (pl.col("factor") == "usdbrl")
    held_up = shocks.filter(moved).with_columns(session=pl.lit(days[30]), shock=pl.lit(0.05))
    again = shocks.filter(pl.col("session") == days[25], pl.col("factor") == "di_504")
    again = again.with_columns(session=pl.lit(days[35]), shock=pl.lit(-70.0))
    return pl.concat([shocks.filter(~moved), held_up, again]).sort(TABLES["silver/factor_shocks"].sort)


def test_a_range_gives_the_bytes_of_its_sessions_alone():
    targets, shocks = changing(DAYS), late(SHOCKS)
    whole = var_of(targets, shocks, DAYS)
    assert whole.schema == TABLES["risk/var"].schema
    for day in [*DAYS[::9], *DAYS[30:37]]:
        past = pl.col("session") <= day
        assert var_of(targets.filter(past), shocks.filter(past), [day]).equals(whole.filter(session=day))
    assert components_sum(whole).passed


def test_what_is_known_later_changes_nothing():
    targets = changing(DAYS[:25])
    poisoned = SHOCKS.with_columns(pl.when(pl.col("session") > DAYS[24]).then(-500.0).otherwise("shock").alias("shock"))
    assert var_of(targets, poisoned, DAYS[:25]).equals(var_of(targets, SHOCKS, DAYS[:25]))


def test_only_the_last_756_days_count():
    wild = MOVES.copy()
    wild[:-756] *= 50
    own = ["historical", "parametric", "cornish_fisher"]
    of = pl.col("method").is_in(own)
    assert var(BOOK, shocks_frame(wild)).filter(of).equals(var(BOOK).filter(of))
    wild[-756] *= 50
    assert total(var(BOOK, shocks_frame(wild)), "parametric") != total(var(BOOK), "parametric")


def test_totals_agree_with_the_books_own_daily_pnl_and_the_check_can_fail():
    wild = MOVES.copy()
    wild[-30::7] *= 7  # rates move by more than 50 bp
    targets, shocks = changing(DAYS), late(shocks_frame(wild))
    frame, pairs = var_of(targets, shocks, DAYS), exposed(targets, DAYS)
    days = DAYS[18:40:3]
    assert total_recomputed(frame, targets, pairs, shocks, days).passed
    for method, by in (("historical", 1.0001), ("parametric", 1.5), ("cornish_fisher", 1.5), ("monte_carlo", 8.0),
                       ("t_copula", 0.02), ("filtered", 100.0)):  # fmt: skip
        off = pl.when(pl.col("method") == method).then(pl.col("var_brl") * by).otherwise("var_brl")
        assert not total_recomputed(frame.with_columns(off.alias("var_brl")), targets, pairs, shocks, days).passed, (
            method
        )
    turned = pairs.with_columns(-pl.col("dv01_brl"))
    assert not total_recomputed(frame, targets, turned, shocks, days).passed


@limited(max_examples=12)
@given(st.lists(st.integers(-300, 300), min_size=6, max_size=6).filter(any), st.integers(2, 9))
def test_var_is_homogeneous_and_its_parts_sum(contracts, scale):
    small = var(dict(zip(NAMES, contracts, strict=True)))
    large = var({n: scale * c for n, c in zip(NAMES, contracts, strict=True)})
    assert components_sum(small).passed
    for column in ("var_brl", "es_brl"):
        np.testing.assert_allclose(large[column], scale * small[column], rtol=1e-9, atol=1e-5)
    es, worst = (small.filter(scope="total")[c].to_numpy() for c in ("es_brl", "var_brl"))
    assert np.all(es >= worst)
    assert np.all(worst > 0)
    mirrored = var({n: -c for n, c in zip(NAMES, contracts, strict=True)})
    assert total(mirrored, "parametric") == pytest.approx(total(small, "parametric"), rel=1e-12)


def test_every_instrument_of_the_market_is_known_to_the_builders():
    assert set(BDAYS) == set(UNIT_DV01) | set(DELTA)
