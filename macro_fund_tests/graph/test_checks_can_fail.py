"""A check that cannot fail is a defect: each one is silent on a running fund and speaks when its table is spoilt.

Every check of every node needs a corruption in `CORRUPTIONS`: by (asset, check), or by ("*", check) for the checks that
assets share. dbt's tests need a statement in `SPOILT` that breaks them. What the graph has and these lack is red.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import date
from functools import lru_cache
from pathlib import Path

import duckdb
import polars as pl
import pytest

from macro_fund.home import Home
from macro_fund.orchestration import graph as nodes
from macro_fund.orchestration.node import Node
from macro_fund.orchestration.run import Run
from macro_fund.orchestration.silver_dbt import MODELS, SCRATCH, fill_scratch, own_project
from macro_fund.store.lake import Lake, shape_problems
from macro_fund.store.tables import FAILURES, QUARANTINE, TABLES
from macro_fund.store.verdicts import side_table
from macro_fund_tests.graph import harness
from macro_fund_tests.graph.conftest import CopyHome

# No series of the project's catalogue is licensed: this source has no rows, and only checks that the others have too.
WITHOUT_ROWS = "bronze/licensed_prices"
NODES = {n.key: n for n in nodes.NODES if n.key != WITHOUT_ROWS}
STRATEGIES = [key for key in NODES if key.startswith("signals/") and key != "signals/monitor"]
CHECKS = [(key, check.name) for key, node in NODES.items() for check in node.checks]

Corruption = Callable[[Run, pl.DataFrame], pl.DataFrame]

# What the market or a provider did, not what we computed: these may fail on a fund that works.
MARKET_FACTS = {
    ("risk/limits", "no_breach"),
    ("risk/breakers", "not_tripped"),
    ("pms/trade_proposals", "not_blocked"),
}


def put(column: str, value: object, where: pl.Expr | None = None) -> Corruption:
    """The column set to a value (an expression or a constant), in the rows `where`."""

    def corrupt(run: Run, frame: pl.DataFrame) -> pl.DataFrame:
        new = value if isinstance(value, pl.Expr) else pl.lit(value, frame.schema[column])
        chosen = pl.lit(True) if where is None else where
        assert frame.filter(chosen).height, f"{run.table.key}: no row to spoil"
        return frame.with_columns(pl.when(chosen).then(new).otherwise(column).cast(frame.schema[column]).alias(column))

    return corrupt


def then(*steps: Corruption) -> Corruption:
    def corrupt(run: Run, frame: pl.DataFrame) -> pl.DataFrame:
        for step in steps:
            frame = step(run, frame)
        return frame

    return corrupt


def without(where: pl.Expr) -> Corruption:
    return lambda _, frame: frame.filter(~where)


def scaled(column: str, factor: float, where: pl.Expr | None = None) -> Corruption:
    return put(column, pl.col(column) * factor, where)


def beside(kind: str, row: tuple[object, ...]) -> Corruption:
    """One more row beside the asset."""

    def corrupt(run: Run, frame: pl.DataFrame) -> pl.DataFrame:
        table = {"quarantine": QUARANTINE, "failures": FAILURES}[kind]
        run.side[kind] = pl.DataFrame([(run.last, run.table.key, *row)], schema=table.schema, orient="row")
        return frame

    return corrupt


def nothing_arrived(run: Run, frame: pl.DataFrame) -> pl.DataFrame:
    """The newest rows of the asset are three years old."""
    for key in run.own_keys:
        rows = run.home.lake.read(run.table.key, only=[key])
        run.home.lake.write(run.table, key, rows.filter(pl.col("event_date") < pl.date(2021, 6, 1)))
    return frame.clear()


def another_price(run: Run, frame: pl.DataFrame) -> pl.DataFrame:
    """B3's price and rate of a contract disagree."""
    table = TABLES["bronze/b3_settlements"]
    for key in run.home.lake.keys(table.key, run.last):
        rows = run.home.lake.read(table.key, only=[key])
        run.home.lake.write(table, key, rows.with_columns(pl.col("settle_price") * 1.001))
    return frame


