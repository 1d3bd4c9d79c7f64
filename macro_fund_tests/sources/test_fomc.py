"""FOMC texts: calendar and historical pages, documents, refusals, and the real texts of the replay server."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from datetime import UTC, date, datetime
from types import ModuleType

import polars as pl
import pytest

from macro_fund.settings import default_settings
from macro_fund.sources import copom, fomc
from macro_fund.sources.fomc_lists import Entry, day_in_words, last_day
from macro_fund.sources.http import Http, Parsed, Payload, ReplayUrlTransport, Request, SourceError
from macro_fund.sources.ingest import Window, ingest
from macro_fund.sources.text import tidy
from macro_fund.store.tables import PROVENANCE, TABLES
from macro_fund.time.publication import knowledge_times
from macro_fund.time.sessions import sessions
from macro_fund_tests.realworld import FOLDER, RealWorld, realworld
from macro_fund_tests.sources.reading import read_texts

__all__ = ["realworld"]

SERIES = default_settings().series_of("fomc")
IDS = tuple(s.id for s in SERIES)
POLICY = default_settings().sources["fomc"]
SITE = "https://www.federalreserve.gov"
TABLE = sessions()
AFTER = datetime(2021, 12, 30, 12, tzinfo=UTC)
PAGE = '<!DOCTYPE html>\n<html lang="en"><head><title>x</title></head><body><div id="article">{}</div></body></html>\n'
ROW = (
    '<div class="row fomc-meeting"><div class="fomc-meeting__month col-xs-5"><strong>{}</strong></div>'
    '<div class="fomc-meeting__date col-xs-4">{}</div><div class="col-lg-2">{}</div>'
    '<div class="col-lg-4 fomc-meeting__minutes">{}</div></div>'
)
STATEMENT_LINK = (
    '<strong>Statement:</strong><br><a href="/monetarypolicy/files/monetary{0}a1.pdf">PDF</a> | '
    '<a href="/newsevents/pressreleases/monetary{0}a.htm">HTML</a><br>'
    '<a href="/newsevents/pressreleases/monetary{0}a1.htm">Implementation Note</a>'
)
MINUTES_LINK = (
    '<strong>Minutes:</strong><br><a href="/monetarypolicy/files/fomcminutes{0}.pdf">PDF</a> | '
    '<a href="/monetarypolicy/fomcminutes{0}.htm">HTML</a><br>(Released {1})'
)
CALENDAR_PAGE = PAGE.format(
    '<div class="panel panel-default"><div class="panel-heading"><h4><a id="1">2021 FOMC Meetings</a></h4></div>'
    + ROW.format(
        "November", "2-3", STATEMENT_LINK.format("20211103"), MINUTES_LINK.format("20211103", "November 24, 2021")
    )
    + ROW.format("December", "14-15*", STATEMENT_LINK.format("20211215"), "")
    + '</div><div class="panel"><div class="panel-heading"><h4><a id="2">2020 FOMC Meetings</a></h4></div>'
    + ROW.format("March", "3 (unscheduled)", STATEMENT_LINK.format("20200303"), "")
    + ROW.format("April", "28-29", STATEMENT_LINK.format("20200429"), MINUTES_LINK.format("20200429", "May 20, 2020"))
    + ROW.format(
        "August",
        "27 (notation vote)",
        '<a href="/newsevents/pressreleases/monetary20200827a.htm">Statement on Longer-Run Goals</a>',
        "",
    )
    + ROW.format("January", "28-29", "", "")
    + "</div>"
)
HISTORICAL_PAGE = PAGE.format(
    '<div class="panel"><div class="panel-heading"><h5>January 21 Conference Call - 2008</h5></div>'
    '<p><a href="/newsevents/press/monetary/20080122b.htm">Statement</a></p>'
    '<p>Minutes: <a href="/monetarypolicy/fomcminutes20080130.htm#call">HTML</a></p></div>'
    '<div class="panel"><h5 class="panel-heading">January 29-30 Meeting - 2008</h5>'
    f'<p><a href="{SITE}/newsevents/pressreleases/monetary20080130a.htm">Statement</a></p>'
    '<p>Minutes (Released Feb. 20, 2008): <br /><a href="/monetarypolicy/fomcminutes20080130.htm">HTML</a></p>'
    '<p><a href="/monetarypolicy/beigebook/beigebook200801.htm">HTML</a></p></div>'
)
BODY = "<p>The Committee decided to keep its target for the federal funds rate.</p><p>Voting for it were: A; B.</p>"
STATEMENT_PAGE = PAGE.format(
    '<div class="heading col-xs-12 col-sm-8 col-md-8"><p class="article__time">{day}</p>'
    '<h3 class="title">Federal Reserve issues FOMC statement</h3><p class="releaseTime">{time}'
    '<ul class="list-unstyled"><li>Share</li></ul></div><div class="col-xs-12 col-sm-4 col-md-4">Related</div>'
    '<div class="col-xs-12 col-sm-8 col-md-8">' + BODY + "<p>In\u00a0sum,\u200b it is hav\u00ading.</p></div>"
)
MINUTES_PAGE = (
    '<html><body><div id="{}"><h3>Minutes of the Federal Open Market Committee</h3>' + BODY * 2 + "{}</div>"
    '<div id="lastUpdate">Last Update: 2030</div></body></html>'
)


def answer(request: Request, body: str | bytes, status: int = 200, at: datetime = AFTER) -> Payload:
    data = body if isinstance(body, bytes) else body.encode()
    return Payload(request, status, data, at, hashlib.sha256(data).hexdigest())


def page(url: str) -> Request:
    return Request("fomc", "GET", url, "FOMC list", IDS)


CALENDAR = page(f"{SITE}/monetarypolicy/fomccalendars.htm")
YEAR_2008 = page(f"{SITE}/monetarypolicy/fomchistorical2008.htm")


def one_of(series_id: str, entry: Entry) -> Request:
    code = "statements" if series_id == "us_fomc_statements" else "minutes"
    path = (
        "newsevents/pressreleases/monetary{:%Y%m%d}a" if code == "statements" else "monetarypolicy/fomcminutes{:%Y%m%d}"
    )
    return Request("fomc", "GET", f"{SITE}/{path.format(entry.named)}.htm", entry.label(code), (series_id,))


def statement(day: str, time: str, entry: Entry | None = None) -> Parsed:
    entry = entry or Entry(date(2021, 12, 15), date(2021, 12, 15), True, None)
    body = STATEMENT_PAGE.replace("{day}", day).replace("{time}", time)
    return fomc.parse(answer(one_of("us_fomc_statements", entry), body), SERIES)


def test_the_calendar_and_each_year_of_the_windows_are_asked() -> None:
    windows = {
        "us_fomc_statements": (date(2020, 12, 1), date(2022, 1, 3)),
        "us_fomc_minutes": (date(2021, 5, 1), date(2022, 1, 3)),
    }
    asked = fomc.plan(SERIES, windows, POLICY)
    years = [f"{SITE}/monetarypolicy/fomchistorical{y}.htm" for y in (2020, 2021, 2022)]
    assert [r.url for r in asked] == [*years, CALENDAR.url]
    assert {r.items for r in asked} == {IDS}
    assert fomc.plan(SERIES, {}, POLICY) == []


def test_the_calendar_names_statements_and_minutes_and_nothing_else() -> None:
    parsed = fomc.parse(answer(CALENDAR, CALENDAR_PAGE), SERIES)
    assert [(i, d, r.url.rsplit("/", 1)[1]) for i, d, r in parsed.follow] == [
        ("us_fomc_statements", date(2021, 11, 3), "monetary20211103a.htm"),
        ("us_fomc_minutes", date(2021, 11, 3), "fomcminutes20211103.htm"),
        ("us_fomc_statements", date(2021, 12, 15), "monetary20211215a.htm"),
        ("us_fomc_statements", date(2020, 3, 3), "monetary20200303a.htm"),
        ("us_fomc_statements", date(2020, 4, 29), "monetary20200429a.htm"),
        ("us_fomc_minutes", date(2020, 4, 29), "fomcminutes20200429.htm"),
    ]
    assert parsed.rejected.is_empty()
    minutes, unscheduled = parsed.follow[1][2], parsed.follow[3][2]
    assert Entry.of(minutes.label) == Entry(date(2021, 11, 3), date(2021, 11, 3), True, date(2021, 11, 24))
    assert Entry.of(unscheduled.label) == Entry(date(2020, 3, 3), date(2020, 3, 3), False, None)
    only = [s for s in SERIES if s.code == "minutes"]
    assert {i for i, _, _ in fomc.parse(answer(CALENDAR, CALENDAR_PAGE), only).follow} == {"us_fomc_minutes"}


def test_a_historical_page_in_its_older_shapes() -> None:
    parsed = fomc.parse(answer(YEAR_2008, HISTORICAL_PAGE), SERIES)
    assert [(d, r.url, Entry.of(r.label)) for _, d, r in parsed.follow] == [
        (
            date(2008, 1, 21),
            f"{SITE}/newsevents/press/monetary/20080122b.htm",
            Entry(date(2008, 1, 21), date(2008, 1, 22), False, None),
        ),
        (
            date(2008, 1, 30),
            f"{SITE}/newsevents/pressreleases/monetary20080130a.htm",
            Entry(date(2008, 1, 30), date(2008, 1, 30), True, None),
        ),
        (
            date(2008, 1, 30),
            f"{SITE}/monetarypolicy/fomcminutes20080130.htm",
            Entry(date(2008, 1, 30), date(2008, 1, 30), True, date(2008, 2, 20)),
        ),
    ]


@pytest.mark.parametrize(
    ("words", "day"),
    [
        ("January 26-27", date(2010, 1, 27)),
        ("Apr/May 30-1", date(2010, 5, 1)),
        ("April/May 30-1 Meeting", date(2010, 5, 1)),
        ("March 17-18* ", date(2010, 3, 18)),
        ("July 31-August 1", date(2010, 8, 1)),
        ("June 30-1", date(2010, 7, 1)),
        ("October 4 (unscheduled)", date(2010, 10, 4)),
        ("May 9 Conference Call", date(2010, 5, 9)),
        ("Smarch 4-5", None),
        ("February 30", None),
        ("to be announced", None),
    ],
)
def test_the_last_day_of_a_meeting(words: str, day: date | None) -> None:
    assert last_day(2010, words) == day


def test_days_in_words() -> None:
    assert day_in_words("Released Sept. 5, 2007") == date(2007, 9, 5)
    assert day_in_words("January 03, 2020") == date(2020, 1, 3)
    assert day_in_words("soon") is None


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        (">2-3<", ">two days<", "the meeting's day is not readable"),
        ("November 24, 2021", "November 24, 2012", "released 2012-11-24, which does not fit the meeting of 2021-11-03"),
        (
            "monetary20211103a.htm",
            "monetary20211003a.htm",
            "listed under the meeting of 2021-11-03, but its address says 2021-10-03",
        ),
        ("monetary20211103a.htm", "monetary20211399a.htm", "no day in the address: 20211399"),
    ],
)
def test_a_link_that_does_not_fit_its_meeting_is_rejected(old: str, new: str, reason: str) -> None:
    parsed = fomc.parse(answer(CALENDAR, CALENDAR_PAGE.replace(old, new)), SERIES)
    assert reason in set(parsed.rejected["reason"])
    assert 3 < len(parsed.follow) < 6


def test_a_statement_is_dated_to_the_minute() -> None:
    row = statement("December 15, 2021", "For release at 2:00 p.m. EST").rows.row(0, named=True)
    assert row["stated_time"] == datetime(2021, 12, 15, 19, tzinfo=UTC)
    assert row["stated_basis"] == "calendar"
    assert (row["event_date"], row["document"], row["language"]) == (date(2021, 12, 15), "20211215", "en")
    assert row["title"] == "Federal Reserve issues FOMC statement"
    assert row["text"] == (
        "The Committee decided to keep its target for the federal funds rate.\n"
        "Voting for it were: A; B.\nIn sum, it is having."
    )


SUNDAY = Entry(date(2020, 3, 15), date(2020, 3, 15), False, None)
WEEK_LATER = Entry(date(2019, 10, 4), date(2019, 10, 11), True, None)


@pytest.mark.parametrize(
    ("entry", "day", "time", "stated"),
    [
        (SUNDAY, "March 15, 2020", "For release at 5:00 p.m. EDT", datetime(2020, 3, 15, 21, tzinfo=UTC)),
        (SUNDAY, "March 15, 2020", "For release at 12 p.m. EDT", datetime(2020, 3, 15, 16, tzinfo=UTC)),
        (SUNDAY, "March 15, 2020", "For immediate release", datetime(2020, 3, 16, 3, 59, tzinfo=UTC)),
        (WEEK_LATER, "October 11, 2019", "For immediate release", datetime(2019, 10, 12, 3, 59, tzinfo=UTC)),
        (None, "December 15, 2021", "For immediate release", None),
    ],
)
def test_a_day_without_an_hour_is_never_too_early(
    entry: Entry | None, day: str, time: str, stated: datetime | None
) -> None:
    row = statement(day, time, entry).rows.row(0, named=True)
    assert row["stated_time"] == stated
    assert row["event_date"] == (entry.meeting if entry else date(2021, 12, 15))


@pytest.mark.parametrize("box", ["article", "leftText"])
def test_minutes_are_known_when_the_list_or_the_page_says(box: str) -> None:
    listed = Entry(date(2019, 12, 11), date(2019, 12, 11), True, date(2020, 1, 3))
    silent = Entry(date(2019, 12, 11), date(2019, 12, 11), True, None)
    for entry, extra, stated in (
        (listed, "", datetime(2020, 1, 3, 19, tzinfo=UTC)),
        (silent, "<p>(Released January 3, 2020)</p>", datetime(2020, 1, 3, 19, tzinfo=UTC)),
        (silent, "", None),
    ):
        body = MINUTES_PAGE.format(box, extra)
        row = fomc.parse(answer(one_of("us_fomc_minutes", entry), body), SERIES).rows.row(0, named=True)
        assert row["stated_time"] == stated
        assert row["text"].startswith("Minutes of the Federal Open Market Committee\nThe Committee decided")
        assert "Last Update" not in row["text"]


def test_another_day_than_the_address_says_is_refused() -> None:
    with pytest.raises(SourceError, match="release day 'December 14, 2021', its address says 2021-12-15"):
        statement("December 14, 2021", "For release at 2:00 p.m. EST")


GONE = "<!DOCTYPE html><html><body><h1>404</h1></body></html>"


def test_a_page_that_is_not_there_is_a_failure_only_when_due() -> None:
    request = one_of("us_fomc_statements", Entry(date(2021, 12, 15), date(2021, 12, 15), True, None))
    early = datetime(2021, 12, 15, 19, 14, tzinfo=UTC)
    parsed = fomc.parse(answer(request, GONE, 404, early), SERIES)
    assert parsed.rows.is_empty()
    assert parsed.rejected.is_empty()
    with pytest.raises(SourceError, match="no page of the meeting of 2021-12-15, though it is due"):
        fomc.parse(answer(request, GONE, 404), SERIES)


def test_only_the_years_of_the_calendar_page_may_have_no_page_of_their_own() -> None:
    for year in (2015, 2021):
        recent = page(f"{SITE}/monetarypolicy/fomchistorical{year}.htm")
        assert fomc.parse(answer(recent, GONE, 404), SERIES).follow == ()
    with pytest.raises(SourceError, match=r"refused by the provider \(status 404"):
        fomc.parse(answer(page(f"{SITE}/monetarypolicy/fomchistorical2014.htm"), GONE, 404), SERIES)


@pytest.mark.parametrize(
    ("request_", "body", "status", "message", "transient"),
    [
        ("list", "", 200, "empty answer", True),
        ("list", CALENDAR_PAGE[: len(CALENDAR_PAGE) // 2], 200, "cut page", True),
        ("list", PAGE.format("<p>Sorry</p>"), 200, "no meetings of 2021 on the page", True),
        ("list", CALENDAR_PAGE.replace("a.htm", "a.html"), 200, "6 meetings and no statement linked", False),
        ("list", "<html>no</html>", 403, "refused by the provider .status 403", False),
        ("year", CALENDAR_PAGE, 200, "no meetings of 2008 on the page", True),
        ("document", "", 200, "empty answer", True),
        ("document", STATEMENT_PAGE[:400], 200, "cut page", True),
        ("document", PAGE.format("").replace("article", "main"), 200, "no part of the page is called article", True),
        ("document", STATEMENT_PAGE.replace("article__time", "time"), 200, "release day 'missing'", False),
        (
            "document",
            STATEMENT_PAGE.replace("{day}", "December 15, 2021").replace(BODY, ""),
            200,
            "hardly any text on the page",
            True,
        ),
        ("document", "<html>no</html>", 403, "refused by the provider .status 403", False),
    ],
)
def test_what_is_not_the_page_is_refused(request_: str, body: str, status: int, message: str, transient: bool) -> None:
    entry = Entry(date(2021, 12, 15), date(2021, 12, 15), True, None)
    asked = {"list": CALENDAR, "year": YEAR_2008, "document": one_of("us_fomc_statements", entry)}[request_]
    with pytest.raises(SourceError, match=message) as caught:
        fomc.parse(answer(asked, body, status), SERIES)
    assert caught.value.transient is transient


def test_a_list_must_be_one_of_the_year_asked() -> None:
    with pytest.raises(SourceError, match="no meetings of 2022 on the page"):
        fomc.parse(answer(CALENDAR, CALENDAR_PAGE, at=datetime(2022, 2, 1, tzinfo=UTC)), SERIES)


# The hours at which the Federal Reserve released its unscheduled statements, New York.
UNUSUAL = {
    date(2010, 5, 9): "2010-05-10T01:30",
    date(2019, 10, 4): "2019-10-11T15:00",
    date(2020, 3, 3): "2020-03-03T15:00",
    date(2020, 3, 15): "2020-03-15T21:00",
    date(2020, 3, 23): "2020-03-23T12:00",
}


@pytest.fixture(scope="module")
def stored() -> pl.DataFrame:
    """Documents of the replay server with `known`, when it shows them."""
    path = FOLDER / "data" / "us_fomc_docs.parquet"
    if not path.is_file():
        pytest.skip(f"no stored texts at {path}")
    docs = pl.read_parquet(path).filter(pl.col("date") >= date(2008, 4, 1)).sort("type", "date")
    minute = pl.when((pl.col("type") == "Statement") & (pl.col("date") < date(2013, 3, 1))).then(15).otherwise(0)
    usual = pl.col("release").dt.combine(pl.time(14, minute)).dt.replace_time_zone("America/New_York")
    unusual = pl.col("date").replace_strict(
        list(UNUSUAL), [datetime.fromisoformat(t).replace(tzinfo=UTC) for t in UNUSUAL.values()], default=None
    )
    odd = pl.when(pl.col("type") == "Statement").then(unusual)
    return docs.with_columns(known=pl.coalesce(odd, usual.dt.convert_time_zone("UTC")))


def test_the_rule_of_minutes_is_never_earlier_than_a_release(stored: pl.DataFrame) -> None:
    minutes = stored.filter(pl.col("type") == "Minutes")
    rule = next(s for s in SERIES if s.code == "minutes").publication
    assert minutes.height > 20
    assert (knowledge_times(minutes["date"], rule, "E") >= minutes["known"]).all()


@pytest.mark.parametrize("now", ["2015-09-10T11:55", "2018-05-21T11:55", "2021-12-30T11:55"])
def test_every_real_text_arrives_whole_and_not_before_its_release(
    realworld: RealWorld, stored: pl.DataFrame, now: str
) -> None:
    moment = datetime.fromisoformat(now).replace(tzinfo=UTC)
    realworld.set_now(moment)
    transport = ReplayUrlTransport(realworld.url)
    try:
        library = read_texts(fomc, transport, moment, date(2008, 4, 1))
    finally:
        transport.close()
    got = library.documents(SERIES)
    wanted = stored.filter(pl.col("known") <= moment)
    assert library.failed == []
    assert library.refused == []
    assert len(set(library.asked)) == len(library.asked)
    assert got["event_date"].to_list() == wanted["date"].to_list()
    assert got["known"].to_list() == wanted["known"].to_list()
    assert got["url"].to_list() == wanted["url"].to_list()
    for row, text, kind, meeting, released in zip(
        got["text"], wanted["text"], wanted["type"], wanted["date"], wanted["release"], strict=True
    ):
        words = [text]
        if kind == "Minutes":
            title = "Minutes of the Federal Open Market Committee"
            words = [f"{title} {meeting:%B} {meeting.day}, {meeting.year}", text]
            words.append(f"(Released {released:%B} {released.day}, {released.year})")
        assert re.sub(r"\s+", " ", row) == re.sub(r"\s+", " ", tidy(" ".join(words)))


def test_unscheduled_statements_are_known_from_their_hour_on(realworld: RealWorld) -> None:
    transport = ReplayUrlTransport(realworld.url)
    try:
        for text, last in (("2020-03-15T20:59", date(2020, 3, 3)), ("2020-03-15T21:00", date(2020, 3, 15))):
            now = datetime.fromisoformat(text).replace(tzinfo=UTC)
            realworld.set_now(now)
            got = read_texts(fomc, transport, now, date(2020, 1, 1)).documents(SERIES)
            assert got.filter(pl.col("series_id") == "us_fomc_statements")["event_date"].max() == last
    finally:
        transport.close()


FAULTS = {
    "html200": "no meetings of|no part of the page",
    "truncated": "cut page",
    "empty": "empty answer",
    "http500": "the provider failed .status 500",
    "http429": "asks to slow down",
}


@pytest.mark.parametrize("kind", FAULTS)
def test_a_provider_that_fails_is_told_and_one_that_recovers_is_not(realworld: RealWorld, kind: str) -> None:
    now, host = datetime(2021, 5, 20, 12, tzinfo=UTC), "www.federalreserve.gov"
    realworld.set_now(now)
    transport = ReplayUrlTransport(realworld.url)
    try:
        for skip in (0, 2):
            realworld.fault(host, kind, 100, after=skip)
            failed = read_texts(fomc, transport, now, date(2021, 3, 1))
            assert failed.documents(SERIES).is_empty()
            assert len(failed.failed) >= 1 + skip
            assert all(re.search(FAULTS[kind], m) for m in failed.failed), failed.failed
            realworld.reset()
            realworld.set_now(now)
        realworld.fault(host, kind, 2)
        library = read_texts(fomc, transport, now, date(2021, 3, 1), attempts=4)
        assert library.failed == []
        assert library.documents(SERIES).height == 4
    finally:
        transport.close()


@pytest.mark.parametrize("source", [pytest.param(m, id=m.PROVIDER) for m in (copom, fomc)])
def test_day_by_day_gives_what_one_window_gives(realworld: RealWorld, source: ModuleType) -> None:
    """Through the ingestion itself, over the unscheduled meetings of March 2020 and two releases of minutes."""
    bronze = TABLES[f"bronze/{source.PROVIDER}"]
    order = ["series_id", "event_date", "document"]

    def run(keys: Sequence[date], known: pl.DataFrame | None) -> pl.DataFrame:
        lower = None if known is None else TABLE.as_of(TABLE.offset(keys[0], -1))
        window = Window(tuple(keys), lower, TABLE.as_of(keys[-1]))
        realworld.set_now(window.upper)
        transport = ReplayUrlTransport(realworld.url)
        http = Http(transport, default_settings().sources, None, lambda: window.upper)
        try:
            series = default_settings().series_of(source.PROVIDER)
            got = ingest(source, series, window, bronze.empty() if known is None else known, TABLE, http)
        finally:
            transport.close()
        assert got.quarantine.is_empty()
        # The server has no statements of the COPOM.
        assert set(got.failures["item"]) <= {"br_copom_statements"}
        return got.rows

    keys = TABLE.keys(date(2020, 3, 12), date(2020, 4, 9))
    whole = run(keys, None)
    known = run(keys[:1], None)
    assert 100 < known.height < whole.height
    for key in keys[1:]:
        known = pl.concat([known, run([key], known)])
    assert not known["late"].any()
    assert known.drop(PROVENANCE).sort(order).equals(whole.drop(PROVENANCE).sort(order))
