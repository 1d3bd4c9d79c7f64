"""Banco Central do Brasil, SGS: JSON lists of {data, valor}.

Belongs here: SGS addresses, limits and error bodies. Does not belong here: the numbers (`catalogue`).
"""

from __future__ import annotations

import re

import numpy as np

from macro_fund.sample.public import View, published, series_by_code, text
from macro_fund.sample.wire import ALWAYS, FOREVER, Ask, day, json_reply, not_found
from macro_fund.sources.http import Reply

HOST = "api.bcb.gov.br"
_PATH = re.compile(r"/dados/serie/bcdata\.sgs\.(\d+)/dados/?")
_TEN_YEARS = "O sistema aceita uma janela de consulta de, no máximo, 10 anos em séries de periodicidade diária"
_SYNTAX = "/dados/serie/bcdata.sgs.{codigo_serie}/dados?formato=json&dataInicial=dd/MM/aaaa&dataFinal=dd/MM/aaaa"
_TROUBLE = "br.gov.bcb.pec.sgs.comum.excecoes.SGSNegocioException: "


def answer(view: View, ask: Ask) -> Reply:
    """Values of one code in [dataInicial, dataFinal]; 404 for none, 406 for over ten years of a daily one."""
    found = _PATH.fullmatch(ask.path)
    if found is None:
        return not_found()
    series = series_by_code().get(("bcb_sgs", found[1]))
    if series is None:
        return _error(404, "Value(s) not found")
    try:
        first = day(ask.query["dataInicial"], "%d/%m/%Y") if "dataInicial" in ask.query else ALWAYS
        last = day(ask.query["dataFinal"], "%d/%m/%Y") if "dataFinal" in ask.query else FOREVER
    except ValueError:
        return _error(400, _TROUBLE + "Data inválida")
    if series.frequency == "D" and last > _ten_years_after(first):
        return json_reply({"error": _TEN_YEARS, "message": _TEN_YEARS, "syntax": _SYNTAX}, 406)
    item = published(view.seed, series.id)
    days, values = view.select(item, first, last)
    if not days.size:
        return _error(404, "Value(s) not found")
    rows = zip(np.datetime_as_string(days), values.tolist(), strict=True)
    return json_reply([{"data": f"{d[8:]}/{d[5:7]}/{d[:4]}", "valor": text(v, item.decimals)} for d, v in rows])


def _ten_years_after(first: np.datetime64) -> np.datetime64:
    """The same day of the month ten years later (29 February becomes 1 March)."""
    month = first.astype("datetime64[M]")
    return (month + 120).astype("datetime64[D]") + (first - month.astype("datetime64[D]"))


def _error(status: int, detail: str) -> Reply:
    return json_reply({"erro": {"statusCode": status, "detail": detail}}, status)
