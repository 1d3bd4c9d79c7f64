"""The pack's files in a home: languages, paper, the reports of the close and of the week, and the message."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
import yaml

from macro_fund.home import Home
from macro_fund.orchestration.graph import NODES
from macro_fund.orchestration.passport import PACK
from macro_fund.orchestration.reports import _editions
from macro_fund.reports.alerts import read_alerts
from macro_fund.reports.delivery import VARIABLE
from macro_fund.reports.pack import DAILY, WEEKLY
from macro_fund.settings import SettingsError
from macro_fund_tests.graph import harness
from macro_fund_tests.graph.conftest import CopyHome
from macro_fund_tests.reports.english import english_left
from macro_fund_tests.reports.test_delivery import Listener, listener  # noqa: F401 (listener is a fixture)

pytestmark = pytest.mark.graph


@pytest.fixture
def home(running_home: Home, copy_home: CopyHome) -> Home:
    """The running fund, with the pack that a new fund has."""
    copy = copy_home(running_home, raw=False)
    return configured(copy, {"languages": ["en", "pt"], "pdf": True})


def configured(home: Home, pack: dict[str, object], **more: object) -> Home:
    file = home.path / "fund.yaml"
    fund = yaml.safe_load(file.read_text(encoding="utf-8")) | {"pack": pack} | more
    file.write_text(yaml.safe_dump(fund, sort_keys=False), encoding="utf-8")
    return Home.open(home.path)


def write_pack(home: Home, key: date) -> None:
    (step,) = harness.succeeded(harness.run_assets(home, [PACK], key)).steps
    assert step.failed == []


def test_languages_and_paper_change_no_number(running_home: Home, home: Home) -> None:
    last = home.lake.keys(PACK)[-1]
    write_pack(home, last)
    folder = home.path / "reports" / last.isoformat()
    names = {p.name for p in folder.iterdir()} - {"data_quality.html"}
    assert names == {
        f"{kind}{language}.{suffix}"
        for kind in ("morning_pack", "daily_report")
        for language in ("", ".pt")
        for suffix in ("html", "md", "pdf")
    }
    assert home.lake.digest(PACK, last) == running_home.lake.digest(PACK, last)
    plain = running_home.path / "reports" / last.isoformat() / "morning_pack.md"
    assert (folder / plain.name).read_bytes() == plain.read_bytes()
    once = {p.name: p.read_bytes() for p in folder.glob("*.pdf")}
    write_pack(home, last)
    assert {p.name: p.read_bytes() for p in folder.glob("*.pdf")} == once
    assert "## 10. " not in (folder / "morning_pack.pt.md").read_text(encoding="utf-8")
    assert "Narrativa" in (folder / "morning_pack.pt.md").read_text(encoding="utf-8")
    checks = {c.name for n in NODES for c in n.checks}
    for kind in ("morning_pack", "daily_report"):
        assert english_left((folder / f"{kind}.pt.md").read_text(encoding="utf-8"), {*checks, "Macro Fund"}) == set()


def test_the_week_is_told_on_the_morning_after_its_last_session() -> None:
    assert _editions(date(2024, 4, 1), date(2024, 3, 28)) == [DAILY, WEEKLY]
    assert _editions(date(2024, 4, 2), date(2024, 4, 1)) == [DAILY]
    assert _editions(date(2025, 1, 2), date(2024, 12, 30)) == [DAILY]  # one week of two years


def test_lessons_are_told_in_the_digest_of_the_week_in_which_they_were_written(home: Home) -> None:
    """The opening tells the week before it; what was written after its cut-off waits for the next digest."""
    home = configured(home, harness.PLAIN_PACK)
    first, moment = home.inception, home.sessions.as_of(home.inception)
    for hours, kind, words in ((-1, "lesson", "thin day"), (-1, "note", "only noted"), (-240, "lesson", "weeks ago"),
                               (1, "lesson", "not yet written")):  # fmt: skip
        home.ledger.note("2024-03-28", kind, "Ana", "pm", words, moment + timedelta(hours=hours))  # type: ignore[arg-type]
    write_pack(home, first)
    for name in ("weekly_digest.md", "morning_pack.md"):
        text = (home.path / "reports" / first.isoformat() / name).read_text(encoding="utf-8")
        assert "| 2024-03-28 | – |  | – | thin day | Ana |" in text
        assert not [w for w in ("only noted", "weeks ago", "not yet written") if w in text]
    assert "lesson" not in (home.path / "reports" / first.isoformat() / "daily_report.md").read_text(encoding="utf-8")


def test_the_fund_s_own_language_is_one_of_the_pack(home: Home) -> None:
    with pytest.raises(SettingsError, match=r"language pt must be one of pack\.languages: en"):
        configured(home, {"languages": ["en"]}, language="pt")


def test_the_newest_pack_is_sent_once_and_a_failure_is_an_alert(
    home: Home,
    listener: Listener,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    home = configured(home, harness.PLAIN_PACK)
    last, before = home.lake.keys(PACK)[-1], home.lake.keys(PACK)[-2]
    monkeypatch.setenv(VARIABLE, listener.address)
    alerts = len(read_alerts(home.path))
    listener.answer = 500
    write_pack(home, last)
    told = read_alerts(home.path)[alerts:]
    assert [a["text"] for a in told] == ["morning pack: json: not delivered; check the address and the network"]
    listener.answer, listener.got[:] = 200, []
    write_pack(home, before)
    assert listener.got == [], "an older session's pack is nobody's news"
    write_pack(home, last)
    write_pack(home, last)
    (message,) = listener.got
    assert "morning of" in str(message["title"])
    stored = [p for p in home.path.rglob("*") if p.is_file() and p.suffix in (".jsonl", ".yaml", ".json", "")]
    assert [p for p in stored if b"secret-of-somebody" in p.read_bytes()] == []
