"""ANBIMA zero curves (ETTJ): parameters of the nominal and the real Svensson curve, one form answer a bank day.

Belongs here: the form, how its text is read, and the proof that its published vertices follow from its parameters.
Does not belong here: curves of our own (`curves`), or which rows are new (`ingest`).

With t = business days / 252 (ANBIMA calendar) and L(x) = (1 - e^-x) / x, the effective annual rate, a decimal, is
b1 + b2 L(l1 t) + b3 (L(l1 t) - e^(-l1 t)) + b4 (L(l2 t) - e^(-l2 t)). ANBIMA prints rates in % with four decimals, cut
off and not rounded. Implied inflation is (1 + nominal) / (1 + real) - 1 of the rates as printed, cut off again.

The page has the last five business days; as for the bonds, only the newest bank days are asked (`anbima.ASKED_DAYS`).
An empty body is its answer for a day without a curve.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from functools import partial
from typing import NamedTuple

import numpy as np
import polars as pl
from numpy.typing import ArrayLike, NDArray

from macro_fund.settings import Series, Source
from macro_fund.sources.anbima import (
    FORM,
    SITE,
    count,
    newest_bank_days,
    number,
    plain,
    slashed_day,
    still_kept,
    wanted,
)
from macro_fund.sources.decode import RAW_CHARS, REJECTED, ROWS, fail, require_status, text_of
from macro_fund.sources.http import Parsed, Payload, Request
from macro_fund.sources.slices import hull

PROVIDER = "anbima_ettj"
DAILY_FILES = True
URL = SITE + "/est-termo/CZ-down.asp"
BODY = "Idioma=PT&Dt_Ref={day:%d/%m/%Y}&saida=csv"
CURVES = ("PREFIXADOS", "IPCA")
PARAMETERS = ("Beta 1", "Beta 2", "Beta 3", "Beta 4", "Lambda 1", "Lambda 2")
VERTICES = ("vertices", "ettj ipca", "ettj pref", "inflacao implicita")
YEAR_BD = 252.0
# Room for the last digit of our own arithmetic, in percent.
SLACK = 1e-9
_ASKED = re.compile(rb"Dt_Ref=([\d/]{10})&")


class Cells(NamedTuple):
    """The texts of one answer: a curve's parameters by its name, and the table of vertices."""

    parameters: dict[str, list[str]]
    vertices: list[list[str]]


def svensson(parameters: Sequence[float], business_days: ArrayLike) -> NDArray[np.float64]:
    """Effective annual rates (decimals, 252) of (b1, b2, b3, b4, l1, l2) at business days >= 1."""
    b1, b2, b3, b4, l1, l2 = parameters
    near, far = (np.asarray(business_days, dtype=np.float64) / YEAR_BD * decay for decay in (l1, l2))
    slope, hump = -np.expm1(-near) / near, -np.expm1(-far) / far
    return np.asarray(b1 + b2 * slope + b3 * (slope - np.exp(-near)) + b4 * (hump - np.exp(-far)))


def plan(series: Sequence[Series], windows: Mapping[str, tuple[date, date]], policy: Source) -> list[Request]:
    """One request for each of the newest bank days of the windows' hull; it serves all series (nothing to slice)."""
    ids = tuple(s.id for s in series if s.id in windows)
    if not ids:
        return []
    days = newest_bank_days(hull([windows[i] for i in ids]))
    return [
        Request(PROVIDER, "POST", URL, f"ANBIMA curves of {d}", ids, FORM, BODY.format(day=d).encode()) for d in days
    ]


def parse(payload: Payload, series: Sequence[Series]) -> Parsed:
    """The parameters of one day for the series of the request.

    A curve with an unreadable parameter is rejected whole. Raises SourceError for a day that must have curves and has
    none, a web page, a cut answer, other columns, curves of another day, or vertices that the parameters do not give.
    """
    require_status(payload)
    day = _day_asked(payload)
    if not payload.body.strip():
        if still_kept(payload, day):
            raise fail(payload, f"empty answer: no curve yet for {day}", transient=True)
        return _parsed([], [])
    cells = _cells(payload, day)
    read = {name: [number(text) for text in texts] for name, texts in cells.parameters.items()}
    curves = {n: [v for v, _ in found if v is not None] for n, found in read.items()}
    whole = {n: values for n, values in curves.items() if len(values) == len(PARAMETERS)}
    _verify(payload, cells.vertices, whole)
    rows: list[tuple[object, ...]] = []
    rejected: list[tuple[object, ...]] = []
    for code, one in wanted(payload, series).items():
        name, _, parameter = code.partition(":")
        at = PARAMETERS.index(parameter)
        if name in whole:
            rows.append((one.id, day, whole[name][at] * one.scale))
        else:
            bad = next(f"{p}: {why}" for p, (_, why) in zip(PARAMETERS, read[name], strict=True) if why)
            reason = f"the curve cannot be verified, {bad}"
            rejected.append((one.id, day, ";".join(cells.parameters[name])[:RAW_CHARS], reason))
    return _parsed(rows, rejected)


