"""The pack's part on what was learnt: the lessons that people wrote in the week, beside what their trades made.

Belongs here: putting lessons and outcomes into a table. Does not belong here: writing lessons (pms/notes.py), what a
trade made (pms/outcomes.py) or which mornings tell them (orchestration/reports.py).
"""

from __future__ import annotations

import polars as pl

from macro_fund.reports.blocks import Cell, Grid, Number, Section, heads, say
from macro_fund.reports.reading import brl

ASSET = "pms/fills"
"""Lots and their P&L are made of fills and settlements."""


def lessons_section(lessons: pl.DataFrame, outcomes: pl.DataFrame) -> Section:
    """Lessons (`Ledger.notes` rows), oldest first, each with its contract and, once its trade is over, the P&L.

    outcomes: `pms.outcomes.outcomes`. The P&L is that of the whole round trip, rolls included; a trade that is still
    open has none yet, and what is about no trade has a dash.
    """
    trips = outcomes.group_by("trip_id", maintain_order=True).agg(
        pl.col("pnl_brl").sum().alias("made"), pl.col("closed").max().alias("over")
    )
    lots = outcomes.join(trips, on="trip_id", how="left", maintain_order="left")
    of = {r["proposal_id"]: r for r in lots.iter_rows(named=True)}
    rows: list[list[Cell]] = []
    for lesson in lessons.iter_rows(named=True):
        lot = of.get(lesson["proposal_id"])
        over = lot is not None and lot["state"] != "open"
        made = brl(lot["made"]) if lot is not None and over else None
        count = None if lot is None else lot["quantity"]
        rows.append(
            [
                lesson["subject"] if lot is None else lot["contract"],
                Number(f"{lesson['note_id']} contracts", count, "count", ASSET),
                str(lot["over"]) if lot is not None and over else "",
                Number(f"{lesson['note_id']} pnl", made, "brl", ASSET),
                lesson["text"],
                lesson["person"],
            ]
        )
    head = heads("of", "contracts", "closed", "pnl", "lesson", "by")
    return Section("lessons", say("section.lessons"), (), [Grid(head, rows, say("empty.lessons"))])
