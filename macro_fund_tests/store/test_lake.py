"""Files of the lake: what may be written, what a digest means, what is said about a file that cannot be read."""

from __future__ import annotations

import os
import threading
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from macro_fund.store import lake as lake_module
from macro_fund.store.lake import Lake, LakeError, content_digest, shape_problems, tidy, write_file_atomically
from macro_fund.store.tables import PROVENANCE, QUARANTINE, TABLES

FRED, NAV, VIEW = TABLES["bronze/fred"], TABLES["pms/nav"], TABLES["agents/monetary_view"]
KEY = date(2025, 5, 6)


def observation(series: str, value: float, day: int = 5) -> dict[str, object]:
    known = datetime(2025, 5, day, 21, tzinfo=UTC)
    return {
        "session": KEY,
        "series_id": series,
        "event_date": date(2025, 5, day),
        "value": value,
        "knowledge_time": known,
        "knowledge_basis": "lag",
        "late": False,
        "source": "fred",
        "fetched_at": known,
        "payload_sha256": "aa",
    }


def frame(*rows: dict[str, object]) -> pl.DataFrame:
    return pl.DataFrame(list(rows), schema=FRED.schema, orient="row")


GOOD = frame(observation("us_dff", 0.0433), observation("us_vix", 24.76), observation("us_vix", 23.64, 2))


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake(tmp_path / "lake")


def test_what_is_written_is_read_back_sorted_by_the_key(lake: Lake):
    lake.write(FRED, KEY, GOOD.reverse(), {"inputs": "abc", "code_version": "3"})
    assert lake.read(FRED.key).equals(GOOD.sort(FRED.sort))
    assert lake.keys(FRED.key) == [KEY]
    said = lake.metadata(FRED.key, KEY)
    assert {k: said[k] for k in ("table", "key", "inputs", "code_version")} == {
        "table": "bronze/fred",
        "key": "2025-05-06",
        "inputs": "abc",
        "code_version": "3",
    }
    assert said["digest"] == lake.digest(FRED.key, KEY) == content_digest(FRED, tidy(FRED, GOOD))


def test_the_file_is_plain_parquet_for_anyone(lake: Lake):
    import duckdb

    lake.write(FRED, KEY, GOOD)
    assert pl.read_parquet(lake.path(FRED.key, KEY)).schema == FRED.schema
    count = duckdb.sql(f"select count(*), max(value) from '{lake.root}/bronze/fred/*.parquet'").fetchall()
    assert count == [(3, 24.76)]


@given(order=st.permutations(range(3)))
@settings(max_examples=6)
def test_row_order_does_not_change_the_digest(tmp_path_factory: pytest.TempPathFactory, order: list[int]):
    lake = Lake(tmp_path_factory.mktemp("lake"))
    assert lake.write(FRED, KEY, GOOD[order]) == content_digest(FRED, tidy(FRED, GOOD))


def test_column_order_does_not_change_the_digest(lake: Lake):
    assert lake.write(FRED, KEY, GOOD.select(reversed(GOOD.columns))) == lake.write(FRED, KEY, GOOD)


def test_provenance_does_not_change_the_digest(lake: Lake):
    digest = lake.write(FRED, KEY, GOOD)
    later = GOOD.with_columns(
        pl.lit("bb").alias("payload_sha256"), pl.col("fetched_at").dt.offset_by("1d").alias("fetched_at")
    )
    assert set(PROVENANCE) == {"fetched_at", "payload_sha256"}
    assert lake.write(FRED, KEY, later) == digest


@pytest.mark.parametrize("column", [c for c in FRED.schema if c not in PROVENANCE])
def test_every_other_column_changes_the_digest(column: str):
    kind = FRED.schema[column]
    changed = {
        pl.Float64: pl.col(column) * (1 + 2**-52),
        pl.String: pl.col(column) + " ",
        pl.Boolean: ~pl.col(column),
        pl.Date: pl.col(column).dt.offset_by("1d"),
    }.get(kind.base_type(), pl.col(column).dt.offset_by("1us") if kind.is_temporal() else None)
    other = GOOD.with_columns(pl.when(pl.int_range(pl.len()) == 0).then(changed).otherwise(column).alias(column))
    assert content_digest(FRED, other) != content_digest(FRED, GOOD)


