"""What the sizing of a book is given in tests: convictions, records of strategies, and both walks in one call."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal

import numpy as np
import polars as pl

from macro_fund.portfolio.allocations import allocations
from macro_fund.portfolio.targets import targets
from macro_fund.settings import Settings
from macro_fund.store.tables import TABLES
from macro_fund_tests.portfolio.world import NAMES, settings

CONVICTION = TABLES["portfolio/conviction"]
EDGES = TABLES["portfolio/edges"]
OWNER = "RATES-01"
Parts = Sequence[tuple[str, float, float]]
SETTINGS = settings()


def using(nav: str | None = None, limits: Mapping[str, float] | None = None, sizing=None, **fund) -> Settings:
    """The default settings with other capital, limits, sizing rules or fund fields."""
    money = {"nav_brl": Decimal(nav)} if nav else {}
    rules = {"sizing": SETTINGS.fund.sizing.model_copy(update=sizing or {})}
    return SETTINGS.model_copy(
        update={
            "fund": SETTINGS.fund.model_copy(update=money | rules | fund),
            "limits": SETTINGS.limits.model_copy(update=dict(limits or {})),
        }
    )


def view(session: date, name: str, score: float | None, **changes) -> dict[str, object]:
    """One row of portfolio/conviction whose whole score is one strategy's. parts: (strategy, signal, weight)."""
    parts: Parts = changes.pop("parts", [] if score is None else [(OWNER, score, 1.0)])
    row: dict[str, object] = dict.fromkeys(CONVICTION.schema)
    row |= {"session": session, "instrument": name, "score": score, "n_signals": len(parts)}
    row |= {"conviction": None if score is None else 0.8, "status": "no_view" if score is None else "ok"}
    row |= {"reason": f"no strategy signals {name}" if score is None else ""}
    row["contributions"] = [
        {"strategy_id": s, "signal": value, "confidence": 0.5, "weight": weight} for s, value, weight in parts
    ]
    return row | changes


def views(rows: Sequence[dict[str, object]]) -> pl.DataFrame:
    return pl.DataFrame(list(rows), schema=CONVICTION.schema).sort(CONVICTION.sort)


def steady(scores: Mapping[str, float | None], sessions: Sequence[date], **changes) -> pl.DataFrame:
    """The same scores in every session; instruments that are not named have no view."""
    return views([view(s, n, scores.get(n), **changes) for s in sessions for n in NAMES])


def wandering(sessions: Sequence[date], seed: int = 5) -> pl.DataFrame:
    """Scores that wander through the band and back, of two strategies and the prior, now and then missing."""
    rng = np.random.default_rng(seed)
    rows = []
    for name in NAMES:
        level = rng.uniform(-1, 1)
        for day in sessions:
            level = float(np.clip(0.9 * level + 0.25 * rng.standard_normal(), -1, 1))
            score = None if rng.uniform() < 0.02 else level
            owned = [(OWNER, level, 0.6), ("FX-02", level, 0.3), ("prior", level, 0.1)]
            parts = {} if score is None else {"parts": owned, "conviction": float(rng.uniform(0.3, 1))}
            rows.append(view(day, name, score, **parts))
    return views(rows)


def records(sessions: Sequence[date], sharpe: float | None = 1.2, days: int = 2520) -> pl.DataFrame:
    """portfolio/edges: the same long record of every strategy of the book in each session."""
    row: dict[str, object] = dict.fromkeys(EDGES.schema)
    row |= {"n_days": days, "sharpe": sharpe, "weight": sharpe and max(sharpe, 0.0), "status": "ok", "reason": ""}
    return pl.DataFrame(
        [row | {"session": s, "strategy_id": i.id} for s in sessions for i in SETTINGS.strategies if i.book],
        schema=EDGES.schema,
    ).sort(EDGES.sort)


def walk(
    conviction: pl.DataFrame,
    returns: pl.DataFrame,
    sessions: Sequence[date],
    by: Settings = SETTINGS,
    edges: pl.DataFrame | None = None,
    earlier: tuple[pl.DataFrame, pl.DataFrame] | None = None,
    history: Sequence[date] | None = None,
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """(portfolio/allocations, portfolio/targets) of the sessions."""
    days = list(sessions if history is None else history)
    before = earlier or (None, None)
    asked = allocations(
        conviction, returns, records(sessions) if edges is None else edges, by, sessions, days, before[0]
    )
    return asked, targets(conviction, returns, asked, by, sessions, days, before[1])
