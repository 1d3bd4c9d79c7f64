"""SGS: addresses and answers as the provider writes them (typed in), then the real observations through the server."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from macro_fund.settings import Source, default_settings
from macro_fund.sources import bcb_sgs
from macro_fund.sources.http import Payload, Request, SourceError

SERIES = default_settings().series_of("bcb_sgs")
SELIC = next(s for s in SERIES if s.id == "br_selic_target")
IPCA = next(s for s in SERIES if s.id == "br_ipca_mom")
POLICY = Source(min_interval_s=0, slice_days=1095)
TOO_LONG = (
    '{"error":"O sistema aceita uma janela de consulta de, no máximo, 10 anos em séries de periodicidade diária",'
    '"message":"x","syntax":"y"}'
)


def answer(body: str, status: int = 200, series_id: str = "br_selic_target") -> Payload:
    ask = Request("bcb_sgs", "GET", "https://api.bcb.gov.br/dados/serie/bcdata.sgs.432/dados", "SGS 432", (series_id,))
    return Payload(ask, status, body.encode(), datetime(2025, 2, 1, tzinfo=UTC), "0" * 64)


def test_a_published_sample_reads_as_decimals() -> None:
    body = """[{"data":"29/01/2025","valor":"12.15"},
 {"data":"30/01/2025","valor":"13.15"},
 {"data":"31/01/2025","valor":"13.15"}]"""
    read = bcb_sgs.parse(answer(body), SERIES)
    assert read.rows.rows() == [
        ("br_selic_target", date(2025, 1, 29), pytest.approx(0.1215, abs=1e-15)),
        ("br_selic_target", date(2025, 1, 30), pytest.approx(0.1315, abs=1e-15)),
        ("br_selic_target", date(2025, 1, 31), pytest.approx(0.1315, abs=1e-15)),
    ]
    assert read.rejected.is_empty()


def test_daily_series_are_sliced_and_monthly_ones_are_not() -> None:
    span = (date(2010, 1, 1), date(2015, 12, 31))
    plan = bcb_sgs.plan(SERIES, {SELIC.id: span, IPCA.id: span}, POLICY)
    assert [(r.items, r.label) for r in plan] == [
        (("br_selic_target",), "SGS 432 2010-01-01..2012-12-30"),
        (("br_selic_target",), "SGS 432 2012-12-31..2015-12-30"),
        (("br_selic_target",), "SGS 432 2015-12-31..2015-12-31"),
        (("br_ipca_mom",), "SGS 433 2010-01-01..2015-12-31"),
    ]
    assert plan[0].url == (
        "https://api.bcb.gov.br/dados/serie/bcdata.sgs.432/dados"
        "?formato=json&dataInicial=01/01/2010&dataFinal=30/12/2012"
    )


def test_values_that_are_no_numbers_and_days_that_are_none_are_rejected() -> None:
    body = '[{"data":"29/01/2025","valor":""},{"data":"30/01/2025","valor":"NaN"},{"data":"2025-01-31","valor":"1.0"}]'
    read = bcb_sgs.parse(answer(body), SERIES)
    assert read.rows.is_empty()
    assert read.rejected.rows() == [
        ("br_selic_target", date(2025, 1, 29), "", "no value"),
        ("br_selic_target", date(2025, 1, 30), "NaN", "not a finite number: 'NaN'"),
        ("br_selic_target", None, "1.0", "day not readable"),
    ]


def test_a_third_key_with_the_end_of_the_period_is_allowed() -> None:
    read = bcb_sgs.parse(answer('[{"data":"29/01/2025","dataFim":"28/02/2025","valor":"0.5"}]'), SERIES)
    assert read.rows.height == 1


@pytest.mark.parametrize("body", ['{"error":"Value(s) not found"}', "Value(s) not found", ""])
def test_no_values_in_a_window_is_no_error(body: str) -> None:
    read = bcb_sgs.parse(answer(body, 404), SERIES)
    assert read.rows.is_empty()
    assert read.rejected.is_empty()


@pytest.mark.parametrize(
    ("body", "status", "reason", "transient"),
    [
        (TOO_LONG, 406, "the provider says: O sistema aceita uma janela de consulta de, no máximo, 10 anos", False),
        (
            '{"erro":{"statusCode":400,"detail":"A quantidade máxima de valores deve ser 20"}}',
            400,
            "deve ser 20",
            False,
        ),
        ("<html><title>404</title><h1>Not Found</h1>", 404, "refused by the provider .*404 Not Found", False),
        ("<html><h1>Requisição inválida!</h1>", 200, "a web page instead of data.*Requisição inválida!", True),
        ("<?xml version='1.0'?><erro/>", 200, "a web page instead of data", True),
        ('[{"data":"29/01/2025","va', 200, "not complete JSON", True),
        ("", 200, "empty answer", True),
        (TOO_LONG, 200, "the provider says: O sistema aceita", False),
        ('[{"date":"x"}]', 200, r"not a list of \{data, valor\}", False),
        ("7", 200, r"not a list of \{data, valor\}", False),
    ],
)
def test_what_is_not_data_is_refused_in_clear_words(body: str, status: int, reason: str, transient: bool) -> None:
    with pytest.raises(SourceError, match=reason) as caught:
        bcb_sgs.parse(answer(body, status), SERIES)
    assert caught.value.transient is transient
    assert "bcb_sgs: SGS 432" in str(caught.value)
