"""The types of the catalogue of lake tables: a column, a table, and the columns that many tables share.

Belongs here: what a table is. Does not belong here: any table (tables.py, agent_tables.py).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import polars as pl

UTC_TIME = pl.Datetime("us", "UTC")
MONEY = pl.Decimal(20, 2)


@dataclass(frozen=True)
class Column:
    """A column: polars type, meaning (with its unit) and whether a null is allowed."""

    dtype: pl.DataType | type[pl.DataType]
    description: str
    nullable: bool = False


@dataclass(frozen=True)
class Table:
    """The shape of one asset's Parquet files. `sort` also is the primary key unless `unique` is False.

    Bronze tables also say what a provider's fact is: `fact` with event_date identifies it (series_id first), `values`
    are what it says (main one first), by which a revision is seen.
    """

    key: str
    columns: Mapping[str, Column]
    sort: tuple[str, ...]
    unique: bool = True
    fact: tuple[str, ...] = ()
    values: tuple[str, ...] = ()
    owner: str = "team:platform"
    description: str = ""
    schema: Mapping[str, pl.DataType] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "schema", pl.Schema({n: c.dtype for n, c in self.columns.items()}))

    @property
    def layer(self) -> str:
        return self.key.split("/")[0]

    @property
    def required(self) -> list[str]:
        """Columns that may not hold a null."""
        return [n for n, c in self.columns.items() if not c.nullable]

    def empty(self) -> pl.DataFrame:
        return pl.DataFrame(schema=self.schema)


def session_column(text: str = "partition in which the row became known") -> Column:
    return Column(pl.Date, text)


def numbers(columns: Mapping[str, str]) -> dict[str, Column]:
    """Float64 columns that may be missing, by name and meaning."""
    return {name: Column(pl.Float64, text, nullable=True) for name, text in columns.items()}
