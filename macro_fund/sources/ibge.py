"""IBGE's aggregates (SIDRA tables, API v3): prices, production, retail, services, labour and GDP of Brazil.

Belongs here: addresses, the limit on values, period codes and how an answer is read and compared with the catalogue.
Does not belong here: publication lags (config/series) or which rows are new (`ingest`).

A series' code is `table/variable` or `table/variable/classification[category]`; several classifications are joined by
'|'. A concept that moved to a new table names both, oldest first: `1419|7060/63/315[7170]`. The tables of such a pair
do not overlap (TABLE_SPANS), so that each month has one source.

Series of one table, variable and classification share a request; more than one category is asked as `all`. The
provider answers 50,000 values at most. A code that does not exist is refused with 400 or, at times, 500; a category
left out of an answer to `all` shows as a series without values. Quarters are written YYYY01 to YYYY04, a moving
quarter by its last month.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import polars as pl

from macro_fund.settings import Series, Source
from macro_fund.sources.decode import REJECTED, fail, json_of, observations, require_status
from macro_fund.sources.http import Parsed, Payload, Request
from macro_fund.sources.slices import Days, hull

PROVIDER = "ibge"
URL = (
    "https://servicodados.ibge.gov.br/api/v3/agregados/{table}/periodos/{periods}/variaveis/{variable}"
    "?localidades=N1[all]{classes}"
)
LIMIT = 50_000
# An upper bound of the categories that `all` stands for: the largest classification, that of the IPCA, has about 460.
ALL_CATEGORIES = 500
BRAZIL = "1"
# IBGE's legend: none (-), not applicable (..), not available (...), withheld (X). None of them is a number.
MISSING = ("-", "..", "...", "X")
# First and last month of the tables that hold a basket of the IPCA or IPCA-15 until the next one takes over.
TABLE_SPANS: Mapping[str, tuple[date, date]] = {
    "1419": (date(2012, 1, 1), date(2019, 12, 31)),
    "7060": (date(2020, 1, 1), date.max),
    "1705": (date(2012, 2, 1), date(2020, 1, 31)),
    "7062": (date(2020, 2, 1), date.max),
}
# The provider's word for each of our units; the longest beginning that fits counts.
UNITS = {
    "decimal": "%",
    "index": "Número-índice",
    "thousand people": "Mil pessoas",
    "BRL mn": "Milhões de Reais",
    "BRL": "Reais",
}
# A series whose notes say so is compared by ids and unit only.
NAME_NOT_VERIFIED = "name not verified"
CONFIG = "compare with https://sidra.ibge.gov.br/tabela/{table} and correct config/series/ibge.yaml"
_CODE = re.compile(r"(\d+(?:\|\d+)*)/(\d+)(?:/(\d+\[\d+\](?:\|\d+\[\d+\])*))?")
_PERIODS = re.compile(r"/agregados/(\d+)/periodos/(\d{6})(?:-(\d{6}))?/variaveis/(\d+)")

Categories = frozenset[tuple[str, str]]


@dataclass(frozen=True)
class Key:
    """A code taken apart. `categories` are (classification, category) pairs in the code's order."""

    tables: tuple[str, ...]
    variable: str
    categories: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class _Result:
    """One category's values by period code. `name` of its categories, joined by ' / '."""

    categories: Categories
    name: str
    values: Mapping[str, object]


def key_of(series: Series) -> Key:
    """The series' code taken apart; ValueError for one that is not of the form."""
    found = _CODE.fullmatch(series.code)
    if found is None:
        raise ValueError(f"{series.id}: code {series.code!r} is not table/variable[/classification[category]]")
    pairs = re.findall(r"(\d+)\[(\d+)\]", found[3] or "")
    return Key(tuple(found[1].split("|")), found[2], tuple((str(c), str(k)) for c, k in pairs))


