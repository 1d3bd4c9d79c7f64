"""Use of the fund's limits by the target book.

Belongs here: each limit's measure, its use and its state. Does not belong here: the limits' numbers
(config/limits.yaml), the risk measures themselves (var, stress), or sizing that stays inside them (portfolio).

Measures, as fractions of the mandate's capital (settings.fund.nav_brl):
* var_95, var_99: the worse of the two methods. worst_stress: the largest loss of any scenario (0 when all gain).
* br_dv01: |sum of DV01| in BRL a bp, a parallel shift of the curve; tenors are summed as they are.
* fx_net, equity_net: |sum of delta| of the class.
* strategy_var_share: the largest share that one strategy has of the 95% VaR, worse of the two methods (a fraction of
  VaR, not of capital).
A limit whose measure leaves out an instrument without a view is at least `warn` and says what it leaves out; without
any measure it is `no_view`.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import polars as pl

from macro_fund.portfolio.history import session_array
from macro_fund.settings import Settings
from macro_fund.store.tables import TABLES

TABLE = TABLES["risk/limits"]
NET = {"br_dv01": ("rates", "dv01_brl"), "fx_net": ("fx", "delta_brl"), "equity_net": ("equity", "delta_brl")}


def limit_use(
    targets: pl.DataFrame, var: pl.DataFrame, stress: pl.DataFrame, settings: Settings, sessions: Sequence[date]
) -> pl.DataFrame:
    """risk/limits: one row for each session and limit, from the targets and their own var and stress tables."""
    nav = float(settings.fund.nav_brl)
    session_array(sessions)
    here = pl.col("session").is_in(list(sessions))
    targets, var, stress = (frame.filter(here) for frame in (targets, var, stress))
    measures = [
        *(_var(var, name, level, nav) for name, level in (("var_95", 0.95), ("var_99", 0.99))),
        _strategy_share(var),
        _worst_stress(stress, nav),
        *(_net(targets, settings, name, nav) for name in NET),
    ]
    caps = settings.limits.model_dump(exclude={"warn_at"})
    grid = pl.DataFrame({"session": list(sessions)}, schema={"session": pl.Date}).join(
        pl.DataFrame({"limit": list(caps), "limit_value": [float(v) for v in caps.values()]}), how="cross"
    )
    joined = grid.join(pl.concat(measures), on=["session", "limit"], how="left", maintain_order="left")
    return _with_status(joined, settings.limits.warn_at)


def _var(var: pl.DataFrame, name: str, level: float, nav: float) -> pl.DataFrame:
    """The worse method's total; missing as soon as one method is, for a limit needs both."""
    rows = var.filter((pl.col("scope") == "total") & (pl.col("level") == level))
    return (
        rows.group_by("session", maintain_order=True)
        .agg(
            pl.when(~pl.col("var_brl").is_null().any()).then(pl.col("var_brl").max() / nav).alias("value"),
            (pl.col("status") != "ok").any().alias("partial"),
            pl.col("reason").first(),
        )
        .select("session", pl.lit(name).alias("limit"), "value", "partial", "reason")
    )


def _strategy_share(var: pl.DataFrame) -> pl.DataFrame:
    """The worse method's largest strategy part over its total. Without a loss to share it is 0."""
    keys = ["session", "method"]
    rows = var.filter(pl.col("level") == 0.95).sort(*keys, "var_brl", "item", descending=[False, False, True, False])
    largest = (
        rows.filter((pl.col("scope") == "strategy") & pl.col("var_brl").is_not_null())
        .group_by(keys, maintain_order=True)
        .agg(pl.col("var_brl").first().alias("largest"), pl.col("item").first().alias("owner"))
    )
    totals = rows.filter(pl.col("scope") == "total").join(largest, on=keys, how="left", maintain_order="left")
    share = (
        pl.when(pl.col("var_brl") > 0).then(pl.col("largest") / pl.col("var_brl")).when(pl.col("var_brl") <= 0).then(0)
    )
    owner = pl.when(pl.col("var_brl") > 0).then(pl.format("largest: {}", "owner")).otherwise(pl.lit(""))
    unproven = pl.col("status") != "ok"
    return (
        totals.with_columns(share.alias("value"), pl.when(unproven).then("reason").otherwise(owner).alias("reason"))
        .sort("session", "value", "method", descending=[False, True, False])
        .group_by("session", maintain_order=True)
        .agg(
            pl.when(~pl.col("value").is_null().any()).then(pl.col("value").max()).alias("value"),
            unproven.any().alias("partial"),
            pl.col("reason").first(),
        )
        .select("session", pl.lit("strategy_var_share").alias("limit"), "value", "partial", "reason")
    )


