"""What became of each proposal: its lot, its end, and the level that it met first."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import polars as pl
import pytest

from macro_fund.pms.outcomes import outcomes, states
from macro_fund_tests.pms.builders import (
    FILL_SCHEMA,
    KEYS,
    cube_of,
    fill,
    frame,
    mark,
    marks,
    notes,
    proposals,
    until,
    utc,
)

D = KEYS[1:]
NOTHING = notes()


def outcome(
    quantity: int,
    levels: list[float],
    closed: int | None = None,
    rate: bool = True,
    written: pl.DataFrame = NOTHING,
    **given: Any,
) -> dict:
    """Opened on D[0] at the first of `levels`, settled at the others on the days after, closed on D[closed]."""
    contract = "DI1F27" if rate else "DOLG25"
    column = "settle_rate" if rate else "settle_price"
    rows = []
    for k, level in enumerate(levels):
        before = {"prev_trade_date": D[k - 1] if k else None, "pnl_brl": 1.0 if k else None}
        rows.append(mark(contract, D[k], 70000.0, **{**before, column: level}))
    trades = [fill(D[0], contract, quantity, fill_id="f0", proposal_id="p0", cost_brl=Decimal("1.00"))]
    if closed is not None:
        trades.append(fill(D[closed], contract, -quantity, fill_id="f1", proposal_id="p1", cost_brl=Decimal("2.00")))
    fills = pl.DataFrame(trades, schema={**FILL_SCHEMA, "proposal_id": pl.String}, orient="row")
    asked = proposals({"proposal_id": "p0", **given}, {"proposal_id": "p1"})
    known = marks(*rows)
    (row,) = outcomes(fills, asked, known, cube_of(fills, known, until(D[9])), written, D[9], D[8]).to_dicts()
    return row


@pytest.mark.parametrize(
    ("quantity", "levels", "met", "on"),
    [
        (10, [0.149, 0.145, 0.139, 0.160], "target", 2),  # long PU gains when rates fall
        (10, [0.149, 0.153, 0.139], "stop", 1),
        (-10, [0.149, 0.145, 0.139, 0.160], "stop", 2),
        (-10, [0.149, 0.161], "target", 1),
        (10, [0.139, 0.149, 0.1401], "neither", None),  # the trade's own settlement does not count
    ],
)
def test_the_level_that_was_met_first(quantity: int, levels: list[float], met: str, on: int | None) -> None:
    sides = {"stop_level": 0.1525, "target_level": 0.14}
    if quantity < 0:
        sides = {"stop_level": 0.14, "target_level": 0.1525}
    row = outcome(quantity, levels, **sides)
    assert (row["met"], row["met_on"]) == (met, None if on is None else D[on])
    assert row["closed"] is None


def test_a_price_is_met_from_the_other_side() -> None:
    row = outcome(5, [5000.0, 5050.0, 5101.0], rate=False, stop_level=4900.0, target_level=5100.0)
    assert (row["met"], row["met_on"]) == ("target", D[2])
    row = outcome(-5, [5000.0, 5050.0, 5101.0], rate=False, stop_level=5100.0, target_level=4900.0)
    assert (row["met"], row["met_on"]) == ("stop", D[2])


def test_a_closed_lot_says_what_it_made_and_how_long() -> None:
    """10 contracts, two settlements of 1.00, a cost of 1.00 to open and 2.00 to close; what comes later is not its."""
    row = outcome(10, [0.149, 0.148, 0.147, 0.139], closed=2)
    assert (row["proposal_id"], row["closed"], row["ended"], row["held_days"]) == ("p0", D[2], "trade", 2)
    assert row["pnl_brl"] == Decimal("17.00")
    assert row["met"] == "neither"


def test_without_levels_nothing_is_met() -> None:
    assert outcome(10, [0.149, 0.12], stop_level=None, target_level=None)["met"] == ""


def test_what_the_session_does_not_know_has_not_happened() -> None:
    fills = pl.DataFrame(
        [fill(D[0], "DI1F27", 1, proposal_id="p0")], schema={**FILL_SCHEMA, "proposal_id": pl.String}, orient="row"
    )
    assert outcomes(
        fills, proposals({"proposal_id": "p0"}), marks(), frame("pms/pnl", []), notes(), D[0], D[0]
    ).is_empty()


def noon(day: date, **given: Any) -> dict[str, Any]:
    return {"recorded_at": utc(day.year, day.month, day.day, 15), **given}


LEVELS = [0.149, 0.148, 0.147, 0.146]


@pytest.mark.parametrize(
    ("closed", "written", "state"),
    [
        (None, notes(noon(D[3])), "open"),  # a note on an open trade reviews nothing
        (2, notes(), "closed"),
        (2, notes(noon(D[1])), "closed"),  # written before it closed
        (2, notes(noon(D[2])), "closed"),  # on the day on which it closed, before its result was known
        (2, notes(noon(D[3])), "reviewed"),
        (2, notes(noon(D[3], kind="note")), "reviewed"),
        (2, notes(noon(D[3], about="decision", subject="d0")), "reviewed"),  # a decision of the same proposal
        (2, notes(noon(D[3], proposal_id="p1")), "closed"),  # the proposal that closed it
        (2, notes(noon(D[3], about="session", proposal_id=None)), "closed"),
    ],
)
def test_a_closed_trade_is_reviewed_once_a_person_has_looked_back(
    closed: int | None, written: pl.DataFrame, state: str
) -> None:
    assert outcome(10, LEVELS, closed, written=written)["state"] == state


def test_the_day_of_a_note_is_that_of_sao_paulo() -> None:
    """02:00 UTC of the day after is the evening of the close."""
    midnight = utc(D[2].year, D[2].month, D[2].day, 0) + timedelta(days=1)
    for hours, state in ((2, "closed"), (4, "reviewed")):
        written = notes({"recorded_at": midnight + timedelta(hours=hours)})
        assert outcome(10, LEVELS, 2, written=written)["state"] == state


def test_a_rolled_trade_is_reviewed_as_a_whole() -> None:
    """Two lots of one trip: the first ended by a roll, but the trade is open until the second is closed."""
    lots = pl.DataFrame(
        {"trip_id": ["a", "a", "b"], "proposal_id": ["p0", "p1", "p2"], "closed": [D[2], None, D[2]]},
        schema_overrides={"closed": pl.Date},
    )
    assert dict(states(lots, notes(noon(D[3]))).rows()) == {"a": "open", "b": "closed"}
    over = lots.with_columns(pl.col("closed").fill_null(D[4]))
    assert dict(states(over, notes(noon(D[3]))).rows()) == {"a": "closed", "b": "closed"}
    for pid in ("p0", "p1"):
        assert dict(states(over, notes(noon(D[5], proposal_id=pid))).rows()) == {"a": "reviewed", "b": "closed"}
