"""Banco Central do Brasil, Focus survey: what is expected of a year, month, quarter or COPOM meeting, and the Top 5.

Belongs here: the entity sets, their addresses and how their entries are read. Does not belong here: the release on
Monday (config/series), which rows are new (`ingest`), or the next 12 and 24 months (`bcb_focus`).

Quirks of the provider: the monthly set's name is singular; a Top 5 entry has no base and no number of answers, but a
kind of ranking (`tipoCalculo` C, M or L: short, medium, long term); the Top 5 of the Selic writes its fields in lower
case, so the fields are read whatever their case, and the two sets of the Selic, which hold nothing else, are asked
without naming an indicator. Base 0 (answers of the last 30 days) is asked; base 1 would double the rows. Annual Selic
and exchange rate are of the year's end. In the address '$' must stay as it is and a space is %20.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any
from urllib.parse import quote

import polars as pl

from macro_fund.settings import Series, Source
from macro_fund.sources.decode import RAW_CHARS, REJECTED, fail, iso_or_none, number_or_reason
from macro_fund.sources.http import Parsed, Payload, Request
from macro_fund.sources.olinda import HOST, records
from macro_fund.sources.slices import by_years

PROVIDER = "bcb_focus_periods"
# A year of one indicator is about 6,000 entries of the monthly set, the largest, and 20,000 of a Top 5 one.
TOP = 100_000
URL = HOST + "/Expectativas/versao/v1/odata/{name}?$filter={terms}&$top={top}&$format=json"
LAST_30_DAYS = "0"
STATISTICS = {"mean": "media", "deviation": "desviopadrao", "minimum": "minimo", "maximum": "maximo"}
ROWS = pl.Schema(
    {
        "series_id": pl.String(),
        "event_date": pl.Date(),
        "reference": pl.String(),
        "median": pl.Float64(),
        **{name: pl.Float64() for name in STATISTICS},
        "respondents": pl.Int32(),
    }
)


@dataclass(frozen=True)
class EntitySet:
    """One set: its name, the field of the period and its form, and which fields it has beyond the statistics."""

    name: str
    period: str
    form: re.Pattern[str]
    written: str
    names_indicator: bool = True
    has_base: bool = True
    has_ranking: bool = False


_YEAR = re.compile(r"(?P<year>\d{4})")
_MONTH = re.compile(r"(?P<part>0[1-9]|1[0-2])/(?P<year>\d{4})")
_QUARTER = re.compile(r"(?P<part>[1-4])/(?P<year>\d{4})")
_MEETING = re.compile(r"R(?P<part>[1-9]\d?)/(?P<year>\d{4})")
_TOP5 = {"has_base": False, "has_ranking": True}
SETS: Mapping[str, EntitySet] = {
    "annual": EntitySet("ExpectativasMercadoAnuais", "datareferencia", _YEAR, "{year}"),
    "monthly": EntitySet("ExpectativaMercadoMensais", "datareferencia", _MONTH, "{year}-{part}"),
    "quarterly": EntitySet("ExpectativasMercadoTrimestrais", "datareferencia", _QUARTER, "{year}-Q{part}"),
    "selic": EntitySet("ExpectativasMercadoSelic", "reuniao", _MEETING, "{year}-R{part}", names_indicator=False),
    "top5_annual": EntitySet("ExpectativasMercadoTop5Anuais", "datareferencia", _YEAR, "{year}", **_TOP5),
    "top5_selic": EntitySet(
        "ExpectativasMercadoTop5Selic", "reuniao", _MEETING, "{year}-R{part}", names_indicator=False, **_TOP5
    ),
}


@dataclass(frozen=True)
class Code:
    """A series' code taken apart: 'annual:IPCA', or with its ranking 'top5_annual:IPCA:M'."""

    entity_set: EntitySet
    indicator: str
    ranking: str


def code_of(series: Series) -> Code:
    """The parts of a series' code; ValueError names the forms for another one."""
    kind, *rest = series.code.split(":")
    known = SETS.get(kind)
    if known is None or len(rest) != 1 + known.has_ranking or not rest[0] or rest[1:] not in ([], ["C"], ["M"], ["L"]):
        raise ValueError(
            f"{series.id}: code {series.code!r} must be SET:INDICATOR, a Top 5 one SET:INDICATOR:C, :M or :L, with SET "
            f"one of {', '.join(SETS)}, in config/series/{PROVIDER}.yaml"
        )
    return Code(known, rest[0], rest[1] if known.has_ranking else "")


