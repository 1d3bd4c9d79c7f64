"""The journal: its hashes, what is found of tampering and where, the export, the verifier that runs alone, crashes and
concurrent writers."""

from __future__ import annotations

import ast
import contextlib
import json
import multiprocessing
import re
import shutil
import signal
import string
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from macro_fund.settings import CONFIG_DIR
from macro_fund.store import ledger_open, verify_journal
from macro_fund.store.ledger import Ledger, LedgerError, open_ledger
from macro_fund.store.ledger_tables import KINDS, Money, UtcTime
from macro_fund.store.verify_journal import Head, chain_problems, link, main, parse_head, read_entries
from macro_fund_tests.pms.builders import proposals, utc
from macro_fund_tests.store import tampering
from macro_fund_tests.store.old_ledger import propose_without_fields
from macro_fund_tests.store.stories import (
    LATER,
    NOW,
    OTHER,
    PID,
    every_kind,
    full_story,
    killed_after,
    run_sql,
    start,
    trial,
)

PAGE = (CONFIG_DIR.parent / "docs" / "runbooks" / "journal.md").read_text(encoding="utf-8")
SCRIPT = Path(verify_journal.__file__)

# hashes


def test_the_chain_starts_from_zeros_and_its_hash_is_the_documented_one(ledger: Ledger) -> None:
    assert ledger.journal_head() == (0, "0" * 64)
    ledger.record_proposals(proposals(), NOW)
    entry = ledger.journal().row(0, named=True)
    assert (entry["seq"], entry["prev_hash"], entry["hash"]) == (1, "0" * 64, tampering.digest_of(entry))
    assert ledger.journal_head() == (1, entry["hash"])


def test_a_ledger_that_version_0_6_wrote_still_verifies(ledger: Ledger) -> None:
    """The hash of entry 8 as version 0.6.0 computed it, over a row of every kind that it knew."""
    propose_without_fields(ledger, NOW, {}, {"proposal_id": OTHER, "contract": "DI1F28"})
    every_kind(ledger)
    eighth = ledger.journal().row(7, named=True)
    assert eighth["hash"] == "90768cd0fb5d4f1a3b385cd2d3cb949d4dd62aa768412981388adaa96d392838"
    assert ledger.verify_journal(Head(8, eighth["hash"])) == []


TEXT = st.text('aZ0 "\\/\n\x00\x7f\u00e3\u2028\ud800\U0001f600{}', max_size=20)


@given(TEXT, TEXT, TEXT)
@settings(max_examples=60)
def test_the_hash_is_that_of_canonical_json(body: str, kind: str, ref: str) -> None:
    entry = {"at": NOW, "kind": kind, "ref": ref, "body": body, "prev_hash": "a" * 64}
    assert link("a" * 64, NOW.isoformat(), kind, ref, body) == tampering.digest_of(entry)


def test_rows_are_compared_as_stored_for_every_type_that_there_is() -> None:
    """A type whose stored form is not that of canonical JSON needs a conversion in journal.py (a Boolean is 0 or 1)."""
    known = {sa.String, sa.Text, sa.BigInteger, sa.Integer, sa.Double, sa.Date, sa.JSON, UtcTime, Money}
    assert {type(c.type) for table, _ in KINDS.values() for c in table.c} <= known


# tampering

DATABASE_WORDS = {
    "An entry's body is changed": "entry 1 .*: its content was changed",
    "An entry's time is changed": "entry 3 .*: its content was changed",
    "An entry is deleted": "entry 2 is missing: deleted before journal entry 3",
    "Two entries are deleted": "entries 2 to 3 are missing",
    "The first entry is deleted": "entry 1 is missing",
    "The last entry is deleted": "fills row f1 has no journal entry",
    "An entry is deleted and the others numbered anew": "entry 2 .* does not follow entry 1",
    "Two entries change places": "entry 2 .* is out of order: it was written after entry 3, not 1",
    "A forged entry is inserted, the others numbered anew": "entry 4 .* after entry 2, not 3; what stands between was",
    "A forged entry is appended": "entry 6 .* is of a kind that this version does not know: it was inserted",
    "An entry is appended a second time": "entry 6 .* describes the same row as entry 5",
    "An entry is rewritten with a hash that fits it": "entry 4 .* does not follow entry 3",
    "A row is changed": "fills row f1 differs from journal entry 5",
    "A row's money is changed": "fills row f1 differs from journal entry 5",
    "A row's time is changed": "fills row f1 differs from journal entry 5",
    "A row is deleted": "fills row f1 was deleted: journal entry 5 describes it",
    "A row is added without an entry": "proposals row forged has no journal entry",
    "The last row and its entry are deleted; the head was noted": "ends with entry 4, but entry 5 was noted",
    "A row, its entry and every hash after it are rewritten; the head was noted": "entry 5 has another hash than",
}
FILE_WORDS = {
    "A character of an entry is changed": "entry 5 .*: its content was changed",
    "A line is deleted": "entry 3 is missing: deleted before journal entry 4",
    "Two lines change places": "entry 2 .* stands after entry 3: line 3 is out of order",
    "A line is there twice": "entry 3 .* is there 2 times",
    "A forged entry takes a number that is taken": "entry 3 .* is there 2 times",
    "The last lines are deleted; the head was noted": "ends with entry 3, but entry 5 was noted",
    "An entry and every hash after it are rewritten; the head was noted": "entry 5 has another hash than",
    "The file is cut off in a line": "line 5 is not a journal entry: it is cut off or no JSON",
    "A line is made unreadable": "line 2 is not a journal entry: its seq is not a whole number",
    "The file is emptied": "is empty: an export has a line for each entry",
}


