"""Wired or red: every input that an asset declares moves it, and it reads nothing that it does not declare.

Each edge of the graph is one case: in a copy of a running fund the upstream table's numbers are changed in every
partition up to T, the asset is computed at T, and its content must differ. Keys of rows stay as they are, so that an
asset cannot pass by finding nothing. The edges come from Dagster's own graph: a new edge is a new case.

Dagster runs what records in the ledger, and the collecting tables. The others are computed directly, in a copy in which
all that a case changed is put back for the next one; that this is what a run of Dagster writes is a test of its own.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, timedelta
from functools import cache
from pathlib import Path

import polars as pl
import pytest
import yaml

from macro_fund.agents.consistency import SPREAD_SERIES
from macro_fund.home import Home
from macro_fund.orchestration import graph as nodes
from macro_fund.orchestration.run import Run
from macro_fund.orchestration.silver_dbt import MODELS
from macro_fund.reports.dbt_sources import observation_sources
from macro_fund.settings import default_settings
from macro_fund.store.agent_tables import VIEW_ASSETS
from macro_fund.store.table import Table
from macro_fund.store.tables import TABLES
from macro_fund.store.verdicts import side_table
from macro_fund.strategies.registry import all_strategies
from macro_fund_tests.graph import harness
from macro_fund_tests.graph.conftest import CopyHome
from macro_fund_tests.graph.ledgers import ledger_again

NODES = {n.key: n for n in nodes.NODES}
VERDICTS = "quality/verdicts"
ORDERS, PROPOSALS = "pms/orders", "pms/trade_proposals"
FOCUS = "silver/focus"
LEDGER = {"pms/fills", PROPOSALS, ORDERS}  # what these give is in the ledger first


def edges() -> list[tuple[str, str]]:
    """(asset, table upstream of it) as Dagster sees them."""
    found = harness.graph().resolve_asset_graph()
    keys = sorted(found.materializable_asset_keys)
    return [("/".join(k.path), "/".join(p.path)) for k in keys for p in sorted(found.get(k).parent_keys)]


# Rows of these carry the table that they come from, so that one run shows all their inputs at once.
COLLECTING = (*MODELS, VERDICTS)
SCORES, REVISIONS, COMPARED = "quality/sources", "quality/revisions", "quality/cross_source"
MONITOR = "signals/monitor"
# No series of the project's catalogue is licensed, so this input is empty.
EMPTY = "bronze/licensed_prices"
# dbt reads all sources of observations for two of its tables; the panel shows the series that are marked for it.
_PANEL = {f"bronze/{s.source}" for s in default_settings().series if s.panel}
WITHOUT_ROWS = {
    "silver/observations": {EMPTY},
    "silver/as_known": {f"bronze/{name}" for name in observation_sources()} - _PANEL,
}
# The ex-ante DI rate counts once it has 120 months, three times this fund's history: agents/test_fx.py moves it.
TOO_SHORT = {("agents/fx_model", "silver/di_curve")}
# Fills reach the pack beside a week's lessons, on the morning after its last session: this fund has traded on none.
# reports/test_pack_parts.py and graph/test_pack_files.py tell lessons.
TOLD_WEEKLY = {("reports/morning_pack", "pms/fills")}
EDGES = [
    (asset, upstream)
    for asset, upstream in edges()
    if asset not in COLLECTING
    and not (asset == SCORES and upstream.startswith("bronze/"))
    and (asset, upstream) not in TOO_SHORT | TOLD_WEEKLY
    # this fund's history is too short for most strategies: strategies/test_wired.py moves each of their inputs
    and not (asset.startswith("signals/") and asset != MONITOR)
]


# changing a table


def _moved(kind: pl.DataType, values: pl.Expr, step: pl.Expr) -> pl.Expr | None:
    """The values moved by up to 2%, each row otherwise, integers by one away from zero; None for what is no number."""
    if kind.is_float():
        return values * (1 + step)
    if isinstance(kind, pl.Decimal):
        return (values.cast(pl.Float64) * (1 + step)).round(2).cast(kind)
    if kind.is_integer():
        return (values + values.sign()).cast(kind)
    if isinstance(kind, pl.List) and isinstance(kind.inner, pl.Struct):
        # shares of a position sum to 1 whatever happens
        fields = [f.name for f in kind.inner.fields if f.dtype.is_float() and f.name != "share"]
        moved_fields = [pl.element().struct.field(name) * 1.02 for name in fields]
        return values.list.eval(pl.element().struct.with_fields(*moved_fields)) if fields else None
    return None


def moved(table: Table, frame: pl.DataFrame) -> pl.DataFrame:
    """The frame with every number that is not part of its key changed; a table without numbers: its booleans."""
    place = pl.int_range(pl.len(), dtype=pl.Int64) % 6
    step = (place - 3 + (place >= 3).cast(pl.Int64)) * (0.02 / 3)
    free = {name: kind for name, kind in table.schema.items() if name not in table.sort}
    numbers = {name: new for name, kind in free.items() if (new := _moved(kind, pl.col(name), step)) is not None}
    flipped = {name: ~pl.col(name) for name, kind in free.items() if kind == pl.Boolean}
    return frame.with_columns(**(numbers or flipped))


def move(home: Home, table: Table, upto: date, change: Callable[[Table, pl.DataFrame], pl.DataFrame] = moved) -> None:
    for key in home.lake.keys(table.key, upto):
        rows = home.lake.read(table.key, only=[key], table=table)
        home.lake.write(table, key, change(table, rows))


def test_the_change_is_one(running_home: Home):
    """Every table that is an input has rows with numbers (or booleans) that are not zero, and `moved` changes them."""
    for upstream in sorted({u for _, u in edges()} - {EMPTY}):
        rows = running_home.lake.read(upstream).tail(100)
        after = moved(TABLES[upstream], rows)
        assert after.schema == rows.schema
        same = sum(a == b for a, b in zip(rows.rows(), after.rows(), strict=True))
        assert same < rows.height * 0.75, f"{upstream}: {same} of {rows.height} rows did not change"


# edges for which numbers alone are not what matters


def _as_it_was(rows: pl.DataFrame) -> pl.DataFrame:
    return rows


def _before_the_fills(home: Home, key: date) -> Home:
    """A fill is recorded once, with the price of its day: go back to where T's orders are not filled."""
    return ledger_again(home, _as_it_was, key, fills_before=key)


