"""Flat-forward interpolation of rates on 252 business days, for many curves at once.

Belongs here: interpolation between given nodes. Does not belong here: which quotes make the nodes (di.py).
Between two nodes the forward rate is constant: C(n) = C(n1) * [C(n2)/C(n1)]^((n-n1)/(n2-n1)) with C = (1+r)^(n/252);
before the first node the first rate holds, beyond the last node its last forward holds.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

YEAR_BD = 252.0
_STRIDE = 1_000_000  # business days that no maturity reaches: separates the curves in one sorted key

Array = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Curves:
    """Nodes of many curves, flattened: `key` = curve * stride + bdays, strictly increasing; `log_c` = ln C.

    Every curve starts at the node (0 days, ln C = 0). Build it with `curves`.
    """

    key: Ints
    log_c: Array
    last: Ints  # position of each curve's last node

    def log_capitalisation(self, curve: npt.ArrayLike, bdays: npt.ArrayLike) -> Array:
        """ln C of curve numbers at business days >= 0 (broadcast together)."""
        which, days = np.broadcast_arrays(np.asarray(curve, dtype=np.int64), np.asarray(bdays, dtype=np.int64))
        if np.any(days < 0):
            raise ValueError("business days on a curve must be >= 0")
        right = np.searchsorted(self.key, which * _STRIDE + days, side="left")
        right = np.minimum(np.maximum(right, self.key.searchsorted(which * _STRIDE) + 1), self.last[which])
        left_day = self.key[right - 1] % _STRIDE
        slope = (self.log_c[right] - self.log_c[right - 1]) / (self.key[right] % _STRIDE - left_day)
        return np.asarray(self.log_c[right - 1] + slope * (days - left_day))

    def rate(self, curve: npt.ArrayLike, bdays: npt.ArrayLike) -> Array:
        """Spot rate (decimal, 252) at business days >= 1."""
        days = np.asarray(bdays, dtype=np.int64)
        if np.any(days < 1):
            raise ValueError("a spot rate needs at least one business day")
        return np.expm1(self.log_capitalisation(curve, days) * (YEAR_BD / days))

    def forward(self, curve: npt.ArrayLike, start: npt.ArrayLike, end: npt.ArrayLike) -> Array:
        """Forward rate (decimal, 252) between two business days, start < end."""
        first, second = np.asarray(start, dtype=np.int64), np.asarray(end, dtype=np.int64)
        if np.any(second <= first):
            raise ValueError("a forward rate needs start < end")
        growth = self.log_capitalisation(curve, second) - self.log_capitalisation(curve, first)
        return np.expm1(growth * (YEAR_BD / (second - first)))

    def last_bdays(self, curve: npt.ArrayLike) -> Ints:
        """Business days of each curve's last node."""
        return self.key[self.last[np.asarray(curve, dtype=np.int64)]] % _STRIDE


def curves(curve: npt.ArrayLike, bdays: npt.ArrayLike, rates: npt.ArrayLike) -> Curves:
    """Curves from nodes: curve numbers 0..k-1, business days >= 1 and rates (decimal, 252), in any order.

    Raises ValueError for a curve number without a node, two nodes on one day or a rate <= -100%.
    """
    which, days = np.asarray(curve, dtype=np.int64), np.asarray(bdays, dtype=np.int64)
    rate = np.asarray(rates, dtype=np.float64)
    n = int(which.max()) + 1 if which.size else 0
    if np.any(days < 1) or np.any(days >= _STRIDE):
        raise ValueError("curve nodes need at least one business day; drop expired contracts")
    if not np.all(rate > -1):
        raise ValueError("curve nodes need rates above -100%, as decimals")
    if np.unique(which).size != n:
        raise ValueError("curve numbers must be 0..k-1, each with at least one node")
    key = np.concatenate([np.arange(n, dtype=np.int64) * _STRIDE, which * _STRIDE + days])
    log_c = np.concatenate([np.zeros(n), np.log1p(rate) * (days / YEAR_BD)])
    order = np.argsort(key, kind="stable")
    key, log_c = key[order], log_c[order]
    if np.any(key[1:] == key[:-1]):
        raise ValueError("two nodes of one curve fall on the same business day; keep one of them")
    return Curves(key, log_c, np.searchsorted(key, (np.arange(n) + 1) * _STRIDE) - 1)


def flat_forward(bdays: npt.ArrayLike, rates: npt.ArrayLike, at: npt.ArrayLike) -> Array:
    """Spot rates of one curve: nodes (bdays, rates), evaluated at business days `at`."""
    days = np.asarray(bdays, dtype=np.int64)
    return curves(np.zeros(days.size, dtype=np.int64), days, rates).rate(0, at)


def forward_rate(start: float, end: float, rate_start: npt.ArrayLike, rate_end: npt.ArrayLike) -> Array:
    """Forward rate (decimal, 252) between two business days from the spot rates to them."""
    if end <= start:
        raise ValueError("a forward rate needs start < end")
    near, far = np.asarray(rate_start, dtype=np.float64), np.asarray(rate_end, dtype=np.float64)
    return np.expm1((np.log1p(far) * end - np.log1p(near) * start) / (end - start))
