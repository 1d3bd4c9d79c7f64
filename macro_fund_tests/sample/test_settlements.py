"""B3 settlements of the sample world: ladder, prices, day counts and the file that carries them."""

from __future__ import annotations

import math
from datetime import UTC, date, datetime
from io import BytesIO
from xml.etree import ElementTree
from zipfile import ZipFile

import numpy as np
import pytest

from macro_fund.sample.catalogue import ptax_ask
from macro_fund.sample.settlements import DAP, DDI, DI1, DOL, FRC, IND, WDO, WIN, Settlements, load_settlements
from macro_fund.sample.transport import SampleTransport
from macro_fund.sample.world import load_world
from macro_fund.settings import default_settings
from macro_fund.sources import b3_settlements
from macro_fund.sources.http import Parsed, Payload
from macro_fund.time.calendars import load_calendar
from macro_fund_tests.sample.asking import END_OF_TIME, SEED, get

URL = "https://www.b3.com.br/pesquisapregao/download?filelist=SPRD{:%y%m%d}.zip"
EMPTY = b"PK\x05\x06" + bytes(18)


@pytest.fixture(scope="module")
def book() -> Settlements:
    return load_settlements(SEED)


@pytest.fixture(scope="module")
def everything() -> SampleTransport:
    return SampleTransport(SEED)


def settlements(transport: SampleTransport, day: date) -> Parsed:
    """One session as the connector reads it."""
    series = default_settings().series_of(b3_settlements.PROVIDER)
    policy = default_settings().sources[b3_settlements.PROVIDER]
    (request,) = b3_settlements.plan(series, {s.id: (day, day) for s in series}, policy)
    reply = transport.send(request, 30.0)
    return b3_settlements.parse(Payload(request, reply.status, reply.body, END_OF_TIME, ""), series)


def session(book: Settlements, day: str) -> dict[str, tuple[date, float, float, float, float]]:
    """Ticker -> (maturity, price, rate, previous price, previous rate)."""
    at = int(np.searchsorted(book.sessions, np.datetime64(day)))
    assert book.sessions[at] == np.datetime64(day)
    rows = slice(int(book.start[at]), int(book.start[at + 1]))
    columns = (book.maturity, book.price, book.rate, book.prev_price, book.prev_rate)
    return dict(zip(book.ticker[rows], zip(*(c[rows].tolist() for c in columns), strict=True), strict=True))


def test_ladder_of_2014_holds_the_contracts_that_were_really_listed(book: Settlements) -> None:
    listed = session(book, "2014-01-02")
    real = "G14 H14 J14 K14 N14 V14 F15 J15 N15 V15 F16 J16 N16 V16 F17 N17 V17 F18 N18 F19 F20 F21 F22 F23 F24 F25"
    assert {f"DI1{x}" for x in real.split()} <= set(listed)
    assert "DI1F14" not in listed  # expires that day
    assert [t for t in listed if t.startswith("IND")] == ["INDG14", "INDJ14", "INDM14"]
    assert sum(t.startswith("DOL") for t in listed) == 8
    di1_a_session = np.add.reduceat((book.root == DI1).astype(int), book.start[:-1])
    assert di1_a_session.min() >= 25
    assert di1_a_session.max() <= 40
    held = np.repeat(np.arange(book.sessions.size), np.diff(book.start))
    for root, number in ((DOL, 8), (WDO, 8), (IND, 3), (WIN, 3)):
        assert set(np.bincount(held[book.root == root]).tolist()) == {number}
    for root in (DDI, DAP, FRC):
        assert np.bincount(held[book.root == root], minlength=book.sessions.size).min() >= 7


def test_maturities_typed_from_the_exchange(book: Settlements) -> None:
    listed = session(book, "2021-02-17")
    assert listed["INDG21"][0] == date(2021, 2, 17)  # still listed on its last day
    assert listed["INDJ21"][0] == date(2021, 4, 14)
    assert listed["DI1F23"][0] == date(2023, 1, 2)
    assert listed["DOLH21"][0] == date(2021, 3, 1)


def test_dollar_future_settles_at_the_last_ptax_on_its_last_day(book: Settlements, everything: SampleTransport) -> None:
    url = (
        "https://olinda.bcb.gov.br/olinda/servico/PTAX/versao/v1/odata/CotacaoDolarPeriodo(dataInicial=@dataInicial,"
        "dataFinalCotacao=@dataFinalCotacao)?@dataInicial='01-29-2021'&@dataFinalCotacao='01-29-2021'&$format=json"
    )
    friday = get(everything, url).body.decode()
    listed = session(book, "2021-02-01")
    assert f'"cotacaoVenda":{listed["DOLG21"][1] / 1000:.4f}'.rstrip("0") in friday
    assert "DI1G21" not in listed


def test_rate_reprices_every_pu_to_the_cent(book: Settlements) -> None:
    at = book.root == DI1
    held = np.repeat(book.sessions, np.diff(book.start))[at]
    bdays = load_calendar("anbima").count_many(held, book.maturity[at])
    theory = 100_000 / (1 + book.rate[at] / 100) ** (bdays / 252)
    assert np.abs(theory - book.price[at]).max() <= 0.005 + 1e-9
    assert np.abs(book.rate[at] * 1000 - np.round(book.rate[at] * 1000)).max() < 1e-6


