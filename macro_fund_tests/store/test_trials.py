"""Trials and promotions in the ledger: counted once, never changed, and no promotion past a bar."""

from __future__ import annotations

import json
from copy import deepcopy
from typing import Any

import pytest

from macro_fund.store.ledger import Ledger, LedgerError
from macro_fund.store.ledger_rules import bar_failures
from macro_fund_tests.store.stories import BARS, LATER, NOW, promotion, trial


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
