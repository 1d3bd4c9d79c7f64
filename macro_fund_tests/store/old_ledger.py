"""A ledger as an older version of the product wrote it: that revision's tables, a proposal and its journal entry."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa

from macro_fund.store import journal
from macro_fund.store.ledger_tables import PROPOSALS
from macro_fund.store.proposal_fields import PROPOSAL_FIELDS
from macro_fund_tests.pms.builders import proposal
from macro_fund_tests.store.stories import ledger_at

BEFORE_FIELDS = sa.Table(
    "proposals", sa.MetaData(), *(c._copy() for c in PROPOSALS.columns if c.name not in PROPOSAL_FIELDS)
)


def written_at(url: str, revision: str, at: datetime) -> str:
    """Make the ledger at a revision before the proposals' fields, with one proposal; returns the proposal's id."""
    row = {**proposal(), "recorded_at": at}
    old = ledger_at(url, revision)
    with old._write() as conn:
        conn.execute(sa.insert(BEFORE_FIELDS), [row])
        journal.append(conn, "proposal", [row], at)
    old.close()
    return str(row["proposal_id"])
