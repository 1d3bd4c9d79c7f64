"""Breakers and proposals as nodes on a small home: the switch as of each session, a range as its days, the gate."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import polars as pl
import pytest

from macro_fund.home import Home, create
from macro_fund.orchestration import limits, pms
from macro_fund.orchestration.conviction import BOOK_SIGNALS
from macro_fund.orchestration.node import Node
from macro_fund.orchestration.run import Run
from macro_fund.store.tables import TABLES
from macro_fund_tests.pms.builders import frame
from macro_fund_tests.pms.test_gate import limit
from macro_fund_tests.pms.test_proposals import held, target
from macro_fund_tests.risk.test_breakers import TABLE, nav_of

KEYS = TABLE.keys(date(2025, 1, 6), date(2025, 1, 17))
LEVELS: list[float | None] = [100.0, 101.0, 99.0, 96.9, 96.0, 97.0, 97.0, 97.0, 97.0, 96.0]
BREAKERS = next(n for n in limits.NODES if n.key == "risk/breakers")
PROPOSALS = next(n for n in pms.NODES if n.key == "pms/trade_proposals")


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    """A lake with a NAV path, 100 contracts held and 150 wanted; NAV in reais of the mandate's capital."""
    monkeypatch.delenv("MACRO_FUND_LEDGER_URL", raising=False)
    monkeypatch.delenv("MACRO_FUND_SOURCE", raising=False)
    made = create(tmp_path / "home", source="sample", inception=KEYS[0])
    million = pl.col("opening_nav_brl", "pnl_brl", "nav_brl") * 1_000_000
    nav = nav_of(LEVELS, KEYS).with_columns(million.cast(pl.Decimal(20, 2)))
    for day in KEYS:
        trade_date = TABLE.offset(day, -1)
        made.lake.write(TABLES["pms/nav"], day, nav.filter(pl.col("session") == day))
        rows = [held("DI1F27", 100, session=day, trade_date=trade_date)]
        made.lake.write(TABLES["pms/positions"], day, frame("pms/positions", rows))
        wanted = [target(session=day, target_contracts=150)]
        made.lake.write(TABLES["portfolio/targets"], day, frame("portfolio/targets", wanted))
        made.lake.write(TABLES["risk/limits"], day, frame("risk/limits", [limit("var_95", "ok", day)]))
        for key in ("risk/stress", *BOOK_SIGNALS):
            made.lake.write(TABLES[key], day, TABLES[key].empty())
    return made


def made_by(node: Node, home: Home, keys: list[date]) -> tuple[Run, pl.DataFrame]:
    run = Run(home, node.table, tuple(keys))
    rows = node.compute(run)
    assert isinstance(rows, pl.DataFrame)
    return run, rows


def told(node: Node, run: Run, rows: pl.DataFrame) -> dict[str, list[str]]:
    found = {c.name: [text for _, text in c.problems(run, rows)] for c in node.checks}
    return {name: texts for name, texts in found.items() if texts}


def breakers_to_lake(home: Home) -> pl.DataFrame:
    _, rows = made_by(BREAKERS, home, KEYS)
    for day in KEYS:
        home.lake.write(BREAKERS.table, day, rows.filter(pl.col("session") == day))
    return rows


def switched(rows: pl.DataFrame) -> list[date]:
    return rows.filter(pl.col("breaker") == "kill_switch", pl.col("tripped"))["session"].to_list()


def test_a_range_is_its_days_and_a_later_throw_changes_no_session_before_it(home: Home) -> None:
    alone = [made_by(BREAKERS, home, [day])[1] for day in KEYS[:6]]
    home.ledger.switch("throw", "Ana", "x", home.sessions.as_of(KEYS[6]) + timedelta(hours=1))
    run, together = made_by(BREAKERS, home, KEYS)
    assert together.filter(pl.col("session") <= KEYS[5]).equals(pl.concat(alone))
    assert switched(together) == KEYS[7:]
    home.ledger.switch("reset", "Bia", "y", home.sessions.as_of(KEYS[8]) + timedelta(hours=1))
    assert switched(made_by(BREAKERS, home, KEYS)[1]) == KEYS[7:9]
    assert switched(made_by(BREAKERS, home, [KEYS[8]])[1]) == [KEYS[8]]
    stale = told(BREAKERS, run, together)["switch"]
    assert stale == ["kill switch is not thrown"], "what was computed before the reset differs from the ledger"


def test_a_trip_is_told_and_nothing_else_is_wrong(home: Home) -> None:
    run, rows = made_by(BREAKERS, home, KEYS)
    found = told(BREAKERS, run, rows)
    assert set(found) == {"not_tripped"}
    assert "week_halve asks for halve: week loss 4.00%, threshold 4.00%" in found["not_tripped"]


def test_only_what_reduces_risk_reaches_the_ledger_and_the_rest_is_told(home: Home) -> None:
    rows = breakers_to_lake(home)
    day = {
        breaker: rows.filter(pl.col("breaker") == breaker, pl.col("tripped"))["session"] for breaker in ("week_halve",)
    }
    tripped = day["week_halve"][0]
    run, made = made_by(PROPOSALS, home, [tripped])
    assert made.select("position_before", "position_after").rows() == [(100, 50)]
    assert home.ledger.proposals(tripped)["quantity"].to_list() == [-50]
    found = told(PROPOSALS, run, made)
    assert set(found) == {"not_blocked"}
    assert found["not_blocked"][0].startswith("DI1F27 +100 to +144 is cut to +50: week_halve: week loss 4.00%")
    calm, free = made_by(PROPOSALS, home, [KEYS[1]])
    assert free["position_after"].to_list() == [151]
    assert told(PROPOSALS, calm, free) == {}
    assert "only_reducing" in told(PROPOSALS, run, made.with_columns(position_after=pl.lit(150, pl.Int64)))


def test_a_session_whose_breakers_are_missing_proposes_no_new_risk(home: Home) -> None:
    run, made = made_by(PROPOSALS, home, [KEYS[1]])
    assert made.is_empty()
    assert told(PROPOSALS, run, made) == {
        "not_blocked": ["DI1F27 +100 to +151 is not proposed: no risk/breakers of this session"]
    }


def test_a_thrown_switch_stops_the_next_session_and_not_the_one_before(home: Home) -> None:
    home.ledger.switch("throw", "Ana", "x", home.sessions.as_of(KEYS[1]) + timedelta(hours=1))
    breakers_to_lake(home)
    assert made_by(PROPOSALS, home, [KEYS[1]])[1].height == 1
    run, made = made_by(PROPOSALS, home, [KEYS[2]])
    assert made.is_empty()
    assert told(PROPOSALS, run, made)["not_blocked"] == [
        "DI1F27 +100 to +148 is not proposed: day_stop: day loss 1.98%, threshold 1.50%; kill_switch: thrown by Ana: x"
    ]
