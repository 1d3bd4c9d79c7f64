"""The job that decides: what it records, what it refuses, and that it takes nobody's word for who they are."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from macro_fund.home import Home, create
from macro_fund.orchestration import decide as module
from macro_fund.orchestration import sensors
from macro_fund.orchestration.resources import FundResource
from macro_fund.pms.people import add_user
from macro_fund.pms.sign_in import FILE, sign_in
from macro_fund.reports.alerts import read_alerts
from macro_fund_tests.graph import harness
from macro_fund_tests.pms.builders import KEYS, proposals, utc
from macro_fund_tests.pms.test_approval import BIG

NOW = utc(2025, 2, 10)
SMALL, LARGE = "ab12cd34ef56", "b16000000000"
SECRET = "correct horse"
USERS = {"Ana Lima": "pm", "Rui Sá": "risk", "Olga Reis": "ops", "Eva Luz": "viewer"}


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Home]:
    """A fund on live data with its people and two proposals of today, the second one big; no run has been made."""
    with harness.own_environment():
        made = create(tmp_path / "home", source="live", inception=KEYS[0])
        for name, role in USERS.items():
            add_user(made.path, name, role, SECRET)
        made.ledger.record_proposals(proposals({}, {**BIG, "proposal_id": LARGE}), NOW)
        at(monkeypatch, NOW)
        yield made
        made.ledger.close()


def at(monkeypatch: pytest.MonkeyPatch, moment: datetime) -> None:
    monkeypatch.setattr(module, "now", lambda: moment)


def run(home: Home, instance: dg.DagsterInstance | None = None, **config: Any) -> dg.ExecuteInProcessResult:
    """The job as the launchpad starts it, with this run config."""
    with harness.instance(home, durable=False) as own:
        return (
            harness.graph()
            .resolve_job_def("decide")
            .execute_in_process(
                instance=instance or own,
                raise_on_error=False,
                run_config={
                    "ops": {"decision": {"config": config}},
                    "loggers": {"console": {"config": {"log_level": "CRITICAL"}}},
                },
            )
        )


def told(result: dg.ExecuteInProcessResult) -> dict[str, Any]:
    """Metadata of an accepted decision."""
    assert result.success
    (output,) = [e for e in result.all_events if e.event_type == dg.DagsterEventType.STEP_OUTPUT]
    return {k: v.value for k, v in output.step_output_data.metadata.items()}


def refused(home: Home, result: dg.ExecuteInProcessResult) -> str:
    """The sentence that the run failed with: the journal's own, and nothing was decided."""
    assert not result.success
    (failure,) = result.get_step_failure_events()
    words = str(failure.step_failure_data.user_failure_data.description)
    assert home.ledger.refusals().row(-1, named=True)["reason"] == words
    assert home.ledger.journal()["kind"].to_list() == ["proposal", "proposal", "refusal"]
    assert home.ledger.verify_journal() == []
    return words


def test_an_approval_is_the_signed_in_person_s(home: Home) -> None:
    sign_in(home.path, "Ana Lima", SECRET, NOW)
    shown = told(run(home, user="ana lima", action="approve", proposal_id=SMALL[:4], note="carry", limit=0.1491))
    assert shown | {"decision": "", "not checked": ""} == {
        "proposal": SMALL,
        "session": "2025-02-10",
        "status": "approved",
        "trade": "SELL rate (receive) DI1F27",
        "contracts": 120,
        "limit": 0.1491,
        "decided by": "Ana Lima",
        "decided at": NOW.isoformat(),
        "note": "carry",
        "decision": "",
        "not checked": "",
    }
    assert "stale" in shown["not checked"], "a fund without a run has no settlement to compare with"
    assert home.ledger.pending_approvals()["proposal_id"].to_list() == [SMALL]
    assert home.ledger.journal()["kind"].to_list() == ["proposal", "proposal", "decision", "review"]
    assert home.ledger.verify_journal() == []


def test_a_big_trade_waits_for_a_second_person(home: Home) -> None:
    sign_in(home.path, "Ana Lima", SECRET, NOW)
    shown = told(run(home, user="Ana Lima", action="modify", proposal_id=LARGE, quantity=690))
    assert (shown["status"], shown["contracts"]) == ("unconfirmed", 690)
    assert "of the limit br_dv01" in shown["waits for a second person"]
    assert home.ledger.pending_approvals().is_empty()


def test_a_rejection_takes_role_risk_too(home: Home) -> None:
    sign_in(home.path, "Rui Sá", SECRET, NOW)
    shown = told(run(home, user="Rui Sá", action="reject", proposal_id=SMALL, note="IPCA tomorrow"))
    assert (shown["status"], shown["decided by"], shown["note"]) == ("rejected", "Rui Sá", "IPCA tomorrow")