@pytest.mark.parametrize("name", tampering.DATABASE)
def test_tampering_with_the_database_is_found_and_located(url: str, name: str) -> None:
    said = tampering.said_of_database(url, name)
    assert len([p for p in said if re.search(DATABASE_WORDS[name], p)]) == 1, said
    assert len(said) <= 3  # located, not everything after it
    assert tampering.table_line(name, said) in PAGE, "python -m macro_fund_tests.store.tampering prints the table"


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Head]:
    folder = tmp_path_factory.mktemp("exported")
    return tampering.exported(f"sqlite:///{folder}/ledger.sqlite", folder)


@pytest.mark.parametrize("name", tampering.FILE)
def test_tampering_with_an_exported_file_is_found_and_located(exported: tuple[Path, Head], name: str) -> None:
    said = tampering.said_of_file(*exported, name)
    assert len(said) == 1
    assert re.search(FILE_WORDS[name], said[0])
    assert tampering.table_line(name, said) in PAGE, "python -m macro_fund_tests.store.tampering prints the table"


@pytest.mark.parametrize("kind", ["sqlite"], indirect=True)
@pytest.mark.parametrize(
    ("statement", "words"),
    [
        ("UPDATE journal SET at = 'never' WHERE seq = 2", "entry 2 .*: its content was changed"),
        ("UPDATE journal SET body = x'00ff' WHERE seq = 2", "entry 2 .*: its content was changed"),
        ("UPDATE journal SET seq = 'two' WHERE seq = 2", "a journal entry has the number 'two': it was changed"),
        ("UPDATE fills SET cost_brl = 'much'", "fills row f1 differs from journal entry 5"),
        ("UPDATE fills SET recorded_at = 'never'", "fills row f1 differs from journal entry 5"),
        ("UPDATE fills SET price = 9e999", "fills row f1 differs from journal entry 5"),
        ("UPDATE fills SET contract = x'00'", "fills row f1 differs from journal entry 5"),
        ("UPDATE proposals SET shares = '{' WHERE contract = 'DI1F28'", "row ff00ff00ff00 differs from .* entry 2"),
    ],
)
def test_what_no_column_should_hold_is_located_too(ledger: Ledger, url: str, statement: str, words: str) -> None:
    """SQLite keeps anything in any column."""
    full_story(ledger)
    run_sql(url, statement, unlocked=True)
    said = ledger.verify_journal()
    assert len([p for p in said if re.search(words, p)]) == 1, said


CHAIN = tampering.chained(
    [{"at": NOW.isoformat(), "kind": "note", "ref": f"r{i}", "body": f'{{"a":{i},"b":"x"}}'} for i in range(1, 7)]
)
LINES = tampering.text_of(CHAIN).splitlines(keepends=True)


def said_of(lines: list[str], noted: Head | None = None) -> list[str]:
    entries, found, unread = read_entries(lines)
    return found + chain_problems(entries, noted, unread)


@given(st.integers(0, 5), st.data())
@settings(max_examples=150)
def test_any_changed_character_is_located(index: int, data: st.DataObject) -> None:
    line = LINES[index].rstrip("\n")
    place = data.draw(st.integers(0, len(line) - 1))
    other = data.draw(st.sampled_from(sorted(set(string.printable) - {line[place]})))
    changed = line[:place] + other + line[place + 1 :]
    with contextlib.suppress(ValueError):
        assume(json.loads(changed) != json.loads(line))
    said = said_of([*LINES[:index], changed, *LINES[index + 1 :]])
    # A last entry that says it is another one is told under the number that it gives, with its own id.
    assert any(re.search(rf"(entry|entries|line) {index + 1}\b|\(note r{index + 1}\)", p) for p in said), said


