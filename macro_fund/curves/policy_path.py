"""Policy path: the overnight rate between COPOM meetings that the DI curve implies.

Belongs here: the step function through the DI1 contracts. Does not belong here: the flat-forward curve (di.py), what
the committee should do (agents/). Rates are decimals, exponential on 252 business days.

The overnight rate is constant between effective days (the business day after a decision). Steps are the least-squares
fit of all contracts inside the horizon, in rates, with a small penalty on the second difference of the steps, which
decides only what the contracts leave open. The CDI runs below the target, so the implied target is the step plus
today's difference between target and CDI, never the step alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import numpy.typing as npt
import polars as pl

from macro_fund.curves.di import DiCurves
from macro_fund.curves.flat_forward import YEAR_BD
from macro_fund.curves.known import as_known, vintages
from macro_fund.store.tables import TABLES
from macro_fund.time.calendars import BusinessCalendar

MEETINGS_AHEAD = 12
SPACING_DAYS = 45  # eight meetings a year: the guess for years whose calendar is not public yet
# The central bank announces a year's meetings in the course of the year before: later than here in none we know of.
ANNOUNCED = (11, 1)
SMOOTHNESS = 0.01  # weight of a squared second difference of the steps against a squared miss at a contract; judgement
_TABLE = TABLES["silver/policy_path"]

Array = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Fit:
    """One path. `steps`: overnight rates (decimal, 252), the first the one in force; `miss_bp`: by contract."""

    steps: Array
    miss_bp: Array


def meetings_known(day: date, meetings: Sequence[date], count: int = MEETINGS_AHEAD) -> list[tuple[date, bool]]:
    """The next `count` meetings from `day` on (its own decision comes after the settlement): (last day, announced).

    A year's meetings are announced by 1 November of the year before; after the last one announced a meeting is assumed
    every 45 days. Raises ValueError when not one meeting is announced: the list of meetings ends too early.
    """
    year = day.year + ((day.month, day.day) >= ANNOUNCED)
    ahead = [(m, True) for m in sorted(meetings) if m >= day and m.year <= year][:count]
    last = ahead[-1][0] if ahead else max((m for m in meetings if m < day), default=None)
    if last is None or (day - last).days > 2 * SPACING_DAYS:
        raise ValueError(f"no COPOM meeting is known on {day}: add them to config/releases/copom_meetings.yaml")
    while len(ahead) < count:
        last += timedelta(days=SPACING_DAYS)
        if last >= day:
            ahead.append((last, False))
    return ahead


def fit_steps(bdays: npt.ArrayLike, rates: npt.ArrayLike, starts: npt.ArrayLike) -> Fit:
    """Steps of the overnight rate from contracts (business days to expiry >= 1, rates) of one day.

    starts: business days from the curve's day at which each new step begins, ascending, >= 1; the step in force begins
    at 0. Raises ValueError for fewer than two contracts or starts out of order.
    """
    days, level = np.asarray(bdays, dtype=np.float64), np.asarray(rates, dtype=np.float64)
    begin = np.concatenate([[0.0], np.asarray(starts, dtype=np.float64)])
    if days.size < 2 or np.any(np.diff(begin) <= 0):
        raise ValueError("a policy path needs two contracts or more and meetings in order, one a day")
    end = np.append(begin[1:], np.inf)
    inside = np.clip(days[:, None] - begin, 0.0, end - begin)  # business days of each contract in each step
    design = inside / days[:, None]
    curvature = np.diff(np.eye(begin.size), n=2, axis=0) * np.sqrt(SMOOTHNESS)
    left = np.vstack([design, curvature])
    right = np.concatenate([np.log1p(level), np.zeros(curvature.shape[0])])
    steps = np.linalg.lstsq(left, right, rcond=None)[0]
    return Fit(np.expm1(steps), (np.expm1(design @ steps) - level) * 1e4)


def policy_path(
    built: DiCurves, targets: pl.DataFrame, meetings: Sequence[date], calendar: BusinessCalendar
) -> pl.DataFrame:
    """silver/policy_path: for each session the steps after the next 12 meetings, from the curve that it knows.

    built: curves of the sessions (`di.build`). targets: rows (session, event_date, value) of the Selic target, decimal.
    meetings: last days of the COPOM's meetings. Sessions that share a curve share its fit. A curve with fewer than two
    contracts inside the horizon has no path; without CDI or target the path has no implied target.
    """
    days = _with_anchor(built.days, targets)
    curves = days.select("curve_date", "version", "anchor").unique(maintain_order=True)
    quotes = built.quotes.partition_by("curve_date", "version", as_dict=True)
    parts = []
    for day, version, anchor in curves.iter_rows():
        if (found := _path(day, anchor, quotes[day, version], meetings, calendar)) is not None:
            keys = {"curve_date": day, "version": version, "anchor": anchor}
            parts.append(found.with_columns(**{k: pl.lit(v, curves.schema[k]) for k, v in keys.items()}))
    if not parts:
        return _TABLE.empty()
    paths = days.join(pl.concat(parts), on=["curve_date", "version", "anchor"], nulls_equal=True)
    return (
        paths.with_columns(implied_target=pl.col("step_rate") + pl.col("basis"))
        .select(list(_TABLE.schema))
        .cast(pl.Schema(_TABLE.schema))
        .sort(_TABLE.sort)
    )


def _with_anchor(days: pl.DataFrame, targets: pl.DataFrame) -> pl.DataFrame:
    """(session, curve_date, version, basis, anchor): target less CDI, and the overnight rate in force that day.

    The newest CDI known can be of before a decision that the contracts have in them already: the anchor moves with the
    target from the CDI's day to the curve's.
    """
    target = vintages(targets, ["event_date"]).select("session", "event_date", "value")
    rate = (1.0 + pl.col("cdi")) ** YEAR_BD - 1.0
    then = as_known(days.with_columns(event_date="cdi_date"), target, ["event_date"]).rename({"value": "then"})
    now = as_known(then.with_columns(event_date="curve_date"), target, ["event_date"]).rename({"value": "now"})
    moved = (pl.col("now") - pl.col("then")).fill_null(0.0)
    return now.select("session", "curve_date", "version", basis=pl.col("then") - rate, anchor=rate + moved)


def _path(
    day: date, anchor: float | None, quotes: pl.DataFrame, meetings: Sequence[date], calendar: BusinessCalendar
) -> pl.DataFrame | None:
    """(meeting, announced, effective_bd, step_rate, change_bp, fit_bp) of one curve; None without enough contracts."""
    ahead = meetings_known(day, meetings)
    last = np.array([m for m, _ in ahead], dtype="datetime64[D]")
    known = np.full(last.size, np.datetime64(day))
    effective = calendar.offset_many(last + np.timedelta64(1, "D"), 0, known_on=known)
    starts = calendar.count_many(known, effective, known_on=known)
    horizon = starts[-1] + (starts[-1] - starts[-2])
    near = quotes.filter(pl.col("bdays") <= int(horizon)).sort("bdays")
    bdays, rates = near["bdays"].to_numpy(), near["rate"].to_numpy()
    if anchor is not None and (not bdays.size or bdays[0] > 1):
        bdays, rates = np.append(1, bdays), np.append(anchor, rates)
    if bdays.size < 2:
        return None
    fit = fit_steps(bdays, rates, starts)
    return pl.DataFrame(
        {
            "meeting": last,
            "announced": [known for _, known in ahead],
            "effective_bd": starts,
            "step_rate": fit.steps[1:],
            "change_bp": np.diff(fit.steps) * 1e4,
            "fit_bp": float(np.abs(fit.miss_bp).max()),
        }
    )
