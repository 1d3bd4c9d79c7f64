"""Running the graph from the command line: the same jobs and sensors as the daemon's, in this process.

Belongs here: launching jobs, draining sensors, catching up session by session, collecting what a run did.
Does not belong here: printing (cli.py), deciding what a session contains (jobs.py) or on proposals (demonstration.py).
"""

from __future__ import annotations

import os
import shutil
import uuid
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

import dagster as dg
from dagster import DagsterEventType, DagsterInstance

from macro_fund.home import Home
from macro_fund.orchestration.demonstration import DEMO_PM, Decisions, approve_all, approve_left
from macro_fund.orchestration.resources import FundResource
from macro_fund.settings import CONFIG_DIR

_START, _END = "dagster/asset_partition_range_start", "dagster/asset_partition_range_end"


@dataclass
class Step:
    """What one asset did in a run, or the demonstration's manager: approvals passed their checks, refusals failed."""

    asset: str
    rows: int = 0
    passed: int = 0
    failed: list[str] = field(default_factory=list)
    blocked: list[str] = field(default_factory=list)
    seconds: float = 0.0
    error: str = ""


@dataclass
class Report:
    """What a run did: one Step an asset."""

    job: str
    keys: tuple[date, ...]
    steps: list[Step]
    success: bool

    @property
    def healthy(self) -> bool:
        """No step failed and no gating check failed."""
        return self.success and not any(s.blocked for s in self.steps)


def dagster_home(home: Home) -> Path:
    """The home's Dagster folder, with its dagster.yaml."""
    folder = home.path / "dagster"
    folder.mkdir(parents=True, exist_ok=True)
    settings = folder / "dagster.yaml"
    if not settings.exists():
        shutil.copy(CONFIG_DIR.parent / "dagster.yaml", settings)
    return folder


@contextmanager
def instance_of(home: Home) -> Iterator[DagsterInstance]:
    """The home's Dagster instance: runs made here are the ones that the UI shows."""
    folder = dagster_home(home)
    os.environ["DAGSTER_HOME"] = str(folder)
    os.environ["MACRO_FUND_HOME"] = str(home.path)
    with DagsterInstance.from_config(str(folder)) as instance:
        yield instance


