"""Scores and convictions: hand-worked numbers, crowding, views that are missing, and the same bytes for any window."""

from __future__ import annotations

from datetime import date

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import settings as limited
from hypothesis import strategies as st

from macro_fund.portfolio.ageing import SCHEMA
from macro_fund.portfolio.aggregate import conviction
from macro_fund.portfolio.checks import contributions_sum
from macro_fund.portfolio.contributions import PRIOR
from macro_fund.portfolio.edge_checks import conviction_recomputed
from macro_fund.portfolio.methods import normal_scores
from macro_fund.portfolio.views import strategy_shares
from macro_fund.store.tables import TABLES
from macro_fund_tests.portfolio.evidence import (
    BOOK,
    concluded,
    edges_frame,
    evidence,
    regimes_frame,
    returns_frame,
)
from macro_fund_tests.portfolio.world import (
    NAMES,
    market,
    random_signals,
    sessions_of,
    signal,
    signals_frame,
    weekdays,
)

DAY = date(2024, 5, 6)


def _frame(rows, **changes):
    return concluded(signals_frame(rows), [DAY], **changes)


def _row(rows, instrument="DOL_1M", **changes):
    return _frame(rows, **changes).filter(instrument=instrument).row(0, named=True)


def _parts(row):
    return {c["strategy_id"]: c["signal"] * c["weight"] for c in row["contributions"]}


def test_weighted_is_the_mean_by_edge_and_confidence_in_the_sense_of_the_asset():
    rows = [
        signal(DAY, "FX-02", "DOL_1M", 0.6, confidence=0.5),
        signal(DAY, "CROSS-02", "DOL_1M", -0.2, confidence=1.0),
    ]
    row = _row(rows, edges=edges_frame([DAY], ["FX-02", "CROSS-02"], {"FX-02": 0.4, "CROSS-02": 0.1}))
    weighted = (0.4 * 0.5 * 0.6 - 0.1 * 1.0 * 0.2) / (0.4 * 0.5 + 0.1)
    assert row["weighted"] == pytest.approx(weighted, abs=1e-15)
    # Alone in its session it has no rank, and without outcomes even odds.
    assert (row["rank"], row["p_up"], row["p_prior"], row["bayesian"]) == (row["weighted"], 0.5, 0.5, 0.0)
    assert row["score"] == pytest.approx(2 / 3 * weighted, abs=1e-15)
    assert row["agreement"] == pytest.approx(1.0 / 1.5)
    assert row["conviction"] == pytest.approx(0.5 * row["score"] + 0.3 * 0.75 + 0.2 * (1 / 1.5) / 0.8)
    assert [c["strategy_id"] for c in row["contributions"]] == ["CROSS-02", "FX-02"]


def test_a_part_that_is_no_sum_goes_to_the_strategies_on_its_side():
    rows = [
        signal(DAY, "FX-02", "DOL_1M", 0.6, confidence=0.5),
        signal(DAY, "CROSS-02", "DOL_1M", -0.2, confidence=1.0),
    ]
    row = _row(rows)
    weighted = (0.5 * 0.6 - 0.2) / 1.5
    parts = _parts(row)
    assert parts["CROSS-02"] == pytest.approx(-0.2 / 1.5 / 3, abs=1e-15)
    assert parts["FX-02"] == pytest.approx(0.3 / 1.5 / 3 + weighted / 3, abs=1e-15)


def test_ranks_are_blom_scores_over_the_largest():
    """qnorm((1:5 - 3/8) / 5.25) of R, divided by the last."""
    blom = np.array([-1.179761, -0.4972006, 0.0, 0.4972006, 1.179761])
    found = normal_scores(np.array([[0.1, -0.5, np.nan, 0.3, 0.0, 0.9]]))
    assert found[0, [1, 4, 0, 3, 5]] == pytest.approx(blom / blom[-1], abs=1e-6)
    assert np.isnan(found[0, 2])
    tied = normal_scores(np.array([[0.2, 0.2, 0.7]]))[0]  # qnorm(1.125 / 3.25) / qnorm(2.625 / 3.25)
    assert tied == pytest.approx([-0.4556, -0.4556, 1.0], abs=2e-3)
    assert normal_scores(np.array([[np.nan, -0.4]]))[0, 1] == -0.4


def test_the_best_instrument_has_rank_one_and_the_worst_minus_one():
    rows = [signal(DAY, "RATES-01", n, v) for n, v in zip(NAMES[:3], (0.1, 0.4, -0.2), strict=True)]
    frame = _frame(rows).drop_nulls("rank").sort("instrument")
    assert frame["rank"].to_list() == [0.0, 1.0, -1.0]


