"""What the held positions make of factor moves: the P&L of every pair of an instrument and a factor.

Belongs here: linear P&L and full revaluation. Does not belong here: which moves are applied (filtered.py, copula.py),
or what is done with the P&L (methods.py).

P&L of a pair: -dv01 x bp, delta x (exp(r) - 1), or delta x r where `linear`. When one of its rate factors moves by more
than 50 bp, a DI1 position is repriced as a whole, PU(rate + shock) - PU(rate), where its shock is that of its factors
by their parts of its DV01; each pair then gets the linear P&L times exact over linear.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from macro_fund.instruments.di1 import dv01 as dv01_of
from macro_fund.risk.exposures import MAPPED, N_RATES
from macro_fund.risk.revalue import BP
from macro_fund.risk.stress import di1_revaluation

REVALUED_ABOVE_BP = 50.0
LOWEST_RATE = -0.5
"""No rate is repriced below it: a simulated move can be larger than the rate itself."""
_FLAT_BP = 1e-6  # below it exact over linear is 1


@dataclass(frozen=True)
class Positions:
    """One session's pairs. `instruments`: names of held ones; `factors`: held columns of MAPPED, ascending.

    Arrays over pairs: instrument, factor (indices into the two lists), dv01, delta. Over instruments: contracts, rate
    (decimal; NaN for prices), bdays.
    """

    instruments: list[str]
    factors: tuple[int, ...]
    instrument: np.ndarray
    factor: np.ndarray
    dv01: np.ndarray
    delta: np.ndarray
    contracts: np.ndarray
    rate: np.ndarray
    bdays: np.ndarray

    @property
    def is_rate(self) -> np.ndarray:
        """Over factors: moves in bp."""
        return np.array(self.factors, dtype=np.int64) < N_RATES

    @property
    def linear(self) -> np.ndarray:
        """Over pairs: BRL for a move of 1 (bp or log return) of the pair's factor."""
        return np.where(self.is_rate[self.factor], -self.dv01, self.delta)

    def by_factor(self) -> np.ndarray:
        """`linear` summed over the pairs of each factor."""
        return np.array([self.linear[self.factor == f].sum() for f in range(len(self.factors))])


def positions(held: pl.DataFrame, exposed: pl.DataFrame) -> Positions:
    """Positions of one session. held: rows of exposures.held_positions; exposed: its rows of risk/exposures.

    ValueError: a held position without exposures, or on a factor that is not mapped.
    """
    names = held["instrument"].to_list()
    rows = exposed.sort("instrument", "factor")
    if rows["instrument"].unique().sort().to_list() != names:
        raise ValueError(f"risk/exposures of {rows['instrument'].unique().sort().to_list()}, targets of {names}")
    of = [MAPPED.index(f) for f in rows["factor"]]
    factors = tuple(sorted(set(of)))
    return Positions(
        names,
        factors,
        np.array([names.index(i) for i in rows["instrument"]], dtype=np.int64),
        np.array([factors.index(f) for f in of], dtype=np.int64),
        rows["dv01_brl"].to_numpy(),
        rows["delta_brl"].to_numpy(),
        held["contracts"].to_numpy(),
        held["rate"].fill_null(np.nan).to_numpy(),
        held["bdays"].to_numpy(),
    )


def pair_pnl(book: Positions, moves: np.ndarray, linear: bool = False) -> np.ndarray:
    """BRL (scenarios x pairs) of moves (scenarios x held factors; bp, log returns)."""
    changes = moves if linear else np.where(book.is_rate, moves, np.expm1(np.where(book.is_rate, 0.0, moves)))
    pnl = np.asarray(changes[:, book.factor] * book.linear)
    return pnl if linear else _revalued(book, moves, pnl)


def _revalued(book: Positions, moves: np.ndarray, pnl: np.ndarray) -> np.ndarray:
    """The P&L with large moves of DI1 positions repriced (in place)."""
    for k in np.flatnonzero(np.isfinite(book.rate)):
        mine = np.flatnonzero((book.instrument == k) & book.is_rate[book.factor])
        if not len(mine):
            continue
        bp = moves[:, book.factor[mine]]
        rows = np.flatnonzero((np.abs(bp) > REVALUED_ABOVE_BP).any(axis=1))
        if not len(rows):
            continue
        shock = bp[rows] @ (book.dv01[mine] / book.dv01[mine].sum())
        shock = np.maximum(shock, (LOWEST_RATE - book.rate[k]) / BP)
        moved = np.abs(shock) > _FLAT_BP
        bdays = np.full(len(rows), book.bdays[k])
        exact = di1_revaluation(np.full(len(rows), book.rate[k]), bdays, shock)
        flat = -float(dv01_of(book.rate[k], book.bdays[k])) * np.where(moved, shock, 1.0)
        pnl[np.ix_(rows, mine)] *= np.where(moved, exact / flat, 1.0)[:, None]
    return pnl
