"""From a signal to rows: hysteresis, levels around the last settlement, status, the table's shape.

Belongs here: what all strategies share. Does not belong here: a strategy's own measure.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from math import isnan

import numpy as np
import numpy.typing as npt
import polars as pl

from macro_fund.settings import Strategy
from macro_fund.store.tables import TABLES
from macro_fund.strategies.panel import Panel
from macro_fund.strategies.registry import table_of

STOP_U = 1.5
TARGET_U = 2.5
VOL_WINDOW = 63
SIGMA_MAX_AGE_DAYS = 7
BP = 1e-4
DEGRADED_CAP = 0.4

Vector = npt.NDArray[np.float64]


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


@dataclass(frozen=True)
class Leg:
    """A leg of a trade: `weight` is its risk (DV01 or delta in BRL) per unit of the trade's, + = hold its asset.

    A weight that changes with the session is the name of a column of the frame.
    """

    instrument: str
    weight: float | str = 1.0

    def values(self, frame: pl.DataFrame) -> Vector:
        if isinstance(self.weight, str):
            return frame[self.weight].cast(pl.Float64).fill_null(float("nan")).to_numpy()
        return np.full(frame.height, float(self.weight))


def trade_rows(
    frame: pl.DataFrame,
    panel: Panel,
    params: Strategy,
    legs: Sequence[Leg],
    trade: str | None = None,
    window: int = VOL_WINDOW,
) -> pl.DataFrame:
    """Rows of one trade in the table's shape, one per session and leg.

    `frame` covers `panel.grid` and holds session, signal (asset sense), z, position (-1, 0, +1 in the asset sense),
    confidence, status and reason. All legs are quoted in rates, or all in prices: the trade's move is the sum of
    weight x gain of the legs, in bp or log return, over the days on which every leg is priced, and sigma_daily its
    standard deviation over `window` of them. A no_view row has no signal, z or confidence and no direction; a trade
    without a price keeps its signal and says so. `trade` names the trade, the instrument's id by default.
    """
    kinds = {panel.instrument(leg.instrument).quoted_in_rates for leg in legs}
    if len(kinds) != 1:
        raise ValueError(f"{params.id}: legs of one trade are all rates or all prices; use trades of one leg each")
    name = trade or legs[0].instrument
    state = trade_state(frame, panel, legs, window)
    viewed = pl.col("status") != "no_view"
    unpriced = pl.when(viewed & pl.col("trade_level").is_null()).then(
        pl.lit(f"{name} has no price{' of every leg' * (len(legs) > 1)} this session: no entry, stop or target")
    )
    whole = frame.hstack(state).with_columns(
        pl.lit(params.id).alias("strategy_id"),
        pl.lit(name).alias("trade"),
        pl.lit(params.horizon_days).alias("horizon_days"),
        pl.when(viewed).then(pl.col("position")).otherwise(0).alias("position"),
        *(pl.when(viewed).then(c).alias(c) for c in ("signal", "z", "confidence")),
        pl.concat_str(pl.col("reason"), unpriced, separator="; ", ignore_nulls=True).alias("reason"),
    )
    gain = -1.0 if kinds == {True} else float(panel.instrument(legs[0].instrument).asset_sign if len(legs) == 1 else 1)
    held = pl.col("position") != 0
    whole = whole.with_columns(
        pl.when(held).then(pl.col("signal").abs()).otherwise(0.0).alias("strength"),
        _level(gain, kinds == {True}, -STOP_U, params.horizon_days).alias("stop_level"),
        _level(gain, kinds == {True}, TARGET_U, params.horizon_days).alias("target_level"),
    )
    return pl.concat([_leg_rows(whole, panel, leg, k) for k, leg in enumerate(legs)])


def _leg_rows(whole: pl.DataFrame, panel: Panel, leg: Leg, k: int) -> pl.DataFrame:
    """The trade's rows as one leg's: its own level, weight and direction."""
    side = pl.col("position") * pl.col("leg_weight").sign().fill_null(0) * panel.instrument(leg.instrument).asset_sign
    return whole.with_columns(
        pl.Series("leg_weight", leg.values(whole), dtype=pl.Float64).fill_nan(None),
        pl.lit(leg.instrument).alias("instrument"),
        pl.col(f"_level_{k}").alias("entry_level"),
    ).with_columns(side.cast(pl.Int8).alias("direction"))


def _level(gain: float, rates: bool, moves: float, horizon: int) -> pl.Expr:
    """trade_level at which the position has made `moves` x sigma x sqrt(horizon)."""
    move = pl.col("position") * (gain * moves * float(np.sqrt(horizon))) * pl.col("sigma_daily")
    level = pl.col("trade_level") + move * BP if rates else pl.col("trade_level") * move.exp()
    return pl.when(pl.col("position") != 0).then(level)


def trade_state(frame: pl.DataFrame, panel: Panel, legs: Sequence[Leg], window: int = VOL_WINDOW) -> pl.DataFrame:
    """sigma_daily, trade_level and _level_0.. of the legs, for each row of `frame`.

    A level is null when the session learned no new price of every leg; sigma_daily rests on days a week old at most.
    """
    last = frame["session"][-1]
    moves = _moves(panel, legs, last)
    weights = np.stack([leg.values(frame) for leg in legs], axis=1)
    sessions = frame["session"].to_numpy()
    at = np.searchsorted(moves["session"].to_numpy(), sessions, side="right") - 1
    known = at >= 0
    row = np.maximum(at, 0)
    if moves.is_empty():
        blank = pl.Series([None] * frame.height, dtype=pl.Float64)
        names = ("sigma_daily", "trade_level", *(f"_level_{k}" for k in range(len(legs))))
        return pl.DataFrame([blank.alias(n) for n in names])
    age = (sessions - moves["trade_date"].to_numpy()[row]).astype("timedelta64[D]").astype(int)
    learned = known & (moves["session"].to_numpy()[row] == sessions)
    sigma = np.where(known & (age <= SIGMA_MAX_AGE_DAYS), _sigma(moves, len(legs), weights, row, window), np.nan)
    levels = [np.where(learned, moves[f"level_{k}"].to_numpy()[row], np.nan) for k in range(len(legs))]
    signs = [panel.instrument(leg.instrument).asset_sign for leg in legs]
    rates = panel.instrument(legs[0].instrument).quoted_in_rates
    level = _trade_level(levels, weights, signs, rates)
    columns = {"sigma_daily": sigma, "trade_level": level, **{f"_level_{k}": v for k, v in enumerate(levels)}}
    return pl.DataFrame({k: pl.Series(v, dtype=pl.Float64).fill_nan(None) for k, v in columns.items()})


def _trade_level(levels: Sequence[Vector], weights: Vector, signs: Sequence[int], rates: bool) -> Vector:
    """Sum of weight x rate, or product of price^(weight x asset sign); one leg: its own level."""
    if len(levels) == 1:
        return levels[0]
    out = np.zeros(len(weights)) if rates else np.ones(len(weights))
    for k, level in enumerate(levels):
        out = out + weights[:, k] * level if rates else out * level ** (weights[:, k] * signs[k])
    return out


def _moves(panel: Panel, legs: Sequence[Leg], last: date) -> pl.DataFrame:
    """session, trade_date, gain_k (bp or log return of holding the asset since the row before), level_k.

    Days on which every leg is priced; over a foreign holiday the gains of both sides accumulate.
    """
    whole: pl.DataFrame | None = None
    for k, leg in enumerate(legs):
        instrument = panel.instrument(leg.instrument)
        sign = -1.0 if instrument.quoted_in_rates else float(instrument.asset_sign)
        part = panel.returns(leg.instrument, last).select(
            "trade_date",
            pl.col("session").alias(f"session_{k}"),
            (pl.col("shock").fill_null(0.0) * sign).cum_sum().alias(f"sum_{k}"),
            pl.col("level").alias(f"level_{k}"),
        )
        whole = part if whole is None else whole.join(part, on="trade_date", how="inner", maintain_order="left")
    assert whole is not None
    frame = whole.with_columns(
        pl.max_horizontal(f"session_{k}" for k in range(len(legs))).alias("session"),
        *(pl.col(f"sum_{k}").diff().alias(f"gain_{k}") for k in range(len(legs))),
    )
    return frame.sort("session", "trade_date", maintain_order=True)


def _sigma(moves: pl.DataFrame, n_legs: int, weights: Vector, row: npt.NDArray[np.int64], window: int) -> Vector:
    """Standard deviation (n - 1) of the weighted gains of the last `window` rows up to `row`; NaN before as many.

    Sums run over the window's offsets, so that a row's number does not depend on how many rows there are.
    """
    gains = [moves[f"gain_{k}"].fill_null(float("nan")).to_numpy() for k in range(n_legs)]
    total, squares = np.zeros(len(row)), np.zeros(len(row))
    enough = row >= window  # row 0 has no gain
    columns = [np.where(enough, row - back, 0) for back in range(window)]
    mixed = [sum((weights[:, k] * gains[k][at] for k in range(n_legs)), np.zeros(len(row))) for at in columns]
    for move in mixed:
        total = total + move
    mean = total / window
    for move in mixed:
        squares = squares + (move - mean) ** 2
    deviation = np.sqrt(squares / (window - 1))
    still = np.ptp(np.stack(mixed), axis=0) == 0
    return np.where(enough, np.where(still, 0.0, deviation), np.nan)


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
    return (count.cast(pl.Float64) * (1 / window)).clip(0.0, 1.0)
