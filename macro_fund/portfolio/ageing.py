"""How much of a strategy's confidence is left when an input is late.

    discount = 0.5 ^ (late / half-life),   0 beyond three periods

`late` is the age of the newest value beyond its normal lag: the business days (of the provider's own calendar) from the
period that is known to the one that the publication rule makes public by the session's as_of. A monthly series on the
day before its release is weeks old and not late. Half-lives are 2, 5, 15 and 30 business days for daily, weekly,
monthly and quarterly inputs, periods 1, 5, 21 and 63 (quant design, section 5; judgement). Events at no fixed distance
are never late. A strategy has the discount of its latest input.

What is discounted here: the series of the strategy's registration and the DI curve, where it reads one. What is not,
because the strategy has done it: views of agents (a degraded view lowers the confidence of what rests on it) and values
older than their max_age_days (no view at all). Settlements behind a volatility tell no direction and are not counted.

Belongs here: the discount of each strategy and session. Does not belong here: when something is due (sources/due.py).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import numpy.typing as npt
import polars as pl

from macro_fund.settings import Publication, Series
from macro_fund.sources.due import due_at
from macro_fund.time.calendars import load_calendar

Vector = npt.NDArray[np.float64]

HALF_LIFE = {"D": 2.0, "W": 5.0, "M": 15.0, "Q": 30.0, "A": 30.0}
PERIOD = {"D": 1, "W": 5, "M": 21, "Q": 63, "A": 252}
PERIODS_LEFT = 3
SCHEMA = pl.Schema({"session": pl.Date, "strategy_id": pl.String, "discount": pl.Float64, "late": pl.String})


@dataclass(frozen=True)
class Input:
    """A dated input: its name, how often it comes and when it is public."""

    id: str
    frequency: str
    rule: Publication


def input_of(series: Series, name: str | None = None) -> Input:
    """A series of the catalogue as an input, by another name where given."""
    return Input(name or series.id, series.frequency, series.publication)


def discount(late: Vector, frequency: str) -> Vector:
    """Share of confidence left after `late` business days beyond the normal lag, elementwise; 1 for an event."""
    if frequency not in HALF_LIFE:
        return np.ones_like(late)
    left = np.power(0.5, np.maximum(late, 0.0) / HALF_LIFE[frequency])
    return np.where(late > PERIODS_LEFT * PERIOD[frequency], 0.0, left)


def discounts(
    inputs: Mapping[str, Sequence[Input]], known: pl.DataFrame, times: pl.DataFrame, sessions: Sequence[date]
) -> pl.DataFrame:
    """session, strategy_id, discount, late (in words, empty when nothing is): one row for each session and strategy.

    inputs: by strategy. times: session, as_of. known: session, item, event_date: the newest period of each input known
    at each session (an input without a row is missing, of which the strategy itself has to speak: it is not counted).
    """
    grid = pl.DataFrame({"session": list(sessions)}, schema={"session": pl.Date}).join(
        times.select("session", "as_of"), on="session", how="left", maintain_order="left"
    )
    one_each = {i.id: i for items in inputs.values() for i in items}
    due: dict[tuple[Publication, str], pl.Series] = {}
    late = {name: _late(item, known, grid, due) for name, item in sorted(one_each.items())}
    frames = [SCHEMA.to_frame()]
    frames += [_of_strategy(name, items, late, grid["session"]) for name, items in sorted(inputs.items())]
    return pl.concat(frames).sort("session", "strategy_id")


def _late(
    item: Input, known: pl.DataFrame, grid: pl.DataFrame, due: dict[tuple[Publication, str], pl.Series]
) -> Vector:
    """Business days that an input is late at each session: 0 when it is there, or not known at all."""
    if item.frequency not in HALF_LIFE:
        return np.zeros(grid.height)
    rule = (item.rule, item.frequency)
    if rule not in due:  # many inputs share a rule
        due[rule] = due_at(*rule, grid["as_of"])
    rows = known.filter(pl.col("item") == item.id).select("session", "event_date")
    frame = grid.select("session").join(rows, on="session", how="left", maintain_order="left")
    frame = frame.with_columns(due[rule].alias("due")).with_row_index("row")
    behind = frame.filter(pl.col("event_date") < pl.col("due"))
    days = np.zeros(grid.height)
    # (event_date, due]: the business days on which a newer value came due.
    start, end = (behind[c] + timedelta(days=1) for c in ("event_date", "due"))
    days[behind["row"].to_numpy()] = load_calendar(item.rule.calendar).count_many(start, end)
    return days


def _of_strategy(name: str, items: Sequence[Input], late: Mapping[str, Vector], sessions: pl.Series) -> pl.DataFrame:
    """The smallest discount of a strategy's inputs, and which of them it is."""
    frame = pl.DataFrame({"session": sessions, "strategy_id": [name] * len(sessions)})
    left = np.ones((len(sessions), 1 + len(items)))  # the first column: nothing is late
    for k, item in enumerate(items, start=1):
        left[:, k] = discount(late[item.id], item.frequency)
    worst = left.argmin(axis=1)
    words = np.full(len(sessions), "", dtype=object)
    for row in np.flatnonzero(worst).tolist():
        item = items[worst[row] - 1]
        words[row] = f"{item.id} is {late[item.id][row]:.0f} business days late"
    return frame.with_columns(
        pl.Series("discount", left.min(axis=1)), pl.Series("late", words.tolist(), dtype=pl.String)
    )
