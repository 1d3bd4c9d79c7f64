"""Listed B3 contracts of the sample world and their daily settlements.

Belongs here: which DI1, DOL and IND contracts are listed on a session, what they settle at and how many are open. Does
not belong here: the file (`wire_b3`), or contract arithmetic of the platform (`instruments/`), of which this is an
independent second opinion.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from macro_fund.sample.catalogue import cdi, ptax_ask
from macro_fund.sample.noise import Days, Floats, nearest_weekday
from macro_fund.sample.paths_curves import di_rates
from macro_fund.sample.world import World, load_world
from macro_fund.time.calendars import load_calendar

Ints = NDArray[np.int64]
MONTH_LETTERS = "FGHJKMNQUVXZ"
ROOTS = ("DI1", "DOL", "IND")
DI1, DOL, IND = range(3)
PRICE_DECIMALS = (2, 3, 0)
# DI1: front months, then quarters (January, April, July, October), then Januaries; months ahead.
FRONT_MONTHS, QUARTERS_TO, JANUARIES_TO = 6, 60, 132
DOL_MONTHS, IND_MONTHS = 8, 3
# Open interest: scale, decay in business days.
INTEREST = ((1.2e6, 700.0), (6.0e5, 45.0), (2.0e5, 40.0))
WEDNESDAY = 2


@dataclass(frozen=True)
class Settlements:
    """One row a session and contract, ordered by session, root and expiry; rows of session i: start[i]..start[i+1].

    price: PU, BRL per USD 1,000, points. rate: %, NaN except DI1. prev_*: of the session before (DI1 price carried to
    today at CDI), NaN on the first day of a contract.
    """

    sessions: Days
    start: Ints
    root: Ints
    ticker: list[str]
    maturity: Days
    price: Floats
    rate: Floats
    prev_price: Floats
    prev_rate: Floats
    interest: Ints


@cache
def load_settlements(seed: int) -> Settlements:
    """All settlements of a world, computed once in a process."""
    world = load_world(seed)
    sessions = world.grid.b3
    day, root, month, maturity = _listed(sessions)
    held = sessions[day]
    bdays = load_calendar("anbima").count_many(held, maturity).astype(np.int64)
    price, rate = _settle(world, held, root, maturity, bdays)
    contract = root * 10_000 + month
    before = _row_before(day, contract)
    prev_price = np.where(before >= 0, price[before], np.nan)
    prev_price = np.where(root == DI1, np.round(prev_price * _carry(world)[day], 2), prev_price)
    prev_rate = np.where(before >= 0, rate[before], np.nan)
    scale, decay = (np.array(x)[root] for x in zip(*INTEREST, strict=True))
    january = np.where((root == DI1) & (month % 12 != 0), 0.25, 1.0)
    wave = 1 + 0.15 * np.sin(held.astype(np.int64) / 31.0 + contract)
    interest = np.round(scale * january * np.exp(-bdays / decay) * wave).astype(np.int64)
    start = np.searchsorted(day, np.arange(sessions.size + 1))
    names = {c: _ticker(int(c)) for c in np.unique(contract)}
    tickers = [names[c] for c in contract.tolist()]
    return Settlements(sessions, start, root, tickers, maturity, price, rate, prev_price, prev_rate, interest)


def _ticker(contract: int) -> str:
    root, month = divmod(contract, 10_000)
    return f"{ROOTS[root]}{MONTH_LETTERS[month % 12]}{(1970 + month // 12) % 100:02d}"


def _di1_months(month: int) -> list[int]:
    """Months (since 1970) listed in a month."""
    ahead = range(month + 1, month + JANUARIES_TO + 1)
    return [m for m in ahead if m - month <= FRONT_MONTHS or (m % 3 == 0 and m - month <= QUARTERS_TO) or m % 12 == 0]


def _listed(sessions: Days) -> tuple[Ints, Ints, Ints, Days]:
    """(session position, root, contract month since 1970, maturity) of every listed contract.

    A DI1 leaves the list on its expiry day; DOL and IND are still there on theirs.
    """
    month_of = sessions.astype("datetime64[M]").astype(np.int64)
    ladders = {
        m: (_di1_months(m), list(range(m, m + DOL_MONTHS + 1)), [x for x in range(m, m + 9) if x % 2])
        for m in np.unique(month_of).tolist()
    }
    rows = [(i, r, x) for i, m in enumerate(month_of.tolist()) for r in range(len(ROOTS)) for x in ladders[m][r]]
    day, root, month = np.array(rows, dtype=np.int64).T
    known = sessions[day]
    first = month.astype("datetime64[M]").astype("datetime64[D]")
    at_bank = load_calendar("anbima").offset_many(first, 0, known_on=known)
    middle = {m: nearest_weekday(1970 + m // 12, m % 12 + 1, 15, WEDNESDAY) for m in np.unique(month).tolist()}
    wednesday = np.array([middle[m] for m in month.tolist()], dtype="datetime64[D]")
    maturity = at_bank
    index = root == IND
    maturity[index] = load_calendar("b3").offset_many(wednesday[index], 0, known_on=known[index])
    alive = maturity >= known
    day, root, month, maturity = (x[alive] for x in (day, root, month, maturity))
    keep = _rank(day, root) < np.array([10_000, DOL_MONTHS, IND_MONTHS])[root]
    return day[keep], root[keep], month[keep], maturity[keep]


def _rank(day: Ints, root: Ints) -> Ints:
    """Position of a row within its session and root."""
    group = day * len(ROOTS) + root
    begins = np.flatnonzero(np.diff(group, prepend=-1))
    return np.arange(group.size) - np.repeat(begins, np.diff(np.append(begins, group.size)))


def _settle(world: World, held: Days, root: Ints, maturity: Days, bdays: Ints) -> tuple[Floats, Floats]:
    """Settlement prices and DI1 rates (%, three decimals) as B3 prints them."""
    at = world.grid.at(held)
    di = di_rates(world.curves.di[at], np.maximum(bdays, 1) / 252)
    shown = np.round(di, 3)
    pu = np.round(100_000 / (1 + shown / 100) ** (bdays / 252), 2)
    growth = (1 + di / 100) ** (bdays / 252)
    calendar_days = (maturity - held).astype(np.int64)
    coupon = 1 + world.curves.coupon[at] / 100 * calendar_days / 360
    dollar = world.markets.prices["usdbrl"][at] * 1000 * growth / coupon
    # On its last day a dollar future settles at the PTAX of the bank day before.
    days, ask = ptax_ask(world)
    fixing = 1000 * ask[np.searchsorted(days, held) - 1]
    dollar = np.round(np.where(calendar_days == 0, fixing, dollar), 3)
    index = np.round(world.markets.prices["ibov"][at] * growth)
    return np.choose(root, [pu, dollar, index]), np.where(root == DI1, shown, np.nan)


def _row_before(day: Ints, contract: Ints) -> Ints:
    """Row of the same contract on the session before, -1 where there is none."""
    order = np.lexsort((day, contract))
    follows = (np.diff(contract[order]) == 0) & (np.diff(day[order]) == 1)
    before = np.full(day.size, -1, dtype=np.int64)
    before[order[1:][follows]] = order[:-1][follows]
    return before


def _carry(world: World) -> Floats:
    """CDI growth from the session before to each session, over the bank days in between; 1 for the first."""
    bank_days, daily = cdi(world)
    index = np.concatenate([[0.0], np.cumsum(np.log1p(daily / 100))])[np.searchsorted(bank_days, world.grid.b3)]
    return np.exp(np.diff(index, prepend=index[0]))
