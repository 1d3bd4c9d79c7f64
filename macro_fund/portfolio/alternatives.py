"""Risk parity, hierarchical risk parity and the mean-risk frontier, by riskfolio-lib.

Belongs here: covariance (and mean) in, weights out. Does not belong here: the mandate's limits (problem), or which side
of an instrument is held (optimise).

riskfolio compiles a programme at each call (40 to 100 ms): the caller decides how often that is worth it.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from macro_fund.portfolio.problem import Array

FREE = 1e3


def _frame(covariance: Array) -> Any:
    import pandas as pd

    names = [f"a{k}" for k in range(len(covariance))]
    return pd.DataFrame(covariance, index=names, columns=names)


def _portfolio(covariance: Array, mean: Array | None = None) -> Any:
    """A riskfolio portfolio that knows a mean and a covariance and needs no returns: for variance it reads none."""
    import pandas as pd
    import riskfolio as rp

    cov = _frame(covariance)
    blank = pd.DataFrame(np.zeros((2, len(cov))), columns=cov.columns)
    folio = rp.Portfolio(returns=blank)
    folio.solvers = ["CLARABEL", "SCS"]
    folio.mu = pd.DataFrame([np.zeros(len(cov)) if mean is None else mean], columns=cov.columns)
    folio.cov = cov
    return folio


def _weights(found: Any, what: str) -> Array:
    """ValueError when the library found nothing (it answers None) or something that is not a number."""
    weights = None if found is None else found["weights"].to_numpy(dtype=np.float64)
    if weights is None or not np.all(np.isfinite(weights)):
        raise ValueError(f"{what}: no weights were found for this covariance")
    return np.asarray(weights)


def risk_parity(covariance: Array) -> Array:
    """(n,) weights >= 0, sum 1, whose contributions to the variance are equal (Maillard, Roncalli, Teiletche, 2010)."""
    scale = float(np.mean(np.diag(covariance)))
    return _weights(_portfolio(covariance / scale).rp_optimization(model="Classic", rm="MV"), "risk parity")


def hrp(covariance: Array) -> Array:
    """(n,) weights >= 0, sum 1: hierarchical risk parity (Lopez de Prado, 2016), single linkage on the correlations.

    Leaves are in the order that brings like next to like (scipy's optimal ordering): Lopez de Prado's own order gives
    other weights for the same tree.
    """
    import pandas as pd
    import riskfolio as rp

    cov = _frame(covariance)
    folio = rp.HCPortfolio(returns=pd.DataFrame(np.zeros((2, len(cov))), columns=cov.columns))
    found = folio.optimization(
        model="HRP",
        codependence="custom_cov",
        method_cov="custom_cov",
        custom_cov=cov,
        rm="MV",
        linkage="single",
        leaf_order=True,
    )
    return _weights(found, "hierarchical risk parity")


def minimum_variance(covariance: Array) -> Array:
    """(n,) weights that sum to 1 with the least variance; they may be negative."""
    scale = float(np.mean(np.diag(covariance)))
    folio = _portfolio(covariance / scale)
    folio.sht, folio.uppersht, folio.upperlng, folio.budget, folio.budgetsht = True, FREE, FREE, 1, FREE
    return _weights(folio.optimization(model="Classic", rm="MV", obj="MinRisk", hist=True), "minimum variance")


def mean_risk(mean: Array, covariance: Array) -> Array:
    """(n,) weights >= 0, sum 1, with the largest mean over standard deviation. ValueError: no mean is above 0."""
    if not np.any(mean > 0):
        raise ValueError("mean-risk: no instrument is expected to gain")
    scale = float(np.mean(np.diag(covariance)))
    folio = _portfolio(covariance / scale, mean / np.sqrt(scale))
    return _weights(folio.optimization(model="Classic", rm="MV", obj="Sharpe", rf=0, hist=True), "mean-risk")
