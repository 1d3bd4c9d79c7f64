"""Market features: change, volatility, z and momentum of daily market series, as known at each session.

Belongs here: which series, in which unit they change, and how their statistics are put together. Does not belong here:
the statistics themselves (stats.py), or what they mean for a strategy.

A rate changes in basis points, a price in log returns. Statistics run along the path of publication (known.py): a
change over a holiday is one change, and nothing is filled forward. Levels of the DI curve are constant-maturity nodes:
they serve signals, never P&L.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from itertools import pairwise

import polars as pl

from macro_fund.features.known import OK, STALE, advancing, carry, judged, paths, require_ages, rows_wanted
from macro_fund.features.stats import ewma_vol, frozen, momentum, robust_z, rolling_vol

BP = 1e4
DI_TENORS = (21, 63, 126, 252, 504, 756, 1260, 2520)
DI_MAX_AGE_DAYS = 7
FROZEN_DAYS = 3

# Rates and spreads, stored as decimals.
_RATES = (
    *(f"us_par_{t}" for t in ("3mo", "6mo", "1y", "2y", "3y", "5y", "7y", "10y", "20y", "30y")),
    *(f"us_real_par_{t}" for t in ("5y", "7y", "10y", "20y", "30y")),
    *("us_bei_5y", "us_bei_10y", "us_bei_5y5y", "us_tp_kim_wright_10y"),
    *("us_hy_oas", "us_ig_oas", "em_corp_oas", "latam_corp_oas"),
)
# Spreads, stored as basis points.
_SPREADS_BP = ("br_embi_brazil",)
# Prices, indices and exchange rates: anything whose moves are relative.
_PRICES = (
    *("br_usdbrl_ptax_ask", "fx_usdmxn", "fx_usdzar_y", "fx_usdclp_y", "fx_usdcop_y", "fx_eurusd_y", "fx_usdjpy_y"),
    *("us_dollar_broad", "fx_dxy"),
    *("br_ibov", "us_spx", "eq_ndx", "eq_rut", "eq_eem", "eq_ewz", "us_vix", "vol_move"),
    *("cmd_brent_fut", "cmd_wti_fut", "cmd_gold_fut", "cmd_silver_fut", "cmd_copper_fut", "cmd_iron_ore_fut"),
    *("cmd_soy_fut", "cmd_corn_fut", "cmd_sugar_fut", "cmd_coffee_fut"),
)
OBSERVED = (*_RATES, *_SPREADS_BP, *_PRICES)
# To basis points; a series that is not here is a price.
_TO_BP = {**dict.fromkeys(_RATES, BP), **dict.fromkeys(_SPREADS_BP, 1.0)}
# A price or a contract that repeats itself to the last digit has stopped. A yield printed to 1 bp may stand still.
_MAY_STAND_STILL = (*_RATES, *_SPREADS_BP)
STATISTICS = ("change", "ewma_vol", "vol_63d", "z", "z_change", "momentum")
SCHEMA = pl.Schema(
    {
        "session": pl.Date(),
        "series_id": pl.String(),
        "kind": pl.String(),
        "event_date": pl.Date(),
        "value": pl.Float64(),
        **dict.fromkeys(STATISTICS, pl.Float64()),
        "knowledge_time": pl.Datetime("us", "UTC"),
        "status": pl.String(),
        "reason": pl.String(),
    }
)


def di_series(tenor_bd: int) -> str:
    """The feature's series id of a constant-maturity node of the DI curve."""
    return f"br_di_{tenor_bd}"


def di_paths(di_curve: pl.DataFrame) -> pl.DataFrame:
    """Nodes of silver/di_curve as paths: one row per series and curve_date, the first version of each."""
    nodes = di_curve.filter(pl.col("tenor_bd").is_in(DI_TENORS)).select(
        pl.lit("br_di_").add(pl.col("tenor_bd").cast(pl.String)).alias("series_id"),
        "session",
        pl.col("curve_date").alias("event_date"),
        pl.col("rate").alias("value"),
    )
    nodes = nodes.sort("series_id", "session", "event_date")
    return advancing(nodes, by="series_id")


