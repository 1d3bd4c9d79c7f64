"""The demonstration's portfolio manager: decides in a fund at which nobody sits, as a person at the command line would.

Belongs here: when it decides, in which order, and telling what was refused. Does not belong here: any check, role or
refusal (pms/approval.py), running sessions (operate.py).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, timedelta

import polars as pl

from macro_fund.home import Home
from macro_fund.pms import approval
from macro_fund.pms.approval import Desk
from macro_fund.pms.people import alone
from macro_fund.store.ledger import LedgerError
from macro_fund.store.ledger_switch import reduces

DEMO_PM = "demo-pm"
DECIDES = timedelta(minutes=5)
"""How long after a session's as_of it decides: at the open, 09:00."""


@dataclass
class Decisions:
    """Ids of the proposals that were approved, and the sentence of each refusal."""

    approved: list[str] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)


def approve_all(home: Home, session: date) -> Decisions:
    """Approve each open proposal of the session for which no check refuses; never on live data.

    What reduces risk comes first, so that the close of a roll makes room for its opening. A refusal is journalled, as
    anybody's; the proposal stays open and expires. Asked again it decides the same and records nothing twice.
    """
    if home.settings.fund.source == "live":
        raise ValueError("the demonstration PM approves nothing on live data: use `macro-fund proposals approve`")
    at, made = home.sessions.as_of(session) + DECIDES, Decisions()
    desk = Desk(home.ledger, home.settings, home.lake.read, alone(DEMO_PM), at)
    for proposal_id in _in_order(home.ledger.proposals(session, "proposed", at=at)):
        try:
            approval.approve(desk, proposal_id, note="demonstration")
        except LedgerError as refusal:
            if refusal.__cause__ is not None:  # a ledger that does not answer refuses nothing
                raise
            made.refused.append(str(refusal))
        else:
            made.approved.append(proposal_id)
    return made


def approve_left(home: Home, before: date | None) -> tuple[date, Decisions] | None:
    """Decide on what the newest session still proposes when it is older than `before`, the next to be run (None: no
    session is to be run): its run was killed in between. None when there is nothing to decide on."""
    proposed = home.lake.keys("pms/trade_proposals")
    if not proposed or (before is not None and proposed[-1] >= before):
        return None
    return proposed[-1], approve_all(home, proposed[-1])


def _in_order(proposals: pl.DataFrame) -> list[str]:
    """Ids: what reduces risk first, then by rank."""
    less = [reduces(b, a) for b, a in proposals.select("position_before", "position_after").iter_rows()]
    ranked = proposals.with_columns(pl.Series("less", less, dtype=pl.Boolean)).sort(
        "less", "rank", "proposal_id", descending=[True, False, False], nulls_last=True
    )
    return ranked["proposal_id"].to_list()
