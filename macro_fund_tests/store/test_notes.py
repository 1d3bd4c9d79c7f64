"""Notes in the ledger: what they can be about, what is refused, and that they stay."""

from __future__ import annotations

from datetime import timedelta

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from macro_fund.store.ledger import Ledger, LedgerError, open_ledger
from macro_fund.store.ledger_notes import session_named
from macro_fund_tests.pms.builders import proposals
from macro_fund_tests.store.stories import LATER, NOW, OTHER, PID, full_story, ledger_at, run_sql


@pytest.fixture
def story(ledger: Ledger) -> Ledger:
    full_story(ledger)
    return ledger


def test_what_a_note_can_be_about(story: Ledger) -> None:
    decision = story.proposal(PID)["decision_id"]
    targets = {
        PID: ("proposal", PID, PID),
        OTHER[:2]: ("proposal", OTHER, OTHER),
        decision.upper(): ("decision", decision, PID),
        " f1 ": ("trade", "f1", PID),
        "2025-02-10": ("session", "2025-02-10", None),
    }
    for k, (target, (about, subject, proposal)) in enumerate(targets.items()):
        made = story.note(target, "note", " Ana  Lima ", "pm", " two\n lines ", LATER + timedelta(minutes=k))
        assert (made["about"], made["subject"], made["proposal_id"]) == (about, subject, proposal)
        assert (made["person"], made["text"]) == ("Ana Lima", "two lines")
    assert story.notes()["about"].to_list() == [about for about, *_ in targets.values()]
    assert story.journal()["kind"].to_list()[-5:] == ["note"] * 5
    assert story.verify_journal() == []


def test_a_note_is_known_from_its_time_on(story: Ledger) -> None:
    story.note(PID, "lesson", "Ana", "pm", "x", LATER)
    assert story.notes(NOW).is_empty()
    assert story.notes(LATER).height == 1


def test_the_same_note_sent_again_is_the_same_note(story: Ledger) -> None:
    first = story.note(PID, "note", "Ana", "pm", "x", LATER)
    assert story.note(PID, "note", "Ana", "pm", "x", LATER) == first
    story.note(PID, "lesson", "Ana", "pm", "x", LATER)
    story.note(PID, "note", "Ana", "pm", "x", LATER + timedelta(seconds=1))
    assert sorted(story.notes()["kind"]) == ["lesson", "note", "note"]
    assert story.verify_journal() == []


@pytest.mark.parametrize(
    ("target", "person", "text", "words"),
    [
        ("0000", "Ana", "x", "nothing has the id '0000': a note is about a proposal, a decision, a trade"),
        ("", "Ana", "x", "nothing has the id ''"),
        ("2025-13-01", "Ana", "x", "nothing has the id '2025-13-01'"),
        ("f", "Ana", "x", rf"'f' fits 2 things: proposal {OTHER}, trade f1; type more digits"),
        (PID, " ", "x", r"who writes the note\? Give a person's name"),
        (PID, "Ana", " \n ", f"a note needs words: macro-fund note {PID}"),
    ],
)
def test_what_is_refused(story: Ledger, target: str, person: str, text: str, words: str) -> None:
    before = story.journal_head()
    with pytest.raises(LedgerError, match=words):
        story.note(target, "note", person, "pm", text, LATER)
    assert story.journal_head() == before
    assert story.notes().is_empty()


def test_the_database_itself_refuses_a_note_without_words(story: Ledger, url: str) -> None:
    values = [
        "'n9'",
        "'note'",
        "'proposal'",
        f"'{PID}'",
        f"'{PID}'",
        "'Ana'",
        "'pm'",
        "'x'",
        "'2025-02-10 14:00:00+00'",
    ]
    for at, wrong in ((1, "'rumour'"), (2, "'weather'"), (2, "'session'"), (4, "NULL"), (5, "''"), (7, "''")):
        row = ", ".join([*values[:at], wrong, *values[at + 1 :]])
        with pytest.raises(sa.exc.IntegrityError):
            run_sql(url, f"INSERT INTO notes VALUES ({row})")
    assert story.notes().is_empty()


def test_a_changed_note_is_found(story: Ledger, url: str) -> None:
    made = story.note(PID, "lesson", "Ana", "pm", "we were early", LATER)
    run_sql(url, "UPDATE notes SET text = 'we were right'", unlocked=True)
    assert story.verify_journal() == [f"notes row {made['note_id']} differs from journal entry 6"]


def test_a_ledger_from_before_takes_notes(empty_url: str) -> None:
    old = ledger_at(empty_url, "0006")
    old.record_proposals(proposals(), NOW)
    old.close()
    ledger = open_ledger(empty_url)
    ledger.note(PID, "note", "Ana", "pm", "x", LATER)
    assert ledger.verify_journal() == []
    ledger.close()


@given(st.from_regex(r"[0-9a-f]{1,12}", fullmatch=True))
def test_no_digits_of_an_id_are_a_day(text: str) -> None:
    assert session_named(text) is None
