"""Approval: what a person may do with a proposal or an order, free of any interface.

Belongs here: roles, the order of the checks, the second person, and that every refusal is journalled. Does not belong
here: the checks (`pretrade.py`, `price_checks.py`, `limit_checks.py`), a person's own trade (`discretionary.py`),
overrides of marks (`overrides.py`), the ledger's rules (store/ledger_rules.py), printing (`decide_cli.py`), turning a
decision into an order (`execution.py`).

Every function either writes one decision, with the review that it rests on, or raises and leaves a `refusal` in the
journal: who asked for what, why not, and the digest of what they saw. Nothing else changes.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any, Literal, NamedTuple

import polars as pl

from macro_fund.pms import limit_checks, pretrade, price_checks
from macro_fund.pms.costs import instruments_by_id, known_instrument
from macro_fund.pms.evidence import Read, gather, is_own
from macro_fund.pms.execution import next_day
from macro_fund.pms.neutrality import neutrality
from macro_fund.pms.people import Actor
from macro_fund.pms.pretrade import Evidence, Ticket, Verdict
from macro_fund.pms.proposals import expires_at
from macro_fund.settings import Settings
from macro_fund.store.content import content_id
from macro_fund.store.ledger import Ledger, LedgerError
from macro_fund.store.ledger_switch import SwitchAction
from macro_fund.time.sessions import sessions

# Who may do what; a sample fund without users has one person with every role.
MAY: dict[str, tuple[str, ...]] = {
    "approve": ("pm",),
    "modify": ("pm",),
    "trade": ("pm",),
    "reject": ("pm", "risk"),
    "confirm": ("risk",),
    "cancel": ("pm",),
    "statement": ("pm", "risk", "ops"),
    "throw": ("pm", "risk", "ops", "viewer"),
    "reset": ("pm", "risk"),
    "override": ("pm", "risk", "ops"),
    "confirm override": ("pm", "risk", "ops"),
    "revoke override": ("pm", "risk", "ops"),
    "record event": ("ops",),
    "note": ("pm", "risk", "ops"),
    "promote": ("pm",),
}


@dataclass(frozen=True)
class Desk:
    """Who decides, when, on which ledger and with which tables of the lake."""

    ledger: Ledger
    settings: Settings
    read: Read
    actor: Actor
    at: datetime


class Decided(NamedTuple):
    """A decision as recorded, what each check said, and why a second person has to confirm it (empty: nobody)."""

    decision: dict[str, Any]
    verdicts: Sequence[Verdict]
    second: str


@dataclass
class _Seen:
    subject: str
    shown: str = field(default="")


def approve(
    desk: Desk,
    proposal_id: str,
    *,
    note: str = "",
    limit_level: float | None = None,
    price: float | None = None,
    seen: str = "",
) -> Decided:
    """Approve as proposed, optionally at a limit (DI1: rate as a decimal; else price).

    price: the level on the screen now, which the proposal's is compared with. seen: digest of the proposal as the
    person saw it (`digest`), refused when it is another one by now.
    """
    return _decide(desk, "approve", proposal_id, None, note, limit_level, price, seen)


def modify(
    desk: Desk,
    proposal_id: str,
    *,
    quantity: int | None,
    note: str = "",
    limit_level: float | None = None,
    price: float | None = None,
    seen: str = "",
) -> Decided:
    """Approve another quantity, signed as the proposal's; the rest as in `approve`."""
    return _decide(desk, "modify", proposal_id, quantity, note, limit_level, price, seen)


def reject(desk: Desk, proposal_id: str, *, note: str, seen: str = "") -> Decided:
    """Reject; the note says why and is mandatory. No check stands in the way."""
    with journalled(desk, "reject", proposal_id) as told:
        proposal = _look(desk, proposal_id, told, seen)
        role = role_of(desk.actor, "reject")
        review = {"role": role, "shown": told.shown, "checks": [], "second": ""}
        pid = proposal["proposal_id"]
        decision = desk.ledger.decide(pid, "reject", desk.actor.name, note, desk.at, review=review)
    return Decided(decision, (), "")