def under_a_breaker(run: Run, frame: pl.DataFrame) -> pl.DataFrame:
    """The day's breaker was tripped, and a trade that opens a position is proposed all the same."""
    table = TABLES["risk/breakers"]
    rows = run.home.lake.read(table.key, only=[run.last])
    run.home.lake.write(table, run.last, rows.with_columns(tripped=True, since="session", action=pl.lit("halve")))
    return frame.with_columns(position_before=pl.lit(0, pl.Int64), position_after=pl.lit(1, pl.Int64))


WRITE_TO_THE_LAKE = (nothing_arrived, another_price, under_a_breaker)

LISTED = pl.col("target_contracts").fill_null(0) != 0
TOTAL = pl.col("scope") == "total"
CENT = pl.lit("0.01").str.to_decimal(scale=2)

CORRUPTIONS: dict[tuple[str, str], Corruption] = {
    ("*", "sessions_inside"): put("session", date(2019, 1, 2)),
    ("*", "every_session"): lambda run, frame: frame.filter(pl.col("session") != run.last),
    ("*", "reasons_given"): then(put("status", "no_view"), put("reason", "")),
    ("*", "public_by_as_of"): put("knowledge_time", pl.col("knowledge_time").dt.offset_by("30d")),
    ("*", "fresh"): nothing_arrived,
    ("*", "in_time"): nothing_arrived,
    ("*", "answered"): beside("failures", ("br_x", "GET https://host/path", "no answer within 30 s")),
    ("*", "no_quarantine"): beside("quarantine", ("br_x", None, "value=9", "outside the range")),
    ("*", "catalogue"): put("knowledge_basis", "guess"),
    ("*", "no_jumps"): scaled("value", 1000.0, pl.col("event_date") == pl.col("event_date").max().over("series_id")),
    ("silver/di_curve", "no_arbitrage"): put("rate", -0.01),
    ("silver/di_curve", "reprices_contracts"): another_price,
    ("silver/policy_path", "bounded"): put("fit_bp", 61.0),
    ("silver/policy_path", "steps_in_order"): put("effective_bd", 0),
    ("silver/real_curve", "no_arbitrage"): put("real_rate", -0.5),
    ("silver/real_curve", "reprices_bonds"): put("real_rate", pl.col("real_rate") + 1e-6),
    ("silver/retail_real_curve", "between_bonds"): put("real_rate", pl.col("real_rate") + 1e-6),
    ("silver/retail_real_curve", "breakevens"): put("breakeven", pl.col("breakeven") + 1e-6),
    ("silver/retail_real_curve", "bounded"): put("real_rate", 0.26),
    ("silver/ettj", "bounded"): put("real_rate", 0.41),
    ("silver/ettj", "breakeven"): put("breakeven", pl.col("breakeven") + 1e-5),
    ("silver/bond_marks", "pu_of_rate"): put("pu_brl", pl.col("pu_brl") + 1.0),
    ("silver/bond_marks", "pu_of_anbima"): put("pu_brl", pl.col("pu_brl") + 1e-6),
    ("silver/bond_marks", "bounded"): put("dv01_brl", 21.0),
    ("silver/ust_curve", "reprices_par"): scaled("zero_rate", 1.01),
    ("silver/ust_curve", "forwards"): scaled("forward_rate", 1.01),
    ("silver/us_real_curve", "reprices_par"): scaled("zero_rate", 1.01),
    ("silver/us_real_curve", "breakevens"): put("breakeven", pl.col("breakeven") + 0.0001),
    ("silver/us_real_curve", "bounded"): put("breakeven", 0.11),
    ("silver/market_features", "clipped"): put("momentum", 2.01),
    ("silver/market_features", "vol_of_moves"): put("ewma_vol", 0.0, pl.col("change") != 0),
    ("silver/ipca", "twelve_months_agree"): put("value", pl.col("value") + 0.001),
    ("silver/ipca", "bounded"): put("z", -3.01),
    ("silver/macro", "fisher"): put("value", pl.col("value") + 0.001),
    ("silver/macro", "components_mean"): put("z", 3.0, pl.col("feature_id") == "ibov_return_63d"),
    ("silver/macro", "bounded"): put("z", 3.01),
    ("silver/contract_marks", "pnl_recomputed"): put("pnl_brl", pl.col("pnl_brl") + 1000),
    ("silver/contract_marks", "pnl_known"): put("pnl_brl", None, pl.col("prev_trade_date").is_not_null()),
    ("silver/contract_marks", "bounded"): put("dv01_brl", 601.0),
    ("silver/cupom_curve", "no_arbitrage"): put("rate", -13.0),
    ("silver/cupom_curve", "reprices_contracts"): another_price,
    ("silver/instrument_returns", "bounded"): put("shock", 1001.0),
    ("silver/factor_shocks", "levels_stored"): scaled("level", 1.001),
    ("silver/factor_shocks", "moves_recomputed"): put("shock", pl.col("shock") + 0.001),
    ("risk/exposures", "sums_to_targets"): put("dv01_brl", pl.col("dv01_brl") + 0.01),
    ("silver/leg_returns", "risk_prices_moves"): then(put("shock", 50.0), put("pnl_brl", 0.0), put("rolled", False)),
    ("silver/leg_returns", "bounded"): put("cost_brl", -0.01),
    ("silver/leg_returns", "shock_bounded"): put("shock", 1001.0),
    ("research/backtest_positions", "free_price"): then(
        put("trade_date", date(2019, 1, 2)), put("traded", 5), put("contracts", 5)
    ),
    ("research/backtest_positions", "bounded"): put("margin_brl", -1.0),
    ("research/backtest_trades", "bounded"): put("u_brl", -1.0),
    ("research/backtest_daily", "same_as_simulated"): put("gross_brl", pl.col("gross_brl") + 0.01),
    ("research/backtest_daily", "adds_up"): put("net_brl", pl.col("net_brl") + 0.01),
    ("research/backtest_book", "adds_up"): put("equity_brl", pl.col("equity_brl") + 0.01),
    ("research/scorecard", "bounded"): put("psr", 1.01),
    ("agents/inflation_model", "weights_sum"): scaled("value", 1.01, pl.col("parameter") == "persistence"),
    ("agents/inflation_passthrough", "converged"): then(put("r_hat", 1.2), put("status", "ok")),
    ("agents/inflation_path", "twelve_months"): without(pl.col("months_ahead") == 7),
    ("agents/inflation_path", "blend_recomputed"): put("rate", pl.col("rate") + 1e-6),
    ("agents/inflation_path", "bounded"): put("rate", 0.09),
    ("agents/inflation_view", "contributions_sum"): put("state_score", pl.col("state_score") * 0.5 - 0.01),
    ("agents/inflation_view", "bounded"): put("state_score", 1.01),
    ("agents/inflation_view", "excluded_not_zero"): then(put("status", "no_view"), put("state_score", 0.0)),
    ("agents/inflation_view", "year_recomputed"): put("pi12_model", pl.col("pi12_model") + 1e-6),
    ("agents/inflation_view", "views_follow"): put("view_brl", pl.col("view_brl") + 0.01),
    ("agents/monetary_view", "contributions_sum"): put("state_score", pl.col("state_score") * 0.5 - 0.01),
    ("agents/monetary_view", "bounded"): put("state_score", 1.01),
    ("agents/monetary_view", "score_of_the_path"): put("state_score", pl.col("state_score") + 1e-6),
    ("agents/monetary_view", "excluded_not_zero"): then(put("status", "no_view"), put("state_score", 0.0)),
    ("agents/monetary_model", "rule_in_bounds"): put("value", 0.59, pl.col("parameter") == "rho"),
    ("agents/monetary_path", "gap_recomputed"): put("gap", pl.col("gap") + 1e-6),
    ("agents/consistency", "rules_tested"): without(pl.col("rule") == "brl_against_fiscal"),
    ("agents/views", "penalty_paid"): scaled("confidence", 0.9),
    ("agents/views", "bounded"): put("score", 1.01),
    ("agents/cases", "verdicts_follow"): then(put("verdict", "inconclusive"), put("reason", "")),
    ("agents/cases", "bounded"): put("score", 1.01),
    ("agents/narrative", "numbers_proven"): put("text", "score +9.87"),
    ("agents/narrative", "facts_true"): put(
        "facts",
        pl.col("facts").list.eval(pl.element().struct.with_fields(value=pl.element().struct.field("value") + 1e-6)),
    ),
    ("agents/policy_text", "bounded"): put("score", 1.01),
    ("agents/policy_text", "sums_to_one"): then(put("p_cut", 0.5), put("p_hold", 0.5), put("p_hike", 0.5)),
    ("agents/policy_text", "all_documents"): put("text_sha256", "0" * 64),
    ("agents/policy_text", "change_adds_up"): put("change", 3.0),
    ("agents/policy_text", "previous_agrees"): put("previous_score", 0.999),
    ("agents/fx_model", "whole"): without(pl.col("parameter") == "loading"),
    ("agents/fx_model", "half_life"): then(
        put("value", -0.1, pl.col("parameter") == "loading"),
        put("value", 9.0, pl.col("parameter") == "half_life_low"),
        put("value", 5.0, pl.col("parameter") == "half_life"),
    ),
    ("agents/fx_view", "contributions_sum"): put("state_score", pl.col("state_score") * 0.5 - 0.01),
    ("agents/fx_view", "bounded"): put("state_score", 1.01),
    ("agents/fx_view", "excluded_not_zero"): then(put("status", "no_view"), put("state_score", 0.0)),
    ("agents/fx_view", "sums_to_one"): put("weight_carry", pl.col("weight_carry") + 0.01),
    ("agents/fx_view", "score_of_parts"): put("view_brl", pl.col("view_brl") * 0.5 - 0.01),
    ("agents/fx_view", "gap_of_levels"): then(put("fair_reer", 100.0), put("reer", 110.0), put("misalignment", 0.2)),
    ("agents/fiscal_model", "stable"): put("value", 1.01, pl.col("parameter") == "root"),
    ("agents/fiscal_path", "quantiles_ordered"): put("p90", pl.col("p10") - 0.01),
    ("agents/fiscal_path", "deterministic_rebuilt"): scaled("deterministic", 1.001),
    ("agents/fiscal_path", "bounded"): put("prob_up_10pp", 1.01),
    ("agents/fiscal_view", "contributions_sum"): put("state_score", 0.123),
    ("agents/fiscal_view", "bounded"): put("state_score", 1.01),
    ("agents/fiscal_view", "excluded_not_zero"): then(put("status", "no_view"), put("state_score", 0.0)),
    ("agents/fiscal_view", "stabilising_recomputed"): put("stabilising_primary", pl.col("stabilising_primary") + 1e-6),
    ("agents/fiscal_view", "views_scaled"): put("view_brl", 0.99),
    ("agents/regime_view", "contributions_sum"): put("state_score", pl.col("state_score") * 0.5 - 0.01),
    ("agents/regime_view", "sums_to_one"): scaled("p_deflation", 1.01),
    ("agents/regime_view", "views_mix"): put("view_brl", pl.col("view_brl") * 0.5 + 0.01),
    ("agents/regime_model", "chain_rows"): scaled("value", 1.01, pl.col("parameter").str.starts_with("move_")),
    ("agents/regime_model", "corners"): then(
        put("status", "ok"), put("value", -1.0, pl.col("parameter") == "mean_growth_reflation")
    ),
    ("agents/regime_model", "enough"): then(
        put("status", "ok"), put("value", 0.01, pl.col("parameter") == "share_goldilocks")
    ),
    ("agents/regime_view", "bounded"): put("state_score", 1.01),
    ("agents/regime_view", "excluded_not_zero"): then(put("status", "no_view"), put("state_score", 0.0)),
    **{(s, "bounded"): put("signal", -1.01) for s in STRATEGIES},
    **{(s, "direction_has_signal"): then(put("direction", 1), put("signal", None)) for s in STRATEGIES},
    ("signals/monitor", "events_counted"): put("value", pl.col("value") + 1.0, pl.col("kind") == "summary"),
    ("signals/monitor", "events_hold"): put("value", -1.0, pl.col("kind") == "summary"),
    ("portfolio/edges_model", "converged"): put("r_hat", 1.02),
    ("portfolio/edges_model", "recomputed"): put("mean", pl.col("mean") + 3.0),
    ("portfolio/edges", "recomputed"): put("weight", 0.3),
    ("portfolio/conviction", "contributions_sum"): put("score", pl.col("score") + 0.1),
    ("portfolio/conviction", "recomputed"): put("conviction", pl.col("conviction") + 0.1),
    ("portfolio/conviction", "bounded"): put("score", 1.01),
    ("portfolio/targets", "shares_sum"): put("shares", pl.col("shares").list.head(0), LISTED),
    ("portfolio/targets", "signs_follow_score"): put("target_contracts", -pl.col("target_contracts"), LISTED),
    ("portfolio/targets", "inside_limits"): then(scaled("dv01_brl", 500.0, LISTED), scaled("delta_brl", 500.0, LISTED)),
    ("portfolio/targets", "inside_gross"): then(
        put("target_contracts", pl.col("target_contracts") * 10**5, LISTED), scaled("delta_brl", 1e5, LISTED)
    ),
    ("portfolio/targets", "within_vol_target"): then(
        scaled("dv01_brl", 500.0, LISTED), scaled("delta_brl", 500.0, LISTED)
    ),
    ("portfolio/allocations", "within_vol_target"): put("weight", 500.0, pl.col("weight").is_not_null()),
    ("portfolio/allocations", "inside_limits"): put("weight", 500.0, pl.col("weight").is_not_null()),
    ("risk/var", "components_sum"): scaled("var_brl", 1.01, TOTAL),
    ("risk/var", "recomputed"): scaled("var_brl", 2.0, TOTAL & (pl.col("method") == "historical")),
    ("risk/var_record", "recounted"): put("exceptions", pl.col("exceptions") + 1),
    ("risk/var_record", "bounded"): put("kupiec_p", 1.01),
    ("risk/scenarios", "recomputed"): scaled("move", 1.5, pl.col("basis") != "imputed"),
    ("risk/scenarios", "published"): then(put("stated", 100.0), put("measured", 200.0)),
    ("risk/stress", "signs"): put("pnl_brl", -pl.col("pnl_brl"), pl.col("pnl_brl").fill_null(0) != 0),
    ("risk/stress", "recomputed"): scaled("pnl_brl", 1.5, pl.col("pnl_brl").fill_null(0) != 0),
    ("risk/stress", "replays_recomputed"): scaled("shock", 1.1, pl.col("scenario").str.ends_with(":window")),
    ("risk/reverse_stress", "recomputed"): scaled("move", 1.1, pl.col("move").is_not_null()),
    ("risk/liquidity", "recomputed"): scaled("close_cost_brl", 3.0, pl.col("close_cost_brl").fill_null(0) != 0),
    ("risk/limits", "measured"): then(put("value", None), put("status", "ok")),
    ("risk/limits", "no_breach"): put("status", "breach"),
    ("risk/limits", "recomputed"): put("value", pl.col("value") + 1e-6, pl.col("limit") == "margin"),
    ("risk/breakers", "losses"): put("loss", 0.5, pl.col("breaker") == "week_halve"),
    ("risk/breakers", "actions"): put("action", "halve", ~pl.col("tripped")),
    ("risk/breakers", "switch"): put("tripped", True, pl.col("breaker") == "kill_switch"),
    ("risk/breakers", "not_tripped"): put("tripped", True),
    ("pms/fills", "in_ledger"): put("fill_id", "0" * 12),
    ("pms/positions", "fills_sum"): put("quantity", pl.col("quantity") + 1),
    ("pms/marks", "settlement_first"): put("source", "model"),
    ("pms/marks", "two_people"): put("source", "override"),
    ("pms/positions", "marked"): put("mark_basis", "previous"),
    ("pms/explain", "adds_up"): put("pnl_brl", pl.col("pnl_brl") + CENT),
    ("pms/explain", "residual"): then(
        put("component", "residual"), put("pnl_brl", pl.lit("60000.00").str.to_decimal(scale=2))
    ),
    ("pms/nav", "ties"): put("nav_brl", pl.col("nav_brl") + CENT),
    ("pms/nav", "bounded"): put("fund_index", 0.49),
    ("pms/performance", "agrees"): put("open_pnl_brl", pl.col("open_pnl_brl") + CENT, pl.col("period") == "inception"),
    ("pms/performance", "bounded"): put("hit_rate", 1.1),
    ("pms/reconciliation", "agrees"): put("theirs", pl.col("theirs") + 1.0),
    ("pms/trade_proposals", "in_ledger"): put("proposal_id", "0" * 12),
    ("pms/trade_proposals", "adds_up"): put("position_after", pl.col("position_after") + 1),
    ("pms/trade_proposals", "only_reducing"): under_a_breaker,
    ("pms/trade_proposals", "told"): put("narrative", "It makes BRL 123,456,789."),
    ("pms/trade_proposals", "not_blocked"): lambda run, frame: frame.clear(),
    ("pms/orders", "in_ledger"): put("order_id", "0" * 12),
    ("pms/orders", "approved"): put("approved_by", ""),
    ("pms/orders", "working"): put("order_id", "0" * 12),
    ("quality/sources", "all_scored"): without(pl.col("source") == "fred"),
    ("quality/sources", "complete"): put("score", 0.5),
    ("quality/cross_source", "agree"): put("agrees", False),
    ("quality/revisions", "adds_up"): put("change", pl.col("change") + 1.0),
    ("quality/verdicts", "all_judged"): without(pl.col("asset") == "risk/var"),
    ("reports/morning_pack", "reads_back"): put("text", "123,456.78"),
    ("reports/morning_pack", "levels_agree"): scaled("value", 1.001, pl.col("section") == "markets"),
}


