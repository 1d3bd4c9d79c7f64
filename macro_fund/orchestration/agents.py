"""Economists' views as assets: the list of the agents' nodes, in the order of their dependencies."""

from __future__ import annotations

from macro_fund.orchestration import agents_monetary, agents_regime

NODES = (*agents_monetary.NODES, *agents_regime.NODES)
