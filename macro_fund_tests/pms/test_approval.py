"""Approval as people use it: roles, the second person, a person's own trade, and every refusal in the journal."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import sqlalchemy as sa

from macro_fund.pms import approval, discretionary
from macro_fund.pms.approval import Desk
from macro_fund.pms.execution import orders_from
from macro_fund.pms.people import Actor
from macro_fund.store.ledger import Ledger, LedgerError, open_ledger
from macro_fund_tests.pms.builders import SETTINGS, desk_of, frame, mark, marks, proposals, utc
from macro_fund_tests.pms.test_gate import limit

NOW = utc(2025, 2, 10)
DAY = date(2025, 2, 10)
PID = "ab12cd34ef56"
ANA = Actor("Ana", frozenset({"pm"}), signed=True)
BIA = Actor("Bia", frozenset({"risk"}), signed=True)
CAI = Actor("Cai", frozenset({"ops"}), signed=True)
# 120 contracts at 12.7125 BRL a bp are 5% of 0.03% of 100 million; 1,000 are 42%.
BIG: dict[str, Any] = {"quantity": 1000, "position_after": 1000, "dv01_after_brl": 12712.5}
NAV = frame(
    "pms/nav",
    [
        {
            "session": DAY,
            "trade_date": date(2025, 2, 7),
            "opening_nav_brl": Decimal("100000000.00"),
            "pnl_brl": Decimal("0.00"),
            "nav_brl": Decimal("100000000.00"),
            "cdi_index": 1.0,
            "fund_index": 1.0,
        }
    ],
)
SETTLED = marks(mark("DI1F27", date(2025, 2, 7), 76828.74))


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    opened = open_ledger(f"sqlite:///{tmp_path / 'ledger.sqlite'}")
    yield opened
    opened.close()


def ask(ledger: Ledger, who: Actor = ANA, minutes: int = 0, **lake: pl.DataFrame) -> Desk:
    tables = {key.replace("__", "/"): rows for key, rows in lake.items()}
    return desk_of(ledger, NOW + timedelta(minutes=minutes), who, tables)


def tables_without_journal(ledger: Ledger) -> list[Any]:
    """Everything that people decided and traded, as it stands."""
    names = ("proposals", "decisions", "reviews", "confirmations", "orders", "fills", "switch_events")
    with ledger._read() as conn:
        return [conn.execute(sa.text(f"SELECT * FROM {name} ORDER BY 1")).all() for name in names]


def refused(ledger: Ledger, words: str, act: Any, *arguments: Any, **named: Any) -> dict[str, Any]:
    """The one refusal that the action leaves, after it changed nothing else."""
    before, count = tables_without_journal(ledger), ledger.refusals().height
    with pytest.raises(LedgerError, match=words) as caught:
        act(*arguments, **named)
    assert tables_without_journal(ledger) == before
    left = ledger.refusals()
    assert left.height == count + 1
    entry = ledger.journal().row(-1, named=True)
    body = json.loads(entry["body"])
    assert (entry["kind"], body["reason"]) == ("refusal", str(caught.value))
    assert ledger.verify_journal() == []
    return body


# the six refusals that must be


def test_a_double_approval(ledger: Ledger) -> None:
    ledger.record_proposals(proposals(), NOW)
    approval.approve(ask(ledger), PID)
    seen = approval.digest(ledger.proposal(PID, at=NOW + timedelta(minutes=1)))
    body = refused(ledger, "was approved by Ana .* a decision is final", approval.approve, ask(ledger, minutes=1), PID)
    assert (body["action"], body["subject"], body["person"], body["shown"]) == ("approve", PID, "Ana", seen)


def test_an_approval_after_expiry(ledger: Ledger) -> None:
    ledger.record_proposals(proposals(), NOW)
    refused(ledger, "expired at 2025-02-10 18:00 Sao Paulo", approval.approve, ask(ledger, minutes=8 * 60), PID)


@pytest.mark.parametrize(
    ("who", "action", "words"),
    [
        (BIA, "approve", r"Bia \(risk\) may not approve: it takes role pm"),
        (CAI, "modify", r"Cai \(ops\) may not modify: it takes role pm"),
        (CAI, "reject", r"Cai \(ops\) may not reject: it takes role pm or risk"),
        (ANA, "confirm", r"Ana \(pm\) may not confirm: it takes role risk"),
        (Actor("Davi", frozenset({"viewer"}), signed=True), "approve", r"Davi \(viewer\) may not approve"),
        (Actor("Eva", frozenset(), problem="nobody is signed in"), "approve", "nobody is signed in"),
    ],
)
def test_the_wrong_role(ledger: Ledger, who: Actor, action: str, words: str) -> None:
    ledger.record_proposals(proposals(), NOW)
    named = {"modify": {"quantity": 60}, "reject": {"note": "no"}}.get(action, {})
    body = refused(ledger, words, getattr(approval, action), ask(ledger, who), PID, **named)
    assert (body["action"], body["person"]) == (action, who.name)


def test_a_superseded_proposal(ledger: Ledger) -> None:
    """The session's targets were computed again: what the lake holds now is another trade."""
    again = proposals({"proposal_id": "ff00ff00ff00", "quantity": 130, "position_after": 130})
    ledger.record_proposals(pl.concat([proposals(), again]), NOW)
    desk = ask(ledger, pms__trade_proposals=again)
    refused(ledger, f"{PID} is superseded: the session's targets were computed again", approval.approve, desk, PID)
    approval.approve(desk, "ff00")


