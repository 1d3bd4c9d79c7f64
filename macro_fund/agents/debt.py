"""Arithmetic of public debt: the recursion of the debt ratio, its inverse, and the primary balance that holds it still.

Belongs here: formulas, in numbers or arrays that broadcast. Does not belong here: data, forecasts or opinions.

Decimals a year throughout; d is debt on GDP, balances are on GDP and positive in surplus. With a share a of the debt in
foreign money, interest i_d and i_f, depreciation e (BRL per foreign money up = e > 0), real growth g, inflation pi:

    d' = d [(1-a)(1+i_d) + a(1+i_f)(1+e)] / [(1+g)(1+pi)] - pb + sfa

sfa, the stock-flow adjustment, is all that raises debt without being a deficit (IMF, Staff Guidance Note for Public
Debt Sustainability Analysis, 2013; Escolano 2010, "A practical guide to public debt dynamics").
"""

from __future__ import annotations

from typing import TypeVar

import numpy as np
import numpy.typing as npt

Vector = npt.NDArray[np.float64]
Number = TypeVar("Number", float, Vector)


def nominal_growth(real: Number, inflation: Number) -> Number:
    """G = (1 + g)(1 + pi) - 1."""
    return (1.0 + real) * (1.0 + inflation) - 1.0


def snowball(
    domestic: Number, real: Number, inflation: Number, share: Number, foreign: Number, depreciation: Number
) -> Number:
    """What a debt ratio is multiplied by in a year with a primary balance of zero.

    domestic, foreign: interest on the two parts; share: of the debt in foreign money; depreciation > 0: BRL weaker.
    """
    owed = (1.0 - share) * (1.0 + domestic) + share * (1.0 + foreign) * (1.0 + depreciation)
    return owed / (1.0 + nominal_growth(real, inflation))


def next_ratio(debt: Number, factor: Number, primary: Number, adjustment: Number) -> Number:
    """The debt ratio a year later: debt x factor - primary + adjustment; `factor` from `snowball`."""
    return debt * factor - primary + adjustment


def implied_primary(before: Number, after: Number, factor: Number) -> Number:
    """The primary balance less the stock-flow adjustment that turned the ratio `before` into `after` within a year."""
    return before * factor - after


def stabilising_primary(debt: Number, interest: Number, growth: Number) -> Number:
    """pb* = d (i - G) / (1 + G): the primary balance that keeps the ratio, all debt at interest i, nominal growth G."""
    return debt * (interest - growth) / (1.0 + growth)


def paths(start: float, factors: Vector, primary: Vector, adjustment: Vector | float = 0.0) -> Vector:
    """Debt ratios of each path and year: shape (paths, years), like `factors` and `primary`; the start is left out.

    Raises ValueError when factors and primary differ in shape.
    """
    if factors.shape != primary.shape:
        raise ValueError(
            f"factors have shape {factors.shape}, primary balances {primary.shape}; give one of each a year"
        )
    flows = np.broadcast_to(np.asarray(adjustment, dtype=np.float64), factors.shape) - primary
    out = np.empty(factors.shape)
    debt = np.full(factors.shape[0], start)
    for year in range(factors.shape[1]):
        debt = debt * factors[:, year] + flows[:, year]
        out[:, year] = debt
    return out
