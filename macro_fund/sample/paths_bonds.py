"""Government bonds of the sample world: real and Svensson curves, nominal values, which bonds exist, what they cost.

Belongs here: numbers of the wholesale market, priced by the market's own rules of cutting off and rounding. Does not
belong here: the nominal curve (`paths_curves`), files (`wire_anbima`, `wire_tesouro`), or the platform's own pricing,
of which this is an independent second opinion. Rates are decimals a year on 252 business days unless a name says
percent.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

import numpy as np

from macro_fund.sample.catalogue import cdi
from macro_fund.sample.grid import to_date
from macro_fund.sample.noise import Days, Floats, ar1, persistence, stream
from macro_fund.sample.paths_curves import di_rates
from macro_fund.sample.paths_macro import BIAS_12M, SEASON, months_of, target, years_of
from macro_fund.sample.world import World, load_world
from macro_fund.time.calendars import load_calendar

YEAR_BD = 252.0
# What the market adds to expected inflation as it looks further ahead, percentage points, and how fast it looks away
# from the next 12 months (years).
INFLATION_PREMIUM, LOOK_AHEAD = 0.5, 2.0
# Svensson decays by curve, and the vertices (business days) that its four betas are fitted to.
DECAYS: Mapping[str, tuple[float, float]] = {"PREFIXADOS": (1.25, 0.40), "IPCA": (1.60, 0.55)}
FITTED = np.array([21, 63, 126, 252, 378, 504, 756, 1008, 1260, 1764, 2520, 3780, 5040, 6300, 8442])
LONGEST: Mapping[str, int] = {"PREFIXADOS": 2646, "IPCA": 8442}
# Nominal values at the start of 2004: rough public levels.
VNA_2004: Mapping[str, float] = {"NTN-B": 1415.0, "NTN-C": 1705.0, "LFT": 2020.0}
# Half-yearly coupons: per 100 of nominal value (NTN-B 6%, NTN-C 6%), in reais (NTN-F 10% on 1,000).
COUPONS: Mapping[str, float] = {"NTN-B": 2.956301, "NTN-C": 2.956301, "NTN-F": 48.80885}
# Spread over the curve that each type is read from, percentage points.
SPREADS: Mapping[str, float] = {"LTN": 0.0, "NTN-F": 0.05, "NTN-B": 0.0, "NTN-C": 0.9}
NTNC_MATURITIES = ("2005-12-01", "2008-01-01", "2011-03-01", "2017-07-01", "2021-04-01", "2031-01-01")


def cut(values: Floats, decimals: int) -> Floats:
    """Values cut off after some decimals; the smallest room keeps 0.3 x 10 from becoming 2.99."""
    scaled = values * 10.0**decimals
    room = np.spacing(np.abs(scaled)) * 4
    return np.asarray(np.floor(scaled + room) / 10.0**decimals)


# ---------------------------------------------------------------- curves


def nominal_on(world: World, days: Days, years: Floats) -> Floats:
    """DI rates; days and years broadcast against each other (a column of years gives one row a maturity)."""
    return di_rates(world.curves.di[world.grid.at(days)], years) / 100


def expected_on(world: World, days: Days, years: Floats) -> Floats:
    """Inflation that the market expects, a year: from the survey's 12 months (seen a month late) to the target."""
    months = world.macro.months
    seen = (months.astype("datetime64[M]") + 1).astype("datetime64[D]").astype(np.int64)
    near = np.interp(days.astype(np.int64), seen, world.macro.expected_12m)
    weight = -np.expm1(-years / LOOK_AHEAD) / (years / LOOK_AHEAD)
    far = target(years_of(days)) + BIAS_12M + INFLATION_PREMIUM + _wave(world.seed)[world.grid.at(days)]
    return np.asarray((near * weight + far * (1 - weight)) / 100)


@cache
def _wave(seed: int) -> Floats:
    """The premium's own movement, percentage points, one value a weekday of the grid."""
    size = load_world(seed).grid.weekdays.size
    return ar1(0.02 * stream(seed, "breakeven").standard_normal(size), persistence(60.0))


