"""The commands on results: what people read, what programs get, and how errors end."""

from __future__ import annotations

import json
from datetime import date
from decimal import Decimal
from pathlib import Path

import polars as pl
import pytest

from macro_fund.pms.attribution import By
from macro_fund.pms.performance import performance
from macro_fund.store.ledger import open_ledger
from macro_fund_tests.pms.builders import cube_of, frame, mark, marks, proposals, until
from macro_fund_tests.pms.test_cli import Desk

PID = "ab12cd34ef56"
D = [date(2024, 12, 30), date(2025, 1, 15), date(2025, 2, 3), date(2025, 2, 7)]


def _cube_row(day: date, contract: str, strategy: str, component: str, amount: str) -> dict[str, object]:
    return {
        "session": day,
        "trade_date": day,
        "contract": contract,
        "instrument": contract if contract == "CASH" else "DI1_2Y",
        "strategy_id": strategy,
        "lot_id": "CASH" if contract == "CASH" else "f0",
        "component": component,
        "pnl_brl": Decimal(amount),
    }


CUBE = frame(
    "pms/pnl",
    [
        _cube_row(D[0], "DI1F27", "RATES-01", "settlement", "1000.00"),
        _cube_row(D[1], "DI1F27", "RATES-01", "settlement", "100.00"),
        _cube_row(D[2], "DI1F27", "CROSS-02", "settlement", "-10.01"),
        _cube_row(D[3], "DI1F27", "RATES-01", "cost", "-1.00"),
        _cube_row(D[3], "CASH", "CASH", "interest", "5.00"),
    ],
)
OPENINGS = ["100000.00", "101000.00", "101100.00", "101089.99"]


def _nav() -> pl.DataFrame:
    """The NAV of CUBE from 100,000; CDI made 0.00004 on the last day."""
    made = CUBE.group_by("session", maintain_order=True).agg(pl.col("pnl_brl").sum())["pnl_brl"].to_list()
    rows = [(date(2024, 12, 27), date(2024, 12, 26), Decimal("100000.00"), Decimal("0.00"), 1.0)]
    for k, day in enumerate(D):
        rows.append((day, day, Decimal(OPENINGS[k]), made[k], 1.0 if k < 3 else 1.00004))
    columns = ("session", "trade_date", "opening_nav_brl", "pnl_brl", "cdi_index")
    return frame(
        "pms/nav",
        [
            {
                **dict(zip(columns, r, strict=True)),
                "nav_brl": r[2] + r[3],
                "fund_index": float((r[2] + r[3]) / Decimal(100000)),
            }
            for r in rows
        ],
    )


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(open_ledger(f"sqlite:///{tmp_path / 'ledger.sqlite'}"))


@pytest.fixture
def busy(desk: Desk) -> Desk:
    desk.lake = {"pms/pnl": CUBE, "pms/explain": CUBE, "pms/nav": _nav()}
    return desk


@pytest.mark.parametrize(
    ("command", "words"),
    [
        ("pnl", "No P&L yet: it starts on the first session after the inception"),
        ("attribution", "No P&L yet"),
        ("performance", "No performance yet: `macro-fund run`"),
        ("outcomes", "No outcomes yet: nothing has been traded"),
    ],
)
def test_empty_states_say_so_to_people_and_programs(desk: Desk, command: str, words: str) -> None:
    assert words in desk.says(command)
    assert json.loads(desk.says(command, "--json")) == []


@pytest.mark.parametrize(
    ("by", "rows"),
    [
        (
            "strategy",
            {
                "CASH": ["5.00", "5.00", "5.00", "5.00", "5.00"],
                "CROSS-02": ["0.00", "-10.01", "-10.01", "-10.01", "-10.01"],
                "RATES-01": ["-1.00", "-1.00", "99.00", "99.00", "1099.00"],
            },
        ),
        (
            "component",
            {
                "cost": ["-1.00"] * 5,
                "interest": ["5.00"] * 5,
                "settlement": ["0.00", "-10.01", "89.99", "89.99", "1089.99"],
            },
        ),
        ("contract", {"CASH": ["5.00"] * 5, "DI1F27": ["-1.00", "-11.01", "88.99", "88.99", "1088.99"]}),
        ("instrument", {"CASH": ["5.00"] * 5, "DI1_2Y": ["-1.00", "-11.01", "88.99", "88.99", "1088.99"]}),
        ("class", {"cash": ["5.00"] * 5, "rates": ["-1.00", "-11.01", "88.99", "88.99", "1088.99"]}),
    ],
)
def test_every_grouping_of_the_pnl_has_the_same_total(busy: Desk, by: str, rows: dict[str, list[str]]) -> None:
    got = json.loads(busy.says("pnl", "--by", by, "--json"))
    columns = ("day", "mtd", "qtd", "ytd", "inception")
    assert {r[by]: [f"{Decimal(r[c]):.2f}" for c in columns] for r in got} == rows
    out = busy.says("pnl", "--by", by)
    assert "day 2025-02-07" in out
    assert "│ total │ 4.00 │ -6.01 │ 93.99 │ 93.99 │ 1,093.99 │" in out


