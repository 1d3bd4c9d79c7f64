"""What strategies share: hysteresis, levels, reasons."""

from __future__ import annotations

from datetime import date

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from macro_fund.settings import Strategy, default_settings
from macro_fund.strategies.panel import Panel
from macro_fund.strategies.rows import hysteresis, instrument_state, leg_rows, parameter
from macro_fund_tests.strategies.frames import world

NAN = float("nan")
signal = st.lists(st.one_of(st.just(NAN), st.floats(-1, 1)), max_size=40)


def walk(*values: float) -> list[int]:
    return hysteresis(np.array(values), enter=0.35, leave=0.15).tolist()


def test_in_at_the_outer_band_out_at_the_inner_one() -> None:
    assert walk(0.2, 0.34, 0.35, 0.2, 0.16, 0.15, 0.3, -0.35, -0.2, -0.1) == [0, 0, 1, 1, 1, 0, 0, -1, -1, 0]


def test_a_turn_of_sign_leaves_and_may_enter_at_once() -> None:
    assert walk(0.5, -0.2) == [1, 0]
    assert walk(0.5, -0.5) == [1, -1]


def test_a_day_without_a_signal_neither_enters_nor_leaves() -> None:
    assert walk(0.5, NAN, 0.2, NAN, NAN, 0.1, 0.2) == [1, 0, 1, 0, 0, 0, 0]


@given(signal, st.integers(0, 40))
@settings(max_examples=80, deadline=None)
def test_the_past_decides_alone(values: list[float], cut: int) -> None:
    whole = hysteresis(np.array(values, dtype=float), 0.35, 0.15)
    assert hysteresis(np.array(values[:cut], dtype=float), 0.35, 0.15).tolist() == whole[:cut].tolist()
    assert all(p == 0 or (abs(s) > 0.15 and np.sign(s) == p) for p, s in zip(whole.tolist(), values, strict=True))


def leg(instrument_id: str, direction: int, level: float | None, sigma: float | None) -> dict[str, object]:
    panel = world(300).panel
    params = Strategy(id="FX-02", instruments=[instrument_id], horizon_days=16, enter=0.3, exit=0.1)
    frame = pl.DataFrame(
        {
            "session": [date(2011, 1, 3)],
            "signal": [0.5 * direction],
            "z": [1.0],
            "position": [direction],
            "confidence": [0.8],
            "status": ["ok"],
            "reason": ["because"],
            "entry_level": [level],
            "sigma_daily": [sigma],
        },
        schema_overrides={"entry_level": pl.Float64, "sigma_daily": pl.Float64},
    )
    return leg_rows(frame, panel, params, instrument_id).row(0, named=True)


def test_levels_of_a_receiver_and_a_payer() -> None:
    # u = 10 bp x sqrt(16) = 40 bp: stop 60 bp against, target 100 bp in favour; a receiver gains when rates fall.
    receive = leg("DI1_2Y", 1, 0.13, 10.0)
    assert receive["stop_level"] == pytest.approx(0.136, abs=1e-12)
    assert receive["target_level"] == pytest.approx(0.120, abs=1e-12)
    pay = leg("DI1_2Y", -1, 0.13, 10.0)
    assert pay["stop_level"] == pytest.approx(0.124, abs=1e-12)
    assert pay["target_level"] == pytest.approx(0.140, abs=1e-12)


def test_levels_of_long_brl_are_those_of_a_short_dol() -> None:
    row = leg("DOL_1M", 1, 5000.0, 0.01)
    assert row["signal"] > 0
    assert row["direction"] == -1
    assert row["stop_level"] == pytest.approx(5000 * np.exp(0.06))
    assert row["target_level"] == pytest.approx(5000 * np.exp(-0.10))


def test_flat_has_an_entry_level_and_nothing_else() -> None:
    row = leg("IND_2M", 0, 100_000.0, 0.01)
    assert (row["entry_level"], row["stop_level"], row["target_level"], row["strength"]) == (100_000.0, None, None, 0.0)


def test_without_a_listed_price_the_signal_stays_and_says_so() -> None:
    row = leg("IND_2M", 1, None, 0.01)
    assert row["signal"] == 0.5
    assert row["direction"] == 1
    assert row["strength"] == 0.5
    assert row["entry_level"] is None
    assert row["stop_level"] is None
    assert row["target_level"] is None
    assert row["reason"] == "because; IND_2M has no listed price this session: no entry, stop or target"


def test_state_of_an_instrument_by_hand() -> None:
    panel = world(300).panel
    grid = panel.grid(world(300).keys)
    state = instrument_state(panel, "DI1_2Y", grid).row(-1, named=True)
    rows = panel.instrument_returns.filter(pl.col("instrument") == "DI1_2Y")
    assert state["entry_level"] == rows["rate"][-1]
    assert state["sigma_daily"] == pytest.approx(np.std(rows["shock"].to_numpy()[-63:], ddof=1), abs=1e-12)


def test_volatility_of_a_contract_that_stopped_trading_expires() -> None:
    w = world(300)
    gone = w.panel.instrument_returns.filter((pl.col("instrument") != "IND_2M") | (pl.col("session") < w.keys[-8]))
    state = instrument_state(w.with_panel(instrument_returns=gone).panel, "IND_2M", w.panel.grid(w.keys))
    assert state["entry_level"].to_list()[-9:-6] == [state["entry_level"][-9], None, None]
    assert state["sigma_daily"][-6] is not None
    assert state["sigma_daily"][-1] is None


def test_a_missing_parameter_names_strategy_and_file() -> None:
    params = default_settings().strategy("FX-02")
    assert parameter(params, "z_window") == 504.0
    with pytest.raises(ValueError, match=r"FX-02: params\.nothing must be a number in config/strategies\.yaml"):
        parameter(params, "nothing")


def test_an_unknown_instrument_is_named() -> None:
    panel = world(300).panel
    with pytest.raises(ValueError, match="panel has no instrument ZZZ"):
        panel.instrument("ZZZ")
    assert isinstance(panel, Panel)
