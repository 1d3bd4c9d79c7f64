"""The simulation: positions of trades session by session, with costs, stops and closed markets.

Belongs here: when a trade is opened, resized and closed, at which settlement, and what it made. Does not belong here:
signals, or what the numbers mean (sharpe.py and its neighbours).

Order within session s, all trades at once:
1. the positions of the day before are paid the session's settlement (excess over cash: futures are unfunded);
2. what was decided in the morning is filled at that settlement, if every leg of the trade settles at a free price;
   otherwise nothing is filled and the decision is taken anew the next morning. A leg that has not settled for a week is
  given up at its last price, and with it the trade.
The morning of s knows signals of session s, settlements of the session before, and its own P&L up to there. Stops and
targets are therefore felt at the next settlement, not at their level: a gap costs what it costs.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import numpy as np
import numpy.typing as npt
import polars as pl

from macro_fund.backtest.market import Flags, Market, Trades, Vector
from macro_fund.backtest.sharpe import PERIODS

REASONS = ("", "signal", "stop", "target", "time", "no_view", "no_price")
TRADES = pl.Schema(
    {
        "strategy_id": pl.String,
        "trade": pl.String,
        "opened": pl.Date,
        "closed": pl.Date,
        "direction": pl.Int8,
        "sessions": pl.Int32,
        "gross_brl": pl.Float64,
        "cost_brl": pl.Float64,
        "u_brl": pl.Float64,
        "exit": pl.String,
    }
)


@dataclass(frozen=True)
class Rules:
    """How signals become positions. Levels are in u = sigma x sqrt(horizon) of the trade as it was opened.

    vol_target: annual, of one strategy alone at full strength, shared by its trades; resize: smallest relative change
    of the wanted size that is traded; patience: sessions without a view after which a position is closed;
    margin_cap: most of the capital that margin may take when a position is opened or resized; cost_factor: 2 is twice
    the costs.
    """

    capital_brl: float = 100_000_000.0
    vol_target: float = 0.10
    stop_u: float = 1.5
    target_u: float = 2.5
    time_horizons: float = 1.5
    resize: float = 0.2
    patience: int = 5
    margin_cap: float = 0.5
    cost_factor: float = 1.0


@dataclass(frozen=True)
class Result:
    """Axes (session, trade). gross: P&L of the settlement, cost: paid at it (>= 0), BRL; margin: after its fills."""

    sessions: npt.NDArray[np.datetime64]
    trades: Trades
    rules: Rules
    gross: Vector
    cost: Vector
    margin: Vector
    contracts: npt.NDArray[np.int64]
    closed: pl.DataFrame

    @property
    def net(self) -> Vector:
        return self.gross - self.cost

    def by_strategy(self, values: Vector) -> tuple[list[str], Vector]:
        """(ids, values summed over the trades of each), axes (session, strategy)."""
        ids = sorted(set(self.trades.strategies))
        owner = np.array([ids.index(s) for s in self.trades.strategies], dtype=np.int64)
        out = np.zeros((values.shape[0], len(ids)))
        for k, column in enumerate(owner.tolist()):
            out[:, column] += values[:, k]
        return ids, out


@dataclass
class _State:
    """What is held, axes (trade) and (trade, leg)."""

    contracts: npt.NDArray[np.int64]
    direction: npt.NDArray[np.int64]
    size: Vector
    u: Vector
    made: Vector
    paid: Vector
    age: npt.NDArray[np.int64]
    opened: npt.NDArray[np.int64]
    blocked: npt.NDArray[np.int64]
    silent: npt.NDArray[np.int64]


@dataclass(frozen=True)
class _Known:
    """What no position changes, of all sessions at once: in the loop numpy's overhead is all of the time.

    Axes (session, trade), (session, trade, leg). fine: the leg is absent or settles at a free price; rolls: 2 where it
    rolled, else 0; size: units of the trade's risk; lots: contracts of them, direction +1; u: in BRL.
    """

    pnl: Vector
    dead: Flags
    fine: Flags
    rolls: npt.NDArray[np.int64]
    cost: Vector
    margin: Vector
    ready: Flags
    size: Vector
    lots: npt.NDArray[np.int64]
    u: Vector


def simulate(market: Market, trades: Trades, rules: Rules | None = None) -> Result:
    """Run every trade on its own through all sessions of the market."""
    rules = rules or Rules()
    n, width = len(trades.names), trades.instrument.shape[1]
    steps = market.sessions.size
    state, known = _nothing(n, width), _known(trades, market, rules)
    gross, cost, margin = (np.zeros((steps, n)) for _ in range(3))
    contracts = np.zeros((steps, n, width), dtype=np.int64)
    closed: list[tuple[object, ...]] = []
    legs = trades.instrument >= 0
    for s in range(steps):
        gross[s] = np.where(legs, state.contracts * known.pnl[s], 0.0).sum(axis=1)
        dead = (legs & (state.contracts != 0) & known.dead[s]).any(axis=1)
        wanted, why = _decide(state, trades, rules, dead, s)
        state.made += gross[s]
        state.age += state.direction != 0
        target, size, u = _sized(state, trades, known, rules, wanted, s)
        gone = known.dead[s] & (target == 0)  # a leg that nobody prices any more is given up at its last price
        free = (known.fine[s] | gone).all(axis=1)
        filled = np.where(free[:, None], target, state.contracts)
        lots = np.abs(filled)
        traded = np.abs(filled - state.contracts) + known.rolls[s] * lots
        cost[s] = (traded * known.cost[s]).sum(axis=1)
        margin[s] = (lots * known.margin[s]).sum(axis=1)
        _settle(state, filled, size, u, wanted, why, free, cost[s], s, closed, trades, market)
        contracts[s] = state.contracts
    frame = pl.DataFrame(closed, schema=TRADES, orient="row")
    return Result(market.sessions, trades, rules, gross, cost, margin, contracts, frame)


def _nothing(n: int, width: int) -> _State:
    def count() -> npt.NDArray[np.int64]:
        return np.zeros(n, dtype=np.int64)

    return _State(
        contracts=np.zeros((n, width), dtype=np.int64),
        direction=count(),
        size=np.zeros(n),
        u=np.zeros(n),
        made=np.zeros(n),
        paid=np.zeros(n),
        age=count(),
        opened=count(),
        blocked=count(),
        silent=count(),
    )


def _shares(trades: Trades) -> Vector:
    """Each trade's part of its strategy's risk: equal."""
    names = np.array(trades.strategies)
    return np.array([1.0 / np.count_nonzero(names == name) for name in names])


def _decide(
    state: _State, trades: Trades, rules: Rules, dead: Flags, s: int
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """(wanted direction, number of the reason to leave) of each trade, from what the morning of s knows."""
    view, position = trades.view[s], trades.position[s].astype(np.int64)
    state.silent = np.where(view, 0, state.silent + 1)
    state.blocked = np.where(view & (position != state.blocked), 0, state.blocked)
    held = state.direction != 0
    wanted = np.where(view, np.where(position == state.blocked, 0, position), state.direction)
    why = np.where(held & (wanted != state.direction), 1, 0)
    gone = held & ~view & (state.silent > rules.patience)
    late = held & (state.age + 1 >= rules.time_horizons * trades.horizon)  # with the settlement that closes it
    won = held & (state.made >= rules.target_u * state.u)
    lost = held & (state.made <= -rules.stop_u * state.u)
    for flag, number in ((gone, 5), (late, 4), (won, 3), (lost, 2), (held & dead, 6)):
        why = np.where(flag, number, why)
    out = (why >= 2) & held
    state.blocked = np.where(out & (why < 5), state.direction, state.blocked)
    return np.where(out, 0, wanted), why


def _known(trades: Trades, market: Market, rules: Rules) -> _Known:
    """What the market and the signals alone say of each session."""
    legs = trades.instrument >= 0
    at = np.where(legs, trades.instrument, 0)
    share = _shares(trades)
    risk = rules.capital_brl * rules.vol_target / np.sqrt(PERIODS) * share  # BRL a day at full strength
    sigma, unit, weight = trades.sigma, market.known_unit[:, at], trades.weight
    ready = (sigma > 0) & np.where(legs, (unit > 0) & np.isfinite(weight), True).all(axis=2)
    size = np.where(ready, risk * trades.strength / np.where(ready, sigma, 1.0), 0.0)
    per_leg = np.where(legs & ready[..., None], np.nan_to_num(weight) / np.where(unit > 0, unit, 1.0), 0.0)
    before = np.nan_to_num(np.concatenate([market.margin[:1], market.margin[:-1]]))  # of the settlement before
    need = (np.abs(per_leg) * size[..., None] * before[:, at]).sum(axis=2)
    cap = rules.margin_cap * rules.capital_brl * share
    size = np.where(need > cap, size * cap / np.where(need > 0, need, 1.0), size)
    price = np.nan_to_num(market.cost[:, at]) * rules.cost_factor
    return _Known(
        pnl=market.pnl[:, at],
        dead=market.dead[:, at],
        fine=~legs | (market.open[:, at] & np.isfinite(market.cost[:, at])),
        rolls=np.where(market.rolled[:, at], 2, 0),
        cost=np.where(legs, price, 0.0),
        margin=np.where(legs, np.nan_to_num(market.margin[:, at]), 0.0),
        ready=ready,
        size=size,
        lots=np.trunc(trades.sign * per_leg * size[..., None]).astype(np.int64),
        u=size * np.where(ready, sigma, 0.0) * np.sqrt(trades.horizon),
    )


def _sized(
    state: _State, trades: Trades, known: _Known, rules: Rules, wanted: npt.NDArray[np.int64], s: int
) -> tuple[npt.NDArray[np.int64], Vector, Vector]:
    """(contracts wanted, units of the trade's risk, u in BRL); what is held where the change is too small to trade."""
    size = known.size[s]
    same = (wanted == state.direction) & (wanted != 0)
    keep = same & (~known.ready[s] | ~trades.view[s] | (np.abs(size - state.size) <= rules.resize * state.size))
    contracts = np.where(keep[:, None], state.contracts, wanted[:, None] * known.lots[s])
    return contracts, np.where(keep, state.size, size), np.where(same, state.u, known.u[s])


def _settle(
    state: _State,
    filled: npt.NDArray[np.int64],
    size: Vector,
    u: Vector,
    wanted: npt.NDArray[np.int64],
    why: npt.NDArray[np.int64],
    free: Flags,
    cost: Vector,
    s: int,
    closed: list[tuple[object, ...]],
    trades: Trades,
    market: Market,
) -> None:
    """Take over what was filled, and write down what was closed."""
    before, held = state.direction.copy(), np.abs(state.contracts).sum(axis=1)
    now = np.where(free, np.where((filled != 0).any(axis=1), wanted, 0), before)
    leaves, enters = (before != 0) & (now != before), (now != 0) & (now != before)
    volume = np.abs(filled).sum(axis=1)
    opening = np.where(enters, cost * volume / np.maximum(volume + held, 1), 0.0)  # of a reversal, its part
    state.paid += cost - opening
    for t in np.flatnonzero(leaves).tolist():
        opened = int(state.opened[t])
        numbers = (float(state.made[t]), float(state.paid[t]), float(state.u[t]))
        span = (_day(market, opened), _day(market, s), int(before[t]), s - opened)
        closed.append((*trades.keys[t], *span, *numbers, REASONS[int(why[t])] or "signal"))
    over = enters | (now == 0)
    state.contracts = np.where(free[:, None], filled, state.contracts)
    state.direction = now
    state.size = np.where(free, np.where(now != 0, size, 0.0), state.size)
    state.u = np.where(enters, u, np.where(now == 0, 0.0, state.u))
    state.made, state.age = np.where(over, 0.0, state.made), np.where(over, 0, state.age)
    state.paid = np.where(over, opening, state.paid)
    state.opened = np.where(enters, s, state.opened)


def _day(market: Market, s: int) -> date:
    day: date = market.sessions[s].astype(object)
    return day
