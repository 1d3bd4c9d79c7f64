"""Every expectation of config/expectations holds on a good frame and fails on a spoilt one."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path

import polars as pl
import pytest

from macro_fund.orchestration.frames import to_pandas
from macro_fund.settings import Series, SettingsError, default_settings
from macro_fund.sources.expectations import COMMON, FOLDER, broken, examined, suite_of
from macro_fund.store.table import Table
from macro_fund.store.tables import TABLES

SOURCES = [k.removeprefix("bronze/") for k in TABLES if k.startswith("bronze/")]
FILES = sorted(f.stem for f in FOLDER.glob("*.yaml"))
DAYS = (date(2024, 3, 6), date(2024, 3, 7), date(2024, 3, 7))
SESSIONS = [date(2024, 3, 7), date(2024, 3, 8), date(2024, 3, 11)]
KNOWN = [datetime(2024, 3, d, 12, tzinfo=UTC) for d in (6, 7, 8)]
LIKELY = {"rate": 0.1, "calendar_days": 30, "business_days": 21, "minimum": -0.15, "maximum": 0.4, "open_interest": 0}
TEXT = "O Comite decidiu manter a taxa. " * 30
WORDS = {
    "bond": "LTN 100000 2027-01-01",
    "reference": "2026",
    "market_code": "102741",
    "category": "dealer",
    "document": "260",
    "title": "Ata",
    "url": "https://www.bcb.gov.br/x",
    "text": TEXT,
    "text_sha256": "0" * 64,
    "contract": "DI1F27",
    "root": "DI1",
    "knowledge_basis": "lag",
    "payload_sha256": "0" * 64,
}
LANGUAGE = {"copom": "pt", "fomc": "en"}

# What breaks an expectation: source, its words, column, and the value that one row gets.
SPOILT: list[tuple[str, str, str, object]] = [
    (COMMON, "every row is of a series of the catalogue", "series_id", "br_nobody_knows"),
    (COMMON, "one row a fact and vintage", "knowledge_time", KNOWN[1]),
    (COMMON, "the basis of knowledge is stated", "knowledge_basis", "hearsay"),
    (COMMON, "values are not below the plausible range of their series", "value", -1e12),
    (COMMON, "values are not above the plausible range of their series", "value", 1e12),
    ("anbima_bonds", "a bond is priced before it matures", "maturity", DAYS[2]),
    ("anbima_bonds", "a price is positive", "price", 0.0),
    ("anbima_bonds", "a bond's name starts with its title", "bond", "Tesouro Prefixado 2027"),
    ("anbima_vna", "a nominal value is positive", "value", 0.0),
    ("b3_curves", "a vertex has at least as many calendar days as business days", "business_days", 31),
    ("b3_curves", "a vertex lies ahead", "calendar_days", 0),
    ("b3_settlements", "a settlement is a positive price", "settle_price", 0.0),
    ("b3_settlements", "a contract settles on or before its expiry", "maturity", DAYS[0]),
    ("b3_settlements", "the root is one of the eight", "root", "DI2"),
    ("b3_settlements", "a ticker has six characters", "contract", "DI1F2027"),
    ("b3_settlements", "open interest is not negative", "open_interest", -1),
    ("bcb_focus", "rates are decimals", "value", 0.51),
    ("bcb_focus_periods", "no answer is below the lowest", "minimum", 0.6),
    ("bcb_focus_periods", "no answer is above the highest", "maximum", -0.3),
    ("bcb_focus_periods", "a period is a year, a month, a quarter or a meeting", "reference", "2026-Q5"),
    ("bcb_ptax", "an exchange rate is positive", "value", 0.0),
    ("cboe", "a volatility index is positive", "value", 0.0),
    ("cftc", "longs are counted", "long", -1),
    ("cftc", "shorts are counted", "short", -1),
    ("copom", "a text is long enough to be one", "text", "Access denied"),
    ("copom", "the language is the bank's own", "language", "en"),
    ("copom", "the address is of the bank", "url", "ata.pdf"),
    ("fomc", "a text is long enough to be one", "text", "Access denied"),
    ("fomc", "the language is the bank's own", "language", "pt"),
    ("fomc", "the address is of the bank", "url", "minutes.htm"),
    ("stn_debt", "a debt is not negative", "value", -0.01),
    ("tesouro_direto", "a price is not negative", "buy_price", -0.01),
    ("tesouro_direto", "a title matures on or after the day of its price", "maturity", DAYS[0]),
    ("us_treasury", "rates are decimals", "value", 0.26),
]


def _series(source: str) -> Series:
    """One series of the source, with a range that holds the good frame's values."""
    own = default_settings().series_of(source) or default_settings().series
    return own[0].model_copy(update={"source": source, "low": 0.0, "high": 5_000.0})


