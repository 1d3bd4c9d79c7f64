"""Strategies in many variants: settings changed by name, all of them simulated at once, each with its own record.

Belongs here: variants, their simulation and what came out of each as arrays. Does not belong here: which trials are
kept (the ledger), which variant a walk-forward chooses (walk.py), reading a lake (research/).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from datetime import date
from itertools import chain, product
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


@dataclass(frozen=True)
class Asked:
    """Variants of one strategy and what they may read."""

    strategy: RegisteredStrategy
    variants: Sequence[Variant]
    panel: Panel

    @property
    def instruments(self) -> set[str]:
        """What any of the variants trades."""
        return {i for v in self.variants for i in v.strategy.instruments}


def run(
    strategy: RegisteredStrategy,
    variants: Sequence[Variant],
    panel: Panel,
    sessions: Sequence[date],
    tell: Tell | None = None,
) -> list[Outcome]:
    """Every variant alone over consecutive sessions; as `run_together` with one strategy."""
    return run_together([Asked(strategy, variants, panel)], sessions, tell)[0]


def run_together(asked: Sequence[Asked], sessions: Sequence[date], tell: Tell | None = None) -> list[list[Outcome]]:
    """Every variant of every strategy alone over consecutive sessions, from no position; signals know their whole
    history before.

    All variants with the same rules are one simulation, each under a label of its own: its session by session loop
    takes as long for one as for a hundred. The last session's own settlement is not known by then and is left out.
    Raises ValueError for fewer than 2 sessions, an instrument without a price, or panels with other leg returns.
    """
    if len(sessions) < 2:
        raise ValueError("a backtest needs at least 2 sessions; choose an earlier --from or a later --to")
    legs = asked[0].panel.table(LEGS)
    if any(a.panel.table(LEGS) is not legs for a in asked):
        raise ValueError(f"strategies that run together are paid from one {LEGS}: give every panel the same table")
    variants = [v for a in asked for v in a.variants]
    labels = [f"{a.strategy.id}#{i}.{k}" for i, a in enumerate(asked) for k in range(len(a.variants))]
    said: list[pl.DataFrame] = []
    for frame in chain.from_iterable(_said(a, sessions) for a in asked):
        said.append(frame.with_columns(strategy_id=pl.lit(labels[len(said)])).select(COLUMNS))
        if tell is not None:
            tell(len(said), len(variants))
    paid, instruments = traded_market(variants, asked[0].panel, sessions)
    results = {}
    for rules in dict.fromkeys(v.rules for v in variants):
        signals = pl.concat([frame for frame, v in zip(said, variants, strict=True) if v.rules == rules])
        results[rules] = simulate(paid, trades(signals, paid, instruments), rules)
    label = iter(labels)
    return [[_outcome(v, next(label), a.instruments, results[v.rules], paid) for v in a.variants] for a in asked]


def _said(asked: Asked, sessions: Sequence[date]) -> Iterator[pl.DataFrame]:
    """Signals of each variant; computed once where only the rules differ."""
    known: list[tuple[Strategy, pl.DataFrame]] = []
    for variant in asked.variants:
        same = next((frame for strategy, frame in known if strategy == variant.strategy), None)
        frame = asked.strategy.signals(asked.panel, variant.strategy, list(sessions)) if same is None else same
        known.append((variant.strategy, frame))
        yield frame


def traded_market(
    variants: Sequence[Variant], panel: Panel, sessions: Sequence[date]
) -> tuple[Market, dict[str, Instrument]]:
    """The market of what the variants trade, and those instruments by id."""
    names = {i for v in variants for i in v.strategy.instruments}
    instruments = {i.id: i for i in panel.instruments if i.id in names}
    return market(panel.table(LEGS), list(instruments.values()), sessions), instruments


def _outcome(variant: Variant, label: str, names: set[str], result: Result, paid: Market) -> Outcome:
    """The label's columns of a simulation, without the last session; of instruments, those in `names`."""
    mine: Flags = np.array(result.trades.strategies) == label
    known = slice(0, paid.sessions.size - 1)
    own = [c for c, name in enumerate(paid.instruments) if name in names]
    contracts, index = result.contracts[:, mine], result.trades.instrument[mine]
    shape = (paid.sessions.size, len(own))
    held, traded = np.zeros(shape, dtype=np.int64), np.zeros(shape)
    for t, k in np.argwhere(index >= 0).tolist():
        column, position = own.index(index[t, k]), contracts[:, t, k]
        held[:, column] += position
        change = np.abs(np.diff(position, prepend=0))
        traded[:, column] += change + np.where(paid.rolled[:, index[t, k]], 2 * np.abs(position), 0)
    margin, cost = (np.nan_to_num(np.take(x, own, axis=1)) for x in (paid.margin, paid.cost))
    closed = result.closed.filter(pl.col("strategy_id") == label).with_columns(strategy_id=pl.lit(variant.strategy.id))
    return Outcome(
        variant=variant,
        first=paid.sessions[0].astype(object),
        last=paid.sessions[-1].astype(object),
        sessions=paid.sessions[known],
        instruments=tuple(paid.instruments[c] for c in own),
        gross=result.gross[known, mine].sum(axis=1),
        cost=result.cost[known, mine].sum(axis=1),
        margin=result.margin[known, mine].sum(axis=1),
        held=held[known],
        traded=(traded * margin).sum(axis=1)[known],
        price=(cost * variant.rules.cost_factor)[known],
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
