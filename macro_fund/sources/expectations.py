"""What is expected of a source's rows, as a Great Expectations suite: an auditor apart from the ingestion.

Belongs here: reading the suites of config/expectations and their verdicts. Does not belong here: refusing rows
(reconcile.py): what fails here got past that, and is a defect of ours or of the catalogue.

A suite is common.yaml, a source's own file, and the words of each expectation. The rows come with the columns
`range_low` and `range_high` of their series, so that one expectation speaks for every series of a source.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

import polars as pl
from pydantic import BaseModel, ConfigDict

from macro_fund.settings import CONFIG_DIR, Series, SettingsError, parse_file
from macro_fund.store.table import UTC_TIME, Table

FOLDER = CONFIG_DIR / "expectations"
COMMON = "common"


class Expectation(BaseModel):
    """One expectation: its words for people, the type's name and arguments in Great Expectations."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    words: str
    type: str
    kwargs: dict[str, Any]


@cache
def suite_of(source: str, folder: Path = FOLDER) -> tuple[tuple[Path, Expectation], ...]:
    """Common expectations, then the source's own, each with its file.

    SettingsError names file and line of what is wrong.
    """
    own = folder / f"{source}.yaml"
    files = [folder / f"{COMMON}.yaml", *([own] if own.exists() else [])]
    return tuple((file, e) for file in files for e in parse_file(file, tuple[Expectation, ...]))


def examined(rows: pl.DataFrame, table: Table, series: Sequence[Series]) -> pl.DataFrame:
    """The rows as the suites see them: facts, knowledge, `main` (first value as a number) and the series' range.

    Texts are given by their length. Times are seconds since 1970, so that pandas needs no time zones.
    """
    main = table.values[0]
    ranges = pl.DataFrame(
        [(s.id, s.low, s.high) for s in series],
        {"series_id": pl.String, "range_low": pl.Float64, "range_high": pl.Float64},
        orient="row",
    )
    value = pl.col(main) if table.schema[main].is_numeric() else pl.col("text").str.len_chars()
    times = [pl.col(c).dt.epoch("s").alias(c) for c, t in table.schema.items() if t == UTC_TIME]
    texts = [c for c in ("text",) if c in table.schema]
    key = [pl.col(c).cast(pl.String) for c in (*table.fact, "event_date", "knowledge_time")]
    return (
        rows.with_columns(value.cast(pl.Float64).alias("main"), pl.concat_str(key, separator=" ").alias("fact"), *times)
        .join(ranges, on="series_id", how="left", maintain_order="left")
        .drop("payload_sha256", *texts)
    )


def broken(source: str, frame: Any, sessions: Sequence[date], folder: Path = FOLDER) -> list[tuple[date, str]]:
    """(session, what is wrong) of each expectation that fails on `frame`, the pandas rows of `examined`.

    sessions: of the rows, in their order; each session with rows that fail is told. Empty when all hold. SettingsError
    names the file and the expectation that Great Expectations does not know or cannot evaluate.
    """
    if not len(frame):
        return []
    found: list[tuple[date, str]] = []
    for r in _batch(frame).validate(_suite(source, folder), result_format="COMPLETE").results:
        file, words = (r.expectation_config.meta or {})["said"]
        if why := _raised(r.exception_info):
            raise SettingsError(f"{file}: {words!r} ({r.expectation_config.type}): {why}")
        if not r.success:
            index = [int(i) for i in r.result.get("unexpected_index_list") or []]
            found += [(s, f"{words}: {where}") for s, where in _places(index, frame, sessions)]
    return found


def _places(index: Sequence[int], frame: Any, sessions: Sequence[date]) -> list[tuple[date, str]]:
    """Each session with rows at fault, and which; the newest session when it is the table that is wrong."""
    if not index:
        return [(max(sessions), "not in the table")]
    at: dict[date, list[int]] = {}
    for i in sorted(index):
        at.setdefault(sessions[i], []).append(i)
    return [(s, f"not in {len(rows)} rows, first {frame['fact'].iloc[rows[0]]}") for s, rows in sorted(at.items())]


def _suite(source: str, folder: Path) -> Any:
    """The suite as Great Expectations has it. Each is built here: its own reader leaves out a type it does not know."""
    os.environ.setdefault("GX_ANALYTICS_ENABLED", "false")
    import great_expectations as gx
    from great_expectations.exceptions.exceptions import ExpectationNotFoundError
    from great_expectations.expectations.registry import get_expectation_impl

    built = []
    for file, e in suite_of(source, folder):
        try:
            kind: Any = get_expectation_impl(e.type)
            built.append(kind(**{**e.kwargs, "meta": {"said": (str(file), e.words)}}))
        except (ExpectationNotFoundError, ValueError) as error:
            raise SettingsError(f"{file}: {e.words!r} ({e.type}): {' '.join(str(error).split())}") from None
    return gx.ExpectationSuite(name=source, expectations=built)


def _raised(info: Any) -> str:
    """The message of an expectation that could not be evaluated, '' when it was."""
    if not info:
        return ""
    several = info.values() if isinstance(info, dict) and "raised_exception" not in info else [info]
    return next((str(i["exception_message"]) for i in several if i["raised_exception"]), "")


@cache
def _asset() -> Any:
    import great_expectations as gx

    context: Any = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = {"globally": False}
    asset = context.data_sources.add_pandas("lake").add_dataframe_asset("bronze")
    return asset.add_batch_definition_whole_dataframe("partition")


def _batch(frame: Any) -> Any:
    return _asset().get_batch({"dataframe": frame})
