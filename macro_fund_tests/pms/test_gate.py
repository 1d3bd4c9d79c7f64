"""The gate: under a breach or a breaker only less risk is proposed, and what is held back is told."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from macro_fund.pms import approval
from macro_fund.pms.gate import OPEN, Gate, adds_risk, gates, held_back
from macro_fund.pms.proposals import propose
from macro_fund.store.lake import shape_problems
from macro_fund.store.ledger import LedgerError, open_ledger
from macro_fund.store.tables import TABLES
from macro_fund_tests.pms.builders import CAPITAL, SETTINGS, desk_of, frame, proposals, utc
from macro_fund_tests.pms.test_proposals import S1, S2, held, target, trades

STOP = Gate("no_new_risk", ("limit var_95 110% used",))
HALVE = Gate("halve", ("week_halve: week loss 4.10%, threshold 4.00%",), (S1,))
KILL = Gate("kill", ("drawdown_kill: drawdown 12.10%, threshold 12.00%",))
PID = "ab12cd34ef56"


def limit(name: str, status: str, session: date = S1) -> dict[str, Any]:
    row = {"session": session, "limit": name, "value": 0.022, "limit_value": 0.02, "utilisation": 1.1}
    return {**row, "status": status, "reason": "above the limit"}


def breaker(name: str, action: str, session: date = S1, since: date | None = S1) -> dict[str, Any]:
    row = {"session": session, "breaker": name, "loss": 0.05, "threshold": 0.04, "reason": "week loss 5.00%"}
    return {**row, "tripped": action != "none", "since": None if action == "none" else since, "action": action}


def stress(session: date = S1, **shocks: Mapping[str, float | None]) -> pl.DataFrame:
    """scenario=(instrument -> shock)."""
    return frame(
        "risk/stress",
        [
            {
                "session": session,
                "kind": "correlation" if scenario.startswith("correlation") else "scenario",
                "scenario": scenario,
                "instrument": name,
                "shock": shock,
                "pnl_brl": 0.0,
                "status": "ok",
                "reason": "",
            }
            for scenario, of in shocks.items()
            for name, shock in of.items()
        ],
    )


def run(
    targets: Sequence[Mapping[str, Any]],
    positions: Sequence[Mapping[str, Any]],
    gate: Gate | None,
    *,
    cases: pl.DataFrame | None = None,
    session: date = S1,
) -> pl.DataFrame:
    nav = pl.DataFrame(
        {"session": [S1, S2], "nav_brl": [CAPITAL] * 2}, schema={"session": pl.Date, "nav_brl": pl.Decimal(20, 2)}
    )
    out = propose(
        frame("portfolio/targets", targets),
        frame("pms/positions", positions),
        TABLES["signals/rates_01"].empty(),
        nav,
        [session],
        settings=SETTINGS,
        gates=None if gate is None else {session: gate},
        stress=cases,
    )
    assert shape_problems(TABLES["pms/trade_proposals"], out) == []
    return out


# what is in force


def test_nothing_is_in_force_on_a_calm_session() -> None:
    calm = gates(frame("risk/limits", [limit("var_95", "warn")]), frame("risk/breakers", [breaker("x", "none")]), [S1])
    assert calm == {S1: OPEN}


@pytest.mark.parametrize(
    ("actions", "strongest"),
    [
        (["none", "no_new_risk"], "no_new_risk"),
        (["no_new_risk", "halve"], "halve"),
        (["kill", "halve", "no_new_risk"], "kill"),
    ],
)
def test_the_strongest_action_wins(actions: list[str], strongest: str) -> None:
    rows = [breaker(f"b{k}", a) for k, a in enumerate(actions)]
    gate = gates(frame("risk/limits", [limit("var_95", "ok")]), frame("risk/breakers", rows), [S1])[S1]
    assert gate.action == strongest
    assert len(gate.reasons) == len([a for a in actions if a != "none"])


def test_a_breach_stops_new_risk_and_is_named() -> None:
    limits = frame("risk/limits", [limit("margin", "breach"), limit("var_95", "breach"), limit("fx_net", "no_view")])
    gate = gates(limits, frame("risk/breakers", [breaker("x", "none")]), [S1, S2], closed=False)
    assert (gate[S1].action, gate[S1].words) == ("no_new_risk", "limit margin 110% used; limit var_95 110% used")
    assert gate[S2] == OPEN


def test_a_session_without_its_limits_or_breakers_takes_no_new_risk() -> None:
    none = gates(TABLES["risk/limits"].empty(), TABLES["risk/breakers"].empty(), [S1])[S1]
    assert (none.action, none.words) == (
        "no_new_risk",
        "no risk/limits of this session; no risk/breakers of this session",
    )


# only less risk


@pytest.mark.parametrize(
    ("before", "goal", "trade"),
    [
        (0, 100, None),
        (100, 150, None),
        (100, 40, -60),
        (-100, -40, 60),
        (100, 0, -100),
        (100, -50, -100),
        (-100, 50, 100),
        (100, 90, None),
    ],
)
def test_under_a_breach_a_position_only_gets_smaller(before: int, goal: int, trade: int | None) -> None:
    out = run([target(target_contracts=goal)], [held("DI1F27", before)] if before else [], STOP)
    assert trades(out) == ([("DI1F27", trade)] if trade else [])


def test_a_roll_becomes_a_close() -> None:
    out = run([target()], [held("DI1F26", 100)], STOP)
    assert trades(out) == [("DI1F26", -100)]
    assert out["rationale"][0].startswith("close: its roll's opening in DI1F27 is held back by limit var_95 110% used")
    assert "roll to" not in out["rationale"][0]
    assert out["gain_if"][0] == "closes DI1F26: nothing left to gain or lose"


def said(out: pl.DataFrame) -> dict[str, str]:
    """The first words of why, by contract."""
    return {c: r.split(";")[0] for c, r in out.select("contract", "rationale").iter_rows()}


def test_a_roll_whose_other_leg_passes_is_still_a_roll() -> None:
    """Of 150 held in the new contract 100 are wanted: both legs reduce, so nothing of the roll is held back."""
    both = [held("DI1F26", 100), held("DI1F27", 150)]
    out = run([target()], both, STOP)
    assert trades(out) == [("DI1F26", -100), ("DI1F27", -50)]
    assert said(out) == {"DI1F26": "roll to DI1F27", "DI1F27": "roll"}
    there = run([target()], [held("DI1F26", 100), held("DI1F27", 100)], STOP)  # nothing was left to open
    assert said(there) == {"DI1F26": "roll to DI1F27"}
    cut = run([target()], both, HALVE)  # the new contract goes to 75, less than the roll wanted
    assert {c: r.split(":")[0] for c, r in said(cut).items()} == {"DI1F26": "close", "DI1F27": "reduce"}


def test_without_a_view_a_breach_closes_nothing_and_a_halving_still_halves() -> None:
    blind = [target(status="no_view", target_contracts=None, dv01_brl=None, delta_brl=None)]
    assert run(blind, [held("DI1F27", 101)], STOP).is_empty()
    row = run(blind, [held("DI1F27", 101)], HALVE).row(0, named=True)
    assert (row["quantity"], row["position_after"], row["conviction"]) == (-51, 50, None)
    assert row["rationale"] == "reduce: week_halve: week loss 4.10%, threshold 4.00%"
    assert trades(run([], [held("DI1F27", -101)], KILL)) == [("DI1F27", 101)]


@pytest.mark.parametrize(
    ("before", "goal", "after"),
    [(100, 100, 50), (100, 150, 50), (101, 80, 50), (100, 30, 30), (-7, -7, -3), (1, 1, 0), (100, -20, 0), (100, 0, 0)],
)
def test_halving_leaves_at_most_half(before: int, goal: int, after: int) -> None:
    row = run([target(target_contracts=goal)], [held("DI1F27", before)], HALVE).row(0, named=True)
    assert (row["position_before"], row["position_after"]) == (before, after)


def test_a_trip_that_holds_does_not_halve_again_and_a_halving_not_done_is_proposed_again() -> None:
    both = [held("DI1F27", 100), held("DI1F27", 50, session=S2)]
    goal = [target(session=S2, target_contracts=100)]
    assert run(goal, both, HALVE, session=S2).is_empty()
    not_done = [held("DI1F27", 100), held("DI1F27", 100, session=S2)]
    assert trades(run(goal, not_done, HALVE, session=S2)) == [("DI1F27", -50)]
    second = Gate("halve", ("month_halve",), (S1, S2))
    assert trades(run(goal, both, second, session=S2)) == [("DI1F27", -25)]


def test_kill_closes_everything_and_names_the_breaker() -> None:
    out = run([target()], [held("DI1F27", 100), held("DI1F28", -5, instrument="DI1_3Y")], KILL)
    assert trades(out) == [("DI1F27", -100), ("DI1F28", 5)]
    assert "close: drawdown_kill" in out["rationale"][0]


# stress


HEDGED = [held("DI1F27", 100, dv01_brl=1000.0), held("DI1F28", -50, dv01_brl=-400.0, instrument="DI1_3Y")]
UP = {"DI1_2Y": 200.0, "DI1_3Y": 200.0}


def test_a_hedge_is_not_reduced_while_the_worst_stress_loss_would_grow() -> None:
    goals = [
        target(target_contracts=40),
        target(instrument="DI1_3Y", contract="DI1F28", target_contracts=-10, dv01_brl=-80.0),
    ]
    assert trades(run(goals, HEDGED, STOP, cases=stress(up=UP))) == [("DI1F27", -60)]
    assert trades(run(goals, HEDGED, STOP)) == [("DI1F27", -60), ("DI1F28", 40)]
    unmeasured = stress(up={"DI1_2Y": 200.0, "DI1_3Y": None}, correlation_1=UP)
    assert trades(run(goals, HEDGED, STOP, cases=unmeasured)) == [("DI1F27", -60), ("DI1F28", 40)]


def test_stress_must_fall_not_stay() -> None:
    still = stress(fx_only={"DI1_2Y": 0.0, "DOL_1M": -0.2})
    book = [held("DI1F27", 100, dv01_brl=1000.0), held("DOLH25", 10, instrument="DOL_1M", dv01_brl=0.0, delta_brl=1e6)]
    assert run([target(target_contracts=40)], book, STOP, cases=still).is_empty()
    gains = stress(fx_up={"DI1_2Y": 0.0, "DOL_1M": 0.2})
    assert trades(run([target(target_contracts=40)], book, STOP, cases=gains)) == [("DI1F27", -60)]


def test_stress_of_another_session_says_nothing() -> None:
    goals = [target(instrument="DI1_3Y", contract="DI1F28", target_contracts=-10, dv01_brl=-80.0)]
    assert run(goals, HEDGED, STOP, cases=stress(up=UP)).is_empty()
    assert trades(run(goals, HEDGED, STOP, cases=stress(S2, up=UP))) == [("DI1F28", 40)]


# properties

GATES = st.sampled_from([STOP, HALVE, KILL])
POSITION = st.integers(-300, 300)


@hypothesis_settings(max_examples=80)
@given(
    gate=GATES,
    before=st.tuples(POSITION, POSITION, POSITION),
    goals=st.tuples(st.none() | POSITION, st.none() | POSITION),
    shocks=st.tuples(st.integers(-300, 300), st.integers(-300, 300)),
)
def test_no_proposal_under_a_gate_grows_or_turns_a_position(
    gate: Gate, before: tuple[int, ...], goals: tuple[int | None, ...], shocks: tuple[int, int]
) -> None:
    names = (("DI1F26", "DI1_2Y"), ("DI1F27", "DI1_2Y"), ("DI1F28", "DI1_3Y"))
    book = [held(c, q, instrument=i) for (c, i), q in zip(names, before, strict=True) if q]
    targets = [
        target(instrument=i, contract=c, target_contracts=g, dv01_brl=9.0 * g)
        for (c, i), g in zip(names[1:], goals, strict=True)
        if g is not None
    ]
    cases = stress(a={"DI1_2Y": float(shocks[0]), "DI1_3Y": float(shocks[1])})
    out = run(targets, book, gate, cases=cases)
    after = {p["contract"]: p["quantity"] for p in book}
    for row in out.iter_rows(named=True):
        assert abs(row["position_after"]) < abs(row["position_before"])
        assert row["position_after"] * row["position_before"] >= 0
        after[row["contract"]] = row["position_after"]
    if gate is HALVE:
        assert all(2 * abs(after[p["contract"]]) <= abs(p["quantity"]) for p in book)
    if gate is KILL:
        assert set(after.values()) <= {0}
    limits, breakers = frame("risk/limits", [limit("x", "breach")]), TABLES["risk/breakers"].empty()
    assert adds_risk(out, limits, breakers) == []


# what is told


def test_what_is_held_back_is_told_with_its_reason() -> None:
    book = [held("DI1F26", 100, instrument="DI1_3Y"), held("DI1F27", 100)]
    goals = [target(target_contracts=-50), target(instrument="DI1_3Y", contract="DI1F28")]
    free, made = run(goals, book, None), run(goals, book, STOP)
    assert held_back(free, made, {S1: STOP}) == [
        (S1, "DI1F27 +100 to -50 is cut to +0: limit var_95 110% used"),
        (S1, "DI1F28 +0 to +100 is not proposed: limit var_95 110% used"),
    ]
    assert held_back(free, free, {S1: OPEN}) == []


def test_a_proposal_that_adds_risk_is_found() -> None:
    out = run([target(target_contracts=150)], [held("DI1F27", 100)], None)
    none = TABLES["risk/limits"].empty()
    assert adds_risk(out, none, frame("risk/breakers", [breaker("x", "none")])) == []
    assert adds_risk(out, none, frame("risk/breakers", [breaker("x", "halve")])) == [
        (S1, "DI1F27: +100 to +150 adds risk")
    ]
    assert adds_risk(out, frame("risk/limits", [limit("x", "breach")]), TABLES["risk/breakers"].empty())


# decisions


def test_a_proposal_made_before_the_breach_is_not_approved_and_less_is(tmp_path: Path) -> None:
    ledger = open_ledger(f"sqlite:///{tmp_path / 'ledger.sqlite'}")
    now = utc(2025, 2, 10)
    shrinking = {"quantity": -60, "position_before": 100, "position_after": 40, "screen_side": "BUY rate (pay) DI1F28"}
    ledger.record_proposals(proposals({}, {"proposal_id": "ff00", "contract": "DI1F28", **shrinking}), now)
    breach = frame("risk/limits", [limit("var_95", "breach", date(2025, 2, 10))])
    desk = desk_of(ledger, now, lake={"risk/limits": breach})
    with pytest.raises(LedgerError, match=r"\+0 to \+120 contracts adds risk, .*\(limit var_95 110% used\): reject it"):
        approval.approve(desk, PID)
    with pytest.raises(LedgerError, match=r"\+100 to -1 contracts adds risk"):
        approval.modify(desk, "ff00", quantity=-101)
    approval.modify(desk, "ff00", quantity=-30)
    approval.reject(desk, PID, note="breach")
    assert ledger.pending_approvals()["quantity"].to_list() == [-30]


def test_cost_and_ids_of_what_the_gate_asks_for_are_as_of_any_trade() -> None:
    row = run([], [held("DI1F27", 100)], KILL).row(0, named=True)
    assert row["expected_cost_brl"] == Decimal("491.00")  # (0.5bp x 8 + 0.91) x 100
    assert (row["dv01_before_brl"], row["dv01_after_brl"], row["shares"]) == (800.0, 0.0, [])
    again = run([], [held("DI1F27", 100)], Gate("kill", ("other words",)))
    assert again["proposal_id"].item() == row["proposal_id"]
