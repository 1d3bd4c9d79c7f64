"""The book: every cent of NAV is in the cube, whatever is traded, marked, late or corrected."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from macro_fund.pms import book
from macro_fund.store.lake import shape_problems
from macro_fund.store.tables import TABLES
from macro_fund_tests.pms.builders import (
    CAPITAL,
    FIXED,
    INCEPTION,
    KEYS,
    TABLE,
    bank_days,
    cdi,
    cube_of,
    fill,
    fills,
    held_at,
    mark,
    marks,
    marks_of,
    share,
)

CDI_ROWS = cdi(bank_days(date(2024, 12, 16), KEYS[-1]))
NO_CDI = CDI_ROWS.clear()
D = KEYS[1:]  # trade dates after the inception


def nav_of(cube: pl.DataFrame, sessions: list[date], rates: pl.DataFrame = NO_CDI) -> pl.DataFrame:
    out = book.nav(cube, rates, sessions, **FIXED)
    assert shape_problems(TABLES["pms/nav"], out) == []
    return out


def amounts(cube: pl.DataFrame, component: str, by: str = "session") -> dict[Any, Decimal]:
    rows = cube.filter(pl.col("component") == component)
    return dict(rows.group_by(by).agg(pl.col("pnl_brl").sum()).sort(by).iter_rows())


def D_(text: str) -> Decimal:
    return Decimal(text)


# one position, day by day


def test_a_fill_costs_on_its_day_and_earns_from_the_next_settlement() -> None:
    """B3 file of 3 February 2025: +1 DI1F27 settled +120.41 that day."""
    m = marks(*marks_of("DI1F27", D[:4], [999.0, 888.0, 120.41, -20.0]))
    f = fills(fill(D[1], "DI1F27", 10, cost_brl=Decimal("72.66")))
    cube = cube_of(f, m, KEYS[:7])
    assert amounts(cube, "cost") == {D[2]: D_("-72.66")}
    assert amounts(cube, "settlement") == {D[3]: D_("1204.10"), D[4]: D_("-200.00")}
    navs = dict(nav_of(cube, KEYS[:7]).select("session", "nav_brl").iter_rows())
    assert navs[KEYS[0]] == CAPITAL
    assert navs[D[4]] == CAPITAL + D_("-72.66") + D_("1204.10") - 200


def test_a_receiver_gains_when_rates_fall_and_a_payer_loses() -> None:
    """DI1F27 at 479 business days: -10 bp is about +10 x DV01 = +127 a contract."""
    m = marks(*marks_of("DI1F27", D[:2], [None, 127.13]))
    made = {q: amounts(cube_of(fills(fill(D[0], "DI1F27", q)), m, [D[2]]), "settlement")[D[2]] for q in (5, -5)}
    assert made == {5: D_("635.65"), -5: D_("-635.65")}


def test_a_long_dollar_future_is_paid_fifty_reais_a_point() -> None:
    """Brazil's exchange on 3 February 2025: -30.315 points are BRL -1,515.75 a contract."""
    m = marks(*marks_of("DOLH25", D[:2], [None, -30.315 * 50]))
    cube = cube_of(fills(fill(D[0], "DOLH25", -2)), m, [D[2]])
    assert amounts(cube, "settlement") == {D[2]: D_("3031.50")}


def test_before_the_first_trade_there_is_only_cash() -> None:
    sessions = KEYS[:3]
    cube = cube_of(fills(), marks(), sessions, CDI_ROWS)
    assert held_at(fills(), marks(), sessions).is_empty()
    # 6 January opens at the capital; 7 January has earned the CDI of 3 January: 100,000,000 x 0.00045513.
    assert cube.select("session", "trade_date", "component", "pnl_brl").rows() == [
        (KEYS[1], KEYS[0], "interest", D_("45513.00")),
        (KEYS[2], KEYS[1], "interest", D_("45533.71")),  # on 100,045,513.00
    ]
    navs = nav_of(cube, sessions, CDI_ROWS)
    assert navs["nav_brl"].to_list() == [CAPITAL, D_("100045513.00"), D_("100091046.71")]
    assert navs["trade_date"].to_list() == [date(2025, 1, 3), *KEYS[:2]]
    assert navs["cdi_index"].to_list() == pytest.approx([1.0, 1.00045513, 1.00045513**2], abs=1e-15)
    assert navs["fund_index"].to_list() == pytest.approx([1.0, 1.00045513, 1.0009104671], abs=1e-12)


