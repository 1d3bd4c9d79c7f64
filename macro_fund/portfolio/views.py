"""From combined scores to views: which instruments the book may hold, on which side, and whose views they are.

Belongs here: the band around zero (hysteresis of the score) and strategies' shares. Does not belong here: the score
(aggregate), a strategy's own hysteresis (strategies), or sizes (optimise).

The band is the book's own, not a strategy's again. A strategy's band decides whether its signal counts; the score mixes
all of them with ranks and hit rates, is never exactly zero, and would have the book trade with no strategy in position.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import numpy as np
import polars as pl

from macro_fund.mandate import Sizing
from macro_fund.portfolio.contributions import PRIOR
from macro_fund.portfolio.history import session_array


def band(scores: Sequence[float | None], enter: float, leave: float) -> list[int]:
    """Side of the asset (-1, 0, +1) after each score, walked from the first.

    In when |score| > enter with its sign, out when |score| < leave or its sign has turned (and straight in on the other
    side beyond enter). A missing score gives 0 and leaves the state before it as it was.
    """
    out, state = [], 0
    for score in scores:
        if score is None:
            out.append(0)
            continue
        if state and (abs(score) < leave or score * state < 0):
            state = 0
        if not state and abs(score) > enter:
            state = 1 if score > 0 else -1
        out.append(state)
    return out


def sides(conviction: pl.DataFrame, names: Sequence[str], sessions: Sequence[date], rules: Sizing) -> np.ndarray:
    """(session, instrument) side of the asset in the band, from all scores known up to each session."""
    days = session_array(sessions)
    found = np.zeros((len(days), len(names)), dtype=np.int64)
    rows = conviction.filter(pl.col("session") <= sessions[-1]).sort("session", "instrument")
    for k, name in enumerate(names):
        of = rows.filter(pl.col("instrument") == name)
        side = np.array(band(of["score"].to_list(), rules.enter, rules.leave), dtype=np.int64)
        known = of["session"].to_numpy()
        if len(known):
            at = np.searchsorted(known, days)
            there = known[np.minimum(at, len(known) - 1)] == days
            found[there, k] = side[at[there]]
    return found


def strategy_shares(conviction: pl.DataFrame, sessions: Sequence[date]) -> pl.DataFrame:
    """session, instrument, shares: each strategy's part of the score, counting only those that push its way.

    Strategies that oppose the score, or are flat, get 0; shares sum to 1. Rows with a zero or missing score, or whose
    score no strategy pushes, are left out.
    """
    keys = ("session", "instrument")
    pushes = (pl.col("signal") * pl.col("weight") * pl.col("score").sign()).clip(lower_bound=0)
    return (
        conviction.filter(pl.col("session").is_in(list(sessions)) & (pl.col("score").fill_null(0) != 0))
        .select(*keys, "score", "contributions")
        .sort(*keys)
        .explode("contributions")
        .unnest("contributions")
        .filter(pl.col("strategy_id") != PRIOR)
        .with_columns(pushes.alias("push"))
        .with_columns(pl.col("push").sum().over(*keys).alias("total"))
        .filter(pl.col("total") > 0)
        .with_columns((pl.col("push") / pl.col("total") + 0.0).alias("share"))
        .group_by(*keys, maintain_order=True)
        .agg(pl.struct("strategy_id", "share").alias("shares"))
    )
