"""What became of each decision: the lot that it opened, what it made, and whether it met its target or its stop first.

Belongs here: the facts of a lot beside the levels of its proposal. Does not belong here: lots and their P&L
(`trips.py`) or what to learn from it: that is a person's.

Levels are compared with the settlements of the contract held, from the day after the trade to the close, as the last
session knows them: a level between two settlements was met at the second. A roll takes no levels along.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

import polars as pl

from macro_fund.pms.settlements import known_marks, level_of, maturities, newest_versions
from macro_fund.pms.trips import LOT_SCHEMA, lot_pnl, lots
from macro_fund.store.table import MONEY

SCHEMA: dict[str, Any] = {
    "proposal_id": pl.String,
    **LOT_SCHEMA,
    "held_days": pl.Int32,
    "met": pl.String,
    "met_on": pl.Date,
    "pnl_brl": MONEY,
}
Row = Mapping[str, Any]


def outcomes(
    fills: pl.DataFrame, proposals: pl.DataFrame, marks: pl.DataFrame, session: date, trade_date: date
) -> pl.DataFrame:
    """Every lot with contracts as `session` knows it, whose last close is `trade_date`: `SCHEMA`, newest first.

    fills: `Ledger.fills` (with proposal_id), proposals: pms/trade_proposals with stop_level and target_level, marks:
    silver/contract_marks; all history. held_days: settlements of the contract between opening and close. met: target,
    stop, neither, or "" where the proposal had no level.
    """
    fills = fills.filter(pl.col("session") <= session)
    known = known_marks(marks, fills["contract"], session)
    made = lot_pnl(fills, known, session).group_by("lot_id", maintain_order=True).agg(pl.col("pnl_brl").sum())
    found = (
        lots(fills, maturities(known), trade_date)
        .filter(pl.col("quantity") != 0)
        .join(fills.select("proposal_id", lot_id="fill_id"), on="lot_id", how="left", maintain_order="left")
        .join(proposals.select("proposal_id", "stop_level", "target_level"), on="proposal_id", how="left")
        .join(made, on="lot_id", how="left", maintain_order="left")
    )
    by_contract = newest_versions(known).partition_by("contract", as_dict=True)
    days = {c[0]: part.to_dicts() for c, part in by_contract.items()}
    rows = [{**lot, **_while_held(lot, days.get(lot["contract"], []))} for lot in found.iter_rows(named=True)]
    frame = pl.DataFrame([{c: r[c] for c in SCHEMA} for r in rows], schema=SCHEMA, orient="row")
    return frame.sort("opened", "instrument", "contract", "lot_id", descending=[True, False, False, False])


def _while_held(lot: Row, days: Sequence[Row]) -> dict[str, Any]:
    """held_days, met and met_on of a lot, from the contract's settlements by day."""
    held = [d for d in days if lot["opened"] < d["trade_date"] <= (lot["closed"] or date.max)]
    stop, target = lot["stop_level"], lot["target_level"]
    if stop is None and target is None:
        return {"held_days": len(held), "met": "", "met_on": None}
    for day in held:
        level = level_of(day)
        # Long a contract gains when its rate falls or its price rises.
        up = 1 if (lot["quantity"] > 0) == (day["settle_rate"] is None) else -1
        for name, limit, sign in (("target", target, up), ("stop", stop, -up)):
            if limit is not None and (level - limit) * sign >= 0:
                return {"held_days": len(held), "met": name, "met_on": day["trade_date"]}
    return {"held_days": len(held), "met": "neither", "met_on": None}
