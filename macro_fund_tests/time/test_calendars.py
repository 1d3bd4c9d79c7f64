"""Counting and moving by business days, against published counts, other libraries and algebra."""

from __future__ import annotations

import datetime as dt

import bizdays
import exchange_calendars
import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from macro_fund.time.calendars import FINAL, BusinessCalendar, CalendarRangeError, Holiday, load_calendar

D = dt.date
ANBIMA = load_calendar("anbima")
LAW = D(2023, 12, 26)  # the first day on which the market counted with 20 November
DAYS = st.dates(D(2001, 1, 1), D(2060, 12, 31))


@pytest.mark.parametrize(
    ("maturity", "expected"),
    [
        (D(2025, 3, 5), 20),
        (D(2025, 8, 1), 123),
        (D(2026, 1, 2), 230),
        (D(2027, 1, 4), 479),
        (D(2028, 4, 3), 793),
        (D(2032, 1, 2), 1731),
        (D(2037, 1, 2), 2984),
    ],
)
def test_counts_implied_by_b3_di1_prices_of_3_february_2025(maturity: D, expected: int) -> None:
    assert ANBIMA.count(D(2025, 2, 3), maturity) == expected


def test_count_uses_the_holiday_list_known_on_the_start_day() -> None:
    start, end = D(2023, 12, 20), D(2035, 1, 1)
    assert ANBIMA.count(start, end) == 2772
    assert ANBIMA.count(start, end, known_on=LAW) == 2764
    assert ANBIMA.count(start, end, known_on=LAW - dt.timedelta(days=1)) == 2772


def test_20_november_2024_is_a_holiday_only_for_those_who_know_the_law() -> None:
    day, after = D(2024, 11, 20), D(2024, 11, 21)
    assert ANBIMA.count(day, after, known_on=LAW) == 0
    assert ANBIMA.count(day, after, known_on=D(2023, 2, 2)) == 1
    assert not ANBIMA.is_business_day(day)
    assert ANBIMA.is_business_day(day, known_on=D(2023, 2, 2))
    assert ANBIMA.is_business_day(D(2023, 11, 20))


def test_holidays_are_the_list_of_that_day() -> None:
    old, new = set(ANBIMA.holidays(D(2023, 12, 25)).tolist()), set(ANBIMA.holidays(LAW).tolist())
    assert not [d for d in old if (d.month, d.day) == (11, 20)]
    assert {d.year for d in new - old} == set(range(2024, 2079))
    assert {(d.month, d.day) for d in new - old} == {(11, 20)}
    assert old < new


def test_business_252_count_over_a_year_end() -> None:
    assert ANBIMA.count(D(2026, 11, 19), D(2027, 1, 4)) == 29


def test_a_weekend_end_counts_every_business_day_before_it() -> None:
    # 15-May-2027 is a Saturday: the Friday counts, the end itself never does.
    assert ANBIMA.count(D(2027, 5, 13), D(2027, 5, 15)) == 2
    assert ANBIMA.count(D(2027, 5, 13), D(2027, 5, 17)) == 2
    assert ANBIMA.count(D(2027, 5, 15), D(2027, 5, 17)) == 0
    assert ANBIMA.count(D(2027, 5, 17), D(2027, 5, 17)) == 0


def test_di1_maturity_is_the_first_business_day() -> None:
    assert ANBIMA.roll_forward(D(2026, 1, 1)) == D(2026, 1, 2)
    assert ANBIMA.roll_forward(D(2025, 3, 1)) == D(2025, 3, 5)  # Saturday, then Carnival
    assert ANBIMA.roll_forward(D(2025, 3, 5)) == D(2025, 3, 5)


def test_equal_to_bizdays_with_the_current_list() -> None:
    oracle = bizdays.Calendar.load("ANBIMA")
    days = np.arange(np.datetime64("2010-01-01"), np.datetime64("2036-01-01"))
    is_open = ANBIMA.count_many(days, days + 1, known_on=FINAL) == 1
    assert [d for d, ours in zip(days.tolist(), is_open, strict=True) if ours != oracle.isbizday(d)] == []


