"""Commitments of traders: one question a report and year, categories, refusals, and the replay server's real data."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, date, datetime
from typing import Any
from urllib.parse import unquote

import polars as pl
import pytest

from macro_fund.settings import Series, default_settings
from macro_fund.sources import cftc
from macro_fund.sources.http import Http, Parsed, Payload, ReplayUrlTransport, SourceError
from macro_fund.store.tables import TABLES
from macro_fund_tests.realworld import FOLDER, RealWorld

SERIES = default_settings().series_of("cftc")
POLICY = default_settings().sources["cftc"]
HOST = "publicreporting.cftc.gov"
WINDOW = (date(2024, 2, 1), date(2024, 2, 27))
DAY = date(2024, 2, 6)
# The BRL row of the legacy report of 6 February 2024, as Socrata writes it.
BRL_LEGACY = {
    "id": "240206102741F", "market_and_exchange_names": "BRAZILIAN REAL - CHICAGO MERCANTILE EXCHANGE",
    "report_date_as_yyyy_mm_dd": "2024-02-06T00:00:00.000", "cftc_contract_market_code": "102741",
    "cftc_market_code": "CME ", "cftc_commodity_code": "102 ", "open_interest_all": "61057",
    "noncomm_positions_long_all": "38848", "noncomm_positions_short_all": "19186", "noncomm_postions_spread_all": "1",
    "comm_positions_long_all": "19059", "comm_positions_short_all": "40667", "nonrept_positions_long_all": "3149",
    "nonrept_positions_short_all": "1203", "noncomm_positions_long_old": "38848", "noncomm_positions_spread": "1",
    "futonly_or_combined": "FutOnly",
}  # fmt: skip
BRL_TFF = {
    "report_date_as_yyyy_mm_dd": "2024-02-06T00:00:00.000", "cftc_contract_market_code": "102741 ",
    "open_interest_all": "61057", "dealer_positions_long_all": "6891", "dealer_positions_short_all": "2422",
    "dealer_positions_spread_all": "7", "asset_mgr_positions_long": "7096", "asset_mgr_positions_short": "909",
    "lev_money_positions_long": "4148", "lev_money_positions_short": "15886", "lev_money_positions_spread": "0",
    "other_rept_positions_long": "10", "nonrept_positions_long_all": "3149", "nonrept_positions_short_all": "1203",
}  # fmt: skip
GOLD_DISAGG = {
    "report_date_as_yyyy_mm_dd": "2024-02-06T00:00:00.000", "cftc_contract_market_code": "088691",
    "open_interest_all": "410000", "prod_merc_positions_long": "11", "prod_merc_positions_short": "12",
    "swap_positions_long_all": "21", "swap__positions_short_all": "22", "swap__positions_spread_all": "23",
    "m_money_positions_long_all": "31", "m_money_positions_short_all": "32", "m_money_positions_spread": "33",
    "other_rept_positions_long": "41", "other_rept_positions_short": "42", "other_rept_positions_spread": "43",
    "nonrept_positions_long_all": "51", "nonrept_positions_short_all": "52",
}  # fmt: skip


def one(series_id: str) -> Series:
    return next(s for s in SERIES if s.id == series_id)


def answer(body: object, series_id: str = "us_cot_legacy_brl", status: int = 200) -> Payload:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    (request,) = cftc.plan(SERIES, {series_id: WINDOW}, POLICY)
    return Payload(request, status, raw, datetime(2024, 3, 1, tzinfo=UTC), hashlib.sha256(raw).hexdigest())


def legacy(**changed: Any) -> Payload:
    row = {**BRL_LEGACY, **changed}
    return answer([{k: v for k, v in row.items() if v is not None}])


def values(parsed: Parsed) -> dict[str, tuple[Any, ...]]:
    return {r["category"]: (r["long"], r["short"], r["spreading"]) for r in parsed.rows.to_dicts()}


def test_one_question_a_report_and_year_for_the_markets_that_need_it() -> None:
    windows = {
        "us_cot_legacy_spx_all": (date(2019, 6, 4), date(2020, 1, 21)),
        "us_cot_legacy_brl": (date(2019, 12, 31), date(2020, 1, 14)),
        "us_cot_tff_brl": (date(2020, 1, 14), date(2020, 1, 14)),
    }
    requests = cftc.plan(SERIES, windows, POLICY)
    assert [(r.label, r.items) for r in requests] == [
        ("CFTC traders in financial futures 2020-01-14..2020-01-14", ("us_cot_tff_brl",)),
        ("CFTC legacy 2019-06-04..2019-12-31", ("us_cot_legacy_brl", "us_cot_legacy_spx_all")),
        ("CFTC legacy 2020-01-01..2020-01-21", ("us_cot_legacy_brl", "us_cot_legacy_spx_all")),
    ]
    assert "'13874%2B'" in requests[1].url  # a plus would be a space
    assert unquote(requests[1].url) == (
        "https://publicreporting.cftc.gov/resource/6dca-aqww.json?$where=report_date_as_yyyy_mm_dd >= "
        "'2019-06-04T00:00:00' AND report_date_as_yyyy_mm_dd <= '2019-12-31T00:00:00' AND cftc_contract_market_code in "
        "('102741','13874+')&$order=report_date_as_yyyy_mm_dd ASC,:id&$limit=50000"
    )
    assert cftc.plan(SERIES, {}, POLICY) == []


def test_rows_fit_the_bronze_table() -> None:
    made = {"session", "knowledge_time", "knowledge_basis", "late", "source", "fetched_at", "payload_sha256"}
    table = TABLES["bronze/cftc"]
    want = {n: c.dtype for n, c in table.columns.items() if n not in made}
    rows = cftc.parse(legacy(), SERIES).rows
    assert dict(rows.schema) == want
    assert rows.row(0) == ("us_cot_legacy_brl", DAY, "102741", "noncommercial", 38848, 19186, 1, 61057)


def test_legacy_categories() -> None:
    parsed = cftc.parse(legacy(), SERIES)
    assert parsed.rejected.is_empty()
    assert values(parsed) == {
        "noncommercial": (38848, 19186, 1),
        "commercial": (19059, 40667, None),
        "nonreportable": (3149, 1203, None),
    }


def test_financial_categories_padded_codes_and_absent_fields() -> None:
    parsed = cftc.parse(answer([BRL_TFF], "us_cot_tff_brl"), SERIES)
    assert parsed.rejected.is_empty()
    assert set(parsed.rows["market_code"]) == {"102741"}
    assert values(parsed) == {  # other reportables have no short position: no row
        "dealer": (6891, 2422, 7),
        "asset_manager": (7096, 909, None),
        "leveraged": (4148, 15886, 0),
        "nonreportable": (3149, 1203, None),
    }


def test_disaggregated_categories() -> None:
    parsed = cftc.parse(answer([GOLD_DISAGG], "us_cot_disagg_gold"), SERIES)
    assert values(parsed) == {
        "producer": (11, 12, None),
        "swap": (21, 22, 23),
        "managed_money": (31, 32, 33),
        "other_reportable": (41, 42, 43),
        "nonreportable": (51, 52, None),
    }


def test_open_interest_may_be_absent() -> None:
    rows = cftc.parse(legacy(open_interest_all=None), SERIES).rows
    assert rows.height == 3
    assert rows["open_interest"].null_count() == 3


@pytest.mark.parametrize("bad", ["NaN", "n/a", "-5", "12.5", "1,234"])
def test_a_number_that_is_not_whole_contracts_rejects_its_category_alone(bad: str) -> None:
    parsed = cftc.parse(legacy(noncomm_postions_spread_all=bad), SERIES)
    assert sorted(values(parsed)) == ["commercial", "nonreportable"]
    assert parsed.rejected.rows() == [
        (
            "us_cot_legacy_brl noncommercial",
            DAY,
            f"long=38848 short=19186 spreading={bad} open_interest=61057",
            "not a whole number of contracts",
        )
    ]


def test_numbers_may_come_as_numbers_and_a_day_must_be_readable() -> None:
    assert values(cftc.parse(legacy(comm_positions_long_all=19059.0), SERIES))["commercial"] == (19059, 40667, None)
    parsed = cftc.parse(legacy(report_date_as_yyyy_mm_dd="06/02/2024"), SERIES)
    assert parsed.rows.is_empty()
    assert parsed.rejected.rows() == [("us_cot_legacy_brl", None, "06/02/2024", "day not readable")]


def test_no_rows_in_the_window_is_empty() -> None:
    parsed = cftc.parse(answer([]), SERIES)
    assert parsed.rows.is_empty()
    assert parsed.rejected.is_empty()


def without(*names: str) -> Payload:
    return legacy(**dict.fromkeys(names))


@pytest.mark.parametrize(
    ("payload", "message", "transient"),
    [
        (answer(b"<html><body>maintenance</body></html>"), "a web page instead of data", True),
        (answer(b""), "empty answer", True),
        (answer(b'[{"id":"240206102741F","mark'), "not complete JSON", True),
        (
            answer({"code": "query.soql.no-such-column", "message": "No such column: x", "error": True}, status=400),
            "the provider says: No such column: x",
            False,
        ),
        (answer({"code": "dataset.missing", "error": True}, status=404), "the provider says: dataset.missing", False),
        (answer({"rows": []}), "not a list of rows", False),
        (without("cftc_contract_market_code"), "rows without cftc_contract_market_code", False),
        (
            legacy(noncomm_postions_spread_all=None, noncomm_positions_spread_all="1"),
            "columns changed: noncomm_positions_spread_all",
            False,
        ),
        (without(*(k for k in BRL_LEGACY if "tions" in k)), "columns changed: no positions", False),
        (legacy(cftc_contract_market_code="095741"), "rows of market 095741, which was not asked", False),
        (legacy(futonly_or_combined="Combined"), "futures and options together", False),
        (legacy(report_date_as_yyyy_mm_dd="2024-03-05T00:00:00.000"), "day 2024-03-05 is outside the window", False),
    ],
)  # fmt: skip
def test_an_answer_that_is_not_the_report_is_refused(payload: Payload, message: str, transient: bool) -> None:
    with pytest.raises(SourceError, match=r"cftc: CFTC legacy 2024-02-01\.\.2024-02-27") as error:
        cftc.parse(payload, SERIES)
    assert message in str(error.value)
    assert error.value.transient is transient


def test_as_many_rows_as_fit_in_an_answer_may_be_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cftc, "LIMIT", 2)
    assert cftc.parse(answer([BRL_LEGACY]), SERIES).rows.height == 3
    with pytest.raises(SourceError, match="2 rows are all that one answer can hold"):
        cftc.parse(answer([BRL_LEGACY, BRL_LEGACY]), SERIES)


def test_a_code_without_a_known_report_is_told_by_its_series() -> None:
    wrong = one("us_cot_legacy_brl").model_copy(update={"code": "102741"})
    with pytest.raises(ValueError, match="us_cot_legacy_brl: code '102741' is not report:market"):
        cftc.plan([wrong], {wrong.id: WINDOW}, POLICY)


# ---------------------------------------------------------------- the replay server

NOW = datetime(2022, 1, 10, tzinfo=UTC)
FILES = {"tff": "us_cot_tff", "legacy": "us_cot_legacy", "disagg": "us_cot_disagg"}


def ask(world: RealWorld, series: list[Series], window: tuple[date, date], **policy: float) -> Parsed:
    policies = {k: v.model_copy(update={"attempts": 1, **policy}) for k, v in default_settings().sources.items()}
    http = Http(ReplayUrlTransport(world.url), policies, None, lambda: NOW)
    parts = [cftc.parse(http.fetch(r), SERIES) for r in cftc.plan(series, {s.id: window for s in series}, POLICY)]
    return Parsed(pl.concat([p.rows for p in parts]), pl.concat([p.rejected for p in parts]))


def of(report: str) -> list[Series]:
    return [s for s in SERIES if s.code.startswith(f"{report}:")]


def stored(report: str) -> pl.DataFrame:
    """The stored rows of our markets, one a category, by another road than the connector's."""
    wide = pl.read_parquet(FOLDER / f"data/{FILES[report]}.parquet")
    parts = []
    for category, names in cftc.REPORTS[report].columns.items():
        if names[0] not in wide.columns:
            continue
        spread = names[2] if len(names) == 3 else None
        parts += [
            {
                "event_date": r["date"],
                "market_code": r["cftc_contract_market_code"].strip(),
                "category": category,
                "long": int(r[names[0]]),
                "short": int(r[names[1]]),
                "spreading": int(r[spread]) if spread and r[spread] is not None else None,
                "open_interest": int(r["open_interest_all"]),
            }
            for r in wide.to_dicts()
            if r[names[0]] is not None and r[names[1]] is not None
        ]
    ours = {s.code.partition(":")[2]: s.id for s in of(report)}
    rows = pl.DataFrame(parts).filter(pl.col("market_code").is_in(list(ours)))
    return rows.with_columns(series_id=pl.col("market_code").replace_strict(ours))


