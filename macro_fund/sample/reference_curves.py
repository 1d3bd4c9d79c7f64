"""B3's reference rates (TaxaSwap) in the sample world: vertices and rates of four curves.

Belongs here: which vertices a session's file has and what the curves say there. Does not belong here: the rates behind
them (`b3_rates`) or the file (`wire_b3`).

At every DI1 maturity PRE has a moving vertex at that contract's settlement rate, as in B3's own file.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from macro_fund.sample import b3_rates
from macro_fund.sample.noise import Days, Floats
from macro_fund.sample.settlements import DI1, RATE_DECIMALS, Ints, load_settlements
from macro_fund.sample.world import load_world
from macro_fund.time.calendars import load_calendar

# Standard vertices, calendar days; a closed day moves to the next open one.
STANDARD = np.array([1, 30, 60, 90, 180, 360, 720, 1080, 1800, 3600])
COUPON_DECIMALS = 2


@dataclass(frozen=True)
class ReferenceCurves:
    """One row a session and vertex; rows of session i: start[i]..start[i+1], in the order of days.

    days, bdays: calendar and business days to the vertex. fixed: a standard vertex. code: its standard days, else days.
    rates: % a year by curve code, as printed.
    """

    sessions: Days
    start: Ints
    days: Ints
    bdays: Ints
    fixed: NDArray[np.bool_]
    code: Ints
    rates: Mapping[str, Floats]


@cache
def load_reference_curves(seed: int) -> ReferenceCurves:
    """All reference curves of a world, computed once in a process."""
    world, sessions = load_world(seed), load_settlements(seed).sessions
    day, vertex, code = _vertices(seed)
    held = sessions[day]
    at, days = world.grid.at(held), (vertex - held).astype(np.int64)
    bdays = load_calendar("anbima").count_many(held, vertex).astype(np.int64)
    real = b3_rates.clean_ipca(world, at, held, bdays)
    rates = {
        "DIC": np.round(b3_rates.dirty_ipca(real, world, held, bdays), COUPON_DECIMALS),
        "DOC": np.round(b3_rates.linear(b3_rates.clean_growth(world, at, days), days), COUPON_DECIMALS),
        "DPL": np.round(real, COUPON_DECIMALS),
        "PRE": np.round(b3_rates.di(world, at, bdays), RATE_DECIMALS[DI1]),
    }
    start = np.searchsorted(day, np.arange(sessions.size + 1))
    return ReferenceCurves(sessions, start, days, bdays, code > 0, np.where(code > 0, code, days), rates)


def _vertices(seed: int) -> tuple[Ints, Days, Ints]:
    """(session position, day of the vertex, standard days or 0), by session and day; a day has one vertex."""
    book = load_settlements(seed)
    di1 = book.root == DI1
    moving = np.repeat(np.arange(book.sessions.size), np.diff(book.start))[di1]
    standard = np.repeat(np.arange(book.sessions.size), STANDARD.size)
    codes = np.tile(STANDARD, book.sessions.size)
    held = book.sessions[standard]
    fixed = load_calendar("anbima").offset_many(held + codes, 0, known_on=held)
    day = np.concatenate([standard, moving])
    vertex = np.concatenate([fixed, book.maturity[di1]])
    code = np.concatenate([codes, np.zeros(moving.size, dtype=np.int64)])
    order = np.lexsort((-code, vertex, day))
    day, vertex, code = day[order], vertex[order], code[order]
    new = np.ones(day.size, dtype=bool)
    new[1:] = (np.diff(day) > 0) | (np.diff(vertex).astype(np.int64) > 0)
    return day[new], vertex[new], code[new]
