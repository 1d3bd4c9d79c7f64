"""The ledger: append-only, idempotent, tamper-evident, and one clear refusal for each wrong decision."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sqlite3
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import sqlalchemy as sa

from macro_fund.pms.execution import orders_from
from macro_fund.store import ledger_open
from macro_fund.store.content import canonical_json, content_id
from macro_fund.store.ledger import Ledger, LedgerError, open_ledger
from macro_fund.store.ledger_tables import METADATA
from macro_fund_tests.pms.builders import frame, proposal, proposals, utc

NOW = utc(2025, 2, 10)
PID = "ab12cd34ef56"
POSTGRES = os.environ.get("MACRO_FUND_TEST_POSTGRES")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "home" / "ledger.sqlite"


@pytest.fixture
def ledger(path: Path) -> Iterator[Ledger]:
    opened = open_ledger(f"sqlite:///{path}")
    yield opened
    opened.close()


def fill_of(order: dict[str, Any], **given: Any) -> pl.DataFrame:
    row = {
        "session": date(2025, 2, 11),
        "trade_date": date(2025, 2, 10),
        "fill_id": "f1",
        "order_id": order["order_id"],
        "contract": order["contract"],
        "instrument": order["instrument"],
        "quantity": order["quantity"],
        "price": 76828.74,
        "cost_brl": Decimal("871.95"),
    }
    return frame("pms/fills", [{**row, **given}])


def full_story(ledger: Ledger) -> None:
    """Journal entries 1, 2: proposals; 3: decision; 4: order; 5: fill."""
    ledger.record_proposals(proposals({}, {"proposal_id": "ff00ff00ff00", "contract": "DI1F28"}), NOW)
    ledger.decide(PID, "approve", "Ana", "carry", NOW)
    orders = orders_from(ledger.pending_approvals())
    ledger.record_orders(orders, NOW)
    ledger.record_fills(fill_of(orders.row(0, named=True)), NOW)


def tamper(path: Path, *statements: str) -> None:
    """What somebody with the file and a SQL prompt can do: drop the triggers, then anything."""
    with sqlite3.connect(path) as raw:
        for (name,) in raw.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            raw.execute(f"DROP TRIGGER {name}")
        for statement in statements:
            raw.execute(statement)


# opening


def test_a_second_opening_finds_the_head_without_alembic(ledger: Ledger, path: Path) -> None:
    code = f"""
        import sys
        from macro_fund.store.ledger import open_ledger
        print(open_ledger("sqlite:///{path}").journal_head()[0], "alembic" in sys.modules)
    """
    out = subprocess.run([sys.executable, "-c", textwrap.dedent(code)], capture_output=True, text=True, check=True)
    assert out.stdout.split() == ["0", "False"]


def test_the_migrations_make_exactly_the_tables_the_code_uses(ledger: Ledger, path: Path) -> None:
    from alembic.autogenerate import compare_metadata
    from alembic.runtime.migration import MigrationContext

    engine = ledger_open.engine_for(f"sqlite:///{path}")
    with engine.connect() as conn:
        assert compare_metadata(MigrationContext.configure(conn, opts={"compare_type": True}), METADATA) == []
        assert conn.scalar(sa.text("SELECT version_num FROM alembic_version")) == ledger_open.HEAD


def test_head_is_the_newest_revision() -> None:
    from alembic.script import ScriptDirectory

    assert ScriptDirectory(str(ledger_open._MIGRATIONS)).get_current_head() == ledger_open.HEAD


def test_sqlite_runs_in_wal_with_foreign_keys(ledger: Ledger) -> None:
    with ledger._read() as conn:
        assert conn.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"
        assert conn.exec_driver_sql("PRAGMA foreign_keys").scalar() == 1


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("sqlite://", "names no file"),
        ("mysql://host/x", "on mysql is not supported; use one of: sqlite, postgresql"),
        ("no address", "not a URL; write sqlite:///PATH"),
    ],
)
def test_an_address_that_cannot_work_is_refused(url: str, words: str) -> None:
    with pytest.raises(LedgerError, match=words):
        open_ledger(url)


def test_a_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x.sqlite").write_text("not a database, but long enough to look like one " * 20)
    with pytest.raises(LedgerError, match="cannot open the ledger: file is not a database"):
        open_ledger(f"sqlite:///{tmp_path / 'x.sqlite'}")


def test_a_ledger_of_a_newer_version_is_refused(ledger: Ledger, path: Path) -> None:
    tamper(path, "UPDATE alembic_version SET version_num = '0099'")
    with pytest.raises(LedgerError, match="revision 0099, which this version does not know: upgrade macro_fund"):
        open_ledger(f"sqlite:///{path}")


# append-only


@pytest.mark.parametrize("table", ["proposals", "decisions", "orders", "fills", "journal"])
@pytest.mark.parametrize(
    "statement",
    ["UPDATE {t} SET {c} = {c}", "DELETE FROM {t}", "INSERT OR REPLACE INTO {t} SELECT * FROM {t} LIMIT 1"],
)
def test_rows_can_be_neither_changed_nor_deleted(ledger: Ledger, path: Path, table: str, statement: str) -> None:
    full_story(ledger)
    column = METADATA.tables[table].columns.values()[1].name
    with (
        sqlite3.connect(path) as raw,
        pytest.raises(sqlite3.IntegrityError, match=f"append-only: {table} takes no (UPDATE|DELETE|REPLACE)"),
    ):
        raw.execute(statement.format(t=table, c=column))
    assert ledger.verify_journal() == []


# recording


def test_recording_twice_changes_nothing(ledger: Ledger) -> None:
    assert ledger.record_proposals(proposals(), NOW) == 1
    assert ledger.record_proposals(proposals(), utc(2025, 2, 10, 15)) == 0
    ledger.decide(PID, "approve", "Ana", "", NOW)
    orders = orders_from(ledger.pending_approvals())
    assert [ledger.record_orders(orders, NOW), ledger.record_orders(orders, NOW)] == [1, 0]
    fills = fill_of(orders.row(0, named=True))
    assert [ledger.record_fills(fills, NOW), ledger.record_fills(fills, NOW)] == [1, 0]
    assert ledger.journal()["kind"].to_list() == ["proposal", "decision", "order", "fill"]
    assert ledger.verify_journal() == []


def test_known_and_new_rows_may_come_together(ledger: Ledger) -> None:
    ledger.record_proposals(proposals(), NOW)
    both = proposals({}, {"proposal_id": "ff00ff00ff00", "contract": "DI1F28"})
    assert ledger.record_proposals(pl.concat([both, both]), NOW) == 1
    assert ledger.journal()["ref"].to_list() == [PID, "ff00ff00ff00"]
    assert ledger.verify_journal() == []


def test_what_comes_back_is_what_was_recorded(ledger: Ledger) -> None:
    ledger.record_proposals(proposals(), NOW)
    back = ledger.proposals()
    assert back.select(proposals().columns).equals(proposals())
    assert back["expected_cost_brl"].to_list() == [Decimal("871.95")]
    assert back["expires_at"].to_list() == [utc(2025, 2, 10, 21)]


def test_money_keeps_its_cents_beyond_what_a_float_holds(ledger: Ledger) -> None:
    amount = Decimal("123456789012345678.91")
    ledger.record_proposals(proposals({"expected_cost_brl": amount}), NOW)
    assert ledger.proposals()["expected_cost_brl"].to_list() == [amount]


def test_a_fill_is_never_restated(ledger: Ledger) -> None:
    full_story(ledger)
    with pytest.raises(LedgerError, match="fills row f1 is in the ledger with other content"):
        ledger.record_fills(fill_of(ledger.orders().row(0, named=True), price=76000.0), NOW)


def test_the_words_of_a_known_proposal_stay(ledger: Ledger) -> None:
    ledger.record_proposals(proposals(), NOW)
    assert ledger.record_proposals(proposals({"rationale": "other words"}), NOW) == 0
    assert ledger.proposals()["rationale"].to_list() == ["open"]


def test_a_fill_of_an_unknown_order_is_refused(ledger: Ledger) -> None:
    order = {"order_id": "nothing", "contract": "DI1F27", "instrument": "DI1_2Y", "quantity": 1}
    with pytest.raises(LedgerError, match="fills: row refused: FOREIGN KEY"):
        ledger.record_fills(fill_of(order), NOW)
    assert ledger.journal().is_empty()


def test_rows_of_another_shape_are_refused(ledger: Ledger) -> None:
    with pytest.raises(LedgerError, match="proposals: columns shares, gain_if are missing"):
        ledger.record_proposals(proposals().drop("shares", "gain_if"), NOW)


def test_times_without_a_zone_are_refused(ledger: Ledger) -> None:
    with pytest.raises(ValueError, match="has no time zone"):
        ledger.record_proposals(proposals(), NOW.replace(tzinfo=None))
    assert ledger.journal().is_empty()


# decisions


def test_approved_proposals_wait_for_their_order_once(ledger: Ledger) -> None:
    ledger.record_proposals(proposals({}, {"proposal_id": "ff00ff00ff00", "contract": "DI1F28"}), NOW)
    ledger.decide("ab12", "modify", "Ana", "half", NOW, quantity=60, limit_level=0.148)
    ledger.decide("ff00", "reject", "Ana", "no", NOW)
    pending = ledger.pending_approvals()
    columns = ("proposal_id", "quantity", "limit_level", "approved_by")
    assert pending.select(columns).rows() == [(PID, 60, 0.148, "Ana")]
    ledger.record_orders(orders_from(pending), NOW)
    assert ledger.pending_approvals().is_empty()
    assert ledger.orders(session=date(2025, 2, 10))["quantity"].to_list() == [60]
    assert ledger.orders(session=date(2025, 2, 11)).is_empty()


def test_orders_without_a_fill(ledger: Ledger) -> None:
    ledger.record_proposals(proposals(), NOW)
    ledger.decide(PID, "approve", "Ana", "", NOW)
    ledger.record_orders(orders_from(ledger.pending_approvals()), NOW)
    assert ledger.orders(unfilled=True).height == 1
    assert ledger.orders(upto=date(2025, 2, 7)).is_empty()
    ledger.record_fills(fill_of(ledger.orders().row(0, named=True)), NOW)
    assert ledger.orders(unfilled=True).is_empty()
    assert ledger.fills(upto=date(2025, 2, 10)).is_empty()
    filled = ledger.fills(upto=date(2025, 2, 11)).row(0, named=True)
    assert (filled["proposal_id"], filled["shares"]) == (PID, proposal()["shares"])


def test_status_follows_decision_and_time(ledger: Ledger) -> None:
    ids = [f"{i}a{i}b{i}c{i}d{i}e{i}f" for i in range(4)]
    ledger.record_proposals(
        proposals(*({"proposal_id": p, "contract": f"DI1F{30 + i}"} for i, p in enumerate(ids))), NOW
    )
    ledger.decide(ids[0], "approve", "Ana", "", NOW)
    ledger.decide(ids[1], "reject", "Ana", "too early", NOW)
    ledger.decide(ids[2], "modify", "Ana", "", NOW, quantity=10)
    before, after = utc(2025, 2, 10, 20, 59), utc(2025, 2, 10, 21)
    expected = dict(zip(ids, ["approved", "rejected", "modified", "proposed"], strict=True))
    assert dict(ledger.proposals(at=before).select("proposal_id", "status").iter_rows()) == expected
    assert dict(ledger.proposals(at=after).select("proposal_id", "status").iter_rows()) == expected | {
        ids[3]: "expired"
    }
    assert ledger.proposals(status="rejected")["note"].to_list() == ["too early"]
    assert ledger.proposal(ids[3], at=after)["status"] == "expired"
    assert ledger.proposals(session=date(2025, 2, 11)).is_empty()


def test_the_same_decision_sent_again_is_the_same_decision(ledger: Ledger) -> None:
    ledger.record_proposals(proposals(), NOW)
    first = ledger.decide(PID, "approve", "Ana", "x", NOW)
    assert ledger.decide(PID, "approve", "Ana", "x", NOW) == first
    assert ledger.journal().height == 2


LATE = utc(2025, 2, 10, 21)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((PID, "reject", "Ana", " ", NOW), "a rejection needs a note that says why"),
        ((PID, "modify", "Ana", "", NOW), "modify needs a quantity"),
        ((PID, "approve", " ", "", NOW), "who decides\\? Give a person's name"),
        ((PID, "approve", "Ana", "", LATE), "expired at 2025-02-10 18:00 Sao Paulo; decide on the next session's"),
        ((PID, "reject", "Ana", "no", LATE), "expired at 2025-02-10 18:00"),
        ((PID, "sell", "Ana", "", NOW), "action 'sell' is unknown; allowed: approve, reject, modify"),
        (("ab12cd34ef57", "approve", "Ana", "", NOW), "no proposal 'ab12cd34ef57': did you mean ab12cd34ef56\\?"),
        (("zzz", "approve", "Ana", "", NOW), "no proposal 'zzz': `macro-fund proposals list --all` shows"),
        (("", "approve", "Ana", "", NOW), "no proposal ''"),
        (("ab", "approve", "Ana", "", NOW), "'ab' fits 2 proposals: .*; type more digits"),
    ],
)
def test_a_wrong_decision_is_refused_with_its_reason(ledger: Ledger, arguments: tuple[Any, ...], words: str) -> None:
    ledger.record_proposals(proposals({}, {"proposal_id": "abffffffffff", "contract": "DI1F28"}), NOW)
    with pytest.raises(LedgerError, match=words):
        ledger.decide(*arguments)
    assert ledger.journal().height == 2


@pytest.mark.parametrize(
    ("action", "extra", "words"),
    [
        ("approve", {"quantity": 60}, "approve takes no quantity; use modify"),
        ("reject", {"limit_level": 0.14}, "reject takes no limit"),
        ("modify", {"quantity": 0}, "another side or nothing"),
        ("modify", {"quantity": -60}, r"is \+120 contracts .* -60 is another side"),
    ],
)
def test_quantities_and_limits_where_they_do_not_belong(
    ledger: Ledger, action: Any, extra: dict[str, Any], words: str
) -> None:
    ledger.record_proposals(proposals(), NOW)
    with pytest.raises(LedgerError, match=words):
        ledger.decide(PID, action, "Ana", "note", NOW, **extra)


def test_a_decision_is_final(ledger: Ledger) -> None:
    ledger.record_proposals(proposals(), NOW)
    ledger.decide(PID, "approve", "Ana", "", NOW)
    with pytest.raises(LedgerError, match="was approved by Ana at 2025-02-10 10:00 Sao Paulo; a decision is final"):
        ledger.decide(PID, "reject", "Bia", "changed my mind", utc(2025, 2, 10, 14))


def test_one_contract_is_not_approved_twice_in_a_session(ledger: Ledger) -> None:
    ledger.record_proposals(proposals({}, {"proposal_id": "ff00ff00ff00", "quantity": 130}), NOW)
    ledger.decide(PID, "approve", "Ana", "", NOW)
    with pytest.raises(LedgerError, match="ab12cd34ef56 was approved for DI1F27 in the same session already"):
        ledger.decide("ff00", "approve", "Ana", "", NOW)
    assert ledger.decide("ff00", "reject", "Ana", "superseded", NOW)["action"] == "reject"


def test_an_unknown_status_is_refused(ledger: Ledger) -> None:
    with pytest.raises(LedgerError, match="status 'open' is unknown; allowed: proposed, approved"):
        ledger.proposals(status="open")


# tampering


@pytest.mark.parametrize(
    ("statements", "words"),
    [
        (
            ["UPDATE journal SET body = replace(body, '120', '121') WHERE seq = 1"],
            "entry 1 .*: its content was changed",
        ),
        (["UPDATE journal SET at = '2025-02-09 13:00:00.000000' WHERE seq = 3"], "entry 3 .*: its content was changed"),
        (["DELETE FROM journal WHERE seq = 2"], "entry 2 is missing: deleted before journal entry 3"),
        (["DELETE FROM journal WHERE seq IN (2, 3)"], "entries 2 to 3 are missing"),
        (["DELETE FROM journal WHERE seq = 1"], "entry 1 is missing"),
        (["DELETE FROM journal WHERE seq = 5"], "fills row f1 has no journal entry"),
        (
            ["DELETE FROM journal WHERE seq = 2", "UPDATE journal SET seq = seq - 1 WHERE seq > 2"],
            "entry 2 .* does not follow entry 1",
        ),
        (
            [
                "UPDATE journal SET seq = 99 WHERE seq = 2",
                "UPDATE journal SET seq = 2 WHERE seq = 3",
                "UPDATE journal SET seq = 3 WHERE seq = 99",
            ],
            "entry 2 .* is out of order: it was written after entry 3, not 1",
        ),
        (["UPDATE fills SET quantity = 121"], "fills row f1 differs from journal entry 5"),
        (["UPDATE decisions SET person = 'Bia'"], "decisions row .* differs from journal entry 3"),
        (["UPDATE fills SET cost_brl = '0.01'"], "fills row f1 differs from journal entry 5"),
        (["DELETE FROM fills"], "fills row f1 was deleted: journal entry 5 describes it"),
    ],
)
def test_tampering_is_found_and_located(ledger: Ledger, path: Path, statements: list[str], words: str) -> None:
    full_story(ledger)
    assert ledger.verify_journal() == []
    tamper(path, *statements)
    problems = ledger.verify_journal()
    assert len([p for p in problems if pl.Series([p]).str.contains(words).item()]) == 1, problems
    assert len(problems) <= 3  # located, not everything after it


def test_a_rewritten_entry_with_a_fresh_hash_breaks_the_chain(ledger: Ledger, path: Path) -> None:
    full_story(ledger)
    import hashlib

    entry = ledger.journal().row(2, named=True)
    body = entry["body"].replace("Ana", "Bia")
    text = canonical_json({"at": entry["at"], "kind": entry["kind"], "ref": entry["ref"], "body": body})
    fresh = hashlib.sha256((entry["prev_hash"] + text).encode()).hexdigest()
    tamper(path, f"UPDATE journal SET body = '{body}', hash = '{fresh}' WHERE seq = 3")
    assert any("entry 4" in p and "does not follow entry 3" in p for p in ledger.verify_journal())


def test_the_chain_starts_from_zeros_and_its_hash_is_the_documented_one(ledger: Ledger) -> None:
    import hashlib

    assert ledger.journal_head() == (0, "0" * 64)
    ledger.record_proposals(proposals(), NOW)
    entry = ledger.journal().row(0, named=True)
    text = canonical_json({k: entry[k] for k in ("at", "kind", "ref", "body")})
    assert entry["hash"] == hashlib.sha256(("0" * 64 + text).encode()).hexdigest()
    assert ledger.journal_head() == (1, entry["hash"])


# crashes and concurrency

WRITER = """
    import sys
    from datetime import timedelta
    from macro_fund.store.ledger import open_ledger
    from macro_fund_tests.pms.builders import proposals, utc
    ledger = open_ledger(sys.argv[1])
    print("ready", flush=True)
    for n in range(10_000):
        rows = [{"proposal_id": f"{sys.argv[2]}{n:05d}{i:03d}", "contract": f"DI1F{i:02d}"} for i in range(25)]
        ledger.record_proposals(proposals(*rows), utc(2025, 2, 10) + timedelta(seconds=n))
