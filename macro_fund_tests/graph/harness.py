"""Homes for the graph tests: build one, copy one, run assets in one, and what a home holds as digests.

Belongs here: what several graph tests need, with no opinion on what is right. The fixtures are in conftest.py.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import date
from functools import cache
from pathlib import Path

import dagster as dg
import pytest
import yaml

from macro_fund.definitions import build_defs
from macro_fund.home import Home, create
from macro_fund.orchestration.assets import asset_key, computed, shorten
from macro_fund.orchestration.graph import NODES
from macro_fund.orchestration.node import Node
from macro_fund.orchestration.operate import Operator, Report, instance_of, steps_of
from macro_fund.orchestration.run import Run
from macro_fund.orchestration.silver_dbt import MODELS
from macro_fund.store.lake import content_digest, shape_problems, tidy
from macro_fund.store.tables import TABLES

# The latest history that gives every strategy a signal at the inception, and every agent its view or its reason.
# Rates, the currency and equities are traded in the sessions that follow, and DOL rolls in the month.
HISTORY_START = date(2021, 3, 1)
INCEPTION = date(2024, 4, 1)

# Assets with rows on few days: a refit, a document. The opening partition has some of each.
_SELDOM = ("_model", "_passthrough", "fiscal_path", "policy_text", "scorecard", "backtest_trades")
SELDOM = {k for k in TABLES if k.split("/")[0] in ("agents", "research", "portfolio") and k.endswith(_SELDOM)}

Digests = dict[tuple[str, date], str]

MISSING = "no file"
_INK = re.compile(rb"data:image/png;base64,[^\"]*")  # pictures are blank here, and drawn in a process of its own
_SHARED = ("lake", "raw", "reports")  # replaced by rename or never changed, so that a hard link is a copy
_ENVIRONMENT = ("DAGSTER_HOME", "MACRO_FUND_HOME", "MACRO_FUND_SOURCE", "MACRO_FUND_LEDGER_URL")


@contextmanager
def own_environment() -> Iterator[None]:
    """Nothing of the caller's fund is seen inside, nothing of ours is left outside."""
    before = {name: os.environ.pop(name, None) for name in _ENVIRONMENT}
    try:
        yield
    finally:
        for name, value in before.items():
            os.environ.pop(name, None)
            if value is not None:
                os.environ[name] = value


@cache
def graph() -> dg.Definitions:
    """The whole graph, assembled once: the home comes from the environment that `operator` sets."""
    return build_defs()


@contextmanager
def instance(home: Home, *, durable: bool) -> Iterator[dg.DagsterInstance]:
    """Dagster's storage for a few runs: the home's own, or one in memory, which is all that data can depend on."""
    with own_environment():
        os.environ["MACRO_FUND_HOME"] = str(home.path)
        with instance_of(home) if durable else dg.DagsterInstance.ephemeral() as opened:
            yield opened


@contextmanager
def operator(home: Home, defs: dg.Definitions | None = None, *, durable: bool = False) -> Iterator[Operator]:
    """A quiet Operator on the home; `durable` keeps its runs in the home's Dagster storage, as people's runs are."""
    with instance(home, durable=durable) as opened:
        yield Operator(defs or graph(), home, opened, lambda _what, _step: None)


# A mandate that trades on little: what the books do with trades is what the graph tests look at.
BRISK = {"enter": 0.02, "leave": 0.01, "min_change": 0.0, "benefit_over_cost": 0.0, "min_hold": 0}


PLAIN_PACK = {"languages": ["en"], "pdf": False}
"""One language and no paper: reports/test_pack*.py look at the others, once."""


def plain_pack(home: Home, **more: object) -> Home:
    """The home with a plain pack, and `more` in its fund.yaml, opened again."""
    file = home.path / "fund.yaml"
    fund = yaml.safe_load(file.read_text(encoding="utf-8")) | {"pack": PLAIN_PACK} | more
    file.write_text(yaml.safe_dump(fund, sort_keys=False), encoding="utf-8")
    return Home.open(home.path)


def open_fund(path: Path, inception: date = INCEPTION, history_start: date = HISTORY_START) -> Home:
    """A new sample fund with a brisk mandate; nothing is materialized."""
    with own_environment():
        home = create(path, source="sample", inception=inception, history_start=history_start)
        return plain_pack(home, sizing=home.settings.fund.sizing.model_dump() | BRISK)


def catch_up(home: Home, keys: Sequence[date], defs: dg.Definitions | None = None) -> list[Report]:
    """Run the sessions, the demonstration's PM approving what the checks let pass; fails on the first error."""
    with operator(home, defs) as op:
        return [succeeded(r) for r in op.catch_up(keys, demo_pm=True)]


def run_job(home: Home, name: str, keys: Sequence[date], defs: dg.Definitions | None = None) -> Report:
    """Run one job for consecutive keys in one run; fails on an error."""
    with operator(home, defs) as op:
        return succeeded(op.run_job(name, keys))


