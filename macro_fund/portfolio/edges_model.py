"""Sharpe ratios of all strategies as one population: who is good, given how good strategies of this house are.

    SR_i ~ Normal(theta_i, error_i),   theta_i ~ Normal(mu, tau),   mu ~ Normal(0.3, 0.3),   tau ~ HalfNormal(0.3)

in ratios a year. error_i is that of the Sharpe ratio of n independent normal days, sqrt((1 + SR_d^2 / 2) / (n - 1))
with SR_d the ratio a day, times sqrt(252) (Lo 2002). A strategy with a short record leans on the others.

Belongs here: the yearly refit. Does not belong here: the sampler (features/bayes.py) or the weights that the book uses,
which are the plainer ones of edges.py (docs/adr/0023). Records are taken as independent, which those of strategies on
the same instruments are not: the population's mean is less certain than its error says.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from macro_fund.agents.model import refit_sessions
from macro_fund.backtest.sharpe import PERIODS, sharpe_deviation
from macro_fund.features import bayes
from macro_fund.features.bayes import Sampler, Vector
from macro_fund.portfolio.edges import MIN_DAYS, PRIOR_SHARPE, record
from macro_fund.portfolio.history import session_array
from macro_fund.store.tables import TABLES

if TYPE_CHECKING:
    from macro_fund.time.sessions import Sessions

KEY = "portfolio/edges_model"
TABLE = TABLES[KEY]
PRIOR = bayes.Prior(mean=PRIOR_SHARPE, mean_sd=0.3, spread=0.3)
DRAWS = 2000
R_HAT_LIMIT = 1.01
# A part of the population that was never measured: it leans on nothing but the population, and is not reported.
UNKNOWN = 1e6


def sampler_of(strategies: Sequence[str]) -> Sampler:
    """The model for so many strategies, compiled once."""
    return bayes.pooled_sampler(len(strategies), PRIOR, DRAWS)


def sharpe_error(sharpe: Vector, n_days: Vector) -> Vector:
    """Standard error a year of annual Sharpe ratios of n_days (2 or more) independent normal days."""
    daily = sharpe / np.sqrt(PERIODS)
    return np.array([sharpe_deviation(s, int(n)) for s, n in zip(daily, n_days, strict=True)]) * np.sqrt(PERIODS)


def records(daily: pl.DataFrame, strategies: Sequence[str], session: date) -> tuple[Vector, Vector]:
    """Annual Sharpe ratios (NaN: none yet) and days of the strategies' records known at a session."""
    found = [record(daily, name, session_array([session])) for name in strategies]
    n = np.array([r.n[0] for r in found], dtype=np.float64)
    return np.where(n >= MIN_DAYS, [r.sharpe[0] for r in found], np.nan), n


def edges_model(
    daily: pl.DataFrame,
    strategies: Sequence[str],
    sessions: Sequence[date],
    table: Sessions,
    sampler: Sampler | None = None,
) -> pl.DataFrame:
    """portfolio/edges_model: one row for each strategy with a record, at each first session of a year of `sessions`.

    daily: research/backtest_daily with all rows up to the last session. strategies: every strategy there is, whether
    it has rows or not, so that a refit does not depend on what came later. sampler: sampler_of(strategies) unless a
    test gives another. Chains that disagree (r_hat of 1.01 or more) leave rows without numbers, and the reason.
    """
    names = sorted(strategies)
    rows: list[dict[str, object]] = []
    for session in (s for s in refit_sessions(sessions, table) if s.month == 1):
        sharpe, n = records(daily, names, session)
        if np.isnan(sharpe).all():
            continue
        sampler = sampler or sampler_of(names)
        rows += _refit(session, names, sharpe, n, sampler)
    return pl.DataFrame(rows, schema=TABLE.schema, orient="row").sort(TABLE.sort)


def _refit(session: date, names: Sequence[str], sharpe: Vector, n: Vector, sampler: Sampler) -> list[dict[str, object]]:
    known = np.isfinite(sharpe)
    value, error = np.zeros(len(names)), np.full(len(names), UNKNOWN)
    value[known], error[known] = sharpe[known], sharpe_error(sharpe[known], n[known])
    draws, _ = sampler(value, error, bayes.seed_of(KEY, session))
    found = {names[k]: bayes.summary(draws["theta"][..., k]) for k in np.flatnonzero(known).tolist()}
    hyper = [bayes.summary(draws[name])["r_hat"] for name in ("mu", "tau")]
    worst = float(np.max([*hyper, *(f["r_hat"] for f in found.values())]))
    agreed = worst < R_HAT_LIMIT
    reason = "" if agreed else f"hierarchical model: r_hat {worst:.3f}, not below {R_HAT_LIMIT}"
    return [
        {
            "session": session,
            "strategy_id": name,
            "mean": f["value"] if agreed else None,
            "sd": f["std_dev"] if agreed else None,
            "r_hat": worst if np.isfinite(worst) else None,
            "n_days": int(n[names.index(name)]),
            "status": "ok" if agreed else "no_view",
            "reason": reason,
        }
        for name, f in found.items()
    ]
