"""Checks on portfolio tables, as plain verdicts.

Belongs here: what must be true of convictions and targets whatever the market did, recomputed from the tables
themselves. Does not belong here: when checks run or what they block (orchestration).
"""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from macro_fund.settings import Settings


@dataclass(frozen=True)
class Verdict:
    """One check's outcome; `detail` holds the figures or the first rows behind it."""

    check: str
    passed: bool
    detail: str


def verdict(check: str, wrong: pl.DataFrame, of: int) -> Verdict:
    """Passed when `wrong` is empty; otherwise the detail counts it and shows its first three rows."""
    if wrong.is_empty():
        return Verdict(check, True, f"{of} rows")
    shown = "; ".join(", ".join(f"{k}={v}" for k, v in row.items()) for row in wrong.head(3).to_dicts())
    return Verdict(check, False, f"{len(wrong)} of {of} rows: {shown}")


def contributions_sum(conviction: pl.DataFrame, tolerance: float = 1e-12) -> Verdict:
    """signal x weight of the strategies sums to the score; a score exists exactly where a strategy has a view."""
    keys = ["session", "instrument"]
    parts = (
        conviction.select(*keys, "contributions")
        .explode("contributions")
        .unnest("contributions")
        .group_by(keys, maintain_order=True)
        .agg((pl.col("signal") * pl.col("weight")).sum().alias("sum_of_parts"))
    )
    joined = conviction.join(parts, on=keys, how="left").select(*keys, "score", "sum_of_parts", "n_signals", "status")
    apart = (pl.col("score") - pl.col("sum_of_parts")).abs() > tolerance
    orphan = pl.col("score").is_null() != (pl.col("status") == "no_view")
    return verdict("contributions_sum", joined.filter(apart.fill_null(False) | orphan), len(conviction))


def shares_sum(targets: pl.DataFrame, tolerance: float = 1e-9) -> Verdict:
    """Every target that is not zero is owned: its strategy shares are >= 0 and sum to 1."""
    total = pl.col("shares").list.eval(pl.element().struct.field("share")).list.sum()
    least = pl.col("shares").list.eval(pl.element().struct.field("share")).list.min()
    wrong = targets.filter(
        (pl.col("target_contracts").fill_null(0) != 0)
        & (((total - 1).abs() > tolerance) | (least < 0) | (pl.col("shares").list.len() == 0))
    )
    return verdict("shares_sum", wrong.select("session", "instrument", "target_contracts", "shares"), len(targets))


def signs_follow_score(targets: pl.DataFrame, settings: Settings) -> Verdict:
    """A positive score holds the asset: receive rates (long PU), long BRL (short DOL), long equity."""
    sign = {i.id: i.asset_sign for i in settings.instruments}
    against = (
        pl.col("target_contracts") * pl.col("instrument").replace_strict(sign, return_dtype=pl.Int64) * pl.col("score")
        < 0
    )
    wrong = targets.filter(against.fill_null(False)).select("session", "instrument", "target_contracts", "score")
    return verdict("signs_follow_score", wrong, len(targets))


def within_limits(targets: pl.DataFrame, settings: Settings) -> Verdict:
    """Net DV01, FX and equity exposure and contracts of the targets, summed here again, are inside the limits."""
    nav = float(settings.fund.nav_brl)
    of = pl.DataFrame(
        {
            "instrument": [i.id for i in settings.instruments],
            "asset_class": [i.asset_class for i in settings.instruments],
            "cap": [i.max_contracts for i in settings.instruments],
        }
    )
    book = targets.join(of, on="instrument", how="left")
    net = (
        book.group_by("session", "asset_class", maintain_order=True)
        .agg(pl.col("dv01_brl").sum().abs() * (1 / nav), pl.col("delta_brl").sum().abs() * (1 / nav))
        .sort("session", "asset_class")
    )
    caps = settings.limits
    over = net.filter(
        ((pl.col("asset_class") == "rates") & (pl.col("dv01_brl") > caps.br_dv01))
        | ((pl.col("asset_class") == "fx") & (pl.col("delta_brl") > caps.fx_net))
        | ((pl.col("asset_class") == "equity") & (pl.col("delta_brl") > caps.equity_net))
    )
    many = book.filter(pl.col("target_contracts").abs() > pl.col("cap")).select(
        "session", "instrument", "target_contracts", "cap"
    )
    first = verdict("within_limits", over, len(net))
    return first if not first.passed else verdict("within_limits", many, len(targets))
