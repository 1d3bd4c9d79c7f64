"""The pack's part on the calendar: what is published from this morning on, what is expected of it, and what is at risk.

Belongs here: which releases and meetings are headlines, and the rows that speak of them. Does not belong here: release
days (config/releases), forecasts (agents/) or layout.

A day that no list has is the publication rule's estimate and says so. A release that was put off at short notice stands
on the day on which it came.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

import polars as pl

from macro_fund.reports.blocks import Cell, Grid, Number, Section, heads, say
from macro_fund.reports.reading import Reader, at
from macro_fund.settings import Series
from macro_fund.time.publication import LISTED, knowledge
from macro_fund.time.releases import load_meetings
from macro_fund.time.zones import SAO_PAULO

HEADLINES = ("br_ipca_mom", "br_ibc_br_sa", "us_cpi_core", "us_payrolls", "us_gdp_nominal")
"""Series whose releases move the book's markets."""
COMMITTEES = {"copom": "copom_meetings", "fomc": "fomc_meetings"}
AHEAD = timedelta(days=10)
_LONGEST = timedelta(days=200)
_STEP = {"M": "1mo", "Q": "1q"}


@dataclass(frozen=True)
class Event:
    """A publication to come. time: UTC; of: the period or meeting that it speaks of; listed False: an estimated day."""

    key: str
    of: date
    time: datetime
    listed: bool = True

    @property
    def local(self) -> datetime:
        """In Sao Paulo."""
        return self.time.astimezone(SAO_PAULO)


def events_after(series: Iterable[Series], moment: datetime) -> list[Event]:
    """Headline releases and committee meetings of the ten days after `moment` (UTC), and the next COPOM, by time."""
    upto = moment + AHEAD
    releases = [e for s in series if s.id in HEADLINES for e in _releases(s, moment, upto)]
    meetings = [e for name, file in COMMITTEES.items() for e in _meetings(name, file) if e.time > moment]
    next_copom = min((e for e in meetings if e.key == "copom"), key=lambda e: e.time, default=None)
    found = [*releases, *(e for e in meetings if e.time <= upto or e is next_copom)]
    return sorted(found, key=lambda e: (e.time, e.key))


def _releases(series: Series, moment: datetime, upto: datetime) -> Iterator[Event]:
    days = pl.date_range(
        (moment - _LONGEST).date().replace(month=1, day=1), upto.date(), _STEP[series.frequency], eager=True
    )
    known = knowledge(days, series.publication, series.frequency)
    for day, time, basis in zip(days, known["knowledge_time"], known["knowledge_basis"], strict=True):
        if moment < time <= upto:
            yield Event(series.id, day, time, basis == LISTED)


def _meetings(name: str, file: str) -> Iterator[Event]:
    """Statements and minutes of scheduled meetings: nobody knows the others beforehand."""
    for meeting in load_meetings(file):
        if meeting.scheduled:
            yield Event(name, meeting.date, meeting.statement)
            if meeting.minutes is not None:
                yield Event(f"{name}_minutes", meeting.date, meeting.minutes)


def calendar(read: Reader, session: date, events: Sequence[Event]) -> Section:
    """Today's events and those of ten days with consensus, model and price, and the positions that they meet."""
    held = at(read("pms/positions"), session)
    rows: list[list[Cell]] = []
    for event in events:
        item, when = f"{event.key} {event.of}", f"{event.local:%Y-%m-%d %H:%M}"
        today: Cell = say("event.today") if event.local.date() == session else ""
        name = say(f"event.{event.key}")
        if not event.listed:
            name = say("event.estimated", event=name)
        rows.append(
            [when, today, name, f"{event.of:%Y-%m}", *_expected(read, session, event, item), *_at_risk(held, item)]
        )
    lines = [] if any(e.local.date() == session for e in events) else [say("event.none_today")]
    head = heads("when", "", "event", "period", "consensus", "nowcast", "priced", "rates_dv01", "currency", "equity")
    note = [say("event.no_consensus")] if any(e.key.startswith("us_") for e in events) else []
    return Section("calendar", say("section.calendar"), [*lines, *note], [Grid(head, rows, say("empty.events"))])


def _expected(read: Reader, session: date, event: Event, item: str) -> list[Cell]:
    """Consensus, model and price of the event, as far as anything has them."""
    found: dict[str, tuple[float | None, str]] = {}
    if event.key == "br_ipca_mom":
        found["consensus"] = _focus(read, session, "br_focus_ipca_month", f"{event.of:%Y-%m}")
        path = at(read("agents/inflation_path"), session).filter(pl.col("month") == event.of)
        found["nowcast"] = (_first(path, "rate"), "agents/inflation_path")
    if event.key == "copom":
        found["consensus"] = _focus(read, session, "br_focus_selic_meeting")
        path = at(read("agents/monetary_path"), session).filter(pl.col("meeting") == event.of)
        found["nowcast"] = (_first(path, "model_rate"), "agents/monetary_path")
        found["priced"] = (_first(path, "implied_rate"), "agents/monetary_path")
    return [
        Number(f"{item} {what}", found[what][0], "percent", found[what][1]) if what in found else ""
        for what in ("consensus", "nowcast", "priced")
    ]


def _focus(read: Reader, session: date, feature: str, reference: str | None = None) -> tuple[float | None, str]:
    """The survey's median of a period, or of the next meeting that is asked about."""
    rows = at(read("silver/focus"), session).filter(pl.col("feature_id") == feature).sort("horizon")
    wanted = rows.filter(pl.col("horizon") >= 0) if reference is None else rows.filter(pl.col("reference") == reference)
    return _first(wanted, "value"), "silver/focus"


def _first(frame: pl.DataFrame, column: str) -> float | None:
    return frame[column][0] if frame.height else None


def _at_risk(held: pl.DataFrame, item: str) -> list[Cell]:
    """What the fund holds when it comes: rates in BRL per basis point, currency and equity in BRL."""
    asset, delta = "pms/positions", held.group_by(pl.col("instrument").str.slice(0, 3), maintain_order=True)
    by_root = dict(delta.agg(pl.col("delta_brl").sum()).iter_rows())
    return [
        Number(f"{item} dv01", float(held["dv01_brl"].sum()), "brl", asset),
        Number(f"{item} currency", by_root.get("DOL", 0.0), "brl", asset),
        Number(f"{item} equity", by_root.get("IND", 0.0), "brl", asset),
    ]
