"""Cross-currency basis: what the onshore dollar coupon pays over a dollar rate of the same term.

Belongs here: the dollar rate of a tenor and the difference. Does not belong here: the coupon (cupom.py) or the Treasury
bootstrap (ust.py). From 90 days on the dollar rate is the US Treasury zero curve at the node; nearer than its first
tenor (three months) it is SOFR, overnight, published since April 2018. No free source has a term curve of SOFR, so the
basis holds the Treasury-SOFR spread: compare it with itself over time, not with a basis swap.
"""

from __future__ import annotations

import numpy as np
import polars as pl

from macro_fund.curves.known import as_known, vintages
from macro_fund.curves.ust import TENORS

SOFR_BELOW_CD = 90
MAX_AGE_DAYS = 7
YEAR_CD = 365.0
_SHORTEST = min(TENORS.values())


def with_basis(cupom: pl.DataFrame, ust: pl.DataFrame, sofr: pl.DataFrame) -> pl.DataFrame:
    """silver/cupom_curve rows with `basis_bp` of the clean curve: coupon less dollar rate, linear 360, in bp.

    ust: silver/ust_curve rows; sofr: rows (session, event_date, value = decimal, actual/360). Null where the dollar
    rate known at the session is more than seven days from the curve's day, and for the other kinds.
    """
    dollar = _treasury(cupom, ust).fill_null(float("nan")).to_numpy()
    overnight = _sofr(cupom, sofr).fill_null(float("nan")).to_numpy()
    near = cupom["tenor_cd"].to_numpy() < SOFR_BELOW_CD
    basis = (cupom["rate"].to_numpy() - np.where(near, overnight, dollar)) * 1e4
    found = pl.Series(basis).fill_nan(None)
    return cupom.with_columns(basis_bp=pl.when(pl.col("kind") == "clean").then(found))


def _treasury(cupom: pl.DataFrame, ust: pl.DataFrame) -> pl.Series:
    """Linear 360 rate of the session's Treasury zeros at each node: the zero rate is linear between its tenors."""
    days = ust.select("session", "curve_date").unique("session", keep="last").rename({"curve_date": "dollar_date"})
    asked = cupom.select("session", "curve_date", "tenor_cd").unique(maintain_order=True)
    years = np.maximum(asked["tenor_cd"].to_numpy() / YEAR_CD, _SHORTEST)
    queries = asked.with_columns(tenor_years=pl.Series(years)).sort("tenor_years")
    nodes = ust.select("session", "tenor_years", "zero_rate", at="tenor_years").sort("tenor_years")
    low, high = (
        queries.join_asof(nodes, on="tenor_years", by="session", strategy=s, check_sortedness=False)  # type: ignore[arg-type]
        for s in ("backward", "forward")
    )
    queries = queries.with_columns(z0=low["zero_rate"], t0=low["at"], z1=high["zero_rate"], t1=high["at"]).join(
        days, on="session", how="left", maintain_order="left"
    )
    span = pl.col("t1") - pl.col("t0")
    share = pl.when(span > 0).then((pl.col("tenor_years") - pl.col("t0")) / span).otherwise(0.0)
    zero = pl.col("z0") + share * (pl.col("z1") - pl.col("z0"))
    linear = ((zero * pl.col("tenor_cd") * (1 / YEAR_CD)).exp() - 1.0) * 360.0 / pl.col("tenor_cd")
    recent = (pl.col("dollar_date") - pl.col("curve_date")).dt.total_days().abs() <= MAX_AGE_DAYS
    found = queries.select("session", "curve_date", "tenor_cd", dollar=pl.when(recent).then(linear))
    keys = ["session", "curve_date", "tenor_cd"]
    return cupom.join(found, on=keys, how="left", maintain_order="left")["dollar"]


def _sofr(cupom: pl.DataFrame, sofr: pl.DataFrame) -> pl.Series:
    """Newest SOFR that each session knows."""
    events = sofr.group_by("event_date", maintain_order=True).agg(pl.col("session").min()).sort("session", "event_date")
    newest = events.select("session", event_date=pl.col("event_date").cum_max()).unique("session", keep="last")
    asked = cupom.select("session", "curve_date").with_row_index("row").sort("session", maintain_order=True)
    asked = asked.join_asof(newest.sort("session"), on="session", strategy="backward", check_sortedness=False)
    values = vintages(sofr, ["event_date"]).select("session", "event_date", overnight="value")
    found = as_known(asked, values, ["event_date"]).sort("row")
    recent = (pl.col("curve_date") - pl.col("event_date")).dt.total_days().abs() <= MAX_AGE_DAYS
    return found.select(pl.when(recent).then("overnight"))["overnight"]
