"""Listed B3 contracts of the sample world and their daily settlements.

Belongs here: which rate, dollar and index futures are listed on a session, what they settle at and how many are open.
Does not belong here: the rates behind them (`b3_rates`), the file (`wire_b3`), or contract arithmetic of the platform
(`instruments/`), of which this is an independent second opinion.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from macro_fund.sample import b3_rates
from macro_fund.sample.catalogue import cdi
from macro_fund.sample.noise import Days, Floats, nearest_weekday
from macro_fund.sample.world import World, load_world
from macro_fund.time.calendars import load_calendar

Ints = NDArray[np.int64]
MONTH_LETTERS = "FGHJKMNQUVXZ"
ROOTS = ("DI1", "DOL", "IND", "DDI", "DAP", "FRC", "WDO", "WIN")
DI1, DOL, IND, DDI, DAP, FRC, WDO, WIN = range(8)
# Decimals of the price (a FRC has none) and of the rate in %.
PRICE_DECIMALS = (2, 3, 0, 2, 2, 2, 3, 0)
RATE_DECIMALS = {DI1: 3, DDI: 3, DAP: 2, FRC: 2}
# Front months, then quarters (January, April, July, October), then Januaries; months ahead.
DI1_MONTHS, COUPON_MONTHS = (6, 60, 132), (3, 12, 60)
# DAP: front months, then May of odd and August of even years, like NTN-B.
DAP_MONTHS, DAP_TO, NTNB_MONTHS = 2, 120, (7, 16)
DOL_MONTHS, IND_MONTHS = 8, 3
# A FRC begins at the first DDI that is this many business days away.
FRC_FROM = 3
# Most contracts of a root on a session.
LONGEST = (10_000, DOL_MONTHS, IND_MONTHS, 10_000, 10_000, 10_000, DOL_MONTHS, IND_MONTHS)
# Open interest: scale, decay in business days.
INTEREST = ((1.2e6, 700.0), (6.0e5, 45.0), (2.0e5, 40.0), (3.0e5, 500.0), (6.0e4, 900.0), (2.0e5, 500.0),
            (9.0e4, 20.0), (9.0e5, 20.0))  # fmt: skip
WEDNESDAY = 2


@dataclass(frozen=True)
class Settlements:
    """One row a session and contract, ordered by session, root and expiry; rows of session i: start[i]..start[i+1].

    price: PU (DI1, DDI, DAP), BRL per USD 1,000, points; NaN for FRC. rate: %, NaN for dollar and index. prev_*: of
    the session before (DI1 price carried to today at CDI), NaN on the first day of a contract.
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
    day, root, month, maturity, bdays = _listed(sessions)
    held = sessions[day]
    price, rate = _settle(world, day, held, root, maturity, bdays)
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


def _ladder(month: int, first: int, front: int, quarters_to: int, januaries_to: int) -> list[int]:
    """Months (since 1970) from `first` on: front months, quarters and Januaries, seen from `month`."""
    ahead = range(first, month + januaries_to + 1)
    return [m for m in ahead if m - month <= front or (m % 3 == 0 and m - month <= quarters_to) or m % 12 == 0]


def _months(month: int) -> list[list[int]]:
    """Months (since 1970) that may be listed in a month, by root. A DI1 leaves the list on its expiry day."""
    di1 = _ladder(month, month + 1, *DI1_MONTHS)
    ddi = _ladder(month, month, *COUPON_MONTHS)
    dollar = list(range(month, month + DOL_MONTHS + 1))
    index = [x for x in range(month, month + 9) if x % 2]
    real = [m for m in range(month, month + DAP_TO) if m - month < DAP_MONTHS or m % 24 in NTNB_MONTHS]
    return [di1, dollar, index, ddi, real, ddi, dollar, index]


def _listed(sessions: Days) -> tuple[Ints, Ints, Ints, Days, Ints]:
    """(session position, root, contract month since 1970, maturity, business days to it) of every listed contract.

    All but DI1 are still there on their expiry day; FRC start after the DDI that they begin at.
    """
    month_of = sessions.astype("datetime64[M]").astype(np.int64).tolist()
    ladders = {m: np.array([(r, x) for r, row in enumerate(_months(m)) for x in row]).T for m in set(month_of)}
    day = np.repeat(np.arange(sessions.size), [ladders[m].shape[1] for m in month_of])
    root, month = np.concatenate([ladders[m] for m in month_of], axis=1)
    maturity = _maturity(root, month, sessions[day])
    alive = maturity >= sessions[day]
    day, root, month = (x[alive] for x in (day, root, month))
    maturity = maturity[alive]
    bdays = load_calendar("anbima").count_many(sessions[day], maturity).astype(np.int64)
    later = bdays >= FRC_FROM
    begun = (root != FRC) | (later & (_rank(2 * day + later, root) > 0))
    keep = np.flatnonzero(begun)
    keep = keep[_rank(day[keep], root[keep]) < np.array(LONGEST)[root[keep]]]
    return day[keep], root[keep], month[keep], maturity[keep], bdays[keep]


