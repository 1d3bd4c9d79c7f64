"""Pre-trade checks: each passes, refuses, asks for a second person, or says what it is missing."""

from __future__ import annotations

import math
import statistics
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from macro_fund.mandate import Approval
from macro_fund.pms import limit_checks, pretrade, price_checks
from macro_fund.pms.approval import verdicts
from macro_fund.pms.gate import Gate
from macro_fund.pms.pretrade import Evidence, Ticket, Verdict
from macro_fund_tests.pms.builders import (
    FILL_SCHEMA,
    KEYS,
    SETTINGS,
    TABLE,
    fill,
    fills,
    mark,
    marks,
    marks_of,
    proposal,
    utc,
)

NOW = utc(2025, 2, 10)
DAY = date(2025, 2, 10)
RULES = Approval()
BEFORE = TABLE.offset(DAY, -1)
HISTORY = [d for d in KEYS if d < DAY]  # 25 sessions before the day
MOVES = [100.0 if i % 2 else -100.0 for i in range(len(HISTORY))]
SETTLED = marks(*marks_of("DI1F27", HISTORY, MOVES))
NO_FILLS = pl.DataFrame(schema=FILL_SCHEMA)


def ticket(wanted: int = 120, /, at: datetime = NOW, typed: bool = False, **given: Any) -> Ticket:
    levels = {k: given.pop(k) for k in ("limit_level", "price") if k in given}
    row = {**proposal(**given), "recorded_at": NOW}
    return Ticket(row, "DI1", wanted, at, typed=typed, **levels)


def evidence(**given: Any) -> Evidence:
    known: dict[str, Any] = {"marks": SETTLED, "positions": (), "decided": (), "fills": NO_FILLS, "nav_brl": 1e8}
    return Evidence(TABLE, **{**known, **given})


def says(verdict: Verdict, state: str, words: str = "") -> None:
    assert verdict.state == state, verdict
    assert words in verdict.words
    assert verdict.words


REDUCING = {"quantity": -60, "position_before": 100, "position_after": 40}


# the day


def test_open() -> None:
    says(pretrade.is_open(ticket(), evidence()), "pass", "DI1F27 ends on 2027-01-04")
    early = ticket(at=utc(2025, 2, 10, 2))  # 23:00 of the 9th in Sao Paulo
    says(pretrade.is_open(early, evidence()), "refuse", "has not begun: today is 2025-02-09")
    sunday = ticket(session=date(2025, 2, 9))
    says(pretrade.is_open(sunday, evidence()), "refuse", "B3 is closed on 2025-02-09")
    ended = ticket(contract="DI1F25", session=date(2025, 2, 10))
    says(pretrade.is_open(ended, evidence()), "refuse", "DI1F25 ends on 2025-01-02")


def test_stale() -> None:
    says(pretrade.stale(ticket(), evidence()), "pass", f"settlement of {BEFORE}")
    old = evidence(marks=SETTLED.filter(pl.col("trade_date") < BEFORE))
    says(pretrade.stale(ticket(), old), "refuse", f"not of {BEFORE}: run the session again")
    says(pretrade.stale(ticket(-60, **REDUCING), old), "pass", "this reduces risk")
    says(pretrade.stale(ticket(), evidence(marks=SETTLED.clear())), "unknown", "no settlement of DI1F27 is known")


@pytest.mark.parametrize(
    ("at", "state", "words"),
    [
        # IPCA of January 2025: 2025-02-11 at 09:00 Sao Paulo, 12:00 UTC.
        (utc(2025, 2, 11, 11, 44), "pass", "no release near"),
        (utc(2025, 2, 11, 11, 45), "refuse", "br_ipca is at 09:00 Sao Paulo: decide 15 minutes before or after it"),
        (utc(2025, 2, 11, 12, 15), "refuse", "br_ipca is at 09:00"),
        (utc(2025, 2, 11, 12, 16), "pass", "no release near"),
        # Payrolls of January 2025: 2025-02-07 at 08:30 New York, 13:30 UTC.
        (utc(2025, 2, 7, 13, 30), "refuse", "us_employment is at 10:30 Sao Paulo"),
        (utc(2040, 2, 7, 13, 30), "unknown", "copom_meetings, fomc_meetings end before today"),
    ],
)
def test_blackout(at: datetime, state: str, words: str) -> None:
    says(pretrade.blackout(ticket(at=at), evidence(), RULES), state, words)
    assert pretrade.blackout(ticket(-60, at=at, **REDUCING), evidence(), RULES).state != "refuse"


