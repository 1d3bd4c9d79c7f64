"""From a provider to bronze rows: which days to ask, what to keep, and what to say about the rest.

Belongs here: one ingestion of one source for one window, whatever the provider. Does not belong here: how a provider is
read (connector modules), the comparison of frames (`reconcile`), files of the lake (`store.lake`).

A request that fails becomes a row of `failures` and the rest goes on. A later run asks again from the newest day known
less `reread_days`, or from before the first hole in what is known, so that an answer that was missing is filled in.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Protocol, cast

import polars as pl

from macro_fund.settings import Series, Source
from macro_fund.sources.decode import REJECTED
from macro_fund.sources.http import Http, Parsed, Payload, Request, SourceError
from macro_fund.sources.reconcile import Window, facts, reconcile
from macro_fund.store.table import UTC_TIME, Table
from macro_fund.store.tables import FAILURES, TABLES
from macro_fund.time.publication import knowledge_times
from macro_fund.time.sessions import Sessions
from macro_fund.time.zones import SAO_PAULO

__all__ = ["Connector", "Ingested", "Window", "bronze_key", "ingest"]

# Days between two observations from which something is missing in between, by frequency.
HOLE_DAYS = {"D": 15, "W": 22, "M": 45, "Q": 135, "A": 400, "E": 36_500}
# Event days to look back for the newest that is public: a week's survey and a long holiday.
LOOK_BACK_DAYS = 15
# Days to ask of a series of which the provider has had nothing: two years' values may come at once.
UNKNOWN_DAYS = 800
_STATED = pl.Schema({"stated_time": UTC_TIME, "stated_basis": pl.String()})
_READ = pl.Schema({"fetched_at": UTC_TIME, "payload_sha256": pl.String(), "payload": pl.Int32()})


class Connector(Protocol):
    """A connector module. One that reads a file a day for all its series also says DAILY_FILES = True."""

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


def bronze_key(provider: str) -> str:
    """Key of the bronze table that a provider's rows go to."""
    return f"bronze/{provider}"


def ingest(
    source: Connector,
    series: Sequence[Series],
    window: Window,
    known: pl.DataFrame,
    sessions: Sessions,
    http: Http,
    tell: Callable[[str, int, int], None] | None = None,
    unread: Collection[str] | None = None,
) -> Ingested:
    """What became known in `window` from one source. tell(label, number, of how many) is called before each request.

    unread: series of which some earlier answer failed or was refused; None when any may be. Of any other series neither
    the beginning nor a hole is asked again: the provider has said that there is nothing.

    series: the source's series. known: its bronze rows of the partitions before the first key (empty for the opening
    window). Rows depend on the window's length in fetched_at and payload_sha256 only.
    """
    table = TABLES[bronze_key(source.PROVIDER)]
    policy = http.policy(source.PROVIDER)
    if getattr(source, "DAILY_FILES", False):
        asked = _file_windows(series, window, known, sessions.start)
    else:
        asked = _event_windows(series, window, known, unread)
    wanted = [s for s in series if s.id in asked]
    read = _Read(table, asked)
    if asked:
        requests = source.plan(wanted, asked, policy)
        for number, request in enumerate(requests, start=1):
            if tell is not None:
                tell(request.label, number, len(requests))
            read.ask(source, request, wanted, http)
    rows, refused = read.frames()
    fresh, quarantine = reconcile(
        table, wanted, asked, window, known=known, sessions=sessions, rows=rows, rejected=refused
    )
    out = fresh.with_columns(pl.lit(source.PROVIDER).alias("source")).select(list(table.columns))
    return Ingested(
        out.cast(pl.Schema(table.schema)).sort(table.sort),
        quarantine,
        _failures([*read.failed, *_silent(source.PROVIDER, wanted, asked, known, read)], window, table.key),
    )


def _event_windows(
    series: Sequence[Series], window: Window, known: pl.DataFrame, unread: Collection[str] | None
) -> dict[str, tuple[date, date]]:
    """Event dates to ask for, by series: from where what is known ends to the newest day public at the window's end.

    A series that is never revised is not asked before its next period is public.
    """
    days = known.select("series_id", "event_date").unique().sort("event_date")
    by_series = {str(k[0]): g["event_date"] for k, g in days.group_by("series_id", maintain_order=True)}
    found = {}
    for s in series:
        have = by_series.get(s.id)
        if not s.revised and not _next_is_public(s, have, window.upper):
            continue
        last = _newest_public(s, window.upper)
        first = _resume(s, have, last, doubtful=unread is None or s.id in unread)
        if first <= last:
            found[s.id] = (first, last)
    return found


def _file_windows(
    series: Sequence[Series], window: Window, known: pl.DataFrame, start: date
) -> dict[str, tuple[date, date]]:
    """The same for a provider that publishes one file a day for all its series: what counts is the files' days.

    There is no file before the fund's first session, and none is asked again for a series that its files do not hold.
    """
    pooled = known["event_date"].unique().sort()
    found = {}
    for s in series:
        begin = max(s.start, start)
        first = begin if pooled.is_empty() else max(begin, _before_hole(pooled, s))
        last = _newest_public(s, window.upper)
        if first <= last:
            found[s.id] = (first, last)
    return found


def _next_is_public(series: Series, known: pl.Series | None, upper: datetime) -> bool:
    """Whether the period after the newest known one is public by `upper`, as the series' rule says."""
    if series.ended and known is not None and not known.is_empty() and known[-1] >= series.ended:
        return False
    step = {"W": "1w", "M": "1mo", "Q": "1q", "A": "1y"}.get(series.frequency)
    if step is None or known is None or known.is_empty():
        return True
    following = known[-1:].dt.offset_by(step)
    return cast(datetime, knowledge_times(following, series.publication, series.frequency)[0]) <= upper


