"""From a measure to a judged frame: signal, position, status, confidence and words, the same way for many strategies.

Belongs here: what follows once a strategy has its signal, its gate and what is wrong with its inputs. Does not belong
here: hysteresis itself and the table's shape (rows.py), or any measure.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import polars as pl

from macro_fund.settings import Strategy
from macro_fund.strategies.panel import Panel
from macro_fund.strategies.rows import DEGRADED_CAP, hysteresis

TOO_SHORT = "history too short"
HALF_RANGE = 2.0


def half_z(z: pl.Expr) -> pl.Expr:
    """The usual signal: z / 2, clipped to [-1, 1]."""
    return (z / HALF_RANGE).clip(-1.0, 1.0)


def needs(ids: Sequence[str]) -> str:
    """Words for a strategy whose licensed series are not there."""
    return f"needs {', '.join(ids)}: config/series/licensed_prices.yaml"


def with_fresh(panel: Panel, rows: pl.DataFrame, series: Mapping[str, str]) -> pl.DataFrame:
    """`rows` (session) with a column per name: the value of its series known at the session, null where stale.

    Known at the session, not of the same day: a quote that came late never changes an earlier row.
    """
    grid = rows.select("session").unique().sort("session")
    for name, series_id in series.items():
        level = panel.level(series_id, grid, name)
        ok = level.select("session", pl.when(pl.col(f"{name}_state") == "ok").then(name).alias(name))
        rows = rows.join(ok, on="session", how="left", maintain_order="left")
    return rows


def judged(
    frame: pl.DataFrame,
    params: Strategy,
    *,
    words: pl.Expr,
    missing: pl.Expr,
    confidence: pl.Expr,
    weak: pl.Expr | None = None,
    gate: pl.Expr | None = None,
    short: str = TOO_SHORT,
) -> pl.DataFrame:
    """`frame` (session, s in [-1, 1] or null, z) with signal, position, status, confidence and reason.

    missing: what keeps the session from a view, in words; empty or null when nothing does (then a null s is a history
    that is too short: `short`). weak: what stands in for something better, in words; the row is degraded and its
    confidence capped. gate: why no position may be held though there is a signal; empty or null when it may. A closed
    gate ends a position: it opens again at the entry band.
    """
    blank = pl.lit("", pl.String)
    texts = {"_missing": missing, "_weak": blank if weak is None else weak, "_gate": blank if gate is None else gate}
    frame = frame.with_columns(text.fill_null("").alias(name) for name, text in texts.items())
    frame = frame.with_columns(pl.when(pl.col("_missing") == "").then("s").fill_nan(None).alias("signal"))
    open_signal = frame.select(pl.when(pl.col("_gate") == "").then("signal").otherwise(pl.col("signal") * 0.0))
    position = hysteresis(open_signal.to_series().fill_null(float("nan")).to_numpy(), params.enter, params.exit)
    viewed, less = pl.col("signal").is_not_null(), pl.col("_weak") != ""
    said = [pl.when(c != "").then(c) for c in (pl.col("_gate"), pl.col("_weak"))]
    return frame.with_columns(
        pl.Series("position", position),
        pl.when(~viewed)
        .then(pl.lit("no_view"))
        .when(less)
        .then(pl.lit("degraded"))
        .otherwise(pl.lit("ok"))
        .alias("status"),
        pl.when(less).then(confidence.clip(0.0, DEGRADED_CAP)).otherwise(confidence.clip(0.0, 1.0)).alias("confidence"),
        pl.when(viewed)
        .then(pl.concat_str(words, *said, separator="; ", ignore_nulls=True))
        .when(pl.col("_missing") != "")
        .then("_missing")
        .otherwise(pl.lit(short))
        .alias("reason"),
    ).drop("_missing", "_weak", "_gate")