def real_on(world: World, days: Days, years: Floats) -> Floats:
    """Real rates over IPCA: nominal ones less expected inflation, as Fisher has it."""
    return (1 + nominal_on(world, days, years)) / (1 + expected_on(world, days, years)) - 1


def loadings(years: Floats, decays: tuple[float, float]) -> Floats:
    """What each beta weighs at each maturity: one row a maturity, four columns."""
    near, far = years * decays[0], years * decays[1]
    slope, hump = -np.expm1(-near) / near, -np.expm1(-far) / far
    return np.column_stack([np.ones_like(near), slope, slope - np.exp(-near), hump - np.exp(-far)])


@cache
def betas(seed: int, curve: str) -> Floats:
    """Four betas of a curve, one row a day of `grid.anbima`: the least-squares fit to the world's own curve."""
    world = load_world(seed)
    longest = LONGEST[curve]
    at = FITTED[longest >= FITTED] / YEAR_BD
    read = nominal_on if curve == "PREFIXADOS" else real_on
    rates = read(world, world.grid.anbima, at[:, None])
    return np.asarray((np.linalg.pinv(loadings(at, DECAYS[curve])) @ rates).T)


# ---------------------------------------------------------------- nominal values


def accrued(start: Floats, ratio: Floats, passed: Floats, period: Floats) -> Floats:
    """A nominal value some calendar days into its month: start x ratio^(passed / period), cut off at six decimals."""
    return cut(start * ratio ** (passed / period), 6)


@dataclass(frozen=True)
class Nominal:
    """Nominal values in reais on each day of `grid.anbima`, and the index change that accrues, % a month."""

    value: Floats
    index: Floats


@cache
def nominal_values(seed: int, title: str) -> Nominal:
    """The nominal value of NTN-B, NTN-C or LFT over the whole history."""
    world = load_world(seed)
    days = world.grid.anbima
    if title == "LFT":
        growth = np.cumsum(np.log1p(cdi(world)[1] / 100))
        before = np.concatenate([[0.0], growth[:-1]])
        return Nominal(cut(VNA_2004[title] * np.exp(before), 6), np.zeros(days.size))
    return _indexed(world, title, days, anniversary=15 if title == "NTN-B" else 1)


def _indexed(world: World, title: str, days: Days, anniversary: int) -> Nominal:
    """A month's index enters at the anniversary that follows; until then a projection made before it accrues."""
    macro = world.macro
    change = macro.ipca
    if title == "NTN-C":
        change = np.round(change + 0.25 * stream(world.seed, "igpm").standard_normal(change.size), 2)
    season = SEASON[months_of(macro.months) - 1]
    projected = np.round(np.concatenate([[0.5], macro.expected_12m[:-1]]) / 12 + season, 2)
    first = int(np.searchsorted(macro.months, np.datetime64("2004-01-01")))
    # level[m]: nominal value at the anniversary in month m, when the index of month m - 1 is known.
    level = cut(VNA_2004[title] * np.exp(np.cumsum(np.log1p(np.concatenate([[0.0], change[:-1]]) / 100))), 6)
    level = level * VNA_2004[title] / level[first]
    begin = (days - np.timedelta64(anniversary - 1, "D")).astype("datetime64[M]")
    month = np.searchsorted(macro.months, begin.astype("datetime64[D]"))
    start = begin.astype("datetime64[D]") + np.timedelta64(anniversary - 1, "D")
    end = (begin + 1).astype("datetime64[D]") + np.timedelta64(anniversary - 1, "D")
    passed, period = ((x - start).astype(np.float64) for x in (days, end))
    value = accrued(cut(level[month], 6), 1 + projected[month] / 100, passed, period)
    return Nominal(value, projected[month])


# ---------------------------------------------------------------- which bonds exist


