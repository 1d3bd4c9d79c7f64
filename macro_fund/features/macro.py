"""Macro features: real rate, slope, terms of trade, fiscal and external ratios, financial conditions.

Belongs here: formulas and the signs of what they are made of. Does not belong here: what an agent concludes.

Signs are those of the words: a balance is positive in surplus (the Banco Central's NFSP series are positive in deficit,
so they are turned), interest is positive as an expense, and financial conditions are positive when tight.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date

import numpy as np
import polars as pl

from macro_fund.features.known import (
    FEATURE,
    OK,
    Monthly,
    Months,
    State,
    Vector,
    carry,
    judged,
    monthly_features,
    paths,
    require_ages,
    rows_wanted,
)
from macro_fund.features.market import DI_MAX_AGE_DAYS, di_paths, di_series
from macro_fund.features.stats import robust_z

EXPECTED_INFLATION = "br_focus_ipca_12m_smooth"
HORIZON_BD, SLOPE_LONG, SLOPE_SHORT = 252, 2520, 504
RETURN_DAYS = 63
EQUITY, DOLLAR = "br_ibov", "br_usdbrl_ptax_ask"
# Components of financial conditions taken from silver/market_features as they are, with the sign that tightens.
# EMBI+ stands for the sovereign CDS, which has no free history; it ended on 2024-07-30, and the mean is then of six.
CDS_PROXY = "br_embi_brazil"
FCI_MARKET = {di_series(1260): 1.0, "us_real_par_10y": 1.0, CDS_PROXY: 1.0, "us_vix": 1.0}
FCI_OWN = {"real_rate_ex_ante": 1.0, "ibov_return_63d": -1.0, "usdbrl_return_63d": 1.0}
FCI_COMPONENTS = len(FCI_MARKET) + len(FCI_OWN)
# The mean of fewer than most of the components is another index.
FCI_LEAST = 4


def real_rate(nominal: pl.Expr, expected_inflation: pl.Expr) -> pl.Expr:
    """(1 + nominal) / (1 + expected inflation) - 1, decimals a year (Fisher)."""
    return (1.0 + nominal) / (1.0 + expected_inflation) - 1.0


def trailing_sum(flows: Vector, months: int = 12) -> Vector:
    """Sums of the last `months` flows; shorter by months - 1."""
    if flows.size < months:
        return flows[:0]
    out: Vector = np.lib.stride_tricks.sliding_window_view(flows, months).sum(axis=1)
    return out


def _end(months: Months, path: Vector) -> tuple[Months, Vector]:
    return months[months.size - path.size :], path


def _level(feature_id: str, series: str, sign: float = 1.0) -> Monthly:
    """A series as published, turned to the feature's sign."""
    return _of_one(feature_id, series, lambda x: sign * x)


def _of_one(feature_id: str, series: str, formula: Callable[[Vector], Vector], *, proxy: bool = False) -> Monthly:
    def path(state: State) -> tuple[Months, Vector]:
        months, (x,) = state.common(series)
        return _end(months, formula(x))

    return Monthly(feature_id, (series,), path, proxy)


def change_12m(index: Vector) -> Vector:
    """Log change over twelve months; shorter by 12."""
    log_index = np.log(index)
    out: Vector = log_index[12:] - log_index[:-12]
    return out


def flow_to_gdp(feature_id: str, flow: str, gdp: str) -> Monthly:
    """12-month sum of a flow on the 12-month sum of monthly GDP in the same money, both in one vintage."""

    def path(state: State) -> tuple[Months, Vector]:
        months, (x, y) = state.common(flow, gdp)
        return _end(months, trailing_sum(x) / trailing_sum(y))

    return Monthly(feature_id, (flow, gdp), path)


def stock_to_gdp(feature_id: str, stock: str, gdp: str) -> Monthly:
    """A stock on the 12-month sum of monthly GDP in the same money."""

    def path(state: State) -> tuple[Months, Vector]:
        months, (x, y) = state.common(stock, gdp)
        total = trailing_sum(y)
        return _end(months, x[x.size - total.size :] / total)

    return Monthly(feature_id, (stock, gdp), path)


