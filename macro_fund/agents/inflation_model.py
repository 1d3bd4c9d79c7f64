"""Refits of the inflation agent: parameters of both models, the blend, and the size of past errors.

Belongs here: what a refit leaves behind. Does not belong here: the path that a session sees (inflation_path.py).
A refit happens on the first session of a month and depends on what was known then and on nothing else.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import polars as pl

from macro_fund.agents import inflation_bottom_up as bottom_up
from macro_fund.agents import inflation_phillips as phillips
from macro_fund.agents.evaluate import rmse, rmse_ratio
from macro_fund.agents.inflation_inputs import GROUP_SERIES, GROUPS, HEADLINE, SERIES, Economy, economy_at
from macro_fund.agents.inflation_record import (
    HORIZON,
    Layout,
    Record,
    curve_prices,
    free_shares,
    layout_of,
    matrix,
    record,
)
from macro_fund.agents.model import Estimate, model_frame, model_rows, refit_sessions
from macro_fund.features.ipca import compound

if TYPE_CHECKING:
    from macro_fund.time.sessions import Sessions

Vector = npt.NDArray[np.float64]

PARTS = (*GROUPS, "headline")
PARAMETERS = (
    *phillips.NAMES,
    "gap_memory",
    "share_free",
    "share_administered",
    "curve_on_free",
    "backward_weight",
    *(f"weight_{p}" for p in PARTS),
    *(f"memory_{p}" for p in PARTS),
    "mid_month_slope",
    *(f"blend_{h}" for h in range(1, HORIZON + 1)),
    *(f"rmse_{h}" for h in range(1, HORIZON + 1)),
    "rmse_1_mid_month",
    "rmse_3m",
    "rmse_12m",
    "rmse_ratio",
    "rmse_ratio_3m",
    "rmse_ratio_focus",
    "identity_error_groups",
    "identity_error_free",
)
"""Every parameter of a refit, in the units of docs/agents/inflation.md."""


@dataclass(frozen=True)
class Errors:
    """Root mean squared errors of the blend so far: by month ahead, of the first month with IPCA-15, over 3 and 12
    months, the last two over the random walk's, and that of 12 months over the survey's where there was one."""

    by_month: list[float | None]
    mid: float | None
    over: dict[int, float | None]
    ratio: dict[int, float | None]
    ratio_survey: float | None


def errors_of(economy: Economy, past: Record) -> Errors:
    """Errors of forecasts whose outcome is known; the random walk of n months is the 12-month rate to the n/12."""
    walk = economy.year[past.origins - 1]
    over, ratio = {}, {}
    for n in (3, 12):
        outcome, own = total(past.outcome, n), total(past.blend, n)
        over[n] = rmse(outcome, own)
        ratio[n] = rmse_ratio(outcome, own, (1.0 + walk) ** (n / 12) - 1.0)
    survey = np.where(economy.surveyed[past.origins - 1], economy.expected[past.origins - 1], np.nan)
    against_survey = rmse_ratio(total(past.outcome, 12), total(past.blend, 12), survey)
    by_month = [rmse(past.outcome[:, h], past.blend[:, h]) for h in range(HORIZON)]
    return Errors(by_month, rmse(past.outcome[:, 0], past.mid), over, ratio, against_survey)


def total(monthly: Vector, months: int) -> Vector:
    """Rate over the first `months` columns of each row."""
    return np.array([compound(row[:months], months)[0] for row in monthly])


def inflation_model(observations: pl.DataFrame, sessions: Sequence[date], table: Sessions) -> pl.DataFrame:
    """Table agents/inflation_model: one set of PARAMETERS for each refit among `sessions`.

    observations: silver/observations of SERIES with full history. A refit with fewer than 40 quarters gives one row,
    `n_quarters`, with status no_view and the reason.
    """
    observations = observations.filter(pl.col("series_id").is_in(SERIES))
    cache: phillips.Cache = {}
    rows: list[dict[str, object]] = []
    for session in refit_sessions(sessions, table):
        rows += _refit(session, economy_at(observations, session), cache)
    return model_frame(rows)


def _refit(session: date, economy: Economy | None, cache: phillips.Cache) -> list[dict[str, object]]:
    if economy is None:
        nothing = [Estimate("n_quarters", 0.0)]
        reason = "no IPCA with its parts, or no inflation target, is known"
        return model_rows(session, nothing, data_to=None, knowledge_time=None, status="no_view", reason=reason)
    layout = layout_of(economy)
    curve = phillips.fit(economy, curve_prices(economy, layout), cache)
    stamped = partial(model_rows, session, data_to=economy.newest, knowledge_time=economy.knowledge_time)
    if curve is None:
        rows = phillips.quarters(economy, curve_prices(economy, layout), economy.months.size, cache)
        n = 0 if rows is None else len(rows)
        reason = f"Phillips curve: {n} quarters of prices, gap and import prices, {phillips.MIN_QUARTERS} needed"
        few = [Estimate("n_quarters", float(n), None, n)]
        return stamped(few, status="no_view", reason=reason)
    past = record(economy, layout, cache)
    estimates = [
        *_curve_estimates(curve, economy, layout),
        *_part_estimates(economy, layout),
        *_record_estimates(economy, past),
        Estimate("identity_error_groups", layout.error_groups, None, bottom_up.WEIGHT_MONTHS),
        Estimate("identity_error_free", layout.error_free, None, bottom_up.WEIGHT_MONTHS),
    ]
    reasons = layout.reasons()
    if curve.gap_slope == 0.0:
        reasons.append("Phillips curve: the slope on the gap is held at 0")
    status = "degraded" if reasons else "ok"
    return stamped(estimates, status=status, reason="; ".join(reasons))


def _curve_estimates(curve: phillips.Phillips, economy: Economy, layout: Layout) -> list[Estimate]:
    weights = zip(phillips.NAMES, curve.weights, curve.std_errors, strict=True)
    shares = free_shares(economy, layout, economy.months.size)
    return [
        *(Estimate(name, float(w), float(se), curve.n_obs) for name, w, se in weights),
        Estimate("gap_memory", curve.gap_memory, None, int(np.isfinite(economy.gap).sum())),
        Estimate("share_free", float(shares[0]), None, bottom_up.WEIGHT_MONTHS),
        Estimate("share_administered", float(shares[1]), None, bottom_up.WEIGHT_MONTHS),
        Estimate("curve_on_free", float(layout.phillips_on_free)),
        Estimate("backward_weight", economy.backward_weight, None, int(economy.surveyed.sum())),
    ]


def _part_estimates(economy: Economy, layout: Layout) -> list[Estimate]:
    """Weight and memory of each part; weight 0 and no memory for the parts that are not used."""
    parts = matrix(economy, layout.groups)
    n = parts.shape[0]
    weights, _ = bottom_up.weights_of(parts, economy.prices[HEADLINE])
    phi = bottom_up.memories(parts - bottom_up.same_month_means(parts), n)[-1]
    used = dict(zip(layout.groups, zip(weights, phi, strict=True), strict=True))
    out = []
    for name, series in zip(PARTS, (*GROUP_SERIES, HEADLINE), strict=True):
        weight, memory = used.get(series, (0.0, None))
        out.append(Estimate(f"weight_{name}", float(weight), None, bottom_up.WEIGHT_MONTHS))
        out.append(Estimate(f"memory_{name}", memory, None, n))
    return out


def _record_estimates(economy: Economy, past: Record) -> list[Estimate]:
    errors = errors_of(economy, past)
    cases = np.isfinite(past.blend + past.outcome).sum(axis=0)
    months = range(HORIZON)
    return [
        Estimate("mid_month_slope", past.mid_slope, None, int(cases[0])),
        *(Estimate(f"blend_{h + 1}", float(past.bottom_weight[-1, h]), None, int(cases[h])) for h in months),
        *(Estimate(f"rmse_{h + 1}", errors.by_month[h], None, int(cases[h])) for h in months),
        Estimate("rmse_1_mid_month", errors.mid, None, int(cases[0])),
        Estimate("rmse_3m", errors.over[3], None, int(cases[2])),
        Estimate("rmse_12m", errors.over[12], None, int(cases[-1])),
        Estimate("rmse_ratio", errors.ratio[12], None, int(cases[-1])),
        Estimate("rmse_ratio_3m", errors.ratio[3], None, int(cases[2])),
        Estimate("rmse_ratio_focus", errors.ratio_survey, None, int(cases[-1])),
    ]
