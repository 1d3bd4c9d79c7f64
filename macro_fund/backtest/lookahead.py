"""Whether signals know more than they could: the past recomputed without the future, and what revisions are worth.

Belongs here: detection. Does not belong here: a strategy's formula, or the tests of whole assets (they compare funds).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import date

import polars as pl

from macro_fund.strategies.panel import Panel

Signals = Callable[[Panel, list[date]], pl.DataFrame]
COMPARED = ("signal", "z", "direction", "strength", "leg_weight", "sigma_daily", "confidence", "status")


def cut(panel: Panel, session: date) -> Panel:
    """The panel as it was: no row of any table that became known after the session."""
    tables = {k: f.filter(pl.col("session") <= session) for k, f in panel.tables.items()}
    return replace(panel, tables=tables, history=tuple(day for day in panel.history if day <= session))


def leaks(signals: Signals, panel: Panel, sessions: Sequence[date]) -> pl.DataFrame:
    """Rows (session, strategy_id, instrument, column, with_future, without_future) in which the future was used.

    `signals` is computed once on the whole panel and once for each of `sessions` on the panel cut there; a number that
    differs was made with rows that the session could not know. Nothing found is an empty frame.
    """
    whole = signals(panel, panel.grid([max(sessions)])["session"].to_list())
    found = []
    keys = ["session", "strategy_id", "trade", "instrument"]
    for session in sessions:
        known = signals(cut(panel, session), [session])
        both = whole.filter(pl.col("session") == session).join(known, on=keys, how="full", suffix="_cut", coalesce=True)
        for column in COMPARED:
            wrong = both.filter(~pl.col(column).eq_missing(pl.col(f"{column}_cut")))
            found.append(
                wrong.select(
                    *(k for k in keys if k != "trade"),
                    pl.lit(column).alias("column"),
                    pl.col(column).cast(pl.String).alias("with_future"),
                    pl.col(f"{column}_cut").cast(pl.String).alias("without_future"),
                )
            )
    return pl.concat(found).sort("session", "instrument", "column")


def named(found: pl.DataFrame) -> list[str]:
    """The leaks in words, one line a strategy, instrument and column with the first session that shows it."""
    first = found.group_by("strategy_id", "instrument", "column", maintain_order=True).first()
    columns = ("strategy_id", "instrument", "column", "session", "with_future", "without_future")
    return [
        f"{i} {leg}: {c} of {s} is {w} with later rows and {o} without: it reads what was not known"
        for i, leg, c, s, w, o in first.select(columns).rows()
    ]


def with_final_values(as_known: pl.DataFrame, observations: pl.DataFrame) -> pl.DataFrame:
    """silver/as_known with each period's newest vintage in place of the one known then, at the same sessions.

    What a backtest on revised data would have seen; what it earns more than on the data as known is the premium of
    looking ahead.
    """
    final = (
        observations.sort("knowledge_time")
        .group_by("series_id", "event_date", maintain_order=True)
        .agg(pl.col("value").last().alias("final"))
    )
    joined = as_known.join(final, on=["series_id", "event_date"], how="left", maintain_order="left")
    return joined.with_columns(pl.coalesce("final", "value").alias("value")).drop("final")
