"""Behavioural equilibrium exchange rate: is there a long-run relation, what is it, and how fast is it corrected?

Belongs here: the three statistics of one system of monthly series, each from a library (statsmodels). Does not belong
here: how long a deviation lasts (half_life.py), which series, when they were known, or what follows for a view
(fx_panel.py, fx_model.py, fx.py).

y is the log real exchange rate, x its fundamentals (rows: months, columns: regressors). A deviation y - fair(x) has the
unit of y: a log, so 0.10 is about 10%.

Sources: Clark and MacDonald (1998) for the equilibrium; Johansen (1988, 1991) for the rank; Stock and Watson (1993) for
dynamic least squares; Engle and Granger (1987) for error correction; Reinsel and Ahn (1992) for the small sample.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Vector = npt.NDArray[np.float64]

LEADS = 2
DIFFERENCES = 1
HAC_LAGS = 12

# 90% quantiles of the trace statistic for 1, 2, ... common trends: unrestricted constant in the test, no linear trend
# in the data. 1 to 5: Johansen and Juselius (1990), table A2; 6: simulated, 4,000 systems of 1,000 months. statsmodels'
# own table is for data that do drift (13.43 for a pair): without drift it finds a relation in 2 of 10 pairs of
# unrelated random walks.
TRACE_90 = (6.691, 15.583, 28.436, 45.248, 65.956, 92.6)


@dataclass(frozen=True)
class Trace:
    """Trace test of one system: statistic (small-sample corrected) and 10% critical value of no relation, and how many
    relations are not rejected."""

    statistic: float
    critical: float
    rank: int


@dataclass(frozen=True)
class Relation:
    """fair = const + x @ beta; std_error: HAC, the constant's first."""

    const: float
    beta: Vector
    std_error: Vector
    n_obs: int

    def fair(self, x: Vector) -> Vector:
        """Equilibrium of y at the fundamentals x."""
        out: Vector = self.const + x @ self.beta
        return out


@dataclass(frozen=True)
class Correction:
    """`loading`: share of last month's deviation by which y moves in a month, below 0 where it corrects."""

    loading: float
    std_error: float
    n_obs: int

    @property
    def t_value(self) -> float:
        return self.loading / self.std_error


def _checked(y: Vector, x: Vector) -> None:
    if x.ndim != 2 or y.ndim != 1 or x.shape[0] != y.size:
        raise ValueError(f"y has shape {y.shape} and x {x.shape}; give one row of x per value of y")
    if not (np.isfinite(y).all() and np.isfinite(x).all()):
        raise ValueError("y and x must be finite: leave months out that are not known")


def trace_test(system: Vector, differences: int = DIFFERENCES) -> Trace:
    """Johansen's trace test at 10% of how many relations the columns of `system` (at most 6) have.

    differences: lagged differences in the model. The statistic is multiplied by (T - n p) / T, p = differences + 1
    (Reinsel and Ahn 1992). Raises ValueError for more columns than there are critical values.
    """
    from statsmodels.tsa.vector_ar.vecm import coint_johansen

    rows, n = system.shape
    if not 2 <= n <= len(TRACE_90):
        raise ValueError(f"the trace test has critical values for 2 to {len(TRACE_90)} series, got {n}")
    found = coint_johansen(system, 0, differences)
    statistics = np.asarray(found.trace_stat) * (rows - n * (differences + 1)) / rows
    critical = np.array(TRACE_90[:n][::-1])
    accepted = np.flatnonzero(statistics < critical)
    return Trace(float(statistics[0]), float(critical[0]), int(accepted[0]) if accepted.size else n)


def dols_rows(x: Vector, leads: int = LEADS) -> tuple[npt.NDArray[np.int64], Vector]:
    """Months that have an equation in `dols`, and its regressors: constant, x, leads and lags of its differences.

    Raises ValueError for too few months.
    """
    moves = np.diff(x, axis=0)
    rows = np.arange(leads + 1, len(x) - leads)
    width = 1 + x.shape[1] * (2 * leads + 2)
    if rows.size <= width:
        raise ValueError(f"{len(x)} months for {width} coefficients; dynamic least squares needs more")
    shifted = [moves[rows - 1 + k] for k in range(-leads, leads + 1)]
    return rows, np.column_stack([np.ones(rows.size), x[rows], *shifted])


