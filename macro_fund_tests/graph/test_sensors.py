"""Sensors ask for what the data lack: once, again only when the content changed, whatever Dagster remembers."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import dagster as dg
import polars as pl
import pytest

from macro_fund.home import Home
from macro_fund.orchestration import partitions, sensors
from macro_fund.orchestration.operate import Operator
from macro_fund.orchestration.pms import proposals_basis
from macro_fund.orchestration.resources import FundResource
from macro_fund.reports.alerts import read_alerts
from macro_fund.store.tables import TABLES
from macro_fund_tests.graph import harness
from macro_fund_tests.graph.conftest import CopyHome
from macro_fund_tests.graph.harness import INCEPTION
from macro_fund_tests.graph.ledgers import ledger_again

TARGETS = TABLES["portfolio/targets"]


def ask(home: Home, name: str) -> tuple[Sequence[dg.RunRequest], str]:
    """What a sensor asks for on a Dagster instance that has never seen it, and why it skips."""
    with (
        harness.operator(home) as op,
        dg.build_sensor_context(
            instance=op.instance,
            repository_def=op.defs.get_repository_def(),
            resources={"fund": FundResource(path=str(home.path))},
        ) as context,
    ):
        data = op.defs.resolve_sensor_def(name).evaluate_tick(context)
    return data.run_requests or (), str(data.skip_message or "")


def drain(home: Home, name: str) -> list[str]:
    """Jobs that the sensor's requests ran."""
    with harness.operator(home) as op:
        return [harness.succeeded(r).job for r in Operator.drain(op, name)]


@pytest.fixture
def home(running_home: Home, copy_home: CopyHome) -> Home:
    return copy_home(running_home, raw=False)


@pytest.fixture
def last(more_keys: list[date]) -> date:
    return more_keys[-1]


# new targets -> proposals and pack


def test_a_session_with_its_proposals_is_not_asked_for(home: Home):
    assert ask(home, "new_targets") == ((), "proposals are up to date with the targets")


def test_new_targets_are_asked_for_by_content_until_they_are_proposed(home: Home, last: date):
    for table in ("pms/trade_proposals", "reports/morning_pack"):
        home.lake.path(table, last).unlink()
    (asked,), _ = ask(home, "new_targets")
    assert asked.partition_key == last.isoformat()
    assert asked.run_key == f"propose-{last}-{proposals_basis(home, last)}"
    (again,), _ = ask(home, "new_targets")
    assert again.run_key == asked.run_key, "the daemon drops the second one by this key"
    assert drain(home, "new_targets") == ["propose"]
    assert ask(home, "new_targets")[0] == ()
    assert drain(home, "new_targets") == []


def test_changed_targets_are_asked_for_under_another_key(home: Home, last: date):
    keys = []
    for factor in (1.01, 1.02):
        rows = home.lake.read(TARGETS.key, only=[last])
        home.lake.write(TARGETS, last, rows.with_columns(pl.col("unrounded") * factor))
        (asked,), _ = ask(home, "new_targets")
        keys.append(asked.run_key)
    assert len(set(keys)) == 2


def test_the_same_targets_computed_again_are_not_asked_for(home: Home, last: date):
    home.lake.write(TARGETS, last, home.lake.read(TARGETS.key, only=[last]).reverse())
    assert ask(home, "new_targets")[0] == ()


def test_a_pack_that_is_missing_is_asked_for(home: Home, last: date):
    home.lake.path("reports/morning_pack", last).unlink()
    assert len(ask(home, "new_targets")[0]) == 1


def test_an_unfinished_morning_and_an_old_session_are_not_asked_for(home: Home, last: date):
    home.lake.path("pms/trade_proposals", home.sessions.offset(last, -1)).unlink()
    assert ask(home, "new_targets")[0] == (), "only the newest session can be traded"
    home.lake.path("pms/trade_proposals", last).unlink()
    home.lake.path("pms/nav", last).unlink()
    assert ask(home, "new_targets")[0] == (), "the books are not there yet"


