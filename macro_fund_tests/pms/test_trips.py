"""Lots and round trips: who opened and closed what, what it made, and what a roll is."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import polars as pl
import pytest

from macro_fund.pms.trips import lot_pnl, lots, round_trips
from macro_fund_tests.pms.builders import KEYS, cube_of, fill, fills, marks, marks_of, until

D = KEYS[1:]
FAR = {"DI1F27": date(2027, 1, 4), "DI1F28": date(2028, 1, 3)}


def traded(*trades: tuple[int, str, int], **given: Any) -> pl.DataFrame:
    """Fills from (day, contract, quantity); the fill's id is its place, f0, f1, ..."""
    rows = [fill(D[d], c, q, fill_id=f"f{k}", **given) for k, (d, c, q) in enumerate(trades)]
    return fills(*rows)


def lots_of(rows: pl.DataFrame, last: date = D[9], maturities: dict[str, date] = FAR) -> dict[str, dict[str, Any]]:
    return {r["lot_id"]: r for r in lots(rows, maturities, last).to_dicts()}


def test_contracts_are_closed_first_in_first_out() -> None:
    found = lots_of(traded((0, "DI1F27", 10), (1, "DI1F27", 5), (3, "DI1F27", -12), (4, "DI1F27", -3)))
    assert {i: (r["quantity"], r["opened"], r["closed"], r["ended"]) for i, r in found.items() if r["quantity"]} == {
        "f0": (10, D[0], D[3], "trade"),
        "f1": (5, D[1], D[4], "trade"),
    }
    assert [r["trip_id"] for r in found.values() if r["quantity"]] == ["f0", "f1"]


def test_a_trade_through_zero_closes_and_opens() -> None:
    found = lots_of(traded((0, "DI1F27", 10), (2, "DI1F27", -15)))
    assert (found["f0"]["closed"], found["f0"]["ended"]) == (D[2], "trade")
    assert (found["f1"]["quantity"], found["f1"]["closed"], found["f1"]["ended"]) == (-5, None, "open")
    assert found["f1"]["trip_id"] == "f1"


def test_a_roll_is_one_trip_and_a_turn_is_two() -> None:
    rolled = lots_of(traded((0, "DI1F27", 10), (2, "DI1F27", -10), (2, "DI1F28", 8)))
    assert (rolled["f0"]["ended"], rolled["f2"]["trip_id"]) == ("roll", "f0")
    turned = lots_of(traded((0, "DI1F27", 10), (2, "DI1F27", -10), (2, "DI1F28", -8)))
    assert (turned["f0"]["ended"], turned["f2"]["trip_id"]) == ("trade", "f2")
    other = traded((0, "DI1F27", 10), (2, "DI1F27", -10)).vstack(
        fills(fill(D[2], "DI1F28", 8, fill_id="f2", instrument="DI1_5Y"))
    )
    assert lots_of(other)["f2"]["trip_id"] == "f2"
    later = lots_of(traded((0, "DI1F27", 10), (2, "DI1F27", -10), (3, "DI1F28", 8)))
    assert later["f2"]["trip_id"] == "f2"


def test_a_trip_is_open_while_one_of_its_lots_is() -> None:
    rows = traded((0, "DI1F27", 10), (0, "DI1F27", 4), (2, "DI1F27", -12), (2, "DI1F28", 12), (5, "DI1F28", -12))
    trips = round_trips(lots(rows, FAR, D[9]), lot_pnl(cube_of(rows, marks(), until(D[9])))).to_dicts()
    assert [(t["trip_id"], t["opened"], t["closed"]) for t in trips] == [("f0", D[0], None)]
    whole = rows.vstack(fills(fill(D[7], "DI1F27", -2, fill_id="f5")))
    assert round_trips(lots(whole, FAR, D[9]), lot_pnl(cube_of(whole, marks(), until(D[9]))))["closed"].to_list() == [
        D[7]
    ]


def test_a_lot_ends_with_its_contract() -> None:
    rows, ends = traded((0, "DOLF25", 3)), {"DOLF25": D[4]}
    assert lots_of(rows, D[3], ends)["f0"]["ended"] == "open"
    gone = lots_of(rows, D[4], ends)["f0"]
    assert (gone["closed"], gone["ended"]) == (D[4], "maturity")
    rolled = lots_of(traded((0, "DOLF25", 3), (4, "DOLG25", 3)), D[5], ends)
    assert (rolled["f0"]["ended"], rolled["f1"]["trip_id"]) == ("roll", "f0")


def test_what_each_lot_made_by_hand() -> None:
    """10 contracts earn 1.00 and 2.00, 5 more 2.00 and -4.00; closing 12 costs 10.00, of which 8.33 for the ten."""
    m = marks(*marks_of("DI1F27", D[:5], [None, 1.0, 2.0, -4.0, 7.0]))
    rows = traded((0, "DI1F27", 10), (1, "DI1F27", 5), (2, "DI1F27", -12))
    made = dict(lot_pnl(cube_of(rows, m, until(D[9]))).group_by("lot_id").agg(pl.col("pnl_brl").sum()).iter_rows())
    assert made["f0"] == Decimal("10") * (1 + 2) - Decimal("10.00") - Decimal("8.33")
    assert made["f1"] == 5 * Decimal("2") + 3 * Decimal("-4") + 3 * Decimal("7") - Decimal("10.00") - Decimal("1.67")
    assert set(made) == {"f0", "f1"}


def test_a_cost_that_a_late_fill_leaves_behind_is_lost_to_nobody() -> None:
    """f1 is known first and opens; then f0 of the day before is recorded, and f1 turns out to have closed it."""
    early = fill(D[0], "DI1F27", 10, fill_id="f0", session=D[5])
    rows = fills(early, fill(D[1], "DI1F27", -10, fill_id="f1"))
    m = marks(*marks_of("DI1F27", D[:4], [None, 1.0, 2.0, -4.0]))
    trips = round_trips(lots(rows, FAR, D[9]), lot_pnl(cube_of(rows, m, until(D[9]))))
    assert trips.select("trip_id", "closed", "pnl_brl").rows() == [("f0", D[1], Decimal("10.00") - 2 * Decimal("10"))]


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_the_order_of_rows_does_not_matter(order: tuple[int, int]) -> None:
    rows = traded((0, "DI1F27", 10), (2, "DI1F27", -4))
    assert lots_of(rows[list(order)]) == lots_of(rows)
