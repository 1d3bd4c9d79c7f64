"""Refits of the fiscal agent: the VAR of each month and the debt fan drawn from it, as rows of its two tables.

Belongs here: when there is a refit, what it keeps, and how its own past forecasts did. Does not belong here: the VAR
and the fan (fiscal_fan.py), the vintage's measures (fiscal_history.py), the daily view (fiscal.py).
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from macro_fund.agents.evaluate import rmse_ratio
from macro_fund.agents.fiscal_fan import QUANTILES, Start, Var, expected_path, fan, fit_var
from macro_fund.agents.fiscal_history import SERIES, VARIABLES, History, history
from macro_fund.agents.model import Estimate, model_frame, model_rows, refit_sessions
from macro_fund.features.known import states
from macro_fund.store.tables import TABLES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from macro_fund.time.sessions import Sessions

AGENT_ID = "fiscal"
# Gross debt begins in December 2006: forty quarters of twelve-month measures there are only at the end of 2017.
MIN_STEPS, FULL_STEPS = 24, 40
HORIZONS = (1, 2)
MIN_FORECASTS = 12
IMPLIED = "primary balance implied by the debt identity, includes stock-flow adjustment"
STATED = "implicit interest stated from the Selic"
TREND_MONTHS = 120
QUANTILE_NAMES = tuple(f"p{round(q * 100)}" for q in QUANTILES)


@dataclass(frozen=True)
class Refit:
    """What one first session of a month estimated. var is None where it could not, and `reason` says why.

    past: the vintage's measures by month; forecast: debt without shocks, by year ahead.
    """

    session: date
    past: History | None
    var: Var | None
    start: Start | None
    forecast: np.ndarray | None
    reason: str


def refits(observations: pl.DataFrame, days: Sequence[date]) -> Iterator[Refit]:
    """One a day of `days` (ascending), from the rows of `observations` known by that session and from nothing else."""
    rows = observations.filter(pl.col("series_id").is_in(list(SERIES)) & (pl.col("session") <= days[-1]))
    changes = list(states(rows, SERIES, days))
    known = np.array([s.session for s in changes], dtype="datetime64[D]")
    for day in days:
        newest = int(np.searchsorted(known, np.datetime64(day), side="right")) - 1
        yield _refit(day, history(changes[newest]) if newest >= 0 else None)


def _refit(session: date, past: History | None) -> Refit:
    steps = past.steps() if past is not None else None
    n = steps.months.size if steps is not None else 0
    if steps is None or n < MIN_STEPS:
        return Refit(session, past, None, None, None, f"{n} quarters of fiscal history, {MIN_STEPS} needed")
    try:
        var = fit_var(steps.values)
    except ValueError as error:
        return Refit(session, past, None, None, None, str(error))
    start = Start(steps.values[-1], float(steps.debt[-1]), steps.foreign_share, steps.adjustment[1:])
    return Refit(session, past, var, start, expected_path(var, start, max(HORIZONS)), "")


def weaknesses(past: History, n_steps: int) -> list[str]:
    """In words what a vintage lacks."""
    found = []
    if not past.primary_observed:
        found.append(IMPLIED)
    if not past.interest_observed:
        found.append(STATED)
    if not past.share_observed:
        found.append(f"foreign share of debt stated at {past.foreign_share:.0%}")
    if n_steps < FULL_STEPS:
        found.append(f"{n_steps} quarters behind the fan, {FULL_STEPS} wanted")
    return found


def fiscal_model(
    observations: pl.DataFrame, sessions: Sequence[date], past_sessions: Sequence[date], table: Sessions
) -> pl.DataFrame:
    """Table agents/fiscal_model: the refits among `sessions`.

    observations: silver/observations, with full history up to the last session; past_sessions: every session from the
    start of the fund's history on, for the record of past forecasts. Ratios and balances are decimals of GDP.
    """
    wanted = set(refit_sessions(sessions, table))
    days = sorted({*wanted, *(d for d in refit_sessions(past_sessions, table) if d <= sessions[-1])})
    rows: list[dict[str, object]] = []
    if wanted:
        earlier: list[Refit] = []
        for found in refits(observations, days):
            if found.session in wanted:
                rows.extend(_rows(found, earlier))
            earlier.append(found)
    return model_frame(rows)


def _rows(found: Refit, earlier: Sequence[Refit]) -> list[dict[str, object]]:
    estimates = _estimates(found, earlier)
    weak = weaknesses(found.past, found.past.steps().months.size) if found.var and found.past else []
    return model_rows(
        found.session,
        estimates,
        data_to=found.past.data_to if found.past else None,
        knowledge_time=found.past.knowledge_time if found.past and found.past.months.size else None,
        status="no_view" if found.reason else "degraded" if weak else "ok",
        reason=found.reason or "; ".join(weak),
    )


def _estimates(found: Refit, earlier: Sequence[Refit]) -> list[Estimate]:
    """Parameters of the VAR (coef_a_b: effect of b three months ago on a), where the fan starts, and the record."""
    if found.var is None or found.start is None or found.past is None or found.forecast is None:
        return [Estimate("root", None)]
    var, start, n = found.var, found.start, found.var.n_obs
    names = [("const", v) for v in VARIABLES]
    out = [
        Estimate(f"{a}_{v}", float(var.parameters[0, k]), float(var.std_errors[0, k]), n)
        for k, (a, v) in enumerate(names)
    ]
    out += [
        Estimate(f"coef_{a}_{b}", float(var.coef[i, j]), float(var.std_errors[1 + j, i]), n)
        for i, a in enumerate(VARIABLES)
        for j, b in enumerate(VARIABLES)
    ]
    out += [Estimate(f"start_{v}", float(start.values[k]), None, n) for k, v in enumerate(VARIABLES)]
    trend = found.past.values[-TREND_MONTHS:, 0]
    other = {
        "root": var.root,
        "root_least_squares": var.raw_root,
        "start_debt": start.debt,
        "foreign_share": start.foreign_share,
        "adjustment_mean": float(start.adjustments.mean()),
    }
    out += [Estimate(name, value, None, n) for name, value in other.items()]
    out.append(Estimate("trend_growth", float(trend.mean()), None, trend.size))
    for years in HORIZONS:
        ratio, cases = _record(found, earlier, years)
        out.append(Estimate(f"forecast_{years}y", float(found.forecast[years - 1]), None, n))
        out.append(Estimate("rmse_ratio" if years == 1 else f"rmse_ratio_{years}y", ratio, None, cases))
    return out


def past_forecasts(found: Refit, earlier: Sequence[Refit], years: int) -> pl.DataFrame:
    """Forecasts of `earlier` refits whose outcome `found` knows: data_to, forecast, naive, outcome (debt on GDP).

    One per newest month behind it: the first refit that had it. naive: the debt of that month, a random walk.
    """
    schema = {"data_to": pl.Date, "forecast": pl.Float64, "naive": pl.Float64, "outcome": pl.Float64}
    if found.past is None:
        return pl.DataFrame(schema=schema)
    outcome = dict(zip(found.past.months.tolist(), found.past.debt.tolist(), strict=True))
    rows: dict[date, tuple[float, float, float]] = {}
    for old in earlier:
        if old.past is None or old.forecast is None or old.start is None or old.past.data_to is None:
            continue
        due = (old.past.months[-1] + 12 * years).item()
        if due in outcome and old.past.data_to not in rows:
            rows[old.past.data_to] = (float(old.forecast[years - 1]), old.start.debt, outcome[due])
    return pl.DataFrame([(k, *v) for k, v in rows.items()], schema=schema, orient="row")


def _record(found: Refit, earlier: Sequence[Refit], years: int) -> tuple[float | None, int]:
    cases = past_forecasts(found, earlier, years)
    if cases.height < MIN_FORECASTS:
        return None, cases.height
    return rmse_ratio(cases["outcome"], cases["forecast"], cases["naive"]), cases.height


def seed_of(session: date) -> tuple[int, int]:
    """The fan's seed: a session has one."""
    return zlib.crc32(AGENT_ID.encode()), session.toordinal()


