"""Tables to arrays: what the morning knows, which settlement pays, and days that only a foreign market had."""

from __future__ import annotations

from datetime import date

import numpy as np
import polars as pl
import pytest

from macro_fund.backtest.market import market, trades
from macro_fund.settings import default_settings
from macro_fund.store.tables import TABLES

BY_ID = {i.id: i for i in default_settings().instruments}
TWO = [BY_ID["DI1_2Y"], BY_ID["ZF"]]
# Monday to Friday; Wednesday the exchange is closed, the Treasury market is not.
SESSIONS = [date(2024, 3, 4), date(2024, 3, 5), date(2024, 3, 7), date(2024, 3, 8)]


def legs(*rows: tuple[date, date, str, float | None, float]) -> pl.DataFrame:
    """(session, trade_date, instrument, pnl, dv01)."""
    frame = pl.DataFrame(
        [(s, d, i, "listed", 0.1, 1.0, p, v, 0.0, 3.0, 50.0, False, False) for s, d, i, p, v in rows],
        schema=TABLES["silver/leg_returns"].schema,
        orient="row",
    )
    return frame.sort("session", "trade_date", "instrument")


MON, TUE, THU, FRI = SESSIONS
WED = date(2024, 3, 6)
ROWS = (
    (TUE, MON, "DI1_2Y", None, 13.0),
    (THU, TUE, "DI1_2Y", 10.0, 13.1),
    (FRI, THU, "DI1_2Y", 20.0, 13.2),
    (TUE, MON, "ZF", None, 100.0),
    (THU, TUE, "ZF", 1.0, 101.0),
    (THU, WED, "ZF", 2.0, 102.0),
    (FRI, THU, "ZF", 4.0, 103.0),
)


def test_the_morning_knows_the_settlement_before() -> None:
    found = market(legs(*ROWS), TWO, SESSIONS)
    assert found.known_unit[:, 0].tolist() == pytest.approx([np.nan, 13.0, 13.1, 13.2], nan_ok=True)
    assert found.known_unit[:, 1].tolist() == pytest.approx([np.nan, 100.0, 102.0, 103.0], nan_ok=True)


def test_a_settlement_pays_on_its_day_and_a_foreign_day_with_the_next_session() -> None:
    found = market(legs(*ROWS), TWO, SESSIONS)
    assert found.pnl[:, 0].tolist() == [0.0, 10.0, 20.0, 0.0]
    assert found.pnl[:, 1].tolist() == [0.0, 1.0, 6.0, 0.0]
    assert found.open.tolist() == [[True, True], [True, True], [True, True], [False, False]]


def test_a_day_that_was_given_again_pays_its_newest_number_and_was_not_known_before() -> None:
    again = market(legs(*ROWS, (FRI, TUE, "DI1_2Y", 11.0, 99.0)), TWO, SESSIONS)
    assert again.pnl[1, 0] == 11.0
    assert again.known_unit[2, 0] == 13.1


def test_an_instrument_without_settlements_is_dead_after_a_week_and_keeps_its_last_cost() -> None:
    days = pl.date_range(date(2024, 3, 4), date(2024, 3, 15), "1d", eager=True).to_list()
    found = market(legs((TUE, MON, "DI1_2Y", None, 13.0)), TWO, days)
    assert found.dead[:, 0].tolist() == [False] * 6 + [True] * 6
    assert found.cost[:, 0].tolist() == [3.0] * 12
    assert np.isnan(found.cost[:, 1]).all()


def signals(**changes: object) -> pl.DataFrame:
    row = {
        "session": TUE, "strategy_id": "S", "trade": "pair", "instrument": "DI1_2Y", "signal": 0.6, "z": 1.0,
        "direction": 1, "strength": 0.6, "leg_weight": 1.0, "entry_level": None, "trade_level": None,
        "stop_level": None, "target_level": None, "sigma_daily": 4.0,
        "horizon_days": 21, "confidence": 0.5, "status": "ok", "reason": "r",
    }  # fmt: skip
    rows = [row | changes, row | {"instrument": "ZF", "leg_weight": -0.8, "direction": -1} | changes]
    return pl.DataFrame(rows, schema=TABLES["signals/fx_02"].schema)


def test_signals_become_positions_in_the_asset_sense() -> None:
    paid = market(legs(*ROWS), TWO, SESSIONS)
    found = trades(signals(signal=-0.6, direction=-1), paid, BY_ID)
    assert found.keys == [("S", "pair")]
    assert found.position[:, 0].tolist() == [0, -1, 0, 0]
    assert found.view[:, 0].tolist() == [False, True, False, False]
    assert found.weight[1, 0].tolist() == [1.0, -0.8]
    assert found.instrument.tolist() == [[0, 1]]
    assert found.horizon.tolist() == [21]


def test_a_row_without_a_view_is_silence_not_flat() -> None:
    paid = market(legs(*ROWS), TWO, SESSIONS)
    found = trades(signals(signal=None, strength=0.0, status="no_view"), paid, BY_ID)
    assert found.view[:, 0].tolist() == [False] * 4
    assert found.position[:, 0].tolist() == [0] * 4


def test_an_instrument_that_the_market_lacks_is_named() -> None:
    paid = market(legs(*ROWS), [BY_ID["ZF"]], SESSIONS)
    with pytest.raises(ValueError, match="signals trade DI1_2Y, which silver/leg_returns lacks"):
        trades(signals(), paid, BY_ID)
