"""B3 settlement files: archives, versions, days, units, PU against rate, and the real data of the replay server."""

from __future__ import annotations

import hashlib
import io
import re
import zipfile
from datetime import UTC, date, datetime

import polars as pl
import pytest

from macro_fund.instruments.contracts import ROOTS
from macro_fund.settings import default_settings
from macro_fund.sources import b3_settlements as b3
from macro_fund.sources.http import Http, Parsed, Payload, ReplayUrlTransport, Request, SourceError
from macro_fund.store.tables import TABLES
from macro_fund.time.sessions import sessions
from macro_fund_tests.realworld import FOLDER, RealWorld

POLICY = default_settings().sources["b3_settlements"]
SERIES = default_settings().series_of("b3_settlements")
IDS = tuple(s.id for s in SERIES)
DAY = date(2019, 3, 28)
NO_FILE = b"PK\x05\x06" + b"\0" * 18
# Settlements of 2019-03-28 as B3 published them (PU and rate in %), and two futures without a rate.
DI1 = [("DI1F20", "95271.03", "6.495", "1200"), ("DI1F21", "88577.61", "7.11", "5495596")]
OTHERS = [("DOLK19", "3896.5", None, "100"), ("INDJ19", "95405", None, None)]
# Settlements of 2021-01-04, when a near DDI was worth more than 100,000 and a FRC had a rate only.
NEW_DAY = date(2021, 1, 4)
COUPONS = [
    ("DI1F22", "97220.99", "2.87", "7"),
    ("DDIF22", "100119.45", "-0.118", "20"),
    ("DDIG21", "100886.13", "-11.293", "30"),
    ("DAPK23", "98420.55", "0.68", "40"),
    ("DAPF21", "100404.99", "-10.7", None),
    ("FRCF22", None, "0.82", "50"),
    ("WDOG21", "5250.667", None, "60"),
    ("WING21", "118859", None, "70"),
]
# Business days from two sessions to the expiry of DI1F30.
LONG_BD = {NEW_DAY: 2258, date(2021, 2, 17): 2228}
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
    request = Request("b3_settlements", "GET", b3.URL.format(day=day), f"B3 settlements of session {day}", IDS)
    return Payload(request, status, body, datetime(2019, 3, 29, tzinfo=UTC), hashlib.sha256(body).hexdigest())


def read(body: bytes, day: date = DAY, status: int = 200) -> Parsed:
    return b3.parse(answer(body, day, status), SERIES)


def parse(*rows: Row, day: date = DAY) -> Parsed:
    return read(sprd(xml(*(report(r, day) for r in rows)), day=day), day)


def windows(start: date, end: date) -> dict[str, tuple[date, date]]:
    return dict.fromkeys(IDS, (start, end))


def test_the_catalogue_has_a_series_for_every_root_that_is_read() -> None:
    assert {s.code: s.id for s in SERIES} == {root: f"b3_{root.lower()}" for root in ROOTS}
    assert b3.DAILY_FILES
    table = TABLES["bronze/b3_settlements"]
    assert {k: table.schema[k] for k in b3.ROWS} == dict(b3.ROWS)


def test_one_request_a_session() -> None:
    # Friday before Carnival to Ash Wednesday 2019: closed on Monday and Tuesday.
    requests = b3.plan(SERIES, windows(date(2019, 3, 1), date(2019, 3, 6)), POLICY)
    assert [r.url for r in requests] == [
        "https://www.b3.com.br/pesquisapregao/download?filelist=SPRD190301.zip",
        "https://www.b3.com.br/pesquisapregao/download?filelist=SPRD190306.zip",
    ]
    assert requests[0].items == IDS
    assert b3.plan(SERIES, {}, POLICY) == []


def test_the_hull_of_the_windows_is_asked_for_the_series_that_have_one() -> None:
    some = {"b3_ddi": (date(2019, 3, 8), date(2019, 3, 8)), "b3_di1": (date(2019, 3, 7), date(2019, 3, 7))}
    requests = b3.plan(SERIES, some, POLICY)
    assert [r.url[-10:] for r in requests] == ["190307.zip", "190308.zip"]
    assert requests[0].items == ("b3_di1", "b3_ddi")


