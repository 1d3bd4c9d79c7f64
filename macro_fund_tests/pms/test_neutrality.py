"""Neutral trades: a leg alone asks for a second person, legs that cancel do not."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import polars as pl
import pytest

from macro_fund.pms.neutrality import neutral_trades, neutrality
from macro_fund.pms.pretrade import Evidence, Ticket
from macro_fund_tests.pms.builders import FILL_SCHEMA, TABLE, fill, frame, marks, proposal, share, utc
from macro_fund_tests.pms.test_pretrade import BEFORE, DAY, NOW, says

SHORT, LONG = "DI1F27", "DI1F30"
UNIT = {SHORT: 12.5, LONG: 40.0}  # DV01 of a contract, BRL
STEEPENER = {SHORT: 320, LONG: -100}  # 4,000 of each


def signal(instrument: str, weight: float | None, **given: Any) -> dict[str, Any]:
    usual = {"strategy_id": "FISC-01", "trade": "DI1_1Y/DI1_5Y", "instrument": instrument, "leg_weight": weight}
    held = {"signal": 0.8, "strength": 0.8, "direction": 1, "horizon_days": 63, "status": "ok", "reason": "told"}
    return {"session": DAY, **usual, **held, **given}


def signals(*rows: dict[str, Any]) -> pl.DataFrame:
    return frame("signals/fisc_01", rows)


PAIR = signals(signal("DI1_1Y", 1.0), signal("DI1_5Y", -1.0))


def leg(contract: str, contracts: int, **given: Any) -> dict[str, Any]:
    """A proposal of the pair's strategy, alone in it unless told otherwise."""
    row = proposal(
        proposal_id=f"{contract.lower()}000000",
        instrument="DI1_1Y" if contract == SHORT else "DI1_5Y",
        contract=contract,
        quantity=contracts,
        position_after=contracts,
        dv01_after_brl=contracts * UNIT[contract],
        shares=share(FISC_01=1.0),
    )
    return {**row, "recorded_at": NOW, "traded": contracts, **given}


def ticket(row: dict[str, Any], contracts: int | None = None) -> Ticket:
    return Ticket(row, "DI1", row["quantity"] if contracts is None else contracts, utc(2025, 2, 10))


def known(**given: Any) -> Evidence:
    fills = pl.DataFrame(given.pop("fills", []), schema=FILL_SCHEMA, orient="row")
    usual: dict[str, Any] = {"marks": marks(), "positions": (), "decided": (), "nav_brl": 1e8, "signals": PAIR}
    return Evidence(TABLE, **{**usual, "fills": fills, **given})


def held(contract: str, contracts: int) -> dict[str, Any]:
    return {"contract": contract, "quantity": contracts, "dv01_brl": contracts * UNIT[contract], "delta_brl": 0.0}


SHORT_LEG, LONG_LEG = (leg(c, n) for c, n in STEEPENER.items())


def test_both_legs_proposed_cancel() -> None:
    says(neutrality(ticket(SHORT_LEG), known(undecided=(SHORT_LEG, LONG_LEG))), "pass", "legs of FISC-01 cancel")


def test_a_leg_whose_other_was_rejected_is_a_bet() -> None:
    alone = neutrality(ticket(SHORT_LEG), known(undecided=(SHORT_LEG,)))
    says(alone, "second", "FISC-01 would hold dv01 of BRL DI1_1Y +4,000, DI1_5Y +0: 100% of it is no hedge")


def test_the_last_leg_sees_what_was_made_of_the_other() -> None:
    whole, half = {**LONG_LEG, "traded": -100}, {**LONG_LEG, "traded": -50}
    says(neutrality(ticket(SHORT_LEG), known(decided=(whole,))), "pass")
    says(neutrality(ticket(SHORT_LEG), known(decided=(half,))), "second", "DI1_5Y -2,000: 33% of it")
    says(neutrality(ticket(SHORT_LEG, 160), known(decided=(half,))), "pass")


@pytest.mark.parametrize(("contracts", "state"), [(290, "pass"), (289, "second"), (353, "pass"), (354, "second")])
def test_five_percent_net_of_gross_is_the_most(contracts: int, state: str) -> None:
    """4,000 of one leg: the other may be 3,619 to 4,421."""
    says(neutrality(ticket(SHORT_LEG, contracts), known(undecided=(LONG_LEG,))), state)


def test_what_is_held_counts_by_the_shares_of_its_lots() -> None:
    """Half of the short leg was bought for another strategy: only the rest is FISC-01's."""
    own = fill(BEFORE, SHORT, 320, instrument="DI1_1Y", shares=share(FISC_01=0.5, RATES_01=0.5))
    evidence = known(fills=[own], positions=(held(SHORT, 320),))
    says(neutrality(ticket(LONG_LEG), evidence), "second", "DI1_1Y +2,000, DI1_5Y -4,000")
    says(neutrality(ticket(LONG_LEG, -50), evidence), "pass")


def test_closing_one_leg_leaves_the_other() -> None:
    fills = [
        fill(BEFORE, SHORT, 320, instrument="DI1_1Y", shares=share(FISC_01=1.0)),
        fill(BEFORE, LONG, -100, instrument="DI1_5Y", shares=share(FISC_01=1.0)),
    ]
    evidence = known(fills=fills, positions=(held(SHORT, 320), held(LONG, -100)))
    close = leg(SHORT, -320, position_before=320, position_after=0, dv01_before_brl=4000.0, dv01_after_brl=0.0)
    says(neutrality(ticket(close), evidence), "second", "DI1_1Y +0, DI1_5Y -4,000")
    other = leg(LONG, 100, position_before=-100, position_after=0, dv01_before_brl=-4000.0, dv01_after_brl=0.0)
    says(neutrality(ticket(close), replace(evidence, undecided=(other,))), "pass")


def test_a_proposal_of_others_is_not_asked() -> None:
    row = {**SHORT_LEG, "shares": share(RATES_01=1.0)}
    says(neutrality(ticket(row), known()), "pass", "no neutral trade is behind it")
    mine = {**SHORT_LEG, "shares": []}
    says(neutrality(ticket(mine), known()), "pass", "no neutral trade is behind it")


def test_legs_without_a_risk_in_common_are_not_checked() -> None:
    rows = signals(signal("DI1_1Y", 1.0), signal("DOL_1M", -1.0))
    dollar = leg(LONG, -10, instrument="DOL_1M", dv01_after_brl=0.0, delta_after_brl=-3e6)
    found = neutrality(ticket(SHORT_LEG), known(signals=rows, undecided=(dollar,)))
    says(found, "unknown", "legs of FISC-01 have no measure of risk in common")


@pytest.mark.parametrize(
    ("rows", "count"),
    [
        ([signal("DI1_1Y", 1.0), signal("DI1_5Y", -1.0)], 1),
        ([signal("DI1_1Y", 1.0), signal("DI1_5Y", -0.8)], 0),  # a bet on the direction too
        ([signal("DI1_1Y", 1.0)], 0),
        ([signal("DI1_1Y", 1.0, strength=0.0), signal("DI1_5Y", -1.0, strength=0.0)], 0),  # not in position
        ([signal("DI1_1Y", 1.0, trade="a"), signal("DI1_5Y", -1.0, trade="b")], 0),
        ([signal("DI1_1Y", 0.5), signal("DI1_2Y", -1.0), signal("DI1_5Y", 0.5)], 1),
    ],
)
def test_which_trades_are_neutral(rows: list[dict[str, Any]], count: int) -> None:
    assert len(neutral_trades(signals(*rows))) == count
