"""What trades do to the book: the session's own risk tables before, and after the trades are added by hand."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from macro_fund.instruments.contracts import load_specs
from macro_fund.pms.fields import with_fields
from macro_fund.store.lake import shape_problems
from macro_fund.store.tables import TABLES
from macro_fund_tests.pms.builders import CAPITAL, SETTINGS
from macro_fund_tests.pms.fields_world import (
    DAY,
    EXPECTED,
    SETTING,
    SHOCKS,
    evidence,
    fields_of,
    marks_of_day,
    risk_tables,
    trades_of,
)
from macro_fund_tests.risk.factor_world import factor_shocks

NAV = float(CAPITAL)
BOOK = {"DI1_2Y": 1500, "DI1_5Y": -200, "DOL_1M": -60, "IND_2M": 100}
TRADES = {"DI1_2Y": -500, "DI1_5Y": 300, "DOL_1M": 20, "IND_2M": -60}
ALL = {n: q + TRADES[n] for n, q in BOOK.items()}
COUNTED = ("historical", "filtered", "parametric", "monte_carlo")


@pytest.fixture(scope="module")
def rows() -> dict[str, dict[str, Any]]:
    return fields_of(BOOK, TRADES)


def use_of(tables: Mapping[str, pl.DataFrame]) -> dict[str, float]:
    return dict(tables["limits"].select("limit", "value").iter_rows())


def var_of(tables: Mapping[str, pl.DataFrame]) -> float:
    totals = tables["var"].filter(pl.col("method").is_in(COUNTED), level=0.95, scope="total")
    worst: float = totals["var_brl"].max()  # type: ignore[assignment]
    return worst


def stress_of(tables: Mapping[str, pl.DataFrame]) -> float:
    cases = tables["stress"].filter(pl.col("kind").is_in(["scenario", "replay"]))
    return -min(cases.group_by("kind", "scenario", maintain_order=True).agg(pl.col("pnl_brl").sum())["pnl_brl"])


def margin_of(tables: Mapping[str, pl.DataFrame]) -> float:
    return float(tables["liquidity"]["margin_brl"].sum())


@pytest.mark.parametrize(
    ("when", "counts"),
    [("before", BOOK), ("after_all", ALL), ("after", {**BOOK, "DI1_2Y": 1000})],
)
def test_every_book_has_the_numbers_of_the_risk_tables(
    rows: dict[str, dict[str, Any]], when: str, counts: dict[str, int]
) -> None:
    """A target book that holds the same contracts, measured by the fund's own risk tables."""
    tables, row = risk_tables(counts), rows["DI1_2Y"]
    assert row[f"var_{when}_brl"] == pytest.approx(var_of(tables), rel=1e-9)
    assert row[f"worst_stress_{when}_brl"] == pytest.approx(stress_of(tables), rel=1e-9)
    assert row[f"margin_{when}_brl"] == pytest.approx(margin_of(tables), rel=1e-9)
    use = use_of(tables)
    changed = [u["limit"] for u in row["limits"]]
    assert {u["limit"]: u[when] for u in row["limits"]} == pytest.approx({n: use[n] for n in changed})
    assert use.keys() - set(changed) == {"cds_net", "us_dv01"}  # nothing of them is held


def test_all_rows_of_a_session_have_one_book_before_and_one_after_all(rows: dict[str, dict[str, Any]]) -> None:
    for name in ("var", "worst_stress", "margin"):
        for when in ("before", "after_all"):
            assert len({r[f"{name}_{when}_brl"] for r in rows.values()}) == 1
    assert len({r["var_after_brl"] for r in rows.values()}) == len(rows)


def test_component_var_is_the_marginal_var_of_the_book_after_all_times_the_trade(
    rows: dict[str, dict[str, Any]],
) -> None:
    var = risk_tables(ALL)["var"].filter(method="parametric", level=0.95, scope="instrument")
    marginal = dict(var.select("item", "marginal_brl").iter_rows())
    assert {n: r["component_var_brl"] for n, r in rows.items()} == pytest.approx(
        {n: q * marginal[n] for n, q in TRADES.items()}, rel=1e-9
    )


