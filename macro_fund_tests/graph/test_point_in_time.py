"""Nothing of a session rests on what became known later: not in the lake, not at the sources.

Both tests turn the whole future into garbage and compare every table with the fund that never saw it.
"""

from __future__ import annotations

from datetime import date
from pathlib import Path

import polars as pl
import polars.selectors as cs
import pytest

from macro_fund.home import Home
from macro_fund.orchestration.jobs import JOBS
from macro_fund_tests.graph import harness
from macro_fund_tests.graph.conftest import CopyHome
from macro_fund_tests.graph.future import graph_that_sees_the_future

pytestmark = pytest.mark.graph

WHOLE_DAY = ("morning", "propose", "order")


def poison(path: Path) -> None:
    """Wrong numbers, turned verdicts and other words in every row, under the file's own schema and metadata."""
    rows = pl.read_parquet(path)
    numbers = (cs.float() * -1000, cs.decimal() * 3, cs.signed_integer() * 7 + 1)
    words = (cs.boolean().not_(), cs.string() + " poisoned")
    rows = rows.with_columns(*numbers, *words).cast(dict(rows.schema))
    draft = path.with_suffix(".draft")
    rows.write_parquet(draft, metadata=pl.read_parquet_metadata(path))
    draft.replace(path)  # the file is a hard link to another home's: never write into it


def future_files(home: Home, session: date) -> list[Path]:
    return sorted(p for p in home.lake.root.rglob("*.parquet") if date.fromisoformat(p.stem) > session)


def test_later_partitions_are_not_read(running_home: Home, copy_home: CopyHome, more_keys: list[date]) -> None:
    home = copy_home(running_home)
    session = max(set(more_keys[:-1]) & set(home.lake.keys("pms/orders")))  # a day on which every job had work
    files = future_files(home, session)
    tables = {p.parent.relative_to(home.lake.root).as_posix() for p in files}
    assert set(harness.upstream_of_books()) < tables, "the running fund has no later partition to turn into garbage"
    for path in files:
        poison(path)

    for name in WHOLE_DAY:
        harness.run_job(home, name, [session])

    harness.assert_same(harness.digests(running_home, [session]), harness.digests(home, [session]))


def test_the_whole_day_is_every_asset() -> None:
    """A job added to the graph has to be added to these tests, unless its assets are in another one's."""
    jobs = {job.name: harness.graph().resolve_job_def(job.name).asset_layer.selected_asset_keys for job in JOBS}
    every = set().union(*jobs.values())
    assert set().union(*(jobs[name] for name in WHOLE_DAY)) == every
    assert every == set(harness.graph().resolve_asset_graph().materializable_asset_keys)


def test_providers_may_serve_the_future_as_garbage(
    opened_home: Home, running_home: Home, copy_home: CopyHome, more_keys: list[date]
) -> None:
    """From the opening on; the opening itself under such providers is in test_window_length."""
    keys, home = more_keys[:2], copy_home(opened_home)
    harness.catch_up(home, keys, graph_that_sees_the_future())

    harness.assert_same(harness.digests(running_home, keys), harness.digests(home, keys))
