"""How forecasts did: errors against naive benchmarks, and whether a difference is more than luck.

Belongs here: statistics of forecasts against outcomes, for any agent. Does not belong here: forecasts, or which of them
were known when. A pair with a missing outcome or a missing forecast does not count, and a comparison is always made on
the cases that both forecasts have.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl

Vector = npt.NDArray[np.float64]

MIN_CASES = 8
"""Fewer cases give no test: the t distribution would be all there is."""


@dataclass(frozen=True)
class DieboldMariano:
    """A test of equal accuracy. statistic < 0: the first forecast was better. p_value: two-sided. n: cases."""

    statistic: float
    p_value: float
    n: int


def _complete(*columns: npt.ArrayLike) -> list[Vector]:
    arrays = [np.asarray(c, dtype=np.float64) for c in columns]
    if len({a.shape for a in arrays}) != 1:
        raise ValueError(f"outcomes and forecasts have shapes {[a.shape for a in arrays]}; give one forecast a case")
    keep = np.isfinite(arrays).all(axis=0)
    return [a[keep] for a in arrays]


def rmse(y: npt.ArrayLike, forecast: npt.ArrayLike) -> float | None:
    """Root mean squared error, in the unit of y; None without a complete case."""
    outcome, f = _complete(y, forecast)
    return float(np.sqrt(np.mean((outcome - f) ** 2))) if outcome.size else None


def rmse_ratio(y: npt.ArrayLike, model: npt.ArrayLike, naive: npt.ArrayLike) -> float | None:
    """The model's root mean squared error over the naive forecast's on the same cases; None when that has no error."""
    outcome, f, g = _complete(y, model, naive)
    below = rmse(outcome, g)
    above = rmse(outcome, f)
    return above / below if above is not None and below else None


def diebold_mariano(
    y: npt.ArrayLike, f1: npt.ArrayLike, f2: npt.ArrayLike, horizon: int = 1, *, min_cases: int = MIN_CASES
) -> DieboldMariano | None:
    """Test that two forecasts of y, made `horizon` periods ahead, have the same expected squared error.

    d_t = (y - f1)^2 - (y - f2)^2 in time order. Its mean over sqrt of its long-run variance (autocovariances up to lag
    horizon - 1, equal weights), times the correction of Harvey, Leybourne and Newbold (1997) for small samples, against
    Student's t with n - 1 degrees of freedom (Diebold and Mariano 1995). Equal weights can give a variance that is not
    positive: then Bartlett weights (Newey and West 1987), which cannot. None with fewer than `min_cases` cases or
    2 x horizon, or where the loss difference never varies. Raises ValueError for a horizon below 1 or shapes that
    differ.
    """
    if horizon < 1:
        raise ValueError(f"horizon must be at least 1 period, got {horizon}")
    outcome, a, b = _complete(y, f1, f2)
    n = outcome.size
    if n < max(min_cases, 2 * horizon):
        return None
    loss = (outcome - a) ** 2 - (outcome - b) ** 2
    variance = _long_run_variance(loss, horizon)
    if variance <= 0.0:
        return None
    from scipy import stats

    correction = (n + 1 - 2 * horizon + horizon * (horizon - 1) / n) / n
    statistic = float(loss.mean() / np.sqrt(variance / n) * np.sqrt(correction))
    return DieboldMariano(statistic, float(2.0 * stats.t.sf(abs(statistic), df=n - 1)), n)


def _long_run_variance(x: Vector, horizon: int) -> float:
    centred = x - x.mean()
    covariances = np.array([centred[k:] @ centred[: x.size - k] for k in range(horizon)]) / x.size
    equal = float(covariances[0] + 2.0 * covariances[1:].sum())
    if equal > 0.0:
        return equal
    weights = 1.0 - np.arange(1, horizon) / horizon
    return float(covariances[0] + 2.0 * weights @ covariances[1:])


def score_table(y: npt.ArrayLike, forecasts: Mapping[str, npt.ArrayLike], model: str, horizon: int = 1) -> pl.DataFrame:
    """One row per forecast other than `model`: benchmark, n, rmse_model, rmse_benchmark, ratio, dm, p_value.

    Each row is on the cases that the model and that benchmark share. ratio < 1 and dm < 0: the model was better.
    Errors are in the unit of y; dm and p_value are null where the test has too few cases. Raises KeyError when the
    model is not among the forecasts.
    """
    own = forecasts[model]
    rows = []
    for name, other in forecasts.items():
        if name == model:
            continue
        outcome, f, g = _complete(y, own, other)
        test = diebold_mariano(outcome, f, g, horizon)
        rows.append(
            (
                name,
                outcome.size,
                rmse(outcome, f),
                rmse(outcome, g),
                rmse_ratio(outcome, f, g),
                test.statistic if test else None,
                test.p_value if test else None,
            )
        )
    numbers = ("rmse_model", "rmse_benchmark", "ratio", "dm", "p_value")
    schema = {"benchmark": pl.String, "n": pl.Int64, **dict.fromkeys(numbers, pl.Float64)}
    return pl.DataFrame(rows, schema=schema, orient="row")
