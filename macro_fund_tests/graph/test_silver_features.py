"""Silver's features on the sample world: what dbt computes against definitions in Python, ranges against days, and
nothing from the future."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import duckdb
import numpy as np
import polars as pl
import pytest

from macro_fund.features.stats import robust_z
from macro_fund.home import Home
from macro_fund.orchestration.run import Run
from macro_fund.orchestration.silver_dbt import MODELS, PROJECT_DIR, fill_scratch
from macro_fund.store.tables import TABLES
from macro_fund_tests.graph import harness
from macro_fund_tests.graph.conftest import CopyHome
from macro_fund_tests.graph.harness import INCEPTION

pytestmark = pytest.mark.graph

PYTHON = ("silver/market_features", "silver/ipca", "silver/macro")
FEATURES = ("silver/focus", "silver/positioning", *PYTHON)
LONG, LEAST = 156, 52


@pytest.fixture(scope="module")
def two_days(opened_home: Home, copy_home: CopyHome) -> tuple[Home, list[date]]:
    """The opened fund with two more sessions, both in one run of what features need."""
    home = copy_home(opened_home)
    keys = home.sessions.keys(INCEPTION, home.sessions.offset(INCEPTION, 2))[1:]
    harness.run_job(home, "market", keys)
    return home, keys


def test_every_feature_table_has_rows_with_values(opened_home: Home) -> None:
    for table in FEATURES:
        rows = opened_home.lake.read(table, only=[INCEPTION])
        newest = rows.filter(pl.col("session") == rows["session"].max())
        assert newest["value"].null_count() < newest.height / 10, table
        assert set(newest["status"]) <= {"ok", "stale", "missing"}, table
        assert (newest["status"] == "ok").mean() > 0.8, table


def test_a_range_of_sessions_writes_what_days_write(two_days: tuple[Home, list[date]], copy_home: CopyHome) -> None:
    """The first of the two alone is run in a lake that holds the second: what came later is not read."""
    home, keys = two_days
    by_day = copy_home(home)
    for table in FEATURES:
        for key in keys:
            by_day.lake.path(table, key).unlink()
    for key in keys:
        harness.succeeded(harness.run_assets(by_day, FEATURES, key))
    for table in FEATURES:
        for key in keys:
            assert home.lake.digest(table, key) == by_day.lake.digest(table, key), (table, key)


def test_the_opening_window_again_without_what_came_later_is_the_same(
    opened_home: Home, two_days: tuple[Home, list[date]], copy_home: CopyHome
) -> None:
    """The old key is run again in a lake that holds later keys."""
    home, _ = two_days
    again = copy_home(home)
    report = harness.succeeded(harness.run_assets(again, PYTHON, INCEPTION))
    assert {s.asset for s in report.steps} == set(PYTHON)
    for table in PYTHON:
        assert again.lake.digest(table, INCEPTION) == opened_home.lake.digest(table, INCEPTION)


def test_a_planted_revision_moves_its_session_and_none_before(
    two_days: tuple[Home, list[date]], copy_home: CopyHome
) -> None:
    home, (first, second) = two_days
    planted = copy_home(home)
    known = planted.lake.read("silver/observations", INCEPTION, where=pl.col("series_id") == "br_ipca_mom")
    revision = (
        known.tail(14)
        .head(1)
        .with_columns(
            pl.lit(second).alias("session"), pl.col("value") + 0.01, pl.col("knowledge_time").max().dt.offset_by("14d")
        )
    )
    rows = planted.lake.read("silver/observations", only=[second])
    planted.lake.write(TABLES["silver/observations"], second, pl.concat([rows, revision.select(rows.columns)]))
    for key in (first, second):
        harness.succeeded(harness.run_assets(planted, ["silver/ipca"], key))
    assert planted.lake.digest("silver/ipca", first) == home.lake.digest("silver/ipca", first)
    assert planted.lake.digest("silver/ipca", second) != home.lake.digest("silver/ipca", second)


def test_positions_are_their_definition(opened_home: Home) -> None:
    """dbt's robust z and shares, recomputed by features/stats.py from bronze."""
    where = (pl.col("series_id") == "us_cot_tff_brl") & (pl.col("category") == "leveraged")
    reports = opened_home.lake.read("bronze/cftc", only=[INCEPTION], where=where).sort("event_date")
    share = (reports["long"] - reports["short"]) / reports["open_interest"]
    expected = reports.select("event_date").with_columns(
        share.alias("expected"),
        share.diff().alias("expected_change"),
        robust_z(share, LONG, LEAST).alias("expected_z"),
    )
    both = opened_home.lake.read("silver/positioning", only=[INCEPTION], where=where).join(expected, on="event_date")
    assert both.height > 150
    for ours, theirs in (("value", "expected"), ("change_1w", "expected_change"), ("z", "expected_z")):
        np.testing.assert_allclose(both[ours].to_numpy(), both[theirs].to_numpy(), rtol=1e-10, atol=1e-12)


