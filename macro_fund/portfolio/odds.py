"""The Bayesian score: the probability that an instrument gains over the next 21 sessions, regime first, signals second.

    logit P(up) = logit p0 + k rho_eff sum(c s)

    p0      = sum over regimes of P_r x (10 + ups_r) / (20 + outcomes_r)       (Beta(10, 10) prior of each hit rate)
    rho_eff = 1 / (1 + (n - 1) max(0, mean pairwise correlation of the n strategies' past signals))
    k      >= 0 by logistic regression of past outcomes on rho_eff sum(c s), with logit p0 as it was then

An outcome of session T is whether holding the asset gained over the 21 settlements after that of T, at which T's
decision is filled (docs/adr/0021). Daily outcomes overlap: 21 in a row carry the news of about one, so each counts
1/21 in a hit rate; all of one weight, k does not depend on it. k and the correlations are refit on the first session
of a month, from what that session knew, and frozen until the next. P_r are the filtered probabilities of
agents/regime_view at each session: nothing is smoothed. Below 252 known outcomes p0 is 1/2 and k is 0.

Belongs here: outcomes, hit rates, correlations, k. Does not belong here: which signals count (votes.py).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
import numpy.typing as npt
import polars as pl

from macro_fund.features.known import advancing
from macro_fund.portfolio.history import session_array
from macro_fund.portfolio.votes import Votes, total
from macro_fund.settings import Instrument

Vector = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

HORIZON = 21
MIN_OUTCOMES = 252
PRIOR_HALF = 10.0
# A score of 1 that is surely right is worth odds of e^10; where signals and outcomes never disagree, k has no maximum.
K_MAX = 10.0
# 21 settlements that span more than this are not 21 sessions: the instrument was not listed in between.
MAX_SPAN_DAYS = 60
REGIMES = ("p_goldilocks", "p_reflation", "p_stagflation", "p_deflation")
_STILL = 1e-12


@dataclass(frozen=True)
class Outcomes:
    """Of each session and instrument: up (1, 0; NaN: no outcome) and the number of the session that knew it first
    (`known` >= the number of sessions: not yet). `known` never falls from one session to the next."""

    up: Vector
    known: Integers


@dataclass(frozen=True)
class Odds:
    """Axes (session, instrument). p_up, p_prior: probabilities; enough: 252 outcomes for the prior, for k."""

    p_up: Vector
    p_prior: Vector
    k: Vector
    regime_known: npt.NDArray[np.bool_]
    prior_outcomes: Integers
    vote_outcomes: Integers


def outcomes(returns: pl.DataFrame, instruments: Sequence[Instrument], sessions: Sequence[date]) -> Outcomes:
    """Whether holding each instrument's asset (in name order) gained after each session.

    returns: silver/instrument_returns with full history. A day's P&L is the one first known; a day that arrives after a
    newer one, and a correction, changes nothing that was counted before it. A gain of exactly nothing is not up.
    """
    days = session_array(sessions)
    ordered = sorted(instruments, key=lambda i: i.id)
    up = np.full((len(days), len(ordered)), np.nan)
    known = np.full(up.shape, len(days), dtype=np.int64)
    rows = returns.filter(pl.col("pnl_brl").is_finite()).sort("instrument", "session", "trade_date")
    rows = advancing(rows.select("instrument", "session", "trade_date", "pnl_brl"), "trade_date", by="instrument")
    for column, instrument in enumerate(ordered):
        mine = rows.filter(pl.col("instrument") == instrument.id)
        traded, learned = mine["trade_date"].to_numpy(), mine["session"].to_numpy()
        sums = np.concatenate([[0.0], np.cumsum(instrument.asset_sign * mine["pnl_brl"].to_numpy())])
        first = np.searchsorted(traded, days, side="right")
        at = np.flatnonzero(first + HORIZON <= traded.size)
        start, end = first[at], first[at] + HORIZON - 1
        gained = (sums[end + 1] - sums[start] > 0).astype(np.float64)
        whole = traded[end] - days[at] <= np.timedelta64(MAX_SPAN_DAYS, "D")
        up[at, column] = np.where(whole, gained, np.nan)
        known[at, column] = np.searchsorted(days, learned[end], side="left")
    return Outcomes(up, known)


def month_starts(sessions: Sequence[date]) -> Integers:
    """For each session the number of the first session of its calendar month among `sessions`."""
    months = session_array(sessions).astype("datetime64[M]")
    return np.searchsorted(months, months, side="left").astype(np.int64)


def regime_probabilities(view: pl.DataFrame, sessions: Sequence[date]) -> Vector:
    """(session, regime) filtered probabilities; NaN rows where the agent has no view."""
    grid = pl.DataFrame({"session": list(sessions)}, schema={"session": pl.Date})
    spoken = view.filter(pl.col("status") != "no_view").select("session", *REGIMES)
    rows = grid.join(spoken, on="session", how="left", maintain_order="left")
    values = rows.select(pl.col(REGIMES).fill_null(float("nan"))).to_numpy()
    return np.where(np.isfinite(values).all(axis=1, keepdims=True), values, np.nan)


def prior(probabilities: Vector, found: Outcomes) -> tuple[Vector, Integers]:
    """p0 and the number of outcomes behind it, axes (session, instrument); 1/2 below 252, and without a regime."""
    n_sessions, n_instruments = found.up.shape
    p0, count = np.full(found.up.shape, 0.5), np.zeros(found.up.shape, dtype=np.int64)
    regime_known = np.isfinite(probabilities).all(axis=1)
    for column in range(n_instruments):
        counted = np.isfinite(found.up[:, column]) & regime_known
        share = np.where(counted[:, None], np.nan_to_num(probabilities), 0.0) / HORIZON
        ups = share * np.nan_to_num(found.up[:, column])[:, None]
        sums = [np.vstack([np.zeros(x.shape[1]), np.cumsum(x, axis=0)]) for x in (ups, share)]
        so_far = np.searchsorted(found.known[:, column], np.arange(n_sessions), side="right")
        hits, trials = (x[so_far] for x in sums)
        count[:, column] = np.concatenate([[0], np.cumsum(counted)])[so_far]
        rate = (PRIOR_HALF + hits) / (2 * PRIOR_HALF + trials)
        mixed = total(rate * np.nan_to_num(probabilities)) / np.where(regime_known, total(probabilities), 1.0)
        p0[:, column] = np.where(regime_known & (count[:, column] >= MIN_OUTCOMES), mixed, 0.5)
    return p0, count


def signal_correlation(votes: Votes, refit: Integers) -> Vector:
    """Mean pairwise correlation of the voting strategies' signals, axes (session, instrument), 0 for a single one.

    Of each pair over the sessions up to the refit in which both had a view; a pair with fewer than 252 of them, or of
    which one never moved, counts as one strategy: nothing yet says that they are two.
    """
    pair_sum, pairs = np.zeros(votes.signal.shape[:2]), np.zeros(votes.signal.shape[:2])
    for i in range(len(votes.strategies)):
        for j in range(i + 1, len(votes.strategies)):
            both = votes.voting[..., i] & votes.voting[..., j]
            r = _running_correlation(votes, i, j)[refit]
            pair_sum, pairs = pair_sum + np.where(both, r, 0.0), pairs + both
    return np.divide(pair_sum, pairs, out=np.zeros_like(pair_sum), where=pairs > 0)


def _running_correlation(votes: Votes, i: int, j: int) -> Vector:
    """Correlation of two strategies' signals over the sessions so far, axes (session, instrument)."""
    seen = votes.view[..., i] & votes.view[..., j]
    x, y = (np.where(seen, votes.signal[..., k], 0.0) for k in (i, j))
    n, sx, sy, sxx, syy, sxy = (np.cumsum(v, axis=0) for v in (seen.astype(np.float64), x, y, x * x, y * y, x * y))
    m = np.maximum(n, 1.0)
    vx, vy, cov = sxx / m - (sx / m) ** 2, syy / m - (sy / m) ** 2, sxy / m - sx * sy / m**2
    told = (n >= MIN_OUTCOMES) & (vx > _STILL) & (vy > _STILL)
    r = cov / np.sqrt(np.where(told, vx * vy, 1.0))
    return np.where(told, np.clip(r, -1.0, 1.0), 1.0)


