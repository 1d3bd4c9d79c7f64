"""Focus: addresses and answers as the provider writes them (typed in)."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime

import pytest

from macro_fund.settings import Source, default_settings
from macro_fund.sources import bcb_focus
from macro_fund.sources.http import Payload, Request, SourceError

SERIES = default_settings().series_of("bcb_focus")
IDS = ("br_focus_ipca_12m_smooth", "br_focus_ipca_12m")
FURTHER = ("br_focus_ipca_24m_smooth", "br_focus_ipca_24m")
POLICY = Source(min_interval_s=0, slice_days=366)


def answer(document: object, items: tuple[str, ...] = IDS, status: int = 200) -> Payload:
    body = document.encode() if isinstance(document, str) else json.dumps(document).encode()
    ask = Request("bcb_focus", "GET", "https://olinda.bcb.gov.br/olinda/servico/Expectativas", "Focus IPCA", items)
    return Payload(ask, status, body, datetime(2023, 7, 10, tzinfo=UTC), "0" * 64)


def entry(day: str, smoothed: str, base: object, median: object) -> dict[str, object]:
    statistics = {"Media": 4.1, "Mediana": median, "DesvioPadrao": 0.35, "Minimo": 3.1, "Maximo": 5.2}
    names = {"Indicador": "IPCA", "Data": day, "Suavizada": smoothed}
    return {**names, **statistics, "numeroRespondentes": 119, "baseCalculo": base}


FOUR = [
    entry("2023-07-07", "S", 0, 4.19),
    entry("2023-07-07", "S", 1, 4.11),
    entry("2023-07-07", "N", 0, 3.9),
    entry("2023-07-07", "N", 1, 3.85),
]


def test_the_four_versions_of_a_day_become_two_series() -> None:
    read = bcb_focus.parse(answer({"value": FOUR}), SERIES)
    assert sorted(read.rows.rows()) == [
        ("br_focus_ipca_12m", date(2023, 7, 7), pytest.approx(0.039, abs=1e-15)),
        ("br_focus_ipca_12m_smooth", date(2023, 7, 7), pytest.approx(0.0419, abs=1e-15)),
    ]
    assert read.rejected.is_empty()


def test_a_request_for_one_series_gives_that_one_only() -> None:
    read = bcb_focus.parse(answer({"value": FOUR}, ("br_focus_ipca_12m",)), SERIES)
    assert read.rows["series_id"].to_list() == ["br_focus_ipca_12m"]


def test_one_request_a_calendar_year_with_a_literal_dollar() -> None:
    plan = bcb_focus.plan(SERIES, {i: (date(2017, 11, 1), date(2018, 1, 31)) for i in IDS}, POLICY)
    assert [(r.items, r.label) for r in plan] == [
        (IDS, "Focus IPCA 12 months 2017-11-01..2017-12-31"),
        (IDS, "Focus IPCA 12 months 2018-01-01..2018-01-31"),
    ]
    assert plan[0].url == (
        "https://olinda.bcb.gov.br/olinda/servico/Expectativas/versao/v1/odata/ExpectativasMercadoInflacao12Meses"
        "?$filter=Indicador%20eq%20'IPCA'%20and%20Data%20ge%20'2017-11-01'%20and%20Data%20le%20'2017-12-31'"
        "&$orderby=Data%20asc&$top=100000&$format=json"
    )


def test_each_horizon_and_indicator_is_asked_for_itself() -> None:
    week = (date(2024, 1, 1), date(2024, 1, 5))
    plan = bcb_focus.plan(SERIES, {s.id: week for s in SERIES}, POLICY)
    assert [(r.items, r.label) for r in plan] == [
        (IDS, "Focus IPCA 12 months 2024-01-01..2024-01-05"),
        (FURTHER, "Focus IPCA 24 months 2024-01-01..2024-01-05"),
        (("br_focus_igpm_12m_smooth", "br_focus_igpm_12m"), "Focus IGP-M 12 months 2024-01-01..2024-01-05"),
    ]
    assert "/odata/ExpectativasMercadoInflacao24Meses?$filter=Indicador%20eq%20'IPCA'%20and" in plan[1].url
    assert "/odata/ExpectativasMercadoInflacao12Meses?$filter=Indicador%20eq%20'IGP-M'%20and" in plan[2].url


def test_the_same_entry_is_of_the_horizon_that_was_asked() -> None:
    read = bcb_focus.parse(answer({"value": FOUR}, FURTHER), SERIES)
    assert sorted(read.rows["series_id"]) == sorted(FURTHER)


def test_a_median_that_is_no_number_is_rejected() -> None:
    read = bcb_focus.parse(
        answer({"value": [entry("2023-07-07", "N", 0, "NaN"), entry("2023-07-06", "N", 0, None)]}), SERIES
    )
    assert read.rows.is_empty()
    assert read.rejected["reason"].to_list() == ["not a finite number: 'NaN'", "no value"]


def test_an_answer_at_the_limit_may_be_cut() -> None:
    with pytest.raises(SourceError, match="100000 entries reach the limit of 100000"):
        bcb_focus.parse(answer({"value": FOUR * 25_000}), SERIES)


@pytest.mark.parametrize(
    ("document", "status", "reason"),
    [
        ("<html><h1>Requisição inválida!</h1>", 200, "a web page instead of data"),
        ({"value": [{"Indicador": "IPCA"}]}, 200, "entries without Data, Mediana, Suavizada, baseCalculo"),
        ({"value": ["x"]}, 200, "entries without"),
        ("The system query option '%24filter' is not supported", 400, "refused by the provider"),
    ],
)
def test_what_is_not_data_is_refused(document: object, status: int, reason: str) -> None:
    with pytest.raises(SourceError, match=reason):
        bcb_focus.parse(answer(document, status=status), SERIES)


@pytest.mark.parametrize("code", ["IPCA", ":S", "IPCA:X", "IPCA:S:36", "IPCA:S:24:1"])
def test_a_code_of_another_form_is_a_configuration_error(code: str) -> None:
    with pytest.raises(ValueError, match="must be INDICATOR:S"):
        bcb_focus.code_of(SERIES[0].model_copy(update={"code": code}))