def test_longer_contracts_are_cheaper_on_every_session(book: Settlements) -> None:
    at = np.flatnonzero(book.root == DI1)
    held = np.repeat(np.arange(book.sessions.size), np.diff(book.start))[at]
    same_day = np.diff(held) == 0
    assert (np.diff(book.maturity[at].astype(np.int64))[same_day] > 0).all()
    assert (np.diff(book.price[at])[same_day] < 0).all()


def test_day_count_uses_the_holidays_known_on_the_trade_date(book: Settlements) -> None:
    def implied(day: str) -> int:
        _, pu, rate, _, _ = session(book, day)["DI1F33"]
        return round(252 * math.log(100_000 / pu) / math.log(1 + rate / 100))

    calendar, maturity = load_calendar("anbima"), date(2033, 1, 3)
    before, after = date(2023, 12, 22), date(2023, 12, 26)
    assert implied("2023-12-22") == calendar.count(before, maturity)
    assert implied("2023-12-26") == calendar.count(after, maturity)
    # 20 November of 2024 to 2032 falls on a weekday seven times: it left the counts at once.
    assert implied("2023-12-22") - implied("2023-12-26") == 7 + 1


def test_previous_settlement_is_yesterdays_carried_at_cdi(book: Settlements) -> None:
    yesterday, today = session(book, "2019-03-12"), session(book, "2019-03-13")
    world = load_world(SEED)
    cdi = world.curves.cdi[np.searchsorted(world.grid.weekdays, np.datetime64("2019-03-12"))]
    for ticker in ("DI1F21", "DI1N19"):
        assert today[ticker][3] == pytest.approx(yesterday[ticker][1] * (1 + cdi / 100) ** (1 / 252), abs=0.02)
        assert today[ticker][4] == yesterday[ticker][2]
    assert today["DOLJ19"][3] == yesterday["DOLJ19"][1]
    assert today["INDJ19"][3] == yesterday["INDJ19"][1]


def test_futures_carry_over_spot(book: Settlements) -> None:
    world = load_world(SEED)
    for day in ("2012-05-02", "2018-08-01", "2024-10-01"):
        at = np.searchsorted(world.grid.weekdays, np.datetime64(day))
        listed = session(book, day)
        spot, index = world.markets.prices["usdbrl"][at] * 1000, world.markets.prices["ibov"][at]
        dollars = [v[1] for t, v in listed.items() if t.startswith("DOL") and v[0] > date.fromisoformat(day)]
        assert spot < dollars[0] < dollars[-1] < spot * 1.15
        assert index < next(v[1] for t, v in listed.items() if t.startswith("IND")) < index * 1.05
    assert (book.price[book.root == DOL] % 0.001 < 1.1e-3).all()
    assert (book.price[book.root == IND] == np.round(book.price[book.root == IND])).all()


def test_minis_settle_like_their_parents(book: Settlements) -> None:
    for mini, parent in ((WDO, DOL), (WIN, IND)):
        small, large = book.root == mini, book.root == parent
        assert np.array_equal(book.price[small], book.price[large])
        assert np.array_equal(book.maturity[small], book.maturity[large])


def test_coupon_futures_are_tied_to_dollar_futures_and_the_last_ptax(book: Settlements) -> None:
    """A dollar future over the PTAX of the day before, against the DI1 of the same day, is the dirty coupon."""
    world, day = load_world(SEED), np.datetime64("2019-04-10")
    listed = session(book, str(day))
    days, ask = ptax_ask(world)
    fixing = 1000 * ask[np.searchsorted(days, day) - 1]
    for month in ("K19", "M19", "N19"):
        expiry, future, *_ = listed[f"DOL{month}"]
        span = (expiry - date(2019, 4, 10)).days
        coupon = (fixing / future * 100_000 / listed[f"DI1{month}"][1] - 1) * 36_000 / span
        assert listed[f"DDI{month}"][0] == expiry
        assert listed[f"DDI{month}"][2] == pytest.approx(coupon, abs=0.01)
        assert listed[f"DDI{month}"][1] == pytest.approx(100_000 / (1 + coupon / 36_000 * span), abs=0.5)


def test_forward_coupons_begin_at_the_first_dollar_coupon_that_is_three_days_away(book: Settlements) -> None:
    for day, first in (("2019-04-10", "K19"), ("2019-04-26", "K19"), ("2019-04-29", "M19"), ("2019-05-02", "M19")):
        listed = session(book, day)
        start, pu, *_ = listed[f"DDI{first}"]
        forwards = {t[3:]: v for t, v in listed.items() if t.startswith("FRC")}
        later = [t[3:] for t, v in listed.items() if t.startswith("DDI") and v[0] > start]
        assert list(forwards) == later
        for month in later:
            expiry, end, *_ = listed[f"DDI{month}"]
            expected = (pu / end - 1) * 36_000 / (expiry - start).days
            assert forwards[month][2] == pytest.approx(expected, abs=0.005 + 1e-9)
            assert math.isnan(forwards[month][1])


