"""What both models would have said at every past month, and the blend that their errors earn.

Belongs here: forecasts at past origins of one vintage (each from the months before it alone), their errors, the weights
and fans that follow. Does not belong here: the estimators (inflation_phillips.py, inflation_bottom_up.py).

An origin is a number of months known. Prices are not revised, so an origin's vectors are those of its time; activity is
revised, and its past is seen in the vintage of the refit (pseudo point in time).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from macro_fund.agents import inflation_bottom_up as bottom_up
from macro_fund.agents import inflation_phillips as phillips
from macro_fund.agents.inflation_inputs import ADMINISTERED, FREE, GROUP_SERIES, HEADLINE, Economy

Vector = npt.NDArray[np.float64]

HORIZON = phillips.HORIZON
FIRST_ORIGIN = 60
MIN_QUARTERS = 20
NOWCAST_MONTHS, MIX_MONTHS = 3, 5
MIN_ERRORS = 12
MID_SLOPE_LIMIT = 2.0


@dataclass(frozen=True)
class Layout:
    """Which prices the models are about: the parts, or headline IPCA where the published parts do not add up to it."""

    groups: tuple[str, ...]
    phillips_on_free: bool
    error_groups: float
    error_free: float

    def reasons(self) -> list[str]:
        """What was replaced, in words."""
        said = "do not add up to IPCA ({:.2f} points a month): headline instead"
        out = [] if self.groups != (HEADLINE,) else ["groups " + said.format(100 * self.error_groups)]
        return out if self.phillips_on_free else [*out, "free and administered " + said.format(100 * self.error_free)]


@dataclass(frozen=True)
class Record:
    """By origin (rows; the last one is now) and month ahead (columns): forecasts of IPCA, its outcome (NaN if unknown).

    bottom_weight: the blend's weight of the bottom-up forecast at that origin. mid: the first month with IPCA-15 known.
    """

    origins: npt.NDArray[np.int64]
    phillips: Vector
    bottom_up: Vector
    bottom_weight: Vector
    outcome: Vector
    mid: Vector
    mid_slope: float

    @property
    def blend(self) -> Vector:
        """The agent's forecast."""
        return self.bottom_weight * self.bottom_up + (1.0 - self.bottom_weight) * self.phillips


def layout_of(economy: Economy) -> Layout:
    """Parts where they add up to headline within bottom_up.ADDS_UP, headline itself where not."""
    whole = economy.prices[HEADLINE]
    _, groups = bottom_up.weights_of(matrix(economy, GROUP_SERIES), whole)
    _, free = bottom_up.weights_of(matrix(economy, (FREE, ADMINISTERED)), whole)
    used = GROUP_SERIES if groups <= bottom_up.ADDS_UP else (HEADLINE,)
    return Layout(used, free <= bottom_up.ADDS_UP, groups, free)


def matrix(economy: Economy, names: tuple[str, ...]) -> Vector:
    """(months, names) of monthly rates."""
    return np.column_stack([economy.prices[n] for n in names])


def record(economy: Economy, layout: Layout, cache: phillips.Cache) -> Record:
    """Both models at every origin from FIRST_ORIGIN months on; a forecast that could not be made is NaN."""
    whole = economy.prices[HEADLINE]
    n = whole.size
    origins = np.arange(FIRST_ORIGIN, n + 1)
    ahead = origins[:, None] + np.arange(HORIZON)[None, :]
    padded = np.concatenate([whole, np.full(HORIZON, np.nan)])
    outcome = padded[ahead]
    from_phillips = np.stack([_phillips_at(economy, layout, int(k), cache) for k in origins])
    from_groups = _bottom_up_at(economy, layout, origins)
    weight = _bottom_weights(from_phillips, from_groups, outcome)
    mid_slope, mid = _with_mid_month(economy, origins, from_groups[:, 0], outcome[:, 0])
    return Record(origins, from_phillips, from_groups, weight, outcome, mid, mid_slope)


def free_shares(economy: Economy, layout: Layout, upto: int) -> Vector:
    """Weights of (free, administered) prices in IPCA at an origin; (1, 0) when the curve is on headline itself."""
    if not layout.phillips_on_free:
        return np.array([1.0, 0.0])
    parts = matrix(economy, (FREE, ADMINISTERED))[:upto]
    return bottom_up.weights_of(parts, economy.prices[HEADLINE][:upto])[0]


