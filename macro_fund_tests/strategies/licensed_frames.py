"""Made quotes of a licensed feed on the sessions of the synthetic world: known the morning after, fresh."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta

import numpy as np
import polars as pl

from macro_fund.store.tables import TABLES
from macro_fund_tests.strategies.frames import World


def quoted(w: World, series: Mapping[str, np.ndarray], *, stale_last: tuple[str, ...] = ()) -> World:
    """The world with daily values of the series in silver/as_known (NaN: no quote), one per session."""
    parts = [w.panel.as_known]
    schema = TABLES["silver/as_known"].schema
    for name, values in series.items():
        days: list[date] = [k - timedelta(days=1) for k in w.keys]
        frame = pl.DataFrame({"session": w.keys, "series_id": name, "event_date": days, "value": values}).with_columns(
            ((pl.col("session") == w.keys[-1]) & pl.lit(name in stale_last)).alias("stale"),
            pl.lit(1).alias("age_days"),
            pl.lit("lag").alias("knowledge_basis"),
            (pl.col("session").cast(pl.Datetime("us", "UTC")) - timedelta(hours=4)).alias("knowledge_time"),
        )
        frame = frame.filter(pl.col("value").is_finite())
        parts.append(
            frame.select(
                (pl.col(c).cast(t) if c in frame.columns else pl.lit(None, t).alias(c)) for c, t in schema.items()
            )
        )
    return w.with_panel(as_known=pl.concat(parts).sort("session", "series_id"))


def cut(w: World, session: date) -> World:
    """What the session knows."""
    return w.with_panel(**{k.split("/")[1]: f.filter(pl.col("session") <= session) for k, f in w.panel.tables.items()})
