"""PTAX: addresses and answers as the provider writes them (typed in)."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime

import pytest

from macro_fund.settings import Source, default_settings
from macro_fund.sources import bcb_ptax
from macro_fund.sources.http import Payload, Request, SourceError

SERIES = default_settings().series_of("bcb_ptax")
IDS = tuple(s.id for s in SERIES)
POLICY = Source(min_interval_s=0, slice_days=3650)
SPAN = (date(2009, 1, 1), date(2019, 6, 30))


def answer(document: object, status: int = 200) -> Payload:
    body = document.encode() if isinstance(document, str) else json.dumps(document).encode()
    ask = Request("bcb_ptax", "GET", "https://olinda.bcb.gov.br/olinda/servico/PTAX", "PTAX USD", IDS)
    return Payload(ask, status, body, datetime(2022, 9, 13, tzinfo=UTC), "0" * 64)


def bulletin(bid: object, ask: object, moment: str, kind: str | None = None) -> dict[str, object]:
    more = {} if kind is None else {"tipoBoletim": kind}
    return {"cotacaoCompra": bid, "cotacaoVenda": ask, "dataHoraCotacao": moment, **more}


def test_a_published_sample_gives_both_sides() -> None:
    read = bcb_ptax.parse(answer({"value": [bulletin(5.1177, 5.1183, "2022-09-12 13:04:46.736")]}), SERIES)
    assert sorted(read.rows.rows()) == [
        ("br_usdbrl_ptax_ask", date(2022, 9, 12), 5.1183),
        ("br_usdbrl_ptax_bid", date(2022, 9, 12), 5.1177),
    ]


@pytest.mark.parametrize("closing", ["Fechamento", "Fechamento PTAX"])
def test_only_the_closing_bulletin_counts(closing: str) -> None:
    kinds = [("Abertura", 1.0), ("Intermediário", 2.0), (closing, 3.0)]
    value = [bulletin(x, x, f"2022-01-31 1{i}:00:00.0", k) for i, (k, x) in enumerate(kinds)]
    read = bcb_ptax.parse(answer({"value": value}), SERIES)
    assert read.rows["value"].to_list() == [3.0, 3.0]


def test_one_request_serves_both_series_with_dates_in_american_order() -> None:
    plan = bcb_ptax.plan(SERIES, {IDS[0]: SPAN, IDS[1]: (date(2010, 1, 1), date(2019, 7, 1))}, POLICY)
    assert [(r.items, r.label) for r in plan] == [
        (IDS, "PTAX USD 2009-01-01..2018-12-29"),
        (IDS, "PTAX USD 2018-12-30..2019-07-01"),
    ]
    assert plan[1].url == (
        "https://olinda.bcb.gov.br/olinda/servico/PTAX/versao/v1/odata/"
        "CotacaoDolarPeriodo(dataInicial=@dataInicial,dataFinalCotacao=@dataFinalCotacao)"
        "?@dataInicial='12-30-2018'&@dataFinalCotacao='07-01-2019'&$format=json"
    )


def test_only_the_series_that_need_something_are_asked() -> None:
    (request,) = bcb_ptax.plan(SERIES, {IDS[1]: (date(2019, 1, 1), date(2019, 1, 9))}, POLICY)
    assert request.items == (IDS[1],)
    assert bcb_ptax.plan(SERIES, {}, POLICY) == []


def test_a_holiday_is_no_entry_and_no_error() -> None:
    assert bcb_ptax.parse(answer({"value": []}), SERIES).rows.is_empty()


def test_a_side_that_is_no_number_is_rejected_and_the_other_kept() -> None:
    read = bcb_ptax.parse(answer({"value": [bulletin("NaN", 5.1183, "2022-09-12 13:04:46.736")]}), SERIES)
    assert read.rows["series_id"].to_list() == ["br_usdbrl_ptax_ask"]
    assert read.rejected.rows() == [("br_usdbrl_ptax_bid", date(2022, 9, 12), "NaN", "not a finite number: 'NaN'")]


@pytest.mark.parametrize(
    ("document", "status", "reason", "transient"),
    [
        ("<html><h1>Requisição inválida!</h1>", 200, "a web page instead of data", True),
        ("", 200, "empty answer", True),
        ('{"value":[{"cotacaoCompra":5.1', 200, "not complete JSON", True),
        ({"error": "x"}, 200, "no list named 'value'", False),
        ({"value": [{"cotacaoCompra": 5.1}]}, 200, "entries without cotacaoVenda, dataHoraCotacao", False),
        ("Not Acceptable", 406, "refused by the provider .status 406, body starts 'Not Acceptable'", False),
    ],
)
def test_what_is_not_data_is_refused(document: object, status: int, reason: str, transient: bool) -> None:
    with pytest.raises(SourceError, match=reason) as caught:
        bcb_ptax.parse(answer(document, status), SERIES)
    assert caught.value.transient is transient


@pytest.mark.parametrize("code", ["EUR:cotacaoVenda", "USD:paridadeVenda", "USD"])
def test_a_code_that_is_not_served_is_a_configuration_error(code: str) -> None:
    odd = SERIES[0].model_copy(update={"code": code})
    with pytest.raises(ValueError, match=r"use USD:cotacaoCompra or USD:cotacaoVenda in config/series/bcb_ptax.yaml"):
        bcb_ptax.side_of(odd)