def _twice_the_book(home: Home, key: date) -> Home:
    """A book on its targets has nothing to propose, whatever the signals say: double the positions."""

    def double(_: Table, rows: pl.DataFrame) -> pl.DataFrame:
        return rows.with_columns(pl.col("quantity", "dv01_brl", "delta_brl") * 2)

    move(home, TABLES["pms/positions"], key, double)
    return home


def _change(table: str, **columns: pl.Expr) -> Callable[[Home, date], Home]:
    """The table with these columns, in every partition up to T."""

    def changed(home: Home, key: date) -> Home:
        move(home, TABLES[table], key, lambda _, rows: rows.with_columns(**columns))
        return home

    return changed


CLAIMS = {f"view_{a}": pl.lit(0.5) for a in VIEW_ASSETS}
OPPONENTS: dict[str, dict[str, pl.Expr]] = {
    "fiscal": {"state_score": pl.lit(0.9), "view_br_rates": pl.lit(-0.9)},
    "inflation": {"state_score": pl.lit(-0.9)},
    "monetary": {"state_score": pl.lit(0.9)},
    "regime": {"p_reflation": pl.lit(0.9), "p_stagflation": pl.lit(0.9)},
    "fx": {},
}


def _everyone_in_conflict(home: Home, key: date) -> Home:
    """Every agent is long everything, and everything speaks against it: all rules fire."""
    for agent, against in OPPONENTS.items():
        home = _change(f"agents/{agent}_view", **CLAIMS | against, status=pl.lit("ok"))(home, key)
    spread = pl.col("series_id") == SPREAD_SERIES
    wide = pl.when(spread).then(2.0).otherwise("z_change")
    fine = pl.when(spread).then(pl.lit("ok")).otherwise("status")
    return _change("silver/market_features", z_change=wide, status=fine)(home, key)


def _unsettled(home: Home, key: date) -> Home:
    """Stand-ins count where nothing settled: no DAP did."""

    def without(_: Table, rows: pl.DataFrame) -> pl.DataFrame:
        return rows.filter(~pl.col("instrument").str.starts_with("DAP"))

    move(home, TABLES["silver/instrument_returns"], key, without)
    return home


