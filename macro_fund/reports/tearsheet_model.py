"""What a tearsheet is made of, and how it prints a number.

Belongs here: the page's input. Does not belong here: its sections (tearsheet.py, tearsheet_held.py).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

import numpy as np
import numpy.typing as npt

from macro_fund.backtest import judge
from macro_fund.backtest.lab import Outcome
from macro_fund.backtest.market import Vector
from macro_fund.reports.blocks import Number, Style

ASSET = "backtest"


@dataclass(frozen=True)
class Sheet:
    """What a page is made of, all axes on the outcome's sessions.

    cash: (T,) CDI a day (decimal), NaN where unknown; states: (T,) most likely regime known that morning, None without
    a view; stress: costs' multiple -> annual net Sharpe; proxy, lag: shares of rows (None: no row); promoted: by whom
    and when, empty when it was not.
    """

    outcome: Outcome
    record: judge.Record
    tries: judge.Tries
    trial_id: str
    hypothesis: str
    falsified_by: str
    cash: Vector
    states: Sequence[str | None]
    stress: Mapping[float, float | None]
    proxy: float | None
    lag: float | None
    promoted: str = ""
    watermark: str = ""
    days: list[date] = field(init=False)
    returns: Vector = field(init=False)

    def __post_init__(self) -> None:
        start = self.outcome.start
        object.__setattr__(self, "days", self.outcome.sessions[start:].tolist())
        object.__setattr__(self, "returns", self.outcome.returns[start:])

    @property
    def axis(self) -> npt.NDArray[np.datetime64]:
        """Days of the record."""
        return self.outcome.sessions[self.outcome.start :]

    @property
    def id(self) -> str:
        return self.outcome.variant.strategy.id


def number(item: str, value: float | None, style: Style) -> Number:
    """A cell; NaN is missing."""
    return Number(item, None if value is None or not np.isfinite(value) else float(value), style, ASSET)
