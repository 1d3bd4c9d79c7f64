"""Columns of a proposal that say what the trade does to the book, and why it is proposed.

Belongs here: the fields beside the trade itself, all of which may be null. Does not belong here: the trade's own
columns (tables.py), or what the fields are made of (pms/fields.py).

None of them is part of a proposal's id: it covers the trade only. before: the actual book at the last close; after:
with this trade alone; after_all: with all proposals of the session. Numbers without a source are null, and `missing`
says why.
"""

from __future__ import annotations

import polars as pl

from macro_fund.store.table import UTC_TIME, Column, numbers

LIMIT_USE = pl.List(
    pl.Struct(
        {"limit": pl.String, "limit_value": pl.Float64, "before": pl.Float64, "after": pl.Float64,
         "after_all": pl.Float64}
    )
)  # fmt: skip
DRIVERS = pl.List(
    pl.Struct({"strategy_id": pl.String, "signal": pl.Float64, "contribution": pl.Float64, "agents": pl.String})
)


def _three(name: str, what: str) -> dict[str, str]:
    books = {"before": "book before", "after": "with this trade", "after_all": "with all of the session's"}
    return {f"{name}_{when}_brl": f"{what}, {words}" for when, words in books.items()}


PROPOSAL_FIELDS = {
    "as_of": Column(UTC_TIME, "nothing known after this instant was used (UTC)", nullable=True),
    "data_date": Column(pl.Date, "close of the prices", nullable=True),
    "model": Column(pl.String, "what sized it, and the version of the code", nullable=True),
    **numbers(
        {
            "expected_pnl_brl": "of the trade over `expected_days`, before cost: the sizing's own expected return",
            "expected_days": "sessions: the strategies' horizons by their shares",
            **_three("var", "one-day 95% VaR, worst counted method"),
            "component_var_brl": "the trade's Euler part of the parametric 95% VaR after all trades; < 0: it hedges",
            **_three("worst_stress", "largest loss of a scenario or replay, >= 0"),
            **_three("margin", "margin proxy"),
            "liquidity_days": "days to close what is held after it; null: no source of traded volumes",
            "net_per_var": "expected P&L less cost over component VaR; null without them or where the trade hedges",
        }
    ),
    "worst_stress_case": Column(pl.String, "the scenario or replay behind it with this trade", nullable=True),
    "rank": Column(pl.Int32, "1 first: hedges by expected P&L less cost, then by net_per_var", nullable=True),
    "limits": Column(LIMIT_USE, "limits whose use changes: fractions of NAV as in risk/limits", nullable=True),
    "drivers": Column(DRIVERS, "parts of the instrument's score, largest first; agents: those it reads", nullable=True),
    "invalidation": Column(pl.String, "what would prove it wrong: stop, and the strategy's falsifier", nullable=True),
    "oldest_input": Column(pl.String, "oldest input of the drivers", nullable=True),
    "data_age_days": Column(pl.Int32, "business days since its period", nullable=True),
    "missing": Column(pl.String, "fields without a number, and why", nullable=True),
    "narrative": Column(pl.String, "the proposal in words; every number is a field's", nullable=True),
}  # fmt: skip