def _one_unsettled(home: Home, key: date) -> Home:
    """A mark rests on the CDI where it is estimated: one DI1 that is held has no settlement of the last close."""
    held = home.lake.read("pms/positions", only=[key]).filter(pl.col("contract").str.starts_with("DI1"))
    first = held["contract"].sort()[0]

    def without(_: Table, rows: pl.DataFrame) -> pl.DataFrame:
        return rows.filter((pl.col("contract") != first) | (pl.col("session") != key))

    move(home, TABLES["silver/contract_marks"], key, without)
    return home


SCENES: dict[str, Callable[[Home, date], Home]] = {
    "pms/marks": _one_unsettled,
    "silver/leg_returns": _unsettled,
    "pms/fills": _before_the_fills,
    PROPOSALS: _twice_the_book,
    "agents/consistency": _everyone_in_conflict,
}


def _expires_soon(home: Home, key: date) -> Home:
    """The pack takes a contract's maturity from its marks, to warn of expiries: bring them near."""

    def near(_: Table, rows: pl.DataFrame) -> pl.DataFrame:
        return rows.with_columns(pl.lit(key + timedelta(days=7)).alias("maturity"))

    move(home, TABLES["silver/contract_marks"], key, near)
    return home


def _marked_by_model(home: Home, key: date) -> Home:
    """A mark is booked where it is no settlement: they all are, 2% from where they were."""
    model = {"source": pl.lit("model"), "pnl_brl": pl.col("pnl_brl") * 1.02 + 1}
    return _change("pms/marks", **model)(home, key)


def _other_proposals(home: Home, key: date) -> Home:
    """Orders come from proposals through the ledger, where they were approved: propose one contract more."""
    return ledger_again(home, lambda rows: rows.with_columns(pl.col("quantity") + 1), key, fills_before=date.min)


def _fx_view(home: Home, key: date) -> Home:
    """FX-02 is flat in these sessions (signal 0): give it a view, which the proposal's words must carry."""

    def view(_: Table, rows: pl.DataFrame) -> pl.DataFrame:
        return rows.with_columns(pl.lit(0.5).alias("signal"))

    move(home, TABLES["signals/fx_02"], key, view)
    return home


def _first_session_again(table: str, changed: pl.Expr) -> Callable[[Home, date], Home]:
    """Rows of the opening partition come again at T, changed: what is counted or revised at T are rows of T."""

    def again(home: Home, key: date) -> Home:
        first = home.lake.read(table, only=[home.inception]).tail(1)
        rows = first.with_columns(pl.lit(key).alias("session"), changed)
        kept = home.lake.read(table, only=[key])
        home.lake.write(TABLES[table], key, pl.concat([kept, rows.select(kept.columns)]))
        return home

    return again


def _breached_and_hedged(home: Home, key: date) -> Home:
    """Selling half of the book passes a breached limit while each part loses; shares that gain when rates rise are a
    hedge, and stay. Neither change alone moves a proposal."""
    home = _change("risk/limits", status=pl.lit("breach"))(home, key)
    shock = pl.col("instrument").replace_strict({"IND_2M": 0.3, "DOL_1M": 0.0}, default=100.0)
    return _change("risk/stress", shock=pl.when(pl.col("kind") == "scenario").then(shock))(home, key)


HAWKISH = "O Comitê decidiu elevar a taxa Selic. The Committee decided to raise the target range."


def _refused(table: str, status: str) -> Callable[[Home, date], Home]:
    return _change(table, status=pl.lit(status), reason=pl.lit("another reason"))


# A rule counts when it fires.
_conflict = _change("agents/consistency", fired=pl.lit(True), agents=pl.lit(["fx"], dtype=pl.List(pl.String)))


def _speaks(signals: str) -> Callable[[Home, date], Home]:
    """A strategy without a view, or that never moves, holds nothing: give it one that turns with every session."""
    side = pl.when(pl.col("session").dt.ordinal_day() % 2 == 0).then(1).otherwise(-1)
    rates = [i.id for i in default_settings().instruments if i.quoted_in_rates]
    sigma = pl.when(pl.col("instrument").is_in(rates)).then(5.0).otherwise(0.01)
    return _change(
        signals,
        status=pl.lit("ok"),
        signal=side * 0.8,
        direction=side.cast(pl.Int8),
        strength=pl.lit(0.8),
        leg_weight=pl.lit(1.0),
        sigma_daily=sigma,
    )


READERS = ("research/backtest_positions", "research/backtest_trades", MONITOR)

