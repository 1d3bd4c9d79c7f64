"""Months as known at a refit: the vectors from which the monetary model is estimated.

Belongs here: reading a series' months at a session, and the panels of Brazil and of the United States. Does not belong
here: estimation (monetary_model.py). Everything is a decimal; NaN is a month without a value.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

import numpy as np
import numpy.typing as npt
import polars as pl

from macro_fund.agents.as_known import rows_of
from macro_fund.features.stats import one_sided_hp
from macro_fund.settings import NeutralRate

Vector = npt.NDArray[np.float64]
Months = npt.NDArray[np.datetime64]

SURVEYS = ("br_focus_ipca_12m_smooth", "br_focus_ipca_12m")
BR_SERIES = ("br_selic_target", "br_inflation_target", "br_ibc_br_sa", *SURVEYS)
US_SERIES = ("us_effr", "us_cpi_core", "us_cfnai")
US_TARGET = 0.02
# One unit of the Chicago Fed's index is a standard deviation of growth: read as one percent of output, judgement.
CFNAI_UNIT = 0.01


@dataclass(frozen=True)
class Panel:
    """Months (first days, in a row) with what a rule needs; `published` is NaN in months without a published r*."""

    months: Months
    rate: Vector
    real: Vector
    expected: Vector
    target: Vector
    gap: Vector
    published: Vector
    published_sd: Vector
    data_to: date
    knowledge_time: datetime


@dataclass(frozen=True)
class Known:
    """Rows of series by id, each known at some session; `at` gives the months of one as they stood at a session."""

    rows: Mapping[str, pl.DataFrame]

    @classmethod
    def of(cls, observations: pl.DataFrame, series: Sequence[str], last: date) -> Known:
        return cls({s: rows_of(observations, s, last) for s in series})

    def at(self, series_id: str, session: date, months: Months) -> Vector:
        """The last value of each of `months`, NaN where there is none."""
        rows = self._newest(series_id, session)
        out = np.full(months.size, np.nan)
        if rows.height and months.size:
            place = (rows["month"].to_numpy().astype("datetime64[M]") - months[0]).astype(np.int64)
            inside = (place >= 0) & (place < months.size)
            out[place[inside]] = rows["value"].to_numpy()[inside]
        return out

    def _newest(self, series_id: str, session: date) -> pl.DataFrame:
        """(month, value): of each month the newest period, in the newest vintage known at the session."""
        return (
            self.rows[series_id]
            .filter(pl.col("session") <= session)
            .sort("event_date", "session")
            .group_by(pl.col("event_date").dt.truncate("1mo").alias("month"), maintain_order=True)
            .agg(pl.col("value").last())
        )

    def first_month(self, series_id: str, session: date) -> np.datetime64 | None:
        day = self.rows[series_id].filter(pl.col("session") <= session)["event_date"].min()
        return np.datetime64(day, "M") if isinstance(day, date) else None

    def last_knowledge(self, session: date) -> datetime | None:
        times = [r.filter(pl.col("session") <= session)["knowledge_time"].max() for r in self.rows.values()]
        return max((t for t in times if isinstance(t, datetime)), default=None)


def _months(known: Known, policy: str, session: date) -> Months:
    """From the policy rate's first month to the one before the session's."""
    first = known.first_month(policy, session)
    last = np.datetime64(session, "M")
    return np.arange(first, last) if first is not None else np.arange(last, last)


def _one_sided_gap(index: Vector) -> Vector:
    log_index = np.log(index)
    return log_index - one_sided_hp(pl.Series(log_index)).fill_null(float("nan")).to_numpy()


def _published(months: Months, session: date, entries: Sequence[NeutralRate]) -> tuple[Vector, Vector]:
    """The number in force at the end of each month, of those public before the session, and its sd."""
    rate, sd = np.full(months.size, np.nan), np.full(months.size, 1.0)
    for entry in sorted(entries, key=lambda e: e.published):
        if entry.published < session:
            since = months >= np.datetime64(entry.published, "M")
            rate[since], sd[since] = entry.rate, entry.sd
    return rate, sd


def brazil(known: Known, session: date, entries: Sequence[NeutralRate]) -> Panel | None:
    """Selic target at month ends, the Focus survey of 12 months, the target a year on, the gap of the newest vintage.

    The gap's filter starts with the first month of IBC-Br, and the panel with that of the Selic. None without a Selic.
    """
    months = _months(known, "br_selic_target", session)
    times = known.last_knowledge(session)
    if not months.size or times is None:
        return None
    rate = known.at("br_selic_target", session, months)
    smooth, plain = (known.at(s, session, months) for s in SURVEYS)
    expected = np.where(np.isfinite(smooth), smooth, plain)
    years = dict(
        known.rows["br_inflation_target"]
        .filter(pl.col("session") <= session)
        .sort("event_date", "session")
        .select(pl.col("event_date").dt.year(), "value")
        .rows()
    )
    horizon = months.astype("datetime64[Y]").astype(np.int64) + 1971  # the year of the month twelve months on
    target = np.array([years.get(y, years.get(y - 1, np.nan)) for y in horizon.tolist()])
    start = known.first_month("br_ibc_br_sa", session)
    longer = np.arange(min(start, months[0]), months[-1] + 1) if start is not None else months
    gap = _one_sided_gap(known.at("br_ibc_br_sa", session, longer))[-months.size :]
    published, sd = _published(months, session, [e for e in entries if e.country == "br"])
    real = (1.0 + rate) / (1.0 + expected) - 1.0
    return Panel(months, rate, real, expected, target, gap, published, sd, _end(months, real), times)


def united_states(known: Known, session: date, entries: Sequence[NeutralRate]) -> Panel | None:
    """Effective fed funds at month ends, core CPI over twelve months (realised stands for expected), CFNAI of three
    months for the gap. None without a rate, or without a month of core inflation or activity."""
    months = _months(known, "us_effr", session)
    times = known.last_knowledge(session)
    if not months.size or times is None:
        return None
    rate = known.at("us_effr", session, months)
    index = known.at("us_cpi_core", session, months)
    core = np.full(months.size, np.nan)
    core[12:] = index[12:] / index[:-12] - 1.0
    activity = known.at("us_cfnai", session, months)
    gap = np.full(months.size, np.nan)
    gap[2:] = (activity[2:] + activity[1:-1] + activity[:-2]) / 3.0 * CFNAI_UNIT
    if not (np.isfinite(core).any() and np.isfinite(gap).any()):
        return None
    published, sd = _published(months, session, [e for e in entries if e.country == "us"])
    real = (1.0 + rate) / (1.0 + core) - 1.0
    target = np.full(months.size, US_TARGET)
    return Panel(months, rate, real, core, target, gap, published, sd, _end(months, real), times)


def _end(months: Months, real: Vector) -> date:
    """First day of the last month with a real rate; of the last month where there is none."""
    there = np.flatnonzero(np.isfinite(real))
    day: date = months[there[-1] if there.size else -1].astype("datetime64[D]").item()
    return day
