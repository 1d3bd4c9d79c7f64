"""Limit-locked settlements: the dated list and the rule."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from macro_fund.instruments.limits import LimitDay, limit_locked, load_limit_days
from macro_fund.settings import SettingsError

LIMITS = (LimitDay(day=date(2017, 5, 18), root="DI1", limit_bp={0: 80, 252: 160}, source="a paper of the day"),)


def _rows(*rows: tuple[str, date, int]) -> pl.DataFrame:
    return pl.DataFrame(rows, schema=["root", "event_date", "bdays"], orient="row")


def test_locked_is_a_contract_that_moved_by_its_limit_on_a_listed_day() -> None:
    day = date(2017, 5, 18)
    cases = [
        (("DI1", day, 400), 160.0, True),
        (("DI1", day, 400), -159.5, True),  # limit down, in ticks of price
        (("DI1", day, 400), 140.0, False),
        (("DI1", day, 100), 80.0, True),
        (("DI1", day, 100), np.nan, False),
        (("DDI", day, 400), 160.0, False),
        (("DI1", date(2017, 5, 19), 400), 160.0, False),
    ]
    rows = _rows(*(c[0] for c in cases))
    assert limit_locked(rows, [c[1] for c in cases], LIMITS).tolist() == [c[2] for c in cases]
    assert not limit_locked(rows, [c[1] for c in cases], ()).any()


def test_every_listed_day_has_its_source() -> None:
    days = load_limit_days()
    assert {date(2017, 5, 18), date(2020, 3, 12)} <= {d.day for d in days}
    assert all(d.source and d.root == "DI1" for d in days)


def test_a_wrong_list_is_named(tmp_path: Path) -> None:
    (tmp_path / "limit_days.yaml").write_text("- {day: 2017-05-18, root: DI1, limit_bp: {10: 80}, source: x}\n")
    with pytest.raises(SettingsError, match="starts at 0"):
        load_limit_days(tmp_path)
