"""Checks on edges and convictions: the same numbers by another route.

Belongs here: recomputations from the tables themselves. Does not belong here: when they run (orchestration).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import numpy as np
import polars as pl

from macro_fund.backtest.sharpe import PERIODS, annual_ratio
from macro_fund.features.bayes import pooled_exact
from macro_fund.portfolio.checks import Verdict, verdict
from macro_fund.portfolio.edges import MIN_DAYS, PRIOR_SHARPE, PRIOR_YEARS
from macro_fund.portfolio.edges_model import PRIOR, R_HAT_LIMIT, sharpe_error
from macro_fund.portfolio.votes import NO_VOTE

# Draws are random: their mean is this share of a posterior deviation from the truth at most (500 effective draws: 3.4
# standard errors), their deviation this share of itself.
DRAWN = 0.15


def _record(daily: pl.DataFrame, strategy_id: str, session: date) -> np.ndarray:
    rows = daily.filter((pl.col("strategy_id") == strategy_id) & (pl.col("session") <= session)).sort("session")
    net = rows["net_brl"].drop_nulls().drop_nans().to_numpy()
    started = np.flatnonzero(net)
    return net[started[0] :] if started.size else net[:0]


def edges_recomputed(edges: pl.DataFrame, daily: pl.DataFrame, tolerance: float = 1e-9) -> Verdict:
    """Sharpe ratio, shrunken one and weight of the newest session are those of its strategies' own P&L."""
    newest = edges.filter(pl.col("session") == edges["session"].max())
    rows = []
    for row in newest.iter_rows(named=True):
        net = _record(daily, row["strategy_id"], row["session"])
        sharpe = annual_ratio(net) if net.size >= MIN_DAYS else None
        if sharpe is None:
            good = row["weight"] is None and row["sharpe"] is None
            shrunk = None
        else:
            years = net.size / PERIODS
            shrunk = PRIOR_SHARPE + (sharpe - PRIOR_SHARPE) * years / (years + PRIOR_YEARS)
            good = row["weight"] is not None and bool(
                np.allclose(
                    [row["sharpe"], row["shrunk"], row["weight"], row["n_days"]],
                    [sharpe, shrunk, max(shrunk, 0.0), net.size],
                    rtol=tolerance,
                    atol=tolerance,
                )
            )
        rows.append({"strategy_id": row["strategy_id"], "shrunk": row["shrunk"], "expected": shrunk, "good": good})
    schema = {"strategy_id": pl.String, "shrunk": pl.Float64, "expected": pl.Float64, "good": pl.Boolean}
    found = pl.DataFrame(rows, schema=schema)
    return verdict("edges_recomputed", found.filter(~pl.col("good")).drop("good"), len(found))


def model_recomputed(model: pl.DataFrame, daily: pl.DataFrame) -> Verdict:
    """Posterior means and deviations are those that an integral over the spread gives, within the draws' error."""
    wrong = []
    for (session,), refit in model.drop_nulls("mean").partition_by("session", as_dict=True).items():
        assert isinstance(session, date)
        nets = [_record(daily, name, session) for name in refit["strategy_id"]]
        sharpe = np.array([annual_ratio(net) for net in nets], dtype=np.float64)
        size = np.array([net.size for net in nets], dtype=np.float64)
        mean, sd = pooled_exact(sharpe, sharpe_error(sharpe, size), PRIOR)
        off = pl.max_horizontal((pl.col("mean") - mean).abs() / sd, (pl.col("sd") / sd - 1.0).abs())
        far = refit.with_columns(pl.Series("exact", mean), off=off).filter(~(pl.col("off") <= DRAWN))
        wrong.append(far.select("session", "strategy_id", "mean", "exact"))
    empty = model.select("session", "strategy_id", "mean", exact="mean").clear()
    return verdict("model_recomputed", pl.concat([empty, *wrong]), len(model))


def model_converged(model: pl.DataFrame) -> pl.DataFrame:
    """session, strategy_id, r_hat of rows whose numbers rest on chains that disagree, or that lack numbers unsaid."""
    agreed = (pl.col("r_hat") < R_HAT_LIMIT).fill_null(False)
    given = pl.col("mean").is_not_null() & pl.col("sd").is_not_null()
    bad = (given != (pl.col("status") == "ok")) | (given & ~agreed)
    return model.filter(bad).select("session", "strategy_id", "r_hat")


def conviction_recomputed(
    conviction: pl.DataFrame, edges: pl.DataFrame, sessions: Sequence[date], tolerance: float = 1e-9
) -> Verdict:
    """weighted, bayesian, score and conviction follow from the contributions' signals and confidences, the edges and
    the other columns; ranks from `weighted` of the session."""
    keys = ["session", "instrument"]
    worth = edges.filter(pl.col("session").is_in(list(sessions))).select("session", "strategy_id", edge="weight")
    parts = (
        conviction.select(*keys, "contributions")
        .explode("contributions")
        .unnest("contributions")
        .join(worth, on=["session", "strategy_id"], how="inner", maintain_order="left")
        .filter(pl.col("edge") * pl.col("confidence") > NO_VOTE)
        .group_by(keys, maintain_order=True)
        .agg(
            (pl.col("edge") * pl.col("confidence") * pl.col("signal")).sum().alias("pull"),
            (pl.col("edge") * pl.col("confidence")).sum().alias("mass"),
            pl.col("confidence").mean().alias("mean_c"),
        )
    )
    rows = conviction.join(parts, on=keys, how="left", maintain_order="left").filter(pl.col("rank").is_not_null())
    expected = {
        "weighted": pl.col("pull") / pl.col("mass"),
        "bayesian": 2 * pl.col("p_up") - 1,
        "score": pl.mean_horizontal("weighted", "rank", "bayesian") * pl.col("crowding"),
        "conviction": 0.5 * pl.col("score").abs()
        + 0.3 * pl.col("mean_c")
        + 0.25 * pl.col("agreement").fill_null(0.0).clip(0.0, 0.8),
    }
    far = [~((pl.col(c) - e).abs() <= tolerance).fill_null(False) for c, e in expected.items()]
    rank = pl.Series("expected_rank", _ranks(rows), dtype=pl.Float64)
    rows = rows.with_columns(rank)
    off = pl.any_horizontal(*far, (pl.col("rank") - pl.col("expected_rank")).abs() > tolerance)
    return verdict("conviction_recomputed", rows.filter(off).select(*keys, *expected, "rank"), len(conviction))


def _ranks(rows: pl.DataFrame) -> list[float]:
    """Normal scores of `weighted` session by session, in the rows' order (sessions in stretches)."""
    from scipy.stats import norm, rankdata

    found: list[float] = []
    for part in rows.partition_by("session", maintain_order=True):
        x = part["weighted"].to_numpy()
        order = np.append(rankdata(x), x.size)
        z = norm.ppf((order - 3 / 8) / (x.size + 1 / 4))
        found += (z[:-1] / z[-1] if x.size > 1 else x).tolist()
    return found
