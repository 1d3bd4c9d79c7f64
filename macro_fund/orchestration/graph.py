"""The list of all nodes: the graph except the tables that dbt builds."""

from __future__ import annotations

from macro_fund.orchestration import (
    agents,
    bronze,
    conviction,
    factors,
    limits,
    pms,
    portfolio,
    quality,
    reports,
    research,
    risk,
    signals,
    silver,
    stress,
)
from macro_fund.orchestration.jobs import ORDER_ASSETS, PROPOSE_ASSETS
from macro_fund.orchestration.silver_dbt import MODELS

_JUDGED = (
    *bronze.NODES,
    *silver.NODES,
    *factors.NODES,
    *agents.NODES,
    *signals.NODES,
    signals.MONITOR,
    *research.NODES,
    *conviction.NODES,
    *portfolio.NODES,
    *risk.NODES,
    *stress.NODES,
    *limits.NODES,
    *(n for n in pms.NODES if n.key not in (*PROPOSE_ASSETS, *ORDER_ASSETS)),
    *quality.data_nodes([source.PROVIDER for source in bronze.SOURCES]),
)

NODES = (
    *_JUDGED,
    *(n for n in pms.NODES if n.key in (*PROPOSE_ASSETS, *ORDER_ASSETS)),
    quality.verdicts_node((*(n.key for n in _JUDGED), *MODELS)),
    *reports.NODES,
)