def _parsed(rows: Sequence[tuple[object, ...]], rejected: Sequence[tuple[object, ...]]) -> Parsed:
    return Parsed(pl.DataFrame(rows, ROWS, orient="row"), pl.DataFrame(rejected, REJECTED, orient="row"))


def _day_asked(payload: Payload) -> date:
    found = _ASKED.search(payload.request.body or b"")
    day = slashed_day(found[1].decode()) if found else None
    if day is None:
        raise ValueError(f"{payload.request.label}: no day in the form {payload.request.body!r}")
    return day


def _cells(payload: Payload, day: date) -> Cells:
    """Parameters and vertices as texts, after the checks of day, columns and wholeness."""
    text = text_of(payload, "latin-1")
    if not text.endswith("\n"):
        raise fail(payload, "cut answer: its last line is not complete", transient=True)
    lines = [line.rstrip("\r").split(";") for line in text.split("\n")]
    if tuple(name.strip() for name in lines[0][1:]) != PARAMETERS:
        raise fail(payload, f"columns {'; '.join(lines[0])[:80]!r} where {', '.join(PARAMETERS)} are expected")
    if slashed_day(lines[0][0]) != day:
        raise fail(payload, f"curves of {lines[0][0][:20]} where {day} was asked")
    parameters = {cells[0].strip(): cells[1:] for cells in lines[1:3]}
    if tuple(parameters) != CURVES or any(len(p) != len(PARAMETERS) for p in parameters.values()):
        raise fail(payload, f"lines {', '.join(parameters)[:60]!r} where {', '.join(CURVES)} are expected")
    at = next((i for i, cells in enumerate(lines) if tuple(map(plain, cells)) == VERTICES), None)
    if at is None:
        raise fail(payload, f"no table of {', '.join(VERTICES)} in the answer")
    table = lines[at + 1 :]
    table = table[: next(i for i, cells in enumerate(table) if len(cells) != len(VERTICES))]
    if not table:
        raise fail(payload, "cut answer: no vertex in the table", transient=True)
    return Cells(parameters, table)


def _verify(payload: Payload, vertices: Sequence[Sequence[str]], curves: Mapping[str, Sequence[float]]) -> None:
    """Refuse an answer whose vertices are not those of its parameters to the printed decimals."""
    remedy = "nothing of the day is kept; look at the page, and run the session again when it is right"
    days = np.array([count(cells[0]) or 0 for cells in vertices], dtype=np.float64)
    if (days < 1).any():
        raise fail(payload, "a vertex of the table is not a number of business days", remedy=remedy)
    rates: dict[int, Callable[[int], float]] = {3: lambda i: _implied(*vertices[i][1:3])}
    for column, name in ((1, "IPCA"), (2, "PREFIXADOS")):
        if name in curves:
            rates[column] = partial(_rate, curves[name], days)
    for column, rate in sorted(rates.items()):
        for i, cells in enumerate(vertices):
            printed = cells[column].strip()
            if printed and not _agrees(printed, rate(i)):
                said = f"{VERTICES[column]} of vertex {cells[0]} is {printed[:20]} where {rate(i):.6f} is right"
                raise fail(payload, said, remedy=remedy)


def _rate(parameters: Sequence[float], days: NDArray[np.float64], vertex: int) -> float:
    """The rate of a curve at a vertex, in %."""
    return float(100 * svensson(parameters, days[vertex]))


def _implied(real: str, nominal: str) -> float:
    """Implied inflation in % of two printed rates; NaN when one cannot be read."""
    low, high = number(real)[0], number(nominal)[0]
    return float("nan") if low is None or high is None else 100 * ((1 + high / 100) / (1 + low / 100) - 1)


def _agrees(printed: str, rate: float) -> bool:
    """Whether a rate in % is the printed one, cut off or rounded."""
    value, _ = number(printed)
    unit = 10.0 ** -len(printed.partition(",")[2])
    return value is not None and abs(value - rate) < unit + SLACK