def test_a_trade_that_closes_the_book_takes_its_whole_var_off() -> None:
    row = fields_of({"DI1_2Y": 700}, {"DI1_2Y": -700})["DI1_2Y"]
    parametric = risk_tables({"DI1_2Y": 700})["var"].filter(method="parametric", level=0.95, scope="total")["var_brl"]
    assert row["component_var_brl"] == pytest.approx(-parametric.item(), rel=1e-9)
    assert (row["var_after_brl"], row["worst_stress_after_brl"], row["margin_after_brl"]) == (0.0, 0.0, 0.0)
    assert row["worst_stress_case"] == ""
    assert {u["limit"]: (u["after"], u["after_all"]) for u in row["limits"]} == {
        u["limit"]: (0, 0) for u in row["limits"]
    }


@settings(max_examples=12)
@given(
    name=st.sampled_from(["DI1_2Y", "DI1_5Y", "DOL_1M", "IND_2M"]),
    side=st.sampled_from([1, -1]),
    held=st.integers(2, 900),
    part=st.floats(0.01, 0.99),
)
def test_a_trade_that_reduces_the_only_position_takes_risk_off(name: str, side: int, held: int, part: float) -> None:
    less = max(1, int(held * part))
    row = fields_of({name: side * held}, {name: -side * less})[name]
    assert row["component_var_brl"] < 0
    assert row["net_per_var"] is None
    assert 0 <= row["var_after_brl"] < row["var_before_brl"]
    assert 0 <= row["worst_stress_after_brl"] < row["worst_stress_before_brl"]
    assert 0 <= row["margin_after_brl"] < row["margin_before_brl"]
    assert all(u["after"] < u["before"] for u in row["limits"])


def test_ten_dollar_contracts_by_hand() -> None:
    """Long 10 DOL in an empty book: what loses is a fall of the dollar, 6% in the scenario of 2022."""
    row, unit = fields_of({}, {"DOL_1M": 10})["DOL_1M"], marks_of_day()["DOL_1M"]["delta_brl"]
    days = SHOCKS.filter(factor="usdbrl").sort("trade_date")["shock"].to_numpy()[-756:]
    assert (row["var_before_brl"], row["worst_stress_before_brl"], row["margin_before_brl"]) == (0.0, 0.0, 0.0)
    assert row["worst_stress_after_brl"] == pytest.approx(10 * unit * 0.06)
    assert row["worst_stress_case"] == "inflation_2022"
    assert row["component_var_brl"] == pytest.approx(1.6449 * np.std(days) * 10 * unit, rel=2e-3)
    assert row["margin_after_brl"] == pytest.approx(10 * unit * load_specs()["DOL"].margin.value[0])
    assert row["expected_pnl_brl"] == pytest.approx(10 * EXPECTED["DOL_1M"] * unit * 21 / 252)
    assert row["net_per_var"] == pytest.approx((row["expected_pnl_brl"] - 1000) / row["component_var_brl"])
    use = {u["limit"]: u for u in row["limits"]}
    assert use["fx_net"]["after"] == pytest.approx(10 * unit / NAV)
    assert use["strategy_var_share"]["after"] == pytest.approx(row["var_after_brl"] / (0.0125 * NAV))  # FX-02 owns all
    assert use.keys() == {
        "fx_net",
        "gross_leverage",
        "margin",
        "strategy_var_share",
        "var_95",
        "var_99",
        "worst_stress",
    }


def test_strategies_parts_follow_the_lots() -> None:
    """Sixty short, opened by two strategies in turn: buying forty back closes the first one's and ten of the other."""
    both = evidence({"DOL_1M": -60}, {}).fills
    first, second = (
        both.with_columns(
            pl.lit(-30).cast(pl.Int64).alias("quantity"),
            pl.lit(name).alias("fill_id"),
            pl.Series("shares", [[{"strategy_id": name, "share": 1.0}]], dtype=both.schema["shares"]),
        )
        for name in ("FX-01", "FX-02")
    )
    row = fields_of({"DOL_1M": -60}, {"DOL_1M": 40}, fills=pl.concat([first, second]))["DOL_1M"]
    use = next(u for u in row["limits"] if u["limit"] == "strategy_var_share")
    assert use["before"] == pytest.approx(row["var_before_brl"] / 2 / (0.0125 * NAV))
    assert use["after"] == pytest.approx(row["var_after_brl"] / (0.0125 * NAV))
    assert row["var_after_brl"] == pytest.approx(row["var_before_brl"] / 3)


