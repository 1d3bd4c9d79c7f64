"""Publication rules, real release days and wall clocks: known answers, daylight-saving changes, properties."""

from __future__ import annotations

import datetime as dt
from typing import Any
from zoneinfo import ZoneInfo

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from macro_fund.settings import Publication, SettingsError, default_settings
from macro_fund.time.calendars import CalendarRangeError, load_calendar
from macro_fund.time.publication import knowledge, knowledge_times
from macro_fund.time.releases import release_times
from macro_fund.time.zones import first_instant, to_utc

D = dt.date
T = dt.datetime
SP, NY = "America/Sao_Paulo", "America/New_York"


def _rule(kind: str, at: str = "09:00", **more: Any) -> Publication:
    return Publication.model_validate({"kind": kind, "at": at, **more})


def _known(event: D, rule: Publication, frequency: str = "D") -> T:
    """Local wall-clock time at which the value of `event` is public."""
    found = knowledge_times(pl.Series([event]), rule, frequency)
    assert found.dtype == pl.Datetime("us", "UTC")
    local: T = found[0].astimezone(ZoneInfo(rule.tz)).replace(tzinfo=None)
    return local


@pytest.mark.parametrize(
    ("event", "rule", "frequency", "expected"),
    [
        # PTAX: the same day, also when someone asks for a Saturday
        (D(2025, 3, 6), _rule("same_day", "13:30"), "D", T(2025, 3, 6, 13, 30)),
        (D(2025, 3, 8), _rule("same_day", "13:30"), "D", T(2025, 3, 8, 13, 30)),
        # CDI of the Friday before Carnival: Ash Wednesday
        (D(2025, 2, 28), _rule("business_days", n=1), "D", T(2025, 3, 5, 9)),
        (D(2025, 3, 1), _rule("business_days", n=1), "D", T(2025, 3, 5, 9)),
        (D(2025, 3, 1), _rule("business_days", n=0), "D", T(2025, 3, 5, 9)),
        (D(2025, 2, 27), _rule("business_days", n=2), "D", T(2025, 3, 5, 9)),
        # the NYSE closed for two days when Sandy came, which nobody knew on Friday
        (D(2012, 10, 26), _rule("business_days", n=1, tz=NY, calendar="nyse"), "D", T(2012, 10, 31, 9)),
        (D(2025, 1, 8), _rule("business_days", n=1, tz=NY, calendar="nyse"), "D", T(2025, 1, 10, 9)),
        (D(2024, 11, 19), _rule("business_days", n=1), "D", T(2024, 11, 21, 9)),
        (D(2023, 11, 17), _rule("business_days", n=1), "D", T(2023, 11, 20, 9)),
        (D(2025, 1, 9), _rule("calendar_days", "01:00", n=1, tz="Europe/London"), "D", T(2025, 1, 10, 1)),
        (D(2025, 1, 10), _rule("calendar_days", "01:00", n=1, tz="Europe/London"), "D", T(2025, 1, 13, 1)),
        # IPCA, 11 days after the month: 2021-10-11 for September 2021; 12 October is a holiday
        (D(2021, 9, 1), _rule("after_period", n=11), "M", T(2021, 10, 11, 9)),
        (D(2021, 9, 30), _rule("after_period", n=11), "M", T(2021, 10, 11, 9)),
        (D(2021, 9, 15), _rule("after_period", n=12), "M", T(2021, 10, 13, 9)),
        (D(2024, 2, 1), _rule("after_period", n=0), "M", T(2024, 2, 29, 9)),
        (D(2024, 3, 1), _rule("after_period", n=-5), "M", T(2024, 3, 26, 9)),
        (D(2020, 4, 1), _rule("after_period", n=63), "Q", T(2020, 9, 1, 9)),
        (D(2020, 11, 1), _rule("after_period", n=1), "Q", T(2021, 1, 4, 9)),
        (D(2020, 1, 1), _rule("after_period", n=90), "A", T(2021, 3, 31, 9)),
        # Focus: the Monday after, Tuesday after a holiday (Carnival: Wednesday)
        (D(2025, 3, 7), _rule("weekly_monday", "08:30"), "D", T(2025, 3, 10, 8, 30)),
        (D(2025, 3, 3), _rule("weekly_monday", "08:30"), "D", T(2025, 3, 10, 8, 30)),
        (D(2025, 3, 9), _rule("weekly_monday", "08:30"), "W", T(2025, 3, 10, 8, 30)),
        (D(2021, 11, 12), _rule("weekly_monday", "08:30"), "D", T(2021, 11, 16, 8, 30)),
        (D(2025, 2, 28), _rule("weekly_monday", "08:30"), "D", T(2025, 3, 5, 8, 30)),
        # the Selic target is in force, and known, when its day begins, whatever `at` says
        (D(2025, 3, 20), _rule("effective", "09:00"), "D", T(2025, 3, 20)),
        # the inflation target of 2023 was set on 1 July 2021
        (D(2023, 1, 1), _rule("years_before", "18:00", n=2), "A", T(2021, 7, 1, 18)),
        (D(2024, 12, 31), _rule("years_before", "18:00", n=3), "A", T(2021, 7, 1, 18)),
    ],
)
def test_known_answers(event: D, rule: Publication, frequency: str, expected: T) -> None:
    assert _known(event, rule, frequency) == expected


