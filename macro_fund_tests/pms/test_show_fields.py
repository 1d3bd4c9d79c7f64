"""A proposal with its fields as people see it: the card, the pack's tables."""

from __future__ import annotations

from typing import Any

import pytest

from macro_fund.pms import show
from macro_fund.reports.blocks import Number
from macro_fund.reports.pack_proposals import effect_grids
from macro_fund_tests.pms.builders import proposal
from macro_fund_tests.pms.fields_world import fields_of

BOOK = {"DI1_2Y": 1500, "DOL_1M": -60}
TRADES = {"DI1_2Y": -500, "DOL_1M": 20}
OPEN: dict[str, Any] = {"status": "proposed", "decided_by": None, "second": None}


@pytest.fixture(scope="module")
def rows() -> list[dict[str, Any]]:
    return sorted(fields_of(BOOK, TRADES).values(), key=lambda r: r["rank"])


def card_of(row: dict[str, Any]) -> str:
    console = show.console()
    with console.capture() as out:
        console.print(show.proposal_card({**row, **OPEN}, "ab"))
    return " ".join(out.get().replace("│", " ").split())


def test_the_card_shows_every_field(rows: list[dict[str, Any]]) -> None:
    row = next(r for r in rows if r["instrument"] == "DI1_2Y")
    text = card_of(row)
    for name in ("var", "worst_stress", "margin"):
        before, after, together = (row[f"{name}_{w}_brl"] for w in ("before", "after", "after_all"))
        assert f"{before:,.0f} -> {after:,.0f} (all: {together:,.0f})" in text
    for use in row["limits"]:
        assert use["limit"] in text
    assert f"BRL {row['component_var_brl']:,.0f}" in text
    assert f"BRL {row['expected_pnl_brl']:,.0f} over 21 sessions" in text
    assert "RATES-01 +0.20 (agents: " in text
    assert "slow, 20 business days" in text
    assert row["invalidation"] in text
    assert row["missing"] in text
    assert row["narrative"][:60] in text
    assert row["model"] in text


def test_a_proposal_from_before_the_fields_has_the_old_card(rows: list[dict[str, Any]]) -> None:
    bare = {**dict.fromkeys(rows[0]), **proposal()}
    text = card_of(bare)
    assert "sign echo" in text
    assert "VaR 95%" not in text
    assert effect_grids([bare]) == []


def test_the_packs_tables_carry_the_fields_and_where_they_come_from(rows: list[dict[str, Any]]) -> None:
    numbers = [c for g in effect_grids(rows) for r in g.rows for c in r if isinstance(c, Number)]
    found = {n.item: n.value for n in numbers}
    assert len(found) == len(numbers), "an item is printed twice under one name"
    assert {n.asset for n in numbers} == {"pms/trade_proposals"}
    first = rows[0]
    assert found[f"{first['proposal_id']} var after"] == first["var_after_brl"]
    assert found[f"{first['proposal_id']} expected"] == first["expected_pnl_brl"]
    assert found["var before"] == first["var_before_brl"]
    assert found["margin after all"] == first["margin_after_all_brl"]
    use = next(u for u in first["limits"] if u["limit"] == "margin")
    assert found["margin use before"] == pytest.approx(use["before"] / use["limit_value"])
    assert [r[1] for r in effect_grids(rows)[0].rows] == [r["proposal_id"] for r in rows]
