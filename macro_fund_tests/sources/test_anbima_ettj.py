"""ANBIMA's curve form: two published files, the Svensson formula, the check of vertices, every refusal."""

from __future__ import annotations

import hashlib
from datetime import UTC, date, datetime

import numpy as np
import pytest

from macro_fund.settings import default_settings
from macro_fund.sources import anbima_ettj as ettj
from macro_fund.sources.http import Parsed, Payload, Request, SourceError

SERIES = default_settings().series_of("anbima_ettj")
POLICY = default_settings().sources["anbima_ettj"]
IDS = tuple(s.id for s in SERIES)
DAY = date(2026, 3, 20)
# Lines of the answer for 20 March 2026 as ANBIMA published it.
MARCH = """20/03/2026;Beta 1;Beta 2;Beta 3;Beta 4;Lambda 1;Lambda 2
PREFIXADOS;0,136522664032213;8,68153977703815E-03;-1,06509956113079E-02;2,04633627865665E-02;1,11824035783523;0,336872600281945
IPCA;0,067051159831508;3,96211759978074E-02;-4,46166495166751E-02;4,80911846611276E-02;1,54197839557017;0,560186799751965

ETTJ Inflação Implicita (IPCA)
Vertices;ETTJ IPCA;ETTJ PREF;Inflação Implícita
126;8,9806;14,2644;4,8483
252;8,3405;14,1580;5,3696
378;8,1296;14,1276;5,5470
756;8,0746;14,1757;5,6452
1.008;8,0399;14,2130;5,7137
2.520;7,5102;14,1507;6,1766
2.646;7,4761;14,1376;6,1981
2.772;7,4443;;
5.040;7,1180;;
8.442;6,9517;;

PREFIXADOS (CIRCULAR 3.361)
Vertices;Taxa (%a.a.)
21;14,4627
2.520;14,1507

Erro Título a Título
Titulo;SELIC;Vencimento;Erro (%a.a.)
LTN;100000;01/04/2026;-0,2004

"""
JULY = """01/07/2026;Beta 1;Beta 2;Beta 3;Beta 4;Lambda 1;Lambda 2
PREFIXADOS;0,14244785469011;-4,17963085616872E-03;-1,76338937692003E-02;2,21665799663186E-02;1,25307136472059;0,504334569312079
IPCA;7,01110754708797E-02;5,89431389506583E-02;-2,19914145293608E-02;4,60229716669306E-02;4,20925675129582;0,495706741732079

ETTJ Inflação Implicita (IPCA)
Vertices;ETTJ IPCA;ETTJ PREF;Inflação Implícita
126;9,3052;13,8029;4,1148
252;8,7340;13,9071;4,7575
378;8,6581;14,0453;4,9579
504;8,6624;14,1769;5,0748
1.008;8,5984;14,4820;5,4177
2.520;7,9884;14,4930;6,0234
2.646;7,9488;;
8.442;7,3144;;

"""


def answer(text: str, status: int = 200, day: date = DAY, asked: datetime | None = None) -> Payload:
    data = text.replace("\n", "\r\n").encode("latin-1")
    form = ettj.BODY.format(day=day).encode()
    request = Request("anbima_ettj", "POST", ettj.URL, f"ANBIMA curves of {day}", IDS, body=form)
    asked = asked or datetime(2026, 3, 21, tzinfo=UTC)
    return Payload(request, status, data, asked, hashlib.sha256(data).hexdigest())


def read(text: str = MARCH, day: date = DAY) -> Parsed:
    return ettj.parse(answer(text, day=day), SERIES)


def test_only_the_newest_bank_days_of_the_window_are_asked() -> None:
    windows = dict.fromkeys(IDS, (date(2010, 1, 4), date(2026, 2, 20)))
    requests = ettj.plan(SERIES, windows, POLICY)
    days = ["09/02", "10/02", "11/02", "12/02", "13/02", "18/02", "19/02", "20/02"]  # Carnival on the 16th and 17th
    assert [r.body for r in requests] == [f"Idioma=PT&Dt_Ref={d}/2026&saida=csv".encode() for d in days]
    (one, *_) = requests
    assert (one.method, one.url) == ("POST", "https://www.anbima.com.br/informacoes/est-termo/CZ-down.asp")
    assert one.items == IDS
    assert one.headers == (("Content-Type", "application/x-www-form-urlencoded"),)
    assert ettj.plan(SERIES, {}, POLICY) == []


def test_parameters_of_the_published_answer() -> None:
    parsed = read()
    assert parsed.rejected.is_empty()
    values = {series_id: value for series_id, day, value in parsed.rows.rows() if day == DAY}
    assert values == {
        "br_ettj_pre_b1": 0.136522664032213,
        "br_ettj_pre_b2": 0.00868153977703815,
        "br_ettj_pre_b3": -0.0106509956113079,
        "br_ettj_pre_b4": 0.0204633627865665,
        "br_ettj_pre_l1": 1.11824035783523,
        "br_ettj_pre_l2": 0.336872600281945,
        "br_ettj_ipca_b1": 0.067051159831508,
        "br_ettj_ipca_b2": 0.0396211759978074,
        "br_ettj_ipca_b3": -0.0446166495166751,
        "br_ettj_ipca_b4": 0.0480911846611276,
        "br_ettj_ipca_l1": 1.54197839557017,
        "br_ettj_ipca_l2": 0.560186799751965,
    }
    ranges = {s.id: (s.low, s.high) for s in SERIES}
    assert all(ranges[i][0] <= v <= ranges[i][1] for i, v in values.items())


def test_another_published_answer_with_few_vertices() -> None:
    parsed = read(JULY, date(2026, 7, 1))
    assert parsed.rows.height == 12
    assert parsed.rejected.is_empty()