def test_midnight_that_did_not_exist_in_sao_paulo_is_one_o_clock() -> None:
    # On Sunday 4-Nov-2018 clocks went from 23:59:59 to 01:00:00.
    days = pl.Series([D(2018, 11, 3), D(2018, 11, 4), D(2018, 11, 5), D(2017, 10, 15)])
    expected = [T(2018, 11, 3, 3), T(2018, 11, 4, 3), T(2018, 11, 5, 2), T(2017, 10, 15, 3)]
    found = knowledge_times(days, _rule("effective"), "D")
    assert [t.replace(tzinfo=None) for t in found] == expected


def test_the_first_instant_after_the_gap_not_the_shifted_clock() -> None:
    days = pl.Series([D(2018, 11, 4)])
    assert to_utc(days, dt.time(0, 30), SP)[0] == T(2018, 11, 4, 3, tzinfo=dt.UTC)
    assert to_utc(pl.Series([D(2021, 3, 14)]), dt.time(2, 59), NY)[0] == T(2021, 3, 14, 7, tzinfo=dt.UTC)


def test_a_time_that_exists_twice_is_the_earlier_one() -> None:
    # Sao Paulo went back from 00:00 to 23:00 on the night of 17-Feb-2018; New York from 02:00 to 01:00 on 7-Nov-2021.
    assert to_utc(pl.Series([D(2018, 2, 17)]), dt.time(23, 30), SP)[0] == T(2018, 2, 18, 1, 30, tzinfo=dt.UTC)
    assert to_utc(pl.Series([D(2021, 11, 7)]), dt.time(1, 30), NY)[0] == T(2021, 11, 7, 5, 30, tzinfo=dt.UTC)


@pytest.mark.parametrize("tz", [SP, NY, "America/Chicago", "Europe/London"])
@pytest.mark.parametrize("at", [dt.time(0), dt.time(1, 30), dt.time(2, 30), dt.time(8, 55), dt.time(23, 30)])
def test_every_day_agrees_with_the_system_time_zones(tz: str, at: dt.time) -> None:
    days = pl.date_range(D(2009, 1, 1), D(2031, 1, 1), eager=True)
    expected = [first_instant(T.combine(d, at), tz) for d in days]
    assert to_utc(days, at, tz).to_list() == expected


_RULES = {(s.publication, s.frequency) for s in default_settings().series}


@given(
    st.lists(st.dates(D(2009, 1, 1), D(2030, 1, 1)), min_size=2, max_size=30), st.sampled_from(sorted(_RULES, key=str))
)
@settings(max_examples=80)
def test_every_catalogue_rule_is_monotone_and_elementwise(events: list[D], rule: tuple[Publication, str]) -> None:
    days = pl.Series(sorted(events))
    together = knowledge(days, *rule)
    assert together.height == days.len()
    alone = [knowledge(days[i : i + 1], *rule).row(0) for i in range(0, days.len(), 7)]
    assert together.rows()[::7] == alone
    local = together["knowledge_time"].dt.convert_time_zone(rule[0].tz).dt.date()
    if rule[0].kind != "years_before":
        assert (local >= days.dt.truncate({"M": "1mo", "Q": "1q", "A": "1y"}.get(rule[1], "1d"))).all()
    by_rule = together["knowledge_time"] == knowledge_times(days, rule[0].model_copy(update={"release": None}), rule[1])
    for part in (by_rule, ~by_rule):
        assert together["knowledge_time"].filter(part).is_sorted()
    if rule[0].kind in ("business_days", "calendar_days", "after_period", "weekly_monday"):
        calendar = load_calendar(rule[0].calendar)
        assert all(calendar.is_business_day(d) for d in local.filter(by_rule))


