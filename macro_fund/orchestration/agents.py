"""Economists' views as assets: the list of the agents' nodes, in the order of their dependencies."""

from __future__ import annotations

from macro_fund.orchestration import (
    agents_desk,
    agents_fiscal,
    agents_fx,
    agents_inflation,
    agents_monetary,
    agents_policy_text,
    agents_regime,
)

NODES = (
    *agents_inflation.NODES,
    *agents_monetary.NODES,
    *agents_fiscal.NODES,
    *agents_fx.NODES,
    *agents_regime.NODES,
    *agents_policy_text.NODES,
    *agents_desk.NODES,
)
