"""Expected P&L, rank, drivers, invalidation and the words of a proposal."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from macro_fund.pms.drivers import drivers, invalidation, oldest
from macro_fund.pms.expected import expected_pnl, horizon, net_per_var, ranks
from macro_fund.pms.whatif import Line
from macro_fund.pms.words import facts, narrative, unproven_numbers, whole
from macro_fund.portfolio.ageing import Input
from macro_fund.strategies import registry
from macro_fund.time.calendars import load_calendar
from macro_fund_tests.pms.builders import SETTINGS, proposal
from macro_fund_tests.pms.fields_world import RULE, fields_of, trades_of
from macro_fund_tests.portfolio.desk import steady, walk
from macro_fund_tests.portfolio.world import market, sessions_of

BOOK = {"DI1_2Y": 1500, "DOL_1M": -60}
TRADES = {"DI1_2Y": -500, "DOL_1M": 20}


# what it should make


def test_expected_pnl_is_the_benefit_that_sized_the_target() -> None:
    """In an empty book of the mandate's capital the trade to the target is worth what sizing says it is."""
    returns = market(300)
    day = sessions_of(returns)[-1]
    marks = {r["instrument"]: r for r in returns.filter(session=day).to_dicts()}
    asked, targets = walk(steady({"DI1_2Y": 0.8, "DOL_1M": -0.7, "IND_2M": 0.6}, sessions_of(returns)), returns, [day])
    a_year = dict(asked.filter(method="black_litterman").select("instrument", "expected").iter_rows())
    days = {s.id: s.horizon_days for s in SETTINGS.strategies}
    seen = 0
    for row in targets.filter(status="ok").to_dicts():
        if not row["target_contracts"]:
            continue
        mark = marks[row["instrument"]]
        line = Line(SETTINGS.instrument(row["instrument"]), row["contract"], row["price"], row["rate"], 1.0,
                    mark["dv01_brl"], mark["delta_brl"])  # fmt: skip
        made = expected_pnl(line, row["target_contracts"], a_year[row["instrument"]], horizon(row["shares"], days))
        assert made == pytest.approx(row["benefit_brl"], rel=1e-9)
        seen += 1
    assert seen >= 2


def test_horizons_are_weighted_by_shares() -> None:
    shares = [{"strategy_id": "A", "share": 0.25}, {"strategy_id": "B", "share": 0.75}]
    assert horizon(shares, {"A": 10, "B": 42}) == 34.0
    assert horizon(shares, {"A": 10}) == 0.25 * 10 + 0.75 * 21
    assert horizon([], {"A": 10}) == 21.0


# which comes first


def test_rank_by_hand() -> None:
    net: list[float | None] = [100.0, 90.0, None, -5.0, 50.0, 10.0, 80.0]
    component: list[float | None] = [50.0, 30.0, 10.0, -20.0, 0.0, -1.0, None]
    # hedges by gain: e 50, f 10, d -5; then per real of VaR: b 3.0, a 2.0; then without a number: c, g
    assert dict(zip("abcdefg", ranks(net, component, list("abcdefg")), strict=True)) == {
        "e": 1, "f": 2, "d": 3, "b": 4, "a": 5, "c": 6, "g": 7}  # fmt: skip
    assert [net_per_var(n, c) for n, c in zip(net, component, strict=True)] == [2.0, 3.0, None, None, None, None, None]


NUMBERS = st.none() | st.floats(-1e6, 1e6)


@given(st.lists(st.tuples(NUMBERS, NUMBERS), max_size=8), st.randoms())
def test_ranks_are_a_permutation_that_does_not_depend_on_the_order(pairs: list[Any], shuffle: Any) -> None:
    ids = [f"p{k}" for k in range(len(pairs))]
    found = dict(zip(ids, ranks([n for n, _ in pairs], [c for _, c in pairs], ids), strict=True))
    assert sorted(found.values()) == list(range(1, len(ids) + 1))
    mixed = list(zip(pairs, ids, strict=True))
    shuffle.shuffle(mixed)
    again = ranks([n for (n, _), _ in mixed], [c for (_, c), _ in mixed], [i for _, i in mixed])
    assert {i: r for (_, i), r in zip(mixed, again, strict=True)} == found


# why


def part(strategy: str, signal: float, weight: float) -> dict[str, Any]:
    return {"strategy_id": strategy, "signal": signal, "confidence": 0.5, "weight": weight}


def test_drivers_are_parts_of_the_score_with_the_agents_behind_them() -> None:
    found = drivers([part("CROSS-02", 0.2, 0.1), part("RATES-02", -0.5, 0.4), part("prior", 0.03, 1.0)])
    assert [(d["strategy_id"], d["contribution"]) for d in found] == [
        ("RATES-02", pytest.approx(-0.2)), ("prior", 0.03), ("CROSS-02", pytest.approx(0.02))]  # fmt: skip
    assert [d["agents"] for d in found] == ["monetary", "", ""]


def test_every_agent_named_is_one_that_the_strategy_reads() -> None:
    for strategy in registry.all_strategies():
        (found,) = drivers([part(strategy.id, 0.1, 1.0)])
        named = [a for a in found["agents"].split(", ") if a]
        assert all(any(i.startswith(f"agents/{a}") for a in named) for i in strategy.inputs if i.startswith("agents/"))
        assert all(any(i.startswith(f"agents/{a}") for i in strategy.inputs) for a in named)


