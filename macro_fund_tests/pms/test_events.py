"""Calendar events as ops record them: the role, corrections, and what the commands say."""

from __future__ import annotations

import json
from datetime import date, timedelta
from pathlib import Path

import pytest

from macro_fund.pms import events
from macro_fund.pms.people import Actor
from macro_fund.store.ledger import LedgerError, open_ledger
from macro_fund_tests.pms.builders import desk_of, utc
from macro_fund_tests.pms.test_cli import Desk as Prompt

DAY = date(2025, 7, 1)
COUPON = ["events", "add", "NTN-F 2035", "--date", "2025-07-01", "--kind", "coupon", "--amount", "48.808848"]
COUPON += ["--source", "Tesouro Nacional", "--as", "Davi"]


@pytest.fixture
def prompt(tmp_path: Path) -> Prompt:
    return Prompt(open_ledger(f"sqlite:///{tmp_path / 'ledger.sqlite'}"))


def test_only_ops_record_and_a_refusal_is_journalled(prompt: Prompt) -> None:
    pm = desk_of(prompt.ledger, utc(2025, 2, 10), Actor("Ana", frozenset({"pm"}), signed=True))
    with pytest.raises(LedgerError, match=r"Ana \(pm\) may not record event: it takes role ops"):
        events.record(pm, "DI1F27", DAY, "expiry", source="B3")
    ops = desk_of(prompt.ledger, utc(2025, 2, 10, 14), Actor("Davi", frozenset({"ops"}), signed=True))
    events.record(ops, "DI1F27", DAY, "expiry", source="B3")
    with pytest.raises(LedgerError, match="kind 'split' is unknown"):
        events.record(ops, "DI1F27", DAY, "split", source="B3")
    told = prompt.ledger.refusals().select("action", "subject", "person").rows()
    assert told == [("record event", "DI1F27 2025-07-01", "Ana"), ("record event", "DI1F27 2025-07-01", "Davi")]
    assert prompt.ledger.verify_journal() == []


def test_an_event_is_added_corrected_withdrawn_and_shown(prompt: Prompt) -> None:
    assert prompt.says("events", "show") == "No event is recorded: `macro-fund events add` records one."
    said = prompt.says(*COUPON)
    oid = prompt.ledger.events()["event"][0]
    assert said == f"coupon of NTN-F 2035 on 2025-07-01: event {oid}, version 1. The next pack tells it."
    shown = prompt.says("events", "show")
    assert "48.8088" in shown
    assert "SAMPLE" in shown
    prompt.now += timedelta(minutes=1)
    later = [*COUPON[:4], "2025-07-02", *COUPON[5:], "--corrects", oid[:5], "--reason", "holiday"]
    assert "version 2" in prompt.says(*later)
    assert "2025-07-02" in prompt.says("events", "show")
    prompt.now += timedelta(minutes=1)
    gone = [
        "events",
        "add",
        "NTN-F 2035",
        "--date",
        "2025-07-02",
        "--kind",
        "withdrawn",
        "--source",
        "x",
        "--as",
        "Davi",
    ]
    assert "a correction needs a reason" in prompt.fails(*gone, "--corrects", oid)
    prompt.says(*gone, "--corrects", oid, "--reason", "called")
    assert "No event is recorded" in prompt.says("events", "show")
    assert [e["version"] for e in json.loads(prompt.run("events", "show", "--all", "--json").stdout)] == [3]