# the words, the session's other decisions


def test_sign_echo() -> None:
    says(pretrade.sign_echo(ticket(), evidence()), "pass", "SELL rate (receive) DI1F27")
    wrong = ticket(gain_if="you gain if rates RISE")
    says(pretrade.sign_echo(wrong, evidence()), "refuse", "mean 'you gain if rates FALL'")


@given(before=st.integers(-500, 500), quantity=st.integers(-500, 500).filter(bool))
def test_a_proposal_of_the_system_echoes_its_own_sign(before: int, quantity: int) -> None:
    words = {
        "screen_side": pretrade.screen_side("DI1", "DI1F27", quantity),
        "gain_if": pretrade.gain_if("DI1", "DI1F27", before + quantity),
    }
    row = ticket(quantity, quantity=quantity, position_before=before, position_after=before + quantity, **words)
    assert pretrade.sign_echo(row, evidence()).state == "pass"
    flipped = ticket(-quantity, quantity=-quantity, position_before=before, position_after=before - quantity, **words)
    assert pretrade.sign_echo(flipped, evidence()).state == "refuse"


def decided(**given: Any) -> dict[str, Any]:
    row = proposal(proposal_id="ff00ff00ff00", **given)
    return {**row, "traded": row["quantity"], "recorded_at": NOW}


def test_duplicate() -> None:
    says(pretrade.duplicate(ticket(), evidence()), "pass")
    roll = decided(contract="DI1F26", quantity=-100)
    turned = decided(contract="DI1F26")
    later = {**turned, "recorded_at": NOW + timedelta(minutes=5)}
    for other, state in ((roll, "pass"), (turned, "pass"), (later, "refuse"), (decided(), "refuse")):
        assert pretrade.duplicate(ticket(), evidence(decided=(other,))).state == state
    elsewhere = decided(instrument="DI1_5Y", contract="DI1F30")
    says(pretrade.duplicate(ticket(), evidence(decided=({**elsewhere, "recorded_at": BEFORE},))), "pass")


def test_current_and_switch() -> None:
    says(pretrade.is_current(ticket(), evidence()), "unknown", "the lake has no proposals of this session")
    says(pretrade.is_current(ticket(), evidence(current=frozenset({"x"}))), "refuse", "is superseded")
    says(pretrade.is_current(ticket(), evidence(current=frozenset({"ab12cd34ef56"}))), "pass")
    thrown = evidence(thrown={"person": "Cai", "note": "prices"})
    says(pretrade.kill_switch(ticket(), evidence()), "pass", "not thrown")
    says(pretrade.kill_switch(ticket(), thrown), "refuse", "thrown by Cai: prices; this adds risk")
    says(pretrade.kill_switch(ticket(-60, **REDUCING), thrown), "pass", "this reduces risk")


# fat fingers and drift

# The typical day: +-100 BRL a contract at 12.712564 BRL a bp.
TYPICAL = statistics.stdev(MOVES[1:]) / 12.712564 / 1e4


def test_the_typical_day_of_a_rate_and_of_a_price() -> None:
    assert price_checks.sigma(SETTLED) == pytest.approx(TYPICAL)
    dollar = marks(*marks_of("DOLH25", HISTORY, MOVES, settle_price=6000.0))
    assert price_checks.sigma(dollar) == pytest.approx(
        statistics.stdev(MOVES[1:]) / 50 * 6000 / dollar["delta_brl"][-1] * 50
    )
    assert price_checks.sigma(SETTLED.head(20)) is None  # 19 moves


