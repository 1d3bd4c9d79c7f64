"""The history asked ahead of the first run: what is archived, that nothing is asked twice, what the commands print."""

from __future__ import annotations

import json
from datetime import date

import pytest
from typer.testing import CliRunner

from macro_fund.cli import app
from macro_fund.home import Home
from macro_fund.orchestration.backfill import backfill
from macro_fund_tests.graph import harness

pytestmark = pytest.mark.graph

SOURCES = ("bcb_ptax", "us_treasury", "b3_curves")


@pytest.fixture
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """A fund with three months of history, nothing asked."""
    path = tmp_path_factory.mktemp("backfill") / "home"
    return harness.open_fund(path, inception=date(2024, 4, 1), history_start=date(2024, 1, 2))


def silent(label: str, number: int, planned: int) -> None:
    assert 1 <= number <= planned


def test_what_the_archive_holds_is_not_asked_again(home: Home) -> None:
    first = list(backfill(home, SOURCES, silent))
    again = list(backfill(home, SOURCES, silent))
    assert [f.source for f in first] == list(SOURCES)
    for once, twice in zip(first, again, strict=True):
        assert once.asked > 0
        assert once.kept == 0
        assert (twice.asked, twice.kept) == (0, once.asked), once.source
        assert twice.coverage.equals(once.coverage)
        assert once.coverage["rows"].sum() > 0
        assert once.failed.is_empty()


def test_the_opening_reads_what_the_backfill_fetched(home: Home) -> None:
    (filled,) = backfill(home, ["bcb_ptax"], silent)
    answers = home.archive.count()
    harness.succeeded(harness.run_assets(home, ["bronze/bcb_ptax"], home.inception))
    assert home.archive.count() == answers
    assert home.lake.read("bronze/bcb_ptax").height == filled.coverage["rows"].sum()


def test_an_unknown_source_is_refused_before_anything_is_asked(home: Home) -> None:
    with pytest.raises(ValueError, match="unknown source bacen; sources: bcb_sgs, bcb_ptax"):
        list(backfill(home, ["bcb_ptax", "bacen"], silent))
    assert home.archive.count() == 0


def test_the_commands_print_sources_series_and_gaps(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MACRO_FUND_HOME", str(home.path))
    run = CliRunner()
    filled = run.invoke(app, ["backfill", "--source", "bcb_ptax", "--json"])
    assert filled.exit_code == 0, filled.output
    (told,) = json.loads(filled.stdout)
    assert (told["source"], told["failed"], told["kept"]) == ("bcb_ptax", [], 0)
    table = run.invoke(app, ["backfill", "--source", "bcb_ptax"])
    assert "bcb_ptax" in table.stdout
    assert "in the archive" in table.stdout
    harness.succeeded(harness.run_assets(home, ["bronze/bcb_ptax"], home.inception))
    coverage = json.loads(run.invoke(app, ["series", "coverage", "--source", "bcb_ptax", "--json"]).stdout)
    assert {r["series_id"] for r in coverage} == {"br_usdbrl_ptax_ask", "br_usdbrl_ptax_bid"}
    assert all(r["rows"] > 0 and r["lag"] == 1.0 for r in coverage)
    wrong = run.invoke(app, ["series", "coverage", "--source", "bacen"])
    assert wrong.exit_code == 1
    page = home.path / "page.html"
    assert run.invoke(app, ["series", "page", "--to", str(page)]).exit_code == 0
    assert "br_<wbr>usdbrl_<wbr>ptax_<wbr>ask" in page.read_text()
