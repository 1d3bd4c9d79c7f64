"""Checks that a curve must pass, as pure functions: frames in, the offending rows with reasons out.

Belongs here: arbitrage and recomputation of curves against their own quotes. Does not belong here: shape and freshness
(orchestration/), or what happens after a failed check. An empty result means that the check passed.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import numpy as np
import polars as pl

from macro_fund.curves.di import FACE_BRL, build
from macro_fund.curves.flat_forward import YEAR_BD
from macro_fund.curves.ust import HALF_YEAR, bootstrap, par_grid, same_tenors
from macro_fund.time.calendars import BusinessCalendar

HALF_CENT = 0.005
HALF_RATE_TICK = 0.000005  # B3 publishes settlement rates with three decimals of a percent
PAR_TOLERANCE = 1e-8
FORWARD_TOLERANCE = 1e-9
PROBLEM = pl.Schema({"session": pl.Date, "curve_date": pl.Date, "item": pl.String, "reason": pl.String})


def di_arbitrage(curve: pl.DataFrame) -> pl.DataFrame:
    """Rows of silver/di_curve where a discount factor does not fall with the tenor or a forward is not positive."""
    log_c = pl.col("rate").log1p() * (pl.col("tenor_bd") * (1 / YEAR_BD))
    step = log_c.diff().over("session", "curve_date", order_by="tenor_bd").fill_null(log_c)
    reason = (
        pl.when(step.is_nan() | (step <= 0))
        .then(pl.format("discount factor does not fall up to this tenor (rate {})", "rate"))
        .when(pl.col("forward_21d") <= 0)
        .then(pl.format("forward of the 21 days before this tenor is {}, not positive", "forward_21d"))
    )
    item = pl.format("DI {} bd", "tenor_bd")
    return _problems(curve.with_columns(item=item, reason=reason))


def di_repricing(
    settlements: pl.DataFrame, cdi_daily: pl.DataFrame, sessions: Sequence[date], calendar: BusinessCalendar
) -> pl.DataFrame:
    """DI1 contracts that the curve of their session does not reprice to B3's PU.

    The curve goes through B3's rates at our business days, so a wrong calendar, maturity or rate shows here. Allowed is
    half a cent, or half a tick of the published rate where that is worth more.
    """
    built = build(settlements, cdi_daily, sessions, calendar)
    rows = built.days.select("session", "curve_date", "version", "curve").join(
        built.quotes, on=["curve_date", "version"], how="inner"
    )
    log_c = built.curves.log_capitalisation(rows["curve"].to_numpy().astype(np.int64), rows["bdays"].to_numpy())
    price = FACE_BRL * np.exp(-log_c)
    tick_value = HALF_RATE_TICK * (pl.col("bdays") * (1 / YEAR_BD)) / (1 + pl.col("rate")) * pl.col("model")
    error = (pl.col("model") - pl.col("settle_price")).abs()
    allowed = pl.max_horizontal(pl.lit(HALF_CENT), tick_value) + 1e-6
    text = pl.format(
        "curve gives PU {} for {} business days, B3 settled {}", pl.col("model").round(4), "bdays", "settle_price"
    )
    marked = rows.with_columns(model=pl.Series(price)).with_columns(
        item="contract", reason=pl.when(error.is_nan() | (error > allowed)).then(text)
    )
    return _problems(marked)


def ust_repricing(curve: pl.DataFrame) -> pl.DataFrame:
    """Rows of silver/ust_curve whose zero rate does not reprice the par bond (or bill) of its tenor to 100."""
    return _reprices(curve, "UST")


def tips_repricing(curve: pl.DataFrame) -> pl.DataFrame:
    """Rows of silver/us_real_curve whose real zero rate does not reprice the real par bond of its tenor to 100."""
    return _reprices(curve, "TIPS")


def ust_forwards(curve: pl.DataFrame) -> pl.DataFrame:
    """Rows of silver/ust_curve up to which the discount factor rises, or whose forward is not the one of its zeros.

    A nominal forward below zero is no arbitrage while bills can be held at less, but it has not been at these tenors.
    """
    log_c = pl.col("zero_rate") * pl.col("tenor_years")
    years = pl.col("tenor_years")
    step, span = (c.diff().over("session", "curve_date", order_by="tenor_years").fill_null(c) for c in (log_c, years))
    expected = (step / span).exp() - 1
    reason = (
        pl.when(step.is_nan() | (step < 0))
        .then(pl.format("discount factor rises up to this tenor (zero rate {})", "zero_rate"))
        .when(~((pl.col("forward_rate") - expected).abs() <= FORWARD_TOLERANCE))
        .then(pl.format("forward {} is not that of the zero rates", "forward_rate"))
    )
    return _problems(curve.with_columns(item=pl.format("UST {} years", "tenor_years"), reason=reason))


def breakevens(real: pl.DataFrame, nominal: pl.DataFrame) -> pl.DataFrame:
    """Rows of silver/us_real_curve whose breakeven is not Fisher's on the zero rates of silver/ust_curve."""
    keys = ["session", "curve_date", "tenor_years"]
    both = real.join(nominal.select(*keys, nominal="zero_rate"), on=keys, how="inner")
    wrong = ~((1 + pl.col("breakeven")) * pl.col("zero_rate").exp() / pl.col("nominal").exp() - 1).abs().is_between(
        0, FORWARD_TOLERANCE
    )
    text = pl.format("breakeven {} from nominal {} and real {}", pl.col("breakeven"), "nominal", "zero_rate")
    reason = pl.when(wrong.fill_null(value=True)).then(text.fill_null("no breakeven on a day with both curves"))
    return _problems(both.with_columns(item=pl.format("TIPS {} years", "tenor_years"), reason=reason))


