"""Risk of the actual book before and after proposed trades, by the measures of the session's own risk tables.

Belongs here: VaR, stress, margin and limit use of each book of `whatif.py`, and a trade's part of the VaR. Does not
belong here: those measures (risk/), their limits' numbers (config/limits.yaml), words (`words.py`).

Every book of a session is measured on the same moves, those of all factors that any of its books rests on: what changes
between two books is the trade, not the days or the draws. A book on those factors has the numbers that risk/var,
risk/stress, risk/liquidity and risk/limits give a target book that holds the same contracts.

VaR is that of the limit var_95: one day, 95%, the worst counted method. A trade's part is Euler's, parametric: quantity
x what one more contract adds at the margin to the book after all trades. Parts of trades and of what was held sum to
that book's parametric VaR. A book that all trades close has no margin; along a ray VaR is linear, so there the part is
measured at the book before.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
import polars as pl

from macro_fund.pms.as_risk import book_of, exposed_of, facts_of, named_of, pairs_of, position_of
from macro_fund.pms.whatif import ALL, BEFORE, Books
from macro_fund.portfolio.covariance import shrunk_covariance
from macro_fund.risk import limits
from macro_fund.risk.exposures import MAPPED
from macro_fund.risk.factor_history import FactorHistory
from macro_fund.risk.limit_measures import COUNTED, Measure, valued
from macro_fund.risk.measures import gaussian_var, sigma_parts
from macro_fund.risk.methods import LEVELS, Measured, Moves, measure
from macro_fund.risk.replay import replays
from macro_fund.risk.revalue import Book
from macro_fund.risk.stress import scenario_parts
from macro_fund.risk.var import Estimates, moves_of
from macro_fund.settings import Settings

Row = Mapping[str, Any]


@dataclass(frozen=True)
class State:
    """A book's measures by limit, each times the NAV (which makes those of VaR, stress and margin BRL), and the stress
    case that is its worst (empty: none)."""

    measures: Mapping[str, Measure | None]
    case: str

    def value(self, limit: str) -> float | None:
        found = self.measures[limit]
        return None if found is None else found.value


@dataclass(frozen=True)
class Effects:
    """States of the books in order; each trade's part of the VaR in BRL (None: no number), and why it has none."""

    states: tuple[State, ...]
    component: tuple[float | None, ...]
    why: str


class Market:
    """What the books of all sessions are measured on. Ask for sessions in ascending order.

    factor_shocks: silver/factor_shocks of the factors in MAPPED; scenarios: risk/scenarios; full history.
    """

    def __init__(self, factor_shocks: pl.DataFrame, scenarios: pl.DataFrame) -> None:
        self._history = FactorHistory(factor_shocks, MAPPED)
        self._estimates = Estimates(self._history)
        self._scenarios: dict[date, dict[str, dict[str, float]]] = {}
        columns = ("session", "scenario", "factor", "move")
        for session, scenario, factor, move in scenarios.select(columns).iter_rows():
            self._scenarios.setdefault(session, {}).setdefault(scenario, {})[factor] = move

    def moves(self, factors: tuple[int, ...], session: date) -> tuple[Moves | None, str]:
        """What VaR applies to a book on these columns of MAPPED, or why there is nothing."""
        if not len(self._history.dates):
            return None, "no history of factors"
        found, _, why = moves_of(factors, session, self._history, self._estimates)
        return found, why

    def cases(self, book: Book, session: date, settings: Settings) -> Iterator[Row]:
        """P&L of each scenario and replay, as the stress limit takes them."""
        moves = self._scenarios.get(session, {})
        for name in sorted(s.id for s in settings.scenarios):
            yield _case("scenario", name, list(scenario_parts(book, name, moves.get(name, {}))), book)
        for name, parts in replays(book, self._history.at(session), settings.scenarios, session):
            yield _case("replay", name, list(parts), book)


