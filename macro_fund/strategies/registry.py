"""Registry of strategies: what each claims, what it reads, and the function that computes its signals.

Belongs here: registration and look-up. Does not belong here: any formula, or the parameters (config/strategies.yaml).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date

import polars as pl

from macro_fund.settings import Strategy
from macro_fund.strategies.panel import Panel

SignalFunction = Callable[[Panel, Strategy, list[date]], pl.DataFrame]


@dataclass(frozen=True)
class RegisteredStrategy:
    """A strategy's claim and code.

    `inputs` are lake tables, `series` the ids that it reads of silver/as_known, `licensed` ids that only a licensed
    feed brings (config/series/licensed_prices.yaml): without them it has no view.
    """

    id: str
    hypothesis: str
    falsified_by: str
    inputs: tuple[str, ...]
    series: tuple[str, ...]
    signals: SignalFunction
    licensed: tuple[str, ...] = ()

    @property
    def table(self) -> str:
        """Key of its table, e.g. signals/rates_01."""
        return table_of(self.id)


_STRATEGIES: dict[str, RegisteredStrategy] = {}


def table_of(strategy_id: str) -> str:
    """Table key of a strategy id: RATES-01 -> signals/rates_01."""
    return f"signals/{strategy_id.lower().replace('-', '_')}"


def register(
    strategy_id: str,
    *,
    hypothesis: str,
    falsified_by: str,
    inputs: tuple[str, ...],
    series: tuple[str, ...],
    licensed: tuple[str, ...] = (),
) -> Callable[[SignalFunction], SignalFunction]:
    """Decorator of a signals function; raises ValueError when the id is taken."""

    def add(function: SignalFunction) -> SignalFunction:
        if strategy_id in _STRATEGIES:
            raise ValueError(f"strategy {strategy_id} is registered twice; give one of them another id")
        _STRATEGIES[strategy_id] = RegisteredStrategy(
            strategy_id, hypothesis, falsified_by, inputs, series, function, licensed
        )
        return function

    return add


def all_strategies() -> tuple[RegisteredStrategy, ...]:
    """Every registered strategy, by id."""
    return tuple(_STRATEGIES[key] for key in sorted(_STRATEGIES))


def get(strategy_id: str) -> RegisteredStrategy:
    """The strategy; raises ValueError naming those that exist."""
    if strategy_id not in _STRATEGIES:
        raise ValueError(f"no strategy {strategy_id}; there are {', '.join(sorted(_STRATEGIES))}")
    return _STRATEGIES[strategy_id]
