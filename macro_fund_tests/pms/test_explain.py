"""The explain adds up to the cent in every dimension, and its parts are what happened."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from macro_fund.instruments.di1 import daily_settlement, pu, round2
from macro_fund.pms.explain import di1_parts, explain, large_residuals, unexplained
from macro_fund.store.lake import shape_problems
from macro_fund.store.tables import TABLES
from macro_fund_tests.pms.builders import (
    KEYS,
    TABLE,
    cube_of,
    fill,
    fills,
    mark,
    marks,
    share,
)

D = KEYS[1:]
BY = ["session", "contract", "instrument", "strategy_id"]
NEAR = ("di_252", "di_504")  # nodes around 400 business days


def di1(
    contract: str, day: date, rate: float, n: int, before: dict[str, Any] | None = None, fc: float = 1.0, **given: Any
):
    """A DI1 mark at a published rate; with the mark before it also carries the settlement P&L."""
    price = float(round2(pu(rate, n)))
    made = None if before is None else float(daily_settlement(price, before["settle_price"], fc))
    row = {"settle_rate": rate, "bdays": n, "correction": fc, "pnl_brl": made}
    return mark(contract, day, price, **row, prev_trade_date=before and before["trade_date"], **given)


def explained(f: pl.DataFrame, m: pl.DataFrame, sessions: list[date]) -> pl.DataFrame:
    out = explain(f, m, cube_of(f, m, sessions), sessions, m)
    assert shape_problems(TABLES["pms/explain"], out) == []
    return out


def test_the_golden_day() -> None:
    """+1 DI1 at 13%, 756 days, CDI 14.9%, rolling to 12.999%, then +20bp: -4.59 +1.84 -366.40 (quant design).

    The curve of the day before passes through 12.999% at 755 days, where another contract stands.
    """
    fc = 1.149 ** (1 / 252)
    old = mark("DI1F28", D[0], float(pu(0.13, 756)), bdays=756, settle_rate=0.13)
    node = mark("DI1Z27", D[0], float(pu(0.12999, 755)), bdays=755, settle_rate=0.12999)
    price = float(pu(0.13199, 755))
    new = mark(
        "DI1F28", D[1], price, bdays=755, settle_rate=0.13199, correction=fc,
        prev_trade_date=D[0], pnl_brl=price - old["settle_price"] * fc,
    )  # fmt: skip
    (factors,) = di1_parts(*[marks(old, node, new)] * 2, ["DI1F28"]).values()
    parts = {component: sum(of.values()) for component, of in factors.items()}
    assert parts["carry"] == pytest.approx(-4.59, abs=0.005)
    assert parts["roll"] == pytest.approx(1.84, abs=0.005)
    assert parts["nominal"] == pytest.approx(-366.40, abs=0.005)
    assert sum(parts.values()) == pytest.approx(new["pnl_brl"], abs=1e-9)


@given(
    rates=st.lists(st.floats(0.05, 0.20).map(lambda r: round(r, 5)), min_size=4, max_size=4),
    quantities=st.lists(st.integers(-500, 500).filter(bool), min_size=1, max_size=3),
    share_of=st.floats(0.1, 0.9),
)
def test_parts_sum_to_the_book_to_the_cent(rates: list[float], quantities: list[int], share_of: float) -> None:
    rows: list[dict[str, Any]] = []
    for k, rate in enumerate(rates):
        rows.append(di1("DI1F27", D[k], rate, 400 - k, rows[-1] if rows else None, 1.0005))
    traded = fills(
        *(
            fill(D[k], "DI1F27", q, shares=share(RATES_01=share_of, CROSS_02=1 - share_of))
            for k, q in enumerate(quantities)
        )
    )
    sessions = KEYS[:8]
    cube = cube_of(traded, marks(*rows), sessions)
    out = explained(traded, marks(*rows), sessions)
    assert out.filter(pl.col("component") == "nominal")["factor"].unique().is_in([*NEAR, "specific"]).all()
    for by in (BY, ["session"], ["strategy_id"], ["contract"]):
        theirs, ours = (x.group_by(by).agg(pl.col("pnl_brl").sum()).sort(by) for x in (cube, out))
        ours = theirs.select(by).join(ours, on=by, how="left").with_columns(pl.col("pnl_brl").fill_null(Decimal(0)))
        assert ours.rows() == theirs.rows()
    residual = out.filter(pl.col("component") == "residual")["pnl_brl"].cast(pl.Float64).abs().max() or 0.0
    assert residual <= 3 * 0.02 * sum(abs(q) for q in quantities) + 0.05  # PU and its carry are rounded to cents


def test_a_day_on_which_nothing_moves_is_carry_and_roll() -> None:
    old = di1("DI1F27", D[0], 0.13, 400)
    new = di1("DI1F27", D[1], 0.13, 399, old, 1.0)
    out = explained(fills(fill(D[0], "DI1F27", 10)), marks(old, new), KEYS[:4])
    made = dict(out.group_by("component").agg(pl.col("pnl_brl").sum()).rows())
    assert made["carry"] > 0
    assert "nominal" not in made  # a curve of one node is flat: nothing to slide down, nothing moved
    assert "roll" not in made


def test_a_receiver_loses_the_nominal_part_when_rates_rise() -> None:
    old = di1("DI1F27", D[0], 0.13, 400)
    new = di1("DI1F27", D[1], 0.15, 399, old, 1.0004)
    for quantity, sign in ((10, -1), (-10, 1)):
        out = explained(fills(fill(D[0], "DI1F27", quantity)), marks(old, new), KEYS[:4])
        moved = out.filter(pl.col("component") == "nominal")["pnl_brl"].sum()
        assert moved * sign > 0


def test_dollar_and_index_are_one_part_each() -> None:
    rows = [
        mark(c, day, 5000.0, prev_trade_date=before, pnl_brl=made)
        for c in ("DOLF25", "INDG25")
        for day, before, made in ((D[0], None, None), (D[1], D[0], 123.45))
    ]
    traded = fills(fill(D[0], "DOLF25", 2), fill(D[0], "INDG25", -1, instrument="IND_2M"))
    out = explained(traded, marks(*rows), KEYS[:4])
    made = out.filter(pl.col("component").is_in(["fx", "equity"])).select("component", "factor", "pnl_brl").rows()
    assert sorted(made) == [("equity", "ibov", Decimal("-123.45")), ("fx", "usdbrl", Decimal("246.90"))]


def test_on_its_last_day_a_contract_earns_carry_alone() -> None:
    old = di1("DI1G25", D[0], 0.13, 1)
    new = mark("DI1G25", D[1], 100_000.0, bdays=0, settle_rate=0.13, prev_trade_date=D[0], pnl_brl=1.0)
    (parts,) = di1_parts(*[marks(old, new)] * 2, ["DI1G25"]).values()
    assert parts["roll"] == {"none": 0.0}
    assert parts["nominal"] == {"specific": 0.0}


def curve_days(moves: dict[int, float], n: int) -> tuple[dict[str, float], float]:
    """Nominal part by factor of +1 contract with n days left, on a flat curve of 13% whose nodes moved by `moves`; and
    its DV01-like slope: BRL per 1.0 of rate at the new rate's secant."""
    olds = [mark(f"DI1X{k}", D[0], 1.0, bdays=k + 1, settle_rate=0.13) for k in moves]
    news = [mark(f"DI1X{k}", D[1], 1.0, bdays=k, settle_rate=0.13 + m) for k, m in moves.items()]
    old = di1("DI1F27", D[0], 0.13, n + 1)
    end = 0.13 + float(np.interp(n, list(moves), list(moves.values())))
    new = di1("DI1F27", D[1], end, n, old, 1.0005)
    (parts,) = di1_parts(*[marks(*olds, *news, old, new)] * 2, ["DI1F27"]).values()
    secant = (pu(end, n) - pu(0.13, n)) / (end - 0.13) if end != 0.13 else 0.0
    return parts["nominal"], float(secant)


