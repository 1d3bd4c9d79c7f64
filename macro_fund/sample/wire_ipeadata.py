"""Ipeadata (OData4): the values of one series.

Belongs here: the address, the format and the offsets of its dates. Does not belong here: the numbers (`catalogue`).
"""

from __future__ import annotations

import re
from datetime import datetime

import numpy as np

from macro_fund.sample.public import View, published, series_by_code
from macro_fund.sample.wire import ALWAYS, FOREVER, Ask, json_reply, not_found
from macro_fund.sources.http import Reply
from macro_fund.time.zones import SAO_PAULO

HOST = "www.ipeadata.gov.br"
_PATH = re.compile(r"/api/odata4/ValoresSerie\(SERCODIGO='([^']*)'\)")


def answer(view: View, ask: Ask) -> Reply:
    """The whole public history of one series; an empty list for a code that does not exist."""
    found = _PATH.fullmatch(ask.path)
    if found is None:
        return not_found()
    series = series_by_code().get(("ipeadata", found[1]))
    rows = []
    if series is not None:
        item = published(view.seed, series.id)
        days, values = view.select(item, ALWAYS, FOREVER)
        for day, value in zip(np.datetime_as_string(days), values.tolist(), strict=True):
            rows.append(_row(series.code, day, None if np.isnan(value) else round(value, item.decimals)))
    return json_reply({"@odata.context": f"http://{HOST}/api/odata4/$metadata#Valores", "value": rows})


def _row(code: str, day: str, value: float | None) -> dict[str, object]:
    moment = datetime.fromisoformat(day).replace(tzinfo=SAO_PAULO).isoformat()
    return {"SERCODIGO": code, "VALDATA": moment, "VALVALOR": value, "NIVNOME": "", "TERCODIGO": ""}