def corruption_of(asset: str, check: str) -> Corruption | None:
    return CORRUPTIONS.get((asset, check)) or CORRUPTIONS.get(("*", check))


@lru_cache(maxsize=8)
def _newest(root: Path, asset: str) -> tuple[date, pl.DataFrame, dict[str, pl.DataFrame]]:
    """The newest partition of the asset with rows, read once for all its checks: key, rows, what lies beside them."""
    lake = Lake(root)
    key = next(k for k in reversed(lake.keys(asset)) if lake.read(asset, only=[k]).height)
    sides = ((kind.key, side_table(kind, asset)) for kind in (QUARANTINE, FAILURES))
    beside = {name: lake.read(side.key, only=[key], table=side) for name, side in sides}
    return key, lake.read(asset, only=[key]), beside


def latest(home: Home, node: Node) -> tuple[Run, pl.DataFrame]:
    """A run of the newest partition of the node that has rows, with what lies beside it, and its frame."""
    key, frame, beside = _newest(home.lake.root, node.key)
    return Run(home, node.table, (key,), side=dict(beside)), frame


def problems(node: Node, check: str, run: Run, frame: pl.DataFrame) -> list[tuple[date, str]]:
    found = [c for c in node.checks if c.name == check]
    assert len(found) == 1, f"{node.key} has {len(found)} checks named {check}"
    return found[0].problems(run, frame)


