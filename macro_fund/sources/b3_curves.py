"""B3 reference rates (TaxaSwap): one file a session with some 116 curves, of which those of config/series are read.

Belongs here: the address of a session's file, its fixed-width lines, and the checks that one file allows. Does not
belong here: interpolation (`curves/`), or which points are new (`ingest`).

The archive's member is a self-extracting program with a zip at its end. A line has 72 characters since 2005 (65 in
2001, 67 in 2003, with other fields): [11:19] day, [21:26] curve, [41:46] calendar days, [46:51] business days, [51]
sign, [52:66] rate in % x 1e7, [66] F for a standard vertex or M for one that moves with the calendar.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from io import BytesIO
from typing import NamedTuple
from zipfile import ZipFile

import numpy as np
import polars as pl
from numpy.typing import NDArray

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
from macro_fund.sources.decode import RAW_CHARS, REJECTED, fail, reject_html, require_status
from macro_fund.sources.http import Parsed, Payload, Request
from macro_fund.time.sessions import Sessions

PROVIDER = "b3_curves"
# One file a session holds all series.
DAILY_FILES = True
URL = ADDRESS + "TS{day:%y%m%d}.ex_"
ROWS = pl.Schema(
    {
        "series_id": pl.String,
        "event_date": pl.Date,
        "calendar_days": pl.Int32,
        "business_days": pl.Int32,
        "rate": pl.Float64,
        "fixed_vertex": pl.Boolean,
    }
)
WIDTH = 72
CODE = slice(21, 26)
RATE_UNIT = 1e7
# DI x pre is in every file: without it the file is cut.
ALWAYS = "PRE"
# Vertices of a few days annualise one day's move: hundreds of percent are real there. From this many calendar days on
# no curve has had half of this rate, so above it the unit is another one.
LONG_DAYS, LONG_LIMIT = 30, 0.5
NO_DAYS, NO_RATE = "days not readable", "rate not readable"
Cells = NDArray[np.uint8]
Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]


def plan(
    series: Sequence[Series],
    windows: Mapping[str, tuple[date, date]],
    policy: Source,
    table: Sessions | None = None,
) -> list[Request]:
    """One request a B3 session of the windows' hull (inclusive, from the first session on); nothing to slice."""
    return one_a_session(PROVIDER, URL, "B3 reference rates of session {day}", series, windows, table)


def parse(payload: Payload, series: Sequence[Series]) -> Parsed:
    """Points of one session's curves (columns of ROWS), in the file's order; points that fail a check are rejected.

    No file on a day without session gives no rows, and neither does a curve that the file does not have. Raises
    SourceError for no file on a session, a web page, a broken zip, lines of another length, a file without PRE, of
    another day or in another unit.
    """
    require_status(payload)
    reject_html(payload)
    day = day_of(payload)
    text = _taxa_swap(payload)
    if text is None:
        refuse_missing(payload, day, "reference rates")
        return Parsed(pl.DataFrame(schema=ROWS), pl.DataFrame(schema=REJECTED))
    asked = [s for s in series if s.id in payload.request.items]
    wanted = {_code(s.code) for s in asked}
    lines = _lines(payload, text, {*wanted, _code(ALWAYS)})
    days = {line[11:19].decode("latin-1") for line in lines}
    refuse_other_days(payload, day, {f"{d[:4]}-{d[4:6]}-{d[6:]}" for d in days}, "curves")
    return _points(payload, day, [line for line in lines if line[CODE] in wanted], asked)


def _taxa_swap(payload: Payload) -> bytes | None:
    """TaxaSwap.txt; None for an empty archive, which is how B3 says that there is no file."""
    with complete_zips(payload):
        program = member(payload)
        if program is None:
            return None
        with ZipFile(BytesIO(program)) as inner:  # whatever stands before the zip is skipped
            texts = [n for n in inner.namelist() if n.lower().endswith(".txt")]
            if len(texts) != 1:
                raise fail(payload, f"no single text in the archive, but {inner.namelist()}")
            return inner.read(texts[0])


def _lines(payload: Payload, text: bytes, wanted: set[bytes]) -> list[bytes]:
    """The lines of the curves `wanted`, repetitions dropped: a few percent of the file."""
    lines = text.splitlines()
    lengths = {len(line) for line in lines if line.strip(b" \x1a")} - {WIDTH}
    if lengths:
        raise fail(payload, f"lines of {min(lengths)} characters where {WIDTH} are expected: another layout")
    # The record number in front does not make a line another one.
    kept = list({line[6:]: line for line in lines if line[CODE] in wanted}.values())
    if not any(line[CODE] == _code(ALWAYS) for line in kept):
        raise fail(payload, f"no curve {ALWAYS} in the file", transient=True)
    return kept