def test_an_opening_window_before_the_inception_has_no_book() -> None:
    sessions = TABLE.keys(date(2024, 12, 16), INCEPTION)
    cube = cube_of(fills(), marks(), sessions, CDI_ROWS)
    assert cube.is_empty()
    assert nav_of(cube, sessions, CDI_ROWS).select("session", "nav_brl").rows() == [(INCEPTION, CAPITAL)]


# interest


def test_a_bank_day_without_a_session_earns_too() -> None:
    """Carnival 2025: B3 and banks are closed on 3 and 4 March. Christmas Eve 2024: only B3 is closed."""
    inception = date(2024, 12, 20)
    sessions = TABLE.keys(inception, date(2024, 12, 27))
    assert sessions == [date(2024, 12, d) for d in (20, 23, 26, 27)]
    known = CDI_ROWS.with_columns(session=pl.lit(inception))
    navs = book.nav(
        book.pnl(fills(), marks(), known, sessions, **{**FIXED, "inception": inception}),
        known,
        sessions,
        **{**FIXED, "inception": inception},
    )
    # 23 December has the days [19, 20), 26 [20, 23), 27 [23, 26): 23 and 24, one day twice the usual.
    growth = navs["cdi_index"] / navs["cdi_index"].shift(1)
    assert growth.to_list()[2:] == pytest.approx([1.00045513, 1.00045513**2], abs=1e-12)


def test_a_late_rate_defers_the_interest_and_loses_none() -> None:
    late = CDI_ROWS.with_columns(
        session=pl.when(pl.col("event_date") == KEYS[2]).then(KEYS[7]).otherwise(pl.col("session"))
    )
    cube, whole = (cube_of(fills(), marks(), KEYS[:12], r) for r in (late, CDI_ROWS))
    days = amounts(cube, "interest")
    assert [days[KEYS[i]] for i in (4, 5, 6)] == [0, 0, 0]
    assert days[KEYS[7]] > 3 * days[KEYS[3]]
    index = [nav_of(c, [KEYS[11]], r)["cdi_index"].item() for c, r in ((cube, late), (whole, CDI_ROWS))]
    assert index[0] == pytest.approx(index[1], abs=1e-14)


def test_a_day_that_never_had_a_rate_does_not_stop_interest_for_ever() -> None:
    holed = CDI_ROWS.filter(pl.col("event_date") != KEYS[2])
    days = amounts(cube_of(fills(), marks(), KEYS[:25], holed), "interest")
    assert days[KEYS[10]] == 0
    assert days[KEYS[24]] > 0


def test_a_rate_that_is_not_known_yet_earns_nothing() -> None:
    future = CDI_ROWS.with_columns(session=pl.lit(KEYS[-1]))
    assert set(amounts(cube_of(fills(), marks(), KEYS[:5], future), "interest").values()) == {D_("0.00")}


# strategies


def test_strategies_sum_to_the_contract_and_keep_their_shares() -> None:
    m = marks(*marks_of("DI1F27", D[:3], [None, 0.01, 100.0]))
    f = fills(fill(D[0], "DI1F27", 1, shares=share(A=1 / 3, B=1 / 3, C=1 / 3), cost_brl=Decimal("10.00")))
    cube = cube_of(f, m, KEYS[:6])
    assert amounts(cube, "cost", "strategy_id") == {"A": D_("-3.34"), "B": D_("-3.33"), "C": D_("-3.33")}
    cent = cube.filter(pl.col("session") == D[2], pl.col("component") == "settlement")
    assert cent["pnl_brl"].to_list() == [D_("0.01"), 0, 0]
    assert amounts(cube, "settlement") == {D[2]: D_("0.01"), D[3]: D_("100.00")}


def test_a_closing_trade_belongs_to_those_who_opened() -> None:
    m = marks(*marks_of("DI1F27", D[:4], [None, 1.0, 1.0, 1.0]))
    f = fills(
        fill(D[0], "DI1F27", 10, shares=share(A=1.0), cost_brl=Decimal("0.00")),
        fill(D[1], "DI1F27", 10, shares=share(B=1.0), cost_brl=Decimal("0.00")),
        fill(D[2], "DI1F27", -15, shares=share(C=1.0), cost_brl=Decimal("15.00")),
    )
    cube = cube_of(f, m, KEYS[:7])
    assert amounts(cube, "cost", "strategy_id") == {"A": -10, "B": -5}  # first in, first out; C opened nothing
    last = cube.filter(pl.col("session") == D[4], pl.col("component") == "settlement")
    assert last.select("strategy_id", "pnl_brl").rows() == [("B", D_("5.00"))]


