"""Rules of decisions: which proposal is meant, what its status is, when a decision, a confirmation, an order or a
promotion is refused.

Belongs here: the refusals, each one sentence with what to do instead. Does not belong here: writing (`ledger.py`),
checks that need the settings (`pms/approval.py`).
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from macro_fund.store.ledger_open import LedgerError
from macro_fund.store.ledger_switch import check_thrown
from macro_fund.store.ledger_tables import CONFIRMATIONS, DECISIONS, PROMOTIONS, PROPOSALS, REVIEWS, TRIALS
from macro_fund.store.ledger_words import in_words, meant, same_person

STATUS_OF: dict[str, str] = {"approve": "approved", "reject": "rejected", "modify": "modified"}
STATUSES = ("proposed", *STATUS_OF.values(), "unconfirmed", "expired")


# A proposal with the columns of its decision, and of what confirms it; null when there is none.
PROPOSAL_QUERY = (
    sa.select(
        PROPOSALS,
        DECISIONS.c.decision_id,
        DECISIONS.c.action,
        DECISIONS.c.person.label("decided_by"),
        DECISIONS.c.recorded_at.label("decided_at"),
        DECISIONS.c.note,
        DECISIONS.c.quantity.label("decided_quantity"),
        DECISIONS.c.limit_level,
        REVIEWS.c.second,
        CONFIRMATIONS.c.person.label("confirmed_by"),
        CONFIRMATIONS.c.recorded_at.label("confirmed_at"),
    )
    .outerjoin_from(PROPOSALS, DECISIONS)
    .outerjoin(REVIEWS, REVIEWS.c.decision_id == DECISIONS.c.decision_id)
    .outerjoin(CONFIRMATIONS, CONFIRMATIONS.c.decision_id == DECISIONS.c.decision_id)
)
# Decisions that trade and wait for nobody.
CLEARED = sa.and_(
    DECISIONS.c.action.in_(["approve", "modify"]),
    sa.or_(sa.func.coalesce(REVIEWS.c.second, "") == "", CONFIRMATIONS.c.person.is_not(None)),
)


def find(conn: sa.Connection, text: str) -> sa.RowMapping:
    """The proposal with this id or unique id prefix, with its decision's columns."""
    text = text.strip().lower()
    ids = list(conn.scalars(sa.select(PROPOSALS.c.proposal_id).order_by(PROPOSALS.c.recorded_at.desc())))
    found = meant(text, ids)
    if len(found) > 1:
        raise LedgerError(f"{text!r} fits {len(found)} proposals: {', '.join(found[:5])}; type more digits")
    if not found:
        near = difflib.get_close_matches(text, ids, n=1, cutoff=0.5)
        hint = f"did you mean {near[0]}?" if near else "`macro-fund proposals list --all` shows every id"
        raise LedgerError(f"no proposal {text!r}: {hint}")
    return conn.execute(PROPOSAL_QUERY.where(PROPOSALS.c.proposal_id == found[0])).mappings().one()


def status_of(row: sa.RowMapping, at: datetime | None) -> str:
    waits = row["second"] and row["confirmed_by"] is None
    if row["action"] is not None and not waits:
        return STATUS_OF[row["action"]]
    return "expired" if at is not None and at >= row["expires_at"] else "unconfirmed" if waits else "proposed"


def check_decision(conn: sa.Connection, proposal: sa.RowMapping, decision: Mapping[str, Any]) -> None:
    """Raise LedgerError when the decision may not be taken: one reason, and what to do instead."""
    pid, action, quantity, at = (decision[k] for k in ("proposal_id", "action", "quantity", "recorded_at"))
    if action not in STATUS_OF:
        raise LedgerError(f"action {action!r} is unknown; allowed: {', '.join(STATUS_OF)}")
    if not decision["person"]:
        raise LedgerError(f"proposal {pid}: who decides? Give a person's name (--as NAME)")
    if proposal["action"] is not None:
        raise LedgerError(
            f"proposal {pid} was {STATUS_OF[proposal['action']]} by {proposal['decided_by']} at "
            f"{in_words(proposal['decided_at'])}; a decision is final: undo a trade with the next session's proposals"
        )
    if at >= proposal["expires_at"]:
        raise LedgerError(
            f"proposal {pid} expired at {in_words(proposal['expires_at'])}; decide on the next session's proposals"
        )
    if action == "reject" and not decision["note"]:
        raise LedgerError(f"proposal {pid}: a rejection needs a note that says why (--note TEXT)")
    if action == "modify" and quantity is None:
        raise LedgerError(f"proposal {pid}: modify needs a quantity (--quantity N, signed); to leave it, use approve")
    if action != "modify" and quantity is not None:
        raise LedgerError(f"proposal {pid}: {action} takes no quantity; use modify to trade another quantity")
    if action == "reject" and decision["limit_level"] is not None:
        raise LedgerError(f"proposal {pid}: reject takes no limit; use approve or modify to trade at a limit")
    if quantity is not None and quantity * proposal["quantity"] <= 0:
        raise LedgerError(
            f"proposal {pid} is {proposal['quantity']:+d} contracts ({proposal['screen_side']}), {quantity:+d} is "
            "another side or nothing: keep the sign, or reject it"
        )
    _check_no_twin(conn, proposal, action)
    check_thrown(conn, proposal, decision)


