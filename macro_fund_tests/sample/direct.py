"""One wire module asked without the transport's table of hosts, so that a format is tested by itself."""

from __future__ import annotations

from datetime import UTC, datetime

import polars as pl

from macro_fund.sample.transport import SampleTransport
from macro_fund.sample.wire import Handler, take_apart
from macro_fund.settings import default_settings
from macro_fund.sources.http import Reply, Request
from macro_fund.time.publication import knowledge_times
from macro_fund_tests.sample.asking import SEED


class Direct(SampleTransport):
    """The sample world as one wire module shows it."""

    def __init__(self, handler: Handler, now: datetime | None = None, poison_after: datetime | None = None) -> None:
        super().__init__(SEED, now, poison_after)
        self._handler = handler

    def send(self, request: Request, timeout_s: float) -> Reply:
        return self._handler(self._view, take_apart(request))

    def get(self, url: str) -> Reply:
        return self.send(Request("any", "GET", url, "a test's question", ()), 30.0)


def at(text: str) -> datetime:
    """A moment written with its offset from UTC."""
    return datetime.fromisoformat(text).astimezone(UTC)


def dated(rows: pl.DataFrame, provider: str) -> pl.DataFrame:
    """Rows of one provider's series with the platform's own knowledge_time, sorted."""
    parts = []
    for s in default_settings().series_of(provider):
        own = rows.filter(pl.col("series_id") == s.id)
        parts.append(own.with_columns(knowledge_times(own["event_date"], s.publication, s.frequency)))
    return pl.concat(parts).unique(["series_id", "event_date"]).sort("series_id", "event_date")
