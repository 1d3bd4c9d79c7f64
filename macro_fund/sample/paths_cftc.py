"""Positions of traders in the sample world, by report, market and category, each Tuesday.

Belongs here: who is long and short how much. Does not belong here: the answer's format (`wire_cftc`) or the column
names (`sources.cftc`).

Open interest wanders around a fifth of the market's plausible range. Trend followers hold what rose over a quarter
and hedgers the other side, where the world has a price for the market; the rest is noise. Long, short and spreading
positions add up to open interest, as in the real reports.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from macro_fund.sample.noise import Days, Floats, persistence, stream
from macro_fund.sample.public import Instants, instants
from macro_fund.sample.world import World, load_world
from macro_fund.settings import Series, default_settings
from macro_fund.sources.cftc import REPORTS

# Size of a category beside the others (logarithm), and its taste for what has risen.
_WEIGHT = {"other_reportable": -0.8, "nonreportable": -0.9, "dealer": -0.2, "swap": -0.2}
_TREND = {"leveraged": 0.35, "noncommercial": 0.35, "managed_money": 0.35}
_TREND |= {"dealer": -0.3, "commercial": -0.3, "producer": -0.3}
_SPREADING = 0.12
_WEEKS = 13
_LARGEST_MOVE, _LARGEST_TREND = 0.9, 2.5
# The world's price behind a market, and the sign with which it moves.
_PRICES = {
    "brl": ("usdbrl", -1.0), "mxn": ("usdmxn", -1.0), "usdx": ("dollar", 1.0), "spx": ("spx", 1.0),
    "spx_all": ("spx", 1.0), "ndx": ("spx", 1.0), "rut": ("spx", 1.0), "vix": ("vix", 1.0),
    **dict.fromkeys(("eur", "jpy", "gbp", "chf", "cad", "aud", "nzd", "zar"), ("dollar", -1.0)),
    **dict.fromkeys(("ust2y", "ust5y", "ust10y", "ust10y_ultra", "ust_bond", "ust_ultra"), ("level", -1.0)),
    **dict.fromkeys(("sofr3m", "fed_funds"), ("funds", -1.0)),
}  # fmt: skip

Sides = tuple[Floats, ...]


@dataclass(frozen=True)
class Positions:
    """One report. Matrices have a row a day and a column a market; sides: long, short and perhaps spreading."""

    markets: tuple[Series, ...]
    days: Days
    known: Instants
    open_interest: Floats
    categories: Mapping[str, Sides]


@cache
def positions(seed: int, report: str) -> Positions:
    """All positions of a report (a key of REPORTS) in one world, in whole contracts."""
    markets = tuple(s for s in default_settings().series_of("cftc") if s.code.startswith(f"{report}:"))
    world = load_world(seed)
    tuesdays = world.grid.us_weekdays[(world.grid.us_weekdays.astype(np.int64) + 3) % 7 == 1]
    shape = (tuesdays.size, len(markets))
    rng = stream(seed, f"cftc {report}")
    sizes = np.array([s.high for s in markets]) / 5
    wander = np.clip(_walk(rng.standard_normal(shape) * 0.05, 52.0), -_LARGEST_MOVE, _LARGEST_MOVE)
    total = np.round(sizes * np.exp(wander))
    categories = _split(report, total, _trends(world, tuesdays, markets), rng)
    return Positions(markets, tuesdays, instants(tuesdays, markets[0].publication, "W"), total, categories)


def _walk(shocks: Floats, half_life: float) -> Floats:
    """An AR(1) in each column."""
    phi, path = persistence(half_life), np.zeros_like(shocks)
    for t in range(1, shocks.shape[0]):
        path[t] = phi * path[t - 1] + shocks[t]
    return path


def _trends(world: World, tuesdays: Days, markets: Sequence[Series]) -> Floats:
    """Change of each market's price over a quarter, in its own standard deviations; 0 where the world has no price."""
    at = world.grid.at(tuesdays)
    levels: dict[str, Floats] = {name: np.log(path) for name, path in world.markets.prices.items()}
    levels |= {"vix": np.log(world.markets.vix), "level": world.curves.us[:, 0], "funds": world.policy.fed_funds}
    found = np.zeros((tuesdays.size, len(markets)))
    for i, market in enumerate(markets):
        name, sign = _PRICES.get(market.id.split("_", 3)[3], ("", 0.0))
        if name:
            level = levels[name][at]
            moved = level[_WEEKS:] - level[:-_WEEKS]
            found[_WEEKS:, i] = np.clip(sign * moved / moved.std(), -_LARGEST_TREND, _LARGEST_TREND)
    return found


def _split(report: str, total: Floats, trends: Floats, rng: np.random.Generator) -> dict[str, Sides]:
    """Open interest shared out: spreading first, then each side among the categories; the last one gets the rest."""
    columns = REPORTS[report].columns
    spreaders = [c for c, names in columns.items() if len(names) == len(("long", "short", "spreading"))]
    each = np.floor(total * _SPREADING / len(spreaders))
    outright = total - each * len(spreaders)
    long, short = (_shares(list(columns), outright, sign * trends, rng) for sign in (1.0, -1.0))
    return {c: (long[c], short[c], each) if c in spreaders else (long[c], short[c]) for c in columns}


def _shares(names: Sequence[str], outright: Floats, trends: Floats, rng: np.random.Generator) -> dict[str, Floats]:
    """One side: weights by category that wander and follow the trend, as whole contracts that add up."""
    weights = []
    for name in names:
        noise = np.clip(_walk(rng.standard_normal(trends.shape) * 0.08, 20.0), -_LARGEST_MOVE, _LARGEST_MOVE)
        weights.append(np.exp(_WEIGHT.get(name, 0.3) + _TREND.get(name, 0.0) * trends + noise))
    whole: NDArray[np.float64] = np.floor(np.array(weights) / np.sum(weights, axis=0) * outright)
    whole[-1] += outright - whole.sum(axis=0)
    return dict(zip(names, whole, strict=True))
