"""Marks by rung, and the P&L of every rung below settlement: booked, taken back, and never more than the truth."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from macro_fund.instruments.di1 import pu, round2
from macro_fund.instruments.marks import Inputs, contract_marks
from macro_fund.pms import book
from macro_fund.pms.explain import explain, unexplained
from macro_fund.pms.marking import book_marks, model_rate
from macro_fund.pms.performance import disagreements, performance
from macro_fund.pms.reconciliation import open_estimates
from macro_fund.pms.true_up import with_estimates
from macro_fund.store.lake import shape_problems
from macro_fund.store.tables import TABLES
from macro_fund_tests.pms.builders import (
    ANBIMA,
    FIXED,
    KEYS,
    NO_OVERRIDES,
    POINTS,
    TABLE,
    bank_days,
    cdi,
    fill,
    fills,
    market,
)

RATES = cdi(bank_days(date(2024, 12, 16), KEYS[-1]))
D = KEYS[1:]  # trade dates after the inception
MATURITY = {"DI1F26": date(2026, 1, 2), "DI1F27": date(2027, 1, 4), "DI1F28": date(2028, 1, 3)}
DOL = {"DOLH25": date(2025, 3, 5)}

Quote = tuple[date, str, float]  # trade date, contract, level


def settlements(quotes: Sequence[Quote], late: dict[tuple[date, str], int] | None = None) -> pl.DataFrame:
    """silver/contract_marks of quotes, known in the session after their day, or so many later (`late`)."""
    rows = []
    for day, contract, level in quotes:
        root, maturity = contract[:3], (MATURITY | DOL)[contract]
        left = ANBIMA.count(day, maturity, known_on=day)
        price = float(round2(pu(level, left))) if root == "DI1" else level
        session = TABLE.offset(day, 1 + (late or {}).get((day, contract), 0))
        rows.append((session, contract, day, root, maturity, price, level if root == "DI1" else None))
    names = ("session", "contract", "event_date", "root", "maturity", "settle_price", "settle_rate")
    kinds = (pl.Date, pl.String, pl.Date, pl.String, pl.Date, pl.Float64, pl.Float64)
    frame = pl.DataFrame(rows, schema=dict(zip(names, kinds, strict=True)), orient="row")
    inputs = Inputs(RATES, RATES.clear(), RATES.clear())
    return contract_marks(frame, inputs, KEYS[:40], ANBIMA, POINTS)


def level(day: int, contract: str) -> float:
    """A curve that rises by 1% a year of maturity, and moves 2 bp up a day; the dollar rises by 10 a day."""
    if contract in DOL:
        return 5800.0 + 10.0 * day
    return 0.13 + 0.01 * ("DI1F26", "DI1F27", "DI1F28").index(contract) + 0.0002 * day


ALL: list[Quote] = [(d, c, level(k, c)) for k, d in enumerate(D[:10]) for c in (*MATURITY, *DOL)]


def without(*gone: tuple[int, str]) -> list[Quote]:
    return [q for q in ALL if (D.index(q[0]), q[1]) not in gone]


def overrides(*rows: dict[str, Any]) -> pl.DataFrame:
    given_ = {"contract": "DI1F27", "person": "Ana", "confirmed_by": "Bia", "revoked_at": None}
    return pl.DataFrame([{**given_, **r} for r in rows], schema=NO_OVERRIDES.schema, orient="row")


def before(session: date) -> datetime:
    """The last moment that the session knows."""
    return TABLE.as_of(session)


def after(session: date) -> datetime:
    return TABLE.as_of(session).replace(minute=56)


def marked(f: pl.DataFrame, m: pl.DataFrame, given_: pl.DataFrame = NO_OVERRIDES, upto: int = 9) -> pl.DataFrame:
    out = book_marks(f, given_, market(m, RATES), KEYS[: upto + 1])
    assert shape_problems(TABLES["pms/marks"], out) == []
    return out


def basis(frame: pl.DataFrame, contract: str = "DI1F27") -> dict[int, str]:
    rows = frame.filter(pl.col("contract") == contract)
    return {KEYS.index(s): b for s, b in rows.select("session", "basis").rows()}


def cube_of(f: pl.DataFrame, m: pl.DataFrame, own: pl.DataFrame, upto: int = 9) -> pl.DataFrame:
    return book.pnl(f, with_estimates(m, own), RATES, KEYS[: upto + 1], **FIXED)


def settled(cube: pl.DataFrame) -> dict[int, Decimal]:
    rows = cube.filter(pl.col("component") == "settlement").group_by("session", maintain_order=True)
    return {KEYS.index(s): v for s, v in rows.agg(pl.col("pnl_brl").sum()).sort("session").rows() if v}


HELD = fills(fill(D[0], "DI1F27", 10), fill(D[0], "DOLH25", -2))


# rungs


def test_with_all_settlements_every_mark_is_one_and_the_book_is_what_it_was() -> None:
    m = settlements(ALL)
    own = marked(HELD, m)
    assert set(basis(own).values()) == {"settlement"}
    assert with_estimates(m, own) is m
    newest = m.filter(pl.col("session") == KEYS[5], pl.col("contract") == "DI1F27")
    row = own.filter(pl.col("session") == KEYS[5], pl.col("contract") == "DI1F27")
    assert row.select(m.columns).equals(newest)


def test_a_missing_di1_is_marked_on_the_curve_of_its_own_close_and_trued_up() -> None:
    """One contract has no settlement on D[3]; the next one, two days on, makes up for what the model missed."""
    m = settlements(without((3, "DI1F27")))
    own = marked(HELD, m)
    assert basis(own)[5] == "model"
    row = own.filter(pl.col("session") == KEYS[5], pl.col("contract") == "DI1F27").row(0, named=True)
    # flat forward between 13.06% and 15.06%: log(1 + r) x n is linear in business days
    n = {c: ANBIMA.count(D[3], x, known_on=D[3]) for c, x in MATURITY.items()}
    ends = {c: (1 + level(3, c)) ** (n[c] / 252) for c in ("DI1F26", "DI1F28")}
    part = (n["DI1F27"] - n["DI1F26"]) / (n["DI1F28"] - n["DI1F26"])
    rate = (ends["DI1F26"] * (ends["DI1F28"] / ends["DI1F26"]) ** part) ** (252 / n["DI1F27"]) - 1
    assert row["settle_rate"] == pytest.approx(rate, abs=1e-12)
    assert row["settle_price"] == pytest.approx(100_000 / (1 + rate) ** (n["DI1F27"] / 252), abs=0.005)
    assert (row["trade_date"], row["prev_trade_date"], row["source"]) == (D[3], D[2], "model")
    made, truth = settled(cube_of(HELD, m, own)), settled(cube_of(HELD, settlements(ALL), own.clear()))
    assert made.keys() == truth.keys()
    assert made[5] != truth[5]
    assert made[5] + made[6] == pytest.approx(truth[5] + truth[6], abs=Decimal("0.10"))  # one rounding of PUs less
    assert {k: made[k] for k in (3, 4, 7, 8, 9)} == {k: truth[k] for k in (3, 4, 7, 8, 9)}


def test_an_estimate_is_what_no_broker_has_settled() -> None:
    m = settlements(without((3, "DI1F27")))
    own = marked(HELD, m)
    booked, cube = with_estimates(m, own), cube_of(HELD, m, own)
    mine = cube.filter(
        pl.col("contract") == "DI1F27", pl.col("session") == KEYS[5], pl.col("component") == "settlement"
    )
    open_ = [open_estimates(HELD, m, booked, KEYS[k]) for k in (4, 5, 6)]
    assert open_ == [0, mine["pnl_brl"].sum(), 0]
    assert open_[1] != 0
    assert open_estimates(HELD, m, m, KEYS[5]) == 0


def test_the_dollar_has_no_model_and_keeps_the_mark_before_for_one_session() -> None:
    m = settlements(without((3, "DOLH25"), (4, "DOLH25"), (5, "DOLH25")))
    own = marked(HELD, m)
    assert [basis(own, "DOLH25")[k] for k in (4, 5, 6, 7, 8)] == [
        "settlement", "previous", "none", "none", "settlement"
    ]  # fmt: skip
    held = book.positions(HELD, own, KEYS[:10], TABLE).filter(pl.col("contract") == "DOLH25")
    levels = dict(held.select("session", "mark_price").rows())
    assert [levels[KEYS[k]] for k in (4, 5, 6, 8)] == [5820.0, 5820.0, None, 5860.0]
    assert held["delta_brl"].to_list()[3] == -2 * 5820.0 * 50  # risk stays that of the newest mark
    cube = cube_of(HELD, m, own).filter(pl.col("contract") == "DOLH25")
    assert settled(cube) == {3: -1000, 4: -1000, 8: -4000, 9: -1000}


def test_a_close_without_any_settlement_has_no_model() -> None:
    m = settlements([q for q in ALL if q[0] != D[3]])
    own = marked(HELD, m)
    assert basis(own)[5] == "previous"
    assert settled(cube_of(HELD, m, own)).keys() == {3, 4, 6, 7, 8, 9}


def test_the_model_does_not_reach_beyond_the_contracts_of_the_close() -> None:
    f = fills(fill(D[0], "DI1F28", 10))
    assert basis(marked(f, settlements(without((3, "DI1F28")))), "DI1F28")[5] == "previous"
    m = settlements(ALL)
    assert model_rate(m, KEYS[5], D[3], 10) is None
    assert model_rate(m, KEYS[4], D[3], 480) is None  # that close is not known yet
    assert model_rate(m, KEYS[2], D[0], 480) is None  # a contract's first settlement is none
    assert model_rate(m, KEYS[5], D[3], 480) is not None


def test_without_the_cdi_there_is_no_estimate() -> None:
    m = settlements(without((3, "DI1F27")))
    assert basis(book_marks(HELD, NO_OVERRIDES, market(m), KEYS[:10]))[5] == "previous"


# a settlement that comes late


def test_a_late_settlement_takes_the_place_of_the_model_in_its_own_session() -> None:
    quotes, late = ALL, {(D[3], "DI1F27"): 2}
    m = settlements(quotes, late)
    own = marked(HELD, m)
    assert [basis(own)[k] for k in (5, 6, 7)] == ["model", "settlement", "settlement"]
    made, truth = settled(cube_of(HELD, m, own)), settled(cube_of(HELD, settlements(ALL), own.clear()))
    assert made[5] + made[6] + made[7] == truth[5] + truth[6] + truth[7]
    assert sum(made.values()) == sum(truth.values())


def test_two_days_of_models_are_one_estimate_from_the_last_settlement() -> None:
    m = settlements(without((3, "DI1F27"), (4, "DI1F27")))
    own = marked(HELD, m)
    assert [basis(own)[k] for k in (5, 6)] == ["model", "model"]
    rows = own.filter(pl.col("source") == "model")
    assert rows["prev_trade_date"].to_list() == [D[2], D[2]]
    made = settled(cube_of(HELD, m, own))
    assert made[5] + made[6] == Decimal(repr(rows["pnl_brl"][1])) * 10 - 2000


# overrides


GIVEN = {"trade_date": D[3], "level": 0.15, "confirmed_at": after(KEYS[4])}


def test_an_override_counts_from_the_session_that_knows_its_confirmation() -> None:
    m = settlements(without((3, "DI1F27"), (4, "DI1F27")))
    early = marked(HELD, m, overrides({**GIVEN, "confirmed_at": before(KEYS[5])}))
    assert [basis(early)[k] for k in (4, 5, 6, 7)] == ["settlement", "override", "model", "settlement"]
    row = early.filter(pl.col("basis") == "override").row(0, named=True)
    left = ANBIMA.count(D[3], MATURITY["DI1F27"], known_on=D[3])
    assert (row["settle_rate"], row["settle_price"]) == (0.15, float(round2(pu(0.15, left))))
    late = marked(HELD, m, overrides({**GIVEN, "confirmed_at": after(KEYS[5])}))
    assert basis(late)[5] == "model"
    assert [basis(late)[k] for k in (6, 7)] == ["model", "settlement"]
    waiting = marked(HELD, m, overrides({**GIVEN, "confirmed_at": None, "confirmed_by": None}))
    assert waiting.equals(marked(HELD, m))


def test_an_override_stands_where_there_is_no_model_and_is_the_mark_before_a_day_later() -> None:
    f = fills(fill(D[0], "DOLH25", -2))
    m = settlements(without((3, "DOLH25"), (4, "DOLH25"), (5, "DOLH25")))
    given_ = overrides({"contract": "DOLH25", "trade_date": D[4], "level": 5900.0, "confirmed_at": before(KEYS[6])})
    own = marked(f, m, given_)
    assert [basis(own, "DOLH25")[k] for k in (5, 6, 7, 8)] == ["previous", "override", "previous", "settlement"]
    made = settled(cube_of(f, m, own))
    # from 5,820 to 5,900 on two days, nothing on the third, and down to 5,860 when that is settled
    assert made == {3: -1000, 4: -1000, 6: -8000, 8: 4000, 9: -1000}


def test_an_override_of_a_known_settlement_stands_until_the_next_one() -> None:
    f = fills(fill(D[0], "DOLH25", -2))
    m = settlements(without((5, "DOLH25")))
    given_ = overrides({"contract": "DOLH25", "trade_date": D[4], "level": 5900.0, "confirmed_at": after(KEYS[6])})
    own = marked(f, m, given_)
    # the session after the confirmation knows no newer settlement: what people said stands in for the one of D[4]
    assert [basis(own, "DOLH25")[k] for k in (6, 7, 8)] == ["settlement", "previous", "settlement"]
    made = settled(cube_of(f, m, own))
    assert made == {3: -1000, 4: -1000, 5: -1000, 6: -1000, 7: -6000, 8: 4000, 9: -1000}


def test_a_settlement_that_people_did_not_know_beats_what_they_said() -> None:
    m = settlements(ALL, {(D[3], "DI1F27"): 0})
    same_morning = marked(HELD, m, overrides({**GIVEN, "confirmed_at": before(KEYS[5])}))
    assert set(basis(same_morning).values()) == {"settlement"}


def test_a_revocation_takes_the_mark_back_in_the_session_that_knows_it() -> None:
    f = fills(fill(D[0], "DOLH25", -2))
    m = settlements([q for q in ALL if q[1] == "DOLH25" and q[0] < D[4]])
    said = {"contract": "DOLH25", "trade_date": D[4], "level": 5900.0, "confirmed_at": before(KEYS[6])}
    own = marked(f, m, overrides({**said, "revoked_at": after(KEYS[6])}))
    assert [basis(own, "DOLH25")[k] for k in (6, 7)] == ["override", "none"]
    assert settled(cube_of(f, m, own)) == {3: -1000, 4: -1000, 5: -1000, 6: -7000, 7: 7000}


def test_a_model_of_a_contract_that_matured_stays_its_last_word() -> None:
    soon = {"DI1F26": date(2025, 1, 15)}
    real, MATURITY["DI1F26"] = MATURITY["DI1F26"], soon["DI1F26"]
    try:
        last = TABLE.offset(soon["DI1F26"], -1)
        quotes = [q for q in ALL if not (q[1] == "DI1F26" and q[0] >= last)]
        short = [(d, "DI1F27", level(k, "DI1F27")) for k, d in enumerate(D[:10])]
        m = settlements(sorted({*quotes, *short}))
    finally:
        MATURITY["DI1F26"] = real
    f = fills(fill(D[0], "DI1F26", 10))
    given_ = overrides(
        {"contract": "DI1F26", "trade_date": last, "level": 0.13, "confirmed_at": before(soon["DI1F26"])}
    )
    own = marked(f, m, given_)
    assert basis(own, "DI1F26")[KEYS.index(soon["DI1F26"])] == "override"
    assert own.filter(pl.col("session") > soon["DI1F26"]).is_empty()
    made = settled(cube_of(f, m, own))
    assert max(made) == KEYS.index(soon["DI1F26"])  # booked once, and never taken back


# any pattern


@st.composite
def worlds(draw: st.DrawFn) -> tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame]:
    """Fills where there is a settlement; settlements missing for some sessions, all known in the end; overrides."""
    late = {(d, c): draw(st.sampled_from([0, 0, 0, 1, 2, 4])) for d, c, _ in ALL}
    quotes = [(d, c, x + draw(st.integers(-40, 40)) * (1e-4 if c in MATURITY else 1.0)) for d, c, x in ALL]
    rows = []
    for k, c in draw(st.lists(st.tuples(st.integers(0, 7), st.sampled_from(["DI1F27", "DOLH25"])), max_size=5)):
        # the paper broker fills at a settlement, in the session that knows it
        session = TABLE.offset(D[k], 1 + late[D[k], c])
        rows.append(fill(D[k], c, draw(st.sampled_from([-7, 3, 10])), session=session, fill_id=f"f{len(rows)}"))
    given_ = []
    for _ in range(draw(st.integers(0, 3))):
        c, k = draw(st.sampled_from(["DI1F27", "DOLH25"])), draw(st.integers(1, 8))
        said = level(k, c) + (0.003 if c in MATURITY else 50.0)
        known = draw(st.integers(k + 2, 12))
        end = draw(st.sampled_from([None, 1, 3]))
        gone = None if end is None else before(KEYS[known + end])
        given_.append(
            {"contract": c, "trade_date": D[k], "level": said, "confirmed_at": before(KEYS[known]), "revoked_at": gone}
        )
    return fills(*rows), settlements(quotes, late), overrides(*given_)


@settings(max_examples=25)
@given(worlds())
def test_whatever_is_missing_the_total_is_that_of_the_settlements_once_all_are_known(
    world: tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame],
) -> None:
    f, m, given_ = world
    sessions = KEYS[:20]
    own = book_marks(f, given_, market(m, RATES), sessions)
    booked = with_estimates(m, own)
    estimated, official = (book.pnl(f, x, RATES, sessions, **FIXED) for x in (booked, m))
    navs = book.nav(estimated, RATES, sessions, **FIXED)
    assert book.breaks(estimated, navs) == []
    assert set(own.filter(pl.col("session") == KEYS[19])["source"]) <= {"settlement"}  # all of them have come
    trading = pl.col("component") == "settlement"
    totals = [
        dict(x.filter(trading).group_by("contract", maintain_order=True).agg(pl.col("pnl_brl").sum()).rows())
        for x in (estimated, official)
    ]
    for contract in ("DI1F27", "DOLH25"):
        assert totals[0].get(contract, 0) == totals[1].get(contract, 0), contract
    assert official.filter(~trading, pl.col("component") != "interest").equals(
        estimated.filter(~trading, pl.col("component") != "interest")
    )
    # explain and round trips say the same as the cube
    frame = performance(navs, f, booked, estimated, sessions)
    assert disagreements(frame, navs, estimated) == []
    assert unexplained(estimated, explain(f, booked, estimated, sessions, m)) == []


@settings(max_examples=15)
@given(worlds(), st.integers(2, 14))
def test_a_session_is_marked_with_what_it_knew(
    world: tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame], cut: int
) -> None:
    f, m, given_ = world
    session, sessions = KEYS[cut], KEYS[: cut + 1]
    cutoff = before(session)
    known = given_.filter(pl.col("confirmed_at") <= cutoff).with_columns(
        revoked_at=pl.when(pl.col("revoked_at") <= cutoff).then("revoked_at")
    )
    past = pl.col("session") <= session
    now = book_marks(f.filter(past), known, market(m.filter(past), RATES.filter(past)), sessions)
    later = book_marks(f, given_, market(m, RATES), KEYS[:20])
    assert now.equals(later.filter(past))
    assert now.equals(pl.concat([book_marks(f, given_, market(m, RATES), [s]) for s in sessions]))
    cubes = [book.pnl(f, with_estimates(m, own), RATES, sessions, **FIXED) for own in (now, later)]
    assert cubes[0].equals(cubes[1])
