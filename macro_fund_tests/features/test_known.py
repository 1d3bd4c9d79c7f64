"""States and paths: what a session knew, and nothing else."""

from __future__ import annotations

from datetime import date

import numpy as np
import polars as pl
import pytest

from macro_fund.features.known import Monthly, carry, monthly_features, paths, rows_wanted, states
from macro_fund_tests.features.builders import DAY, days, month, monthly, observed

A = monthly("a", [1.0, 2.0, 3.0, 4.0])
B = monthly("b", [10.0, 20.0, 30.0], lag_days=60)
REVISED = observed("a", [2.5], [month(1)], [month(6)])
ALL = pl.concat([A, B, REVISED])


def test_states_are_vintages() -> None:
    found = list(states(ALL, ["a", "b"], [month(0), month(12)]))
    assert [s.session for s in found] == sorted({*A["session"], *B["session"], month(6)})
    last, before = found[-1], found[-2]
    assert last.values["a"].tolist() == [1.0, 2.5, 3.0, 4.0]
    assert before.values["a"].tolist() == [1.0, 2.0, 3.0, 4.0]
    assert last.months[-1] == np.datetime64("2015-04")
    assert last.knowledge_time.date() == month(6)
    months, (a, b) = last.common("a", "b")
    assert months.tolist() == [date(2015, 1, 1), date(2015, 2, 1), date(2015, 3, 1)]
    assert (a.tolist(), b.tolist()) == ([1.0, 2.5, 3.0], [10.0, 20.0, 30.0])


def test_only_states_that_matter_are_made() -> None:
    assert [s.session for s in states(ALL, ["a"], [month(4)])] == [A["session"][2]]
    assert [s.session for s in states(ALL, ["a"], [month(7), month(8)])] == [month(6)]
    assert list(states(ALL, ["a"], [date(2014, 1, 1)])) == []
    assert list(states(ALL.clear(), ["a"], [month(4)])) == []


def test_a_hole_breaks_the_vector() -> None:
    holed = A.filter(pl.col("event_date") != month(2))
    (state,) = states(holed, ["a"], [month(8)])
    months, (a,) = state.common("a")
    assert (months.size, a.tolist()) == (1, [4.0])
    months, (x,) = next(states(A, ["a", "b"], [month(8)])).common("b")
    assert (months.size, x.size) == (0, 0)


def test_a_path_keeps_the_order_of_knowledge() -> None:
    rows = observed("x", [1, 3, 2, 4, 9], [days(9)[k] for k in (0, 2, 1, 3, 3)], [days(9)[k] for k in (1, 3, 4, 5, 6)])
    path = paths(rows)
    assert path["value"].to_list() == [1.0, 3.0, 4.0]  # 2 came after 3; 9 is a correction
    assert rows_wanted(path, [days(9)[4]]) == 2
    assert rows_wanted(path, [days(9)[0]]) == 3


def test_carry_repeats_the_newest() -> None:
    rows = pl.DataFrame({"session": [days(9)[2], days(9)[2], days(9)[4]], "name": ["x"] * 3, "value": [1.0, 2.0, 3.0]})
    got = carry(rows, days(6), "name", ["x", "y"])
    assert got.filter(pl.col("name") == "x")["value"].to_list() == [None, None, 2.0, 2.0, 3.0, 3.0]
    assert got.filter(pl.col("name") == "y")["value"].null_count() == 6


def test_monthly_features_say_what_they_are() -> None:
    level = Monthly("level", ("a",), lambda s: (s.common("a")[0], s.common("a")[1][0]))
    sessions = [date(2014, 12, 31), month(2), month(3) + 20 * DAY, month(12)]
    rows = monthly_features(ALL, [level], sessions, {"a": 60})
    assert rows["value"].to_list() == [None, 1.0, 3.0, 4.0]
    assert rows["status"].to_list() == ["missing", "ok", "ok", "stale"]
    assert rows["reason"].to_list()[0] == "nothing known"
    assert rows["reason"].to_list()[3] == "newest is 2015-04-01, older than 60 days"
    assert rows["z"].null_count() == 4
    with pytest.raises(ValueError, match="max_age lacks a"):
        monthly_features(ALL, [level], sessions, {})