# nulls


def test_without_a_history_of_factors_var_is_null_and_the_rest_stands() -> None:
    few = factor_shocks(200).with_columns(pl.lit(DAY).alias("session"))
    for shocks in (SHOCKS.clear(), few):
        row = fields_of(BOOK, TRADES, shocks=shocks)["DI1_2Y"]
        numbers = {"var_before_brl", "var_after_brl", "var_after_all_brl", "component_var_brl", "net_per_var"}
        assert {row[n] for n in numbers} == {None}
        assert row["worst_stress_after_brl"] > 0
        assert row["margin_after_brl"] > 0
        assert "var_95 of the book before: " in row["missing"]
        assert "component_var_brl: " in row["missing"]
        assert row["rank"] in (1, 2, 3, 4)
        assert "VaR of the book BRL not known to not known" in row["narrative"]


def test_without_scenarios_stress_is_null() -> None:
    row = fields_of(BOOK, TRADES, scenarios=evidence(BOOK, TRADES).scenarios.clear(), shocks=SHOCKS.clear())["DI1_2Y"]
    assert row["worst_stress_before_brl"] is None
    assert "worst_stress of the book before: without " in row["missing"]
    assert "worst_stress" not in {u["limit"] for u in row["limits"]}


def test_without_an_expected_return_there_is_no_expected_pnl() -> None:
    row = fields_of(BOOK, TRADES, allocations=TABLES["portfolio/allocations"].empty())["DI1_2Y"]
    assert (row["expected_pnl_brl"], row["net_per_var"]) == (None, None)
    assert "expected_pnl_brl: no expected return in portfolio/allocations" in row["missing"]


def test_a_position_whose_owner_nobody_knows_has_no_strategy_share() -> None:
    row = fields_of(BOOK, TRADES, fills=evidence({}, {}).fills)["DI1_2Y"]
    assert "strategy_var_share of the book before: " in row["missing"]
    assert "strategy_var_share" not in {u["limit"] for u in row["limits"]}
    assert row["var_before_brl"] > 0


def test_without_any_nav_left_no_limit_has_a_use() -> None:
    nav = evidence(BOOK, TRADES).nav.with_columns(pl.lit("0.00").cast(pl.Decimal(20, 2)).alias("nav_brl"))
    row = fields_of(BOOK, TRADES, nav=nav)["DI1_2Y"]
    assert row["limits"] == []
    assert row["var_after_brl"] < row["var_before_brl"]


def test_liquidity_has_no_source_and_says_so(rows: dict[str, dict[str, Any]]) -> None:
    assert rows["DI1_2Y"]["liquidity_days"] is None
    assert rows["DI1_2Y"]["missing"] == "liquidity_days: no source of traded volumes: days to close are not known"


def test_the_trades_stay_as_they_are_and_a_second_run_is_the_same() -> None:
    bare = trades_of(BOOK, TRADES)
    first, again = (with_fields(bare, evidence(BOOK, TRADES), SETTING) for _ in range(2))
    assert first.equals(again)
    assert shape_problems(TABLES["pms/trade_proposals"], first) == []
    trade = [c for c in bare.columns if bare[c].null_count() < bare.height]
    assert first.select(trade).equals(bare.select(trade))
    assert with_fields(bare.clear(), evidence(BOOK, TRADES), SETTING).is_empty()


def test_limits_are_those_of_the_mandate(rows: dict[str, dict[str, Any]]) -> None:
    caps = SETTINGS.limits.model_dump()
    assert all(u["limit_value"] == caps[u["limit"]] for r in rows.values() for u in r["limits"])
