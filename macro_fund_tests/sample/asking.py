"""Questions to the sample transport, asked and read by the real connectors."""

from __future__ import annotations

import hashlib
from datetime import UTC, date, datetime
from types import ModuleType

import polars as pl

from macro_fund.sample.transport import SampleTransport
from macro_fund.settings import default_settings
from macro_fund.sources import b3_settlements, bcb_focus, bcb_ptax, bcb_sgs, fred, us_treasury, yahoo
from macro_fund.sources.http import Parsed, Payload, Reply, Request
from macro_fund.time.publication import knowledge_times

SEED = 20100104
CONNECTORS: tuple[ModuleType, ...] = (bcb_sgs, bcb_ptax, bcb_focus, fred, us_treasury, yahoo)
END_OF_TIME = datetime(2031, 12, 31, tzinfo=UTC)


def get(transport: SampleTransport, url: str) -> Reply:
    return transport.send(Request("any", "GET", url, "a test's question", ()), 30.0)


def read(
    transport: SampleTransport, connector: ModuleType, start: date, end: date, fetched_at: datetime = END_OF_TIME
) -> Parsed:
    """Everything that a connector reads for its series between two event dates."""
    series = default_settings().series_of(connector.PROVIDER)
    windows = {s.id: (max(s.start, start), end) for s in series if s.start <= end}
    requests = connector.plan(series, windows, default_settings().sources[connector.PROVIDER])
    parts = []
    for request in requests:
        reply = transport.send(request, 30.0)
        payload = Payload(request, reply.status, reply.body, fetched_at, hashlib.sha256(reply.body).hexdigest())
        parts.append(connector.parse(payload, series))
    return Parsed(pl.concat([p.rows for p in parts]), pl.concat([p.rejected for p in parts]))


def with_times(rows: pl.DataFrame) -> pl.DataFrame:
    """Rows with the platform's own knowledge_time, sorted."""
    parts = [rows.clear().with_columns(knowledge_time=pl.lit(None, pl.Datetime("us", "UTC")))]
    for s in default_settings().series:
        own = rows.filter(pl.col("series_id") == s.id)
        times = knowledge_times(own["event_date"], s.publication, s.frequency)
        parts.append(own.with_columns(knowledge_time=times))
    return pl.concat(parts).unique(["series_id", "event_date"]).sort("series_id", "event_date")


def settlements(transport: SampleTransport, day: date) -> Parsed:
    """One B3 session as the connector reads it."""
    request = Request("b3", "GET", b3_settlements.URL.format(day=day), f"B3 {day}", ("DI1", "DOL", "IND"))
    reply = transport.send(request, 30.0)
    return b3_settlements.parse(Payload(request, reply.status, reply.body, END_OF_TIME, ""))
