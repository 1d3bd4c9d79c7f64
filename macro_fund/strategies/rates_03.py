"""RATES-03: the five-year spread of DI over Treasuries beyond credit and expected inflation reverts.

Belongs here: the measure, and what stands in for the sovereign CDS. Does not belong here: hysteresis and levels
(rows.py). Claim, data and what falsifies it: docs/strategies.md.
"""

from __future__ import annotations

from datetime import date

import numpy as np
import polars as pl

from macro_fund.settings import Strategy
from macro_fund.strategies.curve import TO_BP, newest_curve, node_rates, recent
from macro_fund.strategies.fair import residual_z
from macro_fund.strategies.judge import half_z, judged
from macro_fund.strategies.panel import Panel
from macro_fund.strategies.registry import register
from macro_fund.strategies.rows import Leg, fill_share, parameter, states_reason, table_rows, trade_rows

TENOR_BD, TENOR_YEARS = 1260, 5.0
UST = "us_par_5y"
FOCUS = ("br_focus_ipca_12m_smooth", "br_focus_ipca_12m")
# What stands for the sovereign CDS, best first: (series, words).
CREDIT = (
    ("br_embi_brazil", "EMBI+ Brazil"),
    ("em_corp_oas", "emerging corporate spread"),
    ("us_hy_oas", "US high-yield spread"),
)
FIT = ("residual", "z", "b_credit", "b_inflation", "seen")


def _us_inflation(panel: Panel, grid: pl.DataFrame) -> pl.DataFrame:
    """session, us_inflation: five-year breakeven of each session's newest TIPS curve, a week old at most."""
    rows = newest_curve(panel.table("silver/us_real_curve"))
    rows = rows.filter((pl.col("tenor_years") == TENOR_YEARS) & pl.col("breakeven").is_finite())
    named = rows.select("session", us_inflation="breakeven")
    return grid.select("session").join(named, on="session", how="left", maintain_order="left")


def _inputs(panel: Panel, grid: pl.DataFrame) -> pl.DataFrame:
    """Per session: spread (decimal), inflation_gap (decimal), credit_0.. and the states of all; null where unknown."""
    frame = grid.join(node_rates(panel, grid, [TENOR_BD]), on="session", how="left", maintain_order="left")
    named = [("ust", UST), *((f"focus_{k}", s) for k, s in enumerate(FOCUS))]
    named += [(f"credit_{k}", s) for k, (s, _) in enumerate(CREDIT)]
    for name, series_id in named:
        frame = frame.join(panel.level(series_id, grid, name), on="session", how="left", maintain_order="left")
        frame = frame.with_columns(pl.when(pl.col(f"{name}_state") == "ok").then(name).alias(name))
    frame = frame.join(_us_inflation(panel, grid), on="session", how="left", maintain_order="left")
    smooth = pl.col("focus_0").is_not_null()
    half = 1.0 + pl.col("ust") * 0.5  # a par yield is quoted on a semiannual bond basis
    return frame.with_columns(
        (pl.col(f"di_{TENOR_BD}") - (half * half - 1.0)).alias("spread"),
        (pl.coalesce("focus_0", "focus_1") - pl.col("us_inflation")).alias("inflation_gap"),
        pl.when(smooth).then("focus_0_state").otherwise("focus_1_state").alias("focus_state"),
        pl.when(pl.col("us_inflation").is_null()).then(pl.lit("missing")).otherwise(pl.lit("ok")).alias("bei_state"),
        pl.when(pl.col(f"di_{TENOR_BD}").is_null()).then(pl.lit("missing")).otherwise(pl.lit("ok")).alias("di_state"),
    )


