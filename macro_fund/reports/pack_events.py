"""The pack's rows on events of instruments that people recorded: coupons, expiries, first notices, rebalances.

Belongs here: which of them a part shows. Does not belong here: recording them (`macro-fund events`), releases and
meetings (`pack_calendar.py`). They tell and book nothing: the fund holds futures, which pay no coupon.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Any

import polars as pl

from macro_fund.reports.blocks import Cell, Grid, heads, say
from macro_fund.reports.reading import Reader, at
from macro_fund.reports.words import named
from macro_fund.store.ledger_events import EVENT_KINDS

AHEAD = timedelta(days=10)
KINDS = tuple(k for k in EVENT_KINDS if k != "withdrawn")

Recorded = Sequence[Mapping[str, Any]]
"""Rows of `Ledger.events` as the session knew them, by day."""


def recorded_grid(recorded: Recorded, session: date) -> Grid:
    """Events of today and the ten days after, of what is held and what is not."""
    return _grid(_near(recorded, session), say("empty.recorded_events"))


def held_grid(recorded: Recorded, read: Reader, session: date) -> Grid:
    """Those of them that name a contract or an instrument that is held."""
    held = at(read("pms/positions"), session).filter(pl.col("quantity") != 0)
    names = {*held["contract"], *held["instrument"]}
    return _grid([e for e in _near(recorded, session) if e["instrument"] in names], say("empty.held_events"))


def _near(recorded: Recorded, session: date) -> Recorded:
    return [e for e in recorded if e["kind"] in KINDS and session <= e["event_date"] <= session + AHEAD]


def _grid(events: Recorded, empty: Cell) -> Grid:
    rows: list[list[Cell]] = [
        [
            e["instrument"],
            str(e["event_date"]),
            named("happens", e["kind"]),
            "" if e["amount"] is None else f"{e['amount']:g}",
            e["source"],
        ]
        for e in events
    ]
    return Grid(heads("events_of", "when", "happens", "per_unit", "source"), rows, empty)
