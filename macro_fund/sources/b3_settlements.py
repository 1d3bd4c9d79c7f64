"""B3 daily settlements of rate, dollar and index futures: the derivatives price report (SPRD, BVBG.187).

Belongs here: the address of a session's file, how its XML is read, and the checks that one file allows (its own day,
PU against rate). Does not belong here: curves, P&L, or which settlements are new (`ingest`).

The archive's member is a zip itself, which may hold several versions of the report, whose names sort by time; the last
one counts. Names of elements are read without their namespaces, which carry a version.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from io import BytesIO
from typing import NamedTuple
from zipfile import ZipFile

import numpy as np
import polars as pl
from numpy.typing import NDArray

from macro_fund.instruments.contracts import ROOTS, maturities, split
from macro_fund.settings import Series, Source
from macro_fund.sources.b3_files import (
    ADDRESS,
    complete_zips,
    day_of,
    member,
    one_a_session,
    refuse_missing,
    refuse_other_days,
)
from macro_fund.sources.decode import RAW_CHARS, REJECTED, fail, number_or_reason, reject_html, require_status
from macro_fund.sources.http import Parsed, Payload, Request
from macro_fund.time.calendars import load_calendar
from macro_fund.time.sessions import Sessions

PROVIDER = "b3_settlements"
# One file a session holds all series.
DAILY_FILES = True
URL = ADDRESS + "SPRD{day:%y%m%d}.zip"
ROWS = pl.Schema(
    {
        "series_id": pl.String,
        "event_date": pl.Date,
        "contract": pl.String,
        "root": pl.String,
        "maturity": pl.Date,
        "settle_price": pl.Float64,
        "settle_rate": pl.Float64,
        "open_interest": pl.Int64,
    }
)
# Options and spreads share the roots; a future has six characters.
_FUTURE = re.compile(rf"(?:{'|'.join(ROOTS)})[A-Z][0-9]{{2}}")
_ATTRIBUTES = ("{*}AdjstdQt", "{*}AdjstdQtTax", "{*}OpnIntrst")
# Roots whose PU is 100,000 discounted at their rate: compounded over 252 business days, or linear over 360 days.
COMPOUND, LINEAR = ("DI1", "DAP"), ("DDI",)
# A forward rate agreement has no PU: it settles in a rate, which is its price too, in % a year.
RATE_ONLY = "FRC"
PU_AT_EXPIRY = 100_000.0
# B3 prints the PU with 2 decimals and the rate in % with 3 (5 as a fraction). PU and rate may differ by one unit of
# each last digit: rounding explains half of it, truncation all of it.
PU_TICK = 0.01
RATE_DIGITS = 5
Floats = NDArray[np.float64]


class _Report(NamedTuple):
    """One contract as the file gives it."""

    contract: str
    day: str
    price: str | None
    rate: str | None
    open_interest: str | None


class _Settled(NamedTuple):
    """Numbers of one contract. rate: decimal, NaN where the file has none."""

    report: _Report
    price: float
    rate: float
    open_interest: int | None


Refuse = Callable[[_Report, str], None]


def plan(
    series: Sequence[Series],
    windows: Mapping[str, tuple[date, date]],
    policy: Source,
    table: Sessions | None = None,
) -> list[Request]:
    """One request a B3 session of the windows' hull (inclusive, from the first session on); nothing to slice."""
    return one_a_session(PROVIDER, URL, "B3 settlements of session {day}", series, windows, table)


def parse(payload: Payload, series: Sequence[Series]) -> Parsed:
    """Settlements of one session (columns of ROWS); contracts that fail a check are rejected with the reason.

    No file on a day without session gives no rows. Raises SourceError for no file on a session, a web page, a broken
    zip or XML, a file without DI1, and a file of another day.
    """
    require_status(payload)
    reject_html(payload)
    day = day_of(payload)
    xml = _newest_xml(payload)
    if xml is None:
        refuse_missing(payload, day, "settlement")
        return Parsed(pl.DataFrame(schema=ROWS), pl.DataFrame(schema=REJECTED))
    reports = _reports(payload, xml)
    if not any(r.contract.startswith("DI1") for r in reports):
        raise fail(payload, "no DI1 contract in the file", transient=True)
    refuse_other_days(payload, day, {r.day for r in reports}, "settlements")
    asked = {s.code: s for s in series if s.id in payload.request.items}
    return _settlements(day, [r for r in reports if r.contract[:3] in asked], asked)


