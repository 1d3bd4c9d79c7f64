"""The demonstration's manager: it meets the checks that people meet, says what was refused, and repeats nothing."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from macro_fund.cli import print_reports
from macro_fund.home import Home, create
from macro_fund.orchestration.demonstration import DECIDES, DEMO_PM, Decisions, approve_all, approve_left
from macro_fund.orchestration.operate import _decided
from macro_fund.pms.broker import screen_side
from macro_fund.store.ledger import Ledger, LedgerError
from macro_fund.store.tables import TABLES
from macro_fund_tests.graph import harness
from macro_fund_tests.pms.builders import KEYS, frame, proposals
from macro_fund_tests.pms.test_approval import DAY
from macro_fund_tests.pms.test_proposals import held

FULL = 2300  # contracts of 12.7125 BRL a bp: 97% of what the fund may have
OPENS, CLOSES, WRONG = "0be0be0be0be", "c105e5c105e5", "bad0bad0bad0"


def trade(proposal_id: str, contract: str, before: int, after: int, **given: Any) -> dict[str, Any]:
    quantity, risk = after - before, 12.7125
    return {
        "proposal_id": proposal_id,
        "contract": contract,
        "quantity": quantity,
        "position_before": before,
        "position_after": after,
        "dv01_before_brl": before * risk,
        "dv01_after_brl": after * risk,
        "screen_side": screen_side("DI1", contract, quantity),
        "gain_if": "you gain if rates FALL" if after else f"closes {contract}: nothing left to gain or lose",
        **given,
    }


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    """A sample fund near its limit in DI1F27, which the session rolls, opening leg ranked first, and one proposal
    whose words contradict its contracts."""
    with harness.own_environment():
        made = create(tmp_path / "home", source="sample", inception=KEYS[0])
        book = held("DI1F27", FULL, session=DAY, dv01_brl=12.7125 * FULL)
        made.lake.write(TABLES["pms/positions"], DAY, frame("pms/positions", [book]))
        rows = proposals(
            trade(OPENS, "DI1F28", 0, FULL, rank=1),
            trade(CLOSES, "DI1F27", FULL, 0, rank=2),
            trade(WRONG, "DI1F29", 0, 5, rank=3, screen_side="BUY rate (pay) DI1F29"),
        )
        made.lake.write(TABLES["pms/trade_proposals"], DAY, rows)
        made.ledger.record_proposals(rows, made.sessions.as_of(DAY))
        yield made
        made.ledger.close()


def test_what_the_checks_refuse_is_refused_and_told(home: Home) -> None:
    made = approve_all(home, DAY)
    assert made.approved == [CLOSES, OPENS], "the closing leg makes room for the opening one"
    (refused,) = made.refused
    assert refused.startswith(f"proposal {WRONG}: it says 'BUY rate (pay) DI1F29', +5 contracts mean 'SELL rate")
    refusals = home.ledger.refusals().select("action", "subject", "person", "reason").rows()
    assert refusals == [("approve", WRONG, DEMO_PM, refused)]
    at = home.sessions.as_of(DAY) + DECIDES
    assert {p: home.ledger.proposal(p, at=at)["status"] for p in (OPENS, CLOSES, WRONG)} == {
        OPENS: "approved", CLOSES: "approved", WRONG: "proposed",
    }  # fmt: skip
    assert home.ledger.pending_approvals()["proposal_id"].sort().to_list() == sorted([OPENS, CLOSES])


def test_its_approvals_rest_on_a_review_as_a_persons_do(home: Home) -> None:
    approve_all(home, DAY)
    kinds = home.ledger.journal()["kind"].to_list()
    assert (kinds.count("decision"), kinds.count("review"), kinds.count("refusal")) == (2, 2, 1)


def test_asked_again_it_records_nothing_twice(home: Home) -> None:
    first, entries = approve_all(home, DAY), home.ledger.journal().height
    again = approve_all(home, DAY)
    assert (again.approved, again.refused) == ([], first.refused)
    assert home.ledger.journal().height == entries
    assert home.ledger.verify_journal() == []


def test_under_a_thrown_switch_only_less_risk_is_approved(home: Home) -> None:
    home.ledger.switch("throw", "Rui", "prices look wrong", home.sessions.as_of(DAY) + timedelta(minutes=1))
    made = approve_all(home, DAY)
    assert made.approved == [CLOSES]
    assert f"proposal {OPENS}: the kill switch is thrown (Rui, 2025-02-10 08:56 Sao Paulo" in made.refused[0]


def test_what_a_killed_run_left_is_decided_on_before_the_next_session(home: Home) -> None:
    assert approve_left(home, DAY) is None, "the session itself is to be run again"
    session, made = approve_left(home, home.sessions.offset(DAY, 1)) or pytest.fail("nothing was decided")
    assert (session, len(made.approved)) == (DAY, 2)
    assert approve_left(home, None) == (DAY, Decisions([], made.refused))


def test_a_ledger_that_does_not_answer_is_no_refusal(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    def silent(*_: object, **__: object) -> None:
        raise LedgerError("the ledger does not answer") from OSError("gone")

    monkeypatch.setattr(Ledger, "decide", silent)
    with pytest.raises(LedgerError, match="does not answer"):
        approve_all(home, DAY)


def test_a_run_prints_what_was_refused(home: Home, capsys: pytest.CaptureFixture[str]) -> None:
    reports = list(_decided(DAY, approve_all(home, DAY)))
    print_reports(reports, 1.0)
    printed = capsys.readouterr()
    assert "demo-pm" in printed.out
    assert "0 runs" in printed.out
    assert f"warning demo-pm/approvals {DAY} refused: proposal {WRONG}: it says 'BUY rate" in printed.err
    assert all(report.healthy for report in reports)
    assert list(_decided(DAY, Decisions())) == []
