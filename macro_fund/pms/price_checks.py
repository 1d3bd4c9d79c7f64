"""Pre-trade checks of levels and sizes: fat fingers, and a price that went away since the proposal.

Belongs here: what is measured against a contract's typical day and the fund's own trades. Does not belong here: the
other checks (`pretrade.py`, `limit_checks.py`).

A typical day is the standard deviation of a contract's daily move in its level: rates as decimals for DI1, else prices.
"""

from __future__ import annotations

import math
import statistics

import polars as pl

from macro_fund.mandate import Approval
from macro_fund.pms.pretrade import Evidence, Ticket, Verdict
from macro_fund.pms.settlements import level_of

MAX_LIMIT_DISTANCE = 0.25  # of the entry level: a limit further away is a slip of the unit or a digit
VOL_DAYS, VOL_MIN = 60, 20  # settlements behind a contract's typical move
OWN_DAYS = 60  # sessions of the fund's own trades that a size is compared with


def sigma(marks: pl.DataFrame) -> float | None:
    """Standard deviation of a contract's daily move in its level (rate or price); None below 20 settlements."""
    known = marks.filter(pl.col("pnl_brl").is_not_null()).tail(VOL_DAYS)
    if known.height < VOL_MIN:
        return None
    brl, last = statistics.stdev(known["pnl_brl"].to_list()), known.row(-1, named=True)
    if last["settle_rate"] is not None:
        return brl / last["dv01_brl"] / 1e4 if last["dv01_brl"] else None
    return brl / abs(last["delta_brl"]) * last["settle_price"] if last["delta_brl"] else None


def too_far(level: float, settled: float, typical: float | None, sigmas: float) -> str:
    """How far is too far, in words, when `level` is so far from a settlement that it must be a slip; else empty.

    typical: `sigma`, or of several days; without it a quarter of the settlement alone counts.
    """
    away = abs(level - settled)
    if not away <= MAX_LIMIT_DISTANCE * abs(settled):  # NaN is no level
        return f"{MAX_LIMIT_DISTANCE:.0%}"
    if typical and away > sigmas * typical:
        return f"{sigmas:g} typical days ({sigmas * typical:.4g})"
    return ""


def price(ticket: Ticket, evidence: Evidence, rules: Approval) -> Verdict:
    """Fat finger: a limit or price so far from the last settlement that it must be a slip."""
    entry = ticket.proposal["entry_level"]
    given = [("limit", ticket.limit_level), ("price", ticket.price)]
    levels = [(what, x) for what, x in given if x is not None]
    if not levels:
        return Verdict("price", "pass", "at the settlement")
    if entry is None:
        return Verdict("price", "unknown", "no settlement to compare the level with")
    typical = sigma(evidence.of(ticket.proposal["contract"]))
    for what, x in levels:
        if far := too_far(x, entry, typical, rules.price_sigmas):
            hint = "DI1 limits are rates as decimals (13.05% is 0.1305), others are prices"
            return Verdict(
                "price", "refuse", f"{what} {x} is more than {far} away from the last settlement {entry}; {hint}"
            )
    if typical is None:
        return Verdict("price", "unknown", f"fewer than {VOL_MIN} settlements: no typical day; within 25% it is")
    return Verdict("price", "pass", f"within {rules.price_sigmas:g} typical days of {entry}")


def size(ticket: Ticket, evidence: Evidence, rules: Approval) -> Verdict:
    """Fat finger: contracts against the median of the fund's own trades in the instrument.

    Typed by a person it is refused; the system's own size is what a second person has to look at.
    """
    session, instrument = ticket.proposal["session"], ticket.proposal["instrument"]
    start = evidence.sessions.offset(session, -OWN_DAYS)
    own = evidence.fills.filter(pl.col("instrument") == instrument, pl.col("trade_date").is_between(start, session))
    if own.height < rules.min_trades:
        words = f"the fund made {own.height} trades in {instrument} in {OWN_DAYS} sessions, too few to compare with"
        return Verdict("size", "unknown", words)
    usual = float(own["quantity"].abs().median())  # type: ignore[arg-type]  # a median of integers is a number
    if abs(ticket.quantity) <= rules.size_multiple * usual or not ticket.adds:
        return Verdict("size", "pass", f"{abs(ticket.quantity)} contracts, {usual:g} is usual")
    words = f"{abs(ticket.quantity)} contracts is more than {rules.size_multiple:g} times the usual {usual:g}"
    return Verdict("size", "refuse", f"{words}: ask for less") if ticket.typed else Verdict("size", "second", words)


def drift(ticket: Ticket, evidence: Evidence, rules: Approval) -> Verdict:
    """The level has not moved by more than a share of u = daily sigma x sqrt(horizon) since the proposal."""
    marks, entry = evidence.of(ticket.proposal["contract"]), ticket.proposal["entry_level"]
    typical = sigma(marks)
    if entry is None or typical is None:
        return Verdict("drift", "unknown", f"no entry, or fewer than {VOL_MIN} settlements, to measure a drift with")
    level = level_of(marks.row(-1, named=True)) if ticket.price is None else ticket.price
    u = typical * math.sqrt(ticket.proposal["horizon_days"] or 1)
    moved = abs(level - entry) / u if u else math.inf if level != entry else 0.0
    if moved <= rules.drift:
        return Verdict("drift", "pass", f"moved {moved:.2f} u since the proposal")
    words = f"{entry:.6g} was proposed, it is {level:.6g} now: {moved:.2f} u, more than {rules.drift:g}"
    if ticket.limit_level is not None:
        return Verdict("drift", "pass", f"{words}; priced again by the limit {ticket.limit_level:.6g}")
    return Verdict("drift", "refuse", f"{words}: price it again with --limit, the worst level that you accept now")
