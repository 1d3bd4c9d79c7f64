"""Inputs of the inflation agent: the monthly vectors of one state of information.

Belongs here: which series, the gap, import prices, expectations by month, and what stands in for a missing survey.
Does not belong here: models (inflation_phillips.py, inflation_bottom_up.py). Everything is decimal; monthly rates are
not annualised.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, MutableMapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

import numpy as np
import numpy.typing as npt
import polars as pl

from macro_fund.features.known import Months, State, Vector, paths, states
from macro_fund.features.stats import one_sided_hp

HEADLINE, FREE, ADMINISTERED = "br_ipca_mom", "br_ipca_free", "br_ipca_administered"
YEAR = "br_ipca_12m"
GROUPS = (
    "food_beverages",
    "housing",
    "household_articles",
    "apparel",
    "transport",
    "communication",
    "health_personal_care",
    "personal_expenses",
    "education",
)
GROUP_SERIES = tuple(f"br_ipca_grp_{g}" for g in GROUPS)
# Twice a month, first half of the month before to first half of its own; IBGE's own table is public the same morning.
MID_MONTH = "br_sidra_ipca15_mom_history"
ACTIVITY, IMPORTED, TARGET = "br_ibc_br_sa", "br_icbr_all_brl", "br_inflation_target"
PRICES = (HEADLINE, FREE, ADMINISTERED, *GROUP_SERIES)
SURVEYS = ("br_focus_ipca_12m_smooth", "br_focus_ipca_12m")
MONTHLY = (*PRICES, YEAR, MID_MONTH, ACTIVITY, IMPORTED, TARGET)
SERIES = (*MONTHLY, *SURVEYS)
MIN_OVERLAP = 24
# Activity comes out five weeks after prices, commodity prices on the same days.
GAP_MAX_BEHIND, IMPORTED_MAX_BEHIND = 3, 1


@dataclass(frozen=True)
class Economy:
    """What is known from `session` on, by month from the first IPCA to the newest one published; NaN where unknown.

    year: 12-month IPCA. expected: 12-month IPCA expected at the month's end, from the survey where there is one
    (`surveyed`), else the stand-in: `backward_weight` of realised 12-month IPCA, the rest of the target. gap: one-sided
    output gap, fraction of trend. imported: monthly log change of commodity prices in BRL. mid_month: IPCA-15;
    mid_month_next: the one of the month after the newest, None before it is out. target: of the year in which the month
    12 ahead lies.
    """

    session: date
    months: Months
    prices: Mapping[str, Vector]
    year: Vector
    mid_month: Vector
    mid_month_next: float | None
    gap: Vector
    imported: Vector
    expected: Vector
    surveyed: npt.NDArray[np.bool_]
    target: Vector
    backward_weight: float
    knowledge_time: datetime

    @property
    def newest(self) -> date:
        """First day of the newest month of IPCA."""
        day: date = self.months[-1].astype("datetime64[D]").item()
        return day

    def behind(self, vector: Vector) -> int:
        """Months by which the vector's newest value is behind prices."""
        known = np.flatnonzero(np.isfinite(vector))
        return int(vector.size - 1 - known[-1]) if known.size else int(vector.size)

    def late(self) -> list[str]:
        """What is later than its publication allows, in words."""
        limits = (("IBC-Br", self.gap, GAP_MAX_BEHIND), ("IC-Br", self.imported, IMPORTED_MAX_BEHIND))
        return [f"{n} is {self.behind(v)} months behind IPCA" for n, v, limit in limits if self.behind(v) > limit]

    def stand_in(self, backward_weight: float) -> float:
        """What is expected now where no survey says so."""
        return backward_weight * float(self.year[-1]) + (1.0 - backward_weight) * float(self.target[-1])


def surveys(observations: pl.DataFrame) -> pl.DataFrame:
    """session, event_date, value, knowledge_time of the 12-month survey by survey day, the smoothed median first.

    Sorted by session and day.
    """
    order = pl.col("series_id").replace_strict(list(SURVEYS), range(len(SURVEYS)), return_dtype=pl.Int32, default=9)
    rows = paths(observations.filter(pl.col("series_id").is_in(SURVEYS))).with_columns(order.alias("_order"))
    best = rows.sort("event_date", "_order").unique("event_date", keep="first", maintain_order=True)
    return best.sort("session", "event_date").select("session", "event_date", "value", "knowledge_time")


