"""Ingestion of sources that are not one number a day: vintages, documents behind a list, a file a day, dead series."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from macro_fund.settings import Publication, Series, Source
from macro_fund.sources.decode import REJECTED
from macro_fund.sources.http import Http, Parsed, Payload, Reply, Request
from macro_fund.sources.ingest import Connector, Ingested, Window, ingest
from macro_fund.store.table import UTC_TIME
from macro_fund.store.tables import TABLES
from macro_fund.time.sessions import sessions

TABLE = sessions()
NONE = pl.DataFrame(schema=REJECTED)


def series(source: str, **other: object) -> Series:
    fields = {
        "id": "x_one",
        "source": source,
        "code": "X",
        "title": "X",
        "unit": "index",
        "frequency": "M",
        "start": date(2018, 1, 1),
        "publication": Publication(kind="after_period", n=10, at=time(9)),
        "max_age_days": 90,
        "low": 0.0,
        "high": 1000.0,
        "licence": "none",
    }
    return Series.model_validate({**fields, **other})


def window(key: date, *, opening: bool = False, last: date | None = None) -> Window:
    keys = tuple(TABLE.keys(key, last or key))
    return Window(keys, None if opening else TABLE.as_of(TABLE.offset(key, -1)), TABLE.as_of(keys[-1]))


@dataclass
class Echo:
    """A transport that gives every address back; `asked` keeps them."""

    waits: bool = False
    asked: list[str] = field(default_factory=list)

    def send(self, request: Request, timeout_s: float) -> Reply:
        self.asked.append(request.url)
        return Reply(200, {}, request.url.encode())


def take(source: Connector, one: Series, win: Window, known: pl.DataFrame | None = None) -> tuple[Ingested, list[str]]:
    echo = Echo()
    http = Http(echo, {source.PROVIDER: Source(min_interval_s=0, attempts=1)}, None, lambda: win.upper)
    known = TABLES[f"bronze/{source.PROVIDER}"].empty() if known is None else known
    return ingest(source, [one], win, known, TABLE, http), echo.asked


Vintage = tuple[date, datetime, float]


@dataclass
class Vintages:
    """A provider that states when each value was published. vintages: (period, published, value)."""

    vintages: Sequence[Vintage]
    PROVIDER: str = "fred"

    def plan(self, series: Sequence[Series], windows: Mapping[str, tuple[date, date]], policy: Source) -> list[Request]:
        return [Request(self.PROVIDER, "GET", f"https://host/{s.id}", s.id, (s.id,)) for s in series]

    def parse(self, payload: Payload, series: Sequence[Series]) -> Parsed:
        rows = pl.DataFrame(
            [(series[0].id, d, v, t, "vintage") for d, t, v in self.vintages],
            {
                "series_id": pl.String,
                "event_date": pl.Date,
                "value": pl.Float64,
                "stated_time": UTC_TIME,
                "stated_basis": pl.String,
            },
            orient="row",
        )
        return Parsed(rows, NONE)


def known_at(day: int, hour: int = 12) -> datetime:
    return datetime(2019, 1, 1, hour, tzinfo=UTC) + timedelta(days=day)


PAYROLLS = series("fred", revised=True)
SHOWN = ["event_date", "knowledge_time", "knowledge_basis", "value"]


def test_each_vintage_is_a_row_of_its_own_morning() -> None:
    source = Vintages([(date(2018, 12, 1), known_at(3), 10.0), (date(2018, 12, 1), known_at(31), 11.0)])
    opening, _ = take(source, PAYROLLS, window(date(2019, 1, 8), opening=True))
    assert opening.rows.select(SHOWN).rows() == [(date(2018, 12, 1), known_at(3), "vintage", 10.0)]
    later, _ = take(source, PAYROLLS, window(date(2019, 2, 4)), opening.rows)
    assert later.rows.select(*SHOWN, "late").rows() == [(date(2018, 12, 1), known_at(31), "vintage", 11.0, False)]
    again, _ = take(source, PAYROLLS, window(date(2019, 2, 5)), pl.concat([opening.rows, later.rows]))
    assert again.rows.is_empty()
    assert again.quarantine.is_empty()


def test_a_vintage_that_says_the_same_is_no_revision() -> None:
    months = [
        (date(2018, 12, 1), known_at(d), v) for d, v in ((3, 10.0), (31, 10.0), (59, 12.0), (60, 12.0), (61, 10.0))
    ]
    got, _ = take(Vintages(months), PAYROLLS, window(date(2019, 3, 8), opening=True))
    assert got.rows["value"].to_list() == [10.0, 12.0, 10.0]
    assert got.rows["knowledge_time"].to_list() == [known_at(3), known_at(59), known_at(61)]


def test_two_values_for_one_vintage_are_refused() -> None:
    twice = [(date(2018, 12, 1), known_at(3), 10.0), (date(2018, 12, 1), known_at(3), 11.0)]
    got, _ = take(Vintages(twice), PAYROLLS, window(date(2019, 1, 8), opening=True))
    assert got.rows.is_empty()
    assert set(got.quarantine["reason"]) == {"2 different values for one date"}


def test_a_vintage_that_is_known_stays_as_it_is() -> None:
    one = (date(2018, 12, 1), known_at(3), 10.0)
    known = take(Vintages([one]), PAYROLLS, window(date(2019, 1, 8), opening=True))[0].rows
    again = [one, (date(2018, 12, 1), known_at(3), 11.0), (date(2018, 12, 1), known_at(3), 12.0)]
    assert take(Vintages(again), PAYROLLS, window(date(2019, 1, 9)), known)[0].rows.is_empty()


@given(
    cut=st.sets(st.integers(1, 50), max_size=4),
    drawn=st.lists(st.tuples(st.integers(0, 3), st.integers(0, 70), st.integers(1, 4)), min_size=1, max_size=25),
)
@settings(max_examples=25)
def test_vintages_do_not_depend_on_how_often_we_asked(cut: set[int], drawn: list[tuple[int, int, int]]) -> None:
    stated = {(date(2018, 9 + m, 1), known_at(d)): float(v) for m, d, v in drawn}
    source = Vintages([(d, t, v) for (d, t), v in stated.items()])
    keys = TABLE.keys(date(2019, 1, 2), date(2019, 3, 22))
    edges = [0, *sorted(cut), len(keys)]
    known = TABLES["bronze/fred"].empty()
    for a, b in pairwise(edges):
        win = Window(tuple(keys[a:b]), None if a == 0 else TABLE.as_of(keys[a - 1]), TABLE.as_of(keys[b - 1]))
        known = pl.concat([known, take(source, PAYROLLS, win, known)[0].rows])
    whole, _ = take(source, PAYROLLS, Window(tuple(keys), None, TABLE.as_of(keys[-1])))
    columns = ["session", *SHOWN, "late"]
    assert known.select(columns).sort(columns).equals(whole.rows.select(columns).sort(columns))


@dataclass
class Documents:
    """A list of meetings and a page each; `wording` is the text of every page."""

    meetings: Sequence[date]
    wording: str = "rates were kept"
    PROVIDER: str = "fomc"

    def plan(self, series: Sequence[Series], windows: Mapping[str, tuple[date, date]], policy: Source) -> list[Request]:
        return [Request(self.PROVIDER, "GET", "https://host/list", "list", (series[0].id,))]

    def parse(self, payload: Payload, series: Sequence[Series]) -> Parsed:
        one = series[0].id
        if payload.request.url.endswith("list"):
            links = [
                (one, d, Request(self.PROVIDER, "GET", f"https://host/{d}", str(d), (one,))) for d in self.meetings
            ]
            return Parsed(self._rows(one, []), NONE, tuple(links))
        return Parsed(self._rows(one, [date.fromisoformat(payload.request.url[-10:])]), NONE)

    def _rows(self, one: str, days: Sequence[date]) -> pl.DataFrame:
        columns = ("series_id", "event_date", "document", "title", "language", "url", "text", "text_sha256")
        rows = [
            (one, d, str(d), "Statement", "en", "https://host", self.wording, str(hash(self.wording))) for d in days
        ]
        schema = {c: TABLES["bronze/fomc"].schema[c] for c in columns}
        return pl.DataFrame(rows, schema, orient="row")


STATEMENTS = series(
    "fomc", frequency="E", revised=True, publication=Publication(kind="same_day", at=time(14)), reread_days=30
)


def test_documents_of_the_window_are_followed_and_no_others() -> None:
    source = Documents([date(2017, 12, 13), date(2018, 6, 13), date(2019, 3, 20)])
    got, asked = take(source, STATEMENTS, window(date(2018, 9, 3), opening=True))
    assert got.rows["event_date"].to_list() == [date(2018, 6, 13)]
    assert asked == ["https://host/list", "https://host/2018-06-13"]


def test_a_text_that_changed_is_one_revision() -> None:
    source = Documents([date(2018, 6, 13)])
    known = take(source, STATEMENTS, window(date(2018, 6, 20), opening=True))[0].rows
    same, _ = take(source, STATEMENTS, window(date(2018, 6, 21)), known)
    assert same.rows.is_empty()
    changed = Documents([date(2018, 6, 13)], "rates were raised")
    got, _ = take(changed, STATEMENTS, window(date(2018, 6, 22)), known)
    assert got.rows.select("text", "knowledge_basis").rows() == [("rates were raised", "observed")]
    assert take(changed, STATEMENTS, window(date(2018, 6, 25)), pl.concat([known, got.rows]))[0].rows.is_empty()


@dataclass
class Monthly:
    """One value a month, whatever the window asked."""

    PROVIDER: str = "stn"

    def plan(self, series: Sequence[Series], windows: Mapping[str, tuple[date, date]], policy: Source) -> list[Request]:
        return [
            Request(self.PROVIDER, "GET", f"https://host/{s.id}?{first}..{last}", s.id, (s.id,))
            for s in series
            for first, last in [windows[s.id]]
        ]

    def parse(self, payload: Payload, series: Sequence[Series]) -> Parsed:
        months = pl.date_range(date(2018, 1, 1), date(2019, 12, 1), "1mo", eager=True).rename("event_date")
        rows = months.to_frame().select(
            pl.lit(series[0].id).alias("series_id"), "event_date", pl.lit(5.0).alias("value")
        )
        return Parsed(rows, NONE)


def test_a_series_is_not_asked_before_its_next_period_is_public() -> None:
    plain = series("stn")
    known = take(Monthly(), plain, window(date(2019, 1, 15), opening=True))[0].rows
    assert known["event_date"].max() == date(2018, 12, 1)
    quiet, asked = take(Monthly(), plain, window(date(2019, 2, 8)), known)
    assert (asked, quiet.rows.height, quiet.failures.height) == ([], 0, 0)
    # January is public on Monday 11 February at 09:00, after that morning's 08:55.
    assert take(Monthly(), plain, window(date(2019, 2, 11)), known)[1] == []
    due, asked = take(Monthly(), plain, window(date(2019, 2, 12)), known)
    assert len(asked) == 1
    assert due.rows["event_date"].to_list() == [date(2019, 1, 1)]


def test_a_revised_series_is_asked_every_morning() -> None:
    revised = series("stn", revised=True)
    known = take(Monthly(), revised, window(date(2019, 1, 15), opening=True))[0].rows
    assert len(take(Monthly(), revised, window(date(2019, 1, 16)), known)[1]) == 1


def test_a_discontinued_series_is_read_to_its_end_and_then_left_alone() -> None:
    ended = series("stn", ended=date(2018, 6, 1))
    got, asked = take(Monthly(), ended, window(date(2019, 1, 15), opening=True))
    assert got.rows["event_date"].max() == date(2018, 6, 1)
    assert asked == ["https://host/x_one?2018-01-01..2018-06-01"]
    assert take(Monthly(), ended, window(date(2019, 1, 16)), got.rows)[1] == []


@dataclass
class Files:
    """A file a session with one contract."""

    first: date
    PROVIDER: str = "b3_curves"
    DAILY_FILES: bool = True

    def plan(self, series: Sequence[Series], windows: Mapping[str, tuple[date, date]], policy: Source) -> list[Request]:
        first, last = windows[series[0].id]
        items = tuple(s.id for s in series)
        return [Request(self.PROVIDER, "GET", f"https://host/{d}", str(d), items) for d in TABLE.keys(first, last)]

    def parse(self, payload: Payload, series: Sequence[Series]) -> Parsed:
        day = date.fromisoformat(payload.request.url[-10:])
        rows = [(series[0].id, day, 30, 21, 0.1, True)] if day >= self.first else []
        columns = ("series_id", "event_date", "calendar_days", "business_days", "rate", "fixed_vertex")
        return Parsed(
            pl.DataFrame(rows, {c: TABLES["bronze/b3_curves"].schema[c] for c in columns}, orient="row"), NONE
        )


CURVE = series(
    "b3_curves",
    frequency="D",
    start=date(2018, 1, 2),
    publication=Publication(kind="same_day", at=time(20), calendar="b3"),
    reread_days=2,
)


def test_files_before_the_first_that_holds_something_are_asked_once() -> None:
    files = Files(date(2018, 6, 1))
    got, asked = take(files, CURVE, window(date(2018, 7, 2), opening=True))
    assert len(asked) == len(TABLE.keys(date(2018, 1, 2), date(2018, 6, 29)))
    _, asked = take(files, CURVE, window(date(2018, 7, 3)), got.rows)
    assert asked == [
        "https://host/2018-06-27",
        "https://host/2018-06-28",
        "https://host/2018-06-29",
        "https://host/2018-07-02",
    ]


def test_files_are_asked_again_from_before_a_hole() -> None:
    got, _ = take(Files(date(2018, 1, 2)), CURVE, window(date(2018, 7, 2), opening=True))
    holed = got.rows.filter(~pl.col("event_date").is_between(date(2018, 3, 1), date(2018, 4, 15)))
    late, _ = take(Files(date(2018, 1, 2)), CURVE, window(date(2018, 7, 3)), holed)
    missing = set(TABLE.keys(date(2018, 3, 1), date(2018, 4, 15)))
    assert missing <= set(late.rows["event_date"])
    assert late.rows.filter(pl.col("event_date").is_in(list(missing)))["late"].all()


def test_the_beginning_is_asked_again_only_where_an_answer_failed() -> None:
    revised = series("stn", revised=True, start=date(2004, 1, 1))
    known = take(Monthly(), revised, window(date(2019, 1, 15), opening=True))[0].rows
    assert known["event_date"].min() == date(2018, 1, 1)
    win, echo = window(date(2019, 1, 16)), Echo()
    http = Http(echo, {"stn": Source(min_interval_s=0, attempts=1)}, None, lambda: win.upper)
    for unread in (None, {"x_one"}, set[str]()):
        ingest(Monthly(), [revised], win, known, TABLE, http, unread=unread)
    ingest(Monthly(), [revised], win, TABLES["bronze/stn"].empty(), TABLE, http, unread=set())
    assert [url.rpartition("?")[2][:10] for url in echo.asked] == [
        "2004-01-01",
        "2004-01-01",
        "2018-11-21",
        "2016-11-07",
    ]
