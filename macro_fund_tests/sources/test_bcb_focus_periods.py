"""Focus by year, month, quarter and meeting: addresses, answers as the provider writes them, and the replay server."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, date, datetime
from typing import Any

import polars as pl
import pytest

from macro_fund.settings import Series, default_settings
from macro_fund.sources import bcb_focus_periods as focus
from macro_fund.sources.http import Http, Payload, ReplayUrlTransport, Request, SourceError
from macro_fund.sources.ingest import Window, ingest
from macro_fund.sources.reconcile import facts
from macro_fund.store.tables import TABLES
from macro_fund.time.sessions import sessions
from macro_fund_tests.realworld import FOLDER, RealWorld

SERIES = default_settings().series_of("bcb_focus_periods")
POLICY = default_settings().sources["bcb_focus_periods"]
TABLE = TABLES["bronze/bcb_focus_periods"]
STATISTICS = {"Media": 8.7240, "Mediana": 8.8200, "DesvioPadrao": 0.3554, "Minimo": 8.1000, "Maximo": 9.1000}


def of(series_id: str) -> Series:
    return next(s for s in SERIES if s.id == series_id)


def answer(one: Series, entries: Sequence[object], status: int = 200) -> Payload:
    (request,) = focus.plan(SERIES, {one.id: (date(2023, 7, 3), date(2023, 7, 7))}, POLICY)
    document = {"@odata.context": "https://was-p.bcnet.bcb.gov.br/olinda", "value": list(entries)}
    return Payload(request, status, json.dumps(document).encode(), datetime(2023, 7, 10, tzinfo=UTC), "0" * 64)


def entry(**changes: Any) -> dict[str, Any]:
    return {
        "Indicador": "IPCA", "IndicadorDetalhe": None, "Data": "2023-07-07", "DataReferencia": "2023", **STATISTICS,
        "numeroRespondentes": 119, "baseCalculo": 0,
    } | changes  # fmt: skip


def test_the_addresses_ask_only_what_each_set_has() -> None:
    week = (date(2023, 7, 3), date(2023, 7, 7))
    plan = {r.items[0]: r for r in focus.plan(SERIES, {s.id: week for s in SERIES}, POLICY)}
    base = "https://olinda.bcb.gov.br/olinda/servico/Expectativas/versao/v1/odata/"
    days = "Data%20ge%20'2023-07-03'%20and%20Data%20le%20'2023-07-07'"
    end = "&$top=100000&$format=json"
    assert len(plan) == len(SERIES)
    assert plan["br_focus_fx_annual"].url == (
        f"{base}ExpectativasMercadoAnuais?$filter=Indicador%20eq%20'C%C3%A2mbio'%20and%20{days}"
        f"%20and%20baseCalculo%20eq%200{end}"
    )
    assert plan["br_focus_ipca_month"].url.startswith(
        f"{base}ExpectativaMercadoMensais?$filter=Indicador%20eq%20'IPCA'"
    )
    assert plan["br_focus_gdp_quarter"].url.startswith(f"{base}ExpectativasMercadoTrimestrais?")
    assert plan["br_focus_selic_meeting"].url == (
        f"{base}ExpectativasMercadoSelic?$filter={days}%20and%20baseCalculo%20eq%200{end}"
    )
    assert plan["br_focus_top5_ipca"].url == (
        f"{base}ExpectativasMercadoTop5Anuais?$filter=Indicador%20eq%20'IPCA'%20and%20{days}"
        f"%20and%20tipoCalculo%20eq%20'M'{end}"
    )
    assert plan["br_focus_top5_selic"].url == (
        f"{base}ExpectativasMercadoTop5Selic?$filter={days}%20and%20tipoCalculo%20eq%20'M'{end}"
    )
    assert plan["br_focus_ipca_month"].label == "Focus monthly:IPCA 2023-07-03..2023-07-07"


def test_a_history_is_asked_year_by_year() -> None:
    plan = focus.plan(SERIES, {"br_focus_ipca_month": (date(2021, 12, 30), date(2023, 1, 2))}, POLICY)
    assert [r.label.split()[-1] for r in plan] == [
        "2021-12-30..2021-12-31",
        "2022-01-01..2022-12-31",
        "2023-01-01..2023-01-02",
    ]


@pytest.mark.parametrize(
    ("series_id", "changes", "reference"),
    [
        ("br_focus_ipca_annual", {}, "2023"),
        ("br_focus_ipca_month", {"DataReferencia": "03/2024"}, "2024-03"),
        ("br_focus_gdp_quarter", {"Indicador": "PIB Total", "DataReferencia": "2/2024"}, "2024-Q2"),
        ("br_focus_selic_meeting", {"Indicador": "Selic", "Reuniao": "R1/2026"}, "2026-R1"),
    ],
)
def test_an_entry_becomes_a_row_of_the_table(series_id: str, changes: dict[str, Any], reference: str) -> None:
    read = focus.parse(answer(of(series_id), [entry(**changes), entry(**changes, baseCalculo=1)]), SERIES)
    assert read.rejected.is_empty()
    assert read.rows.columns == facts(TABLE)
    assert read.rows.schema == {c: TABLE.schema[c] for c in facts(TABLE)}
    (row,) = read.rows.rows()
    assert row[:3] == (series_id, date(2023, 7, 7), reference)
    assert row[3:8] == pytest.approx((0.0882, 0.08724, 0.003554, 0.081, 0.091), abs=1e-12)
    assert row[8] == 119


def test_exchange_rates_keep_their_unit() -> None:
    read = focus.parse(answer(of("br_focus_fx_annual"), [entry(Indicador="Câmbio", Mediana=5.05)]), SERIES)
    assert read.rows["median"].to_list() == [5.05]


# Typed in as recorded, with the fields that the Top 5 sets have.
TOP5 = {"Indicador": "IPCA", "Data": "2023-07-07", "DataReferencia": "2023", "tipoCalculo": "M", **STATISTICS}
TOP5_SELIC = {
    "indicador": "Selic", "Data": "2023-07-07", "reuniao": "R5/2023", "tipoCalculo": "M", "media": 13.5,
    "mediana": 13.5, "desvioPadrao": 0.0, "coeficienteVariacao": 0.0, "minimo": 13.5, "maximo": 13.5,
}  # fmt: skip


def test_the_top_5_have_no_base_and_no_count() -> None:
    other = TOP5 | {"tipoCalculo": "C", "Mediana": 1.0}
    read = focus.parse(answer(of("br_focus_top5_ipca"), [TOP5, other]), SERIES)
    assert read.rows.select("reference", "median", "respondents").rows() == [("2023", pytest.approx(0.0882), None)]


def test_the_top_5_of_the_selic_writes_in_lower_case() -> None:
    read = focus.parse(answer(of("br_focus_top5_selic"), [TOP5_SELIC]), SERIES)
    assert read.rows.select("reference", "median", "minimum").rows() == [
        ("2023-R5", pytest.approx(0.135, abs=1e-12), pytest.approx(0.135, abs=1e-12))
    ]


def test_other_statistics_may_be_missing_but_not_the_median() -> None:
    silent = {"Media": None, "DesvioPadrao": None, "Minimo": None, "Maximo": None, "numeroRespondentes": None}
    read = focus.parse(
        answer(of("br_focus_ipca_annual"), [entry(**silent), entry(Mediana=None, DataReferencia="2024")]), SERIES
    )
    assert read.rows.drop("series_id", "event_date", "reference").rows() == [
        (pytest.approx(0.0882), None, None, None, None, None)
    ]
    assert read.rejected.select("item", "event_date", "reason").rows() == [
        ("br_focus_ipca_annual 2024", date(2023, 7, 7), "median: no value")
    ]


@pytest.mark.parametrize(
    ("changes", "item", "reason"),
    [
        ({"Mediana": "NaN"}, "br_focus_ipca_annual 2023", "median: not a finite number: 'NaN'"),
        ({"Media": "n/a"}, "br_focus_ipca_annual 2023", "mean: not a number: 'n/a'"),
        ({"numeroRespondentes": "many"}, "br_focus_ipca_annual 2023", "respondents: not a number: 'many'"),
        ({"DataReferencia": "2023/2"}, "br_focus_ipca_annual", "period not readable: '2023/2'"),
        ({"Data": "07/07/2023"}, "br_focus_ipca_annual 2023", "day not readable"),
    ],
)
def test_what_cannot_be_read_is_rejected_with_its_entry(changes: dict[str, Any], item: str, reason: str) -> None:
    read = focus.parse(answer(of("br_focus_ipca_annual"), [entry(**changes)]), SERIES)
    assert read.rows.is_empty()
    assert read.rejected.select("item", "reason").rows() == [(item, reason)]
    assert "'mediana'" in read.rejected["raw"].item()


def test_a_window_without_entries_is_empty() -> None:
    read = focus.parse(answer(of("br_focus_ipca_annual"), []), SERIES)
    assert read.rows.is_empty()
    assert read.rows.columns == facts(TABLE)


def test_an_answer_at_the_limit_may_be_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(focus, "TOP", 3)
    with pytest.raises(SourceError, match="3 entries reach the limit of 3"):
        focus.parse(answer(of("br_focus_ipca_annual"), [entry()] * 3), SERIES)


@pytest.mark.parametrize(
    ("series_id", "drop", "reason"),
    [
        ("br_focus_ipca_annual", "baseCalculo", "entries without basecalculo"),
        ("br_focus_ipca_annual", "DataReferencia", "entries without datareferencia"),
        ("br_focus_ipca_annual", "Mediana", "entries without mediana"),
        ("br_focus_top5_ipca", "baseCalculo", "entries without tipocalculo"),
        ("br_focus_selic_meeting", "Media", "entries without media, reuniao"),
    ],
)
def test_other_fields_are_refused(series_id: str, drop: str, reason: str) -> None:
    changed = {k: v for k, v in entry().items() if k != drop}
    with pytest.raises(SourceError, match=reason):
        focus.parse(answer(of(series_id), [changed]), SERIES)


@pytest.mark.parametrize(
    ("body", "status", "reason"),
    [
        (b"<html>Requisi\xc3\xa7\xc3\xa3o inv\xc3\xa1lida!</html>", 200, "a web page instead of data"),
        (b"", 200, "empty answer"),
        (b'{"value": [{"Indicador"', 200, "not complete JSON"),
        (b'{"error": {"code": null, "message": "x"}}', 400, "refused by the provider"),
        (b'{"value": ["x"]}', 200, "entries without"),
    ],
)
def test_what_is_not_data_is_refused(body: bytes, status: int, reason: str) -> None:
    request = answer(of("br_focus_ipca_annual"), []).request
    with pytest.raises(SourceError, match=reason):
        focus.parse(Payload(request, status, body, datetime(2023, 7, 10, tzinfo=UTC), ""), SERIES)


@pytest.mark.parametrize(
    "code", ["IPCA", "weekly:IPCA", "annual:", "annual:IPCA:M", "top5_annual:IPCA", "top5_annual:IPCA:X"]
)
def test_a_code_of_another_form_is_a_configuration_error(code: str) -> None:
    with pytest.raises(ValueError, match="must be SET:INDICATOR"):
        focus.code_of(SERIES[0].model_copy(update={"code": code}))


MONTH = of("br_focus_ipca_month")


def replay(world: RealWorld, now: datetime) -> Http:
    world.set_now(now)
    policies = {"bcb_focus_periods": POLICY.model_copy(update={"attempts": 1})}
    return Http(ReplayUrlTransport(world.url), policies, None, lambda: now)


@pytest.mark.realworld
def test_real_monthly_expectations_arrive_value_for_value(realworld: RealWorld) -> None:
    http = replay(realworld, datetime(2015, 2, 1, tzinfo=UTC))
    requests = focus.plan([MONTH], {MONTH.id: (date(2003, 1, 2), date(2014, 12, 31))}, http.policy("bcb_focus_periods"))
    parsed = [focus.parse(http.fetch(r), [MONTH]) for r in requests]
    assert len(requests) == 12
    assert all(p.rejected.is_empty() for p in parsed)
    got = pl.concat([p.rows for p in parsed]).select("event_date", "reference", "median")
    stored = pl.read_parquet(FOLDER / "data/br_focus.parquet").filter(pl.col("set") == "mensal")
    wanted = stored.select(
        pl.col("date").alias("event_date"),
        pl.col("ref").str.replace(r"(\d\d)/(\d{4})", "$2-$1").alias("reference"),
        (pl.col("mediana") * 0.01).alias("median"),
    )
    assert got.height == 45_997
    assert got.sort("event_date", "reference").equals(wanted.sort("event_date", "reference"))


@pytest.mark.realworld
def test_real_mornings_know_nothing_before_its_monday(realworld: RealWorld) -> None:
    table = sessions()
    one = MONTH.model_copy(update={"start": date(2013, 1, 2)})
    keys = table.keys(date(2013, 6, 5), date(2013, 6, 11))
    known = TABLE.empty()
    for i, key in enumerate(keys):
        window = Window((key,), table.as_of(table.offset(key, -1)) if i else None, table.as_of(key))
        got = ingest(focus, [one], window, known, table, replay(realworld, window.upper))
        assert got.failures.is_empty()
        assert got.quarantine.is_empty()
        assert (got.rows["knowledge_time"] <= window.upper).all()
        known = pl.concat([known, got.rows])
    newest = dict(known.group_by("session").agg(pl.col("event_date").max()).filter(pl.col("session") >= keys[0]).rows())
    # The survey of the week to 7 June came on Monday 10 June at 08:30, in time for that morning's session.
    assert newest == {date(2013, 6, 10): date(2013, 6, 7)}
    assert known.filter(pl.col("session") < keys[0])["event_date"].max() == date(2013, 5, 31)
    assert known.select(TABLE.sort).is_duplicated().sum() == 0


@pytest.mark.realworld
def test_real_sets_without_data_are_empty_answers(realworld: RealWorld) -> None:
    http = replay(realworld, datetime(2015, 2, 1, tzinfo=UTC))
    week = (date(2014, 1, 6), date(2014, 1, 10))
    for request in focus.plan(SERIES, {s.id: week for s in SERIES}, POLICY):
        rows = focus.parse(http.fetch(request), SERIES).rows
        assert rows.is_empty() == (request.items != (MONTH.id,)), request.label


@pytest.mark.realworld
@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        ("http500", "the provider failed"),
        ("html200", "a web page"),
        ("truncated", "not complete JSON"),
        ("empty", "empty"),
    ],
)
def test_real_faults_name_the_question(realworld: RealWorld, kind: str, reason: str) -> None:
    http = replay(realworld, datetime(2015, 2, 1, tzinfo=UTC))
    realworld.fault("olinda.bcb.gov.br", kind)
    (request,) = focus.plan([MONTH], {MONTH.id: (date(2014, 1, 6), date(2014, 1, 10))}, POLICY)
    with pytest.raises(SourceError, match=rf"Focus monthly:IPCA 2014-01-06\.\.2014-01-10: {reason}"):
        http.fetch(request, lambda payload: focus.parse(payload, [MONTH]))


def test_the_request_is_what_the_protocol_says() -> None:
    (request,) = focus.plan([MONTH], {MONTH.id: (date(2014, 1, 6), date(2014, 1, 10))}, POLICY)
    assert isinstance(request, Request)
    assert (request.provider, request.method, request.items) == ("bcb_focus_periods", "GET", (MONTH.id,))
    assert "%24" not in request.url
