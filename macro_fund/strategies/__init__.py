"""Strategies: hypotheses turned into signals, one module each.

Belongs here: formulas from known data to a signal, a direction and its levels. Does not belong here: sizes and limits
(portfolio/, risk/). Importing the package registers every strategy.
"""

from macro_fund.strategies import cross_02, fx_02, rates_01

__all__ = ["cross_02", "fx_02", "rates_01"]