OTHERWISE: dict[tuple[str, str], Callable[[Home, date], Home]] = {
    ("silver/leg_returns", "silver/contract_marks"): _change("silver/contract_marks", limit_locked=pl.lit(True)),
    **{(a, s.table): _speaks(s.table) for a in READERS for s in all_strategies()},
    ("reports/morning_pack", "silver/contract_marks"): _expires_soon,
    ("reports/morning_pack", "agents/narrative"): _change("agents/narrative", text=pl.col("text") + "."),
    **{(a, "agents/consistency"): _conflict for a in ("agents/views", "agents/narrative", "reports/morning_pack")},
    # what a refit says of itself counts: the numbers here wait for a longer record, or for a survey to be missing
    ("agents/fiscal_path", "agents/fiscal_model"): _refused("agents/fiscal_model", "no_view"),
    ("agents/fiscal_view", "agents/fiscal_model"): _refused("agents/fiscal_model", "degraded"),
    # the chain's numbers count where it is accepted
    ("agents/regime_view", "agents/regime_model"): _change(
        "agents/regime_model", status=pl.lit("ok"), reason=pl.lit("")
    ),
    # a horizon is a number too, and not to be moved
    ("agents/monetary_view", "agents/monetary_path"): _change(
        "agents/monetary_path", implied_rate=pl.col("implied_rate") + 0.001, gap=pl.col("gap") - 0.001
    ),
    # a document is no number
    ("agents/policy_text", "bronze/copom"): _change("bronze/copom", text=pl.col("text") + " " + HAWKISH),
    ("agents/policy_text", "bronze/fomc"): _change("bronze/fomc", text=pl.col("text") + " " + HAWKISH),
    # a view that claims nothing is in no rule
    ("agents/consistency", "agents/fx_view"): _change("agents/fx_view", view_brl=pl.lit(-0.5)),
    (PROPOSALS, "signals/fx_02"): _fx_view,
    (PROPOSALS, "risk/breakers"): _change("risk/breakers", tripped=pl.lit(True), action=pl.lit("kill")),
    (PROPOSALS, "risk/limits"): _breached_and_hedged,
    (PROPOSALS, "risk/stress"): _breached_and_hedged,
    # who owns the doubled book: lots count once they are as many; and how old an input is
    (PROPOSALS, "pms/fills"): _change("pms/fills", quantity=pl.col("quantity") * 2),
    (PROPOSALS, "silver/as_known"): _change("silver/as_known", event_date=pl.col("event_date").dt.offset_by("-60d")),
    # what counts is how old an input is, on which side a day ended, and whether a position has a price
    ("portfolio/conviction", "silver/as_known"): _change(
        "silver/as_known", event_date=pl.col("event_date").dt.offset_by("-60d")
    ),
    ("portfolio/conviction", "silver/di_curve"): _change(
        "silver/di_curve", curve_date=pl.col("curve_date").dt.offset_by("-60d")
    ),
    ("portfolio/conviction", "silver/instrument_returns"): _change(
        "silver/instrument_returns", pnl_brl=-pl.col("pnl_brl")
    ),
    ("risk/breakers", "pms/positions"): _change("pms/positions", mark_basis=pl.lit("previous")),
    # what counts is which contracts are held; and of a mark only what is no settlement
    ("pms/marks", "pms/fills"): _change("pms/fills", quantity=pl.col("quantity") * 0),
    **{(asset, "pms/marks"): _marked_by_model for asset in ("pms/pnl", "pms/explain", "pms/reconciliation")},
    (ORDERS, PROPOSALS): _other_proposals,
    (SCORES, COMPARED): _first_session_again(COMPARED, pl.lit(False).alias("agrees")),
    (SCORES, REVISIONS): _first_session_again(REVISIONS, pl.col("value") + 1),
    (REVISIONS, MODELS[0]): _first_session_again(
        MODELS[0], pl.struct(pl.col("value") * 1.5, pl.col("knowledge_time").dt.offset_by("1d")).struct.unnest()
    ),
}


# the fund in which the cases are