@pytest.mark.parametrize(
    ("name", "code", "start", "end"),
    [("b3", "BVMF", D(2010, 1, 4), D(2027, 11, 19)), ("nyse", "XNYS", D(2000, 1, 3), D(2027, 11, 19))],
)
def test_equal_to_exchange_calendars(name: str, code: str, start: D, end: D) -> None:
    oracle = {d.date() for d in exchange_calendars.get_calendar(code, start=str(start), end=str(end)).sessions}
    days = np.arange(np.datetime64(start), np.datetime64(end) + 1)
    is_open = load_calendar(name).count_many(days, days + 1, known_on=days) == 1
    assert set(days[is_open].tolist()) ^ oracle == set()


def test_cme_is_closed_where_its_library_says_except_on_days_of_mourning() -> None:
    oracle = exchange_calendars.get_calendar("CMES", start="2002-01-02", end="2027-11-19").sessions
    days = np.arange(np.datetime64("2002-01-02"), np.datetime64("2027-11-20"))
    is_open = load_calendar("cme").count_many(days, days + 1, known_on=days) == 1
    extra = set(days[is_open].tolist()) ^ {d.date() for d in oracle}
    assert extra == {D(2004, 6, 11), D(2007, 1, 2), D(2018, 12, 5), D(2025, 1, 9)}


@pytest.mark.parametrize(
    ("day", "is_open"),
    [
        (D(2014, 6, 12), False),  # World Cup opening in Sao Paulo
        (D(2019, 7, 9), False),
        (D(2020, 7, 9), True),
        (D(2020, 11, 20), True),
        (D(2021, 1, 25), False),
        (D(2021, 7, 9), False),
        (D(2022, 1, 25), True),
        (D(2022, 12, 30), False),  # last business day of a year that ends on a Saturday
        (D(2023, 11, 20), True),
        (D(2024, 11, 20), False),
        (D(2024, 12, 24), False),
        (D(2019, 3, 6), True),  # Ash Wednesday
    ],
)
def test_b3_days_on_which_sources_disagree(day: D, is_open: bool) -> None:
    assert load_calendar("b3").is_business_day(day) is is_open


@pytest.mark.parametrize("day", [D(2012, 10, 29), D(2012, 10, 30), D(2018, 12, 5), D(2025, 1, 9)])
def test_nyse_special_closures_were_business_days_a_month_before(day: D) -> None:
    nyse = load_calendar("nyse")
    assert not nyse.is_business_day(day)
    assert nyse.is_business_day(day, known_on=day - dt.timedelta(days=30))


def test_banks_work_when_b3_has_no_session() -> None:
    b3 = load_calendar("b3")
    for day in (D(2019, 1, 25), D(2024, 12, 24), D(2024, 12, 31)):
        assert ANBIMA.is_business_day(day)
        assert not b3.is_business_day(day)


def test_count_many_mixes_vintages_in_one_call() -> None:
    starts = [D(2023, 12, 20), D(2024, 1, 2), D(2023, 12, 20)]
    known = [D(2023, 12, 20), D(2024, 1, 2), D(2024, 1, 2)]
    counts = ANBIMA.count_many(starts, D(2035, 1, 1), known_on=known)
    assert counts.dtype == np.int32
    assert counts.tolist() == [ANBIMA.count(s, D(2035, 1, 1), k) for s, k in zip(starts, known, strict=True)]
    assert counts[0] - counts[2] == 8


def test_polars_series_are_dates_too() -> None:
    starts = pl.Series([D(2025, 2, 3), D(2025, 2, 3)])
    ends = pl.Series([D(2025, 3, 5), D(2037, 1, 2)])
    assert ANBIMA.count_many(starts, ends).tolist() == [20, 2984]
    assert ANBIMA.offset_many(ends, [0, -1]).tolist() == [D(2025, 3, 5), D(2036, 12, 31)]
    assert ANBIMA.count_many(starts.clear(), ends.clear()).tolist() == []


def test_offset_moves_a_closed_day_forward_first() -> None:
    assert ANBIMA.offset(D(2025, 3, 1), 1) == D(2025, 3, 6)
    assert ANBIMA.offset(D(2025, 3, 1), -1) == D(2025, 2, 28)
    assert ANBIMA.offset(D(2024, 11, 19), 1) == D(2024, 11, 21)
    assert ANBIMA.offset(D(2024, 11, 19), 1, known_on=D(2023, 1, 2)) == D(2024, 11, 20)


