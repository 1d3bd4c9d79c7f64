"""What becomes of rows that would rest on a refused input, or on an old curve: they lose their view or say so.

Belongs here: the one rule for every table with a status. Does not belong here: which partitions are refused (run.py).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

import polars as pl

from macro_fund.store.table import Table

# What a column that may not be null holds in a row without a view; other columns keep their words.
EMPTY: Mapping[str, Any] = {
    "direction": 0,
    "strength": 0.0,
    "n_signals": 0,
    "n_scenarios": 0,
    "binding_constraint": "none",
}


def without_view(table: Table, frame: pl.DataFrame, sessions: Sequence[date], reason: str) -> pl.DataFrame:
    """Rows of `sessions` that had a view become no_view: numbers null, lists empty, the reason in words."""
    here = pl.col("session").is_in(list(sessions)) & (pl.col("status") != "no_view")
    return frame.with_columns(
        pl.when(here).then(_blank(table, name)).otherwise(pl.col(name)).alias(name)
        for name in table.schema
        if _blank(table, name) is not None
    ).with_columns(
        pl.when(here).then(pl.lit(reason)).otherwise(pl.col("reason")).alias("reason"),
        pl.when(here).then(pl.lit("no_view")).otherwise(pl.col("status")).alias("status"),
    )


def degraded(frame: pl.DataFrame, why: Mapping[date, str]) -> pl.DataFrame:
    """Rows of the sessions in `why` that have a view say so too; those that were ok become degraded."""
    reason = pl.col("session").replace_strict(list(why), list(why.values()), default=None, return_dtype=pl.String)
    here = reason.is_not_null() & (pl.col("status") != "no_view")
    said = pl.concat_str(pl.col("reason"), reason, separator="; ").str.strip_chars("; ")
    return frame.with_columns(
        pl.when(here).then(said).otherwise(pl.col("reason")).alias("reason"),
        pl.when(here).then(pl.lit("degraded")).otherwise(pl.col("status")).alias("status"),
    )


def _blank(table: Table, name: str) -> pl.Expr | None:
    column = table.columns[name]
    if name in table.sort or name in ("status", "reason"):
        return None
    if column.nullable:
        return pl.lit(None, dtype=table.schema[name])
    if name in EMPTY:
        return pl.lit(EMPTY[name], dtype=table.schema[name])
    if isinstance(table.schema[name], pl.List):
        return pl.lit([], dtype=table.schema[name])
    return None
