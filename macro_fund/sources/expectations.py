"""What the catalogue promises of a bronze table, as a Great Expectations suite: an auditor apart from the ingestion.

Belongs here: building the suite from config/series and reading its verdict. Does not belong here: refusing rows
(reconcile.py): what fails here got past that, and is a defect of ours.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from datetime import date
from typing import Any

import polars as pl

from macro_fund.settings import Series

BASES = ("vintage", "calendar", "lag", "observed")
KEY = ("session", "series_id", "event_date", "knowledge_time")


def suite_of(series: Sequence[Series]) -> Any:
    """The suite: known series, one row a vintage, a stated basis, values inside each series' plausible range."""
    import great_expectations as gx
    from great_expectations.expectations.row_conditions import Column

    e: Any = gx.expectations
    ranges = [
        e.ExpectColumnValuesToBeBetween(
            column="value",
            min_value=s.low,
            max_value=s.high,
            row_condition=Column("series_id") == s.id,
            meta={"item": s.id},
        )
        for s in series
    ]
    return gx.ExpectationSuite(
        name="catalogue",
        expectations=[
            e.ExpectColumnValuesToBeInSet(column="series_id", value_set=[s.id for s in series]),
            e.ExpectColumnValuesToBeInSet(column="knowledge_basis", value_set=list(BASES)),
            e.ExpectCompoundColumnsToBeUnique(column_list=list(KEY)),
            *ranges,
        ],
    )


def broken_promises(rows: pl.DataFrame, series: Sequence[Series]) -> list[tuple[date, str]]:
    """(session, what is wrong) of each expectation that fails on bronze observation rows; empty when all hold."""
    if rows.is_empty():
        return []
    os.environ.setdefault("GX_ANALYTICS_ENABLED", "false")
    import great_expectations as gx

    context: Any = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = {"globally": False}
    frame = rows.select("series_id", "event_date", "session", "knowledge_time", "knowledge_basis", "value").to_pandas()
    batch = (
        context.data_sources.add_pandas("lake")
        .add_dataframe_asset("bronze")
        .add_batch_definition_whole_dataframe("partition")
        .get_batch({"dataframe": frame})
    )
    result = batch.validate(suite_of(series), result_format="COMPLETE")
    days: list[date] = rows["session"].to_list()
    found: list[tuple[date, str]] = []
    for r in result.results:
        if not r.success:
            where = (r.expectation_config.meta or {}).get("item", "all series")
            bad = r.result.get("partial_unexpected_list", [])[:3]
            index = r.result.get("unexpected_index_list") or []
            session = days[int(index[0])] if index else max(days)
            found.append((session, f"{r.expectation_config.type} of {where}: {bad}"))
    return found
