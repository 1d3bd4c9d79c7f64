"""A home read for backtests as one of its sessions knew it, and every variant that is run put into the ledger.

Belongs here: which rows a backtest may read, the digests that make a trial reproducible, running and recording. Does
not belong here: the simulation (backtest/lab.py), commands (cli.py).
"""

from __future__ import annotations

import ast
import hashlib
import inspect
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import cache
from importlib import import_module

import polars as pl

from macro_fund.backtest import engine, judge, lab, market
from macro_fund.backtest.engine import Rules
from macro_fund.backtest.lab import LEGS, Outcome, Tell, Variant
from macro_fund.home import Home
from macro_fund.store.content import content_id
from macro_fund.store.verdicts import failed_gates
from macro_fund.strategies import registry, rows
from macro_fund.strategies.panel import Panel

OBSERVATIONS = "silver/observations"
SHARED_CODE = (rows, market, engine)
"""What turns every strategy's measure into P&L; with the strategy's own modules the code of a trial."""


@dataclass
class Study:
    """A home as session `last` knew it, with backtests from `first` to it. `at`: time of recording, UTC."""

    home: Home
    first: date
    last: date
    at: datetime
    _tables: dict[str, pl.DataFrame] = field(default_factory=dict)
    _digests: dict[str, list[tuple[str, str]]] = field(default_factory=dict)

    @property
    def sessions(self) -> list[date]:
        return self.home.sessions.keys(self.first, self.last)

    def table(self, key: str) -> pl.DataFrame:
        """Rows of a table that the last session knows, without partitions whose gate failed; read once."""
        if key not in self._tables:
            keys = self._keys(key)
            rows_ = self.home.lake.read(key, only=keys)
            known = rows_.filter(pl.col("session") <= self.last) if "session" in rows_.columns else rows_
            self._tables[key] = known
        return self._tables[key]

    def panel(self, strategy: registry.RegisteredStrategy) -> Panel:
        """The tables that the strategy declares (of observations, its series), and what its instruments were paid."""
        tables = {k: self.table(k) for k in dict.fromkeys((*strategy.inputs, LEGS))}
        if OBSERVATIONS in tables:
            tables[OBSERVATIONS] = tables[OBSERVATIONS].filter(pl.col("series_id").is_in(strategy.series))
        settings = self.home.settings
        history = self.home.sessions.keys(settings.fund.history_start, self.last)
        return Panel(tables, settings.instruments, settings.ratings, tuple(history))

    def inputs(self, strategy: registry.RegisteredStrategy) -> str:
        """Digest of what the panel was read from: partitions, and ratings of config/."""
        found: dict[str, object] = {"ratings": [r.model_dump(mode="json") for r in self.home.settings.ratings]}
        for key in dict.fromkeys((*strategy.inputs, LEGS)):
            if key not in self._digests:
                self._digests[key] = [(str(k), self.home.lake.digest(key, k)) for k in self._keys(key)]
            found[key] = self._digests[key]
        return content_id(found, 64)

    def observations(self, strategy: registry.RegisteredStrategy) -> pl.DataFrame:
        """All vintages of the series that the strategy reads, as the lake has them today."""
        keys = self.home.lake.keys(OBSERVATIONS)
        return self.home.lake.read(OBSERVATIONS, only=keys, where=pl.col("series_id").is_in(strategy.series))

    def seed(self, strategy: registry.RegisteredStrategy) -> int:
        """Seed of everything random about the strategy at the last session."""
        return int(content_id({"strategy": strategy.id, "session": str(self.last)}, 8), 16)

    def configured(self, strategy: registry.RegisteredStrategy) -> Variant:
        """The strategy as config/strategies.yaml has it, under the standard rules."""
        return Variant(self.home.settings.strategy(strategy.id), Rules())

    def run(
        self, strategy: registry.RegisteredStrategy, variants: Sequence[Variant], tell: Tell | None = None
    ) -> list[Outcome]:
        """Run the variants and record each as a trial; one that was run before adds no row."""
        outcomes = self.only_run(strategy, variants, tell)
        self.home.ledger.record_trials([self.trial(strategy, o) for o in outcomes], self.at)
        return outcomes

    def only_run(
        self, strategy: registry.RegisteredStrategy, variants: Sequence[Variant], tell: Tell | None = None
    ) -> list[Outcome]:
        """Run without recording: for stresses, among which nobody chooses."""
        return lab.run(strategy, variants, self.panel(strategy), self.sessions, tell)

    def run_configured(
        self, strategies: Sequence[registry.RegisteredStrategy], tell: Tell | None = None
    ) -> list[Outcome]:
        """Run each of the strategies as configured, in one simulation, and record each as a trial."""
        asked = [lab.Asked(s, [self.configured(s)], self.panel(s)) for s in strategies]
        outcomes = [own[0] for own in lab.run_together(asked, self.sessions, tell)]
        rows = [self.trial(s, o) for s, o in zip(strategies, outcomes, strict=True)]
        self.home.ledger.record_trials(rows, self.at)
        return outcomes

    def run_missing(self, tell: Tell | None = None) -> None:
        """Run every registered strategy as configured, unless the ledger has that trial: whoever chooses one of them
        has all of them to choose from."""
        known = set(self.home.ledger.trials()["trial_id"])
        every = registry.all_strategies()
        if missing := [s for s in every if self.trial_id(s, self.configured(s)) not in known]:
            self.run_configured(missing, tell)

    def trial_id(self, strategy: registry.RegisteredStrategy, variant: Variant) -> str:
        """Id that the ledger has, or will have, for this variant over the study's sessions."""
        content = judge.trial_content(variant, self.first, self.last, code_of(strategy), self.inputs(strategy))
        return str(content["trial_id"])

    def trial(self, strategy: registry.RegisteredStrategy, outcome: Outcome) -> dict[str, object]:
        """The outcome's row of the ledger's trials."""
        return judge.trial(outcome, code_of(strategy), self.inputs(strategy))

    def tries(self) -> judge.Tries:
        """All trials of the ledger, over all strategies."""
        return judge.Tries.of(self.home.ledger.trials())

    def _keys(self, key: str) -> list[date]:
        """Partitions that hold rows up to the last session: the opening one holds all sessions before its own."""
        keys = self.home.lake.keys(key, max(self.last, self.home.inception))
        failed = failed_gates(self.home.lake, key, keys)
        return [k for k in keys if k not in failed]


