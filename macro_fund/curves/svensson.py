"""Nelson-Siegel-Svensson curves as their publishers define them: ANBIMA's ETTJ and the Federal Reserve's GSW.

Belongs here: parameters -> rates, for many days at once, and silver/ettj. Does not belong here: fitting parameters, or
reading them (sources/anbima_ettj.py).

With L(x) = (1 - e^-x) / x the curve is b0 + b1 L(x) + b2 (L(x) - e^-x) + b3 (L(y) - e^-y). ANBIMA: x, y = lambda t
with t = business days / 252; effective annual rates. Federal Reserve (Gurkaynak, Sack and Wright 2007): x, y = t / tau
with t in years; continuously compounded rates. Parameters and rates are decimals.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import numpy as np
import numpy.typing as npt
import polars as pl

from macro_fund.curves.flat_forward import YEAR_BD
from macro_fund.curves.known import curve_days, quotes_known
from macro_fund.instruments.decimals import Array, truncate
from macro_fund.store.tables import TABLES

NODES = (21, 63, 126, 252, 504, 756, 1260, 2520, 5040, 7560)
PARAMETERS = ("b1", "b2", "b3", "b4", "l1", "l2")
CURVES = ("pre", "ipca")
_CUT = 1e-6 + 1e-12  # what cutting takes away at most
RATE_DECIMALS = 6  # of a decimal rate: ANBIMA prints four decimals of a percent, cut off
COUPONS_A_YEAR = 2
_NO_TAU = -999.99  # what the Federal Reserve's file says before 1980, when the second hump is not fitted
_TABLE = TABLES["silver/ettj"]


def ettj(parameters: npt.ArrayLike, bdays: npt.ArrayLike) -> Array:
    """ANBIMA's zero rates (decimal, 252), not cut: parameters (..., 6) b1..b4, lambda 1, lambda 2; bdays (k,) >= 1.

    Shape (..., k). `truncate(rates, 6)` gives what ANBIMA prints. Raises ValueError for bdays below 1 or a lambda that
    is not above 0.
    """
    given, days = np.asarray(parameters, dtype=np.float64), np.asarray(bdays, dtype=np.float64)
    if np.any(days < 1) or np.any(given[..., 4:] <= 0):
        raise ValueError("a rate needs at least one business day, and lambdas above 0")
    years = days / YEAR_BD
    return _spot(given[..., :4], years * given[..., 4, None], years * given[..., 5, None])


def gsw_zero(parameters: npt.ArrayLike, years: npt.ArrayLike) -> Array:
    """Zero yields, continuously compounded (decimals): parameters (..., 6) BETA0..3 as decimals, TAU1, TAU2 in years.

    years (k,) > 0; shape (..., k). TAU2 = -999.99 in the file (with BETA3 = 0) means no second hump. This is SVENYxx.
    """
    betas, near, far = _gsw(parameters, years)
    return _spot(betas, near, far)


def gsw_forward(parameters: npt.ArrayLike, years: npt.ArrayLike) -> Array:
    """Instantaneous forward rates, continuously compounded (decimals); arguments as in `gsw_zero`. This is SVENFxx."""
    b, near, far = _gsw(parameters, years)
    hump = b[..., 2, None] * near * np.exp(-near) + b[..., 3, None] * far * np.exp(-far)
    return np.asarray(b[..., 0, None] + b[..., 1, None] * np.exp(-near) + hump)


def gsw_par(parameters: npt.ArrayLike, years: Sequence[int]) -> Array:
    """Par yields (decimals, semiannual bond basis) at whole years; parameters as in `gsw_zero`. This is SVENPYxx."""
    wanted = np.asarray(years, dtype=np.int64)
    if np.any(wanted < 1) or not np.array_equal(wanted, np.asarray(years)):
        raise ValueError(f"par yields are of whole years from 1 on, got {list(years)}")
    grid = np.arange(1, int(wanted.max()) * COUPONS_A_YEAR + 1) / COUPONS_A_YEAR
    factors = np.exp(-gsw_zero(parameters, grid) * grid)
    last = wanted * COUPONS_A_YEAR - 1
    return np.asarray(COUPONS_A_YEAR * (1.0 - factors[..., last]) / np.cumsum(factors, axis=-1)[..., last])


def _gsw(parameters: npt.ArrayLike, years: npt.ArrayLike) -> tuple[Array, Array, Array]:
    """Betas and the two scaled times of the Federal Reserve's parameters."""
    given, t = np.asarray(parameters, dtype=np.float64), np.asarray(years, dtype=np.float64)
    absent = given[..., 5] == _NO_TAU
    if np.any(absent & (given[..., 3] != 0)):
        raise ValueError("TAU2 is -999.99 where BETA3 is not 0; take both from the same row of the file")
    tau = np.where(absent[..., None] & (np.arange(2) == 1), 1.0, given[..., 4:])
    if np.any(t <= 0) or np.any(tau <= 0):
        raise ValueError("a yield needs years above 0 and taus above 0")
    return given[..., :4], t / tau[..., 0, None], t / tau[..., 1, None]


