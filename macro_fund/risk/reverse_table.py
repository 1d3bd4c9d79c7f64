"""What would have to happen for the target book to lose its stress limit: the risk/reverse_stress table.

Belongs here: the book, covariance and candidates of each session, the sentence, the rows. Does not belong here: the
optimisation (reverse.py), the choice of the hedge (hedge.py) or revaluation (revalue.py).

Loss: limits.worst_stress x the mandate's capital. Covariance: of a month, 21 times the daily one of the last 756 known
days (Ledoit-Wolf correlations, at least 252 complete days) of the book's factors and, where their history is as long,
of those of the contracts that could hedge it; factors that the book does not hold do not change its distance.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

import numpy as np
import polars as pl

from macro_fund.mandate import FACTORS, Factor
from macro_fund.portfolio.covariance import complete_rows
from macro_fund.portfolio.history import latest_marks
from macro_fund.risk.exposures import DELTA_FACTOR, DI_TENORS, RATE_NODES, node_weights
from macro_fund.risk.factor_history import MIN_DAYS, FactorHistory, covariance, walk
from macro_fund.risk.hedge import BookPnl, Candidate, Cost, Hedge, best_hedge
from macro_fund.risk.revalue import Book, Positions, books, chosen
from macro_fund.risk.reverse import closed_form, factor_parts, most_plausible
from macro_fund.settings import Instrument, Settings
from macro_fund.store.tables import TABLES

TABLE = TABLES["risk/reverse_stress"]
MONTH = 21
NO_FACTOR = "none"
"""The factor of the one row of a session that has no position."""
SAFE = "with the hedge no move is found that loses it"
_KEPT_DAYS = 0.9
_TOLD = 3


@dataclass(frozen=True)
class Answer:
    """One session's reverse stress; moves and parts in the order of `factors`, NaN where there is no answer."""

    factors: Sequence[str]
    moves: np.ndarray
    parts: np.ndarray
    distance: float | None
    linear: float | None
    hedge: Hedge | None
    status: str
    reason: str


def reverse_stress(
    targets: pl.DataFrame,
    instrument_returns: pl.DataFrame,
    exposures: pl.DataFrame,
    factor_shocks: pl.DataFrame,
    settings: Settings,
    sessions: Sequence[date],
    cost: Cost,
) -> pl.DataFrame:
    """risk/reverse_stress: one row for each session and factor of its book (one row without a factor for no positions).

    instrument_returns, factor_shocks: full history up to the last session; exposures: risk/exposures of the targets;
    cost: of a trade.
    """
    loss = settings.limits.worst_stress * float(settings.fund.nav_brl)
    marks = latest_marks(instrument_returns, sessions).sort("session", "instrument")
    listed = marks.partition_by("session", as_dict=True)
    tradable = {i.id: i for i in settings.book}
    titles = {f.id: f for f in settings.factors}
    rows: list[dict[str, Any]] = []
    history = walk(factor_shocks, list(FACTORS), sessions)
    for book, (session, known) in zip(books(targets, instrument_returns, exposures, sessions), history, strict=True):
        marked = listed[session,].to_dicts() if (session,) in listed else []
        offered = [(tradable[m["instrument"]], m) for m in marked if m["instrument"] in tradable]
        answer = _answer(book, known, offered, loss, cost)
        rows += _rows(session, answer, loss, titles)
    return pl.DataFrame(rows, schema=TABLE.schema, orient="row").sort(TABLE.sort)


