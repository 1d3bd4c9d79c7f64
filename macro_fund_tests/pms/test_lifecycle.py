"""From targets to NAV through the ledger, session by session, as the daily run does it; and again from the start."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl

from macro_fund.pms import approval, book
from macro_fund.pms.execution import orders_from
from macro_fund.pms.proposals import propose
from macro_fund.store.ledger import Ledger, open_ledger
from macro_fund.store.tables import TABLES
from macro_fund_tests.pms.builders import (
    CAPITAL,
    FIXED,
    KEYS,
    SETTINGS,
    TABLE,
    cdi,
    desk_of,
    frame,
    held_at,
    marks,
    marks_of,
    record_morning,
)
from macro_fund_tests.pms.test_proposals import target

DAYS = KEYS[:8]
MARKS = marks(
    *marks_of("DI1F27", DAYS, [0.0, 10.0, 20.0, -5.0, 7.0, 1.0, 1.0, 1.0]),
    *marks_of("DI1F28", DAYS, [0.0, 11.0, 21.0, -6.0, 8.0, 2.0, 3.0, 4.0]),
)
CDI_ROWS = cdi([])

# 100 contracts, a change too small to trade, a roll to DI1F28, a session without a view, then flat.
GOALS: list[dict[str, Any]] = [
    {},
    {},
    {"target_contracts": 110},
    {"contract": "DI1F28"},
    {"target_contracts": None, "dv01_brl": None, "delta_brl": None, "status": "no_view"},
    {"contract": "DI1F28", "target_contracts": 0, "shares": []},
    {"contract": "DI1F28", "target_contracts": 0, "shares": []},
    {"contract": "DI1F28", "target_contracts": 0, "shares": []},
]
TARGETS = frame("portfolio/targets", [target(session=s, **g) for s, g in zip(DAYS, GOALS, strict=True)])
SIGNALS = TABLES["signals/rates_01"].empty()


def morning(ledger: Ledger, session: dt.date, cube: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """One partition: fills of yesterday's orders, book, proposals; then a person approves them all."""
    at = TABLE.as_of(session)
    ledger.record_orders(orders_from(ledger.pending_approvals()), at)
    record_morning(ledger, MARKS, session, at)
    fills = ledger.fills(upto=session)
    held = held_at(fills, MARKS, [session])
    cube = pl.concat([cube, book.pnl(fills, MARKS, CDI_ROWS, [session], **FIXED)])
    nav = book.nav(cube, CDI_ROWS, [session], **FIXED)
    made = propose(TARGETS, held, SIGNALS, nav, [session], settings=SETTINGS)
    ledger.record_proposals(made, at)
    for p in made["proposal_id"]:
        if ledger.proposal(p)["status"] == "proposed":
            approval.approve(desk_of(ledger, at), p)
    return cube, nav


def test_a_week_of_trading_and_the_same_week_again(tmp_path: Path) -> None:
    ledger = open_ledger(f"sqlite:///{tmp_path / 'ledger.sqlite'}")
    runs = []
    for _ in range(2):
        cube, navs = TABLES["pms/pnl"].empty(), TABLES["pms/nav"].empty()
        for session in DAYS:
            cube, nav = morning(ledger, session, cube)
            navs = pl.concat([navs, nav])
        runs.append((cube, navs, ledger.journal()))
    (cube, navs, journal), again = runs
    assert again[0].equals(cube)
    assert again[1].equals(navs)
    assert again[2].equals(journal)
    assert ledger.verify_journal() == []

    fills = ledger.fills().select("trade_date", "contract", "quantity").rows()
    assert sorted(fills) == [
        (DAYS[0], "DI1F27", 100),
        (DAYS[3], "DI1F27", -100),
        (DAYS[3], "DI1F28", 100),
        (DAYS[5], "DI1F28", -100),
    ]
    # DI1F27 from the close of day 0 to day 3, DI1F28 to day 5; four trades of 100 at 726.63.
    made = 100 * ((10 + 20 - 5) + (8 + 2)) - 4 * Decimal("726.63")
    assert navs["nav_brl"][-1] == CAPITAL + made
    assert book.breaks(cube, navs) == []
    whole = book.pnl(ledger.fills(), MARKS, CDI_ROWS, DAYS, **FIXED)
    assert whole.equals(cube)
