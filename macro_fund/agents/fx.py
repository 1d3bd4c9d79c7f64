"""FX agent: will the real beat its carry? Misalignment, carry to risk, flow and momentum, in stated weights.

Belongs here: the score, the status and what they rest on. Does not belong here: estimation (fx_model.py), the daily
parts (fx_inputs.py), the monthly data (fx_panel.py), the arithmetic of the score (fx_score.py).

Sign: state_score > 0 expects the real to appreciate. misalignment > 0: the real is weaker than its fundamentals say.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import TYPE_CHECKING

import polars as pl

from macro_fund.agents.as_known import carry, require_sessions
from macro_fund.agents.fx_inputs import FLOW, MARKET, POSITIONS, carry_inputs, flow_inputs, panel_states
from macro_fund.agents.fx_model import MIN_CORRELATION, PARAMETERS
from macro_fund.agents.fx_panel import REER, REGRESSORS, SPOT, column, panels
from macro_fund.agents.fx_panel import SERIES as PANEL_SERIES
from macro_fund.agents.fx_score import FULL_MISALIGNMENT, WEIGHTS, with_misalignment, with_score
from macro_fund.agents.model import in_force
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

AGENT_ID = "fx"
MODEL_VERSION = "fx-1.1: BEER by DOLS, carry to risk, flow, momentum"
HORIZON_DAYS = 63
MIN_WEIGHT = 0.45
MISALIGNMENT_RANGE = (-0.35, 0.35)
HALF_LIFE_RANGE = (6.0, 60.0)
CARRY_RANGE = (-0.5, 2.5)
SERIES = (*PANEL_SERIES, *MARKET, FLOW, POSITIONS)


def _fatal() -> list[Finding]:
    return [
        finding(
            pl.col("coverage") < MIN_WEIGHT - 1e-9,
            f"only {{}}% of the score's weight has data, {MIN_WEIGHT * 100:g}% needed",
            (pl.col("coverage") * 100).round(0),
        ),
        outside("misalignment_used", *MISALIGNMENT_RANGE, "misalignment"),
        outside("half_life_used", *HALF_LIFE_RANGE, "half-life of a misalignment", scale=1.0, unit=" months"),
        outside("carry_to_risk", *CARRY_RANGE, "carry to risk", scale=1.0, unit=""),
    ]


def _weak() -> list[Finding]:
    idle = (pl.col("used") == 1.0) & pl.col("misalignment_used").is_null()
    low, high = MISALIGNMENT_RANGE
    far = (pl.col("used") != 1.0) & ~pl.col("misalignment").is_between(low, high)
    return [
        finding(pl.col("refit").is_null(), "equilibrium: no refit yet"),
        finding(pl.col("model_reason").fill_null("") != "", "equilibrium: {}", pl.col("model_reason")),
        finding(
            far,
            f"sanity: misalignment is {{}}%, outside {low * 100:g}..{high * 100:g}%; it has no weight",
            (pl.col("misalignment") * 100).round(1),
            sanity=True,
        ),
        finding(
            pl.col("spot_correlation") < MIN_CORRELATION,
            f"sanity: correlation of the real exchange rate with USDBRL is {{}}, {MIN_CORRELATION:g} needed",
            pl.col("spot_correlation").round(2),
            sanity=True,
        ),
        finding(idle, "equilibrium not used: a fundamental or the real exchange rate is stale or unknown"),
        finding(pl.col("part_carry").is_null(), "carry: a rate or the spot is stale, or its history too short"),
        finding(
            pl.col("carry_proxy") & pl.col("part_carry").is_not_null(),
            "carry against the 3-month Treasury: no fresh clean dollar coupon",
        ),
        finding(pl.col("flow_parts") == 0, "flow: contracted flow and CFTC positions are missing, short or stale"),
        finding(
            pl.col("flow_parts") == 1,
            "flow is {} alone",
            pl.when(pl.col("contracted_z").is_null()).then(pl.lit("CFTC positions")).otherwise(pl.lit("contracts")),
        ),
        finding(pl.col("part_momentum").is_null(), "momentum: spot stale or its history too short"),
    ]


_DRIVERS = (
    ("misalignment", "misalignment_used", "log", "reer_date", pl.col("misalignment_used") * (1 / FULL_MISALIGNMENT)),
    ("carry", "carry_to_risk", "carry on realised 63-day volatility (proxy of implied)", "carry_date", "carry_z"),
    ("flow", "flow", "mean z", "flow_date", "flow"),
    ("momentum", "momentum", "of holding dollars, in volatilities", "spot_date", "momentum"),
)
_RISKS = (
    Risk("The carry is wound up at once when volatility rises", "63-day USDBRL volatility above 25% a year"),
    Risk("The fundamentals move, not the currency: the gap closes the wrong way", "terms of trade down 10% in a year"),
    Risk("Fiscal risk is not among the fundamentals when the sovereign spread is left out", "DI 10y less 2y up 100 bp"),
)


def _inputs() -> list[Input]:
    lines = [
        Input(REER, pl.col("reer_date"), pl.col("panel_knowledge")),
        Input(SPOT, pl.col("spot_date"), pl.col("spot_knowledge")),
        Input(FLOW, pl.col("contracted_date"), pl.col("contracted_knowledge")),
        Input(POSITIONS, pl.col("futures_date"), pl.col("futures_knowledge")),
    ]
    for name, sources in REGRESSORS.items():
        for k, source in enumerate(sources):
            taken = pl.when(pl.col(f"source_{name}") == k).then(pl.col(f"{column(name, k)}_date"))
            lines.append(Input(source.series[0], taken, pl.col("panel_knowledge")))
    return lines


def _frame(
    observations: pl.DataFrame,
    frames: Mapping[str, pl.DataFrame],
    model: pl.DataFrame,
    sessions: Sequence[date],
    table: Sessions,
    max_age: Mapping[str, int],
) -> pl.DataFrame:
    """Every input of `sessions`; daily statistics are computed from the first market row on."""
    market = frames["market"].filter(pl.col("session") <= sessions[-1])
    first = min([*market.select(pl.col("session").min()).to_series().drop_nulls().to_list(), sessions[0]])
    grid = pl.DataFrame({"session": table.keys(first, sessions[-1])}, schema={"session": pl.Date})
    seen = observations.filter(pl.col("session") <= sessions[-1])
    parts = (
        carry_inputs(market, frames["di_curve"], frames["cupom_curve"], grid),
        flow_inputs(seen, frames["positioning"], grid, max_age),
    )
    frame = grid
    for part in parts:
        frame = frame.join(part, on="session", how="left", maintain_order="left")
    frame = frame.filter(pl.col("session").is_in(list(sessions)))
    states = panel_states(panels(seen, frames["di_curve"], sessions, max_age))
    frame = carry(states, frame)
    forced = in_force(model.filter(pl.col("session") <= sessions[-1]), sessions, PARAMETERS)
    return frame.join(forced, on="session", how="left", maintain_order="left")


def fx_view(
    observations: pl.DataFrame,
    frames: Mapping[str, pl.DataFrame],
    model: pl.DataFrame,
    sessions: list[date],
    table: Sessions,
    *,
    max_age: Mapping[str, int],
) -> pl.DataFrame:
    """Table agents/fx_view for `sessions`.

    observations: silver/observations of SERIES with full history up to the last session; frames: silver tables by the
    names market (market_features of MARKET), di_curve, cupom_curve, positioning, with full history; model:
    agents/fx_model; max_age: calendar days by series id. Raises ValueError when max_age lacks a series or a day is not
    a session.
    """
    require_ages(max_age, SERIES)
    require_sessions(sessions, table)
    frame = _frame(observations, frames, model, sessions, table, max_age)
    frame = with_status(with_score(with_misalignment(frame), max_age[REER]), _fatal(), _weak())
    score = pl.col("raw").clip(-1.0, 1.0)
    signs = [pl.col(f"part_{n}").sign() for n in WEIGHTS]
    ratio = pl.when(pl.col("part_misalignment").is_not_null()).then("rmse_ratio")
    lines = [
        Driver(name, pl.col(value), unit, pl.col(f"share_{name}"), pl.col(day), pl.col(z) if isinstance(z, str) else z)
        for name, value, unit, day, z in _DRIVERS
    ]
    knowledge = ("spot_knowledge", "us_knowledge", "flow_knowledge", "panel_knowledge", "model_knowledge")
    levels = {"reer": pl.col("log_reer_now").exp(), "fair_reer": pl.col("log_fair").exp()}
    report = Report(
        AGENT_ID,
        MODEL_VERSION,
        HORIZON_DAYS,
        score=score,
        confidence=confidence(pl.col("coverage"), pl.mean_horizontal(signs).abs(), ratio),
        knowledge_time=pl.max_horizontal(knowledge),
        views={"brl": score},
        drivers=lines,
        risks=_RISKS,
        inputs=_inputs(),
    )
    return view_rows(frame.with_columns(**levels), report)