@dataclass
class Bench:
    """A fund whose tables are changed for one case and put back for the next: cheaper than a copy for each case."""

    home: Home
    as_it_was: Home
    moved: dict[tuple[str, date], list[Path]] = field(default_factory=dict)

    def put_back(self) -> None:
        """Every file of the lake is again the one that it was, whoever changed it."""
        ours, theirs = (_inodes(h.lake.root) for h in (self.home, self.as_it_was))
        for name in [n for n, inode in ours.items() if theirs.get(n) != inode]:
            (self.home.lake.root / name).unlink()
            del ours[name]
        for name in theirs.keys() - ours.keys():
            os.link(self.as_it_was.lake.root / name, self.home.lake.root / name)

    def move(self, upstream: str, key: date) -> None:
        """`move` of the table; its files are kept, since many assets read it."""
        if files := self.moved.get((upstream, key)):
            for file in files:
                path = self.home.lake.path(upstream, date.fromisoformat(file.stem))
                path.unlink()
                os.link(file, path)
            return
        move(self.home, TABLES[upstream], key)
        kept = self.home.path / "moved" / key.isoformat() / upstream
        kept.mkdir(parents=True)
        files = [kept / f"{k}.parquet" for k in self.home.lake.keys(upstream, key)]
        for file in files:
            os.link(self.home.lake.path(upstream, date.fromisoformat(file.stem)), file)
        self.moved[upstream, key] = files


def _inodes(root: Path) -> dict[str, int]:
    return {p.relative_to(root).as_posix(): p.stat().st_ino for p in root.rglob("*.parquet")}


Benches = Callable[[str], Bench]


@pytest.fixture(scope="module")
def session(running_home: Home) -> date:
    """The newest session with proposals, orders, fills, positions and P&L."""
    busy = [PROPOSALS, ORDERS, "pms/fills", "pms/positions", "pms/pnl"]
    days = [set(running_home.lake.read(t)["session"]) for t in busy]
    return max(set.intersection(*days))


@pytest.fixture(scope="module")
def key_of(running_home: Home, session: date) -> Callable[[str], date]:
    """The partition in which an asset has rows; of the proposals the newest that has one of the dollar."""
    dollar = running_home.lake.read(PROPOSALS).filter(pl.col("instrument") == "DOL_1M")["session"].max()
    seldom = dict.fromkeys(harness.SELDOM, running_home.inception) | {PROPOSALS: dollar}
    return lambda asset: seldom.get(asset, session)


@pytest.fixture(scope="module")
def bench_of(running_home: Home, copy_home: CopyHome, key_of: Callable[[str], date]) -> Benches:
    """The bench of an asset: the one of all, or one with the asset's own scene. Nobody asks a provider in it."""
    known: dict[str, Bench] = {}

    def bench(asset: str) -> Bench:
        scene, records = SCENES.get(asset), asset in LEDGER
        name = asset if scene or records else ""
        if name not in known or records:  # what is recorded stays
            home = copy_home(running_home, raw=False)
            home = scene(home, key_of(asset)) if scene else home
            known[name] = Bench(home, copy_home(home, raw=False))
        known[name].put_back()
        return known[name]

    return bench


# the cases


def materialize(home: Home, asset: str, key: date) -> str:
    report = harness.succeeded(harness.run_assets(home, [asset], key))
    assert [s.asset for s in report.steps if s.asset == asset]
    return home.lake.digest(asset, key)


Content = Callable[[str, str | None], str]


@pytest.fixture(scope="module")
def content(bench_of: Benches, key_of: Callable[[str], date]) -> Content:
    """Digest of an asset computed again, with an upstream table changed or none."""

    @cache
    def digest(asset: str, upstream: str | None) -> str:
        bench, key = bench_of(asset), key_of(asset)
        home = bench.home
        if upstream and (otherwise := OTHERWISE.get((asset, upstream))):
            home = otherwise(home, key)
        elif upstream:
            bench.move(upstream, key)
        return materialize(home, asset, key) if asset in LEDGER else harness.content(home, asset, key)

    return digest


@pytest.mark.parametrize(("asset", "upstream"), EDGES)
def test_an_input_moves_the_asset(content: Content, asset: str, upstream: str):
    assert content(asset, upstream) != content(asset, None), (
        f"{asset} says that it depends on {upstream}, but is the same whatever it says: wire it, or drop the dependency"
    )


def test_no_special_case_is_left_over():
    assert set(OTHERWISE) <= set(EDGES)
    assert set(SCENES) <= {a for a, _ in EDGES}


