"""The sizing problem of each session: views, risk, costs and the mandate's limits, from tables to arrays.

Belongs here: what the optimisers and the whole-contract step are told about a session. Does not belong here: solving
it (optimise), the path from session to session (allocations, targets), or what one cell knows (cells).

A unit of exposure is one real of the contract: the PU of a rate contract, price times point value of the others.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
import polars as pl

from macro_fund.instruments.contracts import load_specs
from macro_fund.instruments.futures import margin_proxy
from macro_fund.portfolio.black_litterman import posterior, view_variance
from macro_fund.portfolio.cells import Past, cells, past
from macro_fund.portfolio.costs import unit_cost
from macro_fund.portfolio.covariance import YEAR
from macro_fund.portfolio.history import session_array
from macro_fund.portfolio.kelly import SHARPE_CAP, kelly_volatility
from macro_fund.portfolio.problem import Array, Budget, Cap, Problem
from macro_fund.portfolio.views import sides, strategy_shares
from macro_fund.settings import Instrument, Settings

HORIZON = 21.0
FULL_YEAR = 252
LEAST_CONFIDENCE, MOST_CONFIDENCE = 1e-6, 1.0
Shares = Mapping[str, float]


@dataclass(frozen=True)
class Inputs:
    """Everything that sizing knows, axes (session, instrument); cells that are not sizable hold 0 (exposure, vol: 1).

    side: of the asset, in the band and owned by a strategy. view: expected return of the contract a year, of a unit of
    exposure. volatility: annual, of a unit. exposure, dv01, delta, margin, cost: of one contract, BRL. shares: by cell.
    facts: the rows of cells, session by session. records: shrunk Sharpe ratio by strategy, of each session
    that has edges.
    """

    settings: Settings
    instruments: tuple[Instrument, ...]
    sessions: tuple[date, ...]
    facts: list[dict[str, Any]]
    history: Past
    sizable: np.ndarray
    side: np.ndarray
    banded: np.ndarray
    score: Array
    confidence: Array
    volatility: Array
    exposure: Array
    dv01: Array
    delta: Array
    margin: Array
    long_dated: np.ndarray
    cost: Array
    shares: list[list[Shares]]
    records: dict[date, dict[str, float]]

    def cell(self, k: int, i: int) -> tuple[str, str]:
        """(status, reason) of a session and instrument: of its conviction, or what keeps it from being sized."""
        fact = self.facts[k * len(self.instruments) + i]
        return fact["status"], fact["reason"]

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(i.id for i in self.instruments)

    @property
    def sign(self) -> Array:
        return np.array([i.asset_sign for i in self.instruments], dtype=np.float64)

    @property
    def capital(self) -> float:
        return float(self.settings.fund.nav_brl)

    @property
    def view(self) -> Array:
        """Q of Black and Litterman: a full score is worth a Sharpe ratio of `view_sharpe`; of the contract."""
        return np.asarray(self.settings.fund.sizing.view_sharpe * self.volatility * self.score * self.sign)

    def unit(self, k: int) -> Array:
        """Weight of one contract."""
        return np.asarray(self.exposure[k] / self.capital)

    def horizon(self, k: int) -> Array:
        """Sessions over which a position is expected to earn, by the strategies that own it."""
        days = {s.id: float(s.horizon_days) for s in self.settings.strategies}
        return np.array(
            [sum(x * days.get(s, HORIZON) for s, x in own.items()) if own else HORIZON for own in self.shares[k]]
        )

    def kelly(self, k: int) -> Array:
        """Volatility a year that each position may have: part of the Kelly size of its strategies' shrunk records."""
        known = self.records.get(self.sessions[k], {})
        part = self.settings.fund.sizing.kelly
        return np.array(
            [kelly_volatility(sum(x * known.get(s, 0.0) for s, x in own.items()), part) for own in self.shares[k]]
        )

    def problem(self, k: int, previous: Array) -> Problem:
        """What the optimisers are asked in session number k; `previous`: weights held."""
        side = self.side[k] * self.sign
        base = self.measure(k, side, self.shares[k])
        on = np.flatnonzero(side)
        picks = np.eye(len(on))
        sigma = base.covariance[np.ix_(on, on)]
        sizing = self.settings.fund.sizing
        tau = sizing.tau
        doubt = view_variance(sigma, picks, self.confidence[k, on], tau) if len(on) else np.zeros(0)
        expected = np.zeros(len(side))
        expected[on] = posterior(sigma, picks, self.view[k, on], doubt, tau).mean
        return Problem(
            names=base.names,
            side=side,
            expected=expected,
            volatility=base.volatility,
            correlation=base.correlation,
            cost=self.cost[k] / self.exposure[k] * (YEAR / self.horizon(k)) * bool(sizing.benefit_over_cost),
            previous=previous,
            upper={**base.upper, "kelly": self.kelly(k) / base.volatility},
            budgets=base.budgets,
            caps=base.caps,
            risk_aversion=base.risk_aversion,
        )

    def measure(self, k: int, side: Array, shares: Sequence[Shares]) -> Problem:
        """The limits alone, for a book on these sides of the contracts that is owned by these shares."""
        towards = np.where(self.dv01[k] != 0, -np.sign(self.dv01[k]), np.sign(self.delta[k]))
        caps = np.array([i.max_contracts for i in self.instruments], dtype=np.float64)
        fund = self.settings.fund
        blank = np.zeros(len(side))
        return Problem(
            names=self.names,
            side=side,
            expected=blank,
            volatility=self.volatility[k],
            correlation=self.history.correlation(k, towards, side != 0, side),
            cost=blank,
            previous=blank,
            upper={"max_contracts": caps * self.unit(k)},
            budgets=_budgets(self.settings, self.instruments, shares),
            caps=self._caps(k, side),
            # A full and certain view alone then holds exactly the volatility target: delta = Sharpe / volatility.
            risk_aversion=fund.sizing.view_sharpe / fund.vol_target,
        )

    def _caps(self, k: int, side: Array) -> tuple[Cap, ...]:
        """Both sides of every net limit: with each inside it, so is the net, whatever is cut later."""
        limits = self.settings.limits
        each = np.abs(self.dv01[k]) / self.exposure[k]
        fx, equity = (np.array([i.asset_class == c for i in self.instruments]) for c in ("fx", "equity"))
        abroad = np.array([i.asset == "us_rates" for i in self.instruments])
        nets = (
            ("br_dv01", np.where(abroad, 0.0, each), limits.br_dv01),
            ("us_dv01", np.where(abroad, each, 0.0), limits.us_dv01),
            ("fx_net", np.where(fx, np.abs(self.delta[k]) / self.exposure[k], 0.0), limits.fx_net),
            ("equity_net", np.where(equity, np.abs(self.delta[k]) / self.exposure[k], 0.0), limits.equity_net),
        )
        found = [Cap(n, np.where(side * s > 0, unit, 0.0), top) for n, unit, top in nets for s in (1.0, -1.0)]
        found.append(Cap("gross_leverage", np.where(self.long_dated[k], 1.0, 0.0), limits.gross_leverage))
        found.append(Cap("margin", self.margin[k] / self.exposure[k], limits.margin))
        return tuple(found)


