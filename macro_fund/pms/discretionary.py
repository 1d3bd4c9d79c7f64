"""A person's own trade: it becomes a proposal with the share DISCRETIONARY, and is decided on like any other.

Belongs here: making that proposal. Does not belong here: the checks and the decision (`approval.py`).
"""

from __future__ import annotations

from typing import Any

import polars as pl

from macro_fund.instruments.contracts import split
from macro_fund.pms import approval
from macro_fund.pms.approval import Desk
from macro_fund.pms.legs import Leg
from macro_fund.pms.lots import DISCRETIONARY
from macro_fund.pms.proposals import trade_fields
from macro_fund.pms.settlements import known_marks, level_of
from macro_fund.settings import Instrument
from macro_fund.store.content import content_id
from macro_fund.store.ledger import LedgerError
from macro_fund.store.tables import TABLES
from macro_fund.time.sessions import sessions
from macro_fund.time.zones import SAO_PAULO


def trade(desk: Desk, contract: str, quantity: int, *, thesis: str, horizon_days: int | None = None) -> dict[str, Any]:
    """Record a trade of today's session as a proposal and return it; the approval is a step of its own.

    quantity: signed contracts. thesis: why, mandatory. LedgerError, journalled, when the person may not, the session
    was not run yet, the contract has no settlement, or a pre-trade check refuses.
    """
    contract = contract.strip().upper()
    with approval.journalled(desk, "trade", f"{contract} {quantity:+d}") as told:
        approval.role_of(desk.actor, "trade")
        if not thesis.strip():
            raise LedgerError(
                "a trade of your own needs a thesis: what you expect, and what would prove it wrong (--thesis)"
            )
        if not desk.actor.name:
            raise LedgerError("who trades? Give a person's name (--as NAME)")
        row = _row(desk, contract, quantity, " ".join(thesis.split()), horizon_days)
        told.shown = approval.digest(row)
        found = approval.review(desk, {**row, "recorded_at": desk.at})
        # It is not recorded yet, so that it cannot be among the newest computation's.
        approval.refuse_if(row["proposal_id"], [v for v in found if v.check != "current"])
        desk.ledger.record_proposals(
            pl.DataFrame([row], schema=TABLES["pms/trade_proposals"].schema, orient="row"), desk.at
        )
    return desk.ledger.proposal(row["proposal_id"], at=desk.at)


def _row(desk: Desk, contract: str, quantity: int, thesis: str, horizon_days: int | None) -> dict[str, Any]:
    session = desk.at.astimezone(SAO_PAULO).date()
    if not sessions().is_session(session):
        raise LedgerError(f"B3 is closed on {session}: wait for a session")
    if desk.read("pms/nav", session).filter(pl.col("session") == session).is_empty():
        raise LedgerError(f"the book of {session} is not known yet: `macro-fund run` first")
    if not quantity:
        raise LedgerError(f"0 contracts of {contract} is no trade: --quantity N, signed (DI1: + receives)")
    marks = known_marks(desk.read("silver/contract_marks", session), [contract], session)
    if marks.is_empty():
        raise LedgerError(f"no settlement of {contract} is known in {session}: check the code, as DI1F27")
    mark = marks.sort("trade_date", "session").row(-1, named=True)
    held = desk.read("pms/positions", session).filter(
        pl.col("session") == session, pl.col("contract") == contract, pl.col("quantity") != 0
    )
    before = int(held["quantity"].sum())
    name = held["instrument"][0] if held.height else ""
    instrument = _instrument(desk, contract, mark["bdays"], name)
    dv01, delta = mark["dv01_brl"], mark["delta_brl"]
    if dv01 is None or delta is None:
        raise LedgerError(f"the risk of {contract} is not known in {session}: an input of its mark is missing")
    identity = {
        "session": session,
        "contract": contract,
        "quantity": quantity,
        "person": desk.actor.name,
        "thesis": thesis,
        "at": desk.at,
    }
    leg = Leg(contract, before, before + quantity, level_of(mark), dv01, delta)
    return {
        **trade_fields(session, instrument, leg),
        "proposal_id": content_id(identity),
        "horizon_days": horizon_days,
        "shares": [{"strategy_id": DISCRETIONARY, "share": 1.0}],
        "rationale": f"{desk.actor.name}: {thesis}",
    }


def _instrument(desk: Desk, contract: str, bdays: int, held: str) -> Instrument:
    """The instrument in which the contract is held, else the one of the book whose tenor is nearest."""
    root = split(contract)[0]
    own = [i for i in desk.settings.book if i.root == root and held in ("", i.id)]
    if not own:
        raise LedgerError(f"the fund does not trade {root}: its instruments are {', '.join(_ids(desk))}")
    return min(own, key=lambda i: (abs(i.tenor_bd - bdays), i.id))


def _ids(desk: Desk) -> list[str]:
    return [i.id for i in desk.settings.book]
