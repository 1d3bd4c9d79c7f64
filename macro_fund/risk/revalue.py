"""The target book as positions that can be revalued at any move of the risk factors.

Belongs here: what each position is worth after a move, its gradient, and how a position sees the factors. Does not
belong here: which moves (scenarios, replay, reverse) or how exposures are mapped to factors (risk/exposures).

DI1: contracts x (PU(rate + shock) - PU(rate)) with the contract's own rate and business days. Positions with a delta:
delta x (exp(shock) - 1). Any other rate future: -DV01 x shock. A position's shock is the mean of its factors' moves,
weighted by its exposures to them (two DI nodes for a DI1), so that its first-order P&L is that of risk/exposures.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any, NamedTuple

import numpy as np
import polars as pl

from macro_fund.curves.flat_forward import YEAR_BD
from macro_fund.instruments.di1 import FACE_BRL
from macro_fund.mandate import FACTORS
from macro_fund.portfolio.history import latest_marks

BP = 1e-4
DI1 = "DI1"
_LOWEST_RATE, _HIGHEST_LOG = -0.9, 5.0  # beyond these a move is not searched further: PU and exp would overflow


class Part(NamedTuple):
    """One instrument in one case: shock (bp or log return), P&L in BRL; None without a view, and then `why`."""

    instrument: str
    shock: float | None
    pnl: float | None
    why: str


@dataclass(frozen=True)
class Positions:
    """Positions one after the other: contracts, rate (decimal, NaN: none), bdays, delta and DV01 of the whole, BRL.

    `di1`: revalued by PU. `share` (positions x factors): how much of a factor's move each position sees.
    """

    names: list[str]
    factors: list[str]
    contracts: np.ndarray
    rate: np.ndarray
    bdays: np.ndarray
    delta: np.ndarray
    dv01: np.ndarray
    di1: np.ndarray
    share: np.ndarray

    @property
    def linear(self) -> np.ndarray:
        """First-order P&L of a unit move (positions x factors): -DV01 a bp, delta a log return."""
        return np.asarray(self.share * np.where(self.delta != 0, self.delta, -self.dv01)[:, None])

    def pnl(self, shock: np.ndarray) -> np.ndarray:
        """BRL gained by each position at `shock` (..., positions), in bp or log return."""
        bounded = np.minimum(shock, _HIGHEST_LOG)
        priced = np.where(self.delta != 0, self.delta * np.expm1(bounded), -self.dv01 * shock)
        return np.asarray(np.where(self.di1, self.contracts * (self._pu(shock) - self._pu(0.0 * shock)), priced))

    def slope(self, shock: np.ndarray) -> np.ndarray:
        """Derivative of `pnl` by the shock."""
        rate = np.maximum(self.rate + shock * BP, _LOWEST_RATE)
        by_rate = -self.contracts * BP * self.bdays / YEAR_BD / (1 + rate) * self._pu(shock)
        priced = np.where(self.delta != 0, self.delta * np.exp(np.minimum(shock, _HIGHEST_LOG)), -self.dv01)
        return np.asarray(np.where(self.di1, by_rate, priced))

    def at(self, moves: np.ndarray) -> np.ndarray:
        """Shock of each position at moves of the factors (..., factors)."""
        return np.asarray(moves @ self.share.T)

    def _pu(self, shock: np.ndarray) -> np.ndarray:
        """PU after the shock; NaN rates (positions that are not DI1) stay NaN and are never chosen."""
        rate = np.maximum(self.rate + shock * BP, _LOWEST_RATE)
        return np.asarray(FACE_BRL * (1.0 + rate) ** (-self.bdays / YEAR_BD))


@dataclass(frozen=True)
class Book:
    """The target book of one session. `flat`: targets of zero; `blind`: instruments that cannot be valued, and why;
    `unmapped`: positions that can, but have no exposure to factors."""

    positions: Positions
    flat: list[str] = field(default_factory=list)
    blind: dict[str, str] = field(default_factory=dict)
    unmapped: dict[str, str] = field(default_factory=dict)

    @property
    def mapped(self) -> np.ndarray:
        """Indices of the positions that have exposures to factors."""
        return np.array([k for k, n in enumerate(self.positions.names) if n not in self.unmapped], dtype=np.int64)


def chosen(positions: Positions, which: np.ndarray) -> Positions:
    """The named positions only, on the factors that they see."""
    share = positions.share[which]
    seen = np.flatnonzero((share != 0).any(axis=0)) if len(which) else np.zeros(0, dtype=np.int64)
    return Positions(
        names=[positions.names[k] for k in which],
        factors=[positions.factors[k] for k in seen],
        contracts=positions.contracts[which],
        rate=positions.rate[which],
        bdays=positions.bdays[which],
        delta=positions.delta[which],
        dv01=positions.dv01[which],
        di1=positions.di1[which],
        share=np.ascontiguousarray(share[:, seen]),
    )


def books(
    targets: pl.DataFrame, instrument_returns: pl.DataFrame, exposures: pl.DataFrame, sessions: Sequence[date]
) -> list[Book]:
    """The book of each session, from portfolio/targets, the settlements that it knew, and risk/exposures."""
    here = pl.col("session").is_in(list(sessions))
    marks = latest_marks(instrument_returns, sessions).select("session", "instrument", "contract", "bdays")
    rows = (
        targets.filter(here)
        .select("session", "instrument", "contract", "target_contracts", "rate", "dv01_brl", "delta_brl", "reason")
        .join(marks, on=["session", "instrument", "contract"], how="left", maintain_order="left")
        .sort("session", "instrument")
        .partition_by("session", as_dict=True)
    )
    seen = exposures.filter(here).sort("session", "instrument", "factor").partition_by("session", as_dict=True)
    none = exposures.clear()
    return [_book(rows[s,].to_dicts() if (s,) in rows else [], seen.get((s,), none).to_dicts()) for s in sessions]


def _book(rows: list[dict[str, Any]], seen: list[dict[str, Any]]) -> Book:
    blind: dict[str, str] = {}
    held, flat = [], []
    for row in rows:
        name = str(row["instrument"])
        if row["target_contracts"] is None:
            blind[name] = str(row["reason"])
        elif row["target_contracts"] == 0:
            flat.append(name)
        elif _revaluable(row):
            held.append(row)
        else:
            blind[name] = f"no settlement rate of {name} to revalue"
    names = [str(r["instrument"]) for r in held]
    share = _shares(names, seen)
    unmapped = {n: f"no exposure of {n} to the risk factors" for n, s in zip(names, share, strict=True) if not s.any()}
    numbers = {
        c: np.array([np.nan if r[c] is None else r[c] for r in held], dtype=np.float64)
        for c in ("target_contracts", "rate", "bdays", "delta_brl", "dv01_brl")
    }
    positions = Positions(
        names=names,
        factors=list(FACTORS),
        contracts=numbers["target_contracts"],
        rate=numbers["rate"],
        bdays=numbers["bdays"],
        delta=numbers["delta_brl"],
        dv01=numbers["dv01_brl"],
        di1=np.array([str(r["contract"]).startswith(DI1) for r in held], dtype=bool),
        share=share,
    )
    return Book(positions, flat, blind, unmapped)


def _revaluable(row: dict[str, Any]) -> bool:
    if str(row["contract"]).startswith(DI1):
        return row["rate"] is not None and row["bdays"] is not None
    return bool(row["delta_brl"]) or bool(row["dv01_brl"])


def _shares(names: Sequence[str], seen: list[dict[str, Any]]) -> np.ndarray:
    """Each instrument's exposures divided by their sum (positions x FACTORS); zeros where it has none."""
    place, column = {n: k for k, n in enumerate(names)}, {f: k for k, f in enumerate(FACTORS)}
    out = np.zeros((len(names), len(FACTORS)))
    for row in seen:
        if row["instrument"] in place:
            amount = float(row["delta_brl"]) or float(row["dv01_brl"])
            out[place[str(row["instrument"])], column[str(row["factor"])]] += amount
    total = out.sum(axis=1, keepdims=True)
    return np.asarray(np.divide(out, total, out=np.zeros_like(out), where=total != 0))
