"""Tables beside an asset's own, and which of its partitions its gating checks refused.

Belongs here: where verdicts, quarantine and failures of an asset lie, and reading the verdicts. Does not belong here:
checks (orchestration/).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date

import polars as pl

from macro_fund.store.lake import Lake
from macro_fund.store.table import Table
from macro_fund.store.tables import TABLES


def side_table(kind: Table, asset: str) -> Table:
    """The table beside an asset's own: its verdicts, its quarantine, its failed requests."""
    return replace(kind, key=f"side/{kind.key.rsplit('/', 1)[-1]}/{asset}")


def failed_gates(lake: Lake, table_key: str, keys: Sequence[date]) -> dict[date, str]:
    """Keys of the table whose gating check failed, with the verdict's words."""
    side = side_table(TABLES["quality/verdicts"], table_key)
    verdicts = lake.read(side.key, only=keys, table=side)
    bad = verdicts.filter(~pl.col("passed") & pl.col("blocking"))
    return {s: f"{c}: {d}" for s, c, d in bad.select("session", "check", "detail").iter_rows()}
