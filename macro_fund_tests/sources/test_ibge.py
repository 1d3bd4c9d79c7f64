"""IBGE aggregates: addresses, the answer's shape and names, refusals, and the real data of the replay server."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, date, datetime
from functools import cache
from typing import Any

import polars as pl
import pytest

from macro_fund.settings import Series, default_settings
from macro_fund.sources import ibge
from macro_fund.sources.http import Http, Parsed, Payload, ReplayUrlTransport, Request, SourceError
from macro_fund.sources.ingest import Ingested, Window, ingest
from macro_fund.store.tables import TABLES
from macro_fund.time.publication import knowledge_times
from macro_fund.time.sessions import sessions
from macro_fund_tests.realworld import FOLDER, RealWorld

SERIES = default_settings().series_of("ibge")
BY_ID = {s.id: s for s in SERIES}
POLICY = default_settings().sources["ibge"]
IPCA = BY_ID["br_sidra_ipca_mom"]
FOOD = BY_ID["br_sidra_ipca_mom_food_beverages"]
HOUSING = BY_ID["br_sidra_ipca_mom_housing"]
GDP = BY_ID["br_gdp_index_sa"]
ROOT = "https://servicodados.ibge.gov.br/api/v3/agregados"
WHERE = "localidades=N1[all]"
PAGE = b"<!DOCTYPE html><html><body>Servico indisponivel</body></html>"


def urls(windows: dict[str, tuple[date, date]], series: tuple[Series, ...] = SERIES) -> list[str]:
    return [r.url for r in ibge.plan(series, windows, POLICY)]


def result(serie: dict[str, str], *classes: tuple[str, str, str], place: str = "1") -> dict[str, Any]:
    return {
        "classificacoes": [{"id": c, "nome": "", "categoria": {k: name}} for c, k, name in classes],
        "series": [{"localidade": {"id": place, "nível": {"id": "N1"}, "nome": "Brasil"}, "serie": serie}],
    }


def block(*results: dict[str, Any], **changes: object) -> list[dict[str, Any]]:
    return [{"id": "63", "variavel": "IPCA - Variação mensal", "unidade": "%", "resultados": list(results), **changes}]


def parse(
    document: object,
    *asked: Series,
    periods: tuple[date, date] = (date(2025, 1, 1), date(2025, 2, 28)),
    status: int = 200,
) -> Parsed:
    """The answer to the one question that `asked` (default: IPCA) lead to."""
    wanted = asked or (IPCA,)
    body = document if isinstance(document, bytes) else json.dumps(document).encode()
    (request,) = ibge.plan(wanted, {s.id: periods for s in wanted}, POLICY)
    payload = Payload(request, status, body, datetime(2025, 3, 20, tzinfo=UTC), hashlib.sha256(body).hexdigest())
    return ibge.parse(payload, SERIES)


# ---------------------------------------------------------------- questions


def test_series_of_one_table_and_variable_share_a_request() -> None:
    window = (date(2025, 1, 1), date(2025, 3, 31))
    requests = ibge.plan(SERIES, {s.id: window for s in (IPCA, FOOD, HOUSING)}, POLICY)
    assert [r.url for r in requests] == [
        f"{ROOT}/1737/periodos/202501-202503/variaveis/63?{WHERE}",
        f"{ROOT}/7060/periodos/202501-202503/variaveis/63?{WHERE}&classificacao=315[all]",
    ]
    assert [set(r.items) for r in requests] == [{IPCA.id}, {FOOD.id, HOUSING.id}]


def test_a_history_is_asked_of_each_table_for_its_own_months() -> None:
    assert urls({FOOD.id: (date(2019, 11, 15), date(2020, 2, 10))}) == [
        f"{ROOT}/1419/periodos/201911-201912/variaveis/63?{WHERE}&classificacao=315[7170]",
        f"{ROOT}/7060/periodos/202001-202002/variaveis/63?{WHERE}&classificacao=315[7170]",
    ]


def test_quarters_moving_quarters_and_two_classifications() -> None:
    window = (date(2023, 10, 1), date(2024, 4, 5))
    assert urls({i: window for i in ("br_gdp_index_sa", "br_pnad_unemployment")}) == [
        f"{ROOT}/1621/periodos/202304-202402/variaveis/584?{WHERE}&classificacao=11255[90707]",
        f"{ROOT}/6381/periodos/202310-202404/variaveis/4099?{WHERE}",
    ]
    assert urls({"br_pms_yoy": (date(2024, 4, 1), date(2024, 4, 30))}) == [
        f"{ROOT}/8688/periodos/202404/variaveis/11624?{WHERE}&classificacao=11046[56726]|12355[107071]"
    ]


def test_no_question_exceeds_the_limit_and_none_is_lost() -> None:
    parts = [s for s in SERIES if s.code.startswith("7060/63/")]
    window = (date(2020, 1, 1), date(2040, 12, 31))
    requests = ibge.plan(SERIES, {s.id: window for s in parts}, POLICY)
    spans = [r.url.split("/periodos/")[1].split("/")[0].split("-") for r in requests]
    months = [(int(b[:4]) - int(a[:4])) * 12 + int(b[4:]) - int(a[4:]) + 1 for a, b in spans]
    assert sum(months) == 21 * 12
    assert spans[0][0] == "202001"
    assert spans[-1][1] == "204012"
    assert all(m * len(parts) <= 50_000 for m in months)
    assert all(set(r.items) == {s.id for s in parts} for r in requests)


def test_a_code_of_another_form_is_told() -> None:
    wrong = IPCA.model_copy(update={"code": "t1737/v63"})
    with pytest.raises(ValueError, match="br_sidra_ipca_mom: code 't1737/v63' is not"):
        ibge.plan([wrong], {IPCA.id: (date(2025, 1, 1), date(2025, 2, 1))}, POLICY)


def test_the_catalogue_asks_for_each_thing_once() -> None:
    codes = [s.code for s in SERIES]
    assert len(codes) == len(set(codes))
    assert all(ibge.key_of(s).tables for s in SERIES)
    numbers = [s.title.split(" | ")[1].split(".")[0] for s in SERIES if s.code.startswith("7060/63/")]
    assert sum(len(n) == 7 for n in numbers) == 377


# ---------------------------------------------------------------- answers


def test_a_published_answer() -> None:
    parsed = parse(block(result({"202501": "0.16", "202502": "1.31"})))
    assert parsed.rows.rows() == [
        (IPCA.id, date(2025, 1, 1), pytest.approx(0.0016, abs=1e-15)),
        (IPCA.id, date(2025, 2, 1), pytest.approx(0.0131, abs=1e-15)),
    ]
    assert parsed.rejected.is_empty()


def test_categories_go_to_their_series_and_others_are_left() -> None:
    parsed = parse(
        block(
            result({"202501": "0.96"}, ("315", "7170", "1.Alimentação e bebidas")),
            result({"202501": "-3.08"}, ("315", "7445", "2.Habitação")),
            result({"202501": "9.99"}, ("315", "999999", "Novo")),
        ),
        FOOD,
        HOUSING,
    )
    assert parsed.rows["series_id"].to_list() == [FOOD.id, HOUSING.id]
    assert parsed.rows["value"].to_list() == pytest.approx([0.0096, -0.0308], abs=1e-15)


def test_a_quarter_is_dated_by_its_first_month() -> None:
    document = block(
        result({"202401": "190.5", "202402": "..."}, ("11255", "90707", "PIB a preços de mercado")),
        id="584",
        variavel="Série encadeada do índice de volume trimestral com ajuste sazonal (Base: média 1995 = 100)",
        unidade="Número-índice",
    )
    parsed = parse(document, GDP, periods=(date(2024, 1, 1), date(2024, 6, 30)))
    assert parsed.rows.rows() == [(GDP.id, date(2024, 1, 1), 190.5)]


@pytest.mark.parametrize("mark", ["-", "..", "...", "X"])
def test_a_missing_mark_is_no_row_and_never_zero(mark: str) -> None:
    parsed = parse(block(result({"202501": mark, "202502": "0.00"})))
    assert parsed.rows.rows() == [(IPCA.id, date(2025, 2, 1), 0.0)]
    assert parsed.rejected.is_empty()


def test_what_is_no_number_is_rejected_with_its_reason() -> None:
    parsed = parse(block(result({"202501": "NaN", "202502": "0,16"})))
    assert parsed.rows.is_empty()
    assert parsed.rejected.select("item", "event_date", "reason").rows() == [
        (IPCA.id, date(2025, 1, 1), "not a finite number: 'NaN'"),
        (IPCA.id, date(2025, 2, 1), "not a number: '0,16'"),
    ]


@pytest.mark.parametrize(
    ("code", "frequency", "day"),
    [
        ("202412", "M", date(2024, 12, 1)),
        ("202413", "M", None),
        ("202404", "Q", date(2024, 10, 1)),
        ("202405", "Q", None),
        ("202400", "M", None),
        ("2024", "M", None),
    ],
)
def test_period_codes(code: str, frequency: str, day: date | None) -> None:
    assert ibge.day_of(code, frequency) == day


def test_no_data_for_the_window_is_empty() -> None:
    assert parse([]).rows.is_empty()


def test_a_category_under_another_name_is_rejected_and_the_rest_is_read() -> None:
    parsed = parse(
        block(
            result({"202501": "0.96"}, ("315", "7170", "2.Habitação")),
            result({"202501": "-3.08"}, ("315", "7445", "2. habitacao")),
        ),
        FOOD,
        HOUSING,
    )
    assert parsed.rows["series_id"].to_list() == [HOUSING.id]
    assert parsed.rejected.select("item", "event_date", "raw").rows() == [(FOOD.id, None, "2.Habitação")]


OTHER_CATEGORY = ("315", "7445", "2.Habitação")


@pytest.mark.parametrize(
    ("document", "message"),
    [
        (block(result({"202501": "0.16"}), id="66"), "variable 66 .* where 63 was asked"),
        (
            block(result({"202501": "0.16"}), unidade="Número-índice"),
            "unit 'Número-índice' where br_sidra_ipca_mom is in",
        ),
        (block(result({"202501": "0.16"}), variavel="INPC - Variação mensal"), "is called 'INPC - Variação mensal'"),
        (block(result({"202501": "0.16"}, place="35")), "values of place '35' where Brazil"),
        (block(result({"202412": "0.52"})), "periods 202412 where 202501 to 202502 were asked"),
        (block(result({"202501": "0.16"}, OTHER_CATEGORY)), "1 categories, none of those asked"),
        (block() + block(), "2 variables where one was asked"),
        (block({"serie": {}}), "a result without classificacoes"),
        ({"statusCode": 500, "message": "x"}, "not a list of {id, variavel, unidade, resultados}"),
    ],
)
def test_another_answer_than_asked_is_a_lasting_error(document: object, message: str) -> None:
    with pytest.raises(SourceError, match=message) as error:
        parse(document)
    assert not error.value.transient
    assert "tabela/1737" in str(error.value)


@pytest.mark.parametrize(
    ("body", "message"),
    [(PAGE, "a web page"), (b"", "empty answer"), (json.dumps(block()).encode()[:-9], "not complete JSON")],
)
def test_a_broken_answer_is_asked_again(body: bytes, message: str) -> None:
    with pytest.raises(SourceError, match=message) as error:
        parse(body)
    assert error.value.transient


def test_a_refusal_quotes_the_provider() -> None:
    words = {"statusCode": 400, "message": "Quantidade de valores solicitados: 83550 excedeu o limite: 50000"}
    with pytest.raises(SourceError, match="83550 excedeu o limite: 50000"):
        parse(words, status=400)


# ---------------------------------------------------------------- the replay server

TABLE = sessions()
HOST = "servicodados.ibge.gov.br"
KEY = date(2021, 6, 1)


@cache
def stored() -> pl.DataFrame:
    return pl.read_parquet(FOLDER / "data/br_sidra.parquet")


def published_at(series: Series) -> pl.DataFrame:
    """The stored observations of a series from its start on, with the second at which the server shows each."""
    key = ibge.key_of(series)
    category = int(key.categories[0][1]) if key.categories else 0
    return (
        stored()
        .filter(pl.col("t").is_in([int(t) for t in key.tables]), v=int(key.variable), k=category)
        .filter(pl.col("date") >= series.start)
        .sort("date")
    )


def facts(series: Series, upper: datetime) -> pl.DataFrame:
    """What of it the server shows by `upper`, in our unit."""
    return (
        published_at(series)
        .filter(pl.col("pub") <= upper.timestamp())
        .select(event_date="date", value=pl.col("value").cast(pl.Float64) * series.scale)
    )


def run(world: RealWorld, series: list[Series], key: date = KEY) -> Ingested:
    window = Window((key,), None, TABLE.as_of(key))
    world.set_now(window.upper)
    policies = {k: v.model_copy(update={"attempts": 1}) for k, v in default_settings().sources.items()}
    transport = ReplayUrlTransport(world.url)
    try:
        http = Http(transport, policies, None, lambda: window.upper)
        return ingest(ibge, series, window, TABLES["bronze/ibge"].empty(), TABLE, http)
    finally:
        transport.close()


@pytest.mark.realworld
def test_every_served_series_arrives_value_for_value(realworld: RealWorld) -> None:
    upper = TABLE.as_of(KEY)
    served = {s.id: facts(s, upper) for s in SERIES}
    served = {i: f for i, f in served.items() if f.height}
    assert len(served) >= 16
    got = run(realworld, list(SERIES))
    assert got.quarantine.is_empty()
    for series_id, expected in served.items():
        rows = got.rows.filter(pl.col("series_id") == series_id).sort("event_date")
        ours = rows.select("event_date", "value")
        # The platform may know a value later than the server shows it, never earlier.
        assert ours.height >= expected.height - 1, series_id
        assert ours.equals(expected.head(ours.height)), series_id
    assert set(got.rows["series_id"].unique()) == set(served)
    failed = {i for items in got.failures["item"] for i in items.split(", ")}
    assert not failed & (set(served) - {s.id for s in SERIES if "|" in s.code})


@pytest.mark.realworld
def test_no_rule_is_earlier_than_the_servers(realworld: RealWorld) -> None:
    checked = 0
    for s in SERIES:
        own = published_at(s)
        rule = s.publication.model_copy(update={"release": None})
        times = knowledge_times(own["date"], rule, s.frequency).dt.epoch("s")
        assert (times >= own["pub"]).all(), s.id
        checked += own.height
    assert checked > 2000


@pytest.mark.realworld
@pytest.mark.parametrize("code", ["6691/63", "1737/63"])
def test_two_tables_of_one_concept_agree(realworld: RealWorld, code: str) -> None:
    one = IPCA.model_copy(update={"code": code})
    assert run(realworld, [one]).rows.select("event_date", "value").equals(facts(one, TABLE.as_of(KEY)))


@pytest.mark.realworld
def test_an_older_base_of_industrial_production(realworld: RealWorld) -> None:
    one = BY_ID["br_pim_index_nsa"].model_copy(
        update={"code": "8159/11599/544[129314]", "title": "PIMPF - Número-índice (2012=100) | 1 Indústria geral"}
    )
    rows = run(realworld, [one]).rows
    assert rows.select("event_date", "value").equals(facts(one, TABLE.as_of(KEY)))
    assert rows.height > 200


@pytest.mark.realworld
@pytest.mark.parametrize(
    ("code", "words"),
    [("1/63", "Tabela 1: Tabela inexistente"), ("1737/999", "999"), ("7060/63/315[1]", "status 400")],
)
def test_what_does_not_exist_is_told_in_the_providers_words(realworld: RealWorld, code: str, words: str) -> None:
    got = run(realworld, [IPCA.model_copy(update={"code": code})])
    assert got.rows.is_empty()
    assert words in got.failures["reason"][0]


@pytest.mark.realworld
@pytest.mark.parametrize("kind", ["timeout", "http429", "http500", "html200", "truncated", "empty"])
def test_a_fault_leaves_a_failure_and_no_rows(realworld: RealWorld, kind: str) -> None:
    realworld.fault(HOST, kind, hold=0.01)
    got = run(realworld, [IPCA])
    assert got.rows.is_empty()
    assert got.failures["item"].to_list() == [IPCA.id]


@pytest.mark.realworld
def test_faults_in_the_data(realworld: RealWorld) -> None:
    clean = run(realworld, [IPCA]).rows
    realworld.fault(HOST, "wrong_unit")
    wrong = run(realworld, [IPCA])
    assert wrong.rows.is_empty()
    assert wrong.quarantine["reason"].str.starts_with("unit changed").all()
    realworld.fault(HOST, "nan_text")
    text = run(realworld, [IPCA])
    assert set(text.quarantine["reason"]) == {"not a finite number: 'NaN'"}
    assert text.rows.height + text.quarantine.height == clean.height


def test_the_request_names_what_it_is_for() -> None:
    (request,) = ibge.plan(SERIES, {IPCA.id: (date(2025, 1, 1), date(2025, 1, 31))}, POLICY)
    assert request == Request(
        "ibge",
        "GET",
        f"{ROOT}/1737/periodos/202501/variaveis/63?{WHERE}",
        "IBGE table 1737 variable 63 202501",
        (IPCA.id,),
    )