def test_turning_a_position_closes_the_old_lot_and_opens_one_of_its_own() -> None:
    m = marks(*marks_of("DI1F27", D[:3], [None, 1.0, 1.0]))
    f = fills(
        fill(D[0], "DI1F27", 10, shares=share(A=1.0), cost_brl=Decimal("0.00")),
        fill(D[1], "DI1F27", -30, shares=share(B=1.0), cost_brl=Decimal("30.00")),
    )
    cube = cube_of(f, m, KEYS[:6])
    assert amounts(cube, "cost", "strategy_id") == {"A": -10, "B": -20}
    assert cube.filter(pl.col("session") == D[3], pl.col("component") == "settlement").select(
        "strategy_id", "pnl_brl"
    ).rows() == [("B", D_("-20.00"))]


def test_a_trade_without_shares_is_discretionary_and_wrong_shares_are_refused() -> None:
    m = marks(*marks_of("DI1F27", D[:1], [None]))
    assert cube_of(fills(fill(D[0], "DI1F27", 1, shares=[])), m, [D[1]])["strategy_id"].to_list() == [
        "CASH",
        "DISCRETIONARY",
    ]
    with pytest.raises(ValueError, match=r"sum to 0\.900000; they must sum to 1"):
        cube_of(fills(fill(D[0], "DI1F27", 1, shares=share(A=0.9))), m, [D[1]])


def test_shares_come_from_the_proposal_behind_the_order() -> None:
    f = fills(fill(D[0], "DI1F27", 1)).drop("shares")
    orders = pl.DataFrame({"order_id": f["order_id"], "proposal_id": ["p"]})
    proposals = pl.DataFrame({"proposal_id": ["p"], "shares": [share(A=1.0)]})
    assert book.with_shares(f, orders, proposals)["shares"].to_list() == [share(A=1.0)]


# rolls, stale marks, corrections, late facts


def test_a_roll_closes_one_contract_and_carries_on_in_the_other() -> None:
    m = marks(*marks_of("DI1F26", D[:4], [None, 2.0, 3.0, 4.0]), *marks_of("DI1F27", D[:4], [None, 5.0, 6.0, 7.0]))
    f = fills(fill(D[0], "DI1F26", 10), fill(D[2], "DI1F26", -10), fill(D[2], "DI1F27", 10))
    cube = cube_of(f, m, KEYS[:7]).filter(pl.col("component") == "settlement")
    assert cube.select("session", "contract", "pnl_brl").rows() == [
        (D[2], "DI1F26", 20),
        (D[3], "DI1F26", 30),
        (D[4], "DI1F27", 70),
    ]
    held = held_at(f, m, KEYS[:7])
    assert held.select("session", "contract", "quantity").rows() == [
        (D[1], "DI1F26", 10),
        (D[2], "DI1F26", 10),
        (D[3], "DI1F27", 10),
        (D[4], "DI1F27", 10),
        (D[5], "DI1F27", 10),
    ]


def test_a_day_without_settlement_keeps_the_mark_before_and_its_pnl_waits() -> None:
    rows = [
        mark("DI1F27", D[0], 100.0),
        mark("DI1F27", D[2], 107.0, prev_trade_date=D[0], pnl_brl=7.0),
    ]
    f, m = fills(fill(D[0], "DI1F27", 10)), marks(*rows)
    assert amounts(cube_of(f, m, KEYS[:6]), "settlement") == {D[3]: D_("70.00")}
    held = held_at(f, m, [D[1], D[2], D[3]])
    assert held.select("mark_basis", "mark_price").rows() == [
        ("settlement", 100),
        ("previous", 100),
        ("settlement", 107),
    ]
    assert held["dv01_brl"].to_list() == pytest.approx([127.12564] * 3)


def test_a_late_and_a_corrected_settlement_are_booked_when_known() -> None:
    late = TABLE.offset(D[2], 2)
    rows = [
        mark("DI1F27", D[0], 100.0),
        mark("DI1F27", D[1], 102.0, prev_trade_date=D[0], pnl_brl=2.0),
        mark("DI1F27", D[2], 105.0, prev_trade_date=D[1], pnl_brl=3.0),
        # the settlement of D[1] is corrected to 101 a session after D[2] became known, and D[2]'s P&L with it
        mark("DI1F27", D[1], 101.0, prev_trade_date=D[0], pnl_brl=1.0, session=late),
        mark("DI1F27", D[2], 105.0, prev_trade_date=D[1], pnl_brl=4.5, session=late),
    ]
    cube = cube_of(fills(fill(D[0], "DI1F27", 10)), marks(*rows), KEYS[:8])
    assert amounts(cube, "settlement") == {D[2]: D_("20.00"), D[3]: D_("30.00"), late: D_("5.00")}
    assert book.breaks(cube, nav_of(cube, KEYS[:8])) == []


