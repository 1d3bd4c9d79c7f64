"""Seven rules that views must not break together, and what a broken one costs: both confidences times 0.8.

Belongs here: the rules, the flags, and the table of views that the desk uses. Does not belong here: any agent's model.

A rule needs a claim (an agent's view on an asset) and something that speaks against it (another agent's state, or the
market). The sovereign spread stands for the CDS.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import polars as pl

from macro_fund.store.agent_tables import VIEW_ASSETS
from macro_fund.store.tables import TABLES

PENALTY = 0.8
STRONG = 0.5
SPREAD_SERIES = "br_embi_brazil"
_RULES = TABLES["agents/consistency"]
_VIEWS = TABLES["agents/views"]


@dataclass(frozen=True)
class Rule:
    """`asset` claimed above zero by an agent other than `opponent`, while the opponent's `column` lies beyond `level`.

    opponent: an agent id, or `market` for a column of the market frame. above: the direction that contradicts.
    """

    name: str
    asset: str
    opponent: str
    column: str
    level: float
    above: bool
    text: str


MARKET = "market"
RULES = (
    Rule("brl_against_fiscal", "brl", "fiscal", "view_br_rates", -STRONG, False, "long BRL while fiscal sells rates"),
    Rule("credit_against_fiscal", "br_credit", "fiscal", "state_score", 0.5, True, "long credit while fiscal worsens"),
    Rule("breakeven_against_inflation", "br_breakeven", "inflation", "state_score", -0.3, False,
         "long breakeven while inflation undershoots"),
    Rule("us_rates_in_reflation", "us_rates", "regime", "p_reflation", 0.6, True, "long US rates in reflation"),
    Rule("equity_in_stagflation", "br_eq", "regime", "p_stagflation", 0.6, True, "long equity in stagflation"),
    Rule("brl_against_spread", "brl", MARKET, "spread_z", 1.5, True, "long BRL while the sovereign spread widens"),
    Rule("received_against_hawk", "br_rates", "monetary", "state_score", 0.3, True,
         "received rates while policy is seen tighter than priced"),
)  # fmt: skip


def spread_widening(market_features: pl.DataFrame) -> pl.DataFrame:
    """session, spread_z: z of the daily change of the sovereign spread; rows of silver/market_features that are ok."""
    rows = market_features.filter((pl.col("series_id") == SPREAD_SERIES) & (pl.col("status") == "ok"))
    return rows.select("session", spread_z="z_change")


def consistency(views: Mapping[str, pl.DataFrame], market: pl.DataFrame, sessions: Sequence[date]) -> pl.DataFrame:
    """Table agents/consistency: one row per session and rule.

    views: agents/*_view by agent id; market: session and spread_z. A rule whose opponent has no view (or no value) is
    `no_view`: it could not be tested, which is not the same as kept.
    """
    grid = pl.DataFrame({"session": list(sessions)}, schema={"session": pl.Date})
    # A row without a view may hold numbers all the same; they neither claim nor oppose.
    heard = {agent: v.filter(pl.col("status") != "no_view") for agent, v in views.items()}
    claims = pl.concat([v.select("session", "agent_id", *(f"view_{a}" for a in VIEW_ASSETS)) for v in heard.values()])
    found = [_tested(rule, grid, claims, _opposing(rule, heard, market)) for rule in RULES]
    return pl.concat(found).select(list(_RULES.schema)).cast(pl.Schema(_RULES.schema)).sort(_RULES.sort)


def _opposing(rule: Rule, views: Mapping[str, pl.DataFrame], market: pl.DataFrame) -> pl.DataFrame:
    """session and `against`, the number that may contradict the claim."""
    frame = market if rule.opponent == MARKET else views[rule.opponent]
    return frame.select("session", against=rule.column)


def _tested(rule: Rule, grid: pl.DataFrame, claims: pl.DataFrame, opposing: pl.DataFrame) -> pl.DataFrame:
    against = pl.col("against")
    beyond = against > rule.level if rule.above else against < rule.level
    claimed = claims.filter((pl.col("agent_id") != rule.opponent) & (pl.col(f"view_{rule.asset}") > 0))
    claimed = claimed.group_by("session", maintain_order=True).agg(pl.col("agent_id").sort().alias("claimants"))
    rows = grid.join(opposing, on="session", how="left", maintain_order="left")
    rows = rows.join(claimed, on="session", how="left", maintain_order="left")
    fired = (beyond & pl.col("claimants").is_not_null()).fill_null(False)
    named = [] if rule.opponent == MARKET else [rule.opponent]
    agents = pl.concat_list(pl.col("claimants"), pl.lit(named, dtype=pl.List(pl.String)))
    words = pl.format(
        rule.text + ": {} against " + f"{rule.opponent} {rule.column} {{}}",
        pl.col("claimants").list.join(", "),
        against.round(2),
    )
    return rows.select(
        "session",
        pl.lit(rule.name).alias("rule"),
        fired.alias("fired"),
        pl.when(fired).then(agents).otherwise(pl.lit([], dtype=pl.List(pl.String))).alias("agents"),
        "against",
        pl.when(against.is_null()).then(pl.lit("no_view")).otherwise(pl.lit("ok")).alias("status"),
        pl.when(against.is_null())
        .then(pl.lit(f"{rule.opponent} has no {rule.column}"))
        .when(fired)
        .then(words)
        .otherwise(pl.lit(""))
        .alias("reason"),
    )


def final_views(views: Mapping[str, pl.DataFrame], rules: pl.DataFrame) -> pl.DataFrame:
    """Table agents/views: each agent's view on each asset with its confidence after the rules.

    A rule that names an agent multiplies its confidence by PENALTY, once a rule. A no_view row keeps nulls.
    """
    fired = rules.filter("fired").explode("agents").rename({"agents": "agent_id"})
    flags = fired.group_by("session", "agent_id", maintain_order=True).agg(pl.col("rule").sort().alias("flags"))
    long = pl.concat([_long(v) for v in views.values()])
    long = long.join(flags, on=["session", "agent_id"], how="left", maintain_order="left")
    count = pl.col("flags").list.len().fill_null(0)
    return (
        long.with_columns(
            confidence=pl.col("confidence_before") * pl.lit(PENALTY).pow(count),
            flags=pl.col("flags").fill_null(pl.lit([], dtype=pl.List(pl.String))),
        )
        .select(list(_VIEWS.schema))
        .cast(pl.Schema(_VIEWS.schema))
        .sort(_VIEWS.sort)
    )


def _long(view: pl.DataFrame) -> pl.DataFrame:
    """session, agent_id, status, reason, confidence_before, asset, score; one row per asset."""
    kept = ["session", "agent_id", "status", "reason", "confidence", "knowledge_time"]
    columns = {f"view_{a}": a for a in VIEW_ASSETS}
    named = view.select(*kept, *columns).rename({**columns, "confidence": "confidence_before"})
    index = ["confidence_before" if c == "confidence" else c for c in kept]
    return named.unpivot(VIEW_ASSETS, index=index, variable_name="asset", value_name="score")
