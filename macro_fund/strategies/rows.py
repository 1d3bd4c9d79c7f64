"""From a signal to rows: hysteresis, levels around the last settlement, status, the table's shape.

Belongs here: what all strategies share. Does not belong here: a strategy's own measure.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import isnan

import numpy as np
import numpy.typing as npt
import polars as pl

from macro_fund.features.stats import rolling_vol
from macro_fund.settings import Instrument, Strategy
from macro_fund.store.tables import TABLES
from macro_fund.strategies.panel import Panel
from macro_fund.strategies.registry import table_of

STOP_U = 1.5
TARGET_U = 2.5
VOL_WINDOW = 63
SIGMA_MAX_AGE_DAYS = 7
BP = 1e-4
DEGRADED_CAP = 0.4


def parameter(params: Strategy, name: str) -> float:
    """A numeric parameter; raises ValueError naming the strategy and the file when it is absent or not a number."""
    value = params.params.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError(f"{params.id}: params.{name} must be a number in config/strategies.yaml, got {value!r}")
    return float(value)


def hysteresis(signal: npt.NDArray[np.float64], enter: float, leave: float) -> npt.NDArray[np.int8]:
    """Position -1, 0, +1 per row, walked from the start of history.

    In when |signal| >= enter, with its sign; out when |signal| <= leave or the sign has turned (and straight in on the
    other side when |signal| >= enter). A row without a signal (NaN) is 0 but neither enters nor leaves: the state
    before it is the state after it.
    """
    out = np.zeros(len(signal), dtype=np.int8)
    state = 0
    for k, s in enumerate(signal.tolist()):
        if isnan(s):
            continue
        if state and (abs(s) <= leave or s * state < 0):
            state = 0
        if not state and abs(s) >= enter:
            state = 1 if s > 0 else -1
        out[k] = state
    return out


def instrument_state(panel: Panel, instrument_id: str, grid: pl.DataFrame, window: int = VOL_WINDOW) -> pl.DataFrame:
    """grid with entry_level and sigma_daily of an instrument.

    entry_level: rate (decimal; DI1) or price at the settlement that the session learned, null when it learned none.
    sigma_daily: standard deviation over `window` days of `shock` (bp a day for rates, log return a day otherwise), of
    the newest settlement not older than a week.
    """
    root = panel.instrument(instrument_id).root
    rows = panel.returns(instrument_id, grid["session"][-1])
    rows = rows.with_columns(
        pl.col("rate" if root == "DI1" else "price").alias("entry_level"),
        rolling_vol(rows["shock"], window=window).alias("sigma_daily"),
    )
    newest = rows.select("session", "trade_date", "entry_level", "sigma_daily").unique(
        "session", keep="last", maintain_order=True
    )
    known = grid.join_asof(newest.with_columns(pl.col("session").alias("learned")), on="session", strategy="backward")
    recent = (pl.col("session") - pl.col("trade_date")).dt.total_days() <= SIGMA_MAX_AGE_DAYS
    return known.select(
        "session",
        pl.when(pl.col("learned") == pl.col("session")).then("entry_level").alias("entry_level"),
        pl.when(recent).then("sigma_daily").alias("sigma_daily"),
    )


def _level(instrument: Instrument, moves: float, horizon: int) -> pl.Expr:
    """Level at which the position has made `moves` x sigma x sqrt(horizon): rates fall, or the price follows it."""
    gain = pl.col("direction") * moves * pl.col("sigma_daily") * float(np.sqrt(horizon))
    level = pl.col("entry_level") - gain * BP if instrument.root == "DI1" else pl.col("entry_level") * gain.exp()
    return pl.when(pl.col("direction") != 0).then(level)


def leg_rows(frame: pl.DataFrame, panel: Panel, params: Strategy, instrument_id: str) -> pl.DataFrame:
    """Rows of one instrument in the table's shape.

    `frame` holds session, signal (asset sense), z, position (-1, 0, +1 in the asset sense), confidence, status, reason,
    entry_level and sigma_daily. A no_view row has no signal, z or confidence and no direction; a row without a listed
    price keeps its signal and says so.
    """
    instrument = panel.instrument(instrument_id)
    viewed = pl.col("status") != "no_view"
    unpriced = pl.when(viewed & pl.col("entry_level").is_null()).then(
        pl.lit(f"{instrument_id} has no listed price this session: no entry, stop or target")
    )
    frame = frame.with_columns(
        pl.lit(params.id).alias("strategy_id"),
        pl.lit(instrument_id).alias("instrument"),
        pl.lit(params.horizon_days).alias("horizon_days"),
        pl.when(viewed).then(pl.col("position") * instrument.asset_sign).otherwise(0).cast(pl.Int8).alias("direction"),
        *(pl.when(viewed).then(c).alias(c) for c in ("signal", "z", "confidence")),
        pl.concat_str(pl.col("reason"), unpriced, separator="; ", ignore_nulls=True).alias("reason"),
    )
    return frame.with_columns(
        pl.when(pl.col("direction") != 0).then(pl.col("signal").abs()).otherwise(0.0).alias("strength"),
        _level(instrument, -STOP_U, params.horizon_days).alias("stop_level"),
        _level(instrument, TARGET_U, params.horizon_days).alias("target_level"),
    )


def table_rows(legs: Sequence[pl.DataFrame], params: Strategy, sessions: Sequence[object]) -> pl.DataFrame:
    """The legs of the sessions asked for, in the exact columns, types and order of the strategy's table."""
    table = TABLES[table_of(params.id)]
    rows = pl.concat([leg.select(pl.col(n).cast(t) for n, t in table.schema.items()) for leg in legs])
    return rows.filter(pl.col("session").is_in(list(sessions))).sort(table.sort)


def states_reason(names: Sequence[tuple[str, str]]) -> pl.Expr:
    """'X is missing; Y is stale' from {name}_state columns; empty when all are ok. Pairs of (column name, words)."""
    parts = [
        pl.when(pl.col(f"{name}_state") != "ok").then(pl.format(words + " is {}", pl.col(f"{name}_state")))
        for name, words in names
    ]
    return pl.concat_str(parts, separator="; ", ignore_nulls=True)


def fill_share(count: pl.Expr, window: int) -> pl.Expr:
    """Share of an estimation window that is filled, at most 1: the completeness of the data behind a statistic."""
    return (count.cast(pl.Float64) / float(window)).clip(0.0, 1.0)
