"""Walk-forward over a grid: train on five years, choose by the net Sharpe ratio, test on the year that follows.

Belongs here: the choice and the record out of sample, costs of changing the choice included. Does not belong here: the
windows (splits.py), the simulation of the variants (lab.py).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
import numpy.typing as npt

from macro_fund.backtest.lab import Outcome
from macro_fund.backtest.market import Vector
from macro_fund.backtest.overfit import pbo
from macro_fund.backtest.sharpe import PERIODS, annual_ratio
from macro_fund.backtest.splits import EMBARGO, Split, walk_forward

BLOCKS = 16


class TooShort(ValueError):
    """The history does not hold one training and one test; the message says what to change."""


@dataclass(frozen=True)
class Window:
    """One choice: number of the variant (None: none had a record in training, so nothing was held), first and last
    session of training and test, annual net Sharpe ratios (None where returns never varied)."""

    chosen: int | None
    train: tuple[date, date]
    test: tuple[date, date]
    train_sharpe: float | None
    test_sharpe: float | None


@dataclass(frozen=True)
class Walk:
    """windows; sessions and net returns out of sample (decimals of the capital); overfitting: probability that the best
    variant of one half of the history is below the median in the other, None for one variant or a short history."""

    windows: list[Window]
    sessions: npt.NDArray[np.datetime64]
    returns: Vector
    overfitting: float | None

    @property
    def years(self) -> float:
        return self.returns.size / PERIODS

    @property
    def annual_sharpe(self) -> float | None:
        return annual_ratio(self.returns)


def walk(outcomes: Sequence[Outcome], *, train_years: float = 5, test_years: float = 1, embargo: int = EMBARGO) -> Walk:
    """Train, purge the longest horizon and the embargo, test; from the first session on which any variant earned.

    Changing the variant is paid: what one holds is traded into what the other holds at the settlement before the test,
    instrument by instrument. Ties go to the variant named first. Raises TooShort when the history is too short for
    one test.
    """
    start = min(o.start for o in outcomes)
    sessions, n = outcomes[0].sessions[start:], outcomes[0].sessions.size - start
    returns = np.stack([o.returns[start:] for o in outcomes], axis=1)
    horizon = max(o.variant.strategy.horizon_days for o in outcomes)
    splits = walk_forward(max(n, 1), horizon, train_years=train_years, test_years=test_years, embargo=embargo)
    if not splits:
        raise TooShort(
            f"{n} sessions with a record are too few to train {train_years:g} years, leave out {horizon + embargo} "
            "sessions and test: choose an earlier --from, a strategy with more history, or fewer --train-years"
        )
    windows, parts, before = [], [], None
    for split in splits:
        chosen = _best(returns[split.train])
        tested = np.zeros(split.test.size) if chosen is None else returns[split.test, chosen].copy()
        if chosen != before:
            tested[0] -= _change(outcomes, before, chosen, start + int(split.test[0]))
        windows.append(_window(chosen, returns, split, sessions, tested))
        parts.append(tested)
        before = chosen
    tested_all = np.concatenate([s.test for s in splits])
    return Walk(windows, sessions[tested_all], np.concatenate(parts), _overfitting(returns))


def _best(train: Vector) -> int | None:
    """Column with the largest ratio; None when none has one."""
    ratios = [annual_ratio(train[:, k]) for k in range(train.shape[1])]
    found = [k for k, r in enumerate(ratios) if r is not None]
    return max(found, key=lambda k: (ratios[k], -k)) if found else None


def _change(outcomes: Sequence[Outcome], old: int | None, new: int | None, s: int) -> float:
    """Cost, in decimals of the capital, of holding at session s what `new` holds instead of what `old` holds."""
    some = outcomes[0]
    none = np.zeros(len(some.instruments), dtype=np.int64)
    held = [none if k is None else outcomes[k].held[s - 1] for k in (old, new)]
    paid = outcomes[new if new is not None else old or 0]
    return float((np.abs(held[1] - held[0]) * paid.price[s - 1]).sum() / paid.variant.rules.capital_brl)


def _window(chosen: int | None, returns: Vector, split: Split, sessions: np.ndarray, tested: Vector) -> Window:
    def ends(rows: np.ndarray) -> tuple[date, date]:
        return sessions[rows[0]].astype(object), sessions[rows[-1]].astype(object)

    trained = None if chosen is None else annual_ratio(returns[split.train, chosen])
    return Window(chosen, ends(split.train), ends(split.test), trained, annual_ratio(tested))


def _overfitting(returns: Vector) -> float | None:
    if returns.shape[1] < 2 or len(returns) < BLOCKS * PERIODS // 4:
        return None
    return pbo(returns, BLOCKS).pbo
