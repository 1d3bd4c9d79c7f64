"""What became of each decision: the lot that it opened, what it made, whether it met its target or its stop first, and
whether a person has looked back at it.

Belongs here: the facts of a lot beside the levels of its proposal and the notes on it. Does not belong here: lots and
their P&L (`trips.py`) or what to learn from it: that is a person's, and what they write is in the ledger (`notes.py`).

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
from macro_fund.time.zones import SAO_PAULO

SCHEMA: dict[str, Any] = {
    "proposal_id": pl.String,
    **LOT_SCHEMA,
    "held_days": pl.Int32,
    "met": pl.String,
    "met_on": pl.Date,
    "pnl_brl": MONEY,
    "state": pl.String,
}
Row = Mapping[str, Any]


def outcomes(
    fills: pl.DataFrame,
    proposals: pl.DataFrame,
    marks: pl.DataFrame,
    cube: pl.DataFrame,
    notes: pl.DataFrame,
    session: date,
    trade_date: date,
) -> pl.DataFrame:
    """Every lot with contracts as `session` knows it, whose last close is `trade_date`: `SCHEMA`, newest first.

    fills: `Ledger.fills` (with proposal_id), proposals: pms/trade_proposals with stop_level and target_level, marks:
    silver/contract_marks, cube: pms/pnl; all history. notes: `Ledger.notes` as known. held_days: settlements of the
    contract between opening and close. met: target, stop, neither, or "" where the proposal had no level. state:
    `states`, of the lot's round trip.
    """
    fills = fills.filter(pl.col("session") <= session)
    known = known_marks(marks, fills["contract"], session)
    made = (
        lot_pnl(cube.filter(pl.col("session") <= session))
        .group_by("lot_id", maintain_order=True)
        .agg(pl.col("pnl_brl").sum())
    )
    found = (
        lots(fills, maturities(known), trade_date)
        .filter(pl.col("quantity") != 0)
        .join(fills.select("proposal_id", lot_id="fill_id"), on="lot_id", how="left", maintain_order="left")
        .join(proposals.select("proposal_id", "stop_level", "target_level"), on="proposal_id", how="left")
        .join(made, on="lot_id", how="left", maintain_order="left")
    )
    found = found.join(states(found, notes), on="trip_id", how="left", maintain_order="left")
    by_contract = newest_versions(known).partition_by("contract", as_dict=True)
    days = {c[0]: part.to_dicts() for c, part in by_contract.items()}
    rows = [{**lot, **_while_held(lot, days.get(lot["contract"], []))} for lot in found.iter_rows(named=True)]
    frame = pl.DataFrame([{c: r[c] for c in SCHEMA} for r in rows], schema=SCHEMA, orient="row")
    return frame.sort("opened", "instrument", "contract", "lot_id", descending=[True, False, False, False])


def states(lots: pl.DataFrame, notes: pl.DataFrame) -> pl.DataFrame:
    """State of each round trip of `lots` (trip_id, proposal_id, closed): open, closed, or reviewed.

    Reviewed: somebody wrote a note or a lesson on one of its proposals, their decisions or fills after the day on which
    its last lot closed. What was written while it was open is no look back at what became of it.
    """
    written = notes.select("proposal_id", day=pl.col("recorded_at").dt.convert_time_zone(str(SAO_PAULO)).dt.date())
    over = pl.when(pl.col("closed").is_not_null().all()).then(pl.col("closed").max())
    trips = lots.group_by("trip_id", maintain_order=True).agg(over.alias("over"))
    back = (
        lots.select("trip_id", "proposal_id")
        .join(trips, on="trip_id", how="left", maintain_order="left")
        .join(written, on="proposal_id", how="inner", maintain_order="left")
        .filter(pl.col("day") > pl.col("over"))
    )
    state = (
        pl.when(pl.col("over").is_null())
        .then(pl.lit("open"))
        .when(pl.col("trip_id").is_in(back["trip_id"].to_list()))
        .then(pl.lit("reviewed"))
        .otherwise(pl.lit("closed"))
    )
    return trips.select("trip_id", state.alias("state"))


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