def _newest_xml(payload: Payload) -> bytes | None:
    """The last version of the report; None for an empty archive, which is how B3 says that there is no file."""
    with complete_zips(payload):
        packed = member(payload)
        if packed is None:
            return None
        with ZipFile(BytesIO(packed)) as inner:
            versions = sorted(n for n in inner.namelist() if n.lower().endswith(".xml"))
            if not versions:
                raise fail(payload, f"no XML in the archive, only {inner.namelist()}")
            return inner.read(versions[-1])


def _reports(payload: Payload, xml: bytes) -> list[_Report]:
    """The file's futures of ROOTS, in its order. Most of a file is other contracts: only tickers are looked at."""
    from lxml import etree

    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False)
    try:
        document = etree.fromstring(xml, parser)
    except etree.XMLSyntaxError as error:
        raise fail(payload, f"not complete XML: {error.msg}", transient=True) from None
    found = []
    for ticker in document.iter("{*}TckrSymb"):
        contract = ticker.text or ""
        report = next(ticker.iterancestors("{*}PricRpt"), None) if _FUTURE.fullmatch(contract) else None
        if report is not None:
            day = next((e.text or "" for t in report.iterchildren("{*}TradDt") for e in t.iterchildren("{*}Dt")), "")
            said = {
                e.tag.rpartition("}")[2]: e.text
                for attributes in report.iterchildren("{*}FinInstrmAttrbts")
                for e in attributes.iterchildren(*_ATTRIBUTES)
            }
            found.append(
                _Report(contract, day.strip(), said.get("AdjstdQt"), said.get("AdjstdQtTax"), said.get("OpnIntrst"))
            )
    return found


def _settlements(day: date, reports: Sequence[_Report], asked: Mapping[str, Series]) -> Parsed:
    """Typed rows of the reports and the entries refused, in the file's order. asked: series by root."""
    refused: list[tuple[str, date, str, str]] = []

    def refuse(report: _Report, reason: str) -> None:
        item = f"{asked[report.contract[:3]].id} {report.contract}"
        raw = f"AdjstdQt={report.price} AdjstdQtTax={report.rate} OpnIntrst={report.open_interest}"
        refused.append((item, day, raw[:RAW_CHARS], reason))

    read = (_read(report, asked[report.contract[:3]], refuse) for report in _once(reports, refuse))
    settled = [s for s in read if s is not None]
    contracts = pl.Series("contract", [s.report.contract for s in settled], pl.String)
    days = pl.Series("event_date", np.full(len(settled), day, "datetime64[D]"), pl.Date)
    expiry = maturities(contracts, days)
    prices, rates, kept = _checked(day, settled, expiry, refuse)
    roots = [c[:3] for c in contracts]
    rows = pl.DataFrame(
        [
            pl.Series("series_id", [asked[r].id for r in roots], pl.String),
            days,
            contracts,
            pl.Series("root", roots, pl.String),
            expiry,
            pl.Series("settle_price", prices),
            pl.Series("settle_rate", rates, nan_to_null=True),
            pl.Series("open_interest", [s.open_interest for s in settled], pl.Int64),
        ]
    )
    return Parsed(rows if kept.all() else rows.filter(kept), pl.DataFrame(refused, REJECTED, orient="row"))


def _once(reports: Sequence[_Report], refuse: Refuse) -> list[_Report]:
    """Each contract once: equal repetitions collapse, different ones are all refused, and so are unlisted months."""
    versions: dict[str, list[_Report]] = {}
    for report in dict.fromkeys(reports):
        versions.setdefault(report.contract, []).append(report)
    kept = []
    for same in versions.values():
        if len(same) > 1:
            for report in same:
                refuse(report, f"given {len(same)} times with different values")
            continue
        try:
            split(same[0].contract)
        except ValueError as error:
            refuse(same[0], str(error))
        else:
            kept.append(same[0])
    return kept


def _read(report: _Report, series: Series, refuse: Refuse) -> _Settled | None:
    """The numbers of one report, None when its settlement is refused; a bad open interest alone costs only itself."""
    price, why = _price(report, series)
    rate, why_rate = _rate(report, series.code)
    if price is None or why_rate:
        refuse(report, why or why_rate)
        return None
    interest, why = _open_interest(report.open_interest)
    if why:
        refuse(report, f"{why}; the settlement is kept without it")
    return _Settled(report, price, rate, interest)