def confirm(desk: Desk, proposal_id: str, *, note: str = "", seen: str = "") -> dict[str, Any]:
    """The second person's confirmation of an approval that waits for one; limits and the switch are asked again."""
    with journalled(desk, "confirm", proposal_id) as told:
        proposal = _look(desk, proposal_id, told, seen)
        role_of(desk.actor, "confirm")
        if proposal["status"] == "unconfirmed":
            decided = proposal["decided_quantity"]
            ticket = _ticket(desk, proposal, proposal["quantity"] if decided is None else decided, None, None)
            evidence = _evidence(desk, proposal)
            refuse_if(
                proposal["proposal_id"], [limit_checks.gate(ticket, evidence), pretrade.is_current(ticket, evidence)]
            )
        return desk.ledger.confirm(proposal["proposal_id"], desk.actor.name, note, desk.at, shown=told.shown)


def cancel(desk: Desk, order_id: str, *, note: str) -> dict[str, Any]:
    """Cancel what is left of an order (id or unique prefix), with the reason; returns the event.

    Only before 18:00 of the next day on which it trades: at the settlement of a day that is over it was in the market.
    """
    with journalled(desk, "cancel", order_id) as told:
        state = desk.ledger.order_state(order_id)
        told.subject = state.order_id
        role_of(desk.actor, "cancel")
        order = desk.ledger.orders().filter(pl.col("order_id") == state.order_id).row(0, named=True)
        day = next_day(order, state, sessions())
        if state.remaining and desk.at >= expires_at(day):
            raise LedgerError(
                f"order {state.order_id} was in the market on {day}: what became of it is known in the session that "
                "knows that settlement; cancel then what is left"
            )
        return desk.ledger.cancel_order(state.order_id, desk.actor.name, note, day, desk.at)


def record_statement(desk: Desk, rows: Sequence[dict[str, Any]]) -> None:
    """Record a broker's statement (`statements.read_statement`), once a file."""
    with journalled(desk, "statement", rows[0]["digest"]):
        role_of(desk.actor, "statement")
        desk.ledger.record_statement(rows, desk.actor.name, desk.at)


def switch(desk: Desk, action: SwitchAction, *, note: str) -> dict[str, Any]:
    """Throw or reset the kill switch; the ledger keeps the rules, refusals are journalled."""
    with journalled(desk, action, "kill switch"):
        role_of(desk.actor, action)
        return desk.ledger.switch(action, desk.actor.name, note, desk.at)


def review(
    desk: Desk,
    proposal: dict[str, Any],
    *,
    quantity: int | None = None,
    limit_level: float | None = None,
    price: float | None = None,
) -> list[Verdict]:
    """What every pre-trade check says of a trade; nothing is written."""
    count = proposal["quantity"] if quantity is None else quantity
    ticket = _ticket(desk, proposal, count, limit_level, price)
    return verdicts(ticket, _evidence(desk, proposal), desk.settings)


def verdicts(ticket: Ticket, evidence: Evidence, settings: Settings) -> list[Verdict]:
    """Every check, in the order in which a person wants to hear of them."""
    rules = settings.fund.approval
    return [
        pretrade.is_current(ticket, evidence),
        pretrade.is_open(ticket, evidence),
        pretrade.kill_switch(ticket, evidence),
        pretrade.sign_echo(ticket, evidence),
        pretrade.duplicate(ticket, evidence),
        price_checks.price(ticket, evidence, rules),
        limit_checks.gate(ticket, evidence),
        limit_checks.most(ticket, settings),
        limit_checks.book(ticket, evidence, settings),
        limit_checks.margin(ticket, evidence, settings),
        neutrality(ticket, evidence),
        price_checks.size(ticket, evidence, rules),
        pretrade.stale(ticket, evidence),
        price_checks.drift(ticket, evidence, rules),
        pretrade.blackout(ticket, evidence, rules),
        limit_checks.use(ticket, evidence, settings, rules),
    ]


