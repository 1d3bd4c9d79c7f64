"""One-day VaR and expected shortfall of the target book, with parts by instrument and strategy.

Belongs here: scenarios of the book from the shocks known at each session, the two methods, the risk/var table. Does not
belong here: the formulas (measures), stress scenarios (stress), limits (limits).

History: the last 756 trade dates known at the session, those on which every instrument held has a shock; at least 252.
`parametric`: normal, mean zero, linear P&L (-DV01 x bp + delta x log return), covariance of the instruments held with
Ledoit-Wolf shrinkage of the correlations. Parts are Euler's.
`historical`: the same days replayed, -DV01 x bp + delta x (exp(log return) - 1). Parts are the losses of the scenarios
at the quantile (VaR) and in the tail (ES).
A strategy's part is its shares of the instruments' parts. All parts of a scope sum to the total.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
import polars as pl

from macro_fund.portfolio.covariance import complete_rows, shrunk_covariance
from macro_fund.portfolio.history import known_shocks, session_array
from macro_fund.risk.book import TargetBook, target_book
from macro_fund.risk.measures import gaussian_es, gaussian_var, historical_parts, sigma_parts
from macro_fund.store.tables import TABLES

TABLE = TABLES["risk/var"]
WINDOW = 756
MIN_SCENARIOS = 252
LEVELS = (0.95, 0.99)
METHODS = ("historical", "parametric")


@dataclass(frozen=True)
class _Numbers:
    """total (session, method, level, measure) and parts (..., instrument); measure 0 is VaR, 1 is ES."""

    total: np.ndarray
    parts: np.ndarray
    scenarios: np.ndarray
    status: np.ndarray
    reason: np.ndarray


@dataclass(frozen=True)
class _Scope:
    """One scope's items: values (session, method, level, measure, item), present (session, item)."""

    name: str
    items: Sequence[str]
    values: np.ndarray
    present: np.ndarray
    book: TargetBook | None = None


def value_at_risk(targets: pl.DataFrame, instrument_returns: pl.DataFrame, sessions: Sequence[date]) -> pl.DataFrame:
    """risk/var: total, instrument and strategy rows for each session, method and level.

    `instrument_returns`: full history up to the last session. A target without a view leaves the total `degraded` with
    its name; a book with too little history, or without any view, has no number (no_view).
    """
    book = target_book(targets, sessions)
    numbers = _numbers(book, instrument_returns, sessions)
    everywhere = np.ones((len(sessions), 1), dtype=bool)
    frames = [
        _rows(sessions, numbers, _Scope("total", ["total"], numbers.total[..., None], everywhere)),
        _rows(sessions, numbers, _Scope("instrument", book.instruments, numbers.parts, book.listed, book)),
        _rows(sessions, numbers, _strategies(book, numbers)),
    ]
    return pl.concat(frames).select(pl.col(n).cast(t) for n, t in TABLE.schema.items()).sort(TABLE.sort)


def scenario_pnl(shocks: np.ndarray, dv01: np.ndarray, delta: np.ndarray, linear: bool) -> np.ndarray:
    """P&L (days x positions, BRL) of shocks: bp where a position has a DV01, log returns where it has a delta."""
    returns = np.where(dv01 != 0, 0.0, shocks)
    return -dv01 * shocks + delta * (returns if linear else np.expm1(returns))


def _numbers(book: TargetBook, returns: pl.DataFrame, sessions: Sequence[date]) -> _Numbers:
    n, width = len(sessions), len(book.instruments)
    total = np.full((n, len(METHODS), len(LEVELS), 2), np.nan)
    parts = np.full((n, len(METHODS), len(LEVELS), 2, width), np.nan)
    scenarios = np.zeros(n, dtype=np.int32)
    status, reason = np.full(n, "ok", dtype=object), np.full(n, "", dtype=object)
    for epoch in known_shocks(returns, book.instruments, sessions):
        for s, window in epoch.windows(WINDOW):
            held = np.flatnonzero(book.held[s])
            status[s], reason[s] = _standing(book, s)
            if status[s] == "no_view":
                continue
            shocks = complete_rows(window[:, held]) if len(held) else np.zeros((0, 0))
            scenarios[s] = len(shocks)
            if problem := _unfit(book, held, window, shocks):
                status[s], reason[s] = "no_view", problem
                continue
            parts[s] = 0.0
            total[s], parts[s][..., held] = _measure(shocks, book.dv01[s, held], book.delta[s, held])
    return _Numbers(total, parts, scenarios, status, reason)