@given(st.permutations(range(6)), st.integers(1, 6))
@settings(max_examples=60)
def test_any_other_order_or_selection_of_lines_is_found(order: list[int], count: int) -> None:
    chosen = order[:count]
    head = Head(6, CHAIN[-1]["hash"])
    assert (said_of([LINES[i] for i in chosen], head) == []) == (chosen == [0, 1, 2, 3, 4, 5])
    assert (said_of([LINES[i] for i in chosen]) == []) == (chosen == list(range(count)))


# export and the verifier that runs alone


def test_the_export_is_the_same_bytes_from_both_databases(
    ledger: Ledger, exported: tuple[Path, Head], tmp_path: Path
) -> None:
    full_story(ledger)
    first, second = tmp_path / "a.jsonl", tmp_path / "new" / "b.jsonl"
    assert ledger.export_journal(first) == ledger.export_journal(second) == ledger.journal_head() == exported[1]
    assert first.read_bytes() == second.read_bytes() == exported[0].read_bytes()
    lines = [json.loads(line) for line in first.read_text().splitlines()]
    assert [set(e) for e in lines] == [{"seq", "at", "kind", "ref", "body", "prev_hash", "hash"}] * 5
    assert [p.name for p in tmp_path.glob("*.jsonl")] == ["a.jsonl"]
    ledger.record_trials([trial()], NOW)
    ledger.export_journal(first)
    assert first.read_bytes().startswith(second.read_bytes())


def test_an_export_that_cannot_be_is_refused(tmp_path: Path) -> None:
    ledger = open_ledger(f"sqlite:///{tmp_path}/ledger.sqlite")
    with pytest.raises(LedgerError, match="the journal is empty, so nothing was written"):
        ledger.export_journal(tmp_path / "a.jsonl")
    assert not (tmp_path / "a.jsonl").exists()
    ledger.record_trials([trial()], NOW)
    with pytest.raises(LedgerError, match=r"cannot be written: .*; choose another place"):
        ledger.export_journal(tmp_path / "ledger.sqlite" / "a.jsonl")
    ledger.close()