def test_a_contract_between_two_nodes_made_what_the_two_moved() -> None:
    """Half way between one and two years: half of each node's move, at the slope of the contract's own PU."""
    made, slope = curve_days({252: 0.01, 504: -0.004, 1260: 0.03}, 378)
    assert made["di_252"] == pytest.approx(slope * 0.5 * 0.01, rel=1e-9)
    assert made["di_504"] == pytest.approx(slope * 0.5 * -0.004, rel=1e-9)
    assert made["specific"] == pytest.approx(0.0, abs=1e-6)
    assert set(made) == {"di_252", "di_504", "specific"}
    assert made["di_252"] < 0 < made["di_504"]  # a receiver loses where the rate rises


def test_a_contract_that_moved_alone_is_specific() -> None:
    """At a node nothing is left; a settlement that only this contract saw, between the nodes, is its own."""
    at_node, slope = curve_days({252: 0.01, 504: 0.02}, 504)
    assert at_node["di_504"] == pytest.approx(slope * 0.02, rel=1e-9)
    olds = [mark(f"DI1X{k}", D[0], 1.0, bdays=k + 1, settle_rate=0.13) for k in (252, 504)]
    news = [mark(f"DI1X{k}", D[1], 1.0, bdays=k, settle_rate=0.13) for k in (252, 504)]
    old = di1("DI1F27", D[0], 0.13, 379)
    new = di1("DI1F27", D[1], 0.135, 378, old, 1.0005)
    (alone,) = di1_parts(*[marks(*olds, *news, old, new)] * 2, ["DI1F27"]).values()
    assert set(alone["nominal"]) == {"specific"}
    assert alone["nominal"]["specific"] == pytest.approx(float(pu(0.135, 378) - pu(0.13, 378)), rel=1e-6)