def _answer(
    book: Book, known: FactorHistory, marked: list[tuple[Instrument, dict[str, Any]]], loss: float, cost: Cost
) -> Answer:
    missing = [f"{n}: {why}" for n, why in sorted({**book.blind, **book.unmapped}.items())]
    held = chosen(book.positions, book.mapped)
    standing = ("degraded", "without " + ", ".join(missing)) if missing else ("ok", "")
    if not held.names:
        if missing and not book.flat:
            return _nothing([NO_FACTOR], "no_view", "; ".join(["no position can be valued", *missing]))
        return _nothing([NO_FACTOR], standing[0], "; ".join(["no positions", *([standing[1]] if missing else [])]))
    candidates = [_candidate(instrument, mark, book, known, cost) for instrument, mark in marked]
    factors, usable = _common(held, [c for c in candidates if c is not None], known)
    daily, _, why = covariance(known.recent(factors), factors)
    if daily is None:
        return _nothing(held.factors, "no_view", "; ".join([why, *missing]))
    return _solved(held, factors, daily * MONTH, usable, loss, standing)


def _solved(
    held: Positions,
    factors: list[str],
    month: np.ndarray,
    usable: list[Candidate],
    loss: float,
    standing: tuple[str, str],
) -> Answer:
    own = np.array([factors.index(f) for f in held.factors])
    small = month[np.ix_(own, own)]
    weights = held.linear.sum(axis=0)
    if float(weights @ small @ weights) <= (1e-9 * float(np.abs(weights) @ np.sqrt(np.diag(small)))) ** 2:
        return _nothing(held.factors, "no_view", "the positions cancel on every factor: the book has no sigma")
    start, linear = closed_form(weights, small, loss)
    found = most_plausible(BookPnl(held), small, loss, start)
    if found is None:
        words = f"no move of the factors found at which the book loses {_millions(loss)} by full revaluation"
        blank = _nothing(held.factors, "degraded", "; ".join(w for w in (words, standing[1]) if w))
        return Answer(blank.factors, blank.moves, blank.parts, None, linear, None, blank.status, blank.reason)
    moves, distance = found
    wide = on_factors(held, factors)
    candidates = [replace(c, unit=on_factors(c.unit, factors)) for c in usable]
    hedge = best_hedge(wide, candidates, month, loss, distance)
    safe = [SAFE] if hedge and hedge.distance is None else []
    reason = "; ".join([*([standing[1]] if standing[1] else []), *safe])
    return Answer(held.factors, moves, factor_parts(BookPnl(held), moves), distance, linear, hedge, standing[0], reason)


def on_factors(positions: Positions, factors: Sequence[str]) -> Positions:
    """The same positions with shares on `factors`, which must hold all that they see."""
    share = np.zeros((len(positions.names), len(factors)))
    for k, f in enumerate(positions.factors):
        share[:, list(factors).index(f)] = positions.share[:, k]
    return Positions(
        names=positions.names,
        factors=list(factors),
        contracts=positions.contracts,
        rate=positions.rate,
        bdays=positions.bdays,
        delta=positions.delta,
        dv01=positions.dv01,
        di1=positions.di1,
        share=share,
    )


def _candidate(
    instrument: Instrument, mark: Mapping[str, Any], book: Book, known: FactorHistory, cost: Cost
) -> Candidate | None:
    """One contract of the instrument; None when its factors are not known well enough to hedge with."""
    names = book.positions.names
    at = names.index(instrument.id) if instrument.id in names else -1
    if instrument.id in book.blind or instrument.id in book.unmapped or mark["frozen"]:
        return None
    share = book.positions.share[at] if at >= 0 else _own_share(instrument, float(mark["bdays"]), known)
    if not share.any():
        return None
    unit = Positions(
        names=[instrument.id],
        factors=list(FACTORS),
        contracts=np.ones(1),
        rate=np.array([np.nan if mark["rate"] is None else mark["rate"]], dtype=np.float64),
        bdays=np.array([mark["bdays"]], dtype=np.float64),
        delta=np.array([mark["unit_delta_brl"]]),
        dv01=np.array([mark["unit_dv01_brl"]]),
        di1=np.array([instrument.root == "DI1"]),
        share=share[None, :],
    )
    held = float(book.positions.contracts[at]) if at >= 0 else 0.0
    one = chosen(unit, np.zeros(1, dtype=np.int64))
    return Candidate(instrument, mark["contract"], one, mark["unit_dv01_brl"], held, cost)