def succeeded(report: Report) -> Report:
    errors = [f"{s.asset} {report.keys[0]}..{report.keys[-1]}: {s.error}" for s in report.steps if s.error]
    assert report.success, f"{report.job} failed: {'; '.join(errors)}"
    return report


def content(home: Home, asset: str, key: date) -> str:
    """Digest of what the asset would write for one key, computed as in a run of Dagster, whose part is left out.

    Nothing is written, except by the assets that record in the ledger or ask a provider.
    """
    node = _nodes()[asset]
    run = Run(home, node.table, (key,))
    with own_environment():
        rows = run.split(computed(node, run).frame)[key]
    problems = [p for p in shape_problems(node.table, rows) if p]
    assert not problems, f"{asset} {key}: {problems}"
    return content_digest(node.table, tidy(node.table, rows))


@cache
def _nodes() -> dict[str, Node]:
    return {n.key: n for n in NODES}


def run_assets(home: Home, assets: Iterable[str], key: date) -> Report:
    """Materialize the assets for one key in process. A step that fails is in the report, not an exception.

    The tables of dbt are asked for together when one is, because they are one step.
    """
    wanted = set(assets)
    if wanted & set(MODELS):
        wanted |= set(MODELS)
    with instance(home, durable=False) as opened:
        result = (
            graph()
            .resolve_implicit_global_asset_job_def()
            .execute_in_process(
                instance=opened,
                raise_on_error=False,
                run_config={"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}},
                partition_key=key.isoformat(),
                asset_selection=[asset_key(a) for a in sorted(wanted)],
            )
        )
    return Report("assets", (key,), steps_of(result.all_events), result.success)


def copy_home(source: Home, target: Path, *, raw: bool = True) -> Home:
    """The same fund in another folder. Files of the lake are hard links: never write into one in place.

    Without `raw` it has no archive, three quarters of the files: for what asks no provider.
    """
    target.mkdir(parents=True)
    for path in source.path.iterdir():
        if path.name == "raw" and not raw:
            continue
        if path.is_dir():
            link = _link_or_copy if path.name in _SHARED else shutil.copy2
            shutil.copytree(path, target / path.name, copy_function=link)
        else:
            shutil.copy2(path, target / path.name)
    with own_environment():
        return Home.open(target)


def _link_or_copy(source: str, target: str) -> None:
    if ".sqlite" in Path(source).name:
        shutil.copy2(source, target)
    else:
        os.link(source, target)


def tables_of(home: Home) -> list[str]:
    """Every table of the catalogue, and the tables beside assets that the home holds."""
    root = home.lake.root
    sides = sorted(p.relative_to(root).as_posix() for p in root.glob("side/*/*/*") if p.is_dir())
    return [*TABLES, *sides]


def digests(home: Home, keys: Iterable[date]) -> Digests:
    """Content digest of every table's partitions (MISSING without a file), and of the files of the sessions' packs."""
    wanted = list(keys)
    found = {
        (table, key): home.lake.digest(table, key) if home.lake.path(table, key).exists() else MISSING
        for table in tables_of(home)
        for key in wanted
    }
    for key in wanted:
        for path in (home.path / "reports" / key.isoformat()).glob("*"):
            found[f"file {path.name}", key] = hashlib.sha256(_INK.sub(b"", path.read_bytes())).hexdigest()
    return found


def differences(ours: Digests, theirs: Digests) -> list[str]:
    """Which asset differs at which sessions, in words; in the catalogue's order, so that a cause comes first."""
    found: dict[str, list[str]] = {}
    for asset, session in {**ours, **theirs}:
        a, b = (x.get((asset, session), MISSING) for x in (ours, theirs))
        if a != b:
            found.setdefault(asset, []).append(f"{session} ({a[:8]} against {b[:8]})")
    return [f"{asset}: {shorten(sorted(sessions))}" for asset, sessions in found.items()]


def assert_same(ours: Digests, theirs: Digests) -> None:
    """Fails naming every asset and session whose content differs."""
    found = differences(ours, theirs)
    if found:
        pytest.fail("content differs:\n" + "\n".join(found))


def downstream(tables: Iterable[str], defs: dg.Definitions | None = None) -> set[str]:
    """The tables and all that rest on them."""
    edges = (defs or graph()).resolve_asset_graph()
    todo = [asset_key(t) for t in tables]
    below = set(todo)
    while todo:
        new = edges.get(todo.pop()).child_keys - below
        below |= new
        todo += new
    return {t for t in TABLES if asset_key(t) in below}


def upstream_of_books(defs: dg.Definitions | None = None) -> list[str]:
    """Tables that do not depend on the fund's own trades: everything that is not pms and not downstream of it."""
    found = (defs or graph()).resolve_asset_graph().materializable_asset_keys
    below = downstream({"/".join(k.path) for k in found if k.path[0] == "pms"}, defs)
    return [table for table in TABLES if asset_key(table) in found and table not in below]