def _case(kind: str, name: str, parts: Sequence[Any], book: Book) -> Row:
    known = [p.pnl for p in parts if p.pnl is not None]
    blind = [p.instrument for p in parts if p.pnl is None] + list(book.blind)
    # A book without positions loses nothing in any case, which is a number.
    return {
        "kind": kind,
        "scenario": name,
        "pnl_brl": sum(known),
        "n": len(known) or not (parts or blind),
        "blind": blind,
    }


def effects(books: Books, market: Market, session: date, settings: Settings) -> Effects:
    """Measures of each book of one session."""
    exposed = exposed_of(books.lines)
    factors = tuple(np.flatnonzero((exposed != 0).any(axis=0)).tolist())
    moves, why = market.moves(factors, session) if factors else (None, "no exposure to the risk factors")
    known = settings.model_copy(update={"instruments": tuple(named_of(line) for line in books.lines)})
    facts = facts_of(books.lines, session)
    states = []
    for b, count in enumerate(books.count):
        totals, parts = _var_rows(books, b, exposed[:, list(factors)], factors, moves, why)
        book = book_of(books.lines, count, exposed)
        cases = list(market.cases(book, session, settings))
        held = [position_of(name, row, n) for (name, row), n in zip(facts.items(), count, strict=True)]
        margins = [{"instrument": r["instrument"], "margin_brl": r["margin_brl"]} for r in held]
        found = limits.measures(limits.Book(held, totals, parts, cases, margins), known, 1.0)
        worst = valued(cases)[0] if cases else []
        states.append(State(found, str(worst[0]["scenario"]) if worst and worst[0]["pnl_brl"] < 0 else ""))
    component, without = _components(books, exposed[:, list(factors)], moves, why)
    return Effects(tuple(states), component, without)


def _var_rows(
    books: Books, b: int, exposed: np.ndarray, factors: tuple[int, ...], moves: Moves | None, why: str
) -> tuple[list[Row], list[Row]]:
    """(totals, strategies' parts at 95%) of book number b, by counted method, as limits take them."""
    count = books.count[b]
    status = {"status": "ok" if moves or not count.any() else "no_view", "reason": why}
    if moves is None or not count.any():
        empty = None if count.any() else 0.0
        return [{"method": m, "level": x, "var_brl": empty, **status} for m in COUNTED for x in LEVELS], []
    line, factor = np.nonzero(exposed * count[:, None])
    found = measure(pairs_of(books.lines, count, exposed, factors, line, factor), moves, COUNTED)
    totals: list[Row] = [
        {"method": m, "level": x, "var_brl": float(found.total[i, j, 0]), **status}
        for i, m in enumerate(COUNTED)
        for j, x in enumerate(LEVELS)
    ]
    return totals, _by_strategy(books.owners[b], found, line)


def _by_strategy(owners: Sequence[Mapping[str, float] | None], found: Measured, line: np.ndarray) -> list[Row]:
    """Strategies' parts of the 95% VaR; none when the owner of something held is not known."""
    mine = [owners[k] for k in line.tolist()]
    if not all(mine):
        return []
    names = sorted({s for own in mine if own for s in own})
    rows: list[Row] = []
    for method, parts in zip(COUNTED, found.parts[:, LEVELS.index(0.95), 0].tolist(), strict=True):
        for name in names:
            value = sum(own.get(name, 0.0) * part for own, part in zip(mine, parts, strict=True) if own)
            rows.append({"method": method, "item": name, "var_brl": value})
    return rows


def _components(
    books: Books, exposed: np.ndarray, moves: Moves | None, why: str
) -> tuple[tuple[float | None, ...], str]:
    none = (None,) * len(books.trades)
    if moves is None:
        return none, why
    covariance = shrunk_covariance(moves.days)
    at = books.count[ALL if books.count[ALL].any() else BEFORE] @ exposed
    sigma, _ = sigma_parts(at, covariance)
    if sigma == 0.0:
        return none, "the book has no VaR to take part in"
    marginal = exposed @ (covariance @ at) * (gaussian_var(1.0, LEVELS[0]) / sigma)
    return tuple(float(quantity * marginal[line]) + 0.0 for line, quantity in books.trades), ""
