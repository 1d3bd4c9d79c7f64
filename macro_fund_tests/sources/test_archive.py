"""The raw archive: content addresses, replay by time, damage and sudden death."""

from __future__ import annotations

import hashlib
import signal
import subprocess
import sys
import threading
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from macro_fund.settings import Source
from macro_fund.sources.http import Http, Payload, Reply, Request, SourceError
from macro_fund.store.archive import Archive, ArchiveError, ReplayArchiveTransport

REPO = Path(__file__).resolve().parents[2]
NOON = datetime(2021, 6, 7, 12, tzinfo=UTC)
ASK = Request("bcb_sgs", "GET", "https://api.bcb.gov.br/x?$a='1'", "SGS 433", ("br_ipca_mom",))


def payload(body: bytes, at: datetime = NOON, request: Request = ASK, status: int = 200) -> Payload:
    return Payload(request, status, body, at, hashlib.sha256(body).hexdigest())


def files(root: Path) -> list[str]:
    return sorted(p.relative_to(root).as_posix() for p in root.rglob("*.zst"))


def test_a_body_is_compressed_and_found_by_its_content(tmp_path: Path) -> None:
    archive = Archive(tmp_path)
    archive.put(payload(b"abc" * 1000))
    address = hashlib.sha256(b"abc" * 1000).hexdigest()
    assert files(tmp_path) == [f"{address[:2]}/{address}.zst"]
    assert (tmp_path / files(tmp_path)[0]).stat().st_size < 100
    assert archive.body(address) == b"abc" * 1000
    assert archive.problems() == []
    assert not list(tmp_path.rglob("*.tmp"))


def test_keeping_the_same_answer_again_changes_nothing(tmp_path: Path) -> None:
    archive = Archive(tmp_path)
    for _ in range(3):
        archive.put(payload(b"one"))
    archive.put(payload(b"one", NOON + timedelta(days=1)))
    assert archive.count() == 2
    assert len(files(tmp_path)) == 1


def test_the_latest_answer_up_to_a_moment(tmp_path: Path) -> None:
    archive = Archive(tmp_path)
    archive.put(payload(b"new", NOON + timedelta(hours=2)))
    archive.put(payload(b"broken", NOON, status=500))
    archive.put(payload(b"old", NOON))
    archive.put(payload(b"other", NOON, Request("bcb_sgs", "GET", ASK.url + "&b", "x", ())))
    archive.put(payload(b"posted", NOON, Request("bcb_sgs", "POST", ASK.url, "x", (), body=b"q")))
    for hours, body in ((0, b"old"), (1, b"old"), (2, b"new"), (99, b"new")):
        answer = archive.latest(ASK, NOON + timedelta(hours=hours))
        assert answer is not None
        assert answer.body == body
    assert archive.latest(ASK, NOON - timedelta(microseconds=1)) is None
    after = archive.first_after(ASK, NOON)
    assert after is not None
    assert after.fetched_at == NOON + timedelta(hours=2)


def test_an_answer_kept_twice_stays_in_its_place(tmp_path: Path) -> None:
    """A key that is run again with a frozen clock fails and recovers as before: the good answer stays the last."""
    archive = Archive(tmp_path)
    for _ in range(2):
        archive.put(payload(b"broken", status=500))
        archive.put(payload(b"good"))
    archive.put(payload(b"broken", status=500))
    answer = archive.latest(ASK, NOON)
    assert answer is not None
    assert answer.body == b"good"


def test_replay_gives_the_recorded_answers_back_through_http(tmp_path: Path) -> None:
    archive = Archive(tmp_path)
    archive.put(payload(b"no", NOON, status=404))
    archive.close()
    transport = ReplayArchiveTransport(Archive(tmp_path, read_only=True), NOON)
    http = Http(transport, {"bcb_sgs": Source(min_interval_s=1)}, None, lambda: NOON)
    assert (http.fetch(ASK).status, http.fetch(ASK).body) == (404, b"no")


