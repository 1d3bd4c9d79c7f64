"""A variant's record in numbers, and what may be said of it once every trial is counted.

Belongs here: the record of one outcome, the count of trials, the verdict, the bars of a promotion. Does not belong
here: the formulas (sharpe.py, performance.py), where trials are kept (store/ledger.py).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
import polars as pl

from macro_fund.backtest.lab import Outcome, Variant
from macro_fund.backtest.performance import deepest_fall
from macro_fund.backtest.scorecard import SURE, judged
from macro_fund.backtest.sharpe import PERIODS, annualised, deflated_sharpe, moments, probabilistic_sharpe
from macro_fund.store.content import content_id

FIRST_RETURNS = 2  # fewer have no deviation


@dataclass(frozen=True)
class Record:
    """From the first session that earned or cost anything on. None: it does not exist (never held, never varied).

    sharpe, skew, kurt: of daily net returns, a day; psr: probability of a true ratio above 0; annual_return,
    volatility: a year, of the capital, not compounded; drawdown: deepest fall of cumulated P&L, share of the capital;
    turnover: initial margin of what was traded in a year, as a multiple of the capital; cost_share: costs of the gross
    gain, None without a gain; trades: closed ones.
    """

    n_days: int
    sharpe: float | None
    skew: float | None
    kurt: float | None
    psr: float | None
    annual_return: float
    volatility: float
    drawdown: float
    turnover: float
    cost_share: float | None
    trades: int

    @property
    def annual_sharpe(self) -> float | None:
        return None if self.sharpe is None else annualised(self.sharpe)

    @property
    def years(self) -> float:
        return self.n_days / PERIODS


@dataclass(frozen=True)
class Tries:
    """Every trial of the ledger: how many, and the variance of their daily Sharpe ratios.

    A trial that never held a position has no ratio; it is counted, which makes the benchmark higher, never lower.
    """

    count: int
    variance: float

    @classmethod
    def of(cls, trials: pl.DataFrame) -> Tries:
        ratios = trials["sharpe"].drop_nulls().to_numpy()
        return cls(trials.height, float(ratios.var(ddof=1)) if ratios.size > 1 else 0.0)


def record(outcome: Outcome) -> Record:
    """The outcome's record."""
    start = outcome.start
    x, capital = outcome.returns[start:], outcome.variant.rules.capital_brl
    years = x.size / PERIODS
    moves = x.size >= FIRST_RETURNS and np.ptp(x) > 0
    m = moments(x) if moves else None
    gross, cost = float(outcome.gross.sum()), float(outcome.cost.sum())
    return Record(
        n_days=x.size,
        sharpe=m.sharpe if m else None,
        skew=m.skew if m else None,
        kurt=m.kurt if m else None,
        psr=probabilistic_sharpe(m.sharpe, m.n, m.skew, m.kurt) if m else None,
        annual_return=float(x.mean() * PERIODS) if x.size else 0.0,
        volatility=float(x.std(ddof=1) * math.sqrt(PERIODS)) if moves else 0.0,
        drawdown=deepest_fall(x),
        turnover=float(outcome.traded.sum() / capital / years) if x.size else 0.0,
        cost_share=cost / gross if gross > 0 else None,
        trades=outcome.closed.height,
    )


def trial_content(variant: Variant, first: date, last: date, code: str, inputs: str) -> dict[str, Any]:
    """What makes a trial the one that it is, with its id: the hash of what is run, not of what comes out.

    code: digest of the code that runs; inputs: digest of the tables that it reads.
    """
    content = {
        "strategy_id": variant.strategy.id,
        "code": code,
        **variant.content,
        "first_session": first,
        "last_session": last,
        "inputs": inputs,
    }
    return {"trial_id": content_id(content, 64), **content}


def trial(outcome: Outcome, code: str, inputs: str) -> dict[str, Any]:
    """A row of the ledger's `trials`, without its time."""
    r = record(outcome)
    content = trial_content(outcome.variant, outcome.first, outcome.last, code, inputs)
    numbers = ("n_days", "sharpe", "skew", "kurt", "annual_return", "turnover")
    return {**content, **{n: getattr(r, n) for n in numbers}}


def deflated(r: Record, tries: Tries) -> float | None:
    """Probability that the true ratio is above the best of as many strategies without skill; None without a ratio."""
    if r.sharpe is None or r.skew is None or r.kurt is None:
        return None
    return deflated_sharpe(r.sharpe, r.n_days, r.skew, r.kurt, trial_variance=tries.variance, trials=tries.count)


def verdict(r: Record, tries: Tries) -> str:
    """What the record says, all trials counted."""
    if r.sharpe is None or r.psr is None:
        return "no record: it never held a position"
    alone, dsr = judged(r.years, r.sharpe, r.psr), deflated(r, tries)
    if not alone.startswith("stands"):
        return alone
    return f"stands among {tries.count} trials" if dsr and dsr >= SURE else f"unproven: luck of {tries.count} trials"


def bars(
    needed: Mapping[str, float], walked: float | None, years: float, dsr: float | None, stressed: float | None
) -> dict[str, dict[str, Any]]:
    """The bars of a promotion with what was found, as the ledger keeps and enforces them.

    needed: the levels of config/promotion.yaml. walked, stressed: annual Sharpe ratios of the walk-forward and of the
    stressed costs; years: tested by the walk-forward.
    """
    return {
        "walk-forward Sharpe": {"least": needed["walk_forward_sharpe"], "strict": True, "found": walked},
        "walk-forward years": {"least": needed["walk_forward_years"], "strict": False, "found": years},
        "deflated Sharpe": {"least": needed["deflated_sharpe"], "strict": False, "found": dsr},
        f"Sharpe at {needed['cost_stress']:g}x costs": {
            "least": needed["stressed_sharpe"],
            "strict": True,
            "found": stressed,
        },
    }
