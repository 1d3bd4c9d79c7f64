"""A tearsheet: everything about one backtest on one self-contained page.

Belongs here: claim, result, belief, and the order of sections. Does not belong here: what was held (tearsheet_held.py),
statistics (backtest/), layout (render.py), pictures (tearsheet_plots.py), reading a home (research/).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import polars as pl

from macro_fund.backtest import judge, performance
from macro_fund.backtest.compare import Interval, sharpe_interval
from macro_fund.backtest.market import Vector
from macro_fund.backtest.robustness import subperiods
from macro_fund.backtest.sharpe import PERIODS, annualised, minimum_backtest_length, sharpe, sharpe_deviation
from macro_fund.reports import tearsheet_plots as plots
from macro_fund.reports.blocks import Grid, Number, Picture, Section, Style
from macro_fund.reports.pack import Pack
from macro_fund.reports.render import to_html
from macro_fund.reports.tearsheet_held import costs, exposure, trades
from macro_fund.reports.tearsheet_model import Sheet
from macro_fund.reports.tearsheet_model import number as _n

__all__ = ["Sheet", "regime_rows", "rolling_sharpe", "tearsheet"]

ROLLING = 252
SEED = 20100104
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def tearsheet(sheet: Sheet) -> str:
    """The page as HTML; the same input gives the same bytes. A strategy that never held anything gets a page that says
    so, with its claim and its settings."""
    sections = [_claim(sheet), *(_measured(sheet) if sheet.record.sharpe is not None else ())]
    span = f"{sheet.outcome.first} to {sheet.outcome.last}"
    facts = [span, "net of costs, in excess of CDI", judge.verdict(sheet.record, sheet.tries)]
    if sheet.promoted:
        facts.append(f"promoted {sheet.promoted}")
    return to_html(Pack(sheet.outcome.last, f"{sheet.id}: tearsheet", sheet.watermark, facts, sections))


def _measured(sheet: Sheet) -> list[Section]:
    return [
        _result(sheet),
        _paths(sheet),
        _months(sheet),
        _belief(sheet),
        _parts(sheet),
        trades(sheet),
        costs(sheet),
        exposure(sheet),
    ]


def _claim(sheet: Sheet) -> Section:
    content = sheet.outcome.variant.content
    own, rules = content["params"], content["rules"]
    settings = {k: v for k, v in own.items() if k != "params"} | own["params"]
    proxy, lag = _share(sheet.proxy, "the days of its instruments"), _share(sheet.lag, "the values that it reads")
    basis = [
        f"prices of a stand-in instead of the listed contract: {proxy}",
        f"data dated by a publication lag instead of a known release: {lag}",
    ]
    lines = [
        f"Hypothesis: {sheet.hypothesis}",
        f"Falsified by: {sheet.falsified_by}",
        *(f"Basis: {b}" for b in basis),
        f"Parameters: {_words(settings)}",
        f"Rules: {_words(rules)}",
        f"Trial {sheet.trial_id[:12]}; {sheet.tries.count} trials are in the ledger",
    ]
    if sheet.record.sharpe is None:
        lines.append("It never held a position in these sessions: there is nothing to show")
    return Section("claim", "Claim and basis", lines)


def _share(value: float | None, of: str) -> str:
    return "no row was read" if value is None else f"{value:.0%} of {of}"


def _words(values: Mapping[str, object]) -> str:
    shown = {k: f"{v:,.10g}" if isinstance(v, float) else v for k, v in values.items()}
    return ", ".join(f"{k} {', '.join(v) if isinstance(v, list) else v}" for k, v in shown.items())


def _interval(sheet: Sheet) -> Interval:
    return sharpe_interval(sheet.returns, seed=SEED)


def _result(sheet: Sheet) -> Section:
    r, x = sheet.record, sheet.returns
    gross = sheet.outcome.gross_returns[sheet.outcome.start :]
    ratio = annualised(sharpe(gross)) if np.ptp(gross) > 0 else None
    left: list[tuple[str, float | None, Style]] = [
        ("net Sharpe ratio, a year", r.annual_sharpe, "number"),
        ("before costs", ratio, "number"),
        ("net return a year", r.annual_return, "percent"),
        ("volatility a year", r.volatility, "percent"),
        ("deepest drawdown", r.drawdown, "percent"),
        ("Calmar", r.annual_return / -r.drawdown if r.drawdown < 0 else None, "number"),
    ]
    right: list[tuple[str, float | None, Style]] = [
        ("Sortino", performance.sortino(x), "number"),
        ("days that gained, of those that moved", performance.hit_rate(x), "percent"),
        ("sessions with a record", float(r.n_days), "count"),
        ("trades closed", float(r.trades), "count"),
        ("costs, of the gross gain", r.cost_share, "percent"),
        ("margin traded a year, x capital", r.turnover, "number"),
    ]
    grids = [Grid(("", ""), [(name, _n(name, v, style)) for name, v, style in part]) for part in (left, right)]
    return Section("result", "Result", grids=grids)


def _paths(sheet: Sheet) -> Section:
    start, x = sheet.outcome.start, sheet.returns
    gross = sheet.outcome.gross_returns[start:]
    cash = sheet.cash[start:]
    unknown = int(np.count_nonzero(~np.isfinite(cash)))
    rate = np.nan_to_num(cash)
    worth = {name: _worth(rate, p) for name, p in (("net", x), ("before costs", gross), ("CDI", np.zeros_like(x)))}
    excess = {"net": np.cumsum(x), "before costs": np.cumsum(gross)}
    wealth = np.cumsum(x)
    depth = wealth - np.maximum.accumulate(np.concatenate([[0.0], wealth]))[1:]
    pictures = [
        Picture.still("equity", plots.equity_picture(sheet.axis, worth, excess)),
        Picture.still("drawdown", plots.drawdown_picture(sheet.axis, depth)),
        Picture.still(
            "rolling Sharpe", plots.rolling_picture(sheet.axis, rolling_sharpe(x), sheet.record.annual_sharpe)
        ),
    ]
    lines = [f"CDI is unknown on {unknown} sessions, which earn none in the picture"] if unknown else []
    return Section("paths", "Equity, drawdown, rolling Sharpe", lines, pictures=pictures)


def _worth(rate: Vector, earned: Vector) -> Vector:
    """100 that earn CDI, and P&L of a constant 100 on top."""
    out, worth = np.empty_like(earned), 100.0
    for t in range(earned.size):
        worth = worth * (1.0 + rate[t]) + 100.0 * earned[t]
        out[t] = worth
    return out


def rolling_sharpe(returns: Vector, window: int = ROLLING) -> Vector:
    """(T,) annual ratio of the last `window` days; NaN before as many, and where they never varied."""
    out = np.full(returns.size, np.nan)
    if returns.size >= window:
        seen = np.lib.stride_tricks.sliding_window_view(returns, window)
        spread = np.where(np.ptp(seen, axis=1) > 0, seen.std(axis=1, ddof=1), np.nan)
        out[window - 1 :] = seen.mean(axis=1) / spread * np.sqrt(PERIODS)
    return out


def _months(sheet: Sheet) -> Section:
    table = performance.monthly_table(pl.Series("session", sheet.days, dtype=pl.Date), sheet.returns)
    columns = [c for c in table.columns if c != "year"]
    rows: list[list[str | Number]] = []
    for r in table.to_dicts():
        cells = [_n(f"{r['year']} {c}", r[c], "count" if r[c] == 0 else "percent") for c in columns]
        rows.append([str(r["year"]), *cells])
    words = "0: nothing was held in the month; days compound"
    return Section("months", "Net return by month", [words], [Grid(("year", *MONTHS, "year's total"), rows)])


def _belief(sheet: Sheet) -> Section:
    r, interval = sheet.record, _interval(sheet)
    needed = minimum_backtest_length(sheet.tries.count)
    items: list[tuple[str, float | None, Style]] = [
        ("95% interval of the net Sharpe ratio, low", annualised(interval.low), "number"),
        ("95% interval of the net Sharpe ratio, high", annualised(interval.high), "number"),
        ("probability of a true ratio above 0 (PSR)", r.psr, "percent"),
        (f"the same, counting {sheet.tries.count} trials (DSR)", judge.deflated(r, sheet.tries), "percent"),
        ("years of data", r.years, "number"),
        (f"years in which luck of {sheet.tries.count} trials shows a ratio of 1", needed, "number"),
        ("skew of daily returns", r.skew, "number"),
        ("kurtosis (normal is 3)", r.kurt, "number"),
    ]
    rows = [(name, _n(name, v, style)) for name, v, style in items]
    stressed = [(f"{f:g} x", _n(f"Sharpe at {f:g}x costs", v, "number")) for f, v in sheet.stress.items()]
    grids = [Grid(("how sure", ""), rows), Grid(("costs", "net Sharpe"), stressed)]
    return Section("belief", "How far to believe it", [f"Verdict: {judge.verdict(r, sheet.tries)}"], grids)


def _parts(sheet: Sheet) -> Section:
    found = subperiods(pl.Series("session", sheet.days, dtype=pl.Date), sheet.returns)
    years = [
        (
            p["period"],
            _n("days", p["days"], "count"),
            _n("return", p["total_return"], "percent"),
            _n("drawdown", p["max_drawdown"], "percent"),
            _n("sharpe", p["sharpe"], "number"),
            _n("deviation", p["deviation"], "number"),
        )
        for p in found.to_dicts()
    ]
    start = sheet.outcome.start
    head = ("days", "return a year", "net Sharpe", "± 1 deviation")
    rows = regime_rows(sheet.returns, sheet.states[start:])
    grids = [
        Grid(("year", "days", "return", "drawdown", "net Sharpe", "± 1 deviation"), years),
        Grid(("regime that morning", *head), rows, "the regime agent has no view in these sessions"),
    ]
    return Section("parts", "Years and regimes", grids=grids)


def regime_rows(returns: Vector, states: Sequence[str | None]) -> list[tuple[str | Number, ...]]:
    """Record by the most likely regime known in the morning; days without a view are a row of their own."""
    names = sorted({s for s in states if s}) + ([None] if None in states else [])
    if names == [None]:
        return []
    rows: list[tuple[str | Number, ...]] = []
    for name in names:
        x = returns[np.array([s == name for s in states])]
        moves = x.size > 1 and np.ptp(x) > 0
        ratio = annualised(sharpe(x)) if moves else None
        error = annualised(sharpe_deviation(sharpe(x), x.size)) if moves else None
        words = name or "no view"
        numbers = (float(x.size), float(x.mean() * PERIODS), ratio, error)
        styles: tuple[Style, ...] = ("count", "percent", "number", "number")
        rows.append((words, *(_n(words, v, s) for v, s in zip(numbers, styles, strict=True))))
    return rows
