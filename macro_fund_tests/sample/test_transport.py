"""What the transport shows, when, and in which words: wire formats, publication, poison, reproducibility."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from types import ModuleType

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from macro_fund.sample.transport import SampleTransport
from macro_fund.settings import default_settings
from macro_fund.sources.http import Http
from macro_fund_tests.sample.asking import CONNECTORS, END_OF_TIME, SEED, get, history, read, with_times

SGS = "https://api.bcb.gov.br/dados/serie/bcdata.sgs.{}/dados?formato=json&dataInicial={}&dataFinal={}"
PTAX = (
    "https://olinda.bcb.gov.br/olinda/servico/PTAX/versao/v1/odata/CotacaoDolarPeriodo(dataInicial=@dataInicial,"
    "dataFinalCotacao=@dataFinalCotacao)?@dataInicial='{}'&@dataFinalCotacao='{}'&$format=json"
)
FOCUS = "https://olinda.bcb.gov.br/olinda/servico/Expectativas/versao/v1/odata/ExpectativasMercadoInflacao12Meses?{}"
FRED = "https://fred.stlouisfed.org/graph/fredgraph.csv?id={}&cosd={}&coed={}"
TREASURY = (
    "https://home.treasury.gov/resource-center/data-chart-center/interest-rates/daily-treasury-rates.csv/{0}/all"
    "?type=daily_treasury_yield_curve&field_tdr_date_value={0}&page&_format=csv"
)
YAHOO = "https://query1.finance.yahoo.com/v8/finance/chart/{}?period1={}&period2={}&interval={}&events=div%2Csplits"
B3 = "https://www.b3.com.br/pesquisapregao/download?filelist=SPRD200312.zip"
EXAMPLES = (
    SGS.format(12, "02/01/2015", "31/12/2017"),
    SGS.format(433, "01/01/2004", "01/12/2019"),
    PTAX.format("01-02-2018", "12-28-2018"),
    FOCUS.format("$filter=Indicador%20eq%20'IPCA'%20and%20Data%20ge%20'2018-01-01'%20and%20Data%20le%20'2018-03-28'"),
    FRED.format("DFF", "2015-01-01", "2016-12-31"),
    TREASURY.format(2019),
    YAHOO.format("%5EBVSP", 1500000000, 1550000000, "1d"),
    B3,
)


@pytest.fixture(scope="module")
def everything() -> SampleTransport:
    return SampleTransport(SEED)


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


def digest(transport: SampleTransport) -> list[str]:
    return [hashlib.sha256(get(transport, url).body).hexdigest() for url in EXAMPLES]


# ---------------------------------------------------------------- reproducibility


def test_another_process_gives_the_same_bytes(everything: SampleTransport) -> None:
    code = (
        "from macro_fund.sample.transport import SampleTransport\n"
        "from macro_fund_tests.sample.test_transport import SEED, digest\n"
        "print('\\n'.join(digest(SampleTransport(SEED))))"
    )
    root = Path(__file__).resolve().parents[2]
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=root)
    assert found.stdout.split() == digest(everything)


def test_the_past_reads_the_same_from_any_later_day(everything: SampleTransport) -> None:
    for moment in ("2020-03-16T12:00:00Z", "2024-07-01T03:00:00Z"):
        assert digest(SampleTransport(SEED, now=at(moment))) == digest(everything)


def test_another_seed_is_another_world(everything: SampleTransport) -> None:
    assert not set(digest(SampleTransport(SEED + 1))) & set(digest(everything))


def test_every_answer_says_sample_and_nothing_waits(everything: SampleTransport) -> None:
    for url in (*EXAMPLES, "https://example.org/x", SGS.format(99999, "01/01/2020", "02/01/2020")):
        assert get(everything, url).headers["x-sample"] == "SAMPLE"
    assert everything.waits is False


def test_a_moment_without_time_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="has no time zone"):
        SampleTransport(SEED, now=datetime(2020, 1, 1))  # noqa: DTZ001


# ---------------------------------------------------------------- the connectors' round trip

# Fewest values in a year: holidays and Yahoo's bars without prices are missing.
A_YEAR = {"D": 243, "W": 51.5, "M": 11.9, "Q": 3.9, "A": 0.95}


@pytest.mark.parametrize("connector", CONNECTORS, ids=lambda c: c.PROVIDER)
def test_connectors_read_every_series_without_a_rejected_row(connector: ModuleType) -> None:
    found = history(connector).group_by("series_id").agg(
        pl.len(), pl.col("value").min().alias("low"), pl.col("value").max().alias("high"),
        pl.col("event_date").min().alias("first"), pl.col("event_date").max().alias("last"),
    )  # fmt: skip
    rows = {r["series_id"]: r for r in found.to_dicts()}
    for s in default_settings().series_of(connector.PROVIDER):
        row = rows[s.id]
        begins, ends = max(s.start, date(2004, 1, 1)), min(s.ended or date.max, date(2030, 12, 31))
        years = (ends - begins).days / 365.25
        assert row["len"] >= A_YEAR[s.frequency] * years - 1, s.id
        assert s.low <= row["low"] <= row["high"] <= s.high, s.id
        assert row["first"] <= begins + timedelta(days=6 if s.frequency == "W" else 5), s.id
        assert s.ended is None or row["last"] <= s.ended, s.id


def test_http_passes_answers_through(everything: SampleTransport) -> None:
    http = Http(everything, default_settings().sources, None, lambda: END_OF_TIME)
    connector = CONNECTORS[0]
    series = default_settings().series_of("bcb_sgs")[:1]
    (request,) = connector.plan(series, {series[0].id: (date(2020, 1, 1), date(2020, 2, 1))}, http.policy("bcb_sgs"))
    parsed = connector.parse(http.fetch(request), series)
    assert parsed.rows.height == 32
    assert parsed.rows["value"].is_between(0.02, 0.20).all()


# ---------------------------------------------------------------- publication

MOMENTS = st.datetimes(datetime(2010, 1, 4), datetime(2030, 6, 30), timezones=st.just(UTC))  # noqa: DTZ001


@settings(max_examples=25)
@given(now=MOMENTS, connector=st.sampled_from(CONNECTORS))
def test_a_frozen_clock_shows_exactly_what_the_rules_make_public(now: datetime, connector: ModuleType) -> None:
    window = (now.date() - timedelta(days=500), now.date() + timedelta(days=60))
    inside = pl.col("event_date").is_between(*window)
    shown = read(SampleTransport(SEED, now=now), connector, *window, fetched_at=now).rows.filter(inside)
    public = history(connector).filter(inside, pl.col("knowledge_time") <= now)
    ahead = pl.col("series_id") == "br_selic_target"
    newest = public.filter(ahead)["event_date"].max() or now.date()
    shown = shown.filter(~ahead | (pl.col("event_date") <= newest))
    shown = shown.unique().sort("series_id", "event_date")
    assert shown.equals(public.drop("knowledge_time"))


def selic(now: str) -> list[tuple[date, float]]:
    body = get(SampleTransport(SEED, now=at(now)), SGS.format(432, "01/01/2019", "31/12/2020")).body
    return [(datetime.strptime(r["data"], "%d/%m/%Y").date(), float(r["valor"])) for r in json.loads(body)]  # noqa: DTZ007


def test_selic_target_is_shown_to_the_next_meeting_and_no_further() -> None:
    meeting, following = date(2020, 3, 18), date(2020, 5, 6)  # Wednesdays of the calendar
    before, after = selic("2020-03-18T18:29:00-03:00"), selic("2020-03-18T18:30:00-03:00")
    assert before[-1][0] == meeting
    assert after[-1][0] == following
    assert after[: len(before)] == before
    assert len({v for d, v in after if d > meeting}) == 1
    assert dict(selic("2020-12-31T12:00:00-03:00"))[date(2020, 5, 6)] == after[-1][1]


@pytest.mark.parametrize(
    ("code", "event", "hidden", "public"),
    [
        (433, "01/02/2020", "2020-03-11T08:59:00-03:00", "2020-03-11T09:00:00-03:00"),
        (24364, "01/01/2020", "2020-03-19T08:59:00-03:00", "2020-03-19T09:00:00-03:00"),
        (12, "13/03/2020", "2020-03-16T08:59:00-03:00", "2020-03-16T09:00:00-03:00"),
        (13521, "01/01/2022", "2020-07-01T17:59:00-03:00", "2020-07-01T18:00:00-03:00"),
    ],
)
def test_first_minute_of_a_value(code: int, event: str, hidden: str, public: str) -> None:
    url = SGS.format(code, event, event)
    assert get(SampleTransport(SEED, now=at(hidden)), url).status == 404
    assert get(SampleTransport(SEED, now=at(public)), url).status == 200


def test_focus_of_a_week_comes_on_monday() -> None:
    url = FOCUS.format("$filter=Indicador%20eq%20'IPCA'%20and%20Data%20ge%20'2020-03-02'&$format=json")
    sunday = json.loads(get(SampleTransport(SEED, now=at("2020-03-08T12:00:00-03:00")), url).body)["value"]
    monday = json.loads(get(SampleTransport(SEED, now=at("2020-03-09T08:30:00-03:00")), url).body)["value"]
    assert sunday == []
    assert {r["Data"] for r in monday} == {f"2020-03-0{d}" for d in (2, 3, 4, 5, 6)}


# ---------------------------------------------------------------- poison


@pytest.mark.parametrize("connector", CONNECTORS, ids=lambda c: c.PROVIDER)
def test_poison_spoils_every_value_known_later_and_no_other(connector: ModuleType) -> None:
    # Late in a year: a connector may refuse a file of which most values are absurd.
    moment = at("2020-11-12T11:55:00Z")
    window = (date(2020, 5, 1), date(2020, 12, 31))
    inside = pl.col("event_date").is_between(*window)
    clean = history(connector).filter(inside)
    poisoned = with_times(read(SampleTransport(SEED, poison_after=moment), connector, *window).rows).filter(inside)
    known = pl.col("knowledge_time") <= moment
    assert clean.filter(known).equals(poisoned.filter(known))
    pairs = clean.filter(~known).join(poisoned, on=["series_id", "event_date"], suffix="_poisoned")
    assert pairs.height == clean.filter(~known).height > 0
    assert (pairs["value_poisoned"] != pairs["value"]).all()
    nonzero = pairs.filter(pl.col("value") != 0)
    ratio = nonzero["value_poisoned"] / nonzero["value"]
    assert ratio.is_between(-1000.001, -999.999).all()


# ---------------------------------------------------------------- wire formats


def test_sgs_rows_are_texts_with_the_decimals_of_the_series(everything: SampleTransport) -> None:
    rows = json.loads(get(everything, SGS.format(12, "02/01/2020", "03/01/2020")).body)
    assert [r["data"] for r in rows] == ["02/01/2020", "03/01/2020"]
    assert all(len(r["valor"].partition(".")[2]) == 6 for r in rows)
    assert list(rows[0]) == ["data", "valor"]


def test_sgs_refusals(everything: SampleTransport) -> None:
    ok = get(everything, SGS.format(432, "01/01/2010", "01/01/2020"))
    long = get(everything, SGS.format(432, "01/01/2010", "02/01/2020"))
    assert (ok.status, long.status) == (200, 406)
    assert "no máximo, 10 anos em séries de periodicidade diária" in json.loads(long.body)["error"]
    assert get(everything, SGS.format(432, "29/02/2012", "01/03/2022")).status == 200
    assert get(everything, "https://api.bcb.gov.br/dados/serie/bcdata.sgs.12/dados?formato=json").status == 406
    assert get(everything, "https://api.bcb.gov.br/dados/serie/bcdata.sgs.433/dados?formato=json").status == 200
    none = get(everything, SGS.format(12, "04/01/2020", "05/01/2020"))  # a weekend
    unknown = get(everything, SGS.format(99999, "01/01/2020", "02/01/2020"))
    for missing in (none, unknown):
        assert missing.status == 404
        assert json.loads(missing.body) == {"erro": {"statusCode": 404, "detail": "Value(s) not found"}}
    assert get(everything, SGS.format(12, "2020-01-01", "02/01/2020")).status == 400


def test_ptax_entry(everything: SampleTransport) -> None:
    document = json.loads(get(everything, PTAX.format("09-12-2022", "09-12-2022")).body)
    assert document["@odata.context"].endswith("$metadata#_CotacaoDolarPeriodo")
    (row,) = document["value"]
    assert list(row) == ["cotacaoCompra", "cotacaoVenda", "dataHoraCotacao"]
    assert row["dataHoraCotacao"].startswith("2022-09-12 13:0")
    assert row["cotacaoVenda"] - row["cotacaoCompra"] == pytest.approx(0.0006)


def test_olinda_refusals(everything: SampleTransport) -> None:
    assert json.loads(get(everything, PTAX.format("2022-09-12", "2022-09-13")).body)["value"] == []
    assert json.loads(get(everything, PTAX.format("12-25-2019", "12-25-2019")).body)["value"] == []
    assert get(everything, PTAX.format("09-12-2022", "09-12-2022").replace("$", "%24")).status == 400
    assert get(everything, FOCUS.format("$filter=Nada%20eq%20'IPCA'")).status == 400
    assert get(everything, FOCUS.format("$filter=Data%20perto%20'2020-01-01'")).status == 400
    assert get(everything, FOCUS.format("$top=muitos")).status == 400
    other = get(everything, FOCUS.format("$top=1").replace("Inflacao12Meses", "Instituicoes"))
    assert other.status == 404
    assert "ExpectativasMercadoInstituicoes" in json.loads(other.body)["error"]["message"]


def test_focus_honours_filter_order_and_top(everything: SampleTransport) -> None:
    terms = "Indicador%20eq%20'IPCA'%20and%20Data%20ge%20'2020-03-02'%20and%20Data%20lt%20'2020-03-06'"
    rows = json.loads(get(everything, FOCUS.format(f"$filter={terms}&$orderby=Data%20desc")).body)["value"]
    assert [r["Data"] for r in rows[::4]] == ["2020-03-05", "2020-03-04", "2020-03-03", "2020-03-02"]
    assert {(r["Suavizada"], r["baseCalculo"]) for r in rows[:4]} == {("S", 0), ("S", 1), ("N", 0), ("N", 1)}
    assert list(rows[0]) == [
        "Indicador", "Data", "Suavizada", "Media", "Mediana", "DesvioPadrao", "Minimo", "Maximo",
        "numeroRespondentes", "baseCalculo",
    ]  # fmt: skip
    assert all(r["Minimo"] < r["Mediana"] < r["Maximo"] for r in rows)
    smooth = f"{terms}%20and%20Suavizada%20eq%20'S'%20and%20baseCalculo%20eq%200"
    assert len(json.loads(get(everything, FOCUS.format(f"$filter={smooth}&$top=3")).body)["value"]) == 3
    assert json.loads(get(everything, FOCUS.format("$filter=Indicador%20eq%20'IGP-DI'")).body)["value"] == []


def test_fred_file(everything: SampleTransport) -> None:
    lines = get(everything, FRED.format("VIXCLS", "2020-07-02", "2020-07-07")).body.decode().split("\n")
    assert lines[0] == "observation_date,VIXCLS"
    assert [x[:10] for x in lines[1:-1]] == ["2020-07-02", "2020-07-03", "2020-07-06", "2020-07-07"]
    assert lines[2] == "2020-07-03,"  # Independence Day, observed
    assert lines[-1] == ""
    assert len(get(everything, FRED.format("DFF", "2020-07-01", "2020-07-07")).body.decode().split()) == 8
    unknown = get(everything, FRED.format("NOTHERE", "2020-01-01", "2020-02-01"))
    assert unknown.status == 404
    assert unknown.body.startswith(b"<!DOCTYPE html>")


@pytest.mark.parametrize(
    ("year", "there", "absent"),
    [
        (2004, ["1 Mo", "3 Mo", "20 Yr"], ["2 Mo", "4 Mo", "30 Yr"]),
        (2017, ["1 Mo", "30 Yr"], ["2 Mo", "1.5 Month"]),
        (2018, ["1 Mo", "2 Mo"], ["4 Mo"]),
        (2025, ["1 Mo", "1.5 Month", "2 Mo", "3 Mo", "4 Mo", "6 Mo", "30 Yr"], []),
    ],
)
def test_treasury_columns_by_year(everything: SampleTransport, year: int, there: list[str], absent: list[str]) -> None:
    lines = get(everything, TREASURY.format(year)).body.decode().splitlines()
    names = lines[0].split(",")
    assert names[0] == "Date"
    assert set(there) <= {n.strip('"') for n in names[1:]}
    assert not set(absent) & {n.strip('"') for n in names[1:]}
    days = [datetime.strptime(x[:10], "%m/%d/%Y") for x in lines[1:]]  # noqa: DTZ007
    assert days == sorted(days, reverse=True)
    assert {d.year for d in days} == {year}
    assert 245 < len(days) < 253


def test_treasury_blank_before_a_tenor_existed(everything: SampleTransport) -> None:
    lines = get(everything, TREASURY.format(2018)).body.decode().splitlines()
    column = lines[0].split(",").index('"2 Mo"')
    cells = {x[:10]: x.split(",")[column] for x in lines[1:]}
    assert cells["10/15/2018"] == ""
    assert float(cells["10/16/2018"]) > 0


def test_treasury_year_that_has_not_begun_is_a_header() -> None:
    body = get(SampleTransport(SEED, now=at("2020-01-02T12:00:00Z")), TREASURY.format(2020)).body.decode()
    assert body.count("\n") == 1
    assert body.startswith("Date,")


def test_yahoo_chart(everything: SampleTransport) -> None:
    start, end = int(at("2019-01-01T00:00:00Z").timestamp()), int(at("2022-01-01T00:00:00Z").timestamp())
    (chart,) = json.loads(get(everything, YAHOO.format("%5EBVSP", start, end, "1d")).body)["chart"]["result"]
    meta, (quote,) = chart["meta"], chart["indicators"]["quote"]
    assert meta["dataGranularity"] == "1d"
    assert (meta["symbol"], meta["currency"], meta["exchangeTimezoneName"]) == ("^BVSP", "BRL", "America/Sao_Paulo")
    assert meta["gmtoffset"] == -10800
    assert "SAMPLE" in meta["longName"]
    first = datetime.fromtimestamp(chart["timestamp"][0], UTC)
    assert first == at("2019-01-02T10:00:00-02:00")  # summer time then
    closes = quote["close"]
    assert 0 < sum(c is None for c in closes) < 15
    for o, h, low, c in zip(quote["open"], quote["high"], quote["low"], closes, strict=True):
        assert (c is None and o is None) or low <= min(o, c) <= max(o, c) <= h
    assert chart["indicators"]["adjclose"] == [{"adjclose": closes}]


def test_yahoo_refusals(everything: SampleTransport) -> None:
    assert get(everything, YAHOO.format("NOTHERE", 1, 2, "1d")).status == 404
    assert get(everything, YAHOO.format("%5EGSPC", 1, 2, "15m")).status == 422
    empty = get(everything, YAHOO.format("%5EGSPC", 1, 2, "1d"))
    assert empty.status == 400
    assert json.loads(empty.body)["chart"]["error"]["description"].startswith("Data doesn't exist for startDate = 1")
    assert get(everything, YAHOO.format("%5EGSPC", "", 2, "1d")).status == 400


def test_hosts_and_paths_that_nobody_serves(everything: SampleTransport) -> None:
    stranger = get(everything, "https://example.org/data")
    assert stranger.status == 404
    assert b"simulated: api.bcb.gov.br" in stranger.body
    for host in ("api.bcb.gov.br", "olinda.bcb.gov.br", "www.b3.com.br", "fred.stlouisfed.org", "home.treasury.gov"):
        reply = get(everything, f"https://{host}/nothing/here")
        assert reply.status == 404
        assert reply.body.startswith(b"<!DOCTYPE html>")
    assert get(everything, "https://query1.finance.yahoo.com/v7/finance/quote").status == 404