def _spot(betas: Array, near: Array, far: Array) -> Array:
    slope, hump = -np.expm1(-near) / near, -np.expm1(-far) / far
    level = betas[..., 0, None] + betas[..., 1, None] * slope
    return np.asarray(
        level + betas[..., 2, None] * (slope - np.exp(-near)) + betas[..., 3, None] * (hump - np.exp(-far))
    )


def ettj_curves(observations: pl.DataFrame, sessions: Sequence[date], nodes: Sequence[int] = NODES) -> pl.DataFrame:
    """silver/ettj: ANBIMA's nominal and real curves at fixed business days, as each session knows them.

    observations: bronze/anbima_ettj rows. A session repeats the newest day of which it knows all twelve parameters,
    under its own `curve_date`; one that knows none has no row. The breakeven is, as printed, that of the cut rates.
    """
    rows = observations.filter(pl.col("series_id").is_in(_ids("pre") + _ids("ipca")))
    days = curve_days(rows, sessions, "series_id", minimum=len(CURVES) * len(PARAMETERS))
    if days.is_empty():
        return _TABLE.empty()
    known = quotes_known(rows, days, "series_id").pivot(
        "series_id", index=["curve_date", "version"], values="value", maintain_order=True
    )
    node = np.array(sorted(nodes), dtype=np.int64)
    pre, ipca = (truncate(ettj(known.select(_ids(curve)).to_numpy(), node), RATE_DECIMALS) for curve in CURVES)
    size = known.height
    values = {
        "nominal_rate": pre,
        "real_rate": ipca,
        "breakeven": truncate((1.0 + pre) / (1.0 + ipca) - 1.0, RATE_DECIMALS),
    }
    rates = known.select(pl.col("curve_date", "version").repeat_by(node.size).explode()).with_columns(
        tenor_bd=pl.Series(np.tile(node, size), dtype=pl.Int32), **{k: pl.Series(v.ravel()) for k, v in values.items()}
    )
    return (
        days.join(rates, on=["curve_date", "version"], how="inner")
        .select(list(_TABLE.schema))
        .cast(pl.Schema(_TABLE.schema))
        .sort(_TABLE.sort)
    )


def breakeven_problems(rows: pl.DataFrame) -> pl.DataFrame:
    """Rows (session, item, reason) of silver/ettj whose breakeven is not that of their rates, cut at six decimals."""
    implied = (1.0 + pl.col("nominal_rate")) / (1.0 + pl.col("real_rate")) - 1.0
    wrong = rows.filter((pl.col("breakeven") - implied).abs() > _CUT)
    text = pl.format("breakeven {} where the rates give {}", "breakeven", implied.round(6))
    return wrong.select("session", pl.format("ETTJ {} bd", "tenor_bd").alias("item"), text.alias("reason"))


def _ids(curve: str) -> list[str]:
    return [f"br_ettj_{curve}_{name}" for name in PARAMETERS]
