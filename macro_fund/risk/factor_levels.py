"""What was known about the risk factors at each session: daily levels and shocks as dense arrays.

Belongs here: replaying silver/factor_shocks in the order in which its rows became known, and the covariance that such a
history carries. Does not belong here: how shocks are measured, or what a position makes of them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
import polars as pl

from macro_fund.portfolio.covariance import complete_rows, shrunk_covariance
from macro_fund.portfolio.history import session_array

WINDOW = 756
"""Known trade dates that a covariance rests on."""

MIN_DAYS = 252
"""Complete days below which there is no covariance."""


@dataclass(frozen=True)
class Known:
    """Factor history as known at one session: `dates` ascending; `level`, `shock` (dates x factors), NaN = none.

    The arrays are the walk's own and change with its next step: copy what must outlive it.
    """

    factors: Sequence[str]
    dates: np.ndarray
    level: np.ndarray
    shock: np.ndarray
    seen: np.ndarray

    def columns(self, factors: Sequence[str]) -> list[int]:
        """Positions of the named factors. ValueError: a name that the history does not have."""
        place = {f: k for k, f in enumerate(self.factors)}
        if unknown := [f for f in factors if f not in place]:
            raise ValueError(f"factor history has no {', '.join(unknown)}; it has {', '.join(self.factors)}")
        return [place[f] for f in factors]

    def recent(self, factors: Sequence[str], length: int = WINDOW) -> np.ndarray:
        """Shocks of the last `length` known days (days x factors), with gaps."""
        return self.shock[np.flatnonzero(self.seen)[-length:]][:, self.columns(factors)]

    def between(self, start: date, end: date) -> slice:
        """Rows of the days from `start` to `end`, both included."""
        low = int(np.searchsorted(self.dates, np.datetime64(start)))
        return slice(low, int(np.searchsorted(self.dates, np.datetime64(end), side="right")))


def walk(shocks: pl.DataFrame, factors: Sequence[str], sessions: Sequence[date]) -> Iterator[tuple[date, Known]]:
    """(session, history known by then) for each session in order; a later row of a day replaces the earlier one.

    `shocks`: silver/factor_shocks with full history; rows of sessions after the last one are ignored, and at each
    session those of later ones.
    """
    session_array(sessions)
    rows = (
        shocks.lazy()
        .filter(pl.col("session") <= sessions[-1], pl.col("factor").is_in(list(factors)))
        .select("session", "trade_date", "factor", "level", "shock")
        .sort("session", "trade_date", "factor")
        .collect()
    )
    dates = rows["trade_date"].unique().sort().to_numpy().astype("datetime64[D]")
    day = np.searchsorted(dates, rows["trade_date"].to_numpy().astype("datetime64[D]"))
    column = rows["factor"].replace_strict(
        list(factors), list(range(len(factors))), return_dtype=pl.Int64
    ).to_numpy()  # fmt: skip
    level, shock = (rows[c].fill_null(np.nan).to_numpy() for c in ("level", "shock"))
    known_in = rows["session"].to_numpy().astype("datetime64[D]")
    shape = (len(dates), len(factors))
    now = Known(factors, dates, np.full(shape, np.nan), np.full(shape, np.nan), np.zeros(len(dates), dtype=bool))
    entered = 0
    for session in sessions:
        until = int(np.searchsorted(known_in, np.datetime64(session), side="right"))
        # Session by session within the stretch: a revised row must come after the row that it replaces.
        new = np.arange(entered, until)
        for part in np.split(new, np.flatnonzero(np.diff(known_in[new].astype(np.int64))) + 1):
            now.level[day[part], column[part]] = level[part]
            now.shock[day[part], column[part]] = shock[part]
            now.seen[day[part]] = True
        entered = until
        yield session, now


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
