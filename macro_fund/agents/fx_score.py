"""The arithmetic of the FX score: misalignment from the parameters in force, parts in [-1, 1], weights that sum to 1.

Belongs here: formulas on a frame that has one row per session. Does not belong here: where the inputs come from
(fx_inputs.py) and the report (fx.py).
"""

from __future__ import annotations

import polars as pl

from macro_fund.agents.fx_panel import REGRESSORS, column

WEIGHTS = {"misalignment": 0.35, "carry": 0.25, "flow": 0.20, "momentum": 0.20}
"""Of the parts that a session has, the weights are scaled to sum to 1."""
FULL_MISALIGNMENT = 0.15
FUNDAMENTAL_MAX_AGE_DAYS = 190


def chosen(name: str, suffix: str = "") -> pl.Expr:
    """The column of the source that the refit in force took for a regressor."""
    source = pl.col(f"source_{name}")
    return pl.coalesce(
        [pl.when(source == k).then(pl.col(f"{column(name, k)}{suffix}")) for k in range(len(REGRESSORS[name]))]
    )


def with_misalignment(frame: pl.DataFrame) -> pl.DataFrame:
    """Adds log_reer_now, log_fair, misalignment and fundamentals_date; null where an input of them is unknown.

    The real exchange rate is published weeks late. It is brought to the session by the dollar's move since its month,
    times the slope of the one's monthly change on the other's.
    """
    terms = [
        pl.when(pl.col(f"source_{n}").is_not_null()).then(pl.col(f"beta_{n}") * chosen(n)).otherwise(0.0)
        for n in REGRESSORS
    ]
    fair = pl.col("const")
    for term in terms:
        fair = fair + term
    now = pl.col("log_reer") + pl.col("spot_slope") * (pl.col("spot").log() - pl.col("log_spot"))
    frame = frame.with_columns(
        now.alias("log_reer_now"),
        fair.alias("log_fair"),
        pl.min_horizontal(chosen(n, "_date") for n in REGRESSORS).alias("fundamentals_date"),
    )
    return frame.with_columns((pl.col("log_reer_now") - pl.col("log_fair")).alias("misalignment"))


def with_score(frame: pl.DataFrame, reer_max_age: int) -> pl.DataFrame:
    """Adds part_* in [-1, 1], weight_* (0 where a part is not live), coverage, and raw (the sum before clipping)."""

    def age(name: str) -> pl.Expr:
        return (pl.col("session") - pl.col(name)).dt.total_days()

    in_time = (age("reer_date") <= reer_max_age) & (age("fundamentals_date") <= FUNDAMENTAL_MAX_AGE_DAYS)
    used = ((pl.col("used") == 1.0) & in_time).fill_null(value=False)
    frame = frame.with_columns(
        pl.when(used).then("misalignment").alias("misalignment_used"),
        pl.when(used).then("half_life").alias("half_life_used"),
    )
    parts = {
        "misalignment": pl.col("misalignment_used") * (1 / FULL_MISALIGNMENT),
        "carry": pl.col("carry_z") / 2.0,
        "flow": pl.col("flow_score"),
        "momentum": -pl.col("momentum") / 2.0,
    }
    frame = frame.with_columns(part.clip(-1.0, 1.0).alias(f"part_{name}") for name, part in parts.items())
    shares = {n: pl.when(pl.col(f"part_{n}").is_not_null()).then(w).otherwise(0.0) for n, w in WEIGHTS.items()}
    frame = frame.with_columns(pl.sum_horizontal(shares.values()).alias("coverage"))
    enough = pl.col("coverage") > 0
    frame = frame.with_columns(
        pl.when(enough).then(share / pl.col("coverage")).alias(f"weight_{n}") for n, share in shares.items()
    )
    frame = frame.with_columns(
        (pl.col(f"weight_{n}") * pl.col(f"part_{n}")).fill_null(0.0).alias(f"share_{n}") for n in WEIGHTS
    )
    return frame.with_columns(pl.sum_horizontal(f"share_{n}" for n in WEIGHTS).alias("raw"))
