"""Small building blocks of a simulation: named random streams, recursions and hand-typed trends.

Belongs here: numerics with no economic meaning. Does not belong here: a parameter of the world (`paths_*`).
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from itertools import accumulate

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Days = NDArray[np.datetime64]


def stream(seed: int, name: str) -> np.random.Generator:
    """The random stream of one block of the world. A new block never moves the numbers of another one.

    Raises ValueError for a negative seed.
    """
    if seed < 0:
        raise ValueError(f"sample seed {seed} is negative; give a whole number from 0 up (sample_seed in fund.yaml)")
    return np.random.default_rng([seed, zlib.crc32(name.encode())])


def persistence(half_life: float) -> float:
    """AR(1) coefficient with this half-life in steps."""
    return float(0.5 ** (1.0 / half_life))


def ar1(shocks: Floats, phi: float, start: float = 0.0) -> Floats:
    """x[t] = phi * x[t-1] + shocks[t], with x[-1] = start."""
    path = accumulate(shocks.tolist(), lambda x, e: phi * x + e, initial=start)
    return np.fromiter(path, np.float64, count=shocks.size + 1)[1:]


def fat(rng: np.random.Generator, size: int, degrees: int = 6) -> Floats:
    """Student t noise scaled to unit variance."""
    return rng.standard_t(degrees, size) * np.sqrt((degrees - 2) / degrees)


def trend(days: Days, knots: Mapping[str, float], log: bool = False) -> Floats:
    """Straight lines between (day, level) knots, flat outside them; `log` interpolates the logarithm."""
    at = np.array(list(knots), dtype="datetime64[D]").astype(np.int64)
    levels = np.array(list(knots.values()))
    levels = np.log(levels) if log else levels
    line = np.interp(days.astype("datetime64[D]").astype(np.int64), at, levels)
    return np.exp(line) if log else line


def last_at(days: Days, known: Days) -> NDArray[np.int64]:
    """For each day the position of the newest entry of sorted `known` that is not after it (-1: none)."""
    return np.searchsorted(known, days, side="right") - 1


def nearest_weekday(year: int, month: int, day: int, weekday: int) -> np.datetime64:
    """The given weekday (0 = Monday) nearest to a day of the year."""
    middle = np.datetime64(f"{year:04d}-{month:02d}-{day:02d}", "D")
    now = (int(middle.astype(np.int64)) + 3) % 7
    return middle + np.timedelta64((weekday - now + 3) % 7 - 3, "D")
