"""What sizing knows of each session and instrument: score, settlement, volatility, exposure, and what is missing.

Belongs here: joining convictions with marks and past shocks, point in time; correlations of a session. Does not belong
here: limits and problems (inputs), or decisions.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
import polars as pl

from macro_fund.portfolio.covariance import complete_rows, ewma_vol, shrunk_covariance
from macro_fund.portfolio.history import FROZEN_AFTER, Epoch, known_shocks, latest_marks, session_array

MIN_SHOCKS = 63
CORRELATION_WINDOW = 756


@dataclass(frozen=True)
class Past:
    """Daily volatility of one unit of shock and the number of shocks behind it, axes (session, instrument)."""

    epochs: list[Epoch]
    vol: np.ndarray
    count: np.ndarray

    def correlation(self, session: int, towards: np.ndarray, on: np.ndarray, sign: np.ndarray) -> np.ndarray:
        """(n, n) correlation of the contracts' P&L at position `session` of the session list.

        Ledoit-Wolf, last 756 days on which every instrument `on` (mask) has a shock. towards: sign of a contract's P&L
        for a positive shock. Fewer than 63 such days, or one that never moved: the positions (of `sign`) count as
        perfectly correlated, the most that they can be. Instruments that are not on are uncorrelated.
        """
        found = np.eye(len(towards))
        held = np.flatnonzero(on)
        if len(held) < 2:
            return found
        at = np.ix_(held, held)
        epoch, k = self._epoch_of(session)
        known = int(epoch.known[k])
        shocks = complete_rows(epoch.shocks[max(0, known - CORRELATION_WINDOW) : known, held])
        moves = shocks.std(axis=0) > 0 if len(shocks) else np.zeros(len(held), dtype=bool)
        if len(shocks) < MIN_SHOCKS or not moves.all():
            found[at] = np.outer(sign[held], sign[held])
            return found
        covariance = shrunk_covariance(shocks)
        spread = np.sqrt(np.diag(covariance))
        found[at] = covariance / np.outer(spread, spread) * np.outer(towards[held], towards[held])
        return found

    def _epoch_of(self, session: int) -> tuple[Epoch, int]:
        for epoch in self.epochs:
            at = int(np.searchsorted(epoch.index, session))
            if at < len(epoch.index) and epoch.index[at] == session:
                return epoch, at
        raise IndexError(f"no history of session number {session}")


def past(returns: pl.DataFrame, names: Sequence[str], sessions: Sequence[date]) -> Past:
    epochs = known_shocks(returns, names, sessions)
    vol = np.full((len(sessions), len(names)), np.nan)
    count = np.zeros((len(sessions), len(names)), dtype=np.int64)
    for epoch in epochs:
        some = epoch.known > 0
        index, last = epoch.index[some], epoch.known[some] - 1
        vol[index] = ewma_vol(epoch.shocks)[last]
        count[index] = np.cumsum(~np.isnan(epoch.shocks), axis=0)[last]
    return Past(epochs, vol, count)


def cells(
    conviction: pl.DataFrame, returns: pl.DataFrame, names: Sequence[str], known: Past, sessions: Sequence[date]
) -> pl.DataFrame:
    """The session x instrument grid with score, settlement, sigma_brl, and the final status and reason.

    no_view with the reason: no conviction, no fresh settlement, a frozen one, fewer than 63 shocks, or no movement.
    """
    grid = pl.DataFrame(
        {
            "session": pl.Series(np.repeat(session_array(sessions), len(names))).cast(pl.Date),
            "instrument": list(names) * len(sessions),
            "vol": known.vol.ravel(),
            "count": known.count.ravel(),
        }
    )
    views = conviction.select("session", "instrument", "score", "conviction", "status", "reason")
    keys = ["session", "instrument"]
    joined = grid.join(views, on=keys, how="left", maintain_order="left").join(
        latest_marks(returns, sessions), on=keys, how="left", maintain_order="left"
    )
    unit = pl.max_horizontal(pl.col("unit_dv01_brl").abs(), pl.col("unit_delta_brl").abs())
    sigma = pl.when(pl.col("count") >= MIN_SHOCKS).then(pl.col("vol") * unit)
    return (
        joined.with_columns(sigma.alias("sigma_brl"))
        .with_columns(_blocked().alias("blocked"))
        .with_columns(
            pl.when(pl.col("blocked").is_null()).then("status").otherwise(pl.lit("no_view")).alias("status"),
            pl.coalesce("blocked", "reason").alias("reason"),
        )
    )


def _blocked() -> pl.Expr:
    """Why an instrument cannot be sized, in words; null when it can."""
    return (
        pl.when(pl.col("status").is_null())
        .then(pl.format("no conviction row for {}", "instrument"))
        .when((pl.col("status") == "no_view") | pl.col("score").is_null() | pl.col("conviction").is_null())
        .then("reason")
        .when(pl.col("price").is_null())
        .then(pl.format("no listed settlement for {}", "instrument"))
        .when(pl.col("frozen"))
        .then(pl.format(f"settlement of {{}} unchanged for {FROZEN_AFTER} sessions: frozen", "instrument"))
        .when(pl.col("count") < MIN_SHOCKS)
        .then(
            pl.format(f"{{}} has {{}} of the {MIN_SHOCKS} daily shocks that a volatility needs", "instrument", "count")
        )
        .when(~(pl.col("sigma_brl") > 0).fill_null(False))
        .then(pl.format("{} has no volatility: it did not move", "instrument"))
    )
