"""The verdicts of a session in one table.

Belongs here: collecting them. Does not belong here: a check itself (its asset's stage).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from functools import partial

import polars as pl

from macro_fund.orchestration.checks import sessions_inside
from macro_fund.orchestration.node import Check, Node
from macro_fund.orchestration.run import Run, side_table
from macro_fund.store.tables import TABLES

KEY = "quality/verdicts"
MATERIALIZED = "materialized"


def collect(judged: Sequence[str], run: Run) -> pl.DataFrame:
    """Every verdict of the judged assets for the run's keys; an asset without one counts as not materialized."""
    found = [run.table.empty()]
    for asset in judged:
        side = side_table(TABLES[KEY], asset)
        rows = run.home.lake.read(side.key, only=run.keys, table=side)
        run.read_digests[asset] = "".join(
            run.home.lake.digest(side.key, k) for k in run.home.lake.keys(side.key) if k in run.keys
        )
        missing = [
            (k, asset, MATERIALIZED, False, True, "not materialized: run this asset")
            for k in run.keys
            if k not in set(rows["session"])
        ]
        found += [rows, pl.DataFrame(missing, schema=run.table.schema, orient="row")]
    return pl.concat(found)


def _all_judged(judged: Sequence[str], run: Run, frame: pl.DataFrame) -> list[tuple[date, str]]:
    """Each judged asset has at least one verdict on each key."""
    have = set(frame.select("session", "asset").unique().rows())
    return [(k, f"{a}: no verdict") for k in run.keys for a in judged if (k, a) not in have]


def verdicts_node(judged: Sequence[str]) -> Node:
    """The node over the given assets."""
    return Node(
        KEY,
        frozenset({"python", "parquet"}),
        tuple(judged),
        partial(collect, tuple(judged)),
        (Check("all_judged", "every asset has a verdict", partial(_all_judged, tuple(judged))), sessions_inside()),
    )