def test_pnl_by_two_dimensions_at_once(busy: Desk) -> None:
    got = json.loads(busy.says("pnl", "--by", "strategy,component", "--json"))
    assert {(r["strategy"], r["component"]): r["inception"] for r in got} == {
        ("CASH", "interest"): "5.00",
        ("CROSS-02", "settlement"): "-10.01",
        ("RATES-01", "cost"): "-1.00",
        ("RATES-01", "settlement"): "1100.00",
    }


def test_attribution_of_a_month_by_hand(busy: Desk) -> None:
    """Two days: -10.01 of 101,100.00 by CROSS-02, then 4.00 of 101,089.99, of which CDI explains 0.00004."""
    got = {r["strategy"]: r for r in json.loads(busy.says("attribution", "--json"))}
    assert {k: r["pnl_brl"] for k, r in got.items()} == {"CASH": "5.00", "CROSS-02": "-10.01", "RATES-01": "-1.00"}
    first, second = -10.01 / 101100, 4 / 101089.99
    whole = (1 + first) * (1 + second) - 1
    assert sum(r["contribution"] for r in got.values()) == pytest.approx(whole, abs=1e-15)
    assert sum(r["excess"] for r in got.values()) == pytest.approx(whole - 0.00004, abs=1e-12)
    assert got["CROSS-02"]["contribution"] == pytest.approx(first, rel=1e-4)
    assert got["CASH"]["excess"] == pytest.approx(5 / 101089.99 - 0.00004, rel=1e-4)


def test_attribution_for_people(busy: Desk) -> None:
    out = busy.says("attribution", "--by", "strategy,component", "--period", "ytd")
    assert "Attribution ytd (2025-01-15 to 2025-02-07) by strategy, component (SAMPLE data)" in out
    assert "│ RATES-01 │ settlement │ 100.00 │ 0.0990%" in out
    assert "│ total │ │ 93.99 │ 0.0931%" in out


def test_attribution_between_two_days_by_hand(busy: Desk) -> None:
    """The second and third day alone, and from the second on: what comes later is not in it."""
    got = {
        r["strategy"]: r for r in json.loads(busy.says("attribution", "--from", str(D[1]), "--to", str(D[2]), "--json"))
    }
    assert {k: r["pnl_brl"] for k, r in got.items()} == {"CROSS-02": "-10.01", "RATES-01": "100.00"}
    whole = (1 + 100 / 101000) * (1 - 10.01 / 101100) - 1
    assert sum(r["contribution"] for r in got.values()) == pytest.approx(whole, abs=1e-15)
    out = busy.says("attribution", "--from", str(D[1]))
    assert f"Attribution ({D[1]} to {D[3]}) by strategy" in out
    assert "no P&L from 2026-01-02 on: the newest known is of 2025-02-07" in busy.fails(
        "attribution", "--from", "2026-01-02"
    )
    assert "No P&L yet" in busy.says("attribution", "--to", "2020-01-02")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["pnl", "--by", "desk"], "cannot group by 'desk'; give one or more of strategy, instrument, contract"),
        (["attribution", "--by", "strategy,strategy"], "names a dimension twice"),
        (["attribution", "--by", ""], "cannot group by ''"),
    ],
)
def test_a_wrong_dimension_is_one_line_with_the_remedy(busy: Desk, arguments: list[str], words: str) -> None:
    assert words in busy.fails(*arguments)


def test_an_instrument_that_the_config_lost_is_named(busy: Desk) -> None:
    busy.lake["pms/pnl"] = CUBE.with_columns(pl.col("instrument").replace({"DI1_2Y": "DI1_30Y"}))
    assert "no asset class for DI1_30Y" in busy.fails("pnl", "--by", "class")


def test_performance_shows_the_newest_session(busy: Desk) -> None:
    nav = busy.lake["pms/nav"]
    none = pl.DataFrame(schema=frame("pms/fills", []).schema)
    busy.lake["pms/performance"] = performance(nav, none, marks(), CUBE.clear(), D)
    got = {r["period"]: r for r in json.loads(busy.says("performance", "--json"))}
    assert set(got) == {"mtd", "qtd", "ytd", "12m", "inception"}
    assert got["inception"]["fund_return"] == pytest.approx(0.0109399, abs=1e-9)
    out = busy.says("performance")
    assert "Performance to 2025-02-07 (SAMPLE data)" in out
    assert "│ fund │ -0.01% │ 0.09% │ 0.09% │ 1.09% │ 1.09% │" in out
    assert "│ Sharpe │ - │ - │ - │ - │ - │" in out
    assert "│ under the high since │ 2025-02-03 │" in out