@pytest.mark.parametrize(
    ("levels", "state", "words"),
    [
        ({}, "pass", "at the settlement"),
        ({"limit_level": 0.14875 + 4.9 * TYPICAL}, "pass", "within 5 typical days"),
        ({"limit_level": 0.14875 - 5.1 * TYPICAL}, "refuse", "more than 5 typical days"),
        ({"price": 0.14875 + 5.1 * TYPICAL}, "refuse", "price 0."),
        ({"limit_level": 14.9}, "refuse", "more than 25% away from the last settlement 0.14875"),
    ],
)
def test_price(levels: dict[str, float], state: str, words: str) -> None:
    says(price_checks.price(ticket(**levels), evidence(), RULES), state, words)


def test_a_price_without_anything_to_compare_it_with() -> None:
    bare = evidence(marks=SETTLED.clear())
    says(price_checks.price(ticket(limit_level=0.149), bare, RULES), "unknown", "no typical day")
    says(price_checks.price(ticket(limit_level=0.149, entry_level=None), bare, RULES), "unknown", "no settlement")
    says(price_checks.price(ticket(limit_level=14.9), bare, RULES), "refuse", "more than 25%")


@pytest.mark.parametrize(("horizon", "root"), [(21, math.sqrt(21)), (1, 1.0), (None, 1.0)])
def test_drift_is_measured_in_u(horizon: int | None, root: float) -> None:
    """u = daily sigma x sqrt(horizon): half of it is where re-pricing begins."""
    near, far = 0.14875 + 0.49 * TYPICAL * root, 0.14875 - 0.51 * TYPICAL * root
    says(price_checks.drift(ticket(price=near, horizon_days=horizon), evidence(), RULES), "pass", "0.49 u")
    moved = ticket(price=far, horizon_days=horizon)
    says(price_checks.drift(moved, evidence(), RULES), "refuse", "0.51 u, more than 0.5: price it again with --limit")
    says(price_checks.drift(replace(moved, limit_level=far), evidence(), RULES), "pass", "priced again by the limit")


def test_a_settlement_that_was_corrected_since_is_a_drift() -> None:
    newer = marks(*marks_of("DI1F27", HISTORY, MOVES, settle_rate=0.16))
    says(price_checks.drift(ticket(), evidence(marks=newer), RULES), "refuse", "0.14875 was proposed, it is 0.16 now")
    says(price_checks.drift(ticket(), evidence(marks=SETTLED.clear()), RULES), "unknown", "fewer than 20 settlements")


def trades(*sizes: int) -> pl.DataFrame:
    days = HISTORY[-len(sizes) :] if sizes else []
    return fills(*(fill(d, "DI1F27", q) for d, q in zip(days, sizes, strict=True)))


@pytest.mark.parametrize(
    ("quantity", "typed", "state"),
    [(120, True, "pass"), (121, True, "refuse"), (121, False, "second"), (-121, True, "refuse")],
)
def test_size_against_the_funds_own_trades(quantity: int, typed: bool, state: str) -> None:
    """The median of 10, 40, 40, 50 and 90 is 40, whatever their signs."""
    known = evidence(fills=trades(10, -40, 40, -50, 90))
    says(price_checks.size(ticket(quantity, typed=typed), known, RULES), state, "usual")


def test_a_size_with_nothing_to_compare_it_with() -> None:
    says(price_checks.size(ticket(), evidence(fills=trades(1, 1, 1, 1)), RULES), "unknown", "made 4 trades in DI1_2Y")
    known = evidence(fills=trades(1, 1, 1, 1, 1))
    says(
        price_checks.size(ticket(-100, typed=True, quantity=-100, position_before=100, position_after=0), known, RULES),
        "pass",
    )


# limits


def test_gate() -> None:
    stop = evidence(gate=Gate("no_new_risk", ("limit var_95 110% used",)))
    says(limit_checks.gate(ticket(), evidence()), "pass", "no limit is breached")
    says(limit_checks.gate(ticket(), stop), "refuse", "+0 to +120 contracts adds risk")
    says(limit_checks.gate(ticket(-60, **REDUCING), stop), "pass", "reduces risk")


def held(count: int, instrument: str = "DI1_5Y", contract: str = "DI1F30") -> dict[str, Any]:
    return {
        "instrument": instrument,
        "contract": contract,
        "quantity": count,
        "dv01_brl": 30.0 * count,
        "delta_brl": 0.0,
    }


