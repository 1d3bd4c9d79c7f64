"""Monthly data of the real exchange rate and its fundamentals, as they stood at each session.

Belongs here: which series may stand for each fundamental, their formulas, vectors of months in one vintage. Does not
belong here: estimation (fx_model.py) or what a session concludes (fx.py).

The log real exchange rate is the Banco Central's (SGS 11752): reais per foreign basket, so it RISES when the real
depreciates. Ratios and rates are decimals. A daily series enters by its mean over a month, which is known when the
first day of the next month is.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

import numpy as np
import polars as pl

from macro_fund.features.known import Months, State, Vector, paths, states
from macro_fund.features.macro import EXPECTED_INFLATION, ex_ante_real_rate

REER, SPOT = "br_reer_ipca", "br_usdbrl_ptax_ask"
EX_ANTE = "ex_ante_real"
US_REAL, EMBI = "us_real_par_5y", "br_embi_brazil"
IC_BR, SPOT_MONTH = "br_icbr_all_brl", "br_usdbrl_month_avg"
SELIC, IPCA = "br_selic_month_annualised", "br_ipca_12m"
CURRENT_ACCOUNT, GDP_USD = "br_bop_current_account", "br_gdp_monthly_usd"
DAILY = (SPOT, US_REAL, EMBI)
BP = 1e4
YEAR = 12

Values = Mapping[str, Vector]


@dataclass(frozen=True)
class Source:
    """Series that may stand for a fundamental, and how. `proxy` says what it falls short of; empty when it does not."""

    series: tuple[str, ...]
    formula: Callable[[Values], Vector]
    proxy: str = ""


def _trailing_year(flow: Vector) -> Vector:
    """Sums of twelve months; NaN before there are twelve and where one is missing."""
    out = np.full(flow.size, np.nan)
    if flow.size >= YEAR:
        out[YEAR - 1 :] = np.lib.stride_tricks.sliding_window_view(flow, YEAR).sum(axis=1)
    return out


def cumulated_balance(values: Values) -> Vector:
    """Sum since the first month of each month's current account on the GDP of the twelve months to it.

    Each balance keeps the exchange rate of its own time: a stock on today's GDP in dollars would fall with the real by
    arithmetic, and the real exchange rate would then explain itself.
    """
    ratio = values[CURRENT_ACCOUNT] / _trailing_year(values[GDP_USD])
    known = np.flatnonzero(np.isfinite(ratio))
    out = np.full(ratio.size, np.nan)
    if known.size:
        out[known[0] :] = np.cumsum(ratio[known[0] :])
    return out


REGRESSORS: dict[str, tuple[Source, ...]] = {
    "terms_of_trade": (
        Source(("br_terms_of_trade",), lambda v: np.log(v["br_terms_of_trade"])),
        Source(("br_icbr_all_usd",), lambda v: np.log(v["br_icbr_all_usd"]), "commodity prices in USD"),
        Source(
            (IC_BR, SPOT_MONTH),
            lambda v: np.log(v[IC_BR] / v[SPOT_MONTH]),
            "commodity prices in BRL on the month's USD",
        ),
    ),
    "productivity": (
        # Output, not output per worker: the monthly series that both countries publish.
        Source(("br_ibc_br_sa", "us_ip"), lambda v: np.log(v["br_ibc_br_sa"] / v["us_ip"])),
    ),
    "foreign_assets": (
        Source((CURRENT_ACCOUNT, GDP_USD), cumulated_balance, "cumulated current account on GDP since 2004"),
    ),
    "real_rate_gap": (
        Source((EX_ANTE, US_REAL), lambda v: v[EX_ANTE] - v[US_REAL]),
        Source(
            (SELIC, IPCA, US_REAL),
            lambda v: (1.0 + v[SELIC]) / (1.0 + v[IPCA]) - 1.0 - v[US_REAL],
            "realised Selic less 12-month IPCA, not the ex-ante DI rate",
        ),
    ),
    "sovereign_spread": (Source((EMBI,), lambda v: v[EMBI] / BP, "EMBI+, not the CDS"),),
}
"""Of each fundamental the first source that has enough history at a refit is used."""

_USED = dict.fromkeys(s for sources in REGRESSORS.values() for c in sources for s in c.series)
MONTHLY = (REER, *_USED, SPOT)
SERIES = (*(s for s in MONTHLY if s != EX_ANTE), EXPECTED_INFLATION)
"""Series of silver/observations that the panel reads."""


def column(regressor: str, source: int) -> str:
    """Name of a regressor's values from its `source`-th source."""
    return f"{regressor}_{source}"


