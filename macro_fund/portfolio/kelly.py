"""How much of a good thing: Kelly's growth-optimal size, and leverage for a volatility target.

Belongs here: closed forms (Kelly, 1956; Thorp, 2006). Does not belong here: where Sharpe ratios come from
(portfolio/edges), or the other limits of a position (optimise).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from macro_fund.portfolio.covariance import YEAR, ewma_vol

SHARPE_CAP = 0.6
"""Largest Sharpe ratio that sizing believes, whatever the record."""


def kelly_fraction(mean: float, volatility: float, cash: float = 0.0) -> float:
    """Growth-optimal exposure over capital, (m - r) / s^2, of returns in continuous time (Thorp, 2006)."""
    return (mean - cash) / volatility**2


def kelly_growth(mean: float, volatility: float, cash: float = 0.0, part: float = 1.0) -> float:
    """Growth of capital a year at `part` of the Kelly exposure: r + c (2 - c) ((m - r) / s)^2 / 2."""
    return cash + part * (2.0 - part) * ((mean - cash) / volatility) ** 2 / 2.0


def coin_fraction(p: float) -> float:
    """Share of capital to stake on an even-money bet won with probability p (Kelly, 1956); 0 when it is not fair."""
    return max(0.0, 2.0 * p - 1.0)


def coin_growth(p: float) -> float:
    """Growth a bet at that stake, log(2) + p log p + (1 - p) log(1 - p)."""
    stake = coin_fraction(p)
    return float(p * np.log1p(stake) + (1.0 - p) * np.log1p(-stake)) if stake < 1 else float(np.log(2.0))


def kelly_volatility(sharpe: float, part: float) -> float:
    """Volatility a year (of capital) at `part` of the Kelly exposure: part x SR, whatever the asset's own."""
    return part * max(0.0, sharpe)


def vol_target_leverage(returns: npt.NDArray[np.float64], target: float) -> npt.NDArray[np.float64]:
    """(T,) exposure over capital after each daily return, for the next day: target / (EWMA volatility x sqrt(252))."""
    return np.asarray(target / (ewma_vol(returns[:, None])[:, 0] * np.sqrt(YEAR)))
