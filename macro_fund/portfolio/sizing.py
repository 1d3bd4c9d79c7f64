"""How many contracts a score is worth: arrays in, whole contracts out.

Belongs here: the sizing rules and their order. Does not belong here: frames, missing data (callers pass only cells
that have everything; the others are zero), or what a limit's number is (settings).

Axes are (session, instrument). Order: share of the class budget, position cap, class limits, whole-fund volatility,
whole contracts. Each step only ever reduces a position, so no step can undo an earlier one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from macro_fund.portfolio.covariance import YEAR

MARGIN = 1 - 1e-12
"""Kept below a limit so that rounding in the last bit cannot cross it."""


@dataclass(frozen=True)
class Book:
    """What sizing needs of each cell. `sigma` BRL a day of one contract (> 0), `sign` quantity sign of the asset."""

    score: np.ndarray
    sigma: np.ndarray
    sign: np.ndarray
    budget: np.ndarray
    classes: np.ndarray
    caps: np.ndarray


@dataclass(frozen=True)
class ClassLimit:
    """At most `cap` BRL (or BRL per bp) of `unit` exposure a contract, on the long and on the short side of a class."""

    name: str
    asset_class: str
    unit: np.ndarray
    cap: float


def ask(book: Book) -> np.ndarray:
    """Contracts before limits: score x the instrument's part of its class budget / annual volatility of a contract.

    Instruments of a class share its budget in proportion to |score|, so the stand-alone volatilities of a class never
    sum to more than the largest |score| times its budget.
    """
    size = np.abs(book.score)
    part = np.zeros_like(size)
    for name in np.unique(book.classes):
        of_class = book.classes == name
        total = np.zeros(len(size))
        for k in np.flatnonzero(of_class):
            total = total + size[:, k]
        np.divide(size, total[:, None], out=part, where=of_class[None, :] & (total[:, None] > 0))
    return book.sign * book.score * part * book.budget / (np.sqrt(YEAR) * book.sigma)


def _side(exposure: np.ndarray) -> np.ndarray:
    """The larger of the long and the short exposure of each session (> = |net|, and never raised by truncation)."""
    long, short = np.zeros(len(exposure)), np.zeros(len(exposure))
    for k in range(exposure.shape[1]):
        long = long + np.maximum(exposure[:, k], 0)
        short = short + np.maximum(-exposure[:, k], 0)
    return np.maximum(long, short)


def _limited(
    contracts: np.ndarray, binding: np.ndarray, limit: ClassLimit, classes: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    of_class = classes == limit.asset_class
    used = _side(np.where(of_class[None, :], contracts * limit.unit, 0.0))
    over = used > limit.cap
    factor = np.where(over, limit.cap * MARGIN / np.where(over, used, 1.0), 1.0)[:, None]
    hit = over[:, None] & of_class[None, :] & (contracts != 0)
    return np.where(hit, contracts * factor, contracts), np.where(hit, limit.name, binding)


def size(
    book: Book, limits: Sequence[ClassLimit], fund_vol: Callable[[int, np.ndarray], float], vol_cap: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(asked, whole contracts, name of the last rule that reduced the position: risk_share when none did).

    `fund_vol(session, contracts)`: annual volatility in BRL of one session's book. It is asked only where the sum of
    stand-alone volatilities, which no correlation can exceed, is above `vol_cap` (BRL a year).
    """
    asked = ask(book)
    contracts = np.clip(asked, -book.caps, book.caps)
    binding = np.where(contracts != asked, "max_contracts", np.where(asked != 0, "risk_share", "none")).astype(object)
    for limit in limits:
        contracts, binding = _limited(contracts, binding, limit, book.classes)
    ceiling = np.sqrt(YEAR) * _side(np.abs(contracts) * book.sigma)
    whole = np.trunc(contracts)
    for s in np.flatnonzero(ceiling > vol_cap).tolist():
        whole[s], scaled = _within_vol(contracts[s], partial(fund_vol, s), vol_cap)
        if scaled:
            binding[s, contracts[s] != 0] = "vol_target"
    binding = np.where((whole == 0) & (asked != 0), "integer", binding)
    return asked, whole + 0.0, binding


def _within_vol(
    contracts: np.ndarray, fund_vol: Callable[[np.ndarray], float], vol_cap: float
) -> tuple[np.ndarray, bool]:
    """Whole contracts whose volatility is at most `vol_cap`, and whether they had to be scaled.

    Truncating a hedge can raise the volatility of the rest, so whole contracts are measured again; each round takes at
    least one contract off every position, so it ends.
    """
    vol = fund_vol(contracts)
    scaled = vol > vol_cap
    whole = np.trunc(contracts * (vol_cap * MARGIN / vol)) if scaled else np.trunc(contracts)
    while (vol := fund_vol(whole)) > vol_cap:
        whole, scaled = np.trunc(whole * (vol_cap * MARGIN / vol)), True
    return whole, scaled
