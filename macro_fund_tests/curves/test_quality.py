"""What is usual on a day, and the score of a curve."""

from __future__ import annotations

from datetime import date, timedelta

import polars as pl
import pytest

from macro_fund.curves.quality import score, usual_quotes

FIRST = date(2020, 3, 2)


def quotes(counts: list[int], sessions: dict[int, int] | None = None) -> pl.DataFrame:
    """Day i quotes counts[i] items, known in session i + 1, or as `sessions` says."""
    rows = [
        (FIRST + timedelta(days=(sessions or {}).get(i, i + 1)), FIRST + timedelta(days=i), f"c{n}")
        for i, count in enumerate(counts)
        for n in range(count)
    ]
    return pl.DataFrame(rows, schema={"session": pl.Date, "event_date": pl.Date, "contract": pl.String}, orient="row")


def test_usual_is_the_median_of_the_days_before() -> None:
    found = usual_quotes(quotes([10, 12, 14, 2]), "contract")
    assert found["quoted"].to_list() == [10, 12, 14, 2]
    assert found["usual"].to_list() == [10.0, 10.0, 11.0, 12.0]


def test_a_day_that_comes_late_changes_no_other_day() -> None:
    whole, late = quotes([10, 12, 14, 2, 8]), quotes([10, 12, 14, 2, 8], {1: 6})
    without = whole.filter(pl.col("event_date") != FIRST + timedelta(days=1))
    then, now = usual_quotes(without, "contract"), usual_quotes(late, "contract")
    assert now.filter(pl.col("event_date") != FIRST + timedelta(days=1)).equals(then)
    assert now["usual"][1] == 10.0


@pytest.mark.parametrize(
    ("quoted", "age", "anchored", "expected"),
    [(10, 0, True, 1.0), (5, 0, True, 0.5), (20, 1, True, 0.5), (10, 2, False, 0.225)],
)
def test_score(quoted: int, age: int, anchored: bool, expected: float) -> None:
    found = pl.select(score(pl.lit(quoted), pl.lit(10.0), pl.lit(age), pl.lit(anchored))).item()
    assert found == pytest.approx(expected)
