"""Why a trade is proposed: what behind its score, how old that is, what would prove it wrong.

Belongs here: drivers, their oldest input and the invalidation. Does not belong here: scores (portfolio/), stops and
falsifiers themselves (strategies/).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Any

from macro_fund.portfolio.ageing import PERIOD, Input
from macro_fund.portfolio.contributions import PRIOR
from macro_fund.strategies import registry
from macro_fund.time.calendars import BusinessCalendar

_AGENTS = "agents/"
_TABLE_OF_AGENT = re.compile("_(view|path|model)$")

Row = Mapping[str, Any]


def drivers(contributions: Sequence[Row]) -> list[dict[str, Any]]:
    """Each strategy's part of the score (signal x weight; `prior`: what no strategy gave), the largest first.

    contributions: of the instrument's row of portfolio/conviction. agents: whose views the strategy reads, by name.
    """
    found = [
        {
            "strategy_id": c["strategy_id"],
            "signal": c["signal"],
            "contribution": c["signal"] * c["weight"] + 0.0,
            "agents": ", ".join(_agents(c["strategy_id"])),
        }
        for c in contributions
    ]
    return sorted(found, key=lambda d: (-abs(d["contribution"]), d["strategy_id"]))


def _agents(strategy: str) -> list[str]:
    if strategy == PRIOR:
        return []
    views = [key for key in registry.get(strategy).inputs if key.startswith(_AGENTS)]
    return sorted({_TABLE_OF_AGENT.sub("", key.removeprefix(_AGENTS)) for key in views})


def oldest(
    behind: Sequence[Row],
    inputs: Mapping[str, Sequence[Input]],
    known: Mapping[str, date],
    session: date,
    calendar: BusinessCalendar,
) -> tuple[str, int] | None:
    """(input, business days since its period) of the oldest input of `drivers` that gave something; None without any.

    inputs: dated inputs by strategy; known: newest period of each that the session knew. Events come at no fixed
    distance and have no age.
    """
    names = {d["strategy_id"] for d in behind if d["contribution"]}
    dated = {i.id for n in names for i in inputs.get(n, ()) if i.frequency in PERIOD and i.id in known}
    if not dated:
        return None
    item = min(dated, key=lambda i: (known[i], i))
    return item, calendar.count(known[item] + timedelta(days=1), session + timedelta(days=1))


def invalidation(proposal: Row, lead: Row | None) -> str:
    """The stop beyond which the position is wrong, and what would falsify the strategy that leads it.

    lead: the signal whose levels the proposal has. Legs of one trade share a level, which is not the contract's own.
    """
    if not proposal["position_after"]:
        return "nothing is held after it"
    if lead is None:
        return "no strategy in position owns it: no stop, no falsifier"
    strategy, stop = lead["strategy_id"], proposal["stop_level"]
    said = f"{strategy} is wrong if {registry.get(strategy).falsified_by}"
    if stop is None:
        return f"no stop: {strategy} is not in position; {said}"
    if lead["trade"] != proposal["instrument"]:
        return f"stop of the trade {lead['trade']}: {stop:.4f}; {said}"
    rate = proposal["contract"].startswith("DI1")
    side = "above" if (proposal["position_after"] > 0) == rate else "below"
    return f"stop: {proposal['contract']} {side} {level(proposal['contract'], stop)}; {said}"


def level(contract: str, value: float) -> str:
    """A DI1 level is a rate, any other a price."""
    return f"{value:.3%}" if contract.startswith("DI1") else f"{value:,.3f}"