def _likely(source: str, name: str, dtype: pl.DataType) -> object:
    if isinstance(dtype, pl.String):
        return {**WORDS, "series_id": _series(source).id, "source": source, "language": LANGUAGE.get(source)}[name]
    if isinstance(dtype, pl.Boolean):
        return True
    if isinstance(dtype, pl.Date):
        return date(2027, 1, 4)
    return LIKELY.get(name, 0.2 if dtype.is_float() else 7)


def _good(source: str) -> tuple[Table, pl.DataFrame]:
    """Three rows of a source's table, known in three sessions, that nobody can object to."""
    table = TABLES[f"bronze/{source}"]
    special = {"session": SESSIONS, "event_date": DAYS, "knowledge_time": KNOWN, "fetched_at": KNOWN}
    columns = {c: special.get(c) or [_likely(source, c, t)] * 3 for c, t in table.schema.items()}
    return table, pl.DataFrame(columns, table.schema)


def _verdict(source: str, table: Table, rows: pl.DataFrame) -> list[tuple[date, str]]:
    seen = examined(rows, table, [_series(source)])
    return broken(source, to_pandas(source, seen), rows["session"].to_list())


def _with(rows: pl.DataFrame, row: int, column: str, value: object) -> pl.DataFrame:
    spoilt = [value if i == row else v for i, v in enumerate(rows[column])]
    return rows.with_columns(pl.Series(column, spoilt, rows.schema[column]))


def test_each_file_is_of_a_source() -> None:
    assert set(FILES) - {COMMON} <= set(SOURCES)
    assert COMMON in FILES


def test_each_expectation_has_a_row_that_breaks_it() -> None:
    """A new expectation is red until SPOILT shows that it can fail."""
    said = {(file.stem, e.words) for source in FILES for file, e in suite_of(source)}
    assert sorted(said) == sorted((source, words) for source, words, _, _ in SPOILT)


@pytest.mark.parametrize("source", SOURCES)
def test_a_good_frame_passes(source: str) -> None:
    assert _verdict(source, *_good(source)) == []


@pytest.mark.parametrize("source", SOURCES)
def test_what_may_be_missing_may_be_missing(source: str) -> None:
    table, rows = _good(source)
    optional = [c for c in table.schema if table.columns[c].nullable]
    gone = rows.with_columns(pl.lit(None).cast(table.schema[c]).alias(c) for c in optional)
    assert _verdict(source, table, gone) == []


@pytest.mark.parametrize("source", SOURCES)
def test_no_rows_pass(source: str) -> None:
    table = TABLES[f"bronze/{source}"]
    assert _verdict(source, table, table.empty()) == []


@pytest.mark.parametrize(("source", "words", "column", "value"), SPOILT)
def test_a_spoilt_frame_fails(source: str, words: str, column: str, value: object) -> None:
    suspect = "us_treasury" if source == COMMON else source
    table, rows = _good(suspect)
    found = [(s, m) for s, m in _verdict(suspect, table, _with(rows, 2, column, value)) if m.startswith(f"{words}: ")]
    assert (SESSIONS[2], True) in [(s, "2024-03-07" in m) for s, m in found], found
    if column != "knowledge_time":  # a repeated fact is at fault in both sessions
        assert [s for s, _ in found] == [SESSIONS[2]]
        assert "not in 1 rows" in found[0][1]


