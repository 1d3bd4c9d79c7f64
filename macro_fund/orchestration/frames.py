"""The guard at the border to pandas: frames that leave for libraries which know no polars.

Belongs here: the dagster-pandas types of those frames. Does not belong here: what is expected of their values
(config/expectations).
"""

from __future__ import annotations

from typing import Any

import polars as pl

# What pandas calls the types that polars declares (a date becomes a time at midnight).
_KINDS = {
    pl.String: "string_column",
    pl.Float64: "float_column",
    pl.Int64: "numeric_column",
    pl.Int32: "numeric_column",
    pl.Boolean: "boolean_column",
    pl.Date: "datetime_column",
}


class BorderError(ValueError):
    """A frame did not survive the way to pandas with its types; the message names table and column."""


def to_pandas(name: str, frame: pl.DataFrame) -> Any:
    """The frame as pandas, its column types and nulls checked by a dagster-pandas type.

    Dates become times at midnight. Raises BorderError when a column arrives with another type, with a null where
    polars had none (a NaN is one to pandas), or with a day outside the years of pandas.
    """
    import dagster_pandas

    columns = []
    for column, dtype in frame.schema.items():
        kind = next((text for known, text in _KINDS.items() if dtype == known), "exists")
        complete = not frame[column].null_count()
        build = getattr(dagster_pandas.PandasColumn, kind)
        columns.append(build(column, non_nullable=complete, ignore_missing_vals=not complete))
    typed: Any = dagster_pandas.create_dagster_pandas_dataframe_type(name, columns=columns)
    try:
        out = frame.with_columns(pl.col(pl.Date).cast(pl.Datetime("ns"))).to_pandas()
    except pl.exceptions.InvalidOperationError as error:
        raise BorderError(f"{name}: {str(error).splitlines()[0]}; pandas knows the years 1678 to 2261") from None
    verdict = typed.type_check(None, out)
    if not verdict.success:
        raise BorderError(f"{name}: {verdict.description}; mend the table before it goes to pandas")
    return out
