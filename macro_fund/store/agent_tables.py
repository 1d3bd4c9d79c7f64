"""The agents' tables: views, and what stands behind them (parameters, paths, documents).

Belongs here: the shape of every agents/ table. Does not belong here: models (agents/).
"""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from macro_fund.store.table import UTC_TIME, Column, Table, numbers, session_column

VIEW_ASSETS = ("br_rates", "br_real", "br_breakeven", "brl", "br_credit", "br_eq", "us_rates", "us_eq", "gold")
"""What an agent may have a view on; + = holding it is expected to beat cash (rates: received)."""

DRIVER = pl.Struct(
    {
        "name": pl.String,
        "value": pl.Float64,
        "unit": pl.String,
        "z": pl.Float64,
        "contribution": pl.Float64,
        "event_date": pl.Date,
    }
)
RISK = pl.Struct({"text": pl.String, "trigger": pl.String, "prob": pl.Float64})
INPUT = pl.Struct({"series_id": pl.String, "event_date": pl.Date, "knowledge_time": UTC_TIME})

_STATUS = Column(pl.String, "ok | degraded | no_view")
_REASON = Column(pl.String, "why degraded or no_view; empty when ok")

_AGENT = {
    "session": session_column(),
    "agent_id": Column(pl.String, "agent"),
    "model_version": Column(pl.String, "changes when the formula does"),
    "status": _STATUS,
    "reason": _REASON,
    "state_score": Column(pl.Float64, "[-1, 1]; null when no_view", nullable=True),
    "confidence": Column(pl.Float64, "[0, 1]; null when no_view", nullable=True),
    "horizon_days": Column(pl.Int32, "business days"),
    "knowledge_time": Column(UTC_TIME, "latest input used", nullable=True),
    "drivers": Column(pl.List(DRIVER), "contributions sum to state_score before clipping"),
    "risks": Column(pl.List(RISK), "what would make the view wrong, its trigger, its probability if known"),
    "input_vintages": Column(pl.List(INPUT), "newest period of each input and when it became known"),
    "sanity_flags": Column(pl.List(pl.String), "sanity ranges that were left; a breach gives no_view"),
}

_VIEWS = numbers({f"view_{a}": f"expected excess return of holding {a}, score; null when no view" for a in VIEW_ASSETS})


def view_table(agent: str, description: str, columns: Mapping[str, Column]) -> Table:
    """agents/{agent}_view: the common report, the agent's own columns, the views on assets."""
    return Table(
        f"agents/{agent}_view",
        {**_AGENT, **columns, **_VIEWS},
        ("session", "agent_id"),
        owner="team:economics",
        description=description,
    )


def model_table(agent: str, description: str) -> Table:
    """agents/{agent}_model: what was estimated at a refit and stays frozen until the next."""
    return Table(
        f"agents/{agent}_model",
        {
            "session": session_column("session of the refit: the first of a month"),
            "parameter": Column(pl.String, "name of the parameter or statistic"),
            "value": Column(
                pl.Float64, "in the units of docs/agents; null when it could not be estimated", nullable=True
            ),
            "std_error": Column(pl.Float64, "of the value; null where it has none", nullable=True),
            "n_obs": Column(pl.Int32, "observations behind it"),
            "data_to": Column(pl.Date, "newest period in the estimation", nullable=True),
            "knowledge_time": Column(UTC_TIME, "latest input used", nullable=True),
            "status": _STATUS,
            "reason": _REASON,
        },
        ("session", "parameter"),
        owner="team:economics",
        description=description,
    )


# inflation

# monetary
_MONETARY = (
    view_table(
        "monetary",
        "Monetary policy: Taylor rules against the policy path that the DI curve implies.",
        numbers(
            {
                "neutral_rate": "r*, real, decimal",
                "output_gap": "fraction of trend, one-sided",
                "taylor_rate": "median Taylor rate 12 months ahead, decimal",
                "implied_rate": "DI-implied policy rate 12 months ahead, decimal",
            }
        ),
    ),
)

# fiscal

# fx

# regime
_REGIMES = ("goldilocks", "reflation", "stagflation", "deflation")
_REGIME = (
    view_table(
        "regime",
        "Cross-asset regime by rule: softmax of the distance to four quadrants of growth and inflation.",
        numbers(
            {
                **{f"p_{r}": f"probability of {r}; the four sum to 1" for r in _REGIMES},
                "growth_z": "growth axis",
                "inflation_z": "inflation axis",
                "stress_z": "financial conditions, + = tighter",
            }
        ),
    ),
)

# policy text

AGENT_TABLES = (*_MONETARY, *_REGIME)