@pytest.mark.parametrize(
    ("person", "config", "words"),
    [
        ("", {}, "nobody is signed in: macro-fund sign-in NAME"),
        ("Rui Sá", {}, "Rui Sá is signed in, not Ana Lima"),
        ("Ana Lima", {"user": " "}, "The run config's `user` is empty"),
        ("Olga Reis", {"user": "Olga Reis"}, "Olga Reis (ops) may not approve: it takes role pm"),
        ("Eva Luz", {"user": "Eva Luz", "action": "reject", "note": "x"}, "Eva Luz (viewer) may not reject"),
        ("Ana Lima", {"proposal_id": "0000"}, "no proposal '0000'"),
        ("Ana Lima", {"action": "reject"}, "a rejection needs a note"),
        ("Ana Lima", {"action": "modify"}, "modify needs a quantity"),
        ("Ana Lima", {"action": "modify", "quantity": -5}, "-5 is another side or nothing"),
        ("Ana Lima", {"quantity": 5}, "approve takes no quantity: take it out of the run config"),
        (
            "Ana Lima",
            {"action": "reject", "note": "x", "limit": 0.1, "price": 0.1},
            "reject takes no limit and no price",
        ),
        ("Ana Lima", {"seen": "0123456789abcdef"}, "you saw state 0123456789abcdef, it is"),
        ("Ana Lima", {"limit": 14.9}, "rates as decimals"),
    ],
)
def test_a_refusal_is_the_run_s_failure_and_the_journal_s(
    home: Home, person: str, config: dict[str, Any], words: str
) -> None:
    if person:
        sign_in(home.path, person, SECRET, NOW)
    asked = {"user": "Ana Lima", "action": "approve", "proposal_id": SMALL, **config}
    assert words in refused(home, run(home, **asked))


def test_a_sign_in_that_is_over_loose_or_forged_decides_nothing(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = {"user": "Ana Lima", "action": "approve", "proposal_id": SMALL}
    sign_in(home.path, "Ana Lima", SECRET, NOW - timedelta(hours=11))
    assert "the sign-in of Ana Lima ended at 2025-02-10 12:00 UTC" in _failure(run(home, **asked))
    sign_in(home.path, "Ana Lima", SECRET, NOW)
    file = home.path / FILE
    file.chmod(0o644)
    assert "can be read or changed by others (mode 644)" in _failure(run(home, **asked))
    file.chmod(0o600)
    sign_in(home.path, "Eva Luz", SECRET, NOW)
    file.write_text(file.read_text(encoding="utf-8").replace("Eva Luz", "Ana Lima"), encoding="utf-8")
    assert "is not what was written at the sign-in" in _failure(run(home, **asked))
    assert home.ledger.pending_approvals().is_empty()
    assert home.ledger.refusals()["person"].to_list() == ["Ana Lima"] * 3


def _failure(result: dg.ExecuteInProcessResult) -> str:
    (failure,) = result.get_step_failure_events()
    return str(failure.step_failure_data.user_failure_data.description)


def test_a_decision_is_final_and_expires(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    sign_in(home.path, "Ana Lima", SECRET, NOW)
    told(run(home, user="Ana Lima", action="approve", proposal_id=SMALL))
    at(monkeypatch, NOW + timedelta(minutes=1))
    again = _failure(run(home, user="Ana Lima", action="reject", proposal_id=SMALL, note="x"))
    assert "was approved by Ana Lima" in again
    at(monkeypatch, NOW + timedelta(hours=8))
    assert "expired at 2025-02-10 18:00" in _failure(run(home, user="Ana Lima", action="approve", proposal_id=LARGE))


def test_a_refusal_is_an_alert_like_any_failed_run(home: Home) -> None:
    with harness.instance(home, durable=False) as instance:
        result = run(home, instance=instance, user="Ana Lima", action="approve", proposal_id=SMALL)
        (event,) = [e for e in result.all_events if e.event_type == dg.DagsterEventType.PIPELINE_FAILURE]
        sensors.run_failed(
            dg.build_run_status_sensor_context(
                sensor_name="run_failed",
                dagster_event=event,
                dagster_instance=instance,
                dagster_run=result.dagster_run,
                resources={"fund": FundResource(path=str(home.path))},
            ).for_run_failure()
        )
    (alert,) = read_alerts(home.path)
    assert alert["text"].startswith("decide failed: ")


@pytest.mark.parametrize("config", [{"password": SECRET}, {"action": "confirm"}, {"quantity": "many"}])
def test_the_run_config_takes_no_password_and_nothing_else_that_it_does_not_know(
    home: Home, config: dict[str, Any]
) -> None:
    with pytest.raises(dg.DagsterInvalidConfigError):
        run(home, **{"user": "Ana Lima", "action": "approve", "proposal_id": SMALL, **config})
    assert home.ledger.journal().height == 2


def test_a_broken_ledger_is_told(home: Home) -> None:
    sign_in(home.path, "Ana Lima", SECRET, NOW)
    home.ledger.close()
    for path in home.path.glob("ledger.sqlite*"):
        path.unlink()
    (home.path / "ledger.sqlite").write_text("no database " * 500, encoding="utf-8")
    result = run(home, user="Ana Lima", action="approve", proposal_id=SMALL)
    assert "cannot open the ledger: file is not a database" in _failure(result)
