"""Marks below settlement in a running fund: the model, an override by two people, and books that tie all the same."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal

import polars as pl
import pytest

from macro_fund.home import Home
from macro_fund.store.tables import TABLES
from macro_fund_tests.graph import harness
from macro_fund_tests.graph.conftest import CopyHome

BOOKS = ["pms/marks", "pms/positions", "pms/pnl", "pms/explain", "pms/nav", "pms/performance"]


@pytest.fixture
def unsettled(running_home: Home, copy_home: CopyHome) -> tuple[Home, date, str]:
    """The fund without the newest settlement of a DI1 that it holds: home, session, contract."""
    home = copy_home(running_home, raw=False)
    table, key = TABLES["silver/contract_marks"], home.lake.keys("pms/positions")[-1]
    held = home.lake.read("pms/positions", only=[key]).filter(pl.col("contract").str.starts_with("DI1"))
    contract = str(held["contract"][0])
    rows = home.lake.read(table.key, only=[key])
    home.lake.write(table, key, rows.filter(pl.col("contract") != contract))
    return home, key, contract


def booked(home: Home, key: date, contract: str) -> tuple[str, Decimal, list[str]]:
    """How the contract is marked and what it made when the books are made again, and the checks that warned."""
    report = harness.succeeded(harness.run_assets(home, BOOKS, key))
    rows = home.lake.read("pms/positions", only=[key]).filter(pl.col("contract") == contract)
    made = home.lake.read("pms/pnl", only=[key]).filter(
        pl.col("contract") == contract, pl.col("component") == "settlement"
    )
    return rows["mark_basis"][0], sum(made["pnl_brl"], Decimal(0)), [f for s in report.steps for f in s.failed]


def test_the_model_and_then_two_people_mark_what_did_not_settle(unsettled: tuple[Home, date, str]) -> None:
    home, key, contract = unsettled
    held = home.lake.read("pms/positions", only=[key]).filter(pl.col("contract") == contract)
    basis, model, failed = booked(home, key, contract)
    assert basis == "model"
    assert [f.split(":")[0] for f in failed] == ["marked"]
    close, before = home.sessions.offset(key, -1), home.sessions.as_of(key) - timedelta(hours=1)
    level = home.lake.read("pms/marks", only=[key]).filter(pl.col("contract") == contract)["settle_rate"][0]
    row = {"contract": contract, "trade_date": close, "level": level - 0.001, "reason": "no file", "shown": ""}
    given = home.ledger.override({**row, "person": "Ana"}, before)
    assert booked(home, key, contract)[:2] == ("model", model)  # one person alone changes nothing
    home.ledger.override_step(given["override_id"], "confirm", "Bia", "", before)
    basis, said, failed = booked(home, key, contract)
    assert basis == "override"
    assert [f.split(":")[0] for f in failed] == ["marked"]
    ten_bp = 10 * float(held["dv01_brl"].sum())
    assert float(said - model) == pytest.approx(ten_bp, rel=0.01)
    assert home.ledger.verify_journal() == []
