"""Alerts: raised once, readable after a crash."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from macro_fund.reports.alerts import raise_alert, read_alerts

NOON = datetime(2024, 4, 2, 12, tzinfo=UTC)


def test_an_alert_is_raised_once(tmp_path: Path) -> None:
    assert raise_alert(tmp_path, "a", "first", NOON)
    assert not raise_alert(tmp_path, "a", "again", NOON)
    assert raise_alert(tmp_path, "b", "olá", NOON)
    assert [a["text"] for a in read_alerts(tmp_path)] == ["first", "olá"]


def test_a_line_cut_by_a_crash_is_left_out_and_mended(tmp_path: Path) -> None:
    raise_alert(tmp_path, "a", "first", NOON)
    with (tmp_path / "alerts.jsonl").open("a") as f:
        f.write('{"at": "2024-04-02", "na')
    assert [a["name"] for a in read_alerts(tmp_path)] == ["a"]
    assert raise_alert(tmp_path, "b", "second", NOON)
    assert [a["name"] for a in read_alerts(tmp_path)] == ["a", "b"]


def test_no_alerts(tmp_path: Path) -> None:
    assert read_alerts(tmp_path) == []