def test_the_wrong_sign(ledger: Ledger) -> None:
    ledger.record_proposals(proposals(), NOW)
    refused(ledger, "-60 is another side", approval.modify, ask(ledger), PID, quantity=-60)
    wrong = {"proposal_id": "ff00ff00ff00", "contract": "DI1F28", "screen_side": "BUY rate (pay) DI1F28"}
    ledger.record_proposals(proposals(wrong), NOW)
    refused(ledger, r"it says 'BUY rate .*\+120 contracts mean 'SELL rate", approval.approve, ask(ledger), "ff00")


def test_a_breached_limit(ledger: Ledger) -> None:
    ledger.record_proposals(proposals(), NOW)
    desk = ask(ledger, risk__limits=frame("risk/limits", [limit("var_95", "breach", DAY)]))
    refused(ledger, r"adds risk, and only less is allowed \(limit var_95 110% used\)", approval.approve, desk, PID)


# others


@pytest.mark.parametrize(
    ("named", "words"),
    [({"note": " "}, "a rejection needs a note"), ({"note": "no", "seen": "0123"}, "you saw state 0123, it is")],
)
def test_a_rejection_that_is_refused(ledger: Ledger, named: dict[str, str], words: str) -> None:
    ledger.record_proposals(proposals(), NOW)
    body = refused(ledger, words, approval.reject, ask(ledger), PID, **named)
    assert body["shown"] == (named.get("seen") or approval.digest(ledger.proposal(PID, at=NOW)))


def test_an_unknown_proposal_is_journalled_as_it_was_typed(ledger: Ledger) -> None:
    body = refused(ledger, "no proposal 'zz'", approval.approve, ask(ledger), "zz")
    assert (body["subject"], body["shown"]) == ("zz", "")


def test_the_kill_switch_too(ledger: Ledger) -> None:
    ledger.record_proposals(proposals(), NOW)
    approval.switch(ask(ledger, CAI), "throw", note="prices")
    refused(ledger, "the kill switch is thrown", approval.approve, ask(ledger, minutes=1), PID)
    refused(ledger, r"Cai \(ops\) may not reset", approval.switch, ask(ledger, CAI, 2), "reset", note="fine")
    refused(ledger, "is thrown already", approval.switch, ask(ledger, BIA, 3), "throw", note="x")
    approval.switch(ask(ledger, BIA, 4), "reset", note="fine")
    approval.approve(ask(ledger, minutes=5), PID)


def test_risk_may_reject_and_what_was_seen_is_written_down(ledger: Ledger) -> None:
    ledger.record_proposals(proposals(), NOW)
    seen = approval.digest(ledger.proposal(PID, at=NOW))
    approval.reject(ask(ledger, BIA), PID, note="too big", seen=seen)
    with ledger._read() as conn:
        assert conn.execute(sa.text("SELECT role, shown, second FROM reviews")).one() == ("risk", seen, "")


# the second person