GDP_USD = "br_gdp_monthly_usd"
MONTHLY = (
    _level("terms_of_trade", "br_terms_of_trade"),
    _of_one("terms_of_trade_12m", "br_terms_of_trade", change_12m),
    # Commodity export prices: known six weeks earlier than the terms of trade, and silent on import prices.
    _of_one("terms_of_trade_proxy_12m", "br_icbr_all_usd", change_12m, proxy=True),
    _level("primary_balance_12m_gdp", "br_primary_balance_12m_gdp", -1.0),
    _level("nominal_balance_12m_gdp", "br_nominal_balance_12m_gdp", -1.0),
    _level("interest_12m_gdp", "br_interest_12m_gdp"),
    _of_one("interest_bill_12m_brl_mn", "br_interest_monthly_umc", trailing_sum),
    _level("gross_debt_gdp", "br_dbgg_gdp"),
    _level("net_debt_gdp", "br_dlsp_gdp"),
    flow_to_gdp("current_account_12m_gdp", "br_bop_current_account", GDP_USD),
    flow_to_gdp("direct_investment_12m_gdp", "br_bop_fdi", GDP_USD),
    stock_to_gdp("reserves_gdp", "br_reserves_total_monthly", GDP_USD),
)
SERIES = (*dict.fromkeys(s for f in MONTHLY for s in f.series), EXPECTED_INFLATION, EQUITY, DOLLAR)


def _row(path: pl.DataFrame, feature_id: str, sessions: Sequence[date], max_age: int, n_inputs: int) -> pl.DataFrame:
    """FEATURE rows of one daily feature from its path (session, event_date, value, knowledge_time)."""
    wanted = rows_wanted(path, sessions)
    z = robust_z(path["value"], last=wanted)
    states = path.with_columns(z.alias("z"), feature_id=pl.lit(feature_id)).tail(wanted)
    rows = carry(states, sessions, "feature_id", [feature_id]).with_columns(
        n_inputs=pl.lit(n_inputs, pl.Int32), proxy=pl.lit(value=False), reason=pl.lit("")
    )
    return judged(rows, pl.lit(max_age)).select(list(FEATURE))


def ex_ante_real_rate(di_curve: pl.DataFrame, observations: pl.DataFrame, last: date, max_age: int) -> pl.DataFrame:
    """Path of (1 + DI 252) / (1 + Focus IPCA 12 months, smoothed) - 1: session, event_date, value, knowledge_time.

    One row per new curve (its event_date) with the survey that was known in its session; a curve whose survey is older
    than `max_age` calendar days gives none, so that the rate grows stale with its survey.
    """
    nodes = di_paths(di_curve.filter(pl.col("session") <= last)).filter(pl.col("series_id") == di_series(HORIZON_BD))
    survey = paths(observations.filter(pl.col("series_id") == EXPECTED_INFLATION)).sort("session", "event_date")
    survey = survey.unique("session", keep="last", maintain_order=True)
    both = nodes.sort("session", "event_date").join_asof(
        survey.select("session", "knowledge_time", expected="value", surveyed="event_date"), on="session"
    )
    age = (pl.col("session") - pl.col("surveyed")).dt.total_days()
    return both.filter(age <= max_age).select(
        "session",
        "event_date",
        real_rate(pl.col("value"), pl.col("expected")).alias("value"),
        "knowledge_time",
    )


def slope(di_curve: pl.DataFrame, last: date) -> pl.DataFrame:
    """Path of DI 2520 bd less DI 504 bd, decimal; knowledge_time is null (a curve has none)."""
    nodes = di_paths(di_curve.filter(pl.col("session") <= last))
    long, short = (nodes.filter(pl.col("series_id") == di_series(n)) for n in (SLOPE_LONG, SLOPE_SHORT))
    both = long.join(short, on=["session", "event_date"], suffix="_short", maintain_order="left")
    return both.select(
        "session",
        "event_date",
        (pl.col("value") - pl.col("value_short")).alias("value"),
        pl.lit(None, FEATURE["knowledge_time"]).alias("knowledge_time"),
    )


