"""The Treasury's par curve files, nominal and real.

Belongs here: the CSV format of a year's curves, and the breakeven inflation between the two. Does not belong here: the
nominal curve (`catalogue`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import cache

import numpy as np

from macro_fund.sample.catalogue import par_curve
from macro_fund.sample.noise import Days, Floats, ar1, persistence, stream
from macro_fund.sample.paths_curves import PAR_TENORS
from macro_fund.sample.public import View, published, text
from macro_fund.sample.wire import Ask, not_found, reply
from macro_fund.sample.world import load_world
from macro_fund.sources.http import Reply

HOST = "home.treasury.gov"
_CSV = "text/csv; charset=UTF-8"
_YEAR_FILE = re.compile(r"/resource-center/data-chart-center/interest-rates/daily-treasury-rates\.csv/(\d{4})/all/?")
_NOMINAL, _REAL = "daily_treasury_yield_curve", "daily_treasury_real_yield_curve"
# First and, where publication stopped, last day without each tenor (public facts).
_STARTED = {"4 Mo": "2022-10-19", "2 Mo": "2018-10-16", "1.5 Month": "2025-02-18", "30 Yr": "2006-02-09"}
_REAL_STARTED = {"20 YR": "2004-07-27", "30 YR": "2010-02-22"}
# Average breakeven inflation, % a year, by column of the real curve.
_BREAKEVEN = {"5 YR": 2.1, "7 YR": 2.15, "10 YR": 2.2, "20 YR": 2.3, "30 YR": 2.25}


def answer(view: View, ask: Ask) -> Reply:
    """A year's par curves, newest first; tenors that do not exist yet are blank, and left out if blank all year."""
    found = _YEAR_FILE.fullmatch(ask.path)
    if found is None:
        return not_found()
    kind = ask.query.get("type")
    if kind not in (_NOMINAL, _REAL):
        return reply("", _CSV)
    asked = ask.query.get("field_tdr_date_value", found[1])
    year = int(asked) if asked.isdigit() else 0
    if kind == _REAL:
        names, (days, curve) = list(_BREAKEVEN), _public_year(view, year, *_real_curve(view.seed))
    else:
        names, (days, curve) = list(PAR_TENORS), _public_year(view, year, *_nominal_curve(view.seed))
    return reply(_csv(names, days, curve), _CSV)


def _csv(names: Sequence[str], days: Days, curve: Floats) -> str:
    there = [i for i in range(curve.shape[1]) if not days.size or not np.isnan(curve[:, i]).all()]
    lines = ["Date," + ",".join(f'"{names[i]}"' for i in there)]
    for d, row in zip(np.datetime_as_string(days)[::-1], curve[::-1].tolist(), strict=True):
        lines.append(f"{d[5:7]}/{d[8:]}/{d[:4]}," + ",".join(text(row[i], 2) for i in there))
    return "\n".join(lines) + "\n"


@cache
def _nominal_curve(seed: int) -> tuple[Days, Floats]:
    """All days and curves, one column a tenor, NaN before a tenor's first day."""
    days, curve = par_curve(load_world(seed))
    return days, _from_start(days, curve, list(PAR_TENORS), _STARTED)


@cache
def _real_curve(seed: int) -> tuple[Days, Floats]:
    """Nominal par yields less a breakeven that moves slowly, more so at the short end."""
    world = load_world(seed)
    days, nominal = par_curve(world)
    columns = [list(PAR_TENORS).index(tenor.title()) for tenor in _BREAKEVEN]
    common, slope = stream(seed, "breakeven").standard_normal((2, days.size))
    risk = world.markets.risk[world.grid.at(days)]
    level = np.clip(ar1(0.03 * (0.9 * common - 0.4 * risk), persistence(200.0)), -1.2, 1.2)
    tilt = np.clip(ar1(0.02 * slope, persistence(60.0)), -0.5, 0.5)
    weights = np.array([1.0, 0.6, 0.2, 0.0, 0.0])
    breakeven = np.array(list(_BREAKEVEN.values())) + level[:, None] + tilt[:, None] * weights
    return days, _from_start(days, np.round(nominal[:, columns] - breakeven, 2), list(_BREAKEVEN), _REAL_STARTED)


def _from_start(days: Days, curve: Floats, names: Sequence[str], started: Mapping[str, str]) -> Floats:
    """The curve with NaN before a tenor's first day."""
    curve = curve.copy()
    for tenor, start in started.items():
        curve[days < np.datetime64(start), names.index(tenor)] = np.nan
    return curve


def _public_year(view: View, year: int, days: Days, curve: Floats) -> tuple[Days, Floats]:
    """Public days of a year and their curves."""
    ten_year = published(view.seed, "us_par_10y")
    keep = np.flatnonzero(view.shown(ten_year.served) & (days.astype("datetime64[Y]").astype(np.int64) + 1970 == year))
    return days[keep], view.poisoned(curve[keep], ten_year.known[keep, None])
