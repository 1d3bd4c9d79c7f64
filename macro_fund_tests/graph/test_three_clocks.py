"""All sources at three clocks: what arrives is what the replay server serves, dated no earlier than it shows it.

`served` reads the server's own data and rules. The server's clock stands at the as_of of the session each time, and a
whole history is asked for as when a fund opens; the connectors of a file a day, with thousands of requests, are asked
for the years of FILES_FROM only.

Three differences are right. Our lags hold some newest periods back for longer than the server's (MOST_HELD), and the
days for which a Selic target is decided but not yet in force. Yahoo's closes adjusted for dividends are refused, one
entry a series. A day without a value, such as '.' of FRED, is no row.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from functools import cache
from types import ModuleType
from typing import Any

import polars as pl
import pytest

from macro_fund.orchestration.bronze import SOURCES
from macro_fund.settings import Series, default_settings
from macro_fund.sources.http import Http, Payload, ReplayUrlTransport, Reply, Request, SourceError
from macro_fund.sources.ingest import Ingested, Window, ingest
from macro_fund.store.table import UTC_TIME
from macro_fund.store.tables import TABLES
from macro_fund.time.calendars import load_calendar
from macro_fund.time.publication import knowledge_times
from macro_fund.time.sessions import Sessions, sessions
from macro_fund_tests import realworld
from macro_fund_tests.graph import served
from macro_fund_tests.realworld import RealWorld

pytestmark = [pytest.mark.graph, pytest.mark.realworld]

# Each clock, and from when the connectors of a file a day are asked there.
FILES_FROM = {
    date(2015, 9, 10): date(2013, 1, 2),
    date(2018, 5, 21): date(2017, 1, 2),
    date(2021, 12, 30): date(2019, 1, 2),
}
MIDDLE = date(2018, 5, 21)
BY_NAME = {s.PROVIDER: s for s in SOURCES}
DAILY_FILES = [name for name, s in BY_NAME.items() if getattr(s, "DAILY_FILES", False)]
# Providers of which the server has nothing: empty, and said so series by series.
NOTHING_SERVED = ("stn", "stn_debt", "ipeadata", "anbima_ettj")
# Without a licensed feed there is nobody to ask.
NOBODY_ASKED = "licensed_prices"
# Slowest first, so that two threads end together.
SLOWEST = ("b3_settlements", "b3_curves", "cftc", "bcb_focus_periods", "anbima_vna", "fred")
# The server shows the target of the days ahead once it is decided; ours counts when it is in force.
IN_FORCE_LATER, NEXT_MEETING = "br_selic_target", timedelta(days=63)
# Our lags are those of the catalogue, which round up: what they hold back longer than the server at one clock.
MOST_HELD, LONGEST_HELD = 12, timedelta(days=21)
# The last instant of the developers' data; beyond it the server's own lists of releases end.
END_OF_DATA = datetime.fromisoformat("2022-01-01T02:59:59+00:00")
PROBED_SERIES = {"tesouro_direto": 1, "cboe": 1, "nyfed": 2, "anbima_bonds": 1}


@dataclass
class Edited:
    """A transport that changes one value in the first answer that has it."""

    inner: ReplayUrlTransport
    pattern: bytes
    waits: bool = field(default=False, init=False)
    edits: int = field(default=0, init=False)

    def send(self, request: Request, timeout_s: float) -> Reply:
        reply = self.inner.send(request, timeout_s)
        if self.edits:
            return reply
        body, self.edits = re.subn(self.pattern, _another, reply.body, count=1, flags=re.S)
        return replace(reply, body=body)


def _another(found: re.Match[bytes]) -> bytes:
    """The text before, and a number one higher in its last digit or a word twice."""
    word = found[2].decode()
    if not re.fullmatch(r"\d+(\.\d+)?", word):
        return found[1] + (word + word).encode()
    decimals = len(word.partition(".")[2])
    return found[1] + f"{float(word) + 10.0**-decimals:.{decimals}f}".encode()


@dataclass(frozen=True)
class Fund:
    """What a fund that opens at a clock asks for, without the graph around it."""

    key: date
    server: RealWorld

    @property
    def window(self) -> Window:
        return Window((self.key,), None, sessions().as_of(self.key))

    def table(self, provider: str) -> Sessions:
        start = FILES_FROM[self.key] if provider in DAILY_FILES else default_settings().fund.history_start
        return Sessions(load_calendar("b3"), start, sessions().end)

    def start(self, s: Series) -> date:
        """The first event date that is asked."""
        files = s.source in DAILY_FILES or s.source == "anbima_bonds"
        return max(s.start, self.table(s.source).start) if files else s.start

    def ask(
        self, provider: str, known: pl.DataFrame | None = None, series: list[Series] | None = None, edit: bytes = b""
    ) -> Ingested:
        inner = ReplayUrlTransport(self.server.url)
        transport = Edited(inner, edit) if edit else inner
        http = Http(transport, default_settings().sources, None, lambda: self.window.upper)
        rows = TABLES[f"bronze/{provider}"].empty() if known is None else known
        asked = series or default_settings().series_of(provider)
        got = ingest(BY_NAME[provider], asked, self.window, rows, self.table(provider), http)
        assert not isinstance(transport, Edited) or transport.edits == 1
        inner.close()
        return got


@pytest.fixture(scope="module")
def server() -> Iterator[RealWorld]:
    if reason := realworld.why_absent():
        pytest.skip(reason)
    process, world = realworld.start()
    yield world
    realworld.stop(process)


@pytest.fixture(scope="module")
def opened(server: RealWorld) -> dict[date, Mapping[str, Ingested]]:
    """What each source gives at each clock, two sources at a time: the server works while a connector reads."""
    names = [*SLOWEST, *(n for n in BY_NAME if n not in SLOWEST)]
    found: dict[date, Mapping[str, Ingested]] = {}
    for key in FILES_FROM:
        fund = Fund(key, server)
        server.set_now(fund.window.upper)
        with ThreadPoolExecutor(2) as pool:
            found[key] = dict(zip(names, pool.map(fund.ask, names), strict=True))
    return found


@cache
def _served(provider: str) -> pl.DataFrame:
    """All that the server has of the catalogue's series, from their start on."""
    series = default_settings().series_of(provider)
    starts = pl.DataFrame([(s.id, s.start) for s in series], ["series_id", "start"], orient="row")
    rows = served.PROVIDERS[provider](series).join(starts, on="series_id")
    return rows.filter(pl.col("event_date") >= pl.col("start")).drop("start")


