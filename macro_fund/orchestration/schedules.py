"""The one schedule: 08:35 on sessions."""

from __future__ import annotations

import dagster as dg

from macro_fund.home import Home
from macro_fund.orchestration.jobs import morning as morning_job
from macro_fund.orchestration.partitions import TIMEZONE
from macro_fund.orchestration.resources import FundResource


@dg.schedule(
    name="morning_0835",
    job=morning_job,
    cron_schedule="35 8 * * 1-5",
    execution_timezone=TIMEZONE,
    default_status=dg.DefaultScheduleStatus.RUNNING,
    description="Runs the morning job for today's session; skips days without one.",
)
def morning(context: dg.ScheduleEvaluationContext, fund: FundResource) -> dg.RunRequest | dg.SkipReason:
    """Today's session, or a skip that says why."""
    home: Home = fund.open()
    today = context.scheduled_execution_time.date()
    if not home.sessions.is_session(today):
        return dg.SkipReason(f"{today} is not a B3 session")
    if today < home.inception:
        return dg.SkipReason(f"{today} is before this fund's inception {home.inception}")
    return dg.RunRequest(run_key=f"morning-{today}", partition_key=today.isoformat())
