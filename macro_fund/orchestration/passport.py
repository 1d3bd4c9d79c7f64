"""Where a printed number comes from, and whether it comes out again.

Belongs here: finding a number of the morning pack by its passport, what its asset was made from, and making the asset
again in memory. Does not belong here: printing (cli.py) or the pack itself (reports/).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

import polars as pl

from macro_fund.home import Home
from macro_fund.orchestration.assets import computed
from macro_fund.orchestration.graph import NODES
from macro_fund.orchestration.run import Run
from macro_fund.store.lake import content_digest, tidy

PACK = "reports/morning_pack"
_NODES = {n.key: n for n in NODES}
_PROVIDER = "a provider's answer: the raw bytes are in the archive, `macro-fund verify` proves the table"
_RECORD = "a record of the ledger: `macro-fund journal verify` proves it"
_SQL = "made by dbt with other tables in one step: rerun the session to make it again"


@dataclass(frozen=True)
class Passport:
    """A printed number, the partition that it comes from, and what that partition was made from.

    `inputs`: digest of everything read; `rests_on`: (table, digest of its partition of the same key). `again`: digest
    of the asset made anew from today's lake, or None with `why_not`.
    """

    row: dict[str, Any]
    key: date
    digest: str
    inputs: str
    code_version: str
    rests_on: list[tuple[str, str]]
    again: str | None
    why_not: str

    @property
    def proven(self) -> bool:
        return self.again == self.digest


def find(home: Home, text: str, session: date | None = None) -> dict[str, Any]:
    """The row of reports/morning_pack of a passport, or of an item's name in a session (the newest by default).

    ValueError when there is none, or when a name is in several sections.
    """
    keys = home.lake.keys(PACK)
    if not keys:
        raise ValueError("no morning pack has been written yet: run `macro-fund run`")
    rows = home.lake.read(PACK, where=pl.col("passport") == text)
    if rows.is_empty():
        day = session or keys[-1]
        rows = home.lake.read(PACK, where=(pl.col("item") == text) & (pl.col("session") == day))
        if rows.is_empty():
            raise ValueError(f"no number {text!r} in the pack of {day}: give the id or the name that the page shows")
    if rows.height > 1:
        ids = ", ".join(f"{p} ({s})" for p, s in rows.select("passport", "section").rows())
        raise ValueError(f"{text!r} is printed {rows.height} times; choose one: {ids}")
    return rows.row(0, named=True)


def passport(home: Home, text: str, session: date | None = None) -> Passport:
    """The passport of a printed number. ValueError as in `find`; LakeError when the asset's partition is gone."""
    row = find(home, text, session)
    asset, key = str(row["asset"]), max(row["session"], home.inception)
    made = home.lake.metadata(asset, key)
    node = _NODES.get(asset)
    deps = [d for d in (node.deps if node else ()) if home.lake.path(d, key).exists()]
    again, why_not = recompute(home, asset, key)
    return Passport(
        row,
        key,
        made["digest"],
        made.get("inputs", ""),
        made.get("code_version", ""),
        [(d, home.lake.digest(d, key)) for d in deps],
        again,
        why_not,
    )


def recompute(home: Home, asset: str, key: date) -> tuple[str | None, str]:
    """(digest of the asset's partition made again in memory, "") or (None, why it cannot be); nothing is written."""
    node = _NODES.get(asset)
    if node is None:
        return None, _SQL
    if node.group == "bronze":
        return None, _PROVIDER
    if "sql" in node.kinds:
        return None, _RECORD
    run = Run(home, node.table, (key,))
    rows = run.split(computed(node, run).frame)[key]
    return content_digest(node.table, tidy(node.table, rows)), ""