def test_nothing_is_asked_before_the_first_session() -> None:
    requests = b3.plan(SERIES, windows(date(2009, 12, 1), date(2010, 1, 5)), POLICY)
    assert [r.label for r in requests] == [
        "B3 settlements of session 2010-01-04",
        "B3 settlements of session 2010-01-05",
    ]


def test_settlements_of_di_dollar_and_index() -> None:
    parsed = parse(*DI1, *OTHERS)
    assert parsed.rejected.is_empty()
    assert parsed.rows.schema == b3.ROWS
    assert parsed.rows.rows() == [
        ("b3_di1", DAY, "DI1F20", "DI1", date(2020, 1, 2), 95271.03, pytest.approx(0.06495, abs=1e-15), 1200),
        ("b3_di1", DAY, "DI1F21", "DI1", date(2021, 1, 4), 88577.61, pytest.approx(0.0711, abs=1e-15), 5495596),
        ("b3_dol", DAY, "DOLK19", "DOL", date(2019, 5, 2), 3896.5, None, 100),
        ("b3_ind", DAY, "INDJ19", "IND", date(2019, 4, 17), 95405.0, None, None),
    ]


def test_settlements_of_coupons_and_minis() -> None:
    parsed = parse(*COUPONS, day=NEW_DAY)
    assert parsed.rejected.is_empty()
    assert parsed.rows.drop("event_date").rows()[1:] == [
        ("b3_ddi", "DDIF22", "DDI", date(2022, 1, 3), 100119.45, pytest.approx(-0.00118, abs=1e-15), 20),
        ("b3_ddi", "DDIG21", "DDI", date(2021, 2, 1), 100886.13, pytest.approx(-0.11293, abs=1e-15), 30),
        ("b3_dap", "DAPK23", "DAP", date(2023, 5, 15), 98420.55, pytest.approx(0.0068, abs=1e-15), 40),
        ("b3_dap", "DAPF21", "DAP", date(2021, 1, 15), 100404.99, pytest.approx(-0.107, abs=1e-15), None),
        ("b3_frc", "FRCF22", "FRC", date(2022, 1, 3), 0.82, pytest.approx(0.0082, abs=1e-15), 50),
        ("b3_wdo", "WDOG21", "WDO", date(2021, 2, 1), 5250.667, None, 60),
        ("b3_win", "WING21", "WIN", date(2021, 2, 17), 118859.0, None, 70),
    ]


def test_only_the_series_asked_for_are_read() -> None:
    body = sprd(xml(*(report(r, NEW_DAY) for r in COUPONS)), day=NEW_DAY)
    one = [s for s in SERIES if s.code == "DDI"]
    assert b3.parse(answer(body, NEW_DAY), one).rows["contract"].to_list() == ["DDIF22", "DDIG21"]


def test_other_contracts_options_and_spreads_are_left_out() -> None:
    others = [
        ("DDMF20", "9.0", "4", None),
        ("DOLK19C003900", "58.1", None, None),
        ("DI1F20F21", "1.0", None, None),
        ("WINJ19X", "1.0", None, None),
        ("DDI1", "1.0", None, None),
    ]
    parsed = parse(*DI1, *others)
    assert parsed.rows["contract"].to_list() == ["DI1F20", "DI1F21"]
    assert parsed.rejected.is_empty()


def test_the_last_version_of_the_report_counts() -> None:
    old, new = xml(report(("DI1F21", "88578.00", "7.11", None))), xml(report(DI1[1]))
    assert read(sprd(old, new)).rows["settle_price"].to_list() == [88577.61]
    assert read(sprd(new, old)).rows["settle_price"].to_list() == [88578.00]


