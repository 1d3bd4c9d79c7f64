"""Regime agent: probabilities of four growth-inflation quadrants, and the state of financial conditions.

Belongs here: which probabilities count (the estimated chain's, or the rule's in its stead), views, drivers, status.
Does not belong here: the chain (regime_chain.py), how the components are measured (regime_inputs.py).
Model, signs and what would falsify it: docs/agents/regime.md.

Sign: state_score > 0 is risk appetite (easy financial conditions).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import TYPE_CHECKING

import polars as pl

from macro_fund.agents.as_known import require_sessions
from macro_fund.agents.model import in_force
from macro_fund.agents.regime_chain import QUADRANTS, chain_probabilities
from macro_fund.agents.regime_inputs import AXES, COMPONENTS, CONDITIONS, MARKET, SERIES, STRESS, regime_inputs
from macro_fund.agents.report import (
    Driver,
    Finding,
    Input,
    Report,
    Risk,
    confidence,
    finding,
    view_rows,
    with_status,
)
from macro_fund.features.known import require_ages

if TYPE_CHECKING:
    from macro_fund.time.sessions import Sessions

AGENT_ID = "regime"
MODEL_VERSION = "regime-2.0: hidden Markov chain, or the rule"
HORIZON_DAYS = 63
SOFTMAX_SCALE = 0.5
MAX_DAILY_CHANGE = 0.5

VIEWS = {
    "br_rates": (1, -1, -1, 1),
    "br_real": (1, 0, -1, 1),
    "br_breakeven": (-1, 1, 1, -1),
    "brl": (1, 1, -1, -1),
    "br_credit": (1, 1, -1, -1),
    "br_eq": (1, 1, -1, -1),
    "us_rates": (1, -1, -1, 1),
    "us_eq": (1, 1, -1, -1),
    "gold": (0, 1, 1, 1),
}
"""Sign of the expected excess return of holding each asset, by regime in the order of QUADRANTS."""
P = [f"p_{r}" for r in QUADRANTS]


def _live(name: str, value: pl.Expr) -> pl.Expr:
    return pl.when(pl.col(f"{name}_live")).then(value)


def _names(axis: str) -> list[str]:
    return [c.name for c in COMPONENTS if c.axis == axis]


def rule(growth: pl.Expr, inflation: pl.Expr) -> dict[str, pl.Expr]:
    """Softmax over the quadrants of -0.5 x squared distance to the centres (+-1, +-1); the four sum to 1.

    The squares of growth and inflation are common to the four and cancel, so only the cross terms are exponentiated:
    no overflow for |z| <= 3.
    """
    weights = {name: (2.0 * SOFTMAX_SCALE * (x * growth + y * inflation)).exp() for name, (x, y) in QUADRANTS.items()}
    total = pl.sum_horizontal(weights.values())
    return {name: weight / total for name, weight in weights.items()}


def _with_axes(frame: pl.DataFrame) -> pl.DataFrame:
    """Adds {axis}_z (mean of live components), {axis}_n, {axis}_agreement (|mean sign|), fci_z, stress_z."""
    for axis in AXES:
        z = [_live(n, pl.col(f"{n}_z")) for n in _names(axis)]
        frame = frame.with_columns(
            pl.mean_horizontal(z).alias(f"{axis}_z"),
            pl.sum_horizontal(pl.col(f"{n}_live").cast(pl.Int32) for n in _names(axis)).alias(f"{axis}_n"),
            pl.mean_horizontal(v.sign() for v in z).abs().alias(f"{axis}_agreement"),
        )
    stress = pl.mean_horizontal(_live(n, pl.col(f"{n}_z")) for n in ("fci", *STRESS))
    live = pl.sum_horizontal(pl.col(f"{n}_live").cast(pl.Int32) for n in CONDITIONS)
    return frame.with_columns(
        stress.alias("stress_z"), _live("fci", pl.col("fci_z")).alias("fci_z"), live.alias("fci_n")
    )


def _with_probabilities(frame: pl.DataFrame, chain: pl.DataFrame, model: pl.DataFrame) -> pl.DataFrame:
    """Adds p_*, p_leave, method, why_rule (null when the chain is used), and the biggest change since the session
    before."""
    force = in_force(model, frame["session"].to_list(), []).select("session", "refit", "model_status", "model_reason")
    frame = frame.join(force, on="session", how="left", maintain_order="left")
    frame = frame.join(chain, on="session", how="left", maintain_order="left", suffix="_chain")
    by_rule = rule(pl.col("growth_z"), pl.col("inflation_z"))
    used = pl.col(P[0]).is_not_null()
    why = (
        pl.when(used)
        .then(None)
        .when(pl.col("refit").is_null())
        .then(pl.lit("no refit yet"))
        .when(pl.col("model_status") != "ok")
        .then("model_reason")
        .otherwise(pl.lit("a component of the refit has no path"))
    )
    frame = frame.with_columns(
        why.alias("why_rule"), pl.when(used).then(pl.lit("chain")).otherwise(pl.lit("rule")).alias("method")
    )
    frame = frame.with_columns(pl.coalesce(f"p_{r}", e).alias(f"p_{r}") for r, e in by_rule.items())
    return frame.with_columns(pl.max_horizontal(pl.col(p).diff().abs() for p in P).alias("change"))


def _fatal() -> list[Finding]:
    return [
        finding(pl.col("growth_n") == 0, "growth: IBC-Br and CFNAI are both missing, short or stale"),
        finding(pl.col("inflation_n") == 0, "inflation: Brazilian and US cores are both missing, short or stale"),
        finding(~pl.col("fci_live"), "financial conditions: {}", pl.col("fci_status")),
    ]


def _weak() -> list[Finding]:
    found = [finding(pl.col("why_rule").is_not_null(), "regime by rule: {}", pl.col("why_rule"))]
    for c in COMPONENTS:
        dead, age, limit = (~pl.col(f"{c.name}_live"), pl.col(f"{c.name}_age"), pl.col(f"{c.name}_limit"))
        found += [
            finding(dead & (age > limit), f"{c.name} is {{}} days old, {{}} allowed", age, limit),
            finding(dead & (age <= limit), f"{c.name}: history too short to standardise"),
            finding(dead & age.is_null(), f"{c.name}: nothing known"),
        ]
    found += [finding(~pl.col(f"{n}_live"), f"{n}: {{}}", pl.col(f"{n}_status")) for n in STRESS]
    words = "sanity: a probability moved by {} in one session"
    return [*found, finding(pl.col("change") > MAX_DAILY_CHANGE, words, pl.col("change").round(2), sanity=True)]


def _driver_lines() -> list[Driver]:
    """Parts of the financial conditions carry the score; growth and inflation stand behind the probabilities and
    contribute 0."""
    lines = [
        Driver(
            c.name,
            pl.col(f"{c.name}_value"),
            c.unit,
            pl.lit(0.0),
            pl.col(f"{c.name}_date"),
            z=pl.col(f"{c.name}_z"),
        )
        for c in COMPONENTS
    ]
    for name, sign in CONDITIONS.items():
        share = -sign * pl.col(f"{name}_z") / (2.0 * pl.col("fci_n"))
        contribution = pl.when(pl.col(f"{name}_live")).then(share).otherwise(0.0)
        value, day, z = (pl.col(f"{name}_{x}") for x in ("value", "date", "z"))
        lines.append(Driver(name, value, UNITS.get(name, "decimal"), contribution, day, z=z))
    dollar = next(s for s in STRESS if s not in CONDITIONS)
    value, day, z = (pl.col(f"{dollar}_{x}") for x in ("value", "date", "z"))
    return [*lines, Driver(dollar, value, "index", pl.lit(0.0), day, z=z)]


# Rates and log returns are decimals.
UNITS = {"us_vix": "index"}
RISKS = (
    Risk("the regime turns within three months", "another regime's probability is the highest", pl.col("p_leave")),
    Risk("conditions tighten and appetite for risk goes", "financial conditions above +1 standard deviation"),
)


def _inputs() -> list[Input]:
    names = [(c.series[0], c.name) for c in COMPONENTS] + [(s, s) for s in MARKET]
    return [Input(s, pl.col(f"{n}_date"), pl.col(f"{n}_knowledge")) for s, n in names]


def _report() -> Report:
    agreement = pl.mean_horizontal(pl.col(f"{axis}_agreement") for axis in AXES)
    parts = [c.name for c in COMPONENTS] + ["fci", *STRESS]
    completeness = pl.mean_horizontal(pl.col(f"{n}_live").cast(pl.Float64) for n in parts)
    views = {
        a: pl.sum_horizontal(m * pl.col(f"p_{r}") for r, m in zip(QUADRANTS, row, strict=True))
        for a, row in VIEWS.items()
    }
    known = [_live(c.name, pl.col(f"{c.name}_knowledge")) for c in COMPONENTS]
    known += [_live(n, pl.col(f"{n}_knowledge")) for n in ("fci", *STRESS)]
    return Report(
        AGENT_ID,
        MODEL_VERSION,
        HORIZON_DAYS,
        score=(-pl.col("fci_z") / 2.0).clip(-1.0, 1.0),
        confidence=confidence(completeness, agreement),
        knowledge_time=pl.max_horizontal(known),
        views={asset: view.clip(-1.0, 1.0) for asset, view in views.items()},
        drivers=_driver_lines(),
        risks=RISKS,
        inputs=_inputs(),
    )


def regime_view(
    observations: pl.DataFrame,
    macro: pl.DataFrame,
    market: pl.DataFrame,
    model: pl.DataFrame,
    sessions: Sequence[date],
    table: Sessions,
    *,
    max_age: Mapping[str, int],
) -> pl.DataFrame:
    """Table agents/regime_view for `sessions`.

    observations: silver/observations of SERIES with full history up to the last session; macro, market: silver/macro
    (MACRO) and silver/market_features (MARKET) of the sessions; model: agents/regime_model up to the last session;
    table: the fund's sessions; max_age: calendar days by series id (max_age_days of config/series) after which a value
    counts as stale. Raises ValueError when max_age lacks a series or a day is not a session.
    """
    require_ages(max_age, SERIES)
    require_sessions(sessions, table)
    # The change of a probability needs the session before the first.
    days = [d for d in table.keys(table.start, sessions[-1]) if d <= sessions[-1]]
    first = days.index(sessions[0])
    grid = pl.DataFrame({"session": days[max(first - 1, 0) :]}, schema={"session": pl.Date})
    frame = _with_axes(regime_inputs(observations, macro, market, grid, max_age))
    chain = chain_probabilities(observations, model, grid["session"].to_list())
    frame = with_status(_with_probabilities(frame, chain, model), _fatal(), _weak())
    return view_rows(frame.filter(pl.col("session").is_in(list(sessions))), _report())
