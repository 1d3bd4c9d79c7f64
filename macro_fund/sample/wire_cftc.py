"""CFTC on Socrata: JSON lists of a report's rows.

Belongs here: addresses, the one form of $where that is understood, row fields and error bodies. Does not belong here:
the positions (`paths_cftc`).
"""

from __future__ import annotations

import re
from typing import Any

import numpy as np

from macro_fund.sample.paths_cftc import Positions, positions
from macro_fund.sample.public import View
from macro_fund.sample.wire import Ask, json_reply, not_found
from macro_fund.sources.cftc import CODE, DAY, INTEREST, REPORTS
from macro_fund.sources.http import Reply

HOST = "publicreporting.cftc.gov"
_PATH = re.compile(r"/resource/([a-z0-9]{4}-[a-z0-9]{4})\.json")
_TIME = r"'(\d{4}-\d\d-\d\d)T00:00:00'"
_WHERE = re.compile(rf"{DAY} >= {_TIME} AND {DAY} <= {_TIME} AND {CODE} in \(([^)]*)\)")
_DEFAULT_LIMIT = "1000"


def answer(view: View, ask: Ask) -> Reply:
    """Rows of the markets and days asked, oldest first; 404 for an unknown data set, 400 for an unreadable $where."""
    found = _PATH.fullmatch(ask.path)
    if found is None:
        return not_found()
    report = next((name for name, r in REPORTS.items() if r.dataset == found[1]), None)
    if report is None:
        return json_reply({"code": "dataset.missing", "error": True, "message": "Not found"}, 404)
    where = _WHERE.fullmatch(ask.query.get("$where", ""))
    limit = ask.query.get("$limit", _DEFAULT_LIMIT)
    if where is None or not limit.isdigit():
        return _malformed(ask.query.get("$where", ""))
    try:
        first, last = (np.datetime64(where[i], "D") for i in (1, 2))
    except ValueError:
        return _malformed(where[0])
    table = positions(view.seed, report)
    codes = {code.strip().strip("'") for code in where[3].split(",")}
    days = np.flatnonzero(view.shown(table.known) & (table.days >= first) & (table.days <= last))
    markets = [i for i, s in enumerate(table.markets) if s.code.partition(":")[2] in codes]
    return json_reply(_rows(view, report, table, days, markets)[: int(limit)])


def _malformed(where: str) -> Reply:
    words = {"message": f"Could not parse SoQL query: {where}", "errorCode": "query.compiler.malformed"}
    return json_reply({**words, "code": "query.compiler.malformed", "error": True}, 400)


def _rows(view: View, report: str, table: Positions, days: np.ndarray, markets: list[int]) -> list[dict[str, Any]]:
    """One row a day and market, from the market's start on."""
    columns = REPORTS[report].columns
    cells = {INTEREST: table.open_interest}
    for category, sides in table.categories.items():
        cells |= dict(zip(columns[category], sides, strict=True))
    pick = np.ix_(days, np.array(markets, dtype=np.intp))
    known = table.known[days][:, None]
    # A position is never negative: garbage is too large instead.
    shown: dict[str, list[list[int]]] = {
        name: np.abs(view.poisoned(np.asarray(values[pick], dtype=float), known)).astype(np.int64).tolist()
        for name, values in cells.items()
    }
    names = np.datetime_as_string(table.days[days])
    started = [np.datetime64(table.markets[i].start, "D") for i in markets]
    return [
        _row(table, market, str(names[t])) | {name: str(values[t][m]) for name, values in shown.items()}
        for t, d in enumerate(table.days[days])
        for m, market in enumerate(markets)
        if d >= started[m]
    ]


def _row(table: Positions, market: int, day: str) -> dict[str, Any]:
    """The fields that say which market and week a row is of."""
    series = table.markets[market]
    code = series.code.partition(":")[2]
    return {
        "id": f"{day[2:4]}{day[5:7]}{day[8:]}{code}F",
        "market_and_exchange_names": series.title,
        DAY: f"{day}T00:00:00.000",
        "contract_market_name": series.title.rpartition(" - ")[0],
        CODE: code,
        "futonly_or_combined": "FutOnly",
    }