def test_a_digest_from_another_machine():
    """The number itself: a change of the digest's definition makes every fund's lake look tampered with."""
    assert content_digest(FRED, tidy(FRED, GOOD)) == (
        "7c2045f172c6792fb2a7f152baab77fdd03f343624d4dada2d6d5e70b031917a"
    )


def test_null_zero_and_empty_text_are_three_things():
    table = TABLES["risk/limits"]
    row = {
        "session": KEY,
        "limit": "a",
        "value": None,
        "limit_value": 1.0,
        "utilisation": 0.0,
        "status": "",
        "reason": "",
    }
    with_null = pl.DataFrame([row], schema=table.schema)
    with_zero = pl.DataFrame([{**row, "value": 0.0}], schema=table.schema)
    assert content_digest(table, with_null) != content_digest(table, with_zero)


@pytest.mark.parametrize(
    ("bad", "words"),
    [
        (GOOD.drop("value"), "columns missing: ['value']"),
        (GOOD.with_columns(pl.lit(1).alias("extra")), "columns unknown: ['extra']"),
        (GOOD.with_columns(pl.col("value").cast(pl.Float32)), "value is Float32, must be Float64"),
        (GOOD.with_columns(pl.col("event_date").cast(pl.Datetime)), "event_date is Datetime"),
        (GOOD.with_columns(pl.col("knowledge_time").dt.replace_time_zone(None)), "knowledge_time is Datetime"),
        (GOOD.with_columns(pl.lit(None, pl.String).alias("source")), "source has 3 nulls"),
        (GOOD.with_columns(pl.lit(float("nan")).alias("value")), "value has 3 NaN or infinite values"),
        (GOOD.with_columns(pl.lit(float("-inf")).alias("value")), "value has 3 NaN or infinite values"),
        (pl.concat([GOOD, GOOD[:1]]), "2 rows share the key ('session', 'series_id', 'event_date', 'knowledge_time')"),
    ],
)
def test_each_wrong_shape_is_named_and_nothing_is_written(lake: Lake, bad: pl.DataFrame, words: str):
    found = [p for p in shape_problems(FRED, bad) if p]
    assert len(found) == 1
    assert words in found[0]
    with pytest.raises(LakeError, match=r"bronze/fred 2025-05-06: .*; nothing was written"):
        lake.write(FRED, KEY, bad)
    assert not list(lake.root.rglob("*"))


def test_a_good_frame_has_no_problems():
    assert not any(shape_problems(FRED, GOOD))
    assert not any(shape_problems(FRED, FRED.empty()))


def test_missing_and_unknown_columns_are_both_told():
    found = shape_problems(FRED, GOOD.rename({"value": "price"}))
    assert found == ["columns missing: ['value']", "columns unknown: ['price']"]


def test_nan_inside_a_struct_is_found():
    """A driver's contribution is as much a number of the table as the score."""
    drivers = [{"name": "gap", "value": 1.0, "unit": "x", "contribution": float("nan"), "event_date": KEY}]
    row: dict[str, object] = dict.fromkeys(VIEW.schema)
    row |= {"session": KEY, "agent_id": "m", "model_version": "1", "status": "ok", "reason": "", "horizon_days": 5}
    view = pl.DataFrame([{**row, "drivers": drivers}], schema=VIEW.schema)
    assert any("drivers" in p for p in shape_problems(VIEW, view))


def test_rows_that_may_repeat_may_repeat(lake: Lake):
    row = (KEY, "bronze/fred", "us_vix", None, "raw", "why")
    rows = pl.DataFrame([row, row], schema=QUARANTINE.schema, orient="row")
    lake.write(QUARANTINE, KEY, rows)
    assert lake.read("quarantine", table=QUARANTINE).height == 2


def test_money_keeps_its_cents(lake: Lake):
    money = {c: Decimal("0.10") for c in ("opening_nav_brl", "pnl_brl", "nav_brl")}
    row = {"session": KEY, "trade_date": KEY, **money, "cdi_index": 1.0, "fund_index": 1.0}
    lake.write(NAV, KEY, pl.DataFrame([row], schema=NAV.schema))
    assert lake.read(NAV.key)["nav_brl"].sum() == Decimal("0.10")