def test_a_fill_that_arrives_late_earns_what_it_missed() -> None:
    m = marks(*marks_of("DI1F27", D[:4], [None, 1.0, 2.0, 3.0]))
    on_time, late = (
        cube_of(fills(fill(D[0], "DI1F27", 10, session=s)), m, KEYS[:7]) for s in (D[1], TABLE.offset(D[2], 1))
    )
    assert amounts(late, "settlement") == {D[3]: D_("30.00"), D[4]: D_("30.00")}
    assert late["pnl_brl"].sum() == on_time["pnl_brl"].sum() == D_("50.00")


def test_an_unknown_pnl_is_listed_until_it_is_known() -> None:
    first = [mark("DI1F27", D[0], 100.0), mark("DI1F27", D[1], 102.0, prev_trade_date=D[0], pnl_brl=None)]
    f = fills(fill(D[0], "DI1F27", 10))
    assert amounts(cube_of(f, marks(*first), KEYS[:5]), "settlement") == {}
    assert book.deferred(f, marks(*first), D[2]).rows() == [("DI1F27", D[1], 10)]
    again = mark("DI1F27", D[1], 102.0, prev_trade_date=D[0], pnl_brl=2.0, session=D[4])
    assert amounts(cube_of(f, marks(*first, again), KEYS[:7]), "settlement") == {D[4]: D_("20.00")}
    assert book.deferred(f, marks(*first, again), D[4]).is_empty()
    assert book.deferred(f, marks(*first, again), D[3]).height == 1


def test_an_expired_contract_leaves_the_book() -> None:
    m = marks(*marks_of("DOLF25", D[:3], [None, 50.0, 50.0], maturity=D[3]))
    f = fills(fill(D[0], "DOLF25", 2))
    held = held_at(f, m, KEYS[:8])
    assert held["session"].to_list() == [D[1], D[2], D[3]]
    assert amounts(cube_of(f, m, KEYS[:8]), "settlement") == {D[2]: D_("100.00"), D[3]: D_("100.00")}


def test_two_instruments_may_hold_one_contract() -> None:
    m = marks(*marks_of("DI1F27", D[:2], [None, 1.5]))
    f = fills(
        fill(D[0], "DI1F27", 10, instrument="DI1_2Y", order_id="a", fill_id="a"),
        fill(D[0], "DI1F27", -4, instrument="DI1_3Y", order_id="b", fill_id="b"),
    )
    held = held_at(f, m, [D[1]])
    assert held.select("instrument", "quantity").rows() == [("DI1_2Y", 10), ("DI1_3Y", -4)]
    cube = book.pnl(f, m, NO_CDI, [D[2]], **FIXED)
    assert amounts(cube, "settlement", "instrument") == {"DI1_2Y": D_("15.00"), "DI1_3Y": D_("-6.00")}


# the books tie


def test_a_missing_day_of_the_cube_is_refused() -> None:
    cube = cube_of(fills(), marks(), KEYS[:5]).filter(pl.col("session") != KEYS[3])
    with pytest.raises(ValueError, match=f"pms/pnl has no rows of {KEYS[3]} .1 sessions.: materialize it first"):
        nav_of(cube, KEYS[:5])


def test_breaks_are_named() -> None:
    cube = cube_of(fills(), marks(), KEYS[:5], CDI_ROWS)
    navs = nav_of(cube, KEYS[:5], CDI_ROWS)
    assert book.breaks(cube, navs) == []
    cent = pl.lit(D_("0.01"), dtype=pl.Decimal(20, 2))
    at = pl.col("session") == KEYS[2]
    broken = navs.with_columns(pl.when(at).then(pl.col("nav_brl") + cent).otherwise(pl.col("nav_brl")).alias("nav_brl"))
    found = book.breaks(cube, broken.cast({"nav_brl": pl.Decimal(20, 2)}))
    assert [f.split(":")[0] for f in found] == [str(KEYS[2]), str(KEYS[2]), str(KEYS[3])]


