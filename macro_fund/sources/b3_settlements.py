"""B3 daily settlements of DI1, DOL and IND futures: the derivatives price report (SPRD, BVBG.187).

Belongs here: the address of a session's file, how its XML is read, and the checks that one file allows (its own day,
PU against rate). Does not belong here: curves, P&L, or which settlements are new (`ingest`).

A file is a zip within a zip; the inner one may hold several versions of the report, whose names sort by time, and the
last one counts. Names of elements are read without their namespaces, which carry a version. A file without content
(22 bytes) means that nothing is published for the day.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from io import BytesIO
from typing import NamedTuple
from zipfile import BadZipFile, ZipFile

import numpy as np
import polars as pl

from macro_fund.instruments.contracts import ROOTS, maturities, split
from macro_fund.settings import Series, Source
from macro_fund.sources.decode import RAW_CHARS, REJECTED, fail, number_or_reason, reject_html, require_status
from macro_fund.sources.http import Parsed, Payload, Request
from macro_fund.time.calendars import load_calendar
from macro_fund.time.sessions import Sessions, sessions

PROVIDER = "b3"
URL = "https://www.b3.com.br/pesquisapregao/download?filelist=SPRD{day:%y%m%d}.zip"
ROWS = pl.Schema(
    {
        "event_date": pl.Date,
        "contract": pl.String,
        "root": pl.String,
        "maturity": pl.Date,
        "settle_price": pl.Float64,
        "settle_rate": pl.Float64,
        "open_interest": pl.Int64,
    }
)
# Options and spreads share the roots; a future has six characters. DI1 PU, BRL per USD 1,000, index points.
_FUTURE = re.compile(rf"(?:{'|'.join(ROOTS)})[A-Z][0-9]{{2}}")
PLAUSIBLE = {"DI1": (1.0, 100_000.0), "DOL": (500.0, 20_000.0), "IND": (10_000.0, 1_000_000.0)}
PU_AT_EXPIRY = 100_000.0
# B3 prints the PU with 2 decimals and the rate in % with 3 (5 as a fraction). PU and rate may differ by one unit of
# each last digit: rounding explains half of it, truncation all of it.
PU_TICK = 0.01
RATE_DIGITS = 5


class _Report(NamedTuple):
    """One contract as the file gives it."""

    contract: str
    day: str
    price: str | None
    rate: str | None
    open_interest: str | None


def plan(
    series: Sequence[Series],
    windows: Mapping[str, tuple[date, date]],
    policy: Source,
    table: Sessions | None = None,
) -> list[Request]:
    """One request a B3 session of windows["b3"] (inclusive, from the first session on); nothing to slice."""
    if PROVIDER not in windows:
        return []
    table = table or sessions()
    start, end = windows[PROVIDER]
    return [
        Request(PROVIDER, "GET", URL.format(day=day), f"B3 settlements of session {day}", ROOTS)
        for day in table.keys(max(start, table.start), end)
    ]


def parse(payload: Payload, series: Sequence[Series] = ()) -> Parsed:
    """Settlements of one session (columns of ROWS); contracts that fail a check are rejected with the reason.

    No file on a day without session gives no rows. Raises SourceError for no file on a session, a web page, a broken
    zip or XML, a file without DI1, and a file of another day (B3 has republished an old file under a new name).
    """
    require_status(payload)
    reject_html(payload)
    day = _day_asked(payload)
    xml = _newest_xml(payload)
    if xml is None:
        if sessions().is_session(day):
            raise fail(
                payload,
                f"no settlement file yet for session {day}",
                remedy="B3 publishes it in the evening of the session; run the session again later",
            )
        return Parsed(pl.DataFrame(schema=ROWS), pl.DataFrame(schema=REJECTED))
    reports = _reports(payload, xml)
    if not any(r.contract.startswith("DI1") for r in reports):
        raise fail(payload, "no DI1 contract in the file", transient=True)
    strangers = sorted({r.day for r in reports if r.day != day.isoformat()})
    if strangers:
        raise fail(
            payload,
            f"the file holds settlements of {strangers[0]}, not of {day}: B3 has published another day's file",
            remedy="run the session again later, when B3 has replaced it",
        )
    return _settlements(day, reports)


def _day_asked(payload: Payload) -> date:
    found = re.search(r"SPRD(\d\d)(\d\d)(\d\d)\.zip", payload.request.url)
    if found is None:
        raise ValueError(f"{payload.request.label}: no SPRDyymmdd.zip in {payload.request.url}")
    return date(2000 + int(found[1]), int(found[2]), int(found[3]))


def _newest_xml(payload: Payload) -> bytes | None:
    """The last version of the report; None for an empty archive, which is how B3 says that there is no file."""
    try:
        with ZipFile(BytesIO(payload.body)) as outer:
            if not outer.namelist():
                return None
            packed = outer.read(outer.namelist()[-1])
        with ZipFile(BytesIO(packed)) as inner:
            versions = sorted(n for n in inner.namelist() if n.lower().endswith(".xml"))
            if not versions:
                raise fail(payload, f"no XML in the archive, only {inner.namelist()}")
            return inner.read(versions[-1])
    except (BadZipFile, EOFError, zlib.error) as error:
        raise fail(payload, f"not a complete zip file: {error}", transient=True) from None


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
            texts = {str(e.tag).rpartition("}")[2]: e.text for e in report.iterfind("{*}FinInstrmAttrbts/*")}
            day = (report.findtext("{*}TradDt/{*}Dt") or "").strip()
            found.append(
                _Report(contract, day, texts.get("AdjstdQt"), texts.get("AdjstdQtTax"), texts.get("OpnIntrst"))
            )
    return found


def _settlements(day: date, reports: Sequence[_Report]) -> Parsed:
    """Typed rows of the reports and the entries refused, in the file's order."""
    refused: list[tuple[str, date, str, str]] = []

    def refuse(report: _Report, reason: str) -> None:
        refused.append((report.contract, day, _raw(report), reason))

    rows: list[tuple[_Report, float, float | None, int | None]] = []
    for report in _once(reports, refuse):
        price, why = _price(report)
        rate, why_rate = _rate(report)
        if price is None or why_rate:
            refuse(report, why or why_rate)
            continue
        interest, why = _open_interest(report.open_interest)
        if why:
            refuse(report, f"{why}; the settlement is kept without it")
        rows.append((report, price, rate, interest))
    frame = pl.DataFrame(
        [(day, r.contract, r.contract[:3], None, price, rate, interest) for r, price, rate, interest in rows],
        ROWS,
        orient="row",
    )
    frame = frame.with_columns(maturities(frame["contract"], frame["event_date"]))
    reasons = [(c, f"expired on {m}") for c, m in frame.filter(pl.col("maturity") < day)["contract", "maturity"].rows()]
    frame, disagreements = _check_rates(frame.filter(pl.col("maturity") >= day))
    by_contract = {r.contract: r for r in reports}
    for contract, reason in reasons + disagreements:
        refuse(by_contract[contract], reason)
    return Parsed(frame, pl.DataFrame(refused, REJECTED, orient="row"))


