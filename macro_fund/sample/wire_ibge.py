"""IBGE aggregates, API v3: one variable of one table as nested JSON.

Belongs here: addresses, the limit on values, missing marks and error bodies. Does not belong here: the numbers
(`paths_ibge`, `catalogue`).
"""

from __future__ import annotations

import re
from datetime import date
from functools import cache
from typing import Any

import numpy as np

from macro_fund.sample import paths_ibge
from macro_fund.sample.grid import FIRST, grid
from macro_fund.sample.noise import Days
from macro_fund.sample.public import Instants, Published, View, instants, published, text
from macro_fund.sample.wire import ALWAYS, FOREVER, Ask, Day, json_reply
from macro_fund.sample.world import load_world
from macro_fund.settings import Publication, Series, default_settings
from macro_fund.sources.http import Reply

HOST = "servicodados.ibge.gov.br"
LIMIT = 50_000
NOT_AVAILABLE = "..."
_PATH = re.compile(r"/api/v3/agregados/(\d+)/periodos/(\d{6})(?:-(\d{6}))?/variaveis/(\d+)")
_CLASSES = re.compile(r"(\d+)\[([\d,]+|all)\]")
_UNITS = {"thousand": "Mil pessoas", "BRL": "Reais", "BRL mn": "Milhões de Reais"}
# First and last month of the tables that split a history.
_SPANS = {"1419": ("201201", "201912"), "1705": ("201202", "202001"), "7060": ("202001", ""), "7062": ("202002", "")}


def answer(view: View, ask: Ask) -> Reply:
    """The categories asked of one variable; 400 for what does not exist, or for more than 50,000 values."""
    found = _PATH.fullmatch(ask.path)
    if found is None:
        return _error("Recurso não encontrado", 404)
    if not re.match(r"N1\[(all|1)\]|BR", ask.query.get("localidades", "")):
        return _error("O parâmetro localidades é obrigatório")
    table, first, last, variable = found[1], found[2], found[3] or found[2], found[4]
    there = _subjects().get((table, variable))
    if there is None:
        return _error(f"Tabela {table}, variável {variable}: inexistente ou sem dados")
    chosen = _chosen(there, dict(_CLASSES.findall(ask.query.get("classificacao", ""))))
    if not chosen:
        return _error("Parâmetro inválido: classificação ou categoria inexistente")
    low, high = _SPANS.get(table, (first, last))
    lines = [_values(view, s, max(first, low), min(last, high or last)) for _, s in chosen]
    periods = sorted({p for line in lines for p in line})
    if len(periods) * len(chosen) > LIMIT:
        asked = len(periods) * len(chosen)
        return _error(f"Quantidade de valores solicitados: {asked} excedeu o limite: {LIMIT}")
    if not periods:
        return json_reply([])
    results = [_result(pairs, s, line, periods) for (pairs, s), line in zip(chosen, lines, strict=True)]
    one = chosen[0][1]
    return json_reply(
        [{"id": variable, "variavel": one.title.split(" | ")[0], "unidade": _unit(one), "resultados": results}]
    )


Pairs = tuple[tuple[str, str], ...]


@cache
def _subjects() -> dict[tuple[str, str], list[tuple[Pairs, Series]]]:
    """The series of config/series by (table, variable), with their (classification, category) pairs."""
    found: dict[tuple[str, str], list[tuple[Pairs, Series]]] = {}
    for s in default_settings().series_of("ibge"):
        tables, variable, *rest = s.code.split("/")
        pairs = tuple(re.findall(r"(\d+)\[(\d+)\]", "".join(rest)))
        for table in tables.split("|"):
            found.setdefault((table, variable), []).append((pairs, s))
    return found


def _chosen(there: list[tuple[Pairs, Series]], classes: dict[str, str]) -> list[tuple[Pairs, Series]]:
    """The categories that the question names; none when it names a classification that the table has not."""

    def named(pairs: Pairs) -> bool:
        known = dict(pairs)
        return classes.keys() == known.keys() and all(
            spec == "all" or known[c] in spec.split(",") for c, spec in classes.items()
        )

    return [(pairs, s) for pairs, s in there if named(pairs)]


def _values(view: View, series: Series, first: str, last: str) -> dict[str, str]:
    """Public values by period code from first to last."""
    item = _published(view.seed, series.id)
    days, numbers = view.select(item, _start(first, series.frequency, ALWAYS), _start(last, series.frequency, FOREVER))
    months = days.astype("datetime64[M]").astype(np.int64)
    year, part = months // 12 + 1970, months % 12 // (3 if series.frequency == "Q" else 1) + 1
    texts = [text(v, item.decimals) or NOT_AVAILABLE for v in numbers.tolist()]
    return {f"{y}{n:02d}": v for y, n, v in zip(year.tolist(), part.tolist(), texts, strict=True)}


def _start(code: str, frequency: str, otherwise: Day) -> Day:
    """First day of a period code; `otherwise` for one that is none."""
    part = int(code[4:]) if frequency == "M" else 3 * int(code[4:]) - 2
    return np.datetime64(f"{code[:4]}-{part:02d}-01", "D") if 1 <= part <= 12 else otherwise


@cache
def _published(seed: int, series_id: str) -> Published:
    """A series with its times; consumer prices have their own paths."""
    series = next(s for s in default_settings().series_of("ibge") if s.id == series_id)
    if not paths_ibge.is_price(series):
        return published(seed, series_id)
    days, known = _calendar(series.start, series.publication)
    at = np.searchsorted(load_world(seed).macro.months, days)
    return Published(series, paths_ibge.decimals(series), days, paths_ibge.values(seed, series)[at], known, known)


@cache
def _calendar(start: date, rule: Publication) -> tuple[Days, Instants]:
    """Months from `start` on and their knowledge times: many series share them."""
    months = grid().months
    days = months[months >= max(FIRST, np.datetime64(start, "D"))]
    return days, instants(days, rule, "M")


def _result(pairs: Pairs, series: Series, line: dict[str, str], periods: list[str]) -> dict[str, Any]:
    names = series.title.partition(" | ")[2].split(" / ")
    classes = [
        {"id": c, "nome": f"Classificação {c}", "categoria": {k: name}}
        for (c, k), name in zip(pairs, names * len(pairs), strict=False)
    ]
    place = {"id": "1", "nível": {"id": "N1", "nome": "Brasil"}, "nome": "Brasil"}
    serie = {p: line.get(p, NOT_AVAILABLE) for p in periods}
    return {"classificacoes": classes, "series": [{"localidade": place, "serie": serie}]}


def _unit(series: Series) -> str:
    """IBGE's word for the unit."""
    if series.scale != 1.0:
        return "%"
    fits = [u for u in _UNITS if series.unit.startswith(u)]
    return _UNITS[max(fits, key=len)] if fits else "Número-índice"


def _error(message: str, status: int = 400) -> Reply:
    return json_reply({"statusCode": status, "message": message}, status)
