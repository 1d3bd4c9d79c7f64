"""What an optimiser is asked, and what it answers.

Belongs here: views, risk and the mandate's limits as arrays, how far a book uses each limit, and cutting a book into
them. Does not belong here: the optimisers (optimise), or where the numbers come from (inputs).

Weights are exposure over capital, + = long the contract. Every limit is a cone that holds the empty book: a book that
is scaled down keeps every limit that it kept before.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]
Method = Literal["black_litterman", "mean_risk", "risk_parity", "hrp"]

MARGIN = 1 - 1e-9
"""Kept below a limit so that rounding in the last bits, or the solver's tolerance, cannot cross it."""
ROUNDS = 50


@dataclass(frozen=True)
class Budget:
    """The annual volatility of the book scale x weights is at most `limit`, a fraction of capital."""

    name: str
    scale: Array
    limit: float


@dataclass(frozen=True)
class Cap:
    """The sum of unit x |weight| is at most `limit`; unit >= 0 is of one unit of exposure."""

    name: str
    unit: Array
    limit: float


@dataclass(frozen=True)
class Problem:
    """One session's book to choose, axes (instrument).

    side: +1 long, -1 short the contract, 0: nothing may be held. expected: posterior return a year of a unit of
    exposure, of the contract. volatility: annual, of a unit (> 0). correlation: of the contracts' P&L. cost: of trading
    one unit, a year (spread over the horizon). previous: weights held. upper: largest |weight| by name. budgets: the
    first is the whole book's volatility target. risk_aversion: delta of mean'w - (delta / 2) w' Sigma w.
    """

    names: tuple[str, ...]
    side: Array
    expected: Array
    volatility: Array
    correlation: Array
    cost: Array
    previous: Array
    upper: dict[str, Array]
    budgets: tuple[Budget, ...]
    caps: tuple[Cap, ...]
    risk_aversion: float

    @property
    def target(self) -> float:
        return self.budgets[0].limit

    @property
    def covariance(self) -> Array:
        return np.asarray(self.correlation * np.outer(self.volatility, self.volatility))

    def book_volatility(self, weights: Array, scale: Array | None = None) -> float:
        """Annual volatility of the weights over capital."""
        risk = weights * self.volatility if scale is None else weights * self.volatility * scale
        return float(np.sqrt(max(float(risk @ self.correlation @ risk), 0.0)))

    def ceiling(self) -> tuple[Array, list[str]]:
        """(largest |weight|, name of what sets it); 0 where no side is given."""
        names = list(self.upper)
        stacked = np.stack([self.upper[n] for n in names])
        least = stacked.argmin(axis=0)
        return np.where(self.side == 0, 0.0, stacked.min(axis=0)), [names[k] for k in least.tolist()]

    def problems(self) -> str:
        """What keeps the optimisers from an answer, in words; empty when nothing does."""
        given: dict[str, Array] = {
            "expected": self.expected,
            "volatility": self.volatility,
            "correlation": self.correlation,
        }
        given |= {"cost": self.cost, "previous": self.previous}
        for name, values in given.items():
            if not np.all(np.isfinite(values)):
                return f"{name} of the optimiser's input is not a number"
        return "" if np.all(self.volatility > 0.0) else "a volatility of the optimiser's input is not above 0"


@dataclass(frozen=True)
class Allocation:
    """weights: (n,) signed. binding: what sized each. status: ok | degraded (the weights are the previous ones)."""

    weights: Array
    binding: tuple[str, ...]
    status: str = "ok"
    reason: str = ""


def uses(problem: Problem, weights: Array) -> list[tuple[str, float, npt.NDArray[np.bool_]]]:
    """(limit, use as a fraction of it, instruments that count towards it) of every budget and cap."""
    size = np.abs(weights)
    found = [(c.name, _ratio(float(c.unit @ size), c.limit), c.unit > 0) for c in problem.caps]
    found += [
        (b.name, _ratio(problem.book_volatility(weights, b.scale), b.limit), b.scale > 0) for b in problem.budgets
    ]
    return found


def _ratio(value: float, limit: float) -> float:
    return value / limit if limit > 0 else (np.inf if value > 0 else 0.0)


def fit(problem: Problem, weights: Array) -> tuple[Array, dict[int, str]]:
    """Weights cut into every limit, and the name of the last that cut each instrument.

    Each limit scales down the instruments that count towards it. Cutting a hedge may raise another volatility, so it is
    done in rounds; whatever is left after them scales the whole book.
    """
    ceiling, by = problem.ceiling()
    cut: dict[int, str] = {k: by[k] for k in np.flatnonzero(np.abs(weights) > ceiling).tolist()}
    out = np.clip(weights, -ceiling, ceiling)
    for last in (*[False] * ROUNDS, True):
        tight = True
        for name, ratio, counts in uses(problem, out):
            if ratio <= 1.0:
                continue
            tight = False
            hit = (out != 0) & (counts | last)
            cut |= dict.fromkeys(np.flatnonzero(hit).tolist(), name)
            out = np.where(hit, out * (MARGIN / ratio), out)
        if tight:
            break
    return out, cut


def fit_whole(problem: Problem, contracts: Array, unit: Array) -> tuple[Array, dict[int, str]]:
    """Whole contracts inside every limit: `unit` is the weight of one contract. It only ever takes contracts off."""
    cut: dict[int, str] = {}
    out = np.trunc(contracts)
    while True:
        over = [(n, r, c & (out != 0)) for n, r, c in uses(problem, out * unit) if r > 1.0]
        if not over:
            return out + 0.0, cut
        name, ratio, hit = max(over, key=lambda u: u[1])
        cut |= dict.fromkeys(np.flatnonzero(hit).tolist(), name)
        out = np.where(hit, np.trunc(out * (MARGIN / ratio)), out)


def no_hedge_lost(contracts: Array, unrounded: Array, risk: Array, reference: float) -> Array:
    """Whole contracts whose net exposure is no larger than the unrounded book's, or `reference`, by more than one.

    risk: (n,) signed exposure of one contract (DV01, or delta), 0 for instruments outside the group. Truncating a leg
    that hedges another leaves a net that nobody asked for; contracts are taken off the side that is too large, from the
    largest position down, so legs that were neutral stay neutral within one contract.
    """
    out = np.trunc(contracts)
    allowed = max(abs(float(unrounded @ risk)), reference)
    while True:
        net, held = float(out @ risk), (out != 0) & (risk != 0)
        if not held.any() or abs(net) <= allowed + float(np.abs(risk[held]).max()):
            return out + 0.0
        # The excess always sits on the side of the net, so there is a position there to cut.
        side = held & (np.sign(out * risk) == np.sign(net))
        k = int(np.argmax(np.where(side, np.abs(out * risk), -1.0)))
        off = max(1.0, np.floor((abs(net) - allowed) / abs(risk[k])))
        out[k] -= np.sign(out[k]) * min(off, abs(out[k]))


@dataclass(frozen=True)
class Pressure:
    """Shadow prices of a solved programme: how hard each named limit presses on each instrument (>= 0)."""

    rows: list[tuple[str, Array]] = field(default_factory=list)

    def strongest(self, k: int, floor: float) -> str:
        """Name of the limit that presses hardest on instrument k; empty below `floor`."""
        best = max(((float(p[k]), -j, n) for j, (n, p) in enumerate(self.rows)), default=(0.0, 0, ""))
        return best[2] if best[0] > floor else ""
