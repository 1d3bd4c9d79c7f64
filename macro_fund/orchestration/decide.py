"""Deciding on a proposal as a job: for whoever operates the fund in Dagster's pages and not at its command line.

Belongs here: the job's run config, who decides, and telling the run what became of it. Does not belong here: any check,
role or refusal (pms/approval.py), signing in (pms/sign_in.py), turning a decision into an order (the job `order`).

Run config is kept in Dagster's storage and shown in its pages, so it takes no password: the person who decides has
signed in with `macro-fund sign-in` in the home on the machine that runs the job. There is no asset: what is decided is
a row of the ledger, as from the command line. Annotations here are objects, not texts: Dagster reads them.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from enum import Enum
from typing import Any

import dagster as dg
from pydantic import Field

from macro_fund.home import Home
from macro_fund.orchestration.resources import FundResource
from macro_fund.pms import approval
from macro_fund.pms.approval import Decided, Desk
from macro_fund.pms.context import PmsContext
from macro_fund.pms.people import Actor
from macro_fund.store.ledger import LedgerError
from macro_fund.time.clock import now


class Action(Enum):
    """What can be decided."""

    approve = "approve"
    modify = "modify"
    reject = "reject"


_TAKES = {Action.approve: ("limit", "price"), Action.modify: ("quantity", "limit", "price"), Action.reject: ()}


class Decision(dg.Config):
    """A decision as it is typed into the launchpad; the fields mean what the options of `macro-fund proposals` mean."""

    user: str = Field(description="Who decides: signed in with `macro-fund sign-in` where the job runs.")
    action: Action = Field(description="approve, modify or reject.")
    proposal_id: str = Field(description="Proposal id, or enough of its first digits.")
    note: str = Field("", description="Why; mandatory for a rejection.")
    quantity: int | None = Field(None, description="modify: contracts, signed (DI1: + receives).")
    limit: float | None = Field(None, description="DI1: worst rate as a decimal (0.1305); others: worst price.")
    price: float | None = Field(None, description="What the screen shows now: too far gone is refused.")
    seen: str = Field("", description="State that `proposals show` printed: refused when it is another one by now.")


def desk_of(home: Home, user: str, at: datetime) -> Desk:
    """The home's desk for a named person at `at`; what stands in their way is the actor's problem."""
    desk = PmsContext(home.ledger, home.lake.read, at, home.settings, home.path).desk(user)
    if user.strip():
        return desk
    problem = "who decides? The run config's `user` is empty: name who is signed in"
    return replace(desk, actor=Actor("", frozenset(), problem=problem))


def decided(desk: Desk, asked: Decision) -> Decided:
    """Take the decision; LedgerError with the sentence, journalled, when it is refused."""
    given = {k: v for k in ("quantity", "limit", "price") if (v := getattr(asked, k)) is not None}
    idle = [k for k in given if k not in _TAKES[asked.action]]
    if idle:
        with approval.journalled(desk, asked.action.value, asked.proposal_id):
            raise LedgerError(f"{asked.action.value} takes no {' and no '.join(idle)}: take it out of the run config")
    if asked.action is Action.reject:
        return approval.reject(desk, asked.proposal_id, note=asked.note, seen=asked.seen)
    terms: dict[str, Any] = {"note": asked.note, "limit_level": asked.limit, "price": asked.price, "seen": asked.seen}
    if asked.action is Action.approve:
        return approval.approve(desk, asked.proposal_id, **terms)
    return approval.modify(desk, asked.proposal_id, quantity=asked.quantity, **terms)


def told(proposal: Mapping[str, Any], done: Decided) -> dict[str, Any]:
    """The decision as metadata of the run."""
    facts = {
        "proposal": proposal["proposal_id"],
        "session": str(proposal["session"]),
        "status": proposal["status"],
        "trade": proposal["screen_side"],
        "contracts": proposal["quantity"] if proposal["decided_quantity"] is None else proposal["decided_quantity"],
        "limit": proposal["limit_level"],
        "decided by": proposal["decided_by"],
        "decided at": proposal["decided_at"].isoformat(),
        "note": proposal["note"],
        "decision": done.decision["decision_id"],
        "waits for a second person": done.second,
        "not checked": "; ".join(f"{v.check}: {v.words}" for v in done.verdicts if v.state == "unknown"),
    }
    return {name: value for name, value in facts.items() if value not in (None, "")}


@dg.op(out=dg.Out(dg.Nothing), description="Record a signed-in person's decision on one proposal.")
def decision(context: dg.OpExecutionContext, config: Decision, fund: FundResource) -> None:
    home, at = fund.open(), now()
    try:
        done = decided(desk_of(home, config.user, at), config)
    except ValueError as refusal:
        raise dg.Failure(str(refusal), allow_retries=False) from refusal
    context.add_output_metadata(told(home.ledger.proposal(done.decision["proposal_id"], at=at), done))


@dg.job(
    name="decide",
    description="Approve, modify or reject one proposal, with the checks, roles and refusals of the command line.",
    executor_def=dg.in_process_executor,
)
def decide() -> None:
    """One op; the graph and its op cannot share a name."""
    decision()
