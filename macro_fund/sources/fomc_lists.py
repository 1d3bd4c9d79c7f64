"""The Federal Reserve's lists of meetings: which documents they link, of which meeting, released when.

Belongs here: the calendar page and the historical pages, read in the order of the page, so that only headings, the two
cells of a meeting's day and links matter, not the boxes around them. Does not belong here: a document's page (`fomc`).

Documents are never guessed from dates: a statement is a link with the text HTML or Statement to a press release of one
letter (notes on implementation have two characters, goals and principles another text), minutes a link to
fomcminutes. Unscheduled meetings, conference calls and votes between meetings have statements of their own.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any
from urllib.parse import urljoin

from lxml import html

from macro_fund.settings import Series
from macro_fund.sources.decode import RAW_CHARS, fail
from macro_fund.sources.messages import Parsed, Payload, Request
from macro_fund.sources.text import no_document, tidy

PROVIDER = "fomc"
CALENDAR = "https://www.federalreserve.gov/monetarypolicy/fomccalendars.htm"
ADDRESSES = {
    "statements": re.compile(
        r"https://www\.federalreserve\.gov/newsevents/press(?:releases/monetary|/monetary/)(\d{8})[a-z]\.htm$"
    ),
    "minutes": re.compile(r"https://www\.federalreserve\.gov/monetarypolicy/fomcminutes(\d{8})\.htm$"),
}
LINK_TEXTS = frozenset(("HTML", "Statement", "Minutes"))
# A statement may be released days after its meeting (2019: a week), minutes weeks after it.
LONGEST_DELAY, LONGEST_RELEASE = timedelta(days=31), timedelta(days=120)
# A meeting this old has its statement on the page.
SETTLED = timedelta(days=3)
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_DAYS = re.compile(
    r"([A-Za-z]{3,})\.?(?:\s*/\s*([A-Za-z]{3,})\.?)?\s+(\d{1,2})(?:\s*[-\u2013]\s*(?:([A-Za-z]{3,})\.?\s+)?(\d{1,2}))?"
)
_WORDS = re.compile(r"([A-Za-z]{3,})\.?\s+(\d{1,2}),?\s+(\d{4})")
_YEAR_HEADING = re.compile(r"(\d{4}) FOMC Meetings")
_MEETING_HEADING = re.compile(r"(.+?)\s*[-\u2013]\s*(\d{4})$")
_RELEASED = re.compile(r"\(Released ([^)]+)\)")
_UNSCHEDULED = re.compile(r"unscheduled|conference call|notation", re.I)
_LABEL = re.compile(
    r"FOMC \w+ (\d{8}), meeting of (\d{4}-\d\d-\d\d)( \(unscheduled\))?(?:, released (\d{4}-\d\d-\d\d))?$"
)


@dataclass(frozen=True)
class Entry:
    """One document of a list. meeting: its last day; named: the day in the address; released: as the list says."""

    meeting: date
    named: date
    scheduled: bool
    released: date | None

    @staticmethod
    def of(label: str) -> Entry | None:
        """The entry that a request's label tells of; None for a list."""
        found = _LABEL.match(label)
        if found is None:
            return None
        released = date.fromisoformat(found[4]) if found[4] else None
        return Entry(date.fromisoformat(found[2]), date.fromisoformat(found[1]), not found[3], released)

    def label(self, code: str) -> str:
        """The words for a request, from which `of` reads the entry back."""
        extra = "" if self.scheduled else " (unscheduled)"
        extra += f", released {self.released}" if self.released else ""
        return f"FOMC {code} {self.named:%Y%m%d}, meeting of {self.meeting}{extra}"


@dataclass(frozen=True)
class _Meeting:
    """A meeting as the page names it; day None where its name is not understood."""

    words: str
    day: date | None


def page_of(payload: Payload) -> Any:
    """The tree of a whole page; a cut or empty one is a transient error."""
    body = payload.body.strip()
    if not body:
        raise fail(payload, "empty answer", transient=True)
    if not body[-200:].lower().endswith(b"</html>"):
        raise fail(payload, "cut page: its end is missing", transient=True)
    return html.document_fromstring(body, parser=html.HTMLParser(encoding="utf-8"))


