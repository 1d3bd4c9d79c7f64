"""A source of texts read as the ingestion reads it: lists, then the documents of the window, dated."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from types import ModuleType

import polars as pl

from macro_fund.settings import Series, default_settings
from macro_fund.sources.http import Http, Parsed, Payload, Request, SourceError, Transport
from macro_fund.sources.text import DOCUMENTS
from macro_fund.time.publication import knowledge_times


@dataclass
class Library:
    """What came back: rows with `known`, what was refused, and the messages of what failed."""

    rows: list[pl.DataFrame] = field(default_factory=lambda: [pl.DataFrame(schema=DOCUMENTS)])
    refused: list[tuple[object, ...]] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)

    def documents(self, series: Sequence[Series], upper: datetime | None = None) -> pl.DataFrame:
        """Each document once, with `known`: as stated, else by its series' rule; only those public by `upper`."""
        rows = pl.concat(self.rows).unique(maintain_order=True)
        parts = [rows.clear().with_columns(known=pl.lit(None, pl.Datetime("us", "UTC")))]
        for s in series:
            own = rows.filter(pl.col("series_id") == s.id)
            rule = knowledge_times(own["event_date"], s.publication, s.frequency)
            parts.append(own.with_columns(known=pl.coalesce("stated_time", rule)))
        found = pl.concat(parts).sort("series_id", "event_date", "document")
        return found if upper is None else found.filter(pl.col("known") <= upper)


def read_texts(
    source: ModuleType, transport: Transport, now: datetime, first: date | None = None, attempts: int = 1
) -> Library:
    """Everything of a source for event dates from `first` (default: each series' start) to the day of `now`."""
    series = default_settings().series_of(source.PROVIDER)
    policy = default_settings().sources[source.PROVIDER].model_copy(update={"attempts": attempts, "timeout_s": 5.0})
    http = Http(transport, {source.PROVIDER: policy}, None, lambda: now)
    windows = {s.id: (max(s.start, first or s.start), now.date()) for s in series}
    library = Library()

    def ask(request: Request) -> None:
        parsed: list[Parsed] = []

        def check(payload: Payload) -> None:
            parsed.append(source.parse(payload, series))

        library.asked.append(request.url)
        try:
            http.fetch(request, check)
        except SourceError as error:
            library.failed.append(str(error))
            return
        library.rows.append(parsed[-1].rows)
        library.refused += parsed[-1].rejected.rows()
        for series_id, day, following in parsed[-1].follow:
            if windows[series_id][0] <= day <= windows[series_id][1]:
                ask(following)

    for request in source.plan(series, windows, policy):
        ask(request)
    return library
