"""Federal Reserve, FOMC: calendar pages, historical pages, simulated statements and minutes.

Belongs here: the addresses and the HTML. Does not belong here: the words (`texts`).

As on the real site, the calendar page holds the year of the clock and the five before it, and the historical page of
a year exists once the calendar page has dropped it. Without a clock every page holds all it could.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from html import escape
from zoneinfo import ZoneInfo

from macro_fund.sample import texts, texts_en
from macro_fund.sample.grid import FIRST, LAST, to_date
from macro_fund.sample.public import Instants, View, instants
from macro_fund.sample.wire import MARK, Ask, not_found, reply
from macro_fund.settings import Publication
from macro_fund.sources.http import Reply

HOST = "www.federalreserve.gov"
NEW_YORK = "America/New_York"
STATEMENT_RELEASE = Publication(kind="same_day", at=time(14), tz=NEW_YORK, calendar="nyse")
MINUTES_RELEASE = Publication(kind="calendar_days", n=21, at=time(14), tz=NEW_YORK, calendar="nyse")
CALENDAR_YEARS = 6
POISONED = "POISON: this text cannot be read yet. " * 5
_CALENDAR = "/monetarypolicy/fomccalendars.htm"
_HISTORICAL = re.compile(r"/monetarypolicy/fomchistorical(\d{4})\.htm")
_DOCUMENT = re.compile(r"/(newsevents/pressreleases/monetary|monetarypolicy/fomcminutes)(\d{8})(a?)\.htm")
_FRAME = (
    '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8"><title>{title}</title></head><body>\n'
    '<ol class="breadcrumb"><li>Home</li></ol>\n<div id="content" class="container" role="main">'
    '<div id="article">{body}</div></div>\n<div id="lastUpdate">Last Update: {day}</div>\n</body></html>\n'
)


@cache
def released(seed: int) -> Mapping[str, Instants]:
    """Release times of statements and minutes, in the order of the meetings."""
    days = texts.meetings(seed, "fomc").days
    return {
        "statement": instants(days, STATEMENT_RELEASE, "E"),
        "minutes": instants(days, MINUTES_RELEASE, "E"),
    }


def answer(view: View, ask: Ask) -> Reply:
    """A page of the site; 404 for one that is not there, or not yet."""
    year, historical = _year(view), _HISTORICAL.fullmatch(ask.path)
    if ask.path == _CALENDAR:
        first, last = (_FIRST_YEAR, _LAST_YEAR) if year is None else (year - CALENDAR_YEARS + 1, year)
        panels = [_calendar_panel(view, y) for y in range(last, first - 1, -1)]
        return _page(f"Meeting calendars and information ({MARK})", "\n".join(panels), last)
    if historical:
        asked = int(historical[1])
        there = _FIRST_YEAR <= asked <= (_LAST_YEAR if year is None else year - CALENDAR_YEARS)
        return _page(f"FOMC {asked} ({MARK})", _historical_panels(view, asked), asked) if there else not_found()
    found = _DOCUMENT.fullmatch(ask.path)
    return not_found() if found is None else _document(view, found[2], "statement" if found[3] else "minutes")


_FIRST_YEAR, _LAST_YEAR = to_date(FIRST).year, to_date(LAST).year


def _year(view: View) -> int | None:
    """The clock's year in New York; None without a clock."""
    if view.now is None:
        return None
    moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=view.now)
    return moment.astimezone(ZoneInfo(NEW_YORK)).year


def _page(title: str, body: str, year: int) -> Reply:
    html = _FRAME.format(title=f"Federal Reserve Board - {title}", body=body, day=f"January 1, {year}")
    return reply(html, "text/html; charset=utf-8")


def _long(day: date) -> str:
    return f"{texts_en.MONTHS[day.month - 1]} {day.day}, {day.year}"


def _rows(view: View, year: int) -> Sequence[tuple[int, date]]:
    """(number, last day) of a year's meetings."""
    days = texts.meetings(view.seed, "fomc").days
    return [(k, to_date(d)) for k, d in enumerate(days) if to_date(d).year == year]


def _name(last: date) -> tuple[str, str]:
    """('January', '26-27') or ('Apr/May', '30-1')."""
    first = last - timedelta(days=1)
    month = texts_en.MONTHS[last.month - 1]
    if first.month != last.month:
        month = f"{texts_en.MONTHS[first.month - 1][:3]}/{month[:3]}"
    return month, f"{first.day}-{last.day}"


