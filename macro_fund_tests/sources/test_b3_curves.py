"""B3 reference rates: the archive, the fixed-width lines, units, days, and the real curves of the replay server."""

from __future__ import annotations

import hashlib
import io
import zipfile
from datetime import UTC, date, datetime
from types import ModuleType

import polars as pl
import pytest

from macro_fund.settings import default_settings
from macro_fund.sources import b3_curves, b3_settlements
from macro_fund.sources.http import Http, Parsed, Payload, ReplayUrlTransport, SourceError
from macro_fund.store.tables import TABLES
from macro_fund_tests.realworld import FOLDER, RealWorld

POLICY = default_settings().sources["b3_curves"]
SERIES = default_settings().series_of("b3_curves")
IDS = tuple(s.id for s in SERIES)
DAY = date(2026, 9, 14)
NO_FILE = b"PK\x05\x06" + b"\0" * 18
# Lines as B3 published them on 2026-09-14: among them a dollar coupon of 430% for one day.
PRE = [
    "0146360010120260914T1PRE  DIxPRE         0000100001+00000139000000F00001",
    "0146370010120260914T1PRE  DIxPRE         0000200002+00000138020000M00002",
]
DOC = "0068520010120260914T1DOC  DIxXDOL Cupom l0000100001+00004303000000F00001"
DPL = "0076860010120260914T1DPL  Cupom Limpo de 0000100001+00000185900000F00001"
STRANGERS = [
    "0049060010120260914T1DCL  CUPOM LIMPO - S0000100001-00001179600000F00001",
    "0115780010120260914T1INP  IBOVESPA       0000100001+01856480000000F00001",
]
FILE = [STRANGERS[0], DOC, DPL, STRANGERS[1], *PRE]


