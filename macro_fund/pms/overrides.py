"""Overrides of marks: what a person may say a contract was worth, and that a second one has to agree.

Belongs here: which levels are refused, asked again at the confirmation. Does not belong here: roles, signing in and how
a refusal is journalled (`approval.py`), that the second person is another one (store/ledger_marks.py), what a confirmed
override does to the book (`marking.py`), printing (`marks_cli.py`).

A level is what the screen shows: the rate as a decimal for DI1, the price of anything else. Only the newest close of a
contract can be overridden: a settlement of a later day holds what came before it.
"""

from __future__ import annotations

import math
from datetime import date
from typing import Any

import polars as pl

from macro_fund.pms import approval
from macro_fund.pms.approval import Desk
from macro_fund.pms.marking import OVERRIDABLE
from macro_fund.pms.price_checks import sigma, too_far
from macro_fund.pms.proposals import expires_at
from macro_fund.pms.settlements import known_marks, level_of, newest_versions
from macro_fund.store.ledger import LedgerError
from macro_fund.time.sessions import sessions
from macro_fund.time.zones import SAO_PAULO


def override(desk: Desk, contract: str, trade_date: date, level: float, *, reason: str) -> dict[str, Any]:
    """Record a level in place of the settlement of `trade_date`; it counts once another person confirmed it.

    LedgerError, journalled, when the person may not, gives no reason, or the level is refused.
    """
    contract = contract.strip().upper()
    with approval.journalled(desk, "override", f"{contract} {trade_date} {level:g}"):
        approval.role_of(desk.actor, "override")
        shown = _checked(desk, contract, trade_date, level)
        row = {"contract": contract, "trade_date": trade_date, "level": level, "reason": reason}
        return desk.ledger.override({**row, "person": desk.actor.name, "shown": shown}, desk.at)


def confirm(desk: Desk, override_id: str) -> dict[str, Any]:
    """The second person's confirmation; what is known by now is asked again."""
    with approval.journalled(desk, "confirm override", override_id) as told:
        found = desk.ledger.find_override(override_id)
        told.subject = found["override_id"]
        approval.role_of(desk.actor, "confirm override")
        if found["confirmed_by"] is None and found["revoked_by"] is None:
            _checked(desk, found["contract"], found["trade_date"], found["level"])
        _no_book_waits(desk)
        return desk.ledger.override_step(told.subject, "confirm", desk.actor.name, "", desk.at)


def revoke(desk: Desk, override_id: str, *, reason: str) -> dict[str, Any]:
    """Take an override back, confirmed or not; sessions from now on do without it."""
    with approval.journalled(desk, "revoke override", override_id) as told:
        told.subject = desk.ledger.find_override(override_id)["override_id"]
        approval.role_of(desk.actor, "revoke override")
        _no_book_waits(desk)
        return desk.ledger.override_step(told.subject, "revoke", desk.actor.name, reason, desk.at)


def _checked(desk: Desk, contract: str, day: date, level: float) -> str:
    """What is known of the contract, in words; LedgerError when no person may say what it was worth on the day."""
    if not sessions().is_session(day):
        raise LedgerError(f"B3 was closed on {day}: give the day of a close")
    if desk.at < expires_at(day):
        raise LedgerError(f"{day} has not closed yet: its settlement can be overridden from 18:00 on")
    marks = newest_versions(known_marks(desk.read("silver/contract_marks", None), [contract], date.max))
    if marks.is_empty():
        raise LedgerError(f"no settlement of {contract} is known: check the code, as DI1F27")
    if (root := marks["root"][0]) not in OVERRIDABLE:
        raise LedgerError(f"{root} cannot be overridden, only {', '.join(OVERRIDABLE)}: it needs more than one level")
    held = desk.ledger.fills().filter(pl.col("contract") == contract, pl.col("trade_date") <= day)
    if not held["quantity"].sum() or marks["maturity"][-1] <= day:
        raise LedgerError(
            f"the fund did not hold {contract} after the close of {day}: `macro-fund book` shows what it does"
        )
    newest = marks.row(-1, named=True)
    if newest["trade_date"] > day:
        raise LedgerError(
            f"the settlement of {contract} of {newest['trade_date']} is known, and what came before is in it: there is "
            f"nothing to override on {day}"
        )
    _near(desk, marks, day, level)
    return f"{level_of(newest)!r} settled on {newest['trade_date']}"


def _near(desk: Desk, marks: pl.DataFrame, day: date, level: float) -> None:
    """LedgerError when a level is so far from the newest settlement that it must be a slip."""
    newest, typical = marks.row(-1, named=True), sigma(marks)
    days = max(len(sessions().keys(newest["trade_date"], day)) - 1, 1)
    settled = level_of(newest)
    several = typical * math.sqrt(days) if typical else None
    if far := too_far(level, settled, several, desk.settings.fund.approval.price_sigmas):
        raise LedgerError(
            f"{level:g} is more than {far} away from {settled:g}, settled on {newest['trade_date']}: DI1 levels are "
            "rates as decimals (13.05% is 0.1305), others are prices; if it is right, wait for the settlement, or "
            "raise approval.price_sigmas in fund.yaml, which others can see"
        )


def _no_book_waits(desk: Desk) -> None:
    """LedgerError while a session is made that would have known of it: it would be another one when made again."""
    made = desk.read("pms/marks", None)["session"].max()
    if isinstance(made, date) and desk.at <= (cut := sessions().as_of(made)):
        raise LedgerError(
            f"the book of {made} is made, and it knows what is recorded until {cut.astimezone(SAO_PAULO):%H:%M} Sao "
            "Paulo: come back after that, the next session counts it"
        )