def economies(observations: pl.DataFrame, sessions: Sequence[date]) -> Iterator[Economy]:
    """The economy at the newest change of any monthly series at or before the first session, and at each later one.

    Nothing before headline IPCA, its parts and the target are known.
    """
    survey = surveys(observations)
    gaps: dict[bytes, Vector] = {}
    for state in states(observations, MONTHLY, sessions):
        found = _economy(state, survey.filter(pl.col("session") <= state.session), gaps)
        if found is not None:
            yield found


def economy_at(observations: pl.DataFrame, session: date) -> Economy | None:
    """The economy as a session knows it, with that session's surveys; None before prices are known."""
    known = observations.filter(pl.col("session") <= session)
    newest = list(states(known, MONTHLY, [session]))
    return _economy(newest[-1], surveys(known), {}) if newest else None


def _economy(state: State, survey: pl.DataFrame, gaps: MutableMapping[bytes, Vector]) -> Economy | None:
    months, columns = state.common(*PRICES)
    if not months.size or not np.isfinite(state.values[TARGET]).any():
        return None
    at = int((months[0] - state.months[0]).astype(int))
    part = slice(at, at + months.size)
    prices = dict(zip(PRICES, columns, strict=True))
    target = _targets(state, months)
    expected, surveyed = _month_end_surveys(survey, months)
    year = state.values[YEAR][part]
    weight = _backward_weight(expected, year, target)
    known = [state.knowledge_time, *survey["knowledge_time"].tail(1)]
    following = state.values[MID_MONTH][at + months.size : at + months.size + 1]
    index = state.values[ACTIVITY][: at + months.size]
    if index.tobytes() not in gaps:
        gaps[index.tobytes()] = _gap(index)
    return Economy(
        session=state.session,
        months=months,
        prices=prices,
        year=year,
        mid_month=state.values[MID_MONTH][part],
        mid_month_next=float(following[0]) if following.size and np.isfinite(following[0]) else None,
        gap=gaps[index.tobytes()][part],
        imported=_log_change(state.values[IMPORTED])[part],
        expected=np.where(surveyed, expected, weight * year + (1.0 - weight) * target),
        surveyed=surveyed,
        target=target,
        backward_weight=weight,
        knowledge_time=max(known),
    )


def _gap(index: Vector) -> Vector:
    """Log index less its one-sided Hodrick-Prescott trend."""
    log_index = np.log(index)
    trend = one_sided_hp(pl.Series(log_index).fill_nan(None)).fill_null(float("nan")).to_numpy()
    out: Vector = log_index - trend
    return out


def _log_change(index: Vector) -> Vector:
    return np.diff(np.log(index), prepend=np.nan)


def _targets(state: State, months: Months) -> Vector:
    """By month, the target of the year in which the month twelve ahead lies, else the newest year that has one."""
    known = np.flatnonzero(np.isfinite(state.values[TARGET]))
    if not known.size:
        return np.full(months.size, np.nan)
    years = state.months[known].astype("datetime64[Y]").astype(int)
    wanted = (months + 12).astype("datetime64[Y]").astype(int)
    place = np.clip(np.searchsorted(years, wanted, side="right") - 1, 0, None)
    out: Vector = state.values[TARGET][known][place]
    return out


def _month_end_surveys(survey: pl.DataFrame, months: Months) -> tuple[Vector, npt.NDArray[np.bool_]]:
    """Last survey of each month, and whether the month has one."""
    out = np.full(months.size, np.nan)
    day = survey["event_date"].to_numpy().astype("datetime64[M]")
    place = (day - months[0]).astype(int)
    inside = (place >= 0) & (place < months.size)
    order = np.argsort(survey["event_date"].to_numpy()[inside], kind="stable")
    out[place[inside][order]] = survey["value"].to_numpy()[inside][order]
    return out, np.isfinite(out)


def _backward_weight(expected: Vector, year: Vector, target: Vector) -> float:
    """Share of realised 12-month inflation, against the target, that fits the surveys best, in [0, 1].

    Least squares through zero of survey - target on 12 months - target; a half with fewer than MIN_OVERLAP months.
    """
    x, y = year - target, expected - target
    both = np.isfinite(x) & np.isfinite(y)
    if both.sum() < MIN_OVERLAP:
        return 0.5
    slope, *_ = np.linalg.lstsq(x[both][:, None], y[both], rcond=None)
    return float(np.clip(slope[0], 0.0, 1.0))
