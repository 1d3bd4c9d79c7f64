"""Sessions: which days, when their cut-off is, and in which one a fact is known."""

from __future__ import annotations

import datetime as dt
from itertools import pairwise

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from macro_fund.time.calendars import load_calendar
from macro_fund.time.sessions import Sessions, assign_session, sessions

D = dt.date
UTC = dt.UTC
TABLE = sessions()
NAIVE = dt.datetime.fromisoformat("2020-01-02T12:00")
INSTANTS = st.datetimes(
    dt.datetime.fromisoformat("2009-01-01"), dt.datetime.fromisoformat("2030-12-30"), timezones=st.just(UTC)
)
KEYS = TABLE.keys(D(2010, 1, 4), D(2030, 12, 30))


def _times(*instants: dt.datetime | None) -> pl.DataFrame:
    return pl.DataFrame({"knowledge_time": pl.Series(instants, dtype=pl.Datetime("us", "UTC"))})


def test_first_and_last_session() -> None:
    assert (KEYS[0], KEYS[-1]) == (D(2010, 1, 4), D(2030, 12, 30))
    assert len(KEYS) == len(TABLE) == TABLE.frame().height


def test_keys_are_inclusive_and_skip_closed_days() -> None:
    assert TABLE.keys(D(2024, 12, 20), D(2025, 1, 2)) == [
        D(2024, 12, 20),
        D(2024, 12, 23),
        D(2024, 12, 26),
        D(2024, 12, 27),
        D(2024, 12, 30),
        D(2025, 1, 2),
    ]
    assert TABLE.keys(D(2024, 12, 28), D(2024, 12, 29)) == []
    assert TABLE.keys(D(2025, 1, 3), D(2025, 1, 2)) == []


def test_a_session_that_a_later_law_would_close_stays_a_session() -> None:
    assert TABLE.is_session(D(2023, 11, 20))
    assert not TABLE.is_session(D(2024, 11, 20))
    assert not TABLE.is_session(D(2029, 11, 20))


def test_as_of_follows_summer_time_until_2019() -> None:
    assert TABLE.as_of(D(2018, 7, 2)) == dt.datetime(2018, 7, 2, 11, 55, tzinfo=UTC)
    assert TABLE.as_of(D(2018, 11, 1)) == dt.datetime(2018, 11, 1, 11, 55, tzinfo=UTC)
    assert TABLE.as_of(D(2018, 11, 5)) == dt.datetime(2018, 11, 5, 10, 55, tzinfo=UTC)  # began on Sunday 4 November
    assert TABLE.as_of(D(2019, 2, 15)) == dt.datetime(2019, 2, 15, 10, 55, tzinfo=UTC)
    assert TABLE.as_of(D(2019, 2, 18)) == dt.datetime(2019, 2, 18, 11, 55, tzinfo=UTC)
    assert TABLE.as_of(D(2019, 12, 2)) == dt.datetime(2019, 12, 2, 11, 55, tzinfo=UTC)  # abolished


def test_as_of_grows_by_22_hours_at_least() -> None:
    moments = TABLE.frame()["as_of"].to_list()
    assert min(b - a for a, b in pairwise(moments)) >= dt.timedelta(hours=22)
    assert all(TABLE.as_of(k) == m for k, m in list(zip(KEYS, moments, strict=True))[::97])


def test_frame_holds_the_session_before() -> None:
    frame = TABLE.frame()
    assert frame.columns == ["session", "as_of", "prev_session"]
    assert frame.schema["as_of"] == pl.Datetime("us", "UTC")
    assert frame["prev_session"].to_list() == [None, *KEYS[:-1]]


def test_offset_moves_by_sessions() -> None:
    assert TABLE.offset(D(2024, 12, 23), 1) == D(2024, 12, 26)
    assert TABLE.offset(D(2025, 1, 2), -1) == D(2024, 12, 30)
    assert TABLE.offset(D(2025, 1, 2), 0) == D(2025, 1, 2)


def test_latest_turns_at_the_cut_off() -> None:
    cut = TABLE.as_of(D(2025, 3, 5))
    assert TABLE.latest(cut) == D(2025, 3, 5)
    assert TABLE.latest(cut - dt.timedelta(microseconds=1)) == D(2025, 2, 28)
    assert TABLE.latest(cut + dt.timedelta(hours=15)) == D(2025, 3, 5)
    sao_paulo = dt.timezone(dt.timedelta(hours=-3))
    assert TABLE.latest(dt.datetime(2025, 3, 5, 8, 55, tzinfo=sao_paulo)) == D(2025, 3, 5)