def test_a_flat_strategy_is_a_view_of_zero_and_dilutes_the_others():
    row = _row([signal(DAY, "FX-02", "DOL_1M", 0.6), signal(DAY, "CROSS-02", "DOL_1M", 0.2, direction=0)])
    assert row["weighted"] == pytest.approx(0.3)
    assert row["n_signals"] == 2
    assert row["reason"].startswith("1 of 2 strategies in position")


def test_all_flat_alone_is_a_score_of_zero_with_a_view():
    row = _row([signal(DAY, "FX-02", "DOL_1M", 0.2, direction=0)])
    assert (row["score"], row["agreement"], row["n_signals"]) == (0.0, None, 1)


def test_what_no_strategy_pushes_is_the_priors_and_nobody_s():
    """DOL is flat and RATES-01 likes rates: DOL ranks last, and nobody spoke against it."""
    rows = [
        signal(DAY, "FX-02", "DOL_1M", 0.2, direction=0),
        signal(DAY, "CROSS-02", "DOL_1M", 0.1, direction=0, confidence=0.2),
        signal(DAY, "RATES-01", "DI1_1Y", 0.8),
    ]
    frame = _frame(rows)
    row = frame.filter(instrument="DOL_1M").row(0, named=True)
    assert (row["weighted"], row["rank"]) == (0.0, -1.0)
    assert _parts(row) == {"CROSS-02": 0.0, "FX-02": 0.0, PRIOR: pytest.approx(-1 / 3)}
    assert row["score"] == pytest.approx(-1 / 3)
    shares = {
        i: {x["strategy_id"]: x["share"] for x in s}
        for i, s in strategy_shares(frame, [DAY]).select("instrument", "shares").rows()
    }
    assert "DOL_1M" not in shares  # a position that no strategy asks for is nobody's, and is not opened
    assert shares["DI1_1Y"] == {"RATES-01": 1.0}


@pytest.mark.parametrize(("n", "factor"), [(3, 1.0), (4, 0.5), (6, 0.5)])
def test_crowding_halves_a_unanimous_score_of_four_or_more(n, factor):
    row = _row([signal(DAY, f"S-{k:02d}", "IND_2M", 0.8) for k in range(n)], "IND_2M")
    assert row["score"] == pytest.approx(2 / 3 * 0.8 * factor)
    assert row["crowding"] == pytest.approx(factor)


def test_crowding_starts_above_four_fifths():
    rows = [signal(DAY, f"S-{k}", "IND_2M", 0.5, confidence=1.0) for k in range(9)]
    rows.append(signal(DAY, "S-9", "IND_2M", -0.5, confidence=1.0))
    assert _row(rows, "IND_2M")["crowding"] == pytest.approx(1 - 0.5 * 0.1 / 0.2)
    evenly = [signal(DAY, f"S-{k}", "IND_2M", 0.5 if k else -0.5, confidence=1.0) for k in range(5)]
    assert _row(evenly, "IND_2M")["crowding"] == 1.0


def test_a_strategy_without_a_record_is_no_view_and_named():
    rows = [signal(DAY, "FX-02", "DOL_1M", 0.6), signal(DAY, "CROSS-02", "DOL_1M", -0.9)]
    row = _row(rows, edges=edges_frame([DAY], ["FX-02", "CROSS-02"], {"FX-02": 0.2}))
    assert (row["weighted"], row["n_signals"], row["status"]) == (0.6, 1, "degraded")
    assert "no view of CROSS-02: CROSS-02 has no simulated record" in row["reason"]
    nobody = _row(rows, edges=edges_frame([DAY], ["FX-02"], {}))
    assert (nobody["status"], nobody["score"]) == ("no_view", None)
    assert "no view of CROSS-02: its worth is unknown" in nobody["reason"]


def test_a_losing_record_has_a_view_and_no_vote():
    rows = [signal(DAY, "FX-02", "DOL_1M", 0.6), signal(DAY, "CROSS-02", "DOL_1M", -0.9)]
    row = _row(rows, edges=edges_frame([DAY], ["FX-02", "CROSS-02"], {"FX-02": 0.2, "CROSS-02": 0.0}))
    assert (row["weighted"], row["n_signals"], row["agreement"]) == (0.6, 2, 1.0)
    assert _parts(row)["CROSS-02"] == 0.0


