"""Moves of every risk factor in each stress scenario: measured from closes where there are any.

Belongs here: the risk/scenarios table. Does not belong here: the windows and stated numbers (config/scenarios.yaml),
how shocks are measured (silver/factor_shocks) or what a position loses (stress).

A factor's move is, in this order:
* measured: the sum of its shocks from the close of the session before `start` to the close of `end`, times `scale`,
  once the session knows both closes;
* stated: the number of config/scenarios.yaml, a simple return turned into a log return;
* imputed, only for factors that the fund can hold: the conditional expectation S_uk S_kk^-1 y given the moves above,
  with the covariance S of the last 756 known days (Ledoit-Wolf correlations). This is the mean of a normal vector given
  a part of it (Kupiec, 1998, "Stress testing in a value at risk framework").
A factor with none of the three has no row: its move is not known, which is not the same as zero.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
import polars as pl

from macro_fund.mandate import Factor, Scenario
from macro_fund.portfolio.covariance import complete_rows, shrunk_covariance
from macro_fund.risk.factor_history import MIN_DAYS, FactorHistory, walk
from macro_fund.settings import Settings
from macro_fund.store.tables import TABLES

TABLE = TABLES["risk/scenarios"]
PUBLISHED_TOLERANCE = 0.1
"""A measured move further than this from a published one, relative to it, is told."""
_CLOSE_BEFORE = 10
"""Calendar days before a window within which the close before it must lie."""
_HELD_BY_ROOT = {
    "DI1": ("di_63", "di_252", "di_504", "di_1260", "di_2520"),
    "DOL": ("usdbrl",),
    "WDO": ("usdbrl",),
    "IND": ("ibov",),
    "WIN": ("ibov",),
}


@dataclass(frozen=True)
class _Fixed:
    """What does not change from session to session: factors, stated moves (scenario x factor), what can be held."""

    factors: tuple[Factor, ...]
    scenarios: tuple[Scenario, ...]
    stated: np.ndarray
    holdable: np.ndarray


def scenario_moves(factor_shocks: pl.DataFrame, settings: Settings, sessions: Sequence[date]) -> pl.DataFrame:
    """risk/scenarios of each session; moves in bp (rates, spreads) or log returns.

    factor_shocks: silver/factor_shocks, full history up to the last session. ValueError: no scenario is configured.
    """
    if not settings.scenarios:
        raise ValueError("no stress scenarios: config/scenarios.yaml must hold at least one")
    fixed = _fixed(settings)
    names = [f.id for f in fixed.factors]
    columns: dict[str, list[object]] = {name: [] for name in TABLE.schema}
    for session, known in walk(factor_shocks, names, sessions):
        measured = np.array([window_moves(known, s, session) for s in fixed.scenarios])
        move = np.where(np.isnan(measured), fixed.stated, measured)
        expected, days = _imputed(known, move, fixed.holdable)
        _append(columns, session, fixed, {"stated": fixed.stated, "measured": measured, "imputed": expected}, days)
    return (
        pl.DataFrame(columns, schema=TABLE.schema, strict=False)
        .with_columns(pl.col("move", "stated", "measured").fill_nan(None))
        .sort(TABLE.sort)
    )


def window_moves(known: FactorHistory, scenario: Scenario, session: date) -> np.ndarray:
    """Move of each factor over the scenario's window, times its scale; NaN unless both closes are known.

    A factor needs a level on the window's last day and one in the ten calendar days before its first, and a shock
    wherever it has a level inside: a history that begins inside the window does not measure it.
    """
    if scenario.start is None or scenario.end is None or scenario.end >= session:
        return np.full(len(known.factors), np.nan)
    return scenario.scale * np.asarray(
        np.where(measurable(known, scenario.start, scenario.end), _total(known, scenario.start, scenario.end), np.nan)
    )


def measurable(known: FactorHistory, start: date, end: date) -> np.ndarray:
    """True for each factor whose closes before `start` and of `end`, and every shock between, are known."""
    inside = known.between(start, end)
    if inside.stop == inside.start or known.dates[inside.stop - 1] != np.datetime64(end):
        return np.zeros(len(known.factors), dtype=bool)
    low = int(np.searchsorted(known.dates, np.datetime64(start) - np.timedelta64(_CLOSE_BEFORE, "D")))
    levels, shocks = known.level[inside], known.shock[inside]
    before = np.isfinite(known.level[low : inside.start]).any(axis=0)
    gaps = (np.isfinite(levels) & ~np.isfinite(shocks)).any(axis=0)
    return np.asarray(before & np.isfinite(levels[-1]) & ~gaps)


def _total(known: FactorHistory, start: date, end: date) -> np.ndarray:
    return np.asarray(np.nansum(known.shock[known.between(start, end)], axis=0))


def published_apart(stated: float, measured: float) -> bool:
    """A measured move that is more than a tenth of the published one away from it."""
    return bool(abs(measured - stated) > PUBLISHED_TOLERANCE * abs(stated))


def _fixed(settings: Settings) -> _Fixed:
    factors, chosen = tuple(settings.factors), tuple(sorted(settings.scenarios, key=lambda s: s.id))
    stated = np.array([[_stated(s.moves, f) for f in factors] for s in chosen])
    held = {f for i in settings.book for f in _HELD_BY_ROOT.get(i.root, ())}
    return _Fixed(factors, chosen, stated, np.array([f.id in held for f in factors]))


def _stated(moves: Mapping[str, float], factor: Factor) -> float:
    if factor.id not in moves:
        return np.nan
    return float(np.log1p(moves[factor.id])) if factor.kind == "log" else moves[factor.id]


def _imputed(known: FactorHistory, move: np.ndarray, holdable: np.ndarray) -> tuple[np.ndarray, int]:
    """(expected moves of holdable factors that have none (scenario x factor), days behind their covariance)."""
    out = np.full(move.shape, np.nan)
    wanted = np.isnan(move) & holdable
    usable, rows = _usable(known)
    if not wanted[:, usable].any():
        return out, len(rows)
    covariance = shrunk_covariance(rows)
    for k in np.flatnonzero(wanted.any(axis=1)).tolist():
        given = np.flatnonzero(~np.isnan(move[k, usable]))
        asked = np.flatnonzero(wanted[k, usable])
        if len(given) and len(asked):
            pull = np.linalg.solve(covariance[np.ix_(given, given)], move[k, usable[given]])
            out[k, usable[asked]] = covariance[np.ix_(asked, given)] @ pull
    return out, len(rows)


def _usable(known: FactorHistory) -> tuple[np.ndarray, np.ndarray]:
    """(factors with a covariance, their complete days): the shortest histories are left out until 252 days remain."""
    window = known.recent(known.factors)
    counts = np.isfinite(window).sum(axis=0)
    kept = np.flatnonzero(counts >= MIN_DAYS)
    while len(kept):
        rows = complete_rows(window[:, kept])
        still = rows.std(axis=0) == 0 if len(rows) else np.zeros(len(kept), dtype=bool)
        if len(rows) >= MIN_DAYS and not still.any():
            return kept, rows
        kept = kept[~still] if still.any() else np.delete(kept, int(np.argmin(counts[kept])))
    return kept, np.zeros((0, 0))


def _append(
    columns: dict[str, list[object]], session: date, fixed: _Fixed, moves: Mapping[str, np.ndarray], days: int
) -> None:
    """Rows of one session: every factor that has a measured, stated or imputed move."""
    stated, measured, imputed = (moves[k].tolist() for k in ("stated", "measured", "imputed"))
    for k, scenario in enumerate(fixed.scenarios):
        for f, factor in enumerate(fixed.factors):
            values = {"measured": measured[k][f], "stated": stated[k][f], "imputed": imputed[k][f]}
            basis = next((name for name, v in values.items() if not math.isnan(v)), None)
            if basis is None:
                continue
            row = (session, scenario.id, factor.id, values[basis], stated[k][f], measured[k][f], basis)
            over = scenario.end is not None and scenario.end < session
            told = _reason(scenario, factor, basis, (stated[k][f], measured[k][f]), days, over)
            for name, value in zip(TABLE.schema, (*row, told), strict=True):
                columns[name].append(value)


def _reason(scenario: Scenario, factor: Factor, basis: str, numbers: tuple[float, float], days: int, over: bool) -> str:
    stated, measured = numbers
    published = factor.id in scenario.stated
    if basis == "imputed":
        return f"expected given the scenario's other moves; covariance of {days} days"
    if basis == "measured":
        times = "" if scenario.scale == 1 else f", times {scenario.scale:g}"
        words = f"closes from before {scenario.start} to {scenario.end}{times}"
        apart = published and published_apart(stated, measured)
        return words + (f"; published {in_unit(stated, factor)}, more than 10% away" if apart else "")
    why = factor.none or ("no window" if scenario.end is None else "the window is not over")
    if over and not factor.none:
        why = "its closes of the window are not known"
    return f"{'published' if published else 'judgement'}; not measured: {why}"


def in_unit(move: float, factor: Factor) -> str:
    """A move in words: '+135 bp', or '+8.1%' (a simple return) of a log factor."""
    return f"{np.expm1(move):+.1%}" if factor.kind == "log" else f"{move:+.0f} bp"
