"""Checks that the dollar coupon curves must pass, as pure functions: frames in, offending rows with reasons out.

Belongs here: arbitrage and recomputation of the curves against their own contracts. Does not belong here: shape and
freshness (orchestration/). An empty result means that the check passed.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import numpy as np
import polars as pl

from macro_fund.curves.cupom import FACE, FIRST_LEG_BD, YEAR_DAYS, CupomCurves, build, cupom_curve
from macro_fund.curves.known import quotes_known
from macro_fund.time.calendars import BusinessCalendar

PROBLEM = ("session", "curve_date", "item", "reason")
HALF_CENT = 0.005
HALF_RATE_TICK = 0.000005  # B3 publishes DDI settlement rates with three decimals of a percent
FRC_TICK = 0.0001  # and those of FRC with two; half of it is rounding, the rest the PUs behind a first leg of few days
SAME = 1e-12


def cupom_arbitrage(curve: pl.DataFrame) -> pl.DataFrame:
    """Rows of silver/cupom_curve that no discount factor can have, or whose forward does not follow from their rates.

    A coupon may be negative, and then a discount factor may rise with the tenor: it must fall only between two clean
    nodes whose coupons are both positive.
    """
    over = ["session", "curve_date", "kind"]
    growth = 1.0 + pl.col("rate") * pl.col("tenor_cd") * (1 / YEAR_DAYS)
    before = growth.shift(1).over(over, order_by="tenor_cd").fill_null(1.0)
    start = pl.col("tenor_cd").shift(1).over(over, order_by="tenor_cd").fill_null(0)
    positive = (pl.col("rate") > 0) & (pl.col("rate").shift(1).over(over, order_by="tenor_cd").fill_null(1.0) > 0)
    implied = (growth / before - 1.0) * YEAR_DAYS / (pl.col("tenor_cd") - start)
    whole = pl.col("kind") != "frc"
    rows = curve.with_columns(growth=growth, before=before, positive=positive, implied=implied)
    reason = (
        pl.when(pl.col("growth").is_nan() | (pl.col("growth") <= 0))
        .then(pl.format("coupon {} leaves no positive discount factor", "rate"))
        .when((pl.col("kind") == "clean") & pl.col("positive") & (pl.col("growth") <= pl.col("before")))
        .then(pl.format("discount factor does not fall up to this tenor (coupon {})", "rate"))
        .when(whole & ((pl.col("forward_rate") - pl.col("implied")).abs() > SAME).fill_null(value=True))
        .then(pl.format("forward {} where the coupons give {}", "forward_rate", "implied"))
    )
    return _problems(rows.with_columns(item=pl.format("{} {} days", "kind", "tenor_cd"), reason=reason))


def cupom_repricing(
    curve: pl.DataFrame,
    settlements: pl.DataFrame,
    reference: pl.DataFrame,
    sessions: Sequence[date],
    calendar: BusinessCalendar,
) -> pl.DataFrame:
    """DDI and FRC that the curves of their session do not give back, and stored coupons that are not the curves'.

    curve: silver/cupom_curve; settlements: bronze/b3_settlements rows of DDI and FRC. A DDI's published rate at our
    days must give its PU to half a cent, or half a tick of the rate where that is worth more; a FRC's must be the
    forward of the clean curve from the first leg, to a tick.
    """
    again = cupom_curve(settlements, reference, pl.DataFrame(schema=_PTAX), sessions, calendar)
    keys = ["session", "curve_date", "kind", "tenor_cd"]
    other = curve.join(again.select(*keys, again="rate"), on=keys, how="left")
    missed = (pl.col("rate") - pl.col("again")).abs().fill_null(1.0) > SAME
    text = pl.format("stored coupon {} is not the curve's {}", "rate", "again")
    stored = other.with_columns(item=pl.format("{} {} days", "kind", "tenor_cd"), reason=pl.when(missed).then(text))
    built = build(settlements, reference, sessions, calendar)
    if built is None:
        return _problems(stored)
    ddi = built.days.select("session", "curve_date", "curve").join(built.quotes, on="curve", how="inner")
    log_growth = built.dirty.log_capitalisation(ddi["curve"].to_numpy(), ddi["bdays"].to_numpy())
    # The curve's price against the file's, and the file's rate at our count of days against its own price.
    own = pl.coalesce("settle_rate", (pl.col("growth") - 1.0) * YEAR_DAYS / pl.col("days"))
    said = FACE / (1.0 + own * pl.col("days") * (1 / YEAR_DAYS))
    value = HALF_RATE_TICK * pl.col("days") * (1 / YEAR_DAYS) / pl.col("growth") * pl.col("settle_price")
    error = pl.max_horizontal((pl.col("model") - pl.col("settle_price")).abs(), (said - pl.col("settle_price")).abs())
    allowed = pl.max_horizontal(pl.lit(HALF_CENT), value) + HALF_CENT
    words = pl.format("curve gives PU {} over {} days, B3 settled {}", pl.col("model").round(4), "days", "settle_price")
    ddi = ddi.with_columns(model=pl.Series(FACE * np.exp(-log_growth))).with_columns(
        item="contract", reason=pl.when(error.is_nan() | (error > allowed)).then(words)
    )
    return pl.concat([_problems(stored), _problems(ddi), _forwards(built, settlements)])


def _forwards(built: CupomCurves, settlements: pl.DataFrame) -> pl.DataFrame:
    """FRC whose published rate is not the forward coupon of its session's DDI."""
    days = built.days
    quotes = quotes_known(settlements.filter(pl.col("root") == "FRC"), days, "contract")
    frc = quotes.select("curve_date", "version", "contract", month=pl.col("contract").str.slice(3), said="settle_rate")
    legs = built.quotes.filter(pl.col("bdays") >= FIRST_LEG_BD)
    first = legs.unique("curve", keep="first", maintain_order=True).select("curve", near="growth", near_days="days")
    far = legs.select("curve", "growth", "days", month=pl.col("contract").str.slice(3))
    rows = (
        days.select("session", "curve_date", "version", "curve")
        .join(frc, on=["curve_date", "version"], how="inner")
        .join(first, on="curve", how="inner")
        .join(far, on=["curve", "month"], how="inner")
        .filter(pl.col("days") > pl.col("near_days"))
    )
    forward = (pl.col("growth") / pl.col("near") - 1.0) * YEAR_DAYS / (pl.col("days") - pl.col("near_days"))
    rows = rows.with_columns(forward=forward)
    text = pl.format("forward coupon of the DDI is {}, B3 settled {}", pl.col("forward").round(6), "said")
    wrong = (pl.col("forward") - pl.col("said")).abs() > FRC_TICK
    return _problems(rows.with_columns(item="contract", reason=pl.when(wrong).then(text)))


_PTAX = {"session": pl.Date, "event_date": pl.Date, "value": pl.Float64}


def _problems(rows: pl.DataFrame) -> pl.DataFrame:
    return rows.filter(pl.col("reason").is_not_null()).select(PROBLEM).sort("session", "curve_date", "item")
