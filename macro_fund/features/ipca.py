"""IPCA analytics: monthly and 12-month rates, cores, diffusion, administered and free prices, seasonally adjusted pace.

Belongs here: formulas on the vectors of one vintage. Does not belong here: forecasts (agents), weights of subitems.

Seasonal adjustment: STL (Cleveland et al. 1990; statsmodels) on log(1 + m/m), additive, period 12, seasonal window 13,
not robust, refitted on every vintage: what a session sees of an old month may differ from what an earlier session saw.
The monthly rate, not the log index, because it has no trend to separate; X-13 is a binary that the platform would have
to ship. Pace = (product of the last three adjusted 1 + m/m)^4 - 1.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date

import numpy as np
import polars as pl

from macro_fund.features.components import stl
from macro_fund.features.known import Monthly, Months, Path, State, Vector, monthly_features

CORES = ("br_ipca_core_ex0", "br_ipca_core_ex3", "br_ipca_core_ms", "br_ipca_core_dp", "br_ipca_core_p55")
SEASONAL_WINDOW = 13
# Five years of seasons: a shorter history gives a seasonal pattern that is mostly noise.
SEASONAL_MIN_MONTHS = 60


def compound(rates: Vector, months: int) -> Vector:
    """(1 + r_{t-n+1}) ... (1 + r_t) - 1 for each month with `months` months behind it; shorter by months - 1."""
    if rates.size < months:
        return rates[:0]
    windows = np.lib.stride_tricks.sliding_window_view(np.log1p(rates), months)
    out: Vector = np.expm1(windows.sum(axis=1))
    return out


def seasonally_adjusted(rates: Vector) -> Vector:
    """Monthly rates without their seasonal part, same length; ValueError with fewer than SEASONAL_MIN_MONTHS."""
    if rates.size < SEASONAL_MIN_MONTHS:
        raise ValueError(f"{rates.size} months; seasonal adjustment needs {SEASONAL_MIN_MONTHS}")
    log_rates = np.log1p(rates)
    adjusted: Vector = np.expm1(log_rates - stl(log_rates, 12, seasonal=SEASONAL_WINDOW).season)
    return adjusted


def pace_3m(rates: Vector) -> Vector:
    """Seasonally adjusted 3-month rates, annualised; shorter by 2, and empty with too short a history."""
    if rates.size < SEASONAL_MIN_MONTHS:
        return rates[:0]
    out: Vector = (1.0 + compound(seasonally_adjusted(rates), 3)) ** 4 - 1.0
    return out


def itself(rates: Vector) -> Vector:
    """The series as published."""
    return rates


def over_12m(rates: Vector) -> Vector:
    """12-month rates."""
    return compound(rates, 12)


def diffusion(changes: Vector) -> float:
    """Share of items whose price rose, unweighted: BCB's diffusion index of IPCA. An unchanged price did not rise.

    Raises ValueError without items.
    """
    if not changes.size:
        raise ValueError("diffusion needs the monthly changes of at least one item")
    return float(np.mean(changes > 0.0))


def trimmed_mean(changes: Vector, weights: Vector, trim: float = 0.2) -> float:
    """Weighted mean of monthly changes without the lowest and the highest `trim` of the weight: BCB's core IPCA-MA.

    An item at a border counts with the part of its weight inside. Changes and weights of shape (items,); the weights
    may have any sum. Raises ValueError for weights that are negative or all 0, or a trim outside [0, 0.5).
    """
    if changes.shape != weights.shape or (weights < 0.0).any() or not weights.sum() > 0.0 or not 0.0 <= trim < 0.5:
        raise ValueError("a trimmed mean needs weights >= 0, one for each change, and a trim below one half")
    order = np.argsort(changes, kind="stable")
    ends = np.cumsum(weights[order]) / weights.sum()
    starts = np.concatenate([[0.0], ends[:-1]])
    inside = np.clip(np.minimum(ends, 1.0 - trim) - np.maximum(starts, trim), 0.0, None)
    return float(changes[order] @ inside / inside.sum())


def mean_of(*series: str, path: Callable[[Vector], Vector]) -> Path:
    """`path` of the mean of monthly series in one vintage, up to the newest month that all of them have.

    The mean is taken of the monthly rates, so that twelve months compound one series.
    """

    def measure(state: State) -> tuple[Months, Vector]:
        months, columns = state.common(*series)
        out = path(np.mean(columns, axis=0))
        return months[months.size - out.size :], out

    return measure


def _measures(name: str, series: tuple[str, ...], **paths: Callable[[Vector], Vector]) -> tuple[Monthly, ...]:
    return tuple(Monthly(f"{name}_{p}", series, mean_of(*series, path=f)) for p, f in paths.items())


RATES = {"mom": itself, "12m": over_12m, "3m_saar": pace_3m}
FEATURES = (
    *_measures("ipca", ("br_ipca_mom",), **RATES),
    *_measures("core_mean", CORES, **RATES),
    *_measures("free", ("br_ipca_free",), **RATES),
    *_measures("services", ("br_ipca_services",), **RATES),
    *_measures("administered", ("br_ipca_administered",), mom=itself, **{"12m": over_12m}),
    *_measures("diffusion", ("br_ipca_diffusion",), share=itself),
)
SERIES = tuple(dict.fromkeys(s for f in FEATURES for s in f.series))


def ipca_features(observations: pl.DataFrame, sessions: Sequence[date], max_age: Mapping[str, int]) -> pl.DataFrame:
    """known.FEATURE, one row per session and feature: decimals, z over 120 months of its own vintage.

    observations: rows of silver/observations of SERIES and others. `max_age`: calendar days by series id. A session
    repeats the newest month known, with its event_date; what is adjusted is `missing` before 60 months.
    """
    return monthly_features(observations, FEATURES, sessions, max_age)
