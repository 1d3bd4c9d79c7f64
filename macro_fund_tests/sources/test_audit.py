"""Comparisons, revisions and scores: frames made by hand with known answers, and nothing depends on the window."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from macro_fund.settings import Publication, Series, default_settings
from macro_fund.sources import audit
from macro_fund.sources.audit import Pair, arrivals, compared, di_against_curve, named, pairs, revisions, with_findings
from macro_fund.store.table import UTC_TIME
from macro_fund.store.tables import FAILURES, QUARANTINE, TABLES

D = date
PAIR = Pair(id="ab", words="a and b", left="a", right="b", tolerance=0.0000501)
OBSERVED = {
    "session": pl.Date,
    "series_id": pl.String,
    "event_date": pl.Date,
    "knowledge_time": UTC_TIME,
    "knowledge_basis": pl.String,
    "value": pl.Float64,
}
DAYS = [D(2024, 3, d) for d in (4, 5, 6, 7, 8)]


def _rows(*rows: tuple[int, str, int, float], basis: str = "vintage") -> pl.DataFrame:
    """Observations: session, series, event date and value; days of March 2024, known at noon UTC the day before."""
    filled = [(D(2024, 3, s), i, D(2024, 3, e), _noon(s - 1), basis, v) for s, i, e, v in rows]
    return pl.DataFrame(filled, OBSERVED, orient="row")


def _noon(day: int) -> datetime:
    return datetime(2024, 3, day, 12, tzinfo=UTC)


# --- one number, two sources


def test_a_day_is_compared_once_both_sides_are_known_in_the_later_session() -> None:
    rows = _rows(
        (5, "a", 4, 5.0), (7, "b", 4, 5.00004), (6, "a", 5, 5.1), (6, "b", 5, 5.2), (7, "a", 6, 1.0), (7, "c", 6, 1.0)
    )
    found = compared(rows, [PAIR]).sort("event_date")
    assert found.select("session", "event_date", "left", "right", "agrees").rows() == [
        (D(2024, 3, 7), D(2024, 3, 4), 5.0, 5.00004, True),
        (D(2024, 3, 6), D(2024, 3, 5), 5.1, 5.2, False),
    ]
    assert found["difference"].to_list() == pytest.approx([-0.00004, -0.1])
    assert found.select("pair", "item", "tolerance").unique().rows() == [("ab", "b", 0.0000501)]
    assert dict(found.schema) == dict(TABLES["quality/cross_source"].schema)


def test_the_later_session_counts_whichever_side_it_is_of() -> None:
    rows = _rows((7, "a", 4, 5.0), (5, "b", 4, 5.0))
    assert compared(rows, [PAIR])["session"].to_list() == [D(2024, 3, 7)]


def test_the_first_vintage_is_compared() -> None:
    rows = _rows((5, "a", 4, 5.0), (6, "b", 4, 5.0), (8, "a", 4, 6.0), (8, "b", 4, 7.0))
    found = compared(rows.reverse(), [PAIR])
    assert found.select("session", "left", "right").rows() == [(D(2024, 3, 6), 5.0, 5.0)]


def test_of_two_vintages_of_one_session_the_older_is_compared() -> None:
    rows = _rows((5, "a", 4, 5.0), (5, "b", 4, 5.0))
    newer = rows.with_columns(pl.col("knowledge_time") + timedelta(hours=1), value=pl.lit(9.0))
    assert compared(pl.concat([newer, rows]), [PAIR])["left"].to_list() == [5.0]


@pytest.mark.parametrize(
    ("left", "right", "agrees"),
    [
        (0.10125, 0.1012, True),  # the difference is 0.00005000000000000837 as the computer has it
        (0.13995, 0.14, True),
        (0.14005, 0.14, True),
        (5.43215, 5.4322, True),
        (0.10126, 0.1012, False),
        (0.1012, 0.10126, False),
        (5.4321, 5.4322, False),
    ],
)
def test_half_of_the_last_digit_is_rounding_and_more_is_not(left: float, right: float, agrees: bool) -> None:
    rows = _rows((5, "a", 4, left), (5, "b", 4, right))
    for pair in pairs():
        if pair.id.startswith(("ptax", "di1", "ipca")):
            as_ours = PAIR.model_copy(update={"tolerance": pair.tolerance})
            assert compared(rows, [as_ours])["agrees"].to_list() == [agrees], pair.id


def test_the_configured_pairs_are_series_of_the_catalogue_with_one_unit() -> None:
    units = {s.id: s.unit.split()[0].rstrip(",") for s in default_settings().series}
    assert len({p.id for p in pairs()}) == len(pairs())
    for p in pairs():
        assert {p.left, p.right} <= set(units), p.id
        if p.id != audit.DI_PAIR:
            assert units[p.left] == units[p.right], p.id
    assert audit.DI_PAIR in {p.id for p in pairs()}


def test_both_sides_of_each_comparison_are_named() -> None:
    rows = _rows((5, "a", 4, 1.0), (5, "b", 4, 1.0))
    frame = compared(rows, [PAIR.model_copy(update={"id": "ipca"}), PAIR])
    assert named(frame).select("pair", "series_left", "series_right").rows() == [
        ("ipca", "br_ipca_mom", "br_sidra_ipca_mom"),
        ("ab", None, None),
    ]


# --- DI1 and the exchange's curve

SETTLED = {
    "session": pl.Date,
    "event_date": pl.Date,
    "contract": pl.String,
    "maturity": pl.Date,
    "settle_rate": pl.Float64,
}
CURVE = {"session": pl.Date, "event_date": pl.Date, "business_days": pl.Int32, "rate": pl.Float64}
# Business days from 4 March 2024 (29 March is Good Friday) to the first business day of the month.
MATURITIES = {"DI1J24": (D(2024, 4, 1), 19), "DI1K24": (D(2024, 5, 2), 41), "DI1M24": (D(2024, 6, 3), 62)}


def _settled(*rows: tuple[int, str, float], day: D = DAYS[0]) -> pl.DataFrame:
    filled = [(D(2024, 3, s), day, c, MATURITIES[c][0], r) for s, c, r in rows]
    return pl.DataFrame(filled, SETTLED, orient="row")


def _curve(*rows: tuple[int, int, float], day: D = DAYS[0]) -> pl.DataFrame:
    return pl.DataFrame([(D(2024, 3, s), day, n, r) for s, n, r in rows], CURVE, orient="row")


FLAT = _curve((5, 19, 0.10), (5, 41, 0.11), (5, 62, 0.12))


def test_the_worst_contract_of_the_day_is_told() -> None:
    settled = _settled((5, "DI1J24", 0.10001), (5, "DI1K24", 0.1097), (5, "DI1M24", 0.12002))
    found = di_against_curve(settled, FLAT, 0.0000501)
    assert found.drop("difference").rows() == [
        (D(2024, 3, 5), "di1_b3_curve", DAYS[0], "DI1K24", 0.1097, 0.11, 0.0000501, False)
    ]
    assert found["difference"].to_list() == pytest.approx([-0.0003])
    assert dict(found.schema) == dict(TABLES["quality/cross_source"].schema)


def test_contracts_that_agree_alike_are_told_by_name() -> None:
    settled = _settled((5, "DI1M24", 0.12), (5, "DI1J24", 0.10))
    assert di_against_curve(settled, FLAT, 0.0)["item"].to_list() == ["DI1J24"]


def test_a_contract_without_a_vertex_is_not_compared() -> None:
    assert di_against_curve(_settled((5, "DI1J24", 0.5)), _curve((5, 20, 0.1)), 0.1).is_empty()


def test_the_later_of_settlement_and_curve_is_the_session() -> None:
    settled = _settled((5, "DI1J24", 0.1))
    assert di_against_curve(settled, _curve((7, 19, 0.1)), 0.1)["session"].to_list() == [D(2024, 3, 7)]
    late = _settled((8, "DI1J24", 0.1))
    assert di_against_curve(late, _curve((7, 19, 0.1)), 0.1)["session"].to_list() == [D(2024, 3, 8)]


def test_the_first_vintage_of_settlement_and_curve_is_compared() -> None:
    settled = _settled((7, "DI1J24", 0.3), (5, "DI1J24", 0.1))
    curve = _curve((8, 19, 0.4), (6, 19, 0.2))
    found = di_against_curve(settled, curve, 0.01)
    assert found.select("session", "left", "right").rows() == [(D(2024, 3, 6), 0.1, 0.2)]


def test_nothing_to_compare_is_an_empty_table() -> None:
    found = di_against_curve(_settled(), _curve(), 0.1)
    assert found.is_empty()
    assert dict(found.schema) == dict(TABLES["quality/cross_source"].schema)


# --- revisions


def test_what_changed_by_how_much_and_since_when() -> None:
    rows = _rows((5, "a", 1, 2.0), (7, "a", 1, 2.5), (8, "a", 1, 2.0), (5, "a", 2, 9.0), (6, "b", 1, 4.0))
    found = revisions(rows.sample(fraction=1.0, shuffle=True, seed=3))
    columns = ("session", "previous_known", "previous_value", "knowledge_time", "value", "change", "relative")
    assert found.select(columns).rows() == [
        (D(2024, 3, 7), _noon(4), 2.0, _noon(6), 2.5, 0.5, 0.25),
        (D(2024, 3, 8), _noon(6), 2.5, _noon(7), 2.0, -0.5, -0.2),
    ]
    assert set(found.columns) == set(TABLES["quality/revisions"].columns)


def test_the_change_is_relative_to_the_size_of_what_stood() -> None:
    rows = _rows((5, "a", 1, 0.0), (6, "a", 1, -2.0), (7, "a", 1, -1.0))
    assert revisions(rows)["relative"].to_list() == [None, 0.5]


def test_a_vintage_that_says_the_same_is_no_revision() -> None:
    assert revisions(_rows((5, "a", 1, 2.0), (6, "a", 1, 2.0))).is_empty()


def test_a_vintage_that_arrives_after_a_newer_one_changes_nothing_that_stood() -> None:
    rows = _rows((5, "a", 1, 2.0), (7, "a", 1, 3.0), (8, "a", 1, 4.0))
    old = _rows((6, "a", 1, 9.0)).with_columns(session=pl.lit(D(2024, 3, 8)))
    found = revisions(pl.concat([rows, old]))
    assert found.select("session", "previous_value", "value").rows() == [
        (D(2024, 3, 7), 2.0, 3.0),
        (D(2024, 3, 8), 3.0, 4.0),
    ]


def test_no_rows_give_an_empty_table() -> None:
    assert revisions(_rows()).is_empty()


# --- the window changes nothing

RANDOM_ROWS = st.lists(
    st.tuples(
        st.sampled_from([5, 6, 7, 8]),
        st.sampled_from(["a", "b"]),
        st.sampled_from([1, 2]),
        st.sampled_from([1.0, 1.00004, 2.0]),
        st.integers(0, 60),
    ),
    max_size=14,
    unique_by=lambda r: (r[1], r[2], r[4]),
)


def _known(drawn: Sequence[tuple[int, str, int, float, int]]) -> pl.DataFrame:
    """Rows whose knowledge may be far older than their session: they came late."""
    rows = _rows(*(r[:4] for r in drawn))
    late = pl.Series([timedelta(hours=r[4]) for r in drawn], dtype=pl.Duration("us"))
    return rows.with_columns(pl.col("knowledge_time") - late).unique(
        ["session", "series_id", "event_date", "knowledge_time"], maintain_order=True
    )


@settings(max_examples=60)
@given(RANDOM_ROWS)
def test_all_sessions_at_once_say_what_each_said(drawn: list[tuple[int, str, int, float, int]]) -> None:
    rows = _known(drawn)
    views: list[Callable[[pl.DataFrame], pl.DataFrame]] = [lambda f: compared(f, [PAIR]), revisions]
    for view in views:
        at_once = view(rows).sort("session", "event_date", "series_id" if view is revisions else "pair")
        parts = [view(rows.filter(pl.col("session") <= day)).filter(pl.col("session") == day) for day in DAYS]
        assert_frame_equal(pl.concat(parts).sort(at_once.columns), at_once.sort(at_once.columns))


@settings(max_examples=60)
@given(
    settled=st.lists(
        st.tuples(st.integers(5, 8), st.sampled_from(sorted(MATURITIES)), st.sampled_from([0.1, 0.2, 0.3]))
    ),
    curve=st.lists(st.tuples(st.integers(5, 8), st.sampled_from([19, 41, 62]), st.sampled_from([0.1, 0.2, 0.3]))),
)
def test_all_sessions_at_once_say_what_each_said_of_the_curve(
    settled: list[tuple[int, str, float]], curve: list[tuple[int, int, float]]
) -> None:
    left, right = _settled(*settled), _curve(*curve)
    at_once = di_against_curve(left, right, 0.01)
    parts = []
    for day in DAYS:
        until = pl.col("session") <= day
        now = di_against_curve(left.filter(until), right.filter(until), 0.01)
        parts.append(now.filter(pl.col("session") == day))
    assert_frame_equal(pl.concat(parts).sort("session"), at_once.sort("session"))
    assert not at_once.select("session", "pair", "event_date").is_duplicated().any()


# --- how complete a source was

RULE = Publication.model_validate({"kind": "business_days", "n": 1, "at": "09:00"})
MONTHLY = Publication.model_validate({"kind": "after_period", "n": 5, "at": "09:00"})
ANY = default_settings().series[0]


def _series(name: str, **more: Any) -> Series:
    plain = {
        "id": name,
        "frequency": "D",
        "publication": RULE,
        "max_age_days": 5,
        "start": D(2020, 1, 1),
        "ended": None,
    }
    return ANY.model_copy(update={**plain, **more})


KEY = D(2024, 3, 8)
AS_OF = datetime(2024, 3, 8, 11, 55, tzinfo=UTC)
KEYS: Mapping[D, tuple[datetime, Sequence[D]]] = {KEY: (AS_OF, [KEY])}


def _arrived(*rows: tuple[D, str, D], basis: str = "calendar", late: bool = False) -> pl.DataFrame:
    schema = {
        "session": pl.Date,
        "series_id": pl.String,
        "event_date": pl.Date,
        "knowledge_basis": pl.String,
        "late": pl.Boolean,
    }
    return pl.DataFrame([(*r, basis, late) for r in rows], schema, orient="row")


def _beside(table: Any, *items: str, session: D = KEY) -> pl.DataFrame:
    filled = {c: ["x"] * len(items) for c in table.schema}
    filled |= {"session": [session] * len(items), "item": list(items), "event_date": [None] * len(items)}
    return pl.DataFrame({c: filled[c] for c in table.schema}, table.schema)


def _score(
    rows: pl.DataFrame, *series: Series, refused: pl.DataFrame | None = None, failed: pl.DataFrame | None = None
) -> dict[str, Any]:
    nothing = _beside(QUARANTINE) if refused is None else refused
    broken = _beside(FAILURES) if failed is None else failed
    return arrivals(rows, series, KEYS, nothing, broken).row(0, named=True)


def _fresh(*names: str) -> pl.DataFrame:
    """All that is public on Friday morning: Wednesday's value (Thursday's comes at nine)."""
    return _arrived(*((KEY, n, D(2024, 3, 6)) for n in names))


def test_a_complete_source() -> None:
    rows = pl.concat([_fresh("a", "b"), _arrived((KEY, "b", D(2024, 3, 5)), basis="lag", late=True)])
    assert _score(rows, _series("a"), _series("b")) == {
        "session": KEY,
        "series": 2,
        "overdue": 0,
        "stale": 0,
        "failed_requests": 0,
        "refused_rows": 0,
        "new_rows": 3,
        "late_rows": 1,
        "lag_rows": 1,
        "score": 1.0,
        "missing": "",
    }


def test_what_is_overdue_and_what_is_stale() -> None:
    rows = _arrived((KEY, "a", D(2024, 3, 5)), (D(2024, 3, 1), "b", D(2024, 3, 1)), (KEY, "c", D(2024, 3, 6)))
    found = _score(rows, _series("a"), _series("b"), _series("c"), _series("d"))
    assert (found["overdue"], found["stale"], found["new_rows"]) == (3, 2, 2)
    assert (found["missing"], found["score"]) == ("a, b, d", 0.25)


def test_the_hour_of_publication_decides_what_is_overdue() -> None:
    monthly = _series("m", frequency="M", publication=MONTHLY, max_age_days=90)
    rows = _arrived((KEY, "m", D(2024, 1, 1)))
    before, after = (datetime(2024, 3, 5, 11, 55, tzinfo=UTC), datetime(2024, 3, 5, 12, 0, tzinfo=UTC))
    for as_of, overdue in ((before, 0), (after, 1)):
        keys = {KEY: (as_of, [KEY])}
        found = arrivals(rows, [monthly], keys, _beside(QUARANTINE), _beside(FAILURES))
        assert found["overdue"].to_list() == [overdue]


def test_events_are_stale_at_most() -> None:
    meeting = _series("meeting", frequency="E", max_age_days=60)
    rows = _arrived((D(2024, 2, 1), "meeting", D(2024, 1, 31)))
    assert (_score(rows, meeting)["overdue"], _score(rows, meeting)["score"]) == (0, 1.0)
    assert _score(rows, meeting.model_copy(update={"max_age_days": 30}))["missing"] == "meeting"


def test_a_series_that_has_ended_is_not_counted() -> None:
    ended = _series("old", ended=D(2019, 9, 30))
    found = _score(_fresh("a"), _series("a"), ended, failed=_beside(FAILURES, "old"))
    assert (found["series"], found["score"], found["missing"], found["failed_requests"]) == (1, 1.0, "", 1)


def test_a_series_that_starts_later_lacks_nothing_yet() -> None:
    rows = _fresh("a")
    assert _score(rows, _series("a"), _series("new", start=D(2024, 6, 3)))["score"] == 1.0
    assert _score(rows, _series("a"), _series("new", start=D(2024, 3, 7)))["score"] == 1.0
    assert _score(rows, _series("a"), _series("new", start=D(2024, 3, 5)))["missing"] == "new"


def test_a_failed_request_misses_each_series_that_it_names() -> None:
    all_there = [_series(n) for n in "abcd"]
    found = _score(_fresh(*"abcd"), *all_there, failed=_beside(FAILURES, "a, c", "c", "file of 2024-03-07"))
    assert (found["failed_requests"], found["missing"], found["score"]) == (3, "a, c", 0.5)


def test_a_refused_row_misses_its_series() -> None:
    refused = _beside(QUARANTINE, "a DI1F27", "b", "b", "nobody knows")
    found = _score(_fresh(*"abc"), *(_series(n) for n in "abc"), refused=refused)
    assert (found["refused_rows"], found["missing"]) == (4, "a, b")
    assert found["score"] == pytest.approx(1 / 3)


def test_what_went_wrong_on_another_morning_does_not_count() -> None:
    before = {"session": D(2024, 3, 7)}
    found = _score(
        _fresh("a"), _series("a"), refused=_beside(QUARANTINE, "a", **before), failed=_beside(FAILURES, "a", **before)
    )
    assert (found["score"], found["failed_requests"], found["refused_rows"]) == (1.0, 0, 0)


def test_a_source_without_series_has_no_score() -> None:
    found = _score(_arrived())
    assert (found["series"], found["score"], found["missing"]) == (0, None, "")


def test_each_morning_knows_what_was_there_by_then() -> None:
    rows = _arrived((D(2024, 3, 7), "a", D(2024, 3, 5)), (D(2024, 3, 8), "a", D(2024, 3, 6)))
    keys = {d: (datetime(2024, 3, d.day, 11, 55, tzinfo=UTC), [d]) for d in DAYS[2:]}
    at_once = arrivals(rows, [_series("a")], keys, _beside(QUARANTINE), _beside(FAILURES))
    assert at_once.select("session", "overdue", "new_rows").rows() == [
        (DAYS[2], 1, 0),
        (DAYS[3], 0, 1),
        (DAYS[4], 0, 1),
    ]
    alone = [
        arrivals(rows.filter(pl.col("session") <= k), [_series("a")], {k: v}, _beside(QUARANTINE), _beside(FAILURES))
        for k, v in keys.items()
    ]
    assert_frame_equal(pl.concat(alone), at_once)


def test_an_opening_morning_holds_all_sessions_before_it() -> None:
    rows = _arrived(*((d, "a", d - timedelta(days=1)) for d in DAYS))
    found = arrivals(rows, [_series("a")], {KEY: (AS_OF, DAYS)}, _beside(QUARANTINE), _beside(FAILURES))
    assert found["new_rows"].to_list() == [5]


def test_revisions_and_disagreements_are_counted_for_the_sources_of_both_sides() -> None:
    days = {d: (AS_OF, [d]) for d in DAYS[3:]}
    scored = arrivals(_fresh("a"), [_series("a")], days, _beside(QUARANTINE), _beside(FAILURES))
    revised = revisions(_rows((5, "a", 1, 1.0), (7, "a", 1, 2.0), (8, "a", 1, 3.0), (5, "z", 1, 1.0), (8, "z", 1, 2.0)))
    rows = _rows(
        (8, "a", 1, 1.0), (8, "b", 1, 2.0), (8, "a", 2, 1.0), (8, "b", 2, 1.0), (7, "a", 3, 1.0), (7, "c", 3, 9.0)
    )
    apart = compared(rows, [PAIR, PAIR.model_copy(update={"id": "ac", "right": "c"})])
    sides = apart.with_columns(series_left=pl.lit("a"), series_right=pl.col("item"))
    counts = {}
    for name in "abz":
        found = with_findings(scored, [_series(name)], days, revised, sides)
        counts[name] = found.select("session", "revised_rows", "disagreements").rows()
    assert counts == {
        "a": [(DAYS[3], 1, 1), (DAYS[4], 1, 1)],
        "b": [(DAYS[3], 0, 0), (DAYS[4], 0, 1)],
        "z": [(DAYS[3], 0, 0), (DAYS[4], 1, 0)],
    }


def test_the_columns_are_those_of_the_table() -> None:
    scored = arrivals(_arrived(), [_series("a")], KEYS, _beside(QUARANTINE), _beside(FAILURES))
    found = with_findings(scored, [_series("a")], KEYS, revisions(_rows()), named(compared(_rows(), [PAIR])))
    table = TABLES["quality/sources"]
    whole = found.with_columns(source=pl.lit("x")).select(list(table.schema))
    assert dict(whole.schema) == dict(table.schema)
    assert sum(whole.select(table.required).null_count().row(0)) == 0
