"""Contracts held as the risk package takes a book: exposures, positions to revalue, rows that limits sum.

Belongs here: turning lines and counts into the risk package's types. Does not belong here: which lines and counts
(`whatif.py`), or measuring anything (`before_after.py`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

import numpy as np
import polars as pl

from macro_fund.instruments.contracts import load_specs
from macro_fund.instruments.futures import contract_margin
from macro_fund.pms.whatif import Line
from macro_fund.risk import limits
from macro_fund.risk.exposures import DELTA_FACTOR, MAPPED, N_RATES, RATE_NODES, node_weights
from macro_fund.risk.positions import Positions
from macro_fund.risk.revalue import Book
from macro_fund.risk.revalue import Positions as Revalued
from macro_fund.settings import Instrument


def named_of(line: Line) -> Instrument:
    """Limits know instruments by id: each contract counts as one of its own."""
    return line.instrument.model_copy(update={"id": line.name})


def exposed_of(lines: Sequence[Line]) -> np.ndarray:
    """First-order P&L of +1 contract for a move of 1 (bp or log return) of each factor (lines x MAPPED)."""
    out = np.zeros((len(lines), len(MAPPED)))
    for k, line in enumerate(lines):
        if line.instrument.root in DELTA_FACTOR:
            out[k, MAPPED.index(DELTA_FACTOR[line.instrument.root])] = line.delta
        else:
            out[k, : len(RATE_NODES)] = -line.dv01 * node_weights(np.array([line.bdays]))[0]
    return out


def facts_of(lines: Sequence[Line], session: date) -> dict[str, dict[str, Any]]:
    """Of +1 contract by line: what limits sum."""
    schema = {"session": pl.Date, "instrument": pl.String, "contract": pl.String, "target_contracts": pl.Int64,
              "price": pl.Float64, "dv01_brl": pl.Float64, "delta_brl": pl.Float64}  # fmt: skip
    rows = [(session, x.name, x.contract, 1, x.price, x.dv01, x.delta) for x in lines]
    specs = load_specs()
    found = {r["instrument"]: r for r in limits.with_terms(pl.DataFrame(rows, schema, orient="row")).to_dicts()}
    for line in lines:
        each = contract_margin(specs[line.instrument.root], int(line.bdays), line.dv01, line.delta)
        found[line.name]["margin_brl"] = each
    return found


def position_of(name: str, unit: Mapping[str, Any], count: float) -> dict[str, Any]:
    risk = {c: unit[c] * count for c in ("dv01_brl", "delta_brl")}
    return {
        **unit,
        **risk,
        "instrument": name,
        "target_contracts": count,
        "margin_brl": unit["margin_brl"] * abs(count),
    }


def book_of(lines: Sequence[Line], count: np.ndarray, exposed: np.ndarray) -> Book:
    """The book as stress values it."""
    held = [k for k in np.flatnonzero(count).tolist() if lines[k].instrument.root != "DI1" or lines[k].rate is not None]
    blind = {lines[k].name: "no settlement rate" for k in np.flatnonzero(count).tolist() if k not in held}
    mine, number = [lines[k] for k in held], count[held]
    total = exposed[held].sum(axis=1, keepdims=True)
    return Book(
        Revalued(
            names=[x.name for x in mine],
            factors=list(MAPPED),
            contracts=number,
            rate=np.array([np.nan if x.rate is None else x.rate for x in mine], dtype=np.float64),
            bdays=np.array([x.bdays for x in mine], dtype=np.float64),
            delta=np.array([x.delta for x in mine]) * number,
            dv01=np.array([x.dv01 for x in mine]) * number,
            di1=np.array([x.instrument.root == "DI1" for x in mine], dtype=bool),
            share=np.divide(exposed[held], total, out=np.zeros((len(held), len(MAPPED))), where=total != 0),
        ),
        blind=blind,
    )


def pairs_of(
    lines: Sequence[Line], count: np.ndarray, exposed: np.ndarray, factors: tuple[int, ...], line: np.ndarray,
    factor: np.ndarray,
) -> Positions:  # fmt: skip
    """The book's pairs of a line and a factor as VaR takes them."""
    held = np.unique(line)
    linear, of_rate = (exposed * count[:, None])[line, factor], np.array(factors)[factor] < N_RATES
    return Positions(
        [lines[k].name for k in held],
        factors,
        np.searchsorted(held, line),
        factor,
        np.where(of_rate, -linear, 0.0),
        np.where(of_rate, 0.0, linear),
        count[held],
        np.array([np.nan if lines[k].rate is None else lines[k].rate for k in held], dtype=np.float64),
        np.array([lines[k].bdays for k in held], dtype=np.float64),
    )