def test_real_rate_futures_lie_below_di_by_expected_inflation(book: Settlements) -> None:
    listed = session(book, "2019-04-10")
    assert [t for t in listed if t.startswith("DAP")][:4] == ["DAPJ19", "DAPK19", "DAPQ20", "DAPK21"]
    assert listed["DAPJ19"][0] == date(2019, 4, 15)
    at = book.root == DAP
    assert np.nanmin(book.rate[at]) > -3
    assert np.nanmax(book.rate[at]) < 14
    expiring = session(book, "2019-04-15")["DAPJ19"]
    assert expiring[1] == 100_000.0
    assert math.isnan(expiring[2])


def test_document_has_the_nesting_of_the_exchanges_file(everything: SampleTransport) -> None:
    body = get(everything, URL.format(date(2026, 1, 12))).body
    outer = ZipFile(BytesIO(body))
    assert outer.namelist() == ["SPRD260112.zip"]
    assert outer.comment == b"SAMPLE"
    inner = ZipFile(BytesIO(outer.read("SPRD260112.zip")))
    text = inner.read(inner.namelist()[0]).decode()
    assert "<!-- SAMPLE -->" in text[:120]
    root = ElementTree.fromstring(text)
    block, price = "{urn:bvmf.052.01.xsd}", "{urn:bvmf.217.01.xsd}"
    assert root.tag == f"{block}Document"
    group = root.findall(f"{block}BizFileHdr/{block}Xchg/{block}BizGrp")
    report = group[0].find(f"{price}Document/{price}PricRpt")
    assert report is not None
    assert report.findtext(f"{price}TradDt/{price}Dt") == "2026-01-12"
    assert report.findtext(f"{price}SctyId/{price}TckrSymb") == "DI1G26"
    tags = [e.tag.removeprefix(price) for e in report.findall(f"{price}FinInstrmAttrbts/*")]
    expected = ["OpnIntrst", "AdjstdQt", "AdjstdQtTax", "AdjstdQtStin", "PrvsAdjstdQt", "PrvsAdjstdQtTax"]
    assert tags == [*expected, "PrvsAdjstdQtStin"]
    assert root.findtext(f".//{block}TtlNbOfMsg") == str(len(group))


def test_connector_reads_what_the_book_holds(book: Settlements, everything: SampleTransport) -> None:
    for day in (date(2010, 1, 4), date(2016, 2, 10), date(2029, 12, 27)):
        parsed = settlements(everything, day)
        assert parsed.rejected.is_empty()
        held = session(book, day.isoformat())
        assert parsed.rows["contract"].to_list() == list(held)
        assert parsed.rows["maturity"].to_list() == [v[0] for v in held.values()]
        # A FRC has no PU: its price is its rate.
        prices = [v[2] if t.startswith("FRC") else v[1] for t, v in held.items()]
        assert parsed.rows["settle_price"].to_list() == pytest.approx(prices)
        rates = [math.nan if r is None else r for r in parsed.rows["settle_rate"].to_list()]
        assert rates == pytest.approx([v[2] / 100 for v in held.values()], nan_ok=True)
        assert parsed.rows["open_interest"].min() > 0


@pytest.mark.parametrize("day", ["2026-01-25", "2024-12-24", "2021-01-25", "2003-05-05", "2031-03-03"])
def test_no_session_is_an_empty_archive_of_22_bytes(everything: SampleTransport, day: str) -> None:
    reply = get(everything, URL.format(date.fromisoformat(day)))
    assert (reply.status, reply.body) == (200, EMPTY)


def test_a_file_is_public_at_twenty_hours_of_sao_paulo() -> None:
    day = date(2017, 11, 1)  # summer time: UTC-2
    early = SampleTransport(SEED, now=datetime(2017, 11, 1, 21, 59, 59, tzinfo=UTC))
    late = SampleTransport(SEED, now=datetime(2017, 11, 1, 22, 0, tzinfo=UTC))
    assert get(early, URL.format(day)).body == EMPTY
    assert len(get(late, URL.format(day)).body) > 1000


def test_same_bytes_whenever_the_file_is_asked(everything: SampleTransport) -> None:
    frozen = SampleTransport(SEED, now=datetime(2017, 11, 2, 11, 55, tzinfo=UTC))
    url = URL.format(date(2017, 11, 1))
    assert get(frozen, url).body == get(everything, url).body


def test_poison_spoils_the_files_after_it_and_only_those() -> None:
    moment = datetime(2020, 3, 12, 12, 0, tzinfo=UTC)
    clean, poisoned = SampleTransport(SEED), SampleTransport(SEED, poison_after=moment)
    for day in (date(2020, 3, 10), date(2020, 3, 11)):
        assert get(clean, URL.format(day)).body == get(poisoned, URL.format(day)).body
    parsed = settlements(poisoned, date(2020, 3, 12))
    assert parsed.rows.is_empty()
    assert parsed.rejected.height == settlements(clean, date(2020, 3, 12)).rows.height