@pytest.mark.parametrize("asset", sorted({a for a, _ in EDGES} - SCENES.keys()))
def test_a_rerun_alone_changes_nothing(running_home: Home, content: Content, key_of: Callable[[str], date], asset: str):
    """What the cases above compare with: without a change upstream the content is the one that Dagster's run wrote."""
    assert content(asset, None) == running_home.lake.digest(asset, key_of(asset))


def by_origin(asset: str, frame: pl.DataFrame) -> dict[str, pl.DataFrame]:
    """The rows of a collecting table by the table upstream that they come from."""
    if asset == VERDICTS:
        return {str(k[0]): rows for k, rows in frame.partition_by("asset", as_dict=True).items()}
    source = {s.id: f"bronze/{s.source}" for s in default_settings().series}
    if asset == FOCUS:
        source, frame = {**source, "ipca_surprise": "bronze/bcb_sgs"}, frame.rename({"feature_id": "series_id"})
    named = frame.with_columns(pl.col("series_id").replace_strict(source).alias("_from"))
    return {str(k[0]): rows for k, rows in named.partition_by("_from", as_dict=True).items()}


@pytest.mark.parametrize("assets", [MODELS, (VERDICTS,)])
def test_each_input_moves_its_rows(running_home: Home, copy_home: CopyHome, session: date, assets: tuple[str, ...]):
    # the opening session has rows of every source, a later one may be without a monthly or weekly one
    key = running_home.inception if assets == MODELS else session
    home = copy_home(running_home, raw=False)
    upstreams = {a: {u for x, u in edges() if x == a} - WITHOUT_ROWS.get(a, set()) for a in assets}
    assert all(upstreams.values())
    for upstream in set.union(*upstreams.values()):
        # what verdicts collects of an asset is its verdicts, which lie beside its table
        table = side_table(TABLES[VERDICTS], upstream) if assets == (VERDICTS,) else TABLES[upstream]
        move(home, table, key)
    harness.succeeded(harness.run_assets(home, assets, key))
    for asset in assets:
        before, after = (by_origin(asset, h.lake.read(asset, only=[key])) for h in (running_home, home))
        assert set(before) == set(after) == upstreams[asset]
        for upstream in upstreams[asset]:
            assert not before[upstream].equals(after[upstream]), f"{upstream} does not reach {asset}"


def test_each_source_moves_its_score(running_home: Home, copy_home: CopyHome, session: date):
    """A source of which the last years are gone is not complete."""

    def old(_: Table, rows: pl.DataFrame) -> pl.DataFrame:
        return rows.filter(pl.col("event_date") < date(2020, 1, 1))

    home = copy_home(running_home, raw=False)
    sources = {u for a, u in edges() if a == SCORES and u.startswith("bronze/")} - {EMPTY}
    for upstream in sources:
        move(home, TABLES[upstream], session, old)
    materialize(home, SCORES, session)
    before, after = (
        dict(h.lake.read(SCORES, only=[session]).select("source", "score").rows()) for h in (running_home, home)
    )
    assert {s for s in before if after[s] != before[s]} == {u.removeprefix("bronze/") for u in sources}


@pytest.fixture(scope="module")
def other_world(running_home: Home, copy_home: CopyHome) -> Home:
    """The fund in another world of the sample, of which it has no answer yet."""
    home = copy_home(running_home, raw=False)
    fund = yaml.safe_load((home.path / "fund.yaml").read_text())
    (home.path / "fund.yaml").write_text(yaml.safe_dump({**fund, "sample_seed": 7}))
    return Home.open(home.path)


@pytest.mark.parametrize("asset", [k for k, n in NODES.items() if not n.deps and k != EMPTY])
def test_another_world_gives_another_bronze(running_home: Home, other_world: Home, asset: str):
    """An asset without inputs reads its provider: another world answers otherwise."""
    key = max(running_home.lake.read(asset)["session"].max(), running_home.inception)
    other_world.lake.path(asset, key).unlink()
    assert harness.content(other_world, asset, key) != running_home.lake.digest(asset, key)


@pytest.mark.parametrize("asset", [k for k, n in NODES.items() if n.deps])
def test_an_asset_reads_what_it_declares_and_nothing_else(bench_of: Benches, session: date, asset: str):
    node = NODES[asset]
    run = Run(bench_of(asset).home, node.table, (session,))
    node.compute(run)
    through_the_ledger = {PROPOSALS} if asset == ORDERS else set()
    assert set(run.read_digests) | through_the_ledger == set(node.deps)
