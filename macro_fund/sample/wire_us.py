"""FRED graph files.

Belongs here: the CSV format. Does not belong here: the numbers (`catalogue`).
"""

from __future__ import annotations

import numpy as np

from macro_fund.sample.public import View, published, series_by_code, text
from macro_fund.sample.wire import ALWAYS, FOREVER, Ask, day, not_found, reply
from macro_fund.sources.http import Reply

HOST = "fred.stlouisfed.org"


def answer(view: View, ask: Ask) -> Reply:
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