def dols(y: Vector, x: Vector, leads: int = LEADS, *, robust: bool = True) -> Relation:
    """Dynamic least squares: y on x and `leads` leads and lags of its differences, by OLS.

    The last `leads` months serve as leads only: nothing after the last row enters. robust: HAC standard errors
    (Newey-West, 12 lags); without them they are NaN, which is faster. Raises ValueError for too few months.
    """
    from statsmodels.regression.linear_model import OLS

    _checked(y, x)
    rows, design = dols_rows(x, leads)
    model = OLS(y[rows], design)
    fit = model.fit(cov_type="HAC", cov_kwds={"maxlags": HAC_LAGS}) if robust else model.fit()
    keep = slice(0, 1 + x.shape[1])
    errors = np.asarray(fit.bse)[keep] if robust else np.full(1 + x.shape[1], np.nan)
    return Relation(float(fit.params[0]), np.asarray(fit.params)[1 : 1 + x.shape[1]], errors, rows.size)


def correction_rows(months: int) -> npt.NDArray[np.int64]:
    """Changes (numbered by the month before them) that have an equation in `error_correction`."""
    return np.arange(DIFFERENCES, months - 1)


def error_correction(y: Vector, x: Vector, relation: Relation) -> Correction:
    """Change of y on last month's deviation and one lagged change of y and x, by OLS."""
    from statsmodels.regression.linear_model import OLS

    _checked(y, x)
    deviation = y - relation.fair(x)
    moves = np.diff(np.column_stack([y, x]), axis=0)
    rows = correction_rows(y.size)
    lagged = [moves[rows - k] for k in range(1, DIFFERENCES + 1)]
    design = np.column_stack([np.ones(rows.size), deviation[rows], *lagged])
    fit = OLS(moves[rows, 0], design).fit()
    return Correction(float(fit.params[1]), float(fit.bse[1]), rows.size)


def johansen_vector(system: Vector, differences: int = DIFFERENCES, seasons: int = 0) -> Vector:
    """Coefficients of the first column on the others by maximum likelihood, one relation, constant outside it.

    seasons: periods of a year for centred seasonal dummies, 0 for none. A second opinion on `dols`.
    """
    from statsmodels.tsa.vector_ar.vecm import VECM

    fit = VECM(system, k_ar_diff=differences, coint_rank=1, deterministic="co", seasons=seasons).fit()
    beta = np.asarray(fit.beta)[:, 0]
    out: Vector = -beta[1:] / beta[0]
    return out


def expected_change(deviation: float | Vector, loading: float, months: int) -> float | Vector:
    """Change of y in `months` months that closes a deviation at the loading a month; the fundamentals stay."""
    return deviation * ((1.0 + loading) ** months - 1.0)


@dataclass(frozen=True)
class Past:
    """Forecasts that the model would have made at months `origin` (row numbers), and what followed; changes of y."""

    origin: npt.NDArray[np.int64]
    forecast: Vector
    outcome: Vector


def past_forecasts(y: Vector, x: Vector, horizon: int, first: int, step: int = 1) -> Past:
    """Forecasts of the change of y over `horizon` months, each estimated anew on the months up to its own origin.

    first: months in the first estimation. Only origins whose outcome is among the rows are there. A loading that does
    not correct gives the forecast of no change.
    """
    origins = np.arange(first - 1, y.size - horizon, step)
    forecasts = np.empty(origins.size)
    for i, t in enumerate(origins):
        past_y, past_x = y[: t + 1], x[: t + 1]
        relation = dols(past_y, past_x, robust=False)
        loading = error_correction(past_y, past_x, relation).loading
        deviation = float(past_y[-1] - relation.fair(past_x[-1:])[0])
        forecasts[i] = expected_change(deviation, min(max(loading, -1.0), 0.0), horizon)
    return Past(origins, forecasts, y[origins + horizon] - y[origins])
