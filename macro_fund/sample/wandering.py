"""The path of a series that nobody planted: it wanders in its range.

Belongs here: days of a series, `wander`. Does not belong here: which series wander (`catalogue`).
"""

from __future__ import annotations

from datetime import date

import numpy as np

from macro_fund.sample.grid import FIRST, Grid
from macro_fund.sample.noise import Days, Floats, ar1, persistence, stream
from macro_fund.settings import Series

Path = tuple[Days, Floats]

# A wandering series: half-life in its own steps, spread in logits around the middle of its range, and how many orders
# of magnitude a range of positive numbers must span to be walked in logarithms.
_HALF_LIFE = {"D": 250.0, "W": 52.0, "M": 18.0, "Q": 6.0, "A": 3.0, "E": 4.0}
_SPREAD = 0.3
_LOG_RANGE = 20.0
_DIGITS = 5


def event_days(grid: Grid, series: Series) -> Days:
    """The days or first days of periods that a series has values for, from its start on."""
    if series.frequency == "D":
        market = "nyse" if series.publication.calendar == "us_federal" else series.publication.calendar
        days: Days = getattr(grid, market)
    elif series.frequency == "W":
        days = grid.weekdays[(grid.weekdays.astype(np.int64) + 3) % 7 == 4]
    else:
        step = {"M": 1, "Q": 3, "A": 12}[series.frequency]
        days = grid.months[grid.months.astype("datetime64[M]").astype(np.int64) % step == 0]
    last = np.datetime64(series.ended or date.max, "D")
    return days[(days >= max(FIRST, np.datetime64(series.start, "D"))) & (days <= last)]


def wander(seed: int, grid: Grid, series: Series) -> Path:
    """A mean-reverting path strictly inside the series' plausible range, in the provider's unit."""
    logs, low, high = _walked(series)
    days = event_days(grid, series)
    phi = persistence(_HALF_LIFE[series.frequency])
    shocks = stream(seed, f"wandering {series.id}").standard_normal(days.size)
    logits = ar1(shocks * _SPREAD * np.sqrt(1 - phi**2), phi)
    inside = low + (high - low) / (1 + np.exp(-logits))
    return days, np.round((np.exp(inside) if logs else inside) / series.scale, wandering_decimals(series))


def wandering_decimals(series: Series) -> int:
    """Decimals that leave five significant digits at the middle of the range."""
    logs, low, high = _walked(series)
    middle = float(np.exp((low + high) / 2)) if logs else max(abs(low), abs(high)) / 2
    return int(np.clip(_DIGITS - np.ceil(np.log10(middle / series.scale)), 0, 8))


def _walked(series: Series) -> tuple[bool, float, float]:
    """Whether the path is walked in logarithms, and its bounds there."""
    logs = series.low > 0 and series.high / series.low > _LOG_RANGE
    return (True, float(np.log(series.low)), float(np.log(series.high))) if logs else (False, series.low, series.high)
