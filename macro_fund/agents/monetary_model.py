"""What the monetary agent estimates on the first session of a month: r*, the smoothed rule, the term premium.

Belongs here: the refits and their parameters. Does not belong here: the state-space model (neutral.py), the rules
(taylor.py), months (monetary_months.py), what a session makes of it (monetary_path.py, monetary.py).

Parameters: neutral_rate, neutral_ar, neutral_stance_sd, neutral_fallback, neutral_blind_months, rho, phi, theta,
rule_rmse, rule_break_p, term_premium_1..8 with term_premium_meetings; the same of the United States with us_ before the
name, without a premium.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

import numpy as np
import numpy.typing as npt
import polars as pl

from macro_fund.agents.model import Estimate, model_frame, model_rows, refit_sessions
from macro_fund.agents.monetary_months import BR_SERIES, US_SERIES, Known, Panel, brazil, united_states
from macro_fund.agents.monetary_record import HORIZONS, first_sessions, priced, with_outcome
from macro_fund.agents.neutral import fit_neutral
from macro_fund.agents.taylor import PHI, RHO_QUARTER, THETA, fit_smoothed
from macro_fund.features.stats import one_sided_hp
from macro_fund.settings import NeutralRate
from macro_fund.time.sessions import Sessions

Vector = npt.NDArray[np.float64]

NEUTRAL_MIN_MONTHS = 36
RULE_MIN_QUARTERS = 20
# The filter's first year is its diffuse start: a rule fitted to it would learn the start.
BURN_IN_MONTHS = 12


@dataclass(frozen=True)
class Country:
    """prefix of the parameters; level_sd: the stated sd of a month's step of r*, percentage points; bounds of r*."""

    name: str
    prefix: str
    level_sd: float
    bounds: tuple[float, float]


BRAZIL = Country("Brazil", "", 0.15, (0.025, 0.075))
UNITED_STATES = Country("United States", "us_", 0.05, (-0.005, 0.025))


def _neutral(panel: Panel, country: Country) -> tuple[list[Estimate], Vector, str]:
    """Estimates, the filtered path (decimal by month, NaN without one) and why it is weak (empty: it is not)."""
    seen = int(np.isfinite(panel.real).sum())
    names = ("neutral_rate", "neutral_ar", "neutral_stance_sd", "neutral_fallback", "neutral_blind_months")
    if seen < NEUTRAL_MIN_MONTHS:
        text = f"{country.name}: {seen} months of ex-ante real rates known, r* needs {NEUTRAL_MIN_MONTHS}"
        return [Estimate(country.prefix + n, None, n_obs=seen) for n in names], np.full(seen, np.nan), text
    fit = fit_neutral(
        panel.real * 100.0,
        published=panel.published * 100.0,
        published_sd=panel.published_sd * 100.0,
        level_sd=country.level_sd,
    )
    path, why, fallback = _trusted(fit.path / 100.0, fit.converged, panel.real, country)
    error = float("nan") if fallback else float(fit.std_error[-1]) / 100.0
    values = (
        (float(path[-1]), error),
        (fit.parameters["ar"], fit.parameter_errors["ar"]),
        (fit.parameters["stance_sd"] / 100.0, fit.parameter_errors["stance_sd"] / 100.0),
        (float(fallback), None),
        (float(np.argmax(np.isfinite(panel.real[::-1]))), None),
    )
    return [Estimate(country.prefix + n, v, e, seen) for n, (v, e) in zip(names, values, strict=True)], path, why


def _trusted(path: Vector, converged: bool, real: Vector, country: Country) -> tuple[Vector, str, bool]:
    """The filter's path or the trend in its place, why the filter is weak (empty: it is not), and which it is.

    A trend outside the range is no better than a filter outside it: the view's sanity range refuses either.
    """
    low, high = country.bounds
    if converged and low <= path[-1] <= high:
        return path, "", False
    trend = one_sided_hp(pl.Series(real).fill_nan(None)).fill_null(strategy="forward").fill_null(float("nan"))
    told = f"{country.name}: the filter's r* is {path[-1]:.3%}, "
    if not converged:
        return trend.to_numpy(), told + "not converged: trend instead", True
    if low <= trend[-1] <= high:
        return trend.to_numpy(), told + "outside its range: one-sided trend instead", True
    return path, told + "outside its range, and so is the one-sided trend", False


