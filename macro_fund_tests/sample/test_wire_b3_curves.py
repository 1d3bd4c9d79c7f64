"""B3 reference rates of the sample world: what the curves say and the file that carries them."""

from __future__ import annotations

from datetime import UTC, date, datetime
from io import BytesIO
from zipfile import ZipFile

import numpy as np
import polars as pl
import pytest

from macro_fund.sample.reference_curves import load_reference_curves
from macro_fund.sample.settlements import DAP, DI1, load_settlements
from macro_fund.sample.transport import SampleTransport
from macro_fund.settings import default_settings
from macro_fund.sources import b3_curves
from macro_fund.sources.http import Parsed, Payload, SourceError
from macro_fund.time.calendars import load_calendar
from macro_fund_tests.sample.asking import END_OF_TIME, SEED, get

URL = "https://www.b3.com.br/pesquisapregao/download?filelist=TS{:%y%m%d}.ex_"
EMPTY = b"PK\x05\x06" + bytes(18)
CODES = ("DIC", "DOC", "DPL", "PRE")
SERIES = default_settings().series_of("b3_curves")


@pytest.fixture(scope="module")
def everything() -> SampleTransport:
    return SampleTransport(SEED)


def read(transport: SampleTransport, day: date) -> Parsed:
    """One session as the connector reads it."""
    policy = default_settings().sources["b3_curves"]
    (request,) = b3_curves.plan(SERIES, {s.id: (day, day) for s in SERIES}, policy)
    reply = transport.send(request, 30.0)
    return b3_curves.parse(Payload(request, reply.status, reply.body, END_OF_TIME, ""), SERIES)


def test_connector_reads_what_the_book_holds(everything: SampleTransport) -> None:
    book = load_reference_curves(SEED)
    for day in (date(2010, 1, 4), date(2016, 2, 10), date(2029, 12, 27)):
        parsed = read(everything, day)
        assert parsed.rejected.is_empty()
        at = int(np.searchsorted(book.sessions, np.datetime64(day)))
        rows = slice(int(book.start[at]), int(book.start[at + 1]))
        for code, rates in book.rates.items():
            mine = parsed.rows.filter(pl.col("series_id") == f"b3_curve_{code.lower()}")
            assert mine["event_date"].unique().to_list() == [day]
            assert mine["calendar_days"].to_list() == book.days[rows].tolist()
            assert mine["business_days"].to_list() == book.bdays[rows].tolist()
            assert mine["fixed_vertex"].to_list() == book.fixed[rows].tolist()
            assert mine["rate"].to_list() == pytest.approx((rates[rows] / 100).tolist(), abs=1e-12)
        assert parsed.rows.height == 4 * (rows.stop - rows.start)


def test_every_session_can_be_read(everything: SampleTransport) -> None:
    for day in load_reference_curves(SEED).sessions[1500::97].astype(date):
        assert read(everything, day).rejected.is_empty()


def test_pre_has_a_moving_vertex_at_every_di1_maturity_with_its_rate() -> None:
    book, curves = load_settlements(SEED), load_reference_curves(SEED)
    for day in ("2014-01-02", "2019-04-10", "2023-12-26"):
        at = int(np.searchsorted(book.sessions, np.datetime64(day)))
        mine, points = (slice(int(x.start[at]), int(x.start[at + 1])) for x in (book, curves))
        pre = dict(zip(curves.days[points].tolist(), curves.rates["PRE"][points].tolist(), strict=True))
        standard = dict(zip(curves.days[points].tolist(), curves.fixed[points].tolist(), strict=True))
        di1 = book.root[mine] == DI1
        days = (book.maturity[mine][di1] - np.datetime64(day)).astype(int).tolist()
        assert [pre[d] for d in days] == book.rate[mine][di1].tolist()
        assert sum(not standard[d] for d in days) > 25


