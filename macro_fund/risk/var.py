"""One-day VaR and expected shortfall of the target book on its risk factors, with parts that sum.

Belongs here: the moves that each session knew, when parameters are refit, the standing of a book, the risk/var table.
Does not belong here: what a method does (methods.py), P&L (positions.py), laws of moves (filtered.py, copula.py),
scopes and rows (var_rows.py).

History: the last 756 trade dates of the factors that the book can rest on, known at the session; the days on which
every factor held has a move, at least 252. GARCH parameters are fitted at the first session of a quarter, marginals and
copula at the first of a month, on what was known then, and frozen between; volatilities are of each session's own days.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date

import numpy as np
import polars as pl

from macro_fund.portfolio.covariance import complete_rows
from macro_fund.risk.book import TargetBook, target_book
from macro_fund.risk.copula import Joint, draws, fit_nu, rank_correlation
from macro_fund.risk.exposures import MAPPED, held_positions
from macro_fund.risk.factor_history import MIN_DAYS, FactorHistory
from macro_fund.risk.filtered import Garch, filtered_moves, fit_garch
from macro_fund.risk.methods import SIMULATED, Moves, measure
from macro_fund.risk.positions import Positions, positions
from macro_fund.risk.var_rows import Session, rows_of
from macro_fund.settings import Instrument

ENOUGH_TO_FIT = 126
"""Complete days known at a refit below which a session's own window is fitted instead."""


class Estimates:
    """Parameters by refit, made when a book first needs them. Give sessions in ascending order."""

    def __init__(self, history: FactorHistory) -> None:
        self._history = history
        self._at: dict[int, np.datetime64] = {}
        self._window: dict[int, np.ndarray] = {}
        self._garch: dict[int, Garch] = {}
        self._draws: dict[tuple[int, ...], dict[str, np.ndarray]] = {}

    def open(self, session: date) -> None:
        """Forget parameters whose month or quarter is over, and look at the windows of the refits of this one."""
        for months, forget in ((3, self._garch.clear), (1, self._draws.clear)):
            at = self._history.first_of(session, months)
            if self._at.get(months) != at:
                forget()
                self._at[months], self._window[months] = at, self._history.at(at).recent(MAPPED)

    def garch(self, factors: tuple[int, ...], window: np.ndarray) -> list[Garch]:
        """Of each held factor. window: all factors' moves of the session's own window."""
        past = self._fit_on(3, factors)
        if past is None:
            return [fit_garch(_moves(window, f)) for f in factors]
        for f in factors:
            if f not in self._garch:
                self._garch[f] = fit_garch(_moves(past, f))
        return [self._garch[f] for f in factors]

    def simulated(self, factors: tuple[int, ...], window: np.ndarray) -> dict[str, np.ndarray]:
        """Unit-variance draws of the held factors, by method."""
        past = self._fit_on(1, factors)
        if past is None:
            return _draws(factors, window)
        if factors not in self._draws:
            self._draws[factors] = _draws(factors, past)
        return self._draws[factors]

    def _fit_on(self, months: int, factors: tuple[int, ...]) -> np.ndarray | None:
        window = self._window[months]
        days = complete_rows(window[:, list(factors)])
        return window if len(days) >= ENOUGH_TO_FIT and (days.std(axis=0) > 0).all() else None


def _moves(window: np.ndarray, factor: int) -> np.ndarray:
    column = window[:, factor]
    return np.ascontiguousarray(column[~np.isnan(column)])


def _draws(factors: tuple[int, ...], window: np.ndarray) -> dict[str, np.ndarray]:
    nu = np.array([fit_nu(_moves(window, f)) for f in factors])
    joint = Joint(nu, rank_correlation(np.ascontiguousarray(window[:, list(factors)])))
    return {name: draws(factors, joint, t_copula=name == "t_copula") for name in SIMULATED}


