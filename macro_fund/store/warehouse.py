"""The warehouse: a DuckDB file of views over the lake, for analysts.

Belongs here: building the file. It holds no data: every view is a read_parquet over the lake's files. It is built
under a temporary name and renamed, so that an analyst who has it open never blocks a run and keeps the old views.
"""

from __future__ import annotations

import os
from pathlib import Path

from macro_fund.store.lake import Lake
from macro_fund.store.tables import FAILURES, QUARANTINE, TABLES


def build_warehouse(lake: Lake, path: Path) -> int:
    """(Re)build the views `<layer>.<table>` over every table that has files, and quality.{quarantine, failures,
    all_verdicts} over the tables beside them; returns how many views there are."""
    import duckdb

    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    temporary.unlink(missing_ok=True)
    globs = {key: lake.root / key / "[0-9]*.parquet" for key in TABLES if lake.size(key)}
    for view, side in (
        ("quality/quarantine", QUARANTINE.key),
        ("quality/failures", FAILURES.key),
        ("quality/all_verdicts", "verdicts"),
    ):
        if any((lake.root / "side" / side).rglob("*.parquet")):
            globs[view] = lake.root / "side" / side / "**" / "[0-9]*.parquet"
    with duckdb.connect(str(temporary)) as db:
        for key, glob in sorted(globs.items()):
            schema, name = key.split("/")
            db.execute(f'create schema if not exists "{schema}"')
            literal = str(glob).replace("'", "''")
            db.execute(
                f'create view "{schema}"."{name}" as '
                f"select * from read_parquet('{literal}', union_by_name = true, hive_partitioning = false)"
            )
    temporary.replace(path)
    return len(globs)
