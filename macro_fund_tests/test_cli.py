"""The command line as a person meets it: what it says, what it refuses, how it exits."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import date
from pathlib import Path

import polars as pl
import pytest
from typer.testing import CliRunner, Result

from macro_fund.cli import app
from macro_fund.home import Home, latest_session
from macro_fund.store.tables import TABLES
from macro_fund.time.clock import now
from macro_fund.time.sessions import sessions

Cli = Callable[..., Result]


@pytest.fixture
def home_dir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("MACRO_FUND_SOURCE", "MACRO_FUND_REPLAY_URL", "MACRO_FUND_REPLAY_DIR", "MACRO_FUND_LEDGER_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("MACRO_FUND_HOME", str(tmp_path / "fund"))
    return tmp_path / "fund"


@pytest.fixture
def cli(home_dir: Path) -> Cli:
    runner = CliRunner()
    return lambda *words: runner.invoke(app, list(words), env={"COLUMNS": "200"})


def said(result: Result) -> str:
    return " ".join((result.output + (result.stderr if result.stderr_bytes else "")).split())


def test_init_opens_ten_sessions_before_the_latest(cli: Cli, home_dir: Path) -> None:
    result = cli("init")
    assert result.exit_code == 0, said(result)
    home = Home.open(home_dir)
    assert home.inception == sessions().offset(latest_session(now()), -10)
    assert home.settings.fund.source == "sample"
    assert f"inception {home.inception}" in said(result)


def test_init_refuses_to_overwrite_and_can_be_told_not_to_mind(cli: Cli) -> None:
    cli("init")
    again = cli("init")
    assert again.exit_code == 1
    assert "this home has a fund already; use another MACRO_FUND_HOME" in said(again)
    assert cli("init", "--if-missing").exit_code == 0


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--inception", "2026-11-20"), "is not a B3 session"),
        (("--inception", "2020-13-01"), "'2020-13-01' is not a date: write YYYY-MM-DD"),
        (("--source", "bloomberg"), "source: Input should be 'sample', 'live' or 'replay'"),
        (("--inception", "2015-01-05", "--history-start", "2016-01-04"), "must be after history_start 2016-01-04"),
    ],
)
def test_init_says_what_is_wrong_and_leaves_nothing(
    cli: Cli, home_dir: Path, words: tuple[str, ...], message: str
) -> None:
    result = cli("init", *words)
    assert result.exit_code == 1
    assert message in said(result)
    assert not (home_dir / "fund.yaml").exists()


@pytest.mark.parametrize("command", ["run", "status", "verify"])
def test_without_a_home_it_says_how_to_make_one(cli: Cli, command: str) -> None:
    result = cli(command)
    assert result.exit_code == 1
    assert "run `macro-fund init`" in said(result)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--date", "2026-11-20"), "2026-11-20 is not a B3 session; sessions near it: 2026-11-19, 2026-11-23"),
        (("--date", "2024-04-31"), "'2024-04-31' is not a date: write YYYY-MM-DD"),
        (("--date", "2024-03-28"), "2024-03-28 is outside this fund's sessions 2024-04-01 .."),
        (("--date", "2030-12-02"), "2030-12-02 is outside this fund's sessions"),
    ],
)
def test_run_refuses_a_day_without_a_partition(cli: Cli, words: tuple[str, ...], message: str) -> None:
    cli("init", "--inception", "2024-04-01")
    result = cli("run", *words)
    assert result.exit_code == 1
    assert message in said(result)


def test_sources_are_never_mixed(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    cli("init", "--inception", "2024-04-01")
    monkeypatch.setenv("MACRO_FUND_SOURCE", "live")
    result = cli("status")
    assert result.exit_code == 1
    assert "sources are never mixed in one lake" in said(result)


def test_status_and_json(cli: Cli) -> None:
    cli("init", "--inception", "2024-04-01")
    assert "inception 2024-04-01" in said(cli("status"))
    told = json.loads(cli("status", "--json").stdout)
    assert told["tables"].keys() == TABLES.keys()
    assert told["tables"]["pms/nav"] == {"partitions": 0, "newest": None}


def test_verify_finds_a_file_that_was_edited(cli: Cli, home_dir: Path) -> None:
    cli("init", "--inception", "2024-04-01")
    home = Home.open(home_dir)
    table, key = TABLES["silver/ust_curve"], date(2024, 4, 1)
    rates = {name: [0.04] for name in ("par_yield", "zero_rate", "forward_rate")}
    row = {"session": [key], "curve_date": [key], "tenor_years": [10.0], **rates, "quality": [1.0]}
    home.lake.write(table, key, pl.DataFrame(row, schema=table.schema))
    assert cli("verify").exit_code == 0
    path = home.lake.path(table.key, key)
    edited = pl.read_parquet(path).with_columns(par_yield=pl.lit(0.05))
    edited.write_parquet(path, metadata={"digest": home.lake.digest(table.key, key)})
    result = cli("verify")
    assert result.exit_code == 1
    assert "content differs from its digest; rerun 2024-04-01" in said(result)


def test_series_find(cli: Cli) -> None:
    assert "br_selic_target" in said(cli("series", "find", "selic"))
    found = json.loads(cli("series", "find", "ipca", "--json").stdout)
    assert {"br_ipca_mom", "br_ipca_12m"} <= {s["id"] for s in found}
    assert "no series with 'unobtainium'" in said(cli("series", "find", "unobtainium"))


def test_doctor_is_well_on_a_new_home_and_not_without_one(cli: Cli) -> None:
    assert cli("doctor").exit_code == 1
    cli("init", "--inception", "2024-04-01")
    result = cli("doctor")
    assert result.exit_code == 0
    assert "all well" in said(result)


def test_the_demonstration_never_decides_on_live_data(cli: Cli, home_dir: Path) -> None:
    from macro_fund.orchestration.demonstration import approve_all

    cli("init", "--inception", "2024-04-01", "--source", "live")
    with pytest.raises(ValueError, match="approves nothing on live data"):
        approve_all(Home.open(home_dir), date(2024, 4, 1))
