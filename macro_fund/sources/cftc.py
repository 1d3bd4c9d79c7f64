"""CFTC commitments of traders, futures only: one Socrata data set a report, one request a report and year.

Belongs here: the address, the column names and how positions are read. Does not belong here: release days
(config/releases), nets and ratios (silver), or which rows are new (`ingest`).

A series' code is report:market, e.g. tff:102741. Markets are known by code, because their names change. Numbers come
as text, null fields are left out of a row, and the column names have the CFTC's own misspellings ('postions', a double
underscore), which are part of its format: a position column that is not known is an error, not a gap.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import polars as pl

from macro_fund.settings import Series, Source
from macro_fund.sources.decode import RAW_CHARS, REJECTED, fail, iso_or_none, json_of
from macro_fund.sources.http import Parsed, Payload, Request
from macro_fund.sources.slices import Days, by_years, hull

PROVIDER = "cftc"
URL = "https://publicreporting.cftc.gov/resource/{dataset}.json?$where={where}&$order={order}&$limit={limit}"
DAY, CODE, INTEREST = "report_date_as_yyyy_mm_dd", "cftc_contract_market_code", "open_interest_all"
ORDER = f"{DAY}%20ASC,:id"
# The most rows that Socrata gives in one answer; a year of all markets is a few thousand.
LIMIT = 50_000
VALUES = ("long", "short", "spreading")


@dataclass(frozen=True)
class Report:
    """A data set. columns: of each category the names of long, short and (where there is one) spreading positions."""

    dataset: str
    name: str
    columns: Mapping[str, tuple[str, ...]]


def _sides(stem: str, tail: str = "") -> tuple[str, str]:
    return f"{stem}_positions_long{tail}", f"{stem}_positions_short{tail}"


REPORTS = {
    "tff": Report(
        "gpe5-46if",
        "traders in financial futures",
        {
            "dealer": (*_sides("dealer", "_all"), "dealer_positions_spread_all"),
            "asset_manager": (*_sides("asset_mgr"), "asset_mgr_positions_spread"),
            "leveraged": (*_sides("lev_money"), "lev_money_positions_spread"),
            "other_reportable": (*_sides("other_rept"), "other_rept_positions_spread"),
            "nonreportable": _sides("nonrept", "_all"),
        },
    ),
    "legacy": Report(
        "6dca-aqww",
        "legacy",
        {
            "noncommercial": (*_sides("noncomm", "_all"), "noncomm_postions_spread_all"),
            "commercial": _sides("comm", "_all"),
            "nonreportable": _sides("nonrept", "_all"),
        },
    ),
    "disagg": Report(
        "72hh-3qpy",
        "disaggregated",
        {
            "producer": _sides("prod_merc"),
            "swap": ("swap_positions_long_all", "swap__positions_short_all", "swap__positions_spread_all"),
            "managed_money": (*_sides("m_money", "_all"), "m_money_positions_spread"),
            "other_reportable": (*_sides("other_rept"), "other_rept_positions_spread"),
            "nonreportable": _sides("nonrept", "_all"),
        },
    ),
}
# Looks like a position of all months together; those of old and other crop years have other endings.
_POSITION = re.compile(
    r"(dealer|asset_mgr|lev_money|other_rept|nonrept|noncomm|comm|prod_merc|swap|m_money)_+po\w*?tions_+"
    r"(long|short|spread)(_all)?"
)
# The legacy report's spreading positions of the old crop year, which lost their ending.
_OLD_CROP = "noncomm_positions_spread"
FACTS = pl.Schema(
    {
        "series_id": pl.String,
        "event_date": pl.Date,
        "market_code": pl.String,
        "category": pl.String,
        **dict.fromkeys((*VALUES, "open_interest"), pl.Int64),
    }
)


def plan(series: Sequence[Series], windows: Mapping[str, Days], policy: Source) -> list[Request]:
    """One request a report and calendar year, for the markets whose window touches it (policy has nothing to slice)."""
    slices: dict[tuple[str, int], list[tuple[Series, Days]]] = {}
    for s in series:
        for piece in by_years(windows[s.id]) if s.id in windows else ():
            slices.setdefault((_split(s)[0], piece[0].year), []).append((s, piece))
    return [
        _request(report, [s for s, _ in asked], hull([piece for _, piece in asked]))
        for (report, _), asked in sorted(slices.items(), key=lambda x: (list(REPORTS).index(x[0][0]), x[0][1]))
    ]


def _request(report: str, series: Sequence[Series], window: Days) -> Request:
    codes = ",".join(f"'{_split(s)[1]}'" for s in series)
    start, end = window
    where = f"{DAY} >= '{start}T00:00:00' AND {DAY} <= '{end}T00:00:00' AND {CODE} in ({codes})"
    dataset = REPORTS[report].dataset
    url = URL.format(dataset=dataset, where=quote(where, safe="'(),:"), order=ORDER, limit=LIMIT)
    return Request(PROVIDER, "GET", url, f"CFTC {REPORTS[report].name} {start}..{end}", tuple(s.id for s in series))


def parse(payload: Payload, series: Sequence[Series]) -> Parsed:
    """Positions of each market, week and category; a category without a long or a short position is no row.

    Numbers that are not whole contracts are rejected. Raises SourceError for a refusal (with the provider's own words),
    a web page, a cut or empty body, an unknown position column, another market, a day outside the window, futures and
    options together, or as many rows as one answer can hold.
    """
    document = json_of(payload)
    if payload.status != 200:
        raise fail(
            payload,
            f"the provider says: {_words(document)}",
            remedy="check the codes in config/series/cftc.yaml",
        )
    if not isinstance(document, list) or not all(isinstance(r, dict) for r in document):
        raise fail(payload, f"not a list of rows; the provider says: {_words(document)}")
    asked = {_split(s)[1]: s.id for s in series if s.id in payload.request.items}
    report = REPORTS[_report(payload)]
    _as_asked(payload, document, report, asked)
    table = _table(document, report, asked)
    parts = [_category(table, name, columns) for name, columns in report.columns.items()]
    undated = table.filter(pl.col("event_date").is_null())
    refused = _rejected(undated, pl.col("series_id"), pl.col(DAY), "day not readable")
    return Parsed(pl.concat([rows for rows, _ in parts]), pl.concat([*(bad for _, bad in parts), refused]))


def _split(series: Series) -> tuple[str, str]:
    """Report and market of a series."""
    report, _, market = series.code.partition(":")
    if report not in REPORTS or not market:
        raise ValueError(f"{series.id}: code {series.code!r} is not report:market; reports: {', '.join(REPORTS)}")
    return report, market


def _report(payload: Payload) -> str:
    for name, report in REPORTS.items():
        if f"/{report.dataset}.json" in payload.request.url:
            return name
    raise ValueError(f"{payload.request.label}: no known data set in {payload.request.url}")


def _as_asked(payload: Payload, rows: Sequence[Mapping[str, Any]], report: Report, asked: Mapping[str, str]) -> None:
    """Refuse an answer that may be cut, has other columns, or is about something else than was asked."""
    if len(rows) >= LIMIT:
        raise fail(payload, f"{len(rows)} rows are all that one answer can hold; there may be more")
    gone = [c for c in (DAY, CODE) if any(c not in r for r in rows)]
    if gone:
        raise fail(payload, f"rows without {', '.join(gone)}")
    names = set().union(*rows)
    known = {c for columns in report.columns.values() for c in columns}
    new = sorted(n for n in names - known - {_OLD_CROP} if _POSITION.fullmatch(n))
    if new or (rows and not names & known):
        raise fail(payload, f"columns changed: {', '.join(new) or 'no positions'}", remedy="check REPORTS in cftc.py")
    others = sorted({str(r[CODE]).strip() for r in rows} - set(asked))
    if others:
        raise fail(payload, f"rows of market {others[0]}, which was not asked")
    if any(str(r.get("futonly_or_combined", "")).strip().lower() == "combined" for r in rows):
        raise fail(payload, "futures and options together where futures only were asked")
    start, end = re.findall(r"'(\d{4}-\d\d-\d\d)T00:00:00'", payload.request.url)
    strangers = [d for d in (str(r[DAY])[:10] for r in rows) if iso_or_none(d) and not start <= d <= end]
    if strangers:
        raise fail(payload, f"day {strangers[0]} is outside the window asked")


def _table(rows: Sequence[Mapping[str, Any]], report: Report, asked: Mapping[str, str]) -> pl.DataFrame:
    """The columns that are read, as text without padding; a blank is a null."""
    names = [DAY, CODE, INTEREST, *(c for columns in report.columns.values() for c in columns)]
    text = {n: [None if r.get(n) is None else str(r[n]) for r in rows] for n in names}
    table = pl.DataFrame(text, dict.fromkeys(names, pl.String)).with_columns(
        pl.all().str.strip_chars().replace("", None)
    )
    return table.with_columns(
        pl.col(CODE).replace_strict(dict(asked), return_dtype=pl.String).alias("series_id"),
        pl.col(DAY).str.slice(0, 10).str.to_date("%Y-%m-%d", strict=False).alias("event_date"),
    )


def _category(table: pl.DataFrame, name: str, columns: Sequence[str]) -> tuple[pl.DataFrame, pl.DataFrame]:
    """(rows, rejected) of one category; the report's nonreportable and commercial positions have no spreading."""
    spreading = pl.col(columns[2]) if len(columns) > len(VALUES) - 1 else pl.lit(None, pl.String)
    texts = {"long": pl.col(columns[0]), "short": pl.col(columns[1]), "spreading": spreading}
    numbers = (*texts, "open_interest")
    found = table.filter(pl.all_horizontal(pl.col(c).is_not_null() for c in ("event_date", *columns[:2]))).select(
        "series_id",
        "event_date",
        pl.col(CODE).alias("market_code"),
        pl.lit(name).alias("category"),
        **texts,
        open_interest=pl.col(INTEREST),
    )
    good = pl.all_horizontal(pl.col(n).is_null() | pl.col(n).str.contains(r"^\d{1,12}(\.0+)?$") for n in numbers)
    raw = pl.concat_str([pl.format(f"{n}={{}}", pl.col(n).fill_null("none")) for n in numbers], separator=" ")
    item = pl.format("{} {}", "series_id", "category")
    refused = _rejected(found.filter(~good), item, raw, "not a whole number of contracts")
    whole = [pl.col(n).str.replace(r"\.0+$", "").cast(pl.Int64) for n in numbers]
    return found.filter(good).with_columns(whole).cast(FACTS), refused


def _rejected(rows: pl.DataFrame, item: pl.Expr, raw: pl.Expr, reason: str) -> pl.DataFrame:
    return rows.select(
        item.alias("item"), "event_date", raw.fill_null("").str.slice(0, RAW_CHARS).alias("raw"), reason=pl.lit(reason)
    ).cast(REJECTED)


def _words(document: Any) -> str:
    """The message in a Socrata error body, '' when there is none."""
    return str(document.get("message") or document.get("code") or "")[:200] if isinstance(document, dict) else ""
