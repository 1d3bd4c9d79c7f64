"""A session with a book, proposals and everything that their fields are made of, in the market of the risk tests."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from decimal import Decimal
from functools import cache
from typing import Any

import polars as pl

from macro_fund.instruments.contracts import load_specs
from macro_fund.pms.costs import trade_cost
from macro_fund.pms.fields import Evidence, Setting, with_fields
from macro_fund.portfolio.ageing import Input
from macro_fund.risk.exposures import exposures
from macro_fund.risk.limits import limit_use
from macro_fund.risk.liquidity import liquidity
from macro_fund.risk.scenarios import scenario_moves
from macro_fund.risk.stress import stress
from macro_fund.risk.var import value_at_risk
from macro_fund.settings import Settings
from macro_fund.store.tables import TABLES
from macro_fund.time.calendars import load_calendar
from macro_fund_tests.pms.builders import CAPITAL, SETTINGS, frame, proposal, share, utc
from macro_fund_tests.portfolio.world import BDAYS, CONTRACTS, market, sessions_of
from macro_fund_tests.risk.factor_world import book, factor_shocks

RETURNS, SHOCKS = market(1000), factor_shocks(1000)
DAY = sessions_of(RETURNS)[-1]
CLOSE = sessions_of(RETURNS)[-2]
OWNERS = {n: share(FX_02=1.0) if n == "DOL_1M" else share(RATES_01=0.75, CROSS_02=0.25) for n in CONTRACTS}
EXPECTED = {"DI1_2Y": 0.02, "DI1_5Y": -0.01, "DOL_1M": 0.05, "IND_2M": 0.04}
Counts = Mapping[str, int]


def marks_of_day() -> dict[str, dict[str, Any]]:
    return {r["instrument"]: r for r in RETURNS.filter(session=DAY).to_dicts()}


def targets_of(counts: Counts) -> pl.DataFrame:
    """portfolio/targets of DAY: every instrument of the market, those not named at zero."""
    rows = book({n: counts.get(n, 0) for n in CONTRACTS}, [DAY], RETURNS).to_dicts()
    prices = {n: m["price"] for n, m in marks_of_day().items()}
    named = [r | {"price": prices[r["instrument"]], "shares": OWNERS[r["instrument"]] if r["target_contracts"] else []}
             for r in rows]  # fmt: skip
    return pl.DataFrame(named, schema=TABLES["portfolio/targets"].schema)


@cache
def scenarios() -> pl.DataFrame:
    return scenario_moves(SHOCKS, SETTINGS, [DAY])


def risk_tables(counts: Counts, settings: Settings = SETTINGS) -> dict[str, pl.DataFrame]:
    """risk/* of DAY for a target book of these contracts, as the fund's own graph computes them."""
    targets = targets_of(counts)
    seen = exposures(targets, RETURNS, settings.instruments, [DAY])
    var = value_at_risk(targets, seen, SHOCKS, RETURNS, settings.instruments, [DAY])
    loss = stress(targets, RETURNS, seen, scenarios(), SHOCKS, settings, [DAY])
    margin = liquidity(targets, RETURNS, settings, load_specs(), [DAY], trade_cost)
    use = limit_use(targets, var, loss, margin, settings, [DAY])
    return {"var": var, "stress": loss, "liquidity": margin, "limits": use}


def positions_of(counts: Counts) -> pl.DataFrame:
    marks = marks_of_day()
    rows = [
        {
            "session": DAY,
            "trade_date": CLOSE,
            "contract": CONTRACTS[n],
            "instrument": n,
            "quantity": q,
            "mark_price": marks[n]["price"],
            "mark_rate": marks[n]["rate"],
            "mark_basis": "settlement",
            "dv01_brl": q * marks[n]["dv01_brl"],
            "delta_brl": q * marks[n]["delta_brl"],
        }
        for n, q in counts.items()
        if q
    ]
    return frame("pms/positions", rows)


def trades_of(before: Counts, trades: Counts, **given: Any) -> pl.DataFrame:
    """pms/trade_proposals without their fields: one trade for each instrument."""
    rows = []
    for n, q in trades.items():
        held, words = before.get(n, 0), {"screen_side": f"key {CONTRACTS[n]}", "gain_if": "you gain"}
        trade = {"instrument": n, "contract": CONTRACTS[n], "quantity": q, "shares": OWNERS[n], "stop_level": None}
        trade |= {"position_before": held, "position_after": held + q, "expected_cost_brl": Decimal("1000.00")}
        rows.append(proposal(session=DAY, proposal_id=f"p_{n}", **{**trade, **words, **given}))
    return frame("pms/trade_proposals", rows).sort("proposal_id")


def evidence(before: Counts, trades: Counts, **given: pl.DataFrame) -> Evidence:
    after = {n: before.get(n, 0) + trades.get(n, 0) for n in CONTRACTS}
    fills = [
        {"session": DAY, "trade_date": CLOSE, "fill_id": f"f{n}", "instrument": n, "contract": CONTRACTS[n],
         "quantity": q, "shares": OWNERS[n]}
        for n, q in before.items() if q
    ]  # fmt: skip
    fill_schema = {"session": pl.Date, "trade_date": pl.Date, "fill_id": pl.String, "instrument": pl.String,
                   "contract": pl.String, "quantity": pl.Int64,
                   "shares": TABLES["pms/trade_proposals"].schema["shares"]}  # fmt: skip
    tables: dict[str, pl.DataFrame] = {
        "targets": targets_of(after),
        "positions": positions_of(before),
        "nav": pl.DataFrame({"session": [DAY], "trade_date": [CLOSE], "nav_brl": [CAPITAL]}),
        "conviction": frame("portfolio/conviction", [_scores(n) for n in EXPECTED]),
        "allocations": frame("portfolio/allocations", [_allocation(n, x) for n, x in EXPECTED.items()]),
        "signals": TABLES["signals/rates_01"].empty(),
        "marks": pl.DataFrame(
            {"session": [DAY] * len(CONTRACTS), "trade_date": [CLOSE] * len(CONTRACTS),
             "contract": [CONTRACTS[n] for n in CONTRACTS], "root": [n[:3] for n in CONTRACTS],
             "bdays": [BDAYS[n] for n in CONTRACTS]}
        ),
        "fills": pl.DataFrame(fills, schema=fill_schema, orient="row"),
        "panel": pl.DataFrame(
            {"session": [DAY] * 2, "series_id": ["slow", "meeting"],
             "event_date": [DAY - timedelta(days=28), date(2010, 1, 1)]}
        ),
        "shocks": SHOCKS,
        "scenarios": scenarios(),
    }  # fmt: skip
    return Evidence(**(tables | given))


def _scores(name: str) -> dict[str, Any]:
    parts = [("RATES-01", 0.5, 0.4), ("CROSS-02", -0.2, 0.3), ("prior", 0.01, 1.0)]
    row: dict[str, Any] = dict.fromkeys(TABLES["portfolio/conviction"].schema)
    return row | {"session": DAY, "instrument": name, "contributions": [
        {"strategy_id": s, "signal": x, "confidence": 0.5, "weight": w} for s, x, w in parts]}  # fmt: skip


def _allocation(name: str, expected: float) -> dict[str, Any]:
    row: dict[str, Any] = dict.fromkeys(TABLES["portfolio/allocations"].schema)
    return row | {"session": DAY, "method": "black_litterman", "instrument": name, "expected": expected}


RULE = SETTINGS.series[0].publication
SETTING = Setting(
    SETTINGS,
    {"RATES-01": [Input("slow", "M", RULE), Input("meeting", "E", RULE), Input("silver/di_curve", "D", RULE)]},
    load_calendar("anbima"),
    {DAY: utc(2013, 1, 1)},
)


def fields_of(before: Counts, trades: Counts, **given: pl.DataFrame) -> dict[str, dict[str, Any]]:
    """Rows with their fields, by instrument."""
    out = with_fields(trades_of(before, trades), evidence(before, trades, **given), SETTING)
    return {r["instrument"]: r for r in out.to_dicts()}