def test_a_fund_without_a_morning_is_quiet(tmp_path):
    new = harness.open_fund(tmp_path / "home")
    for name in ("new_targets", "decisions", "check_failed"):
        assert ask(new, name)[0] == ()


# decisions -> orders


def test_orders_that_exist_are_not_asked_for(home: Home):
    assert ask(home, "decisions") == ((), "no approval waits for an order")


def test_approvals_are_asked_for_by_session_until_they_are_orders(home: Home, more_keys: list[date]):
    upto = more_keys[0]
    proposed = home.ledger.proposals().filter(pl.col("session") <= upto)
    for key in home.lake.keys("pms/orders"):
        home.lake.path("pms/orders", key).unlink()
    home = ledger_again(home, lambda rows: rows, upto, fills_before=date.min)
    asked, _ = ask(home, "decisions")
    assert [r.partition_key for r in asked] == [INCEPTION.isoformat(), upto.isoformat()]
    for request in asked:
        ids = sorted(
            proposed.filter(pl.col("session") == date.fromisoformat(str(request.partition_key)))["proposal_id"]
        )
        assert request.run_key == f"order-{request.partition_key}-{'-'.join(ids)}"
    assert [r.run_key for r in ask(home, "decisions")[0]] == [r.run_key for r in asked]
    assert drain(home, "decisions") == ["order", "order"]
    assert ask(home, "decisions")[0] == ()
    assert sorted(home.ledger.orders()["proposal_id"]) == sorted(proposed["proposal_id"])


# failures -> alerts


def test_a_failed_check_raises_one_alert(home: Home, last: date):
    verdicts = TABLES["quality/verdicts"]
    rows = home.lake.read(verdicts.key, only=[last])
    spoilt = pl.col("asset").is_in(["silver/di_curve", "bronze/fred"]) & (pl.col("check") != "shape")
    changed = rows.with_columns(
        passed=pl.col("passed") & ~spoilt, detail=pl.when(spoilt).then(pl.lit("it fell")).otherwise("detail")
    )
    home.lake.write(verdicts, last, changed)
    failed = changed.filter(~pl.col("passed"))
    (home.path / "alerts.jsonl").unlink(missing_ok=True)
    assert ask(home, "check_failed") == ((), f"{failed.height} new alerts")
    alerts = read_alerts(home.path)
    assert [a["name"] for a in alerts] == [f"check-{last}-{r['asset']}-{r['check']}" for r in failed.to_dicts()]
    assert "bronze/fred answered: it fell" in {a["text"] for a in alerts}
    assert ask(home, "check_failed") == ((), "0 new alerts")
    assert read_alerts(home.path) == alerts


def test_a_failed_run_raises_an_alert_that_says_what_failed(home: Home, last: date, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(partitions, "now", lambda: home.sessions.as_of(INCEPTION))
    with harness.operator(home) as op:
        report = op.run_job("books", [last])
        assert not report.success
        (run,) = op.instance.get_runs()
        event = next(
            e.dagster_event
            for e in op.instance.all_logs(run.run_id)
            if e.dagster_event and e.dagster_event.event_type == dg.DagsterEventType.PIPELINE_FAILURE
        )
        context = dg.build_run_status_sensor_context(
            sensor_name="run_failed",
            dagster_event=event,
            dagster_instance=op.instance,
            dagster_run=run,
            resources={"fund": FundResource(path=str(home.path))},
        ).for_run_failure()
        sensors.run_failed(context)
        sensors.run_failed(context)
    (alert,) = [a for a in read_alerts(home.path) if a["name"] == f"run-{run.run_id}"]
    assert alert["text"].startswith(f"books {last} failed: ")
    assert "pms" in alert["text"]


def test_people_and_money_are_never_a_sensor_s_business():
    """No sensor approves, rejects or sends: they start the two jobs, or write alerts."""
    jobs = {t.job_name for s in sensors.SENSORS for t in s.targets}
    assert jobs == {"propose", "order"}
