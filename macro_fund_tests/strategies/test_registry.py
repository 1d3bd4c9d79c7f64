"""Registry: every configured strategy has code, a claim and a table."""

from __future__ import annotations

import pytest

from macro_fund.settings import default_settings
from macro_fund.store.tables import TABLES
from macro_fund.strategies.registry import all_strategies, get, register


def test_config_and_code_name_the_same_strategies() -> None:
    assert [s.id for s in all_strategies()] == sorted(s.id for s in default_settings().strategies)


def test_each_has_a_claim_inputs_and_a_table() -> None:
    known = {s.id for s in default_settings().series}
    for strategy in all_strategies():
        assert strategy.hypothesis
        assert strategy.falsified_by
        assert set(strategy.inputs) <= set(TABLES)
        assert set(strategy.series) <= known
        assert strategy.table in TABLES


def test_an_unknown_strategy_is_named() -> None:
    with pytest.raises(ValueError, match=r"no strategy FX-99; there are CROSS-.*, RATES-01, "):
        get("FX-99")


def test_an_id_is_taken_once() -> None:
    with pytest.raises(ValueError, match="RATES-01 is registered twice"):
        register("RATES-01", hypothesis="h", falsified_by="f", inputs=(), series=())(get("RATES-01").signals)
