"""Pre-trade check of neutral trades: whether what a strategy would hold of its legs still cancels.

Belongs here: which trades of a session's signals are neutral, and what their strategy would own of each leg. Does not
belong here: the weights of legs (strategies/), the other checks (`pretrade.py`).

A proposal is one contract, a neutral trade two or more: one leg that is rejected, halved or expired leaves the other as
a bet on the direction. So legs are looked at together, with what the session proposes and nobody has rejected counted
as traded: the first of two approvals is not alone, and the last one sees what was made of the others. A strategy owns
its share of each lot, frozen when the lot was opened. The book nets strategies on one contract, so a share is what
the book holds for a strategy, which may be less than the strategy asked for; then its trade is not neutral in this
book either, and a second person hears of it.
"""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from macro_fund.pms.gate import Row
from macro_fund.pms.lots import UNIT, Lot, freeze, open_lots, trade
from macro_fund.pms.pretrade import Evidence, Ticket, Verdict, unit_risk

MOST = 0.05
"""Net over gross risk of a neutral trade, at most (quant design, section 7)."""

RISKS = ("dv01", "delta")


@dataclass(frozen=True)
class NeutralTrade:
    """A trade in position whose legs' weights cancel, with the instruments of its legs."""

    strategy: str
    name: str
    legs: tuple[str, ...]


def neutral_trades(signals: pl.DataFrame) -> list[NeutralTrade]:
    """Neutral trades in position: signals/<id> rows of one session, all legs, also those that the book may not hold."""
    found = []
    parts = signals.filter(pl.col("strength") > 0).partition_by("strategy_id", "trade", maintain_order=True)
    for part in parts:
        weights = part["leg_weight"].drop_nulls().to_list()
        if len(weights) > 1 and abs(sum(weights)) <= MOST * sum(map(abs, weights)):
            found.append(NeutralTrade(part["strategy_id"][0], part["trade"][0], tuple(part["instrument"])))
    return found


def neutrality(ticket: Ticket, evidence: Evidence) -> Verdict:
    """Every neutral trade behind the proposal stays neutral, with the session's other proposals as they stand."""
    owners, instrument = {s["strategy_id"] for s in ticket.proposal["shares"]}, ticket.proposal["instrument"]
    behind = [t for t in neutral_trades(evidence.signals) if t.strategy in owners and instrument in t.legs]
    if not behind:
        return Verdict("neutrality", "pass", "no neutral trade is behind it")
    lots, units = _lots_after(ticket, evidence), _units(ticket, evidence)
    for wanted in behind:
        held = {leg: _owned(wanted.strategy, leg, lots, units) for leg in wanted.legs}
        shared = [k for k in range(len(RISKS)) if all(risk[k] for risk in held.values() if any(risk))]
        if not shared:
            return Verdict("neutrality", "unknown", f"legs of {wanted.strategy} have no measure of risk in common")
        kind = shared[0]
        risks = {leg: risk[kind] for leg, risk in held.items()}
        net, gross = sum(risks.values()), sum(map(abs, risks.values()))
        if abs(net) > MOST * gross:
            parts = ", ".join(f"{leg} {risk:+,.0f}" for leg, risk in risks.items())
            words = (
                f"{wanted.strategy} would hold {RISKS[kind]} of BRL {parts}: {abs(net) / gross:.0%} of it is no hedge;"
            )
            return Verdict("neutrality", "second", f"{words} decide on its legs together")
    return Verdict("neutrality", "pass", f"legs of {', '.join(t.strategy for t in behind)} cancel")


def _trades(ticket: Ticket, evidence: Evidence) -> list[tuple[Row, int]]:
    """Proposals of the session with the contracts that they trade: this, approved ones, and those nobody decided."""
    own = ticket.proposal["proposal_id"]
    others = [(d, d["traded"]) for d in evidence.decided] + [(p, p["quantity"]) for p in evidence.undecided]
    return [(ticket.proposal, ticket.quantity), *((p, n) for p, n in others if p["proposal_id"] != own)]


def _lots_after(ticket: Ticket, evidence: Evidence) -> dict[tuple[str, str], list[Lot[str]]]:
    lots = open_lots(evidence.fills.to_dicts())
    for proposal, contracts in _trades(ticket, evidence):
        key = proposal["instrument"], proposal["contract"]
        lots[key], _ = trade(lots.get(key, []), contracts, freeze(proposal["shares"]))
    return lots


def _units(ticket: Ticket, evidence: Evidence) -> dict[str, tuple[float, ...]]:
    """DV01 and delta of +1 contract in BRL, by contract: of what is held, and of what is proposed."""
    held = {p["contract"]: tuple(p[f"{r}_brl"] / p["quantity"] for r in RISKS) for p in evidence.positions}
    proposed = [proposal for proposal, _ in _trades(ticket, evidence)]
    return held | {p["contract"]: tuple(unit_risk(p, r) for r in RISKS) for p in proposed}


def _owned(
    strategy: str, instrument: str, lots: dict[tuple[str, str], list[Lot[str]]], units: dict[str, tuple[float, ...]]
) -> tuple[float, ...]:
    """DV01 and delta in BRL of what a strategy owns of an instrument."""
    total = [0.0] * len(RISKS)
    for (leg, contract), held in lots.items():
        if leg == instrument and contract in units:
            contracts = sum(lot.quantity * lot.shares.get(strategy, 0) for lot in held) / UNIT
            total = [t + contracts * u for t, u in zip(total, units[contract], strict=True)]
    return tuple(total)
