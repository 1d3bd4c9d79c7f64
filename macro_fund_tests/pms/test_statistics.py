"""Counts of decisions by person, and of closed lots by what ended them."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import polars as pl

from macro_fund.pms.outcomes import SCHEMA
from macro_fund.pms.statistics import by_person, of_outcomes
from macro_fund.store.ledger_rules import STATUSES


def test_every_proposal_is_counted_once_under_who_decided() -> None:
    said = [("Ana", "approved"), ("Ana", "approved"), ("Ana", "rejected"), ("Bia", "modified"), (None, "expired")]
    proposals = pl.DataFrame(said, schema={"decided_by": pl.String, "status": pl.String}, orient="row")
    refusals = pl.DataFrame({"person": ["Ana", "Eva", "Ana"]})
    found = {r["person"]: r for r in by_person(proposals, refusals).to_dicts()}
    counts = {p: {k: n for k, n in r.items() if n and k != "person"} for p, r in found.items()}
    assert counts == {
        "": {"expired": 1},
        "Ana": {"approved": 2, "rejected": 1, "refused": 2},
        "Bia": {"modified": 1},
        "Eva": {"refused": 1},
    }
    assert sum(r[s] for r in found.values() for s in STATUSES) == len(said)


def test_nothing_lost_and_nothing_gained_is_no_gain() -> None:
    def lot(made: str | None, ended: str = "trade", met: str = "stop", closed: bool = True) -> dict[str, Any]:
        row: dict[str, Any] = dict.fromkeys(SCHEMA)
        row |= {"ended": ended, "met": met, "held_days": 4, "pnl_brl": None if made is None else Decimal(made)}
        return {**row, "closed": date(2025, 2, 7) if closed else None}

    rows = [lot("10.00"), lot("0.00"), lot("-30.00"), lot(None), lot("5.00", "roll", ""), lot("99.00", closed=False)]
    found = of_outcomes(pl.DataFrame(rows, schema=SCHEMA, orient="row")).to_dicts()
    assert [(r["ended"], r["met"], r["lots"], r["gained"], r["pnl_brl"]) for r in found] == [
        ("roll", "", 1, 1, Decimal("5.00")),
        ("trade", "stop", 4, 1, Decimal("-20.00")),
    ]