def _reprices(curve: pl.DataFrame, name: str) -> pl.DataFrame:
    # Sessions that repeat a curve hold the same rows: each (session, curve_date) is one curve here.
    rows = curve.sort("session", "curve_date", "tenor_years").with_columns(version=pl.col("session"))
    parts = [_par_prices(group) for group in same_tenors(rows)]
    if not parts:
        return pl.DataFrame(schema=PROBLEM)
    error = (pl.col("price") - 100.0).abs()
    text = pl.format("par bond at {} reprices to {}, not 100", "par_yield", "price")
    return _problems(
        pl.concat(parts).with_columns(
            item=pl.format("{} {} years", pl.lit(name), "tenor_years"),
            reason=pl.when(error.is_nan() | (error > PAR_TOLERANCE)).then(text),
        )
    )


def _par_prices(rows: pl.DataFrame) -> pl.DataFrame:
    """Adds `price`: coupons at the bootstrapped discount factors, the last flow at the row's own zero rate."""
    years = np.array(rows["tenor_years"].unique().sort())
    par = rows["par_yield"].to_numpy().reshape(-1, years.size)
    final = np.exp(-rows["zero_rate"].to_numpy().reshape(par.shape) * years)
    before = np.cumsum(bootstrap(par_grid(list(years), par)), axis=1)
    price = np.empty_like(par)
    for i, tenor in enumerate(years):
        if tenor < HALF_YEAR:
            price[:, i] = 100.0 * final[:, i] * (1.0 + par[:, i] * tenor)
            continue
        n = round(tenor / HALF_YEAR)
        annuity = before[:, n - 2] if n > 1 else 0.0
        price[:, i] = 100.0 * (par[:, i] / 2 * annuity + final[:, i] * (1.0 + par[:, i] / 2))
    return rows.with_columns(price=pl.Series(price.ravel()))


def _problems(rows: pl.DataFrame) -> pl.DataFrame:
    return rows.filter(pl.col("reason").is_not_null()).select(PROBLEM.names()).sort("session", "curve_date", "item")