def _code(name: str) -> bytes:
    """A curve's code as it stands in a line."""
    return f"{name:<5}".encode()


class _Points(NamedTuple):
    """Columns of the lines; numbers that cannot be read are garbage and stand in `reasons`.

    which: position of the line's series among those asked for. reasons: (lines, what is wrong with them).
    """

    which: Ints
    calendar_days: Ints
    business_days: Ints
    rate: Floats
    fixed: Mask
    reasons: list[tuple[Mask, str]]


def _points(payload: Payload, day: date, lines: Sequence[bytes], asked: Sequence[Series]) -> Parsed:
    """Typed rows of the lines and the entries refused. asked: the series whose curves the lines are of."""
    points = _columns(lines, asked)
    _one_unit(payload, points, asked)
    bad = np.logical_or.reduce([mask for mask, _ in points.reasons])
    names = np.array([s.id for s in asked], dtype=object)[points.which]
    rows = pl.DataFrame(
        {
            "series_id": names.tolist(),
            "event_date": [day] * len(lines),
            "calendar_days": points.calendar_days,
            "business_days": points.business_days,
            "rate": points.rate,
            "fixed_vertex": points.fixed,
        },
        schema=ROWS,
    )
    refused = []
    for i in np.flatnonzero(bad).tolist():
        reason = next(text for mask, text in points.reasons if mask[i])
        item = names[i] if reason == NO_DAYS else f"{names[i]} {points.calendar_days[i]}"
        refused.append((item, day, lines[i].decode("latin-1")[:RAW_CHARS], reason))
    return Parsed(rows.filter(~bad) if refused else rows, pl.DataFrame(refused, REJECTED, orient="row"))


def _columns(lines: Sequence[bytes], asked: Sequence[Series]) -> _Points:
    """The fields of all lines at once, and what is wrong with each."""
    cells = np.frombuffer(b"".join(lines), np.uint8).reshape(len(lines), WIDTH)
    number = {_code(s.code): i for i, s in enumerate(asked)}
    which = np.array([number[line[CODE]] for line in lines], dtype=np.int64)
    calendar, is_calendar = _number(cells, 41, 46)
    business, is_business = _number(cells, 46, 51)
    units, is_units = _number(cells, 52, 66)
    signed, minus = np.isin(cells[:, 51], (ord("+"), ord("-"))), cells[:, 51] == ord("-")
    scale, low, high = (np.array(x)[which] for x in zip(*((s.scale, s.low, s.high) for s in asked), strict=True))
    rate = np.where(minus, -1, 1) * units / (RATE_UNIT / scale)
    days = is_calendar & is_business
    vertex = np.where(days, which * 10**5 + calendar, -1 - np.arange(len(lines)))
    _, place, times = np.unique(vertex, return_inverse=True, return_counts=True)
    reasons = [
        (~days, NO_DAYS),
        (~(is_units & signed), NO_RATE),
        (~np.isin(cells[:, 66], (ord("F"), ord("M"))), "neither a standard vertex (F) nor a moving one (M)"),
        ((calendar < 1) | (business > calendar), "more business days than calendar days, or no days"),
        (times[place] > 1, "several values for one vertex"),
        ((rate < low) | (rate > high), "rate outside the range of config/series: another unit?"),
        (
            (calendar >= LONG_DAYS) & (np.abs(rate) > LONG_LIMIT),
            f"over {LONG_LIMIT:.0%} for so many days: another unit?",
        ),
    ]
    return _Points(which, calendar, business, rate, cells[:, 66] == ord("F"), reasons)


def _number(cells: Cells, start: int, stop: int) -> tuple[Ints, Mask]:
    """(whole numbers of some columns, which of them are all digits)."""
    digits = cells[:, start:stop].astype(np.int64) - ord("0")
    whole: Mask = np.logical_and.reduce((digits >= 0) & (digits <= 9), axis=1)
    return digits @ 10 ** np.arange(stop - start - 1, -1, -1, dtype=np.int64), whole


def _one_unit(payload: Payload, points: _Points, asked: Sequence[Series]) -> None:
    """Refuse a file in which most far vertices of a curve are too high: all of it is in another unit."""
    unreadable = np.logical_or.reduce([mask for mask, reason in points.reasons if reason in (NO_DAYS, NO_RATE)])
    far = (points.calendar_days >= LONG_DAYS) & ~unreadable
    for i, s in enumerate(asked):
        mine = np.abs(points.rate[far & (points.which == i)])
        strange = int((mine > LONG_LIMIT).sum())
        if strange * 2 > mine.size:
            raise fail(payload, f"{strange} of {mine.size} rates of {s.code} are over {LONG_LIMIT:.0%}: another unit?")