class Operator:
    """Runs jobs and sensors of the graph on one home."""

    def __init__(
        self, defs: dg.Definitions, home: Home, instance: DagsterInstance, on_step: Callable[[str, str], None] = print
    ) -> None:
        self.defs = defs
        self.home = home
        self.instance = instance
        self.on_step = on_step

    def run_job(self, name: str, keys: Sequence[date]) -> Report:
        """Run a job for one key, or for a range of consecutive keys in one run."""
        first, last = keys[0].isoformat(), keys[-1].isoformat()
        run_id = str(uuid.uuid4())
        self.instance.add_event_listener(run_id, self._tell)
        result = self.defs.resolve_job_def(name).execute_in_process(
            instance=self.instance,
            run_id=run_id,
            raise_on_error=False,
            run_config={"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}},
            partition_key=first if len(keys) == 1 else None,
            tags=None if len(keys) == 1 else {_START: first, _END: last},
        )
        return Report(name, tuple(keys), steps_of(result.all_events), result.success)

    def _tell(self, entry: object) -> None:
        event = getattr(entry, "dagster_event", None)
        if event is not None and event.step_key and event.event_type in _TOLD:
            self.on_step(_TOLD[event.event_type], event.step_key)

    def drain(self, sensor_name: str) -> list[Report]:
        """Evaluate a sensor as the daemon would and run what it asks for."""
        sensor = self.defs.resolve_sensor_def(sensor_name)
        with dg.build_sensor_context(
            instance=self.instance,
            repository_def=self.defs.get_repository_def(),
            resources={"fund": FundResource(path=str(self.home.path))},
        ) as context:
            data = sensor.evaluate_tick(context)
        return [
            self.run_job(str(sensor.job_name), [date.fromisoformat(str(r.partition_key))])
            for r in data.run_requests or ()
        ]

    def session(self, key: date, job: str, *, demo_pm: bool) -> Iterator[Report]:
        """One session from `job` to its proposals; with `demo_pm` those are approved that no check refuses."""
        yield self.run_job(job, [key])
        yield from self.drain("new_targets")
        if demo_pm:
            yield from _decided(key, approve_all(self.home, key))
        yield from self.drain("decisions")
        yield from self.drain("check_failed")

    def catch_up(self, keys: Sequence[date], *, demo_pm: bool) -> Iterator[Report]:
        """Every key in order: the market half of consecutive keys in one run, the books session by session.

        Decisions and orders that an earlier run left undone come first, also when there is no key to run.
        """
        if demo_pm and (left := approve_left(self.home, keys[0] if keys else None)):
            yield from _decided(*left)
        yield from self.drain("decisions")
        if keys and (len(keys) == 1 or keys[0] == self.home.inception):
            yield from self.session(keys[0], "morning", demo_pm=demo_pm)
            keys = keys[1:]
        if len(keys) == 1:
            yield from self.session(keys[0], "morning", demo_pm=demo_pm)
        elif keys:
            yield self.run_job("market", keys)
            for key in keys:
                yield from self.session(key, "books", demo_pm=demo_pm)


_TOLD = {
    DagsterEventType.STEP_START: "start",
    DagsterEventType.STEP_SUCCESS: "done",
    DagsterEventType.STEP_FAILURE: "failed",
}


def _decided(session: date, made: Decisions) -> Iterator[Report]:
    """What the demonstration's manager decided, as the report of a run; none when there was nothing to decide."""
    if made.approved or made.refused:
        refused = [f"refused: {words}" for words in made.refused]
        step = Step(f"{DEMO_PM}/approvals", rows=len(made.approved), passed=len(made.approved), failed=refused)
        yield Report(DEMO_PM, (session,), [step], True)


def steps_of(events: Iterable[dg.DagsterEvent]) -> list[Step]:
    """What each asset did, in order of completion."""
    steps: dict[str, Step] = {}
    seconds: dict[str, float] = {}
    assets: dict[str, list[str]] = {}
    for e in events:
        kind = e.event_type
        if kind == DagsterEventType.ASSET_MATERIALIZATION and e.asset_key:
            name = "/".join(e.asset_key.path)
            step = steps.setdefault(name, Step(name))
            count = e.step_materialization_data.materialization.metadata.get("dagster/partition_row_count")
            step.rows += count.value if isinstance(count, dg.IntMetadataValue) and count.value else 0
            if name not in assets.setdefault(str(e.step_key), []):
                assets[str(e.step_key)].append(name)
        elif kind == DagsterEventType.ASSET_CHECK_EVALUATION:
            data = e.asset_check_evaluation_data
            name = "/".join(data.asset_key.path)
            step = steps.setdefault(name, Step(name))
            _count_check(step, data)
        elif kind == DagsterEventType.STEP_SUCCESS:
            seconds[str(e.step_key)] = e.step_success_data.duration_ms / 1000
        elif kind == DagsterEventType.STEP_FAILURE:
            name = str(e.step_key).replace("__", "/", 1)
            error = e.step_failure_data.error
            steps.setdefault(name, Step(name)).error = (error.cause or error).message if error else "failed"
    for key, names in assets.items():
        for name in names:
            steps[name].seconds = seconds.get(key, 0.0) / len(names)
    return list(steps.values())


def _count_check(step: Step, data: dg.AssetCheckEvaluation) -> None:
    if data.passed:
        step.passed += 1
        return
    first = data.metadata.get("first")
    text = f"{data.check_name}: {first.value if first is not None else 'failed'}"
    step.failed.append(text)
    if data.severity == dg.AssetCheckSeverity.ERROR:
        step.blocked.append(text)
