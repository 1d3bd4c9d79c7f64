"""Gross domestic product of the sample world in current prices.

Belongs here: monthly GDP in reais. Does not belong here: activity and prices, which make it (`paths_macro`).

GDP = IBC-Br x price level x season: real growth is the IBC-Br's and the deflator the IPCA, so that the growth that a
model measures is the one that the debt ratio sees.
"""

from __future__ import annotations

import numpy as np

from macro_fund.sample.noise import Floats
from macro_fund.sample.paths_macro import Macro, months_of

# Twelve months of GDP at GDP_MONTH, BRL mn: about the public figure.
GDP_12M, GDP_MONTH = 3_900_000.0, "2010-12-01"
# Seasonal factor of a month less one, January to December; sums to zero.
SEASON = np.array([-0.05, -0.04, 0.01, 0.0, 0.0, 0.0, 0.01, 0.01, 0.0, 0.02, 0.02, 0.02])


def price_level(macro: Macro) -> Floats:
    """Product of the monthly IPCA from the first month of the world on."""
    return np.asarray(np.cumprod(1 + macro.ipca / 100), dtype=np.float64)


def monthly_gdp(macro: Macro) -> Floats:
    """BRL mn a month, on all months of the world."""
    volume = macro.ibc_br * price_level(macro)
    at = int(np.searchsorted(macro.months, np.datetime64(GDP_MONTH)))
    raw = volume * (1 + SEASON[months_of(macro.months) - 1])
    scaled: Floats = np.asarray(raw * GDP_12M / raw[at - 11 : at + 1].sum(), dtype=np.float64)
    return np.round(scaled, 1)


def trailing_year(flow: Floats) -> Floats:
    """Sums of twelve months; the first eleven are what has passed, brought to a year."""
    total = np.cumsum(flow)
    out = 12 * total / np.arange(1, flow.size + 1)
    out[12:] = total[12:] - total[:-12]
    return out
