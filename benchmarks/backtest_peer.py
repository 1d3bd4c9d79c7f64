"""The simulation of all strategies against vectorbt on the same work, and one strategy against bt.

Run with a fund whose lake has signals: python benchmarks/backtest_peer.py HOME PEER_PYTHON, where PEER_PYTHON is the
interpreter of an environment of its own with vectorbt (plotly<7) and bt. Our engine decides positions and accounts for
them; vectorbt is given the resulting orders, the same settlement prices and the same costs, so both must end with the
same equity on every session. bt is given one strategy's weights without costs.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from datetime import date
from pathlib import Path

import numpy as np
import polars as pl

from macro_fund.backtest.engine import Result, simulate
from macro_fund.backtest.market import Market, market, trades
from macro_fund.home import Home
from macro_fund.strategies.registry import all_strategies

ONE = "FX-02"
REPEATS = 5

PEER = """
import json, sys, time
import numpy as np, pandas as pd
import vectorbt as vbt
data = np.load(sys.argv[1])
price = pd.DataFrame(data["price"]); size = pd.DataFrame(data["size"]); fees = pd.DataFrame(data["fees"])
cash = float(data["cash"])
def run():
    return vbt.Portfolio.from_orders(
        price, size=size, price=price, fixed_fees=fees, init_cash=cash, cash_sharing=True, group_by=True, freq="1D"
    )
run().value()
took = []
for _ in range(int(sys.argv[3])):
    t = time.perf_counter(); value = run().value(); took.append(time.perf_counter() - t)
np.save(sys.argv[2], np.asarray(value).ravel())
import bt
days = pd.bdate_range("2010-01-04", periods=len(data["one_price"]))
one = pd.DataFrame({"x": data["one_price"]}, index=days)
weights = pd.DataFrame({"x": data["one_weight"]}, index=one.index)
algos = [bt.algos.RunDaily(run_on_first_date=True), bt.algos.WeighTarget(weights), bt.algos.Rebalance()]
strategy = bt.Strategy("one", algos)
t = time.perf_counter()
test = bt.Backtest(strategy, one, initial_capital=cash, integer_positions=False, commissions=lambda q, p: 0.0)
test.run()
bt_took = time.perf_counter() - t
np.save(sys.argv[4], test.strategy.values.to_numpy()[1:])
print(json.dumps({"vectorbt": min(took), "bt": bt_took, "version": vbt.__version__, "bt_version": bt.__version__}))
"""


def ours(home: Home) -> tuple[Market, Result, float]:
    """The market, the result and the best time of simulating every strategy from signals that are in memory."""
    last = max(home.lake.keys("silver/leg_returns", date.max))
    sessions = home.sessions.keys(home.settings.fund.history_start, last)
    instruments = home.settings.instruments
    legs = home.lake.read("silver/leg_returns", last)
    signals = pl.concat([home.lake.read(s.table, last) for s in all_strategies()])
    took = []
    for _ in range(REPEATS):
        start = time.perf_counter()
        paid = market(legs, instruments, sessions)
        result = simulate(paid, trades(signals, paid, {i.id: i for i in instruments}))
        took.append(time.perf_counter() - start)
    return paid, result, min(took)


def columns(paid: Market, result: Result) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(price, orders, fees) of each leg of each trade, axes (session, leg); the price moves by the P&L."""
    legs = result.trades.instrument
    t, k = np.nonzero(legs >= 0)
    column = legs[t, k]
    held = result.contracts[:, t, k]
    before = np.vstack([np.zeros_like(held[:1]), held[:-1]])
    traded = np.abs(held - before) + np.where(paid.rolled[:, column], 2 * np.abs(held), 0)
    price = 1e6 + np.cumsum(paid.pnl[:, column], axis=0)
    return price, (held - before).astype(float), traded * np.nan_to_num(paid.cost[:, column])


def main() -> None:
    home, peer = Home.open(Path(sys.argv[1])), sys.argv[2]
    paid, result, took = ours(home)
    price, size, fees = columns(paid, result)
    idle = (size == 0).all(axis=0)
    cash = 1e12  # unfunded positions need none; the peer wants to pay for what it buys
    worth = cash + np.cumsum(result.net.sum(axis=1))
    name = result.trades.strategies.index(ONE)
    held, paid_one = result.contracts[:, name, 0], np.cumsum(paid.pnl[:, result.trades.instrument[name, 0]])
    one_price = 1e6 + paid_one
    alone = cash + np.concatenate([[0.0], np.cumsum(held[:-1] * np.diff(one_price))])
    roll_fee = (size == 0) & (fees > 0)
    with tempfile.TemporaryDirectory() as folder:
        value, one = f"{folder}/value.npy", f"{folder}/one.npy"
        np.savez(
            f"{folder}/in.npz", price=price[:, ~idle], size=size[:, ~idle], fees=np.where(roll_fee, 0, fees)[:, ~idle],
            cash=cash, one_price=one_price, one_weight=held * one_price / alone,
        )  # fmt: skip
        command = [peer, "-c", PEER, f"{folder}/in.npz", value, str(REPEATS), one]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        theirs = json.loads(done.stdout.splitlines()[-1])
        # A roll is two orders of nothing net, which an order simulator does not see: its fee is taken off here.
        equity = np.load(value) - np.cumsum(np.where(roll_fee, fees, 0).sum(axis=1))
        single = np.load(one)
    gap, most = np.abs(equity - worth).max(), np.abs(worth - cash).max()
    alone_gap = np.abs(single - alone).max()
    print(f"{len(all_strategies())} strategies, {len(paid.sessions)} sessions, {int((~idle).sum())} legs that traded")
    print(f"vectorbt {theirs['version']}: largest difference of equity {gap:.4f} BRL of {most:,.0f}")
    print(f"seconds, decisions and accounts: {took:.3f}; vectorbt, accounts of given orders: {theirs['vectorbt']:.3f}")
    print(f"ratio {took / theirs['vectorbt']:.2f}")
    print(f"bt {theirs['bt_version']}, {ONE} without costs: difference {alone_gap:.4f} BRL; {theirs['bt']:.2f} s")


if __name__ == "__main__":
    main()
