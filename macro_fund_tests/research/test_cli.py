"""The backtest commands: what people read, what programs get, how errors end."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner, Result

from macro_fund.backtest import audit
from macro_fund.home import Home
from macro_fund.pms import people, sign_in
from macro_fund.research.cli import ResearchContext, attach
from macro_fund.store.ledger import Ledger
from macro_fund.store.tables import TABLES
from macro_fund.strategies import registry
from macro_fund_tests.pms.builders import utc
from macro_fund_tests.research.homes import a_home
from macro_fund_tests.strategies.frames import world

NOW = utc(2026, 1, 5)
SECRET = "correct horse"
TWO = (registry.get("CROSS-02"), registry.get("FX-02"))


class Desk:
    def __init__(self, home: Home, now: datetime) -> None:
        self.home, self.now = home, now

    def run(self, *words: str) -> Result:
        app = typer.Typer()
        attach(app, lambda: ResearchContext(self.home, self.now))
        return CliRunner().invoke(app, ["backtest", *words])

    def says(self, *words: str) -> str:
        result = self.run(*words)
        assert result.exit_code == 0, result.output
        return " ".join(result.stdout.split())

    def gives(self, *words: str):
        result = self.run(*words, "--json")
        assert result.exit_code == 0, result.output
        assert result.stderr == ""
        return json.loads(result.stdout)

    def fails(self, *words: str) -> str:
        result = self.run(*words)
        assert result.exit_code == 1, result.output
        assert result.stderr.startswith("error: ")
        return result.stderr


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Home:
    return a_home(tmp_path_factory.mktemp("cli") / "home")


@pytest.fixture
def desk(shared: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Desk:
    monkeypatch.setenv("MACRO_FUND_LEDGER_URL", f"sqlite:///{tmp_path / 'ledger.sqlite'}")
    monkeypatch.setattr(registry, "all_strategies", lambda: TWO)
    return Desk(replace(shared), NOW)


def test_run_prints_the_record_and_records_the_trial(desk: Desk) -> None:
    said = desk.says("run", "FX-02", "--set", "params.z_window=300", "--set", "rules.stop_u=2")
    assert "Backtest (SAMPLE data), 2010-01-04 to" in said
    assert "z_window=300" in said
    assert "stop_u=2," in said
    assert "counting 1 trials" in said
    row = desk.home.ledger.trials().row(0, named=True)
    assert row["trial_id"][:12] in said
    assert row["recorded_at"] == NOW
    found = desk.gives("run", "FX-02", "--set", "params.z_window=300", "--set", "rules.stop_u=2")
    assert (found["trial"], found["trials"]) == (row["trial_id"], 1)
    assert found["sharpe"] == pytest.approx(row["sharpe"] * 252**0.5)


def test_run_over_a_part_of_the_history(desk: Desk) -> None:
    found = desk.gives("run", "FX-02", "--from", "2013-01-02", "--to", "2014-12-30")
    assert (found["first_session"], found["last_session"]) == ("2013-01-02", "2014-12-30")


def test_compare_counts_all_and_puts_the_best_first(desk: Desk) -> None:
    desk.says("run", "FX-02", "--set", "enter=0.5")
    said = desk.says("compare")
    assert "3 trials counted" in said
    assert "deflated" in said
    found = desk.gives("compare")
    assert [r["strategy"] for r in found] == ["CROSS-02", "FX-02"]
    assert {r["trials"] for r in found} == {3}
    one = desk.gives("compare", "FX-02")
    assert [r["strategy"] for r in one] == ["FX-02"]
    order = sorted(found, key=lambda r: -r["sharpe"])
    assert said.index(order[0]["strategy"]) < said.index(order[1]["strategy"])


def test_walk_forward_makes_every_set_a_trial(desk: Desk) -> None:
    words = ("walk-forward", "FX-02", "--grid", "enter=0.2,0.3,0.4", "--grid", "rules.stop_u=1,2", "--train-years", "2")
    said = desk.says(*words)
    assert "out of sample: net Sharpe" in said
    assert "the ledger now counts 6 trials" in said
    found = desk.gives(*words)
    assert (found["sets"], found["trials"]) == (6, 6)
    assert set(found["windows"][0]["chosen"]) == {"enter", "rules.stop_u"}


def test_walk_forward_of_a_short_history_says_what_to_change(desk: Desk) -> None:
    assert "choose an earlier --from" in desk.fails("walk-forward", "FX-02", "--from", "2013-01-02")


def test_tearsheet_is_one_file(desk: Desk, tmp_path: Path) -> None:
    out = tmp_path / "sheets" / "fx.html"
    said = desk.says("tearsheet", "FX-02", "--out", str(out))
    assert str(out) in said
    page = out.read_text()
    assert "FX-02: tearsheet" in page
    assert desk.home.ledger.trials().height == 1
    assert desk.gives("tearsheet", "FX-02", "--out", str(out))["file"] == str(out)
    assert out.read_text() == page


def test_tearsheet_goes_to_the_reports_by_default(desk: Desk) -> None:
    assert desk.gives("tearsheet", "FX-02")["file"].endswith("reports/tearsheets/fx-02.html")


def test_trials_lists_what_was_tried(desk: Desk) -> None:
    assert "No trials: `macro-fund backtest run ID` records the first one." in desk.says("trials")
    desk.says("compare")
    assert "Trials: 2 in the ledger" in desk.says("trials")
    found = desk.gives("trials", "--strategy", "FX-02")
    assert (found["trials"], [r["strategy_id"] for r in found["rows"]]) == (2, ["FX-02"])


def test_promote_refuses_with_each_number_and_has_no_flag_to_force_it(desk: Desk) -> None:
    result = desk.run("promote", "FX-02", "--as", "Ana")
    assert result.exit_code == 1
    assert "walk-forward Sharpe" in result.stdout
    assert "error: FX-02 is not promoted: " in result.stderr
    assert "needed at least 0.9" in result.stderr
    found = desk.run("promote", "FX-02", "--as", "Ana", "--json")
    assert found.exit_code == 1
    answer = json.loads(found.stdout)
    assert answer["promoted"] is False
    assert set(answer["bars"]) >= {"deflated Sharpe", "walk-forward years", "Sharpe at 2x costs"}
    assert desk.run("promote", "FX-02", "--force").exit_code == 2
    assert desk.home.ledger.promotions().is_empty()
    refused = desk.home.ledger.refusals().select("action", "subject", "person", "reason").rows()
    assert refused == [("promote", "FX-02", "Ana", answer["error"])], "the same refusal of the same moment is one"


def test_promote_records_who_when_every_bar_is_met(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    from macro_fund.backtest import judge

    met = {"deflated Sharpe": {"least": 0.9, "strict": False, "found": 0.95}}
    monkeypatch.setattr(judge, "bars", lambda *_: met)
    assert "who promotes? Every bar is met; give a person's name (--as NAME)" in desk.fails("promote", "FX-02")
    assert "FX-02 is promoted by Ana" in desk.says("promote", "FX-02", "--as", "Ana")
    assert desk.home.ledger.promotions()["person"].to_list() == ["Ana"]
    assert "was promoted by Ana" in desk.fails("promote", "FX-02", "--as", "Bia")


@pytest.fixture
def live(desk: Desk, tmp_path: Path) -> Desk:
    """The same fund as if on live data, in a home of its own: Ana is its portfolio manager, Bia its risk officer."""
    path = tmp_path / "live"
    path.mkdir()
    (path / "lake").symlink_to(desk.home.path / "lake")
    for name, role in (("Ana", "pm"), ("Bia", "risk")):
        people.add_user(path, name, role, SECRET)
    fund = desk.home.settings.fund.model_copy(update={"source": "live"})
    return Desk(Home(path, desk.home.settings.model_copy(update={"fund": fund})), NOW)


def test_promote_demands_the_signed_in_person(live: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    from macro_fund.backtest import judge

    monkeypatch.setattr(judge, "bars", lambda *_: {"x": {"least": 0, "strict": False, "found": 1}})
    assert "nobody is signed in: macro-fund sign-in NAME" in live.fails("promote", "FX-02", "--as", "Ana")
    sign_in.sign_in(live.home.path, "Bia", SECRET, NOW)
    assert "Bia is signed in, not Ana" in live.fails("promote", "FX-02", "--as", "Ana")
    assert "Bia (risk) may not promote: it takes role pm" in live.fails("promote", "FX-02")
    live.now += sign_in.LASTS
    assert "the sign-in of Bia ended" in live.fails("promote", "FX-02")
    assert live.home.ledger.trials().is_empty(), "measured for somebody who may not promote"
    assert live.home.ledger.promotions().is_empty()

    sign_in.sign_in(live.home.path, "Ana", SECRET, live.now)
    assert "FX-02 is promoted by Ana" in live.says("promote", "FX-02")
    assert live.home.ledger.promotions()["person"].to_list() == ["Ana"]
    asked = live.home.ledger.refusals().select("action", "subject", "person").rows()
    assert asked == [("promote", "FX-02", who) for who in ("Ana", "Ana", "Bia", "")]
    assert live.home.ledger.verify_journal() == []


def test_a_fund_on_live_data_without_users_promotes_nothing(live: Desk) -> None:
    (live.home.path / people.USERS_FILE).unlink()
    said = live.fails("promote", "FX-02", "--as", "Ana")
    assert "decisions of a fund on live data are signed: macro-fund user add" in said
    assert live.home.ledger.refusals()["reason"].to_list() == [said.removeprefix("error: ").strip()]


def test_a_trial_between_measuring_and_promoting_is_counted_first(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    from macro_fund.backtest import judge

    monkeypatch.setattr(judge, "bars", lambda *_: {"x": {"least": 0, "strict": False, "found": 1}})
    promote = Ledger.promote

    def late(self: Ledger, row, at):
        Desk(self_home, NOW).says("run", "FX-02", "--set", "enter=0.77")
        return promote(self, row, at)

    self_home = desk.home
    monkeypatch.setattr(Ledger, "promote", late)
    assert "run the promotion again" in desk.fails("promote", "FX-02", "--as", "Ana")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("run", "FX-99"), "no strategy FX-99; there are CROSS-01"),
        (("run", "FX-02", "--set", "enter"), "--set 'enter': write NAME=VALUE"),
        (("run", "FX-02", "--set", "enter=1", "--set", "enter=2"), "--set enter is given twice"),
        (("run", "FX-02", "--set", "speed=1"), "FX-02 has no setting 'speed'; there are enter"),
        (("run", "FX-02", "--from", "2013-01-05"), "2013-01-05 is not a session"),
        (("walk-forward", "FX-02", "--grid", "enter="), "--grid 'enter=': write NAME=VALUE"),
        (("compare", "FX-02", "FX-99"), "no strategy FX-99"),
        (("trials", "--strategy", "FX-99"), "no strategy FX-99"),
        (("promote", "FX-99"), "no strategy FX-99"),
    ],
)
def test_errors_say_what_to_do(desk: Desk, words: tuple[str, ...], message: str) -> None:
    assert message in desk.fails(*words)
    assert desk.home.ledger.trials().is_empty()


def test_an_audit_says_what_was_tried_against_the_strategy(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audit, "SHUFFLES", 9)  # each is a whole simulation
    desk.home.lake.write(TABLES["silver/observations"], desk.home.inception, world(1300).observations)
    found = desk.gives("audit", "FX-02", "--probes", "2")
    assert found["leaks"] == []
    assert found["look_ahead"]["premium"] == pytest.approx(0.0, abs=1e-12)
    assert set(found["costs"]) == {"0", "1", "2", "3"}
    assert found["settings"]["tried"] == desk.home.ledger.trials().height
    assert 0 < found["shuffle"]["p_value"] <= 1
