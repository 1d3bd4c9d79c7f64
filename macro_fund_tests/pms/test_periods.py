"""Where each period starts."""

from __future__ import annotations

from datetime import date

import pytest

from macro_fund.pms.periods import Period, start_of


@pytest.mark.parametrize(
    ("period", "last", "start"),
    [
        (Period.day, date(2025, 2, 28), date(2025, 2, 28)),
        (Period.mtd, date(2025, 2, 28), date(2025, 2, 1)),
        (Period.qtd, date(2025, 2, 28), date(2025, 1, 1)),
        (Period.qtd, date(2025, 12, 31), date(2025, 10, 1)),
        (Period.ytd, date(2025, 12, 31), date(2025, 1, 1)),
        (Period.year, date(2025, 2, 28), date(2024, 2, 29)),
        (Period.year, date(2024, 2, 29), date(2023, 3, 1)),
        (Period.year, date(2025, 12, 31), date(2025, 1, 1)),
    ],
)
def test_a_period_starts_on(period: Period, last: date, start: date) -> None:
    assert start_of(period, last) == start


def test_the_inception_is_before_every_day() -> None:
    assert start_of(Period.inception, date(2025, 2, 28)) < date(1900, 1, 1)
