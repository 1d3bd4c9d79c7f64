"""Overrides as people give them: roles, the second person, what level is refused, and every refusal in the journal."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from macro_fund.pms import overrides
from macro_fund.pms.approval import Desk
from macro_fund.pms.execution import orders_from
from macro_fund.pms.people import Actor
from macro_fund.store.ledger import Ledger, LedgerError, open_ledger
from macro_fund.store.tables import TABLES
from macro_fund_tests.pms.builders import TABLE, desk_of, mark, marks, marks_of, proposals, utc
from macro_fund_tests.pms.test_cli import Desk as Prompt
from macro_fund_tests.store.stories import fill_of

TRADED, DAY = date(2025, 2, 10), date(2025, 2, 11)
NOW = utc(2025, 2, 11, 22)  # 19:00 in Sao Paulo
ANA = Actor("Ana", frozenset({"pm"}), signed=True)
BIA = Actor("Bia", frozenset({"risk"}), signed=True)
CAI = Actor("Cai", frozenset({"ops"}), signed=True)
EVA = Actor("Eva", frozenset({"viewer"}), signed=True)
SETTLED = marks(mark("DI1F27", date(2025, 2, 7), 76500.0), mark("DI1F27", TRADED, 76828.74))


def trade(ledger: Ledger) -> None:
    """Buy 120 DI1F27 at the settlement of 10 February 2025."""
    ledger.record_proposals(proposals(), utc(2025, 2, 10))
    ledger.decide("ab12cd34ef56", "approve", "Ana", "", utc(2025, 2, 10))
    orders = orders_from(ledger.pending_approvals())
    ledger.record_orders(orders, utc(2025, 2, 10))
    ledger.record_fills(fill_of(orders.row(0, named=True)), utc(2025, 2, 10, 22))


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    opened = open_ledger(f"sqlite:///{tmp_path / 'ledger.sqlite'}")
    trade(opened)
    yield opened
    opened.close()


def ask(
    ledger: Ledger, who: Actor = ANA, minutes: int = 0, known: pl.DataFrame = SETTLED, **lake: pl.DataFrame
) -> Desk:
    tables = {"silver/contract_marks": known} | {k.replace("__", "/"): v for k, v in lake.items()}
    return desk_of(ledger, NOW + timedelta(minutes=minutes), who, tables)


def give(desk: Desk, **given: Any) -> dict[str, Any]:
    said = {"contract": "di1f27", "trade_date": DAY, "level": 0.149, "reason": "B3 sent no file"} | given
    contract, day, level = (said.pop(k) for k in ("contract", "trade_date", "level"))
    return overrides.override(desk, contract, day, level, **said)


def refused(ledger: Ledger) -> dict[str, Any]:
    """The newest refusal; and the journal says the same as the rows."""
    assert ledger.verify_journal() == []
    return ledger.refusals().sort("recorded_at").row(-1, named=True)


def test_two_people_give_a_level_and_one_takes_it_back(ledger: Ledger) -> None:
    given = give(ask(ledger))
    assert given["shown"] == "0.14875 settled on 2025-02-10"
    assert overrides.confirm(ask(ledger, BIA, 1), given["override_id"][:5])["person"] == "Bia"
    overrides.revoke(ask(ledger, CAI, 2), given["override_id"], reason="it came after all")
    row = ledger.overrides().row(0, named=True)
    assert [row[k] for k in ("contract", "person", "confirmed_by", "revoked_by")] == ["DI1F27", "Ana", "Bia", "Cai"]
    assert ledger.refusals().is_empty()


@pytest.mark.parametrize(
    ("who", "given", "words"),
    [
        (EVA, {}, r"Eva \(viewer\) may not override: it takes role pm or risk or ops"),
        (ANA, {"reason": " "}, "needs a reason"),
        (ANA, {"contract": "DI1F99"}, "no settlement of DI1F99 is known: check the code"),
        (ANA, {"trade_date": date(2025, 2, 12)}, "has not closed yet: its settlement can be overridden from 18:00 on"),
        (ANA, {"trade_date": date(2025, 2, 9)}, "B3 was closed on 2025-02-09"),
        (ANA, {"trade_date": date(2025, 2, 7)}, "did not hold DI1F27 after the close of 2025-02-07"),
        (ANA, {"level": 14.9}, r"more than 25% away from 0.14875, .*rates as decimals \(13.05% is 0.1305\)"),
        (ANA, {"level": float("nan")}, "more than 25% away"),
        (Actor("", frozenset({"pm"}), problem="sign in first"), {}, "sign in first"),
    ],
)
def test_what_nobody_may_say_is_refused_and_journalled(
    ledger: Ledger, who: Actor, given: dict[str, Any], words: str
) -> None:
    with pytest.raises(LedgerError, match=words):
        give(ask(ledger, who), **given)
    assert ledger.overrides().is_empty()
    told = refused(ledger)
    assert (told["action"], told["person"]) == ("override", who.name)
    assert told["subject"].startswith(str(given.get("contract", "DI1F27")))


def test_a_typical_day_bounds_the_level_and_more_days_bound_it_less(ledger: Ledger) -> None:
    days = TABLE.keys(date(2024, 12, 16), TRADED)
    moved = marks_of("DI1F27", days, [127.12564 if k % 2 else -127.12564 for k in range(len(days))])
    # a typical day is 10 bp: 5 of them from 14.875% are 14.37% to 15.38%
    with pytest.raises(LedgerError, match=r"more than 5 typical days \(0.005"):
        give(ask(ledger, known=marks(*moved)), level=0.1545)
    give(ask(ledger, known=marks(*moved)), level=0.1535)
    two = ask(ledger, minutes=24 * 60, known=marks(*moved))
    give(two, trade_date=date(2025, 2, 12), level=0.1545)  # 7 of them on two days


def test_a_settlement_of_a_later_day_leaves_nothing_to_override(ledger: Ledger) -> None:
    later = marks(*SETTLED.to_dicts(), mark("DI1F27", date(2025, 2, 12), 76900.0))
    with pytest.raises(LedgerError, match="of 2025-02-12 is known, and what came before is in it"):
        give(ask(ledger, known=later))
    given = give(ask(ledger))
    with pytest.raises(LedgerError, match="nothing to override on 2025-02-11"):
        overrides.confirm(ask(ledger, BIA, 5, known=later), given["override_id"])
    assert refused(ledger)["subject"] == given["override_id"]
    overrides.revoke(ask(ledger, BIA, 6, known=later), given["override_id"], reason="settled")


@pytest.mark.parametrize(
    ("who", "words"),
    [
        (ANA, "another person has to confirm it"),
        (EVA, "may not confirm override"),
        (Actor("a na", frozenset({"risk"})), "another"),
    ],
)
def test_the_second_person_is_another_one_with_a_role(ledger: Ledger, who: Actor, words: str) -> None:
    given = give(ask(ledger))
    with pytest.raises(LedgerError, match=words):
        overrides.confirm(ask(ledger, who, 1), given["override_id"])
    assert refused(ledger)["action"] == "confirm override"
    assert ledger.overrides()["confirmed_at"].to_list() == [None]


def test_a_root_whose_level_is_not_enough_cannot_be_overridden(ledger: Ledger) -> None:
    ddi = marks(mark("DI1F27", TRADED, 76828.74), mark("DDIF27", TRADED, 95000.0))
    with pytest.raises(LedgerError, match="DDI cannot be overridden, only DI1, DOL"):
        give(ask(ledger, known=ddi), contract="DDIF27", level=95000.0)


def test_a_book_that_is_made_before_its_cut_off_does_not_change(ledger: Ledger) -> None:
    """The run of 08:35 has made the book of a session that knows what is recorded until 08:55."""
    given = give(ask(ledger))
    session = date(2025, 2, 12)
    made = pl.DataFrame([{"session": session}], schema={"session": TABLES["pms/marks"].schema["session"]})
    early = desk_of(ledger, utc(2025, 2, 12, 11, 40), BIA, {"silver/contract_marks": SETTLED, "pms/marks": made})
    for act in (
        lambda: overrides.confirm(early, given["override_id"]),
        lambda: overrides.revoke(early, given["override_id"], reason="x"),
    ):
        with pytest.raises(LedgerError, match="knows what is recorded until 08:55 Sao Paulo: come back"):
            act()
    late = desk_of(ledger, utc(2025, 2, 12, 11, 56), BIA, {"silver/contract_marks": SETTLED, "pms/marks": made})
    overrides.confirm(late, given["override_id"])


# the commands


@pytest.fixture
def prompt(ledger: Ledger) -> Prompt:
    made = Prompt(ledger)
    made.now = NOW
    made.lake["silver/contract_marks"] = SETTLED
    return made


def test_the_commands_show_give_confirm_and_revoke(prompt: Prompt) -> None:
    assert prompt.says("marks") == "No contract is held: there is nothing to mark."
    typed = ["DI1F27", "--date", "2025-02-11", "--price", "0.149"]
    said = prompt.says("marks", "override", *typed, "--reason", "no file", "--as", "Ana")
    oid = prompt.ledger.overrides()["override_id"][0]
    told = "DI1F27 of 2025-02-11 at 14.900%: it counts once another person confirms it with"
    assert said == f"{told} `macro-fund marks confirm {oid}`"
    assert "waits for a second person" in prompt.says("marks")
    assert "another person has to confirm it" in prompt.fails("marks", "confirm", oid, "--as", "Ana")
    assert "confirmed by Bia" in prompt.says("marks", "confirm", oid, "--as", "Bia")
    assert "needs a reason" in prompt.fails("marks", "revoke", oid, "--as", "Bia")
    assert "revoked by Bia" in prompt.says("marks", "revoke", oid, "--reason", "it came", "--as", "Bia")
    assert oid not in prompt.says("marks")


def test_the_marks_of_a_session_are_shown_with_their_rung(prompt: Prompt) -> None:
    row = {**mark("DI1F27", TRADED, 76828.74), "close": DAY, "basis": "previous", "source": "settlement"}
    old = {**row, "contract": "DOLH25", "settle_rate": None, "basis": "none", "pnl_brl": -1.5}
    schema = TABLES["pms/marks"].schema
    rows = [{k: r.get(k) for k in schema} | {"session": date(2025, 2, 12)} for r in (row, old)]
    prompt.lake["pms/marks"] = pl.DataFrame(rows, schema=schema, orient="row")
    shown = prompt.says("marks")
    assert "Marks of 2025-02-11, as session 2025-02-12 knew them (SAMPLE data)" in shown
    assert "14.875%" in shown
    assert "previous" in shown
    assert "none" in shown
    assert "76,828" not in shown  # what is no mark has no level
    assert "nothing to mark" in prompt.says("marks", "--session", "2025-02-10")
    found = json.loads(prompt.run("marks", "--json").stdout)
    assert [m["basis"] for m in found["marks"]] == ["previous", "none"]
