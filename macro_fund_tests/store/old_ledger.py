"""A ledger as an older version of the product wrote it: that revision's tables, a proposal and its journal entry."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from macro_fund.store import journal
from macro_fund.store.ledger import Ledger
from macro_fund.store.ledger_tables import PROPOSALS
from macro_fund.store.proposal_fields import PROPOSAL_FIELDS
from macro_fund_tests.pms.builders import proposal
from macro_fund_tests.store.stories import ledger_at

BEFORE_FIELDS = sa.Table(
    "proposals", sa.MetaData(), *(c._copy() for c in PROPOSALS.columns if c.name not in PROPOSAL_FIELDS)
)


def propose_without_fields(ledger: Ledger, at: datetime, *given: Mapping[str, Any]) -> None:
    """Record proposals as it was done before they had fields: neither the insert nor the entry names them."""
    rows = [{**proposal(**g), "recorded_at": at} for g in given]
    with ledger._write() as conn:
        conn.execute(sa.insert(BEFORE_FIELDS), rows)
        journal.append(conn, "proposal", rows, at)


def written_at(url: str, revision: str, at: datetime) -> str:
    """Make the ledger at a revision before the proposals' fields, with one proposal; returns the proposal's id."""
    old = ledger_at(url, revision)
    propose_without_fields(old, at, {})
    old.close()
    return str(proposal()["proposal_id"])