def test_the_formula_gives_the_published_rates() -> None:
    parameters = [
        0.14244785469011, -0.00417963085616872, -0.0176338937692003, 0.0221665799663186, 1.25307136472059,
        0.504334569312079,
    ]  # fmt: skip
    rates = 100 * ettj.svensson(parameters, [126, 252, 378, 504, 1008, 2520])
    published = [13.8029, 13.9071, 14.0453, 14.1769, 14.482, 14.493]
    assert np.floor(rates * 1e4) / 1e4 == pytest.approx(published, abs=1e-9)  # cut off, not rounded


def test_implied_inflation_is_of_the_printed_rates() -> None:
    # 1008 business days of March: 5.713686 from the parameters themselves, 5.713722 from what is printed.
    implied = (1 + 0.142130) / (1 + 0.080399) - 1
    assert np.floor(implied * 1e6) / 1e4 == pytest.approx(5.7137)
    implied = (1 + 0.139071) / (1 + 0.087340) - 1
    assert implied == pytest.approx(0.0475756, abs=2e-6)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("252;8,3405", "252;8,3407", "ettj ipca of vertex 252 is 8,3407 where 8.340594 is right"),
        ("14,2130", "14,2132", "ettj pref of vertex 1.008 is 14,2132 where 14.213018 is right"),
        ("6,1766", "6,1764", "inflacao implicita of vertex 2.520 is 6,1764 where 6.176623 is right"),
        ("8.442;6,9517", "8.442;695,17", "ettj ipca of vertex 8.442 is 695,17"),
        ("126;8,9806", "126;NaN", "ettj ipca of vertex 126 is NaN"),
        ("8.442;6,9517;;", "8.442;6,9517;;1,0000", "inflacao implicita of vertex 8.442 is 1,0000 where nan"),
        ("0,136522664032213", "13,6522664032213", "ettj pref of vertex 126 is 14,2644"),
        ("1,11824035783523", "0,11824035783523", "ettj pref of vertex 126 is 14,2644"),
        ("126;8,9806", "x;8,9806", "a vertex of the table is not a number of business days"),
        ("126;8,9806", "0;8,9806", "a vertex of the table is not a number of business days"),
    ],
)
def test_vertices_that_do_not_follow_from_the_parameters_refuse_the_day(old: str, new: str, message: str) -> None:
    assert old in MARCH
    with pytest.raises(SourceError, match="nothing of the day is kept") as error:
        read(MARCH.replace(old, new))
    assert message in str(error.value)
    assert not error.value.transient


def test_a_rounded_or_shorter_number_agrees_with_its_own_decimals() -> None:
    assert read(MARCH.replace("252;8,3405", "252;8,3406")).rows.height == 12  # 8.340594 rounded
    assert read(MARCH.replace("8.442;6,9517", "8.442;6,95")).rows.height == 12


def test_a_curve_with_an_unreadable_parameter_is_rejected_whole() -> None:
    parsed = read(MARCH.replace("4,80911846611276E-02", "NaN"))
    assert set(parsed.rows["series_id"]) == {i for i in IDS if "_pre_" in i}
    assert set(parsed.rejected["item"]) == {i for i in IDS if "_ipca_" in i}
    assert set(parsed.rejected["reason"]) == {
        "the curve cannot be verified, Beta 4: not a number with a decimal comma: 'NaN'"
    }
    assert parsed.rejected["event_date"].unique().to_list() == [DAY]


@pytest.mark.parametrize(
    ("text", "status", "message", "transient"),
    [
        ("<html>error</html>", 200, "a web page instead of data", True),
        ("", 200, "empty answer: no curve yet for 2026-03-20", True),
        ("Forbidden", 403, "refused by the provider", False),
        (MARCH[:700], 200, "cut answer: its last line", True),
        (MARCH[: MARCH.index("126;")], 200, "cut answer: no vertex", True),
        (MARCH[: MARCH.index("ETTJ Infl")], 200, "no table of vertices", False),
        (MARCH.replace("Lambda 2", "Lambda 3"), 200, "Lambda 2 are expected", False),
        (MARCH.replace(";Lambda 2", ""), 200, "Lambda 2 are expected", False),
        (MARCH.replace("\nIPCA;", "\nIGPM;"), 200, "where PREFIXADOS, IPCA are expected", False),
        (MARCH.replace("ETTJ PREF;", "ETTJ PRE;"), 200, "no table of vertices", False),
        (MARCH.replace("20/03/2026", "19/03/2026"), 200, "curves of 19/03/2026 where 2026-03-20 was asked", False),
    ],
)
def test_an_answer_that_is_not_the_curves_is_refused(text: str, status: int, message: str, transient: bool) -> None:
    with pytest.raises(SourceError, match="anbima_ettj: ANBIMA curves of 2026-03-20") as error:
        ettj.parse(answer(text, status), SERIES)
    assert message in str(error.value)
    assert error.value.transient is transient


def test_fewer_vertices_still_prove_the_parameters() -> None:
    assert read(MARCH[: MARCH.index("5.040;7,1")]).rows.height == 12


@pytest.mark.parametrize(
    ("day", "asked"),
    [(DAY, datetime(2026, 4, 10, tzinfo=UTC)), (date(2026, 12, 24), datetime(2026, 12, 28, tzinfo=UTC))],
)
def test_a_day_that_is_gone_or_never_had_a_curve_is_no_rows(day: date, asked: datetime) -> None:
    parsed = ettj.parse(answer("", day=day, asked=asked), SERIES)
    assert parsed.rows.is_empty()
    assert parsed.rejected.is_empty()
