"""What a simulated series is: a path and the decimals that its provider prints.

Belongs here: the shape of a line of the catalogue. Does not belong here: which path stands behind which series
(`catalogue`, `catalogue_economy`), or series that nobody planted (`wandering`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from macro_fund.sample.noise import Days
from macro_fund.sample.wandering import Path

if TYPE_CHECKING:
    from macro_fund.sample.world import World

Generator = Callable[["World"], Path]


@dataclass(frozen=True)
class Line:
    """A series' generator and the decimals that the provider prints. `decided`: the day a value was announced."""

    generator: Generator
    decimals: int
    decided: Callable[[World, Days], Days] | None = None
