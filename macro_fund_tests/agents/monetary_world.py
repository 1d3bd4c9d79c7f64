"""Frames for tests of the monetary agent: the small world with a priced path, US series and the agent run through.

Belongs here: frames and one function that runs model, path and view. Does not belong here: any expectation.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date
from functools import cache

import numpy as np
import polars as pl

from macro_fund.agents.monetary import monetary_view
from macro_fund.agents.monetary_model import monetary_model
from macro_fund.agents.monetary_path import monetary_path
from macro_fund.settings import NeutralRate
from macro_fund.store.tables import TABLES
from macro_fund.time.releases import load_meetings
from macro_fund_tests.strategies.frames import MAX_AGE, months, observed, table, weekdays, world

N = 1700


@dataclass(frozen=True)
class Frames:
    """What the agent reads."""

    keys: list[date]
    observations: pl.DataFrame
    policy_path: pl.DataFrame
    di_curve: pl.DataFrame
    ust_curve: pl.DataFrame
    published: tuple[NeutralRate, ...] = ()

    def cut(self, session: date) -> Frames:
        """Only what was known at a session."""
        known = pl.col("session") <= session
        names = ("observations", "policy_path", "di_curve", "ust_curve")
        return replace(self, **{n: getattr(self, n).filter(known) for n in names})


@dataclass(frozen=True)
class Told:
    """What the agent said."""

    model: pl.DataFrame
    path: pl.DataFrame
    view: pl.DataFrame


def run(f: Frames, sessions: list[date], *, history: bool = True) -> Told:
    """The three tables of `sessions`; history: the model and the path from the first session on stand behind them."""
    earlier = [k for k in f.keys if k <= sessions[-1]] if history else sessions
    model = monetary_model(f.observations, f.policy_path, earlier, table(), f.published)
    path = monetary_path(f.observations, f.policy_path, model, earlier, MAX_AGE)
    view = monetary_view(f.observations, f.di_curve, f.ust_curve, model, path, sessions, table(), max_age=MAX_AGE)
    return Told(model, path, view)


def priced_path(keys: list[date], selic: dict[date, float], slope: float = 0.001) -> pl.DataFrame:
    """silver/policy_path: today's Selic plus `slope` a meeting, of the next ten meetings."""
    meetings = [m.date for m in load_meetings("copom_meetings")]
    rows = []
    days = sorted(selic)
    for key in keys:
        known = days[np.searchsorted(days, key, side="right") - 1]
        ahead = [m for m in meetings if m >= key][:10]
        for h, m in enumerate(ahead, start=1):
            rate = selic[known] + slope * h
            bd = max(1, round((m - key).days * 252 / 365) + 1)
            rows.append((key, known, m, True, bd, rate - 0.001, 10.0, rate, 1.0))
    schema = TABLES["silver/policy_path"].schema
    return pl.DataFrame(rows, schema=schema, orient="row")


def _stance(rng: np.random.Generator, days: list[date]) -> np.ndarray:
    """A persistent deviation by day, constant within a month (half of one percent a month, halving in a year)."""
    month = np.array([12 * d.year + d.month for d in days])
    month -= month[0]
    stance = np.zeros(month[-1] + 1)
    for k in range(1, stance.size):
        stance[k] = 0.94 * stance[k - 1] + rng.normal(0, 0.004)
    return stance[month]


@cache
def frames(n: int = N, seed: int = 7) -> Frames:
    """Selic, Focus, IBC-Br, target of the small world; US rates of a rule; a path priced a little above the Selic."""
    w = world(n, seed)
    last = w.keys[-1]
    rng = np.random.default_rng(seed)
    monthly = months(date(2004, 1, 1), last)
    # r* of 1% a year in the United States: fed funds 3.5% around core inflation of 2.1%.
    days = weekdays(date(2004, 1, 1), last)
    wave = 0.006 * np.sin(np.arange(len(days)) / 300.0)
    core = 220.0 * np.cumprod(1.0 + 0.0017 + rng.normal(0, 2e-4, len(monthly)))
    since = weekdays(date(2009, 1, 1), last)
    selic = np.round(0.105 + _stance(rng, since), 4)
    own = ("us_cpi_core", "br_selic_target", "br_cdi_daily")
    parts = [
        w.observations.filter(~pl.col("series_id").is_in(own)),
        observed("br_selic_target", since, selic, 0),
        observed("br_cdi_daily", since, (1.0 + selic - 0.001) ** (1 / 252) - 1.0, 1),
        observed("us_effr", days, 0.031 + wave, 1),
        observed("us_cpi_core", monthly, core, 51),
    ]
    rows = pl.concat(parts).filter(pl.col("session") <= last)
    observations = rows.sort("session", "series_id", "event_date", "knowledge_time")
    bills = pl.DataFrame(
        {
            "session": w.keys,
            "tenor_years": 1.0,
            "par_yield": 0.03,
            "zero_rate": 0.03,
            "forward_rate": 0.03,
            "quality": 1.0,
        }
    ).with_columns(pl.col("session").dt.offset_by("-1d").alias("curve_date"))
    ust = bills.select(pl.col(c).cast(t) for c, t in TABLES["silver/ust_curve"].schema.items())
    return Frames(
        w.keys,
        observations,
        priced_path(w.keys, dict(zip(since, selic.tolist(), strict=True))),
        w.panel.table("silver/di_curve"),
        ust,
    )


@cache
def told(n: int = N, seed: int = 7) -> Told:
    """The agent on the last sessions of the world, with all history behind it."""
    f = frames(n, seed)
    return run(f, f.keys[-80:])
