"""The target book as dense arrays.

Belongs here: positions, exposures and strategy shares of portfolio/targets by session and instrument. Does not belong
here: any measure of risk.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
import polars as pl

from macro_fund.portfolio.history import session_array


@dataclass(frozen=True)
class TargetBook:
    """Axes (session, instrument[, strategy]); names in order.

    `listed`: the targets table has the cell. `known`: it has a target, so the exposures mean something (0 elsewhere).
    `dv01` BRL gained for -1bp, `delta` BRL of exposure, `share` strategy shares of the position. `reason` as in the
    table ("" where not listed).
    """

    instruments: list[str]
    strategies: list[str]
    listed: np.ndarray
    known: np.ndarray
    contracts: np.ndarray
    dv01: np.ndarray
    delta: np.ndarray
    share: np.ndarray
    reason: np.ndarray

    @property
    def held(self) -> np.ndarray:
        return self.known & (self.contracts != 0)

    def missing(self, session: int) -> list[str]:
        """'NAME: reason' of each target without a view."""
        return [
            f"{self.instruments[k]}: {self.reason[session, k]}"
            for k in np.flatnonzero(self.listed[session] & ~self.known[session])
        ]


def target_book(targets: pl.DataFrame, sessions: Sequence[date]) -> TargetBook:
    """The book of each session. ValueError: a cell given twice, or a position whose shares do not sum to 1."""
    days = session_array(sessions)
    rows = targets.filter(pl.col("session").is_in(list(sessions))).sort("session", "instrument")
    names = rows["instrument"].unique().sort().to_list()
    if rows.select("session", "instrument").is_duplicated().any():
        raise ValueError("targets hold an instrument twice in one session; pass one targets table")
    shape = (len(sessions), len(names))
    at = (
        np.searchsorted(days, rows["session"].to_numpy()),
        np.searchsorted(np.array(names, dtype=str), rows["instrument"].to_numpy()),
    )

    def dense(column: str) -> np.ndarray:
        out = np.zeros(shape)
        out[at] = rows[column].cast(pl.Float64).fill_null(0.0).to_numpy()
        return out

    listed, known = np.zeros(shape, dtype=bool), np.zeros(shape, dtype=bool)
    listed[at] = True
    known[at] = rows["target_contracts"].is_not_null().to_numpy()
    reason = np.full(shape, "", dtype=object)
    reason[at] = rows["reason"].to_list()
    strategies, share = _shares(rows, at, shape)
    contracts = dense("target_contracts")
    _demand_owners(rows, at, contracts, share)
    return TargetBook(names, strategies, listed, known, contracts, dense("dv01_brl"), dense("delta_brl"), share, reason)


def _shares(
    rows: pl.DataFrame, at: tuple[np.ndarray, np.ndarray], shape: tuple[int, int]
) -> tuple[list[str], np.ndarray]:
    """Strategies that own a part of a position, in name order, and their shares."""
    owned = (
        rows.select("shares", "target_contracts")
        .with_row_index("row")
        .filter(pl.col("target_contracts").fill_null(0) != 0)
        .explode("shares")
        .unnest("shares")
        .filter(pl.col("share").is_not_null())
    )
    strategies = owned["strategy_id"].unique().sort().to_list()
    share = np.zeros((*shape, len(strategies)))
    row = owned["row"].to_numpy()
    column = np.searchsorted(np.array(strategies, dtype=str), owned["strategy_id"].to_numpy())
    share[at[0][row], at[1][row], column] = owned["share"].to_numpy()
    return strategies, share


def _demand_owners(
    rows: pl.DataFrame, at: tuple[np.ndarray, np.ndarray], contracts: np.ndarray, share: np.ndarray
) -> None:
    astray = (contracts[at] != 0) & (np.abs(share[at].sum(axis=1) - 1) > 1e-9)
    if astray.any():
        first = rows.row(int(np.flatnonzero(astray)[0]), named=True)
        raise ValueError(
            f"strategy shares of {first['instrument']} on {first['session']} do not sum to 1: {first['shares']}"
        )
