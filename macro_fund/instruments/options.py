"""European options: price, Greeks, and what a move of spot, volatility and time made of them.

Belongs here: formulas of one option, elementwise. Does not belong here: a volatility surface, or which options the fund
may hold: none so far (docs/strategies.md, FX-04), so no position is explained by them.

Black and Scholes (1973) with a yield on the asset, which for a currency is Garman and Kohlhagen (1983): spot and strike
in BRL per USD, `rate` of BRL and `carry` of USD, continuous, decimals a year; volatility a year; expiry in years.
Formulas: Haug, The Complete Guide to Option Pricing Formulas, chapters 1 and 2.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from macro_fund.instruments.di1 import Array, Values

PARTS = ("delta", "gamma", "vega", "theta", "vanna", "volga", "residual")


@dataclass(frozen=True)
class Option:
    """Calls (`side` +1) or puts (-1) on one unit; made by `option`."""

    side: Array
    strike: Array
    expiry: Array
    rate: Array
    carry: Array

    def price(self, spot: Values, volatility: Values, passed: Values = 0.0) -> Array:
        """Value `passed` years after the start; ValueError unless spot, volatility and the time left are positive."""
        from scipy.special import ndtr

        s, _, left, d1, d2 = self._terms(spot, volatility, passed)
        asset, cash = s * np.exp(-self.carry * left), self.strike * np.exp(-self.rate * left)
        return np.asarray(self.side * (asset * ndtr(self.side * d1) - cash * ndtr(self.side * d2)))

    def greeks(self, spot: Values, volatility: Values) -> dict[str, Array]:
        """delta, gamma, vega, vanna and volga per unit of spot and of volatility (1.0 = 100 points); theta a year."""
        from scipy.special import ndtr

        s, sigma, left, d1, d2 = self._terms(spot, volatility, 0.0)
        grown, density = np.exp(-self.carry * left), np.exp(-(d1**2) / 2.0) / np.sqrt(2.0 * np.pi)
        delta, vega = self.side * grown * ndtr(self.side * d1), s * grown * density * np.sqrt(left)
        owed = self.side * self.rate * self.strike * np.exp(-self.rate * left) * ndtr(self.side * d2)
        return {
            "delta": delta,
            "gamma": grown * density / (s * sigma * np.sqrt(left)),
            "vega": vega,
            "theta": self.carry * s * delta - owed - vega * sigma / (2.0 * left),
            "vanna": -grown * density * d2 / sigma,
            "volga": vega * d1 * d2 / sigma,
        }

    def explain(
        self, spot: tuple[Values, Values], volatility: tuple[Values, Values], passed: Values
    ) -> dict[str, Array]:
        """`PARTS` of the change in value from the first of each pair to the second after `passed` years.

        Second order in spot and volatility, first in time. What the orders leave out (charm, third order) is the
        residual, told and not spread over the others, so that parts sum to the change exactly.
        """
        (s0, s1), (v0, v1) = (map(_array, pair) for pair in (spot, volatility))
        ds, dv, g = s1 - s0, v1 - v0, self.greeks(s0, v0)
        parts = {
            "delta": g["delta"] * ds,
            "gamma": 0.5 * g["gamma"] * ds**2,
            "vega": g["vega"] * dv,
            "theta": g["theta"] * _array(passed),
            "vanna": g["vanna"] * ds * dv,
            "volga": 0.5 * g["volga"] * dv**2,
        }
        change = self.price(s1, v1, passed) - self.price(s0, v0)
        return {**parts, "residual": change - sum(parts.values())}

    def _terms(self, spot: Values, volatility: Values, passed: Values) -> tuple[Array, Array, Array, Array, Array]:
        """Spot, volatility, years left, d1 and d2."""
        s, sigma, left = _array(spot), _array(volatility), self.expiry - _array(passed)
        for name, values in (("spot", s), ("strike", self.strike), ("volatility", sigma), ("time left", left)):
            if not np.all(values > 0):
                raise ValueError(f"an option needs a positive {name}, got {np.min(values):g}")
        wide = sigma * np.sqrt(left)
        d1 = (np.log(s / self.strike) + (self.rate - self.carry) * left) / wide + wide / 2.0
        return s, sigma, left, d1, d1 - wide


def option(side: Values, strike: Values, expiry: Values, rate: Values, carry: Values = 0.0) -> Option:
    """Options from numbers or arrays that broadcast; see `Option`."""
    return Option(*map(_array, (side, strike, expiry, rate, carry)))


def _array(values: Values) -> Array:
    return np.asarray(values, dtype=np.float64)