@cache
def _shown(fund: Fund, provider: str) -> pl.DataFrame:
    """What the server shows at the fund's clock of the days that are asked."""
    rows = _served(provider).filter(pl.col("shown") <= fund.window.upper)
    begin = {s.id: fund.start(s) for s in default_settings().series_of(provider)}
    rows = rows.filter(pl.col("event_date") >= pl.col("series_id").replace_strict(begin, return_dtype=pl.Date))
    return served.kept(rows, fund.window.upper) if provider == "anbima_bonds" else rows


def _fact(provider: str, rows: pl.DataFrame) -> list[str]:
    return [c for c in (*TABLES[f"bronze/{provider}"].fact, "event_date") if c in rows.columns]


def _ours(got: Ingested) -> pl.DataFrame:
    if "text" not in got.rows.columns:
        return got.rows
    return got.rows.with_columns(pl.col("text").map_elements(served.folded, pl.String))


def _rule_times(rows: pl.DataFrame, provider: str) -> pl.DataFrame:
    """rows with `ruled`: when the catalogue's rule makes each public."""
    parts = []
    for s in default_settings().series_of(provider):
        days = rows.filter(pl.col("series_id") == s.id)
        ruled = knowledge_times(days["event_date"], s.publication, s.frequency).alias("ruled")
        parts.append(days.with_columns(ruled))
    return pl.concat(parts)


# ---------------------------------------------------------------- equal to what is served


@pytest.mark.parametrize("key", FILES_FROM, ids=str)
@pytest.mark.parametrize("provider", served.PROVIDERS)
def test_every_row_that_the_server_shows_is_ours_with_its_value_and_nothing_more(
    opened: dict[date, Mapping[str, Ingested]], server: RealWorld, provider: str, key: date
) -> None:
    fund, ours = Fund(key, server), _ours(opened[key][provider])
    shown = _shown(fund, provider)
    fact = _fact(provider, shown)
    assert not ours.select(fact).is_duplicated().any()
    assert ours.join(shown, on=fact, how="anti").is_empty()

    held = _rule_times(shown.join(ours, on=fact, how="anti"), provider)
    assert held.filter(pl.col("ruled") <= fund.window.upper).is_empty()

    columns = [c for c in shown.columns if c not in (*fact, "shown")]
    both = shown.join(ours.select(*fact, *columns), on=fact, suffix=" ours")
    assert both.height == shown.height - held.height
    for c in columns:
        wrong = both.filter(pl.col(c).ne_missing(pl.col(f"{c} ours")))
        assert wrong.is_empty(), (c, wrong.select(*fact, c, f"{c} ours").head(3).rows())