def _links(view: View, k: int, day: date, text: str) -> tuple[str, str]:
    """The links to a meeting's statement and minutes, '' while they are not public."""
    times = {kind: released(view.seed)[kind][k : k + 1] for kind in ("statement", "minutes")}
    statement = minutes = ""
    if view.shown(times["statement"])[0]:
        page = f"/newsevents/pressreleases/monetary{day:%Y%m%d}a"
        statement = (
            f'<strong>Statement:</strong><br><a href="/monetarypolicy/files/monetary{day:%Y%m%d}a1.pdf">PDF</a> | '
            f'<a href="{page}.htm">{text}</a><br><a href="{page}1.htm">Implementation Note</a>'
        )
    if view.shown(times["minutes"])[0]:
        out = to_date(times["minutes"].astype("datetime64[us]").astype("datetime64[D]")[0])
        minutes = (
            f'<strong>Minutes:</strong><br><a href="/monetarypolicy/fomcminutes{day:%Y%m%d}.htm">HTML</a>'
            f"<br>(Released {_long(out)})"
        )
    return statement, minutes


def _calendar_panel(view: View, year: int) -> str:
    rows = []
    for k, day in _rows(view, year):
        (month, days), (statement, minutes) = _name(day), _links(view, k, day, "HTML")
        rows.append(
            '<div class="row fomc-meeting">'
            f'<div class="fomc-meeting__month col-xs-5 col-sm-3"><strong>{month}</strong></div>'
            f'<div class="fomc-meeting__date col-xs-4 col-sm-9">{days}{"*" * (day.month % 3 == 0)}</div>'
            f'<div class="col-xs-12 col-md-4">{statement}</div>'
            f'<div class="col-xs-12 col-md-4 fomc-meeting__minutes">{minutes}</div></div>'
        )
    heading = f'<div class="panel-heading"><h4><a id="{year}">{year} FOMC Meetings</a></h4></div>'
    return f'<div class="panel panel-default">{heading}\n' + "\n".join(rows) + "</div>"


def _historical_panels(view: View, year: int) -> str:
    panels = []
    for k, day in _rows(view, year):
        (month, days), (statement, minutes) = _name(day), _links(view, k, day, "Statement")
        panels.append(
            f'<div class="panel panel-default"><div class="panel-heading"><h5>{month} {days} Meeting - {year}</h5>'
            f'</div><div class="row divided"><p>{statement}</p><p>{minutes}</p></div></div>'
        )
    return "\n".join(panels)


def _document(view: View, digits: str, kind: texts.Kind) -> Reply:
    days = texts.meetings(view.seed, "fomc").days
    where = {f"{to_date(d):%Y%m%d}": k for k, d in enumerate(days)}
    k = where.get(digits)
    if k is None or not view.shown(released(view.seed)[kind][k : k + 1])[0]:
        return not_found()
    moment = int(released(view.seed)[kind][k])
    hidden = view.poison_after is not None and moment > view.poison_after
    body = texts.compose(view.seed, "fomc", k, kind)
    sections = tuple((POISONED,) for _ in body) if hidden else body
    day = to_date(days[k])
    page = _statement(day, moment, sections[0]) if kind == "statement" else _minutes(day, sections)
    return _page(f"FOMC {kind} ({MARK})", page, day.year)


def _statement(day: date, moment: int, paragraphs: Sequence[str]) -> str:
    zone = (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=moment)).astimezone(ZoneInfo(NEW_YORK))
    inner = "\n".join(f"<p>{escape(p, quote=False)}</p>" for p in paragraphs)
    return (
        f'<div class="heading col-xs-12 col-sm-8 col-md-8"><p class="article__time">{_long(day)}</p>'
        f'<h3 class="title">{MARK}: Federal Reserve issues FOMC statement</h3>'
        f'<p class="releaseTime">For release at 2:00 p.m. {zone.tzname()}<ul class="list-unstyled"><li>Share</li></ul>'
        f'</div>\n<div class="col-xs-12 col-sm-4 col-md-4 hidden-sm"></div>\n'
        f'<div class="col-xs-12 col-sm-8 col-md-8">\n{inner}\n</div>'
    )


def _minutes(day: date, sections: Sequence[Sequence[str]]) -> str:
    lines = [f"<h3>{MARK}: Minutes of the Federal Open Market Committee</h3><p>{_long(day)}</p>"]
    for title, paragraphs in zip(texts_en.SECTIONS, sections, strict=True):
        lines.append(f"<p><strong>{title}</strong><br>")
        lines += [f"{escape(p, quote=False)}</p><p>" for p in paragraphs]
    return "\n".join(lines) + "</p>"
