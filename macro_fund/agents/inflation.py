"""Inflation agent: 12-month IPCA of the model against what is priced, with cores, diffusion and surprises.

Belongs here: the score, its drivers, status, confidence and views. Does not belong here: forecasts (inflation_path.py),
estimation (inflation_model.py) and inputs (inflation_view_inputs.py). Model, data and record: docs/agents/inflation.md.

Sign: state_score > 0 when inflation is to be higher than priced or than the target. Higher inflation than priced pays
the holder of breakevens and costs the receiver of nominal rates; policy answers more than one for one, so real rates
rise and the receiver of real rates loses a little; and that answer lifts a currency whose central bank targets
inflation (Clarida and Waldman 2008), so BRL gains a little.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import date
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from macro_fund.agents.as_known import require_sessions
from macro_fund.agents.inflation_inputs import HEADLINE
from macro_fund.agents.inflation_path import Z90
from macro_fund.agents.inflation_view_inputs import OBSERVED, Tables, view_inputs
from macro_fund.agents.report import (
    Driver,
    Finding,
    Input,
    Report,
    Risk,
    confidence,
    finding,
    outside,
    view_rows,
    with_status,
)
from macro_fund.features.known import require_ages

if TYPE_CHECKING:
    from macro_fund.time.sessions import Sessions

AGENT_ID = "inflation"
MODEL_VERSION = "inflation-1.1: Phillips curve and groups, blended"
# What is priced is read from the retail bond where neither the survey nor ANBIMA's curve says it.
_RETAIL_ALONE = pl.col("focus_12m").is_null() & pl.col("breakeven_1y").is_null()
HORIZON_DAYS = 252
YEAR_BD = 252
SCALE = 0.01
GAP_WEIGHT = 0.5
Z_TERMS = {"core_gap": 0.2, "diffusion": 0.15, "surprise_3m": 0.15}
UNITS = {"core_gap": "decimal a year", "diffusion": "share of items", "surprise_3m": "decimal, 3 months"}
VIEWS = {"br_breakeven": 1.0, "br_rates": -1.0, "br_real": -0.25, "brl": 0.25}
YEAR_RANGE = (0.0, 0.15)
SLOPE_RANGE = (0.0, 0.6)
PASS_THROUGH_RANGE = (0.0, 0.15)
PARTS = ("gap", *Z_TERMS)


def _with_score(frame: pl.DataFrame) -> pl.DataFrame:
    """Adds the terms of the score (0 where an input is missing), their share that is there, and sign agreement."""
    gap = pl.col("pi12_model") - pl.col("pi12_priced")
    frame = frame.with_columns(gap.alias("pi12_gap"))
    frame = frame.with_columns(
        _bent(frame["pi12_gap"]).alias("term_gap"),
        *((w * pl.col(f"{n}_z") / 2.0).alias(f"term_{n}") for n, w in Z_TERMS.items()),
    )
    terms = [pl.col(f"term_{p}") for p in PARTS]
    inputs = ("focus_12m", "breakeven_1y", *(f"{n}_z" for n in Z_TERMS))
    here = [pl.col(c).is_not_null().cast(pl.Float64) for c in inputs]
    half = Z90 * pl.col("rmse_12m")
    # Times a constant, not over it: a vectorised division by a number differs in the last bit with the length.
    return frame.with_columns(
        pl.sum_horizontal(terms).alias("raw_score"),
        pl.mean_horizontal(t.sign() for t in terms).abs().alias("agreement"),
        ((1.0 + pl.sum_horizontal(here)) * (1.0 / (1.0 + len(here)))).alias("completeness"),
        (pl.col("pi12_model") - half).alias("pi12_p10"),
        (pl.col("pi12_model") + half).alias("pi12_p90"),
    )


def _bent(gap: pl.Series) -> pl.Series:
    """GAP_WEIGHT x tanh(gap / SCALE), number by number: a vectorised tanh differs in the last bit with the length."""
    return pl.Series([None if g is None else GAP_WEIGHT * math.tanh(g / SCALE) for g in gap], dtype=pl.Float64)


def _fatal(max_days: int) -> list[Finding]:
    """What gives no view: no model, nothing priced, a sanity range left."""
    age = (pl.col("session") - pl.col("pi12_model_date")).dt.total_days()
    return [
        finding(age > max_days, f"newest IPCA is {{}} days old, {max_days} allowed", age),
        finding(pl.col("refit").is_null(), "no refit yet"),
        finding(pl.col("model_status") == "no_view", "{}", pl.col("model_reason")),
        finding(
            pl.col("pi12_model").is_null() & (pl.col("model_status") != "no_view"), "no path of IPCA for the session"
        ),
        finding(
            pl.col("pi12_priced").is_null(),
            "priced inflation: no 12-month Focus survey, no 1-year breakeven and no retail one up to 5 years known",
        ),
        outside("pi12_model", *YEAR_RANGE, "12-month IPCA of the model"),
        outside("gap", *SLOPE_RANGE, "slope of the Phillips curve", scale=1.0, unit=""),
        _pass_through_breach(),
    ]


def _pass_through_breach() -> Finding:
    """All of the 90% interval lies outside the range: noise around zero is no breach."""
    low, high = PASS_THROUGH_RANGE
    words = f"sanity: 12-month exchange-rate pass-through is {{}}% to {{}}%, outside {low * 100:g}..{high * 100:g}%"
    ends = [(pl.col(f"pass_through_{end}") * 100).round(2) for end in ("low", "high")]
    return finding((pl.col("pass_through_high") < low) | (pl.col("pass_through_low") > high), words, *ends, sanity=True)


def _weak() -> list[Finding]:
    """What makes a view degraded."""
    missing = {
        "core_gap": "cores",
        "diffusion": "diffusion",
        "surprise_3m": "IPCA surprises",
    }
    return [
        finding(pl.col("path_status") == "degraded", "{}", pl.col("path_reason")),
        finding(
            pl.col("focus_12m").is_null() & pl.col("breakeven_1y").is_not_null(),
            "priced inflation is the breakeven alone: no fresh Focus survey",
        ),
        finding(
            _RETAIL_ALONE & pl.col("breakeven_retail").is_not_null(),
            "priced inflation is the retail breakeven of {} years, a proxy: no fresh Focus survey or ANBIMA curve",
            pl.col("breakeven_retail_bd").cast(pl.Int32) // YEAR_BD,
        ),
        *(finding(pl.col(f"{n}_z").is_null(), f"{words}: nothing fresh, counted as 0") for n, words in missing.items()),
        finding(pl.col("pass_through_status").is_null(), "pass-through: no estimate yet"),
        finding(pl.col("pass_through_status") != "ok", "{}", pl.col("pass_through_reason")),
        finding(
            ~pl.col("pass_through_12m").is_between(*PASS_THROUGH_RANGE),
            "pass-through of {}% is not told from a range of 0 to 15%",
            (pl.col("pass_through_12m") * 100).round(2),
        ),
    ]


def _driver_lines() -> list[Driver]:
    gap = Driver(
        "model_less_priced", pl.col("pi12_gap"), "decimal, 12 months", pl.col("term_gap"), pl.col("pi12_model_date")
    )
    return [
        gap,
        *(
            Driver(n, pl.col(n), UNITS[n], pl.col(f"term_{n}").fill_null(0.0), pl.col(f"{n}_date"), pl.col(f"{n}_z"))
            for n in Z_TERMS
        ),
    ]


def _wrong_side(frame: pl.DataFrame) -> pl.Series:
    """Probability that 12-month IPCA comes out on the other side of what is priced, from past errors (normal)."""
    from scipy import stats

    distance = (frame["pi12_gap"].abs() / frame["rmse_12m"]).cast(pl.Float64).fill_null(float("nan")).to_numpy()
    return pl.Series("wrong_side", np.asarray(stats.norm.cdf(-distance), dtype=np.float64)).fill_nan(None)


_RISKS = [
    Risk(
        "inflation comes out on the other side of what is priced",
        "12-month IPCA crosses pi12_priced",
        pl.col("wrong_side"),
    ),
    Risk("administered prices move by decision", "a fuel price or electricity flag that no source here announces"),
    Risk("the exchange rate moves", "USDBRL beyond 10% in a quarter, times pass_through_12m"),
]
_INPUTS = [
    Input("br_ipca_mom", pl.col("pi12_model_date"), pl.col("pi12_model_known")),
    Input("br_focus_ipca_12m", pl.col("focus_12m_date"), pl.col("focus_12m_known")),
    Input("anbima_ettj", pl.col("breakeven_1y_date"), pl.col("breakeven_1y_known")),
    Input(
        "br_td_ipca",
        pl.when(_RETAIL_ALONE).then("breakeven_retail_date"),
        pl.when(_RETAIL_ALONE).then("breakeven_retail_known"),
    ),
    Input("br_ipca_cores", pl.col("core_gap_date"), pl.col("core_gap_known")),
    Input("br_ipca_diffusion", pl.col("diffusion_date"), pl.col("diffusion_known")),
    Input("ipca_surprise", pl.col("surprise_3m_date"), pl.col("surprise_3m_known")),
    Input("br_usdbrl_month_avg", pl.col("pass_through_date"), pl.col("pass_through_known")),
]


def inflation_view(
    tables: Tables, sessions: list[date], table: Sessions, *, max_age: Mapping[str, int]
) -> pl.DataFrame:
    """Table agents/inflation_view for `sessions`.

    tables: what is read, with full history; table: the fund's sessions; max_age: calendar days by series id
    (max_age_days of config/series). Raises ValueError when max_age lacks a series or a day is not a session.
    """
    require_ages(max_age, (HEADLINE, *OBSERVED))
    require_sessions(sessions, table)
    frame = _with_score(view_inputs(tables, sessions, max_age))
    frame = with_status(frame.with_columns(_wrong_side(frame)), _fatal(max_age[HEADLINE]), _weak())
    score = pl.col("raw_score").clip(-1.0, 1.0)
    # The score bets against the survey, so beating a random walk alone earns no confidence.
    worse = pl.max_horizontal("rmse_ratio", "rmse_ratio_focus")
    known = [pl.col(c) for c in frame.columns if c.endswith("_known")]
    report = Report(
        AGENT_ID,
        MODEL_VERSION,
        HORIZON_DAYS,
        score=score,
        confidence=confidence(pl.col("completeness"), pl.col("agreement"), worse),
        knowledge_time=pl.max_horizontal(*known, "model_knowledge"),
        views={asset: weight * score for asset, weight in VIEWS.items()},
        drivers=_driver_lines(),
        risks=_RISKS,
        inputs=_INPUTS,
    )
    return view_rows(frame, report)
