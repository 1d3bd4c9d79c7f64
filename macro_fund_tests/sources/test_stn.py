"""Treasury time series: addresses, the latin-1 file with decimal comma, and everything that is not such a file."""

from __future__ import annotations

import hashlib
from datetime import UTC, date, datetime

import pytest

from macro_fund.settings import default_settings
from macro_fund.sources import stn
from macro_fund.sources.http import Payload, Request, SourceError

SERIES = default_settings().series_of("stn")
POLICY = default_settings().sources["stn"]
SPENDING = next(s for s in SERIES if s.id == "br_rtn_total_expenditure")
PAGE = b"<!DOCTYPE html><html><body>Erro</body></html>"


def answer(body: bytes, status: int = 200) -> Payload:
    request = Request("stn", "GET", stn.URL.format(code="7970"), "Treasury series 7970", (SPENDING.id,))
    return Payload(request, status, body, datetime(2025, 2, 1, tzinfo=UTC), hashlib.sha256(body).hexdigest())


def test_one_request_a_series_whatever_its_window() -> None:
    windows = {s.id: (date(2004, 1, 1), date(2025, 1, 1)) for s in SERIES}
    requests = stn.plan(SERIES, windows, POLICY)
    assert len(requests) == 17
    assert next(r.url for r in requests if r.items == (SPENDING.id,)) == (
        "https://series-temporais.tesouro.gov.br/backend-series-temporais/rest/Public/SerieGrafico/Download/7970"
    )
    assert stn.plan(SERIES, {}, POLICY) == []


@pytest.mark.parametrize("newline", [b"\n", b"\r\n"])
def test_values_in_millions_with_a_decimal_comma(newline: bytes) -> None:
    body = newline.join([b"Data;Valor", b"01/12/2024;226459,51", b"01/01/2025;-36526,68", b"01/02/2025;0", b""])
    parsed = stn.parse(answer(body), SERIES)
    assert parsed.rows.rows() == [
        (SPENDING.id, date(2024, 12, 1), 226459.51),
        (SPENDING.id, date(2025, 1, 1), -36526.68),
        (SPENDING.id, date(2025, 2, 1), 0.0),
    ]
    assert parsed.rejected.is_empty()


@pytest.mark.parametrize("last", [b"01/01/2025;-36526,68", b"01/01/2025;-365"])
def test_a_last_line_without_its_end_is_not_believed(last: bytes) -> None:
    """A number that lost its last digits is a number."""
    parsed = stn.parse(answer(b"Data;Valor\n01/12/2024;226459,51\n" + last), SERIES)
    assert parsed.rows["event_date"].to_list() == [date(2024, 12, 1)]
    assert parsed.rejected["event_date"].to_list() == [date(2025, 1, 1)]
    assert "may be cut" in parsed.rejected["reason"][0]


def test_an_empty_cell_is_no_row() -> None:
    parsed = stn.parse(answer(b"Data;Valor\n01/12/2024;226459,51\n01/01/2025;\n01/02/2025;-\n"), SERIES)
    assert parsed.rows.height == 1
    assert parsed.rejected.is_empty()


@pytest.mark.parametrize(
    ("line", "day", "reason"),
    [
        ("01/01/2025;226459.51", date(2025, 1, 1), "not a number with a decimal comma: '226459.51'"),
        ("01/01/2025;226.459,51", date(2025, 1, 1), "not a number with a decimal comma: '226.459,51'"),
        ("01/01/2025;NaN", date(2025, 1, 1), "not a number with a decimal comma: 'NaN'"),
        ("31/01/2025;226459,51", None, "day not readable"),
        ("2025-01-01;226459,51", None, "day not readable"),
        ("01/13/2025;226459,51", None, "day not readable"),
    ],
)
def test_a_line_of_another_form_is_rejected_and_never_guessed(line: str, day: date | None, reason: str) -> None:
    parsed = stn.parse(answer(f"Data;Valor\n01/12/2024;1,5\n{line}\n".encode()), SERIES)
    assert parsed.rows.rows() == [(SPENDING.id, date(2024, 12, 1), 1.5)]
    assert parsed.rejected.select("item", "event_date", "reason").rows() == [(SPENDING.id, day, reason)]


@pytest.mark.parametrize(
    ("body", "message", "transient"),
    [
        (PAGE, "a web page", True),
        (b"", "empty answer", True),
        (b"Data;Valor\n", "without values", True),
        (b"Data;Valor\n01/12/2024;1,5\n01/01/2025", "line 3 is not complete", True),
        (b"Data;Valor;Unidade\n01/12/2024;1,5;x\n", "columns 'Data;Valor;Unidade'", False),
        (b"Data,Valor\n01/12/2024,1.5\n", "columns 'Data,Valor'", False),
        (b"Data;Valor\n31/12/2024;1,5\n31/01/2025;1,6\n", "none of 2 lines can be read: day not readable", False),
        (b"Data;Valor\n01/12/2024;1.5\n", "none of 1 lines can be read: not a number", False),
    ],
)
def test_another_file_is_an_error(body: bytes, message: str, transient: bool) -> None:
    with pytest.raises(SourceError, match=message) as error:
        stn.parse(answer(body), SERIES)
    assert error.value.transient is transient
    assert "Treasury series 7970" in str(error.value)


def test_a_refusal_is_told() -> None:
    with pytest.raises(SourceError, match=r"refused by the provider .status 404"):
        stn.parse(answer(PAGE, 404), SERIES)
