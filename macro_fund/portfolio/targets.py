"""Target contracts of each session at the mandate's reference capital.

Belongs here: joining scores with last settlements and volatilities, and the portfolio/targets table. Does not belong
here: the sizing rules (sizing), the actual book (pms) or its risk (risk).

Targets are sized on settings.fund.nav_brl, not on today's NAV, so they do not depend on the fund's own trades.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
import polars as pl

from macro_fund.portfolio.contributions import PRIOR
from macro_fund.portfolio.covariance import YEAR, complete_rows, ewma_vol, shrunk_covariance
from macro_fund.portfolio.history import FROZEN_AFTER, Epoch, known_shocks, latest_marks, session_array
from macro_fund.portfolio.sizing import Book, ClassLimit, size
from macro_fund.settings import Settings
from macro_fund.store.tables import TABLES

TABLE = TABLES["portfolio/targets"]
MIN_SHOCKS = 63
CORRELATION_WINDOW = 756


@dataclass(frozen=True)
class _Past:
    """Daily volatility of one unit of shock and the number of shocks behind it, axes (session, instrument)."""

    epochs: list[Epoch]
    vol: np.ndarray
    count: np.ndarray


def targets(
    conviction: pl.DataFrame, instrument_returns: pl.DataFrame, settings: Settings, sessions: Sequence[date]
) -> pl.DataFrame:
    """portfolio/targets: one row for each session and instrument of the book.

    `instrument_returns`: full history up to the last session. An instrument without a fresh settlement, with a frozen
    one, or with fewer than 63 daily shocks has no target (no_view with the reason); the others proceed.
    """
    names = sorted(i.id for i in settings.book)
    past = _past(instrument_returns, names, sessions)
    cells = _cells(conviction, instrument_returns, names, past, sessions)
    shape = (len(sessions), len(names))
    sizable = (cells["status"] != "no_view").to_numpy().reshape(shape)

    def dense(column: str, missing: float) -> np.ndarray:
        values = cells[column].cast(pl.Float64).fill_null(missing).to_numpy().reshape(shape)
        return np.where(sizable, values, missing)

    dv01, delta = dense("unit_dv01_brl", 0.0), dense("unit_delta_brl", 0.0)
    book = _book(settings, names, dense("score", 0.0), dense("sigma_brl", 1.0))
    nav = float(settings.fund.nav_brl)
    asked, whole, binding = size(
        book,
        [
            ClassLimit("br_dv01", "rates", dv01, settings.limits.br_dv01 * nav),
            ClassLimit("fx_net", "fx", delta, settings.limits.fx_net * nav),
            ClassLimit("equity_net", "equity", delta, settings.limits.equity_net * nav),
        ],
        _fund_vol(past, book.sigma, dv01, delta, sessions),
        settings.fund.vol_target * nav,
    )
    sized = cells.with_columns(
        pl.Series("target_contracts", whole.ravel()).cast(pl.Int64),
        pl.Series("unrounded", asked.ravel()),
        pl.Series("binding_constraint", binding.ravel().tolist(), dtype=pl.String),
        (pl.Series("dv01_brl", (whole * dv01 + 0.0).ravel())),
        (pl.Series("delta_brl", (whole * delta + 0.0).ravel())),
    )
    blank = ("target_contracts", "unrounded", "dv01_brl", "delta_brl")
    return (
        sized.with_columns(pl.when(pl.col("status") != "no_view").then(pl.col(c)).alias(c) for c in blank)
        .join(strategy_shares(conviction, sessions), on=["session", "instrument"], how="left")
        .with_columns(
            pl.when(pl.col("status") == "no_view").then(None).otherwise("shares").alias("shares"),
        )
        .with_columns(pl.col("shares").fill_null(pl.lit([], dtype=TABLE.schema["shares"])))
        .select(pl.col(n).cast(t) for n, t in TABLE.schema.items())
        .sort(TABLE.sort)
    )


def strategy_shares(conviction: pl.DataFrame, sessions: Sequence[date]) -> pl.DataFrame:
    """session, instrument, shares: each strategy's part of the score, counting only those that push its way.

    Strategies that oppose the score, or are flat, get 0; shares sum to 1. Rows with a zero or missing score have none.
    Shares belong to strategies: what the row `prior` pushes is divided as theirs is, and where no strategy pushes the
    score's way, in proportion to the weights of their votes.
    """
    pushes = (pl.col("signal") * pl.col("weight") * pl.col("score").sign()).clip(lower_bound=0)
    cell = ["session", "instrument"]
    return (
        conviction.filter(pl.col("session").is_in(list(sessions)) & (pl.col("score").fill_null(0) != 0))
        .select(*cell, "score", "contributions")
        .sort(cell)
        .explode("contributions")
        .unnest("contributions")
        .filter(pl.col("strategy_id") != PRIOR)
        .with_columns(pushes.alias("push"))
        .with_columns(pl.when(pl.col("push").sum().over(cell) > 0).then("push").otherwise("weight").alias("push"))
        .with_columns((pl.col("push") / pl.col("push").sum().over(cell) + 0.0).alias("share"))
        .group_by(cell, maintain_order=True)
        .agg(pl.struct("strategy_id", "share").alias("shares"))
    )


def _past(returns: pl.DataFrame, names: Sequence[str], sessions: Sequence[date]) -> _Past:
    epochs = known_shocks(returns, names, sessions)
    vol = np.full((len(sessions), len(names)), np.nan)
    count = np.zeros((len(sessions), len(names)), dtype=np.int64)
    for epoch in epochs:
        some = epoch.known > 0
        index, last = epoch.index[some], epoch.known[some] - 1
        vol[index] = ewma_vol(epoch.shocks)[last]
        count[index] = np.cumsum(~np.isnan(epoch.shocks), axis=0)[last]
    return _Past(epochs, vol, count)


def _cells(
    conviction: pl.DataFrame, returns: pl.DataFrame, names: Sequence[str], past: _Past, sessions: Sequence[date]
) -> pl.DataFrame:
    """The session x instrument grid with score, settlement, sigma_brl, and the final status and reason."""
    grid = pl.DataFrame(
        {
            "session": pl.Series(np.repeat(session_array(sessions), len(names))).cast(pl.Date),
            "instrument": list(names) * len(sessions),
            "vol": past.vol.ravel(),
            "count": past.count.ravel(),
        }
    )
    views = conviction.select("session", "instrument", "score", "conviction", "status", "reason")
    keys = ["session", "instrument"]
    cells = grid.join(views, on=keys, how="left", maintain_order="left").join(
        latest_marks(returns, sessions), on=keys, how="left", maintain_order="left"
    )
    unit = pl.max_horizontal(pl.col("unit_dv01_brl").abs(), pl.col("unit_delta_brl").abs())
    sigma = pl.when(pl.col("count") >= MIN_SHOCKS).then(pl.col("vol") * unit)
    blocked = (
        pl.when(pl.col("status").is_null())
        .then(pl.format("no conviction row for {}", "instrument"))
        .when((pl.col("status") == "no_view") | pl.col("score").is_null())
        .then("reason")
        .when(pl.col("price").is_null())
        .then(pl.format("no listed settlement for {}", "instrument"))
        .when(pl.col("frozen"))
        .then(pl.format(f"settlement of {{}} unchanged for {FROZEN_AFTER} sessions: frozen", "instrument"))
        .when(pl.col("count") < MIN_SHOCKS)
        .then(
            pl.format(f"{{}} has {{}} of the {MIN_SHOCKS} daily shocks that a volatility needs", "instrument", "count")
        )
        .when(~(pl.col("sigma_brl") > 0).fill_null(False))
        .then(pl.format("{} has no volatility: it did not move", "instrument"))
    )
    return (
        cells.with_columns(sigma.alias("sigma_brl"))
        .with_columns(blocked.alias("blocked"))
        .with_columns(
            pl.when(pl.col("blocked").is_null()).then("status").otherwise(pl.lit("no_view")).alias("status"),
            pl.coalesce("blocked", "reason").alias("reason"),
        )
    )


def _book(settings: Settings, names: Sequence[str], score: np.ndarray, sigma: np.ndarray) -> Book:
    by_id = {i.id: i for i in settings.book}
    chosen = [by_id[n] for n in names]
    missing = sorted({str(i.asset_class) for i in chosen} - set(settings.fund.risk_share))
    if missing:
        raise ValueError(f"fund.yaml risk_share has no entry for {', '.join(missing)}; add one for each asset class")
    total = float(settings.fund.nav_brl) * settings.fund.vol_target
    return Book(
        score=score,
        sigma=sigma,
        sign=np.array([i.asset_sign for i in chosen], dtype=np.float64),
        budget=np.array([total * settings.fund.risk_share[i.asset_class] for i in chosen]),
        classes=np.array([i.asset_class for i in chosen]),
        caps=np.array([i.max_contracts for i in chosen], dtype=np.float64),
    )


def _fund_vol(
    past: _Past, sigma: np.ndarray, dv01: np.ndarray, delta: np.ndarray, sessions: Sequence[date]
) -> Callable[[int, np.ndarray], float]:
    """Annual volatility (BRL) of one session's contracts: EWMA volatilities, Ledoit-Wolf correlations of 756 days.

    Fewer than 63 days on which everything held has a shock: correlations count as 1, the most that they can be.
    """
    epoch_of = {int(s): (e, k) for e in past.epochs for k, s in enumerate(e.index.tolist())}
    towards = np.where(dv01 != 0, -np.sign(dv01), np.sign(delta))

    def annual(session: int, contracts: np.ndarray) -> float:
        held = np.flatnonzero(contracts)
        if not len(held):
            return 0.0
        weights = (contracts * sigma[session])[held]
        epoch, k = epoch_of[session]
        known = int(epoch.known[k])
        shocks = complete_rows(epoch.shocks[max(0, known - CORRELATION_WINDOW) : known, held])
        moves = shocks.std(axis=0) > 0 if len(shocks) else np.zeros(len(held), dtype=bool)
        if len(shocks) < MIN_SHOCKS or not moves.all():
            return float(np.sqrt(YEAR) * np.abs(weights).sum())
        covariance = shrunk_covariance(shocks)
        spread = np.sqrt(np.diag(covariance))
        signed = weights * towards[session][held]
        variance = float(signed @ (covariance / np.outer(spread, spread)) @ signed)
        return float(np.sqrt(YEAR * max(variance, 0.0)))

    return annual
