"""Exchange-rate pass-through to the nine groups of IPCA over twelve months: one hierarchical Bayesian model (pymc).

Group by group, least squares of the monthly rate on month dummies and twelve monthly log changes of USDBRL gives a sum
of coefficients and its Newey-West error; nine noisy sums are then pooled:

    sum_g ~ Normal(theta_g, error_g),   theta_g ~ Normal(mu, tau),   mu ~ Normal(0.05, 0.1),   tau ~ HalfNormal(0.1)

so that a group that is measured badly leans on the others (partial pooling; Gelman and Hill 2007, chapter 12). The
prior of mu is wide around what was found for Brazil (Correa and Minella 2010; Banco Central do Brasil boxes).

Belongs here: the estimates. Does not belong here: what the agent makes of them (inflation.py). The errors of the groups
are taken as independent, and an asymmetry between depreciations and appreciations is not modelled.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import polars as pl

from macro_fund.agents.inflation_bottom_up import ADDS_UP, weights_of
from macro_fund.agents.inflation_inputs import GROUP_SERIES, GROUPS, HEADLINE
from macro_fund.agents.model import refit_sessions
from macro_fund.agents.report import conform
from macro_fund.features import bayes
from macro_fund.features.bayes import Sampler
from macro_fund.features.known import Months, states
from macro_fund.store.tables import TABLES

if TYPE_CHECKING:
    from macro_fund.time.sessions import Sessions

Vector = npt.NDArray[np.float64]

KEY = "agents/inflation_passthrough"
DOLLAR = "br_usdbrl_month_avg"
SERIES = (HEADLINE, *GROUP_SERIES, DOLLAR)
LAGS = 12
MIN_MONTHS = 96
R_HAT_LIMIT = 1.05
DRAWS = 1000
PRIOR = bayes.Prior(mean=0.05, mean_sd=0.1, spread=0.1)
MAX_DIVERGENT_SHARE = 0.01
ALL, MEAN, SPREAD = "all", "mean", "spread"


@dataclass(frozen=True)
class Sums:
    """Least squares by group: sum of the twelve coefficients, its standard error, and the months behind it."""

    value: Vector
    std_error: Vector
    n_obs: int


def distributed_lag(rates: Vector, change: Vector, months: Months) -> Sums:
    """rates (months, groups) on the `LAGS` newest monthly log changes of the dollar and month dummies; Newey-West with
    LAGS lags, since the months of one depreciation share their news."""
    import statsmodels.api as sm

    lags = np.column_stack([change[LAGS - 1 - k : change.size - k] for k in range(LAGS)])
    month = months[LAGS - 1 :].astype(int) % 12
    dummies = (month[:, None] == np.arange(12)[None, :]).astype(np.float64)
    design = np.hstack([lags, dummies])
    pick = np.r_[np.ones(LAGS), np.zeros(12)]
    value, error = np.empty(rates.shape[1]), np.empty(rates.shape[1])
    for g, y in enumerate(rates[LAGS - 1 :].T):
        found = sm.OLS(y, design).fit(cov_type="HAC", cov_kwds={"maxlags": LAGS})
        value[g] = float(pick @ found.params)
        error[g] = float(np.sqrt(pick @ np.asarray(found.cov_params()) @ pick))
    return Sums(value, error, len(design))


def pooled_sampler() -> Sampler:
    """The model of the groups, compiled once: (sums, errors, seed) -> draws of theta, mu, tau; divergences."""
    return bayes.pooled_sampler(len(GROUPS), PRIOR, DRAWS)


def inflation_passthrough(
    observations: pl.DataFrame, sessions: Sequence[date], table: Sessions, sampler: Sampler | None = None
) -> pl.DataFrame:
    """Table agents/inflation_passthrough: one row per group, `all`, `mean` and `spread` for each first session of a
    year among `sessions`; one row `all` with no_view and the reason while fewer than MIN_MONTHS months are usable, or
    where the groups do not add up to IPCA.

    observations: silver/observations with full history. sampler: pooled_sampler() unless a test gives another.
    """
    years = [s for s in refit_sessions(sessions, table) if s.month == 1]
    known = observations.filter(pl.col("series_id").is_in(SERIES))
    rows: list[dict[str, Any]] = []
    for session in years:
        newest = list(states(known.filter(pl.col("session") <= session), SERIES, [session]))
        months, columns = newest[-1].common(*SERIES) if newest else (np.array([], "datetime64[M]"), [])
        stamp = {"session": session, "knowledge_time": newest[-1].knowledge_time if newest else None}
        if months.size:
            stamp["data_to"] = months[-1].astype("datetime64[D]").item()
        if reason := _unusable(months, columns):
            rows.append({**stamp, "part": ALL, "divergences": 0, "n_obs": 0, "status": "no_view", "reason": reason})
            continue
        sampler = sampler or pooled_sampler()
        rows += [{**stamp, **row} for row in _refit(session, months, columns, sampler)]
    if not rows:
        return TABLES[KEY].empty()
    return conform(pl.DataFrame(rows, schema=TABLES[KEY].schema), KEY)


def _unusable(months: Months, columns: list[Vector]) -> str:
    """Why there is nothing to estimate; empty when there is."""
    usable = max(months.size - LAGS, 0)
    if usable < MIN_MONTHS:
        return f"pass-through: {usable} months after {LAGS} lags, {MIN_MONTHS} needed"
    headline, *groups, _ = columns
    _, identity = weights_of(np.column_stack(groups), headline)
    if identity > ADDS_UP:
        return f"pass-through: groups do not add up to IPCA ({100 * identity:.2f} points a month)"
    return ""


def _refit(session: date, months: Months, columns: list[Vector], sampler: Sampler) -> list[dict[str, Any]]:
    headline, *groups, dollar = columns
    rates = np.column_stack(groups)
    sums = distributed_lag(rates[1:], np.diff(np.log(dollar)), months[1:])
    weights, _ = weights_of(rates, headline)
    draws, divergences = sampler(sums.value, sums.std_error, seed_of(session))
    quantities = {g: draws["theta"][..., i] for i, g in enumerate(GROUPS)}
    quantities |= {ALL: draws["theta"] @ weights, MEAN: draws["mu"], SPREAD: draws["tau"]}
    lines: list[dict[str, Any]] = [{"part": part, **bayes.summary(x)} for part, x in quantities.items()]
    worst = max(line["r_hat"] for line in lines)
    reasons = [f"pass-through: r_hat {worst:.3f}, above {R_HAT_LIMIT}"] if not worst <= R_HAT_LIMIT else []
    if divergences > MAX_DIVERGENT_SHARE * bayes.CHAINS * DRAWS:
        reasons.append(f"pass-through: {divergences} divergent draws of {bayes.CHAINS * DRAWS}")
    own = {g: {"ols_value": v, "ols_std_error": e} for g, v, e in zip(GROUPS, sums.value, sums.std_error, strict=True)}
    common = {
        "divergences": divergences,
        "n_obs": sums.n_obs,
        "status": "degraded" if reasons else "ok",
        "reason": "; ".join(reasons),
    }
    return [{**line, **own.get(line["part"], {}), **common} for line in lines]


def seed_of(session: date) -> int:
    """The refit's seed."""
    return bayes.seed_of(KEY, session)
