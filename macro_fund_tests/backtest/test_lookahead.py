"""The detector finds a planted leak and names it, and finds nothing where there is none."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import polars as pl
import pytest

from macro_fund.backtest.lookahead import leaks, named, with_final_values
from macro_fund.settings import default_settings
from macro_fund.strategies.panel import Panel
from macro_fund.strategies.registry import RegisteredStrategy, all_strategies, get
from macro_fund_tests.strategies.frames import world

W = world(700)
PROBES = [W.keys[-200], W.keys[-77], W.keys[-5]]


def honest(strategy_id: str):
    strategy, params = get(strategy_id), default_settings().strategy(strategy_id)
    return lambda panel, sessions: strategy.signals(panel, params, sessions)


def leaky(panel: Panel, sessions: list[date]) -> pl.DataFrame:
    """FX-02 with tomorrow's exchange rate in today's row."""
    ahead = pl.col("value").shift(-1).over("series_id")
    of_dollar = pl.col("series_id") == "br_usdbrl_ptax_ask"
    known = panel.as_known.sort("series_id", "session").with_columns(
        pl.when(of_dollar).then(pl.coalesce(ahead, "value")).otherwise("value").alias("value")
    )
    tables = {**panel.tables, "silver/as_known": known.sort("session", "series_id")}
    return honest("FX-02")(replace(panel, tables=tables), sessions)


@pytest.mark.parametrize("strategy", all_strategies(), ids=lambda s: s.id)
def test_no_strategy_reads_ahead(strategy: RegisteredStrategy) -> None:
    assert named(leaks(honest(strategy.id), W.panel, PROBES)) == []


def test_a_leak_of_one_day_is_caught_and_named() -> None:
    words = named(leaks(leaky, W.panel, PROBES))
    assert any(w.startswith("FX-02 DOL_1M: signal of ") and "reads what was not known" in w for w in words)


def test_final_values_replace_the_first_vintages() -> None:
    rows = W.panel.as_known.filter(pl.col("series_id") == "br_ibc_br_sa")
    session, event = rows.row(-1, named=True)["session"], rows.row(-1, named=True)["event_date"]
    last = W.observations.filter((pl.col("series_id") == "br_ibc_br_sa") & (pl.col("event_date") == event))
    revised = pl.concat(
        [W.observations, last.with_columns(pl.col("knowledge_time").dt.offset_by("400d"), value=pl.lit(123.0))]
    )
    found = with_final_values(W.panel.as_known, revised)
    assert found.filter((pl.col("series_id") == "br_ibc_br_sa") & (pl.col("session") == session))["value"][0] == 123.0
    assert found.height == W.panel.as_known.height