@pytest.mark.realworld
@pytest.mark.parametrize(
    ("report", "markets", "least"), [("tff", 24, 27_000), ("legacy", 34, 22_000), ("disagg", 1, 34)]
)
def test_every_real_position_week_by_week(realworld: RealWorld, report: str, markets: int, least: int) -> None:
    # Rows of 28 December 2021 came out on the last day of the data.
    want = stored(report).select(cftc.FACTS.names()).cast(cftc.FACTS).sort("series_id", "event_date", "category")
    parsed = ask(realworld, of(report), (date(2004, 1, 1), date(2021, 12, 31)))
    got = parsed.rows.sort("series_id", "event_date", "category")
    assert parsed.rejected.is_empty()
    assert got.equals(want)
    assert got["series_id"].n_unique() == markets
    assert got.height >= least
    highs = pl.DataFrame([(s.id, s.high) for s in SERIES], ["series_id", "high"], orient="row")
    assert got.join(highs, on="series_id").filter(pl.col("long") > pl.col("high")).is_empty()


@pytest.mark.realworld
@pytest.mark.parametrize(
    ("now", "newest"),
    [
        ("2020-03-13T15:29:00-04:00", date(2020, 3, 3)),
        ("2020-03-13T15:30:00-04:00", date(2020, 3, 10)),
        ("2018-12-31T12:00:00-05:00", date(2018, 12, 18)),  # the shutdown
        ("2019-02-01T15:30:00-05:00", date(2018, 12, 24)),
    ],
)
def test_nothing_is_there_before_its_release(realworld: RealWorld, now: str, newest: date) -> None:
    moment = datetime.fromisoformat(now)
    realworld.set_now(moment)
    rows = ask(realworld, [one("us_cot_tff_brl")], (date(2018, 11, 1), moment.date())).rows
    assert rows["event_date"].max() == newest


