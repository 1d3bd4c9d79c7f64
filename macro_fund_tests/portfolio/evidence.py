"""Evidence for conviction tests: edges, ages, regimes and returns that say nothing unless a test plants something."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date

import numpy as np
import polars as pl

from macro_fund.portfolio.ageing import SCHEMA
from macro_fund.portfolio.aggregate import Evidence, conviction
from macro_fund.portfolio.odds import REGIMES
from macro_fund.store.tables import TABLES
from macro_fund_tests.portfolio.world import settings

BOOK = settings().book


def edges_frame(
    sessions: Sequence[date], strategies: Sequence[str], weight: float | Mapping[str, float | None] = 0.3
) -> pl.DataFrame:
    """portfolio/edges with one weight for all, or by strategy (None: no record)."""
    rows = []
    for day in sessions:
        for name in strategies:
            w = weight.get(name) if isinstance(weight, Mapping) else weight
            reason = f"{name} has no simulated record" if w is None else ""
            rows.append({"session": day, "strategy_id": name, "n_days": 500, "weight": w, "reason": reason})
    table = TABLES["portfolio/edges"]
    status = pl.when(pl.col("weight").is_null()).then(pl.lit("no_view")).otherwise(pl.lit("ok"))
    frame = pl.DataFrame(rows, schema_overrides={"weight": pl.Float64}).with_columns(status.alias("status"))
    blank = [pl.lit(None, dtype=t).alias(n) for n, t in table.schema.items() if n not in frame.columns]
    return frame.with_columns(blank).select(pl.col(n).cast(t) for n, t in table.schema.items()).sort(table.sort)


def regimes_frame(sessions: Sequence[date], probabilities: Sequence[float] = (0.25,) * 4) -> pl.DataFrame:
    """The columns of agents/regime_view that are read: the same probabilities every session."""
    columns = {n: [p] * len(sessions) for n, p in zip(REGIMES, probabilities, strict=True)}
    return pl.DataFrame({"session": list(sessions), "status": ["ok"] * len(sessions), **columns})


def returns_frame(sessions: Sequence[date], gains: Mapping[str, np.ndarray]) -> pl.DataFrame:
    """P&L of holding each instrument's asset, settled on each session and known on the next one."""
    sign = {i.id: i.asset_sign for i in settings().instruments}
    parts = [
        pl.DataFrame(
            {
                "session": list(sessions[1:]),
                "trade_date": list(sessions[:-1]),
                "instrument": [name] * (len(sessions) - 1),
                "pnl_brl": sign[name] * np.asarray(x, dtype=np.float64)[: len(sessions) - 1],
            }
        )
        for name, x in gains.items()
    ]
    schema = {"session": pl.Date, "trade_date": pl.Date, "instrument": pl.String, "pnl_brl": pl.Float64}
    return pl.concat([pl.DataFrame(schema=schema), *parts])


def evidence(signals: pl.DataFrame, sessions: Sequence[date], **changes: pl.DataFrame) -> Evidence:
    """Evidence in which every strategy has the same edge, nothing is late and no outcome is known."""
    strategies = signals["strategy_id"].unique().sort().to_list()
    given = {
        "edges": edges_frame(sessions, strategies),
        "ages": SCHEMA.to_frame(),
        "regimes": regimes_frame(sessions),
        "returns": returns_frame(sessions, {}),
    }
    return Evidence(signals=signals, **(given | changes))


def concluded(signals: pl.DataFrame, sessions: Sequence[date], **changes: pl.DataFrame) -> pl.DataFrame:
    """portfolio/conviction of every session."""
    return conviction(evidence(signals, sessions, **changes), BOOK, sessions, sessions)