def plan(series: Sequence[Series], windows: Mapping[str, Days], policy: Source) -> list[Request]:
    """One request a table, variable and set of classifications, sliced by LIMIT (the policy has nothing to slice)."""
    subjects: dict[tuple[str, str, tuple[str, ...], str], list[tuple[Series, Key, Days]]] = {}
    for s in series:
        if s.id not in windows:
            continue
        key = key_of(s)
        for table in key.tables:
            span = TABLE_SPANS.get(table, (date.min, date.max))
            window = max(windows[s.id][0], span[0]), min(windows[s.id][1], span[1])
            if window[0] <= window[1]:
                subject = (table, key.variable, tuple(c for c, _ in key.categories), s.frequency)
                subjects.setdefault(subject, []).append((s, key, window))
    return [r for (table, variable, _, freq), members in subjects.items() for r in _ask(table, variable, freq, members)]


def _ask(table: str, variable: str, frequency: str, members: list[tuple[Series, Key, Days]]) -> Iterator[Request]:
    """The requests of one subject, oldest periods first."""
    wanted: dict[str, set[str]] = {}
    for _, key, _ in members:
        for classification, category in key.categories:
            wanted.setdefault(classification, set()).add(category)
    count, parts = 1, []
    for classification, categories in wanted.items():
        one = len(categories) == 1
        count *= 1 if one else ALL_CATEGORIES
        parts.append(f"{classification}[{next(iter(categories)) if one else 'all'}]")
    classes = f"&classificacao={'|'.join(parts)}" if parts else ""
    codes = _codes(hull([window for _, _, window in members]), frequency)
    size = LIMIT // count
    for at in range(0, len(codes), size):
        piece = codes[at : at + size]
        periods = piece[0] if len(piece) == 1 else f"{piece[0]}-{piece[-1]}"
        url = URL.format(table=table, periods=periods, variable=variable, classes=classes)
        label = f"IBGE table {table} variable {variable} {periods}"
        yield Request(PROVIDER, "GET", url, label, tuple(s.id for s, _, _ in members))


