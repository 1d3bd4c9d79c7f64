"""The kill switch in the ledger: in turns, by two people, journalled, never changed, and what it refuses."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
import sqlalchemy as sa
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from macro_fund.store.ledger import Ledger, LedgerError, open_ledger
from macro_fund.store.ledger_switch import reduces
from macro_fund_tests.pms.builders import proposals
from macro_fund_tests.store.stories import LATER, NOW, OTHER, PID, run_sql


def test_a_throw_and_a_reset_by_another_person(ledger: Ledger) -> None:
    assert ledger.thrown() is None
    event = ledger.switch("throw", "  Ana   Lima ", " data look wrong ", NOW)
    assert (event["number"], event["action"], event["person"], event["note"]) == (
        1,
        "throw",
        "Ana Lima",
        "data look wrong",
    )
    assert ledger.thrown() == event
    ledger.switch("reset", "Bia", "the file was late, prices agree", LATER)
    assert ledger.thrown() is None
    assert ledger.switch_events()["action"].to_list() == ["throw", "reset"]
    assert ledger.journal()["kind"].to_list() == ["switch", "switch"]
    assert ledger.verify_journal() == []


def test_the_state_is_that_of_the_moment_asked_for(ledger: Ledger) -> None:
    ledger.switch("throw", "Ana", "x", NOW)
    ledger.switch("reset", "Bia", "y", LATER)
    second = timedelta(seconds=1)
    states = [ledger.thrown(t) is not None for t in (NOW - second, NOW, LATER - second, LATER)]
    assert states == [False, True, True, False]
    assert ledger.switch_events(NOW).height == 1
    assert ledger.switch_events(NOW - second).is_empty()


def test_the_same_event_sent_again_is_the_same_event(ledger: Ledger) -> None:
    first = ledger.switch("throw", "Ana", "x", NOW)
    assert ledger.switch("throw", "Ana", "x", NOW) == first
    ledger.switch("reset", "Bia", "y", LATER)
    assert ledger.switch("throw", "Ana", "x", NOW) == first
    assert ledger.thrown() is None
    assert ledger.journal().height == 2


@pytest.mark.parametrize(
    ("action", "person", "note", "at", "words"),
    [
        ("throw", "Bia", "x", LATER, r"thrown already, by Ana at 2025-02-10 10:00 Sao Paulo: data"),
        ("throw", "Ana", "x", LATER, "thrown already"),
        ("reset", "Ana", "x", LATER, r"thrown by Ana; a second person has to reset it \(--as ANOTHER NAME\)"),
        ("reset", " a N a", "x", LATER, "a second person"),
        ("reset", " ", "x", LATER, r"who asks for the reset\?"),
        ("reset", "Bia", " ", LATER, "a reset needs a note"),
        ("reset", "Bia", "x", NOW, "is not after the last throw"),
        ("flip", "Bia", "x", LATER, "action 'flip' is unknown; allowed: throw, reset"),
    ],
)
def test_what_is_refused_while_it_is_thrown(
    ledger: Ledger, action: str, person: str, note: str, at: datetime, words: str
) -> None:
    ledger.switch("throw", "Ana", "data", NOW)
    with pytest.raises(LedgerError, match=words):
        ledger.switch(action, person, note, at)  # type: ignore[arg-type]
    assert ledger.switch_events().height == 1
    assert ledger.verify_journal() == []


def test_there_is_nothing_to_reset_before_a_throw(ledger: Ledger) -> None:
    with pytest.raises(LedgerError, match="is not thrown: there is nothing to reset"):
        ledger.switch("reset", "Ana", "x", NOW)
    with pytest.raises(LedgerError, match="a throw needs a note that says why"):
        ledger.switch("throw", "Ana", "", NOW)


def test_the_database_itself_knows_the_turns(ledger: Ledger, url: str) -> None:
    ledger.switch("throw", "Ana", "x", NOW)
    for values, name in (("2, 'throw', 'Ana', 'x'", "switch_turns"), ("2, 'reset', 'Bia', ''", "switch_words")):
        with pytest.raises(sa.exc.IntegrityError, match=name):
            run_sql(url, f"INSERT INTO switch_events VALUES ('e', {values}, '2025-02-11')")


# decisions while it is thrown

REDUCING = {"quantity": -60, "position_before": 100, "position_after": 40}


@pytest.mark.parametrize(
    ("given", "quantity", "passes"),
    [
        ({}, None, False),
        (REDUCING, None, True),
        ({**REDUCING, "quantity": -100, "position_after": 0}, None, True),
        (REDUCING, -100, True),
        (REDUCING, -101, False),
        (REDUCING, -250, False),
        ({**REDUCING, "quantity": 20, "position_after": 120}, None, False),
        ({"quantity": 150, "position_before": -100, "position_after": 50}, None, False),
        ({"quantity": 150, "position_before": -100, "position_after": 50}, 100, True),
    ],
)
def test_only_what_reduces_risk_is_approved_while_it_is_thrown(
    ledger: Ledger, given: dict[str, int], quantity: int | None, passes: bool
) -> None:
    ledger.record_proposals(proposals(given), NOW)
    ledger.switch("throw", "Ana", "data", NOW)
    action = "approve" if quantity is None else "modify"
    if passes:
        ledger.decide(PID, action, "Bia", "", LATER, quantity=quantity)
    else:
        with pytest.raises(LedgerError, match=r"the kill switch is thrown \(Ana, .*: data\); .* adds risk: reject it"):
            ledger.decide(PID, action, "Bia", "", LATER, quantity=quantity)
    assert ledger.proposal(PID)["status"] == (
        {"approve": "approved", "modify": "modified"}[action] if passes else "proposed"
    )


def test_a_rejection_is_always_taken_and_a_reset_opens_the_door(ledger: Ledger) -> None:
    ledger.record_proposals(proposals({}, {"proposal_id": OTHER, "contract": "DI1F28"}), NOW)
    ledger.switch("throw", "Ana", "data", NOW)
    ledger.decide("ff00", "reject", "Bia", "no", LATER)
    ledger.switch("reset", "Bia", "well again", LATER)
    ledger.decide(PID, "approve", "Ana", "", LATER + timedelta(minutes=1))
    assert ledger.proposal(PID)["status"] == "approved"


def test_a_decision_sent_again_after_a_throw_is_still_the_same(ledger: Ledger) -> None:
    ledger.record_proposals(proposals(), NOW)
    decision = ledger.decide(PID, "approve", "Ana", "", NOW)
    ledger.switch("throw", "Bia", "data", LATER)
    assert ledger.decide(PID, "approve", "Ana", "", NOW) == decision


@pytest.mark.parametrize(
    ("before", "after", "less"),
    [
        (100, 99, True),
        (100, 0, True),
        (-5, -4, True),
        (100, 100, False),
        (100, -1, False),
        (0, 1, False),
        (0, 0, False),
    ],
)
def test_what_counts_as_less_risk(before: int, after: int, less: bool) -> None:
    assert reduces(before, after) is less


class TwoPeople(RuleBasedStateMachine):
    """Any order of throws and resets by three people, some of them killed before their commit."""

    def __init__(self, new_url: Callable[[], str]) -> None:
        super().__init__()
        self.ledger = open_ledger(new_url())
        self.now, self.thrown_by, self.events = NOW, "", 0

    def _ask(self, action: str, person: str) -> bool:
        self.now += timedelta(seconds=1)
        try:
            self.ledger.switch(action, person, "why", self.now)  # type: ignore[arg-type]
        except LedgerError:
            return False
        self.events += 1
        return True

    @rule(person=st.sampled_from(["Ana", "Bia", "Cai"]))
    def throw(self, person: str) -> None:
        assert self._ask("throw", person) == (not self.thrown_by)
        self.thrown_by = self.thrown_by or person

    @rule(person=st.sampled_from(["Ana", "Bia", "Cai"]))
    def reset(self, person: str) -> None:
        done = self._ask("reset", person)
        assert done == (self.thrown_by not in ("", person))
        self.thrown_by = "" if done else self.thrown_by

    @precondition(lambda self: not self.thrown_by)
    @rule()
    def die(self) -> None:
        """An error between the row and the commit."""
        self.now += timedelta(seconds=1)

        def fail(conn: object, cursor: object, statement: str, *rest: object) -> None:
            if statement.startswith("INSERT INTO journal"):
                raise RuntimeError("killed")

        sa.event.listen(self.ledger._engine, "after_cursor_execute", fail)
        try:
            with pytest.raises(RuntimeError, match="killed"):
                self.ledger.switch("throw", "Ana", "why", self.now)
        finally:
            sa.event.remove(self.ledger._engine, "after_cursor_execute", fail)

    @invariant()
    def the_journal_is_the_story(self) -> None:
        event = self.ledger.thrown()
        assert (event["person"] if event else "") == self.thrown_by
        people = self.ledger.switch_events()
        assert people["action"].to_list() == ["throw", "reset"] * (self.events // 2) + ["throw"] * (self.events % 2)
        resets = people.filter(number=people["number"]).rows(named=True)
        assert all(a["person"] != b["person"] for a, b in zip(resets[::2], resets[1::2], strict=False))
        assert self.ledger.journal().height == self.events
        assert self.ledger.verify_journal() == []

    def teardown(self) -> None:
        self.ledger.close()


def test_the_switch_has_one_state_whatever_three_people_do(new_url: Callable[[], str]) -> None:
    run_state_machine_as_test(
        lambda: TwoPeople(new_url), settings=settings(max_examples=6, stateful_step_count=12, deadline=None)
    )
