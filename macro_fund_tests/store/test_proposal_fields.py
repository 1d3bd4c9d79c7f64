"""Fields that proposals got later: kept with the row, told apart from tampering, and not part of the id."""

from __future__ import annotations

import json
from datetime import date
from typing import Any

import pytest
import sqlalchemy as sa

from macro_fund.store.ledger import open_ledger
from macro_fund.store.proposal_fields import PROPOSAL_FIELDS
from macro_fund_tests.pms.builders import proposals, utc
from macro_fund_tests.store.old_ledger import written_at
from macro_fund_tests.store.stories import run_sql

NOW = utc(2025, 2, 10)
NEW = "ff00ff00ff00"
FIELDS: dict[str, Any] = {
    "as_of": utc(2025, 2, 10, 11, 55),
    "data_date": date(2025, 2, 7),
    "model": "black_litterman",
    "expected_pnl_brl": 81000.25,
    "var_before_brl": -0.0,
    "rank": 1,
    "limits": [{"limit": "margin", "limit_value": 0.3, "before": None, "after": 0.02, "after_all": 0.03}],
    "drivers": [{"strategy_id": "RATES-01", "signal": 0.5, "contribution": 0.2, "agents": "monetary"}],
    "missing": "liquidity_days: no source",
    "narrative": "SELL rate (receive) DI1F27.",
}


def test_fields_come_back_as_they_were_recorded(empty_url: str) -> None:
    ledger = open_ledger(empty_url)
    assert ledger.record_proposals(proposals(FIELDS), NOW) == 1
    found = ledger.proposal("ab12cd34ef56")
    assert {k: found[k] for k in FIELDS} == FIELDS
    assert ledger.verify_journal() == []
    assert ledger.record_proposals(proposals({**FIELDS, "narrative": "other words", "rank": 2}), NOW) == 0
    assert ledger.proposal("ab12cd34ef56")["narrative"] == FIELDS["narrative"]
    assert ledger.verify_journal() == []
    ledger.close()


@pytest.mark.parametrize("revision", ["0001", "0003"])
def test_a_ledger_from_before_the_fields_verifies_after_the_upgrade(empty_url: str, revision: str) -> None:
    old = written_at(empty_url, revision, NOW)
    ledger = open_ledger(empty_url)
    assert ledger.verify_journal() == []
    assert {ledger.proposal(old)[name] for name in PROPOSAL_FIELDS} == {None}
    assert ledger.record_proposals(proposals({}), NOW) == 0  # known, with fewer columns: the row stays
    assert ledger.record_proposals(proposals({"proposal_id": NEW, **FIELDS}), NOW) == 1
    ledger.decide(old, "approve", "Ana", "carry", NOW)
    assert ledger.verify_journal() == []
    bodies = [json.loads(b) for b in ledger.journal().filter(kind="proposal")["body"]]
    assert [PROPOSAL_FIELDS.keys() <= b.keys() for b in bodies] == [False, True]
    ledger.close()


@pytest.mark.parametrize(
    ("statement", "who"),
    [
        ("UPDATE proposals SET narrative = 'x' WHERE proposal_id = 'ab12cd34ef56'", "ab12cd34ef56"),
        ("UPDATE proposals SET expected_pnl_brl = 0 WHERE proposal_id = 'ab12cd34ef56'", "ab12cd34ef56"),
        ("UPDATE proposals SET stop_level = NULL WHERE proposal_id = 'ab12cd34ef56'", "ab12cd34ef56"),
        ("UPDATE proposals SET limits = '[]' WHERE proposal_id = 'ab12cd34ef56'", "ab12cd34ef56"),
        (f"UPDATE proposals SET narrative = NULL WHERE proposal_id = '{NEW}'", NEW),
        (f"UPDATE proposals SET limits = NULL WHERE proposal_id = '{NEW}'", NEW),
    ],
)
def test_a_field_that_was_filled_or_emptied_is_found(empty_url: str, statement: str, who: str) -> None:
    written_at(empty_url, "0003", NOW)
    ledger = open_ledger(empty_url)
    ledger.record_proposals(proposals({"proposal_id": NEW, **FIELDS}), NOW)
    ledger.close()
    run_sql(empty_url, statement, unlocked=True)
    ledger = open_ledger(empty_url)
    number = 1 if who != NEW else 2
    assert ledger.verify_journal() == [f"proposals row {who} differs from journal entry {number}"]
    ledger.close()


def test_a_body_that_is_no_json_is_a_problem_and_no_crash(empty_url: str) -> None:
    written_at(empty_url, "0003", NOW)
    open_ledger(empty_url).close()
    run_sql(empty_url, "UPDATE journal SET body = '{' WHERE seq = 1", unlocked=True)
    ledger = open_ledger(empty_url)
    assert len(ledger.verify_journal()) == 2
    ledger.close()


def test_the_columns_may_all_be_empty(empty_url: str) -> None:
    open_ledger(empty_url).close()
    columns = sa.inspect(sa.create_engine(empty_url, poolclass=sa.NullPool)).get_columns("proposals")
    assert not {c["name"] for c in columns if not c["nullable"]} & PROPOSAL_FIELDS.keys()
