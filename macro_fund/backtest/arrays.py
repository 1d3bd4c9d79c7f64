"""Arrays of daily net returns as the statistics take them: checked once, with an error that says what to mend.

Belongs here: shape and finiteness. Does not belong here: statistics, or filling what is missing: a day without a return
is the simulation's to explain, never a zero.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]
Index = npt.NDArray[np.int64]


def series(returns: npt.ArrayLike, name: str = "returns", least: int = 2) -> Array:
    """(T,) float64. Raises ValueError for another shape, fewer than `least` rows, null, NaN or infinite values."""
    x = np.asarray(returns, dtype=np.float64)
    if x.ndim != 1:
        raise ValueError(f"{name} must have one dimension (days), got shape {x.shape}")
    return _complete(x, name, least)


def panel(returns: npt.ArrayLike, name: str = "returns", least: int = 2) -> Array:
    """(T, N) float64, one column a strategy; a single series becomes one column. Raises ValueError as `series` does."""
    x = np.asarray(returns, dtype=np.float64)
    x = x[:, None] if x.ndim == 1 else x
    if x.ndim != 2 or not x.shape[1]:
        raise ValueError(f"{name} must be (days, strategies), got shape {x.shape}")
    return _complete(x, name, least)


def _complete(x: Array, name: str, least: int) -> Array:
    if x.shape[0] < least:
        raise ValueError(f"{name} has {x.shape[0]} days; at least {least} are needed")
    bad = int(np.count_nonzero(~np.isfinite(x)))
    if bad:
        raise ValueError(f"{name} has {bad} missing or infinite values; leave those days out or give their return")
    return x