def _resume(series: Series, known: pl.Series | None, last: date, *, doubtful: bool) -> date:
    """First event date to ask: reread_days before the newest known, or before the first hole in what is known.

    doubtful: some answer failed, so that a hole, or what lies before the first day known, may be a slice that is
    missing; without a failure it is the provider's own. last: the newest date to ask.
    """
    if known is None or known.is_empty():
        return series.start if doubtful else max(series.start, last - timedelta(days=UNKNOWN_DAYS))
    if not doubtful:
        return max(series.start, cast(date, known[-1]) - timedelta(days=series.reread_days))
    if (known[0] - series.start).days > HOLE_DAYS[series.frequency]:
        return series.start
    return max(series.start, _before_hole(known, series))


def _before_hole(known: pl.Series, series: Series) -> date:
    """reread_days before the newest of the sorted days, or before the last day ahead of the first hole in them."""
    before_hole = known.filter(known.diff(-1).dt.total_days() < -HOLE_DAYS[series.frequency])
    end = before_hole[0] if len(before_hole) else known[-1]
    return cast(date, end) - timedelta(days=series.reread_days)


def _newest_public(series: Series, upper: datetime) -> date:
    """Newest event date that the series' rule makes public by `upper`."""
    today = min(upper.astimezone(SAO_PAULO).date(), series.ended or date.max)
    if series.publication.kind == "years_before":
        return date(today.year + series.publication.n, 12, 31)
    if series.frequency != "D":
        return today
    days = pl.date_range(today - timedelta(days=LOOK_BACK_DAYS), today, eager=True)
    public = days.filter(knowledge_times(days, series.publication, series.frequency) <= upper)
    return cast(date, public.max()) if len(public) else today


class _Read:
    """The answers of one ingestion, as they come in. `asked`: event dates wanted, by series."""

    def __init__(self, table: Table, asked: Mapping[str, tuple[date, date]]) -> None:
        schema = pl.Schema({c: table.schema[c] for c in facts(table)})
        self._facts = list(schema)
        self._asked = asked
        self._rows = [pl.DataFrame(schema=pl.Schema({**schema, **_STATED, **_READ}))]
        self._rejected = [pl.DataFrame(schema=REJECTED)]
        self.failed: list[tuple[str, str, str]] = []
        self.requests: dict[str, Request] = {}

    def ask(self, source: Connector, request: Request, series: Sequence[Series], http: Http) -> None:
        """One request, and the documents that its answer names; a body that cannot be read is asked again within the
        provider's attempts."""
        parsed: list[Parsed] = []

        def check(payload: Payload) -> None:
            parsed.append(source.parse(payload, series))

        reused = http.reused
        try:
            payload = http.fetch(request, check)
            if http.reused > reused and parsed[-1].rejected.height:  # what was refused may have been mended since
                payload = http.fetch(request, check, fresh=True)
        except SourceError as error:
            self.failed.append((", ".join(request.items), f"{request.method} {request.url}", str(error)))
            return
        for item in request.items:
            self.requests.setdefault(item, request)
        self._keep(payload, parsed[-1])
        for series_id, day, following in parsed[-1].follow:
            first, last = self._asked.get(series_id, (date.max, date.min))
            if first <= day <= last:
                self.ask(source, following, series, http)

    def _keep(self, payload: Payload, parsed: Parsed) -> None:
        marks = (
            pl.lit(payload.fetched_at, UTC_TIME).alias("fetched_at"),
            pl.lit(payload.sha256).alias("payload_sha256"),
            pl.lit(len(self._rows), pl.Int32).alias("payload"),
        )
        said = [
            pl.col(name) if name in parsed.rows.columns else pl.lit(None, dtype).alias(name)
            for name, dtype in _STATED.items()
        ]
        self._rows.append(parsed.rows.select(*self._facts, *said, *marks))
        self._rejected.append(parsed.rejected.select(REJECTED.names()))

    def frames(self) -> tuple[pl.DataFrame, pl.DataFrame]:
        """(rows, rejected) of all answers, in the order asked."""
        return pl.concat(self._rows), pl.concat(self._rejected)


def _silent(
    provider: str, series: Sequence[Series], asked: Mapping[str, tuple[date, date]], known: pl.DataFrame, read: _Read
) -> list[tuple[str, str, str]]:
    """Series that were never known and of which every answer held nothing: a wrong code looks like this."""
    rows, rejected = read.frames()
    seen = {*known["series_id"].unique(), *rows["series_id"].unique(), *(i.split(" ")[0] for i in rejected["item"])}
    return [
        (
            s.id,
            f"{read.requests[s.id].method} {read.requests[s.id].url}",
            (
                f"{provider}: no value of {s.id} from {asked[s.id][0]} to {asked[s.id][1]}; "
                f"check its code and start in config/series/{provider}.yaml"
            ),
        )
        for s in series
        if s.id in read.requests and s.id not in seen
    ]


def _failures(failed: Sequence[tuple[str, str, str]], window: Window, asset: str) -> pl.DataFrame:
    """The failures table: each failure once for every session of the window, because each of them lacks the data."""
    rows = [(key, asset, *f) for key in window.session_keys for f in failed]
    return pl.DataFrame(rows, FAILURES.schema, orient="row").sort(FAILURES.sort)