def test_prefixes_and_versions_of_namespaces_do_not_matter() -> None:
    prefixed = (
        re.sub(r"<(/?)(\w)", r"<\1b:\2", report(DI1[1])).replace("xmlns=", "xmlns:b=").replace("217.01", "217.09")
    )
    assert "<b:TckrSymb>" in prefixed
    body = xml(f'<x xmlns:b="urn:outer">{prefixed}</x>')
    assert read(sprd(body)).rows["contract"].to_list() == ["DI1F21"]


def test_an_empty_archive_on_a_session_is_a_missing_file() -> None:
    with pytest.raises(SourceError, match="no settlement file yet for session 2019-03-28") as error:
        read(NO_FILE)
    assert not error.value.transient


def test_an_empty_archive_on_another_day_is_no_rows() -> None:
    parsed = read(NO_FILE, date(2019, 3, 4))
    assert parsed.rows.is_empty()
    assert parsed.rejected.is_empty()
    assert parsed.rows.schema == b3.ROWS


def test_a_file_of_another_day_is_refused_whole() -> None:
    body = sprd(xml(report(DI1[1], date(2019, 3, 27))))
    with pytest.raises(SourceError, match="the file holds settlements of 2019-03-27, not of 2019-03-28"):
        read(body)
    with pytest.raises(SourceError, match="the file holds settlements of 2019-03-27"):
        read(sprd(xml(report(DI1[0]), report(DI1[1], date(2019, 3, 27)))))


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
        read(body, status=status)
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
        (("DI1A21", "88577.61", "7.11", None), "is not a contract of DI1, DDI, DAP"),
        (("DDIF20", "97000.00", "4.02", None), "PU and rate disagree: 4.020% over 280 days is a PU of 96968.13"),
        (("DDIF20", "9696813", "4.02", None), "settlement price 9.69681e+06 is outside 5000 to 130000"),
        (("DDIF20", "96968.13", "402", None), "PU and rate disagree: 402.000% over 280 days"),
        (("DDIF20", "97011.39", "4.02", None), "PU and rate disagree"),  # compounded over 252 business days
        (("DAPK21", "93967.64", "3.02", None), "PU and rate disagree: 3.020% over 536 business days"),
        (("DAPK21", "93.9", "3.02", None), "settlement price 93.9 is outside 1000 to 130000"),
        (("FRCF20", None, None, None), "settlement rate: no value"),
        (("FRCF20", None, "NaN", None), "settlement rate: not a finite number: 'NaN'"),
        (("FRCF20", None, "82", None), "settlement rate 82 is outside -5 to 20"),
        (("WDOK19", "389650", None, None), "settlement price 389650 is outside 500 to 20000"),
        (("WINK19", "95405", None, None), "WIN is listed for even months only"),
        (("DAPH19", "100000", "1", None), "expired on 2019-03-15"),
    ],
)
def test_a_contract_that_cannot_be_right_is_rejected_alone(row: Row, reason: str) -> None:
    parsed = parse(DI1[0], row)
    assert parsed.rows["contract"].to_list() == ["DI1F20"]
    ((item, day, raw, why),) = parsed.rejected.rows()
    assert (item, day) == (f"b3_{row[0][:3].lower()} {row[0]}", DAY)
    assert reason in why
    assert raw == f"AdjstdQt={row[1]} AdjstdQtTax={row[2]} OpnIntrst=None"


def test_a_missing_di1_rate_comes_from_the_pu_and_says_so() -> None:
    parsed = parse(DI1[0], ("DI1F21", "88577.61", None, None))
    assert parsed.rows["settle_rate"].to_list() == pytest.approx([0.06495, 0.0711], abs=1e-12)
    assert parsed.rejected.select("item", "reason").rows() == [
        ("b3_di1 DI1F21", "no rate in the file; kept with the rate that its PU gives")
    ]


def test_a_missing_coupon_comes_from_the_pu_in_its_own_convention() -> None:
    rows = [COUPONS[0], *((name, pu, None, None) for name, pu, _, _ in COUPONS[1:5])]
    parsed = parse(*rows, day=NEW_DAY)
    assert parsed.rows["settle_rate"].to_list()[1:] == pytest.approx([-0.00118, -0.11293, 0.0068, -0.107], abs=1e-9)
    assert parsed.rejected["item"].to_list() == ["b3_ddi DDIF22", "b3_ddi DDIG21", "b3_dap DAPK23", "b3_dap DAPF21"]