@pytest.mark.parametrize("key", FILES_FROM, ids=str)
def test_what_our_lags_hold_back_is_little_and_not_for_long(
    opened: dict[date, Mapping[str, Ingested]], server: RealWorld, key: date
) -> None:
    fund, held = Fund(key, server), []
    for provider in served.PROVIDERS:
        shown = _shown(fund, provider)
        late = shown.join(_ours(opened[key][provider]), on=_fact(provider, shown), how="anti")
        held += _rule_times(late, provider).select("series_id", "event_date", "shown", "ruled").rows()
    ahead = [h for h in held if h[0] == IN_FORCE_LATER]
    assert [h for h in ahead if not h[2] < fund.window.upper < h[3] <= h[2] + NEXT_MEETING] == []
    others = [h for h in held if h[0] != IN_FORCE_LATER]
    assert len(others) <= MOST_HELD
    assert len({h[0] for h in others}) == len(others)  # the newest period of each
    assert [h for h in others if h[3] - h[2] > LONGEST_HELD] == []


@pytest.mark.parametrize("key", FILES_FROM, ids=str)
def test_a_series_of_which_nothing_is_served_is_said_to_be_missing_and_no_other(
    opened: dict[date, Mapping[str, Ingested]], server: RealWorld, key: date
) -> None:
    got = opened[key]
    assert set(got) == {*served.PROVIDERS, *NOTHING_SERVED, NOBODY_ASKED}
    for provider, found in got.items():
        missing = {i for items in found.failures["item"] for i in items.split(", ")}
        assert not missing & set(found.rows["series_id"]), provider
        if provider in NOTHING_SERVED:
            assert found.rows.is_empty()
            assert missing == {s.id for s in default_settings().series_of(provider) if s.start <= key}
    assert got[NOBODY_ASKED].rows.is_empty()
    assert got[NOBODY_ASKED].failures.is_empty()


@pytest.mark.parametrize("key", FILES_FROM, ids=str)
def test_only_prices_adjusted_for_dividends_are_refused_and_every_day_of_them_is_counted(
    opened: dict[date, Mapping[str, Ingested]], server: RealWorld, key: date
) -> None:
    refused = {(p, i, r) for p, g in opened[key].items() for i, r in g.quarantine.select("item", "raw").rows()}
    us, codes = served.rules("us"), {s.code: s for s in default_settings().series_of("yahoo")}
    metas = {m["ticker"]: m for m in served.table("mkt_yahoo_meta").iter_rows(named=True)}
    bars = served.table("mkt_yahoo_daily").filter(pl.col("ticker").is_in(codes))
    adjusted = bars.filter(pl.col("close").is_null() & pl.col("adjclose").is_not_null())
    counts: dict[str, int] = {}
    for ticker, day in adjusted.select("ticker", "date").iter_rows():
        s = codes[ticker]
        if day >= s.start and us._bar_times(metas[ticker], day)[1] <= Fund(key, server).window.upper:
            counts[s.id] = counts.get(s.id, 0) + 1
    assert counts
    assert refused == {("yahoo", i, f"{n} closes are null") for i, n in counts.items()}


# ---------------------------------------------------------------- dated no earlier than it is shown


@pytest.mark.parametrize("provider", served.PROVIDERS)
def test_no_row_is_known_before_the_server_shows_it(opened: dict[date, Mapping[str, Ingested]], provider: str) -> None:
    for key, got in opened.items():
        ours, shown = _ours(got[provider]), _served(provider)
        fact = _fact(provider, shown)
        early = ours.join(shown, on=fact).filter(pl.col("knowledge_time") < pl.col("shown"))
        assert early.is_empty(), (key, early.select(*fact, "knowledge_time", "shown").head(3).rows())


@pytest.mark.parametrize("provider", [p for p in served.PROVIDERS if p != "fomc"])
def test_no_rule_makes_anything_that_is_served_public_before_the_server_does(provider: str) -> None:
    """Also of the days between the clocks. The FOMC's pages state their own release."""
    if reason := realworld.why_absent():
        pytest.skip(reason)
    days = _served(provider).select("series_id", "event_date", "shown").unique()
    ruled = _rule_times(days.filter(pl.col("shown") <= END_OF_DATA), provider)
    early = ruled.filter(pl.col("ruled") < pl.col("shown"))
    assert early.is_empty(), early.head(3).rows()


