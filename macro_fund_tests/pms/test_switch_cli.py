"""The kill switch's commands: what they say, what they refuse, and what a thrown switch does to approvals."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

import pytest

from macro_fund.store.ledger import open_ledger
from macro_fund_tests.pms.builders import proposals
from macro_fund_tests.pms.test_cli import PID, Desk
from macro_fund_tests.pms.test_gate import breaker, frame, limit


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    made = Desk(open_ledger(f"sqlite:///{tmp_path / 'ledger.sqlite'}"))
    made.ledger.record_proposals(proposals(), made.now)
    return made


def test_throw_show_and_reset(desk: Desk) -> None:
    assert desk.says("switch", "show") == "The kill switch is not thrown, and never was."
    said = desk.says("switch", "throw", "--as", "Ana", "--note", "prices look wrong")
    assert said.startswith("The kill switch is thrown by Ana. From now on only trades that reduce risk are approved")
    assert "It is THROWN" in desk.says("switch", "show")
    desk.now += timedelta(minutes=1)
    assert "is reset by Bia" in desk.says("switch", "reset", "--as", "Bia", "--note", "the file was late")
    shown = desk.says("switch", "show")
    assert "It is not thrown." in shown
    assert "prices look wrong" in shown
    assert "SAMPLE" in shown


def test_json_for_programs(desk: Desk) -> None:
    event = json.loads(desk.run("switch", "throw", "--as", "Ana", "--note", "x", "--json").stdout)
    assert (event["action"], event["person"], event["number"]) == ("throw", "Ana", 1)
    shown = json.loads(desk.run("switch", "show", "--json").stdout)
    assert (shown["thrown"], len(shown["events"])) == (True, 1)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["reset", "--as", "Bia", "--note", "x"], "is not thrown: there is nothing to reset"),
        (["throw", "--note", "x"], "who asks for the throw? Give a person's name (--as NAME)"),
        (["throw", "--as", "Ana"], "a throw needs a note that says why (--note TEXT)"),
    ],
)
def test_refusals_are_one_line_with_the_remedy(desk: Desk, arguments: list[str], words: str) -> None:
    assert words in desk.fails("switch", *arguments)


def test_one_person_cannot_reset_alone(desk: Desk) -> None:
    desk.says("switch", "throw", "--as", "Ana", "--note", "x")
    desk.now += timedelta(minutes=1)
    assert "a second person has to reset it" in desk.fails("switch", "reset", "--as", "ana", "--note", "y")


def test_nothing_that_adds_risk_is_approved_while_it_is_thrown(desk: Desk) -> None:
    desk.says("switch", "throw", "--as", "Ana", "--note", "x")
    desk.now += timedelta(minutes=1)
    assert "the kill switch is thrown (Ana, " in desk.fails("proposals", "approve", PID, "--as", "Bia")
    assert "Nothing is traded." in desk.says("proposals", "reject", PID, "--as", "Bia", "--note", "switch")


@pytest.mark.parametrize(
    ("table", "row"), [("risk/limits", limit("x", "breach")), ("risk/breakers", breaker("b", "halve"))]
)
def test_a_breach_of_the_session_refuses_an_older_proposal(desk: Desk, table: str, row: dict[str, object]) -> None:
    desk.lake[table] = frame(table, [row])
    assert "adds risk, and only less is allowed" in desk.fails("proposals", "approve", PID, "--as", "Bia")
    assert "adds risk" in desk.fails("proposals", "modify", PID, "--quantity", "10", "--as", "Bia")
