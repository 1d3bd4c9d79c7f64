"""Any order of proposals, decisions, confirmations, throws, notes, orders, cancels, fills and overrides by six people,
with crashes in between.

Belongs here: what must hold whatever people do and wherever the process dies. MACRO_FUND_SEQUENCES says how many
sequences are tried; 20 without it.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
import tempfile
from collections.abc import Callable
from contextlib import closing
from datetime import date, datetime, timedelta
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from macro_fund.pms import approval, overrides
from macro_fund.pms.approval import Desk
from macro_fund.pms.broker import screen_side
from macro_fund.pms.execution import next_day, orders_from
from macro_fund.pms.notes import note
from macro_fund.pms.people import Actor
from macro_fund.pms.proposals import expires_at, gain_if
from macro_fund.store.ledger import Ledger, LedgerError, open_ledger
from macro_fund.store.ledger_orders import event_of
from macro_fund.store.ledger_switch import reduces
from macro_fund.store.order_states import ENDS
from macro_fund_tests.pms.builders import TABLE, desk_of, frame, held_at, mark, marks, proposals, utc

# No release of config/releases falls into these hours.
DAYS = [date(2025, 2, d) for d in (3, 4, 5, 6)]
CONTRACTS = {"DI1F26": "DI1_1Y", "DI1F27": "DI1_2Y", "DI1F30": "DI1_5Y"}
PEOPLE = {
    "Ana": Actor("Ana", frozenset({"pm"}), signed=True),
    "Bia": Actor("Bia", frozenset({"risk"}), signed=True),
    "Cai": Actor("Cai", frozenset({"pm"}), signed=True),
    "ana": Actor("ana", frozenset({"risk"}), signed=True),  # the same person in another role
    "Davi": Actor("Davi", frozenset({"ops"}), signed=True),
    "Eva": Actor("Eva", frozenset({"viewer"}), signed=True),
}
MARKS = marks(*(mark(c, d, 70000.0, maturity=date(2030, 1, 2)) for c in CONTRACTS for d in [*DAYS, date(2025, 2, 7)]))
DATA = ("proposals", "decisions", "reviews", "confirmations", "orders", "order_events", "fills", "switch_events")
DATA += ("mark_overrides", "mark_override_steps", "notes")
# What is known when a mark is overridden: one settlement of each contract, from before the first day.
SEEN = {"silver/contract_marks": marks(*(mark(c, date(2025, 1, 31), 70000.0) for c in CONTRACTS))}
DV01 = 12.5  # BRL a bp and contract: 600 contracts are 25% of the limit of 30,000

# Weighted towards what gets far: most people may do what they try, most processes live.
people = st.sampled_from(["Ana", "Ana", "Ana", "Bia", "Bia", "Cai", "ana", "Davi"])
crashes = st.sampled_from([*[None] * 12, 0, 1, 2, 3])
newest = st.integers(0, 4)


@pytest.fixture(scope="module", autouse=True)
def _empty_ledger(tmp_path_factory: pytest.TempPathFactory) -> None:
    """A new ledger, migrated once and copied for each sequence."""
    path = tmp_path_factory.mktemp("machine") / "empty.sqlite"
    open_ledger(f"sqlite:///{path}").close()
    Desks.empty = path


class Killed(Exception):
    """The process ends here."""


class Desks(RuleBasedStateMachine):
    """What the model knows: the state of each proposal, who threw the switch, contracts filled."""

    empty: Path

    def __init__(self) -> None:
        super().__init__()
        fast = "/dev/shm" if Path("/dev/shm").is_dir() else None
        self.folder = tempfile.TemporaryDirectory(dir=fast)
        self.path = Path(self.folder.name) / "ledger.sqlite"
        shutil.copy(self.empty, self.path)
        self.ledger = self._open()
        self.day, self.now = 0, utc(2025, 2, 3)
        self.state: dict[str, dict[str, Any]] = {}
        self.thrown_by = ""
        self.filled = dict.fromkeys(CONTRACTS, 0)
        self.given: list[dict[str, Any]] = []
        self.trades: list[tuple[str, date, int]] = []
        self.written: list[tuple[str, str]] = []

    def _open(self) -> Ledger:
        return open_ledger(f"sqlite:///{self.path}")

    def _rows(self) -> tuple[int, list[Any]]:
        """Length of the journal, and everything that people decided and traded."""
        with closing(sqlite3.connect(self.path)) as raw:
            count = raw.execute("SELECT count(*) FROM journal").fetchone()[0]
            return count, [raw.execute(f"SELECT * FROM {name} ORDER BY 1").fetchall() for name in DATA]

    def _do(self, act: Callable[[], Any], crash: int | None, *, told: bool = True) -> tuple[str, Any]:
        """('done', result), ('refused', words) or ('killed', None). crash: dies at this INSERT, 0: at the commit.

        A crash changes nothing at all; a refusal changes nothing but the journal, by one entry where it is told.
        """
        self.now += timedelta(seconds=1)
        entries, before = self._rows()
        try:
            return "done", self._until(act, crash)
        except Killed:
            self.ledger.close()
            self.ledger = self._open()
            assert self._rows() == (entries, before)
            return "killed", None
        except LedgerError as refusal:
            words = str(refusal)
        assert self._rows() == (entries + told, before)
        if told:
            assert self.ledger.refusals().row(-1, named=True)["reason"] == words
        return "refused", words

    def _until(self, act: Callable[[], Any], crash: int | None) -> Any:
        left = crash or 0

        def statement(conn: Any, cursor: Any, text: str, *rest: Any) -> None:
            nonlocal left
            if text.startswith("INSERT"):
                left -= 1
                if left == 0:
                    raise Killed

        def commit(conn: Any) -> None:
            raise Killed

        if crash is None:
            return act()
        name, listener = ("commit", commit) if crash == 0 else ("after_cursor_execute", statement)
        sa.event.listen(self.ledger._engine, name, listener)
        try:
            return act()
        finally:
            sa.event.remove(self.ledger._engine, name, listener)

    def _desk(self, who: str) -> Desk:
        return desk_of(self.ledger, self.now, PEOPLE[who])

    def _open_for(self, pid: str) -> bool:
        return self.now < expires_at(self.state[pid]["session"])

    def _may_trade(self, pid: str, quantity: int) -> bool:
        """What the switch and a twin approved already leave of it."""
        p = self.state[pid]
        twin = any(
            o["contract"] == p["contract"] and o["session"] == p["session"] and o["traded"]
            for other, o in self.state.items()
            if other != pid
        )
        works = any(
            o["contract"] == p["contract"]
            and o["session"] < p["session"]
            and o["order"] in ("new", "sent", "working", "partially_filled")
            and o["traded"] * quantity > 0
            for o in self.state.values()
        )
        return not twin and not works and (not self.thrown_by or reduces(p["before"], p["before"] + quantity))

    def _pid(self, back: int) -> str:
        """The newest proposal, or one so many before it."""
        return f"{max(len(self.state) - back, 1):012x}"

    @initialize(quantities=st.tuples(*[st.sampled_from([700, 100, -700])] * 3), evening=st.booleans())
    def morning(self, quantities: tuple[int, int, int], evening: bool) -> None:
        """Three proposals; in half of the sequences the last is small and traded, and overridden in the evening."""
        for contract, quantity in zip(CONTRACTS, (*quantities[:2], 100 if evening else quantities[2]), strict=True):
            self.propose(contract, quantity, 0, None)
        if evening:
            self._approve(0, "Ana", None, None)
            self.order(None)
            self.send(False, None)
            self.fill(1.0, None)
            self.now = expires_at(DAYS[0])
            self.override("DI1F30", 0, 0.149, "no file", "Ana", None)

    @rule(
        contract=st.sampled_from(sorted(CONTRACTS)),
        quantity=st.sampled_from([700, -700, 100, -100, 5]),
        before=st.sampled_from([0, 100, -100]),
        crash=crashes,
    )
    def propose(self, contract: str, quantity: int, before: int, crash: int | None) -> None:
        session, pid = DAYS[self.day], f"{len(self.state) + 1:012x}"
        after = before + quantity
        row = {
            "session": session,
            "proposal_id": pid,
            "instrument": CONTRACTS[contract],
            "contract": contract,
            "quantity": quantity,
            "screen_side": screen_side("DI1", contract, quantity),
            "gain_if": gain_if("DI1", contract, after),
            "position_before": before,
            "position_after": after,
            "dv01_before_brl": before * DV01,
            "dv01_after_brl": after * DV01,
            "expires_at": expires_at(session),
        }
        made, _ = self._do(lambda: self.ledger.record_proposals(proposals(row), self.now), crash)
        if made == "killed":  # the run that died is repeated
            assert self.ledger.record_proposals(proposals(row), self.now) == 1
        self.state[pid] = {
            "session": session,
            "contract": contract,
            "quantity": quantity,
            "before": before,
            "status": "proposed",
            "traded": 0,
            "second": "",
            "order": "",
            "filled": 0,
        }

    @rule(back=newest, who=people, crash=crashes)
    def approve(self, back: int, who: str, crash: int | None) -> None:
        self._approve(back, who, None, crash)

    @rule(back=newest, who=people, share=st.sampled_from([1.0, 0.6, -0.5, 0.0]), crash=crashes)
    def modify(self, back: int, who: str, share: float, crash: int | None) -> None:
        """To a share of what is proposed; another sign or nothing is refused."""
        self._approve(back, who, share, crash)

    def _approve(self, back: int, who: str, share: float | None, crash: int | None) -> None:
        p = self.state[pid := self._pid(back)]
        quantity = p["quantity"] if share is None else int(p["quantity"] * share)
        may = "pm" in PEOPLE[who].roles and p["status"] == "proposed" and self._open_for(pid)
        may = may and quantity * p["quantity"] > 0 and self._may_trade(pid, quantity)
        how, result = self._do(
            lambda: (
                approval.approve(self._desk(who), pid)
                if share is None
                else approval.modify(self._desk(who), pid, quantity=quantity)
            ),
            crash,
        )
        if how == "killed":
            return
        assert (how == "done") == may, (how, result)
        if how == "done":
            opened = abs(p["before"] + quantity) - (abs(p["before"]) if p["before"] * quantity > 0 else 0)
            assert result.second or opened * DV01 <= 0.25 * 30_000 or p["before"] * quantity < 0
            p |= {"status": "unconfirmed" if result.second else "approved", "traded": quantity, "who": who}

    @rule(back=newest, who=people, note=st.sampled_from(["", "IPCA"]), crash=crashes)
    def reject(self, back: int, who: str, note: str, crash: int | None) -> None:
        p = self.state[pid := self._pid(back)]
        may = bool(note and {"pm", "risk"} & PEOPLE[who].roles) and p["status"] == "proposed" and self._open_for(pid)
        how, _ = self._do(lambda: approval.reject(self._desk(who), pid, note=note), crash)
        assert how == "killed" or (how == "done") == may
        if how == "done":
            p["status"] = "rejected"

    @rule(back=newest, who=people, crash=crashes)
    def confirm(self, back: int, who: str, crash: int | None) -> None:
        p = self.state[pid := self._pid(back)]
        another = "risk" in PEOPLE[who].roles and who.lower() != p.get("who", "").lower()
        less = not self.thrown_by or reduces(p["before"], p["before"] + p["traded"])
        how, _ = self._do(lambda: approval.confirm(self._desk(who), pid), crash)
        assert how == "killed" or (how == "done") == (
            another and p["status"] == "unconfirmed" and self._open_for(pid) and less
        )
        if how == "done":
            p["status"] = "approved"

    @rule(who=people, action=st.sampled_from(["reset", "reset", "throw"]), crash=crashes)
    def switch(self, who: str, action: Any, crash: int | None) -> None:
        ends = {"pm", "risk"} & PEOPLE[who].roles and self.thrown_by and who.lower() != self.thrown_by.lower()
        may = not self.thrown_by if action == "throw" else bool(ends)
        how, _ = self._do(lambda: approval.switch(self._desk(who), action, note="why"), crash)
        assert how == "killed" or (how == "done") == may
        if how == "done":
            self.thrown_by = who if action == "throw" else ""

    @rule(
        back=newest,
        who=st.sampled_from(["Bia", "Davi", "Eva"]),
        text=st.sampled_from(["", "too early", "too early"]),
        known=st.sampled_from([True, True, False]),
        crash=crashes,
    )
    def note(self, back: int, who: str, text: str, known: bool, crash: int | None) -> None:
        """Whatever became of a proposal can be written about, and changes nothing else."""
        pid = self._pid(back) if known else "no such"
        how, _ = self._do(lambda: note(self._desk(who), pid, text, kind="lesson"), crash)
        assert how == "killed" or (how == "done") == bool(known and text and "viewer" not in PEOPLE[who].roles)
        if how == "done":
            self.written.append((pid, who))

    @rule(crash=crashes)
    def order(self, crash: int | None) -> None:
        """What the graph does with approvals; killed, it is run again later."""
        waiting = orders_from(self.ledger.pending_approvals())
        how, count = self._do(lambda: self.ledger.record_orders(waiting, self.now), crash)
        if how == "killed":
            return
        expected = {pid for pid, p in self.state.items() if p["status"] == "approved" and not p["order"]}
        assert (how, count, set(waiting["proposal_id"])) == ("done", len(expected), expected)
        assert self.ledger.record_orders(waiting, self.now) == 0
        for pid in expected:
            self.state[pid]["order"] = "new"

        self._order_by_hand()

    def _order_by_hand(self) -> None:
        """An order that nobody approved, or a second one, never gets in."""
        pid, p = next(((i, p) for i, p in self.state.items() if p["status"] != "approved" or p["order"]), (None, None))
        if pid is None or p is None:
            return
        row = {"session": p["session"], "order_id": "by hand", "proposal_id": pid, "instrument": "DI1_2Y"}
        rest = {"contract": p["contract"], "quantity": 1, "limit_level": None, "approved_by": "Eva"}
        how, _ = self._do(
            lambda: self.ledger.record_orders(frame("pms/orders", [row | rest]), self.now), None, told=False
        )
        assert how == "refused"

    def _orders_in(self, *states: str) -> list[dict[str, Any]]:
        """Orders of the ledger in one of these states of the model."""
        named = {o["proposal_id"]: o for o in self.ledger.orders().iter_rows(named=True)}
        return [named[pid] for pid, p in self.state.items() if p["order"] in states]

    @rule(refused=st.booleans(), crash=crashes)
    def send(self, refused: bool, crash: int | None) -> None:
        """What the graph does with new orders: noted as sent, then answered; killed between the two, asked again."""
        for before, after in (("new", "sent"), ("sent", "rejected" if refused else "working")):
            orders = self._orders_in(before)
            events = [
                event_of(self.ledger.order_state(o["order_id"]), after, o["session"], reason="full") for o in orders
            ]
            how, count = self._do(partial(self.ledger.record_order_events, events, self.now), crash)
            if how == "killed":
                return
            assert (how, count) == ("done", len(orders))
            assert self.ledger.record_order_events(events, self.now) == 0
            for o in orders:
                self.state[o["proposal_id"]]["order"] = after

    @rule(share=st.sampled_from([1.0, 1.0, 0.5, 2.0]), crash=crashes)
    def fill(self, share: float, crash: int | None) -> None:
        """Each working order trades a share of what is left on its next day; more than that is refused."""
        for o in self._orders_in("working", "partially_filled"):
            p, state = self.state[o["proposal_id"]], self.ledger.order_state(o["order_id"])
            quantity = int(state.remaining * share) or state.remaining
            day = next_day(o, state, TABLE)
            kind = "filled" if quantity == state.remaining else "partially_filled"
            session = TABLE.offset(day, 1)
            traded = {"trade_date": day, "quantity": quantity, "price": 70000.0, "fees_brl": Decimal("1.00")}
            event = event_of(state, kind, session, **traded)
            ids = {"fill_id": event["event_id"], "contract": o["contract"], "instrument": o["instrument"]}
            row = {k: v for k, v in traded.items() if k != "fees_brl"}
            row |= {"session": session, "order_id": o["order_id"], "cost_brl": Decimal("1.00"), **ids}
            rows = frame("pms/fills", [row])
            how, _ = self._do(partial(self.ledger.record_fills, rows, self.now, [event]), crash, told=False)
            if how == "killed":
                return
            assert (how == "done") == (share <= 1.0), (how, share)
            if how == "done":
                assert self.ledger.record_fills(rows, self.now, [event]) == 0
                p |= {"order": kind, "filled": p["filled"] + quantity, "last": day}
                self.filled[p["contract"]] += quantity
                self.trades.append((p["contract"], day, quantity))

    @rule(back=newest, who=people, note=st.sampled_from(["", "too late", "too late"]), crash=crashes)
    def cancel(self, back: int, who: str, note: str, crash: int | None) -> None:
        p = self.state[pid := self._pid(back)]
        order = next((o for o in self.ledger.orders().iter_rows(named=True) if o["proposal_id"] == pid), None)
        if order is None:
            return
        day = TABLE.offset(p["last"], 1) if p["filled"] else p["session"]
        may = bool(note) and "pm" in PEOPLE[who].roles and p["order"] in ("new", "working", "partially_filled")
        how, words = self._do(lambda: approval.cancel(self._desk(who), order["order_id"][:8], note=note), crash)
        assert how == "killed" or (how == "done") == (may and self.now < expires_at(day)), (how, words)
        if how == "done":
            p["order"] = "cancelled"

    def _held(self, contract: str, day: date) -> int:
        return sum(quantity for c, on, quantity in self.trades if c == contract and on <= day)

    def _marks_desk(self, who: str) -> Desk:
        return desk_of(self.ledger, self.now, PEOPLE[who], SEEN)

    @rule(
        contract=st.sampled_from(["DI1F30", "DI1F30", "DI1F30", "DI1F26"]),
        back=st.sampled_from([0, 0, 1]),
        level=st.sampled_from([0.149, 0.149, 14.9]),
        reason=st.sampled_from(["no file", "no file", ""]),
        who=people,
        crash=crashes,
    )
    def override(self, contract: str, back: int, level: float, reason: str, who: str, crash: int | None) -> None:
        day = DAYS[max(self.day - back, 0)]
        twice = any((o["contract"], o["day"]) == (contract, day) and not o["revoked"] for o in self.given)
        may = bool(reason) and level < 1 and self.now + timedelta(seconds=1) >= expires_at(day)
        may = may and self._held(contract, day) != 0 and not twice
        how, row = self._do(
            lambda: overrides.override(self._marks_desk(who), contract, day, level, reason=reason), crash
        )
        assert how == "killed" or (how == "done") == may, (how, row)
        if how == "done":
            made = {"id": row["override_id"], "contract": contract, "day": day, "who": who}
            self.given.append({**made, "confirmed": False, "revoked": False})

    @rule(back=newest, who=people, crash=crashes)
    def confirm_override(self, back: int, who: str, crash: int | None) -> None:
        if not self.given:
            return
        o = self.given[max(len(self.given) - 1 - back, 0)]
        may = not o["confirmed"] and not o["revoked"] and who.lower() != o["who"].lower()
        may = may and self._held(o["contract"], o["day"]) != 0
        how, words = self._do(lambda: overrides.confirm(self._marks_desk(who), o["id"]), crash)
        assert how == "killed" or (how == "done") == may, (how, words)
        o["confirmed"] |= how == "done"

    @rule(back=newest, who=people, reason=st.sampled_from(["it came", ""]), crash=crashes)
    def revoke_override(self, back: int, who: str, reason: str, crash: int | None) -> None:
        if not self.given:
            return
        o = self.given[max(len(self.given) - 1 - back, 0)]
        how, _ = self._do(lambda: overrides.revoke(self._marks_desk(who), o["id"], reason=reason), crash)
        assert how == "killed" or (how == "done") == (bool(reason) and not o["revoked"])
        o["revoked"] |= how == "done"

    @rule(minutes=st.sampled_from([5, 5, 120, 600]))
    def wait(self, minutes: int) -> None:
        """Time passes; after 18:00 what is undecided has expired, and the next morning comes."""
        self.now += timedelta(minutes=minutes)
        if self.now >= expires_at(DAYS[self.day]) and self.day + 1 < len(DAYS):
            self.day += 1
            self.now = max(self.now, datetime.combine(DAYS[self.day], utc(2025, 2, 3).timetz()))

    @invariant()
    def every_status_is_the_models(self) -> None:
        found = dict(self.ledger.proposals(at=self.now).select("proposal_id", "status").iter_rows())
        for pid, p in self.state.items():
            gone = p["status"] in ("proposed", "unconfirmed") and not self._open_for(pid)
            modified = p["status"] == "approved" and found[pid] == "modified"
            assert modified or found[pid] == ("expired" if gone else p["status"])

    @invariant()
    def no_order_without_an_approval_and_never_two(self) -> None:
        orders = self.ledger.orders()
        assert orders["proposal_id"].is_unique().all()
        assert set(orders["proposal_id"]) == {pid for pid, p in self.state.items() if p["order"]}
        for pid, quantity in orders.select("proposal_id", "quantity").iter_rows():
            assert (self.state[pid]["status"], self.state[pid]["traded"]) == ("approved", quantity)

    @invariant()
    def every_order_is_where_the_model_has_it(self) -> None:
        orders = {o: pid for o, pid in self.ledger.orders().select("order_id", "proposal_id").iter_rows()}
        still_open = set(self.ledger.orders(still_open=True)["order_id"])
        for order_id, pid in orders.items():
            state, p = self.ledger.order_state(order_id), self.state[pid]
            assert (state.state, state.filled) == (p["order"], p["filled"])
            assert (order_id in still_open) == (state.state not in ENDS)
            assert state.remaining == (0 if state.state in ENDS else p["traded"] - p["filled"])

    @invariant()
    def what_was_written_stays(self) -> None:
        assert self.ledger.notes().select("proposal_id", "person").rows() == self.written

    @invariant()
    def the_switch_is_the_models(self) -> None:
        assert (self.ledger.thrown() is not None) == bool(self.thrown_by)

    @invariant()
    def every_override_is_the_models(self) -> None:
        found = self.ledger.overrides().select(
            "override_id", pl.col("confirmed_at").is_not_null(), pl.col("revoked_at").is_not_null()
        )
        assert found.rows() == [(o["id"], o["confirmed"], o["revoked"]) for o in self.given]

    def teardown(self) -> None:
        assert self.ledger.verify_journal() == []  # what is wrong once stays wrong: entries are never rewritten
        fills = self.ledger.fills()
        held = held_at(fills, MARKS, [date(2025, 3, 31)])  # after the last fill of any sequence
        assert dict(held.select("contract", "quantity").iter_rows()) == {c: q for c, q in self.filled.items() if q}
        self.ledger.close()
        self.folder.cleanup()


TestDesks = Desks.TestCase
TestDesks.settings = settings(
    max_examples=int(os.environ.get("MACRO_FUND_SEQUENCES", "20")),
    stateful_step_count=25,
    suppress_health_check=[HealthCheck.too_slow],
)
