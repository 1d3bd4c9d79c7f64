"""Inputs of the regime agent: standardised growth, inflation and financial conditions, one row per session.

Belongs here: the components and how each is measured and standardised on what was known. Does not belong here:
probabilities and views (regime.py), the estimated chain (regime_chain.py).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from functools import reduce

import numpy as np
import numpy.typing as npt
import polars as pl

from macro_fund.agents.as_known import Vintage, age_days, carry, per_state
from macro_fund.features.macro import FCI_MARKET, FCI_OWN

Vector = npt.NDArray[np.float64]

MONTHS, MIN_MONTHS = 120, 60
CLIP = 3.0
MAD_TO_SIGMA = 1.4826


@dataclass(frozen=True)
class Monthly:
    """A monthly component: `measure` turns the vectors of one state of information into the measure's path."""

    name: str
    axis: str
    series: tuple[str, ...]
    unit: str
    measure: Callable[[Mapping[str, Vintage]], Vector]


def _mean_of_months(values: Vector, n: int) -> Vector:
    """Trailing n-month means; shorter by n - 1."""
    return np.lib.stride_tricks.sliding_window_view(values, n).mean(axis=1) if len(values) >= n else values[:0]


def growth_3m(known: Mapping[str, Vintage]) -> Vector:
    """Mean of three months on the mean of the three before, less 1, of an index."""
    (index,) = (v.values for v in known.values())
    means = _mean_of_months(index, 3)
    return means[3:] / means[:-3] - 1.0


def average_3m(known: Mapping[str, Vintage]) -> Vector:
    """Three-month average."""
    (level,) = (v.values for v in known.values())
    return _mean_of_months(level, 3)


def _acceleration(log_change: Vector) -> Vector:
    """Annualised 3-month rate less the 12-month rate, from monthly log changes."""
    if len(log_change) < 12:
        return log_change[:0]
    window = np.lib.stride_tricks.sliding_window_view(log_change, 12)
    faster: Vector = np.expm1(4.0 * window[:, -3:].sum(axis=1)) - np.expm1(window.sum(axis=1))
    return faster


def common_months(known: Mapping[str, Vintage]) -> npt.NDArray[np.datetime64]:
    """Periods that all of the series have."""
    return reduce(np.intersect1d, [v.periods for v in known.values()])


def acceleration_of_rates(known: Mapping[str, Vintage]) -> Vector:
    """Mean over the series (monthly rates) of 3m annualised less 12m, on the months that all of them have."""
    common = common_months(known)
    paths = [_acceleration(np.log1p(v.values[np.isin(v.periods, common)])) for v in known.values()]
    mean: Vector = np.stack(paths).mean(axis=0)
    return mean


def acceleration_of_index(known: Mapping[str, Vintage]) -> Vector:
    """3m annualised less 12m of an index."""
    (index,) = (v.values for v in known.values())
    return _acceleration(np.diff(np.log(index)))


COMPONENTS: tuple[Monthly, ...] = (
    Monthly("ibc_br_growth", "growth", ("br_ibc_br_sa",), "3m/3m", growth_3m),
    Monthly("cfnai", "growth", ("us_cfnai",), "3m average", average_3m),
    Monthly(
        "ipca_core_acceleration",
        "inflation",
        ("br_ipca_core_ex0", "br_ipca_core_ms"),
        "3m annualised less 12m",
        acceleration_of_rates,
    ),
    Monthly("us_core_cpi_acceleration", "inflation", ("us_cpi_core",), "3m annualised less 12m", acceleration_of_index),
)
SERIES = tuple(s for c in COMPONENTS for s in c.series)
AXES = ("growth", "inflation")
CONDITIONS = {**FCI_OWN, **FCI_MARKET}
"""Components of financial conditions (rows of silver/macro and silver/market_features) and the sign that tightens."""
STRESS = ("us_vix", "fx_dxy")
"""What stands beside financial conditions on the stress axis; rows of silver/market_features."""
MARKET = tuple(dict.fromkeys((*FCI_MARKET, *STRESS)))
MACRO = ("fci", *FCI_OWN)