def _raw(report: _Report) -> str:
    text = f"AdjstdQt={report.price} AdjstdQtTax={report.rate} OpnIntrst={report.open_interest}"
    return text[:RAW_CHARS]


def _once(reports: Sequence[_Report], refuse: Callable[[_Report, str], None]) -> list[_Report]:
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


def _price(report: _Report) -> tuple[float | None, str]:
    price, why = number_or_reason(report.price)
    if price is None:
        return None, f"settlement price: {why}"
    low, high = PLAUSIBLE[report.contract[:3]]
    if not low <= price <= high:
        return None, f"settlement price {price:g} is outside {low:g} to {high:g}: another unit?"
    return price, ""


def _rate(report: _Report) -> tuple[float | None, str]:
    """(decimal rate or None, reason against it): only DI1 settles in a rate, and it may be left out."""
    if not report.contract.startswith("DI1") or report.rate is None:
        return None, ""
    percent, why = number_or_reason(report.rate)
    return (None, f"settlement rate: {why}") if percent is None else (percent / 100, "")


def _open_interest(text: str | None) -> tuple[int | None, str]:
    if text is None:
        return None, ""
    number, why = number_or_reason(text)
    if number is None or number < 0 or number != int(number):
        return None, f"open interest: {why or f'{number:g} is not a count'}"
    return int(number), ""


def _check_rates(rows: pl.DataFrame) -> tuple[pl.DataFrame, list[tuple[str, str]]]:
    """DI1 whose PU is not 100,000 / (1 + rate)^(n/252) go; a rate that is left out comes from the PU.

    n counts bank days with the holidays known on the trade date. Returns the rows kept and (contract, what was done).
    """
    n = load_calendar("anbima").count_many(rows["event_date"], rows["maturity"])
    di1 = (rows["root"] == "DI1").to_numpy()
    pu = rows["settle_price"].to_numpy()
    rate = rows["settle_rate"].to_numpy()
    given = ~np.isnan(rate)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        implied = (PU_AT_EXPIRY / pu) ** (252 / n) - 1
        rate = np.where(di1 & ~given & (n > 0), np.round(implied, RATE_DIGITS), rate)
        theory = np.where(n == 0, PU_AT_EXPIRY, PU_AT_EXPIRY * (1 + rate) ** (-n / 252))
        slack = PU_TICK + np.where(n == 0, 0.0, 10.0**-RATE_DIGITS * (n / 252) / (1 + rate) * theory)
    wrong = di1 & ~(np.abs(theory - pu) <= slack)
    done = [
        (c, f"PU and rate disagree: {r:.3%} over {k} business days is a PU of {t:.2f}, the file says {p:.2f}")
        for c, r, k, t, p in zip(
            rows["contract"].filter(pl.Series(wrong)), rate[wrong], n[wrong], theory[wrong], pu[wrong], strict=True
        )
    ]
    derived = rows["contract"].filter(pl.Series(di1 & ~given & ~wrong & (n > 0)))
    done += [(c, "no rate in the file; kept with the rate that its PU gives") for c in derived]
    rated = pl.Series("settle_rate", rate, nan_to_null=True)
    return rows.with_columns(rated).filter(pl.Series(~wrong)), done
