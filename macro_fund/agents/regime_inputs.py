"""Inputs of the regime agent: standardised growth, inflation and stress, one row per session.

Belongs here: the components and how each is standardised on what was known. Does not belong here: probabilities and
views (regime.py).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from functools import reduce

import numpy as np
import numpy.typing as npt
import polars as pl

from macro_fund.agents.as_known import Vintage, age_days, carry, knowledge_path, per_state
from macro_fund.features.stats import robust_z

Vector = npt.NDArray[np.float64]

MONTHS, MIN_MONTHS = 120, 60
DAYS, MIN_DAYS = 504, 252
CLIP = 3.0
MAD_TO_SIGMA = 1.4826
DOLLAR_CHANGE_DAYS = 63


@dataclass(frozen=True)
class Monthly:
    """A monthly component: `measure` turns the vectors of one state of information into the measure's path."""

    name: str
    axis: str
    series: tuple[str, ...]
    unit: str
    measure: Callable[[Mapping[str, Vintage]], Vector]


@dataclass(frozen=True)
class Daily:
    """A daily component: `measure` is an expression on `value` along the path of publication."""

    name: str
    axis: str
    series: tuple[str, ...]
    unit: str
    measure: pl.Expr


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


def acceleration_of_rates(known: Mapping[str, Vintage]) -> Vector:
    """Mean over the series (monthly rates) of 3m annualised less 12m, on the months that all of them have."""
    common = reduce(np.intersect1d, [v.periods for v in known.values()])
    paths = [_acceleration(np.log1p(v.values[np.isin(v.periods, common)])) for v in known.values()]
    mean: Vector = np.stack(paths).mean(axis=0)
    return mean


def acceleration_of_index(known: Mapping[str, Vintage]) -> Vector:
    """3m annualised less 12m of an index."""
    (index,) = (v.values for v in known.values())
    return _acceleration(np.diff(np.log(index)))


COMPONENTS: tuple[Monthly | Daily, ...] = (
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
    Daily("vix", "stress", ("us_vix",), "index points", pl.col("value")),
    Daily("hy_spread", "stress", ("us_hy_oas",), "decimal", pl.col("value")),
    Daily(
        "dollar_change",
        "stress",
        ("us_dollar_broad",),
        "63-day log change",
        pl.col("value").log().diff(DOLLAR_CHANGE_DAYS),
    ),
)
SERIES = tuple(s for c in COMPONENTS for s in c.series)
AXES = ("growth", "inflation", "stress")


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


def _daily(component: Daily, observations: pl.DataFrame, last: date) -> pl.DataFrame:
    path = knowledge_path(observations, component.series[0], last).with_columns(component.measure.alias("value"))
    z = robust_z(path["value"], window=DAYS, min_obs=MIN_DAYS, clip=CLIP)
    return path.with_columns(z.alias("z"))


def regime_inputs(observations: pl.DataFrame, grid: pl.DataFrame, max_age: Mapping[str, int]) -> pl.DataFrame:
    """Per session of `grid` and component: {name}_value, _z, _date, _age, _limit, _knowledge, and _live.

    A component is live when it has a z and is not older than the smallest max_age of its series.
    """
    frame = grid
    last = grid["session"][-1]
    for c in COMPONENTS:
        states = _monthly(c, observations, last) if isinstance(c, Monthly) else _daily(c, observations, last)
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