COLUMNS = tuple(column(name, k) for name, sources in REGRESSORS.items() for k in range(len(sources)))


@dataclass(frozen=True)
class Panel:
    """Everything monthly as known from `session` on; NaN where a month is not known. reer and spot are logs."""

    session: date
    months: Months
    reer: Vector
    spot: Vector
    columns: Mapping[str, Vector]
    knowledge_time: datetime


def monthly_means(path: pl.DataFrame, series_id: str) -> pl.DataFrame:
    """Mean of each finished month of a daily path (session, event_date, value, knowledge_time), as monthly rows.

    A month is finished, and its row known, in the session in which a value of a later month is; the last month of the
    path therefore has no row.
    """
    months = (
        path.sort("session", "event_date")
        .group_by(pl.col("event_date").dt.truncate("1mo"), maintain_order=True)
        .agg(pl.col("session").first(), pl.col("value").mean(), pl.col("knowledge_time").max())
    )
    rows = months.with_columns(pl.col("session").shift(-1), pl.lit(series_id).alias("series_id"))
    return rows.drop_nulls("session").select("series_id", "session", "event_date", "value", "knowledge_time")


def monthly_rows(
    observations: pl.DataFrame, di_curve: pl.DataFrame, last: date, max_age: Mapping[str, int]
) -> pl.DataFrame:
    """Monthly series as published, and the monthly means of the daily ones, in the columns of observations."""
    seen = observations.filter(pl.col("session") <= last)
    daily = paths(seen.filter(pl.col("series_id").is_in(DAILY)))
    real = ex_ante_real_rate(di_curve, seen, last, max_age[EXPECTED_INFLATION])
    means = [monthly_means(daily.filter(pl.col("series_id") == s), s) for s in DAILY]
    monthly = seen.filter(pl.col("series_id").is_in([s for s in MONTHLY if s not in DAILY]))
    names = ["series_id", "session", "event_date", "value", "knowledge_time"]
    return pl.concat([monthly.select(names), *means, monthly_means(real, EX_ANTE)])


def panels(
    observations: pl.DataFrame, di_curve: pl.DataFrame, sessions: Sequence[date], max_age: Mapping[str, int]
) -> list[Panel]:
    """One panel per change of information that matters to `sessions`: the last up to the first, and all after it."""
    rows = monthly_rows(observations, di_curve, sessions[-1], max_age)
    return [_panel(state) for state in states(rows, MONTHLY, sessions)]


def _panel(state: State) -> Panel:
    values = {s: np.where(v > 0, v, np.nan) if s in _POSITIVE else v for s, v in state.values.items()}
    columns = {
        column(name, k): source.formula(values)
        for name, sources in REGRESSORS.items()
        for k, source in enumerate(sources)
    }
    return Panel(state.session, state.months, np.log(values[REER]), np.log(values[SPOT]), columns, state.knowledge_time)


# Levels that are taken the log of.
_POSITIVE = frozenset(
    {REER, SPOT, IC_BR, SPOT_MONTH, "br_terms_of_trade", "br_icbr_all_usd", "br_ibc_br_sa", "us_ip", GDP_USD}
)


def newest(vector: Vector) -> int | None:
    """Row of the newest month that is known."""
    there = np.flatnonzero(np.isfinite(vector))
    return int(there[-1]) if there.size else None