def _codes(window: Days, frequency: str) -> list[str]:
    """Period codes of the months or quarters that the window touches."""
    step = {"M": 1, "Q": 3}[frequency]
    first, last = ((d.year * 12 + d.month - 1) // step for d in window)
    a_year = 12 // step
    return [f"{n // a_year:04d}{n % a_year + 1:02d}" for n in range(first, last + 1)]


def parse(payload: Payload, series: Sequence[Series]) -> Parsed:
    """Rows of one answer; an empty list is no data for the periods. A missing mark is no row.

    Raises SourceError for a refusal (the provider's words are in it), a web page, a cut body, another shape, variable,
    unit, place or period than asked, or an answer without any of the categories. A category under another name than
    the title's is rejected and the others are read.
    """
    require_status(payload)
    asked = {frozenset(key_of(s).categories): s for s in series if s.id in payload.request.items}
    block = _block(payload)
    if block is None:
        return observations([], [])
    results = [_result(payload, r) for r in block["resultados"]]
    found = [(asked[r.categories], r) for r in results if r.categories in asked]
    if not found:
        raise _other(payload, f"{len(results)} categories, none of those asked")
    _same_variable(payload, block, [s for s, _ in found])
    _same_periods(payload, [r for _, r in found])
    strange = [(s, r) for s, r in found if _renamed(s, r.name)]
    parsed = observations(
        (
            (s.id, day_of(code, s.frequency), value)
            for s, r in found
            if (s, r) not in strange
            for code, value in r.values.items()
        ),
        [s for s, _ in found],
        MISSING,
    )
    refused = [(s.id, None, r.name, f"the category is called so where the title says {s.title!r}") for s, r in strange]
    return Parsed(parsed.rows, pl.concat([parsed.rejected, pl.DataFrame(refused, REJECTED, orient="row")]))


def day_of(code: str, frequency: str) -> date | None:
    """First day of the month YYYYMM or quarter YYYY01..YYYY04; None when it is neither."""
    number = int(code[4:]) if re.fullmatch(r"\d{6}", code) else 0
    if not 1 <= number <= {"M": 12, "Q": 4}[frequency] or code[:4] == "0000":
        return None
    return date(int(code[:4]), number if frequency == "M" else 3 * number - 2, 1)


def _block(payload: Payload) -> dict[str, Any] | None:
    """The one variable of the answer, None when the answer is an empty list."""
    document = json_of(payload)
    if document == []:
        return None
    keys = {"id", "variavel", "unidade", "resultados"}
    if not isinstance(document, list) or not all(isinstance(b, dict) and keys <= b.keys() for b in document):
        raise _other(payload, "not a list of {id, variavel, unidade, resultados}")
    if len(document) != 1 or not isinstance(document[0]["resultados"], list):
        raise _other(payload, f"{len(document)} variables where one was asked")
    block: dict[str, Any] = document[0]
    return block


def _result(payload: Payload, result: Any) -> _Result:
    """One entry of `resultados`; it must describe Brazil as a whole."""
    try:
        pairs = [(str(c["id"]), *next(iter(c["categoria"].items()))) for c in result["classificacoes"]]
        places = [str(s["localidade"]["id"]) for s in result["series"]]
        values = dict(result["series"][0]["serie"])
    except (KeyError, TypeError, AttributeError, IndexError, StopIteration, ValueError):
        raise _other(payload, "a result without classificacoes, localidade and serie") from None
    if places != [BRAZIL]:
        raise _other(payload, f"values of place {', '.join(places)!r:.40} where Brazil ({BRAZIL}) was asked")
    return _Result(frozenset((c, str(k)) for c, k, _ in pairs), " / ".join(str(n) for *_, n in pairs), values)


def _same_variable(payload: Payload, block: Mapping[str, Any], series: Sequence[Series]) -> None:
    """Refuse another variable or unit than the catalogue's."""
    _, _, _, variable = _address(payload)
    if str(block["id"]) != variable:
        raise _other(payload, f"variable {block['id']} ({block['variavel']}) where {variable} was asked")
    for s in series:
        unit = UNITS[max((u for u in UNITS if s.unit.startswith(u)), key=len)]
        if _plain(block["unidade"]) != _plain(unit):
            raise _other(payload, f"unit {block['unidade']!r} where {s.id} is in {unit!r}")
        name = s.title.split(" | ")[0]
        if NAME_NOT_VERIFIED not in s.notes and _plain(block["variavel"]) != _plain(name):
            raise _other(payload, f"variable {variable} is called {block['variavel']!r} where {s.id} says {name!r}")


def _same_periods(payload: Payload, results: Sequence[_Result]) -> None:
    """Refuse values of periods that were not asked: the answer to another question."""
    _, first, last, _ = _address(payload)
    strange = sorted({p for r in results for p in r.values if not first <= p <= last})
    if strange:
        raise _other(payload, f"periods {', '.join(strange[:3])} where {first} to {last} were asked")


def _renamed(series: Series, name: str) -> bool:
    """Whether the category bears another name than the title's part after ' | '."""
    _, _, expected = series.title.partition(" | ")
    return bool(expected) and NAME_NOT_VERIFIED not in series.notes and _plain(expected) != _plain(name)


def _address(payload: Payload) -> tuple[str, str, str, str]:
    """(table, first period, last period, variable) that the request asks for."""
    found = _PERIODS.search(payload.request.url)
    if found is None:
        raise ValueError(f"{payload.request.label}: not an address of this connector: {payload.request.url}")
    return found[1], found[2], found[3] or found[2], found[4]


def _other(payload: Payload, reason: str) -> Exception:
    return fail(payload, reason, remedy=CONFIG.format(table=_address(payload)[0]))


def _plain(text: object) -> str:
    """Text without accents, case, punctuation and double spaces, in which the provider's spelling varies."""
    bare = unicodedata.normalize("NFKD", str(text)).encode("ascii", "ignore").decode().casefold()
    return re.sub(r"[^a-z0-9%]+", " ", bare).strip()