def _own_share(instrument: Instrument, bdays: float, known: FactorHistory) -> np.ndarray:
    """How an instrument that is not held sees the factors: two DI nodes that have a history, or its price factor."""
    out = np.zeros(len(FACTORS))
    if instrument.root in DELTA_FACTOR:
        out[FACTORS.index(DELTA_FACTOR[instrument.root])] = 1.0
    elif instrument.root == "DI1":
        counts = np.isfinite(known.recent(list(RATE_NODES))).sum(axis=0)
        there = np.flatnonzero(counts >= MIN_DAYS)
        if len(there):
            nodes, weights = np.array(list(RATE_NODES))[there], node_weights(np.array(bdays), DI_TENORS[there])
            out[[FACTORS.index(n) for n in nodes]] = weights
    return out


def _common(held: Positions, candidates: list[Candidate], known: FactorHistory) -> tuple[list[str], list[Candidate]]:
    """The book's factors and those of the candidates whose history leaves nearly all of its days; those candidates."""
    factors = list(held.factors)
    least = max(MIN_DAYS, _KEPT_DAYS * len(complete_rows(known.recent(factors))))
    usable = []
    for candidate in candidates:
        wider = [*factors, *(f for f in candidate.unit.factors if f not in factors)]
        rows = complete_rows(known.recent(wider))
        if len(rows) >= least and (rows.std(axis=0) > 0).all():
            factors = wider
            usable.append(candidate)
    return factors, usable


def _nothing(factors: Sequence[str], status: str, reason: str) -> Answer:
    blank = np.full(len(factors), np.nan)
    return Answer(factors, blank, blank, None, None, None, status, reason)


def _rows(session: date, answer: Answer, loss: float, titles: Mapping[str, Factor]) -> list[dict[str, Any]]:
    hedge = answer.hedge
    common = {
        "session": session,
        "loss_brl": loss,
        "distance": answer.distance,
        "distance_linear": answer.linear,
        "hedge": hedge.contract if hedge else "",
        "hedge_contracts": hedge.contracts if hedge else None,
        "hedge_cost_brl": hedge.cost if hedge else None,
        "distance_hedged": hedge.distance if hedge else None,
        "sentence": sentence(answer, loss, titles),
        "status": answer.status,
        "reason": answer.reason,
    }
    return [
        common | {"factor": f, "move": None if np.isnan(m) else float(m), "pnl_brl": None if np.isnan(p) else float(p)}
        for f, m, p in zip(answer.factors, answer.moves, answer.parts, strict=True)
    ]


def sentence(answer: Answer, loss: float, titles: Mapping[str, Factor]) -> str:
    """The answer in desk language: the (up to three) moves that cost most, and how far away they are."""
    if answer.distance is None:
        return "The fund holds no positions." if answer.reason == "no positions" else f"No answer: {answer.reason}."
    worst = [int(k) for k in np.argsort(answer.parts, kind="stable")[:_TOLD] if answer.parts[k] < 0]
    moves = [_move(titles[answer.factors[k]], float(answer.moves[k])) for k in worst]
    told = moves[0] if len(moves) == 1 else f"{', '.join(moves[:-1])} and {moves[-1]}"
    return f"The fund loses {_millions(loss)} in a month if {told} (a move of {answer.distance:.1f} sigma)."


def _move(factor: Factor, move: float) -> str:
    bare = factor.title.startswith("the ") or factor.id in ("gold", "wti", "brent")
    name = factor.title if bare else f"the {factor.title}"
    size = f"{abs(np.expm1(move)):.1%}" if factor.kind == "log" else f"{abs(move):.0f} bp"
    return f"{name} {'rises' if move > 0 else 'falls'} {size}"


def _millions(amount: float) -> str:
    return f"BRL {amount / 1e6:,.1f} million"
