"""Observations for tests of features: a session a day, every value public in its own session unless said."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta

import numpy as np
import numpy.typing as npt
import polars as pl

DAY = timedelta(days=1)
START = date(2015, 1, 1)


def days(n: int, start: date = START) -> list[date]:
    return [start + DAY * k for k in range(n)]


def observed(
    series_id: str, values: Sequence[float] | npt.NDArray[np.float64], events: Sequence[date], sessions: Sequence[date]
) -> pl.DataFrame:
    """Rows of silver/observations; knowledge_time is 08:00 UTC of the session."""
    return pl.DataFrame(
        {
            "session": sessions,
            "series_id": [series_id] * len(values),
            "event_date": events,
            "value": [float(v) for v in values],
            "knowledge_time": [datetime.combine(s, time(8), UTC) for s in sessions],
        },
        schema={
            "session": pl.Date,
            "series_id": pl.String,
            "event_date": pl.Date,
            "value": pl.Float64,
            "knowledge_time": pl.Datetime("us", "UTC"),
        },
    )


def daily(series_id: str, values: Sequence[float] | npt.NDArray[np.float64], start: date = START) -> pl.DataFrame:
    """Each value describes the day before its session."""
    sessions = days(len(values), start)
    return observed(series_id, values, [s - DAY for s in sessions], sessions)


def month(k: int, start: date = START) -> date:
    """First day of the k-th month from `start`."""
    at = start.year * 12 + start.month - 1 + k
    return date(at // 12, at % 12 + 1, 1)


def monthly(series_id: str, values: Sequence[float] | npt.NDArray[np.float64], lag_days: int = 40) -> pl.DataFrame:
    """Each month becomes known `lag_days` after its first day."""
    events = [month(k) for k in range(len(values))]
    return observed(series_id, values, events, [e + DAY * lag_days for e in events])


def group(values: Mapping[str, Sequence[float] | npt.NDArray[np.float64]], lag_days: int = 40) -> pl.DataFrame:
    return pl.concat([monthly(s, v, lag_days) for s, v in values.items()])


def di_curve(rates: Mapping[int, Sequence[float] | npt.NDArray[np.float64]]) -> pl.DataFrame:
    """Rows of silver/di_curve by tenor, each curve of the day before its session."""
    parts = []
    for tenor, path in rates.items():
        sessions = days(len(path))
        parts.append(
            pl.DataFrame(
                {
                    "session": sessions,
                    "curve_date": [s - DAY for s in sessions],
                    "tenor_bd": pl.Series([tenor] * len(path), dtype=pl.Int32),
                    "rate": [float(r) for r in path],
                }
            )
        )
    return pl.concat(parts)
