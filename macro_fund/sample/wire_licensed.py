"""The licensed price feed of the sample world, for a fund that tries the connector out: CSV behind a token.

Belongs here: the CSV. Does not belong here: the numbers (`catalogue`).
"""

from __future__ import annotations

import numpy as np

from macro_fund.sample.public import View, published, series_by_code, text
from macro_fund.sample.wire import Ask, day, not_found, reply
from macro_fund.sources.http import Reply
from macro_fund.sources.licensed_prices import HEADER

HOST = "licensed-prices.example"


def answer(view: View, ask: Ask) -> Reply:
    """Closes of the codes asked, by code and day; codes that the feed does not have give no line."""
    if ask.path != "/daily":
        return not_found()
    try:
        first, last = day(ask.query.get("from", ""), "%Y-%m-%d"), day(ask.query.get("to", ""), "%Y-%m-%d")
    except ValueError:
        return reply("from and to must be days, YYYY-MM-DD\n", "text/plain", 400)
    lines = [",".join(HEADER)]
    for code in ask.query.get("codes", "").split(","):
        series = series_by_code().get(("licensed_prices", code))
        if series is not None:
            item = published(view.seed, series.id)
            days, values = view.select(item, first, last)
            closes = zip(np.datetime_as_string(days), values.tolist(), strict=True)
            lines += [f"{code},{d},{text(v, item.decimals)},{series.unit.split()[0]}" for d, v in closes]
    return reply("\n".join(lines) + "\n", "text/csv; charset=utf-8")
