"""Cboe: one CSV file an index, oldest day first.

Belongs here: addresses, the two kinds of columns, the answer for a file that is not there, and the indices around the
world's VIX. Does not belong here: the VIX itself (`paths_markets`).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache

import numpy as np

from macro_fund.sample.noise import Days, Floats, ar1, persistence, stream
from macro_fund.sample.public import Instants, View, instants, series_by_code
from macro_fund.sample.wire import Ask, reply
from macro_fund.sample.world import load_world
from macro_fund.sources.http import Reply

HOST = "cdn.cboe.com"
_PATH = re.compile(r"/api/global/us_indices/daily_prices/(\w+)_History\.csv")
_DENIED = (
    '<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>'
)
_CLOSE_ONLY = ("VVIX", "SKEW")
_VIX_MIDDLE = 17.0


@dataclass(frozen=True)
class _Kind:
    """Level, how much of the VIX's log move is in it, half-life (days) and daily size of its own noise."""

    level: float
    share: float
    half_life: float = 10.0
    noise: float = 0.0


_KINDS = {
    "VIX": _Kind(_VIX_MIDDLE, 1.0),
    "VIX1D": _Kind(12.5, 1.15, 2.0, 0.12),
    "VIX9D": _Kind(16.0, 1.10, 5.0, 0.03),
    "VIX3M": _Kind(19.0, 0.78, 10.0, 0.01),
    "VIX6M": _Kind(20.5, 0.62, 20.0, 0.01),
    "VVIX": _Kind(92.0, 0.35, 15.0, 0.03),
    "SKEW": _Kind(130.0, -0.05, 20.0, 0.015),
}


def answer(view: View, ask: Ask) -> Reply:
    """The whole public history of an index; 403 AccessDenied for a file that does not exist."""
    found = _PATH.fullmatch(ask.path)
    code = found[1] if found else ""
    if code not in _KINDS or ("cboe", code) not in series_by_code():
        return _denied()
    days, closes, known = _index(view.seed, code)
    keep = np.flatnonzero(view.shown(known))
    if not keep.size:
        return _denied()
    shown = np.datetime_as_string(days[keep])
    columns = {"CLOSE": closes} if code in _CLOSE_ONLY else _bars(view.seed, code, closes)
    values = np.column_stack([view.poisoned(v[keep], known[keep]) for v in columns.values()]).tolist()
    lines = [f"DATE,{code if code in _CLOSE_ONLY else ','.join(columns)}"]
    lines += [
        f"{d[5:7]}/{d[8:]}/{d[:4]}," + ",".join(f"{v:.6f}" for v in row) for d, row in zip(shown, values, strict=True)
    ]
    return reply("\n".join(lines) + "\n", "text/csv")


def _denied() -> Reply:
    return reply(_DENIED, "application/xml", 403)


@cache
def _index(seed: int, code: str) -> tuple[Days, Floats, Instants]:
    """Days, closes and publication times of an index from its start on."""
    series = series_by_code()[("cboe", code)]
    world, kind = load_world(seed), _KINDS[code]
    days = world.grid.nyse[world.grid.nyse >= np.datetime64(series.start, "D")]
    move = np.log(world.markets.vix[world.grid.at(days)] / _VIX_MIDDLE)
    own = ar1(kind.noise * stream(seed, f"cboe {code}").standard_normal(days.size), persistence(kind.half_life))
    closes = kind.level * np.exp(kind.share * move + own)
    # One cent inside the plausible range, where a long noise would leave it.
    inside = np.clip(closes, series.low + 0.01, series.high - 0.01)
    return days, np.round(inside, 2), instants(days, series.publication, "D")


def _bars(seed: int, code: str, closes: Floats) -> dict[str, Floats]:
    """Open at the close before, high and low around both."""
    opens = np.concatenate([closes[:1], closes[:-1]])
    up, down = np.abs(stream(seed, f"cboe bars {code}").standard_normal((2, closes.size))) * 0.02
    highs, lows = np.maximum(opens, closes) * (1 + up), np.minimum(opens, closes) * (1 - down)
    return {"OPEN": opens, "HIGH": np.round(highs, 2), "LOW": np.round(lows, 2), "CLOSE": closes}