def test_every_catalogue_list_exists() -> None:
    for name in {rule.release for rule, _ in _RULES if rule.release}:
        assert release_times(name).height > 0


PAYROLLS = _rule("after_period", "08:30", n=10, tz=NY, calendar="us_federal", release="us_employment")
IPCA = _rule("after_period", "09:00", n=11, release="br_ipca")
POSITIONS = _rule("business_days", "15:30", n=3, tz=NY, calendar="us_federal", basis="calendar", release="cftc")


def test_a_listed_period_wins_over_the_rule() -> None:
    months = pl.Series([D(2021, 12, 1), D(2022, 1, 1), D(2022, 1, 31), D(2021, 12, 1), D(2030, 1, 1)])
    found = knowledge(months, IPCA, "M")
    assert found.schema == {"knowledge_time": pl.Datetime("us", "UTC"), "knowledge_basis": pl.String()}
    assert found["knowledge_basis"].to_list() == ["lag", "calendar", "calendar", "lag", "lag"]
    local = found["knowledge_time"].dt.convert_time_zone(SP).dt.replace_time_zone(None).to_list()
    lag, real, later = T(2022, 1, 11, 9), T(2022, 2, 9, 9), T(2030, 2, 11, 9)
    assert local == [lag, real, real, lag, later]
    assert found["knowledge_time"].to_list() == knowledge_times(months, IPCA, "M").to_list()


def test_without_a_list_the_basis_is_that_of_the_rule() -> None:
    days = pl.Series([D(2025, 3, 6), D(2025, 3, 7)])
    for basis in ("lag", "calendar"):
        assert set(knowledge(days, _rule("same_day", basis=basis), "D")["knowledge_basis"]) == {basis}


@pytest.mark.parametrize(
    ("event", "rule", "frequency", "expected"),
    [
        (D(2013, 8, 1), PAYROLLS, "M", T(2013, 9, 6, 8, 30)),
        (D(2013, 9, 1), PAYROLLS, "M", T(2013, 10, 22, 8, 30)),
        (D(2020, 6, 1), PAYROLLS, "M", T(2020, 7, 2, 8, 30)),
        (D(2025, 9, 1), PAYROLLS, "M", T(2025, 11, 20, 8, 30)),
        (D(2025, 10, 1), PAYROLLS, "M", T(2025, 12, 16, 8, 30)),
        # positions of a Tuesday: Friday; Monday when a federal holiday is in the week, also one that markets ignore
        (D(2021, 6, 8), POSITIONS, "W", T(2021, 6, 11, 15, 30)),
        (D(2021, 6, 15), POSITIONS, "W", T(2021, 6, 21, 15, 30)),
        (D(2024, 11, 26), POSITIONS, "W", T(2024, 12, 2, 15, 30)),
        (D(2015, 6, 30), POSITIONS, "W", T(2015, 7, 6, 15, 30)),
        (D(2025, 1, 7), POSITIONS, "W", T(2025, 1, 13, 15, 30)),
        # and while the government was closed, or brokers could not report, weeks later
        (D(2013, 10, 1), POSITIONS, "W", T(2013, 10, 25, 15, 30)),
        (D(2018, 12, 24), POSITIONS, "W", T(2019, 2, 1, 15, 30)),
        (D(2018, 12, 25), POSITIONS, "W", T(2019, 2, 1, 15, 30)),
        (D(2019, 3, 5), POSITIONS, "W", T(2019, 3, 8, 15, 30)),
        (D(2023, 1, 31), POSITIONS, "W", T(2023, 2, 24, 15, 30)),
        (D(2025, 9, 30), POSITIONS, "W", T(2025, 11, 19, 15, 30)),
        # a strike at the BCB held three months of surveys back
        (D(2022, 3, 25), _rule("weekly_monday", "08:30", release="br_focus"), "D", T(2022, 3, 28, 8, 30)),
        (D(2022, 4, 1), _rule("weekly_monday", "08:30", release="br_focus"), "D", T(2022, 4, 26, 9)),
        (D(2022, 6, 1), _rule("weekly_monday", "08:30", release="br_focus"), "D", T(2022, 7, 11, 9)),
        (D(2022, 4, 1), _rule("after_period", "09:00", n=48, release="br_ibcbr"), "M", T(2022, 7, 7, 16, 30)),
        # decisions, and minutes, of meetings
        (D(2020, 3, 18), _rule("same_day", "18:30", release="copom_meetings"), "E", T(2020, 3, 18, 18, 30)),
        (D(2020, 3, 18), _rule("same_day", "18:30", release="copom_meetings.minutes"), "E", T(2020, 3, 23, 8)),
        (D(2020, 3, 15), _rule("same_day", "14:00", tz=NY, release="fomc_meetings"), "E", T(2020, 3, 15, 17)),
        (D(2020, 3, 15), _rule("same_day", "14:00", tz=NY, release="fomc_meetings.minutes"), "E", T(2020, 4, 8, 14)),
        (D(2019, 10, 4), _rule("same_day", "14:00", tz=NY, release="fomc_meetings"), "E", T(2019, 10, 11, 11)),
    ],
)
def test_known_releases(event: D, rule: Publication, frequency: str, expected: T) -> None:
    assert _known(event, rule, frequency) == expected