def statistics(path: pl.DataFrame, series_id: str, last: int | None = None) -> pl.DataFrame:
    """The path (event_date, value) of one series with STATISTICS; `last` rows only are needed in the rolling ones.

    change and volatilities: bp a day for rates, log return a day for prices. z: of the level, 504 observations;
    z_change: of the change. momentum: of holding the asset, so that a falling rate counts as a gain; without carry and
    funding.
    """
    to_bp = _TO_BP.get(series_id, BP if series_id.startswith("br_di_") else None)
    level = pl.when(pl.col("value") > 0).then(pl.col("value").log())
    change = path.select((level if to_bp is None else pl.col("value") * to_bp).diff().alias("change")).to_series()
    sigma = rolling_vol(change, last=last)
    return path.with_columns(
        change,
        ewma_vol(change).alias("ewma_vol"),
        sigma.alias("vol_63d"),
        robust_z(path["value"], last=last).alias("z"),
        robust_z(change, last=last).alias("z_change"),
        momentum(change if to_bp is None else -change, sigma).alias("momentum"),
        frozen(path["value"], FROZEN_DAYS).fill_null(value=False).alias("frozen")
        if series_id not in _MAY_STAND_STILL
        else pl.lit(value=False).alias("frozen"),
    )


def market_features(
    observations: pl.DataFrame, di_curve: pl.DataFrame, sessions: Sequence[date], max_age: Mapping[str, int]
) -> pl.DataFrame:
    """SCHEMA, one row per session and series that was ever known by the last session, sorted.

    observations: rows of silver/observations (session, series_id, event_date, value, knowledge_time) of OBSERVED and
    others; di_curve: rows of silver/di_curve. `max_age`: calendar days by series id. A session without a new value
    repeats the newest one with its event_date. status: `ok`; `stale` when the value is older than its maximum age, or
    repeated itself FROZEN_DAYS times (its statistics are null then); `missing` when a statistic lacks history.
    Raises ValueError when sessions are not ascending or an age is missing.
    """
    if not sessions or any(b <= a for a, b in pairwise(sessions)):
        raise ValueError("sessions must be given, ascending and each once")
    ages = {**dict(max_age), **{di_series(n): DI_MAX_AGE_DAYS for n in DI_TENORS}}
    observed = observations.filter(pl.col("series_id").is_in(OBSERVED) & (pl.col("session") <= sessions[-1]))
    nodes = di_paths(di_curve.filter(pl.col("session") <= sessions[-1]))
    known = pl.concat(
        [paths(observed), nodes.with_columns(knowledge_time=pl.lit(None, SCHEMA["knowledge_time"]))], how="diagonal"
    )
    require_ages(ages, known["series_id"])
    parts = []
    for (series_id,), path in known.partition_by("series_id", as_dict=True, maintain_order=True).items():
        wanted = rows_wanted(path, sessions)
        parts.append(statistics(path, series_id, wanted).tail(wanted))
    if not parts:
        return pl.DataFrame(schema=SCHEMA)
    rows = carry(pl.concat(parts), sessions, "series_id").drop_nulls("event_date")
    return _judged(rows, ages).select(list(SCHEMA)).sort("session", "series_id")


def _judged(rows: pl.DataFrame, ages: Mapping[str, int]) -> pl.DataFrame:
    """With kind, status and reason; a frozen series keeps its level and loses its statistics."""
    is_rate = pl.col("series_id").is_in(list(_TO_BP)) | pl.col("series_id").str.starts_with("br_di_")
    age = pl.col("series_id").replace_strict(dict(ages), return_dtype=pl.Int64)
    rows = judged(
        rows.with_columns(kind=pl.when(is_rate).then(pl.lit("rate")).otherwise(pl.lit("price")), reason=pl.lit("")), age
    )
    still = pl.col("frozen") & (pl.col("status") == OK)
    rows = rows.with_columns(
        *(pl.when(~pl.col("frozen")).then(pl.col(c)).alias(c) for c in STATISTICS),
        status=pl.when(still).then(pl.lit(STALE)).otherwise("status"),
        reason=pl.when(still).then(pl.lit(f"unchanged for {FROZEN_DAYS} observations")).otherwise("reason"),
    )
    lacking = pl.concat_str(
        [pl.when(pl.col(c).is_null()).then(pl.lit(f"{c} ")).otherwise(pl.lit("")) for c in STATISTICS]
    ).str.strip_chars()
    short = (pl.col("status") == OK) & (lacking.str.len_chars() > 0)
    return rows.with_columns(
        status=pl.when(short).then(pl.lit("missing")).otherwise("status"),
        reason=pl.when(short)
        .then(pl.concat_str(pl.lit("not enough history or moves for "), lacking))
        .otherwise("reason"),
    )
