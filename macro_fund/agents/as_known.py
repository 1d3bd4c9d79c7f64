"""What was known, and when: vintages and newest values of a series, session by session.

Belongs here: turning rows of silver/observations into the vectors that a model was able to see. Does not belong here:
any model, or which vintage of a period counts (features/known.py, whose `states` serve groups of monthly series).
Rows carry the session in which they became known; nothing here looks at another clock.

Three shapes serve every model:
* `vintages`: the whole vector of periods, once per change of information (monthly models are computed once per change,
  not once per session);
* `newest_known`: the newest period's value, one row per session in which it changed (levels);
* `knowledge_path`: periods in the order in which they became known (daily statistics).
`carry` brings any of them to sessions with a backward join, so a range of sessions and a single one agree bit by bit.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import polars as pl

from macro_fund.features.known import Vector, paths, published

if TYPE_CHECKING:
    from macro_fund.time.sessions import Sessions


@dataclass(frozen=True)
class Vintage:
    """One series as known from `session` on: every period (ascending) with its newest vintage then."""

    session: date
    periods: npt.NDArray[np.datetime64]
    values: Vector
    knowledge_time: datetime

    @property
    def newest(self) -> date:
        """The newest period known."""
        newest: date = self.periods[-1].item()
        return newest


def rows_of(observations: pl.DataFrame, series_id: str, last: date) -> pl.DataFrame:
    """Rows of one series known by session `last`, values finite, sorted by session, period and knowledge time.

    One row per (session, period): of two vintages within one session the later wins.
    """
    return published(_of(observations, series_id, last)).drop("series_id")


def _of(observations: pl.DataFrame, series_id: str, last: date) -> pl.DataFrame:
    return observations.filter((pl.col("series_id") == series_id) & (pl.col("session") <= last))


def vintages(observations: pl.DataFrame, series_id: str, last: date) -> list[Vintage]:
    """The series' vector at each session in which any of its periods was published or revised, up to `last`."""
    rows = rows_of(observations, series_id, last)
    known: dict[date, float] = {}
    newest_knowledge = datetime.min.replace(tzinfo=UTC)
    states = []
    for (session,), part in rows.group_by("session", maintain_order=True):
        known.update(zip(part["event_date"], part["value"], strict=True))
        newest_knowledge = max(newest_knowledge, *part["knowledge_time"])
        periods = sorted(known)
        values = np.array([known[p] for p in periods], dtype=np.float64)
        states.append(Vintage(session, np.array(periods, dtype="datetime64[D]"), values, newest_knowledge))
    return states


def newest_known(observations: pl.DataFrame, series_id: str, last: date) -> pl.DataFrame:
    """session, event_date, value, knowledge_time: the newest period's newest vintage, at each session it changed."""
    rows = rows_of(observations, series_id, last)
    rows = rows.filter(pl.col("event_date") >= pl.col("event_date").cum_max())
    return rows.unique("session", keep="last", maintain_order=True)


def knowledge_path(observations: pl.DataFrame, series_id: str, last: date) -> pl.DataFrame:
    """session, event_date, value, knowledge_time: periods in the order in which each became the newest known.

    A period that arrives after a newer one (a late correction) is left out: a statistic along the path at one period
    then never rests on something learned later.
    """
    return paths(_of(observations, series_id, last)).drop("series_id")


def carry(states: pl.DataFrame, grid: pl.DataFrame) -> pl.DataFrame:
    """Each session of `grid` with the latest row of `states` at or before it; nulls before the first."""
    states = states.sort("session", maintain_order=True).unique("session", keep="last", maintain_order=True)
    return grid.join_asof(states, on="session", strategy="backward")


def per_state(
    observations: pl.DataFrame,
    series_ids: Sequence[str],
    last: date,
    compute: Callable[[Mapping[str, Vintage]], Mapping[str, float | None]],
    names: Iterable[str],
) -> pl.DataFrame:
    """`compute` run once per change of information in any of the series, from the state in which all have a vector.

    Returns session, event_date (oldest of the series' newest periods: what the number is as fresh as), knowledge_time
    and a Float64 column per name.
    """
    changes: dict[date, dict[str, Vintage]] = {}
    for series_id in series_ids:
        for vintage in vintages(observations, series_id, last):
            changes.setdefault(vintage.session, {})[series_id] = vintage
    known: dict[str, Vintage] = {}
    rows: list[dict[str, object]] = []
    for session in sorted(changes):
        known.update(changes[session])
        if len(known) < len(series_ids):
            continue
        rows.append(
            {
                "session": session,
                "event_date": min(v.newest for v in known.values()),
                "knowledge_time": max(v.knowledge_time for v in known.values()),
                **compute(known),
            }
        )
    schema = pl.Schema({"session": pl.Date(), "event_date": pl.Date(), "knowledge_time": pl.Datetime("us", "UTC")})
    schema.update({n: pl.Float64() for n in names})
    return pl.DataFrame(rows, schema=schema, orient="row")


def age_days() -> pl.Expr:
    """Calendar days from event_date to the session."""
    return (pl.col("session") - pl.col("event_date")).dt.total_days()


def require_sessions(sessions: Sequence[date], table: Sessions) -> None:
    """Raises ValueError when no session is asked for, or a day that is not one."""
    if not sessions:
        raise ValueError("no sessions asked for; give at least one")
    for day in sessions:
        if not table.is_session(day):
            raise ValueError(f"{day} is not a trading session; ask for days of the session calendar")
