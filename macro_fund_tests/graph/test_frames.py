"""The border to pandas: every bronze table crosses it with its types; what pandas would bend is an error."""

from __future__ import annotations

from datetime import date

import polars as pl
import pytest

from macro_fund.orchestration.frames import BorderError, to_pandas
from macro_fund.settings import default_settings
from macro_fund.sources.expectations import examined
from macro_fund.store.tables import TABLES

BRONZE = sorted(k for k in TABLES if k.startswith("bronze/"))


def test_types_survive() -> None:
    frame = pl.DataFrame(
        {
            "text": ["a", None],
            "number": [1.5, 2.5],
            "count": pl.Series([1, 2], dtype=pl.Int64),
            "small": pl.Series([1, 2], dtype=pl.Int32),
            "yes": [True, False],
            "day": [date(2024, 2, 29), date(1999, 12, 31)],
        }
    )
    out = to_pandas("x", frame)
    kinds = {"text": "object", "number": "float64", "count": "int64", "small": "int32", "yes": "bool"}
    assert {c: str(t) for c, t in out.dtypes.items()} == {**kinds, "day": "datetime64[ns]"}
    assert out["number"].tolist() == [1.5, 2.5]
    assert out["text"].tolist() == ["a", None]
    assert [t.isoformat() for t in out["day"]] == ["2024-02-29T00:00:00", "1999-12-31T00:00:00"]


@pytest.mark.parametrize("key", BRONZE)
def test_every_bronze_table_crosses_empty_and_with_a_row_of_nulls_where_they_are_allowed(key: str) -> None:
    table = TABLES[key]
    frame = examined(table.empty(), table, default_settings().series)
    assert len(to_pandas(key.replace("/", "_"), frame)) == 0
    values = {pl.String: "x", pl.Float64: 1.0, pl.Int64: 1, pl.Int32: 1, pl.Boolean: True, pl.Date: date(2024, 1, 2)}
    row = {c: [None if table.columns[c].nullable else values.get(type(t))] for c, t in table.schema.items()}
    times = [pl.lit(0).cast(t).alias(c) for c, t in table.schema.items() if isinstance(t, pl.Datetime)]
    rows = pl.DataFrame(row, table.schema).with_columns(times)
    out = to_pandas(key.replace("/", "_"), examined(rows, table, default_settings().series))
    nulls = {c for c in out.columns if out[c].isna().any()} - {"range_low", "range_high"}
    assert nulls - {"main"} == set(table.schema) - set(table.required)


def test_a_nan_becomes_a_null_where_polars_had_none() -> None:
    with pytest.raises(BorderError, match=r'(?s)prices: .*"settle".*mend the table'):
        to_pandas("prices", pl.DataFrame({"day": [date(2024, 1, 2)], "settle": [float("nan")]}))


def test_a_column_that_pandas_cannot_type_is_an_error() -> None:
    with pytest.raises(BorderError, match=r'flags: .*"late".*is_bool_dtype'):
        to_pandas("flags", pl.DataFrame({"late": [True, None]}))


@pytest.mark.parametrize("day", [date(1600, 1, 1), date(2300, 1, 1)])
def test_a_day_outside_the_years_of_pandas_is_an_error_and_no_wrong_day(day: date) -> None:
    with pytest.raises(BorderError, match=r"days: .*'maturity'.*1678 to 2261"):
        to_pandas("days", pl.DataFrame({"maturity": [day]}))


def test_a_column_without_a_kind_of_its_own_is_there() -> None:
    out = to_pandas("x", pl.DataFrame({"tiny": pl.Series([1, -1], dtype=pl.Int8)}))
    assert out["tiny"].tolist() == [1, -1]
