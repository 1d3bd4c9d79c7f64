"""The morning pack: its parts, their order, and the reports that are made of the same parts.

Belongs here: the order of the parts and which of them each report has. Does not belong here: the parts (pack_*.py),
computing (the stages above) or layout (render.py, pdf.py). Every number carries the asset that it comes from.
Order: summary, then breaks and limits, P&L, markets, calendar, what changed, risk, proposals, book, lessons
(on the mornings that tell a week), narrative, actions.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date

from macro_fund.reports.blocks import Cell, Grid, Section, say
from macro_fund.reports.pack_calendar import Event, calendar
from macro_fund.reports.pack_events import Recorded, held_grid, recorded_grid
from macro_fund.reports.pack_markets import markets
from macro_fund.reports.pack_performance import performance_section
from macro_fund.reports.pack_profit import profit
from macro_fund.reports.pack_risk import risk_section
from macro_fund.reports.pack_status import actions, breaks
from macro_fund.reports.pack_summary import summary
from macro_fund.reports.pack_trades import book, proposals
from macro_fund.reports.pack_views import changes, narrative
from macro_fund.reports.reading import Reader
from macro_fund.reports.words import long_date

MORNING = "morning_pack"
DAILY = "daily_report"
WEEKLY = "weekly_digest"
PARTS = {
    DAILY: ("profit", "markets", "risk", "book", "breaks"),
    WEEKLY: ("profit", "markets", "changes", "calendar", "risk", "book", "lessons", "narrative"),
}
"""Parts of the reports that look back; the morning pack has all of them."""


@dataclass(frozen=True)
class Pack:
    """A session's report: its head, its sections, and its kind, which is the stem of its files."""

    session: date
    title: Cell
    watermark: str
    facts: Sequence[Cell]
    sections: Sequence[Section]
    kind: str = MORNING


def build_pack(
    read: Reader,
    session: date,
    *,
    fund: str,
    watermark: str,
    last_trade_date: date,
    events: Sequence[Event] = (),
    recorded: Recorded = (),
    held_back: str = "",
    lessons: Section | None = None,
) -> Pack:
    """The pack of `session` from tables as the fund knew them that morning.

    `read(table_key)` gives all rows with session <= `session`; `events`: what is published from this morning on;
    `recorded`: events of instruments, known that morning; `held_back`: trades that limits or breakers kept from being
    proposed, in words; `lessons`: on the morning that tells a week. Nothing is computed but differences and sums of
    what is shown.
    """
    parts = [
        breaks(read, session),
        _with_performance(profit(read, session), performance_section(read, session)),
        markets(read, session),
        _with_grid(calendar(read, session, events), recorded_grid(recorded, session)),
        changes(read, session),
        risk_section(read, session),
        proposals(read, session, held_back, unsigned=bool(watermark)),
        _with_grid(book(read, session), held_grid(recorded, read, session)),
        *([] if lessons is None else [lessons]),
        narrative(read, session),
        actions(read, session),
    ]
    title = say("title.morning_pack", fund=fund, day=long_date(session))
    facts = [say("fact.session", day=str(session)), say("fact.prices", day=str(last_trade_date))]
    return Pack(session, title, watermark, facts, [summary(parts, events), *parts])


def _with_grid(section: Section, grid: Grid) -> Section:
    return replace(section, grids=[*section.grids, grid])


def _with_performance(profit: Section, performance: Section) -> Section:
    """One part of the pack: the sums of BRL, and then what they are of the return."""
    return replace(
        profit,
        lines=[*profit.lines, *performance.lines],
        grids=[*profit.grids, *performance.grids],
        pictures=[*profit.pictures, *performance.pictures],
    )


def edition(pack: Pack, kind: str, fund: str, last_trade_date: date) -> Pack:
    """The daily report of the last close, or the digest of its week, out of the morning pack that knows it."""
    sections = {s.key: s for s in pack.sections}
    title = say(f"title.{kind}", fund=fund, day=long_date(last_trade_date))
    return replace(pack, title=title, kind=kind, sections=[sections[key] for key in PARTS[kind]])