def value_at_risk(
    targets: pl.DataFrame,
    exposed: pl.DataFrame,
    factor_shocks: pl.DataFrame,
    instrument_returns: pl.DataFrame,
    instruments: Sequence[Instrument],
    sessions: Sequence[date],
) -> pl.DataFrame:
    """risk/var of the sessions: every method, level, scope and item.

    exposed: risk/exposures of the sessions; factor_shocks, instrument_returns: full history up to the last session. A
    target without a view leaves the total `degraded` with its name; a book with too little history, or without any
    view, has no number (no_view). ValueError: targets and exposures that do not hold the same positions.
    """
    book = target_book(targets, sessions)
    held = held_positions(targets, instrument_returns, instruments, sessions).partition_by("session", as_dict=True)
    pairs = exposed.filter(pl.col("session").is_in(list(sessions))).partition_by("session", as_dict=True)
    if set(held) != set(pairs):
        odd = min(set(held) ^ set(pairs))[0]
        raise ValueError(
            f"{odd}: held in only one of portfolio/targets and risk/exposures; compute risk/exposures first"
        )
    of_class = {i.id: i.asset_class for i in instruments}
    mine = {k[0]: positions(frame, pairs[k]) for k, frame in held.items()}
    return rows_of(_sessions(book, mine, FactorHistory(factor_shocks, MAPPED), sessions), book, of_class)


def _sessions(
    book: TargetBook, mine: dict[date, Positions], history: FactorHistory, sessions: Sequence[date]
) -> Iterator[Session]:
    estimates = Estimates(history)
    for s, session in enumerate(sessions):
        status, reason = standing(book, s)
        held = mine.get(session)
        if status == "no_view" or held is None:
            yield Session(s, session, status, reason, None, None, 0)
            continue
        moves, days, problem = moves_of(held.factors, session, history, estimates)
        if moves is None:
            yield Session(s, session, "no_view", problem, held, None, days)
        else:
            yield Session(s, session, status, reason, held, measure(held, moves), days)


def moves_of(
    factors: tuple[int, ...], session: date, history: FactorHistory, estimates: Estimates
) -> tuple[Moves | None, int, str]:
    """(what the methods apply to a book on these factors, complete days behind it, why there is nothing to apply).

    factors: columns of MAPPED, ascending. Give sessions in ascending order.
    """
    estimates.open(session)
    window = history.at(session).recent(MAPPED)
    columns = list(factors)
    days = complete_rows(window[:, columns])
    if problem := _unfit(factors, window, days):
        return None, len(days), problem
    garch = estimates.garch(factors, window)
    ewma = [MAPPED[f] for f, model in zip(columns, garch, strict=True) if not model.fitted]
    filtered = complete_rows(filtered_moves(np.ascontiguousarray(window[:, columns]), garch))
    return Moves(days, filtered, estimates.simulated(factors, window), ewma), len(days), ""


def standing(book: TargetBook, session: int) -> tuple[str, str]:
    """Status and reason of the whole book before history is looked at."""
    missing = book.missing(session)
    if not book.known[session].any():
        return "no_view", "; ".join(["no target has a view", *missing])
    words = [] if book.held[session].any() else ["no positions"]
    return ("degraded", "; ".join([*words, "without " + ", ".join(missing)])) if missing else ("ok", "; ".join(words))


def _unfit(factors: tuple[int, ...], window: np.ndarray, days: np.ndarray) -> str:
    """Why these days cannot carry a VaR of the factors held; empty when they can."""
    columns = np.array(factors, dtype=np.int64)
    if len(days) < MIN_DAYS:
        counts = (~np.isnan(window[:, columns])).sum(axis=0)
        worst = int(np.argmin(counts))
        return f"{len(days)} of the {MIN_DAYS} days that a VaR needs; {MAPPED[columns[worst]]} has {counts[worst]}"
    still = columns[days.std(axis=0) == 0]
    return f"{MAPPED[int(still[0])]} never moved in {len(days)} days: frozen" if len(still) else ""