def test_every_check_has_a_corruption_and_every_corruption_a_check():
    naked = [f"{a} {c}" for a, c in CHECKS if corruption_of(a, c) is None]
    assert not naked, f"show that these can fail: add a corruption for {naked}"
    names = {c for _, c in CHECKS}
    left_over = [(a, c) for a, c in CORRUPTIONS if (a, c) not in CHECKS and not (a == "*" and c in names)]
    assert not left_over, f"no such check (any more): {left_over}"


def test_the_source_without_rows_has_no_check_of_its_own(running_home: Home):
    own = next(n for n in nodes.NODES if n.key == WITHOUT_ROWS)
    assert {c.name for c in own.checks} <= {c for a, c in CHECKS if a.startswith("bronze/")}
    assert not running_home.lake.read(WITHOUT_ROWS).height
    assert not running_home.settings.series_of("licensed_prices")


@pytest.mark.parametrize(("asset", "check"), CHECKS)
def test_a_check_is_silent_on_a_fund_that_works(running_home: Home, asset: str, check: str):
    run, frame = latest(running_home, NODES[asset])
    found = problems(NODES[asset], check, run, frame)
    if (asset, check) not in MARKET_FACTS:
        assert found == []


@pytest.mark.parametrize(("asset", "check"), CHECKS)
def test_a_check_speaks_when_its_table_is_spoilt(running_home: Home, copy_home: CopyHome, asset: str, check: str):
    corrupt = corruption_of(asset, check)
    assert corrupt is not None
    home = copy_home(running_home, raw=False) if corrupt in WRITE_TO_THE_LAKE else running_home
    run, frame = latest(home, NODES[asset])
    found = problems(NODES[asset], check, run, corrupt(run, frame))
    assert found, f"{asset} {check} accepts a spoilt table"
    assert {s for s, _ in found} <= set(run.sessions), "a problem is told of a session outside the run"
    assert all(text.strip() for _, text in found)


