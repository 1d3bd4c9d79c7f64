"""B3 settlement files: archives, versions, days, units, PU against rate, and the real data of the replay server."""

from __future__ import annotations

import hashlib
import io
import re
import zipfile
from datetime import UTC, date, datetime

import polars as pl
import pytest

from macro_fund.settings import default_settings
from macro_fund.sources import b3_settlements as b3
from macro_fund.sources.http import Http, Parsed, Payload, ReplayUrlTransport, Request, SourceError
from macro_fund.time.sessions import sessions
from macro_fund_tests.realworld import RealWorld

POLICY = default_settings().sources["b3"]
DAY = date(2019, 3, 28)
NO_FILE = b"PK\x05\x06" + b"\0" * 18
# Settlements of 2019-03-28 as B3 published them (PU and rate in %), and two futures without a rate.
DI1 = [("DI1F20", "95271.03", "6.495", "1200"), ("DI1F21", "88577.61", "7.11", "5495596")]
OTHERS = [("DOLK19", "3896.5", None, "100"), ("INDJ19", "95405", None, None)]
Row = tuple[str, str | None, str | None, str | None]


def report(row: Row, day: date = DAY) -> str:
    """One PricRpt block as in BVBG.187, with its own namespace."""
    contract, price, rate, interest = row
    values = [
        f"<OpnIntrst>{interest}</OpnIntrst>" if interest is not None else "",
        f'<AdjstdQt Ccy="BRL">{price}</AdjstdQt>' if price is not None else "",
        f'<AdjstdQtTax Ccy="BRL">{rate}</AdjstdQtTax>' if rate is not None else "",
        '<PrvsAdjstdQt Ccy="BRL">1.00</PrvsAdjstdQt>',
    ]
    return (
        f'<BizGrp><Document xmlns="urn:bvmf.217.01.xsd"><PricRpt><TradDt><Dt>{day}</Dt></TradDt><SctyId><TckrSymb>'
        f"{contract}</TckrSymb></SctyId><FinInstrmAttrbts>{''.join(values)}</FinInstrmAttrbts></PricRpt></Document>"
        "</BizGrp>"
    )


def xml(*blocks: str) -> str:
    inner = "".join(blocks)
    return (
        f'<?xml version="1.0" encoding="utf-8"?><Document xmlns="urn:bvmf.052.01.xsd"><Xchg>{inner}</Xchg></Document>'
    )