def last_z(path: Vector) -> float | None:
    """Robust z of the last value over the last 120 months (at least 60), clipped at 3; None if it has no scale."""
    window = path[-MONTHS:]
    if len(window) < MIN_MONTHS:
        return None
    centre = np.median(window)
    scale = MAD_TO_SIGMA * np.median(np.abs(window - centre))
    return float(np.clip((window[-1] - centre) / scale, -CLIP, CLIP)) if scale > 0 else None


def _monthly(component: Monthly, observations: pl.DataFrame, last: date) -> pl.DataFrame:
    def compute(known: Mapping[str, Vintage]) -> Mapping[str, float | None]:
        path = component.measure(known)
        return {"value": float(path[-1]) if len(path) else None, "z": last_z(path)}

    return per_state(observations, component.series, last, compute, ["value", "z"])


def _axes(observations: pl.DataFrame, grid: pl.DataFrame, max_age: Mapping[str, int]) -> pl.DataFrame:
    frame = grid
    last = grid["session"][-1]
    for c in COMPONENTS:
        states = _monthly(c, observations, last)
        limit = min(max_age[s] for s in c.series)
        part = carry(states, grid).with_columns(age_days().alias("age"))
        live = (pl.col("age") <= limit) & pl.col("z").is_not_null()
        frame = frame.join(
            part.select(
                "session",
                pl.col("value").alias(f"{c.name}_value"),
                pl.col("z").alias(f"{c.name}_z"),
                pl.col("event_date").alias(f"{c.name}_date"),
                pl.col("age").alias(f"{c.name}_age"),
                pl.lit(limit).alias(f"{c.name}_limit"),
                pl.col("knowledge_time").alias(f"{c.name}_knowledge"),
                live.fill_null(False).alias(f"{c.name}_live"),
            ),
            on="session",
            how="left",
            maintain_order="left",
        )
    return frame


def _market(macro: pl.DataFrame, market: pl.DataFrame, grid: pl.DataFrame) -> pl.DataFrame:
    """Per session and id of CONDITIONS, STRESS and `fci`: {id}_value, _z, _date, _knowledge, _status, _live."""
    columns = ["session", "id", "value", "z", "event_date", "knowledge_time", "status"]
    rows = pl.concat(
        [macro.rename({"feature_id": "id"}).select(columns), market.rename({"series_id": "id"}).select(columns)]
    )
    frame = grid
    for name in (*MACRO, *MARKET):
        live = (pl.col("status") == "ok") & pl.col("z").is_not_null()
        part = rows.filter(pl.col("id") == name).select(
            "session",
            pl.col("value").alias(f"{name}_value"),
            pl.col("z").alias(f"{name}_z"),
            pl.col("event_date").alias(f"{name}_date"),
            pl.col("knowledge_time").alias(f"{name}_knowledge"),
            pl.col("status").alias(f"{name}_status"),
            live.alias(f"{name}_live"),
        )
        frame = frame.join(part, on="session", how="left", maintain_order="left")
    return frame.with_columns(
        *(pl.col(f"{name}_live").fill_null(False) for name in (*MACRO, *MARKET)),
        *(pl.col(f"{name}_status").fill_null("missing") for name in (*MACRO, *MARKET)),
    )


def regime_inputs(
    observations: pl.DataFrame,
    macro: pl.DataFrame,
    market: pl.DataFrame,
    grid: pl.DataFrame,
    max_age: Mapping[str, int],
) -> pl.DataFrame:
    """Per session of `grid`: for every component of the axes {name}_value, _z, _date, _age, _limit, _knowledge, _live,
    and for every part of the financial conditions {id}_value, _z, _date, _knowledge, _status, _live.

    observations: silver/observations; macro: silver/macro; market: silver/market_features. A monthly component is live
    when it has a z and is not older than the smallest max_age of its series; a market one when its status is ok.
    """
    return _market(macro, market, _axes(observations, grid, max_age))
