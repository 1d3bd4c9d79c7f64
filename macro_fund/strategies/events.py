"""Trades around a day that is on a calendar: when they may be opened, until when they are held.

Belongs here: windows of sessions around an event and the position inside them. Does not belong here: which events, or
the calendars themselves (time/releases.py, silver/policy_path).

The row of session s is executed at the settlement of s. In at the close of T-1 and out at that of T+1 is therefore a
position on the rows of T-1 and T, and none on the row of T+1. T-k is the k-th session before the event's day, T+1 the
first session after it, whether the day itself is a session or not.
"""

from __future__ import annotations

from datetime import date

import numpy as np
import polars as pl

from macro_fund.strategies.rows import Vector
from macro_fund.time.sessions import sessions as session_table

ENTRY, HOLD = "entry", "hold"


def phases(frame: pl.DataFrame, first: int, last: int) -> pl.Series:
    """For each row of `frame` (session, event: day or null) ENTRY from T-first to T-last, HOLD until T, else null.

    Raises ValueError when first < last or last < 0.
    """
    if not first >= last >= 0:
        raise ValueError(f"a trade is opened from T-{first} to T-{last}: the first must not be after the last")
    table = session_table()
    days = table.frame()["session"].to_numpy()
    at = np.searchsorted(days, frame["session"].to_numpy())
    event = frame["event"].fill_null(date.min).to_numpy()
    left, after = np.searchsorted(days, event), np.searchsorted(days, event, side="right")
    inside = frame["event"].is_not_null().to_numpy() & (at >= left - first) & (at < after)
    names = np.where(inside, np.where(at <= left - last, ENTRY, HOLD), "")
    return pl.Series("phase", names).replace("", None)


def event_positions(frame: pl.DataFrame, signal: Vector, enter: float, leave: float) -> pl.Series:
    """Position -1, 0, +1 of each row of `frame` (event, phase), walked from the start.

    In when |signal| >= enter, in the entry phase only; out when |signal| <= leave, the sign has turned, or the window
    is over. A row without a signal (NaN) is 0 but neither enters nor leaves.
    """
    out = np.zeros(len(signal), dtype=np.int8)
    state, held = 0, None
    rows = zip(signal.tolist(), frame["event"].to_list(), frame["phase"].to_list(), strict=True)
    for k, (s, event, phase) in enumerate(rows):
        if phase is None or event != held:
            state, held = 0, event
        if phase is None or np.isnan(s):
            continue
        if state and (abs(s) <= leave or s * state < 0):
            state = 0
        if not state and phase == ENTRY and abs(s) >= enter:
            state = 1 if s > 0 else -1
        out[k] = state
    return pl.Series("position", out)


def outside(what: str, first: int, last: int) -> pl.Expr:
    """Words for a session outside the window of its event, null inside: a gate of `judged`."""
    span = f"T-{first}" + (f" to T-{last}" if last != first else "")
    return pl.when(pl.col("phase").is_null()).then(
        pl.when(pl.col("event").is_null())
        .then(pl.lit(f"no {what} is on the calendar"))
        .otherwise(pl.format(f"no position: in at {span}, out at T+1 of the {what} of {{}}", "event"))
    )