@pytest.mark.parametrize(("contract", "day"), [("DDIF21", NEW_DAY), ("DAPG21", date(2021, 2, 17))])
def test_on_its_expiry_day_a_coupon_future_is_worth_100000(contract: str, day: date) -> None:
    di1 = ("DI1F30", f"{100_000 * 1.07 ** (-LONG_BD[day] / 252):.2f}", "7", None)
    assert parse(di1, (contract, "100000", None, None), day=day).rows["settle_rate"].to_list()[1:] == [None]
    refused = parse(di1, (contract, "99990", None, None), day=day)
    assert refused.rows.height == 1
    assert "PU and rate disagree" in refused.rejected["reason"].item()


def test_on_its_expiry_day_a_di1_is_worth_100000() -> None:
    def on_expiry(pu: str) -> Parsed:
        body = sprd(xml(report(("DI1F20", pu, None, None), date(2020, 1, 2))), day=date(2020, 1, 2))
        return read(body, date(2020, 1, 2))

    assert on_expiry("100000").rows["settle_rate"].to_list() == [None]
    assert on_expiry("99990").rows.is_empty()


def test_repetitions_collapse_and_contradictions_are_all_refused() -> None:
    parsed = parse(*DI1, DI1[1], *OTHERS, ("DOLK19", "3899.5", None, "100"))
    assert parsed.rows["contract"].to_list() == ["DI1F20", "DI1F21", "INDJ19"]
    assert parsed.rejected["item"].to_list() == ["b3_dol DOLK19", "b3_dol DOLK19"]
    assert set(parsed.rejected["reason"]) == {"given 2 times with different values"}


def test_a_bad_open_interest_does_not_cost_the_settlement() -> None:
    parsed = parse(DI1[0], ("DI1F21", "88577.61", "7.11", "NaN"))
    assert parsed.rows["open_interest"].to_list() == [1200, None]
    assert "kept without it" in parsed.rejected["reason"].item()


def test_days_are_counted_with_the_holidays_known_on_the_trade_date() -> None:
    # 2023-02-02 to 2033-01-03: 2,491 business days; 2,484 with 20 November, a holiday by a law of December 2023.
    day, pu = date(2023, 2, 2), 100_000 * 1.1325 ** (-2491 / 252)
    with_old_list = read(sprd(xml(report(("DI1F33", f"{pu:.2f}", "13.25", None), day)), day=day), day)
    assert with_old_list.rows.height == 1
    wrong = 100_000 * 1.1325 ** (-2484 / 252)
    with_new_list = read(sprd(xml(report(("DI1F33", f"{wrong:.2f}", "13.25", None), day)), day=day), day)
    assert with_new_list.rows.is_empty()


def test_rows_do_not_depend_on_other_contracts() -> None:
    both = pl.concat([parse(*DI1).rows, parse(DI1[0], *OTHERS).rows[1:]])
    assert parse(*DI1, *OTHERS).rows.equals(both)


HOST = "www.b3.com.br"


AFTER_THE_DATA = datetime(2022, 1, 1, tzinfo=UTC)


def replay(world: RealWorld, now: datetime = AFTER_THE_DATA, **policy: float) -> Http:
    """One attempt a request and no archive; our clock stands at `now`."""
    policies = {k: v.model_copy(update={"attempts": 1, **policy}) for k, v in default_settings().sources.items()}
    return Http(ReplayUrlTransport(world.url), policies, None, lambda: now)


def ask(world: RealWorld, day: date, now: datetime = AFTER_THE_DATA, **policy: float) -> Parsed:
    (request,) = b3.plan(SERIES, windows(day, day), POLICY)
    return b3.parse(replay(world, now, **policy).fetch(request), SERIES)