def archive(files: dict[str, str | bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as z:
        for name, content in files.items():
            z.writestr(name, content)
    return out.getvalue()


def sprd(*versions: str, day: date = DAY) -> bytes:
    """A zip within a zip; versions are named as B3 does, so that names sort by time."""
    inner = {f"BVBG.187.01_BV00047120190328000100007192724{i:04d}.xml": v for i, v in enumerate(versions)}
    return archive({f"SPRD{day:%y%m%d}.zip": archive(inner)})


def answer(body: bytes, day: date = DAY, status: int = 200) -> Payload:
    request = Request("b3", "GET", b3.URL.format(day=day), f"B3 settlements of session {day}", b3.ROOTS)
    return Payload(request, status, body, datetime(2019, 3, 29, tzinfo=UTC), hashlib.sha256(body).hexdigest())


def parse(*rows: Row) -> Parsed:
    return b3.parse(answer(sprd(xml(*(report(r) for r in rows)))))


def test_one_request_a_session() -> None:
    # Friday before Carnival to Ash Wednesday 2019: closed on Monday and Tuesday.
    requests = b3.plan((), {"b3": (date(2019, 3, 1), date(2019, 3, 6))}, POLICY)
    assert [r.url for r in requests] == [
        "https://www.b3.com.br/pesquisapregao/download?filelist=SPRD190301.zip",
        "https://www.b3.com.br/pesquisapregao/download?filelist=SPRD190306.zip",
    ]
    assert requests[0].items == ("DI1", "DOL", "IND")
    assert b3.plan((), {}, POLICY) == []


def test_nothing_is_asked_before_the_first_session() -> None:
    requests = b3.plan((), {"b3": (date(2009, 12, 1), date(2010, 1, 5))}, POLICY)
    assert [r.label for r in requests] == [
        "B3 settlements of session 2010-01-04",
        "B3 settlements of session 2010-01-05",
    ]


def test_settlements_of_the_three_roots() -> None:
    parsed = parse(*DI1, *OTHERS)
    assert parsed.rejected.is_empty()
    assert parsed.rows.schema == b3.ROWS
    assert parsed.rows.rows() == [
        (DAY, "DI1F20", "DI1", date(2020, 1, 2), 95271.03, pytest.approx(0.06495, abs=1e-15), 1200),
        (DAY, "DI1F21", "DI1", date(2021, 1, 4), 88577.61, pytest.approx(0.0711, abs=1e-15), 5495596),
        (DAY, "DOLK19", "DOL", date(2019, 5, 2), 3896.5, None, 100),
        (DAY, "INDJ19", "IND", date(2019, 4, 17), 95405.0, None, None),
    ]


def test_other_contracts_options_and_minis_are_left_out() -> None:
    others = [("DDIF20", "9.0", "4", None), ("WDOK19", "3896.5", None, None), ("DOLK19C003900", "58.1", None, None)]
    assert parse(*DI1, *others).rows["contract"].to_list() == ["DI1F20", "DI1F21"]


def test_the_last_version_of_the_report_counts() -> None:
    old, new = xml(report(("DI1F21", "88578.00", "7.11", None))), xml(report(DI1[1]))
    assert b3.parse(answer(sprd(old, new))).rows["settle_price"].to_list() == [88577.61]
    assert b3.parse(answer(sprd(new, old))).rows["settle_price"].to_list() == [88578.00]


def test_prefixes_and_versions_of_namespaces_do_not_matter() -> None:
    prefixed = (
        re.sub(r"<(/?)(\w)", r"<\1b:\2", report(DI1[1])).replace("xmlns=", "xmlns:b=").replace("217.01", "217.09")
    )
    assert "<b:TckrSymb>" in prefixed
    body = xml(f'<x xmlns:b="urn:outer">{prefixed}</x>')
    assert b3.parse(answer(sprd(body))).rows["contract"].to_list() == ["DI1F21"]


def test_an_empty_archive_on_a_session_is_a_missing_file() -> None:
    with pytest.raises(SourceError, match="no settlement file yet for session 2019-03-28") as error:
        b3.parse(answer(NO_FILE))
    assert not error.value.transient


def test_an_empty_archive_on_another_day_is_no_rows() -> None:
    parsed = b3.parse(answer(NO_FILE, date(2019, 3, 4)))
    assert parsed.rows.is_empty()
    assert parsed.rejected.is_empty()
    assert parsed.rows.schema == b3.ROWS


def test_a_file_of_another_day_is_refused_whole() -> None:
    body = sprd(xml(report(DI1[1], date(2019, 3, 27))))
    with pytest.raises(SourceError, match="the file holds settlements of 2019-03-27, not of 2019-03-28"):
        b3.parse(answer(body))
    with pytest.raises(SourceError, match="the file holds settlements of 2019-03-27"):
        b3.parse(answer(sprd(xml(report(DI1[0]), report(DI1[1], date(2019, 3, 27))))))


@pytest.mark.parametrize(
    ("body", "status", "message"),
    [
        (b"", 200, "empty answer"),
        (b"<html><body>Requisicao invalida!</body></html>", 200, "a web page instead of data"),
        (b"PK\x03\x04 broken", 200, "not a complete zip file"),
        (sprd(xml(report(DI1[1])))[:300], 200, "not a complete zip file"),
        (archive({"SPRD190328.zip": archive({"readme.txt": "x"})}), 200, "no XML in the archive"),
        (archive({"SPRD190328.zip": b"not a zip"}), 200, "not a complete zip file"),
        (sprd(xml(report(DI1[1]))[:-40]), 200, "not complete XML"),
        (sprd(xml(report(OTHERS[0]))), 200, "no DI1 contract in the file"),
        (sprd(xml()), 200, "no DI1 contract in the file"),
        (NO_FILE, 403, "refused by the provider"),
    ],
)
def test_what_is_not_a_settlement_file_is_refused(body: bytes, status: int, message: str) -> None:
    with pytest.raises(SourceError, match="B3 settlements of session 2019-03-28") as error:
        b3.parse(answer(body, status=status))
    assert message in str(error.value)


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (("DI1F21", "8857761", "711", None), "settlement price 8.85776e+06 is outside 1 to 100000"),
        (("DI1F21", "88577.61", "711", None), "PU and rate disagree: 711.000% over 445 business days"),
        (("DI1F21", "88577.61", "7.112", None), "PU and rate disagree: 7.112% over 445 business days"),
        (("DI1F21", "88577.61", "0.0711", None), "PU and rate disagree"),
        (("DI1F21", "NaN", "7.11", None), "settlement price: not a finite number: 'NaN'"),
        (("DI1F21", "88577.61", "NaN", None), "settlement rate: not a finite number: 'NaN'"),
        (("DI1F21", None, "7.11", None), "settlement price: no value"),
        (("DI1G19", "100000", "6.4", None), "expired on 2019-02-01"),
        (("DOLK19", "389650", None, None), "settlement price 389650 is outside 500 to 20000"),
        (("DOLK19", "3.8965", None, None), "settlement price 3.8965 is outside 500 to 20000"),
        (("INDJ19", "9540500", None, None), "settlement price 9.5405e+06 is outside 10000 to 1e+06"),
        (("INDK19", "95405", None, None), "IND is listed for even months only"),
        (("DI1A21", "88577.61", "7.11", None), "is not a contract of DI1, DOL, IND"),
    ],
)
def test_a_contract_that_cannot_be_right_is_rejected_alone(row: Row, reason: str) -> None:
    parsed = parse(DI1[0], row)
    assert parsed.rows["contract"].to_list() == ["DI1F20"]
    ((item, day, raw, why),) = parsed.rejected.rows()
    assert (item, day) == (row[0], DAY)
    assert reason in why
    assert raw == f"AdjstdQt={row[1]} AdjstdQtTax={row[2]} OpnIntrst=None"