@pytest.mark.parametrize("provider", served.PROVIDERS)
def test_the_server_shows_rows_from_its_own_time_on_and_has_them_when_we_call_them_known(
    opened: dict[date, Mapping[str, Ingested]], server: RealWorld, provider: str
) -> None:
    """Three rows a series, asked for one by one: not there a minute before `served` says, there at our own time."""
    ours = pl.concat([_ours(got[provider]) for got in opened.values()])
    fact = _fact(provider, _served(provider))
    known = ours.join(_served(provider).select(*fact, "shown"), on=fact)
    asked = 0
    for row in _sample(known.unique(fact, maintain_order=True), PROBED_SERIES.get(provider, 3)):
        one = next(s for s in default_settings().series_of(provider) if s.id == row["series_id"])
        wanted = {c: row[c] for c in fact}
        assert wanted not in _seen(server, BY_NAME[provider], one, fact, row, row["shown"] - timedelta(minutes=1))
        assert wanted in _seen(server, BY_NAME[provider], one, fact, row, row["knowledge_time"])
        asked += 1
    assert asked >= 3


def _sample(rows: pl.DataFrame, series: int) -> list[dict[str, Any]]:
    """Three rows, early, in the middle and late, of some series spread over the catalogue."""
    ids = rows["series_id"].unique().sort()
    found = []
    for i in ids.gather_every(max(1, len(ids) // series)).to_list()[:series]:
        mine = rows.filter(pl.col("series_id") == i).sort("event_date")
        found += [mine.row(n, named=True) for n in sorted({0, mine.height // 2, mine.height - 1})]
    return found


def _seen(
    server: RealWorld, source: ModuleType, one: Series, fact: list[str], row: dict[str, Any], moment: datetime
) -> list[dict[str, Any]]:
    """The facts that an answer for the row's day holds at `moment`, whatever our rules say."""
    server.set_now(moment)
    day, transport = row["event_date"], ReplayUrlTransport(server.url)
    policy = Http(transport, default_settings().sources, None, lambda: moment).policy(source.PROVIDER)
    requests, facts = list(source.plan([one], {one.id: (day, day)}, policy)), []
    for request in requests:
        reply = transport.send(request, 30.0)
        try:
            parsed = source.parse(Payload(request, reply.status, reply.body, moment, ""), [one])
        except SourceError:
            continue
        requests += [following for _, about, following in parsed.follow if about == day]
        facts += parsed.rows.select(fact).rows(named=True)
    transport.close()
    return facts


# ---------------------------------------------------------------- asked again


def test_a_second_fetch_adds_no_row(opened: dict[date, Mapping[str, Ingested]], server: RealWorld) -> None:
    fund = Fund(MIDDLE, server)
    server.set_now(fund.window.upper)
    for provider, got in opened[MIDDLE].items():
        again = fund.ask(provider, got.rows)
        assert again.rows.is_empty(), provider
        assert again.quarantine.height == got.quarantine.height, provider


@pytest.mark.parametrize(
    ("provider", "series_id", "day", "pattern"),
    [
        ("bcb_sgs", "br_ibc_br_sa", date(2018, 3, 1), rb'("01/03/2018","valor":")([\d.]+)'),
        ("ibge", "br_pnad_unemployment", date(2018, 3, 1), rb'("201803":")([\d.]+)'),
        ("fred", "us_fed_assets", date(2018, 5, 16), rb"(\n2018-05-16,)([\d.]+)"),
        ("nyfed", "us_effr", date(2018, 5, 17), rb'("2018-05-17","type":"EFFR","percentRate":)([\d.]+)'),
        ("cftc", "us_cot_tff_brl", date(2018, 5, 15), rb'(2018-05-15T.*?"lev_money_positions_long":")(\d+)'),
        ("copom", "br_copom_minutes", date(2018, 3, 21), rb'(class=\\"paragrafo\\">)(\w+)'),
        ("fomc", "us_fomc_statements", date(2018, 5, 2), rb"(May 2, 2018</p>.*?<p>)(\w+)"),
    ],
)
def test_one_changed_value_of_a_revised_series_is_one_row_more_dated_by_when_we_saw_it(
    opened: dict[date, Mapping[str, Ingested]],
    server: RealWorld,
    provider: str,
    series_id: str,
    day: date,
    pattern: bytes,
) -> None:
    fund, before = Fund(MIDDLE, server), opened[MIDDLE][provider].rows
    server.set_now(fund.window.upper)
    one = [s for s in default_settings().series_of(provider) if s.id == series_id]
    changed = fund.ask(provider, before, one, pattern)
    assert changed.rows.select("series_id", "event_date", "knowledge_basis").rows() == [(series_id, day, "observed")]
    assert changed.rows["knowledge_time"].to_list() == [fund.window.upper]
    assert changed.rows.schema["knowledge_time"] == UTC_TIME
    value = TABLES[f"bronze/{provider}"].values[0]
    fact = [*TABLES[f"bronze/{provider}"].fact, "event_date"]
    both = changed.rows.join(before, on=fact, suffix=" before")
    assert (both[value] != both[f"{value} before"]).all()
    assert changed.quarantine.is_empty()
