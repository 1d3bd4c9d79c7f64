"""Windows around events on real calendars, and positions inside them."""

from __future__ import annotations

from datetime import date

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from macro_fund.strategies.events import ENTRY, HOLD, event_positions, outside, phases


def window(event: date, days: list[date], first: int, last: int) -> dict[date, str | None]:
    frame = pl.DataFrame({"session": days, "event": [event] * len(days)}, schema_overrides={"event": pl.Date})
    return dict(zip(days, phases(frame, first, last).to_list(), strict=True))


def test_in_at_the_close_before_and_out_at_the_close_after() -> None:
    # FOMC of Wednesday 15 December 2021.
    days = [date(2021, 12, d) for d in (13, 14, 15, 16, 17)]
    assert list(window(date(2021, 12, 15), days, 1, 1).values()) == [None, ENTRY, HOLD, None, None]
    # T-5 to T-1 of the COPOM of Wednesday 8 December 2021 begins on Wednesday the 1st.
    days = [date(2021, 11, 30), *(date(2021, 12, d) for d in (1, 2, 3, 6, 7, 8, 9))]
    assert list(window(date(2021, 12, 8), days, 5, 1).values()) == [None, *[ENTRY] * 5, HOLD, None]


def test_an_event_on_a_brazilian_holiday() -> None:
    # The FOMC of 2 November 2016 met on a day on which B3 was shut: T-1 is the 1st, T+1 the 3rd.
    days = [date(2016, 10, 31), date(2016, 11, 1), date(2016, 11, 3)]
    assert list(window(date(2016, 11, 2), days, 1, 1).values()) == [None, ENTRY, None]


def test_no_event_no_window_and_a_wrong_one_is_refused() -> None:
    frame = pl.DataFrame({"session": [date(2021, 12, 14)], "event": [None]}, schema_overrides={"event": pl.Date})
    frame = frame.with_columns(phases(frame, 3, 1))
    assert frame["phase"].to_list() == [None]
    assert "no FOMC meeting is on the calendar" in frame.select(outside("FOMC meeting", 3, 1)).item()
    with pytest.raises(ValueError, match="must not be after the last"):
        phases(frame, 1, 3)


def positions(signal: list[float], phase: list[str | None], event: list[date | None] | None = None) -> list[int]:
    events = event or [date(2021, 12, 15)] * len(signal)
    frame = pl.DataFrame({"event": events, "phase": phase}, schema={"event": pl.Date, "phase": pl.String})
    return event_positions(frame, np.array(signal), 0.5, 0.125).to_list()


def test_nothing_is_opened_once_the_entry_is_over() -> None:
    assert positions([0.9, 0.9, 0.9], [None, ENTRY, HOLD]) == [0, 1, 1]
    assert positions([0.9, 0.4, 0.9], [None, ENTRY, HOLD]) == [0, 0, 0]
    assert positions([0.9, -0.9, -0.9], [ENTRY, ENTRY, HOLD]) == [1, -1, -1]
    assert positions([0.9, -0.9, -0.9], [ENTRY, HOLD, HOLD]) == [1, 0, 0]
    assert positions([0.9, 0.1, 0.9], [ENTRY, HOLD, HOLD]) == [1, 0, 0]


def test_a_day_without_a_signal_is_flat_and_keeps_the_state() -> None:
    assert positions([0.9, np.nan, 0.3], [ENTRY, HOLD, HOLD]) == [1, 0, 1]
    assert positions([np.nan, 0.9], [ENTRY, HOLD]) == [0, 0]


def test_the_next_event_starts_flat() -> None:
    two = [date(2021, 12, 15), date(2022, 1, 26)]
    assert positions([0.9, 0.4], [ENTRY, ENTRY], two) == [1, 0]


@given(
    st.lists(
        st.tuples(st.floats(-1, 1) | st.just(float("nan")), st.sampled_from([None, ENTRY, HOLD])),
        min_size=1,
        max_size=40,
    )
)
@settings(max_examples=150)
def test_a_position_lies_in_the_window_with_the_sign_of_its_signal(rows: list[tuple[float, str | None]]) -> None:
    signal, phase = [list(c) for c in zip(*rows, strict=True)]
    held = positions(signal, phase)
    for s, p, h in zip(signal, phase, held, strict=True):
        assert h == 0 or (p is not None and h == np.sign(s) and abs(s) > 0.125)
    for k in range(1, len(held)):
        opened = held[k] != 0 and held[k - 1] == 0 and not np.isnan(signal[k - 1])
        assert not opened or phase[k] == ENTRY