def log_return(observations: pl.DataFrame, series_id: str, days: int = RETURN_DAYS) -> pl.DataFrame:
    """Path of the log return over `days` observations."""
    path = paths(observations.filter(pl.col("series_id") == series_id))
    moved = pl.col("value").log().diff(days)
    return path.select("session", "event_date", moved.alias("value"), "knowledge_time").drop_nulls("value")


def financial_conditions(daily: pl.DataFrame, market: pl.DataFrame) -> pl.DataFrame:
    """FEATURE rows of `fci`: mean z of the components that are live in the session; plus is tighter.

    daily: FEATURE rows with FCI_OWN among them; market: silver/market_features with FCI_MARKET. `z` repeats the value,
    which is one; n_inputs counts the components; `missing` with fewer than FCI_LEAST. event_date is the oldest's.
    """
    ours = daily.filter(pl.col("feature_id").is_in(list(FCI_OWN))).rename({"feature_id": "name"})
    theirs = market.filter(pl.col("series_id").is_in(list(FCI_MARKET))).rename({"series_id": "name"})
    columns = ["session", "name", "event_date", "z", "knowledge_time", "status"]
    signs = {**FCI_OWN, **FCI_MARKET}
    rows = pl.concat([ours.select(columns), theirs.select(columns)]).sort("session", "name")
    live = rows.filter((pl.col("status") == OK) & pl.col("z").is_not_null()).with_columns(
        pl.col("z") * pl.col("name").replace_strict(signs, return_dtype=pl.Float64)
    )
    found = live.group_by("session", maintain_order=True).agg(
        pl.col("event_date").min(),
        pl.col("z").mean(),
        pl.len().cast(pl.Int32).alias("n_inputs"),
        (pl.col("name") == CDS_PROXY).any().alias("proxy"),
        pl.col("knowledge_time").max(),
    )
    grid = daily.select(pl.col("session").unique().sort())
    enough = pl.col("n_inputs") >= FCI_LEAST
    value = pl.when(enough).then("z")
    count = pl.col("n_inputs").fill_null(0).cast(pl.String)
    return grid.join(found, on="session", how="left", maintain_order="left").select(
        "session",
        pl.lit("fci").alias("feature_id"),
        "event_date",
        value.alias("value"),
        value.alias("z"),
        pl.col("n_inputs").fill_null(0),
        pl.col("proxy").fill_null(value=False),
        "knowledge_time",
        pl.when(enough).then(pl.lit(OK)).otherwise(pl.lit("missing")).alias("status"),
        pl.when(enough).then(pl.lit("")).otherwise(count + f" of {FCI_COMPONENTS} components").alias("reason"),
    )


def macro_features(
    observations: pl.DataFrame,
    di_curve: pl.DataFrame,
    market: pl.DataFrame,
    sessions: Sequence[date],
    max_age: Mapping[str, int],
) -> pl.DataFrame:
    """FEATURE, one row per session and feature; ratios are decimals of GDP, z over 120 months or 504 days.

    observations: rows of silver/observations of SERIES and others; di_curve: rows of silver/di_curve; market: rows of
    silver/market_features, of `sessions`. `max_age`: calendar days by series id (ValueError when one is missing).
    """
    require_ages(max_age, SERIES)
    seen = observations.filter(pl.col("session") <= sessions[-1])
    real = ex_ante_real_rate(di_curve, seen, sessions[-1], max_age[EXPECTED_INFLATION])
    daily = pl.concat(
        [
            _row(real, "real_rate_ex_ante", sessions, DI_MAX_AGE_DAYS, 2),
            _row(slope(di_curve, sessions[-1]), "di_slope_10y_2y", sessions, DI_MAX_AGE_DAYS, 2),
            _row(log_return(seen, EQUITY), "ibov_return_63d", sessions, max_age[EQUITY], 1),
            _row(log_return(seen, DOLLAR), "usdbrl_return_63d", sessions, max_age[DOLLAR], 1),
        ]
    )
    conditions = financial_conditions(daily, market.filter(pl.col("session").is_in(list(sessions))))
    monthly = monthly_features(seen, MONTHLY, sessions, max_age)
    return pl.concat([daily, conditions, monthly]).sort("session", "feature_id")
