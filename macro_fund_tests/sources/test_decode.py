"""What holds for any provider's body."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from macro_fund.settings import default_settings
from macro_fund.sources import decode
from macro_fund.sources.http import Payload, Request, SourceError

IPCA = next(s for s in default_settings().series if s.id == "br_ipca_mom")


def answer(body: bytes, status: int = 200) -> Payload:
    ask = Request("fred", "GET", "https://x.org/", "FRED DFF", ("us_fed_funds",))
    return Payload(ask, status, body, datetime(2021, 1, 4, tzinfo=UTC), "0" * 64)


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "empty answer"),
        (b"\xef\xbb\xbf \r\n", "empty answer"),
        (b"\n<!DOCTYPE html><p>hello", "a web page instead of data"),
        (b'[{"a":1},{"a"', "not complete JSON"),
        (b'["\xe7"]', "not utf-8 text"),
    ],
)
def test_bodies_that_are_not_data_are_refused_and_may_pass(body: bytes, reason: str) -> None:
    with pytest.raises(SourceError, match=reason) as caught:
        decode.json_of(answer(body))
    assert caught.value.transient
    assert caught.value.provider == "fred"


def test_json_with_a_byte_order_mark_and_nan() -> None:
    assert decode.json_of(answer(b'\xef\xbb\xbf[1.5, NaN, "x"]')) == [1.5, "NaN", "x"]


def test_a_status_that_is_not_expected_is_final() -> None:
    with pytest.raises(SourceError, match=r"refused by the provider \(status 403, body starts 'no key'") as caught:
        decode.require_status(answer(b"no key", 403))
    assert not caught.value.transient
    decode.require_status(answer(b"", 404), 200, 404)


def test_csv_rows_below_the_header() -> None:
    text = b"observation_date,DFF\r\n2021-01-04,0.09\r\n\r\n2021-01-05,.\r\n"
    assert decode.csv_lines(answer(text), ("observation_date", "DFF")) == [["2021-01-04", "0.09"], ["2021-01-05", "."]]


@pytest.mark.parametrize(
    "text", [b"observation_date,DFF\n2021-01-04,0.09\n2021-01-05,0.0", b"observation_date,DFF\n2021-01"]
)
def test_a_cut_csv_is_refused_even_where_its_last_number_reads_well(text: bytes) -> None:
    with pytest.raises(SourceError, match="cut file") as caught:
        decode.csv_lines(answer(text), ("observation_date", "DFF"))
    assert caught.value.transient


def test_another_header_is_refused_by_name() -> None:
    with pytest.raises(
        SourceError, match="columns 'observation_date, DGS10' where 'observation_date, DFF' is expected"
    ):
        decode.csv_lines(answer(b"observation_date,DGS10\n"), ("observation_date", "DFF"))


@pytest.mark.parametrize(
    ("raw", "number", "reason"),
    [
        ("13.75", 13.75, ""),
        (-0.21, -0.21, ""),
        (" 7 ", 7.0, ""),
        ("", None, "no value"),
        (None, None, "no value"),
        ("NaN", None, "not a finite number: 'NaN'"),
        ("inf", None, "not a finite number: 'inf'"),
        ("1,5", None, "not a number: '1,5'"),
    ],
)
def test_numbers_or_the_reason_why_not(raw: object, number: float | None, reason: str) -> None:
    assert decode.number_or_reason(raw) == (number, reason)


def test_observations_are_scaled_and_the_rest_is_rejected_with_its_reason() -> None:
    day = date(2018, 11, 1)
    read = decode.observations(
        [(IPCA.id, day, "-0.21"), (IPCA.id, None, "0.1"), (IPCA.id, day, "x"), (IPCA.id, day, ".")],
        [IPCA],
        missing=(".",),
    )
    assert read.rows.rows() == [("br_ipca_mom", day, pytest.approx(-0.0021))]
    assert read.rejected.rows() == [
        ("br_ipca_mom", None, "0.1", "day not readable"),
        ("br_ipca_mom", day, "x", "not a number: 'x'"),
    ]
