"""Trials and promotions in the ledger: counted once, never changed, and no promotion past a bar."""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Iterator
from copy import deepcopy
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from macro_fund.store import ledger_open
from macro_fund.store.ledger import Ledger, LedgerError, open_ledger
from macro_fund.store.ledger_rules import bar_failures
from macro_fund_tests.pms.builders import proposals, utc

NOW, LATER = utc(2025, 2, 10), utc(2025, 2, 11)
POSTGRES = os.environ.get("MACRO_FUND_TEST_POSTGRES")
BARS = {
    "walk-forward Sharpe": {"least": 0.0, "strict": True, "found": 0.4},
    "walk-forward years": {"least": 5.0, "strict": False, "found": 5.0},
    "deflated Sharpe": {"least": 0.9, "strict": False, "found": 0.93},
}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "ledger.sqlite"


@pytest.fixture
def ledger(path: Path) -> Iterator[Ledger]:
    opened = open_ledger(f"sqlite:///{path}")
    yield opened
    opened.close()


def trial(number: int = 1, **given: Any) -> dict[str, Any]:
    row = {
        "trial_id": f"{number:064x}",
        "strategy_id": "FX-02",
        "code": "c" * 64,
        "params": {"enter": 0.3, "instruments": ["DOL_1M"], "params": {"z_window": 504, "kind": "x"}},
        "rules": {"stop_u": 1.5, "patience": 5},
        "first_session": date(2010, 1, 4),
        "last_session": date(2021, 12, 28),
        "inputs": "i" * 64,
        "n_days": 2651,
        "sharpe": 0.05107595153113473,
        "skew": 0.8312652121015349,
        "kurt": 36.90894509343126,
        "annual_return": 0.019537198295995362,
        "turnover": -0.0,
    }
    return {**row, **given}


def promotion(**given: Any) -> dict[str, Any]:
    row = {"strategy_id": "FX-02", "trial_id": trial()["trial_id"], "trials": 1, "bars": deepcopy(BARS), "grid": {}}
    return {**row, "person": "Ana", **given}


def test_the_same_trial_is_counted_once_and_its_first_numbers_stay(ledger: Ledger) -> None:
    assert ledger.record_trials([trial(), trial(2, sharpe=None, skew=None, kurt=None)], NOW) == 2
    assert ledger.record_trials([trial(sharpe=9.9), trial(3, strategy_id="RATES-01")], LATER) == 1
    rows = ledger.trials()
    assert rows["trial_id"].to_list() == [trial(k)["trial_id"] for k in (1, 2, 3)]
    assert rows["sharpe"].to_list() == [0.05107595153113473, None, 0.05107595153113473]
    assert rows["recorded_at"].to_list() == [NOW, NOW, LATER]
    assert json.loads(rows["params"][0]) == trial()["params"]
    assert rows["strategy_id"].to_list() == ["FX-02", "FX-02", "RATES-01"]
    assert ledger.journal()["kind"].to_list() == ["trial"] * 3
    assert ledger.verify_journal() == []


def test_twice_in_one_batch_is_once(ledger: Ledger) -> None:
    assert ledger.record_trials([trial(), trial()], NOW) == 1


def test_an_empty_ledger_has_no_trials(ledger: Ledger) -> None:
    assert ledger.trials().is_empty()
    assert ledger.record_trials([], NOW) == 0


@pytest.mark.parametrize("table", ["trials", "promotions"])
@pytest.mark.parametrize(
    "statement",
    ["UPDATE {t} SET strategy_id = 'X'", "DELETE FROM {t}", "INSERT OR REPLACE INTO {t} SELECT * FROM {t} LIMIT 1"],
)
def test_rows_can_be_neither_changed_nor_deleted(ledger: Ledger, path: Path, table: str, statement: str) -> None:
    ledger.record_trials([trial()], NOW)
    ledger.promote(promotion(), NOW)
    with (
        sqlite3.connect(path) as raw,
        pytest.raises(sqlite3.IntegrityError, match=f"append-only: {table} takes no (UPDATE|DELETE|REPLACE)"),
    ):
        raw.execute(statement.format(t=table))
    assert ledger.verify_journal() == []


def test_a_trial_that_was_made_to_disappear_is_found(ledger: Ledger, path: Path) -> None:
    ledger.record_trials([trial(), trial(2)], NOW)
    with sqlite3.connect(path) as raw:
        raw.execute("DROP TRIGGER trials_no_delete")
        raw.execute("DELETE FROM trials WHERE trial_id LIKE '%2'")
    assert [p for p in ledger.verify_journal() if "was deleted: journal entry 2 describes it" in p]