def _rule(panel: Panel, path: Vector, country: Country) -> tuple[list[Estimate], str]:
    """T2 on quarter ends; the stated parameters while there are too few."""
    names = tuple(country.prefix + n for n in ("rho", "phi", "theta", "rule_rmse", "rule_break_p"))
    stated = [Estimate(n, v) for n, v in zip(names, (RHO_QUARTER, PHI, THETA, None, None), strict=True)]
    if path.size != panel.months.size:
        return stated, ""
    early = np.arange(path.size) < BURN_IN_MONTHS
    ends = panel.months.astype(np.int64) % 3 == 2
    columns = [panel.rate, np.where(early, np.nan, path), panel.expected, panel.target, panel.gap]
    quarters = [c[ends] for c in columns]
    complete = int(np.isfinite(np.stack(quarters)).all(axis=0).sum())
    if complete < RULE_MIN_QUARTERS:
        text = f"{country.name}: {complete} quarters known, the estimated rule needs {RULE_MIN_QUARTERS}: stated one"
        return stated, text
    fit = fit_smoothed(*quarters)
    values = (fit.rho, fit.phi, fit.theta, fit.rmse, fit.break_p)
    errors = (*fit.errors, None, None)
    text = f"{country.name}: {', '.join(fit.at_bound)} at a bound" if fit.at_bound else ""
    return [Estimate(n, v, e, fit.n) for n, v, e in zip(names, values, errors, strict=True)], text


def _term_premium(outcomes: pl.DataFrame, session: date) -> list[Estimate]:
    """Mean of priced less decided rate by meetings ahead, of decisions known at the session."""
    known = outcomes.filter((pl.col("outcome_session") <= session) & (pl.col("session") < session))
    error = pl.col("implied_target") - pl.col("outcome")
    found = {
        h: (m, s, n)
        for h, m, s, n in known.group_by("horizon", maintain_order=True)
        .agg(error.mean().alias("mean"), error.std().alias("sd"), pl.col("meeting").n_unique().alias("n"))
        .sort("horizon")
        .iter_rows()
    }
    rows = []
    for h in HORIZONS:
        mean, sd, n = found.get(h, (None, None, 0))
        # Forecasts h meetings ahead overlap: about n / h of them are independent.
        rows.append(Estimate(f"term_premium_{h}", mean, sd / np.sqrt(max(n / h, 1.0)) if sd is not None else None, n))
    count = min(e.n_obs for e in rows)
    return [*rows, Estimate("term_premium_meetings", float(count), n_obs=count)]


def _refit(session: date, panel: Panel | None, country: Country, extra: Sequence[Estimate]) -> list[dict[str, object]]:
    if panel is None:
        why = f"{country.name}: policy rate, inflation or activity unknown"
        estimates = [Estimate(f"{country.prefix}neutral_rate", None), *extra]
        return model_rows(session, estimates, data_to=None, knowledge_time=None, status="no_view", reason=why)
    neutral, path, why_neutral = _neutral(panel, country)
    rule, why_rule = _rule(panel, path, country)
    reason = "; ".join(filter(None, (why_neutral, why_rule)))
    status = "no_view" if neutral[0].value is None else "degraded" if reason else "ok"
    knowledge: datetime = panel.knowledge_time
    return model_rows(
        session,
        [*neutral, *rule, *extra],
        data_to=panel.data_to,
        knowledge_time=knowledge,
        status=status,
        reason=reason,
    )


def monetary_model(
    observations: pl.DataFrame,
    policy_path: pl.DataFrame,
    sessions: Sequence[date],
    table: Sessions,
    published: Sequence[NeutralRate] = (),
) -> pl.DataFrame:
    """Table agents/monetary_model: the refits that fall into `sessions`.

    observations: rows of silver/observations of BR_SERIES and US_SERIES up to the last session; policy_path:
    silver/policy_path likewise; table: the fund's sessions; published: config/neutral_rates.yaml.
    """
    refits = refit_sessions(sessions, table)
    if not refits:
        return model_frame([])
    last = refits[-1]
    br, us = (Known.of(observations, names, last) for names in (BR_SERIES, US_SERIES))
    outcomes = with_outcome(priced(policy_path, first_sessions(policy_path, last)), br.rows["br_selic_target"])
    rows: list[dict[str, object]] = []
    for session in refits:
        premium = _term_premium(outcomes, session)
        rows += _refit(session, brazil(br, session, published), BRAZIL, premium)
        rows += _refit(session, united_states(us, session, published), UNITED_STATES, ())
    return model_frame(rows)