def _standing(book: TargetBook, session: int) -> tuple[str, str]:
    """Status and reason of the whole book before history is looked at."""
    missing = book.missing(session)
    if not book.known[session].any():
        return "no_view", "; ".join(["no target has a view", *missing])
    words = [] if book.held[session].any() else ["no positions"]
    return ("degraded", "; ".join([*words, "without " + ", ".join(missing)])) if missing else ("ok", "; ".join(words))


def _unfit(book: TargetBook, held: np.ndarray, window: np.ndarray, shocks: np.ndarray) -> str:
    """Why these shocks cannot carry a VaR of the held instruments; empty when they can."""
    if not len(held):
        return ""
    if len(shocks) < MIN_SCENARIOS:
        counts = (~np.isnan(window[:, held])).sum(axis=0)
        worst = int(held[int(np.argmin(counts))])
        return (
            f"{len(shocks)} of the {MIN_SCENARIOS} days that a VaR needs; {book.instruments[worst]} has {counts.min()}"
        )
    still = held[shocks.std(axis=0) == 0]
    return f"{book.instruments[int(still[0])]} never moved in {len(shocks)} days: frozen" if len(still) else ""


def _measure(shocks: np.ndarray, dv01: np.ndarray, delta: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(method, level, measure) totals and their parts for one session's held positions."""
    total = np.zeros((len(METHODS), len(LEVELS), 2))
    parts = np.zeros((*total.shape, len(dv01)))
    if not len(dv01):
        return total, parts
    replayed = scenario_pnl(shocks, dv01, delta, linear=False)
    sigma, pulls = sigma_parts(np.where(dv01 != 0, -dv01, delta), shrunk_covariance(shocks))
    for k, level in enumerate(LEVELS):
        var, es, var_parts, es_parts = historical_parts(replayed, level)
        total[0, k], parts[0, k] = (var, es), (var_parts, es_parts)
        factors = gaussian_var(1.0, level), gaussian_es(1.0, level)
        total[1, k], parts[1, k] = [f * sigma for f in factors], [f * pulls for f in factors]
    return total, parts


def _strategies(book: TargetBook, numbers: _Numbers) -> _Scope:
    """Instrument parts split by strategy shares, and which strategies own something in each session."""
    split = np.zeros((*numbers.parts.shape[:-1], len(book.strategies)))
    for k in range(len(book.instruments)):
        share = book.share[:, None, None, None, k, :]
        split = split + np.where(share != 0, numbers.parts[..., k, None] * share, 0.0)
    owned = np.asarray((book.share > 0).any(axis=1))
    return _Scope("strategy", book.strategies, split, owned)


def _rows(sessions: Sequence[date], numbers: _Numbers, scope: _Scope) -> pl.DataFrame:
    """Long rows of one scope; a target without a view is no_view with its own reason."""
    axes = (len(sessions), len(scope.items), len(METHODS), len(LEVELS))
    s, k, m, level = (a.ravel() for a in np.indices(axes))
    keep = scope.present[s, k]
    s, k, m, level = s[keep], k[keep], m[keep], level[keep]
    status, reason = numbers.status[s].copy(), numbers.reason[s].copy()
    if scope.book is not None:
        blind = ~scope.book.known[s, k]
        status[blind], reason[blind] = "no_view", scope.book.reason[s, k][blind]
    void = status == "no_view"
    return pl.DataFrame(
        {
            "session": pl.Series(session_array(sessions)[s]).cast(pl.Date),
            "method": np.array(METHODS)[m],
            "level": np.array(LEVELS)[level],
            "scope": [scope.name] * len(s),
            "item": np.array(scope.items, dtype=str)[k],
            "var_brl": np.where(void, np.nan, scope.values[s, m, level, 0, k]),
            "es_brl": np.where(void, np.nan, scope.values[s, m, level, 1, k]),
            "n_scenarios": numbers.scenarios[s],
            "status": pl.Series(status.tolist(), dtype=pl.String),
            "reason": pl.Series(reason.tolist(), dtype=pl.String),
        }
    ).with_columns(pl.col("var_brl", "es_brl").fill_nan(None))
