"""What each backtest command does and prints.

Belongs here: from words of the command line to a result on the screen. Does not belong here: options and exit codes
(cli.py), tables (show.py), what is computed (study.py, promotion.py, backtest/).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import typer
from rich.console import Console

from macro_fund.backtest import audit as attacks
from macro_fund.backtest import judge, lab
from macro_fund.backtest import walk as walk_forward
from macro_fund.backtest.lab import Tell
from macro_fund.backtest.sharpe import annualised
from macro_fund.home import Home
from macro_fund.pms.approval import Desk, journalled, role_of
from macro_fund.pms.show import as_json as json_text
from macro_fund.pms.show import console
from macro_fund.research import show
from macro_fund.research.promotion import load_bars, measure
from macro_fund.research.study import Study
from macro_fund.store.ledger_rules import bar_failures
from macro_fund.strategies import registry


@contextmanager
def _progress(what: str, quiet: bool) -> Iterator[Tell]:
    from rich.progress import Progress

    err = Console(stderr=True)
    with Progress(console=err, disable=quiet or not err.is_terminal, transient=True) as bar:
        task = bar.add_task(what, total=None)
        yield lambda done, of: bar.update(task, completed=done, total=of)


def _pairs(words: Sequence[str], option: str) -> dict[str, str]:
    """NAME=VALUE words as a dict; raises ValueError for a word without a value or a name given twice."""
    found: dict[str, str] = {}
    for word in words:
        name, equals, value = word.partition("=")
        if not (equals and name and value):
            raise ValueError(f"{option} {word!r}: write NAME=VALUE, e.g. enter=0.5 or params.z_window=252")
        if name in found:
            raise ValueError(f"{option} {name} is given twice; give it once")
        found[name] = value
    return found


def _grid(words: Sequence[str]) -> dict[str, list[object]]:
    return {name: list(values.split(",")) for name, values in _pairs(words, "--grid").items()}


def _title(study: Study, text: str) -> str:
    sample = " (SAMPLE data)" if study.home.watermark else ""
    return f"{text}{sample}, {study.first} to {study.last}, net of costs, in excess of cash"


def run(study: Study, strategy: registry.RegisteredStrategy, changes: Sequence[str], as_json: bool) -> None:
    """Run one variant and print its record."""
    variant = study.configured(strategy).changed(_pairs(changes, "--set"))
    with _progress(f"backtest of {strategy.id}", as_json) as tell:
        outcome = study.run(strategy, [variant], tell)[0]
    found = show.result(outcome, study.tries(), study.trial_id(strategy, variant))
    _print(found, as_json, lambda: show.result_table(_title(study, "Backtest"), found))


def compare(study: Study, chosen: Sequence[registry.RegisteredStrategy], as_json: bool) -> None:
    """Run strategies as configured and print them side by side."""
    with _progress("backtests", as_json) as tell:
        outcomes = study.run_configured(chosen, tell)
    tries = study.tries()
    pairs = zip(chosen, outcomes, strict=True)
    found = [show.result(o, tries, study.trial_id(s, o.variant)) for s, o in pairs]
    title = f"{_title(study, 'Strategies')}; {tries.count} trials counted"
    _print(found, as_json, lambda: show.compared_table(title, found))
    traded = [o for o in outcomes if o.start < o.gross.size]
    if len(traded) > 1 and not as_json:
        console().print(_together(study, traded))


def _together(study: Study, outcomes: Sequence[lab.Outcome]) -> str:
    """What holds when all of them were tried: Hansen's test against cash, and who cannot be told from the best."""
    import numpy as np

    from macro_fund.backtest.compare import confidence_set, same_risk, superior_ability

    names = [o.variant.strategy.id for o in outcomes]
    returns = np.column_stack([o.returns for o in outcomes])
    seed = study.seed(registry.get(names[0]))
    test = superior_ability(returns, seed=seed)
    alike = confidence_set(same_risk(returns), seed=seed)
    return (
        f"together: {names[test.best]} is best; a best as good as this among {len(names)} that earn nothing more than "
        f"cash: p {test.consistent:.2f} (Hansen). Not to be told from the best at equal risk: "
        f"{', '.join(names[i] for i in alike.included)}"
    )


