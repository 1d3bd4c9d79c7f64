"""A fund's ledger as it was, or as it might have been.

Belongs here: rebuilding a copied home's ledger through its own interface, since its rows can never be changed.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta

import polars as pl

from macro_fund.home import Home
from macro_fund.orchestration.demonstration import DEMO_PM
from macro_fund.store.ledger import open_ledger
from macro_fund.store.tables import TABLES


def ledger_again(home: Home, change: Callable[[pl.DataFrame], pl.DataFrame], upto: date, fills_before: date) -> Home:
    """The copied home with a new ledger: the proposals of sessions <= `upto` as `change` makes them, all approved.

    Of orders and fills it has those of sessions before `fills_before`.
    """
    old, path = home.ledger, home.path / "again.sqlite"
    new = open_ledger(f"sqlite:///{path}")
    for (session,), rows in old.proposals().partition_by("session", as_dict=True).items():
        if session <= upto:
            at = home.sessions.as_of(session)
            new.record_proposals(change(rows.select(list(TABLES["pms/trade_proposals"].schema))), at=at)
            for proposal in rows["proposal_id"]:
                new.decide(proposal, "approve", person=DEMO_PM, note="", at=at + timedelta(minutes=5))
    fills = old.fills().filter(pl.col("session") < fills_before)
    orders = old.orders().filter(pl.col("session") < fills_before)
    if orders.height:
        new.record_orders(orders, at=home.sessions.as_of(upto))
    if fills.height:
        new.record_fills(fills, at=home.sessions.as_of(upto))
    old.close()
    new.close()
    for stale in home.path.glob("ledger.sqlite*"):
        stale.unlink()
    path.rename(home.path / "ledger.sqlite")
    return Home.open(home.path)
