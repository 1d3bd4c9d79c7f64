"""New York Fed: JSON lists of reference rates.

Belongs here: addresses, error bodies, and the rates themselves: the effective rate of the world's policy, SOFR near it
and volumes. Does not belong here: the policy (`paths_policy`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

from macro_fund.sample.catalogue import fed_funds
from macro_fund.sample.noise import Days, Floats, ar1, last_at, persistence, stream, trend
from macro_fund.sample.public import Instants, View, instants, series_by_code
from macro_fund.sample.wire import ALWAYS, FOREVER, Ask, day, json_reply, not_found
from macro_fund.sample.world import load_world
from macro_fund.settings import Series
from macro_fund.sources.http import Reply

HOST = "markets.newyorkfed.org"
_PATH = re.compile(r"/api/rates/((?:un)?secured/\w+)/search\.json")
_PERCENTILES = ("percentPercentile1", "percentPercentile25", "percentPercentile75", "percentPercentile99")
_HALF_RANGE = 0.125
_SOFR_VOLUME = {"2018-04-02": 800.0, "2020-06-01": 1000.0, "2024-06-01": 2000.0, "2026-01-01": 3000.0}
_LARGEST_GAP, _LARGEST_VOLUME_MOVE = 0.2, 0.5


@dataclass(frozen=True)
class _Rate:
    """One rate: values by the provider's field, NaN before a field existed; times by the rate's own series."""

    name: str
    days: Days
    fields: Mapping[str, Floats]
    known: Instants


def answer(view: View, ask: Ask) -> Reply:
    """One rate from startDate to endDate, newest first; 400 for an unknown rate or an unreadable date."""
    found = _PATH.fullmatch(ask.path)
    if found is None:
        return not_found()
    if ("nyfed", f"{found[1]}:percentRate") not in series_by_code():
        return json_reply({"message": "Bad Request", "error": "Invalid rate type"}, 400)
    try:
        first = day(ask.query["startDate"], "%Y-%m-%d") if "startDate" in ask.query else ALWAYS
        last = day(ask.query["endDate"], "%Y-%m-%d") if "endDate" in ask.query else FOREVER
    except ValueError:
        return json_reply({"message": "Bad Request", "error": "Invalid date format, expected YYYY-MM-DD"}, 400)
    rate = _rate(view.seed, found[1])
    keep = np.flatnonzero(view.shown(rate.known) & (rate.days >= first) & (rate.days <= last))[::-1]
    columns = {f: view.poisoned(v[keep], rate.known[keep]).tolist() for f, v in rate.fields.items()}
    days = np.datetime_as_string(rate.days[keep])
    return json_reply(
        {"refRates": [_row(rate.name, d, {f: c[i] for f, c in columns.items()}) for i, d in enumerate(days)]}
    )


def _row(name: str, effective: str, values: Mapping[str, float]) -> dict[str, Any]:
    """One entry in the provider's order of fields; percentiles are not simulated."""
    shown = {f: None if np.isnan(v) else round(v, 2) for f, v in values.items()}
    row = {"effectiveDate": str(effective), "type": name, "percentRate": shown["percentRate"]}
    target = {f: shown[f] for f in ("targetRateFrom", "targetRateTo") if f in shown}
    volume = shown["volumeInBillions"]
    tail = {"volumeInBillions": None if volume is None else int(volume), "revisionIndicator": ""}
    return {**row, **dict.fromkeys(_PERCENTILES), **target, **tail}


@cache
def _rate(seed: int, path: str) -> _Rate:
    """A rate's simulated history on New York business days from its series' start on."""
    of = {f: s for (source, code), s in series_by_code().items() if source == "nyfed" for f in _fields(code, path)}
    main = of["percentRate"]
    world = load_world(seed)
    days = world.grid.nyse[world.grid.nyse >= np.datetime64(main.start, "D")]
    every, effective = fed_funds(world)
    effr = effective[last_at(days, every)]
    fields = _effr(seed, days, effr) if path.endswith("effr") else _sofr(seed, days, effr)
    fields = {f: np.where(days >= _start(of, f, main), values, np.nan) for f, values in fields.items()}
    return _Rate(path.partition("/")[2].upper(), days, fields, instants(days, main.publication, "D"))


def _fields(code: str, path: str) -> list[str]:
    of, _, field = code.partition(":")
    return [field] if of == path else []


def _start(of: Mapping[str, Series], field: str, main: Series) -> np.datetime64:
    return np.datetime64(of.get(field, main).start, "D")


def _effr(seed: int, days: Days, effr: Floats) -> dict[str, Floats]:
    """The rate, the target range in force and some 90 billions a day."""
    world = load_world(seed)
    middle: Floats = world.policy.fed_funds[world.grid.at(days)]
    move = ar1(0.05 * stream(seed, "effr volume").standard_normal(days.size), persistence(20.0))
    return {
        "percentRate": effr,
        "targetRateFrom": np.round(middle - _HALF_RANGE, 2),
        "targetRateTo": np.round(middle + _HALF_RANGE, 2),
        "volumeInBillions": np.round(90 * np.exp(np.clip(move, -_LARGEST_VOLUME_MOVE, _LARGEST_VOLUME_MOVE))),
    }


def _sofr(seed: int, days: Days, effr: Floats) -> dict[str, Floats]:
    """A rate around the effective one, a little higher when a month ends, on a market that grows."""
    noise, flow = stream(seed, "sofr").standard_normal((2, days.size))
    months = days.astype("datetime64[M]")
    month_end = np.append(months[1:] != months[:-1], False)
    gap = np.clip(ar1(0.015 * noise, persistence(10.0)), -_LARGEST_GAP, _LARGEST_GAP) + 0.06 * month_end
    volume = trend(days, _SOFR_VOLUME, log=True) * np.exp(ar1(0.01 * flow, persistence(30.0)))
    rate: Floats = np.maximum(effr + gap, 0.01)
    return {"percentRate": np.round(rate, 2), "volumeInBillions": np.round(volume)}
