"""The cheapest single trade that puts the fund's stress loss further away.

Belongs here: candidate trades, their size, cost and rank. Does not belong here: the reverse stress itself (reverse.py)
or what a trade costs (pms/costs.py).

A candidate is a contract of an instrument of the book, in the number that minimises the book's sigma along it
(-e'Sw / e'Se, whole contracts, never more), within max_contracts. Candidates are ranked by how much of the linear
distance they add for each BRL of half-spread and fees; the first whose distance by full revaluation is larger as well,
or that leaves no move that loses so much, is the hedge.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal

import numpy as np

from macro_fund.risk.revalue import Positions
from macro_fund.risk.reverse import closed_form, most_plausible
from macro_fund.settings import Instrument

Cost = Callable[[Instrument, int, float], Decimal]
"""BRL of trading so many contracts, given the DV01 of one (pms/costs.py trade_cost)."""

_NO_RISK = 1e-6
"""Sigma left by a hedge, relative to the book's, below which it leaves no risk."""


@dataclass(frozen=True)
class BookPnl:
    """P&L by full revaluation as the reverse stress wants it: moves in the order of the positions' factors."""

    positions: Positions

    def value(self, moves: np.ndarray) -> float:
        return float(self.positions.pnl(self.positions.at(moves)).sum())

    def gradient(self, moves: np.ndarray) -> np.ndarray:
        return np.asarray(self.positions.slope(self.positions.at(moves)) @ self.positions.share)


@dataclass(frozen=True)
class Candidate:
    """One contract of an instrument on the book's factors; `unit` is a single contract, `held` what the book has."""

    instrument: Instrument
    contract: str
    unit: Positions
    dv01: float
    held: float
    cost: Cost


@dataclass(frozen=True)
class Hedge:
    """A trade, its cost in BRL and the distance with it (None: with it no move is found that loses so much)."""

    contract: str
    contracts: int
    cost: float
    distance: float | None


def joined(book: Positions, unit: Positions, contracts: int) -> Positions:
    """The book with so many more contracts of `unit`, as a position of its own (both on the same factors)."""
    stacked: Mapping[str, np.ndarray] = {
        "contracts": np.append(book.contracts, contracts * unit.contracts),
        "rate": np.append(book.rate, unit.rate),
        "bdays": np.append(book.bdays, unit.bdays),
        "delta": np.append(book.delta, contracts * unit.delta),
        "dv01": np.append(book.dv01, contracts * unit.dv01),
        "di1": np.append(book.di1, unit.di1),
        "share": np.vstack([book.share, unit.share]),
    }
    return Positions(names=[*book.names, *unit.names], factors=book.factors, **stacked)


def best_hedge(
    book: Positions, candidates: list[Candidate], covariance: np.ndarray, loss: float, distance: float
) -> Hedge | None:
    """The hedge of a book whose stress loss is `distance` sigmas away; None: no trade puts it further."""
    weights = book.linear.sum(axis=0)
    ranked = sorted(
        _sized(weights, candidates, covariance, loss), key=lambda found: (-found[0], found[1].instrument.id)
    )
    for _, candidate, contracts, cost in ranked:
        after = joined(book, candidate.unit, contracts)
        left = after.linear.sum(axis=0)
        if _sigma(left, covariance) <= _NO_RISK * _sigma(weights, covariance):
            return Hedge(candidate.contract, contracts, cost, None)
        found = most_plausible(BookPnl(after), covariance, loss, closed_form(left, covariance, loss)[0])
        if found is None or found[1] > distance:
            return Hedge(candidate.contract, contracts, cost, found[1] if found else None)
    return None


def _sized(
    weights: np.ndarray, candidates: list[Candidate], covariance: np.ndarray, loss: float
) -> Iterator[tuple[float, Candidate, int, float]]:
    """(linear sigmas added for each BRL, candidate, contracts, cost) of the candidates that can trade at all."""
    before = loss / _sigma(weights, covariance)
    for candidate in candidates:
        each = candidate.unit.linear[0]
        best = -float(each @ covariance @ weights) / float(each @ covariance @ each)
        room = candidate.instrument.max_contracts - np.sign(best) * candidate.held
        contracts = int(np.sign(best) * max(min(np.floor(abs(best) + 1e-6), room), 0.0))
        if contracts == 0:
            continue
        cost = float(candidate.cost(candidate.instrument, contracts, candidate.dv01))
        after = max(_sigma(weights + contracts * each, covariance), _NO_RISK * _sigma(weights, covariance))
        if loss / after > before:
            yield (loss / after - before) / max(cost, 0.01), candidate, contracts, cost


def _sigma(weights: np.ndarray, covariance: np.ndarray) -> float:
    return float(np.sqrt(max(weights @ covariance @ weights, 0.0)))