@pytest.mark.parametrize("column", ["primary_12m", "primary_gap"])
def test_a_fiscal_gap_stands_exactly_where_the_primary_balance_does(running_home: Home, column: str):
    run, frame = latest(running_home, NODES["agents/fiscal_view"])
    assert problems(NODES["agents/fiscal_view"], "stabilising_recomputed", run, put(column, None)(run, frame))


@pytest.mark.parametrize("asset", sorted(NODES))
def test_every_shape_is_checked(running_home: Home, asset: str):
    node = NODES[asset]
    _, frame = latest(running_home, node)
    assert not any(shape_problems(node.table, frame))
    required = node.table.required[0]
    spoilt = {
        "missing": frame.drop(required),
        "unknown": frame.with_columns(pl.lit(1).alias("extra")),
        "nulls": frame.with_columns(pl.lit(None, frame.schema[required]).alias(required)),
        "share the key": pl.concat([frame, frame.head(1)]) if node.table.unique else frame.drop(required),
    }
    for name in (n for n, t in frame.schema.items() if t.is_float()):
        spoilt[f"NaN {name}"] = frame.with_columns(pl.lit(float("nan")).alias(name))
    accepted = [what for what, bad in spoilt.items() if not any(shape_problems(node.table, bad))]
    assert not accepted


