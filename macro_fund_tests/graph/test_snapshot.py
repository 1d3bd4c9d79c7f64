"""The graph as it was agreed: a change of its shape is seen in review, not in production.

graph_snapshot.json holds assets with dependencies, groups, owners, kinds and checks, and the jobs, schedules and
sensors. After a change on purpose: UPDATE_SNAPSHOT=1 pytest macro_fund_tests/graph/test_snapshot.py, and read the diff.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from macro_fund.orchestration import graph as nodes
from macro_fund.orchestration.assets import SHAPE
from macro_fund.orchestration.partitions import SESSIONS
from macro_fund.orchestration.silver_dbt import MODELS
from macro_fund.store.tables import TABLES
from macro_fund_tests.graph import harness

FILE = Path(__file__).with_name("graph_snapshot.json")
UPDATE = "UPDATE_SNAPSHOT=1 .venv/bin/python -m pytest macro_fund_tests/graph/test_snapshot.py"


def path_of(key: dg.AssetKey) -> str:
    return "/".join(key.path)


def asset_specs() -> dict[str, dg.AssetSpec]:
    """The specs of every asset that the fund makes, by key."""
    found = harness.graph().resolve_all_asset_specs()
    return {path_of(s.key): s for s in sorted(found, key=lambda s: s.key) if path_of(s.key) in TABLES}


def checks_of() -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for key in harness.graph().resolve_asset_graph().asset_check_keys:
        found.setdefault(path_of(key.asset_key), []).append(key.name)
    return {k: sorted(v) for k, v in sorted(found.items())}


def snapshot() -> dict[str, Any]:
    defs, checks = harness.graph(), checks_of()
    assets = {
        key: {
            "deps": sorted(path_of(d.asset_key) for d in spec.deps),
            "group": spec.group_name,
            "owners": sorted(spec.owners),
            "kinds": sorted(spec.kinds),
            "checks": checks.get(key, []),
        }
        for key, spec in asset_specs().items()
    }
    jobs = {
        job.name: sorted(path_of(k) for k in job.asset_layer.executable_asset_keys)
        for job in (defs.resolve_job_def(j.name) for j in defs.jobs or ())
    }
    schedules = {
        s.name: {
            "cron": s.cron_schedule,
            "tz": s.execution_timezone,
            "status": s.default_status.value,
            "job": s.job_name,
        }
        for s in defs.schedules or ()
        if isinstance(s, dg.ScheduleDefinition)
    }
    sensors = {
        s.name: {
            "kind": s.sensor_type.value,
            "jobs": sorted(t.job_name for t in s.targets),
            "seconds": s.minimum_interval_seconds,
            "status": s.default_status.value,
        }
        for s in defs.sensors or ()
    }
    return {"assets": assets, "jobs": jobs, "schedules": schedules, "sensors": sensors}


def differences(was: Any, now: Any, where: str = "") -> list[str]:
    """What changed, each with its place."""
    if isinstance(was, dict) and isinstance(now, dict):
        names = sorted(was.keys() | now.keys())
        return [d for n in names for d in differences(was.get(n), now.get(n), f"{where}.{n}".strip("."))]
    if isinstance(was, list) and isinstance(now, list):
        gone, new = [x for x in was if x not in now], [x for x in now if x not in was]
        return [f"{where}: {sign} {x}" for sign, items in (("-", gone), ("+", new)) for x in items]
    return [] if was == now else [f"{where}: was {json.dumps(was)}, is {json.dumps(now)}"]


def test_the_graph_is_what_was_agreed():
    now = snapshot()
    if os.environ.get("UPDATE_SNAPSHOT"):
        FILE.write_text(json.dumps(now, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    changed = differences(json.loads(FILE.read_text(encoding="utf-8")), now)
    assert not changed, "\n".join(
        [
            "the graph is not the one in graph_snapshot.json:",
            *changed,
            f"if this is meant, run `{UPDATE}` and commit it",
        ]
    )


def test_a_changed_graph_is_seen():
    was, now = snapshot(), snapshot()
    now["assets"]["risk/var"]["deps"].remove("silver/instrument_returns")
    now["schedules"]["morning_0835"]["cron"] = "0 9 * * 1-5"
    del now["jobs"]["order"]
    assert differences(was, now) == [
        "assets.risk/var.deps: - silver/instrument_returns",
        'jobs.order: was ["pms/orders"], is null',
        'schedules.morning_0835.cron: was "35 8 * * 1-5", is "0 9 * * 1-5"',
    ]


def test_the_definitions_load():
    dg.Definitions.validate_loadable(harness.graph())


def test_every_table_is_an_asset_and_every_asset_a_table():
    assert set(asset_specs()) == set(TABLES) == {*(n.key for n in nodes.NODES), *MODELS}


@pytest.mark.parametrize("key", sorted(TABLES))
def test_an_asset_tells_what_it_is(key: str):
    spec, table = asset_specs()[key], TABLES[key]
    assert spec.description
    assert spec.owners == [table.owner]
    assert spec.kinds
    assert spec.group_name == key.partition("/")[0]
    columns = spec.metadata["dagster/column_schema"]
    assert isinstance(columns, dg.TableSchema)
    assert [c.name for c in columns.columns] == list(table.schema)
    assert all(c.description for c in columns.columns)
    assert all(c.constraints.nullable == table.columns[c.name].nullable for c in columns.columns)


@pytest.mark.parametrize("key", sorted(TABLES))
def test_an_asset_has_its_shape_checked_and_a_check_of_meaning(key: str):
    checks = checks_of()[key]
    if key in MODELS:  # dbt's tests; the shape is checked before anything is written
        assert any(not c.startswith("not_null") for c in checks)
        return
    assert SHAPE in checks
    assert set(checks) - {SHAPE}, f"{key} is checked for its shape only"


def test_shape_blocks_and_no_other_check_of_ours_does():
    """A failed meaning is told and gated through the verdicts, so that a run goes on with `no_view`."""
    found = harness.graph().resolve_asset_graph()
    ours = [found.get_check_spec(k) for k in found.asset_check_keys if path_of(k.asset_key) not in MODELS]
    assert {s.name for s in ours if s.blocking} == {SHAPE}
    assert all(s.description for s in ours)


def test_one_partitions_definition_for_every_asset():
    found = harness.graph().resolve_asset_graph()
    for key in found.materializable_asset_keys:
        assert found.get(key).partitions_def == SESSIONS, path_of(key)
        assert found.get(key).backfill_policy == dg.BackfillPolicy.single_run(), path_of(key)


def test_the_graph_has_no_cycle_and_one_source_of_orders():
    """Fills rest on the orders of the session before through the ledger: the loop is not an edge."""
    found = harness.graph().resolve_asset_graph()
    assert len(found.toposorted_asset_keys) == len(found.get_all_asset_keys())
    fills = found.get(dg.AssetKey(["pms", "fills"]))
    assert {path_of(k) for k in fills.parent_keys} == {"silver/contract_marks"}


def test_the_jobs_split_the_graph():
    jobs = snapshot()["jobs"]
    assert set(jobs["market"]) | set(jobs["books"]) == set(jobs["morning"])
    assert not set(jobs["market"]) & set(jobs["books"])
    everything = set(jobs["morning"]) | set(jobs["propose"]) | set(jobs["order"])
    assert everything == set(TABLES)
    assert not set(jobs["morning"]) & (set(jobs["propose"]) | set(jobs["order"])), "people decide between these"