def test_replay_before_the_first_answer_gives_the_first_and_names_what_was_never_asked(tmp_path: Path) -> None:
    archive = Archive(tmp_path)
    archive.put(payload(b"first", NOON))
    archive.put(payload(b"second", NOON + timedelta(hours=2)))
    before = ReplayArchiveTransport(archive, NOON - timedelta(days=1))
    assert before.send(ASK, 1).body == b"first"
    assert ReplayArchiveTransport(archive, NOON + timedelta(hours=3)).send(ASK, 1).body == b"second"
    with pytest.raises(SourceError, match="this was never asked"):
        before.send(Request("b3", "GET", "https://b3/", "B3", ()), 1)


def test_damage_is_named(tmp_path: Path) -> None:
    archive = Archive(tmp_path)
    for body in (b"one", b"two", b"three"):
        archive.put(payload(body))
    paths = {
        b: tmp_path / hashlib.sha256(b).hexdigest()[:2] / f"{hashlib.sha256(b).hexdigest()}.zst"
        for b in (b"one", b"two", b"three")
    }
    paths[b"one"].unlink()
    paths[b"two"].write_bytes(b"garbage")
    paths[b"three"].write_bytes(Archive(tmp_path / "other")._compressor.compress(b"forged"))
    found = archive.problems()
    assert len(found) == 3
    assert [sum(word in p for p in found) for word in ("missing", "damaged", "does not match")] == [1, 1, 1]
    with pytest.raises(ArchiveError, match="restore it from a backup"):
        archive.body(hashlib.sha256(b"one").hexdigest())


def test_a_body_that_power_loss_emptied_is_written_again(tmp_path: Path) -> None:
    archive = Archive(tmp_path)
    archive.put(payload(b"one"))
    (tmp_path / files(tmp_path)[0]).write_bytes(b"")
    archive.put(payload(b"one"))
    assert archive.problems() == []


def test_reading_needs_an_archive_and_never_writes(tmp_path: Path) -> None:
    with pytest.raises(ArchiveError, match=r"is not a raw archive \(no index.sqlite\)"):
        Archive(tmp_path / "nothing", read_only=True)
    assert not (tmp_path / "nothing").exists()
    Archive(tmp_path).close()
    with pytest.raises(ArchiveError, match="read only"):
        Archive(tmp_path, read_only=True).put(payload(b"x"))


def test_threads_share_an_archive(tmp_path: Path) -> None:
    archive = Archive(tmp_path)

    def write(n: int) -> None:
        for i in range(50):
            archive.put(payload(f"{i % 7}".encode(), NOON + timedelta(seconds=100 * n + i)))

    threads = [threading.Thread(target=write, args=(n,)) for n in range(4)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert (archive.count(), len(files(tmp_path)), archive.problems()) == (200, 7, [])


WRITER = """
import hashlib, os, sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from macro_fund.sources.http import Payload, Request
from macro_fund.store.archive import Archive
archive = Archive(Path(sys.argv[1]))
print("ready", flush=True)
for i in range(10**6):
    body = os.urandom(20_000)
    ask = Request("b3", "GET", f"https://b3/{i}", "B3", ())
    archive.put(Payload(ask, 200, body, datetime(2021, 1, 4, tzinfo=UTC), hashlib.sha256(body).hexdigest()))
"""


def test_a_killed_writer_leaves_a_whole_archive_that_goes_on(tmp_path: Path) -> None:
    writer = subprocess.Popen([sys.executable, "-c", WRITER, str(tmp_path)], cwd=REPO, stdout=subprocess.PIPE)
    assert writer.stdout is not None
    assert writer.stdout.readline() == b"ready\n"
    deadline = time.monotonic() + 20
    while len(files(tmp_path)) < 50 and time.monotonic() < deadline:
        time.sleep(0.01)
    writer.send_signal(signal.SIGKILL)
    writer.communicate()
    archive = Archive(tmp_path)
    kept = archive.count()
    assert kept >= 49
    assert archive.problems() == []
    archive.put(payload(b"after"))
    assert archive.count() == kept + 1
    with pytest.raises(SourceError, match="never asked"):
        ReplayArchiveTransport(archive, NOON).send(Request("b3", "GET", "https://b3/999999", "B3", ()), 1)
    reply = ReplayArchiveTransport(archive, NOON).send(Request("b3", "GET", "https://b3/3", "B3", ()), 1)
    assert isinstance(reply, Reply)
    assert len(reply.body) == 20_000