SESSION = date(2025, 2, 10)
ANBIMA = load_calendar("anbima")
INPUTS = {"A": [Input("slow", "M", RULE), Input("fast", "D", RULE), Input("fomc", "E", RULE)], "B": []}
KNOWN = {"slow": date(2025, 1, 1), "fast": date(2025, 2, 7), "fomc": date(2024, 1, 1)}


def test_the_oldest_input_is_aged_in_business_days() -> None:
    behind = [{"strategy_id": "A", "contribution": 0.1}]
    assert oldest(behind, INPUTS, KNOWN, SESSION, ANBIMA) == ("slow", 28)
    assert oldest(behind, INPUTS, {"fast": date(2025, 2, 7)}, SESSION, ANBIMA) == ("fast", 1)  # Friday's, on a Monday
    assert oldest(behind, INPUTS, {"fomc": KNOWN["fomc"]}, SESSION, ANBIMA) is None
    assert oldest([{"strategy_id": "A", "contribution": 0.0}], INPUTS, KNOWN, SESSION, ANBIMA) is None
    assert oldest([{"strategy_id": "B", "contribution": 0.1}], INPUTS, KNOWN, SESSION, ANBIMA) is None


LEAD = {"strategy_id": "RATES-01", "trade": "DI1_2Y"}


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({}, "stop: DI1F27 above 15.250%"),
        ({"quantity": -120, "position_after": -120, "stop_level": 0.14}, "stop: DI1F27 below 14.000%"),
        ({"instrument": "DI1_5Y"}, "stop of the trade DI1_2Y: 0.1525"),
        ({"stop_level": None}, "no stop: RATES-01 is not in position"),
    ],
)
def test_what_would_prove_it_wrong(given: dict[str, Any], words: str) -> None:
    falsifier = f"; RATES-01 is wrong if {registry.get('RATES-01').falsified_by}"
    assert invalidation(proposal(**given), LEAD) == words + falsifier


def test_the_stop_of_a_price_is_on_the_other_side() -> None:
    dollar = {"instrument": "DOL_1M", "contract": "DOLH25", "stop_level": 5700.0}
    lead = {**LEAD, "trade": "DOL_1M"}
    assert invalidation(proposal(**dollar), lead).startswith("stop: DOLH25 below 5,700.000; ")
    short = {"quantity": -120, "position_after": -120, "stop_level": 5900.0}
    assert invalidation(proposal(**{**dollar, **short}), lead).startswith("stop: DOLH25 above 5,900.000; ")


def test_nothing_is_wrong_with_a_position_that_is_gone_or_nobodys() -> None:
    assert invalidation(proposal(position_after=0), LEAD) == "nothing is held after it"
    assert invalidation(proposal(), None) == "no strategy in position owns it: no stop, no falsifier"


# words


@pytest.mark.parametrize("language", ["en", "pt"])
def test_every_number_of_the_narrative_is_a_field(language: str) -> None:
    for row in fields_of(BOOK, TRADES).values():
        told = {**row, "stop_level": 0.1525, "narrative": narrative({**row, "stop_level": 0.1525}, language)}
        assert unproven_numbers(told, language) == []
        assert len(told["narrative"]) > 200
        for fact in facts(told, language):
            if fact.item in ("expected_pnl_brl", "var_after_brl", "margin_before_brl"):
                assert fact.text in told["narrative"]
                spoilt = told["narrative"].replace(fact.text, whole(fact.value * 1.5 + 7, language))
                assert unproven_numbers({**told, "narrative": spoilt}, language) != []


def test_a_field_that_changes_makes_the_stored_narrative_unproven() -> None:
    row = fields_of(BOOK, TRADES)["DI1_2Y"]
    assert unproven_numbers(row, "en") == []
    assert unproven_numbers({**row, "var_after_brl": row["var_after_brl"] * 1.01}, "en") != []


def test_what_is_not_known_is_told() -> None:
    bare = trades_of(BOOK, TRADES).row(0, named=True)
    text = narrative(bare, "en")
    assert text.startswith("key DI1F13, -500 contracts: you gain. Expected P&L BRL not known over not known sessions")
    assert unproven_numbers({**bare, "narrative": text}, "en") == []
    assert "desconhecido" in narrative(bare, "pt")


@pytest.mark.parametrize(
    ("value", "language", "sign", "text"),
    [
        (1234567.5, "en", False, "1,234,568"),
        (1234567.5, "pt", False, "1.234.568"),
        (-0.4, "en", False, "0"),
        (-1500.0, "pt", True, "-1.500"),
        (120, "en", True, "+120"),
    ],
)
def test_whole_numbers(value: float, language: str, sign: bool, text: str) -> None:
    assert whole(value, language, sign=sign) == text


def test_the_age_of_the_data_counts_from_the_session() -> None:
    row = fields_of(BOOK, TRADES)["DI1_2Y"]
    assert row["oldest_input"] == "slow"
    first = row["session"] - timedelta(days=28)
    assert row["data_age_days"] == ANBIMA.count(first + timedelta(days=1), row["session"] + timedelta(days=1))
