"""Tesouro Nacional time series: one CSV file a series, latin-1, decimal comma.

Belongs here: the address and the format. Does not belong here: the numbers (`catalogue`).
"""

from __future__ import annotations

import re

import numpy as np

from macro_fund.sample.public import View, published, series_by_code, text
from macro_fund.sample.wire import ALWAYS, FOREVER, Ask, not_found, reply
from macro_fund.sources.http import Reply

HOST = "series-temporais.tesouro.gov.br"
_PATH = re.compile(r"/backend-series-temporais/rest/Public/SerieGrafico/Download/(\d+)/?")


def answer(view: View, ask: Ask) -> Reply:
    """The whole public history of one series; a web page with 404 for an id that does not exist."""
    found = _PATH.fullmatch(ask.path)
    series = series_by_code().get(("stn", found[1])) if found else None
    if series is None:
        return not_found()
    item = published(view.seed, series.id)
    days, values = view.select(item, ALWAYS, FOREVER)
    rows = zip(np.datetime_as_string(days), values.tolist(), strict=True)
    lines = [f"{d[8:]}/{d[5:7]}/{d[:4]};{text(v, item.decimals).replace('.', ',')}" for d, v in rows]
    return reply("\n".join(["Data;Valor", *lines, ""]).encode("latin-1"), "text/csv;charset=ISO-8859-1")
