"""From a provider to bronze rows: which days to ask, what to keep, and what to say about the rest.

Belongs here: one ingestion of one source for one window, whatever the provider. Does not belong here: how a provider is
read (connector modules), the comparison of frames (`reconcile`), files of the lake (`store.lake`).

A request that fails becomes a row of `failures` and the rest goes on. A later run asks again from the newest day known
less `reread_days`, or from before the first hole in what is known, so that an answer that was missing is filled in.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from typing import Protocol, cast
from zoneinfo import ZoneInfo

import polars as pl

from macro_fund.settings import Publication, Series, Source
from macro_fund.sources.decode import REJECTED
from macro_fund.sources.http import Http, Parsed, Payload, Request, SourceError
from macro_fund.sources.reconcile import Shape, Stream, Window, reconcile
from macro_fund.store.tables import FAILURES, TABLES, UTC_TIME
from macro_fund.time.publication import knowledge_times
from macro_fund.time.sessions import Sessions

__all__ = ["SETTLEMENTS", "Connector", "Ingested", "Window", "bronze_key", "ingest"]

ZONE = ZoneInfo("America/Sao_Paulo")
# Days between two observations from which something is missing in between, by frequency.
HOLE_DAYS = {"D": 15, "W": 22, "M": 45, "Q": 135, "A": 400}
# Event days to look back for the newest that is public: a week's survey and a long holiday.
LOOK_BACK_DAYS = 15


class Connector(Protocol):
    """A connector module."""

    PROVIDER: str

    def plan(
        self, series: Sequence[Series], windows: Mapping[str, tuple[date, date]], policy: Source
    ) -> list[Request]: ...

    def parse(self, payload: Payload, series: Sequence[Series]) -> Parsed: ...


@dataclass(frozen=True)
class Ingested:
    """What one ingestion gives: rows of the bronze table, and the tables of what was refused and what failed."""

    rows: pl.DataFrame
    quarantine: pl.DataFrame
    failures: pl.DataFrame


_B3_EVENING = Publication(kind="same_day", at=time(20), calendar="b3", basis="lag")


@dataclass(frozen=True)
class Settlements:
    """B3's settlements as one stream: all contracts of a session are public that evening. Ranges are its parser's."""

    id: str = "b3"
    frequency: str = "D"
    start: date = date(2010, 1, 4)
    publication: Publication = _B3_EVENING
    revised: bool = False
    reread_days: int = 5
    low: float = float("-inf")
    high: float = float("inf")


SETTLEMENTS = Settlements()


def _is_b3(provider: str) -> bool:
    return provider == SETTLEMENTS.id


def bronze_key(provider: str) -> str:
    """Key of the bronze table that a provider's rows go to."""
    return "bronze/b3_settlements" if _is_b3(provider) else f"bronze/{provider}"


def _shape(provider: str) -> Shape:
    table = TABLES[bronze_key(provider)]
    if _is_b3(provider):
        return Shape(table, key="contract", stream=None, unit="root", values=("settle_price", "settle_rate"))
    return Shape(table, key="series_id", stream="series_id", unit="series_id", values=("value",))


def ingest(
    source: Connector, series: Sequence[Series], window: Window, known: pl.DataFrame, sessions: Sessions, http: Http
) -> Ingested:
    """What became known in `window` from one source.

    series: the source's series (ignored for B3). known: its bronze rows of the partitions before the first key (empty
    for the opening window). Rows depend on the window's length in fetched_at and payload_sha256 only.
    """
    shape = _shape(source.PROVIDER)
    # B3 has no file before its session: a fund whose history starts later asks for none before it.
    b3 = replace(SETTLEMENTS, start=max(SETTLEMENTS.start, sessions.start))
    streams: Sequence[Stream] = (b3,) if _is_b3(source.PROVIDER) else series
    asked = _event_windows(shape, streams, window, known)
    wanted = [s for s in series if s.id in asked]
    read = _Read(shape)
    if asked:
        for request in source.plan(wanted, asked, http.policy(source.PROVIDER)):
            read.ask(source, request, wanted, http)
    rows, refused = read.frames()
    silent = _silent(source.PROVIDER, streams, asked, known, read)
    fresh, quarantine = reconcile(
        shape, streams, asked, window, known=known, table=sessions, rows=rows, rejected=refused
    )
    out = fresh.with_columns(pl.lit(source.PROVIDER).alias("source")).select(list(shape.table.columns))
    return Ingested(
        out.cast(pl.Schema(shape.table.schema)).sort(shape.table.sort),
        quarantine,
        _failures([*read.failed, *silent], window, shape.table.key),
    )


