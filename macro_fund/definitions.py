"""The one place where the graph is put together: defs = build_defs()."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import dagster as dg

from macro_fund import arithmetic
from macro_fund.orchestration import schedules, sensors, silver_dbt
from macro_fund.orchestration.assets import build_asset
from macro_fund.orchestration.decide import decide
from macro_fund.orchestration.graph import NODES
from macro_fund.orchestration.jobs import JOBS
from macro_fund.orchestration.resources import FundResource


def build_defs(*, resources: Mapping[str, Any] | None = None) -> dg.Definitions:
    """The whole graph; `resources` replaces resources, so that tests assemble the real graph with another home."""
    arithmetic.require_settled()
    return dg.Definitions(
        assets=[silver_dbt.silver_tables, *(build_asset(n) for n in NODES)],
        jobs=[*JOBS, decide],
        schedules=[schedules.morning],
        sensors=list(sensors.SENSORS),
        resources={"fund": FundResource(), **(resources or {})},
        executor=dg.in_process_executor,
    )


defs = build_defs()