def _budgets(settings: Settings, instruments: Sequence[Instrument], shares: Sequence[Shares]) -> tuple[Budget, ...]:
    """Volatility of the whole book, of each class alone, and of what each strategy owns alone.

    A part's own volatility is at least what it contributes to the book's, so a share of the target holds for both.
    There is a budget for each strategy that may own something, so that a session's programme has the same shape
    whatever the others hold.
    """
    fund = settings.fund
    found = [Budget("vol_target", np.ones(len(instruments)), fund.vol_target)]
    for name in sorted({i.asset_class for i in instruments}):
        risk, part = fund.risk_share[name], fund.sizing.class_share
        of = np.array([float(i.asset_class == name) for i in instruments])
        found.append(Budget("risk_share" if risk <= part else "class_share", of, min(risk, part) * fund.vol_target))
    owners = sorted({s for own in shares for s in own})
    slots = max(len(owners), sum(s.book for s in settings.strategies))
    for s in (*owners, *[""] * (slots - len(owners))):
        owned = np.array([own.get(s, 0.0) for own in shares])
        found.append(Budget("strategy_share", owned, fund.sizing.strategy_share * fund.vol_target))
    return tuple(found)


def inputs(
    conviction: pl.DataFrame,
    returns: pl.DataFrame,
    edges: pl.DataFrame | None,
    settings: Settings,
    sessions: Sequence[date],
) -> Inputs:
    """Inputs of `sessions` from portfolio/conviction, silver/instrument_returns and portfolio/edges.

    All with their full history up to the last session. Without edges only `measure` has a meaning. ValueError: an asset
    class of the book has no risk_share.
    """
    chosen = tuple(sorted(settings.book, key=lambda i: i.id))
    missing = sorted({str(i.asset_class) for i in chosen} - set(settings.fund.risk_share))
    if missing:
        raise ValueError(f"fund.yaml risk_share has no entry for {', '.join(missing)}; add one for each asset class")
    names = [i.id for i in chosen]
    known = past(returns, names, sessions)
    frame = cells(conviction, returns, names, known, sessions)
    shape = (len(sessions), len(names))
    sizable = (frame["status"] != "no_view").to_numpy().reshape(shape)

    def dense(column: str, missing: float = 0.0) -> Array:
        values = frame[column].cast(pl.Float64).fill_null(missing).to_numpy().reshape(shape)
        return np.where(sizable, values, missing)

    dv01, delta, price = dense("unit_dv01_brl"), dense("unit_delta_brl"), dense("price", 1.0)
    bdays = dense("bdays").astype(np.int64)
    rates = np.array([i.quoted_in_rates for i in chosen])
    point = np.array([i.point_value_brl for i in chosen])
    exposure = np.where(sizable, np.where(rates, price * point, np.abs(delta)), 1.0)
    owned = _owned(conviction, names, sessions)
    banded = np.where(sizable, sides(conviction, names, sessions, settings.fund.sizing), 0)
    return Inputs(
        settings,
        chosen,
        tuple(sessions),
        frame.with_columns(pl.col("reason").fill_null("")).to_dicts(),
        known,
        sizable,
        np.where(np.array([[bool(own) for own in row] for row in owned]), banded, 0),
        banded,
        dense("score"),
        np.clip(dense("conviction"), LEAST_CONFIDENCE, MOST_CONFIDENCE),
        np.where(sizable, dense("sigma_brl", 1.0) * np.sqrt(YEAR) / exposure, 1.0),
        exposure,
        dv01,
        delta,
        _margin(chosen, bdays, dv01, delta),
        ~(rates & (bdays < FULL_YEAR)),
        np.stack([[unit_cost(i, x) for i, x in zip(chosen, row, strict=True)] for row in np.abs(dv01).tolist()]),
        owned,
        {} if edges is None else _records(edges, sessions),
    )