def test_keys_and_reads_stop_where_they_are_told(lake: Lake):
    days = [date(2025, 5, d) for d in (5, 6, 7)]
    for n, day in enumerate(days):
        lake.write(FRED, day, GOOD.with_columns(pl.lit(day).alias("session"), pl.lit(float(n)).alias("value")))
    assert lake.keys(FRED.key) == days
    assert lake.keys(FRED.key, days[1]) == days[:2]
    assert lake.read(FRED.key, days[1])["session"].max() == days[1]
    assert set(lake.read(FRED.key, only=[days[0], days[2]])["value"]) == {0.0, 2.0}
    assert lake.read(FRED.key, only=[date(2024, 1, 2)]).is_empty()
    assert lake.size(FRED.key) == 3


def test_a_table_without_files_is_empty_and_typed(lake: Lake):
    assert lake.read("risk/var").schema == TABLES["risk/var"].schema
    assert lake.read("risk/var").is_empty()


def test_an_empty_partition_counts_as_done(lake: Lake):
    lake.write(FRED, KEY, FRED.empty())
    assert lake.keys(FRED.key) == [KEY]
    assert lake.read(FRED.key).is_empty()


def test_a_missing_partition_says_what_to_do(lake: Lake):
    with pytest.raises(LakeError, match=r"bronze/fred has no partition 2025-05-06: materialize it first"):
        lake.digest(FRED.key, KEY)


@pytest.mark.parametrize("keep", [0, 3, 200])
def test_a_truncated_file_is_named_with_the_remedy(lake: Lake, keep: int):
    lake.write(FRED, KEY, GOOD)
    path = lake.path(FRED.key, KEY)
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(LakeError, match=r"bronze/fred: cannot read .*bronze/fred: .*; rerun the damaged keys"):
        lake.read(FRED.key)
    with pytest.raises(LakeError, match=r"bronze/fred"):
        lake.digest(FRED.key, KEY)


def test_a_file_of_another_shape_is_refused(lake: Lake):
    path = lake.path(FRED.key, KEY)
    path.parent.mkdir(parents=True)
    GOOD.drop("value").write_parquet(path)
    with pytest.raises(LakeError, match=r"bronze/fred: cannot read"):
        lake.read(FRED.key)


def test_writing_again_replaces_the_partition(lake: Lake):
    first = lake.write(FRED, KEY, GOOD)
    assert lake.write(FRED, KEY, GOOD[:1]) != first
    assert lake.read(FRED.key).height == 1


def test_a_writer_killed_before_the_rename_leaves_the_old_file(lake: Lake, monkeypatch: pytest.MonkeyPatch):
    lake.write(FRED, KEY, GOOD)

    def killed(fd: int) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", killed)
    with pytest.raises(KeyboardInterrupt):
        lake.write(FRED, KEY, GOOD[:1])
    assert lake.read(FRED.key).equals(GOOD.sort(FRED.sort))
    assert lake.keys(FRED.key) == [KEY], "the unfinished file must not count as a partition"


def test_a_reader_sees_the_old_file_or_the_new_one(tmp_path: Path):
    path = tmp_path / "file"
    contents = [bytes([c]) * 200_000 for c in b"ab"]
    write_file_atomically(path, contents[0])
    stop = threading.Event()
    torn = []

    def read() -> None:
        while not stop.is_set():
            seen = path.read_bytes()
            if seen not in contents:
                torn.append(seen)

    reader = threading.Thread(target=read)
    reader.start()
    for n in range(60):
        write_file_atomically(path, contents[n % 2])
    stop.set()
    reader.join()
    assert not torn
    assert [p.name for p in tmp_path.iterdir()] == ["file"]


def test_digests_do_not_depend_on_threads_or_memory_layout(lake: Lake):
    chunked = pl.concat([GOOD[:1], GOOD[1:2], GOOD[2:]], rechunk=False)
    assert content_digest(FRED, chunked) == content_digest(FRED, GOOD.rechunk())


def test_the_module_needs_no_dagster():
    assert "dagster" not in vars(lake_module)