def test_a_correction_is_explained_in_the_session_that_knows_it() -> None:
    """The settlement of D[1] is corrected two sessions later: the difference is booked, and explained, there."""
    old = di1("DI1F27", D[0], 0.13, 400)
    first = di1("DI1F27", D[1], 0.14, 399, old, 1.0004)
    later = di1("DI1F27", D[1], 0.135, 399, old, 1.0004)
    later["session"] = TABLE.offset(D[1], 3)
    traded, sessions = fills(fill(D[0], "DI1F27", 100)), KEYS[:8]
    out = explained(traded, marks(old, first, later), sessions)
    nominal = out.filter(pl.col("component") == "nominal")
    moved = nominal.group_by("session", maintain_order=True).agg(pl.col("pnl_brl").sum()).sort("session").rows()
    assert [s for s, _ in moved] == [first["session"], later["session"]]
    assert moved[0][1] < 0 < moved[1][1]
    before = explained(traded, marks(old, first), sessions[:4])
    assert before.equals(out.filter(pl.col("session") <= sessions[3]))


def test_parts_that_do_not_add_up_are_named() -> None:
    old = di1("DI1F27", D[0], 0.13, 400)
    new = di1("DI1F27", D[1], 0.15, 399, old, 1.0004)
    traded = fills(fill(D[0], "DI1F27", 100))
    cube, out = cube_of(traded, marks(old, new), KEYS[:4]), explained(traded, marks(old, new), KEYS[:4])
    assert unexplained(cube, out) == []
    short = out.filter(pl.col("component") != "nominal")
    assert [s for s, _ in unexplained(cube, short)] == [new["session"]]
    assert "DI1F27 of RATES-01, lot " in unexplained(cube, short)[0][1]


def test_a_large_residual_is_told_and_a_small_one_is_not() -> None:
    def parts(residual: str) -> pl.DataFrame:
        rows = [("nominal", Decimal("-10000.00")), ("residual", Decimal(residual))]
        row = {
            "session": KEYS[1],
            "trade_date": KEYS[0],
            "contract": "X",
            "instrument": "X",
            "strategy_id": "S",
            "lot_id": "f",
        }
        return pl.DataFrame(
            [{**row, "component": c, "factor": "none", "pnl_brl": v} for c, v in rows],
            schema=TABLES["pms/explain"].schema,
        )

    assert large_residuals(parts("4999.00"), 1e8) == []
    assert large_residuals(parts("-5001.00"), 1e8)[0][0] == KEYS[1]
    assert large_residuals(parts("500.00"), 1e6) == []  # 0.5 bp of NAV is 50, but 5% of the parts is 525