def _event_windows(
    shape: Shape, streams: Sequence[Stream], window: Window, known: pl.DataFrame
) -> dict[str, tuple[date, date]]:
    """Event dates to ask for, by stream: from where what is known ends to the newest day public at the window's end."""
    stream = pl.col(shape.stream) if shape.stream else pl.lit(streams[0].id)
    days = known.select(stream.alias("stream"), "event_date").unique().sort("event_date")
    by_stream = {str(k[0]): g["event_date"] for k, g in days.group_by("stream", maintain_order=True)}
    found = {}
    for s in streams:
        first, last = _resume(s, by_stream.get(s.id)), _newest_public(s, window.upper)
        if first <= last:
            found[s.id] = (first, last)
    return found


def _resume(stream: Stream, known: pl.Series | None) -> date:
    """First event date to ask: reread_days before the newest known, or before the first hole in what is known.

    A hole may be a slice of the history that failed. One that the provider has too costs a longer question, no more.
    """
    hole = HOLE_DAYS[stream.frequency]
    if known is None or known.is_empty() or (known[0] - stream.start).days > hole:
        return stream.start
    before_hole = known.filter(known.diff(-1).dt.total_days() < -hole)
    end = before_hole[0] if len(before_hole) else known[-1]
    return max(stream.start, cast(date, end) - timedelta(days=stream.reread_days))


def _newest_public(stream: Stream, upper: datetime) -> date:
    """Newest event date that the stream's rule makes public by `upper`."""
    today = upper.astimezone(ZONE).date()
    if stream.publication.kind == "years_before":
        return date(today.year + stream.publication.n, 12, 31)
    if stream.frequency != "D":
        return today
    days = pl.date_range(today - timedelta(days=LOOK_BACK_DAYS), today, eager=True)
    public = days.filter(knowledge_times(days, stream.publication, stream.frequency) <= upper)
    return cast(date, public.max()) if len(public) else today


class _Read:
    """The answers of one ingestion, as they come in."""

    def __init__(self, shape: Shape) -> None:
        schema = pl.Schema({c: shape.table.schema[c] for c in shape.facts})
        made = pl.Schema({"fetched_at": UTC_TIME, "payload_sha256": pl.String(), "payload": pl.Int32()})
        self._facts = shape.facts
        self._rows = [pl.DataFrame(schema=pl.Schema({**schema, **made}))]
        self._rejected = [pl.DataFrame(schema=REJECTED)]
        self.failed: list[tuple[str, str, str]] = []
        self.requests: dict[str, Request] = {}

    def ask(self, source: Connector, request: Request, series: Sequence[Series], http: Http) -> None:
        """One request; a body that cannot be read is asked again within the provider's attempts."""
        parsed: list[Parsed] = []

        def check(payload: Payload) -> None:
            parsed.append(source.parse(payload, series))

        try:
            payload = http.fetch(request, check)
        except SourceError as error:
            self.failed.append((", ".join(request.items), f"{request.method} {request.url}", str(error)))
            return
        for item in request.items:
            self.requests.setdefault(item, request)
        marks = (
            pl.lit(payload.fetched_at, UTC_TIME).alias("fetched_at"),
            pl.lit(payload.sha256).alias("payload_sha256"),
            pl.lit(len(self._rows), pl.Int32).alias("payload"),
        )
        self._rows.append(parsed[-1].rows.select(self._facts).with_columns(marks))
        self._rejected.append(parsed[-1].rejected.select(REJECTED.names()))

    def frames(self) -> tuple[pl.DataFrame, pl.DataFrame]:
        """(rows, rejected) of all answers, in the order asked."""
        return pl.concat(self._rows), pl.concat(self._rejected)


def _silent(
    provider: str,
    streams: Sequence[Stream],
    asked: Mapping[str, tuple[date, date]],
    known: pl.DataFrame,
    read: _Read,
) -> list[tuple[str, str, str]]:
    """Series that were never known and of which every answer held nothing: a wrong code looks like this."""
    if _is_b3(provider):
        return []
    rows, rejected = read.frames()
    seen = {*known["series_id"].unique(), *rows["series_id"].unique(), *rejected["item"].unique()}
    return [
        (
            s.id,
            f"{read.requests[s.id].method} {read.requests[s.id].url}",
            (
                f"{provider}: no value of {s.id} from {asked[s.id][0]} to {asked[s.id][1]}; "
                f"check its code and start in config/series/{provider}.yaml"
            ),
        )
        for s in streams
        if s.id in asked and s.id in read.requests and s.id not in seen
    ]


def _failures(failed: Sequence[tuple[str, str, str]], window: Window, asset: str) -> pl.DataFrame:
    """The failures table: each failure once for every session of the window, because each of them lacks the data."""
    rows = [(key, asset, *f) for key in window.session_keys for f in failed]
    return pl.DataFrame(rows, FAILURES.schema, orient="row").sort(FAILURES.sort)
