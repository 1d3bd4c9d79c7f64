"""What the backtest commands print: plain values for --json, and tables made of them.

Belongs here: which numbers are shown and how. Does not belong here: running anything (study.py, promotion.py).
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import polars as pl
from rich.table import Table

from macro_fund.backtest import judge
from macro_fund.backtest.audit import Audit
from macro_fund.backtest.lab import Outcome
from macro_fund.backtest.sharpe import annualised
from macro_fund.backtest.walk import Walk
from macro_fund.pms.show import local, table

DASH = "-"


def percent(value: float | None, digits: int = 2) -> str:
    return DASH if value is None else f"{value * 100:.{digits}f}%"


def ratio(value: float | None, digits: int = 2) -> str:
    return DASH if value is None else f"{value:.{digits}f}"


def result(outcome: Outcome, tries: judge.Tries, trial_id: str) -> dict[str, Any]:
    """One variant's record, all trials counted."""
    r = judge.record(outcome)
    exits = outcome.closed.group_by("exit", maintain_order=True).len().sort("exit").rows()
    return {
        "strategy": outcome.variant.strategy.id,
        "trial": trial_id,
        **outcome.variant.content,
        "first_session": outcome.first,
        "last_session": outcome.last,
        "days": r.n_days,
        "sharpe": r.annual_sharpe,
        "psr": r.psr,
        "deflated_sharpe": judge.deflated(r, tries),
        "annual_return": r.annual_return,
        "volatility": r.volatility,
        "max_drawdown": r.drawdown,
        "turnover": r.turnover,
        "trades": r.trades,
        "exits": dict(exits),
        "gross_brl": float(outcome.gross.sum()),
        "cost_brl": float(outcome.cost.sum()),
        "cost_share": r.cost_share,
        "trials": tries.count,
        "verdict": judge.verdict(r, tries),
    }


def audited(strategy_id: str, found: Audit) -> dict[str, Any]:
    """An audit as plain values; null where the strategy never traded."""
    shuffled = None if found.shuffle is None else {"sharpe": found.shuffle.base, "p_value": found.shuffle.p_value}
    return {
        "strategy": strategy_id,
        "leaks": found.leaks,
        "look_ahead": None if found.premium is None else asdict(found.premium),
        "shift": None if found.shift is None else asdict(found.shift),
        "shuffle": shuffled,
        "costs": {f"{factor:g}": value for factor, value in found.costs.items()},
        "settings": None if found.settings is None else asdict(found.settings),
    }


def audit_table(title: str, found: Audit) -> Table:
    rows = [("reads ahead", "; ".join(found.leaks) or "no")]
    if found.premium is not None:
        p = found.premium
        rows.append(("revised data", f"{ratio(p.final)} on revised, {ratio(p.as_known)} on known: {p.premium:+.2f}"))
    elif found.shift is not None:
        rows.append(("revised data", "it reads no series itself"))
    if found.shift is not None:
        s = found.shift
        shifted = f"{ratio(s.base)}; a day late {ratio(s.late)}, a day early {ratio(s.early)}: {s.verdict}"
        rows.append(("another day", shifted))
    if found.shuffle is not None:
        rows.append(("shuffled", f"as good by chance in {percent(found.shuffle.p_value, 0)} of orders"))
    if found.costs:
        rows.append(("costs", ", ".join(f"x{factor:g}: {ratio(value)}" for factor, value in found.costs.items())))
    if found.settings is not None:
        s2 = found.settings
        rows.append(
            (
                "settings",
                f"{s2.tried} sets a quarter away: best {ratio(s2.best)}, median {ratio(s2.median)}, "
                f"{percent(s2.share_positive, 0)} above 0",
            )
        )
    return table(title, ["attack", "result"], rows)


def result_table(title: str, found: Mapping[str, Any]) -> Table:
    """One variant for people."""
    own = {k: v for k, v in found["params"].items() if k != "params"} | found["params"]["params"]
    exits = ", ".join(f"{n} {why}" for why, n in found["exits"].items())
    rows = [
        ("parameters", settings_text(own)),
        ("rules", settings_text(found["rules"])),
        ("sessions", f"{found['first_session']} to {found['last_session']}, {found['days']:,} with a record"),
        ("net Sharpe, a year", ratio(found["sharpe"])),
        ("true Sharpe above 0", percent(found["psr"], 1)),
        ("deflated Sharpe", f"{percent(found['deflated_sharpe'], 1)} counting {found['trials']} trials"),
        ("return, volatility, a year", f"{percent(found['annual_return'])}, {percent(found['volatility'])}"),
        ("deepest drawdown", percent(found["max_drawdown"])),
        ("turnover, a year", f"{ratio(found['turnover'])} x capital in margin"),
        ("trades closed", f"{found['trades']}: {exits}" if exits else "0"),
        ("gross, costs, BRL", f"{found['gross_brl']:,.0f}, {found['cost_brl']:,.0f}"),
        ("trial", found["trial"][:12]),
        ("verdict", found["verdict"]),
    ]
    return table(title, ("", found["strategy"]), rows)


