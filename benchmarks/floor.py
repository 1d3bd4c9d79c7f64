"""What the graph costs above Dagster's own floor: the same assets, checks and jobs with empty bodies, same process.

    python benchmarks/floor.py [--history-start 2021-01-04] [--sessions 20]

Prints seconds of the opening, of one session and of a range of sessions, for the real graph and for the empty one,
and their ratio. The floor keeps keys, dependencies, check specs and partitions; its bodies only report.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import tempfile
import time
import warnings
from collections.abc import Callable, Sequence
from datetime import date
from pathlib import Path

import dagster as dg

from macro_fund.definitions import build_defs
from macro_fund.home import Home, create
from macro_fund.orchestration.jobs import ORDER_ASSETS, PROPOSE_ASSETS
from macro_fund.orchestration.operate import Operator, instance_of
from macro_fund.orchestration.partitions import SESSIONS


def empty_asset(spec: dg.AssetSpec, checks: Sequence[dg.AssetCheckSpec]) -> dg.AssetsDefinition:
    """An asset with the same key, dependencies and checks that does nothing."""

    @dg.asset(
        key=spec.key,
        deps=list(spec.deps),
        check_specs=[c._replace(blocking=False) for c in checks],
        partitions_def=SESSIONS,
        backfill_policy=dg.BackfillPolicy.single_run(),
    )
    def _empty():  # type: ignore[no-untyped-def]
        yield dg.MaterializeResult()
        for check in checks:
            yield dg.AssetCheckResult(check_name=check.name, passed=True)

    return _empty


def empty_defs() -> dg.Definitions:
    """The graph of build_defs with empty bodies and one job, `morning`."""
    real = build_defs()
    specs = {s.key: s for a in real.assets or () if isinstance(a, dg.AssetsDefinition) for s in a.specs}
    checks: dict[dg.AssetKey, list[dg.AssetCheckSpec]] = {}
    for asset in real.assets or ():
        if isinstance(asset, dg.AssetsDefinition):
            for check in asset.check_specs:
                checks.setdefault(check.asset_key, []).append(check)
    skipped = {dg.AssetKey(k.split("/")) for k in (*PROPOSE_ASSETS, *ORDER_ASSETS)}
    assets = [empty_asset(s, checks.get(k, [])) for k, s in specs.items() if k not in skipped]
    job = dg.define_asset_job("morning", partitions_def=SESSIONS, executor_def=dg.in_process_executor)
    return dg.Definitions(assets=assets, jobs=[job], executor=dg.in_process_executor)


def seconds(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    with contextlib.redirect_stdout(io.StringIO()):
        work()
    return time.perf_counter() - start


def measure(defs: dg.Definitions, home: Home, keys: Sequence[date]) -> list[float]:
    """Seconds of the opening, of the next session, and of the sessions after it as one range."""

    def run(part: Sequence[date]) -> None:
        if not operator.run_job("morning", part).success:
            raise SystemExit(f"the run of {part[0]} failed: nothing to measure")

    with instance_of(home) as instance:
        operator = Operator(defs, home, instance, lambda *_: None)
        return [seconds(lambda part=part: run(part)) for part in (keys[:1], keys[1:2], keys[2:])]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--history-start", type=date.fromisoformat, default=date(2010, 1, 4))
    parser.add_argument("--sessions", type=int, default=20, help="sessions in the range")
    given = parser.parse_args()
    warnings.simplefilter("ignore")
    with tempfile.TemporaryDirectory() as folder:
        homes = [
            create(Path(folder) / n, source="sample", history_start=given.history_start) for n in ("real", "floor")
        ]
        keys = homes[0].sessions.keys(
            homes[0].inception, homes[0].sessions.offset(homes[0].inception, given.sessions - 1)
        )
        real = measure(build_defs(), homes[0], keys)
        floor = measure(empty_defs(), homes[1], keys)
    print(f"{'':24}{'real s':>10}{'floor s':>10}{'ratio':>8}")
    for name, a, b in zip(("opening", "one session", f"range of {len(keys) - 2}"), real, floor, strict=True):
        print(f"{name:24}{a:10.1f}{b:10.1f}{a / b:8.1f}")


if __name__ == "__main__":
    main()