def test_a_promotion_is_kept_with_its_bars(ledger: Ledger) -> None:
    ledger.record_trials([trial()], NOW)
    made = ledger.promote(promotion(grid={"enter": [0.2, 0.3]}), LATER)
    row = ledger.promotions().row(0, named=True)
    assert row["promotion_id"] == made["promotion_id"]
    assert (row["person"], row["trials"], row["recorded_at"]) == ("Ana", 1, LATER)
    assert json.loads(row["bars"]) == BARS
    assert json.loads(row["grid"]) == {"enter": [0.2, 0.3]}
    assert ledger.journal()["kind"].to_list() == ["trial", "promotion"]
    assert ledger.verify_journal() == []


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"bars": {**BARS, "deflated Sharpe": {"least": 0.9, "strict": False, "found": 0.8999}}},
         r"FX-02 is not promoted: deflated Sharpe is 0.900, needed at least 0.9"),
        ({"bars": {**BARS, "walk-forward Sharpe": {"least": 0.0, "strict": True, "found": 0.0}}},
         "walk-forward Sharpe is 0.000, needed above 0"),
        ({"bars": {**BARS, "walk-forward Sharpe": {"least": 0.0, "strict": True, "found": None}}},
         "walk-forward Sharpe does not exist, needed above 0"),
        ({"bars": {}}, "needs the bars that were met"),
        ({"person": ""}, r"who promotes\? Every bar is met; give a person's name \(--as NAME\)"),
        ({"trials": 2}, "the ledger holds 1 trials, the deflated Sharpe ratio counted 2: run the promotion again"),
    ],
)  # fmt: skip
def test_no_promotion_past_a_bar(ledger: Ledger, given: dict[str, Any], message: str) -> None:
    ledger.record_trials([trial()], NOW)
    with pytest.raises(LedgerError, match=message):
        ledger.promote(promotion(**given), NOW)
    assert ledger.promotions().is_empty()


def test_a_promotion_needs_its_trial(ledger: Ledger) -> None:
    ledger.record_trials([trial()], NOW)
    with pytest.raises(LedgerError, match="record what it refers to first"):
        ledger.promote(promotion(trial_id="f" * 64), NOW)


def test_a_trial_is_promoted_once(ledger: Ledger) -> None:
    ledger.record_trials([trial()], NOW)
    ledger.promote(promotion(), NOW)
    with pytest.raises(LedgerError, match=r"FX-02 was promoted by Ana at .* with this trial already"):
        ledger.promote(promotion(person="Bia"), LATER)


def test_every_bar_that_is_not_met_is_named() -> None:
    bars = deepcopy(BARS)
    bars["walk-forward years"]["found"] = 4.9
    bars["deflated Sharpe"]["found"] = 0.2
    assert [f.split(" is ")[0] for f in bar_failures(bars)] == ["walk-forward years", "deflated Sharpe"]


def test_a_ledger_of_the_first_revision_keeps_what_it_holds(path: Path) -> None:
    from alembic import command
    from alembic.config import Config

    engine = ledger_open.engine_for(f"sqlite:///{path}")
    config = Config()
    config.set_main_option("script_location", str(ledger_open._MIGRATIONS))
    with engine.connect() as conn, conn.begin():
        config.attributes["connection"] = conn
        command.upgrade(config, "0001")
    old = Ledger(engine)
    old.record_proposals(proposals(), NOW)
    old.close()
    new = open_ledger(f"sqlite:///{path}")
    assert new.proposals().height == 1
    assert new.record_trials([trial()], NOW) == 1
    assert new.verify_journal() == []
    new.close()


@pytest.mark.skipif(POSTGRES is None, reason="MACRO_FUND_TEST_POSTGRES (a database's URL) is not set")
def test_the_same_on_postgres() -> None:
    ledger = open_ledger(str(POSTGRES))
    before = ledger.trials().height
    number = before + 10_000
    ledger.record_trials([trial(number)], NOW)
    assert ledger.record_trials([trial(number)], LATER) == 0
    ledger.promote(promotion(trial_id=trial(number)["trial_id"], trials=before + 1), NOW)
    assert ledger.trials()["sharpe"][-1] == 0.05107595153113473
    assert ledger.verify_journal() == []
    for statement in ("UPDATE trials SET n_days = 1", "DELETE FROM promotions", "TRUNCATE trials CASCADE"):
        with ledger._write() as conn, pytest.raises(sa.exc.DBAPIError, match="append-only"):
            conn.execute(sa.text(statement))
    ledger.close()
