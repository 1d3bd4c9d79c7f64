"""Federal Reserve, FOMC: statements and minutes, found by the links of its calendar pages.

Belongs here: which pages list the meetings and how a document's page is read. Does not belong here: how a list is read
(`fomc_lists`), publication rules (config/series) or what the words mean (the agents).

The calendar page holds the last five or six years, one historical page each year before; where the border is moves
each January, so the page of every year is asked and may be missing for the years of the calendar page. A statement's
page says its release to the minute, or 'For immediate release' and the day; the release day of minutes is in the list.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import date, datetime, time
from typing import Any

from macro_fund.settings import Series, Source
from macro_fund.sources.decode import fail, require_status
from macro_fund.sources.fomc_lists import CALENDAR, PROVIDER, Entry, day_in_words, follow_of, page_of
from macro_fund.sources.messages import Parsed, Payload, Request
from macro_fund.sources.text import instant, is_due, no_document, one_document, plain, tidy

__all__ = ["PROVIDER", "parse", "plan"]

HISTORICAL = "https://www.federalreserve.gov/monetarypolicy/fomchistorical{year}.htm"
# Years back from the answer's own for which the calendar page may be the only one.
CALENDAR_YEARS = 6
ZONE, MINUTES_HOUR = "America/New_York", time(14)
# A day without an hour, of an announcement that has no usual hour, counts as the end of the day.
END_OF_DAY = time(23, 59)
MIN_CHARS = 100
_YEAR = re.compile(r"fomchistorical(\d{4})\.htm$")
_HOUR = re.compile(r"release at (\d{1,2})(?::(\d\d))?\s*([ap])\.?\s*m", re.I)
_FURNITURE = "heading page-header share breadcrumb lastUpdate panel-related hidden-print"


def plan(series: Sequence[Series], windows: Mapping[str, tuple[date, date]], policy: Source) -> list[Request]:
    """The calendar page and the page of each year of the windows; they list both kinds (nothing to slice)."""
    asked = [s.id for s in series if s.id in windows]
    years = {y for i in asked for y in range(windows[i][0].year, windows[i][1].year + 1)}
    pages = [(HISTORICAL.format(year=y), f"FOMC meetings of {y}") for y in sorted(years)]
    pages += [(CALENDAR, "FOMC calendar")] if asked else []
    return [Request(PROVIDER, "GET", url, label, tuple(asked)) for url, label in pages]


def parse(payload: Payload, series: Sequence[Series]) -> Parsed:
    """The documents that a list names (follow), or the row of one document.

    A page that is not there yet is no row. Raises SourceError for a refusal, a cut or empty page, one without the
    parts that are read here, another day than its address says, or a document that is missing although it is due.
    """
    asked = [s for s in series if s.id in payload.request.items]
    entry = Entry.of(payload.request.label)
    if entry is not None:
        (one,) = asked
        return _document(payload, one, entry)
    year = _YEAR.search(payload.request.url)
    if payload.status == 404 and year and int(year[1]) >= payload.fetched_at.year - CALENDAR_YEARS:
        return no_document()
    require_status(payload)
    return follow_of(payload, int(year[1]) if year else None, asked)


def _document(payload: Payload, series: Series, entry: Entry) -> Parsed:
    if payload.status == 404:
        if not is_due(series, entry.meeting, payload):
            return no_document()
        raise fail(payload, f"no page of the meeting of {entry.meeting}, though it is due", transient=True)
    require_status(payload)
    article = _article(payload, page_of(payload))
    statement = series.code == "statements"
    stated = _statement_time(payload, article, entry) if statement else _minutes_time(article, entry)
    title = tidy(" ".join(article.xpath("(.//h3 | .//h2 | .//h1)[1]//text()"))) or series.title
    text = _body(article)
    if len(text) < MIN_CHARS:
        raise fail(payload, f"hardly any text on the page ({len(text)} characters)", transient=True)
    facts = {
        "series_id": series.id,
        "event_date": entry.meeting,
        "document": f"{entry.named:%Y%m%d}",
        "title": title,
        "language": "en",
        "url": payload.request.url,
    }
    return one_document(facts, text, stated)


def _article(payload: Payload, page: Any) -> Any:
    """The part of a page that holds the document (minutes of 2008 to 2010 call it leftText)."""
    found = page.xpath("//*[@id='article']") or page.xpath("//*[@id='leftText']")
    if len(found) != 1:
        raise fail(payload, "not a document: no part of the page is called article or leftText", transient=True)
    return found[0]


def _class(name: str) -> str:
    """XPath condition: the element has this class."""
    return f"contains(concat(' ', normalize-space(@class), ' '), ' {name} ')"


def _body(article: Any) -> str:
    """The document's words without title block, share buttons and columns at the side; votes and footnotes stay."""
    unwanted = " or ".join([*(_class(c) for c in _FURNITURE.split()), "@id='lastUpdate'"])
    for part in article.xpath(f".//*[{unwanted}]"):
        part.drop_tree()
    columns = article.xpath(f"./div[{_class('col-sm-8')}]")
    return tidy("\n".join(plain(part) for part in columns or [article]))


def _statement_time(payload: Payload, article: Any, entry: Entry) -> datetime | None:
    """When a statement was released; None where a scheduled meeting's page says the day only: the rule knows the hour.

    The clock is New York's, whatever letters (EST, EDT) follow.
    """
    words = [" ".join(p.itertext()) for p in article.xpath(f".//p[{_class('article__time')}]")]
    day = day_in_words(words[0]) if words else None
    if day != entry.named:
        raise fail(
            payload, f"release day {tidy(words[0]) if words else 'missing'!r:.40}, its address says {entry.named}"
        )
    hour = _HOUR.search(" ".join(t for p in article.xpath(f".//p[{_class('releaseTime')}]") for t in p.itertext()))
    if hour is not None:
        return instant(day, time(int(hour[1]) % 12 + 12 * (hour[3].lower() == "p"), int(hour[2] or 0)), ZONE)
    return None if entry.scheduled and day == entry.meeting else instant(day, END_OF_DAY, ZONE)


def _minutes_time(article: Any, entry: Entry) -> datetime | None:
    """When minutes were released, as the list says or, failing that, the page; None where neither does."""
    said = re.search(r"\(Released ([^)]+)\)", " ".join(article.itertext()))
    day = entry.released or (day_in_words(said[1]) if said else None)
    return instant(day, MINUTES_HOUR, ZONE) if day else None