# dbt: one statement a test, on the tables that the models made

ROW = "(select * replace ({new}) from main.{table} limit 1)"


def one_more(table: str, new: str) -> str:
    return f"insert into main.{table} {ROW.format(table=table, new=new)}"


SPOILT = {
    **{
        f"not_null_observations_{c}": one_more("observations", f"null as {c}")
        for c in ("session", "series_id", "event_date", "value", "knowledge_time")
    },
    "accepted_values_observations_knowledge_basis__vintage__calendar__lag__observed": one_more(
        "observations", "'guess' as knowledge_basis"
    ),
    "observations_one_row_per_vintage": one_more("observations", "'other' as source"),
    **{
        f"not_null_as_known_{c}": one_more("as_known", f"null as {c}")
        for c in ("session", "series_id", "event_date", "value")
    },
    **{f"not_null_focus_{c}": one_more("focus", f"null as {c}") for c in ("value", "knowledge_time")},
    "accepted_values_focus_status__ok__stale": one_more("focus", "'fine' as status"),
    "focus_one_row_per_period": one_more("focus", "0.5 as value"),
    "focus_never_from_the_future": one_more("focus", "knowledge_time + interval 40 years as knowledge_time"),
    **{
        f"not_null_positioning_{c}": one_more("positioning", f"null as {c}")
        for c in ("net_contracts", "knowledge_time")
    },
    "accepted_values_positioning_status__ok__stale__missing": one_more("positioning", "'fine' as status"),
    "positioning_within_open_interest": one_more("positioning", "1.01 as value"),
    "positioning_never_from_the_future": one_more(
        "positioning", "knowledge_time + interval 40 years as knowledge_time"
    ),
    "as_known_never_from_the_future": one_more("as_known", "knowledge_time + interval 40 years as knowledge_time"),
}


