"""Pre-trade checks: what may stand between a decision and an order, each a pure function of the trade and the evidence.

Belongs here: what a check is given and answers, and the checks of the day, the words and the session. Does not belong
here: reading the evidence (`evidence.py`), roles and the ledger's own rules (`approval.py`, store/ledger_rules.py),
limits (`limit_checks.py`), levels and sizes (`price_checks.py`).

A check passes, refuses, asks for a second person, or is `unknown`: its data are absent and it says which. Whatever
makes a position smaller is never stopped by missing or old data. Levels are rates as decimals for DI1, else prices.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any, Literal

import polars as pl

from macro_fund.instruments.contracts import maturity
from macro_fund.mandate import Approval
from macro_fund.pms.broker import screen_side
from macro_fund.pms.gate import OPEN, Gate, Row, Shocks
from macro_fund.pms.proposals import gain_if
from macro_fund.store.ledger_switch import reduces
from macro_fund.store.tables import TABLES
from macro_fund.time.releases import release_times
from macro_fund.time.sessions import Sessions
from macro_fund.time.zones import SAO_PAULO

State = Literal["pass", "second", "refuse", "unknown"]

NO_SIGNALS = TABLES["signals/rates_01"].empty()
EVENTS = ("br_ipca", "br_ibcbr", "us_cpi", "us_employment", "us_gdp", "copom_meetings", "fomc_meetings")


@dataclass(frozen=True)
class Verdict:
    """What one check says."""

    check: str
    state: State
    words: str


@dataclass(frozen=True)
class Ticket:
    """A trade that somebody asks for: a proposal, the contracts wanted (signed), and levels given by the person.

    limit_level: the worst level accepted; price: what the screen shows now. typed: the person typed more contracts than
    were proposed, or the whole trade.
    """

    proposal: Row
    root: str
    quantity: int
    at: datetime
    limit_level: float | None = None
    price: float | None = None
    typed: bool = False

    @property
    def before(self) -> int:
        return int(self.proposal["position_before"])

    @property
    def after(self) -> int:
        return self.before + self.quantity

    @property
    def adds(self) -> bool:
        """Whether it does more than make a position smaller on its side."""
        return not reduces(self.before, self.after)

    @property
    def opened(self) -> int:
        """Contracts of new position, without sign: what is beyond the old one, or all of it on the other side."""
        return abs(self.after) if self.before * self.after < 0 else max(abs(self.after) - abs(self.before), 0)

    def unit(self, risk: str) -> float:
        """`dv01` or `delta` of +1 contract in BRL, from the proposal."""
        return unit_risk(self.proposal, risk)


@dataclass(frozen=True)
class Evidence:
    """What is known when a trade is decided on; see `evidence.gather`.

    marks: silver/contract_marks of the contracts that matter, one row a contract and trade date, in order of days.
    positions: pms/positions of the session. undecided: its proposals that wait for somebody. signals: of the book's
    strategies in the session. decided: proposals of the session that were approved (with `traded`, the
    contracts, and `recorded_at`). working: orders of sessions before that may still trade (`execution.STANDING`).
    fills: the fund's own. current: ids of the newest computation of the session's proposals, None when the lake has
    none. marginal: VaR of one more contract by instrument, BRL.
    """

    sessions: Sessions
    marks: pl.DataFrame
    positions: tuple[Row, ...]
    decided: tuple[Row, ...]
    fills: pl.DataFrame
    nav_brl: float
    gate: Gate = OPEN
    thrown: Row | None = None
    working: tuple[Row, ...] = ()
    undecided: tuple[Row, ...] = ()
    signals: pl.DataFrame = field(default_factory=NO_SIGNALS.clone)
    current: frozenset[str] | None = None
    shocks: Shocks = field(default_factory=dict)
    marginal: dict[str, float] = field(default_factory=dict)

    def of(self, contract: str) -> pl.DataFrame:
        return self.marks.filter(pl.col("contract") == contract)


def unit_risk(proposal: Row, risk: str) -> float:
    """`dv01` or `delta` of +1 contract in BRL, from what the proposal changes."""
    return float((proposal[f"{risk}_after_brl"] - proposal[f"{risk}_before_brl"]) / proposal["quantity"])


def is_open(ticket: Ticket, evidence: Evidence) -> Verdict:
    """The proposal's session is a trading day, is today in Sao Paulo, and the contract lives beyond it."""
    name, session, contract = "open", ticket.proposal["session"], ticket.proposal["contract"]
    today = ticket.at.astimezone(SAO_PAULO).date()
    if not evidence.sessions.is_session(session):
        return Verdict(name, "refuse", f"B3 is closed on {session}: wait for a session")
    if today < session:
        return Verdict(name, "refuse", f"the session of {session} has not begun: today is {today} in Sao Paulo")
    ends = maturity(contract, session)
    if ends <= session:
        return Verdict(name, "refuse", f"{contract} ends on {ends}: trade a later contract")
    return Verdict(name, "pass", f"{session} is a session, {contract} ends on {ends}")


