"""Every number of a pack has a passport: its asset comes out again, and a changed one is found."""

from __future__ import annotations

from datetime import date

import polars as pl
import pytest
from typer.testing import CliRunner

from macro_fund.cli import app
from macro_fund.home import Home
from macro_fund.orchestration.passport import PACK, find, passport
from macro_fund.reports.render import passport_id
from macro_fund.store.tables import TABLES
from macro_fund_tests.graph.conftest import CopyHome

pytestmark = pytest.mark.graph


def newest(home: Home) -> pl.DataFrame:
    return home.lake.read(PACK, only=[home.lake.keys(PACK)[-1]])


def test_every_asset_of_the_pack_comes_out_again(running_home: Home) -> None:
    """One number of each asset: the same bytes, or why the asset is not made again."""
    rows = newest(running_home).unique("asset", keep="first", maintain_order=True)
    assert rows.height > 8
    found = {asset: passport(running_home, p) for asset, p in rows.select("asset", "passport").rows()}
    assert {a for a, f in found.items() if not f.proven and not f.why_not} == set()
    assert {"risk/var", "risk/stress", "pms/nav", "pms/positions"} <= {a for a, f in found.items() if f.proven}
    var = found["risk/var"]
    assert dict(var.rests_on)["portfolio/targets"] == running_home.lake.digest("portfolio/targets", var.key)


def test_ids_are_of_one_number_each(running_home: Home) -> None:
    rows = newest(running_home)
    assert rows["passport"].n_unique() == rows.height
    session, section, item = rows.select("session", "section", "item").row(0)
    assert rows["passport"][0] == passport_id(session, section, item)
    assert find(running_home, rows["passport"][0])["item"] == item


def test_a_changed_table_is_found_out(running_home: Home, copy_home: CopyHome, monkeypatch: pytest.MonkeyPatch) -> None:
    home = copy_home(running_home)
    key = home.lake.keys("pms/nav")[-1]
    monkeypatch.setenv("MACRO_FUND_HOME", str(home.path))
    assert CliRunner().invoke(app, ["explain", "nav", "--on", key.isoformat()]).exit_code == 0
    wrong = home.lake.read("pms/nav", only=[key]).with_columns(pl.col("cdi_index") * 1.01)
    home.lake.write(TABLES["pms/nav"], key, wrong)
    answer = CliRunner().invoke(app, ["explain", "nav", "--on", key.isoformat()])
    assert answer.exit_code == 1
    assert "another content" in answer.output


def test_an_unknown_number_is_refused_with_the_remedy(running_home: Home) -> None:
    with pytest.raises(ValueError, match="no number 'nonsense' in the pack of 2020-01-02"):
        find(running_home, "nonsense", date(2020, 1, 2))