def _margin(chosen: Sequence[Instrument], bdays: np.ndarray, dv01: Array, delta: Array) -> Array:
    """Margin proxy of one contract, BRL."""
    specs = load_specs()
    columns = [
        margin_proxy(specs[i.root], np.maximum(bdays[:, k], 0), dv01[:, k], delta[:, k])
        if i.root in specs
        else np.abs(delta[:, k]) * (i.margin_share or 0.0)
        for k, i in enumerate(chosen)
    ]
    return np.column_stack(columns)


def _owned(conviction: pl.DataFrame, names: Sequence[str], sessions: Sequence[date]) -> list[list[Shares]]:
    """Strategy shares of each cell; empty where no strategy pushes the score."""
    shares = {
        (s, i): {x["strategy_id"]: x["share"] for x in own}
        for s, i, own in strategy_shares(conviction, sessions).iter_rows()
    }
    return [[shares.get((s, i), {}) for i in names] for s in sessions]


def _records(edges: pl.DataFrame, sessions: Sequence[date]) -> dict[date, dict[str, float]]:
    """Shrunk Sharpe ratio of each strategy by session, at most 0.6; a strategy without a record is worth 0."""
    wanted = pl.Series(session_array(sessions)).cast(pl.Date)
    found: dict[date, dict[str, float]] = {}
    rows = edges.filter(pl.col("session").is_in(wanted.implode())).sort("session", "strategy_id")
    for session, strategy, worth in rows.select("session", "strategy_id", "weight").iter_rows():
        found.setdefault(session, {})[strategy] = min(worth or 0.0, SHARPE_CAP)
    return found
