"""FRED graph files and the Treasury's par curve files.

Belongs here: the two CSV formats. Does not belong here: the numbers (`catalogue`).
"""

from __future__ import annotations

import re

import numpy as np

from macro_fund.sample.catalogue import par_curve
from macro_fund.sample.noise import Days, Floats
from macro_fund.sample.paths_curves import PAR_TENORS
from macro_fund.sample.public import View, published, series_by_code, text
from macro_fund.sample.wire import ALWAYS, FOREVER, Ask, day, not_found, reply
from macro_fund.sample.world import load_world
from macro_fund.sources.http import Reply

FRED_HOST = "fred.stlouisfed.org"
TREASURY_HOST = "home.treasury.gov"
_CSV = "text/csv; charset=UTF-8"
_YEAR_FILE = re.compile(r"/resource-center/data-chart-center/interest-rates/daily-treasury-rates\.csv/(\d{4})/all/?")
_KIND = "daily_treasury_yield_curve"
# First and, where publication stopped, last day without each tenor (public facts).
_STARTED = {"4 Mo": "2022-10-19", "2 Mo": "2018-10-16", "1.5 Month": "2025-02-18", "30 Yr": "2006-02-09"}


def fred(view: View, ask: Ask) -> Reply:
    """One series' graph file from cosd to coed; an unknown id is a web page with status 404."""
    series = series_by_code().get(("fred", ask.query.get("id", "").upper()))
    if ask.path.rstrip("/") != "/graph/fredgraph.csv" or series is None:
        return not_found()
    try:
        first = day(ask.query["cosd"], "%Y-%m-%d") if "cosd" in ask.query else ALWAYS
        last = day(ask.query["coed"], "%Y-%m-%d") if "coed" in ask.query else FOREVER
    except ValueError:
        return not_found()
    item = published(view.seed, series.id)
    days, values = view.select(item, first, last)
    rows = zip(np.datetime_as_string(days), values.tolist(), strict=True)
    lines = [f"observation_date,{series.code}", *(f"{d},{text(v, item.decimals)}" for d, v in rows)]
    return reply("\n".join(lines) + "\n", "application/csv")


def treasury(view: View, ask: Ask) -> Reply:
    """A year's par curves, newest first; tenors that do not exist yet are blank, and left out if blank all year."""
    found = _YEAR_FILE.fullmatch(ask.path)
    if found is None:
        return not_found()
    if ask.query.get("type") != _KIND:
        return reply("", _CSV)
    year = ask.query.get("field_tdr_date_value", found[1])
    days, curve = _public_year(view, int(year) if year.isdigit() else 0)
    there = [i for i in range(curve.shape[1]) if not days.size or not np.isnan(curve[:, i]).all()]
    names = list(PAR_TENORS)
    lines = ["Date," + ",".join(f'"{names[i]}"' for i in there)]
    for d, row in zip(np.datetime_as_string(days)[::-1], curve[::-1].tolist(), strict=True):
        lines.append(f"{d[5:7]}/{d[8:]}/{d[:4]}," + ",".join(text(row[i], 2) for i in there))
    return reply("\n".join(lines) + "\n", _CSV)


def _public_year(view: View, year: int) -> tuple[Days, Floats]:
    """Public days of a year and their curves, one column a tenor, NaN before a tenor's first day."""
    ten_year = published(view.seed, "us_par_10y")
    days, curve = par_curve(load_world(view.seed))
    keep = np.flatnonzero(view.shown(ten_year.served) & (days.astype("datetime64[Y]").astype(np.int64) + 1970 == year))
    shown = view.poisoned(curve[keep], ten_year.known[keep, None])
    for tenor, start in _STARTED.items():
        shown[days[keep] < np.datetime64(start), list(PAR_TENORS).index(tenor)] = np.nan
    return days[keep], shown
