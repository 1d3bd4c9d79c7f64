"""Monthly vectors of series as they stood at a session: for regressions whose sample is months.

Belongs here: month means of daily series, the newest vintage of monthly ones, and what was public on a month's first
day. Does not belong here: which series or which regression (the strategies).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import numpy as np
import numpy.typing as npt
import polars as pl

from macro_fund.agents.as_known import knowledge_path, rows_of

Vector = npt.NDArray[np.float64]
Months = npt.NDArray[np.datetime64]


@dataclass(frozen=True)
class Monthly:
    """Rows (session, month, public, value): vintages of months, by the session that learned each and its hour (UTC)."""

    rows: pl.DataFrame

    def known(self, session: date) -> tuple[Months, Vector, Months]:
        """(months ascending, newest values, when each month first became public) as of the session."""
        end = int(np.searchsorted(self.rows["session"].to_numpy(), np.datetime64(session), side="right"))
        seen = self.rows[:end]
        newest = seen.unique("month", keep="last", maintain_order=True).sort("month")
        first = seen.unique("month", keep="first", maintain_order=True).sort("month")
        return newest["month"].to_numpy(), newest["value"].to_numpy(), first["public"].to_numpy()


def as_published(observations: pl.DataFrame, series_id: str, last: date) -> Monthly:
    """A monthly series in its own vintages, up to session `last`."""
    rows = rows_of(observations, series_id, last)
    return Monthly(
        rows.sort("session", "event_date", maintain_order=True).select(
            "session", pl.col("event_date").dt.truncate("1mo").alias("month"), public="knowledge_time", value="value"
        )
    )


def month_means(observations: pl.DataFrame, series_id: str, last: date) -> Monthly:
    """Mean of a daily series over each month, known when the first day of a later month is; up to session `last`."""
    path = knowledge_path(observations, series_id, last).with_columns(
        pl.col("event_date").dt.truncate("1mo").alias("m")
    )
    means = path.group_by("m", maintain_order=True).agg(
        pl.col("value").mean(), pl.col("session").first(), pl.col("knowledge_time").first()
    )
    closed = means.with_columns(pl.col("session", "knowledge_time").shift(-1)).drop_nulls("session")
    return Monthly(closed.select("session", month="m", public="knowledge_time", value="value"))


def common(parts: list[tuple[Months, Vector]]) -> tuple[Months, Vector]:
    """Months that every part has, and their values: array (months, parts). The months need not be in a row."""
    months = parts[0][0]
    for other, _ in parts[1:]:
        months = np.intersect1d(months, other, assume_unique=True)
    columns = [values[np.searchsorted(own, months)] for own, values in parts]
    return months, np.column_stack(columns) if months.size else np.empty((0, len(parts)))
