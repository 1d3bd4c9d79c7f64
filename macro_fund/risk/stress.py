"""Stress of the target book: scenarios, crisis replays and stressed correlations.

Belongs here: the risk/stress table, and what a scenario's moves do to each position. Does not belong here: the moves
themselves (scenarios.py), replays (replay.py), correlations (correlation.py), revaluation (revalue.py) or limits.

DI1: contracts x (PU(rate + shock) - PU(rate)) with the contract's own rate and business days, so convexity counts. The
shock is interpolated linearly between the scenario's DI nodes and flat outside them. DOL, IND: delta x (exp(move) - 1).
Each kind's rows of a scenario sum to the book's P&L.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date

import numpy as np
import polars as pl

from macro_fund.instruments.di1 import pu
from macro_fund.mandate import FACTORS
from macro_fund.risk.correlation import correlation_cases
from macro_fund.risk.exposures import DELTA_FACTOR, DI_TENORS, RATE_NODES
from macro_fund.risk.factor_history import walk
from macro_fund.risk.replay import replays
from macro_fund.risk.revalue import BP, Book, Part, books
from macro_fund.settings import Settings
from macro_fund.store.tables import TABLES

TABLE = TABLES["risk/stress"]
ROOT_LENGTH = 3
FULL = "full revaluation"


def rate_shock(moves: Mapping[str, float], bdays: np.ndarray) -> np.ndarray:
    """Shock in bp at business days: linear between the DI nodes that `moves` has, flat outside; NaN without any."""
    there = [k for k, node in enumerate(RATE_NODES) if node in moves]
    if not there:
        return np.full(len(bdays), np.nan)
    return np.interp(bdays, DI_TENORS[there], [moves[node] for node in RATE_NODES if node in moves])


def di1_revaluation(rate: np.ndarray, bdays: np.ndarray, shock_bp: np.ndarray) -> np.ndarray:
    """BRL gained by +1 DI1 contract (BRL 1 a point of PU) when its rate moves by `shock_bp` at once."""
    return pu(rate + shock_bp * BP, bdays) - pu(rate, bdays)


def stress(
    targets: pl.DataFrame,
    instrument_returns: pl.DataFrame,
    exposures: pl.DataFrame,
    scenarios: pl.DataFrame,
    factor_shocks: pl.DataFrame,
    settings: Settings,
    sessions: Sequence[date],
) -> pl.DataFrame:
    """risk/stress: one row for each session, case and target.

    scenarios: risk/scenarios; factor_shocks and instrument_returns: full history up to the last session. A zero target
    loses 0; a missing one, or one whose factors have no move in the case, is no_view with the reason.
    """
    moves = _moves(scenarios, sessions)
    ids = sorted(s.id for s in settings.scenarios)
    rows: list[tuple[object, ...]] = []
    history = walk(factor_shocks, list(FACTORS), sessions)
    for book, (session, known) in zip(books(targets, instrument_returns, exposures, sessions), history, strict=True):
        for name in ids:
            parts = scenario_parts(book, name, moves.get((session, name), {}))
            rows += _rows(session, "scenario", name, book, parts, FULL)
        for name, parts in replays(book, known, settings.scenarios, session):
            rows += _rows(session, "replay", name, book, parts, FULL)
        for name, words, parts in correlation_cases(book, known):
            rows += _rows(session, "correlation", name, book, parts, words)
    return pl.DataFrame(rows, schema=TABLE.schema, orient="row").sort(TABLE.sort)


def scenario_parts(book: Book, name: str, moves: Mapping[str, float]) -> Iterator[Part]:
    """Each position of the book at a scenario's moves (by factor id)."""
    held = book.positions
    by_rate = rate_shock(moves, held.bdays)
    shocks = np.array(
        [
            rate if di1 else moves.get(DELTA_FACTOR.get(_root(book, k), ""), np.nan)
            for k, (rate, di1) in enumerate(zip(by_rate, held.di1, strict=True))
        ]
    )
    pnl = held.pnl(shocks) if len(shocks) else shocks
    for k, instrument in enumerate(held.names):
        if np.isfinite(shocks[k]):
            yield Part(instrument, float(shocks[k]), float(pnl[k]), "")
        else:
            yield Part(instrument, None, None, f"scenario {name} has no shock for {instrument}")


def _root(book: Book, k: int) -> str:
    return book.positions.names[k][:ROOT_LENGTH]


def _moves(scenarios: pl.DataFrame, sessions: Sequence[date]) -> dict[tuple[date, str], dict[str, float]]:
    out: dict[tuple[date, str], dict[str, float]] = {}
    here = scenarios.filter(pl.col("session").is_in(list(sessions))).sort("session", "scenario", "factor")
    for session, scenario, factor, move in here.select("session", "scenario", "factor", "move").rows():
        out.setdefault((session, scenario), {})[factor] = move
    return out


def _rows(
    session: date, kind: str, case: str, book: Book, parts: Iterator[Part], words: str
) -> Iterator[tuple[object, ...]]:
    """Rows of one case: positions, zero targets (which lose nothing) and targets without a view."""
    for part in parts:
        seen = part.pnl is not None
        yield (session, kind, case, part.instrument, part.shock, part.pnl, "ok" if seen else "no_view",
               words if seen else part.why)  # fmt: skip
    for name in book.flat:
        yield session, kind, case, name, None, 0.0, "ok", "no position"
    for name, why in book.blind.items():
        yield session, kind, case, name, None, None, "no_view", why
