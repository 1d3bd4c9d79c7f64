"""ANBIMA's pages of the sample world: read back by the real connectors, at two dates, and priced as the market does."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import numpy as np
import polars as pl
import pytest

from macro_fund.sample import paths_bonds, transport, wire_anbima
from macro_fund.sample.paths_bonds import accrued, cut, quote, unit_price
from macro_fund.sample.transport import SampleTransport
from macro_fund.settings import default_settings
from macro_fund.sources import anbima_bonds, anbima_ettj, anbima_vna
from macro_fund.sources.http import Request, SourceError
from macro_fund_tests.sample.asking import SEED, read

CONNECTORS = [anbima_bonds, anbima_vna, anbima_ettj]
WEDNESDAY = date(2020, 3, 18)
EVENING = datetime(2020, 3, 18, 23, 0, tzinfo=UTC)


@pytest.fixture(autouse=True)
def served(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(dict_of(transport.HANDLERS), wire_anbima.HOST, wire_anbima.answer)


def dict_of(handlers: Any) -> dict[str, Any]:
    assert isinstance(handlers, dict)
    return handlers


def day(text: str) -> np.datetime64:
    return np.datetime64(f"{text[:4]}-{text[4:6]}-{text[6:]}", "D")


# ---------------------------------------------------------------- round trips


@pytest.mark.parametrize("connector", CONNECTORS)
@pytest.mark.parametrize("end", [date(2010, 1, 8), WEDNESDAY, date(2030, 12, 31)])
def test_every_series_has_plausible_values_on_every_bank_day(connector: Any, end: date) -> None:
    parsed = read(SampleTransport(SEED), connector, date(end.year, end.month, 1), end)
    assert parsed.rejected.is_empty()
    series = default_settings().series_of(connector.PROVIDER)
    value = "rate" if "rate" in parsed.rows.columns else "value"
    days = parsed.rows["event_date"].unique()
    assert days.max() == end
    for s in series:
        own = parsed.rows.filter(pl.col("series_id") == s.id)
        assert own["event_date"].unique().sort().equals(days.sort()), s.id
        assert own[value].is_between(s.low, s.high).all(), s.id


@pytest.mark.parametrize("connector", CONNECTORS)
def test_nothing_is_served_before_it_is_public(connector: Any) -> None:
    before = SampleTransport(SEED, now=datetime(2020, 3, 18, 22, 59, tzinfo=UTC))
    with pytest.raises(SourceError, match=r"2020-03-18"):
        read(before, connector, WEDNESDAY, WEDNESDAY, fetched_at=EVENING)
    tuesday = date(2020, 3, 17)
    assert read(before, connector, tuesday, tuesday).rows.height > 0


@pytest.mark.parametrize("connector", CONNECTORS)
def test_the_past_reads_the_same_from_any_later_day(connector: Any) -> None:
    window = (date(2020, 3, 12), WEDNESDAY)
    then = read(SampleTransport(SEED, now=EVENING), connector, *window)
    later = read(SampleTransport(SEED, now=datetime(2024, 7, 1, tzinfo=UTC)), connector, *window)
    always = read(SampleTransport(SEED), connector, *window)
    assert then.rows.height > 0
    assert then.rows.equals(later.rows)
    assert then.rows.equals(always.rows)
    assert not then.rows.equals(read(SampleTransport(SEED + 1), connector, *window).rows)


@pytest.mark.parametrize("connector", CONNECTORS)
def test_what_became_public_after_the_cut_off_is_garbage(connector: Any) -> None:
    window = (date(2020, 3, 16), WEDNESDAY)
    cut_off = datetime(2020, 3, 17, 23, 0, tzinfo=UTC)
    clean = read(SampleTransport(SEED), connector, *window).rows
    spoilt = read(SampleTransport(SEED, poison_after=cut_off), connector, *window).rows
    value = "rate" if "rate" in clean.columns else "value"
    both = clean.with_columns(bad=spoilt[value] / clean[value], on_time=pl.col("event_date") < WEDNESDAY)
    assert both.filter("on_time")["bad"].to_list() == pytest.approx([1.0] * both["on_time"].sum())
    late = both.filter(~pl.col("on_time"))["bad"]
    assert late.to_list() == pytest.approx([-1000.0] * len(late), rel=1e-9)


@pytest.mark.parametrize(
    ("path", "body", "status", "words"),
    [
        ("merc-sec/arqs/ms200321.txt", None, 404, "404"),  # a Saturday
        ("merc-sec/arqs/ms200230.txt", None, 404, "404"),
        ("vna/vna-down.asp", b"Data=21032020&saida=txt", 200, "Não há dados disponíveis para 21/03/2020"),
        ("vna/vna-down.asp", b"saida=txt", 404, "404"),
        ("est-termo/CZ-down.asp", b"Idioma=PT&Dt_Ref=21/03/2020&saida=csv", 200, ""),
        ("est-termo/other.asp", b"Dt_Ref=20/03/2020", 404, "404"),
    ],
)
def test_questions_without_an_answer(path: str, body: bytes | None, status: int, words: str) -> None:
    url = f"https://www.anbima.com.br/informacoes/{path}"
    reply = SampleTransport(SEED).send(Request("any", "POST" if body else "GET", url, "", (), body=body), 30.0)
    assert (reply.status, reply.headers["x-sample"]) == (status, "SAMPLE")
    assert words in reply.body.decode("latin-1")
    assert bool(words) == bool(reply.body)


def test_prices_follow_from_the_rates_and_nominal_values_that_are_served() -> None:
    world = SampleTransport(SEED)
    bonds = read(world, anbima_bonds, WEDNESDAY, WEDNESDAY).rows
    vna = dict(read(world, anbima_vna, WEDNESDAY, WEDNESDAY).rows.select("series_id", "value").rows())
    for row in bonds.iter_rows(named=True):
        title = row["bond"].split(" ")[0]
        if title in ("LTN", "NTN-F", "NTN-B", "NTN-C"):
            quoted = quote(title, np.datetime64(WEDNESDAY), np.datetime64(row["maturity"]), round(100 * row["rate"], 4))
            nominal = vna.get(f"br_vna_{title.lower().replace('-', '')}", 0.0)
            assert row["price"] == unit_price(title, quoted, nominal), row["bond"]


def test_the_fitted_curve_is_the_nominal_curve_of_the_world() -> None:
    parsed = read(SampleTransport(SEED), anbima_ettj, WEDNESDAY, WEDNESDAY).rows
    values = dict(parsed.select("series_id", "value").rows())
    curve = [values[f"br_ettj_pre_{p}"] for p in ("b1", "b2", "b3", "b4", "l1", "l2")]
    bonds = read(SampleTransport(SEED), anbima_bonds, WEDNESDAY, WEDNESDAY).rows
    ltn = bonds.filter(pl.col("series_id") == "br_tpf_ltn", pl.col("maturity") > date(2021, 1, 1))
    days = paths_bonds.bdays(np.datetime64(WEDNESDAY), ltn["maturity"].to_numpy())
    assert anbima_ettj.svensson(curve, days) == pytest.approx(ltn["rate"].to_numpy(), abs=0.0005)


# ---------------------------------------------------------------- the market's own prices


LTN_RATES = "14.714 14.2305 13.7295 13.0636 12.8585 12.7585 12.6711 12.695 12.7079 12.8232 12.9765 13.1032 13.4954"
LTN_DATES = (
    "20260401 20260701 20261001 20270401 20270701 20271001 20280101 20280401 20280701 "
    "20290101 20290701 20300101 20320101"
)
LTN_PRICES = (
    "980.58076 950.076302 920.622446 870.775176 846.566617 821.750637 798.61504 774.796581 752.49794 707.402282 "
    "663.591865 621.927413 476.413959"
)
LFT_RATES = (
    "0.0344 -0.0306 0.012 0.024 0.0419 0.0511 0.064 0.0767 0.089 0.0931 0.0967 0.0981 0.0996 0.1014 0.1024 0.103 0.1042"
)
LFT_DATES = (
    "20260301 20260901 20270301 20270901 20280301 20280901 20290301 20290901 20300301 20300601 20300901 20301201 "
    "20310301 20310601 20310901 20311201 20320301"
)
LFT_PRICES = (
    "18346.422069 18349.926305 18344.495656 18339.945652 18331.084153 18322.883138 18311.269621 18297.05086 "
    "18281.217581 18274.025639 18266.741964 18261.1095 18255.403648 18249.202434 18243.496582 18238.120973 18232.268348"
)


@pytest.mark.parametrize(
    ("title", "settle", "nominal", "dates", "rates", "prices"),
    [
        ("LTN", "20260206", 0.0, LTN_DATES, LTN_RATES, LTN_PRICES),
        ("LFT", "20260206", 18346.789005, LFT_DATES, LFT_RATES, LFT_PRICES),
        ("NTN-F", "20260706", 0.0, "20310101 20330101 20370101", "14.5366 14.5764 14.5259",
         "864.701572 823.854014 773.756861"),
        ("NTN-B", "20260206", 4596.158793, "20260815 20350515 20600815", "10.25 7.5841 7.2148",
         "4635.285892 4209.369049 4056.794962"),
        ("LTN", "20240705", 0.0, "20300101", "12.145", "535.279902"),
        ("LFT", "20240724", 15785.324502, "20300901", "0.1717", "15621.867466"),
    ],
)  # fmt: skip
def test_published_prices(title: str, settle: str, nominal: float, dates: str, rates: str, prices: str) -> None:
    for date_, rate, price in zip(dates.split(), rates.split(), prices.split(), strict=True):
        assert unit_price(title, quote(title, day(settle), day(date_), float(rate)), nominal) == float(price), date_


@pytest.mark.parametrize(
    ("settle", "maturity", "rate", "published"),
    [
        ("20240531", "20350515", 6.1490, 99.3651),
        ("20240531", "20600815", 6.1878, 99.5341),
        ("20240815", "20320815", 5.929, 100.6409),
        ("20260814", "20260815", 13.2098, 102.9056),
    ],
)
def test_published_ntnb_quotes(settle: str, maturity: str, rate: float, published: float) -> None:
    assert quote("NTN-B", day(settle), day(maturity), rate) == published


@pytest.mark.parametrize(
    ("nominal", "quoted", "published"),
    [
        (4299.160173, 99.3651, 4271.864805),
        (4315.498383, 100.6409, 4343.156412),
        (4742.6373, 102.9056, 4880.439369),
        (15785.324502, 99.9291, 15774.132706),
        (14646.892613, 100.0, 14646.892613),
        (15292.897679, 100.0, 15292.897679),
    ],
)
def test_published_prices_of_quotes(nominal: float, quoted: float, published: float) -> None:
    assert unit_price("NTN-B", quoted, nominal) == published


def test_a_basis_point_of_a_published_ltn() -> None:
    low, high = (quote("LTN", day("20250326"), day("20320101"), r) for r in (15.0970, 15.1070))
    assert low - high == pytest.approx(0.226906, abs=1e-9)


def test_a_nominal_value_between_two_anniversaries() -> None:
    start, ratio = np.array([4739.424756]), np.array([7657.73 / 7652.37])
    found = [accrued(start, ratio, np.array([d]), np.array([31.0]))[0] for d in (28.0, 29.0, 30.0)]
    assert found == [4742.423062, 4742.530180, 4742.637300]


def test_cutting_off_keeps_numbers_that_have_no_more_decimals() -> None:
    values = np.random.default_rng(1).integers(10**9, 2 * 10**10, 100_000) / 1e6
    assert (cut(values, 6) == values).all()
    assert cut(np.array([1.9999999, -0.5]), 6).tolist() == [1.999999, -0.5]
