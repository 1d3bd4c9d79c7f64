"""What a failed check does to the stages below: a wrong shape stops the run, a gate leaves the partition out, in words.

A number that rests on a partition whose gate failed must not look like one: it is missing and says why, it is not zero.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import date

import dagster as dg
import polars as pl
import pytest

from macro_fund.home import Home
from macro_fund.orchestration import graph as nodes
from macro_fund.orchestration.assets import build_asset
from macro_fund.orchestration.node import Check, Node
from macro_fund.orchestration.operate import Report, steps_of
from macro_fund.orchestration.resources import FundResource
from macro_fund.orchestration.run import Run
from macro_fund.store.tables import TABLES
from macro_fund.store.verdicts import side_table
from macro_fund_tests.graph import harness
from macro_fund_tests.graph.conftest import CopyHome

NODES = {n.key: n for n in nodes.NODES}
VERDICTS = TABLES["quality/verdicts"]
# A refit without data leaves no row, and the view that rests on it has none; prose says "no view" in words.
VIEWS = sorted(
    k for k, n in NODES.items() if "status" in n.table.schema and k not in harness.SELDOM | {"agents/narrative"}
)
# of a row without a view: what identifies it, the mandate's own figures, and counts
NOT_A_VIEW = {
    "n_days",
    "loss_brl",
    "horizon_days",
    "limit_value",
    "n_scenarios",
    "n_signals",
    "direction",
    "strength",
    "leg_weight",
    "level",
    "shock",
}


def fail_gate(home: Home, table_key: str, keys: Iterable[date], *, gate: bool = True) -> None:
    """As if a check of those partitions had failed."""
    side = side_table(VERDICTS, table_key)
    for key in keys:
        rows = home.lake.read(side.key, only=[key], table=side).with_columns(
            passed=pl.lit(False), blocking=pl.lit(gate), detail=pl.lit("spoilt")
        )
        home.lake.write(side, key, rows)


def materialize(home: Home, bodies: Iterable[Node], key: date) -> Report:
    """Run the nodes as assets for one key."""
    with harness.own_environment():
        result = dg.materialize(
            [build_asset(n) for n in bodies],
            partition_key=key.isoformat(),
            resources={"fund": FundResource(path=str(home.path))},
            raise_on_error=False,
            run_config={"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}},
        )
    return Report("some", (key,), steps_of(result.all_events), result.success)


@pytest.fixture
def last(more_keys: list[date]) -> date:
    return more_keys[-1]


def test_a_partition_whose_gate_failed_is_left_out_and_named(running_home: Home, copy_home: CopyHome, last: date):
    home = copy_home(running_home, raw=False)
    whole = Run(home, TABLES["agents/monetary_view"], (last,)).read("silver/di_curve")
    fail_gate(home, "silver/di_curve", [last])
    run = Run(home, TABLES["agents/monetary_view"], (last,))
    left = run.read("silver/di_curve")
    assert left.equals(whole.filter(pl.col("session") != last))
    assert run.excluded
    assert all(line.startswith(f"silver/di_curve {last}: ") and "spoilt" in line for line in run.excluded)
    other = Run(home, TABLES["agents/monetary_view"], (last,))
    other.read("silver/ust_curve")
    assert other.excluded == []


def test_what_was_read_is_remembered_without_what_was_left_out(running_home: Home, copy_home: CopyHome, last: date):
    home = copy_home(running_home, raw=False)
    before = Run(home, TABLES["agents/monetary_view"], (last,))
    before.read("silver/di_curve")
    fail_gate(home, "silver/di_curve", [last])
    after = Run(home, TABLES["agents/monetary_view"], (last,))
    after.read("silver/di_curve")
    assert after.inputs_digest != before.inputs_digest


def test_a_check_that_only_warns_leaves_nothing_out(running_home: Home, copy_home: CopyHome, last: date):
    home = copy_home(running_home, raw=False)
    fail_gate(home, "silver/di_curve", [last], gate=False)
    run = Run(home, TABLES["agents/monetary_view"], (last,))
    assert run.read("silver/di_curve").equals(running_home.lake.read("silver/di_curve", last))
    assert run.excluded == []


@pytest.mark.parametrize("asset", VIEWS)
def test_without_inputs_there_is_no_view_and_no_number(running_home: Home, copy_home: CopyHome, last: date, asset: str):
    """Every input refused: no row claims to be ok, and no number stands where there is no view."""
    home, node = copy_home(running_home, raw=False), NODES[asset]
    for upstream in node.deps:
        fail_gate(home, upstream, home.lake.keys(upstream))
    report = harness.succeeded(harness.run_assets(home, [asset], last))
    rows = home.lake.read(asset, only=[last])
    if rows.is_empty():
        assert any(b.startswith("every_session") for s in report.steps for b in s.blocked), "silently nothing"
        return
    assert set(rows["status"]) == {"no_view"}
    assert rows["reason"].str.len_chars().min() > 0
    numbers = [
        n
        for n, kind in node.table.schema.items()
        if kind.is_numeric() and n not in NOT_A_VIEW and n not in node.table.sort
    ]
    assert numbers
    for name in numbers:
        assert rows[name].is_null().all(), f"{asset}.{name} is a number where there is no view"


def test_one_refused_input_stops_what_rests_on_it_only(running_home: Home, copy_home: CopyHome, last: date):
    """The DI curve of the session is refused: RATES-01 has no view of rates, the others keep theirs."""
    home = copy_home(running_home, raw=False)
    fail_gate(home, "silver/di_curve", [last])
    chain = ["signals/rates_01", "signals/fx_02", "signals/cross_02", "portfolio/conviction", "portfolio/targets"]
    for asset in chain:
        harness.succeeded(harness.run_assets(home, [asset], last))
    rates = home.lake.read("signals/rates_01", only=[last])
    assert set(rates["status"]) == {"no_view"}
    assert rates["signal"].is_null().all()
    assert set(rates["reason"]) == {"DI curve is missing or older than a week"}
    assert home.lake.digest("signals/cross_02", last) == running_home.lake.digest("signals/cross_02", last)
    targets = home.lake.read("portfolio/targets", only=[last]).with_columns(root=pl.col("instrument").str.slice(0, 3))
    of_rates, others = targets.filter(pl.col("root") == "DI1"), targets.filter(pl.col("root") != "DI1")
    assert of_rates["target_contracts"].is_null().all()
    assert set(of_rates["status"]) == {"no_view"}
    assert others["target_contracts"].is_not_null().all()


def test_a_position_without_its_settlement_is_kept_and_said_to_be_old(
    running_home: Home, copy_home: CopyHome, last: date
):
    home = copy_home(running_home, raw=False)
    fail_gate(home, "silver/contract_marks", [last])
    report = harness.succeeded(harness.run_assets(home, ["pms/marks", "pms/positions"], last))
    was, now = (h.lake.read("pms/positions", only=[last]) for h in (running_home, home))
    assert now.select("contract", "quantity").equals(was.select("contract", "quantity"))
    assert set(was["mark_basis"]) == {"settlement"}
    assert set(now["mark_basis"]) == {"previous"}
    assert [f for s in report.steps for f in s.failed if f.startswith("marked: ")]


# a shape that does not fit


def spoilt(node: Node) -> Node:
    """The node with a NaN in its first number."""

    def compute(run: Run) -> pl.DataFrame:
        frame = node.compute(run)
        assert isinstance(frame, pl.DataFrame)
        name = next(n for n, kind in frame.schema.items() if kind.is_float() and n not in node.table.sort)
        return frame.with_columns(pl.lit(float("nan")).alias(name))

    return replace(node, compute=compute)


def test_a_wrong_shape_writes_nothing_and_stops_what_follows(running_home: Home, copy_home: CopyHome, last: date):
    home = copy_home(running_home, raw=False)
    upstream, below = NODES["silver/di_curve"], NODES["agents/monetary_view"]
    for node in (upstream, below):
        home.lake.path(node.key, last).unlink()
    side = side_table(VERDICTS, upstream.key)
    before = home.lake.digest(side.key, last)
    report = materialize(home, [spoilt(upstream), below], last)
    assert not report.success
    assert not home.lake.path(upstream.key, last).exists()
    assert not home.lake.path(below.key, last).exists()
    assert home.lake.digest(side.key, last) == before
    (step,) = [s for s in report.steps if s.asset == upstream.key]
    assert [f.split(":")[0] for f in step.blocked] == ["shape"]
    assert f"{upstream.key} {last}: rate has 9 NaN or infinite values" in step.error
    assert "Nothing was written: mend the computation and rerun this key." in step.error
    assert below.key not in {s.asset for s in report.steps}


def test_a_wrong_shape_leaves_the_partition_that_was_there(running_home: Home, copy_home: CopyHome, last: date):
    home = copy_home(running_home, raw=False)
    assert not materialize(home, [spoilt(NODES["silver/ust_curve"])], last).success
    assert home.lake.digest("silver/ust_curve", last) == running_home.lake.digest("silver/ust_curve", last)


@pytest.mark.parametrize("gate", [True, False])
def test_a_failed_meaning_is_written_told_and_the_run_goes_on(
    running_home: Home, copy_home: CopyHome, last: date, gate: bool
):
    """The rows are kept as evidence; the verdict, as data, decides whether the stages below may read them."""
    home = copy_home(running_home, raw=False)
    failing = Check("failing", "always", lambda run, frame: [(run.last, "because")], gate=gate)
    curve = NODES["silver/ust_curve"]
    curve = replace(curve, checks=(*curve.checks, failing))
    report = materialize(home, [curve], last)
    assert report.success
    (step,) = report.steps
    assert step.failed == [f"failing: {last}: because"]
    assert step.blocked == (step.failed if gate else [])
    assert home.lake.digest(curve.key, last) == running_home.lake.digest(curve.key, last)
    side = side_table(VERDICTS, curve.key)
    row = home.lake.read(side.key, only=[last], table=side).filter(pl.col("check") == "failing")
    assert row.rows() == [(last, curve.key, "failing", False, gate, "because")]
    run = Run(home, TABLES["reports/morning_pack"], (last,))
    assert (last in set(run.read(curve.key)["session"])) is not gate


def test_verdicts_of_an_asset_that_did_not_run_say_so(running_home: Home, copy_home: CopyHome, last: date):
    home = copy_home(running_home, raw=False)
    home.lake.path(side_table(VERDICTS, "risk/var").key, last).unlink()
    harness.succeeded(harness.run_assets(home, ["quality/verdicts"], last))
    rows = home.lake.read("quality/verdicts", only=[last]).filter(pl.col("asset") == "risk/var")
    assert rows.select("check", "passed", "blocking").rows() == [("materialized", False, True)]


def test_no_curve_of_another_day_passes_for_the_session_s_own(running_home: Home, copy_home: CopyHome, last: date):
    """B3's partition is refused: the curve repeats the day before's, and whoever rests on it says so."""
    home = copy_home(running_home, raw=False)
    fail_gate(home, "bronze/b3_settlements", [last])
    harness.succeeded(harness.run_assets(home, ["silver/di_curve"], last))
    curve = home.lake.read("silver/di_curve", only=[last])
    assert curve["curve_date"].max() < home.sessions.offset(last, -1)
    for asset in ("agents/monetary_view", "signals/rates_01"):
        assert set(running_home.lake.read(asset, only=[last])["status"]) - {"no_view"}
        harness.succeeded(harness.run_assets(home, [asset], last))
        rows = home.lake.read(asset, only=[last]).filter(pl.col("status") != "no_view")
        assert set(rows["status"]) <= {"degraded"}
        assert rows["reason"].str.contains(f"DI curve of {curve['curve_date'].max()}").all()


def test_a_refused_signal_degrades_what_the_others_carry(running_home: Home, copy_home: CopyHome, last: date):
    home = copy_home(running_home, raw=False)
    fail_gate(home, "signals/fx_02", [last])
    harness.succeeded(harness.run_assets(home, ["portfolio/conviction"], last))
    rows = home.lake.read("portfolio/conviction", only=[last])
    assert set(rows["status"]) <= {"degraded", "no_view"}
    assert "degraded" in set(rows["status"])
    told = rows.filter(pl.col("status") == "degraded")["reason"]
    assert told.str.contains(f"refused: signals/fx_02 {last}").all()