def test_nobody_with_an_edge_is_a_score_of_zero_with_the_reason():
    row = _row([signal(DAY, "FX-02", "DOL_1M", 0.6)], edges=edges_frame([DAY], ["FX-02"], 0.0))
    assert (row["score"], row["conviction"], row["rank"], row["p_up"]) == (0.0, 0.0, None, None)
    assert row["status"] == "degraded"
    assert "every weight is 0" in row["reason"]


def test_late_inputs_lower_the_confidence_and_are_named():
    late = pl.DataFrame([(DAY, "FX-02", 0.25, "us_dff is 4 business days late")], schema=SCHEMA, orient="row")
    rows = [signal(DAY, "FX-02", "DOL_1M", 0.6, confidence=0.8), signal(DAY, "CROSS-02", "DOL_1M", 0.2, confidence=0.8)]
    row = _row(rows, ages=late)
    assert {c["strategy_id"]: c["confidence"] for c in row["contributions"]} == {"CROSS-02": 0.8, "FX-02": 0.2}
    assert row["weighted"] == pytest.approx((0.2 * 0.6 + 0.8 * 0.2) / 1.0)
    assert "FX-02 aged x0.25: us_dff is 4 business days late" in row["reason"]
    gone = _row(rows, ages=late.with_columns(discount=0.0))
    assert (gone["n_signals"], gone["weighted"]) == (1, pytest.approx(0.2))
    assert "no view of FX-02: us_dff is 4 business days late" in gone["reason"]


def test_a_missing_view_is_excluded_and_named_not_counted_as_zero():
    silent = signal(DAY, "CROSS-02", "DOL_1M", None, status="no_view", reason="VIX stale", confidence=None)
    row = _row([signal(DAY, "FX-02", "DOL_1M", 0.6), silent])
    assert row["weighted"] == pytest.approx(0.6)
    assert (row["status"], row["n_signals"]) == ("degraded", 1)
    assert "no view of CROSS-02: VIX stale" in row["reason"]


def test_nobody_with_a_view_is_no_view_with_the_reasons():
    silent = signal(DAY, "FX-02", "DOL_1M", None, status="no_view", reason="curve missing", confidence=None)
    row = _row([silent])
    assert row["status"] == "no_view"
    numbers = [n for n, t in TABLES["portfolio/conviction"].schema.items() if t == pl.Float64]
    assert [n for n in numbers if row[n] is not None] == []
    assert row["reason"] == "no view of FX-02: curve missing"
    assert row["contributions"] == []


def test_an_instrument_that_no_strategy_signals_is_no_view():
    row = _row([signal(DAY, "FX-02", "DOL_1M", 0.6)], "IND_2M")
    assert (row["status"], row["reason"]) == ("no_view", "no strategy signals IND_2M")


def test_a_direction_against_its_signal_is_left_out():
    row = _row([signal(DAY, "FX-02", "DOL_1M", 0.6, direction=1)])
    assert row["status"] == "no_view"
    assert "direction contradicts" in row["reason"]


def test_a_degraded_signal_degrades_the_row():
    row = _row([signal(DAY, "FX-02", "DOL_1M", 0.6, status="degraded", reason="PTAX old")])
    assert (row["weighted"], row["status"]) == (0.6, "degraded")
    assert "FX-02 degraded: PTAX old" in row["reason"]


@pytest.mark.parametrize("value", [float("nan"), None])
def test_a_signal_without_a_number_has_no_view(value):
    assert _row([signal(DAY, "FX-02", "DOL_1M", 0.6) | {"signal": value}])["status"] == "no_view"


def test_bad_input_is_named():
    with pytest.raises(ValueError, match="NTNB_10Y"):
        _row([signal(DAY, "X", "NTNB_10Y", 0.1)])
    with pytest.raises(ValueError, match="FX-02 signals DOL_1M twice on 2024-05-06"):
        _row([signal(DAY, "FX-02", "DOL_1M", 0.1), signal(DAY, "FX-02", "DOL_1M", 0.2)])
    rows = signals_frame([signal(DAY, "FX-02", "DOL_1M", 0.1)])
    with pytest.raises(ValueError, match="last of the history"):
        conviction(evidence(rows, [DAY]), BOOK, [DAY], [DAY, date(2024, 5, 7)])


def _held(signals: pl.DataFrame) -> pl.DataFrame:
    return signals.filter(pl.col("instrument").is_in([i.id for i in BOOK]))


