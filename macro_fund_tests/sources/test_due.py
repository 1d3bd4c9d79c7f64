"""Which period is due: known answers over holidays and release hours, and what holds for every catalogue rule."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from macro_fund.settings import Publication, Series, default_settings
from macro_fund.sources.due import newest_due, overdue, stale
from macro_fund.time.publication import knowledge_times

D = date
T = datetime
NY = "America/New_York"
RULES = sorted({(s.publication, s.frequency) for s in default_settings().series if s.frequency != "E"}, key=str)
MORNINGS = st.datetimes(T(2005, 1, 1), T(2030, 6, 1), timezones=st.just(UTC))


def _rule(kind: str, at: str = "09:00", **more: Any) -> Publication:
    return Publication.model_validate({"kind": kind, "at": at, **more})


def _due(rule: Publication, frequency: str, local: T) -> date | None:
    return newest_due(rule, frequency, local.replace(tzinfo=ZoneInfo(rule.tz)).astimezone(UTC))


@pytest.mark.parametrize(
    ("rule", "frequency", "local", "expected"),
    [
        # a close of the same day: Ash Wednesday morning still waits for the Friday before Carnival
        (_rule("same_day", "18:00"), "D", T(2025, 3, 5, 8, 55), D(2025, 2, 28)),
        (_rule("same_day", "18:00"), "D", T(2025, 3, 5, 18, 0), D(2025, 3, 5)),
        # the CDI of the Friday before Carnival is published on Ash Wednesday at nine
        (_rule("business_days", n=1), "D", T(2025, 3, 5, 8, 55), D(2025, 2, 27)),
        (_rule("business_days", n=1), "D", T(2025, 3, 5, 9, 0), D(2025, 2, 28)),
        # the NYSE closed for two days when Sandy came
        (_rule("business_days", n=1, tz=NY, calendar="nyse"), "D", T(2012, 10, 31, 8, 59), D(2012, 10, 25)),
        (_rule("business_days", n=1, tz=NY, calendar="nyse"), "D", T(2012, 10, 31, 9, 0), D(2012, 10, 26)),
        # Good Friday is no holiday of the government, Columbus Day none of the exchange: neither has a market's value
        (_rule("business_days", n=1, tz=NY, calendar="us_federal"), "D", T(2024, 4, 1, 9, 0), D(2024, 3, 28)),
        (_rule("business_days", n=1, tz=NY, calendar="us_federal"), "D", T(2024, 10, 15, 9, 0), D(2024, 10, 11)),
        # New Year: 1 January is a holiday, and so is 25 December
        (_rule("business_days", n=1), "D", T(2025, 1, 2, 8, 55), D(2024, 12, 30)),
        # in force today, Sunday or not
        (_rule("effective", "00:00"), "D", T(2025, 3, 2, 0, 0), D(2025, 3, 2)),
        # the week's survey (Friday's or any day's) is public on the Monday after: the due week starts on its Monday
        (_rule("weekly_monday", "08:30"), "W", T(2025, 6, 9, 8, 25), D(2025, 5, 26)),
        (_rule("weekly_monday", "08:30"), "W", T(2025, 6, 9, 8, 30), D(2025, 6, 2)),
        # Carnival Monday is no business day, and Tuesday neither: the survey comes on Ash Wednesday
        (_rule("weekly_monday", "08:30"), "W", T(2025, 3, 4, 12, 0), D(2025, 2, 17)),
        (_rule("weekly_monday", "08:30"), "W", T(2025, 3, 5, 8, 30), D(2025, 2, 24)),
        # Tuesday's positions on Friday: by Monday morning that of the Tuesday before is due, whatever the weekday
        (_rule("calendar_days", "15:30", n=3, tz=NY, calendar="nyse"), "W", T(2025, 6, 9, 8, 0), D(2025, 5, 28)),
        # the shutdown of 2018/19 held the positions of Christmas Day back until 1 February
        (_rule("business_days", "15:30", n=3, tz=NY, release="cftc"), "W", T(2019, 1, 25, 16, 0), D(2018, 12, 17)),
        (_rule("business_days", "15:30", n=3, tz=NY, release="cftc"), "W", T(2019, 2, 1, 15, 30), D(2018, 12, 24)),
        # IPCA of May is public on 11 June at nine, and the desk's morning is five to nine
        (_rule("after_period", n=11), "M", T(2025, 6, 11, 8, 55), D(2025, 4, 1)),
        (_rule("after_period", n=11), "M", T(2025, 6, 11, 9, 0), D(2025, 5, 1)),
        # 11 October 2025 is a Saturday, Monday is 13
        (_rule("after_period", n=11), "M", T(2025, 10, 13, 8, 55), D(2025, 8, 1)),
        (_rule("after_period", n=11), "M", T(2025, 10, 13, 9, 0), D(2025, 9, 1)),
        # half a year after the month, as recessions are dated
        (_rule("after_period", n=180), "M", T(2010, 3, 1, 8, 55), D(2009, 7, 1)),
        # published before the month ends
        (_rule("after_period", n=-5), "M", T(2025, 6, 30, 9, 0), D(2025, 6, 1)),
        # GDP of the first quarter 60 days after it: 30 May 2025
        (_rule("after_period", n=60), "Q", T(2025, 5, 30, 8, 55), D(2024, 10, 1)),
        (_rule("after_period", n=60), "Q", T(2025, 5, 30, 9, 0), D(2025, 1, 1)),
        (_rule("after_period", n=90), "A", T(2025, 3, 31, 8, 55), D(2023, 1, 1)),
        (_rule("after_period", n=90), "A", T(2025, 3, 31, 9, 0), D(2024, 1, 1)),
        # the target of 2027 is set on 1 July 2025
        (_rule("years_before", "18:00", n=2), "A", T(2025, 7, 1, 17, 59), D(2026, 1, 1)),
        (_rule("years_before", "18:00", n=2), "A", T(2025, 7, 1, 18, 0), D(2027, 1, 1)),
        (_rule("years_before", "18:00", n=2), "A", T(2026, 1, 2, 9, 0), D(2027, 1, 1)),
    ],
)
def test_known_answers(rule: Publication, frequency: str, local: datetime, expected: date) -> None:
    assert _due(rule, frequency, local) == expected


START = D(2020, 1, 1)


def _series(name: str, rule: Publication, frequency: str, start: date = START) -> Series:
    plain = {"id": name, "publication": rule, "frequency": frequency, "start": start, "max_age_days": 10}
    return default_settings().series[0].model_copy(update=plain)


def test_series_that_lack_what_is_due_are_told_with_its_day() -> None:
    monthly, daily = _rule("after_period", n=11), _rule("business_days", n=1)
    series = [
        *(_series(name, monthly, "M") for name in ("there", "ahead", "behind", "never")),
        _series("starts with it", monthly, "M", start=D(2025, 5, 1)),
        _series("starts after it", monthly, "M", start=D(2025, 6, 1)),
        _series("daily", daily, "D"),
        _series("meeting", monthly, "E"),
    ]
    newest = {"there": D(2025, 5, 1), "ahead": D(2025, 6, 1), "behind": D(2025, 4, 1), "daily": D(2025, 6, 9)}
    as_of = T(2025, 6, 11, 12, 0, tzinfo=UTC)
    may = D(2025, 5, 1)
    expected = {"behind": may, "never": may, "starts with it": may, "daily": D(2025, 6, 10)}
    assert overdue(series, newest, as_of) == expected
    before = overdue(series, newest, as_of - timedelta(minutes=5))
    assert before == {"never": D(2025, 4, 1)}


def test_stale_is_older_than_the_maximum_age_counted_from_the_start_without_a_value() -> None:
    series = _series("a", _rule("same_day"), "D", start=D(2025, 6, 1))
    assert [stale(series, D(2025, 6, 5), D(2025, 6, d)) for d in (15, 16)] == [False, True]
    assert [stale(series, None, D(2025, 6, d)) for d in (11, 12)] == [False, True]
    assert not stale(series, None, D(2025, 1, 2))


def test_nothing_is_due_when_nothing_near_is_public() -> None:
    assert _due(_rule("calendar_days", n=300), "D", T(2025, 6, 9, 9, 0)) is None


@settings(max_examples=40)
@given(rule=st.sampled_from(RULES), as_of=MORNINGS)
def test_what_is_due_is_public(rule: tuple[Publication, str], as_of: datetime) -> None:
    due = newest_due(*rule, as_of)
    assert due is not None
    assert knowledge_times(pl.Series([due]), *rule)[0] <= as_of


@settings(max_examples=40)
@given(rule=st.sampled_from(RULES), as_of=MORNINGS, later=st.timedeltas(timedelta(0), timedelta(days=40)))
def test_what_is_due_only_moves_forward(rule: tuple[Publication, str], as_of: datetime, later: timedelta) -> None:
    first, second = newest_due(*rule, as_of), newest_due(*rule, as_of + later)
    assert first is not None
    assert second is not None
    assert first <= second


@settings(max_examples=40)
@given(rule=st.sampled_from([r for r in RULES if r[1] in ("M", "Q", "A")]), as_of=MORNINGS)
def test_the_period_after_the_one_that_is_due_is_not_public(rule: tuple[Publication, str], as_of: datetime) -> None:
    due = newest_due(*rule, as_of)
    step = {"M": "1mo", "Q": "1q", "A": "1y"}[rule[1]]
    assert knowledge_times(pl.Series([due]).dt.offset_by(step), *rule)[0] > as_of