def is_current(ticket: Ticket, evidence: Evidence) -> Verdict:
    """No later computation of the session's targets replaced the proposal."""
    pid = ticket.proposal["proposal_id"]
    if evidence.current is None:
        return Verdict("current", "unknown", "the lake has no proposals of this session to compare with")
    if pid not in evidence.current:
        words = f"{pid} is superseded: the session's targets were computed again; decide on what is proposed now"
        return Verdict("current", "refuse", words)
    return Verdict("current", "pass", "it is of the newest computation")


def kill_switch(ticket: Ticket, evidence: Evidence) -> Verdict:
    """A thrown switch lets only less risk pass; the ledger says the same when it writes."""
    if evidence.thrown is None:
        return Verdict("kill_switch", "pass", "not thrown")
    who = f"thrown by {evidence.thrown['person']}: {evidence.thrown['note']}"
    if ticket.adds:
        return Verdict("kill_switch", "refuse", f"{who}; this adds risk: reject it, or reset the switch first")
    return Verdict("kill_switch", "pass", f"{who}; this reduces risk")


def sign_echo(ticket: Ticket, evidence: Evidence) -> Verdict:
    """The words that the person read are those of the contracts that would be traded."""
    p = ticket.proposal
    screen = screen_side(ticket.root, p["contract"], p["quantity"])
    echo = gain_if(ticket.root, p["contract"], p["position_after"])
    for shown, meant in ((p["screen_side"], screen), (p["gain_if"], echo)):
        if shown != meant:
            words = f"it says {shown!r}, {p['quantity']:+d} contracts mean {meant!r}: reject it, and find out why"
            return Verdict("sign_echo", "refuse", words)
    return Verdict("sign_echo", "pass", screen)


def stale(ticket: Ticket, evidence: Evidence) -> Verdict:
    """The contract's newest settlement is of the session before."""
    contract, wanted = ticket.proposal["contract"], evidence.sessions.offset(ticket.proposal["session"], -1)
    marks = evidence.of(contract)
    if marks.is_empty():
        return Verdict("stale", "unknown", f"no settlement of {contract} is known")
    newest: date = marks["trade_date"][-1]
    if newest >= wanted:
        return Verdict("stale", "pass", f"settlement of {newest}")
    words = f"the last settlement of {contract} is of {newest}, not of {wanted}"
    if ticket.adds:
        return Verdict("stale", "refuse", f"{words}: run the session again when the file is there, or reject it")
    return Verdict("stale", "pass", f"{words}; this reduces risk")


def duplicate(ticket: Ticket, evidence: Evidence) -> Verdict:
    """Nothing on the same side of the same instrument was approved in the session, but by the same computation, and no
    order of a session before still works on it."""
    p = ticket.proposal
    for order in evidence.working:
        if order["instrument"] == p["instrument"] and order["remaining"] * ticket.quantity > 0:
            words = (
                f"order {order['order_id']} still works on {order['remaining']:+,} {order['contract']}: wait for it, "
                f"or cancel it first (macro-fund orders cancel {order['order_id']} --note TEXT)"
            )
            return Verdict("duplicate", "refuse", words)
    for d in evidence.decided:
        one_side = d["instrument"] == p["instrument"] and d["traded"] * ticket.quantity > 0
        if d["proposal_id"] == p["proposal_id"] or not one_side:
            continue
        if d["contract"] == p["contract"] or d["recorded_at"] != p["recorded_at"]:
            words = f"{d['proposal_id']} was approved for {d['contract']} in the same session already: reject this one"
            return Verdict("duplicate", "refuse", words)
    return Verdict("duplicate", "pass", "nothing else on this side of the instrument is approved")


def blackout(ticket: Ticket, evidence: Evidence, rules: Approval) -> Verdict:
    """No new risk within so many minutes of a release that moves markets, as far as the lists of days reach."""
    around, short = timedelta(minutes=rules.blackout_minutes), []
    for name in EVENTS:
        times = release_times(name)["knowledge_time"]
        last: Any = times.max()
        if ticket.at > last + around:
            short.append(name)
        near = times.filter((times >= ticket.at - around) & (times <= ticket.at + around))
        if near.len() and ticket.adds:
            when = f"{near[0].astimezone(SAO_PAULO):%H:%M}"
            words = f"{name} is at {when} Sao Paulo: decide {rules.blackout_minutes} minutes before or after it"
            return Verdict("blackout", "refuse", words)
    if short:
        return Verdict("blackout", "unknown", f"the lists of {', '.join(short)} end before today (config/releases)")
    return Verdict("blackout", "pass", "no release near")
