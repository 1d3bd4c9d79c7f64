"""What the lake holds of each series: from when to when, how many rows, how they are dated, what is missing.

Belongs here: the table. Does not belong here: reading the lake (orchestration/, the command line) or its layout.
"""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from macro_fund.settings import Series

BASES = ("vintage", "calendar", "lag", "observed")
# Columns of bronze that the table needs.
COLUMNS = ("series_id", "event_date", "knowledge_basis")
# Days between two neighbours from which a period is missing in between: a week for days (closures last up to five).
_GAP_DAYS = {"D": 7, "W": 10, "M": 31, "Q": 92, "A": 366, "E": 36_500}


def coverage(rows: pl.DataFrame, series: Sequence[Series]) -> pl.DataFrame:
    """source, series_id, frequency, first, last, rows, share of each basis, gaps and the longest gap in days.

    rows: COLUMNS of the series' bronze tables. A series without rows has nulls and 0 rows. gaps: places in its history
    where at least one period is missing (more than a week for daily series, so that holidays do not count).
    """
    catalogue = pl.DataFrame(
        [(s.source, s.id, s.frequency, _GAP_DAYS[s.frequency]) for s in series],
        {"source": pl.String, "series_id": pl.String, "frequency": pl.String, "gap_days": pl.Int64},
        orient="row",
    )
    counted = rows.group_by("series_id", maintain_order=True).agg(
        pl.col("event_date").min().alias("first"),
        pl.col("event_date").max().alias("last"),
        pl.len().alias("rows"),
        *((pl.col("knowledge_basis") == b).mean().alias(b) for b in BASES),
    )
    days = rows.select("series_id", "event_date").unique().sort("series_id", "event_date")
    steps = days.with_columns(step=pl.col("event_date").diff().dt.total_days().over("series_id"))
    holes = (
        steps.join(catalogue.select("series_id", "gap_days"), on="series_id")
        .filter(pl.col("step") > pl.col("gap_days"))
        .group_by("series_id", maintain_order=True)
        .agg(pl.len().alias("gaps"), pl.col("step").max().alias("longest_gap_days"))
    )
    found = catalogue.drop("gap_days").join(counted, on="series_id", how="left").join(holes, on="series_id", how="left")
    return found.with_columns(pl.col("rows").fill_null(0), pl.col("gaps").fill_null(0)).sort("source", "series_id")
