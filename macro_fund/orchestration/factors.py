"""silver/factor_shocks as an asset. Belongs here: its inputs and checks. Does not belong here: formulas (features/)."""

from __future__ import annotations

from datetime import date

import polars as pl

from macro_fund.features.factor_shocks import BP, SOURCES, factor_shocks, items_of, missing_card
from macro_fund.orchestration.checks import every_session, sessions_inside
from macro_fund.orchestration.node import Check, Node
from macro_fund.orchestration.run import Run
from macro_fund.reports.plots_risk import shocks_picture

PYTHON = frozenset({"python", "polars", "parquet"})
KEY = "silver/factor_shocks"
# Sessions that the picture shows; two years, for the sum of moves of a year needs one more.
PICTURED = 504


def _factor_shocks(run: Run) -> pl.DataFrame:
    factors = run.home.settings.factors
    tables = {t: run.read(t, where=SOURCES[t].where(items)) for t, items in items_of(factors).items()}
    frame = factor_shocks(factors, tables, run.sessions)
    run.shown["factors"] = missing_card(factors, frame)
    return frame


def _levels_stored(run: Run, frame: pl.DataFrame) -> list[tuple[date, str]]:
    """Every level is one that its table held for that day by then."""
    stored = []
    for factor in (f for f in run.home.settings.factors if f.table):
        source = SOURCES[factor.table]
        scale = 1.0 if factor.kind == "log" else BP
        rows = run.home.lake.read(factor.table, run.last, where=source.where([factor.item]))
        stored.append(
            rows.select(
                pl.lit(factor.id).alias("factor"),
                pl.col(source.day).alias("trade_date"),
                (pl.col(source.level) * scale).alias("held"),
                pl.col("session").alias("since"),
            )
        )
    both = frame.join(pl.concat(stored), on=["factor", "trade_date"], how="left")
    same = (pl.col("held") - pl.col("level")).abs() <= 1e-9 * pl.col("level").abs()
    found = (same & (pl.col("since") <= pl.col("session"))).fill_null(False)
    key = ["session", "factor", "trade_date"]
    bad = both.group_by(key, maintain_order=True).agg(found.any().alias("found")).filter(~pl.col("found")).sort(key)
    return [(s, f"{f} {d}: its table holds no such level") for s, f, d in bad.select(key).rows()]


def _moves_recomputed(run: Run, frame: pl.DataFrame) -> list[tuple[date, str]]:
    """Of the rows that hold at the last session, each move is the difference of the levels of two days that follow."""
    log = [f.id for f in run.home.settings.factors if f.kind == "log"]
    key = ["factor", "trade_date"]
    rows = run.read_own(frame).sort(*key, "session").unique(key, keep="last", maintain_order=True)
    before = pl.col("level").shift(1).over("factor")
    positive = (pl.col("level") > 0) & (before > 0)
    returns = pl.when(positive).then(pl.col("level").log() - before.log())
    again = rows.with_columns(
        again=pl.when(pl.col("factor").is_in(log)).then(returns).otherwise(pl.col("level") - before)
    ).filter(run.inside)
    apart = (pl.col("shock") - pl.col("again")).abs() > 1e-9 * pl.max_horizontal(pl.col("again").abs(), 1.0)
    bad = again.filter(apart.fill_null(False) | (pl.col("shock").is_null() != pl.col("again").is_null()))
    shown = bad.sort("session", *key).select("session", "factor", "trade_date", "shock", "again")
    return [(s, f"{f} {d}: moved {x}, its levels say {y}") for s, f, d, x, y in shown.rows()]


NODES = (
    Node(
        KEY,
        PYTHON,
        tuple(SOURCES),
        _factor_shocks,
        (
            Check("levels_stored", "every level is one that its silver table held by then", _levels_stored),
            Check("moves_recomputed", "moves are the differences of the levels", _moves_recomputed),
            every_session(gate=False),
            sessions_inside(),
        ),
        plot=shocks_picture,
        plot_sessions=PICTURED,
    ),
)