def _maturity(root: Ints, month: Ints, known: Days) -> Days:
    """Expiry days under the holidays known on each session."""
    first = month.astype("datetime64[M]").astype("datetime64[D]")
    maturity = load_calendar("anbima").offset_many(first + 14 * (root == DAP), 0, known_on=known)
    middle = {m: nearest_weekday(1970 + m // 12, m % 12 + 1, 15, WEDNESDAY) for m in np.unique(month).tolist()}
    index = np.isin(root, (IND, WIN))
    wednesday = np.array([middle[m] for m in month[index].tolist()], dtype="datetime64[D]")
    maturity[index] = load_calendar("b3").offset_many(wednesday, 0, known_on=known[index])
    return maturity


def _rank(day: Ints, root: Ints) -> Ints:
    """Position of a row within its session and root."""
    group = day * len(ROOTS) + root
    begins = np.flatnonzero(np.diff(group, prepend=-1))
    return np.arange(group.size) - np.repeat(begins, np.diff(np.append(begins, group.size)))


def _settle(world: World, day: Ints, held: Days, root: Ints, maturity: Days, bdays: Ints) -> tuple[Floats, Floats]:
    """Settlement prices and rates (%) as B3 prints them."""
    at = world.grid.at(held)
    days = (maturity - held).astype(np.int64)
    growth = (1 + b3_rates.di(world, at, bdays) / 100) ** (bdays / 252)
    dollar = world.markets.prices["usdbrl"][at] * 1000 * growth / b3_rates.clean_growth(world, at, days)
    # On its last day a dollar future settles at the PTAX of the bank day before.
    dollar = np.round(np.where(days == 0, 1000 * b3_rates.fixing(world, held), dollar), 3)
    index = np.round(world.markets.prices["ibov"][at] * growth)
    rate = _rates(world, held, root, bdays, days)
    with np.errstate(invalid="ignore"):
        compound = np.round(100_000 / (1 + rate / 100) ** (bdays / 252), 2)
    linear = np.round(100_000 / (1 + rate / 100 * days / 360), 2)
    compound, linear = (np.where(days == 0, 100_000.0, pu) for pu in (compound, linear))
    rate[root == FRC] = _forward_coupon(day, root, bdays, days, linear)
    no_pu = np.full(days.shape, np.nan)
    return np.choose(root, [compound, dollar, index, linear, compound, no_pu, dollar, index]), rate


def _rates(world: World, held: Days, root: Ints, bdays: Ints, days: Ints) -> Floats:
    """Rates of DI1, DDI and DAP, %; NaN for the others and on the expiry day."""
    rate = np.full(days.shape, np.nan)
    for one in (DI1, DDI, DAP):
        rows = np.flatnonzero((root == one) & (days > 0))
        day, at = held[rows], world.grid.at(held[rows])
        if one == DI1:
            found = b3_rates.di(world, at, bdays[rows])
        elif one == DAP:
            found = b3_rates.clean_ipca(world, at, day, bdays[rows])
        else:
            found = b3_rates.linear(b3_rates.dirty_growth(world, at, day, days[rows]), days[rows])
        rate[rows] = np.round(found, RATE_DECIMALS[one])
    return rate


def _forward_coupon(day: Ints, root: Ints, bdays: Ints, days: Ints, pu: Floats) -> Floats:
    """FRC rates, %: linear, from the first DDI that is FRC_FROM business days away to each later one."""
    ddi = np.flatnonzero((root == DDI) & (bdays >= FRC_FROM))
    _, first = np.unique(day[ddi], return_index=True)
    later = np.delete(ddi, first)
    start = np.repeat(ddi[first], np.diff(np.append(first, ddi.size)) - 1)
    return np.round(b3_rates.linear(pu[start] / pu[later], days[later] - days[start]), RATE_DECIMALS[FRC])


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
