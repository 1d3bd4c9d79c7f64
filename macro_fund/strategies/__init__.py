"""Strategies: hypotheses turned into signals, one module each.

Belongs here: formulas from known data to a signal, a direction and its levels. Does not belong here: sizes and limits
(portfolio/, risk/). Importing the package registers every strategy.
"""

from macro_fund.strategies import (
    cross_01,
    cross_02,
    cupom_01,
    cupom_02,
    fisc_01,
    fx_01,
    fx_02,
    fx_03,
    fx_04,
    fx_05,
    inf_01,
    inf_02,
    inf_03,
    rates_01,
    rates_02,
    rates_03,
    rates_04,
    rates_05,
    rates_06,
    rates_07,
    rates_08,
    sov_01,
    sov_02,
    sov_03,
)

__all__ = [
    "cross_01",
    "cross_02",
    "cupom_01",
    "cupom_02",
    "fisc_01",
    "fx_01",
    "fx_02",
    "fx_03",
    "fx_04",
    "fx_05",
    "inf_01",
    "inf_02",
    "inf_03",
    "rates_01",
    "rates_02",
    "rates_03",
    "rates_04",
    "rates_05",
    "rates_06",
    "rates_07",
    "rates_08",
    "sov_01",
    "sov_02",
    "sov_03",
]