def evidence(votes: Votes, refit: Integers) -> Vector:
    """rho_eff sum(c s) of the strategies that vote, axes (session, instrument)."""
    voting = votes.voting.astype(np.float64)
    n = total(voting)
    rho_eff = 1.0 / (1.0 + np.maximum(n - 1.0, 0.0) * np.maximum(signal_correlation(votes, refit), 0.0))
    return np.asarray(rho_eff * total(voting * votes.confidence * votes.signal))


def fitted_k(x: Vector, up: Vector, offset: Vector) -> float:
    """The k in [0, 10] that maximises the likelihood of P(up) = 1 / (1 + exp(-(offset + k x))).

    The likelihood is concave in k: its slope falls, so the bound holds where the slope has no zero inside.
    """
    from scipy.optimize import brentq
    from scipy.special import expit

    def slope(k: float) -> float:
        return float(np.sum(x * (up - expit(offset + k * x))))

    if slope(0.0) <= 0.0:
        return 0.0
    return K_MAX if slope(K_MAX) >= 0.0 else float(brentq(slope, 0.0, K_MAX, xtol=1e-10))


def _k_in_force(
    x: Vector, p0: Vector, voted: npt.NDArray[np.bool_], found: Outcomes, refit: Integers, first: int
) -> tuple[Vector, Integers]:
    """k and the outcomes behind it, axes (session, instrument), for the sessions from number `first` on."""
    k, count = np.zeros(x.shape), np.zeros(x.shape, dtype=np.int64)
    offset = np.log(p0 / (1.0 - p0))
    for start in np.unique(refit[first:]).tolist():
        month = refit == start
        for column in range(x.shape[1]):
            some = (found.known[:, column] <= start) & np.isfinite(found.up[:, column]) & voted[:, column]
            count[month, column] = int(some.sum())
            if count[start, column] >= MIN_OUTCOMES:
                k[month, column] = fitted_k(x[some, column], found.up[some, column], offset[some, column])
    return k, count


def odds(votes: Votes, probabilities: Vector, found: Outcomes, first: int = 0) -> Odds:
    """P(up) of each session and instrument of the votes, from what each session knew.

    probabilities: (session, regime). Everything is walked from the first session of the votes; k is computed for the
    sessions from number `first` on and is 0 before.
    """
    from scipy.special import expit

    refit = month_starts(votes.sessions)
    p0, prior_outcomes = prior(probabilities, found)
    x = evidence(votes, refit)
    voted = np.asarray(votes.voting.any(axis=2))
    k, vote_outcomes = _k_in_force(x, p0, voted, found, refit, first)
    p_up = np.asarray(expit(np.log(p0 / (1.0 - p0)) + k * x))
    regime_known = np.asarray(np.isfinite(probabilities).all(axis=1))
    return Odds(p_up, p0, k, regime_known, prior_outcomes, vote_outcomes)