@pytest.mark.realworld
@pytest.mark.parametrize(
    ("kind", "message"),
    [
        ("timeout", "no answer within 0.3 s"),
        ("http429", "the provider asks to slow down"),
        ("http500", "the provider failed"),
        ("html200", "a web page instead of data"),
        ("truncated", "not complete JSON"),
        ("empty", "empty answer"),
    ],
)
def test_a_fault_that_leaves_no_data_names_report_and_cause(realworld: RealWorld, kind: str, message: str) -> None:
    realworld.fault(HOST, kind, hold=0.6 if kind == "timeout" else None)
    series, window = [one("us_cot_tff_brl")], (date(2019, 3, 1), date(2019, 3, 29))
    with pytest.raises(SourceError, match="cftc: CFTC traders in financial futures 2019-03-01") as error:
        ask(realworld, series, window, timeout_s=0.3 if kind == "timeout" else 30)
    assert message in str(error.value)


@pytest.mark.realworld
def test_repeated_rows_repeat_right_values(realworld: RealWorld) -> None:
    window, series = (date(2019, 3, 1), date(2019, 3, 29)), [one("us_cot_tff_brl")]
    clean = ask(realworld, series, window).rows
    realworld.fault(HOST, "duplicate_rows")
    twice = ask(realworld, series, window).rows
    assert twice.height > clean.height
    assert twice.unique().sort(clean.columns).equals(clean.sort(clean.columns))
