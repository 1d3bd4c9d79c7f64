"""What was known about each instrument's past shocks and last settlement, session by session.

Belongs here: turning `silver/instrument_returns` (one row per session in which it became known) into matrices that a
session may use. Does not belong here: volatility and correlation (covariance), or any decision.

A settlement file can arrive late, or be corrected: rows of an old trade date then appear in a later session. Between
two such sessions history only grows at its end, so one matrix serves them all; `Epoch` is that stretch.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
import polars as pl

FROZEN_AFTER = 3
"""Sessions in a row without any change of a contract's settlement after which it counts as frozen, not as calm."""


@dataclass(frozen=True)
class Epoch:
    """A stretch of output sessions that share one history matrix.

    `index`: positions in the output session list. `known`: rows of `shocks` known at each of them.
    `trade_dates` (rows) ascending; `shocks` (rows x instruments): bp for rates, log returns otherwise, NaN = none.
    """

    index: np.ndarray
    known: np.ndarray
    trade_dates: np.ndarray
    shocks: np.ndarray

    def windows(self, length: int) -> Iterator[tuple[int, np.ndarray]]:
        """(position in the session list, the last `length` shocks known then), in order."""
        for position, known in zip(self.index.tolist(), self.known.tolist(), strict=True):
            yield position, self.shocks[max(0, known - length) : known]


def session_array(sessions: Sequence[date]) -> np.ndarray:
    """Sessions as datetime64[D]; ValueError when empty or not ascending."""
    days = np.array(sessions, dtype="datetime64[D]")
    if days.size == 0 or np.any(np.diff(days) <= np.timedelta64(0, "D")):
        raise ValueError("sessions must hold at least one day, ascending and without repeats")
    return days


def _newest_by_session(returns: pl.DataFrame) -> pl.DataFrame:
    """session, newest (latest trade date known by then), before (the same one session earlier)."""
    return (
        returns.group_by("session", maintain_order=True)
        .agg(pl.col("trade_date").max().alias("newest"))
        .sort("session")
        .with_columns(pl.col("newest").cum_max())
        .with_columns(pl.col("newest").shift(1).alias("before"))
    )


def _matrix(rows: pl.DataFrame, instruments: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
    """Trade dates and the (dates x instruments) shocks; the latest row of a date and instrument wins."""
    dates = rows["trade_date"].unique().sort().to_numpy()
    chosen = rows.filter(pl.col("instrument").is_in(list(instruments))).unique(
        ["trade_date", "instrument"], keep="last", maintain_order=True
    )
    column = {name: k for k, name in enumerate(instruments)}
    shocks = np.full((len(dates), len(instruments)), np.nan)
    shocks[
        np.searchsorted(dates, chosen["trade_date"].to_numpy()),
        np.array([column[name] for name in chosen["instrument"].to_list()], dtype=np.int64),
    ] = chosen["shock"].to_numpy()
    return dates, shocks


def known_shocks(returns: pl.DataFrame, instruments: Sequence[str], sessions: Sequence[date]) -> list[Epoch]:
    """Shock matrices as known at each session, columns in the order of `instruments`.

    `returns`: silver/instrument_returns with full history up to the last session; rows of later sessions are ignored.
    """
    days = session_array(sessions)
    rows = (
        returns.lazy()
        .filter(pl.col("session") <= sessions[-1])
        .select("session", "trade_date", "instrument", "shock")
        .sort("session", "trade_date", "instrument")
        .collect()
    )
    newest = _newest_by_session(rows)
    late = rows.join(newest, on="session").filter(pl.col("trade_date") <= pl.col("before"))
    starts = late["session"].unique().sort().to_numpy()
    epoch_of = np.searchsorted(starts, days, side="right")
    at = np.searchsorted(newest["session"].to_numpy(), days, side="right") - 1
    newest_day = newest["newest"].to_numpy()
    epochs = []
    for number in np.unique(epoch_of).tolist():
        index = np.flatnonzero(epoch_of == number)
        chosen = rows if number == len(starts) else rows.filter(pl.col("session") < starts[number])
        dates, shocks = _matrix(chosen, instruments)
        known = np.zeros(len(index), dtype=np.int64)
        seen = at[index] >= 0
        known[seen] = np.searchsorted(dates, newest_day[at[index][seen]], side="right")
        epochs.append(Epoch(index, known, dates, shocks))
    return epochs


def latest_marks(returns: pl.DataFrame, sessions: Sequence[date]) -> pl.DataFrame:
    """Settlements of the newest trade date, in the session in which they became known.

    Returns session, instrument, contract (the one to hold from now on), price, rate, bdays, unit_dv01_brl,
    unit_delta_brl (of +1 contract), frozen. An instrument without a row has no fresh settlement in that session: an
    older one is never passed on. Rows with a missing price or exposure are left out for the same reason.
    """
    rows = returns.filter(pl.col("session") <= sessions[-1]).join(_newest_by_session(returns), on="session")
    fresh = (
        rows.filter(pl.col("trade_date") == pl.col("newest"))
        .filter(*(pl.col(c).is_finite() for c in ("price", "dv01_brl", "delta_brl")))
        .sort("instrument", "session")
    )
    same = [
        (pl.col(c) == pl.col(c).shift(n).over("instrument")).fill_null(False)
        for c in ("price", "next_contract")
        for n in range(1, FROZEN_AFTER + 1)
    ]
    return (
        fresh.with_columns(pl.all_horizontal(same).alias("frozen"))
        .filter(pl.col("session").is_in(list(sessions)))
        .select(
            "session",
            "instrument",
            pl.col("next_contract").alias("contract"),
            "price",
            "rate",
            "bdays",
            pl.col("dv01_brl").alias("unit_dv01_brl"),
            pl.col("delta_brl").alias("unit_delta_brl"),
            "frozen",
        )
        .sort("session", "instrument")
    )
