"""What the lake holds of each series: shares, first and last day, and gaps by frequency."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any

import polars as pl
import pytest

from macro_fund.reports.coverage import BASES, COLUMNS, coverage
from macro_fund.settings import Series, default_settings

D = date
ANY = default_settings().series[0]


def _series(name: str, frequency: str, **more: Any) -> Series:
    return ANY.model_copy(update={"id": name, "source": "fred", "frequency": frequency, **more})


def _rows(name: str, days: Sequence[date], basis: str = "lag") -> pl.DataFrame:
    schema = {"series_id": pl.String, "event_date": pl.Date, "knowledge_basis": pl.String}
    return pl.DataFrame([(name, d, basis) for d in days], schema, orient="row")


def _one(rows: pl.DataFrame, series: Series) -> dict[str, Any]:
    return coverage(rows, [series]).row(0, named=True)


def test_a_row_a_series_by_source_and_id() -> None:
    listed = [_series("b", "D"), _series("a", "M"), _series("c", "D", source="bcb_sgs")]
    found = coverage(pl.concat([_rows("a", [D(2024, 1, 1)]), _rows("stranger", [D(2024, 1, 1)])]), listed)
    assert found.select("source", "series_id", "frequency", "rows").rows() == [
        ("bcb_sgs", "c", "D", 0),
        ("fred", "a", "M", 1),
        ("fred", "b", "D", 0),
    ]


def test_shares_of_the_bases_sum_to_one() -> None:
    days = [D(2024, 1, 1) + timedelta(days=n) for n in range(7)]
    rows = pl.concat(
        [
            _rows("a", days[:4], "vintage"),
            _rows("a", days[:2], "observed"),
            _rows("a", days[4:5], "calendar"),
            _rows("a", days[5:6], "lag"),
            _rows("b", days[:3], "lag"),
        ]
    )
    found = coverage(rows, [_series("a", "D"), _series("b", "D")])
    assert found.select(BASES).rows() == [(0.5, 0.125, 0.125, 0.25), (0.0, 0.0, 1.0, 0.0)]
    assert found.select(pl.sum_horizontal(BASES)).to_series().to_list() == [1.0, 1.0]
    assert found.select("first", "last", "rows").row(0) == (days[0], days[5], 8)


def test_a_series_without_rows_has_nulls_and_no_rows() -> None:
    found = _one(_rows("other", [D(2024, 1, 1)]), _series("a", "D"))
    assert (found["rows"], found["gaps"]) == (0, 0)
    assert {found[c] for c in ("first", "last", "longest_gap_days", *BASES)} == {None}


def test_no_rows_at_all() -> None:
    found = coverage(_rows("a", []), [_series("a", "D"), _series("b", "A")])
    assert found["rows"].to_list() == [0, 0]
    assert set(COLUMNS) == set(_rows("a", []).columns)


@pytest.mark.parametrize(
    ("frequency", "whole", "holed", "longest"),
    [
        # Carnival weekend, then a whole week missing
        ("D", [D(2024, 2, 9), D(2024, 2, 14)], [D(2024, 2, 2), D(2024, 2, 10)], 8),
        ("D", [D(2024, 2, 2), D(2024, 2, 9)], [D(2024, 2, 2), D(2024, 2, 12)], 10),
        # a report of Monday instead of Tuesday
        ("W", [D(2018, 12, 18), D(2018, 12, 24), D(2019, 1, 1)], [D(2018, 12, 18), D(2019, 1, 1)], 14),
        ("M", [D(2024, 1, 1), D(2024, 2, 1), D(2024, 3, 1)], [D(2024, 2, 1), D(2024, 4, 1)], 60),
        ("M", [D(2024, 7, 1), D(2024, 8, 1)], [D(2025, 1, 1), D(2025, 3, 1)], 59),
        ("Q", [D(2024, 7, 1), D(2024, 10, 1)], [D(2025, 1, 1), D(2025, 7, 1)], 181),
        ("A", [D(2024, 1, 1), D(2025, 1, 1)], [D(2025, 1, 1), D(2027, 1, 1)], 730),
        ("E", [D(2000, 1, 1), D(2025, 1, 1)], [D(1900, 1, 1), D(2025, 1, 1)], 45656),
    ],
)
def test_a_gap_is_a_missing_period(frequency: str, whole: list[date], holed: list[date], longest: int) -> None:
    series = _series("a", frequency)
    assert (_one(_rows("a", whole), series)["gaps"], _one(_rows("a", whole), series)["longest_gap_days"]) == (0, None)
    found = _one(_rows("a", holed), series)
    assert (found["gaps"], found["longest_gap_days"]) == (1, longest)


def test_vintages_and_the_order_of_rows_make_no_gap() -> None:
    days = [D(2024, m, 1) for m in (1, 2, 4, 5, 9)]
    rows = pl.concat([_rows("a", days), _rows("a", days[::-1], "vintage"), _rows("b", [D(2010, 1, 1)])])
    found = _one(rows.sample(fraction=1.0, shuffle=True, seed=1), _series("a", "M"))
    assert (found["rows"], found["gaps"], found["longest_gap_days"]) == (10, 2, 123)
