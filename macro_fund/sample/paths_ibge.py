"""Consumer prices by part of the basket: changes that move around the world's IPCA, and weights.

Belongs here: the numbers behind IBGE's price tables of the sample world. Does not belong here: its other tables
(production, labour, GDP wander in their ranges, `catalogue`), publication or formats (`wire_ibge`).

Values are in the provider's unit (%; index points), aligned with the world's months. Nothing is planted in the parts:
the changes of the groups do not add up to the IPCA, the weights are constant and do add up at every level.
"""

from __future__ import annotations

import re
from collections import Counter
from functools import cache

import numpy as np

from macro_fund.sample.noise import Floats, stream
from macro_fund.sample.world import load_world
from macro_fund.settings import Series, default_settings

CHANGE, YEAR, TWELVE, WEIGHT, INDEX = {"63", "355", "44"}, {"69", "356"}, {"2265", "1120"}, {"66", "357"}, {"2266"}
PRICES = CHANGE | YEAR | TWELVE | WEIGHT | INDEX
MID_MONTH = {"355", "356", "357", "1120"}
INDEX_2004 = 2300.0
# Standard deviation of a part's own monthly change, %, and its weight in the index, %, by digits of IBGE's number.
OWN_NOISE = {1: 0.35, 2: 0.6, 4: 1.0, 7: 1.8}
GROUP_WEIGHTS = {"1": 21.6, "2": 15.3, "3": 3.8, "4": 4.7, "5": 20.6, "6": 13.4, "7": 10.2, "8": 5.9, "9": 4.5}
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
    changes = _changes(seed, variable in MID_MONTH, number)
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
    share = GROUP_WEIGHTS[number[0]]
    return share if len(number) == 1 else share / _parts()[number[0], len(number)]


def _variable(series: Series) -> str:
    return series.code.split("/")[1]


@cache
def _parts() -> Counter[tuple[str, int]]:
    """How many parts of each level a group has."""
    numbers = {number_of(s) for s in default_settings().series_of("ibge")} - {""}
    return Counter((n[0], len(n)) for n in numbers)


@cache
def _changes(seed: int, mid_month: bool, number: str) -> Floats:
    """Monthly changes, %, two decimals; those of a mid-month index lie between two months."""
    ipca = load_world(seed).macro.ipca
    if mid_month:
        ipca = (ipca + np.concatenate([ipca[:1], ipca[:-1]])) / 2
    noise = stream(seed, f"ibge {number} {mid_month}").standard_normal(ipca.size) if number else np.zeros(ipca.size)
    own = OWN_NOISE.get(len(number), 0.0) * np.clip(noise, -4, 4)
    return np.round(ipca + own, 2) + 0.0
