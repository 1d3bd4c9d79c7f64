"""Vintages and newest values: what a session could know."""

from __future__ import annotations

from datetime import UTC, date, datetime

import polars as pl

from macro_fund.agents.as_known import carry, knowledge_path, newest_known, per_state, vintages

JAN, FEB, MAR = date(2012, 1, 1), date(2012, 2, 1), date(2012, 3, 1)


def rows(*items: tuple[int, date, float]) -> pl.DataFrame:
    """(day of May 2012 on which it became known, period, value)."""
    return pl.DataFrame(
        [
            {
                "session": date(2012, 5, day),
                "series_id": "x",
                "event_date": period,
                "value": value,
                "knowledge_time": datetime(2012, 5, day, 10, tzinfo=UTC),
            }
            for day, period, value in items
        ]
    )


LAST = date(2012, 5, 31)
REVISED = rows((2, JAN, 1.0), (2, FEB, 2.0), (9, MAR, 3.0), (9, FEB, 2.5), (16, JAN, 1.5))


def test_a_vintage_holds_the_newest_value_of_every_period() -> None:
    states = vintages(REVISED, "x", LAST)
    assert [s.session.day for s in states] == [2, 9, 16]
    assert [s.values.tolist() for s in states] == [[1.0, 2.0], [1.0, 2.5, 3.0], [1.5, 2.5, 3.0]]
    assert [s.newest for s in states] == [FEB, MAR, MAR]


def test_nothing_known_later_is_seen() -> None:
    assert [s.values.tolist() for s in vintages(REVISED, "x", date(2012, 5, 10))] == [[1.0, 2.0], [1.0, 2.5, 3.0]]


def test_a_value_that_is_no_number_is_missing() -> None:
    poisoned = rows((2, JAN, 1.0), (9, FEB, float("nan")))
    assert [s.values.tolist() for s in vintages(poisoned, "x", LAST)] == [[1.0]]
    assert newest_known(poisoned, "x", LAST)["value"].to_list() == [1.0]


def test_newest_known_follows_revisions_of_the_newest_period_only() -> None:
    known = newest_known(rows((2, FEB, 2.0), (9, JAN, 9.0), (16, FEB, 2.5), (23, MAR, 3.0)), "x", LAST)
    assert known["session"].dt.day().to_list() == [2, 16, 23]
    assert known["value"].to_list() == [2.0, 2.5, 3.0]


def test_a_late_correction_does_not_enter_the_path() -> None:
    path = knowledge_path(rows((2, JAN, 1.0), (9, MAR, 3.0), (16, FEB, 2.0)), "x", LAST)
    assert path["event_date"].to_list() == [JAN, MAR]


def test_a_backlog_that_arrives_at_once_enters_the_path_in_order() -> None:
    path = knowledge_path(rows((2, JAN, 1.0), (9, MAR, 3.0), (9, FEB, 2.0)), "x", LAST)
    assert path["value"].to_list() == [1.0, 2.0, 3.0]


def test_carry_takes_the_latest_row_and_leaves_nulls_before_the_first() -> None:
    grid = pl.DataFrame({"session": [date(2012, 5, d) for d in (1, 2, 8, 9, 30)]})
    known = carry(newest_known(REVISED, "x", LAST), grid)
    assert known["value"].to_list() == [None, 2.0, 2.0, 3.0, 3.0]


def test_carry_takes_the_last_of_several_rows_of_a_session() -> None:
    path = knowledge_path(rows((2, JAN, 1.0), (9, FEB, 2.0), (9, MAR, 3.0)), "x", LAST)
    assert carry(path, pl.DataFrame({"session": [date(2012, 5, 9)]}))["value"].to_list() == [3.0]


def test_per_state_waits_until_every_series_has_a_vector() -> None:
    other = rows((9, JAN, 5.0)).with_columns(series_id=pl.lit("y"))
    states = per_state(
        pl.concat([REVISED, other]),
        ["x", "y"],
        LAST,
        lambda known: {"sum": float(known["x"].values[-1] + known["y"].values[-1])},
        ["sum"],
    )
    assert states["session"].dt.day().to_list() == [9, 16]
    assert states["sum"].to_list() == [8.0, 8.0]
    assert states["event_date"].to_list() == [JAN, JAN]
