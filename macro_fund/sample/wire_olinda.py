"""Banco Central do Brasil, Olinda: PTAX and Focus as OData JSON.

Belongs here: the two entity sets that are simulated and the little of OData that they need. Does not belong here: the
numbers (`catalogue`).
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np

from macro_fund.sample.grid import LAST
from macro_fund.sample.noise import Days, Floats, stream
from macro_fund.sample.public import View, published
from macro_fund.sample.wire import ALWAYS, FOREVER, Ask, Day, day, json_reply, not_found
from macro_fund.sources.http import Reply

HOST = "olinda.bcb.gov.br"
PTAX = "CotacaoDolarPeriodo"
FOCUS = "ExpectativasMercadoInflacao12Meses"
_PATH = re.compile(r"/olinda/servico/(PTAX|Expectativas)/versao/v1/odata/(\w+)(\([^)]*\))?/?")
_TERM = re.compile(r"(\w+) (eq|ge|gt|le|lt) ('[^']*'|[^\s']+)")
_COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "eq": operator.eq, "ge": operator.ge, "gt": operator.gt, "le": operator.le, "lt": operator.lt,
}  # fmt: skip
_FOCUS_FIELDS = ("Indicador", "Data", "Suavizada", "Media", "Mediana", "DesvioPadrao", "Minimo", "Maximo",
                 "numeroRespondentes", "baseCalculo")  # fmt: skip
# Answers of the last four days differ a little from those of the last 30 days.
_RECENT_DRIFT = 0.02


class _BadQuery(ValueError):
    """An OData option that the provider refuses."""


def answer(view: View, ask: Ask) -> Reply:
    """PTAX or Focus entries; an unknown set is 404, a bad option 400, a window without data an empty list."""
    found = _PATH.fullmatch(ask.path)
    if found is None:
        return not_found()
    service, name = found[1], found[2]
    if "%24" in ask.raw_query:
        return _error(400, "The system query option is not valid")
    try:
        if (service, name) == ("PTAX", PTAX):
            return _envelope(service, "_" + name, _ptax(view, ask))
        if (service, name) == ("Expectativas", FOCUS):
            return _envelope(service, name, _focus(view, ask))
    except _BadQuery as error:
        return _error(400, str(error))
    return _error(404, f"Cannot find EntitySet, Singleton, ActionImport or FunctionImport with name '{name}'.")


def _envelope(service: str, name: str, rows: list[dict[str, Any]]) -> Reply:
    context = f"https://was-p.bcnet.bcb.gov.br/olinda/servico/{service}/versao/v1/odata$metadata#{name}"
    return json_reply({"@odata.context": context, "value": rows})


def _error(status: int, message: str) -> Reply:
    return json_reply({"error": {"code": None, "message": message}}, status)


def _ptax(view: View, ask: Ask) -> list[dict[str, Any]]:
    """Closing bulletins of the dollar; dates in another form than MM-DD-YYYY give none."""
    try:
        first, last = (day(ask.query.get(f"@{k}", ""), "%m-%d-%Y") for k in ("dataInicial", "dataFinalCotacao"))
    except ValueError:
        return []
    days, bid = view.select(published(view.seed, "br_usdbrl_ptax_bid"), first, last)
    _, ask_price = view.select(published(view.seed, "br_usdbrl_ptax_ask"), first, last)
    # A bulletin a little after 13:00, at its own second.
    moments = days.astype(np.int64) * 7919 % 420_000
    return [
        {
            "cotacaoCompra": round(b, 4),
            "cotacaoVenda": round(a, 4),
            "dataHoraCotacao": f"{d} 13:{3 + ms // 60_000:02d}:{ms // 1000 % 60:02d}.{ms % 1000:03d}",
        }
        for d, b, a, ms in zip(
            np.datetime_as_string(days), bid.tolist(), ask_price.tolist(), moments.tolist(), strict=True
        )
    ]


def _focus(view: View, ask: Ask) -> list[dict[str, Any]]:
    """Survey entries that pass $filter, ordered and cut as asked."""
    terms = _terms(ask.query.get("$filter", ""))
    first, last = _bounds(terms)
    rows: list[dict[str, Any]] = []
    for series_id, smooth in (("br_focus_ipca_12m_smooth", "S"), ("br_focus_ipca_12m", "N")):
        item = published(view.seed, series_id)
        days, medians = view.select(item, first, last)
        for base in (0, 1):
            rows += _entries(view.seed, smooth, base, days, medians)
    passed = [r for r in rows if all(_COMPARE[op](r[f], v) for f, op, v in terms)]
    field, _, direction = ask.query.get("$orderby", "Data asc").partition(" ")
    if field not in _FOCUS_FIELDS:
        raise _BadQuery(f"Could not find a property named '{field}'")
    passed.sort(key=lambda r: r[field], reverse=direction == "desc")
    skip, top = (_count(ask, k) for k in ("$skip", "$top"))
    return passed[skip or 0 :][:top]


@cache
def _statistics(seed: int, kind: str) -> Floats:
    """Noise of each calendar day since 1970 for one kind of entry."""
    return stream(seed, f"focus statistics {kind}").standard_normal(int(LAST.astype(np.int64)) + 1)


def _entries(seed: int, smooth: str, base: int, days: Days, medians: Floats) -> list[dict[str, Any]]:
    """Entries of one kind: the other statistics follow from the median, so that they move with it."""
    noise = _statistics(seed, f"{smooth}{base}")[days.astype(np.int64)]
    shifted = medians * (1 + (_RECENT_DRIFT * noise if base else 0.0))
    return [
        {
            "Indicador": "IPCA",
            "Data": d,
            "Suavizada": smooth,
            "Media": round(m * (1 + 0.004 * e), 4),
            "Mediana": round(m, 4),
            "DesvioPadrao": round(abs(m) * (0.08 + 0.01 * abs(e)), 4),
            "Minimo": round(m - abs(m) * (0.25 + 0.02 * abs(e)), 4),
            "Maximo": round(m + abs(m) * (0.30 + 0.02 * abs(e)), 4),
            "numeroRespondentes": (45 if base else 95) + int(5 * e),
            "baseCalculo": base,
        }
        for d, m, e in zip(np.datetime_as_string(days).tolist(), shifted.tolist(), noise.tolist(), strict=True)
    ]


def _terms(text: str) -> list[tuple[str, str, Any]]:
    """(field, comparison, value) of a $filter made of terms joined by `and`."""
    terms = []
    for part in re.split(r"\s+and\s+", text.strip()) if text.strip() else []:
        found = _TERM.fullmatch(part.strip())
        if found is None:
            raise _BadQuery("The filter expression is not valid")
        field, op, raw = found.groups()
        if field not in _FOCUS_FIELDS:
            raise _BadQuery(f"Could not find a property named '{field}'")
        try:
            value: Any = raw[1:-1] if raw.startswith("'") else float(raw)
        except ValueError:
            raise _BadQuery("The filter expression is not valid") from None
        terms.append((field, op, value))
    return terms


def _bounds(terms: list[tuple[str, str, Any]]) -> tuple[Day, Day]:
    """The widest days that the terms on Data allow."""
    first: Day = ALWAYS
    last: Day = FOREVER
    for field, op, value in terms:
        if field != "Data":
            continue
        try:
            bound = day(str(value), "%Y-%m-%d")
        except ValueError:
            raise _BadQuery("The filter expression is not valid") from None
        first = max(first, bound) if op in ("ge", "gt", "eq") else first
        last = min(last, bound) if op in ("le", "lt", "eq") else last
    return first, last


def _count(ask: Ask, option: str) -> int | None:
    text = ask.query.get(option)
    if text is None:
        return None
    if not text.isdigit():
        raise _BadQuery(f"{option} must be a whole number")
    return int(text)