def test_a_missing_di1_rate_comes_from_the_pu_and_says_so() -> None:
    parsed = parse(DI1[0], ("DI1F21", "88577.61", None, None))
    assert parsed.rows["settle_rate"].to_list() == pytest.approx([0.06495, 0.0711], abs=1e-12)
    assert parsed.rejected.select("item", "reason").rows() == [
        ("DI1F21", "no rate in the file; kept with the rate that its PU gives")
    ]


def test_on_its_expiry_day_a_di1_is_worth_100000() -> None:
    def on_expiry(pu: str) -> Parsed:
        body = sprd(xml(report(("DI1F20", pu, None, None), date(2020, 1, 2))), day=date(2020, 1, 2))
        return b3.parse(answer(body, date(2020, 1, 2)))

    assert on_expiry("100000").rows["settle_rate"].to_list() == [None]
    assert on_expiry("99990").rows.is_empty()


def test_repetitions_collapse_and_contradictions_are_all_refused() -> None:
    parsed = parse(*DI1, DI1[1], *OTHERS, ("DOLK19", "3899.5", None, "100"))
    assert parsed.rows["contract"].to_list() == ["DI1F20", "DI1F21", "INDJ19"]
    assert parsed.rejected["item"].to_list() == ["DOLK19", "DOLK19"]
    assert set(parsed.rejected["reason"]) == {"given 2 times with different values"}


def test_a_bad_open_interest_does_not_cost_the_settlement() -> None:
    parsed = parse(DI1[0], ("DI1F21", "88577.61", "7.11", "NaN"))
    assert parsed.rows["open_interest"].to_list() == [1200, None]
    assert "kept without it" in parsed.rejected["reason"].item()


def test_days_are_counted_with_the_holidays_known_on_the_trade_date() -> None:
    # 2023-02-02 to 2033-01-03: 2,491 business days; 2,484 with 20 November, a holiday by a law of December 2023.
    day, pu = date(2023, 2, 2), 100_000 * 1.1325 ** (-2491 / 252)
    with_old_list = b3.parse(answer(sprd(xml(report(("DI1F33", f"{pu:.2f}", "13.25", None), day)), day=day), day))
    assert with_old_list.rows.height == 1
    wrong = 100_000 * 1.1325 ** (-2484 / 252)
    with_new_list = b3.parse(answer(sprd(xml(report(("DI1F33", f"{wrong:.2f}", "13.25", None), day)), day=day), day))
    assert with_new_list.rows.is_empty()


def test_rows_do_not_depend_on_other_contracts() -> None:
    both = pl.concat([parse(*DI1).rows, parse(DI1[0], *OTHERS).rows[1:]])
    assert parse(*DI1, *OTHERS).rows.equals(both)