@pytest.fixture
def waiting(ledger: Ledger) -> Ledger:
    """Ana approved a trade that uses 42% of the DV01 limit."""
    ledger.record_proposals(proposals(BIG), NOW)
    done = approval.approve(ask(ledger), PID)
    assert "it uses 42% of the limit br_dv01" in done.second
    assert "more than 25%" in done.second
    return ledger


def test_the_order_waits_for_the_second_person(waiting: Ledger) -> None:
    assert waiting.proposal(PID, at=NOW)["status"] == "unconfirmed"
    assert waiting.pending_approvals().is_empty()
    row = approval.confirm(ask(waiting, BIA, 1), PID, note="within the plan")
    assert row["person"] == "Bia"
    assert waiting.proposal(PID, at=NOW)["status"] == "approved"
    assert waiting.journal()["kind"].to_list() == ["proposal", "decision", "review", "confirmation"]
    assert waiting.pending_approvals()["quantity"].to_list() == [1000]
    refused(waiting, "was confirmed by Bia at", approval.confirm, ask(waiting, BIA, 2), PID)


def test_who_approved_never_confirms(waiting: Ledger) -> None:
    both = Actor("ANA", frozenset({"risk"}), signed=True)
    refused(waiting, "was approved by Ana: another person has to confirm", approval.confirm, ask(waiting, both, 1), PID)


def test_unconfirmed_it_expires(waiting: Ledger) -> None:
    late = ask(waiting, BIA, 8 * 60)
    assert waiting.proposal(PID, at=late.at)["status"] == "expired"
    refused(waiting, "expired unconfirmed at 2025-02-10 18:00", approval.confirm, late, PID)
    assert waiting.pending_approvals().is_empty()


def test_the_switch_and_the_limits_are_asked_again(waiting: Ledger) -> None:
    breach = frame("risk/limits", [limit("var_95", "breach", DAY)])
    refused(waiting, "only less is allowed", approval.confirm, ask(waiting, BIA, 1, risk__limits=breach), PID)
    waiting.switch("throw", "Cai", "x", NOW + timedelta(minutes=1))
    refused(waiting, "the kill switch is thrown", approval.confirm, ask(waiting, BIA, 2), PID)


def test_an_order_before_the_confirmation_is_refused_by_the_ledger(waiting: Ledger) -> None:
    row = {"session": DAY, "order_id": "o1", "proposal_id": PID, "instrument": "DI1_2Y", "contract": "DI1F27"}
    order = frame("pms/orders", [{**row, "quantity": 1000, "limit_level": None, "approved_by": "Ana"}])
    with pytest.raises(LedgerError, match="is not approved, or its approval waits for a second person"):
        waiting.record_orders(order, NOW)
    approval.confirm(ask(waiting, BIA, 1), PID)
    assert waiting.record_orders(orders_from(waiting.pending_approvals()), NOW) == 1


def test_nothing_to_confirm(ledger: Ledger) -> None:
    ledger.record_proposals(proposals(), NOW)
    refused(ledger, "is proposed: there is no approval to confirm", approval.confirm, ask(ledger, BIA), PID)
    approval.approve(ask(ledger), PID)
    refused(ledger, "was approved by Ana and needs no second person", approval.confirm, ask(ledger, BIA, 1), PID)


def test_a_person_alone_in_a_sample_fund_needs_nobody(ledger: Ledger) -> None:
    ledger.record_proposals(proposals(BIG), NOW)
    assert approval.approve(desk_of(ledger, NOW, "Ana"), PID).second == ""
    assert ledger.pending_approvals().height == 1


def test_the_threshold_is_the_mandates(ledger: Ledger) -> None:
    ledger.record_proposals(proposals(BIG), NOW)
    rules = SETTINGS.fund.approval.model_copy(update={"limit_share": 0.5})
    fund = SETTINGS.fund.model_copy(update={"approval": rules})
    desk = replace(ask(ledger), settings=SETTINGS.model_copy(update={"fund": fund}))
    assert approval.approve(desk, PID).second == ""


# a person's own trade


def own(ledger: Ledger, who: Actor = ANA, quantity: int = 50, contract: str = "di1f27", thesis: str = "x") -> Any:
    desk = ask(ledger, who, pms__nav=NAV, silver__contract_marks=SETTLED)
    return discretionary.trade(desk, contract, quantity, thesis=thesis)


