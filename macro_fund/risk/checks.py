"""Checks on risk tables, as plain verdicts.

Belongs here: what must be true of stress and limits, recomputed by a route that shares no code with the numbers. Does
not belong here: VaR (var_checks.py), when checks run or what they block (orchestration).
"""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from macro_fund.mandate import Scenario
from macro_fund.portfolio.checks import Verdict, verdict
from macro_fund.store.tables import TABLES


def stress_signs(stress: pl.DataFrame, targets: pl.DataFrame, scenarios: Sequence[Scenario]) -> Verdict:
    """Long PU loses when rates rise and gains when they fall; long DOL or IND gains with its return."""
    known = {s.id for s in scenarios}
    position = targets.select("session", "instrument", "contract", "target_contracts")
    joined = stress.join(position, on=["session", "instrument"], how="left")
    side = pl.when(pl.col("contract").str.starts_with("DI1")).then(-1).otherwise(1)
    expected = (side * pl.col("target_contracts").sign() * pl.col("shock").sign()).cast(pl.Float64)
    wrong = joined.filter(
        ((pl.col("status") == "ok") & (pl.col("pnl_brl").sign() != expected)) | ~pl.col("scenario").is_in(list(known))
    )
    return verdict(
        "stress_signs",
        wrong.select("session", "scenario", "instrument", "target_contracts", "shock", "pnl_brl"),
        len(stress),
    )


def missing_is_not_zero(var: pl.DataFrame, stress: pl.DataFrame, targets: pl.DataFrame) -> Verdict:
    """A target without a view has no number in VaR or stress, and every VaR total of its session says so."""
    blind = targets.filter(pl.col("target_contracts").is_null()).select("session", item="instrument")
    parts = var.filter((pl.col("scope") == "instrument") & pl.col("var_brl").is_not_null()).select("session", "item")
    shocked = stress.filter(pl.col("pnl_brl").is_not_null()).select("session", item="instrument")
    totals = (
        var.filter((pl.col("scope") == "total") & (pl.col("status") == "ok")).select("session", item="scope").unique()
    )
    wrong = pl.concat(
        [
            parts.join(blind, on=["session", "item"], how="semi"),
            shocked.join(blind, on=["session", "item"], how="semi"),
            totals.join(blind, on="session", how="semi"),
        ]
    )
    return verdict("missing_is_not_zero", wrong, len(blind))


def every_limit_measured(limits: pl.DataFrame, warn_at: float) -> Verdict:
    """Status of each limit follows from value and limit_value, and a missing value is never called ok."""
    value, cap = pl.col("value"), pl.col("limit_value")
    wrong = limits.filter(
        (value.is_null() != (pl.col("status") == "no_view"))
        | ((value > cap) != (pl.col("status") == "breach")).fill_null(False)
        | ((pl.col("status") == "ok") & (value >= warn_at * cap) & (value > 0))
    ).select(n for n in TABLES["risk/limits"].schema if n != "utilisation")
    return verdict("every_limit_measured", wrong, len(limits))
