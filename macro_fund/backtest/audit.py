"""Everything that is done to one strategy to break it: leaks, revised data, other days, other order, costs, settings.

Belongs here: the attacks of robustness.py and lookahead.py put to one strategy on one panel. Does not belong here: the
statistics themselves, reading a lake (research/), promotion.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date

import numpy as np
import numpy.typing as npt
import polars as pl

from macro_fund.backtest import lab, lookahead
from macro_fund.backtest.arrays import Array
from macro_fund.backtest.engine import Rules, simulate
from macro_fund.backtest.lab import Outcome, Tell, Variant
from macro_fund.backtest.market import Market, Trades, trades
from macro_fund.backtest.robustness import (
    LookAhead,
    Sensitivity,
    ShiftTest,
    ShuffleTest,
    look_ahead_premium,
    sensitivity,
    shift_test,
    shuffle_test,
)
from macro_fund.backtest.sharpe import annual_ratio
from macro_fund.strategies.panel import Panel
from macro_fund.strategies.registry import RegisteredStrategy

AS_KNOWN = "silver/as_known"
COST_FACTORS = (0.0, 1.0, 2.0, 3.0)
STEP = 0.25
SHUFFLES = 99


@dataclass(frozen=True)
class Audit:
    """leaks: words, empty when nothing was read ahead; costs: factor -> annual net Sharpe; None: nothing traded.

    premium: None as well for a strategy that reads no series itself.
    """

    leaks: list[str]
    premium: LookAhead | None
    shift: ShiftTest | None
    shuffle: ShuffleTest | None
    costs: dict[float, float]
    settings: Sensitivity | None


def probes(sessions: Sequence[date], count: int) -> list[date]:
    """`count` sessions spread evenly over the last three quarters, the last one included."""
    at = np.linspace(len(sessions) // 4, len(sessions) - 1, count).round().astype(int)
    return [sessions[k] for k in sorted(set(at.tolist()))]


def read_ahead(
    strategy: RegisteredStrategy, variant: Variant, panel: Panel, sessions: Sequence[date], count: int
) -> list[str]:
    """Leaks in words: signals on the whole panel against those on the panel cut at each of `count` sessions."""

    def signals(known: Panel, asked: list[date]) -> pl.DataFrame:
        return strategy.signals(known, variant.strategy, asked)

    return lookahead.named(lookahead.leaks(signals, panel, probes(sessions, count)))


class Replayed:
    """A strategy's trades simulated again with its rows in another order.

    A row of the signals is the number of the session whose signals are used, NaN for none: shifting or shuffling those
    numbers shifts or shuffles everything that the strategy said, sizes and levels included.
    """

    def __init__(self, paid: Market, said: Trades, rules: Rules) -> None:
        self.paid, self.said, self.rules = paid, said, rules

    @property
    def rows(self) -> Array:
        return np.arange(self.paid.sessions.size, dtype=np.float64)

    def __call__(self, rows: Array) -> float:
        """Annual net Sharpe ratio; 0 when nothing was held."""
        none = np.isnan(rows)
        at: npt.NDArray[np.int64] = np.where(none, 0, rows).astype(np.int64)
        said = self.said
        moved = replace(
            said,
            position=np.where(none[:, None], 0, said.position[at]).astype(np.int8),
            view=np.where(none[:, None], True, said.view[at]),
            strength=np.where(none[:, None], 0.0, said.strength[at]),
            sigma=said.sigma[at],
            weight=said.weight[at],
        )
        net = simulate(self.paid, moved, self.rules).net.sum(axis=1) / self.rules.capital_brl
        return annual_ratio(net) or 0.0


def replayed(strategy: RegisteredStrategy, variant: Variant, panel: Panel, sessions: Sequence[date]) -> Replayed:
    """The strategy's signals and market over the sessions, ready to be simulated in any order."""
    paid, instruments = lab.traded_market([variant], panel, sessions)
    signals = strategy.signals(panel, variant.strategy, list(sessions))
    return Replayed(paid, trades(signals, paid, instruments), variant.rules)


def neighbours(variant: Variant) -> list[tuple[str, Variant]]:
    """(name, variant) with each number of the settings a quarter lower and higher; what may not be so is left out."""
    own = variant.strategy
    numbers = {"enter": own.enter, "exit": own.exit, "horizon_days": own.horizon_days}
    numbers |= {f"params.{k}": v for k, v in own.params.items() if isinstance(v, int | float)}
    found = []
    for name, value in numbers.items():
        for factor in (1.0 - STEP, 1.0 + STEP):
            moved = round(value * factor) if isinstance(value, int) else value * factor
            if moved == value:
                continue
            try:
                found.append((f"{name} x {factor:g}", variant.changed({name: moved})))
            except ValueError:
                continue  # exit above enter, a window of nothing: not a setting that anyone can have
    return found


def settings_around(base: Outcome, tried: Sequence[tuple[str, Outcome]]) -> Sensitivity:
    """How the result hangs on the settings: the strategy and its neighbours, a step each in one setting."""
    rows = [("as configured", 0, _ratio(base)), *((name, 1, _ratio(outcome)) for name, outcome in tried)]
    schema = {"setting": pl.String, "step": pl.Int64, "sharpe": pl.Float64}
    return sensitivity(pl.DataFrame(rows, schema=schema, orient="row"), ["setting", "step"])


def premium(
    strategy: RegisteredStrategy, variant: Variant, panel: Panel, observations: pl.DataFrame, base: Outcome
) -> LookAhead | None:
    """What revised data would have added: the strategy on each period's newest vintage against it on what was known.

    Only silver/as_known is replaced: views of agents are what they were. None for a strategy that does not read it.
    """
    if AS_KNOWN not in strategy.inputs:
        return None
    final = lookahead.with_final_values(panel.as_known, observations)
    tables = {**panel.tables, AS_KNOWN: final}
    sessions = [*base.sessions.astype(object).tolist(), base.last]
    other = lab.run(strategy, [variant], replace(panel, tables=tables), sessions)[0]
    return look_ahead_premium(other.returns, base.returns)


def audit(
    strategy: RegisteredStrategy,
    base: Outcome,
    panel: Panel,
    observations: pl.DataFrame,
    tried: Sequence[tuple[str, Outcome]],
    seed: int,
    count: int = 8,
    tell: Tell | None = None,
) -> Audit:
    """All attacks on the variant of `base`, whose sessions they use. tried: outcomes of its `neighbours`."""
    variant, sessions = base.variant, [*base.sessions.astype(object).tolist(), base.last]
    steps = iter(range(1, 6))

    def done() -> None:
        if tell is not None:
            tell(next(steps), 5)

    leaks = read_ahead(strategy, variant, panel, sessions, count)
    done()
    if base.start >= base.gross.size:
        return Audit(leaks, None, None, None, {}, None)
    again = replayed(strategy, variant, panel, sessions)
    shift = shift_test(again, again.rows)
    done()
    shuffle = shuffle_test(again, again.rows, seed=seed, reps=SHUFFLES)
    done()
    # Of the published costs: `at_costs` would be of the variant's own.
    factors = [variant.changed({"rules.cost_factor": f}) for f in COST_FACTORS]
    costs = {f: _ratio(o) for f, o in zip(COST_FACTORS, lab.run(strategy, factors, panel, sessions), strict=True)}
    done()
    found = premium(strategy, variant, panel, observations, base)
    done()
    return Audit(leaks, found, shift, shuffle, costs, settings_around(base, tried) if tried else None)


def _ratio(outcome: Outcome) -> float:
    return annual_ratio(outcome.returns) or 0.0
