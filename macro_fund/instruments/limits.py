"""Days on which a price limit stopped a market: settlements at which nobody could trade freely.

Belongs here: the dated list (config/limit_days.yaml) and the rule that flags a contract. Does not belong here: what a
backtest does with the flag. The exchange does not publish its limits with the settlements; so a day counts only with a
source in the list, and on it the contracts whose rate moved by their limit.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from functools import cache
from pathlib import Path

import numpy as np
import numpy.typing as npt
import polars as pl
from pydantic import BaseModel, ConfigDict

from macro_fund.instruments.contracts import ByTerm, at_term
from macro_fund.settings import CONFIG_DIR, parse_file

TOLERANCE_BP = 1.0  # limits are kept in ticks of price or rate: the move of the rate can fall short by this


class LimitDay(BaseModel):
    """One day and root: the largest move of the rate allowed, bp, by business days to expiry."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    day: date
    root: str
    limit_bp: ByTerm
    source: str


@cache
def load_limit_days(config_dir: Path = CONFIG_DIR) -> tuple[LimitDay, ...]:
    """Days of config_dir/limit_days.yaml; raises SettingsError naming file, line and field."""
    found: tuple[LimitDay, ...] = parse_file(config_dir / "limit_days.yaml", tuple[LimitDay, ...])
    return found


def limit_locked(rows: pl.DataFrame, move_bp: npt.ArrayLike, limit_days: Sequence[LimitDay]) -> npt.NDArray[np.bool_]:
    """True where a settlement stands at the day's price limit or beyond it.

    rows: root, event_date and bdays of each settlement; move_bp: change of its rate from the settlement before, NaN
    where there is none (never locked).
    """
    move = np.abs(np.asarray(move_bp, dtype=np.float64))
    locked = np.zeros(rows.height, dtype=bool)
    root, day = rows["root"].to_numpy(), rows["event_date"].to_numpy()
    for limit in limit_days:
        at = (root == limit.root) & (day == np.datetime64(limit.day))
        if at.any():
            bound = at_term(limit.limit_bp, np.maximum(rows["bdays"].to_numpy()[at], 0))
            locked[at] = move[at] >= bound - TOLERANCE_BP
    return locked