def _traded(desk: Desk) -> None:
    """A proposal, approved and filled at 14.875%, that meets its target on 12 February and is closed on the 13th."""
    days = [date(2025, 2, d) for d in (10, 11, 12, 13)]
    desk.ledger.record_proposals(
        proposals({"session": days[0]}, {"session": days[3], "proposal_id": "c105e0000000", "quantity": -120}), desk.now
    )
    orders, fills = [], []
    for k, (pid, day, quantity) in enumerate(((PID, days[0], 120), ("c105e0000000", days[3], -120))):
        desk.ledger.decide(pid, "approve", "Ana", "", desk.now)
        common = {"order_id": f"o{k}", "contract": "DI1F27", "instrument": "DI1_2Y", "quantity": quantity}
        orders.append({**common, "session": day, "proposal_id": pid, "limit_level": None, "approved_by": "Ana"})
        fills.append(
            {
                **common,
                "session": date(2025, 2, 11 if k == 0 else 14),
                "trade_date": day,
                "fill_id": f"f{k}",
                "price": 70000.0,
                "cost_brl": Decimal("10.00"),
            }
        )
    desk.ledger.record_orders(frame("pms/orders", orders), desk.now)
    desk.ledger.record_fills(frame("pms/fills", fills), desk.now)
    rates = [0.14875, 0.145, 0.139, 0.141]
    desk.lake["silver/contract_marks"] = marks(
        *(
            mark("DI1F27", day, 70000.0, settle_rate=r, prev_trade_date=before, pnl_brl=100.0 if before else None)
            for day, before, r in zip(days, [None, *days], rates, strict=False)
        )
    )
    known, last = desk.lake["silver/contract_marks"], {"session": date(2025, 2, 14), "trade_date": days[3]}
    desk.lake["pms/pnl"] = cube_of(desk.ledger.fills(), known, until(last["session"]))
    desk.lake["pms/nav"] = _nav().tail(1).with_columns(**{k: pl.lit(v) for k, v in last.items()})


def test_outcomes_say_how_a_proposal_ended(desk: Desk) -> None:
    _traded(desk)
    (row,) = json.loads(desk.says("outcomes", "--json"))
    assert {k: row[k] for k in ("proposal_id", "opened", "closed", "ended", "held_days", "met", "met_on")} == {
        "proposal_id": PID,
        "opened": "2025-02-10",
        "closed": "2025-02-13",
        "ended": "trade",
        "held_days": 3,
        "met": "target",
        "met_on": "2025-02-12",
    }
    assert row["pnl_brl"] == "35980.00"  # 120 x 3 x 100.00 less two costs of 10.00
    assert "target 2025-02-12 │ 35,980.00" in desk.says("outcomes")


def test_open_lots_are_counted_and_shown_when_asked(desk: Desk) -> None:
    _traded(desk)
    before = {"session": date(2025, 2, 12), "trade_date": date(2025, 2, 11)}
    desk.lake["pms/nav"] = _nav().tail(1).with_columns(**{k: pl.lit(v) for k, v in before.items()})
    assert "No closed lots yet, 1 open: `macro-fund outcomes --all`" in desk.says("outcomes")
    (row,) = json.loads(desk.says("outcomes", "--all", "--json"))
    assert (row["ended"], row["met"], row["pnl_brl"]) == ("open", "neither", "11990.00")


def test_decisions_are_counted_by_person_and_lots_by_their_end(desk: Desk) -> None:
    assert "Nothing was proposed yet" in desk.says("decisions")
    _traded(desk)
    got = json.loads(desk.says("decisions", "--json"))
    assert [(r["person"], r["approved"], r["rejected"], r["refused"]) for r in got["decisions"]] == [("Ana", 2, 0, 0)]
    assert got["outcomes"] == [
        {"ended": "trade", "met": "target", "lots": 1, "gained": 1, "held_days": 3.0, "pnl_brl": "35980.00"}
    ]
    out = desk.says("decisions")
    assert "│ Ana │" in out
    assert "│ trade │ target │ 1 │ 1 │ 3.0 │ 35,980.00 │" in out


def test_the_dimensions_are_told_by_help(desk: Desk) -> None:
    out = desk.says("attribution", "--help")
    assert all(b in out for b in By)