def test_assign_session_at_the_edges_keeps_row_order() -> None:
    cut, tick = TABLE.as_of(D(2018, 12, 3)), dt.timedelta(microseconds=1)
    df = _times(cut + tick, None, dt.datetime(2001, 1, 1, tzinfo=UTC), cut, dt.datetime(2031, 1, 1, tzinfo=UTC))
    assigned = assign_session(df, TABLE)
    assert assigned["session"].to_list() == [D(2018, 12, 4), None, D(2010, 1, 4), D(2018, 12, 3), None]
    assert assigned.drop("session").equals(df)
    assert assign_session(df.clear(), TABLE).schema["session"] == pl.Date


def test_session_of_an_expression_equals_session_of_the_series() -> None:
    df = _times(dt.datetime(2020, 5, 1, tzinfo=UTC), dt.datetime(2012, 2, 29, 12, tzinfo=UTC))
    by_expression = df.lazy().select(TABLE.session_of(pl.col("knowledge_time")).alias("s")).collect()["s"]
    assert by_expression.to_list() == TABLE.session_of(df["knowledge_time"]).to_list() == [D(2020, 5, 4), D(2012, 3, 1)]


@given(st.lists(INSTANTS, min_size=1, max_size=20))
@settings(max_examples=60)
def test_session_is_the_first_whose_cut_off_is_not_earlier(instants: list[dt.datetime]) -> None:
    for known, session in zip(instants, assign_session(_times(*instants), TABLE)["session"], strict=True):
        assert TABLE.as_of(session) >= known
        assert session == KEYS[0] or TABLE.as_of(TABLE.offset(session, -1)) < known


@given(INSTANTS.filter(lambda t: t >= TABLE.as_of(KEYS[0])))
@settings(max_examples=60)
def test_latest_has_begun_and_the_next_has_not(now: dt.datetime) -> None:
    session = TABLE.latest(now)
    assert TABLE.as_of(session) <= now
    assert session == KEYS[-1] or TABLE.as_of(TABLE.offset(session, 1)) > now


def test_a_shorter_table_agrees_with_the_long_one() -> None:
    part = Sessions(load_calendar("b3"), D(2020, 1, 1), D(2020, 12, 31))
    assert part.keys(D(2020, 1, 1), D(2020, 12, 31)) == [k for k in KEYS if k.year == 2020]
    assert all(part.as_of(k) == TABLE.as_of(k) for k in part.keys(D(2020, 1, 1), D(2020, 12, 31)))


def test_sessions_may_reach_the_calendars_last_day() -> None:
    assert Sessions(load_calendar("b3"), D(2035, 12, 1), D(2035, 12, 31)).is_session(D(2035, 12, 28))


def test_messages() -> None:
    with pytest.raises(ValueError, match=r"2024-12-24 \(Tuesday\) is not a session"):
        TABLE.as_of(D(2024, 12, 24))
    with pytest.raises(ValueError, match=r"2024-12-25 .*is not a session"):
        TABLE.offset(D(2024, 12, 25), 1)
    with pytest.raises(ValueError, match=r"5 sessions from 2030-12-30 leaves the sessions 2010-01-04..2030-12-30"):
        TABLE.offset(D(2030, 12, 30), 5)
    with pytest.raises(ValueError, match=r"2009-12-31 is outside the sessions 2010-01-04..2030-12-30"):
        TABLE.keys(D(2009, 12, 31), D(2010, 1, 5))
    with pytest.raises(ValueError, match="2031-01-02 is outside"):
        TABLE.is_session(D(2031, 1, 2))
    with pytest.raises(ValueError, match="has no time zone"):
        TABLE.latest(NAIVE)
    with pytest.raises(ValueError, match="no session has begun by 2010-01-04 10:00"):
        TABLE.latest(dt.datetime(2010, 1, 4, 10, tzinfo=UTC))
    with pytest.raises(ValueError, match="give instants with a time zone"):
        assign_session(pl.DataFrame({"knowledge_time": [NAIVE]}), TABLE)
    with pytest.raises(ValueError, match="no column 'known'"):
        assign_session(_times(None), TABLE, "known")
    with pytest.raises(ValueError, match=r"no business day in 2024-12-28..2024-12-29"):
        Sessions(load_calendar("b3"), D(2024, 12, 28), D(2024, 12, 29))
    with pytest.raises(ValueError, match="is after end"):
        Sessions(load_calendar("b3"), D(2024, 12, 30), D(2024, 12, 29))
