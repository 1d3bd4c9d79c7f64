"""Overrides of marks and calendar events in the ledger: two people, corrections that append, and what is refused."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import polars as pl
import pytest

from macro_fund.store.ledger import Ledger, LedgerError
from macro_fund_tests.store.stories import LATER, NOW, event, override

SECOND = timedelta(seconds=1)


def test_an_override_its_confirmation_and_its_revocation_are_rows(ledger: Ledger) -> None:
    given = ledger.override(override(person="  Ana   Lima ", reason=" no file "), NOW)
    assert (given["person"], given["reason"]) == ("Ana Lima", "no file")
    ledger.override_step(given["override_id"][:6], "confirm", "Bia", "", LATER)
    ledger.override_step(given["override_id"], "revoke", "Ana Lima", "the file came", LATER + SECOND)
    row = ledger.overrides().row(0, named=True)
    assert (row["confirmed_by"], row["confirmed_at"]) == ("Bia", LATER)
    assert (row["revoked_by"], row["revoked_at"], row["revoked_why"]) == ("Ana Lima", LATER + SECOND, "the file came")
    assert ledger.find_override(given["override_id"][:4]) == {**row, "shown": override()["shown"]}
    assert ledger.journal()["kind"].to_list() == ["override", "override_step", "override_step"]
    assert ledger.verify_journal() == []


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"person": " "}, "who overrides"),
        ({"reason": "  "}, "needs a reason"),
        ({"level": 0.15}, r"is overridden already, at 0\.149 by Ana .*first `macro-fund marks revoke"),
        ({"contract": "DI1F28"}, None),
        ({"trade_date": date(2025, 2, 7)}, None),
    ],
)
def test_what_is_no_override(ledger: Ledger, given: dict[str, Any], words: str | None) -> None:
    ledger.override(override(), NOW)
    if words is None:
        ledger.override(override(**given), LATER)
        return
    with pytest.raises(LedgerError, match=words):
        ledger.override(override(**given), LATER)
    assert ledger.overrides().height == 1


def test_after_a_revocation_another_level_may_be_given(ledger: Ledger) -> None:
    first = ledger.override(override(), NOW)
    ledger.override_step(first["override_id"], "revoke", "Ana", "a slip", NOW)
    ledger.override(override(level=0.15), LATER)
    assert ledger.overrides()["level"].to_list() == [0.149, 0.15]


@pytest.mark.parametrize(
    ("done", "step", "words"),
    [
        ((), ("confirm", "ana", ""), "was given by Ana: another person has to confirm it"),
        ((), ("confirm", " A n a ", ""), "another person"),
        ((), ("confirm", "", ""), "who asks to confirm it"),
        ((), ("revoke", "Bia", " "), "needs a reason"),
        ((("confirm", "Bia", ""),), ("confirm", "Cai", ""), "confirmed by Bia already"),
        ((("revoke", "Bia", "x"),), ("confirm", "Cai", ""), r"revoked by Bia \(x\): give a new one"),
        ((("revoke", "Bia", "x"),), ("revoke", "Cai", "y"), "revoked by Bia"),
    ],
)
def test_what_is_no_step(ledger: Ledger, done: tuple[Any, ...], step: tuple[Any, ...], words: str) -> None:
    oid = ledger.override(override(), NOW)["override_id"]
    for each in done:
        ledger.override_step(oid, *each, LATER)
    with pytest.raises(LedgerError, match=words):
        ledger.override_step(oid, *step, LATER + SECOND)
    with pytest.raises(LedgerError, match="check the clock"):
        ledger.override_step(
            ledger.override(override(contract="DI1F29"), LATER)["override_id"], "confirm", "Bia", "", NOW
        )
    with pytest.raises(LedgerError, match="no override 'zz'"):
        ledger.override_step("zz", "confirm", "Bia", "", LATER)


# calendar events


def test_a_correction_is_a_version_and_each_moment_has_its_own(ledger: Ledger) -> None:
    first = ledger.record_event(event(), NOW)
    fixed = event(event_date=date(2025, 7, 2), reason="holiday")
    second = ledger.record_event(fixed, LATER, first["event_id"][:6])
    assert (second["event"], second["version"]) == (first["event_id"], 2)
    days = [ledger.events(at)["event_date"].to_list() for at in (NOW - SECOND, NOW, LATER - SECOND, LATER, None)]
    assert days == [[], [date(2025, 7, 1)], [date(2025, 7, 1)], [date(2025, 7, 2)], [date(2025, 7, 2)]]
    ledger.record_event(event(kind="withdrawn", reason="called"), LATER + SECOND, first["event_id"])
    assert ledger.events().select("kind", "version").rows() == [("withdrawn", 3)]
    assert ledger.journal()["kind"].to_list() == ["calendar_event"] * 3
    assert ledger.verify_journal() == []


@pytest.mark.parametrize(
    ("given", "corrects", "words"),
    [
        ({"kind": "split"}, None, "kind 'split' is unknown; allowed: coupon"),
        ({"source": " "}, None, "the source that says so"),
        ({"instrument": ""}, None, "needs an instrument"),
        ({"person": ""}, None, "who records it"),
        ({"amount": float("nan")}, None, "is no number"),
        ({"kind": "withdrawn"}, None, "must be an event that is there"),
        ({}, "first", "a correction needs a reason"),
        ({"reason": "x"}, "zz", "no event 'zz'"),
    ],
)
def test_what_is_no_event(ledger: Ledger, given: dict[str, Any], corrects: str | None, words: str) -> None:
    first = ledger.record_event(event(), NOW)["event_id"]
    with pytest.raises(LedgerError, match=words):
        ledger.record_event(event(**given), LATER, first if corrects == "first" else corrects)
    assert ledger.events().height == 1


def test_an_amount_may_be_unknown_and_events_come_by_day(ledger: Ledger) -> None:
    ledger.record_event(event(instrument="DI1F27", kind="expiry", amount=None, event_date=date(2027, 1, 4)), NOW)
    ledger.record_event(event(), NOW)
    assert ledger.events().select("instrument", "amount").rows() == [("NTN-F 2035", 48.808848), ("DI1F27", None)]
    assert ledger.events().filter(pl.col("version") == 1).height == 2
