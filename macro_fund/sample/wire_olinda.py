"""Banco Central do Brasil, Olinda: PTAX and Focus as OData JSON.

Belongs here: addresses, envelopes and errors of the services, PTAX, and the Focus sets of the next 12 and 24 months.
Does not belong here: the numbers (`catalogue`), the other Focus sets (`wire_focus_periods`), OData options (`odata`).
"""

from __future__ import annotations

import re
from functools import cache

import numpy as np

from macro_fund.sample import wire_focus_periods
from macro_fund.sample.grid import LAST
from macro_fund.sample.noise import Days, Floats, stream
from macro_fund.sample.odata import BadQuery, Entries, bounds, passes, select, terms_of
from macro_fund.sample.public import View, published, series_by_code
from macro_fund.sample.wire import Ask, day, json_reply, not_found
from macro_fund.sources.http import Reply

HOST = "olinda.bcb.gov.br"
PTAX = "CotacaoDolarPeriodo"
FOCUS = re.compile(r"ExpectativasMercadoInflacao(12|24)Meses")
_PATH = re.compile(r"/olinda/servico/(PTAX|Expectativas)/versao/v1/odata/(\w+)(\([^)]*\))?/?")
_FOCUS_FIELDS = ("Indicador", "Data", "Suavizada", "Media", "Mediana", "DesvioPadrao", "Minimo", "Maximo",
                 "numeroRespondentes", "baseCalculo")  # fmt: skip
# Answers of the last four days differ a little from those of the last 30 days.
_RECENT_DRIFT = 0.02


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
        if service == "Expectativas" and (rows := _expectations(view, ask, name)) is not None:
            return _envelope(service, name, rows)
    except BadQuery as error:
        return _error(400, str(error))
    return _error(404, f"Cannot find EntitySet, Singleton, ActionImport or FunctionImport with name '{name}'.")


def _envelope(service: str, name: str, rows: Entries) -> Reply:
    context = f"https://was-p.bcnet.bcb.gov.br/olinda/servico/{service}/versao/v1/odata$metadata#{name}"
    return json_reply({"@odata.context": context, "value": rows})


def _error(status: int, message: str) -> Reply:
    return json_reply({"error": {"code": None, "message": message}}, status)


def _ptax(view: View, ask: Ask) -> Entries:
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


def _expectations(view: View, ask: Ask, name: str) -> Entries | None:
    """Entries of one Focus set that pass $filter, ordered and cut as asked; None for a set that is not simulated."""
    horizon = FOCUS.fullmatch(name)
    fields = _FOCUS_FIELDS if horizon else wire_focus_periods.fields_of(name)
    if fields is None:
        return None
    terms = terms_of(ask, fields)
    first, last = bounds(terms)
    if horizon is None:
        return select(wire_focus_periods.entries(view, name, terms, first, last), terms, ask, fields)
    rows: Entries = []
    for (source, code), series in series_by_code().items():
        indicator, smooth, months = f"{code}:12".split(":")[:3] if source == "bcb_focus" else ("", "", "")
        if months == horizon[1] and passes(terms, "Indicador", indicator):
            days, medians = view.select(published(view.seed, series.id), first, last)
            for base in (0, 1):
                rows += _entries(view.seed, (indicator, smooth, months), base, days, medians)
    rows.sort(key=lambda r: str(r["Data"]))
    return select(rows, terms, ask, fields)


@cache
def _statistics(seed: int, kind: str) -> Floats:
    """Noise of each calendar day since 1970 for one kind of entry."""
    return stream(seed, f"focus statistics {kind}").standard_normal(int(LAST.astype(np.int64)) + 1)


def _entries(seed: int, which: tuple[str, str, str], base: int, days: Days, medians: Floats) -> Entries:
    """Entries of one (indicator, smoothing, months): the statistics follow from the median, so they move with it."""
    indicator, smooth, _ = which
    noise = _statistics(seed, f"{' '.join(which)}{base}")[days.astype(np.int64)]
    shifted = medians * (1 + (_RECENT_DRIFT * noise if base else 0.0))
    return [
        {
            "Indicador": indicator,
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