def fiscal_path(
    observations: pl.DataFrame, model: pl.DataFrame, sessions: Sequence[date], table: Sessions
) -> pl.DataFrame:
    """Table agents/fiscal_path: the fan of each refit among `sessions` that has a VAR, years ahead 1 to 10.

    observations: as in `fiscal_model`; model: agents/fiscal_model. Raises ValueError when a band has a negative width.
    """
    usable = set(model.filter(pl.col("status") != "no_view")["session"])
    days = [d for d in refit_sessions(sessions, table) if d in usable]
    rows: list[tuple[object, ...]] = []
    for found in refits(observations, days) if days else ():
        if found.var is None or found.start is None or found.past is None:
            continue
        drawn = fan(found.var, found.start, seed_of(found.session))
        common = (found.session, found.start.debt, found.past.data_to, found.past.knowledge_time)
        rows += [
            (*common, year + 1, float(drawn.deterministic[year]), float(drawn.prob_jump[year]), *quantiles.tolist())
            for year, quantiles in enumerate(drawn.quantiles)
        ]
    schema = TABLES[f"agents/{AGENT_ID}_path"].schema
    names = (
        *("session", "start_debt", "data_to", "knowledge_time", "year_ahead", "deterministic", "prob_up_10pp"),
        *QUANTILE_NAMES,
    )
    frame = pl.DataFrame(rows, schema={n: schema[n] for n in names}, orient="row")
    return frame.select(list(schema)).sort("session", "year_ahead")