def curve_prices(economy: Economy, layout: Layout) -> Vector:
    """The prices that the Phillips curve is about."""
    return economy.prices[FREE if layout.phillips_on_free else HEADLINE]


def with_administered(economy: Economy, curve: Vector, shares: Vector, upto: int) -> Vector:
    """Headline from the curve's prices and administered prices, the latter by rule: their own same-month mean."""
    rule = bottom_up.same_month_means(economy.prices[ADMINISTERED][:upto], HORIZON)[upto:]
    out: Vector = shares[0] * curve + shares[1] * rule
    return out


def _phillips_at(economy: Economy, layout: Layout, upto: int, cache: phillips.Cache) -> Vector:
    rates = curve_prices(economy, layout)
    rows = phillips.quarters(economy, rates, upto, cache)
    if rows is None or len(rows) < MIN_QUARTERS:
        return np.full(HORIZON, np.nan)
    weights = phillips.estimate(rows, cache)
    memory = phillips.gap_memory(economy.gap[: upto - phillips.PUBLISHED_LATE])
    expected = float(economy.expected[upto - 1])
    curve = phillips.forecast(economy, rates, upto, weights, memory, expected, cache)
    return with_administered(economy, curve, free_shares(economy, layout, upto), upto)


def _bottom_up_at(economy: Economy, layout: Layout, origins: npt.NDArray[np.int64]) -> Vector:
    parts, whole = matrix(economy, layout.groups), economy.prices[HEADLINE]
    seasons = bottom_up.same_month_means(parts, HORIZON)
    deviations = parts - seasons[: parts.shape[0]]
    phi = bottom_up.memories(deviations, int(origins[0]))
    rows = []
    for k, memory in zip(origins, phi, strict=True):
        weights, _ = bottom_up.weights_of(parts[:k], whole[:k])
        rows.append(bottom_up.forecast(seasons[k : k + HORIZON], deviations[k - 1], memory, weights))
    return np.stack(rows)


def _bottom_weights(curve: Vector, parts: Vector, outcome: Vector) -> Vector:
    """1 for the first NOWCAST_MONTHS, inverse mean squared errors to MIX_MONTHS, 0 after: what each origin knew.

    A half where fewer than MIN_ERRORS errors of both are known; 1 where the curve has no forecast.
    """
    out = np.zeros_like(curve)
    out[:, :NOWCAST_MONTHS] = 1.0
    for h in range(NOWCAST_MONTHS, MIX_MONTHS):
        squares = np.column_stack([(curve[:, h] - outcome[:, h]) ** 2, (parts[:, h] - outcome[:, h]) ** 2])
        known = np.asarray(np.isfinite(squares).all(axis=1))
        total = np.cumsum(np.where(known[:, None], squares, 0.0), axis=0)
        count = np.cumsum(known)
        for row in range(len(out)):
            seen = row - h - 1  # month h + 1 after that origin is the newest one known here
            enough = seen >= 0 and count[seen] >= MIN_ERRORS
            out[row, h] = total[seen, 0] / total[seen].sum() if enough else 0.5
    out[~np.isfinite(curve).all(axis=1)] = 1.0
    return out


def mid_month_news(mid_month: float | Vector, last: float | Vector, forecast: float | Vector) -> float | Vector:
    """IPCA-15 less what it would be on the forecast: half of the month before, half of its own."""
    return mid_month - 0.5 * (last + forecast)


def _with_mid_month(
    economy: Economy, origins: npt.NDArray[np.int64], first: Vector, outcome: Vector
) -> tuple[float, Vector]:
    """Slope of the first month's error on the news in IPCA-15 (all known pairs), and by origin the forecast with the
    slope that was known then (the plain forecast before MIN_ERRORS pairs)."""
    whole = economy.prices[HEADLINE]
    following = np.append(economy.mid_month, np.nan if economy.mid_month_next is None else economy.mid_month_next)
    news = np.asarray(mid_month_news(following[origins], whole[origins - 1], first))
    pairs = np.isfinite(news) & np.isfinite(outcome)
    cross = np.cumsum(np.where(pairs, news * (outcome - first), 0.0))
    square = np.cumsum(np.where(pairs, news * news, 0.0))
    slope = np.clip(cross / np.where(square > 0, square, 1.0), 0.0, MID_SLOPE_LIMIT)
    slope = np.where(np.cumsum(pairs) >= MIN_ERRORS, slope, 0.0)
    before = np.concatenate([[0.0], slope[:-1]])
    return float(slope[-1]), first + before * np.where(np.isfinite(news), news, 0.0)
