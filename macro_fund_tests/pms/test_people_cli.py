"""From a user's first password to a confirmed order at the command line of a fund on live data."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from macro_fund.pms.cli import PmsContext, attach
from macro_fund.store.ledger import open_ledger
from macro_fund_tests.pms.builders import SETTINGS, proposals, utc
from macro_fund_tests.pms.test_approval import BIG, NAV, PID, SETTLED
from macro_fund_tests.pms.test_cli import Desk

LIVE = SETTINGS.model_copy(update={"fund": SETTINGS.fund.model_copy(update={"source": "live"})})
SECRET = "correct horse"


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    ledger = open_ledger(f"sqlite:///{tmp_path / 'ledger.sqlite'}")
    ledger.record_proposals(proposals(BIG), utc(2025, 2, 10))
    yield Desk(ledger, {"pms/nav": NAV, "silver/contract_marks": SETTLED}, settings=LIVE, home=tmp_path)
    ledger.close()


def types(desk: Desk, text: str, *arguments: str) -> Any:
    app = typer.Typer()
    attach(app, lambda: PmsContext(desk.ledger, desk.read, desk.now, desk.settings, desk.home))
    return CliRunner().invoke(app, list(arguments), input=text)


def test_two_people_and_a_big_trade(desk: Desk) -> None:
    error = desk.fails("proposals", "approve", PID, "--as", "Ana")
    assert "decisions of a fund on live data are signed: macro-fund user add" in error
    assert "No users" in desk.says("user", "list")
    for name, role in (("Ana", "pm"), ("Bia", "risk")):
        said = types(desk, f"{SECRET}\n", "user", "add", name, "--role", role)
        assert f"{name} is a user with role {role}" in said.stdout
        assert SECRET not in said.output
    assert [u["role"] for u in json.loads(desk.says("user", "list", "--json"))] == ["pm", "risk"]
    assert "nobody is signed in" in desk.fails("whoami")
    assert types(desk, "wrong\n", "sign-in", "Ana").stderr.startswith("error: the password is not Ana's")
    assert "until 2025-02-10 20:00 Sao Paulo" in types(desk, f"{SECRET}\n", "sign-in", "Ana").stdout
    assert desk.says("whoami") == "Ana (pm), until 2025-02-10 20:00 Sao Paulo."

    state = json.loads(desk.says("proposals", "show", PID, "--json"))["state"]
    said = desk.says("proposals", "approve", PID, "--seen", state)
    assert said.startswith(f"unconfirmed {PID}: SELL rate (receive) DI1F27, +1,000 contracts")
    assert "It waits for a risk officer, because it uses 42% of the limit br_dv01" in said
    assert "nobody yet" in desk.says("proposals", "show", PID)
    assert "you saw state" in desk.fails("proposals", "reject", PID, "--note", "no", "--seen", state)
    desk.now += timedelta(minutes=1)
    assert "Ana (pm) may not confirm" in desk.fails("proposals", "confirm", PID)
    assert "Ana is signed in, not Bia" in desk.fails("proposals", "confirm", PID, "--as", "Bia")
    assert desk.says("sign-out") == "Signed out."
    types(desk, f"{SECRET}\n", "sign-in", "Bia")
    assert desk.says("proposals", "confirm", PID) == "confirmed by Bia. The next run makes the order."
    assert desk.ledger.pending_approvals()["quantity"].to_list() == [1000]
    assert desk.ledger.refusals()["person"].to_list() == ["Ana", "Ana", "Ana", "Bia"]
    assert desk.ledger.verify_journal() == []


def test_checks_and_a_trade_of_ones_own_in_a_fund_without_users(desk: Desk) -> None:
    desk.settings = SETTINGS
    assert "This sample fund has no users" in desk.says("whoami")
    checks = {v["check"]: v["state"] for v in json.loads(desk.says("proposals", "check", PID, "--json"))}
    assert (checks["limit_use"], checks["sign_echo"], checks["drift"]) == ("second", "pass", "unknown")
    assert "not checked" in desk.says("proposals", "check", PID)
    assert "needs a thesis" in desk.fails("trade", "DI1F27", "--quantity", "5", "--as", "Ana")
    said = desk.says("trade", "DI1F27", "--quantity", "5", "--thesis", "IPCA", "--as", "Ana")
    assert "SELL rate (receive) DI1F27, +5 contracts; you gain if rates FALL" in said
    pid = said.split()[1].rstrip(":")
    result = desk.run("proposals", "approve", pid, "--as", "Ana")
    assert f"approved {pid}" in result.stdout
    assert "not checked: size: the fund made 0 trades in DI1_2Y" in result.stderr


def test_a_password_is_changed_and_a_user_removed(desk: Desk) -> None:
    types(desk, f"{SECRET}\n", "user", "add", "Ana", "--role", "pm")
    types(desk, f"{SECRET}\n", "sign-in", "Ana")
    assert "sign in again" in types(desk, "another secret\n", "user", "passwd", "Ana").stdout
    assert "the password has changed since" in desk.fails("whoami")
    assert desk.says("user", "remove", "Ana") == "Ana is no user any more."
    assert "no user 'Ana'" in desk.fails("user", "remove", "Ana")
