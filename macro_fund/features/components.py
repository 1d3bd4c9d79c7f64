"""Decompositions of vectors and matrices: seasons (STL), singular spectra and principal components.

Belongs here: formulas on arrays. Does not belong here: which series are decomposed, and what is made of the parts.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Vector = npt.NDArray[np.float64]
Matrix = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Seasonal:
    """values = trend + season + remainder, each of shape (n,)."""

    trend: Vector
    season: Vector
    remainder: Vector


def stl(
    values: npt.ArrayLike,
    period: int = 12,
    *,
    seasonal: int = 13,
    trend: int | None = None,
    low_pass: int | None = None,
    jumps: tuple[int, int, int] = (1, 1, 1),
    iterations: tuple[int, int] | None = None,
    robust: bool = False,
) -> Seasonal:
    """Season and trend by loess (Cleveland et al. 1990; statsmodels); windows are odd numbers of periods.

    jumps: of the seasonal, trend and low-pass smoothers; iterations: (inner, outer), default those of the paper. It
    looks both ways: the parts of one day change when later values are known. Raises ValueError for values that are not
    finite or shorter than two periods.
    """
    from statsmodels.tsa.seasonal import STL

    y = np.asarray(values, dtype=np.float64)
    if y.ndim != 1 or y.size < 2 * period or not np.isfinite(y).all():
        raise ValueError(f"stl needs one finite vector of two periods of {period}, got shape {y.shape}")
    names = ("seasonal_jump", "trend_jump", "low_pass_jump")
    model = STL(
        y,
        period=period,
        seasonal=seasonal,
        trend=trend,
        low_pass=low_pass,
        robust=robust,
        **dict(zip(names, jumps, strict=True)),
    )
    inner, outer = iterations or (None, None)
    found = model.fit(inner_iter=inner, outer_iter=outer)
    return Seasonal(*(np.asarray(x, dtype=np.float64) for x in (found.trend, found.seasonal, found.resid)))


@dataclass(frozen=True)
class Components:
    """Principal components, the largest first, k = min(rows, columns).

    loadings: (columns, k), of length 1, orthogonal; scores: (rows, k), uncorrelated; variances: (k,), divided by
    rows - 1; shares: (k,), of the total variance; means: (columns,).
    """

    loadings: Matrix
    scores: Matrix
    variances: Vector
    shares: Vector
    means: Vector

    def scores_of(self, values: npt.ArrayLike) -> Matrix:
        """Scores of new rows on these loadings: what was estimated before may be applied after."""
        out: Matrix = (np.asarray(values, dtype=np.float64) - self.means) @ self.loadings
        return out


def principal_components(values: npt.ArrayLike) -> Components:
    """Principal components of the covariance of `values` (rows, columns), by singular values (scikit-learn).

    The sign of each is such that its largest loading is positive, the first of equals: an estimate on one more row does
    not turn round. Divide columns by their deviation first for the correlation. Raises ValueError for fewer than two
    rows, values that are not finite, or no variance at all.
    """
    from sklearn.decomposition import PCA

    x = np.asarray(values, dtype=np.float64)
    if x.ndim != 2 or x.shape[0] < 2 or not np.isfinite(x).all():
        raise ValueError(f"principal components need a finite matrix of two rows or more, got shape {x.shape}")
    if not x.var(axis=0).any():
        raise ValueError("principal components: the columns do not vary")
    found = PCA(svd_solver="full").fit(x)
    loadings = np.asarray(found.components_, dtype=np.float64).T
    size = np.abs(loadings)
    # Rounded, so that two equal loadings have one first among them on every machine.
    main = np.argmax(np.round(size / size.max(axis=0), 9), axis=0)
    loadings = loadings * np.where(loadings[main, np.arange(main.size)] < 0.0, -1.0, 1.0)
    means = np.asarray(found.mean_, dtype=np.float64)
    variances = np.asarray(found.explained_variance_, dtype=np.float64)
    return Components(loadings, (x - means) @ loadings, variances, np.asarray(found.explained_variance_ratio_), means)


@dataclass(frozen=True)
class Spectrum:
    """values = the sum of `parts` over its columns: (n, k), the largest first; sizes: (k,), their singular values.

    k = min(window, n - window + 1). A line has two parts that are not zero, a sine two, an exponential one.
    """

    parts: Matrix
    sizes: Vector

    def rank(self, tolerance: float = 1e-9) -> int:
        """Parts whose size is above `tolerance` of the largest."""
        return int((self.sizes > tolerance * self.sizes[0]).sum())


def singular_spectrum(values: npt.ArrayLike, window: int) -> Spectrum:
    """Singular spectrum analysis (Golyandina and Zhigljavsky 2013): parts of a series by its own lagged windows.

    The trajectory matrix (window, n - window + 1) is split by singular values and each part averaged over its
    antidiagonals, which for a matrix of rank one is a convolution. It looks both ways, as `stl` does. Raises ValueError
    for values that are not finite or a window outside 2..n-1.
    """
    from scipy.linalg import hankel, svd

    y = np.asarray(values, dtype=np.float64)
    if y.ndim != 1 or not 2 <= window < y.size or not np.isfinite(y).all():
        raise ValueError(f"singular spectrum: a finite vector and a window of 2 to n - 1, got {y.shape} and {window}")
    left, sizes, right = svd(hankel(y[:window], y[window - 1 :]), full_matrices=False)
    on_diagonal = np.convolve(np.ones(window), np.ones(y.size - window + 1))
    summed = [size * np.convolve(u, v) for u, size, v in zip(left.T, sizes, right, strict=True)]
    return Spectrum(np.column_stack(summed) / on_diagonal[:, None], np.asarray(sizes, dtype=np.float64))
