"""Monthly refits of the equilibrium real exchange rate, and the record of its past forecasts.

Belongs here: which sources a refit takes, the tests that decide whether the equilibrium counts, the rows of
agents/fx_model. Does not belong here: the estimators (beer.py) or a session's view (fx.py).

A refit sees the vintage of its session and nothing else: no parameter comes from an earlier refit.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from macro_fund.agents.as_known import require_sessions
from macro_fund.agents.beer import (
    Correction,
    Relation,
    Trace,
    dols,
    error_correction,
    johansen_vector,
    past_forecasts,
    trace_test,
)
from macro_fund.agents.evaluate import rmse_ratio
from macro_fund.agents.fx_panel import REGRESSORS, SERIES, Panel, column, newest, panels
from macro_fund.agents.half_life import HalfLife, half_life
from macro_fund.agents.model import Estimate, model_frame, model_rows, refit_sessions
from macro_fund.features.known import Vector, require_ages

if TYPE_CHECKING:
    from macro_fund.time.sessions import Sessions

MIN_MONTHS = 120
MAX_LAG_MONTHS = 4
# The index must move with the dollar, or its sign is not what the model reads it as.
MIN_CORRELATION, MIN_SPOT_MONTHS = 0.3, 36
# One-sided 10%: a relation that the real exchange rate does not react to says nothing about it.
LOADING_T = -1.28
HORIZON, STEP, MIN_CASES = 12, 3, 8

PARAMETERS = (
    "used",
    "const",
    *(f"{kind}_{name}" for kind in ("beta", "source", "ml") for name in REGRESSORS),
    *("trace", "trace_critical", "rank", "loading", "half_life", "half_life_low", "half_life_high"),
    *("spot_correlation", "spot_slope", "rmse_ratio"),
)
"""Every refit has these; docs/agents/fx.md says what each is."""


@dataclass(frozen=True)
class Sample:
    """Months that the real exchange rate and the regressors share, and where each regressor comes from."""

    y: Vector
    x: Vector
    sources: Mapping[str, int]
    last: date

    @property
    def system(self) -> Vector:
        return np.column_stack([self.y, self.x])


@dataclass(frozen=True)
class Fit:
    """What one refit found; `against` says why the equilibrium does not count, empty when it does."""

    relation: Relation
    trace: Trace
    correction: Correction
    half_life: HalfLife
    maximum_likelihood: Vector
    rmse_ratio: float | None
    against: tuple[str, ...]


def _run(vector: Vector) -> int:
    """Months without a hole up to the newest known one."""
    end = newest(vector)
    if end is None:
        return 0
    holes = np.flatnonzero(~np.isfinite(vector[: end + 1]))
    return end - int(holes[-1]) if holes.size else end + 1


def _common(columns: Sequence[Vector]) -> slice:
    """The newest months that all columns have without a hole."""
    there = np.flatnonzero(np.all([np.isfinite(c) for c in columns], axis=0))
    breaks = np.flatnonzero(np.diff(there) > 1)
    return slice(int(there[breaks[-1] + 1] if breaks.size else there[0]), int(there[-1]) + 1)


def choose(panel: Panel) -> dict[str, int]:
    """The source of each regressor: the first with 120 months and at most 4 months behind the real exchange rate."""
    end = newest(panel.reer)
    chosen: dict[str, int] = {}
    for name, sources in REGRESSORS.items():
        for k in range(len(sources)):
            vector = panel.columns[column(name, k)]
            last = newest(vector)
            if end is not None and last is not None and end - last <= MAX_LAG_MONTHS and _run(vector) >= MIN_MONTHS:
                chosen[name] = k
                break
    return chosen


def sample(panel: Panel) -> Sample | None:
    """The estimation sample; None with fewer than 120 common months or no regressor at all."""
    chosen = choose(panel)
    if not chosen:
        return None
    columns = [panel.columns[column(name, k)] for name, k in chosen.items()]
    if not np.any(np.all([np.isfinite(c) for c in (panel.reer, *columns)], axis=0)):
        return None
    part = _common([panel.reer, *columns])
    if part.stop - part.start < MIN_MONTHS:
        return None
    last: date = panel.months[part.stop - 1].astype("datetime64[D]").item()
    return Sample(panel.reer[part], np.column_stack([c[part] for c in columns]), chosen, last)


def spot_relation(panel: Panel) -> tuple[float | None, float | None]:
    """Correlation of monthly log changes of the real exchange rate and the dollar, and slope of the one on the other.

    (None, None) with fewer than 36 months.
    """
    from statsmodels.regression.linear_model import OLS

    moves = np.column_stack([np.diff(panel.reer), np.diff(panel.spot)])
    moves = moves[np.isfinite(moves).all(axis=1)]
    if moves.shape[0] < MIN_SPOT_MONTHS or np.any(moves.std(axis=0) == 0):
        return None, None
    fit = OLS(moves[:, 0], np.column_stack([np.ones(moves.shape[0]), moves[:, 1]])).fit()
    return float(np.corrcoef(moves[:, 0], moves[:, 1])[0, 1]), float(np.asarray(fit.params)[1])


def fit(found: Sample, correlation: float | None) -> Fit:
    """Estimate on one sample and judge it."""
    trace = trace_test(found.system)
    relation = dols(found.y, found.x)
    correction = error_correction(found.y, found.x, relation)
    against = []
    if correlation is None or correlation < MIN_CORRELATION:
        shown = "unknown" if correlation is None else f"{correlation:.2f}"
        against.append(f"sign of the real exchange rate not confirmed: correlation with USDBRL {shown}")
    if trace.rank == 0:
        against.append(f"no cointegration at 10%: trace {trace.statistic:.1f} below {trace.critical:.1f}")
    if correction.t_value > LOADING_T:
        against.append(f"the real exchange rate does not correct: loading t {correction.t_value:.1f}")
    life = half_life(found.y, found.x, relation, correction)
    if life.months is None:
        against.append("no half-life: of gaps that never close, half would look at least as quick")
    past = past_forecasts(found.y, found.x, HORIZON, MIN_MONTHS, STEP)
    ratio = None
    if past.origin.size >= MIN_CASES:
        ratio = rmse_ratio(past.outcome, past.forecast, np.zeros(past.origin.size))
    return Fit(relation, trace, correction, life, johansen_vector(found.system), ratio, tuple(against))


def _estimates(found: Sample, result: Fit, panel: Panel) -> list[Estimate]:
    n = found.y.size
    relation, correction = result.relation, result.correction
    correlation, slope = spot_relation(panel)
    values: dict[str, tuple[float | None, float | None]] = {
        "used": (0.0 if result.against else 1.0, None),
        "const": (relation.const, float(relation.std_error[0])),
        "trace": (result.trace.statistic, None),
        "trace_critical": (result.trace.critical, None),
        "rank": (float(result.trace.rank), None),
        "loading": (correction.loading, correction.std_error),
        "half_life": (result.half_life.months, None),
        "half_life_low": (result.half_life.low, None),
        "half_life_high": (result.half_life.high, None),
        "spot_correlation": (correlation, None),
        "spot_slope": (slope, None),
        "rmse_ratio": (result.rmse_ratio, None),
    }
    for i, (name, k) in enumerate(found.sources.items()):
        values[f"beta_{name}"] = (float(relation.beta[i]), float(relation.std_error[i + 1]))
        values[f"source_{name}"] = (float(k), None)
        values[f"ml_{name}"] = (float(result.maximum_likelihood[i]), None)
    return [Estimate(p, *values.get(p, (None, None)), n_obs=n) for p in PARAMETERS]


def shortfalls(chosen: Mapping[str, int]) -> list[str]:
    """What the regressors lack, in words: those left out, and proxies."""
    absent = [name for name in REGRESSORS if name not in chosen]
    words = [f"left out for lack of data: {', '.join(absent)}"] if absent else []
    proxies = [f"{name} is {REGRESSORS[name][k].proxy}" for name, k in chosen.items() if REGRESSORS[name][k].proxy]
    return words + proxies


def refit(panel: Panel, session: date) -> list[dict[str, object]]:
    """Rows of agents/fx_model of one refit."""
    found = sample(panel)
    if found is None:
        empty = [Estimate(p, 0.0 if p == "used" else None) for p in PARAMETERS]
        reason = f"fewer than {MIN_MONTHS} months known of the real exchange rate and any fundamental"
        return model_rows(
            session, empty, data_to=None, knowledge_time=panel.knowledge_time, status="no_view", reason=reason
        )
    result = fit(found, spot_relation(panel)[0])
    reasons = [*result.against, *shortfalls(found.sources)]
    return model_rows(
        session,
        _estimates(found, result, panel),
        data_to=found.last,
        knowledge_time=panel.knowledge_time,
        status="degraded" if reasons else "ok",
        reason="; ".join(reasons),
    )


def fx_model(
    observations: pl.DataFrame,
    di_curve: pl.DataFrame,
    sessions: Sequence[date],
    table: Sessions,
    *,
    max_age: Mapping[str, int],
) -> pl.DataFrame:
    """Table agents/fx_model: one refit for each first session of a month among `sessions` (ascending).

    observations: silver/observations of SERIES with full history; di_curve: silver/di_curve likewise; max_age: calendar
    days by series id. No rows for a month in which nothing is known. Raises ValueError when max_age lacks a series or a
    day is not a session.
    """
    require_ages(max_age, SERIES)
    require_sessions(sessions, table)
    days = refit_sessions(sessions, table)
    if not days:
        return model_frame([])
    known = panels(observations, di_curve, days, max_age)
    rows: list[dict[str, object]] = []
    for day in days:
        before = [p for p in known if p.session <= day]
        if before and newest(before[-1].reer) is not None:
            rows += refit(before[-1], day)
    return model_frame(rows)