def _missing(names: pl.Expr) -> pl.Expr:
    return pl.concat_str(pl.lit("without "), names.unique().sort().str.join(", "))


def _worst_stress(stress: pl.DataFrame, nav: float) -> pl.DataFrame:
    blind = pl.col("status") == "no_view"
    scenarios = (
        stress.group_by("session", "scenario", maintain_order=True)
        .agg(pl.col("pnl_brl").sort_by("instrument").sum(), blind.all().alias("empty"))
        .filter(~pl.col("empty"))
        .sort("session", "pnl_brl", "scenario")
        .group_by("session", maintain_order=True)
        .agg(pl.col("pnl_brl").first(), pl.col("scenario").first())
    )
    gaps = stress.group_by("session", maintain_order=True).agg(
        blind.any().alias("partial"), _missing(pl.col("instrument").filter(blind)).alias("gap")
    )
    return gaps.join(scenarios, on="session", how="left").select(
        "session",
        pl.lit("worst_stress").alias("limit"),
        (pl.max_horizontal(-pl.col("pnl_brl"), 0.0 * pl.col("pnl_brl")) / nav + 0.0).alias("value"),
        "partial",
        pl.when("partial").then(pl.coalesce("gap", pl.lit(""))).otherwise("scenario").alias("reason"),
    )


def _net(targets: pl.DataFrame, settings: Settings, name: str, nav: float) -> pl.DataFrame:
    asset_class, column = NET[name]
    of_class = [i.id for i in settings.instruments if i.asset_class == asset_class]
    blind = pl.col("target_contracts").is_null()
    net = pl.col(column).sort_by("instrument").sum().abs() / nav
    gap = _missing(pl.col("instrument").filter(blind))
    return (
        targets.filter(pl.col("instrument").is_in(of_class))
        .group_by("session", maintain_order=True)
        .agg(
            pl.when(~blind.all()).then(net).alias("value"),
            blind.any().alias("partial"),
            pl.when(blind.any()).then(gap).otherwise(pl.lit("")).alias("reason"),
        )
        .select("session", pl.lit(name).alias("limit"), "value", "partial", "reason")
    )


def _with_status(joined: pl.DataFrame, warn_at: float) -> pl.DataFrame:
    used = pl.when(pl.col("limit_value") > 0).then(pl.col("value") / pl.col("limit_value"))
    over = pl.col("value") > pl.col("limit_value")
    near = (pl.col("value") >= warn_at * pl.col("limit_value")) & (pl.col("value") > 0)
    partial = pl.col("partial").fill_null(True)
    status = (
        pl.when(pl.col("value").is_null())
        .then(pl.lit("no_view"))
        .when(over)
        .then(pl.lit("breach"))
        .when(near | partial)
        .then(pl.lit("warn"))
        .otherwise(pl.lit("ok"))
    )
    says = pl.when(pl.col("reason").fill_null("") != "").then("reason")
    words = (
        pl.when(pl.col("value").is_null())
        .then(pl.coalesce(says, pl.lit("no measure of this limit for the session")))
        .when(over)
        .then(pl.concat_str([pl.lit("above the limit"), says], separator="; ", ignore_nulls=True))
        .when(near)
        .then(pl.concat_str([pl.lit(f"above {warn_at:.0%} of the limit"), says], separator="; ", ignore_nulls=True))
        .otherwise(pl.coalesce(says, pl.lit("within the limit")))
    )
    return (
        joined.with_columns(used.alias("utilisation"), status.alias("status"), words.alias("reason"))
        .select(pl.col(n).cast(t) for n, t in TABLE.schema.items())
        .sort(TABLE.sort)
    )