def test_a_trade_of_ones_own_is_a_proposal_like_any_other(ledger: Ledger) -> None:
    made = own(ledger, thesis="IPCA surprises  below; wrong above 0.5%")
    assert (made["instrument"], made["position_after"], made["status"]) == ("DI1_2Y", 50, "proposed")
    assert made["shares"] == [{"strategy_id": "DISCRETIONARY", "share": 1.0}]
    assert (made["screen_side"], made["gain_if"]) == ("SELL rate (receive) DI1F27", "you gain if rates FALL")
    assert made["rationale"] == "Ana: IPCA surprises below; wrong above 0.5%"
    assert made["expires_at"] == utc(2025, 2, 10, 21)
    assert made["dv01_after_brl"] == pytest.approx(50 * 12.712564)
    approval.approve(ask(ledger, minutes=1), made["proposal_id"])
    assert ledger.pending_approvals()["quantity"].to_list() == [50]


@pytest.mark.parametrize(
    ("named", "words"),
    [
        ({"thesis": " "}, "needs a thesis"),
        ({"who": BIA}, r"Bia \(risk\) may not trade: it takes role pm"),
        ({"quantity": 0}, "0 contracts of DI1F27 is no trade"),
        ({"contract": "DI1F30"}, "no settlement of DI1F30 is known"),
        ({"quantity": 100_001}, r"the most for DI1_2Y is 100000"),
        ({"quantity": 20_000}, "br_dv01 of the book would be 848% used"),
    ],
)
def test_a_trade_of_ones_own_that_is_refused(ledger: Ledger, named: dict[str, Any], words: str) -> None:
    assert refused(ledger, words, own, ledger, **named)["action"] == "trade"


def test_without_the_book_of_the_day_nobody_trades(ledger: Ledger) -> None:
    refused(ledger, "`macro-fund run` first", discretionary.trade, ask(ledger), "DI1F27", 5, thesis="x")
    closed = replace(ask(ledger), at=utc(2025, 2, 9))
    refused(ledger, "B3 is closed on 2025-02-09", discretionary.trade, closed, "DI1F27", 5, thesis="x")


def test_a_second_trade_on_the_same_side_is_a_duplicate(ledger: Ledger) -> None:
    ledger.record_proposals(proposals(), NOW - timedelta(hours=1))
    approval.approve(ask(ledger), PID)
    refused(ledger, f"{PID} was approved for DI1F27 in the same session already", own, ledger)


# legs


@pytest.mark.parametrize(
    ("rejected", "second"), [(True, "100% of it is no hedge; decide on its legs together"), (False, "")]
)
def test_a_leg_of_a_neutral_trade_is_not_approved_alone_by_one_person(
    ledger: Ledger, rejected: bool, second: str
) -> None:
    share = [{"strategy_id": "RATES-01", "share": 1.0}]
    short = {"instrument": "DI1_5Y", "contract": "DI1F30", "quantity": -40, "screen_side": "BUY rate (pay) DI1F30"}
    short |= {"position_after": -40, "dv01_after_brl": -1525.5, "gain_if": "you gain if rates RISE"}
    short |= {"proposal_id": "0123456789ab", "entry_level": 0.14875, "shares": share}
    rows = proposals({"shares": share}, short)
    ledger.record_proposals(rows, NOW - timedelta(minutes=90))
    leg = {"session": DAY, "strategy_id": "RATES-01", "trade": "a", "signal": 0.5, "strength": 0.5, "direction": 1}
    weights = (("DI1_2Y", 1.0), ("DI1_5Y", -1.0))
    signals = frame(
        "signals/rates_01",
        [
            {**leg, "instrument": i, "leg_weight": w, "horizon_days": 21, "status": "ok", "reason": ""}
            for i, w in weights
        ],
    )
    lake = {"signals__rates_01": signals, "pms__trade_proposals": rows, "silver__contract_marks": SETTLED}
    if rejected:
        approval.reject(ask(ledger, ANA, **lake), "0123456789ab", note="no")
    done = approval.approve(ask(ledger, ANA, **lake), PID)
    assert second in done.second
    assert (ledger.proposal(PID)["status"] == "unconfirmed") is rejected