def follow_of(payload: Payload, year: int | None, series: Sequence[Series]) -> Parsed:
    """The documents that a list names. year: of a historical page; None for the calendar page, which has many."""
    page = page_of(payload)
    meetings, links = _walk(page, year)
    must = year or payload.fetched_at.year
    if must not in {m.day.year for m in meetings if m.day} and must not in _years(page):
        raise fail(payload, f"no meetings of {must} on the page", transient=True)
    follow: dict[tuple[str, str], tuple[str, date, Request]] = {}
    refused = []
    for meeting, url, link in links:
        for s in series:
            found = ADDRESSES[s.code].match(url)
            if found is None:
                continue
            entry, reason = _entry(s, meeting, found[1], link)
            if entry is None:
                refused.append((s.id, meeting.day, f"{meeting.words}: {url}"[:RAW_CHARS], reason))
            else:
                request = Request(PROVIDER, "GET", url, entry.label(s.code), (s.id,))
                follow.setdefault((s.id, url), (s.id, entry.meeting, request))
    past = [m for m in meetings if m.day and m.day < payload.fetched_at.date() - SETTLED]
    if past and not any(ADDRESSES["statements"].match(url) for _, url, _ in links):
        raise fail(payload, f"{len(past)} meetings and no statement linked: the page has another structure")
    return Parsed(no_document().rows, no_document(*refused).rejected, tuple(follow.values()))


def _entry(series: Series, meeting: _Meeting, digits: str, link: Any) -> tuple[Entry | None, str]:
    """(entry, '') or (None, why not) of one link."""
    try:
        named = date.fromisoformat(digits)
    except ValueError:
        return None, f"no day in the address: {digits}"
    if meeting.day is None:
        return None, "the meeting's day is not readable"
    if not timedelta(0) <= named - meeting.day <= LONGEST_DELAY:
        return None, f"listed under the meeting of {meeting.day}, but its address says {named}"
    released = _released(link) if series.code == "minutes" else None
    if released and not timedelta(0) < released - meeting.day <= LONGEST_RELEASE:
        return None, f"released {released}, which does not fit the meeting of {meeting.day}"
    return Entry(meeting.day, named, not _UNSCHEDULED.search(meeting.words), released), ""


def _walk(page: Any, year: int | None) -> tuple[list[_Meeting], list[tuple[_Meeting, str, Any]]]:
    """Meetings, and (meeting, address, element) of the links below them, in the order of the page."""
    meetings: list[_Meeting] = []
    links = []
    month = ""
    for part in page.iter("h4", "h5", "div", "a"):
        css = part.get("class") or ""
        if part.tag in ("h4", "h5"):
            words = tidy(part.text_content())
            heading, section = _MEETING_HEADING.match(words), _YEAR_HEADING.match(words)
            if heading:
                year = int(heading[2])
                meetings.append(_Meeting(words, last_day(year, heading[1])))
            elif section:
                year = int(section[1])
        elif "fomc-meeting__month" in css:
            month = tidy(part.text_content())
        elif "fomc-meeting__date" in css and year is not None:
            words = f"{month} {tidy(part.text_content())}"
            meetings.append(_Meeting(f"{words} - {year}", last_day(year, words)))
        elif part.tag == "a" and meetings and tidy(part.text_content()) in LINK_TEXTS:
            links.append((meetings[-1], urljoin(CALENDAR, part.get("href") or ""), part))
    return meetings, links


def _years(page: Any) -> Iterator[int]:
    """Years that have a section, be it empty."""
    return (int(f[1]) for h in page.iter("h4") if (f := _YEAR_HEADING.match(tidy(h.text_content()))))


def _released(link: Any) -> date | None:
    """The day in '(Released ...)' of the nearest of the two elements around a link that says it once."""
    for around in list(link.iterancestors())[:2]:
        said = _RELEASED.findall(tidy(around.text_content()))
        if said:
            return day_in_words(said[0]) if len(said) == 1 else None
    return None


def last_day(year: int, words: str) -> date | None:
    """Last day of 'January 26-27', 'Apr/May 30-1', 'July 31-August 1' or 'October 4 (unscheduled)'; None if not one."""
    found = _DAYS.match(words)
    if found is None:
        return None
    first, second, one, other, two = found.groups()
    month = _month((other or second or first) if two else first)
    if month and two and not (other or second) and int(two) < int(one):
        month += 1
    return _day(year, month, int(two or one))


def day_in_words(words: str) -> date | None:
    """The first day written like 'December 15, 2021' or 'Feb. 17, 2010'."""
    found = _WORDS.search(words)
    return _day(int(found[3]), _month(found[1]), int(found[2])) if found else None


def _month(name: str) -> int:
    """1 to 12, 0 for anything else."""
    short = name[:3].lower()
    return _MONTHS.index(short) + 1 if short in _MONTHS else 0


def _day(year: int, month: int, day: int) -> date | None:
    try:
        return date(year, month, day)
    except ValueError:
        return None
