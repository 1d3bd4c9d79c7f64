"""Every number of a pack has a passport: its asset comes out again, and a changed one is found."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from functools import cache

import polars as pl
import pytest
from typer.testing import CliRunner

from macro_fund.cli import app
from macro_fund.home import Home
from macro_fund.orchestration.assets import computed
from macro_fund.orchestration.graph import NODES
from macro_fund.orchestration.passport import PACK, Passport, find, passport
from macro_fund.orchestration.run import Run
from macro_fund.reports.render import passport_id
from macro_fund.store.lake import content_digest
from macro_fund.store.tables import TABLES
from macro_fund_tests.graph import harness
from macro_fund_tests.graph.conftest import CopyHome

pytestmark = pytest.mark.graph

DRAWN, SEED = 200, 20260
Prove = Callable[[str, date], Passport]


def newest(home: Home) -> pl.DataFrame:
    return home.lake.read(PACK, only=[home.lake.keys(PACK)[-1]])


@pytest.fixture(scope="module")
def prove(running_home: Home) -> Prove:
    """The passport of an asset's partition, by its first number in that session's pack; each is made again once."""

    @cache
    def proof(asset: str, session: date) -> Passport:
        rows = running_home.lake.read(PACK, only=[session]).filter(pl.col("asset") == asset)
        return passport(running_home, rows["passport"][0])

    return proof


def made_again(home: Home, sessions: list[date]) -> pl.DataFrame:
    """The numbers of the sessions' packs, made anew from today's tables; writes the pages again."""
    (node,) = [n for n in NODES if n.key == PACK]
    with harness.own_environment():
        return pl.concat([computed(node, Run(home, node.table, (s,))).frame for s in sessions])


def test_two_hundred_random_numbers_come_out_again(
    running_home: Home, copy_home: CopyHome, more_keys: list[date], prove: Prove
) -> None:
    """Of all sessions after the opening: the pack prints each number again from its tables, and its table comes out
    again from what it rests on, byte for byte. What is not made again (the ledger's records, the tables of dbt) has the
    content that its digest says."""
    rows = running_home.lake.read(PACK, only=more_keys).filter(~pl.col("item").str.starts_with("sentence "))
    drawn = rows.sample(DRAWN, seed=SEED)
    assert set(drawn["session"]) == set(more_keys)
    columns = ["session", "section", "item", "value", "text", "asset", "passport"]
    again = made_again(copy_home(running_home), more_keys).select(columns)
    lost = drawn.select(columns).join(again, on=columns, how="anti", nulls_equal=True)
    assert lost.is_empty(), f"printed otherwise when the pack is made again: {lost.rows()}"
    proven = 0
    for asset, session in drawn.select("asset", "session").rows():
        found = prove(asset, session)
        if found.why_not:
            content = running_home.lake.read(asset, only=[found.key])
            assert content_digest(TABLES[asset], content) == found.digest, f"{asset} {session}: {found.why_not}"
        else:
            assert found.proven, f"{asset} {session} comes out otherwise when it is made again"
            proven += 1
    assert proven > DRAWN // 2


def test_every_asset_of_the_pack_comes_out_again(running_home: Home, prove: Prove) -> None:
    """One number of each asset: the same bytes, or why the asset is not made again."""
    rows = newest(running_home).unique("asset", keep="first", maintain_order=True)
    assert rows.height > 8
    found = {asset: prove(asset, session) for asset, session in rows.select("asset", "session").rows()}
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
