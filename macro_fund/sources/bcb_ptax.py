"""Banco Central do Brasil, PTAX: closing bulletin of the dollar, both sides in one request.

Belongs here: the PTAX address and how its bulletins are read. Does not belong here: publication times (config/series)
or which rows are new (`ingest`).

Dates in the address are MM-DD-YYYY; any other form is answered with an empty list. A holiday has no entry. Where a
bulletin says its kind (`tipoBoletim`) only the closing one counts.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date

from macro_fund.settings import Series, Source
from macro_fund.sources.decode import iso_or_none, observations
from macro_fund.sources.http import Parsed, Payload, Request
from macro_fund.sources.olinda import HOST, records
from macro_fund.sources.slices import by_days, hull

PROVIDER = "bcb_ptax"
URL = (
    HOST + "/PTAX/versao/v1/odata/CotacaoDolarPeriodo(dataInicial=@dataInicial,dataFinalCotacao=@dataFinalCotacao)"
    "?@dataInicial='{start:%m-%d-%Y}'&@dataFinalCotacao='{end:%m-%d-%Y}'&$format=json"
)
CLOSING = "Fechamento"
SIDES = ("cotacaoCompra", "cotacaoVenda")


def side_of(series: Series) -> str:
    """The field that a series' code 'USD:cotacaoVenda' names; ValueError for another currency or field."""
    currency, _, side = series.code.partition(":")
    if currency != "USD" or side not in SIDES:
        raise ValueError(
            f"{series.id}: code {series.code!r} is not served; use USD:cotacaoCompra or USD:cotacaoVenda in "
            "config/series/bcb_ptax.yaml"
        )
    return side


def plan(series: Sequence[Series], windows: Mapping[str, tuple[date, date]], policy: Source) -> list[Request]:
    """Requests for the days (inclusive) that any of the series needs; each answer serves all of them."""
    wanted = tuple(s.id for s in series if s.id in windows)
    if not wanted:
        return []
    return [
        Request(PROVIDER, "GET", URL.format(start=start, end=end), f"PTAX USD {start}..{end}", wanted)
        for start, end in by_days(hull([windows[i] for i in wanted]), policy.slice_days)
    ]


def parse(payload: Payload, series: Sequence[Series]) -> Parsed:
    """One row a day and side of the closing bulletin; a value that is not a number is rejected."""
    asked = [(s, side_of(s)) for s in series if s.id in payload.request.items]
    bulletins = [
        r
        for r in records(payload, ("dataHoraCotacao", *SIDES))
        if str(r.get("tipoBoletim", CLOSING)).startswith(CLOSING)
    ]
    return observations(
        ((s.id, iso_or_none(r["dataHoraCotacao"]), r[side]) for r in bulletins for s, side in asked), series
    )