def replay(world: RealWorld, **policy: float) -> Http:
    """One attempt a request and no archive; the clock stands after the data."""
    policies = {k: v.model_copy(update={"attempts": 1, **policy}) for k, v in default_settings().sources.items()}
    return Http(ReplayUrlTransport(world.url), policies, None, lambda: datetime(2022, 1, 1, tzinfo=UTC))


def ask(world: RealWorld, day: date, **policy: float) -> Parsed:
    (request,) = b3.plan((), {"b3": (day, day)}, POLICY)
    return b3.parse(replay(world, **policy).fetch(request))


HOST = "www.b3.com.br"


@pytest.mark.realworld
def test_real_settlements_of_one_session(realworld: RealWorld) -> None:
    parsed = ask(realworld, DAY)
    assert parsed.rows.height == 39
    assert parsed.rejected.is_empty()
    (row,) = parsed.rows.filter(pl.col("contract") == "DI1F21").rows()
    assert row == (DAY, "DI1F21", "DI1", date(2021, 1, 4), 88577.61, pytest.approx(0.0711, abs=1e-12), None)


@pytest.mark.realworld
def test_real_settlements_of_all_three_roots(realworld: RealWorld) -> None:
    parsed = ask(realworld, date(2021, 10, 13))
    assert parsed.rejected.is_empty()
    rows = {r["contract"]: r for r in parsed.rows.iter_rows(named=True)}
    assert rows["INDV21"]["settle_price"] == 113774.0
    assert rows["INDV21"]["maturity"] == date(2021, 10, 13)
    assert rows["DOLX21"]["maturity"] == date(2021, 11, 1)
    assert {r["root"] for r in rows.values()} == {"DI1", "DOL", "IND"}


@pytest.mark.realworld
def test_no_di1_of_a_session_in_every_quarter_is_rejected(realworld: RealWorld) -> None:
    days = sessions().keys(date(2010, 1, 4), date(2021, 12, 30))[::62]
    parsed = [ask(realworld, day) for day in days]
    assert sum(p.rejected.height for p in parsed) == 0
    assert min(p.rows.height for p in parsed) > 20


@pytest.mark.realworld
def test_the_evening_before_the_file_is_out(realworld: RealWorld) -> None:
    realworld.set_now(datetime(2019, 3, 28, 22, 29, tzinfo=UTC))
    with pytest.raises(SourceError, match="no settlement file yet for session 2019-03-28"):
        ask(realworld, DAY)
    realworld.set_now(datetime(2019, 3, 28, 22, 31, tzinfo=UTC))
    assert ask(realworld, DAY).rows.height == 39


@pytest.mark.realworld
@pytest.mark.parametrize(
    ("kind", "message"),
    [
        ("timeout", "no answer within 0.3 s"),
        ("http429", "the provider asks to slow down"),
        ("http500", "the provider failed"),
        ("http406", "refused by the provider"),
        ("html200", "a web page instead of data"),
        ("truncated", "not a complete zip file"),
        ("empty", "empty answer"),
        ("stale", "the file holds settlements of 2019-03-27, not of 2019-03-28"),
    ],
)
def test_a_fault_that_leaves_no_data_names_session_and_cause(realworld: RealWorld, kind: str, message: str) -> None:
    realworld.fault(HOST, kind, hold=0.6 if kind == "timeout" else None)
    with pytest.raises(SourceError, match="b3: B3 settlements of session 2019-03-28") as error:
        ask(realworld, DAY, timeout_s=0.3 if kind == "timeout" else 30)
    assert message in str(error.value)


@pytest.mark.realworld
@pytest.mark.parametrize(("kind", "missing"), [("duplicate_rows", 0), ("nan_text", 1), ("wrong_unit", 39)])
def test_a_fault_in_the_data_leaves_only_right_rows(realworld: RealWorld, kind: str, missing: int) -> None:
    clean = ask(realworld, DAY).rows
    realworld.fault(HOST, kind)
    parsed = ask(realworld, DAY)
    assert parsed.rows.height == 39 - missing
    assert parsed.rows.join(clean, on=["contract", "settle_price", "settle_rate"], how="anti").is_empty()
    assert parsed.rejected.height == missing