def _fits(frame: pl.DataFrame, params: Strategy) -> pl.DataFrame:
    """The fit on the first credit measure that is known and has a z in the session: FIT and `credit` (its number)."""
    window, minimum = int(parameter(params, "z_window")), int(parameter(params, "z_min"))
    spread, gap = (frame[c].fill_null(float("nan")).to_numpy() for c in ("spread", "inflation_gap"))
    chosen = {name: np.full(frame.height, np.nan) for name in FIT}
    number = np.full(frame.height, -1)
    for k in range(len(CREDIT)):
        x = np.column_stack([frame[f"credit_{k}"].fill_null(float("nan")).to_numpy(), gap])
        beta, residual, z = residual_z(
            frame["session"], spread, x, minimum=int(parameter(params, "fit_min")), window=window, min_obs=minimum
        )
        seen = np.cumsum(np.isfinite(spread) & np.isfinite(x).all(axis=1)).astype(np.float64)
        take = (number < 0) & np.isfinite(z)
        number[take] = k
        for name, values in zip(FIT, (residual, z, beta[:, 1], beta[:, 2], seen), strict=True):
            chosen[name][take] = values[take]
    return frame.with_columns(
        *(pl.Series(name, values).fill_nan(None) for name, values in chosen.items()), pl.Series("credit", number)
    )


def _basis(panel: Panel, instrument_id: str, grid: pl.DataFrame) -> pl.DataFrame:
    """session, basis: listed or proxy, of the instrument's newest price of the last week."""
    rows = panel.returns(instrument_id, grid["session"][-1]).select("session", "trade_date", "basis")
    return recent(rows, grid, ["basis"])


def _frame(panel: Panel, params: Strategy, grid: pl.DataFrame) -> pl.DataFrame:
    frame = _fits(_inputs(panel, grid), params)
    known = [("di", "DI curve (5 years)"), ("ust", "5-year Treasury"), ("focus", "Focus IPCA 12m")]
    states = states_reason([*known, ("bei", "US breakeven (TIPS curve)")])
    no_credit = pl.all_horizontal(pl.col(f"credit_{k}").is_null() for k in range(len(CREDIT)))
    missing = pl.concat_str(
        pl.when(states != "").then(states),
        pl.when(no_credit).then(pl.lit("every credit measure is missing or stale")),
        separator="; ",
        ignore_nulls=True,
    )
    credit = pl.col("credit").replace_strict(
        {k: words for k, (_, words) in enumerate(CREDIT)}, default=None, return_dtype=pl.String
    )
    words = pl.format(
        "DI over Treasury at 5 years {} bp, {} bp from fair",
        (pl.col("spread") * TO_BP).round(0),
        (pl.col("residual") * TO_BP).round(0),
    )
    priced = _basis(panel, params.instruments[1], grid)
    frame = frame.join(priced, on="session", how="left", maintain_order="left")
    weak = pl.concat_str(
        pl.format("proxy: {} for the sovereign CDS", credit),
        pl.when(pl.col("basis") == "proxy").then(pl.lit(f"stand-in of {params.instruments[1]}")),
        separator=", ",
        ignore_nulls=True,
    )
    frame = frame.with_columns(half_z(pl.col("z")).alias("s"))
    filled = fill_share(pl.col("seen"), int(parameter(params, "fit_min") + parameter(params, "z_window")))
    return judged(
        frame, params, words=words, missing=missing, weak=weak, confidence=filled,
        short="history too short for the regression or its z",
    )  # fmt: skip


@register(
    "RATES-03",
    hypothesis="The spread of DI over Treasuries beyond credit and expected inflation reverts.",
    falsified_by="the traded spread keeps a beta to the CDS above 0.3, or net Sharpe <= 0 over 5 years",
    inputs=("silver/as_known", "silver/leg_returns", "silver/di_curve", "silver/us_real_curve"),
    series=(UST, *FOCUS, *(s for s, _ in CREDIT)),
)
def signals(panel: Panel, params: Strategy, sessions: list[date]) -> pl.DataFrame:
    """Table signals/rates_03: receive DI1 5 years / short ZF, equal DV01 in reais; > 0 where the spread is too wide."""
    grid = panel.grid(sessions)
    frame = _frame(panel, params, grid)
    first, second = params.instruments
    legs = [Leg(first), Leg(second, -1.0)]
    return table_rows([trade_rows(frame, panel, params, legs, trade="5y_br_us")], params, sessions)
