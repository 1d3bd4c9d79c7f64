"""Target contracts of each session at the mandate's reference capital: portfolio/targets.

Belongs here: the walk from unrounded weights to whole contracts, and the table. Does not belong here: the weights
(allocations), the rules of a trade (trading), the actual book (pms) or its risk (risk).

Targets are sized on settings.fund.nav_brl, not on today's NAV, so they do not depend on the fund's own trades. They do
depend on the targets before them: a position is kept while a change is not worth it. The walk begins with the newest
targets of earlier partitions, or with an empty book at the first session of history.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
import polars as pl

from macro_fund.portfolio.covariance import YEAR
from macro_fund.portfolio.inputs import Inputs, Shares, inputs
from macro_fund.portfolio.problem import Array, fit_whole, no_hedge_lost
from macro_fund.portfolio.trading import Ask, age, stands
from macro_fund.settings import Settings
from macro_fund.store.tables import TABLES

TABLE = TABLES["portfolio/targets"]
Row = dict[str, Any]


@dataclass
class _Held:
    """The newest known target of each instrument: contracts (NaN: never one), sessions since opened, owners."""

    contracts: Array
    age: np.ndarray
    shares: list[Shares]


def targets(
    conviction: pl.DataFrame,
    instrument_returns: pl.DataFrame,
    allocations: pl.DataFrame,
    settings: Settings,
    sessions: Sequence[date],
    history: Sequence[date],
    earlier: pl.DataFrame | None = None,
) -> pl.DataFrame:
    """portfolio/targets: one row for each session (they follow each other without a gap) and instrument of the book.

    conviction, instrument_returns: full history up to the last session. allocations: rows of the sessions, of the
    mandate's method at least. history: every session up to the last. earlier: this table's rows of the sessions before;
    None or empty: nothing was held. An instrument that cannot be sized has no target (no_view with the reason); the
    others proceed. A session without an optimum keeps its previous targets, degraded, with the reason.
    """
    known = inputs(conviction, instrument_returns, None, settings, sessions)
    asked = _asked(allocations, known)
    held = _last(earlier, known, sessions[0], history)
    rows: list[Row] = []
    for k in range(len(sessions)):
        rows += _session(known, k, asked, held)
    return pl.DataFrame(rows, schema=TABLE.schema).sort(TABLE.sort)


def _asked(allocations: pl.DataFrame, known: Inputs) -> dict[tuple[date, str], Row]:
    method = known.settings.fund.sizing.method
    wanted = pl.col("session").is_between(known.sessions[0], known.sessions[-1]) & (pl.col("method") == method)
    return {(r["session"], r["instrument"]): r for r in allocations.filter(wanted).to_dicts()}


def _last(earlier: pl.DataFrame | None, known: Inputs, first: date, history: Sequence[date]) -> _Held:
    """State before the first session; sessions without a view have aged a position like any other."""
    n = len(known.names)
    held = _Held(np.full(n, np.nan), np.zeros(n, dtype=np.int64), [{} for _ in range(n)])
    if earlier is None or earlier.is_empty():
        return held
    number = {d: k for k, d in enumerate(history)}
    rows = earlier.filter(pl.col("session") < first).drop_nulls("target_contracts").sort("session")
    for row in rows.unique("instrument", keep="last").to_dicts():
        if row["instrument"] in known.names:
            i = known.names.index(row["instrument"])
            held.contracts[i] = float(row["target_contracts"])
            held.shares[i] = {s["strategy_id"]: s["share"] for s in row["shares"]}
            if row["target_contracts"]:
                held.age[i] = row["held_sessions"] + number[first] - 1 - number[row["session"]]
    return held


def _session(known: Inputs, k: int, asked: dict[tuple[date, str], Row], held: _Held) -> list[Row]:
    session = known.sessions[k]
    orders = [asked.get((session, name)) for name in known.names]
    before = np.nan_to_num(held.contracts)
    held.age = np.where(before != 0, held.age + 1, 0)
    live = np.array([bool(known.sizable[k, i] and o and o["status"] != "no_view") for i, o in enumerate(orders)])
    stuck = np.array([bool(o and o["binding_constraint"] == "previous") for o in orders])
    live &= ~(stuck & np.isnan(held.contracts))
    weight, mean = (np.array([o[c] if o and x else 0.0 for o, x in zip(orders, live, strict=True)], dtype=np.float64)
                    for c in ("weight", "expected"))  # fmt: skip
    unrounded = np.where(stuck, before, weight / known.unit(k))
    gain = mean * known.exposure[k] * known.horizon(k) / YEAR
    whole, binding = _decided(known, k, orders, live, stuck, unrounded, gain, held)
    shares = _owners(known, k, whole, held)
    whole, binding = _inside(
        known, k, whole, binding, np.where(live, unrounded, 0.0), np.where(live, before, 0.0), shares
    )
    rows = [
        _row(known, k, i, orders[i], bool(live[i]), bool(stuck[i]), binding[i], whole[i], unrounded[i], gain[i], held,
             shares[i])
        for i in range(len(orders))
    ]  # fmt: skip
    for i in np.flatnonzero(live).tolist():
        held.age[i] = age(int(held.age[i]), before[i], whole[i], 0)
        held.contracts[i], held.shares[i] = whole[i], shares[i]
    return rows


def _decided(
    known: Inputs,
    k: int,
    orders: Sequence[Row | None],
    live: np.ndarray,
    stuck: np.ndarray,
    unrounded: Array,
    gain: Array,
    held: _Held,
) -> tuple[Array, list[str]]:
    """Whole contracts after the rules of a trade, before limits, and what decided each."""
    whole, binding = np.zeros(len(orders)), ["none"] * len(orders)
    side = np.sign(known.score[k]) * known.sign
    for i in np.flatnonzero(live).tolist():
        before, order = float(np.nan_to_num(held.contracts[i])), orders[i]
        if stuck[i] or order is None:
            whole[i], binding[i] = (0.0 if side[i] * before < 0 else before), "previous"
            continue
        count = float(np.trunc(unrounded[i])) + 0.0
        named = "integer" if count == 0 and unrounded[i] != 0 else str(order["binding_constraint"])
        ask = Ask(count, named, before, int(held.age[i]), side[i], gain[i], known.cost[k, i])
        whole[i], binding[i] = stands(ask, known.settings.fund.sizing)
    return whole, binding


def _owners(known: Inputs, k: int, whole: Array, held: _Held) -> list[Shares]:
    """Today's shares; a position that is kept while no strategy pushes it stays with those that opened it."""
    return [own or (held.shares[i] if whole[i] else {}) for i, own in enumerate(known.shares[k])]