def _price(report: _Report, series: Series) -> tuple[float | None, str]:
    """(number, '') or (None, why not): the PU or price, of a FRA the rate in %."""
    word, text = ("rate", report.rate) if series.code == RATE_ONLY else ("price", report.price)
    number, why = number_or_reason(text)
    if number is None:
        return None, f"settlement {word}: {why}"
    if not series.low <= number <= series.high:
        return None, f"settlement {word} {number:g} is outside {series.low:g} to {series.high:g}: another unit?"
    return number, ""


def _rate(report: _Report, root: str) -> tuple[float, str]:
    """(decimal rate or NaN, reason against it): only rate futures settle in one, and beside a PU it may be left out."""
    if report.rate is None or root not in (*COMPOUND, *LINEAR, RATE_ONLY):
        return np.nan, ""
    percent, why = number_or_reason(report.rate)
    return (np.nan, f"settlement rate: {why}") if percent is None else (percent / 100, "")


def _open_interest(text: str | None) -> tuple[int | None, str]:
    if text is None:
        return None, ""
    number, why = number_or_reason(text)
    if number is None or number < 0 or number != int(number):
        return None, f"open interest: {why or f'{number:g} is not a count'}"
    return int(number), ""


def _checked(
    day: date, settled: Sequence[_Settled], expiry: pl.Series, refuse: Refuse
) -> tuple[Floats, Floats, NDArray[np.bool_]]:
    """(prices, rates, rows to keep). Expired contracts go, and those whose PU is not 100,000 discounted at their rate.

    A rate that is left out comes from the PU. Business days are counted with the holidays known on the trade date.
    """
    roots = np.array([s.report.contract[:3] for s in settled], dtype="U3")
    linear = np.isin(roots, LINEAR)
    discounted = linear | np.isin(roots, COMPOUND)
    pu = np.array([s.price for s in settled], dtype=np.float64)
    rate = np.array([s.rate for s in settled], dtype=np.float64)
    ends = expiry.to_numpy().astype("datetime64[D]")
    alive = ends >= np.datetime64(day)
    bank_days = load_calendar("anbima").count_many(np.full(ends.shape, day, "datetime64[D]"), ends)
    days = np.where(linear, (ends - np.datetime64(day)).astype(np.int64), bank_days)
    rate, theory, slack = _theory(pu, rate, days, linear, discounted)
    wrong = alive & discounted & ~(np.abs(theory - pu) <= slack)
    for i in np.flatnonzero(~alive).tolist():
        refuse(settled[i].report, f"expired on {expiry[i]}")
    for i in np.flatnonzero(wrong).tolist():
        span = f"{days[i]} {'days' if linear[i] else 'business days'}"
        said = f"{rate[i]:.3%} over {span} is a PU of {theory[i]:.2f}, the file says {pu[i]:.2f}"
        refuse(settled[i].report, f"PU and rate disagree: {said}")
    given = ~np.isnan([s.rate for s in settled])
    for i in np.flatnonzero(alive & discounted & ~wrong & ~given & (days > 0)).tolist():
        refuse(settled[i].report, "no rate in the file; kept with the rate that its PU gives")
    return pu, rate, alive & ~wrong


def _theory(
    pu: Floats, rate: Floats, days: NDArray[np.int64], linear: NDArray[np.bool_], discounted: NDArray[np.bool_]
) -> tuple[Floats, Floats, Floats]:
    """(rates, with those left out taken from the PU; PU that each rate gives; how far the file's may be from it)."""
    years = days / np.where(linear, 360, 252)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        implied = np.where(linear, (PU_AT_EXPIRY / pu - 1) / years, (PU_AT_EXPIRY / pu) ** (1 / years) - 1)
        rate = np.where(discounted & np.isnan(rate) & (days > 0), np.round(implied, RATE_DIGITS), rate)
        growth = np.where(linear, 1 + rate * years, (1 + rate) ** years)
        theory = np.where(days == 0, PU_AT_EXPIRY, PU_AT_EXPIRY / growth)
        moved = years * theory / np.where(linear, growth, 1 + rate)
        slack = PU_TICK + np.where(days == 0, 0.0, 10.0**-RATE_DIGITS * moved)
    return rate, theory, slack