def test_real_rates_are_those_of_the_ipca_futures_and_dirty_ones_meet_them_far_away() -> None:
    book, curves = load_settlements(SEED), load_reference_curves(SEED)
    at = int(np.searchsorted(book.sessions, np.datetime64("2019-04-10")))
    mine, points = (slice(int(x.start[at]), int(x.start[at + 1])) for x in (book, curves))
    dap = np.flatnonzero(book.root[mine] == DAP)[2:]
    maturity, rate = book.maturity[mine][dap], book.rate[mine][dap]
    bdays = load_calendar("anbima").count_many(np.full(maturity.shape, np.datetime64("2019-04-10")), maturity)
    clean = np.interp(bdays, curves.bdays[points], curves.rates["DPL"][points])
    assert np.abs(clean - rate).max() < 0.05
    gap = np.abs(curves.rates["DIC"][points] - curves.rates["DPL"][points])
    assert gap[0] > 5
    assert gap[-1] < 0.2


def test_standard_vertices_fall_on_business_days() -> None:
    curves = load_reference_curves(SEED)
    held = np.repeat(curves.sessions, np.diff(curves.start))[curves.fixed]
    vertex = held + curves.days[curves.fixed]
    calendar = load_calendar("anbima")
    assert np.array_equal(calendar.offset_many(vertex, 0, known_on=held), vertex)
    late = curves.days[curves.fixed] - curves.code[curves.fixed]
    assert late.min() == 0
    assert late.max() <= 6
    assert (curves.bdays >= 1).all()


def test_file_is_a_program_with_lines_of_72_characters(everything: SampleTransport) -> None:
    outer = ZipFile(BytesIO(get(everything, URL.format(date(2026, 1, 12))).body))
    assert outer.namelist() == ["TS260112.ex_"]
    assert outer.comment == b"SAMPLE"
    program = outer.read("TS260112.ex_")
    assert program.startswith(b"MZ")
    inner = ZipFile(BytesIO(program[program.index(b"PK\x03\x04") :]))
    lines = inner.read("TaxaSwap.txt").decode("latin-1").split("\r\n")
    assert lines.pop() == ""
    assert {len(x) for x in lines} == {72}
    assert [x[:6] for x in lines] == [f"{n:06d}" for n in range(1, len(lines) + 1)]
    assert {x[6:26] for x in lines} == {f"0010120260112T1{c}  " for c in CODES}
    first = next(x for x in lines if x[21:24] == "PRE")
    assert first[26:41] == "DIxPRE         "
    assert first[41:52] == "0000100001+"
    assert first[66:] == "F00001"


@pytest.mark.parametrize("day", ["2026-01-25", "2024-12-24", "2003-05-05", "2031-03-03"])
def test_no_session_is_an_empty_archive_of_22_bytes(everything: SampleTransport, day: str) -> None:
    assert get(everything, URL.format(date.fromisoformat(day))).body == EMPTY


@pytest.mark.parametrize("name", ["TS171101.zip", "SPRD171101.ex_", "PR171101.zip", "TS171399.ex_"])
def test_no_other_file_is_served(everything: SampleTransport, name: str) -> None:
    url = f"https://www.b3.com.br/pesquisapregao/download?filelist={name}"
    assert get(everything, url).body == EMPTY


def test_a_file_is_public_at_twenty_hours_of_sao_paulo() -> None:
    day = date(2017, 11, 1)  # summer time: UTC-2
    early = SampleTransport(SEED, now=datetime(2017, 11, 1, 21, 59, 59, tzinfo=UTC))
    late = SampleTransport(SEED, now=datetime(2017, 11, 1, 22, 0, tzinfo=UTC))
    assert get(early, URL.format(day)).body == EMPTY
    assert get(late, URL.format(day)).body == get(SampleTransport(SEED), URL.format(day)).body
    assert read(late, day).rows.height > 100


def test_poison_spoils_the_files_after_it_and_only_those() -> None:
    moment = datetime(2020, 3, 12, 12, 0, tzinfo=UTC)
    clean, poisoned = SampleTransport(SEED), SampleTransport(SEED, poison_after=moment)
    for day in (date(2020, 3, 10), date(2020, 3, 11)):
        assert get(clean, URL.format(day)).body == get(poisoned, URL.format(day)).body
    with pytest.raises(SourceError, match="another unit"):
        read(poisoned, date(2020, 3, 12))