@pytest.mark.parametrize(
    ("count", "state"),
    [(0, "pass"), (949, "pass"), (950, "refuse"), (-949, "pass"), (1100, "refuse"), (-1100, "pass")],
)
def test_the_actual_book_stays_inside_its_net_limit(count: int, state: str) -> None:
    """120 x 12.7125 = 1,525.5 of the 30,000 BRL a bp that 100 million may have; 949 x 30 leaves 1,530."""
    says(limit_checks.book(ticket(), evidence(positions=(held(count),)), SETTINGS), state, "br_dv01")


def test_what_was_approved_in_the_session_counts_as_held() -> None:
    other = decided(instrument="DI1_5Y", contract="DI1F30", quantity=950, dv01_after_brl=28500.0)
    says(
        limit_checks.book(ticket(), evidence(decided=(other,)), SETTINGS), "refuse", "br_dv01 of the book would be 100%"
    )
    says(limit_checks.book(ticket(), evidence(decided=({**other, "traded": 400},)), SETTINGS), "pass")


def test_margin() -> None:
    says(limit_checks.margin(ticket(), evidence(), SETTINGS), "pass", "of 35,000,000")
    poor = evidence(nav_brl=1000.0)
    says(limit_checks.margin(ticket(), poor, SETTINGS), "refuse", "at most 350 is allowed")
    says(limit_checks.margin(ticket(-60, **REDUCING), poor, SETTINGS), "pass")
    says(limit_checks.margin(ticket(), evidence(marks=SETTLED.clear()), SETTINGS), "unknown", "to take the margin from")
    blind = evidence(positions=(held(10),))
    says(limit_checks.margin(ticket(), blind, SETTINGS), "unknown", "without DI1F30, which have no settlement")


def use(wanted: int = 120, /, known: Evidence | None = None, **given: Any) -> Verdict:
    return limit_checks.use(ticket(wanted, **given), known or evidence(), SETTINGS, RULES)


def test_use_of_a_limit_by_one_trade() -> None:
    says(use(), "unknown", "it uses 5% of the limit br_dv01 (not measured: worst_stress, var_95)")
    says(use(600), "second", "it uses 25% of the limit br_dv01")  # 25.4%
    says(use(-600, **REDUCING | {"position_before": 600, "position_after": 0}), "unknown", "it uses 0%")
    # 8% of 100 million may be lost: 120 x 12.7125 x 1,500 bp is 29% of it.
    crisis = evidence(shocks={("scenario", "x"): {"DI1_2Y": 1500.0}}, marginal={"DI1_2Y": 100.0})
    says(use(known=crisis), "second", "it uses 29% of the limit worst_stress, more than 25%")
    tail = evidence(shocks={("scenario", "x"): {"DI1_2Y": -1500.0}}, marginal={"DI1_2Y": 5000.0})
    says(use(known=tail), "second", "it uses 48% of the limit var_95")
    calm = evidence(shocks={("scenario", "x"): {"DI1_2Y": 1.0}}, marginal={"DI1_2Y": 1.0})
    says(use(known=calm), "pass", "it uses 5% of the limit br_dv01")


@given(before=st.integers(-900, 900), after=st.integers(-900, 900))
def test_only_what_is_opened_uses_a_limit(before: int, after: int) -> None:
    made = ticket(after - before, position_before=before)
    assert made.after == after
    assert made.opened == (abs(after) if before * after <= 0 else max(0, abs(after) - abs(before)))
    assert (made.opened == 0) == (not made.adds) or before == after


def test_every_check_answers_in_a_sentence_whatever_is_missing() -> None:
    bare = evidence(marks=SETTLED.clear())
    found = verdicts(ticket(limit_level=0.149), bare, SETTINGS)
    assert {v.check for v in found if v.state == "unknown"} >= {"current", "price", "size", "stale", "drift", "margin"}
    assert all(v.words for v in found)
    assert len({v.check for v in found}) == len(found)


def test_contract_marks_of_the_future_change_nothing() -> None:
    later = marks(*SETTLED.to_dicts(), mark("DI1F28", DAY, 1.0))
    assert verdicts(ticket(), evidence(marks=later), SETTINGS) == verdicts(ticket(), evidence(), SETTINGS)