def archive(name: str, content: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as z:
        z.writestr(name, content)
    return out.getvalue()


def ts(*lines: str, end: str = "\r\n", name: str = "TaxaSwap.txt") -> bytes:
    """A self-extracting program (a stub with the zip behind it) within a zip."""
    text = (end.join(lines) + end).encode("latin-1")
    return archive("TS260914.ex_", b"MZ" + b"\x90\x00" * 2000 + archive(name, text))


def line(curve: str, days: int, rate: float, business: int | None = None, kind: str = "M", day: date = DAY) -> str:
    units = round(rate * 1e7)
    business = days * 2 // 3 + 1 if business is None else business
    head = f"00012300101{day:%Y%m%d}T1{curve:<5}{'Some name':<15}{days:05d}{business:05d}"
    return f"{head}{'-' if units < 0 else '+'}{abs(units):014d}{kind}{days:05d}"


def answer(body: bytes, day: date = DAY, status: int = 200) -> Payload:
    (request,) = b3_curves.plan(SERIES, dict.fromkeys(IDS, (DAY, DAY)), POLICY)
    request = type(request)(request.provider, "GET", b3_curves.URL.format(day=day), request.label, request.items)
    return Payload(request, status, body, datetime(2026, 9, 15, tzinfo=UTC), hashlib.sha256(body).hexdigest())


def parse(*lines: str) -> Parsed:
    return b3_curves.parse(answer(ts(*lines)), SERIES)


def test_the_catalogue_and_the_table_fit_what_is_read() -> None:
    codes = {"PRE", "DOC", "DPL", "DIC"}
    assert {s.code: s.id for s in SERIES} == {code: f"b3_curve_{code.lower()}" for code in codes}
    assert b3_curves.DAILY_FILES
    table = TABLES["bronze/b3_curves"]
    assert {k: table.schema[k] for k in b3_curves.ROWS} == dict(b3_curves.ROWS)


def test_one_request_a_session_of_the_hull_from_the_first_session_on() -> None:
    windows = {
        "b3_curve_pre": (date(2008, 1, 2), date(2010, 1, 5)),
        "b3_curve_doc": (date(2010, 1, 6), date(2010, 1, 6)),
    }
    requests = b3_curves.plan(SERIES, windows, POLICY)
    assert [r.url for r in requests] == [
        f"https://www.b3.com.br/pesquisapregao/download?filelist=TS{day}.ex_" for day in ("100104", "100105", "100106")
    ]
    assert requests[0].items == ("b3_curve_pre", "b3_curve_doc")
    assert b3_curves.plan(SERIES, {}, POLICY) == []


def test_lines_that_b3_published() -> None:
    parsed = parse(*FILE)
    assert parsed.rejected.is_empty()
    assert parsed.rows.schema == b3_curves.ROWS
    assert parsed.rows.rows() == [
        ("b3_curve_doc", DAY, 1, 1, 4.303, True),
        ("b3_curve_dpl", DAY, 1, 1, 0.1859, True),
        ("b3_curve_pre", DAY, 1, 1, 0.139, True),
        ("b3_curve_pre", DAY, 2, 2, 0.13802, False),
    ]


def test_a_negative_rate_keeps_its_sign() -> None:
    parsed = parse(*PRE, line("DIC", 11, -26.33))
    assert parsed.rows["rate"].to_list()[-1] == -0.2633


@pytest.mark.parametrize("end", ["\r\n", "\n"])
@pytest.mark.parametrize("tail", ["", "\x1a", "  "])
def test_line_ends_and_an_end_of_file_mark_do_not_matter(end: str, tail: str) -> None:
    body = ts(*FILE, *([tail] if tail else []), end=end)
    assert b3_curves.parse(answer(body), SERIES).rows.equals(parse(*FILE).rows)


def test_only_the_curves_asked_for_are_read_and_a_missing_one_gives_no_rows() -> None:
    doc = [s for s in SERIES if s.code == "DOC"]
    assert b3_curves.parse(answer(ts(*FILE)), doc).rows["series_id"].to_list() == ["b3_curve_doc"]
    assert set(parse(*PRE).rows["series_id"]) == {"b3_curve_pre"}
    nothing = b3_curves.parse(answer(ts(*PRE)), doc)
    assert nothing.rows.is_empty()
    assert nothing.rows.schema == b3_curves.ROWS


def test_an_empty_archive_is_a_missing_file_on_a_session_only() -> None:
    with pytest.raises(SourceError, match="no reference rates file yet for session 2026-09-14") as error:
        b3_curves.parse(answer(NO_FILE), SERIES)
    assert not error.value.transient
    parsed = b3_curves.parse(answer(NO_FILE, date(2026, 9, 13)), SERIES)
    assert parsed.rows.is_empty()
    assert parsed.rows.schema == b3_curves.ROWS


def test_a_file_of_another_day_is_refused_whole() -> None:
    with pytest.raises(SourceError, match="the file holds curves of 2026-09-14, not of 2026-09-15"):
        b3_curves.parse(answer(ts(*FILE), date(2026, 9, 15)), SERIES)
    with pytest.raises(SourceError, match="the file holds curves of 2026-09-11"):
        parse(*FILE, line("PRE", 30, 13.9, day=date(2026, 9, 11)))


@pytest.mark.parametrize(
    ("body", "status", "message", "transient"),
    [
        (b"", 200, "empty answer", True),
        (b"<html><body>manutencao</body></html>", 200, "a web page instead of data", True),
        (b"PK\x03\x04 broken", 200, "not a complete zip file", True),
        (ts(*FILE)[:400], 200, "not a complete zip file", True),
        (archive("TS260914.ex_", b"MZ no zip behind"), 200, "not a complete zip file", True),
        (ts(*FILE, name="Leiame.doc"), 200, "no single text in the archive, but", False),
        (ts(*(x[:65] for x in FILE)), 200, "lines of 65 characters where 72 are expected", False),
        (ts(*FILE, FILE[0][:67]), 200, "lines of 67 characters where 72 are expected", False),
        (ts(DOC, DPL), 200, "no curve PRE in the file", True),
        (ts(""), 200, "no curve PRE in the file", True),
        (NO_FILE, 403, "refused by the provider", False),
    ],
)
def test_what_is_not_a_curve_file_is_refused(body: bytes, status: int, message: str, transient: bool) -> None:
    with pytest.raises(SourceError, match="b3_curves: B3 reference rates of session 2026-09-14") as error:
        b3_curves.parse(answer(body, status=status), SERIES)
    assert message in str(error.value)
    assert error.value.transient is transient


@pytest.mark.parametrize(
    ("bad", "item", "reason"),
    [
        (PRE[0][:52] + f"{'NaN':>14}" + PRE[0][66:], "b3_curve_pre 1", "rate not readable"),
        (PRE[0][:51] + " " + PRE[0][52:], "b3_curve_pre 1", "rate not readable"),
        (PRE[0][:41] + "00X01" + PRE[0][46:], "b3_curve_pre", "days not readable"),
        (PRE[0][:46] + "0000 " + PRE[0][51:], "b3_curve_pre", "days not readable"),
        (PRE[0][:66] + "X" + PRE[0][67:], "b3_curve_pre 1", "neither a standard vertex (F) nor a moving one (M)"),
        (line("PRE", 5, 13.9, business=9), "b3_curve_pre 5", "more business days than calendar days, or no days"),
        (line("PRE", 0, 13.9, business=0), "b3_curve_pre 0", "more business days than calendar days, or no days"),
        (line("PRE", 3, 1390.0), "b3_curve_pre 3", "rate outside the range of config/series: another unit?"),
        (line("PRE", 3, 0.139), "b3_curve_pre 3", "rate outside the range of config/series: another unit?"),
        (line("DOC", 3, 5000.0), "b3_curve_doc 3", "rate outside the range of config/series: another unit?"),
    ],
)
def test_a_point_that_cannot_be_right_is_rejected_alone(bad: str, item: str, reason: str) -> None:
    parsed = parse(PRE[1], bad)
    assert parsed.rows["calendar_days"].to_list() == [2]
    assert parsed.rejected.rows() == [(item, DAY, bad, reason)]


def test_one_far_rate_of_hundreds_of_percent_is_rejected_and_most_of_them_refuse_the_file() -> None:
    good = [line("DOC", days, 5.2) for days in (60, 90, 120)]
    parsed = parse(*PRE, *good, line("DOC", 30, 520.0))
    assert parsed.rejected.select("item", "reason").rows() == [
        ("b3_curve_doc 30", "over 50% for so many days: another unit?")
    ]
    assert parsed.rows.height == 5
    bad = [line("DOC", days, 520.0) for days in (30, 150, 180)]
    with pytest.raises(SourceError, match="3 of 5 rates of DOC are over 50%: another unit") as error:
        parse(*PRE, *good[1:], *bad)
    assert not error.value.transient


def test_repetitions_collapse_and_contradictions_are_all_refused() -> None:
    again = "999999" + PRE[0][6:]
    other = line("PRE", 2, 13.9, business=2)
    parsed = parse(*FILE, again, other)
    assert parsed.rows.drop("event_date").rows() == [
        ("b3_curve_doc", 1, 1, 4.303, True),
        ("b3_curve_dpl", 1, 1, 0.1859, True),
        ("b3_curve_pre", 1, 1, 0.139, True),
    ]
    assert parsed.rejected["item"].to_list() == ["b3_curve_pre 2"] * 2
    assert set(parsed.rejected["reason"]) == {"several values for one vertex"}


HOST = "www.b3.com.br"
REAL_DAY = date(2021, 1, 4)


def ask(
    world: RealWorld, day: date, connector: ModuleType = b3_curves, now: datetime = datetime(2022, 1, 1, tzinfo=UTC)
) -> Parsed:
    """One session of the replay server, one attempt a request, no archive; `now` is our clock."""
    series = default_settings().series_of(connector.PROVIDER)
    policies = {k: v.model_copy(update={"attempts": 1}) for k, v in default_settings().sources.items()}
    http = Http(ReplayUrlTransport(world.url), policies, None, lambda: now)
    (request,) = connector.plan(series, {s.id: (day, day) for s in series}, POLICY)
    parsed: Parsed = connector.parse(http.fetch(request), series)
    return parsed


@pytest.mark.realworld
@pytest.mark.parametrize("day", [date(2019, 1, 2), date(2020, 3, 18), REAL_DAY, date(2021, 12, 30)])
def test_real_points_are_the_stored_ones(realworld: RealWorld, day: date) -> None:
    parsed = ask(realworld, day)
    assert parsed.rejected.is_empty()
    stored = pl.read_parquet(FOLDER / "data" / "br_curves.parquet").filter(pl.col("date") == day)
    expected = stored.select(
        (pl.lit("b3_curve_") + pl.col("curve").str.to_lowercase()).alias("series_id"),
        pl.col("date").alias("event_date"),
        pl.col("cur_days").alias("calendar_days"),
        pl.col("biz_days").alias("business_days"),
        "rate",
    )
    assert expected.height > 500
    assert parsed.rows.drop("fixed_vertex").sort(expected.columns).equals(expected.sort(expected.columns))


@pytest.mark.realworld
def test_real_pre_curve_passes_through_the_di1_settlements(realworld: RealWorld) -> None:
    days = (pl.col("maturity") - pl.col("event_date")).dt.total_days().cast(pl.Int32).alias("calendar_days")
    di1 = ask(realworld, REAL_DAY, b3_settlements).rows.filter(pl.col("root") == "DI1").select(days, "settle_rate")
    pre = ask(realworld, REAL_DAY).rows.filter(pl.col("series_id") == "b3_curve_pre")
    both = di1.join(pre, on="calendar_days")
    assert both.height > 30
    assert (both["settle_rate"] - both["rate"]).abs().max() <= 1e-4 + 1e-12


@pytest.mark.realworld
def test_the_evening_before_the_file_is_out(realworld: RealWorld) -> None:
    before = datetime(2021, 1, 4, 22, 59, tzinfo=UTC)
    realworld.set_now(before)
    with pytest.raises(SourceError, match="no reference rates file yet for session 2021-01-04"):
        ask(realworld, REAL_DAY, now=before)
    assert ask(realworld, REAL_DAY).rows.is_empty(), "a session without a file a year later has none"
    realworld.set_now(datetime(2021, 1, 4, 23, 1, tzinfo=UTC))
    assert ask(realworld, REAL_DAY).rows.height > 500


@pytest.mark.realworld
@pytest.mark.parametrize(
    ("kind", "message"),
    [
        ("http500", "the provider failed"),
        ("html200", "a web page instead of data"),
        ("truncated", "not a complete zip file"),
        ("empty", "empty answer"),
        ("stale", "the file holds curves of 2020-12-30, not of 2021-01-04"),
        ("wrong_unit", "another unit?"),
    ],
)
def test_a_fault_that_leaves_no_data_names_session_and_cause(realworld: RealWorld, kind: str, message: str) -> None:
    realworld.fault(HOST, kind)
    with pytest.raises(SourceError, match="b3_curves: B3 reference rates of session 2021-01-04") as error:
        ask(realworld, REAL_DAY)
    assert message in str(error.value)


@pytest.mark.realworld
@pytest.mark.parametrize(("kind", "missing"), [("duplicate_rows", 0), ("nan_text", 2)])
def test_a_fault_in_the_data_leaves_only_right_rows(realworld: RealWorld, kind: str, missing: int) -> None:
    clean = ask(realworld, REAL_DAY).rows
    realworld.fault(HOST, kind)
    parsed = ask(realworld, REAL_DAY)
    assert parsed.rows.height == clean.height - missing
    assert parsed.rows.join(clean, on=clean.columns, how="anti").is_empty()
    assert parsed.rejected.height == missing
