"""Coverage planted: losses of a constant book exceed each method's VaR as often as its level says."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from macro_fund.risk.coverage import kupiec_p
from macro_fund.risk.exposures import held_positions
from macro_fund.risk.methods import METHODS
from macro_fund.risk.positions import pair_pnl, positions
from macro_fund_tests.risk.factors_world import (
    INSTRUMENTS,
    VOL,
    book,
    exposed,
    normal_moves,
    returns_frame,
    sessions_of,
    shocks_frame,
    var_of,
)

BOOK = {"DI1_2Y": 900, "DI1_5Y": -150, "DOL_1M": -40, "IND_2M": 60}
TESTED = 320
DAYS = 756 + TESTED


def garch_moves(seed: int) -> np.ndarray:
    """Normal moves with one GARCH(1,1) variance, alpha .15 and beta .6: back at its mean within two weeks, so that
    methods without a volatility of the day are right on average too."""
    unit = normal_moves(DAYS, seed) / VOL
    common, variance = unit[:, 2], np.ones(DAYS)
    for k in range(1, DAYS):
        variance[k] = 0.25 + variance[k - 1] * (0.6 + 0.15 * common[k - 1] ** 2)
    return unit * np.sqrt(variance)[:, None] * VOL


def outcomes(moves: np.ndarray) -> tuple[pl.DataFrame, np.ndarray]:
    """(totals of VaR, P&L of the next trade date) of the last TESTED sessions but one."""
    shocks = shocks_frame(moves)
    sessions = sessions_of(shocks, TESTED + 1)[:-1]
    day = sessions[:1]
    target = book(BOOK, day)
    held = positions(held_positions(target, returns_frame(day), INSTRUMENTS, day), exposed(target, day))
    made = pair_pnl(held, moves[-TESTED:][:, list(held.factors)]).sum(axis=1)
    return var_of(book(BOOK, sessions), shocks, sessions).filter(scope="total"), made


@pytest.mark.parametrize("moves", [normal_moves(DAYS, 41), garch_moves(43)], ids=["iid", "garch"])
def test_exceptions_are_as_many_as_the_level_says(moves):
    totals, made = outcomes(moves)
    for (method, level), part in totals.partition_by("method", "level", as_dict=True).items():
        var = part.sort("session")["var_brl"].to_numpy()
        p = kupiec_p(TESTED, int((made < -var).sum()), level)
        assert p > 0.01, f"{method} {level}: {(made < -var).sum()} exceptions of {TESTED}"
        for wrong in (0.5, 2.5):  # half the VaR has too many; the test can fail
            if wrong == 0.5 or level == 0.95:
                assert kupiec_p(TESTED, int((made < -wrong * var).sum()), level) < 0.01, f"{method} {level} x {wrong}"
    assert set(totals["method"]) == set(METHODS)