@pytest.mark.parametrize("source", [s for s in SOURCES if s not in ("copom", "fomc")])
def test_the_range_is_held_against_the_first_value_of_every_table(source: str) -> None:
    table, rows = _good(source)
    main = table.values[0]
    far = rows.with_columns((pl.col(main) * 0 + 10**9).cast(table.schema[main]))
    assert any("not above the plausible range" in m for _, m in _verdict(source, table, far))


def test_each_session_with_rows_at_fault_is_told() -> None:
    table, rows = _good("cboe")
    bad = _with(_with(rows, 0, "value", -1.0), 2, "value", -2.0)
    found = [(s, m) for s, m in _verdict("cboe", table, bad) if "volatility" in m]
    first = f"{_series('cboe').id} 2024-03-06"
    assert [s for s, _ in found] == [SESSIONS[0], SESSIONS[2]]
    assert found[0][1].startswith(f"a volatility index is positive: not in 1 rows, first {first}")


def test_a_window_says_what_its_days_say() -> None:
    table, rows = _good("cboe")
    bad = _with(_with(rows, 0, "value", -1.0), 2, "value", -2.0)
    days = [_verdict("cboe", table, bad.filter(pl.col("session") == s)) for s in SESSIONS]
    assert sorted(_verdict("cboe", table, bad)) == sorted(x for day in days for x in day)


def _folder(folder: Path, text: str) -> Path:
    (folder / "common.yaml").write_text(
        "- {words: a, type: expect_column_values_to_not_be_null, kwargs: {column: main}}"
    )
    (folder / "cboe.yaml").write_text(f"- words: is right\n  {text}\n")
    return folder


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("type: expect_the_spanish_inquisition\n  kwargs: {column: main}", "expect_the_spanish_inquisition not found"),
        ("type: expect_column_values_to_be_between\n  kwargs: {column: main, min: 0}", "extra fields not permitted"),
        ("type: expect_column_values_to_be_between\n  kwargs: {column: main}", "cannot both be None"),
        (
            "type: expect_column_values_to_be_between\n  kwargs: {column: mian, min_value: 0}",
            'column "mian" in BatchData does not exist',
        ),
        ("type: expect_column_values_to_match_regex\n  kwargs: {column: source, regex: '('}", "unterminated"),
    ],
)
def test_an_expectation_that_cannot_be_judged_is_named(tmp_path: Path, text: str, said: str) -> None:
    table, rows = _good("cboe")
    frame = to_pandas("cboe", examined(rows, table, [_series("cboe")]))
    with pytest.raises(SettingsError) as caught:
        broken("cboe", frame, rows["session"].to_list(), _folder(tmp_path, text))
    message = str(caught.value)
    assert message.startswith(f"{tmp_path / 'cboe.yaml'}: 'is right' (expect_")
    assert said in message
    assert "\n" not in message


def test_a_field_that_no_expectation_has_is_named_with_its_line(tmp_path: Path) -> None:
    folder = _folder(tmp_path, "type: expect_column_values_to_be_unique\n  kwargs: {column: fact}\n  severity: high")
    with pytest.raises(SettingsError, match=r"cboe\.yaml:4: 0\.severity: Extra inputs"):
        suite_of("cboe", folder)


def test_a_text_is_measured_and_left_out() -> None:
    table, rows = _good("copom")
    seen = examined(rows, table, [_series("copom")])
    assert seen["main"].to_list() == [float(len(TEXT))] * 3
    assert {"text", "payload_sha256"}.isdisjoint(seen.columns)
    assert seen["knowledge_time"].to_list() == [int(t.timestamp()) for t in KNOWN]
