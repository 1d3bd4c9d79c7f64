"""The common shape of an agent's report: drivers, status, reason, confidence.

Belongs here: the rules that every agent obeys (a breach gives no view, degraded caps confidence). Does not belong here:
any model.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import polars as pl

from macro_fund.store.agent_tables import DRIVER, INPUT, RISK
from macro_fund.store.tables import TABLES

DEGRADED_CAP = 0.4
# Without any forecast error known yet a model counts as no better than the naive one.
NO_RECORD = 0.5


@dataclass(frozen=True)
class Driver:
    """One line of `drivers`: expressions of the value (in `unit`), its contribution to state_score, its date, its z."""

    name: str
    value: pl.Expr
    unit: str
    contribution: pl.Expr
    event_date: pl.Expr
    z: pl.Expr = field(default_factory=lambda: pl.lit(None, dtype=pl.Float64))


@dataclass(frozen=True)
class Risk:
    """What would make the view wrong: words, the observable trigger, and its probability where a model gives one."""

    text: str
    trigger: str
    prob: pl.Expr = field(default_factory=lambda: pl.lit(None, dtype=pl.Float64))


@dataclass(frozen=True)
class Input:
    """A series behind the view: expressions of its newest period and of when that became known."""

    series_id: str
    event_date: pl.Expr
    knowledge_time: pl.Expr


@dataclass(frozen=True)
class Report:
    """What an agent says, as expressions of a frame that has `status`.

    agent_id: also names the table, agents/{agent_id}_view; score: state_score in [-1, 1], the sign is the agent's;
    views: in [-1, 1] by asset, + = holding it is expected to beat cash.
    """

    agent_id: str
    model_version: str
    horizon_days: int
    score: pl.Expr
    confidence: pl.Expr
    knowledge_time: pl.Expr
    views: Mapping[str, pl.Expr]
    drivers: Sequence[Driver]
    risks: Sequence[Risk]
    inputs: Sequence[Input]


@dataclass(frozen=True)
class Finding:
    """A condition per session and, where it holds, its text (an expression, so that it can carry numbers).

    `sanity`: a range that a number left; it is listed in sanity_flags too.
    """

    when: pl.Expr
    text: pl.Expr
    sanity: bool = False

    def expr(self) -> pl.Expr:
        return pl.when(self.when).then(self.text)


def finding(when: pl.Expr, text: str, *values: pl.Expr, sanity: bool = False) -> Finding:
    """`text` with {} filled by `values`."""
    return Finding(when.fill_null(False), pl.format(text, *values) if values else pl.lit(text), sanity)


def outside(column: str, low: float, high: float, what: str, *, scale: float = 100.0, unit: str = "%") -> Finding:
    """A sanity finding: the column left [low, high]; shown times `scale` in `unit`, never rounded back to the range."""
    text = f"sanity: {what} is {{}}{unit}, outside {low * scale:g}..{high * scale:g}{unit}"
    value = pl.col(column) * scale
    near = value.round(2)
    away = pl.when(pl.col(column) < low).then((value * 100).floor()).otherwise((value * 100).ceil()) * 0.01
    shown = pl.when(near.is_between(low * scale, high * scale)).then(away.round(2)).otherwise(near)
    return finding(~pl.col(column).is_between(low, high), text, shown, sanity=True)


def _joined(findings: Sequence[Finding]) -> pl.Expr:
    if not findings:
        return pl.lit("")
    return pl.concat_str([f.expr() for f in findings], separator="; ", ignore_nulls=True)


def with_status(frame: pl.DataFrame, fatal: Sequence[Finding], weak: Sequence[Finding]) -> pl.DataFrame:
    """Adds status, reason, sanity_flags: any `fatal` finding gives no_view, else any `weak` one gives degraded."""
    flags = [f.expr() for f in (*fatal, *weak) if f.sanity]
    listed = pl.concat_list(flags).list.drop_nulls() if flags else pl.lit([], dtype=pl.List(pl.String))
    frame = frame.with_columns(
        _joined(fatal).alias("_fatal"), _joined(weak).alias("_weak"), listed.alias("sanity_flags")
    )
    status = (
        pl.when(pl.col("_fatal") != "")
        .then(pl.lit("no_view"))
        .when(pl.col("_weak") != "")
        .then(pl.lit("degraded"))
        .otherwise(pl.lit("ok"))
    )
    reason = pl.when(pl.col("_fatal") != "").then("_fatal").otherwise("_weak")
    return frame.with_columns(status.alias("status"), reason.alias("reason")).drop("_fatal", "_weak")


def confidence(completeness: pl.Expr, agreement: pl.Expr, rmse_ratio: pl.Expr | None = None) -> pl.Expr:
    """completeness x (0.5 + 0.5 agreement) x clip(1.5 - rmse_ratio, 0.2, 1); needs `status`.

    rmse_ratio: root mean squared error out of sample over the naive forecast's, of forecasts whose outcome was known
    by the session; null counts as 0.5. At most 0.4 when degraded, null without a view.
    """
    raw = completeness * (0.5 + 0.5 * agreement)
    if rmse_ratio is not None:
        raw = raw * (1.5 - rmse_ratio).clip(0.2, 1.0).fill_null(NO_RECORD)
    capped = pl.when(pl.col("status") == "degraded").then(pl.min_horizontal(raw, DEGRADED_CAP)).otherwise(raw)
    return pl.when(pl.col("status") != "no_view").then(capped)


def _listed(structs: Sequence[pl.Expr], dtype: pl.DataType) -> pl.Expr:
    """The list column: every struct when there is a view, an empty list otherwise; needs `status`."""
    empty = pl.lit([], dtype=pl.List(dtype))
    if not structs:
        return empty
    full = pl.concat_list([s.cast(dtype) for s in structs])
    return pl.when(pl.col("status") != "no_view").then(full).otherwise(empty)


def drivers(lines: Sequence[Driver]) -> pl.Expr:
    """The list column `drivers`; needs `status`."""
    structs = [
        pl.struct(
            pl.lit(d.name).alias("name"),
            d.value.cast(pl.Float64).alias("value"),
            pl.lit(d.unit).alias("unit"),
            d.z.cast(pl.Float64).alias("z"),
            d.contribution.cast(pl.Float64).alias("contribution"),
            d.event_date.cast(pl.Date).alias("event_date"),
        )
        for d in lines
    ]
    return _listed(structs, DRIVER)


def risks(lines: Sequence[Risk]) -> pl.Expr:
    """The list column `risks`; needs `status`."""
    structs = [
        pl.struct(pl.lit(r.text).alias("text"), pl.lit(r.trigger).alias("trigger"), r.prob.alias("prob")) for r in lines
    ]
    return _listed(structs, RISK)


def input_vintages(lines: Sequence[Input]) -> pl.Expr:
    """The list column `input_vintages`, inputs that nothing is known of left out; kept also without a view."""
    structs = [
        pl.struct(
            pl.lit(i.series_id).alias("series_id"),
            i.event_date.cast(pl.Date).alias("event_date"),
            i.knowledge_time.alias("knowledge_time"),
        ).cast(INPUT)
        for i in lines
    ]
    known = pl.element().struct.field("event_date").is_not_null()
    return pl.concat_list(structs).list.filter(known)


def conform(frame: pl.DataFrame, key: str) -> pl.DataFrame:
    """The frame with exactly the columns, types and order of table `key`; a view that it does not have is null."""
    table = TABLES[key]
    absent = [c for c in table.schema if c.startswith("view_") and c not in frame.columns]
    frame = frame.with_columns(pl.lit(None, dtype=pl.Float64).alias(c) for c in absent)
    return frame.select(pl.col(name).cast(dtype) for name, dtype in table.schema.items()).sort(table.sort)


def view_rows(frame: pl.DataFrame, report: Report) -> pl.DataFrame:
    """The table agents/{agent_id}_view of a frame with `status`, `reason`, `sanity_flags` and the agent's own columns.

    Score and views are null where there is no view.
    """
    viewed = pl.col("status") != "no_view"
    frame = frame.with_columns(
        pl.lit(report.agent_id).alias("agent_id"),
        pl.lit(report.model_version).alias("model_version"),
        pl.lit(report.horizon_days).alias("horizon_days"),
        pl.when(viewed).then(report.score).alias("state_score"),
        report.confidence.alias("confidence"),
        report.knowledge_time.alias("knowledge_time"),
        drivers(report.drivers).alias("drivers"),
        risks(report.risks).alias("risks"),
        input_vintages(report.inputs).alias("input_vintages"),
        *(pl.when(viewed).then(view).alias(f"view_{asset}") for asset, view in report.views.items()),
    )
    return conform(frame, f"agents/{report.agent_id}_view")
