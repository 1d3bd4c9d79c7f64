"""Sensors: new targets -> proposals, approvals -> orders, failures -> alerts.

The first two compare data (lake against ledger), never cursors: run_key deduplication and cursors may be lost with
Dagster's own storage, the ledger may not. Both are idempotent: the work that they start is keyed by content.
"""

from __future__ import annotations

from datetime import date

import dagster as dg
import polars as pl

from macro_fund.home import Home
from macro_fund.orchestration.jobs import PROPOSE_ASSETS, order, propose
from macro_fund.orchestration.pms import proposals_basis
from macro_fund.orchestration.resources import FundResource
from macro_fund.reports.alerts import raise_alert
from macro_fund.store.tables import TABLES
from macro_fund.store.verdicts import side_table
from macro_fund.time.clock import now


def targets_without_proposals(home: Home) -> list[tuple[date, str]]:
    """The newest session, if its proposals or pack were not made from what the lake holds now: (session, digest).

    Only the newest session can be traded, so only it is asked about.
    """
    keys = home.lake.keys("quality/verdicts")
    if not keys or not (basis := proposals_basis(home, keys[-1])):
        return []
    newest = keys[-1]
    pack = "reports/morning_pack"  # the last file that a propose run writes
    made = home.lake.path(pack, newest).exists() and home.lake.metadata(pack, newest).get("basis") == basis
    return [] if made else [(newest, basis)]


@dg.sensor(
    job=propose,
    name="new_targets",
    minimum_interval_seconds=30,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Targets of a session are new: make its trade proposals and morning pack.",
)
def new_targets(context: dg.SensorEvaluationContext, fund: FundResource) -> dg.SensorResult | dg.SkipReason:
    """One run per session and content of the targets."""
    found = targets_without_proposals(fund.open())
    if not found:
        return dg.SkipReason("proposals are up to date with the targets")
    return dg.SensorResult(
        [dg.RunRequest(run_key=f"propose-{s}-{basis}", partition_key=s.isoformat()) for s, basis in found]
    )


def orders_to_make(home: Home) -> list[tuple[date, str]]:
    """(session, id) of approvals without an order, and of the newest orders that are in the ledger but not in the lake.

    The second kind is left by a run that was killed between the two. One run writes one session's orders and the next
    run begins here, so no session before the newest can be waiting.
    """
    approvals = home.ledger.pending_approvals().select("session", "proposal_id").rows()
    orders = home.ledger.orders().select("session", "order_id")
    newest = orders.filter(pl.col("session") == pl.col("session").max())
    written = home.lake.read("pms/orders", only=newest["session"].unique())
    return [*approvals, *newest.join(written, on="order_id", how="anti").rows()]


@dg.sensor(
    job=order,
    name="decisions",
    minimum_interval_seconds=30,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="A person approved or modified a proposal: make its order.",
)
def decisions(context: dg.SensorEvaluationContext, fund: FundResource) -> dg.SensorResult | dg.SkipReason:
    """One run per session and set of approvals and orders that wait."""
    waiting: dict[date, list[str]] = {}
    for session, waiting_id in orders_to_make(fund.open()):
        waiting.setdefault(session, []).append(waiting_id)
    if not waiting:
        return dg.SkipReason("no approval waits for an order")
    return dg.SensorResult(
        [
            dg.RunRequest(run_key=f"order-{s}-{'-'.join(sorted(ids))}", partition_key=s.isoformat())
            for s, ids in sorted(waiting.items())
        ]
    )


@dg.run_failure_sensor(
    name="run_failed",
    minimum_interval_seconds=30,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="A run failed: raise an alert.",
)
def run_failed(context: dg.RunFailureSensorContext, fund: FundResource) -> None:
    """The run, its partition and the first error in words."""
    run = context.dagster_run
    key = run.tags.get("dagster/partition", run.tags.get("dagster/asset_partition_range_end", ""))
    name = f"{run.job_name} {key}".strip()  # a person's decision has no partition
    raise_alert(fund.open().path, f"run-{run.run_id}", f"{name} failed: {context.failure_event.message}", now())


@dg.sensor(
    name="check_failed",
    minimum_interval_seconds=60,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="A check of the newest session failed: raise an alert, once.",
)
def check_failed(context: dg.SensorEvaluationContext, fund: FundResource) -> dg.SkipReason:
    """Reads verdicts from data, so that it says the same as the pack."""
    home = fund.open()
    keys = home.lake.keys("quality/verdicts")
    raised = 0
    if keys:
        # proposals are made after the verdicts are collected: theirs are read where they lie
        late = [side_table(TABLES["quality/verdicts"], asset) for asset in PROPOSE_ASSETS]
        found = [home.lake.read(t.key, only=[keys[-1]], table=t) for t in late]
        verdicts = pl.concat([home.lake.read("quality/verdicts", only=[keys[-1]]), *found])
        for row in verdicts.filter(~pl.col("passed")).iter_rows(named=True):
            name = f"check-{row['session']}-{row['asset']}-{row['check']}"
            raised += raise_alert(home.path, name, f"{row['asset']} {row['check']}: {row['detail']}", now())
    return dg.SkipReason(f"{raised} new alerts")


SENSORS = (new_targets, decisions, run_failed, check_failed)
