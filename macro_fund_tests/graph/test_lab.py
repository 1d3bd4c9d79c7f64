"""The laboratory and the graph agree: a strategy as configured earns in a backtest what the pro-forma tables say."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from macro_fund.home import Home
from macro_fund.research.study import open_study
from macro_fund.strategies.registry import all_strategies

pytestmark = pytest.mark.graph


def test_the_backtest_is_the_pro_forma_record(
    opened_home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MACRO_FUND_LEDGER_URL", f"sqlite:///{tmp_path / 'ledger.sqlite'}")
    home = Home.open(opened_home.path)
    study = open_study(home, None, None, home.sessions.as_of(home.inception))
    daily = home.lake.read("research/backtest_daily").sort("trade_date")
    traded = 0
    for strategy in all_strategies():
        outcome = study.run(strategy, [study.configured(strategy)])[0]
        rows = daily.filter(pl.col("strategy_id") == strategy.id)
        assert rows["trade_date"].to_list() == outcome.sessions.tolist(), strategy.id
        np.testing.assert_allclose(rows["gross_brl"], outcome.gross, atol=0.005, err_msg=strategy.id)
        np.testing.assert_allclose(rows["cost_brl"], outcome.cost, atol=0.005, err_msg=strategy.id)
        np.testing.assert_allclose(rows["margin_brl"], outcome.margin, atol=0.005, err_msg=strategy.id)
        traded += bool(outcome.held.any())
    assert traded > 0
    assert home.ledger.trials().height == len(all_strategies())
