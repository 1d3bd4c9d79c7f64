"""Calendar files: what ships, and the message for each way to get a file wrong."""

from __future__ import annotations

import datetime as dt
import subprocess
import sys
from pathlib import Path

import pytest

from macro_fund.settings import SettingsError
from macro_fund.time.calendars import load_calendar

D = dt.date
GOOD = """\
first_day: 2024-01-01
last_day: 2026-12-31
holidays:
  - {date: 2024-01-01, name: "New Year"}
  - {date: 2025-01-01, name: "New Year"}
  - {date: 2026-01-01, name: "New Year"}
"""


def _load(folder: Path, text: str) -> None:
    (folder / "calendars").mkdir()
    (folder / "calendars" / "mine.yaml").write_text(text, encoding="utf-8")
    load_calendar("mine", folder)


def _message(folder: Path, text: str) -> str:
    with pytest.raises(SettingsError) as caught:
        _load(folder, text)
    return str(caught.value)


@pytest.mark.parametrize(
    ("name", "first", "last"),
    [
        ("anbima", D(2000, 1, 1), D(2078, 12, 31)),
        ("b3", D(2000, 1, 1), D(2035, 12, 31)),
        ("nyse", D(2000, 1, 1), D(2035, 12, 31)),
        ("cme", D(2002, 1, 1), D(2035, 12, 31)),
    ],
)
def test_shipped_calendars_cover_their_years(name: str, first: D, last: D) -> None:
    calendar = load_calendar(name)
    assert (calendar.first_day, calendar.last_day) == (first, last)
    assert calendar is load_calendar(name)


def test_a_good_file_loads(tmp_path: Path) -> None:
    _load(tmp_path, GOOD)


def test_duplicate_date(tmp_path: Path) -> None:
    message = _message(tmp_path, GOOD + '  - {date: 2025-01-01, name: "Again"}\n')
    assert "mine.yaml:7: holidays.3.date: 2025-01-01 is listed twice (first as 'New Year'); keep one" in message


@pytest.mark.parametrize("bad", ["2025-02-30", "'2025-02-30'", "soon"])
def test_unparsable_date(tmp_path: Path, bad: str) -> None:
    message = _message(tmp_path, GOOD.replace("date: 2025-01-01", f"date: {bad}"))
    assert "mine.yaml:5: " in message
    assert bad.strip("'") in message


def test_unknown_key(tmp_path: Path) -> None:
    message = _message(tmp_path, GOOD.replace('2025-01-01, name: "New Year"', '2025-01-01, name: "x", knwon_from: 1'))
    assert "mine.yaml:5: holidays.1.knwon_from" in message


def test_a_year_without_holidays_is_a_gap(tmp_path: Path) -> None:
    message = _message(tmp_path, GOOD.replace('  - {date: 2025-01-01, name: "New Year"}\n', ""))
    assert "mine.yaml:" in message
    assert "no holiday in 2025" in message


def test_a_holiday_outside_the_covered_days(tmp_path: Path) -> None:
    assert "outside 2024-01-01..2026-12-31: 2027-01-01" in _message(
        tmp_path, GOOD + '  - {date: 2027-01-01, name: "x"}\n'
    )


def test_known_from_after_the_holiday_itself(tmp_path: Path) -> None:
    text = GOOD + '  - {date: 2026-05-04, name: "x", known_from: 2026-05-05}\n'
    assert "mine.yaml:7: holidays.3: Value error, known_from 2026-05-05 must not be after" in _message(tmp_path, text)


def test_known_from_after_known_until(tmp_path: Path) -> None:
    text = GOOD + '  - {date: 2026-05-04, name: "x", known_from: 2025-05-05, known_until: 2025-05-05}\n'
    assert "must be before known_until" in _message(tmp_path, text)


def test_days_in_the_wrong_order(tmp_path: Path) -> None:
    text = GOOD.replace("first_day: 2024-01-01", "first_day: 2027-01-01")
    assert "first_day 2027-01-01 must be before last_day 2026-12-31" in _message(tmp_path, text)


def test_unknown_calendar_names_those_there_are() -> None:
    with pytest.raises(SettingsError, match="no calendar 'lse'; allowed: anbima, b3, cme, nyse"):
        load_calendar("lse")


def test_time_needs_no_calendar_library() -> None:
    """The libraries that the files were checked with are for tests only."""
    code = (
        "import sys; import macro_fund.time.publication, macro_fund.time.sessions as s; s.sessions();"
        "print([m for m in ('bizdays', 'exchange_calendars', 'pandas', 'QuantLib', 'dagster') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
