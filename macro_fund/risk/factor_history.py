"""What was known about the risk factors at each session: daily levels and shocks as dense arrays.

Belongs here: replaying silver/factor_shocks in the order in which its rows became known, the sessions at which
parameters are refit, the covariance of a window. Does not belong here: how shocks are measured, laws of moves
(filtered.py, copula.py), or what a position makes of them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date

import numpy as np
import polars as pl

from macro_fund.portfolio.covariance import complete_rows, shrunk_covariance
from macro_fund.portfolio.history import session_array

WINDOW = 756
"""Known trade dates that estimates rest on: those on which any of the factors had a close."""

MIN_DAYS = 252
"""Complete days below which there is no covariance and no VaR."""


class FactorHistory:
    """silver/factor_shocks as known at one session: `dates` ascending; `level`, `shock` (dates x factors), NaN = none.

    A later row of a day replaces the earlier one. `at` moves to another session, ascending is fast; the arrays move
    with it: copy what must outlive it. `dates` holds every trade date of the frame, `seen` those known so far.
    """

    def __init__(self, factor_shocks: pl.DataFrame, factors: Sequence[str]) -> None:
        rows = factor_shocks.filter(pl.col("factor").is_in(list(factors))).sort("session", "trade_date", "factor")
        self.factors = list(factors)
        self.dates = rows["trade_date"].unique().sort().to_numpy().astype("datetime64[D]")
        self._column = {f: k for k, f in enumerate(factors)}
        self._day = np.searchsorted(self.dates, rows["trade_date"].to_numpy().astype("datetime64[D]"))
        self._place = np.array([self._column[f] for f in rows["factor"]], dtype=np.int64)
        self._level, self._shock = (rows[c].fill_null(np.nan).to_numpy() for c in ("level", "shock"))
        self._known_in = rows["session"].to_numpy().astype("datetime64[D]")
        self._sessions = np.unique(self._known_in)
        self._start()

    def _start(self) -> None:
        self.level, self.shock = (np.full((len(self.dates), len(self.factors)), np.nan) for _ in range(2))
        self.seen, self._entered = np.zeros(len(self.dates), dtype=bool), 0

    def at(self, session: date | np.datetime64) -> FactorHistory:
        """Itself, with what the session knew."""
        now = int(np.searchsorted(self._known_in, np.datetime64(session), side="right"))
        if now < self._entered:
            self._start()
        new = slice(self._entered, now)
        # Rows are in the order of sessions, and of repeated places numpy keeps the last.
        self.level[self._day[new], self._place[new]] = self._level[new]
        self.shock[self._day[new], self._place[new]] = self._shock[new]
        self.seen[self._day[new]] = True
        self._entered = now
        return self

    def columns(self, factors: Sequence[str]) -> list[int]:
        """Positions of the named factors. ValueError: a name that the history does not have."""
        if unknown := [f for f in factors if f not in self._column]:
            raise ValueError(f"factor history has no {', '.join(unknown)}; it has {', '.join(self.factors)}")
        return [self._column[f] for f in factors]

    def recent(self, factors: Sequence[str]) -> np.ndarray:
        """Shocks of the last WINDOW known days (days x factors), with gaps, oldest first; a copy."""
        return self.shock[np.flatnonzero(self.seen)[-WINDOW:]][:, self.columns(factors)]

    def between(self, start: date, end: date) -> slice:
        """Rows of the days from `start` to `end`, both included."""
        low = int(np.searchsorted(self.dates, np.datetime64(start)))
        return slice(low, int(np.searchsorted(self.dates, np.datetime64(end), side="right")))

    def first_of(self, session: date, months: int) -> np.datetime64:
        """The first session with a row in the month (months = 1) or quarter (3) of `session`, at the latest itself."""
        start = date(session.year, (session.month - 1) // months * months + 1, 1)
        k = int(np.searchsorted(self._sessions, np.datetime64(start)))
        own = np.datetime64(session)
        return min(self._sessions[k], own) if k < len(self._sessions) else own


def walk(
    factor_shocks: pl.DataFrame, factors: Sequence[str], sessions: Sequence[date]
) -> Iterator[tuple[date, FactorHistory]]:
    """(session, history known by then) for each session in order; rows of sessions after the last one are ignored."""
    session_array(sessions)
    history = FactorHistory(factor_shocks.filter(pl.col("session") <= sessions[-1]), factors)
    for session in sessions:
        yield session, history.at(session)


def covariance(window: np.ndarray, names: Sequence[str]) -> tuple[np.ndarray | None, int, str]:
    """(daily covariance, days behind it, "") of a window of shocks, or (None, days, why not).

    Complete days only, at least 252; Ledoit-Wolf shrinkage of the correlations (portfolio/covariance.py).
    """
    rows = complete_rows(window)
    if len(rows) < MIN_DAYS:
        counts = (~np.isnan(window)).sum(axis=0)
        worst = int(np.argmin(counts))
        return (
            None,
            len(rows),
            f"{len(rows)} of the {MIN_DAYS} days that a covariance needs; {names[worst]} has {counts[worst]}",
        )
    still = np.flatnonzero(rows.std(axis=0) == 0)
    if len(still):
        return None, len(rows), f"{names[int(still[0])]} never moved in {len(rows)} days: frozen"
    return shrunk_covariance(rows), len(rows), ""
