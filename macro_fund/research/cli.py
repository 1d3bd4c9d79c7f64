"""The commands of research: backtest run, compare, walk-forward, tearsheet, trials, promote.

Belongs here: options, how errors end. Does not belong here: what a command does (commands.py) or how a home is found:
`attach` is given a function that opens one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Annotated

import typer

from macro_fund.home import Home
from macro_fund.pms.approval import Desk
from macro_fund.pms.context import Person, PmsContext
from macro_fund.research import commands
from macro_fund.research.study import Study, open_study
from macro_fund.strategies import registry

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]
StrategyId = Annotated[str, typer.Argument(help="Strategy id, e.g. FX-02.")]
Set = Annotated[
    list[str] | None,
    typer.Option("--set", help="NAME=VALUE, repeated: enter, exit, horizon_days, params.NAME or rules.NAME."),
]
Grid = Annotated[list[str] | None, typer.Option("--grid", help="NAME=V1,V2,..., repeated: every combination is a set.")]
First = Annotated[
    datetime | None, typer.Option("--from", formats=["%Y-%m-%d"], help="First session; default: the history's.")
]
Last = Annotated[
    datetime | None, typer.Option("--to", formats=["%Y-%m-%d"], help="Last session; default: the newest of the lake.")
]


@dataclass(frozen=True)
class ResearchContext:
    """What the commands need: an open home and the time of recording, UTC."""

    home: Home
    now: datetime

    def desk(self, name: str) -> Desk:
        """What a decision needs, for whoever acts when a command is typed with `--as name`."""
        home = self.home
        return PmsContext(home.ledger, home.lake.read, self.now, home.settings, home.path).desk(name)


Open = Callable[[], ResearchContext]


def attach(app: typer.Typer, open_context: Open) -> None:
    """Add `backtest` to `app`; `open_context` is called once a command, after the options are read."""
    group = typer.Typer(help="Strategies on the past: every variant that is run is counted.", no_args_is_help=True)
    app.add_typer(group, name="backtest")
    _attach_runs(group, open_context)
    _attach_ledger(group, open_context)


def _attach_runs(group: typer.Typer, open_context: Open) -> None:
    @group.command("run")
    def run(
        strategy: StrategyId,
        changes: Set = None,
        first: First = None,
        last: Last = None,
        as_json: AsJson = False,
    ) -> None:
        """Run one variant of a strategy and record it as a trial."""
        with _told(open_context, first, last) as study:
            commands.run(study, registry.get(strategy), changes or [], as_json)

    @group.command("compare")
    def compare(
        strategies: Annotated[list[str] | None, typer.Argument(help="Strategy ids; default: all.")] = None,
        first: First = None,
        last: Last = None,
        as_json: AsJson = False,
    ) -> None:
        """Strategies as configured, side by side, with every trial of the ledger counted."""
        with _told(open_context, first, last) as study:
            chosen = [registry.get(s) for s in strategies] if strategies else list(registry.all_strategies())
            commands.compare(study, chosen, as_json)

    @group.command("walk-forward")
    def walk_forward(
        strategy: StrategyId,
        grid: Grid = None,
        changes: Set = None,
        first: First = None,
        last: Last = None,
        train_years: Annotated[float, typer.Option(help="Length of a training window.")] = 5.0,
        test_years: Annotated[float, typer.Option(help="Length of a test window.")] = 1.0,
        as_json: AsJson = False,
    ) -> None:
        """Choose among sets on five years by net Sharpe, test on the next; every set is a trial."""
        with _told(open_context, first, last) as study:
            windows = (train_years, test_years)
            commands.walk(study, registry.get(strategy), grid or [], changes or [], windows, as_json)

    @group.command("tearsheet")
    def tearsheet(
        strategy: StrategyId,
        out: Annotated[Path | None, typer.Option("--out", help="HTML file; default: in the home's reports.")] = None,
        changes: Set = None,
        first: First = None,
        last: Last = None,
        as_json: AsJson = False,
    ) -> None:
        """Write everything about one variant as one HTML page, and record it as a trial."""
        with _told(open_context, first, last) as study:
            commands.tearsheet(study, registry.get(strategy), out, changes or [], as_json)

    @group.command("audit")
    def audit(
        strategy: StrategyId,
        changes: Set = None,
        first: First = None,
        last: Last = None,
        probes: Annotated[int, typer.Option(min=1, help="Sessions at which signals are recomputed.")] = 8,
        as_json: AsJson = False,
    ) -> None:
        """Try to break one variant: leaks, revised data, other days, shuffled signals, costs, other settings."""
        with _told(open_context, first, last) as study:
            commands.audit(study, registry.get(strategy), changes or [], probes, as_json)


def _attach_ledger(group: typer.Typer, open_context: Open) -> None:
    @group.command("trials")
    def trials(
        strategy: Annotated[str | None, typer.Option(help="Only this strategy.")] = None,
        count: Annotated[int, typer.Option("--last", min=1, help="How many of the newest.")] = 30,
        as_json: AsJson = False,
    ) -> None:
        """What was ever tried: the count behind every deflated Sharpe ratio."""
        with _errors_told():
            commands.trials(open_context().home, strategy, count, as_json)

    @group.command("promote")
    def promote(
        strategy: StrategyId,
        person: Person = "",
        grid: Grid = None,
        as_json: AsJson = False,
    ) -> None:
        """Promote a strategy as configured, if it meets every bar of config/promotion.yaml. Role pm."""
        with _errors_told():
            context = open_context()
            study = open_study(context.home, None, None, context.now)
            commands.promote(study, registry.get(strategy), context.desk(person), grid or [], as_json)


@contextmanager
def _errors_told() -> Iterator[None]:
    """An expected error becomes one line on stderr and exit code 1."""
    try:
        yield
    except ValueError as error:
        typer.echo(f"error: {error}", err=True)
        raise typer.Exit(1) from None


@contextmanager
def _told(open_context: Open, first: datetime | None, last: datetime | None) -> Iterator[Study]:
    with _errors_told():
        context = open_context()
        yield open_study(context.home, _day(first), _day(last), context.now)


def _day(moment: datetime | None) -> date | None:
    return moment.date() if moment else None
