"""Daily closes of a price feed that the fund has a licence for: a CSV over HTTPS, from whichever vendor it chose.

Belongs here: the question, the CSV that is expected and how it is read. Does not belong here: publication hours and
ranges (config/series/licensed_prices.yaml) or which rows are new (`ingest`).

Off until somebody switches it on: without series, or without both secrets, nothing is asked and there are no rows.
To switch it on:
1. Provide two secrets (environment, or files in <home>/secrets with mode 600). LICENSED_PRICES_URL is the address with
   places for codes and days: https://vendor.example/daily.csv?codes={codes}&from={start}&to={end}. The address is kept
   with each answer: where it must hold the token write {LICENSED_PRICES_TOKEN} there. LICENSED_PRICES_TOKEN goes out as
   'Authorization: Bearer ...' and is never kept.
2. List the series in config/series/licensed_prices.yaml: `code` is the feed's name, `unit` the currency.
The answer is CSV with the header series_id,date,close,currency, one line a code and day: series_id is the code that was
asked, date YYYY-MM-DD, close with a decimal point, currency an ISO code. A day without a price has no line. A vendor
with another format needs a small gateway that writes this one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from urllib.parse import quote

import polars as pl

from macro_fund.settings import Series, Source
from macro_fund.sources.decode import RAW_CHARS, REJECTED, csv_lines, fail, iso_or_none, observations, require_status
from macro_fund.sources.http import Manners, Parsed, Payload, Request
from macro_fund.sources.secrets import LICENSED_PRICES_TOKEN, LICENSED_PRICES_URL, remedy
from macro_fund.sources.slices import by_days, hull

PROVIDER = "licensed_prices"
HEADER = ("series_id", "date", "close", "currency")
PLACES = ("{codes}", "{start}", "{end}")


def plan(series: Sequence[Series], windows: Mapping[str, tuple[date, date]], policy: Source) -> list[Request]:
    """One request for all series a slice of the days (inclusive) that any of them needs; none without the secrets.

    Raises ValueError for an address that is not https or lacks a place.
    """
    wanted = [s for s in series if s.id in windows]
    if not wanted or not isinstance(policy, Manners) or not policy.keyed:
        return []
    address = _checked(policy.address)
    codes = ",".join(quote(s.code, safe="") for s in wanted)
    ids = tuple(s.id for s in wanted)
    requests = []
    for start, end in by_days(hull([windows[i] for i in ids]), policy.slice_days):
        url = address.replace("{codes}", codes).replace("{start}", f"{start}").replace("{end}", f"{end}")
        headers = (("Authorization", f"Bearer {{{LICENSED_PRICES_TOKEN}}}"),)
        label = f"licensed prices {start}..{end}"
        requests.append(Request(PROVIDER, "GET", url, label, ids, headers, secrets=(LICENSED_PRICES_TOKEN,)))
    return requests


def _checked(address: str) -> str:
    lacking = [place for place in PLACES if place not in address]
    if lacking or not address.startswith("https://"):
        missing = f"has no {', '.join(lacking)}" if lacking else "does not start with https://"
        raise ValueError(f"{LICENSED_PRICES_URL} {missing}; {remedy(LICENSED_PRICES_URL)}")
    return address


def parse(payload: Payload, series: Sequence[Series]) -> Parsed:
    """One row a code and day; a price that is no number or in another currency than the series' unit is rejected.

    Raises SourceError for a refused token, a web page, a cut file, other columns or a code that was not asked.
    """
    if payload.status in (401, 403):
        raise fail(payload, "the token is refused", remedy=remedy(LICENSED_PRICES_TOKEN))
    require_status(payload)
    asked = {s.code: s for s in series if s.id in payload.request.items}
    lines = csv_lines(payload, HEADER)
    if strange := sorted({line[0] for line in lines} - asked.keys()):
        raise fail(payload, f"series {', '.join(strange)!r:.80} in the answer, which were not asked")
    good, refused = [], []
    for code, day, close, currency, *_ in lines:
        s = asked[code]
        if currency.strip() == s.unit.split()[0]:
            good.append((s.id, iso_or_none(day), close))
        else:
            reason = f"currency {currency.strip()!r:.20} where {s.unit.split()[0]} is expected"
            refused.append((s.id, iso_or_none(day), f"{close} {currency}"[:RAW_CHARS], reason))
    read = observations(good, series)
    return Parsed(read.rows, pl.concat([read.rejected, pl.DataFrame(refused, REJECTED, orient="row")]))
