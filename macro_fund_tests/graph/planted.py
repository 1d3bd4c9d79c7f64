"""Targets that a test decides, put where the strategies' targets would be; risk, books and proposals are the graph's.

Belongs here: replacing portfolio/targets of a session and running what rests on it. Does not belong here: expectations.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date

import polars as pl

from macro_fund.home import Home
from macro_fund.orchestration.operate import Report
from macro_fund.portfolio.history import latest_marks
from macro_fund.store.tables import TABLES
from macro_fund_tests.graph import harness

Targets = Mapping[str, int]
"""Contracts by instrument; instruments that are not named have a target of 0."""

OWNER = "RATES-01"
_TABLE = TABLES["portfolio/targets"]
# What rests on targets and not on the fund's own trades.
RISK = (
    "risk/exposures",
    "risk/var",
    "risk/var_record",
    "risk/scenarios",
    "risk/stress",
    "risk/reverse_stress",
    "risk/liquidity",
    "risk/limits",
)


def targets(home: Home, session: date, wanted: Targets) -> pl.DataFrame:
    """portfolio/targets of one session with the contracts wanted, at the settlements that the session knows."""
    marks = latest_marks(home.lake.read("silver/instrument_returns", session), [session])
    n = pl.col("instrument").replace_strict(dict(wanted), default=0, return_dtype=pl.Int64)
    owned = [{"strategy_id": OWNER, "share": 1.0}]
    rows = (
        pl.DataFrame({"session": [session] * len(home.settings.book), "instrument": [i.id for i in home.settings.book]})
        .join(marks, on=["session", "instrument"], how="left")
        .with_columns(pl.when(pl.col("contract").is_not_null()).then(n).alias("target_contracts"))
        .with_columns(
            pl.col("target_contracts").cast(pl.Float64).alias("unrounded"),
            (pl.col("target_contracts") * pl.col("unit_dv01_brl")).alias("dv01_brl"),
            (pl.col("target_contracts") * pl.col("unit_delta_brl")).alias("delta_brl"),
            pl.col("target_contracts").sign().cast(pl.Float64).alias("score"),
            pl.lit("none").alias("binding_constraint"),
            (pl.col("target_contracts") != 0).cast(pl.Int32).alias("held_sessions"),
            pl.when(pl.col("target_contracts").fill_null(0) != 0)
            .then(pl.lit(owned, dtype=_TABLE.schema["shares"]))
            .otherwise(pl.lit([], dtype=_TABLE.schema["shares"]))
            .alias("shares"),
            pl.when(pl.col("contract").is_null()).then(pl.lit("no_view")).otherwise(pl.lit("ok")).alias("status"),
            pl.when(pl.col("contract").is_null())
            .then(pl.lit("no settlement"))
            .otherwise(pl.lit("planted"))
            .alias("reason"),
        )
    )
    blank = [pl.lit(None, t).alias(c) for c, t in _TABLE.schema.items() if c not in rows.columns]
    return rows.with_columns(blank).select(list(_TABLE.schema))


def catch_up(home: Home, keys: Sequence[date], wanted: Mapping[date, Targets]) -> list[Report]:
    """Every key in order, the PM approving each proposal; sessions of `wanted` have its targets."""
    reports = []
    with harness.operator(home) as op:
        reports.append(harness.succeeded(op.run_job("market", keys)))
        for key in keys:
            if key in wanted:
                home.lake.write(_TABLE, key, targets(home, key, wanted[key]))
                reports.append(harness.succeeded(harness.run_assets(home, RISK, key)))
            reports += [harness.succeeded(r) for r in op.session(key, "books", demo_pm=True)]
    return reports
