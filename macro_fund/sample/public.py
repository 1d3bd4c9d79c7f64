"""What of the sample world is public at a moment: the same publication rules as the platform's own.

Belongs here: knowledge times of every simulated value, what a frozen clock may see, and the poison that proves nobody
looks past it. Does not belong here: formats (`wire_*`).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import UTC, datetime, time
from functools import cache

import numpy as np
import polars as pl
from numpy.typing import NDArray

from macro_fund.sample.catalogue import line_of
from macro_fund.sample.noise import Days, Floats
from macro_fund.sample.world import load_world
from macro_fund.settings import Publication, Series, default_settings
from macro_fund.time.publication import knowledge_times

Instants = NDArray[np.int64]
# A value that nobody may use yet is served as this many times itself.
POISON = -1000.0
# A decision of the COPOM, and the settlement file of B3.
COPOM_RELEASE = Publication(kind="same_day", at=time(18, 30))
B3_RELEASE = Publication(kind="same_day", at=time(20, 0), calendar="b3")


@dataclass(frozen=True)
class Published:
    """One series of one world. known: when the platform's rule makes it public; served: when the provider shows it.

    They differ only where a provider publishes ahead (the Selic target, from the decision on). Microseconds, UTC.
    """

    series: Series
    decimals: int
    days: Days
    values: Floats
    known: Instants
    served: Instants


def instants(days: Days, rule: Publication, frequency: str) -> Instants:
    """Knowledge times of event days in microseconds since 1970, UTC."""
    return knowledge_times(pl.Series(days, dtype=pl.Date), rule, frequency).to_physical().to_numpy()


@cache
def series_by_code() -> dict[tuple[str, str], Series]:
    """The series of config/series by (source, provider's code)."""
    return {(s.source, s.code): s for s in default_settings().series}


@cache
def published(seed: int, series_id: str) -> Published:
    """A series with its times."""
    series = next(s for s in default_settings().series if s.id == series_id)
    line, world = line_of(series), load_world(seed)
    days, values = line.generator(world)
    known = instants(days, series.publication, series.frequency)
    decided = instants(line.decided(world, days), COPOM_RELEASE, "D") if line.decided else known
    return Published(series, line.decimals, days, values, known, np.minimum(known, decided))


def microseconds(moment: datetime | None) -> int | None:
    """A moment with its time zone as microseconds since 1970; raises ValueError for one without a zone."""
    if moment is None:
        return None
    if moment.tzinfo is None:
        raise ValueError(f"{moment} has no time zone; give a moment in UTC")
    since = moment.astimezone(UTC) - datetime(1970, 1, 1, tzinfo=UTC)
    return since.days * 86_400_000_000 + since.seconds * 1_000_000 + since.microseconds


@dataclass(frozen=True)
class View:
    """What one transport shows of a world. now None: everything; poison_after None: nothing is poisoned."""

    seed: int
    now: int | None = None
    poison_after: int | None = None

    def shown(self, served: Instants) -> NDArray[np.bool_]:
        """Which values are public."""
        return np.ones(served.shape, dtype=bool) if self.now is None else served <= self.now

    def poisoned(self, values: Floats, known: Instants) -> Floats:
        """Values, with those public only after `poison_after` replaced by garbage."""
        if self.poison_after is None:
            return values
        garbage = np.where(values == 0.0, POISON, POISON * values)
        return np.where(known > self.poison_after, garbage, values)

    def select(self, item: Published, first: np.datetime64, last: np.datetime64) -> tuple[Days, Floats]:
        """Public days and values of a series with first <= day <= last."""
        lo, hi = np.searchsorted(item.days, [first, last + np.timedelta64(1, "D")])
        keep = np.flatnonzero(self.shown(item.served[lo:hi])) + lo
        return item.days[keep], self.poisoned(item.values[keep], item.known[keep])


def text(value: float, decimals: int) -> str:
    """A number with fixed decimals and no negative zero; '' for NaN."""
    return "" if math.isnan(value) else f"{round(value, decimals) + 0.0:.{decimals}f}"
