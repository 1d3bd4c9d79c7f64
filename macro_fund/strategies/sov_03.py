"""SOV-03: markets and macro lead the rating agencies: the change that they point to, beyond what the outlook says.

Belongs here: the regressors, the sample of months and the score. Does not belong here: the ordered logit (ordinal.py),
the prior of the outlook (migration.py), the agencies' actions (config/ratings.yaml). Claim: docs/strategies.md.
Signal > 0 expects an upgrade: receive.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
import numpy.typing as npt
import polars as pl

from macro_fund.settings import RatingAction, Strategy
from macro_fund.strategies.judge import judged
from macro_fund.strategies.migration import migrations, outlook, outlook_prior
from macro_fund.strategies.monthly import Monthly, as_published, month_means
from macro_fund.strategies.ordinal import ordered_logit
from macro_fund.strategies.panel import Panel
from macro_fund.strategies.refit import in_force, month_starts
from macro_fund.strategies.registry import register
from macro_fund.strategies.rows import Leg, parameter, table_rows, trade_rows

Vector = npt.NDArray[np.float64]
Days = npt.NDArray[np.datetime64]

OBSERVATIONS = "silver/observations"
DEBT, ACTIVITY = "br_dbgg_gdp", "br_ibc_br_sa"
SPREADS = ("br_embi_brazil", "em_corp_oas")
SPREAD_WORDS = ("EMBI+ Brazil", "EM corporate spread")
YEAR = 12
# 126 business days are half a year of the calendar.
HORIZON_MONTHS = 6
FIRST = date(2005, 1, 1)
LEG_SHARE = 0.5


@dataclass(frozen=True)
class Forecast:
    """P(upgrade) and P(downgrade) within the horizon by the model and by the outlook alone, and what they rest on."""

    up: float
    down: float
    prior_up: float
    prior_down: float
    months: int
    changes: int
    spread: int


def score(forecast: Forecast, threshold: float) -> float:
    """s = 2 dP, clipped, where |dP| > threshold, else 0.

    dP: P(up) + P(no change) / 2 by the model less the same by the outlook; so 2 dP is the change in P(up) - P(down).
    """
    gap = ((forecast.up - forecast.down) - (forecast.prior_up - forecast.prior_down)) / 2.0
    return float(np.clip(2.0 * gap, -1.0, 1.0)) if abs(gap) > threshold else 0.0


def _known_at(months: Days, values: Vector, public: Days, days: Days, max_age: int) -> Vector:
    """Value of the newest month public before each day; NaN where there is none or it is older than max_age days."""
    order = np.argsort(public, kind="stable")
    newest = np.maximum.accumulate(months[order]) if months.size else months
    at = np.searchsorted(public[order], days.astype(public.dtype)) - 1
    row = np.maximum(at, 0)
    if not months.size:
        return np.full(days.size, np.nan)
    month = newest[row]
    value = values[np.searchsorted(months, month)]
    age = (days - month.astype("datetime64[D]")).astype(int)
    return np.where((at >= 0) & (age <= max_age), value, np.nan)


def _change(months: Days, values: Vector, *, logs: bool) -> Vector:
    """Change over twelve months (of the logs), NaN where the month a year before is not known."""
    year_ago = months.astype("datetime64[M]") - YEAR
    at = np.searchsorted(months.astype("datetime64[M]"), year_ago)
    found = months.astype("datetime64[M]")[np.minimum(at, max(months.size - 1, 0))] == year_ago if months.size else at
    level = np.log(values) if logs else values
    return np.where(found, level - level[np.minimum(at, max(months.size - 1, 0))], np.nan) if months.size else level


@dataclass(frozen=True)
class Sources:
    """The monthly vectors that the regressors rest on."""

    debt: Monthly
    activity: Monthly
    spreads: tuple[Monthly, ...]

    def table(self, session: date, days: Days, max_age: int, spread_max_age: int) -> Vector:
        """Regressors (days, 2 + spreads) known before each day, in the vintages of `session`: change of gross debt
        over a year, growth of activity over a year, and the log of each candidate for the spread."""
        parts = []
        for monthly, logs in ((self.debt, False), (self.activity, True)):
            months, values, public = monthly.known(session)
            parts.append(_known_at(months, _change(months, values, logs=logs), public, days, max_age))
        for monthly in self.spreads:
            months, values, public = monthly.known(session)
            parts.append(_known_at(months, np.log(values), public, days, spread_max_age))
        return np.column_stack(parts)


def forecasts(
    sources: Sources, ratings: Sequence[RatingAction], params: Strategy, days: Sequence[date]
) -> list[Forecast | str]:
    """For each of `days` (a month's first session) the forecast made that morning, or why there is none."""
    ages = int(parameter(params, "max_age_days")), int(parameter(params, "spread_max_age_days"))
    minimum = int(parameter(params, "months_min"))
    found: list[Forecast | str] = []
    for day in days:
        months = np.arange(np.datetime64(FIRST, "M"), np.datetime64(day, "M")).astype("datetime64[D]")
        table = sources.table(day, np.append(months, np.datetime64(day, "D")), *ages)
        chosen = next((k for k in range(len(SPREADS)) if np.isfinite(table[-1, 2 + k])), -1)
        if not np.isfinite(table[-1, :2]).all() or chosen < 0:
            names = ("gross debt", "IBC-Br")
            lacking = [n for n, v in zip(names, table[-1], strict=False) if not np.isfinite(v)]
            found.append(f"{', '.join([*lacking, *(['credit spread'] if chosen < 0 else [])])} missing or stale")
            continue
        x = table[:, [0, 1, 2 + chosen]]
        ends = (months.astype("datetime64[M]") + HORIZON_MONTHS).astype("datetime64[D]")
        # A month counts once its half year is over: what was announced before the morning of `day` is known.
        use = np.isfinite(x[:-1]).all(axis=1) & (ends <= np.datetime64(day, "D"))
        outcome = migrations(ratings, months[use], ends[use])
        if outcome.size < minimum:
            found.append(f"history too short: {outcome.size} months with an outcome, {minimum} needed")
            continue
        fit = ordered_logit(x[:-1][use], outcome, x[-1])
        if fit is None:
            found.append("too few rating changes so far for an ordered logit")
            continue
        states = outlook(ratings, np.append(months[use], np.datetime64(day, "D")))
        prior = outlook_prior(states[:-1], outcome, int(states[-1]))
        found.append(Forecast(*fit, *prior, outcome.size, int(np.sum(outcome != 0)), chosen))
    return found


def _frame(panel: Panel, params: Strategy, grid: pl.DataFrame) -> pl.DataFrame:
    observations, last = panel.table(OBSERVATIONS), grid["session"][-1]
    sources = Sources(
        as_published(observations, DEBT, last),
        as_published(observations, ACTIVITY, last),
        tuple(month_means(observations, s, last) for s in SPREADS),
    )
    starts = month_starts(grid["session"])
    days = [grid["session"][int(k)] for k in starts]
    known = forecasts(sources, panel.ratings, params, days)
    at = in_force(starts, np.arange(grid.height))
    threshold, full = parameter(params, "threshold"), parameter(params, "months_full")
    rows = [_row(f, threshold, full) for f in known]
    per_month = pl.DataFrame(
        rows, schema=["s", "z", "words", "missing", "weak", "confidence"], orient="row", infer_schema_length=None
    )
    frame = grid.hstack(per_month.with_columns(pl.col("s", "z", "confidence").cast(pl.Float64))[at])
    return judged(
        frame,
        params,
        words=pl.col("words").cast(pl.String),
        missing=pl.col("missing").cast(pl.String),
        weak=pl.col("weak").cast(pl.String),
        confidence=pl.col("confidence"),
    )


def _row(
    forecast: Forecast | str, threshold: float, full: float
) -> tuple[float | None, float | None, str, str, str, float | None]:
    """signal of the leg, z, words, missing, weak, confidence of one month."""
    if isinstance(forecast, str):
        return None, None, "", forecast, "", None
    s = score(forecast, threshold)
    words = (
        f"P(up) {forecast.up:.2f}, P(down) {forecast.down:.2f} in half a year; by the outlook alone "
        f"{forecast.prior_up:.2f} and {forecast.prior_down:.2f}; "
        f"{forecast.changes} of {forecast.months} months with a change"
    )
    weak = f"proxy: {SPREAD_WORDS[forecast.spread]} stands for the CDS; few events"
    return LEG_SHARE * s, s, words, "", weak, min(1.0, forecast.months / full)


@register(
    "SOV-03",
    hypothesis="Spreads and macro lead the rating agencies, and forced flows follow their changes.",
    falsified_by="Brier score not better than that of the outlook, or net Sharpe <= 0 over 5 years",
    inputs=("silver/leg_returns", OBSERVATIONS),
    series=(DEBT, ACTIVITY, *SPREADS),
)
def signals(panel: Panel, params: Strategy, sessions: list[date]) -> pl.DataFrame:
    """Table signals/sov_03: one row per session; z is the score, and the signal of the DI leg half of it.

    The ordered logit (rating change of the next half year on the change of gross debt, growth and a credit spread) is
    refitted on each month's first session with months whose half year is over, and kept to the month's end.
    """
    frame = _frame(panel, params, panel.grid(sessions))
    trades = [trade_rows(frame, panel, params, [Leg(i)]) for i in params.instruments]
    return table_rows(trades, params, sessions)
