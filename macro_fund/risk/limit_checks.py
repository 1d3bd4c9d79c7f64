"""Checks on limits and breakers, as plain verdicts, by a route that shares no code with the numbers.

Belongs here: what must be true of risk/limits and risk/breakers. Does not belong here: when checks run or what they
block (orchestration), other risk tables (checks.py).
"""

from __future__ import annotations

import polars as pl

from macro_fund.portfolio.checks import Verdict, verdict
from macro_fund.risk.limit_measures import COUNTED
from macro_fund.settings import Settings

CHAIN = {"none": 0, "no_new_risk": 1, "halve": 2, "kill": 3}


def limits_recomputed(
    limits: pl.DataFrame,
    targets: pl.DataFrame,
    var: pl.DataFrame,
    stress: pl.DataFrame,
    liquidity: pl.DataFrame,
    settings: Settings,
    tolerance: float = 1e-9,
) -> Verdict:
    """Values of risk/limits again by aggregation over the input tables; null where an input has no number at all."""
    nav = float(settings.fund.nav_brl)
    parts = [
        *(_var_again(var, name, level) for name, level in (("var_95", 0.95), ("var_99", 0.99))),
        _stress_again(stress),
        _sum_again(liquidity, "margin", pl.col("margin_brl")),
        *_nets_again(targets, settings),
    ]
    again = pl.concat([p.select("session", "limit", (pl.col("amount") * (1 / nav)).alias("again")) for p in parts])
    both = limits.filter(pl.col("limit").is_in(again["limit"].unique().implode())).join(
        again, on=["session", "limit"], how="left", maintain_order="left"
    )
    apart = (pl.col("value") - pl.col("again")).abs() > tolerance
    wrong = both.filter((pl.col("value").is_null() != pl.col("again").is_null()) | apart.fill_null(False))
    return verdict("limits_recomputed", wrong.select("session", "limit", "value", "again"), both.height)


def _var_again(var: pl.DataFrame, name: str, level: float) -> pl.DataFrame:
    rows = var.filter(pl.col("scope") == "total", pl.col("level") == level, pl.col("method").is_in(COUNTED))
    return (
        rows.sort("session").group_by("session", maintain_order=True).agg(pl.col("var_brl").max().alias("amount"))
    ).with_columns(pl.lit(name).alias("limit"))


def _stress_again(stress: pl.DataFrame) -> pl.DataFrame:
    known = stress.filter(pl.col("kind") != "correlation", pl.col("pnl_brl").is_not_null())
    valued = pl.col("instrument").n_unique().over("session")  # a replay counts when it values all that any case values
    cases = (
        known.with_columns(valued.alias("valued"))
        .group_by("session", "kind", "scenario", maintain_order=True)
        .agg(pl.col("pnl_brl").sum(), pl.col("valued").first(), pl.len().alias("n"))
        .filter((pl.col("kind") == "scenario") | (pl.col("n") == pl.col("valued")))
    )
    worst = cases.group_by("session", maintain_order=True).agg(-pl.col("pnl_brl").min().clip(upper_bound=0.0))
    return worst.select("session", pl.lit("worst_stress").alias("limit"), pl.col("pnl_brl").alias("amount"))


def _sum_again(frame: pl.DataFrame, name: str, amount: pl.Expr) -> pl.DataFrame:
    """|sum| by session; null when every number is missing."""
    known = amount.is_not_null().any()
    sums = frame.group_by("session", maintain_order=True).agg(pl.when(known).then(amount.sum().abs()).alias("amount"))
    return sums.with_columns(pl.lit(name).alias("limit"))


def _nets_again(targets: pl.DataFrame, settings: Settings) -> list[pl.DataFrame]:
    """Net exposures by class from the instruments' own settings."""
    of = {i.id: ("us" if i.asset == "us_rates" else i.asset_class) for i in settings.instruments if i.book}
    rows = targets.with_columns(pl.col("instrument").replace_strict(of, default="").alias("_of"))
    wanted = {"br_dv01": ("rates", "dv01_brl"), "us_dv01": ("us", "dv01_brl"), "fx_net": ("fx", "delta_brl")}
    wanted |= {"cds_net": ("credit", "delta_brl"), "equity_net": ("equity", "delta_brl")}
    found = []
    for name, (kind, column) in wanted.items():
        here = rows.filter(pl.col("_of") == kind)
        if kind not in of.values():
            here = rows.with_columns(pl.lit(0.0).alias(column))
        found.append(_sum_again(here, name, pl.col(column)))
    return found


def action_follows(breakers: pl.DataFrame) -> Verdict:
    """A row asks for something exactly when it is tripped, a loss at its threshold trips, and nothing else starts."""
    loss = (pl.col("loss") >= pl.col("threshold")) & (pl.col("breaker") != "price_coverage")  # 95% covered is enough
    acts = pl.col("action") != "none"
    wrong = breakers.filter(
        (pl.col("tripped") != acts)
        | (loss & ~pl.col("tripped")).fill_null(False)
        | (pl.col("since").is_null() == pl.col("tripped"))
        | (pl.col("since") > pl.col("session")).fill_null(False)
        | ~pl.col("action").is_in(list(CHAIN))
    )
    return verdict("action_follows", wrong.select("session", "breaker", "loss", "tripped", "action"), breakers.height)


def losses_recomputed(breakers: pl.DataFrame, nav: pl.DataFrame, tolerance: float = 1e-12) -> Verdict:
    """The day's loss from the session's own row of pms/nav, and no week or month better than the day explains.

    Week and month again as the change of the NAV since the last close before them.
    """
    rows = nav.sort("session").with_columns(pl.col("nav_brl").cast(pl.Float64))
    first = rows["session"].min()
    close = rows.select("session", "trade_date", "nav_brl")
    found = [rows.select("session", _day().alias("again"), pl.lit("day").alias("_span"))]
    for span, unit in (("week", "1w"), ("month", "1mo")):
        start = close.with_columns(pl.col("trade_date").dt.truncate(unit).alias("_start"))
        base = close.select(pl.col("trade_date").alias("_before"), pl.col("nav_brl").alias("_base"))
        joined = start.sort("_start").join_asof(
            base.sort("_before"), left_on="_start", right_on="_before", strategy="backward", allow_exact_matches=False
        )
        opening = pl.col("_base").fill_null(close["nav_brl"].first())
        found.append(
            joined.select("session", (1 - pl.col("nav_brl") / opening).alias("again"), pl.lit(span).alias("_span"))
        )
    again = pl.concat(found).filter(pl.col("session") != first)
    named = breakers.with_columns(pl.col("breaker").str.split("_").list.first().alias("_span"))
    both = named.filter(pl.col("_span").is_in(["day", "week", "month"])).join(
        again, on=["session", "_span"], how="left", maintain_order="left"
    )
    apart = (pl.col("loss") - pl.col("again")).abs() > tolerance
    wrong = both.filter((pl.col("loss").is_null() != pl.col("again").is_null()) | apart.fill_null(False))
    return verdict("losses_recomputed", wrong.select("session", "breaker", "loss", "again"), both.height)


def _day() -> pl.Expr:
    return -pl.col("pnl_brl").cast(pl.Float64) / pl.col("opening_nav_brl").cast(pl.Float64)