def open_study(home: Home, first: date | None, last: date | None, at: datetime) -> Study:
    """A study from `first` (the history's first session) to `last` (the newest session that the lake holds).

    Raises ValueError for a lake without prices of what is traded, and for a day that is no session in between.
    """
    keys = home.lake.keys(LEGS)
    if not keys:
        raise ValueError(f"{home.path} holds no {LEGS} yet: run `macro-fund run` first")
    oldest, newest = home.settings.fund.history_start, keys[-1]
    first, last = first or oldest, last or newest
    for day in (first, last):
        if not (oldest <= day <= newest and home.sessions.is_session(day)):
            raise ValueError(f"{day} is not a session between {oldest} and {newest}, which the lake holds")
    if first >= last:
        raise ValueError(f"the first session {first} must be before the last, {last}")
    return Study(home, first, last, at)


def code_of(strategy: registry.RegisteredStrategy) -> str:
    """Digest of the source of the strategy's module, of those of strategies/ that it rests on, and of `SHARED_CODE`."""
    modules = [*map(import_module, _rests_on(strategy.signals.__module__)), *SHARED_CODE]
    text = "\n".join(inspect.getsource(m) for m in modules)
    return hashlib.sha256(text.encode()).hexdigest()


@cache
def _rests_on(name: str) -> list[str]:
    """The module and all of its package that it imports, directly or through others, in the order of their names."""
    package, found, ahead = f"{name.rpartition('.')[0]}.", set[str](), [name]
    while ahead:
        module = ahead.pop()
        if module not in found:
            found.add(module)
            nodes = ast.walk(ast.parse(inspect.getsource(import_module(module))))
            names = [n.module or "" for n in nodes if isinstance(n, ast.ImportFrom)]
            ahead += [n for n in names if n.startswith(package)]
    return sorted(found)
