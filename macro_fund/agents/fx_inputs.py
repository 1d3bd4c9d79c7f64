"""Daily parts of the FX view, one row per session: carry to risk, flow, momentum, and the newest month of the panel.

Belongs here: what was known that morning, standardised, and how old it was. Does not belong here: estimation
(fx_model.py) and the view (fx.py). Carry and volatility are decimals a year; every score is + for a stronger real.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date

import numpy as np
import polars as pl

from macro_fund.agents.as_known import age_days, carry, knowledge_path
from macro_fund.agents.fx_panel import COLUMNS, SPOT, Panel, newest
from macro_fund.features.stats import robust_z

CURVE_MAX_AGE_DAYS = 7
CARRY_BD, COUPON_CD = 63, 90
QUARTERS = 4
YEAR_DAYS = 252
US_RATE = "us_par_3mo"
MARKET = (SPOT, US_RATE)
FLOW, FLOW_DAYS = "br_fx_flow_total", 20
POSITIONS, TRADER = "us_cot_tff_brl", "leveraged"
# Above 2 a flow is extreme and read against; it stays so until it is below 1.5.
EXTREME, ARMED = 2.0, 1.5


def _node(curve: pl.DataFrame, grid: pl.DataFrame, prefix: str) -> pl.DataFrame:
    """grid with {prefix}_rate, _date, _age of the newest curve (rows: session, curve_date, rate)."""
    rows = curve.drop_nulls("rate").sort("session", "curve_date").select("session", "curve_date", "rate")
    known = carry(rows.rename({"curve_date": "event_date"}), grid).with_columns(age_days().alias("age"))
    return known.rename({"rate": f"{prefix}_rate", "event_date": f"{prefix}_date", "age": f"{prefix}_age"})


def carry_inputs(
    market: pl.DataFrame, di_curve: pl.DataFrame, cupom_curve: pl.DataFrame, grid: pl.DataFrame
) -> pl.DataFrame:
    """session, carry, carry_to_risk, carry_z, carry_date, carry_proxy, and the spot's value, date, vol and momentum.

    carry: ln(F / S) a year over 63 business days. F is covered interest: DI 63 bd against the clean dollar coupon of 90
    days where that is known and fresh (it was itself read off the dollar futures), else against the 3-month Treasury,
    which leaves the cross-currency basis out (carry_proxy true). Risk is the realised 63-day volatility of PTAX:
    implied volatility has no free source. z: 504 sessions, 252 at least.
    """
    spot = market.filter(pl.col("series_id") == SPOT).select(
        "session",
        pl.col("event_date").alias("spot_date"),
        pl.col("value").alias("spot"),
        (pl.col("vol_63d") * YEAR_DAYS**0.5).alias("vol"),
        pl.col("momentum"),
        pl.col("knowledge_time").alias("spot_knowledge"),
        (pl.col("status") != "stale").alias("spot_fresh"),
    )
    dollar = market.filter(pl.col("series_id") == US_RATE).select(
        "session",
        pl.when(pl.col("status") != "stale").then("value").alias("us_rate"),
        pl.col("knowledge_time").alias("us_knowledge"),
    )
    coupon = cupom_curve.filter((pl.col("kind") == "clean") & (pl.col("tenor_cd") == COUPON_CD))
    frame = grid.join(spot, on="session", how="left", maintain_order="left")
    frame = frame.join(dollar, on="session", how="left", maintain_order="left")
    nodes = (
        _node(di_curve.filter(pl.col("tenor_bd") == CARRY_BD), grid, "di"),
        _node(coupon.with_columns(pl.col("rate").cast(pl.Float64)), grid, "coupon"),
    )
    for node in nodes:
        frame = frame.join(node, on="session", how="left", maintain_order="left")
    clean = pl.when(pl.col("coupon_age") <= CURVE_MAX_AGE_DAYS).then("coupon_rate")
    foreign = pl.coalesce(
        QUARTERS * (1.0 + clean * (COUPON_CD / 360)).log(), 2.0 * (1.0 + pl.col("us_rate") / 2.0).log()
    )
    at_home = pl.when(pl.col("di_age") <= CURVE_MAX_AGE_DAYS).then((1.0 + pl.col("di_rate")).log())
    risk = pl.when(pl.col("spot_fresh") & (pl.col("vol") > 0)).then("vol")
    frame = frame.with_columns((at_home - foreign).alias("carry"), clean.is_null().alias("carry_proxy"))
    frame = frame.with_columns((pl.col("carry") / risk).alias("carry_to_risk"))
    return frame.with_columns(
        robust_z(frame["carry_to_risk"]).alias("carry_z"),
        pl.col("di_date").alias("carry_date"),
        pl.when(pl.col("spot_fresh")).then("momentum").alias("momentum"),
    )


def flow_score(flow: Sequence[float | None]) -> list[float | None]:
    """Score of each standardised flow in time order: half of it while it is ordinary, against it once it is extreme.

    |F| <= 2: F / 2. Beyond 2 the score turns to -sign(F) min(1, |F| - 1.5) and stays so until |F| is below 1.5. An
    unknown flow has no score and leaves the state as it was.
    """
    scores: list[float | None] = []
    extreme = False
    for f in flow:
        if f is None:
            scores.append(None)
            continue
        extreme = abs(f) > EXTREME or (extreme and abs(f) >= ARMED)
        scores.append(float(-np.sign(f) * min(1.0, abs(f) - ARMED)) if extreme else f / 2.0)
    return scores


def flow_inputs(
    observations: pl.DataFrame, positioning: pl.DataFrame, grid: pl.DataFrame, max_age: Mapping[str, int]
) -> pl.DataFrame:
    """session, flow (mean z of the parts that are fresh), flow_score, flow_parts, flow_date, flow_knowledge, and dates.

    Parts: 20-day sum of the Banco Central's contracted flow (+: dollars come in), and leveraged funds' net position in
    CME futures of the real on open interest (+: long the real). B3's foreign positions have no series.
    """
    path = knowledge_path(observations, FLOW, grid["session"][-1])
    path = path.with_columns(pl.col("value").rolling_sum(FLOW_DAYS).alias("value"))
    path = path.with_columns(robust_z(path["value"]).alias("z"))
    held = positioning.filter((pl.col("series_id") == POSITIONS) & (pl.col("category") == TRADER))
    frame = grid
    for name, rows, limit in (("contracted", path, max_age[FLOW]), ("futures", held, max_age[POSITIONS])):
        part = carry(rows.select("session", "event_date", "z", "knowledge_time"), grid)
        part = part.with_columns((age_days() <= limit).fill_null(value=False).alias("live"))
        frame = frame.join(
            part.select(
                "session",
                pl.when("live").then("z").alias(f"{name}_z"),
                pl.when(pl.col("live") & pl.col("z").is_not_null()).then("event_date").alias(f"{name}_date"),
                pl.when(pl.col("live") & pl.col("z").is_not_null()).then("knowledge_time").alias(f"{name}_knowledge"),
            ),
            on="session",
            how="left",
            maintain_order="left",
        )
    frame = frame.with_columns(
        pl.mean_horizontal("contracted_z", "futures_z").alias("flow"),
        pl.min_horizontal("contracted_date", "futures_date").alias("flow_date"),
        pl.max_horizontal("contracted_knowledge", "futures_knowledge").alias("flow_knowledge"),
        pl.sum_horizontal(pl.col(f"{n}_z").is_not_null().cast(pl.Int32) for n in ("contracted", "futures")).alias(
            "flow_parts"
        ),
    )
    return frame.with_columns(pl.Series("flow_score", flow_score(frame["flow"].to_list()), dtype=pl.Float64))


def panel_states(known: Sequence[Panel]) -> pl.DataFrame:
    """One row per panel: session, log_reer and reer_date of the newest month, log_spot (the dollar's mean of that
    month), every regressor column's newest value and its date ({column}_date), panel_knowledge.

    Months are dated by their first day.
    """
    rows = []
    for panel in known:
        at = newest(panel.reer)
        row: dict[str, object] = {"session": panel.session, "panel_knowledge": panel.knowledge_time}
        if at is not None:
            row["log_reer"], row["reer_date"] = float(panel.reer[at]), _day(panel, at)
            row["log_spot"] = float(panel.spot[at]) if np.isfinite(panel.spot[at]) else None
        for name, vector in panel.columns.items():
            i = newest(vector)
            if i is not None:
                row[name], row[f"{name}_date"] = float(vector[i]), _day(panel, i)
        rows.append(row)
    numbers = ("log_reer", "log_spot", *COLUMNS)
    schema: dict[str, pl.DataType] = {"session": pl.Date(), "panel_knowledge": pl.Datetime("us", "UTC")}
    schema |= {n: pl.Float64() for n in numbers} | {
        n: pl.Date() for n in ("reer_date", *(f"{c}_date" for c in COLUMNS))
    }
    return pl.DataFrame(rows, schema=schema, orient="row")


def _day(panel: Panel, row: int) -> date:
    day: date = panel.months[row].astype("datetime64[D]").item()
    return day
