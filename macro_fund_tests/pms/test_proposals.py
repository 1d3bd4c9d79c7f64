"""Proposals: sizes, rolls, hysteresis, words, cost and content ids."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from macro_fund.pms.costs import trade_cost
from macro_fund.pms.proposals import expires_at, propose, scaled
from macro_fund.store.lake import shape_problems
from macro_fund.store.tables import TABLES
from macro_fund_tests.pms.builders import CAPITAL, SETTINGS, frame, share, utc

S1, S2 = date(2025, 2, 10), date(2025, 2, 11)


def target(**given: Any) -> dict[str, Any]:
    """100 DI1F27 to receive; DV01 12.7 a contract."""
    count = given.get("target_contracts", 100)
    return {
        "session": S1,
        "instrument": "DI1_2Y",
        "contract": "DI1F27",
        "target_contracts": 100,
        "unrounded": 100.4,
        "score": 0.5,
        "conviction": 0.6,
        "price": 76828.74,
        "rate": 0.14875,
        "sigma_brl": 150.0,
        "dv01_brl": 12.712564 * (count or 0),
        "delta_brl": 0.0,
        "binding_constraint": "vol_target",
        "shares": share(RATES_01=0.75, CROSS_02=0.25),
        "status": "ok",
        "reason": "",
        **given,
    }


def held(contract: str, quantity: int, **given: Any) -> dict[str, Any]:
    return {
        "session": S1,
        "trade_date": date(2025, 2, 7),
        "contract": contract,
        "instrument": "DI1_2Y",
        "quantity": quantity,
        "mark_price": 90000.0,
        "mark_rate": 0.14,
        "mark_basis": "settlement",
        "dv01_brl": 8.0 * quantity,
        "delta_brl": 0.0,
        **given,
    }


def signal(strategy: str, value: float, **given: Any) -> dict[str, Any]:
    return {
        "session": S1,
        "strategy_id": strategy,
        "instrument": "DI1_2Y",
        "signal": value,
        "z": 1.0,
        "direction": 1,
        "strength": abs(value),
        "entry_level": 0.14875,
        "stop_level": 0.155,
        "target_level": 0.14,
        "sigma_daily": 8.0,
        "horizon_days": 21,
        "confidence": 0.7,
        "status": "ok",
        "reason": "carry 42bp",
        **given,
    }


def run(
    targets: Sequence[Mapping[str, Any]],
    positions: Sequence[Mapping[str, Any]] = (),
    signals: Sequence[Mapping[str, Any]] = (),
    nav: Decimal = CAPITAL,
    sessions: tuple[date, ...] = (S1,),
) -> pl.DataFrame:
    navs = pl.DataFrame(
        {"session": [S1, S2], "nav_brl": [nav, nav]}, schema={"session": pl.Date, "nav_brl": pl.Decimal(20, 2)}
    )
    out = propose(
        frame("portfolio/targets", targets),
        frame("pms/positions", positions),
        frame("signals/rates_01", signals),
        navs,
        list(sessions),
        settings=SETTINGS,
    )
    assert shape_problems(TABLES["pms/trade_proposals"], out) == []
    return out


def trades(out: pl.DataFrame) -> list[tuple[str, int]]:
    return out.sort("contract").select("contract", "quantity").rows()


def test_opening_a_receiver() -> None:
    p = run([target()], signals=[signal("CROSS-02", 0.3, stop_level=0.2), signal("RATES-01", 0.5)]).row(0, named=True)
    assert (p["quantity"], p["position_before"], p["position_after"]) == (100, 0, 100)
    assert p["screen_side"] == "SELL rate (receive) DI1F27"
    assert p["gain_if"] == "you gain if rates FALL"
    assert (p["entry_level"], p["stop_level"], p["target_level"], p["horizon_days"]) == (0.14875, 0.155, 0.14, 21)
    assert p["rationale"] == "open; CROSS-02 +0.30 (carry 42bp); RATES-01 +0.50 (carry 42bp); sized by vol_target"
    assert p["dv01_after_brl"] == pytest.approx(1271.2564)
    assert p["expected_cost_brl"] == Decimal("726.63")  # (0.5bp x 12.712564 + 0.91) x 100
    assert p["expires_at"] == utc(2025, 2, 10, 21)
    assert p["shares"] == share(RATES_01=0.75, CROSS_02=0.25)


@pytest.mark.parametrize(
    ("instrument", "contract", "count", "side", "echo"),
    [
        ("DI1_2Y", "DI1F27", -100, "BUY rate (pay) DI1F27", "you gain if rates RISE"),
        ("DOL_1M", "DOLH25", 100, "BUY DOLH25", "you gain if USD/BRL RISES"),
        ("DOL_1M", "DOLH25", -100, "SELL DOLH25", "you gain if USD/BRL FALLS"),
        ("IND_2M", "INDJ25", 10, "BUY INDJ25", "you gain if the Ibovespa RISES"),
        ("IND_2M", "INDJ25", -10, "SELL INDJ25", "you gain if the Ibovespa FALLS"),
    ],
)
def test_the_words_say_what_to_key_and_when_it_gains(
    instrument: str, contract: str, count: int, side: str, echo: str
) -> None:
    rate = 0.14875 if instrument.startswith("DI1") else None
    given = target(instrument=instrument, contract=contract, target_contracts=count, price=5800.0, rate=rate)
    p = run([given]).row(0, named=True)
    assert (p["screen_side"], p["gain_if"]) == (side, echo)
    assert p["entry_level"] == (rate or 5800.0)


def test_reducing_a_payer_buys_contracts_but_still_gains_when_rates_rise() -> None:
    p = run([target(target_contracts=-50)], [held("DI1F27", -100)]).row(0, named=True)
    assert (p["quantity"], p["screen_side"], p["gain_if"]) == (
        50,
        "SELL rate (receive) DI1F27",
        "you gain if rates RISE",
    )


@pytest.mark.parametrize(
    ("before", "goal", "trade"),
    [
        (100, 100, None),
        (100, 120, None),  # exactly 20% is not more than 20%
        (100, 121, 21),
        (100, 80, None),
        (100, 79, -21),
        (-100, -121, -21),
        (2, 1, -1),
        (0, 1, 1),
        (1, 0, -1),
        (100, -1, -101),
        (-100, 3, 103),
    ],
)
def test_small_changes_are_left_alone(before: int, goal: int, trade: int | None) -> None:
    out = run([target(target_contracts=goal)], [held("DI1F27", before)] if before else [])
    assert trades(out) == ([("DI1F27", trade)] if trade else [])


def test_a_roll_closes_the_old_contract_and_opens_the_new_one() -> None:
    out = run([target()], [held("DI1F26", 100)])
    assert trades(out) == [("DI1F26", -100), ("DI1F27", 100)]
    old, new = out.sort("contract").iter_rows(named=True)
    assert (old["entry_level"], old["dv01_before_brl"], old["dv01_after_brl"]) == (0.14, 800.0, 0.0)
    assert (old["gain_if"], old["stop_level"]) == ("closes DI1F26: nothing left to gain or lose", None)
    assert (old["rationale"], new["rationale"]) == (
        "roll to DI1F27; sized by vol_target",
        "roll; sized by vol_target",
    )


def test_a_roll_that_is_half_done_is_finished_without_hysteresis() -> None:
    assert trades(run([target()], [held("DI1F26", 10), held("DI1F27", 90)])) == [("DI1F26", -10), ("DI1F27", 10)]


def test_a_target_of_zero_closes_every_contract() -> None:
    flat = target(target_contracts=0, contract=None, dv01_brl=0.0, shares=[])
    out = run([flat], [held("DI1F26", -7), held("DI1F27", 90)])
    assert trades(out) == [("DI1F26", 7), ("DI1F27", -90)]
    assert trades(run([target(target_contracts=0, shares=[])], [held("DI1F27", 90)])) == [("DI1F27", -90)]


@pytest.mark.parametrize(
    "targets",
    [
        [],
        [target(status="no_view", reason="stale curve")],
        [target(target_contracts=None, dv01_brl=None, delta_brl=None)],
        [target(contract=None)],
        [target(instrument="DI1_3Y", target_contracts=0)],
    ],
)
def test_a_missing_target_never_closes_a_position(targets: list[dict[str, Any]]) -> None:
    assert run(targets, [held("DI1F26", 100)]).is_empty()


def test_a_degraded_target_is_proposed_and_says_so() -> None:
    p = run([target(status="degraded", reason="IPCA is late")]).row(0, named=True)
    assert p["rationale"].endswith("DEGRADED: IPCA is late")


@pytest.mark.parametrize(
    ("nav", "count"),
    [
        ("100000000.00", 100),
        ("104990000.00", 104),  # toward zero
        ("99999999.99", 99),
        ("200000000.00", 200),
        ("0.00", 0),
        ("-5.00", 0),
    ],
)
@pytest.mark.parametrize("sign", [1, -1])
def test_targets_follow_the_nav(nav: str, count: int, sign: int) -> None:
    out = run([target(target_contracts=100 * sign)], nav=Decimal(nav))
    assert trades(out) == ([("DI1F27", count * sign)] if count else [])


def test_targets_are_capped_by_the_instrument() -> None:
    assert scaled(5000, Decimal(300), Decimal(100), 9000) == 9000
    assert scaled(-5000, Decimal(300), Decimal(100), 9000) == -9000


def test_a_session_without_nav_is_refused() -> None:
    with pytest.raises(ValueError, match="session 2025-02-12 has targets but no NAV; materialize pms/nav"):
        run([target(session=date(2025, 2, 12))], sessions=(date(2025, 2, 12),))


def test_an_instrument_without_settings_is_refused() -> None:
    with pytest.raises(ValueError, match=r"instrument DDI_1Y is not in config/instruments\.yaml"):
        run([target(instrument="DDI_1Y")])


def test_the_id_is_the_content_of_the_trade() -> None:
    first = run([target()])["proposal_id"].item()
    assert len(first) == 12
    assert run([target(reason="x", sigma_brl=1.0)])["proposal_id"].item() == first
    changes: list[dict[str, Any]] = [
        {"target_contracts": 101},
        {"contract": "DI1F28"},
        {"rate": 0.1488},
        {"shares": share(RATES_01=1.0)},
        {"instrument": "DI1_3Y"},
    ]
    assert len({first, *(run([target(**c)])["proposal_id"].item() for c in changes)}) == 6
    assert run([target(session=S2)], sessions=(S2,))["proposal_id"].item() != first
    assert run([target(target_contracts=200)], [held("DI1F27", 100)])["proposal_id"].item() != first


def test_a_window_gives_the_same_rows_as_each_session_alone() -> None:
    targets = [target(), target(session=S2, target_contracts=-30), target(session=S2, instrument="DI1_3Y")]
    positions = [held("DI1F26", 100), held("DI1F27", 100, session=S2)]
    signals = [signal("RATES-01", 0.4), signal("RATES-01", 0.3, session=S2)]
    alone = [run(targets, positions, signals, sessions=(s,)) for s in (S1, S2)]
    assert run(targets, positions, signals, sessions=(S1, S2)).equals(pl.concat(alone))


def test_proposals_expire_at_18_sao_paulo_in_summer_time_too() -> None:
    assert expires_at(date(2025, 2, 10)) == utc(2025, 2, 10, 21)
    assert expires_at(date(2018, 12, 10)) == utc(2018, 12, 10, 20)


@pytest.mark.parametrize(
    ("instrument", "count", "dv01", "cost"),
    [
        ("DI1_2Y", -120, 12.712564, "871.95"),  # (0.5 x 12.712564 + 0.91) x 120 = 871.95384
        ("DOL_1M", 10, 0.0, "304.00"),  # (0.5 points x 50 + 5.40) x 10
        ("IND_2M", 3, 0.0, "19.50"),  # (5 points x 1 + 1.50) x 3
        ("DI1_2Y", 1, 0.71, "1.26"),  # 1.265 is half way: to the even cent
        ("DI1_2Y", 1, 0.73, "1.28"),  # 1.275 as well
    ],
)
def test_cost_is_half_spread_and_fee_to_the_cent(instrument: str, count: int, dv01: float, cost: str) -> None:
    assert trade_cost(SETTINGS.instrument(instrument), count, dv01) == Decimal(cost)


@settings(max_examples=60)
@given(before=st.integers(-300, 300), goal=st.integers(-300, 300), other=st.integers(-50, 50))
def test_positions_plus_trades_are_the_target_or_untouched(before: int, goal: int, other: int) -> None:
    positions = [held(c, q) for c, q in (("DI1F26", other), ("DI1F27", before)) if q]
    after = {"DI1F26": other, "DI1F27": before}
    for contract, quantity in trades(run([target(target_contracts=goal)], positions)):
        assert quantity != 0
        after[contract] += quantity
    assert after["DI1F26"] == 0
    assert after["DI1F27"] == goal or (abs(after["DI1F27"] - goal) * 5 <= abs(before) and not other)
