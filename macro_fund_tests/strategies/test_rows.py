"""What strategies share: hysteresis, levels, reasons."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from macro_fund.settings import Strategy, default_settings
from macro_fund.strategies.panel import Panel
from macro_fund.strategies.rows import Leg, hysteresis, parameter, trade_rows, trade_state
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
@settings(max_examples=80)
def test_the_past_decides_alone(values: list[float], cut: int) -> None:
    whole = hysteresis(np.array(values, dtype=float), 0.35, 0.15)
    assert hysteresis(np.array(values[:cut], dtype=float), 0.35, 0.15).tolist() == whole[:cut].tolist()
    assert all(p == 0 or (abs(s) > 0.15 and np.sign(s) == p) for p, s in zip(whole.tolist(), values, strict=True))


def priced(**legs: tuple[float | None, float]) -> Panel:
    """The last 70 sessions of the small world; each leg at its last level with moves of exactly that deviation."""
    w = world(300)
    keys, parts = w.keys[-70:], []
    table = w.panel.table("silver/leg_returns")
    for number, (name, (level, sigma)) in enumerate(legs.items()):
        noise = np.random.default_rng(number).normal(size=70)
        noise *= sigma / np.std(noise[-63:], ddof=1)
        rows = table.filter((pl.col("instrument") == name) & pl.col("session").is_in(keys))
        rows = rows.with_columns(pl.Series("shock", noise), pl.lit(level or 1.0).alias("level"))
        parts.append(rows if level is not None else rows.head(69))
    tables = {**w.panel.tables, "silver/leg_returns": pl.concat(parts).sort("session", "instrument")}
    return replace(w.panel, tables=tables)


def traded(panel: Panel, legs: list[Leg], direction: int, **columns: float) -> list[dict[str, object]]:
    """The last session's rows of one trade."""
    params = Strategy(id="FX-02", instruments=[leg.instrument for leg in legs], horizon_days=16, enter=0.3, exit=0.1)
    grid = panel.grid(world(300).keys)
    frame = grid.with_columns(
        pl.lit(0.5 * direction).alias("signal"),
        pl.lit(1.0).alias("z"),
        pl.lit(direction).alias("position"),
        pl.lit(0.8).alias("confidence"),
        pl.lit("ok").alias("status"),
        pl.lit("because").alias("reason"),
        *(pl.lit(v).alias(k) for k, v in columns.items()),
    )
    rows = trade_rows(frame, panel, params, legs)
    return rows.filter(pl.col("session") == grid["session"][-1]).to_dicts()


def leg(instrument_id: str, direction: int, level: float | None, sigma: float) -> dict[str, object]:
    return traded(priced(**{instrument_id: (level, sigma)}), [Leg(instrument_id)], direction)[0]


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
    assert row["reason"] == "because; IND_2M has no price this session: no entry, stop or target"


def state(panel: Panel, name: str) -> pl.DataFrame:
    return trade_state(panel.grid(world(300).keys), panel, [Leg(name)])


def test_state_of_an_instrument_by_hand() -> None:
    panel = world(300).panel
    found = state(panel, "DI1_2Y").row(-1, named=True)
    rows = panel.table("silver/leg_returns").filter(pl.col("instrument") == "DI1_2Y")
    assert found["trade_level"] == found["_level_0"] == rows["level"][-1]
    assert found["sigma_daily"] == pytest.approx(np.std(rows["shock"].to_numpy()[-63:], ddof=1), abs=1e-12)


def test_volatility_of_a_contract_that_stopped_trading_expires() -> None:
    w = world(300)
    gone = w.panel.table("silver/leg_returns").filter(
        (pl.col("instrument") != "IND_2M") | (pl.col("session") < w.keys[-8])
    )
    found = state(w.with_panel(leg_returns=gone).panel, "IND_2M")
    assert found["trade_level"].to_list()[-9:-6] == [found["trade_level"][-9], None, None]
    assert found["sigma_daily"][-6] is not None
    assert found["sigma_daily"][-1] is None


def test_a_pair_is_one_trade_on_its_spread() -> None:
    panel = priced(DI1_5Y=(0.13, 10.0), DI1_2Y=(0.12, 8.0))
    long, short = traded(panel, [Leg("DI1_5Y"), Leg("DI1_2Y", "hedge")], 1, hedge=-0.5)
    assert (long["direction"], short["direction"]) == (1, -1)
    assert (long["leg_weight"], short["leg_weight"]) == (1.0, -0.5)
    assert long["trade_level"] == short["trade_level"] == pytest.approx(0.13 - 0.5 * 0.12)
    moves = panel.table("silver/leg_returns").pivot("instrument", index="trade_date", values="shock").sort("trade_date")
    spread = -moves["DI1_5Y"] + 0.5 * moves["DI1_2Y"]
    assert long["sigma_daily"] == pytest.approx(np.std(spread.to_numpy()[-63:], ddof=1), rel=1e-12)
    # The receiver of the spread gains when it falls: stop above, target below, 1.5 and 2.5 times sigma x sqrt(16).
    assert long["stop_level"] == pytest.approx(long["trade_level"] + 6 * long["sigma_daily"] * 1e-4)
    assert long["target_level"] == pytest.approx(long["trade_level"] - 10 * long["sigma_daily"] * 1e-4)


def test_prices_in_a_pair_are_a_ratio() -> None:
    panel = priced(IND_2M=(100_000.0, 0.01), DOL_1M=(5_000.0, 0.008))
    long, dollar = traded(panel, [Leg("IND_2M"), Leg("DOL_1M", -1.0)], 1)
    assert (long["direction"], dollar["direction"]) == (1, 1)  # long equity, short BRL = long DOL
    assert long["trade_level"] == pytest.approx(100_000.0 * 5_000.0)
    assert long["target_level"] > long["trade_level"] > long["stop_level"]


def test_rates_and_prices_do_not_mix_in_one_trade() -> None:
    panel = priced(DI1_5Y=(0.13, 10.0), DOL_1M=(5_000.0, 0.008))
    with pytest.raises(ValueError, match="legs of one trade are all rates or all prices"):
        traded(panel, [Leg("DI1_5Y"), Leg("DOL_1M")], 1)


def test_a_foreign_holiday_accumulates_on_both_sides() -> None:
    panel = priced(DI1_5Y=(0.13, 10.0), ZF=(0.02, 5.0))
    rows = panel.table("silver/leg_returns")
    closed = rows["trade_date"].unique().sort()[-5]
    open_here = rows.filter((pl.col("instrument") != "ZF") | (pl.col("trade_date") != closed))
    frame = panel.grid(world(300).keys)
    legs = [Leg("DI1_5Y"), Leg("ZF", -1.0)]
    whole = trade_state(frame, panel, legs, window=20)
    # The day on which one side was closed has no level; its gain is in the next day's.
    holed = trade_state(
        frame, replace(panel, tables={**panel.tables, "silver/leg_returns": open_here}), legs, window=20
    )
    assert holed["trade_level"].null_count() == whole["trade_level"].null_count() + 1
    di = rows.filter(pl.col("instrument") == "DI1_5Y").sort("trade_date")["shock"].to_numpy()[-21:]
    zf = open_here.filter(pl.col("instrument") == "ZF").sort("trade_date")["shock"].to_numpy()[-20:]
    merged = np.concatenate([di[:16], [di[16] + di[17]], di[18:]])
    assert holed["sigma_daily"][-1] == pytest.approx(np.std(zf - merged, ddof=1), rel=1e-12)


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
