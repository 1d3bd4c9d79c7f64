"""How people decide: counts of what was proposed, approved, refused and written, and what came of it.

Belongs here: counting over the ledger. Does not belong here: what became of one proposal (`outcomes.py`), ratios of the
fund (`performance.py`).
"""

from __future__ import annotations

import polars as pl

from macro_fund.store.ledger_rules import STATUSES

SYSTEM = ""
"""Who decided on what nobody decided: open and expired proposals."""


def by_person(proposals: pl.DataFrame, refusals: pl.DataFrame) -> pl.DataFrame:
    """Proposals by who decided on them and their status, a column for each of `STATUSES`, and what was refused them.

    proposals: `Ledger.proposals` with their status now; refusals: `Ledger.refusals`. A row with person `SYSTEM` holds
    what nobody decided.
    """
    counts = [(pl.col("status") == s).sum().cast(pl.Int64).alias(s) for s in STATUSES]
    decided = proposals.with_columns(person=pl.col("decided_by").fill_null(SYSTEM))
    refused = refusals.group_by("person", maintain_order=True).agg(refused=pl.len().cast(pl.Int64))
    return (
        decided.group_by("person", maintain_order=True)
        .agg(counts)
        .join(refused, on="person", how="full", coalesce=True)
        .with_columns(pl.exclude("person").fill_null(0))
        .sort("person")
    )


def of_outcomes(outcomes: pl.DataFrame) -> pl.DataFrame:
    """Closed lots by what ended them: count, gained (made more than nothing), mean days held, BRL.

    outcomes: columns of `outcomes.SCHEMA`.
    """
    return (
        outcomes.filter(pl.col("closed").is_not_null())
        .group_by("ended", "met", maintain_order=True)
        .agg(
            lots=pl.len().cast(pl.Int64),
            gained=(pl.col("pnl_brl") > 0).sum().cast(pl.Int64),
            held_days=pl.col("held_days").mean(),
            pnl_brl=pl.col("pnl_brl").sum(),
        )
        .sort("ended", "met")
    )