def alone(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a copy of the verifier without site packages, environment or the fund."""
    copy = shutil.copy(SCRIPT, folder / "verify_journal.py")
    command = [sys.executable, "-I", "-S", str(copy), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=folder)


def test_the_verifier_runs_alone(exported: tuple[Path, Head], tmp_path: Path) -> None:
    file, head = exported
    ours = shutil.copy(file, tmp_path)
    sound = alone(tmp_path, str(ours), "--head", str(head))
    assert (sound.returncode, sound.stdout) == (0, f"The journal is intact: 5 entries, head {head}.\n")
    Path(ours).write_text(file.read_text().replace('"ref":"f1"', '"ref":"f2"'))
    forged = alone(tmp_path, str(ours))
    assert (forged.returncode, forged.stdout) == (1, "")
    assert forged.stderr.startswith("error: journal entry 5 (fill f2): its content was changed")


def test_the_verifier_needs_the_standard_library_only() -> None:
    tree = ast.parse(SCRIPT.read_text(encoding="utf-8"))
    names = {a.name for n in ast.walk(tree) if isinstance(n, ast.Import) for a in n.names}
    names |= {str(n.module) for n in ast.walk(tree) if isinstance(n, ast.ImportFrom)}
    assert {n.split(".")[0] for n in names} <= sys.stdlib_module_names


@pytest.mark.parametrize(
    ("content", "head", "words"),
    [
        (b"", None, "is empty: an export has a line for each entry; export the journal again"),
        (b"\xff\xfe", None, "cannot be read: it is not UTF-8 text"),
        (None, None, "cannot be read: No such file or directory"),
        (b"[1]\n", None, "line 1 is not a journal entry: it must have exactly seq, at, kind"),
        (b"\n", None, "line 1 is not a journal entry: it is cut off or no JSON"),
        (LINES[0].replace('"seq":1', '"seq":true').encode(), None, "line 1 .*: its seq is not a whole number from 1"),
        (LINES[0].replace('"ref":"r1"', '"ref":1').encode(), None, "line 1 .*: all but its seq must be text"),
        (LINES[0].encode(), "5", "the head '5' is not N:HASH; give the number and the 64 digits"),
        (LINES[0].encode(), f"x:{'0' * 64}", "is not N:HASH"),
        (LINES[0].encode(), f"1:{'A' * 64}", "is not N:HASH"),
        (LINES[0].encode(), f"1:{'a' * 64}", "entry 1 has another hash than the head that was noted"),
    ],
)
def test_a_file_or_a_head_that_is_none_gets_one_clear_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], content: bytes | None, head: str | None, words: str
) -> None:
    file = tmp_path / "journal.jsonl"
    if content is not None:
        file.write_bytes(content)
    assert main([str(file), *(["--head", head] if head else [])]) == 1
    said = capsys.readouterr().err.splitlines()
    assert len(said) == 1
    assert re.search(words, said[0])


def test_an_older_head_stays_good_while_the_journal_grows(ledger: Ledger) -> None:
    full_story(ledger)
    noted = parse_head(str(ledger.journal_head()))
    ledger.record_trials([trial()], NOW)
    assert ledger.verify_journal(noted) == []
    assert ledger.verify_journal(Head(0, "0" * 64)) == []


# crashes and concurrency


@pytest.mark.parametrize(
    ("statement", "work"),
    [
        ("INSERT INTO decisions", lambda ledger: ledger.decide(PID, "approve", "Ana", "", NOW)),
        ("INSERT INTO journal", lambda ledger: ledger.decide(PID, "approve", "Ana", "", NOW)),
        ("INSERT INTO switch_events", lambda ledger: ledger.switch("throw", "Ana", "x", NOW)),
        ("INSERT INTO journal", lambda ledger: ledger.switch("throw", "Ana", "x", NOW)),
    ],
)
def test_a_process_killed_inside_a_transaction_leaves_none_of_it(
    url: str, statement: str, work: Callable[[Ledger], Any]
) -> None:
    ledger = open_ledger(url)
    ledger.record_proposals(proposals({}, {"proposal_id": OTHER, "contract": "DI1F28"}), NOW)
    killed_after(url, statement, work)
    assert [ledger.proposals(status="proposed").height, ledger.journal().height] == [2, 2]
    assert ledger.thrown() is None
    assert ledger.verify_journal() == []
    work(ledger)
    assert ledger.journal().height == 3
    assert ledger.verify_journal() == []
    ledger.close()


BATCH = 10


def _write(url: str, writer: int, batches: int) -> None:
    """Ten trials a transaction."""
    ledger = open_ledger(url)
    for n in range(batches):
        first = (writer * 100_000 + n) * BATCH
        ledger.record_trials([trial(first + i) for i in range(BATCH)], utc(2025, 2, 10) + timedelta(seconds=n))
    ledger.close()


@pytest.mark.parametrize("delay", [0.02, 0.11])
def test_a_process_killed_while_recording_leaves_whole_transactions(url: str, delay: float) -> None:
    ledger = open_ledger(url)
    writer = start(_write, url, 1, 100_000)
    while ledger.journal_head().seq == 0 and writer.is_alive():
        time.sleep(0.01)
    time.sleep(delay)
    writer.kill()
    writer.join()
    assert writer.exitcode == -signal.SIGKILL
    written = ledger.journal_head().seq
    assert written > 0
    assert (written % BATCH, ledger.trials().height) == (0, written)
    assert ledger.verify_journal() == []
    assert ledger.record_proposals(proposals({"proposal_id": "afterwards"}), NOW) == 1
    ledger.close()


def test_processes_share_one_chain_and_a_check_sees_no_half_of_it(empty_url: str) -> None:
    """They also race to create the ledger."""
    writers = [start(_write, empty_url, n, 12) for n in range(3)]
    ledger = open_ledger(empty_url)
    said = []
    while any(w.is_alive() for w in writers):
        said += ledger.verify_journal()
    assert [w.exitcode for w in writers] == [0, 0, 0]
    assert said == []
    assert ledger.journal_head().seq == ledger.trials().height == 3 * 12 * BATCH
    assert ledger.verify_journal() == []
    ledger.close()


def test_threads_share_one_chain(ledger: Ledger) -> None:
    def write(writer: int) -> None:
        for n in range(5):
            ledger.record_trials([trial(writer * 100 + n)], NOW)

    threads = [threading.Thread(target=write, args=(n,)) for n in range(4)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert ledger.journal()["seq"].to_list() == list(range(1, 21))
    assert ledger.verify_journal() == []


def test_people_who_decide_at_once_make_one_decision(ledger: Ledger) -> None:
    ledger.record_proposals(proposals(), NOW)
    said: list[str] = []

    def decide(person: str) -> None:
        try:
            ledger.decide(PID, "approve", person, "", LATER)
        except LedgerError as error:
            said.append(str(error))

    threads = [threading.Thread(target=decide, args=(person,)) for person in ("Ana", "Bia", "Cai")]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert ["a decision is final" in s for s in said] == [True, True]
    assert ledger.journal()["kind"].to_list() == ["proposal", "decision"]


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
