"""Rows of risk/var: totals and parts of a session's measures by instrument, strategy, class and factor.

Belongs here: summing the pairs' parts by scope, and the table's shape. Does not belong here: any measure of risk.

A strategy's part is its shares of the instruments' parts. All parts of a scope sum to the total. marginal_brl is the
parametric VaR that one more contract adds at the margin, dVaR / dcontract; VaR is homogeneous, so for an instrument
held it is its part over its contracts.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date

import numpy as np
import polars as pl

from macro_fund.risk.book import TargetBook
from macro_fund.risk.exposures import MAPPED
from macro_fund.risk.methods import LEVELS, METHODS, Measured
from macro_fund.risk.positions import Positions
from macro_fund.store.tables import TABLES

TABLE = TABLES["risk/var"]
_PARAMETRIC = METHODS.index("parametric")
_GRID = (len(METHODS), len(LEVELS))


@dataclass(frozen=True)
class Session:
    """One session's result. `held`: None when nothing is held; `measured`: None without a number or a position."""

    index: int
    session: date
    status: str
    reason: str
    held: Positions | None
    measured: Measured | None
    n_days: int


@dataclass(frozen=True)
class _Item:
    """One item of a scope: the weight of each pair in it, and its own standing where it has one."""

    scope: str
    name: str
    weight: np.ndarray
    status: str = ""
    reason: str = ""
    contracts: float = 0.0


@dataclass(frozen=True)
class _Block:
    """One session's numbers (item, method, level) beside its items; reasons (item x method)."""

    session: date
    items: list[_Item]
    var: np.ndarray
    es: np.ndarray
    marginal: np.ndarray
    scenarios: np.ndarray
    status: list[str]
    reasons: list[str]


def rows_of(results: Iterable[Session], book: TargetBook, of_class: Mapping[str, str]) -> pl.DataFrame:
    """risk/var of the sessions' results. of_class: asset class by instrument."""
    blocks = [_block(result, list(_items(result, book, of_class))) for result in results]
    items = [i for b in blocks for i in b.items]
    n, width = len(items), len(METHODS) * len(LEVELS)
    of_item, of_reason = np.repeat(np.arange(n), width), np.repeat(np.arange(n * len(METHODS)), len(LEVELS))
    of_block = np.repeat(np.arange(len(blocks)), [len(b.items) * width for b in blocks])

    def number(name: str) -> pl.Series:
        return pl.Series(np.concatenate([getattr(b, name).ravel() for b in blocks])).fill_nan(None)

    scenarios = [np.tile(np.repeat(b.scenarios, len(LEVELS)), len(b.items)) for b in blocks]
    frame = pl.DataFrame(
        {
            "session": pl.Series([b.session for b in blocks], dtype=pl.Date).gather(of_block),
            "method": pl.Series(METHODS).gather(np.tile(np.repeat(np.arange(len(METHODS)), len(LEVELS)), n)),
            "level": np.tile(np.array(LEVELS), n * len(METHODS)),
            "scope": pl.Series([i.scope for i in items]).gather(of_item),
            "item": pl.Series([i.name for i in items]).gather(of_item),
            "var_brl": number("var"),
            "es_brl": number("es"),
            "marginal_brl": number("marginal"),
            "n_scenarios": np.concatenate(scenarios),
            "status": pl.Series([s for b in blocks for s in b.status]).gather(of_item),
            "reason": pl.Series([r for b in blocks for r in b.reasons]).gather(of_reason),
        }
    )
    return frame.select(pl.col(n).cast(t) for n, t in TABLE.schema.items()).sort(TABLE.sort)


def _items(result: Session, book: TargetBook, of_class: Mapping[str, str]) -> Iterator[_Item]:
    held, s = result.held, result.index
    pairs = held.instrument if held else np.zeros(0, dtype=np.int64)
    names = held.instruments if held else []
    yield _Item("total", "total", np.ones(len(pairs)))
    place = {name: k for k, name in enumerate(names)}
    listed = [k for k in range(len(book.instruments)) if book.listed[s, k]]
    for k in listed:
        name = book.instruments[k]
        mine = (pairs == place.get(name, -1)).astype(np.float64)
        if book.known[s, k]:
            yield _Item("instrument", name, mine, contracts=float(book.contracts[s, k]))
        else:
            yield _Item("instrument", name, mine, "no_view", str(book.reason[s, k]))
    classes = sorted({of_class[book.instruments[k]] for k in listed})
    for asset_class in classes:
        of_it = [k for k in listed if of_class[book.instruments[k]] == asset_class]
        mine = np.array([float(of_class[names[i]] == asset_class) for i in pairs])
        if any(book.known[s, k] for k in of_it):
            yield _Item("class", asset_class, mine)
        else:
            yield _Item("class", asset_class, mine, "no_view", f"no target in {asset_class} has a view")
    if held:
        for f, column in enumerate(held.factors):
            yield _Item("factor", MAPPED[column], (held.factor == f).astype(np.float64))
        column_of = [book.instruments.index(name) for name in names]
        for k, strategy in enumerate(book.strategies):
            share = book.share[s, column_of, k]
            if (share > 0).any():
                yield _Item("strategy", strategy, share[pairs])


def _values(measured: Measured, item: _Item) -> np.ndarray:
    """(method, level, measure) of an item, summed pair by pair in order: the same bytes whatever else is computed."""
    if item.scope == "total":
        return measured.total
    out = np.zeros(measured.total.shape)
    for p in np.flatnonzero(item.weight):
        out = out + item.weight[p] * measured.parts[..., p]
    return out


def _block(result: Session, items: list[_Item]) -> _Block:
    measured, n = result.measured, len(items)
    values = np.zeros((n, *_GRID, 2))
    marginal = np.full((n, *_GRID), np.nan)
    if measured is not None:
        for k, item in enumerate(items):
            values[k] = _values(measured, item)
            if item.contracts:
                marginal[k, _PARAMETRIC] = values[k, _PARAMETRIC, :, 0] / item.contracts
    status = [item.status or result.status for item in items]
    void = [s == "no_view" for s in status]
    values[void], marginal[void] = np.nan, np.nan
    by_method = measured.reason if measured is not None else [""] * len(METHODS)
    reasons = [_joined(item.reason or result.reason, words) for item in items for words in by_method]
    scenarios = measured.scenarios if measured is not None else np.full(len(METHODS), result.n_days)
    return _Block(result.session, items, values[..., 0], values[..., 1], marginal, scenarios, status, reasons)


def _joined(*words: str) -> str:
    return "; ".join(w for w in words if w)