def walk(
    study: Study,
    strategy: registry.RegisteredStrategy,
    words: Sequence[str],
    changes: Sequence[str],
    years: tuple[float, float],
    as_json: bool,
) -> None:
    """Walk forward over the grid and print every choice and the record out of sample."""
    values = _grid(words)
    variants = lab.grid(study.configured(strategy).changed(_pairs(changes, "--set")), values)
    with _progress(f"{len(variants)} sets of {strategy.id}", as_json) as tell:
        outcomes = study.run(strategy, variants, tell)
    done = walk_forward.walk(outcomes, train_years=years[0], test_years=years[1])
    tries = study.tries()
    found = show.walked(done, outcomes, list(values), tries)
    _print(found, as_json, lambda: show.walked_table(_title(study, f"Walk-forward of {strategy.id}"), found))
    if not as_json:
        best = [judge.record(o).annual_sharpe for o in outcomes]
        highest = max((b for b in best if b is not None), default=None)
        console().print(
            f"out of sample: net Sharpe {show.ratio(done.annual_sharpe)} over {done.years:.1f} years; the best of "
            f"{len(outcomes)} sets on all years: {show.ratio(highest)}; probability of overfitting "
            f"{show.percent(done.overfitting, 0)}; the ledger now counts {tries.count} trials"
        )


def audit(
    study: Study, strategy: registry.RegisteredStrategy, changes: Sequence[str], probes: int, as_json: bool
) -> None:
    """Attack one variant and print what held; its neighbours are trials too. Exit code 1 when it reads ahead."""
    variant = study.configured(strategy).changed(_pairs(changes, "--set"))
    near = attacks.neighbours(variant)
    with _progress(f"audit of {strategy.id}", as_json) as tell:
        base, *others = study.run(strategy, [variant, *(v for _, v in near)])
        tried = [(name, o) for (name, _), o in zip(near, others, strict=True)]
        panel, seen = study.panel(strategy), study.observations(strategy)
        done = attacks.audit(strategy, base, panel, seen, tried, seed=study.seed(strategy), count=probes, tell=tell)
    found = show.audited(strategy.id, done)
    _print(found, as_json, lambda: show.audit_table(_title(study, f"Audit of {strategy.id}"), done))
    if done.leaks:
        raise ValueError("; ".join(done.leaks[:3]))


def tearsheet(
    study: Study, strategy: registry.RegisteredStrategy, out: Path | None, changes: Sequence[str], as_json: bool
) -> None:
    """Write the page of one variant."""
    from macro_fund.research.sheet import write_tearsheet

    variant = study.configured(strategy).changed(_pairs(changes, "--set"))
    path = out or study.home.path / "reports" / "tearsheets" / f"{strategy.id.lower()}.html"
    with _progress(f"tearsheet of {strategy.id}", as_json) as tell:
        outcome = study.run(strategy, [variant])[0]
        write_tearsheet(study, strategy, outcome, path, tell)
    found = show.result(outcome, study.tries(), study.trial_id(strategy, variant))
    if as_json:
        typer.echo(json_text({**found, "file": str(path)}))
    else:
        typer.echo(f"{strategy.id}: {found['verdict']}; tearsheet: {path}")


def trials(home: Home, strategy: str | None, count: int, as_json: bool) -> None:
    """Print the newest trials and their count."""
    import polars as pl

    rows = home.ledger.trials()
    total = rows.height
    if strategy is not None:
        rows = rows.filter(pl.col("strategy_id") == registry.get(strategy).id)
    tries = judge.Tries.of(home.ledger.trials())
    if as_json:
        found = {"trials": tries.count, "variance_of_daily_sharpe": tries.variance, "rows": rows.tail(count).to_dicts()}
        typer.echo(json_text(found))
    elif rows.is_empty():
        typer.echo("No trials: `macro-fund backtest run ID` records the first one.")
    else:
        spread = annualised(tries.variance**0.5)
        title = f"Trials: {total} in the ledger, deviation of their annual Sharpe ratios {spread:.2f}"
        console().print(show.trials_table(title, rows.tail(count)))


def promote(
    study: Study, strategy: registry.RegisteredStrategy, desk: Desk, words: Sequence[str], as_json: bool
) -> None:
    """Measure the bars, print them, and promote; a refusal is journalled and raises LedgerError with its reason.

    Who may not promote is told so before anything is measured.
    """
    with journalled(desk, "promote", strategy.id):
        role_of(desk.actor, "promote")
    with _progress(f"measuring {strategy.id}", as_json) as tell:
        found = measure(study, strategy, _grid(words), load_bars(), tell)
    failures = bar_failures(found.bars)
    if not as_json:
        title = f"{_title(study, f'Bars of {strategy.id}')}; {found.tries.count} trials counted"
        console().print(show.bars_table(title, found.bars, failures))
    try:
        with journalled(desk, "promote", strategy.id):
            row = desk.ledger.promote(found.row(desk.actor.name), desk.at)
    except ValueError as error:
        if as_json:
            typer.echo(json_text({"promoted": False, "bars": found.bars, "failures": failures, "error": str(error)}))
        raise
    if as_json:
        typer.echo(json_text({"promoted": True, **row}))
    else:
        typer.echo(f"{strategy.id} is promoted by {row['person']}: {row['promotion_id'][:12]} in the journal.")


def _print(found: Any, as_json: bool, table: Callable[[], Any]) -> None:
    if as_json:
        typer.echo(json_text(found))
    else:
        console().print(table())