def _maturities(title: str, year: int) -> list[np.datetime64]:
    """Maturities that a type may have on the list in a year, soonest first."""
    if title == "NTN-C":
        found = list(NTNC_MATURITIES)
    elif title == "LTN":
        found = [f"{y}-{m:02d}-01" for y in range(year, year + 5) for m in ((1, 4, 7, 10) if y < year + 3 else (1, 7))]
    elif title == "NTN-F":
        found = [f"{y}-01-01" for y in range(year, year + 12) if y % 2]
    elif title == "LFT":
        found = [f"{y}-{m:02d}-01" for y in range(year, year + 7) for m in (3, 9)]
    else:
        near = [f"{y}-08-15" if y % 2 == 0 else f"{y}-05-15" for y in range(year, year + 11)]
        far = [f"{y}-08-15" if y % 2 == 0 else f"{y}-05-15" for y in range(2035, 2061, 5) if y > year + 10]
        found = near + far
    return [np.datetime64(f, "D") for f in found]


def maturities(title: str, day: np.datetime64) -> Days:
    """The bonds of a type that are alive on a day."""
    alive = [m for m in _maturities(title, to_date(day).year) if m > day]
    return np.array(alive, dtype="datetime64[D]")


@cache
def rates_percent(seed: int, title: str, day: np.datetime64) -> Floats:
    """Indicative rates in %, four decimals, of the bonds alive on a day."""
    world = load_world(seed)
    held = np.array([day], dtype="datetime64[D]")
    years = bdays(day, maturities(title, day)) / YEAR_BD
    if title == "LFT":
        wave = 0.03 * np.sin(float(day.astype(np.int64)) / 400.0)
        return np.round(0.01 + wave + 0.02 * years, 4)
    curve = nominal_on if title in ("LTN", "NTN-F") else real_on
    rates = curve(world, np.repeat(held, years.size), np.maximum(years, 1 / YEAR_BD))
    return np.round(100 * rates + SPREADS[title], 4)


# ---------------------------------------------------------------- prices


def bdays(day: np.datetime64, dates: Days) -> Floats:
    """Business days in [day, date), by the holiday list of the day, to contractual dates (weekends are not moved)."""
    return load_calendar("anbima").count_many(day, dates, known_on=day).astype(np.float64)


def flow_dates(day: np.datetime64, maturity: np.datetime64) -> Days:
    """Half-yearly dates after `day`, the maturity last."""
    month, of_month = maturity.astype("datetime64[M]"), maturity - maturity.astype("datetime64[M]")
    back = np.arange(int((month - day.astype("datetime64[M]")).astype(np.int64)) // 6 + 1)[::-1]
    dates = (month - 6 * back).astype("datetime64[D]") + of_month
    return dates[dates > day]


def quote(title: str, day: np.datetime64, maturity: np.datetime64, percent: float) -> float:
    """NTN-B, NTN-C, LFT: price per 100 of nominal value, four decimals cut off. LTN, NTN-F: PU, six decimals."""
    growth = 1 + percent / 100
    if title in ("LTN", "LFT"):
        face, decimals = (1000.0, 6) if title == "LTN" else (100.0, 4)
        to_end = bdays(day, np.array([maturity], dtype="datetime64[D]"))
        return float(cut(face / growth ** (to_end / YEAR_BD), decimals)[0])
    dates = flow_dates(day, maturity)
    face, digits, decimals = (1000.0, 9, 6) if title == "NTN-F" else (100.0, 10, 4)
    flows = np.full(dates.size, COUPONS[title])
    flows[-1] += face
    present = np.round(flows / growth ** (bdays(day, dates) / YEAR_BD), digits)
    return float(cut(np.array([present.sum()]), decimals)[0])


def unit_price(title: str, quoted: float, nominal_value: float) -> float:
    """PU in reais, six decimals cut off, from the quote and the day's nominal value."""
    if title in ("LTN", "NTN-F"):
        return quoted
    return float(cut(np.array([nominal_value * quoted / 100]), 6)[0])
