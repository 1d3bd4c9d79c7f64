"""Ipeadata: addresses, dates with the offset of their year, nulls and every answer that is not the series."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, date, datetime

import pytest

from macro_fund.settings import Series, default_settings
from macro_fund.sources import ipeadata
from macro_fund.sources.http import Payload, Request, SourceError

SERIES = default_settings().series_of("ipeadata")
POLICY = default_settings().sources["ipeadata"]
EMBI = next(s for s in SERIES if s.id == "br_embi_brazil")
TERMS = next(s for s in SERIES if s.id == "br_terms_of_trade")


def body(one: Series, *rows: tuple[str, object]) -> bytes:
    value = [{"SERCODIGO": one.code, "VALDATA": d, "VALVALOR": v, "NIVNOME": "", "TERCODIGO": ""} for d, v in rows]
    return json.dumps({"@odata.context": "x", "value": value}).encode()


def answer(content: bytes, one: Series = EMBI, status: int = 200) -> Payload:
    request = Request("ipeadata", "GET", ipeadata.URL.format(code=one.code), f"Ipeadata {one.code}", (one.id,))
    return Payload(request, status, content, datetime(2025, 2, 1, tzinfo=UTC), hashlib.sha256(content).hexdigest())


def test_one_request_a_series() -> None:
    requests = ipeadata.plan(SERIES, {s.id: (date(2004, 1, 1), date(2025, 1, 1)) for s in SERIES}, POLICY)
    assert len(requests) == 10
    assert "https://www.ipeadata.gov.br/api/odata4/ValoresSerie(SERCODIGO='JPM366_EMBI366')" in {
        r.url for r in requests
    }


def test_the_date_counts_whatever_the_offset_and_a_null_is_no_row() -> None:
    content = body(
        EMBI,
        ("1994-04-29T00:00:00-03:00", 1120.0),
        ("2004-01-05T00:00:00-02:00", 454),
        ("1994-05-02T00:00:00-03:00", None),
    )
    parsed = ipeadata.parse(answer(content), SERIES)
    assert parsed.rows.rows() == [(EMBI.id, date(1994, 4, 29), 1120.0), (EMBI.id, date(2004, 1, 5), 454.0)]
    assert parsed.rejected.is_empty()


def test_values_that_cannot_be_read_are_rejected() -> None:
    content = body(TERMS, ("2025-01-31T00:00:00-03:00", 101.2), ("2025-02-01T00:00:00-03:00", "n/d"), ("soon", 1.0))
    parsed = ipeadata.parse(answer(content, TERMS), SERIES)
    assert parsed.rows.is_empty()
    assert parsed.rejected["reason"].to_list() == ["day not readable", "not a number: 'n/d'", "day not readable"]


def test_nan_is_rejected() -> None:
    content = body(TERMS, ("2025-02-01T00:00:00-03:00", float("nan")))
    assert ipeadata.parse(answer(content, TERMS), SERIES).rejected["reason"].to_list() == ["not a finite number: 'NaN'"]


def test_an_unknown_code_is_an_empty_list() -> None:
    assert ipeadata.parse(answer(body(EMBI)), SERIES).rows.is_empty()


@pytest.mark.parametrize(
    ("content", "message", "transient"),
    [
        (b"<html><body>Ipeadata</body></html>", "a web page", True),
        (b"", "empty answer", True),
        (body(EMBI, ("2004-01-05T00:00:00-02:00", 1))[:-20], "not complete JSON", True),
        (b'{"error": {"code": "", "message": "no such function"}}', "no such function", False),
        (b'{"value": [{"SERCODIGO": "JPM366_EMBI366", "DATA": "2004"}]}', "not a list of SERCODIGO, VALDATA", False),
        (b"[]", "not a list of SERCODIGO", False),
        (body(TERMS, ("2025-01-01T00:00:00-03:00", 1.0)), "values of series FUNCEX12_TTR12 where JPM366", False),
    ],
)
def test_another_answer_is_an_error(content: bytes, message: str, transient: bool) -> None:
    with pytest.raises(SourceError, match=message) as error:
        ipeadata.parse(answer(content), SERIES)
    assert error.value.transient is transient


def test_a_refusal_is_told() -> None:
    with pytest.raises(SourceError, match=r"refused by the provider .status 400"):
        ipeadata.parse(answer(b'{"error": "bad"}', status=400), SERIES)
