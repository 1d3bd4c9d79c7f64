"""Checks that the retail real curve must pass, as pure functions: frames in, the offending rows with reasons out.

Belongs here: recomputation from the bonds of the day, one curve at a time. Does not belong here: shape and freshness
(orchestration/). An empty result means that the check passed.
"""

from __future__ import annotations

import numpy as np
import polars as pl

from macro_fund.curves.checks import PROBLEM
from macro_fund.curves.known import quotes_known
from macro_fund.curves.retail_real import REACH_BD, mid_rates
from macro_fund.time.calendars import BusinessCalendar

SAME = 1e-12


def not_between_bonds(curve: pl.DataFrame, bonds: pl.DataFrame, calendar: BusinessCalendar) -> pl.DataFrame:
    """Rows of silver/retail_real_curve whose real rate is not the one between the bonds that their session knew.

    bonds: bronze/tesouro_direto rows.
    """
    rows = curve.drop_nulls("real_rate")
    days = rows.select("session", "curve_date", version="session").unique(maintain_order=True)
    known = quotes_known(mid_rates(bonds, calendar), days, "bond").sort("bdays")
    of_day = known.partition_by("curve_date", "version", as_dict=True)
    problems = []
    for session, day, tenor, rate in rows.select("session", "curve_date", "tenor_bd", "real_rate").rows():
        quotes = of_day.get((day, session), known.clear())
        at, rates = quotes["bdays"].to_numpy(), quotes["rate"].to_numpy()
        near = at.size and at[0] - REACH_BD <= tenor <= at[-1] + REACH_BD
        again = float(np.interp(tenor, at, rates)) if near else float("nan")
        if not abs(again - rate) <= SAME:
            problems.append((session, day, f"IPCA+ {tenor} bd", f"stored {rate}, the bonds give {again}"))
    return pl.DataFrame(problems, schema=PROBLEM, orient="row")


def breakeven_not_of_rates(curve: pl.DataFrame) -> pl.DataFrame:
    """Rows whose breakeven is not (1 + nominal) / (1 + real) - 1, or is there without both rates."""
    implied = (1.0 + pl.col("nominal_rate")) / (1.0 + pl.col("real_rate")) - 1.0
    apart = (pl.col("breakeven") - implied).abs() > SAME
    bad = curve.filter(apart.fill_null(False) | (pl.col("breakeven").is_null() != implied.is_null()))
    reason = pl.format(
        "breakeven {}, the rates give {}",
        *(c.cast(pl.String).fill_null("none") for c in (pl.col("breakeven"), implied)),
    )
    return bad.select("session", "curve_date", item=pl.format("IPCA+ {} bd", "tenor_bd"), reason=reason)