def digest(proposal: dict[str, Any]) -> str:
    """16 hex digits of everything that `proposals show` knows of a proposal: what a person saw when they decided."""
    return content_id(proposal, 16)


def _decide(
    desk: Desk,
    action: Literal["approve", "modify"],
    proposal_id: str,
    quantity: int | None,
    note: str,
    limit_level: float | None,
    price: float | None,
    seen: str,
) -> Decided:
    with journalled(desk, action, proposal_id) as told:
        proposal = _look(desk, proposal_id, told, seen)
        role, pid = role_of(desk.actor, action), proposal["proposal_id"]
        person, ledger = desk.actor.name, desk.ledger
        levels: dict[str, Any] = {"quantity": quantity, "limit_level": limit_level}
        ledger.decide(pid, action, person, note, desk.at, **levels, dry=True)
        found = review(desk, proposal, quantity=quantity, limit_level=limit_level, price=price)
        refuse_if(pid, found)
        # One person who gave only a name is nobody's second: a sample fund without users is decided on alone.
        second = "; ".join(v.words for v in found if v.state == "second") if desk.actor.signed else ""
        rests_on = {"role": role, "shown": told.shown, "checks": [asdict(v) for v in found], "second": second}
        decision = ledger.decide(pid, action, person, note, desk.at, **levels, review=rests_on)
    return Decided(decision, found, second)


def _look(desk: Desk, proposal_id: str, told: _Seen, seen: str) -> dict[str, Any]:
    """The proposal as it is now; LedgerError when the person saw another state of it."""
    proposal = desk.ledger.proposal(proposal_id, at=desk.at)
    told.subject, told.shown = proposal["proposal_id"], digest(proposal)
    if seen and seen != told.shown:
        now, told.shown = told.shown, seen
        raise LedgerError(
            f"proposal {told.subject}: you saw state {seen}, it is {now} now ({proposal['status']}): look again with "
            f"`macro-fund proposals show {told.subject}`"
        )
    return proposal


def role_of(actor: Actor, action: str) -> str:
    """The role in which the actor may do it; LedgerError when they may not."""
    if actor.problem:
        raise LedgerError(actor.problem)
    role = next((r for r in MAY[action] if r in actor.roles), None)
    if role is None:
        has = ", ".join(sorted(actor.roles)) or "no role"
        raise LedgerError(f"{actor.name} ({has}) may not {action}: it takes role {' or '.join(MAY[action])}")
    return role


def refuse_if(proposal_id: str, found: Sequence[Verdict]) -> None:
    for verdict in found:
        if verdict.state == "refuse":
            raise LedgerError(f"proposal {proposal_id}: {verdict.words}")


def _ticket(
    desk: Desk, proposal: dict[str, Any], quantity: int, limit_level: float | None, price: float | None
) -> Ticket:
    root = known_instrument(instruments_by_id(desk.settings), proposal["instrument"]).root
    typed = is_own(proposal["shares"]) or abs(quantity) > abs(proposal["quantity"])
    return Ticket(proposal, root, quantity, desk.at, limit_level, price, typed)


def _evidence(desk: Desk, proposal: dict[str, Any]) -> Evidence:
    return gather(desk.read, desk.ledger, desk.settings, proposal["session"], proposal["contract"], desk.at)


@contextmanager
def journalled(desk: Desk, action: str, subject: str) -> Iterator[_Seen]:
    """A refusal goes into the journal and on to the caller; a ledger that does not answer is no refusal."""
    told = _Seen(subject)
    try:
        yield told
    except ValueError as error:
        if error.__cause__ is None:
            desk.ledger.refuse(action, told.subject, desk.actor.name, str(error), desk.at, shown=told.shown)
        raise
