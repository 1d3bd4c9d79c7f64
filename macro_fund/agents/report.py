"""The common shape of an agent's report: drivers, status, reason, confidence.

Belongs here: the rules that every agent obeys (a breach gives no view, degraded caps confidence). Does not belong here:
any model.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from macro_fund.store.tables import TABLES

DEGRADED_CAP = 0.4
ASSETS = ("br_rates", "brl", "br_eq", "us_rates", "us_eq", "gold")


@dataclass(frozen=True)
class Driver:
    """One line of `drivers`: expressions of the value (in `unit`), its contribution to state_score, its date."""

    name: str
    value: pl.Expr
    unit: str
    contribution: pl.Expr
    event_date: pl.Expr


@dataclass(frozen=True)
class Finding:
    """A condition per session and, where it holds, its text (an expression, so that it can carry numbers)."""

    when: pl.Expr
    text: pl.Expr

    def expr(self) -> pl.Expr:
        return pl.when(self.when).then(self.text)


def finding(when: pl.Expr, text: str, *values: pl.Expr) -> Finding:
    """`text` with {} filled by `values`."""
    return Finding(when.fill_null(False), pl.format(text, *values) if values else pl.lit(text))


def _joined(findings: Sequence[Finding]) -> pl.Expr:
    if not findings:
        return pl.lit("")
    return pl.concat_str([f.expr() for f in findings], separator="; ", ignore_nulls=True)


def with_status(frame: pl.DataFrame, fatal: Sequence[Finding], weak: Sequence[Finding]) -> pl.DataFrame:
    """Adds status and reason: any `fatal` finding gives no_view, else any `weak` one gives degraded."""
    frame = frame.with_columns(_joined(fatal).alias("_fatal"), _joined(weak).alias("_weak"))
    status = (
        pl.when(pl.col("_fatal") != "")
        .then(pl.lit("no_view"))
        .when(pl.col("_weak") != "")
        .then(pl.lit("degraded"))
        .otherwise(pl.lit("ok"))
    )
    reason = pl.when(pl.col("_fatal") != "").then("_fatal").otherwise("_weak")
    return frame.with_columns(status.alias("status"), reason.alias("reason")).drop("_fatal", "_weak")


def confidence(completeness: pl.Expr, agreement: pl.Expr) -> pl.Expr:
    """completeness x (0.5 + 0.5 agreement), at most 0.4 when degraded, null without a view; needs `status`."""
    raw = completeness * (0.5 + 0.5 * agreement)
    capped = pl.when(pl.col("status") == "degraded").then(pl.min_horizontal(raw, DEGRADED_CAP)).otherwise(raw)
    return pl.when(pl.col("status") != "no_view").then(capped)


def drivers(lines: Sequence[Driver]) -> pl.Expr:
    """The list column: every line when there is a view, an empty list otherwise; needs `status`."""
    structs = [
        pl.struct(
            pl.lit(d.name).alias("name"),
            d.value.cast(pl.Float64).alias("value"),
            pl.lit(d.unit).alias("unit"),
            d.contribution.cast(pl.Float64).alias("contribution"),
            d.event_date.cast(pl.Date).alias("event_date"),
        )
        for d in lines
    ]
    full = pl.concat_list(structs)
    return pl.when(pl.col("status") != "no_view").then(full).otherwise(pl.lit([], dtype=pl.List(pl.Null)))


def conform(frame: pl.DataFrame, key: str) -> pl.DataFrame:
    """The frame with exactly the columns, types and order of table `key`."""
    table = TABLES[key]
    return frame.select(pl.col(name).cast(dtype) for name, dtype in table.schema.items()).sort(table.sort)
