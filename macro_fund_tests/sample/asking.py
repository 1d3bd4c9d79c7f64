"""Questions to the sample transport, asked and read by the real connectors."""

from __future__ import annotations

import hashlib
from datetime import UTC, date, datetime, timedelta
from functools import cache
from types import ModuleType

import polars as pl

from macro_fund.sample.transport import SampleTransport
from macro_fund.settings import Publication, default_settings
from macro_fund.sources import bcb_focus, bcb_ptax, bcb_sgs, fred, us_treasury, yahoo
from macro_fund.sources.http import Parsed, Payload, Reply, Request, SourceError
from macro_fund.store.tables import TABLES
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
    there = set(rows["series_id"].unique())
    rules: dict[tuple[Publication, str], list[str]] = {}
    for s in default_settings().series:
        if s.id in there:
            rules.setdefault((s.publication, s.frequency), []).append(s.id)
    parts = [rows.clear().with_columns(knowledge_time=pl.lit(None, pl.Datetime("us", "UTC")))]
    for (rule, frequency), ids in rules.items():
        own = rows.filter(pl.col("series_id").is_in(ids))
        parts.append(own.with_columns(knowledge_time=knowledge_times(own["event_date"], rule, frequency)))
    return pl.concat(parts).unique(["series_id", "event_date"]).sort("series_id", "event_date")


def newest(transport: SampleTransport, connector: ModuleType, now: datetime) -> pl.DataFrame:
    """Rows of a source's series that are not stale at `now`, documents behind its lists included; `value` is the main
    one. What the provider refuses, such as a file that is not out yet, is left out."""
    series, table = default_settings().series_of(connector.PROVIDER), TABLES[f"bronze/{connector.PROVIDER}"]
    ends = {s.id: min(s.ended or date.max, now.date()) for s in series}
    windows = {s.id: (max(s.start, ends[s.id] - timedelta(days=s.max_age_days)), ends[s.id]) for s in series}
    todo = list(connector.plan(series, windows, default_settings().sources[connector.PROVIDER]))
    parts = []
    while todo:
        request = todo.pop()
        reply = transport.send(request, 30.0)
        try:
            parsed = connector.parse(Payload(request, reply.status, reply.body, now, ""), series)
        except SourceError:
            continue
        parts.append(parsed.rows.select("series_id", "event_date", pl.col(table.values[0]).alias("value")))
        todo += [further for one, day, further in parsed.follow if windows[one][0] <= day <= windows[one][1]]
    rows = pl.concat(parts)
    limits = pl.DataFrame([(i, *w) for i, w in windows.items()], ["series_id", "first", "last"], orient="row")
    return rows.join(limits, on="series_id").filter(pl.col("event_date").is_between("first", "last"))


@cache
def history(connector: ModuleType) -> pl.DataFrame:
    """Everything that a connector reads from 2004 to 2030 when nothing is hidden, with knowledge_time."""
    parsed = read(SampleTransport(SEED), connector, date(2004, 1, 1), date(2030, 12, 31))
    assert parsed.rejected.is_empty()
    return with_times(parsed.rows)
