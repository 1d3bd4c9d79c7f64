"""Monthly growth and inflation axes of one vintage, as the regime's chain reads them.

Belongs here: the components' paths as known at a session, and their common matrix. Does not belong here: estimation and
probabilities (regime_chain.py), the measures themselves (regime_inputs.py).
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping
from datetime import date

import numpy as np
import numpy.typing as npt
import polars as pl

from macro_fund.agents.as_known import Vintage, vintages
from macro_fund.agents.regime_inputs import AXES, CLIP, COMPONENTS, SERIES, Monthly, common_months

Array = npt.NDArray[np.float64]
Months = npt.NDArray[np.int64]
Scale = tuple[float, float]


class Known:
    """The four monthly components as they stood at any session: newest vintages, looked up by session."""

    def __init__(self, observations: pl.DataFrame, last: date) -> None:
        self._states = {s: vintages(observations, s, last) for s in SERIES}
        self._days = {s: [v.session for v in states] for s, states in self._states.items()}

    def changed(self) -> list[date]:
        """Sessions in which anything was published or revised."""
        return sorted({d for days in self._days.values() for d in days})

    def at(self, component: Monthly, session: date) -> dict[str, Vintage] | None:
        """The component's series as known at `session`; None while one has nothing."""
        found = {}
        for s in component.series:
            place = bisect_right(self._days[s], session)
            if not place:
                return None
            found[s] = self._states[s][place - 1]
        return found


def month_of(day: date) -> int:
    """Months since January 1970."""
    return (day.year - 1970) * 12 + day.month - 1


def measured(component: Monthly, known: Mapping[str, Vintage]) -> tuple[Months, Array]:
    """Months and the measure's path, from the month after the last hole on."""
    months = common_months(known).astype("datetime64[M]").astype(np.int64)
    if not months.size:
        return months, np.empty(0)
    breaks = np.flatnonzero(np.diff(months) > 1)
    first = months[breaks[-1] + 1] if breaks.size else months[0]
    whole = {}
    for name, v in known.items():
        kept = np.isin(v.periods.astype("datetime64[M]").astype(np.int64), months[months >= first])
        whole[name] = Vintage(v.session, v.periods[kept], v.values[kept], v.knowledge_time)
    path = component.measure(whole)
    return months[months.size - path.size :], path


def axes_matrix(known: Known, session: date, scales: Mapping[str, Scale]) -> tuple[int, Array]:
    """First month (with both axes) and the rows (growth, inflation) of every month to the newest that either has.

    scales: (centre, scale) of the components to use. An axis is the mean z of its components, each clipped at 3, and
    NaN in a month that one of them has not published yet. (0, empty) when no month has both.
    """
    parts = {c.name: (c.axis, *measured(c, k)) for c in used(scales) if (k := known.at(c, session)) is not None}
    sized = [m for _, m, _ in parts.values() if m.size]
    if len(sized) < len(scales) or not sized:
        return 0, np.empty((0, 2))
    low, high = min(int(m[0]) for m in sized), max(int(m[-1]) for m in sized)
    columns = []
    for axis in AXES:
        z = np.full((sum(a == axis for a, _, _ in parts.values()), high - low + 1), np.nan)
        for row, (name, (_, months, path)) in zip(z, ((n, p) for n, p in parts.items() if p[0] == axis), strict=True):
            centre, scale = scales[name]
            row[months - low] = np.clip((path - centre) / scale, -CLIP, CLIP)
        columns.append(z.mean(axis=0) if len(z) else np.full(high - low + 1, np.nan))
    matrix = np.stack(columns, axis=1)
    both = np.flatnonzero(np.isfinite(matrix).all(axis=1))
    if not both.size:
        return 0, np.empty((0, 2))
    return low + int(both[0]), matrix[both[0] :]


def used(scales: Mapping[str, Scale]) -> list[Monthly]:
    return [c for c in COMPONENTS if c.name in scales]