def _inside(
    known: Inputs, k: int, whole: Array, binding: list[str], unrounded: Array, before: Array, shares: list[Shares]
) -> tuple[Array, list[str]]:
    """Whole contracts inside every limit and neutral where the unrounded book is; contracts are only taken off."""
    classes = [i.asset_class for i in known.instruments]
    unit = known.unit(k)
    limits = known.measure(k, np.sign(whole), shares)
    caps = limits.upper["max_contracts"] / unit
    out = np.clip(whole, -caps, caps)
    named = ["max_contracts" if out[i] != whole[i] else b for i, b in enumerate(binding)]
    while True:
        start = out
        for name in sorted(set(classes)):
            of = np.array([c == name for c in classes])
            risk = np.where(of, known.dv01[k] if name == "rates" else known.delta[k], 0.0)
            cut = no_hedge_lost(out, unrounded, risk, abs(float(before @ risk)))
            named = ["neutral" if cut[i] != out[i] else b for i, b in enumerate(named)]
            out = cut
        out, over = fit_whole(limits, out, unit)
        named = [over.get(i, b) for i, b in enumerate(named)]
        if np.array_equal(out, start):
            return out, named


def _row(
    known: Inputs,
    k: int,
    i: int,
    order: Row | None,
    live: bool,
    stuck: bool,
    binding: str,
    contracts: float,
    unrounded: float,
    gain: float,
    held: _Held,
    shares: Shares,
) -> Row:
    cell, (status, said) = known.facts[k * len(known.names) + i], known.cell(k, i)
    row: Row = {c: cell[c] for c in ("session", "instrument", "contract", "score", "conviction", "price", "rate")}
    row |= {"sigma_brl": cell["sigma_brl"], "shares": [], "binding_constraint": "none", "status": "no_view"}
    if not live:
        blocked = said if not known.sizable[k, i] else _why(order)
        return row | {"reason": blocked}
    before = float(np.nan_to_num(held.contracts[i]))
    change = contracts - before
    return row | {
        "target_contracts": int(contracts),
        "unrounded": float(unrounded) + 0.0,
        "dv01_brl": float(contracts * known.dv01[k, i]) + 0.0,
        "delta_brl": float(contracts * known.delta[k, i]) + 0.0,
        "benefit_brl": float(change * gain) + 0.0,
        "cost_brl": float(abs(change) * known.cost[k, i]),
        "held_sessions": age(int(held.age[i]), before, contracts, 0),
        "binding_constraint": binding,
        "shares": [{"strategy_id": s, "share": x} for s, x in shares.items()],
        "status": "degraded" if stuck else status,
        "reason": _why(order) if stuck else said,
    }


def _why(order: Row | None) -> str:
    return "no row in portfolio/allocations" if order is None else str(order["reason"])