def plan(series: Sequence[Series], windows: Mapping[str, tuple[date, date]], policy: Source) -> list[Request]:
    """One request a series and calendar year of survey days (inclusive)."""
    return [
        Request(
            PROVIDER,
            "GET",
            URL.format(name=code_of(s).entity_set.name, terms=_terms(code_of(s), start, end), top=TOP),
            f"Focus {s.code} {start}..{end}",
            (s.id,),
        )
        for s in series
        if s.id in windows
        for start, end in by_years(windows[s.id])
    ]


def _terms(code: Code, start: date, end: date) -> str:
    """The filter, encoded but for its quotes: indicator, survey days, base and ranking as far as the set has them."""
    terms = [f"Indicador eq '{code.indicator}'"] if code.entity_set.names_indicator else []
    terms += [f"Data ge '{start}'", f"Data le '{end}'"]
    terms += [f"baseCalculo eq {LAST_30_DAYS}"] if code.entity_set.has_base else []
    terms += [f"tipoCalculo eq '{code.ranking}'"] if code.ranking else []
    return quote(" and ".join(terms), safe="'")


def parse(payload: Payload, series: Sequence[Series]) -> Parsed:
    """One row a survey day and period; a statistic that is not there is null, a median that is not there is rejected.

    A period that cannot be read and a number that is no number are rejected with their entry.
    """
    (one,) = (s for s in series if s.id in payload.request.items)
    code = code_of(one)
    entries = [_lower(r) for r in records(payload, ())]
    if len(entries) >= TOP:
        raise fail(payload, f"{len(entries)} entries reach the limit of {TOP}: some may be missing")
    _require_fields(payload, entries, code.entity_set)
    rows: list[tuple[Any, ...]] = []
    rejected: list[tuple[str, date | None, str, str]] = []
    for entry in _asked(entries, code):
        day, period = iso_or_none(entry["data"]), _period(entry, code.entity_set)
        numbers, reason = _numbers(entry, one.scale)
        if day is None or period is None:
            reason = (
                "day not readable" if day is None else f"period not readable: {entry[code.entity_set.period]!r:.40}"
            )
        if reason:
            rejected.append((f"{one.id} {period}" if period else one.id, day, str(entry)[:RAW_CHARS], reason))
        else:
            rows.append((one.id, day, period, *numbers))
    return Parsed(pl.DataFrame(rows, ROWS, orient="row"), pl.DataFrame(rejected, REJECTED, orient="row"))


def _lower(record: Any) -> dict[str, Any]:
    return {str(k).lower(): v for k, v in record.items()} if isinstance(record, dict) else {}


def _require_fields(payload: Payload, entries: Sequence[Mapping[str, Any]], asked: EntitySet) -> None:
    wanted = {"indicador", "data", asked.period, "mediana", *STATISTICS.values()}
    wanted |= {"basecalculo", "numerorespondentes"} if asked.has_base else set()
    wanted |= {"tipocalculo"} if asked.has_ranking else set()
    if lacking := sorted({f for r in entries for f in wanted - r.keys()}):
        raise fail(payload, f"entries without {', '.join(lacking)}: the provider changed its fields")


def _asked(entries: Sequence[Mapping[str, Any]], code: Code) -> Iterator[Mapping[str, Any]]:
    """Entries of the code's indicator, base and ranking, should the provider answer with more."""
    for r in entries:
        base = str(r.get("basecalculo", LAST_30_DAYS))
        if r["indicador"] == code.indicator and base == LAST_30_DAYS and r.get("tipocalculo", "") == code.ranking:
            yield r


def _period(entry: Mapping[str, Any], asked: EntitySet) -> str | None:
    """'2026', '2026-03', '2026-Q2' or '2026-R1'; None when the provider writes something else."""
    found = asked.form.fullmatch(str(entry[asked.period]).strip())
    return asked.written.format(**found.groupdict()) if found else None


def _numbers(entry: Mapping[str, Any], scale: float) -> tuple[list[float | int | None], str]:
    """(median, the other statistics and the number of answers, '') or ([], which one cannot be read and why)."""
    numbers: list[float | int | None] = []
    for name, field in {"median": "mediana", **STATISTICS}.items():
        number, reason = _number(entry[field])
        if reason and (name == "median" or entry[field] is not None):
            return [], f"{name}: {reason}"
        numbers.append(None if number is None else number * scale)
    count, reason = _number(entry.get("numerorespondentes"))
    if reason and entry.get("numerorespondentes") is not None:
        return [], f"respondents: {reason}"
    return [*numbers, None if count is None else int(count)], ""


def _number(raw: object) -> tuple[float | None, str]:
    """number_or_reason, with a short way for what JSON gave as a number: there are a hundred thousand of them."""
    return (raw, "") if type(raw) is float and math.isfinite(raw) else number_or_reason(raw)
