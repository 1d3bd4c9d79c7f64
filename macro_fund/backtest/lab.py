"""One strategy in many variants: settings changed by name, all of them simulated at once, each with its own record.

Belongs here: variants, their simulation and what came out of each as arrays. Does not belong here: which trials are
kept (the ledger), which variant a walk-forward chooses (walk.py), reading a lake (research/).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from datetime import date
from itertools import product
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl
import yaml
from pydantic import ValidationError

from macro_fund.backtest.engine import Result, Rules, simulate
from macro_fund.backtest.market import Flags, Market, Vector, market, trades
from macro_fund.settings import Instrument, Strategy
from macro_fund.strategies.panel import Panel
from macro_fund.strategies.registry import RegisteredStrategy

LEGS = "silver/leg_returns"
OWN = ("enter", "exit", "horizon_days", "instruments")
POSITIVE = ("capital_brl", "vol_target", "margin_cap", "time_horizons")
_READ = ("session", "strategy_id", "trade", "instrument", "leg_weight", "horizon_days", "status", "strength")
COLUMNS = (*_READ, "sigma_daily", "signal")
"""What the simulation reads of signals/*."""

Tell = Callable[[int, int], None]
"""Called with (variants done, of how many) while they are computed."""


@dataclass(frozen=True)
class Variant:
    """A strategy's parameters and the rules that turn its signals into positions."""

    strategy: Strategy
    rules: Rules

    def changed(self, changes: Mapping[str, object]) -> Variant:
        """With other values: enter, exit, horizon_days, instruments, params.NAME or rules.NAME; text is read as YAML.

        Raises ValueError naming what may be changed, for an unknown name, another type or a value out of range.
        """
        own = self.strategy.model_dump()
        params, rules = dict(own["params"]), asdict(self.rules)
        for name, value in changes.items():
            read = _read(value)
            scope, _, key = name.rpartition(".")
            if scope == "params" and key in params:
                params[key] = _parameter(name, read, params[key])
            elif scope == "rules" and key in rules:
                rules[key] = _rule(name, read, rules[key])
            elif name in OWN:
                own[name] = read
            else:
                raise ValueError(f"{self.strategy.id} has no setting {name!r}; there are {', '.join(self.settings)}")
        try:
            strategy = Strategy.model_validate({**own, "params": params})
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(str(x) for x in first["loc"]) or self.strategy.id
            words = first["msg"].removeprefix("Value error, ").removeprefix(f"{where}: ")
            raise ValueError(f"{where}: {words}; change --set or --grid") from None
        return Variant(strategy, Rules(**rules))

    @property
    def settings(self) -> list[str]:
        """Names that `changed` takes."""
        named = [f"params.{k}" for k in self.strategy.params] + [f"rules.{f.name}" for f in fields(Rules)]
        return [*OWN, *named]

    @property
    def content(self) -> dict[str, dict[str, Any]]:
        """params and rules as plain values: what the ledger hashes."""
        own = self.strategy.model_dump(mode="json", include={*OWN, "params"})
        return {"params": own, "rules": asdict(self.rules)}


def _read(value: object) -> object:
    """Text as YAML reads it, and 1e8 as the number that it looks like."""
    read = yaml.safe_load(value) if isinstance(value, str) else value
    try:
        return float(read) if isinstance(read, str) else read
    except ValueError:
        return read


def _parameter(name: str, value: object, before: object) -> object:
    """The value of a parameter, a number where one was."""
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if isinstance(before, int | float) and not number:
        raise ValueError(f"{name} must be a number like {before}, got {value!r}")
    return value


def _rule(name: str, value: object, before: float) -> float:
    """The value of a rule as the type it has."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value) or value < 0:
        raise ValueError(f"{name} must be a number of 0 or more, got {value!r}")
    if value == 0 and name.removeprefix("rules.") in POSITIVE:
        raise ValueError(f"{name} must be above 0")
    if isinstance(before, int) and value != int(value):
        raise ValueError(f"{name} must be a whole number, got {value!r}")
    return type(before)(value)


@dataclass(frozen=True)
class Outcome:
    """What a variant earned, session by session: only settlements that its last session knows.

    first, last: sessions that were asked for; `sessions`: (T,) all of them but the last.
    gross, cost: (T,) BRL; margin: (T,) after the fills; held: (T, instruments) contracts after the fills; traded: (T,)
    initial margin of what was traded, a roll counts twice; price: (T, instruments) cost of trading one contract;
    closed: the engine's frame of closed trades.
    """

    variant: Variant
    first: date
    last: date
    sessions: npt.NDArray[np.datetime64]
    instruments: tuple[str, ...]
    gross: Vector
    cost: Vector
    margin: Vector
    held: npt.NDArray[np.int64]
    traded: Vector
    price: Vector
    closed: pl.DataFrame

    @property
    def start(self) -> int:
        """Number of the first session that gained, lost or cost anything; T when none did."""
        moved = np.flatnonzero((self.gross != 0) | (self.cost != 0))
        return int(moved[0]) if moved.size else self.gross.size

    @property
    def returns(self) -> Vector:
        """(T,) net, in excess of cash, as decimals of the capital."""
        return np.asarray((self.gross - self.cost) / self.variant.rules.capital_brl)

    @property
    def gross_returns(self) -> Vector:
        return np.asarray(self.gross / self.variant.rules.capital_brl)


def run(
    strategy: RegisteredStrategy,
    variants: Sequence[Variant],
    panel: Panel,
    sessions: Sequence[date],
    tell: Tell | None = None,
) -> list[Outcome]:
    """Every variant alone over consecutive sessions, from no position; signals know their whole history before.

    All variants with the same rules are one simulation, each under a label of its own. The last session's own
    settlement is not known by then and is left out. Raises ValueError for fewer than 2 sessions or an instrument
    without a price.
    """
    if len(sessions) < 2:
        raise ValueError("a backtest needs at least 2 sessions; choose an earlier --from or a later --to")
    labels = [f"{strategy.id}#{k:05d}" for k in range(len(variants))]
    signals: list[pl.DataFrame] = []
    for k, (label, variant) in enumerate(zip(labels, variants, strict=True)):
        same = next((j for j in range(k) if variants[j].strategy == variant.strategy), None)  # only the rules differ
        said = strategy.signals(panel, variant.strategy, list(sessions)) if same is None else signals[same]
        signals.append(said.with_columns(strategy_id=pl.lit(label)).select(COLUMNS))
        if tell is not None:
            tell(k + 1, len(variants))
    paid, instruments = traded_market(variants, panel, sessions)
    done: dict[str, Outcome] = {}
    for rules in dict.fromkeys(v.rules for v in variants):
        mine = [k for k, v in enumerate(variants) if v.rules == rules]
        result = simulate(paid, trades(pl.concat([signals[k] for k in mine]), paid, instruments), rules)
        done |= {labels[k]: _outcome(variants[k], labels[k], result, paid) for k in mine}
    return [done[label] for label in labels]


def traded_market(
    variants: Sequence[Variant], panel: Panel, sessions: Sequence[date]
) -> tuple[Market, dict[str, Instrument]]:
    """The market of what the variants trade, and those instruments by id."""
    names = {i for v in variants for i in v.strategy.instruments}
    instruments = {i.id: i for i in panel.instruments if i.id in names}
    return market(panel.table(LEGS), list(instruments.values()), sessions), instruments


def _outcome(variant: Variant, label: str, result: Result, paid: Market) -> Outcome:
    """The label's columns of a simulation, without the last session."""
    mine: Flags = np.array(result.trades.strategies) == label
    known = slice(0, paid.sessions.size - 1)
    contracts, index = result.contracts[:, mine], result.trades.instrument[mine]
    held, traded = np.zeros(paid.pnl.shape, dtype=np.int64), np.zeros(paid.pnl.shape)
    for t, k in np.argwhere(index >= 0).tolist():
        column, position = index[t, k], contracts[:, t, k]
        held[:, column] += position
        change = np.abs(np.diff(position, prepend=0))
        traded[:, column] += change + np.where(paid.rolled[:, column], 2 * np.abs(position), 0)
    closed = result.closed.filter(pl.col("strategy_id") == label).with_columns(strategy_id=pl.lit(variant.strategy.id))
    return Outcome(
        variant=variant,
        first=paid.sessions[0].astype(object),
        last=paid.sessions[-1].astype(object),
        sessions=paid.sessions[known],
        instruments=paid.instruments,
        gross=result.gross[known, mine].sum(axis=1),
        cost=result.cost[known, mine].sum(axis=1),
        margin=result.margin[known, mine].sum(axis=1),
        held=held[known],
        traded=(traded * np.nan_to_num(paid.margin)).sum(axis=1)[known],
        price=(np.nan_to_num(paid.cost) * variant.rules.cost_factor)[known],
        closed=closed.filter(pl.col("closed") < pl.lit(paid.sessions[-1].astype(object))),
    )


def at_costs(variant: Variant, factor: float) -> Variant:
    """The same variant at a multiple of its costs: a stress, which nobody can choose and which is no trial."""
    return Variant(variant.strategy, replace(variant.rules, cost_factor=variant.rules.cost_factor * factor))


def grid(base: Variant, values: Mapping[str, Sequence[object]]) -> list[Variant]:
    """Every combination of the values (sets that repeat are dropped), in the order of the names given."""
    for name, options in values.items():
        if not options:
            raise ValueError(f"{name} has no values: write {name}=V1,V2")
    kept: list[Variant] = []
    for choice in product(*values.values()):
        variant = base.changed(dict(zip(values, choice, strict=True)))
        if variant not in kept:
            kept.append(variant)
    return kept
