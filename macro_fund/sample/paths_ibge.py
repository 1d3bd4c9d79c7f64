"""Consumer prices by part of the basket: changes that add up to the world's IPCA, and weights.

Belongs here: the numbers behind IBGE's price tables of the sample world. Does not belong here: the nine groups and the
INPC themselves (`paths_prices`), its other tables (production, labour, GDP wander in their ranges, `lines.wander`),
publication or formats (`wire_ibge`).

Values are in the provider's unit (%; index points), aligned with the world's months. The nine groups with their weights
add up to the IPCA; the parts of each level of a group add up to the group. Weights are constant and add up at every
level.
"""

from __future__ import annotations

import re
from collections import Counter
from functools import cache

import numpy as np

from macro_fund.sample import paths_prices
from macro_fund.sample.noise import Floats, stream
from macro_fund.sample.world import load_world
from macro_fund.settings import Series, default_settings

CHANGE, YEAR, TWELVE, WEIGHT, INDEX = {"63", "355", "44"}, {"69", "356"}, {"2265", "1120"}, {"66", "357"}, {"2266"}
PRICES = CHANGE | YEAR | TWELVE | WEIGHT | INDEX
MID_MONTH = {"355", "356", "357", "1120"}
INDEX_2004 = 2300.0
# Standard deviation of a part's own monthly change, %, and its weight in the index, %, by digits of IBGE's number.
OWN_NOISE = {2: 0.6, 4: 1.0, 7: 1.8}
GROUP_NAMES = {str(n): name for n, name in enumerate(paths_prices.GROUP_WEIGHTS, start=1)}
INPC = "44"
_NUMBER = re.compile(r" \| (\d+)\.")


def is_price(series: Series) -> bool:
    """Whether the series is one of the consumer price tables."""
    return series.source == "ibge" and _variable(series) in PRICES


def decimals(series: Series) -> int:
    """Digits that IBGE prints: four for weights, thirteen for the index, else two."""
    return {"66": 4, "357": 4, "2266": 13}.get(_variable(series), 2)


def values(seed: int, series: Series) -> Floats:
    """The series on all months of the world; NaN where a sum over months is not complete yet."""
    variable, number = _variable(series), number_of(series)
    if variable in WEIGHT:
        return np.full(load_world(seed).macro.months.size, weight(number))
    prices = load_world(seed).prices
    changes = prices.others["inpc"] if variable == INPC else _changes(seed, number)
    if variable in MID_MONTH:
        changes = paths_prices.mid_month(changes)
    growth = np.cumsum(np.log1p(changes / 100))
    if variable in CHANGE:
        return changes
    if variable in INDEX:
        return np.round(INDEX_2004 * np.exp(growth), decimals(series))
    span = np.full(growth.size, 12)
    if variable in YEAR:
        span = load_world(seed).macro.months.astype("datetime64[M]").astype(np.int64) % 12 + 1
    start = np.arange(growth.size) - span
    before = np.where(start >= 0, growth[np.maximum(start, 0)], 0.0)
    return np.where(start >= -1, np.round(100 * np.expm1(growth - before), 2), np.nan)


def number_of(series: Series) -> str:
    """IBGE's number of the category, '' for the whole index."""
    found = _NUMBER.search(series.title)
    return found[1] if found else ""


def weight(number: str) -> float:
    """Weight in %: a group's share goes to its parts of each level in equal pieces."""
    if not number:
        return 100.0
    share = paths_prices.GROUP_WEIGHTS[GROUP_NAMES[number[0]]]
    return share if len(number) == 1 else share / _parts()[number[0], len(number)]


def _variable(series: Series) -> str:
    return series.code.split("/")[1]


@cache
def _numbers() -> tuple[str, ...]:
    """IBGE's numbers of all parts, in order."""
    return tuple(sorted({number_of(s) for s in default_settings().series_of("ibge")} - {""}))


@cache
def _parts() -> Counter[tuple[str, int]]:
    """How many parts of each level a group has."""
    return Counter((n[0], len(n)) for n in _numbers())


def _changes(seed: int, number: str) -> Floats:
    """Monthly changes, %, two decimals."""
    world = load_world(seed)
    if not number:
        return world.macro.ipca
    if len(number) == 1:
        return world.prices.groups[GROUP_NAMES[number]]
    return _level(seed, number[0], len(number))[number]


@cache
def _level(seed: int, group: str, digits: int) -> dict[str, Floats]:
    """Changes of all parts of one level of a group: the group's, and noise that cancels (equal weights)."""
    numbers = [n for n in _numbers() if n[0] == group and len(n) == digits]
    size = load_world(seed).macro.months.size
    noise = np.stack([np.clip(stream(seed, f"ibge {n}").standard_normal(size), -4, 4) for n in numbers])
    own = OWN_NOISE[digits] * (noise - noise.mean(axis=0))
    changes = np.round(_changes(seed, group) + own, 2) + 0.0
    return dict(zip(numbers, changes, strict=True))