def test_release_hours_follow_daylight_saving() -> None:
    # 08:30 in New York is 13:30 UTC in winter and 12:30 in summer; the change came between these two releases
    found = knowledge_times(pl.Series([D(2021, 1, 1), D(2021, 2, 1), D(2021, 3, 1)]), PAYROLLS, "M")
    assert [(t.month, t.hour) for t in found] == [(2, 13), (3, 13), (4, 12)]
    # Sao Paulo had summer time until February 2019
    minutes = _rule("same_day", "08:00", release="copom_meetings.minutes")
    found = knowledge_times(pl.Series([D(2018, 12, 12), D(2019, 12, 11)]), minutes, "E")
    assert [t.hour for t in found] == [10, 11]


def test_no_dates_give_no_times() -> None:
    nothing = pl.Series([], dtype=pl.Date)
    for series in default_settings().series:
        found = knowledge_times(nothing, series.publication, series.frequency)
        assert (found.len(), found.dtype) == (0, pl.Datetime("us", "UTC"))


def test_messages() -> None:
    with pytest.raises(ValueError, match="1 event dates are null"):
        knowledge_times(pl.Series([D(2020, 1, 2), None]), _rule("same_day"), "D")
    with pytest.raises(ValueError, match="give a series of dates"):
        knowledge_times(pl.Series(["2020-01-02"]), _rule("same_day"), "D")
    with pytest.raises(ValueError, match="after_period needs frequency M, Q or A, got D"):
        knowledge_times(pl.Series([D(2020, 1, 2)]), _rule("after_period", n=1), "D")
    with pytest.raises(ValueError, match="business_days needs n >= 0, got -1"):
        knowledge_times(pl.Series([D(2020, 1, 2)]), _rule("business_days", n=-1), "D")
    with pytest.raises(SettingsError, match=r"no release list 'us_cip'; allowed: br_focus, .*us_cpi"):
        knowledge(pl.Series([D(2020, 1, 2)]), _rule("same_day", release="us_cip"), "D")
    with pytest.raises(ValueError, match="no time zone 'Brazil/Nowhere'"):
        knowledge_times(pl.Series([D(2020, 1, 2)]), _rule("same_day", tz="Brazil/Nowhere"), "D")
    with pytest.raises(CalendarRangeError, match="calendar nyse: 2036-01-01"):
        knowledge_times(pl.Series([D(2035, 12, 31)]), _rule("business_days", n=1, calendar="nyse"), "D")