CONTRACTS = ("DI1F26", "DI1F27", "DOLG25")
DAYS = D[:8]


@st.composite
def worlds(draw: st.DrawFn) -> tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame]:
    """Random marks (some missing, some corrected later), fills where there is a mark, CDI with delays."""
    mark_rows, fill_rows = [], []
    for contract in CONTRACTS:
        quoted = sorted(draw(st.sets(st.sampled_from(DAYS), min_size=1)))
        made = [draw(st.integers(-50_000, 50_000)) / 100 for _ in quoted]
        rows = marks_of(contract, quoted, made)
        for row in rows[1:]:
            if draw(st.integers(0, 4)) == 0:
                later = TABLE.offset(row["trade_date"], draw(st.integers(2, 4)))
                rows = [*rows, {**row, "session": later, "pnl_brl": draw(st.integers(-50_000, 50_000)) / 100}]
        mark_rows += rows
        for day in quoted:
            if draw(st.booleans()):
                parts = draw(st.lists(st.integers(1, 9), min_size=1, max_size=3))
                shares = {f"S{i}": p / sum(parts) for i, p in enumerate(parts)}
                quantity = draw(st.integers(-40, 40).filter(bool))
                cost = Decimal(draw(st.integers(0, 99_999))).scaleb(-2)
                delay = draw(st.sampled_from([1, 1, 1, 3]))
                fill_rows.append(
                    fill(
                        day,
                        contract,
                        quantity,
                        shares=share(**shares),
                        cost_brl=cost,
                        session=TABLE.offset(day, delay),
                    )
                )
    delays = [draw(st.sampled_from([2, 2, 2, 4])) for _ in range(CDI_ROWS.height)]
    known = [TABLE.offset(s, n - 2) for s, n in zip(CDI_ROWS["session"], delays, strict=True)]
    return fills(*fill_rows), marks(*mark_rows), CDI_ROWS.with_columns(session=pl.Series(known, dtype=pl.Date))


@settings(max_examples=25)
@given(worlds())
def test_the_cube_sums_to_the_change_of_nav_and_windows_agree(
    world: tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame],
) -> None:
    f, m, rates = world
    sessions = KEYS[:16]
    cube = cube_of(f, m, sessions, rates)
    navs = nav_of(cube, sessions, rates)
    assert navs["nav_brl"][-1] - CAPITAL == sum(cube["pnl_brl"].to_list(), Decimal(0))
    assert book.breaks(cube, navs) == []
    assert cube.equals(pl.concat([book.pnl(f, m, rates, [s], **FIXED) for s in sessions]))
    assert navs.equals(
        pl.concat([book.nav(cube.filter(pl.col("session") <= s), rates, [s], **FIXED) for s in sessions])
    )
    held = held_at(f, m, sessions)
    assert shape_problems(TABLES["pms/positions"], held) == []
    assert held.equals(pl.concat([held_at(f, m, [s]) for s in sessions]))


@settings(max_examples=25)
@given(worlds())
def test_strategies_sum_to_what_each_contract_made(world: tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame]) -> None:
    """Independent arithmetic: the newest P&L of each settlement x the contracts held at the one before."""
    f, m, _ = world
    cube = cube_of(f, m, KEYS[:16])
    for contract in CONTRACTS:
        newest = m.filter(pl.col("contract") == contract).sort("session").unique("trade_date", keep="last")
        trades = f.filter(pl.col("contract") == contract)
        expected = -sum(trades["cost_brl"].to_list(), Decimal(0))
        for before, made in newest.drop_nulls("prev_trade_date").select("prev_trade_date", "pnl_brl").iter_rows():
            count = int(trades.filter(pl.col("trade_date") <= before)["quantity"].sum())
            expected += count * round(Decimal(repr(made)), 2)
        assert sum(cube.filter(pl.col("contract") == contract)["pnl_brl"].to_list(), Decimal(0)) == expected


@settings(max_examples=25)
@given(worlds(), st.integers(2, 10))
def test_nothing_known_later_changes_the_past(world: tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame], cut: int) -> None:
    f, m, rates = world
    session = KEYS[cut]
    past = [x.filter(pl.col("session") <= session) for x in (f, m, rates)]
    sessions = KEYS[: cut + 1]
    assert cube_of(f, m, sessions, rates).equals(cube_of(past[0], past[1], sessions, past[2]))
    assert held_at(f, m, sessions).equals(held_at(past[0], past[1], sessions))
