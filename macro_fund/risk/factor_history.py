"""Past moves of the factors as each session knew them.

Belongs here: silver/factor_shocks as windows of days by factors, and the sessions at which parameters are refit. Does
not belong here: estimates made from a window (filtered.py, copula.py).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import numpy as np
import polars as pl

WINDOW = 756
"""Trade dates on which any of the factors had a close."""


class FactorHistory:
    """Windows of silver/factor_shocks by session; ask for sessions in any order, ascending is fast.

    Columns as in `factors`; NaN where a factor had no close or no move. A later row of a day replaces the earlier one.
    """

    def __init__(self, factor_shocks: pl.DataFrame, factors: Sequence[str]) -> None:
        rows = factor_shocks.filter(pl.col("factor").is_in(list(factors))).sort("session", "trade_date", "factor")
        self._width = len(factors)
        column = {f: k for k, f in enumerate(factors)}
        self._dates = rows["trade_date"].unique().sort().to_numpy()
        self._day = np.searchsorted(self._dates, rows["trade_date"].to_numpy())
        self._place = np.array([column[f] for f in rows["factor"]], dtype=np.int64)
        self._move = rows["shock"].fill_null(np.nan).to_numpy()
        self._known = rows["session"].to_numpy()
        self.sessions = rows["session"].unique().sort().to_numpy()
        self._start()

    def _start(self) -> None:
        self._table = np.full((len(self._dates), self._width), np.nan)
        self._seen, self._entered = np.zeros(len(self._dates), dtype=bool), 0

    def window(self, session: np.datetime64) -> np.ndarray:
        """Moves (days x factors) of the last WINDOW trade dates that the session knew, oldest first; a copy."""
        now = int(np.searchsorted(self._known, session, side="right"))
        if now < self._entered:
            self._start()
        new = slice(self._entered, now)
        # Rows are in the order of sessions, and of repeated places numpy keeps the last.
        self._table[self._day[new], self._place[new]] = self._move[new]
        self._seen[self._day[new]] = True
        self._entered = now
        return self._table[np.flatnonzero(self._seen)[-WINDOW:]]

    def first_of(self, session: date, months: int) -> np.datetime64:
        """The first session with a row in the month (months = 1) or quarter (3) of `session`, at the latest itself."""
        start = date(session.year, (session.month - 1) // months * months + 1, 1)
        k = int(np.searchsorted(self.sessions, np.datetime64(start)))
        own = np.datetime64(session)
        return min(self.sessions[k], own) if k < len(self.sessions) else own