@pytest.mark.realworld
def test_a_file_in_another_unit_leaves_no_row_of_any_root(realworld: RealWorld) -> None:
    clean = ask(realworld, date(2021, 10, 13)).rows
    realworld.fault(HOST, "wrong_unit")
    parsed = ask(realworld, date(2021, 10, 13))
    assert parsed.rows.filter(pl.col("settle_price").is_not_null()).height == 0
    assert parsed.rejected.height == clean.height


@pytest.mark.realworld
def test_real_settlements_of_one_session(realworld: RealWorld) -> None:
    parsed = ask(realworld, DAY)
    assert parsed.rows.height == 39
    assert parsed.rejected.is_empty()
    (row,) = parsed.rows.filter(pl.col("contract") == "DI1F21").rows()
    assert row == ("b3_di1", DAY, "DI1F21", "DI1", date(2021, 1, 4), 88577.61, pytest.approx(0.0711, abs=1e-12), None)


@pytest.mark.realworld
@pytest.mark.parametrize("day", [date(2021, 1, 4), date(2021, 2, 17), date(2021, 3, 31), date(2021, 10, 13)])
def test_real_settlements_of_all_roots_are_the_stored_ones(realworld: RealWorld, day: date) -> None:
    parsed = ask(realworld, day)
    assert parsed.rejected.is_empty()
    stored = pl.read_parquet(FOLDER / "data" / "br_fut.parquet").filter(pl.col("date") == day)
    stored = stored.filter(pl.col("commodity").is_in(ROOTS)).select(contract="symbol", p="price", t="tax")
    rows = parsed.rows.filter(pl.col("root") != "DI1").join(stored, on="contract", how="full", coalesce=True)
    assert rows.null_count().select("series_id", "settle_price", "p").row(0) == (0, 0, 0)
    assert (rows["settle_price"] - rows["p"]).abs().max() < 1e-9
    assert rows["settle_rate"].is_null().equals(rows["t"].is_null())
    assert (rows["settle_rate"] * 100 - rows["t"]).abs().max() < 1e-9
    assert set(parsed.rows["root"]) == set(ROOTS)
    assert parsed.rows.filter(pl.col("maturity") < day).is_empty()


@pytest.mark.realworld
@pytest.mark.parametrize("day", [date(2021, 3, 31), date(2021, 10, 13)])
def test_real_forward_coupons_are_those_of_the_dollar_coupon_futures(realworld: RealWorld, day: date) -> None:
    """A FRC begins at the first DDI that is three business days away: its rate follows from two PUs of the file."""
    days = (pl.col("maturity") - pl.col("event_date")).dt.total_days().alias("days")
    rows = ask(realworld, day).rows.with_columns(days).sort("maturity")
    ddi = rows.filter(pl.col("root") == "DDI").select("maturity", "days", pu="settle_price")
    first = ddi.filter(pl.col("days") > 4).row(0, named=True)
    frc = rows.filter(pl.col("root") == "FRC").join(ddi.select("maturity", "pu"), on="maturity")
    forward = (first["pu"] / frc["pu"] - 1) * 360 / (frc["days"] - first["days"])
    assert frc.height > 30
    assert (forward - frc["settle_rate"]).abs().max() < 1e-4


@pytest.mark.realworld
def test_no_di1_of_a_session_in_every_quarter_is_rejected(realworld: RealWorld) -> None:
    days = sessions().keys(date(2010, 1, 4), date(2021, 12, 30))[::62]
    parsed = [ask(realworld, day) for day in days]
    assert sum(p.rejected.height for p in parsed) == 0
    assert min(p.rows.height for p in parsed) > 20


@pytest.mark.realworld
def test_the_evening_before_the_file_is_out(realworld: RealWorld) -> None:
    before = datetime(2019, 3, 28, 22, 29, tzinfo=UTC)
    realworld.set_now(before)
    with pytest.raises(SourceError, match="no settlement file yet for session 2019-03-28"):
        ask(realworld, DAY, before)
    assert ask(realworld, DAY).rows.is_empty(), "a session without a file years later has none"
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
    with pytest.raises(SourceError, match="b3_settlements: B3 settlements of session 2019-03-28") as error:
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