def test_every_session_and_instrument_has_a_row_of_the_declared_shape():
    days = sessions_of(market(40))
    frame = concluded(_held(random_signals(days)), days)
    assert frame.schema == TABLES["portfolio/conviction"].schema
    assert len(frame) == len(days) * len(BOOK)
    assert not {"ok"} & set(frame["status"]), "40 sessions cannot have 252 outcomes"


@pytest.fixture(scope="module")
def years():
    """340 sessions with outcomes, regimes that turn, votes that come and go and edges that change."""
    days = weekdays(340)
    signals = _held(random_signals(days)).sample(fraction=0.8, seed=1).sort("session", "strategy_id", "instrument")
    rng = np.random.default_rng(2)
    p = rng.dirichlet(np.ones(4), size=len(days))
    regimes = regimes_frame(days).with_columns(
        pl.Series(n, p[:, k]) for k, n in enumerate(c for c in regimes_frame(days).columns if c.startswith("p_"))
    )
    returns = returns_frame(days, {i.id: rng.standard_normal(len(days)) + 0.05 for i in BOOK})
    names = signals["strategy_id"].unique().sort().to_list()
    edges = edges_frame(days, names).with_columns(
        weight=pl.Series(rng.uniform(-0.1, 0.6, len(days) * len(names))).clip(0)
    )
    return days, evidence(signals, days, regimes=regimes, returns=returns, edges=edges)


def _up_to(whole, day):
    fields = ("signals", "edges", "ages", "regimes", "returns")
    return type(whole)(**{f: getattr(whole, f).filter(pl.col("session") <= day) for f in fields})


def test_a_range_gives_the_bytes_of_its_sessions_alone(years):
    days, whole = years
    frame = conviction(whole, BOOK, days, days)
    assert (frame["status"] == "ok").any()
    assert (frame["bayesian"].fill_null(0) != 0).any()
    for n in (1, 100, 285, 300, 320, 340):
        known = _up_to(whole, days[n - 1])
        alone = conviction(known, BOOK, days[n - 1 : n], days[:n])
        assert alone.equals(frame.filter(session=days[n - 1]))
        # Rows of later sessions are there and change nothing.
        assert conviction(whole, BOOK, days[n - 1 : n], days[:n]).equals(alone)


def test_methods_are_what_another_route_gives_and_the_check_can_fail(years):
    days, whole = years
    frame = conviction(whole, BOOK, days, days)
    assert contributions_sum(frame).passed
    assert conviction_recomputed(frame, whole.edges, days).passed
    for column in ("weighted", "rank", "bayesian", "score", "conviction"):
        spoilt = frame.with_columns(pl.col(column) + 1e-6)
        assert not conviction_recomputed(spoilt, whole.edges, days).passed, column


@limited(max_examples=60)
@given(
    st.lists(
        st.tuples(st.sampled_from(NAMES), st.floats(-1, 1, allow_subnormal=False), st.floats(0.01, 1), st.booleans()),
        min_size=1,
        max_size=12,
    ),
    st.lists(st.floats(0, 2).map(lambda x: round(x, 6)), min_size=12, max_size=12),
)
def test_contributions_sum_bounds_hold_and_order_does_not_matter(cast, worth):
    rows = [
        signal(DAY, f"S-{k:02d}", name, s, confidence=c, **({"direction": 0} if out else {}))
        for k, (name, s, c, out) in enumerate(cast)
    ]
    names = [f"S-{k:02d}" for k in range(len(rows))]
    worth_of = edges_frame([DAY], names, dict(zip(names, worth, strict=False)))
    frame = _frame(rows, edges=worth_of)
    assert contributions_sum(frame).passed
    assert conviction_recomputed(frame, worth_of, [DAY]).passed
    assert frame["score"].abs().max() <= 1 + 1e-12
    assert frame["conviction"].drop_nulls().is_between(0, 1 + 1e-12).all()
    assert concluded(signals_frame(rows).reverse(), [DAY], edges=worth_of).equals(frame)
    shares = strategy_shares(frame, [DAY]).explode("shares").unnest("shares")
    assert (shares["share"] >= 0).all()
    assert PRIOR not in set(shares["strategy_id"])
    sums = shares.group_by("instrument", maintain_order=True).agg(pl.col("share").sum())
    assert ((sums["share"] - 1).abs() < 1e-9).all()


def test_the_sum_check_can_fail():
    frame = _frame([signal(DAY, "FX-02", "DOL_1M", 0.6)])
    assert contributions_sum(frame).passed
    assert not contributions_sum(frame.with_columns(score=frame["score"] + 1e-6)).passed