@given(a=DAYS, b=DAYS, c=DAYS, known=DAYS)
@settings(max_examples=100)
def test_counts_add_up(a: D, b: D, c: D, known: D) -> None:
    assert ANBIMA.count(a, c, known) == ANBIMA.count(a, b, known) + ANBIMA.count(b, c, known)


@given(day=st.dates(D(2010, 1, 1), D(2060, 12, 31)), n=st.integers(-2000, 2000), known=DAYS)
@settings(max_examples=100)
def test_offset_and_count_undo_each_other(day: D, n: int, known: D) -> None:
    start, end = ANBIMA.offset(day, 0, known), ANBIMA.offset(day, n, known)
    assert ANBIMA.is_business_day(end, known)
    assert ANBIMA.count(start, end, known) == n


@given(day=DAYS)
@settings(max_examples=100)
def test_roll_forward_stays_or_skips_closed_days_only(day: D) -> None:
    rolled = ANBIMA.roll_forward(day)
    assert rolled >= day
    assert (rolled == day) == ANBIMA.is_business_day(day)
    assert ANBIMA.count(day, rolled) == 0


def test_a_quarter_million_counts_equal_single_ones() -> None:
    rng = np.random.default_rng(7)
    starts = np.datetime64("2010-01-04") + rng.integers(0, 6000, 250_000)
    ends = starts + rng.integers(0, 4000, 250_000)
    counts = ANBIMA.count_many(starts, ends)
    assert counts.shape == starts.shape
    for k in rng.integers(0, len(starts), 200):
        assert counts[k] == ANBIMA.count(starts[k].item(), ends[k].item())


def test_a_day_outside_the_file_names_calendar_day_range_and_remedy() -> None:
    with pytest.raises(CalendarRangeError) as caught:
        ANBIMA.count(D(2025, 1, 2), D(2079, 1, 2))
    text = str(caught.value)
    for part in ("anbima", "2079-01-01", "2000-01-01..2078-12-31", "config/calendars/anbima.yaml"):
        assert part in text
    for ask in (
        lambda: ANBIMA.count(D(1999, 12, 31), D(2000, 1, 3)),
        lambda: ANBIMA.is_business_day(D(2079, 1, 1)),
        lambda: ANBIMA.offset(D(2078, 12, 30), 5),
        lambda: ANBIMA.offset(D(2000, 1, 3), -1),
    ):
        with pytest.raises(CalendarRangeError):
            ask()


def test_the_end_of_a_count_may_be_the_day_after_the_last() -> None:
    assert ANBIMA.count(D(2078, 12, 30), D(2079, 1, 1)) == 1


def test_a_null_date_is_refused() -> None:
    with pytest.raises(ValueError, match="a date is null"):
        ANBIMA.count_many(pl.Series([D(2025, 1, 2), None]), D(2026, 1, 2))


def test_a_holiday_that_was_abolished_counts_only_for_those_who_did_not_know() -> None:
    gone = Holiday(date=D(2030, 7, 9), name="abolished", known_until=D(2028, 3, 1))
    calendar = BusinessCalendar("test", D(2030, 1, 1), D(2030, 12, 31), [gone])
    assert not calendar.is_business_day(D(2030, 7, 9), known_on=D(2028, 2, 29))
    assert calendar.is_business_day(D(2030, 7, 9), known_on=D(2028, 3, 1))
    assert calendar.is_business_day(D(2030, 7, 9))


@given(st.lists(st.dates(D(2019, 1, 1), D(2026, 12, 31)), max_size=30), st.dates(D(2019, 1, 1), D(2026, 12, 31)))
def test_many_days_are_the_days_one_by_one(days: list[dt.date], known: dt.date) -> None:
    own = [ANBIMA.count(d, d + dt.timedelta(days=1)) == 1 for d in days]
    assert ANBIMA.are_business_days(days).tolist() == own
    assert ANBIMA.are_business_days(days, known).tolist() == [ANBIMA.is_business_day(d, known) for d in days]