COMPARED = ("strategy", "net Sharpe", "PSR", "deflated", "drawdown", "turnover", "trades", "cost share", "verdict")


def compared_table(title: str, results: Sequence[Mapping[str, Any]]) -> Table:
    """Strategies side by side, the best ratio first."""
    ordered = sorted(results, key=lambda r: (r["sharpe"] is None, -(r["sharpe"] or 0.0)))
    rows = [
        (
            r["strategy"],
            ratio(r["sharpe"]),
            percent(r["psr"], 1),
            percent(r["deflated_sharpe"], 1),
            percent(r["max_drawdown"]),
            ratio(r["turnover"]),
            f"{r['trades']:,}",
            percent(r["cost_share"], 1),
            r["verdict"],
        )
        for r in ordered
    ]
    return table(title, COMPARED, rows, right=COMPARED[1:8])


def walked(found: Walk, outcomes: Sequence[Outcome], names: Sequence[str], tries: judge.Tries) -> dict[str, Any]:
    """A walk-forward: each window with its choice, and the record out of sample. names: settings of the grid."""
    windows = [
        {
            "train": list(w.train),
            "test": list(w.test),
            "chosen": None if w.chosen is None else chosen(outcomes[w.chosen], names),
            "train_sharpe": w.train_sharpe,
            "test_sharpe": w.test_sharpe,
        }
        for w in found.windows
    ]
    return {
        "strategy": outcomes[0].variant.strategy.id,
        "sets": len(outcomes),
        "windows": windows,
        "years": found.years,
        "sharpe": found.annual_sharpe,
        "overfitting": found.overfitting,
        "trials": tries.count,
    }


def chosen(outcome: Outcome, names: Sequence[str]) -> dict[str, Any]:
    """Values of the settings in this variant."""
    content = outcome.variant.content
    scopes = {"params": content["params"]["params"], "rules": content["rules"], "": content["params"]}
    parts = [(n, n.rpartition(".")) for n in names]
    return {n: scopes[scope][key] for n, (scope, _, key) in parts}


def walked_table(title: str, found: Mapping[str, Any]) -> Table:
    columns = ("train", "test", "chosen", "train Sharpe", "test Sharpe")
    rows = [
        (
            f"{w['train'][0]} to {w['train'][1]}",
            f"{w['test'][0]} to {w['test'][1]}",
            "nothing had a record" if w["chosen"] is None else settings_text(w["chosen"]),
            ratio(w["train_sharpe"]),
            ratio(w["test_sharpe"]),
        )
        for w in found["windows"]
    ]
    return table(title, columns, rows, right=columns[3:])


def settings_text(values: Mapping[str, Any]) -> str:
    """enter=0.3, instruments=DOL_1M ...; numbers without needless digits."""
    return ", ".join(f"{k}={_text(v)}" for k, v in values.items()) or "as configured"


def _text(value: object) -> str:
    if isinstance(value, list):
        return "+".join(str(v) for v in value)
    return f"{value:.10g}" if isinstance(value, float) else str(value)


def trials_table(title: str, trials: pl.DataFrame) -> Table:
    """Trials, newest last."""
    columns = ("trial", "Sao Paulo time", "strategy", "parameters", "sessions", "days", "Sharpe", "return", "turnover")
    rows = []
    for t in trials.iter_rows(named=True):
        own = json.loads(t["params"])
        values = {"enter": own["enter"], "exit": own["exit"], "horizon": own["horizon_days"], **own["params"]}
        yearly = None if t["sharpe"] is None else annualised(t["sharpe"])
        span = f"{t['first_session']} to {t['last_session']}"
        numbers = (f"{t['n_days']:,}", ratio(yearly), percent(t["annual_return"]), ratio(t["turnover"]))
        head = (t["trial_id"][:12], local(t["recorded_at"]), t["strategy_id"])
        rows.append((*head, settings_text(values), span, *numbers))
    return table(title, columns, rows, right=columns[5:])


def bars_table(title: str, bars: Mapping[str, Mapping[str, Any]], failures: Sequence[str]) -> Table:
    """Each bar: what is needed, what was found."""
    rows = [
        (
            name,
            f"{'above' if bar['strict'] else 'at least'} {bar['least']:g}",
            ratio(bar["found"], 3),
            "no" if any(f.startswith(f"{name} ") for f in failures) else "yes",
        )
        for name, bar in bars.items()
    ]
    made = table(title, ("bar", "needed", "found", "met"), rows, right=("found",))
    made.min_width = len(title)
    return made