def _check_no_twin(conn: sa.Connection, proposal: sa.RowMapping, action: str) -> None:
    """A session's targets may have been computed twice: the same contract must not be traded for both."""
    twin = conn.execute(
        PROPOSAL_QUERY.where(
            PROPOSALS.c.session == proposal["session"],
            PROPOSALS.c.instrument == proposal["instrument"],
            PROPOSALS.c.contract == proposal["contract"],
            DECISIONS.c.action.in_(["approve", "modify"]),
        )
    ).first()
    if twin is not None and action != "reject":
        raise LedgerError(
            f"proposal {proposal['proposal_id']}: {twin.proposal_id} was approved for {proposal['contract']} in the "
            "same session already; reject this one"
        )


def check_confirmation(conn: sa.Connection, proposal: sa.RowMapping, person: str, at: datetime) -> None:
    """Raise LedgerError when there is nothing to confirm, or this person may not: one reason, and what to do."""
    pid = proposal["proposal_id"]
    if not person:
        raise LedgerError(f"proposal {pid}: who confirms? Give a person's name (--as NAME)")
    if proposal["action"] in (None, "reject"):
        raise LedgerError(f"proposal {pid} is {status_of(proposal, at)}: there is no approval to confirm")
    if not proposal["second"]:
        raise LedgerError(f"proposal {pid} was approved by {proposal['decided_by']} and needs no second person")
    if proposal["confirmed_by"] is not None:
        raise LedgerError(
            f"proposal {pid} was confirmed by {proposal['confirmed_by']} at {in_words(proposal['confirmed_at'])} "
            "already"
        )
    if same_person(person, proposal["decided_by"]):
        raise LedgerError(f"proposal {pid} was approved by {proposal['decided_by']}: another person has to confirm it")
    if at >= proposal["expires_at"]:
        raise LedgerError(
            f"proposal {pid} expired unconfirmed at {in_words(proposal['expires_at'])}; decide on the next session's "
            "proposals"
        )
    traded = {"action": "confirm", "quantity": proposal["decided_quantity"], "recorded_at": at}
    check_thrown(conn, proposal, traded)


def check_orders(conn: sa.Connection, orders: Iterable[Mapping[str, Any]]) -> None:
    """Raise LedgerError for an order whose proposal nobody approved, or whose approval waits for a second person."""
    cleared = set(conn.scalars(PROPOSAL_QUERY.with_only_columns(PROPOSALS.c.proposal_id).where(CLEARED)))
    for order in orders:
        if order["proposal_id"] not in cleared:
            raise LedgerError(
                f"order {order['order_id']}: proposal {order['proposal_id']} is not approved, or its approval waits "
                "for a second person; nothing is traded without a name"
            )


def bar_failures(bars: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Each bar that is not met, with its numbers. A bar: `least`, whether it must be passed (`strict`), `found`."""
    failures = []
    for name, bar in bars.items():
        found, least = bar["found"], bar["least"]
        met = found is not None and (found > least if bar["strict"] else found >= least)
        if not met:
            shown = "does not exist" if found is None else f"is {found:.3f}"
            failures.append(f"{name} {shown}, needed {'above' if bar['strict'] else 'at least'} {least:g}")
    return failures


def check_promotion(conn: sa.Connection, promotion: Mapping[str, Any]) -> None:
    """Raise LedgerError unless every bar is met and was measured against all trials that the ledger holds now."""
    name = promotion["strategy_id"]
    if not promotion["bars"]:
        raise LedgerError(f"{name}: a promotion needs the bars that were met; use `macro-fund backtest promote`")
    failures = bar_failures(promotion["bars"])
    if failures:
        raise LedgerError(f"{name} is not promoted: {'; '.join(failures)}")
    if not promotion["person"]:
        raise LedgerError(f"{name}: who promotes? Every bar is met; give a person's name (--as NAME)")
    count = conn.scalar(sa.select(sa.func.count()).select_from(TRIALS))
    if count != promotion["trials"]:
        raise LedgerError(
            f"{name}: the ledger holds {count} trials, the deflated Sharpe ratio counted {promotion['trials']}: "
            "run the promotion again, so that it counts all of them"
        )
    before = conn.execute(sa.select(PROMOTIONS).where(PROMOTIONS.c.trial_id == promotion["trial_id"])).first()
    if before is not None:
        raise LedgerError(
            f"{name} was promoted by {before.person} at {in_words(before.recorded_at)} with this trial already"
        )