def dbt_checks() -> set[str]:
    keys = harness.graph().resolve_asset_graph().asset_check_keys
    return {k.name for k in keys if "/".join(k.asset_key.path) in MODELS}


def test_every_dbt_test_has_a_corruption():
    assert dbt_checks() == set(SPOILT)


def test_dbt_tests_fail_on_spoilt_tables(running_home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    from dbt.cli.main import dbtRunner

    project, run = own_project(tmp_path), Run(running_home, TABLES[MODELS[0]], (running_home.inception,))
    scratch = project / SCRATCH
    fill_scratch(scratch, run)
    with duckdb.connect(str(scratch)) as db:
        db.execute("set timezone = 'UTC'")
        for model in MODELS:
            db.register("incoming", running_home.lake.read(model, only=run.keys).to_arrow())
            db.execute(f"create table main.{model.split('/')[1]} as select * from incoming")
            db.unregister("incoming")
        for statement in SPOILT.values():
            db.execute(statement)
    monkeypatch.chdir(project)
    where = ["--project-dir", str(project), "--profiles-dir", str(project)]
    out = ["--target-path", str(tmp_path / "target"), "--log-path", str(tmp_path / "logs")]
    dbtRunner().invoke(["--quiet", "test", *where, *out])
    results = json.loads((tmp_path / "target" / "run_results.json").read_text())["results"]
    said = {r["unique_id"].split(".")[2]: r["status"] for r in results}
    assert said == dict.fromkeys(SPOILT, "fail")
