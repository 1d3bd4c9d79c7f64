"""The command that writes notes, who may, and where they are shown."""

from __future__ import annotations

import json
from datetime import date, timedelta
from pathlib import Path

import pytest

from macro_fund.pms.notes import note
from macro_fund.pms.people import Actor
from macro_fund.store.ledger import LedgerError, open_ledger
from macro_fund_tests.pms.builders import SETTINGS, desk_of, proposals, utc
from macro_fund_tests.pms.test_cli import PID, Desk
from macro_fund_tests.pms.test_results_cli import _traded


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(open_ledger(f"sqlite:///{tmp_path / 'ledger.sqlite'}"))


@pytest.fixture
def traded(desk: Desk) -> Desk:
    """A trade that was closed on 13 February; it is the 14th."""
    _traded(desk)
    desk.now = utc(2025, 2, 14)
    return desk


def test_a_lesson_makes_a_closed_trade_reviewed(traded: Desk) -> None:
    (row,) = json.loads(traded.says("outcomes", "--json"))
    assert (row["state"], row["notes"]) == ("closed", [])
    assert "│ closed │" in traded.says("outcomes")
    said = traded.says("note", PID[:4], "the target was  met a day early", "--lesson", "--as", "Ana Lima")
    assert said == f"lesson on proposal {PID} by Ana Lima, in the journal."
    (row,) = json.loads(traded.says("outcomes", "--json"))
    assert row["state"] == "reviewed"
    assert [(n["kind"], n["text"]) for n in row["notes"]] == [("lesson", "the target was met a day early")]
    out = traded.says("outcomes")
    assert "│ reviewed │" in out
    assert "What was written about them" in out
    assert "│ lesson │ proposal │ 2025-02-14 10:00 │ Ana Lima │ the target was met a day early │" in out


def test_the_trade_itself_can_be_named(traded: Desk) -> None:
    (row,) = json.loads(traded.says("outcomes", "--json"))
    made = json.loads(traded.says("note", row["trip_id"], "x", "--as", "Ana", "--json"))
    assert (made["kind"], made["about"], made["subject"], made["proposal_id"]) == ("note", "trade", "f0", PID)
    assert "│ reviewed │" in traded.says("outcomes")


def test_the_journal_tells_what_each_entry_is_about(traded: Desk) -> None:
    traded.says("note", PID, "sized too late " * 9, "--as", "Ana")
    out = traded.says("journal", "list")
    assert f"note Ana {PID} sized too late" in out
    assert "approve Ana" in out
    assert "DI1F27 120 open" in out
    assert "…" in out


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([PID, " ", "--as", "Ana"], f"a note needs words: macro-fund note {PID}"),
        ([PID, "", "--lesson", "--as", "Ana"], "a lesson needs words"),
        ([PID, "x"], "who writes the note? Give a person's name (--as NAME)"),
        (["c0ffee", "x", "--as", "Ana"], "nothing has the id 'c0ffee'"),
        (["2025-02-09", "x", "--as", "Ana"], "2025-02-09 is no session: B3 is closed on it"),
        (["2025-02-17", "x", "--as", "Ana"], "2025-02-17 is none of this fund's sessions: they run from"),
        (["1999-01-04", "x", "--as", "Ana"], "1999-01-04 is no session"),
    ],
)
def test_a_refusal_is_one_line_and_an_entry_of_the_journal(traded: Desk, arguments: list[str], words: str) -> None:
    said = traded.fails("note", *arguments)
    assert words in said
    told = traded.ledger.refusals().row(-1, named=True)
    assert (told["action"], told["subject"]) == ("note", arguments[0])
    assert said == f"error: {told['reason']}\n"
    assert traded.ledger.notes().is_empty()


def test_a_session_has_notes_of_its_own(traded: Desk) -> None:
    assert "note on session 2025-02-13" in traded.says("note", "2025-02-13", "COPOM surprised", "--as", "Ana")
    assert "│ closed │" in traded.says("outcomes")


def test_a_session_before_the_inception_is_not_the_fund_s(traded: Desk) -> None:
    traded.settings = SETTINGS.model_copy(
        update={"fund": SETTINGS.fund.model_copy(update={"inception": date(2025, 2, 3)})}
    )
    assert "they run from 2025-02-03 to 2025-02-14" in traded.fails("note", "2025-01-31", "x", "--as", "Ana")
    traded.says("note", "2025-02-03", "x", "--as", "Ana")


@pytest.mark.parametrize(("role", "may"), [("pm", True), ("risk", True), ("ops", True), ("viewer", False)])
def test_any_role_but_viewer_writes(desk: Desk, role: str, may: bool) -> None:
    desk.ledger.record_proposals(proposals(), desk.now)
    at = desk_of(desk.ledger, desk.now + timedelta(minutes=1), Actor("Eva", frozenset({role}), signed=True))
    if may:
        assert note(at, PID, "x")["role"] == role
        return
    with pytest.raises(LedgerError, match=r"Eva \(viewer\) may not note: it takes role pm or risk or ops"):
        note(at, PID, "x")
    assert desk.ledger.refusals()["person"].to_list() == ["Eva"]
    assert desk.ledger.notes().is_empty()


def test_a_journal_whose_entry_was_changed_is_still_listed(traded: Desk) -> None:
    from macro_fund_tests.store.stories import run_sql

    url = str(traded.ledger._engine.url)
    run_sql(url, "UPDATE journal SET body = '7' WHERE seq = 1", unlocked=True)
    assert "cannot be read: macro-fund journal verify" in traded.says("journal", "list")
