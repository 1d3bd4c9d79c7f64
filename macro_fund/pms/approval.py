"""Approval: what a person may do with a proposal, free of any interface.

Belongs here: checks that need the settings (size, plausible limit) or the gate around the ledger's own. Does not belong
here: printing (`cli.py`), turning a decision into an order (`execution.py`), the kill switch (the ledger refuses by
itself while it is thrown).
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from macro_fund.pms.costs import instruments_by_id, known_instrument
from macro_fund.pms.gate import OPEN, Gate
from macro_fund.settings import Settings
from macro_fund.store.ledger import Ledger, LedgerError
from macro_fund.store.ledger_switch import reduces

MAX_LIMIT_DISTANCE = 0.25  # of the entry level: a limit further away is a slip of the unit or a digit


def approve(
    ledger: Ledger,
    proposal_id: str,
    person: str,
    at: datetime,
    *,
    note: str = "",
    limit_level: float | None = None,
    gate: Gate = OPEN,
) -> dict[str, Any]:
    """Approve as proposed, optionally at a limit (DI1: rate as a decimal; else price); returns the decision.

    gate: what is in force in the proposal's session; LedgerError when it does not let the trade pass.
    """
    _check_limit(ledger, proposal_id, limit_level)
    _check_gate(ledger, proposal_id, None, gate)
    return ledger.decide(proposal_id, "approve", person, note, at, limit_level=limit_level)


def reject(ledger: Ledger, proposal_id: str, person: str, at: datetime, *, note: str) -> dict[str, Any]:
    """Reject; the note says why and is mandatory. Returns the decision."""
    return ledger.decide(proposal_id, "reject", person, note, at)


def modify(
    ledger: Ledger,
    proposal_id: str,
    person: str,
    at: datetime,
    *,
    settings: Settings,
    quantity: int | None,
    note: str = "",
    limit_level: float | None = None,
    gate: Gate = OPEN,
) -> dict[str, Any]:
    """Approve another quantity (signed as the proposal's) and optionally a limit; returns the decision.

    LedgerError when the position after it would exceed the instrument's max_contracts, or does not pass the gate.
    """
    _check_limit(ledger, proposal_id, limit_level)
    _check_gate(ledger, proposal_id, quantity, gate)
    proposal = ledger.proposal(proposal_id)
    if quantity is not None:
        most = known_instrument(instruments_by_id(settings), proposal["instrument"]).max_contracts
        after = proposal["position_before"] + quantity
        if abs(after) > most and abs(after) > abs(proposal["position_before"]):
            raise LedgerError(
                f"proposal {proposal['proposal_id']}: {quantity:+d} makes a position of {after:+d} contracts, the most "
                f"for {proposal['instrument']} is {most}; ask for less, or change config/instruments.yaml"
            )
    return ledger.decide(proposal_id, "modify", person, note, at, quantity=quantity, limit_level=limit_level)


def _check_limit(ledger: Ledger, proposal_id: str, limit_level: float | None) -> None:
    if limit_level is None:
        return
    proposal = ledger.proposal(proposal_id)
    entry = proposal["entry_level"]
    if entry is not None and abs(limit_level - entry) > MAX_LIMIT_DISTANCE * abs(entry):
        raise LedgerError(
            f"proposal {proposal['proposal_id']}: limit {limit_level} is more than {MAX_LIMIT_DISTANCE:.0%} away from "
            f"the last settlement {entry}; DI1 limits are rates as decimals (13.05% is 0.1305), others are prices"
        )


def _check_gate(ledger: Ledger, proposal_id: str, quantity: int | None, gate: Gate) -> None:
    """A proposal made before a limit was breached, or changed to another quantity, must pass the gate as well."""
    if gate.action == OPEN.action:
        return
    proposal = ledger.proposal(proposal_id)
    before = proposal["position_before"]
    after = before + (proposal["quantity"] if quantity is None else quantity)
    if not reduces(before, after):
        raise LedgerError(
            f"proposal {proposal['proposal_id']}: {before:+d} to {after:+d} contracts adds risk, and only less is "
            f"allowed ({gate.words}): reject it, or modify it to a smaller position on the same side"
        )