"""


def _writer(path: Path, name: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", textwrap.dedent(WRITER), f"sqlite:///{path}", name]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


@pytest.mark.parametrize("delay", [0.05, 0.21])
def test_a_process_killed_while_recording_leaves_whole_transactions(path: Path, delay: float) -> None:
    path.parent.mkdir()
    writer = _writer(path, "a")
    assert writer.stdout is not None
    assert writer.stdout.readline() == "ready\n"
    time.sleep(delay)
    writer.send_signal(signal.SIGKILL)
    writer.wait()
    ledger = open_ledger(f"sqlite:///{path}")
    written = ledger.proposals().height
    assert written % 25 == 0
    assert ledger.journal().height == written
    assert ledger.verify_journal() == []
    assert ledger.record_proposals(proposals({"proposal_id": "afterwards"}), NOW) == 1


@pytest.mark.parametrize("moment", ["INSERT INTO proposals", "INSERT INTO journal"])
def test_a_process_killed_inside_a_transaction_leaves_none_of_it(ledger: Ledger, path: Path, moment: str) -> None:
    """The process dies right after the statement, before the commit."""
    ledger.record_proposals(proposals(), NOW)
    code = f"""
        import os, signal
        import sqlalchemy as sa
        from macro_fund.store.ledger import open_ledger
        from macro_fund_tests.pms.builders import proposals, utc
        ledger = open_ledger("sqlite:///{path}")
        def die(conn, cursor, statement, *rest):
            if statement.startswith("{moment}"):
                os.kill(os.getpid(), signal.SIGKILL)
        sa.event.listen(ledger._engine, "after_cursor_execute", die)
        ledger.record_proposals(proposals({{"proposal_id": "ff00", "contract": "DI1F28"}}), utc(2025, 2, 10))
    """
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(code)], check=False)
    assert done.returncode == -signal.SIGKILL
    assert ledger.proposals()["proposal_id"].to_list() == [PID]
    assert ledger.journal().height == 1
    assert ledger.verify_journal() == []


def test_two_processes_share_one_chain(path: Path) -> None:
    """They also race to create the ledger."""
    path.parent.mkdir()
    writers = [_writer(path, name) for name in "ab"]
    try:
        for w in writers:
            assert w.stdout is not None
            assert w.stdout.readline() == "ready\n"
        ledger = open_ledger(f"sqlite:///{path}")
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            seen = set(ledger.proposals()["proposal_id"].str.slice(0, 1))
            if seen == {"a", "b"}:
                break
    finally:
        for w in writers:
            w.kill()
            w.wait()
    assert seen == {"a", "b"}
    assert ledger.verify_journal() == []


def _open_together(paths: list[Path], barrier: Any, failed: Any) -> None:
    for path in paths:
        barrier.wait(30)
        try:
            ledger_open.engine_for(f"sqlite:///{path}").connect().close()
        except sa.exc.OperationalError as error:
            failed.put(str(error.orig))


def test_processes_that_make_one_file_at_once_all_get_it(tmp_path: Path) -> None:
    """SQLite refuses the switch to write-ahead logging while another process makes it; one in seven failed here."""
    context = multiprocessing.get_context("fork")
    barrier, failed = context.Barrier(4), context.Queue()
    paths = [tmp_path / f"{n}.sqlite" for n in range(40)]
    workers = [context.Process(target=_open_together, args=(paths, barrier, failed)) for _ in range(4)]
    for w in workers:
        w.start()
    for w in workers:
        w.join(60)
    assert [w.exitcode for w in workers] == [0] * 4
    assert failed.empty()


# content ids


def test_canonical_json_is_one_text_for_one_content() -> None:
    value = {"b": Decimal("1.50"), "a": [date(2025, 2, 10), utc(2025, 2, 10)], "c": 0.1}
    assert canonical_json(value) == '{"a":["2025-02-10","2025-02-10T13:00:00+00:00"],"b":"1.50","c":0.1}'
    assert content_id({"a": 1, "b": 2}) == content_id({"b": 2, "a": 1}) != content_id({"a": 1, "b": 3})


@pytest.mark.parametrize("value", [float("nan"), NOW.replace(tzinfo=None), {1, 2}])
def test_content_without_a_canonical_form_is_refused(value: object) -> None:
    with pytest.raises(ValueError, match=r"canonical form|time zone|not JSON compliant"):
        canonical_json([value])


@pytest.mark.skipif(POSTGRES is None, reason="MACRO_FUND_TEST_POSTGRES (an empty database's URL) is not set")
def test_the_same_on_postgres() -> None:
    ledger = open_ledger(str(POSTGRES))
    assert ledger.journal().is_empty(), "the database must be empty"
    full_story(ledger)
    full = [ledger.proposals().height, ledger.orders().height, ledger.fills().height, ledger.journal().height]
    assert full == [2, 1, 1, 5]
    assert ledger.fills()["cost_brl"].to_list() == [Decimal("871.95")]
    assert open_ledger(str(POSTGRES)).verify_journal() == []
    for statement in ("UPDATE fills SET quantity = 1", "DELETE FROM journal", "TRUNCATE proposals CASCADE"):
        with ledger._write() as conn, pytest.raises(sa.exc.DBAPIError, match="append-only"):
            conn.execute(sa.text(statement))