def test_surprises_are_their_definition(opened_home: Home) -> None:
    """Against a median of three weeks at most: in the strike of 2022 nobody was asked, so nothing was a surprise."""
    month = opened_home.lake.read("bronze/bcb_focus_periods", only=[INCEPTION]).filter(
        pl.col("series_id") == "br_focus_ipca_month"
    )
    actual = opened_home.lake.read("bronze/bcb_sgs", only=[INCEPTION], where=pl.col("series_id") == "br_ipca_mom")
    surprises, unasked = [], []
    for m, value, known in actual.sort("event_date").select("event_date", "value", "knowledge_time").rows():
        before = month.filter((pl.col("reference") == f"{m:%Y-%m}") & (pl.col("knowledge_time") < known))
        if before.filter(pl.col("event_date") >= known.date() - timedelta(days=21)).height:
            surprises.append((m, value - before.sort("event_date")["median"][-1]))
        elif before.height:
            unasked.append(m)
    assert unasked == [date(2022, 5, 1), date(2022, 6, 1)]
    stored = opened_home.lake.read("silver/focus", only=[INCEPTION]).filter(pl.col("feature_id") == "ipca_surprise")
    assert set(stored["event_date"]).isdisjoint(unasked)
    newest = stored.sort("session").row(-1, named=True)
    at = [m for m, _ in surprises].index(newest["event_date"])
    values = np.array([v for _, v in surprises])
    assert newest["value"] == pytest.approx(values[at], abs=1e-15)
    assert newest["z"] == pytest.approx(values[at] / np.std(values[at - 36 : at], ddof=1), rel=1e-10)
    monday = newest["knowledge_time"]
    assert monday.hour == 12  # 09:00 in Sao Paulo: a survey of 08:30 that morning counts


def test_change_over_four_weeks_is_of_the_same_period(opened_home: Home) -> None:
    rows = opened_home.lake.read("silver/focus", only=[INCEPTION])
    last = rows["session"].max()
    now = rows.filter((pl.col("session") == last) & (pl.col("feature_id") == "br_focus_ipca_annual"))
    assert now["horizon"].sort().to_list() == [0, 1, 2, 3]
    then = rows.filter(pl.col("session") <= last - timedelta(days=28))
    then = then.filter(pl.col("session") == pl.col("session").max())
    both = now.join(then, on=["feature_id", "reference"], suffix="_then")
    assert both.height == 4
    changes = both.select(pl.col("change_4w") - (pl.col("value") - pl.col("value_then"))).to_series()
    assert changes.abs().max() < 1e-15


@pytest.fixture(scope="module")
def macro_z(tmp_path_factory: pytest.TempPathFactory) -> duckdb.DuckDBPyConnection:
    """A connection, and dbt's macro robust_z as text."""
    return duckdb.connect(str(tmp_path_factory.mktemp("z") / "z.duckdb"))


def _sql_of_macro(x: str, partition: str, order: str, rows: int, least: int) -> str:
    from jinja2 import Environment

    text = (PROJECT_DIR / "macros/robust_z.sql").read_text()
    call = f"{{{{ robust_z({x!r}, {partition!r}, {order!r}, {rows}, {least}) }}}}"
    return Environment(autoescape=False).from_string(text + call).render()


@pytest.mark.parametrize("holes", [False, True])
def test_z_of_sql_is_z_of_python(macro_z: duckdb.DuckDBPyConnection, holes: bool) -> None:
    x = np.random.default_rng(2).standard_t(3, size=400).cumsum()
    values = pl.Series("x", x)
    frame = pl.DataFrame({"k": ["a"] * 400, "n": range(400), "x": values})
    if holes:  # rows without a value count in SQL's window, and are no observation in Python: they must not be
        frame = frame.filter(pl.col("n") % 7 != 0)
    macro_z.register("frame", frame.to_arrow())
    sql = f"select {_sql_of_macro('x', 'k', 'n', LONG, LEAST)} as z from frame order by n"
    found = macro_z.sql(sql).fetchnumpy()["z"]
    expected = robust_z(frame["x"], LONG, LEAST).to_numpy()
    np.testing.assert_allclose(np.ma.filled(found, np.nan), expected, rtol=1e-12, atol=1e-12)


def test_dbt_reads_only_what_its_models_need(opened_home: Home, tmp_path: Path) -> None:
    """An ordinary session's scratch database has no history of series that no model looks back on."""
    key = opened_home.inception
    run = Run(opened_home, TABLES[MODELS[0]], (key,))
    run.sessions = [key]  # as if it were an ordinary session
    fill_scratch(tmp_path / "s.duckdb", run)
    with duckdb.connect(str(tmp_path / "s.duckdb")) as db:
        history = set(
            db.sql(f"select distinct series_id from bronze.bcb_sgs where session < '{key}'").fetchnumpy()["series_id"]
        )
        panel = {s.id for s in opened_home.settings.series_of("bcb_sgs") if s.panel}
        assert history == panel
        rows = db.sql("select count(*) from bronze.cftc").fetchall()
    assert rows == [(opened_home.lake.read("bronze/cftc", only=[key]).height,)]
