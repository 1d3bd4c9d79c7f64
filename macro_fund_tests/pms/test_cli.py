"""The commands: what people read, what programs get, and how errors end."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path

import polars as pl
import pytest
import typer
from typer.testing import CliRunner, Result

from macro_fund.pms.cli import PmsContext, attach
from macro_fund.settings import Settings, SettingsError
from macro_fund.store.ledger import Ledger, open_ledger
from macro_fund.store.tables import TABLES
from macro_fund.store.verify_journal import file_problems
from macro_fund_tests.pms.builders import SETTINGS, frame, proposals, share, utc

PID = "ab12cd34ef56"
OTHER = "ff00ff00ff00"


@dataclass
class Desk:
    """A home with a ledger and lake tables given as frames."""

    ledger: Ledger
    lake: dict[str, pl.DataFrame] = field(default_factory=dict)
    now: datetime = field(default_factory=lambda: utc(2025, 2, 10))
    settings: Settings = SETTINGS
    home: Path = Path("no-home")

    def read(self, key: str, upto: date | None) -> pl.DataFrame:
        rows = self.lake.get(key, TABLES[key].empty())
        return rows if upto is None else rows.filter(pl.col("session") <= upto)

    def run(self, *arguments: str) -> Result:
        app = typer.Typer()
        attach(app, lambda: PmsContext(self.ledger, self.read, self.now, self.settings, self.home))
        return CliRunner().invoke(app, list(arguments))

    def says(self, *arguments: str) -> str:
        result = self.run(*arguments)
        assert result.exit_code == 0, result.output
        return " ".join(result.stdout.split())

    def fails(self, *arguments: str) -> str:
        result = self.run(*arguments)
        assert (result.exit_code, result.stdout) == (1, ""), result.output
        assert result.stderr.startswith("error: ")
        return result.stderr


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(open_ledger(f"sqlite:///{tmp_path / 'ledger.sqlite'}"))


@pytest.fixture
def busy(desk: Desk) -> Desk:
    desk.ledger.record_proposals(proposals({}, {"proposal_id": OTHER, "contract": "DI1F28"}), desk.now)
    return desk


BOOK_DAY = date(2025, 2, 10)
MONEY = {"opening_nav_brl": Decimal("100.00"), "pnl_brl": Decimal("-1.50"), "nav_brl": Decimal("98.50")}
NAV = frame(
    "pms/nav", [{"session": BOOK_DAY, "trade_date": date(2025, 2, 7), **MONEY, "cdi_index": 1.0, "fund_index": 0.985}]
)
POSITIONS = frame(
    "pms/positions",
    [
        {
            "session": s,
            "trade_date": date(2025, 2, 7),
            "contract": "DI1F27",
            "instrument": "DI1_2Y",
            "quantity": 120,
            "mark_price": 76828.74,
            "mark_rate": 0.14875,
            "mark_basis": "previous",
            "dv01_brl": 1525.5,
            "delta_brl": 0.0,
        }
        for s in (date(2025, 2, 7), BOOK_DAY)
    ],
)


# empty states


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["proposals", "list"], "No proposals: the book is at its targets, or no run has been made"),
        (["proposals", "list", "--status", "approved"], "No proposals with status approved"),
        (["proposals", "list", "--session", "2025-02-10"], "No proposals in session 2025-02-10"),
        (["book"], "No book yet: `macro-fund run`"),
        (["journal", "list"], "The journal is empty"),
        (["journal", "verify"], "The journal is intact: 0 entries, head 0:"),
    ],
)
def test_empty_states_say_what_to_do(desk: Desk, arguments: list[str], words: str) -> None:
    assert words in desk.says(*arguments)


@pytest.mark.parametrize("command", [["proposals", "list"], ["book"], ["journal", "list"]])
def test_empty_states_are_valid_json(desk: Desk, command: list[str]) -> None:
    assert json.loads(desk.says(*command, "--json")) == []


# proposals


def test_the_list_shows_the_newest_session_with_its_words(busy: Desk) -> None:
    later = {"session": date(2025, 2, 11), "proposal_id": "aaaaaaaaaaaa", "expires_at": utc(2025, 2, 11, 21)}
    busy.ledger.record_proposals(proposals(later), busy.now)
    out = busy.says("proposals", "list")
    assert "(SAMPLE data)" in out
    assert "SELL rate (receive) DI1F27" in out
    assert "14.875%" in out
    assert "aaaaaaaaaaaa" in out
    assert PID not in out
    assert PID in busy.says("proposals", "list", "--all")
    assert len(json.loads(busy.says("proposals", "list", "--all", "--json"))) == 3
    assert len(json.loads(busy.says("proposals", "list", "--session", "2025-02-10", "--json"))) == 2


def test_show_has_the_sign_echo_and_the_decision(busy: Desk) -> None:
    out = busy.says("proposals", "show", "ab1")
    for words in ("you gain if rates FALL", "+120 (+0 -> +120)", "RATES-01 75%, CROSS-02 25%", "2025-02-10 18:00"):
        assert words in out
    busy.says("proposals", "approve", "ab1", "--as", "Ana", "--note", "carry")
    assert "Ana, 2025-02-10 10:00 Sao Paulo: carry" in busy.says("proposals", "show", "ab1")
    card = json.loads(busy.says("proposals", "show", "ab1", "--json"))
    assert (card["status"], card["expected_cost_brl"]) == ("approved", "871.95")


def test_deciding(busy: Desk) -> None:
    out = busy.says("proposals", "modify", "ab12", "--quantity", "60", "--as", "Ana", "--limit", "0.148")
    assert out == (
        f"modified {PID}: SELL rate (receive) DI1F27, +60 contracts at the settlement of 2025-02-10 "
        "or better than 14.800%; you gain if rates FALL. The next run makes the order."
    )
    out = busy.says("proposals", "reject", "ff", "--as", "Bia", "--note", "IPCA tomorrow", "--json")
    assert json.loads(out)["status"] == "rejected"
    assert busy.ledger.pending_approvals()["quantity"].to_list() == [60]


def test_the_echo_follows_a_modified_quantity(desk: Desk) -> None:
    """Closing a payer leaves nothing; closing half of it still gains when rates rise."""
    row = {"position_before": -120, "position_after": 0, "gain_if": "closes DI1F27: nothing left to gain or lose"}
    desk.ledger.record_proposals(proposals(row), desk.now)
    out = desk.says("proposals", "modify", "ab12", "--quantity", "60", "--as", "Ana")
    assert "you gain if rates RISE" in out


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["proposals", "approve", "ab12"], "who decides? Give a person's name (--as NAME)"),
        (["proposals", "approve", "zz", "--as", "Ana"], "no proposal 'zz'"),
        (["proposals", "reject", "ab12", "--as", "Ana"], "a rejection needs a note"),
        (["proposals", "modify", "ab12", "--as", "Ana"], "modify needs a quantity"),
        (["proposals", "modify", "ab12", "--as", "Ana", "--quantity", "-5"], "another side"),
        (["proposals", "approve", "ab12", "--as", "Ana", "--limit", "14.8"], "rates as decimals"),
        (["proposals", "list", "--status", "open"], "status 'open' is unknown"),
        (["proposals", "show", "zz"], "no proposal 'zz'"),
    ],
)
def test_errors_are_one_line_with_the_remedy_and_exit_1(busy: Desk, arguments: list[str], words: str) -> None:
    error = busy.fails(*arguments)
    assert words in error
    assert error.count("\n") == 1


def test_after_18_the_list_says_expired_and_approval_is_refused(busy: Desk) -> None:
    busy.now = utc(2025, 2, 10, 21)
    assert {p["status"] for p in json.loads(busy.says("proposals", "list", "--json"))} == {"expired"}
    assert "expired at 2025-02-10 18:00 Sao Paulo" in busy.fails("proposals", "approve", "ab12", "--as", "Ana")


def test_a_home_that_cannot_be_opened_is_an_error_too() -> None:
    def fail() -> PmsContext:
        raise SettingsError("no fund here: run `macro-fund init`")

    app = typer.Typer()
    attach(app, fail)
    result = CliRunner().invoke(app, ["book"])
    assert (result.exit_code, result.stderr) == (1, "error: no fund here: run `macro-fund init`\n")


# book


def test_the_book_shows_the_last_close_only(desk: Desk) -> None:
    desk.lake = {"pms/nav": NAV, "pms/positions": POSITIONS}
    out = desk.says("book")
    assert "Book at the close of 2025-02-07 (SAMPLE data)" in out
    assert out.count("DI1F27") == 1
    assert "previous" in out
    assert "│ rates │ 1,526 │ 1548.7310% │ 0 │ 0.00% │" in out
    assert "NAV BRL 98.50, -1.50 on the day." in out
    assert out.endswith("P&L BRL -1.50 mtd, -1.50 ytd, -1.50 inception.")
    whole = json.loads(desk.says("book", "--json"))
    assert (whole["nav"]["nav_brl"], len(whole["positions"])) == ("98.50", 1)


def test_a_flat_book_says_so(desk: Desk) -> None:
    desk.lake = {"pms/nav": NAV, "pms/positions": POSITIONS.filter(pl.col("session") < BOOK_DAY)}
    assert "no positions; all of the NAV is in cash" in desk.says("book")


# journal


def test_the_journal_lists_and_verifies(busy: Desk, tmp_path: Path) -> None:
    busy.says("proposals", "approve", "ab12", "--as", "Ana")
    seq, head = busy.ledger.journal_head()
    assert f"intact: {seq} entries, head {seq}:{head}" in busy.says("journal", "verify")
    assert [e["kind"] for e in json.loads(busy.says("journal", "list", "--last", "2", "--json"))] == [
        "decision",
        "review",
    ]
    assert "decision" in busy.says("journal", "list")
    _forge(tmp_path / "ledger.sqlite")
    error = busy.fails("journal", "verify")
    assert f"proposals row {PID} differs from journal entry 1" in error
    assert "compare it with a backup" in error
    result = busy.run("journal", "verify", "--json")
    assert result.exit_code == 1
    assert len(json.loads(result.stdout)["problems"]) == 1


def test_the_journal_is_exported_and_held_against_a_noted_head(busy: Desk, tmp_path: Path) -> None:
    file, head = tmp_path / "journal.jsonl", busy.ledger.journal_head()
    assert f"{file}: {head.seq} entries, head {head}" in " ".join(busy.says("journal", "export", str(file)).split())
    assert file_problems(file, head) == ([], head)
    assert "intact" in busy.says("journal", "verify", "--head", str(head))
    assert "entry 1 has another hash than the head" in busy.fails("journal", "verify", "--head", f"1:{'0' * 64}")
    assert "the head '7' is not N:HASH" in busy.fails("journal", "verify", "--head", "7")
    assert "cannot be written" in busy.fails("journal", "export", str(file / "below"))


def _forge(path: Path) -> None:
    import sqlite3

    with sqlite3.connect(path) as raw:
        raw.execute("DROP TRIGGER proposals_no_update")
        raw.execute(f"UPDATE proposals SET quantity = 121 WHERE proposal_id = '{PID}'")


def test_the_context_is_opened_once_a_command(desk: Desk) -> None:
    opened: list[int] = []

    def counted() -> PmsContext:
        opened.append(1)
        return PmsContext(desk.ledger, desk.read, desk.now, SETTINGS)

    app = typer.Typer()
    attach(app, counted)
    assert CliRunner().invoke(app, ["--help"]).exit_code == 0
    assert opened == []
    CliRunner().invoke(app, ["book"])
    assert opened == [1]


def test_shares_print_as_percentages(busy: Desk) -> None:
    row = {"proposal_id": "cccccccccccc", "contract": "DI1F29", "shares": share(RATES_01=1.0)}
    busy.ledger.record_proposals(proposals(row), busy.now)
    assert "RATES-01 100%" in busy.says("proposals", "show", "cc")
