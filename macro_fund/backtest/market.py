"""What a simulation may know and what it is paid: dense arrays over sessions and instruments.

Belongs here: silver/leg_returns and signals/* turned into arrays on the fund's sessions. Does not belong here: the
simulation (engine.py).

Session s decides in the morning on what it knows and trades at the settlement of its own day. Two kinds of arrays keep
that apart: `known_*` at s rest on rows of sessions up to s (settlements of the day before); `pnl`, `cost`, `open` at s
are of day s itself. Days on which only a foreign market was open are paid with the next session.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
import numpy.typing as npt
import polars as pl

from macro_fund.settings import Instrument

DEAD_AFTER = 5

Vector = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Market:
    """Axes (session, instrument); NaN where nothing is known.

    known_unit: BRL risk of +1 (DV01 of rates, delta of prices) at the last settlement known in the morning; pnl: excess
    P&L in BRL of +1 held into the session's settlement; cost: of trading 1 there, or at its last settlement; margin: of
    1 there; open: it settled at a free price; dead: it has not settled for DEAD_AFTER sessions; rolled: the contract
    held changed there.
    """

    sessions: npt.NDArray[np.datetime64]
    instruments: tuple[str, ...]
    known_unit: Vector
    pnl: Vector
    cost: Vector
    margin: Vector
    open: Flags
    dead: Flags
    rolled: Flags


@dataclass(frozen=True)
class Trades:
    """Signals of trades. Axes (session, trade) or (session, trade, leg); a leg that a trade lacks has index -1.

    position: -1, 0, +1 in the asset sense; view: the strategy spoke; sigma: of one unit of the trade (bp or log return
    a day); weight: risk of the leg per unit of the trade's; sign: quantity sign of holding the leg's asset.
    """

    strategies: tuple[str, ...]
    names: tuple[str, ...]
    horizon: npt.NDArray[np.int64]
    instrument: npt.NDArray[np.int64]
    sign: Vector
    position: npt.NDArray[np.int8]
    view: Flags
    strength: Vector
    sigma: Vector
    weight: Vector

    @property
    def keys(self) -> list[tuple[str, str]]:
        return list(zip(self.strategies, self.names, strict=True))


def market(leg_returns: pl.DataFrame, instruments: Sequence[Instrument], sessions: Sequence[date]) -> Market:
    """Arrays of the instruments on consecutive sessions; of a day that was given again the newest row counts."""
    names = tuple(sorted(i.id for i in instruments))
    days = np.array(sessions, dtype="datetime64[D]")
    shape = (days.size, len(names))
    pnl, cost, margin, known = np.zeros(shape), *(np.full(shape, np.nan) for _ in range(3))
    free, rolled, settled = (np.zeros(shape, dtype=bool) for _ in range(3))
    for column, name in enumerate(names):
        rows = leg_returns.filter((pl.col("instrument") == name) & (pl.col("session") <= pl.lit(sessions[-1])))
        rows = rows.sort("session", "trade_date").with_columns(unit=pl.max_horizontal("dv01_brl", "delta_brl"))
        learned = rows["session"].to_numpy().astype("datetime64[D]")
        at = np.searchsorted(learned, days, side="right") - 1
        known[:, column] = np.where(
            at >= 0, rows["unit"].to_numpy()[np.maximum(at, 0)] if rows.height else np.nan, np.nan
        )
        final = rows.unique("trade_date", keep="last", maintain_order=True).sort("trade_date")
        traded = final["trade_date"].to_numpy().astype("datetime64[D]")
        where = np.searchsorted(days, traded, side="left")  # a day between two sessions is paid with the next
        inside = where < days.size
        np.add.at(pnl[:, column], where[inside], final["pnl_brl"].fill_null(0.0).to_numpy()[inside])
        exact = inside & (days[np.minimum(where, days.size - 1)] == traded)
        row = where[exact]
        cost[row, column] = final["cost_brl"].to_numpy()[exact]
        margin[row, column] = final["margin_brl"].to_numpy()[exact]
        free[row, column] = ~final["limit_locked"].to_numpy()[exact]
        rolled[row, column] = final["rolled"].to_numpy()[exact]
        settled[row, column] = True
    age = _age(settled)
    return Market(days, names, known, pnl, _carried(cost, age), margin, free, age > DEAD_AFTER, rolled)


def _age(settled: Flags) -> npt.NDArray[np.int64]:
    """Sessions since the last settlement; since before the first session where there was none yet."""
    row = np.arange(len(settled))[:, None]
    return np.asarray(row - np.maximum.accumulate(np.where(settled, row, -1), axis=0))


def _carried(values: Vector, age: npt.NDArray[np.int64]) -> Vector:
    """Values of the last settlement; NaN before the first."""
    last = np.arange(len(values))[:, None] - age
    return np.where(last >= 0, np.take_along_axis(values, np.maximum(last, 0), axis=0), np.nan)


def trades(signals: pl.DataFrame, market_: Market, instruments: Mapping[str, Instrument]) -> Trades:
    """Arrays of all trades in rows of signals/*, in order of strategy and trade. Raises ValueError for an instrument
    that the market does not have."""
    unknown = sorted(set(signals["instrument"]) - set(market_.instruments))
    if unknown:
        raise ValueError(
            f"signals trade {', '.join(unknown)}, which silver/leg_returns lacks: check config/instruments"
        )
    keys = signals.select("strategy_id", "trade").unique().sort("strategy_id", "trade").rows()
    legs_of = {
        (s, t): names
        for s, t, names in signals.group_by("strategy_id", "trade", maintain_order=True)
        .agg(pl.col("instrument").unique().sort())
        .rows()
    }
    size = (market_.sessions.size, len(keys))
    width = max((len(v) for v in legs_of.values()), default=1)
    position, view = np.zeros(size, dtype=np.int8), np.zeros(size, dtype=bool)
    strength, sigma = np.zeros(size), np.full(size, np.nan)
    weight, index, sign = np.full((*size, width), np.nan), np.full((len(keys), width), -1), np.zeros((len(keys), width))
    horizon = np.ones(len(keys), dtype=np.int64)
    parts = signals.partition_by("strategy_id", "trade", "instrument", as_dict=True)
    for t, key in enumerate(keys):
        for k, name in enumerate(legs_of[key]):
            rows = parts[(*key, name)]
            days = rows["session"].to_numpy().astype("datetime64[D]")
            at = np.searchsorted(market_.sessions, days)
            inside = (at < size[0]) & (market_.sessions[np.minimum(at, size[0] - 1)] == days)
            at = at[inside]
            rows = rows.filter(pl.Series(inside))
            index[t, k], sign[t, k] = market_.instruments.index(name), instruments[name].asset_sign
            weight[at, t, k] = rows["leg_weight"].fill_null(float("nan")).to_numpy()
            horizon[t] = int(rows["horizon_days"].to_numpy().max(initial=1))
            view[at, t] = (rows["status"] != "no_view").to_numpy()
            strength[at, t] = rows["strength"].to_numpy()
            sigma[at, t] = rows["sigma_daily"].fill_null(float("nan")).to_numpy()
            held = (rows["strength"] > 0).to_numpy()
            position[at, t] = np.where(held, np.sign(rows["signal"].fill_null(0.0).to_numpy()), 0)
    strategies, names = tuple(k[0] for k in keys), tuple(k[1] for k in keys)
    return Trades(strategies, names, horizon, index, sign, position, view, strength, sigma, weight)
